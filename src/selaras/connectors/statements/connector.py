"""Statement files as bank lines: each movement once, whatever overlaps, and nothing of a file that is not proven."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import msgspec

from selaras.connectors.contract import Seen, Settings, Tools
from selaras.connectors.filed import FiledSource
from selaras.connectors.inbox import Dropped, NotTaken
from selaras.connectors.places import Entry, Place
from selaras.files import identity, layouts, statements
from selaras.files.arrivals import Register
from selaras.files.layouts import BadLayout, Layout
from selaras.files.refusal import SAY_LAYOUT, Refused
from selaras.files.rows import Assumed
from selaras.model.document import BankTransaction
from selaras.model.statement import Statement

KIND: Final = "bank_transaction"
LAYOUTS: Final = "layouts"
# How many days back files are held against a new one; ids are held against all.
_COMPARED: Final = 400
_SHORTEST: Final = 6
_Parsed = tuple[Statement, ...]


class Statements(FiledSource[_Parsed]):
    """See `FiledSource`. One connection is one bank account; `account` is the id that it has in the books."""

    name = "statements"
    kind = KIND

    def __init__(self, settings: Settings, tools: Tools, place: Place | None = None) -> None:
        super().__init__(settings, tools, place)
        self.account = settings.get("account", "").strip()
        if not self.account:
            raise ValueError("account is the id of an account of the books: the one that this bank account is kept in")
        self.number = settings.get("number", "").strip()
        self.layout = settings.get("layout", "").strip()
        self._register = Register(self.account, self.currency)
        self._held: list[tuple[dt.date, dt.date, Statement]] = []
        self._number = ""  # of the bank account, as files say it; a connection without the setting learns it
        self._own: dict[str, Layout] = {}
        self._layout_files: tuple[Entry, ...] | None = None
        self._bad_layout: NotTaken | None = None

    async def _prepare(self) -> bool:
        """Layouts of a user's own, from `layouts/` in the folder; one that is not in order refuses tables by name."""
        entries = tuple(e for e in await self.place.list(LAYOUTS) or () if e.name.endswith(".toml"))
        if entries == self._layout_files:
            return False
        own: dict[str, Layout] = {}
        bad: NotTaken | None = None
        for entry in entries:
            raw = await self.place.read(f"{LAYOUTS}/{entry.name}")
            try:
                own |= {layout.name: layout for layout in layouts.parse((raw or b"").decode())}
            except (BadLayout, UnicodeDecodeError) as error:
                bad = NotTaken(f"{LAYOUTS}/{entry.name}: {error}", "Correct the file in layouts/.")
        self._own, self._bad_layout, self._layout_files = own, bad, entries
        return True

    def _parse(self, file: Dropped) -> _Parsed:
        try:
            data = statements.admitted(file.data, file.name)
            found = statements.parse(data, file.name, self.layout, self._own, Assumed("", self.currency))
        except Refused as refused:
            raise self._bad_layout or _told(refused, file.name) from None
        mine = tuple(one for one in found if not self.number or not one.account or _same(one.account, self.number))
        if not mine:
            raise _other(file.name, found, self.number)
        return mine

    def _fits(self, file: Dropped, parsed: _Parsed) -> None:
        """One account, its currency, and between two days' balances what the balance moved."""
        numbers = sorted({one.account for one in parsed if one.account})
        wanted = self.number or self._number or (numbers[0] if numbers else "")
        strange = [number for number in numbers if not _same(number, wanted)]
        if strange and len(strange) == len(numbers):
            raise _other(file.name, parsed, wanted)
        if strange:
            raise NotTaken(
                f"{file.name}: it holds several accounts ({', '.join(numbers)})",
                "Say in the setting number which of them this connection is of.",
            )
        for one in parsed:
            if one.currency != self.currency:
                raise NotTaken(
                    f"{file.name}: the account is in {one.currency}, this connection in {self.currency}",
                    "Correct the setting currency, or give the account a connection of its own.",
                )
        new = [_named(one, self.account, f"{file.name}#{at}") for at, one in enumerate(parsed)]
        spans = [_days(one) for one in new]
        near = [
            one
            for first, last, one in self._held
            if any((begin - last).days <= 1 and (first - end).days <= 1 for begin, end in spans)
        ]
        try:
            identity.merge([*near, *new])
        except Refused as refused:
            raise _told(refused, file.name) from None

    def _hold(self, file: Dropped, parsed: _Parsed) -> list[Seen]:
        rows = []
        for at, statement in enumerate(parsed):
            self._number = self._number or statement.account
            self._held.append((*_days(statement), _named(statement, self.account, f"{file.lies}#{at}")))
            for id, line in self._register.take(statement):
                day = line.day or file.written.date()
                record = BankTransaction(
                    id, day, line.amount, statement.currency, _text(line.description), self.account
                )
                raw = line.raw.encode() or msgspec.json.encode(line)
                rows.append(
                    Seen(KIND, id, record, raw, file.written, day, line.reference, line.amount, statement.currency)
                )
        newest = max(last for _first, last, _one in self._held)
        self._held = [held for held in self._held if (newest - held[1]).days <= _COMPARED]
        return rows

    def _says(self, parsed: _Parsed) -> str:
        names = ", ".join(sorted({one.layout for one in parsed}))
        return f"{sum(len(one.lines) for one in parsed)} lines, layout {names}"


def _text(description: str) -> str:
    return " ".join(description.split())


def _named(statement: Statement, account: str, file: str) -> Statement:
    """The same under one account and a name that no other file has: files of every day have one name."""
    return msgspec.structs.replace(statement, account=account, file=file)


def _days(statement: Statement) -> tuple[dt.date, dt.date]:
    """The days that it covers, as it says or as its lines do."""
    days = [line.day for line in statement.lines if line.day is not None]
    first = statement.first or min(days, default=dt.date.max)
    return first, statement.last or max(days, default=dt.date.min)


def _other(file: str, found: Sequence[Statement], wanted: str) -> NotTaken:
    numbers = ", ".join(sorted({one.account for one in found if one.account}))
    return NotTaken(
        f"{file}: it is of account {numbers}, this connection is of {wanted}",
        "Give each bank account a connection and a folder of its own.",
    )


def _same(one: str, two: str) -> bool:
    """Whether two spellings are one account number: without signs, with or without a bank's or branch's part."""
    left, right = _digits(one), _digits(two)
    if left == right:
        return True
    short, long = sorted((left, right), key=len)
    return len(short) >= _SHORTEST and long.endswith(short)


def _digits(text: str) -> str:
    return "".join(c for c in text.upper() if c.isalnum()).lstrip("0")


def _told(refused: Refused, file: str) -> NotTaken:
    """A refusal with its place, and with the cure that this connection has."""
    where = file
    if refused.row:
        where += f", row {refused.row}"
    if refused.row and refused.column:
        where += f", column {refused.column}"
    cure = refused.cure % refused.params
    if refused.cure == SAY_LAYOUT:
        cure = "Name the right one in the setting layout, or put a layout of your own into layouts/."
    return NotTaken(f"{where}: {refused.why % refused.params}", cure)


__all__ = ["KIND", "Statements"]
