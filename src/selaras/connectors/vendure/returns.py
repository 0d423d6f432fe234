"""What was taken off an order after it was placed, and which refund paid for it.

Vendure lowers the order itself: pieces that are cancelled leave `quantity` and the total, and a refund beside them pays
the buyer back. Other refunds (a goodwill, goods that stay away) leave the order as it was. In the model an order keeps
what was sold and its refunds say what came back, so pieces that a refund paid for are put back on their line here and
taken off by the refund. Which refunds those are follows from the money: what was paid beyond what the order costs now
is what had to be given back.

All amounts in this module are integers as Vendure writes them.
"""

from __future__ import annotations

import msgspec

from selaras.connectors.vendure.amounts import shares
from selaras.connectors.vendure.wire import WireLine, WireOrder, WirePayment, WirePieces, WireRefund

CANCELLED_SHIPPING = "CANCEL_ORDER"


class Taken(msgspec.Struct):
    """Pieces of a line, or money of something else (`line` None), with what they cost with and without tax."""

    line: WireLine | None
    quantity: int
    with_tax: int
    net: int
    kind: str = "product"


class Back(msgspec.Struct):
    """One refund in the model's sense. `suffix` tells the second part of a refund that had to be cut in two.

    `restored` are pieces that Vendure took off the order and that are put on again; they lie on the shelf. Without
    `taken` it is money alone.
    """

    refund: WireRefund
    payment: WirePayment
    amount: int
    taken: list[Taken]
    restored: bool
    suffix: str = ""


def standing(order: WireOrder) -> list[tuple[WirePayment, WireRefund]]:
    """Refunds that happened or will, oldest first."""
    found = [(p, r) for p in order.payments or () for r in p.refunds if r.state != "Failed" and r.total > 0]
    return sorted(found, key=lambda pair: (pair[1].created_at, _number(pair[1].id)))


def sold_pieces(order: WireOrder) -> dict[str, int]:
    """The most pieces of each line that were ever in the order: as it was placed, and what edits added."""
    sold = {line.id: line.order_placed_quantity for line in order.lines}
    for modification in order.modifications:
        for pieces in modification.lines:
            if pieces.order_line_id in sold and pieces.quantity > 0:
                sold[pieces.order_line_id] += pieces.quantity
    return {line.id: max(line.quantity, sold[line.id]) for line in order.lines}


def backs_of(order: WireOrder) -> list[Back]:
    """The refunds of an order that stands, oldest first."""
    found = standing(order)
    if not found:
        return []
    removed = {line: sold - now for (line, sold), now in zip(sold_pieces(order).items(), _now(order), strict=True)}
    edits = {m.refund.id: m.lines for m in order.modifications if m.refund is not None}
    paid = sum(p.amount for p in order.payments or () if p.state == "Settled")
    excess = max(0, paid - order.total_with_tax)
    explained: dict[str, int] = {}
    for _payment, refund in sorted(found, key=lambda pair: 0 if _takes(pair[1], edits, removed) else 1):
        explained[refund.id] = min(refund.total, excess)
        excess -= explained[refund.id]
    lines = {line.id: line for line in order.lines}
    shipping = _cancelled_shipping(order)
    stay = {line.id: line.quantity for line in order.lines}
    backs: list[Back] = []
    for payment, refund in found:
        amount = explained[refund.id]
        if amount:
            taken = _restored(refund, edits.get(refund.id, ()), amount, lines, removed, shipping)
            backs.append(Back(refund, payment, amount, taken, True))
        if refund.total > amount:
            kept = [] if amount else _kept(refund, lines, stay)
            backs.append(Back(refund, payment, refund.total - amount, kept, False, "-rest" if amount else ""))
    return backs


def _restored(
    refund: WireRefund, edit: list[WirePieces] | tuple[()], amount: int, lines: dict[str, WireLine],
    removed: dict[str, int], shipping: list[int],
) -> list[Taken]:  # fmt: skip
    """Goods (and shipping) that left the order and that `amount` paid for."""
    asked = [(p.order_line_id, p.quantity) for p in refund.lines]
    asked = asked or [(p.order_line_id, -p.quantity) for p in edit if p.quantity < 0]
    taken: list[Taken] = []
    for id, count in asked:
        line, pieces = lines.get(id), min(count, removed.get(id, 0))
        if line is not None and pieces > 0:
            removed[id] -= pieces
            with_tax = pieces * line.prorated_unit_price_with_tax
            taken.append(Taken(line, pieces, with_tax, pieces * line.prorated_unit_price))
    worth = sum(one.with_tax for one in taken)
    if worth > amount:
        # A part of their price was kept: the pieces count for less.
        parts = shares(amount, [one.with_tax for one in taken])
        for one, part in zip(taken, parts, strict=True):
            one.net, one.with_tax = one.net * part // one.with_tax if one.with_tax else 0, part
        return taken
    rest = amount - worth
    freight = min(rest, shipping[0])
    if freight:
        net = shipping[1] if freight == shipping[0] else shipping[1] * freight // shipping[0]
        taken.append(Taken(None, 1, freight, net, "shipping"))
        shipping[0], shipping[1] = shipping[0] - freight, shipping[1] - net
    if rest > freight:
        taken.append(Taken(None, 1, rest - freight, rest - freight, "fee"))
    return taken


def _kept(refund: WireRefund, lines: dict[str, WireLine], stay: dict[str, int]) -> list[Taken]:
    """Goods that are refunded at their full price and do not come back; [] where it is money alone."""
    taken: list[Taken] = []
    for pieces in refund.lines:
        line = lines.get(pieces.order_line_id)
        if line is None or pieces.quantity <= 0 or pieces.quantity > stay[line.id]:
            return []
        with_tax = pieces.quantity * line.prorated_unit_price_with_tax
        taken.append(Taken(line, pieces.quantity, with_tax, pieces.quantity * line.prorated_unit_price))
    if sum(one.with_tax for one in taken) != refund.total:
        return []
    for one in taken:
        if one.line is not None:
            stay[one.line.id] -= one.quantity
    return taken


def _takes(refund: WireRefund, edits: dict[str, list[WirePieces]], removed: dict[str, int]) -> bool:
    """Whether a refund names pieces that have left the order."""
    if refund.id in edits:
        return True
    return bool(refund.lines) and all(p.quantity <= removed.get(p.order_line_id, 0) for p in refund.lines)


def _now(order: WireOrder) -> list[int]:
    return [line.quantity for line in order.lines]


def _cancelled_shipping(order: WireOrder) -> list[int]:
    """[with tax, net] of shipping that was cancelled."""
    off = [d for one in order.shipping_lines for d in one.discounts if d.adjustment_source == CANCELLED_SHIPPING]
    return [-sum(d.amount_with_tax for d in off), -sum(d.amount for d in off)]


def _number(id: str) -> tuple[int, str]:
    return (int(id), "") if id.isdigit() else (0, id)
