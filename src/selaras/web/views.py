"""What pages show, gathered and put into order; no HTML here and no query that the API does not have too."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from selaras.model.money import ZERO
from selaras.model.order import Order
from selaras.sync import operations as sync
from selaras.sync.figures import Sum

_DAYS = 14


class Parts(msgspec.Struct, frozen=True):
    """Numbers of records by what became of them."""

    seen: int = 0
    posted: int = 0
    waiting: int = 0
    blocked: int = 0
    skipped: int = 0


class CoverageDay(msgspec.Struct, frozen=True):
    """One day of one connection and kind, all currencies together; sums stay apart. `gap` is what the source counts
    and we have not seen. `day` "" gathers what was named but not read."""

    day: str
    parts: Parts
    sums: list[Sum]
    source_count: int | None
    balanced: bool
    green: bool

    @property
    def gap(self) -> int:
        """Records that the source counts and we have not seen."""
        return 0 if self.source_count is None else max(0, self.source_count - self.parts.seen)


class CoverageTable(msgspec.Struct, frozen=True):
    """Coverage of one connection and kind, newest day first, with its total."""

    connection: str
    kind: str
    days: list[CoverageDay]
    total: CoverageDay


class StorePicture(msgspec.Struct, frozen=True):
    """The three objectives of one store: days newest first, the total, and the newest day that had orders."""

    store: str
    days: list[sync.DayObjectives]
    total: sync.DayObjectives
    latest: sync.DayObjectives | None
    accuracy: sync.Accuracy | None


def store_pictures(found: sync.Objectives, most: int = _DAYS) -> list[StorePicture]:
    """The objectives by store."""
    pictures = []
    for total in found.totals:
        days = [day for day in found.days if day.store == total.store]
        newest = sorted(days, key=lambda day: day.day, reverse=True)
        latest = next((day for day in newest if day.placed), None)
        pictures.append(StorePicture(total.store, newest[:most], total, latest, found.stock.get(total.store)))
    return pictures


def coverage_tables(report: sync.CoverageReport, most: int = _DAYS) -> list[CoverageTable]:
    """Coverage by connection and kind, the currencies of a day together."""
    groups: dict[tuple[str, str], dict[str, list[sync.CoverageRow]]] = {}
    for row in report.rows:
        groups.setdefault((row.connection, row.kind), {}).setdefault(row.day, []).append(row)
    tables = []
    for (connection, kind), by_day in groups.items():
        days = [_day(day, rows) for day, rows in sorted(by_day.items(), reverse=True)]
        total = _day("", [row for rows in by_day.values() for row in rows])
        # What was named but not read comes first: it is the newest of all.
        days.sort(key=lambda day: day.day != "")
        tables.append(CoverageTable(connection, kind, days[:most], total))
    return tables


def _day(day: str, rows: Sequence[sync.CoverageRow]) -> CoverageDay:
    parts = Parts(*(sum(getattr(row, name) for row in rows) for name in Parts.__struct_fields__))
    sums: dict[str, tuple[int, Decimal]] = {}
    for row in rows:
        if row.currency:
            count, amount = sums.get(row.currency, (0, ZERO))
            sums[row.currency] = (count + row.seen, amount + row.sum_seen)
    counted = [row.source_count for row in rows if row.currency or row.day]
    source = sum(count or 0 for count in counted) if counted and None not in counted else None
    return CoverageDay(
        day, parts, [Sum(currency, count, amount) for currency, (count, amount) in sorted(sums.items())], source,
        all(row.balanced for row in rows), bool(rows) and all(row.green for row in rows),
    )  # fmt: skip


class Line(msgspec.Struct, frozen=True):
    """A line of an order as people read it; amounts are major units of the order's currency."""

    code: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    net: Decimal
    kind: str


class OrderFacts(msgspec.Struct, frozen=True):
    """What the store says of an order."""

    order: Order
    lines: list[Line]
    paid: Decimal
    refunded: Decimal


def order_facts(explanation: sync.Explanation) -> OrderFacts | None:
    """The order behind an explanation; None for other kinds of record."""
    if explanation.kind != "order":
        return None
    order = msgspec.json.decode(bytes(explanation.record), type=Order)
    lines = [
        Line(line.code, line.name, line.quantity, line.unit_price, line.net(order.currency), line.kind)
        for line in order.lines
    ]
    return OrderFacts(order, lines, order.paid, order.refunded)


def all_reasons(explanation: sync.Explanation) -> list[str]:
    """Why the record is booked as it is: the plan's reasons, the buyer's, the products', each once."""
    reasons = list(explanation.reasons)
    if explanation.buyer is not None:
        reasons += explanation.buyer.reasons
    for match in explanation.products:
        reasons += match.reasons
    return list(dict.fromkeys(reasons))


class Step(msgspec.Struct, frozen=True):
    """One step of a record's way through the house, for the timeline.

    `what`: seen (a version was read), decided (a posting was planned), answered (something was tried), blocked. `state`
    colours it.
    """

    at: dt.datetime
    what: str
    state: str
    title: tuple[str, str, str]
    via: str = ""
    version: int = 0
    number: int = 0
    changes: Sequence[object] = ()
    reasons: Sequence[str] = ()
    outcome: str = ""
    message: str = ""


_GOOD = frozenset({"done", "found"})
_BAD = frozenset({"rejected", "locked_period", "expired"})


def timeline(explanation: sync.Explanation) -> list[Step]:
    """Seen → decided → sent → answered, in the order in which it happened."""
    steps: list[tuple[dt.datetime, int, Step]] = []
    for sighting in explanation.seen:
        step = Step(
            sighting.seen_at, "seen", "seen", (explanation.kind, "", explanation.number), via=sighting.via,
            version=sighting.version, changes=sighting.changes,
        )  # fmt: skip
        steps.append((sighting.seen_at, 0, step))
    for posting in explanation.sent:
        title = (posting.kind, posting.op, posting.reference)
        reasons = [reason for reason in posting.reason.split("; ") if reason]
        steps.append((posting.planned_at, 1, Step(posting.planned_at, "decided", "decided", title, reasons=reasons)))
        for tried in posting.tries:
            state = "done" if tried.outcome in _GOOD else "blocked" if tried.outcome in _BAD else "waiting"
            step = Step(
                tried.at, "answered", state, title, via=tried.act, number=tried.number, outcome=tried.outcome,
                message=tried.answer,
            )  # fmt: skip
            steps.append((tried.at, 2, step))
        if posting.state == "blocked" and not posting.tries:
            at = posting.settled_at or posting.planned_at
            steps.append((at, 3, Step(at, "blocked", "blocked", title, message=posting.message)))
    return [step for _at, _rank, step in sorted(steps, key=lambda entry: entry[:2])]


class Act(msgspec.Struct, frozen=True):
    """One act of the demo as the page shows it: figures by name, percentages exact; `placed` orders of `of`."""

    name: str
    days: list[dict[str, Any]]
    total: dict[str, Any]
    placed: int
    of: int


def demo_acts(shown: dict[str, Any]) -> list[Act]:
    """The acts that the demo has filled in so far; what is not there yet is empty."""
    return [
        Act(
            str(act.get("name", "")),
            [_figures(day) for day in act.get("days") or []],
            _figures(act.get("total") or {}),
            int(act.get("placed") or 0),
            int(act.get("of") or 0),
        )
        for act in shown.get("acts") or []
    ]


def _figures(given: dict[str, Any]) -> dict[str, Any]:
    """Percentages may come as text or as numbers; None stays None."""
    return {
        name: Decimal(str(value)) if name.endswith("_pct") and value is not None else value
        for name, value in given.items()
    }
