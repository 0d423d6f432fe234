"""The fee of a channel, and what it pays out: whole orders less a fee, to the smallest unit.

A channel (a way of paying through a gateway or a marketplace) collects the orders that it captured on a day, or over a
weekend, takes its fee and pays the rest in one line. Without a rate card the fee is learnt from the lines themselves: a
schedule counts only when several lines come out to the smallest unit under it.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from selaras.model.claims import FINE, OrderColumns

Ints = npt.NDArray[np.int64]
Rounding = Literal["half_up", "half_even", "down", "up", "total"]
#: By the way of paying: the days whose orders one line may bring, and the days until it is booked.
LIMITS: Final = {"gw_va": (4, 6), "gw_qris": (4, 6), "market": (8, 10)}
ROUNDINGS: Final[tuple[Rounding, ...]] = ("half_up", "half_even", "down", "up", "total")
MILLION: Final = 1_000_000
#: No fee is dearer than this share of the gross, and no flat one than this.
DEAREST: Final = 0.25
DEAREST_FLAT: Final = 20_000 * FINE
#: The steps in which rates are written: hundredths of a per cent.
RATE_GRAIN: Final = 100


class Schedule(msgspec.Struct, frozen=True):
    """A fee: `rate` in millionths of the gross and `flat` in `FINE` units for each order; how a rate is rounded."""

    rate: int
    flat: int
    rounding: Rounding = "half_up"

    def fees(self, gross: Ints) -> Ints:
        """The fee of each order, in `FINE` units; unrounded down to `FINE` where only the total is rounded."""
        part = gross * self.rate
        unit = MILLION * FINE
        if self.rounding == "total":
            return part // MILLION + self.flat
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
        unit = MILLION * FINE
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


def channel_of(orders: OrderColumns, method: int, currency: str) -> Channel:
    """The orders of one way of paying (its number) in one currency.

    What was never captured is not paid out; where no capture is known at all, the day of the order stands.
    """
    rows = np.flatnonzero(np.frombuffer(orders.method, dtype=np.int64) == method)
    rows = rows[[orders.currencies[row] == currency for row in rows.tolist()]]
    days = np.frombuffer(orders.captured, dtype=np.int64)[rows]
    if (days > 0).any():
        rows, days = rows[days > 0], days[days > 0]
    else:
        days = np.frombuffer(orders.ordered, dtype=np.int64)[rows]
    return Channel(rows, np.frombuffer(orders.due, dtype=np.int64)[rows], days)


def slack(many: int) -> int:
    """How far the sum of so many orders may be off, in `FINE` units, where nobody knows how each fee is rounded.

    A unit for each order, this way or that: they cancel each other like the steps of somebody who is lost.
    """
    return (1 + math.isqrt(4 * many)) * FINE
