"""The schema: made once, upgraded, never downgraded."""

from __future__ import annotations

from pathlib import Path

import apsw
import psycopg
import pytest

from selaras.ledger import open_ledger, schema
from selaras.ledger.database import Database, SQLite
from selaras.ledger.errors import ConstraintBroken, LedgerError, NewerSchema, OlderSchema, ReadOnly
from selaras.ledger.ledger import open_database
from selaras.ledger.values import RecordKey, State
from tests.ledger.amounts import add, an_account
from tests.ledger.tools import NOW, TestSealer, claim, done, names, settle, start_python

DATA = Path(__file__).parent / "data"
NEWEST = len(schema.MIGRATIONS)


def shape(db: Database) -> set[tuple[str, ...]]:
    """Every column, index and constraint, as the database itself describes them."""
    if db.dialect == "sqlite":
        columns = db.rows(
            """SELECT 'column', m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk FROM sqlite_schema m
            JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"""
        )
        rest = db.rows("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
    else:
        columns = db.rows(
            """SELECT 'column', table_name, column_name, data_type, is_nullable, column_default, is_identity
            FROM information_schema.columns WHERE table_schema = current_schema()"""
        )
        rest = db.rows(
            "SELECT 'index', indexname, tablename, indexdef FROM pg_indexes WHERE schemaname = current_schema()"
        )
    return {tuple(" ".join(str(part).split()) for part in row) for row in [*columns, *rest]}


def load(where: Path | str, sql: str) -> None:
    if isinstance(where, Path):
        where.mkdir(parents=True)
        with apsw.Connection(str(where / "selaras.db")) as db:
            db.execute(sql)
        db.close()
    else:
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(sql.encode())


def frozen(where: Path | str, version: int) -> str:
    dialect = "sqlite" if isinstance(where, Path) else "postgres"
    return (DATA / f"schema_{version}.{dialect}.sql").read_text(encoding="utf-8")


def test_a_fresh_database_gets_the_newest_schema_and_keeps_it(where: Path | str) -> None:
    db = open_database(where)
    try:
        assert schema.migrate(db) == NEWEST
        before = shape(db)
        assert schema.migrate(db) == NEWEST
        assert shape(db) == before
        assert db.rows("SELECT version FROM schema_version") == [(NEWEST,)]
    finally:
        db.close()


def test_every_schema_but_the_newest_is_frozen() -> None:
    versions = {int(path.name.split("_")[1].split(".")[0]) for path in DATA.glob("schema_*.sql")}
    assert versions >= set(range(1, NEWEST))


@pytest.mark.parametrize("version", range(1, NEWEST))
@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_a_released_migration_is_never_edited(dialect: str, version: int) -> None:
    text = (DATA / f"schema_{version}.{dialect}.sql").read_text(encoding="utf-8")
    for statement in [one for migration in schema.MIGRATIONS[:version] for one in migration]:
        for word, meaning in schema._WORDS[dialect].items():
            statement = statement.replace(word, meaning)
        assert f"{statement};\n" in text, "write another migration instead"


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_an_older_schema_upgrades_with_all_its_rows(where: Path | str, version: int) -> None:
    load(where, frozen(where, version))
    ledger = open_ledger(where, TestSealer())
    try:
        assert ledger.db.rows("SELECT version FROM schema_version") == [(NEWEST,)]
        counts = {
            table: ledger.db.rows(f"SELECT count(*) FROM {table}")[0][0]
            for table in ("connection", "lane", "hint", "record", "sighting", "posting", "link", "attempt", "event")
        }
        assert counts == {
            "connection": 2, "lane": 1, "hint": 1, "record": 3, "sighting": 2, "posting": 6, "link": 1, "attempt": 2,
            "event": 1,
        }  # fmt: skip
        assert ledger.connections.decisions("shop", "product") == {"K-7": "B-8"}
        assert [row[3] for row in ledger.records.history(RecordKey("shop", "order", "1001"))] == [
            b'{"id":1001,"total":"140000"}',
            b'{"id":1001,"total":"150000"}',
        ]
        # The queue goes on where it stood: the invoice in doubt, behind it the receipt; 1002 stays blocked.
        assert names(claim(ledger, NOW)) == []
        claimed = claim(ledger, NOW + 61_000_000)
        assert names(claimed) == [("order:shop:1001", "invoice")]
        assert claimed[0].look
        settle(ledger, done(claimed[0]))
        receipt = claim(ledger, NOW + 61_000_000)
        assert names(receipt) == [("order:shop:1001", "receipt")]
        assert not receipt[0].look
        settle(ledger, done(receipt[0]))
        day1, day2, unread = sorted(ledger.coverage.cells("shop", "order"), key=lambda c: c.day or "9")
        assert (day1.seen, day1.posted, day1.blocked, day1.sum_seen, day1.source_sum) == (2, 1, 1, 249000, 249000)
        assert (day2.seen, day2.skipped) == (1, 1)
        assert unread.waiting == 1
        states = [p.state for p in ledger.postings.of_record(RecordKey("shop", "order", "1003"))]
        assert states == [State.SUPERSEDED, State.SKIPPED]
        # What the newer schema brought works in the older database.
        ledger.unique_amounts.keep_account(an_account())
        add(ledger, "1001", 147_001)
        with pytest.raises(ConstraintBroken):
            add(ledger, "1002", 147_001)
    finally:
        ledger.close()


@pytest.mark.parametrize("version", range(1, 4))
def test_lines_decided_before_allocations_keep_their_order(where: Path | str, version: int) -> None:
    load(where, frozen(where, version))
    record = """INSERT INTO record (connection, kind, id, number, day, version, planned, digest, updated_at, seen_at,
        open, total, currency, body) VALUES ('books', 'bank_transaction', '{0}', '', '2026-01-02', 1, 1, 'd', 0, 0, 0,
        {1}, 'IDR', '')"""
    decision = """INSERT INTO decision (connection, kind, subject, answer, how, at, undone_at)
        VALUES ('books', 'bank', '{0}', '{1}', '{2}', 7, {3})"""
    db = open_database(where)
    for line, total in (("7", 150_000), ("8", 99_000), ("9", 5)):
        db.run(record.format(line, total))
    db.run(decision.format("7", "shop:1001", "the number fits", "NULL"))
    db.run(decision.format("8", "shop:1001", "by hand: Sari", "NULL"))
    db.run(decision.format("9", "shop:1002", "the number fits", "8"))
    db.close()
    ledger = open_ledger(where, TestSealer())
    try:
        found = ledger.allocations.of_subjects(["shop:1001", "shop:1002"])
        assert [(a.line.id, a.amount, a.how) for a in found.pop("shop:1001")] == [
            ("7", 150_000, "auto"), ("8", 99_000, "person"),
        ]  # fmt: skip
        assert found == {}
        assert ledger.allocations.taken("books", "bank_transaction", ["7", "8", "9"]) == {"7": 150_000, "8": 99_000}
    finally:
        ledger.close()


def test_shares_and_answers_of_one_currency_stay_as_they_were(where: Path | str) -> None:
    load(where, frozen(where, 4))
    ledger = open_ledger(where, TestSealer())
    try:
        (share,) = ledger.allocations.of_subjects(["shop:1001"])["shop:1001"]
        assert (share.amount, share.written_off, share.settles, share.settled) == (
            147_500, (("transfer_fee", 2_500),), 0, 150_000,
        )  # fmt: skip
        (answer,) = ledger.allocations.suggestions()[RecordKey("books", "bank_transaction", "L-2")]
        assert (answer.amount, answer.settles) == (99_000, 0)
        assert ledger.allocations.undo(share, "owner", "", NOW)
        assert ledger.allocations.taken("books", "bank_transaction", ["L-1"]) == {"L-1": 0}
    finally:
        ledger.close()


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_an_upgraded_database_looks_like_a_fresh_one(where: Path | str, tmp_path: Path, version: int) -> None:
    load(where, frozen(where, version))
    old = open_database(where)
    schema.migrate(old)
    upgraded = shape(old)
    if isinstance(where, Path):
        fresh = open_database(tmp_path / "fresh")
    else:
        (schema_name,) = old.rows("SELECT current_schema()")[0]
        old.run(f"DROP SCHEMA {schema_name} CASCADE")
        old.run(f"CREATE SCHEMA {schema_name}")
        fresh = old
    schema.migrate(fresh)
    assert shape(fresh) == upgraded
    old.close()
    fresh.close()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_schema_is_refused_and_left_alone(where: Path | str, read_only: bool) -> None:
    open_ledger(where, TestSealer()).close()
    db = open_database(where)
    db.run("UPDATE schema_version SET version = ?", (NEWEST + 1,))
    before = shape(db)
    db.close()
    with pytest.raises(NewerSchema, match=f"schema {NEWEST + 1}, this Selaras knows up to {NEWEST}"):
        open_ledger(where, TestSealer(), read_only=read_only)
    db = open_database(where)  # the refusal gave up the lock
    assert shape(db) == before
    assert db.rows("SELECT version FROM schema_version") == [(NEWEST + 1,)]
    db.close()


def test_reading_waits_for_the_upgrade(where: Path | str) -> None:
    load(where, frozen(where, 1))
    with pytest.raises(OlderSchema, match="schema 1"):
        open_ledger(where, TestSealer(), read_only=True)
    open_ledger(where, TestSealer()).close()
    reader = open_ledger(where, TestSealer(), read_only=True)
    assert len(reader.records.all("shop", "order")) == 3
    with pytest.raises(ReadOnly):
        reader.connections.set("policy", "{}", NOW)
    reader.close()


def test_reading_an_empty_database_says_so(where: Path | str) -> None:
    if isinstance(where, Path):
        SQLite(where).close()
    with pytest.raises(OlderSchema, match="schema 0"):
        open_ledger(where, TestSealer(), read_only=True)


def test_a_migration_that_fails_leaves_nothing_behind(where: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    load(where, frozen(where, 1))
    db = open_database(where)
    before = shape(db)
    broken = ("CREATE TABLE half (x BIGINT)", "INSERT INTO connection SELECT * FROM connection")
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, broken))
    with pytest.raises(ConstraintBroken):
        schema.migrate(db)
    assert shape(db) == before
    assert db.rows("SELECT version FROM schema_version") == [(1,)]
    monkeypatch.undo()
    assert schema.migrate(db) == NEWEST
    db.close()


def test_processes_that_start_together_migrate_once(pg_where: str) -> None:
    code = """
import sys
from selaras.ledger import open_ledger
from tests.ledger.tools import TestSealer
print("ready", flush=True)
sys.stdin.readline()
ledger = open_ledger(sys.argv[1], TestSealer())
print(ledger.db.rows("SELECT version FROM schema_version"))
ledger.close()
"""
    processes = [start_python(code, pg_where) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, f"[({NEWEST},)]\n"), err


def test_a_wrong_address_is_one_sentence() -> None:
    with pytest.raises(LedgerError, match="PostgreSQL cannot be reached"):
        open_ledger("postgresql://nobody@127.0.0.1:1/none", TestSealer())
