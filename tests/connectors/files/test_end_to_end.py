"""Files in, files out, and both ends of the sandbox: each order once, to the last rupiah, whatever repeats."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from selaras.connectors.contract import Connector, Tools
from selaras.connectors.files import FileBooks, FileStore
from selaras.connectors.sandbox_books import CONNECTOR as SANDBOX_BOOKS
from selaras.connectors.watched import place_of
from selaras.engine.service import Service
from selaras.ledger import Desk, open_ledger
from selaras.sandbox.books import BooksConfig, serve_books
from selaras.sandbox.faults import FaultSettings
from selaras.sync.hub import Hub, Pair
from selaras.sync.sweep import Sweep
from tests.connectors.files.desk import BooksDesk, Shop, ShopOrder
from tests.connectors.files.rig import Flaky, Trouble
from tests.sync.target import Plain
from tests.sync.world import POLICY, Tokens, a_world

SLOW = dict.fromkeys(
    ("order", "product", "contact", "bank_transaction", "receipt", "journal", "reread", "stock"), "every 60s"
)


class Files:
    """A hub whose store, books or both are files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.shop = Shop(root / "toko")
        self.desk = BooksDesk(root / "buku")
        self.trouble = Trouble()
        self.hub: Any = None
        self.service: Any = None

    def connector(self, kind: type[FileStore] | type[FileBooks], name: str) -> Connector:
        settings = {"folder": str(self.root / name), "quiet": "0"}
        place = Flaky(place_of(settings), self.trouble)
        return kind(settings, Tools(name, "Asia/Jakarta", None, time.time), place)

    @contextlib.asynccontextmanager
    async def running(self, store: Connector | None = None, books: Connector | None = None) -> AsyncIterator[None]:
        connectors = {
            "toko": store or self.connector(FileStore, "toko"),
            "buku": books or self.connector(FileBooks, "buku"),
        }
        self.hub = Hub(Desk(open_ledger(self.root / "ledger", Plain())), connectors, [Pair("toko", "buku", POLICY)])
        await self.hub.start()
        self.service = Service(self.hub, SLOW)
        await self.service.start()
        try:
            yield
        finally:
            await self.service.stop()
            await self.hub.close()

    async def sync(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            await self.service.intakes["toko"].reread_open("order", 0.0)
            for name, connector in self.hub.connectors.items():
                for kind in connector.capabilities.sources:
                    self.service.wake(name, kind)
            settled = await self.service.settle(120)
            assert settled, {n: lane.error for n, lane in self.service.lanes.items() if lane.error or not lane.idle}

    async def waiting(self) -> dict[str, str]:
        causes = await self.hub.desk(self.hub.desk.ledger.coverage.causes)
        return {cause.cause: cause.message for cause in causes}

    def goods(self, stock: dict[str, int]) -> None:
        self.shop.goods(stock)
        for name in ("products.csv", "stock.csv"):
            shutil.copyfile(self.root / "toko" / "in" / name, self.root / "buku" / "in" / name)

    def equal(self) -> None:
        """Missing 0, doubled 0, totals equal: what the desk entered is what the shop sold."""
        self.desk.pick_up()
        assert self.desk.doubled == []
        orders = self.desk.of("sales_order", void=True)
        assert set(orders) == set(self.shop.orders)
        for number, order in self.shop.orders.items():
            entry = orders[number]
            assert entry.void == (order.status == "cancelled"), number
            if not entry.void:
                assert entry.total == order.total, number
        live = {n: o for n, o in self.shop.orders.items() if o.status != "cancelled"}
        receipts = self.desk.of("receipt")
        refunds = self.desk.of("refund_payment")
        money = sum((e.total or Decimal(0) for e in receipts.values()), Decimal(0))
        back = sum((e.total or Decimal(0) for e in refunds.values()), Decimal(0))
        assert money == sum(o.paid_total for o in live.values())
        assert back == sum(o.refunded for o in live.values())
        billed = self.desk.sums("invoice") - self.desk.sums("credit_note")
        assert billed == sum(o.total - o.refunded for o in live.values() if o.paid_total)


def a_day(shop: Shop) -> dict[str, ShopOrder]:
    """Orders of every kind; the file of each is dropped by whoever calls."""
    made = {
        "paid": shop.order(("KOPI", 3), ("TEH", 2), shipping=9001, phone="081234560001", taxed=True),
        "unpaid": shop.order(("TEH", 1), phone="081234560002", status="pending", name="Budi Santoso"),
        "refunded": shop.order(("KOPI", 2), ("TEH", 2), phone="081234560003", name="Siti Aminah"),
        "edited": shop.order(("KAOS-M", 1), phone="081234560004", status="pending", name="I Wayan Gede"),
        "cancelled": shop.order(("KAOS-M", 2), phone="081234560005", status="pending", name="Joko"),
        "guest": shop.order(("KOPI", 1), name="Sukarni"),
    }
    for name in ("paid", "refunded", "guest"):
        made[name].paid = [("p1", made[name].total)]
    return made


def things_happen(shop: Shop, made: dict[str, ShopOrder]) -> None:
    made["refunded"].refunds = [("r1", made["refunded"].lines[0][2], [("KOPI", 1, made["refunded"].lines[0][2])], True)]
    made["edited"].lines = [("KAOS-M", 3, shop.prices["KAOS-M"]), ("KOPI", 1, shop.prices["KOPI"])]
    made["edited"].status = "open"
    made["edited"].paid = [("p9", made["edited"].total)]
    made["cancelled"].status = "cancelled"
    made["paid"].tracking = "JNE0012345"


GOODS = {"KOPI": 500, "TEH": 500, "KAOS-M": 500}


async def test_files_to_files(tmp_path: Path) -> None:
    """A file dropped twice, an overlapping export, a file edited and dropped again, a refund, a cancellation."""
    files = Files(tmp_path)
    files.goods(GOODS)
    made = a_day(files.shop)
    async with files.running():
        files.shop.export(name="orders-a.csv")
        await files.sync()
        files.equal()
        files.shop.export(name="orders-a-again.csv")
        await files.sync()
        later = [files.shop.order(("TEH", 1 + n % 3), phone=f"0812999{n:05d}", name=f"P {n}") for n in range(40)]
        for order in later[::2]:
            order.paid = [("p", order.total)]
        files.shop.export(delimiter=";")
        await files.sync()
        things_happen(files.shop, made)
        files.shop.export(name="orders-a.csv")
        await files.sync(2)
        files.equal()
        assert await files.waiting() == {}
        numbers = sorted(int(name.split("-")[0]) for name in files.desk.imported)
        assert numbers == list(range(1, len(numbers) + 1))
        swept = await Sweep(files.hub, files.hub.pairs[0], files.service.intakes["toko"]).run()
        assert (swept.seen, swept.differences, swept.unsettled) == (len(files.shop.orders), [], 0)
        note = files.desk.of("credit_note")
        assert [e.rows[0]["restock"] for e in note.values()] == ["yes"]
        # The export of stock does not know of these sales yet: what they take is not offered again.
        shelf = {s.id: s.record for s in await files.hub.connectors["buku"].read("stock", ["KOPI", "TEH"])}
        assert shelf["KOPI"].available == 500 - 3 - 2 - 1 - 1 + 1
    # What the shop is told to offer is what the books can promise.
    assert files.shop.offered("KOPI") == 500 - 3 - 2 - 1 - 1 + 1


async def test_answers_lost_and_restarts(tmp_path: Path) -> None:
    """Every third put of a file takes effect and its answer is lost, in two ways; the hub is stopped in the middle."""
    files = Files(tmp_path)
    files.goods(GOODS)
    made = a_day(files.shop)
    files.shop.export()
    for turn in range(6):
        async with files.running():
            files.trouble.mode, files.trouble.turn = "after", turn
            extra = files.shop.order(("KOPI", 1), phone=f"0813000{turn:05d}", name=f"P {turn}")
            extra.paid = [("p", extra.total)]
            files.shop.export(extra.number)
            for name, connector in files.hub.connectors.items():
                for kind in connector.capabilities.sources:
                    files.service.wake(name, kind)
            await files.service.settle(0.6)
        files.trouble.mode = ""
        files.desk.pick_up(delete=turn % 2 == 1)
    things_happen(files.shop, made)
    files.shop.export()
    async with files.running():
        await files.sync(3)
        files.equal()
        assert await files.waiting() == {}


async def test_an_order_that_cannot_be_read_is_counted_and_mended(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.goods(GOODS)
    good = files.shop.order(("KOPI", 1), phone="081234560001")
    bad = files.shop.order(("TEH", 1), phone="081234560002", name="Budi")
    async with files.running():
        path = files.shop.export(name="orders.csv")
        lines = path.read_text().splitlines()
        lines.append(lines[1].replace(good.number, "", 1))
        lines[2] = lines[2].replace("50001", "5O.001")
        files.shop.drop("orders.csv", ("\n".join(lines) + "\n").encode())
        await files.sync()
        files.desk.pick_up()
        assert set(files.desk.of("sales_order")) == {good.number}
        causes = await files.waiting()
        assert set(causes) == {"unreadable"}
        records = await files.hub.desk(files.hub.desk.ledger.coverage.waiting)
        assert records is not None
        report = (tmp_path / "toko" / "refused" / "orders.csv.csv").read_text("utf-8-sig")
        assert "3,total," in report or "3,unit_price,5O.001" in report
        assert "no order number" in report
        files.shop.export(name="orders.csv")
        await files.sync(2)
        files.equal()
        assert await files.waiting() == {}
        assert bad.number in files.desk.of("sales_order")
        report = (tmp_path / "toko" / "refused" / "orders.csv.csv").read_text("utf-8-sig")
        assert len(report.splitlines()) == 1


async def test_files_into_the_sandbox_books(tmp_path: Path) -> None:
    faults = FaultSettings(fail_before=0.05, fail_after=0.05, half_batch=0.05, search_lag=0.2)
    config = BooksConfig(seed=11, faults=faults, unique_references=False)
    files = Files(tmp_path)
    files.shop.goods(GOODS)
    async with serve_books(config) as served, aiohttp.ClientSession() as http:
        seed = {
            "products": [{"code": c, "name": f"Barang {c}", "price": "50000"} for c in GOODS],
            "stock": [{"code": c, "on_hand": "500"} for c in GOODS],
        }
        async with http.post(f"{served.url}/sandbox/seed", json=seed, headers=served.admin) as answer:
            assert answer.status < 300
        settings = {
            "base_url": served.url, "client_id": served.config.client_id,
            "client_secret": served.config.client_secret, "grant": "client_credentials", "visibility_lag": "0.3",
        }  # fmt: skip
        books = SANDBOX_BOOKS.build(settings, Tools("buku", "Asia/Jakarta", Tokens(), time.time))
        made = a_day(files.shop)
        async with files.running(books=books):
            files.shop.export(name="a.csv")
            files.shop.export(name="orders-b.csv")
            await files.sync()
            things_happen(files.shop, made)
            files.shop.export(name="orders-c.csv")
            await files.sync(3)
            async with http.get(f"{served.url}/sandbox/truth", headers=served.admin) as answer:
                truth = msgspec.json.decode(await answer.read())
            assert truth["duplicates"] == {}
            assert sorted(truth["sales"]) == sorted(files.shop.orders)
            for number, (sale,) in truth["sales"].items():
                order = files.shop.orders[number]
                assert Decimal(sale["total"]) == order.total, number
                assert Decimal(sale["balance"]) == 0 or not order.paid_total, sale
            assert truth["trial_balance"]["IDR"]["sum"] == "0"
            assert await files.waiting() == {}
            on_hand = {c: Decimal(truth["stock"][c]["on_hand"]) for c in GOODS}
            assert on_hand == {"KOPI": 500 - 3 - 2 + 1 - 1 - 1, "TEH": 500 - 2 - 2, "KAOS-M": 500 - 3}
            assert files.shop.offered("KOPI") == on_hand["KOPI"]


async def test_the_sandbox_store_into_files(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.goods({"KAOS-M": 50, "TOPI": 50})
    books = files.connector(FileBooks, "buku")
    async with a_world(tmp_path / "w", start=False) as world:
        await world.stock({"KAOS-M": 50, "TOPI": 50})
        connectors = {"toko": world.hub.connectors["toko"], "buku": books}
        hub = Hub(world.hub.desk, connectors, [Pair("toko", "buku", POLICY)])
        await hub.start()
        service = Service(hub, SLOW)
        await service.start()
        try:

            async def sync() -> None:
                for name, connector in connectors.items():
                    for kind in connector.capabilities.sources:
                        service.wake(name, kind)
                await service.intakes["toko"].reread_open("order", 0.0)
                assert await service.settle(120), {n: lane.error for n, lane in service.lanes.items() if lane.error}

            orders = [
                await world.checkout(("KAOS-M", 1 + n % 2), ("TOPI", 1), phone=f"0812000000{n:02d}", tax_rate="0.11")
                for n in range(6)
            ]
            await sync()
            for order in orders[:4]:
                await world.act(order, "pay", {"method": "qris", "reference": f"r{order['id']}"})
            await sync()
            line = orders[0]["lines"][0]["id"]
            await world.act(orders[0], "refunds", {"lines": [{"line_id": line, "quantity": 1}], "restock": True})
            await world.act(orders[5], "cancel", {"reason": "buyer"})
            await sync()
            await sync()
            files.desk.pick_up()
            truth = {o["number"]: o for o in (await world.shop_truth())["orders"]}
            entries = files.desk.of("sales_order", void=True)
            assert files.desk.doubled == []
            assert set(entries) == set(truth)
            assert {n: e.total for n, e in entries.items()} == {n: Decimal(o["total"]) for n, o in truth.items()}
            assert [n for n, e in entries.items() if e.void] == [orders[5]["number"]]
            money = files.desk.sums("receipt") - files.desk.sums("refund_payment")
            assert money == sum(Decimal(o["paid"]) - Decimal(o["refunded"]) for o in truth.values())
            for code in ("KAOS-M", "TOPI"):
                (row,) = await books.read("stock", [code])
                shop_stock = (await world.shop_truth())["stock"][code]["available"]
                assert row.record.available == Decimal(shop_stock), code
        finally:
            await service.stop()
            await books.close()
