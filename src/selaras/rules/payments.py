"""Certain matching of bank lines with orders (M6, M12); what is not certain is asked, with reasons.

Two kinds of certainty, in this order:

* **number** – the order's number stands in the description as a whole token, and the amount is exactly what is due;
* **amount** – exactly one unpaid order is due this amount, no other line of the batch has the amount, a telling word of
  the buyer's name stands in the description, and the day lies within two weeks after the order.

What the bank itself writes is no evidence: the amount repeated in the text, the codes of its channels. Nor is a number
of fewer than four characters, a name that thousands bear, or a payout of a gateway, which pays for many buyers at once.

Both sides are claimed once. Decisions depend on the set of lines and orders, not on their order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from selaras.model.document import BankTransaction
from selaras.model.order import Order
from selaras.rules.explain import N_, Sentence
from selaras.rules.names import name_tokens

__all__ = ["BankDecision", "match_bank"]

_TOKEN: Final = re.compile(r"[0-9a-z]+", re.IGNORECASE)
_SHORTEST_NAME: Final = 3
_SHORTEST_NUMBER: Final = 4
_WINDOW_DAYS: Final = 14
# Repeated amounts ("147356.00INV 1001") and channel codes ("0110/FTSCY/WS95051") that banks write into the text.
_NOISE: Final = re.compile(
    r"(?<![\d.,])\d{1,3}(?:[.,]\d{3})*[.,]\d{2}(?!\d)|(?<![\d.,])\d+[.,]\d{2}(?!\d)|\b\d{4}/[a-z]{5}/[a-z0-9]+",
    re.IGNORECASE,
)
# Under these names gateways and marketplaces pay out; banks cut names at about 18 characters.
_PAYERS: Final = (
    "airpay internation", "dompet anak bangsa", "visionet internasi", "espay debit indones", "xendit", "midtrans",
    "nusa satu inti arta", "paymentgateway",
)  # fmt: skip
# One of these alone tells nobody from thousands; together with the rest of the name it counts.
_COMMON: Final = frozenset(
    "muhammad muhamad mohammad mohamad moh abdul ahmad siti nur sri dewi putri putra agus budi eka dwi tri".split()
)
_MOST_CANDIDATES: Final = 5
_BY_NUMBER = Sentence(N_("The description names order %(number)s and the amount is exactly what is due."))
_BY_AMOUNT = Sentence(N_("Order %(number)s alone is due this amount, and the description names %(name)s."))
_OTHER_AMOUNT = Sentence(
    N_("The description names order %(number)s, but %(due)s %(currency)s are due, not %(amount)s.")
)
_SEVERAL_NUMBERS = Sentence(N_("The description names several orders: %(numbers)s."))
_TWICE = Sentence(N_("Several payments fit order %(number)s equally well."))
_SEVERAL = Sentence(N_("%(count)s unpaid orders are due this amount: %(numbers)s."))
_NO_NAME = Sentence(N_("Order %(number)s is due this amount, but the description names neither it nor its buyer."))
_PAYOUT = Sentence(N_("%(payer)s pays out for many buyers; match it with a settlement, not with one order."))
_TOO_FAR = Sentence(N_("Order %(number)s is due this amount, but it was placed more than %(days)s days apart."))
_NOTHING = Sentence(N_("No unpaid order is due %(amount)s %(currency)s, and the description names none."))


class BankDecision(msgspec.Struct, frozen=True):
    """The order that a bank line pays ("" = ask a person), the orders that may be meant, and why."""

    transaction_id: str
    order_id: str = ""
    candidates: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def match_bank(transactions: Sequence[BankTransaction], open_orders: Sequence[Order]) -> list[BankDecision]:
    """Decide for every incoming line which unpaid order it pays. `open_orders` are those that still wait for money."""
    orders = sorted((o for o in open_orders if o.total > o.paid), key=lambda o: o.id)
    by_number: dict[str, list[Order]] = {}
    by_due: dict[tuple[Decimal, str], list[Order]] = {}
    for order in orders:
        by_number.setdefault(order.number.casefold(), []).append(order)
        by_due.setdefault((order.total - order.paid, order.currency), []).append(order)
    claims: dict[str, list[str]] = {}
    first: dict[str, BankDecision] = {}
    for line in transactions:
        decision = _by_number(line, by_number)
        first[line.id] = decision
        if decision.order_id:
            claims.setdefault(decision.order_id, []).append(line.id)
    taken = set(claims)
    alone = _lines_per_amount([line for line in transactions if not first[line.id].order_id])
    for line in transactions:
        if first[line.id].order_id or first[line.id].reasons:
            continue
        decision = _by_amount(line, by_due, taken, alone)
        first[line.id] = decision
        if decision.order_id:
            claims.setdefault(decision.order_id, []).append(line.id)
    names = {order.id: order.number for order in orders}
    for order_id, lines in claims.items():
        if len(lines) > 1:
            for line_id in lines:
                first[line_id] = BankDecision(line_id, "", (order_id,), (_TWICE(number=names[order_id]),))
    return [first[line.id] for line in transactions]


def _lines_per_amount(lines: Sequence[BankTransaction]) -> dict[tuple[Decimal, str], int]:
    count: dict[tuple[Decimal, str], int] = {}
    for line in lines:
        count[line.amount, line.currency] = count.get((line.amount, line.currency), 0) + 1
    return count


def _by_number(line: BankTransaction, by_number: Mapping[str, list[Order]]) -> BankDecision:
    text = _NOISE.sub(" ", line.description.casefold())
    payer = next((payer for payer in _PAYERS if payer in " ".join(_TOKEN.findall(text))), "")
    if payer:
        return BankDecision(line.id, reasons=(_PAYOUT(payer=payer.upper()),))
    tokens = set(_TOKEN.findall(text))
    # A number such as "A-17" is not one token; look for it whole, between characters that cannot belong to it.
    named = [order for number, orders in by_number.items() if _names(number, tokens, text) for order in orders]
    fitting = [o for o in named if o.total - o.paid == line.amount and o.currency == line.currency]
    if len(fitting) == 1:
        return BankDecision(line.id, fitting[0].id, (), (_BY_NUMBER(number=fitting[0].number),))
    if len(fitting) > 1 or len(named) > 1:
        numbers = ", ".join(o.number for o in named[:_MOST_CANDIDATES])
        ids = tuple(o.id for o in named[:_MOST_CANDIDATES])
        return BankDecision(line.id, "", ids, (_SEVERAL_NUMBERS(numbers=numbers),))
    if named:
        order = named[0]
        reason = _OTHER_AMOUNT(
            number=order.number, due=order.total - order.paid, currency=order.currency, amount=line.amount
        )
        return BankDecision(line.id, "", (order.id,), (reason,))
    return BankDecision(line.id)


def _names(number: str, tokens: set[str], text: str) -> bool:
    if len(number) < _SHORTEST_NUMBER or not any(c.isdigit() for c in number):
        return False
    if number in tokens:
        return True
    if number.isalnum():
        return False
    return re.search(rf"(?<![0-9a-z]){re.escape(number)}(?![0-9a-z])", text) is not None


def _by_amount(
    line: BankTransaction,
    by_due: Mapping[tuple[Decimal, str], list[Order]],
    taken: set[str],
    alone: Mapping[tuple[Decimal, str], int],
) -> BankDecision:
    due = [o for o in by_due.get((line.amount, line.currency), ()) if o.id not in taken]
    if not due:
        return BankDecision(line.id, "", (), (_NOTHING(amount=line.amount, currency=line.currency),))
    ids = tuple(o.id for o in due[:_MOST_CANDIDATES])
    if len(due) > 1:
        numbers = ", ".join(o.number for o in due[:_MOST_CANDIDATES])
        return BankDecision(line.id, "", ids, (_SEVERAL(count=len(due), numbers=numbers),))
    order = due[0]
    said = _name_word(order.buyer.name, line.description)
    if not said:
        return BankDecision(line.id, "", ids, (_NO_NAME(number=order.number),))
    # A day of tolerance: the order's day is in UTC here, the bank's in its own zone.
    if not -1 <= (line.date - order.placed_at.date()).days <= _WINDOW_DAYS:
        return BankDecision(line.id, "", ids, (_TOO_FAR(number=order.number, days=_WINDOW_DAYS),))
    if alone[line.amount, line.currency] > 1:
        return BankDecision(line.id, "", ids, (_TWICE(number=order.number),))
    return BankDecision(line.id, order.id, (), (_BY_AMOUNT(number=order.number, name=said),))


def _name_word(name: str, description: str) -> str:
    """A word of `name`, as written there, that stands in the description and tells its bearer from others, or ""."""
    tokens = {token.casefold() for token in _TOKEN.findall(description)}
    words = [w for w in _TOKEN.findall(name) if len(w) >= _SHORTEST_NAME and w.casefold() in name_tokens(name)]
    there = [word for word in words if word.casefold() in tokens]
    telling = [word for word in there if word.casefold() not in _COMMON]
    if telling:
        return str(max(telling, key=len))
    return str(there[0]) if there and len(there) == len(words) else ""
