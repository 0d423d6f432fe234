"""Slips: the lines of a statement that are one receipt, refund payment or journal entry, told by their number.

Tryton books lines of one number, day and party in one entry (trytond 8.2, account_statement, `Statement._group_key`).
A slip is void when a cancelling entry stands against its own, or when its line was set to zero before it was booked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from selaras.connectors.contract import Found
from selaras.connectors.tryton.chart import Books
from selaras.connectors.tryton.mapping import MARK, STAMPS
from selaras.connectors.tryton.values import Row, instant, reference
from selaras.connectors.tryton.wire import Wire
from selaras.model.document import DocumentStatus, Exchanged, Journal, JournalLine, Receipt, WriteOff
from selaras.model.money import ZERO

TAKEN_BACK: Final = f"{MARK}: taken back"
ENTRY_ID: Final = "s"
_BANK_LINE: Final = f"{MARK} bank line "
_FIELDS: Final = (
    "number", "amount", "date", "party", "account.code", "account.name", "description", "related_to", "origin",
    "currency", "second_currency", "amount_second_currency", "statement.state", "statement.name",
    "statement.journal.account.code", "statement.journal.account.name", "move.number", "move.state", *STAMPS,
)  # fmt: skip


def statement_name(bank_line: int | None) -> str:
    """The name of our statements that explain a line of a posted bank statement anew; without one its beginning."""
    return f"{_BANK_LINE}{bank_line or ''}"


def named_bank_line(name: Any) -> int | None:
    """The bank line in the name of such a statement."""
    told = str(name or "").removeprefix(_BANK_LINE)
    return int(told) if told != name and told.isdecimal() else None


class Slip(msgspec.Struct, frozen=True):
    """Lines of one statement under one number, in the order of their ids. Money in is above zero."""

    lines: tuple[Row, ...]
    void: bool

    @property
    def id(self) -> int:
        """The id of its first line."""
        return int(self.lines[0]["id"])

    @property
    def number(self) -> str:
        """Our reference."""
        return self.lines[0]["number"] or ""

    @property
    def statement(self) -> int:
        """The id of its statement."""
        return int(self.lines[0]["statement"]["id"])

    @property
    def state(self) -> str:
        """The state of its statement."""
        return str(self.lines[0]["statement"]["state"])

    @property
    def origin(self) -> int | None:
        """The line of a bank statement that it explains."""
        return self.lines[0]["origin"] or None

    @property
    def bank_line(self) -> str:
        """Our id of the bank line that it explains, "" for none."""
        return str(self.origin or named_bank_line(self.lines[0]["statement"]["name"]) or "")

    @property
    def ours(self) -> bool:
        """Whether it stands on a statement that we made."""
        return not self.origin and str(self.lines[0]["statement"]["name"]).startswith(MARK)

    @property
    def entry(self) -> bool:
        """Whether it is a journal entry of ours."""
        return all(_is_marked(line) for line in self.lines)

    @property
    def total(self) -> Decimal:
        """The money: what its lines come to."""
        return sum((line["amount"] for line in self.lines), ZERO)

    @property
    def owed(self) -> Decimal:
        """What it pays, in the currency of what it pays: the money itself, unless it was exchanged."""
        return _owed(self.lines)

    @property
    def currency(self) -> int:
        """The currency of what it pays, by Tryton's id."""
        return _second(self.lines) or int(self.lines[0]["currency"])

    @property
    def moves(self) -> list[int]:
        """The entries that Tryton booked for it."""
        return sorted({line["move"]["id"] for line in self.lines if isinstance(line["move"], dict)})

    @property
    def stands(self) -> bool:
        """Whether it is a document already, and still."""
        return not self.void and (self.state == "posted" or (bool(self.origin) and self.state != "cancelled"))

    def status(self) -> DocumentStatus:
        """Open until it is booked."""
        return "void" if self.void else "paid" if self.state == "posted" else "open"

    def move_number(self) -> str:
        """The number of its entry, "" before it is booked."""
        move = self.lines[0]["move"]
        return str(move["number"] or "") if isinstance(move, dict) else ""


Wanted = Callable[[Slip], bool]


def is_money(sign: int) -> Wanted:
    """Slips of receipts (`sign` 1) or refund payments (-1)."""
    return lambda slip: not slip.entry and sign * slip.total > ZERO


def is_entry(slip: Slip) -> bool:
    """Slips of journal entries."""
    return slip.entry


async def cancelled(wire: Wire, moves: Iterable[int]) -> set[int]:
    """Those of these entries against which a cancelling entry stands (its origin names them)."""
    ids = sorted(set(moves))
    if not ids:
        return set()
    rows = await wire.rows(
        "account.move",
        [["origin", "in", [f"account.move,{one}" for one in ids]], ["state", "=", "posted"]],
        ["origin"],
    )
    return {int(reference(row["origin"], "account.move")) for row in rows}


async def slips(wire: Wire, books: Books, domain: Sequence[Any], *, check: bool = True) -> list[Slip]:
    """The slips whose lines are in `domain`, in the order of their first lines. Without `check` none of them is known
    to be cancelled, and nothing is asked about that."""
    rows = await wire.rows("account.statement.line", [["company", "=", books.company_id], *domain], _FIELDS)
    posted = {
        row["move"]["id"] for row in rows if row["statement"]["state"] == "posted" and isinstance(row["move"], dict)
    }
    return group(rows, await cancelled(wire, posted) if check else set())


async def slips_of(wire: Wire, books: Books, ids: Sequence[int]) -> list[Slip]:
    """The whole slips that these lines belong to."""
    if not ids:
        return []
    rows = await wire.rows(
        "account.statement.line", [["company", "=", books.company_id], ["id", "in", list(ids)]], ["number", "statement"]
    )
    if not rows:
        return []
    numbers = sorted({row["number"] for row in rows if row["number"]})
    bare = [row["id"] for row in rows if not row["number"]]
    statements = sorted({row["statement"] for row in rows})
    named = [["number", "in", numbers], ["statement", "in", statements]]
    domain = ["OR", named, [["id", "in", bare]]] if bare else named
    wanted = set(ids)
    found = await slips(wire, books, [domain])
    return [slip for slip in found if wanted & {line["id"] for line in slip.lines}]


def group(rows: Iterable[Row], gone: set[int]) -> list[Slip]:
    """Lines to slips. `gone` are entries that were cancelled. A line set to zero is a slip that was taken back."""
    parts: dict[tuple[Any, ...], list[Row]] = {}
    for row in sorted(rows, key=lambda one: one["id"]):
        key = (
            row["statement"]["id"], row["origin"], row["number"] or f"#{row['id']}", not row["amount"],
            None if _is_marked(row) else row["party"],
        )  # fmt: skip
        parts.setdefault(key, []).append(row)
    made = []
    for lines in parts.values():
        moves = {line["move"]["id"] for line in lines if isinstance(line["move"], dict)}
        void = (
            not any(line["amount"] for line in lines)
            or lines[0]["statement"]["state"] == "cancelled"
            or (bool(moves) and moves <= gone)
        )
        made.append(Slip(tuple(lines), void))
    return made


def _is_marked(line: Row) -> bool:
    text = str(line["description"] or "")
    return text == MARK or text.startswith(f"{MARK}: ")


def found_of(slip: Slip, books: Books, total: Decimal, id: str) -> Found:
    """A slip as the search tells it."""
    return Found(id, slip.number, slip.move_number(), total, books.code_of(slip.currency), slip.status())


# -- slips as documents ----------------------------------------------------------------------------------------------


def receipts_of(slip: Slip, books: Books) -> list[tuple[Receipt, list[Row]]]:
    """The receipts that a slip is, with their lines: one for each invoice that it pays, what is beside goes with the
    first. Ours pay one invoice at most."""
    bills = [reference(line["related_to"], "account.invoice") for line in slip.lines]
    first = next((bill for bill in bills if bill), "")
    parts: dict[str, list[Row]] = {first: []}
    for line, bill in zip(slip.lines, bills, strict=True):
        parts.setdefault(bill or first, []).append(line)
    return [(_receipt(slip, lines, bill, books), lines) for bill, lines in parts.items()]


def _receipt(slip: Slip, lines: list[Row], bill: str, books: Books) -> Receipt:
    one = lines[0]
    owed, second = one["account"]["id"], _second(lines)
    money, currency = sum((line["amount"] for line in lines), ZERO), books.code_of(one["currency"])
    return Receipt(
        reference=slip.number,
        date=one["date"],
        currency=books.code_of(second) if second else currency,
        total=_owed(lines),
        contact_id=str(one["party"] or ""),
        invoice_id=bill,
        bank_transaction_id=slip.bank_line,
        status="void" if slip.void else "open",
        id=str(one["id"]),
        number=slip.move_number(),
        updated_at=max(instant(line) for line in lines).isoformat(),
        write_offs=tuple(
            WriteOff(line["description"] or "", str(line["account"]["id"]), -line["amount"])
            for line in lines
            if line["account"]["id"] != owed and line["amount"]
        ),
        exchanged=Exchanged(money, currency) if second else None,
    )


def _second(lines: Sequence[Row]) -> int:
    """The other currency in which these lines pay, 0 where they pay in that of the money."""
    found = {line["second_currency"] for line in lines}
    return int(found.pop() or 0) if len(found) == 1 else 0


def _owed(lines: Sequence[Row]) -> Decimal:
    field = "amount_second_currency" if _second(lines) else "amount"
    return sum((line[field] for line in lines), ZERO)


def entry_of(slip: Slip, books: Books) -> Journal:
    """The journal entry that a slip is: its lines, and the bank's account against them."""
    one = slip.lines[0]
    bank = one["statement"]["journal"]["account"]
    sides = [
        _side(line["account"], -line["amount"], str(line["party"] or ""), _note(line["description"]))
        for line in slip.lines
    ]
    if slip.total:
        sides.insert(0, _side(bank, slip.total, "", ""))
    return Journal(
        id=f"{ENTRY_ID}{slip.id}",
        date=one["date"],
        currency=books.code_of(one["currency"]),
        lines=tuple(sides),
        reference=slip.number,
        source=MARK.lower(),
        updated_at=max(instant(line) for line in slip.lines).isoformat(),
        total=debit_of(slip),
        bank_transaction_id=slip.bank_line,
        status="void" if slip.void else "open",
        number=slip.move_number(),
    )


def debit_of(slip: Slip) -> Decimal:
    """What the debits of an entry on a statement come to, the bank's side with them."""
    sides = [-line["amount"] for line in slip.lines]
    return sum((side for side in (slip.total, *sides) if side > ZERO), ZERO)


def _side(account: Row, amount: Decimal, contact: str, note: str) -> JournalLine:
    return JournalLine(account["code"] or account["name"], max(amount, ZERO), max(-amount, ZERO), contact, note)


def _note(description: Any) -> str:
    return str(description or "").removeprefix(MARK).removeprefix(": ")
