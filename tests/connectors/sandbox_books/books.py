"""Running sandbox books with a connector signed in to them, and the documents to write there."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from selaras.connectors.contract import Changes, ConnectorError, Done, Failed, Outcome, Seen, Tools, Write
from selaras.connectors.sandbox_books import SandboxBooks, build
from selaras.connectors.tokens import Token
from selaras.model.document import Document, DocumentLine, Invoice, SalesOrder
from tests.sandbox.books_client import Client, running

DAY = dt.date(2026, 11, 20)
LINES = (DocumentLine("P1", "Kopi", Decimal(2), Decimal(15_000), Decimal(30_000), tax=Decimal(3_300)),)


class Memory:
    """A token store that forgets with the test."""

    def __init__(self) -> None:
        self.token: Token | None = None
        self._lock = asyncio.Lock()

    async def load(self) -> Token | None:
        return self.token

    async def save(self, token: Token) -> None:
        self.token = token

    def exclusive(self) -> asyncio.Lock:
        return self._lock


def order(reference: str = "1001", **more: Any) -> SalesOrder:
    given: dict[str, Any] = {"total": Decimal(33_300), "lines": LINES, "contact_id": "con00000001"} | more
    return SalesOrder(reference=reference, date=given.pop("date", DAY), currency="IDR", **given)


def invoice(reference: str = "1001", **more: Any) -> Invoice:
    given: dict[str, Any] = {"total": Decimal(33_300), "lines": LINES, "contact_id": "con00000001"} | more
    return Invoice(reference=reference, date=given.pop("date", DAY), currency="IDR", **given)


def writes(*documents: Document, id: str = "") -> list[Write]:
    return [Write(f"k{index}", document, id) for index, document in enumerate(documents)]


@asynccontextmanager
async def connected(
    settings: dict[str, str] | None = None, **config: Any
) -> AsyncIterator[tuple[SandboxBooks, Client]]:
    """Running books and a connector signed in by its own credentials."""
    async with running(signed_in=False, **config) as client:
        connector = connector_of(client, settings)
        try:
            yield connector, client
        finally:
            await connector.close()


def connector_of(client: Client, settings: dict[str, str] | None = None, tokens: Memory | None = None) -> SandboxBooks:
    server = client.server
    given = {
        "base_url": server.url,
        "client_id": server.config.client_id,
        "client_secret": server.config.client_secret,
        "grant": "client_credentials",
        "visibility_lag": "0.3",
        "rate": "1000",
    } | (settings or {})
    return build(given, Tools("books", "Asia/Jakarta", tokens or Memory(), time.time))


async def all_changed(connector: SandboxBooks, kind: str, cursor: str = "") -> tuple[list[Seen], str]:
    rows: list[Seen] = []
    while True:
        page: Changes = await connector.changed(kind, cursor)
        rows += page.seen
        cursor = page.cursor
        if not page.more:
            return rows, cursor


def done(outcome: Outcome) -> Done:
    assert isinstance(outcome, Done), outcome
    return outcome


def failed(outcome: Outcome) -> ConnectorError:
    assert isinstance(outcome, Failed), outcome
    return outcome.error
