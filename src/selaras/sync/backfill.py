"""The first back-fill: orders from before the pair's first day, oldest first, batch by batch, with pause and resume.

Each batch is drafted, the books are asked for documents that people typed in, and then, in one transaction, what
stands is linked, the rest is planned and the place is moved. A kill before that transaction has done nothing, after it
everything; the postings themselves are sent by the same protocol as all others. A batch is begun only when live work
has gone and the batch before is nearly through, so that a new order waits behind one batch at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from selaras.connectors.contract import ConnectorError, Throttled, Transient
from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import MICROSECOND, Settlement, StoredRecord
from selaras.sync.admission import Backfill, backfill_of, keep_backfill
from selaras.sync.adopting import Asked, amended, ask
from selaras.sync.apply import Dispatcher
from selaras.sync.backfill_status import BackfillStatus, backfill_status
from selaras.sync.closing import refused
from selaras.sync.finding import pair_of
from selaras.sync.hub import Hub, Pair
from selaras.sync.intake import Intake
from selaras.sync.orders import OrderPlanner

BATCH: Final = 100
# So many postings of the batch before may be under way still (they are being retried, say) when the next one begins.
_NEARLY: Final = 20
_PATIENCE: Final = 6
_LAST_WAIT: Final = 30.0
_BOOKS_FIRST: Final = ("closing", "product", "contact", "receipt")
_STORE_FIRST: Final = ("product", "order")

Progress = Callable[[str, int], None]


# -- what people ask for -----------------------------------------------------------------------------------------------


def start_backfill(ledger: Ledger, store: str | None, first: str, last: str, now: int, who: str) -> BackfillStatus:
    """Begin a back-fill of these days (ISO, inclusive); the engine, or `run_backfill`, does it.

    Raises `LedgerError` when the pair has no first day, the days are the wrong way round, or one is running already.
    """
    pair = pair_of(ledger, store)
    _check_days(pair, first, last)
    before = backfill_of(ledger, pair.store)
    if before is not None and before.state == "running":
        raise LedgerError(
            f"A back-fill of {pair.store} from {before.first} to {before.last} is running.",
            f"Let it finish, or pause it: `selaras backfill pause {pair.store}`.",
        )
    earlier = before.reached if before is not None else ()
    with ledger.transaction():
        keep_backfill(ledger, pair.store, Backfill(first, last, who=who, started_at=now, earlier=earlier), now)
    return backfill_status(ledger, pair.store)


def _check_days(pair: Pair, first: str, last: str) -> None:
    if pair.policy.begin is None:
        raise LedgerError(
            f"{pair.store} has no first day: all its orders are posted by themselves, the old ones too.",
            f"Say from which day on: `selaras pair {pair.store} {pair.books} --set begin=2026-10-01`.",
        )
    if last < first:
        raise LedgerError(f"The back-fill would end on {last}, before it begins on {first}.", "Turn the days round.")


def pause_backfill(ledger: Ledger, store: str | None, now: int, who: str) -> BackfillStatus:
    """Begin no further batch; what is planned already is still sent. Raises `LedgerError` when none is running."""
    return _turn(ledger, store, "running", "paused", now, who)


def resume_backfill(ledger: Ledger, store: str | None, now: int, who: str) -> BackfillStatus:
    """Go on where it was paused. Raises `LedgerError` when none is paused or running."""
    pair = pair_of(ledger, store)
    before = backfill_of(ledger, pair.store)
    if before is not None and before.state == "running":
        return backfill_status(ledger, pair.store)  # its process was stopped; whoever works on it goes on
    return _turn(ledger, store, "paused", "running", now, who)


def _turn(ledger: Ledger, store: str | None, before: str, after: str, now: int, who: str) -> BackfillStatus:
    pair = pair_of(ledger, store)
    with ledger.transaction():
        backfill = backfill_of(ledger, pair.store)
        if backfill is None or backfill.state != before:
            state = "none" if backfill is None else backfill.state
            raise LedgerError(
                f"No back-fill of {pair.store} is {before} (state: {state}).",
                f"See `selaras backfill status {pair.store}`.",
            )
        changed = msgspec.convert(msgspec.to_builtins(backfill) | {"state": after, "who": who}, Backfill)
        keep_backfill(ledger, pair.store, changed, now)
    return backfill_status(ledger, pair.store)


# -- the work ----------------------------------------------------------------------------------------------------------


class BackfillFlow:
    """The back-fill of one pair, step by step."""

    def __init__(self, hub: Hub, pair: Pair, batch: int = BATCH) -> None:
        self._hub = hub
        self._pair = pair
        self._batch = batch
        self._planner = OrderPlanner(hub, pair)

    async def running(self) -> bool:
        """Whether there is something to do."""
        backfill = await self._hub.desk(backfill_of, self._hub.desk.ledger, self._pair.store)
        return backfill is not None and backfill.state == "running"

    async def prepare(self, intakes: Mapping[str, Intake]) -> None:
        """Read what planning needs and has not been read since this process began. Raises `ConnectorError`."""
        for name, kinds in ((self._pair.books, _BOOKS_FIRST), (self._pair.store, _STORE_FIRST)):
            for kind in kinds:
                if kind in self._hub.connectors[name].capabilities.sources and kind not in intakes[name].polled:
                    await intakes[name].poll(kind, "backfill")

    async def in_the_way(self) -> bool:
        """Whether live work, or the rest of the batch before, goes first."""
        ledger = self._hub.desk.ledger
        if await self._hub.desk(ledger.records.unplanned, self._pair.store, "order", 1):
            return True
        return await self._hub.desk(ledger.postings.backlog, self._pair.books, _NEARLY + 1) > _NEARLY

    async def step(self) -> bool:
        """Plan the next batch; False when there is none (or it was paused). Raises `ConnectorError`."""
        records = await self._hub.desk(self._next)
        if records is None:
            return False
        asked = Asked({}, {})
        if records:
            drafts = await self._hub.desk(self._planner.draft, records, {r.key.id for r in records})
            asked = await ask(self._hub, self._pair, drafts)
        return await self._hub.desk.write(self._keep, records, asked)

    def _next(self) -> list[StoredRecord] | None:
        backfill = backfill_of(self._hub.desk.ledger, self._pair.store)
        return None if backfill is None or backfill.state != "running" else self._behind(backfill)

    def _behind(self, backfill: Backfill) -> list[StoredRecord]:
        ledger, place = self._hub.desk.ledger, (backfill.day, backfill.id)
        return ledger.records.behind(self._pair.store, "order", backfill.first, backfill.last, place, self._batch)

    def _keep(self, records: list[StoredRecord], asked: Asked) -> bool:
        ledger, store, now = self._hub.desk.ledger, self._pair.store, self._hub.now()
        backfill = backfill_of(ledger, store)
        if backfill is None or backfill.state != "running":
            return False  # paused meanwhile
        # As they are now: one may have been read again while the books were asked.
        fresh = self._behind(backfill)
        if [r.key for r in fresh] != [r.key for r in records]:
            return True  # an older order came in meanwhile, or another process took this batch
        if not fresh:
            keep_backfill(ledger, store, msgspec.structs.replace(backfill, state="done", finished_at=now), now)
            return False
        drafts, links = amended(self._planner.draft(fresh, {r.key.id for r in fresh}), asked)
        self._planner.keep(fresh, drafts)
        streams = list({link.stream for link in links})
        ids = {
            (posting.stream, posting.key, posting.version): posting.id
            for postings in ledger.postings.of_streams(self._pair.books, streams).values()
            for posting in postings
        }
        for link in links:
            ledger.postings.link(link, ids[link.stream, link.key, link.version], now)
        place = fresh[-1]
        streams_here = {row.stream for draft in drafts for row in draft.postings}
        moved = msgspec.structs.replace(
            backfill, day=place.day, id=place.key.id,
            linked=backfill.linked + len({link.stream for link in links}),
            documents=backfill.documents + len(links),
            conflicts=backfill.conflicts + len(streams_here & asked.other.keys()),
        )  # fmt: skip
        keep_backfill(ledger, store, moved, now)
        return True


async def run_backfill(hub: Hub, pair: Pair, progress: Progress = lambda what, count: None) -> BackfillStatus:
    """Do the running back-fill of a pair to its end, in this process (where no `serve` does it).

    Raises `ConnectorError` when a system stays out of reach; what is done stays done, and it goes on where it was.
    """
    ledger, flow, dispatcher = hub.desk.ledger, BackfillFlow(hub, pair), Dispatcher(hub, pair.books)
    if ledger.sole_owner:
        await hub.desk.write(ledger.postings.resume, pair.books, hub.now(), dispatcher.settle_time)
        await hub.desk.write(ledger.connections.free_lanes)

    def learn(settlements: Sequence[Settlement]) -> None:
        ledger.records.replan(refused(ledger, pair, settlements, hub.now()))

    dispatcher.within.append(learn)
    await flow.prepare({name: Intake(hub, name) for name in (pair.store, pair.books)})
    failures = 0
    while True:
        await _send(hub, pair, dispatcher, until_done=False)
        try:
            more = await flow.step()
        except (Transient, Throttled) as error:
            failures += 1
            if failures > _PATIENCE:
                raise
            await asyncio.sleep(error.retry_after if isinstance(error, Throttled) else 0.2 * 2**failures)
            continue
        failures = 0
        status = await hub.desk(backfill_status, ledger, pair.store)
        progress("orders", status.done)
        if not more:
            break
    await _send(hub, pair, dispatcher, until_done=True)
    return await hub.desk(backfill_status, ledger, pair.store)


async def _send(hub: Hub, pair: Pair, dispatcher: Dispatcher, *, until_done: bool) -> None:
    """Send what is due until the queue is (nearly) empty; what must wait long is left to the engine."""
    ledger = hub.desk.ledger
    planner = OrderPlanner(hub, pair)
    while True:
        if await dispatcher.drain():
            await planner.plan()  # what the books refused for its day gets an open one
        due = await hub.desk(ledger.postings.next_due, pair.books)
        left = await hub.desk(ledger.postings.backlog, pair.books, _NEARLY + 1)
        if due is None or (not until_done and left <= _NEARLY):
            return
        wait = due / MICROSECOND - hub.clock()
        if wait > _LAST_WAIT:
            if until_done:
                return
            raise ConnectorError(f"{pair.books} takes no documents at the moment.", cure="Resume the back-fill later.")
        await asyncio.sleep(min(max(wait, 0.05), 1.0))
