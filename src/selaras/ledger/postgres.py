"""The same port over PostgreSQL, through psycopg 3 (extra `postgres`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

import psycopg
from psycopg import errors

from selaras.ledger.database import Params, Row
from selaras.ledger.errors import DatabaseDamaged, DiskFull


@cache
def _placeholders(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


class Postgres:
    """One PostgreSQL connection; every statement outside `transaction()` commits by itself."""

    dialect: Literal["sqlite", "postgres"] = "postgres"

    def __init__(self, dsn: str) -> None:
        try:
            self._db: psycopg.Connection[Row] = psycopg.connect(dsn, autocommit=True)
        except psycopg.OperationalError as error:
            raise DatabaseDamaged(
                f"PostgreSQL cannot be reached: {str(error).strip()}.", "Check the address and that it runs."
            ) from None

    def rows(self, sql: str, params: Params = ()) -> list[Row]:
        with _sentences():
            return self._db.execute(_placeholders(sql), params).fetchall()

    def run(self, sql: str, params: Params = ()) -> int:
        with _sentences():
            return self._db.execute(_placeholders(sql), params).rowcount

    def many(self, sql: str, rows: Sequence[Params]) -> None:
        if rows:
            with _sentences(), self._db.cursor() as cursor:
                cursor.executemany(_placeholders(sql), rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with _sentences(), self._db.transaction():
            yield

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Postgres:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except errors.DiskFull:
        raise DiskFull("The disk of the PostgreSQL server is full; nothing was lost.", "Free some space.") from None
