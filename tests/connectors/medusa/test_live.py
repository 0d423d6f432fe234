"""What the contract kit does not ask: payments written into a real Medusa, and how few calls the reading takes."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from selaras.connectors.contract import Ambiguous, Connector, Failed, Hint, Outcome, Rejected, Write
from selaras.connectors.kit.checks import done, drained, failed
from selaras.model.document import StockLevel, StorePayment
from selaras.model.order import Order
from tests.connectors.medusa.rig import MedusaRig, medusa_rig
from tests.peers.medusa import Server


@pytest.fixture
async def rig(medusa: Server) -> AsyncIterator[MedusaRig]:
    async with medusa_rig(medusa) as rig:
        yield rig


def money(order: str, amount: Decimal | int, reference: str = "books:receipt:1") -> Write:
    at = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    return Write(reference, StorePayment(reference, order, Decimal(amount), "IDR", at, "transfer"))


async def read(connector: Connector, id: str) -> Any:
    (row,) = await connector.read("order", [id])
    assert isinstance(row.record, Order)
    return row.record


async def captured(rig: MedusaRig, id: str) -> Decimal:
    return (await rig.truth())[id].paid


async def pay(connector: Connector, *writes: Write) -> list[Outcome]:
    return await connector.write("store_payment", "create", writes)


async def test_money_of_the_books_marks_an_order_paid_once(rig: MedusaRig) -> None:
    connector = await rig.connector()
    part, whole = await rig.place_orders(2)
    totals = {id: (await rig.truth())[id].total for id in (part, whole)}
    outcomes = await pay(connector, money(part, 10_000), money(whole, totals[whole]), money("order_none", 1))
    assert [type(o).__name__ for o in outcomes] == ["Done", "Done", "Failed"]
    assert await captured(rig, part) == 0
    assert await captured(rig, whole) == totals[whole]
    # Ours, not the store's: nobody books it a second time.
    order = await read(connector, whole)
    assert [(p.amount, p.origin) for p in order.payments] == [(totals[whole], "books")]
    assert (await read(connector, part)).paid == 10_000
    # The same again is done already; another amount under its name is refused.
    done((await pay(connector, money(whole, totals[whole])))[0])
    assert isinstance(failed((await pay(connector, money(whole, 5)))[0]).error, Rejected)
    # The rest comes: now it is paid.
    done((await pay(connector, money(part, totals[part] - 10_000, "books:receipt:2")))[0])
    assert await captured(rig, part) == totals[part]
    assert (await read(connector, part)).paid == totals[part]


async def test_a_lost_answer_while_marking_pays_nothing_twice(rig: MedusaRig) -> None:
    """Each write takes effect and its answer is lost, until the repeat finds everything done."""
    connector = await rig.connector()
    (id,) = await rig.place_orders(1)
    total = (await rig.truth())[id].total
    for _ in range(3):
        await rig.fail_after()
        with pytest.raises(Ambiguous):
            raise AssertionError(await pay(connector, money(id, total)))
        await rig.calm()
        if await captured(rig, id):
            break
    done((await pay(connector, money(id, total)))[0])
    assert await captured(rig, id) == total
    assert [(p.amount, p.origin) for p in (await read(connector, id)).payments] == [(total, "books")]


async def test_an_edited_order_and_a_cancelled_one(rig: MedusaRig) -> None:
    """An edit calls the payment off and asks for another; a cancelled order takes no money."""
    connector = await rig.connector()
    dearer = await asyncio.to_thread(rig.desk.checkout, ("KIT-0", 1))
    await asyncio.to_thread(rig.desk.edit, dearer, {"KIT-0": 2})
    (gone,) = await rig.place_orders(1)
    await asyncio.to_thread(rig.desk.cancel, gone)
    total = (await rig.truth())[dearer].total
    paid, refused = await pay(connector, money(dearer, total), money(gone, total))
    done(paid)
    assert await captured(rig, dearer) == total
    assert isinstance(refused, Failed)
    assert refused.error.code == "order_closed"


async def test_a_sale_between_look_and_write_stays_sold(rig: MedusaRig) -> None:
    """An order holds its pieces: the level is written without undoing it, and a stale decision is refused."""
    connector = await rig.connector()
    (row,) = await connector.read("stock", ["KIT-0"])
    before: Any = row.record
    await asyncio.to_thread(rig.desk.checkout, ("KIT-0", 3))
    level = StockLevel("x@1", "KIT-0", before.product_id, Decimal(50), before.version)
    (stale,) = await connector.write("stock", "update", [Write("x@1", level)])
    assert failed(stale).error.kind == "stale"
    (row,) = await connector.read("stock", ["KIT-0"])
    assert row.record.reserved == 3
    level = StockLevel("x@2", "KIT-0", before.product_id, Decimal(50), row.record.version)
    done((await connector.write("stock", "update", [Write("x@2", level)]))[0])
    assert await rig.stock("KIT-0") == 50
    seen, cursor = await drained(connector, "stock")
    assert {s.id: s.record.available for s in seen}["KIT-0"] == 50
    await asyncio.to_thread(rig.desk.put, "KIT-1", 7)
    seen, _ = await drained(connector, "stock", cursor)
    assert {s.id: s.record.on_hand for s in seen}["KIT-1"] == 7


async def test_three_hundred_orders_in_the_fewest_calls(rig: MedusaRig) -> None:
    """Three pages for 300 orders of 100 a page; then an idle poll is two calls, and each look at 100 is one."""
    connector = await rig.connector()
    ids = await rig.place_orders(300)
    rig.proxy.calls.clear()
    seen, cursor = await drained(connector, "order")
    assert len({row.id for row in seen}) == 300
    assert len(rig.proxy.calls) == 3
    rig.server.sql("UPDATE payment_collection SET updated_at = now() - interval '1 day'")
    rig.server.sql("""UPDATE "order" SET updated_at = now() - interval '1 day'""")
    rig.proxy.calls.clear()
    assert (await drained(connector, "order", cursor))[0] == []
    assert len(rig.proxy.calls) == 2
    rig.proxy.calls.clear()
    assert len(await connector.read("order", ids[:100])) == 100
    assert len(rig.proxy.calls) == 1


async def test_the_plugin_tells_of_payments_returns_and_stock(rig: MedusaRig) -> None:
    """Real events of a real order, each named by its order, although Medusa says the payment only."""
    connector = await rig.connector()
    id = await asyncio.to_thread(rig.desk.checkout, ("KIT-0", 2))
    assert Hint("order", id) in connector.hints(await rig.ear.about(id, "order.placed"))
    await asyncio.to_thread(rig.desk.capture, id)
    assert connector.hints(await rig.ear.about(id, "payment.captured")) == [Hint("order", id)]
    await asyncio.to_thread(rig.desk.refund, id, Decimal(1_000))
    assert connector.hints(await rig.ear.about(id, "payment.refunded")) == [Hint("order", id)]
    await asyncio.to_thread(rig.desk.ship, id, "JNE0002")
    assert connector.hints(await rig.ear.about(id, "order.fulfillment_created")) == [Hint("order", id)]
    await asyncio.to_thread(rig.desk.take_back, id, {"KIT-0": 1})
    assert connector.hints(await rig.ear.about(id, "order.return_received")) == [Hint("order", id)]
    assert connector.hints(await rig.ear.about("ilev_", "inventory-level.updated")) == [Hint("stock", "")]
    order = await read(connector, id)
    assert [(r.amount, r.restock) for r in order.refunds][:1] == [(1_000, False)]
    assert order.refunds[1].restock
    assert [s.tracking for s in order.shipments] == ["JNE0002"]
