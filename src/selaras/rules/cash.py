"""Receipts and money given back.

Every payment that the store vouches for is one receipt; what only the bank can confirm becomes one when a bank
transaction was matched; what Selaras itself wrote into the store is never booked a second time. A booked receipt is
never taken back in silence.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import cast

from selaras.model.document import Exchanged, Receipt, RefundPayment, WriteOff
from selaras.model.money import ZERO, exponent
from selaras.model.order import Payment, Refund
from selaras.rules.bills import Bills
from selaras.rules.explain import N_, Sentence
from selaras.rules.facts import BANK_RECEIPT, Facts, receipt_key, refund_name
from selaras.rules.lines import digest_of
from selaras.rules.plan_types import BankMatch, Held, stop
from selaras.rules.stream import Stream, is_alive, is_sent

_PAID = Sentence(N_("The store received %(amount)s %(currency)s by %(method)s."))
_PAID_LATE = Sentence(N_("The store received %(amount)s %(currency)s by %(method)s after the order was cancelled."))
_BANK = Sentence(N_("The bank transaction %(transaction)s of %(amount)s %(currency)s pays this order."))
_EXCHANGED = Sentence(
    N_(
        "The bank transaction %(transaction)s of %(came)s %(money)s pays this order with %(amount)s %(currency)s; the "
        "exchange is booked."
    )
)
_UNDONE = Sentence(
    N_("It was undone that the bank transaction %(transaction)s of %(amount)s %(currency)s pays this order.")
)
_BACK = Sentence(N_("Refund %(refund)s: %(amount)s %(currency)s went back to the buyer."))
_BACK_WAITS = Sentence(N_("Refund %(refund)s: %(amount)s %(currency)s go back once the money has come in."))
_BACK_CANCEL = Sentence(N_("The order was cancelled: the %(amount)s %(currency)s received for it go back."))
_UNWANTED = Sentence(N_("No longer needed; it was never sent."))
_GONE = Sentence(N_("Payment %(payment)s of %(amount)s %(currency)s was booked, but the store no longer has it."))
_GONE_CURE = Sentence(N_("Check the payment in the store; if the money is gone, void the receipt in the books."))
_OTHER = Sentence(N_("Payment %(payment)s was booked as %(booked)s %(currency)s; the store now says %(amount)s."))
_AMOUNT = Sentence(N_("Payment %(payment)s has the amount %(amount)s %(currency)s."))
_TWICE = Sentence(N_("The order has two payments with the id %(payment)s."))
_AMOUNT_CURE = Sentence(N_("Correct it in the store: a payment is more than nothing, in whole smallest units."))
_REOPENED = Sentence(N_("The order is open again, but its money was already given back in the books."))
_REOPENED_CURE = Sentence(N_("Void the refund payment in the books if the money was not given back."))
_EXCEEDS = Sentence(
    N_(
        "Refund %(refund)s brings what went back to %(back)s %(currency)s, but the cancelled order was never paid more "
        "than %(paid)s."
    )
)
_EXCEEDS_CURE = Sentence(N_("Correct the refund or the payments in the store; the order is planned again by itself."))
_CORRECTIONS = ("credit_note:reverse:", "credit_note:edit:")


def plan_receipts(stream: Stream, facts: Facts, bills: Bills, order_void: bool) -> None:
    """Receipts of payments and of bank matches. `order_void`: the sales order is void in the books already."""
    order = stream.order
    seen: set[str] = set()
    for payment in order.payments:
        if payment.id in seen:
            raise stop("payment_twice", "payments", _TWICE, _AMOUNT_CURE, payment=payment.id)
        seen.add(payment.id)
        if payment.origin != "books":
            _receipt(stream, facts, bills, order_void, payment)
    if facts.bank:
        _bank_receipts(stream, facts, bills, order_void)
    if stream.held:
        _vanished(stream, seen)


def _target(stream: Stream, bills: Bills, without_order: bool) -> tuple[str, str]:
    """(sales order, invoice) that money belongs to; neither when the order is void: it lies with the contact then."""
    if bills.active:
        return "", "@" + bills.active
    return ("" if without_order else "@" + stream.sales_order), ""


def _receipt(stream: Stream, facts: Facts, bills: Bills, order_void: bool, payment: Payment) -> None:
    order, policy = stream.order, stream.policy
    key = receipt_key(payment.id)
    held = stream.held.get(key) if stream.held else None
    if payment.method in policy.bank_methods and (held is None or not is_sent(held)):
        if held is not None and is_alive(held):
            stream.withdraw(key, held, _UNWANTED())
        return
    field = f"payments[{payment.id}].amount"
    if payment.amount <= 0 or payment.amount.scaleb(exponent(order.currency)) % 1:
        known = {"payment": payment.id, "amount": payment.amount, "currency": order.currency}
        raise stop("payment_amount", field, _AMOUNT, _AMOUNT_CURE, **known)
    if held is not None:
        if is_sent(held):
            if isinstance(held.document, Receipt) and held.document.total != payment.amount:
                known = {"booked": held.document.total, "currency": order.currency, "amount": payment.amount}
                raise stop("payment_changed", field, _OTHER, _GONE_CURE, payment=payment.id, **known)
            return
        if held.op == "void" and held.state != "skipped":
            return  # voided in the books: a person decided
    late = facts.cancelled and not facts.in_time(payment.paid_at)
    sales_order, invoice = _target(stream, bills, order_void or late)
    receipt = Receipt(
        f"{stream.number}/P{payment.id}",
        stream.local_day(payment.paid_at),
        order.currency,
        payment.amount,
        stream.contact_id,
        sales_order,
        invoice,
        stream.account(payment.method, f"payments[{payment.id}].method"),
    )
    if order_void and _queued_before_void(stream, bills, receipt, held):
        return
    why = _PAID_LATE if late else _PAID
    reason = why(amount=payment.amount, currency=order.currency, method=payment.method or "?")
    stream.want(key, "receipt", receipt, reason)


def _queued_before_void(stream: Stream, bills: Bills, receipt: Receipt, held: Held | None) -> bool:
    """A receipt that waits to be sent, ahead of the voiding of its order, may name that order."""
    return (
        held is not None
        and is_alive(held)
        and not bills.active
        and held.digest == digest_of(receipt)
        and cast(Receipt, held.document).sales_order_id == "@" + stream.sales_order
    )


def _bank_receipts(stream: Stream, facts: Facts, bills: Bills, order_void: bool) -> None:
    order = stream.order
    for match in facts.bank:
        key = BANK_RECEIPT + match.name
        held = stream.held.get(key)
        if match.undone:
            _take_back(stream, key, held, match)
            continue
        if held is not None and (is_sent(held) or (held.op == "void" and held.state != "skipped")):
            continue
        late = facts.cancelled and not facts.in_time(_start(stream, match))
        sales_order, invoice = _target(stream, bills, order_void or late)
        receipt = Receipt(
            f"{stream.number}/B{match.name}",
            match.date,
            order.currency,
            match.amount,
            stream.contact_id,
            sales_order,
            invoice,
            match.account,
            match.transaction_id if match.in_books else "",
            write_offs=tuple(WriteOff(role, stream.role(role), amount) for role, amount in match.write_offs),
            exchanged=_exchanged(stream, match),
        )
        if order_void and _queued_before_void(stream, bills, receipt, held):
            continue
        known = {"transaction": match.transaction_id, "amount": match.amount, "currency": order.currency}
        came = match.exchanged
        reason = _BANK(**known) if came is None else _EXCHANGED(**known, came=came.amount, money=came.currency)
        stream.want(key, "receipt", receipt, reason)


def _exchanged(stream: Stream, match: BankMatch) -> Exchanged | None:
    """What came in another currency, and the account that the mapping names for the exchange."""
    came = match.exchanged
    if came is None:
        return None
    return Exchanged(came.amount, came.currency, stream.exchange())


def _take_back(stream: Stream, key: str, held: Held | None, match: BankMatch) -> None:
    """The receipt of a share that was undone: voided in the books, or given up where it was never sent."""
    if held is None or not is_alive(held):
        return
    reason = _UNDONE(transaction=match.transaction_id, amount=match.amount, currency=stream.order.currency)
    if is_sent(held):
        stream.void(key, held, reason)
    else:
        stream.withdraw(key, held, reason)


def _start(stream: Stream, match: BankMatch) -> dt.datetime:
    return dt.datetime.combine(match.date, dt.time.min, stream.zone)


def _vanished(stream: Stream, payments: set[str]) -> None:
    known = {receipt_key(payment) for payment in payments}
    for key, held in stream.held.items():
        if held.kind != "receipt" or key in known or key.startswith(BANK_RECEIPT) or not is_alive(held):
            continue
        if not is_sent(held):
            stream.withdraw(key, held, _UNWANTED())
            continue
        document = cast(Receipt, held.document)
        known_as = key.removeprefix("receipt:").removeprefix("store:")
        money = {"amount": document.total, "currency": document.currency}
        raise stop("payment_vanished", "payments", _GONE, _GONE_CURE, payment=known_as, **money)


class PayBack:
    """Plans refund payments, each against the credit note it belongs to, else against the order's deposits."""

    def __init__(self, stream: Stream, facts: Facts, bills: Bills) -> None:
        self.stream = stream
        self.facts = facts
        self.free = dict(bills.notes)
        self.sent: dict[str, list[tuple[str, RefundPayment]]] = {}
        self.unsent: dict[str, Held] = {}
        self.kept: set[str] = set()
        payments = [(k, h) for k, h in stream.held.items() if h.kind == "refund_payment" and is_alive(h)]
        standing = {_base(key) for key, held in payments if is_sent(held)}
        for key, held in payments:
            base = _base(key)
            if base not in standing:
                self.unsent[key] = held
                continue
            if not is_sent(held):
                stream.follow(key, held)
            document = cast(RefundPayment, held.document)
            self.sent.setdefault(base, []).append((key, document))
            note = document.credit_note_id.removeprefix("@")
            if note in self.free:
                self.free[note] -= document.total
        booked = sum((document.total for docs in self.sent.values() for _key, document in docs), ZERO)
        self.deposit = sum((amount for _at, amount in facts.money), ZERO) - booked

    def plan(self) -> None:
        """Emit what is needed."""
        order, facts = self.stream.order, self.facts
        if self.sent.get("refund_payment:cancel") and not facts.cancelled:
            raise stop("reopened", "status", _REOPENED, _REOPENED_CURE)
        back = [r for r in order.refunds if r.paid_back and r.amount > 0]
        stated = sum((r.amount for r in back), ZERO)
        if facts.cancelled:
            self._within_paid(back)
        booked = sum((d.total for docs in self.sent.values() for _key, d in docs), ZERO)
        received = ZERO
        if facts.cancelled:
            received = sum((amount for at, amount in facts.money if facts.in_time(at)), ZERO)
        # A cancellation gives back what was received in time, a refund what it says: never both.
        left = max(stated, received) - booked
        for refund in sorted(back, key=lambda r: (r.refunded_at, r.id)):
            name = refund_name(refund.id)
            base = f"refund_payment:{name}"
            amount = refund.amount - sum((d.total for _key, d in self.sent.get(base, ())), ZERO)
            if facts.cancelled:
                amount = min(amount, left)
            if amount > 0:
                left -= amount
                reason = _BACK(refund=refund.id, amount=amount, currency=order.currency)
                self._pay(
                    base, f"credit_note:{name}", f"/R{refund.id}", amount, refund.refunded_at, refund.method, reason
                )
        if facts.cancelled and left > 0:
            reason = _BACK_CANCEL(amount=left, currency=order.currency)
            at = facts.cancelled_at or order.updated_at
            self._pay("refund_payment:cancel", "credit_note:cancel", "/C", left, at, "", reason)
        for key, held in self.unsent.items():
            if key not in self.kept:
                self.stream.withdraw(key, held, _UNWANTED())

    def _within_paid(self, back: list[Refund]) -> None:
        """More money cannot have gone back than ever came in. Raises `Stop` (refund_exceeds_paid).

        What a cancellation gives back follows from what was received, a refund from what the store says; where the
        refunds say more than that, which of the two to believe is not ours to decide.
        """
        order = self.stream.order
        paid = max(order.paid, sum((amount for _at, amount in self.facts.money), ZERO))
        gone = ZERO
        for refund in sorted(back, key=lambda r: (r.refunded_at, r.id)):
            gone += refund.amount
            if gone > paid:
                known = {"refund": refund.id, "back": gone, "paid": paid, "currency": order.currency}
                raise stop("refund_exceeds_paid", f"refunds[{refund.id}].amount", _EXCEEDS, _EXCEEDS_CURE, **known)

    def _pay(
        self, base: str, note: str, reference: str, amount: Decimal, at: dt.datetime, method: str, reason: str
    ) -> None:
        """Pay `amount` back: first against the family of credit notes `note`, then others, then the order itself."""
        stream, order = self.stream, self.stream.order
        own = [k for k in self.free if k == note or k.startswith(note + ":")]
        others = []
        if self.facts.cancelled:  # what the cancellation credited may be more, or less, than one refund gives back
            others = [k for k in self.free if k not in own and not k.startswith(_CORRECTIONS)]
        number = len(self.sent.get(base, ()))
        account = self._account(method)
        for key in (*own, *others, ""):
            part = min(amount, self.free[key] if key else self.deposit)
            if part <= 0:
                continue
            if key:
                self.free[key] -= part
            self.deposit -= part
            amount -= part
            number += 1
            document_key = base if number == 1 else f"{base}:{number}"
            payment = RefundPayment(
                stream.number + reference + ("" if number == 1 else f".{number}"),
                stream.local_day(at),
                order.currency,
                part,
                stream.contact_id,
                "@" + key if key else "",
                "" if key else "@" + stream.sales_order,
                account,
            )
            stream.want(document_key, "refund_payment", payment, reason)
            self.kept.add(document_key)
        if amount > 0:
            # The store gave back what the books have not received yet: refused there, it would bar the receipt's way.
            known = {"refund": reference.removeprefix("/R"), "amount": amount, "currency": order.currency}
            stream.reasons.append(_BACK_WAITS(**known))

    def _account(self, method: str) -> str:
        """The account money goes back from: that of the refund's own way of paying, else where the money came in."""
        stream = self.stream
        if not method:
            bank = stream.policy.bank_methods
            method = next((p.method for p in stream.order.payments if p.origin == "store" and p.method not in bank), "")
            # Money that came in another currency lies on an account that cannot give this one back.
            came = [m for m in self.facts.bank if m.exchanged is None]
            if not method and came:
                return next((m.account for m in came if not m.undone), came[0].account)
        return stream.account(method, "refunds.method")


def plan_money_back(stream: Stream, facts: Facts, bills: Bills) -> None:
    """Refund payments; quick when there is neither a refund nor a cancellation nor anything held of the kind."""
    if stream.order.refunds or facts.cancelled or any(h.kind == "refund_payment" for h in stream.held.values()):
        PayBack(stream, facts, bills).plan()


def _base(key: str) -> str:
    head, _sep, tail = key.rpartition(":")
    return head if tail.isdigit() and head.count(":") >= 1 else key
