"""Closed periods (X9): what the books refuse for its day moves, waits or is asked, by policy; midnight is Jakarta's."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import pytest

from selaras.ledger.values import State
from selaras.sync import attention
from selaras.sync.closing import closed_until
from selaras.sync.coverage import coverage
from selaras.sync.explain import explain
from selaras.sync.installation import set_pairs
from tests.sync.world import POLICY, World, a_world

CLOSED, OPEN = "2026-10-31", dt.date(2026, 11, 1)


def policy(lock: str) -> Any:
    return msgspec.structs.replace(POLICY, lock_policy=lock)


async def close(world: World, until: str | None) -> None:
    await world.post(f"{world.books.url}/sandbox/close", {"closed_until": until}, world.books.admin)


async def read_closing(world: World) -> None:
    world.service.wake("buku", "closing")
    await world.sync()


def blind(world: World) -> None:
    """Books that do not tell up to which day they are closed."""
    books = world.hub.connectors["buku"]
    can = msgspec.structs.replace(books.capabilities, sources=books.capabilities.sources - {"closing"})
    books.capabilities = can


async def placed(world: World, *moments: str, paid: bool = True) -> list[Any]:
    await world.stock({"KAOS-M": 100})
    orders = []
    for number, at in enumerate(moments, start=1001):
        money = {"amount": "50000", "method": "qris", "reference": f"Q{number}", "paid_at": at}
        orders.append(
            {
                "number": str(number), "placed_at": at, "updated_at": at, "payment_method": "qris",
                "lines": [{"sku": "KAOS-M", "name": "Kaos", "quantity": 1, "unit_price": "50000"}],
                "buyer": {"name": f"Pembeli {number}", "phone": f"0812{number:07}"},
                "payments": [money] if paid else [],
            }
        )  # fmt: skip
    answer = await world.post(f"{world.store.url}/sandbox/orders", {"orders": orders}, world.shop_admin)
    return list(answer["orders"])


def dates(world: World, number: str) -> dict[str, str]:
    """Kind → the day of each document whose reference begins with the number."""
    return {
        f"{kind} {row.reference}": row.date.isoformat()
        for kind in ("sales_orders", "invoices", "receipts", "credit_notes")
        for row in world.books.app.books.tables[kind].rows.values()
        if row.reference.split("/")[0] == number
    }


async def causes(world: World) -> set[str]:
    return {cause.cause for cause in await world.hub.desk(world.ledger.coverage.causes)}


# One second before and after midnight between 31 October and 1 November, in Jakarta (UTC+7).
BEFORE, AFTER = "2026-10-31T16:59:59Z", "2026-10-31T17:00:00Z"


@pytest.mark.parametrize("told", [True, False], ids=["books that say it", "books that only refuse"])
async def test_next_open_day_at_midnight_in_jakarta(tmp_path: Path, told: bool) -> None:
    async with a_world(tmp_path, policy=policy("next_open_day"), start=False) as world:
        if not told:
            blind(world)
        await close(world, CLOSED)
        await placed(world, BEFORE, AFTER)
        await world.service.start()
        await world.sync()
        assert set(dates(world, "1001").values()) == set(dates(world, "1002").values()) == {"2026-11-01"}
        assert len(dates(world, "1001")) == len(dates(world, "1002")) == 3
        assert await causes(world) == set()
        report = await world.hub.desk(coverage, world.ledger)
        # Coverage stays on the business's day of the order.
        assert [(r.day, r.posted) for r in report.rows if r.kind == "order"] == [("2026-10-31", 1), ("2026-11-01", 1)]
        moved, stayed = [
            " ".join(s.reason for s in (await world.hub.desk(lambda n=n: explain(world.ledger, n)))[0].sent)
            for n in ("1001", "1002")
        ]
        assert "Dated 2026-11-01, the next open day: 2026-10-31 lies in a closed period." in moved
        assert "closed" not in stayed
        until = await world.hub.desk(closed_until, world.ledger, world.hub.pairs[0])
        assert until == dt.date(2026, 10, 31)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("lock", ["hold", "ask"])
async def test_hold_and_ask_wait_with_a_reason_and_go_when_the_day_is_open_again(
    tmp_path: Path, lock: str, told: bool
) -> None:
    async with a_world(tmp_path, policy=policy(lock), start=False) as world:
        if not told:
            blind(world)
        await close(world, CLOSED)
        await placed(world, BEFORE, AFTER)
        await world.service.start()
        world.service.wake("toko", "order")
        for _ in range(2000):
            if len(dates(world, "1002")) == 3 and await causes(world):
                break
            await asyncio.sleep(0.05)
        assert dates(world, "1001") == {}
        assert len(dates(world, "1002")) == 3, "one whose day is open is not held up"
        assert await causes(world) <= {"period_closed", "period_locked"}
        await close(world, None)
        if told:
            await read_closing(world)
        else:
            await world.hub.desk(lambda: attention.retry(world.ledger, world.hub.now(), "wati", names=["1001"]))
            for lane in world.service.lanes.values():
                lane.wake()
            await world.sync()
        assert set(dates(world, "1001").values()) == {"2026-10-31"}
        assert await causes(world) == set()


async def test_a_person_who_was_asked_takes_the_next_open_day(tmp_path: Path) -> None:
    async with a_world(tmp_path, policy=policy("ask"), start=False) as world:
        set_pairs(world.ledger, world.hub.pairs)
        await close(world, CLOSED)
        await placed(world, BEFORE)
        await world.service.start()
        for _ in range(2000):
            if await causes(world):
                break
            await asyncio.sleep(0.05)
        assert await causes(world) <= {"period_closed", "period_locked"}
        await world.hub.desk(
            lambda: attention.retry(world.ledger, world.hub.now(), "wati", names=["1001"], next_open_day=True)
        )
        for lane in world.service.lanes.values():
            lane.wake()
        await world.sync()
        assert set(dates(world, "1001").values()) == {"2026-11-01"}
        assert await causes(world) == set()


@pytest.mark.parametrize("told", [True, False])
async def test_an_edit_and_a_refund_of_an_order_of_a_month_that_was_closed_meanwhile(
    tmp_path: Path, told: bool
) -> None:
    async with a_world(tmp_path, policy=policy("next_open_day"), start=False) as world:
        if not told:
            blind(world)
        edited, back = await placed(world, BEFORE, BEFORE, paid=False)
        pair = world.hub.pairs[0]
        world.hub.pairs[0] = msgspec.structs.replace(
            pair, policy=msgspec.structs.replace(pair.policy, invoice_at="order")
        )
        world.service._planners["toko"]._pair = world.hub.pairs[0]
        world.service._planners["toko"]._policy = world.hub.pairs[0].policy
        await world.service.start()
        await world.sync()
        assert set(dates(world, "1001").values()) == {"2026-10-31"}
        await close(world, CLOSED)
        if told:
            await read_closing(world)
        full_edited = (await world.get(f"{world.store.url}/api/orders?ids={edited['id']}", world.shop_api))["orders"][0]
        full_back = (await world.get(f"{world.store.url}/api/orders?ids={back['id']}", world.shop_api))["orders"][0]
        await world.act(edited, "edit", {"lines": [{"line_id": full_edited["lines"][0]["id"], "quantity": 2}]})
        await world.act(back, "payments", {"amount": "50000", "method": "qris", "reference": "Q9"})
        await world.act(
            back, "refunds", {"lines": [{"line_id": full_back["lines"][0]["id"], "quantity": 1}], "restock": True}
        )
        await world.sync()
        made = dates(world, "1001")
        assert made["sales_orders 1001"] == made["invoices 1001"] == "2026-10-31", "what is closed stays as it is"
        later = {name: day for name, day in made.items() if "/" in name}
        assert {name.split()[0] for name in later} == {"invoices", "credit_notes"}
        assert all(day > CLOSED for day in later.values())
        assert all(day > CLOSED for name, day in dates(world, "1002").items() if "/" in name)
        truth = await world.truth()
        assert truth["sales"]["1002"][0]["balance"] == "0"
        assert truth["sales"]["1001"][0]["balance"] == "100000"
        assert await causes(world) == set()
        assert not await world.hub.desk(world.ledger.postings.in_state, State.BLOCKED)


async def test_refusals_end(tmp_path: Path) -> None:
    """Books that are closed until today and do not say so: each refusal moves the guess on, then a person is asked."""
    async with a_world(tmp_path, policy=policy("next_open_day"), start=False) as world:
        blind(world)
        now = dt.datetime.now(dt.UTC)
        await close(world, (now + dt.timedelta(days=1)).date().isoformat())
        await placed(world, f"{now - dt.timedelta(days=40):%Y-%m-%dT%H:%M:%SZ}", paid=False)
        await world.service.start()
        for _ in range(2000):
            if "period_locked" in await causes(world):
                break
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        tries = world.ledger.db.rows("SELECT count(*) FROM attempt WHERE outcome = 'locked_period'")[0][0]
        assert 1 <= tries <= 4
        assert "period_locked" in await causes(world)
