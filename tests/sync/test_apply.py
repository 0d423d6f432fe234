"""The dispatcher alone: exactly once against a target that forgets, repeats and lies about nothing else."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from selaras.connectors.contract import Ambiguous, Connector, Expired, Found, Outcome, Write
from selaras.ledger import Desk, open_ledger
from selaras.ledger.values import NewPosting, RecordKey, State
from selaras.model.document import Invoice, Receipt, SalesOrder
from selaras.sync.apply import Dispatcher
from selaras.sync.hub import Hub
from tests.sync.target import Clock, Plain, Target

DAY = dt.date(2018, 9, 13)


def chain(number: int) -> list[NewPosting]:
    """Sales order, invoice and receipt of one order, each naming the one before."""
    ref, total = str(number), Decimal(1000 + number)
    documents: tuple[SalesOrder | Invoice | Receipt, ...] = (
        SalesOrder(ref, DAY, "IDR", total),
        Invoice(ref, DAY, "IDR", total, sales_order_id="@sales_order"),
        Receipt(f"{ref}/P", DAY, "IDR", total, invoice_id="@invoice"),
    )
    rows = []
    document: SalesOrder | Invoice | Receipt
    for kind, document in zip(("sales_order", "invoice", "receipt"), documents, strict=True):
        record = RecordKey("toko", "order", ref)
        rows.append(
            NewPosting(
                "buku", f"toko:{ref}", kind, 1, kind, "create", record, document.reference, kind, document, "",
                total=1000 + number, currency="IDR",
            )
        )  # fmt: skip
    return rows


class Bench:
    """A hub with one target on virtual time."""

    def __init__(self, path: Path, target: Target) -> None:
        self.target = target
        self.clock = target.clock
        self.hub = Hub(Desk(open_ledger(path, Plain())), {"buku": cast(Connector, target)}, [], self.clock)
        self.dispatcher = Dispatcher(self.hub, "buku")

    async def plan(self, orders: int) -> None:
        rows = [row for n in range(orders) for row in chain(n)]
        await self.hub.desk.write(self.hub.desk.ledger.postings.plan, rows, self.hub.now())

    async def until_done(self, *, turns: int = 2000) -> None:
        for _ in range(turns):
            await self.dispatcher.drain()
            if not await self.hub.desk(self.hub.desk.ledger.pending):
                return
            self.clock.now += 0.5
        raise AssertionError("never finished")


def check(target: Target, orders: int) -> None:
    """Missing 0, duplicated 0, out of order 0."""
    references = [(kind, ref) for _, kind, ref, _, _ in target.documents]
    assert len(references) == len(set(references)), "duplicated"
    assert len(references) == 3 * orders, "missing"
    place = {entry: at for at, entry in enumerate(references)}
    for n in range(orders):
        assert place["sales_order", str(n)] < place["invoice", str(n)] < place["receipt", f"{n}/P"]


@pytest.mark.parametrize("offset", range(5))
async def test_exactly_once_under_faults(tmp_path: Path, seed: int, offset: int) -> None:
    bench = Bench(tmp_path, Target(Clock(), seed + offset))
    await bench.plan(60)
    await bench.until_done()
    check(bench.target, 60)
    await bench.hub.close()


@pytest.mark.parametrize("offset", range(5))
async def test_exactly_once_when_killed_between_any_two_steps(tmp_path: Path, seed: int, offset: int) -> None:
    target = Target(Clock(), seed + offset)
    bench = Bench(tmp_path, target)
    await bench.plan(40)
    rng = target.rng
    for _ in range(30):
        work = asyncio.create_task(bench.dispatcher.drain())
        for _ in range(rng.randrange(1, 40)):
            await asyncio.sleep(0)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await bench.hub.close()
        bench = Bench(tmp_path, target)
        await bench.hub.desk.write(
            bench.hub.desk.ledger.postings.resume, "buku", bench.hub.now(), bench.dispatcher.settle_time
        )
        target.clock.now += rng.random()
    await bench.until_done()
    check(target, 40)
    await bench.hub.close()


async def test_fewest_calls_without_faults(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Target(Clock(), 0, faults=False, batch=10))
    await bench.plan(100)
    await bench.until_done()
    assert bench.target.calls == 3 * 100 / 10
    await bench.hub.close()


@pytest.mark.parametrize(("refusals", "waited"), [(1, 5.0), (3, 35.0), (6, 195.0)])
async def test_what_a_refused_sign_in_put_off_is_tried_again_soon_then_each_minute(
    tmp_path: Path, refusals: int, waited: float
) -> None:
    target = Target(Clock(), 0, faults=False)
    bench = Bench(tmp_path, target)
    await bench.plan(1)
    wrote, refused = target.write, list[float]()

    async def refuses(kind: str, op: str, writes: Sequence[Write]) -> list[Outcome]:
        if len(refused) < refusals:
            refused.append(target.clock())
            raise Expired("not accepted", code="unauthorized")
        return await wrote(kind, op, writes)

    target.write = refuses  # type: ignore[method-assign]
    begun = target.clock()
    await bench.until_done()
    assert target.documents[0][0] - begun == waited
    check(target, 1)
    await bench.hub.close()


async def test_one_bad_record_holds_up_no_other(tmp_path: Path) -> None:
    target = Target(Clock(), 0, faults=False)
    target.poison.add("7")
    bench = Bench(tmp_path, target)
    await bench.plan(30)
    await bench.dispatcher.drain()
    assert len(target.documents) == 29 * 3
    blocked = await bench.hub.desk(bench.hub.desk.ledger.postings.in_state, State.BLOCKED)
    assert [(p.reference, p.cause, p.field) for p in blocked] == [("7", "bad_line", "lines[0]")]
    target.poison.clear()
    ids = [p.id for p in blocked]
    await bench.hub.desk.write(bench.hub.desk.ledger.postings.retry, ids, bench.hub.now(), "admin")
    await bench.until_done()
    check_all = {ref for _, _, ref, _, _ in target.documents}
    assert {"7", "7/P"} <= check_all
    assert len(target.documents) == 90
    await bench.hub.close()


async def test_a_document_of_another_total_is_never_taken_for_ours(tmp_path: Path) -> None:
    target = Target(Clock(), 0, faults=False)
    bench = Bench(tmp_path, target)
    await bench.plan(1)
    claimed = await bench.hub.desk.write(bench.hub.desk.ledger.postings.claim, "buku", bench.hub.now(), 1.0, 10)
    assert len(claimed) == 1  # the process dies here; meanwhile a person types an order with the same reference
    target.documents.append((target.clock(), "sales_order", "0", "by-hand", Decimal(999)))
    target.clock.now += 60
    await bench.dispatcher.drain()
    (blocked,) = await bench.hub.desk(bench.hub.desk.ledger.postings.in_state, State.BLOCKED)
    assert blocked.cause == "total_differs"
    assert len(target.documents) == 1
    await bench.hub.close()


async def test_what_was_claimed_and_not_sent_is_given_back_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(Clock(), 0, faults=False, batch=10)
    bench = Bench(tmp_path, target)
    await bench.plan(95)

    async def defect(*_: object) -> list[Outcome]:
        raise RuntimeError("a defect in a connector")

    with monkeypatch.context() as broken:
        broken.setattr(target, "write", defect)
        with pytest.raises(RuntimeError):
            await bench.dispatcher.drain()
    waiting = await bench.hub.desk(bench.hub.desk.ledger.postings.in_state, State.PLANNED)
    assert len(waiting) > 200  # all but the batches that were under way
    await bench.until_done()
    check(target, 95)
    await bench.hub.close()


async def test_what_belongs_to_a_settlement_is_kept_with_it_or_not_at_all(tmp_path: Path) -> None:
    """A kill between a settlement and what follows from it must leave neither (found by chaos, seed 2)."""
    bench = Bench(tmp_path, Target(Clock(), 0, faults=False))
    ledger = bench.hub.desk.ledger

    def power_cut(settlements: object) -> None:
        raise RuntimeError("killed")

    bench.dispatcher.within.append(power_cut)
    await bench.plan(1)
    with pytest.raises(RuntimeError, match="killed"):
        await bench.dispatcher.drain()
    (first, *_) = await bench.hub.desk(ledger.postings.in_state, State.IN_DOUBT)
    assert first.key == "sales_order"
    seen: list[str] = []
    bench.dispatcher.within[:] = [lambda settlements: seen.extend(s.claimed.key for s in settlements)]
    bench.clock.now += 3600
    await bench.until_done()
    check(bench.target, 1)
    assert seen == ["sales_order", "invoice", "receipt"]
    await bench.hub.close()


class OneByOne(Target):
    """Looks for each document with a call of its own, as Jurnal does for what its lists do not show, and of those calls
    every fourth fails. What it was asked to create never arrived, until it is `well`."""

    well = False
    looks = 0

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        found: dict[str, Found] = {}
        for reference in references:
            self.looks += 1
            if self.looks % 4 == 0:
                raise Ambiguous("the answer is not the JSON that was expected")
            found |= await super().find(kind, [reference])
        return found

    async def write(self, kind: str, op: str, writes: Sequence[Write]) -> list[Outcome]:
        if not self.well:
            raise Ambiguous("no answer")
        return await super().write(kind, op, writes)


async def test_what_is_in_doubt_is_looked_for_however_often_a_call_fails(tmp_path: Path) -> None:
    """A look at ten needs ten calls: with one failure among four none of them ever came to its end, all ten stayed in
    doubt for as long as the trouble lasted, and every try waited longer than the one before."""
    target = OneByOne(Clock(), 0, faults=False, batch=10)
    bench = Bench(tmp_path, target)
    await bench.plan(10)
    await bench.dispatcher.drain()
    target.well = True
    begun = target.clock.now
    await bench.until_done(turns=200)
    check(target, 10)
    assert target.clock.now - begun < 60
    await bench.hub.close()


async def test_no_posting_waits_longer_than_its_lease_for_the_next_look(tmp_path: Path, seed: int) -> None:
    """Whatever fails, and wherever it is stopped: what is unfinished and has nothing before it is due within the
    longest of lease, back-off (30 s and a third) and what the target asked for, and the lane is told when."""
    target = Target(Clock(), seed)
    bench = Bench(tmp_path, target)
    await bench.plan(30)
    longest = max(bench.dispatcher._lease, bench.dispatcher.settle_time, 30.0 * 1.3)
    while True:
        work = asyncio.create_task(bench.dispatcher.drain())
        for _ in range(target.rng.randrange(1, 60)):
            await asyncio.sleep(0)
        if target.rng.random() < 0.5:
            work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        ledger = bench.hub.desk.ledger
        if not await bench.hub.desk(ledger.pending):
            break
        due = await bench.hub.desk(ledger.postings.next_due, "buku")
        assert due is not None
        assert due / 1_000_000 - target.clock.now <= longest
        target.clock.now = max(target.clock.now + 0.01, due / 1_000_000)
    check(target, 30)
    await bench.hub.close()
