"""Reading a list of WooCommerce so that nothing is missed and hardly a call is wasted.

What is given (reference/store-billing-payment-apis.md §2): offset paging, time bounds that are both exclusive and of
one second, and ids that never change. Sorting by the time of change has no second key (woocommerce #33386): rows of
one second swap between pages. So the list is sorted by id, inside a window of time that is over:

* **First answer** – everything changed since the last loop began, less the overlap, up to now. If that is all, the
  loop is at its end after one call, and the store's clock at that call is where the next one starts.
* **Window** – if there is more, the window is closed at that clock and read on by offset. Nothing can enter a window
  that is over; a row that is changed again leaves it, and all behind it move up. Therefore each call begins one row
  *before* the end of the last: as long as its first row is not beyond the last one read, the rows behind it follow
  without a gap, because ids only grow. If it is beyond, the step goes back until it is not (after the third time,
  having begun anew once, it is taken for a row that the key may not see, and passed by).
* **The rest** – after a window, one more first answer from its end brings what was changed, and so has left it, while
  it was read. Every row that existed when the loop began has then been seen.

The overlap (ten minutes, by default) covers what becomes visible late: a change is stamped when it is made, and seen
when its transaction is committed. Only the store's own clock is ever compared with its own stamps.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from selaras.connectors.contract import Transient
from selaras.connectors.woocommerce.mapping import Row

PER_PAGE = 100
_BACK = (PER_PAGE, 10 * PER_PAGE, 1 << 40)
"""How far a step goes back, the first, second and third time, where the totals do not tell."""

_MOST_SLACK = PER_PAGE // 2


class Page(msgspec.Struct, frozen=True):
    """One answer: its rows by id, the rows of the window in all (-1: the store does not say), and the store's clock.

    `clock` (Unix seconds) is the answer's own time, `before` a second that had certainly begun when the store looked.
    """

    rows: Sequence[Row]
    total: int
    clock: int
    before: int


class Source(Protocol):
    """The list to walk."""

    async def window(self, after: int | None, before: int | None, offset: int) -> Page:
        """Up to `PER_PAGE` rows with after < second of change < before, by id, from `offset` on."""
        ...


class Position(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a walk stands; as text it is the connection's cursor.

    `since`   rows changed in this second or later are still to be read (None: all)
    `rest`    the last loop was finished; `since` is the store's time at its end
    `until`   end of the window, not part of it (0: no window is open)
    `offset`  rows of the window that were read
    `last`    the highest id read of it
    `total`   rows in it, as the last answer said
    `slack`   rows that are read again at each call, beyond the one, because rows keep leaving
    `back`    steps back that were taken since `last` grew
    """

    since: int | None = None
    rest: bool = False
    until: int = 0
    offset: int = 0
    last: int = 0
    total: int = -1
    slack: int = 0
    back: int = 0


class Step(msgspec.Struct, frozen=True):
    """What one step brought, where to go on, and whether to go on now."""

    rows: Sequence[Row]
    position: Position
    more: bool


Sleep = Callable[[float], Awaitable[None]]


async def step(source: Source, at: Position, *, overlap: int, sleep: Sleep) -> Step:
    """One page. Raises what `source` raises; the position is then still good."""
    return await _window(source, at) if at.until else await _first(source, at, overlap, sleep)


async def _first(source: Source, at: Position, overlap: int, sleep: Sleep) -> Step:
    since = at.since
    if since is not None and at.rest:
        since -= overlap
    page = await source.window(None if since is None else since - 1, None, 0)
    if since is not None and at.rest and page.clock < since:
        # The store's clock was set back: rows may have been stamped behind us.
        return Step(page.rows, Position(), True)
    if _is_end(page, 0):
        return Step(page.rows, Position(since=page.before, rest=True), False)
    if since is not None and page.before <= since:
        # More than a page in the second that is not over yet: nothing of it can be read on by offset before it is.
        await sleep(1.0)
        return Step(page.rows, Position(since=since), True)
    inside = [row for row in page.rows if row.second < page.before]
    last = inside[-1].key if inside else 0
    window = Position(since=since, until=page.before, offset=len(inside), last=last, total=page.total)
    return Step(page.rows, window, True)


async def _window(source: Source, at: Position) -> Step:
    offset = max(0, at.offset - 1 - at.slack)
    page = await source.window(None if at.since is None else at.since - 1, at.until, offset)
    rows = page.rows
    gap = bool(offset) and (not rows or rows[0].key > at.last)
    if gap and at.back < len(_BACK):
        left = at.total - page.total if rows and at.total >= 0 and page.total >= 0 else 0
        # As many as left between the last two looks may leave before each of the next ones.
        slack = min(_MOST_SLACK, max(at.slack, 2 * left))
        told = 0 < left <= PER_PAGE and at.back < len(_BACK) - 1
        start = offset - (left if told else _BACK[at.back])
        back = msgspec.structs.replace(
            at, offset=max(0, start) + 1, slack=slack, back=at.back + 1, total=page.total if rows else at.total
        )
        return Step(rows, back, True)
    if offset and not at.back and len(rows) == PER_PAGE and rows[-1].key <= at.last:
        raise Transient("the store gives the same page again whatever `offset` it is asked for", code="paging_ignored")
    if _is_end(page, offset):
        # What was changed meanwhile is no longer in the window.
        return Step(rows, Position(since=at.until), True)
    last = max(at.last, rows[-1].key)
    onward = msgspec.structs.replace(
        at, offset=offset + PER_PAGE, last=last, total=page.total, back=at.back if last == at.last else 0
    )
    return Step(rows, onward, True)


def _is_end(page: Page, offset: int) -> bool:
    """Whether nothing stands behind this page.

    Counted is the whole page that was asked for: rows that the key may not see are taken out of it by the store.
    """
    if not page.rows:
        return True
    if page.total < 0:
        return len(page.rows) < PER_PAGE
    return offset + PER_PAGE >= page.total
