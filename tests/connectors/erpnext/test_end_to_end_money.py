"""Money in, from the bank's line to ERPNext and back again: one transfer for two orders, and what undoing leaves."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from selaras.sync import money_decisions
from selaras.sync.installation import set_pairs
from tests.connectors.erpnext.world import World, an_erpnext_world

ZERO = Decimal(0)


async def said(world: World, what: Any, *names: str, **more: str) -> None:
    """A word of a person about money, said in the ledger's thread; then everything follows."""

    def speak() -> Any:
        return what(world.hub, *names, world.hub.now(), "sari", **more)

    await world.hub.desk(speak)
    for _ in range(2):
        for lane in world.service.lanes.values():
            lane.wake()
        await world.sync()


def standing(world: World) -> dict[str, Decimal]:
    """Payment Entries that stand, by the order's number."""
    found: dict[str, Decimal] = {}
    for doc in world.site.db.table("Payment Entry").values():
        if doc["docstatus"] == 1:
            number = doc["reference_no"].partition("/")[0]
            found[number] = found.get(number, ZERO) + Decimal(str(doc["paid_amount"]))
    return found


def shares(world: World, line: str) -> list[Decimal]:
    """What vouchers that stand explain of a bank line."""
    rows = world.site.db.get("Bank Transaction", line)["payment_entries"]
    for row in rows:
        assert world.site.db.get("Payment Entry", row["payment_entry"])["docstatus"] == 1
    return sorted(Decimal(str(row["allocated_amount"])) for row in rows)


async def test_one_transfer_for_two_orders_undone_for_one_of_them_and_linked_to_another(tmp_path: Path) -> None:
    async with an_erpnext_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10, "TOPI": 10}, price=70_000)
        orders = [
            await world.checkout((sku, pieces), phone="081277700000", method="transfer")
            for sku, pieces in (("KAOS-M", 1), ("TOPI", 2))
        ]
        await world.sync()
        first, second = (order["number"] for order in orders)
        totals = {order["number"]: Decimal(order["total"]) for order in orders}
        text = f"TRSF E-BANKING CR {first} {second} PEMBELI"
        line = world.bank(text, sum(totals.values(), ZERO))["name"]
        await world.sync()
        await world.sync()
        assert [cause for cause, _ in await world.causes()] == ["suggested_payment"]
        assert standing(world) == {}

        await said(world, money_decisions.accept, line)
        assert await world.causes() == []
        paid = {order["number"]: Decimal(order["paid"]) for order in (await world.shop_truth())["orders"]}
        assert paid == totals, "the store was told of each share"
        assert standing(world) == totals
        assert shares(world, line) == sorted(totals.values())
        assert world.site.db.get("Bank Transaction", line)["status"] == "Reconciled"
        assert [world.owed(bill["customer"]) for bill in world.sale(orders[0])["bills"]] == [ZERO]

        await said(world, money_decisions.undo_money, line, order=first)
        assert standing(world) == {second: totals[second]}
        assert shares(world, line) == [totals[second]]
        held = world.site.db.get("Bank Transaction", line)
        assert Decimal(str(held["unallocated_amount"])) == totals[first]

        # It was another buyer's money.
        theirs = await world.checkout(("KAOS-M", 1), phone="081288800000", method="transfer")
        third = theirs["number"]
        await world.sync()
        await world.hub.desk(set_pairs, world.hub.desk.ledger, world.hub.pairs)
        await said(world, money_decisions.link_payment, line, third)
        assert standing(world) == {second: totals[second], third: totals[first]}
        assert shares(world, line) == sorted(totals.values())
        assert world.site.db.get("Bank Transaction", line)["status"] == "Reconciled"
        assert [world.owed(bill["customer"]) for bill in world.sale(theirs)["bills"]] == [ZERO]
        assert [cause for cause, _ in await world.causes()] == ["store_was_told"], (
            "no store takes a payment back itself"
        )
        assert world.ledger() == 0
