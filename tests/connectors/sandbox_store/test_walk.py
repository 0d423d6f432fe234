"""The walk over a list with ties, moves and shuffles misses nothing, whatever happens while it reads."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selaras.connectors.contract import Seen
from selaras.connectors.sandbox_store import walk
from selaras.connectors.sandbox_store.mapping import UNLISTED, Row
from selaras.sandbox.store.listing import UpdateIndex

DAY = dt.date(2018, 9, 13)
PAGE = 5


@pytest.fixture(autouse=True, scope="module")
def small_pages() -> Iterator[None]:
    """Pages of five rows meet every edge sooner."""
    before, walk.PER_PAGE = walk.PER_PAGE, PAGE
    yield
    walk.PER_PAGE = before


class Shop:
    """A list of numbered rows, each with a version; its clock moves only when told to, or while it answers."""

    def __init__(self, seed: int, *, shuffle: bool, ticking: bool) -> None:
        self.rng = random.Random(seed)
        self.index = UpdateIndex(self.rng, shuffle=shuffle)
        self.rows: dict[int, tuple[int, int]] = {}
        self.trashed: set[int] = set()
        self.time = 1_000_000.5
        self.ticking = ticking
        self.calls = 0

    def touch(self, key: int) -> None:
        version, _ = self.rows.get(key, (0, 0))
        self.rows[key] = (version + 1, int(self.time))
        self.index.touch(key, int(self.time))

    def insert(self) -> None:
        self.touch(len(self.rows) + 1)

    def trash(self, key: int) -> None:
        self.trashed.add(key)
        self.index.remove(key)

    def alive(self) -> list[int]:
        return [key for key in self.rows if key not in self.trashed]

    def row(self, key: int) -> Row:
        version, second = self.rows[key]
        at = dt.datetime.fromtimestamp(second, dt.UTC)
        return Row(key, UNLISTED if key in self.trashed else second, Seen("order", str(key), version, b"", at, DAY))

    async def window(self, after: int | None, before: int | None, page: int) -> walk.Page:
        began = self.time
        self._pass(0.02)
        keys, total = self.index.page(after, before, page, PAGE)
        rows = [self.row(key) for key in keys]
        self._pass(0.02)
        self.calls += 1
        clock = int(self.time)
        return walk.Page(rows, total, clock, int((clock - (self.time - began)) // 1))

    async def by_key(self, keys: Sequence[int]) -> Sequence[Row]:
        assert len(keys) <= PAGE
        self.calls += 1
        self._pass(0.02)
        return [self.row(key) for key in keys if key in self.rows]

    async def sleep(self, seconds: float) -> None:
        self.time += seconds

    def _pass(self, seconds: float) -> None:
        if self.ticking:
            # One answer in twenty is slow.
            self.time += self.rng.random() * (seconds if self.rng.random() < 0.95 else 2)


class Reader:
    """A hub: what it last knew of each row."""

    def __init__(self, shop: Shop, overlap: int = 2) -> None:
        self.shop = shop
        self.overlap = overlap
        self.cursor = walk.Position()
        self.known: dict[int, int] = {}

    async def step(self) -> tuple[set[int], bool]:
        # The cursor is text between two calls, as in the ledger.
        position = msgspec.json.decode(msgspec.json.encode(self.cursor), type=walk.Position)
        taken = await walk.step(self.shop, position, overlap=self.overlap, sleep=self.shop.sleep)
        self.cursor = taken.position
        for row in taken.rows:
            assert row.seen is not None
            self.known[row.key] = max(self.known.get(row.key, 0), row.seen.record)
        return {row.key for row in taken.rows}, taken.more

    async def loop(self, between: Any = None, limit: int = 3000) -> set[int]:
        seen: set[int] = set()
        for _ in range(limit):
            rows, more = await self.step()
            seen |= rows
            if not more:
                return seen
            if between is not None:
                between()
        raise AssertionError(f"the loop does not end: {self.cursor}")


def bursts(shop: Shop, sizes: Sequence[int]) -> None:
    """Seconds with so many new rows each."""
    for size in sizes:
        for _ in range(size):
            shop.insert()
        shop.time += 1


@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.integers(0, 17), max_size=25),
    shuffle=st.booleans(),
    ticking=st.booleans(),
    busy=st.integers(0, 40),
    trash=st.booleans(),
    overlap=st.sampled_from((0, 2)),
)
@settings(max_examples=300, deadline=None)
async def test_nothing_that_was_there_is_missed(
    seed: int, sizes: list[int], shuffle: bool, ticking: bool, busy: int, trash: bool, overlap: int
) -> None:
    """While the walk reads, rows come, change and are thrown away, and the clock runs, jumps or stands.

    What was new when a loop began is seen by its end. One exception: a row thrown away and another one new, both
    between two answers about a second that is not over yet, leave its total as it was; such a second is read again by
    the next loop.
    """
    shop = Shop(seed, shuffle=shuffle, ticking=ticking)
    bursts(shop, sizes)
    if shop.rng.random() < 0.5:
        shop.time -= 1  # the last second is not over
    rng = random.Random(seed + 1)
    left = busy

    def meanwhile() -> None:
        nonlocal left
        while left > 0 and rng.random() < 0.4:
            left -= 1
            turn = rng.random()
            alive = shop.alive()
            if turn < 0.25 or not alive:
                shop.insert()
            elif turn < 0.75:
                for key in rng.sample(alive, min(len(alive), rng.randint(1, 8))):
                    shop.touch(key)
            elif turn < 0.8 and trash:
                shop.trash(rng.choice(alive))
            elif ticking:
                shop.time += rng.choice((0.1, 0.6, 1, 5))

    reader = Reader(shop, overlap)
    for _ in range(3):
        news = {key for key in shop.alive() if reader.known.get(key) != shop.rows[key][0]}
        seen = await reader.loop(meanwhile)
        assert trash or news <= seen
        meanwhile()
    left = 0
    shop.time += 1
    await reader.loop()
    now = {key: shop.rows[key][0] for key in shop.alive()}
    assert {key: reader.known.get(key) for key in now} == now


@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(0, 17), max_size=25), shuffle=st.booleans())
@settings(max_examples=100, deadline=None)
async def test_the_first_loop_brings_every_row(seed: int, sizes: list[int], shuffle: bool) -> None:
    shop = Shop(seed, shuffle=shuffle, ticking=True)
    bursts(shop, sizes)
    assert await Reader(shop).loop() == set(shop.alive())


@given(seed=st.integers(0, 2**32), count=st.integers(1, 400))
@settings(max_examples=30, deadline=None)
async def test_sparse_rows_cost_hardly_more_than_the_least(seed: int, count: int) -> None:
    """One row in a second: a page of n brings n − 1 new rows, and there is no other cost."""
    shop = Shop(seed, shuffle=True, ticking=True)
    bursts(shop, [1] * count)
    await Reader(shop).loop()
    assert shop.calls <= -(-count // (PAGE - 1)) + 1


@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(4, 17), min_size=1, max_size=25))
@settings(max_examples=50, deadline=None)
async def test_dense_seconds_in_a_steady_order_cost_three_calls_more_than_the_least(
    seed: int, sizes: list[int]
) -> None:
    shop = Shop(seed, shuffle=False, ticking=True)
    bursts(shop, sizes)
    shop.time += 1
    assert await Reader(shop).loop() == set(shop.alive())
    assert shop.calls <= -(-sum(sizes) // PAGE) + 3


async def test_an_idle_poll_is_one_call() -> None:
    shop = Shop(1, shuffle=True, ticking=True)
    bursts(shop, [3, 9, 1])
    shop.time += 60
    reader = Reader(shop)
    await reader.loop()
    for _ in range(3):
        before = shop.calls
        assert await reader.loop() == set()
        assert shop.calls == before + 1


async def test_a_big_shuffled_second_is_filled_by_ids() -> None:
    """A shuffled page brings ever fewer new rows; the gaps between known ids are asked for instead."""
    shop = Shop(7, shuffle=True, ticking=True)
    bursts(shop, [500])
    shop.time += 60
    assert await Reader(shop).loop() == set(range(1, 501))
    assert shop.calls <= 2 * 500 // PAGE


async def in_the_tie(seed: int, rows: int = 9) -> tuple[Shop, Reader, set[int]]:
    """A reader that has seen the first page of a second that is not over yet."""
    shop = Shop(seed, shuffle=True, ticking=False)
    bursts(shop, [rows])
    shop.time = 1_000_000.9
    reader = Reader(shop, overlap=0)
    seen: set[int] = set()
    while not reader.cursor.tie or reader.cursor.page == 1:
        seen |= (await reader.step())[0]
    return shop, reader, seen


async def test_a_second_read_before_its_end_is_read_again() -> None:
    """What changes in that second after it was read, before it ended, is met by the next loop without any overlap."""
    for seed in range(20):
        shop, reader, _ = await in_the_tie(seed)
        while reader.cursor.tie:
            await reader.step()
        shop.touch(1)
        shop.time += 5
        await reader.loop()
        await reader.loop()
        assert reader.known[1] == 2, f"seed {seed}"


async def test_a_row_thrown_away_while_its_second_is_counted_hides_no_other() -> None:
    for seed in range(50):
        shop, reader, seen = await in_the_tie(seed)
        shop.trash(next(iter(reader.known)))
        seen |= await reader.loop()
        assert set(shop.alive()) <= seen, f"seed {seed}"


async def test_a_second_that_ends_while_it_is_counted_is_counted_afresh() -> None:
    """One row comes before the second ends, one that was seen leaves after: the total is the same, the rows are not."""
    for seed in range(50):
        shop, reader, seen = await in_the_tie(seed)
        known = sorted(walk._unpack(reader.cursor.ids))
        shop.insert()
        shop.time += 0.2
        shop.touch(known[0])
        shop.ticking = True
        seen |= await reader.loop()
        assert set(shop.alive()) <= seen, f"seed {seed}"


async def test_the_next_loop_begins_no_later_than_the_last_answer() -> None:
    shop = Shop(1, shuffle=True, ticking=False)
    bursts(shop, [2])
    reader = Reader(shop, overlap=0)
    await reader.loop()
    shop.touch(1)
    assert 1 in await reader.loop()


async def test_a_clock_set_back_means_reading_anew() -> None:
    shop = Shop(3, shuffle=True, ticking=True)
    bursts(shop, [4, 4])
    reader = Reader(shop)
    await reader.loop()
    shop.time -= 86_400
    shop.insert()
    shop.time += 100
    assert 9 in await reader.loop()
    shop.insert()
    assert 10 in await reader.loop()


async def test_rows_that_become_visible_late_are_met_by_the_overlap() -> None:
    lag = 0.0
    real = 0.0
    shop = Shop(5, shuffle=True, ticking=False)
    shop.index = UpdateIndex(shop.rng, lag=lambda: lag, monotonic=lambda: real)
    bursts(shop, [3])
    lag = 4.0
    shop.insert()
    lag = 0.0
    reader = Reader(shop, overlap=5)
    assert await reader.loop() == {1, 2, 3}
    shop.time += 4
    real += 4
    assert 4 in await reader.loop()


@given(st.sets(st.integers(1, 500)))
def test_ids_as_ranges_come_back(keys: set[int]) -> None:
    assert walk._unpack(walk._pack(keys)) == keys


def test_neighbours_make_a_short_cursor() -> None:
    assert walk._pack({1, 2, 3, 7, 9, 10}) == "1-3,7,9-10"
