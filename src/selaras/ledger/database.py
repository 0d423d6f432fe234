"""One small port over SQLite and PostgreSQL: same statements, `?` for parameters, explicit transactions.

SQLite (the default) goes through apsw with its own library, because system libraries below 3.51.3 can corrupt a WAL
(reference/engine.md §1); WAL with synchronous=FULL, one writer per data directory under an exclusive file lock.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, Protocol

import apsw

from selaras.ledger.errors import DatabaseDamaged, DataDirectoryInUse, DiskFull

Row = tuple[Any, ...]
Params = Sequence[Any]

_SAFE_SQLITE = (3, 51, 3)


class Database(Protocol):
    """What the ledger needs of a database. Not thread-safe: one owner, one thread at a time."""

    dialect: Literal["sqlite", "postgres"]

    def rows(self, sql: str, params: Params = ()) -> list[Row]:
        """Run one statement and return all its rows."""
        ...

    def run(self, sql: str, params: Params = ()) -> int:
        """Run one statement and return the number of rows that it changed."""
        ...

    def many(self, sql: str, rows: Sequence[Params]) -> None:
        """Run one statement for each row of parameters."""
        ...

    def transaction(self) -> Any:
        """Context manager: commit at the end, roll back on any exception. Does not nest."""
        ...

    def close(self) -> None:
        """Close the connection and give up the lock."""
        ...


class DirectoryLock:
    """Exclusive right to write in a data directory, held by an open file; it ends with the process, even by kill -9."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock. Raises `DataDirectoryInUse` naming the holder."""
        file = self.path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            holder = read_holder(self.path.parent)
            raise DataDirectoryInUse(
                f"Data directory {self.path.parent} is in use by process {holder.get('pid', '?')}.",
                "Stop that process, or give this one its own directory with --data.",
            ) from None
        self._file = file
        self.describe({})

    def describe(self, about: dict[str, Any]) -> None:
        """Write who holds the lock (pid, address of the server) so that others can say so or talk to it."""
        if self._file is None:
            raise ValueError("describe() needs the lock")
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps({"pid": os.getpid(), **about}))
        self._file.flush()

    def release(self) -> None:
        """Give the lock up."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read_holder(directory: Path) -> dict[str, Any]:
    """What the holder of a data directory wrote about itself; empty when there is none or it cannot be read."""
    try:
        about = json.loads((directory / "lock").read_text(encoding="utf-8") or "{}")
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


class SQLite:
    """SQLite through apsw. `read_only` opens beside a running writer and takes no lock."""

    dialect: Literal["sqlite", "postgres"] = "sqlite"

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
        if version < _SAFE_SQLITE:
            raise DatabaseDamaged(
                f"SQLite {apsw.sqlite_lib_version()} can corrupt a write-ahead log.",
                "Install the apsw wheel, which brings 3.51.3 or newer.",
            )
        self.path = directory / "selaras.db"
        self.lock: DirectoryLock | None = None
        if read_only:
            flags = apsw.SQLITE_OPEN_READONLY
        else:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.lock = DirectoryLock(directory)
            self.lock.acquire()
            flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        try:
            with _sentences(self.path):
                self._db = apsw.Connection(str(self.path), flags=flags, statementcachesize=200)
                self._db.set_busy_timeout(10_000)
                if not read_only:
                    os.chmod(self.path, 0o600)
                    self._db.execute("PRAGMA journal_mode=WAL")
                    self._db.execute("PRAGMA synchronous=FULL")
                    self._db.execute("PRAGMA cache_size=-65536")
        except BaseException:
            if self.lock is not None:
                self.lock.release()
            raise

    def rows(self, sql: str, params: Params = ()) -> list[Row]:
        with _sentences(self.path):
            return self._db.execute(sql, params).fetchall()

    def run(self, sql: str, params: Params = ()) -> int:
        with _sentences(self.path):
            self._db.execute(sql, params).fetchall()
            return self._db.changes()

    def many(self, sql: str, rows: Sequence[Params]) -> None:
        if rows:
            with _sentences(self.path):
                self._db.executemany(sql, rows).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with _sentences(self.path):
            self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            with _sentences(self.path):
                self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self._db.close()
        if self.lock is not None:
            self.lock.release()


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """Turn apsw's errors into the ledger's sentences."""
    try:
        yield
    except apsw.FullError:
        raise DiskFull(
            f"The disk that holds {path} is full; nothing was lost.",
            "Free some space; work goes on by itself.",
        ) from None
    except apsw.IOError as error:
        raise DiskFull(f"{path} cannot be written ({error}); nothing was lost.", "Check the disk.") from None
    except (apsw.NotADBError, apsw.CorruptError):
        raise DatabaseDamaged(f"{path} is not a readable database.", "Restore it from a backup.") from None
    except apsw.CantOpenError:
        raise DatabaseDamaged(f"{path} cannot be opened.", "Check the path and its permissions.") from None
