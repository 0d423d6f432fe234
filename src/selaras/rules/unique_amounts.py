"""Unique amounts (kode unik): which small code makes a bill's amount tell itself apart from every other open one.

Codes come from a pool in a settled order and are never random: with random codes 16 of 100 orders share their amount
with another one at 1,000 open orders over ten prices (reference/reconciliation.md §3.2). What has to be unique is the
*sum*: bills of 150,000 + 500 and 150,500 + 0 are the same transfer.

All amounts are integer smallest units of one currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from selaras.model.money import exponent, from_minor
from selaras.rules.explain import N_, Sentence

__all__ = ["AmountRules", "Choice", "choose", "codes", "fault", "usual_rules"]

Direction = Literal["add", "subtract"]
# More than this is no code any more but another price.
HIGHEST: Final = 9_999

_FULL = Sentence(
    N_(
        "Account %(account)s has no free amount left for a total of %(total)s %(currency)s: %(open)s bills hold all of "
        "%(first)s to %(last)s."
    )
)
_FULL_CURE = Sentence(
    N_(
        "Release bills that nobody will pay any more, or widen the range: `selaras unique-amount account %(account)s "
        "--range`."
    )
)
_SMALL = Sentence(
    N_(
        "A total of %(total)s %(currency)s is too small for a code of account %(account)s: codes begin at %(low)s and "
        "may be %(share)s %% of the total at most."
    )
)
_SMALL_CURE = Sentence(
    N_("Take another way of paying for small bills, or raise --at-most of `selaras unique-amount account %(account)s`.")
)
_RANGE = Sentence(N_("The range %(low)s-%(high)s is no range of codes: give 0 to %(highest)s, the lower number first."))
_SHARE = Sentence(N_("A code may be 1 to 100 %% of the total, not %(share)s %%."))


class AmountRules(msgspec.Struct, frozen=True):
    """What codes an account has in one currency, in smallest units.

    `direction` tells whether the code is added to the total or taken off it; `share` caps the code at so many percent
    of the total. `low` 0 leaves a bill's amount as it is while no other one has it.
    """

    low: int = 1
    high: int = 999
    direction: Direction = "add"
    share: int = 5


class Choice(msgspec.Struct, frozen=True):
    """The signed code and the sum to pay, or why there is none (`refusal`) and what to do about it (`cure`)."""

    code: int = 0
    payable: int = 0
    refusal: str = ""
    cure: str = ""


def usual_rules(currency: str) -> AmountRules:
    """The rules of an account for which nobody chose others: 1 to 999 rupiah, cents of currencies that have them.

    Raises `UnknownCurrency`.
    """
    return AmountRules() if exponent(currency) == 0 else AmountRules(high=99)


def fault(rules: AmountRules) -> str:
    """What is wrong with rules that a person chose; "" for nothing."""
    if not 0 <= rules.low <= rules.high <= HIGHEST or rules.high == 0:
        return _RANGE(low=rules.low, high=rules.high, highest=HIGHEST)
    if not 1 <= rules.share <= 100:
        return _SHARE(share=rules.share)
    return ""


def codes(rules: AmountRules, total: int) -> range:
    """The codes that a bill of `total` may get, unsigned; empty where the total is too small for any.

    What is to be paid always stays above nothing.
    """
    most = total * rules.share // 100
    if rules.direction == "subtract":
        most = min(most, total - 1)
    return range(rules.low, min(rules.high, most) + 1)


def choose(
    rules: AmountRules,
    total: int,
    sums: Mapping[int, int | None],
    account: str,
    currency: str,
    *,
    before: int | None = None,
) -> Choice:
    """The next code for a bill of `total`.

    `sums` are the amounts that the account has handed out near this total: None for one that an open bill holds, else
    when it came free. The order is settled: the signed code that this bill had `before`, if its sum is free; then sums
    never handed out, lowest code first; then those that have rested longest, so that a late transfer meets nobody
    else's bill. `account` and `currency` word a refusal.
    """
    sign = 1 if rules.direction == "add" else -1
    pool = [sign * code for code in codes(rules, total)]
    rested: dict[int, int] = {}
    for code in pool:
        freed = sums.get(total + code, -1)
        if freed is not None:
            rested[code] = freed
    if before in rested:
        return Choice(before, total + before)
    if rested:
        code = min(rested, key=lambda code: (rested[code], abs(code)))
        return Choice(code, total + code)

    def said(amount: int) -> str:
        return str(from_minor(amount, currency))

    if not pool:
        refusal = _SMALL(
            total=said(total), currency=currency, account=account, low=said(max(rules.low, 1)), share=rules.share
        )
        return Choice(refusal=refusal, cure=_SMALL_CURE(account=account))
    first, last = sorted((total + pool[0], total + pool[-1]))
    refusal = _FULL(
        account=account, total=said(total), currency=currency, open=len(pool), first=said(first), last=said(last)
    )
    return Choice(refusal=refusal, cure=_FULL_CURE(account=account))
