"""A day of a store ends as contacts, sales, invoices, payments and stock moves in Tryton, and as stock in the store."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.tryton.world import World, a_tryton_world
from tests.peers.tryton import Database, Server


@pytest.fixture
def tryton(tryton_server: Server, request: pytest.FixtureRequest) -> Database:
    """A database for each test."""
    return tryton_server.database(f"e2e_{abs(hash(request.node.name)) % 10**9}")


async def one_of_each(world: World) -> dict[str, Any]:
    """A paid order, a refunded one, a cancelled one, an edited one, an exchange and one that is not paid."""
    await world.stock({"KAOS-M": 50, "KAOS-L": 50, "TOPI": 50})
    made: dict[str, Any] = {}
    for n, name in enumerate(("paid", "refunded", "cancelled", "edited", "swapped", "unpaid", "edited late", "off")):
        extra = {"shipping": {"name": "JNE", "amount": "9001", "tax_rate": "0.11"}} if name == "paid" else {}
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


async def test_a_day_of_a_shop(tmp_path: Path, tryton: Database) -> None:
    async with a_tryton_world(tmp_path, tryton) as world:
        made = await one_of_each(world)
        assert await world.causes() == []
        await check(world, made)
        states = {name: (await world.sale(order))["sales"][0]["state"] for name, order in made.items()}
        assert states["off"] == "cancelled"
        assert states["unpaid"] == "quotation"
        assert states["paid"] == "processing"
        # News that comes again changes nothing.
        calls = world.hub.connectors["buku"].calls  # type: ignore[attr-defined]
        before = {name: await world.sale(order) for name, order in made.items()}
        await world.sync()
        assert {name: await world.sale(order) for name, order in made.items()} == before
        assert world.hub.connectors["buku"].calls > calls  # type: ignore[attr-defined]
