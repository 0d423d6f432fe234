"""The rig of the contract kit over a real Medusa, with a proxy in front of it for what can go wrong on the way."""

from __future__ import annotations

import asyncio
import datetime as dt
import email.utils
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any, ClassVar

import aiohttp
import psycopg
from aiohttp import web

from selaras.connectors import medusa
from selaras.connectors.contract import Connector, Tools, Webhook
from selaras.connectors.kit import StoreRig, Truth
from selaras.model.money import rounded
from tests.connectors.kit_servers import served
from tests.connectors.medusa.copies import Model, put, taken
from tests.peers.medusa import Server

ZONE = "Asia/Jakarta"
GOODS = ("KIT-0", "KIT-1", "KIT-2")
Wrap = Callable[[Connector], Connector]


class Proxy:
    """Passes calls on to Medusa, as long as it is told to. `shift` is how far its clock seems to be ahead."""

    def __init__(self, target: str, session: aiohttp.ClientSession) -> None:
        self.target = target
        self.mode = ""
        self.wait = 0.0
        self.turn = 0
        self.shift = dt.timedelta(0)
        self.calls: list[str] = []
        self.chance: Callable[[], str] = str
        self._session = session

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        mode = self.mode or self.chance()
        changing = request.method != "GET"
        self.calls.append(f"{request.method} {request.path}")
        if mode == "throttle":
            return web.Response(status=429, headers={"Retry-After": str(int(self.wait))})
        if mode == "before" and changing:
            return self._lost(request)
        answer = await self._pass(request, body)
        return self._lost(request) if mode == "after" and changing else answer

    def _lost(self, request: web.Request) -> web.StreamResponse:
        """The ways of losing an answer take turns: an error page, a broken connection, half an answer."""
        self.turn += 1
        if self.turn % 3 == 0:
            return web.Response(status=502, text="<h1>Bad Gateway</h1>", content_type="text/html")
        if self.turn % 3 == 1:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.Response(status=500, text='{"id": 1, "res', content_type="application/json")

    async def _pass(self, request: web.Request, body: bytes) -> web.StreamResponse:
        head = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in ("host", "content-length", "connection")
        }
        async with self._session.request(
            request.method, f"{self.target}{request.raw_path}", data=body, headers=head
        ) as answer:
            stamp = email.utils.parsedate_to_datetime(answer.headers["Date"]) + self.shift
            kept = {"Date": email.utils.format_datetime(stamp, usegmt=True)}
            kind = answer.headers.get("Content-Type", "text/plain").partition(";")[0]
            return web.Response(status=answer.status, body=await answer.read(), headers=kept, content_type=kind)


class Ear:
    """Takes what our plugin posts."""

    def __init__(self) -> None:
        self.heard: list[Webhook] = []

    async def take(self, request: web.Request) -> web.Response:
        head = {name.lower(): value for name, value in request.headers.items()}
        self.heard.append(Webhook(head, await request.read(), dt.datetime.now(dt.UTC)))
        return web.Response()

    async def about(self, text: str, event: str = "") -> Webhook:
        """The delivery that names `text`, as soon as it is there."""
        until = time.monotonic() + 180
        while time.monotonic() < until:
            for webhook in self.heard:
                if text.encode() in webhook.body and event.encode() in webhook.body:
                    return webhook
            await asyncio.sleep(0.02)
        raise AssertionError(f"no delivery about {text}: {[w.body for w in self.heard]}")


class MedusaRig(StoreRig):
    """A running Medusa without orders, and connectors that reach it through the proxy."""

    zone = ZONE
    reasons: ClassVar[dict[str, str]] = {
        "ping": "Medusa has no webhooks, and our plugin in the store sends no ping",
        "receiver": "Medusa has no webhooks to register: our plugin in the store is told the address",
    }
    models: ClassVar[dict[str, list[Model]]] = {}

    def __init__(self, server: Server, proxy: Proxy, url: str, ear: Ear, stack: AsyncExitStack, wrap: Wrap) -> None:
        self.server = server
        self.desk = server.desk
        self.proxy = proxy
        self.ear = ear
        self._url = url
        self._stack = stack
        self._wrap = wrap
        self._turn = 0
        self._key: dict[str, str] = {}
        self._id = ""

    async def prepare(self) -> None:
        """Goods, and some real orders of different kinds whose rows are then copied; once for each server."""
        if self.server.name not in self.models:
            self.models[self.server.name] = await asyncio.to_thread(self._models)

    def _models(self) -> list[Model]:
        there = self.desk.variants()
        self.desk.goods({code: 100_000 for code in GOODS if code not in there}, price=33_333)
        orders = [
            self.desk.checkout(("KIT-0", 1)),
            self.desk.checkout(("KIT-0", 2), ("KIT-1", 1), codes=["HEMAT10"]),
            self.desk.checkout(("KIT-2", 3), codes=["HEMAT10", "POTONG"], sending="free"),
        ]
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            made = [taken(connection, id) for id in orders]
        self.server.wipe()
        return made

    async def connector(self, *, clock_skew: float = 0.0) -> Connector:
        tools = Tools("toko", ZONE, None, lambda: time.time() + clock_skew)
        made = medusa.build({**self.server.settings, **self._key, "base_url": self._url}, tools)
        self._stack.push_async_callback(made.close)
        return self._wrap(made)

    async def calm(self) -> None:
        self.proxy.mode = ""

    async def fail_before(self) -> None:
        self.proxy.mode = "before"

    async def fail_after(self) -> None:
        self.proxy.mode = "after"

    async def throttle(self, seconds: float) -> None:
        self.proxy.mode, self.proxy.wait = "throttle", seconds

    async def refuse_credentials(self) -> None:
        """The key of this test's connector is revoked in Medusa itself; the others keep theirs."""
        await asyncio.to_thread(self.desk.admin, "POST", f"/api-keys/{self._id}/revoke", {})

    async def own_key(self) -> None:
        """A secret key for this test alone."""
        made = await asyncio.to_thread(
            self.desk.admin, "POST", "/api-keys", {"title": f"kit {time.time_ns()}", "type": "secret"}
        )
        self._key, self._id = {"secret_key": made["api_key"]["token"]}, str(made["api_key"]["id"])

    async def truth(self) -> dict[str, Truth]:
        return {order["id"]: _truth(order) for order in await asyncio.to_thread(self.desk.orders)}

    async def place_orders(self, count: int, *, same_second: bool = False) -> list[str]:
        now = dt.datetime.now(dt.UTC) + self.proxy.shift
        at = now.replace(microsecond=0) if same_second or self.proxy.shift else None
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            return put(connection, self.models[self.server.name], count, at)

    async def set_time(self, now: dt.datetime) -> None:
        self.proxy.shift = now - dt.datetime.now(dt.UTC)

    async def modify(self, ids: Sequence[str]) -> None:
        for id in ids:
            self._turn += 1
            body = {"email": f"diubah{self._turn}@example.test"}
            await asyncio.to_thread(self.desk.admin, "POST", f"/orders/{id}", body)

    async def pay(self, id: str, amount: Decimal) -> None:
        await asyncio.to_thread(self.desk.capture, id)

    async def refund(self, id: str, amount: Decimal) -> None:
        await asyncio.to_thread(self.desk.refund, id, amount)

    async def draft(self) -> str:
        return await asyncio.to_thread(self.desk.draft, ("KIT-0", 1))

    async def trash(self, id: str) -> None:
        """As a checkout leaves it that fails after the order was made: undone, and deleted (medusa #15122)."""
        self.server.sql('UPDATE "order" SET deleted_at = now() WHERE id = %s', id)

    async def deliveries(self, ids: Sequence[str]) -> list[Webhook]:
        """What our plugin posts when these orders are changed at the desk."""
        self.ear.heard.clear()
        await self.modify(ids)
        return [await self.ear.about(id) for id in ids]

    async def products(self) -> list[str]:
        return list(GOODS)

    async def stock(self, code: str) -> Decimal:
        level = await asyncio.to_thread(self.desk.level, code)
        return Decimal(level["on_hand"] - level["reserved"])


def _truth(order: Any) -> Truth:
    payments = [p for c in order["payment_collections"] for p in c.get("payments") or ()]
    return Truth(
        order["id"],
        str(order["display_id"]),
        rounded(Decimal(order["total"] + order["credit_line_total"]), "IDR"),
        "IDR",
        dt.datetime.fromisoformat(order["created_at"]),
        rounded(sum((c["amount"] for p in payments for c in p.get("captures") or ()), Decimal(0)), "IDR"),
        rounded(sum((r["amount"] for p in payments for r in p.get("refunds") or ()), Decimal(0)), "IDR"),
    )


def as_it_is(connector: Connector) -> Connector:
    """The connector itself; mutants wrap it."""
    return connector


@asynccontextmanager
async def medusa_rig(server: Server, *, wrap: Wrap = as_it_is) -> AsyncIterator[MedusaRig]:
    """A rig over a Medusa that was wiped."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=300)) as session,
        AsyncExitStack() as stack,
    ):
        ear = Ear()
        await stack.enter_async_context(served(ear.take, port=server.hints_port))
        proxy = Proxy(server.url, session)
        url = await stack.enter_async_context(served(proxy.handle))
        rig = MedusaRig(server, proxy, url, ear, stack, wrap)
        await rig.prepare()
        await rig.own_key()
        yield rig
