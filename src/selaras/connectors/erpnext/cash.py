"""Receipts and money given back: Payment Entries, and a Journal Entry where ERPNext takes no Payment Entry.

ERPNext pays a customer by Payment Entry only against an invoice that is owed to the customer (erpnext 15,
payment_entry.py, `validate_payment_against_negative_invoice`); a deposit that goes back is a Journal Entry. A receipt
of a bank line is set against that line by `reconcile_vouchers` in a second call; which line it is stands in the
remarks, so that a receipt whose second call was lost is not taken for finished.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from selaras.connectors.contract import Done, Op, Outcome, Rejected, Write
from selaras.connectors.erpnext import chains, drafts
from selaras.connectors.erpnext.batch import Batch, Item
from selaras.connectors.erpnext.billing import INVOICE
from selaras.connectors.erpnext.chart import Books, Chart
from selaras.connectors.erpnext.drafts import gone
from selaras.connectors.erpnext.values import Row, dumps, money, number
from selaras.connectors.erpnext.wire import Wire
from selaras.model.document import Receipt, RefundPayment
from selaras.model.money import ZERO

Money = Receipt | RefundPayment
PAYMENT: Final = "Payment Entry"
JOURNAL: Final = "Journal Entry"
BANK_LINE: Final = "Bank Transaction"
_RECONCILE: Final = (
    "erpnext.accounts.doctype.bank_reconciliation_tool.bank_reconciliation_tool.reconcile_vouchers"
)  # fmt: skip
_REMARK: Final = re.compile(r"^Selaras: .*\(Bank Transaction (\S+)\)$")
PAID: Final = ("name", "docstatus", "paid_amount", "reference_no", "payment_type", "remarks")


class Cash:
    """Writes receipts (`sign` 1) or refund payments (`sign` -1)."""

    def __init__(self, wire: Wire, chart: Chart, sign: int) -> None:
        self._wire = wire
        self._chart = chart
        self._sign = sign

    async def write(self, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Create or cancel. Money that was booked does not change."""
        kind: type[Money] = Receipt if self._sign > 0 else RefundPayment
        batch: Batch[Money] = Batch(self._wire, writes, kind)
        flow = {"create": self._create, "update": self._refuse, "void": self._void}[op]
        return await batch.run(lambda: flow(batch))

    async def _refuse(self, batch: Batch[Money]) -> None:
        raise Rejected(
            "money that was booked in ERPNext cannot change", code="document_locked", field="status",
            cure="Cancel the payment in ERPNext, then skip this posting.",
        )  # fmt: skip

    async def _void(self, batch: Batch[Money]) -> None:
        names = [item.id for item in batch.items]
        there = {row["name"]: (PAYMENT, row) for row in await self._wire.rows_in(PAYMENT, PAID[:2], "name", names)}
        if self._sign < 0:
            for row in await self._wire.rows_in(JOURNAL, PAID[:2], "name", names):
                there[row["name"]] = (JOURNAL, row)

        async def cancel(item: Item[Money]) -> None:
            doctype, row = there.get(item.id, ("", {}))
            if not doctype:
                raise gone("payment", item.id)
            if row["docstatus"] == 1:
                await self._wire.put(doctype, item.id, {"docstatus": 2}, item.reference)
                item.touched = True
            batch.done(item, Done(item.id, item.id, status="void"))

        await batch.each(batch.items, cancel)

    # -- create -----------------------------------------------------------------------------------------------------

    async def _create(self, batch: Batch[Money]) -> None:
        books = await self._chart.books()
        documents = [item.document for item in batch.items]
        begun = await self._begun([item for item in batch.items if bank_id(item.document)])
        fields = ("outstanding_amount", "debit_to", "customer")
        bills = await drafts.heads(self._wire, INVOICE, [bill_id(d) for d in documents], *fields)
        orders = await chains.living(
            self._wire,
            dict.fromkeys(d.sales_order_id for d in documents if d.sales_order_id and self._sign > 0),
            ["grand_total", "rounded_total", "advance_paid", "currency", "customer"],
        )

        def prepare(item: Item[Money]) -> None:
            if item.reference in begun:
                item.values["name"] = begun[item.reference]
                item.values["type"] = PAYMENT
                item.touched = True
                return
            item.values["doc"] = self._doc(item.document, books, bills, orders)
            item.values["type"] = item.values["doc"]["doctype"]

        items = batch.check(batch.items, prepare)
        made = await batch.insert([i for i in items if "doc" in i.values], lambda item: item.values["doc"])
        ready = [*made, *(item for item in batch.open(items) if item.reference in begun)]
        ready = await batch.each([item for item in ready if bank_id(item.document)], self._reconcile) + [
            item for item in ready if not bank_id(item.document)
        ]
        await self._tell(batch, ready, books)

    async def _begun(self, items: Sequence[Item[Money]]) -> dict[str, str]:
        """Receipts of bank lines that an earlier try booked."""
        rows = await self._wire.rows_in(
            PAYMENT, PAID, "reference_no", [item.reference for item in items],
            [["docstatus", "=", 1], ["payment_type", "=", "Receive"]],
        )  # fmt: skip
        return {row["reference_no"]: row["name"] for row in rows if remarked(row)}

    def _doc(self, document: Money, books: Books, bills: dict[str, Row], orders: dict[str, Row]) -> Row:
        if document.currency != books.currency:
            raise Rejected(
                f"money in {document.currency} needs an exchange rate of the day", code="currency_mismatch",
                field="currency", cure=f"Book it in ERPNext by hand: its books are kept in {books.currency}.",
            )  # fmt: skip
        if not document.contact_id:
            raise Rejected(
                "the payment names no customer", code="unknown_contact", field="contact_id",
                cure="Link the buyer to a contact that exists in the books.",
            )  # fmt: skip
        account = books.account(document.account, "account")
        bill = bills.get(bill_id(document))
        if bill is None and bill_id(document):
            raise gone("invoice", bill_id(document))
        references: list[Row] = []
        if bill is not None:
            references = self._against_bill(document, bill)
        elif self._sign > 0 and document.sales_order_id:
            references = _against_order(document, orders)
        receivable = (bill["debit_to"] if bill is not None else "") or books.receivable
        if not receivable:
            raise Rejected(
                "ERPNext has no default receivable account", code="missing_account", field="account",
                cure="Set it on the Company in ERPNext, or in the setting 'account_receivable'.",
            )  # fmt: skip
        if self._sign < 0 and not references:
            return drafts.dimension(
                _journal(document, receivable, account, books), document.dimensions, books, "accounts"
            )
        doc: Row = {
            "doctype": PAYMENT,
            "docstatus": 1,
            "payment_type": "Receive" if self._sign > 0 else "Pay",
            "company": books.company,
            "posting_date": document.date.isoformat(),
            "party_type": "Customer",
            "party": document.contact_id,
            "paid_from": receivable if self._sign > 0 else account,
            "paid_to": account if self._sign > 0 else receivable,
            "paid_amount": document.total,
            "received_amount": document.total,
            "source_exchange_rate": 1,
            "target_exchange_rate": 1,
            "reference_no": document.reference,
            "reference_date": document.date.isoformat(),
            "custom_remarks": 1,
            "remarks": remark(document),
            "references": references,
        }
        return drafts.dimension(doc, document.dimensions, books)

    def _against_bill(self, document: Money, bill: Row) -> list[Row]:
        """What of an invoice this money settles; what is over stays with the customer."""
        open_ = money(bill["outstanding_amount"], document.currency) * self._sign
        if bill["docstatus"] != 1 or bill["customer"] != document.contact_id:
            raise Rejected(
                f"{bill['name']} does not stand in ERPNext for this customer", code="wrong_state", field="invoice_id",
                cure="Look at the invoice in ERPNext; submit it, or skip this posting.",
            )  # fmt: skip
        part = min(open_, document.total)
        if part <= 0 or (self._sign < 0 and part < document.total):
            return []  # a credit note that lowered its invoice, or was settled otherwise
        bill["outstanding_amount"] = (open_ - part) * self._sign
        return [
            {"reference_doctype": INVOICE, "reference_name": bill["name"], "allocated_amount": part * self._sign}
        ]  # fmt: skip

    # -- the bank line ----------------------------------------------------------------------------------------------

    async def _reconcile(self, item: Item[Money]) -> None:
        line, name = bank_id(item.document), item.values["name"]
        if item.values.get("doc") is None and name in await linked(self._wire, [line]):
            return
        vouchers = [{"payment_doctype": PAYMENT, "payment_name": name, "amount": item.document.total}]
        values: Row = {"bank_transaction_name": line, "vouchers": dumps(vouchers).decode()}
        await self._wire.call(_RECONCILE, values, item.reference)

    # -- the answer -------------------------------------------------------------------------------------------------

    async def _tell(self, batch: Batch[Money], items: Sequence[Item[Money]], books: Books) -> None:
        names = {
            doctype: [i.values["name"] for i in items if i.values["type"] == doctype] for doctype in (PAYMENT, JOURNAL)
        }
        found: dict[str, Decimal] = {}
        for row in await self._wire.rows_in(PAYMENT, ["name", "paid_amount"], "name", names[PAYMENT]):
            found[row["name"]] = money(row["paid_amount"], books.currency)
        for row in await self._wire.rows_in(JOURNAL, ["name", "total_debit"], "name", names[JOURNAL]):
            found[row["name"]] = money(row["total_debit"], books.currency)
        for item in items:
            name = item.values["name"]
            if name in found:
                batch.done(item, Done(name, name, found[name], books.currency, "paid"))
            else:
                batch.fail(item, gone("payment", name))


def _against_order(document: Money, orders: dict[str, Row]) -> list[Row]:
    order = orders.get(document.sales_order_id)
    if order is None:
        raise gone("sales order", document.sales_order_id)
    if order["docstatus"] != 1 or order["customer"] != document.contact_id:
        return []  # cancelled meanwhile: the money lies with the customer
    open_ = drafts.total_of(order) - money(order["advance_paid"], document.currency)
    part = min(open_, document.total)
    if part <= 0:
        return []
    order["advance_paid"] = number(order["advance_paid"]) + part
    return [{"reference_doctype": chains.ORDER, "reference_name": order["name"], "allocated_amount": part}]


def _journal(document: Money, receivable: str, account: str, books: Books) -> Row:
    """Money given back that no credit note is owed for."""
    owed: Row = {
        "account": receivable, "party_type": "Customer", "party": document.contact_id,
        "debit_in_account_currency": document.total, "credit_in_account_currency": ZERO,
    }  # fmt: skip
    paid: Row = {
        "account": account, "debit_in_account_currency": ZERO, "credit_in_account_currency": document.total,
    }  # fmt: skip
    if books.cost_center:
        owed["cost_center"] = paid["cost_center"] = books.cost_center
    return {
        "doctype": JOURNAL,
        "docstatus": 1,
        "voucher_type": "Bank Entry",
        "company": books.company,
        "posting_date": document.date.isoformat(),
        "cheque_no": document.reference,
        "cheque_date": document.date.isoformat(),
        "user_remark": remark(document),
        "accounts": [owed, paid],
    }


def remark(document: Money) -> str:
    """What stands in the remarks: our name, and the bank line that is to be explained."""
    line = bank_id(document)
    return f"Selaras: {document.reference}" + (f" (Bank Transaction {line})" if line else "")


def remarked(row: Row) -> str:
    """The bank line that a receipt of ours explains; "" for all others."""
    found = _REMARK.match(row.get("remarks") or "")
    return found[1] if found else ""


async def linked(wire: Wire, lines: Sequence[str]) -> set[str]:
    """Payment Entries that these bank lines are set against."""
    rows = await wire.rows_in(
        "Bank Transaction Payments", ["parent", "payment_document", "payment_entry"], "parent", lines, parent=BANK_LINE
    )
    return {row["payment_entry"] for row in rows if row["payment_document"] == PAYMENT}


def bill_id(document: Money) -> str:
    """The invoice or credit note that the money settles."""
    return document.invoice_id if isinstance(document, Receipt) else document.credit_note_id


def bank_id(document: Money) -> str:
    """The bank line that a receipt explains."""
    return document.bank_transaction_id if isinstance(document, Receipt) else ""
