"""A ledger that came from a backup trusts itself only once it has planned and settled what a sweep saw."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from selaras.connectors.contract import Found
from selaras.engine.schedule import BadSchedule, parse
from selaras.ledger.backup import distrust, restored
from selaras.sync.coverage import coverage
from selaras.sync.sweep import Sweep
from tests.sync.world import a_world


async def test_a_sweep_of_a_restored_ledger_trusts_nothing_that_is_not_planned_yet(tmp_path: Path) -> None:
    async with a_world(tmp_path, start=False) as world:
        await world.stock({"KAOS-M": 10})
        await world.checkout(("KAOS-M", 1))
        db = world.ledger.db
        await world.hub.desk.write(distrust, db)
        pair = world.hub.pairs[0]
        await Sweep(world.hub, pair, world.service.intakes["toko"]).run()
        assert await world.hub.desk(restored, db)  # the order was seen, and may stand in the books already
        await world.service.start()
        await world.sync()
        await Sweep(world.hub, pair, world.service.intakes["toko"]).run()
        assert not await world.hub.desk(restored, db)


def loaded(number: int, day: str) -> dict[str, object]:
    return {
        "number": str(number), "placed_at": f"{day}T05:00:00Z", "updated_at": f"{day}T05:00:00Z",
        "lines": [{"sku": "KAOS-M", "name": "Kaos", "quantity": 1, "unit_price": "50000"}],
        "buyer": {"name": "Budi", "phone": "0812-1"}, "payment_method": "transfer",
    }  # fmt: skip


async def test_a_sweep_of_the_last_days_counts_and_compares_only_those_and_says_so(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 100})
        days = ["2026-09-30", "2026-10-01", "2026-10-02", "2026-10-03"]
        orders = [loaded(1000 + i, day) for i, day in enumerate(days)]
        answer = await world.post(f"{world.store.url}/sandbox/orders", {"orders": orders}, world.shop_admin)
        await world.sync()
        pair, intake = world.hub.pairs[0], world.service.intakes["toko"]
        recent = await Sweep(world.hub, pair, intake).run(since="2026-10-02")
        assert (recent.since, recent.seen, recent.compared, recent.differences) == ("2026-10-02", 2, 2, [])
        report = await world.hub.desk(coverage, world.ledger)
        rows = {row.day: row for row in report.rows if row.kind == "order"}
        assert {day: row.source_count for day, row in rows.items()} == dict(zip(days, [None, None, 1, 1], strict=True))
        assert not report.swept
        whole = await Sweep(world.hub, pair, intake).run()
        assert (whole.since, whole.seen, whole.compared) == ("", 4, 4)
        report = await world.hub.desk(coverage, world.ledger)
        assert report.swept
        before = {row.day: row.counted_at for row in report.rows if row.kind == "order"}
        # An order of an old day changes: its day's count can no longer be compared; the others keep theirs.
        order = answer["orders"][0]
        await world.act(order, "payments", {"amount": "50000", "method": "transfer", "reference": "T1"})
        await world.sync()
        again = await Sweep(world.hub, pair, intake).run(since="2026-10-03")
        assert again.seen == 1
        report = await world.hub.desk(coverage, world.ledger)
        after = {row.day: row.counted_at for row in report.rows if row.kind == "order"}
        assert after[days[0]] is None
        assert [after[d] == before[d] for d in days[1:]] == [True, True, False]


def test_a_schedule_of_a_sweep_may_name_its_days() -> None:
    found = parse("daily 02:00 last 14 days")
    assert (found.hour, found.minute, found.days, found.text) == (2, 0, 14, "daily 02:00 last 14 days")
    assert parse("daily 02:00").days == 0
    for text in ("daily 02:00 last 0 days", "last 3 days", "daily last days"):
        with pytest.raises(BadSchedule):
            parse(text)


async def test_what_we_write_while_a_sweep_compares_is_no_difference(tmp_path: Path) -> None:
    """The link was read before the sales order was changed, the books were asked after it."""
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 100})
        order = await world.checkout(("KAOS-M", 1), method="transfer")
        await world.sync()
        books, asked, answered = world.hub.connectors["buku"], asyncio.Event(), asyncio.Event()
        find = books.find

        async def late(kind: str, references: Sequence[str]) -> dict[str, Found]:
            if kind == "sales_order" and not asked.is_set():
                asked.set()
                await answered.wait()
            return await find(kind, references)

        books.find = late  # type: ignore[method-assign]
        sweep = asyncio.create_task(Sweep(world.hub, world.hub.pairs[0], world.service.intakes["toko"]).run())
        await asyncio.wait_for(asked.wait(), 60)
        await world.act(order, "edit", {"lines": [{"line_id": order["lines"][0]["id"], "quantity": 2}]})
        await world.sync()
        answered.set()
        assert (await sweep).differences == []
