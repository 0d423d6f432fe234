"""Tryton as books: the connector's methods, each handed to the part that knows it."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Protocol
from zoneinfo import ZoneInfo

from selaras.connectors.contract import (
    BadSignature,
    Capabilities,
    Changes,
    Check,
    Found,
    Hint,
    Op,
    Outcome,
    Seen,
    Webhook,
    Write,
)
from selaras.connectors.http import Http, finish_by
from selaras.connectors.tryton import checking
from selaras.connectors.tryton.billing import Invoices
from selaras.connectors.tryton.cash import Cash
from selaras.connectors.tryton.chart import Chart
from selaras.connectors.tryton.contacts import Contacts
from selaras.connectors.tryton.credit import CreditNotes
from selaras.connectors.tryton.entries import Journals
from selaras.connectors.tryton.ledger import Reconciler
from selaras.connectors.tryton.orders import Sales, SalesOrders
from selaras.connectors.tryton.reading import Reader, cursor_since
from selaras.connectors.tryton.shipping import Shipping
from selaras.connectors.tryton.wire import Wire


class _Writer(Protocol):
    async def write(self, op: Op, writes: Sequence[Write]) -> list[Outcome]: ...


class _Turn:
    """One writer at a time for one set of books: parallel postings only wait for each other's numbers there."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()


_TURNS: weakref.WeakValueDictionary[tuple[str, int], _Turn] = weakref.WeakValueDictionary()


class Tryton:
    """A signed-in Tryton."""

    name = "tryton"

    def __init__(
        self,
        wire: Wire,
        https: Sequence[Http],
        chart: Chart,
        capabilities: Capabilities,
        *,
        address: str,
        zone: str,
        clock: Callable[[], float] = time.time,
        overlap: float = 120.0,
        patience: float = 20.0,
        ship: bool = False,
    ) -> None:
        self.capabilities = capabilities
        self._wire = wire
        self._https = tuple(https)
        self._chart = chart
        self._address = address
        self._zone = zone
        self._clock = clock
        self._turn: _Turn | None = None
        self._reader = Reader(wire, chart, ZoneInfo(zone), capabilities.page, dt.timedelta(seconds=overlap))
        budget = capabilities.timeout
        sales, shipping, reconciler = Sales(wire, patience), Shipping(wire), Reconciler(wire)
        self._writers: dict[str, _Writer] = {
            "contact": Contacts(wire, budget),
            "sales_order": SalesOrders(wire, chart, sales, budget),
            "invoice": Invoices(wire, chart, sales, shipping, reconciler, budget, ship=ship),
            "receipt": Cash(wire, chart, reconciler, budget, 1),
            "credit_note": CreditNotes(wire, chart, shipping, reconciler, budget),
            "refund_payment": Cash(wire, chart, reconciler, budget, -1),
            "journal": Journals(wire, chart, budget),
        }

    @property
    def calls(self) -> int:
        """HTTP calls made so far, sign-ins included."""
        return sum(http.calls for http in self._https)

    async def check(self) -> Check:
        """Company, currency, zone, clock, chart and rights; about a dozen reading calls."""
        return await checking.check(self._wire, self._chart, self._zone, self._clock)

    async def changed(self, kind: str, cursor: str) -> Changes:
        """The next page of what changed, in the order of ids, with an overlap of time."""
        return await self._reader.changed(kind, cursor)

    def cursor_at(self, kind: str, instant: dt.datetime) -> str:
        """The cursor of what changed since a moment."""
        return cursor_since(instant)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records now; stock is asked for by product code."""
        self._bound(ids, self.capabilities.read_batch)
        return await self._reader.read(kind, ids)

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Documents under these references; the oldest one where a reference was used twice."""
        self._bound(references, self.capabilities.read_batch)
        if kind in ("receipt", "refund_payment", "journal"):  # what was begun is carried on
            async with self._lock():
                return await self._reader.find(kind, references)
        return await self._reader.find(kind, references)

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Write documents of one kind.

        Whatever it waits for, no call begins that could end later than twice the time-out from now: that is what the
        hub's lease allows.
        """
        self._bound(writes, self.capabilities.batch)
        if not writes:
            return []
        with finish_by(self._clock() + 2 * self.capabilities.timeout):
            async with self._lock():
                return await self._writers[kind].write(op, writes)

    def _lock(self) -> asyncio.Lock:
        key = (self._address, id(asyncio.get_running_loop()))
        turn = _TURNS.get(key)
        if turn is None:
            turn = _TURNS[key] = _Turn()
        self._turn = turn  # kept alive as long as somebody uses it
        return turn.lock

    def _bound(self, values: Sequence[object], most: int) -> None:
        if len(values) > most:
            raise ValueError(f"at most {most} in one call, not {len(values)}")

    def hints(self, webhook: Webhook) -> list[Hint]:
        """Tryton sends no webhooks, so none can be its."""
        raise BadSignature("Tryton sends no webhooks")

    async def subscribe(self, url: str) -> str:
        """There is nothing to subscribe to."""
        return "none"

    async def close(self) -> None:
        """Close the HTTP sessions."""
        for http in self._https:
            await http.close()
