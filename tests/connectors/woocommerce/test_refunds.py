"""Refunds: objects of their own, with negative lines, with an amount alone, on the shelf again or not."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest

from selaras.model.order import Refund
from tests.connectors.woocommerce.standin_json import order_json, real, refund_json
from tests.connectors.woocommerce.standin_shop import Config, Order, Shop
from tests.connectors.woocommerce.test_mapping import read

D = Decimal


def shop_with(order: dict[str, int], **config: Any) -> tuple[Shop, Order]:
    shop = Shop(Config(**config), lambda: 1_763_751_537.0)
    for code in order:
        shop.add(code, "33333")
    made = shop.place(list(order.items()), status="processing", shipping=9001)
    return shop, made


def refunds(shop: Shop, order: Order) -> tuple[Refund, ...]:
    wires = [refund_json(shop, refund, 6) for refund in order.refunds]
    record = read(order_json(shop, order, 6), *wires)
    assert record.refunded == sum(r.amount for r in order.refunds)
    return record.refunds


def test_a_real_refund_of_a_part() -> None:
    (refund,) = read(real("order-part-refunded.json"), real("refund-partial.json")).refunds
    assert (refund.id, refund.amount, refund.reason) == ("92", D(134999), "Salah ukuran")
    assert (refund.restock, refund.paid_back, refund.method) == (True, True, "")
    (line,) = refund.lines
    assert (line.id, line.code, line.quantity, line.unit_price, line.tax) == (
        "255",
        "RIG-0009",
        D(1),
        D(134999),
        D(0),
    )


def test_a_real_full_refund() -> None:
    order = read(real("order-refunded.json"), real("refund-full.json"))
    assert order.status == "completed"
    (refund,) = order.refunds
    assert refund.amount == order.total == order.refunded
    (line,) = refund.lines
    assert (line.id, line.quantity, line.unit_price, line.tax, line.tax_rate) == (
        "305",
        D(2),
        D(27500),
        D(6050),
        D("0.11"),
    )


@pytest.mark.parametrize("included", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_the_lines_of_a_refund_come_to_its_amount(included: bool, whole: bool) -> None:
    shop, order = shop_with({"A": 3, "B": 2}, prices_include_tax=included, whole_taxes=whole)
    goods, shipping = order.items[0], order.items[-1]
    shop.refund(order, pieces={goods.id: 1, shipping.id: 1}, restock=True)
    shop.refund(order, pieces={goods.id: 2}, by_gateway=True)
    first, second = refunds(shop, order)
    assert [(line.kind, line.quantity) for line in first.lines] == [("product", D(1)), ("shipping", D(1))]
    for refund in (first, second):
        total = sum((line.net("IDR") + (0 if included else line.tax) for line in refund.lines), D(0))
        assert total == refund.amount
    assert (first.restock, second.restock) == (True, False)
    assert (first.method, second.method) == ("", "bacs")


def test_an_amount_without_lines_has_none() -> None:
    shop, order = shop_with({"A": 3})
    shop.refund(order, D(5000))
    (refund,) = refunds(shop, order)
    assert (refund.amount, refund.lines, refund.restock) == (D(5000), (), False)


def test_money_on_a_line_without_pieces_moves_no_goods() -> None:
    shop, order = shop_with({"A": 3, "B": 1}, prices_include_tax=False)
    shop.refund(order, money={order.items[0].id: D(1000)})
    shop.refund(order, pieces={order.items[1].id: 1}, money={order.items[0].id: D(2000)})
    alone, mixed = refunds(shop, order)
    assert (alone.amount, alone.lines) == (D(1110), ())
    assert [(line.kind, line.code, line.quantity) for line in mixed.lines] == [
        ("product", "B", D(1)),
        ("discount", "", D(1)),
    ]
    assert sum((line.net("IDR") + line.tax for line in mixed.lines), D(0)) == mixed.amount


def test_the_refunds_that_come_to_the_stores_count_are_on_the_shelf() -> None:
    shop, order = shop_with({"A": 9, "B": 2})
    first, second = order.items[0].id, order.items[1].id
    shop.refund(order, pieces={first: 2, second: 1}, restock=True)
    shop.refund(order, pieces={first: 1})
    shop.refund(order, pieces={first: 3}, restock=True)
    assert [refund.restock for refund in refunds(shop, order)] == [True, False, True]


def test_where_none_come_to_it_the_oldest_are() -> None:
    shop, order = shop_with({"A": 5})
    line = order.items[0]
    shop.refund(order, pieces={line.id: 2})
    shop.refund(order, pieces={line.id: 2})
    line.restocked = 3  # one piece of the second was put back by hand
    assert [refund.restock for refund in refunds(shop, order)] == [True, False]


def test_a_claim_that_was_never_paid_is_not_paid_back() -> None:
    shop, order = shop_with({"A": 1}, prices_include_tax=True)
    order.paid = None
    shop.refund(order, D(1000))
    (refund,) = refunds(shop, order)
    assert not refund.paid_back


def test_refunded_without_any_refund_is_asked_and_not_guessed() -> None:
    wire = copy.deepcopy(real("order-refunded.json"))
    wire["refunds"] = []
    (refund,) = read(wire).refunds
    assert (refund.id, refund.amount, refund.lines, refund.paid_back) == ("refunded", D(0), (), False)


def test_the_raw_bytes_hold_the_refunds_as_well() -> None:
    shop, order = shop_with({"A": 1})
    shop.refund(order, D(1000))
    assert len(refunds(shop, order)) == 1
