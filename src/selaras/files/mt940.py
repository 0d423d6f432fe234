"""MT940 and MT942, the statements of SWIFT. The grammar of each field is that of `mt-940` (BSD-3-Clause).

The walk over the fields is ours, because a refusal must name its line, because a reversal (RC, RD) must have its
direction, and because of several statements in one file each has its own balances. Facts: SWIFT MT940 field
specifications; reference/reconciliation.md §1.4.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec
from mt940 import tags

from selaras.files.refusal import EXPORT_AGAIN, Refused
from selaras.i18n import N_
from selaras.model.statement import Printed, Statement, StatementLine

LAYOUT: Final = "mt940"
_TAG: Final = re.compile(r":([0-9]{2}[A-Z]?|NS):")
_LINE: Final = tags.Statement().re
# mt-940's grammar of a balance stops after sixteen digits without a word; some banks fill up with more zeros.
_BALANCE: Final = re.compile(r"([DC])(\d{2})(\d{2})(\d{2})([A-Z]{3})(\d{1,30},\d{0,3})", re.ASCII)
_FLOOR: Final = tags.FloorLimitIndicator().re
# The usual form, and the one of Indonesian banks; whatever else mt-940's grammar allows goes its way.
_USUAL: Final = re.compile(
    r"(\d{2})(\d{2})(\d{2})(\d{2}|  )?(\d{2}|  )?(R?[DC])([A-Z])?(\d{1,12},\d{0,3})([A-Z][A-Z0-9]{3})"
    r"((?:(?!//)[^\n]){0,16})(?://([^\n]*))?(?:\n(.*))?",
    re.DOTALL | re.ASCII,
)
_SUM: Final = re.compile(r"(\d{1,5})([A-Z]{3})(?:[DC])?([\d,]{1,16})", re.ASCII)
_PART: Final = re.compile(r"\?(\d\d)", re.ASCII)
_BANK: Final = re.compile(r"\{1:F01([A-Z]{4})[A-Z0-9]{2}")
_PREFIXES: Final = {
    "CENA": "BCA", "BMRI": "Mandiri", "BRIN": "BRI", "BNIN": "BNI", "BNIA": "CIMB Niaga", "BBBA": "Permata",
    "BDIN": "Danamon", "NISP": "OCBC",
}  # fmt: skip
_TEXTS: Final = frozenset({*range(20, 30), *range(60, 64)})
_NAMES: Final = frozenset({32, 33})
_YEAR_APART: Final = 330
_LONG: Final = 50
Field = tuple[str, str, int]


def looks_like(text: str) -> bool:
    """Whether a file's text is SWIFT's."""
    head = text[:4096]
    return "{1:F01" in head or bool(re.search(r"(?m)^\s*:(?:20|25|28C?|60[FM]|61|62[FM]|64|86|NS):", head))


def _fields(text: str) -> Iterator[Field]:
    """(tag, value, line) of each field; lines that begin no field belong to the one before."""
    tag, value, begun = "", [""], 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(":") and (found := _TAG.match(line)) and not (tag == "86" and found[1] not in _KNOWN):
            if tag:
                yield tag, "\n".join(value), begun
            tag, value, begun = found[1], [line[found.end() :]], number
        elif tag and line not in ("-", "-}", "") and not line.startswith(("{1:", "-\x03", "-}{")):
            value.append(line)
    if tag:
        yield tag, "\n".join(value), begun


_KNOWN: Final = frozenset("13 13D 20 21 25 28 28C 34F 60 60F 60M 61 62 62F 62M 64 65 86 90C 90D NS".split())


def read(text: str, file: str) -> tuple[Statement, ...]:
    """Every statement of a file. Raises `Refused`."""
    found: list[Statement] = []
    bank = _PREFIXES.get(head[1], "") if (head := _BANK.search(text[:200])) else ""
    block: list[Field] = []
    begun = False
    try:
        for field in _fields(text):
            if field[0] == "20" and block:
                found.append(_Block(file, bank).read(block))
                block = []
            begun = True
            block.append(field)
        if block:
            found.append(_Block(file, bank).read(block))
    except Refused as refused:
        raise refused.at(file) from None
    if not begun:
        raise Refused(N_("it holds no fields of MT940"), EXPORT_AGAIN, file=file)
    return _pages(found)


def _pages(found: list[Statement]) -> tuple[Statement, ...]:
    """Parts of one statement (closing 62M, opening 60M) must hang together; they stay as they are."""
    for one, two in itertools.pairwise(found):
        parted = one.layout.endswith("+") and two.account == one.account
        if parted and one.closing is not None and two.opening is not None and one.closing != two.opening:
            raise Refused(
                N_("a page ends with %(closing)s, the next one begins with %(opening)s"), EXPORT_AGAIN, file=one.file,
                row=two.lines[0].row if two.lines else 1, column="60M", closing=one.closing, opening=two.opening,
            )  # fmt: skip
    return tuple(_plain(statement) for statement in found)


def _plain(statement: Statement) -> Statement:
    return msgspec.structs.replace(statement, layout=LAYOUT) if statement.layout != LAYOUT else statement


class _Block:
    """One statement, from :20: to the next."""

    def __init__(self, file: str, bank: str) -> None:
        self.file, self.bank = file, bank
        self.account = ""
        self.currency = ""
        self.opening: Decimal | None = None
        self.closing: Decimal | None = None
        self.first: dt.date | None = None
        self.last: dt.date | None = None
        self.paged = False
        self.lines: list[StatementLine] = []
        self.counts: dict[str, tuple[int, Decimal]] = {}

    def read(self, block: list[Field]) -> Statement:
        pending: tuple[str, int] | None = None
        details: list[str] = []
        for tag, value, row in block:
            if tag == "61":
                if pending:
                    self.lines.append(self.line(*pending, details))
                pending, details = (value, row), []
            elif tag == "86":
                if pending:
                    details.append(value)
            elif tag == "NS":
                if pending:
                    details.append("\n".join(part[2:] if part[:2].isdigit() else part for part in value.split("\n")))
            else:
                if pending and tag[:2] in ("62", "64", "65", "90"):
                    self.lines.append(self.line(*pending, details))
                    pending, details = None, []
                self.fact(tag, value.strip(), row)
        if pending:
            self.lines.append(self.line(*pending, details))
        row = block[0][2]
        if not self.account:
            raise Refused(N_("nothing says which account it is of"), EXPORT_AGAIN, row=row, column="25")
        if not self.currency:
            raise Refused(N_("nothing says its currency"), EXPORT_AGAIN, row=row, column="60F")
        if (self.opening is None) != (self.closing is None):
            missing = "62F" if self.closing is None else "60F"
            raise Refused(
                N_("the field %(what)s is missing; the file may be cut off"), EXPORT_AGAIN, row=block[-1][2],
                column=missing, what=missing,
            )  # fmt: skip
        lines = tuple(self.lines)
        days = [line.day for line in lines if line.day is not None]
        counted = {name: self.counts.get(name) for name in ("C", "D")}
        return Statement(
            file=self.file,
            layout=LAYOUT + ("+" if self.paged else ""),
            bank=self.bank,
            account=self.account,
            currency=self.currency,
            lines=lines,
            first=min([*days, *([self.last] if self.last else [])], default=self.first),
            last=max([*days, *([self.last] if self.last else [])], default=None),
            opening=self.opening,
            closing=self.closing,
            printed=Printed(
                counted["C"][1] if counted["C"] else None,
                counted["D"][1] if counted["D"] else None,
                counted["C"][0] if counted["C"] else None,
                counted["D"][0] if counted["D"] else None,
            ),
        )

    def fact(self, tag: str, value: str, row: int) -> None:
        """A field that says something of the whole statement."""
        if tag == "25":
            account = " ".join(value.split())
            if self.account and account != self.account:
                raise Refused(
                    N_("two accounts are named: %(one)s and %(two)s"), EXPORT_AGAIN, row=row, column="25",
                    one=self.account, two=_short(account),
                )  # fmt: skip
            self.account = account
        elif tag in ("60F", "60M", "60") and self.opening is None:
            self.opening, self.first = self.balance(tag, value, row)
        elif tag in ("62F", "62M", "62"):
            self.closing, self.last = self.balance(tag, value, row)
            self.paged = tag == "62M"
        elif tag == "34F":
            found = _FLOOR.match(value)
            if found and not self.currency:
                self.currency = found["currency"].upper()
        elif tag in ("90C", "90D"):
            counted = _SUM.fullmatch(value)
            if counted is None:
                raise Refused(N_("%(text)s is not an amount"), row=row, column=tag, text=_short(value))
            self.counts[tag[2]] = int(counted[1]), _decimal(counted[3])

    def balance(self, tag: str, value: str, row: int) -> tuple[Decimal, dt.date]:
        found = _BALANCE.fullmatch(value.upper())
        if found is None:
            raise Refused(N_("%(text)s is not a balance"), row=row, column=tag, text=_short(value))
        mark, year, month, number, currency, written = found.groups()
        if self.currency and currency != self.currency:
            raise Refused(
                N_("it is in %(one)s, the statement in %(two)s"), EXPORT_AGAIN, row=row, column=tag, one=currency,
                two=self.currency,
            )  # fmt: skip
        self.currency = currency
        amount = _decimal(written)
        return (-amount if mark == "D" else amount), _day(year, month, number, row, tag)

    def line(self, value: str, row: int, details: list[str]) -> StatementLine:
        found = _USUAL.fullmatch(value)
        if found is not None:
            year, month, day, entry_month, entry_day, mark, _code, amount, _kind, customer, bank, extra = found.groups()
        else:
            loose = _LINE.match(value.strip())
            if loose is None:
                raise Refused(N_("%(text)s is not a statement line"), row=row, column="61", text=_short(value))
            year, month, day, entry_month, entry_day, mark, _code, amount, _kind, customer = (
                loose[name]
                for name in ("year", "month", "day", "entry_month", "entry_day", "status", "funds_code", "amount", "id",
                             "customer_reference")
            )  # fmt: skip
            bank, extra, mark = loose["bank_reference"], loose["extra_details"], mark.upper()
        valued = _day(year, month, day, row, "61")
        booked = valued
        if entry_month and entry_day and entry_month.strip() and entry_day.strip():
            booked = _booked(valued, entry_month, entry_day, row)
        if amount.count(",") != 1 or amount[0] == ",":
            raise Refused(N_("%(text)s is not an amount"), row=row, column="61", text=amount)
        number = _decimal(amount)
        customer = (customer or "").strip()
        return StatementLine(
            row=row,
            day=booked,
            amount=number if mark in ("C", "RD") else -number,
            currency=self.currency,
            description=_words(details, extra or ""),
            value_day=valued,
            reference=(bank or "").strip() or ("" if customer in ("NONREF", "NOREF") else customer),
            raw=":61:" + value + "".join("\n:86:" + detail for detail in details),
        )


def _short(value: str) -> str:
    """A field as a sentence can carry it."""
    text = " ".join(value.split())
    return text if len(text) <= _LONG else text[:_LONG] + "…"


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", ".") if text else "0")


def _day(year: str, month: str, day: str, row: int, column: str) -> dt.date:
    """A day of field :61: or a balance; 30 February, a value date of banks that count 30 days, is its month's last."""
    number = int(day)
    if month == "02" and number in (29, 30):
        leap = dt.date(2000 + int(year), 3, 1) - dt.timedelta(days=1)
        number = min(number, leap.day)
    try:
        return dt.date(2000 + int(year), int(month), number)
    except ValueError:
        raise Refused(
            N_("there is no day %(text)s"), EXPORT_AGAIN, row=row, column=column, text=year + month + day
        ) from None


def _booked(valued: dt.date, month: str, day: str, row: int) -> dt.date:
    """The entry date has no year: it is that of the value date, or the next to it around New Year."""
    booked = _day(f"{valued.year % 100:02d}", month, day, row, "61")
    apart = (booked - valued).days
    if abs(apart) >= _YEAR_APART:
        return booked.replace(year=booked.year + (1 if apart < 0 else -1))
    return booked


def _words(details: list[str], extra: str) -> str:
    """The text of a line: what :86: says (the text and name parts of a structured one), else what stands in :61:."""
    said = []
    for detail in details:
        if "?" in detail[:8] and detail[:3].isdigit():
            pieces = _PART.split(detail.replace("\n", ""))
            parts = list(zip(pieces[1::2], pieces[2::2], strict=True))
            text = "".join(part for code, part in parts if int(code) in _TEXTS)
            name = "".join(part for code, part in parts if int(code) in _NAMES)
            said.append(" ".join(part.strip() for part in (text, name) if part.strip()))
        else:
            said.append(" ".join(detail.split("\n")) if "\n" in detail else detail)
    return " ".join(part.strip() for part in said if part.strip()) or " ".join(extra.split())
