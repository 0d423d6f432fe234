"""The items of one write to books that take a document in several calls, and what became of each.

What is the same for such books stands here; how a list goes out, and what a call without an answer means for each
item, is the connector's own.
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
    Write,
)

D = TypeVar("D")
ItemT = TypeVar("ItemT", bound="BatchItem[Any]")


class BatchItem(Generic[D]):
    """One document under way. `values` collects what the steps learn; `touched`: the books were changed for it."""

    __slots__ = ("document", "index", "reference", "touched", "values")

    def __init__(self, index: int, document: D) -> None:
        self.index = index
        self.document = document
        self.reference: str = getattr(document, "reference", "")
        self.touched = False
        self.values: dict[str, Any] = {}


class OpenBatch(Generic[ItemT]):
    """Items of one kind, each open until it stands or has failed."""

    def __init__(
        self, system: str, writes: Sequence[Write], kinds: tuple[type[D], ...], make: Callable[[int, Write, D], ItemT]
    ) -> None:
        """`make` an item of each write. Raises `TypeError` for a document of another kind."""
        self._system = system
        self.items: list[ItemT] = []
        for index, write in enumerate(writes):
            if not isinstance(write.document, kinds):
                raise TypeError(f"a {type(write.document).__name__} is not a {kinds[0].__name__}")
            self.items.append(make(index, write, write.document))
        self._outcomes: list[Outcome | None] = [None] * len(self.items)

    def fail(self, item: ItemT, error: ConnectorError) -> None:
        """This item is refused, or could not be finished."""
        final = isinstance(error, Rejected | LockedPeriod)
        self._outcomes[item.index] = Failed(_named(item, error) if final else _unfinished(item, error))

    def done(self, item: ItemT, outcome: Done) -> None:
        """This item stands."""
        self._outcomes[item.index] = outcome

    def open(self, items: Sequence[ItemT] | None = None) -> list[ItemT]:
        """The items (of these) that have no outcome yet."""
        return [item for item in (self.items if items is None else items) if self._outcomes[item.index] is None]

    def check(self, items: Sequence[ItemT], prove: Callable[[ItemT], Any]) -> list[ItemT]:
        """Call `prove` on each; whoever raises a refusal has failed. Returns the others."""
        for item in items:
            try:
                prove(item)
            except (Rejected, LockedPeriod) as error:
                self.fail(item, error)
        return self.open(items)

    async def run(self, flow: Callable[[], Awaitable[None]]) -> list[Outcome]:
        """Run the steps. Trouble of the whole call is raised if nothing was begun, else told item by item."""
        try:
            await flow()
        except (Rejected, LockedPeriod) as error:
            for item in self.open():
                self.fail(item, error)
        except ConnectorError as error:
            self._interrupted(error)
        for item in self.open():
            self.fail(item, Ambiguous(f"{self._system} did not say what became of it", code="no_outcome"))
        return [outcome for outcome in self._outcomes if outcome is not None]

    def _interrupted(self, error: ConnectorError) -> None:
        """A call failed for all: raise `error` if nothing was begun, else say what it means for each open item."""
        if not any(item.touched for item in self.items) and len(self.open()) == len(self.items):
            raise error
        for item in self.open():
            self.fail(item, error)


def halves(part: list[ItemT]) -> list[list[ItemT]]:
    """A refused list in two, so that the bad one stands alone in the end and its neighbours go through."""
    return [part[: len(part) // 2], part[len(part) // 2 :]]


def _named(item: BatchItem[Any], error: ConnectorError) -> ConnectorError:
    """The same refusal, beginning with the document that it concerns."""
    if not item.reference or item.reference in error.message:
        return error
    return type(error)(
        f"{item.reference}: {error.message}", code=error.code, field=error.field, cure=error.cure, status=error.status
    )


def _unfinished(item: BatchItem[Any], error: ConnectorError) -> ConnectorError:
    if item.touched and not isinstance(error, Ambiguous):
        return Ambiguous(f"begun, not finished: {error.message}", code=error.code, status=error.status)
    return error
