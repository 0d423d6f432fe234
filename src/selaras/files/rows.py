"""A table in a declared layout, read row by row into a statement; every doubt is a refusal with its row and column."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from selaras.files import amounts, dates, heading
from selaras.files.heading import Heading
from selaras.files.layouts import Layout
from selaras.files.order import oldest_first
from selaras.files.refusal import EXPORT_AGAIN, MEND, Refused
from selaras.files.tables import Cell, Row, shown
from selaras.i18n import N_
from selaras.model.money import ZERO
from selaras.model.statement import Printed, Statement, StatementLine

PENDING: Final = "PEND"
_MONEY: Final = ("amount", "debit", "credit", "balance", "before")
_SUM: Final = ("total", "grand total", "jumlah mutasi", "total mutasi")
_NOTE: Final = 2


class Assumed(msgspec.Struct, frozen=True):
    """What the caller says of a file, where the file itself does not."""

    account: str = ""
    currency: str = ""
    bank: str = ""


class _Reader:
    """One table: its rows sorted into transactions and totals, then read with the decimal marks of its columns."""

    def __init__(self, layout: Layout, header: Row, around: Heading, file: str, assumed: Assumed) -> None:
        self.layout, self.around, self.file, self.assumed = layout, around, file, assumed
        self.fields = [field for field, _headers in layout.fields()]
        texts = header.texts()
        self.names = [(texts[at] if at < len(texts) and texts[at] else field) for at, field in enumerate(self.fields)]
        self.rows: list[Row] = []
        self.sums: dict[str, tuple[str, int]] = {}
        self.marks: dict[str, str] = {}

    # -- sorting -------------------------------------------------------------------------------------------------------

    def name(self, field: str) -> str:
        """The header of a field's column."""
        return self.names[self.fields.index(field)] if field in self.fields else field

    def cell(self, row: Row, field: str) -> Cell:
        return row.cells[self.fields.index(field)] if field in self.fields else ""

    def text(self, row: Row, field: str) -> str:
        return shown(self.cell(row, field))

    def describe(self, row: Row) -> str:
        parts = (shown(cell) for cell, field in zip(row.cells, self.fields, strict=True) if field == "description")
        return " ".join(part for part in parts if part)

    def fitted(self, row: Row) -> Row:
        """The row with as many cells as the header; text with unquoted delimiters is put together again."""
        cells, width = list(row.cells), len(self.fields)
        while len(cells) > width and not shown(cells[-1]):
            cells.pop()
        extra = len(cells) - width
        if extra > 0:
            if not self.layout.spill:
                raise Refused(
                    N_("it has %(count)s cells, the header has %(width)s"),
                    row=row.number,
                    count=len(cells),
                    width=width,
                )
            at = self.fields.index(self.layout.spill)
            cells[at : at + extra + 1] = [",".join(str(cell) for cell in cells[at : at + extra + 1])]
        return Row(row.number, tuple(cells + [""] * (width - len(cells))))

    def sort(self, rows: Sequence[Row]) -> None:
        """Take each row for what it is. Raises `Refused` for one that is neither transaction, total nor a note."""
        for raw in rows:
            if self.layout.heads(raw.texts()):
                continue
            if total := heading.total_of(raw):
                self.around.totals.append(total)
                continue
            if self.summed(raw):
                continue
            day = shown(raw.cells[self.fields.index("date")]) if len(raw.cells) > self.fields.index("date") else ""
            filled = sum(1 for text in raw.texts() if text)
            if day.upper() == PENDING or dates.is_date(day):
                row = self.fitted(raw)
                if not self.carried(row):
                    self.rows.append(row)
            elif filled > _NOTE or isinstance(raw.cells[self.fields.index("date")] if day else "", Decimal):
                raise Refused(N_("%(text)s is not a date"), row=raw.number, column=self.name("date"), text=day or '""')

    def carried(self, row: Row) -> bool:
        """A dated row that only repeats the opening or closing balance."""
        total = heading.total_of(Row(row.number, (self.describe(row),)))
        if total is None or total.text or any(self.text(row, one) for one in ("amount", "debit", "credit")):
            return False
        self.around.totals.append(heading.Total(total.name, total.label, self.text(row, "balance"), None, row.number))
        return True

    def summed(self, raw: Row) -> bool:
        """A row that adds up the columns above it: "Total" under debit and credit."""
        if not any(text.casefold().rstrip(" :") in _SUM for text in raw.texts()):
            return False
        for at, field in enumerate(self.fields[: len(raw.cells)]):
            text = shown(raw.cells[at])
            if field in ("debit", "credit") and text:
                self.sums["total_out" if field == "debit" else "total_in"] = (text, raw.number)
        return True

    # -- reading -------------------------------------------------------------------------------------------------------

    def choose_marks(self) -> None:
        columns: dict[str, list[tuple[int, str]]] = {}
        for field in _MONEY:
            if field not in self.fields:
                continue
            texts = [(row.number, row.cells[self.fields.index(field)]) for row in self.rows]
            columns[self.name(field)] = [
                (number, text)
                for number, cell in texts
                if not isinstance(cell, Decimal) and (text := amounts.split_mark(shown(cell))[0]) not in amounts.EMPTY
            ]
        self.marks = amounts.choose(columns, self.layout.decimal)

    def mark(self) -> str:
        """The decimal mark of the totals: the declared one, else that of the columns."""
        used = [mark for name, mark in self.marks.items() if name in map(self.name, _MONEY)]
        return self.layout.decimal or (max(used, key=used.count) if used else ".")

    def money(self, row: Row, field: str) -> Decimal | None:
        """The number in a column, without the mark behind it; None where the cell is empty."""
        if field not in self.fields:
            return None
        cell = self.cell(row, field)
        if isinstance(cell, Decimal):
            return cell
        text, side = amounts.split_mark(shown(cell))
        if text in amounts.EMPTY:
            return None
        if field != "amount" and side not in amounts.MARKS:
            raise Refused(N_("the mark %(flag)s is not known"), row=row.number, column=self.name(field), flag=side)
        value = amounts.read(text, self.marks[self.name(field)])
        return -value if field in ("balance", "before") and side in amounts.BELOW else value

    def amount(self, row: Row) -> Decimal:
        """What moved, with its sign. Raises `Refused` where the row does not say it clearly."""
        if "amount" not in self.fields:
            return self.sided(row)
        value = self.money(row, "amount")
        column = self.name("amount")
        if value is None:
            raise Refused(N_("the amount is missing"), row=row.number, column=column)
        if self.layout.signed:
            return value
        has_column = "flag" in self.fields
        flag = self.text(row, "flag").rstrip(".").upper() if has_column else ""
        flag = flag or amounts.split_mark(self.text(row, "amount"))[1]
        where = self.name("flag") if has_column else column
        if value < 0:
            raise Refused(
                N_("the amount has a sign where a mark should say its direction"), row=row.number, column=column
            )
        if flag in self.layout.flags_in or (not flag and self.layout.blank == "in"):
            return value
        if flag in self.layout.flags_out or (not flag and self.layout.blank == "out"):
            return -value
        if flag:
            raise Refused(N_("the mark %(flag)s is not known"), row=row.number, column=where, flag=flag)
        raise Refused(N_("no mark says whether the money came in or went out"), row=row.number, column=where)

    def sided(self, row: Row) -> Decimal:
        debit, credit = self.money(row, "debit") or ZERO, self.money(row, "credit") or ZERO
        if debit and credit:
            raise Refused(
                N_("debit (%(debit)s) and credit (%(credit)s) are both filled"), row=row.number,
                column=self.name("credit"), debit=debit, credit=credit,
            )  # fmt: skip
        if debit < 0 or credit < 0:
            raise Refused(
                N_("the amount is below zero"), row=row.number, column=self.name("debit" if debit < 0 else "credit")
            )
        if not debit and not credit:
            raise Refused(N_("neither debit nor credit is filled"), row=row.number, column=self.name("credit"))
        return credit - debit

    def day(self, row: Row, field: str) -> dt.date:
        cell = self.cell(row, field)
        try:
            day = cell if isinstance(cell, dt.date) else dates.read(shown(cell), self.around.period)
        except Refused as refused:
            raise refused.at("", row.number, self.name(field)) from None
        period = self.around.period
        if field == "date" and period is not None and not period.first <= day <= period.last:
            raise Refused(
                N_("%(day)s lies outside the period of the statement, %(first)s to %(last)s"), EXPORT_AGAIN,
                row=row.number, column=self.name(field), day=day, first=period.first, last=period.last,
            )  # fmt: skip
        return day

    def line(self, row: Row, currency: str) -> StatementLine:
        pending = self.text(row, "date").upper() == PENDING
        valued = self.text(row, "value_date")
        amount, balance, before = self.amount(row), self.money(row, "balance"), self.money(row, "before")
        if before is not None and balance is not None and before + amount != balance:
            raise Refused(
                N_("%(before)s and %(amount)s do not come to the balance %(balance)s"), EXPORT_AGAIN, row=row.number,
                column=self.name("balance"), before=before, amount=amount, balance=balance,
            )  # fmt: skip
        if before is not None and balance is None:
            balance = before + amount
        return StatementLine(
            row=row.number,
            day=None if pending else self.day(row, "date"),
            amount=amount,
            currency=currency,
            description=self.describe(row),
            value_day=self.day(row, "value_date") if valued and dates.is_date(valued) else None,
            reference=self.text(row, "reference"),
            balance=balance,
            pending=pending,
            sequence=self.text(row, "sequence"),
            raw="\t".join(row.texts()),
        )

    # -- the whole -----------------------------------------------------------------------------------------------------

    def totals(self) -> dict[str, Decimal]:
        found: dict[str, Decimal] = {}
        for total in self.around.totals:
            value = heading.value_of(total, self.mark())
            if value is None:
                continue
            if found.setdefault(total.name, value) != value:
                raise Refused(N_("two different totals are printed"), EXPORT_AGAIN, row=total.row, column=total.label)
        for name, (text, row) in self.sums.items():
            if not amounts.fits(text, self.mark()):
                raise Refused(N_("%(text)s is not an amount"), row=row, column=name, text=text)
            found.setdefault(name, amounts.read(text, self.mark()))
        return found

    def needed(self, found: dict[str, Decimal]) -> None:
        """A file that ends before its totals was cut off."""
        for name in self.layout.needs:
            if (name == "period" and self.around.period is None) or (name != "period" and name not in found):
                words = {"opening": "Saldo Awal", "closing": "Saldo Akhir", "period": "Periode"}
                raise Refused(N_("it does not print its %(what)s; it may be cut off"), EXPORT_AGAIN, what=words[name])

    def statements(self) -> tuple[Statement, ...]:
        self.choose_marks()
        found = self.totals()
        self.needed(found)
        currency = self.around.currency or self.assumed.currency or self.layout.currency
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in self.rows:
            account = heading.plain_account(self.text(row, "account"))
            code = heading.currency_of(self.text(row, "currency")) or currency
            groups.setdefault((account, code), []).append(row)
        if not groups:
            if not found and self.around.period is None:
                raise Refused(N_("it holds no transactions"), N_("Export a period in which something happened."))
            groups[("", currency)] = []
        if len(groups) > 1 and found:
            raise Refused(N_("it prints one set of totals for several accounts"), EXPORT_AGAIN)
        return tuple(self.statement(account, code, rows, found) for (account, code), rows in groups.items())

    def statement(self, account: str, currency: str, rows: list[Row], found: dict[str, Decimal]) -> Statement:
        said = account or self.layout.account or self.around.account
        if said and self.assumed.account and said != self.assumed.account:
            raise Refused(
                N_("it is of the account %(one)s, not %(two)s"), N_("Leave --account away, or name the other file."),
                one=said, two=self.assumed.account,
            )  # fmt: skip
        if not currency:
            raise Refused(N_("nothing says its currency"), N_("Name it with --currency."))
        lines = oldest_first([self.line(row, currency) for row in rows], found.get("opening"))
        opening, closing = found.get("opening"), found.get("closing")
        if "before" in self.fields and rows:
            opening = self.money(rows[0] if rows[0].number == lines[0].row else rows[-1], "before")
            closing = lines[-1].balance
        days = [line.day for line in lines if line.day is not None]
        period = self.around.period
        counts = {total.name: total.count for total in self.around.totals if total.count is not None}
        return Statement(
            file=self.file,
            layout=self.layout.name,
            bank=self.layout.bank or self.assumed.bank,
            account=said or self.assumed.account,
            currency=currency,
            lines=tuple(lines),
            first=period.first if period else min(days, default=None),
            last=period.last if period else max(days, default=None),
            opening=opening,
            closing=closing,
            printed=Printed(
                found.get("total_in"), found.get("total_out"), counts.get("total_in"), counts.get("total_out")
            ),
            holder=self.around.holder,
        )


def read(layout: Layout, rows: Sequence[Row], at: int, file: str, assumed: Assumed) -> tuple[Statement, ...]:
    """The statements of a table whose header is `rows[at]`; one for each account in it. Raises `Refused`."""
    try:
        reader = _Reader(layout, rows[at], heading.read(rows[:at]), file, assumed)
        reader.sort(rows[at + 1 :])
        return reader.statements()
    except Refused as refused:
        raise refused.at(file) from None


__all__ = ["MEND", "PENDING", "Assumed", "read"]
