"""A day of a store ends as customers, orders, invoices, receipts and returns in Accurate, and as stock in the store."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

from selaras.ledger.values import RecordKey
from tests.connectors.accurate.world import BANK, World, an_accurate_world
from tests.connectors.storm import Storm, at_work
from tests.sync.agreed import taken_for_hand_edits


async def one_of_each(world: World) -> dict[str, Any]:
    """A paid order, a refunded one, a cancelled one, an edited one, an exchange and one that is not paid."""
    await world.stock({"KAOS-M": 50, "KAOS-L": 50, "TOPI": 50})
    made: dict[str, Any] = {}
    for n, name in enumerate(("paid", "refunded", "cancelled", "edited", "swapped", "unpaid", "edited late", "off")):
        extra: dict[str, Any] = {}
        if name == "paid":
            extra = {
                "shipping": {"name": "JNE", "amount": "9001", "tax_rate": "0.11"},
                "discount": {"name": "KODE", "amount": "7003"},
            }
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
    """Missing 0, doubled 0, totals equal, stock equal."""
    truth = await world.shop_truth()
    shop = {order["number"]: order for order in truth["orders"]}
    for name, order in made.items():
        held, theirs = world.sale(order), shop[order["number"]]
        assert len(held["orders"]) == 1, (name, held)
        kept = Decimal(theirs["paid"]) - Decimal(theirs["refunded"])
        assert held["kept"] == kept, (name, held, theirs)
        if name in ("unpaid", "off"):
            assert (held["billed"], held["bills"]) == (0, []), (name, held)
        elif name == "edited late":
            # It became cheaper after it was paid: billed is what it costs now, the rest is the buyer's credit.
            assert held["billed"] == Decimal(theirs["total"]) < kept, (name, held, theirs)
        else:
            assert held["billed"] == kept, (name, held, theirs)
        assert held["deposits"] == [], (name, held)
    for code in ("KAOS-M", "KAOS-L", "TOPI"):
        assert await world.shelf(code) == truth["stock"][code]["available"], code
    customers = [c for c in world.books.of("customer").values() if c["name"].startswith("Pembeli ")]
    assert len(customers) == len({c["mobilePhone"] for c in customers}) == len(made)
    assert world.standin.lists.ignored == []
    assert await taken_for_hand_edits(world.hub) == []


async def test_a_day_of_a_shop(tmp_path: Path) -> None:
    async with an_accurate_world(tmp_path) as world:
        made = await one_of_each(world)
        assert await world.causes() == []
        await check(world, made)
        states = {name: world.sale(order)["orders"][0]["status"] for name, order in made.items()}
        assert states["off"] == "CLOSED"
        assert states["unpaid"] == "QUEUE"
        assert states["paid"] == "PROCEED"
        # News that comes again, three times and in any order, changes nothing.
        count = {entity: len(rows) for entity, rows in world.books.rows.items()}
        keys = [RecordKey("toko", "order", str(order["id"])) for order in made.values()]
        for again in (keys, keys[::-1], keys):
            await world.hub.desk.hint(again, "webhook", world.hub.now())
        await world.sync()
        assert {entity: len(rows) for entity, rows in world.books.rows.items()} == count
        await check(world, made)


async def test_a_day_with_answers_lost_and_a_restart(tmp_path: Path, rng: random.Random) -> None:
    """Calls fail before or after their effect, in the middle of a batch, or are asked to wait; tokens and sessions end;
    the service stops in the middle and goes on."""
    async with an_accurate_world(tmp_path) as world:
        standin = world.standin
        storm = Storm(rng, "before", "after", "half", "throttle", "token", "session", calm=24)

        def chance() -> str:
            found = storm()
            if found == "token":
                standin.access.clear()
            elif found == "session":
                standin.sessions.clear()
            return "" if found in ("token", "session") else found

        await world.stock({"KAOS-M": 500})
        standin.chance = chance
        orders = []
        for n in range(20):
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
        await world.sync(180)
        standin.chance = str
        standin.access.clear()
        await world.sync(180)
        assert await world.causes() == []
        truth = await world.shop_truth()
        shop = {order["number"]: order for order in truth["orders"]}
        for n, order in enumerate(orders):
            held, theirs = world.sale(order), shop[order["number"]]
            kept = Decimal(theirs["paid"]) - Decimal(theirs["refunded"])
            assert len(held["orders"]) == 1, (n, held)
            assert (held["orders"][0]["status"] == "CLOSED") == (n % 5 == 0 and not held["bills"]), (n, held)
            assert held["kept"] == kept, (n, held)
            assert held["billed"] == kept, (n, held)
        assert await world.shelf("KAOS-M") == truth["stock"]["KAOS-M"]["available"]
        assert standin.granted > 1


async def test_a_deposit_on_the_clearing_account_marks_the_order_paid(tmp_path: Path) -> None:
    async with an_accurate_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), phone="081277700000", method="transfer")
        await world.sync()
        assert [one["status"] for one in world.sale(order)["orders"]] == ["QUEUE"]
        total = Decimal(order["total"])
        number = "OD.2026.00001"
        text = f"TRSF E-BANKING CR 1123 {order['number']} PEMBELI"
        world.books.put("other-deposit", number, {
            "number": number, "transDate": order["placed_at"][8:10] + "/" + order["placed_at"][5:7] + "/"
            + order["placed_at"][:4], "description": text, "chequeAmount": total, "bank": {"no": BANK},
            "detailAccount": [{"account": {"no": "1-1400"}, "amount": total}],
        })  # fmt: skip
        await world.sync()
        await world.sync()
        assert await world.causes() == []
        held = world.sale(order)
        assert [bill["status"] for bill in held["bills"]] == ["PAID"]
        (receipt,) = world.of_order("sales-receipt", order["number"])
        # The bank has the money already: the receipt takes it from where the deposit lies.
        assert receipt["bank"]["no"] == "1-1400"
        (theirs,) = (o for o in (await world.shop_truth())["orders"] if o["number"] == order["number"])
        assert Decimal(theirs["paid"]) == total
        # Our own mark in the store is not money a second time.
        await world.sync()
        assert len(world.of_order("sales-receipt", order["number"])) == 1


async def test_money_before_the_invoice_is_a_down_payment_that_the_invoice_uses(tmp_path: Path) -> None:
    """Half is paid, then the rest: the invoice is due with the second payment and takes the first one up."""
    async with an_accurate_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 2), phone="081277700001")
        half = Decimal(order["total"]) / 2
        await world.act(order, "pay", {"method": "qris", "reference": "A", "amount": str(half)})
        await world.sync()
        held = world.sale(order)
        assert held["bills"] == []
        assert [(d["totalAmount"], d["available"]) for d in held["deposits"]] == [(half, half)]
        await world.act(order, "pay", {"method": "qris", "reference": "B", "amount": str(half)})
        await world.sync()
        assert await world.causes() == []
        held = world.sale(order)
        assert [(b["totalAmount"], b["primeOwing"]) for b in held["bills"]] == [(half * 2, 0)]
        assert [d["available"] for d in held["deposits"]] == [0]
        assert held["kept"] == half * 2


async def test_a_counter_sale_lowers_the_shelf_of_the_web_store(tmp_path: Path) -> None:
    async with an_accurate_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        await world.sync()
        world.books.move("KAOS-M", "Gudang Utama", Decimal(-4))
        await world.sync()
        assert (await world.shop_truth())["stock"]["KAOS-M"]["available"] == 6
