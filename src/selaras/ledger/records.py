"""Intake: hints, cursors and the records themselves, deduplicated by what they say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from selaras.ledger.database import Database, Row, chunks
from selaras.ledger.values import NewRecord, PendingHint, RecordKey, StoredRecord

# Bumps start at the clock, not at 1: a hint that came after the row was deleted must not look like the one before it.
_HINT = """INSERT INTO hint (connection, kind, id, bumps, due, tries, via, at) VALUES (?, ?, ?, ?, ?, 0, ?, ?)
    ON CONFLICT (connection, kind, id) DO UPDATE SET bumps = hint.bumps + 1, due = excluded.due"""
_KEEP = """INSERT INTO record (connection, kind, id, number, day, version, planned, digest, updated_at, seen_at, open,
    total, currency, body) VALUES (?, ?, ?, ?, ?, 1, 0, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (connection, kind, id) DO UPDATE SET number = excluded.number, day = excluded.day,
    version = record.version + 1, digest = excluded.digest, updated_at = excluded.updated_at,
    seen_at = excluded.seen_at, open = excluded.open, total = excluded.total, currency = excluded.currency,
    body = excluded.body WHERE record.updated_at <= excluded.updated_at AND record.digest <> excluded.digest
    RETURNING version"""
# Unchanged, but read at a later state: remember that, or an older state that comes late would pass for a newer one.
_CONFIRM = """UPDATE record SET updated_at = ?, open = ? WHERE connection = ? AND kind = ? AND id = ? AND digest = ?
    AND updated_at <= ? AND (updated_at < ? OR open <> ?)"""
_SIGHT = """INSERT INTO sighting (connection, kind, id, version, digest, seen_at, via, raw)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (connection, kind, id, version) DO NOTHING"""
# Never twice the same value, so that `planned` notices a replan that came while it was planning.
_AGAIN = "planned = CASE WHEN planned > 0 THEN 0 ELSE planned - 1 END"
_COLUMNS = "connection, kind, id, number, day, version, planned, updated_at, seen_at, total, currency, body"


def _order(key: RecordKey) -> tuple[str, str, str]:
    return key.connection, key.kind, key.id


def _stored(row: Row) -> StoredRecord:
    connection, kind, record_id, number, day, version, planned, updated_at, seen_at, total, currency, body = row
    key = RecordKey(connection, kind, record_id)
    return StoredRecord(key, number, day, version, planned, updated_at, seen_at, total, currency, bytes(body))


class Records:
    """Operations on hints, cursors and records. All inside the caller's transaction unless said otherwise."""

    def __init__(self, db: Database) -> None:
        self._db = db

    # -- hints -----------------------------------------------------------------------------------------------------

    def hint(self, keys: Iterable[RecordKey], via: str, now: int, due: int | None = None) -> None:
        """Remember to look at these records; a repeat only bumps the row that waits already."""
        self._hint([(key, via, now, now if due is None else due) for key in keys])

    def hint_all(self, group: Iterable[tuple[Iterable[RecordKey], str, int]]) -> None:
        """Many calls of `hint` at once: (keys, via, now) each."""
        self._hint([(key, via, now, now) for keys, via, now in group for key in keys])

    def _hint(self, hints: list[tuple[RecordKey, str, int, int]]) -> None:
        # Always in one order, here and below: two workers that change the same rows then wait, and cannot deadlock.
        hints.sort(key=lambda hint: _order(hint[0]))
        self._db.many(_HINT, [(k.connection, k.kind, k.id, now, due, via, now) for k, via, now, due in hints])

    def hints(self, connection: str, kind: str, now: int, limit: int) -> list[PendingHint]:
        """Hints that are due, oldest first."""
        rows = self._db.rows(
            "SELECT id, bumps, tries FROM hint WHERE connection = ? AND kind = ? AND due <= ? ORDER BY due, id LIMIT ?",
            (connection, kind, now, limit),
        )
        return [PendingHint(RecordKey(connection, kind, row[0]), row[1], row[2]) for row in rows]

    def next_hint(self, connection: str) -> int | None:
        """When the next hint of a connection is due (µs); None when there is none."""
        rows = self._db.rows("SELECT min(due) FROM hint WHERE connection = ?", (connection,))
        return None if rows[0][0] is None else int(rows[0][0])

    def looked(self, hints: Sequence[PendingHint]) -> None:
        """Forget hints whose records were read, unless a newer hint came meanwhile."""
        self._db.many(
            "DELETE FROM hint WHERE connection = ? AND kind = ? AND id = ? AND bumps = ?",
            [(h.key.connection, h.key.kind, h.key.id, h.bumps) for h in sorted(hints, key=lambda h: _order(h.key))],
        )

    def postpone(self, hints: Sequence[PendingHint], due: int, message: str) -> None:
        """Reading failed: try these again at `due`, and keep the reason where people see it."""
        self._db.many(
            "UPDATE hint SET due = ?, tries = tries + 1, message = ? WHERE connection = ? AND kind = ? AND id = ?",
            [
                (due, message, h.key.connection, h.key.kind, h.key.id)
                for h in sorted(hints, key=lambda h: _order(h.key))
            ],
        )

    # -- cursors ---------------------------------------------------------------------------------------------------

    def cursor(self, connection: str, kind: str) -> str:
        """Where the last poll of this kind ended; "" before the first."""
        rows = self._db.rows("SELECT value FROM poll_cursor WHERE connection = ? AND kind = ?", (connection, kind))
        return str(rows[0][0]) if rows else ""

    def advance(self, connection: str, kind: str, value: str, now: int) -> None:
        """Move the cursor; call it in the transaction that keeps the rows it covers."""
        self._db.run(
            """INSERT INTO poll_cursor (connection, kind, value, polled_at) VALUES (?, ?, ?, ?)
            ON CONFLICT (connection, kind) DO UPDATE SET value = excluded.value, polled_at = excluded.polled_at""",
            (connection, kind, value, now),
        )

    # -- records ---------------------------------------------------------------------------------------------------

    def digests(self, connection: str, kind: str, ids: Sequence[str]) -> dict[str, tuple[str, int, int]]:
        """Digest, version and update time of the records that we hold among `ids`."""
        held: dict[str, tuple[str, int, int]] = {}
        for part in chunks(ids):
            marks = ",".join("?" * len(part))
            rows = self._db.rows(
                f"""SELECT id, digest, version, updated_at FROM record WHERE connection = ? AND kind = ?
                AND id IN ({marks})""",  # noqa: S608
                (connection, kind, *part),
            )
            held.update({row[0]: (row[1], row[2], row[3]) for row in rows})
        return held

    def keep(self, records: Sequence[NewRecord], via: str, now: int, *, history: bool = True) -> list[NewRecord]:
        """Keep what changed and return it. An older state of a record never replaces a newer one.

        Of several states of one record in `records` the newest counts, of equally old ones the last.
        """
        newest: dict[RecordKey, NewRecord] = {}
        for record in records:
            before = newest.get(record.key)
            if before is None or before.updated_at <= record.updated_at:
                newest[record.key] = record
        by_kind: dict[tuple[str, str], list[NewRecord]] = {}
        for record in sorted(newest.values(), key=lambda r: _order(r.key)):
            by_kind.setdefault((record.key.connection, record.key.kind), []).append(record)
        kept: set[RecordKey] = set()
        same: list[NewRecord] = []
        sightings: list[tuple[object, ...]] = []
        for (connection, kind), group in by_kind.items():
            held = self.digests(connection, kind, [r.key.id for r in group])
            for r in group:
                digest, _, updated_at = held.get(r.key.id, ("", 0, -(2**63)))
                if digest == r.digest:
                    same.append(r)
                elif updated_at <= r.updated_at:
                    version = self._db.rows(
                        _KEEP,
                        (
                            r.key.connection, r.key.kind, r.key.id, r.number, r.day, r.digest, r.updated_at, now,
                            int(r.open), r.total, r.currency, r.body,
                        ),
                    )  # fmt: skip
                    if version:  # else another worker kept the same or a newer state meanwhile
                        kept.add(r.key)
                        sightings.append((connection, kind, r.key.id, version[0][0], r.digest, now, via, r.raw))
        self._db.many(
            _CONFIRM,
            [
                (
                    r.updated_at, int(r.open), r.key.connection, r.key.kind, r.key.id, r.digest, r.updated_at,
                    r.updated_at, int(r.open),
                )
                for r in same
            ],
        )  # fmt: skip
        if history:
            self._db.many(_SIGHT, sightings)
        return [record for key, record in newest.items() if key in kept]

    def unplanned(self, connection: str, kind: str, limit: int) -> list[StoredRecord]:
        """Records whose newest version has not been planned yet, in the order they were seen."""
        rows = self._db.rows(
            f"""SELECT {_COLUMNS} FROM record WHERE connection = ? AND kind = ? AND planned < version
            ORDER BY seen_at, id LIMIT ?""",  # noqa: S608
            (connection, kind, limit),
        )
        return [_stored(row) for row in rows]

    def planned(self, records: Sequence[StoredRecord]) -> None:
        """These versions have been planned; a version or a `replan` that came meanwhile stays to be planned."""
        self._db.many(
            "UPDATE record SET planned = ? WHERE connection = ? AND kind = ? AND id = ? AND planned = ?",
            [
                (r.version, r.key.connection, r.key.kind, r.key.id, r.planned)
                for r in sorted(records, key=lambda r: _order(r.key))
            ],
        )

    def replan(self, keys: Iterable[RecordKey]) -> None:
        """Plan these records again although they did not change (a mapping, a match or a decision did)."""
        self._db.many(
            f"UPDATE record SET {_AGAIN} WHERE connection = ? AND kind = ? AND id = ?",  # noqa: S608
            [(k.connection, k.kind, k.id) for k in sorted(keys, key=_order)],
        )

    def replan_blocked(self, connection: str, causes: Sequence[str] = ()) -> int:
        """Plan every record of the connection that a posting blocks (with one of `causes`, or any) again."""
        marks = f"AND cause IN ({','.join('?' * len(causes))})" if causes else ""
        return self._db.run(
            f"""UPDATE record SET {_AGAIN} WHERE connection = ? AND (kind, id) IN (
            SELECT record_kind, record_id FROM posting WHERE connection = ? AND state = 3 {marks})""",  # noqa: S608
            (connection, connection, *causes),
        )

    def replan_unsent(self, connection: str, target: str) -> int:
        """Plan every record of the connection again that has a posting to `target` planned or blocked, not sent yet."""
        return self._db.run(
            f"""UPDATE record SET {_AGAIN} WHERE connection = ? AND (kind, id) IN (
            SELECT record_kind, record_id FROM posting WHERE connection = ? AND target = ? AND state IN (0, 3))""",  # noqa: S608
            (connection, connection, target),
        )

    def get(self, key: RecordKey) -> StoredRecord | None:
        """One record as last seen."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM record WHERE connection = ? AND kind = ? AND id = ?",  # noqa: S608
            (key.connection, key.kind, key.id),
        )
        return _stored(rows[0]) if rows else None

    def named(self, name: str, kind: str = "order") -> list[StoredRecord]:
        """Records that people call `name` (number or id), of any connection."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM record WHERE kind = ? AND (number = ? OR id = ?) ORDER BY connection, id",  # noqa: S608
            (kind, name, name),
        )
        return [_stored(row) for row in rows]

    def all(self, connection: str, kind: str) -> list[StoredRecord]:
        """Every record of a kind: the local mirror of contacts, products or stock."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM record WHERE connection = ? AND kind = ? ORDER BY id",  # noqa: S608
            (connection, kind),
        )
        return [_stored(row) for row in rows]

    def newest(self, connection: str, kind: str, limit: int) -> list[StoredRecord]:
        """The records of the latest days, at most `limit`."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM record WHERE connection = ? AND kind = ? ORDER BY day DESC, id LIMIT ?",  # noqa: S608
            (connection, kind, limit),
        )
        return [_stored(row) for row in rows]

    def on_days(self, connection: str, kind: str, first: str, last: str, words: bytes = b"") -> list[StoredRecord]:
        """Records of these days (ISO, inclusive), by day and id; with `words` only those whose body contains them."""
        contains = "instr(body, ?) > 0" if self._db.dialect == "sqlite" else "position(? in body) > 0"
        rows = self._db.rows(
            f"""SELECT {_COLUMNS} FROM record WHERE connection = ? AND kind = ? AND day >= ? AND day <= ?
            AND (? OR {contains}) ORDER BY day, id""",  # noqa: S608
            (connection, kind, first, last, not words, words),
        )
        return [_stored(row) for row in rows]

    def behind(
        self, connection: str, kind: str, first: str, last: str, after: tuple[str, str], limit: int
    ) -> list[StoredRecord]:
        """Records of these days (ISO, inclusive) behind the place `after` = (day, id), in the order of (day, id)."""
        rows = self._db.rows(
            f"""SELECT {_COLUMNS} FROM record WHERE connection = ? AND kind = ? AND day >= ? AND day <= ?
            AND (day > ? OR (day = ? AND id > ?)) ORDER BY day, id LIMIT ?""",  # noqa: S608
            (connection, kind, first, last, after[0], after[0], after[1], limit),
        )
        return [_stored(row) for row in rows]

    def some(self, connection: str, kind: str, ids: Sequence[str]) -> list[StoredRecord]:
        """These records, those that we hold."""
        found: list[StoredRecord] = []
        for part in chunks(ids):
            marks = ",".join("?" * len(part))
            rows = self._db.rows(
                f"SELECT {_COLUMNS} FROM record WHERE connection = ? AND kind = ? AND id IN ({marks})",  # noqa: S608
                (connection, kind, *part),
            )
            found += [_stored(row) for row in rows]
        return found

    def open_ids(
        self, connection: str, kind: str, seen_before: int, limit: int, *, changed_since: int = 0
    ) -> list[str]:
        """Records that are not final and were not looked at since: money can move without their stamp moving."""
        rows = self._db.rows(
            """SELECT id FROM record WHERE connection = ? AND kind = ? AND open = 1 AND updated_at >= ? AND seen_at < ?
            ORDER BY updated_at LIMIT ?""",
            (connection, kind, changed_since, seen_before, limit),
        )
        return [str(row[0]) for row in rows]

    def vanished(self, connection: str, kind: str, ids: Sequence[str]) -> list[str]:
        """The source no longer has these: nothing more is awaited of them. Returns the numbers of those that were still
        open, or are money that may have been booked; each once, until the source has it again.
        """
        numbers: list[str] = []
        for part in chunks(ids):
            marks = ",".join("?" * len(part))
            rows = self._db.rows(
                f"""UPDATE record SET open = -1 WHERE connection = ? AND kind = ? AND open >= ? AND id IN ({marks})
                RETURNING number""",  # noqa: S608
                (connection, kind, 0 if kind in ("bank_transaction", "payment", "payout") else 1, *part),
            )
            numbers += [str(row[0]) for row in rows]
        return sorted(numbers)

    def open_versions(self, connection: str, kind: str) -> dict[str, int]:
        """Id and version of the records that are not final."""
        rows = self._db.rows(
            "SELECT id, version FROM record WHERE connection = ? AND kind = ? AND open = 1", (connection, kind)
        )
        return {row[0]: int(row[1]) for row in rows}

    def unrecorded(self, connection: str, kind: str, target: str) -> list[StoredRecord]:
        """Records whose newest state the target does not hold yet: not planned, or planned and not done."""
        rows = self._db.rows(
            f"""SELECT {_COLUMNS} FROM record WHERE connection = ? AND kind = ? AND (planned < version OR id IN (
            SELECT record_id FROM posting WHERE target = ? AND connection = ? AND record_kind = ?
            AND state IN (0, 1, 3))) ORDER BY id""",  # noqa: S608
            (connection, kind, target, connection, kind),
        )
        return [_stored(row) for row in rows]

    def touch(self, connection: str, kind: str, ids: Sequence[str], now: int) -> None:
        """These records were read again at `now`, changed or not."""
        self._db.many(
            "UPDATE record SET seen_at = ? WHERE connection = ? AND kind = ? AND id = ?",
            [(now, connection, kind, record_id) for record_id in sorted(ids)],
        )

    def history(self, key: RecordKey) -> list[tuple[int, int, str, bytes]]:
        """Each version of a record: version, when seen (µs), by which way, the source's own bytes."""
        rows = self._db.rows(
            """SELECT version, seen_at, via, raw FROM sighting WHERE connection = ? AND kind = ? AND id = ?
            ORDER BY version""",
            (key.connection, key.kind, key.id),
        )
        return [(row[0], row[1], row[2], bytes(row[3])) for row in rows]
