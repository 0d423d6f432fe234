"""The machine itself fails: its disk is full, or the process is killed in the middle of its work."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from selaras.sandbox.books import BooksConfig
from selaras.sandbox.faults import FaultSettings
from tests.acceptance.hall import (
    Process,
    a_process,
    a_ready_house,
    deliver,
    eventually,
    kinds,
    one_sentence,
    sale,
    serving,
)
from tests.cli.install import House

linux = pytest.mark.skipif(sys.platform != "linux", reason="tmpfs and prlimit are Linux's")


@contextlib.contextmanager
def small_disk(data: Path) -> Iterator[None]:
    """A disk of 12 MB under the data directory."""
    data.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "none", str(data)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk here; the limit of file sizes stands in for it")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(data)], check=True)


def fill(data: Path) -> Callable[[], None]:
    """Take every byte that is left; gives what frees them again."""
    ballast = data / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    assert os.statvfs(data).f_bavail <= 1
    return ballast.unlink


def limit(data: Path, process: Process) -> Callable[[], None]:
    """No file of the process may grow; gives what lifts the limit."""
    import resource

    _soft, hard = resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, (1, hard))

    def lift() -> None:
        resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, (hard, hard))

    return lift


def health(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=60) as answer:
            return answer.status, msgspec.json.decode(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, msgspec.json.decode(error.read())


@linux
@pytest.mark.parametrize("how", ["full", "limited"])
def test_a_full_disk_loses_nothing_and_work_goes_on_by_itself(tmp_path: Path, how: str) -> None:
    data = tmp_path / "data"
    with (
        small_disk(data) if how == "full" else contextlib.nullcontext(),
        a_ready_house(data) as house,
    ):
        house.json("schedule", "order", "every 2s")
        before = house.checkout(("KAOS-M", 1))
        with a_process(house) as process:
            url = process.ready()
            eventually(lambda: before["number"] in house.truth()["sales"])
            eventually(lambda: process.api("/waiting") == [])
            free = fill(data) if how == "full" else limit(data, process)
            during = [house.checkout(("TOPI", 1), phone=f"0813-0000-000{n}", name=f"Siti {n}") for n in range(3)]
            house.act(before, "pay", {"method": "qris", "reference": "Q1"})
            body = b'{"topic":"order.created","id":%d}' % during[0]["id"]
            eventually(lambda: deliver(url, house, body) == 503)
            eventually(lambda: health(url)[0] == 503)
            assert health(url)[1]["status"] == "failing"
            refused = process.api("/replan", {"store": "toko", "names": [before["number"]]})
            assert refused["status"] == 503
            sentence = one_sentence(f"{refused['detail']} {refused['cure']}")
            assert "nothing was lost" in sentence
            assert str(data) in sentence
            assert process.popen.poll() is None
            assert process.api("/coverage")["rows"], "reading goes on"
            free()
            eventually(lambda: {order["number"] for order in during} <= house.truth()["sales"].keys())
            eventually(lambda: kinds(sale(house, before)) == ["invoice", "receipt", "sales_order"])
            eventually(lambda: health(url)[0] == 200)
            assert process.stop() == 0
        truth = house.truth()
        assert truth["duplicates"] == {}
        assert len(truth["sales"]) == 4
        assert house.json("coverage")["rows"][0]["posted"] == 4


def test_killed_in_the_middle_nothing_is_missing_or_doubled(tmp_path: Path, rng: random.Random) -> None:
    faults = FaultSettings(fail_after=0.1, half_batch=0.1, slow=0.3, slow_seconds=0.1, search_lag=0.1)
    books = BooksConfig(faults=faults, unique_references=False, seed=rng.randrange(2**31))
    with a_ready_house(tmp_path / "data", books=books) as house:
        house.json("schedule", "order", "every 1s")
        orders: list[Any] = []
        for _ in range(3):
            with a_process(house) as process:
                process.ready()
                for _ in range(10):
                    orders.append(bought(house, len(orders)))
                time.sleep(rng.uniform(0.05, 0.8))  # killed at some moment of the work, whichever it is
                process.kill()
        with serving(house) as hall:
            hall.sync(200)
            truth = house.truth()
            assert truth["duplicates"] == {}
            assert sorted(truth["sales"]) == sorted(order["number"] for order in orders)
            for number, order in enumerate(orders):
                wanted = ["sales_order"] if number % 2 else ["invoice", "receipt", "sales_order"]
                assert kinds(sale(house, order)) == wanted
                assert sale(house, order)["balance"] == "0"
            assert truth["trial_balance"]["IDR"]["sum"] == "0"
            rows = hall.api("/coverage?connection=toko&kind=order")["rows"]
            assert sum(row["posted"] for row in rows) == len(orders)


def bought(house: House, number: int) -> Any:
    order = house.checkout(("KAOS-M", 1), phone=f"0812-5555-{number:04d}", name=f"Pembeli {number}")
    if number % 2 == 0:
        house.act(order, "pay", {"method": "qris", "reference": f"Q{number}"})
    return order
