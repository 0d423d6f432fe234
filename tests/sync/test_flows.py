"""Every flow end to end over real HTTP: bank money, cancellations, refunds, exchanges, edits, shipments, stock."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from selaras.connectors.contract import Changes, Failed, Op, Outcome, Seen, Stale, Write
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import RecordKey, Settlement, document_of
from selaras.model.document import StockLevel
from selaras.sandbox.books import BooksConfig
from selaras.sandbox.faults import FaultSettings
from selaras.sync.stock import stock_stream
from tests.sync.world import POLICY, World, a_world


async def sale_of(world: World, order: Any) -> Any:
    (sale,) = (await world.truth())["sales"][order["number"]]
    return sale


async def shop_order(world: World, order: Any) -> Any:
    (found,) = (o for o in (await world.shop_truth())["orders"] if o["number"] == order["number"])
    return found


def kinds(sale: Any) -> list[str]:
    return [document.split()[0] for document in sale["documents"]]


async def test_money_found_in_the_bank_marks_the_order_paid(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), method="transfer")
        await world.sync()
        assert kinds(await sale_of(world, order)) == ["sales_order"]
        await world.transfer(order)
        await world.sync()
        await world.sync()
        sale = await sale_of(world, order)
        assert (sale["balance"], sorted(kinds(sale))) == ("0", ["invoice", "receipt", "sales_order"])
        shop = await shop_order(world, order)
        assert Decimal(shop["paid"]) == Decimal(shop["total"])
        # Our own mark in the store is not money a second time.
        await world.sync()
        assert (await world.truth())["counts"]["receipts"] == 1


async def test_a_transfer_without_order_is_asked_and_pays_later(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        await world.post(
            f"{world.books.url}/sandbox/bank",
            {"items": [{"date": "2018-09-13", "amount": "123456", "currency": "IDR", "description": "SETORAN TUNAI"}]},
            world.books.admin,
        )
        await world.sync()
        (cause,) = await world.hub.desk(world.ledger.coverage.causes)
        assert cause.cause == "unmatched_payment"
        cells = await world.hub.desk(world.ledger.coverage.cells, "buku", "bank_transaction")
        assert [(c.seen, c.blocked) for c in cells] == [(1, 1)]


async def test_a_receipt_booked_by_hand_pays_the_order(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), method="transfer")
        await world.sync()
        sale = await sale_of(world, order)
        await world.post(
            f"{world.books.url}/sandbox/typist",
            {
                "kind": "receipts",
                "items": [
                    {
                        "date": "2026-01-05",
                        "currency": "IDR",
                        "total": sale["total"],
                        "sales_order_id": sale["id"],
                        "account": "bank",
                    }
                ],
            },
            world.books.admin,
        )
        await world.sync()
        await world.sync()
        shop = await shop_order(world, order)
        assert Decimal(shop["paid"]) == Decimal(shop["total"])
        assert sorted(kinds(await sale_of(world, order))) == ["invoice", "receipt", "sales_order"]
        assert (await sale_of(world, order))["balance"] == "0"


async def test_cancelled_before_anything_was_posted_is_still_recorded(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), method="transfer")
        await world.act(order, "cancel", {"reason": "buyer"})
        await world.sync()
        sale = await sale_of(world, order)
        assert (sale["status"], kinds(sale)) == ("void", ["sales_order"])
        assert (await world.truth())["stock"]["KAOS-M"] == {"on_hand": "10", "reserved": "0"}


async def test_a_paid_order_that_is_cancelled_ends_at_zero(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 2))
        await world.act(order, "pay", {"method": "qris", "reference": "Q1"})
        await world.sync()
        await world.act(order, "cancel", {"reason": "buyer", "refund": True})
        await world.sync()
        sale = await sale_of(world, order)
        assert sale["balance"] == "0"
        assert {"credit_note", "refund_payment"} <= set(kinds(sale))
        assert (await world.truth())["stock"]["KAOS-M"] == {"on_hand": "10", "reserved": "0"}


async def test_partial_refund_with_restock(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10, "TOPI": 5})
        order = await world.checkout(("KAOS-M", 2), ("TOPI", 1))
        await world.act(order, "pay", {"method": "qris", "reference": "Q1"})
        await world.act(order, "shipments", {"courier": "JNE", "tracking": "JNE123"})
        await world.sync()
        line = order["lines"][0]["id"]
        await world.act(
            order, "refunds", {"lines": [{"line_id": line, "quantity": 1}], "restock": True, "reason": "size"}
        )
        await world.sync()
        sale = await sale_of(world, order)
        assert sale["balance"] == "0"
        assert (await world.truth())["stock"]["KAOS-M"] == {"on_hand": "9", "reserved": "0"}
        assert (await world.truth())["trial_balance"]["IDR"]["sum"] == "0"


async def test_exchange_and_edit_end_in_the_stores_total(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10, "KAOS-L": 10})
        edited = await world.checkout(("KAOS-M", 2))
        await world.sync()
        line = edited["lines"][0]["id"]
        await world.act(edited, "edit", {"lines": [{"line_id": line, "quantity": 3}]})
        await world.act(edited, "pay", {"method": "qris", "reference": "Q1"})
        await world.sync()
        assert (await sale_of(world, edited))["balance"] == "0"
        swapped = await world.checkout(("KAOS-M", 1), phone="0813-1111-2222", name="Siti")
        await world.act(swapped, "pay", {"method": "qris", "reference": "Q2"})
        await world.act(swapped, "shipments", {"courier": "JNE", "tracking": "JNE124"})
        await world.sync()
        line = swapped["lines"][0]["id"]
        await world.act(
            swapped,
            "exchanges",
            {"back": [{"line_id": line, "quantity": 1}], "out": [{"sku": "KAOS-L", "quantity": 1}]},
        )
        await world.sync()
        assert (await sale_of(world, swapped))["balance"] == "0"
        stock = (await world.truth())["stock"]
        assert stock["KAOS-M"]["on_hand"] == "7"
        assert Decimal(stock["KAOS-L"]["on_hand"]) - Decimal(stock["KAOS-L"]["reserved"]) == 9


async def test_counter_sale_lowers_the_shelf_of_the_web_store(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        await world.sync()
        await world.post(
            f"{world.books.url}/sandbox/sale",
            {"items": [{"code": "KAOS-M", "quantity": "4"}]},
            world.books.admin,
        )
        await world.sync()
        shelf = (await world.shop_truth())["stock"]["KAOS-M"]
        assert shelf["available"] == 6


async def test_orders_taken_are_never_put_back_on_the_shelf(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        await world.sync()
        for n in range(4):
            await world.checkout(("KAOS-M", 1), phone=f"0812000000{n}", name=f"Pembeli {n}", method="transfer")
        world.hub.desk.ledger.connections.decisions("toko", "product")
        await world.post(
            f"{world.books.url}/sandbox/sale",
            {"items": [{"code": "KAOS-M", "quantity": "1"}]},
            world.books.admin,
        )
        world.service.wake("buku", "stock")
        assert await world.service.settle(120)
        assert (await world.shop_truth())["stock"]["KAOS-M"]["available"] == 5


async def test_a_stock_write_that_was_overtaken_is_worked_out_anew_without_other_news(tmp_path: Path) -> None:
    """The lane that works stock out was woken before the code was noted, found nothing and slept (chaos, seed 5)."""
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        await world.sync()
        store = world.hub.connectors["toko"]
        wrote, overtaken = store.write, list[Write]()

        async def first_too_late(kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
            if kind == "stock" and not overtaken:
                overtaken.extend(writes)
                return [Failed(Stale("the version moved", code="stale_version")) for _ in writes]
            return await wrote(kind, op, writes)

        store.write = first_too_late  # type: ignore[method-assign]
        await world.post(
            f"{world.books.url}/sandbox/sale",
            {"items": [{"code": "KAOS-M", "quantity": "4"}]},
            world.books.admin,
        )
        await world.sync()
        assert len(overtaken) == 1
        assert (await world.shop_truth())["stock"]["KAOS-M"]["available"] == 6


async def test_a_write_that_lands_after_the_shelf_was_read_is_not_taken_for_what_stood_there(tmp_path: Path) -> None:
    """8 is under way, the books say 10 again, and so did the shelf when it was read, a moment before the 8 landed."""
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        await world.sync()
        store, service = world.hub.connectors["toko"], world.service
        wrote, read = store.write, store.read
        under_way, was_read, landed = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def late(kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
            if kind == "stock" and not under_way.is_set():
                under_way.set()
                await was_read.wait()
            return await wrote(kind, op, writes)

        async def too_early(kind: str, ids: Sequence[str]) -> list[Seen]:
            found = await read(kind, ids)
            if kind == "stock" and under_way.is_set() and not landed.is_set():
                was_read.set()
                await landed.wait()
            return found

        async def told(settlements: Sequence[Settlement]) -> None:
            landed.set()

        async def count(pieces: str) -> None:
            body = {"stock": [{"code": "KAOS-M", "on_hand": pieces}]}
            await world.post(f"{world.books.url}/sandbox/seed", body, world.books.admin)
            service.wake("buku", "stock")

        store.write, store.read = late, too_early  # type: ignore[method-assign]
        service.dispatchers["toko"].after.append(told)
        await count("8")
        await asyncio.wait_for(under_way.wait(), 60)
        await count("10")
        assert await service.settle(120), await world.stuck()
        assert landed.is_set()
        assert (await world.shop_truth())["stock"]["KAOS-M"]["available"] == 10


async def test_an_order_booked_while_stock_is_worked_out_is_not_taken_off_twice_for_good(tmp_path: Path) -> None:
    """It stands in the books' stock already, that news is taken in, and its answer comes only now: still "waiting"."""
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        await world.sync()
        books, service = world.hub.connectors["buku"], world.service
        wrote, read = books.write, books.read
        working, settled = asyncio.Event(), asyncio.Event()

        async def slow_answer(kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
            outcomes = await wrote(kind, op, writes)
            if kind == "sales_order" and not settled.is_set():
                await service.intakes["buku"].poll("stock")
                await working.wait()
            return outcomes

        async def slow_stock(kind: str, ids: Sequence[str]) -> list[Seen]:
            if kind == "stock" and not settled.is_set():
                working.set()
                await settled.wait()
            return await read(kind, ids)

        async def told(settlements: Sequence[Settlement]) -> None:
            if any(s.claimed.kind == "sales_order" for s in settlements):
                settled.set()

        books.write, books.read = slow_answer, slow_stock  # type: ignore[method-assign]
        service.dispatchers["buku"].after.append(told)
        await world.checkout(("KAOS-M", 3))
        await world.sync()
        assert working.is_set()
        assert (await world.shop_truth())["stock"]["KAOS-M"]["available"] == 7


async def worked_out_anew(world: World) -> None:
    """Until stock lane and store have nothing to do any more."""
    lanes = [world.service.lanes[name] for name in ("stock toko", "send toko")]
    lanes[0].wake()
    while world.service.stocks["toko"].open or not all(lane.idle for lane in lanes):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def test_pieces_of_an_order_that_waited_for_its_refund_alone_are_offered_again(tmp_path: Path) -> None:
    """One of two pieces is refunded before payment: while the refund waits, a piece counts twice."""
    async with a_world(tmp_path, policy=replace(POLICY, invoice_at="payment")) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 2))
        await world.sync()
        books, flow = world.hub.connectors["buku"], world.service.stocks["toko"]
        wrote, sending, refunded = books.write, asyncio.Event(), asyncio.Event()

        async def late_refund(kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
            if kind == "refund_payment":
                sending.set()
                await refunded.wait()
            return await wrote(kind, op, writes)

        books.write = late_refund  # type: ignore[method-assign]
        line = order["lines"][0]["id"]
        await world.act(order, "refunds", {"lines": [{"line_id": line, "quantity": 1}], "restock": True, "reason": "x"})
        await world.sync()
        await asyncio.sleep(1.1)  # the store stamps by the second; in the same one the payment would count as the first
        await world.act(order, "pay", {"method": "qris", "reference": "Q1", "amount": "100000"})
        world.service.wake("toko", "order")
        await asyncio.wait_for(sending.wait(), 60)
        # What the invoice moved is known by now; only the refund is on its way.
        await world.service.intakes["buku"].poll("stock")
        flow.wanted.add("KAOS-M")
        try:
            await asyncio.wait_for(worked_out_anew(world), 60)
            assert (await world.shop_truth())["stock"]["KAOS-M"]["available"] == 8  # safe, but a piece too few
        finally:
            refunded.set()
        await world.sync()
        stock = (await world.truth())["stock"]["KAOS-M"]
        assert Decimal(stock["on_hand"]) - Decimal(stock["reserved"]) == 9
        assert (await world.shop_truth())["stock"]["KAOS-M"]["available"] == 9


async def test_stock_worked_out_from_goods_in_motion_is_worked_out_anew(tmp_path: Path) -> None:
    """The polls before and after say the same, so nothing has changed for them (a day with Tryton, under load)."""
    async with a_world(tmp_path) as world:
        books, stock = world.hub.connectors["buku"], world.service.stocks["toko"]
        read, changed, moved = books.read, books.changed, list[Seen]()

        async def without_versions(kind: str, cursor: str) -> Changes:
            page = await changed(kind, cursor)
            if kind != "stock":
                return page
            bare = [replace(one, record=replace(one.record, version="")) for one in page.seen]
            return replace(page, seen=bare)

        books.changed = without_versions  # type: ignore[method-assign]
        await world.stock({"KAOS-M": 10})
        await world.sync()

        async def count(pieces: str) -> None:
            body = {"stock": [{"code": "KAOS-M", "on_hand": pieces}]}
            await world.post(f"{world.books.url}/sandbox/seed", body, world.books.admin)

        async def in_motion(kind: str, ids: Sequence[str]) -> list[Seen]:
            if kind != "stock" or moved:
                return await read(kind, ids)
            await count("12")
            moved.extend(await read(kind, ids))
            await count("10")
            return list(moved)

        books.read = in_motion  # type: ignore[method-assign]
        stock.wanted.add("KAOS-M")
        world.service.lanes["stock toko"].wake()
        assert await world.service.settle(120), await world.stuck()
        await world.sync()
        assert (await world.shop_truth())["stock"]["KAOS-M"]["available"] == 10
        stream = stock_stream("toko", "KAOS-M")
        sent = (await world.hub.desk(world.ledger.postings.of_streams, "toko", [stream]))[stream]
        levels = [document_of(posting.document) for posting in sent]
        assert [level.available for level in levels if isinstance(level, StockLevel)] == [12, 10]


async def test_what_news_had_cured_is_not_forgotten_when_the_ledger_fails_for_a_moment(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        await world.post(
            f"{world.store.url}/sandbox/products",
            {"products": [{"sku": "TOPI", "name": "Topi", "price": "5000", "stock": 9}]},
            world.shop_admin,
        )
        order = await world.checkout(("TOPI", 1))
        await world.sync()
        assert [c.cause for c in await world.hub.desk(world.ledger.coverage.causes)] == ["unmatched_product"]
        again, failed = world.ledger.records.replan_blocked, list[Sequence[str]]()

        def once_a_full_disk(connection: str, causes: Sequence[str] = ()) -> int:
            if connection == "toko" and "unmatched_product" in causes and not failed:
                failed.append(causes)
                raise LedgerError("The disk is full.")
            return again(connection, causes)

        world.ledger.records.replan_blocked = once_a_full_disk  # type: ignore[method-assign]
        topi = {"code": "TOPI", "name": "Topi", "price": "5000"}
        stock = {"code": "TOPI", "on_hand": "9"}
        await world.post(f"{world.books.url}/sandbox/seed", {"products": [topi], "stock": [stock]}, world.books.admin)
        await world.sync()
        assert len(failed) == 1
        assert await world.hub.desk(world.ledger.coverage.causes) == []
        assert kinds(await sale_of(world, order)) == ["sales_order"]


async def test_everything_at_once_with_faults(tmp_path: Path, seed: int) -> None:
    faults = FaultSettings(fail_before=0.08, fail_after=0.08, half_batch=0.05, throttle=0.03, search_lag=0.2)
    async with a_world(tmp_path, books=BooksConfig(seed=seed, faults=faults, unique_references=False)) as world:
        await world.stock({"KAOS-M": 500, "TOPI": 500})
        orders = []
        for n in range(60):
            order = await world.checkout(
                ("KAOS-M", 1 + n % 3), ("TOPI", 1), phone=f"08120000{n:04d}", name=f"Pembeli {n}"
            )
            orders.append(order)
            if n % 2:
                await world.act(order, "pay", {"method": "qris", "reference": f"Q{n}"})
            if n % 7 == 0:
                await world.act(order, "cancel", {"reason": "buyer", "refund": True})
            if n % 20 == 0:
                await world.sync(120)
        await world.sync(120)
        truth = await world.truth()
        assert truth["duplicates"] == {}
        assert sorted(truth["sales"]) == sorted(order["number"] for order in orders)
        for n, order in enumerate(orders):
            (sale,) = truth["sales"][order["number"]]
            assert sale["balance"] == "0", (order["number"], sale)
            if n % 7:
                assert sale["status"] != "void", (order["number"], sale)
            elif n % 2 == 0:
                assert sale["status"] == "void", (order["number"], sale)
        assert truth["trial_balance"]["IDR"]["sum"] == "0"
        assert sum(truth["faults"].values()) > 0


async def test_goods_of_an_exchange_are_not_counted_twice(tmp_path: Path) -> None:
    """What an exchange adds is billed without the sales order; while its money is still out the shelf must be right."""
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10, "KAOS-L": 10})
        order = await world.checkout(("KAOS-M", 1))
        await world.act(order, "pay", {"method": "qris", "reference": "Q1"})
        await world.act(order, "shipments", {"courier": "JNE", "tracking": "JNE1"})
        await world.sync()
        out = [{"sku": "KAOS-L", "quantity": 1}]
        await world.act(order, "exchanges", {"back": [{"line_id": order["lines"][0]["id"], "quantity": 1}], "out": out})
        await world.sync()
        flow = world.service.stocks["toko"]
        key = RecordKey("toko", "order", str(order["id"]))
        await world.hub.desk.write(world.ledger.records.replan, [key])
        assert (await world.hub.desk(flow.waiting_pieces)).get("KAOS-L", Decimal(0)) == 0
        shelf = (await world.shop_truth())["stock"]
        assert (shelf["KAOS-M"]["available"], shelf["KAOS-L"]["available"]) == (10, 9)
