"""The items of one write and what became of each.

`insert_many` is one transaction and does not say which document it failed on: a refused list is halved until the bad
one stands alone, and the others go through, each exactly once. What may have happened is told item by item, for parts
that were sent before may stand already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from selaras.connectors.contract import (
    Ambiguous,
    ConnectorError,
    Done,
    Failed,
    LockedPeriod,
    Outcome,
    Rejected,
    Transient,
    Write,
)
from selaras.connectors.erpnext.values import Row
from selaras.connectors.erpnext.wire import Wire

D = TypeVar("D")


class Item(Generic[D]):
    """One document under way. `values` collects what the steps learn; `touched`: ERPNext was changed for it."""

    __slots__ = ("document", "id", "index", "reference", "touched", "values")

    def __init__(self, index: int, write: Write, document: D) -> None:
        self.index = index
        self.document = document
        self.id = write.id
        self.reference: str = getattr(document, "reference", "")
        self.touched = False
        self.values: Row = {}


class Batch(Generic[D]):
    """Items of one kind."""

    def __init__(self, wire: Wire, writes: Sequence[Write], *kinds: type[D]) -> None:
        self._wire = wire
        self.items: list[Item[D]] = []
        for index, write in enumerate(writes):
            if not isinstance(write.document, kinds):
                raise TypeError(f"a {type(write.document).__name__} is not a {kinds[0].__name__}")
            self.items.append(Item(index, write, write.document))
        self._outcomes: list[Outcome | None] = [None] * len(self.items)

    def fail(self, item: Item[D], error: ConnectorError) -> None:
        """This item is refused, or could not be finished."""
        final = isinstance(error, Rejected | LockedPeriod)
        self._outcomes[item.index] = Failed(_named(item, error if final else _unfinished(item, error)))

    def done(self, item: Item[D], outcome: Done) -> None:
        """This item stands."""
        self._outcomes[item.index] = outcome

    def open(self, items: Sequence[Item[D]] | None = None) -> list[Item[D]]:
        """The items (of these) that have no outcome yet."""
        return [item for item in (self.items if items is None else items) if self._outcomes[item.index] is None]

    def check(self, items: Sequence[Item[D]], prove: Callable[[Item[D]], Any]) -> list[Item[D]]:
        """Call `prove` on each; whoever raises a refusal has failed. Returns the others."""
        for item in items:
            try:
                prove(item)
            except (Rejected, LockedPeriod) as error:
                self.fail(item, error)
        return self.open(items)

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
                    queue[:0] = [part[: len(part) // 2], part[len(part) // 2 :]]
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

    async def run(self, flow: Callable[[], Awaitable[None]]) -> list[Outcome]:
        """Run the steps. Trouble of the whole call is raised if nothing was settled before it, else told by item."""
        try:
            await flow()
        except (Rejected, LockedPeriod) as error:
            for item in self.open():
                self.fail(item, error)
        except ConnectorError as error:
            fresh = len(self.open()) == len(self.items)
            if fresh and (isinstance(error, Ambiguous) or not any(item.touched for item in self.items)):
                raise
            for item in self.open():
                told = error
                if isinstance(error, Ambiguous) and not item.touched:
                    told = Transient(f"not sent, because of another document: {error.message}", code="not_sent")
                self.fail(item, told)
        for item in self.open():
            self.fail(item, Ambiguous("ERPNext did not say what became of it", code="no_outcome"))
        return [outcome for outcome in self._outcomes if outcome is not None]


def _named(item: Item[Any], error: ConnectorError) -> ConnectorError:
    """The same error, beginning with the document that it concerns. The kinds without a wait can be made anew."""
    if not item.reference or item.reference in error.message or not isinstance(error, Rejected | LockedPeriod):
        return error
    return type(error)(
        f"{item.reference}: {error.message}", code=error.code, field=error.field, cure=error.cure, status=error.status
    )


def _unfinished(item: Item[Any], error: ConnectorError) -> ConnectorError:
    if item.touched and not isinstance(error, Ambiguous):
        return Ambiguous(f"begun, not finished: {error.message}", code=error.code, status=error.status)
    return error
