"""Intake: webhook, poll, re-read and sweep all end here: records as they are now, kept once.

Nothing is computed from a message. A hint names a record; the record is read; what changed is kept and waits to be
planned. The cursor moves in the transaction that keeps the rows it covers.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from selaras.connectors.contract import Changes, ConnectorError, Expired, Seen, Throttled
from selaras.i18n import N_
from selaras.ledger.values import MICROSECOND, NewRecord, PendingHint, RecordKey
from selaras.model.money import NotExact, UnknownCurrency, to_minor
from selaras.model.order import Order
from selaras.model.party import Contact
from selaras.model.product import Product
from selaras.model.settlement import GatewayPayment
from selaras.rules.explain import Sentence
from selaras.sync.hub import Hub

# Kinds whose every version is kept for `explain`; mirrors keep only what is true now.
_HISTORY = frozenset({"order", "bank_transaction", "receipt", "journal", "purchase", "payment", "refund", "payout"})
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# Older orders are left to the sweep, so that a shop of many years does not read its past for ever.
_REREAD_DAYS = 60
_VANISHED = Sentence(
    N_("The source no longer has %(kind)s %(number)s; its documents stay in the books until a person decides.")
)
_STAMP = b'"updated_at":"'
_encoder = msgspec.json.Encoder(decimal_format="string")


def micros(instant: dt.datetime) -> int:
    """Microseconds since 1970 UTC of an aware instant, exactly."""
    return (instant - _EPOCH) // dt.timedelta(microseconds=1)


def is_open(record: object) -> bool:
    """Whether money may still move on a record without its stamp moving (reference/observed.md, "Stores")."""
    if isinstance(record, GatewayPayment):
        return record.state in ("pending", "authorised")
    return isinstance(record, Order) and (
        record.status in ("pending", "open")
        or (record.status == "completed" and (record.refunded < record.paid or record.paid < record.total))
    )


def as_new_record(connection: str, seen: Seen) -> NewRecord:
    """A record to keep; its digest covers everything but the stamp of its last change."""
    body = _encoder.encode(seen.record)
    total = None
    if seen.total is not None:
        try:
            total = to_minor(seen.total, seen.currency)
        except (UnknownCurrency, NotExact):
            total = None  # planning says so, with record and field; the sums cannot count what has no unit
    return NewRecord(
        key=RecordKey(connection, seen.kind, seen.id),
        number=seen.number or seen.id,
        day=seen.day.isoformat(),
        digest=hashlib.blake2b(_stampless(body), digest_size=16).hexdigest(),
        updated_at=micros(seen.updated_at),
        total=total,
        currency=seen.currency,
        body=body,
        raw=seen.raw,
        open=is_open(seen.record),
    )


def _stampless(body: bytes) -> bytes:
    """The record's JSON without the value of its `updated_at`; no text inside it can hold an unescaped quote."""
    start = body.find(_STAMP)
    if start < 0:
        return body
    start += len(_STAMP)
    return body[:start] + body[body.index(b'"', start) :]


class Intake:
    """Reads one connection. One reader per connection at a time, so that no older reading overtakes a newer one."""

    def __init__(self, hub: Hub, connection: str) -> None:
        self._hub = hub
        self._name = connection
        self._connector = hub.connectors[connection]
        self._turn = asyncio.Lock()
        self.polled: dict[str, float] = {}
        self.on_kept: list[Callable[[str, Sequence[NewRecord]], None]] = []
        # Told of everything that was read, whether it changed what is kept or not.
        self.on_seen: list[Callable[[str, Sequence[Seen]], None]] = []

    async def poll(self, kind: str, via: str = "poll", *, afresh: bool = False) -> int:
        """Read everything of `kind` that changed since the cursor (`afresh`: everything) and return what changed.

        Raises `ConnectorError`; what was read before it is kept. `polled` says when a poll last came to its end.
        """
        async with self._turn:
            return await self._poll(kind, via, afresh)

    async def _poll(self, kind: str, via: str, afresh: bool) -> int:
        started = self._hub.clock()
        ledger = self._hub.desk.ledger
        cursor = "" if afresh else await self._hub.desk(ledger.records.cursor, self._name, kind)
        changed = 0
        while True:
            changes = await self._connector.changed(kind, cursor)
            changed += await self.keep_page(kind, changes.seen, via, changes.cursor)
            cursor = changes.cursor
            if not changes.more:
                self.polled[kind] = started
                return changed

    async def page(self, kind: str, cursor: str, via: str) -> tuple[Changes, int]:
        """Read one page behind a cursor of the caller's own and keep it; returns it and how many records changed."""
        async with self._turn:
            changes = await self._connector.changed(kind, cursor)
            return changes, await self.keep_page(kind, changes.seen, via)

    async def look(self, kind: str, limit: int = 1000) -> int:
        """Read the records that hints name; a failure postpones them with its reason and is raised."""
        async with self._turn:
            return await self._look(kind, limit)

    async def _look(self, kind: str, limit: int) -> int:
        ledger, done = self._hub.desk.ledger, 0
        size = max(1, self._connector.capabilities.read_batch)
        while done < limit:
            hints = await self._hub.desk(ledger.records.hints, self._name, kind, self._hub.now(), size)
            if not hints:
                return done
            # Where many are read one by one, and any of those calls may fail, all of them at once would never be.
            hints = hints[: max(1, size >> 2 * max(hint.tries for hint in hints))]
            nameless = [hint for hint in hints if not hint.key.id]
            try:
                if nameless:
                    await self._poll(kind, "webhook", afresh=False)
                    await self._hub.desk.write(ledger.records.looked, nameless)
                    continue
                seen = await self._connector.read(kind, [hint.key.id for hint in hints])
            except ConnectorError as error:
                await self._postpone(nameless or hints, error)
                raise
            await self.keep_page(kind, seen, "webhook", None, hints)
            done += len(hints)
        return done

    async def forget(self, kind: str, limit: int = 1000) -> None:
        """Let go of hints of a kind that is not read for its own sake, else they would be due for ever."""
        ledger = self._hub.desk.ledger
        while hints := await self._hub.desk(ledger.records.hints, self._name, kind, self._hub.now(), limit):
            await self._hub.desk.write(ledger.records.looked, hints)

    async def reread_open(self, kind: str, older_than: float, limit: int = 500) -> int:
        """Read records again that are not final: a payment or refund may have left their stamp still."""
        async with self._turn:
            return await self._reread_open(kind, older_than, limit)

    async def _reread_open(self, kind: str, older_than: float, limit: int) -> int:
        ledger, size = self._hub.desk.ledger, max(1, self._connector.capabilities.read_batch)
        before = self._hub.now() - int(older_than * MICROSECOND)
        since = self._hub.now() - _REREAD_DAYS * 86_400 * MICROSECOND
        ids = await self._hub.desk(
            partial(ledger.records.open_ids, changed_since=since), self._name, kind, before, limit
        )
        changed = 0
        for start in range(0, len(ids), size):
            batch = ids[start : start + size]
            try:
                seen = await self._connector.read(kind, batch)
            except ConnectorError as error:
                if not isinstance(error, Throttled | Expired):
                    # Their turn comes again after the others': what cannot be read holds up none behind it.
                    await self._hub.desk.write(ledger.records.touch, self._name, kind, batch, self._hub.now())
                raise
            changed += await self.keep_page(kind, seen, "reread", None)
            await self._hub.desk.write(ledger.records.touch, self._name, kind, batch, self._hub.now())
        return changed

    async def _postpone(self, hints: Sequence[PendingHint], error: ConnectorError) -> None:
        wait = error.retry_after if isinstance(error, Throttled) else 0.0
        # Where a sign-in has ended most often only a person can mend it.
        wait = max(wait, min(60.0, (5.0 if isinstance(error, Expired) else 0.5) * 2 ** min(hints[0].tries, 7)))
        due = self._hub.now() + int(wait * MICROSECOND)
        await self._hub.desk.write(self._hub.desk.ledger.records.postpone, hints, due, error.message)

    async def keep_page(
        self,
        kind: str,
        seen: Sequence[Seen],
        via: str,
        cursor: str | None = None,
        hints: Sequence[PendingHint] = (),
    ) -> int:
        """Keep one reading, with the cursor and the hints that it answers, in one transaction."""
        records = [as_new_record(self._name, s) for s in seen if s.record is not None]
        missing = [s.id for s in seen if s.record is None]
        ledger, now = self._hub.desk.ledger, self._hub.now()

        def keep() -> list[NewRecord]:
            changed = ledger.records.keep(records, via, now, history=kind in _HISTORY)
            if cursor is not None:
                ledger.records.advance(self._name, kind, cursor, now)
            ledger.records.looked(hints)
            for number in ledger.records.vanished(self._name, kind, missing):
                said = _VANISHED(kind=kind, number=number)
                ledger.connections.event(self._name, "warning", "record_vanished", said, now)
            return changed

        def keep_and_learn() -> list[NewRecord]:
            # The mirror changes in the thread that plans with it: a contact that is being replaced is there or is
            # there anew, never missing.
            with ledger.transaction():
                changed = keep()
            mirror = self._hub.mirrors.get(self._name)
            if mirror is not None and changed:
                mirror.learn_contacts(s.record for s in seen if isinstance(s.record, Contact))
                mirror.learn_products(s.record for s in seen if isinstance(s.record, Product))
                mirror.learn_chart(s.record for s in seen)
            return changed

        changed = await self._hub.desk(keep_and_learn)
        for listener in self.on_kept:
            listener(kind, changed)
        for told in self.on_seen:
            told(kind, seen)
        return len(changed)
