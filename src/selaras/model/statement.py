"""Bank statements as values: what an account's export says, line by line, with what it prints to prove itself."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec


class StatementLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One movement of an account. `amount` > 0 is money in, in major units of `currency`, sen kept.

    `row` is the line of a text file, the row of a sheet, or the number of the entry in XML, from 1. `day` is the day of
    booking in the bank's zone, None while the bank calls the row pending. `balance` is the balance after it as printed,
    None where the format prints none. `sequence` is the bank's own number of the row within the account, where there
    is one; `reference` what the bank prints as reference. `raw` is the row as it stood in the file.
    """

    row: int
    day: dt.date | None
    amount: Decimal
    currency: str
    description: str = ""
    value_day: dt.date | None = None
    reference: str = ""
    balance: Decimal | None = None
    pending: bool = False
    sequence: str = ""
    raw: str = ""


class Printed(msgspec.Struct, frozen=True, omit_defaults=True):
    """Totals that a statement prints about its own lines: money in and out (both positive) and how many lines."""

    total_in: Decimal | None = None
    total_out: Decimal | None = None
    count_in: int | None = None
    count_out: int | None = None
    count: int | None = None


class Statement(msgspec.Struct, frozen=True, omit_defaults=True):
    """A statement of one account, its lines oldest first.

    `layout` names the format that it was read by. `bank` and `account` are "" where the file does not say. `first` and
    `last` are the days that it covers, both inclusive; `opening` and `closing` the balances that it prints, None where
    it prints none.
    """

    file: str
    layout: str
    bank: str
    account: str
    currency: str
    lines: tuple[StatementLine, ...]
    first: dt.date | None = None
    last: dt.date | None = None
    opening: Decimal | None = None
    closing: Decimal | None = None
    printed: Printed = Printed()
    holder: str = ""
