"""Connectors with one mistake each, as connectors are really written. The contract kit must fail every one of them."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from selaras.connectors.contract import (
    Ambiguous,
    BadSignature,
    Changes,
    Connector,
    ConnectorError,
    Done,
    Failed,
    Hint,
    Op,
    Outcome,
    Rejected,
    Seen,
    Transient,
    Webhook,
    Write,
)
from selaras.model.document import StockLevel
from selaras.model.order import Order


class Mutant:
    """All calls go to the good connector, but for those that a mistake replaces."""

    def __init__(self, inner: Connector) -> None:
        self.inner = cast(Any, inner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def mutant(kind: type[Mutant]) -> Callable[[Connector], Connector]:
    """As the rigs want it."""
    return lambda connector: cast(Connector, kind(connector))


def remade(seen: Seen, **changes: Any) -> Seen:
    """A row whose order was changed."""
    if not isinstance(seen.record, Order):
        return seen
    return msgspec.structs.replace(seen, record=msgspec.structs.replace(seen.record, **changes))


# -- both


class AmbiguousIsTransient(Mutant):
    """A lost answer is taken for a failure that can be repeated."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        try:
            return cast(list[Outcome], await self.inner.write(kind, op, writes))
        except Ambiguous as error:
            raise Transient(error.message) from None


class SuccessOn200(Mutant):
    """HTTP 200 is success; nobody looks at the items."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        outcomes = await self.inner.write(kind, op, writes)
        return [Done(id="1") if isinstance(outcome, Failed) else outcome for outcome in outcomes]


class Swallows(Mutant):
    """`except Exception` around the call, and on with the next one."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        try:
            return cast(list[Outcome], await self.inner.write(kind, op, writes))
        except ConnectorError:
            return [Done(id=str(number)) for number, _ in enumerate(writes)]


class TriesAgain(Mutant):
    """A write that failed is sent again at once."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        try:
            return cast(list[Outcome], await self.inner.write(kind, op, writes))
        except Ambiguous:
            return cast(list[Outcome], await self.inner.write(kind, op, writes))


class NothingIsAnError(Mutant):
    """An empty list was never thought of."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        if not writes:
            raise Rejected("nothing to write")
        return cast(list[Outcome], await self.inner.write(kind, op, writes))


class SaysOtherCurrency(Mutant):
    """The check says what stands in the settings."""

    async def check(self) -> Any:
        return msgspec.structs.replace(await self.inner.check(), currency="EUR")


class EverythingIsTransient(Mutant):
    """There is one kind of error: try again later."""

    async def _told(self, call: Any) -> Any:
        try:
            return await call
        except ConnectorError as error:
            raise Transient(error.message) from None

    async def changed(self, kind: str, cursor: str) -> Changes:
        return cast(Changes, await self._told(self.inner.changed(kind, cursor)))

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        return cast(list[Outcome], await self._told(self.inner.write(kind, op, writes)))


# -- stores


class DedupesByDeliveryId(Mutant):
    """A delivery id that was seen before is old news."""

    def __init__(self, inner: Connector) -> None:
        super().__init__(inner)
        self.known: set[str] = set()

    def hints(self, webhook: Webhook) -> list[Hint]:
        id = webhook.headers.get("x-store-delivery", "")
        if id in self.known:
            return []
        self.known.add(id)
        return cast(list[Hint], self.inner.hints(webhook))


class FloatMoney(Mutant):
    """JSON numbers as Python gives them."""

    def _float(self, seen: Seen) -> Seen:
        return remade(seen, total=float(seen.total or 0))

    async def changed(self, kind: str, cursor: str) -> Changes:
        changes = await self.inner.changed(kind, cursor)
        return Changes([self._float(s) for s in changes.seen], changes.cursor, changes.more)


class HundredTimes(Mutant):
    """Rupiah taken for a currency with sen in use."""

    async def changed(self, kind: str, cursor: str) -> Changes:
        changes = await self.inner.changed(kind, cursor)
        rows = [remade(s, total=s.total * 100) if s.total is not None else s for s in changes.seen]
        return Changes(rows, changes.cursor, changes.more)


class LastRowIsTheCursor(Mutant):
    """Go on after the last row's second."""

    async def changed(self, kind: str, cursor: str) -> Changes:
        page = await self.inner.client.window(kind, int(cursor) if cursor else None, None, 1)
        rows = [row.seen for row in page.rows if row.seen is not None]
        onward = str(page.rows[-1].second) if page.rows else cursor or "0"
        return Changes(rows, onward, page.total > len(page.rows))


class PageNumbers(Mutant):
    """Page 1, 2, 3 … of a list that moves meanwhile; the time of the poll is taken at its end."""

    async def changed(self, kind: str, cursor: str) -> Changes:
        after, number = cursor.split("/") if cursor else ("0", "1")
        page = await self.inner.client.window(kind, int(after) or None, None, int(number))
        rows = [row.seen for row in page.rows if row.seen is not None]
        if int(number) * 100 < page.total:
            return Changes(rows, f"{after}/{int(number) + 1}", True)
        return Changes(rows, f"{page.clock}/1", False)


class HubTime(Mutant):
    """The cursor is the hub's own time."""

    async def changed(self, kind: str, cursor: str) -> Changes:
        page = await self.inner.client.window(kind, int(cursor) if cursor else None, None, 1)
        rows = [row.seen for row in page.rows if row.seen is not None]
        return Changes(rows, str(int(dt.datetime.now(dt.UTC).timestamp())), False)


class Remembers(Mutant):
    """What was given once is not given again, whatever the cursor."""

    known: set[str]

    async def changed(self, kind: str, cursor: str) -> Changes:
        changes = await self.inner.changed(kind, cursor)
        shared = self.inner.__class__.__dict__.get("_kit_known") or set()
        type(self.inner)._kit_known = shared
        rows = [s for s in changes.seen if s.raw not in shared]
        shared.update(s.raw for s in rows)
        return Changes(rows, changes.cursor, changes.more)


class NaiveDays(Mutant):
    """The day is that of UTC."""

    async def changed(self, kind: str, cursor: str) -> Changes:
        changes = await self.inner.changed(kind, cursor)
        rows = [
            msgspec.structs.replace(s, day=s.day + dt.timedelta(days=1)) if isinstance(s.record, Order) else s
            for s in changes.seen
        ]
        return Changes(rows, changes.cursor, changes.more)


class CachesByUpdateTime(Mutant):
    """Why read again what has not changed?"""

    def __init__(self, inner: Connector) -> None:
        super().__init__(inner)
        self.cache: dict[str, Seen] = {}

    async def changed(self, kind: str, cursor: str) -> Changes:
        changes = await self.inner.changed(kind, cursor)
        self.cache.update({s.id: s for s in changes.seen})
        return cast(Changes, changes)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        rows = await self.inner.read(kind, ids)
        return [
            old if (old := self.cache.get(s.id)) and (old.updated_at == s.updated_at or s.record is None) else s
            for s in rows
        ]


class LeavesOutWhatIsGone(Mutant):
    """The rows that the answer has, in its order."""

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        return [s for s in await self.inner.read(kind, ids) if s.record is not None]


class DraftsAreOrders(Mutant):
    """Whatever the list has is an order."""

    async def changed(self, kind: str, cursor: str) -> Changes:
        page = await self.inner.client.window(kind, None, None, 1)
        (some,) = [row.seen for row in page.rows if row.seen is not None][:1]
        rows = [
            row.seen or msgspec.structs.replace(some, id=str(row.key), record=msgspec.structs.replace(some.record))
            for row in page.rows
        ]
        return Changes(rows, "1", False)


class NotReentrant(Mutant):
    """What is under way is kept on the object."""

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        self.asked = ids
        await self.inner.read(kind, ids)
        return cast(list[Seen], await self.inner.read(kind, self.asked))


class HintsSayNothing(Mutant):
    """A delivery means: poll."""

    def hints(self, webhook: Webhook) -> list[Hint]:
        self.inner.hints(webhook)
        return [Hint("order", "")]


class SignsParsedJson(Mutant):
    """The framework has parsed the body already, so it is written again for the signature."""

    def hints(self, webhook: Webhook) -> list[Hint]:
        with contextlib.suppress(ValueError):
            compact = json.dumps(json.loads(webhook.body), separators=(",", ":"), ensure_ascii=False).encode()
            webhook = msgspec.structs.replace(webhook, body=compact)
        return cast(list[Hint], self.inner.hints(webhook))


class AnyAge(Mutant):
    """A good signature is good for ever."""

    def hints(self, webhook: Webhook) -> list[Hint]:
        stamp = webhook.headers.get("x-store-timestamp", "0")
        at = dt.datetime.fromtimestamp(int(stamp), dt.UTC)
        return cast(list[Hint], self.inner.hints(msgspec.structs.replace(webhook, received_at=at)))


class RefusesPings(Mutant):
    """No signature, no entry."""

    def hints(self, webhook: Webhook) -> list[Hint]:
        if "x-store-signature" not in webhook.headers:
            raise BadSignature("no signature")
        return cast(list[Hint], self.inner.hints(webhook))


class SubscribedOnce(Mutant):
    """Subscribing was done at the installation."""

    async def subscribe(self, url: str) -> str:
        if not await self.inner.client.webhooks():
            await self.inner.subscribe(url)
        return "ok"


class IgnoresVersions(Mutant):
    """The last write wins."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        blind = [
            msgspec.structs.replace(w, document=msgspec.structs.replace(w.document, version=""))
            if isinstance(w.document, StockLevel)
            else w
            for w in writes
        ]
        return cast(list[Outcome], await self.inner.write(kind, op, blind))


class OffByOne(Mutant):
    """A piece is kept back, in the wrong place."""

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        less = [
            msgspec.structs.replace(w, document=msgspec.structs.replace(w.document, available=w.document.available - 1))
            if isinstance(w.document, StockLevel)
            else w
            for w in writes
        ]
        return cast(list[Outcome], await self.inner.write(kind, op, less))
