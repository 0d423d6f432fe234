"""Days and instants as people and spreadsheets write them. The day stands first; a date with the month first is refused
unless the profile says so (reference/indonesia.md §2.2)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final
from zoneinfo import ZoneInfo

from selaras.connectors.files.numbers import Unreadable

_NAMES: Final = {
    1: "jan januari january", 2: "feb februari february peb pebruari", 3: "mar maret march", 4: "apr april",
    5: "mei may", 6: "jun juni june", 7: "jul juli july", 8: "agu agt agustus aug august ags",
    9: "sep sept september", 10: "okt oktober oct october", 11: "nov november nopember nop",
    12: "des desember dec december",
}  # fmt: skip
_MONTHS: Final = {name: number for number, names in _NAMES.items() for name in names.split()}
_TIME: Final = (
    r"(?:[T\s,]+(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,](\d{1,9}))?)?\s*([AaPp]\.?[Mm]\.?)?"
    r"\s*(Z|UTC|WIB|WITA|WIT|[+-]\d{2}:?\d{2})?)?"
)
_ISO: Final = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){_TIME}")
_PARTS: Final = re.compile(rf"(\d{{1,2}})[-/.\s](\d{{1,2}})[-/.\s](\d{{4}}|\d{{2}}){_TIME}")
_WORDS: Final = re.compile(rf"(\d{{1,2}})[-/.\s]+([A-Za-z]{{3,9}})\.?[-/.,\s]+(\d{{4}}|\d{{2}}){_TIME}")
_ZONES: Final = {"Z": 0, "UTC": 0, "WIB": 7, "WITA": 8, "WIT": 9}
_WRITE: Final = "Write it as in 2026-11-21 or 21/11/2026 14:30."
STYLES: Final = ("dmy", "mdy", "ymd")


def read_moment(text: str, zone: ZoneInfo, style: str = "dmy") -> dt.datetime:
    """The instant (UTC) that `text` means in `zone`; a day alone is its beginning.

    `style` is dmy, mdy, ymd (year first only) or a `strptime` format. Raises `Unreadable`.
    """
    clean = text.strip().lstrip("'")
    try:
        local = _local(clean, style)
        if local.tzinfo is None:
            local = local.replace(tzinfo=zone)
        return local.astimezone(dt.UTC)
    except Unreadable:
        raise
    except (ValueError, OverflowError):
        raise Unreadable("there is no such date or time", _WRITE) from None


def _local(text: str, style: str) -> dt.datetime:
    if "%" in style:
        return dt.datetime.strptime(text, style)  # noqa: DTZ007 - the caller adds the zone
    if found := _ISO.fullmatch(text):
        return _moment(int(found[1]), int(found[2]), int(found[3]), found, 4)
    if found := _WORDS.fullmatch(text):
        month = _MONTHS.get(found[2].lower())
        if month is None:
            raise Unreadable(f"{found[2]} is no month", _WRITE)
        return _moment(_year(found[3]), month, int(found[1]), found, 4)
    found = _PARTS.fullmatch(text) if style != "ymd" else None
    if found is None:
        raise Unreadable("it is not a date", _WRITE)
    first, second = int(found[1]), int(found[2])
    day, month = (second, first) if style == "mdy" else (first, second)
    if month > 12 >= day:
        other = "dmy" if style == "mdy" else "mdy"
        raise Unreadable(
            "day and month are the other way round", f'Write the day first, or say dates = "{other}" in the profile.'
        )
    return _moment(_year(found[3]), month, day, found, 4)


def _year(text: str) -> int:
    return int(text) + (2000 if len(text) == 2 else 0)


def _moment(year: int, month: int, day: int, found: re.Match[str], at: int) -> dt.datetime:
    hour, minute, second, part, half, zone = (found[at + n] for n in range(6))
    hours = int(hour or 0)
    if half:
        if not 1 <= hours <= 12:
            raise Unreadable("there is no such date or time", _WRITE)
        hours = hours % 12 + (12 if half[0] in "Pp" else 0)
    micros = int((part or "0").ljust(6, "0")[:6])
    moment = dt.datetime(year, month, day, hours, int(minute or 0), int(second or 0), micros)  # noqa: DTZ001
    if not zone:
        return moment
    if zone in _ZONES:
        return moment.replace(tzinfo=dt.timezone(dt.timedelta(hours=_ZONES[zone])))
    sign = -1 if zone[0] == "-" else 1
    digits = zone[1:].replace(":", "")
    shift = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return moment.replace(tzinfo=dt.timezone(sign * shift))
