"""Exact money.

Amounts are `decimal.Decimal` in major units (rupiah, not sen) and always stand beside an ISO 4217 code.
The smallest unit of a currency is its *minor unit*: 0 decimals for IDR in practice and JPY, 2 for GBP and USD,
3 for KWD. Binary floating point never holds money.

Source of the exponents: ISO 4217 table A.1 (2024). IDR is listed there with 2 decimals, but no sen has
circulated since the 1990s and no accounting application in Indonesia keeps them, so the house uses 0
(reference: `docs/concepts.md`, "Money").
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import msgspec

ZERO: Final = Decimal(0)

_TWO: Final = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP "
    "CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF ILS INR IRR "
    "JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD "
    "NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN "
    "SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG"
)
_ZERO: Final = "BIF CLP DJF GNF IDR ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE: Final = "BHD IQD JOD KWD LYD OMR TND"

EXPONENTS: Final[dict[str, int]] = (
    dict.fromkeys(_TWO.split(), 2) | dict.fromkeys(_ZERO.split(), 0) | dict.fromkeys(_THREE.split(), 3)
)
_QUANTA: Final = {code: Decimal(1).scaleb(-digits) for code, digits in EXPONENTS.items()}


class UnknownCurrency(ValueError):
    """The currency code is not one of ISO 4217 that the house knows."""

    def __init__(self, currency: str) -> None:
        super().__init__(f"unknown currency {currency!r}")
        self.currency = currency


class NotExact(ValueError):
    """An amount has more decimals than its currency has."""

    def __init__(self, amount: Decimal, currency: str) -> None:
        super().__init__(f"{amount} {currency} has more decimals than {currency} allows")
        self.amount = amount
        self.currency = currency


def exponent(currency: str) -> int:
    """Number of decimals of `currency`. Raises `UnknownCurrency`."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(currency) from None


def rounded(amount: Decimal, currency: str) -> Decimal:
    """`amount` rounded half-up (away from zero at the half) to the currency's smallest unit.

    Half-up is the rule of Indonesian tax invoices (PER-11/PJ/2025 art. 129) and of the data sets we replay.
    """
    try:
        return amount.quantize(_QUANTA[currency], rounding=ROUND_HALF_UP)
    except KeyError:
        raise UnknownCurrency(currency) from None


def to_minor(amount: Decimal, currency: str) -> int:
    """Integer number of smallest units. Raises `NotExact` instead of rounding in silence."""
    scaled = amount.scaleb(exponent(currency))
    whole = int(scaled)
    if whole != scaled:
        raise NotExact(amount, currency)
    return whole


def from_minor(minor: int, currency: str) -> Decimal:
    """Amount in major units of an integer number of smallest units."""
    return Decimal(minor).scaleb(-exponent(currency))


def to_sum(parts: Sequence[Decimal], near: Sequence[Decimal], total: Decimal, currency: str) -> list[Decimal]:
    """`near` (the `parts`, each rounded) with the sum `total`, where one smallest unit more or less of some does it.

    Where that does not do it they come back as they are. Raises `UnknownCurrency`.
    """
    gap = total - sum(near, ZERO)
    done = list(near)
    if not gap:
        return done
    unit = Decimal(1).scaleb(-exponent(currency))
    step = unit if gap > 0 else -unit
    # What was rounded away, in the direction of the gap: the larger, the nearer the other neighbour.
    rest = [(part - kept) * (1 if gap > 0 else -1) for part, kept in zip(parts, near, strict=True)]
    movable = sorted((i for i, left in enumerate(rest) if left > 0), key=lambda i: (-rest[i], i))
    count = abs(gap) / unit
    if count % 1 or count > len(movable):
        return done
    for i in movable[: int(count)]:
        done[i] += step
    return done


class Money(msgspec.Struct, frozen=True, order=False):
    """An amount (major units) with its currency; adding two currencies is an error, not a number."""

    amount: Decimal
    currency: str

    def _same(self, other: Money) -> None:
        if other.currency != self.currency:
            raise ValueError(f"cannot combine {self.currency} with {other.currency}")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    @property
    def minor(self) -> int:
        """Integer number of smallest units. Raises `NotExact`."""
        return to_minor(self.amount, self.currency)
