"""Calls, not time: what a back-fill takes, and that the vendor's limit never refuses one."""

from __future__ import annotations

import math
from pathlib import Path

from benchmarks.backfill_accurate import DOCUMENTS, backfill, books_here

ORDERS = 800


async def test_a_back_fill_takes_the_fewest_calls_and_is_never_refused(tmp_path: Path) -> None:
    """Four documents for each order, in batches of 100; on top of that one question for open down payments.

    The stand-in counts the calls as they arrive, and refuses the ninth within a second.
    """
    async with books_here() as books:
        answer = await backfill(ORDERS, books, tmp_path)
    least = math.ceil(ORDERS / 100) * len(DOCUMENTS)
    assert answer["documents"] == dict.fromkeys(DOCUMENTS, ORDERS)
    assert answer["refused"] == 0, answer
    assert answer["calls"] <= least * 1.05, answer
