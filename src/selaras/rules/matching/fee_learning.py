"""The fee of a channel, learnt from the lines that it may have paid: nobody has told it, and the lines can.

A schedule counts only when several lines come out to the smallest unit under it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from selaras.model.claims import FINE
from selaras.rules.matching.fees import DEAREST, DEAREST_FLAT, MILLION, RATE_GRAIN, ROUNDINGS, Channel, Schedule

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_SAMPLE: Final = 150
_LEAST_SAMPLE: Final = 50
LEAST_HITS: Final = 3
# For a rate with a flat fee: how many lines of a payer are compared with each other, and the steps of written fees.
_PAIRED: Final = 120
_LEAST_PAIRED: Final = 40
_LIKELY: Final = 8
_FLAT_GRAIN: Final = 50 * FINE
#: A line as it is learnt from: the day on which it was booked, its amount, its payer.
Line = tuple[int, int, str]


class _Runs(NamedTuple):
    """What a line may stand for, run by run: gross, how many orders, fee, and how far rounding may move the fee."""

    gross: Floats
    orders: Floats
    fee: Floats
    off: Floats


def learn(channel: Channel, lines: Sequence[Line], most_days: int, most_lag: int) -> int:
    """Find the schedule under which most of the lines come out, and use it; how many of a sample of them do.

    0 when fewer than three lines agree on one.
    """
    lines = _sample(lines)
    flats: Counter[int] = Counter()
    rates: Counter[int] = Counter()
    seen: defaultdict[str, list[_Runs]] = defaultdict(list)
    for booked, amount, payer in lines:
        own: list[tuple[int, int, int]] = []
        own_flats, own_rates = set(), set()
        for first, last in channel.runs(booked, most_days, most_lag):
            start, end = int(channel.starts[first]), int(channel.ends[last])
            gross, count = int(channel.gross_prefix[end] - channel.gross_prefix[start]), end - start
            fee = gross - amount
            if not 0 <= fee <= gross * DEAREST:
                continue
            own.append((gross, count, fee))
            if fee % count == 0 and fee // count <= DEAREST_FLAT and (fee // count) % FINE == 0:
                own_flats.add(fee // count)
            rate = fee * MILLION / gross
            # Rates are written in hundredths of a per cent; each rounded order may move the sum by half a unit.
            for grain in (100, 500, 1000):
                nearest = round(rate / grain) * grain
                if abs(gross * nearest - fee * MILLION) * 10 <= (count * 6 + 10) * FINE * MILLION:
                    own_rates.add(nearest)
        if own:
            gross_, count_, fee_ = (np.asarray(column, dtype=np.float64) for column in zip(*own, strict=True))
            seen[payer].append(_Runs(gross_, count_, fee_, (1.0 + np.sqrt(count_)) * FINE))
        flats.update(own_flats)
        rates.update(own_rates)
    tries = [Schedule(0, flat) for flat, votes in flats.most_common(5) if votes >= 2]
    tries += [Schedule(rate, 0, how) for rate, votes in rates.most_common(8) if votes >= 2 for how in ROUNDINGS]
    tries += [Schedule(rate, flat, how) for rate, flat in _both(seen.values()) for how in ROUNDINGS]
    best, most = _best(channel, tries, lines, most_days, most_lag, loose=False)
    # A fee with its tax, each rounded, or reckoned in binary fractions: nearly every sum is off by a unit or two.
    nearly, more = _best(channel, tries, lines, most_days, most_lag, loose=True)
    loose = more > most + max(LEAST_HITS, most // 4)
    if loose:
        best, most = nearly, more
    if best is None or most < LEAST_HITS:
        return 0
    channel.use(best, loose=loose)
    return most


def _sample(lines: Sequence[Line]) -> list[Line]:
    """So many lines of each payer: one that pays by the week must not drown among those that pay by the day."""
    of: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        of[line[2]].append(line)
    most = max(_LEAST_SAMPLE, _SAMPLE // max(1, len(of)))
    return [line for own in of.values() for line in own[:: -(-len(own) // most)]]


def _best(
    channel: Channel,
    tries: Sequence[Schedule],
    lines: Sequence[Line],
    most_days: int,
    most_lag: int,
    *,
    loose: bool,
) -> tuple[Schedule | None, int]:
    """The schedule under which most lines come out, and how many do."""
    best, most = None, 0
    for schedule in tries:
        if loose and schedule.rounding != "half_up":
            continue
        channel.use(schedule, loose=loose)
        hits = sum(bool(channel.exact(booked, amount, most_days, most_lag)) for booked, amount, _ in lines)
        if hits > most:
            best, most = schedule, hits
    return best, most


def _both(payers: Collection[list[_Runs]]) -> list[tuple[int, int]]:
    """Schedules with a rate *and* a flat fee for each order, as marketplaces have them: (rate, flat), likely first.

    Two lines of a channel give two equations; the pair that most of them agree on wins, whatever the lines of other
    channels say.
    """
    votes: Counter[tuple[int, int]] = Counter()
    most = max(_LEAST_PAIRED, _PAIRED // max(1, len(payers)))
    for lines in payers:
        told: defaultdict[int, set[tuple[int, int]]] = defaultdict(set)
        for one, other in combinations(range(len(lines[:most])), 2):
            told[one] |= _equations(lines[one], lines[other])
        for found in told.values():
            votes.update(found)
    return [pair for pair, many in votes.most_common(_LIKELY) if many >= LEAST_HITS - 1]


def _equations(one: _Runs, other: _Runs) -> set[tuple[int, int]]:
    """(rate, flat) under which both lines come out, each as one of the runs that it may stand for.

    Fractions of a machine only propose; whether a line comes out is reckoned in whole units (`Channel.exact`).
    """
    gross, count, fee = (column[:, None] for column in one[:3])
    below = gross * other.orders - other.gross * count
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.rint((fee * other.orders - other.fee * count) * MILLION / below / RATE_GRAIN) * RATE_GRAIN
    fits = (below != 0) & (rate > 0) & (rate <= DEAREST * MILLION)
    rows, columns = np.nonzero(fits)
    found = set()
    if len(rows):
        rate = rate[rows, columns]
        part = one.gross[rows] * rate / MILLION
        flat = np.rint((one.fee[rows] - part) / one.orders[rows] / _FLAT_GRAIN) * _FLAT_GRAIN
        off_one = part + flat * one.orders[rows] - one.fee[rows]
        off_other = other.gross[columns] * rate / MILLION + flat * other.orders[columns] - other.fee[columns]
        # Rounded half up the parts cancel each other; rounded down or up each order moves the sum by half a unit.
        for drift in (0.0, 0.5 * FINE, -0.5 * FINE):
            good = (flat > 0) & (flat <= DEAREST_FLAT)
            good &= np.abs(off_one - drift * one.orders[rows]) <= one.off[rows]
            good &= np.abs(off_other - drift * other.orders[columns]) <= other.off[columns]
            found |= set(zip(rate[good].astype(int).tolist(), flat[good].astype(int).tolist(), strict=True))
    return found
