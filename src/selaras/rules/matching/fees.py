"""The fee of a channel, and what it pays out: whole orders less a fee, to the smallest unit.

A channel (a way of paying through a gateway or a marketplace) collects the orders that it captured on a day, or over a
weekend, takes its fee and pays the rest in one line. Without a rate card the fee is learnt from the lines themselves: a
schedule counts only when several lines come out to the smallest unit under it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from selaras.model.claims import FINE

Ints = npt.NDArray[np.int64]
Rounding = Literal["half_up", "half_even", "down", "up", "total"]
#: By the way of paying: the days whose orders one line may bring, and the days until it is booked.
LIMITS: Final = {"gw_va": (4, 6), "gw_qris": (4, 6), "market": (8, 10)}
ROUNDINGS: Final[tuple[Rounding, ...]] = ("half_up", "half_even", "down", "up", "total")
_MILLION: Final = 1_000_000
_DEAREST: Final = 0.25
_DEAREST_FLAT: Final = 20_000 * FINE
_SAMPLE: Final = 150
_LEAST_SAMPLE: Final = 50
_LEAST_HITS: Final = 3
# For a rate with a flat fee: how many lines are compared, each with how many others, and the steps of written fees.
_PAIRED: Final = 90
_LEAST_PAIRED: Final = 15
_AHEAD: Final = 9
_RATE_GRAIN: Final = 100
_FLAT_GRAIN: Final = 50 * FINE


class Schedule(msgspec.Struct, frozen=True):
    """A fee: `rate` in millionths of the gross and `flat` in `FINE` units for each order; how a rate is rounded."""

    rate: int
    flat: int
    rounding: Rounding = "half_up"

    def fees(self, gross: Ints) -> Ints:
        """The fee of each order, in `FINE` units; unrounded down to `FINE` where only the total is rounded."""
        part = gross * self.rate
        unit = _MILLION * FINE
        if self.rounding == "total":
            return part // _MILLION + self.flat
        if self.rounding == "down":
            return part // unit * FINE + self.flat
        if self.rounding == "up":
            return -(-part // unit) * FINE + self.flat
        whole = (2 * part + unit) // (2 * unit)
        if self.rounding == "half_even":
            whole -= (whole % 2 == 1) & ((2 * part + unit) % (2 * unit) == 0)
        return whole * FINE + self.flat


class Channel:
    """The orders of one way of paying, by the day on which they were captured."""

    def __init__(self, rows: Ints, gross: Ints, day: Ints) -> None:
        sort = np.lexsort((rows, day))
        self.rows, self.gross, self.day = rows[sort], gross[sort], day[sort]
        self.days, self.starts = np.unique(self.day, return_index=True)
        self.ends = np.append(self.starts[1:], len(self.rows))
        self.schedule = Schedule(0, 0)
        #: Nobody knows how this payer rounds: its sums may be off by some units.
        self.loose = False
        self.net = self.gross.copy()
        self.prefix = np.append(0, np.cumsum(self.net))
        self.gross_prefix = np.append(0, np.cumsum(self.gross))

    def use(self, schedule: Schedule, *, loose: bool = False) -> None:
        """Work out the nets under a schedule."""
        self.schedule, self.loose = schedule, loose
        self.net = self.gross - schedule.fees(self.gross)
        self.prefix = np.append(0, np.cumsum(self.net))

    def pays(self, first: int, last: int) -> int:
        """What is paid out for the days numbered `first` to `last`, both included."""
        start, end = int(self.starts[first]), int(self.ends[last])
        if self.schedule.rounding != "total":
            return int(self.prefix[end] - self.prefix[start])
        gross = int(self.gross_prefix[end] - self.gross_prefix[start])
        unit = _MILLION * FINE
        fee = (2 * gross * self.schedule.rate + unit) // (2 * unit) * FINE
        return gross - fee - self.schedule.flat * (end - start)

    def runs(self, booked: int, most_days: int, most_lag: int) -> list[tuple[int, int]]:
        """Runs of neighbouring days that a line booked on this day may pay out, as (first, last) numbers of days."""
        low = int(np.searchsorted(self.days, booked - most_lag - most_days))
        high = int(np.searchsorted(self.days, booked, side="right"))
        return [
            (first, last)
            for first in range(low, high)
            for last in range(first, min(first + most_days, high))
            if booked - int(self.days[last]) <= most_lag
            and int(self.days[last]) - int(self.days[first]) < most_days + 2
        ]

    def exact(self, booked: int, amount: int, most_days: int, most_lag: int) -> list[tuple[int, int]]:
        """Runs whose net is just this amount, as far as the rounding is known."""
        return [
            (first, last)
            for first, last in self.runs(booked, most_days, most_lag)
            if abs(self.pays(first, last) - amount) <= self.slack(int(self.ends[last]) - int(self.starts[first]))
        ]

    def slack(self, many: int) -> int:
        """How far the sum of so many orders may be off by their rounding."""
        return slack(many) if self.loose else 0

    def of_gross(self, booked: int, gross: int, most_days: int, most_lag: int) -> list[tuple[int, int]]:
        """Runs whose gross is just this amount."""
        return [
            (first, last)
            for first, last in self.runs(booked, most_days, most_lag)
            if int(self.gross_prefix[int(self.ends[last])] - self.gross_prefix[int(self.starts[first])]) == gross
        ]


def slack(many: int) -> int:
    """How far the sum of so many orders may be off, in `FINE` units, where nobody knows how each fee is rounded.

    A unit for each order, this way or that: they cancel each other like the steps of somebody who is lost.
    """
    return (1 + math.isqrt(4 * many)) * FINE


def learn(channel: Channel, lines: list[tuple[int, int, str]], most_days: int, most_lag: int) -> bool:
    """Find the schedule under which most of the lines (booked day, amount, payer) come out exactly, and use it.

    False when fewer than three lines agree on one.
    """
    lines = _sample(lines)
    flats: Counter[int] = Counter()
    rates: Counter[int] = Counter()
    seen: defaultdict[str, list[list[tuple[int, int, int]]]] = defaultdict(list)
    for booked, amount, payer in lines:
        own: list[tuple[int, int, int]] = []
        own_flats, own_rates = set(), set()
        for first, last in channel.runs(booked, most_days, most_lag):
            start, end = int(channel.starts[first]), int(channel.ends[last])
            gross, count = int(channel.gross_prefix[end] - channel.gross_prefix[start]), end - start
            fee = gross - amount
            if not 0 <= fee <= gross * _DEAREST:
                continue
            own.append((gross, count, fee))
            if fee % count == 0 and fee // count <= _DEAREST_FLAT and (fee // count) % FINE == 0:
                own_flats.add(fee // count)
            rate = fee * _MILLION / gross
            # Rates are written in hundredths of a per cent; each rounded order may move the sum by half a unit.
            for grain in (100, 500, 1000):
                nearest = round(rate / grain) * grain
                if abs(gross * nearest - fee * _MILLION) * 10 <= (count * 6 + 10) * FINE * _MILLION:
                    own_rates.add(nearest)
        if own:
            seen[payer].append(own)
        flats.update(own_flats)
        rates.update(own_rates)
    tries = [Schedule(0, flat) for flat, votes in flats.most_common(5) if votes >= 2]
    tries += [Schedule(rate, 0, how) for rate, votes in rates.most_common(8) if votes >= 2 for how in ROUNDINGS]
    tries += [Schedule(rate, flat, how) for rate, flat in _both(list(seen.values())) for how in ROUNDINGS]
    best, most = _best(channel, tries, lines, most_days, most_lag, loose=False)
    # A fee with its tax, each rounded, or reckoned in binary fractions: nearly every sum is off by a unit or two.
    nearly, more = _best(channel, tries, lines, most_days, most_lag, loose=True)
    loose = more > most + max(_LEAST_HITS, most // 4)
    if loose:
        best, most = nearly, more
    if best is None or most < _LEAST_HITS:
        return False
    channel.use(best, loose=loose)
    return True


def _sample(lines: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """So many lines of each payer: one that pays by the week must not drown among those that pay by the day."""
    of: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for line in lines:
        of[line[2]].append(line)
    most = max(_LEAST_SAMPLE, _SAMPLE // max(1, len(of)))
    return [line for own in of.values() for line in own[:: -(-len(own) // most)]]


def _best(
    channel: Channel,
    tries: Sequence[Schedule],
    lines: Sequence[tuple[int, int, str]],
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


def _both(payers: list[list[list[tuple[int, int, int]]]]) -> list[tuple[int, int]]:
    """Schedules with a rate *and* a flat fee for each order, as marketplaces have them: (rate, flat), likely first.

    For each line of each payer there are the (gross, orders, fee) that it may stand for. Two lines of a channel give
    two equations; the pair that most of them agree on wins, whatever the lines of other channels say.
    """
    votes: Counter[tuple[int, int]] = Counter()
    most = max(_LEAST_PAIRED, _PAIRED // max(1, len(payers)))
    for lines in payers:
        _vote(lines[:most], votes)
    return [pair for pair, many in votes.most_common(4) if many >= _LEAST_HITS]


def _vote(lines: list[list[tuple[int, int, int]]], votes: Counter[tuple[int, int]]) -> None:
    for at, own in enumerate(lines):
        told: set[tuple[int, int]] = set()
        for other in lines[at + 1 : at + 1 + _AHEAD]:
            for gross, count, fee in own:
                for gross2, count2, fee2 in other:
                    below = gross * count2 - gross2 * count
                    if not below:
                        continue
                    rate = round((fee * count2 - fee2 * count) * _MILLION / below / _RATE_GRAIN) * _RATE_GRAIN
                    if not 0 < rate <= _DEAREST * _MILLION:
                        continue
                    flat = round((fee - gross * rate / _MILLION) / count / _FLAT_GRAIN) * _FLAT_GRAIN
                    off = abs(gross * rate // _MILLION + flat * count - fee)
                    off2 = abs(gross2 * rate // _MILLION + flat * count2 - fee2)
                    if 0 < flat <= _DEAREST_FLAT and off <= (count + 1) * FINE and off2 <= (count2 + 1) * FINE:
                        told.add((rate, flat))
        votes.update(told)
