"""Calls, not time: what a back-fill takes, and that the vendor's limit never refuses one."""

from __future__ import annotations

import math
import time
from collections import deque
from pathlib import Path

import pytest

from benchmarks.backfill_accurate import DOCUMENTS, backfill, books_here
from selaras.connectors.limiter import Limiter

ORDERS = 800


async def test_a_back_fill_takes_the_fewest_calls_and_is_never_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four documents for each order, in batches of 100; on top of that one question for open down payments.

    The connector keeps to the limit as it does against the vendor, and the stand-in enforces it. Its clock is the
    moment at which each call was started: how long a busy machine takes to carry a call over is not what is tested.
    """
    started: deque[float] = deque()
    grant = Limiter._grant

    def noted(limiter: Limiter) -> None:
        if limiter.rate.jitter:
            started.append(time.monotonic())
        grant(limiter)

    monkeypatch.setattr(Limiter, "_grant", noted)
    async with books_here() as books:
        monkeypatch.setattr(books.limit, "_clock", lambda: started.popleft() if started else time.monotonic())
        answer = await backfill(ORDERS, books, tmp_path)
    least = math.ceil(ORDERS / 100) * len(DOCUMENTS)
    assert answer["documents"] == dict.fromkeys(DOCUMENTS, ORDERS)
    assert answer["refused"] == 0, answer
    assert answer["calls"] <= least * 1.05, answer
