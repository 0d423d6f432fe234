"""The contract kit's levers on a live Vendure, with a proxy in front of it for what can go wrong on the way."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any, ClassVar

import aiohttp
import msgspec
from aiohttp import web

from selaras.connectors.contract import Connector, Tools, Webhook
from selaras.connectors.kit import StoreRig, Truth
from selaras.connectors.vendure import build
from selaras.model.money import rounded
from tests.connectors.kit_servers import served
from tests.peers.vendure import SECRET, Server
from tests.peers.vendure_desk import Channel, major

ZONE = "Asia/Jakarta"
CODES = ("KIT-0", "KIT-1", "KIT-2", "KIT-3")
PAGE = 6
Wrap = Callable[[Connector], Connector]


def as_it_is(connector: Connector) -> Connector:
    """The connector itself; mutants wrap it."""
    return connector


def settings_for(channel: Channel, who: tuple[str, str], url: str = "", **more: str) -> dict[str, str]:
    """Settings of a connection that signs in."""
    return {
        "base_url": url or channel.url, "username": who[0], "password": who[1], "channel": channel.token,
        "webhook_secret": SECRET, "rate": "2000", "parallel": "8", "visibility_lag": "0.2", **more,
    }  # fmt: skip


class Proxy:
    """Passes calls on to Vendure, as long as it is told to. `mode` is before, after, throttle or nothing."""

    def __init__(self, target: str, session: aiohttp.ClientSession) -> None:
        self.target = target
        self.mode = ""
        self.wait = 0.0
        self.turn = 0
        self.calls: list[str] = []
        self.chance: Callable[[], str] = str
        self._session = session

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        body = await request.read()
        query = str(msgspec.json.decode(body)["query"])
        login = "login(" in query
        writing = query.startswith("mutation") and not login
        self.calls.append(query)
        mode = self.mode or ("" if login else self.chance())
        if mode == "throttle":
            return web.Response(status=429, headers={"Retry-After": str(int(self.wait))})
        if mode == "before" and (writing or not self.mode):
            return self._lost(request)
        kept = {n: v for n, v in request.headers.items() if n.lower() in _PASSED}
        async with self._session.post(self.target + request.path, data=body, headers=kept) as answer:
            back = {
                n: v for n, v in answer.headers.items() if n.lower() in ("vendure-auth-token", "content-type", "date")
            }
            said = web.Response(status=answer.status, body=await answer.read(), headers=back)
        if mode == "after" and writing:
            return self._lost(request)
        return said

    def _lost(self, request: web.Request) -> web.StreamResponse:
        """The ways of losing an answer take turns: an error page, a broken connection, half an answer."""
        self.turn += 1
        if self.turn % 3 == 0:
            return web.Response(status=502, text="<h1>Bad Gateway</h1>", content_type="text/html")
        if self.turn % 3 == 1:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.Response(status=200, text='{"data": {"upda', content_type="application/json")


_PASSED = frozenset({"authorization", "vendure-token", "vendure-api-key", "content-type"})


class VendureRig(StoreRig):
    """A channel with four products, and connectors to it."""

    zone = ZONE
    reasons: ClassVar[dict[str, str]] = {
        "set_time": "Vendure takes its stamps from its machine and database; their clocks are the test machine's",
        "trash": "Vendure has no way to delete an order that was placed",
        "ping": "the plugin sends no ping: there is no registration to be tried",
    }

    def __init__(
        self, server: Server, channel: Channel, proxy: Proxy, url: str, stack: AsyncExitStack, wrap: Wrap
    ) -> None:
        self.server = server
        self.channel = channel
        self.proxy = proxy
        self.who = server.hub(channel)
        self._url = url
        self._stack = stack
        self._wrap = wrap
        self._turn = 0

    async def connector(self, *, clock_skew: float = 0.0) -> Connector:
        tools = Tools("toko", ZONE, None, lambda: time.time() + clock_skew)
        made = build(settings_for(self.channel, self.who, self._url, page=str(PAGE)), tools)
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
        await asyncio.to_thread(self.channel.dismiss, self.who[0])

    async def truth(self) -> dict[str, Truth]:
        return {row["id"]: _truth(row) for row in await asyncio.to_thread(self.channel.placed)}

    async def place_orders(self, count: int, *, same_second: bool = False) -> list[str]:
        def place() -> list[str]:
            ids = [self._place() for _ in range(count)]
            if same_second:
                now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
                listed = ", ".join(ids)
                self.channel.sql(
                    f'UPDATE "order" SET "updatedAt" = \'{now}\', "orderPlacedAt" = \'{now}.000\''
                    f" WHERE id IN ({listed})"
                )
            return ids

        return await asyncio.to_thread(place)

    def _place(self) -> str:
        self._turn += 1
        turn = self._turn
        lines = [(CODES[(turn + n) % 4], 1 + (turn + n) % 5) for n in range(1 + turn % 2)]
        method = "transfer" if turn % 2 else "qris"
        return self.channel.checkout(*lines, method=method, coupons=["HEMAT7"] if turn % 3 == 0 else [])

    async def modify(self, ids: Sequence[str]) -> None:
        for id in ids:
            self._turn += 1
            await asyncio.to_thread(self.channel.touch, id, f"Kota {self._turn}")

    async def pay(self, id: str, amount: Decimal) -> None:
        assert amount == (await self.truth())[id].total
        await asyncio.to_thread(self.channel.settle, id)

    async def refund(self, id: str, amount: Decimal) -> None:
        await asyncio.to_thread(self.channel.refund, id, amount)

    async def draft(self) -> str:
        shop = await asyncio.to_thread(self.channel.cart, ("KIT-0", 1))
        return str((await asyncio.to_thread(shop.one, "{ activeOrder { id } }"))["id"])

    async def deliveries(self, ids: Sequence[str]) -> list[Webhook]:
        """As the plugin sent them, the last one of each order."""
        heard: dict[str, Webhook] = {}
        for _ in range(1800):
            heard = {
                str(msgspec.json.decode(mail.body)["id"]): mail
                for mail in self.server.mail.taken
                if b"order" in mail.body
            }
            if set(ids) <= set(heard):
                break
            await asyncio.sleep(0.1)
        return [heard[id] for id in ids]

    async def sell(self, code: str, quantity: int) -> None:
        await asyncio.to_thread(self.channel.checkout, (code, quantity))

    async def stock(self, code: str) -> Decimal:
        there, held = await asyncio.to_thread(self.channel.shelf, code)
        return Decimal(there - held)

    async def products(self) -> list[str]:
        return list(CODES)


def _truth(row: dict[str, Any]) -> Truth:
    paid = sum((major(p["amount"]) for p in row["payments"] if p["state"] == "Settled"), Decimal(0))
    back = sum((major(r["total"]) for p in row["payments"] for r in p["refunds"]), Decimal(0))
    currency = row["currencyCode"]
    return Truth(
        row["id"], row["code"], rounded(major(row["totalWithTax"]), currency), currency,
        dt.datetime.fromisoformat(row["orderPlacedAt"]), rounded(paid, currency), rounded(back, currency),
    )  # fmt: skip


@asynccontextmanager
async def vendure_rig(server: Server, channel: Channel, *, wrap: Wrap = as_it_is) -> AsyncIterator[VendureRig]:
    """A fresh channel with goods."""
    await asyncio.to_thread(channel.goods, dict.fromkeys(CODES, 100_000), Decimal(33_333))
    await asyncio.to_thread(channel.coupon, "HEMAT7", 7)
    async with aiohttp.ClientSession(auto_decompress=True) as session, AsyncExitStack() as stack:
        proxy = Proxy(channel.url, session)
        url = await stack.enter_async_context(served(proxy.handle))
        yield VendureRig(server, channel, proxy, url, stack, wrap)
