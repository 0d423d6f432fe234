"""The list order of the store: by time of change only, to the second, with every trap that this brings.

Both bounds are exclusive, paging is by offset, rows of one second have no order of their own (with `shuffle` they
come in another order in every answer), and a row that changes moves to the end while others read on.
"""

from __future__ import annotations

import random
import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable

_LAST = 1 << 62


class UpdateIndex:
    """Keys (integers) in the order of their last change (Unix seconds).

    `lag` gives the seconds for which a change is hidden from lists (a search index that runs behind); it is
    asked at each change, so that the switch can be turned while the store runs.
    """

    def __init__(
        self,
        rng: random.Random,
        *,
        shuffle: bool = True,
        lag: Callable[[], float] = lambda: 0.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.shuffle = shuffle
        self._rng = rng
        self._lag = lag
        self._monotonic = monotonic
        self._rows: list[tuple[int, int]] = []
        self._at: dict[int, int] = {}
        self._hidden: dict[int, tuple[float, int]] = {}

    def __len__(self) -> int:
        return len(self._rows) + len(self._hidden)

    def touch(self, key: int, second: int) -> None:
        """The row `key` changed in `second`."""
        lag = self._lag()
        if lag > 0:
            self._drop(key)
            self._hidden[key] = (self._monotonic() + lag, second)
            return
        self._hidden.pop(key, None)
        if self._at.get(key) != second:
            self._drop(key)
            self._put(key, second)

    def load(self, rows: Iterable[tuple[int, int]]) -> None:
        """Add many new rows (second, key) at once."""
        new = list(rows)
        self._at.update((key, second) for second, key in new)
        self._rows.extend(new)
        self._rows.sort()

    def remove(self, key: int) -> None:
        """The row is shown in no list any more."""
        self._hidden.pop(key, None)
        self._drop(key)

    def page(self, after: int | None, before: int | None, page: int, per_page: int) -> tuple[list[int], int]:
        """Keys of one page of after < second < before, and how many rows that window holds in all."""
        if self._hidden:
            self._show_due()
        rows = self._rows
        low = 0 if after is None else bisect_right(rows, (after, _LAST))
        high = len(rows) if before is None else max(low, bisect_left(rows, (before,)))
        start = min(high, low + (page - 1) * per_page)
        end = min(high, start + per_page)
        if start == end:
            return [], high - low
        if not self.shuffle:
            return [key for _, key in rows[start:end]], high - low
        # The whole of the seconds at both edges takes part in the shuffle: that is what makes rows cross an edge.
        first = bisect_left(rows, (rows[start][0],), low, high)
        last = bisect_right(rows, (rows[end - 1][0], _LAST), low, high)
        draw = self._rng.random
        mixed = sorted((second, draw(), key) for second, key in rows[first:last])
        return [key for _, _, key in mixed[start - first : end - first]], high - low

    def _put(self, key: int, second: int) -> None:
        self._at[key] = second
        insort(self._rows, (second, key))

    def _drop(self, key: int) -> None:
        second = self._at.pop(key, None)
        if second is not None:
            del self._rows[bisect_left(self._rows, (second, key))]

    def _show_due(self) -> None:
        now = self._monotonic()
        for key, (due, second) in list(self._hidden.items()):
            if due <= now:
                del self._hidden[key]
                self._put(key, second)
