"""The measurements behind `selaras bench`. Servers, senders and the hub are processes of their own on one machine.

`intake`      signed webhooks, each for another order, over keep-alive connections into the real server, whose engine
              stands still; an answer of 200 means that the hint was committed (SQLite, WAL, synchronous=FULL). At the
              end the hub is killed (kill -9) and what its ledger holds is counted. Beside it: plain commits of one row
              each on the same disk, in the same run.
`posting`     paid orders stand in the store, a hint for each is written into the hub's ledger, and the clock runs until
              the last document stands in the books. Every order is of another buyer and becomes four documents:
              contact, sales order, invoice and receipt; it has two lines of goods that keep no stock, and postage.
`connectors`  a walk through the store's list from its beginning, documents written into the books in batches, and how
              much of a rate limit is used without being refused.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from selaras.cli import rig
from selaras.cli.chaos import Victim
from selaras.cli.sender import Sent
from selaras.cli.worker import Status, usage
from selaras.connectors.contract import Done, Write
from selaras.ledger.database import SQLite
from selaras.model.document import ContactDraft
from selaras.sandbox.case import figures
from selaras.sandbox.case.door import CaseError, Door
from selaras.sync.hub import Hub
from selaras.sync.installation import open_installation, running_hub

# Nothing but the orders themselves moves while posting is measured.
_KINDS: Final = ("product", "contact", "stock", "bank_transaction", "receipt", "journal", "reread", "webhooks")
_STILL: Final = {**dict.fromkeys(_KINDS, "every 24h"), "order": "on event"}
_CHUNK: Final = 500
_PRODUCTS: Final = 200
_POSTAGE: Final = 12_000
_FIRST: Final = dt.datetime(2018, 9, 13, 1, tzinfo=dt.UTC)
_RAW_SECONDS: Final = 2.0
_DOCUMENTS: Final = ("contact", "sales_order", "invoice", "receipt")
_BATCH: Final = 100
_LIMIT: Final = 40
_LIMIT_SECONDS: Final = 5.0


# -- intake --------------------------------------------------------------------------------------------------------


async def intake(webhooks: int, connections: int) -> dict[str, Any]:
    """Durable webhooks per second."""
    with rig.scratch() as scratch:
        data = scratch / "data"
        raw = await asyncio.to_thread(_raw_commits, scratch / "raw")
        async with rig.sandbox(scratch) as box:
            rig.install(data, box)
            victim = Victim(data, scratch, "--idle", "--no-webhooks")
            try:
                await victim.start()
                url = f"{victim.url}/webhooks/{rig.STORE}"
                before = await _status(victim)
                secret = str(box.store.facts["webhook_secret"])
                sent = await _send(scratch, url=url, secret=secret, count=webhooks, connections=connections)
                after = await _status(victim)
                await victim.kill()
            finally:
                await victim.close()
        durable = _hints(data)
    return {
        "ok": durable == sent.accepted == webhooks,
        "webhooks": webhooks,
        "connections": connections,
        "per_second": round(sent.accepted / sent.seconds),
        "median_ms": round(sent.median * 1000, 2),
        "p99_ms": round(sent.slowest_of_100 * 1000, 2),
        "refused": sent.refused,
        "durable": durable,
        "raw_commits_per_second": raw,
        "cpu_ms": round((after.cpu - before.cpu) * 1000 / webhooks, 3),
        "bar": {"per_second": 3000},
    }


def _raw_commits(folder: Path) -> int:
    """Transactions of one row each that this disk takes in a second, one after the other."""
    folder.mkdir()
    db = SQLite(folder)
    try:
        db.run("CREATE TABLE row (id INTEGER PRIMARY KEY, text TEXT)")
        begun, count = time.perf_counter(), 0
        while time.perf_counter() - begun < _RAW_SECONDS:
            with db.transaction():
                db.run("INSERT INTO row (text) VALUES (?)", ("a hint",))
            count += 1
        return round(count / (time.perf_counter() - begun))
    finally:
        db.close()


async def _send(logs: Path, **settings: Any) -> Sent:
    async with rig.started("sender", rig.options(settings), logs) as sender:
        if sender.process.stdout is None:
            raise rig.RigError("the sender has no output")
        line = await sender.process.stdout.readline()
        if not line:
            raise rig.RigError(f"the sender failed: {sender.words()}")
        return msgspec.json.decode(line, type=Sent)


def _hints(data: Path) -> int:
    ledger = open_installation(data, read_only=True)
    try:
        return int(ledger.db.rows("SELECT count(*) FROM hint WHERE kind = 'order'")[0][0])
    finally:
        ledger.close()


async def _status(victim: Victim) -> Status:
    status = await victim.status()
    if status is None:
        raise rig.RigError("the hub does not answer")
    return status


# -- posting -------------------------------------------------------------------------------------------------------


async def posting(orders: int, profile: Path | None = None) -> dict[str, Any]:
    """Orders per second from the event to the last of their documents."""
    with rig.scratch() as scratch:
        data = scratch / "data"
        async with (
            rig.sandbox(scratch) as box,
            Door(box.store.url, box.store.facts["admin_key"]) as store,
            Door(box.books.url, box.books.facts["admin_key"]) as books,
        ):
            await _goods(books)
            rig.install(data, box, schedules=_STILL, books={"visibility_lag": "0.2", "rate": "2000"},
                        store={"rate": "2000"})  # fmt: skip
            victim = Victim(data, scratch, "--no-webhooks", *(["--profile", str(profile)] if profile else []))
            try:
                await victim.start()
                await victim.until_quiet(calm=0.3)
                await _load(store, orders)
                calls = await _calls(store, books)
                others = {child.name: child.cpu() for child in (box.store, box.books)}
                before = await _status(victim)
                begun = time.time()
                await victim.ask(f"/hint?first=1&last={orders}")
                await victim.until_quiet(calm=0.5, look=False)
                after = await _status(victim)
                others = {child.name: child.cpu() - others[child.name] for child in (box.store, box.books)}
                calls = await _calls(store, books) - calls
                proof = figures.prove(await store.get("/sandbox/truth"), await books.get(
                    "/sandbox/truth?parts=sales,duplicates,totals,trial_balance"))  # fmt: skip
                counts = (await books.get("/sandbox/truth?parts=counts"))["counts"]
            finally:
                await victim.close()
    seconds = after.last_settled - begun
    least = math.ceil(orders / _BATCH) * (1 + len(_DOCUMENTS))
    documents = sum(counts[f"{kind}s"] for kind in _DOCUMENTS)
    return {
        "ok": proof.right and documents == orders * len(_DOCUMENTS),
        "orders": orders,
        "documents_per_order": list(_DOCUMENTS),
        "documents": documents,
        "seconds": round(seconds, 2),
        "per_second": round(orders / seconds),
        "cpu_ms_per_order": round((after.cpu - before.cpu) * 1000 / orders, 3),
        # What the two sandbox servers used meanwhile: on two cores they are in the hub's way.
        "cpu_ms_of_sandbox": {name: round(used * 1000 / orders, 3) for name, used in others.items()},
        "peak_mib": after.peak_kib // 1024,
        "calls": calls,
        "least_calls": least,
        "calls_ratio": round(calls / least, 3),
        "missing": proof.missing,
        "duplicated": proof.duplicated,
        "bar": {"per_second": 1000, "cpu_ms_per_order": 1.0, "calls_ratio": 1.05},
    }


async def _goods(books: Door) -> None:
    products = [
        {"code": f"SKU-{n:04d}", "name": f"Barang {n}", "price": str(_price(n)), "stocked": False}
        for n in range(_PRODUCTS)
    ]
    answer = await books.post("/sandbox/seed", {"products": products})
    bad = [result for result in answer["products"] if not result["ok"]]
    if bad:
        raise CaseError(f"the books did not take the goods: {bad[0]['message']}")


def _price(product: int) -> int:
    """Rupiah for a piece."""
    return 10_000 + 500 * product


def _order(number: int) -> dict[str, Any]:
    quantity, chosen = 1 + number % 3, (number % _PRODUCTS, (number * 7 + 3) % _PRODUCTS)
    lines = [{"sku": f"SKU-{n:04d}", "quantity": quantity, "unit_price": str(_price(n))} for n in chosen]
    total = sum(quantity * _price(n) for n in chosen) + _POSTAGE
    return {
        "number": str(1000 + number),
        "lines": lines,
        "shipping": {"name": "Ongkos kirim", "amount": str(_POSTAGE)},
        "buyer": {"name": f"Pembeli {number}", "phone": f"08{1_000_000_000 + number}", "email": f"p{number}@contoh.id"},
        "payment_method": "qris",
        "payments": [{"amount": str(total), "reference": f"PG-{number}"}],
        # Three orders in a second: ties, but no more than a good day has.
        "placed_at": (_FIRST + dt.timedelta(seconds=number // 3)).isoformat(),
    }


async def _load(store: Door, orders: int) -> None:
    for start in range(1, orders + 1, _CHUNK):
        batch = [_order(number) for number in range(start, min(start + _CHUNK, orders + 1))]
        await store.post("/sandbox/orders", {"orders": batch})


async def _store_calls(store: Door) -> int:
    """API calls that the store has answered so far, whatever the answer."""
    calls = (await store.get("/sandbox/truth"))["calls"]
    return sum(int(count) for path, of in calls.items() if " /api/" in path for count in of.values())


async def _calls(store: Door, books: Door) -> int:
    """API calls that both systems have answered so far, whatever the answer."""
    there = (await books.get("/sandbox/truth?parts=calls"))["calls"]["by_path"]
    return await _store_calls(store) + sum(int(count) for path, count in there.items() if " /api/" in path)


# -- connectors ----------------------------------------------------------------------------------------------------


async def connectors(records: int) -> dict[str, Any]:
    """The connectors alone, without ledger and engine."""
    with rig.scratch() as scratch:
        async with rig.sandbox(scratch) as box, Door(box.store.url, box.store.facts["admin_key"]) as store:
            await _load(store, records)
            data = scratch / "data"
            rig.install(data, box, books={"rate": "2000"}, store={"rate": "2000"})
            async with running_hub(open_installation(data)) as hub:
                await rig.sign_in(hub)
                walk = await _walk(hub, store, records)
                write = await _write(hub, records)
            async with Door(box.books.url, box.books.facts["admin_key"]) as books:
                counts = (await books.get("/sandbox/truth?parts=counts"))["counts"]
        limited = {"rate": _LIMIT, "burst": _LIMIT // 10, "parallel": 8}
        async with (
            rig.sandbox(scratch, books=limited) as box,
            Door(box.books.url, box.books.facts["admin_key"]) as books,
        ):
            data = scratch / "limited"
            rig.install(data, box, books={"rate": str(_LIMIT), "parallel": "8"})
            async with running_hub(open_installation(data)) as hub:
                await rig.sign_in(hub)
                limit = await _limit(hub, books)
    ok = walk["records"] == write["documents"] == counts["contacts"] == records and not limit["refused"]
    return {"ok": ok, "walk": walk, "write": write, "limit": limit}


class _Clock:
    """Wall and processor time of this process since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), usage()[0]

    def facts(self, count: int) -> dict[str, Any]:
        """Seconds, things per second, and milliseconds of processor for each."""
        seconds, cpu = time.perf_counter() - self._wall, usage()[0] - self._cpu
        return {
            "seconds": round(seconds, 2), "per_second": round(count / seconds), "cpu_ms": round(cpu * 1000 / count, 3),
        }  # fmt: skip


async def _walk(hub: Hub, store: Door, records: int) -> dict[str, Any]:
    """All orders of the store, from the beginning, by its list."""
    connector, seen, cursor = hub.connectors[rig.STORE], set[str](), ""
    begun = await _store_calls(store)
    clock = _Clock()
    while True:
        page = await connector.changed("order", cursor)
        seen.update(record.id for record in page.seen)
        cursor = page.cursor
        if not page.more:
            break
    facts = clock.facts(records)
    ended = await _store_calls(store)
    least = math.ceil(records / connector.capabilities.page)
    return {"records": len(seen), **facts, "calls": ended - begun, "least_calls": least}


async def _write(hub: Hub, records: int) -> dict[str, Any]:
    """Contacts into the books, in full batches, as many calls at once as the books allow."""
    connector = hub.connectors[rig.BOOKS]
    drafts = [ContactDraft(f"bench-{n}", f"Pembeli {n}", f"p{n}@contoh.id", f"08{n:09d}") for n in range(records)]
    writes = [Write(f"bench/{draft.reference}", draft) for draft in drafts]
    size, written = connector.capabilities.batch, 0
    batches = [writes[start : start + size] for start in range(0, records, size)]
    gate = asyncio.Semaphore(connector.capabilities.rate.parallel)

    async def one(batch: list[Write]) -> int:
        async with gate:
            return sum(isinstance(outcome, Done) for outcome in await connector.write("contact", "create", batch))

    clock = _Clock()
    written = sum(await asyncio.gather(*(one(batch) for batch in batches)))
    return {"documents": written, **clock.facts(records), "calls": len(batches)}


async def _limit(hub: Hub, books: Door) -> dict[str, Any]:
    """As many calls as the limit allows for some seconds: how much of it is used, and how often we are refused."""
    connector = hub.connectors[rig.BOOKS]
    end = time.perf_counter() + _LIMIT_SECONDS
    made = 0

    async def ask() -> None:
        nonlocal made
        while time.perf_counter() < end:
            await connector.find("contact", ["nobody"])
            made += 1

    begun = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(16)))
    seconds = time.perf_counter() - begun
    refused = (await books.get("/sandbox/truth?parts=calls"))["calls"]["refused"]
    return {
        "allowed_per_second": _LIMIT,
        "calls": made,
        "seconds": round(seconds, 2),
        "used_pct": round(100 * made / (seconds * _LIMIT), 1),
        "refused": refused,
    }
