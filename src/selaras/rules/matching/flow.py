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
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from selaras.model.claims import FINE

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_STATES: Final = 14
_WAYS: Final = 40
_UNDER_WAY: Final = 6
_TOGETHER: Final = 3
#: Days after which nobody who was held back is expected any more.
_LOST_AFTER: Final = 16
_PAIRS_UP_TO: Final = 120
_TRIPLES_UP_TO: Final = 40
_TELLING: Final = 60
_BACK: Final = 0.5
_STAYS: Final = math.log(1.0 - _BACK)
_IN_FULL, _IN_PART = 0.7, 0.2
_LEAST_STEP: Final = 500 * FINE
#: Log of the chance that something happens that none of this foresees *and* comes to just this sum; how surely an order
#: that was due is paid by such a line all the same.
_UNFORESEEN: Final = math.log(1e-8)
_DUE_ANYWAY: Final = 0.95
#: The largest sets of orders held back that are reckoned with, and the root of two pi.
_LARGEST: Final = 6
_ROOT: Final = math.sqrt(2 * math.pi)
_LEAST_LARGER: Final = 1e-8
#: How often all of three or more who were held back come with the next payout.
_ALL_BACK: Final = _BACK**3
#: Log of the chance from which an explanation counts as simple.
_SIMPLE: Final = math.log(1e-5)
#: Explanations so far behind the best one (as a logarithm) are let go.
_FAR_BEHIND: Final = 10.0
#: More than such a logarithm can be off by.
_NEARLY: Final = 1e-6
#: The mark of a state after a line that nothing explained, less what was missing in it (0 where even that is unknown):
#: who was due in it may come with the next.
_LOST: Final = -1
_PAIRS_LOST: Final = 30
#: How many orders the shipped habits are worth.
_SEEN_BEFORE: Final = 300.0


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


class _Way(NamedTuple):
    """An explanation of what is missing: log of its chance, orders held back, and whether money was given back."""

    chance: float
    held: tuple[int, ...]
    refund: bool


class _Step(NamedTuple):
    before: tuple[int, ...]
    after: tuple[int, ...]
    weight: float
    way: _Way | None
    carried: tuple[int, ...]


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


class _Sums:
    """How likely it is that so many orders, taken at random, come to a sum.

    Prices are few and round, so that sets of orders often come to the same sum by chance. Sets too many to be tried one
    by one are counted as if their sums were normal on the grid that they lie on.
    """

    def __init__(self, nets: Ints) -> None:
        self.many = len(nets)
        self.first, self.mean, self.spread = int(nets[0]), float(nets.mean()), float(nets.std())
        self.grid = int(np.gcd.reduce(nets - nets[0]))

    def chance(self, size: int, total: int) -> float:
        """The chance that `size` of them come to `total`."""
        if not self.grid or size > self.many or (total - size * self.first) % self.grid:
            return 0.0
        spread = self.spread * math.sqrt(size)
        off = (total - size * self.mean) / spread
        return math.exp(-off * off / 2) * self.grid / (spread * _ROOT)


class _Ways:
    """The ways in which a payout may be short by some sum: orders held back and money given back."""

    def __init__(self, payout: Payout, gross: Ints, net: Ints, step: int, habits: Habits) -> None:
        self.held = math.log(habits.held)
        self.refunds, self.step = _Refunds(payout, gross, step, habits), step
        due = np.asarray(payout.due, dtype=np.int64)
        nets = net[due]
        # Refunds are whole steps: only sets with the right remainder can stand beside one.
        self.sets: list[tuple[Ints, dict[int, tuple[Ints, Ints]]]] = []
        for places in _chosen(len(nets)):
            sums = nets[places].sum(axis=1)
            rest = sums % step
            by_rest = rest.argsort(kind="stable")
            rest, sums = rest[by_rest], sums[by_rest]
            edges = [0, *(np.flatnonzero(rest[1:] != rest[:-1]) + 1).tolist(), len(rest)]
            of_rest = {
                value: (by_rest[start:end], sums[start:end])
                for value, (start, end) in zip(rest[edges[:-1]].tolist(), pairwise(edges), strict=True)
            } if len(rest) else {}  # fmt: skip
            self.sets.append((due[places], of_rest))
        self.due, self.tried = _Sums(nets) if len(nets) else None, len(self.sets)
        #: No way to be short by anything is likelier than this.
        self.likeliest = max(self.held, self.refunds.likeliest()) + _NEARLY
        self.known: dict[int, list[_Way]] = {}

    def short(self, missing: int) -> list[_Way]:
        """Each way to be short by `missing`, the likeliest first."""
        found = self.known.get(missing)
        if found is None:
            found = self.known[missing] = self._short(missing)
        return found

    def beyond(self, missing: int) -> float:
        """The chance to be short by `missing` because of a larger set than those that are tried one by one."""
        if self.due is None:
            return 0.0
        return sum(
            math.comb(self.due.many, size) * math.exp(size * self.held) * self.due.chance(size, missing)
            for size in range(self.tried + 1, _LARGEST + 1)
        )

    def _short(self, missing: int) -> list[_Way]:
        if missing < 0:
            return []
        if missing == 0:
            return [_Way(0.0, (), False)]
        least = _UNFORESEEN - 3.0
        alone = self.refunds.log(missing)
        found = [_Way(alone, (), True)] if alone > least else []
        rest = missing % self.step
        for names, of_rest in self.sets:
            size = names.shape[1]
            if rest not in of_rest or size * self.held < least:
                continue
            rows, sums = of_rest[rest]
            left = missing - sums
            for at in rows[left == 0][:_WAYS].tolist():
                found.append(_Way(size * self.held, tuple(names[at].tolist()), False))
            if size <= 2:
                short = (left > 0) & (left <= self.refunds.largest)
                if not short.any():
                    continue
                rows, left = rows[short], left[short]
                share = self.refunds.share(left)
                log = size * self.held + self.refunds.one
                worth = np.flatnonzero(share > math.exp(least - log))
                if len(worth) > _WAYS:
                    worth = worth[np.argsort(-share[worth], kind="stable")[:_WAYS]]
                for at, chance in zip(rows[worth].tolist(), share[worth].tolist(), strict=True):
                    found.append(_Way(log + math.log(chance), tuple(names[at].tolist()), True))
        return sorted(found, key=_by_chance)[:_WAYS]


@lru_cache(maxsize=256)
def _chosen(many: int) -> list[Ints]:
    """Every one, two and three of so many places, a row each, as far as there are not too many."""
    chosen = [np.arange(many, dtype=np.int64).reshape(-1, 1)]
    for size, most in ((2, _PAIRS_UP_TO), (3, _TRIPLES_UP_TO)):
        if size <= many <= most:
            chosen.append(np.asarray(list(itertools.combinations(range(many), size)), dtype=np.int64))
    return chosen


def _by_chance(way: _Way) -> tuple[float, tuple[int, ...]]:
    return (-way.chance, way.held)


def explain(payouts: Sequence[Payout], gross: Ints, net: Ints) -> list[dict[int, float]]:
    """For each payout, in order of days, its orders with the chance that it pays them.

    `gross` and `net` are amounts of all orders of the channel; `Payout` names orders by their place there. Twice: the
    first time tells how often this channel holds back and gives back.
    """
    _, habits = _once(payouts[:_TELLING], gross, net, Habits())
    return _once(payouts, gross, net, habits)[0]


def comes_out(payout: Payout, gross: Ints, net: Ints) -> bool:
    """Is there a simple explanation of this line by itself: an order held back, come late, or given back?"""
    ways = _Ways(payout, gross, net, max(FINE, int(np.gcd.reduce(gross))), Habits())
    missing = int(net[np.asarray(payout.due, dtype=np.int64)].sum()) - payout.amount
    if missing < 0:
        return bool((net[np.asarray(payout.earlier, dtype=np.int64)] == -missing).any())
    return any(way.chance > _SIMPLE for way in ways.short(missing))


def _once(payouts: Sequence[Payout], gross: Ints, net: Ints, habits: Habits) -> tuple[list[dict[int, float]], Habits]:
    steps: list[list[_Step]] = []
    cut: list[dict[int, float]] = []
    states: dict[tuple[int, ...], float] = {(): 0.0}
    forward = [states]
    born: dict[int, int] = {}
    nets = net.tolist()
    grain = max(FINE, int(np.gcd.reduce(gross))) if len(gross) else FINE
    for number, payout in enumerate(payouts):
        ways = _Ways(payout, gross, net, grain, habits)
        all_due = int(net[np.asarray(payout.due, dtype=np.int64)].sum())
        born.update(dict.fromkeys(payout.due, payout.day))
        own: list[_Step] = []
        best = -math.inf
        for state in sorted(states, key=lambda s: (-states[s], s)):
            alive = tuple(order for order in state if order >= 0 and payout.day - born[order] <= _LOST_AFTER)
            lost = payouts[number - 1].due if state and state[0] < 0 else ()
            lost_sums = _Sums(net[np.asarray(lost, dtype=np.int64)]) if lost else None
            # What comes out as it is needs no other explanation.
            plain = all_due == payout.amount
            for carried, log in [((), 0.0)] if plain else _carried(alive, lost, habits):
                if states[state] + log < best - _FAR_BEHIND:
                    continue
                missing = all_due + sum([nets[i] for i in carried]) - payout.amount
                if missing < 0:
                    if lost and not carried and (came := _came(lost_sums, _LOST - state[0], -missing)) > _LEAST_LARGER:
                        weight = math.log(came) + len(alive) * _STAYS
                        own.append(_Step(state, alive, weight, _Way(0.0, (), False), ()))
                    continue
                stay = tuple([order for order in alive if order not in carried])
                log += len(stay) * _STAYS
                if (larger := ways.beyond(missing)) > _LEAST_LARGER:
                    own.append(_Step(state, (_LOST - missing, *stay), log + math.log(larger), None, ()))
                # No way to be short by something is as likely as would be needed.
                if missing and states[state] + log + ways.likeliest < best - _FAR_BEHIND:
                    continue
                for way in ways.short(missing):
                    after = (*stay, *way.held)
                    weight = states[state] + log + way.chance
                    if weight <= best - _FAR_BEHIND:
                        break
                    if len(after) <= _UNDER_WAY:
                        best = max(best, weight)
                        own.append(_Step(state, tuple(sorted(after)), way.chance + log, way, carried))
            own.append(_Step(state, (_LOST, *alive), _UNFORESEEN, None, ()))
            best = max(best, states[state] + _UNFORESEEN)
        ahead: dict[tuple[int, ...], float] = {}
        for step in own:
            weight = states[step.before] + step.weight
            ahead[step.after] = _plus(ahead.get(step.after, -math.inf), weight)
        kept = sorted(ahead, key=lambda s: (-ahead[s], s))[:_STATES]
        top = ahead[kept[0]]
        states = {state: ahead[state] - top for state in kept if ahead[state] > top - _FAR_BEHIND}
        cut.append(_let_go([s for s in own if s.after not in states], forward[-1], ahead))
        steps.append([step for step in own if step.after in states])
        forward.append(states)
    return _back(payouts, steps, forward, cut, habits)


def _let_go(
    steps: list[_Step], before: dict[tuple[int, ...], float], ahead: dict[tuple[int, ...], float]
) -> dict[int, float]:
    """For each order the chance of the explanations that are followed no further and say something else of it."""
    result: defaultdict[int, float] = defaultdict(float)
    if steps:
        whole = -math.inf
        for weight in ahead.values():
            whole = _plus(whole, weight)
        for step in steps:
            chance = math.exp(before[step.before] + step.weight - whole)
            for order in (*step.carried, *(step.way.held if step.way else ())):
                result[order] += chance
    return result


def _came(lost: _Sums | None, all_of_them: int, total: int) -> float:
    """The chance that of those who were lost sight of, together `all_of_them` (0: unknown), just this sum comes now."""
    if lost is None:
        return 0.0
    if total == all_of_them:
        return _ALL_BACK
    return sum(lost.chance(size, total) for size in range(1, _LARGEST + 1)) / _LARGEST


def _carried(alive: tuple[int, ...], lost: Sequence[int], habits: Habits) -> Iterable[tuple[tuple[int, ...], float]]:
    """Who may come late with this line, and the log of the chance."""
    back, unknown = math.log(_BACK), math.log(habits.held * _BACK)
    for size in range(min(_TOGETHER, len(alive)) + 1):
        for chosen in itertools.combinations(alive, size):
            yield chosen, size * back
            if size <= 1:
                for order in lost:
                    yield (*chosen, order), size * back + unknown
    if len(lost) <= _PAIRS_LOST:
        for pair in itertools.combinations(lost, 2):
            yield pair, 2 * unknown


def _back(
    payouts: Sequence[Payout],
    steps: list[list[_Step]],
    forward: list[dict[tuple[int, ...], float]],
    cut: list[dict[int, float]],
    habits: Habits,
) -> tuple[list[dict[int, float]], Habits]:
    """From the last line to the first: what each explanation is worth in the light of all that follows."""
    result: list[dict[int, float]] = [{} for _ in payouts]
    backward = dict.fromkeys(forward[-1], 0.0)
    late: dict[int, float] = {}
    held = refunds = known = 0.0
    for number in range(len(payouts) - 1, -1, -1):
        before = forward[number]
        # States that lead nowhere have no way back.
        open_ = [step for step in steps[number] if step.after in backward]
        weights = [before[step.before] + step.weight + backward[step.after] for step in open_]
        top = max(weights)
        total = sum(math.exp(w - top) for w in weights)
        missed = defaultdict(float, late)
        brought: defaultdict[int, float] = defaultdict(float)
        late = defaultdict(float)
        unknown = 0.0
        ahead: dict[tuple[int, ...], float] = {}
        for step, weight in zip(open_, weights, strict=True):
            chance = math.exp(weight - top) / total
            for order in step.carried:
                brought[order] += chance
                if order not in step.before:
                    late[order] = late.get(order, 0.0) + chance
            if step.way is None:
                unknown += chance
            else:
                for order in step.way.held:
                    missed[order] += chance
                held += chance * len(step.way.held)
                refunds += chance * step.way.refund
                known += chance * len(payouts[number].due)
            more = step.weight + backward[step.after]
            ahead[step.before] = _plus(ahead.get(step.before, -math.inf), more)
        top = max(ahead.values())
        backward = {state: log - top for state, log in ahead.items()}
        for order in payouts[number].due:
            doubt = missed[order] + cut[number].get(order, 0.0) + unknown * (1.0 - _DUE_ANYWAY)
            result[number][order] = max(0.0, 1.0 - doubt)
        result[number].update(brought)
    learnt = Habits(
        (held + habits.held * _SEEN_BEFORE) / (known + _SEEN_BEFORE),
        (refunds + habits.refunded * _SEEN_BEFORE) / (known + _SEEN_BEFORE),
    )
    return result, learnt


def _plus(a: float, b: float) -> float:
    """The logarithm of the sum of two numbers given by theirs."""
    if a < b:
        a, b = b, a
    return a + math.log1p(math.exp(b - a)) if b > -math.inf else a
