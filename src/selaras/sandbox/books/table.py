"""One kind of rows with its indexes: by id, by reference, and the keyset order (updated_at, id) of lists.

The order is an append-mostly log of keys. A row that changes gets a new key; its old key stays in the log, is
passed over by lists and swept out when such dead keys outnumber the living.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from selaras.sandbox.books.kinds import Row

R = TypeVar("R", bound=Row)
Key = tuple[str, str]


class _Place:
    """Where a row stands in lists: under `stamp` from `visible_at` on, under `before` ("" = nowhere) until then.

    `born` is the instant from which searches by reference find the row.
    """

    __slots__ = ("before", "born", "stamp", "visible_at")

    def __init__(self, stamp: str, visible_at: float) -> None:
        self.stamp = stamp
        self.before = ""
        self.visible_at = visible_at
        self.born = visible_at


class Table(Generic[R]):
    """Rows of one kind. `prefix` begins their ids, `numbers` their printed numbers."""

    def __init__(self, kind: str, prefix: str, numbers: str = "") -> None:
        self.kind = kind
        self.prefix = prefix
        self.numbers = numbers
        self.rows: dict[str, R] = {}
        self.references: dict[str, list[str]] = {}
        self._places: dict[str, _Place] = {}
        self._log: list[Key] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self.rows)

    def new_id(self) -> tuple[str, str]:
        """The next id and number."""
        self._count += 1
        number = f"{self.numbers}-{self._count:05d}" if self.numbers else ""
        return f"{self.prefix}{self._count:08d}", number

    def get(self, row_id: str) -> R | None:
        """The row, or None."""
        return self.rows.get(row_id)

    def add(self, row: R, stamp: str, visible_at: float) -> None:
        """Keep a new row written at `stamp`, visible to lists and searches from `visible_at` on."""
        row.created_at = row.updated_at = stamp
        self.rows[row.id] = row
        if row.reference:
            self.references.setdefault(row.reference, []).append(row.id)
        self._places[row.id] = _Place(stamp, visible_at)
        insort(self._log, (stamp, row.id))

    def touch(self, row: R, stamp: str, now: float, visible_at: float) -> None:
        """Give a changed row its new place."""
        place = self._places[row.id]
        row.version += 1
        row.updated_at = stamp
        if place.stamp == stamp:
            return
        if now >= place.visible_at:
            place.before = place.stamp
        place.stamp = stamp
        place.visible_at = visible_at
        insort(self._log, (stamp, row.id))
        if len(self._log) > 2 * len(self.rows) + 1000:
            self._sweep(now)

    def remove(self, row: R) -> None:
        """Throw a row away; lists no longer tell of it."""
        del self.rows[row.id]
        if row.reference:
            self.references[row.reference].remove(row.id)
        self._places.pop(row.id)
        self._log = [key for key in self._log if key[1] != row.id]

    def rename(self, row: R, reference: str) -> None:
        """Change the reference of a row."""
        if row.reference:
            self.references[row.reference].remove(row.id)
        row.reference = reference
        if reference:
            self.references.setdefault(reference, []).append(row.id)

    def _sweep(self, now: float) -> None:
        keys: list[Key] = []
        for row_id, place in self._places.items():
            keys.append((place.stamp, row_id))
            if now >= place.visible_at:
                place.before = ""
            elif place.before:
                keys.append((place.before, row_id))
        keys.sort()
        self._log = keys

    def page(
        self,
        since: str,
        after: Key | None,
        limit: int,
        now: float,
        wanted: Callable[[R], bool] | None = None,
    ) -> tuple[list[R], Key | None]:
        """Rows from `since` on (inclusive) or behind the key `after`; the second value is the key to go on with.

        That key is None at the end of what is visible now.
        """
        log = self._log
        at = bisect_right(log, after) if after is not None else bisect_left(log, (since, ""))
        found: list[R] = []
        last: Key = ("", "")
        for index in range(at, len(log)):
            stamp, row_id = log[index]
            place = self._places[row_id]
            if stamp != (place.stamp if now >= place.visible_at else place.before):
                continue
            row = self.rows[row_id]
            if wanted is not None and not wanted(row):
                continue
            if len(found) == limit:
                return found, last
            found.append(row)
            last = log[index]
        return found, None

    def by_references(self, references: Iterable[str], now: float) -> list[R]:
        """Rows under these references that a search finds now, in order of creation."""
        rows = self.rows
        places = self._places
        return [
            rows[row_id]
            for reference in references
            for row_id in self.references.get(reference, ())
            if now >= places[row_id].born
        ]
