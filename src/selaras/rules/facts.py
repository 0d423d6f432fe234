"""What an order's own facts say, read by their times and not by the order in which news of them arrived.

That is why any permutation of one order's events ends in the same books (promise 3): whether a refund came before or
after the invoice was due follows from `refunded_at` and from the payments, not from what has been posted meanwhile.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from selaras.model.document import Receipt
from selaras.model.money import ZERO
from selaras.model.order import Order, Refund
from selaras.rules.plan_types import BankMatch
from selaras.rules.stream import Stream, is_alive

BANK_RECEIPT = "receipt:bank:"


class Facts(msgspec.Struct):
    """`money`: confirmed receipts as (instant, amount), oldest first. `due_since`: when the invoice fell due, or None.

    `shipped`: the goods had left before the order was cancelled (or at all, when it was not). `cancelled`: the order is
    cancelled; `cancelled_at` when, if the store says so. `bank`: every bank transaction matched with the order.
    """

    money: list[tuple[dt.datetime, Decimal]]
    bank: list[BankMatch]
    due_since: dt.datetime | None
    shipped: bool
    cancelled: bool
    cancelled_at: dt.datetime | None

    def in_time(self, instant: dt.datetime) -> bool:
        """Before the cancellation, or the order is not cancelled."""
        return self.cancelled_at is None or instant <= self.cancelled_at

    def before_invoice(self, refund: Refund) -> bool:
        """True when this refund took goods off the order before its invoice was due: they are never billed."""
        return bool(refund.lines) and (self.due_since is None or refund.refunded_at < self.due_since)


def gather(stream: Stream, bank: Sequence[BankMatch]) -> Facts:
    """Read the facts of the stream's order."""
    order, policy = stream.order, stream.policy
    matches = list(bank)
    if stream.held:
        known = {BANK_RECEIPT + match.name for match in matches}
        for key, held in stream.held.items():
            document = held.document
            if key.startswith(BANK_RECEIPT) and isinstance(document, Receipt) and is_alive(held) and key not in known:
                # A match made earlier stays money until it is undone, whether it is passed again or not.
                written = tuple((one.role, one.amount) for one in document.write_offs)
                name = key.removeprefix(BANK_RECEIPT)
                matches.append(
                    BankMatch(name, document.total, document.date, document.account,
                              bool(document.bank_transaction_id), written, exchanged=document.exchanged)
                )  # fmt: skip
        matches.sort(key=lambda match: (match.date, match.transaction_id, match.number))
    money: list[tuple[dt.datetime, Decimal]] = []
    echoes: list[tuple[dt.datetime, Decimal]] = []
    for payment in order.payments:
        if payment.origin == "books":
            echoes.append((payment.paid_at, payment.amount))
        elif payment.method not in policy.bank_methods or _booked(stream, payment.id):
            money.append((payment.paid_at, payment.amount))
    told = ZERO
    for match in matches:
        if not match.undone:
            money.append((dt.datetime.combine(match.date, dt.time.min, stream.zone), match.settled))
        # Of one that was undone the store may still say that it was told.
        told += match.amount
    for at, amount in sorted(echoes):
        # Money of the books that the store was told of is the bank matches once more; what goes beyond them was
        # booked by hand in the books (a journal, M12): it counts as paid and is not booked again.
        if amount > told:
            money.append((at, amount - told))
        told = max(told - amount, ZERO)
    if len(money) > 1:
        money.sort()
    cancelled = order.status == "cancelled"
    until = order.cancelled_at if cancelled else None
    shipments = [s.shipped_at for s in order.shipments if until is None or s.shipped_at <= until]
    due = _due_since(order, policy.invoice_at, money, shipments, until)
    return Facts(money, matches, due, bool(shipments), cancelled, until)


def _booked(stream: Stream, payment_id: str) -> bool:
    held = stream.held.get(receipt_key(payment_id))
    return held is not None and is_alive(held)


def receipt_key(payment_id: str) -> str:
    """Key of the receipt of a payment of the store; never that of a bank transaction."""
    return f"receipt:store:{payment_id}" if payment_id.startswith(("bank:", "store:")) else f"receipt:{payment_id}"


def refund_name(refund_id: str) -> str:
    """Name of a refund inside keys; never one of the planner's own words."""
    own = refund_id.split(":", 1)[0] in ("cancel", "reverse", "edit", "store")
    return f"store:{refund_id}" if own else refund_id


def _due_since(
    order: Order,
    when: str,
    money: list[tuple[dt.datetime, Decimal]],
    shipments: list[dt.datetime],
    until: dt.datetime | None,
) -> dt.datetime | None:
    """When the invoice fell due under the policy, or None while it is not.

    "payment": as soon as the money reaches the total; also once there is some money *and* the order went on without the
    rest (goods left, or a refund was made): the sale is a fact then. An order worth nothing is due when it is placed.
    """
    if when == "order":
        return order.placed_at
    if when == "shipment":
        return min(shipments, default=None)
    if order.total <= 0:
        return order.placed_at
    if until is not None:
        money = [(at, amount) for at, amount in money if at <= until]
    if not money:
        return None
    found: dt.datetime | None = None
    total = ZERO
    for at, amount in money:
        total += amount
        if total >= order.total:
            found = at
            break
    if shipments or order.refunds:
        others = [*shipments, *(r.refunded_at for r in order.refunds if until is None or r.refunded_at <= until)]
        if others:
            went_on = max(money[0][0], min(others))
            found = went_on if found is None else min(found, went_on)
    return found
