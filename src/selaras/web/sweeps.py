"""Sweeps that a person asks for: one at a time, in the background, with progress and the last result."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging

import msgspec

from selaras.connectors.contract import ConnectorError
from selaras.ledger.errors import LedgerError
from selaras.sync.figures import instant
from selaras.sync.finding import pair_of
from selaras.sync.sweeping import SweepReport, sweep
from selaras.web.context import Context

log = logging.getLogger("selaras.web")


class SweepState(msgspec.Struct, frozen=True):
    """The running sweep, or the last one. `error` says why it ended early; `progress` counts by what was done."""

    running: bool
    store: str
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    progress: dict[str, int]
    error: str
    result: SweepReport | None


class Sweeps:
    """Starts sweeps and remembers the last one of this process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._task: asyncio.Task[None] | None = None
        self._progress: dict[str, int] = {}
        self._state = SweepState(False, "", None, None, {}, "", None)

    @property
    def state(self) -> SweepState:
        """The running or last sweep."""
        return msgspec.structs.replace(self._state, progress=dict(self._progress))

    async def start(self, store: str, *, wait: bool, since: str = "") -> SweepState:
        """Begin a sweep of one store, or ("") of all; a running one is joined, not repeated. `since`: from this day on.

        Raises `LedgerError` for a store without a pair.
        """
        if store:
            await self._context.read(pair_of, store)
        if self._task is None or self._task.done():
            self._progress = {}
            self._state = SweepState(True, store, instant(self._context.hub.now()), None, {}, "", None)
            self._task = asyncio.create_task(self._run(store, since), name="sweep")
        if wait:
            await asyncio.shield(self._task)
        return self.state

    async def _run(self, store: str, since: str) -> None:
        context, result, error = self._context, None, ""
        try:
            result = await sweep(context.hub, store or None, self._count, since, context.service.intakes)
        except (ConnectorError, LedgerError) as problem:
            error = str(problem)
        except Exception as problem:  # a defect must show in the state, or the sweep would seem to run for ever
            log.exception("the sweep failed")
            error = f"{type(problem).__name__}: {problem}"
        for pair in context.hub.pairs:
            context.service.lanes[f"plan {pair.store}"].wake()
        self._state = msgspec.structs.replace(
            self._state, running=False, finished_at=instant(context.hub.now()), error=error, result=result
        )

    def _count(self, what: str, count: int) -> None:
        self._progress[what] = count

    async def close(self) -> None:
        """End a running sweep; what it has read is kept."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
