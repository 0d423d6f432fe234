"""Tables and migrations, written once for SQLite and PostgreSQL.

Times are integer microseconds since 1970 UTC, amounts integer smallest units beside their currency, days ISO dates of
the business's zone. A migration is a list of statements that runs once, in order, in one transaction; released ones are
never edited. `{id}` and `{blob}` are the only differences between the two databases.
"""

from __future__ import annotations

from typing import Final

from selaras.ledger.database import Database
from selaras.ledger.errors import NewerSchema, OlderSchema

_WORDS: Final = {
    "sqlite": {"{id}": "INTEGER PRIMARY KEY", "{blob}": "BLOB"},
    "postgres": {"{id}": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "{blob}": "BYTEA"},
}

# Posting states: 0 planned, 1 in doubt, 2 done, 3 blocked, 4 skipped, 5 superseded by a later version.
_FIRST: Final = (
    """CREATE TABLE connection (
        name TEXT PRIMARY KEY, type TEXT NOT NULL, role TEXT NOT NULL, zone TEXT NOT NULL, settings TEXT NOT NULL,
        sealed TEXT NOT NULL, created_at BIGINT NOT NULL)""",
    """CREATE TABLE credential (
        connection TEXT PRIMARY KEY, sealed TEXT NOT NULL, expires_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)""",
    """CREATE TABLE lane (
        name TEXT PRIMARY KEY, owner TEXT NOT NULL, until BIGINT NOT NULL, epoch BIGINT NOT NULL,
        paused_until BIGINT NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT '')""",
    """CREATE TABLE setting (
        name TEXT PRIMARY KEY, value TEXT NOT NULL, version BIGINT NOT NULL, at BIGINT NOT NULL)""",
    """CREATE TABLE poll_cursor (
        connection TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, polled_at BIGINT NOT NULL,
        PRIMARY KEY (connection, kind))""",
    """CREATE TABLE hint (
        connection TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, bumps BIGINT NOT NULL, due BIGINT NOT NULL,
        tries BIGINT NOT NULL, via TEXT NOT NULL, at BIGINT NOT NULL, message TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (connection, kind, id))""",
    "CREATE INDEX hint_due ON hint (connection, kind, due)",
    """CREATE TABLE record (
        connection TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, number TEXT NOT NULL, day TEXT NOT NULL,
        version BIGINT NOT NULL, planned BIGINT NOT NULL, digest TEXT NOT NULL, updated_at BIGINT NOT NULL,
        seen_at BIGINT NOT NULL, open BIGINT NOT NULL, total BIGINT, currency TEXT NOT NULL, body {blob} NOT NULL,
        PRIMARY KEY (connection, kind, id))""",
    "CREATE INDEX record_day ON record (connection, kind, day)",
    "CREATE INDEX record_number ON record (number)",
    "CREATE INDEX record_unplanned ON record (connection, kind, seen_at) WHERE planned < version",
    "CREATE INDEX record_open ON record (connection, kind, updated_at) WHERE open = 1",
    """CREATE TABLE sighting (
        connection TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL, digest TEXT NOT NULL,
        seen_at BIGINT NOT NULL, via TEXT NOT NULL, raw {blob} NOT NULL,
        PRIMARY KEY (connection, kind, id, version))""",
    """CREATE TABLE census (
        connection TEXT NOT NULL, kind TEXT NOT NULL, day TEXT NOT NULL, currency TEXT NOT NULL, count BIGINT NOT NULL,
        total BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (connection, kind, day, currency))""",
    """CREATE TABLE posting (
        id {id}, target TEXT NOT NULL, stream TEXT NOT NULL, key TEXT NOT NULL, version BIGINT NOT NULL,
        kind TEXT NOT NULL, op TEXT NOT NULL, connection TEXT NOT NULL, record_kind TEXT NOT NULL,
        record_id TEXT NOT NULL, reference TEXT NOT NULL, document {blob} NOT NULL, digest TEXT NOT NULL,
        needs TEXT NOT NULL, total BIGINT, currency TEXT NOT NULL, state BIGINT NOT NULL, due BIGINT NOT NULL,
        tries BIGINT NOT NULL, prior BIGINT NOT NULL DEFAULT 0, reason TEXT NOT NULL, cause TEXT NOT NULL DEFAULT '',
        field TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '', cure TEXT NOT NULL DEFAULT '',
        by_whom TEXT NOT NULL DEFAULT '', created_at BIGINT NOT NULL, settled_at BIGINT,
        CONSTRAINT one_posting_per_version UNIQUE (target, stream, key, version))""",
    "CREATE INDEX posting_due ON posting (target, due, id) WHERE state < 2",
    "CREATE INDEX posting_queue ON posting (target, stream, id) WHERE state IN (0, 1, 3)",
    "CREATE INDEX posting_stream ON posting (target, stream)",
    "CREATE INDEX posting_record ON posting (connection, record_kind, record_id)",
    "CREATE INDEX posting_blocked ON posting (cause) WHERE state = 3",
    """CREATE TABLE link (
        target TEXT NOT NULL, stream TEXT NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL, target_id TEXT NOT NULL,
        number TEXT NOT NULL, reference TEXT NOT NULL, total BIGINT, currency TEXT NOT NULL, version BIGINT NOT NULL,
        posting BIGINT NOT NULL, linked_at BIGINT NOT NULL, PRIMARY KEY (target, stream, key))""",
    # One buyer may be known by several keys, so contacts alone may be linked more than once.
    "CREATE UNIQUE INDEX one_link_per_document ON link (target, kind, target_id) WHERE kind <> 'contact'",
    """CREATE TABLE attempt (
        posting BIGINT NOT NULL, try BIGINT NOT NULL, at BIGINT NOT NULL, act TEXT NOT NULL, outcome TEXT NOT NULL,
        message TEXT NOT NULL, PRIMARY KEY (posting, try, at, act))""",
    """CREATE TABLE decision (
        id {id}, connection TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, answer TEXT NOT NULL,
        how TEXT NOT NULL, at BIGINT NOT NULL, undone_at BIGINT)""",
    "CREATE UNIQUE INDEX decision_live ON decision (connection, kind, subject) WHERE undone_at IS NULL",
    """CREATE TABLE event (
        id {id}, at BIGINT NOT NULL, connection TEXT NOT NULL, level TEXT NOT NULL, code TEXT NOT NULL,
        message TEXT NOT NULL)""",
)

# A posting that supersedes another keeps its place in the stream. `posting_stream` repeated the beginning of
# one_posting_per_version; people look records up by id alone.
_SECOND: Final = (
    "ALTER TABLE posting ADD COLUMN place BIGINT",
    "DROP INDEX posting_queue",
    "CREATE INDEX posting_queue ON posting (target, stream, (COALESCE(place, id))) WHERE state IN (0, 1, 3)",
    "DROP INDEX posting_stream",
    "CREATE INDEX record_id ON record (id)",
)

# Unique amounts. A sum is held until `released_at`; `successor` is 0 on the newest reservation of each sum, so that
# what an account has handed out near a total is read without its whole history.
_THIRD: Final = (
    """CREATE TABLE unique_account (
        account TEXT NOT NULL, currency TEXT NOT NULL, low BIGINT NOT NULL, high BIGINT NOT NULL,
        direction TEXT NOT NULL, share BIGINT NOT NULL, hours BIGINT NOT NULL, grace_hours BIGINT NOT NULL,
        changed_at BIGINT NOT NULL, by_whom TEXT NOT NULL, PRIMARY KEY (account, currency))""",
    """CREATE TABLE unique_amount (
        id {id}, account TEXT NOT NULL, virtual_account TEXT NOT NULL, currency TEXT NOT NULL, store TEXT NOT NULL,
        reference TEXT NOT NULL, total BIGINT NOT NULL, code BIGINT NOT NULL, payable BIGINT NOT NULL,
        reserved_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, free_at BIGINT NOT NULL, closed_at BIGINT,
        outcome TEXT NOT NULL DEFAULT '', released_at BIGINT, successor BIGINT NOT NULL DEFAULT 0,
        by_whom TEXT NOT NULL,
        CONSTRAINT sum_of_its_parts CHECK (payable = total + code AND payable > 0),
        CONSTRAINT released_is_closed CHECK (released_at IS NULL OR closed_at IS NOT NULL))""",
    """CREATE UNIQUE INDEX one_bill_per_sum ON unique_amount (account, virtual_account, currency, payable)
        WHERE released_at IS NULL""",
    """CREATE UNIQUE INDEX one_open_sum_per_bill ON unique_amount (account, currency, store, reference)
        WHERE closed_at IS NULL""",
    """CREATE INDEX unique_amount_newest ON unique_amount (account, virtual_account, currency, payable)
        WHERE successor = 0""",
    "CREATE INDEX unique_amount_free ON unique_amount (account, currency, free_at) WHERE released_at IS NULL",
    "CREATE INDEX unique_amount_reference ON unique_amount (reference)",
)

# Which order or payout incoming money pays. Decisions of the kind 'bank' (one line, one order) become allocations.
_FOURTH: Final = (
    """CREATE TABLE money_line (
        connection TEXT NOT NULL, kind TEXT NOT NULL, line TEXT NOT NULL, amount BIGINT NOT NULL, taken BIGINT NOT NULL,
        PRIMARY KEY (connection, kind, line),
        CONSTRAINT shares_within_line CHECK (taken >= 0 AND taken <= amount))""",
    """CREATE TABLE money_due (
        subject TEXT PRIMARY KEY, due BIGINT NOT NULL, taken BIGINT NOT NULL,
        CONSTRAINT shares_within_due CHECK (taken >= 0 AND taken <= due))""",
    """CREATE TABLE allocation (
        id {id}, connection TEXT NOT NULL, kind TEXT NOT NULL, line TEXT NOT NULL, books TEXT NOT NULL,
        subject TEXT NOT NULL, currency TEXT NOT NULL, amount BIGINT NOT NULL, written_off TEXT NOT NULL,
        fits TEXT NOT NULL, evidence TEXT NOT NULL, rule TEXT NOT NULL, posterior BIGINT NOT NULL, how TEXT NOT NULL,
        by_whom TEXT NOT NULL, reasons TEXT NOT NULL, rivals TEXT NOT NULL, days BIGINT NOT NULL, at BIGINT NOT NULL,
        undone_at BIGINT, undone_by TEXT NOT NULL DEFAULT '', why TEXT NOT NULL DEFAULT '',
        CONSTRAINT share_of_something CHECK (amount > 0))""",
    """CREATE UNIQUE INDEX one_allocation ON allocation (connection, kind, line, subject)
        WHERE undone_at IS NULL""",
    "CREATE INDEX allocation_subject ON allocation (subject)",
    "CREATE INDEX allocation_line ON allocation (connection, kind, line)",
    "CREATE INDEX allocation_live ON allocation (books) WHERE undone_at IS NULL",
    """CREATE TABLE suggestion (
        connection TEXT NOT NULL, kind TEXT NOT NULL, line TEXT NOT NULL, rank BIGINT NOT NULL, subject TEXT NOT NULL,
        amount BIGINT NOT NULL, written_off TEXT NOT NULL, fits TEXT NOT NULL, evidence TEXT NOT NULL,
        rule TEXT NOT NULL, posterior BIGINT NOT NULL, reasons TEXT NOT NULL, days BIGINT NOT NULL, at BIGINT NOT NULL,
        PRIMARY KEY (connection, kind, line, rank, subject))""",
    """CREATE TABLE verdict (
        connection TEXT NOT NULL, kind TEXT NOT NULL, line TEXT NOT NULL, subject TEXT NOT NULL, rule TEXT NOT NULL,
        correct BIGINT NOT NULL, by_whom TEXT NOT NULL, at BIGINT NOT NULL,
        PRIMARY KEY (connection, kind, line, subject))""",
    """INSERT INTO allocation (connection, kind, line, books, subject, currency, amount, written_off, fits, evidence,
        rule, posterior, how, by_whom, reasons, rivals, days, at)
        SELECT d.connection, r.kind, d.subject, d.connection, d.answer, r.currency, r.total, '[]', '', '[]', '',
            1000000, CASE WHEN d.how LIKE 'by hand:%' THEN 'person' ELSE 'auto' END, '', '[]', '[]', 0, d.at
        FROM decision d JOIN record r ON r.connection = d.connection AND r.kind = 'bank_transaction'
            AND r.id = d.subject
        WHERE d.kind = 'bank' AND d.undone_at IS NULL AND r.total > 0 ORDER BY d.id""",
    """INSERT INTO money_line (connection, kind, line, amount, taken)
        SELECT connection, kind, line, SUM(amount), SUM(amount) FROM allocation GROUP BY connection, kind, line""",
    """INSERT INTO money_due (subject, due, taken)
        SELECT subject, SUM(amount), SUM(amount) FROM allocation GROUP BY subject""",
)

# What a share pays of its subject where the money is of another currency.
_FIFTH: Final = (
    "ALTER TABLE allocation ADD COLUMN settles BIGINT NOT NULL DEFAULT 0 CONSTRAINT settles CHECK (settles >= 0)",
    "ALTER TABLE suggestion ADD COLUMN settles BIGINT NOT NULL DEFAULT 0 CONSTRAINT settles CHECK (settles >= 0)",
)

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH)


def migrate(db: Database) -> int:
    """Bring the database to the newest schema and return its version. Raises `NewerSchema`."""
    with db.transaction():
        if db.dialect == "postgres":
            # Two processes that start together must not both migrate.
            db.rows("SELECT pg_advisory_xact_lock(7358261)")
        db.run("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
        found = db.rows("SELECT version FROM schema_version")
        version = int(found[0][0]) if found else 0
        _refuse_newer(version)
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                for word, meaning in _WORDS[db.dialect].items():
                    statement = statement.replace(word, meaning)
                db.run(statement)
        if not found:
            db.run("INSERT INTO schema_version (version) VALUES (?)", (len(MIGRATIONS),))
        elif version < len(MIGRATIONS):
            db.run("UPDATE schema_version SET version = ?", (len(MIGRATIONS),))
    return len(MIGRATIONS)


def check(db: Database) -> int:
    """The version of a database that may only be read. Raises `NewerSchema` and `OlderSchema`."""
    version = 0
    if _has_version(db):
        found = db.rows("SELECT version FROM schema_version")
        version = int(found[0][0]) if found else 0
    _refuse_newer(version)
    if version < len(MIGRATIONS):
        raise OlderSchema(
            f"The database has schema {version}, this Selaras reads {len(MIGRATIONS)}.",
            "Start Selaras once on it; that brings it up to date.",
        )
    return version


def _has_version(db: Database) -> bool:
    if db.dialect == "sqlite":
        return bool(db.rows("SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'"))
    return db.rows("SELECT to_regclass('schema_version')")[0][0] is not None


def _refuse_newer(version: int) -> None:
    if version > len(MIGRATIONS):
        raise NewerSchema(
            f"The database has schema {version}, this Selaras knows up to {len(MIGRATIONS)}.",
            "Start the newer Selaras that wrote it.",
        )
