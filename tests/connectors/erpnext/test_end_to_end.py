"""A day of a store ends as customers, orders, invoices, payments and stock in ERPNext, and as stock in the store."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from selaras.ledger.values import RecordKey
from selaras.sync.apply import Dispatcher
from selaras.sync.intake import Intake
from selaras.sync.orders import OrderPlanner
from tests.connectors.erpnext.standin_people import STORES
from tests.connectors.erpnext.world import World, an_erpnext_world
from tests.connectors.storm import Storm, at_work
from tests.sync.agreed import taken_for_hand_edits


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
        held, theirs = world.sale(order), shop[order["number"]]
        assert len(held["orders"]) == 1, (name, held)
        kept = Decimal(theirs["paid"]) - Decimal(theirs["refunded"])
        assert held["money"] == kept, (name, held, theirs)
        if name in ("unpaid", "off"):
            assert held["bills"] == [], (name, held)
        elif name == "edited late":
            # It became cheaper after it was paid: billed is what it costs now, the rest is the buyer's credit.
            assert held["billed"] == Decimal(theirs["total"]) < kept, (name, held, theirs)
        else:
            assert held["billed"] == kept, (name, held, theirs)
        assert len(held["references"]) == len(set(held["references"])), (name, held)
        assert world.owed(held["orders"][0]["customer"]) == held["billed"] - held["money"], name
    for code in ("KAOS-M", "KAOS-L", "TOPI"):
        assert world.shelf(code) == truth["stock"][code]["available"], code
    assert world.ledger() == 0
    assert len(world.site.db.table("Customer")) == len(made)
    assert await taken_for_hand_edits(world.hub) == []


@pytest.mark.parametrize("by", ["amount", "rate"])
async def test_a_day_of_a_shop(tmp_path: Path, by: str) -> None:
    async with an_erpnext_world(tmp_path, taxes_by=by) as world:
        made = await one_of_each(world)
        assert await world.causes() == []
        await check(world, made)
        states = {name: world.sale(order)["orders"][0] for name, order in made.items()}
        assert states["off"]["status"] == "Cancelled"
        assert states["unpaid"]["status"] == "To Deliver and Bill"
        assert states["paid"]["status"] == "Completed"
        assert states["edited"]["amended_from"]
        told = [c["content"] for c in world.site.db.table("Comment").values()]
        assert told == ["Selaras: JNE JNE124"]
        # News that comes again, three times and in any order, changes nothing.
        before = {name: world.sale(order) for name, order in made.items()}
        keys = [RecordKey("toko", "order", str(order["id"])) for order in made.values()]
        for again in (keys, keys[::-1], keys):
            await world.hub.desk.hint(again, "webhook", world.hub.now())
        await world.sync()
        assert {name: world.sale(order) for name, order in made.items()} == before
        await check(world, made)


async def test_a_day_with_answers_lost_and_a_restart(tmp_path: Path, rng: random.Random) -> None:
    """Calls fail before, after or long after their effect, or must wait; the service stops in the middle."""
    async with an_erpnext_world(tmp_path) as world:
        world.site.trouble.chance = Storm(rng, "before", "after", "late", "throttle", calm=40)
        await world.stock({"KAOS-M": 500})
        orders = []
        for n in range(20):
            order = await world.checkout(("KAOS-M", 1 + n % 3), phone=f"08120001{n:04d}", tax_rate="0.11")
            orders.append(order)
            if n % 2:
                await world.act(order, "pay", {"method": "qris", "reference": f"Q{n}"})
            if n % 5 == 0:
                await world.act(order, "cancel", {"reason": "buyer", "refund": True})
            if n % 7 == 3 and n % 5:
                line = order["lines"][0]["id"]
                await world.act(order, "edit", {"lines": [{"line_id": line, "quantity": 4}]})
            if n == 11:
                world.service.wake("toko", "order")
                await at_work(world.hub)
                await world.restart()
        await world.sync(180)
        world.site.trouble.chance = str
        await world.sync()
        assert await world.causes() == []
        truth = await world.shop_truth()
        shop = {order["number"]: order for order in truth["orders"]}
        for n, order in enumerate(orders):
            held, theirs = world.sale(order), shop[order["number"]]
            kept = Decimal(theirs["paid"]) - Decimal(theirs["refunded"])
            assert len(held["orders"]) == 1, (n, held)
            assert held["money"] == kept, (n, held)
            assert len(held["references"]) == len(set(held["references"])), (n, held)
            if theirs["status"] == "cancelled":
                assert held["billed"] == 0, (n, held)
            elif Decimal(theirs["paid"]) >= Decimal(theirs["total"]):
                assert held["billed"] == Decimal(theirs["total"]), (n, held)
        assert len(world.site.db.table("Customer")) == len(orders)
        assert world.shelf("KAOS-M") == truth["stock"]["KAOS-M"]["available"]
        assert world.ledger() == 0


async def test_a_bank_line_marks_the_order_paid(tmp_path: Path) -> None:
    async with an_erpnext_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), phone="081277700000", method="transfer")
        await world.sync()
        total = Decimal(order["total"])
        line = world.bank(f"TRSF E-BANKING CR 1123 {order['number']} PEMBELI", total)
        await world.sync()
        await world.sync()
        assert await world.causes() == []
        held = world.sale(order)
        assert [bill["status"] for bill in held["bills"]] == ["Paid"]
        assert held["money"] == total
        assert world.site.db.get("Bank Transaction", line["name"])["status"] == "Reconciled"
        (theirs,) = (o for o in (await world.shop_truth())["orders"] if o["number"] == order["number"])
        assert Decimal(theirs["paid"]) == total
        # Our own mark in the store is not money a second time.
        await world.sync()
        assert world.sale(order)["money"] == total


async def test_money_that_a_person_booked_counts_as_payment(tmp_path: Path) -> None:
    async with an_erpnext_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), phone="081277700001", method="transfer")
        await world.sync()
        (held,) = world.sale(order)["orders"]
        world.site.insert(
            {
                "doctype": "Payment Entry", "docstatus": 1, "payment_type": "Receive", "party_type": "Customer",
                "party": held["customer"], "company": held["company"], "paid_from": "1131.0010 - Piutang Dagang - PCI",
                "paid_to": "1111.001 - Kas Kecil - PCI", "paid_amount": held["grand_total"],
                "received_amount": held["grand_total"], "source_exchange_rate": 1, "target_exchange_rate": 1,
                "posting_date": held["transaction_date"], "reference_no": "kas", "reference_date": "2026-11-22",
                "references": [{"reference_doctype": "Sales Order", "reference_name": held["name"],
                                "allocated_amount": held["grand_total"]}],
            }
        )  # fmt: skip
        await world.sync()
        await world.sync()
        (theirs,) = (o for o in (await world.shop_truth())["orders"] if o["number"] == order["number"])
        assert Decimal(theirs["paid"]) == Decimal(order["total"])
        assert len(world.site.db.table("Payment Entry")) == 1


async def test_a_counter_sale_lowers_the_shelf_of_the_web_store(tmp_path: Path) -> None:
    async with an_erpnext_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        await world.sync()
        world.site.selling.bin("KAOS-M", STORES)["actual_qty"] = 6.0
        await world.sync()
        assert (await world.shop_truth())["stock"]["KAOS-M"]["available"] == 6


async def test_calls_per_order(tmp_path: Path) -> None:
    """300 paid orders, planned and then sent: at most 1.05 × the least calls that full batches need."""
    async with an_erpnext_world(tmp_path, batch="50") as world:
        await world.stock({"KAOS-M": 5000})
        await world.sync()
        await world.service.stop()
        for n in range(300):
            order = await world.checkout(("KAOS-M", 1), phone=f"08130{n:06d}", tax_rate="0.11")
            await world.act(order, "pay", {"method": "qris", "reference": f"Q{n}"})
        await Intake(world.hub, "toko").poll("order")
        planner = OrderPlanner(world.hub, world.hub.pairs[0])
        while await planner.plan():
            pass
        calls = world.site.calls
        calls.clear()
        await Dispatcher(world.hub, "buku").drain()
        for doctype in ("Customer", "Sales Order", "Sales Invoice", "Payment Entry"):
            assert len(world.site.db.table(doctype)) == 300, doctype
        batches = 300 // 50
        # Customers, orders, invoices and receipts: one insert for each full batch of each, and the reads of each batch.
        assert calls["CALL insert_many"] <= 4 * batches * 1.05, calls
        reads = {"GET Sales Order": 2, "GET Sales Order Item": 1, "GET Sales Invoice": 2, "GET Payment Entry": 1}
        for call, times in reads.items():
            assert calls[call] <= times * batches * 1.05, (call, calls)
