"""Payouts and the bank lines that show them, and the journal entry that books one.

A payout belongs to the line with exactly its net sum, booked from the day of the payout on; a line may bring several
payouts of one gateway. What no line equals stays open, no line is ever filled up (X7). Facts:
reference/reconciliation.md §3.3, reference/store-billing-payment-apis.md §18.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from typing import Final

import msgspec

from selaras.model.document import Journal, JournalLine
from selaras.model.money import EXPONENTS, ZERO
from selaras.model.settlement import Payout
from selaras.rules.explain import N_, Sentence
from selaras.rules.matching.text import is_payout
from selaras.rules.plan_types import Problem, problem

_EARLY: Final = 1
_LATE: Final = 7
_MOST_TOGETHER: Final = 4
_SPAN: Final = 4

_REPORT = Sentence(N_("The settlement report %(payout)s of %(gateway)s comes to exactly this amount."))
_REPORTS = Sentence(N_("The settlement reports %(payouts)s of %(gateway)s come to exactly this amount together."))
_UNPROVEN = Sentence(
    N_("The rows of payout %(payout)s come to %(rows)s %(currency)s, %(net)s were paid out: %(difference)s apart.")
)
_UNPROVEN_CURE = Sentence(N_("Get the complete settlement report of this payout; nothing is filled up."))
_NO_ACCOUNT = Sentence(N_("No account is chosen for %(what)s of the gateway %(gateway)s."))
_NO_ACCOUNT_CURE = Sentence(N_("Choose one: selaras feed %(gateway)s --%(option)s ACCOUNT"))
_WHY = Sentence(N_("Payout %(payouts)s of %(gateway)s: %(gross)s less a fee of %(fee)s %(currency)s."))


class Credit(msgspec.Struct, frozen=True):
    """Incoming money that may be a payout: `amount` in major units, `line` a name of the caller's own."""

    line: str
    amount: Decimal
    currency: str
    day: dt.date
    text: str


class Paid(msgspec.Struct, frozen=True):
    """A payout that waits for its bank line. `day` is the day of the payout in the business's zone."""

    subject: str
    payout: Payout
    day: dt.date


class PayoutMatch(msgspec.Struct, frozen=True):
    """A line and the payouts that it brings. `sure` is False where another line or payout fits as well."""

    line: str
    payouts: tuple[Paid, ...]
    sure: bool
    reason: str


class Accounts(msgspec.Struct, frozen=True):
    """Accounts of the books for one gateway ("" = not chosen). Without `fee_tax` the tax is a part of the fee."""

    gateway: str
    clearing: str
    fee: str = ""
    fee_tax: str = ""
    adjustment: str = ""


def match_payouts(paid: Sequence[Paid], credits: Sequence[Credit]) -> list[PayoutMatch]:
    """The line of each payout. The answer depends on the sets, not on their order."""
    found: list[PayoutMatch] = []
    taken: set[str] = set()
    done: set[str] = set()
    # What is finer than the smallest unit is no share of a line.
    paid = [one for one in paid if not one.payout.net.scaleb(EXPONENTS.get(one.payout.currency, 0)) % 1]
    by_sum = _by_sum(credits)
    pairs = [(one, credit) for one in sorted(paid, key=_by_day) for credit in _fitting([one], by_sum)]
    lines: dict[str, list[Credit]] = {}
    payouts: dict[str, list[Paid]] = {}
    for one, credit in pairs:
        lines.setdefault(one.subject, []).append(credit)
        payouts.setdefault(credit.line, []).append(one)
    for one, credit in sorted(pairs, key=lambda pair: _nearness(*pair)):
        if one.subject in done or credit.line in taken:
            continue
        # Equal payouts of one gateway may change places: what the lines are booked to is the same.
        rivals = [c for c in lines[one.subject] if c.line != credit.line and c.line not in taken]
        others = [o for o in payouts[credit.line] if o.subject not in done and o.subject != one.subject]
        mine = is_payout(credit.text)
        sure = all(mine and not is_payout(rival.text) for rival in rivals) or len(rivals) == len(others)
        sure = sure and all(o.payout.gateway == one.payout.gateway for o in others)
        done.add(one.subject)
        taken.add(credit.line)
        why = _REPORT(payout=one.payout.id, gateway=one.payout.gateway)
        found.append(PayoutMatch(credit.line, (one,), sure, why))
    left = [one for one in paid if one.subject not in done]
    found += _together(left, [credit for credit in credits if credit.line not in taken and is_payout(credit.text)])
    return sorted(found, key=lambda match: match.line)


def _by_day(one: Paid) -> tuple[dt.date, str]:
    return one.day, one.subject


def _nearness(one: Paid, credit: Credit) -> tuple[bool, int, dt.date, str, str]:
    return not is_payout(credit.text), abs((credit.day - one.day).days), one.day, one.subject, credit.line


def _by_sum(credits: Sequence[Credit]) -> dict[tuple[str, Decimal], list[Credit]]:
    found: dict[tuple[str, Decimal], list[Credit]] = {}
    for credit in credits:
        found.setdefault((credit.currency, credit.amount), []).append(credit)
    return found


def _fitting(paid: Sequence[Paid], by_sum: Mapping[tuple[str, Decimal], list[Credit]]) -> list[Credit]:
    """Lines of exactly the sum of these payouts (of one currency), booked soon after the last of them."""
    total, last = sum((one.payout.net for one in paid), ZERO), max(one.day for one in paid)
    lines = by_sum.get((paid[0].payout.currency, total), ())
    return [credit for credit in lines if -_EARLY <= (credit.day - last).days <= _LATE]


def _together(left: Sequence[Paid], credits: Sequence[Credit]) -> list[PayoutMatch]:
    """Lines that bring neighbouring payouts of one gateway in one sum; only where one set alone has that sum."""
    groups: dict[tuple[str, str], list[Paid]] = {}
    for one in sorted(left, key=_by_day):
        groups.setdefault((one.payout.gateway, one.payout.currency), []).append(one)
    answers: dict[str, list[tuple[Paid, ...]]] = {}
    by_sum = _by_sum(credits)
    for group in groups.values():
        for start in range(len(group)):
            near = [o for o in group[start + 1 : start + 8] if (o.day - group[start].day).days <= _SPAN]
            for size in range(1, _MOST_TOGETHER):
                for rest in combinations(near, size):
                    chosen = (group[start], *rest)
                    for credit in _fitting(chosen, by_sum):
                        answers.setdefault(credit.line, []).append(chosen)
    used: dict[str, int] = {}
    for sets in answers.values():
        for subject in {one.subject for chosen in sets for one in chosen}:
            used[subject] = used.get(subject, 0) + 1
    found = []
    for line, sets in sorted(answers.items()):
        chosen = min(sets, key=lambda one: (len(one), one[0].day, one[0].subject))
        sure = len(sets) == 1 and all(used[one.subject] == 1 for one in chosen)
        names = ", ".join(one.payout.id for one in chosen)
        found.append(PayoutMatch(line, chosen, sure, _REPORTS(payouts=names, gateway=chosen[0].payout.gateway)))
    return found


def entry(
    reference: str,
    day: dt.date,
    account: str,
    payouts: Sequence[Payout],
    accounts: Accounts,
    bank_transaction_id: str = "",
) -> Journal | Problem:
    """The journal entry of a line that brings these payouts: bank and fees against clearing; its note is the
    reason. Or what is missing.

    A payout without rows moves its net from clearing to the bank: what the gateway kept stays there, open to see.
    """
    currency = payouts[0].currency
    for one in payouts:
        if one.difference:
            known = {"payout": one.id, "rows": one.net + one.difference, "net": one.net, "currency": currency}
            return problem("payout_unproven", "rows", _UNPROVEN, _UNPROVEN_CURE, **known,
                                 difference=one.difference)  # fmt: skip
    net = sum((one.net for one in payouts), ZERO)
    rows = [row for one in payouts for row in one.rows]
    sold = [row for row in rows if row.kind in ("payment", "refund", "chargeback")]
    other = [row for row in rows if row.kind not in ("payment", "refund", "chargeback")]
    tax = sum((row.fee_tax for row in rows), ZERO)
    kept = sum((row.fee for row in rows), ZERO) - tax
    if not accounts.fee_tax:
        kept, tax = kept + tax, ZERO
    amounts = [
        ("bank", account, net),
        ("fee", accounts.fee, kept - sum((row.gross for row in other if row.kind == "fee"), ZERO)),
        ("fee-tax", accounts.fee_tax, tax),
        ("adjustment", accounts.adjustment, -sum((row.gross for row in other if row.kind == "adjustment"), ZERO)),
        ("clearing", accounts.clearing, -sum((row.gross for row in sold), ZERO) if rows else -net),
    ]
    for option, chosen, amount in amounts:
        if amount and not chosen:
            known = {"what": option, "gateway": accounts.gateway, "option": option}
            return problem("missing_mapping", option, _NO_ACCOUNT, _NO_ACCOUNT_CURE, **known)
    lines = tuple(
        JournalLine(chosen, max(amount, ZERO), max(-amount, ZERO)) for _option, chosen, amount in amounts if amount
    )
    gross = sum((row.gross for row in rows), ZERO) if rows else net
    why = _WHY(payouts=", ".join(one.id for one in payouts), gateway=accounts.gateway, gross=gross, fee=gross - net,
               currency=currency)  # fmt: skip
    total = sum((line.debit for line in lines), ZERO)
    return Journal("", day, currency, lines, reference, total=total, note=why, bank_transaction_id=bank_transaction_id)
