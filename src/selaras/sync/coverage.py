"""Coverage for people (X1): what every connection has seen, and what became of it, by day and currency.

Nothing is green unless seen = posted + waiting + blocked + skipped, in number and in money.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.coverage import Cell
from selaras.sync.figures import instant, major


class CoverageRow(msgspec.Struct, frozen=True):
    """One connection, kind, day and currency. Sums are major units; `source_*` are None before a sweep has counted.

    `day` "" gathers what is named by a hint but was not read yet; `balanced` says that nothing is unaccounted for.
    """

    connection: str
    kind: str
    day: str
    currency: str
    seen: int
    posted: int
    waiting: int
    blocked: int
    skipped: int
    sum_seen: Decimal
    sum_posted: Decimal
    sum_waiting: Decimal
    sum_blocked: Decimal
    sum_skipped: Decimal
    source_count: int | None
    source_sum: Decimal | None
    balanced: bool
    green: bool
    counted_at: dt.datetime | None = None


class CoverageReport(msgspec.Struct, frozen=True):
    """Rows by day, totals over all days, and whether everything shown is green.

    `swept` says whether every row of orders was held against the source's own count.
    """

    rows: list[CoverageRow]
    totals: list[CoverageRow]
    balanced: bool
    green: bool
    swept: bool


def coverage(
    ledger: Ledger,
    connection: str | None = None,
    kind: str | None = None,
    first: str | None = None,
    last: str | None = None,
) -> CoverageReport:
    """Coverage by day; `first` and `last` are ISO days, inclusive. An empty report is balanced but never green."""
    rows: list[CoverageRow] = []
    totals: list[CoverageRow] = []
    for name, what in ledger.coverage.kinds():
        if connection not in (None, name) or kind not in (None, what):
            continue
        cells = ledger.coverage.cells(name, what, first or "", last or "9999")
        asked = ledger.coverage.counted(name, what)
        rows += [_row(cell, asked.get((cell.day, cell.currency))) for cell in cells]
        for currency in sorted({cell.currency for cell in cells}):
            mine = [cell for cell in cells if cell.currency == currency]
            # Two days that differ the opposite way must not make a green total.
            totals.append(_row(_total(name, what, currency, mine), green=all(cell.green for cell in mine)))
    orders = [row for row in rows if row.kind == "order"]
    return CoverageReport(
        rows,
        totals,
        balanced=all(row.balanced for row in rows),
        green=bool(rows) and all(row.green for row in rows),
        swept=bool(orders) and all(row.source_count is not None for row in orders),
    )


def _row(cell: Cell, counted_at: int | None = None, *, green: bool = True) -> CoverageRow:
    def money(minor: int) -> Decimal:
        return major(minor, cell.currency)

    return CoverageRow(
        cell.connection, cell.kind, cell.day, cell.currency,
        cell.seen, cell.posted, cell.waiting, cell.blocked, cell.skipped,
        money(cell.sum_seen), money(cell.sum_posted), money(cell.sum_waiting), money(cell.sum_blocked),
        money(cell.sum_skipped), cell.source_count, None if cell.source_sum is None else money(cell.source_sum),
        cell.balanced, cell.green and green, None if counted_at is None else instant(counted_at),
    )  # fmt: skip


def _total(name: str, kind: str, currency: str, mine: list[Cell]) -> Cell:
    """The sum of the cells of one currency. Its source figures are known only if those of every cell are."""
    counted = all(cell.source_count is not None for cell in mine)

    def add(field: str) -> int:
        return sum(getattr(cell, field) or 0 for cell in mine)

    figures: dict[str, int] = {field: add(field) for field in _FIGURES}
    return Cell(
        name, kind, "", currency, **figures,
        source_count=add("source_count") if counted else None,
        source_sum=add("source_sum") if counted else None,
    )  # fmt: skip


_FIGURES = (
    "seen", "posted", "waiting", "blocked", "skipped",
    "sum_seen", "sum_posted", "sum_waiting", "sum_blocked", "sum_skipped",
)  # fmt: skip
