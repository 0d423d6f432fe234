"""The demo, small: the founding case by hand and with the hub, told by the two systems themselves."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import aiohttp
import msgspec
import pytest

from selaras.cli import demo
from selaras.sandbox.case import figures
from selaras.sandbox.case.play import Act
from selaras.sandbox.case.script import TABLE

ROOT = Path(__file__).resolve().parents[2]
SMALL = ((dt.date(2018, 9, 13), 30, 9), (dt.date(2018, 9, 14), 12, 10))
SEED = 2018


@pytest.mark.slow
async def test_the_same_orders_by_hand_and_with_the_hub() -> None:
    steps: list[int] = []
    result = await demo.perform(SEED, SMALL, lambda stage: steps.append(stage.shown["progress"]))
    first, second = result["acts"]
    print("seed", SEED, demo.encode(result))
    assert [act["placed"] for act in (first, second)] == [42, 42]
    assert (first["recorded"], first.get("ok", None)) == (19, None)
    assert [day.recorded for day in first["days"]] == [9, 10]
    assert first["stock_accuracy_pct"] < 100
    assert result["ok"], second
    assert (second["recorded"], second["recorded_pct"], second["stock_accuracy_pct"]) == (42, 100, 100)
    assert second["stockout_cancellations"] == 0
    assert (second["missing"], second["duplicated"], second["out_of_order"], second["unequal"]) == (0, 0, 0, ())
    assert second["sales_store"] == second["sales_books"] != "0"
    assert second["money_store"] == second["money_books"] != "0"
    assert second["trial_balance"] == "0"
    assert result["faults"]["webhooks_dropped"] > 0
    assert result["faults"]["books_failed_before"] + result["faults"]["books_failed_after"] > 0
    assert steps == sorted(steps)
    assert steps[-1] == 100


async def test_a_page_shows_the_acts_while_they_are_played() -> None:
    """The hub's page is there before the first act, and stays until the demo is ended."""
    table = ((dt.date(2018, 9, 19), 3, 2),)
    heard: list[tuple[str, bool]] = []
    over = asyncio.Event()

    def ready(url: str, result: object) -> None:
        heard.append((url, result is not None))
        if result is not None:
            over.set()

    task = asyncio.create_task(demo.perform(SEED, table, lambda stage: None, ready=ready, stay=True))
    played = asyncio.create_task(over.wait())
    await asyncio.wait((task, played), return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    async with aiohttp.ClientSession() as session, session.get(heard[0][0]) as answer:
        page = await answer.text()
    task.cancel()
    result = await task
    assert [last for _, last in heard] == [False, True]
    assert heard[0][0].endswith("/demo")
    for act in ("Act one: as it was", "Act two: with Selaras"):
        assert act in page
    assert result["acts"][1]["placed"] == 3


def test_the_table_of_the_founding_document() -> None:
    assert [placed for _, placed, _ in TABLE] == [141, 90, 111, 83, 82, 9]
    assert [typed for _, _, typed in TABLE] == [44, 78, 80, 71, 67, 8]
    assert (sum(p for _, p, _ in TABLE), sum(t for _, _, t in TABLE)) == (516, 348)


@pytest.mark.parametrize(
    ("name", "value"),
    [("recorded", 4), ("stock_accuracy_pct", Decimal("99.9")), ("stockout_cancellations", 1), ("missing", 1)],
)
def test_act_two_must_meet_its_goals(name: str, value: object) -> None:
    proof = figures.Proof(5, 0, 0, 0, "10", "10", "10", "10", "0", ())
    total = {
        "placed": 5, "recorded": 5, "recorded_pct": Decimal(100), "stock_accuracy_pct": Decimal("100.0"),
        "stockout_cancellations": 0,
    }  # fmt: skip
    assert demo.good(Act([], total, proof, {}))
    if name in total:
        assert not demo.good(Act([], total | {name: value}, proof, {}))
    else:
        assert not demo.good(Act([], total, msgspec.structs.replace(proof, **{name: value}), {}))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of a POSIX terminal")
def test_ctrl_c_ends_the_demo_and_everything_it_started() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "selaras", "demo", "--headless"], cwd=ROOT, env={**os.environ, "PYTHONPATH": "src"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        children = _wait_for_children(process.pid, 2)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 130
    finally:
        process.kill()
        process.wait()
    assert not _alive_after(children, 60)


@pytest.mark.skipif(sys.platform == "win32", reason="needs /proc")
def test_nothing_outlives_a_killed_demo() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "selaras", "demo", "--headless"], cwd=ROOT, env={**os.environ, "PYTHONPATH": "src"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    children = _wait_for_children(process.pid, 2)
    process.kill()
    process.wait()
    assert not _alive_after(children, 60)


def _wait_for_children(pid: int, count: int) -> list[int]:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        found = [int(n) for p in Path(f"/proc/{pid}/task").glob("*/children") for n in p.read_text().split()]
        if len(found) >= count:
            return found
        time.sleep(0.05)
    raise AssertionError("the demo started no servers")


def _alive_after(pids: list[int], seconds: float) -> list[int]:
    end = time.monotonic() + seconds
    alive = pids
    while alive and time.monotonic() < end:
        time.sleep(0.1)
        alive = [pid for pid in alive if _runs(pid)]
    return alive


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
