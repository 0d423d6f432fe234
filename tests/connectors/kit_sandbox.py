"""The rigs of the sandbox: a store and books that run in this process, with every lever of the contract kit."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
from aiohttp import web

from selaras.connectors import sandbox_books, sandbox_store
from selaras.connectors.contract import Connector, Tools, Webhook
from selaras.connectors.kit import BooksRig, Held, StoreRig, Truth
from selaras.connectors.sandbox_books import SandboxBooks
from selaras.sandbox.books.config import BooksConfig
from selaras.sandbox.books.server import BooksServer, serve_books
from selaras.sandbox.faults import FaultSettings
from selaras.sandbox.store import changes
from selaras.sandbox.store.bulk import load_products
from selaras.sandbox.store.config import StoreConfig
from selaras.sandbox.store.http import Keys
from selaras.sandbox.store.records import Order
from selaras.sandbox.store.requests import Basket, ChargeIn, EditIn, LineIn, PayIn, ProductIn, RefundIn
from selaras.sandbox.store.server import StoreServer, serve_store
from selaras.sandbox.store.webhooks import TOPICS, Subscription
from tests.connectors.kit_servers import served
from tests.connectors.kit_signin import MemoryTokenStore

Wrap = Callable[[Connector], Connector]


def as_it_is(connector: Connector) -> Connector:
    """The connector itself; mutants wrap it."""
    return connector


class SandboxStoreRig(StoreRig):
    """A sandbox store and connectors to it."""

    def __init__(self, server: StoreServer, stack: AsyncExitStack, amounts: str, wrap: Wrap) -> None:
        self.server = server
        self.shop = server.shop
        self.currency = server.shop.config.currency
        self._stack = stack
        self._amounts = amounts
        self._wrap = wrap
        self._turn = 0
        self._codes = [f"KIT-{n}" for n in range(6)]
        goods = [
            ProductIn(sku=code, name=f"Barang {code}", price=Decimal(33_333 + 1_111 * n), stock=100_000)
            for n, code in enumerate(self._codes)
        ]
        load_products(self.shop, goods)

    async def connector(self, *, clock_skew: float = 0.0) -> Connector:
        settings = {
            "base_url": self.server.url,
            "api_key": self.server.api_key,
            "webhook_secret": self.server.webhook_secret,
            "amounts": self._amounts,
        }
        tools = Tools("toko", self.zone, None, lambda: time.time() + clock_skew)
        made = sandbox_store.build(settings, tools)
        self._stack.push_async_callback(made.close)
        return self._wrap(made)

    async def calm(self) -> None:
        self.server.faults.settings = FaultSettings()

    async def fail_before(self) -> None:
        self.server.faults.set(fail_before=1.0)

    async def fail_after(self) -> None:
        self.server.faults.set(fail_after=1.0)

    async def throttle(self, seconds: float) -> None:
        self.server.faults.set(throttle=1.0, throttle_seconds=seconds)

    async def refuse_credentials(self) -> None:
        self.server.app._keys = Keys(self.server.admin_key, "another key", "yet another")

    def _basket(self) -> Basket:
        self._turn += 1
        codes = self._codes[self._turn % 5 :][:2]
        lines = [LineIn(sku=code, quantity=1 + self._turn % 3, discount=Decimal(self._turn % 7)) for code in codes]
        return Basket(
            lines=lines,
            tax_rate=Decimal("0.11"),
            prices_include_tax=bool(self._turn % 2),
            shipping=ChargeIn(name="JNE", amount=Decimal(9_001), tax_rate=Decimal("0.011")),
            discount=ChargeIn(name="KODE", amount=Decimal(501 + self._turn % 10)),
        )

    async def truth(self) -> dict[str, Truth]:
        return {str(o.id): self._truth_of(o) for o in self.shop.orders.values() if o.status != "draft"}

    def _truth_of(self, order: Order) -> Truth:
        return Truth(
            id=str(order.id),
            number=order.number,
            total=order.total,
            currency=order.currency,
            placed_at=order.placed_at,
            paid=self.shop.paid(order),
            refunded=self.shop.refunded(order),
        )

    async def place_orders(self, count: int, *, same_second: bool = False) -> list[str]:
        if same_second:
            self.server.clock.freeze()
        made = [self.shop.checkout(self._basket()) for _ in range(count)]
        self.server.clock.run()
        return [str(order.id) for order in made]

    async def set_time(self, now: dt.datetime) -> None:
        self.server.clock.set(now.isoformat())

    async def modify(self, ids: Sequence[str]) -> None:
        for id in ids:
            self._turn += 1
            changes.edit(self.shop, int(id), EditIn(note=f"diubah {self._turn}"))

    @asynccontextmanager
    async def _silent(self) -> AsyncIterator[None]:
        before = self.shop.config
        self.shop.config = msgspec.structs.replace(before, silent_money=True)
        try:
            yield
        finally:
            self.shop.config = before

    async def pay(self, id: str, amount: Decimal) -> None:
        async with self._silent():
            self.shop.pay(int(id), PayIn(amount=amount), "gateway")

    async def refund(self, id: str, amount: Decimal) -> None:
        async with self._silent():
            changes.refund(self.shop, int(id), RefundIn(amount=amount))

    async def draft(self) -> str:
        return str(self.shop.save_cart(self._basket()).id)

    async def trash(self, id: str) -> None:
        changes.trash(self.shop, int(id))

    async def deliveries(self, ids: Sequence[str]) -> list[Webhook]:
        """By the store's own code, up to the point where it would send them; within one second, so of one id."""
        hooks = self.server.webhooks
        for _ in range(5):
            caught: list[Webhook] = []

            async def catch(url: str, body: bytes, headers: dict[str, str], into: list[Webhook] = caught) -> int:
                lower = {name.lower(): value for name, value in headers.items()}
                into.append(Webhook(lower, body, dt.datetime.now(dt.UTC)))
                return 200

            subscription = Subscription(900, "http://127.0.0.1/", list(TOPICS), self.server.webhook_secret)
            hooks.subscriptions[900] = subscription
            post, hooks._post = hooks._post, catch  # type: ignore[method-assign]
            try:
                for id in ids:
                    await hooks._deliver(subscription, "order.updated", int(id), 1)
            finally:
                hooks._post = post  # type: ignore[method-assign]
                del hooks.subscriptions[900]
            if len({webhook.headers["x-store-delivery"] for webhook in caught}) == 1:
                return caught
        raise AssertionError("five times the second changed between deliveries")

    async def ping(self) -> Webhook:
        form = {"content-type": "application/x-www-form-urlencoded"}
        return Webhook(form, b"webhook_id=1", dt.datetime.now(dt.UTC))

    async def receiver(self) -> str:
        async def take(request: web.Request) -> web.Response:
            return web.Response()

        return await self._stack.enter_async_context(served(take)) + "/hook"

    async def kill_webhook(self) -> None:
        for subscription in self.server.webhooks.subscriptions.values():
            subscription.status = "disabled"

    async def live_webhooks(self) -> int:
        return sum(s.status == "active" for s in self.server.webhooks.subscriptions.values())

    async def products(self) -> list[str]:
        return self._codes

    async def sell(self, code: str, quantity: int) -> None:
        self.shop.checkout(Basket(lines=[LineIn(sku=code, quantity=quantity)]))

    async def stock(self, code: str) -> Decimal:
        product = self.shop.goods.by_sku(code)
        assert product is not None
        return Decimal(self.shop.goods.stock[product.id].available)


@asynccontextmanager
async def store_rig(
    *, amounts: str = "major", currency: str = "IDR", wrap: Wrap = as_it_is
) -> AsyncIterator[SandboxStoreRig]:
    """A fresh store with six products."""
    config = StoreConfig(amounts="minor" if amounts == "minor" else "major", currency=currency, seed=7)
    async with serve_store(config) as server, AsyncExitStack() as stack:
        yield SandboxStoreRig(server, stack, amounts, wrap)


TABLES = {
    "contact": "contacts",
    "sales_order": "sales_orders",
    "invoice": "invoices",
    "receipt": "receipts",
    "credit_note": "credit_notes",
    "refund_payment": "refund_payments",
    "journal": "journals",
}


class SandboxBooksRig(BooksRig):
    """Sandbox books and connectors to them, all with one grant."""

    LAG = 0.3

    def __init__(self, server: BooksServer, stack: AsyncExitStack, grant: str, wrap: Wrap) -> None:
        self.server = server
        self.state = server.state
        self.currency = server.config.currency
        self.foreign = "IDR" if self.currency == "USD" else "USD"
        self.tokens = MemoryTokenStore()
        self._stack = stack
        self._grant = grant
        self._wrap = wrap
        self._lag = 0.0
        self._contact = ""
        self._codes = ["KIT-A", "KIT-B", "KIT-C"]

    async def prepare(self) -> None:
        """Load a customer and products through the admin's door, and sign in as a person would."""
        load = {
            "contacts": [{"reference": "KIT-customer", "name": "Pembeli"}],
            "products": [{"code": code, "name": f"Barang {code}"} for code in self._codes],
            "stock": [{"code": code, "on_hand": "100000"} for code in self._codes],
        }
        async with (
            aiohttp.ClientSession(headers=self.server.admin) as session,
            session.post(self.server.url + "/sandbox/seed", json=load) as answer,
        ):
            seeded = await answer.json()
            assert answer.status == 200, seeded
        self._contact = seeded["contacts"][0]["id"]
        if self._grant == "authorization_code":
            await self._sign_in()

    async def _sign_in(self) -> None:
        connector = self._build(0.0)
        sign_in = connector.oauth.authorization_url()
        async with (
            aiohttp.ClientSession() as session,
            session.get(sign_in.url + "&auto=1", allow_redirects=False) as answer,
        ):
            back = parse_qs(urlsplit(answer.headers["Location"]).query)
        await connector.oauth.exchange(back["code"][0], back["state"][0], sign_in.state, sign_in.verifier)

    def _build(self, clock_skew: float) -> SandboxBooks:
        settings = {
            "base_url": self.server.url,
            "client_id": self.server.config.client_id,
            "client_secret": self.server.config.client_secret,
            "grant": self._grant,
            "redirect_uri": "http://127.0.0.1:9/back",
            "visibility_lag": str(self.LAG),
            "rate": "2000",
            "parallel": "32",
        }
        zone = self.server.config.zone
        made = sandbox_books.build(settings, Tools("buku", zone, self.tokens, lambda: time.time() + clock_skew))
        self._stack.push_async_callback(made.close)
        return made

    async def connector(self, *, clock_skew: float = 0.0) -> Connector:
        return self._wrap(self._build(clock_skew))

    async def calm(self) -> None:
        self.server.faults.settings = FaultSettings(search_lag=self._lag)

    async def fail_before(self) -> None:
        self.server.faults.set(fail_before=1.0)

    async def fail_after(self) -> None:
        self.server.faults.set(fail_after=1.0)

    async def half_batch(self) -> None:
        self.server.faults.set(half_batch=1.0)

    async def throttle(self, seconds: float) -> None:
        self.server.faults.set(throttle=1.0, throttle_seconds=seconds)

    async def slow_search(self) -> None:
        self._lag = self.LAG
        self.server.faults.set(search_lag=self.LAG)

    async def refuse_credentials(self) -> None:
        grants = self.server.app.grants
        grants.revoke_all()
        # Whoever signs in with id and secret alone would sign in again.
        grants.config = msgspec.structs.replace(grants.config, client_secret="another secret")

    async def expire_tokens(self) -> None:
        self.server.app.grants.expire()

    async def tokens_granted(self) -> int:
        counts = self.server.app.grants.counts
        return sum(counts[name] for name in ("authorization_code", "refresh_token", "client_credentials"))

    async def close_period(self, until: dt.date) -> None:
        self.state.closed_until = until

    async def held(self, kind: str, reference: str) -> list[Held]:
        table = self.state.tables[TABLES[kind]]
        found = [table.rows[id] for id in table.references.get(reference, ())]
        rows = [row for row in found if not getattr(row, "document_kind", "")]
        return [Held(row.id, getattr(row, "total", None), getattr(row, "status", "") == "void") for row in rows]

    async def contact_id(self) -> str:
        return self._contact

    async def products(self) -> list[str]:
        return self._codes

    async def account(self) -> str:
        return "acc-1-1000"

    async def fee_account(self) -> str:
        return "acc-6-1010"

    async def clearing_account(self) -> str:
        return "acc-1-1050"

    async def bank_line(self, amount: Decimal) -> str:
        day = (await self.open_day()).isoformat()
        item = {"date": day, "amount": str(amount), "currency": self.currency}
        async with (
            aiohttp.ClientSession(headers=self.server.admin) as session,
            session.post(self.server.url + "/sandbox/bank", json={"items": [item]}) as answer,
        ):
            return str((await answer.json())["results"][0]["id"])

    async def explained(self, id: str) -> Decimal:
        return self.state.bank_transactions.rows[id].explained

    async def owed(self, invoice_id: str) -> Decimal:
        return self.state.invoices.rows[invoice_id].balance

    async def open_day(self) -> dt.date:
        return dt.datetime.now(ZoneInfo(self.server.config.zone)).date()


@asynccontextmanager
async def books_rig(
    *,
    grant: str = "authorization_code",
    currency: str = "IDR",
    unique_references: bool = True,
    wrap: Wrap = as_it_is,
) -> AsyncIterator[SandboxBooksRig]:
    """Fresh books with a customer and three products."""
    config = BooksConfig(currency=currency, unique_references=unique_references, seed=7)
    async with serve_books(config) as server, AsyncExitStack() as stack:
        rig = SandboxBooksRig(server, stack, grant, wrap)
        await rig.prepare()
        yield rig
