"""What an order costs: one rule, each line rounded half-up once, taxes per line, inside the price or on top of it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from selaras.model.money import rounded
from selaras.sandbox.store.records import ZERO, Charge, Order, OrderLine, RefundLine

ONE = Decimal(1)


def line_net(quantity: int, unit_price: Decimal, discount: Decimal, currency: str) -> Decimal:
    """quantity × unit price − discount, rounded half-up to the currency's smallest unit."""
    return rounded(quantity * unit_price - discount, currency)


def tax_of(net: Decimal, rate: Decimal, included: bool, currency: str) -> Decimal:
    """Tax of an amount: the part inside it, or what comes on top; rounded half-up."""
    if not rate:
        return ZERO
    return rounded(net * rate / (ONE + rate) if included else net * rate, currency)


def order_total(order: Order) -> Decimal:
    """Σ lines + shipping + fees − discount, and the taxes where prices do not include them."""
    currency = order.currency
    total = ZERO
    taxes = ZERO
    for line in order.lines:
        total += line_net(line.quantity, line.unit_price, line.discount, currency)
        taxes += line.tax
    for charge in charges(order.shipping, *order.fees):
        total += rounded(charge.amount, currency)
        taxes += charge.tax
    if order.discount is not None:
        total -= rounded(order.discount.amount, currency)
        taxes -= order.discount.tax
    return rounded(total if order.prices_include_tax else total + taxes, currency)


def charges(*some: Charge | None) -> Iterable[Charge]:
    """The charges that are there."""
    return (c for c in some if c is not None)


def refund_line(line: OrderLine, quantity: int, order: Order, *, tax_left: Decimal, last: bool) -> RefundLine:
    """`quantity` pieces of an order line taken back; the last pieces carry what is left of the line's tax."""
    share = Decimal(quantity) / Decimal(line.quantity)
    whole = quantity == line.quantity
    return RefundLine(
        line_id=line.id,
        kind="product",
        sku=line.sku,
        product_id=line.product_id,
        name=line.name,
        quantity=quantity,
        unit_price=line.unit_price,
        discount=line.discount if whole else rounded(line.discount * share, order.currency),
        tax=tax_left if last else rounded(line.tax * share, order.currency),
        tax_rate=line.tax_rate,
    )


def refund_charge(kind: str, charge: Charge) -> RefundLine:
    """A whole shipping charge, fee or discount taken back; a discount counts against the refund."""
    back = kind == "discount"
    return RefundLine(
        line_id=0,
        kind="discount" if back else ("fee" if kind == "fee" else "shipping"),
        sku="",
        product_id=0,
        name=charge.name,
        quantity=1,
        unit_price=-charge.amount if back else charge.amount,
        tax=-charge.tax if back else charge.tax,
        tax_rate=charge.tax_rate,
    )


def refund_total(lines: Iterable[RefundLine], included: bool, currency: str) -> Decimal:
    """Σ refund lines, with their taxes where prices do not include them."""
    total = ZERO
    for line in lines:
        total += line_net(line.quantity, line.unit_price, line.discount, currency)
        if not included:
            total += line.tax
    return total
