"""The same port over PostgreSQL, through psycopg 3 (extra `postgres`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Literal

import psycopg
from psycopg import errors

from selaras.ledger.database import Params, Row, writable_text
from selaras.ledger.errors import (
    ConstraintBroken,
    DatabaseUnreachable,
    DiskFull,
    LedgerError,
    PlanOutOfDate,
    ReadOnly,
)


@lru_cache(maxsize=512)
def _placeholders(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


class Postgres:
    """One PostgreSQL connection; every statement outside `transaction()` commits by itself.

    A connection that the server ended (restart, failover) is opened anew at the next use outside a transaction: what
    was not committed is gone, and nothing else is remembered in a connection.
    """

    dialect: Literal["sqlite", "postgres"] = "postgres"

    def __init__(self, dsn: str, *, read_only: bool = False) -> None:
        self._dsn = dsn
        self._read_only = read_only
        self._closed = False
        self._inside = False
        self._db = self._connect()

    def _connect(self) -> psycopg.Connection[Row]:
        # A dead peer is noticed within a minute, not after the system's two hours.
        try:
            db: psycopg.Connection[Row] = psycopg.connect(
                self._dsn,
                autocommit=True,
                connect_timeout=10,
                keepalives_idle=20,
                keepalives_interval=10,
                keepalives_count=3,
            )
            # A claim walks `posting_due` in its order; reading it all and sorting looks cheaper before ANALYZE.
            db.execute("SET enable_bitmapscan = off")
            if self._read_only:
                db.execute("SET default_transaction_read_only = on")
            return db
        except psycopg.OperationalError as error:
            raise DatabaseUnreachable(
                f"PostgreSQL cannot be reached: {str(error).strip()}.", "Check the address and that it runs."
            ) from None

    def _live(self) -> psycopg.Connection[Row]:
        if self._closed:
            raise LedgerError("The ledger is closed.")
        if self._db.closed and not self._inside:
            self._db = self._connect()
        return self._db

    def reader(self) -> Postgres:
        return Postgres(self._dsn, read_only=True)

    def rows(self, sql: str, params: Params = ()) -> list[Row]:
        with self._sentences():
            return self._live().execute(_placeholders(sql), [writable_text(v) for v in params]).fetchall()

    def run(self, sql: str, params: Params = ()) -> int:
        with self._sentences():
            return self._live().execute(_placeholders(sql), [writable_text(v) for v in params]).rowcount

    def many(self, sql: str, rows: Sequence[Params]) -> int:
        if not rows:
            return 0
        with self._sentences(), self._live().cursor() as cursor:
            cursor.executemany(_placeholders(sql), [[writable_text(v) for v in row] for row in rows])
            return cursor.rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self._inside:
            raise ValueError("a transaction is under way already; transactions do not nest")
        with self._sentences():
            connection = self._live()
            self._inside = True
            try:
                with connection.transaction():
                    yield
            finally:
                self._inside = False

    def close(self) -> None:
        self._closed = True
        self._db.close()

    def __enter__(self) -> Postgres:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """Turn psycopg's errors into the ledger's sentences."""
        try:
            yield
        except errors.DiskFull:
            raise DiskFull("The disk of the PostgreSQL server is full; nothing was lost.", "Free some space.") from None
        except (errors.DeadlockDetected, errors.SerializationFailure):
            raise PlanOutOfDate("Another worker changes the same rows; this transaction was undone.") from None
        except errors.IntegrityError as error:
            detail = str(error).splitlines()[0]
            raise ConstraintBroken(f"The ledger refused a row that must not be ({detail}).") from None
        except errors.ReadOnlySqlTransaction:
            raise ReadOnly("The database may only be read.", "Stop using it read-only.") from None
        except psycopg.OperationalError as error:
            if not self._db.closed:
                raise
            raise DatabaseUnreachable(
                f"PostgreSQL ended the connection: {str(error).strip()}.",
                "What was not committed is undone; the next use connects anew.",
            ) from None
