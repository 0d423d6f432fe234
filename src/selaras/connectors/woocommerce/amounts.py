"""From the store's six decimals to the smallest unit of the currency, so that the parts come to the store's own total.

WooCommerce keeps net amounts and taxes with more decimals than the currency has, rounds them per line, per rate or for
the whole order as it is set, and rounds the order's total once more. Here each part becomes one of the two whole units
beside it: the nearer one, or, where the store's total is one that its own arithmetic gives for these parts, whichever
makes the parts come to it. Any other total stays different from its parts, and is seen (reference/observed.md: in 1 of
61 orders the line's own `total_tax` was Rp 1 off, and the total followed `taxes[]`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from typing import Final

from selaras.model.money import EXPONENTS, ZERO, rounded, to_sum

_SIX: Final = Decimal("0.000001")


def totals_of(nets: Sequence[Decimal], taxes: Sequence[Mapping[int, Decimal]], currency: str) -> set[Decimal]:
    """Every total that WooCommerce may work out of net amounts and their taxes by rate.

    WC_Abstract_Order::calculate_totals and WC_Cart_Totals: lines rounded or not ("round tax at subtotal level"), taxes
    rounded per line, per rate or not at all, half up or, where prices include tax, half down; the sum half up.
    """
    unit = Decimal(1).scaleb(-EXPONENTS[currency])
    rates: dict[int, Decimal] = {}
    for each in taxes:
        for rate, tax in each.items():
            rates[rate] = rates.get(rate, ZERO) + tax
    ways = [sum(rates.values(), ZERO)]
    for mode in (ROUND_HALF_UP, ROUND_HALF_DOWN):
        ways.append(sum((tax.quantize(unit, mode) for each in taxes for tax in each.values()), ZERO))
        ways.append(sum((tax.quantize(unit, mode) for tax in rates.values()), ZERO))
    sums = (sum(nets, ZERO), sum((rounded(net, currency) for net in nets), ZERO))
    return {rounded(net + tax, currency) for net in sums for tax in ways}


def whole(parts: Sequence[Decimal], total: Decimal, currency: str) -> list[Decimal]:
    """`parts` in whole smallest units, with the sum `total` where one unit more or less of some of them does it."""
    return to_sum(parts, [rounded(part, currency) for part in parts], total, currency)


def to_unit(value: Decimal, currency: str) -> Decimal:
    """`value` rounded to the smallest unit; as it is where the currency is unknown."""
    return rounded(value, currency) if currency in EXPONENTS else value


def tidy(value: Decimal, currency: str) -> Decimal:
    """The same amount without the zeros behind the smallest unit; one that has a part of it stays as it is."""
    short = to_unit(value, currency)
    return short if short == value else value


def price(value: Decimal, quantity: Decimal) -> Decimal:
    """What one of `quantity` costs if all cost `value`; exact where that ends, else with six decimals."""
    each = value / quantity
    return each if each * quantity == value and len(each.as_tuple().digits) <= 18 else each.quantize(_SIX)


def priced(before: Decimal, after: Decimal, quantity: Decimal, currency: str) -> tuple[Decimal, Decimal]:
    """Unit price and discount of a line that came to `before` and costs `after`; both in whole units.

    quantity × unit price − discount, rounded, is `after`. A line made dearer by hand has the dearer price and no
    discount.
    """
    discount = before - after
    if discount < 0:
        before, discount = after, ZERO
    unit = price(before, quantity)
    if currency in EXPONENTS and rounded(quantity * unit - discount, currency) != after:
        unit = before / quantity
    return unit, discount
