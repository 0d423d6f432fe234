"""In which ways a payout may be short: orders held back, money given back, or more than can be tried one by one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from selaras.model.claims import FINE

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_WAYS: Final = 40
_PAIRS_UP_TO: Final = 120
_TRIPLES_UP_TO: Final = 40
_IN_FULL, _IN_PART = 0.7, 0.2
_LEAST_STEP: Final = 500 * FINE
#: Log of the chance that something happens that none of this foresees *and* comes to just this sum.
UNFORESEEN: Final = math.log(1e-8)
#: The largest sets that are tried together with money given back.
_WITH_REFUND: Final = 2
#: The largest sets of orders held back that are reckoned with, and the root of two pi.
LARGEST: Final = 6
_ROOT: Final = math.sqrt(2 * math.pi)
#: More than a logarithm can be off by.
_NEARLY: Final = 1e-6


class Payout(NamedTuple):
    """A line under way: its day and amount, the orders that are due in it, and those that a refund may concern."""

    line: int
    day: int
    amount: int
    due: Sequence[int]
    earlier: Sequence[int]


class Habits(NamedTuple):
    """How often an order that is due is held back, and how many refunds there are for each order that is due."""

    held: float = 0.015
    refunded: float = 0.01


class Way(NamedTuple):
    """An explanation of what is missing: log of its chance, orders held back, and whether money was given back."""

    chance: float
    held: tuple[int, ...]
    refund: bool


class _Refunds:
    """How likely it is that just this sum was given back: an earlier order's price, half of it, or any round sum."""

    def __init__(self, payout: Payout, gross: Ints, step: int, habits: Habits) -> None:
        self.one = math.log(habits.refunded * max(1, len(payout.due)))
        each = 1.0 / max(1, len(payout.earlier))
        wholes, counts = np.unique(gross[np.asarray(payout.earlier, dtype=np.int64)], return_counts=True)
        largest = max(_LEAST_STEP, int(wholes.max(initial=0)))
        returned = np.column_stack((wholes, wholes // 2 // step * step)).ravel()
        chances = np.column_stack((_IN_FULL * each * counts, _IN_PART * each * counts)).ravel()
        self.step, self.largest = step, largest
        self.any = (1.0 - _IN_FULL - _IN_PART) / (largest / _LEAST_STEP)
        self.values, place = np.unique(returned, return_inverse=True)
        self.shares = np.bincount(place, weights=chances, minlength=len(self.values))

    def likeliest(self) -> float:
        """Log of a chance that no sum given back exceeds, in one refund or two."""
        most = self.any + float(self.shares.max(initial=0.0))
        return math.log(most * (math.exp(self.one) + 0.5 * math.exp(2 * self.one)))

    def share(self, gone: Ints) -> Floats:
        """The chance that one refund is just so much, for each."""
        result = np.where((gone > 0) & (gone <= self.largest) & (gone % _LEAST_STEP == 0), self.any, 0.0)
        if len(self.values):
            place = np.minimum(self.values.searchsorted(gone), len(self.values) - 1)
            result += np.where(self.values[place] == gone, self.shares[place], 0.0)
        return result

    def log(self, total: int) -> float:
        """Log of the chance of a total of one or two refunds; minus infinity where there is none."""
        if total <= 0 or total % self.step:
            return -math.inf
        chance = float(self.share(np.asarray([total]))[0]) * math.exp(self.one)
        if len(self.values):
            pairs = float((self.shares * self.share(total - self.values)).sum())
            chance += 0.5 * math.exp(2 * self.one) * pairs
        return math.log(chance) if chance > 0 else -math.inf


class Sums:
    """How likely it is that so many orders, taken at random, come to a sum.

    Prices are few and round, so that sets of orders often come to the same sum by chance. Sets too many to be tried one
    by one are counted as if their sums were normal on the grid that they lie on.
    """

    def __init__(self, nets: Ints, off: int) -> None:
        self.many, self.off = len(nets), off
        self.first, self.mean, self.spread = int(nets[0]), float(nets.mean()), float(nets.std())
        self.grid = int(np.gcd.reduce(nets - nets[0]))

    def chance(self, size: int, total: int, refunds: int = 0) -> float:
        """The chance that `size` of them, and as many refunds of such orders, come to `total`."""
        if not self.grid or size > self.many:
            return 0.0
        grid = math.gcd(self.grid, _LEAST_STEP) if refunds else self.grid
        if not self.off and (total - size * self.first) % grid:
            return 0.0
        spread = self.spread * math.sqrt(size + refunds)
        off = (total - (size + refunds) * self.mean) / spread
        return math.exp(-off * off / 2) * max(grid, 2 * self.off) / (spread * _ROOT)


class Ways:
    """The ways in which a payout may be short by some sum: orders held back and money given back."""

    def __init__(self, payout: Payout, gross: Ints, net: Ints, step: int, habits: Habits, off: int) -> None:
        self.held, self.off = math.log(habits.held), off
        self.refunds, self.step = _Refunds(payout, gross, step, habits), step
        due = np.asarray(payout.due, dtype=np.int64)
        nets = net[due]
        # Refunds are whole steps: only sets with the right remainder can stand beside one.
        self.sets: list[tuple[Ints, dict[int, tuple[Ints, Ints]]]] = []
        for places in _chosen(len(nets)):
            sums = nets[places].sum(axis=1)
            rest = sums % step if not off else np.zeros(len(sums), dtype=np.int64)
            by_rest = rest.argsort(kind="stable")
            rest, sums = rest[by_rest], sums[by_rest]
            edges = [0, *(np.flatnonzero(rest[1:] != rest[:-1]) + 1).tolist(), len(rest)]
            of_rest = {
                value: (by_rest[start:end], sums[start:end])
                for value, (start, end) in zip(rest[edges[:-1]].tolist(), pairwise(edges), strict=True)
            } if len(rest) else {}  # fmt: skip
            self.sets.append((due[places], of_rest))
        self.due, self.tried = Sums(nets, off) if len(nets) else None, len(self.sets)
        #: No way to be short by anything is likelier than this.
        self.likeliest = max(self.held, self.refunds.likeliest()) + _NEARLY
        self.known: dict[int, list[Way]] = {}
        self.let_go: dict[int, float] = {}

    def short(self, missing: int) -> list[Way]:
        """Each way to be short by `missing`, the likeliest first."""
        found = self.known.get(missing)
        if found is None:
            found = self.known[missing] = self._short(missing)
        return found

    def _whole(self, gone: Ints) -> Ints:
        """What was given back, without what the rounding of fees may add to it."""
        if not self.off:
            return gone
        whole = (gone + self.step // 2) // self.step * self.step
        return np.where(np.abs(gone - whole) <= self.off, whole, gone)

    def beyond(self, missing: int) -> float:
        """The chance to be short by `missing` in a way that `short` does not tell: too large a set, too many ways."""
        self.short(missing)
        let_go = self.let_go.get(missing, 0.0)
        if self.due is None:
            return let_go
        refund = math.exp(self.refunds.one)
        for size in range(_WITH_REFUND + 1, LARGEST + 1):
            chance = refund * self.due.chance(size, missing, 1)
            if size > self.tried:
                chance += self.due.chance(size, missing)
            let_go += math.comb(self.due.many, size) * math.exp(size * self.held) * chance
        return let_go

    def _short(self, missing: int) -> list[Way]:
        if missing < -self.off:
            return []
        if missing <= self.off:
            return [Way(0.0, (), False)]
        least, let_go = UNFORESEEN - 3.0, 0.0
        alone = self.refunds.log(int(self._whole(np.asarray([missing]))[0]))
        found = [Way(alone, (), True)] if alone > least else []
        rest = missing % self.step if not self.off else 0
        for names, of_rest in self.sets:
            size = names.shape[1]
            if rest not in of_rest or size * self.held < least:
                continue
            rows, sums = of_rest[rest]
            left = missing - sums
            fitting = rows[np.abs(left) <= self.off]
            let_go += math.exp(size * self.held) * max(0, len(fitting) - _WAYS)
            for at in fitting[:_WAYS].tolist():
                found.append(Way(size * self.held, tuple(names[at].tolist()), False))
            if size <= _WITH_REFUND:
                left = self._whole(left)
                short = (left > self.off) & (left <= self.refunds.largest)
                if not short.any():
                    continue
                rows, left = rows[short], left[short]
                share = self.refunds.share(left)
                log = size * self.held + self.refunds.one
                order = np.argsort(-share, kind="stable")
                worth = order[share[order] > math.exp(least - log)][:_WAYS]
                let_go += math.exp(log) * float(share.sum() - share[worth].sum())
                for at, chance in zip(rows[worth].tolist(), share[worth].tolist(), strict=True):
                    found.append(Way(log + math.log(chance), tuple(names[at].tolist()), True))
        found.sort(key=_by_chance)
        self.let_go[missing] = let_go + sum(math.exp(way.chance) for way in found[_WAYS:])
        return found[:_WAYS]


@lru_cache(maxsize=256)
def _chosen(many: int) -> list[Ints]:
    """Every one, two and three of so many places, a row each, as far as there are not too many."""
    chosen = [np.arange(many, dtype=np.int64).reshape(-1, 1)]
    for size, most in ((2, _PAIRS_UP_TO), (3, _TRIPLES_UP_TO)):
        if size <= many <= most:
            chosen.append(np.asarray(list(itertools.combinations(range(many), size)), dtype=np.int64))
    return chosen


def _by_chance(way: Way) -> tuple[float, tuple[int, ...]]:
    return (-way.chance, way.held)
