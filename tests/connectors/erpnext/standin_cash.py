"""Payment Entries, Journal Entries and Bank Transactions of the stand-in.

Facts, each from erpnext 15: payment_entry.py (`validate_allocated_amount`, `validate_payment_against_negative_invoice`,
the party account must be the invoice's; `set_target_exchange_rate`, `set_unallocated_amount`, `set_exchange_gain_loss`,
`set_difference_amount`, deductions with a cost centre), journal_entry.py (balance, reference of a Bank Entry),
bank_reconciliation_tool.py and bank_transaction.py (`reconcile_vouchers`; a voucher is allocated by its entry on the
bank's account, up to what the line has left; `remove_from_bank_transaction` when a voucher is cancelled, before version
15 a refusal), unique `transaction_id`; sentences – samples of a live site.
"""

from __future__ import annotations

import json
from typing import Any

from tests.connectors.erpnext.standin_db import Database, Doc, flt, throw
from tests.connectors.erpnext.standin_selling import Selling
from tests.connectors.erpnext.standin_stock import SI, SO

PE, JE, BT = "Payment Entry", "Journal Entry", "Bank Transaction"


class Cash:
    """What happens when a document of money is saved, submitted and cancelled."""

    def __init__(self, db: Database, selling: Selling) -> None:
        self.db = db
        self.selling = selling
        self.frees_lines = True

    # -- payment entries --------------------------------------------------------------------------------------------

    def validate_payment(self, doc: Doc) -> None:
        db = self.db
        db.get("Customer", doc.get("party"))
        for field, label in (("paid_from", "Account Paid From"), ("paid_to", "Account Paid To")):
            if not doc.get(field):
                throw(f"Error: Value missing for Payment Entry: {label}", "MandatoryError")
            doc[f"{field}_account_currency"] = db.link("Account", doc[field], label)["account_currency"]
        for field in ("paid_amount", "received_amount", "source_exchange_rate", "target_exchange_rate"):
            if not flt(doc.get(field)):
                throw(f"Error: Value missing for Payment Entry: {field}", "MandatoryError")
            doc[field] = flt(doc[field], 9 if field.endswith("rate") else 2)
        if doc["paid_from_account_currency"] == doc["paid_to_account_currency"]:
            doc["target_exchange_rate"] = doc["source_exchange_rate"]
        doc["base_paid_amount"] = flt(doc["paid_amount"] * doc["source_exchange_rate"], 2)
        doc["base_received_amount"] = flt(doc["received_amount"] * doc["target_exchange_rate"], 2)
        self.selling.date(doc.get("posting_date"))
        bank = "Bank" in (db.get("Account", doc[f])["account_type"] for f in ("paid_from", "paid_to"))
        if bank and not (doc.get("reference_no") and doc.get("reference_date")):
            throw("Reference No and Reference Date is mandatory for Bank transaction")
        party_account = doc["paid_from"] if doc["payment_type"] == "Receive" else doc["paid_to"]
        own = db.get("Company", doc["company"])["default_currency"]
        abroad = db.get("Account", party_account)["account_currency"] != own
        negative = allocated = base = 0.0
        for row in doc["references"]:
            row["allocated_amount"] = flt(row.get("allocated_amount"), 2)
            other = db.get(row["reference_doctype"], row["reference_name"])
            if other["docstatus"] != 1:
                throw(f"{row['reference_doctype']} {row['reference_name']} must be submitted")
            if other["customer"] != doc["party"]:
                throw(f"{row['reference_doctype']} {row['reference_name']} is not associated with {doc['party']}")
            if row["reference_doctype"] == SI:
                if other["debit_to"] != party_account:
                    throw(
                        f"{SI} {other['name']} is associated with {other['debit_to']}, but Party Account is "
                        f"{party_account}"
                    )
                open_ = flt(other["outstanding_amount"], 2)
            else:
                open_ = flt(self.selling.owed(other) - self.advance(other["name"]), 2)
            row["outstanding_amount"] = open_
            part = row["allocated_amount"]
            if (part > 0 and part > open_) or (part < 0 and part < open_):
                throw(f"Row #{row['idx']}: Allocated Amount cannot be greater than outstanding amount.")
            negative += abs(open_) if open_ < 0 else 0.0
            allocated += part
            row["exchange_rate"] = other["conversion_rate"] if abroad else 1.0
            base += flt(part * row["exchange_rate"], 2)
        if doc["payment_type"] == "Pay":
            if not negative:
                throw("Cannot Pay to Customer without any negative outstanding invoice", "InvalidPaymentEntry",
                      module="erpnext.accounts.doctype.payment_entry.payment_entry")  # fmt: skip
            if doc["received_amount"] > negative:
                throw(
                    f"Paid Amount cannot be greater than total negative outstanding amount {negative}",
                    "InvalidPaymentEntry",
                )
        self._keep_difference(doc)
        deducted = kept = 0.0
        for row in doc["deductions"]:
            db.link("Account", row.get("account"), f"Row #{row['idx']}: Account")
            if not row.get("cost_center"):
                throw(f"Error: Data missing in table Row #{row['idx']}: Cost Center", "MandatoryError")
            row["amount"] = flt(row.get("amount"), 2)
            deducted += row["amount"]
            kept += row["amount"] if row.get("is_exchange_gain_loss") else 0.0
        receive = doc["payment_type"] == "Receive"
        rate = doc["source_exchange_rate"] if receive else doc["target_exchange_rate"]
        paid = doc["base_paid_amount"] + deducted - kept if receive else doc["base_received_amount"] - deducted + kept
        doc["total_allocated_amount"], base = abs(allocated), abs(base)
        doc["unallocated_amount"] = max(flt((paid - base) / rate, 2), 0.0)
        doc["base_total_allocated_amount"] = base
        party = base + flt(doc["unallocated_amount"] * rate, 2)
        between = party - doc["base_received_amount"] if receive else doc["base_paid_amount"] - party
        doc["difference_amount"] = flt(between - deducted, 2)
        if not doc.get("custom_remarks"):
            doc["remarks"] = f"Amount IDR {doc['paid_amount']} received from {doc['party']}"
        doc["status"] = "Draft"

    def _keep_difference(self, doc: Doc) -> None:
        """`set_exchange_gain_loss`: one row is ERPNext's own, with what lies between both amounts."""
        if not self.selling.options.keeps_differences:
            return
        gap = flt(doc["base_paid_amount"] - doc["base_received_amount"], 2)
        own = [row for row in doc["deductions"] if row.get("is_exchange_gain_loss")]
        others = [row for row in doc["deductions"] if not row.get("is_exchange_gain_loss")]
        if gap and not own:
            company = self.db.get("Company", doc["company"])
            if not company.get("exchange_gain_loss_account"):
                throw(f"Please set Exchange Gain / Loss Account in Company {company['name']} to account for it")
            own = [{"account": company["exchange_gain_loss_account"], "cost_center": company["cost_center"],
                    "is_exchange_gain_loss": 1, "idx": len(others) + 1}]  # fmt: skip
        doc["deductions"] = [*others, *([own[0] | {"amount": gap}] if gap else [])]

    def advance(self, order: str) -> float:
        return sum(
            float(row["allocated_amount"])
            for payment in self.db.table(PE).values()
            if payment["docstatus"] == 1
            for row in payment["references"]
            if row["reference_name"] == order
        )

    def submit_payment(self, doc: Doc) -> None:
        self.selling.frozen(doc["posting_date"])
        if doc["difference_amount"]:
            throw("Difference Amount must be zero")
        doc |= {"docstatus": 1, "status": "Submitted"}
        receive = doc["payment_type"] == "Receive"
        rate = doc["source_exchange_rate"] if receive else doc["target_exchange_rate"]
        party = flt(doc["base_total_allocated_amount"] + flt(doc["unallocated_amount"] * rate, 2), 2)
        if receive:
            own = doc["total_allocated_amount"] + doc["unallocated_amount"]
            self.selling.post(doc, doc["paid_to"], doc["base_received_amount"], "", doc["received_amount"])
            self.selling.post(doc, doc["paid_from"], -party, doc["party"], -own)
        else:
            self.selling.post(doc, doc["paid_to"], party, doc["party"])
            self.selling.post(doc, doc["paid_from"], -doc["base_paid_amount"])
        for row in doc["deductions"]:
            self.selling.post(doc, row["account"], row["amount"])
        self._settle(doc, 1)

    def _settle(self, doc: Doc, sign: int) -> None:
        for row in doc["references"]:
            other = self.db.edit(row["reference_doctype"], row["reference_name"])
            if row["reference_doctype"] == SI:
                open_ = flt(other["outstanding_amount"] - sign * row["allocated_amount"], 2)
                other["outstanding_amount"] = open_
                self.selling.status(other)
            else:
                other["advance_paid"] = flt(flt(other.get("advance_paid")) + sign * row["allocated_amount"], 2)

    def cancel(self, doc: Doc) -> None:
        self.selling.frozen(doc["posting_date"])
        self._let_go(doc)
        if doc["doctype"] == PE:
            self._settle(doc, -1)
        doc |= {"docstatus": 2, "status": "Cancelled"}
        for entry in self.db.gl:
            if entry["voucher_no"] == doc["name"]:
                entry["is_cancelled"] = 1

    def _let_go(self, doc: Doc) -> None:
        """`remove_from_bank_transaction`; versions without it do not cancel what a submitted line names."""
        for line in list(self.db.table(BT).values()):
            kept = [row for row in line["payment_entries"] if row["payment_entry"] != doc["name"]]
            if line["docstatus"] != 1 or len(kept) == len(line["payment_entries"]):
                continue
            if not self.frees_lines:
                told = f"{doc['doctype']} {doc['name']} is linked with {BT} {line['name']}"
                throw(f"Cannot delete or cancel because {told}", "LinkExistsError")
            self.rewrite_line(self.db.edit(BT, line["name"]), kept)

    # -- journal entries --------------------------------------------------------------------------------------------

    def validate_journal(self, doc: Doc) -> None:
        if doc.get("voucher_type") == "Bank Entry" and not (doc.get("cheque_no") and doc.get("cheque_date")):
            throw("Reference No & Reference Date is required for Bank Entry")
        for row in doc["accounts"]:
            account = self.db.link("Account", row.get("account"), f"Row #{row['idx']}: Account")
            if account["account_type"] == "Receivable" and not row.get("party"):
                throw(f"Row {row['idx']}: Party Type and Party is required for Receivable / Payable account")
            row["debit"] = flt(row.get("debit_in_account_currency"), 2)
            row["credit"] = flt(row.get("credit_in_account_currency"), 2)
            if row["debit"] and row["credit"]:
                throw("You cannot credit and debit same account at the same time")
        doc["total_debit"] = flt(sum(r["debit"] for r in doc["accounts"]), 2)
        doc["total_credit"] = flt(sum(r["credit"] for r in doc["accounts"]), 2)
        if doc["total_debit"] != doc["total_credit"]:
            throw(
                "Total Debit must be equal to Total Credit. The difference is "
                f"{doc['total_debit'] - doc['total_credit']}"
            )

    def submit_journal(self, doc: Doc) -> None:
        self.selling.frozen(doc["posting_date"])
        doc["docstatus"] = 1
        for row in doc["accounts"]:
            self.selling.post(doc, row["account"], row["debit"] - row["credit"], row.get("party") or "")

    # -- bank lines -------------------------------------------------------------------------------------------------

    def validate_line(self, doc: Doc) -> None:
        for other in self.db.table(BT).values():
            if doc.get("transaction_id") and other.get("transaction_id") == doc["transaction_id"]:
                throw(f"Transaction ID <strong>{doc['transaction_id']}</strong> must be unique",
                      "UniqueValidationError")  # fmt: skip
        doc |= {"deposit": flt(doc.get("deposit")), "withdrawal": flt(doc.get("withdrawal")), "status": "Pending"}
        doc["unallocated_amount"] = abs(doc["deposit"] - doc["withdrawal"])

    def reconcile(self, values: Doc) -> Doc:
        """`reconcile_vouchers`: allocate each voucher, up to what the line has left."""
        line = self.db.edit(BT, values["bank_transaction_name"])
        account = self.db.get("Bank Account", line["bank_account"])["account"]
        for voucher in json.loads(values["vouchers"]):
            if flt(line["unallocated_amount"]) <= 0:
                throw(f"Bank Transaction {line['name']} is already fully reconciled")
            if any(row["payment_entry"] == voucher["payment_name"] for row in line["payment_entries"]):
                throw(f"{voucher['payment_name']} is entered twice")
            entry = self.db.edit(voucher["payment_doctype"], voucher["payment_name"])
            amount = abs(sum(
                one["own"] for one in self.db.gl
                if one["voucher_no"] == entry["name"] and one["account"] == account and not one["is_cancelled"]
            ))  # fmt: skip
            if not amount:
                throw(f"Voucher {entry['name']} has no amount on {account}")
            part = min(flt(amount, 2), flt(line["unallocated_amount"]))
            row = {
                "payment_document": voucher["payment_doctype"], "payment_entry": entry["name"],
                "allocated_amount": part,
            }  # fmt: skip
            self.rewrite_line(line, [*line["payment_entries"], row])
            entry["clearance_date"] = line["date"]
        return line

    def rewrite_line(self, line: Doc, rows: list[Doc]) -> Doc:
        """`update_allocated_amount` and `set_status`, as every save of a submitted line does."""
        line["payment_entries"] = self.db.known(BT, {"payment_entries": rows})["payment_entries"]
        line["allocated_amount"] = flt(sum(flt(row["allocated_amount"]) for row in line["payment_entries"]), 2)
        line["unallocated_amount"] = flt(abs(line["deposit"] - line["withdrawal"]) - line["allocated_amount"], 2)
        line["status"] = "Unreconciled" if line["unallocated_amount"] else "Reconciled"
        return line


class Orders:
    """`update_status` of a sales order."""

    def __init__(self, db: Database, selling: Selling) -> None:
        self.db = db
        self.selling = selling

    def update_status(self, values: Doc) -> Any:
        """Close or reopen an order; a closed one reserves nothing."""
        order = self.db.edit(SO, values["name"])
        if order["docstatus"] != 1:
            throw(f"{order['name']} must be submitted")
        order["status"] = values["status"]
        self.selling.reserve(order)
        return None
