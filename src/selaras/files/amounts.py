"""Amounts as banks write them: 1,234.50 or 1.234,50, with Rp, signs and CR/DB marks; exact, never guessed.

The decimal mark is chosen over a whole column: a single "1.234" may be a thousand or one and a bit, a column of a
month's rows hardly ever leaves it open. Where it does, the file is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from selaras.files.refusal import Refused
from selaras.i18n import N_

# The two ways: thousands by comma and decimals by point, and the other way round. Groups must be of three digits.
_POINT: Final = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.(\d*))?", re.ASCII)
_COMMA: Final = re.compile(r"(?:\d{1,3}(?:\.\d{3})+|\d+)?(?:,(\d*))?", re.ASCII)
STYLES: Final = {".": _POINT, ",": _COMMA}
_MONEY: Final = re.compile(
    r"([+-]?)\s*(?:rp\.?|idr)?\s*([+-]?)\s*([\d.,]*\d[\d.,]*)\s*([+-]?)", re.IGNORECASE | re.ASCII
)
_MARK: Final = re.compile(r"(.*?\d[.,]?)\s*([a-z]{1,6}\.?)", re.IGNORECASE | re.ASCII)
MARKS: Final = frozenset({"", "CR", "C", "K", "DB", "D", "DR"})
BELOW: Final = frozenset({"DB", "D", "DR"})
EMPTY: Final = frozenset({"", "-", "–"})
_SMALLEST: Final = 2


class Unreadable(ValueError):
    """The text is no amount in this style."""


def split_mark(text: str) -> tuple[str, str]:
    """An amount and the letters behind it: "3,528,964.00 CR" → ("3,528,964.00", "CR")."""
    found = _MARK.fullmatch(text.strip())
    return (found[1], found[2].rstrip(".").upper()) if found else (text.strip(), "")


def read(text: str, mark: str) -> Decimal:
    """A signed amount whose decimal mark is `mark`. Raises `Unreadable`; an empty text is no amount."""
    found = _MONEY.fullmatch(text.strip())
    if found is None:
        raise Unreadable(text)
    before, inner, number, after = found.groups()
    signs = [sign for sign in (before, inner, after) if sign]
    style = STYLES[mark].fullmatch(number)
    if len(signs) > 1 or style is None:
        raise Unreadable(text)
    decimals = style[1] or ""
    if len(decimals.rstrip("0")) > _SMALLEST:
        raise Unreadable(text)
    plain = number.replace("," if mark == "." else ".", "").replace(",", ".")
    value = Decimal(plain if plain[0] != "." else "0" + plain)
    return -value if signs == ["-"] else value


def fits(text: str, mark: str) -> bool:
    """Whether `text` is an amount in this style."""
    try:
        read(text, mark)
    except Unreadable:
        return False
    return True


def marks_of(texts: Iterable[str]) -> set[str]:
    """The decimal marks under which every text of a column can be read; both where they say the same.

    "1.5" can only be read with a point, "1.500.000" only with a comma; "1.500" under both, as different numbers.
    """
    left = set(STYLES)
    for text in texts:
        left = {mark for mark in left if fits(text, mark)}
        if not left:
            break
    return left


def matters(texts: Iterable[str]) -> bool:
    """Whether the decimal mark makes a difference to any of the texts."""
    return any("." in text or "," in text for text in texts)


def choose(columns: dict[str, list[tuple[int, str]]], declared: str) -> dict[str, str]:
    """The decimal mark of each column of (row, text). Raises `Refused` naming the row that cannot be read.

    A column that leaves it open takes the mark that the others have; if none decides, the table is refused.
    """
    found: dict[str, str] = {}
    for name, cells in columns.items():
        left = {declared} if declared else set(STYLES)
        for row, text in cells:
            kept = {mark for mark in left if fits(text, mark)}
            if not kept:
                raise _wrong(text, row, name, left)
            left = kept
        if len(left) == 1:
            found[name] = left.pop()
    voices = set(found.values())
    for name, cells in columns.items():
        if name in found:
            continue
        if not matters(text for _row, text in cells):
            found[name] = "."
        elif len(voices) == 1:
            found[name] = next(iter(voices))
        else:
            row, text = next((row, text) for row, text in cells if matters([text]))
            raise Refused(
                N_("%(text)s may mean thousands or decimals"),
                N_("Say which in a layout of your own (`selaras statement preview --decimal`)."),
                row=row,
                column=name,
                text=text,
            )
    return found


def _wrong(text: str, row: int, column: str, left: set[str]) -> Refused:
    if any(fits(text, mark) for mark in STYLES):
        return Refused(
            N_("%(text)s does not fit the decimal mark of the rest of the column"), row=row, column=column, text=text
        )
    return Refused(N_("%(text)s is not an amount"), row=row, column=column, text=text or '""')
