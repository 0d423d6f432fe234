"""What a payment at a gateway still asks for, seen against what was booked of it: receipt, reversal, money back.

Worked out from the payment as it is now and from what stands in the books, never from the notifications between: any
order of them, any repeat and any loss ends in the same books (reference/store-billing-payment-apis.md §19, traps 6, 9
and 14). Refunds are known by their own id, so a second word about one (the bank's confirmation) asks for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from selaras.model.money import ZERO
from selaras.model.settlement import GatewayPayment

Act = Literal["receipt", "suspense", "reverse_receipt", "refund", "reverse_refund", "ask"]


class Booked(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the books hold of a payment: money received (receipts − reversals), and each refund by its id."""

    received: Decimal = ZERO
    refunds: Mapping[str, Decimal] = msgspec.field(default_factory=dict)


class Due(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing to do. `amount` > 0; `id` is the refund's own id; `why` is the reason, in gettext source language."""

    act: Act
    amount: Decimal
    id: str = ""
    why: str = ""


LATE = "the money came after the order was closed"
TAKEN_BACK = "the bank took the payment back"
REFUND_FAILED = "the refund failed at the gateway"
UNKNOWN = "the gateway says something about this payment that is not known"
LESS = "less came than is booked"


def due(now: GatewayPayment, booked: Booked, *, open: bool = True) -> tuple[Due, ...]:
    """What is still to be done for a payment. `open` says whether its order can still take the money.

    Money for an order that is cancelled or expired is never dropped: it goes to suspense, for a person to refund it or
    to open the order again. A state that is not known asks a person, whatever is booked stays.
    """
    if now.state == "unknown" or now.unreadable:
        return (Due("ask", now.amount, why=now.unreadable or UNKNOWN),)
    should = now.received if now.state == "paid" else ZERO
    found: list[Due] = []
    if should > booked.received:
        act: Act = "receipt" if open else "suspense"
        found.append(Due(act, should - booked.received, why="" if open else LATE))
    elif should < booked.received:
        why = TAKEN_BACK if not should else LESS
        found.append(Due("reverse_receipt", booked.received - should, why=why))
    stands = {r.id: r.amount for r in now.refunds if r.state == "done"} if now.state == "paid" else {}
    for id, amount in stands.items():
        had = booked.refunds.get(id, ZERO)
        if amount > had:
            found.append(Due("refund", amount - had, id))
        elif amount < had:
            found.append(Due("reverse_refund", had - amount, id, REFUND_FAILED))
    for id, had in booked.refunds.items():
        if id not in stands and had > 0:
            found.append(Due("reverse_refund", had, id, REFUND_FAILED))
    return tuple(found)


def after(booked: Booked, done: tuple[Due, ...]) -> Booked:
    """What the books hold once these things were done."""
    received, refunds = booked.received, dict(booked.refunds)
    for item in done:
        if item.act in ("receipt", "suspense"):
            received += item.amount
        elif item.act == "reverse_receipt":
            received -= item.amount
        elif item.act == "refund":
            refunds[item.id] = refunds.get(item.id, ZERO) + item.amount
        elif item.act == "reverse_refund":
            refunds[item.id] -= item.amount
    return Booked(received, {id: amount for id, amount in refunds.items() if amount})
