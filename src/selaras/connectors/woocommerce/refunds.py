"""Refunds: objects of their own in WooCommerce, with negative lines, or with an amount and no lines at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from selaras.connectors.woocommerce.lines import lines_back
from selaras.connectors.woocommerce.wire import WireOrder, WireRefund, amount, utc
from selaras.model.money import ZERO
from selaras.model.order import Line, Refund


def refunds_of(
    order: WireOrder, refunds: Sequence[WireRefund], total: Decimal, changed: dt.datetime, *, paid: bool
) -> tuple[Refund, ...]:
    """The refunds of an order, oldest first.

    A refund by hand is money that the shop pays back itself, outside of WooCommerce; one through the gateway says so
    and names its way of paying. Of an order that was never paid only the claim becomes less.
    """
    if not refunds and order.status == "refunded" and total:
        # Refunded, and no refund says what (woocommerce #65488): over nothing, so that planning asks.
        return (Refund("refunded", ZERO, changed, paid_back=False),)
    shelf = _restocked(order)
    made = []
    for wire in sorted(refunds, key=lambda r: (r.date_created_gmt, r.id)):
        back = amount(wire.amount)
        lines = lines_back(wire, order, back)
        if not any(line.kind == "product" or line.kind == "shipping" or line.kind == "fee" for line in lines):
            lines = ()  # money alone: every line of the sale becomes cheaper alike
        made.append(
            Refund(
                id=str(wire.id),
                amount=back,
                refunded_at=utc(wire.date_created_gmt) or changed,
                lines=lines,
                reason=wire.reason or "",
                restock=_take(shelf, lines),
                paid_back=paid,
                method=(order.payment_method or "") if wire.refunded_payment else "",
            )
        )
    return tuple(made)


def _restocked(order: WireOrder) -> dict[str, Decimal]:
    """Pieces that went back on the shelf, by line: the store counts them on the order's line, not on the refund."""
    return {
        str(item.id): amount(meta.value)
        for item in order.line_items
        for meta in item.meta_data
        if meta.key == "_restock_refunded_items"
    }


def _take(shelf: dict[str, Decimal], lines: Sequence[Line]) -> bool:
    """Whether all goods of a refund lie on the shelf again; the oldest refunds take from the store's count first."""
    goods = [line for line in lines if line.kind == "product"]
    if not goods or any(shelf.get(line.id, ZERO) < line.quantity for line in goods):
        return False
    for line in goods:
        shelf[line.id] -= line.quantity
    return True
