"""How far a back-fill is, and what it would do: for people and for the API."""

from __future__ import annotations

import datetime as dt

import msgspec

from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import State
from selaras.sync.admission import backfill_of
from selaras.sync.adopting import Conflict, amended, ask
from selaras.sync.figures import Sum, instant, sums
from selaras.sync.finding import pair_of
from selaras.sync.hub import Hub, Pair
from selaras.sync.orders import OrderPlanner

_BATCH = 100


class BackfillStatus(msgspec.Struct, frozen=True):
    """`state` is none, running, paused or done. `orders` lie on the days asked for, `done` of them were planned.

    `posted`, `waiting`, `blocked`, `skipped` say what became of those; of `linked` orders `documents` documents were
    found in the books, `conflicts` were found there with another total. `place` is the day that is being worked on.
    """

    store: str
    state: str
    first: str
    last: str
    place: str
    orders: int
    done: int
    posted: int
    waiting: int
    blocked: int
    skipped: int
    linked: int
    documents: int
    conflicts: int
    who: str
    started_at: dt.datetime | None
    finished_at: dt.datetime | None


class BackfillPlan(msgspec.Struct, frozen=True):
    """What a back-fill would do. `sums` adds up what would be created, by kind; `documents` were found by kind.

    `linked` orders have a document in the books already, `create` orders have none and `unchanged` need nothing.
    """

    store: str
    books: str
    first: str
    last: str
    orders: int
    create: int
    linked: int
    unchanged: int
    blocked: int
    skipped: int
    sums: dict[str, list[Sum]]
    documents: dict[str, int]
    conflicts: list[Conflict]


def backfill_status(ledger: Ledger, store: str | None = None) -> BackfillStatus:
    """How far the running or last back-fill is. Raises `LedgerError` when there is no such pair."""
    pair = pair_of(ledger, store)
    found = backfill_of(ledger, pair.store)
    if found is None:
        return BackfillStatus(pair.store, "none", "", "", "", 0, 0, 0, 0, 0, 0, 0, 0, 0, "", None, None)
    rows = ledger.coverage.statuses(pair.store, "order", found.first, found.last)
    behind = rows if found.state == "done" else [row for row in rows if (row[2], row[0]) <= (found.day, found.id)]
    count = {word: sum(1 for row in behind if row[5] == word) for word in ("posted", "waiting", "blocked", "skipped")}
    return BackfillStatus(
        pair.store, found.state, found.first, found.last, found.day, len(rows), len(behind), count["posted"],
        count["waiting"], count["blocked"], count["skipped"], found.linked, found.documents, found.conflicts, found.who,
        instant(found.started_at), instant(found.finished_at) if found.finished_at else None,
    )  # fmt: skip


async def plan_backfill(hub: Hub, pair: Pair, first: str, last: str) -> BackfillPlan:
    """What a back-fill of these days would do; the books are asked, nothing is written. Raises `ConnectorError`.

    The orders must have been read already.
    """
    if last < first:
        raise LedgerError(f"The back-fill would end on {last}, before it begins on {first}.", "Turn the days round.")
    ledger, planner = hub.desk.ledger, OrderPlanner(hub, pair)
    amounts: dict[str, list[tuple[str, int | None]]] = {}
    documents: dict[str, int] = {}
    conflicts: list[Conflict] = []
    orders = create = linked = unchanged = blocked = skipped = 0
    place = ("", "")
    while records := await hub.desk(ledger.records.behind, pair.store, "order", first, last, place, _BATCH):
        place = (records[-1].day, records[-1].key.id)
        drafts = await hub.desk(planner.draft, records, {r.key.id for r in records})
        asked = await ask(hub, pair, drafts)
        conflicts += [conflict for conflict, _cure in asked.other.values()]
        orders += len(records)
        for draft in amended(drafts, asked)[0]:
            rows = [row for row in draft.postings if row.document is not None and row.kind != "contact"]
            found = [row for row in rows if row.state is State.DONE]
            for row in found:
                documents[row.kind] = documents.get(row.kind, 0) + 1
            for row in rows:
                if row.state in (State.PLANNED, State.IN_DOUBT):
                    amounts.setdefault(f"{row.kind} {row.op}", []).append((row.currency, row.total))
            held = draft.plan.problem is not None or any(row.state is State.BLOCKED for row in rows)
            blocked += held
            skipped += draft.plan.skip is not None
            linked += bool(found)
            create += bool(rows) and not held and not found
            unchanged += not rows and not held and draft.plan.skip is None
    return BackfillPlan(
        pair.store, pair.books, first, last, orders, create, linked, unchanged, blocked, skipped,
        {what: sums(rows) for what, rows in sorted(amounts.items())}, documents, conflicts,
    )  # fmt: skip
