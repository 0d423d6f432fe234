"""The sandbox store's connector keeps the contract of a store."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal

import msgspec
import pytest
from aiohttp import web

from selaras.connectors.contract import Connector, Tools, Webhook
from selaras.connectors.kit import StoreContract, StoreRig, Truth
from selaras.connectors.sandbox_store import build
from selaras.sandbox.store import StoreConfig, StoreServer, changes, serve_store
from selaras.sandbox.store.requests import Basket, ChargeIn, EditIn, LineIn, PayIn, RefundIn
from tests.connectors.kit_servers import served


class Rig(StoreRig):
    """Levers on a sandbox store in this process."""

    def __init__(self, store: StoreServer, stack: AsyncExitStack) -> None:
        self.store = store
        self.stack = stack
        self.skus = [row.sku for row in store.shop.goods.stock.values()]
        for row in store.shop.goods.stock.values():
            store.shop.goods.set(row.sku, available=1000)
        self.caught: list[Webhook] = []
        self.addresses = 0

    async def connector(self, *, clock_skew: float = 0.0) -> Connector:
        settings = {
            "base_url": self.store.url,
            "api_key": self.store.api_key,
            "webhook_secret": self.store.webhook_secret,
            "amounts": self.store.app.config.amounts,
        }
        made = build(settings, Tools("store", self.zone, None, lambda: time.time() + clock_skew))
        self.stack.push_async_callback(made.close)
        return made

    async def calm(self) -> None:
        self.store.faults.set(fail_before=0, fail_after=0, throttle=0)

    async def fail_before(self) -> None:
        self.store.faults.set(fail_before=1)

    async def fail_after(self) -> None:
        self.store.faults.set(fail_after=1)

    async def throttle(self, seconds: float) -> None:
        self.store.faults.set(throttle=1, throttle_seconds=seconds)

    async def refuse_credentials(self) -> None:
        self.store.app.revoke_key()

    async def truth(self) -> dict[str, Truth]:
        shop = self.store.shop
        return {
            str(o.id): Truth(
                str(o.id), o.number, o.total, o.currency, o.placed_at, shop.paid(o), shop.refunded(o)
            )
            for o in shop.orders.values()
            if o.status != "draft"
        }  # fmt: skip

    def basket(self, turn: int) -> Basket:
        lines = [LineIn(sku=self.skus[(turn + i) % len(self.skus)], quantity=1 + i) for i in range(1 + turn % 3)]
        return Basket(
            lines=lines,
            prices_include_tax=turn % 2 == 0,
            tax_rate=Decimal("0.11"),
            discount=ChargeIn(amount=Decimal(500)) if turn % 3 else None,
            shipping=ChargeIn(amount=Decimal(9000), tax_rate=Decimal("0.11")),
            fees=[ChargeIn(amount=Decimal(1000))] if turn % 4 == 0 else [],
        )

    async def place_orders(self, count: int, *, same_second: bool = False) -> list[str]:
        clock = self.store.clock
        if same_second:
            clock.freeze()
        ids = [str(self.store.shop.checkout(self.basket(turn)).id) for turn in range(count)]
        if same_second:
            clock.run()
        return ids

    async def set_time(self, now: dt.datetime) -> None:
        self.store.clock.set(now.isoformat())

    async def modify(self, ids: Sequence[str]) -> None:
        for id in ids:
            order = self.store.shop.orders[int(id)]
            changes.edit(self.store.shop, order.id, EditIn(note=f"{order.note}!"))

    def silent(self, on: bool) -> None:
        self.store.shop.config = msgspec.structs.replace(self.store.shop.config, silent_money=on)

    async def pay(self, id: str, amount: Decimal) -> None:
        self.silent(True)
        self.store.shop.pay(int(id), PayIn(method="qris", amount=amount), "gateway")
        self.silent(False)

    async def refund(self, id: str, amount: Decimal) -> None:
        self.silent(True)
        changes.refund(self.store.shop, int(id), RefundIn(amount=amount))
        self.silent(False)

    async def draft(self) -> str:
        return str(self.store.shop.save_cart(self.basket(1)).id)

    async def trash(self, id: str) -> None:
        changes.trash(self.store.shop, int(id))

    async def receiver(self) -> str:
        async def take(request: web.Request) -> web.Response:
            headers = {name.lower(): value for name, value in request.headers.items()}
            self.caught.append(Webhook(headers, await request.read(), dt.datetime.now(dt.UTC)))
            return web.Response(text="ok")

        return await self.stack.enter_async_context(served(take)) + "/hook"

    async def deliveries(self, ids: Sequence[str]) -> list[Webhook]:
        self.caught.clear()
        hook = await self.store.webhooks.register(await self.receiver(), ["order.updated"])
        await self.modify(ids)
        await self.store.webhooks.drain()
        self.store.webhooks.delete(hook.id)
        return self.caught[1:]

    async def ping(self) -> Webhook:
        self.caught.clear()
        hook = await self.store.webhooks.register(await self.receiver(), ["order.updated"])
        self.store.webhooks.delete(hook.id)
        return self.caught[0]

    async def kill_webhook(self) -> None:
        for hook in self.store.webhooks.subscriptions.values():
            hook.status = "disabled"

    async def live_webhooks(self) -> int:
        return sum(hook.status == "active" for hook in self.store.webhooks.subscriptions.values())

    async def sell(self, code: str, quantity: int) -> None:
        self.store.shop.checkout(Basket(lines=[LineIn(sku=code, quantity=quantity)]))

    async def stock(self, code: str) -> Decimal:
        product = self.store.shop.goods.by_sku(code)
        assert product is not None
        return Decimal(self.store.shop.goods.stock[product.id].available)

    async def products(self) -> list[str]:
        return self.skus[:5]


@pytest.fixture(params=["major", "minor"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    config = StoreConfig(seed=int(os.environ["SELARAS_SEED"]), products=20, amounts=request.param)
    async with serve_store(config) as store, AsyncExitStack() as stack:
        yield Rig(store, stack)


class TestSandboxStore(StoreContract):
    pass
