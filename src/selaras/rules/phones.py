"""Telephone numbers and e-mail addresses in one spelling each, so that equal ones are equal.

The base is `phonenumbers` (Google's metadata). Around it stand repairs for what order forms and spreadsheets do to a
number. Two rules are never bent: a digit that was lost is not guessed, and a letter among the digits is not dropped.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

import phonenumbers

_MARKS: Final = dict.fromkeys(
    [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF, 0x00AD], None
)
_DASHES: Final = dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63, 0xFF0D], "-")
_TRANSLATE: Final = _MARKS | _DASHES
_LABEL: Final = re.compile(
    r"\b(?:whats ?app|wa|hp|handphone|no|nomor|telp?|telepon|telephone|tlp|phone|ph|mobile|mob|cell|sms|call|kantor"
    r"|rumah|fax)\b\.?\s*[:.=]?",
    re.IGNORECASE,
)
_EXTENSION: Final = re.compile(r"(?:\bext\b\.?|\bpes\b\.?|\bpesawat\b|\s[x#])\s*:?\s*\d{1,6}\s*$", re.IGNORECASE)
_SEPARATOR: Final = re.compile(r"[/;|,\n\r&]|\b(?:atau|dan|or|and)\b", re.IGNORECASE)
_EXPONENT: Final = re.compile(r"(\d)[.,]?(\d*)[eE]\+?(\d{1,2})")
_MOBILE: Final = re.compile(r"(?:\+?62|0062|0)?0?(8[1-35-9]\d{7,10})")
_ALLOWED: Final = re.compile(r"[+\d\s().\-]+")
_EMAIL: Final = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@"
    r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_][\w-]*[^\W_]"
)
_NOBODY: Final = re.compile(r"(?:none|null|no-?e?mail|no-?reply|do-?not-?reply)@.*")


def normalise_phone(text: str, region: str = "ID") -> str | None:
    """The first valid telephone number in `text` as E.164 (`+6281234567890`), or None.

    `region` (ISO 3166) is the country of numbers written without one. Short codes, fillers, masked numbers and numbers
    that lost digits in a spreadsheet (`8.12E+10`) give None: none of them may identify a person.
    """
    numbers = normalise_phones(text, region)
    return numbers[0] if numbers else None


@lru_cache(maxsize=65_536)
def normalise_phones(text: str, region: str = "ID") -> tuple[str, ...]:
    """Every valid number of a field, in order, each once."""
    if region == "ID" and text.isascii():
        quick = _MOBILE.fullmatch(text.replace("-", "").replace(" ", ""))
        if quick is not None:
            return ("+62" + quick[1],)
    clean = unicodedata.normalize("NFKC", text).translate(_TRANSLATE)
    clean = "".join(str(unicodedata.digit(c)) if c.isdigit() and not c.isascii() else c for c in clean)
    clean = clean.strip().strip("'\"`´’‘=").strip()
    exponent = _EXPONENT.fullmatch(clean)
    if exponent is not None:
        digits, power = exponent[1] + exponent[2], int(exponent[3])
        # As many digits as the exponent promises, else some were cut off (or the last ones were zeros: unknowable).
        found = _one(digits, region) if len(digits) == power + 1 else None
        return (found,) if found else ()
    clean = re.sub(r"(?<=\d)\.0+$", "", clean)
    parts = [part for part in _SEPARATOR.split(clean) if part.strip()]
    found_all = [number for part in parts if (number := _one(part, region))]
    if not found_all and len(parts) > 1:
        # 021/5550123: the stroke stood between area code and number.
        whole = _one(" ".join(parts), region) if "/" in clean else None
        found_all = [whole] if whole else []
    return tuple(dict.fromkeys(found_all))


def _one(part: str, region: str) -> str | None:
    part = _EXTENSION.sub("", _LABEL.sub(" ", part)).strip(" .:-'\"")
    if not part or not _ALLOWED.fullmatch(part):
        return None
    bare = re.sub(r"[^\d+]", "", part)
    if "+" in bare[1:]:
        return None
    if bare.startswith("00"):
        part = "+" + bare[2:]
    if not any(ch != bare[-1] for ch in bare.lstrip("+")):
        return None
    try:
        number = phonenumbers.parse(part, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


@lru_cache(maxsize=65_536)
def normalise_email(text: str) -> str | None:
    """An e-mail address in lower case without decoration, or None when it is none or a known placeholder.

    Dots and `+tags` stay: not every provider ignores them, and a wrong merge is worse than a missed one.
    """
    clean = unicodedata.normalize("NFKC", text).translate(_TRANSLATE).strip().strip("'\"<>,;").strip()
    clean = clean.removeprefix("mailto:").removeprefix("MAILTO:").strip().lower().rstrip(".")
    if len(clean) > 254 or not _EMAIL.fullmatch(clean) or _NOBODY.fullmatch(clean):
        return None
    return clean
