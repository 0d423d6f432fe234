"""From a live Vendure into the sandbox's books and back: each order once, with answers lost on the way."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import random
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import msgspec

from selaras.connectors.contract import Tools
from selaras.connectors.sandbox_books import CONNECTOR as BOOKS
from selaras.connectors.vendure import CONNECTOR as VENDURE
from selaras.engine.service import Service
from selaras.ledger import Desk, open_ledger
from selaras.rules.plan_types import Policy
from selaras.sandbox.books import BooksConfig, serve_books
from selaras.sandbox.books.server import BooksServer
from selaras.sync.hub import Hub, Pair
from selaras.sync.sweep import Sweep
from tests.connectors.kit_servers import served
from tests.connectors.storm import Storm
from tests.connectors.vendure.rig import Proxy, settings_for
from tests.peers.vendure import Server
from tests.peers.vendure_desk import Channel, major
from tests.sync.target import Plain
from tests.sync.world import Tokens

POLICY = Policy(
    bank_methods=frozenset({"transfer"}), accounts={"transfer": "bank", "qris": "clearing"}, default_account="clearing"
)
SLOW = dict.fromkeys(
    ("order", "product", "contact", "bank_transaction", "receipt", "journal", "reread", "stock"), "every 60s"
)
GOODS = {"KAOS-M": 40, "TOPI": 30}
ZERO = Decimal(0)


class World:
    """A shop, books, and what keeps them in step."""

    def __init__(self, shop: Channel, proxy: Proxy, books: BooksServer, hub: Hub, http: aiohttp.ClientSession) -> None:
        self.shop = shop
        self.proxy = proxy
        self.books = books
        self.hub = hub
        self.service = Service(hub, SLOW)
        self._http = http

    async def post(self, path: str, body: Any) -> Any:
        async with self._http.post(self.books.url + path, json=body, headers=self.books.admin) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def truth(self) -> Any:
        async with self._http.get(f"{self.books.url}/sandbox/truth", headers=self.books.admin) as answer:
            return msgspec.json.decode(await answer.read())

    async def sync(self, rounds: int = 1, timeout: float = 120.0) -> None:
        """Poll everything, read what is open again, and wait until nothing is left to do."""
        for _ in range(rounds):
            for name, connector in self.hub.connectors.items():
                for kind in connector.capabilities.sources:
                    self.service.wake(name, kind)
            settled = await self.service.settle(timeout)
            assert settled, {n: lane.error for n, lane in self.service.lanes.items() if lane.error or not lane.idle}

    async def causes(self) -> list[str]:
        return [str(one) for one in await self.hub.desk(self.hub.desk.ledger.coverage.causes)]


@contextlib.asynccontextmanager
async def a_world(path: Path, server: Server, shop: Channel) -> AsyncIterator[World]:
    await asyncio.to_thread(shop.goods, GOODS)
    who = await asyncio.to_thread(server.hub, shop)
    async with serve_books(BooksConfig()) as b, aiohttp.ClientSession() as http:
        proxy = Proxy(shop.url, http)
        async with served(proxy.handle) as url:
            signed = {
                "base_url": b.url, "client_id": b.config.client_id, "client_secret": b.config.client_secret,
                "grant": "client_credentials", "visibility_lag": "0.3",
            }  # fmt: skip
            settings = settings_for(shop, who, url, recheck="0.1")
            connectors = {
                "toko": VENDURE.build(settings, Tools("toko", "Asia/Jakarta", Tokens(), time.time)),
                "buku": BOOKS.build(signed, Tools("buku", "Asia/Jakarta", Tokens(), time.time)),
            }
            hub = Hub(Desk(open_ledger(path, Plain())), connectors, [Pair("toko", "buku", POLICY)])
            await hub.start()
            world = World(shop, proxy, b, hub, http)
            await world.post(
                "/sandbox/seed",
                {
                    "products": [{"code": code, "name": f"Barang {code}", "price": "50000"} for code in GOODS],
                    "stock": [{"code": code, "on_hand": str(pieces)} for code, pieces in GOODS.items()],
                },
            )
            await world.service.start()
            try:
                yield world
            finally:
                await world.service.stop()
                await hub.close()


def today() -> str:
    """The business's day."""
    return dt.datetime.now(ZoneInfo("Asia/Jakarta")).date().isoformat()


async def check(world: World) -> None:
    """Missing 0, doubled 0, totals equal, stock equal."""
    truth = await world.truth()
    orders = await asyncio.to_thread(world.shop.placed)
    assert set(truth["sales"]) == {order["code"] for order in orders}
    assert truth["duplicates"] == {}
    assert truth["trial_balance"]["IDR"]["sum"] == "0"
    received = ZERO
    for order in orders:
        sales = truth["sales"][order["code"]]
        assert len(sales) == 1, sales
        settled = [p for p in order["payments"] if p["state"] == "Settled"]
        kept = sum((major(p["amount"]) for p in settled), ZERO)
        kept -= sum((major(r["total"]) for p in settled for r in p["refunds"] if r["state"] == "Settled"), ZERO)
        received += kept
        # Billed is received, less what went back, in every order.
        assert Decimal(sales[0]["balance"]) == 0, (order["state"], sales)
    accounts = truth["trial_balance"]["IDR"]["accounts"]
    assert sum((Decimal(accounts.get(name, "0")) for name in ("bank", "clearing")), ZERO) == received
    for code in GOODS:
        there, held = await asyncio.to_thread(world.shop.shelf, code)
        assert there - held == Decimal(truth["stock"][code]["on_hand"]) - Decimal(truth["stock"][code]["reserved"]), (
            code
        )


async def test_a_day_with_answers_lost(
    tmp_path: Path, vendure_server: Server, vendure: Channel, rng: random.Random
) -> None:
    async with a_world(tmp_path, vendure_server, vendure) as world:
        shop, do = vendure, asyncio.to_thread
        world.proxy.wait = 0.0
        world.proxy.chance = Storm(rng, "before", "after", "throttle", calm=12)
        ids = [await do(shop.checkout, ("KAOS-M", 1 + n % 3), ("TOPI", 1)) for n in range(5)]
        off = await do(shop.checkout, ("KAOS-M", 2), method="transfer")
        transfer = await do(shop.checkout, ("TOPI", 2), method="transfer")
        await world.sync()
        await do(shop.cancel, ids[1])
        await do(shop.refund, ids[1], major((await do(shop.order, ids[1]))["payments"][0]["amount"]))
        await do(shop.cancel, ids[2], {"KAOS-M": 1})
        await do(shop.refund, ids[2], 50_000, {"KAOS-M": 1})
        await do(shop.refund, ids[3], 7_500)
        await do(shop.edit, ids[4], {"KAOS-M": 4})
        await do(shop.state, ids[4], "ArrangingAdditionalPayment")
        await do(shop.manual, ids[4])
        await do(shop.state, ids[4], "PaymentSettled")
        await do(shop.cancel, off)
        order = await do(shop.order, transfer)
        text = f"TRSF E-BANKING CR 2211 {order['code']} PEMBELI"
        line = {"amount": str(major(order["totalWithTax"])), "currency": "IDR", "description": text, "date": today()}
        await world.post("/sandbox/bank", {"items": [line]})
        await world.sync(3)
        world.proxy.chance = str
        await world.sync(2)
        assert await world.causes() == []
        assert [p["state"] for p in (await do(shop.order, transfer))["payments"]] == ["Settled"]
        await check(world)
        swept = await Sweep(world.hub, world.hub.pairs[0], world.service.intakes["toko"]).run()
        assert not swept.differences
        # The counter sells: the shop offers less.
        await world.post("/sandbox/sale", {"items": [{"code": "TOPI", "quantity": "7"}]})
        await world.sync(2)
        await check(world)
