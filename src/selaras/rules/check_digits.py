"""Check digits for references that people copy by hand: two digits behind the reference, ISO/IEC 7064 MOD 97-10.

A buyer who mistypes the order number in a transfer names another order, and the amount may even fit. With check digits
every wrong digit and every pair of exchanged digits makes a number that belongs to nobody. Letters count as 10 to 35,
as in ISO 11649 and IBAN: a letter for a letter is always noticed, a letter for a digit nearly always (1B and B1, for
one, exchange unnoticed). For numbers, which most references are, there is no such gap.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

__all__ = ["bare", "check_digits", "slips", "verify", "with_check"]

_MODULUS = 97
_CHECKS = 2


def bare(reference: str) -> str:
    """Its letters and digits alone, upper case, as the check digits see it: "inv/10-01" → "INV1001"."""
    plain = unicodedata.normalize("NFKC", reference).upper()
    return "".join(sign for sign in plain if sign.isascii() and sign.isalnum())


def check_digits(reference: str) -> str:
    """The two check digits of a reference ("02" to "98"). Raises `ValueError` where it has no letter and no digit."""
    signs = bare(reference)
    if not signs:
        raise ValueError(f"The reference {reference!r} has no letter and no digit.")
    return f"{_MODULUS + 1 - _remainder(signs + '00'):02}"


def with_check(reference: str) -> str:
    """The reference as it is printed: "1001" → "1001-38". Raises `ValueError`, see `check_digits`."""
    return f"{reference}-{check_digits(reference)}"


def verify(printed: str) -> str | None:
    """The bare reference of what somebody wrote, its check digits taken off; None where they do not fit.

    Blanks, dashes and slashes do not matter, nor does small or capital.
    """
    signs = bare(printed)
    if len(signs) <= _CHECKS or not signs[-_CHECKS:].isdigit():
        return None
    # 00, 01 and 99 leave the same remainders as 97, 98 and 02, which alone are ever made.
    reference = signs[:-_CHECKS]
    return reference if check_digits(reference) == signs[-_CHECKS:] else None


def slips(printed: str, known: Iterable[str]) -> list[str]:
    """Which of the `known` references may be meant by what somebody wrote, sorted.

    The one whose printed form it is, alone; otherwise all that are one slip away: a character wrong, missing or too
    many, two neighbours exchanged, or the check digits left out. It proposes, it proves nothing: a person chooses.
    """
    written = bare(printed)
    near = []
    for reference in sorted(set(known)):
        short = bare(reference)
        right = short + check_digits(reference)
        if right == written:
            return [reference]
        if written == short or _one_slip(written, right):
            near.append(reference)
    return near


def _remainder(signs: str) -> int:
    return int("".join(str(int(sign, 36)) for sign in signs)) % _MODULUS


def _one_slip(written: str, right: str) -> bool:
    if abs(len(written) - len(right)) > 1:
        return False
    at = next((i for i, (a, b) in enumerate(zip(written, right, strict=False)) if a != b), None)
    if at is None:
        return len(written) != len(right)
    here, there = written[at:], right[at:]
    return (
        here[1:] == there[1:]
        or here[1:] == there
        or here == there[1:]
        or (here[:2] == there[1::-1] and here[2:] == there[2:])
    )
