"""Postings: planned, claimed, settled. Exactly-once lives here and in the constraints of the tables.

The protocol (reference/engine.md §6): a claim *is* the durable intent; `due` is retry timer, lease and settle timer in
one column; `tries` is the fencing token; what a crash leaves in doubt is looked for in the target before it is sent
again; only the oldest unfinished posting of a stream can be claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from selaras.ledger.database import Database, Row
from selaras.ledger.errors import PlanOutOfDate
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
    settled_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?)"""

# `NOT EXISTS` rather than a window: both databases answer it from the partial index `posting_queue`.
_CLAIM = """UPDATE posting SET prior = state, state = 1, tries = tries + 1, due = ? WHERE id IN (
    SELECT p.id FROM posting p WHERE p.target = ? AND p.state < 2 AND p.due <= ?
    AND NOT EXISTS (SELECT 1 FROM posting q WHERE q.target = p.target AND q.stream = p.stream
        AND q.state IN (0, 1, 3) AND q.id < p.id)
    AND (p.needs = '' OR NOT EXISTS (SELECT 1 FROM posting c WHERE c.target = p.target AND c.stream = p.needs
        AND c.state IN (0, 1, 3)))
    ORDER BY p.due, p.id LIMIT ? {lock})
    RETURNING id, stream, key, version, kind, op, reference, document, needs, tries, currency, total, prior"""

_SETTLE = """UPDATE posting SET state = ?, due = ?, cause = ?, field = ?, message = ?, cure = ?,
    settled_at = ? WHERE id = ? AND tries = ? AND state = 1"""
_LINK = """INSERT INTO link (target, stream, key, kind, target_id, number, reference, total, currency, version, posting,
    linked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (target, stream, key) DO UPDATE SET number = excluded.number, total = excluded.total,
    version = excluded.version, posting = excluded.posting, linked_at = excluded.linked_at
    WHERE link.target_id = excluded.target_id"""
_ATTEMPT = """INSERT INTO attempt (posting, try, at, act, outcome, message) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (posting, try, at, act) DO NOTHING"""

_COLUMNS = """id, target, stream, key, version, kind, op, connection, record_kind, record_id, reference,
    document, digest, needs, total, currency, state, due, tries, reason, cause, field, message, cure, by_whom,
    created_at, settled_at"""

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


class Postings:
    """Operations on postings, links and attempts."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._claim = _CLAIM.format(lock="FOR UPDATE OF p SKIP LOCKED" if db.dialect == "postgres" else "")

    # -- planning --------------------------------------------------------------------------------------------------

    def plan(self, postings: Sequence[NewPosting], now: int) -> None:
        """Insert postings, in order. Raises `PlanOutOfDate` when a posting to supersede was claimed meanwhile."""
        rows = []
        for p in postings:
            if p.supersedes:
                gone = self._db.run(
                    """UPDATE posting SET state = 5, settled_at = ? WHERE target = ? AND stream = ? AND key = ?
                    AND version = ? AND state IN (0, 3, 4)""",
                    (now, p.target, p.stream, p.key, p.supersedes),
                )
                if gone != 1:
                    raise PlanOutOfDate(f"{p.stream} {p.key} version {p.supersedes} was claimed while planning.")
            blob = b"" if p.document is None else _encoder.encode(p.document)
            settled = now if p.state in (State.SKIPPED, State.BLOCKED) else None
            rows.append(
                (
                    p.target, p.stream, p.key, p.version, p.kind, p.op, p.record.connection, p.record.kind,
                    p.record.id, p.reference, blob, p.digest, p.needs, p.total, p.currency, int(p.state), now,
                    p.reason, p.cause, p.field, p.message, p.cure, now, settled,
                )
            )  # fmt: skip
        self._db.many(_PLAN, rows)

    def supersede(self, target: str, stream: str, key: str, now: int) -> None:
        """The blocked or skipped row that stood for a whole record no longer holds."""
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
        if not streams:
            return found
        marks = ",".join("?" * len(streams))
        for row in self._db.rows(
            f"SELECT {_COLUMNS} FROM posting WHERE target = ? AND stream IN ({marks}) ORDER BY id",  # noqa: S608
            (target, *streams),
        ):
            posting = _posting(row)
            found.setdefault(posting.stream, []).append(posting)
        return found

    # -- sending ---------------------------------------------------------------------------------------------------

    def claim(self, target: str, now: int, lease: float, limit: int) -> list[Claimed]:
        """Take what is due, oldest first, one per stream, under a lease of `lease` seconds. This commits the intent."""
        rows = self._db.rows(self._claim, (now + int(lease * MICROSECOND), target, now, limit))
        claimed = [
            Claimed(
                r[0], r[1], r[2], r[3], r[4], r[5], r[6], bytes(r[7]), r[8], r[9],
                look=r[12] == 1, currency=r[10], total=r[11],
            )
            for r in rows
        ]  # fmt: skip
        claimed.sort(key=lambda c: c.id)
        return claimed

    def settle(self, target: str, settlements: Sequence[Settlement], now: int) -> None:
        """Write outcomes, links and attempts. A settlement whose lease was lost changes nothing but the attempts."""
        updates, links, attempts = [], [], []
        for s in settlements:
            c = s.claimed
            finished = s.state >= State.DONE
            updates.append(
                (
                    int(s.state), now + int(s.wait * MICROSECOND), s.cause, s.field, s.message, s.cure,
                    now if finished else None, c.id, c.tries,
                )
            )  # fmt: skip
            if s.target_id:
                links.append(
                    (
                        target, c.stream, c.key, c.kind, s.target_id, s.number, c.reference,
                        s.total if s.total is not None else c.total, c.currency, c.version, c.id, now,
                    )
                )  # fmt: skip
            attempts.append((c.id, c.tries, now, s.act, s.outcome, s.message))
        self._db.many(_SETTLE, updates)
        self._db.many(_LINK, links)
        self._db.many(_ATTEMPT, attempts)

    def next_due(self, target: str) -> int | None:
        """When the next unfinished posting of the target is due (µs); None when nothing waits."""
        rows = self._db.rows("SELECT min(due) FROM posting WHERE target = ? AND state < 2", (target,))
        return None if rows[0][0] is None else int(rows[0][0])

    def resume(self, target: str, now: int, settle: float) -> int:
        """After a restart by the sole owner: what the dead process left in doubt is due once the target has settled."""
        due = now + int(settle * MICROSECOND)
        return self._db.run("UPDATE posting SET due = ? WHERE target = ? AND state = 1 AND due > ?", (due, target, due))

    # -- links -----------------------------------------------------------------------------------------------------

    def links(self, target: str, streams: Iterable[str]) -> dict[tuple[str, str], Link]:
        """Links of these streams by (stream, key)."""
        wanted = list(dict.fromkeys(streams))
        if not wanted:
            return {}
        marks = ",".join("?" * len(wanted))
        rows = self._db.rows(
            f"""SELECT target, stream, key, kind, target_id, number, reference, total, currency, version FROM link
            WHERE target = ? AND stream IN ({marks})""",  # noqa: S608
            (target, *wanted),
        )
        return {(row[1], row[2]): Link(*row) for row in rows}

    def links_page(self, target: str, kind: str, after: str, limit: int) -> list[Link]:
        """Links of a kind in the order of the target's ids, after one of them."""
        rows = self._db.rows(
            """SELECT target, stream, key, kind, target_id, number, reference, total, currency, version FROM link
            WHERE target = ? AND kind = ? AND target_id > ? ORDER BY target_id LIMIT ?""",
            (target, kind, after, limit),
        )
        return [Link(*row) for row in rows]

    def linked(self, target: str, kind: str, target_ids: Sequence[str]) -> dict[str, Link]:
        """Links by the target's own ids: which of these documents are ours?"""
        if not target_ids:
            return {}
        marks = ",".join("?" * len(target_ids))
        rows = self._db.rows(
            f"""SELECT target, stream, key, kind, target_id, number, reference, total, currency, version FROM link
            WHERE target = ? AND kind = ? AND target_id IN ({marks})""",  # noqa: S608
            (target, kind, *target_ids),
        )
        return {row[4]: Link(*row) for row in rows}

    def link(self, link: Link, posting: int, now: int) -> None:
        """Tie a document that exists already to a stream and key (a contact found, a hand-made document adopted)."""
        self._db.run(
            _LINK,
            (
                link.target, link.stream, link.key, link.kind, link.target_id, link.number, link.reference, link.total,
                link.currency, link.version, posting, now,
            ),
        )  # fmt: skip

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
        if not posting_ids:
            return []
        marks = ",".join("?" * len(posting_ids))
        rows = self._db.rows(
            f"""SELECT posting, try, at, act, outcome, message FROM attempt WHERE posting IN ({marks})
            ORDER BY at, posting, try""",  # noqa: S608
            tuple(posting_ids),
        )
        return [Attempt(*row) for row in rows]

    def retry(self, posting_ids: Sequence[int], now: int, who: str) -> int:
        """Send blocked postings again; they look before they send, because a person may have acted meanwhile."""
        return self._decide(posting_ids, State.IN_DOUBT, now, who, "", settled=None)

    def skip(self, posting_ids: Sequence[int], now: int, who: str, why: str) -> int:
        """A person decided that these blocked postings shall not be sent."""
        return self._decide(posting_ids, State.SKIPPED, now, who, why, settled=now)

    def _decide(
        self, posting_ids: Sequence[int], state: State, now: int, who: str, why: str, *, settled: int | None
    ) -> int:
        if not posting_ids:
            return 0
        marks = ",".join("?" * len(posting_ids))
        cause = ", cause = 'skipped_by_hand', message = ?" if state is State.SKIPPED else ""
        head: tuple[object, ...] = (int(state), now, who, settled) + ((why,) if state is State.SKIPPED else ())
        return self._db.run(
            f"""UPDATE posting SET state = ?, due = ?, by_whom = ?, settled_at = ? {cause}
            WHERE state = 3 AND document <> ? AND id IN ({marks})""",  # noqa: S608
            (*head, b"", *posting_ids),
        )
