"""The token bucket under a virtual clock: it never over-spends, it wastes next to nothing, it is fair."""

from __future__ import annotations

import asyncio
import gc
import heapq
import math
import weakref
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selaras.connectors.contract import Rate
from selaras.connectors.limiter import Limiter, shared


class Clock:
    """Virtual time: `sleep` parks until the driver moves time on. Each sleep ends `late` seconds after it should."""

    def __init__(self, late: float = 0.0) -> None:
        self.now = 1000.0
        self.late = late
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = 0

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self._order += 1
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + max(0.0, seconds) + self.late, self._order, woken))
        await woken

    async def nap(self, seconds: float) -> None:
        """A sleep of the test's own, which is on time."""
        late, self.late = self.late, 0.0
        try:
            parked = self.sleep(seconds)
            task = asyncio.ensure_future(parked)
            await asyncio.sleep(0)
        finally:
            self.late = late
        await task

    async def run(self, work: Coroutine[Any, Any, object]) -> None:
        """Drive time until `work` is done."""
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(20):
                await asyncio.sleep(0)
            if task.done():
                break
            assert self._sleepers, "everybody waits and nobody will wake them"
            at, _, woken = heapq.heappop(self._sleepers)
            self.now = max(self.now, at)
            if not woken.done():
                woken.set_result(None)
        await task

    def limiter(self, rate: Rate) -> Limiter:
        return Limiter(rate, clock=self.time, sleep=self.sleep)


def worst_second(times: list[float]) -> int:
    """Most calls in any window of one second, both ends included."""
    worst = low = 0
    for high, at in enumerate(times):
        while times[low] < at - 1.0 - 1e-9:
            low += 1
        worst = max(worst, high - low + 1)
    return worst


@settings(max_examples=60, deadline=None)
@given(
    per_second=st.one_of(st.integers(1, 60).map(float), st.floats(0.3, 60.0)),
    burst=st.integers(1, 20),
    parallel=st.integers(1, 12),
    lengths=st.lists(st.floats(0.0, 0.4), min_size=1, max_size=20),
    gaps=st.lists(st.floats(0.0, 2.0), max_size=4),
    late=st.floats(0.0, 0.02),
)
def test_no_rolling_second_spends_more_than_rate_plus_burst(
    per_second: float, burst: int, parallel: int, lengths: list[float], gaps: list[float], late: float
) -> None:
    async def scenario() -> None:
        clock = Clock(late)
        limiter = clock.limiter(Rate(per_second=per_second, burst=burst, parallel=parallel))
        starts: list[float] = []
        busy = most = 0

        async def worker(number: int) -> None:
            nonlocal busy, most
            for turn in range(6):
                async with limiter:
                    starts.append(clock.now)
                    busy += 1
                    most = max(most, busy)
                    await clock.nap(lengths[(number + turn) % len(lengths)])
                    busy -= 1
                if gaps:
                    await clock.nap(gaps[(number + turn) % len(gaps)])

        async def all_workers() -> None:
            await asyncio.gather(*(worker(n) for n in range(12)))

        await clock.run(all_workers())
        assert len(starts) == 72
        assert worst_second(starts) <= math.floor(per_second + burst + 1e-9)
        assert most <= parallel

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "rate", [Rate(10, 1, 100), Rate(40, 10, 100), Rate(2.5, 1, 9), Rate(2.9, 4, 100), Rate(0.5, 1, 1)]
)
async def test_the_worst_second_is_a_rush_after_idleness_and_it_is_just_allowed(rate: Rate) -> None:
    clock = Clock()
    limiter = clock.limiter(rate)
    clock.now += 10_000.0
    starts: list[float] = []

    async def worker() -> None:
        async with limiter:
            starts.append(clock.now)

    async def rush() -> None:
        await asyncio.gather(*(worker() for _ in range(100)))

    await clock.run(rush())
    assert worst_second(starts) == math.floor(rate.per_second + rate.burst)


async def test_who_comes_late_does_not_overtake() -> None:
    """The one who waits is woken half a second late; a token lies ready, but it is not the newcomer's."""
    clock = Clock(late=0.5)
    limiter = clock.limiter(Rate(per_second=1, burst=1, parallel=4))
    order: list[str] = []

    async def worker(name: str) -> None:
        async with limiter:
            order.append(name)

    async def scenario() -> None:
        first = asyncio.ensure_future(worker("first"))
        await clock.nap(1.2)
        await asyncio.gather(first, worker("newcomer"))

    await clock.run(scenario())
    assert order == ["first", "newcomer"]


@pytest.mark.parametrize("rate", [Rate(10, 1, 8), Rate(40, 10, 16), Rate(3, 5, 4), Rate(2.5, 1, 2), Rate(100, 1, 8)])
@pytest.mark.parametrize("late", [0.0, 0.001, 0.004])
async def test_under_load_nearly_the_whole_rate_is_used(rate: Rate, late: float) -> None:
    """Sleeps that end late cost nothing as long as the lateness is below half a call's distance."""
    clock = Clock(late)
    limiter = clock.limiter(rate)
    seconds = 30.0
    begin = clock.now

    async def worker() -> int:
        calls = 0
        while clock.now < begin + seconds:
            async with limiter:
                calls += 1
        return calls

    calls: list[int] = []

    async def all_workers() -> None:
        calls.extend(await asyncio.gather(*(worker() for _ in range(8))))

    await clock.run(all_workers())
    used = sum(calls) / (clock.now - begin)
    assert used >= 0.95 * rate.per_second
    assert used <= rate.per_second + (rate.burst + 8) / seconds


async def test_turns_are_given_in_the_order_of_asking() -> None:
    clock = Clock()
    limiter = clock.limiter(Rate(per_second=10, burst=3, parallel=2))
    order: list[int] = []

    async def worker(number: int) -> None:
        async with limiter:
            order.append(number)
            await clock.nap(0.05)

    async def all_workers() -> None:
        await asyncio.gather(*(worker(n) for n in range(30)))

    await clock.run(all_workers())
    assert order == list(range(30))


async def test_a_pause_holds_everybody_and_saves_up_no_burst() -> None:
    clock = Clock()
    limiter = clock.limiter(Rate(per_second=10, burst=10, parallel=20))
    clock.now += 1.0
    starts: list[float] = []

    async def worker(number: int) -> None:
        async with limiter:
            starts.append(clock.now)
            if number == 0:
                limiter.pause(5.0)
                limiter.pause(1.0)

    async def scenario() -> None:
        await asyncio.gather(*(worker(n) for n in range(12)))

    begin = clock.now
    await clock.run(scenario())
    assert starts[0] == begin
    assert min(starts[1:]) >= begin + 5.0
    assert worst_second(starts[1:]) <= 11
    assert starts[3] - starts[1] > 0.15


async def test_a_cancelled_turn_costs_nothing_and_holds_nobody_up() -> None:
    clock = Clock()
    limiter = clock.limiter(Rate(per_second=1, burst=1, parallel=1))
    clock.now += 1.0

    async def take() -> float:
        async with limiter:
            return clock.now

    async def scenario() -> None:
        async with limiter:
            waiting = [asyncio.ensure_future(take()) for _ in range(3)]
            await clock.nap(0.1)
            waiting[0].cancel()
        # The turn of the second is given in the loop's next step; it is cancelled before it can use it.
        begin = clock.now
        await clock.nap(1.5)
        assert await waiting[1] - begin <= 1.0
        waiting[2].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert await take() - begin <= 2.1

    await clock.run(scenario())


async def test_a_turn_that_came_and_was_cancelled_goes_to_the_next() -> None:
    clock = Clock()
    limiter = clock.limiter(Rate(per_second=0.01, burst=1, parallel=1))
    clock.now += 100.0
    reached = asyncio.Event()

    async def hold() -> None:
        async with limiter:
            reached.set()

    # One token, two waiters behind a taken slot.
    limiter._busy = 1
    limiter._adopt(asyncio.get_running_loop())
    limiter._busy = 1
    first = asyncio.ensure_future(hold())
    second = asyncio.ensure_future(hold())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    limiter._release()
    for _ in range(3):
        if not limiter._busy:
            await asyncio.sleep(0)
    first.cancel()  # granted, but it has not run yet
    await asyncio.wait_for(second, 30)
    assert reached.is_set()
    assert first.cancelled() or first.done()


async def test_a_new_limiter_starts_without_tokens() -> None:
    clock = Clock()
    limiter = clock.limiter(Rate(per_second=2, burst=6))
    begin = clock.now

    async def take() -> None:
        async with limiter:
            assert clock.now >= begin + 0.5

    await clock.run(take())


@pytest.mark.parametrize("rate", [Rate(0), Rate(-1), Rate(1, 0), Rate(1, 1, 0)])
def test_a_rate_that_lets_nothing_through_is_refused(rate: Rate) -> None:
    with pytest.raises(ValueError):
        Limiter(rate)


def test_one_credential_has_one_limiter_in_a_process() -> None:
    rate = Rate(5)
    mine = shared("books-1", rate)
    assert shared("books-1", rate) is mine
    assert shared("books-2", rate) is not mine
    gone = weakref.ref(mine)
    del mine
    gc.collect()
    assert gone() is None


def test_it_can_be_used_from_one_loop_after_another() -> None:
    limiter = Limiter(Rate(per_second=500, burst=1, parallel=1))

    async def leave_somebody_waiting() -> None:
        async with limiter:
            waiting = asyncio.ensure_future(limiter.__aenter__())
            await asyncio.sleep(0)
            assert not waiting.done()

    async def use() -> None:
        async with limiter:
            pass

    asyncio.run(leave_somebody_waiting())
    asyncio.run(asyncio.wait_for(use(), 30))
