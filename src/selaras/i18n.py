"""Languages: texts, money, days and instants as people write them in English and in Bahasa Indonesia.

``_()`` translates now, in the language of the running context; ``N_()`` only marks a text, to be translated
where it is shown (``model`` and ``rules`` use nothing else of this module).
"""

from __future__ import annotations

import os
from contextvars import ContextVar
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from gettext import GNUTranslations
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from jinja2 import Environment

LOCALES: Final = ("en", "id")
DEFAULT: Final = "en"
ENV: Final = "SELARAS_LANG"
LOCALE_DIR: Final = Path(__file__).parent / "locale"

MONTHS: Final = {
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    "id": (
        "Januari", "Februari", "Maret", "April", "Mei", "Juni",
        "Juli", "Agustus", "September", "Oktober", "November", "Desember",
    ),
}  # fmt: skip
# Decimals people write; where a vendor keeps cents of a rupiah they are shown too, never rounded away.
WRITTEN_DECIMALS: Final = {"IDR": 0, "JPY": 0, "KRW": 0, "VND": 0, "BHD": 3, "KWD": 3, "OMR": 3, "TND": 3}

_current: ContextVar[str | None] = ContextVar("selaras_locale", default=None)


def pick(wish: str | None) -> str | None:
    """The locale of ours that a wish such as ``id``, ``id-ID`` or ``en_GB.UTF-8`` means, or None."""
    language = (wish or "").strip().lower().replace("_", "-").split(".")[0].split("-")[0]
    if language == "in":  # the old code of Indonesian, still sent by some browsers
        language = "id"
    return language if language in LOCALES else None


def negotiate(accept_language: str | None) -> str:
    """The best of our locales for an ``Accept-Language`` header; without a usable wish the default one."""
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate((accept_language or "").split(",")):
        tag, *parameters = part.split(";")
        quality = 1.0
        for parameter in parameters:
            name, _sep, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        locale = pick(tag)
        if locale and quality > 0:
            wishes.append((-quality, place, locale))
    return min(wishes)[2] if wishes else default_locale()


def default_locale() -> str:
    return pick(os.environ.get(ENV)) or DEFAULT


def get_locale() -> str:
    return _current.get() or default_locale()


def set_locale(locale: str) -> None:
    """Set the language of the running context (a request, a command); an unknown one is refused."""
    chosen = pick(locale)
    if chosen is None:
        raise ValueError(f"no such language: {locale!r} (known: {', '.join(LOCALES)})")
    _current.set(chosen)


@cache
def _catalog(locale: str) -> GNUTranslations:
    with (LOCALE_DIR / locale / "LC_MESSAGES" / "selaras.mo").open("rb") as handle:
        return GNUTranslations(handle)


def gettext(message: str) -> str:
    """The bare translation. The empty text is itself (its entry in a catalogue is the catalogue's header)."""
    return _catalog(get_locale()).gettext(message) if message else ""


def ngettext(singular: str, plural: str, n: int) -> str:
    return _catalog(get_locale()).ngettext(singular, plural, n)


def _(message: str, /, **values: object) -> str:
    """Translate now. Values are named in the text: ``_("%(count)s orders wait", count=3)``."""
    text = gettext(message)
    return text % values if values else text


def N_(message: str, /) -> str:
    """Mark a text for translation and return it as it is."""
    return message


def install(environment: Environment) -> None:
    """Give the texts to a Jinja environment, with the same settings that the extraction uses."""
    environment.add_extension("jinja2.ext.i18n")
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(money=format_money, day=format_day, instant=format_instant)


def format_number(number: Decimal | int, decimals: int | None = None) -> str:
    """1.234.567,5 in Indonesian, 1,234,567.5 in English. Never rounds; pads to ``decimals``."""
    value = Decimal(number)
    if not value.is_finite():
        raise ValueError(f"not a number that can be written: {value}")
    sign, digits, fraction = "", f"{abs(value):f}", ""
    if value < 0:
        sign = "-"
    if "." in digits:
        digits, fraction = digits.split(".")
    fraction = fraction.rstrip("0")
    if decimals is not None:
        fraction = fraction.ljust(decimals, "0")
    group, point = (".", ",") if get_locale() == "id" else (",", ".")
    whole = f"{int(digits):,}".replace(",", group)
    return sign + whole + (point + fraction if fraction else "")


def format_money(amount: Decimal, currency: str) -> str:
    """Rp 1.234.567 or USD 1.234,50 in Indonesian; IDR 1,234,567 or USD 1,234.50 in English."""
    number = format_number(abs(amount), WRITTEN_DECIMALS.get(currency, 2))
    unit = "Rp" if currency == "IDR" and get_locale() == "id" else currency
    return f"{'-' if amount < 0 else ''}{unit} {number}"


def format_day(day: date) -> str:
    """9 Agustus 2026 in Indonesian, 9 August 2026 in English."""
    return f"{day.day} {MONTHS[get_locale()][day.month - 1]} {day.year}"


def format_instant(instant: datetime, zone: str | ZoneInfo) -> str:
    """9 Agustus 2026 14.05 WIB in Indonesian, 9 August 2026 14:05 WIB in English, by the zone's clock."""
    if instant.tzinfo is None:
        raise ValueError("an instant without a zone is not an instant")
    local = instant.astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone)
    clock = f"{local:%H.%M}" if get_locale() == "id" else f"{local:%H:%M}"
    return f"{format_day(local.date())} {clock} {local.tzname()}"
