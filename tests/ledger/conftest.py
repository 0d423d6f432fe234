"""Each test that takes `ledger` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from selaras.ledger import Ledger, open_ledger
from tests.ledger.office import Office
from tests.ledger.tools import TestSealer


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """An address at which no ledger is yet."""
    if request.param == "sqlite":
        return tmp_path / "data"
    address: str = request.getfixturevalue("pg_where")
    return address


@pytest.fixture
def pg_where(postgres_dsn: str) -> str:
    """An empty schema that stands first in the search path: a database of its own costs ten times as much."""
    name = f"t_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
    return f"{postgres_dsn}{'&' if '?' in postgres_dsn else '?'}options=-csearch_path%3D{name}"


@pytest.fixture
def ledger(where: Path | str) -> Iterator[Ledger]:
    """An empty ledger."""
    opened = open_ledger(where, TestSealer())
    yield opened
    opened.close()


@pytest.fixture
def sqlite_ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger in `tmp_path/data`."""
    opened = open_ledger(tmp_path / "data", TestSealer())
    yield opened
    opened.close()


@pytest.fixture
def office(pg_where: str) -> Iterator[Office]:
    """Workers on one empty PostgreSQL ledger."""
    with ExitStack() as stack:
        yield Office(pg_where, stack)
