"""The fixtures themselves: a real PostgreSQL, a browser, a seed."""

from __future__ import annotations

import random
import subprocess

import psycopg
import pytest

from tests.needs import missing


def test_postgresql_answers_and_databases_are_apart(pg_dsn: str, postgres_dsn: str) -> None:
    with psycopg.connect(pg_dsn) as connection:
        row = connection.execute("SELECT current_database(), current_setting('server_version_num')::int").fetchone()
        connection.execute("CREATE TABLE here (id int)")
    assert row is not None
    assert row[0] in pg_dsn
    assert row[1] >= 160000
    with psycopg.connect(postgres_dsn) as connection:
        assert connection.execute("SELECT to_regclass('here')").fetchone() == (None,)


def test_chromium_starts(chromium: str) -> None:
    done = subprocess.run([chromium, "--version"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert "Chrom" in done.stdout


def test_chance_is_repeatable(rng: random.Random, seed: int, request: pytest.FixtureRequest) -> None:
    assert rng.random() == random.Random(f"{seed}:{request.node.nodeid}").random()


def test_nothing_may_be_missing_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no teapot"):
        missing("no teapot")
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="no teapot"):
        missing("no teapot")
