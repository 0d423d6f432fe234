"""The flows into Jurnal: nothing missing, nothing doubled, totals and stock equal, whatever happens to an order."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from selaras.ledger.values import RecordKey
from tests.connectors.jurnal.world import World, a_jurnal_world
from tests.connectors.storm import Storm, at_work
from tests.sync.agreed import taken_for_hand_edits

pytestmark = pytest.mark.asyncio


async def one_of_each(world: World) -> dict[str, Any]:
    """An order of every fate."""
    await world.stock({"KAOS-M": 100, "KAOS-L": 100, "TOPI": 50})
    made: dict[str, Any] = {}
    names = ("paid", "unpaid", "off", "paid off", "refunded", "shipped", "edited", "edited late", "swapped", "less",
             "taxed", "money only")  # fmt: skip
    for n, name in enumerate(names):
        more: dict[str, Any] = {"tax_rate": "0.11"} if name in ("taxed", "refunded", "swapped") else {}
        if name == "less":
            more = {"discount": {"name": "Promo", "amount": "7777"}, "shipping": {"name": "JNE", "amount": "9001"}}
        made[name] = await world.checkout(("KAOS-M", 2), ("TOPI", 1), phone=f"0812000000{n:02d}", **more)
    await world.sync()
    for name in ("paid", "paid off", "refunded", "shipped", "edited late", "swapped", "less", "taxed", "money only"):
        await world.act(made[name], "pay", {"method": "qris", "reference": f"Q-{name}"})
    await world.act(made["edited"], "edit", {"lines": [{"line_id": made["edited"]["lines"][0]["id"], "quantity": 1}]})
    await world.act(made["off"], "cancel", {"reason": "buyer"})
    await world.sync()
    await world.act(made["edited"], "pay", {"method": "qris", "reference": "Q-edited"})
    await world.act(made["paid off"], "cancel", {"reason": "out of stock", "refund": True})
    line = made["refunded"]["lines"][0]["id"]
    await world.act(made["refunded"], "refunds", {"lines": [{"line_id": line, "quantity": 1}], "restock": True})
    await world.act(made["money only"], "refunds", {"amount": "12345", "reason": "goda"})
    await world.act(made["shipped"], "shipments", {"tracking": "JNE1", "courier": "JNE"})
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
    """Missing 0, doubled 0, totals equal, stock equal."""
    truth = await world.shop_truth()
    shop = {order["number"]: order for order in truth["orders"]}
    for name, order in made.items():
        held, theirs = world.sale(order), shop[order["number"]]
        kept = Decimal(theirs["paid"]) - Decimal(theirs["refunded"])
        assert len(held["orders"]) == 1, (name, held)
        assert bool(held["orders"][0]["deleted_at"]) is (name == "off"), name
        assert held["money"] == kept, (name, held, theirs)
        if name in ("unpaid", "off"):
            assert held["bills"] == [], (name, held)
        elif name == "edited late":
            assert held["billed"] == Decimal(theirs["total"]) < kept, (name, held, theirs)
        else:
            assert held["billed"] == kept, (name, held["billed"], kept, held, theirs)
        for table in ("orders", "bills", "credits", "in", "out"):
            ids = [row["custom_id"] or row["memo"] for row in held[table]]
            assert len(ids) == len(set(ids)), (name, table, ids)
    for code in ("KAOS-M", "KAOS-L", "TOPI"):
        assert await world.shelf(code) == truth["stock"][code]["available"], code
    # Twelve buyers of one name are twelve contacts.
    assert len(world.books.books.tables["customers"]) == len(made)
    assert await taken_for_hand_edits(world.hub) == []


async def test_a_day_of_a_shop(tmp_path: Path) -> None:
    async with a_jurnal_world(tmp_path) as world:
        made = await one_of_each(world)
        assert await world.causes() == []
        await check(world, made)
        # News that comes again, three times and in any order, changes nothing.
        before = {name: repr(world.sale(order)) for name, order in made.items()}
        keys = [RecordKey("toko", "order", str(order["id"])) for order in made.values()]
        for again in (keys, keys[::-1], keys):
            await world.hub.desk.hint(again, "webhook", world.hub.now())
        await world.sync()
        assert {name: repr(world.sale(order)) for name, order in made.items()} == before
        await check(world, made)


@pytest.mark.timeout(600)
async def test_a_day_with_answers_lost_and_a_restart(tmp_path: Path, rng: random.Random) -> None:
    """Calls fail before or after their effect, or are asked to wait; the service stops in the middle and goes on."""
    async with a_jurnal_world(tmp_path) as world:
        await world.stock({"KAOS-M": 500})
        world.books.chance = Storm(rng, "before", "after", "half", calm=9, most=12)
        orders = []
        for n in range(24):
            order = await world.checkout(("KAOS-M", 1 + n % 3), phone=f"08120001{n:04d}", tax_rate="0.11")
            orders.append(order)
            if n % 2:
                await world.act(order, "pay", {"method": "qris", "reference": f"Q{n}"})
            if n % 5 == 0:
                await world.act(order, "cancel", {"reason": "buyer", "refund": True})
            if n % 8 == 7:
                world.service.wake("toko", "order")
                await at_work(world.hub)
                await world.restart()
        await world.sync(240)
        world.books.chance = str
        await world.sync(240)
        assert await world.causes() == []
        truth = await world.shop_truth()
        shop = {order["number"]: order for order in truth["orders"]}
        for n, order in enumerate(orders):
            held, theirs = world.sale(order), shop[order["number"]]
            kept = Decimal(theirs["paid"]) - Decimal(theirs["refunded"])
            assert len(held["orders"]) == 1, (n, held)
            assert held["money"] == held["billed"] == kept, (n, held, theirs)
        assert await world.shelf("KAOS-M") == truth["stock"]["KAOS-M"]["available"]
        assert len(world.books.books.tables["customers"]) == len(orders)


async def test_an_order_whose_deletion_had_no_answer_is_void_and_no_change_by_hand(tmp_path: Path) -> None:
    async with a_jurnal_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), phone="081277700009")
        await world.sync()
        await asyncio.sleep(1.0)  # longer than the lag of Jurnal's lists: what is missing then was taken away

        def lost() -> str:
            return "" if any(method == "DELETE" for _at, method, _path in world.books.log) else "after"

        world.books.chance = lost
        await world.act(order, "cancel", {"reason": "buyer"})
        await world.sync()
        assert [bool(row["deleted_at"]) for row in world.sale(order)["orders"]] == [True]
        assert sum(method == "DELETE" for _at, method, _path in world.books.log) == 2
        assert await world.causes() == []


async def test_a_transfer_in_the_bank_marks_the_order_paid(tmp_path: Path) -> None:
    """A deposit that the bank's feed booked onto the account for the unknown is explained, and taken off there."""
    async with a_jurnal_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), phone="081277700000", method="transfer")
        await world.sync()
        total = Decimal(order["total"])
        books = world.books.books
        today = world.sale(order)["orders"][0]["transaction_date"]
        day = f"{today[6:]}-{today[3:5]}-{today[:2]}"
        books.create_bank_deposits({
            "transaction_date": day, "deposit_to_name": "Rekening Bank", "memo": f"TRSF CR {order['number']} BUDI",
            "transaction_account_lines_attributes": [{"account_name": "Bank Belum Dikenal", "credit": total}],
        })  # fmt: skip
        await world.sync()
        await world.sync()
        assert await world.causes() == []
        held = world.sale(order)
        assert [bill["transaction_status"]["name"] for bill in held["bills"]] == ["Paid"]
        assert [(row["amount"], row["deposit_to"]["name"]) for row in held["in"]] == [
            (f"{total}.0", "Bank Belum Dikenal")
        ]
        (theirs,) = (o for o in (await world.shop_truth())["orders"] if o["number"] == order["number"])
        assert Decimal(theirs["paid"]) == total
        await world.sync()
        assert len(world.sale(order)["in"]) == 1


async def test_a_counter_sale_lowers_the_shelf_of_the_web_store(tmp_path: Path) -> None:
    async with a_jurnal_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        await world.sync()
        world.books.books.product("KAOS-M")["quantity"] -= 4
        await world.sync()
        assert (await world.shop_truth())["stock"]["KAOS-M"]["available"] == 6
