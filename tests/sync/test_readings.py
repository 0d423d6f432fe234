"""What was read a moment ago is not the last word: each test holds one reading back until the world has moved on."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from selaras.connectors.contract import Changes, Op, Outcome, Seen, Transient, Write
from selaras.ledger.values import MICROSECOND, Claimed, Posting, RecordKey, State
from selaras.model.order import Order
from selaras.rules.contacts import ContactIndex
from selaras.rules.products import ProductIndex
from selaras.sync.catalogues import accept_product
from selaras.sync.sweep import Sweep
from selaras.web.context import Context
from selaras.web.sweeps import Sweeps
from tests.sync.world import World, a_world


class Gate:
    """Holds one caller back: `reached` when it stands there, and it goes on at `opened`."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self) -> None:
        self.reached.set()
        await self.opened.wait()


async def first(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), 120)


async def until(question: Callable[[], object], world: World) -> None:
    """Ask in the ledger's thread until the answer is yes."""
    for _ in range(12_000):
        if await world.hub.desk(question):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(await world.stuck())


async def offered(world: World, code: str) -> int:
    return int((await world.shop_truth())["stock"][code]["available"])


async def count(world: World, code: str, pieces: int) -> None:
    """Somebody counts the books' stock anew."""
    body = {"stock": [{"code": code, "on_hand": str(pieces)}]}
    await world.post(f"{world.books.url}/sandbox/seed", body, world.books.admin)


async def test_stock_that_a_sweep_by_hand_reads_first_is_offered(tmp_path: Path) -> None:
    """The sweep moves the cursor on: the engine would never read that change again."""
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        await world.sync()
        await count(world, "KAOS-M", 7)
        sweeps = Sweeps(Context(world.hub, world.service, data=tmp_path))
        state = await sweeps.start("", wait=True)
        assert not state.error
        assert await world.service.settle(120), await world.stuck()
        assert await offered(world, "KAOS-M") == 7


async def test_an_older_page_of_a_sweep_does_not_overtake_a_newer_reading(tmp_path: Path) -> None:
    """A payment leaves the order's stamp where it was, so only the order of the readings tells old from new."""
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), method="transfer")
        await world.sync()
        store, key = world.hub.connectors["toko"], RecordKey("toko", "order", str(order["id"]))
        changed, held = store.changed, Gate()

        async def slow(kind: str, cursor: str) -> Changes:
            page = await changed(kind, cursor)
            if kind == "order" and not held.reached.is_set():
                await held()
            return page

        before = await world.hub.desk(world.ledger.records.get, key)
        assert before is not None
        intake, read = world.service.intakes["toko"], store.read

        async def still(kind: str, ids: Sequence[str]) -> list[Seen]:
            return [replace(one, updated_at=stamp) for one in await read(kind, ids)]

        stamp = dt.datetime.fromtimestamp(before.updated_at / MICROSECOND, dt.UTC)
        store.changed, store.read = slow, still  # type: ignore[method-assign]
        sweep = asyncio.create_task(Sweep(world.hub, world.hub.pairs[0], intake).run())
        await first(held.reached)
        await world.act(order, "pay", {"method": "qris", "reference": "Q1"})
        again = asyncio.create_task(intake.reread_open("order", 0.0))
        done, _ = await asyncio.wait({again}, timeout=0.5)  # what waits for its turn cannot be waited for
        held.opened.set()
        await asyncio.gather(sweep, again)
        after = await world.hub.desk(world.ledger.records.get, key)
        assert after is not None
        assert msgspec.json.decode(after.body, type=Order).paid > 0, (done, after.body)


async def test_news_without_a_name_is_not_forgotten_when_the_reading_fails(tmp_path: Path) -> None:
    async with a_world(tmp_path, schedules={"order": "on event", "reread": "on event"}) as world:
        await world.stock({"KAOS-M": 10})
        await world.sync()
        await world.checkout(("KAOS-M", 1))
        store = world.hub.connectors["toko"]
        changed, failed = store.changed, asyncio.Event()

        async def once(kind: str, cursor: str) -> Changes:
            if kind == "order" and not failed.is_set():
                failed.set()
                raise Transient("The store is being restarted.")
            return await changed(kind, cursor)

        store.changed = once  # type: ignore[method-assign]
        await world.hub.desk.hint([RecordKey("toko", "order", "")], "webhook", world.hub.now())
        world.service.wake("toko")
        await first(failed)
        assert await world.service.settle(120), await world.stuck()
        assert (await world.truth())["counts"]["sales_orders"] == 1


async def test_a_receipt_for_a_document_whose_answer_is_still_out_pays_the_order(tmp_path: Path) -> None:
    """A person sees the sales order in the books and books its money before we have heard that it is there."""
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        await world.sync()
        books, held = world.hub.connectors["buku"], Gate()
        write, sales = books.write, world.books.app.books.tables["sales_orders"].rows

        async def unanswered(kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
            outcomes = await write(kind, op, writes)
            if kind == "sales_order" and not held.reached.is_set():
                await held()
            return outcomes

        books.write = unanswered  # type: ignore[method-assign]
        order = await world.checkout(("KAOS-M", 1), method="transfer")
        world.service.wake("toko", "order")
        await first(held.reached)
        (sale,) = sales.values()
        money = {"date": "2026-01-05", "currency": "IDR", "total": order["total"], "account": "bank"}
        typed = {"kind": "receipts", "items": [{**money, "sales_order_id": sale.id}]}
        await world.post(f"{world.books.url}/sandbox/typist", typed, world.books.admin)
        world.service.wake("buku", "receipt")
        lanes = [world.service.lanes[name] for name in ("read buku", "plan toko")]
        await until(lambda: world.ledger.records.all("buku", "receipt") and all(lane.idle for lane in lanes), world)
        held.opened.set()
        assert await world.service.settle(120), await world.stuck()
        await world.sync()
        (shop,) = (await world.shop_truth())["orders"]
        assert Decimal(shop["paid"]) == Decimal(shop["total"])


async def test_goods_that_the_store_begins_to_sell_are_offered_as_the_books_have_them(tmp_path: Path) -> None:
    """Their stock was worked out when the store did not know them; neither a piece nor a bundle moves afterwards."""
    async with a_world(tmp_path) as world:
        seed = {
            "products": [{"code": code, "name": f"Barang {code}", "price": "50000"} for code in ("KAOS-M", "TOPI")],
            "stock": [{"code": "KAOS-M", "on_hand": "10"}, {"code": "TOPI", "on_hand": "7"}],
        }
        await world.post(f"{world.books.url}/sandbox/seed", seed, world.books.admin)
        await world.sync()
        pieces = [{"sku": code, "name": f"Barang {code}", "price": "50000", "stock": 0} for code in ("KAOS-M", "TOPI")]
        parts = [{"sku": "KAOS-M", "quantity": 2}, {"sku": "TOPI", "quantity": 1}]
        bundle = {"sku": "PAKET", "name": "Paket", "price": "140000", "components": parts}
        await world.post(f"{world.store.url}/sandbox/products", {"products": [*pieces, bundle]}, world.shop_admin)
        await world.sync()
        assert [await offered(world, code) for code in ("KAOS-M", "TOPI")] == [10, 7]


async def test_goods_whose_code_a_person_accepts_are_offered_as_the_books_have_them(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        seed = {
            "products": [{"code": "KAOS-M", "name": "Kaos", "price": "50000"}],
            "stock": [{"code": "KAOS-M", "on_hand": "10"}],
        }
        await world.post(f"{world.books.url}/sandbox/seed", seed, world.books.admin)
        goods = [{"sku": "kaos m", "name": "Kaos", "price": "50000", "stock": 0}]
        await world.post(f"{world.store.url}/sandbox/products", {"products": goods}, world.shop_admin)
        await world.sync()
        assert await offered(world, "kaos m") == 0
        context = Context(world.hub, world.service, data=tmp_path)
        await context.change(accept_product, "kaos m", "KAOS-M", world.hub.now(), "wati")
        assert await world.service.settle(120), await world.stuck()
        assert await offered(world, "kaos m") == 10


async def test_mirrors_change_in_the_thread_that_plans_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contact is replaced in two steps: a planner that looks in between would make the buyer a second one."""
    changing: set[str] = set()
    for index in (ContactIndex, ProductIndex):

        def noted(self: Any, one: Any, put: Any = index.put) -> None:
            changing.add(threading.current_thread().name)
            put(self, one)

        monkeypatch.setattr(index, "put", noted)
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        await world.checkout(("KAOS-M", 1))
        await world.sync()
        assert changing == {await world.hub.desk(lambda: threading.current_thread().name)}


async def test_what_begins_while_the_ledger_is_asked_is_not_taken_for_calm(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.sync()
        loop, pending, woken = asyncio.get_running_loop(), world.ledger.pending, threading.Event()

        def wake() -> None:
            world.service.lanes["plan toko"].wake()
            woken.set()

        def slow(idle: Sequence[str] = ()) -> bool:
            found = pending(idle)
            loop.call_soon_threadsafe(wake)
            assert woken.wait(60)
            return found

        world.ledger.pending = slow  # type: ignore[method-assign]
        assert not await world.service.quiet()


async def test_books_that_keep_no_stock_come_to_rest(tmp_path: Path) -> None:
    """After each document their stock would be asked for, which nobody reads."""
    async with a_world(tmp_path, start=False) as world:
        books = world.hub.connectors["buku"]
        books.capabilities = replace(books.capabilities, sources=books.capabilities.sources - {"stock"})
        await world.stock({"KAOS-M": 10})
        await world.checkout(("KAOS-M", 1))
        await world.service.start()
        await world.sync()
        assert (await world.truth())["counts"]["sales_orders"] == 1


async def test_a_write_that_another_worker_takes_while_stock_is_worked_out_is_waited_for(tmp_path: Path) -> None:
    """8 was planned, the books say 10 again, and so does the shelf: nothing to write, but the 8 is on its way."""
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        await world.sync()
        ledger, service = world.ledger, world.service
        dispatcher, taken = service.dispatchers["toko"], list[Claimed]()
        drain, of_streams = dispatcher.drain, ledger.postings.of_streams

        async def nothing() -> int:
            return 0

        def then_claimed(target: str, streams: Sequence[str]) -> dict[str, list[Posting]]:
            found = of_streams(target, streams)
            if target == "toko" and not taken:
                taken.extend(ledger.postings.claim("toko", world.hub.now(), 60.0, 10))
            return found

        dispatcher.drain = nothing  # type: ignore[method-assign]
        await count(world, "KAOS-M", 8)
        service.wake("buku", "stock")
        await until(lambda: bool(ledger.postings.in_state(State.PLANNED)), world)
        ledger.postings.of_streams = then_claimed  # type: ignore[method-assign]
        await count(world, "KAOS-M", 10)
        service.wake("buku", "stock")
        await until(lambda: bool(taken), world)
        (claim,) = taken
        await dispatcher._send((claim.kind, claim.op, claim.look), taken)
        dispatcher.drain = drain  # type: ignore[method-assign]
        service.lanes["stock toko"].wake()
        assert await service.settle(120), await world.stuck()
        assert await offered(world, "KAOS-M") == 10
