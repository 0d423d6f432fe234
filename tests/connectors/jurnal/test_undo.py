"""A match of money that was wrong is undone: the payment goes out of Jurnal, once, whatever answers are lost."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from selaras.sync.money_decisions import undo_money
from tests.connectors.jurnal.world import World, a_jurnal_world


async def transferred(world: World) -> tuple[Any, str]:
    """An order paid by a transfer that was found in the bank, and the id of the bank line."""
    await world.stock({"KAOS-M": 10})
    order = await world.checkout(("KAOS-M", 1), phone="081277700000", method="transfer")
    await world.sync()
    today = world.sale(order)["orders"][0]["transaction_date"]
    total = Decimal(order["total"])
    row = world.books.books.create_bank_deposits({
        "transaction_date": f"{today[6:]}-{today[3:5]}-{today[:2]}", "deposit_to_name": "Rekening Bank",
        "memo": f"TRSF CR {order['number']} BUDI",
        "transaction_account_lines_attributes": [{"account_name": "Bank Belum Dikenal", "credit": total}],
    })  # fmt: skip
    await world.sync()
    await world.sync()
    assert await world.causes() == []
    assert [Decimal(paid["amount"]) for paid in world.sale(order)["in"]] == [total]
    return order, f"d{row['id']}"


@pytest.mark.parametrize("lost", [0, 1, 2])
async def test_money_of_another_goes_out_again(tmp_path: Path, lost: int) -> None:
    """`lost` answers of the writes that follow the undo are lost after their effect."""
    async with a_jurnal_world(tmp_path) as world:
        order, line = await transferred(world)
        begun = world.books.turn
        world.books.chance = lambda: "after" if world.books.turn - begun < lost else ""
        await world.hub.desk(undo_money, world.hub, line, world.hub.now(), "budi", "it was another buyer's")
        for lane in ("money buku", "plan toko"):
            world.service.lanes[lane].wake()
        await world.sync()
        assert world.books.turn - begun == lost
        held = world.sale(order)
        assert [bool(paid["deleted_at"]) for paid in held["in"]] == [True]
        assert (len(held["bills"]), len(held["credits"]), held["billed"]) == (1, 1, 0)
        told = " ".join(await world.causes())
        assert ("store_was_told" in told, "unmatched_payment" in told) == (True, True)
        assert "by hand" not in told
