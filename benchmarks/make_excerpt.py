#!/usr/bin/env python3
"""Make the excerpt of UCI Online Retail that is shipped with the sandbox.

    python benchmarks/make_excerpt.py FULL.csv.gz OUT.csv.gz

Whole documents only, chosen by a fixed seed: all adjustments, and of every other oddity of the set at least some.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import sys
from collections.abc import Callable, Mapping, Sequence

Row = Mapping[str, str]
Rows = Sequence[Row]
MOST_LINES = 45


def is_odd(code: str) -> bool:
    """A code that is no ordinary article: postage, fees, manual entries, vouchers."""
    return not code[:5].isdigit()


def main(source: str, target: str) -> None:
    """Read the full set, choose documents, write them in their order."""
    documents: dict[str, list[Row]] = {}
    with gzip.open(source, "rt", encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle)
        fields = list(reader.fieldnames or ())
        for row in reader:
            documents.setdefault(row["InvoiceNo"], []).append(row)
    draw = random.Random(20111209)
    short = {number: rows for number, rows in documents.items() if len(rows) <= MOST_LINES}
    chosen: set[str] = {number for number in documents if number.startswith("A")}

    def take(count: int, wanted: Callable[[str, Rows], bool]) -> None:
        found = [number for number, rows in short.items() if number not in chosen and wanted(number, rows)]
        chosen.update(draw.sample(found, min(count, len(found))))

    for code in sorted({row["StockCode"] for rows in documents.values() for row in rows if is_odd(row["StockCode"])}):
        take(4, lambda number, rows, code=code: any(row["StockCode"] == code for row in rows))  # type: ignore[misc]
    take(12, lambda number, rows: any(c.islower() for row in rows for c in row["StockCode"]))
    take(60, lambda number, rows: number.startswith("C"))
    take(40, lambda number, rows: not rows[0]["CustomerID"])
    take(30, lambda number, rows: any(int(row["Quantity"]) < 0 for row in rows) and not number.startswith("C"))
    take(20, lambda number, rows: all(row["UnitPrice"] == "0.0" for row in rows))
    take(10, lambda number, rows: any(len(row["UnitPrice"].split(".")[-1]) > 2 for row in rows))
    take(160, lambda number, rows: number.isdigit() and bool(rows[0]["CustomerID"]))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fields, lineterminator="\n")
    writer.writeheader()
    for number, rows in documents.items():
        if number in chosen:
            writer.writerows(rows)
    with open(target, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed:
        packed.write(text.getvalue().encode())
    sys.stdout.write(f"{len(chosen)} documents, {sum(len(documents[n]) for n in chosen)} lines\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
