"""Reading Vendure's lists so that nothing is missed.

What is given (reference/store-billing-payment-apis.md §5, reference/observed.md "Vendure"): offset paging without a
sort of its own, strict time bounds, and stamps of one second on some databases. And `updatedAt` tells only half: an
order that is placed keeps the stamp of its cart, and payments, parcels and refunds leave it as it is. So orders are
read in three ways, the first two in one call:

* **placed** – by the moment of placing, which never changes again: new orders stand at the end;
* **changed** – by the last change (edits, cancellations); a row that changes meanwhile moves to the end, never away;
* **quiet** – every ten minutes a light list of the last weeks' orders, with nothing but the stamps of their payments,
  refunds and parcels; those with a newer stamp are read whole. With the hint plugin they are known at once.

Each list is sorted by its stamp and id and gone along by the last stamp read: the next page begins a millisecond before
it. Only where a whole page has one stamp, it is gone along by offset inside of it, a row overlapping; if that row is
another one, the rows of that stamp are begun anew. A loop begins `overlap` before the last stamp read, for a change is
stamped when it is made and seen when its transaction ends. Only stamps of the store are ever compared with each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a list was read: the last stamp (ms, -1: nothing yet), rows read of it by offset, and the last id."""

    at: int = -1
    skip: int = 0
    last: str = ""
    begun: int = 0


class Position(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the reading of orders stands; as text it is the connection's cursor.

    `open` names the lists that this loop has not finished ("" between loops). `quiet` is the newest stamp of payments,
    refunds and parcels that was read, `offset` how far its list is, `newest` what was found on the way, `looked` when
    that list was last begun (Unix time of the hub; the only use of its clock).
    """

    placed: Mark = Mark()
    changed: Mark = Mark()
    open: str = ""
    quiet: int = -1
    newest: int = -1
    offset: int = 0
    looked: float = 0.0


class Page(msgspec.Struct, frozen=True):
    """One answer: (stamp in ms, id) of each row as sorted, and whether rows stand behind it."""

    rows: Sequence[tuple[int, str]]
    full: bool


def begin(mark: Mark, overlap: int) -> Mark:
    """Where a new loop begins; `overlap` in milliseconds."""
    return Mark(max(-1, mark.at - overlap)) if mark.at >= 0 else Mark()


def advance(mark: Mark, page: Page) -> Mark:
    """The mark after a page that has more behind it."""
    rows = page.rows
    if not rows:
        return mark
    if mark.skip and rows[0][1] != mark.last and mark.begun < 3:
        # Rows of this stamp have left it, and others moved up: begin with them anew.
        return Mark(mark.at, begun=mark.begun + 1)
    stamp, id = rows[-1]
    if stamp > mark.at:
        return Mark(stamp)
    return Mark(mark.at, mark.skip + len(rows) - 1, id, mark.begun)


def finished(mark: Mark, page: Page) -> Mark:
    """The mark after the last page."""
    return Mark(max(mark.at, page.rows[-1][0])) if page.rows else Mark(mark.at)
