"""Feeds as a person looks after them: whose money is booked where, what it brought, and which accounts it takes."""

from __future__ import annotations

import datetime as dt

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.values import State
from selaras.model.chart import Account
from selaras.sync.feeds import ACCOUNTS, Feed, feeds_of
from selaras.sync.figures import instant
from selaras.sync.mirror import chart_of

_ALL = 2**62
MONEY_ROLES = ("bank", "gateway", "files")


class Brought(msgspec.Struct, frozen=True):
    """Records of one kind that a connection brought, and when it was last asked for them (None: never)."""

    kind: str
    records: int
    read_at: dt.datetime | None


class FeedAccount(msgspec.Struct, frozen=True):
    """An account of a feed: which one (`ACCOUNTS`), its id ("" = not chosen), and what the books call it."""

    option: str
    id: str
    name: str


class FeedLine(msgspec.Struct, frozen=True):
    """One feed. `waiting` records are stopped because an account of it is not chosen."""

    connection: str
    type: str
    role: str
    books: str
    brought: list[Brought]
    accounts: list[FeedAccount]
    waiting: int


class FeedsReport(msgspec.Struct, frozen=True):
    """The feeds, the money connections that are none yet, the sets of books, and the accounts of each (id → name)."""

    feeds: list[FeedLine]
    unfed: list[str]
    books: list[str]
    charts: dict[str, dict[str, str]]


def feeds_report(ledger: Ledger) -> FeedsReport:
    """Everything about the feeds of an installation."""
    there = {one.name: one for one in ledger.connections.all()}
    feeds = feeds_of(ledger)
    charts = {name: chart_of(ledger, name).accounts for name in {feed.books for feed in feeds}}
    waits = _waits(ledger)
    lines = [
        FeedLine(
            feed.connection, there[feed.connection].type, there[feed.connection].role, feed.books,
            _brought(ledger, feed.connection), _accounts(feed, charts[feed.books]), waits.get(feed.connection, 0),
        )
        for feed in feeds if feed.connection in there
    ]  # fmt: skip
    fed = {feed.connection for feed in feeds}
    usable = {
        name: {one.id: called(one) for one in sorted(chart.values(), key=lambda a: (a.code, a.name)) if one.active}
        for name, chart in charts.items()
    }
    return FeedsReport(
        lines, [name for name, one in there.items() if one.role in MONEY_ROLES and name not in fed],
        [name for name, one in there.items() if one.role == "books"], usable,
    )  # fmt: skip


def called(account: Account) -> str:
    """What people call an account: "1-1001 Bank BCA"."""
    return f"{account.code} {account.name}".strip()


def _accounts(feed: Feed, chart: dict[str, Account]) -> list[FeedAccount]:
    chosen = [(option, str(getattr(feed, option))) for option in ACCOUNTS]
    return [FeedAccount(option, id, called(chart[id]) if id in chart else "") for option, id in chosen]


def _brought(ledger: Ledger, connection: str) -> list[Brought]:
    counts: dict[str, int] = dict(
        ledger.db.rows("SELECT kind, count(*) FROM record WHERE connection = ? GROUP BY kind", (connection,))
    )
    asked: dict[str, int] = dict(
        ledger.db.rows("SELECT kind, polled_at FROM poll_cursor WHERE connection = ?", (connection,))
    )
    return [
        Brought(kind, int(counts.get(kind, 0)), instant(asked[kind]) if kind in asked else None)
        for kind in sorted({*counts, *asked})
    ]


def _waits(ledger: Ledger) -> dict[str, int]:
    stopped = ledger.postings.in_state(State.BLOCKED, _ALL, "missing_mapping")
    found: dict[str, set[object]] = {}
    for posting in stopped:
        found.setdefault(posting.record.connection, set()).add(posting.record)
    return {name: len(records) for name, records in found.items()}
