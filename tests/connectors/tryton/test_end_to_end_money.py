"""Money in, end to end with a real Tryton: a transfer is found on the statement, and what it paid is undone."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

from selaras.sync.money_decisions import undo_money
from tests.connectors.tryton.world import a_tryton_world
from tests.peers.tryton import Database
from tests.sync.agreed import taken_for_hand_edits


async def test_what_a_transfer_paid_is_undone_in_the_books(tmp_path: Path, tryton: Database) -> None:
    async with a_tryton_world(tmp_path, tryton) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), phone="081277700001", method="transfer")
        await world.sync()
        total = Decimal(order["total"])
        await asyncio.to_thread(world.bank, f"TRSF E-BANKING CR 1123 {order['number']} PEMBELI", total)
        await world.sync()
        await world.sync()
        held = await world.sale(order)
        assert [bill["state"] for bill in held["bills"]] == ["paid"]
        assert await taken_for_hand_edits(world.hub) == []
        origin = (await asyncio.to_thread(world.desk.rows, "account.statement.origin", [], "number"))[-1]["id"]
        await world.hub.desk(undo_money, world.hub, str(origin), world.hub.now(), "Sari", "for another order")
        for lane in ("money buku", "plan toko"):  # as the server does when a person decides
            world.service.lanes[lane].wake()
        await world.sync()
        await world.sync()
        # An order that nobody paid is not billed: the invoice is open again and credited, the buyer owes nothing.
        bills = await asyncio.to_thread(
            world.desk.rows, "account.invoice", [["reference", "like", f"{order['number']}%"]], "amount_to_pay"
        )
        assert sum(bill["amount_to_pay"] for bill in bills) == 0
        (line,) = await world.hub.connectors["buku"].read("bank_transaction", [str(origin)])
        assert not line.record.reconciled
        (receipt,) = await world.hub.connectors["buku"].read("receipt", [str(held["money"][0]["id"])])
        assert (receipt.record.status, receipt.record.total) == ("void", total)
        assert {cause for cause, _ in await world.causes()} == {"store_was_told", "unmatched_payment"}
        assert await asyncio.to_thread(world.desk.balance) == 0
        assert await taken_for_hand_edits(world.hub) == []
