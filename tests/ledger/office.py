"""Workers on one PostgreSQL, each with a connection of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest

from selaras.ledger import Ledger, open_ledger
from selaras.ledger.values import Claimed
from tests.ledger.tools import TestSealer, claim

BARRIER = 4242


class Office:
    """Workers on one database, each with a connection of its own, and a thread to make one of them wait."""

    def __init__(self, dsn: str, stack: ExitStack) -> None:
        self._dsn = dsn
        self._stack = stack
        self.threads = ThreadPoolExecutor(8)
        stack.callback(self.threads.shutdown)

    def worker(self) -> Ledger:
        ledger = open_ledger(self._dsn, TestSealer())
        self._stack.callback(ledger.close)
        return ledger

    def waiting_for_a_lock(self) -> int:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            row = connection.execute(
                """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND wait_event_type = 'Lock'"""
            ).fetchone()
        assert row is not None
        return int(row[0])

    def until_blocked(self, work: Future[Any], workers: int = 1) -> None:
        """Return when so many workers wait for a lock of another one; fail when `work` ended instead."""
        for _ in range(24_000):
            if self.waiting_for_a_lock() >= workers:
                return
            assert not work.done(), work.result()
            time.sleep(0.005)
        pytest.fail("nobody came to wait")

    @contextmanager
    def snapshot_taken(self, claimer: Ledger) -> Iterator[Future[list[Claimed]]]:
        """A claim of `claimer` that has its snapshot and has not chosen yet; it goes on when the block ends."""
        sql = claimer.postings._claim
        gate = f"p.due <= ? AND (SELECT pg_advisory_lock_shared({BARRIER})::text) IS NOT NULL"
        assert sql.count("p.due <= ?") == 1
        claimer.postings._claim = sql.replace("p.due <= ?", gate)
        with psycopg.connect(self._dsn, autocommit=True) as holder:
            holder.execute("SELECT pg_advisory_lock(%s)", [BARRIER])
            future = self.threads.submit(claim, claimer)
            self.until_blocked(future)
            yield future
        future.result()
        claimer.postings._claim = sql
