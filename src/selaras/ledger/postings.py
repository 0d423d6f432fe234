"""Postings: planned, claimed, settled. Exactly-once lives here and in the constraints of the tables.

The protocol (reference/engine.md §6): a claim *is* the durable intent; `due` is retry timer, lease and settle timer in
one column; `tries` is the fencing token; what a crash leaves in doubt is looked for in the target before it is sent
again; only the oldest unfinished posting of a stream can be claimed.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from selaras.ledger.database import Database, Row, chunks
from selaras.ledger.errors import ConstraintBroken, PlanOutOfDate
from selaras.ledger.links import SHARED, Links
from selaras.ledger.values import (
    MICROSECOND,
    Attempt,
    Claimed,
    Link,
    NewPosting,
    Posting,
    RecordKey,
    Settlement,
    State,
)

_PLAN = """INSERT INTO posting (target, stream, key, version, kind, op, connection, record_kind, record_id, reference,
    document, digest, needs, total, currency, state, due, tries, reason, cause, field, message, cure, created_at,
    settled_at, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)"""

# A posting may go when nothing unfinished stands before it in its stream and nothing that it needs is unfinished. One
# that supersedes another stands in its place, before what was planned after it (unless it refers to that). Scalar
# sub-selects, not NOT EXISTS: PostgreSQL makes joins over the whole backlog of those (at 40,000 waiting 0.2 to 3 s a
# claim before its first ANALYZE, 20 ms after it); these are one look-up each in `posting_queue`, and `<>` is what it
# expects to be mostly true.
_FREE = """COALESCE((SELECT 1 FROM posting q WHERE q.target = p.target AND q.stream = p.stream
        AND q.state IN (0, 1, 3) AND COALESCE(q.place, q.id) < COALESCE(p.place, p.id) LIMIT 1), 0) <> 1
    AND (p.needs = '' OR COALESCE((SELECT 1 FROM posting c WHERE c.target = p.target AND c.stream = p.needs
        AND c.state IN (0, 1, 3) LIMIT 1), 0) <> 1)"""
# MATERIALIZED: the choice is made once; as a plain sub-select PostgreSQL may run it for each row and exceed the limit.
# For the same reason, and to find the chosen by their primary key whatever it expects, PostgreSQL takes an array.
_CLAIM = f"""WITH chosen AS MATERIALIZED (
    SELECT p.id FROM posting p WHERE p.target = ? AND p.state < 2 AND p.due <= ? AND {_FREE}
    ORDER BY p.due, p.id LIMIT ? {{lock}})
    UPDATE posting SET prior = state, state = 1, tries = tries + 1, due = ? WHERE {{chosen}}
    RETURNING id, stream, key, version, kind, op, reference, document, needs, tries, currency, total, prior"""  # noqa: S608
_CLAIM_WORDS = {
    "sqlite": {"lock": "", "chosen": "id IN (SELECT id FROM chosen)"},
    "postgres": {"lock": "FOR UPDATE OF p SKIP LOCKED", "chosen": "id = ANY (ARRAY(SELECT id FROM chosen))"},
}

_SETTLE = """UPDATE posting SET state = ?, due = ?, cause = ?, field = ?, message = ?, cure = ?,
    settled_at = ? WHERE id = ? AND tries = ? AND state = 1"""
_ATTEMPT = """INSERT INTO attempt (posting, try, at, act, outcome, message) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (posting, try, at, act) DO NOTHING"""

_COLUMNS = """id, target, stream, key, version, kind, op, connection, record_kind, record_id, reference,
    document, digest, needs, total, currency, state, due, tries, reason, cause, field, message, cure, by_whom,
    created_at, settled_at"""

# Setting that a restored database carries (see `backup`): what it plans anew may stand in the target already.
RESTORED = "restored"

_encoder = msgspec.json.Encoder(decimal_format="string")


def _posting(row: Row) -> Posting:
    (posting_id, target, stream, key, version, kind, op, connection, record_kind, record_id, *rest) = row
    reference, document, digest, needs, total, currency, state, due, tries, *texts, created_at, settled_at = rest
    reason, cause, field, message, cure, by_whom = texts
    return Posting(
        posting_id, target, stream, key, version, kind, op, RecordKey(connection, record_kind, record_id), reference,
        bytes(document), digest, needs, total, currency, State(state), due, tries, reason, cause, field, message, cure,
        by_whom, created_at, settled_at,
    )  # fmt: skip


def _link(target: str, s: Settlement) -> Link:
    c = s.claimed
    total = s.total if s.total is not None else c.total
    return Link(target, c.stream, c.key, c.kind, s.target_id, s.number, c.reference, total, c.currency, c.version)


class Postings(Links):
    """Operations on postings, links and attempts."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self._claim = _CLAIM.format_map(_CLAIM_WORDS[db.dialect])

    # -- planning --------------------------------------------------------------------------------------------------

    def plan(self, postings: Sequence[NewPosting], now: int) -> None:
        """Insert postings, in order. Raises `PlanOutOfDate` when a posting to supersede was claimed meanwhile.

        A posting that is to create what an earlier version of it was tried for, or what a restored database may have
        forgotten, begins in doubt: it is looked for before it is sent.
        """
        for target in sorted({p.target for p in postings}):
            self._planning(target)
        forgetful = bool(self._db.rows("SELECT 1 FROM setting WHERE name = ?", (RESTORED,)))
        rows = []
        last: set[tuple[str, str, str]] = set()  # what this call puts at the end of its stream
        for p in postings:
            place, doubtful = None, forgetful
            if p.supersedes:
                gone = self._db.rows(
                    """UPDATE posting SET prior = state, state = 5, settled_at = ? WHERE target = ? AND stream = ?
                    AND key = ? AND version = ? AND state IN (0, 3, 4) RETURNING COALESCE(place, id), prior, tries""",
                    (now, p.target, p.stream, p.key, p.supersedes),
                )
                if len(gone) != 1:
                    raise PlanOutOfDate(f"{p.stream} {p.key} version {p.supersedes} was claimed while planning.")
                place, prior, tries = gone[0]
                if self._comes_later(p, place, last):
                    place = None
                doubtful |= tries > 0 and prior != State.PLANNED
            if place is None and p.op == "create":
                last.add((p.target, p.stream, p.key))
            state = p.state
            if doubtful and state is State.PLANNED and p.op == "create":
                state = State.IN_DOUBT
            blob = b"" if p.document is None else _encoder.encode(p.document)
            settled = now if state in (State.SKIPPED, State.BLOCKED) else None
            rows.append(
                (
                    p.target, p.stream, p.key, p.version, p.kind, p.op, p.record.connection, p.record.kind,
                    p.record.id, p.reference, blob, p.digest, p.needs, p.total, p.currency, int(state), now,
                    p.reason, p.cause, p.field, p.message, p.cure, now, settled, place,
                )
            )  # fmt: skip
        try:
            self._db.many(_PLAN, rows)
        except ConstraintBroken:
            if self._db.dialect == "sqlite":  # one writer: nobody else can have planned it, so the caller is wrong
                raise
            raise PlanOutOfDate("Another worker planned the same documents.") from None

    def _comes_later(self, posting: NewPosting, place: int, last: set[tuple[str, str, str]]) -> bool:
        """Whether what a posting refers to is made behind that place: each would wait for the other for ever."""
        if any((posting.target, posting.stream, key) in last for key in posting.after):
            return True
        marks = ",".join("?" * len(posting.after))
        return bool(posting.after) and bool(
            self._db.rows(
                f"""SELECT 1 FROM posting WHERE target = ? AND stream = ? AND state IN (0, 1, 3)
                AND op = 'create' AND COALESCE(place, id) > ? AND key IN ({marks}) LIMIT 1""",  # noqa: S608
                (posting.target, posting.stream, place, *posting.after),
            )
        )

    def _planning(self, target: str) -> None:
        """One planner of a target at a time until its transaction ends.

        Ids are given in the order of planning, and a stream is worked off in their order; without this a posting with
        a lower id could appear after a later one of its stream was claimed.
        """
        if self._db.dialect == "postgres":
            self._db.rows("SELECT pg_advisory_xact_lock(7358262, hashtext(?))", (target,))

    def supersede(self, target: str, stream: str, key: str, now: int) -> None:
        """The blocked or skipped row that stood for a whole record no longer holds."""
        self._planning(target)
        self._db.run(
            """UPDATE posting SET state = 5, settled_at = ? WHERE target = ? AND stream = ? AND key = ?
            AND state IN (3, 4)""",
            (now, target, stream, key),
        )

    def supersede_planned(self, posting_id: int, now: int) -> bool:
        """Take back a posting that was planned or blocked; False when it was claimed meanwhile."""
        return bool(
            self._db.run(
                "UPDATE posting SET state = 5, settled_at = ? WHERE id = ? AND state IN (0, 3)", (now, posting_id)
            )
        )

    def of_streams(self, target: str, streams: Sequence[str]) -> dict[str, list[Posting]]:
        """Every posting of these streams, superseded ones too, oldest first, by stream."""
        found: dict[str, list[Posting]] = {}
        for part in chunks(streams):
            marks = ",".join("?" * len(part))
            for row in self._db.rows(
                f"SELECT {_COLUMNS} FROM posting WHERE target = ? AND stream IN ({marks}) ORDER BY id",  # noqa: S608
                (target, *part),
            ):
                posting = _posting(row)
                found.setdefault(posting.stream, []).append(posting)
        return found

    # -- sending ---------------------------------------------------------------------------------------------------

    def claim(self, target: str, now: int, lease: float, limit: int) -> list[Claimed]:
        """Take what is due, oldest first, one per stream, under a lease of `lease` seconds. This commits the intent."""
        until = now + int(lease * MICROSECOND)
        rows = self._db.rows(self._claim, (target, now, limit, until))
        claimed = [
            Claimed(
                r[0], r[1], r[2], r[3], r[4], r[5], r[6], bytes(r[7]), r[8], r[9],
                look=r[12] == 1, currency=r[10], total=r[11], until=until,
            )
            for r in rows
        ]  # fmt: skip
        claimed.sort(key=lambda c: c.id)
        return claimed

    def settle(self, target: str, settlements: Sequence[Settlement], now: int) -> set[int]:
        """Write outcomes, links and attempts; returns the ids of the postings that were settled.

        A settlement whose lease was lost changes nothing but the attempts. One whose document belongs to something
        else, or beside which another document of the same posting stands, is blocked: that is a document too many (of
        contacts the link that stands is kept, with a message).
        """
        mine = self._mine(settlements)
        links = [_link(target, s) for s in mine.values() if s.target_id]
        taken = self._taken(target, links)
        updates, attempts = [], []
        for s in sorted(mine.values(), key=lambda s: s.claimed.id):
            problem = taken.get((s.claimed.stream, s.claimed.key)) if s.target_id else None
            if problem is not None and s.claimed.kind == SHARED:
                # A person chose another contact meanwhile; a contact to spare holds up no order.
                s = msgspec.structs.replace(s, message=problem)
            elif problem is not None:
                s = msgspec.structs.replace(
                    s, state=State.BLOCKED, cause="second_document", field="id", message=problem,
                    cure=f"Void the document that is too many in {target}, then retry.",
                )  # fmt: skip
            finished = s.state >= State.DONE
            updates.append(
                (
                    int(s.state), now + int(s.wait * MICROSECOND), s.cause, s.field, s.message, s.cure,
                    now if finished else None, s.claimed.id, s.claimed.tries,
                )
            )  # fmt: skip
        for s in settlements:
            attempts.append((s.claimed.id, s.claimed.tries, now, s.act, s.outcome, s.message))
        self._db.many(_SETTLE, updates)
        self._write_links(
            [
                (link, mine[(link.stream, link.key)].claimed.id, now)
                for link in links
                if (link.stream, link.key) not in taken
            ]
        )
        self._db.many(_ATTEMPT, attempts)
        return {s.claimed.id for s in mine.values()}

    def _mine(self, settlements: Sequence[Settlement]) -> dict[tuple[str, str], Settlement]:
        """The settlements whose lease still holds, by (stream, key); their rows stay locked until the commit."""
        lock = "FOR UPDATE" if self._db.dialect == "postgres" else ""
        tries: dict[int, int] = {}
        for part in chunks(sorted({s.claimed.id for s in settlements})):
            marks = ",".join("?" * len(part))
            rows = self._db.rows(
                f"SELECT id, tries FROM posting WHERE id IN ({marks}) AND state = 1 ORDER BY id {lock}",  # noqa: S608
                tuple(part),
            )
            tries.update({int(row[0]): int(row[1]) for row in rows})
        return {
            (s.claimed.stream, s.claimed.key): s
            for s in reversed(settlements)  # of two for the same posting the first counts
            if tries.get(s.claimed.id) == s.claimed.tries
        }

    def next_due(self, target: str) -> int | None:
        """When the next posting of the target can be claimed (µs); None when nothing waits.

        What stands behind a blocked or unfinished posting does not count: it would be due for ever.
        """
        rows = self._db.rows(
            f"SELECT p.due FROM posting p WHERE p.target = ? AND p.state < 2 AND {_FREE} ORDER BY p.due LIMIT 1",  # noqa: S608
            (target,),
        )
        return int(rows[0][0]) if rows else None

    def backlog(self, target: str, limit: int) -> int:
        """How many postings of the target could be sent now or later by themselves, counted up to `limit`."""
        rows = self._db.rows(
            f"""SELECT count(*) FROM (SELECT 1 FROM posting p WHERE p.target = ? AND p.state < 2 AND {_FREE}
            LIMIT ?) free""",  # noqa: S608
            (target, limit),
        )
        return int(rows[0][0])

    def unheard_since(self, target: str, kinds: Sequence[str]) -> int | None:
        """When the oldest document of these kinds was planned that is being made in the target and has no clear answer
        yet (µs); None when there is none."""
        marks = ",".join("?" * len(kinds))
        rows = self._db.rows(
            f"""SELECT min(created_at) FROM posting WHERE target = ? AND state < 2 AND state = 1 AND op = 'create'
            AND kind IN ({marks})""",  # noqa: S608
            (target, *kinds),
        )
        return None if rows[0][0] is None else int(rows[0][0])

    def resume(self, target: str, now: int, settle: float) -> int:
        """After a restart by the sole owner: what the dead process left in doubt is due once the target has settled."""
        due = now + int(settle * MICROSECOND)
        return self._db.run("UPDATE posting SET due = ? WHERE target = ? AND state = 1 AND due > ?", (due, target, due))

    def hasten_expired(self, target: str, now: int) -> int:
        """After a restart: what waits because the sign-in had ended is due now, a person may have signed in again."""
        return self._db.run(
            """UPDATE posting SET due = ? WHERE target = ? AND state = 0 AND due > ? AND EXISTS (
                SELECT 1 FROM attempt a WHERE a.posting = posting.id AND a.try = posting.tries
                AND a.outcome = 'expired')""",
            (now, target, now),
        )

    # -- people ----------------------------------------------------------------------------------------------------

    def get(self, posting_id: int) -> Posting | None:
        """One posting."""
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM posting WHERE id = ?", (posting_id,))  # noqa: S608
        return _posting(rows[0]) if rows else None

    def of_record(self, key: RecordKey) -> list[Posting]:
        """Every posting of a record, superseded ones too, oldest first."""
        rows = self._db.rows(
            f"""SELECT {_COLUMNS} FROM posting WHERE connection = ? AND record_kind = ? AND record_id = ?
            ORDER BY id""",  # noqa: S608
            (key.connection, key.kind, key.id),
        )
        return [_posting(row) for row in rows]

    def in_state(self, state: State, limit: int = 1000, cause: str = "") -> list[Posting]:
        """Postings in a state, oldest first; with `cause` only those of that cause."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM posting WHERE state = ? AND (? = '' OR cause = ?) ORDER BY id LIMIT ?",  # noqa: S608
            (int(state), cause, cause, limit),
        )
        return [_posting(row) for row in rows]

    def attempts(self, posting_ids: Sequence[int]) -> list[Attempt]:
        """What was tried for these postings, in order."""
        found: list[Attempt] = []
        for part in chunks(posting_ids):
            marks = ",".join("?" * len(part))
            rows = self._db.rows(
                f"SELECT posting, try, at, act, outcome, message FROM attempt WHERE posting IN ({marks})",  # noqa: S608
                tuple(part),
            )
            found += [Attempt(*row) for row in rows]
        return sorted(found, key=lambda a: (a.at, a.posting, a.tried))

    def retry(self, posting_ids: Sequence[int], now: int, who: str) -> int:
        """Send blocked postings again; they look before they send, because a person may have acted meanwhile."""
        changed = 0
        for part in chunks(sorted(set(posting_ids))):
            # A row without a document stands for a record that could not be planned: it is planned again, never sent.
            changed += self._db.run(
                f"""UPDATE posting SET state = 1, due = ?, by_whom = ?, settled_at = NULL
                WHERE state = 3 AND document <> ? AND id IN ({",".join("?" * len(part))})""",  # noqa: S608
                (now, who, b"", *part),
            )
        return changed

    def skip(self, posting_ids: Sequence[int], now: int, who: str, why: str) -> int:
        """A person decided that these blocked postings shall not be sent."""
        changed = 0
        for part in chunks(sorted(set(posting_ids))):
            changed += self._db.run(
                f"""UPDATE posting SET state = 4, due = ?, by_whom = ?, settled_at = ?, cause = 'skipped_by_hand',
                message = ? WHERE state = 3 AND id IN ({",".join("?" * len(part))})""",  # noqa: S608
                (now, who, now, why, *part),
            )
        return changed
