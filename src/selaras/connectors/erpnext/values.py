"""Frappe's values: exact numbers, naive local times, and JSON as its REST API takes it.

Frappe computes in binary floating point and says 280830.0; the digits that it means are those of its field, so a
number is read as the decimal it prints. `creation` and `modified` are naive times of the *site* (seen: Asia/Jakarta).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.model.money import EXPONENTS, ZERO

Row = dict[str, Any]

_STAMP: Final = "%Y-%m-%d %H:%M:%S.%f"
_OUT: Final = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
_RAW: Final = msgspec.json.Encoder(decimal_format="string", enc_hook=str)


def number(value: Any) -> Decimal:
    """A number of Frappe, None and "" being 0. Trailing zeros behind the point are dropped."""
    if value is None or value == "":
        return ZERO
    found = value if isinstance(value, Decimal) else Decimal(str(value))
    whole = found.to_integral_value()
    return whole if whole == found else found.normalize()


def money(value: Any, currency: str) -> Decimal:
    """An amount; the noise of binary arithmetic beyond six decimals is dropped, parts of the smallest unit are kept."""
    found = number(value).quantize(Decimal("1E-6"))
    exact = found.quantize(Decimal(1).scaleb(-EXPONENTS.get(currency, 2)))
    return number(exact if exact == found else found)


def dumps(value: Any) -> bytes:
    """JSON for a request: decimals as numbers with all their digits."""
    return _OUT.encode(value)


def raw(row: Row) -> bytes:
    """A row as it was read, as JSON."""
    return _RAW.encode(row)


def day_of(value: Any) -> dt.date | None:
    """A date of Frappe (`2026-11-22`)."""
    try:
        return dt.date.fromisoformat(str(value)[:10]) if value else None
    except ValueError:
        return None


def local(text: str) -> dt.datetime:
    """A naive stamp as Frappe writes it, with or without a fraction. Raises `ValueError`."""
    return dt.datetime.fromisoformat(text)


def stamp(moment: dt.datetime) -> str:
    """A naive local time as Frappe compares it."""
    return moment.strftime(_STAMP)


def instant(row: Row, zone: ZoneInfo) -> dt.datetime:
    """When a row was changed, as an aware instant in UTC. The site's zone gives the naive stamp its meaning."""
    text = row.get("modified") or row.get("creation") or ""
    try:
        moment = local(str(text))
    except ValueError:
        return dt.datetime.fromtimestamp(0, dt.UTC)
    return moment.replace(tzinfo=zone).astimezone(dt.UTC)
