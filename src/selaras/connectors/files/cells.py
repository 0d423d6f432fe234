"""Cells as they are written out: numbers exactly, and no text that a spreadsheet would take for a formula."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Final

# OWASP, "CSV Injection": what begins with one of these may be run as a formula.
_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def safe(text: str) -> str:
    """`text` with an apostrophe before it where a spreadsheet would work it out."""
    clean = text.replace("\0", "")
    return f"'{clean}" if clean.lstrip(" ").startswith(_DANGEROUS) else clean


def number(value: Decimal, mark: str = ".") -> str:
    """Digits with a decimal sign and nothing between thousands."""
    return format(value, "f").replace(".", mark or ".")


def day(value: dt.date, style: str) -> str:
    """A day as the profile writes days."""
    if "%" in style:
        return value.strftime(style)
    return {"dmy": f"{value:%d/%m/%Y}", "mdy": f"{value:%m/%d/%Y}"}.get(style, value.isoformat())
