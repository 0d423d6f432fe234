"""One installation: a data directory (or a PostgreSQL database), its key, its connections and its pairs."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from selaras.connectors import registry
from selaras.connectors.contract import Connector, Tools
from selaras.connectors.tokens import Token
from selaras.ledger import Desk, Ledger, open_ledger
from selaras.ledger.connections import Connection
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import MICROSECOND
from selaras.secrets import Vault, remember
from selaras.sync.feeds import feeds_of
from selaras.sync.hub import Hub, Pair

PAIRS = "pairs"
SCHEDULES = "schedules"
DEFAULT_SCHEDULES: dict[str, str] = {
    "order": "every 60s",
    "product": "every 15m",
    "contact": "every 5m",
    "stock": "every 15s",
    "bank_transaction": "every 60s",
    "receipt": "every 5m",
    "journal": "every 15m",
    "purchase": "every 15m",
    "payment": "every 5m",
    "refund": "every 15m",
    "payout": "every 15m",
    "account": "every 1h",
    "tax": "every 1h",
    "warehouse": "every 1h",
    "dimension": "every 1h",
    "documents": "every 15m",
    "closing": "every 15m",
    "reread": "every 5m",
    "sweep": "daily 02:00",
    "webhooks": "every 10m",
}


def open_installation(data: Path, *, database: str = "", read_only: bool = False) -> Ledger:
    """Open the ledger of an installation with its key. Raises `LedgerError` and `WrongKey` in one sentence each."""
    if not read_only:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
    elif not (database or (data / "selaras.db").exists()):
        raise LedgerError(
            f"There is no installation in {data}.", "Run `selaras connect` first, or name it with --data."
        )
    return open_ledger(database or data, Vault.load(data), read_only=read_only)


def pairs_of(ledger: Ledger) -> list[Pair]:
    """The pairs of an installation."""
    return msgspec.json.decode(ledger.connections.setting(PAIRS, "[]"), type=list[Pair])


def set_pairs(ledger: Ledger, pairs: list[Pair]) -> None:
    """Replace the pairs; the setting's version tells when a policy changed."""
    with ledger.transaction():
        ledger.connections.set(PAIRS, msgspec.json.encode(pairs).decode(), int(time.time() * MICROSECOND))


def schedules_of(ledger: Ledger) -> dict[str, str]:
    """How often each kind of record is synchronised."""
    chosen = msgspec.json.decode(ledger.connections.setting(SCHEDULES, "{}"), type=dict[str, str])
    return DEFAULT_SCHEDULES | chosen


class LedgerTokens:
    """The durable token store of one connection (see `selaras.connectors.tokens.TokenStore`)."""

    def __init__(self, desk: Desk, connection: str, clock: Callable[[], float]) -> None:
        self._desk = desk
        self._connection = connection
        self._clock = clock
        self._owner = secrets.token_hex(8)
        self._lock = asyncio.Lock()

    async def load(self) -> Token | None:
        """The token as stored; None before sign-in."""
        text = await self._desk(self._desk.ledger.connections.token, self._connection)
        return None if text is None else msgspec.json.decode(text, type=Token)

    async def save(self, token: Token) -> None:
        """Store it; durable when this returns, so that no single-use token is used before it is safe."""
        text = msgspec.json.encode(token).decode()
        now = int(self._clock() * MICROSECOND)
        expires = int(token.expires_at * MICROSECOND)
        await self._desk.write(self._desk.ledger.connections.keep_token, self._connection, text, expires, now)

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        """One refresher at a time: a lock among our tasks, a lane's lease among processes."""
        lane, ledger = f"token:{self._connection}", self._desk.ledger
        async with self._lock:
            while True:
                now = int(self._clock() * MICROSECOND)
                if await self._desk.write(ledger.connections.take_lane, lane, self._owner, now, 60.0) is not None:
                    break
                await asyncio.sleep(0.05)
            try:
                yield
            finally:
                await self._desk.write(ledger.connections.leave_lane, lane, self._owner)


def build(connection: Connection, tokens: LedgerTokens, clock: Callable[[], float]) -> Connector:
    """The connector of a stored connection."""
    kind = registry.get(connection.type)
    for secret in connection.secrets.values():
        remember(secret)  # so that no log line can show it
    tools = Tools(connection.name, connection.zone, tokens, clock)
    return kind.build(connection.settings | connection.secrets, tools)


@asynccontextmanager
async def running_hub(ledger: Ledger, clock: Callable[[], float] = time.time) -> AsyncIterator[Hub]:
    """A hub over an open ledger; closing it closes the ledger too."""
    desk = Desk(ledger)
    connectors: dict[str, Connector] = {}
    try:
        for connection in ledger.connections.all():
            connectors[connection.name] = build(connection, LedgerTokens(desk, connection.name, clock), clock)
        pairs = [p for p in pairs_of(ledger) if p.store in connectors and p.books in connectors]
        feeds = [feed for feed in feeds_of(ledger) if feed.connection in connectors]
        hub = Hub(desk, connectors, pairs, clock, feeds)
        await hub.start()
        yield hub
    finally:
        for connector in connectors.values():
            await connector.close()
        await desk.close()
