"""The connector against the store over HTTP: what the contract kit does not ask."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from aiohttp import web

from selaras.connectors.contract import (
    Ambiguous,
    BadSignature,
    Done,
    Failed,
    Hint,
    Rejected,
    Seen,
    Tools,
    Transient,
    Webhook,
    Write,
)
from selaras.connectors.registry import Registry
from selaras.connectors.sandbox_store import CONNECTOR, SandboxStore
from selaras.model.document import StockLevel, StorePayment
from selaras.model.order import Order
from selaras.sandbox.store import StoreConfig, StoreServer, changes, serve_store
from selaras.sandbox.store.bulk import load_orders
from selaras.sandbox.store.requests import Basket, EditIn, LineIn, LoadedLine, LoadedOrder, PayIn
from selaras.sandbox.store.webhooks import signature
from tests.connectors.kit_servers import served


def connect(store: StoreServer, *, zone: str = "Asia/Jakarta", skew: float = 0.0, **more: str) -> SandboxStore:
    settings = {
        "base_url": store.url,
        "api_key": store.api_key,
        "webhook_secret": store.webhook_secret,
        "amounts": store.app.config.amounts,
        **more,
    }
    return SandboxStore(settings, Tools("store", zone, None, lambda: time.time() + skew))


@asynccontextmanager
async def rig(config: StoreConfig | None = None, **more: Any) -> AsyncIterator[tuple[StoreServer, SandboxStore]]:
    async with serve_store(config or StoreConfig(seed=1, products=12)) as store:
        connector = connect(store, **more)
        try:
            yield store, connector
        finally:
            await connector.close()


async def loop(
    connector: SandboxStore, cursor: str = "", kind: str = "order", between: Any = None
) -> tuple[list[Seen], str]:
    seen: list[Seen] = []
    while True:
        page = await connector.changed(kind, cursor)
        seen += page.seen
        cursor = page.cursor
        if not page.more:
            return seen, cursor
        if between is not None:
            between()


def load(store: StoreServer, count: int, at: str = "", **more: Any) -> set[str]:
    line = LoadedLine(sku="X", quantity=1, unit_price=Decimal(1500))
    orders = [LoadedOrder(lines=[line], placed_at=at, **more) for _ in range(count)]
    return {str(order.id) for order in load_orders(store.shop, orders)}


def spread(store: StoreServer, count: int) -> set[str]:
    """So many orders, one in each second of a morning."""
    begin = dt.datetime(2018, 9, 13, 8, tzinfo=store.clock.zone)
    orders = [
        LoadedOrder(
            lines=[LoadedLine(sku="X", quantity=1, unit_price=Decimal(n))],
            placed_at=(begin + dt.timedelta(seconds=n)).isoformat(),
        )
        for n in range(count)
    ]
    return {str(order.id) for order in load_orders(store.shop, orders)}


def sku(store: StoreServer) -> str:
    return next(iter(store.shop.goods.stock.values())).sku


def test_it_is_found_by_its_name() -> None:
    found = Registry().get("sandbox_store")
    assert found is CONNECTOR
    assert found.role == "store"
    assert {s.name for s in found.settings if s.secret} == {"api_key", "webhook_secret"}


# -- paging -------------------------------------------------------------------------------------------------


async def test_a_backfill_takes_hardly_more_calls_than_it_must() -> None:
    async with rig() as (store, connector):
        ids = spread(store, 3000)
        seen, cursor = await loop(connector)
        assert {row.id for row in seen} == ids
        assert store.calls <= 30 * 1.05 + 1
        before = store.calls
        assert (await loop(connector, cursor))[0] == []
        assert store.calls == before + 1, "an idle poll is one call"


@pytest.mark.parametrize("shuffle", [True, False])
async def test_250_orders_of_one_second_at_the_edge_of_a_page(shuffle: bool) -> None:
    async with rig(StoreConfig(shuffle_ties=shuffle, products=3)) as (store, connector):
        ids = load(store, 60, "2018-09-13T09:59:59") | load(store, 250, "2018-09-13T10:00:00")
        ids |= load(store, 60, "2018-09-13T10:00:01")
        seen, _ = await loop(connector)
        assert {row.id for row in seen} == ids


@pytest.mark.parametrize("dense", [False, True])
async def test_orders_that_come_and_change_while_paging(dense: bool) -> None:
    """Five orders are new and twenty change after every page, for as long as the old ones are read."""
    async with rig() as (store, connector):
        ids = load(store, 450, "2018-09-13T10:00:00") if dense else spread(store, 450)
        old = sorted(ids, key=int)
        turns = 0

        def between() -> None:
            nonlocal turns
            turns += 1
            if turns > 8:
                return
            ids.update(load(store, 5))
            for key in old[(turns - 1) * 20 :][:20]:
                changes.edit(store.shop, int(key), EditIn(note=f"turn {turns}"))

        seen, cursor = await loop(connector, between=between)
        assert ids <= {row.id for row in seen}
        seen += (await loop(connector, cursor))[0]
        last = {row.id: row.record for row in seen}
        for key in ids:
            assert last[key].note == store.shop.orders[int(key)].note


@pytest.mark.parametrize("zone", ["Asia/Jakarta", "US/Pacific", "UTC"])
@pytest.mark.parametrize("skew", [0.0, 600.0, -600.0])
async def test_forty_orders_of_the_last_six_hours(zone: str, skew: float) -> None:
    """Neither the zone of the connection nor a wrong clock of the hub moves the window."""
    async with rig(zone=zone, skew=skew) as (store, connector):
        _, cursor = await loop(connector)
        store.clock.freeze()
        for _ in range(40):
            store.clock.advance(540)
            store.shop.checkout(Basket(lines=[LineIn(sku=sku(store))]))
        seen, _ = await loop(connector, cursor)
        assert len({row.id for row in seen}) == 40


async def test_drafts_fill_pages_and_are_left_out() -> None:
    async with rig() as (store, connector):
        load(store, 150, "2018-09-13T10:00:00", status="draft")
        ids = load(store, 3, "2018-09-13T10:00:00")
        seen, _ = await loop(connector)
        assert {row.id for row in seen} == ids


async def test_late_rows_come_with_a_long_enough_overlap() -> None:
    async with rig(overlap="10") as (store, connector):
        _, cursor = await loop(connector)
        store.faults.set(search_lag=0.2)
        order = store.shop.checkout(Basket(lines=[LineIn(sku=sku(store))]))
        seen, cursor = await loop(connector, cursor)
        assert seen == []
        store.faults.set(search_lag=0)
        for index in (store.shop.order_index,):
            index.touch(order.id, int(order.updated_at.timestamp()))
        store.clock.advance(5)
        seen, _ = await loop(connector, cursor)
        assert [row.id for row in seen] == [str(order.id)]


async def test_a_cursor_that_cannot_be_read_means_the_beginning() -> None:
    async with rig() as (store, connector):
        ids = spread(store, 3)
        seen, _ = await loop(connector, "2018-09-13T00:00:00")
        assert {row.id for row in seen} == ids


async def test_products_and_stock_are_walked_too() -> None:
    async with rig(StoreConfig(seed=2, products=230)) as (store, connector):
        products, _ = await loop(connector, kind="product")
        assert {row.id for row in products} == {str(key) for key in store.shop.goods.products}
        stock, cursor = await loop(connector, kind="stock")
        assert {row.record.code: row.record.on_hand for row in stock} == {
            row.sku: row.on_hand for row in store.shop.goods.stock.values()
        }
        store.clock.advance(10)
        store.shop.goods.set(sku(store), available=3)
        changed, _ = await loop(connector, cursor, "stock")
        assert (sku(store), 3) in {(row.id, row.record.available) for row in changed}


# -- reading and writing ------------------------------------------------------------------------------------


async def test_one_call_reads_a_hundred() -> None:
    async with rig() as (store, connector):
        ids = sorted(spread(store, 100), key=int)
        before = store.calls
        rows = await connector.read("order", ids[::-1])
        assert [row.id for row in rows] == ids[::-1]
        assert store.calls == before + 1
        assert [row.record for row in await connector.read("order", ["abc", "7777"])] == [None, None]
        found, gone = await connector.read("stock", [sku(store), "NO, SUCH"])
        assert (found.record.code, gone.record) == (sku(store), None)


def payment(order_id: int, amount: str = "1500", reference: str = "books:1") -> Write:
    at = dt.datetime(2018, 9, 13, 3, tzinfo=dt.UTC)
    document = StorePayment(reference, str(order_id), Decimal(amount), "IDR", at, "transfer")
    return Write(reference, document)


@pytest.mark.parametrize("amounts", ["major", "minor"])
async def test_a_payment_is_written_once(amounts: Any) -> None:
    async with rig(StoreConfig(amounts=amounts, products=2)) as (store, connector):
        first, second = sorted(int(i) for i in spread(store, 2))
        load_orders(store.shop, [LoadedOrder(lines=[LoadedLine(quantity=1, unit_price=Decimal(1500))], number="P")])
        key = max(store.shop.orders)
        writes = [payment(key), payment(first, "7", "books:2"), payment(99, reference="books:3"), payment(second)]
        for _ in range(2):
            done, other, unknown, used = await connector.write("store_payment", "create", writes)
            assert isinstance(done, Done)
            assert (done.number, done.total, done.currency, done.status) == ("P", Decimal(1500), "IDR", "paid")
            assert isinstance(other, Done)
            assert isinstance(unknown, Failed)
            assert (unknown.error.kind, unknown.error.code) == ("rejected", "unknown_order")
            assert unknown.error.cure
            assert isinstance(used, Failed)
            assert used.error.code == "reference_used"
        assert [len(store.shop.orders[i].payments) for i in (key, first, second)] == [1, 1, 0]
        found = await connector.find("store_payment", ["books:1", "books:2", "books:9"])
        assert {ref: (f.number, f.total) for ref, f in found.items()} == {
            "books:1": ("P", Decimal(1500)),
            "books:2": (store.shop.orders[first].number, Decimal(7)),
        }
        (row,) = await connector.read("order", [str(key)])
        assert isinstance(row.record, Order)
        assert (row.record.payments[0].origin, row.record.paid) == ("books", Decimal(1500))
        store.shop.pay(second, PayIn(method="qris", amount=Decimal(1)), "gateway")
        (row,) = await connector.read("order", [str(second)])
        assert row.record.payments[0].origin == "store"


async def test_half_a_batch_is_ambiguous_and_can_be_looked_up() -> None:
    async with rig() as (store, connector):
        ids = [int(i) for i in spread(store, 30)]
        store.faults.set(half_batch=1)
        writes = [payment(key, "1", f"books:{key}") for key in ids]
        with pytest.raises(Ambiguous):
            await connector.write("store_payment", "create", writes)
        store.faults.set(half_batch=0)
        found = await connector.find("store_payment", [w.document.reference for w in writes])
        paid = {o.id for o in store.shop.orders.values() if o.payments}
        assert {int(ref.removeprefix("books:")) for ref in found} == paid
        assert len(paid) < 30


async def test_what_cannot_be_sent_is_refused_before_the_others_are_sent() -> None:
    async with rig() as (store, connector):
        code = sku(store)
        bad = StockLevel("r1", code, "1", Decimal(5), "no-version")
        good = StockLevel("r2", code, "1", Decimal(5))
        fraction = StockLevel("r3", code, "1", Decimal("1.5"))
        outcomes = await connector.write("stock", "update", [Write("1", bad), Write("2", good), Write("3", fraction)])
        assert [type(o) for o in outcomes] == [Failed, Done, Failed]
        assert [o.error.code for o in outcomes if isinstance(o, Failed)] == ["bad_version", "bad_quantity"]
        before = store.calls
        (outcome,) = await connector.write("store_payment", "create", [msgspec.structs.replace(
            payment(1), document=StorePayment("r", "A-1", Decimal(1), "IDR", dt.datetime.now(dt.UTC)))])  # fmt: skip
        assert isinstance(outcome, Failed)
        assert store.calls == before, "there was nothing to send"
        with pytest.raises(Rejected):
            await connector.write("invoice", "create", [])
        with pytest.raises(Rejected):
            await connector.write("stock", "void", [])


async def test_a_key_that_may_only_read() -> None:
    async with serve_store(StoreConfig(products=3)) as store:
        connector = connect(store, api_key=store.read_key)
        check = await connector.check()
        assert [f.what for f in check.findings if not f.ok] == ["write access"]
        with pytest.raises(Rejected) as caught:
            await connector.write("stock", "update", [Write("1", StockLevel("r", sku(store), "1", Decimal(5)))])
        assert (caught.value.code, bool(caught.value.cure)) == ("forbidden", True)
        await connector.close()


async def test_a_check_finds_wrong_settings() -> None:
    async with rig(StoreConfig(zone="Asia/Makassar", amounts="minor"), amounts="major") as (store, connector):
        load(store, 1)
        check = await connector.check()
        assert [f.what for f in check.findings if not f.ok] == ["time zone", "money scale"]
        assert all(f.cure for f in check.findings if not f.ok)
        with pytest.raises(Rejected) as caught:
            await connector.changed("order", "")
        assert caught.value.code == "money_scale"
        wrong = connect(store, api_key="nonsense")
        assert not (await wrong.check()).ok
        await wrong.close()


async def test_the_check_tells_the_difference_of_the_clocks() -> None:
    async with rig(StoreConfig(clock_skew=600.0)) as (_, connector):
        check = await connector.check()
        assert check.ok
        assert 595 < check.clock_skew < 605


async def test_a_store_that_answers_nonsense_is_a_passing_trouble() -> None:
    async def nonsense(request: web.Request) -> web.Response:
        return web.Response(text="<html>maintenance</html>")

    async with served(nonsense) as url:
        connector = SandboxStore({"base_url": url, "api_key": "k"}, Tools("s", "UTC", None, time.time))
        with pytest.raises(Transient):
            await connector.changed("order", "")
        with pytest.raises(Ambiguous):
            await connector.write("store_payment", "create", [payment(1)])
        await connector.close()


# -- webhooks -----------------------------------------------------------------------------------------------


def delivery(body: bytes, at: float, secret: str = "s") -> Webhook:
    stamp = str(int(at))
    headers = {"x-store-timestamp": stamp, "x-store-signature": signature(secret, stamp, body)}
    return Webhook(headers, body, dt.datetime.now(dt.UTC))


@pytest.mark.parametrize(
    ("body", "hints"),
    [
        (b'{"topic":"order.updated","id":7}', [Hint("order", "7")]),
        (b'{"topic":"stock.updated","id":7,"sku":"A"}', [Hint("stock", "A")]),
        (b'{"topic":"product.updated","id":7}', [Hint("product", "7")]),
        (b'{"topic":"customer.updated","id":7}', []),
        (b"not json", [Hint("order", "")]),
    ],
)
def test_what_a_delivery_asks_to_look_at(body: bytes, hints: list[Hint]) -> None:
    settings = {"base_url": "http://127.0.0.1:1", "api_key": "k", "webhook_secret": "s"}
    connector = SandboxStore(settings, Tools("s", "UTC", None, time.time))
    assert connector.hints(delivery(body, time.time())) == hints
    for at in (time.time() - 299, time.time() + 290):
        assert connector.hints(delivery(body, at)) == hints
    for forged in (
        delivery(body, time.time() - 310),
        delivery(body, time.time() + 310),
        delivery(body, time.time(), "x"),
    ):
        with pytest.raises(BadSignature):
            connector.hints(forged)


def test_a_connection_without_a_secret_believes_nobody() -> None:
    connector = SandboxStore({"base_url": "http://127.0.0.1:1", "api_key": "k"}, Tools("s", "UTC", None, time.time))
    with pytest.raises(BadSignature):
        connector.hints(Webhook({}, b'{"topic":"order.updated","id":7}', dt.datetime.now(dt.UTC)))


async def test_deliveries_of_a_store_with_a_wrong_clock_are_heard_once_its_clock_is_known() -> None:
    async with rig(StoreConfig(clock_skew=600.0)) as (store, connector):
        body = b'{"topic":"order.updated","id":7}'
        sent = delivery(body, store.clock.wall(), store.webhook_secret)
        with pytest.raises(BadSignature):
            connector.hints(sent)
        await connector.check()
        assert connector.hints(sent) == [Hint("order", "7")]
        with pytest.raises(BadSignature):
            connector.hints(delivery(body, store.clock.wall() - 310, store.webhook_secret))
        store.clock.set("2018-09-13T10:00:00")
        await connector.check()
        assert connector.hints(delivery(body, time.time(), store.webhook_secret)) == [Hint("order", "7")]


async def test_a_lost_subscription_is_made_again_and_twins_are_ended() -> None:
    async def ok(request: web.Request) -> web.Response:
        return web.Response()

    async with rig() as (store, connector), served(ok) as url:
        assert await connector.subscribe(url) == "ok"
        store.webhooks.delete(1)
        assert await connector.subscribe(url) == "restored"
        await store.webhooks.register(url, ["order.created"])
        await store.webhooks.register(url + "/other", ["order.created"])
        assert await connector.subscribe(url) == "ok"
        assert sorted(hook.url for hook in store.webhooks.subscriptions.values()) == [url, url + "/other"]
