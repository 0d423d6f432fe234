"""How often each kind of record is synchronised (B16): on event, every n minutes, daily or weekly."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

_EVERY: Final = re.compile(r"every (\d+) ?(s|m|h)", re.IGNORECASE)
_DAILY: Final = re.compile(r"daily(?: (\d{2}):(\d{2}))?", re.IGNORECASE)
_WEEKLY: Final = re.compile(r"weekly (mon|tue|wed|thu|fri|sat|sun)(?: (\d{2}):(\d{2}))?", re.IGNORECASE)
_LAST: Final = re.compile(r"(.+) last (\d{1,4}) days?", re.IGNORECASE)
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}


class BadSchedule(ValueError):
    """The text is none of: on event, every 5m, daily 06:00, weekly mon 06:00."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is not a schedule: write 'on event', 'every 5m', 'daily 06:00' or 'weekly mon 06:00'."
        )


class Schedule(msgspec.Struct, frozen=True):
    """When a kind of record is polled. `period` is in seconds; 0 means only on events (and by the sweep).

    `days` is how many of the last days a sweep counts and compares; 0 means all of them.
    """

    text: str
    period: int = 0
    weekday: int = -1
    hour: int = -1
    minute: int = 0
    days: int = 0

    def next(self, last: float, zone: str) -> float:
        """The next moment (seconds since 1970) after `last`; infinity for "on event"."""
        if self.period:
            return last + self.period
        if self.hour < 0:
            return float("inf")
        local = dt.datetime.fromtimestamp(last, ZoneInfo(zone))
        due = local.replace(hour=self.hour, minute=self.minute, second=0, microsecond=0)
        while due <= local or (self.weekday >= 0 and due.weekday() != self.weekday):
            due += dt.timedelta(days=1)
        return due.timestamp()


def parse(text: str) -> Schedule:
    """Read a schedule; one of a sweep may end in "last 14 days". Raises `BadSchedule`."""
    text = text.strip()
    if window := _LAST.fullmatch(text):
        if not int(window[2]):
            raise BadSchedule(text)
        return msgspec.structs.replace(parse(window[1]), text=text, days=int(window[2]))
    if text.lower() in ("on event", "event"):
        return Schedule("on event")
    if match := _EVERY.fullmatch(text):
        whole = int(match[1]) * _UNITS[match[2].lower()]
        if whole > 0:
            return Schedule(text, period=whole)
    elif match := _DAILY.fullmatch(text):
        return Schedule(text, hour=int(match[1] or 0), minute=int(match[2] or 0))
    elif match := _WEEKLY.fullmatch(text):
        return Schedule(text, weekday=_DAYS.index(match[1].lower()), hour=int(match[2] or 0), minute=int(match[3] or 0))
    raise BadSchedule(text)
