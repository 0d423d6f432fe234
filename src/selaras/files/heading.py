"""What stands around a table: account, holder, period, currency, and the totals a statement prints about itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from selaras.files import amounts, dates
from selaras.files.refusal import Refused
from selaras.files.tables import Row
from selaras.i18n import N_

_ACCOUNT: Final = re.compile(
    r"(?:no(?:mor)?\.?\s*rek(?:ening)?\.?|norek|rekening|account\s*(?:no\.?|number)?)\s*[:=]*\s*'?"
    r"([0-9][0-9 .-]{2,}[0-9])",
    re.IGNORECASE,
)
_CURRENCY: Final = re.compile(r"(?:kode mata uang|mata uang|currency)\s*[:=]*\s*([a-z]{2,3})\b\.?", re.IGNORECASE)
_HOLDER: Final = re.compile(r"(?:nama|name|account name|nama rekening)\s*[:=]+\s*(\S.*)", re.IGNORECASE)
_PERIOD: Final = re.compile(r"period|s/d|sampai", re.IGNORECASE)
_LABELS: Final = {
    "opening": r"saldo awal|starting balance|opening balance|beginning balance|previous balance|saldo sebelumnya",
    "closing": r"saldo akhir|ending balance|closing balance",
    "total_out": r"(?:total )?(?:mutasi )?(?:debet|debit)|mutasi db",
    "total_in": r"(?:total )?(?:mutasi )?(?:kredit|credit)|mutasi cr",
}
_LABEL: Final = {
    name: re.compile(rf"(?P<label>{label})\s*(?:[:=]+\s*(?P<said>.*)|(?P<bare>[-+r\d].*)|)", re.IGNORECASE)
    for name, label in _LABELS.items()
}
_COUNTED: Final = re.compile(r"(?P<amount>\S*\d\S*(?:\s+(?:cr|db))?)(?:\s+(?P<count>\d+))?", re.IGNORECASE)


class Total(msgspec.Struct, frozen=True):
    """A total as printed: which one, its label and text, the count beside it, and its row."""

    name: str
    label: str
    text: str
    count: int | None
    row: int


class Heading(msgspec.Struct):
    """What the lines around a table say; "" and None where they say nothing."""

    account: str = ""
    holder: str = ""
    currency: str = ""
    period: dates.Period | None = None
    totals: list[Total] = msgspec.field(default_factory=list)


def line_of(row: Row) -> str:
    """A row as one line of text."""
    return " ".join(text for text in row.texts() if text)


def plain_account(text: str) -> str:
    """An account number without the blanks, points and dashes that people read it by."""
    return re.sub(r"[ .-]", "", text)


def currency_of(text: str) -> str:
    """An ISO code of what a bank writes: Rp is IDR."""
    return "IDR" if text.upper() == "RP" else text.upper()


def total_of(row: Row) -> Total | None:
    """The total that a row prints, if it is such a row. Raises `Refused` where its amount cannot be read."""
    line = line_of(row)
    for name, label in _LABEL.items():
        found = label.fullmatch(line)
        if found is None:
            continue
        said = (found["said"] or found["bare"] or "").strip()
        if not said:
            return Total(name, found["label"], "", None, row.number)
        counted = _COUNTED.fullmatch(re.sub(r"(?i)\brp\.?\s+", "", said))
        if counted is None or not any(amounts.fits(amounts.split_mark(counted["amount"])[0], m) for m in (".", ",")):
            raise Refused(N_("%(text)s is not an amount"), row=row.number, column=found["label"], text=said)
        return Total(
            name, found["label"], counted["amount"], int(counted["count"]) if counted["count"] else None, row.number
        )
    return None


def read(rows: Sequence[Row]) -> Heading:
    """What the rows above a table say. Raises `Refused` for a period that is none, or two accounts."""
    heading = Heading()
    for row in rows:
        line = line_of(row)
        if found := _HOLDER.match(line):
            heading.holder = heading.holder or found[1].strip()
            continue
        if (found := _ACCOUNT.match(line)) is not None:
            account = plain_account(found[1])
            if heading.account and account != heading.account:
                raise Refused(
                    N_("two accounts are named: %(one)s and %(two)s"), row=row.number, one=heading.account, two=account
                )
            heading.account = account
        if found := _CURRENCY.search(line):
            heading.currency = currency_of(found[1])
        if heading.period is None and _PERIOD.search(line):
            try:
                heading.period = dates.period(line)
            except Refused as refused:
                raise refused.at("", row.number) from None
        if total := total_of(row):
            heading.totals.append(total)
    return heading


def value_of(total: Total, mark: str) -> Decimal | None:
    """A total as a number, None where it is left blank; a balance marked DB is below zero. Raises `Refused`."""
    text, side = amounts.split_mark(total.text)
    if text in amounts.EMPTY:
        return None
    if side not in amounts.MARKS:
        raise Refused(N_("%(text)s is not an amount"), row=total.row, column=total.label, text=total.text)
    if not amounts.fits(text, mark):
        raise Refused(
            N_("%(text)s does not fit the decimal mark of the rest of the column"), row=total.row, column=total.label,
            text=text,
        )  # fmt: skip
    value = amounts.read(text, mark)
    return -value if side in amounts.BELOW else value
