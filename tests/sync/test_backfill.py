"""The first back-fill: oldest first, what people typed is linked and not doubled, and it survives whatever stops it."""

from __future__ import annotations

import asyncio
import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from selaras.ledger.errors import LedgerError
from selaras.ledger.values import RecordKey
from selaras.sync import attention
from selaras.sync.admission import backfill_of
from selaras.sync.backfill import (
    BackfillFlow,
    pause_backfill,
    resume_backfill,
    run_backfill,
    start_backfill,
)
from selaras.sync.backfill_status import backfill_status, plan_backfill
from selaras.sync.explain import explain
from selaras.sync.installation import set_pairs
from selaras.sync.intake import Intake
from tests.sync.world import POLICY, World, a_world

FIRST, LAST = "2026-10-01", "2026-10-06"
# The founding case: orders of six days, and how many of each were typed into the books by hand (348 of 516).
CASE = (("2026-10-01", 80, 62), ("2026-10-02", 75, 60), ("2026-10-03", 90, 72), ("2026-10-04", 70, 58),
        ("2026-10-05", 141, 44), ("2026-10-06", 60, 52))  # fmt: skip
NOON = "T05:00:00Z"  # 12:00 in Jakarta


def with_begin(world: World, begin: str = "2026-10-07") -> Any:
    """The pair with a first day, as a person would set it before the engine starts."""
    pair = msgspec.structs.replace(
        world.hub.pairs[0],
        policy=msgspec.structs.replace(world.hub.pairs[0].policy, begin=dt.date.fromisoformat(begin)),
    )
    world.hub.pairs[0] = pair
    set_pairs(world.ledger, [pair])
    return pair


POLICY_WITH_BEGIN = msgspec.structs.replace(POLICY, begin=dt.date(2026, 10, 7))


def order(number: int, day: str, *, paid: bool, price: int = 50_000) -> dict[str, Any]:
    quantity = 1 + number % 3
    money = {"amount": str(price * quantity), "method": "qris", "reference": f"Q{number}", "paid_at": f"{day}{NOON}"}
    return {
        "number": str(number), "placed_at": f"{day}{NOON}", "updated_at": f"{day}{NOON}", "payment_method": "qris",
        "lines": [{"sku": "KAOS-M", "name": "Kaos", "quantity": quantity, "unit_price": str(price)}],
        "buyer": {"name": f"Pembeli {number}", "phone": f"0812{number:07}"},
        "payments": [money] if paid else [],
    }  # fmt: skip


async def load(world: World, orders: list[dict[str, Any]]) -> None:
    await world.stock({"KAOS-M": 5000})
    await world.post(f"{world.store.url}/sandbox/orders", {"orders": orders}, world.shop_admin)


async def type_in(world: World, orders: list[dict[str, Any]], *, difference: int = 0) -> None:
    """As the person at the keyboard does it: contact, sales order, and of paid ones invoice and receipt too."""

    async def do(kind: str, items: list[dict[str, Any]]) -> list[str]:
        body = {"kind": kind, "items": items}
        answer = await world.post(f"{world.books.url}/sandbox/typist", body, world.books.admin)
        assert all(result["ok"] for result in answer["results"]), answer["results"][:2]
        return [result["id"] for result in answer["results"]]

    contacts = await do("contacts", [{"name": o["buyer"]["name"]} for o in orders])
    heads = []
    for one, contact in zip(orders, contacts, strict=True):
        line = one["lines"][0]
        price = int(line["unit_price"]) + difference
        sold = {"code": line["sku"], "name": "Kaos", "quantity": str(line["quantity"]), "unit_price": str(price)}
        heads.append(
            {
                "date": one["placed_at"][:10], "currency": "IDR", "total": str(price * line["quantity"]),
                "contact_id": contact, "reference": one["number"],
                "lines": [sold],
            }
        )  # fmt: skip
    ids = await do("sales_orders", heads)
    paid = [(head, i) for head, i, one in zip(heads, ids, orders, strict=True) if one["payments"]]
    if paid:
        await do("invoices", [{**head, "sales_order_id": i} for head, i in paid])
        keys = ("date", "currency", "total", "contact_id", "reference")
        await do("receipts", [{**{k: h[k] for k in keys}, "sales_order_id": i, "account": "clearing"} for h, i in paid])


def the_case() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All orders of the case, and those that were typed in."""
    orders, typed, number = [], [], 1000
    for day, count, by_hand in CASE:
        of_day = [order(number + i, day, paid=i % 2 == 0) for i in range(count)]
        orders += of_day
        typed += of_day[:by_hand]
        number += count
    return orders, typed


async def status(world: World) -> Any:
    return await world.hub.desk(backfill_status, world.ledger, "toko")


async def begin(world: World, first: str = FIRST, last: str = LAST) -> Any:
    return await world.hub.desk(start_backfill, world.ledger, "toko", first, last, world.hub.now(), "wati")


async def test_the_founding_case(tmp_path: Path) -> None:
    """348 of 516 orders were typed in by hand: after the back-fill 516 stand, none twice, 348 linked."""
    orders, typed = the_case()
    assert (len(orders), len(typed)) == (516, 348)
    async with a_world(tmp_path, policy=POLICY_WITH_BEGIN, start=False) as world:
        pair = with_begin(world)
        await load(world, orders)
        await type_in(world, typed)
        await world.service.start()
        await world.sync()
        # Live work leaves the old orders alone, each with its reason.
        cells = await world.hub.desk(world.ledger.coverage.cells, "toko", "order")
        assert sum(c.skipped for c in cells) == 516
        assert (await world.truth())["counts"]["sales_orders"] == 348
        plan = await plan_backfill(world.hub, pair, FIRST, LAST)
        assert (plan.orders, plan.linked, plan.create, plan.blocked) == (516, 348, 168, 0)
        assert (await world.truth())["counts"]["sales_orders"] == 348  # nothing was written
        await begin(world)
        world.service.lanes["backfill toko"].wake()
        await world.sync()
        found = await status(world)
        assert (found.state, found.orders, found.done, found.posted) == ("done", 516, 516, 516)
        assert (found.linked, found.conflicts) == (348, 0)
        truth = await world.truth()
        assert truth["counts"]["sales_orders"] == 516
        assert truth["duplicates"].keys() <= {"contacts"}
        numbers = {o["number"] for o in orders}
        assert set(truth["references"]["sales_orders"]) == numbers
        paid = sum(1 for o in orders if o["payments"])
        assert truth["counts"]["invoices"] == truth["counts"]["receipts"] == paid
        assert all(sale["balance"] == "0" for n in numbers for sale in truth["sales"][n])
        expected = sum(int(o["lines"][0]["unit_price"]) * o["lines"][0]["quantity"] for o in orders)
        assert Decimal(truth["totals"]["sales_orders"]["IDR"]) == expected
        cells = await world.hub.desk(world.ledger.coverage.cells, "toko", "order")
        assert [(c.seen, c.posted, c.skipped) for c in cells] == [(n, n, 0) for _d, n, _t in CASE]


async def test_another_total_blocks_the_whole_order_and_shows_both(tmp_path: Path) -> None:
    orders = [order(1001, FIRST, paid=True), order(1002, FIRST, paid=True)]
    async with a_world(tmp_path, policy=POLICY_WITH_BEGIN, start=False) as world:
        pair = with_begin(world)
        await load(world, orders)
        await type_in(world, orders[:1], difference=-1000)
        await begin(world)
        found = await run_backfill(world.hub, pair)
        assert (found.posted, found.blocked, found.conflicts) == (1, 1, 1)
        report = await world.hub.desk(attention.blocked, world.ledger)
        assert {item.cause for item in report.items} == {"exists_with_other_total"}
        assert report.records == 1
        for part in ("147000", "150000", "1001", "SO-00001"):
            assert part in report.items[0].message
        assert "selaras link 1001 sales_order" in report.items[0].cure
        assert "selaras skip 1001" in report.items[0].cure
        truth = await world.truth()
        assert {n: len(s) for n, s in truth["sales"].items()} == {"1001": 1, "1002": 1}
        # Leaving it as it stands there creates nothing, then or later.
        await world.hub.desk(attention.skip, world.ledger, world.hub.now(), "wati", "typed by hand", ["1001"])
        await world.service.start()
        await world.sync()
        assert (await world.truth())["counts"]["sales_orders"] == 2
        cells = await world.hub.desk(world.ledger.coverage.cells, "toko", "order")
        assert [(c.posted, c.skipped) for c in cells] == [(1, 1)]


async def test_a_killed_back_fill_goes_on_where_it_was(tmp_path: Path) -> None:
    """Stopped in the midst of every batch: nothing missing, nothing twice."""
    orders = [order(1000 + i, CASE[i % 6][0], paid=i % 2 == 0) for i in range(60)]
    async with a_world(tmp_path, policy=POLICY_WITH_BEGIN, start=False) as world:
        pair = with_begin(world)
        await load(world, orders)
        await type_in(world, orders[::3])
        await begin(world)
        flow = BackfillFlow(world.hub, pair, batch=7)
        await flow.prepare({name: Intake(world.hub, name) for name in ("toko", "buku")})
        days = []
        while await flow.step():
            days.append((await status(world)).place)
            # The process dies here: what was planned waits in the ledger, the place stands beside it.
            flow = BackfillFlow(world.hub, pair, batch=7)
        assert days == sorted(days), "oldest first"
        await world.service.start()
        await world.sync()
        truth = await world.truth()
        assert truth["counts"]["sales_orders"] == 60
        assert truth["duplicates"].keys() <= {"contacts"}
        assert (await status(world)).linked == 20


async def test_pause_and_resume_and_an_interrupted_run(tmp_path: Path) -> None:
    orders = [order(1000 + i, CASE[i % 6][0], paid=False) for i in range(250)]
    async with a_world(tmp_path, policy=POLICY_WITH_BEGIN, start=False) as world:
        pair = with_begin(world)
        await load(world, orders)
        await begin(world)
        with pytest.raises(LedgerError, match="is running"):
            await begin(world)
        seen: list[int] = []

        def stop(_what: str, count: int) -> None:
            seen.append(count)
            task.cancel()

        task = asyncio.create_task(run_backfill(world.hub, pair, stop))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await status(world)).state == "running"
        await world.hub.desk(pause_backfill, world.ledger, "toko", world.hub.now(), "wati")
        halted = await run_backfill(world.hub, pair)
        assert (halted.state, halted.done) == ("paused", seen[0])
        await world.hub.desk(resume_backfill, world.ledger, "toko", world.hub.now(), "wati")
        done = await run_backfill(world.hub, pair)
        assert (done.state, done.done, done.posted) == ("done", 250, 250)
        assert (await world.truth())["counts"]["sales_orders"] == 250
        assert not (await world.truth())["duplicates"]


async def test_a_live_order_goes_before_the_rest_of_the_back_fill(tmp_path: Path) -> None:
    orders = [order(1000 + i, CASE[i % 6][0], paid=False) for i in range(60)]
    async with a_world(tmp_path, policy=POLICY_WITH_BEGIN, start=False) as world:
        pair = with_begin(world)
        await load(world, orders)
        await begin(world)
        flow = BackfillFlow(world.hub, pair, batch=10)
        await flow.prepare({name: Intake(world.hub, name) for name in ("toko", "buku")})
        assert await flow.in_the_way(), "nothing of the store is planned yet"
        world.service._backfills["toko"] = flow
        await world.service.start()
        await world.checkout(("KAOS-M", 1))
        await world.sync()
        assert (await status(world)).done == 60
        live = (await world.truth())["counts"]["sales_orders"]
        assert live == 61


async def test_an_old_order_stays_out_until_its_day_is_asked_for(tmp_path: Path) -> None:
    orders = [order(1001, "2026-10-06", paid=False), order(1002, "2026-10-07", paid=False)]
    # 23:59:59 on the 6th and 00:00:00 on the 7th, in Jakarta.
    orders[0]["placed_at"], orders[1]["placed_at"] = "2026-10-06T16:59:59Z", "2026-10-06T17:00:00Z"
    async with a_world(tmp_path, policy=POLICY_WITH_BEGIN, start=False) as world:
        with_begin(world)
        await load(world, orders)
        await world.service.start()
        await world.sync()
        truth = await world.truth()
        assert list(truth["sales"]) == ["1002"]
        assert truth["counts"]["contacts"] == 1, "nobody is made a contact for an order that is left out"
        (one,) = await world.hub.desk(lambda: explain(world.ledger, "1001"))
        assert one.status == "skipped"
        assert "2026-10-07" in one.todo[0]
        assert await world.hub.desk(world.ledger.records.get, RecordKey("toko", "order", one.id)) is not None


async def test_a_pair_without_a_first_day_has_nothing_to_fill(tmp_path: Path) -> None:
    async with a_world(tmp_path, start=False) as world:
        set_pairs(world.ledger, world.hub.pairs)
        with pytest.raises(LedgerError, match="no first day"):
            await begin(world)
        assert await world.hub.desk(backfill_of, world.ledger, "toko") is None


async def test_a_second_span_and_wrong_days(tmp_path: Path) -> None:
    orders = [order(1001, "2026-09-01", paid=False), order(1002, FIRST, paid=False)]
    async with a_world(tmp_path, policy=POLICY_WITH_BEGIN, start=False) as world:
        pair = with_begin(world)
        await load(world, orders)
        with pytest.raises(LedgerError, match="before it begins"):
            await begin(world, LAST, FIRST)
        await begin(world)
        assert (await run_backfill(world.hub, pair)).posted == 1
        await begin(world, "2026-09-01", "2026-09-30")
        assert (await run_backfill(world.hub, pair)).posted == 1
        kept = await world.hub.desk(backfill_of, world.ledger, "toko")
        assert kept is not None
        assert [(s.first, s.last) for s in kept.reached] == [(FIRST, LAST), ("2026-09-01", "2026-09-30")]
        assert set((await world.truth())["sales"]) == {"1001", "1002"}
