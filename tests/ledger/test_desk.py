"""The desk: one thread, group commits, every waiter hears how it ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from selaras.ledger import Desk, Ledger, open_ledger
from selaras.ledger.errors import DiskFull, LedgerError
from selaras.ledger.values import RecordKey
from tests.ledger.tools import NOW, TestSealer, order, record


class Counted:
    """Counts the transactions of a ledger that committed."""

    def __init__(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commits = 0
        real = ledger.transaction

        @contextmanager
        def transaction() -> Iterator[None]:
            with real():
                yield
            self.commits += 1

        monkeypatch.setattr(ledger, "transaction", transaction)


@pytest.fixture
async def desk(where: Path | str) -> AsyncIterator[Desk]:
    opened = Desk(open_ledger(where, TestSealer()))
    yield opened
    await opened.close()


async def held(desk: Desk) -> set[str]:
    hints = await desk(desk.ledger.records.hints, "shop", "order", NOW + 10**9, 5000)
    return {hint.key.id for hint in hints}


async def test_a_thousand_hints_at_once_are_durable_in_few_commits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(desk.ledger, monkeypatch)
    reader = desk.ledger.reader()

    async def one(number: int) -> None:
        await desk.hint([order(number)], "webhook", NOW)
        # Answered means durable: another connection sees it already.
        assert reader.db.rows("SELECT 1 FROM hint WHERE id = ?", (str(number),))

    await asyncio.gather(*(one(number) for number in range(1000)))
    reader.close()
    assert await held(desk) == {str(number) for number in range(1000)}
    assert 1 <= counted.commits < 100


async def test_what_arrives_while_a_commit_is_under_way_shares_the_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(desk.ledger, monkeypatch)
    gate = threading.Event()
    busy = asyncio.ensure_future(desk(gate.wait))
    waiters = []
    for number in range(50):
        waiters.append(asyncio.ensure_future(desk.hint([order(number)], "webhook", NOW)))
        await asyncio.sleep(0.001)  # many turns of the loop apart, as requests are
    assert not any(waiter.done() for waiter in waiters)
    gate.set()
    await asyncio.gather(busy, *waiters)
    assert len(await held(desk)) == 50
    assert counted.commits == 2


async def test_hints_with_a_pause_between_them_each_commit(desk: Desk) -> None:
    for number in range(5):
        await desk.hint([order(number), order(number)], "webhook", NOW)
        assert str(number) in await held(desk)


async def test_an_error_reaches_every_waiter_and_spoils_nothing_after_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(group: Any) -> None:
        raise DiskFull("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(desk.ledger.records, "hint_all", refuse)
        results = await asyncio.gather(
            *(desk.hint([order(number)], "webhook", NOW) for number in range(20)), return_exceptions=True
        )
        assert [type(result) for result in results] == [DiskFull] * 20
        with pytest.raises(DiskFull):
            await desk.hint([order(1)], "webhook", NOW)
    await desk.hint([order(7)], "webhook", NOW)
    assert await held(desk) == {"7"}


async def test_a_group_is_kept_or_not_as_a_whole(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real = desk.ledger.records.hint_all

    def half(group: list[tuple[list[RecordKey], str, int]]) -> None:
        real(group)
        raise DiskFull("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(desk.ledger.records, "hint_all", half)
        with pytest.raises(DiskFull):
            await desk.hint([order(1)], "webhook", NOW)
    assert await held(desk) == set()


async def test_a_waiter_that_goes_away_takes_nobody_with_it(desk: Desk) -> None:
    gate = threading.Event()
    busy = asyncio.ensure_future(desk(gate.wait))
    waiters = [asyncio.ensure_future(desk.hint([order(number)], "webhook", NOW)) for number in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiters[0].cancel()
    gate.set()
    results = await asyncio.gather(*waiters, busy, return_exceptions=True)
    assert [type(result) for result in results[:3]] == [asyncio.CancelledError, type(None), type(None)]
    assert await held(desk) == {"0", "1", "2"}  # what was queued is kept


async def test_write_is_one_transaction_and_returns(desk: Desk) -> None:
    def keep(number: int, fail: bool) -> int:
        desk.ledger.records.keep([record(number)], "poll", NOW)
        if fail:
            raise LookupError("no")
        return number

    assert await desk.write(keep, 1, False) == 1
    with pytest.raises(LookupError):
        await desk.write(keep, 2, True)
    assert [r.key.id for r in await desk(desk.ledger.records.all, "shop", "order")] == ["1"]


async def test_everything_runs_in_one_thread_in_the_order_of_asking(desk: Desk) -> None:
    done: list[int] = []
    threads = set[int]()

    def note(number: int) -> None:
        done.append(number)
        threads.add(threading.get_ident())

    await asyncio.gather(*(desk.write(note, n) if n % 2 else desk(note, n) for n in range(100)))
    assert done == list(range(100))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_close_finishes_what_was_queued(where: Path | str) -> None:
    desk = Desk(open_ledger(where, TestSealer()))
    gate = threading.Event()
    busy = asyncio.ensure_future(desk(gate.wait))
    first = asyncio.ensure_future(desk.hint([order(1)], "webhook", NOW))
    for _ in range(3):
        await asyncio.sleep(0)
    second = asyncio.ensure_future(desk.hint([order(2)], "webhook", NOW))
    written = asyncio.ensure_future(desk.write(desk.ledger.records.advance, "shop", "order", "page 2", NOW))
    await asyncio.sleep(0)
    closing = [asyncio.ensure_future(desk.close()) for _ in range(2)]
    await asyncio.sleep(0)
    for refused in (desk.hint([order(3)], "webhook", NOW), desk.write(print), desk(print)):
        with pytest.raises(LedgerError, match="closed"):
            await refused
    gate.set()
    await asyncio.gather(busy, first, second, written, *closing)
    await desk.close()
    ledger = open_ledger(where, TestSealer())  # the lock was given up
    assert {h.key.id for h in ledger.records.hints("shop", "order", NOW, 10)} == {"1", "2"}
    assert ledger.records.cursor("shop", "order") == "page 2"
    ledger.close()


async def test_closing_an_idle_desk(where: Path | str) -> None:
    desk = Desk(open_ledger(where, TestSealer()))
    await desk.close()
    with pytest.raises(LedgerError, match="closed"):
        await desk.hint([order(1)], "webhook", NOW)
