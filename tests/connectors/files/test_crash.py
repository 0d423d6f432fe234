"""kill -9 at every step of a write: what was written is found, nothing is lost and nothing is doubled."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from selaras.connectors.contract import Done, Tools, Write
from selaras.connectors.files import FileBooks
from selaras.connectors.places import Entry, Place
from selaras.connectors.watched import place_of
from tests.connectors.files.desk import BooksDesk
from tests.connectors.files.test_outbox import order
from tests.house.walls import ROOT


class Deadly:
    """A place that kills its process at the nth thing that it does, just before or just after it."""

    def __init__(self, place: Place, step: int, after: bool) -> None:
        self._place, self._left, self._after = place, step, after
        self.label = place.label

    def _die(self, after: bool) -> None:
        if after == self._after:
            self._left -= 1
            if self._left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    async def list(self, folder: str) -> list[Entry] | None:
        return await self._place.list(folder)

    async def fetch(self, path: str, most: int) -> Path | None:
        return await self._place.fetch(path, most)

    async def read(self, path: str) -> bytes | None:
        return await self._place.read(path)

    async def put(self, path: str, data: bytes, *, replace: bool = False) -> None:
        self._die(False)
        await self._place.put(path, data, replace=replace)
        self._die(True)

    async def move(self, path: str, target: str) -> bool:
        self._die(False)
        moved = await self._place.move(path, target)
        self._die(True)
        return moved

    async def close(self) -> None:
        await self._place.close()


def books(root: Path, step: int = 10**6, after: bool = False) -> FileBooks:
    settings = {"folder": str(root), "quiet": "0"}
    tools = Tools("buku", "Asia/Jakarta", None, time.time)
    return FileBooks(settings, tools, Deadly(place_of(settings), step, after))


async def act(connector: FileBooks, what: str) -> None:
    """What the hub does after a crash, too: it looks first and writes what is not there."""
    documents = [order(n) for n in range(3)]
    found = await connector.find("sales_order", [d.reference for d in documents])
    missing = [d for d in documents if d.reference not in found]
    if missing:
        outcomes = await connector.write("sales_order", "create", [Write(d.reference, d) for d in missing])
        assert all(isinstance(outcome, Done) for outcome in outcomes)
    if what == "void":
        found = await connector.find("sales_order", [d.reference for d in documents])
        for document in documents:
            hit = found[document.reference]
            if hit.status != "void":
                await connector.write("sales_order", "void", [Write(f"v{hit.id}", document, hit.id)])


def run(root: Path, what: str, step: int, after: bool) -> subprocess.CompletedProcess[bytes]:
    """A process that acts and may die of it."""
    return subprocess.run(
        [sys.executable, "-m", "tests.connectors.files.test_crash", str(root), what, str(step), str(int(after))],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("what", ["create", "void"])
async def test_a_process_killed_at_every_step(tmp_path: Path, what: str) -> None:
    """The child is killed at step 0, 1, 2 … until it gets through; then another one goes on where it was."""
    deaths = 0
    steps = range(3) if what == "create" else range(3, 12, 4)
    for step in steps:
        for after in (False, True):
            root = tmp_path / f"{what}-{step}-{after}"
            (root / "in").mkdir(parents=True)
            child = await asyncio.to_thread(run, root, what, step, after)
            deaths += child.returncode == -signal.SIGKILL
            assert child.returncode in (0, -signal.SIGKILL), child.stderr.decode()
            await act(books(root), what)
            desk = BooksDesk(root)
            desk.pick_up()
            await act(books(root), what)
            desk.pick_up()
            assert desk.doubled == []
            orders = desk.of("sales_order", void=True)
            living = {r for r, entry in orders.items() if not entry.void}
            if what == "create":
                assert living == {"1000", "1001", "1002"}, (step, after)
            else:
                assert not living, (step, after)
            assert not list(root.rglob("*.tmp")) or child.returncode
    assert deaths >= len(steps)


if __name__ == "__main__":
    asyncio.run(act(books(Path(sys.argv[1]), int(sys.argv[3]), sys.argv[4] == "1"), sys.argv[2]))
