"""Lines of orders and of what comes back, from Medusa's unrounded numbers to whole units of the currency.

Medusa rounds nothing (utils/totals of @medusajs/framework 2.21): a line costs quantity × unit price, less its
discounts, plus its taxes; whether the price has the tax inside is said line by line, and a discount is net unless it
says otherwise. Here every line is worked out exactly, and rounded once, so that the lines come to the order's total.

An order of the model has its prices with tax or without; where Medusa mixes both in one order (goods with, shipping
without), goods decide, and the other lines are restated.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from selaras.connectors.medusa.wire import WireAdjustment, WireItem, WireShipping, WireTax, exact
from selaras.model.money import EXPONENTS, ZERO, rounded, to_sum
from selaras.model.order import Line, LineKind

_HUNDRED: Final = Decimal(100)
_ONE: Final = Decimal(1)
_SIX: Final = Decimal("0.000001")


class Cost(msgspec.Struct):
    """A line as it was sold, unrounded. `total` has the tax inside whatever `included` says of the price."""

    id: str
    code: str
    name: str
    kind: LineKind
    product_id: str
    quantity: Decimal
    price: Decimal
    rate: Decimal
    included: bool
    total: Decimal

    @property
    def tax(self) -> Decimal:
        """The tax inside `total`."""
        return self.total - self.net if self.rate else ZERO

    @property
    def net(self) -> Decimal:
        """`total` without its tax."""
        return self.total / (1 + self.rate) if self.rate else self.total

    def price_as(self, included: bool) -> Decimal:
        """The price before discount of one piece, with its tax inside or not."""
        if included == self.included or not self.rate:
            return self.price
        return self.price * (1 + self.rate) if included else self.price / (1 + self.rate)

    def part(self, quantity: Decimal) -> Cost:
        """So many pieces of it, with their part of the discount."""
        return msgspec.structs.replace(self, quantity=quantity, total=self.total * quantity / self.quantity)


def pieces(item: WireItem) -> Decimal:
    """Pieces of a line that were sold."""
    if item.detail is not None and (item.detail.quantity is not None or item.detail.raw_quantity is not None):
        return exact(item.detail.quantity, item.detail.raw_quantity)
    return exact(item.quantity, item.raw_quantity)


def returned(item: WireItem) -> Decimal:
    """Pieces that are no longer in Medusa's total: received back, or given up."""
    detail = item.detail
    if detail is None:
        return ZERO
    received = exact(detail.return_received_quantity, detail.raw_return_received_quantity)
    return received + exact(detail.return_dismissed_quantity, detail.raw_return_dismissed_quantity)


def cost_of_item(item: WireItem, quantity: Decimal) -> Cost:
    """A line of goods."""
    rate = _rate(item.tax_lines)
    price = exact(item.unit_price, item.raw_unit_price)
    total = _total(price * quantity, rate, item.is_tax_inclusive, item.adjustments)
    product = item.product_title or item.title or ""
    variant = item.variant_title or ""
    name = f"{product} - {variant}" if variant and variant not in product else product
    return Cost(
        item.id, item.variant_sku or "", name, "product", item.variant_id or "", quantity, price, rate,
        item.is_tax_inclusive, total,
    )  # fmt: skip


def cost_of_shipping(method: WireShipping) -> Cost:
    """What sending costs."""
    rate = _rate(method.tax_lines)
    price = exact(method.amount, method.raw_amount)
    total = _total(price, rate, method.is_tax_inclusive, method.adjustments)
    return Cost(method.id, "", method.name or "", "shipping", "", _ONE, price, rate, method.is_tax_inclusive, total)


def _rate(taxes: Sequence[WireTax] | None) -> Decimal:
    return sum((exact(tax.rate, tax.raw_rate) for tax in taxes or ()), ZERO) / _HUNDRED


def _total(price: Decimal, rate: Decimal, included: bool, adjustments: Sequence[WireAdjustment] | None) -> Decimal:
    """Price less discounts, with tax."""
    total = price if included else price * (1 + rate)
    for adjustment in adjustments or ():
        amount = exact(adjustment.amount, adjustment.raw_amount)
        total -= amount if adjustment.is_tax_inclusive else amount * (1 + rate)
    return total


def lines_of(costs: Sequence[Cost], total: Decimal, currency: str, included: bool) -> tuple[Line, ...]:
    """Lines in whole units that come to `total` where one unit more or less of some of them does it."""
    shown = [cost for cost in costs if cost.kind == "product" or cost.total]
    wanted: list[Decimal] = []
    for cost in shown:
        # What is rounded on its own: a line with its tax in one, or its net amount and its tax.
        wanted += [cost.total] if included else [cost.net, cost.tax]
    done = iter(whole(wanted, total, currency))
    made = []
    for cost in shown:
        after = next(done)
        tax = to_unit(cost.tax, currency) if included else next(done)
        made.append(_line(cost, after, tax, currency, included))
    return tuple(made)


def _line(cost: Cost, after: Decimal, tax: Decimal, currency: str, included: bool) -> Line:
    if cost.kind != "product":
        kind: LineKind = "discount" if after < 0 else cost.kind
        return Line(cost.id, "", cost.name, _ONE, after, ZERO, tax, cost.rate, kind)
    price = _short(cost.price_as(included))
    discount = to_unit(cost.quantity * price, currency) - after
    if discount < 0:
        price, discount = _short(after / cost.quantity), ZERO
    if to_unit(cost.quantity * price - discount, currency) != after:
        price, discount = after / cost.quantity, ZERO
    return Line(
        cost.id, cost.code, cost.name, cost.quantity, price, discount, tax, cost.rate, "product", cost.product_id
    )  # fmt: skip


def _short(price: Decimal) -> Decimal:
    """A price with at most six decimals; the discount takes up what that leaves."""
    cut = price.quantize(_SIX)
    return cut.normalize() if cut != cut.to_integral_value() else cut.to_integral_value()


def whole(values: Sequence[Decimal], total: Decimal, currency: str) -> list[Decimal]:
    """`values` in whole smallest units, with the sum `total` where one unit more or less of some of them does it."""
    if currency not in EXPONENTS:
        return list(values)  # planning refuses the order by its currency
    return to_sum(values, [rounded(value, currency) for value in values], total, currency)


def to_unit(value: Decimal, currency: str) -> Decimal:
    """`value` rounded to the smallest unit; as it is where the currency is unknown."""
    return rounded(value, currency) if currency in EXPONENTS else value


class Sums:
    """Amounts that follow each other, rounded so that their sum is the rounded sum."""

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._exact = self._told = ZERO

    def next(self, amount: Decimal) -> Decimal:
        """The next amount in whole units."""
        self._exact += amount
        told = to_unit(self._exact, self._currency)
        part, self._told = told - self._told, told
        return part
