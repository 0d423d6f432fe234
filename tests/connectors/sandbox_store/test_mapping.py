"""The store's JSON becomes the model exactly: every amount, at both scales, and totals that prove themselves."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.connectors.contract import Rejected, Seen, Transient
from selaras.connectors.sandbox_store.mapping import UNLISTED, check_scale, order_row, product_row, stock_row
from selaras.model.money import UnknownCurrency
from selaras.model.order import Line, Order
from selaras.model.product import Component, Product, Stock
from selaras.sandbox.faults import Faults
from selaras.sandbox.store import StoreConfig, changes
from selaras.sandbox.store.bulk import load_orders, load_products
from selaras.sandbox.store.config import StoreClock
from selaras.sandbox.store.records import Buyer, Part
from selaras.sandbox.store.requests import (
    Basket,
    CancelIn,
    ChargeIn,
    LineIn,
    LoadedLine,
    LoadedOrder,
    LoadedPayment,
    LoadedRefund,
    LoadedShipment,
    PayIn,
    Pieces,
    ProductIn,
    RefundIn,
    ShipIn,
)
from selaras.sandbox.store.shop import Shop
from selaras.sandbox.store.wire import Scale

ZONE = ZoneInfo("Asia/Jakarta")


def new_shop(currency: str = "IDR", clock: str = "2018-09-13T23:30:00") -> Shop:
    config = StoreConfig(currency=currency)
    clock_ = StoreClock(config.zone, start=clock, frozen=True)
    shop = Shop(config, clock_, Faults(0), lambda topic, key: None)
    load_products(shop, [ProductIn(sku=sku, name=f"Produk {sku}", price=Decimal(10000), stock=50) for sku in "AB"])
    return shop


def seen(shop: Shop, order_id: int, *, minor: bool = False) -> Seen:
    scale = Scale("minor" if minor else "major", shop.config.currency)
    row = order_row(scale.encode(shop.orders[order_id]), ZONE, minor=minor)
    assert row.seen is not None
    return row.seen


def order_of(shop: Shop, order_id: int, *, minor: bool = False) -> Order:
    record = seen(shop, order_id, minor=minor).record
    assert isinstance(record, Order)
    return record


charges = st.none() | st.builds(
    ChargeIn,
    amount=st.decimals(0, 9999, places=3),
    tax_rate=st.sampled_from([Decimal(0), Decimal("0.11"), Decimal("0.0825")]),
)
baskets = st.builds(
    LoadedOrder,
    lines=st.lists(
        st.builds(
            LoadedLine,
            sku=st.sampled_from(["A", "B", "gone"]),
            quantity=st.integers(-5, 99),
            unit_price=st.decimals("-99999.999", "9999999.999", places=3),
            discount=st.decimals(0, 500, places=3),
            tax_rate=st.sampled_from([Decimal(0), Decimal("0.11"), Decimal("0.12"), Decimal("0.0825")]),
        ),
        max_size=5,
    ),
    currency=st.sampled_from(["IDR", "JPY", "USD", "KWD"]),
    prices_include_tax=st.booleans(),
    discount=charges,
    shipping=charges,
    fees=st.lists(charges.filter(bool), max_size=2),
    payments=st.lists(st.builds(LoadedPayment, amount=st.decimals(1, 999, places=2)), max_size=2),
    refunds=st.lists(st.builds(LoadedRefund, amount=st.decimals(1, 999, places=2)), max_size=2),
)


@given(baskets)
def test_the_computed_total_is_the_total_of_the_store(basket: LoadedOrder) -> None:
    shop = new_shop()
    (kept,) = load_orders(shop, [basket])
    order = order_of(shop, kept.id)
    assert order.total == kept.total
    assert order.computed_total() == order.total
    assert order.paid == shop.paid(kept)
    assert order.refunded == shop.refunded(kept)


@given(baskets)
def test_both_scales_say_the_same_order(basket: LoadedOrder) -> None:
    shop = new_shop()
    (kept,) = load_orders(shop, [basket])
    assert order_of(shop, kept.id, minor=True) == order_of(shop, kept.id)


@pytest.mark.parametrize("minor", [False, True])
def test_the_wrong_scale_is_refused(minor: bool) -> None:
    shop = new_shop()
    order = shop.checkout(Basket(lines=[LineIn(sku="A")], note='"total":"1"'))
    raw = Scale("minor" if minor else "major", "IDR").encode(order)
    check_scale(raw, minor=minor)
    with pytest.raises(Rejected) as caught:
        check_scale(raw, minor=not minor)
    assert caught.value.code == "money_scale"
    assert ("minor" if minor else "major") in caught.value.cure


def test_an_order_with_everything() -> None:
    shop = new_shop()
    basket = Basket(
        lines=[LineIn(sku="A", quantity=2, discount=Decimal(500)), LineIn(sku="B")],
        buyer=Buyer(name="Siti", phone="0812 3456", email="siti@example.com"),
        tax_rate=Decimal("0.11"),
        discount=ChargeIn(name="HEMAT", amount=Decimal(1000), tax_rate=Decimal("0.11")),
        shipping=ChargeIn(name="JNE REG", amount=Decimal(9000)),
        fees=[ChargeIn(name="Asuransi", amount=Decimal(700))],
        note="titip satpam",
    )
    kept = shop.checkout(basket)
    shop.pay(kept.id, PayIn(reference="books:1", app="selaras"), "api")
    shop.pay(kept.id, PayIn(reference="q", method="qris", amount=Decimal(1)), "gateway")
    changes.ship(shop, kept.id, ShipIn(courier="JNE", tracking="JX123"))
    back = RefundIn(lines=[Pieces(line_id=kept.lines[0].id, quantity=1)], reason="rusak", restock=True)
    changes.refund(shop, kept.id, back)
    row = seen(shop, kept.id)
    assert (row.kind, row.id, row.number, row.total, row.currency) == ("order", "1", "1001", kept.total, "IDR")
    assert row.day == dt.date(2018, 9, 13)
    order = row.record
    assert isinstance(order, Order)
    assert (order.status, order.note, order.kind) == ("completed", "titip satpam", "order")
    assert (order.buyer.name, order.buyer.phone, order.buyer.email, order.buyer.id) == (
        "Siti", "0812 3456", "siti@example.com", "",
    )  # fmt: skip
    assert [line.kind for line in order.lines] == ["product", "product", "shipping", "fee", "discount"]
    assert order.lines[0] == Line(
        "1", "A", "Produk A", Decimal(2), Decimal(10000), Decimal(500), Decimal(2145), Decimal("0.11"), "product", "1"
    )
    assert (order.lines[4].unit_price, order.lines[4].tax) == (Decimal(-1000), Decimal(-110))
    assert [(p.origin, p.reference) for p in order.payments] == [("books", "books:1"), ("store", "q")]
    (refund,) = order.refunds
    assert (refund.amount, refund.restock, refund.reason) == (
        refund.lines[0].net("IDR") + refund.lines[0].tax,
        True,
        "rusak",
    )
    assert (refund.lines[0].quantity, refund.lines[0].discount) == (Decimal(1), Decimal(250))
    assert [(s.courier, s.tracking) for s in order.shipments] == [("JNE", "JX123")]
    assert order.computed_total() == order.total


def test_the_day_is_that_of_the_connection() -> None:
    """23:30 in Jakarta is the 13th there and still the 13th in UTC; an hour later the days part."""
    shop = new_shop()
    shop.clock.advance(3600)
    row = seen(shop, shop.checkout(Basket(lines=[LineIn(sku="A")])).id)
    assert (row.day, row.updated_at.date()) == (dt.date(2018, 9, 14), dt.date(2018, 9, 13))


def test_statuses() -> None:
    shop = new_shop()

    def kept() -> int:
        return shop.checkout(Basket(lines=[LineIn(sku="A")])).id

    cancelled = kept()
    changes.cancel(shop, cancelled, CancelIn(reason="out_of_stock"))
    order = order_of(shop, cancelled)
    assert (order.status, order.cancel_reason, order.cancelled_at) == ("cancelled", "out_of_stock", order.updated_at)
    trashed = kept()
    changes.trash(shop, trashed)
    order = order_of(shop, trashed)
    assert (order.status, order.cancel_reason, order.cancelled_at) == ("cancelled", "trashed", order.updated_at)
    raw = Scale("major", "IDR").encode(shop.orders[trashed])
    assert order_row(raw, ZONE).second == UNLISTED
    draft = shop.save_cart(Basket(lines=[LineIn(sku="A")]))
    row = order_row(Scale("major", "IDR").encode(draft), ZONE)
    assert (row.key, row.seen) == (draft.id, None)


def test_a_loaded_shipment_and_return() -> None:
    shop = new_shop("GBP")
    loaded = LoadedOrder(
        number="C536379",
        kind="return",
        status="completed",
        lines=[LoadedLine(sku="D", quantity=-1, unit_price=Decimal("27.50"))],
        shipments=[LoadedShipment(courier="RM", tracking="T")],
    )
    (kept,) = load_orders(shop, [loaded])
    order = order_of(shop, kept.id)
    assert (order.number, order.kind, order.total, order.lines[0].product_id) == (
        "C536379",
        "return",
        Decimal("-27.50"),
        "",
    )
    assert order.shipments[0].tracking == "T"


def test_a_broken_row_is_counted_and_can_never_be_posted() -> None:
    shop = new_shop()
    order = shop.checkout(Basket(lines=[LineIn(sku="A")]))
    broken = msgspec.json.decode(Scale("major", "IDR").encode(order))
    broken["lines"][0]["unit_price"] = "sepuluh ribu"
    row = order_row(msgspec.json.encode(broken), ZONE)
    assert row.seen is not None
    record = row.seen.record
    assert isinstance(record, Order)
    assert (record.id, record.number, record.lines) == ("1", "1001", ())
    assert "unit_price" in record.unreadable
    with pytest.raises(UnknownCurrency):
        Line("1", "", "", Decimal(1), Decimal(1)).net(record.currency)
    del broken["id"]
    with pytest.raises(Transient):
        order_row(msgspec.json.encode(broken), ZONE)


def test_a_row_with_bytes_that_are_not_utf8_keeps_its_number_and_total() -> None:
    shop = new_shop()
    order = shop.checkout(Basket(lines=[LineIn(sku="A")], note="titip satpam"))
    raw = Scale("major", "IDR").encode(order).replace(b"satpam", b"s\xc3tp\xe9m")
    row = order_row(raw, ZONE)
    assert row.seen is not None
    record = row.seen.record
    assert (record.number, record.total, row.seen.total) == ("1001", order.total, order.total)
    assert record.unreadable == "note is not UTF-8"
    assert row.seen.raw == raw


def test_a_product_and_a_stock_row_are_read_whatever_their_texts() -> None:
    shop = new_shop()
    encode = Scale("major", "IDR").encode
    product = encode(shop.goods.products[1]).replace(b'"name":"', b'"name":"\xff')
    row = product_row(product, ZONE)
    assert row.seen is not None
    assert row.seen.id == "1"
    assert row.seen.record.name.startswith("\ufffd")


def test_products_and_stock() -> None:
    shop = new_shop("USD")
    parts = [Part("A", 2), Part("B", 1)]
    load_products(
        shop,
        [
            ProductIn(sku="SET", name="Set", type="bundle", price=Decimal("12.345"), components=parts),
            ProductIn(sku="V-M", type="variant", parent_id=900, price=Decimal("5"), active=False),
        ],
    )
    for scale in ("major", "minor"):
        minor = scale == "minor"
        encode = Scale("minor" if minor else "major", "USD").encode
        rows = [product_row(encode(p), ZONE, minor=minor).seen for p in shop.goods.products.values()]
        bundle, variant = (row.record for row in rows[2:] if row)
        assert bundle == Product(
            "3", "SET", "Set", Decimal("12.345"), "USD", "", (Component("A", Decimal(2)), Component("B", Decimal(1))),
            stocked=False, updated_at="2018-09-13T16:30:00Z",
        )  # fmt: skip
        assert (variant.parent, variant.stocked, variant.active, variant.price) == ("900", True, False, 5)
    shop.checkout(Basket(lines=[LineIn(sku="A", quantity=3)]))
    row = stock_row(Scale("major", "USD").encode(shop.goods.stock[1]), ZONE)
    assert row.seen is not None
    assert row.seen.id == "A"
    stock = row.seen.record
    assert stock == Stock("A", Decimal(50), Decimal(3), "1", "", "2", "2018-09-13T16:30:00Z")
