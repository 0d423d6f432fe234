"""Accurate's spelling of days, instants, numbers and queries.

Facts (reference/accounting-apis.md §4, the vendor's API documentation "Tipe Data Umum"): days are `dd/MM/yyyy`,
instants `dd/MM/yyyy HH:mm:ss` without a zone (Jakarta time presumed), numbers have at most six decimals and stay below
999 billion. A comma in `fields` is only understood when it is not percent-encoded (notes of integrators), several
values of a filter are written `filter.x.val[0]`, `filter.x.val[1]` …
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec

Row = Mapping[str, Any]

DECIMALS: Final = 6
MOST: Final = Decimal(999_000_000_000)
_DAY: Final = re.compile(r"(\d{2})/(\d{2})/(\d{4})(?: (\d{2}):(\d{2}):(\d{2}))?")
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def encoded(value: object) -> bytes:
    """JSON with every number written exactly."""
    return _ENCODER.encode(value)


def day_text(day: dt.date) -> str:
    """A day as Accurate writes it."""
    return f"{day:%d/%m/%Y}"


def stamp_text(instant: dt.datetime, zone: ZoneInfo) -> str:
    """An instant as Accurate writes it, in the zone of the books, whole seconds."""
    return f"{instant.astimezone(zone):%d/%m/%Y %H:%M:%S}"


def day_of(text: object) -> dt.date:
    """The day in `dd/MM/yyyy` (a time behind it is left out). Raises `ValueError`."""
    found = _DAY.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{text!r} is not a day such as 31/03/2016")
    return dt.date(int(found[3]), int(found[2]), int(found[1]))


def instant_of(text: object, zone: ZoneInfo) -> dt.datetime:
    """The instant in `dd/MM/yyyy HH:mm:ss` of the zone of the books, in UTC. Raises `ValueError`."""
    found = _DAY.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{text!r} is not an instant such as 31/03/2016 18:30:43")
    day = dt.date(int(found[3]), int(found[2]), int(found[1]))
    time = dt.time(int(found[4] or 0), int(found[5] or 0), int(found[6] or 0))
    return dt.datetime.combine(day, time, zone).astimezone(dt.UTC)


def exact(value: object) -> Decimal | None:
    """The number that a JSON value says, exactly; None where there is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, Decimal | int):
        found = Decimal(value)
    else:
        try:
            found = Decimal(str(value))
        except InvalidOperation:
            return None
    if not found.is_finite():
        return None
    # 150000.000000 and 150000 are one amount; trailing zeros would only look like decimals.
    whole = found.to_integral_value()
    return whole if whole == found else found.normalize()


def text_of(row: Row, *path: str) -> str:
    """The text under a path of names, "" where it ends early."""
    value: Any = row
    for name in path:
        if not isinstance(value, Mapping):
            return ""
        value = value.get(name)
    return "" if value is None or isinstance(value, Mapping | list | tuple) else str(value)


def rows_under(row: Row, name: str) -> Sequence[Row]:
    """The objects of a list, [] where there is none."""
    value = row.get(name)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def query(pairs: Iterable[tuple[str, str]], fields: Sequence[str] = ()) -> str:
    """A query string. The commas of `fields` stand as they are, everything else is percent-encoded."""
    parts = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs]
    if fields:
        parts.append("fields=" + ",".join(quote(one, safe="") for one in fields))
    return "&".join(parts)


def equal_to(name: str, values: Sequence[str]) -> list[tuple[str, str]]:
    """A filter for rows whose `name` is one of `values`."""
    return [
        (f"filter.{name}.op", "EQUAL"),
        *((f"filter.{name}.val[{index}]", value) for index, value in enumerate(values)),
    ]
