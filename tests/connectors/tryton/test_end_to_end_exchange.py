"""Money of another currency, end to end with a real Tryton: an order in dollars, paid with rupiah, and undone."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

from selaras.sync.installation import set_pairs
from selaras.sync.money_decisions import link_payment, undo_money
from tests.connectors.tryton.world import World, a_tryton_world
from tests.peers.tryton import Database
from tests.sync.agreed import taken_for_hand_edits

CAME = Decimal(491_357)


async def decided(world: World) -> None:
    """A person's word wakes the lanes, as the server does."""
    for lane in ("money buku", "plan toko"):
        world.service.lanes[lane].wake()
    await world.sync()
    await world.sync()


async def test_an_order_in_dollars_is_paid_with_rupiah_and_given_up_again(tmp_path: Path, tryton: Database) -> None:
    code = tryton.desk().exchanges()
    async with a_tryton_world(tmp_path, tryton, currency="USD") as world:
        await world.hub.desk(set_pairs, world.hub.desk.ledger, world.hub.pairs)
        await world.stock({"KAOS-M": 10}, 30)
        order = await world.checkout(("KAOS-M", 1), phone="081277700001", method="transfer")
        await world.sync()
        await asyncio.to_thread(world.bank, "SETORAN TUNAI", CAME)
        await world.sync()
        origin = str((await asyncio.to_thread(world.desk.rows, "account.statement.origin", [], "number"))[-1]["id"])
        await world.hub.desk(link_payment, world.hub, origin, order["number"], world.hub.now(), "Sari")
        await decided(world)
        held = await world.sale(order)
        assert [(bill["state"], bill["total_amount"]) for bill in held["bills"]] == [("paid", Decimal(order["total"]))]
        (line,) = await world.hub.connectors["buku"].read("bank_transaction", [origin])
        assert line.record.reconciled
        (sold,) = (await world.shop_truth())["orders"]
        assert Decimal(sold["paid"]) == Decimal(order["total"])
        assert await taken_for_hand_edits(world.hub) == []
        assert await world.causes() == []
        moved = await asyncio.to_thread(
            world.desk.rows, "account.move.line", [["account.code", "=", code]], "debit", "credit", "move.state"
        )
        assert [one["move."]["state"] for one in moved] == ["posted"]
        await world.hub.desk(undo_money, world.hub, origin, world.hub.now(), "Sari", "for another order")
        await decided(world)
        moved = await asyncio.to_thread(
            world.desk.rows, "account.move.line", [["account.code", "=", code]], "debit", "credit"
        )
        assert sum(one["debit"] - one["credit"] for one in moved) == 0
        (line,) = await world.hub.connectors["buku"].read("bank_transaction", [origin])
        assert not line.record.reconciled
        assert {cause for cause, _ in await world.causes()} == {"store_was_told", "unmatched_payment"}
        assert await taken_for_hand_edits(world.hub) == []
        assert await asyncio.to_thread(world.desk.balance) == 0
