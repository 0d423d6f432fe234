"""The asyncio engine: one process, one loop, a few lanes that wake each other.

Reading lanes (one for each connection, so that no older reading overtakes a newer one) wake the planning lane of their
pairs; planning wakes the sending lanes; what was sent wakes planning and stock. Whatever is lost on the way is found by
the next turn, because each lane asks the ledger what there is to do.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from zoneinfo import ZoneInfo

from selaras.connectors.contract import Seen
from selaras.engine.lane import Lane, Work
from selaras.engine.schedule import Schedule, parse
from selaras.engine.watching import ending_grants, keep_webhooks
from selaras.ledger.values import MICROSECOND, NewRecord, RecordKey, Settlement, State
from selaras.sync import closing
from selaras.sync.apply import Dispatcher
from selaras.sync.backfill import BackfillFlow
from selaras.sync.hand_edits import HandEdits
from selaras.sync.hub import Hub, Pair
from selaras.sync.installation import DEFAULT_SCHEDULES
from selaras.sync.intake import Intake
from selaras.sync.mirror import CHART_KINDS
from selaras.sync.money import MoneyFlow
from selaras.sync.money_in import BANK, PAYMENT, PAYOUT
from selaras.sync.objectives import measure_stock
from selaras.sync.orders import OrderPlanner
from selaras.sync.payments import PaymentFlow
from selaras.sync.payouts import KEY as PAYOUT_KEY
from selaras.sync.stock import StockFlow
from selaras.sync.sweep import Sweep, Swept
from selaras.sync.telling import BANK_KEY

# What is read from either side, most needed first; products and contacts before the orders that name them.
KINDS = (
    "closing", "account", "tax", "warehouse", "dimension", "product", "contact", "stock", "order", "bank_transaction",
    "receipt", "journal", "payment", "refund", "payout",
)  # fmt: skip
# The store's own stock is read when it is written; only the books' stock is news.
_NOT_POLLED = {"store": frozenset({"stock"})}
# What a bank or gateway tells of: money lines, and what a gateway paid out. Such a connection takes part in no pair.
MONEY_KINDS = frozenset({"bank_transaction", "payment", "refund", "payout"})
# Seconds after a document was sent until the stock that it moved is read, and between two workings-out of stock.
_AFTER_SENDING = 0.5
_STOCK_PAUSE = 0.5
# Seconds between two looks whether the next batch of a back-fill may go.
_AFTER_LIVE = 0.2
# Seconds after which a payment that is not paid yet is asked for again.
_PAYMENT_AGE = 900.0
# How old (in seconds) the mirror of the books may be when orders are planned.
_FRESH = {"product": 60.0, "contact": 10.0}
# What a newly read product or contact, a change of the books' chart or of their closed period may put right.
_CURED_BY = {
    "product": ("unmatched_product",), "contact": ("contact_tie",), "closing": closing.CAUSES,
    **dict.fromkeys(CHART_KINDS, ("mapping_unfit",)),
}  # fmt: skip


class Service:
    """Keeps the pairs of a hub in step until it is stopped."""

    def __init__(self, hub: Hub, schedules: Mapping[str, str] | None = None, *, public_url: str = "") -> None:
        self.hub = hub
        self.public_url = public_url
        texts = DEFAULT_SCHEDULES | dict(schedules or {})
        self.schedules: dict[str, Schedule] = {kind: parse(text) for kind, text in texts.items()}
        self.intakes = {name: Intake(hub, name) for name in hub.connectors}
        self.dispatchers = {name: Dispatcher(hub, name) for name in hub.connectors}
        self.stocks = {p.store: StockFlow(hub, p, self.intakes[p.store]) for p in hub.pairs}
        self.swept: dict[str, Swept] = {}
        self.lanes: dict[str, Lane] = {}
        self._planners = {p.store: OrderPlanner(hub, p) for p in hub.pairs}
        self._edits = {p.books: HandEdits(hub, p.books) for p in hub.pairs}
        self._backfills = {p.store: BackfillFlow(hub, p) for p in hub.pairs}
        self._payments = {books: PaymentFlow(hub, books) for books in dict.fromkeys(p.books for p in hub.pairs)}
        self._money = {books: MoneyFlow(hub, books) for books in dict.fromkeys(p.books for p in hub.pairs)}
        self._feeds = {feed.connection: feed.books for feed in hub.feeds}
        self._reconsider: set[str] = set()
        self._cured: dict[str, tuple[str, ...]] = {}
        self._next: dict[tuple[str, str], float] = {}
        # Polls that somebody waits for: asked for, due because of what was sent, or failed and to be repeated.
        self._asked: set[tuple[str, str]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        for name in hub.connectors:
            self._lane(f"read {name}", partial(self._read, name))
            self._lane(f"send {name}", partial(self._send, name))
            self.intakes[name].on_kept.append(partial(self._kept, name))
            self.dispatchers[name].within.append(self._plan_paid)
            self.dispatchers[name].after.append(self._sent)
        for pair in hub.pairs:
            self._lane(f"plan {pair.store}", partial(self._plan, pair))
            if f"money {pair.books}" not in self.lanes:
                self._lane(f"money {pair.books}", partial(self._match, pair.books))
            self._lane(f"stock {pair.store}", partial(self._stock, pair))
            self._lane(f"sweep {pair.store}", partial(self._sweep, pair))
            self._lane(f"watch {pair.store}", partial(self._watch, pair))
            self._lane(f"backfill {pair.store}", partial(self._backfill, pair))
            self.intakes[pair.store].on_kept.append(self.stocks[pair.store].listed)
            self.intakes[pair.books].on_kept.append(self.stocks[pair.store].changed)
            self.intakes[pair.books].on_seen.append(partial(self._seen, pair))
            self.dispatchers[pair.store].after.append(partial(self._overtaken, pair))
            self.dispatchers[pair.books].after.append(partial(self._booked, pair))

    def _lane(self, name: str, work: Work) -> None:
        self.lanes[name] = Lane(name, work, partial(self._report, name.split(" ", 1)[1]), self.hub.clock)

    # -- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take up what a process before us left, then start every lane."""
        ledger = self.hub.desk.ledger
        for name, dispatcher in self.dispatchers.items():
            await self.hub.desk.write(ledger.postings.hasten_expired, name, self.hub.now())
            if ledger.sole_owner:  # else what is in doubt may be under way in another process: its lease decides
                await self.hub.desk.write(ledger.postings.resume, name, self.hub.now(), dispatcher.settle_time)
        if ledger.sole_owner:
            await self.hub.desk.write(ledger.connections.free_lanes)
        for flow in self.stocks.values():
            await self.hub.desk(flow.everything)
        for pair in self.hub.pairs:
            # What news had begun to cure, or to make payable, when the process before us ended.
            self._reconsider.add(pair.books)
            self._cured[pair.store] = tuple(dict.fromkeys(cause for causes in _CURED_BY.values() for cause in causes))
        self._tasks = [asyncio.create_task(lane.run(), name=lane.name) for lane in self.lanes.values()]

    async def stop(self) -> None:
        """Stop every lane; a call that is under way is settled or stays in doubt, never lost."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def wake(self, connection: str, kind: str = "") -> None:
        """Something happened at a connection: look at its hints now, and poll `kind` now if it is given."""
        if kind in self._polled(connection) or (kind == "documents" and connection in self._edits):
            self._next[(connection, kind)] = 0.0
            self._asked.add((connection, kind))
        self.lanes[f"read {connection}"].wake()

    async def quiet(self) -> bool:
        """Nothing runs, nothing waits to be read, planned or sent."""
        busy = self._busy()
        for backfill in self._backfills.values():
            busy = busy or await backfill.running()
        busy = busy or await self.hub.desk(self.hub.desk.ledger.pending, self.hub.idle)
        return not busy and not self._busy()  # something may have begun while the ledger was asked

    def _busy(self) -> bool:
        busy = bool(self._asked) or any(not lane.idle for lane in self.lanes.values())
        busy = busy or any(flow.open for flow in self.stocks.values())
        return busy or bool(self._reconsider) or any(self._cured.values())

    async def settle(self, timeout: float, *, interval: float = 0.05) -> bool:
        """Wait until two looks in a row find nothing to do; False when `timeout` seconds passed first."""
        end, calm = self.hub.clock() + timeout, 0
        while self.hub.clock() < end:
            calm = calm + 1 if await self.quiet() else 0
            if calm == 2:
                return True
            await asyncio.sleep(interval)
        return False

    async def _report(self, connection: str, level: str, code: str, message: str) -> None:
        ledger = self.hub.desk.ledger
        await self.hub.desk.write(ledger.connections.event, connection, level, code, message, self.hub.now())

    # -- listeners -------------------------------------------------------------------------------------------------

    def _kept(self, connection: str, kind: str, records: Sequence[NewRecord]) -> None:
        if records and kind in (BANK, PAYMENT, PAYOUT):
            books = self._feeds.get(connection, connection)
            if books in self._money:
                if kind == PAYOUT:
                    self._reconsider.add(books)
                self.lanes[f"money {books}"].wake()
        for pair in self.hub.pairs_of(connection) if records else ():
            if kind == "order":
                self._reconsider.add(pair.books)
                self.lanes[f"money {pair.books}"].wake()
            if kind in _CURED_BY:
                self._cured[pair.store] = self._cured.get(pair.store, ()) + _CURED_BY[kind]
            if kind in ("order", "receipt", "journal") or kind in _CURED_BY:
                self.lanes[f"plan {pair.store}"].wake()
            if kind == "stock" or (kind == "product" and connection == pair.store):
                self.lanes[f"stock {pair.store}"].wake()

    def _seen(self, pair: Pair, kind: str, rows: Sequence[Seen]) -> None:
        if self.stocks[pair.store].seen(kind, rows):
            self.lanes[f"stock {pair.store}"].wake()

    def _plan_paid(self, settlements: Sequence[Settlement]) -> None:
        """Orders whose money was booked are planned again, which tells the store; those whose day the books have
        closed too, for an open day (in the transaction that settles)."""
        ledger, again = self.hub.desk.ledger, _paid(settlements)
        again += [
            posting.record  # the money line: what explained it was taken back, it is free
            for s in settlements
            if s.state is State.DONE and s.claimed.op == "void" and s.claimed.key.startswith((BANK_KEY, PAYOUT_KEY))
            and (posting := ledger.postings.get(s.claimed.id)) is not None
        ]  # fmt: skip
        for pair in self.hub.pairs:
            again += closing.refused(ledger, pair, settlements, self.hub.now())
        if again:
            ledger.records.replan(again)

    async def _sent(self, settlements: Sequence[Settlement]) -> None:
        paid = _paid(settlements)
        locked = any(s.outcome == closing.REFUSED for s in settlements)
        now = self.hub.clock()
        for pair in self.hub.pairs:
            if any(s.claimed.op == "void" for s in settlements):
                self.lanes[f"money {pair.books}"].wake()
            if paid or locked or self._payments[pair.books].held:
                self.lanes[f"plan {pair.store}"].wake()
            if locked:
                self.wake(pair.books, "closing")
            # What was sent moved the books' stock, and what was written into the store is news from the store.
            for connection, kind in ((pair.books, "stock"), (pair.store, "order")):
                due = self._next.get((connection, kind), 0.0)
                told = kind == "stock" or any(s.claimed.kind == "store_payment" for s in settlements)
                if told and kind in self._polled(connection):
                    self._next[(connection, kind)] = min(due, now + _AFTER_SENDING)
                    self._asked.add((connection, kind))
                    self.lanes[f"read {connection}"].wake()

    async def _overtaken(self, pair: Pair, settlements: Sequence[Settlement]) -> None:
        # The lane is woken once its codes are noted: before that it would find none, and sleep on them for ever.
        await self.stocks[pair.store].overtaken(settlements)
        if self.stocks[pair.store].wanted:
            self.lanes[f"stock {pair.store}"].wake()

    async def _booked(self, pair: Pair, settlements: Sequence[Settlement]) -> None:
        if self.stocks[pair.store].moved():
            self.lanes[f"stock {pair.store}"].wake()

    # -- work ------------------------------------------------------------------------------------------------------

    def _polled(self, name: str) -> list[str]:
        """Kinds that are read on a schedule from this connection."""
        sources = self.hub.connectors[name].capabilities.sources
        role = "store" if any(pair.store == name for pair in self.hub.pairs) else "books"
        if not self.hub.pairs_of(name) and not self.hub.connectors[name].capabilities.targets:
            return [kind for kind in KINDS if kind in sources & MONEY_KINDS]  # a bank or a gateway
        return [kind for kind in KINDS if kind in sources and kind not in _NOT_POLLED.get(role, ())]

    async def _read(self, name: str) -> float | None:
        intake, polled = self.intakes[name], self._polled(name)
        for kind in polled:
            await intake.look(kind)
        for kind in sorted(self.hub.connectors[name].capabilities.sources.difference(polled)):
            await intake.forget(kind)
        works: dict[str, Callable[[], Awaitable[object]]] = {kind: partial(intake.poll, kind) for kind in polled}
        if "order" in polled:
            works["reread"] = partial(intake.reread_open, "order", 60.0)
        if "payment" in polled:
            # A gateway without a list tells of a payment by notification only, and one may have been lost.
            works["reread"] = partial(intake.reread_open, "payment", _PAYMENT_AGE)
        if name in self._edits:
            works["documents"] = partial(self._compare, name)
        for kind, work in works.items():
            await self._poll_if_due(name, kind, work)
        hint = await self.hub.desk(self.hub.desk.ledger.records.next_hint, name)
        moments = [self._next[name, kind] for kind in works]
        return min([*moments, *([] if hint is None else [hint / MICROSECOND])], default=None)

    async def _compare(self, name: str) -> None:
        await self._edits[name].poll()
        for pair in self.hub.pairs_of(name):
            self.lanes[f"plan {pair.store}"].wake()  # what was put right by hand goes on

    async def _poll_if_due(self, name: str, kind: str, work: Callable[[], Awaitable[object]]) -> None:
        now = self.hub.clock()
        following = self.schedules[kind].next(now, self._zone(name))
        if now < self._next.get((name, kind), 0.0) <= following:
            return
        # Later than the schedule allows: the clock was set back meanwhile, and what it said before does not count.
        # Set before the work: whoever asks for another turn while this one runs must not be overwritten.
        self._next[(name, kind)] = following
        self._asked.discard((name, kind))
        try:
            await work()
        except BaseException:
            self._next[(name, kind)] = 0.0
            self._asked.add((name, kind))
            raise

    def _zone(self, name: str) -> str:
        pairs = self.hub.pairs_of(name)
        return pairs[0].policy.zone if pairs else "UTC"

    async def _plan(self, pair: Pair) -> float | None:
        payments, books = self._payments[pair.books], self.intakes[pair.books]
        # Nothing is planned on a mirror that is not filled yet: buyers would be made twice, goods be unknown.
        fresh = await self.hub.desk(self.hub.desk.ledger.records.unplanned, pair.store, "order", 1)
        for kind, age in _FRESH.items():
            if kind not in books.polled or (fresh and not 0 <= self.hub.clock() - books.polled[kind] <= age):
                await books.poll(kind)
        if causes := self._cured.get(pair.store, ()):
            ledger = self.hub.desk.ledger
            await self.hub.desk.write(ledger.records.replan_blocked, pair.store, causes)
            if set(causes) & set(closing.CAUSES):
                await self.hub.desk.write(closing.release, ledger, pair, self.hub.now())
            # Only now, so that trouble on the way loses none; what was cured meanwhile stands behind them.
            self._cured[pair.store] = self._cured[pair.store][len(causes) :]
        await payments.by_hand()  # for whichever store of these books
        await self._planners[pair.store].plan()
        self.lanes[f"money {pair.books}"].wake()  # a receipt that is not wanted any more sets its line free
        if self.stocks[pair.store].moved():
            self.lanes[f"stock {pair.store}"].wake()
        for name in (pair.books, *(one.store for one in self.hub.pairs_of(pair.books))):
            self.lanes[f"send {name}"].wake()
        return None

    async def _match(self, books: str) -> float | None:
        """What came in is matched with what it pays; the orders that it pays are planned again."""
        flow = self._money[books]
        if books in self._reconsider:
            self._reconsider.discard(books)
            try:
                await flow.reconsider()
            except BaseException:
                self._reconsider.add(books)
                raise
        if await flow.match():
            for pair in self.hub.pairs_of(books):
                self.lanes[f"plan {pair.store}"].wake()
            self.lanes[f"send {books}"].wake()
        return None

    async def _backfill(self, pair: Pair) -> float | None:
        """One batch of a back-fill, when live work has gone; the lane sleeps while there is none."""
        flow = self._backfills[pair.store]
        if not await flow.running():
            return None
        await flow.prepare(self.intakes)
        if await flow.in_the_way():
            return self.hub.clock() + _AFTER_LIVE
        more = await flow.step()
        self.lanes[f"send {pair.books}"].wake()
        return self.hub.clock() + _AFTER_LIVE if more else None

    async def _send(self, name: str) -> float | None:
        await self.dispatchers[name].drain()
        due = await self.hub.desk(self.hub.desk.ledger.postings.next_due, name)
        # An unfinished posting that is due but could not be claimed waits for another one; look again soon.
        return None if due is None else max(due / MICROSECOND, self.hub.clock() + 0.2)

    async def _stock(self, pair: Pair) -> float | None:
        flow, lane = self.stocks[pair.store], f"stock {pair.store}"
        now, due = self.hub.clock(), self._next.get((lane, "stock"), 0.0)
        await self.hub.desk(flow.remapped)
        if flow.open and now < due <= now + _STOCK_PAUSE:
            return due  # what moves within a moment is worked out together
        if flow.open:
            self._next[lane, "stock"] = now + _STOCK_PAUSE
            if await flow.push():
                self.lanes[f"send {pair.store}"].wake()
        return self.hub.clock() + _STOCK_PAUSE if flow.open else None

    async def _sweep(self, pair: Pair) -> float | None:
        lane, now = f"sweep {pair.store}", self.hub.clock()
        due = self._next.setdefault((lane, "sweep"), self.schedules["sweep"].next(now, pair.policy.zone))
        if now < due:
            return due
        since, days = "", self.schedules["sweep"].days
        if days:
            today = dt.datetime.fromtimestamp(now, ZoneInfo(pair.policy.zone)).date()
            since = (today - dt.timedelta(days=days - 1)).isoformat()
        swept = await Sweep(self.hub, pair, self.intakes[pair.store]).run(since=since)
        self.swept[pair.store] = swept
        if all("stock" in self.hub.connectors[name].capabilities.sources for name in (pair.store, pair.books)):
            await measure_stock(self.hub, pair, self.intakes[pair.store])
        if swept.differences:
            await self._report(
                pair.store, "warning", "differences", f"The sweep found {len(swept.differences)} differences."
            )
        self.lanes[f"plan {pair.store}"].wake()
        self._next[(lane, "sweep")] = self.schedules["sweep"].next(self.hub.clock(), pair.policy.zone)
        return self._next[(lane, "sweep")]

    async def _watch(self, pair: Pair) -> float | None:
        if await keep_webhooks(self.hub, pair, self.public_url):
            text = "The store had switched our webhook off; it is on again."
            await self._report(pair.store, "warning", "webhook_restored", text)
            self.wake(pair.store, "order")
        for name, days in await ending_grants(self.hub, pair):
            text = f"The grant of {name} ends in {days} days; connect it again."
            await self._report(name, "warning", "grant_ends", text)
        return self.schedules["webhooks"].next(self.hub.clock(), pair.policy.zone)


def _paid(settlements: Sequence[Settlement]) -> list[RecordKey]:
    """Orders whose money was booked or taken back now."""
    done = (s.claimed for s in settlements if s.state is State.DONE and s.claimed.key.startswith(BANK_KEY))
    return [RecordKey(store, "order", order) for store, _colon, order in (one.stream.partition(":") for one in done)]
