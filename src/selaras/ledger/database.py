"""One small port over SQLite and PostgreSQL: same statements, `?` for parameters, explicit transactions.

SQLite (the default) goes through apsw with its own library, because system libraries below 3.51.3 can corrupt a WAL
(reference/engine.md §1); WAL with synchronous=FULL, one writer per data directory under an exclusive file lock.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import apsw

from selaras.ledger.errors import (
    ConstraintBroken,
    DatabaseDamaged,
    DataDirectoryInUse,
    DataDirectoryUnusable,
    DiskFull,
    LedgerError,
    ReadOnly,
)
from selaras.ledger.lock import DirectoryLock, read_holder

__all__ = ["FILE", "Database", "DirectoryLock", "Params", "Row", "SQLite", "chunks", "read_holder", "writable_text"]

T = TypeVar("T")
Row = tuple[Any, ...]
Params = Sequence[Any]

FILE = "selaras.db"
_SAFE_SQLITE = (3, 51, 3)
# One statement may have 32,766 parameters in SQLite and 65,535 in PostgreSQL; some are needed for other things.
_MANY = 30_000


def chunks(values: Sequence[T], size: int = _MANY) -> Iterator[Sequence[T]]:
    """The values in parts that one statement can take as parameters."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def writable_text(value: Any) -> Any:
    """Text as both databases can keep it: half surrogate pairs and NUL, which vendors do send, become U+FFFD.

    Without it one vendor's message would fail the transaction of the whole batch, again and again.
    """
    if isinstance(value, str) and not value.isprintable():
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "\ufffd")
    return value


class Database(Protocol):
    """What the ledger needs of a database. Not thread-safe: one owner, one thread at a time."""

    dialect: Literal["sqlite", "postgres"]

    def rows(self, sql: str, params: Params = ()) -> list[Row]:
        """Run one statement and return all its rows."""
        ...

    def run(self, sql: str, params: Params = ()) -> int:
        """Run one statement and return the number of rows that it changed."""
        ...

    def many(self, sql: str, rows: Sequence[Params]) -> int:
        """Run one statement for each row of parameters and return the number of rows that they changed."""
        ...

    def transaction(self) -> Any:
        """Context manager: commit at the end, roll back on any exception. Does not nest."""
        ...

    def reader(self) -> Database:
        """A second connection to the same database that only reads, for long queries beside the writer."""
        ...

    def close(self) -> None:
        """Close the connection and give up the lock."""
        ...


class SQLite:
    """SQLite through apsw. `read_only` opens beside a running writer and takes no lock; `file` names a backup."""

    dialect: Literal["sqlite", "postgres"] = "sqlite"

    def __init__(self, directory: Path, *, read_only: bool = False, file: str = FILE) -> None:
        version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
        if version < _SAFE_SQLITE:
            raise DatabaseDamaged(
                f"SQLite {apsw.sqlite_lib_version()} can corrupt a write-ahead log.",
                "Install the apsw wheel, which brings 3.51.3 or newer.",
            )
        self.path = directory / file
        self.lock: DirectoryLock | None = None
        if read_only:
            flags = apsw.SQLITE_OPEN_READONLY
        else:
            try:
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
                self.lock = DirectoryLock(directory)
                self.lock.acquire()
            except OSError as error:
                raise DataDirectoryUnusable(
                    f"Data directory {directory} cannot be used: {error.strerror}.",
                    "Check the path, its permissions and the space on its disk.",
                ) from None
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

    def reader(self) -> SQLite:
        return SQLite(self.path.parent, read_only=True, file=self.path.name)

    def rows(self, sql: str, params: Params = ()) -> list[Row]:
        with _sentences(self.path):
            return self._db.execute(sql, [writable_text(value) for value in params]).fetchall()

    def run(self, sql: str, params: Params = ()) -> int:
        with _sentences(self.path):
            self._db.execute(sql, [writable_text(value) for value in params]).fetchall()
            return self._db.changes()

    def many(self, sql: str, rows: Sequence[Params]) -> int:
        if not rows:
            return 0
        with _sentences(self.path):
            before = self._db.total_changes()
            self._db.executemany(sql, ([writable_text(value) for value in row] for row in rows)).fetchall()
            return self._db.total_changes() - before

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self._db.in_transaction:
            raise ValueError("a transaction is under way already; transactions do not nest")
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

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Reads inside see one moment, beside a writer too. Allowed read-only."""
        with _sentences(self.path):
            self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    @property
    def connection(self) -> apsw.Connection:
        """The bare connection, for the backup."""
        return self._db

    def close(self) -> None:
        self._db.close()
        if self.lock is not None:
            self.lock.release()


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """Turn apsw's errors into the ledger's sentences."""
    try:
        yield
    except apsw.ConstraintError as error:
        raise ConstraintBroken(f"The ledger refused a row that must not be ({error}).") from None
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
    except apsw.ReadOnlyError:
        raise ReadOnly(
            f"{path} may only be read.", "Stop using it read-only, or check the file's permissions."
        ) from None
    except apsw.BusyError:
        raise DataDirectoryInUse(
            f"{path} is locked by another program.", "Close that program; nothing was lost."
        ) from None
    except apsw.ConnectionClosedError:
        raise LedgerError("The ledger is closed.") from None
