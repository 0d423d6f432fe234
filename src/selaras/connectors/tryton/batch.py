"""The items of one write and what became of each.

A call of Tryton is one transaction: one bad record undoes the whole list. A refused list is halved until the bad record
stands alone, so that its neighbours go through, each exactly once. Most documents take several calls; an item that has
begun and could not be finished is told as ambiguous, and the next try goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic

from selaras.connectors.batch import BatchItem, D, OpenBatch, halves
from selaras.connectors.contract import LockedPeriod, Rejected, Transient, Write


class Item(BatchItem[D]):
    """One document under way: `target` is its id as we keep it, `id` its number (0 = none yet)."""

    __slots__ = ("id", "target")

    def __init__(self, index: int, write: Write, document: D) -> None:
        super().__init__(index, document)
        self.target = write.id
        self.id = int(write.id) if write.id.isdecimal() else 0


class Batch(OpenBatch[Item[D]], Generic[D]):
    """Items of one kind. `budget` is how many seconds may pass before the last step begins."""

    def __init__(self, writes: Sequence[Write], kind: type[D], budget: float, lists: bool) -> None:
        super().__init__("Tryton", writes, (kind,), Item)
        self._until = time.monotonic() + budget
        self._lists = lists

    async def step(
        self,
        items: Sequence[Item[D]],
        act: Callable[[list[Item[D]]], Awaitable[None]],
        *,
        most: int = 100,
        one_call: bool = False,
    ) -> list[Item[D]]:
        """Let `act` change something for `items`, at most `most` in a call; returns those for which it went through.

        `one_call` says that the call takes lists on every wire (a create); else a wire without lists gets one by one.
        """
        size = most if self._lists or one_call else 1
        queue = [list(items[start : start + size]) for start in range(0, len(items), size)]
        passed: list[Item[D]] = []
        while queue:
            part = queue.pop(0)
            if time.monotonic() > self._until:
                raise Transient("no time left in this turn; the rest follows in the next", code="no_time")
            try:
                await act(part)
            except (Rejected, LockedPeriod) as error:
                if len(part) == 1:
                    self.fail(part[0], error)
                else:
                    queue[:0] = halves(part)
                continue
            for item in part:
                item.touched = True
            passed += part
        return passed
