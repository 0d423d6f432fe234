"""Settings of a connection that are more than a word, read and proved; connectors take them from here."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation

import msgspec

from selaras.connectors.contract import Settings


def number(settings: Settings, name: str, default: str) -> float:
    """A setting that is a number. Raises `ValueError` naming it; NaN and Infinity are none."""
    text = settings.get(name) or default
    try:
        found = msgspec.convert(text, float, strict=False)
    except msgspec.ValidationError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"the setting {name!r} must be a number, not {text!r}")
    return found


def taxes(settings: Settings, like: str) -> dict[Decimal, str]:
    """The setting `taxes`, such as "11=PPN Keluaran; 12=PPN 12": rate as a fraction → what the books call the tax.

    Raises `ValueError` for a part that is not `like` "11=PPN Keluaran".
    """
    chosen: dict[Decimal, str] = {}
    for part in filter(str.strip, settings.get("taxes", "").replace("\n", ";").split(";")):
        percent, _sign, name = part.partition("=")
        try:
            rate = Decimal(percent.strip().rstrip("%").strip().replace(",", ".")) / 100
        except InvalidOperation:
            rate = Decimal("NaN")
        if not rate.is_finite() or not name.strip():
            raise ValueError(f"the setting 'taxes' must be like {like}, not {part.strip()!r}")
        chosen[rate.normalize()] = name.strip()
    return chosen
