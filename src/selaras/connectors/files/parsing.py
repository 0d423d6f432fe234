"""One file as records: its profile is chosen, its lines are read, and what is refused is named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.contract import Seen
from selaras.connectors.files import guess
from selaras.connectors.files.goods import records_of
from selaras.connectors.files.orders import Context, orders_of
from selaras.connectors.files.profiles import Profile, shipped
from selaras.connectors.files.rows import Fault, Reader
from selaras.connectors.files.tables import BadFile, Form, Limits, Table, open_table


class Parsed(msgspec.Struct, frozen=True):
    """What a file holds. `error` is why it cannot be read at all (with its cure), "" otherwise."""

    file: str
    kind: str
    profile: Profile | None
    seen: tuple[Seen, ...]
    faults: tuple[Fault, ...]
    lines: int = 0
    error: str = ""
    cure: str = ""
    early: bool = False
    form: Form = Form()
    marks: Mapping[str, str] = {}


class Desk(msgspec.Struct, frozen=True):
    """What every file of a connection is read with."""

    currency: str
    zone: ZoneInfo
    kinds: tuple[str, ...]
    limits: Limits = Limits()
    profiles: Mapping[str, Profile] = {}
    prefer: str = ""


def choose(path: Path, name: str, desk: Desk) -> tuple[Profile, Table]:
    """The profile for a file, and the file opened under it. Raises `BadFile`.

    The one that the connection names, then saved ones for this name, then shipped ones whose columns are there, then
    saved ones whose columns are there, then a guess.
    """
    ours = [p for p in desk.profiles.values() if p.direction == "in" and p.kind in desk.kinds]
    named = [p for p in ours if p.name == desk.prefer] + [p for p in ours if p.fits_name(name)]
    if named:
        return named[0], open_table(path, name, named[0].form, named[0].fits_header, desk.limits)
    others = [p for p in shipped().values() if p.direction == "in" and p.kind in desk.kinds]
    if desk.prefer and (wanted := [p for p in others if p.name == desk.prefer]):
        return wanted[0], open_table(path, name, wanted[0].form, wanted[0].fits_header, desk.limits)
    candidates = [*(p for p in others if p.name != desk.prefer), *(p for p in ours if not p.files)]

    def known(texts: Sequence[str]) -> bool:
        return any(p.fits_header(texts) for p in candidates) or guess.looks_like_header(texts, desk.kinds, name)

    table = open_table(path, name, Form(), known, desk.limits)
    for profile in candidates:
        if profile.fits_header(table.header):
            return profile, table
    guessed = guess.guess(name, table.header, desk.kinds)
    if guessed is None:
        raise BadFile(
            f"line {table.header_line}: its columns ({', '.join(filter(None, table.header))[:200]}) are not known",
            "Save a profile that says what they mean: selaras files preview FILE --save NAME.",
        )
    return guessed, table


def parse(path: Path, name: str, written: dt.datetime, desk: Desk) -> Parsed:
    """Everything that a file holds. Never raises for what a file contains."""
    profile: Profile | None = None
    kind = guess.kind_of_name(name)
    try:
        profile, table = choose(path, name, desk)
        kind = profile.kind
        reader = Reader(table, profile, name, desk.zone)
        about = Context(name, written, desk.currency, desk.zone)
        rows = list(reader.rows())
        made = orders_of(rows, about) if kind == "order" else records_of(kind, rows, about)
    except BadFile as error:
        return Parsed(name, kind, profile, (), (), error=str(error), cure=error.cure, early=error.early)
    seen, faults = made
    form = msgspec.structs.replace(table.form, header_row=table.header_line)
    marks = {field: mark for field, mark in reader.marks.items() if mark}
    return Parsed(name, kind, profile, tuple(seen), tuple(faults), len(rows), form=form, marks=marks)


def faults_of(parsed: Parsed) -> list[Fault]:
    """All that was refused, a file that cannot be read included."""
    if parsed.error:
        return [Fault(parsed.file, 0, "", "", parsed.error, parsed.cure)]
    return list(parsed.faults)


def refused_lines(faults: Collection[Fault]) -> int:
    """How many lines were refused."""
    return len({fault.line for fault in faults if not fault.warning})
