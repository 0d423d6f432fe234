"""Journal entries: entries in the general journal, or slips that explain a line of a bank statement.

An entry of its own has our reference in its description behind the word that marks it as ours. One that explains a
bank line is booked by that statement: its lines but the bank's own stand as a slip under the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from selaras.connectors.contract import Done, Op, Outcome, Rejected, Write
from selaras.connectors.tryton import drafts
from selaras.connectors.tryton.batch import Batch, Item
from selaras.connectors.tryton.billing import check_day
from selaras.connectors.tryton.chart import Account, Books, Chart
from selaras.connectors.tryton.mapping import ENTRY, MARK
from selaras.connectors.tryton.slips import ENTRY_ID, cancelled, debit_of, is_entry
from selaras.connectors.tryton.statements import Statements, day_of
from selaras.connectors.tryton.undoing import Undo
from selaras.connectors.tryton.values import Row
from selaras.connectors.tryton.wire import Wire
from selaras.model.document import Journal, JournalLine
from selaras.model.money import ZERO

Entries = Batch[Journal]


class Journals:
    """Writes journal entries and takes them back."""

    def __init__(self, wire: Wire, chart: Chart, budget: float) -> None:
        self._wire = wire
        self._chart = chart
        self._budget = budget
        self._undo = Undo(wire)
        self._statements = Statements(wire, is_entry, lambda slip: (f"{ENTRY_ID}{slip.id}", debit_of(slip)))

    async def write(self, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Create or take back journal entries; a posted one does not change."""
        batch = Batch(writes, Journal, self._budget, self._wire.lists)
        if op == "create":
            return await batch.run(lambda: self._create(batch))
        if op == "void":
            return await batch.run(lambda: self._void(batch))

        async def refuse() -> None:
            raise Rejected(
                "a posted journal entry of Tryton cannot change", code="document_locked", field="status",
                cure="Take it back and write another one.",
            )  # fmt: skip

        return await batch.run(refuse)

    # -- create -----------------------------------------------------------------------------------------------------

    async def _create(self, batch: Entries) -> None:
        documents = [item.document for item in batch.items]
        books = await self._chart.on([document.date for document in documents])
        await self._begun(batch, [item for item in batch.items if not item.document.bank_transaction_id], books)
        explaining = [item for item in batch.open() if item.document.bank_transaction_id]
        await self._statements.begun(batch, explaining, books, _taken)
        items = batch.open()
        lines = [line for item in items for line in item.document.lines]
        accounts = await self._chart.accounts(books, {line.account for line in lines})
        parties = await drafts.parties(self._wire, books, {line.contact_id for line in lines if line.contact_id})
        origins = await self._statements.bank_lines([item.document.bank_transaction_id for item in items], books)

        def prepare(item: Item[Journal]) -> None:
            document = item.document
            item.values["sides"] = _sides(document, accounts, parties)
            if document.bank_transaction_id:
                bank = origins.get(document.bank_transaction_id)
                amount = _bank_side(item, bank) if bank is not None else ZERO
                self._statements.explains(item, origins, amount, item.document.currency, books)
                return
            check_day(books, document.date)
            if document.currency != books.currency:
                raise Rejected(
                    f"journal entries are written in {books.currency}, not in {document.currency}",
                    code="currency_mismatch", field="currency", cure="Write this entry in Tryton by hand.",
                )  # fmt: skip
            item.values["entry"] = _entry(document, item.values["sides"], books)

        items = batch.check(items, prepare)
        await self._book(batch, [item for item in items if "entry" in item.values], books)
        await self._statements.book(batch, [i for i in items if "entry" not in i.values], books, self._lines_of)
        under = [item for item in batch.open(items) if "entry" not in item.values]
        await self._statements.tell(batch, under, books)

    async def _begun(self, batch: Entries, items: Sequence[Item[Journal]], books: Books) -> None:
        """Entries of an earlier try: those that were posted are done, drafts are thrown away and written anew."""
        if not items:
            return
        named = {f"{ENTRY}{item.document.reference}": item for item in items}
        rows = await self._wire.rows(
            "account.move",
            [["company", "=", books.company_id], ["description", "in", list(named)], ["origin", "=", None]],
            ["description", "state", "number", "lines.debit"],
        )
        await self._wire.delete("account.move", [row["id"] for row in rows if row["state"] == "draft"])
        posted = [row for row in rows if row["state"] == "posted"]
        gone = await cancelled(self._wire, [row["id"] for row in posted])
        for row in posted:
            item = named[row["description"]]
            if row["id"] in gone or not batch.open([item]):
                continue
            stands = _done(row, books)
            if stands.total == item.document.total:
                batch.done(item, stands)
            else:
                batch.fail(item, _taken(item, stands))

    async def _book(self, batch: Entries, items: list[Item[Journal]], books: Books) -> None:
        async def create(part: list[Item[Journal]]) -> None:
            ids = await self._wire.create("account.move", [item.values["entry"] for item in part])
            for item, made in zip(part, ids, strict=True):
                item.values["id"] = made

        async def post(part: list[Item[Journal]]) -> None:
            await self._wire.press("account.move", "post", [item.values["id"] for item in part])

        made = await batch.step(items, create, one_call=True)
        posted = await batch.step(made, post)
        if not posted:
            return
        rows = await self._wire.rows(
            "account.move", [["id", "in", [item.values["id"] for item in posted]]], ["number", "lines.debit"]
        )
        there = {row["id"]: row for row in rows}
        for item in posted:
            batch.done(item, _done(there[item.values["id"]], books))

    def _lines_of(self, items: Sequence[Item[Journal]]) -> list[list[Row]]:
        return [
            [
                {
                    "number": item.document.reference, "date": day_of(item), "amount": line.credit - line.debit,
                    "account": account.id, "party": party,
                    "description": f"{MARK}: {note}" if (note := line.note or item.document.note) else MARK,
                }
                for line, account, party in item.values["sides"]
            ]
            for item in items
        ]  # fmt: skip

    # -- void -------------------------------------------------------------------------------------------------------

    async def _void(self, batch: Entries) -> None:
        books = await self._chart.books()
        plain = [item for item in batch.items if not item.target.startswith(ENTRY_ID)]
        await self._undo.slips(
            batch, [i for i in batch.items if i not in plain], books,
            lambda item: int(item.target[1:]) if item.target[1:].isdecimal() else 0, debit_of,
        )  # fmt: skip
        if not plain:
            return
        rows = await self._wire.rows(
            "account.move",
            [["id", "in", [item.id for item in plain]], ["state", "=", "posted"]],
            ["number", "description", "lines.debit"],
        )
        there = {row["id"]: row for row in rows}

        def prepare(item: Item[Journal]) -> None:
            row = there.get(item.id)
            if row is None or row["description"] != f"{ENTRY}{item.document.reference}":
                raise Rejected(
                    f"Tryton has no journal entry {item.target} of ours", code="not_found",
                    cure="It is gone from the books: link another record, then retry.",
                )  # fmt: skip

        async def cancel(part: list[Item[Journal]]) -> None:
            await self._undo.entries([item.id for item in part])

        for item in await batch.step(batch.check(plain, prepare), cancel):
            batch.done(item, _done(there[item.id], books, "void"))


def _sides(
    document: Journal, accounts: dict[str, Account], parties: dict[str, drafts.Party]
) -> list[tuple[JournalLine, Account, int | None]]:
    """The lines with Tryton's accounts and parties. Raises `Rejected`."""
    made = []
    for place, line in enumerate(document.lines):
        field = f"lines[{place}]"
        account = accounts.get(line.account)
        if account is None:
            raise Rejected(
                f"Tryton has no account {line.account!r} that can be booked on", code="unknown_account",
                field=f"{field}.account", cure="Choose another account in the mapping (selaras mapping set).",
            )  # fmt: skip
        if line.debit < ZERO or line.credit < ZERO or bool(line.debit) == bool(line.credit):
            raise Rejected(
                f"line {place + 1} of the entry needs a debit or a credit above zero", code="one_side", field=field,
                cure="Correct the amounts where they come from.",
            )  # fmt: skip
        if line.contact_id and line.contact_id not in parties:
            raise Rejected(
                f"Tryton has no party {line.contact_id!r}", code="unknown_contact", field=f"{field}.contact_id",
                cure="Link the buyer to a contact that exists in the books.",
            )  # fmt: skip
        if account.party_required and not line.contact_id:
            raise Rejected(
                f"the account {account.code or account.name} of Tryton needs a party on every line",
                code="missing_contact", field=f"{field}.contact_id", cure="Choose another account for this role.",
            )  # fmt: skip
        made.append((line, account, parties[line.contact_id].id if account.party_required else None))
    difference = sum((line.debit - line.credit for line in document.lines), ZERO)
    if difference or not made:
        raise Rejected(
            f"debits and credits of the entry differ by {abs(difference)}", code="unbalanced", field="lines",
            cure="Correct the amounts where they come from.",
        )  # fmt: skip
    return made


def _bank_side(item: Item[Journal], bank: Row) -> Decimal:
    """The amount of the entry's one side on the bank's account, which the statement books itself. Raises `Rejected`."""
    account = bank["statement"]["journal"]["account"]["id"]
    own = [line for line, where, _ in item.values["sides"] if where.id == account]
    if len(own) != 1 or own[0].debit - own[0].credit != bank["amount"]:
        code = bank["statement"]["journal"]["account"]["code"] or ""
        raise Rejected(
            f"one line of the entry must lie on {code} with {bank['amount']}, as the bank line has it",
            code="bank_line_mismatch", field="lines", cure="Compare the entry with the bank line.",
        )  # fmt: skip
    item.values["sides"] = [side for side in item.values["sides"] if side[1].id != account]
    amount: Decimal = bank["amount"]
    return amount


def _entry(document: Journal, sides: Sequence[tuple[JournalLine, Account, int | None]], books: Books) -> Row:
    """An entry in the general journal, for `create`. Raises `Rejected`."""
    period = books.period_of(document.date)
    if books.general_journal_id is None or period is None:
        raise Rejected(
            "Tryton has no journal of the type General", code="no_journal",
            cure="Create one in Tryton (Financial > Configuration > Journals).",
        )  # fmt: skip
    lines = [
        {
            "account": account.id, "debit": line.debit, "credit": line.credit, "party": party,
            "description": line.note or document.note or None,
        }
        for line, account, party in sides
    ]  # fmt: skip
    return {
        "company": books.company_id,
        "journal": books.general_journal_id,
        "period": period.id,
        "date": document.date,
        "description": f"{ENTRY}{document.reference}",
        "lines": [["create", lines]],
    }


def _taken(item: Item[Journal], stands: Done) -> Rejected:
    return Rejected(
        f"Tryton has the journal entry {stands.number} over {stands.total} under this reference already",
        code="reference_taken", field="reference", cure="Compare the two; take back the one that is wrong, then retry.",
    )  # fmt: skip


def _done(row: Row, books: Books, status: str = "open") -> Done:
    total = sum((line["debit"] for line in row["lines"]), ZERO)
    return Done(str(row["id"]), row["number"] or "", total, books.currency, status)
