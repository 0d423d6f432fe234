"""A match of money that was wrong is undone: the receipt goes out of Accurate, once, whatever answers are lost."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from selaras.sync.money_decisions import undo_money
from tests.connectors.accurate.world import BANK, World, an_accurate_world

NUMBER = "OD.2026.00001"


async def transferred(world: World) -> Any:
    """An order paid by a transfer that was found in the bank."""
    await world.stock({"KAOS-M": 10})
    order = await world.checkout(("KAOS-M", 1), phone="081277700000", method="transfer")
    await world.sync()
    total, day = Decimal(order["total"]), dt.date.fromisoformat(order["placed_at"][:10])
    world.books.put("other-deposit", NUMBER, {
        "number": NUMBER, "transDate": f"{day:%d/%m/%Y}", "description": f"TRSF CR {order['number']} PEMBELI",
        "chequeAmount": total, "bank": {"no": BANK},
        "detailAccount": [{"account": {"no": "1-1400"}, "amount": total}],
    })  # fmt: skip
    await world.sync()
    await world.sync()
    assert await world.causes() == []
    assert world.sale(order)["kept"] == total
    return order


@pytest.mark.parametrize("lost", [0, 1, 2])
async def test_money_of_another_goes_out_again(tmp_path: Path, lost: int) -> None:
    """`lost` answers of the writes that follow the undo are lost after their effect."""
    async with an_accurate_world(tmp_path) as world:
        order = await transferred(world)
        begun = world.standin.turn
        world.standin.chance = lambda: "after" if world.standin.turn - begun < lost else ""
        await world.hub.desk(undo_money, world.hub, f"D:{NUMBER}", world.hub.now(), "budi", "it was another buyer's")
        for lane in ("money buku", "plan toko"):
            world.service.lanes[lane].wake()
        await world.sync()
        assert world.standin.turn - begun == lost
        held = world.sale(order)
        assert (held["kept"], held["billed"], held["deposits"]) == (0, 0, [])
        assert [bill["primeOwing"] for bill in held["bills"]] == [0]  # credited
        told = " ".join(await world.causes())
        assert ("store_was_told" in told, "unmatched_payment" in told) == (True, True)
        assert "by hand" not in told
