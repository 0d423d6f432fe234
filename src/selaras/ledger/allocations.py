"""Allocations: which order or payout each share of incoming money pays; both sides are claimed in one transaction.

A *money line* is a line of a bank account or a payment at a gateway. The tables refuse what must never be: shares
beyond the line (`shares_within_line`), beyond what is due (`shares_within_due`), a second live share of one line for
one subject (`one_allocation`). An undone allocation stays as history, and the pair is not proposed again by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from selaras.ledger.database import Database, Row, chunks
from selaras.ledger.values import RecordKey

_COLUMNS = """id, connection, kind, line, books, subject, currency, amount, written_off, fits, evidence, rule,
    posterior, how, by_whom, reasons, rivals, days, at, undone_at, undone_by, why, settles"""
_TEXTS = msgspec.json.Decoder(tuple[str, ...])
_ROLES = msgspec.json.Decoder(tuple[tuple[str, int], ...])


class Allocation(msgspec.Struct, frozen=True, kw_only=True):
    """A share of a money line. Amounts are smallest units of `currency`.

    `subject` is an order's stream or `payout:CONNECTION:ID`; `written_off` are (role, amount) beside the money: more
    settled than came (> 0) or less. Where the subject is of another currency, `settles` is what it is paid with in that
    one, else 0. `fits` says how the amount fits, `evidence` what speaks for it; `rule` is the rule
    that earned its autonomy (see `rules.autonomy`); `posterior` is in millionths. `how` is "auto" or "person".
    `days` lie between order and money. `number` counts the allocations of one pair, undone ones too.
    """

    id: int = 0
    line: RecordKey
    books: str
    subject: str
    currency: str
    amount: int
    written_off: tuple[tuple[str, int], ...] = ()
    fits: str = ""
    evidence: tuple[str, ...] = ()
    rule: str = ""
    posterior: int = 0
    how: str = "auto"
    by_whom: str = ""
    reasons: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    days: int = 0
    at: int = 0
    undone_at: int | None = None
    undone_by: str = ""
    why: str = ""
    number: int = 1
    settles: int = 0

    @property
    def settled(self) -> int:
        """What the subject is paid with, in its own currency: the money and what is written off beside it."""
        return self.settles or self.amount + sum(amount for _role, amount in self.written_off)


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that a person is asked about; those of one `rank` belong together (one transfer for two orders)."""

    line: RecordKey
    rank: int
    subject: str
    amount: int
    written_off: tuple[tuple[str, int], ...] = ()
    fits: str = ""
    evidence: tuple[str, ...] = ()
    rule: str = ""
    posterior: int = 0
    reasons: tuple[str, ...] = ()
    days: int = 0
    settles: int = 0

    @property
    def settled(self) -> int:
        """What the subject would be paid with, in its own currency."""
        return self.settles or self.amount + sum(amount for _role, amount in self.written_off)


def _key(line: RecordKey) -> tuple[str, str, str]:
    return (line.connection, line.kind, line.id)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


class Allocations:
    """Operations on allocations, suggestions, and people's verdicts on them."""

    def __init__(self, db: Database) -> None:
        self._db = db

    # -- claiming --------------------------------------------------------------------------------------------------

    def allocate(self, new: Allocation, line_amount: int, due: int, now: int) -> None:
        """Claim a share on both sides. `line_amount` is the whole line, `due` what the subject may take in all.

        Call it in a transaction. Raises `ConstraintBroken` when line or subject have not that much left.
        """
        self._db.run(
            """INSERT INTO money_line (connection, kind, line, amount, taken) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (connection, kind, line) DO UPDATE SET amount = excluded.amount,
            taken = money_line.taken + excluded.taken""",
            (*_key(new.line), line_amount, new.amount),
        )
        self._db.run(
            """INSERT INTO money_due (subject, due, taken) VALUES (?, ?, ?)
            ON CONFLICT (subject) DO UPDATE SET due = excluded.due, taken = money_due.taken + excluded.taken""",
            (new.subject, due, new.settled),
        )
        self._db.run(
            """INSERT INTO allocation (connection, kind, line, books, subject, currency, amount, written_off, fits,
            evidence, rule, posterior, how, by_whom, reasons, rivals, days, at, settles)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                *_key(new.line), new.books, new.subject, new.currency, new.amount, _json(new.written_off), new.fits,
                _json(new.evidence), new.rule, new.posterior, new.how, new.by_whom, _json(new.reasons),
                _json(new.rivals), new.days, now, new.settles,
            ),
        )  # fmt: skip
        self._db.run("DELETE FROM suggestion WHERE connection = ? AND kind = ? AND line = ?", _key(new.line))

    def undo(self, allocation: Allocation, who: str, why: str, now: int) -> bool:
        """Take an allocation back; both sides are free again. False when it was undone already. In a transaction."""
        if not self._db.run(
            "UPDATE allocation SET undone_at = ?, undone_by = ?, why = ? WHERE id = ? AND undone_at IS NULL",
            (now, who, why, allocation.id),
        ):
            return False
        self._db.run(
            "UPDATE money_line SET taken = taken - ? WHERE connection = ? AND kind = ? AND line = ?",
            (allocation.amount, *_key(allocation.line)),
        )
        self._db.run(
            "UPDATE money_due SET taken = taken - ? WHERE subject = ?", (allocation.settled, allocation.subject)
        )
        return True

    # -- reading ---------------------------------------------------------------------------------------------------

    def of_subjects(self, subjects: Iterable[str]) -> dict[str, list[Allocation]]:
        """Allocations of these orders or payouts, undone ones too, oldest first."""
        found: dict[str, list[Allocation]] = {}
        for part in chunks(list(dict.fromkeys(subjects))):
            marks = ",".join("?" * len(part))
            rows = self._db.rows(
                f"SELECT {_COLUMNS} FROM allocation WHERE subject IN ({marks}) ORDER BY id",  # noqa: S608
                tuple(part),
            )
            for one in _numbered(rows):
                found.setdefault(one.subject, []).append(one)
        return found

    def of_lines(self, connection: str, kind: str, lines: Sequence[str]) -> dict[str, list[Allocation]]:
        """Allocations of these money lines, undone ones too, oldest first."""
        found: dict[str, list[Allocation]] = {}
        for part in chunks(lines):
            marks = ",".join("?" * len(part))
            rows = self._db.rows(
                f"""SELECT {_COLUMNS} FROM allocation WHERE connection = ? AND kind = ? AND line IN ({marks})
                ORDER BY id""",  # noqa: S608
                (connection, kind, *part),
            )
            for one in _numbered(rows):
                found.setdefault(one.line.id, []).append(one)
        return found

    def live(self, books: str) -> list[Allocation]:
        """Every allocation into these books that holds."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM allocation WHERE books = ? AND undone_at IS NULL ORDER BY id",  # noqa: S608
            (books,),
        )
        return _numbered(rows)

    def newest(self, most: int) -> list[Allocation]:
        """The newest allocations that hold, newest first; their `number` is not to be relied on."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM allocation WHERE undone_at IS NULL ORDER BY id DESC LIMIT ?",  # noqa: S608
            (most,),
        )
        return _numbered(rows)

    def count_live(self, books: str) -> int:
        """How many allocations into these books hold."""
        rows = self._db.rows("SELECT count(*) FROM allocation WHERE books = ? AND undone_at IS NULL", (books,))
        return int(rows[0][0])

    def shapes(self, books: str) -> list[tuple[str, tuple[str, ...], int, int]]:
        """(fits, evidence, days, how many) of the allocations that hold."""
        rows = self._db.rows(
            """SELECT fits, evidence, days, count(*) FROM allocation WHERE books = ? AND undone_at IS NULL
            GROUP BY fits, evidence, days ORDER BY fits, evidence, days""",
            (books,),
        )
        return [(row[0], _TEXTS.decode(row[1]), int(row[2]), int(row[3])) for row in rows]

    def get(self, allocation_id: int) -> Allocation | None:
        """One allocation."""
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM allocation WHERE id = ?", (allocation_id,))  # noqa: S608
        return _numbered(rows)[0] if rows else None

    def taken(self, connection: str, kind: str, lines: Sequence[str]) -> dict[str, int]:
        """How much of these lines is allocated."""
        found: dict[str, int] = {}
        for part in chunks(lines):
            marks = ",".join("?" * len(part))
            rows = self._db.rows(
                f"SELECT line, taken FROM money_line WHERE connection = ? AND kind = ? AND line IN ({marks})",  # noqa: S608
                (connection, kind, *part),
            )
            found.update({row[0]: int(row[1]) for row in rows})
        return found

    # -- suggestions -----------------------------------------------------------------------------------------------

    def suggest(self, line: RecordKey, suggestions: Sequence[Suggestion], now: int) -> None:
        """Replace what is suggested for a line."""
        self._db.run("DELETE FROM suggestion WHERE connection = ? AND kind = ? AND line = ?", _key(line))
        self._db.many(
            """INSERT INTO suggestion (connection, kind, line, rank, subject, amount, written_off, fits, evidence, rule,
            posterior, reasons, days, at, settles) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                (
                    *_key(line), s.rank, s.subject, s.amount, _json(s.written_off), s.fits, _json(s.evidence), s.rule,
                    s.posterior, _json(s.reasons), s.days, now, s.settles,
                )
                for s in suggestions
            ],
        )  # fmt: skip

    def suggestions(self, connection: str = "") -> dict[RecordKey, list[Suggestion]]:
        """Everything that is suggested, by line, best first; of one connection when it is named."""
        rows = self._db.rows(
            """SELECT connection, kind, line, rank, subject, amount, written_off, fits, evidence, rule, posterior,
            reasons, days, settles FROM suggestion WHERE ? IN ('', connection)
            ORDER BY connection, kind, line, rank, subject""",
            (connection,),
        )
        found: dict[RecordKey, list[Suggestion]] = {}
        for row in rows:
            line = RecordKey(row[0], row[1], row[2])
            found.setdefault(line, []).append(
                Suggestion(
                    line=line, rank=int(row[3]), subject=row[4], amount=int(row[5]),
                    written_off=_ROLES.decode(row[6]), fits=row[7], evidence=_TEXTS.decode(row[8]), rule=row[9],
                    posterior=int(row[10]), reasons=_TEXTS.decode(row[11]), days=int(row[12]),
                    settles=int(row[13]),
                )
            )  # fmt: skip
        return found

    # -- verdicts --------------------------------------------------------------------------------------------------

    def judge(self, line: RecordKey, subject: str, rule: str, right: bool, who: str, now: int) -> None:
        """A person's word on what a rule proposed or did; a later word on the same pair replaces it."""
        self._db.run(
            """INSERT INTO verdict (connection, kind, line, subject, rule, correct, by_whom, at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (connection, kind, line, subject) DO UPDATE SET
            rule = excluded.rule, correct = excluded.correct, by_whom = excluded.by_whom, at = excluded.at""",
            (*_key(line), subject, rule, int(right), who, now),
        )

    def rules(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(connection, rule) → (confirmed, wrong), rules that only proposed or acted so far included."""
        rows = self._db.rows(
            """SELECT DISTINCT connection, rule FROM allocation WHERE rule <> ''
            UNION SELECT DISTINCT connection, rule FROM suggestion WHERE rule <> ''"""
        )
        return {(row[0], row[1]): (0, 0) for row in rows} | dict(self.verdicts())

    def refused(self, connection: str, kind: str, lines: Sequence[str]) -> dict[str, frozenset[str]]:
        """The subjects that a person said these lines do not pay."""
        found: dict[str, set[str]] = {}
        for part in chunks(lines):
            marks = ",".join("?" * len(part))
            rows = self._db.rows(
                f"""SELECT line, subject FROM verdict WHERE connection = ? AND kind = ? AND correct = 0
                AND line IN ({marks})""",  # noqa: S608
                (connection, kind, *part),
            )
            for line, subject in rows:
                found.setdefault(line, set()).add(subject)
        return {line: frozenset(subjects) for line, subjects in found.items()}

    def verdicts(self, connection: str = "") -> Mapping[tuple[str, str], tuple[int, int]]:
        """(connection, rule) → (confirmed, wrong)."""
        rows = self._db.rows(
            """SELECT connection, rule, SUM(correct), SUM(1 - correct) FROM verdict
            WHERE rule <> '' AND ? IN ('', connection) GROUP BY connection, rule""",
            (connection,),
        )
        return {(row[0], row[1]): (int(row[2]), int(row[3])) for row in rows}


def _numbered(rows: Sequence[Row]) -> list[Allocation]:
    """Rows in the order of their ids as values, with how many of the same pair came before."""
    before: dict[tuple[str, ...], int] = {}
    found = []
    for r in rows:
        pair = (r[1], r[2], r[3], r[5])
        before[pair] = before.get(pair, 0) + 1
        found.append(
            Allocation(
                id=int(r[0]), line=RecordKey(r[1], r[2], r[3]), books=r[4], subject=r[5], currency=r[6],
                amount=int(r[7]), written_off=_ROLES.decode(r[8]), fits=r[9], evidence=_TEXTS.decode(r[10]), rule=r[11],
                posterior=int(r[12]), how=r[13], by_whom=r[14], reasons=_TEXTS.decode(r[15]),
                rivals=_TEXTS.decode(r[16]), days=int(r[17]), at=int(r[18]), undone_at=r[19], undone_by=r[20],
                why=r[21], number=before[pair], settles=int(r[22]),
            )
        )  # fmt: skip
    return found
