"""What an installation consists of and how it is doing: connections, what waits, the latest events."""

from __future__ import annotations

import datetime as dt

import msgspec

from selaras.ledger import Ledger
from selaras.secrets import redact
from selaras.sync import operations as sync
from selaras.sync.figures import instant
from selaras.sync.installation import pairs_of
from selaras.sync.offline import offline_hub
from selaras.web.context import Context, type_title
from selaras.web.intake import WebhookIntake

_MOST = 1000


class LastPoll(msgspec.Struct, frozen=True):
    """When a kind of record was last asked for."""

    kind: str
    at: dt.datetime


class ConnectionState(msgspec.Struct, frozen=True):
    """A connection without its secrets. `signed_in` is None where no sign-in is needed.

    `state` is "ok", "failing" (its last turn failed) or "off" (it was added after the start).

    `webhook_url` is where its webhooks are to be sent; "" for systems without webhooks.
    """

    name: str
    type: str
    title: str
    role: str
    zone: str
    settings: dict[str, str]
    signed_in: bool | None
    state: str
    errors: list[str]
    paired_with: list[str]
    webhook_url: str
    webhooks_accepted: int
    webhooks_refused: int
    hints_pending: int
    polled: list[LastPoll]


class WaitingItem(msgspec.Struct, frozen=True):
    """Something that is not finished. `connection`, `kind` and `record` name the record it belongs to, `name` is what
    people call it.

    `document` is what is to be written into `target`; empty for a record that was named but not read, or not planned.
    `state` is "unread", "unplanned", "planned" or "in_doubt"; `tries` counts the tries; `message` is the last answer.
    """

    connection: str
    kind: str
    record: str
    name: str
    target: str
    document: str
    state: str
    tries: int
    since: dt.datetime
    due: dt.datetime
    message: str


class EventItem(msgspec.Struct, frozen=True):
    """Something a person may need to know. `level` is info, warning or error; `code` groups equal events."""

    at: dt.datetime
    connection: str
    level: str
    code: str
    message: str


class _Traffic(msgspec.Struct, frozen=True):
    polled: dict[str, list[LastPoll]]
    hints: dict[str, int]


def waiting(ledger: Ledger, target: str | None = None, limit: int = _MOST) -> list[WaitingItem]:
    """What is not finished, oldest first, at most `limit`."""
    rows = ledger.db.rows(
        """SELECT * FROM (
            SELECT h.connection, h.kind, h.id, COALESCE(r.number, h.id), '' AS target, '' AS document,
                'unread' AS state, h.tries, h.at AS since, h.due, h.message
            FROM hint h LEFT JOIN record r ON r.connection = h.connection AND r.kind = h.kind AND r.id = h.id
            UNION ALL
            SELECT r.connection, r.kind, r.id, r.number, '', '', 'unplanned', 0, r.seen_at, r.seen_at, ''
            FROM record r WHERE r.planned < r.version AND r.kind IN ('order', 'bank_transaction')
            UNION ALL
            SELECT p.connection, p.record_kind, p.record_id, COALESCE(r.number, p.record_id), p.target, p.kind,
                CASE WHEN p.state = 0 THEN 'planned' ELSE 'in_doubt' END, p.tries, p.created_at, p.due, p.message
            FROM posting p LEFT JOIN record r
                ON r.connection = p.connection AND r.kind = p.record_kind AND r.id = p.record_id
            WHERE p.state < 2) w
        WHERE ? = '' OR w.target = ? ORDER BY w.since LIMIT ?""",
        (target or "", target or "", limit),
    )
    return [
        WaitingItem(r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], instant(r[8]), instant(r[9]), r[10]) for r in rows
    ]


def waiting_count(ledger: Ledger) -> int:
    """How many postings, plans and readings are not finished."""
    return int(
        ledger.db.rows(
            """SELECT (SELECT count(*) FROM hint) + (SELECT count(*) FROM posting WHERE state < 2)
            + (SELECT count(*) FROM record WHERE planned < version AND kind IN ('order', 'bank_transaction'))"""
        )[0][0]
    )


def events(ledger: Ledger, limit: int = 100) -> list[EventItem]:
    """The newest events first."""
    return [
        EventItem(instant(at), connection, level, code, redact(message))
        for at, connection, level, code, message in ledger.connections.events(limit)
    ]


def _traffic(ledger: Ledger) -> _Traffic:
    polled: dict[str, list[LastPoll]] = {}
    for name, kind, at in ledger.db.rows("SELECT connection, kind, polled_at FROM poll_cursor ORDER BY kind"):
        polled.setdefault(name, []).append(LastPoll(kind, instant(at)))
    hints = ledger.db.rows("SELECT connection, count(*) FROM hint GROUP BY connection")
    return _Traffic(polled, {row[0]: int(row[1]) for row in hints})


async def connections(context: Context, intake: WebhookIntake) -> list[ConnectionState]:
    """Every connection and its state."""
    traffic, found = await context.glance(_traffic), []
    for one in await context.glance(sync.connections):
        errors = [
            lane.error
            for lane_name, lane in context.service.lanes.items()
            if lane.error and lane_name.split(" ", 1)[1] == one.name
        ]
        running = one.name in context.hub.connectors
        tally = intake.tallies.get(one.name)
        found.append(
            ConnectionState(
                one.name, one.type, type_title(one.type), one.role, one.zone,
                {key: redact(value) for key, value in one.settings.items()}, one.signed_in,
                "failing" if errors else "ok" if running else "off", errors, one.pairs,
                f"{context.public_url}/webhooks/{one.name}" if tally is not None else "",
                tally.accepted if tally else 0, tally.refused if tally else 0,
                traffic.hints.get(one.name, 0), traffic.polled.get(one.name, []),
            )
        )  # fmt: skip
    return found


def all_products(ledger: Ledger) -> list[sync.Catalogues]:
    """The comparison of every pair's catalogues."""
    return [sync.products(ledger, pair.store) for pair in pairs_of(ledger)]


def all_ties(ledger: Ledger, store: str | None = None) -> list[sync.Tie]:
    """Buyers who wait for an answer, worked out beside the running hub: no webhook waits for it."""
    return sync.contact_ties(offline_hub(ledger), store)
