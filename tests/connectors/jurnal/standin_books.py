"""The books behind the stand-in for Jurnal: documents, their arithmetic and their rules.

Facts (S = read in Mekari's swagger 2.0.0, its documentation or its Ruby client; the rest is assumed on the hard side):

* `custom_id` and `transaction_no` are unique; a repeat is 409 with the id of the one that stands (S, Ruby fixture).
* Lines and taxes are not rounded; a line's discount is a percentage (S, totals such as 200000.00016; fixtures).
* Names of contacts are unique (S, SimpliDOTS: a second customer of the same name is not taken).
* An invoice with `selected_po_id` closes the order, and takes its payments over (S, fixture of convert_to_invoice).
* A sales return takes neither custom id nor number: what is sent of them is dropped (S, request schema).
* Closed books: every document of a closed day is refused; the words are made up, they are not documented.
* An order with payments, an invoice with payments or credits cannot be deleted (assumed).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

ZERO = Decimal(0)
Row = dict[str, Any]


class Refused(Exception):
    """An answer that is not 2xx."""

    def __init__(self, status: int, content: Row) -> None:
        super().__init__(str(content))
        self.status = status
        self.content = content


def invalid(field: str, text: str, status: int = 422) -> Refused:
    return Refused(status, {field: [text], "error_full_messages": [f"{field} {text}"]})


def plain(value: Decimal) -> str:
    """As Ruby writes a BigDecimal: "10000.0"."""
    text = format(value.normalize(), "f")
    return text if "." in text else f"{text}.0"


TRANSACTIONS = (
    "sales_orders", "sales_invoices", "receive_payments", "sales_order_payments", "bank_deposits", "bank_withdrawals",
    "credit_memos", "sales_returns", "journal_entries", "purchase_invoices", "applications",
)  # fmt: skip


class Sales:
    """One company: what is created there."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.tables: dict[str, dict[int, Row]] = {name: {} for name in (*TRANSACTIONS, "customers", "products")}
        self.names: dict[tuple[str, str, Any], int] = {}
        self.closed: dt.date | None = None
        self.id = 1000
        self.accounts: dict[int, Row] = {}
        for number, name, category in (
            ("1-10001", "Kas", "Cash & Bank"), ("1-10002", "Rekening Bank", "Cash & Bank"),
            ("1-10003", "Kliring QRIS", "Cash & Bank"), ("1-10099", "Bank Belum Dikenal", "Cash & Bank"),
            ("1-10100", "Piutang Usaha", "Accounts Receivable (A/R)"), ("1-10200", "Persediaan Barang", "Inventory"),
            ("2-20100", "Hutang Usaha", "Accounts Payable (A/P)"),
            ("2-20203", "Pendapatan Diterima Di Muka", "Other Current Liabilities"),
            ("2-20500", "PPN Keluaran", "Other Current Liabilities"), ("4-40000", "Pendapatan", "Income"),
            ("4-40200", "Retur Penjualan", "Income"), ("4-40300", "Pendapatan Jasa", "Income"),
            ("6-60200", "Biaya Kanal", "Expenses"),
        ):  # fmt: skip
            id = self.next()
            self.accounts[id] = {
                "id": id, "name": name, "number": number, "category": category, "is_parent": False, "lock": False,
                "currency_code": "IDR", "balance_amount": 0,
            }  # fmt: skip
        self.taxes: dict[int, Row] = {id: {"id": id, "name": name, "rate": rate} for id, name, rate in
                      ((31, "PPN", "11.0"), (32, "PPN 12%", "12.0"))}  # fmt: skip
        self.warehouses: dict[int, Row] = {
            5: {"id": 5, "name": "Gudang A", "code": "67"},
            6: {"id": 6, "name": "Gudang B", "code": ""},
        }
        self.tags: dict[int, Row] = {24: {"id": 24, "name": "Jakarta"}, 25: {"id": 25, "name": "Bandung"}}
        for code, account in (("SHIPPING", "4-40000"), ("FEE", "4-40000"), ("JASA", "4-40300")):
            self.add_product(code, track=False, account=account)

    def next(self) -> int:
        self.id += 1
        return self.id

    def stamp(self) -> str:
        return dt.datetime.fromtimestamp(self.now(), dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def number(self, text: str) -> Row:
        return next(a for a in self.accounts.values() if a["number"] == text)

    def add_product(self, code: str, quantity: int = 0, *, track: bool = True, account: str = "4-40000") -> Row:
        id = self.next()
        row: Row = {
            "id": id, "name": f"Barang {code}", "product_code": code, "custom_id": None, "track_inventory": track,
            "archive": False, "quantity": Decimal(quantity), "sell_price_per_unit": "0.0", "warehouses": {5: quantity},
            "sell_account": self.number(account), "created_at": self.stamp(), "updated_at": self.stamp(),
            "product_bundles": None,
        }  # fmt: skip
        row["warehouses"] = {5: Decimal(quantity), 6: ZERO}
        self.tables["products"][id] = row
        self.names["products", "code", code] = id
        return row

    def product(self, code: str) -> Row:
        return self.tables["products"][self.names["products", "code", code]]

    # -- what all documents share -----------------------------------------------------------------------------------

    def get(self, table: str, name: str) -> Row:
        """By id first, then by custom id: a custom id that is a number is never found."""
        rows = self.tables[table]
        id = int(name) if name.isdecimal() else self.names.get((table, "custom_id", name), 0)
        row = rows.get(id)
        if row is None or row.get("deleted_at"):
            raise Refused(404, {"message": "Not Found"})
        return row

    def claim(self, table: str, row: Row, *fields: str) -> None:
        """Uniqueness: 409 with the id of the document that stands."""
        texts = {"custom_id": "(Custom id attribute had already been used.)",
                 "transaction_no": "(Transaction number had already been used)"}  # fmt: skip
        taken = {f: self.names[table, f, row[f]] for f in fields if row.get(f) and (table, f, row[f]) in self.names}
        if taken:
            said = {f: texts[f] for f in taken}
            full = [f"{f} {texts[f]}" for f in taken]
            raise Refused(409, {**said, "id": min(taken.values()), "error_full_messages": full})
        for field in fields:
            if row.get(field):
                self.names[table, field, row[field]] = row["id"]

    def begin(self, table: str, body: Row, *, number: bool = True, custom: bool = True) -> Row:
        try:
            date = dt.date.fromisoformat(str(body["transaction_date"]))
        except (KeyError, ValueError):
            raise invalid("transaction_date", "can't be blank") from None
        self.open_day(date)
        id = self.next()
        return {
            "id": id, "transaction_no": str(body["transaction_no"]) if number and body.get("transaction_no") else None,
            "custom_id": body.get("custom_id") if custom else None, "transaction_date": date.strftime("%d/%m/%Y"),
            "memo": body.get("memo") or "", "created_at": self.stamp(), "updated_at": self.stamp(), "deleted_at": None,
            "currency_code": "IDR", "currency_rate": 1, "tags": [{"name": t} for t in body.get("tags") or ()] or None,
            "visible_at": self.now(),
        }  # fmt: skip

    def open_day(self, date: dt.date) -> None:
        if self.closed is not None and date <= self.closed:
            raise invalid("transaction_date", "is before the last Close the Book date")

    def keep(self, table: str, row: Row) -> Row:
        self.claim(table, row, "custom_id", "transaction_no")
        if row["transaction_no"] is None:
            row["transaction_no"] = str(10_000 + len(self.tables[table]))
            self.names[table, "transaction_no", row["transaction_no"]] = row["id"]
        self.tables[table][row["id"]] = row
        return row

    def person(self, body: Row) -> Row:
        row = self.tables["customers"].get(body.get("person_id") or 0)
        if row is None:
            raise invalid("person_id", "is not found")
        return {"id": row["id"], "display_name": row["display_name"], "name": row["display_name"]}

    def cash(self, body: Row, name: str) -> Row:
        found = next((a for a in self.accounts.values() if a["name"] == body.get(f"{name}_name")), None)
        if found is None or found["category"] != "Cash & Bank":
            raise invalid(f"{name}_name", "must be an account of Cash & Bank")
        return {"id": found["id"], "name": found["name"], "number": found["number"]}

    # -- customers --------------------------------------------------------------------------------------------------

    def create_customers(self, body: Row, *, batch: bool = True) -> Row:
        needed = ("display_name", *(("default_ar_account_name", "default_ap_account_name") if batch else ()))
        for field in needed:
            if not body.get(field):
                raise invalid(field, "can't be blank")
        if ("customers", "display_name", body["display_name"]) in self.names:
            known = self.names["customers", "display_name", body["display_name"]]
            if self.tables["customers"][known].get("custom_id") != body.get("custom_id"):
                raise invalid("display_name", "has already been taken")
        row: Row = {
            "id": self.next(), "archive": False, "deleted_at": None, "created_at": self.stamp(),
            "updated_at": self.stamp(), "transaction_no": None, "visible_at": self.now(),
            **{f: body.get(f) for f in ("display_name", "first_name", "email", "phone", "mobile", "custom_id",
                                        "other_detail")},
        }  # fmt: skip
        self.claim("customers", row, "custom_id")
        self.names["customers", "display_name", row["display_name"]] = row["id"]
        self.tables["customers"][row["id"]] = row
        return row

    # -- lines ------------------------------------------------------------------------------------------------------

    def lines(self, body: Row) -> tuple[list[Row], Decimal, Decimal]:
        """Lines, total and tax, unrounded."""
        made, total, taxes = [], ZERO, ZERO
        for part in body.get("transaction_lines_attributes") or ():
            if part.get("_destroy"):
                continue
            id = self.names.get(("products", "code", str(part.get("product_code"))))
            if id is None:
                raise invalid("transaction_lines_attributes.product", "is not found")
            quantity, rate = Decimal(part.get("quantity", 1)), Decimal(part.get("rate", 0))
            if quantity <= 0 or rate < 0:
                raise invalid("transaction_lines_attributes.quantity", "must be greater than 0")
            amount = quantity * rate * (1 - Decimal(part.get("discount", 0)) / 100)
            tax: Row = self.taxes.get(part.get("line_tax_id"), {"id": None, "name": None, "rate": None})
            share = Decimal(tax["rate"] or 0) / 100
            levy = amount * share / (1 + share) if body.get("use_tax_inclusive") else amount * share
            total += amount if body.get("use_tax_inclusive") else amount + levy
            taxes += levy
            product = self.tables["products"][id]
            made.append({
                "id": self.next(), "description": part.get("description"), "amount": plain(amount), "rate": plain(rate),
                "discount": plain(Decimal(part.get("discount", 0))), "quantity": float(quantity), "line_tax": dict(tax),
                "product": {"id": id, "name": product["name"], "code": product["product_code"]}, "pieces": quantity,
                "remaining_quantity": float(quantity),
            })  # fmt: skip
        if not made:
            raise invalid("transaction_lines_attributes", "can't be blank")
        return made, total, taxes

    def move(self, lines: list[Row], sign: int, warehouse: int) -> None:
        for line in lines:
            product = self.tables["products"][line["product"]["id"]]
            if product["track_inventory"]:
                product["quantity"] += sign * line["pieces"]
                product["warehouses"][warehouse] = product["warehouses"].get(warehouse, ZERO) + sign * line["pieces"]

    def sale(self, table: str, body: Row) -> Row:
        row = self.begin(table, body)
        row["person"] = self.person(body)
        row["transaction_lines_attributes"], total, tax = self.lines(body)
        warehouse = body.get("warehouse_id")
        row |= {
            "reference_no": body.get("reference_no") or "", "original_amount": plain(total), "remaining": plain(total),
            "tax_amount": plain(tax), "use_tax_inclusive": bool(body.get("use_tax_inclusive")), "payments": [],
            "warehouse": dict(self.warehouses[warehouse]) if warehouse else {"id": None, "name": None, "code": None},
            "tracking_no": body.get("tracking_no"), "ship_via": body.get("ship_via"),
            "transaction_status": {"id": 1, "name": "Open", "name_bahasa": "Belum Dibayar"},
        }  # fmt: skip
        return row

    def create_sales_orders(self, body: Row) -> Row:
        return self.keep("sales_orders", self.sale("sales_orders", body))

    def create_sales_invoices(self, body: Row) -> Row:
        order = None
        if body.get("selected_po_id"):
            order = self.tables["sales_orders"].get(body["selected_po_id"])
            if order is None or order["deleted_at"] or order["transaction_status"]["name"] == "Closed":
                raise invalid("selected_po_id", "selected_po_id is not open")
        row = self.sale("sales_invoices", body)
        row |= {"selected_po_id": body.get("selected_po_id"), "sales_returns": [], "credit_memos": []}
        self.keep("sales_invoices", row)
        self.move(row["transaction_lines_attributes"], -1, row["warehouse"]["id"] or 5)
        if order is not None:
            order["transaction_status"] = {"id": 2, "name": "Closed", "name_bahasa": "Selesai"}
            for line in order["transaction_lines_attributes"]:
                line["remaining_quantity"] = 0
            for payment in order["payments"]:
                self.pay(row, Decimal(payment["amount"]), payment)
        return row

    def pay(self, invoice: Row, amount: Decimal, payment: Row) -> None:
        invoice["remaining"] = plain(Decimal(invoice["remaining"]) - amount)
        invoice["payments"].append(payment)
        left = Decimal(invoice["remaining"])
        name = "Paid" if left <= 0 else "Partial"
        invoice["transaction_status"] = {"id": 3, "name": name, "name_bahasa": ""}

    # -- credit -----------------------------------------------------------------------------------------------------

    def create_credit_memos(self, body: Row) -> Row:
        row = self.begin("credit_memos", body)
        row["person"] = self.person(body)
        lines = body.get("transaction_account_lines_attributes") or ()
        for part in lines:
            if not any(a["name"] == part.get("account_name") for a in self.accounts.values()):
                raise invalid("transaction_account_lines_attributes.account", "is not found")
        total = sum((Decimal(part.get("debit", 0)) for part in lines), ZERO)
        if total <= 0:
            raise invalid("transaction_account_lines_attributes.debit", "must be greater than 0")
        row |= {"original_amount": plain(total), "remaining": plain(total), "transaction_status": {"name": "Open"}}
        return self.keep("credit_memos", row)

    def apply(self, body: Row) -> Row:
        memo = self.tables["credit_memos"].get(body.get("selected_credit_memo_id") or 0)
        if memo is None:
            raise invalid("selected_credit_memo_id", "is not found")
        for part in body.get("records_attributes") or ():
            invoice = self.tables["sales_invoices"].get(part["transaction_id"])
            amount = Decimal(part["amount"])
            if invoice is None or amount > min(Decimal(invoice["remaining"]), Decimal(memo["remaining"])):
                raise invalid("records_attributes.amount", "is more than the balance due")
            memo["remaining"] = plain(Decimal(memo["remaining"]) - amount)
            memo["transaction_status"] = {"name": "Partial" if Decimal(memo["remaining"]) else "Closed"}
            self.pay(invoice, amount, {"id": memo["id"], "amount": plain(amount)})
        return {"id": self.next(), "custom_id": None}

    def create_sales_returns(self, body: Row) -> Row:
        row = self.begin("sales_returns", body, number=False, custom=False)
        invoice = self.tables["sales_invoices"].get(body.get("invoice_id") or 0)
        if invoice is None:
            raise invalid("invoice_id", "is not found")
        own = {line["id"]: line for line in invoice["transaction_lines_attributes"]}
        lines, total = [], ZERO
        for part in body.get("transaction_return_lines_attributes") or ():
            line, back = own.get(part.get("transaction_line_id")), Decimal(part.get("return_quantity", -1))
            if line is None or back < 0:
                raise invalid("transaction_return_lines_attributes", "does not match the invoice")
            back_already = line.setdefault("back", ZERO)
            if back > line["pieces"] - back_already:
                raise invalid("return_quantity", "is more than was sold")
            amount = Decimal(line["amount"]) / line["pieces"] * back
            lines.append((line, back))
            total += amount
        if not lines:
            raise invalid("transaction_return_lines_attributes", "can't be blank")
        for line, back in lines:
            line["back"] += back
            self.move([{**line, "pieces": back}], 1, invoice["warehouse"]["id"] or 5)
        row |= {
            "invoice_id": invoice["id"], "invoice_no": invoice["transaction_no"], "message": body.get("message"),
            "return_amount": float(total) if total % 1 else int(total), "person": invoice["person"],
            "transaction_status": {"name": "Closed"},
            "transaction_return_lines_attributes": [
                {"id": self.next(), "transaction_line_id": line["id"], "return_quantity": plain(back)}
                for line, back in lines
            ],
        }  # fmt: skip
        self.keep("sales_returns", row)
        invoice["sales_returns"].append({"id": row["id"], "transaction_no": row["transaction_no"]})
        due = min(total, Decimal(invoice["remaining"]))
        if due > 0:
            self.pay(invoice, due, {"id": row["id"], "amount": plain(due)})
        return row
