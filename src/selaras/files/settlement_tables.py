"""Settlement files as tables: CSV and XLSX, with the line of their header found by its names.

Cells come as text; what a workbook holds as a number or a day is written out exactly. Files of settlements are small
(a day, a week, a month), so a table is read whole.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from selaras.files.claims import Unreadable

MOST_BYTES: Final = 64 * 1024 * 1024
MOST_LINES: Final = 500_000
_MOST_UNPACKED: Final = 512 * 1024 * 1024
_HEAD: Final = 30
_DELIMITERS: Final = ",;\t|"


class Table(msgspec.Struct, frozen=True):
    """One table: where it is (file and sheet), its header as written, and (line, cells) below it."""

    where: str
    header: tuple[str, ...]
    lines: tuple[tuple[int, tuple[str, ...]], ...]


def squeezed(name: str) -> str:
    """A header's name without capitals, signs and double spaces: what is compared."""
    kept = "".join(c if c.isalnum() else " " for c in name.lower())
    return " ".join(kept.split())


def read_tables(path: Path, is_header: Callable[[frozenset[str]], bool]) -> list[Table]:
    """The tables of a file whose header `is_header` knows by its squeezed names. Raises `Unreadable`."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Unreadable(f"{path.name} is larger than {MOST_BYTES // 2**20} MB. Split it.")
        raw = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path.name} cannot be read: {error.strerror or error}.") from None
    return tables_of(raw, path.name, is_header)


def tables_of(raw: bytes, name: str, is_header: Callable[[frozenset[str]], bool]) -> list[Table]:
    """`read_tables` of bytes that are at hand; `name` is the one that refusals say. Raises `Unreadable`."""
    found = []
    for where, lines in _sheets(name, raw):
        table = _table(where, lines, is_header)
        if table is not None:
            found.append(table)
    if not found:
        raise Unreadable(f"{name}: none of its first {_HEAD} lines is the header of a settlement file.")
    return found


def _table(
    where: str, lines: Iterator[tuple[int, list[str]]], is_header: Callable[[frozenset[str]], bool]
) -> Table | None:
    header: tuple[str, ...] = ()
    kept: list[tuple[int, tuple[str, ...]]] = []
    for line, cells in lines:
        if not header:
            if is_header(frozenset(squeezed(cell) for cell in cells)):
                header = tuple(cells)
            elif line > _HEAD:
                return None
        elif any(cell.strip() for cell in cells):
            if len(kept) >= MOST_LINES:
                raise Unreadable(f"{where} has more than {MOST_LINES} lines. Split it.")
            kept.append((line, tuple(cell.strip() for cell in cells) + ("",) * (len(header) - len(cells))))
    return Table(where, header, tuple(kept)) if header else None


def _sheets(name: str, raw: bytes) -> Iterator[tuple[str, Iterator[tuple[int, list[str]]]]]:
    if raw.startswith(b"PK\x03\x04"):
        yield from _workbook(name, raw)
    elif raw.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable(f"{name} is protected by a password or of the old kind .xls. Save it as XLSX without one.")
    else:
        yield name, _text(name, raw)


def _text(name: str, raw: bytes) -> Iterator[tuple[int, list[str]]]:
    encoding = "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(f"{name} is not UTF-8 (byte {error.start}). Save it as CSV in UTF-8 or as XLSX.") from None
    if "\0" in text:
        raise Unreadable(f"{name} is not a text table. Save it as CSV in UTF-8 or as XLSX.")
    first = max(text.splitlines()[:_HEAD], key=lambda line: max(line.count(d) for d in _DELIMITERS), default="")
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    before = 0
    try:
        for cells in reader:
            line, before = before + 1, reader.line_num
            yield line, cells
    except csv.Error as error:
        raise Unreadable(f"{name}, line {before + 1}: it is not CSV ({error})") from None


def _workbook(name: str, raw: bytes) -> Iterator[tuple[str, Iterator[tuple[int, list[str]]]]]:
    import openpyxl

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MOST_UNPACKED:
                raise Unreadable(f"{name} would be too large unpacked. Split it, or save it as CSV.")
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
    except Unreadable:
        raise
    except Exception as error:  # the library says anything about a damaged workbook
        raise Unreadable(f"{name} cannot be opened as XLSX ({type(error).__name__}). Save it again.") from None
    for sheet in book.worksheets:
        # Some programs declare sizes that are not true; the lines themselves are.
        sheet.reset_dimensions()
        yield f"{name}, sheet {sheet.title}", _lines(f"{name}, sheet {sheet.title}", sheet)


def _lines(where: str, sheet: object) -> Iterator[tuple[int, list[str]]]:
    rows = sheet.iter_rows(values_only=True)  # type: ignore[attr-defined]
    line = 0
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            return
        except Exception as error:  # as above
            raise Unreadable(f"{where}, line {line + 1}: it cannot be read ({type(error).__name__})") from None
        line += 1
        yield line, [_shown(cell) for cell in cells]


def _shown(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if type(cell).__name__ == "float":
        # A workbook's numbers have fifteen digits; what is behind them is noise of the program that wrote it.
        text = format(cell, ".15g")
        return format(int(text), "d") if text.lstrip("-").isdigit() else text
    return str(cell)
