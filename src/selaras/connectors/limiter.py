"""One token bucket for each credential, shared by all workers of a process.

Every HTTP call takes one token and, while it is under way, one of the `parallel` slots. Waiting is first
in, first out. A 429 pauses the whole credential, not the one call that met it. The bucket starts empty,
because nobody knows what the holder before spent (reference/engine.md §6, "Rate limits": with one token
per call and empty take-over the worst rolling second stayed within rate + burst; without, 57 and 99 at 50
allowed).
"""

from __future__ import annotations

import asyncio
import math
import time
import weakref
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType

from selaras.connectors.contract.capabilities import Rate


def _slack(rate: Rate) -> float:
    """Part of a token that may be saved up beyond the burst, so that late wake-ups lose no throughput.

    In a second at most floor(rate + burst + slack) calls start; the slack is chosen so that this is still
    floor(rate + burst).
    """
    fraction = (rate.per_second + rate.burst) % 1.0
    return min(0.5, (1.0 - fraction) * 0.999)


class Limiter:
    """`async with limiter:` around each HTTP call.

    `clock` and `sleep` are monotonic seconds. A new limiter has no tokens: what a former process spent in the last
    second is unknown.
    """

    def __init__(
        self,
        rate: Rate,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if not (rate.per_second > 0 and rate.burst >= 1 and rate.parallel >= 1):
            raise ValueError("a rate needs per_second > 0, burst >= 1 and parallel >= 1")
        if any(calls < 1 or seconds <= 0 for calls, seconds in rate.windows):
            raise ValueError("a window needs at least one call and some seconds")
        self.rate = rate
        self._clock = clock
        self._sleep = sleep
        self._capacity = rate.burst + _slack(rate)
        self._tokens = 0.0
        self._at = clock()
        self._paused_until = -math.inf
        self._busy = 0
        # When each call ended, the oldest first: the other side counted it at some moment before that.
        self._ended: deque[float] = deque(maxlen=max((calls for calls, _ in rate.windows), default=1))
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    # -- taking and giving back -------------------------------------------------------------------------

    async def __aenter__(self) -> Limiter:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._adopt(loop)
        if not self._waiters and self._ready():
            self._grant()
            return self
        turn: asyncio.Future[None] = loop.create_future()
        self._waiters.append(turn)
        self._wake(loop)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The turn came and was not used: the call never happened, so both go back.
                self._tokens = min(self._capacity, self._tokens + 1.0)
                self._release()
            raise
        return self

    @property
    def waiting(self) -> int:
        """Calls that wait for their turn."""
        return sum(not turn.done() for turn in self._waiters)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.rate.windows:
            self._ended.append(self._clock())
        self._release()

    def pause(self, seconds: float) -> None:
        """No call starts for `seconds`, and no burst is saved up meanwhile. A longer pause stays."""
        now = self._clock()
        self._refill(now)
        until = now + max(0.0, seconds)
        if until > self._paused_until:
            self._paused_until = until
            # The other side says that the budget is spent: the first call after the pause is a single one.
            self._tokens = min(self._tokens, 1.0)

    # -- inside -----------------------------------------------------------------------------------------

    def _refill(self, now: float) -> None:
        # Nothing is earned during a pause.
        since = max(self._at, self._paused_until)
        if now > since:
            self._tokens = min(self._capacity, self._tokens + (now - since) * self.rate.per_second)
        self._at = max(self._at, now)

    def _ready(self) -> bool:
        if self._busy >= self.rate.parallel:
            return False
        now = self._clock()
        if now < self._paused_until:
            return False
        self._refill(now)
        return self._tokens >= 1.0 and self._open_at(now) <= now

    def _open_at(self, now: float) -> float:
        """When the windows let the next call begin.

        A call is counted by the other side somewhere between its beginning and its end. Beginning only when the call
        that many places before it has *ended* a whole window ago keeps the two a window apart there as well.
        """
        open_at = now
        for calls, seconds in self.rate.windows:
            place = calls - self._busy
            if place <= 0:
                return math.inf  # a release looks again
            if place <= len(self._ended):
                open_at = max(open_at, self._ended[-place] + seconds)
        return open_at

    def _grant(self) -> None:
        self._tokens -= 1.0
        self._busy += 1

    def _release(self) -> None:
        self._busy -= 1
        if self._waiters and self._loop is not None:
            self._wake(self._loop)

    def _adopt(self, loop: asyncio.AbstractEventLoop) -> None:
        # Waiters and slots of a loop that has ended belong to nobody.
        self._loop = loop
        self._waiters.clear()
        self._busy = 0
        self._pump = None

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._pump is None or self._pump.done():
            self._pump = loop.create_task(self._serve())

    async def _serve(self) -> None:
        """Hand out turns in order until nobody waits or every slot is taken (a release starts it again)."""
        while self._waiters:
            if self._waiters[0].done():  # cancelled while waiting
                self._waiters.popleft()
                continue
            if self._busy >= self.rate.parallel:
                return
            if self._ready():
                turn = self._waiters.popleft()
                self._grant()
                turn.set_result(None)
                continue
            now = self._clock()
            open_at = self._open_at(now)
            if open_at == math.inf:
                return
            if now < self._paused_until:
                await self._sleep(self._paused_until - now)
            elif open_at > now:
                await self._sleep(open_at - now + 1e-6)
            else:
                # A microsecond more than needed, so that rounding cannot make this loop spin.
                await self._sleep((1.0 - self._tokens) / self.rate.per_second + 1e-6)


class Chain:
    """Several limits that every call has to keep, such as one of the credential and one of the address it comes from.

    Turns are taken in the order given; a pause concerns all of them.
    """

    def __init__(self, *limiters: Limiter) -> None:
        self.limiters = limiters

    async def __aenter__(self) -> Chain:
        taken: list[Limiter] = []
        try:
            for limiter in self.limiters:
                await limiter.__aenter__()
                taken.append(limiter)
        except BaseException:
            for limiter in reversed(taken):
                await limiter.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for limiter in reversed(self.limiters):
            await limiter.__aexit__(kind, error, trace)

    def pause(self, seconds: float) -> None:
        """No call starts for `seconds`."""
        for limiter in self.limiters:
            limiter.pause(seconds)


_SHARED: weakref.WeakValueDictionary[str, Limiter] = weakref.WeakValueDictionary()


def shared(credential: str, rate: Rate) -> Limiter:
    """The one limiter of `credential` in this process, so that two connectors built for it share one budget.

    It lives as long as somebody holds it; a later one starts without tokens, which is the safe side.
    """
    limiter = _SHARED.get(credential)
    if limiter is None or limiter.rate != rate:
        limiter = Limiter(rate)
        _SHARED[credential] = limiter
    return limiter
