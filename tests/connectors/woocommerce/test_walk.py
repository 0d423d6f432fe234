"""Reading lists: nothing is missed while rows change, come and go, and few calls are wasted."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
import pytest

from selaras.connectors.contract import Transient
from selaras.connectors.woocommerce.mapping import Row
from selaras.connectors.woocommerce.walk import PER_PAGE, Page, Position, step


class Table:
    """A list of the store, with a clock of its own; something may happen before each look."""

    def __init__(self, now: int = 1_000_000) -> None:
        self.now = now
        self.rows: dict[int, int] = {}
        self.hidden: set[int] = set()
        self.looks = 0
        self.before_look: Callable[[], None] = lambda: None
        self.deaf = False

    def put(self, key: int) -> None:
        self.rows[key] = self.now

    async def window(self, after: int | None, before: int | None, offset: int) -> Page:
        self.before_look()
        self.looks += 1
        found = sorted(
            key
            for key, second in self.rows.items()
            if (after is None or second > after) and (before is None or second < before)
        )
        shown = found[0 if self.deaf else offset :][:PER_PAGE]
        total = len(found) if shown or not offset else 0
        rows = [Row(key, self.rows[key]) for key in shown if key not in self.hidden]
        return Page(rows, total, self.now, self.now)


async def loop(table: Table, at: Position, overlap: int = 0, *, most: int = 200) -> tuple[dict[int, int], Position]:
    """Everything that a loop brings (the last reading of each row), and where the next one starts."""
    seen: dict[int, int] = {}

    async def sleep(seconds: float) -> None:
        table.now += int(seconds)

    for _ in range(most):
        taken = await step(table, at, overlap=overlap, sleep=sleep)
        seen.update((row.key, row.second) for row in taken.rows)
        text = msgspec.json.encode(taken.position)
        at = msgspec.json.decode(text, type=Position)
        if not taken.more:
            assert at.rest
            return seen, at
    raise AssertionError("no end")


async def test_one_call_when_little_is_new() -> None:
    table = Table()
    table.put(1)
    seen, at = await loop(table, Position())
    assert (set(seen), table.looks) == ({1}, 1)
    table.now += 60
    table.put(2)
    seen, at = await loop(table, at, overlap=30)
    assert (set(seen), table.looks) == ({1, 2}, 2)  # the first row is in the overlap
    seen, at = await loop(table, at, overlap=30)
    assert (set(seen), table.looks) == ({2}, 3)


async def test_a_long_list_costs_one_call_for_ninety_nine_rows() -> None:
    table = Table()
    for key in range(1, 5001):
        table.put(key)
    table.now += 1
    seen, at = await loop(table, Position())
    assert len(seen) == 5000
    assert table.looks <= 5000 / 99 + 2
    assert at.since == table.now


@pytest.mark.parametrize("leaving", [1, 2, 7, 60, 99])
async def test_rows_that_leave_the_window_open_no_gap(leaving: int) -> None:
    """After each answer some rows already read are changed, and all behind them move up."""
    table = Table()
    for key in range(1, 1001):
        table.put(key)
    table.now += 1
    done = 0

    def leave() -> None:
        nonlocal done
        table.now += 1
        for key in range(done + 1, done + leaving + 1):
            if key in table.rows and table.looks and key < 90 * table.looks:
                table.put(key)
                done = key

    table.before_look = leave
    seen, _ = await loop(table, Position())
    assert set(seen) == set(range(1, 1001))
    if leaving <= 7:
        assert table.looks <= 40


async def test_random_histories_lose_nothing(rng: random.Random) -> None:
    """Rows come, change and go for good at random, also while pages are read; two loops later all is known."""
    for _ in range(60):
        table = Table()
        for key in range(1, rng.randrange(0, 700)):
            table.rows[key] = table.now - rng.randrange(0, 50)
        known: dict[int, int] = {}
        at = Position()
        busy = rng.choice((0, 1, 5, 40))

        def happen(table: Table = table, busy: int = busy) -> None:
            table.now += rng.randrange(0, 3)
            keys = list(table.rows)
            for _ in range(rng.randrange(busy + 1)):
                act = rng.random()
                if act < 0.3:
                    table.put(max(table.rows, default=0) + 1)
                elif act < 0.9 and keys:
                    table.put(rng.choice(keys))
                elif keys:
                    table.rows.pop(rng.choice(keys), None)

        table.before_look = happen
        for _ in range(3):
            seen, at = await loop(table, at, overlap=5)
            known.update(seen)
        table.before_look = lambda: None
        table.now += 1
        for _ in range(2):
            seen, at = await loop(table, at, overlap=5)
            known.update(seen)
        assert {key: known.get(key) for key in table.rows} == table.rows


async def test_rows_that_the_key_may_not_see_do_not_stop_the_loop() -> None:
    table = Table()
    for key in range(1, 451):
        table.put(key)
    table.hidden = {99, 100, 101, 198, 199, 200, *range(300, 420)}
    table.now += 1
    seen, _ = await loop(table, Position(), most=60)
    assert set(seen) == set(range(1, 451)) - table.hidden


async def test_more_than_a_page_in_the_second_that_is_not_over() -> None:
    table = Table()
    for key in range(1, 251):
        table.put(key)
    seen, at = await loop(table, Position(), most=8)
    assert set(seen) == set(range(1, 251))
    assert at.since == table.now


async def test_what_is_committed_late_is_in_the_overlap() -> None:
    table = Table()
    table.put(1)
    _, at = await loop(table, Position())
    table.now += 5
    _, at = await loop(table, at, overlap=10)
    table.rows[2] = table.now - 8  # stamped before the last look, visible only now
    seen, _ = await loop(table, at, overlap=10)
    assert 2 in seen


async def test_a_clock_that_was_set_back_begins_anew() -> None:
    table = Table()
    table.put(1)
    _, at = await loop(table, Position(), overlap=600)
    table.now -= 3600
    table.put(2)
    seen, at = await loop(table, at, overlap=600)
    assert set(seen) == {1, 2}
    assert at.since == table.now


async def test_a_store_that_ignores_the_offset_is_told_and_not_believed() -> None:
    table = Table()
    for key in range(1, 301):
        table.put(key)
    table.now += 1
    table.deaf = True
    with pytest.raises(Transient) as caught:
        await loop(table, Position())
    assert caught.value.code == "paging_ignored"
