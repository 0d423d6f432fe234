"""Stock arithmetic: nothing is sold twice, nothing gets lost, whatever buyers and the shop do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from selaras.sandbox.faults import Faults
from selaras.sandbox.store import StoreConfig, changes
from selaras.sandbox.store.bulk import load_products
from selaras.sandbox.store.config import StoreClock
from selaras.sandbox.store.records import Part, Refused
from selaras.sandbox.store.requests import (
    Basket,
    CancelIn,
    EditIn,
    ExchangeIn,
    LineIn,
    PayIn,
    Pieces,
    ProductIn,
    RefundIn,
    ShipIn,
)
from selaras.sandbox.store.shop import Shop

PRICE = Decimal(1000)


def new_shop(**products: int) -> Shop:
    """A shop with these products in stock."""
    config = StoreConfig()
    shop = Shop(config, StoreClock(config.zone), Faults(0), lambda topic, key: None)
    load_products(shop, [ProductIn(sku=sku, price=PRICE, stock=n) for sku, n in products.items()])
    return shop


def available(shop: Shop, sku: str) -> int:
    product = shop.goods.by_sku(sku)
    assert product is not None
    found = shop.goods.available(product)
    assert found is not None
    return found


def on_hand(shop: Shop, sku: str) -> int:
    product = shop.goods.by_sku(sku)
    assert product is not None
    return shop.goods.stock[product.id].on_hand


def refused(code: str) -> Any:
    return pytest.raises(Refused, check=lambda no: no.code == code)


@contextmanager
def unless(*codes: str) -> Iterator[list[str]]:
    """The block may be refused with one of these codes; the list then holds it."""
    refusals: list[str] = []
    try:
        yield refusals
    except Refused as no:
        if no.code not in codes:
            raise
        refusals.append(no.code)


def buy(shop: Shop, sku: str, quantity: int = 1) -> int:
    return shop.checkout(Basket(lines=[LineIn(sku=sku, quantity=quantity)])).id


def test_a_checkout_reserves_and_a_shipment_takes() -> None:
    shop = new_shop(A=5)
    order = buy(shop, "A", 3)
    assert (on_hand(shop, "A"), available(shop, "A")) == (5, 2)
    changes.ship(shop, order, ShipIn(courier="JNE", tracking="JX1"))
    assert (on_hand(shop, "A"), available(shop, "A")) == (2, 2)


def test_a_sold_out_line_refuses_the_whole_basket_and_names_the_sku() -> None:
    shop = new_shop(A=5, B=1)
    with refused("sold_out") as caught:
        shop.checkout(Basket(lines=[LineIn(sku="A", quantity=5), LineIn(sku="B", quantity=2)]))
    assert caught.value.extra == {"sku": "B", "available": 1, "wanted": 2}
    assert (available(shop, "A"), available(shop, "B")) == (5, 1)
    assert shop.refusals == {"B": 1}
    assert shop.orders == {}
    assert shop.checkout(Basket(lines=[LineIn(sku="A")])).number == "1001"


def test_the_same_sku_on_two_lines_counts_twice() -> None:
    shop = new_shop(A=3)
    with refused("sold_out"):
        shop.checkout(Basket(lines=[LineIn(sku="A", quantity=2), LineIn(sku="A", quantity=2)]))
    assert available(shop, "A") == 3


def test_a_bundle_reserves_its_parts_and_sells_as_often_as_the_scarcest_allows() -> None:
    shop = new_shop(A=5, B=7)
    load_products(shop, [ProductIn(sku="SET", type="bundle", price=PRICE, components=[Part("A", 2), Part("B", 1)])])
    assert available(shop, "SET") == 2
    order = buy(shop, "SET", 2)
    assert (available(shop, "A"), available(shop, "B"), available(shop, "SET")) == (1, 5, 0)
    with refused("sold_out"):
        buy(shop, "SET")
    changes.cancel(shop, order, CancelIn(reason="out_of_stock"))
    assert (available(shop, "A"), available(shop, "B")) == (5, 7)


def test_a_service_needs_no_stock() -> None:
    shop = new_shop()
    load_products(shop, [ProductIn(sku="WRAP", type="service", price=PRICE)])
    order = shop.order(buy(shop, "WRAP", 1000))
    shop.pay(order.id, PayIn(method="qris"), "gateway")
    assert order.status == "completed"


def test_a_write_needs_the_version_that_it_read() -> None:
    shop = new_shop(A=10)
    product = shop.goods.by_sku("A")
    assert product is not None
    version = shop.goods.stock[product.id].version
    buy(shop, "A")
    with refused("version_moved") as caught:
        shop.goods.set("A", available=20, version=version)
    current = caught.value.extra["current"]
    assert (current.available, current.reserved) == (9, 1)
    row = shop.goods.set("A", available=20, version=current.version)
    assert (row.available, row.on_hand) == (20, 21)


def test_on_hand_cannot_be_set_below_what_is_promised() -> None:
    shop = new_shop(A=10)
    buy(shop, "A", 4)
    with refused("bad_quantity"):
        shop.goods.set("A", on_hand=3)
    assert shop.goods.set("A", on_hand=4).available == 0


def test_a_refund_of_goods_not_sent_frees_them_or_writes_them_off() -> None:
    shop = new_shop(A=10)
    order = shop.order(buy(shop, "A", 4))
    line = order.lines[0].id
    changes.refund(shop, order.id, RefundIn(lines=[Pieces(line_id=line, quantity=1)], restock=True))
    assert (on_hand(shop, "A"), available(shop, "A")) == (10, 7)
    changes.refund(shop, order.id, RefundIn(lines=[Pieces(line_id=line, quantity=1)], restock=False))
    assert (on_hand(shop, "A"), available(shop, "A")) == (9, 7)
    changes.ship(shop, order.id, ShipIn())
    assert (on_hand(shop, "A"), available(shop, "A")) == (7, 7)
    changes.refund(shop, order.id, RefundIn(lines=[Pieces(line_id=line, quantity=2)], restock=True))
    assert (on_hand(shop, "A"), available(shop, "A")) == (9, 9)


class Trade(RuleBasedStateMachine):
    """Buyers and the shop in any order; pieces are counted beside the shop."""

    @initialize(stock=st.lists(st.integers(0, 12), min_size=3, max_size=3))
    def open(self, stock: list[int]) -> None:
        self.shop = new_shop(**dict(zip("ABC", stock, strict=True)))
        load_products(
            self.shop,
            [ProductIn(sku="SET", type="bundle", price=PRICE, components=[Part("A", 1), Part("B", 2)])],
        )
        self.shelf = Counter(dict(zip("ABC", stock, strict=True)))

    skus = st.sampled_from(["A", "B", "C", "SET"])
    pick = st.integers(0, 5)

    def parts(self, sku: str, quantity: int) -> Counter[str]:
        return Counter({"A": quantity, "B": 2 * quantity} if sku == "SET" else {sku: quantity})

    def order(self, pick: int) -> Any:
        orders = list(self.shop.orders.values())
        return orders[pick % len(orders)] if orders else None

    @rule(lines=st.lists(st.tuples(skus, st.integers(1, 4)), min_size=1, max_size=3))
    def checkout(self, lines: list[tuple[str, int]]) -> None:
        free = {sku: available(self.shop, sku) for sku in "ABC"}
        need: Counter[str] = Counter()
        for sku, quantity in lines:
            need += self.parts(sku, quantity)
        enough = all(need[sku] <= free[sku] for sku in "ABC")
        with unless("sold_out") as refusals:
            self.shop.checkout(Basket(lines=[LineIn(sku=s, quantity=q) for s, q in lines]))
        assert enough == (not refusals)

    @rule(pick=pick)
    def pay(self, pick: int) -> None:
        if (order := self.order(pick)) and self.shop.balance(order) > 0:
            self.shop.pay(order.id, PayIn(method="va"), "gateway")

    @rule(pick=pick)
    def cancel(self, pick: int) -> None:
        if order := self.order(pick):
            with unless("shipped"):
                changes.cancel(self.shop, order.id, CancelIn(refund=True))

    @rule(pick=pick, quantity=st.integers(0, 2))
    def ship(self, pick: int, quantity: int) -> None:
        if order := self.order(pick):
            line = order.lines[0]
            pieces = [Pieces(line_id=line.id, quantity=quantity)] if quantity else []
            with unless("nothing_left", "not_left", "cancelled"):
                sent = changes.ship(self.shop, order.id, ShipIn(lines=pieces))
                skus = {line.id: line.sku for line in order.lines}
                for parcel in sent.lines:
                    self.shelf -= self.parts(skus[parcel.line_id], parcel.quantity)

    @rule(pick=pick, quantity=st.integers(1, 3), restock=st.booleans())
    def refund(self, pick: int, quantity: int, restock: bool) -> None:
        if order := self.order(pick):
            line = order.lines[-1]
            held = self.shop.held[order.id][line.id]
            reserved, out = held.reserved, held.shipped - held.returned
            wanted = RefundIn(lines=[Pieces(line_id=line.id, quantity=quantity)], restock=restock)
            with unless("not_left", "bad_amount"):
                changes.refund(self.shop, order.id, wanted)
                unsent = min(quantity, reserved)
                if restock:
                    self.shelf += self.parts(line.sku, min(quantity - unsent, out))
                else:
                    self.shelf -= self.parts(line.sku, unsent)

    @rule(pick=pick, out=skus)
    def exchange(self, pick: int, out: str) -> None:
        if order := self.order(pick):
            line = order.lines[0]
            held = self.shop.held[order.id][line.id]
            reserved, away = held.reserved, held.shipped - held.returned
            wanted = ExchangeIn(back=[Pieces(line_id=line.id, quantity=1)], out=[LineIn(sku=out)])
            with unless("not_left", "bad_amount", "cancelled", "sold_out"):
                changes.exchange(self.shop, order.id, wanted)
                if not reserved and away:
                    self.shelf += self.parts(line.sku, 1)

    @rule(pick=pick, quantity=st.integers(0, 5), add=st.none() | skus)
    def edit(self, pick: int, quantity: int, add: str | None) -> None:
        if order := self.order(pick):
            pieces = [Pieces(line_id=order.lines[0].id, quantity=quantity)]
            more = [LineIn(sku=add)] if add else []
            with unless("too_late", "empty", "sold_out"):
                changes.edit(self.shop, order.id, EditIn(lines=pieces, add=more))

    @rule(pick=pick)
    def trash(self, pick: int) -> None:
        order = self.order(pick)
        if order and not order.shipments:
            changes.trash(self.shop, order.id)
            del self.shop.orders[order.id]

    @rule(sku=st.sampled_from("ABC"), pieces=st.integers(0, 15))
    def count(self, sku: str, pieces: int) -> None:
        row = self.shop.goods.set(sku, available=pieces)
        self.shelf[sku] = pieces + row.reserved

    @invariant()
    def the_books_of_the_shelf_agree(self) -> None:
        promised: Counter[str] = Counter()
        for order in self.shop.orders.values():
            for line in order.lines:
                promised += self.parts(line.sku, self.shop.held[order.id][line.id].reserved)
                if order.status == "cancelled":
                    assert self.shop.held[order.id][line.id].reserved == 0
        for row in self.shop.goods.stock.values():
            assert row.available == row.on_hand - row.reserved >= 0
            assert row.reserved == promised[row.sku]
            assert row.on_hand == self.shelf[row.sku]


TestTrade = Trade.TestCase
TestTrade.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
