"""Lines of orders and refunds.

The truth of a line is its prorated price, in which all discounts are spread
(reference/store-billing-payment-apis.md §5); the list price beside it shows what the discount was. Where the
channel's prices contain the tax, so do the model's. Shipping and surcharges are lines of their own; one below zero is
a discount.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from selaras.connectors.vendure.amounts import priced, shares, to_unit, whole
from selaras.connectors.vendure.returns import CANCELLED_SHIPPING, Back, Taken, sold_pieces
from selaras.connectors.vendure.wire import Scale, WireLine, WireOrder
from selaras.model.money import ZERO
from selaras.model.order import Line, LineKind

_ONE: Final = Decimal(1)
_HUNDRED: Final = Decimal(100)


class Part(msgspec.Struct):
    """A line before rounding; `with_tax`, `net` and `unit` are integers as Vendure writes them."""

    id: str
    kind: LineKind
    name: str
    quantity: int
    with_tax: int
    net: int
    unit: int
    rate: Decimal = ZERO
    code: str = ""
    product: str = ""


def lines_of(order: WireOrder, backs: Sequence[Back], scale: Scale) -> tuple[Decimal, tuple[Line, ...]]:
    """(total, lines) of an order as it was sold: what refunds took off it is on it again."""
    parts: list[Part] = []
    again = [one for back in backs if back.restored for one in back.taken]
    for line in order.lines:
        mine = [one for one in again if one.line is line]
        part = _goods(line, line.quantity, line.prorated_line_price_with_tax, line.prorated_line_price, scale)
        part.quantity += sum(one.quantity for one in mine)
        part.with_tax += sum(one.with_tax for one in mine)
        part.net += sum(one.net for one in mine)
        parts.append(part)
    parts += _charges(order, scale, cancelled=False)
    for one in again:
        if one.line is None:
            parts.append(_money(one, f"again-{len(parts)}", scale))
    total = order.total_with_tax + sum(back.amount for back in backs if back.restored)
    return _written(parts, total, order.currency_code, scale)


def lines_cancelled(order: WireOrder, scale: Scale) -> tuple[Decimal, tuple[Line, ...]]:
    """(total, lines) of an order that was cancelled whole, as it was placed.

    Vendure has set every quantity to nothing and forgets the discounts; what was paid or authorised, without which no
    order can be placed, tells what they came to.
    """
    sold = sold_pieces(order)
    parts = [
        _goods(
            line, sold[line.id], sold[line.id] * line.prorated_unit_price_with_tax,
            sold[line.id] * line.prorated_unit_price, scale,
        )
        for line in order.lines
    ]  # fmt: skip
    goods = len(parts)
    parts += _charges(order, scale, cancelled=True)
    total = sum(part.with_tax for part in parts)
    off = total - (_covered(order) or total)
    worth = [part.with_tax for part in parts[:goods]]
    if 0 < off <= sum(worth):
        for part, share in zip(parts, shares(off, worth), strict=False):
            part.net -= part.net * share // part.with_tax if part.with_tax else 0
            part.with_tax -= share
        total -= off
    return _written(parts, total, order.currency_code, scale)


def lines_back(back: Back, order: WireOrder, scale: Scale) -> tuple[Decimal, tuple[Line, ...]]:
    """(amount, lines) of a refund; no lines where it is money alone."""
    amount = to_unit(scale.major(back.amount), order.currency_code)
    if not back.taken:
        return amount, ()
    parts = []
    for n, one in enumerate(back.taken):
        if one.line is None:
            parts.append(_money(one, f"money-{n}", scale))
        else:
            parts.append(_goods(one.line, one.quantity, one.with_tax, one.net, scale))
    return _written(parts, back.amount, order.currency_code, scale)


def _covered(order: WireOrder) -> int:
    """What was paid or promised when the order was placed."""
    for states in (("Settled", "Authorized"), ("Cancelled",)):
        amount = sum(p.amount for p in order.payments or () if p.state in states)
        if amount:
            return amount
    return 0


def _goods(line: WireLine, quantity: int, with_tax: int, net: int, scale: Scale) -> Part:
    unit = line.unit_price_with_tax if scale.tax_included else line.unit_price
    variant = line.product_variant
    return Part(
        line.id, "product", variant.name, quantity, with_tax, net, unit, line.tax_rate, variant.sku, variant.id
    )  # fmt: skip


def _charges(order: WireOrder, scale: Scale, *, cancelled: bool) -> list[Part]:
    parts = []
    for one in order.shipping_lines:
        with_tax, net = int(one.discounted_price_with_tax), int(one.discounted_price)
        if cancelled:
            off = [d for d in one.discounts if d.adjustment_source == CANCELLED_SHIPPING]
            with_tax -= sum(d.amount_with_tax for d in off)
            net -= sum(d.amount for d in off)
        rate = to_rate(with_tax, net)
        parts.append(_charge(f"shipping-{one.id}", "shipping", one.shipping_method.name, with_tax, net, rate, scale))
    for extra in order.surcharges:
        kind: LineKind = "discount" if extra.price_with_tax < 0 else "fee"
        name, id = extra.description or "Surcharge", f"surcharge-{extra.id}"
        parts.append(_charge(id, kind, name, extra.price_with_tax, extra.price, extra.tax_rate, scale))
    return parts


def _charge(id: str, kind: LineKind, name: str, with_tax: int, net: int, rate: Decimal, scale: Scale) -> Part:
    return Part(id, kind, name, 1, with_tax, net, with_tax if scale.tax_included else net, rate)


def _money(one: Taken, id: str, scale: Scale) -> Part:
    kind: LineKind = "shipping" if one.kind == "shipping" else "fee"
    name = "Shipping" if kind == "shipping" else "Refunded"
    return _charge(id, kind, name, one.with_tax, one.net, to_rate(one.with_tax, one.net), scale)


def to_rate(with_tax: int, net: int) -> Decimal:
    """The rate of a charge that does not tell it, in hundredths of a percent; integers hide what is finer."""
    if net <= 0 or with_tax == net:
        return ZERO
    return ((Decimal(with_tax) / Decimal(net) - 1) * _HUNDRED).quantize(Decimal("0.01")).normalize()


def _written(
    parts: list[Part], total: int, currency: str, scale: Scale
) -> tuple[Decimal, tuple[Line, ...]]:  # fmt: skip
    """Parts as lines in whole smallest units that come to the total."""
    kept = [part for part in parts if part.quantity and (part.kind == "product" or part.with_tax or part.net)]
    amounts: list[Decimal] = []
    for part in kept:
        if scale.tax_included:
            amounts.append(scale.major(part.with_tax))
        else:
            amounts += [scale.major(part.net), scale.major(part.with_tax - part.net)]
    whole_total = to_unit(scale.major(total), currency)
    done = iter(whole(amounts, whole_total, currency))
    lines = []
    for part in kept:
        amount = next(done)
        tax = to_unit(scale.major(part.with_tax - part.net), currency) if scale.tax_included else next(done)
        quantity = Decimal(part.quantity)
        if part.kind == "product":
            unit, discount = priced(scale.major(part.unit), quantity, amount, currency)
        else:
            unit, discount = amount, ZERO
        rate = part.rate / _HUNDRED
        lines.append(
            Line(part.id, part.code, part.name, quantity, unit, discount, tax, rate, part.kind, part.product)
        )  # fmt: skip
    return whole_total, tuple(lines)
