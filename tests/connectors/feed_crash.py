"""A place that ends the process of its connector at the nth thing that it does, just before or just after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from selaras.connectors.contract import Connector, ConnectorError, Seen
from selaras.connectors.places import Entry, Place


class Killed(BaseException):
    """The process is gone; what it had in memory with it."""


class Deadly:
    """Counts everything, readings too: a process may die anywhere."""

    def __init__(self, place: Place, step: int, after: bool) -> None:
        self._place, self._left, self._after = place, step, after
        self.label = place.label

    def _die(self, after: bool) -> None:
        if after == self._after:
            self._left -= 1
            if self._left < 0:
                raise Killed

    async def list(self, folder: str) -> list[Entry] | None:
        self._die(False)
        found = await self._place.list(folder)
        self._die(True)
        return found

    async def fetch(self, path: str, most: int) -> Path | None:
        self._die(False)
        found = await self._place.fetch(path, most)
        self._die(True)
        return found

    async def read(self, path: str) -> bytes | None:
        self._die(False)
        found = await self._place.read(path)
        self._die(True)
        return found

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


async def kept_through_deaths(
    make: Callable[[int, bool], Connector], kind: str, step: int, after: bool
) -> tuple[list[Seen], int]:
    """What a hub keeps of a feed whose process dies at a step and is started again; and how often it died.

    A page is kept with its cursor or not at all, as the hub's transaction does it.
    """
    kept: list[Seen] = []
    cursor, deaths, turn = "", 0, 0
    while turn < 20:
        connector = make(step if turn == 0 else 10**6, after)
        turn += 1
        try:
            while True:
                try:
                    page = await connector.changed(kind, cursor)
                except ConnectorError:
                    continue  # a refused file is told once
                kept += page.seen
                cursor = page.cursor
                if not page.more:
                    return kept, deaths
        except Killed:
            deaths += 1
    raise AssertionError("no end")
