"""The rate limit: a token bucket for each grant, and a bound on calls under way at once."""

from __future__ import annotations

import math


class Buckets:
    """`rate` calls per second (0 = no limit) with `burst` on top; at most `parallel` (0 = any number) at once."""

    def __init__(self, rate: float, burst: int, parallel: int) -> None:
        self.rate = rate
        self.burst = max(1, burst)
        self.parallel = parallel
        self.refused = 0
        self._levels: dict[str, tuple[float, float]] = {}
        self._busy: dict[str, int] = {}

    def enter(self, key: str, now: float) -> float | None:
        """Take one call of `key`: None when it may go on, else the seconds to wait. Pair with `leave`."""
        if self.parallel and self._busy.get(key, 0) >= self.parallel:
            self.refused += 1
            return 1.0
        if self.rate:
            level, at = self._levels.get(key, (float(self.burst), now))
            level = min(float(self.burst), level + max(0.0, now - at) * self.rate)
            if level < 1.0:
                self._levels[key] = (level, now)
                self.refused += 1
                return (1.0 - level) / self.rate
            self._levels[key] = (level - 1.0, now)
        self._busy[key] = self._busy.get(key, 0) + 1
        return None

    def leave(self, key: str) -> None:
        """The call of `key` is answered."""
        self._busy[key] -= 1

    @staticmethod
    def header(seconds: float) -> bytes:
        """`Retry-After` in whole seconds, never too early."""
        return str(max(1, math.ceil(seconds))).encode()
