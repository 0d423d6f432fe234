"""Each test that takes `ledger` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from selaras.ledger import Ledger, open_ledger
from tests.ledger.tools import TestSealer


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """An address at which no ledger is yet."""
    if request.param == "sqlite":
        return tmp_path / "data"
    dsn: str = request.getfixturevalue("pg_dsn")
    return dsn


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
