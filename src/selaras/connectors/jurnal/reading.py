"""Reading Jurnal: what changed, what a record is now, and which documents stand under a reference.

Lists cannot be asked for changes, so a poll reads a window of them again, the newest day first, and the ledger
compares what it gets with what it has. The first poll reads to the beginning. New rows push others to later pages
(they are read twice); a row that is deleted pulls them to earlier ones: then the count shrinks and the poll steps
back a page.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.contract import Changes, Found, Seen
from selaras.connectors.cursors import read_cursor
from selaras.connectors.jurnal import mapping
from selaras.connectors.jurnal.chart import Chart
from selaras.connectors.jurnal.client import Client, unreadable
from selaras.connectors.jurnal.credit import Credits
from selaras.connectors.jurnal.looking import Finder
from selaras.connectors.jurnal.shelf import Shelf
from selaras.connectors.jurnal.values import (
    BANK_DEPOSIT,
    BANK_WITHDRAWAL,
    CREDIT_MEMO,
    CUSTOMER,
    JOURNAL_ENTRY,
    PRODUCT,
    PURCHASE_INVOICE,
    RECEIVE_PAYMENT,
    SALES_INVOICE,
    SALES_ORDER,
    SALES_RETURN,
    Row,
    Spec,
    custom_id,
    day,
)

_BAD: Final = (KeyError, TypeError, ValueError, AttributeError)
_CHARTED: Final = ("account", "tax", "warehouse", "dimension")
LISTS: Final[dict[str, tuple[Spec, ...]]] = {
    "contact": (CUSTOMER,),
    "product": (PRODUCT,),
    "purchase": (PURCHASE_INVOICE,),
    "journal": (JOURNAL_ENTRY,),
    "bank_transaction": (BANK_DEPOSIT, BANK_WITHDRAWAL),
    "sales_order": (SALES_ORDER,),
    "invoice": (SALES_INVOICE,),
    "receipt": (RECEIVE_PAYMENT,),
    "credit_note": (CREDIT_MEMO, SALES_RETURN),
}
_DATED: Final = frozenset(LISTS) - {"contact", "product"}
_SORT: Final = {"contact": "display_name", "product": "name"}
SOURCES: Final = frozenset(LISTS) | {"stock", *_CHARTED}
_MARKS: Final = {"cm": CREDIT_MEMO, "sr": SALES_RETURN, "d": BANK_DEPOSIT, "w": BANK_WITHDRAWAL, "r": RECEIVE_PAYMENT}


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a poll stands: it reads from the day `since`, began on `until`; `list` and `page` are next."""

    since: str = ""
    until: str = ""
    list: int = 0
    page: int = 1
    count: int = 0


class Reader:
    """Reads every kind. `window` is how many days before today a poll reads again."""

    def __init__(
        self, client: Client, finder: Finder, chart: Chart, credits: Credits, shelf: Shelf, zone: ZoneInfo,
        clock: Callable[[], float], *, window: int, suspense: str,
    ) -> None:  # fmt: skip
        self._client = client
        self._finder = finder
        self._chart = chart
        self._credits = credits
        self._shelf = shelf
        self._zone = zone
        self._clock = clock
        self._window = dt.timedelta(days=window)
        self._suspense = suspense

    def _today(self) -> dt.date:
        return dt.datetime.fromtimestamp(self._clock(), self._zone).date()

    # -- changes ----------------------------------------------------------------------------------------------------

    async def changed(self, kind: str, text: str) -> Changes:
        """The next page of a poll."""
        at = read_cursor(text, Cursor)
        today = at.until or self._today().isoformat()
        over = Changes((), _text(Cursor(since=(dt.date.fromisoformat(today) - self._window).isoformat())), False)
        if kind == "stock":
            return Changes([self._stock(s) for s in await self._shelf.all()], over.cursor, False)
        if kind in _CHARTED:
            return Changes(await self._charted(kind), over.cursor, False)
        specs = LISTS[kind]
        spec = specs[at.list]
        more: dict[str, object] = {}
        if kind == "product" and at.since:
            # Whole days, of Jurnal's zone; the day before is read again (swagger, "Get List of Products").
            more = {"updated_start_date": _slashes(at.since), "updated_end_date": _slashes(today, days=1)}
        sort = _SORT.get(kind) or "transaction_date"
        rows, pages, count = await self._finder.listed(spec, at.page, newest=kind in _DATED, more=more, sort=sort)
        if at.count and count < at.count and at.page > 1:
            return Changes((), _text(Cursor(at.since, today, at.list, at.page - 1, count)), True)
        found = [await self._seen(kind, spec, row) for row in rows]
        done = at.page >= pages or not rows
        if kind in _DATED and at.since and rows and not done:
            done = _dated(rows[-1]) < at.since
        if at.since and kind in _DATED:
            found = [seen for seen in found if seen.day.isoformat() >= at.since]
        if not done:
            return Changes(found, _text(Cursor(at.since, today, at.list, at.page + 1, count)), True)
        if at.list + 1 < len(specs):
            return Changes(found, _text(Cursor(at.since, today, at.list + 1)), True)
        return Changes(found, over.cursor, False)

    async def _suspense_id(self) -> str:
        return (await self._chart.account(self._suspense, "account_suspense")).id if self._suspense else ""

    async def _seen(self, kind: str, spec: Spec, row: Row) -> Seen:
        try:
            return self._record(kind, spec, row, await self._suspense_id() if kind == "bank_transaction" else "")
        except _BAD as error:
            raise unreadable(f"{spec.name} {row.get('id')}", error) from None

    def _record(self, kind: str, spec: Spec, row: Row, suspense: str) -> Seen:
        currency = str(row.get("currency_code") or self._chart.currency)
        if kind == "contact":
            person = mapping.contact(row)
            return mapping.seen(kind, person, row, number=person.name)
        if kind == "product":
            product = self._shelf.product(row)
            return mapping.seen(kind, product, row, number=product.code)
        if kind == "journal":
            entry = mapping.journal(row)
            return mapping.seen(kind, entry, row, entry.date, number=entry.number, total=entry.total, currency=currency)
        if kind == "bank_transaction":
            line = mapping.bank_transaction(row, spec, suspense)
            return mapping.seen(kind, line, row, line.date, number=line.id, total=line.amount, currency=line.currency)
        record: Any
        if kind == "credit_note":
            record = mapping.credit_note(row, spec)
        elif kind == "receipt":
            record = mapping.receipt(row, spec)
        else:
            make: dict[str, Callable[[Row], Any]] = {
                "sales_order": mapping.sales_order, "invoice": mapping.invoice, "purchase": mapping.purchase,
            }  # fmt: skip
            record = make[kind](row)
        return mapping.seen(kind, record, row, record.date, number=record.number, total=record.total, currency=currency)

    # -- records by id ----------------------------------------------------------------------------------------------

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records now, in the order asked for; stock is asked for by product code."""
        if not ids:
            return []
        now = dt.datetime.fromtimestamp(self._clock(), dt.UTC)
        today = self._today()
        found: dict[str, Seen] = {}
        if kind == "stock":
            found = {one.id: one for one in map(self._stock, await self._shelf.of(ids))}
        elif kind in _CHARTED:
            found = {seen.id: seen for seen in await self._charted(kind)}
        else:
            for id in dict.fromkeys(ids):
                row, spec = await self._one(kind, id)
                if row is not None:
                    found[id] = await self._seen(kind, spec, row)
        return [found.get(id) or Seen(kind, id, None, b"", now, today) for id in ids]

    async def _one(self, kind: str, id: str) -> tuple[Row | None, Spec]:
        spec = LISTS[kind][0]
        bare = id
        marks = mapping.PAYMENTS if kind == "receipt" else _MARKS
        for mark, other in marks.items():
            if id.startswith(mark) and (kind == "receipt" or other in LISTS[kind]):
                spec, bare = other, id.removeprefix(mark)
        return (await self._finder.one(spec, bare) if bare.isdecimal() else None), spec

    def _stock(self, entry: tuple[Any, Row]) -> Seen:
        stock, row = entry
        now = dt.datetime.fromtimestamp(self._clock(), dt.UTC)
        return Seen("stock", stock.code, stock, msgspec.json.encode(row), now, self._today(), stock.code)

    async def _charted(self, kind: str) -> list[Seen]:
        reads: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
            "account": self._chart.accounts, "tax": self._chart.taxes, "warehouse": self._chart.warehouses,
            "dimension": self._chart.tags,
        }  # fmt: skip
        now = dt.datetime.fromtimestamp(self._clock(), dt.UTC)
        today = self._today()
        return [
            Seen(kind, one.id, one, msgspec.json.encode(one), now, today, one.name)
            for one in (await reads[kind](fresh=True)).values()
        ]

    # -- documents by reference -------------------------------------------------------------------------------------

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Documents under these references."""
        wanted = list(dict.fromkeys(references))
        if not wanted:
            return {}
        currency = self._chart.currency
        if kind == "credit_note":
            notes = await self._credits.find(wanted)
            return {
                reference: mapping.found_of(_MARKS[mark], row, currency, reference, mark)
                for reference, (mark, row) in notes.items()
            }
        found: dict[str, Found] = {}
        for prefix, spec in _places(kind):
            left = [one for one in wanted if one not in found]
            by_id = {custom_id(spec.mark, one): one for one in left}
            for name, row in (await self._finder.many(spec, list(by_id))).items() if by_id else ():
                reference = by_id[name]
                found[reference] = mapping.found_of(spec, row, currency, reference, prefix)
        return found


def _places(kind: str) -> tuple[tuple[str, Spec], ...]:
    """Where documents of a kind are, and the letters before their ids."""
    if kind == "receipt":
        return tuple(mapping.PAYMENTS.items())
    if kind == "refund_payment":
        return (("w", BANK_WITHDRAWAL),)
    return (("", LISTS[kind][0]),)


def _dated(row: Row) -> str:
    try:
        return day(row.get("transaction_date")).isoformat()
    except ValueError:
        return ""


def _slashes(text: str, *, days: int = 0) -> str:
    return (dt.date.fromisoformat(text) + dt.timedelta(days=days)).strftime("%d/%m/%Y")


def _text(cursor: Cursor) -> str:
    return msgspec.json.encode(cursor).decode()
