"""When a gateway or marketplace pays: the day on which an order that it captured should reach the bank.

Gateways pay so many banking days after the capture, marketplaces on the days of their own (every Monday, twice a
month). Both are one rule: the j-th day of a calendar, counted from k days after the capture. Holidays need no list: on
them nobody pays, so they are the weekdays that are missing among the days of its payouts
(reference/store-billing-payment-apis.md §16).
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
#: Where fewer of the weekdays are missing than this share, the missing ones are holidays; else payouts are just rare.
_HOLIDAYS: Final = 0.12
#: Of the days of payouts, at most this share on weekends if only weekdays are banking days.
_WEEKENDS: Final = 0.03
_SATURDAY: Final = 5
NEVER: Final = -1


class Rule(msgspec.Struct, frozen=True):
    """The `place`-th day (from 1) of a calendar that is at least `wait` days after the capture."""

    own: bool
    wait: int
    place: int


#: Banking days after the capture; or the payer's own next day that is far enough away.
RULES: Final = (
    *(Rule(False, 1, place) for place in range(1, 6)),
    Rule(False, 0, 1),
    *(Rule(True, wait, 1) for wait in range(9)),
)


def banking_days(payouts: Ints, others: Ints) -> Ints:
    """The days on which a payer pays, from the days of its payouts; of all payouts if its own are too few to tell."""
    last = max(payouts.max(initial=0), others.max(initial=0))
    result, holidays_seen = _open_days(np.unique(payouts), int(last))
    if not holidays_seen:
        result, _ = _open_days(np.unique(others), int(last))
    return result


def _open_days(seen: Ints, last: int) -> tuple[Ints, bool]:
    """The days that are open by the days of payouts, up to a week after `last`, and whether holidays can be told."""
    if not len(seen):
        return seen, False
    every = np.arange(int(seen[0]), last + 8, dtype=np.int64)
    weekday = np.asarray([dt.date.fromordinal(int(day)).weekday() for day in every])
    paid = np.isin(every, seen)
    open_ = np.ones(len(every), dtype=bool)
    if paid[weekday >= _SATURDAY].sum() <= _WEEKENDS * paid.sum():
        open_ = weekday < _SATURDAY
    past = open_ & (every <= int(seen[-1]))
    holidays_seen = bool(past.any()) and float(1.0 - paid[past].mean()) <= _HOLIDAYS
    if holidays_seen:
        open_ = open_ & (paid | (every > int(seen[-1])))
    return every[open_], holidays_seen


def due_days(captured: Ints, rule: Rule, banking: Ints, own: Ints) -> Ints:
    """For each day of capture the day of the payout, `NEVER` beyond the end of the calendar."""
    calendar = own if rule.own else banking
    place = np.searchsorted(calendar, captured + rule.wait) + rule.place - 1
    result: Ints = np.where(
        place < len(calendar), calendar[np.minimum(place, len(calendar) - 1)] if len(calendar) else NEVER, NEVER
    ).astype(np.int64)
    return result
