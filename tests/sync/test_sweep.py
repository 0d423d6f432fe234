"""A ledger that came from a backup trusts itself only once it has planned and settled what a sweep saw."""

from __future__ import annotations

from pathlib import Path

from selaras.ledger.backup import distrust, restored
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
