"""A small back-fill at Jurnal's limits: nothing refused, nothing wrong, hardly more calls than full batches need."""

from __future__ import annotations

from pathlib import Path

from tests.connectors.jurnal.backfill import run


def test_three_hundred_orders_at_the_limit(tmp_path: Path) -> None:
    found = run(tmp_path, 300, 20.0)
    print(found)
    assert (found["orders"], found["refused"], found["wrong"]) == (300, 0, 0)
    # Buyers of three orders each: 1 + 3 + 3 + 3 calls of a hundred.
    assert found["least"] == 10
    assert found["writes"] <= found["least"] * 1.05
