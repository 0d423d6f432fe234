"""The contract kit's levers on the stand-in."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any

from aiohttp import web

from selaras.connectors.contract import Connector, Tools, Webhook
from selaras.connectors.kit import StoreRig, Truth
from selaras.connectors.woocommerce import WooCommerce, build
from tests.connectors.kit_servers import served
from tests.connectors.woocommerce.standin import StandIn, Trouble, serve_woo
from tests.connectors.woocommerce.standin_hooks import Hook
from tests.connectors.woocommerce.standin_shop import ZERO, Config

SECRET = "rahasia-toko"
Wrap = Callable[[Connector], Connector]


def settings_for(woo: StandIn, **more: str) -> dict[str, str]:
    return {
        "base_url": woo.url,
        "consumer_key": woo.key.key,
        "consumer_secret": woo.key.secret,
        "webhook_secret": SECRET,
        "rate": "2000",
        "parallel": "16",
        "visibility_lag": "0.2",
        **more,
    }


class WooRig(StoreRig):
    """A stand-in with six products, two of them variations, and connectors to it."""

    reasons = {  # noqa: RUF012 - as the class above declares it
        "draft": "",
    }

    def __init__(self, woo: StandIn, stack: AsyncExitStack, wrap: Wrap, trust: Any = None) -> None:
        self.woo = woo
        self.shop = woo.shop
        self.currency = woo.shop.config.currency
        self.zone = woo.shop.config.zone
        self._stack = stack
        self._wrap = wrap
        self._trust = trust
        self._turn = 0
        self.taken: list[Webhook] = []
        cents = Decimal(1).scaleb(-woo.shop.config.decimals)
        for n in range(4):
            self.shop.add(f"KIT-{n}", str((33_333 + 1_111 * n) * cents), 100_000)
        parent = self.shop.add("KAOS", "125000", None, type="variable", manage=False)
        for size in ("M", "L"):
            self.shop.add(
                f"KAOS-{size}", str(125_001 * cents), 100_000, parent=parent.id, type="variation", name=f"Kaos {size}"
            )

    async def connector(self, *, clock_skew: float = 0.0) -> Connector:
        tools = Tools("toko", self.zone, None, lambda: time.time() + clock_skew)
        made = build(settings_for(self.woo), tools)
        assert isinstance(made, WooCommerce)
        made.client.http._trust = made.client._public._trust = self._trust
        self._stack.push_async_callback(made.close)
        return self._wrap(made)

    async def calm(self) -> None:
        self.woo.trouble = Trouble()

    async def fail_before(self) -> None:
        self.woo.trouble.fail_before = True

    async def fail_after(self) -> None:
        self.woo.trouble.fail_after = True

    async def throttle(self, seconds: float) -> None:
        self.woo.trouble.throttle = seconds

    async def refuse_credentials(self) -> None:
        self.woo.key.revoked = True

    async def truth(self) -> dict[str, Truth]:
        return {
            str(o.id): Truth(
                str(o.id),
                o.number,
                o.total,
                self.currency,
                dt.datetime.fromtimestamp(o.created, dt.UTC),
                o.total if o.paid is not None else ZERO,
                sum((r.amount for r in o.refunds), ZERO),
            )
            for o in self.shop.orders.values()
            if o.status != "checkout-draft"
        }

    async def place_orders(self, count: int, *, same_second: bool = False) -> list[str]:
        if same_second:
            self.shop.clock.freeze()
        made = [self._place() for _ in range(count)]
        self.shop.clock.run()
        return made

    def _place(self) -> str:
        self._turn += 1
        turn = self._turn
        codes = ["KIT-0", "KIT-1", "KIT-2", "KIT-3", "KAOS-M", "KAOS-L"]
        lines = [(codes[(turn + n) % 6], 1 + (turn + n) % 5) for n in range(1 + turn % 3)]
        unit = Decimal(1).scaleb(-self.shop.config.decimals)
        order = self.shop.place(
            lines,
            status=("pending", "on-hold", "processing")[turn % 3],
            percent_off=10 if turn % 4 == 1 else 0,
            off=str((501 + turn % 10) * unit) if turn % 4 == 2 else 0,
            shipping=str(9_001 * unit) if turn % 2 else 0,
            fee=str(2_501 * unit) if turn % 5 == 0 else 0,
            number=f"INV-{turn:05d}" if turn % 2 else "",
        )
        return str(order.id)

    async def set_time(self, now: dt.datetime) -> None:
        self.shop.clock.set(now)

    async def modify(self, ids: Sequence[str]) -> None:
        for id in ids:
            self._turn += 1
            self.shop.edit(self.shop.orders[int(id)], f"diubah {self._turn}")

    async def pay(self, id: str, amount: Decimal) -> None:
        """A plugin that writes around WooCommerce's own objects: the date of change stays."""
        order = self.shop.orders[int(id)]
        assert amount == order.total
        order.paid = None
        self.shop.set_status(order, "pending", silent=True)
        self.shop.pay(order, silent=True)

    async def refund(self, id: str, amount: Decimal) -> None:
        self.shop.refund(self.shop.orders[int(id)], amount, silent=True)

    async def draft(self) -> str:
        return str(self.shop.place([("KIT-0", 1)], status="checkout-draft").id)

    async def trash(self, id: str) -> None:
        self.shop.trash(self.shop.orders[int(id)])

    async def deliveries(self, ids: Sequence[str]) -> list[Webhook]:
        """By the shop's own code, in one second and so under one delivery id."""
        hook = Hook(1, "kit", "order.updated", "https://hub.example/hook", SECRET, 0)
        self.shop.clock.freeze()
        made = [self.woo.hooks.message(hook, int(id)) for id in ids]
        self.shop.clock.run()
        now = dt.datetime.now(dt.UTC)
        return [Webhook({k.lower(): v for k, v in m[1].items()}, m[0], now) for m in made if m is not None]

    async def ping(self) -> Webhook:
        self.taken.clear()
        url = await self.receiver()
        await self.woo.hooks.create({"topic": "order.created", "delivery_url": url, "secret": SECRET})
        self.woo.hooks.hooks.clear()
        return self.taken[0]

    async def receiver(self) -> str:
        async def take(request: web.Request) -> web.Response:
            headers = {name.lower(): value for name, value in request.headers.items()}
            self.taken.append(Webhook(headers, await request.read(), dt.datetime.now(dt.UTC)))
            return web.Response()

        return await self._stack.enter_async_context(served(take)) + "/hook"

    async def kill_webhook(self) -> None:
        for hook in self.woo.hooks.hooks.values():
            hook.status, hook.failures = "disabled", 6

    async def live_webhooks(self) -> int:
        return sum(hook.status == "active" for hook in self.woo.hooks.hooks.values())

    async def products(self) -> list[str]:
        return ["KIT-0", "KAOS-M", "KIT-1", "KIT-2", "KAOS-L"]

    async def sell(self, code: str, quantity: int) -> None:
        self.shop.place([(code, quantity)], status="processing")

    async def stock(self, code: str) -> Decimal:
        return Decimal(self.shop.by_sku(code).stock or 0)


def as_it_is(connector: Connector) -> Connector:
    """The connector itself; mutants wrap it."""
    return connector


@asynccontextmanager
async def woo_rig(
    config: Config | None = None, *, wrap: Wrap = as_it_is, tls: Any = None, trust: Any = None
) -> AsyncIterator[WooRig]:
    """A fresh stand-in."""
    async with serve_woo(config, tls=tls) as woo, AsyncExitStack() as stack:
        yield WooRig(woo, stack, wrap, trust)
