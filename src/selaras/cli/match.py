"""`selaras match`: find what each incoming amount pays, from files to a file."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from selaras.cli.base import FINE, argument, as_json, command, option, writing
from selaras.cli.show import count, print_json, say
from selaras.files import claims
from selaras.files.whole import write_csv
from selaras.i18n import N_, _
from selaras.model.claims import FINE as FINE_UNITS
from selaras.model.claims import LineColumns, OrderColumns
from selaras.model.money import EXPONENTS
from selaras.rules.matching import Link
from selaras.rules.matching import match as decide
from selaras.rules.matching.reasons import reason

COLUMNS = ("line_id", "order_id", "amount", "decision", "rank", "posterior", "kind", "reason")

#: Payouts share a few chances; what transfers have is hardly ever the same.
_REMEMBERED = 1_000


class Matched(msgspec.Struct, frozen=True):
    """What was read and decided. `linked` and `suggested` count lines, `links` rows with the decision auto."""

    orders: int
    lines: int
    settlement_rows: int
    links: int
    linked: int
    suggested: int
    alone: int
    seconds_reading: float
    seconds_matching: float
    out: str


@command(
    "match",
    help=N_(
        "Find what each incoming amount pays. DIR holds orders.csv, bank.csv and, if there is one, settlements.csv; "
        "links.csv gets a row for each link: certain ones (auto), and up to three suggestions for a line that a person "
        "should look at. Lines without an answer are left out."
    ),
)
@argument("folder", metavar=N_("DIR"), type=click.Path(exists=True, file_okay=False, path_type=Path),
          help=N_("Folder with the files."))  # fmt: skip
@option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help=N_("Where the links are written.")
)
@option("--no-settlements", is_flag=True, help=N_("Leave settlements.csv alone, as if there were none."))
@as_json
def match(folder: Path, out: Path, no_settlements: bool, json_: bool) -> int:
    begun = time.perf_counter()
    try:
        with _without_collector():
            orders = claims.read_orders(folder / "orders.csv")
            lines = claims.read_lines(folder / "bank.csv")
            report = folder / "settlements.csv"
            settlements = None if no_settlements or not report.exists() else claims.read_settlements(report, orders)
            read = time.perf_counter()
            links = decide(orders, lines, settlements)
            done = time.perf_counter()
            with writing(out):
                write_csv(out, COLUMNS, _rows(orders, lines, links))
    except claims.Unreadable as error:
        raise click.ClickException(str(error)) from None
    linked = {link.line for link in links if link.auto}
    found = Matched(
        len(orders), len(lines), 0 if settlements is None else len(settlements), sum(link.auto for link in links),
        len(linked), len({link.line for link in links} - linked), len(lines) - len({link.line for link in links}),
        round(read - begun, 2), round(done - read, 2), str(out),
    )  # fmt: skip
    if json_:
        print_json(found)
        return FINE
    say(
        _(
            "%(lines)s bank lines: %(linked)s are linked with certainty, %(suggested)s have suggestions, "
            "%(alone)s have no answer.",
            lines=count(found.lines),
            linked=count(found.linked),
            suggested=count(found.suggested),
            alone=count(found.alone),
        )
    )
    say(_("%(links)s links are in %(file)s.", links=count(len(links)), file=str(out)), "dim")
    return FINE


@contextmanager
def _without_collector() -> Iterator[None]:
    """Millions of small values and no cycles: looking for cycles would cost a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _rows(orders: OrderColumns, lines: LineColumns, links: list[Link]) -> Iterator[tuple[str | int, ...]]:
    known: dict[tuple[str, tuple[str, ...]], str] = {}
    chances: dict[float, str] = {}
    for link in links:
        key, posterior = (link.kind, link.evidence), link.posterior
        why, chance = known.get(key), chances.get(posterior)
        if why is None:
            why = known[key] = reason(link)
        if chance is None:
            chance = f"{min(posterior, 0.9999):.4f}"
            if len(chances) < _REMEMBERED:
                chances[posterior] = chance
        amount = _major(link.amount, orders.currencies[link.order])
        yield (
            lines.ids[link.line], orders.ids[link.order], amount, "auto" if link.auto else "suggest", link.rank, chance,
            link.kind, why,
        )  # fmt: skip


def _major(amount: int, currency: str) -> str:
    """An amount of `FINE` units in major units; parts of the smallest unit only where there are some."""
    digits = EXPONENTS[currency]
    whole, rest = divmod(abs(amount), FINE_UNITS)
    if not digits and not rest and amount >= 0:
        return str(whole)
    text = str(whole).rjust(digits + 1, "0")
    text = f"{text[:-digits]}.{text[-digits:]}" if digits else text
    if rest:
        text += ("" if digits else ".") + f"{rest:02d}"
    return ("-" if amount < 0 else "") + text
