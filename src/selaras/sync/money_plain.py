"""What can be said of incoming money without looking at any order."""

from __future__ import annotations

from selaras.ledger.values import State
from selaras.model.money import EXPONENTS
from selaras.rules.explain import N_, Sentence
from selaras.sync.figures import major
from selaras.sync.money_in import Money

Verdict = tuple[State, str, str, str]
# The money is not what was booked of it.
TAKEN_BACK, CHANGED = MOVED = ("taken_back", "payment_changed")

_OUT = Sentence(N_("This line is money out, it pays no order."))
_BY_HAND = Sentence(N_("A person has reconciled this line in the books."))
_NOT_PAID = Sentence(N_("The payment is %(state)s at the gateway."))
_BACK = Sentence(
    N_("The gateway took the payment back; %(amount)s %(currency)s of it are booked for order %(orders)s.")
)
_BACK_CURE = Sentence(N_("Undo the link (`selaras undo money %(line)s`), or refund the order in the store."))
_CHANGED = Sentence(
    N_("%(booked)s %(booked_currency)s of this line are booked for %(orders)s; it is %(amount)s %(currency)s by now.")
)
_CHANGED_CURE = Sentence(N_("Undo the link (`selaras undo money %(line)s`): the line is matched anew by itself."))
_UNREADABLE = Sentence(N_("The gateway's answer cannot be read: %(why)s."))
_UNREADABLE_CURE = Sentence(N_("Look at the payment at the gateway; it is read again by itself."))
_CURRENCY = Sentence(N_("The currency %(currency)s of this line is unknown."))
_CURRENCY_CURE = Sentence(N_("Correct it at its source, or skip it."))
_STANDS = Sentence(N_("It was undone what this line pays, but %(reference)s still stands in the books."))
_STANDS_CURE = Sentence(N_("It goes on by itself once that is taken back; see `selaras blocked`."))


def plain(money: Money, orders: str = "") -> Verdict | None:
    """The verdict, None where orders must be looked at. `orders` are the numbers of those that it pays."""
    payment, line = money.payment, money.key.id
    if payment is not None and (payment.unreadable or payment.state == "unknown"):
        return State.BLOCKED, "unreadable", _UNREADABLE(why=payment.unreadable or payment.state), _UNREADABLE_CURE()
    booked = sum(one.amount for one in money.standing)
    known = {"amount": major(money.amount, money.currency), "currency": money.currency, "orders": orders}
    if payment is not None and payment.state != "paid":
        if money.standing:
            known["amount"] = major(booked, money.currency)
            return State.BLOCKED, TAKEN_BACK, _BACK(**known), _BACK_CURE(line=line)
        return State.SKIPPED, "not_paid", _NOT_PAID(state=payment.state), ""
    if money.currency not in EXPONENTS and not money.standing:
        return State.BLOCKED, "unknown_currency", _CURRENCY(currency=money.currency or "?"), _CURRENCY_CURE()
    if money.standing and (booked > money.amount or any(one.currency != money.currency for one in money.standing)):
        was = money.standing[0].currency
        message = _CHANGED(**known, booked=major(booked, was), booked_currency=was)
        return State.BLOCKED, CHANGED, message, _CHANGED_CURE(line=line)
    if money.amount <= 0:
        return State.SKIPPED, "money_out", _OUT(), ""
    if money.reconciled and not money.standing:
        return State.SKIPPED, "reconciled_by_hand", _BY_HAND(), ""
    if money.blocked_by and money.left:
        return State.BLOCKED, "receipt_stands", _STANDS(reference=money.blocked_by), _STANDS_CURE()
    return None
