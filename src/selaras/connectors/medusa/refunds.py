"""Refunds: what Medusa keeps apart, goods that came back and money that went back, told together.

Facts (2.21.2, read in its source and tried on a running one; reference/observed.md "Medusa"):

* A return takes its goods off the order's total when it is received, and pays nothing back. The money follows as a
  refund of a payment, or never.
* A refund of a payment that no return or edit explains takes its amount off the total by a credit line. Credit lines
  are made anew with every version of the order, so neither their ids nor their times mean anything.
* An edit of a paid order that takes goods off leaves the buyer with a credit until a refund pays it.
* Cancelling an order refunds what was captured, a moment before the order says that it is cancelled.

So the goods (returns, and edits after the money came) and the money (refunds) are put in the order of their times, and
each refund pays for goods that came back before it. What is left of it is a refund of money alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from selaras.connectors.medusa.lines import Cost, Sums, cost_of_item, lines_of, pieces, to_unit
from selaras.connectors.medusa.wire import WireChange, WireMoney, WireOrder, exact
from selaras.model.money import ZERO
from selaras.model.order import Line, Refund

_CANCEL_WINDOW: Final = dt.timedelta(seconds=120)
"""A refund this long before a cancellation, and the last of its payment, is the cancellation's own."""

SHORT: Final = "Kept back"


class Edit(msgspec.Struct, frozen=True):
    """An edit that was confirmed after money had come, and the order as it was before it."""

    change: WireChange
    before: WireOrder


class Gone(msgspec.Struct):
    """Goods that are no longer sold: what they cost, when they left the order, and the money that paid for them."""

    id: str
    at: dt.datetime
    costs: list[Cost]
    restock: bool = True
    reason: str = ""
    value: Decimal = ZERO
    paid: Decimal = ZERO
    method: str = ""


def taken_off(edits: Sequence[Edit]) -> list[Gone]:
    """What edits took off an order that was paid."""
    found = []
    for edit in edits:
        items = {item.id: item for item in edit.before.items or ()}
        costs: list[Cost] = []
        for action in edit.change.actions or ():
            details = action.details
            item = items.get(details.reference_id or "") if details is not None else None
            less = -(details.quantity_diff or ZERO) if details is not None else ZERO
            if item is not None and action.action == "ITEM_REMOVE":
                less = pieces(item)
            if item is not None and less > 0:
                costs.append(cost_of_item(item, pieces(item)).part(less))
        if costs and edit.change.confirmed_at is not None:
            found.append(Gone(edit.change.id, edit.change.confirmed_at, costs))
    return found


def came_back(order: WireOrder, costs: Mapping[str, Cost]) -> list[Gone]:
    """The returns that were received. What was damaged is credited and does not lie on the shelf again."""
    found = []
    for one in order.returns or ():
        if one.status != "received" or one.received_at is None:
            continue
        for id, damaged in ((one.id, False), (f"{one.id}-damaged", True)):
            parts = []
            for item in one.items or ():
                if damaged:
                    count = exact(item.damaged_quantity, item.raw_damaged_quantity)
                else:
                    count = exact(item.received_quantity, item.raw_received_quantity)
                if count > 0 and item.item_id in costs:
                    parts.append(costs[item.item_id].part(count))
            if parts:
                found.append(Gone(id, one.received_at, parts, restock=not damaged))
    return found


def by_cancelling(order: WireOrder) -> set[str]:
    """Refunds that the cancellation of the order made: the last one of each payment, just before it."""
    cancelled = order.canceled_at
    if order.status != "canceled" or cancelled is None:
        return set()
    found = set()
    for payment in order.payments:
        last = max(payment.refunds or (), key=lambda refund: (refund.created_at, refund.id), default=None)
        if last is not None and last.created_at >= cancelled - _CANCEL_WINDOW:
            found.add(last.id)
    return found


def refunds_of(
    order: WireOrder, gone: Sequence[Gone], currency: str, included: bool, *, paid: bool
) -> tuple[tuple[Refund, ...], Decimal]:
    """The refunds, oldest first, and money that went back and that nothing explains."""
    sums = Sums(currency)
    waiting = sorted(gone, key=lambda one: (one.at, one.id))
    for one in waiting:
        one.value = sums.next(sum((cost.total for cost in one.costs), ZERO))
    moves: list[tuple[WireMoney, str]] = [
        (refund, payment.provider_id or "") for payment in order.payments for refund in payment.refunds or ()
    ]
    cancelling = by_cancelling(order)
    money = Sums(currency)
    made: list[Refund] = []
    alone = ZERO
    for refund, method in sorted(moves, key=lambda move: (move[0].created_at, move[0].id)):
        left = money.next(refund.value)
        if refund.id in cancelling:
            # Told as after the cancellation: what it credits is the cancellation's own business.
            at = max(refund.created_at, order.canceled_at or refund.created_at)
            if left > 0:
                made.append(Refund(refund.id, left, at, reason=refund.note or "", method=method))
            continue
        for one in waiting:
            part = min(left, one.value - one.paid) if one.at <= refund.created_at else ZERO
            if part > 0:
                one.paid += part
                one.method = method
                one.reason = one.reason or refund.note or ""
                left -= part
        if left > 0:
            alone += left
            made.append(Refund(refund.id, left, refund.created_at, reason=refund.note or "", method=method))
    made += [_told(one, currency, included, paid=paid) for one in waiting if one.value > 0]
    credited = to_unit(sum((exact(line.amount, line.raw_amount) for line in order.credit_lines or ()), ZERO), currency)
    if order.status == "canceled":
        return _sorted(made), ZERO
    if credited > alone:
        # Taken off the total without money: the shop's promise.
        made.append(Refund("credit", credited - alone, order.updated_at, paid_back=False))
    return _sorted(made), max(ZERO, alone - credited)


def _sorted(made: list[Refund]) -> tuple[Refund, ...]:
    return tuple(sorted(made, key=lambda refund: (refund.refunded_at, refund.id)))


def _told(one: Gone, currency: str, included: bool, *, paid: bool) -> Refund:
    lines = lines_of(one.costs, one.value, currency, included)
    amount = one.value
    if 0 < one.paid < one.value:
        # Paid back in part: the shop keeps the rest, for its trouble or for now.
        amount = one.paid
        kept = Line(f"{one.id}-kept", "", SHORT, Decimal(1), amount - one.value, kind="discount")
        lines = (*lines, kept)
    return Refund(
        one.id, amount, one.at, lines, one.reason, one.restock, paid_back=one.paid > 0 or not paid, method=one.method
    )
