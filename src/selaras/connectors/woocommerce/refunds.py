"""Refunds: objects of their own in WooCommerce, with negative lines, or with an amount and no lines at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import combinations
from typing import Final

import msgspec

from selaras.connectors.woocommerce.amounts import tidy
from selaras.connectors.woocommerce.lines import lines_back
from selaras.connectors.woocommerce.wire import WireOrder, WireRefund, amount, utc
from selaras.model.money import ZERO
from selaras.model.order import Refund

_FEW: Final = 8


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
    made = []
    for wire in sorted(refunds, key=lambda r: (r.date_created_gmt, r.id)):
        back = tidy(amount(wire.amount), order.currency)
        lines = lines_back(wire, order, back)
        if all(line.kind == "discount" for line in lines):
            lines = ()  # money alone: every line of the sale becomes cheaper alike
        made.append(
            Refund(
                id=str(wire.id),
                amount=back,
                refunded_at=utc(wire.date_created_gmt) or changed,
                lines=lines,
                reason=wire.reason or "",
                paid_back=paid,
                method=(order.payment_method or "") if wire.refunded_payment else "",
            )
        )
    shelved = _shelved(order, made)
    return tuple(msgspec.structs.replace(refund, restock=True) if refund.id in shelved else refund for refund in made)


def _shelved(order: WireOrder, refunds: Sequence[Refund]) -> set[str]:
    """Refunds whose goods lie on the shelf again.

    The store counts the pieces on the order's lines and does not say which refund brought them. The refunds that come
    to exactly its count are those; where none do, or there are very many, the oldest ones that fit.
    """
    shelf = {
        str(item.id): amount(meta.value)
        for item in order.line_items
        for meta in item.meta_data
        if meta.key == "_restock_refunded_items"
    }
    pieces = {refund.id: _pieces(refund) for refund in refunds}
    with_goods = [id for id, each in pieces.items() if each]
    if not any(shelf.values()):
        return set()
    if len(with_goods) <= _FEW:
        for size in range(len(with_goods), 0, -1):
            for chosen in combinations(with_goods, size):
                if _sum(pieces[id] for id in chosen) == {line: n for line, n in shelf.items() if n}:
                    return set(chosen)
    shelved = set()
    for id in with_goods:
        if all(shelf.get(line, ZERO) >= count for line, count in pieces[id].items()):
            shelved.add(id)
            for line, count in pieces[id].items():
                shelf[line] -= count
    return shelved


def _pieces(refund: Refund) -> dict[str, Decimal]:
    return _sum({line.id: line.quantity} for line in refund.lines if line.kind == "product")


def _sum(parts: Iterable[dict[str, Decimal]]) -> dict[str, Decimal]:
    total: dict[str, Decimal] = {}
    for part in parts:
        for line, count in part.items():
            total[line] = total.get(line, ZERO) + count
    return total
