"""Orders in, end to end: a checkout becomes contact, sales order, invoice and receipt in the books, by itself."""

from __future__ import annotations

from pathlib import Path

from tests.sync.world import a_world


async def test_a_paid_order_is_in_the_books(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 2))
        await world.act(order, "pay", {"method": "qris", "reference": "Q1"})
        await world.sync()
        truth = await world.truth()
        (sale,) = truth["sales"][order["number"]]
        assert sale["balance"] == "0"
        assert [d.split()[0] for d in sale["documents"]] == ["sales_order", "invoice", "receipt"]
        assert truth["stock"]["KAOS-M"] == {"on_hand": "8", "reserved": "0"}
        assert truth["duplicates"] == {}
        (cell,) = await world.hub.desk(world.ledger.coverage.cells, "toko", "order")
        assert (cell.seen, cell.posted, cell.green) == (1, 1, True)
