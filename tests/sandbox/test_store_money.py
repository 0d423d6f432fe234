"""What an order costs, what is owed, what goes back: to the smallest unit, in every currency, tax in or out."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.sandbox.faults import Faults
from selaras.sandbox.store import StoreConfig, changes
from selaras.sandbox.store.bulk import load_orders, load_products
from selaras.sandbox.store.config import StoreClock
from selaras.sandbox.store.records import Order, Refused
from selaras.sandbox.store.requests import (
    Basket,
    CancelIn,
    ChargeIn,
    ExchangeIn,
    LineIn,
    LoadedLine,
    LoadedOrder,
    PayIn,
    Pieces,
    ProductIn,
    RefundIn,
)
from selaras.sandbox.store.shop import Shop

DIGITS = {"IDR": 0, "JPY": 0, "USD": 2, "KWD": 3}
ELEVEN = Decimal("0.11")


def new_shop(currency: str = "IDR", **prices: str) -> Shop:
    config = StoreConfig(currency=currency)
    shop = Shop(config, StoreClock(config.zone), Faults(0), lambda topic, key: None)
    load_products(shop, [ProductIn(sku=sku, price=Decimal(price), stock=1000) for sku, price in prices.items()])
    return shop


def half_up(value: Fraction, digits: int) -> Fraction:
    """Rounded away from zero at the half: the rule said again, with fractions."""
    scaled = abs(value) * 10**digits
    whole = int(scaled + Fraction(1, 2))
    return Fraction(whole if value >= 0 else -whole, 10**digits)


lines = st.lists(
    st.tuples(
        st.integers(-3, 50).filter(bool),
        st.decimals("-999.999", "99999.999", places=3),
        st.decimals(0, 50, places=3),
        st.sampled_from([Decimal(0), ELEVEN, Decimal("0.12"), Decimal("0.0825")]),
    ),
    min_size=1,
    max_size=6,
)


@given(
    st.sampled_from(sorted(DIGITS)), lines, st.booleans(), st.decimals(0, 500, places=2), st.decimals(0, 99, places=2)
)
def test_the_total_is_the_sum_of_its_rounded_parts(
    currency: str,
    wanted: list[tuple[int, Decimal, Decimal, Decimal]],
    included: bool,
    shipping: Decimal,
    discount: Decimal,
) -> None:
    shop = new_shop(currency)
    loaded = LoadedOrder(
        lines=[LoadedLine(sku="x", quantity=q, unit_price=p, discount=d, tax_rate=r) for q, p, d, r in wanted],
        prices_include_tax=included,
        shipping=ChargeIn(amount=shipping, tax_rate=ELEVEN),
        discount=ChargeIn(amount=discount),
    )
    (order,) = load_orders(shop, [loaded])
    digits = DIGITS[currency]
    total = Fraction(0)
    for q, p, d, r in [*wanted, (1, shipping, Decimal(0), ELEVEN)]:
        net = half_up(q * Fraction(p) - half_up(Fraction(d), digits), digits)
        total += net
        if not included:
            total += half_up(net * Fraction(r), digits)
    total -= half_up(Fraction(discount), digits)
    assert Fraction(order.total) == total


@given(
    st.sampled_from(sorted(DIGITS)),
    st.decimals(1, 99999, places=3),
    st.integers(1, 9),
    st.booleans(),
    st.lists(st.integers(1, 3), min_size=1, max_size=9),
)
def test_refunds_line_by_line_end_at_the_total(
    currency: str, price: Decimal, quantity: int, included: bool, turns: list[int]
) -> None:
    """Pieces go back bit by bit; what is left afterwards goes back in full, and nothing more can."""
    price = price.quantize(Decimal(1).scaleb(-DIGITS[currency]), ROUND_HALF_UP)
    shop = new_shop(currency, A=str(price))
    order = shop.checkout(
        Basket(
            lines=[LineIn(sku="A", quantity=quantity)],
            tax_rate=ELEVEN,
            prices_include_tax=included,
            shipping=ChargeIn(amount=Decimal(12), tax_rate=ELEVEN),
        )
    )
    shop.pay(order.id, PayIn(method="card"), "gateway")
    left = quantity
    for turn in turns:
        pieces = min(turn, left)
        if pieces:
            wanted = RefundIn(lines=[Pieces(line_id=order.lines[0].id, quantity=pieces)], restock=True)
            changes.refund(shop, order.id, wanted)
            left -= pieces
    last = changes.refund(shop, order.id, RefundIn(full=True))
    assert [line.kind for line in last.lines] == (["product"] if left else []) + ["shipping"]
    assert shop.refunded(order) == order.total
    assert order.payment_status == "refunded"
    product_tax = sum(line.tax for made in order.refunds for line in made.lines if line.kind == "product")
    assert product_tax == order.lines[0].tax
    with pytest.raises(Refused):
        changes.refund(shop, order.id, RefundIn(amount=Decimal(1)))


def paid_order(shop: Shop, *skus: str) -> Order:
    order = shop.checkout(Basket(lines=[LineIn(sku=sku) for sku in skus]))
    shop.pay(order.id, PayIn(method="qris"), "gateway")
    return order


@pytest.mark.parametrize(("out", "owed"), [("CHEAP", 0), ("SAME", 0), ("DEAR", 5000)])
def test_an_exchange_moves_the_money_of_the_difference(out: str, owed: int) -> None:
    shop = new_shop(A="10000", CHEAP="7000", SAME="10000", DEAR="15000")
    order = paid_order(shop, "A")
    wanted = ExchangeIn(back=[Pieces(line_id=order.lines[0].id, quantity=1)], out=[LineIn(sku=out)])
    made, _ = changes.exchange(shop, order.id, wanted)
    price = Decimal({"CHEAP": 7000, "SAME": 10000, "DEAR": 15000}[out])
    assert (made.amount, made.method, made.paid_back) == (Decimal(10000), "exchange", True)
    assert order.total - shop.refunded(order) == price, "what the order is worth now"
    assert shop.balance(order) == owed
    moved = shop.paid(order) - shop.refunded(order)
    assert moved == min(price, Decimal(10000)), "the money that really stays"
    assert order.payment_status == ("partial" if owed else "paid")


def test_an_exchange_of_an_unpaid_order_moves_no_money() -> None:
    shop = new_shop(A="10000", DEAR="15000")
    order = shop.checkout(Basket(lines=[LineIn(sku="A")]))
    changes.exchange(
        shop, order.id, ExchangeIn(back=[Pieces(line_id=order.lines[0].id, quantity=1)], out=[LineIn(sku="DEAR")])
    )
    assert not order.payments
    assert not order.refunds[0].paid_back
    assert shop.balance(order) == 15000


def test_part_payments_and_late_payments() -> None:
    shop = new_shop(A="10000")
    order = shop.checkout(Basket(lines=[LineIn(sku="A")]))
    shop.pay(order.id, PayIn(amount=Decimal(4000), reference="1"), "api")
    assert (order.payment_status, shop.balance(order)) == ("partial", Decimal(6000))
    shop.pay(order.id, PayIn(reference="2"), "api")
    assert (order.payment_status, order.payments[1].amount) == ("paid", Decimal(6000))
    changes.cancel(shop, order.id, CancelIn(reason="changed mind", refund=True))
    assert (order.status, shop.refunded(order)) == ("cancelled", Decimal(10000))
    late, new = shop.pay(order.id, PayIn(amount=Decimal(10000), reference="3"), "gateway")
    assert (new, late.source, order.status) == (True, "gateway", "cancelled")
