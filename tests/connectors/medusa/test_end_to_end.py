"""From a real Medusa into books and back, with answers lost on the way: once, to the last rupiah, stock equal.

The books are the sandbox's; between them the real ledger, rules, dispatcher and service. The way into a real Tryton,
with the program killed in the middle, is in tests/acceptance/test_medusa_tryton.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from selaras.connectors.contract import Tools
from selaras.connectors.sandbox_books import CONNECTOR as BOOKS
from selaras.engine.service import Service
from selaras.ledger import Desk, open_ledger
from selaras.model.money import rounded
from selaras.rules.plan_types import Policy
from selaras.sandbox.books import BooksConfig, serve_books
from selaras.sandbox.books.server import BooksServer
from selaras.sync.hub import Hub, Pair
from selaras.sync.money_decisions import accept, unmatched
from tests.connectors.medusa.rig import GOODS, MedusaRig, medusa_rig
from tests.connectors.storm import Storm
from tests.peers.medusa import Server
from tests.sync.target import Plain
from tests.sync.world import Tokens

SLOW = dict.fromkeys(
    ("order", "product", "contact", "bank_transaction", "receipt", "journal", "reread", "stock"), "every 60s"
)


class World:
    """A shop, books, and what keeps them in step."""

    def __init__(self, rig: MedusaRig, books: BooksServer, hub: Hub, http: aiohttp.ClientSession) -> None:
        self.rig = rig
        self.desk = rig.desk
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

    async def sync(self, rounds: int = 1) -> None:
        """Poll everything, and wait until nothing is left to do."""
        for _ in range(rounds):
            for name, connector in self.hub.connectors.items():
                for kind in connector.capabilities.sources:
                    self.service.wake(name, kind)
            settled = await self.service.settle(120)
            assert settled, {n: lane.error for n, lane in self.service.lanes.items() if lane.error or not lane.idle}

    async def causes(self) -> list[str]:
        return [str(one) for one in await self.hub.desk(self.hub.desk.ledger.coverage.causes)]

    async def sale(self, id: str) -> Any:
        """The one sale of the books for an order, and the order."""
        order = await asyncio.to_thread(self.desk.order, id)
        (found,) = (await self.truth())["sales"][str(order["display_id"])]
        return found, order


@contextlib.asynccontextmanager
async def a_world(path: Path, server: Server, **policy: Any) -> AsyncIterator[World]:
    async with serve_books(BooksConfig()) as books, medusa_rig(server) as rig, aiohttp.ClientSession() as http:
        signed = {
            "base_url": books.url, "client_id": books.config.client_id, "client_secret": books.config.client_secret,
            "grant": "client_credentials", "visibility_lag": "0.3",
        }  # fmt: skip
        connectors = {
            "toko": await rig.connector(),
            "buku": BOOKS.build(signed, Tools("buku", "Asia/Jakarta", Tokens(), time.time)),
        }
        rules = Policy(default_account="clearing", accounts={"transfer": "bank"}, **policy)
        hub = Hub(Desk(open_ledger(path, Plain())), connectors, [Pair("toko", "buku", rules)])
        await hub.start()
        world = World(rig, books, hub, http)
        products = [{"code": code, "name": code, "price": "33333"} for code in GOODS]
        stock = [{"code": code, "on_hand": "500"} for code in GOODS]
        await world.post("/sandbox/seed", {"products": products, "stock": stock})
        await world.service.start()
        try:
            yield world
        finally:
            await world.service.stop()
            await hub.close()


async def equal(world: World, orders: dict[str, str]) -> None:
    """Missing 0, doubled 0, totals equal, stock equal, by the word of both sides."""
    truth = await world.truth()
    assert truth["duplicates"] == {}
    assert len(truth["sales"]) == len(orders)
    kept = Decimal(0)
    for name, id in orders.items():
        found, order = await world.sale(id)
        payments = [p for c in order["payment_collections"] for p in c.get("payments") or ()]
        came = sum((c["amount"] for p in payments for c in p.get("captures") or ()), Decimal(0))
        went = sum((r["amount"] for p in payments for r in p.get("refunds") or ()), Decimal(0))
        # What is billed is what came less what went back, order by order, and the sums of the money are the same.
        assert Decimal(found["balance"]) == 0, (name, found)
        kept += rounded(Decimal(came), "IDR") - rounded(Decimal(went), "IDR")
    books = truth["trial_balance"]["IDR"]
    assert books["sum"] == "0"
    assert Decimal(books["accounts"]["clearing"]) == kept
    for code in GOODS:
        stock = truth["stock"][code]
        assert await world.rig.stock(code) == Decimal(stock["on_hand"]) - Decimal(stock["reserved"]), (code, stock)


@pytest.mark.timeout(240)
async def test_a_day_with_answers_lost(tmp_path: Path, medusa: Server, rng: random.Random) -> None:
    async with a_world(tmp_path, medusa) as world:
        world.rig.proxy.wait = 0.0
        world.rig.proxy.chance = Storm(rng, "before", "after", "throttle", calm=17)
        shop, made = world.desk, {}
        for name, lines in (
            ("paid", (("KIT-0", 2), ("KIT-1", 1))), ("given back", (("KIT-0", 3),)), ("cancelled", (("KIT-1", 2),)),
            ("edited", (("KIT-2", 1),)),
        ):  # fmt: skip
            made[name] = await asyncio.to_thread(shop.checkout, *lines, codes=["POTONG"] if name == "paid" else ())
        await world.sync()
        for name in ("paid", "given back", "cancelled"):
            await asyncio.to_thread(shop.capture, made[name])
        await world.sync()
        await asyncio.to_thread(shop.cancel, made["cancelled"])
        await asyncio.to_thread(shop.edit, made["edited"], {"KIT-2": 2})
        await asyncio.to_thread(shop.ship, made["given back"], "JNE0003")
        await asyncio.to_thread(shop.take_back, made["given back"], {"KIT-0": 1})
        await asyncio.to_thread(shop.refund, made["given back"], Decimal(33_333))
        await asyncio.to_thread(shop.capture, made["edited"])
        await world.sync(2)
        world.rig.proxy.chance = str
        await world.sync(2)
        assert await world.causes() == []
        await equal(world, made)
        before = (await world.truth())["sales"]
        await world.sync()
        assert (await world.truth())["sales"] == before


async def test_a_transfer_in_the_bank_marks_the_order_paid(tmp_path: Path, medusa: Server) -> None:
    async with a_world(tmp_path, medusa, bank_methods=frozenset({"pp_system_default"})) as world:
        id = await asyncio.to_thread(world.desk.checkout, ("KIT-0", 1))
        await world.sync()
        order = await asyncio.to_thread(world.desk.order, id)
        total, number = str(order["total"]), order["display_id"]
        line = {
            "date": time.strftime("%Y-%m-%d"), "amount": total, "currency": "IDR",
            "description": f"TRSF E-BANKING CR {number} PEMBELI", "account": "bank",
        }  # fmt: skip
        await world.post("/sandbox/bank", {"items": [line]})
        await world.sync(2)
        # Medusa counts its orders from 1: so short a number proves nothing, a person says yes.
        (asked,) = await world.hub.desk(unmatched, world.hub)
        await world.hub.desk(accept, world.hub, asked.line, world.hub.now(), "Sari")
        world.service.lanes["money buku"].wake()
        world.service.lanes["plan toko"].wake()
        await world.sync(2)
        assert await world.causes() == []
        paid = (await world.rig.truth())[id].paid
        assert paid == Decimal(total)
        found, _order = await world.sale(id)
        receipts = [d for d in found["documents"] if d.startswith("receipt")]
        assert len(receipts) == 1, found
        await world.sync()
        assert (await world.sale(id))[0] == found
