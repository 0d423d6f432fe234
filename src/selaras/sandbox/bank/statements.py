"""Statements of an account as banks export them: KlikBCA Bisnis' CSV, and SWIFT MT940.

Columns and lines around the table as public code reads them (reference/indonesia.md §2.1); MT940 by the field
specifications of SWIFT.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from selaras.model.money import ZERO
from selaras.sandbox.bank.accounts import BankAccount, Movement

_WIDTH = 65
_LINES = 6


def bca_csv(account: BankAccount, first: dt.date, last: dt.date | None = None) -> bytes:
    """The statement of some days (one, without `last`) as KlikBCA Bisnis exports it."""
    last = last or first
    moved = account.between(first, last)
    opening = account.balance_before(first)
    balance, rows = opening, []
    for one in moved:
        balance += one.amount
        mark = "CR" if one.amount > 0 else "DB"
        day = f"{account.day_of(one):%d/%m/%Y}"
        rows.append(_quoted(day, one.text, "0000", f"{_written(abs(one.amount))} {mark}", _written(balance)))
    came, went = _sums(moved)
    return _lines([
        '"Informasi Rekening - Mutasi Rekening"," "," "',
        "",
        f'"No. rekening : {account.number}"',
        f'"Nama : {account.holder}"',
        f'"Periode : {first:%d/%m/%Y} - {last:%d/%m/%Y}"',
        f'"Kode Mata Uang : {"Rp" if account.currency == "IDR" else account.currency}"',
        _quoted("Tanggal Transaksi", "Keterangan", "Cabang", "Jumlah", "Saldo"),
        *rows,
        f'"Saldo Awal : {_written(opening)}"',
        f'"Mutasi Debet : {_written(went)}","{sum(one.amount < 0 for one in moved)}"',
        f'"Mutasi Kredit : {_written(came)}","{sum(one.amount > 0 for one in moved)}"',
        f'"Saldo Akhir : {_written(balance)}"',
    ])  # fmt: skip


def mt940(account: BankAccount, first: dt.date, last: dt.date | None = None) -> bytes:
    """The statement of some days (one, without `last`) as SWIFT's customer statement message."""
    last = last or first
    opening = account.balance_before(first)
    lines = [
        "{1:F01CENAIDJAXXXX0000000000}{2:I940CENAIDJAXXXXN}{4:",
        f":20:{first:%y%m%d}{account.number[-6:]}",
        f":25:{account.number}",
        f":28C:{first.timetuple().tm_yday:05d}/001",
        f":60F:{_balance(opening, first, account.currency)}",
    ]
    balance = opening
    for one in account.between(first, last):
        balance += one.amount
        day = account.day_of(one)
        mark = "C" if one.amount > 0 else "D"
        lines.append(f":61:{day:%y%m%d}{day:%m%d}{mark}{_swift(one.amount)}NTRFNONREF")
        lines += _text(one.text)
    lines += [f":62F:{_balance(balance, last, account.currency)}", "-}"]
    return _lines(lines)


def _text(text: str) -> list[str]:
    parts = [text[at : at + _WIDTH] for at in range(0, len(text), _WIDTH)][:_LINES]
    return [f":86:{parts[0]}", *parts[1:]] if parts else []


def _balance(amount: Decimal, day: dt.date, currency: str) -> str:
    return f"{'C' if amount >= 0 else 'D'}{day:%y%m%d}{currency}{_swift(amount)}"


def _swift(amount: Decimal) -> str:
    return f"{abs(amount):.2f}".replace(".", ",")


def _written(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def _quoted(*cells: str) -> str:
    return ",".join('"{}"'.format(cell.replace('"', '""')) for cell in cells)


def _sums(moved: Sequence[Movement]) -> tuple[Decimal, Decimal]:
    came = sum((one.amount for one in moved if one.amount > 0), ZERO)
    return came, came - sum((one.amount for one in moved), ZERO)


def _lines(lines: Sequence[str]) -> bytes:
    return "\r\n".join([*lines, ""]).encode()
