"""Several stores and several sets of books in one installation, over real HTTP."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp

from selaras.connectors.contract import Connector, Tools
from selaras.connectors.sandbox_books import CONNECTOR as BOOKS
from selaras.connectors.sandbox_store import CONNECTOR as STORE
from selaras.engine.service import Service
from selaras.ledger import Desk, open_ledger
from selaras.rules.plan_types import Policy
from selaras.sandbox.books import BooksConfig, serve_books
from selaras.sandbox.store import StoreConfig, serve_store
from selaras.sync.hub import Hub, Pair
from selaras.sync.installation import DEFAULT_SCHEDULES, set_pairs
from tests.sync.target import Plain
from tests.sync.world import Tokens, World


@contextlib.asynccontextmanager
async def a_town(
    path: Path,
    stores: Mapping[str, tuple[StoreConfig, str, Policy]],
    books: Mapping[str, BooksConfig],
    **settings: str,
) -> AsyncIterator[dict[str, World]]:
    """Each store (its configuration, the name of its books, its policy) as a world of its own; one hub serves all.

    `settings` are those of every connection to books, such as `maps`.
    """
    async with contextlib.AsyncExitStack() as stack:
        connectors: dict[str, Connector] = {}
        shops, ledgers, pairs = {}, {}, []
        for name, config in books.items():
            b = ledgers[name] = await stack.enter_async_context(serve_books(config))
            connectors[name] = BOOKS.build(
                {
                    "base_url": b.url, "client_id": b.config.client_id, "client_secret": b.config.client_secret,
                    "grant": "client_credentials", "visibility_lag": "0.3", **settings,
                },
                Tools(name, "Asia/Jakarta", Tokens(), time.time),
            )  # fmt: skip
        for name, (shop, kept_in, policy) in stores.items():
            s = shops[name] = await stack.enter_async_context(serve_store(shop))
            connectors[name] = STORE.build(
                {"base_url": s.url, "api_key": s.api_key, "webhook_secret": s.webhook_secret},
                Tools(name, "Asia/Jakarta", Tokens(), time.time),
            )
            pairs.append(Pair(name, kept_in, policy))
        desk = Desk(open_ledger(path, Plain()))
        await desk(set_pairs, desk.ledger, pairs)
        hub = Hub(desk, connectors, pairs)
        await hub.start()
        slow = {kind: "every 60s" for kind in DEFAULT_SCHEDULES if kind not in ("sweep", "webhooks")}
        service = Service(hub, slow)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        await service.start()
        try:
            yield {n: World(shops[n], ledgers[stores[n][1]], hub, service, http) for n in stores}
        finally:
            await service.stop()
            await hub.close()
