"""Figures for monitoring: Prometheus text of what the ledger holds and what the process does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from selaras.ledger import Ledger
from selaras.ledger.values import MICROSECOND, State
from selaras.web.context import Context
from selaras.web.intake import WebhookIntake

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_STATES: Final = {int(state): state.name.lower() for state in State}


class LedgerFigures(msgspec.Struct, frozen=True):
    """What the ledger counts. Keys of `postings` are (target, state), of `records` (connection, kind, status)."""

    postings: dict[tuple[str, str], int]
    records: dict[tuple[str, str, str], int]
    green: dict[tuple[str, str], bool]
    hints: dict[str, int]
    oldest: dict[str, int]


def ledger_figures(ledger: Ledger) -> LedgerFigures:
    """Count. `oldest` is when the oldest unfinished posting of a target was planned (µs)."""
    postings = {
        (row[0], _STATES.get(row[1], str(row[1]))): int(row[2])
        for row in ledger.db.rows("SELECT target, state, count(*) FROM posting GROUP BY target, state")
    }
    oldest = ledger.db.rows("SELECT target, min(created_at) FROM posting WHERE state < 2 GROUP BY target")
    hints = ledger.db.rows("SELECT connection, count(*) FROM hint GROUP BY connection")
    records: dict[tuple[str, str, str], int] = {}
    green: dict[tuple[str, str], bool] = {}
    for connection, kind in ledger.coverage.kinds():
        cells = ledger.coverage.cells(connection, kind)
        for status in ("posted", "waiting", "blocked", "skipped"):
            records[(connection, kind, status)] = sum(int(getattr(cell, status)) for cell in cells)
        green[(connection, kind)] = bool(cells) and all(cell.green for cell in cells)
    return LedgerFigures(
        postings, records, green, {row[0]: int(row[1]) for row in hints}, {row[0]: int(row[1]) for row in oldest}
    )


class _Collector:
    """One scrape's metrics."""

    def __init__(self, context: Context, intake: WebhookIntake, figures: LedgerFigures) -> None:
        self._context = context
        self._intake = intake
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        yield from self._ledger()
        yield from self._process()

    def _ledger(self) -> Iterable[Metric]:
        figures, now = self._figures, self._context.hub.now()
        postings = GaugeMetricFamily("selaras_postings", "Postings by target and state.", labels=["target", "state"])
        for (target, state), count in sorted(figures.postings.items()):
            postings.add_metric([target, state], count)
        yield postings
        records = GaugeMetricFamily(
            "selaras_records", "Records by connection, kind and status.", labels=["connection", "kind", "status"]
        )
        for key, count in sorted(figures.records.items()):
            records.add_metric(list(key), count)
        yield records
        green = GaugeMetricFamily(
            "selaras_coverage_green",
            "1 when every record is accounted for and nothing waits or is blocked.",
            labels=["connection", "kind"],
        )
        for (connection, kind), good in sorted(figures.green.items()):
            green.add_metric([connection, kind], int(good))
        yield green
        hints = GaugeMetricFamily("selaras_hints_pending", "Records named but not read yet.", labels=["connection"])
        for name in sorted({*figures.hints, *self._context.hub.connectors}):
            hints.add_metric([name], figures.hints.get(name, 0))
        yield hints
        oldest = GaugeMetricFamily(
            "selaras_oldest_unfinished_seconds", "Age of the oldest posting that is not finished.", labels=["target"]
        )
        for name in sorted({*figures.oldest, *self._context.hub.connectors}):
            since = figures.oldest.get(name)
            oldest.add_metric([name], 0 if since is None else max(0, now - since) // MICROSECOND)
        yield oldest

    def _process(self) -> Iterable[Metric]:
        webhooks = CounterMetricFamily(
            "selaras_webhooks",
            "Deliveries by outcome: accepted (durable), refused (signature), failed.",
            labels=["connection", "outcome"],
        )
        for name, tally in sorted(self._intake.tallies.items()):
            webhooks.add_metric([name, "accepted"], tally.accepted)
            webhooks.add_metric([name, "refused"], tally.refused)
            webhooks.add_metric([name, "failed"], tally.failed)
        yield webhooks
        calls = CounterMetricFamily(
            "selaras_write_calls", "Write and search calls sent to a target's API.", labels=["connection"]
        )
        for name, dispatcher in sorted(self._context.service.dispatchers.items()):
            calls.add_metric([name], dispatcher.calls)
        yield calls
        yield from self._api_calls()
        runs = CounterMetricFamily("selaras_lane_runs", "Turns of a lane that ended well.", labels=["lane"])
        failing = GaugeMetricFamily("selaras_lane_failing", "1 while a lane's last turn failed.", labels=["lane"])
        for name, lane in sorted(self._context.service.lanes.items()):
            runs.add_metric([name], lane.runs)
            failing.add_metric([name], int(bool(lane.error)))
        yield runs
        yield failing

    def _api_calls(self) -> Iterable[Metric]:
        """Calls of connectors that count them (those built on the house's HTTP client do)."""
        family = CounterMetricFamily("selaras_api_calls", "HTTP calls of a connection.", labels=["connection"])
        for name, connector in sorted(self._context.hub.connectors.items()):
            calls = getattr(connector, "calls", None)
            if isinstance(calls, int):
                family.add_metric([name], calls)
        yield family


async def metrics(context: Context, intake: WebhookIntake) -> bytes:
    """The page that Prometheus reads."""
    figures = await context.glance(ledger_figures)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(context, intake, figures))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return generate_latest(registry)
