"""Backups: consistent beside a writer, without the key, distrustful of themselves, and verified."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import apsw
import pytest

from selaras.ledger import Ledger, open_ledger
from selaras.ledger.backup import backup, distrust, restored, trust, verify
from selaras.ledger.connections import Connection
from selaras.ledger.database import Row, SQLite
from selaras.ledger.errors import DatabaseDamaged, DataDirectoryUnusable, NewerSchema, OlderSchema
from selaras.ledger.values import State
from tests.ledger.test_directory import WRITER, line, stop
from tests.ledger.tools import NOW, TestSealer, claim, done, keep, names, plan, posting, record, settle, start_python

DATA = Path(__file__).parent / "data"


def opened(file: Path, directory: Path) -> Ledger:
    """The ledger restored from a backup: its file under its name in a directory of its own."""
    directory.mkdir()
    (directory / "selaras.db").write_bytes(file.read_bytes())
    return open_ledger(directory, TestSealer())


def test_a_backup_holds_everything_but_the_key(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "data" / "key").write_bytes(b"the key of this installation")
    sqlite_ledger.connections.add(Connection("shop", "t", "store", "UTC", {}, {"key": "k-3f1a-secret"}), NOW)
    keep(sqlite_ledger, record(1), record(2))
    plan(sqlite_ledger, posting("s"), posting("t", number=2))
    settle(sqlite_ledger, done(claim(sqlite_ledger, limit=1)[0]))
    target = tmp_path / "backups"
    target.mkdir()
    verified = backup(tmp_path / "data", target / "monday.db")
    assert (verified.records, verified.postings, verified.links, verified.attempts) == (2, 2, 1, 1)
    assert verified.path == str(target / "monday.db")
    assert verify(target / "monday.db") == verified
    assert [path.name for path in target.iterdir()] == ["monday.db"]  # one file, no log and no part beside it
    assert stat.S_IMODE((target / "monday.db").stat().st_mode) == 0o600
    content = (target / "monday.db").read_bytes()
    assert b"the key of this installation" not in content
    assert b"k-3f1a-secret" not in content
    copy = opened(target / "monday.db", tmp_path / "restored")
    assert copy.connections.get("shop").secrets == {"key": "k-3f1a-secret"}  # with the key, kept elsewhere, it opens
    assert [r.key.id for r in copy.records.all("shop", "order")] == ["1", "2"]
    assert list(copy.postings.links("books", ["s"])) == [("s", "invoice")]
    copy.close()
    assert not restored(sqlite_ledger.db)  # the original goes on as it was
    assert [p.state for p in sqlite_ledger.postings.in_state(State.PLANNED)] == [State.PLANNED]


def test_backups_beside_a_busy_writer_are_each_one_moment(tmp_path: Path) -> None:
    writer = start_python(WRITER, str(tmp_path / "data"), "1")
    try:
        said = int(line(writer.stdout))
        for turn in range(5):
            for _ in range(20):
                said = int(line(writer.stdout))
            verified = backup(tmp_path / "data", tmp_path / f"{turn}.db")
            assert verified.records == verified.postings >= said
    finally:
        stop(writer)
    copy = opened(tmp_path / "4.db", tmp_path / "restored")
    count = len(copy.records.all("shop", "order"))
    assert copy.records.cursor("shop", "order") == str(count)
    copy.close()


def test_what_a_restored_ledger_has_not_sent_may_have_been_sent(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    keep(sqlite_ledger, record(1))
    plan(sqlite_ledger, posting("s", "sales_order"), posting("s", "invoice"))
    backup(tmp_path / "data", tmp_path / "copy.db")
    for _ in range(2):
        settle(sqlite_ledger, done(claim(sqlite_ledger)[0]))  # after the backup both went out
    copy = opened(tmp_path / "copy.db", tmp_path / "restored")
    assert restored(copy.db)
    first = claim(copy)
    assert [(c.key, c.look) for c in first] == [("sales_order", True)]
    settle(copy, done(first[0]))
    assert [(c.key, c.look) for c in claim(copy)] == [("invoice", True)]
    # A record that came after the backup is planned as if for the first time; its documents may stand as well.
    plan(copy, posting("new", "sales_order"), posting("new2", "x", op="update"))
    assert [(c.key, c.look) for c in claim(copy)] == [("sales_order", True), ("x", False)]
    with copy.transaction():
        trust(copy.db)
    assert not restored(copy.db)
    plan(copy, posting("newest"))
    assert [(c.stream, c.look) for c in claim(copy)] == [("newest", False)]
    copy.close()


def test_a_ledger_restored_by_other_means_is_told_so(ledger: Ledger) -> None:
    plan(ledger, posting("s"), posting("t", state=State.BLOCKED, cause="x"))
    for _ in range(2):
        with ledger.transaction():
            distrust(ledger.db)
    assert restored(ledger.db)
    assert [(c.stream, c.look) for c in claim(ledger)] == [("s", True)]


def test_a_backup_replaces_nothing(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "there.db").write_text("an older backup")
    with pytest.raises(DataDirectoryUnusable, match="exists already"):
        backup(tmp_path / "data", tmp_path / "there.db")
    assert (tmp_path / "there.db").read_text() == "an older backup"


def test_a_file_that_appears_meanwhile_is_not_replaced(
    sqlite_ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(source: Path, target: Path) -> None:
        target.write_text("another backup")
        real(source, target)

    real = os.link
    monkeypatch.setattr(os, "link", late)
    with pytest.raises(DataDirectoryUnusable, match="exists already"):
        backup(tmp_path / "data", tmp_path / "there.db")
    assert (tmp_path / "there.db").read_text() == "another backup"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "there.db"]


def test_a_file_system_without_hard_links_will_do(
    sqlite_ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    backup(tmp_path / "data", tmp_path / "copy.db")
    assert verify(tmp_path / "copy.db").records == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "data"]


def test_a_backup_that_fails_leaves_nothing(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(DataDirectoryUnusable, match="cannot be written"):
        backup(tmp_path / "data", tmp_path / "none" / "copy.db")
    with pytest.raises(DatabaseDamaged, match="no ledger in"):
        backup(tmp_path / "empty", tmp_path / "copy.db")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_live_directory_is_verified_beside_its_writer(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    keep(sqlite_ledger, record(1))
    assert verify(tmp_path / "data").records == 1
    assert keep(sqlite_ledger, record(2))


def test_verification_sees_one_moment(sqlite_ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(db: SQLite, sql: str, params: Sequence[object] = ()) -> list[Row]:
        if "FROM posting" in sql and db.path == tmp_path / "data" / "selaras.db" and not written:
            written.append(True)  # between the count of the records and that of the postings
            keep(sqlite_ledger, record(1))
            plan(sqlite_ledger, posting("s"))
        return real(db, sql, params)

    written: list[bool] = []
    real = SQLite.rows
    monkeypatch.setattr(SQLite, "rows", rows)
    verified = verify(tmp_path / "data")
    assert written
    assert (verified.records, verified.postings) == (0, 0)
    verified = verify(tmp_path / "data")
    assert (verified.records, verified.postings) == (1, 1)


@pytest.mark.parametrize("where", ["the header", "a page in the middle", "the end"])
def test_damage_is_found(sqlite_ledger: Ledger, tmp_path: Path, where: str) -> None:
    keep(sqlite_ledger, *(record(number) for number in range(500)))
    file = tmp_path / "copy.db"
    backup(tmp_path / "data", file)
    content = bytearray(file.read_bytes())
    if where == "the header":
        content[:64] = os.urandom(64)
    elif where == "a page in the middle":
        # Each page of a table or index begins with its kind and the number of its cells.
        page = len(content) // 4096 // 2
        content[page * 4096 : page * 4096 + 1000] = b"\x00" * 1000
    else:
        del content[-8192:]
    file.write_bytes(content)
    with pytest.raises(DatabaseDamaged):
        verify(file)


def test_a_link_that_lost_its_posting_is_found(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    plan(sqlite_ledger, posting("s"))
    settle(sqlite_ledger, done(claim(sqlite_ledger)[0]))
    sqlite_ledger.db.run("DELETE FROM posting")
    with pytest.raises(DatabaseDamaged, match=r"the link of s \(invoice\) has lost its posting"):
        backup(tmp_path / "data", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_what_is_no_ledger_is_not_verified(tmp_path: Path) -> None:
    with pytest.raises(DatabaseDamaged, match="no ledger at"):
        verify(tmp_path)
    (tmp_path / "text").write_text("hello" * 1000)
    with pytest.raises(DatabaseDamaged, match="not a readable database"):
        verify(tmp_path / "text")
    apsw.Connection(str(tmp_path / "other.db")).execute("CREATE TABLE x (y)")
    with pytest.raises(OlderSchema):
        verify(tmp_path / "other.db")


def test_old_and_new_schemas_are_named(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    connection = apsw.Connection(str(tmp_path / "old" / "selaras.db"))
    connection.execute((DATA / "schema_1.sqlite.sql").read_text())
    connection.close()
    with pytest.raises(OlderSchema):
        backup(tmp_path / "old", tmp_path / "copy.db")
    sqlite_ledger.db.run("UPDATE schema_version SET version = 999")
    with pytest.raises(NewerSchema):
        verify(tmp_path / "data")


def test_a_restored_queue_keeps_its_order(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    plan(sqlite_ledger, posting("s", "a"), posting("s", "b"))
    plan(sqlite_ledger, posting("s", "a", 2, supersedes=1))
    backup(tmp_path / "data", tmp_path / "copy.db")
    copy = opened(tmp_path / "copy.db", tmp_path / "restored")
    assert names(claim(copy)) == [("s", "a")]
    copy.close()
