#!/usr/bin/env python3
"""Selaras' matcher and five peers' rules on generated shops, with every figure beside its limit.

    python -m benchmarks.matching [--orders 20000] [--seeds 1,2,3] [--keep DIR] [--large] [--json FILE]

Five shops for each seed: codes from a pool, random codes, no codes, and random codes with the hard profile and with
strange payers. The oracle runs on a shop of 2,000 orders. `--large` adds 100,000 and a million orders, for time and
memory.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.matching import peers
from benchmarks.matching.generate import make
from benchmarks.matching.oracle import ceiling
from benchmarks.matching.score import Truth, read, run, score

#: name, codes, profile
SHOPS = (
    ("pool", "pool", "ordinary"),
    ("random", "random", "ordinary"),
    ("none", "none", "ordinary"),
    ("hard", "random", "hard"),
    ("strange", "random", "strange"),
)
PRECISION = 0.999
RECALL, RECALL_WITHOUT = 0.95, 0.90
TRANSFERS = {"pool": 0.92, "random": 0.92, "none": 0.85, "hard": 0.82, "strange": 0.92}
TRANSFER_PRECISION = 0.998
AMONG_THREE = 0.98
#: orders: (seconds, MiB)
LARGE = {100_000: (10.0, 1024.0), 1_000_000: (90.0, 4096.0)}


def shop(name: str, codes: str, profile: str, orders: int, seed: int, folder: Path) -> dict[str, Any]:
    """Generates one shop, runs the matcher with and without reports and the peers, and scores them."""
    make(folder, orders, codes, profile, seed)
    truth = Truth(folder)
    result: dict[str, Any] = {"shop": name, "orders": orders, "seed": seed}
    for label, flags in (("with", ()), ("without", ("--no-settlements",))):
        out = folder / f"links-{label}.csv"
        ran = run(folder, out, *flags)
        if ran.code:
            raise SystemExit(f"selaras match ended with {ran.code} on {folder}: {ran.said.strip()}")
        result[label] = score(truth, read(out)) | {
            "seconds": ran.seconds,
            "processor": ran.processor,
            "peak_mib": ran.peak_mib,
        }
    open_orders, credits = peers.read(folder)
    result["peers"] = {}
    for peer, rule in peers.RULES.items():
        scored = score(truth, peers.links(rule, open_orders, credits))
        result["peers"][peer] = {"all": scored["all"], "transfers": scored["transfers"]}
    return result


def large(orders: int, seed: int, folder: Path) -> dict[str, Any]:
    """Time and memory of the matcher on a large shop with random codes, and how right it is."""
    make(folder, orders, "random", "ordinary", seed)
    out = folder / "links.csv"
    ran = run(folder, out)
    if ran.code:
        raise SystemExit(f"selaras match ended with {ran.code} on {folder}: {ran.said.strip()}")
    scored = score(Truth(folder), read(out))
    parts = {name: scored[name] for name in ("all", "transfers", "suggested")}
    return {"orders": orders, "seconds": ran.seconds, "processor": ran.processor, "peak_mib": ran.peak_mib} | parts


def checks(result: dict[str, Any]) -> Iterable[tuple[str, float | None, float]]:
    """Every figure of a shop that has a limit: what, measured, at least."""
    with_, without, name = result["with"], result["without"], result["shop"]
    yield "auto right, with reports", with_["all"]["precision"], PRECISION
    yield "auto right by money, with reports", with_["all"]["precision_money"], PRECISION
    yield "auto right, without reports", without["all"]["precision"], PRECISION
    yield "auto right by money, without reports", without["all"]["precision_money"], PRECISION
    yield "all links found, with reports", with_["all"]["recall"], RECALL
    yield "all links found, without reports", without["all"]["recall"], RECALL_WITHOUT
    yield "transfers found", with_["transfers"]["recall"], TRANSFERS[name]
    yield "transfers right", with_["transfers"]["precision"], TRANSFER_PRECISION
    yield "right order among three suggested", with_["suggested"]["among_three"], AMONG_THREE


def show(result: dict[str, Any]) -> None:
    """A shop's figures as text."""
    print(f"\n{result['shop']}: {result['orders']} orders, seed {result['seed']}")
    for what, got, limit in checks(result):
        mark = "-" if got is None else "ok" if got >= limit else "BELOW"
        print(f"  {what:<42}{_percent(got):>9}  limit {_percent(limit):>8}  {mark}")
    for label in ("with", "without"):
        part = result[label]
        print(f"  {label} reports: {part['seconds']:.1f} s, {part['peak_mib']:.0f} MiB, "
              f"{part['all']['wrong']} wrong of {part['all']['auto']}: {part['wrong_by_line']}")  # fmt: skip
    print(f"  {'kind':<18}{'true':>7}{'found':>9}{'found w/o reports':>19}")
    for kind, tally in result["with"]["kinds"].items():
        other = result["without"]["kinds"][kind]
        print(f"  {kind:<18}{tally['true']:>7}{_percent(tally['recall']):>9}{_percent(other['recall']):>19}")
    print("  stated and true: " + ", ".join(
        f"{b['stated']:.4f}/{b['true']:.4f} ({b['rows']})" for b in result["with"]["calibration"]))  # fmt: skip
    print(f"  {'transfers alone':<36}{'found':>9}{'right':>9}{'by money':>10}")
    ours = {"Selaras": result["with"]} | result["peers"]
    for peer, scored in ours.items():
        t = scored["transfers"]
        print(
            f"  {peer:<36}{_percent(t['recall']):>9}{_percent(t['precision']):>9}{_percent(t['precision_money']):>10}"
        )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--shops", default=",".join(s[0] for s in SHOPS))
    parser.add_argument("--keep", type=Path, help="leave the files here")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--no-oracle", action="store_true")
    parser.add_argument("--json", type=Path)
    a = parser.parse_args()
    results: dict[str, Any] = {"shops": [], "oracle": [], "large": []}
    below = 0
    with tempfile.TemporaryDirectory(prefix="matching-") as temporary:
        home = a.keep or Path(temporary)
        for seed in map(int, a.seeds.split(",")):
            for name, codes, profile in SHOPS:
                if name not in a.shops.split(","):
                    continue
                result = shop(name, codes, profile, a.orders, seed, home / f"{name}-{a.orders}-{seed}")
                below += sum(got is not None and got < limit for _, got, limit in checks(result))
                show(result)
                results["shops"].append(result)
        if not a.no_oracle:
            print(f"\nattainable on transfers alone (2,000 orders, at {PRECISION:.1%} right)")
            for name, codes, profile in SHOPS:
                found = ceiling(codes, profile, 2_000, int(a.seeds.split(",")[0]), home / f"oracle-{name}")
                print(
                    f"  {name:<8} the oracle finds {_percent(found['recall'])} (right {_percent(found['precision'])}), "
                    f"Selaras {_percent(found['ours_recall'])} (right {_percent(found['ours_precision'])})"
                )
                results["oracle"].append({"shop": name} | found)
        if a.large:
            for orders, (seconds, mib) in LARGE.items():
                got = large(orders, int(a.seeds.split(",")[0]), home / f"large-{orders}")
                slow = got["seconds"] > seconds or got["peak_mib"] > mib
                below += slow
                print(
                    f"\n{orders} orders: {got['seconds']:.1f} s of {seconds:.0f} (processor {got['processor']:.1f} s), "
                    f"{got['peak_mib']:.0f} of {mib:.0f} MiB{' ABOVE' if slow else ''}; "
                    f"found {_percent(got['all']['recall'])}, right {_percent(got['all']['precision'])}"
                )
                results["large"].append(got)
    if a.json:
        a.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"\n{below} figures outside their limits")
    return 0


if __name__ == "__main__":
    sys.exit(main())
