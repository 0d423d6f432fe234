"""The rate card as a CSV table: its columns are the fields of a rate, shares are fractions."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, get_args

import msgspec

from selaras.i18n import _
from selaras.model.money import EXPONENTS
from selaras.rules.rate_card import AMOUNTS, MOST, SHARES, Rate, Rounding

COLUMNS: Final = tuple(field.name for field in msgspec.structs.fields(Rate))
_NEEDED: Final = tuple(field.name for field in msgspec.structs.fields(Rate) if field.required)


class _Wrong(Exception):
    """A cell that is not what its column wants; the text says why."""


def read(text: str) -> tuple[list[Rate], list[str]]:
    """The rates of a CSV text, and a sentence with line and column for each cell that is wrong.

    An empty cell is the column's usual value; columns may stand in any order and be left out. Semicolons (as
    spreadsheets in Indonesia write them) are taken as well as commas.
    """
    head = text.split("\n", 1)[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rates, refused = list[Rate](), list[str]()
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        trouble = _heading(names)
        if trouble:
            return [], [trouble]
        for row in rows:
            if any(cell.strip() for cell in row):
                rate, wrong = _rate(names, row, rows.line_num)
                refused += wrong
                rates += [rate] if rate is not None else []
    except csv.Error as error:
        refused.append(_("Line %(line)s cannot be read as CSV (%(why)s).", line=rows.line_num, why=error))
    return rates, refused


def written(rates: Sequence[Rate]) -> str:
    """The same table, to be changed and read again."""
    out = io.StringIO(newline="")
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for rate in rates:
        table.writerow(_cell(getattr(rate, name)) for name in COLUMNS)
    return out.getvalue()


def _cell(value: object) -> str:
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def _heading(names: Sequence[str]) -> str:
    lacking = [name for name in _NEEDED if name not in names]
    if lacking:
        return _("Line 1: the column %(names)s is missing.", names=", ".join(lacking))
    for place, name in enumerate(names, 1):
        if name not in COLUMNS:
            known = ", ".join(COLUMNS)
            return _("Line 1, column %(place)s: there is no %(name)s; columns are %(known)s.",
                     place=place, name=repr(name), known=known)  # fmt: skip
        if names.index(name) != place - 1:
            return _("Line 1: the column %(name)s stands twice.", name=name)
    return ""


def _rate(names: Sequence[str], row: Sequence[str], line: int) -> tuple[Rate | None, list[str]]:
    if len(row) > len(names):
        return None, [_("Line %(line)s has more cells than there are columns.", line=line)]
    values, wrong = dict[str, Any](), list[str]()
    for name, raw in zip(names, row, strict=False):
        cell = raw.strip()
        if cell:
            try:
                values[name] = _value(name, cell)
            except _Wrong as wrong_cell:
                wrong.append(_("Line %(line)s, column %(name)s: %(why)s", line=line, name=name, why=wrong_cell))
    told = {name for name, raw in zip(names, row, strict=False) if raw.strip()}
    for name in _NEEDED:
        if name not in told:
            why = _("it is empty.")
            wrong.append(_("Line %(line)s, column %(name)s: %(why)s", line=line, name=name, why=why))
    if wrong:
        return None, wrong
    rate = Rate(**values)
    if rate.most is not None and rate.most < rate.least:
        why = _("it is below the least fee.")
        return None, [_("Line %(line)s, column %(name)s: %(why)s", line=line, name="most", why=why)]
    return rate, []


def _value(name: str, cell: str) -> object:
    if name == "since":
        try:
            day = dt.date.fromisoformat(cell)
        except ValueError:
            day = None
        if day is None or day.isoformat() != cell:
            raise _Wrong(_("%(text)s is not a day; write it as 2026-08-31.", text=repr(cell)))
        return day
    if name in AMOUNTS:
        return _amount(name, cell)
    if name == "currency":
        if cell.upper() not in EXPONENTS:
            raise _Wrong(_("%(text)s is no currency of ISO 4217.", text=repr(cell)))
        return cell.upper()
    if name == "rounding" and cell not in get_args(Rounding):
        known = ", ".join(get_args(Rounding))
        raise _Wrong(_("%(text)s is none of %(known)s.", text=repr(cell), known=known))
    return cell


def _amount(name: str, cell: str) -> Decimal:
    try:
        amount = Decimal(cell)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or "_" in cell:
        raise _Wrong(_("%(text)s is not a number; write it as 4000 or 0.007.", text=repr(cell)))
    if amount < 0 or amount >= MOST:
        raise _Wrong(_("%(text)s is below nothing or too much.", text=repr(cell)))
    if name in SHARES and amount >= 1:
        raise _Wrong(_("%(text)s is a fraction: 0.7 %% is 0.007.", text=repr(cell)))
    return amount
