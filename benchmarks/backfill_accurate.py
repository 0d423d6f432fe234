#!/usr/bin/env python3
"""How much of Accurate's limit a back-fill uses: python benchmarks/backfill_accurate.py [--orders 5000]

Paid orders of the sandbox store, each of another buyer, are read and planned by the flows; then the clock runs while
the dispatcher sends their documents (customer, order, invoice, receipt) into the stand-in of Accurate. It runs in
processes of its own; the one in front refuses the ninth call within any second and the ninth at once. One JSON object
on the output: orders, calls, refused, seconds (between the first and the last call), allowed_rate, used_rate and share
(in per cent). A machine that is busy with other things holds calls up between their start and their arrival: measure on
a quiet one.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import math
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiohttp import web
from yarl import URL

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from selaras.connectors import accurate  # noqa: E402
from selaras.connectors.contract import Tools  # noqa: E402
from selaras.connectors.oauth import Token  # noqa: E402
from selaras.connectors.sandbox_store import CONNECTOR as STORE  # noqa: E402
from selaras.ledger import Desk, open_ledger  # noqa: E402
from selaras.rules.plan_types import Policy  # noqa: E402
from selaras.sandbox.store import StoreConfig, serve_store  # noqa: E402
from selaras.sandbox.store.bulk import load_orders, load_products  # noqa: E402
from selaras.sandbox.store.requests import LoadedOrder, ProductIn  # noqa: E402
from selaras.sync.apply import Dispatcher  # noqa: E402
from selaras.sync.hub import Hub, Pair  # noqa: E402
from selaras.sync.intake import Intake  # noqa: E402
from selaras.sync.orders import OrderPlanner  # noqa: E402
from tests.connectors.accurate.rig import SETTINGS, ZONE  # noqa: E402
from tests.connectors.accurate.standin import CLIENT, SECRET, TOO_MANY, Limit, StandIn, running  # noqa: E402
from tests.connectors.kit_servers import served  # noqa: E402
from tests.connectors.kit_signin import MemoryTokenStore  # noqa: E402
from tests.sync.target import Plain  # noqa: E402

ALLOWED = 8
DOCUMENTS = ("customer", "sales-order", "sales-invoice", "sales-receipt")
_PRODUCTS = 20
_CHUNK = 500
_CLEARING = "1-1300"
_PRICE = 50_000
_POLICY = Policy(accounts={"qris": _CLEARING}, default_account=_CLEARING, zone=ZONE)


# -- the books -------------------------------------------------------------------------------------------------------


def stocked(standin: StandIn) -> StandIn:
    """The catalogue of the shop, in the books."""
    for code in ("ONGKIR", "BIAYA", "JASA"):
        standin.books.item(code, kind="SERVICE")
    for number in range(_PRODUCTS):
        standin.books.item(f"SKU-{number:02d}", f"Barang {number}", price=_PRICE, stock=10**6)
    return standin


def facts(standin: StandIn) -> dict[str, Any]:
    """What the books hold."""
    books = standin.books
    return {
        "held": {entity: len(books.of(entity)) for entity in DOCUMENTS},
        "unpaid": sum(row["primeOwing"] != 0 for row in books.of("sales-invoice").values()),
    }


async def serve_books() -> None:
    """The books as a process: their addresses and a grant on the output; then, for each line of input, the address of
    the gate that stands before them is taken up, or their facts are told."""
    standin = stocked(StandIn())
    loop = asyncio.get_running_loop()
    async with running(standin):
        say({"url": standin.url, "host": standin.hosts[0], "grant": standin.sign_in()})
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            if line.strip():
                standin.hosts[0] = line.strip()
            say(facts(standin))


async def serve_gate(target: str) -> None:
    """The vendor's limit as a process of its own, before the books at `target`.

    It does nothing but count and pass on, so that it counts calls when they arrive and not when a machine that is busy
    with the books gets round to it.
    """
    limit = Limit(ALLOWED)
    loop = asyncio.get_running_loop()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:

        async def handle(request: web.Request) -> web.StreamResponse:
            if not limit.enter():
                return web.json_response({"s": False, "d": [TOO_MANY]}, status=429)
            try:
                body = await request.read()
                head = {n: v for n, v in request.headers.items() if n.lower() not in ("host", "content-length")}
                url = URL(target + request.raw_path, encoded=True)
                async with session.request(request.method, url, data=body or None, headers=head) as answer:
                    content = answer.headers.get("Content-Type", "application/json")
                    return web.Response(
                        status=answer.status, body=await answer.read(), headers={"Content-Type": content}
                    )
            finally:
                limit.leave()

        async with served(handle) as url:
            say({"url": url})
            while await loop.run_in_executor(None, sys.stdin.readline):
                say(counted(limit))


def counted(limit: Limit) -> dict[str, Any]:
    """What a limit has seen since it was asked last."""
    found = {
        "taken": limit.taken, "refused": limit.refused, "first": limit.first, "last": limit.last,
        "busiest_second": limit.busiest, "why": limit.why,
    }  # fmt: skip
    limit.first = 0.0
    return found


def say(value: dict[str, Any]) -> None:
    """One line on the output."""
    print(json.dumps(value), flush=True)


class Child:
    """A process of this file that answers a line with a line of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def said(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return found

    async def ask(self, line: str = "") -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()
        return await self.said()


@asynccontextmanager
async def child(*options: str) -> AsyncIterator[Child]:
    """Start this file as another process."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, __file__, *options, stdin=pipe, stdout=pipe)
    try:
        yield Child(process)
    finally:
        process.terminate()
        await process.wait()


class Books:
    """The stand-in in processes of its own: the gate with the limit, and the books behind it."""

    def __init__(self, told: dict[str, Any], books: Child, gate: Child) -> None:
        self.url: str = told["url"]
        self.grant: dict[str, Any] = told["grant"]
        self._books = books
        self._gate = gate

    async def facts(self) -> dict[str, Any]:
        return await self._books.ask() | await self._gate.ask()


@asynccontextmanager
async def books_apart() -> AsyncIterator[Books]:
    """Start the stand-in beside this process."""
    async with child("--books") as books:
        told = await books.said()
        async with child("--gate", told["host"]) as gate:
            await books.ask((await gate.said())["url"])
            yield Books(told, books, gate)


class BooksHere:
    """The stand-in in this process, for the small version of this measurement that is a test."""

    def __init__(self, standin: StandIn) -> None:
        self.limit = standin.limit
        self._standin = standin
        self.url = standin.url
        self.grant = standin.sign_in()

    async def facts(self) -> dict[str, Any]:
        return facts(self._standin) | counted(self._standin.limit)


@asynccontextmanager
async def books_here() -> AsyncIterator[BooksHere]:
    """Start the stand-in within this process."""
    async with running(stocked(StandIn(most=ALLOWED))) as standin:
        yield BooksHere(standin)


# -- the shop and the flows ------------------------------------------------------------------------------------------


def order(number: int, first: dt.datetime) -> dict[str, Any]:
    """A paid order of two lines, postage, and a buyer of its own."""
    chosen, quantity = (number % _PRODUCTS, (number * 7 + 3) % _PRODUCTS), 1 + number % 3
    total = 2 * quantity * _PRICE + 12_000
    return {
        "number": str(1000 + number),
        "lines": [{"sku": f"SKU-{n:02d}", "quantity": quantity, "unit_price": str(_PRICE)} for n in chosen],
        "shipping": {"name": "Ongkos kirim", "amount": "12000"},
        "buyer": {"name": f"Pembeli {number}", "phone": f"08{1_000_000_000 + number}", "email": ""},
        "payment_method": "qris",
        "payments": [{"amount": str(total), "reference": f"PG-{number}"}],
        "placed_at": (first + dt.timedelta(seconds=number // 3)).isoformat(),
    }


async def backfill(orders: int, books: Books | BooksHere, folder: Path) -> dict[str, Any]:
    """Send the documents of `orders` orders, and say what the books saw meanwhile."""
    async with serve_store(StoreConfig()) as store:
        goods = [
            ProductIn(sku=f"SKU-{n:02d}", name=f"Barang {n}", price=Decimal(_PRICE), stock=10**6)
            for n in range(_PRODUCTS)
        ]
        load_products(store.shop, goods)
        first = dt.datetime.now(dt.UTC) - dt.timedelta(hours=12)
        for start in range(1, orders + 1, _CHUNK):
            batch = [order(n, first) for n in range(start, min(start + _CHUNK, orders + 1))]
            load_orders(store.shop, msgspec.convert(batch, list[LoadedOrder], strict=False))
        tokens = MemoryTokenStore(Token(access=books.grant["access_token"], refresh=books.grant["refresh_token"]))
        shop = {
            "base_url": store.url, "api_key": store.api_key, "webhook_secret": store.webhook_secret, "rate": "2000",
        }  # fmt: skip
        signed = {"account_url": books.url, "client_id": CLIENT, "client_secret": SECRET, **SETTINGS}
        connectors = {
            "toko": STORE.build(shop, Tools("toko", ZONE, MemoryTokenStore(), time.time)),
            "buku": accurate.build(signed, Tools("buku", ZONE, tokens, time.time)),
        }
        hub = Hub(Desk(open_ledger(folder, Plain())), connectors, [Pair("toko", "buku", _POLICY)])
        await hub.start()
        try:
            for kind in ("product", "contact"):
                await Intake(hub, "buku").poll(kind)
            await Intake(hub, "toko").poll("order")
            planned = await OrderPlanner(hub, hub.pairs[0]).plan()
            before = await books.facts()
            dispatcher = Dispatcher(hub, "buku")
            # What had to wait (an answer lost, a refusal) is taken up again, as the service does it.
            while await dispatcher.drain() or await hub.desk(hub.desk.ledger.pending):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            after = await books.facts()
        finally:
            await hub.close()
    calls = after["taken"] - before["taken"]
    seconds = after["last"] - after["first"]
    used = (calls - 1) / seconds if seconds else 0.0
    least = math.ceil(orders / 100) * len(DOCUMENTS)
    held = {entity: after["held"][entity] for entity in DOCUMENTS}
    refused = after["refused"] - before["refused"]
    return {
        "ok": not refused and planned == orders and set(held.values()) == {orders} and not after["unpaid"],
        "orders": orders,
        "documents": held,
        "calls": calls,
        "least_calls": least,
        "calls_ratio": round(calls / least, 3),
        "refused": refused,
        "refused_because": after["why"][len(before["why"]) :],
        "busiest_second": after["busiest_second"],
        "seconds": round(seconds, 2),
        "allowed_rate": ALLOWED,
        "used_rate": round(used, 3),
        "share": round(100 * used / ALLOWED, 1),
    }


async def measured(orders: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        async with books_apart() as books:
            return await backfill(orders, books, Path(folder))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=5000)
    parser.add_argument("--books", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--gate", default="", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.books or chosen.gate:
        asyncio.run(serve_gate(chosen.gate) if chosen.gate else serve_books())
        return
    answer = asyncio.run(measured(chosen.orders))
    print(json.dumps(answer, indent=1))
    sys.exit(0 if answer["ok"] else 1)


if __name__ == "__main__":
    main()
