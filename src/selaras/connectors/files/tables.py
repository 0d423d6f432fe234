"""Files as tables: lines of cells with their line numbers, read as a stream from CSV and XLSX.

A cell is text, or what an XLSX says exactly: a number as `Decimal`, a day or an instant. Formulas are not worked out:
what counts is the value that the spreadsheet kept beside them.
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import zipfile
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

Cell = str | Decimal | dt.datetime | dt.date | None
Line = tuple[int, list[Cell]]
Lines = Generator[Line, None, None]

_DELIMITERS: Final = (";", ",", "\t", "|")
_HEAD: Final = 20
_CELL: Final = 32_768
_PARTS: Final = 5_000
MIB: Final = 1024 * 1024
# How workbooks begin: the old kind (and those with a password), and ZIP archives.
_OLD: Final = b"\xd0\xcf\x11\xe0"
_WORKBOOKS: Final = (_OLD, b"PK\x03\x04")


class BadFile(Exception):
    """The file cannot be read as a table at all; the text says why."""

    def __init__(self, why: str, cure: str, *, early: bool = False) -> None:
        super().__init__(why)
        self.cure = cure
        # A file that is still being written looks like this too.
        self.early = early


class Form(msgspec.Struct, frozen=True):
    """How a file is written; "" and 0 mean: find out."""

    sheet: str = ""
    header_row: int = 0
    delimiter: str = ""
    encoding: str = ""


class Limits(msgspec.Struct, frozen=True):
    """The largest file, the largest XLSX when unpacked (bytes), and the most lines."""

    size: int = 64 * MIB
    unpacked: int = 512 * MIB
    lines: int = 1_000_000


class Table(msgspec.Struct, frozen=True):
    """A table: its header and a way to read the lines below it, as often as wanted."""

    header: tuple[str, ...]
    header_line: int
    form: Form
    lines: Callable[[], Lines]


def open_table(path: Path, name: str, form: Form, is_header: Callable[[Sequence[str]], bool], limits: Limits) -> Table:
    """The table in `path` (called `name`). `is_header` tells its header line among the first twenty.

    Raises `BadFile`.
    """
    if path.stat().st_size > limits.size:
        raise BadFile(f"it is larger than {limits.size // MIB} MB", "Split it, or raise the setting max_mb.")
    excel = name.lower().endswith((".xlsx", ".xlsm"))
    if excel:
        check_archive(path, limits)

        def lines() -> Lines:
            return _excel(path, form.sheet)
    else:
        if _head(path) in _WORKBOOKS:
            raise BadFile("it is a spreadsheet under the name of a text file", "Save it as CSV, or name it .xlsx.")
        encoding = form.encoding or _encoding(path)
        delimiter = form.delimiter or _delimiter(path, encoding, is_header)
        form = msgspec.structs.replace(form, encoding=encoding, delimiter=delimiter)

        def lines() -> Lines:
            return _text(path, encoding, delimiter)

    header_line, header = _header(lines, form, is_header)
    return Table(header, header_line, form, lambda: _below(lines, header_line, limits))


def _head(path: Path) -> bytes:
    with path.open("rb") as handle:
        return handle.read(4)


def _header(
    lines: Callable[[], Lines], form: Form, is_header: Callable[[Sequence[str]], bool]
) -> tuple[int, tuple[str, ...]]:
    first: tuple[int, tuple[str, ...]] | None = None
    with closing(lines()) as rows:
        for line, cells in rows:
            texts = tuple(shown(cell).strip() for cell in cells)
            while texts and not texts[-1]:
                texts = texts[:-1]
            if form.header_row:
                if line == form.header_row:
                    return line, texts
                if line > form.header_row:
                    break
                continue
            if not texts:
                continue
            if is_header(texts):
                return line, texts
            first = first or (line, texts)
            if line > _HEAD:
                break
    if form.header_row:
        raise BadFile(f"it has no line {form.header_row}, where its header should stand", "Correct header_row.")
    if first is None:
        raise BadFile("it is empty", "Export it again.", early=True)
    return first


def _below(lines: Callable[[], Lines], header_line: int, limits: Limits) -> Lines:
    count = 0
    for line, cells in lines():
        if line <= header_line or not any(cell not in (None, "") for cell in cells):
            continue
        count += 1
        if count > limits.lines:
            raise BadFile(f"it has more than {limits.lines} lines", "Split it.")
        yield line, cells


def shown(cell: Cell) -> str:
    """A cell as text."""
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return cell if isinstance(cell, str) else cell.isoformat()


# -- text --------------------------------------------------------------------------------------------------------------


def _encoding(path: Path) -> str:
    """By its byte order mark, else UTF-8, else what spreadsheets under Windows write. Raises `BadFile`."""
    head = _head(path)
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return name
    for name in ("utf-8", "cp1252"):
        decoder = codecs.getincrementaldecoder(name)()
        try:
            with path.open("rb") as handle:
                while chunk := handle.read(MIB):
                    if b"\0" in chunk:
                        raise BadFile("it is not a text table", "Save it as CSV in UTF-8 or as XLSX.")
                    decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return name
    raise BadFile("its letters are in no encoding that is known", "Save it as CSV in UTF-8.")


def _delimiter(path: Path, encoding: str, is_header: Callable[[Sequence[str]], bool]) -> str:
    best, score = ",", (-1, -1, -1)
    for delimiter in _DELIMITERS:
        widths = []
        named = 0
        try:
            with closing(_text(path, encoding, delimiter)) as rows:
                for line, cells in rows:
                    widths.append(len(cells))
                    named = named or int(len(cells) > 1 and is_header([shown(c).strip() for c in cells]))
                    if line > _HEAD:
                        break
        except BadFile:
            continue
        common = max(set(widths), key=lambda w: (widths.count(w), w), default=0)
        found = (named, int(common > 1) * widths.count(common), common)
        if found > score:
            best, score = delimiter, found
    return best


def _text(path: Path, encoding: str, delimiter: str) -> Lines:
    try:
        handle = path.open(encoding=encoding, newline="")
    except LookupError:
        raise BadFile(f"{encoding} is no encoding", "Correct encoding in the profile.") from None
    with handle:
        reader = csv.reader(handle, delimiter=delimiter, strict=True)
        before = 0
        try:
            for cells in reader:
                line, before = before + 1, reader.line_num
                if line == 1 and len(cells) <= 2 and cells and cells[0].lower().startswith("sep="):
                    continue
                if any(len(cell) > _CELL for cell in cells):
                    raise BadFile(f"line {line} has a cell of more than {_CELL} letters", "Look at its quotes.")
                yield line, list(cells)
        except csv.Error as error:
            raise BadFile(
                f"line {before + 1} is not CSV ({error})", "Look at the quotes of that line.", early=True
            ) from None
        except UnicodeDecodeError:
            raise BadFile(f"line {before + 1} is not {encoding} text", "Save it as CSV in UTF-8.", early=True) from None


# -- XLSX --------------------------------------------------------------------------------------------------------------


def check_archive(path: Path, limits: Limits) -> None:
    """A workbook must be a ZIP archive that does not grow beyond the limit. Raises `BadFile`."""
    if _head(path) == _OLD:
        raise BadFile("it is protected by a password or of the old kind .xls", "Save it as XLSX without a password.")
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError):
        raise BadFile("it is not a whole XLSX workbook", "Save it again as XLSX.", early=True) from None
    # The archive's own word is held: reading a part stops at the size that is declared here.
    if len(parts) > _PARTS or sum(part.file_size for part in parts) > limits.unpacked:
        raise BadFile(f"unpacked it would be larger than {limits.unpacked // MIB} MB", "Split it, or save it as CSV.")


def _excel(path: Path, sheet: str) -> Lines:
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # the library says anything about a damaged workbook
        raise BadFile(f"it cannot be opened as XLSX ({type(error).__name__})", "Save it again as XLSX.") from None
    with closing(book):
        if sheet and sheet not in book.sheetnames:
            raise BadFile(f"it has no sheet {sheet}", f"Its sheets are {', '.join(book.sheetnames)}.")
        page = book[sheet] if sheet else book[book.sheetnames[0]]
        if not hasattr(page, "reset_dimensions"):
            raise BadFile("its sheet is a chart", "Name the sheet with the table in the profile.")
        # Some programs declare sizes that are not true; the lines themselves are.
        page.reset_dimensions()
        rows = page.iter_rows()
        line = 0
        while True:
            try:
                cells = next(rows)
            except StopIteration:
                return
            except Exception as error:  # as above
                raise BadFile(
                    f"line {line + 1} cannot be read as XLSX ({type(error).__name__})", "Save it again as XLSX."
                ) from None
            line += 1
            yield line, [_value(cell.value) for cell in cells]


def _value(value: object) -> Cell:
    if value is None or isinstance(value, str | dt.datetime | dt.date):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, dt.time):
        return value.isoformat()
    # A workbook's numbers have fifteen digits; what is behind them is noise of the program that wrote it (ECMA-376
    # stores what Excel held in binary). Written out with fifteen, the number is what its author saw.
    return Decimal(format(value, ".15g")).normalize() + 0 if type(value).__name__ == "float" else str(value)
