"""`selaras settlement`: what the settlement files of gateways and marketplaces say, and one file of them all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import click
import msgspec

from selaras.cli.base import FINE, argument, as_json, command, group, option, writing
from selaras.cli.days import day_or_none
from selaras.cli.show import count, money, print_json, say, show, table
from selaras.files import settlements
from selaras.files.claims import Unreadable
from selaras.files.settlement_forms import GATEWAYS
from selaras.i18n import N_, _, format_day
from selaras.sync.sentences import spoken

_FILE = N_("A settlement file, CSV or XLSX.")
_PATH = click.Path(exists=True, dir_okay=False, path_type=Path)


class CheckedBatch(msgspec.Struct, frozen=True):
    """A batch: `net` is what the bank shows for it."""

    gateway: str
    batch: str
    settled_on: dt.date
    currency: str
    rows: int
    refunds: int
    gross: Decimal
    fee: Decimal
    net: Decimal


class CheckedFile(msgspec.Struct, frozen=True):
    """A file that adds up. `left_out` counts lines that are no settlement, by what they are."""

    file: str
    gateway: str
    batches: list[CheckedBatch]
    left_out: dict[str, int]


class Merged(msgspec.Struct, frozen=True):
    """What was written."""

    files: int
    batches: int
    rows: int
    out: str


@group("settlement", help=N_("Read the settlement files of gateways and marketplaces."))
def settlement() -> None:
    pass


by_gateway = option(
    "--gateway", type=click.Choice(GATEWAYS), default=None, help=N_("Whose file it is, where its columns do not tell.")
)
by_batch = option("--batch", default="", help=N_("Name of the batch, where the file names none."))
by_day = option(
    "--settled-on", metavar="YYYY-MM-DD", default=None, help=N_("Day of the settlement, where the file names none.")
)


@command(
    "check",
    help=N_(
        "Read a settlement file and prove it: gross less fee is net for every row, every batch and the file's own "
        "total. What does not add up is refused with its line and column."
    ),
)
@argument("file", type=_PATH, help=_FILE)
@by_gateway
@by_batch
@by_day
@as_json
def check(file: Path, gateway: str | None, batch: str, settled_on: str | None, json_: bool) -> int:
    with _refusals():
        found = _read(file, gateway, batch, settled_on)
    told = CheckedFile(found.file, found.gateway, [_batch(one) for one in found.batches], found.left_out)
    if json_:
        print_json(told)
        return FINE
    say(f"{told.file}: {told.gateway}", "bold")
    rows = [
        (one.batch, format_day(one.settled_on), count(one.rows), count(one.refunds), money(one.gross, one.currency),
         money(one.fee, one.currency), money(one.net, one.currency))
        for one in told.batches
    ]  # fmt: skip
    heads = (_("Batch"), _("Settled"), _("Rows"), _("Refunds"), _("Gross"), _("Fee"), _("Net"))
    show(table("", heads, rows, right=(2, 3, 4, 5, 6)))
    for name, number in told.left_out.items():
        say(_("Left out: %(count)s × %(name)s", count=count(number), name=name), "dim")
    return FINE


@command(
    "merge",
    help=N_(
        "Write settlements.csv, as `selaras match` reads it, from settlement files of any gateways. Files may overlap: "
        "a row that stands in two of them counts once."
    ),
)
@argument("files", type=_PATH, nargs=-1, required=True, metavar=N_("FILE…"), help=_FILE)
@option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help=N_("Where the rows are written."))
@by_gateway
@by_batch
@by_day
@as_json
def merge(
    files: tuple[Path, ...], out: Path, gateway: str | None, batch: str, settled_on: str | None, json_: bool
) -> int:
    with _refusals():
        batches = settlements.merged([_read(file, gateway, batch, settled_on) for file in files])
    with writing(out):
        rows = settlements.write_settlements(out, batches)
    told = Merged(len(files), len(batches), rows, str(out))
    if json_:
        print_json(told)
        return FINE
    say(
        _(
            "%(rows)s rows of %(batches)s batches are in %(file)s.",
            rows=count(told.rows),
            batches=count(told.batches),
            file=told.out,
        )
    )
    return FINE


settlement.add_command(check)
settlement.add_command(merge)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except Unreadable as error:
        raise click.ClickException(spoken(str(error))) from None


def _read(file: Path, gateway: str | None, batch: str, settled_on: str | None) -> settlements.Settlement:
    text = day_or_none(settled_on, "--settled-on")
    day = None if text is None else dt.date.fromisoformat(text)
    return settlements.read_settlement(file, gateway=gateway or "", batch=batch, settled_on=day)


def _batch(one: settlements.Batch) -> CheckedBatch:
    back = sum(row.kind in ("refund", "chargeback") for row in one.rows)
    return CheckedBatch(
        one.gateway, one.name, one.settled_on, one.currency, len(one.rows), back, one.gross, one.fee, one.net
    )
