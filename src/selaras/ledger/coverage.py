"""Coverage: for any connection, kind and day, seen = posted + waiting + blocked + skipped. It is a query.

The status of a record follows from its postings alone: blocked if one is blocked, else waiting if one is unfinished or
its newest version is not planned yet, else posted if one is done, else skipped. The buyer's contact alone posts nothing
of an order: one whose contact stands and whose documents were left out is skipped. A hint for a record that we have
not read yet counts as waiting.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from selaras.ledger.database import Database
from selaras.ledger.values import RecordKey

Status = Literal["posted", "waiting", "blocked", "skipped"]

_STATUS = """CASE WHEN p.blocked > 0 THEN 'blocked'
    WHEN p.unfinished > 0 OR r.planned < r.version OR p.connection IS NULL THEN 'waiting'
    WHEN p.done > 0 THEN 'posted' ELSE 'skipped' END"""
_RECORDS = """FROM record r LEFT JOIN (
    SELECT connection, record_kind, record_id, SUM(CASE WHEN state = 3 THEN 1 ELSE 0 END) AS blocked,
        SUM(CASE WHEN state < 2 THEN 1 ELSE 0 END) AS unfinished,
        SUM(CASE WHEN state = 2 AND kind <> 'contact' THEN 1 ELSE 0 END) AS done
    FROM posting WHERE state < 5 AND connection = ? AND record_kind = ? GROUP BY connection, record_kind, record_id
    ) p ON p.connection = r.connection AND p.record_kind = r.kind AND p.record_id = r.id
    WHERE r.connection = ? AND r.kind = ?"""


class Cell(msgspec.Struct, frozen=True):
    """One line of coverage. Sums are integer smallest units of `currency`; `source` figures are None before a sweep."""

    connection: str
    kind: str
    day: str
    currency: str
    seen: int
    posted: int
    waiting: int
    blocked: int
    skipped: int
    sum_seen: int
    sum_posted: int
    sum_waiting: int
    sum_blocked: int
    sum_skipped: int
    source_count: int | None = None
    source_sum: int | None = None

    @property
    def balanced(self) -> bool:
        """Nothing is unaccounted for, in number and in money."""
        return (
            self.seen == self.posted + self.waiting + self.blocked + self.skipped
            and self.sum_seen == self.sum_posted + self.sum_waiting + self.sum_blocked + self.sum_skipped
        )

    @property
    def green(self) -> bool:
        """Balanced, nothing waits or is blocked, and the source counts the same (where a sweep has asked it)."""
        return (
            self.balanced
            and self.waiting == 0
            and self.blocked == 0
            and self.source_count in (None, self.seen)
            and self.source_sum in (None, self.sum_seen)
        )


class Cause(msgspec.Struct, frozen=True):
    """Blocked or skipped records of one cause."""

    state: str
    cause: str
    field: str
    message: str
    cure: str
    connection: str
    records: int
    examples: list[str]


class CoverageBook:
    """Queries of coverage, causes and record status."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def kinds(self) -> list[tuple[str, str]]:
        """(connection, kind) pairs whose records are meant to become documents."""
        rows = self._db.rows(
            """SELECT DISTINCT connection, record_kind FROM posting UNION SELECT DISTINCT connection, kind FROM record
            WHERE kind IN ('order', 'bank_transaction') UNION SELECT DISTINCT connection, kind FROM hint
            WHERE kind IN ('order', 'bank_transaction') ORDER BY 1, 2"""
        )
        return [(row[0], row[1]) for row in rows if row[1] in ("order", "bank_transaction")]

    def cells(self, connection: str, kind: str, first: str = "", last: str = "9999") -> list[Cell]:
        """Coverage by day and currency, oldest day first; days are ISO dates, inclusive."""
        # One statement sees one moment, also beside a writer. `seen` is counted without looking at postings.
        rows = self._db.rows(
            f"""SELECT status, day, currency, count(*), COALESCE(sum(total), 0) FROM (
                SELECT r.day AS day, r.currency AS currency, COALESCE(r.total, 0) AS total, {_STATUS} AS status
                {_RECORDS} AND r.day >= ? AND r.day <= ?) s GROUP BY day, currency, status
            UNION ALL SELECT 'seen', day, currency, count(*), COALESCE(sum(total), 0) FROM record
                WHERE connection = ? AND kind = ? AND day >= ? AND day <= ? GROUP BY day, currency
            UNION ALL SELECT 'source', day, currency, count, total FROM census
                WHERE connection = ? AND kind = ? AND day >= ? AND day <= ?
            UNION ALL SELECT 'unread', '', '', count(*), 0 FROM hint h WHERE connection = ? AND kind = ?
                AND id <> '' AND NOT EXISTS (SELECT 1 FROM record r
                WHERE r.connection = h.connection AND r.kind = h.kind AND r.id = h.id)""",  # noqa: S608
            (
                connection, kind, connection, kind, first, last, connection, kind, first, last,
                connection, kind, first, last, connection, kind,
            ),
        )  # fmt: skip
        figures: dict[tuple[str, str], dict[str, tuple[int, int]]] = {}
        for part, day, currency, count, total in rows:
            if part != "unread":
                figures.setdefault((day, currency), {})[part] = (int(count), int(total))
            elif count:
                # Seen because something told us of it, not read yet, so of no day.
                parts = figures.setdefault(("", ""), {})
                for name in ("seen", "waiting"):
                    before = parts.get(name, (0, 0))
                    parts[name] = (before[0] + int(count), before[1])
        return [self._cell(connection, kind, day, cur, parts) for (day, cur), parts in sorted(figures.items())]

    @staticmethod
    def _cell(connection: str, kind: str, day: str, currency: str, parts: dict[str, tuple[int, int]]) -> Cell:
        seen, posted, waiting, blocked, skipped = (
            parts.get(part, (0, 0)) for part in ("seen", "posted", "waiting", "blocked", "skipped")
        )
        source = parts.get("source")
        return Cell(
            connection, kind, day, currency,
            seen[0], posted[0], waiting[0], blocked[0], skipped[0],
            seen[1], posted[1], waiting[1], blocked[1], skipped[1],
            source[0] if source else None, source[1] if source else None,
        )  # fmt: skip

    def census(
        self, connection: str, kind: str, figures: dict[tuple[str, str], tuple[int, int]], now: int, since: str = ""
    ) -> None:
        """Keep what the source itself counts: (day, currency) → (records, Σ smallest units).

        With `since` (an ISO day) it was asked from that day on. An older count stays as long as no record of its day
        changed after it; one that can no longer be compared is let go.
        """
        self._db.run("DELETE FROM census WHERE connection = ? AND kind = ? AND day >= ?", (connection, kind, since))
        self._db.run(
            """DELETE FROM census WHERE connection = ? AND kind = ? AND EXISTS (
                SELECT 1 FROM record r JOIN sighting s ON s.connection = r.connection AND s.kind = r.kind
                AND s.id = r.id WHERE r.connection = census.connection AND r.kind = census.kind AND r.day = census.day
                AND s.seen_at > census.at)""",
            (connection, kind),
        )
        self._db.many(
            "INSERT INTO census (connection, kind, day, currency, count, total, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(connection, kind, day, cur, count, total, now) for (day, cur), (count, total) in figures.items()],
        )

    def counted(self, connection: str, kind: str) -> dict[tuple[str, str], int]:
        """When the source was last asked for its count of each (day, currency), in µs."""
        rows = self._db.rows(
            "SELECT day, currency, at FROM census WHERE connection = ? AND kind = ?", (connection, kind)
        )
        return {(row[0], row[1]): int(row[2]) for row in rows}

    def statuses(self, connection: str, kind: str, first: str = "", last: str = "9999") -> list[tuple[str, ...]]:
        """Every record with its status: id, number, day, currency, total (smallest units, as text), status, digest."""
        rows = self._db.rows(
            f"""SELECT r.id, r.number, r.day, r.currency, COALESCE(r.total, 0), {_STATUS}, r.digest {_RECORDS}
            AND r.day >= ? AND r.day <= ? ORDER BY r.day, r.id""",
            (connection, kind, connection, kind, first, last),
        )
        return [(row[0], row[1], row[2], row[3], str(row[4]), row[5], row[6]) for row in rows]

    def recorded(
        self, connection: str, kind: str, target: str, first: str = "", last: str = "9999"
    ) -> list[tuple[str, str, bool, int]]:
        """How many records of each day and status have a document in the target: (day, status, whether, count).

        A contact is not a document of the record, and what the store was told is none of the books.
        """
        rows = self._db.rows(
            f"""SELECT day, status, linked, count(*) FROM (
                SELECT r.day AS day, {_STATUS} AS status, CASE WHEN EXISTS (SELECT 1 FROM link l WHERE l.target = ?
                    AND l.stream = r.connection || ':' || r.id AND l.kind <> 'contact') THEN 1 ELSE 0 END AS linked
                {_RECORDS} AND r.day >= ? AND r.day <= ?) s GROUP BY day, status, linked ORDER BY 1, 2, 3""",  # noqa: S608
            (target, connection, kind, connection, kind, first, last),
        )
        return [(row[0], row[1], bool(row[2]), int(row[3])) for row in rows]

    def causes(self, states: tuple[int, ...] = (3,), examples: int = 5) -> list[Cause]:
        """Blocked (3) or skipped (4) postings grouped by cause and connection, the most frequent first."""
        marks = ",".join("?" * len(states))
        rows = self._db.rows(
            f"""SELECT state, cause, connection, count(*), min(id) FROM posting WHERE state IN ({marks})
            GROUP BY state, cause, connection ORDER BY count(*) DESC, min(id)""",  # noqa: S608
            states,
        )
        causes = []
        for state, cause, connection, count, first in rows:
            head = self._db.rows("SELECT field, message, cure FROM posting WHERE id = ?", (first,))[0]
            names = self._db.rows(
                """SELECT DISTINCT COALESCE(r.number, p.record_id) FROM posting p LEFT JOIN record r
                ON r.connection = p.connection AND r.kind = p.record_kind AND r.id = p.record_id
                WHERE p.state = ? AND p.cause = ? AND p.connection = ? LIMIT ?""",
                (state, cause, connection, examples),
            )
            causes.append(
                Cause(
                    "blocked" if state == 3 else "skipped", cause, head[0], head[1], head[2], connection,
                    int(count), [str(row[0]) for row in names],
                )
            )  # fmt: skip
        return causes

    def waiting(self, target: str = "") -> list[tuple[RecordKey, str, int]]:
        """Unfinished postings: record, last message, due (µs); oldest first."""
        rows = self._db.rows(
            """SELECT connection, record_kind, record_id, message, due FROM posting
            WHERE state < 2 AND (? = '' OR target = ?) ORDER BY id LIMIT 1000""",
            (target, target),
        )
        return [(RecordKey(row[0], row[1], row[2]), row[3], int(row[4])) for row in rows]
