"""Receipts and money given back: Payment Entries, and a Journal Entry where ERPNext takes no Payment Entry.

ERPNext pays a customer by Payment Entry only against an invoice that is owed to the customer (erpnext 15,
payment_entry.py, `validate_payment_against_negative_invoice`); a deposit that goes back is a Journal Entry. A receipt
of a bank line is set against that line in a second call (`banklines`). What a receipt settles beyond its money stands
in the table of deductions: `paid_amount` is the money, what is allocated is money and deductions (payment_entry.py,
`set_unallocated_amount`; test_payment_entry.py, `test_payment_entry_write_off_difference`). Money of another currency
than its invoice's: `exchanges`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from selaras.connectors.contract import Done, Op, Outcome, Rejected, Write
from selaras.connectors.erpnext import banklines, chains, drafts, exchanges
from selaras.connectors.erpnext.banklines import JOURNAL, PAYMENT
from selaras.connectors.erpnext.batch import Batch, Item
from selaras.connectors.erpnext.billing import INVOICE
from selaras.connectors.erpnext.chart import Books, Chart
from selaras.connectors.erpnext.drafts import gone
from selaras.connectors.erpnext.values import Row, money, number
from selaras.connectors.erpnext.wire import Wire
from selaras.model.document import Receipt, RefundPayment
from selaras.model.money import ZERO

Money = Receipt | RefundPayment
PAID: Final = ("name", "docstatus", "reference_no", "payment_type", *exchanges.PAID)


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
        await banklines.cancel(batch, self._wire, there)

    # -- create -----------------------------------------------------------------------------------------------------

    async def _create(self, batch: Batch[Money]) -> None:
        books = await self._chart.books()
        documents = [item.document for item in batch.items]
        begun = await self._begun([item for item in batch.items if bank_id(item.document)])
        lines = await banklines.read(self._wire, [bank_id(d) for d in documents])
        fields = ("outstanding_amount", "debit_to", "customer", "conversion_rate")
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
            line = _line_of(item.document, lines)
            item.values["doc"] = self._doc(item.document, books, bills, orders)
            if line is not None:  # the next receipt of this line has less of it
                line["unallocated_amount"] = number(line["unallocated_amount"]) - came(item.document)[0]
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
        return {row["reference_no"]: row["name"] for row in rows if banklines.marked(row["remarks"])}

    def _doc(self, document: Money, books: Books, bills: dict[str, Row], orders: dict[str, Row]) -> Row:
        exchanged = document.exchanged if isinstance(document, Receipt) else None
        if exchanged is None and document.currency != books.currency:
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
        if exchanged is None and bill is not None:
            references = self._against_bill(document, bill)
        elif exchanged is None and self._sign > 0 and document.sales_order_id:
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
            "remarks": banklines.remark(document.reference, bank_id(document)),
            "references": references,
        }
        if isinstance(document, Receipt) and exchanged is not None:
            amounts = exchanges.entry(document, exchanged, account, receivable, bill, books)
            allocated = amounts.pop("allocated")
            doc |= amounts | {"remarks": doc["remarks"] + exchanges.remark(document)}
            if bill is not None and allocated:
                _stands(bill, document)
                doc["references"] = [_reference(bill, allocated)]
                bill["outstanding_amount"] = number(bill["outstanding_amount"]) - allocated
        elif isinstance(document, Receipt) and document.write_offs:
            doc["deductions"] = _deductions(document, books)
        return drafts.dimension(doc, document.dimensions, books, "deductions")

    def _against_bill(self, document: Money, bill: Row) -> list[Row]:
        """What of an invoice this money settles; what is over stays with the customer."""
        open_ = money(bill["outstanding_amount"], document.currency) * self._sign
        _stands(bill, document)
        part = min(open_, settled(document))
        if part <= 0 or (self._sign < 0 and part < document.total):
            return []  # a credit note that lowered its invoice, or was settled otherwise
        bill["outstanding_amount"] = (open_ - part) * self._sign
        return [_reference(bill, part * self._sign)]

    # -- the bank line ----------------------------------------------------------------------------------------------

    async def _reconcile(self, item: Item[Money]) -> None:
        line, name = bank_id(item.document), item.values["name"]
        if item.values.get("doc") is None and name in await banklines.linked(self._wire, [line], PAYMENT):
            return
        await banklines.reconcile(self._wire, line, PAYMENT, name, came(item.document)[0], item.reference)

    # -- the answer -------------------------------------------------------------------------------------------------

    async def _tell(self, batch: Batch[Money], items: Sequence[Item[Money]], books: Books) -> None:
        names = {
            doctype: [i.values["name"] for i in items if i.values["type"] == doctype] for doctype in (PAYMENT, JOURNAL)
        }
        found: dict[str, tuple[Decimal, str]] = {}
        for row in await self._wire.rows_in(PAYMENT, ["name", *exchanges.PAID], "name", names[PAYMENT]):
            found[row["name"]] = exchanges.paid_of(row, books.currency)[:2]
        for row in await self._wire.rows_in(JOURNAL, ["name", "total_debit"], "name", names[JOURNAL]):
            found[row["name"]] = money(row["total_debit"], books.currency), books.currency
        for item in items:
            name = item.values["name"]
            if name in found:
                batch.done(item, Done(name, name, *found[name], "paid"))
            else:
                batch.fail(item, gone("payment", name))


def _against_order(document: Money, orders: dict[str, Row]) -> list[Row]:
    order = orders.get(document.sales_order_id)
    if order is None:
        raise gone("sales order", document.sales_order_id)
    if order["docstatus"] != 1 or order["customer"] != document.contact_id:
        return []  # cancelled meanwhile: the money lies with the customer
    open_ = drafts.total_of(order) - money(order["advance_paid"], document.currency)
    part = min(open_, settled(document))
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
        "user_remark": banklines.remark(document.reference, ""),
        "accounts": [owed, paid],
    }


def _line_of(document: Money, lines: dict[str, Row]) -> Row | None:
    """The bank line that a receipt explains: its own amount of it, never more than is left. Raises `Rejected`."""
    name = bank_id(document)
    if not name:
        return None
    line = banklines.standing(lines, name)
    amount, currency = came(document)
    if (line["currency"] or currency) != currency:
        raise Rejected(
            f"the bank line {name} is in {line['currency']}, not in {currency}", code="currency_mismatch",
            field="currency", cure="Choose a bank line in the currency of this money, or skip this posting.",
        )  # fmt: skip
    left = money(line["unallocated_amount"], currency)
    if amount > left or number(line["withdrawal"]) > number(line["deposit"]):
        raise Rejected(
            f"the bank line {name} has {left} {currency} left to explain, not {amount}",
            code="exceeds_bank_transaction" if left else "already_reconciled", field="total",
            cure="Look in ERPNext which voucher explains this bank line, then skip this posting.",
        )  # fmt: skip
    return line


def _deductions(document: Receipt, books: Books) -> list[Row]:
    """What is settled beyond the money, each on its account; every row needs a cost centre. Raises `Rejected`."""
    if not (books.cost_center or dict(document.dimensions).get("cost_center")):
        raise Rejected(
            "what a receipt writes off needs a cost centre in ERPNext", code="missing_field", field="write_offs",
            cure="Set the default cost center on the Company in ERPNext, or choose one in the mapping.",
        )  # fmt: skip
    return [
        {
            "account": books.account(one.account, f"write_offs[{place}].account"),
            "cost_center": books.cost_center,
            "amount": one.amount,
        }
        for place, one in enumerate(document.write_offs)
    ]


def _stands(bill: Row, document: Money) -> None:
    if bill["docstatus"] != 1 or bill["customer"] != document.contact_id:
        raise Rejected(
            f"{bill['name']} does not stand in ERPNext for this customer", code="wrong_state", field="invoice_id",
            cure="Look at the invoice in ERPNext; submit it, or skip this posting.",
        )  # fmt: skip


def _reference(bill: Row, amount: Decimal) -> Row:
    return {"reference_doctype": INVOICE, "reference_name": bill["name"], "allocated_amount": amount}


def came(document: Money) -> tuple[Decimal, str]:
    """(amount, currency) of the money itself."""
    return document.money if isinstance(document, Receipt) else (document.total, document.currency)


def settled(document: Money) -> Decimal:
    """What the money pays: of a receipt its write-offs too."""
    return document.settled if isinstance(document, Receipt) else document.total


def bill_id(document: Money) -> str:
    """The invoice or credit note that the money settles."""
    return document.invoice_id if isinstance(document, Receipt) else document.credit_note_id


def bank_id(document: Money) -> str:
    """The bank line that a receipt explains."""
    return document.bank_transaction_id if isinstance(document, Receipt) else ""
