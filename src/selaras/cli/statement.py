"""`selaras statement`: what a bank statement says, the layouts there are, and several exports as one bank.csv."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import click
import msgspec
from rich.table import Table

from selaras.cli.base import FINE, NEEDS_A_PERSON, argument, as_json, command, group, option, writing
from selaras.cli.session import session
from selaras.cli.show import count, print_json, say, show, table
from selaras.files import checks, guess, identity, statements
from selaras.files.claims import LINES
from selaras.files.layouts import FIELDS, BadLayout, Layout, checked, saved, shipped, to_toml
from selaras.files.refusal import Refused
from selaras.files.rows import Assumed
from selaras.files.rows import read as read_rows
from selaras.files.whole import write_csv
from selaras.i18n import N_, _, format_money
from selaras.model.money import ZERO
from selaras.model.statement import Statement, StatementLine

FOLDER = "layouts"
_SHOWN = 20


class StatementSeen(msgspec.Struct, frozen=True):
    """What a statement says. Amounts are in major units; `proofs` names what it printed and kept to: balances, closing,
    totals, counts. `lines` is empty unless they are asked for."""

    file: str
    layout: str
    bank: str
    account: str
    holder: str
    currency: str
    first: dt.date | None
    last: dt.date | None
    opening: Decimal | None
    closing: Decimal | None
    money_in: Decimal
    money_out: Decimal
    rows: int
    pending: int
    proofs: list[str]
    lines: list[StatementLine]


class StatementRefused(msgspec.Struct, frozen=True):
    """A file that was not taken: where, why, and the cure; `row` is 0 for the whole file."""

    file: str
    row: int
    column: str
    sentence: str


class StatementsSeen(msgspec.Struct, frozen=True):
    """The answer of `selaras statement check`."""

    statements: list[StatementSeen]
    refused: list[StatementRefused]


class StatementsMerged(msgspec.Struct, frozen=True):
    """The answer of `selaras statement merge`. `repeated` rows were in several exports, `replaced` pending rows were
    booked later, `pending` ones still wait and are not written, `gone` ones a later export no longer has."""

    files: int
    written: int
    repeated: int
    replaced: int
    pending: int
    gone: int
    out: str


class LayoutSeen(msgspec.Struct, frozen=True):
    """A layout: its name, whose export it is, the files it reads, and its columns."""

    name: str
    bank: str
    title: str
    kinds: list[str]
    columns: list[str]
    own: bool


@group("statement", help=N_("Bank statements: what a file says, the layouts there are, several exports as one."))
def statement() -> None:
    pass


_files = argument("files", nargs=-1, required=True, metavar=N_("FILE…"), help=N_("Statements of a bank."),
                  type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
_layout = option("--layout", default="", metavar=N_("NAME"), help=N_("Read the file by this layout."))
_account = option("--account", default="", help=N_("The account, where the file does not say it."))
_currency = option("--currency", default="", help=N_("The currency, where the file does not say it."))


def _folder() -> Path:
    return session().data / FOLDER


def _own() -> dict[str, Layout]:
    try:
        return saved(_folder())
    except BadLayout as error:
        raise click.UsageError(error.spoken()) from None


def _read(
    files: Sequence[Path], layout: str, account: str, currency: str
) -> tuple[list[Statement], list[StatementRefused]]:
    own, assumed = _own(), Assumed(account=account, currency=currency.upper())
    found: list[Statement] = []
    refused: list[StatementRefused] = []
    for path in files:
        try:
            found += statements.read(path, layout, own, assumed)
        except Refused as error:
            refused.append(StatementRefused(error.file, error.row, error.column, error.spoken()))
    return found, refused


def _seen(one: Statement, lines: bool) -> StatementSeen:
    return StatementSeen(
        one.file, one.layout, one.bank, one.account, one.holder, one.currency, one.first, one.last, one.opening,
        one.closing,
        sum((line.amount for line in one.lines if line.amount > 0), ZERO),
        -sum((line.amount for line in one.lines if line.amount < 0), ZERO),
        len(one.lines), sum(line.pending for line in one.lines), list(checks.check(one).proofs),
        list(one.lines) if lines else [],
    )  # fmt: skip


@command(
    "check",
    help=N_(
        "What the files say: bank, account, period, balances, rows, and which of their own figures prove them. "
        "Doubtful files are refused with row, column and cure. Nothing is written. Exit code 1 when a file is refused."
    ),
)
@_files
@_layout
@_account
@_currency
@option("--lines", is_flag=True, help=N_("Show the rows too."))
@as_json
def check(files: tuple[Path, ...], layout: str, account: str, currency: str, lines: bool, json_: bool) -> int:
    found, refused = _read(files, layout, account, currency)
    seen = [_seen(one, lines) for one in found]
    if json_:
        print_json(StatementsSeen(seen, refused))
        return NEEDS_A_PERSON if refused else FINE
    for one in seen:
        _show(one)
    for fault in refused:
        say(_("Refused: %(why)s", why=fault.sentence), "bold red")
    return NEEDS_A_PERSON if refused else FINE


def _money(amount: Decimal | None, currency: str) -> str:
    return "–" if amount is None else format_money(amount, currency)


def _show(one: StatementSeen) -> None:
    proofs = {"balances": _("running balances"), "closing": _("opening + rows = closing"),
              "totals": _("printed totals"), "counts": _("printed counts")}  # fmt: skip
    rows = [
        (_("Layout"), f"{one.layout} {shipped()[one.layout].title if one.layout in shipped() else ''}".strip()),
        (_("Bank"), one.bank or "–"),
        (_("Account"), " ".join(part for part in (one.account, one.holder) if part) or "–"),
        (_("Period"), f"{one.first or '–'} – {one.last or '–'}"),
        (_("Opening"), _money(one.opening, one.currency)),
        (_("In"), _money(one.money_in, one.currency)),
        (_("Out"), _money(one.money_out, one.currency)),
        (_("Closing"), _money(one.closing, one.currency)),
        (
            _("Rows"),
            count(one.rows) + (f" ({_('%(count)s pending', count=count(one.pending))})" if one.pending else ""),
        ),
        (_("Proven by"), ", ".join(proofs[name] for name in one.proofs) or _("nothing: the file prints no totals")),
    ]
    show("", table(one.file, ["", ""], rows))
    if one.lines:
        show("", _rows(one.lines))


def _rows(lines: Sequence[StatementLine]) -> Table:
    cells = [
        (str(line.row), line.day.isoformat() if line.day else _("pending"), _money(line.amount, line.currency),
         _money(line.balance, line.currency), line.description[:60])
        for line in lines
    ]  # fmt: skip
    return table("", [_("Row"), _("Day"), _("Amount"), _("Balance"), _("Description")], cells, right=(2, 3))


@command("layouts", help=N_("The layouts that ship with Selaras and your own; NAME shows one as TOML."))
@argument("name", required=False, help=N_("Name of a layout."))
@as_json
def layouts(name: str | None, json_: bool) -> int:
    own = _own()
    known = {**shipped(), **own}
    if name is not None and name not in known:
        raise click.UsageError(_("There is no layout %(name)s.", name=name))
    if name is not None and not json_:
        click.echo(to_toml(known[name]), nl=False)
        return FINE
    found = [
        LayoutSeen(one.name, one.bank, one.title, list(one.kinds), list(one.columns), one.name in own)
        for one in known.values()
        if name in (None, one.name)
    ]
    if json_:
        print_json(found)
        return FINE
    rows = [(one.name, one.bank or "–", one.title, ", ".join(one.kinds), _("own") if one.own else "") for one in found]
    show(table("", [_("Name"), _("Bank"), _("What it reads"), _("Files"), ""], rows))
    say(_("MT940, MT942, camt.052/053/054 and OFX need no layout."), "dim")
    return FINE


@command(
    "preview",
    help=N_(
        "What the columns of a CSV, XLSX or HTML table would be read as, with its first rows. With --save the layout "
        "is kept under a name and used from then on. Exit code 1 when the file is refused."
    ),
)
@argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help=N_("A table."))
@option("--save", metavar=N_("NAME"), help=N_("Keep the layout under this name."))
@option("--column", "columns", multiple=True, metavar=N_("FIELD=HEADER"), help=N_("Say what a column is."))
@option("--decimal", type=click.Choice([".", ","]), default=None, help=N_("Sign before the decimals."))
@option("--blank", type=click.Choice(["in", "out"]), default=None, help=N_("What a row without a CR/DB mark is."))
@option("--above", default="", help=N_("Words above the table by which this bank is known."))
@option("--bank", default="", help=N_("Name of the bank."))
@_account
@_currency
@as_json
def preview(
    file: Path,
    save: str | None,
    columns: tuple[str, ...],
    decimal: str | None,
    blank: str | None,
    above: str,
    bank: str,
    account: str,
    currency: str,
    json_: bool,
) -> int:
    said = dict(_column(text) for text in columns)
    try:
        found = statements.Tables(statements.load(file))
        layout, rows, at = guess.propose(found, save or "preview", said)
    except Refused as error:
        raise click.ClickException(error.at(file.name).spoken()) from None
    layout = msgspec.structs.replace(
        layout, decimal=decimal or "", blank=blank or "", bank=bank, above=above, account=account,
        currency=currency.upper(),
    )  # fmt: skip
    try:
        checked(layout)
    except BadLayout as error:
        raise click.UsageError(error.spoken()) from None
    seen: list[StatementSeen] = []
    refused: list[StatementRefused] = []
    try:
        for one in read_rows(layout, rows, at, file.name, Assumed()):
            seen.append(_seen(one, lines=True))
    except Refused as error:
        refused.append(StatementRefused(file.name, error.row, error.column, error.at(file.name).spoken()))
    if save and not refused:
        _save(layout)
    if json_:
        print_json(StatementsSeen(seen, refused))
    else:
        _show_preview(layout, seen, refused)
        if save and not refused:
            say(_("Saved as %(path)s.", path=str(_folder() / f"{save}.toml")))
    return NEEDS_A_PERSON if refused else FINE


def _column(text: str) -> tuple[str, str]:
    field, equals, header = text.partition("=")
    if not equals or field not in FIELDS:
        raise click.UsageError(
            _("%(text)s does not say a column; write FIELD=HEADER with one of %(fields)s.", text=text,
              fields=", ".join(FIELDS))
        )  # fmt: skip
    return field, header


def _save(layout: Layout) -> None:
    """The whole layout or none: written beside its place, then moved there."""
    if layout.name in shipped():
        raise click.UsageError(_("A layout called %(name)s ships with Selaras; take another name.", name=layout.name))
    target = _folder() / f"{layout.name}.toml"
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".part")
    fresh.write_text(to_toml(layout), encoding="utf-8")
    os.replace(fresh, target)


def _show_preview(layout: Layout, seen: Sequence[StatementSeen], refused: Sequence[StatementRefused]) -> None:
    columns = [tuple(part.strip() for part in column.split(":", 1)) for column in layout.columns]
    show("", table(_("Columns"), [_("Field"), _("Header")], columns))
    for one in seen:
        _show(msgspec.structs.replace(one, lines=one.lines[:_SHOWN]))
    for fault in refused:
        say(_("Refused: %(why)s", why=fault.sentence), "bold red")


@command(
    "merge",
    help=N_(
        "Several exports as one bank.csv for `selaras match`. Rows that are in several files come once, two equal "
        "transfers stay two, a pending row is replaced by its booked one. Nothing is written when a file is refused."
    ),
)
@_files
@option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help=N_("Where bank.csv is written."))
@_layout
@_account
@_currency
@as_json
def merge(files: tuple[Path, ...], out: Path, layout: str, account: str, currency: str, json_: bool) -> int:
    found, refused = _read(files, layout, account, currency)
    if refused:
        raise click.ClickException(" ".join(fault.sentence for fault in refused))
    try:
        union = identity.merge(found)
    except Refused as error:
        raise click.ClickException(error.spoken()) from None
    with writing(out):
        write_csv(out, LINES, _union_rows(union))
    merged = StatementsMerged(
        len(files), len(union.lines), union.repeated, union.replaced, len(union.pending), len(union.gone), str(out)
    )
    if json_:
        print_json(merged)
        return FINE
    say(
        _("%(written)s rows of %(files)s files are in %(out)s; %(repeated)s rows were in several files.",
          written=count(merged.written), files=count(merged.files), out=str(out), repeated=count(merged.repeated))
    )  # fmt: skip
    if merged.replaced or merged.pending or merged.gone:
        say(
            _("Pending rows: %(replaced)s were replaced by booked ones, %(pending)s still wait, %(gone)s are no longer "
              "there.", replaced=count(merged.replaced), pending=count(merged.pending), gone=count(merged.gone))
        )  # fmt: skip
    return FINE


def _union_rows(union: identity.Union) -> Iterator[tuple[str, ...]]:
    for one in union.lines:
        line = one.line
        day = line.day.isoformat() if line.day else ""
        yield one.line_id, day, format(line.amount, "f"), line.currency, " ".join(line.description.split("\n"))


for one in (check, layouts, preview, merge):
    statement.add_command(one)
