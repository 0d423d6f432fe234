"""The kit's levers on the imitation. Replace what speaks of orders and stock; the levers stay the kit's.

The rig is the witness: it looks into the system by its back door, never through the connector. A lever that your system
does not have is taken out here and named in `reasons`, and the kit skips its tests with that reason.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import ClassVar

from selaras.connectors.contract import Connector, Tools, Webhook
from selaras.connectors.kit import StoreRig, Truth

from {{ cookiecutter.package }} import build

from imitation import API_KEY, CURRENCY, ZONE, Shop, served

SECRET = "a secret of this test"


class Rig(StoreRig):
    """An imitated store and connectors to it."""

    reasons: ClassVar[dict[str, str]] = {}
    zone = ZONE
    currency = CURRENCY

    def __init__(self, shop: Shop, url: str, stack: AsyncExitStack) -> None:
        self.shop = shop
        self.url = url
        self._stack = stack

    async def connector(self, *, clock_skew: float = 0.0) -> Connector:
        settings = {"base_url": self.url, "api_key": API_KEY, "webhook_secret": SECRET, "rate": "2000"}
        tools = Tools("store", self.zone, None, lambda: time.time() + clock_skew)
        made = build(settings, tools)
        self._stack.push_async_callback(made.close)
        return made

    # -- trouble

    async def calm(self) -> None:
        self.shop.trouble, self.shop.wait = "", 0.0

    async def fail_before(self) -> None:
        self.shop.trouble = "before"

    async def fail_after(self) -> None:
        self.shop.trouble = "after"

    async def throttle(self, seconds: float) -> None:
        self.shop.wait = seconds

    async def refuse_credentials(self) -> None:
        self.shop.revoked = True

    # -- orders

    async def truth(self) -> dict[str, Truth]:
        return {
            order.id: Truth(
                order.id,
                order.number,
                order.total,
                CURRENCY,
                order.placed_at,
                sum((p.amount for p in order.payments), Decimal(0)),
                sum((r.amount for r in order.refunds), Decimal(0)),
            )
            for order in self.shop.orders.values()
            if order.status != "cart"
        }

    async def place_orders(self, count: int, *, same_second: bool = False) -> list[str]:
        return self.shop.place(count, at_once=same_second)

    async def set_time(self, now: dt.datetime) -> None:
        self.shop.ahead = now - dt.datetime.now(dt.UTC)

    async def modify(self, ids: Sequence[str]) -> None:
        for id in ids:
            self.shop.edit(id)

    async def pay(self, id: str, amount: Decimal) -> None:
        self.shop.pay(id, amount)

    async def refund(self, id: str, amount: Decimal) -> None:
        self.shop.refund(id, amount)

    async def draft(self) -> str:
        (id,) = self.shop.place(1, status="cart")
        return id

    async def trash(self, id: str) -> None:
        del self.shop.orders[id]

    # -- webhooks

    async def deliveries(self, ids: Sequence[str]) -> list[Webhook]:
        return [Webhook(*self.shop.delivery(id, SECRET), dt.datetime.now(dt.UTC)) for id in ids]

    async def ping(self) -> Webhook:
        return Webhook({}, b'{"ping":true}', dt.datetime.now(dt.UTC))

    async def receiver(self) -> str:
        return "https://hub.example/hook"

    async def kill_webhook(self) -> None:
        for hook in self.shop.hooks.values():
            hook["active"] = False

    async def live_webhooks(self) -> int:
        return sum(bool(hook["active"]) for hook in self.shop.hooks.values())

    # -- stock

    async def products(self) -> list[str]:
        return list(self.shop.goods)

    async def sell(self, code: str, quantity: int) -> None:
        goods = self.shop.goods[code]
        self.shop.stocked(code, int(goods.stock) - quantity)

    async def stock(self, code: str) -> Decimal:
        return self.shop.goods[code].stock


@asynccontextmanager
async def store_rig() -> AsyncIterator[Rig]:
    """A fresh imitation."""
    shop = Shop()
    async with served(shop) as url, AsyncExitStack() as stack:
        yield Rig(shop, url, stack)
