"""Files as rows of cells with their row numbers: CSV, XLSX and the HTML tables that banks call .xls.

A cell is text, or what a workbook says exactly: a number as `Decimal`, a day. Formulas are not worked out.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from decimal import Decimal
from html.parser import HTMLParser
from typing import Final

import msgspec

from selaras.files.refusal import EXPORT_AGAIN, Refused
from selaras.i18n import N_

Cell = str | Decimal | dt.date
DELIMITERS: Final = (",", ";", "\t", "|")
MIB: Final = 1024 * 1024
LARGEST: Final = 64 * MIB
_UNPACKED: Final = 512 * MIB
_MOST_ROWS: Final = 1_000_000
_CELL: Final = 1 << 20


class Row(msgspec.Struct, frozen=True):
    """A row of a table: its number in the file (from 1) and its cells."""

    number: int
    cells: tuple[Cell, ...]

    def texts(self) -> list[str]:
        """The cells as they are shown, without blanks around them and the apostrophe that keeps zeros."""
        return [shown(cell) for cell in self.cells]


def shown(cell: Cell) -> str:
    """A cell as text; BCA puts an apostrophe before dates and account numbers so that spreadsheets leave them alone."""
    if isinstance(cell, Decimal):
        return format(cell, "f")
    if isinstance(cell, dt.date):
        return cell.isoformat()
    text = cell.replace("\xa0", " ").strip()
    return text[1:].strip() if text.startswith("'") else text


def decoded(data: bytes) -> str:
    """Text by its byte order mark, else UTF-8, else Windows-1252; nothing is dropped."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def from_csv(text: str, delimiter: str) -> list[Row]:
    """The rows of delimited text; empty lines count, so that the numbers are those that an editor shows."""
    usual = csv.field_size_limit(_CELL)  # it is the whole process's
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows, before = [], 0
    try:
        for cells in reader:
            number, before = before + 1, reader.line_num
            if any(cell.strip() for cell in cells):
                rows.append(Row(number, tuple(cells)))
    except csv.Error as error:
        raise Refused(
            N_("the line is not CSV (%(error)s)"), N_("Look at the quotes of that line."), row=before + 1, error=error
        ) from None
    finally:
        csv.field_size_limit(usual)
    return _not_too_many(rows)


def from_xlsx(data: bytes) -> list[Row]:
    """The rows of the first sheet. Raises `Refused` for what is no workbook or would grow too large."""
    import openpyxl

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError):
        raise Refused(N_("it is not a whole XLSX workbook"), EXPORT_AGAIN) from None
    if size > _UNPACKED:
        raise Refused(N_("unpacked it would be larger than %(size)s MB"), EXPORT_AGAIN, size=_UNPACKED // MIB)
    rows: list[Row] = []
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        page = book[book.sheetnames[0]]
        if hasattr(page, "reset_dimensions"):
            page.reset_dimensions()  # some programs declare sizes that are not true
        for number, cells in enumerate(page.iter_rows(values_only=True), 1):
            row = Row(number, tuple(_exact(value) for value in cells))
            if any(text for text in row.texts()):
                rows.append(row)
        book.close()
    except Refused:
        raise
    except Exception as error:  # the library says anything about a damaged workbook
        raise Refused(N_("it cannot be opened as XLSX (%(error)s)"), EXPORT_AGAIN, error=type(error).__name__) from None
    return _not_too_many(rows)


def _exact(value: object) -> Cell:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    if isinstance(value, bool | dt.time | dt.timedelta):
        return str(value)
    if isinstance(value, int):
        return Decimal(value)
    # A workbook's numbers have fifteen digits; what is behind them is noise of binary storage (ECMA-376 §18.3.1.96).
    return Decimal(format(value, ".15g")).normalize() + 0 if type(value).__name__ == "float" else str(value)


class _Tables(HTMLParser):
    """Rows of all tables, innermost cells only; a <br> is a blank. Row numbers count <tr> from 1."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[Row] = []
        self._open: list[tuple[int, list[str]]] = []
        self._cells: list[list[str]] = []
        self._number = 0
        self._mute = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self._mute += 1
        elif tag == "tr":
            self._number += 1
            self._open.append((self._number, []))
        elif tag in ("td", "th"):
            self._cells.append([])
        elif tag == "br" and self._cells:
            self._cells[-1].append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._mute = max(0, self._mute - 1)
        elif tag in ("td", "th") and self._cells:
            text = " ".join("".join(self._cells.pop()).split())
            if self._open:
                self._open[-1][1].append(text)
        elif tag == "tr" and self._open:
            number, cells = self._open.pop()
            if any(cells):
                self.rows.append(Row(number, tuple(cells)))

    def handle_data(self, data: str) -> None:
        if self._cells and not self._mute:
            self._cells[-1].append(data)


def from_html(text: str) -> list[Row]:
    """The rows of every table of a page, in the order in which they end."""
    parser = _Tables()
    parser.feed(text)
    parser.close()
    return _not_too_many(parser.rows)


def _not_too_many(rows: list[Row]) -> list[Row]:
    if len(rows) > _MOST_ROWS:
        raise Refused(N_("it has more than %(count)s rows"), N_("Export a shorter period."), count=_MOST_ROWS)
    return rows
