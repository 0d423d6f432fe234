"""Parameters learnt from links that hold: what this shop's buyers really do, with the shipped figures as a prior.

Each group of chances that exclude one another (how the amount fits, what of the payer is shown, how many days pass) is
a Dirichlet posterior: (prior weight × shipped chance + cases) ÷ (prior weight + all cases), so that few cases move
little. No chance leaves a band around the shipped one: links that were made alone rest on strong evidence, and would
otherwise teach that weak evidence never happens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from selaras.rules.matching.parameters import Parameters

PRIOR: Final = 300.0
BAND: Final = 5.0
_AMOUNTS: Final[Mapping[str, str]] = {
    "exact": "exact", "code_forgotten": "without_code", "rounded_up": "rounded_up", "fee": "fee_taken",
    "swapped_digits": "swapped", "withholding": "withheld", "other_amount": "other_amount", "combined": "combined",
    "instalments": "parts",
}  # fmt: skip
_PAYERS: Final[Mapping[str, str]] = {
    "name": "name_shown", "name_part": "name_part", "other_payer": "other_payer", "": "no_payer",
}  # fmt: skip


class Accepted(msgspec.Struct, frozen=True):
    """Links that hold and are alike: how the amount fits, what spoke for it, the days between, and how many."""

    fits: str
    evidence: tuple[str, ...]
    days: int
    count: int


def learnt(accepted: Iterable[Accepted], shipped: Parameters | None = None) -> Parameters:
    """The parameters after these links. Payouts teach nothing about buyers."""
    start = shipped or Parameters()
    amounts: Counter[str] = Counter()
    payers: Counter[str] = Counter()
    days: Counter[int] = Counter()
    references = cases = 0
    for one in accepted:
        if one.fits not in _AMOUNTS:
            continue
        cases += one.count
        amounts[_AMOUNTS[one.fits]] += one.count
        payers[_PAYERS[next((word for word in _PAYERS if word and word in one.evidence), "")]] += one.count
        days[one.days] += one.count
        references += one.count * ("reference" in one.evidence)
    if not cases:
        return start
    changes: dict[str, object] = _group(start, _AMOUNTS.values(), amounts)
    changes |= _group(start, _PAYERS.values(), payers)
    changes["reference_shown"] = _banded(
        start.reference_shown, (PRIOR * start.reference_shown + references) / (PRIOR + cases)
    )
    changes["lags"] = _lags(start, days)
    return msgspec.structs.replace(start, **changes)


def _group(start: Parameters, names: Iterable[str], cases: Counter[str]) -> dict[str, object]:
    names = list(dict.fromkeys(names))
    prior = {name: float(getattr(start, name)) for name in names}
    whole, count = sum(prior.values()), sum(cases.values())
    return {
        name: _banded(chance, whole * (PRIOR * chance / whole + cases[name]) / (PRIOR + count))
        for name, chance in prior.items()
    }


def _lags(start: Parameters, days: Counter[int]) -> tuple[tuple[int, float], ...]:
    """Each step of the table is a chance for every day of its span; spans as shipped."""
    found, first, cases = [], start.lags[0][0], sum(days.values())
    whole = sum(chance * span for chance, span in _spans(start))
    for (last, chance), (_, span) in zip(start.lags, _spans(start), strict=True):
        seen = sum(count for day, count in days.items() if first <= day <= last)
        share = whole * (PRIOR * chance * span / whole + seen) / (PRIOR + cases)
        found.append((last, _banded(chance, share / span)))
        first = last + 1
    return tuple(found)


def _spans(start: Parameters) -> list[tuple[float, int]]:
    found, first = [], start.lags[0][0]
    for last, chance in start.lags:
        found.append((chance, last - first + 1))
        first = last + 1
    return found


def _banded(shipped: float, chance: float) -> float:
    return min(max(chance, shipped / BAND), shipped * BAND, 0.98)
