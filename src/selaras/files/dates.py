"""Dates as banks write them: day first, always; a month's name in English or Indonesian; a year that may be missing."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from selaras.files.refusal import EXPORT_AGAIN, Refused
from selaras.i18n import N_

_NAMES: Final = (
    ("jan", "januari", "january"), ("feb", "peb", "februari", "february", "pebruari"), ("mar", "mrt", "maret", "march"),
    ("apr", "april"), ("mei", "may"), ("jun", "juni", "june"), ("jul", "juli", "july"),
    ("agu", "ags", "agt", "aug", "agustus", "august"), ("sep", "sept", "september"),
    ("okt", "oct", "oktober", "october"), ("nov", "nop", "november", "nopember"),
    ("des", "dec", "desember", "december"),
)  # fmt: skip
MONTHS: Final = {name: at for at, names in enumerate(_NAMES, 1) for name in names}
# 01/10/2026, 01-10-26, 01.10.2026, 01 Agu 2026, 19-Nov, 01/10; a time behind it is left alone.
_DAY_FIRST: Final = re.compile(
    r"(\d{1,2})([/. -])(\d{1,2}|[a-z]{3,9})\.?(?:\2(\d{4}|\d{2}))?(?:[ T]+\d.*)?", re.IGNORECASE | re.ASCII
)
_YEAR_FIRST: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[ T]+\d.*)?", re.ASCII)
_LONG_YEAR: Final = 4
_MONTHS: Final = 12
_RANGE: Final = r"\d{1,2}[/. -](?:\d{1,2}|[a-z]{3,9})[/. -]\d{2,4}|\d{4}-\d{2}-\d{2}"
PERIOD: Final = re.compile(
    rf"({_RANGE})\s*(?:-|–|s/d|s\.d\.|sd|to|sampai|until)\s*({_RANGE})", re.IGNORECASE | re.ASCII
)


class Period:
    """The days that a statement says it covers; it lends its year to dates that have none."""

    def __init__(self, first: dt.date, last: dt.date) -> None:
        self.first, self.last = first, last

    def year_of(self, month: int, day: int) -> int | None:
        """The only year in which this day falls into the period."""
        years = [
            year
            for year in range(self.first.year, self.last.year + 1)
            if self.first <= _date(year, month, day) <= self.last
        ]
        return years[0] if len(years) == 1 else None


def _date(year: int, month: int, day: int) -> dt.date:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return dt.date.max


def is_date(text: str) -> bool:
    """Whether `text` looks like a date at all."""
    return bool(_DAY_FIRST.fullmatch(text.strip()) or _YEAR_FIRST.fullmatch(text.strip()))


def read(text: str, period: Period | None = None) -> dt.date:
    """A day. Raises `Refused` where it is none, or its year is not known."""
    text = text.strip()
    if found := _YEAR_FIRST.fullmatch(text):
        year, month, day = (int(part) for part in found.groups())
    elif found := _DAY_FIRST.fullmatch(text):
        day, written, said = int(found[1]), found[3].lower(), found[4]
        if not written.isdigit() and written not in MONTHS:
            raise Refused(N_("%(text)s names no month"), text=text)
        month = int(written) if written.isdigit() else MONTHS[written]
        if month > _MONTHS >= day:
            raise Refused(
                N_("%(text)s has its month first; dates of bank statements are read day first"),
                N_("Export the file again with the bank's own dates; a spreadsheet may have turned them round."),
                text=text,
            )
        if said:
            year = int(said) if len(said) == _LONG_YEAR else 2000 + int(said)
        else:
            found_year = period.year_of(month, day) if period else None
            if found_year is None:
                raise Refused(
                    N_("%(text)s has no year, and the file's period does not tell it"),
                    N_("Export the file with its heading, where the period stands."),
                    text=text,
                )
            year = found_year
    else:
        raise Refused(N_("%(text)s is not a date"), text=text or '""')
    try:
        return dt.date(year, month, day)
    except ValueError:
        raise Refused(N_("there is no day %(text)s"), EXPORT_AGAIN, text=text) from None


def period(text: str) -> Period | None:
    """The period that a line of a heading names, if it does. Raises `Refused` where its dates are none."""
    found = PERIOD.search(text)
    if found is None:
        return None
    first, last = read(found[1]), read(found[2])
    if last < first:
        raise Refused(N_("the period %(text)s ends before it begins"), EXPORT_AGAIN, text=found[0])
    return Period(first, last)
