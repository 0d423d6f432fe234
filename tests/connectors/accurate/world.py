"""The flows' world: the sandbox store, the stand-in of Accurate, and the service between them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from selaras.connectors import accurate
from selaras.connectors.contract import Tools
from selaras.connectors.oauth import Token
from selaras.connectors.sandbox_store import CONNECTOR as STORE
from selaras.engine.service import Service
from selaras.ledger import Desk as LedgerDesk
from selaras.ledger import open_ledger
from selaras.rules.plan_types import Policy
from selaras.sandbox.store import StoreConfig, serve_store
from selaras.sync.hub import Hub, Pair
from tests.connectors.accurate.rig import SETTINGS, ZONE, hurried
from tests.connectors.accurate.standin import CLIENT, SECRET, StandIn, running
from tests.connectors.kit_signin import MemoryTokenStore
from tests.sync.target import Plain

BANK, CLEARING = "1-1200", "1-1300"
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
    """Actors speak HTTP to the store like anybody else, and see the books of the stand-in from inside."""

    def __init__(self, store: Any, standin: StandIn, hub: Hub, service: Service, http: aiohttp.ClientSession) -> None:
        self.store = store
        self.standin = standin
        self.books = standin.books
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
        await self.post(f"{self.store.url}/sandbox/products", {"products": listed}, self.admin)
        for code, count in goods.items():
            self.books.item(code, f"Barang {code}", price=price, stock=count)

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

    async def causes(self) -> list[str]:
        """What is blocked, and why."""
        return [str(one) for one in await self.hub.desk(self.hub.desk.ledger.coverage.causes)]

    # -- Accurate's side of one order -------------------------------------------------------------------------------

    def of_order(self, entity: str, number: str) -> list[dict[str, Any]]:
        """Documents whose number is the order's or begins with it."""
        rows = self.books.of(entity).items()
        return [row for key, row in rows if key == number or key.startswith(f"{number}/")]

    def sale(self, order: Any) -> dict[str, Any]:
        """What Accurate holds of an order, down payments apart."""
        number = order["number"]
        bills = [row for row in self.of_order("sales-invoice", number) if not row["invoiceDp"]]
        deposits = [row for row in self.of_order("sales-invoice", number) if row["invoiceDp"]]
        returns, money = self.of_order("sales-return", number), self.of_order("sales-receipt", number)
        back = self.of_order("other-payment", number)
        return {
            "orders": self.of_order("sales-order", number),
            "bills": bills,
            "deposits": deposits,
            "billed": sum((b["totalAmount"] for b in bills), Decimal(0))
            - sum((r["totalAmount"] for r in returns), Decimal(0)),
            "kept": sum((m["chequeAmount"] for m in money), Decimal(0))
            - sum((p["chequeAmount"] for p in back), Decimal(0)),
        }

    async def shelf(self, code: str) -> Decimal:
        """Pieces that the books can still promise, as the connector reads it."""
        (seen,) = await self.hub.connectors["buku"].read("stock", [code])
        return Decimal(seen.record.available)


@contextlib.asynccontextmanager
async def an_accurate_world(
    path: Path, *, most: int = 0, settings: dict[str, str] | None = None, policy: Policy = POLICY
) -> AsyncIterator[World]:
    """Start store, stand-in and service. `most` enforces the vendor's limit (and the connector keeps it)."""
    async with serve_store(StoreConfig()) as store, running(StandIn(most=most)) as standin:
        for code in ("ONGKIR", "BIAYA", "JASA"):
            standin.books.item(code, kind="SERVICE")
        grant = standin.sign_in()
        tokens = MemoryTokenStore(Token(access=grant["access_token"], refresh=grant["refresh_token"]))
        desk = LedgerDesk(open_ledger(path, Plain()))
        shop = {"base_url": store.url, "api_key": store.api_key, "webhook_secret": store.webhook_secret}
        books = {
            "account_url": standin.url, "client_id": CLIENT, "client_secret": SECRET, "visibility_lag": "0",
            **SETTINGS, **(settings or {}),
        }  # fmt: skip
        connector = accurate.build(books, Tools("buku", ZONE, tokens, time.time))
        connectors = {
            "toko": STORE.build(shop, Tools("toko", ZONE, MemoryTokenStore(), time.time)),
            "buku": connector if most else hurried(connector),
        }
        hub = Hub(desk, connectors, [Pair("toko", "buku", policy)])
        await hub.start()
        service = Service(hub, _SLOW)
        async with aiohttp.ClientSession() as http:
            await service.start()
            world = World(store, standin, hub, service, http)
            try:
                yield world
            finally:
                await world.service.stop()
                await hub.close()
