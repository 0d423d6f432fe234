"""The data directory: one writer, readers beside it, kill -9, a full disk."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO

import apsw
import pytest

from selaras.ledger import Ledger, open_ledger
from selaras.ledger.database import DirectoryLock, SQLite, read_holder
from selaras.ledger.errors import (
    DatabaseDamaged,
    DataDirectoryInUse,
    DataDirectoryUnusable,
    DiskFull,
    LedgerError,
    ReadOnly,
)
from tests.ledger.tools import NOW, TestSealer, keep, order, plan, posting, record, start_python

HOLDER = """
import sys, pathlib
from selaras.ledger.database import DirectoryLock
lock = DirectoryLock(pathlib.Path(sys.argv[1]))
lock.acquire()
lock.describe({"address": "http://127.0.0.1:8080"})
print("held", flush=True)
sys.stdin.readline()
"""
WRITER = """
import sys, pathlib
from selaras.ledger import open_ledger
from tests.ledger.tools import NOW, TestSealer, keep, posting, record
where, first = sys.argv[1], int(sys.argv[2])
ledger = open_ledger(where if "://" in where else pathlib.Path(where), TestSealer())
number = first
while True:
    with ledger.transaction():
        ledger.records.keep([record(number)], "poll", NOW)
        ledger.postings.plan([posting(f"s{number}", number=number)], NOW)
        ledger.records.advance("shop", "order", str(number), NOW)
    print(number, flush=True)
    number += 1
"""
FULL = """
import resource, sys, pathlib
from selaras.ledger import open_ledger
from selaras.ledger.errors import DiskFull
from tests.ledger.tools import TestSealer, keep, record
ledger = open_ledger(pathlib.Path(sys.argv[1]), TestSealer())
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
size = (pathlib.Path(sys.argv[1]) / "selaras.db-wal").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100_000, hard))
number = 0
try:
    while number < 10_000:
        keep(ledger, record(number))
        number += 1
except DiskFull as error:
    print(error.message)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
keep(ledger, record("after"))
print(number, ledger.db.rows("SELECT count(*) FROM record")[0][0], ledger.db.rows("PRAGMA integrity_check")[0][0])
ledger.close()
"""


def line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


def stop(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


# -- one writer ----------------------------------------------------------------------------------------------------


def test_a_second_process_hears_who_holds_the_directory(tmp_path: Path) -> None:
    holder = start_python(HOLDER, str(tmp_path))
    try:
        assert line(holder.stdout) == "held"
        assert read_holder(tmp_path) == {"pid": holder.pid, "address": "http://127.0.0.1:8080"}
        with pytest.raises(DataDirectoryInUse) as refusal:
            open_ledger(tmp_path, TestSealer())
        assert str(refusal.value) == (
            f"Data directory {tmp_path} is in use by process {holder.pid}. "
            "Stop that process, or give this one its own directory with --data."
        )
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert read_holder(tmp_path) == {}  # its words are still there; nobody holds it
        ledger = open_ledger(tmp_path, TestSealer())
        assert read_holder(tmp_path) == {"pid": os.getpid()}
        ledger.close()
        assert read_holder(tmp_path) == {}
    finally:
        stop(holder)


def test_the_same_process_may_not_open_it_twice_either(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, TestSealer())
    with pytest.raises(DataDirectoryInUse, match=str(os.getpid())):
        open_ledger(tmp_path, TestSealer())
    ledger.close()
    open_ledger(tmp_path, TestSealer()).close()


def test_describing_needs_the_lock(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    with pytest.raises(ValueError, match="needs the lock"):
        lock.describe({})
    lock.release()
    assert read_holder(tmp_path / "none") == {}


def test_a_holder_that_wrote_nonsense_still_holds(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    lock.acquire()
    lock.path.write_text("[1, 2")
    assert read_holder(tmp_path) == {}
    with pytest.raises(DataDirectoryInUse, match=r"process \?"):
        DirectoryLock(tmp_path).acquire()
    lock.release()


def test_only_the_owner_may_read_the_files(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "data"
    ledger = open_ledger(directory, TestSealer())
    keep(ledger, record(1))
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for name in ("selaras.db", "selaras.db-wal", "selaras.db-shm"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600
    ledger.close()


def test_the_writer_uses_a_write_ahead_log_and_waits_for_the_disk(sqlite_ledger: Ledger) -> None:
    assert sqlite_ledger.db.rows("PRAGMA journal_mode") == [("wal",)]
    assert sqlite_ledger.db.rows("PRAGMA synchronous") == [(2,)]


def test_an_unsafe_library_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    with pytest.raises(DatabaseDamaged, match=r"3\.51\.2 can corrupt"):
        SQLite(tmp_path)


# -- readers and strangers -----------------------------------------------------------------------------------------


def test_a_reader_beside_a_writer_of_another_process(tmp_path: Path) -> None:
    writer = start_python(WRITER, str(tmp_path), "1")
    try:
        for wanted in ("1", "2", "3"):
            assert line(writer.stdout) == wanted
        reader = open_ledger(tmp_path, TestSealer(), read_only=True)
        assert len(reader.records.all("shop", "order")) >= 3
        assert all(cell.balanced for cell in reader.coverage.cells("shop", "order"))
        with pytest.raises(ReadOnly):
            keep(reader, record("x"))
        reader.close()
        assert int(line(writer.stdout)) == 4  # the writer was not disturbed
    finally:
        stop(writer)


def test_reading_what_is_not_there_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(DatabaseDamaged, match="cannot be opened"):
        open_ledger(tmp_path / "none", TestSealer(), read_only=True)
    assert not (tmp_path / "none").exists()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "selaras.db").write_bytes(b"this is not a database " * 100)
    for _ in range(2):  # the refusal gives up the lock
        with pytest.raises(DatabaseDamaged, match=r"selaras\.db is not a readable database"):
            open_ledger(tmp_path, TestSealer())


def test_a_path_that_is_no_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirectoryUnusable, match="cannot be used"):
        open_ledger(tmp_path / "file", TestSealer())


def test_a_stranger_that_locks_the_file_is_waited_for_and_then_named(sqlite_ledger: Ledger) -> None:
    assert isinstance(sqlite_ledger.db, SQLite)
    sqlite_ledger.db.connection.set_busy_timeout(20)
    stranger = apsw.Connection(str(sqlite_ledger.db.path))
    stranger.execute("BEGIN IMMEDIATE")
    with pytest.raises(DataDirectoryInUse, match="locked by another program"):
        keep(sqlite_ledger, record(1))
    stranger.execute("ROLLBACK")
    stranger.close()
    assert keep(sqlite_ledger, record(1))


def test_transactions_do_not_nest(ledger: Ledger) -> None:
    def nested() -> None:
        with ledger.transaction():
            ledger.records.keep([record(1)], "poll", NOW)
            with ledger.transaction():
                ledger.records.keep([record(2)], "poll", NOW)

    with pytest.raises(ValueError, match="do not nest"):
        nested()
    assert ledger.records.all("shop", "order") == []
    assert keep(ledger, record(1))


def test_a_closed_ledger_says_so(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, TestSealer())
    ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        ledger.postings.next_due("books")


# -- kill -9 -------------------------------------------------------------------------------------------------------


def test_every_committed_row_survives_kill_9(where: Path | str, rng: random.Random) -> None:
    committed = 0
    for _ in range(4):
        writer = start_python(WRITER, str(where), str(committed + 1))
        try:
            assert writer.stdout is not None
            wanted = rng.randint(1, 60)
            said = [int(line(writer.stdout)) for _ in range(wanted)]
            writer.send_signal(signal.SIGKILL)
            said += [int(rest) for rest in writer.stdout.read().split()]
        finally:
            stop(writer)
        ledger = open_ledger(where, TestSealer())
        ids = {int(r.key.id) for r in ledger.records.all("shop", "order")}
        last = max(ids)
        # What was said is there; at most one transaction had committed and could not say so any more.
        assert ids == set(range(1, last + 1))
        assert last - said[-1] in (0, 1)
        streams = [f"s{number}" for number in range(1, last + 2)]
        assert len(ledger.postings.of_streams("books", streams)) == last
        assert all(ledger.records.history(order(number)) for number in ids)
        assert ledger.records.cursor("shop", "order") == str(last)
        if ledger.db.dialect == "sqlite":
            assert ledger.db.rows("PRAGMA integrity_check") == [("ok",)]
        ledger.close()
        committed = last


# -- a full disk ---------------------------------------------------------------------------------------------------


def test_a_full_disk_undoes_the_transaction_and_work_goes_on_with_space(sqlite_ledger: Ledger) -> None:
    ledger = sqlite_ledger
    plan(ledger, posting("s"))
    pages = int(ledger.db.rows("PRAGMA page_count")[0][0])
    ledger.db.rows(f"PRAGMA max_page_count = {pages + 5}")

    def much() -> None:
        with ledger.transaction():
            ledger.records.keep([record(number) for number in range(2000)], "poll", NOW)
            ledger.records.advance("shop", "order", "page 2", NOW)

    with pytest.raises(DiskFull, match=r"selaras\.db is full; nothing was lost\. Free some space"):
        much()
    assert ledger.records.all("shop", "order") == []
    assert ledger.records.cursor("shop", "order") == ""
    assert len(ledger.postings.claim("books", NOW, 1, 10)) == 1  # what needs no room still works
    ledger.db.rows("PRAGMA max_page_count = 1000000")
    much()
    assert len(ledger.records.all("shop", "order")) == 2000
    assert ledger.db.rows("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_disk_that_refuses_to_write_undoes_the_transaction_too(tmp_path: Path) -> None:
    process = start_python(FULL, str(tmp_path))
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    sentence, figures = out.splitlines()
    assert "nothing was lost" in sentence
    kept, found, integrity = figures.split()
    assert 0 < int(kept) < 10_000
    assert int(found) == int(kept) + 1
    assert integrity == "ok"
