"""A bare client of the sandbox store, and things to send."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import msgspec

from selaras.sandbox.store import StoreConfig, StoreServer, serve_store


class Got(NamedTuple):
    """An answer: status, JSON and lower-case headers."""

    status: int
    json: Any
    headers: dict[str, str]


class Caller:
    """Calls one store: as a buyer, as a program with the API key, or as the sandbox's admin."""

    def __init__(self, store: StoreServer, session: aiohttp.ClientSession) -> None:
        self.store = store
        self.session = session

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Got:
        data = None if body is None else msgspec.json.encode(body)
        async with self.session.request(method, self.store.url + path, data=data, headers=headers) as answer:
            content = await answer.read()
            names = {name.lower(): value for name, value in answer.headers.items()}
            return Got(answer.status, msgspec.json.decode(content), names)

    async def api(self, method: str, path: str, body: Any = None) -> Got:
        """With the API key."""
        return await self(method, path, body, Authorization=f"Bearer {self.store.api_key}")

    async def admin(self, method: str, path: str, body: Any = None) -> Got:
        """With the admin's key."""
        return await self(method, path, body, **{"X-Sandbox-Key": self.store.admin_key})


@asynccontextmanager
async def calling(config: StoreConfig | None = None) -> AsyncIterator[Caller]:
    """A store that listens, and a client of it."""
    async with serve_store(config) as store, aiohttp.ClientSession() as session:
        yield Caller(store, session)


def product(sku: str, price: str = "10000", stock: int = 10, **more: Any) -> dict[str, Any]:
    """A product for the bulk load."""
    return {"sku": sku, "price": price, "stock": stock, **more}


def basket(*skus: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
    """A basket of these products."""
    return {"lines": [{"sku": sku, "quantity": quantity} for sku in skus], **more}
