"""Scores links against the truth: by count, by money, by kind, suggestions, and stated against true probability.

What is told apart and what is not: two lines that are equal in every column (an import read twice, or two equal
payments of one buyer) are one line with two places, and two equal orders of one buyer on one day are one order unless a
payment names its number. A pair is right as often as it is true, each further time it is wrong. Refunds taken out of a
payout are neither right nor wrong.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
NEUTRAL = frozenset({"refund", "chargeback"})
#: Edges of the table of stated probabilities; the band around 0.99 is the one that a limit is set on.
BANDS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.985, 0.995, 0.999, 1.0001)


class Link(NamedTuple):
    """A row of links.csv."""

    line: str
    order: str
    amount: Decimal
    auto: bool
    rank: int
    posterior: float


class Truth:
    """A generated folder, with equal lines and equal orders folded together."""

    def __init__(self, folder: Path) -> None:
        self.line: dict[str, int] = {}
        self.amount: dict[str, Decimal] = {}
        keys: dict[tuple[str, ...], int] = {}
        for row in _rows(folder / "bank.csv"):
            key = (row["booked_on"], row["amount"], row["currency"], row["description"])
            self.line[row["line_id"]] = keys.setdefault(key, len(keys))
            self.amount[row["line_id"]] = Decimal(row["amount"])
        self.what: dict[int, str] = {}
        told: set[int] = set()
        for row in _rows(folder / "details.csv"):
            number = self.line[row["line_id"]]
            self.what[number] = row["what"]
            if row["reference_kind"] not in ("", "none"):
                told.add(number)
        truth = [(self.line[r["line_id"]], r["order_id"], Decimal(r["amount"]), r["kind"])
                 for r in _rows(folder / "truth.csv")]  # fmt: skip
        named = {order for line, order, _, _ in truth if line in told}
        self.order: dict[str, str] = {}
        first: dict[tuple[str, ...], str] = {}
        for row in _rows(folder / "orders.csv"):
            order = row["order_id"]
            self.order[order] = order
            if row["method"] == "transfer" and order not in named:
                same = tuple(
                    row[c] for c in ("customer_name", "phone", "currency", "total", "amount_due", "ordered_on")
                )
                self.order[order] = first.setdefault(same, order)
        self.pairs: defaultdict[tuple[int, str], list[tuple[Decimal, str]]] = defaultdict(list)
        self.neutral: set[tuple[int, str]] = set()
        self.orders_of: defaultdict[int, set[str]] = defaultdict(set)
        for line, order, amount, kind in truth:
            pair = (line, self.order[order])
            if kind in NEUTRAL:
                self.neutral.add(pair)
                continue
            self.pairs[pair].append((amount, kind))
            self.orders_of[line].add(pair[1])

    def is_payout(self, line: int) -> bool:
        return self.what[line] == "payout"


class Tally:
    """Right, wrong and all, by count and by money."""

    def __init__(self) -> None:
        self.right = self.wrong = self.all = 0
        self.right_money = self.wrong_money = self.all_money = Decimal()

    def result(self) -> dict[str, Any]:
        said, money = self.right + self.wrong, self.right_money + self.wrong_money
        return {
            "true": self.all,
            "auto": said,
            "wrong": self.wrong,
            "precision": _share(self.right, said),
            "recall": _share(self.right, self.all),
            "precision_money": _share(self.right_money, money),
            "recall_money": _share(self.right_money, self.all_money),
        }


def read(path: Path) -> list[Link]:
    """The rows of links.csv."""
    return [
        Link(
            r["line_id"],
            r["order_id"],
            Decimal(r["amount"]),
            r["decision"] == "auto",
            int(r["rank"] or 1),
            float(r["posterior"]),
        )
        for r in _rows(path)
    ]


def score(truth: Truth, links: Iterable[Link]) -> dict[str, Any]:
    """Everything that the report shows of one run, as plain values."""
    links = list(links)
    every, transfers = Tally(), Tally()
    kinds: defaultdict[str, Tally] = defaultdict(Tally)
    for (line, _), rows in truth.pairs.items():
        for amount, kind in rows:
            for tally in (every, kinds[kind], *(() if truth.is_payout(line) else (transfers,))):
                tally.all += 1
                tally.all_money += amount
    used: Counter[tuple[int, str]] = Counter()
    wrong: list[dict[str, Any]] = []
    mistaken: Counter[str] = Counter()
    bands: list[list[float]] = [[0, 0.0, 0] for _ in BANDS[1:]]
    autos: set[str] = set()
    for link in sorted((x for x in links if x.auto), key=lambda x: (x.line, x.rank)):
        autos.add(link.line)
        line = truth.line[link.line]
        pair = (line, truth.order[link.order])
        tallies = [every] if truth.is_payout(line) else [every, transfers]
        rows = truth.pairs.get(pair, [])
        hit = used[pair] < len(rows)
        if hit:
            amount, kind = rows[used[pair]]
            used[pair] += 1
            for tally in (*tallies, kinds[kind]):
                tally.right += 1
                tally.right_money += amount
        elif pair in truth.neutral:
            continue
        else:
            mistaken[truth.what[line]] += 1
            wrong.append({"line": link.line, "order": link.order, "what": truth.what[line], "posterior": link.posterior,
                          "true": sorted(truth.orders_of.get(line, ()))})  # fmt: skip
            for tally in tallies:
                tally.wrong += 1
                tally.wrong_money += abs(link.amount)
        _band(bands, link.posterior, hit)
    asked: defaultdict[str, list[Link]] = defaultdict(list)
    for link in links:
        if not link.auto:
            asked[link.line].append(link)
            pair = (truth.line[link.line], truth.order[link.order])
            if pair not in truth.neutral:
                _band(bands, link.posterior, pair in truth.pairs)
    found = answerable = 0
    for name, rows_of in asked.items():
        true = truth.orders_of.get(truth.line[name])
        if not true or name in autos:
            continue
        # A second import of a line that is linked already has no answer of its own any more.
        at = truth.line[name]
        if all(used[at, order] >= len(truth.pairs[at, order]) for order in true):
            continue
        answerable += 1
        best = {truth.order[x.order] for x in rows_of if x.rank <= 3}
        found += bool(best & true)
    near = bands[BANDS.index(0.985)]
    return {
        "all": every.result(),
        "transfers": transfers.result(),
        "kinds": {k: kinds[k].result() for k in sorted(kinds)},
        "wrong_by_line": dict(mistaken.most_common()),
        "wrong_links": wrong,
        "suggested": {"lines": len(asked), "with_order": answerable, "among_three": _share(found, answerable)},
        "calibration": [
            {"from": BANDS[i], "to": min(1.0, BANDS[i + 1]), "rows": int(n), "stated": s / n, "true": t / n}
            for i, (n, s, t) in enumerate(bands)
            if n
        ],
        "stated_99": {"rows": int(near[0]), "stated": near[1] / near[0], "true": near[2] / near[0]}
        if near[0]
        else None,
    }


def _band(bands: list[list[float]], stated: float, hit: bool) -> None:
    for i in range(len(bands)):
        if stated < BANDS[i + 1]:
            bands[i][0] += 1
            bands[i][1] += stated
            bands[i][2] += hit
            return


class Ran(NamedTuple):
    """How a run of the matcher ended: exit code, wall and processor seconds, peak memory in MiB, what it said."""

    code: int
    seconds: float
    processor: float
    peak_mib: float
    said: str


def run(folder: Path, out: Path, *more: str) -> Ran:
    """`selaras match` as a child process; its peak memory is the child's own (wait4)."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])}
    log = out.with_suffix(".log")
    started = time.perf_counter()
    with log.open("wb") as file:
        child = subprocess.Popen(
            [sys.executable, "-m", "selaras", "match", str(folder), "--out", str(out), *more],
            env=env, stdout=subprocess.DEVNULL, stderr=file,
        )  # fmt: skip
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    # Linux counts KiB, macOS bytes.
    peak = usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    return Ran(
        child.returncode,
        seconds,
        usage.ru_utime + usage.ru_stime,
        peak,
        log.read_text(encoding="utf-8", errors="replace"),
    )


def _rows(path: Path) -> Iterable[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _share(part: int | Decimal, whole: int | Decimal) -> float | None:
    return float(part / whole) if whole else None
