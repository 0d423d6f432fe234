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
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from selaras.model.claims import FINE
from selaras.rules.matching.fees import slack
from selaras.rules.matching.ways import LARGEST, UNFORESEEN, Habits, Payout, Sums, Way, Ways

Ints = npt.NDArray[np.int64]

_STATES: Final = 14
_UNDER_WAY: Final = 6
_TOGETHER: Final = 3
#: Days after which nobody who was held back is expected any more.
_LOST_AFTER: Final = 16
_TELLING: Final = 60
_BACK: Final = 0.5
_STAYS: Final = math.log(1.0 - _BACK)
#: How surely an order that was due is paid by a line that nothing explains.
_DUE_ANYWAY: Final = 0.95
_LEAST_LARGER: Final = 1e-8
#: How often all of three or more who were held back come with the next payout.
_ALL_BACK: Final = _BACK**3
#: Log of the chance from which an explanation counts as simple.
_SIMPLE: Final = math.log(1e-5)
#: Explanations so far behind the best one (as a logarithm) are let go.
_FAR_BEHIND: Final = 10.0
#: The mark of a state after a line that nothing explained, less what was missing in it (0 where even that is unknown):
#: who was due in it may come with the next.
_LOST: Final = -1
_PAIRS_LOST: Final = 30
#: How many orders the shipped habits are worth.
_SEEN_BEFORE: Final = 300.0


class _Step(NamedTuple):
    before: tuple[int, ...]
    after: tuple[int, ...]
    weight: float
    way: Way | None
    carried: tuple[int, ...]


def explain(payouts: Sequence[Payout], gross: Ints, net: Ints, *, loose: bool = False) -> list[dict[int, float]]:
    """For each payout, in order of days, its orders with the chance that it pays them.

    `gross` and `net` are amounts of all orders of the channel; `Payout` names orders by their place there. `loose`:
    nobody knows how its fees are rounded. Twice: the first time tells how often this channel holds and gives back.
    """
    _, habits = _once(payouts[:_TELLING], gross, net, Habits(), loose)
    return _once(payouts, gross, net, habits, loose)[0]


def comes_out(payout: Payout, gross: Ints, net: Ints, *, loose: bool = False) -> bool:
    """Is there a simple explanation of this line by itself: an order held back, come late, or given back?"""
    off = slack(len(payout.due)) if loose else 0
    ways = Ways(payout, gross, net, max(FINE, int(np.gcd.reduce(gross))), Habits(), off)
    missing = int(net[np.asarray(payout.due, dtype=np.int64)].sum()) - payout.amount
    if missing < -off:
        return bool((np.abs(net[np.asarray(payout.earlier, dtype=np.int64)] + missing) <= off).any())
    return any(way.chance > _SIMPLE for way in ways.short(missing))


def _once(
    payouts: Sequence[Payout], gross: Ints, net: Ints, habits: Habits, loose: bool
) -> tuple[list[dict[int, float]], Habits]:
    steps: list[list[_Step]] = []
    cut: list[dict[int, float]] = []
    states: dict[tuple[int, ...], float] = {(): 0.0}
    forward = [states]
    born: dict[int, int] = {}
    nets = net.tolist()
    grain = max(FINE, int(np.gcd.reduce(gross))) if len(gross) else FINE
    for number, payout in enumerate(payouts):
        off = slack(len(payout.due)) if loose else 0
        ways = Ways(payout, gross, net, grain, habits, off)
        all_due = int(net[np.asarray(payout.due, dtype=np.int64)].sum())
        born.update(dict.fromkeys(payout.due, payout.day))
        own: list[_Step] = []
        best = -math.inf
        for state in sorted(states, key=lambda s: (-states[s], s)):
            alive = tuple(order for order in state if order >= 0 and payout.day - born[order] <= _LOST_AFTER)
            lost = payouts[number - 1].due if state and state[0] < 0 else ()
            lost_sums = Sums(net[np.asarray(lost, dtype=np.int64)], off) if lost else None
            # What comes out as it is needs no other explanation.
            plain = abs(all_due - payout.amount) <= off
            options = [((), 0.0, 0)] if plain else _carried(alive, lost, habits, nets)
            if lost and not plain and (together := _LOST - state[0]):
                options.append(((), math.log(_ALL_BACK), together))
            for carried, log, brought in options:
                if states[state] + log < best - _FAR_BEHIND:
                    continue
                missing = all_due + brought - payout.amount
                if missing < -off:
                    if lost_sums and not brought and (came := _came(lost_sums, -missing)) > _LEAST_LARGER:
                        weight = math.log(came) + len(alive) * _STAYS
                        own.append(_Step(state, alive, weight, Way(0.0, (), False), ()))
                    continue
                stay = tuple([order for order in alive if order not in carried])
                log += len(stay) * _STAYS
                # No way to be short by something is as likely as would be needed.
                if missing > off and states[state] + log + ways.likeliest < best - _FAR_BEHIND:
                    continue
                if (larger := ways.beyond(missing)) > _LEAST_LARGER:
                    own.append(_Step(state, (_LOST - missing, *stay), log + math.log(larger), None, ()))
                for way in ways.short(missing):
                    after = (*stay, *way.held)
                    weight = states[state] + log + way.chance
                    if weight <= best - _FAR_BEHIND:
                        break
                    if len(after) <= _UNDER_WAY:
                        best = max(best, weight)
                        own.append(_Step(state, tuple(sorted(after)), way.chance + log, way, carried))
            own.append(_Step(state, (_LOST, *alive), UNFORESEEN, None, ()))
            best = max(best, states[state] + UNFORESEEN)
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


def _came(lost: Sums, total: int) -> float:
    """The chance that some of those who were lost sight of come to just this sum."""
    return sum(lost.chance(size, total) for size in range(1, LARGEST + 1)) / LARGEST


def _carried(
    alive: tuple[int, ...], lost: Sequence[int], habits: Habits, nets: Sequence[int]
) -> list[tuple[tuple[int, ...], float, int]]:
    """Who may come late with this line, the log of the chance, and what they bring."""
    back, unknown = math.log(_BACK), math.log(habits.held * _BACK)
    found: list[tuple[tuple[int, ...], float, int]] = []
    for size in range(min(_TOGETHER, len(alive)) + 1):
        for chosen in itertools.combinations(alive, size):
            brings = sum([nets[i] for i in chosen])
            found.append((chosen, size * back, brings))
            if size <= 1:
                found += [((*chosen, order), size * back + unknown, brings + nets[order]) for order in lost]
    if len(lost) <= _PAIRS_LOST:
        found += [((a, b), 2 * unknown, nets[a] + nets[b]) for a, b in itertools.combinations(lost, 2)]
    return found


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
