"""One act: six days, each with its deliveries, counter sales, web orders, payments and parcels.

`settle` is awaited wherever people would go for a coffee: between the counter and the web orders, before the money,
before packing and in the evening. In the act by hand it does nothing; with a hub it waits until the hub is quiet.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from selaras.sandbox.case import figures
from selaras.sandbox.case.after import Staff
from selaras.sandbox.case.door import Door
from selaras.sandbox.case.people import Bank, Buyers, Clerk, Placed, Shelf, Typist, Warehouse
from selaras.sandbox.case.script import PARTS, Case

Settle = Callable[[], Awaitable[None]]
Told = Callable[[list[figures.Day], int, int], None]

_GROUP = 6


class Act(msgspec.Struct, frozen=True):
    """What an act came to. `told` facts are counts for the reader: second choices, refunds, parcels …"""

    days: list[figures.Day]
    total: dict[str, Any]
    proof: figures.Proof
    facts: dict[str, int]


async def truths(store: Door, books: Door) -> tuple[Any, Any]:
    """What both systems hold now."""
    parts = "sales,stock,duplicates,totals,trial_balance,counts"
    return await store.get("/sandbox/truth"), await books.get(f"/sandbox/truth?parts={parts}")


class Stage:
    """The people of one act and what they have done so far."""

    def __init__(self, case: Case, store: Door, books: Door, supplier: str, settle: Settle, *, by_hand: bool) -> None:
        self.case = case
        self.by_hand = by_hand
        self.placed: list[Placed] = []
        self.stock: dict[dt.date, tuple[int, int]] = {}
        self._store = store
        self._books = books
        self._settle = settle
        shelf = Shelf(case)
        self.buyers = Buyers(store)
        self.bank = Bank(store, books)
        self.warehouse = Warehouse(store, shelf)
        self.clerk = Clerk(case, books, shelf, supplier)
        self.staff = Staff(store, shelf)
        self.typist = Typist(books)
        self.parcels = self.counter_pieces = 0

    async def part(self, day: dt.date, part: int, told: Callable[[], None]) -> None:
        """One part of a day."""
        case, hour = self.case, PARTS[part]
        await self._clock(day, hour)
        await self.clerk.receive(a for a in case.arrivals if (a.day, a.part) == (day, part))
        self.counter_pieces += await self.clerk.sell([c for c in case.counter if (c.day, c.part) == (day, part)])
        await self._settle()
        fresh = await self._web_orders(day, part, told)
        await self._settle()
        await self.staff.before_payment(fresh)
        late = {order.id for order in fresh if order.wish.late}
        await self._transfers([order for order in self.placed if order.id not in late])
        await self._settle()
        self.parcels += await self.warehouse.pack(self.placed)

    async def _web_orders(self, day: dt.date, part: int, told: Callable[[], None]) -> list[Placed]:
        wishes = [w for w in self.case.wishes if (w.day, w.part) == (day, part)]
        step = 18_000 // (len(wishes) // _GROUP + 1)
        fresh: list[Placed] = []
        for start in range(0, len(wishes), _GROUP):
            group = [await self.buyers.place(wish) for wish in wishes[start : start + _GROUP]]
            await self.buyers.pay_gateway(group)
            await self._store.post("/sandbox/clock", {"advance": step})
            fresh += group
            self.placed += group
            told()
        return fresh

    async def _transfers(self, orders: list[Placed]) -> None:
        paid = await self.bank.transfer(o for o in orders if not (o.paid or o.done))
        if self.by_hand:
            await self.bank.confirm_by_hand(paid)

    async def evening(self, day: dt.date, *, last: bool) -> None:
        """What is left of the day: returns, typing, and on the last evening everything that is still open."""
        await self._clock(day, 21)
        if last:
            await self._transfers(self.placed)
            await self._settle()
            self.parcels += await self.warehouse.pack(self.placed)
        todays = [o for o in self.placed if o.wish.day == day or last]
        await self.staff.after_delivery([o for o in todays if o.done])
        await self._settle()
        if self.by_hand:
            most = next(typed for d, _, typed in self.case.table if d == day)
            rows = await self.warehouse.orders([o for o in self.placed if o.wish.day == day])
            await self.typist.type_in(rows, day, most)

    async def _clock(self, day: dt.date, hour: int) -> None:
        await self._store.post("/sandbox/clock", {"set": f"{day.isoformat()}T{hour:02d}:00:00"})


async def play(
    case: Case, store: Door, books: Door, supplier: str, settle: Settle, told: Told, *, by_hand: bool
) -> Act:
    """Play one act on two systems that are fitted out (`people.fit_out`, which gives `supplier`).

    `told` hears of every step: the table so far, orders placed, orders in all.
    """
    await settle()
    stage = Stage(case, store, books, supplier, settle, by_hand=by_hand)
    rows: list[figures.Day] = []
    days = [day for day, _, _ in case.table]

    def step() -> None:
        told(rows, len(stage.placed), len(case.wishes))

    for day in days:
        for part in range(len(PARTS)):
            await stage.part(day, part, step)
        await stage.evening(day, last=day == days[-1])
        sold, booked = await truths(store, books)
        stage.stock[day] = figures.stock_agrees(sold, booked)
        rows = figures.days(sold, booked, stage.stock)
        step()
    sold, booked = await truths(store, books)
    rows = figures.days(sold, booked, stage.stock)
    facts = {
        "second_choices": stage.buyers.second_choices,
        "parcels": stage.parcels,
        "counter_pieces": stage.counter_pieces,
        **stage.staff.done,
    }
    return Act(rows, figures.total_of(rows, stage.stock), figures.prove(sold, booked), facts)
