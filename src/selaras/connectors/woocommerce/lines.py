"""Lines of orders and refunds.

Facts (reference/store-billing-payment-apis.md §2, reference/observed.md "WooCommerce"): line amounts are net of tax
even where prices include it; the float `price` is never used; the discount is inside `total`, `subtotal` is before
it, and coupon lines only tell where it came from; taxes are the sums of `taxes[]`, which the order's total follows.

Where prices include tax, the model's lines do as well: net amount and tax, each with six decimals, come to the price
that the buyer saw, so nothing of it is lost to rounding.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from selaras.connectors.woocommerce.amounts import priced, to_unit, totals_of, whole
from selaras.connectors.woocommerce.wire import WireItem, WireOrder, WireRate, WireRefund, amount
from selaras.model.money import EXPONENTS, ZERO
from selaras.model.order import Line, LineKind

_HUNDRED: Final = Decimal(100)
_ONE: Final = Decimal(1)


def lines_of(order: WireOrder, total: Decimal) -> tuple[Line, ...]:
    """Goods, shipping and fees of an order, in whole units that come to `total` where they can."""
    return _lines(order, order, total, 1)


def lines_back(refund: WireRefund, order: WireOrder, total: Decimal) -> tuple[Line, ...]:
    """Lines of a refund, whose figures are negative in the store, with positive ones; ids are those of the order."""
    return _lines(refund, order, total, -1)


def _lines(source: WireOrder | WireRefund, order: WireOrder, total: Decimal, sign: int) -> tuple[Line, ...]:
    items: list[tuple[WireItem, LineKind]] = [(item, "product") for item in source.line_items]
    items += [(item, "shipping") for item in source.shipping_lines if _has_money(item)]
    items += [(item, "fee") for item in source.fee_lines if _has_money(item)]
    included = order.prices_include_tax
    nets = [sign * amount(item.total) for item, _kind in items]
    taxes = [{rate: sign * tax for rate, tax in _taxes(item).items()} for item, _kind in items]
    # The parts that are rounded on their own: a line with its taxes in one, or its net amount and each tax.
    apart = [[net, *each.values()] for net, each in zip(nets, taxes, strict=True)]
    costs = [[sum(parts, ZERO)] for parts in apart] if included else apart
    done = _whole(costs, nets, taxes, total, order.currency)
    if included and sum((parts[0] for parts in done), ZERO) != total:
        # Several taxes on a round price: 248 is 219.47 + 24.14 + 4.39, of which the shop made 219 + 24 + 4.
        done = [[sum(parts, ZERO)] for parts in _whole(apart, nets, taxes, total, order.currency)]
    lines = []
    for (item, kind), (net, *rest), each in zip(items, done, taxes, strict=True):
        tax = to_unit(sum(each.values(), ZERO), order.currency) if included else sum(rest, ZERO)
        lines.append(_line(item, kind, net, tax, order, sign))
    return tuple(lines)


def _whole(
    costs: list[list[Decimal]], nets: list[Decimal], taxes: list[dict[int, Decimal]], total: Decimal, currency: str
) -> list[list[Decimal]]:
    if currency not in EXPONENTS:
        return costs  # planning refuses the order by its currency
    parts = [part for of_line in costs for part in of_line]
    near = [to_unit(part, currency) for part in parts]
    if sum(near, ZERO) != total and total in totals_of(nets, taxes, currency):
        near = whole(parts, total, currency)
    done = iter(near)
    return [[next(done) for _ in of_line] for of_line in costs]


def _line(item: WireItem, kind: LineKind, net: Decimal, tax: Decimal, order: WireOrder, sign: int) -> Line:
    name = html.unescape(item.name or item.method_title or "")
    rate = _rate_of(item, order.tax_lines)
    id = _line_id(item, refund=sign < 0)
    quantity = sign * item.quantity
    if kind == "product" and quantity:
        before = to_unit(sign * _before_discount(item, order.prices_include_tax), order.currency)
        unit, discount = priced(before, net, quantity, order.currency)
        code = "" if item.sku is None else str(item.sku)
        product = str(item.variation_id or item.product_id or "")
        return Line(id, code, name, quantity, unit, discount, tax, rate, "product", product)
    # A charge below zero takes something off the whole order. Money back on goods that stay with the buyer is a
    # discount given afterwards: it moves no piece.
    money: LineKind = kind
    if kind == "product":
        money = "discount" if sign < 0 else "fee"
    if net < 0:
        money = "discount"
    return Line(id, "", name, _ONE, net, ZERO, tax, rate, money)


def _line_id(item: WireItem, *, refund: bool) -> str:
    """The id of the order's line; a line of a refund names it in a meta field."""
    if refund:
        for meta in item.meta_data:
            if meta.key == "_refunded_item_id":
                return bytes(meta.value).decode().strip('"')
    return str(item.id)


def _taxes(item: WireItem) -> dict[int, Decimal]:
    """Tax by rate; what a plugin wrote into `total_tax` alone counts where there is no `taxes[]`."""
    return {tax.id: amount(tax.total) for tax in item.taxes} if item.taxes else {0: amount(item.total_tax)}


def _before_discount(item: WireItem, included: bool) -> Decimal:
    """What a line of goods came to before discount, with its tax where prices include it."""
    net = amount(item.subtotal)
    if not included:
        return net
    if item.taxes:
        return net + sum((amount(tax.subtotal) for tax in item.taxes), ZERO)
    return net + amount(item.subtotal_tax)


def _has_money(item: WireItem) -> bool:
    """Whether a charge is one: free shipping has a line too."""
    return bool(amount(item.total) or any(_taxes(item).values()))


def _rate_of(item: WireItem, rates: Sequence[WireRate]) -> Decimal:
    """The rate of a line as a fraction: its rates together, compound ones on top of the others."""
    used = {tax.id for tax in item.taxes if amount(tax.total)}
    plain = compound = ZERO
    for rate in rates:
        if rate.rate_id in used and rate.rate_percent is not None:
            if rate.compound:
                compound = (1 + compound) * (1 + rate.rate_percent / _HUNDRED) - 1
            else:
                plain += rate.rate_percent / _HUNDRED
    return (1 + plain) * (1 + compound) - 1 if compound else plain
