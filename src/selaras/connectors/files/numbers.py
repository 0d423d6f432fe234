"""Numbers as people and spreadsheets write them, read exactly: 1.234.567,00 and 1,234,567.00, Rp 1.500, (250), 75-.

Which sign stands before the decimals is decided over a whole column, then over the whole table, never value by value
(reference/indonesia.md §2.2). What is not certain is refused; nothing is guessed and no binary float is ever made.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import Final, Literal

from selaras.model.money import EXPONENTS

Mark = Literal["", ".", ","]

_BEFORE: Final = re.compile(r"(Rp\.?|[A-Z]{3}|[$€£¥])\s*(?=[\d(+\-.,])", re.IGNORECASE)
_BEHIND: Final = re.compile(r"(?<=[\d)\-])\s*([A-Z]{3}|[$€£¥])$", re.IGNORECASE)
_SIGNS: Final = frozenset({"RP", "RP.", "$", "€", "£", "¥"})
_SPACES: Final = dict.fromkeys(map(ord, " \t\u00a0\u2007\u2009\u202f'’_"), None)
_MINUS: Final = dict.fromkeys(map(ord, "\u2212\u2013\u2012\ufe63\uff0d"), "-")
_BARE: Final = re.compile(r"[0-9]*(?:[.,][0-9]*)*")
EXPONENT: Final = re.compile(r"([0-9])[.,]?([0-9]*)[eE]\+?([0-9]{1,3})")
_MOST: Final = 26


class Unreadable(ValueError):
    """A value cannot be read; the text says why, `cure` what to do."""

    def __init__(self, why: str, cure: str) -> None:
        super().__init__(why)
        self.cure = cure


_WRITE: Final = "Write it with digits, as in 1234567 or 1.234.567,50."


def _bare(text: str) -> tuple[str, int]:
    """Digits, points and commas, and the sign. Raises `Unreadable`."""
    clean = unicodedata.normalize("NFKC", text).translate(_MINUS).strip().lstrip("'")
    sign = 1
    clean = _plain(clean).translate(_SPACES)
    if clean.startswith("(") and clean.endswith(")"):
        clean, sign = clean[1:-1], -1
    elif clean.startswith(("-", "+")):
        clean, sign = clean[1:], -1 if clean[0] == "-" else 1
        clean = _plain(clean)
    elif clean.endswith((",-", ".-")):
        clean = clean[:-2]  # Rp 1.500,-
    elif clean.endswith("-"):
        clean, sign = clean[:-1], -1
    if EXPONENT.fullmatch(clean):
        raise Unreadable(
            "a spreadsheet has shortened it to an exponent", "Format the column as a number or text and save it again."
        )
    if not clean.isascii() or not _BARE.fullmatch(clean) or not any(c.isdigit() for c in clean):
        raise Unreadable("it is not a number", _WRITE)
    if len(clean) > _MOST:
        raise Unreadable("it has too many digits", _WRITE)
    return clean, sign


def _plain(text: str) -> str:
    """Without the currency before or behind it."""
    for pattern in (_BEFORE, _BEHIND):
        found = pattern.search(text) if pattern is _BEHIND else pattern.match(text)
        if found and (found[1].upper() in _SIGNS or found[1].upper() in EXPONENTS):
            text = text[: found.start()] + text[found.end() :]
    return text


def mark_of(text: str) -> Mark:
    """The decimal sign that this value proves, "" when it proves none (or cannot be read)."""
    try:
        clean, _ = _bare(text)
    except Unreadable:
        return ""
    points, commas = clean.count("."), clean.count(",")
    if points and commas:
        return "." if clean.rfind(".") > clean.rfind(",") else ","
    if not points and not commas:
        return ""
    sign: Mark = "." if points else ","
    other: Mark = "," if points else "."
    if points + commas > 1:
        return other
    whole, _, rest = clean.partition(sign)
    if len(rest) != 3 or len(whole) > 3 or not whole.strip("0"):
        return sign
    return ""


def marks_of(texts: Iterable[str]) -> frozenset[Mark]:
    """Every decimal sign that these values prove; two of them contradict each other."""
    return frozenset(mark for text in texts if (mark := mark_of(text)))


def only(marks: Iterable[Mark]) -> Mark:
    """The decimal sign that was proved alone, else ""."""
    found = set(marks)
    return found.pop() if len(found) == 1 else ""


def grouping_of(text: str) -> Mark:
    """The decimal sign if the single sign of an uncertain value separates thousands ("1.500" gives ",")."""
    return "," if "." in text else "." if "," in text else ""


def read_number(text: str, mark: Mark = "") -> Decimal:
    """`text` as an exact number; `mark` is the decimal sign, "" when only the value itself can tell.

    Raises `Unreadable`.
    """
    clean, sign = _bare(text)
    proved = mark_of(text)
    mark = mark or proved
    if not mark and ("." in clean or "," in clean):
        raise Unreadable(
            f"{text.strip()} may mean thousands or decimals", 'Say decimal = "," or decimal = "." in the profile.'
        )
    whole, _, rest = clean.partition(mark) if mark else (clean, "", "")
    group = "," if mark == "." else "."
    if group in rest or (mark and mark in rest):
        raise Unreadable("its points and commas contradict each other or the rest of the column", _WRITE)
    if group in whole:
        parts = whole.split(group)
        if not 1 <= len(parts[0]) <= 3 or any(len(part) != 3 for part in parts[1:]):
            raise Unreadable("its points and commas contradict each other or the rest of the column", _WRITE)
        whole = "".join(parts)
    value = Decimal(f"{whole or '0'}.{rest}" if rest else whole or "0")
    return -value if sign < 0 and value else value
