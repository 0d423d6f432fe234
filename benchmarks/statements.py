#!/usr/bin/env python3
"""Lines per second of MT940: Selaras (read, reckoned and checked) beside `mt-940` alone, in the same run.

    python benchmarks/statements.py [--transactions 20000] [--rounds 3]

Both read the same text from memory, in turn; the best round of each counts. A line is a line of the file. The sums of
both readers must be equal, else nothing is said about speed.
"""

from __future__ import annotations

import argparse
import json
import time
from decimal import Decimal

import mt940

from selaras.files import statements


def made(transactions: int) -> str:
    """A month of an account as Bank Mandiri writes it: three lines for each transaction, balances that are right."""
    closing = Decimal("88900000.00")
    lines = [":20:MT940STMT01", ":25:1230001234567", ":28C:00001", f":60F:C261001IDR{_swift(closing)}"]
    for at in range(transactions):
        amount = Decimal(147_356 + at % 977) + Decimal(at % 3) / 4
        mark = "D" if at % 5 == 4 else "C"
        closing += amount if mark == "C" else -amount
        day = 1 + at * 31 // transactions
        lines.append(f":61:2610{day:02d}10{day:02d}{mark}{_swift(amount)}NTRFNONREF//FT26{at:010d}")
        lines.append(f":86:MCM InhouseTrf CS-CS DARI BUDI SANTOSO INV {at}")
        lines.append("BERITA PEMBAYARAN PESANAN")
    lines += [f":62F:C261031IDR{_swift(closing)}", "-", ""]
    return "\n".join(lines)


def _swift(amount: Decimal) -> str:
    return f"{amount:.2f}".replace(".", ",")


def main() -> int:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    text = made(given.transactions)
    data, lines = text.encode(), text.count("\n")
    best = {"selaras": 0.0, "mt-940": 0.0}
    for _round in range(given.rounds):
        begun = time.perf_counter()
        ours = statements.parse(data, "made.sta")
        best["selaras"] = max(best["selaras"], lines / (time.perf_counter() - begun))
        begun = time.perf_counter()
        theirs = mt940.parse(data)
        best["mt-940"] = max(best["mt-940"], lines / (time.perf_counter() - begun))
        sums = sum(line.amount for line in ours[0].lines), sum(one.data["amount"].amount for one in theirs)
        if sums[0] != sums[1] or len(ours[0].lines) != len(theirs):
            raise SystemExit(f"the readers disagree: {sums}")
    print(json.dumps({"lines": lines, **{name: round(speed) for name, speed in best.items()}}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
