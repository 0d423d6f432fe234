"""The items of one write and what became of each.

A call of Tryton is one transaction: one bad record undoes the whole list. A refused list is halved until the bad record
stands alone, so that its neighbours go through, each exactly once. Most documents take several calls; an item that has
begun and could not be finished is told as ambiguous, and the next try goes on where it stopped.
"""

from __future__ import annotations

import time
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

D = TypeVar("D")


class Item(Generic[D]):
    """One document under way. `values` collects what the steps learn about it."""

    __slots__ = ("document", "id", "index", "target", "touched", "values")

    def __init__(self, index: int, write: Write, document: D) -> None:
        self.index = index
        self.document = document
        self.target = write.id
        self.id = int(write.id) if write.id.isdecimal() else 0
        self.touched = False
        self.values: dict[str, Any] = {}


class Batch(Generic[D]):
    """Items of one kind. `budget` is how many seconds may pass before the last step begins."""

    def __init__(self, writes: Sequence[Write], kind: type[D], budget: float, lists: bool) -> None:
        self.items: list[Item[D]] = []
        for index, write in enumerate(writes):
            if not isinstance(write.document, kind):
                raise TypeError(f"a {type(write.document).__name__} is not a {kind.__name__}")
            self.items.append(Item(index, write, write.document))
        self._outcomes: list[Outcome | None] = [None] * len(self.items)
        self._until = time.monotonic() + budget
        self._lists = lists

    # -- outcomes ---------------------------------------------------------------------------------------------------

    def fail(self, item: Item[D], error: ConnectorError) -> None:
        """This item is refused, or could not be finished."""
        kept = error if isinstance(error, Rejected | LockedPeriod) else _unfinished(item, error)
        self._outcomes[item.index] = Failed(_named(item, kept))

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

    async def run(self, flow: Callable[[], Awaitable[None]]) -> list[Outcome]:
        """Run the steps. An error that concerns the whole call is raised if nothing was begun, else told by item."""
        try:
            await flow()
        except (Rejected, LockedPeriod) as error:
            for item in self.open():
                self.fail(item, error)
        except ConnectorError as error:
            if not any(item.touched for item in self.items) and len(self.open()) == len(self.items):
                raise
            for item in self.open():
                self._outcomes[item.index] = Failed(_unfinished(item, error))
        missing = [item for item in self.items if self._outcomes[item.index] is None]
        for item in missing:
            self.fail(item, Ambiguous("Tryton did not say what became of it", code="no_outcome"))
        return [outcome for outcome in self._outcomes if outcome is not None]

    # -- steps ------------------------------------------------------------------------------------------------------

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
                    queue[:0] = [part[: len(part) // 2], part[len(part) // 2 :]]
                continue
            for item in part:
                item.touched = True
            passed += part
        return passed


def _named(item: Item[Any], error: ConnectorError) -> ConnectorError:
    """The same error, beginning with the document that it concerns."""
    name = getattr(item.document, "reference", "")
    if name and name not in error.message:
        error = type(error)(
            f"{name}: {error.message}", code=error.code, field=error.field, cure=error.cure, status=error.status
        )
    return error


def _unfinished(item: Item[Any], error: ConnectorError) -> ConnectorError:
    if item.touched and not isinstance(error, Ambiguous):
        return Ambiguous(f"begun, not finished: {error.message}", code=error.code, status=error.status)
    return error
