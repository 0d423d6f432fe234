#!/usr/bin/env python3
"""Measure every claim on this machine and keep the answers: python benchmarks/measure.py [NAME …] [--uci FOLDER]

Each claim is one command; its JSON answer is written to benchmarks/results/NAME.json with the machine and the day it
was measured on. Without names all are measured, which takes about a quarter of an hour on two cores.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
COMMANDS: dict[str, list[str]] = {
    "demo": ["demo", "--json"],
    "replay": ["replay", "--source", "uci", "--json"],
    "replay-faults": ["replay", "--source", "uci", "--faults", "7", "--json"],
    "chaos": ["chaos", "--orders", "2000", "--seeds", "1-10", "--json"],
    "intake": ["bench", "intake", "--json"],
    "posting": ["bench", "posting", "--json"],
    "connectors": ["bench", "connectors", "--json"],
}


def machine() -> dict[str, object]:
    """What it was measured on, from the product's own words."""
    code = "import json; from selaras.cli.bench import machine; print(json.dumps(machine()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(COMMANDS))
    parser.add_argument("--uci", help="folder with online_retail_2010-12_2011-12.csv.gz")
    asked = parser.parse_args()
    unknown = set(asked.names) - COMMANDS.keys()
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; known are {', '.join(COMMANDS)}")
    environment = {**os.environ, **({"SELARAS_UCI": asked.uci} if asked.uci else {})}
    RESULTS.mkdir(exist_ok=True)
    wrong = []
    for name in asked.names or COMMANDS:
        if name.startswith("replay") and "SELARAS_UCI" not in environment:
            sys.stderr.write(f"{name}: left out; name the folder of the full set with --uci\n")
            continue
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        command = [sys.executable, "-m", "selaras", *COMMANDS[name]]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=False)
        if done.returncode:
            wrong.append(name)
        if done.stdout:
            kept = {
                "command": "selaras " + " ".join(COMMANDS[name]),
                "measured": dt.datetime.now(dt.UTC).date().isoformat(),
                "machine": machine(),
                "load_before": load,
                "exit": done.returncode,
                "answer": json.loads(done.stdout),
            }
            text = json.dumps(kept, indent=1, ensure_ascii=False) + "\n"
            (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
        sys.stderr.write(f"{name}: exit {done.returncode}\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
