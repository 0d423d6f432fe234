"""The sales order: every placed order is recorded, kept up to date until it is invoiced, and voided when it is off."""

from __future__ import annotations

from typing import cast

from selaras.model.document import DocumentLine, SalesOrder
from selaras.rules.explain import N_, Sentence
from selaras.rules.lines import digest_of, lines_total
from selaras.rules.plan_types import Intent
from selaras.rules.stream import Stream, is_alive, is_sent, was_sent

_PLACED = Sentence(N_("Order %(number)s was placed."))
_CANCELLED_PLACED = Sentence(N_("Order %(number)s was placed and cancelled; it is recorded, then voided."))
_CHANGED = Sentence(N_("Order %(number)s was changed."))
_OPEN_AGAIN = Sentence(N_("Order %(number)s is open again."))
_SHIPPED = Sentence(N_("Order %(number)s was shipped: %(tracking)s."))
_CLOSED = Sentence(
    N_("The sales order of %(number)s keeps its lines: its day %(day)s is closed, and the invoice has the change.")
)
_VOID = Sentence(N_("Order %(number)s was cancelled before it was invoiced."))
_VOID_REFUNDED = Sentence(N_("Everything of order %(number)s was refunded before it was invoiced."))


def record_order(stream: Stream, lines: tuple[DocumentLine, ...], unwanted: bool, cancelled: bool) -> bool:
    """Record the order or bring it up to date. True when it is void in the books (or will be, by what is held).

    `unwanted`: it is to end void; `stream.sales_order` becomes the key of the order that other documents name.
    """
    number = stream.order.number
    family = stream.family("sales_order") if stream.held else []
    if not family:
        reason = (_CANCELLED_PLACED if cancelled else _PLACED)(number=number)
        stream.want("sales_order", "sales_order", _document(stream, 1, lines), reason)
        return False
    place, held = family[-1]
    stream.sales_order = held.key
    if is_alive(held):
        if unwanted:
            return False
        document = _document(stream, place, lines)
        if not is_sent(held):
            stream.want(held.key, "sales_order", document, _PLACED(number=number))
            return False
        before = cast(SalesOrder, held.document)
        if any(h.kind == "invoice" and was_sent(h) for h in stream.held.values()):
            # Invoiced: its lines are history. Only what travels after the sale still reaches it.
            document = _document(stream, place, before.lines, before)
        elif stream.is_closed(before.date) and _rewrites(before, document):
            # Its day can no longer be changed; what is sold is said by the invoice.
            stream.open_day(before.date, "sales_order.date")
            stream.reasons.append(_CLOSED(number=number, day=before.date.isoformat()))
            document = _document(stream, place, before.lines, before)
        tracked = (document.tracking, document.courier) != (before.tracking, before.courier)
        reason = _SHIPPED(number=number, tracking=document.tracking) if tracked else _CHANGED(number=number)
        stream.want(held.key, "sales_order", document, reason)
        return False
    if unwanted:
        return True
    if held.op == "create":  # a person skipped exactly this version
        stream.want(held.key, "sales_order", _document(stream, place, lines), _CHANGED(number=number))
        return False
    place, stream.sales_order = stream.next_key("sales_order")
    stream.want(stream.sales_order, "sales_order", _document(stream, place, lines), _OPEN_AGAIN(number=number))
    return False


def _rewrites(before: SalesOrder, document: SalesOrder) -> bool:
    """More than where the parcel is would change."""
    return (before.lines, before.total, before.note) != (document.lines, document.total, document.note)


def void_order(stream: Stream, cancelled: bool) -> None:
    """Void the sales order, held or just planned, unless it is void already."""
    reason = (_VOID if cancelled else _VOID_REFUNDED)(number=stream.order.number)
    held = stream.held.get(stream.sales_order)
    if held is not None:
        if is_alive(held):
            stream.void(held.key, held, reason)
        return
    for intent in stream.intents:
        if intent.key == stream.sales_order:
            void = Intent(intent.key, intent.kind, "void", intent.document, digest_of(intent.document), reason)
            stream.intents.append(void)
            return


def _document(
    stream: Stream, place: int, lines: tuple[DocumentLine, ...], before: SalesOrder | None = None
) -> SalesOrder:
    order = stream.order
    tracking = courier = ""
    if order.shipments:
        tracking = ", ".join(dict.fromkeys(s.tracking for s in order.shipments if s.tracking))
        courier = ", ".join(dict.fromkeys(s.courier for s in order.shipments if s.courier))
    included = order.tax_included if before is None else before.tax_included
    return SalesOrder(
        stream.number if place == 1 else f"{stream.number}/{place}",
        stream.local_day(order.placed_at),
        order.currency,
        lines_total(lines, included) if before is None else before.total,
        lines,
        included,
        stream.contact_id,
        "open",
        tracking,
        courier,
        order.note if before is None else before.note,
    )
