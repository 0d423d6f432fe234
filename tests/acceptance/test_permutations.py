"""Promise 3: any permutation of one order's events ends in the same books.

Every order goes through the same events in an order of its own, with goods of its own, so that stock can be compared
too. The store refuses to change an order that was sent or refunded, so a change of address comes before those.
"""

from __future__ import annotations

import itertools
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from selaras.ledger.values import RecordKey
from selaras.sandbox.books.kinds import CreditNote, Invoice, Receipt, RefundPayment
from tests.sync.world import POLICY, World, a_world

EVENTS = ("pay", "ship", "refund", "address", "tracking")
HISTORIES = [
    history
    for history in itertools.permutations(EVENTS)
    if all(history.index("address") < history.index(later) for later in ("ship", "refund", "tracking"))
]
PRICE = 50_000


async def happen(world: World, order: Any, event: str) -> None:
    """One event of an order of two pieces of A and one of B: they are sent in two parcels, one piece comes back."""
    first, second = (line["id"] for line in order["lines"])
    if event == "pay":
        await world.act(order, "pay", {"method": "qris", "reference": f"Q{order['number']}", "amount": str(3 * PRICE)})
    elif event == "ship":
        await world.act(order, "shipments", {"courier": "JNE", "lines": [{"line_id": second, "quantity": 1}]})
    elif event == "tracking":
        # What is left of the first line: two pieces, or the one that was not refunded meanwhile.
        await world.act(order, "shipments", {
            "courier": "JNE", "tracking": f"JNE{order['number']}", "lines": [{"line_id": first, "quantity": 1}],
        })  # fmt: skip
    elif event == "refund":
        wanted = {"lines": [{"line_id": first, "quantity": 1}], "restock": True, "reason": "size"}
        await world.act(order, "refunds", wanted)
    else:
        await world.act(order, "edit", {"address": {"line": "Jl. Melati 7", "city": "Bandung"}})


def outcome(world: World, order: Any) -> dict[str, Any]:
    """What the books hold of one order: money, what is still owed, where the parcel is, and its goods."""
    books = world.books.state
    (sale,) = [row for row in books.sales_orders.rows.values() if row.reference == order["number"]]
    sums: dict[type, Decimal] = dict.fromkeys((Invoice, CreditNote, Receipt, RefundPayment), Decimal(0))
    for document in books.threads[sale.id].documents:
        if type(document) in sums:
            sums[type(document)] += document.total
    shelves = [books.shelf(line["sku"], "MAIN") for line in order["lines"]]
    return {
        "status": sale.status != "void",
        "tracking": sale.tracking,
        "billed": sums[Invoice] - sums[CreditNote],
        "received": sums[Receipt] - sums[RefundPayment],
        "stock": [(shelf.on_hand, shelf.reserved) for shelf in shelves],
    }


async def orders_of(world: World) -> list[Any]:
    """An order for each history, with two products of its own."""
    await world.stock({f"{side}{n}": 10 for n in range(len(HISTORIES)) for side in "AB"}, PRICE)
    return [
        await world.checkout((f"A{n}", 2), (f"B{n}", 1), phone=f"0812-0000-{n:04d}", name=f"Pembeli {n}")
        for n in range(len(HISTORIES))
    ]


async def compare(world: World, orders: list[Any]) -> None:
    """All histories ended in the same books, and in the right ones; the store offers what the books promise."""
    truth = await world.truth()
    assert truth["duplicates"] == {}
    assert truth["trial_balance"]["IDR"]["sum"] == "0"
    wanted = {
        "status": True, "billed": 2 * PRICE, "received": 2 * PRICE, "stock": [(9, 0), (9, 0)],
    }  # fmt: skip
    for order, history in zip(orders, HISTORIES, strict=True):
        (sale,) = truth["sales"][order["number"]]
        found = outcome(world, order)
        assert found.pop("tracking") == f"JNE{order['number']}", (history, sale)
        assert found == wanted, (history, sale)
        assert sale["balance"] == "0", (history, sale)
    blocked = await world.hub.desk(world.ledger.coverage.causes)
    assert blocked == []
    shelf = (await world.shop_truth())["stock"]
    assert {shelf[line["sku"]]["available"] for order in orders for line in order["lines"]} == {9}


@pytest.mark.parametrize("invoice_at", ["order", "payment", "shipment"])
async def test_the_hub_follows_each_step(tmp_path: Path, invoice_at: str) -> None:
    policy = msgspec.structs.replace(POLICY, invoice_at=invoice_at)
    async with a_world(tmp_path, policy=policy) as world:
        orders = await orders_of(world)
        await world.sync()
        for step in range(len(EVENTS)):
            for order, history in zip(orders, HISTORIES, strict=True):
                await happen(world, order, history[step])
            await world.sync(120)
        await compare(world, orders)


@pytest.mark.parametrize("invoice_at", ["payment", "shipment"])
async def test_hints_come_late_twice_and_in_any_order(tmp_path: Path, rng: random.Random, invoice_at: str) -> None:
    policy = msgspec.structs.replace(POLICY, invoice_at=invoice_at)
    async with a_world(tmp_path, policy=policy) as world:
        orders = await orders_of(world)
        assert await world.service.settle(120)
        pending: list[str] = []
        for step in range(len(EVENTS)):
            for order, history in zip(orders, HISTORIES, strict=True):
                await happen(world, order, history[step])
                pending += [str(order["id"])] * rng.choice((1, 1, 2, 3))
            rng.shuffle(pending)
            now, later = pending[: len(pending) // 2], pending[len(pending) // 2 :]
            await hinted(world, now)
            pending = later
        rng.shuffle(pending)
        await hinted(world, pending + [str(order["id"]) for order in orders])
        await world.sync()
        await compare(world, orders)


async def hinted(world: World, ids: list[str]) -> None:
    for start in range(0, len(ids), 25):
        keys = [RecordKey("toko", "order", one) for one in ids[start : start + 25]]
        await world.hub.desk.hint(keys, "webhook", world.hub.now())
        world.service.wake("toko")
    assert await world.service.settle(120), await world.stuck()
