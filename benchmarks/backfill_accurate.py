#!/usr/bin/env python3
"""How much of Accurate's limit a back-fill uses: python benchmarks/backfill_accurate.py [--orders 5000]

Paid orders of the sandbox store, each of another buyer, are read and planned by the flows; then the clock runs while the
dispatcher sends their documents (customer, order, invoice, receipt) into the stand-in of Accurate, which runs in a
process of its own and refuses the ninth call within any second and the ninth at once. One JSON object on the output:
orders, calls, refused, seconds (between the first and the last call), allowed_rate, used_rate and share (in per cent).
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
from pathlib import Path
from typing import Any

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
from tests.connectors.accurate.standin import CLIENT, SECRET, StandIn, running  # noqa: E402
from tests.connectors.kit_signin import MemoryTokenStore  # noqa: E402
from tests.sync.target import Plain  # noqa: E402

import msgspec  # noqa: E402

ALLOWED = 8
DOCUMENTS = ("customer", "sales-order", "sales-invoice", "sales-receipt")
_PRODUCTS = 20
_CHUNK = 500
_CLEARING = "1-1300"
_PRICE = 50_000
_POLICY = Policy(accounts={"qris": _CLEARING}, default_account=_CLEARING, zone=ZONE)


# -- the books ---------------------------------------------------------------------------------------------------------


def stocked(standin: StandIn) -> StandIn:
    """The catalogue of the shop, in the books."""
    for code in ("ONGKIR", "BIAYA", "JASA"):
        standin.books.item(code, kind="SERVICE")
    for number in range(_PRODUCTS):
        standin.books.item(f"SKU-{number:02d}", f"Barang {number}", price=_PRICE, stock=10**6)
    return standin


def facts(standin: StandIn) -> dict[str, Any]:
    """What the books have seen so far."""
    limit, books = standin.limit, standin.books
    return {
        "taken": limit.taken, "refused": limit.refused, "first": limit.first, "last": limit.last,
        "busiest_second": limit.busiest, "held": {entity: len(books.of(entity)) for entity in DOCUMENTS},
        "unpaid": sum(row["primeOwing"] != 0 for row in books.of("sales-invoice").values()),
    }  # fmt: skip


async def serve() -> None:
    """The stand-in as a process: its address and grant on the output, then its facts for each line of input."""
    standin = stocked(StandIn(most=ALLOWED))
    loop = asyncio.get_running_loop()
    async with running(standin):
        print(json.dumps({"url": standin.url, "grant": standin.sign_in()}), flush=True)
        while await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(facts(standin)), flush=True)
            standin.limit.first = 0.0


class Books:
    """The stand-in, in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, told: dict[str, Any]) -> None:
        self._process = process
        self.url: str = told["url"]
        self.grant: dict[str, Any] = told["grant"]

    async def facts(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        await self._process.stdin.drain()
        found: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return found


@asynccontextmanager
async def books_apart() -> AsyncIterator[Books]:
    """Start the stand-in beside this process."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, __file__, "--serve", stdin=pipe, stdout=pipe)
    try:
        assert process.stdout is not None
        yield Books(process, json.loads(await process.stdout.readline()))
    finally:
        process.terminate()
        await process.wait()


class BooksHere:
    """The stand-in in this process, for the small version of this measurement that is a test."""

    def __init__(self, standin: StandIn) -> None:
        self._standin = standin
        self.url = standin.url
        self.grant = standin.sign_in()

    async def facts(self) -> dict[str, Any]:
        found = facts(self._standin)
        self._standin.limit.first = 0.0
        return found


@asynccontextmanager
async def books_here() -> AsyncIterator[BooksHere]:
    """Start the stand-in within this process."""
    async with running(stocked(StandIn(most=ALLOWED))) as standin:
        yield BooksHere(standin)


# -- the shop and the flows ----------------------------------------------------------------------------------------------


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
        goods = [ProductIn(sku=f"SKU-{n:02d}", name=f"Barang {n}", price=_PRICE, stock=10**6) for n in range(_PRODUCTS)]  # type: ignore[arg-type]
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
            while await dispatcher.drain() or await hub.desk(hub.desk.ledger.pending):
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
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        asyncio.run(serve())
        return
    answer = asyncio.run(measured(chosen.orders))
    print(json.dumps(answer, indent=1))
    sys.exit(0 if answer["ok"] else 1)


if __name__ == "__main__":
    main()
