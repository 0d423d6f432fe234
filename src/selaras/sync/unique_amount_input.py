"""What people and stores give when they ask for a unique amount, checked and written in one way."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Final

from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.model.money import NotExact, UnknownCurrency, exponent, to_minor
from selaras.rules.check_digits import bare
from selaras.sync.installation import pairs_of

MOST_HOURS: Final = 8760
_AMOUNT: Final = re.compile(r"[0-9]{1,15}(\.[0-9]+)?")
_USUAL_DECIMALS: Final = 2
_LONGEST: Final = 100
_LONGEST_NUMBER: Final = 32


def account_name(text: str) -> str:
    """One name for one account, however it is written: "BCA" and " bca" must not be two pools. Raises `LedgerError`."""
    name = unicodedata.normalize("NFKC", text).strip().casefold()
    if not 0 < len(name) <= _LONGEST or not all(sign.isalnum() or sign in "._-" for sign in name):
        raise LedgerError(
            f"{text!r} is no name of an account.", "Use letters, digits, dots, dashes and underscores, at most 100."
        )
    return name


def bill_reference(text: str) -> str:
    """The number of a bill. Raises `LedgerError`."""
    reference = " ".join(text.split())
    if len(reference) > _LONGEST or not reference.isprintable() or not bare(reference):
        raise LedgerError(
            f"{text!r} is no reference of a bill.", "Use its number: letters and digits, at most 100 characters."
        )
    return reference


def bill_store(ledger: Ledger, store: str | None) -> str:
    """Whose bill it is: two stores may both have a bill 1001, and those are two bills. Raises `LedgerError`."""
    given = " ".join((store or "").split())
    if len(given) > _LONGEST or not given.isprintable():
        raise LedgerError(f"{given!r} is no name of a store.", "Use the name of its connection.")
    if given:
        return given
    names = sorted({pair.store for pair in pairs_of(ledger)})
    if len(names) > 1:
        raise LedgerError("There are several stores.", f"Choose one with --store: {', '.join(names)}.")
    return names[0] if names else ""


def virtual_number(text: str) -> str:
    """The digits of a virtual account; "" for none. Raises `LedgerError`."""
    number = "".join(text.split()).replace("-", "")
    if number and not (number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER):
        raise LedgerError(f"{text!r} is no number of a virtual account.", "Give its digits, at most 32.")
    return number


def currency_code(text: str) -> str:
    """A currency of the house. Raises `LedgerError`."""
    code = text.strip().upper()
    try:
        exponent(code)
    except UnknownCurrency:
        raise LedgerError(f"{text!r} is no currency that is known.", "Give its code, such as IDR.") from None
    return code


def amount_of(text: str | int, decimals: int) -> Decimal:
    """A positive amount in major units, of a currency with so many decimals. Raises `LedgerError`.

    150000.00 is taken for rupiah too, because stores write it so; 150.000 is not, because people mean 150000 by it.
    """
    written = str(text).strip()
    if not _AMOUNT.fullmatch(written) or not Decimal(written):
        raise LedgerError(
            f"{written[:40]!r} is no amount of a bill.", "Give an amount above 0 in major units, such as 150000."
        )
    if len(written.partition(".")[2]) > max(decimals, _USUAL_DECIMALS):
        raise LedgerError(
            f"{written[:40]!r} can be read in two ways.", "Write no mark between the thousands: 150000, not 150.000."
        )
    return Decimal(written)


def minor_of(text: str | int, currency: str) -> int:
    """Smallest units of a positive amount. Raises `LedgerError`."""
    amount = amount_of(text, exponent(currency))
    try:
        return to_minor(amount, currency)
    except NotExact:
        raise LedgerError(f"{amount} has more decimals than {currency} has.", "Round it as the bill does.") from None


def open_hours(hours: int) -> int:
    """How long a bill is open. Raises `LedgerError`."""
    if not 1 <= hours <= MOST_HOURS:
        raise LedgerError(f"A bill cannot be open for {hours} hours.", f"Give 1 to {MOST_HOURS} hours.")
    return hours


def grace(hours: int) -> int:
    """How long a sum rests before it is handed out again. Raises `LedgerError`."""
    if not 0 <= hours <= MOST_HOURS:
        raise LedgerError(f"A sum cannot rest for {hours} hours.", f"Give 0 to {MOST_HOURS} hours.")
    return hours
