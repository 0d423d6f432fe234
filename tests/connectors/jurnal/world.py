"""The flows' world with Jurnal: the sandbox store, the stand-in, and the service between them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from selaras.connectors.contract import Tools
from selaras.connectors.jurnal import build
from selaras.connectors.sandbox_store import CONNECTOR as STORE
from selaras.engine.service import Service
from selaras.ledger import Desk as LedgerDesk
from selaras.ledger import open_ledger
from selaras.rules.plan_types import Policy
from selaras.sandbox.store import StoreConfig, serve_store
from selaras.sync.hub import Hub, Pair
from tests.connectors.jurnal.rig import ZONE, settings_for
from tests.connectors.jurnal.standin import StandIn, serve_jurnal
from tests.connectors.kit_signin import MemoryTokenStore
from tests.sync.target import Plain

POLICY = Policy(
    bank_methods=frozenset({"transfer"}),
    accounts={"transfer": "1-10099", "qris": "1-10003"},
    default_account="1-10003",
    zone=ZONE,
    roles=frozenset({"sales", "shipping", "fee", "discount"}),
)
SLOW = dict.fromkeys(
    ("order", "product", "contact", "bank_transaction", "receipt", "journal", "reread", "stock"), "every 600s"
)


class World:
    """Actors speak HTTP to the store like anybody else, and see the stand-in's books from inside."""

    def __init__(self, store: Any, books: StandIn, hub: Hub, service: Service, http: aiohttp.ClientSession) -> None:
        self.store = store
        self.books = books
        self.hub = hub
        self.service = service
        self.http = http
        self.schedules = SLOW

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
            self.books.books.add_product(code, count)

    async def checkout(self, *lines: tuple[str, int], method: str = "qris", phone: str, **more: Any) -> Any:
        """A buyer checks out; a telephone number makes the buyer."""
        body = {
            "lines": [{"sku": sku, "quantity": n} for sku, n in lines],
            "buyer": {"name": "Budi Santoso", "phone": phone, "email": ""},
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
        self.service = Service(self.hub, self.schedules)
        await self.service.start()

    async def stuck(self) -> str:
        lanes = {name: lane.error for name, lane in self.service.lanes.items() if not lane.idle or lane.error}
        waiting = await self.hub.desk(self.hub.desk.ledger.coverage.waiting)
        return f"still busy: {lanes} {waiting[:5]}"

    async def causes(self) -> list[str]:
        """What is blocked, and why."""
        return [str(one) for one in await self.hub.desk(self.hub.desk.ledger.coverage.causes)]

    # -- Jurnal's side of one order ---------------------------------------------------------------------------------

    def sale(self, order: Any) -> Any:
        """What the books hold of an order: documents by their references."""
        number, tables = order["number"], self.books.books.tables

        def ours(table: str, *fields: str) -> list[Any]:
            return [
                row
                for row in tables[table].values()
                if any(str(row.get(f) or "").split("/")[0] == number for f in fields)
            ]

        orders = ours("sales_orders", "transaction_no")
        bills = ours("sales_invoices", "transaction_no")
        credits = [*ours("credit_memos", "memo"), *ours("sales_returns", "memo")]
        money_in = [*ours("receive_payments", "memo"), *ours("sales_order_payments", "memo")]
        money_in += ours("bank_deposits", "memo")
        out = ours("bank_withdrawals", "memo")
        billed = sum((Decimal(str(b["original_amount"])) for b in bills), Decimal(0))
        billed -= sum((Decimal(str(c.get("original_amount") or c["return_amount"])) for c in credits), Decimal(0))
        money = sum((_amount(m) for m in money_in), Decimal(0)) - sum((_amount(m) for m in out), Decimal(0))
        return {
            "orders": orders, "bills": bills, "credits": credits, "in": money_in, "out": out, "billed": billed,
            "money": money,
        }  # fmt: skip

    async def shelf(self, code: str) -> Decimal:
        """Pieces that the books can still promise."""
        (seen,) = await self.hub.connectors["buku"].read("stock", [code])
        return Decimal(seen.record.available)


def _amount(row: Any) -> Decimal:
    if "transaction_account_lines" in row:
        return sum((Decimal(p["debit"]) + Decimal(p["credit"]) for p in row["transaction_account_lines"]), Decimal(0))
    return Decimal(row["amount"])


@contextlib.asynccontextmanager
async def a_jurnal_world(
    path: Path,
    *,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] | None = None,
    sleep: Callable[[float], Awaitable[None]] | None = None,
    limits: bool = False,
    schedules: dict[str, str] | None = None,
    settings: dict[str, str] | None = None,
    start: bool = True,
) -> AsyncIterator[World]:
    """Start store, stand-in and service."""
    async with serve_store(StoreConfig()) as store, serve_jurnal(now=clock, limits=limits) as books:
        desk = LedgerDesk(open_ledger(path, Plain()))
        shop = {"base_url": store.url, "api_key": store.api_key, "webhook_secret": store.webhook_secret}
        known = settings_for(books, account_suspense="1-10099", **(settings or {}))
        clocks: dict[str, Any] = {} if monotonic is None else {"monotonic": monotonic, "sleep": sleep}
        connectors: dict[str, Any] = {
            "toko": STORE.build(shop, Tools("toko", ZONE, MemoryTokenStore(), clock)),
            "buku": build(known, Tools("buku", ZONE, MemoryTokenStore(), clock), **clocks),
        }
        hub = Hub(desk, connectors, [Pair("toko", "buku", POLICY)], clock)
        await hub.start()
        service = Service(hub, SLOW if schedules is None else schedules)
        async with aiohttp.ClientSession() as http:
            world = World(store, books, hub, service, http)
            world.schedules = SLOW if schedules is None else schedules
            if start:
                await service.start()
            try:
                yield world
            finally:
                await world.service.stop()
                await hub.close()
