"""What a live Vendure does where it is odd: silent money, placing, stock, marks, rights, hints, and how many calls."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from selaras.connectors.contract import (
    Ambiguous,
    BadSignature,
    Connector,
    Expired,
    Hint,
    Rejected,
    Stale,
    Tools,
    Webhook,
    Write,
)
from selaras.connectors.kit.checks import check_told, done, drained, failed, latest
from selaras.connectors.vendure import build
from selaras.model.document import StockLevel, StorePayment
from selaras.model.order import Order
from tests.connectors.vendure.rig import CODES, ZONE, VendureRig, settings_for, vendure_rig
from tests.peers.vendure import SECRET, Server
from tests.peers.vendure_desk import Channel


@pytest.fixture
async def rig(vendure_server: Server, vendure: Channel) -> AsyncIterator[VendureRig]:
    async with vendure_rig(vendure_server, vendure) as rig:
        yield rig


class Clock:
    """The hub's clock, ahead of the machine's."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


async def order_of(connector: Connector, id: str) -> Order:
    (row,) = await connector.read("order", [id])
    assert isinstance(row.record, Order)
    return row.record


# -- reading -----------------------------------------------------------------------------------------------------------


async def test_silent_money_comes_by_polling_alone(rig: VendureRig) -> None:
    """Refunds, payments and parcels move no stamp of the order: the light list finds them (trap 8)."""
    clock = Clock()
    connector = build(settings_for(rig.channel, rig.who, page="50", overlap="0"), Tools("toko", ZONE, None, clock))
    shop = rig.channel
    paid, open_, sent, still = [
        await asyncio.to_thread(shop.checkout, ("KIT-0", 1), method=m) for m in ("qris", "transfer", "qris", "qris")
    ]
    await asyncio.sleep(1.1)  # stamps of this database have whole seconds
    await asyncio.to_thread(shop.checkout, ("KIT-1", 1))
    seen, cursor = await drained(connector, "order")
    assert {paid, open_, sent, still} <= set(latest(seen))
    await asyncio.sleep(1.1)
    await asyncio.to_thread(shop.refund, paid, 5_000)
    await asyncio.to_thread(shop.settle, open_)
    await asyncio.to_thread(shop.ship, sent, "JNE1")
    clock.ahead = 601
    seen, cursor = await drained(connector, "order", cursor)
    rows = {id: row.record for id, row in latest(seen).items()}
    assert rows[paid].refunded == 5_000
    assert rows[open_].paid == rows[open_].total
    assert rows[sent].shipments[0].tracking == "JNE1"
    assert still not in rows
    await connector.close()


async def test_a_cart_that_is_placed_later_is_seen(rig: VendureRig) -> None:
    """Its stamp is older than our cursor: placing does not move it."""
    connector = await rig.connector()
    shop = rig.channel
    cart = await asyncio.to_thread(shop.cart, ("KIT-0", 1))
    await rig.place_orders(1)
    _, cursor = await drained(connector, "order")
    id = await asyncio.to_thread(shop.place, cart)
    shop.sql(f'UPDATE "order" SET "updatedAt" = \'2020-01-01 00:00:00\' WHERE id = {id}')
    seen, _ = await drained(connector, "order", cursor)
    assert id in latest(seen)


async def test_a_poll_without_news_is_one_call_and_a_backfill_a_call_a_page(rig: VendureRig) -> None:
    orders, page = 24, 8
    await rig.place_orders(orders)
    connector = build(
        settings_for(rig.channel, rig.who, rig._url, page=str(page)), Tools("toko", ZONE, None, time.time)
    )
    await connector.check()
    await connector.changed("stock", "")
    rig.proxy.calls.clear()
    _, cursor = await drained(connector, "order")
    # Each page begins with the last row of the one before it.
    assert len(rig.proxy.calls) <= -(-orders // (page - 1)) + 1
    rig.proxy.calls.clear()
    await rig.place_orders(1)
    await asyncio.sleep(0)
    seen, _ = await drained(connector, "order", cursor)
    assert seen
    least = -(-len({row.id for row in seen}) // page)
    assert len(rig.proxy.calls) <= 2 * least + 1  # what is younger than the overlap is read again
    await connector.close()


async def test_goods_without_tax_in_another_currency(vendure_server: Server) -> None:
    shop = await asyncio.to_thread(lambda: vendure_server.channel(tax_included=False, currency="USD"))
    await asyncio.to_thread(shop.goods, {"MUG": 10}, Decimal("12.35"))
    who = await asyncio.to_thread(vendure_server.hub, shop)
    connector = build(settings_for(shop, who), Tools("toko", ZONE, None, time.time))
    id = await asyncio.to_thread(shop.checkout, ("MUG", 3))
    order = await order_of(connector, id)
    assert (order.currency, order.tax_included) == ("USD", False)
    assert order.computed_total() == order.total
    assert order.lines[0].unit_price == Decimal("12.35")
    (product,) = (await drained(connector, "product"))[0]
    assert (product.record.price, product.record.currency) == (Decimal("12.35"), "USD")
    await connector.close()


# -- who may do what ---------------------------------------------------------------------------------------------------


async def test_an_api_key_does_as_well(rig: VendureRig) -> None:
    key = await asyncio.to_thread(rig.server.key, rig.channel, rig.who)
    settings = {**settings_for(rig.channel, ("", "")), "api_key": key}
    connector = build(settings, Tools("toko", ZONE, None, time.time))
    (id,) = await rig.place_orders(1)
    assert (await connector.check()).ok
    assert (await order_of(connector, id)).id == id
    # Not the end of it: bcrypt, which Vendure compares with, looks at 72 bytes only.
    forged = key[:20] + ("0" if key[20] != "0" else "1") + key[21:]
    wrong = build({**settings, "api_key": forged}, Tools("toko", ZONE, None, time.time))
    with pytest.raises(Expired) as caught:
        await wrong.read("order", [id])
    assert caught.value.cure
    check = await wrong.check()
    assert [f.what for f in check.findings if not f.ok] == ["sign-in"]
    nowhere = build({**settings_for(rig.channel, rig.who), "channel": "nowhere"}, Tools("toko", ZONE, None, time.time))
    assert not (await nowhere.check()).ok
    for one in (connector, wrong, nowhere):
        await one.close()


async def test_who_may_only_read_is_told(rig: VendureRig) -> None:
    who = await asyncio.to_thread(rig.server.hub, rig.channel, ("ReadOrder", "ReadCatalog", "ReadStockLocation"))
    connector = build(settings_for(rig.channel, who), Tools("toko", ZONE, None, time.time))
    (finding,) = [f for f in (await connector.check()).findings if not f.ok]
    assert finding.what == "permissions"
    assert "UpdateCatalog" in finding.cure
    (row,) = await connector.read("stock", ["KIT-0"])
    level = StockLevel("s", "KIT-0", row.record.product_id, Decimal(5), row.record.version)
    with pytest.raises(Rejected) as caught:
        await connector.write("stock", "update", [Write("s", level)])
    assert caught.value.code == "no_permission"
    await connector.close()


async def test_a_session_that_is_over_is_begun_anew(rig: VendureRig) -> None:
    connector = await rig.connector()
    (id,) = await rig.place_orders(1)
    await order_of(connector, id)
    connector.client._token = "gone"  # type: ignore[attr-defined]
    rows = await asyncio.gather(*(connector.read("order", [id]) for _ in range(4)))
    assert all(row.record is not None for (row,) in rows)
    assert sum("login(" in call for call in rig.proxy.calls) == 2


# -- stock -------------------------------------------------------------------------------------------------------------


def level(row: Any, available: int) -> Write:
    stock = row.record
    return Write("s", StockLevel("s", stock.code, stock.product_id, Decimal(available), stock.version))


async def test_what_orders_hold_stays_sold(rig: VendureRig) -> None:
    """On hand is what is wanted and what placed orders hold; a version that has moved is told as such."""
    connector = await rig.connector()
    shop = rig.channel
    await rig.sell("KIT-0", 3)
    (row,) = await connector.read("stock", ["KIT-0"])
    done((await connector.write("stock", "update", [level(row, 7)]))[0])
    assert await asyncio.to_thread(shop.shelf, "KIT-0") == (10, 3)
    (old,) = await connector.read("stock", ["KIT-0"])
    await rig.sell("KIT-0", 1)
    (outcome,) = await connector.write("stock", "update", [level(old, 20)])
    assert isinstance(failed(outcome).error, Stale)
    assert await rig.stock("KIT-0") == 6
    # Wanted already: nothing is written, whatever the version says.
    done((await connector.write("stock", "update", [level(old, 6)]))[0])
    rig.proxy.mode = "after"
    (row,) = await connector.read("stock", ["KIT-0"])
    with pytest.raises(Ambiguous):
        await connector.write("stock", "update", [level(row, 9)])
    rig.proxy.mode = ""
    done((await connector.write("stock", "update", [level(row, 9)]))[0])
    assert await rig.stock("KIT-0") == 9


async def test_a_hundred_stocks_are_two_calls(rig: VendureRig) -> None:
    connector = await rig.connector()
    codes = {f"BANYAK-{n}": 1 for n in range(100)}
    await asyncio.to_thread(rig.channel.goods, codes)
    rows = await connector.read("stock", list(codes))
    rig.proxy.calls.clear()
    outcomes = await connector.write("stock", "update", [level(row, 5) for row in rows])
    assert len([done(one) for one in outcomes]) == 100
    assert len(rig.proxy.calls) == 2  # one look, one write


# -- payments ----------------------------------------------------------------------------------------------------------


def paying(id: str, amount: Decimal, reference: str = "BNK-1") -> Write:
    at = dt.datetime(2026, 11, 21, 3, tzinfo=dt.UTC)
    return Write(reference, StorePayment(reference, id, amount, "IDR", at, "BCA"))


async def test_money_of_the_books_marks_an_order_once(rig: VendureRig) -> None:
    connector = await rig.connector()
    id = await asyncio.to_thread(rig.channel.checkout, ("KIT-0", 2), method="transfer")
    total = (await order_of(connector, id)).total
    half = total // 2
    done((await connector.write("store_payment", "create", [paying(id, half)]))[0])
    order = await order_of(connector, id)
    assert (order.status, [(p.amount, p.origin) for p in order.payments]) == ("pending", [(half, "books")])
    rig.proxy.mode = "after"
    last = paying(id, total - half, "BNK-2")
    for _ in range(2):  # the note is lost, then the settling
        with pytest.raises(Ambiguous):
            await connector.write("store_payment", "create", [last])
    rig.proxy.mode = ""
    done((await connector.write("store_payment", "create", [last]))[0])
    done((await connector.write("store_payment", "create", [last]))[0])
    order = await order_of(connector, id)
    assert order.status == "open"
    assert sorted((p.reference, p.amount, p.origin) for p in order.payments) == [
        ("BNK-1", half, "books"), ("BNK-2", total - half, "books"),
    ]  # fmt: skip
    (payment,) = (await asyncio.to_thread(rig.channel.order, id))["payments"]
    assert payment["state"] == "Settled"


async def test_money_for_what_an_edit_added(rig: VendureRig) -> None:
    connector = await rig.connector()
    shop = rig.channel
    id = await asyncio.to_thread(shop.checkout, ("KIT-0", 1))
    before = (await order_of(connector, id)).total
    await asyncio.to_thread(shop.edit, id, {"KIT-0": 2})
    await asyncio.to_thread(shop.state, id, "ArrangingAdditionalPayment")
    more = (await order_of(connector, id)).total - before
    for _ in range(2):
        done((await connector.write("store_payment", "create", [paying(id, more)]))[0])
    order = await order_of(connector, id)
    assert [(p.amount, p.origin) for p in order.payments] == [(before, "store"), (more, "books")]
    assert len((await asyncio.to_thread(shop.order, id))["payments"]) == 2


async def test_money_that_fits_nothing_is_refused(rig: VendureRig) -> None:
    connector = await rig.connector()
    shop = rig.channel
    id = await asyncio.to_thread(shop.checkout, ("KIT-0", 1), method="transfer")
    off = await asyncio.to_thread(shop.checkout, ("KIT-0", 1), method="transfer")
    await asyncio.to_thread(shop.cancel, off)
    total = (await order_of(connector, id)).total
    done((await connector.write("store_payment", "create", [paying(id, total)]))[0])
    dollars = msgspec.structs.replace(paying(id, total, "B-3").document, currency="USD")
    bad = [paying(id, total - 1), paying("999999", total), paying(off, total, "B-2"), Write("B-3", dollars)]
    outcomes = await connector.write("store_payment", "create", bad)
    codes = []
    for outcome in outcomes:
        check_told(failed(outcome))
        codes.append(failed(outcome).error.code)
    assert codes == ["reference_used", "unknown_order", "order_closed", "bad_amount"]


# -- hints -------------------------------------------------------------------------------------------------------------


async def test_the_plugin_tells_of_money_and_not_of_carts(rig: VendureRig) -> None:
    connector = await rig.connector()
    mail, shop = rig.server.mail, rig.channel
    id = await asyncio.to_thread(shop.checkout, ("KIT-0", 1))
    cart = await rig.draft()
    await rig.deliveries([id])
    await asyncio.sleep(0.6)
    mail.taken.clear()
    await asyncio.to_thread(shop.refund, id, 1_000)
    (delivery,) = await rig.deliveries([id])
    assert connector.hints(delivery) == [Hint("order", id)]
    assert connector.hints(msgspec.structs.replace(delivery, received_at=delivery.received_at)) == [Hint("order", id)]
    heard = {hint.id for one in mail.taken for hint in connector.hints(one) if hint.kind == "order"}
    assert cart not in heard
    late = delivery.received_at + dt.timedelta(minutes=6)
    with pytest.raises(BadSignature):
        connector.hints(msgspec.structs.replace(delivery, received_at=late))
    moved = {**delivery.headers, "x-selaras-timestamp": str(int(time.time()) + 1)}
    with pytest.raises(BadSignature):
        connector.hints(Webhook(moved, delivery.body, delivery.received_at))
    assert SECRET not in str(delivery.headers)


async def test_a_change_of_a_product_is_told(rig: VendureRig) -> None:
    connector = await rig.connector()
    rig.server.mail.taken.clear()
    await asyncio.to_thread(rig.channel.count, CODES[1], 77)
    id = rig.channel.variants[CODES[1]]
    heard: list[Hint] = []
    for _ in range(600):
        heard = [hint for one in rig.server.mail.taken for hint in connector.hints(one)]
        if Hint("product", id) in heard:
            break
        await asyncio.sleep(0.1)
    assert Hint("product", id) in heard
