"""The flows' world with real books: the sandbox store, a real Tryton, and the service between them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from selaras.connectors.contract import Tools
from selaras.connectors.sandbox_store import CONNECTOR as STORE
from selaras.connectors.tryton import CONNECTOR as BOOKS
from selaras.engine.service import Service
from selaras.ledger import Desk as LedgerDesk
from selaras.ledger import open_ledger
from selaras.rules.plan_types import Policy
from selaras.sandbox.store import StoreConfig, serve_store
from selaras.sync.hub import Hub, Pair
from tests.connectors.kit_signin import MemoryTokenStore
from tests.connectors.tryton.shop import BANK, CLEARING, ZONE, today
from tests.peers.tryton import Database
from tests.sync.target import Plain

POLICY = Policy(
    bank_methods=frozenset({"transfer"}),
    accounts={"transfer": BANK, "qris": CLEARING},
    default_account=CLEARING,
    zone=ZONE,
)
_SLOW = dict.fromkeys(
    ("order", "product", "contact", "bank_transaction", "receipt", "journal", "reread", "stock"), "every 60s"
)


class World:
    """Actors speak HTTP to the store like anybody else, and see Tryton from its desk."""

    def __init__(self, store: Any, database: Database, hub: Hub, service: Service, http: aiohttp.ClientSession) -> None:
        self.store = store
        self.desk = database.desk()
        self.hub = hub
        self.service = service
        self.http = http

    async def post(self, url: str, body: Any, headers: dict[str, str] | None = None) -> Any:
        async with self.http.post(url, data=msgspec.json.encode(body), headers=headers) as answer:
            text = await answer.read()
            assert answer.status < 300, (url, answer.status, text)
            return msgspec.json.decode(text)

    @property
    def admin(self) -> dict[str, str]:
        return {"X-Sandbox-Key": self.store.admin_key}

    @property
    def api(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.store.api_key}"}

    async def stock(self, goods: dict[str, int], price: int = 50_000) -> None:
        """The same products with the same stock on both sides."""
        listed = [{"sku": s, "name": f"Barang {s}", "price": str(price), "stock": n} for s, n in goods.items()]
        # Tryton first: goods are made there before they are counted, and a store that sold them already would for a
        # moment be told that there are none.
        await asyncio.to_thread(self.desk.goods, goods, Decimal(price))
        await self.post(f"{self.store.url}/sandbox/products", {"products": listed}, self.admin)

    async def checkout(self, *lines: tuple[str, int], method: str = "qris", phone: str, **more: Any) -> Any:
        """A buyer checks out; a telephone number makes the buyer."""
        body = {
            "lines": [{"sku": sku, "quantity": n} for sku, n in lines],
            "buyer": {"name": f"Pembeli {phone[-4:]}", "phone": phone, "email": ""},
            "payment_method": method,
            **more,
        }
        return await self.post(f"{self.store.url}/checkout", body)

    async def act(self, order: Any, what: str, body: Any | None = None) -> Any:
        """Something that happens to an order: pay, cancel, refunds, exchanges, shipments, edit."""
        if what == "edit":
            url = f"{self.store.url}/api/orders/{order['id']}"
            async with self.http.patch(url, data=msgspec.json.encode(body), headers=self.api) as answer:
                assert answer.status < 300, await answer.text()
                return await answer.json()
        place = "orders" if what == "pay" else "api/orders"
        return await self.post(f"{self.store.url}/{place}/{order['id']}/{what}", body or {}, self.api)

    async def shop_truth(self) -> Any:
        async with self.http.get(f"{self.store.url}/sandbox/truth", headers=self.admin) as answer:
            return msgspec.json.decode(await answer.read())

    async def sync(self, timeout: float = 120.0) -> None:
        """Poll everything and wait until nothing is left to do."""
        for name, connector in self.hub.connectors.items():
            for kind in connector.capabilities.sources:
                self.service.wake(name, kind)
        assert await self.service.settle(timeout), await self.stuck()

    async def restart(self) -> None:
        """The service ends in the middle of its work, and another one takes over."""
        await self.service.stop()
        self.service = Service(self.hub, _SLOW)
        await self.service.start()

    async def stuck(self) -> str:
        lanes = {name: lane.error for name, lane in self.service.lanes.items() if not lane.idle or lane.error}
        waiting = await self.hub.desk(self.hub.desk.ledger.coverage.waiting)
        return f"still busy: {lanes} {waiting[:5]}"

    async def causes(self) -> list[tuple[str, str]]:
        """What is blocked, and why."""
        found = await self.hub.desk(self.hub.desk.ledger.coverage.causes)
        return [(one.cause, str(one)) for one in found]

    # -- Tryton's side of one order ---------------------------------------------------------------------------------

    async def sale(self, order: Any) -> Any:
        """What Tryton holds of an order."""
        return await asyncio.to_thread(self._sale, order["number"])

    def _sale(self, number: str) -> Any:
        sales = self.desk.rows("sale.sale", [["reference", "=", number]], "state", "total_amount", "party")
        bills = self.desk.rows(
            "account.invoice",
            ["OR", ["reference", "=", number], ["reference", "like", f"{number}/%"]],
            "state", "total_amount", "reference", "party",
        )  # fmt: skip
        money = self.desk.rows(
            "account.statement.line",
            [["number", "like", f"{number}/%"], ["statement.state", "!=", "cancelled"]],
            "amount", "number", "statement.state",
        )  # fmt: skip
        balance = sum((b["total_amount"] for b in bills if b["state"] in ("posted", "paid")), Decimal(0))
        balance -= sum((m["amount"] for m in money), Decimal(0))
        return {"sales": sales, "bills": bills, "money": money, "balance": balance}

    def bank(self, text: str, amount: Decimal) -> None:
        """A line on the bank's statement, as an import leaves it."""
        journal = self.desk.one("account.statement.journal", [["name", "=", "Rekening BCA"]], "name")["id"]
        line = {"number": "TRX1", "date": today(), "amount": amount, "description": text}
        self.desk.create(
            "account.statement",
            {
                "name": "BCA", "date": today(), "company": self.desk.company, "journal": journal,
                "total_amount": amount, "origins": [["create", [line]]],
            },
        )  # fmt: skip

    async def shelf(self, code: str) -> Decimal:
        """Pieces that Tryton can still promise."""
        (seen,) = await self.hub.connectors["buku"].read("stock", [code])
        return Decimal(seen.record.available)


@contextlib.asynccontextmanager
async def a_tryton_world(
    path: Path, database: Database, *, url: str = "", settings: dict[str, str] | None = None, currency: str = "IDR"
) -> AsyncIterator[World]:
    """Start store and service over a running Tryton; `url` puts something between the two."""
    async with serve_store(StoreConfig(currency=currency)) as store:
        desk = LedgerDesk(open_ledger(path, Plain()))
        shop = {"base_url": store.url, "api_key": store.api_key, "webhook_secret": store.webhook_secret}
        books = {**database.settings, **({"base_url": url} if url else {}), **(settings or {})}
        connectors = {
            "toko": STORE.build(shop, Tools("toko", ZONE, MemoryTokenStore(), time.time)),
            "buku": BOOKS.build(books, Tools("buku", ZONE, MemoryTokenStore(), time.time)),
        }
        hub = Hub(desk, connectors, [Pair("toko", "buku", POLICY)])
        await hub.start()
        service = Service(hub, _SLOW)
        async with aiohttp.ClientSession() as http:
            await service.start()
            world = World(store, database, hub, service, http)
            try:
                yield world
            finally:
                await world.service.stop()
                await hub.close()


__all__ = ["World", "a_tryton_world", "today"]
