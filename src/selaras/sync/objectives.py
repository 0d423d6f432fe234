"""The three objectives of the business, per day (M11): orders recorded ÷ placed, stock accuracy, stock-out cancels.

The table has the columns of the case that the project was created from: placed in the store, recorded in the books,
and the share. Placed is what the store itself counts where a sweep has asked it, so that what we never saw counts
against us.
"""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_DOWN, Decimal
from zoneinfo import ZoneInfo

import msgspec

from selaras.ledger import Ledger
from selaras.model.order import Order
from selaras.rules.cancellations import for_lack_of_stock
from selaras.sync.figures import instant
from selaras.sync.hub import Hub, Pair
from selaras.sync.installation import pairs_of
from selaras.sync.intake import Intake
from selaras.sync.stock import StockFlow

_DAYS = 31
_KEPT_DAYS = 400
_MOST_NAMED = 100
_SETTING = "stock_accuracy:"
_order = msgspec.json.Decoder(Order)


class Accuracy(msgspec.Struct, frozen=True):
    """Of how many codes that both sides keep stock of the store's offer equals what the books can promise.

    `unmatched` codes are sold in the store and unknown to the books' stock; `wrong` names up to a hundred that differ.
    """

    at: dt.datetime
    codes: int
    equal: int
    unmatched: int
    wrong: list[str]


class DayObjectives(msgspec.Struct, frozen=True):
    """One business day of one store. Shares are percent with one decimal, rounded down; None where there is nothing to
    divide by or nothing was measured that day.

    `not_sales` were placed and need no document (a draft, goods moved without a price): they count on neither side.
    """

    store: str
    day: str
    placed: int
    recorded: int
    not_sales: int
    recorded_percent: Decimal | None
    stock_codes: int | None
    stock_equal: int | None
    stock_percent: Decimal | None
    stock_out_cancellations: int


class Objectives(msgspec.Struct, frozen=True):
    """Days of every store, the total of each store (day ""), and the stock accuracy last measured by store."""

    days: list[DayObjectives]
    totals: list[DayObjectives]
    stock: dict[str, Accuracy]


def objectives(
    ledger: Ledger, store: str | None = None, first: str | None = None, last: str | None = None
) -> Objectives:
    """The objectives by day; without `first` the last 31 days up to `last` (default: the newest day seen)."""
    days: list[DayObjectives] = []
    totals: list[DayObjectives] = []
    stock: dict[str, Accuracy] = {}
    for pair in pairs_of(ledger):
        if store not in (None, pair.store):
            continue
        measured = _measured(ledger, pair.store)
        rows = _days(ledger, pair, measured, first, last)
        days += rows
        newest = max(measured.values(), key=lambda a: a.at, default=None)
        if newest is not None:
            stock[pair.store] = newest
        totals.append(_total(pair.store, rows, newest))
    return Objectives(days, totals, stock)


def share(part: int, whole: int) -> Decimal | None:
    """Percent with one decimal, rounded down: 100.0 is only said when it is true."""
    if not whole:
        return None
    return (Decimal(100 * part) / whole).quantize(Decimal("0.1"), rounding=ROUND_DOWN)


async def measure_stock(hub: Hub, pair: Pair, orders_in: Intake | None = None) -> Accuracy:
    """Read both sides now, count the codes whose offer is right, and keep the figure for the day.

    `orders_in` is the store's intake where an engine runs (it tells the engine what is new). Raises `ConnectorError`.
    """
    offers = await StockFlow(hub, pair, orders_in or Intake(hub, pair.store)).offers()
    known = [offer for offer in offers if offer.sellable is not None]
    wrong = [offer.code for offer in known if offer.offered != offer.sellable]
    accuracy = Accuracy(
        instant(hub.now()), len(known), len(known) - len(wrong), len(offers) - len(known), wrong[:_MOST_NAMED]
    )
    await hub.desk.write(_keep, hub, pair, accuracy)
    return accuracy


def _keep(hub: Hub, pair: Pair, accuracy: Accuracy) -> None:
    ledger = hub.desk.ledger
    measured = _measured(ledger, pair.store)
    measured[_today(accuracy.at, pair)] = accuracy
    newest = dict(sorted(measured.items())[-_KEPT_DAYS:])
    ledger.connections.set(_SETTING + pair.store, msgspec.json.encode(newest).decode(), hub.now())


def _today(at: dt.datetime, pair: Pair) -> str:
    return at.astimezone(ZoneInfo(pair.policy.zone)).date().isoformat()


def _measured(ledger: Ledger, store: str) -> dict[str, Accuracy]:
    return msgspec.json.decode(ledger.connections.setting(_SETTING + store, "{}"), type=dict[str, Accuracy])


def _days(
    ledger: Ledger, pair: Pair, measured: dict[str, Accuracy], first: str | None, last: str | None
) -> list[DayObjectives]:
    cells = ledger.coverage.cells(pair.store, "order", first or "", last or "9999")
    known = sorted({cell.day for cell in cells if cell.day})
    if not known:
        return []
    if first is None:
        first = (dt.date.fromisoformat(known[-1]) - dt.timedelta(days=_DAYS - 1)).isoformat()
    seen: dict[str, list[int]] = {day: [0, 0, 0] for day in known if first <= day}
    for day, status, linked, count in ledger.coverage.recorded(pair.store, "order", pair.books, first, last or "9999"):
        figures = seen.setdefault(day, [0, 0, 0])
        figures[0] += count
        if linked:
            figures[1] += count
        elif status == "skipped":
            figures[2] += count
    source: dict[str, int] = {}
    for cell in cells:
        source[cell.day] = source.get(cell.day, 0) + (cell.source_count or 0)
    short = _cancelled_for_stock(ledger, pair, first, last or "9999")
    return [
        _day(pair.store, day, max(seen_, source.get(day, 0)), recorded, skipped, measured.get(day), short.get(day, 0))
        for day, (seen_, recorded, skipped) in sorted(seen.items())
    ]


def _cancelled_for_stock(ledger: Ledger, pair: Pair, first: str, last: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for record in ledger.records.on_days(pair.store, "order", first, last, b'"cancelled"'):
        order = _order.decode(record.body)
        if order.status == "cancelled" and for_lack_of_stock(order.cancel_reason):
            counts[record.day] = counts.get(record.day, 0) + 1
    return counts


def _day(
    store: str, day: str, placed: int, recorded: int, skipped: int, accuracy: Accuracy | None, short: int
) -> DayObjectives:
    codes, equal = (accuracy.codes, accuracy.equal) if accuracy else (None, None)
    return DayObjectives(
        store, day, placed, recorded, skipped, share(recorded, placed - skipped), codes, equal,
        None if codes is None or equal is None else share(equal, codes), short,
    )  # fmt: skip


def _total(store: str, rows: list[DayObjectives], newest: Accuracy | None) -> DayObjectives:
    return _day(
        store, "", sum(r.placed for r in rows), sum(r.recorded for r in rows), sum(r.not_sales for r in rows), newest,
        sum(r.stock_out_cancellations for r in rows),
    )  # fmt: skip
