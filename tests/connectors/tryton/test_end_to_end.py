"""A day of a store ends as contacts, sales, invoices, payments and stock moves in Tryton, and as stock in the store."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from selaras.ledger.values import RecordKey
from tests.connectors.kit_servers import served
from tests.connectors.storm import Storm, at_work
from tests.connectors.tryton.rig import Proxy
from tests.connectors.tryton.world import World, a_tryton_world
from tests.peers.tryton import Database, Server
from tests.sync.agreed import taken_for_hand_edits


@pytest.fixture
def tryton(tryton_server: Server, request: pytest.FixtureRequest) -> Database:
    """A database for each test."""
    return tryton_server.database(f"e2e_{abs(hash(request.node.name)) % 10**9}")


async def one_of_each(world: World) -> dict[str, Any]:
    """A paid order, a refunded one, a cancelled one, an edited one, an exchange and one that is not paid."""
    await world.stock({"KAOS-M": 50, "KAOS-L": 50, "TOPI": 50})
    made: dict[str, Any] = {}
    for n, name in enumerate(("paid", "refunded", "cancelled", "edited", "swapped", "unpaid", "edited late", "off")):
        extra: dict[str, Any] = (
            {"shipping": {"name": "JNE", "amount": "9001", "tax_rate": "0.11"}} if name == "paid" else {}
        )
        made[name] = await world.checkout(
            ("KAOS-M", 2), ("TOPI", 1), phone=f"0812000000{n:02d}",
            tax_rate="0.11", prices_include_tax=bool(n % 2), **extra,
        )  # fmt: skip
    await world.sync()
    for name in ("paid", "refunded", "cancelled", "swapped", "edited late"):
        await world.act(made[name], "pay", {"method": "qris", "reference": name})
    await world.act(made["edited"], "edit", {"lines": [{"line_id": made["edited"]["lines"][0]["id"], "quantity": 3}]})
    await world.act(made["edited"], "pay", {"method": "qris", "reference": "edited"})
    await world.act(made["off"], "cancel", {"reason": "buyer"})
    await world.sync()
    await world.act(made["swapped"], "shipments", {"courier": "JNE", "tracking": "JNE124"})
    line = made["refunded"]["lines"][0]["id"]
    await world.act(made["refunded"], "refunds", {"lines": [{"line_id": line, "quantity": 1}], "restock": True})
    await world.act(made["cancelled"], "cancel", {"reason": "buyer", "refund": True})
    line = made["edited late"]["lines"][0]["id"]
    await world.act(made["edited late"], "edit", {"lines": [{"line_id": line, "quantity": 1}]})
    line = made["swapped"]["lines"][0]["id"]
    await world.act(
        made["swapped"], "exchanges",
        {"back": [{"line_id": line, "quantity": 1}], "out": [{"sku": "KAOS-L", "quantity": 1}]},
    )  # fmt: skip
    await world.sync()
    await world.sync()
    return made


async def check(world: World, made: dict[str, Any]) -> None:
    """Missing 0, doubled 0, totals equal, stock equal, and the books balance."""
    truth = await world.shop_truth()
    shop = {order["number"]: order for order in truth["orders"]}
    for name, order in made.items():
        held, theirs = await world.sale(order), shop[order["number"]]
        assert len(held["sales"]) == 1, (name, held)
        billed = sum((b["total_amount"] for b in held["bills"] if b["state"] in ("posted", "paid")), Decimal(0))
        money = sum((m["amount"] for m in held["money"]), Decimal(0))
        kept = Decimal(theirs["paid"]) - Decimal(theirs["refunded"])
        assert money == kept, (name, held, theirs)
        if name in ("unpaid", "off"):
            assert (billed, held["bills"]) == (0, []), (name, held)
        elif name == "edited late":
            # It became cheaper after it was paid: billed is what it costs now, the rest is the buyer's credit.
            assert billed == Decimal(theirs["total"]) < kept, (name, held, theirs)
        else:
            assert billed == kept, (name, held, theirs)
        references = [b["reference"] for b in held["bills"]]
        assert len(references) == len(set(references)), (name, references)
        assert all(m["statement."]["state"] == "posted" for m in held["money"])
    for code in ("KAOS-M", "KAOS-L", "TOPI"):
        assert await world.shelf(code) == truth["stock"][code]["available"], code
    assert await asyncio.to_thread(world.desk.balance) == 0
    parties = await asyncio.to_thread(world.desk.rows, "party.party", [["name", "like", "Pembeli %"]], "name")
    assert len(parties) == len({p["name"] for p in parties}) == len(made)
    assert await taken_for_hand_edits(world.hub) == []


async def test_a_day_of_a_shop(tmp_path: Path, tryton: Database) -> None:
    async with a_tryton_world(tmp_path, tryton) as world:
        made = await one_of_each(world)
        assert await world.causes() == []
        await check(world, made)
        states = {name: (await world.sale(order))["sales"][0]["state"] for name, order in made.items()}
        assert states["off"] == "cancelled"
        assert states["unpaid"] == "quotation"
        assert states["paid"] == "processing"
        # News that comes again, three times and in any order, changes nothing.
        before = {name: await world.sale(order) for name, order in made.items()}
        keys = [RecordKey("toko", "order", str(order["id"])) for order in made.values()]
        for again in (keys, keys[::-1], keys):
            await world.hub.desk.hint(again, "webhook", world.hub.now())
        await world.sync()
        assert {name: await world.sale(order) for name, order in made.items()} == before
        await check(world, made)


async def test_a_day_with_answers_lost_and_a_restart(tmp_path: Path, tryton: Database, rng: random.Random) -> None:
    """Calls fail before or after their effect, or are asked to wait; the service stops in the middle and goes on."""
    async with aiohttp.ClientSession() as session:
        proxy = Proxy(tryton.url, session)
        async with served(proxy.handle) as url, a_tryton_world(tmp_path, tryton, url=url) as world:
            proxy.wait = 0.0
            proxy.chance = Storm(rng, "before", "after", "throttle", calm=33, most=30)
            await world.stock({"KAOS-M": 500})
            orders = []
            for n in range(14):
                order = await world.checkout(("KAOS-M", 1 + n % 3), phone=f"08120001{n:04d}", tax_rate="0.11")
                orders.append(order)
                if n % 2:
                    await world.act(order, "pay", {"method": "qris", "reference": f"Q{n}"})
                if n % 5 == 0:
                    await world.act(order, "cancel", {"reason": "buyer", "refund": True})
                if n == 7:
                    world.service.wake("toko", "order")
                    await at_work(world.hub)
                    await world.restart()
            await world.sync(240)
            proxy.chance = str
            await world.sync()
            assert await world.causes() == []
            truth = await world.shop_truth()
            shop = {order["number"]: order for order in truth["orders"]}
            for n, order in enumerate(orders):
                held, theirs = await world.sale(order), shop[order["number"]]
                kept = Decimal(theirs["paid"]) - Decimal(theirs["refunded"])
                assert len(held["sales"]) == 1, (n, held)
                if held["sales"][0]["state"] == "cancelled":
                    assert (n % 5, held["bills"]) == (0, []), (n, held)
                else:
                    assert n % 10, (n, held)
                assert held["balance"] == 0, (n, held)
                assert sum((m["amount"] for m in held["money"]), Decimal(0)) == kept, (n, held)
                references = [b["reference"] for b in held["bills"]]
                assert len(references) == len(set(references)), (n, references)
                assert all(b["state"] in ("posted", "paid") for b in held["bills"]), (n, held)
            assert await world.shelf("KAOS-M") == truth["stock"]["KAOS-M"]["available"]
            assert await asyncio.to_thread(world.desk.balance) == 0
            left = await asyncio.to_thread(
                world.desk.rows, "account.statement", [["state", "not in", ["posted", "cancelled"]]], "name"
            )
            assert left == []


async def test_a_transfer_on_the_statement_marks_the_order_paid(tmp_path: Path, tryton: Database) -> None:
    async with a_tryton_world(tmp_path, tryton) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), phone="081277700000", method="transfer")
        await world.sync()
        assert [sale["state"] for sale in (await world.sale(order))["sales"]] == ["quotation"]
        total = Decimal(order["total"])
        await asyncio.to_thread(world.bank, f"TRSF E-BANKING CR 1123 {order['number']} PEMBELI", total)
        await world.sync()
        await world.sync()
        assert await world.causes() == []
        held = await world.sale(order)
        assert [bill["state"] for bill in held["bills"]] == ["paid"]
        assert [(m["amount"], m["statement."]["state"]) for m in held["money"]] == [(total, "posted")]
        (theirs,) = (o for o in (await world.shop_truth())["orders"] if o["number"] == order["number"])
        assert Decimal(theirs["paid"]) == total
        # Our own mark in the store is not money a second time.
        await world.sync()
        assert (await world.sale(order))["money"] == held["money"]


async def test_a_counter_sale_lowers_the_shelf_of_the_web_store(tmp_path: Path, tryton: Database) -> None:
    async with a_tryton_world(tmp_path, tryton) as world:
        await world.stock({"KAOS-M": 10})
        await world.sync()
        await asyncio.to_thread(world.desk.count, {"KAOS-M": 6})
        await world.sync()
        assert (await world.shop_truth())["stock"]["KAOS-M"]["available"] == 6
