"""From a WooCommerce shop into books and back: each order once, to the last rupiah, with refunds, bins and bank money.

The shop is the stand-in, the books are the sandbox's; between them the real ledger, rules, dispatcher and service.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
import pytest

from selaras.connectors.contract import Tools
from selaras.connectors.sandbox_books import CONNECTOR as BOOKS
from selaras.connectors.woocommerce import CONNECTOR as WOO
from selaras.engine.service import Service
from selaras.ledger import Desk, open_ledger
from selaras.rules.plan_types import Policy
from selaras.sandbox.books import BooksConfig, serve_books
from selaras.sandbox.books.server import BooksServer
from selaras.sandbox.faults import FaultSettings
from selaras.sync.hub import Hub, Pair
from selaras.sync.sweep import Sweep
from tests.connectors.woocommerce.rig import settings_for
from tests.connectors.woocommerce.standin import StandIn, serve_woo
from tests.connectors.woocommerce.standin_shop import ZERO, Config, Order, Shop
from tests.sync.target import Plain
from tests.sync.world import Tokens

POLICY = Policy(
    bank_methods=frozenset({"bacs"}),
    accounts={"bacs": "bank", "midtrans": "clearing", "cod": "clearing"},
    default_account="clearing",
)
SLOW = dict.fromkeys(
    ("order", "product", "contact", "bank_transaction", "receipt", "journal", "reread", "stock"), "every 60s"
)


def today() -> str:
    """The day of the shop's orders."""
    return dt.datetime.now(ZoneInfo("Asia/Jakarta")).date().isoformat()


class World:
    """A shop, books, and what keeps them in step."""

    def __init__(self, woo: StandIn, books: BooksServer, hub: Hub, http: aiohttp.ClientSession) -> None:
        self.woo = woo
        self.shop: Shop = woo.shop
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

    async def goods(self, stock: dict[str, int], price: int = 50_000) -> None:
        """The same goods on both sides; a code with a dash is a variation."""
        for code, pieces in stock.items():
            family = code.partition("-")[0] if "-" in code else ""
            parent = 0
            if family:
                known = [g for g in self.shop.goods.values() if g.sku == family]
                parent = (known or [self.shop.add(family, price, None, type="variable", manage=False)])[0].id
            self.shop.add(code, price, pieces, parent=parent, type="variation" if parent else "simple")
        await self.post(
            "/sandbox/seed",
            {
                "products": [{"code": code, "name": f"Barang {code}", "price": str(price)} for code in stock],
                "stock": [{"code": code, "on_hand": str(pieces)} for code, pieces in stock.items()],
            },
        )

    async def sync(self, rounds: int = 1) -> None:
        """Poll everything, read what is open again, and wait until nothing is left to do."""
        for _ in range(rounds):
            await self.service.intakes["toko"].reread_open("order", 0.0)
            for name, connector in self.hub.connectors.items():
                for kind in connector.capabilities.sources:
                    self.service.wake(name, kind)
            settled = await self.service.settle(120)
            assert settled, {n: lane.error for n, lane in self.service.lanes.items() if lane.error or not lane.idle}

    async def sale(self, order: Order) -> Any:
        (sale,) = (await self.truth())["sales"][order.number]
        return sale

    async def waiting(self) -> dict[str, str]:
        causes = await self.hub.desk(self.hub.desk.ledger.coverage.causes)
        return {cause.cause: cause.message for cause in causes}


@contextlib.asynccontextmanager
async def a_world(
    path: Path, config: Config | None = None, *, policy: Policy = POLICY, books: BooksConfig | None = None, **more: str
) -> AsyncIterator[World]:
    async with serve_books(books or BooksConfig()) as b, serve_woo(config) as woo, aiohttp.ClientSession() as http:
        signed = {
            "base_url": b.url,
            "client_id": b.config.client_id,
            "client_secret": b.config.client_secret,
            "grant": "client_credentials",
            "visibility_lag": "0.3",
        }
        connectors = {
            "toko": WOO.build(settings_for(woo, **more), Tools("toko", "Asia/Jakarta", Tokens(), time.time)),
            "buku": BOOKS.build(signed, Tools("buku", "Asia/Jakarta", Tokens(), time.time)),
        }
        hub = Hub(Desk(open_ledger(path, Plain())), connectors, [Pair("toko", "buku", policy)])
        await hub.start()
        world = World(woo, b, hub, http)
        await world.service.start()
        try:
            yield world
        finally:
            await world.service.stop()
            await hub.close()


def kinds(sale: Any) -> list[str]:
    return sorted(document.split()[0] for document in sale["documents"])


async def equal(world: World) -> None:
    """Every order that the shop has stands in the books once, over the same total; nothing else does."""
    truth = await world.truth()
    orders = {o.number: o for o in world.shop.orders.values() if o.status != "checkout-draft"}
    assert truth["duplicates"] == {}
    assert sorted(truth["sales"]) == sorted(orders)
    for number, sales in truth["sales"].items():
        assert len(sales) == 1, number
        order = orders[number]
        refunded = sum((r.amount for r in order.refunds), ZERO)
        assert Decimal(sales[0]["total"]) == order.total, number
        invoices = kinds(sales[0]).count("invoice")
        if order.paid is not None and order.status != "cancelled" and refunded < order.total:
            assert invoices == 1, (number, sales[0])
            assert Decimal(sales[0]["balance"]) == 0, (number, sales[0])
    assert {currency: of["sum"] for currency, of in truth["trial_balance"].items()} == {"IDR": "0"}, truth[
        "trial_balance"
    ]


@pytest.mark.parametrize("included", [True, False])
async def test_orders_of_every_kind_are_in_the_books_once_and_equal(tmp_path: Path, included: bool) -> None:
    async with a_world(tmp_path, Config(prices_include_tax=included)) as world:
        shop = world.shop
        await world.goods({"KOPI": 500, "TEH": 500, "KAOS-M": 500, "KAOS-L": 500}, price=33_333)
        shop.place([("KOPI", 1)], status="checkout-draft")
        paid = shop.place([("KOPI", 3), ("KAOS-M", 2)], method="midtrans", percent_off=10, shipping=9001, fee=2501)
        shop.pay(paid, "9aed5972")
        unpaid = shop.place([("TEH", 1)], status="on-hold", number="INV/2026/0007")
        cancelled = shop.place([("KAOS-L", 1)], status="on-hold")
        shop.set_status(cancelled, "cancelled")
        failed = shop.place([("KAOS-L", 1)], status="failed", method="midtrans")
        refunded = shop.place([("KOPI", 2), ("TEH", 2)], method="midtrans", shipping=9001)
        shop.pay(refunded)
        amount_only = shop.place([("KAOS-M", 3)], method="midtrans")
        shop.pay(amount_only)
        one_name = shop.place([("KOPI", 1)], method="cod", status="processing", name=("Sukarni", "Sukarni"))
        await world.sync(2)
        await equal(world)
        assert (await world.sale(unpaid))["status"] == "open"
        assert (await world.sale(cancelled))["status"] == (await world.sale(failed))["status"] == "void"
        assert kinds(await world.sale(paid)) == ["invoice", "receipt", "sales_order"]

        line = refunded.items[0]
        shop.refund(refunded, pieces={line.id: 1, refunded.items[-1].id: 1}, restock=True)
        shop.refund(amount_only, Decimal(5_000), silent=True)
        shop.set_status(one_name, "completed")
        shop.pay(failed, "second-try")
        await world.sync(2)
        for order in (refunded, amount_only, one_name):
            sale = await world.sale(order)
            assert sale["balance"] == "0", sale
        assert "credit_note" in kinds(await world.sale(refunded))
        assert "refund_payment" in kinds(await world.sale(amount_only))
        # A failed payment that succeeds after all: the voided order is recorded anew.
        truth = await world.truth()
        assert [s["status"] for s in truth["sales"][failed.number]] == ["void"]
        assert truth["sales"][f"{failed.number}/2"][0]["balance"] == "0"
        stock = truth["stock"]
        assert Decimal(stock["KOPI"]["on_hand"]) == 500 - 3 - 2 + 1 - 1
        assert truth["duplicates"] == {}
        assert truth["trial_balance"]["IDR"]["sum"] == "0"
        assert await world.waiting() == {}


async def test_many_orders_of_one_second_and_changes_while_they_are_read(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.goods({"KOPI": 10_000, "KAOS-M": 10_000})
        world.shop.clock.freeze()
        orders = [
            world.shop.place([("KOPI", 1 + n % 3), ("KAOS-M", 1)], method="midtrans", name=(f"Pembeli{n}", "A"))
            for n in range(230)
        ]
        world.shop.clock.run()
        for order in orders[::3]:
            world.shop.pay(order, f"TRX{order.id}")
        await world.sync()
        for order in orders[1::3]:
            world.shop.pay(order, f"TRX{order.id}")
        late = world.shop.place([("KOPI", 1)], method="midtrans")
        await world.sync(2)
        await equal(world)
        assert (await world.sale(late))["status"] == "open"


async def test_bank_money_marks_the_order_in_the_shop_and_is_not_booked_twice(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.goods({"KOPI": 10})
        order = world.shop.place([("KOPI", 1)], status="on-hold", number="5001")
        await world.sync()
        line = {
            "date": today(),
            "amount": str(order.total),
            "currency": "IDR",
            "description": f"TRF BUDI SANTOSO {order.number}",
        }
        await world.post("/sandbox/bank", {"items": [line]})
        await world.sync(3)
        assert (order.status, order.paid is not None) == ("processing", True)
        sale = await world.sale(order)
        assert (sale["balance"], kinds(sale)) == ("0", ["invoice", "receipt", "sales_order"])
        await world.sync(2)
        assert (await world.truth())["counts"]["receipts"] == 1


async def test_the_bin_voids_an_order_and_nothing_else(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.goods({"KOPI": 10})
        gone, kept = (world.shop.place([("KOPI", 1)], status="on-hold") for _ in range(2))
        await world.sync()
        world.shop.trash(gone)
        await world.sync(2)
        assert (await world.sale(gone))["status"] == "void"
        assert (await world.sale(kept))["status"] == "open"
        world.shop.restore(gone)
        world.shop.touch(gone)
        await world.sync(2)
        assert (await world.truth())["sales"][f"{gone.number}/2"][0]["status"] == "open"


async def test_stock_of_the_books_is_what_the_shop_offers(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.goods({"KOPI": 10, "KAOS-M": 10})
        await world.sync()
        items = [{"code": "KOPI", "quantity": "4"}, {"code": "KAOS-M", "quantity": "1"}]
        await world.post("/sandbox/sale", {"items": items})
        await world.sync(2)
        assert (world.shop.by_sku("KOPI").stock, world.shop.by_sku("KAOS-M").stock) == (6, 9)
        order = world.shop.place([("KOPI", 2)], method="midtrans")
        world.shop.pay(order)
        await world.sync(3)
        assert world.shop.by_sku("KOPI").stock == 4
        assert (await world.truth())["stock"]["KOPI"] == {"on_hand": "4", "reserved": "0"}


@pytest.mark.parametrize("included", [True, False])
async def test_money_back_on_goods_that_stay_is_a_discount_given_afterwards(tmp_path: Path, included: bool) -> None:
    async with a_world(tmp_path, Config(prices_include_tax=included)) as world:
        await world.goods({"KOPI": 100, "TEH": 100})
        order = world.shop.place([("KOPI", 2), ("TEH", 3)], method="midtrans", shipping=9001)
        world.shop.pay(order)
        await world.sync()
        kopi, teh = order.items[0].id, order.items[1].id
        world.shop.refund(order, money={teh: Decimal(1_000)})
        world.shop.refund(order, pieces={kopi: 1}, money={teh: Decimal(2_000)}, restock=True, by_gateway=True)
        await world.sync(2)
        assert await world.waiting() == {}
        sale = await world.sale(order)
        assert sale["balance"] == "0", sale
        assert kinds(sale).count("credit_note") == kinds(sale).count("refund_payment") == 2
        truth = await world.truth()
        assert (truth["stock"]["KOPI"]["on_hand"], truth["stock"]["TEH"]["on_hand"]) == ("99", "97")
        assert truth["trial_balance"]["IDR"]["sum"] == "0"


async def test_lost_answers_and_refusals_double_nothing(tmp_path: Path) -> None:
    """Trap 10, both sides: writes into the shop take effect and their answers are lost; the books fail now and then."""
    faults = FaultSettings(fail_before=0.05, fail_after=0.05, half_batch=0.05, search_lag=0.2)
    books = BooksConfig(seed=5, faults=faults, unique_references=False)
    async with a_world(tmp_path, books=books) as world:
        await world.goods({"KOPI": 500, "KAOS-M": 500})
        orders = [
            world.shop.place(
                [("KOPI", 1), ("KAOS-M", 1)], status="on-hold", number=f"INV-70{n:03d}", name=(f"P{n}", "A")
            )
            for n in range(12)
        ]
        await world.sync()
        lines = [
            {"date": today(), "amount": str(o.total), "currency": "IDR", "description": f"TRF {o.number}"}
            for o in orders
        ]
        world.woo.trouble.fail_after = True
        await world.post("/sandbox/bank", {"items": lines})
        await world.post("/sandbox/sale", {"items": [{"code": "KOPI", "quantity": "7"}]})
        for name in ("bank_transaction", "stock"):
            world.service.wake("buku", name)
        await world.service.settle(3)
        world.woo.trouble.fail_after = False
        await world.sync(3)
        await equal(world)
        assert [order.status for order in orders] == ["processing"] * 12
        assert {len(order.meta) for order in orders} == {1}
        assert world.shop.by_sku("KOPI").stock == 500 - 12 - 7
        assert (await world.truth())["counts"]["receipts"] == 12


async def test_poison_is_parked_alone(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.goods({"KOPI": 100})
        bad = world.shop.place([("KOPI", 1)], method="midtrans", status="processing")
        bad.items[0].gone = True
        odd = world.shop.place([("KOPI", 1)], method="midtrans", status="processing")
        odd.total += 1
        fine = [world.shop.place([("KOPI", 1)], method="midtrans", status="processing") for _ in range(5)]
        await world.sync(2)
        assert set(await world.waiting()) == {"unmatched_product", "total_mismatch"}
        for order in fine:
            assert (await world.sale(order))["balance"] == "0"
        assert len((await world.truth())["sales"]) == 5


async def test_a_sweep_finds_what_no_poll_could(tmp_path: Path) -> None:
    """Written around WooCommerce's objects: no date moves, no webhook is sent, and the order is final already."""
    async with a_world(tmp_path) as world:
        await world.goods({"KOPI": 100})
        order = world.shop.place([("KOPI", 1)], status="on-hold", method="midtrans")
        await world.sync()
        world.shop.set_status(order, "cancelled", silent=True)
        hidden = world.shop.place([("KOPI", 2)], status="on-hold", method="midtrans")
        hidden.modified -= 86_400  # imported with an old date
        pair = world.hub.pairs[0]
        swept = await Sweep(world.hub, pair, world.service.intakes["toko"]).run()
        assert (swept.seen, swept.changed) == (2, 2)
        world.service.wake("toko", "order")
        assert await world.service.settle(120)
        assert (await world.sale(order))["status"] == "void"
        assert (await world.sale(hidden))["status"] == "open"
