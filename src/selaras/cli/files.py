"""`selaras files`: what a file would be read as, and the column mappings saved by name."""

from __future__ import annotations

import datetime as dt
import os
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import msgspec

from selaras.cli.base import FINE, NEEDS_A_PERSON, argument, as_json, command, group, option
from selaras.cli.show import count, kind_word, print_json, say, show, table
from selaras.connectors.contract import Seen
from selaras.connectors.files.parsing import Desk, Parsed, faults_of, parse, refused_lines
from selaras.connectors.files.profiles import BadProfile, Profile, checked_name, shipped, to_toml
from selaras.connectors.files.profiles import parse as parse_profile
from selaras.i18n import N_, _
from selaras.model.money import EXPONENTS
from selaras.sync.sentences import spoken

_KINDS = ("order", "product", "stock", "contact", "account", "tax", "warehouse", "dimension")
_SHOWN = 20
_NOT_SHOWN = 10_000


class Column(msgspec.Struct, frozen=True):
    """A column that is read: the field that it fills and its header."""

    field: str
    header: str


class Refusal(msgspec.Struct, frozen=True):
    """A value that was refused, by line and column. `taken` lines are read all the same, without it."""

    line: int
    column: str
    value: str
    why: str
    cure: str
    taken: bool


class Previewed(msgspec.Struct, frozen=True):
    """What a file would be read as. `records` are the model's own values; `profile` is its name."""

    file: str
    kind: str
    profile: str
    lines: int
    read: int
    refused_lines: int
    columns: list[Column]
    decimals: dict[str, str]
    refusals: list[Refusal]
    records: list[Any]
    saved: str = ""


@group("files", help=N_("Files as a store or as books: see what one would be read as, and save its columns by name."))
def files() -> None:
    pass


@command(
    "preview",
    help=N_(
        "What a CSV or XLSX file would be read as: kind, columns, records, and every refused line with its column and "
        "cure. Nothing is written. With --save the mapping is kept under a name in the folder's profiles. Exit code 1 "
        "when something is refused."
    ),
)
@argument("file", type=click.Path(exists=True, dir_okay=False), help=N_("CSV or XLSX file."))
@option("--profile", "profile_name", help=N_("Read it by this profile."))
@option("--kind", type=click.Choice(_KINDS), help=N_("What the file holds, where its name and columns do not tell."))
@option("--folder", type=click.Path(file_okay=False), help=N_("Folder of the connection, for its saved profiles."))
@option("--currency", default="IDR", show_default=True, help=N_("Currency where the file names none."))
@option("--zone", default="Asia/Jakarta", show_default=True, help=N_("Time zone of its dates."))
@option("--limit", type=click.IntRange(1), default=_SHOWN, help=N_("Records shown."))
@option("--save", help=N_("Keep the mapping under this name in the folder's profiles."))
@as_json
def preview(
    file: str,
    profile_name: str | None,
    kind: str | None,
    folder: str | None,
    currency: str,
    zone: str,
    limit: int,
    save: str | None,
    json_: bool,
) -> int:
    path = Path(file)
    saved = _saved(folder)
    if profile_name and profile_name not in {**saved, **shipped()}:
        raise click.UsageError(_("There is no profile %(name)s.", name=profile_name))
    try:
        where = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise click.UsageError(_("%(zone)s is not a time zone.", zone=zone)) from None
    if currency.upper() not in EXPONENTS:
        raise click.UsageError(_("%(currency)s is not a currency.", currency=currency))
    desk = Desk(currency.upper(), where, (kind,) if kind else _KINDS, profiles=saved, prefer=profile_name or "")
    parsed = parse(path, path.name, dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC), desk)
    kept = _save(parsed, folder, save) if save else ""
    found = _previewed(parsed, limit, kept)
    if json_:
        print_json(found)
    else:
        _show(found, parsed)
    return NEEDS_A_PERSON if any(not one.taken for one in found.refusals) else FINE


def _saved(folder: str | None) -> dict[str, Profile]:
    """Profiles of a folder. Raises `click.UsageError` naming the one that cannot be read."""
    found = {}
    for path in sorted((Path(folder) / "profiles").glob("*.toml")) if folder else ():
        try:
            found[path.stem] = parse_profile(path.read_text(encoding="utf-8"), path.stem)
        except (BadProfile, UnicodeDecodeError) as error:
            raise click.UsageError(str(error)) from None
    return found


def _save(parsed: Parsed, folder: str | None, name: str) -> str:
    if not folder:
        raise click.UsageError(_("Name the folder of the connection with --folder."))
    if parsed.profile is None:
        raise click.UsageError(_("The columns of %(file)s are not known; there is nothing to save.", file=parsed.file))
    try:
        checked_name(name)
    except BadProfile as error:
        raise click.UsageError(str(error)) from None
    marks = {mark for mark in parsed.marks.values() if mark}
    profile = msgspec.structs.replace(
        parsed.profile,
        name=name,
        files=parsed.profile.files or (parsed.file,),
        decimal=parsed.profile.decimal or (marks.pop() if len(marks) == 1 else ""),
        delimiter=parsed.profile.delimiter or parsed.form.delimiter,
    )
    target = Path(folder) / "profiles" / f"{name}.toml"
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_suffix(".part")
    beside.write_text(to_toml(profile), encoding="utf-8")
    os.replace(beside, target)
    return str(target)


def _previewed(parsed: Parsed, limit: int, saved: str) -> Previewed:
    faults = faults_of(parsed)
    profile = parsed.profile
    columns = [Column(field, names[0]) for field, names in profile.columns.items() if names] if profile else []
    return Previewed(
        file=parsed.file,
        kind=parsed.kind,
        profile=profile.name if profile else "",
        lines=parsed.lines,
        read=sum(1 for seen in parsed.seen if not getattr(seen.record, "unreadable", "")),
        refused_lines=refused_lines(faults),
        columns=columns,
        decimals=dict(parsed.marks),
        refusals=[Refusal(f.line, f.column, f.value, f.why, f.cure, f.warning) for f in faults[:_NOT_SHOWN]],
        records=[seen.record for seen in parsed.seen[:limit]],
        saved=saved,
    )


def _show(found: Previewed, parsed: Parsed) -> None:
    say(
        _(
            "%(file)s: %(kind)s, %(lines)s lines, %(read)s records can be taken, %(refused)s lines are refused "
            "(profile %(profile)s).",
            file=found.file,
            kind=kind_word(found.kind) if found.kind else _("not known"),
            lines=count(found.lines),
            read=count(found.read),
            refused=count(found.refused_lines),
            profile=found.profile or "-",
        )
    )
    if found.columns:
        rows = [(one.field, one.header, found.decimals.get(one.field, "")) for one in found.columns]
        show("", table(_("Columns"), [_("Field"), _("Header"), _("Decimal sign")], rows))
    if found.records:
        shown_rows = [_row(seen) for seen in parsed.seen[: len(found.records)]]
        show("", table(_("Records"), [_("Number"), _("Day"), _("Total"), _("Name"), _("Status")], shown_rows))
    if found.refusals:
        refused = [
            (str(one.line or ""), one.column, one.value, spoken(one.why), spoken(one.cure)) for one in found.refusals
        ]
        titles = [_("Line"), _("Column"), _("Value"), _("Why"), _("Cure")]
        show("", table(_("Refused"), titles, refused))
    if found.saved:
        say(_("Saved as %(path)s.", path=found.saved))


def _row(seen: Seen) -> tuple[str, str, str, str, str]:
    record: Any = seen.record
    number = getattr(record, "number", "") or getattr(record, "code", "") or getattr(record, "id", "")
    total = getattr(record, "total", getattr(record, "price", getattr(record, "on_hand", "")))
    buyer = getattr(record, "buyer", None)
    name = buyer.name if buyer is not None else getattr(record, "name", "")
    status = _("refused") if getattr(record, "unreadable", "") else getattr(record, "status", "")
    text = format(total, "f") if isinstance(total, Decimal) else str(total)
    return number, seen.day.isoformat() if seen.kind == "order" else "", text, name, status


@command(
    "profile",
    help=N_("The column mappings there are: those that ship with Selaras and those saved in a folder; NAME shows one."),
)
@argument("name", required=False, help=N_("Name of a profile."))
@option("--folder", type=click.Path(file_okay=False), help=N_("Folder of the connection, for its saved profiles."))
@as_json
def profile(name: str | None, folder: str | None, json_: bool) -> int:
    known = {**shipped(), **_saved(folder)}
    if name is not None and name not in known:
        raise click.UsageError(_("There is no profile %(name)s.", name=name))
    if json_:
        print_json(known[name] if name is not None else list(known.values()))
    elif name is not None:
        click.echo(to_toml(known[name]), nl=False)
    else:
        rows = [(p.name, p.kind, p.direction, spoken(p.title) or ", ".join(p.files)) for p in known.values()]
        show(table("", [_("Name"), _("Kind"), _("Direction"), _("What it is for")], rows))
    return FINE


files.add_command(preview)
files.add_command(profile)
