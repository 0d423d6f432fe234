"""The orders of a channel from one payout to the next: who was held back, who came later, what was given back.

Every payout brings the orders that were due, less those that the gateway held back, with those that it held back
before, less what was refunded. Each line alone has many explanations; the lines together have few, because whoever is
missing here must come somewhere else. So all lines of a channel are weighed at once: forward and backward over a
trellis whose states are the sets of orders that are under way (Baum-Welch; the states are cut to the likeliest).

An order counts as paid by a line with the chance of all explanations in which it is.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from selaras.model.claims import FINE

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_STATES: Final = 30
_UNDER_WAY: Final = 6
_TOGETHER: Final = 3
_LOST_AFTER: Final = 20
_PAIRS_UP_TO: Final = 70
_TRIPLES_UP_TO: Final = 26
_HELD: Final = 0.015
_BACK: Final = 0.5
_REFUNDED: Final = 0.01
_IN_FULL, _IN_PART = 0.7, 0.2
_LEAST_STEP: Final = 500 * FINE
#: Log of the chance of something that none of this foresees; how surely an order that was due is in it all the same.
_UNFORESEEN: Final = math.log(1e-6)
_DUE_ANYWAY: Final = 0.95


class Payout(NamedTuple):
    """A line under way: its amount, the orders that are due in it, and those that a refund may concern."""

    line: int
    amount: int
    due: Sequence[int]
    earlier: Sequence[int]


class _Step(NamedTuple):
    before: tuple[int, ...]
    after: tuple[int, ...]
    weight: float
    held: tuple[int, ...]
    carried: tuple[int, ...]
    known: bool


class _Refunds:
    """How likely it is that just this sum was given back: an earlier order's price, half of it, or any round sum."""

    def __init__(self, payout: Payout, gross: Ints, step: int) -> None:
        self.one = math.log(_REFUNDED * max(1, len(payout.due)))
        chances: defaultdict[int, float] = defaultdict(float)
        each = 1.0 / max(1, len(payout.earlier))
        largest = _LEAST_STEP
        for whole, count in sorted(Counter(gross[np.asarray(payout.earlier, dtype=np.int64)].tolist()).items()):
            largest = max(largest, whole)
            chances[whole] += _IN_FULL * each * count
            chances[whole // 2 // step * step] += _IN_PART * each * count
        self.step, self.largest = step, largest
        self.any = (1.0 - _IN_FULL - _IN_PART) / (largest / _LEAST_STEP)
        self.values = np.asarray(sorted(chances), dtype=np.int64)
        self.shares = np.asarray([chances[int(value)] for value in self.values])

    def share(self, sums: Ints) -> Floats:
        """The chance of each sum as one refund."""
        result = np.where((sums > 0) & (sums <= self.largest) & (sums % _LEAST_STEP == 0), self.any, 0.0)
        if len(self.values):
            place = np.minimum(np.searchsorted(self.values, sums), len(self.values) - 1)
            result = result + np.where(self.values[place] == sums, self.shares[place], 0.0)
        return result

    def log(self, total: int) -> float:
        """Log of the chance of a total of one or two refunds; minus infinity where there is none."""
        if total <= 0 or total % self.step:
            return -math.inf
        chance = float(self.share(np.asarray([total]))[0]) * math.exp(self.one)
        if len(self.values):
            chance += 0.5 * math.exp(2 * self.one) * float((self.shares * self.share(total - self.values)).sum())
        return math.log(chance) if chance > 0 else -math.inf


class _Ways:
    """The ways in which a payout may be short by some sum: orders held back and money given back."""

    def __init__(self, payout: Payout, gross: Ints, net: Ints, step: int) -> None:
        self.due = list(payout.due)
        self.refunds, self.step = _Refunds(payout, gross, step), step
        nets = net[np.asarray(self.due, dtype=np.int64)]
        many = len(nets)
        chosen = [np.arange(many, dtype=np.int64).reshape(-1, 1)]
        for size, most in ((2, _PAIRS_UP_TO), (3, _TRIPLES_UP_TO)):
            if size <= many <= most:
                chosen.append(np.asarray(list(itertools.combinations(range(many), size)), dtype=np.int64))
        # Refunds are whole steps: only sets with the right remainder can stand beside one.
        self.sets: list[tuple[int, Ints, dict[int, Ints], Ints]] = []
        for places in chosen:
            sums = nets[places].sum(axis=1)
            rest = sums % step
            by_rest = np.argsort(rest, kind="stable")
            values, starts = np.unique(rest[by_rest], return_index=True)
            groups = np.split(by_rest, starts[1:])
            of_rest = {int(value): group for value, group in zip(values, groups, strict=True)}
            self.sets.append((places.shape[1], places, of_rest, sums))
        self.known: dict[int, list[tuple[float, tuple[int, ...]]]] = {}

    def short(self, missing: int) -> list[tuple[float, tuple[int, ...]]]:
        """(log of the chance, orders held back) for each way to be short by `missing`."""
        found = self.known.get(missing)
        if found is None:
            found = self.known[missing] = self._short(missing)
        return found

    def _short(self, missing: int) -> list[tuple[float, tuple[int, ...]]]:
        if missing < 0:
            return []
        if missing == 0:
            return [(0.0, ())]
        found: list[tuple[float, tuple[int, ...]]] = [(self.refunds.log(missing), ())]
        rest = missing % self.step
        for size, places, of_rest, sums in self.sets:
            rows = of_rest.get(rest)
            if rows is None:
                continue
            left = missing - sums[rows]
            for at in rows[left == 0].tolist():
                found.append((size * math.log(_HELD), tuple(self.due[i] for i in places[at])))
            if size <= 2:
                rows, left = rows[left > 0], left[left > 0]
                share = self.refunds.share(left)
                log = size * math.log(_HELD) + self.refunds.one
                for at, chance in zip(rows.tolist(), share.tolist(), strict=True):
                    if chance > 0:
                        found.append((log + math.log(chance), tuple(self.due[i] for i in places[at])))
        found = [way for way in found if way[0] > _UNFORESEEN - 6.0]
        return sorted(found, key=lambda way: (-way[0], way[1]))[:100]


def _subsets(under_way: tuple[int, ...]) -> Iterable[tuple[int, ...]]:
    for size in range(min(_TOGETHER, len(under_way)) + 1):
        yield from itertools.combinations(under_way, size)


def explain(payouts: Sequence[Payout], gross: Ints, net: Ints) -> list[dict[int, float]]:
    """For each payout, in order of days, its orders with the chance that it pays them.

    `gross` and `net` are amounts of all orders of the channel; `Payout` names orders by their place there.
    """
    steps: list[list[_Step]] = []
    states: dict[tuple[int, ...], float] = {(): 0.0}
    forward = [states]
    born: dict[int, int] = {}
    grain = max(FINE, int(np.gcd.reduce(gross))) if len(gross) else FINE
    for number, payout in enumerate(payouts):
        ways = _Ways(payout, gross, net, grain)
        all_due = int(net[np.asarray(payout.due, dtype=np.int64)].sum())
        born.update(dict.fromkeys(payout.due, number))
        own: list[_Step] = []
        for state in sorted(states):
            alive = tuple(order for order in state if number - born[order] <= _LOST_AFTER)
            # What comes out as it is needs no other explanation.
            plain = all_due == payout.amount
            for carried in [()] if plain else _subsets(alive):
                missing = all_due + sum(int(net[i]) for i in carried) - payout.amount
                stay = tuple(order for order in alive if order not in carried)
                log = len(carried) * math.log(_BACK) + len(stay) * math.log(1.0 - _BACK)
                for chance, held in ways.short(missing):
                    after = (*stay, *held)
                    if len(after) <= _UNDER_WAY:
                        own.append(_Step(state, tuple(sorted(after)), chance + log, held, carried, True))
            own.append(_Step(state, alive, _UNFORESEEN, (), (), False))
        ahead: dict[tuple[int, ...], float] = {}
        for step in own:
            weight = states[step.before] + step.weight
            ahead[step.after] = _plus(ahead.get(step.after, -math.inf), weight)
        kept = sorted(ahead, key=lambda s: (-ahead[s], s))[:_STATES]
        top = ahead[kept[0]]
        states = {state: ahead[state] - top for state in kept if ahead[state] > top - 25.0}
        steps.append([step for step in own if step.after in states])
        forward.append(states)
    return _back(payouts, steps, forward)


def _back(
    payouts: Sequence[Payout], steps: list[list[_Step]], forward: list[dict[tuple[int, ...], float]]
) -> list[dict[int, float]]:
    """From the last line to the first: what each explanation is worth in the light of all that follows."""
    result: list[dict[int, float]] = [{} for _ in payouts]
    backward = dict.fromkeys(forward[-1], 0.0)
    for number in range(len(payouts) - 1, -1, -1):
        before = forward[number]
        # States that lead nowhere have no way back.
        open_ = [step for step in steps[number] if step.after in backward]
        weights = [before[step.before] + step.weight + backward[step.after] for step in open_]
        top = max(weights)
        total = sum(math.exp(w - top) for w in weights)
        missed: defaultdict[int, float] = defaultdict(float)
        brought: defaultdict[int, float] = defaultdict(float)
        unknown = 0.0
        ahead: dict[tuple[int, ...], float] = {}
        for step, weight in zip(open_, weights, strict=True):
            chance = math.exp(weight - top) / total
            for order in step.held:
                missed[order] += chance
            for order in step.carried:
                brought[order] += chance
            unknown += 0.0 if step.known else chance
            more = step.weight + backward[step.after]
            ahead[step.before] = _plus(ahead.get(step.before, -math.inf), more)
        top = max(ahead.values())
        backward = {state: log - top for state, log in ahead.items()}
        for order in payouts[number].due:
            result[number][order] = max(0.0, 1.0 - missed[order] - unknown * (1.0 - _DUE_ANYWAY))
        result[number].update(brought)
    return result


def _plus(a: float, b: float) -> float:
    """The logarithm of the sum of two numbers given by theirs."""
    if a < b:
        a, b = b, a
    return a + math.log1p(math.exp(b - a)) if b > -math.inf else a
