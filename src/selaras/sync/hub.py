"""What every flow works on: the ledger's desk, the signed-in connectors, and which store is kept in which books."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from selaras.connectors.contract import Connector
from selaras.ledger import Desk
from selaras.ledger.values import MICROSECOND
from selaras.rules.plan_types import Policy
from selaras.sync.feeds import Feed
from selaras.sync.mirror import Mirror


class Pair(msgspec.Struct, frozen=True):
    """One store kept in one set of books, under one policy. Names are connection names."""

    store: str
    books: str
    policy: Policy
    buffer: int = 0


class Hub:
    """The running installation: no state of its own that a restart would miss."""

    def __init__(
        self,
        desk: Desk,
        connectors: dict[str, Connector],
        pairs: list[Pair],
        clock: Callable[[], float] = time.time,
        feeds: Sequence[Feed] = (),
    ) -> None:
        self.desk = desk
        self.connectors = connectors
        self.pairs = pairs
        self.feeds = [feed for feed in feeds if any(pair.books == feed.books for pair in pairs)]
        self.clock = clock
        self.mirrors = {name: Mirror(name) for pair in pairs for name in (pair.store, pair.books)}

    @property
    def idle(self) -> list[str]:
        """Connections whose records nobody plans: in no pair, and a feed of no books."""
        used = {name for pair in self.pairs for name in (pair.store, pair.books)} | {f.connection for f in self.feeds}
        return sorted(set(self.connectors) - used)

    def now(self) -> int:
        """The present in microseconds since 1970 UTC."""
        return int(self.clock() * MICROSECOND)

    def pairs_of(self, connection: str) -> list[Pair]:
        """The pairs that a connection takes part in."""
        return [pair for pair in self.pairs if connection in (pair.store, pair.books)]

    async def start(self) -> None:
        """Fill the mirrors from the ledger."""
        for mirror in self.mirrors.values():
            await self.desk(mirror.load, self.desk.ledger)

    async def close(self) -> None:
        """Close connectors, then the ledger."""
        for connector in self.connectors.values():
            await connector.close()
        await self.desk.close()


def order_stream(store: str, order_id: str) -> str:
    """The stream in which all documents of one order are written, one after the other."""
    return f"{store}:{order_id}"


def contact_stream(key: str) -> str:
    """The stream of one buyer's contact."""
    return f"contact:{key}"
