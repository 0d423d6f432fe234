"""Reading the list of transactions without missing any.

Rows are filtered by `updated` and ordered by `created` (https://docs.xendit.co/apidocs/list-transactions), so the last
row of a page says nothing about time. A window with both ends fixed is therefore read to its end, page by page after
the last id, and only then the next one begins, where the last one ended, minus an overlap for rows that become visible
late. A row that changes while the window is read leaves it and is found in the next. The ends are Xendit's time, taken
from its answers: a wrong clock here loses nothing.
"""

from __future__ import annotations

import datetime as dt

import msgspec


class Position(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a reading stands. Unix seconds; `since` 0 = from the beginning, `until` 0 = no window is open."""

    since: int = 0
    until: int = 0
    after: str = ""


def cursor_of(found: Position) -> str:
    """The cursor that points to a position."""
    return msgspec.json.encode(found).decode()


def opened(at: Position, now: int) -> Position:
    """The position with its window's end fixed; an open window keeps its end."""
    return at if at.until else Position(at.since, max(now, at.since))


def moved(at: Position, last: str, more: bool, overlap: int) -> Position:
    """Where the reading stands after a page that ended with the row `last`."""
    return Position(at.since, at.until, last) if more else Position(max(1, at.until - overlap))


def stamp(seconds: int) -> str:
    """Unix seconds as Xendit writes instants."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
