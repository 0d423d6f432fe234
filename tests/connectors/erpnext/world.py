"""The flows' world with ERPNext as books: the sandbox store, the stand-in, and the service between them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from selaras.connectors.contract import Tools
from selaras.connectors.erpnext import CONNECTOR as BOOKS
from selaras.connectors.sandbox_store import CONNECTOR as STORE
from selaras.engine.service import Service
from selaras.ledger import Desk, open_ledger
from selaras.rules.plan_types import Policy
from selaras.sandbox.store import StoreConfig, serve_store
from selaras.sync.hub import Hub, Pair
from tests.connectors.erpnext.rig import settings_for
from tests.connectors.erpnext.standin import ZONE, StandIn, serve_erpnext
from tests.connectors.erpnext.standin_people import BANK, CLEARING, STORES
from tests.connectors.kit_signin import MemoryTokenStore
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
    """Actors speak HTTP to the store like anybody else, and see ERPNext's tables from inside."""

    def __init__(self, store: Any, site: StandIn, hub: Hub, service: Service, http: aiohttp.ClientSession) -> None:
        self.store = store
        self.site = site
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

    async def stock(self, goods: dict[str, int], price: int = 50_000) -> None:
        """The same products with the same stock on both sides."""
        listed = [{"sku": s, "name": f"Barang {s}", "price": str(price), "stock": n} for s, n in goods.items()]
        await self.post(f"{self.store.url}/sandbox/products", {"products": listed}, self.admin)
        for code, pieces in goods.items():
            self.site.people.item(code, price=price + 1)
            self.site.selling.bin(code, STORES)["actual_qty"] = float(pieces)

    @property
    def api(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.store.api_key}"}

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

    # -- ERPNext's side ---------------------------------------------------------------------------------------------

    def docs(self, doctype: str, field: str, number: str) -> list[Any]:
        """The documents of an order, cancelled ones too."""
        table = self.site.db.table(doctype).values()
        return [d for d in table if d.get(field) == number or str(d.get(field) or "").startswith(f"{number}/")]

    def sale(self, order: Any) -> Any:
        """What ERPNext holds of an order: living orders, what was billed, money in and out, what the customer owes."""
        number = order["number"]
        orders = self.docs("Sales Order", "po_no", number)
        bills = [d for d in self.docs("Sales Invoice", "po_no", number) if d["docstatus"] == 1]
        money = [
            Decimal(str(d["paid_amount"])) * (1 if d["payment_type"] == "Receive" else -1)
            for d in self.docs("Payment Entry", "reference_no", number)
            if d["docstatus"] == 1
        ] + [-Decimal(str(d["total_debit"])) for d in self.docs("Journal Entry", "cheque_no", number)]
        past = {d.get("amended_from") for d in orders}
        return {
            "orders": [d for d in orders if d["name"] not in past],
            "billed": sum((Decimal(str(d["grand_total"])) for d in bills), Decimal(0)),
            "bills": bills,
            "money": sum(money, Decimal(0)),
            "references": [d["po_no"] for d in bills],
        }

    def ledger(self) -> Decimal:
        """Σ debit − Σ credit of everything that stands."""
        return sum((Decimal(str(e["amount"])) for e in self.site.db.gl if not e["is_cancelled"]), Decimal(0))

    def owed(self, customer: str) -> Decimal:
        """What a customer owes by the general ledger."""
        own = [e["amount"] for e in self.site.db.gl if e["party"] == customer and not e["is_cancelled"]]
        return sum((Decimal(str(amount)) for amount in own), Decimal(0))

    def bank(self, text: str, amount: Decimal) -> Any:
        """A line of the bank, as an import leaves it."""
        line = {
            "doctype": "Bank Transaction", "docstatus": 1, "date": self.site.db.today(), "deposit": float(amount),
            "bank_account": "Rekening BCA - BCA", "company": "PT Contoh Integrasi", "currency": "IDR",
            "description": text, "transaction_id": text,
        }  # fmt: skip
        return self.site.insert(line)

    def shelf(self, code: str) -> Decimal:
        """Pieces that ERPNext can still promise."""
        own = self.site.selling.bin(code, STORES)
        return Decimal(str(own["actual_qty"])) - Decimal(str(own["reserved_qty"]))


@contextlib.asynccontextmanager
async def an_erpnext_world(path: Path, **more: str) -> AsyncIterator[World]:
    """Start store, site and service."""
    async with serve_store(StoreConfig()) as store, serve_erpnext() as site:
        site.people.item("JASA", stocked=False)
        shop = {"base_url": store.url, "api_key": store.api_key, "webhook_secret": store.webhook_secret}
        connectors = {
            "toko": STORE.build(shop, Tools("toko", ZONE, MemoryTokenStore(), time.time)),
            "buku": BOOKS.build(settings_for(site, **more), Tools("buku", ZONE, MemoryTokenStore(), time.time)),
        }
        hub = Hub(Desk(open_ledger(path, Plain())), connectors, [Pair("toko", "buku", POLICY)])
        await hub.start()
        service = Service(hub, _SLOW)
        async with aiohttp.ClientSession() as http:
            await service.start()
            world = World(store, site, hub, service, http)
            try:
                yield world
            finally:
                await world.service.stop()
                await hub.close()
