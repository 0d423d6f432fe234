"""A back-fill on a scaled clock: the real flows into the stand-in, with Jurnal's limits enforced.

Hub, connector, limiter and stand-in live on one event loop whose time runs `speed` times faster than the wall's: what
the limiter waits, what a lane sleeps, what a lease lasts and how the gateway counts its minutes are all of that time.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from pathlib import Path
from typing import Any

from tests.connectors.jurnal.world import a_jurnal_world

ALLOWED = 30.0


class _Faster(selectors.DefaultSelector):
    """Waits a `speed`-th of the time that it is told."""

    speed = 1.0

    def select(self, timeout: float | None = None) -> list[Any]:
        return list(super().select(timeout if timeout is None or timeout <= 0 else timeout / self.speed))


class FastLoop(asyncio.SelectorEventLoop):
    """An event loop whose seconds are shorter."""

    def __init__(self, speed: float) -> None:
        selector = _Faster()
        selector.speed = speed
        super().__init__(selector)
        self._speed = speed
        self._began = time.monotonic()
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._began + (time.monotonic() - self._began) * self._speed


async def backfill(path: Path, orders: int, speed: float, *, each: int = 3) -> dict[str, Any]:
    """Book `orders` paid orders that are in the store already. `each` is how many orders a buyer has placed."""
    loop = asyncio.get_running_loop()
    began, wall = loop.time(), time.time()

    def clock() -> float:
        return wall + (loop.time() - began)

    schedules = {"order": "every 60s"}  # the others as they come with Selaras
    limits = {"per_minute": "30", "per_minute_address": "40", "poll_share": "0.1", "visibility_lag": "5"}
    async with a_jurnal_world(
        path, clock=clock, monotonic=loop.time, sleep=asyncio.sleep, limits=True, schedules=schedules,
        settings=limits, start=False,
    ) as world:  # fmt: skip
        codes = [f"SKU-{n:02d}" for n in range(40)]
        await world.stock(dict.fromkeys(codes, 1_000_000))
        for start in range(0, orders, 50):
            await asyncio.gather(*(_placed(world, n, codes, each) for n in range(start, min(start + 50, orders))))
        books = world.books
        books.log.clear()
        books.refused = 0
        books.counted.clear()
        started = clock()
        await world.service.start()
        while len(books.books.tables["receive_payments"]) < orders:
            await asyncio.sleep(5.0)
            if clock() - started > 40.0 * orders + 3600.0:
                raise AssertionError(await world.stuck())
        await world.service.stop()
        calls = [entry for entry in books.log if entry[0] >= started]
        writes = [entry for entry in calls if entry[1] != "GET"]
        first, last = writes[0][0], writes[-1][0]
        during = [entry for entry in calls if first <= entry[0] <= last]
        # The first call of a span and the last one bound it: n calls make n - 1 steps.
        minutes = (last - first) / 60.0
        used = (len(during) - 1) / minutes if minutes else 0.0
        tables = books.books.tables
        truth = await world.shop_truth()
        billed = {row["transaction_no"]: row["original_amount"] for row in tables["sales_invoices"].values()}
        wrong = [o["number"] for o in truth["orders"] if billed.get(o["number"]) != f"{o['total']}.0"]
        needed = [tables["customers"], *(tables[t] for t in ("sales_orders", "sales_invoices", "receive_payments"))]
        least = sum(-(-len(table) // 100) for table in needed)
        return {
            "orders": len(tables["sales_invoices"]), "calls": len(calls), "writes": len(writes), "least": least,
            "calls_per_order": round(len(calls) / orders, 4), "least_per_order": round(least / orders, 4),
            "refused": books.refused, "seconds": round(last - first, 1), "allowed_rate": ALLOWED,
            "used_rate": round(used, 2), "share": round(used / ALLOWED, 4), "speed": speed, "wrong": len(wrong),
            "written": _by_path(writes), "reads": _by_path([entry for entry in during if entry[1] == "GET"]),
        }  # fmt: skip


def _by_path(calls: list[tuple[float, str, str]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for _at, _method, path in calls:
        name = path.rsplit("/v1/", 1)[-1]
        name = name.rsplit("/", 1)[0] + "/…" if name[-1:].isdigit() else name
        found[name] = found.get(name, 0) + 1
    return found


async def _placed(world: Any, n: int, codes: list[str], each: int) -> None:
    order = await world.checkout(
        (codes[n % 40], 1 + n % 3), (codes[(n * 7 + 1) % 40], 1), phone=f"0813{n // each:08d}", tax_rate="0.11"
    )
    await world.act(order, "pay", {"method": "qris", "reference": f"Q{n}"})


def run(path: Path, orders: int, speed: float) -> dict[str, Any]:
    """On a loop of its own."""
    with asyncio.Runner(loop_factory=lambda: FastLoop(speed)) as runner:
        return runner.run(backfill(path, orders, speed))
