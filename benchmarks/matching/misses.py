"""Shows what a run missed or got wrong, with the texts: python -m benchmarks.matching.misses DIR links.csv."""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter, defaultdict
from pathlib import Path

Rows = dict[str, dict[str, str]]


def table(path: Path, key: str) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return {row[key]: row for row in csv.DictReader(file)}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("links", type=Path)
    parser.add_argument("--kind", help="of truth.csv; all without")
    parser.add_argument("--most", type=int, default=10)
    parser.add_argument("--wrong", action="store_true", help="wrong links instead of missed ones")
    a = parser.parse_args()
    orders, lines = table(a.folder / "orders.csv", "order_id"), table(a.folder / "bank.csv", "line_id")
    details = table(a.folder / "details.csv", "line_id")
    said: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    with a.links.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            said[row["line_id"]].append(row)
    with (a.folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        truth = list(csv.DictReader(file))
    true: defaultdict[str, list[str]] = defaultdict(list)
    for row in truth:
        true[row["line_id"]].append(row["order_id"])
    # A line and its copy from a second import are one line; the answer may hang on either.
    twin = {r["line_id"]: r["copy_of"] for r in details.values() if r["copy_of"]}
    for copy, line in twin.items():
        said[line] += said.get(copy, [])
        true[copy] = true[line]
    if a.wrong:
        cases = [(line, r["order_id"]) for line, rows in said.items() for r in rows
                 if r["decision"] == "auto" and r["order_id"] not in true[line]]  # fmt: skip
    else:
        auto = {(line, r["order_id"]) for line, rows in said.items() for r in rows if r["decision"] == "auto"}
        cases = [(r["line_id"], r["order_id"]) for r in truth
                 if (not a.kind or r["kind"] == a.kind) and (r["line_id"], r["order_id"]) not in auto]  # fmt: skip
    marks: Counter[tuple[str, ...]] = Counter()
    for line, _ in cases:
        d = details[line]
        marks[d["what"], d["payer_kind"], d["reference_kind"], "suggested" if said.get(line) else "silent"] += 1
    print(len(cases), marks.most_common(12))
    for line, order in cases[: a.most]:
        at, o = lines[line], orders[order]
        print(f"\n{line} {at['booked_on']} {at['amount']} {at['currency']} {at['description']}")
        print(f"   {'said' if a.wrong else 'true'} {order} {o['reference']} {o['customer_name']} total {o['total']} "
              f"code {o['unique_code']} due {o['amount_due']} on {o['ordered_on']} {o['method']} "
              f"{o['captured_on']}")  # fmt: skip
        if a.wrong:
            print(f"   true {true[line][:6]}")
        for r in said.get(line, [])[:4]:
            other = orders[r["order_id"]]
            print(f"   -> {r['decision']} {r['order_id']} {other['reference']} {other['customer_name']} due "
                  f"{other['amount_due']} on {other['ordered_on']}: {r['posterior']} {r['kind']}: "
                  f"{r['reason']}")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
