"""The items of one write and what became of each.

`insert_many` is one transaction and does not say which document it failed on: a refused list is halved until the bad
one stands alone, and the others go through, each exactly once. What may have happened is told item by item, for parts
that were sent before may stand already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic

from selaras.connectors.batch import BatchItem, D, OpenBatch, halves
from selaras.connectors.contract import Ambiguous, ConnectorError, LockedPeriod, Rejected, Transient, Write
from selaras.connectors.erpnext.values import Row
from selaras.connectors.erpnext.wire import Wire


class Item(BatchItem[D]):
    """One document under way; `id` is its name in ERPNext ("" = none yet)."""

    __slots__ = ("id",)

    def __init__(self, index: int, write: Write, document: D) -> None:
        super().__init__(index, document)
        self.id = write.id


class Batch(OpenBatch[Item[D]], Generic[D]):
    """Items of one kind."""

    def __init__(self, wire: Wire, writes: Sequence[Write], *kinds: type[D]) -> None:
        super().__init__("ERPNext", writes, kinds, Item)
        self._wire = wire

    async def each(self, items: Sequence[Item[D]], act: Callable[[Item[D]], Awaitable[None]]) -> list[Item[D]]:
        """Let `act` work on one item after the other; a refusal is that item's own. Returns those that went through."""
        for item in self.open(items):
            try:
                await act(item)
            except (Rejected, LockedPeriod) as error:
                self.fail(item, error)
        return self.open(items)

    async def insert(
        self,
        items: Sequence[Item[D]],
        doc: Callable[[Item[D]], Row],
        unless: Callable[[Item[D], ConnectorError], bool] | None = None,
    ) -> list[Item[D]]:
        """Insert the document of each item; its name is kept under `name`. Returns those that stand.

        `unless` may take a refusal of one item over: True leaves the item open.
        """
        queue = [list(items)] if items else []
        while queue:
            part = queue.pop(0)
            what = part[0].reference if len(part) == 1 else ""
            try:
                names = await self._wire.insert_many([doc(item) for item in part], what)
            except (Rejected, LockedPeriod) as error:
                if len(part) == 1:
                    if unless is None or not unless(part[0], error):
                        self.fail(part[0], error)
                else:
                    queue[:0] = halves(part)
                continue
            except ConnectorError as error:
                if isinstance(error, Ambiguous):
                    for item in part:
                        item.touched = True
                raise
            for item, name in zip(part, names, strict=True):
                item.touched = True
                item.values["name"] = name
        return [item for item in self.open(items) if "name" in item.values]

    def _interrupted(self, error: ConnectorError) -> None:
        """What may have happened is raised if nothing was settled before it; of the others it is said who was sent."""
        fresh = len(self.open()) == len(self.items)
        if fresh and (isinstance(error, Ambiguous) or not any(item.touched for item in self.items)):
            raise error
        for item in self.open():
            told = error
            if isinstance(error, Ambiguous) and not item.touched:
                told = Transient(f"not sent, because of another document: {error.message}", code="not_sent")
            self.fail(item, told)
