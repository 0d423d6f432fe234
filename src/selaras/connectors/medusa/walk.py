"""Reading Medusa's lists so that nothing is missed, also the money that leaves an order's time of change still.

What is given (2.21.2, read in its source and tried on a running one):

* Orders can be asked for by `updated_at` **and** by `id[$gt]`. Ids never change, so pages follow each other by id:
  ties in time, and rows that change while they are read, move nothing. What changes behind the walk is seen by the
  next one, which begins where this one began, less the overlap.
* Capturing a payment does not move `order.updated_at`, nor does a refund after a return; both move the time of the
  payment's collection. Payments cannot be filtered by that time, but sorted: newest first they are read until one is
  older than the last look (`order=-payment_collection.updated_at`). What moves meanwhile goes to the front and pushes
  the others back, so that rows come twice, and none is passed by.
* Levels of inventory and variants are read in the same way: `/admin/inventory-items` refuses a filter by time, and a
  variant's product changes without it. As rows there can also be deleted while pages are read, each page begins some
  rows before the end of the last.

The overlap covers what becomes visible late: a change is stamped when it is made, and seen when its transaction is
committed. Only the store's own clock is ever compared with its own stamps.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import msgspec

from selaras.connectors.medusa.client import MOST

AGAIN: Final = 10
"""Rows of a list, newest first, that are read again at the head of the next page."""


class Position(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a walk stands; as text it is the connection's cursor.

    `since`   the store's time when the last finished loop began (None: there was none)
    `begun`   the store's time when this loop began (None: it has not)
    `last`    the highest id read of it
    `stage`   which list is being read
    `offset`  rows of a list, newest first, that were read
    """

    since: dt.datetime | None = None
    begun: dt.datetime | None = None
    last: str = ""
    stage: int = 0
    offset: int = 0

    def bound(self, overlap: float) -> dt.datetime | None:
        """From when on rows are wanted."""
        return None if self.since is None else self.since - dt.timedelta(seconds=overlap)

    def start(self, before: dt.datetime) -> Position:
        """The loop has begun at `before`, unless it had."""
        return self if self.begun is not None else msgspec.structs.replace(self, begun=before)

    def finished(self) -> Position:
        """The loop is at its end."""
        return Position(since=self.begun)


class Dated(msgspec.Struct, frozen=True):
    """A row of a list that is read newest first; `at` is None for one that has no time, which come first."""

    id: str
    at: dt.datetime | None
    raw: bytes


def newest(rows: Sequence[Dated], total: int, at: Position, bound: dt.datetime | None) -> tuple[list[Dated], int]:
    """The rows of a page that are new enough, and the offset of the next page (-1: this was the last one)."""
    wanted = [row for row in rows if row.at is None or bound is None or row.at >= bound]
    if len(wanted) < len(rows) or not rows or at.offset + len(rows) >= total or len(rows) < MOST:
        return wanted, -1
    return wanted, at.offset + len(rows) - AGAIN
