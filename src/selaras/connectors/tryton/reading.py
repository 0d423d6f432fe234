"""Reading Tryton: what changed, what a record is now, and which documents stand under a reference.

Tryton cannot sort by "last changed" (`write_date` is empty until the first change), so a poll asks for everything
that changed since the last one began, in the order of ids, page after page. What changes while it runs is seen by the
next: each poll begins where the last one began, minus an overlap, because a row of a long transaction becomes visible
with the stamp of its beginning.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.contract import Changes, Found, Seen, Transient
from selaras.connectors.tryton.chart import Books, Chart
from selaras.connectors.tryton.mapping import EXTRA, KINDS, Kind, changed_since, seen_of, status_of
from selaras.connectors.tryton.shelf import Shelf
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


def cursor_of(text: str) -> Cursor:
    """A cursor from its text; the beginning when it is not one of ours."""
    if not text:
        return Cursor()
    try:
        return msgspec.json.decode(text, type=Cursor)
    except msgspec.MsgspecError:
        return Cursor()


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
        self.shelf = Shelf(wire, chart)

    async def changed(self, kind: str, cursor: str) -> Changes:
        """The next page of records that changed."""
        if kind == CLOSING:
            return Changes([await self._closing()], CLOSING, False)
        at = cursor_of(cursor)
        books = await self._chart.books()
        since = dt.datetime.fromisoformat(at.since) if at.since else None
        if kind == "stock":
            seen, last, more = await self._changed_stock(books, since, at.after)
        else:
            rows, more = await self._rows_after(KINDS[kind], books, since, at.after)
            last = rows[-1]["id"] if rows else 0
            seen = self._seen(kind, rows, books)
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
            what = KINDS[kind]
            rows = await self._wire.rows(what.model, [*self._domain(what, books), self._ids(kind, ids)], what.fields)
            found = self._seen(kind, rows, books)
        there = {seen.id: seen for seen in found}
        now = self._now()
        day = now.astimezone(self._zone).date()
        return [there.get(one) or Seen(kind, one, None, b"", now, day) for one in ids]

    async def _closing(self) -> Seen:
        record = Closing(await self._chart.closed_until())
        now = self._now()
        return Seen(CLOSING, CLOSING, record, msgspec.json.encode(record), now, now.astimezone(self._zone).date())

    def _ids(self, kind: str, ids: Sequence[str]) -> list[Any]:
        if kind != "receipt":
            return ["id", "in", [int(one) for one in ids if one.isdecimal()]]
        moves = [int(one[1:]) for one in ids if one[:1] == "m" and one[1:].isdecimal()]
        lines = [f"account.statement.line,{one}" for one in ids if one.isdecimal()]
        return ["OR", ["move", "in", moves], ["origin", "in", lines]]

    def _domain(self, kind: Kind, books: Books) -> list[Any]:
        own = [] if kind.model in _COMMON else [["company", "=", books.company_id]]
        return [*own, *kind.domain]

    def _now(self) -> dt.datetime:
        return self._wire.served_at or dt.datetime.now(dt.UTC)

    async def _rows_after(
        self, kind: Kind, books: Books, since: dt.datetime | None, after: int
    ) -> tuple[list[Row], bool]:
        own = [] if kind.model in _COMMON else [["company", "=", books.company_id]]
        domain = [*own, *changed_since(kind, since), ["id", ">", after]]
        rows = await self._wire.rows(kind.model, domain, kind.fields, limit=self._page)
        return rows, len(rows) == self._page

    def _seen(self, kind: str, rows: Sequence[Row], books: Books) -> list[Seen]:
        try:
            return [seen_of(kind, row, books, self._zone) for row in rows]
        except _BAD as error:
            raise Transient(f"Tryton's answer for {kind} lacks {error}", code="unreadable") from None

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
        rows = await self._wire.rows(
            "account.statement.line",
            [["company", "=", books.company_id], ["number", "in", wanted]],
            ["number", "amount", "currency", "origin", "statement.state", "move.number"],
        )
        sign = -1 if kind == "refund_payment" else 1
        kept: dict[str, list[Row]] = {}
        for row in rows:
            stands = row["statement"]["state"] == "posted" or (
                row["origin"] and row["statement"]["state"] != "cancelled"
            )
            if stands and sign * row["amount"] > ZERO:
                kept.setdefault(row["number"], []).append(row)
        found = {}
        for name, lines in kept.items():
            total = sum((sign * line["amount"] for line in lines), ZERO)
            first, move = lines[0], lines[0].get("move")
            found[name] = Found(
                str(first["id"]), name, (move.get("number") or "") if isinstance(move, dict) else "", total,
                books.code_of(first["currency"]), "paid" if first["statement"]["state"] == "posted" else "open",
            )  # fmt: skip
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


def sale_of_invoice(row: Row) -> str:
    """The sale that an invoice row bills, "" when it has none."""
    sales = row.get("sales") or ()
    return str(sales[0]) if sales else reference(row.get("origin"), "sale.sale")
