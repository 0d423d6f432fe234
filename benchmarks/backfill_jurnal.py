#!/usr/bin/env python3
"""A back-fill into Jurnal at its limits: python benchmarks/backfill_jurnal.py [--orders 5000] [--speed 10]

Paid orders that a store has already are booked by the real flows (service, planner, dispatcher, connector, limiter)
into the stand-in of the tests, which enforces 30 calls a minute and 1,800 an hour for a credential, 40 and 2,500 for
an address, by the calendar minute and hour as Mekari's gateway does. At that rate 5,000 orders take about seven
minutes; so that this need not be waited for, hub and stand-in share one clock that runs `--speed` times faster
(`--speed 1` is real time). What the machine computes is not made faster and counts for that much more: `share` can
only come out too low by it.

One JSON object: `share` is the part of the allowed rate that was used between the first and the last write, `refused`
the calls that the gateway refused (429), `least` the writes that full batches of 100 need, `wrong` the orders whose
invoice has another total.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.connectors.jurnal.backfill import run  # noqa: E402


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=5000)
    parser.add_argument("--speed", type=float, default=10.0, help="how many times faster than real time")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(run(Path(folder), asked.orders, asked.speed), indent=2))


if __name__ == "__main__":
    main()
