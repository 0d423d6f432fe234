"""A lane: one piece of work that runs now when woken, again when it says it is due, and never twice at once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from selaras.connectors.contract import ConnectorError, Expired, Throttled
from selaras.ledger.errors import LedgerError

log = logging.getLogger("selaras.engine")

Work = Callable[[], Awaitable[float | None]]
Report = Callable[[str, str, str], Awaitable[None]]


def _sentence(error: ConnectorError | LedgerError) -> str:
    """What is wrong and how to mend it."""
    message = error.message if error.message.endswith((".", "!", "?")) or not error.cure else f"{error.message}."
    return f"{message} {error.cure}".strip()


class Lane:
    """Runs `work` until stopped. `work` returns the moment (seconds since 1970) at which it is due again, or None.

    An error never ends a lane: it is reported once per new text and the work is tried again after a growing pause.
    """

    def __init__(self, name: str, work: Work, report: Report, clock: Callable[[], float] = time.time) -> None:
        self.name = name
        self.error = ""
        self.runs = 0
        self._work = work
        self._report = report
        self._clock = clock
        self._woken = asyncio.Event()
        self._woken.set()
        self.busy = False

    def wake(self) -> None:
        """Run now (or again, if it is running)."""
        self._woken.set()

    @property
    def idle(self) -> bool:
        """Nothing runs and nobody has asked for a run."""
        return not self.busy and not self._woken.is_set()

    async def run(self) -> None:
        """Loop until cancelled."""
        due: float | None = None
        failures = 0
        while True:
            await self._wait(due)
            self._woken.clear()
            self.busy = True
            try:
                due = await self._work()
                failures, self.error = 0, ""
                self.runs += 1
            except (ConnectorError, LedgerError) as error:
                failures += 1
                due = self._clock() + self._pause(failures, error)
                await self._tell("warning", getattr(error, "code", "ledger"), _sentence(error))
            except Exception as error:  # a defect in one lane must not stop the others; it is logged with its trace
                failures += 1
                due = self._clock() + self._pause(failures, error)
                log.exception("lane %s failed", self.name)
                await self._tell("error", "defect", f"{type(error).__name__}: {error}")
            finally:
                self.busy = False

    async def _wait(self, due: float | None) -> None:
        if self._woken.is_set():
            return
        # A millisecond more: some loops round timers down to whole ones, and a turn that comes too early comes again.
        timeout = None if due is None or due == float("inf") else max(0.0, due - self._clock()) + 0.001
        try:
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _tell(self, level: str, code: str, text: str) -> None:
        if text == self.error:
            return
        self.error = text
        try:
            await self._report(level, code, f"{self.name}: {text}")
        except LedgerError as error:  # a full disk cannot take its own report
            log.warning("lane %s: %s (%s)", self.name, text, error)

    @staticmethod
    def _pause(failures: int, error: Exception) -> float:
        if isinstance(error, Throttled):
            return error.retry_after
        if isinstance(error, Expired):
            # Only a person can mend it; asking the sign-in server every few seconds would not.
            return float(min(60, 5 * 2 ** min(failures - 1, 5)))
        return float(min(30, 2 ** min(failures, 5))) / 4
