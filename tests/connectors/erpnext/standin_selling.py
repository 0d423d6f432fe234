"""Sales orders, invoices and credit notes of the stand-in: ERPNext's own arithmetic and refusals.

Facts, each from erpnext 15: totals – controllers/taxes_and_totals.py (amount = rate × quantity at two decimals, Actual
rows, inclusive rates adjusted by at most five units); the default tax template – accounts_controller.py `set_taxes`;
rows entered twice, negative rates – selling_controller.py; the customer's order number – sales_order.py `validate_po`;
returns – sales_and_purchase_return.py; frozen books – general_ledger.py; sentences – samples of a live site.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from tests.connectors.erpnext.standin_db import Doc, FrappeError, flt, folded, throw
from tests.connectors.erpnext.standin_stock import SI, SO, Shelves


class Selling(Shelves):
    """What happens when a sales document is saved, submitted and cancelled."""

    # -- validate ---------------------------------------------------------------------------------------------------

    def validate(self, doc: Doc) -> None:
        """`validate` of both doctypes."""
        db = self.db
        day_field = "transaction_date" if doc["doctype"] == SO else "posting_date"
        customer = db.get("Customer", doc.get("customer"))
        company = db.get("Company", doc.get("company"))
        if not doc.get("items"):
            raise FrappeError(
                500, "TypeError", "unsupported operand type(s) for *: 'NoneType' and 'float'", module="builtins"
            )
        day = self.date(doc.get(day_field) or db.today())
        doc[day_field] = day.isoformat()
        if doc["doctype"] == SI and not doc.get("set_posting_time"):
            doc["posting_date"] = db.today()
        if not self.options.fiscal_year[0] <= day.year <= self.options.fiscal_year[1]:
            throw(
                f"Date {day:%d-%m-%Y} is not in any active Fiscal Year for <strong>{company['name']}</strong>",
                "FiscalYearError", module="erpnext.accounts.utils",
            )  # fmt: skip
        doc.setdefault("currency", company["default_currency"])
        doc["currency"] = doc["currency"] or company["default_currency"]
        if doc["currency"] == company["default_currency"]:
            doc["conversion_rate"] = 1.0
        elif not doc.get("conversion_rate"):
            doc["conversion_rate"] = self.options.rates.get(doc["currency"])
        if not doc["conversion_rate"]:
            throw(f"Unable to find exchange rate for {doc['currency']} to {company['default_currency']}")
        doc |= {"customer_name": customer["customer_name"], "title": customer["customer_name"]}
        if doc["doctype"] == SO:
            self._validate_order(doc)
        else:
            account = db.link("Account", doc.get("debit_to") or company["default_receivable_account"], "Debit To")
            doc["debit_to"], doc["party_account_currency"] = account["name"], account["account_currency"]
            if account["account_currency"] not in (company["default_currency"], doc["currency"]):
                throw(
                    f"Party Account {account['name']} currency ({account['account_currency']}) and document currency "
                    f"({doc['currency']}) should be same"
                )
        self._items(doc)
        self._default_taxes(doc)
        for row in doc["taxes"]:
            db.link("Account", row.get("account_head"), f"Row #{row['idx']}: Account Head")
        self.totals(doc)
        if doc["doctype"] == SI:
            if doc["grand_total"] < 0 and not doc.get("is_return"):
                throw("Grand Total must be positive")
            if doc.get("is_return"):
                self._validate_return(doc)
        doc["status"] = "Draft"

    def date(self, text: Any) -> dt.date:
        try:
            return dt.date.fromisoformat(str(text))
        except ValueError:
            throw(f"<strong>{text}</strong> is not a valid date string.")
            raise

    def _validate_order(self, doc: Doc) -> None:
        if not doc.get("delivery_date") and not any(row.get("delivery_date") for row in doc["items"]):
            throw("Please enter Delivery Date")
        others = [
            other["name"]
            for other in self.db.table(SO).values()
            if other["docstatus"] < 2 and other["customer"] == doc["customer"] and other["name"] != doc.get("name")
            and doc.get("po_no") and folded(other.get("po_no")) == folded(doc["po_no"])
        ]  # fmt: skip
        if others:
            throw(
                f"Sales Order <strong>{others[0]}</strong> already exists against Customer's Purchase Order "
                f"<strong>{doc['po_no']}</strong>. To allow multiple Sales Orders, Enable <strong>'Allow "
                "Multiple Sales Orders Against a Customer's Purchase Order'</strong> in "
                '<a href="/app/selling-settings">Selling Settings</a>'
            )
        if doc.get("amended_from") and self.db.get(SO, doc["amended_from"])["docstatus"] != 2:
            throw(f"Cannot amend {doc['amended_from']}: it is not cancelled")

    def _items(self, doc: Doc) -> None:
        seen = []
        for row in doc["items"]:
            label = f"Row #{row['idx']}: Item Code"
            if not row.get("item_code"):
                if doc["doctype"] == SO:
                    throw(f"Error: Value missing for Sales Order: {label}", "MandatoryError")
                if doc.get("update_stock"):
                    throw(f"Item Code required at Row No {row['idx']}")
                if not row.get("item_name") or not row.get("uom"):
                    throw(f"Error: Value missing for Sales Invoice: Row #{row['idx']}", "MandatoryError")
                self.db.link("Account", row.get("income_account"), f"Row #{row['idx']}: Income Account")
                continue
            item = self.db.link("Item", row["item_code"], label)
            if item.get("has_variants") or item.get("disabled"):
                throw(f"Item {row['item_code']} is a template, please select one of its variants")
            row.setdefault("uom", item.get("sales_uom") or item["stock_uom"])
            if row["uom"] != item["stock_uom"] and not row.get("conversion_factor"):
                row["conversion_factor"] = 12.0
            row.setdefault("item_name", item["item_name"])
            row.setdefault("description", item["item_name"])
            row["warehouse"] = row.get("warehouse") or ("Stores - PCI" if item["is_stock_item"] else None)
            if row["warehouse"]:
                self.db.link("Warehouse", row["warehouse"], f"Row #{row['idx']}: Warehouse")
            if not self.options.allow_negative_rates and flt(row.get("rate")) < 0:
                throw(
                    f"For item <strong>{row['item_code']}</strong>, rate must be a positive number. To Allow negative "
                    "rates, enable <strong>Allow Negative rates for Items</strong> in Selling Settings"
                )
            if doc.get("is_return") and flt(row["qty"]) > 0:
                throw(f"For an item {row['item_code']}, quantity must be negative number")
            key = (row["item_code"], row["description"], row["warehouse"], row.get("sales_order") or "")
            if key in seen and not self.options.allow_multiple_items and not doc.get("is_return"):
                throw(
                    f"Item <strong>{row['item_code']}</strong> entered multiple times.<br><br>Please enable Allow "
                    "Item to be Added Multiple Times in a Transaction in Selling Settings to allow same "
                    "item in multiple rows"
                )
            seen.append(key)
            row["income_account"] = row.get("income_account") or "4110.000 - Penjualan - PCI"
            self.db.link("Account", row["income_account"], f"Row #{row['idx']}: Income Account")

    def _default_taxes(self, doc: Doc) -> None:
        if doc["taxes"]:
            return
        for template in self.db.table("Sales Taxes and Charges Template").values():
            if template["is_default"] and template["company"] == doc["company"]:
                doc["taxes_and_charges"] = template["name"]
                rows = [{k: v for k, v in row.items() if k != "name"} for row in template["taxes"]]
                doc["taxes"] = self.db.known(doc["doctype"], {"taxes": rows})["taxes"]

    # -- arithmetic -------------------------------------------------------------------------------------------------

    def totals(self, doc: Doc) -> None:
        """`calculate_taxes_and_totals` for the kinds of charge that exist here."""
        p = self.options.precision
        inclusive = [t for t in doc["taxes"] if t.get("included_in_print_rate")]
        if any(t["charge_type"] == "Actual" for t in inclusive):
            throw("Actual type tax cannot be included in Item rate")
        fraction = sum(flt(t["rate"]) / 100 for t in inclusive)
        for row in doc["items"]:
            row["qty"], row["rate"] = flt(row.get("qty") or 1, 6), flt(row.get("rate"), p)
            price = self._listed(row)
            if flt(row.get("discount_percentage")) == 100:
                row["rate"] = 0.0
            elif not row["rate"] and price:
                row["rate"] = price
            row["amount"] = flt(row["rate"] * row["qty"], p)
            row["net_amount"] = flt(row["amount"] / (1 + fraction), p)
        doc["total"] = flt(sum(r["amount"] for r in doc["items"]), p)
        doc["net_total"] = flt(sum(r["net_amount"] for r in doc["items"]), p)
        running = doc["net_total"]
        for tax in doc["taxes"]:
            if tax["charge_type"] == "Actual":
                tax["tax_amount"] = flt(tax.get("tax_amount"), p)
            elif tax["charge_type"] == "On Net Total":
                tax["tax_amount"] = flt(sum(r["net_amount"] * flt(tax["rate"]) / 100 for r in doc["items"]), p)
            else:
                throw(f"{tax['charge_type']} is not part of the stand-in")
            running = flt(running + tax["tax_amount"], p)
        if inclusive:
            other = sum(t["tax_amount"] for t in doc["taxes"] if not t.get("included_in_print_rate"))
            difference = flt(doc["total"] + other - running, p)
            running += difference if abs(difference) <= 5.0 / 10**p else 0.0
        doc["grand_total"] = flt(running, p)
        rounded = 0.0 if doc.get("disable_rounded_total") else flt(doc["grand_total"], 0)
        doc["rounded_total"] = rounded
        doc["total_taxes_and_charges"] = flt(doc["grand_total"] - doc["net_total"], p)

    def _listed(self, row: Doc) -> float:
        if row.get("price_list_rate") is not None or not row.get("item_code"):
            return flt(row.get("price_list_rate"))
        return flt(self.db.get("Item", row["item_code"]).get("standard_rate"))

    def owed(self, doc: Doc) -> float:
        return float(doc["rounded_total"] or doc["grand_total"])

    def due(self, doc: Doc) -> float:
        """What an invoice comes to in the currency of its receivable account (`calculate_outstanding_amount`)."""
        same = doc["party_account_currency"] == doc["currency"]
        return self.owed(doc) if same else flt(self.owed(doc) * doc["conversion_rate"], 2)

    # -- returns ----------------------------------------------------------------------------------------------------

    def _validate_return(self, doc: Doc) -> None:
        if not doc.get("return_against"):
            return
        invoice = self.db.get(SI, doc["return_against"])
        if invoice["docstatus"] != 1 or invoice["customer"] != doc["customer"]:
            throw(f"{SI} {invoice['name']} is not valid to return")
        stamps = [f"{d['posting_date']} {d.get('posting_time') or '00:00:00'}" for d in (doc, invoice)]
        doc.setdefault("posting_time", self.db.stamp()[11:])
        stamps[0] = f"{doc['posting_date']} {doc['posting_time']}"
        if stamps[0] < stamps[1]:
            throw(f"Posting timestamp must be after {stamps[1]}")
        if doc.get("update_stock") and not invoice.get("update_stock"):
            throw(f"'Update Stock' can not be checked because items are not delivered via {invoice['name']}")
        held = {(row.get("item_code"), row["name"]): row for row in invoice["items"]}
        taken: dict[str, float] = {}
        for other in self.db.table(SI).values():
            if other["docstatus"] == 1 and other.get("return_against") == invoice["name"]:
                for row in other["items"]:
                    key = row.get("sales_invoice_item") or ""
                    taken[key] = taken.get(key, 0.0) + abs(row["qty"])
        returned = False
        for row in doc["items"]:
            if row.get("item_code") and row["qty"] < 0:
                one = held.get((row["item_code"], row.get("sales_invoice_item")))
                if one is None:
                    throw(
                        f"Row # {row['idx']}: Returned Item {row['item_code']} does not exist in {SI} {invoice['name']}"
                    )
                    return
                left = one["qty"] - taken.get(one["name"], 0.0)
                if left <= 0:
                    throw(f"Item {row['item_code']} has already been returned", "StockOverReturnError")
                if -row["qty"] > left:
                    throw(
                        f"Row # {row['idx']}: Cannot return more than {left} for Item {row['item_code']}",
                        "StockOverReturnError",
                    )
                if one["rate"] and row["rate"] > one["rate"]:
                    throw(f"Row # {row['idx']}: Rate cannot be greater than the rate used in {SI} {invoice['name']}")
                returned = True
            elif row.get("item_name"):
                returned = True
        if not returned:
            throw("Atleast one item should be entered with negative quantity in return document")

    # -- submit and cancel ------------------------------------------------------------------------------------------

    def submit(self, doc: Doc) -> None:
        doc["docstatus"] = 1
        if doc["doctype"] == SO:
            doc |= {"status": "To Deliver and Bill", "per_billed": 0.0, "per_delivered": 0.0, "advance_paid": 0.0}
            for row in doc["items"]:
                row |= {"billed_amt": 0.0, "delivered_qty": 0.0}
            self.reserve(doc)
            return
        self.frozen(doc["posting_date"])
        doc.setdefault("posting_time", self.db.stamp()[11:])
        total = flt(self.owed(doc) * doc["conversion_rate"], 2)
        doc["outstanding_amount"] = self.due(doc)
        self._bill(doc, 1)
        self._move(doc, 1)
        self.post(doc, doc["debit_to"], total, party=doc["customer"])
        rate, gap = doc["conversion_rate"], total
        sides = [(row["income_account"], row["net_amount"]) for row in doc["items"]]
        for where, amount in [*sides, *((tax["account_head"], tax["tax_amount"]) for tax in doc["taxes"])]:
            self.post(doc, where, -flt(amount * rate, 2))
            gap = flt(gap - flt(amount * rate, 2), 2)
        self.post(doc, "Round Off - PCI", -gap)
        if doc.get("is_return"):
            against = doc.get("return_against")
            if against and not doc.get("update_outstanding_for_self", 1):
                invoice = self.db.edit(SI, against)
                invoice["outstanding_amount"] = flt(invoice["outstanding_amount"] + self.due(doc), 2)
                doc["outstanding_amount"] = 0.0
                self.status(invoice)
        elif doc.get("allocate_advances_automatically"):
            self._advances(doc)
        self.status(doc)

    def cancel(self, doc: Doc) -> None:
        db = self.db
        if doc["doctype"] == SO:
            billed = [s["name"] for s in db.table(SI).values() if s["docstatus"] == 1 and any(
                row.get("sales_order") == doc["name"] for row in s["items"]
            )]  # fmt: skip
            paid = [p for p in db.table("Payment Entry").values() if p["docstatus"] == 1 and any(
                ref["reference_name"] == doc["name"] for ref in p["references"]
            )]  # fmt: skip
            blocking = billed or ([p["name"] for p in paid] if not self.options.unlink_advance else [])
            if blocking:
                throw(
                    f"Cannot delete or cancel because {SO} {doc['name']} is linked with {blocking[0]}",
                    "LinkExistsError",
                )
            for payment in paid:
                own = db.edit("Payment Entry", payment["name"])
                own["references"] = [r for r in own["references"] if r["reference_name"] != doc["name"]]
            doc |= {"docstatus": 2, "status": "Cancelled"}
            self.reserve(doc)
            return
        self.frozen(doc["posting_date"])
        doc |= {"docstatus": 2, "status": "Cancelled", "outstanding_amount": 0.0}
        self._bill(doc, -1)
        self._move(doc, -1)
        for entry in db.gl:
            if entry["voucher_no"] == doc["name"]:
                entry["is_cancelled"] = 1

    def frozen(self, day: str) -> None:
        """Frozen books and closed periods refuse what makes entries (not orders)."""
        until = self.options.frozen_until
        if until and day <= until:
            last = dt.date.fromisoformat(until)
            throw(f"You are not authorized to add or update entries before {last:%d-%m-%Y}")

    def post(self, doc: Doc, account: str, amount: float, party: str = "", own: float | None = None) -> None:
        """A general ledger entry; `amount` > 0 is debit. `own` is it in the account's currency where that differs."""
        if amount:
            self.db.gl.append(
                {"account": account, "party": party, "amount": amount,
                 "own": amount if own is None else own, "voucher_type": doc["doctype"],
                 "voucher_no": doc["name"], "is_cancelled": 0}
            )  # fmt: skip

    def status(self, doc: Doc) -> None:
        open_ = flt(doc["outstanding_amount"], 2)
        if doc.get("is_return"):
            doc["status"] = "Return"
        elif open_ <= 0:
            returned = any(
                r["docstatus"] == 1 and r.get("return_against") == doc["name"] for r in self.db.table(SI).values()
            )
            doc["status"] = "Credit Note Issued" if returned else "Paid"
        else:
            doc["status"] = "Unpaid" if open_ == self.due(doc) else "Partly Paid"

    def _bill(self, doc: Doc, sign: int) -> None:
        """Bring the order's rows up to date; more than was ordered cannot be billed."""
        for row in doc["items"]:
            if not row.get("so_detail"):
                continue
            order = self.db.edit(SO, row["sales_order"])
            if order["status"] == "Closed" and not doc.get("is_return"):
                throw(f"Sales Order {order['name']} is Closed")
            if order["docstatus"] != 1:
                throw(f"Sales Order {order['name']} is not submitted")
            own = next(r for r in order["items"] if r["name"] == row["so_detail"])
            own["billed_amt"] = flt(own["billed_amt"] + sign * row["amount"], 2)
            if own["billed_amt"] > own["amount"]:
                throw(
                    f"This document is over limit by Amount {own['billed_amt'] - own['amount']} for item "
                    f"{row['item_code']}. Are you making another Sales Invoice against the same Sales Order Item?",
                    "OverAllowanceError",
                )
            if doc.get("update_stock"):
                own["delivered_qty"] = flt(own["delivered_qty"] + sign * row["qty"], 6)
            self._progress(order)
            self.reserve(order)

    def _progress(self, order: Doc) -> None:
        total = sum(r["amount"] for r in order["items"]) or 1
        pieces = sum(r["qty"] for r in order["items"]) or 1
        order["per_billed"] = flt(100 * sum(r["billed_amt"] for r in order["items"]) / total, 2)
        order["per_delivered"] = flt(100 * sum(r["delivered_qty"] for r in order["items"]) / pieces, 2)
        if order["status"] not in ("Closed", "Cancelled"):
            done = (order["per_billed"] >= 100, order["per_delivered"] >= 100)
            names = {(True, True): "Completed", (True, False): "To Deliver", (False, True): "To Bill"}
            order["status"] = names.get(done, "To Deliver and Bill")
