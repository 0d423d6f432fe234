"""Journal entries that we write: Journal Entries, submitted, found again by `cheque_no` and our mark in the remarks.

One that explains a bank line (a payout: bank and fee against clearing) is a Bank Entry and is set against the line in a
second call, as receipts are (`banklines`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from selaras.connectors.contract import Done, Op, Outcome, Rejected, Write
from selaras.connectors.erpnext import banklines, drafts
from selaras.connectors.erpnext.banklines import JOURNAL
from selaras.connectors.erpnext.batch import Batch, Item
from selaras.connectors.erpnext.chart import Books, Chart
from selaras.connectors.erpnext.values import Row, money, number
from selaras.connectors.erpnext.wire import Wire
from selaras.model.document import Journal, JournalLine
from selaras.model.money import ZERO

BOOKED: Final = ("name", "docstatus", "cheque_no", "total_debit", "user_remark")
OURS: Final = "Selaras: "


class Journals:
    """Writes journal entries."""

    def __init__(self, wire: Wire, chart: Chart) -> None:
        self._wire = wire
        self._chart = chart

    async def write(self, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Create or cancel. What was booked does not change."""
        batch: Batch[Journal] = Batch(self._wire, writes, Journal)
        flow = {"create": self._create, "update": self._refuse, "void": self._void}[op]
        return await batch.run(lambda: flow(batch))

    async def _refuse(self, batch: Batch[Journal]) -> None:
        raise Rejected(
            "a journal entry that was booked in ERPNext cannot change", code="document_locked", field="status",
            cure="Cancel the entry in ERPNext, then skip this posting.",
        )  # fmt: skip

    async def _void(self, batch: Batch[Journal]) -> None:
        names = [item.id for item in batch.items]
        rows = await self._wire.rows_in(JOURNAL, BOOKED[:2], "name", names)
        await banklines.cancel(batch, self._wire, {row["name"]: (JOURNAL, row) for row in rows})

    # -- create -----------------------------------------------------------------------------------------------------

    async def _create(self, batch: Batch[Journal]) -> None:
        books = await self._chart.books()
        wanted = [item for item in batch.items if item.document.bank_transaction_id]
        begun = await self._begun([item.reference for item in wanted])
        lines = await self._lines([item.document.bank_transaction_id for item in wanted])

        def prepare(item: Item[Journal]) -> None:
            if item.reference in begun:
                item.values["name"] = begun[item.reference]
                item.touched = True
                return
            item.values["doc"] = _doc(item.document, books, lines)

        items = batch.check(batch.items, prepare)
        made = await batch.insert([i for i in items if "doc" in i.values], lambda item: item.values["doc"])
        ready = [*made, *(item for item in batch.open(items) if item.reference in begun)]
        await batch.each([item for item in ready if item.document.bank_transaction_id], self._reconcile)
        await self._tell(batch, batch.open(ready), books)

    async def _begun(self, references: Sequence[str]) -> dict[str, str]:
        """Entries for bank lines that an earlier try booked."""
        rows = await self._wire.rows_in(JOURNAL, BOOKED, "cheque_no", references, [["docstatus", "=", 1]])
        return {row["cheque_no"]: row["name"] for row in rows if banklines.marked(row["user_remark"])}

    async def _lines(self, names: Sequence[str]) -> dict[str, Row]:
        """The bank lines by name, each with the ledger account that it lies on."""
        lines = await banklines.read(self._wire, names)
        banks = [line["bank_account"] for line in lines.values() if line["bank_account"]]
        rows = await self._wire.rows_in("Bank Account", ["name", "account"], "name", banks)
        accounts = {row["name"]: row["account"] or "" for row in rows}
        return {name: {**line, "account": accounts.get(line["bank_account"], "")} for name, line in lines.items()}

    async def _reconcile(self, item: Item[Journal]) -> None:
        line, name = item.document.bank_transaction_id, item.values["name"]
        if "doc" not in item.values and name in await banklines.linked(self._wire, [line], JOURNAL):
            return
        await banklines.reconcile(self._wire, line, JOURNAL, name, item.document.total, item.reference)

    async def _tell(self, batch: Batch[Journal], items: Sequence[Item[Journal]], books: Books) -> None:
        names = [item.values["name"] for item in items]
        rows = await self._wire.rows_in(JOURNAL, BOOKED, "name", names)
        found = {row["name"]: money(row["total_debit"], books.currency) for row in rows}
        for item in items:
            name = item.values["name"]
            if name in found:
                batch.done(item, Done(name, name, found[name], books.currency, "open"))
            else:
                batch.fail(item, drafts.gone("journal entry", name))


def _doc(document: Journal, books: Books, lines: Mapping[str, Row]) -> Row:
    if document.currency != books.currency:
        raise Rejected(
            f"an entry in {document.currency} needs an exchange rate of the day", code="currency_mismatch",
            field="currency", cure=f"Book it in ERPNext by hand: its books are kept in {books.currency}.",
        )  # fmt: skip
    difference = sum((line.debit - line.credit for line in document.lines), ZERO)
    if difference or not document.lines:
        raise Rejected(
            f"debits and credits differ by {abs(difference)} {document.currency}", code="unbalanced", field="lines",
            cure="Correct the amounts, so that debits and credits are equal.",
        )  # fmt: skip
    rows = [_row(line, place, books) for place, line in enumerate(document.lines)]
    line = document.bank_transaction_id
    if line:
        _check_line(document, banklines.standing(lines, line), rows)
    day = document.date.isoformat()
    doc: Row = {
        "doctype": JOURNAL,
        "docstatus": 1,
        "voucher_type": "Bank Entry" if line else JOURNAL,
        "company": books.company,
        "posting_date": day,
        "cheque_no": document.reference,
        "cheque_date": day,
        "user_remark": "\n".join(filter(None, (banklines.remark(document.reference, line), document.note))),
        "accounts": rows,
    }
    return drafts.dimension(doc, document.dimensions, books, "accounts")


def _row(line: JournalLine, place: int, books: Books) -> Row:
    row: Row = {
        "account": books.account(line.account, f"lines[{place}].account"),
        "debit_in_account_currency": line.debit,
        "credit_in_account_currency": line.credit,
        "user_remark": line.note,
    }
    if line.contact_id:
        row |= {"party_type": "Customer", "party": line.contact_id}
    if books.cost_center:
        row["cost_center"] = books.cost_center
    return row


def _check_line(document: Journal, line: Row, rows: Sequence[Row]) -> None:
    """The entry explains the whole of a line that nothing explains yet. Raises `Rejected`."""
    name, field = line["name"], "bank_transaction_id"
    amount = money(number(line["deposit"]) - number(line["withdrawal"]), document.currency)
    if money(line["unallocated_amount"], document.currency) != abs(amount):
        raise Rejected(
            f"the bank line {name} is already reconciled, or a part of it is", code="already_reconciled", field=field,
            cure="Look in ERPNext which voucher explains this bank line, then skip this posting.",
        )  # fmt: skip
    there: list[Decimal] = [
        row["debit_in_account_currency"] - row["credit_in_account_currency"]
        for row in rows
        if row["account"] == line["account"]
    ]
    if there != [amount]:
        raise Rejected(
            f"one line on {line['account']} must be {amount} {document.currency}, as the bank line {name} is",
            code="bank_line_mismatch", field="lines",
            cure="Compare the entry with the bank line: one side is that line's whole amount.",
        )  # fmt: skip
