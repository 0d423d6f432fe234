"""Order – settlement – bank: does what was sold agree with what the channel settled, and that with what the bank shows?

Nothing is made up to close a gap: each difference is an open item with its amount and its place, and the sums say so.
For every batch, bank = Σ gross − Σ fee + what is open, to the smallest unit (spec X7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from selaras.model.money import ZERO
from selaras.model.settlement import Payout

Found = Literal["not_settled", "settled_short", "settled_over", "no_order", "not_in_bank", "bank_differs", "no_payout"]


class Sold(msgspec.Struct, frozen=True):
    """An order that a channel collected: what it owes us for it (`amount`, after refunds)."""

    reference: str
    amount: Decimal
    currency: str


class Credit(msgspec.Struct, frozen=True):
    """A line of the bank; `payouts` are the ids of those that it was matched with."""

    id: str
    amount: Decimal
    currency: str
    payouts: tuple[str, ...] = ()


class Open(msgspec.Struct, frozen=True):
    """An open item: what does not agree, where, and by how much (found − expected)."""

    found: Found
    subject: str
    amount: Decimal
    currency: str


class ThreeWay(msgspec.Struct, frozen=True):
    """What was compared; sums by currency. `agreed` counts orders that agree on all three sides."""

    items: tuple[Open, ...]
    agreed: int
    gross: Mapping[str, Decimal]
    fee: Mapping[str, Decimal]
    bank: Mapping[str, Decimal]


def three_way(sold: Sequence[Sold], payouts: Sequence[Payout], credits: Sequence[Credit]) -> ThreeWay:
    """Compare the three. Payouts need their rows; orders that are not due yet are the caller's to leave out."""
    items: list[Open] = []
    settled: dict[tuple[str, str], Decimal] = {}
    places: dict[tuple[str, str], set[str]] = {}
    gross, fee, bank = dict[str, Decimal](), dict[str, Decimal](), dict[str, Decimal]()
    for payout in payouts:
        gross[payout.currency] = gross.get(payout.currency, ZERO) + payout.gross
        fee[payout.currency] = fee.get(payout.currency, ZERO) + payout.fee
        for row in payout.rows:
            if row.kind in ("payment", "refund", "chargeback"):
                key = (row.order_reference, row.currency)
                settled[key] = settled.get(key, ZERO) + row.gross
                places.setdefault(key, set()).add(payout.id)
    open_payouts = _bank(payouts, credits, items, bank)
    agreed = 0
    known: set[tuple[str, str]] = set()
    for order in sold:
        key = (order.reference, order.currency)
        known.add(key)
        difference = settled.get(key, ZERO) - order.amount
        if key not in settled:
            items.append(Open("not_settled", order.reference, -order.amount, order.currency))
        elif difference:
            kind: Found = "settled_short" if difference < 0 else "settled_over"
            items.append(Open(kind, order.reference, difference, order.currency))
        elif not places[key] & open_payouts:
            agreed += 1
    for (reference, currency), amount in settled.items():
        if (reference, currency) not in known:
            items.append(Open("no_order", reference, amount, currency))
    return ThreeWay(tuple(items), agreed, gross, fee, bank)


def _bank(
    payouts: Sequence[Payout], credits: Sequence[Credit], items: list[Open], bank: dict[str, Decimal]
) -> set[str]:
    """The open items between payouts and bank; the ids of the payouts that are not proven by the bank."""
    by_id = {payout.id: payout for payout in payouts}
    paid: set[str] = set()
    unproven: set[str] = set()
    for credit in credits:
        bank[credit.currency] = bank.get(credit.currency, ZERO) + credit.amount
        # A payout counts once, whatever else names it.
        mine = [by_id[id] for id in dict.fromkeys(credit.payouts) if id in by_id and id not in paid
                and by_id[id].currency == credit.currency]  # fmt: skip
        paid.update(payout.id for payout in mine)
        rest = credit.amount - sum((payout.gross - payout.fee for payout in mine), ZERO)
        if not mine:
            items.append(Open("no_payout", credit.id, credit.amount, credit.currency))
        elif rest:
            items.append(Open("bank_differs", credit.id, rest, credit.currency))
            unproven.update(payout.id for payout in mine)
    for payout in payouts:
        if payout.id not in paid:
            items.append(Open("not_in_bank", payout.id, -(payout.gross - payout.fee), payout.currency))
            unproven.add(payout.id)
    return unproven
