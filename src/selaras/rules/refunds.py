"""Refunds read as lines of documents, proven, and set against the order's own lines.

An order's lines may keep what was returned (the refund subtracts it) or drop the code altogether and list what was sent
instead (an exchange in stores that rewrite the order). Both are understood: a returned code that the order no longer
has is billed from the refund's own lines, then credited, so that the books show what really happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from selaras.model.document import DocumentLine
from selaras.model.money import ZERO, rounded
from selaras.model.order import Order, Refund
from selaras.rules.explain import N_, Sentence
from selaras.rules.facts import Facts
from selaras.rules.lines import ONE, Pile, document_lines, lines_total
from selaras.rules.plan_types import Policy, stop
from selaras.rules.products import ProductMatch

_MISMATCH = Sentence(
    N_("The lines of refund %(refund)s come to %(lines)s %(currency)s, but %(amount)s went back: %(difference)s apart.")
)
_MISMATCH_CURE = Sentence(N_("Correct the refund in the store, or enter it without lines."))
_NEGATIVE = Sentence(N_("Refund %(refund)s has the amount %(amount)s; a refund is more than nothing."))
_NEGATIVE_CURE = Sentence(N_("Correct the refund in the store."))
_TOO_MUCH = Sentence(N_("Refunds come to %(refunds)s %(currency)s, but only %(total)s was sold."))
_TOO_MUCH_CURE = Sentence(N_("Check the refunds in the store; book what is beyond the sale by hand."))
_TOO_MANY = Sentence(N_("Refund %(refund)s takes back %(pieces)s of %(code)s, more than the order has left."))
_AMOUNT_ONLY = Sentence(N_("Refund %(refund)s"))


class Returned(msgspec.Struct):
    """A refund with its lines as lines of a document. `amount_only` has one line that lowers every line alike."""

    refund: Refund
    lines: tuple[DocumentLine, ...]
    amount_only: bool


class Sale(msgspec.Struct):
    """What of the order is (to be) billed, and which refunds are credited once it is.

    `remaining`: the order's lines without what was taken off before the invoice was due (the sales order shows these).
    `billed`: what the invoices should come to. `credited`: refunds that become credit notes.
    """

    remaining: tuple[DocumentLine, ...]
    billed: tuple[DocumentLine, ...]
    credited: list[Returned]


def read_sale(
    order: Order,
    lines: tuple[DocumentLine, ...],
    codes: Mapping[str, ProductMatch],
    policy: Policy,
    facts: Facts,
) -> Sale:
    """Set the refunds against the order. Raises `Stop` when a refund does not prove itself or exceeds the sale."""
    if not order.refunds:
        return Sale(lines, lines, [])
    left = Pile(order.currency, lines)
    kept = Pile(order.currency, lines)
    ordered = {line.code for line in lines if line.code}
    extra: list[DocumentLine] = []
    credited: list[Returned] = []
    touched = False
    gone = ZERO
    for refund in sorted(order.refunds, key=lambda r: (r.refunded_at, r.id)):
        returned = _read(order, refund, codes, policy)
        if not facts.in_time(refund.refunded_at):
            continue
        own: list[DocumentLine] = []
        dropped: list[DocumentLine] = []
        for line in returned.lines:
            (dropped if line.code and line.code not in ordered else own).append(line)
        _check_pieces(order, refund, own, left)
        if facts.before_invoice(refund):
            left.take(own)
            kept.take(own)
            touched = touched or bool(own)
            gone += lines_total(own, order.tax_included)
            continue
        if not returned.amount_only:
            left.take(own)
        extra += dropped
        gone += refund.amount - lines_total(dropped, order.tax_included)
        credited.append(returned)
    if gone > order.total:
        known = {"refunds": gone, "total": order.total, "currency": order.currency}
        raise stop("refund_exceeds_total", "refunds", _TOO_MUCH, _TOO_MUCH_CURE, **known)
    remaining = kept.lines() if touched else lines
    return Sale(remaining, remaining + tuple(extra), credited)


def _check_pieces(order: Order, refund: Refund, lines: list[DocumentLine], left: Pile) -> None:
    for line in lines:
        if line.code and line.quantity > left.pieces(line):
            known = {"refund": refund.id, "pieces": line.quantity, "code": line.code}
            raise stop("refund_exceeds_total", f"refunds[{refund.id}].lines", _TOO_MANY, _TOO_MUCH_CURE, **known)


def _read(order: Order, refund: Refund, codes: Mapping[str, ProductMatch], policy: Policy) -> Returned:
    if refund.amount < 0 or (refund.amount == 0 and not refund.lines):
        field = f"refunds[{refund.id}].amount"
        raise stop("refund_amount", field, _NEGATIVE, _NEGATIVE_CURE, refund=refund.id, amount=refund.amount)
    if not refund.lines:
        return Returned(refund, (amount_line(order, refund.amount, _AMOUNT_ONLY(refund=refund.id)),), True)
    lines = document_lines(refund.lines, order.currency, order.tax_included, codes, policy)
    total = lines_total(lines, order.tax_included)
    if total != refund.amount:
        field = f"refunds[{refund.id}].amount"
        known = {"lines": total, "currency": order.currency, "amount": refund.amount}
        known["difference"] = total - refund.amount
        raise stop("refund_mismatch", field, _MISMATCH, _MISMATCH_CURE, refund=refund.id, **known)
    return Returned(refund, lines, False)


def amount_line(order: Order, amount: Decimal, name: str) -> DocumentLine:
    """A line for money given back without goods: every line of the sale becomes cheaper alike, its tax with it."""
    tax_total = sum((line.tax for line in order.lines), ZERO)
    tax = rounded(amount * tax_total / order.total, order.currency) if tax_total and order.total > 0 else ZERO
    rates = {line.tax_rate for line in order.lines if line.tax}
    rate = rates.pop() if len(rates) == 1 else ZERO
    net = amount if order.tax_included else amount - tax
    return DocumentLine("", name, ONE, net, net, ZERO, tax, rate)
