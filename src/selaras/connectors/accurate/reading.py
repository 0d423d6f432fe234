"""Reading: cursors over `lastUpdate`, records by number, and searches for our references.

A poll asks for rows changed at or after a second, ordered by (lastUpdate, id), and goes on from the last row's second;
only where one second fills more than a page does it turn pages within it. So nothing is missed when rows change while
they are read, and what shares a second with the last row is read again. `lastUpdate` has whole seconds and no zone
(reference/accounting-apis.md §4: Jakarta time presumed). The next poll begins `overlap` before the last row seen.

Lines of journals, purchases and unexplained deposits are only in `detail.do`, one call for each (public code: "a day of
208 journals took 211 calls"); lists of those kinds are therefore short.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Final, NoReturn
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.accurate.drafts import Choices, is_ours
from selaras.connectors.accurate.mapping import ENTITY, FIELDS, found_of, number_of, seen_of
from selaras.connectors.accurate.values import Row, equal_to, instant_of, stamp_text, text_of
from selaras.connectors.accurate.wire import Wire
from selaras.connectors.contract import Changes, Found, Seen, Transient
from selaras.connectors.cursors import read_cursor

PAGE: Final = 100
_SHORT: Final = 20
_LONG_AGO: Final = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
_ORDERLY: Final = "lastUpdate|asc;id|asc"

# What a kind is read from: (part, entity, filters, whether the lines have to be fetched one by one).
_Part = tuple[str, str, tuple[tuple[str, str], ...], str]
_PARTS: Final[dict[str, tuple[_Part, ...]]] = {
    "contact": (("contact", "customer", (), "never"),),
    "product": (("product", "item", (), "never"),),
    "sales_order": (("sales_order", "sales-order", (), "never"),),
    "invoice": (("invoice", "sales-invoice", (("filter.invoiceDp", "false"),), "never"),),
    "receipt": (("receipt", "sales-receipt", (), "foreign"),),
    "credit_note": (("credit_note", "sales-return", (), "never"),),
    "journal": (("journal", "journal-voucher", (), "always"),),
    "bank_transaction": (
        ("deposit", "other-deposit", (), "clearing"),
        ("payment", "other-payment", (), "never"),
    ),
    "purchase": (
        ("purchase", "receive-item", (), "always"),
        ("purchase", "purchase-invoice", (("filter.invoiceDp", "false"),), "always"),
    ),
}
_FIELDS_OF: Final = {"payment": "deposit"}
# Sales returns cannot be filtered by number, and only the lines of a voucher say what it comes to: these are asked for
# one by one.
_ONE_BY_ONE: Final = frozenset({"credit_note", "journal"})


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a poll stands: the part it reads, the second it goes on from, and the page within that second.

    `begins` are the seconds from which the next poll reads each part; `newest` is the last second seen of this part.
    Should Accurate not keep the order that it was asked for, pages are turned instead.
    """

    part: int = 0
    since: str = ""
    page: int = 1
    newest: str = ""
    begins: tuple[str, ...] = ()


class Reader:
    """Reads one database."""

    def __init__(self, wire: Wire, choices: Choices, zone: ZoneInfo, overlap: dt.timedelta, read_batch: int) -> None:
        self._wire = wire
        self._choices = choices
        self._zone = zone
        self._overlap = overlap
        self._read_batch = read_batch

    async def changed(self, kind: str, cursor: str) -> Changes:
        """The next page of rows changed since `cursor`."""
        at = read_cursor(cursor, Cursor)
        parts = _PARTS[kind]
        part, entity, filters, lines = parts[min(at.part, len(parts) - 1)]
        detailed = lines == "always" or (lines == "clearing" and bool(self._choices.clearing))
        size = _SHORT if detailed else PAGE
        begins = at.begins if len(at.begins) == len(parts) else ("",) * len(parts)
        since = at.since or begins[at.part]
        pairs = list(filters)
        if since:
            pairs += [("filter.lastUpdate.op", "GREATER_EQUAL_THAN"), ("filter.lastUpdate.val", since)]
        found = await self._wire.page(
            entity, pairs, FIELDS[_FIELDS_OF.get(part, part)], page=at.page, size=size, sort=_ORDERLY
        )
        seen = await self._seen(kind, part, entity, found.rows, lines)
        stamps = [text_of(row, "lastUpdate") for row in found.rows]
        newest = max((at.newest or since, *stamps), key=self._instant)
        if found.page < found.pages and found.rows:
            instants = [self._instant(stamp) for stamp in stamps]
            if stamps[-1] == since or instants != sorted(instants):
                following = Cursor(at.part, since, at.page + 1, newest, begins)
            else:
                following = Cursor(at.part, stamps[-1], 1, newest, begins)
            return Changes(seen, _text(following), True)
        begins = (*begins[: at.part], self._before(newest), *begins[at.part + 1 :])
        more = at.part + 1 < len(parts)
        return Changes(seen, _text(Cursor(at.part + 1 if more else 0, begins=begins)), more)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records now, by number."""
        parts = {part: (entity, lines) for part, entity, _filters, lines in _PARTS[kind]}
        rows: dict[str, Seen] = {}
        if kind in ("bank_transaction", "purchase", "journal") or kind in _ONE_BY_ONE or kind == "receipt":
            asked = [
                self._one(kind, part, entity, number)
                for number in ids
                for part, entity in self._places(kind, parts, number)
            ]
            for seen in await asyncio.gather(*asked):
                if seen is not None:
                    rows[seen.id] = seen
        else:
            entity, _lines = next(iter(parts.values()))
            for row in await self._listed(kind, entity, ids):
                seen = self._record(kind, kind, row)
                rows[seen.id] = seen
        now = dt.datetime.now(dt.UTC)
        return [rows.get(one) or Seen(kind, one, None, b"", now, now.astimezone(self._zone).date()) for one in ids]

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Documents of these numbers, exactly as written."""
        found: dict[str, Found] = {}
        for row in await self.rows(kind, references):
            one = found_of(kind, row, self._choices.currency)
            if one.reference in references:
                found.setdefault(one.reference, one)
        return found

    async def rows(self, kind: str, numbers: Sequence[str]) -> list[Row]:
        """Rows of these numbers, in few calls where the entity can be filtered by number."""
        entity = ENTITY[kind]
        if kind in _ONE_BY_ONE:
            asked = [self._wire.detail(entity, [("number", number)]) for number in numbers]
            return [row for row in await asyncio.gather(*asked) if row is not None]
        rows: list[Row] = []
        for start in range(0, len(numbers), self._read_batch):
            rows += await self._listed(kind, entity, numbers[start : start + self._read_batch])
        return rows

    # -- inside -----------------------------------------------------------------------------------------------------

    async def _listed(self, kind: str, entity: str, numbers: Sequence[str]) -> list[Row]:
        if not numbers:
            return []
        name = "no" if kind in ("contact", "product") else "number"
        wanted = set(numbers)
        found = await self._wire.page(entity, equal_to(name, list(numbers)), FIELDS[kind], size=PAGE)
        # A filter that Accurate does not know is ignored in silence: what was not asked for is left out here.
        return [row for row in found.rows if number_of(kind, row) in wanted]

    @staticmethod
    def _places(kind: str, parts: dict[str, tuple[str, str]], number: str) -> list[tuple[str, str]]:
        if kind == "bank_transaction":
            part = "deposit" if number.startswith("D:") else "payment"
            return [(part, parts[part][0])]
        if kind == "purchase":
            return [("purchase", entity) for _part, entity, _filters, _lines in _PARTS[kind]]
        return [(part, entity) for part, (entity, _lines) in parts.items()]

    async def _one(self, kind: str, part: str, entity: str, number: str) -> Seen | None:
        asked = number.partition(":")[2] if kind == "bank_transaction" else number
        row = await self._wire.detail(entity, [("number", asked)]) if asked else None
        return None if row is None else self._record(kind, part, row)

    async def _seen(self, kind: str, part: str, entity: str, rows: Sequence[Row], lines: str) -> list[Seen]:
        whole: list[Row] = list(rows)
        wanted = [
            place
            for place, row in enumerate(rows)
            if lines == "always"
            or (lines == "clearing" and self._choices.clearing)
            or (lines == "foreign" and not is_ours(text_of(row, "description")))
        ]
        details = await asyncio.gather(
            *(self._wire.detail(entity, [("number", text_of(rows[place], "number"))]) for place in wanted)
        )
        for place, detail in zip(wanted, details, strict=True):
            if detail is not None:
                whole[place] = {**rows[place], **detail}
        return [self._record(kind, part, row) for row in whole]

    def _record(self, kind: str, part: str, row: Row) -> Seen:
        try:
            seen = seen_of(part, row, self._zone, self._choices.currency, self._choices.clearing)
        except (KeyError, ValueError, TypeError) as error:
            self._unreadable(kind, row, error)
        return seen if seen.kind == kind else msgspec.structs.replace(seen, kind=kind)

    def _instant(self, stamp: str) -> dt.datetime:
        try:
            return instant_of(stamp, self._zone)
        except ValueError:
            return _LONG_AGO

    def _before(self, last: str) -> str:
        """Where the next poll begins: a little before the last row, for what becomes visible late."""
        if not last:
            return ""
        return stamp_text(instant_of(last, self._zone) - self._overlap, self._zone)

    def _unreadable(self, kind: str, row: Row, error: Exception) -> NoReturn:
        number = text_of(row, "number") or text_of(row, "customerNo") or text_of(row, "no") or text_of(row, "id")
        raise Transient(f"{kind} {number} of Accurate cannot be read: {error}", code="unreadable") from None


def _text(cursor: Cursor) -> str:
    return msgspec.json.encode(cursor).decode()
