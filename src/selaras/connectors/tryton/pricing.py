"""The unit price under which Tryton works out the line's own amount and tax. Pure.

Tryton keeps no discount and no tax amount on a line: a line is quantity × unit price, its tax is worked out from the
unrounded product, and both are rounded to the currency, half to even (trytond 8.2, modules `sale`
`SaleLine.get_amount`, `account` `Tax.compute` and `TaxableMixin._round_taxes`, `currency` `Currency.round`). Unit
prices have four decimals (`[product] price_decimal`). Stores round half up, subtract discounts, and may state prices
with tax inside. Within the fraction of a rupiah that rounding leaves open there is nearly always a unit price that
gives exactly both numbers.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import msgspec

from selaras.model.document import DocumentLine
from selaras.model.money import ZERO

_HALF = Decimal("0.5")


class Precision(msgspec.Struct, frozen=True):
    """`money`: smallest unit of the currency in Tryton; `price`: smallest step of a unit price."""

    money: Decimal
    price: Decimal

    def amount(self, exact: Decimal) -> Decimal:
        """What Tryton makes of an amount."""
        return (exact / self.money).quantize(Decimal(1), rounding=ROUND_HALF_EVEN) * self.money

    def unit_price(self, exact: Decimal) -> Decimal:
        """The nearest unit price that can be stored."""
        return (exact / self.price).quantize(Decimal(1), rounding=ROUND_HALF_EVEN) * self.price


class Priced(msgspec.Struct, frozen=True):
    """One line for Tryton. `rate` is 0 where the line bears no tax; `exact` says that both numbers come out."""

    unit_price: Decimal
    quantity: Decimal
    rate: Decimal
    amount: Decimal
    tax: Decimal
    exact: bool


def priced(line: DocumentLine, tax_included: bool, precision: Precision, main_rate: Decimal = ZERO) -> list[Priced]:
    """`line` as Tryton's lines: one, or two where a tax has no single rate (a part taxed at `main_rate`, the rest not).

    `amount` of the line is net as stated: with the tax inside when `tax_included`. Quantities are positive.
    """
    net = line.amount - line.tax if tax_included else line.amount
    quantity = line.quantity or Decimal(1)
    if line.tax and not line.tax_rate and main_rate and line.code:
        return [_one(quantity, net, line.tax, main_rate, None, precision)]
    if line.tax and not line.tax_rate and main_rate:
        base = precision.amount(line.tax / main_rate)
        if base == net:
            return [_one(quantity, net, line.tax, main_rate, None, precision)]
        one = Decimal(1)
        taxed = _one(one, base, line.tax, main_rate, None, precision)
        return [taxed, _one(one, net - base, ZERO, ZERO, None, precision)]
    rate = line.tax_rate
    natural = line.quantity * line.unit_price - line.discount
    if tax_included:
        natural = natural / (1 + rate)
    return [_one(quantity, net, line.tax, rate, natural, precision)]


def _one(
    quantity: Decimal, net: Decimal, tax: Decimal, rate: Decimal, natural: Decimal | None, precision: Precision
) -> Priced:
    """The line's price: the natural one if it serves, else one from the middle of what the rounding leaves open."""

    def serves(price: Decimal) -> bool:
        exact = price * quantity
        return precision.amount(exact) == net and precision.amount(exact * rate) == tax

    tries = [precision.unit_price((net if natural is None else natural) / quantity)]
    half = precision.money * _HALF
    low, high = net - half, net + half
    if rate:
        bounds = sorted(((tax - half) / rate, (tax + half) / rate))
        low, high = max(low, bounds[0]), min(high, bounds[1])
    if low <= high:
        middle = precision.unit_price((low + high) / 2 / quantity)
        tries += [middle, middle + precision.price, middle - precision.price]
    for price in tries:
        if serves(price):
            return Priced(price, quantity, rate, net, tax, True)

    def told(price: Decimal) -> Priced:
        amount, on_top = precision.amount(price * quantity), precision.amount(price * quantity * rate)
        return Priced(price, quantity, rate, amount, on_top, False)

    # No price gives both: then the total comes first, and the tax after it.
    near = [told(price) for price in (precision.unit_price(net / quantity), *tries)]
    return min(near, key=lambda one: (abs(one.amount + one.tax - net - tax), abs(one.tax - tax)))
