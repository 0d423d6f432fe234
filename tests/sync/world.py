"""A small world for the flows: a store and books over real HTTP, a ledger on disk, and the service between them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from selaras.connectors.contract import Connector, Tools
from selaras.connectors.sandbox_books import CONNECTOR as BOOKS
from selaras.connectors.sandbox_store import CONNECTOR as STORE
from selaras.connectors.tokens import Token
from selaras.engine.service import Service
from selaras.ledger import Desk, Ledger, open_ledger
from selaras.model.product import Product
from selaras.rules.plan_types import Policy
from selaras.sandbox.books import BooksConfig, serve_books
from selaras.sandbox.books.server import BooksServer
from selaras.sandbox.faults import FaultSettings
from selaras.sandbox.store import StoreConfig, serve_store
from selaras.sync.feeds import Feed, save_feeds
from selaras.sync.hub import Hub, Pair
from selaras.sync.installation import set_pairs
from tests.sync.target import Plain

POLICY = Policy(
    bank_methods=frozenset({"transfer"}),
    accounts={"transfer": "bank", "qris": "clearing", "card": "clearing", "va": "clearing"},
    default_account="clearing",
)


class Tokens:
    """Tokens in memory: these tests are not about sign-in."""

    def __init__(self) -> None:
        self.token: Token | None = None
        self.lock = asyncio.Lock()

    async def load(self) -> Token | None:
        return self.token

    async def save(self, token: Token) -> None:
        self.token = token

    def exclusive(self) -> asyncio.Lock:
        return self.lock


class World:
    """Handles to everything; actors speak HTTP like anybody else."""

    def __init__(self, store: Any, books: BooksServer, hub: Hub, service: Service, http: aiohttp.ClientSession) -> None:
        self.store = store
        self.books = books
        self.hub = hub
        self.service = service
        self.http = http

    @property
    def ledger(self) -> Ledger:
        return self.hub.desk.ledger

    async def post(self, url: str, body: Any, headers: dict[str, str] | None = None, *, ok: bool = True) -> Any:
        async with self.http.post(url, data=msgspec.json.encode(body), headers=headers) as answer:
            text = await answer.read()
            assert not ok or answer.status < 300, (url, answer.status, text)
            return msgspec.json.decode(text)

    async def get(self, url: str, headers: dict[str, str] | None = None) -> Any:
        async with self.http.get(url, headers=headers) as answer:
            text = await answer.read()
            assert answer.status < 300, (url, answer.status, text)
            return msgspec.json.decode(text)

    @property
    def shop_admin(self) -> dict[str, str]:
        return {"X-Sandbox-Key": self.store.admin_key}

    @property
    def shop_api(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.store.api_key}"}

    async def stock(self, goods: dict[str, int], price: int = 50_000) -> None:
        """The same products with the same stock on both sides."""
        await self.post(
            f"{self.store.url}/sandbox/products",
            {
                "products": [
                    {"sku": s, "name": f"Barang {s}", "price": str(price), "stock": n} for s, n in goods.items()
                ]
            },
            self.shop_admin,
        )
        await self.post(
            f"{self.books.url}/sandbox/seed",
            {
                "products": [{"code": s, "name": f"Barang {s}", "price": str(price)} for s in goods],
                "stock": [{"code": s, "on_hand": str(n)} for s, n in goods.items()],
            },
            self.books.admin,
        )

    async def checkout(
        self, *lines: tuple[str, int], method: str = "qris", name: str = "Budi Santoso", **more: Any
    ) -> Any:
        body = {
            "lines": [{"sku": sku, "quantity": n} for sku, n in lines],
            "buyer": {"name": name, "phone": more.pop("phone", "0812-3456-7890"), "email": more.pop("email", "")},
            "payment_method": method,
            **more,
        }
        return await self.post(f"{self.store.url}/checkout", body)

    async def act(self, order: Any, what: str, body: Any | None = None) -> Any:
        """Something that happens to an order: pay, payments, cancel, refunds, exchanges, shipments, edit."""
        if what == "edit":
            url = f"{self.store.url}/api/orders/{order['id']}"
            async with self.http.patch(url, data=msgspec.json.encode(body), headers=self.shop_api) as answer:
                assert answer.status < 300, await answer.text()
                return await answer.json()
        place = "orders" if what == "pay" else "api/orders"
        return await self.post(f"{self.store.url}/{place}/{order['id']}/{what}", body or {}, self.shop_api)

    async def transfer(self, order: Any, **more: Any) -> None:
        """The buyer transfers, and the bank's feed reaches the books."""
        body = {"order_id": order["id"], **more}
        await self.post(f"{self.store.url}/sandbox/bank/transfers", body, self.shop_admin)
        forward = {"books": self.books.url, "key": self.books.config.admin_key, "account": "bank"}
        await self.post(f"{self.store.url}/sandbox/bank/forward", forward, self.shop_admin)

    async def truth(self) -> Any:
        return await self.get(f"{self.books.url}/sandbox/truth", self.books.admin)

    async def shop_truth(self) -> Any:
        return await self.get(f"{self.store.url}/sandbox/truth", self.shop_admin)

    async def sync(self, timeout: float = 120.0) -> None:
        """Poll everything and wait until nothing is left to do."""
        for name, connector in self.hub.connectors.items():
            for kind in connector.capabilities.sources:
                self.service.wake(name, kind)
        assert await self.service.settle(timeout), await self.stuck()

    async def stuck(self) -> str:
        lanes = {name: lane.error for name, lane in self.service.lanes.items() if not lane.idle or lane.error}
        waiting = await self.hub.desk(self.ledger.coverage.waiting)
        return f"still busy: {lanes} {waiting[:5]} {self.service.stocks}"


@contextlib.asynccontextmanager
async def a_world(
    path: Path | str,
    *,
    policy: Policy = POLICY,
    books: BooksConfig | None = None,
    store: StoreConfig | None = None,
    schedules: dict[str, str] | None = None,
    start: bool = True,
    more: Mapping[str, Connector] | None = None,
    feeds: Sequence[Feed] = (),
) -> AsyncIterator[World]:
    """Start everything on free loopback ports and stop it again."""
    async with serve_books(books or BooksConfig()) as b, serve_store(store or StoreConfig()) as s:
        desk = Desk(open_ledger(path, Plain()))
        connectors: dict[str, Connector] = {
            "toko": STORE.build(
                {"base_url": s.url, "api_key": s.api_key, "webhook_secret": s.webhook_secret},
                Tools("toko", "Asia/Jakarta", Tokens(), time.time),
            ),
            "buku": BOOKS.build(
                {
                    "base_url": b.url,
                    "client_id": b.config.client_id,
                    "client_secret": b.config.client_secret,
                    "grant": "client_credentials",
                    "visibility_lag": "0.3",
                },
                Tools("buku", "Asia/Jakarta", Tokens(), time.time),
            ),
        }
        connectors |= dict(more or {})
        hub = Hub(desk, connectors, [Pair("toko", "buku", policy)], feeds=feeds)
        save_feeds(desk.ledger, feeds, 0)
        set_pairs(desk.ledger, hub.pairs)
        await hub.start()
        slow = dict.fromkeys(
            ("order", "product", "contact", "bank_transaction", "receipt", "journal", "reread"), "every 60s"
        )
        service = Service(hub, slow | {"stock": "every 60s"} | (schedules or {}))
        async with aiohttp.ClientSession() as http:
            if start:
                await service.start()
            try:
                yield World(s, b, hub, service, http)
            finally:
                await service.stop()
                await hub.close()


__all__ = ["FaultSettings", "Policy", "Product", "World", "a_world"]
