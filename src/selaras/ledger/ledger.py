"""The ledger as one object, and the desk at which an asyncio program queues for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from selaras.ledger.allocations import Allocations
from selaras.ledger.connections import Connections, Sealer
from selaras.ledger.coverage import CoverageBook
from selaras.ledger.database import Database, SQLite
from selaras.ledger.errors import LedgerError
from selaras.ledger.postings import Postings
from selaras.ledger.records import Records
from selaras.ledger.schema import check, migrate
from selaras.ledger.unique_amounts import UniqueAmounts
from selaras.ledger.values import RecordKey

T = TypeVar("T")


class Ledger:
    """Everything that Selaras remembers. Not thread-safe: use it through a `Desk` in a running program."""

    def __init__(self, db: Database, sealer: Sealer) -> None:
        self.db = db
        self._sealer = sealer
        self.records = Records(db)
        self.postings = Postings(db)
        self.coverage = CoverageBook(db)
        self.connections = Connections(db, sealer)
        self.unique_amounts = UniqueAmounts(db)
        self.allocations = Allocations(db)

    @property
    def sole_owner(self) -> bool:
        """Whether no other process can write beside this one: true of a data directory, not of a database server."""
        return self.db.dialect == "sqlite"

    def pending(self, idle: Sequence[str] = ()) -> bool:
        """Whether anything waits to be looked at, planned or sent. Records of `idle` connections are planned by nobody
        (a bank whose money is booked in no books yet)."""
        marks = ",".join("?" * len(idle)) or "''"
        return bool(
            self.db.rows(
                f"""SELECT 1 WHERE EXISTS (SELECT 1 FROM posting WHERE state < 2) OR EXISTS (SELECT 1 FROM hint)
                OR EXISTS (SELECT 1 FROM record WHERE planned < version
                    AND kind IN ('order', 'bank_transaction', 'receipt', 'journal')
                    AND connection NOT IN ({marks}))""",  # noqa: S608
                tuple(idle),
            )
        )

    def transaction(self) -> Any:
        """Context manager: all or nothing."""
        return self.db.transaction()

    def reader(self) -> Ledger:
        """The same ledger through a connection of its own that only reads: its long queries hold up no writer."""
        return Ledger(self.db.reader(), self._sealer)

    def close(self) -> None:
        """Close the database and give up its lock."""
        self.db.close()


def open_database(where: Path | str, *, read_only: bool = False) -> Database:
    """SQLite in a data directory, or PostgreSQL when `where` is a postgresql:// address."""
    if isinstance(where, str) and where.startswith(("postgresql://", "postgres://")):
        from selaras.ledger.postgres import Postgres  # the extra may not be installed

        return Postgres(where, read_only=read_only)
    return SQLite(Path(where), read_only=read_only)


def open_ledger(where: Path | str, sealer: Sealer, *, read_only: bool = False) -> Ledger:
    """Open and, unless read-only, migrate.

    Raises `DataDirectoryInUse`, `DataDirectoryUnusable`, `DatabaseDamaged`, `DatabaseUnreachable`, `NewerSchema` and,
    read-only, `OlderSchema`.
    """
    db = open_database(where, read_only=read_only)
    try:
        if read_only:
            check(db)
        else:
            migrate(db)
    except BaseException:
        db.close()
        raise
    return Ledger(db, sealer)


class Desk:
    """One thread that owns the ledger; coroutines queue for it. Hints are committed in groups.

    A group commit makes a webhook durable before it is answered at a fraction of a commit each
    (reference/engine.md §4: 3.2 times less CPU than a commit per request).

    A caller that is cancelled while it waits does not undo its work: what was queued is done and committed.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._hints: list[tuple[list[RecordKey], str, int]] = []
        self._flush: asyncio.Future[None] | None = None
        self._committing = asyncio.Lock()
        self._closing: asyncio.Future[None] | None = None

    async def __call__(self, work: Callable[..., T], *args: Any) -> T:
        """Run `work(*args)` in the ledger's thread, by itself (each statement commits)."""
        return await self._queue(work, *args)

    async def write(self, work: Callable[..., T], *args: Any) -> T:
        """Run `work(*args)` in the ledger's thread inside one transaction."""
        return await self._queue(self._transacted, work, *args)

    async def _queue(self, work: Callable[..., T], *args: Any) -> T:
        if self._closing is not None:
            raise LedgerError("The ledger is closed.")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    def _transacted(self, work: Callable[..., T], *args: Any) -> T:
        with self.ledger.transaction():
            return work(*args)

    async def hint(self, keys: list[RecordKey], via: str, now: int) -> None:
        """Keep hints durably; everything that arrives while a commit is under way shares the next one."""
        if self._closing is not None:
            raise LedgerError("The ledger is closed.")
        self._hints.append((keys, via, now))
        if self._flush is None:
            self._flush = asyncio.ensure_future(self._flush_hints())
        await asyncio.shield(self._flush)

    async def _flush_hints(self) -> None:
        # One turn of the loop gathers what arrived together; the next group forms while this one commits.
        await asyncio.sleep(0)
        async with self._committing:
            group, self._hints = self._hints, []
            self._flush = None
            await asyncio.get_running_loop().run_in_executor(self._thread, self._transacted, self._keep_hints, group)

    def _keep_hints(self, group: list[tuple[list[RecordKey], str, int]]) -> None:
        self.ledger.records.hint_all(group)

    async def close(self) -> None:
        """Finish what was queued, then close the ledger. Closing twice is closing once."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        flush = self._flush
        if flush is not None:
            await asyncio.wait([flush])  # its waiters are told how it ended
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self.ledger.close)
        finally:
            self._thread.shutdown(wait=False)
