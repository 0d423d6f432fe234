"""Reading a list that is sorted by time of change only, so that nothing is missed and hardly a call is wasted.

The list (reference/store-billing-payment-apis.md §2 and §19, traps 1-3): offset paging, both time bounds exclusive,
one-second resolution, rows of one second in another order in every answer, rows that move to the end while one reads.
Three ways of going on, each with its own proof:

* **stepping** – always page 1 of "changed after the second before the last row's". Every answer is one snapshot, so
  moves do no harm, and the last second is read again whole. Costs the rows of that second again: nothing to speak of
  as long as they are few.
* **window** – where a second holds many rows: pages 1, 2, 3 … of a fixed, closed window. Nothing can enter a window
  whose seconds are over; while its `total` stays, nothing has left it, so rows keep their places, but for the order
  within a second. A second that crosses a page edge is whole when no id came twice in it. If `total` moves or an id
  comes twice, reading goes on anew from that second.
* **tie** – one second with more rows than a page, shuffled: its pages are read until as many different ids were seen
  as its `total` says, with `total` unchanged meanwhile; ids between and beside those seen are asked for directly,
  because a shuffled page brings ever fewer new ones.

The end of the loop is a stepping answer that holds all the rest. The next loop starts from the store's time *before*
that answer was asked for, less the overlap (for changes that become visible late), and from no later than a second
that was read while it was not over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from selaras.connectors.sandbox_store.mapping import Row

PER_PAGE = 100
_FEW = 3
"""Rows of the last second that are rather read again than proven complete."""


class Page(msgspec.Struct, frozen=True):
    """One answer: its rows, the rows of its window in all, and the store's clock (Unix seconds).

    `clock` is the answer's own time; `before` a second that had certainly begun when the store looked.
    """

    rows: Sequence[Row]
    total: int
    clock: int
    before: int


class Source(Protocol):
    """The list to walk."""

    async def window(self, after: int | None, before: int | None, page: int) -> Page:
        """A page of the rows with after < second < before, by second."""
        ...

    async def by_key(self, keys: Sequence[int]) -> Sequence[Row]:
        """These rows as they are now; what does not exist is left out."""
        ...


class Position(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a walk stands; as text it is the connection's cursor.

    `after`   rows changed later than this second are still to be read (None: all)
    `rest`    the last loop was finished; `after` is then the store's time at its end
    `before`  end of the window (0: stepping)
    `page`    next page of the window or of the tie
    `total`   rows in it, as the last page said (-1: not known)
    `edge`, `ids`  second of the last row, and the ids seen of it (in a tie: of its second)
    `tie`     the window is one second, read until complete; `goal` is the end of the window around it
    `filled`  in a tie: ids up to this one were asked for directly; -1 while the first round of pages lasts
    `closed`  in a tie: the second was over
    `floor`   the earliest second that was read before it was over (0: none)
    """

    after: int | None = None
    rest: bool = False
    before: int = 0
    page: int = 1
    total: int = -1
    edge: int = 0
    ids: str = ""
    tie: bool = False
    goal: int = 0
    filled: int = -1
    closed: bool = False
    floor: int = 0


class Step(msgspec.Struct, frozen=True):
    """What one step brought, where to go on, and whether to go on now."""

    rows: Sequence[Row]
    position: Position
    more: bool


Sleep = Callable[[float], Awaitable[None]]


async def step(source: Source, position: Position, *, overlap: int, sleep: Sleep) -> Step:
    """One call to the store. Raises what `source` raises; the position is then still good."""
    if position.tie:
        return await _tie(source, position, sleep)
    if position.before:
        return await _window(source, position)
    return await _stepping(source, position, overlap)


async def _stepping(source: Source, at: Position, overlap: int) -> Step:
    after = at.after
    if at.rest and after is not None:
        after -= overlap + 1
    page = await source.window(after, None, 1)
    if at.rest and after is not None and page.clock < after:
        # The store's clock was set back: rows may have been stamped behind us.
        return Step(page.rows, Position(), True)
    rows = page.rows
    if page.total <= len(rows):
        return Step(rows, Position(after=min(page.before, at.floor or page.before), rest=True), False)
    edge = rows[-1].second
    if sum(row.second == edge for row in rows) <= _FEW:
        return Step(rows, Position(after=edge - 1, floor=at.floor), True)
    if edge < page.before:
        return Step(rows, Position(after=edge - 1, before=page.before, floor=at.floor), True)
    return Step(rows, _enter_tie(edge, 0, at.floor), True)


async def _window(source: Source, at: Position) -> Step:
    page = await source.window(at.after, at.before, at.page)
    rows = page.rows
    seen = _unpack(at.ids)
    if at.page > 1:
        again = {row.key for row in rows if row.second == at.edge}
        moved = page.total != at.total or not rows or rows[0].second < at.edge
        if moved or again & seen:
            if len(seen | again) >= PER_PAGE:
                return Step(rows, _enter_tie(at.edge, at.before, at.floor), True)
            return Step(rows, Position(after=at.edge - 1, before=at.before, floor=at.floor), True)
    if at.page * PER_PAGE >= page.total:
        return Step(rows, Position(after=at.before - 1, floor=at.floor), True)
    edge = rows[-1].second
    ids = {row.key for row in rows if row.second == edge}
    if at.page > 1 and edge == at.edge:
        ids |= seen
    onward = Position(
        after=at.after,
        before=at.before,
        page=at.page + 1,
        total=page.total,
        edge=edge,
        ids=_pack(ids),
        floor=at.floor,
    )
    return Step(rows, onward, True)


def _enter_tie(second: int, goal: int, floor: int) -> Position:
    return Position(after=second - 1, before=second + 1, edge=second, tie=True, goal=goal, floor=floor)


async def _tie(source: Source, at: Position, sleep: Sleep) -> Step:
    seen = _unpack(at.ids)
    if at.filled >= 0 and (wanted := _missing(seen, at.filled, at.total - len(seen))):
        rows = await source.by_key(wanted)
        seen |= {row.key for row in rows if row.second == at.edge}
        return Step(rows, msgspec.structs.replace(at, ids=_pack(seen), filled=wanted[-1]), True)
    page = await source.window(at.after, at.before, at.page)
    closed = page.before > at.edge
    known = at.total >= 0
    if known and (closed != at.closed or page.total < at.total or (closed and page.total != at.total)):
        # Rows may have left this second, and some of those seen with them: the count starts afresh.
        seen = set()
        at = msgspec.structs.replace(at, filled=-1, page=1)
    fresh = {row.key for row in page.rows}
    seen |= fresh
    if len(seen) > page.total:
        # One row was thrown away and another came, so that the total stood.
        seen = fresh
    one_answer = page.total <= len(fresh)
    sure = closed or page.clock <= at.edge
    if one_answer or (sure and len(seen) == page.total):
        floor = at.floor if closed else min(at.floor or page.before, page.before)
        if at.goal > at.edge + 1:
            return Step(page.rows, Position(after=at.edge, before=at.goal, floor=floor), True)
        return Step(page.rows, Position(after=at.edge, floor=floor), True)
    if not sure:
        # The second ended just now, or is about to: wait until it is certainly over instead of reading in vain.
        await sleep(1.0)
        return Step(page.rows, _enter_tie(at.edge, at.goal, at.floor), True)
    last = at.page * PER_PAGE >= page.total
    onward = msgspec.structs.replace(
        at,
        ids=_pack(seen),
        page=1 if last else at.page + 1,
        total=page.total,
        filled=max(at.filled, 0) if last or at.filled >= 0 else -1,
        closed=closed,
    )
    return Step(page.rows, onward, True)


def _missing(seen: set[int], filled: int, wanting: int) -> list[int]:
    """Up to a page of ids that were not seen, after `filled`: in the gaps between those seen and beside them.

    None where there are far more such ids than rows `wanting`: then they are not neighbours, and guessing is no use.
    """
    if not seen or wanting < 1:
        return []
    near = min(wanting, PER_PAGE)
    first, last = max(min(seen) - near, filled + 1, 1), max(seen) + near
    if last - first + 1 - sum(key >= first for key in seen) > 4 * wanting + 2:
        return []
    found: list[int] = []
    for key in range(first, last + 1):
        if key not in seen:
            found.append(key)
            if len(found) == PER_PAGE:
                break
    return found


def _pack(keys: Iterable[int]) -> str:
    """Ids as ranges ("3-7,9"): neighbours are common, and a cursor should stay short."""
    parts: list[str] = []
    first = last = -2
    for key in [*sorted(keys), -2]:
        if key == last + 1:
            last = key
            continue
        if first >= 0:
            parts.append(str(first) if first == last else f"{first}-{last}")
        first = last = key
    return ",".join(parts)


def _unpack(text: str) -> set[int]:
    keys: set[int] = set()
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        keys.update(range(int(first), int(last or first) + 1))
    return keys
