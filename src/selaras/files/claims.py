"""The files of `selaras match`: orders.csv, bank.csv, settlements.csv. UTF-8, commas, a header line, ISO dates.

The columns are fixed (docs/reference/matching.md); further columns are left alone. What cannot be read is refused with
the file, the line and the column, before anything is matched.
"""

from __future__ import annotations

import csv
import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from selaras.model.claims import FINE, METHODS, LineColumns, OrderColumns, SettlementColumns
from selaras.model.money import EXPONENTS

ORDERS: Final = (
    "order_id", "reference", "customer_name", "phone", "currency", "total", "unique_code", "amount_due", "ordered_on",
    "method", "captured_on",
)  # fmt: skip
LINES: Final = ("line_id", "booked_on", "amount", "currency", "description")
SETTLEMENTS: Final = ("gateway", "batch", "settled_on", "order_reference", "gross", "fee", "net")
_FINE_DIGITS: Final = len(str(FINE)) - 1
_SCALES: Final = [FINE * int(10**exponent) for exponent in range(max(EXPONENTS.values()) + 1)]
_NONE: Final = ("", "0", "00")


class Unreadable(ValueError):
    """A file cannot be read; the text names the file, the line and the column, and what to do."""


class _Table:
    """A CSV file with named columns. `line` is the number of the row that was read last."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self.path = path
        self.columns = columns
        self.line = 1
        self._days: dict[str, int] = {"": 0}

    def rows(self) -> Iterator[list[str]]:
        """The named columns of each row. Raises `Unreadable`."""
        try:
            with open(self.path, encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file, strict=True)
                head = next(reader, [])
                missing = [name for name in self.columns if name not in head]
                if missing:
                    raise Unreadable(
                        f"{self.path.name} has no column {missing[0]!r}. The first line must name the columns "
                        f"{', '.join(self.columns)}."
                    )
                places = [head.index(name) for name in self.columns]
                plain = places == list(range(len(head)))
                width = len(head)
                for row in reader:
                    self.line = reader.line_num
                    if len(row) != width:
                        if not row:
                            continue
                        raise self.wrong("", f"has {len(row)} columns, the first line has {width}")
                    yield row if plain else [row[place] for place in places]
        except UnicodeDecodeError as error:
            raise Unreadable(f"{self.path.name} is not UTF-8 (byte {error.start}). Save it as UTF-8.") from None
        except csv.Error as error:
            raise Unreadable(f"{self.path.name}, after line {self.line}: {error}.") from None
        except OSError as error:
            raise Unreadable(f"{self.path.name} cannot be read: {error.strerror or error}.") from None

    def wrong(self, column: str, why: str) -> Unreadable:
        """A refusal of the row that was read last."""
        where = f", column {column}" if column else ""
        return Unreadable(f"{self.path.name}, line {self.line}{where}: {why}.")

    def day(self, text: str, column: str) -> int:
        """An ISO date (a time behind it is left alone) as an ordinal; 0 for none."""
        found = self._days.get(text)
        if found is None:
            try:
                found = dt.date.fromisoformat(text[:10]).toordinal()
            except ValueError:
                raise self.wrong(column, f"{text!r} is not a date like 2026-11-21") from None
            self._days[text] = found
        return found

    def amount(self, text: str, exponent: int, column: str) -> int:
        """A decimal in major units as an integer of `FINE` units."""
        whole, dot, part = text.partition(".")
        if part in _NONE and whole.isdecimal() and whole.isascii():
            return int(whole) * _SCALES[exponent]
        digits = exponent + _FINE_DIGITS
        whole, dot, part = text.strip().partition(".")
        sign = -1 if whole.startswith("-") else 1
        number = whole.lstrip("+-")
        if not number.isdecimal() or not number.isascii() or (dot and not (part.isdecimal() and part.isascii())):
            raise self.wrong(column, f"{text!r} is not an amount like 147356.00")
        if len(part.rstrip("0")) > digits:
            raise self.wrong(column, f"{text!r} has more than {digits} decimals")
        return sign * (int(number) * int(10**digits) + int((part + "0" * digits)[:digits]))

    def currency(self, text: str, column: str = "currency") -> int:
        """The decimals of a currency."""
        found = EXPONENTS.get(text)
        if found is None:
            raise self.wrong(column, f"{text!r} is not a currency of ISO 4217 such as IDR")
        return found


def read_orders(path: Path) -> OrderColumns:
    """orders.csv. Raises `Unreadable`."""
    table, found = _Table(path, ORDERS), OrderColumns()
    methods = {name: at for at, name in enumerate(METHODS)}
    known: set[str] = set()
    for id_, reference, name, phone, currency, total, code, due, ordered, method, captured in table.rows():
        exponent = table.currency(currency)
        if method not in methods:
            raise table.wrong("method", f"{method!r} is none of {', '.join(METHODS)}")
        if id_ in known or not id_:
            raise table.wrong("order_id", f"{id_!r} is there twice" if id_ else "an order needs an id")
        known.add(id_)
        if not ordered:
            raise table.wrong("ordered_on", "an order needs its date")
        asked = table.amount(total, exponent, "total")
        found.ids.append(id_)
        found.references.append(reference)
        found.names.append(name)
        found.phones.append(phone)
        found.currencies.append(sys.intern(currency))
        found.total.append(asked)
        found.code.append(table.amount(code, exponent, "unique_code") if code else 0)
        found.due.append(table.amount(due, exponent, "amount_due") if due else asked + found.code[-1])
        found.ordered.append(table.day(ordered, "ordered_on"))
        found.method.append(methods[method])
        found.captured.append(table.day(captured, "captured_on"))
    return found


def read_lines(path: Path) -> LineColumns:
    """bank.csv. Raises `Unreadable`."""
    table, found = _Table(path, LINES), LineColumns()
    known: dict[str, tuple[str, str, str, str]] = {}
    for id_, booked, amount, currency, description in table.rows():
        if not id_:
            raise table.wrong("line_id", "a line needs an id")
        fields = (booked, amount, currency, description)
        if id_ in known:
            if known[id_] != fields:
                raise table.wrong("line_id", f"{id_!r} is there twice, with other words")
            continue  # the same line, imported twice
        known[id_] = fields
        if not booked:
            raise table.wrong("booked_on", "a line needs its date")
        found.ids.append(id_)
        found.booked.append(table.day(booked, "booked_on"))
        found.amount.append(table.amount(amount, table.currency(currency), "amount"))
        found.currencies.append(sys.intern(currency))
        found.descriptions.append(description)
    return found


def read_settlements(path: Path, orders: OrderColumns) -> SettlementColumns:
    """settlements.csv; the currency of a row is that of its order (IDR where it names none). Raises `Unreadable`."""
    table, found = _Table(path, SETTLEMENTS), SettlementColumns()
    currencies = dict(zip(orders.references, orders.currencies, strict=True))
    currencies.update(zip(orders.ids, orders.currencies, strict=True))
    for gateway, batch, settled, reference, gross, fee, net in table.rows():
        exponent = table.currency(currencies.get(reference.removeprefix("REFUND "), "IDR"))
        found.gateways.append(sys.intern(gateway))
        found.batches.append(sys.intern(batch))
        found.references.append(reference)
        found.settled.append(table.day(settled, "settled_on"))
        found.gross.append(table.amount(gross, exponent, "gross"))
        found.fee.append(table.amount(fee, exponent, "fee") if fee else 0)
        found.net.append(table.amount(net, exponent, "net"))
    return found
