"""A small back-fill at Jurnal's limits: nothing refused, nothing wrong, most batches full."""

from __future__ import annotations

from pathlib import Path

from tests.connectors.jurnal.backfill import run


def test_three_hundred_orders_at_the_limit(tmp_path: Path) -> None:
    found = run(tmp_path, 300, 20.0)
    print(found)
    assert (found["orders"], found["refused"], found["wrong"]) == (300, 0, 0)
    # Buyers of three orders each: 1 + 3 + 3 + 3 calls of a hundred.
    assert found["least"] == 10
    # How full the first ones are depends on whether the first page is planned before the next was read; with so few
    # orders that weighs much (10 to 16 were seen, more where planning is slow: the clock runs 20 times faster than the
    # machine), with the 5,000 of the benchmark little. One by one they would be a thousand.
    assert found["writes"] < found["least"] * 4
