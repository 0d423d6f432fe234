"""Reading bank statements of any format: look at the file, choose the reader, hold the result to its own proofs.

Formats: MT940/MT942, camt.052/053/054, OFX 1 and 2, and declared layouts for CSV, XLSX and HTML exports. The format is
told by what stands in the file, never by its name, and the bank by the layout or the lines above the table, never by
words in transactions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from selaras.files import camt, checks, mt940, ofx, rows, tables
from selaras.files.heading import line_of
from selaras.files.layouts import Layout, shipped
from selaras.files.refusal import EXPORT_AGAIN, SAY_LAYOUT, Refused
from selaras.files.rows import Assumed
from selaras.files.tables import Row
from selaras.i18n import N_
from selaras.model.statement import Statement

_SEARCHED: Final = 60
_HTML: Final = (b"<html", b"<!doctype html", b"<table", b"<head", b"<body", b"<meta", b"<style")
_MAGIC: Final = (
    (b"%PDF", N_("it is a PDF, whose columns cannot be read with certainty"), N_("Export CSV, XLSX or MT940 instead.")),
    (b"\xd0\xcf\x11\xe0", N_("it is a workbook of the old kind, or has a password"), N_("Save it as XLSX or CSV.")),
)


class Tables:
    """A file as candidates of tables: (kind, rows) under each delimiter that it might have."""

    def __init__(self, data: bytes) -> None:
        if data.startswith(b"PK\x03\x04"):
            self.kind = "xlsx"
            self.candidates = [tables.from_xlsx(data)]
        elif data.lstrip()[:256].lower().startswith(_HTML):
            self.kind = "html"
            self.candidates = [tables.from_html(tables.decoded(data))]
        else:
            self.kind = "csv"
            text = tables.decoded(data)
            if "\0" in text:
                raise Refused(N_("it is not a text table"), EXPORT_AGAIN)
            self.candidates = [tables.from_csv(text, mark) for mark in tables.DELIMITERS if mark in text]

    def matches(self, layouts: Sequence[Layout]) -> list[tuple[Layout, list[Row], int]]:
        """(layout, rows, index of the header) of every layout whose header is in the file."""
        found = []
        for candidate in self.candidates:
            for at, row in enumerate(candidate[:_SEARCHED]):
                texts = row.texts()
                found += [
                    (layout, candidate, at) for layout in layouts if self.kind in layout.kinds and layout.heads(texts)
                ]
        return found


def load(path: Path) -> bytes:
    """The bytes of a file. Raises `Refused` where there are too many or none."""
    if path.stat().st_size > tables.LARGEST:
        raise Refused(
            N_("it is larger than %(size)s MB"), N_("Export a shorter period."), file=path.name,
            size=tables.LARGEST // tables.MIB,
        )  # fmt: skip
    return admitted(path.read_bytes(), path.name)


def admitted(data: bytes, file: str) -> bytes:
    """The bytes of a file, if they can be a statement. Raises `Refused` for none, a PDF or an old workbook."""
    if not data.strip():
        raise Refused(N_("it is empty"), EXPORT_AGAIN, file=file)
    for magic, why, cure in _MAGIC:
        if data.startswith(magic):
            raise Refused(why, cure, file=file)
    return data


def read(
    path: Path, layout: str = "", own: Mapping[str, Layout] | None = None, assumed: Assumed | None = None
) -> tuple[Statement, ...]:
    """The statements of a file, each one proven. `layout` names the one to read by; `own` are a user's layouts.

    Raises `Refused`, naming file, row and column, for anything doubtful; `OSError` where the file cannot be opened.
    """
    data = load(path)
    return parse(data, path.name, layout, own, assumed)


def parse(
    data: bytes, file: str, layout: str = "", own: Mapping[str, Layout] | None = None, assumed: Assumed | None = None
) -> tuple[Statement, ...]:
    """`read` of bytes that are at hand; `file` is the name that refusals say."""
    found = _parsed(data, file, layout, own or {}, assumed or Assumed())
    for statement in found:
        checks.check(statement)
    return found


def _parsed(data: bytes, file: str, layout: str, own: Mapping[str, Layout], assumed: Assumed) -> tuple[Statement, ...]:
    if not layout and not data.startswith(b"PK\x03\x04"):
        head = tables.decoded(data[:8192])
        if camt.looks_like(head):
            return camt.read(data, file)
        if ofx.looks_like(head):
            return ofx.read(tables.decoded(data), file)
        if mt940.looks_like(head):
            return mt940.read(tables.decoded(data), file)
    try:
        chosen, table, at = choose(Tables(data), layout, own)
    except Refused as refused:
        raise refused.at(file) from None
    return rows.read(chosen, table, at, file, assumed)


def choose(found: Tables, layout: str, own: Mapping[str, Layout]) -> tuple[Layout, list[Row], int]:
    """The layout of a table: the named one, else a user's own, else the one whose header and heading are in the file.

    Raises `Refused` where none fits or several do.
    """
    known = {**shipped(), **own}
    if layout:
        if layout not in known:
            raise Refused(N_("there is no layout %(name)s"), N_("`selaras statement layouts` lists them."), name=layout)
        matches = found.matches([known[layout]])
        if not matches:
            raise Refused(N_("the header of the layout %(name)s is not in it"), SAY_LAYOUT, name=layout)
        return matches[0]
    for layouts in (list(own.values()), list(shipped().values())):
        matches = found.matches(layouts)
        headed = [match for match in matches if match[0].headed(map(line_of, match[1][: match[2]]))]
        # A layout that asks for its bank's name and finds it is surer than one that does not ask.
        named = [match for match in headed if match[0].above] or headed
        names = {match[0].name for match in named}
        if len(names) == 1:
            return named[0]
        if names:
            raise Refused(N_("it fits several layouts: %(names)s"), SAY_LAYOUT, names=", ".join(sorted(names)))
        if matches:
            raise Refused(
                N_("its columns are those of %(names)s, but nothing above them names that bank"), SAY_LAYOUT,
                names=", ".join(sorted({match[0].name for match in matches})),
            )  # fmt: skip
    raise Refused(N_("its columns are those of no layout that is known"), SAY_LAYOUT)
