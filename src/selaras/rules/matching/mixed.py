"""Payers that pay two ways of paying in one sum, each with its own fee and its own number of days.

Which ways of paying, after how many days, and at what fees is learnt from the lines: first the days, under which the
lines follow the grosses most closely, then the fees, under which most lines come out to the smallest unit.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from selaras.model.claims import FINE
from selaras.rules.matching.due import RULES, Rule, due_days
from selaras.rules.matching.fees import DEAREST, DEAREST_FLAT, MILLION, RATE_GRAIN, ROUNDINGS, Schedule, slack

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
#: Lines may lie so far from their gross, half of them, when the days are right.
_CLOSE: Final = 0.06
_FLAT_GRAIN: Final = 10 * FINE
_LEAST_LINES: Final = 8
_LEAST_HITS: Final = 3
_LINES: Final = 160
_AHEAD: Final = 9
_TRIED: Final = 6


class Part(msgspec.Struct, frozen=True):
    """One way of paying within a payer: its orders' grosses and days of capture, and when it is due."""

    method: int
    gross: Ints
    captured: Ints
    rule: Rule
    due: Ints


def closest(
    days: Ints, amounts: Ints, methods: dict[int, tuple[Ints, Ints]], banking: Ints, most: int = 2
) -> list[Part] | None:
    """The ways of paying (number → grosses, days of capture) whose grosses the lines of a payer follow, and when.

    None when they follow nothing closely.
    """
    own = np.unique(days)
    if len(own) < _LEAST_LINES:
        return None
    sums: dict[tuple[int, Rule], tuple[Ints, Floats]] = {}
    for number, (gross, captured) in methods.items():
        for rule in RULES:
            due = due_days(captured, rule, banking, own)
            place = np.searchsorted(own, due)
            inside = (due >= int(own[0])) & (place < len(own))
            inside[inside] = own[place[inside]] == due[inside]
            of_gross = np.bincount(place[inside], weights=gross[inside], minlength=len(own)).astype(np.float64)
            sums[number, rule] = (due, of_gross)
    of_day = np.bincount(np.searchsorted(own, days), weights=amounts, minlength=len(own))
    best: tuple[float, int, tuple[tuple[int, Rule], ...]] | None = None
    for size in range(1, most + 1):
        for chosen in itertools.combinations(sorted(methods), size):
            for rules in itertools.product(RULES, repeat=size):
                keys = tuple(zip(chosen, rules, strict=True))
                whole = np.sum([sums[key][1] for key in keys], axis=0)
                # The first days bring what was captured before the orders begin.
                ratio = of_day[2:] / np.maximum(whole[2:], 1.0)
                usual = float(np.median(ratio))
                if not 1.0 - DEAREST <= usual <= 1.001:
                    continue
                off = float(np.median(np.abs(ratio / usual - 1.0)))
                if best is None or (off, size) < best[:2]:
                    best = (off, size, keys)
    if best is None or best[0] > _CLOSE:
        return None
    return [Part(number, *methods[number], rule, sums[number, rule][0]) for number, rule in best[2]]


def schedules(days: Ints, amounts: Ints, parts: Sequence[Part]) -> tuple[list[Schedule], bool] | None:
    """The fees of two ways of paying under which most lines come out, and whether only but for their rounding; None
    when too few do."""
    if len(parts) != 2:
        return None
    own = np.unique(days)
    of_day = np.bincount(np.searchsorted(own, days), weights=amounts, minlength=len(own)).astype(np.int64)
    counts, grosses, places = [], [], []
    for part in parts:
        place = np.searchsorted(own, part.due)
        inside = (part.due >= int(own[0])) & (place < len(own))
        inside[inside] = own[place[inside]] == part.due[inside]
        at = np.where(inside, place, len(own))
        places.append(at)
        counts.append(np.bincount(at, minlength=len(own) + 1)[:-1])
        grosses.append(np.bincount(at, weights=part.gross, minlength=len(own) + 1)[:-1].astype(np.int64))
    off = np.asarray([slack(many) for many in (counts[0] + counts[1]).tolist()], dtype=np.int64)
    best: tuple[int, list[Schedule]] | None = None
    nearly: tuple[int, list[Schedule]] | None = None
    for kinds in itertools.product((False, True), repeat=2):
        for values in _voted(of_day, counts, grosses, kinds):
            for how in ROUNDINGS[:-1]:
                tried = [
                    Schedule(value, 0, how) if rated else Schedule(0, value)
                    for rated, value in zip(kinds, values, strict=True)
                ]
                net = np.zeros(len(own), dtype=np.int64)
                for part, at, schedule in zip(parts, places, tried, strict=True):
                    nets = part.gross - schedule.fees(part.gross)
                    net += np.bincount(at, weights=nets, minlength=len(own) + 1)[:-1].astype(np.int64)
                hits = int((net == of_day).sum())
                if best is None or hits > best[0]:
                    best = (hits, tried)
                near = int((np.abs(net - of_day) <= off).sum())
                if nearly is None or near > nearly[0]:
                    nearly = (near, tried)
                if not any(kinds):
                    break
    if best is None or nearly is None:
        return None
    loose = nearly[0] > best[0] + max(_LEAST_HITS, best[0] // 4)
    most, chosen = nearly if loose else best
    return (chosen, loose) if most >= max(_LEAST_HITS, len(own) // 40) else None


def _voted(
    of_day: Ints, counts: Sequence[Ints], grosses: Sequence[Ints], kinds: tuple[bool, ...]
) -> list[tuple[int, int]]:
    """Pairs of fees (a rate in millionths or a flat fee, as `kinds` says) that most pairs of lines agree on."""
    fee = grosses[0] + grosses[1] - of_day
    first, second = (
        gross.astype(np.float64) / MILLION if rated else count.astype(np.float64)
        for rated, gross, count in zip(kinds, grosses, counts, strict=True)
    )
    votes: Counter[tuple[int, int]] = Counter()
    many = counts[0] + counts[1]
    usable = np.flatnonzero((fee >= 0) & (fee <= (grosses[0] + grosses[1]) * DEAREST) & (many > 0))[:_LINES]
    grains = [RATE_GRAIN if rated else _FLAT_GRAIN for rated in kinds]
    tops = [DEAREST * MILLION if rated else DEAREST_FLAT for rated in kinds]
    for at, one in enumerate(usable.tolist()):
        told: set[tuple[int, int]] = set()
        for other in usable[at + 1 : at + 1 + _AHEAD].tolist():
            below = first[one] * second[other] - first[other] * second[one]
            if not below:
                continue
            x = (fee[one] * second[other] - fee[other] * second[one]) / below
            y = (first[one] * fee[other] - first[other] * fee[one]) / below
            a, b = round(x / grains[0]) * grains[0], round(y / grains[1]) * grains[1]
            if not (0 <= a <= tops[0] and 0 <= b <= tops[1]):
                continue
            if all(abs(first[i] * a + second[i] * b - fee[i]) <= _slack(int(many[i])) for i in (one, other)):
                told.add((a, b))
        votes.update(told)
    return [pair for pair, _ in sorted(votes.items(), key=lambda v: (-v[1], v[0]))[:_TRIED]]


def _slack(orders: int) -> int:
    """How far the rounded fees of so many orders may lie from the sum's own: three fifths of a unit each, and one."""
    return (orders * 6 + 10) * FINE // 10
