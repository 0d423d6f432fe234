"""ERPNext as books: the connector's methods, each handed to the part that knows it."""

from __future__ import annotations

import time
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
from selaras.connectors.erpnext import checking
from selaras.connectors.erpnext.billing import Invoices
from selaras.connectors.erpnext.cash import Cash
from selaras.connectors.erpnext.chart import Chart
from selaras.connectors.erpnext.contacts import Contacts
from selaras.connectors.erpnext.credit import CreditNotes
from selaras.connectors.erpnext.drafts import Style
from selaras.connectors.erpnext.journals import Journals
from selaras.connectors.erpnext.orders import SalesOrders
from selaras.connectors.erpnext.reading import Reader
from selaras.connectors.erpnext.wire import Wire
from selaras.connectors.http import finish_by
from selaras.connectors.oauth import OAuth
from selaras.connectors.wire import deadline_now


class _Writer(Protocol):
    async def write(self, op: Op, writes: Sequence[Write]) -> list[Outcome]: ...


class ERPNext:
    """A signed-in site. `oauth` is the sign-in, for the page on which a person connects it; None with a key."""

    name = "erpnext"

    def __init__(
        self,
        wire: Wire,
        chart: Chart,
        style: Style,
        capabilities: Capabilities,
        *,
        zone: str,
        overlap: float,
        oauth: OAuth | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.capabilities = capabilities
        self.oauth = oauth
        self._wire = wire
        self._chart = chart
        self._style = style
        self._zone = zone
        self._clock = clock
        place = ZoneInfo(zone)
        self._reader = Reader(wire, chart, place, capabilities.page, overlap, clock)
        self._writers: dict[str, _Writer] = {
            "contact": Contacts(wire),
            "sales_order": SalesOrders(wire, chart, style),
            "invoice": Invoices(wire, chart, style),
            "credit_note": CreditNotes(wire, chart, style, place, clock),
            "receipt": Cash(wire, chart, 1),
            "refund_payment": Cash(wire, chart, -1),
            "journal": Journals(wire, chart),
        }

    @property
    def calls(self) -> int:
        """HTTP calls made so far, those of the sign-in left out."""
        return self._wire.calls

    async def check(self) -> Check:
        """User, company, currency, zone, clock, chart and rights; about two dozen reading calls."""
        return await checking.check(self._wire, self._chart, self._style, self._zone, self._clock)

    async def changed(self, kind: str, cursor: str) -> Changes:
        """The next page of what changed, in the order of `modified`, with an overlap of time."""
        return await self._reader.changed(kind, cursor)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records now; stock is asked for by item code, dimensions by "kind/name"."""
        self._bound(ids, self.capabilities.read_batch)
        return await self._reader.read(kind, ids)

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Documents that stand under these references."""
        self._bound(references, self.capabilities.read_batch)
        return await self._reader.find(kind, references)

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Write documents of one kind; no call begins that could end later than twice the time-out from now."""
        self._bound(writes, self.capabilities.batch)
        if not writes:
            return []
        until = self._clock() + 2 * self.capabilities.timeout
        given = deadline_now()
        with finish_by(until if given is None else min(until, given)):
            return await self._writers[kind].write(op, writes)

    def _bound(self, values: Sequence[object], most: int) -> None:
        if len(values) > most:
            raise ValueError(f"at most {most} in one call, not {len(values)}")

    def hints(self, webhook: Webhook) -> list[Hint]:
        """Books are polled here; a delivery cannot be ours."""
        raise BadSignature("no webhook of ERPNext is subscribed to")

    async def subscribe(self, url: str) -> str:
        """There is nothing to subscribe to."""
        return "none"

    async def close(self) -> None:
        """Close the HTTP sessions."""
        await self._wire.close()
        if self.oauth is not None:
            await self.oauth.close()
