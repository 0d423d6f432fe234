"""Earned autonomy: whether a matching rule may post alone (X6).

A rule is how the amount fits and what speaks for it ("exact:reference", "fee:name"). It earns the right by cases that a
person confirmed, for each connection apart, and the test is the lower bound of a confidence interval for its precision
(Clopper & Pearson 1934), never one payment's score. Three kinds of proof stand by themselves until a person finds one
wrong: a whole order number with exactly the amount due, a unique amount that was reserved for this bill, and a payout
that equals its settlement report.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import comb
from typing import Final, Literal

import msgspec

from selaras.rules.explain import N_, Sentence

Mode = Literal["earn", "alone", "ask"]
PROVEN: Final = frozenset({"exact:reference", "exact:code", "exact:gateway", "payout:report"})
_CLOSE: Final = 1e-9

_ALONE = Sentence(N_("A person decided that it posts alone."))
_ASK = Sentence(N_("A person decided that it always asks."))
_PROOF = Sentence(N_("It is proof by itself, and nobody has found it wrong."))
_EARNED = Sentence(N_("Right at least %(bound)s %% of the time, after %(confirmed)s confirmed and %(wrong)s wrong."))
_NOT_YET = Sentence(
    N_("%(confirmed)s confirmed, %(wrong)s wrong: right at least %(bound)s %%. Needed: %(precision)s %% and %(least)s.")
)


class Autonomy(msgspec.Struct, frozen=True, kw_only=True):
    """When a rule posts alone: `least` confirmed cases, and precision of at least `precision` with `confidence` (both
    0 to 1). `modes` are what a person chose for a rule ("alone", "ask"); the others earn it.

    The shipped figures ask for 59 confirmed cases in a row.
    """

    least: int = 20
    precision: float = 0.95
    confidence: float = 0.95
    modes: Mapping[str, Mode] = {}


class Standing(msgspec.Struct, frozen=True):
    """Where a rule stands. `bound` is the least precision that its cases allow to be claimed (0 to 1)."""

    rule: str
    confirmed: int
    wrong: int
    bound: float
    alone: bool
    why: str


def standing(rule: str, confirmed: int, wrong: int, autonomy: Autonomy) -> Standing:
    """Whether `rule` may post alone after these cases, and why."""
    bound = lower_bound(confirmed, wrong, autonomy.confidence)
    mode = autonomy.modes.get(rule, "earn")
    if mode != "earn":
        return Standing(rule, confirmed, wrong, bound, mode == "alone", (_ALONE if mode == "alone" else _ASK)())
    if rule in PROVEN and not wrong:
        return Standing(rule, confirmed, wrong, bound, True, _PROOF())
    known = {"bound": percent(bound), "confirmed": confirmed, "wrong": wrong}
    if confirmed >= autonomy.least and bound >= autonomy.precision:
        return Standing(rule, confirmed, wrong, bound, True, _EARNED(**known))
    why = _NOT_YET(**known, precision=percent(autonomy.precision), least=autonomy.least)
    return Standing(rule, confirmed, wrong, bound, False, why)


def lower_bound(right: int, wrong: int, confidence: float) -> float:
    """The one-sided lower limit of Clopper and Pearson: the least precision under which seeing at least so many right
    ones is not rarer than 1 - `confidence`. 0 without a case."""
    if right <= 0:
        return 0.0
    low, high = 0.0, 1.0
    while high - low > _CLOSE:
        middle = (low + high) / 2
        if _at_most(wrong, right + wrong, 1 - middle) < 1 - confidence:
            low = middle
        else:
            high = middle
    return low


def _at_most(wrong: int, cases: int, chance: float) -> float:
    """The chance of at most `wrong` wrong ones in so many cases, each wrong with `chance`."""
    return sum(comb(cases, n) * chance**n * (1 - chance) ** (cases - n) for n in range(wrong + 1))


def percent(share: float) -> str:
    """A share in per cent, cut (never rounded up) after one decimal."""
    return f"{int(share * 1000) / 10:g}"
