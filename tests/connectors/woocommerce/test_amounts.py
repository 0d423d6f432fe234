"""Whole units out of six decimals: for every way in which a shop can be set, the parts come to its total."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from selaras.connectors.woocommerce.amounts import priced, totals_of, whole
from tests.connectors.woocommerce.standin_json import order_json, refund_json
from tests.connectors.woocommerce.standin_shop import Config, Shop
from tests.connectors.woocommerce.test_mapping import read

D = Decimal
CURRENCIES = st.sampled_from([("IDR", 0), ("JPY", 0), ("USD", 2), ("KWD", 3)])
RATES = st.sampled_from([{}, {1: D(11)}, {1: D("7.25")}, {1: D(11), 2: D(2)}, {1: D("0.5"), 2: D(0)}])
LINES = st.lists(st.tuples(st.integers(1, 9_999_999), st.integers(1, 12)), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@example(("IDR", 0), {1: D(11), 2: D(2)}, [(248, 1)], True, False, False, 0, 0)
@example(("IDR", 0), {1: D(11), 2: D(2)}, [(248, 1)], True, False, True, 0, 0)
@given(
    CURRENCIES, RATES, LINES, st.booleans(), st.booleans(), st.booleans(), st.integers(0, 60), st.integers(0, 99_999)
)
def test_any_order_of_any_shop_proves_its_total(
    currency: tuple[str, int],
    rates: dict[int, Decimal],
    lines: list[tuple[int, int]],
    included: bool,
    late: bool,
    whole_taxes: bool,
    percent: int,
    charge: int,
) -> None:
    code, decimals = currency
    config = Config(
        currency=code,
        decimals=decimals,
        rates=rates,
        prices_include_tax=included,
        round_at_subtotal=late,
        whole_taxes=whole_taxes,
    )
    shop = Shop(config, lambda: 1_763_751_537.0)
    unit = Decimal(1).scaleb(-decimals)
    for number, (price, _quantity) in enumerate(lines):
        shop.add(f"P{number}", str(price * unit))
    made = shop.place(
        [(f"P{number}", quantity) for number, (_price, quantity) in enumerate(lines)],
        status="processing",
        percent_off=percent,
        shipping=str(charge * unit),
        fee=str(charge // 3 * unit),
    )
    order = read(order_json(shop, made, 6))
    assert order.total == made.total
    assert order.computed_total() == order.total
    seen_price = [line.unit_price for line in order.lines if line.kind == "product"]
    for line, shown in zip([i for i in made.items if i.kind == "line"], seen_price, strict=True):
        assert line.goods is not None
        # With several taxes in a price the shop's own total may be a whole unit off the price.
        assert abs(shown - line.goods.price) < unit * max(1, len(rates))
    shop.refund(made, pieces={made.items[0].id: 1})
    (refund,) = read(order_json(shop, made, 6), refund_json(shop, made.refunds[0], 6)).refunds
    total = sum((one.net(code) + (0 if included else one.tax) for one in refund.lines), D(0))
    assert total == refund.amount


@given(st.lists(st.decimals(-(10**6), 10**6, places=6), max_size=12), st.integers(-8, 8))
def test_no_part_moves_by_a_unit_or_more(parts: list[Decimal], gap: int) -> None:
    total = sum((part.quantize(D(1)) for part in parts), D(0)) + gap
    done = whole(parts, total, "IDR")
    assert all(abs(part - unit) < 1 and unit % 1 == 0 for part, unit in zip(parts, done, strict=True))
    fractions = sum(part % 1 != 0 for part in parts)
    reachable = sum((part // 1 for part in parts), D(0)), sum((-(-part // 1) for part in parts), D(0))
    if sum(done, D(0)) != total:
        low, high = (sum((p.to_integral_value(r) for p in parts), D(0)) for r in ("ROUND_FLOOR", "ROUND_CEILING"))
        assert not low <= total <= high, (fractions, reachable)


def test_a_total_that_the_parts_do_not_give_stays_different() -> None:
    """Not even by one: 50 000 with 11 % inside is 45 045.045045 and 4 955, and never 50 001."""
    assert totals_of([D("45045.045045")], [{1: D(4955)}], "IDR") == {D(50000)}
    assert totals_of([D("10.5"), D("10.5")], [{}, {}], "IDR") == {D(21), D(22)}


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 9999))
def test_unit_price_and_discount_give_the_line(before: int, after: int, quantity: int) -> None:
    unit, discount = priced(D(before), D(after), D(quantity), "IDR")
    assert discount >= 0
    assert discount % 1 == 0
    assert (quantity * unit - discount).quantize(D(1), "ROUND_HALF_UP") == after
