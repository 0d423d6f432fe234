"""Reading Tryton: what changed, what a record is now, and which documents stand under a reference.

Tryton cannot sort by "last changed" (`write_date` is empty until the first change), so a poll asks for everything
that changed since the last one began, in the order of ids, page after page. What changes while it runs is seen by the
next: each poll begins where the last one began, minus an overlap, because a row of a long transaction becomes visible
with the stamp of its beginning.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.contract import Changes, Found, LockedPeriod, Rejected, Seen, Transient
from selaras.connectors.cursors import read_cursor
from selaras.connectors.tryton import origins
from selaras.connectors.tryton.chart import Books, Chart
from selaras.connectors.tryton.exchanges import finish
from selaras.connectors.tryton.mapping import (
    ENTRY,
    EXTRA,
    KINDS,
    Kind,
    changed_since,
    seen_as,
    seen_of,
    status_of,
)
from selaras.connectors.tryton.shelf import Shelves
from selaras.connectors.tryton.slips import (
    ENTRY_ID,
    Slip,
    cancelled,
    debit_of,
    entry_of,
    found_of,
    is_entry,
    is_money,
    receipts_of,
    slips,
    slips_of,
)
from selaras.connectors.tryton.statements import close, waiting
from selaras.connectors.tryton.values import Row, reference
from selaras.connectors.tryton.wire import Wire
from selaras.model.closing import CLOSING, Closing
from selaras.model.money import ZERO

_COMMON: Final = frozenset({"party.party", "product.product", "stock.location"})
_BAD: Final = (KeyError, TypeError, AttributeError, IndexError)


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a poll stands: it asks for changes from `since` on, began at `until`, and has read ids to `after`."""

    since: str = ""
    until: str = ""
    after: int = 0


def cursor_since(instant: dt.datetime) -> str:
    """The cursor of what changed since a moment (aware)."""
    return msgspec.json.encode(Cursor(instant.astimezone(dt.UTC).isoformat())).decode()


class Reader:
    """The reading half of the connector."""

    def __init__(self, wire: Wire, chart: Chart, zone: ZoneInfo, page: int, overlap: dt.timedelta) -> None:
        self._wire = wire
        self._chart = chart
        self._zone = zone
        self._page = page
        self._overlap = overlap
        self.shelf = Shelves(wire, chart)

    async def changed(self, kind: str, cursor: str) -> Changes:
        """The next page of records that changed."""
        if kind == CLOSING:
            return Changes([await self._closing()], CLOSING, False)
        at = read_cursor(cursor, Cursor)
        books = await self._chart.books()
        since = dt.datetime.fromisoformat(at.since) if at.since else None
        if kind == "stock":
            seen, last, more = await self._changed_stock(books, since, at.after)
        else:
            also = await origins.changed(self._wire, books, since) if since and kind == "bank_transaction" else ()
            rows, more = await self._rows_after(KINDS[kind], books, since, at.after, also)
            last = rows[-1]["id"] if rows else 0
            seen = await self._records(kind, rows, books)
        until = at.until or self._now().isoformat()
        if more:
            following = Cursor(at.since, until, last)
        else:
            following = Cursor((dt.datetime.fromisoformat(until) - self._overlap).isoformat())
        return Changes(seen, msgspec.json.encode(following).decode(), more)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records now, in the order asked for."""
        if not ids:
            return []
        if kind == CLOSING:
            one = await self._closing()
            return [one if i == CLOSING else Seen(kind, i, None, b"", one.updated_at, one.day) for i in ids]
        books = await self._chart.books()
        if kind == "stock":
            found = await self._stock(books, dict.fromkeys(ids, 0))
        else:
            what, numbers = KINDS[kind], [int(one) for one in ids if one.isdecimal()]
            found = []
            match kind:
                case "receipt":
                    found += self._receipts(await slips_of(self._wire, books, numbers), books)
                    asked: list[Any] = ["move", "in", [int(i[1:]) for i in ids if i[:1] == "m" and i[1:].isdecimal()]]
                case "journal":
                    lines = [int(i[1:]) for i in ids if i[:1] == ENTRY_ID and i[1:].isdecimal()]
                    found += self._entries(await slips_of(self._wire, books, lines), books)
                    asked = ["id", "in", numbers]
                case _:
                    asked = ["id", "in", numbers]
            if asked[2]:
                rows = await self._wire.rows(what.model, [*self._domain(what, books), asked], what.fields)
                found += await self._records(kind, rows, books)
        there = {seen.id: seen for seen in found}
        now = self._now()
        day = now.astimezone(self._zone).date()
        return [there.get(one) or Seen(kind, one, None, b"", now, day) for one in ids]

    async def _closing(self) -> Seen:
        record = Closing(await self._chart.closed_until())
        now = self._now()
        return Seen(CLOSING, CLOSING, record, msgspec.json.encode(record), now, now.astimezone(self._zone).date())

    def _domain(self, kind: Kind, books: Books) -> list[Any]:
        own = [] if kind.model in _COMMON else [["company", "=", books.company_id]]
        return [*own, *kind.domain]

    def _now(self) -> dt.datetime:
        return self._wire.served_at or dt.datetime.now(dt.UTC)

    async def _rows_after(
        self, kind: Kind, books: Books, since: dt.datetime | None, after: int, also: Sequence[int] = ()
    ) -> tuple[list[Row], bool]:
        """A page of what changed; `also` are ids that changed by what lies elsewhere."""
        own = [] if kind.model in _COMMON else [["company", "=", books.company_id]]
        changed = changed_since(kind, since)
        if also:
            changed[-1] = [*changed[-1], ["id", "in", list(also)]]
        domain = [*own, *changed, ["id", ">", after]]
        rows = await self._wire.rows(kind.model, domain, kind.fields, limit=self._page)
        return rows, len(rows) == self._page

    async def _records(self, kind: str, rows: list[Row], books: Books) -> list[Seen]:
        """Rows as records, with what other records say of them: whether they were cancelled, or are free again."""
        brought: list[Slip] = []
        if kind == "bank_transaction":
            await origins.set_free(self._wire, books, rows)
        elif kind == "journal":
            gone = await cancelled(self._wire, [row["id"] for row in rows])
            rows = [{**row, "void": row["id"] in gone} for row in rows]
        elif kind == "receipt":
            lines = [reference(row["origin"], "account.statement.line") for row in rows]
            brought = await slips_of(self._wire, books, [int(line) for line in lines if line])
            typed = [row for row, line in zip(rows, lines, strict=True) if not line]
            gone = await cancelled(self._wire, [row["move"]["id"] for row in typed])
            rows = [{**row, "void": row["move"]["id"] in gone} for row in typed]
        try:
            return [seen_of(kind, row, books, self._zone) for row in rows] + self._receipts(brought, books)
        except _BAD as error:
            raise Transient(f"Tryton's answer for {kind} lacks {error}", code="unreadable") from None

    def _receipts(self, found: Sequence[Slip], books: Books) -> list[Seen]:
        return [
            seen_as("receipt", one, dt.datetime.fromisoformat(one.updated_at), lines, self._zone)
            for slip in found
            for one, lines in receipts_of(slip, books)
        ]

    def _entries(self, found: Sequence[Slip], books: Books) -> list[Seen]:
        made = [(entry_of(slip, books), slip.lines) for slip in found]
        return [
            seen_as("journal", one, dt.datetime.fromisoformat(one.updated_at), lines, self._zone) for one, lines in made
        ]

    # -- stock ------------------------------------------------------------------------------------------------------

    async def _changed_stock(self, books: Books, since: dt.datetime | None, after: int) -> tuple[list[Seen], int, bool]:
        if since is None:
            rows, more = await self._rows_after(KINDS["product"], books, None, after)
            codes = [row["code"] for row in rows if row["type"] == "goods" and row["code"] and row["active"]]
            last = rows[-1]["id"] if rows else 0
        else:
            codes = await self.shelf.moved(books, since)
            last, more = 0, False
        seen: list[Seen] = []
        for start in range(0, len(codes), self._page):
            seen += await self._stock(books, dict.fromkeys(codes[start : start + self._page], 0))
        return seen, last, more

    async def _stock(self, books: Books, codes: dict[str, int]) -> list[Seen]:
        now = self._now()
        stocks = await self.shelf.stock(books, list(codes), now)
        day = now.astimezone(self._zone).date()
        return [Seen("stock", stock.code, stock, msgspec.json.encode(stock), now, day, stock.code) for stock in stocks]

    # -- search -----------------------------------------------------------------------------------------------------

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Documents under these references. Half-made ones (drafts of invoices and payments) do not count."""
        wanted = list(dict.fromkeys(references))
        if not wanted:
            return {}
        books = await self._chart.books()
        match kind:
            case "contact":
                return await self._find_contacts(wanted)
            case "sales_order":
                return await self._find_sales(books, wanted)
            case "invoice" | "credit_note":
                return await self._find_bills(books, kind, wanted)
            case "journal":
                return await self._find_entries(books, wanted)
            case _:
                return await self._find_money(books, kind, wanted)

    async def _find_contacts(self, wanted: list[str]) -> dict[str, Found]:
        rows = await self._wire.rows(
            "party.identifier", [["code", "in", wanted], ["type", "=", None]], ["code", "party.code"]
        )
        found: dict[str, Found] = {}
        for row in rows:
            found.setdefault(row["code"], Found(str(row["party"]["id"]), row["code"], row["party"]["code"] or ""))
        return found

    async def _find_sales(self, books: Books, wanted: list[str]) -> dict[str, Found]:
        rows = await self._wire.rows(
            "sale.sale",
            [
                ["company", "=", books.company_id],
                ["reference", "in", wanted],
                ["OR", ["description", "=", None], ["description", "!=", EXTRA]],
            ],
            ["reference", "number", "state", "total_amount", "currency"],
        )
        # One that lives goes before one that was cancelled, the oldest first.
        rows.sort(key=lambda row: (row["state"] == "cancelled", row["id"]))
        return self._found(books, rows)

    async def _find_bills(self, books: Books, kind: str, wanted: list[str]) -> dict[str, Found]:
        rows = await self._wire.rows(
            "account.invoice",
            [
                ["company", "=", books.company_id],
                ["type", "=", "out"],
                ["reference", "in", wanted],
                ["state", "in", ["posted", "paid", "cancelled"]],
            ],
            ["reference", "number", "state", "total_amount", "currency"],
        )
        credit = kind == "credit_note"
        rows = [row for row in rows if (row["total_amount"] < ZERO) == credit]
        rows.sort(key=lambda row: (row["state"] == "cancelled", row["id"]))
        return self._found(books, rows, -1 if credit else 1)

    async def _find_money(self, books: Books, kind: str, wanted: list[str]) -> dict[str, Found]:
        """Slips that stand: what was taken back may be written again under its reference."""
        sign = -1 if kind == "refund_payment" else 1
        found: dict[str, Found] = {}
        for slip in await self._standing(books, wanted):
            if is_money(sign)(slip):
                found.setdefault(slip.number, found_of(slip, books, sign * slip.owed, str(slip.id)))
        return found

    async def _standing(self, books: Books, wanted: list[str]) -> list[Slip]:
        """Slips under these numbers. What a lost answer left unbooked of them, a bank statement or the difference of an
        exchange, is booked now."""
        found = await slips(self._wire, books, [["number", "in", wanted]])
        if await close(self._wire, books, waiting(found)):
            found = await slips(self._wire, books, [["number", "in", wanted]])
        standing = [slip for slip in found if slip.stands]
        await finish(self._wire, books, [line for slip in standing for line in slip.lines])
        return standing

    async def _find_entries(self, books: Books, wanted: list[str]) -> dict[str, Found]:
        """Entries that stand. One that was made and whose answer was lost before it was posted is posted now."""
        named = [
            ["company", "=", books.company_id],
            ["description", "in", [f"{ENTRY}{one}" for one in wanted]],
            ["origin", "=", None],
        ]
        fields = ["description", "number", "state", "lines.debit"]
        rows = await self._wire.rows("account.move", named, fields)
        if drafts := [row["id"] for row in rows if row["state"] == "draft"]:
            with contextlib.suppress(Rejected, LockedPeriod):  # what cannot be posted is written anew, and refused
                await self._wire.press("account.move", "post", drafts)
            rows = await self._wire.rows("account.move", [*named, ["state", "=", "posted"]], fields)
        gone = await cancelled(self._wire, [row["id"] for row in rows])
        found: dict[str, Found] = {}
        for row in rows:
            if row["id"] not in gone:
                name = row["description"].removeprefix(ENTRY)
                total = sum((line["debit"] for line in row["lines"]), ZERO)
                found.setdefault(name, Found(str(row["id"]), name, row["number"] or "", total, books.currency, "open"))
        for slip in await self._standing(books, wanted):
            if is_entry(slip):
                found.setdefault(slip.number, found_of(slip, books, debit_of(slip), f"{ENTRY_ID}{slip.id}"))
        return found

    def _found(self, books: Books, rows: Sequence[Row], sign: int = 1) -> dict[str, Found]:
        found: dict[str, Found] = {}
        for row in rows:
            one = Found(
                str(row["id"]), row["reference"], row.get("number") or "", sign * row["total_amount"],
                books.code_of(row["currency"]), status_of(row),
            )  # fmt: skip
            found.setdefault(one.reference, one)
        return found
