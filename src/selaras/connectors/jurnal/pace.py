"""How often Jurnal is polled: reading uses the allowance that writing needs, so its share is bounded.

Jurnal tells no changes ("changed since" exists for whole days of products only, and webhooks only for what is new),
so a poll reads lists again, and the flows poll often: before they plan, and after they send. A poll of a kind that
cost n calls is therefore followed by no other before n calls would be `share` of the allowance; until then the answer
is that nothing is new. While writes wait for their turn, the share is a quarter of that.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Final

_BUSY: Final = 0.25
# Seconds that a page of a list, or the reading of stock, stands back for writes that wait.
_PAGE_STANDS_BACK: Final = 10.0
_STOCK_STANDS_BACK: Final = 120.0


class Pace:
    """Decides whether a kind is polled now. `share` 0 polls whenever it is asked to."""

    def __init__(
        self, clock: Callable[[], float], calls: Callable[[], int], waiting: Callable[[], int], per_second: float,
        share: float,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._calls = calls
        self._waiting = waiting
        self._per_second = per_second
        self._share = share
        self._last: dict[str, tuple[float, int]] = {}
        self._wrote = -1e9

    def wrote(self) -> None:
        """Documents were sent; polls stand back for a while."""
        self._wrote = self._clock()

    def due(self, kind: str) -> bool:
        """Whether a poll of this kind may begin."""
        last = self._last.get(kind)
        if last is None or not self._share:
            return True
        at, cost = last
        now = self._clock()
        gap = cost / (self._per_second * self._share * (_BUSY if self._busy(now) else 1.0))
        return not at <= now < at + gap

    def _busy(self, now: float) -> bool:
        return self._waiting() > 1 or now - self._wrote < 30.0

    async def stand_back(self, kind: str) -> None:
        """Let writes that wait go first, for a while. Stock waits longer: it is read anew after every batch."""
        if not self._share:
            return
        most = _STOCK_STANDS_BACK if kind == "stock" else _PAGE_STANDS_BACK
        end = self._clock() + most
        while (now := self._clock()) < end and self._busy(now):
            if kind == "stock" and self.due("read stock"):
                return
            if kind != "stock" and not self._waiting():
                return
            await asyncio.sleep(1.0)

    @contextlib.contextmanager
    def poll(self, kind: str, *, goes_on: bool) -> Iterator[None]:
        """Count what a page of a poll costs; `goes_on` with the poll that the last page belonged to."""
        before = self._calls()
        try:
            yield
        finally:
            spent = max(1, self._calls() - before)
            _at, sum_so_far = self._last.get(kind, (0.0, 0)) if goes_on else (0.0, 0)
            self._last[kind] = (self._clock(), sum_so_far + spent)
