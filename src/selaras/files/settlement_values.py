"""Amounts and days as settlement files write them, read exactly or refused.

1500000, 1.500.000, 1,500,000.00, Rp 1.500, (250), -250 and 250- are amounts. A single point or comma before exactly
three digits separates thousands: no currency of a settlement has three decimals (rupiah have none). Files are of
Indonesia: the day stands before the month, and an instant of another zone is brought to Jakarta's day.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Final

JAKARTA: Final = dt.timezone(dt.timedelta(hours=7))
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        ("jan januari january", "feb februari february", "mar maret march", "apr april", "mei may", "jun juni june",
         "jul juli july", "agu agt agustus aug august", "sep sept september", "okt oktober oct october",
         "nov november", "des desember dec december"), 1)
    for name in names.split()
}  # fmt: skip
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_MONEY: Final = re.compile(r"^(?:rp\.?|idr|php|usd|myr|sgd|thb|vnd)\s*|\s*(?:idr|php|usd|myr|sgd|thb|vnd)$", re.I)
_ISO: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(.*)", re.S)
_PARTS: Final = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(.*)", re.S)
_WORDS: Final = re.compile(r"(\d{1,2})[-\s]+([A-Za-z]{3,9})\.?[-,\s]+(\d{4})(.*)", re.S)
_CLOCK: Final = re.compile(r"[T,\s]*(?:(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:\.\d+)?)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2}.*)?")
_DECIMALS: Final = 2


def amount(text: str) -> Decimal:
    """An amount in major units; "" and "-" are zero. Raises `ValueError` saying why."""
    clean = _MONEY.sub("", text.strip().lstrip("'").replace("\u00a0", " ").replace("\u2212", "-")).strip()
    if clean in ("", "-"):
        return Decimal(0)
    sign = 1
    if clean.startswith("(") and clean.endswith(")"):
        clean, sign = clean[1:-1].strip(), -1
    elif clean[0] in "+-":
        clean, sign = clean[1:].strip(), -1 if clean[0] == "-" else 1
    elif clean.endswith("-"):
        clean, sign = clean[:-1].strip(), -1
    clean = _MONEY.sub("", clean).replace(" ", "")
    if not _NUMBER.fullmatch(clean) or not clean.isascii() or len(clean) > 24:
        raise ValueError(f"{text!r} is not an amount")
    value = _value(clean)
    if value is None:
        raise ValueError(f"the points and commas of {text!r} contradict each other")
    if -value.as_tuple().exponent > _DECIMALS and value != round(value, _DECIMALS):  # type: ignore[operator]
        raise ValueError(f"{text!r} has more than {_DECIMALS} decimals")
    whole = value.to_integral_value()
    return sign * (whole if whole == value else value)


def _value(clean: str) -> Decimal | None:
    marks = [c for c in clean if c in ".,"]
    if not marks:
        return Decimal(clean)
    last = marks[-1]
    head, _, tail = clean.rpartition(last)
    # The last sign separates decimals when it stands alone and not before three digits.
    decimal = marks.count(last) == 1 and len(tail) != 3
    group = {",": ".", ".": ","}[last] if decimal else last
    whole = head if decimal else clean
    parts = whole.split(group)
    if not decimal and any(mark != last for mark in marks):
        return None
    if len(parts) > 1 and (not 1 <= len(parts[0]) <= 3 or any(len(part) != 3 for part in parts[1:])):
        return None
    joined = "".join(parts)
    if not joined.isdigit():
        return None
    return Decimal(f"{joined}.{tail}") if decimal else Decimal(joined)


def day(text: str, zone: str = "") -> dt.date:
    """The day in Jakarta that a date or instant falls on; `zone` ("+0000 UTC") is that of one without an offset.

    Raises `ValueError`.
    """
    clean = text.strip().lstrip("'")
    if found := _ISO.fullmatch(clean):
        year, month, day_, rest = int(found[1]), int(found[2]), int(found[3]), found[4]
    elif found := _PARTS.fullmatch(clean):
        year, month, day_, rest = int(found[3]), int(found[2]), int(found[1]), found[4]
    elif (found := _WORDS.fullmatch(clean)) and found[2].lower() in _MONTHS:
        year, month, day_, rest = int(found[3]), _MONTHS[found[2].lower()], int(found[1]), found[4]
    else:
        raise ValueError(f"{text!r} is not a date like 2026-11-21")
    clock = _CLOCK.fullmatch(rest)
    if clock is None:
        raise ValueError(f"{text!r} is not a date like 2026-11-21")
    try:
        if clock[1] is None:
            return dt.date(year, month, day_)
        at = dt.datetime(year, month, day_, int(clock[1]), int(clock[2]), int(clock[3] or 0), tzinfo=JAKARTA)
    except ValueError:
        raise ValueError(f"there is no such day as {text!r}") from None
    offset = clock[4] or zone
    return (at.replace(tzinfo=_offset(offset)) if offset else at).astimezone(JAKARTA).date()


def _offset(text: str) -> dt.tzinfo:
    found = re.match(r"([+-])(\d{2}):?(\d{2})", text.strip())
    if found is None:
        return dt.UTC
    shift = dt.timedelta(hours=int(found[2]), minutes=int(found[3]))
    return dt.timezone(-shift if found[1] == "-" else shift)
