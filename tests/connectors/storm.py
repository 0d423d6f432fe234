"""Troubles that come by chance but end, and the moment in which a service is at work: nothing here depends on luck."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter

from selaras.sync.hub import Hub

MOST = 60


class Storm:
    """What shall happen to the next call: one of `kinds`, or nothing (`calm` of `calm + len(kinds)` times).

    After `most` troubles there are no more: what is open then has to come right by itself.
    """

    def __init__(self, rng: random.Random, *kinds: str, calm: int, most: int = MOST) -> None:
        self.came: Counter[str] = Counter()
        self._rng = rng
        self._pool = (*kinds, *[""] * calm)
        self._most = most

    def __call__(self) -> str:
        if self.came.total() >= self._most:
            return ""
        found = self._rng.choice(self._pool)
        if found:
            self.came[found] += 1
        return found


async def at_work(hub: Hub, timeout: float = 180.0) -> None:
    """Wait until the service has begun to send something more than it had when this was asked."""
    before, end = await _sent(hub), time.monotonic() + timeout
    while time.monotonic() < end:
        if await _sent(hub) != before:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"the service has sent nothing for {timeout:g} s")


async def _sent(hub: Hub) -> int:
    rows = await hub.desk(hub.desk.ledger.db.rows, "SELECT coalesce(sum(tries), 0) FROM posting")
    return int(rows[0][0])
