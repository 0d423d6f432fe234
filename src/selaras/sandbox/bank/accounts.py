"""Accounts of a bank: what moved when, and the balance at any moment."""

from __future__ import annotations

import datetime as dt
from bisect import insort
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from selaras.model.money import ZERO


class Movement(msgspec.Struct, frozen=True):
    """Money that came (`amount` > 0) or went, in major units of the account's currency, at an aware moment."""

    at: dt.datetime
    amount: Decimal
    text: str


class BankAccount:
    """One account of a bank. A day is the bank's day, in `zone`."""

    def __init__(
        self,
        number: str,
        *,
        currency: str = "IDR",
        holder: str = "PT TOKO KITA",
        opening: Decimal = ZERO,
        zone: str = "Asia/Jakarta",
    ) -> None:
        self.number = number
        self.currency = currency
        self.holder = holder
        self.opening = opening
        self.zone = ZoneInfo(zone)
        self.movements: list[Movement] = []

    def transfer(self, amount: Decimal, text: str, at: dt.datetime) -> Movement:
        """A buyer's transfer, or any other money that came or went (`amount` < 0). Raises `ValueError`.

        Movements may be told in any order; a statement has them by time.
        """
        if not amount:
            raise ValueError("a movement of nothing is no movement")
        if at.tzinfo is None:
            raise ValueError("a movement has an aware moment")
        made = Movement(at, amount, text)
        insort(self.movements, made, key=lambda one: one.at)
        return made

    def payout(self, amount: Decimal, gateway: str, batch: str, at: dt.datetime) -> Movement:
        """What a gateway pays out in one sum, as banks print it."""
        return self.transfer(amount, f"KR OTOMATIS {gateway.upper()} {batch}".strip(), at)

    def day_of(self, one: Movement) -> dt.date:
        """The bank's day of a movement."""
        return one.at.astimezone(self.zone).date()

    def between(self, first: dt.date, last: dt.date) -> list[Movement]:
        """The movements of these days, both inclusive, by time."""
        return [one for one in self.movements if first <= self.day_of(one) <= last]

    def balance_before(self, day: dt.date) -> Decimal:
        """The balance in the morning of a day."""
        return self.opening + sum((one.amount for one in self.movements if self.day_of(one) < day), ZERO)
