"""What a person is asked about a line that no link answers: up to three answers, the likeliest first.

The global choice has spoken: most lines and most orders are settled. For the few lines that are left it is affordable
to look wider, among the orders that are left: every order of a buyer whose name many share, amounts that were rounded,
the rest of an order that is paid in part, and orders that are paid already, by those who pay twice. Each further
answer is weighed against a stranger's money as in the first round, and shares the line's chance with the answers that
the global choice found. Nothing here is linked, and no link changes.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Final

import numpy as np
import numpy.typing as npt

from selaras.model.claims import FINE
from selaras.rules.matching.amounts import KINDS, OTHER, ROUNDED
from selaras.rules.matching.answers import Answer, why
from selaras.rules.matching.candidates import Pool, wider
from selaras.rules.matching.evidence import Evidence
from selaras.rules.matching.parameters import Parameters
from selaras.rules.matching.reading import Buyers, Told
from selaras.rules.matching.repeated import OPEN, Settled, once_more, repeated
from selaras.rules.matching.sets import OF_SEVERAL, Sets, columns, combined, joined, parts

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_SHOWN: Final = 3
_LEAST_FREE: Final = 1e-6
_LEAST: Final = 1e-4
_HEAVIEST: Final = 25.0
#: A line with less has no answer, and tells nothing of how many are a stranger's.
_LEAST_ODDS: Final = 1e-6
_SEEN_BEFORE, _FURTHEST, _ROUNDS = 60.0, 3.0, 20
#: Orders cost whole steps of this: an amount that is no such step away from what is due does not show the order's code.
_STEP: Final = 500 * FINE
_NOT_ITS_CODE: Final = math.log(0.05)
#: Who pays a part pays a round part.
_ROUND: Final = 10_000 * FINE
#: How much rarer than to the next thousand people round to a larger step, for each of its thousands.
_NEAREST: Final = 1_000 * FINE


def asked(
    pool: Pool, buyers: Buyers, told: Told, said: Parameters, seen: Evidence, keep: Bools, posterior: Floats,
    sets: Sets, of_sets: Floats, copies: Bools, sure: list[Answer],
) -> list[list[Answer]]:  # fmt: skip
    """For each line that is worth asking about its answers, the likeliest first. `sure` are the links that are made."""
    settled = Settled(pool, sure)
    left = _Left(pool, seen, keep, posterior, sets, of_sets, settled)
    fresh = np.flatnonzero(left.lines & ~copies & ~told.payout)
    singles, odds, doubled = left.singles(buyers, told, said, seen, fresh, copies)
    several, of_several = left.several(singles, said)
    again = repeated(pool, buyers, told, said, seen, settled, fresh)
    # For each line the odds of all its answers together, and of a stranger's money.
    whole = np.zeros(len(left.free_line))
    np.add.at(whole, singles.line, odds)
    own = several.line[several.new_line]
    np.add.at(whole, own, of_several[several.of[several.new_line]] / left.free_line[own])
    np.add.at(whole, again.seen.line, again.odds)
    whole += strangers(whole[fresh], seen.rates.noise * len(pool.order_rows))
    answers: defaultdict[int, list[Answer]] = defaultdict(list)

    def add(line: int, chance: float, pairs: list[tuple[int, int, int]], kind: str, spoken: tuple[str, ...]) -> None:
        if chance >= said.suggest:
            answers[line].append(Answer(chance, pairs, kind, spoken))

    for of, of_pairs, kind_of in (
        (singles, odds, lambda row: "double_payment" if doubled[row] else KINDS[int(singles.kind[row])]),
        (again.seen, again.odds, again.kind),
    ):
        chances = of_pairs / whole[of.line]
        for row in np.flatnonzero(chances >= said.suggest).tolist():
            line = int(of.line[row])
            pays = [(line, int(of.order[row]), int(pool.amount[line]))]
            add(line, float(chances[row]), pays, kind_of(row), why(of, row))
    for at in np.flatnonzero(of_several > 0).tolist():
        all_pairs = several.pairs(at)
        for line in sorted({pair[0] for pair in all_pairs}):
            chance = float(of_several[at] / left.free_line[line] / whole[line])
            pays = [pair for pair in all_pairs if pair[0] == line]
            add(line, chance, pays, OF_SEVERAL[int(several.kind[at])], ("name", "sum"))
    found = [_best(answers[line]) for line in sorted(answers)]
    return [best for best in found if sum(answer.chance for answer in best) >= said.worth_asking]


def strangers(odds: Floats, expected: float) -> float:
    """How much likelier a stranger's money is than the first round took it for; 1 where that was right.

    `odds` are those of all answers of each line that is left, `expected` the strangers that the first round counted
    among them. Expectation and maximisation, as in `rates`; now all that a line may pay is known, and fewer are left
    unexplained. Prior cases and a band keep a small shop from surprises.
    """
    odds = odds[odds > _LEAST_ODDS]
    factor = 1.0
    for _ in range(_ROUNDS):
        factor = ((factor / (factor + odds)).sum() + _SEEN_BEFORE) / (expected + _SEEN_BEFORE)
    return float(np.clip(factor, 1.0 / _FURTHEST, _FURTHEST))


def _best(answers: list[Answer]) -> list[Answer]:
    """The likeliest answers; those that name the same orders are one, with the words of the likelier."""
    by_orders: dict[tuple[int, ...], Answer] = {}
    for answer in sorted(answers, key=_likeliest):
        orders = tuple(sorted(order for _, order, _ in answer.pairs))
        known = by_orders.get(orders)
        by_orders[orders] = known._replace(chance=min(1.0, known.chance + answer.chance)) if known else answer
    return sorted(by_orders.values(), key=_likeliest)[:_SHOWN]


def _likeliest(answer: Answer) -> tuple[float, int, str]:
    return -answer.chance, answer.pairs[0][1], answer.kind


class _Left:
    """The lines and orders that no link settles, with the chance that each is free of all that was found."""

    def __init__(
        self, pool: Pool, seen: Evidence, keep: Bools, posterior: Floats, sets: Sets, of_sets: Floats, settled: Settled
    ) -> None:
        self.pool, self.lines, self.state = pool, ~settled.answered, settled.state
        rows = np.flatnonzero(keep)
        given_line = np.bincount(seen.line[rows], weights=posterior, minlength=len(pool.line_rows))
        given_order = np.bincount(seen.order[rows], weights=posterior, minlength=len(pool.order_rows))
        np.add.at(given_line, sets.line[sets.new_line], of_sets[sets.of[sets.new_line]])
        np.add.at(given_order, sets.order[sets.new_order], of_sets[sets.of[sets.new_order]])
        self.free_line = np.clip(1.0 - given_line, _LEAST_FREE, 1.0)
        self.free_order = np.clip(1.0 - given_order, _LEAST_FREE, 1.0)
        mine = self.lines[seen.line[rows]] & (posterior > _LEAST)
        self._line, self._order, self._chance = seen.line[rows][mine], seen.order[rows][mine], posterior[mine]
        of_open = np.bincount(sets.of, weights=settled.answered[sets.line], minlength=len(sets)) == 0
        self._sets, self._of_sets = _chosen(sets, of_open & (of_sets > _LEAST), of_sets)

    def singles(
        self, buyers: Buyers, told: Told, said: Parameters, seen: Evidence, fresh: Ints, copies: Bools
    ) -> tuple[Evidence, Floats, Bools]:
        """Pairs of a line and an order that are left, their odds beside a stranger's money, and which pay twice."""
        many = max(1, len(self.pool.order_rows))
        known = self._line * many + self._order
        line, order = wider(self.pool, buyers, told, said, fresh, np.flatnonzero(self.state == OPEN))
        keys = np.union1d(known, line * many + order)
        found = Evidence(self.pool, buyers, told, said, *np.divmod(keys, many), seen)
        found.weigh(seen.rates)
        habits = _habits(self.pool, said, found)
        odds = np.exp(np.minimum(found.weight + habits, _HEAVIEST)) * self.free_order[found.order]
        place = np.searchsorted(keys, known)
        # The global choice knows better how many want the same order.
        odds[place] = self._chance / self.free_line[self._line] * np.exp(habits[place])
        chance = np.zeros(len(keys))
        chance[place] = self._chance
        more, later = once_more(self.pool, told, found, chance, copies)
        return found, odds + more, later & (more > odds)

    def several(self, seen: Evidence, said: Parameters) -> tuple[Sets, Floats]:
        """Sets that the global choice found, and more among the wider pairs, with their chances as far as it knows."""
        old, new = self._sets, columns(combined(self.pool, seen, said) + parts(self.pool, seen, said))
        new.weigh(seen)
        known = {_name(old, at) for at in range(len(old))}
        unknown = np.asarray([_name(new, at) not in known for at in range(len(new))], dtype=bool)
        odds = np.exp(np.minimum(new.weight, _HEAVIEST))
        np.multiply.at(odds, new.of[new.new_order], self.free_order[new.order[new.new_order]])
        np.multiply.at(odds, new.of[new.new_line], self.free_line[new.line[new.new_line]])
        new, odds = _chosen(new, unknown, odds)
        return joined([old, new]), np.concatenate([self._of_sets, odds])


def _chosen(sets: Sets, which: Bools, values: Floats) -> tuple[Sets, Floats]:
    """Some of the sets, and their values."""
    rows = which[sets.of]
    part = Sets(
        sets.kind[which], sets.size[which], sets.base[which], sets.line[rows], sets.order[rows], sets.amount[rows]
    )
    part.weight = sets.weight[which]
    return part, values[which]


def _name(sets: Sets, at: int) -> tuple[tuple[int, int], ...]:
    return tuple(sorted((line, order) for line, order, _ in sets.pairs(at)))


def _habits(pool: Pool, said: Parameters, seen: Evidence) -> Floats:
    """What more an amount tells that is not what is due: log of a ratio for each pair."""
    amount, due, total = pool.amount[seen.line], pool.due[seen.order], pool.total[seen.order]
    result = np.zeros(len(amount))
    other = seen.kind == OTHER
    # Prices are round: an amount that is not shows the code of the order that it pays.
    strange = other & (amount % _STEP != 0) & ((due - amount) % _STEP != 0) & (due != total)
    result[strange] = _NOT_ITS_CODE
    part = other & (amount % _ROUND == 0) & (amount < due)
    steps, all_steps = np.maximum(due[part] / _ROUND, 2), np.maximum(due[part] / _STEP, 10)
    usual = said.other_amount / all_steps
    result[part] = np.log(np.maximum(said.parts / steps, usual) / usual)
    gap = np.abs(due - amount)
    far = (seen.kind == ROUNDED) & (gap >= _NEAREST)
    result[far] = -np.log(gap[far] / _NEAREST + 1.0)
    return result
