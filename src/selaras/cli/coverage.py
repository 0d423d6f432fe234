"""`selaras coverage` and `selaras objectives`."""

from __future__ import annotations

from decimal import Decimal

from rich.text import Text

from selaras.cli.base import FINE, NEEDS_A_PERSON, as_json, by_store, command, from_day, option, to_day
from selaras.cli.days import day_or_none
from selaras.cli.session import session
from selaras.cli.show import count, kind_word, money, print_json, say, show, table
from selaras.i18n import N_, _, format_number
from selaras.sync.coverage import CoverageReport, CoverageRow
from selaras.sync.coverage import coverage as ask_coverage
from selaras.sync.objectives import DayObjectives, Objectives
from selaras.sync.objectives import objectives as ask_objectives

_STATUSES = ("posted", "waiting", "blocked", "skipped")


@command(
    "coverage",
    help=N_(
        "What every connection has seen, and what became of it, by day and currency. Nothing is green unless seen = "
        "posted + waiting + blocked + skipped, in number and in money, and the store itself counts the same. "
        "Exit code 1 when something is blocked or does not add up."
    ),
)
@option("--connection", help=N_("Only this connection."))
@option("--kind", help=N_("Only this kind of record: order or bank_transaction."))
@from_day
@to_day
@as_json
def coverage(connection: str | None, kind: str | None, first: str | None, last: str | None, json_: bool) -> int:
    first, last = day_or_none(first, "--from"), day_or_none(last, "--to")
    with session().reading() as ledger:
        report = ask_coverage(ledger, connection, kind, first, last)
    if json_:
        print_json(report)
    else:
        _show_coverage(report)
    return NEEDS_A_PERSON if any(_wrong(row) for row in report.rows) else FINE


def _wrong(row: CoverageRow) -> bool:
    """Blocked, out of balance, or counted differently by the source: waiting alone needs nobody."""
    return (
        row.blocked > 0
        or not row.balanced
        or row.source_count not in (None, row.seen)
        or row.source_sum not in (None, row.sum_seen)
    )


def _show_coverage(report: CoverageReport) -> None:
    if not report.rows:
        say(_("Nothing has been seen yet. Connect a store and run `selaras serve` or `selaras sweep`."))
        return
    columns = [
        _("Day"), _("Seen"), _("Posted"), _("Waiting"), _("Blocked"), _("Skipped"), _("Source"), _("Sum seen"),
        _("Sum posted"), _("Sum not posted"), "",
    ]  # fmt: skip
    groups: dict[tuple[str, str], list[CoverageRow]] = {}
    for row in report.rows:
        groups.setdefault((row.connection, row.kind), []).append(row)
    for (connection, kind), rows in groups.items():
        totals = [total for total in report.totals if (total.connection, total.kind) == (connection, kind)]
        cells = [_cells(row, row.day or _("not read yet")) for row in rows]
        cells += [[Text(str(cell), style="bold") for cell in _cells(row, _("Total"))] for row in totals]
        show(table(f"{connection}, {kind_word(kind)}", columns, cells, right=range(1, 10)), "")
    if report.green:
        say(_("Everything is in the books, to the last unit."), "green")
    elif not report.balanced:
        say(_("The ledger does not add up: this must never happen. Make a backup and report it."), "bold red")
    if not report.swept:
        say(_("Not every day was counted by the source yet: run `selaras sweep`."), "yellow")


def _cells(row: CoverageRow, day: str) -> list[str | Text]:
    colour = {"blocked": "bold red", "waiting": "yellow"}
    numbers = [
        Text(count(getattr(row, name)), style=colour.get(name, "") if getattr(row, name) else "dim")
        for name in _STATUSES
    ]
    source = "" if row.source_count is None else count(row.source_count)
    rest = row.sum_waiting + row.sum_blocked + row.sum_skipped
    mark = Text("✔", style="green") if row.green else Text("✘", style="bold red") if _wrong(row) else Text("…")
    return [
        day, count(row.seen), *numbers, source, money(row.sum_seen, row.currency), money(row.sum_posted, row.currency),
        money(rest, row.currency), mark,
    ]  # fmt: skip


@command(
    "objectives",
    help=N_(
        "The three objectives by day: orders recorded of orders placed (goal 100 %), stock accuracy (goal 100 %), "
        "cancellations for lack of stock (goal 0). Stock accuracy is measured by each sweep. Without --from the last "
        "31 days. Exit code 1 when a goal was missed."
    ),
)
@by_store
@from_day
@to_day
@as_json
def objectives(store: str | None, first: str | None, last: str | None, json_: bool) -> int:
    first, last = day_or_none(first, "--from"), day_or_none(last, "--to")
    with session().reading() as ledger:
        found = ask_objectives(ledger, store, first, last)
    if json_:
        print_json(found)
    else:
        _show_objectives(found)
    return FINE if all(map(_met, found.totals)) else NEEDS_A_PERSON


def _met(total: DayObjectives) -> bool:
    return (
        total.recorded_percent in (None, 100)
        and total.stock_percent in (None, 100)
        and total.stock_out_cancellations == 0
    )


def _show_objectives(found: Objectives) -> None:
    if not found.days:
        say(_("No orders have been seen yet."))
        return
    columns = [
        _("Day"),
        _("Placed"),
        _("Recorded"),
        _("Recorded, share"),
        _("Stock right"),
        _("Cancelled for lack of stock"),
    ]
    for total in found.totals:
        rows: list[list[str | Text]] = [_objective(day, day.day) for day in found.days if day.store == total.store]
        rows.append([Text(str(cell), style="bold") for cell in _objective(total, _("Total"))])
        show(table(total.store, columns, rows, right=range(1, 6)), "")
        wrong = found.stock.get(total.store)
        if wrong is None:
            say(_("Stock accuracy was not measured yet: run `selaras sweep`."), "yellow")
        elif wrong.wrong:
            say(
                _("Codes whose offer differed when last measured: %(codes)s", codes=", ".join(wrong.wrong[:20])),
                "yellow",
            )


def _objective(row: DayObjectives, day: str) -> list[str | Text]:
    return [
        day, count(row.placed), count(row.recorded), _percent(row.recorded_percent), _percent(row.stock_percent),
        count(row.stock_out_cancellations),
    ]  # fmt: skip


def _percent(share: Decimal | None) -> str:
    return "–" if share is None else f"{format_number(share)} %"
