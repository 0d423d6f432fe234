"""Sums as people read them: decimal major units beside their currency, worked out from the ledger's smallest units."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from selaras.ledger.values import MICROSECOND
from selaras.model.money import ZERO, UnknownCurrency, from_minor


class Sum(msgspec.Struct, frozen=True):
    """How many, and how much in one currency (major units)."""

    currency: str
    count: int
    amount: Decimal


def major(minor: int | None, currency: str) -> Decimal:
    """Major units of an amount of the ledger; nothing, or a currency that has no known unit, counts as zero."""
    if not minor:
        return ZERO
    try:
        return from_minor(minor, currency)
    except UnknownCurrency:
        return ZERO  # such a record is kept without a total and blocked, so there is nothing to add


def sums(amounts: Iterable[tuple[str, int | None]]) -> list[Sum]:
    """Count and total for each currency of (currency, smallest units) pairs, by currency."""
    found: dict[str, tuple[int, int]] = {}
    for currency, minor in amounts:
        count, total = found.get(currency, (0, 0))
        found[currency] = (count + 1, total + (minor or 0))
    return [Sum(currency, count, major(total, currency)) for currency, (count, total) in sorted(found.items())]


def instant(micros: int) -> dt.datetime:
    """The aware UTC instant of the ledger's microseconds."""
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=micros)


def micros(seconds: float) -> int:
    """The ledger's microseconds of a clock in seconds since 1970 UTC."""
    return int(seconds * MICROSECOND)
