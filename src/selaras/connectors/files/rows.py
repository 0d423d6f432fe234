"""Lines of a table as values under our field names; what cannot be read is named by line and column, with the cure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.files.dates import read_moment
from selaras.connectors.files.fields import CHOICES, FIELDS, FLAGS, NEEDED
from selaras.connectors.files.numbers import (
    EXPONENT,
    Mark,
    Unreadable,
    grouping_of,
    marks_of,
    only,
    read_number,
)
from selaras.connectors.files.profiles import Profile, folded
from selaras.connectors.files.tables import BadFile, Cell, Table, shown

_NUMBERS: Final = frozenset({"amount", "number", "rate"})
_HUNDRED: Final = Decimal(100)
_NOTHING: Final = frozenset({"", "-", "--", "n/a", "#n/a", "null", "none"})


class Fault(msgspec.Struct, frozen=True):
    """Why a line is refused (or, with `warning`, what was left out of it). `column` is the header as it stands."""

    file: str
    line: int
    column: str
    value: str
    why: str
    cure: str
    warning: bool = False

    def sentence(self) -> str:
        """The fault without its cure."""
        place = f"line {self.line}" + (f", column {self.column}" if self.column else "")
        shown_value = f" ({self.value})" if self.value else ""
        return f"{place}: {self.why}{shown_value}"


class Row(msgspec.Struct, frozen=True):
    """One line: its values by field (missing = empty), what was wrong with it, and the cells as they stand."""

    line: int
    values: Mapping[str, Any]
    faults: tuple[Fault, ...]
    cells: Mapping[str, str]

    @property
    def refused(self) -> bool:
        """Whether the line cannot be taken as it is."""
        return any(not fault.warning for fault in self.faults)


class Reader:
    """Reads the lines of one table under one profile."""

    def __init__(self, table: Table, profile: Profile, file: str, zone: ZoneInfo) -> None:
        self.table = table
        self.profile = profile
        self.file = file
        self.zone = ZoneInfo(profile.zone) if profile.zone else zone
        self._types = FIELDS[profile.kind]
        self.places = self._places()
        self.marks = self._decide()
        self._choices = {
            field: {folded(text): meaning for text, meaning in table.items()} for field, table in profile.values.items()
        }

    def _places(self) -> dict[str, int]:
        """Field → place of its column. Raises `BadFile`."""
        header: dict[str, list[int]] = {}
        for place, text in enumerate(self.table.header):
            if text:
                header.setdefault(folded(text), []).append(place)
        found = {}
        for field, names in self.profile.columns.items():
            hits = next((header[folded(name)] for name in names if folded(name) in header), None)
            if hits is None:
                continue
            if len(hits) > 1:
                raise BadFile(
                    f"line {self.table.header_line}: two columns are called {self.table.header[hits[0]]}",
                    "Give each its own name.",
                )
            found[field] = hits[0]
        lacking = [f for f in NEEDED[self.profile.kind] if f not in found and f not in self.profile.defaults]
        if lacking:
            said = ", ".join("/".join(self.profile.columns.get(f, (f,))) for f in lacking)
            raise BadFile(
                f"line {self.table.header_line}: the column {said} is missing",
                "Export it with that column, or choose another profile.",
            )
        return found

    def _decide(self) -> dict[str, Mark]:
        """The decimal sign of each column of numbers, from all its values, then from those of the whole table."""
        if self.profile.decimal:
            said: Mark = "," if self.profile.decimal == "," else "."
            return {field: said for field in self.places if self._types[field] in _NUMBERS}
        fields = [field for field in self.places if self._types[field] in _NUMBERS]
        proved: dict[str, set[Mark]] = {field: set() for field in fields}
        uncertain: dict[str, set[Mark]] = {field: set() for field in fields}
        for _line, cells in self.table.lines():
            for field in fields:
                cell = cells[self.places[field]] if self.places[field] < len(cells) else None
                if not isinstance(cell, str) or not ("." in cell or "," in cell):
                    continue
                marks = marks_of((cell,))
                proved[field] |= marks
                if not marks:
                    uncertain[field].add(grouping_of(cell.removesuffix(",-").removesuffix(".-")))
        whole = only(mark for marks in proved.values() for mark in marks)
        # Three digits behind the only sign cannot be decimals of money: no currency in use here has a thousandth but
        # a few, and those prove themselves by their other amounts.
        grouped = only(
            mark for field, marks in uncertain.items() if self._types[field] == "amount" for mark in marks if mark
        )
        decided: dict[str, Mark] = {}
        for field in fields:
            mark = only(proved[field])
            if not proved[field]:
                mark = whole or grouped
                if self._types[field] == "amount" and uncertain[field] and whole and uncertain[field] != {whole}:
                    # "1.5" pieces at "75.000": another column's sign would make seventy-five of it. A person says.
                    mark = ""
            decided[field] = mark
        return decided

    def rows(self) -> Iterator[Row]:
        """Every line that is not empty. Raises `BadFile` where the file itself breaks off."""
        width = len(self.table.header)
        for line, cells in self.table.lines():
            yield self._row(line, cells, width)

    def _row(self, line: int, cells: Sequence[Cell], width: int) -> Row:
        faults: list[Fault] = []
        values: dict[str, Any] = {}
        header = self.table.header
        shape = self._shape(cells, width)
        if shape:
            cure = "Look at the quotes and delimiters of that line."
            faults.append(Fault(self.file, line, "", "", shape, cure))
        for field, kind in self._types.items():
            place = self.places.get(field)
            cell = cells[place] if place is not None and place < len(cells) else None
            if isinstance(cell, str):
                cell = cell.strip()
            if (cell is None or cell == "") and field in self.profile.defaults:
                cell = self.profile.defaults[field]
            if cell is None or cell == "":
                continue
            column = header[place] if place is not None else field
            try:
                value = self._value(field, kind, cell)
            except Unreadable as error:
                warning = kind == "phone"
                faults.append(Fault(self.file, line, column, shown(cell)[:80], str(error), error.cure, warning))
                continue
            if value is not None:
                values[field] = value
        kept = {header[i]: shown(c) for i, c in enumerate(cells) if i < width and header[i] and c not in (None, "")}
        return Row(line, values, tuple(faults), kept)

    def _shape(self, cells: Sequence[Cell], width: int) -> str:
        if any(cell not in (None, "") for cell in cells[width:]):
            return f"it has {len(cells)} cells, the header has {width}"
        if self.table.form.delimiter and len(cells) < width:
            return f"it has only {len(cells)} of {width} cells"
        return ""

    def _value(self, field: str, kind: str, cell: Cell) -> Any:
        if kind in _NUMBERS:
            return self._number(field, kind, cell)
        if kind in ("moment", "day"):
            return self._moment(cell)
        text = _unescaped(shown(cell))
        if kind == "phone":
            return _phone(cell, text)
        if kind == "code":
            return _code(cell, text)
        if kind in ("choice", "status"):
            own = self._choices.get(field, {}).get(folded(text))
            meaning = own or CHOICES[field].get(text.strip().lower()) or CHOICES[field].get(folded(text))
            if meaning is None or meaning not in CHOICES[field].values():
                raise Unreadable(
                    "its meaning is not known", f"Say what it means under [values.{field}] in the profile."
                )
            return meaning
        if kind == "flag":
            meaning = self._choices.get(field, {}).get(folded(text)) or FLAGS.get(text.strip().lower())
            if meaning not in ("yes", "no"):
                raise Unreadable(
                    "it is neither yes nor no", f"Say what it means under [values.{field}] in the profile."
                )
            return meaning == "yes"
        return text

    def _number(self, field: str, kind: str, cell: Cell) -> Decimal | None:
        if isinstance(cell, Decimal):
            value = cell
            percent = False
        else:
            text = shown(cell)
            if text.strip().lower() in _NOTHING:
                return None
            percent = text.rstrip().endswith("%")
            value = read_number(text.rstrip().removesuffix("%"), self.marks.get(field, ""))
        # 11 and 11% are eleven per cent; 0.11 in a cell is the same as a fraction.
        return value / _HUNDRED if kind == "rate" and (percent or value >= 1) else value

    def _moment(self, cell: Cell) -> dt.datetime | None:
        if isinstance(cell, dt.datetime):
            return (cell if cell.tzinfo else cell.replace(tzinfo=self.zone)).astimezone(dt.UTC)
        if isinstance(cell, dt.date):
            return dt.datetime.combine(cell, dt.time(), self.zone).astimezone(dt.UTC)
        text = shown(cell)
        if text.strip().lower() in _NOTHING:
            return None
        return read_moment(text, self.zone, self.profile.dates)


def _unescaped(text: str) -> str:
    """Without the apostrophe by which spreadsheets keep text from being a formula or a number."""
    if len(text) > 1 and text[0] == "'" and (text[1] in "=+-@0123456789\t"):
        return text[1:]
    return text


def _code(cell: Cell, text: str) -> str:
    if isinstance(cell, str) and (found := EXPONENT.fullmatch(text.replace(",", "."))):
        digits = found[1] + found[2]
        if len(digits) != int(found[3]) + 1:
            raise Unreadable(
                "a spreadsheet has cut its digits off", "Format the column as text in the spreadsheet and export again."
            )
        return digits
    return text


def _phone(cell: Cell, text: str) -> str | None:
    if text.strip().lower() in _NOTHING:
        return None
    if (found := EXPONENT.fullmatch(text.replace(",", "."))) and len(found[1] + found[2]) != int(found[3]) + 1:
        raise Unreadable(
            "a spreadsheet has cut its digits off; the telephone number is left out",
            "Format the column as text in the spreadsheet and export again.",
        )
    return text
