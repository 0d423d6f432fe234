"""A small store of a made-up JSON API, served over real HTTP. Replace it last, by the vendor's API as it really is:
its paths, its shapes, its refusals, its habits. Say each habit with the page of the vendor's documentation it is from,
and take the personal data out of every answer that you record.

It is the other side, so it shares no code with the connector: a mistake made twice would be no mistake.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from itertools import count, cycle
from typing import Any

from aiohttp import web

API_KEY = "key-of-the-imitation"
CURRENCY = "IDR"
ZONE = "Asia/Jakarta"
TAX = Decimal("0.11")
CODES = ("MUG-1", "MUG-2", "TEA-1")


def whole(amount: Decimal) -> Decimal:
    """Rupiah have no decimals."""
    return amount.quantize(Decimal(1), ROUND_HALF_UP)


@dataclass
class Money:
    id: str
    amount: Decimal
    at: dt.datetime
    method: str = "transfer"


@dataclass
class Item:
    id: str
    code: str
    quantity: int
    unit_price: Decimal
    discount: Decimal
    tax: Decimal

    @property
    def net(self) -> Decimal:
        return whole(self.quantity * self.unit_price - self.discount)


@dataclass
class Order:
    id: str
    number: str
    status: str
    placed_at: dt.datetime
    updated_at: dt.datetime
    lines: list[Item]
    payments: list[Money] = field(default_factory=list)
    refunds: list[Money] = field(default_factory=list)
    note: str = ""

    @property
    def total(self) -> Decimal:
        return sum((line.net + line.tax for line in self.lines), Decimal(0))


@dataclass
class Goods:
    id: str
    stock: Decimal
    version: int
    updated_at: dt.datetime


class Shop:
    """What the store holds. `ahead` moves its clock; `trouble` is "", "before" or "after" (the effect)."""

    def __init__(self) -> None:
        self.ahead = dt.timedelta()
        self.trouble = ""
        self.wait = 0.0
        self.revoked = False
        self.orders: dict[str, Order] = {}
        self.goods = {code: Goods(code, Decimal(1000), 1, self.now()) for code in CODES}
        self.hooks: dict[str, dict[str, Any]] = {}
        self._ids = count(1)
        self.losing = cycle(("reset", "error"))

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + self.ahead

    def place(self, many: int, *, at_once: bool = False, status: str = "unpaid") -> list[str]:
        """Buyers place orders, all in one instant when asked; their ids."""
        begin = self.now()
        made = []
        for _ in range(many):
            at = begin if at_once else self.now()
            turn = next(self._ids)
            lines = [self._line(turn, place) for place in range(1 + turn % 3)]
            made.append(str(turn))
            self.orders[str(turn)] = Order(str(turn), f"S-{turn:05d}", status, at, at, lines)
        return made

    def _line(self, turn: int, place: int) -> Item:
        price = Decimal(33_333 + 7 * turn + place) + Decimal(turn % 2) / 2
        line = Item(f"{turn}-{place}", CODES[place], 1 + turn % 4, price, Decimal(turn % 5), Decimal(0))
        line.tax = whole(line.net * TAX)
        return line

    def edit(self, id: str) -> None:
        self.orders[id].note += "!"
        self.orders[id].updated_at = self.now()

    def pay(self, id: str, amount: Decimal) -> None:
        """The gateway tells of money, and nobody moves the order's time of change."""
        self.orders[id].payments.append(Money(f"p{next(self._ids)}", amount, self.now()))

    def refund(self, id: str, amount: Decimal) -> None:
        self.orders[id].refunds.append(Money(f"r{next(self._ids)}", amount, self.now()))

    def stocked(self, code: str, pieces: int) -> None:
        goods = self.goods[code]
        goods.stock, goods.version, goods.updated_at = Decimal(pieces), goods.version + 1, self.now()

    def delivery(self, id: str, secret: str) -> tuple[dict[str, str], bytes]:
        """Headers and body of the webhook about an order."""
        body = json.dumps({"kind": "order", "id": id}, separators=(",", ":")).encode()
        stamp = str(int(dt.datetime.now(dt.UTC).timestamp()))
        signed = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {"x-shop-time": stamp, "x-shop-signature": signed}, body


def money_json(money: Money) -> dict[str, Any]:
    return {"id": money.id, "amount": str(money.amount), "at": money.at.isoformat(), "method": money.method}


def order_json(order: Order) -> dict[str, Any]:
    lines = [
        {
            "id": line.id,
            "code": line.code,
            "name": f"Goods {line.code}",
            "quantity": str(line.quantity),
            "unit_price": str(line.unit_price),
            "discount": str(line.discount),
            "tax": str(line.tax),
            "tax_rate": str(TAX),
            "kind": "product",
        }
        for line in order.lines
    ]
    return {
        "id": order.id,
        "number": order.number,
        "status": order.status,
        "currency": CURRENCY,
        "total": str(order.total),
        "placed_at": order.placed_at.isoformat(),
        "updated_at": order.updated_at.isoformat(),
        "buyer": {"name": "Sukarni", "email": f"buyer{order.id}@example.com", "phone": "+628110000000"},
        "lines": lines,
        "payments": [money_json(money) for money in order.payments],
        "refunds": [money_json(money) for money in order.refunds],
        "note": order.note,
    }


def goods_json(goods: Goods) -> dict[str, Any]:
    return {
        "id": goods.id,
        "name": f"Goods {goods.id}",
        "price": "33333",
        "currency": CURRENCY,
        "stock": str(goods.stock),
        "version": str(goods.version),
        "updated_at": goods.updated_at.isoformat(),
    }


class Server:
    """The HTTP face of the shop."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

        @web.middleware
        async def guard(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            return self.trouble(request) or self.lost(request, await handler(request))

        self.app = web.Application(middlewares=[guard])
        self.app.add_routes(
            [
                web.get("/shop", self.about),
                web.get("/orders", self.orders),
                web.get("/products", self.products),
                web.post("/stock", self.stock),
                web.get("/webhooks", self.webhooks),
                web.post("/webhooks", self.add_webhook),
                web.post("/webhooks/{id}/on", self.wake_webhook),
            ]
        )

    def trouble(self, request: web.Request) -> web.Response | None:
        """A refusal before anything has happened, if there is to be one."""
        shop = self.shop
        if shop.revoked or request.headers.get("Authorization") != f"Bearer {API_KEY}":
            return web.json_response({"error": "unauthorized"}, status=401)
        if shop.wait:
            return web.json_response({"error": "slow down"}, status=429, headers={"Retry-After": f"{shop.wait:.0f}"})
        if shop.trouble == "before":
            return web.json_response({"error": "down"}, status=500)
        return None

    def lost(self, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
        """The answer to a write that has happened, or what is left of it."""
        if self.shop.trouble == "after" and request.method != "GET":
            if next(self.shop.losing) == "error":
                return web.json_response({"error": "gateway"}, status=502)
            if request.transport is not None:
                request.transport.abort()
        return answer

    async def about(self, request: web.Request) -> web.Response:
        told = {"name": "Imitation", "currency": CURRENCY, "zone": ZONE, "writes": True}
        return web.json_response(told | {"now": self.shop.now().isoformat()})

    async def orders(self, request: web.Request) -> web.Response:
        return self._page(request, [order_json(order) for order in self.shop.orders.values()])

    async def products(self, request: web.Request) -> web.Response:
        return self._page(request, [goods_json(goods) for goods in self.shop.goods.values()])

    def _page(self, request: web.Request, rows: list[dict[str, Any]]) -> web.Response:
        """By id, or sorted by (updated_at, id): from a time on, and after the last row of the page before."""
        now = self.shop.now().isoformat()
        if "id" in request.query:
            wanted = set(request.query.getall("id"))
            return web.json_response({"items": [row for row in rows if row["id"] in wanted], "now": now})

        def place(row: dict[str, Any]) -> str:
            return f"{dt.datetime.fromisoformat(row['updated_at']).timestamp():020.6f} {row['id']:>12}"

        if since := request.query.get("since"):
            begin = dt.datetime.fromisoformat(since)
            rows = [row for row in rows if dt.datetime.fromisoformat(row["updated_at"]) >= begin]
        rows = sorted((row for row in rows if place(row) > request.query.get("after", "")), key=place)
        limit = int(request.query["limit"])
        onward = place(rows[limit - 1]) if len(rows) > limit else ""
        return web.json_response({"items": rows[:limit], "now": now, "next": onward})

    async def stock(self, request: web.Request) -> web.Response:
        """Item by item, always with HTTP 200."""
        results = [self._set(item) for item in (await request.json())["items"]]
        return web.json_response({"results": results})

    def _set(self, item: dict[str, Any]) -> dict[str, Any]:
        goods = self.shop.goods.get(item["code"])
        if goods is None:
            return {"ok": False, "error": "unknown_product", "field": "code", "message": "no such product"}
        if item["version"] and item["version"] != str(goods.version):
            return {"ok": False, "error": "version", "message": f"the stock is of version {goods.version} by now"}
        self.shop.stocked(goods.id, item["available"])
        return {"ok": True, "version": str(goods.version)}

    async def webhooks(self, request: web.Request) -> web.Response:
        return web.json_response(list(self.shop.hooks.values()))

    async def add_webhook(self, request: web.Request) -> web.Response:
        hook = {"id": f"h{len(self.shop.hooks)}", "url": (await request.json())["url"], "active": True}
        self.shop.hooks[hook["id"]] = hook
        return web.json_response(hook, status=201)

    async def wake_webhook(self, request: web.Request) -> web.Response:
        hook = self.shop.hooks[request.match_info["id"]]
        hook["active"] = True
        return web.json_response(hook)


@asynccontextmanager
async def served(shop: Shop) -> AsyncIterator[str]:
    """The shop on a free port of this machine; its address."""
    runner = web.AppRunner(Server(shop).app, shutdown_timeout=0.1)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        await web.SockSite(runner, listener).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            await runner.cleanup()
