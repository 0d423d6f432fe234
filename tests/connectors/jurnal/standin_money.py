"""Money in the stand-in's books: payments, deposits, withdrawals and journal entries, and their deletion.

Facts (S = read in Mekari's swagger 2.0.0 or its Ruby client; the rest is assumed on the hard side):

* A receive payment names the *number* of its invoice, and has one that Jurnal gives it (S, request schema).
* A journal entry has lines with an account and a debit or a credit, which must balance (S, request schema and text);
  a line knows no contact (S, request schema): what is sent of it is dropped.
* Payments and journal entries are deleted by `DELETE` (S for receive payments and journal entries).
* What was deleted keeps its custom id and number; nothing is deleted in closed books (assumed).
* An order's payment stays once the order is invoiced (assumed).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from tests.connectors.jurnal.standin_books import ZERO, Row, Sales, invalid, plain


class Money(Sales):
    """What is paid."""

    def payment(self, table: str, target: str, body: Row) -> Row:
        row = self.begin(table, body, number=False)
        if not body.get("payment_method_name"):
            raise invalid("payment_method_name", "can't be blank")
        row["deposit_to"] = self.cash(body, "deposit_to")
        records, total = [], ZERO
        for part in body.get("records_attributes") or ():
            id = self.names.get((target, "transaction_no", str(part.get("transaction_no"))))
            if id is None or self.tables[target][id]["deleted_at"]:
                raise invalid("records_attributes.transaction_no", "is not found")
            amount = Decimal(part["amount"])
            records.append({"transaction_id": id, "amount": plain(amount), "transaction_no": part["transaction_no"]})
            total += amount
        if not records:
            raise invalid("records_attributes", "can't be blank")
        row |= {"records": records, "total": float(total) if total % 1 else int(total), "amount": plain(total),
                "transaction_status": {"id": 3, "name": "Paid", "name_bahasa": "Lunas"}}  # fmt: skip
        row["person"] = self.tables[target][records[0]["transaction_id"]]["person"]
        return row

    def create_receive_payments(self, body: Row) -> Row:
        row = self.payment("receive_payments", "sales_invoices", body)
        if ("receive_payments", "custom_id", row["custom_id"]) not in self.names:
            for record in row["records"]:
                invoice = self.tables["sales_invoices"][record["transaction_id"]]
                if Decimal(record["amount"]) > Decimal(invoice["remaining"]):
                    raise invalid("records_attributes.amount", "is more than the balance due")
        self.keep("receive_payments", row)
        for record in row["records"]:
            self.pay(self.tables["sales_invoices"][record["transaction_id"]], Decimal(record["amount"]), row)
        return row

    def create_sales_order_payments(self, body: Row) -> Row:
        row = self.keep("sales_order_payments", self.payment("sales_order_payments", "sales_orders", body))
        self.tables["sales_orders"][row["records"][0]["transaction_id"]]["payments"].append(row)
        return row

    def create_bank_deposits(self, body: Row) -> Row:
        return self.bank("bank_deposits", body, "deposit_to")

    def create_bank_withdrawals(self, body: Row) -> Row:
        return self.bank("bank_withdrawals", body, "refund_from")

    def bank(self, table: str, body: Row, own: str) -> Row:
        row = self.begin(table, body)
        row[own] = self.cash(body, own)
        row["person"] = self.person(body) if body.get("person_id") else {"id": None, "name": None}
        lines = []
        for part in body.get("transaction_account_lines_attributes") or ():
            account = next((a for a in self.accounts.values() if a["name"] == part.get("account_name")), None)
            if account is None:
                raise invalid("transaction_account_lines_attributes.account", "is not found")
            lines.append({"id": self.next(), "description": part.get("description"), "account": account,
                          "debit": plain(Decimal(part.get("debit", 0))),
                          "credit": plain(Decimal(part.get("credit", 0)))})  # fmt: skip
        if not lines:
            raise invalid("transaction_account_lines_attributes", "can't be blank")
        row |= {"transaction_account_lines": lines, "transaction_status": {"name": "Closed"}}
        return self.keep(table, row)

    def create_journal_entries(self, body: Row) -> Row:
        row = self.begin("journal_entries", body)
        lines, debits, credits = [], ZERO, ZERO
        for part in body.get("transaction_account_lines_attributes") or ():
            account = next((a for a in self.accounts.values() if a["name"] == part.get("account_name")), None)
            if account is None:
                raise invalid("transaction_account_lines_attributes.account", "is not found")
            debit, credit = Decimal(part.get("debit", 0)), Decimal(part.get("credit", 0))
            if (debit > 0) is (credit > 0) or min(debit, credit) < 0:
                raise invalid("transaction_account_lines_attributes", "must be either debit or credit")
            lines.append({"id": self.next(), "description": part.get("description"), "account": account,
                          "debit": plain(debit), "credit": plain(credit)})  # fmt: skip
            debits, credits = debits + debit, credits + credit
        if not lines or debits != credits:
            raise invalid("transaction_account_lines_attributes", "debit and credit must balance")
        row |= {"transaction_account_lines": lines, "total_debit": plain(debits), "total_credit": plain(credits),
                "transaction_status": {"id": 2, "name": "Closed", "name_bahasa": "Selesai"}}  # fmt: skip
        return self.keep("journal_entries", row)

    # -- deletion ---------------------------------------------------------------------------------------------------

    def delete(self, table: str, name: str) -> None:
        row = self.get(table, name)
        if "transaction_date" in row:
            self.open_day(dt.datetime.strptime(row["transaction_date"], "%d/%m/%Y").date())  # noqa: DTZ007
        if row.get("payments"):
            raise invalid("base", "cannot be deleted because it has payments")
        if table == "sales_order_payments":
            order = self.tables["sales_orders"][row["records"][0]["transaction_id"]]
            if order["transaction_status"]["name"] == "Closed":
                raise invalid("base", "cannot be deleted because the sales order has been invoiced")
            order["payments"].remove(row)
        row["deleted_at"] = self.stamp()
        if table == "receive_payments":
            for record in row["records"]:
                invoice = self.tables["sales_invoices"][record["transaction_id"]]
                invoice["payments"].remove(row)
                invoice["remaining"] = plain(Decimal(invoice["remaining"]) + Decimal(record["amount"]))
                name = "Partial" if invoice["payments"] else "Open"
                invoice["transaction_status"] = {"id": 1, "name": name, "name_bahasa": ""}
