"""One payment of which both the gateway and the store tell is one amount of money, whoever spoke first.

Where the store's word came first it was booked, and the gateway's payment finds no order that waits. Where the gateway
was first its payment is booked; the store's word for the same sum is not booked once more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal

from selaras.model.order import Payment
from selaras.rules.facts import receipt_key


def spoken_of(
    payments: Iterable[Payment], collected: Iterable[Decimal], methods: Collection[str], booked: Collection[str] = ()
) -> dict[str, Decimal]:
    """Payments of a store (id → amount) that are what a gateway told of, each of `collected` at most once.

    `methods` are the ways of paying for which the store's word does not count anyway; `booked` the keys of receipts
    that stand in the books by the store's word.
    """
    left, found = list(collected), dict[str, Decimal]()
    for payment in payments:
        counts = payment.origin == "store" and payment.method not in methods and receipt_key(payment.id) not in booked
        if counts and payment.amount in left:
            left.remove(payment.amount)
            found[payment.id] = payment.amount
    return found
