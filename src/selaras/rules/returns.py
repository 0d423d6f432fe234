"""A return without a sale behind it: one credit note of its own, with the goods back on the shelf."""

from __future__ import annotations

from decimal import Decimal

from selaras.model.document import CreditNote, DocumentLine, RefundPayment
from selaras.model.money import ZERO
from selaras.rules.explain import N_, Sentence
from selaras.rules.lines import lines_total
from selaras.rules.plan_types import Problem, problem, stop
from selaras.rules.stream import Stream, is_alive, is_sent

_RETURN = Sentence(N_("Return %(number)s without a sale of ours: the buyer is credited %(total)s %(currency)s."))
_PAID_BACK = Sentence(N_("Return %(number)s: %(amount)s %(currency)s went back to the buyer."))
_PAYMENT = Sentence(N_("Return %(number)s has a payment; money came in where it should go out."))
_PAYMENT_CURE = Sentence(N_("Correct the document in the store, or book the payment by hand."))
_CHANGED = Sentence(N_("Return %(number)s was credited with %(booked)s %(currency)s and says %(total)s now."))
_CHANGED_CURE = Sentence(N_("Void the credit note in the books, or correct the return in the store."))
_OFF = Sentence(N_("Return %(number)s was cancelled, but its credit note is in the books."))
_OFF_SKIP = Sentence(N_("Return %(number)s was cancelled before it was booked."))
_TOO_MUCH = Sentence(N_("Return %(number)s is worth %(total)s %(currency)s, but %(amount)s went back."))


def plan_return(stream: Stream, lines: tuple[DocumentLine, ...]) -> Problem | None:
    """Plan the credit note of a return (lines already turned positive) and the money given back for it.

    Returns why the record is skipped, if it is. Raises `Stop` when what was posted no longer fits.
    """
    order = stream.order
    total = lines_total(lines, order.tax_included)
    held = stream.held.get("credit_note")
    sent = held is not None and is_alive(held) and is_sent(held)
    facts = {"number": order.number, "total": str(total), "currency": order.currency}
    if order.payments:
        raise stop("payment_on_return", "payments", _PAYMENT, _PAYMENT_CURE, **facts)
    if order.status == "cancelled":
        if sent:
            raise stop("return_cancelled", "status", _OFF, _CHANGED_CURE, **facts)
        for key, one in stream.held.items():
            if is_alive(one) and not is_sent(one):
                stream.withdraw(key, one, _OFF_SKIP(number=order.number))
        return None if stream.intents else problem("cancelled", "status", _OFF_SKIP, number=order.number)
    if sent and held is not None and isinstance(held.document, CreditNote) and held.document.total != total:
        raise stop("return_changed", "total", _CHANGED, _CHANGED_CURE, booked=held.document.total, **facts)
    if not sent and not (held is not None and held.op == "void" and held.state != "skipped"):
        note = CreditNote(
            stream.number,
            stream.local_day(order.placed_at),
            order.currency,
            total,
            lines,
            order.tax_included,
            stream.contact_id,
            "",
            any(line.code for line in lines),
            order.note,
        )
        stream.want("credit_note", "credit_note", note, _RETURN(**facts))
    _pay_back(stream, total, facts)
    return None


def _pay_back(stream: Stream, total: Decimal, facts: dict[str, str]) -> None:
    order = stream.order
    back = [r for r in order.refunds if r.paid_back and r.amount > 0]
    amount = sum((r.amount for r in back), ZERO)
    if amount > total:
        raise stop("refund_exceeds_total", "refunds", _TOO_MUCH, _PAYMENT_CURE, amount=amount, **facts)
    for refund in back:
        key = f"refund_payment:{refund.id}"
        held = stream.held.get(key)
        if held is not None and is_sent(held):
            continue
        payment = RefundPayment(
            f"{stream.number}/R{refund.id}",
            stream.local_day(refund.refunded_at),
            order.currency,
            refund.amount,
            stream.contact_id,
            "@credit_note",
            "",
            stream.account(refund.method, f"refunds[{refund.id}].method"),
        )
        reason = _PAID_BACK(number=order.number, amount=refund.amount, currency=order.currency)
        stream.want(key, "refund_payment", payment, reason)
