"""Hypotheses of several: one line that pays several orders of a buyer, one order that is paid by several lines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from selaras.rules.matching.amounts import EXACT, WITHOUT_CODE
from selaras.rules.matching.candidates import Pool
from selaras.rules.matching.evidence import Evidence
from selaras.rules.matching.parameters import Parameters
from selaras.rules.matching.rates import NAME_WHOLE
from selaras.rules.matching.reading import CORE

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
OF_SEVERAL: Final = ("combined", "instalments", "foreign_currency")
_MOST_ORDERS: Final = 14
_MOST_LINES: Final = 10
_LARGEST: Final = 5
_MOST_TRIES: Final = 6_000


class Hypothesis(NamedTuple):
    """Some lines pay some orders: `pairs` of (line, order, amount).

    `base` is the chance of such a set; `day` and `texts` are the pairs whose day and whose texts count, by their place
    in the evidence.
    """

    kind: str
    pairs: Sequence[tuple[int, int, int]]
    base: float
    day: int
    texts: Sequence[int]


class Sets:
    """Hypotheses of several as columns, because a large shop has a million of them: sizes, bases, and their pairs.

    Each set has one line or one order. `weight` is the log weight of each beside all its pairs standing alone.
    """

    def __init__(self, kind: Ints, size: Ints, base: Floats, line: Ints, order: Ints, amount: Ints) -> None:
        """`kind` indexes `OF_SEVERAL`; the pairs (line, order, amount) stand set by set, `size` of them each."""
        self.kind, self.size, self.base = kind, size, base
        self.line, self.order, self.amount = line, order, amount
        self.weight = np.zeros(len(size))
        self.starts = np.cumsum(size) - size
        self.of = np.repeat(np.arange(len(size), dtype=np.int64), size)
        first = np.zeros(len(line), dtype=bool)
        first[self.starts] = True
        # The pairs that bring their set another line, or another order.
        self.new_line, self.new_order = first.copy(), first
        self.new_line[1:] |= line[1:] != line[:-1]
        self.new_order[1:] |= order[1:] != order[:-1]

    def __len__(self) -> int:
        return len(self.size)

    def read(self, day: Ints, of_text: Ints, text: Ints) -> None:
        """The places in the evidence whose day counts (one for each set), and whose texts (of the sets `of_text`)."""
        self._day, self._of_text, self._text = day, of_text, text

    def weigh(self, seen: Evidence) -> None:
        """Work out the weights under the rates that the evidence now has."""
        many = len(self)
        unpaid = -math.log(1.0 - seen.rates.paid)
        self.weight = self.base + unpaid * np.bincount(self.of[self.new_order], minlength=many)
        self.weight += seen.log_days(self._day)
        self.weight += np.bincount(self._of_text, weights=seen.log_texts(self._text), minlength=many)
        alone = seen.log_null[self.line[self.new_line]]
        self.weight -= np.bincount(self.of[self.new_line], weights=alone, minlength=many)

    def pairs(self, at: int) -> list[tuple[int, int, int]]:
        """The pairs of one set, as (line, order, amount)."""
        part = slice(int(self.starts[at]), int(self.starts[at] + self.size[at]))
        return list(zip(self.line[part].tolist(), self.order[part].tolist(), self.amount[part].tolist(), strict=True))


def columns(found: Sequence[Hypothesis]) -> Sets:
    """Hypotheses as columns."""
    flat = np.asarray([pair for one in found for pair in one.pairs], dtype=np.int64).reshape(-1, 3)
    sets = Sets(
        np.asarray([OF_SEVERAL.index(one.kind) for one in found], dtype=np.int64),
        np.asarray([len(one.pairs) for one in found], dtype=np.int64),
        np.asarray([one.base for one in found], dtype=np.float64),
        flat[:, 0], flat[:, 1], flat[:, 2],
    )  # fmt: skip
    texts = [(at, row) for at, one in enumerate(found) for row in one.texts]
    of_text = np.asarray(texts, dtype=np.int64).reshape(-1, 2)
    sets.read(np.asarray([one.day for one in found], dtype=np.int64), of_text[:, 0], of_text[:, 1])
    return sets


def joined(parts: Sequence[Sets]) -> Sets:
    """All of them, with their weights; what they read in their own evidence stays with them."""
    names = ("kind", "size", "base", "line", "order", "amount")
    result = Sets(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    result.weight = np.concatenate([part.weight for part in parts])
    return result


@lru_cache(maxsize=64)
def _choices(count: int, most: int) -> Ints:
    """Every choice of two to `most` of `count` places, smaller ones first, a row each, filled up with `count`.

    Gives up where too many would have to be tried.
    """
    rows: list[tuple[int, ...]] = []
    for size in range(2, min(most, count) + 1):
        if len(rows) + math.comb(count, size) > _MOST_TRIES:
            break
        rows += [(*places, *[count] * (most - size)) for places in combinations(range(count), size)]
    return np.asarray(rows, dtype=np.int64).reshape(-1, most)


def _subsets(amounts: Sequence[int], goals: Sequence[int], most: int) -> list[tuple[int, tuple[int, ...]]]:
    """Places whose amounts add up to a goal, as (number of the goal, places): goal by goal, smaller sets first."""
    count = len(amounts)
    choices = _choices(count, most)
    with_none = np.asarray([*amounts, 0], dtype=np.int64)
    sums = with_none[choices[:, 0]]
    for place in range(1, most):
        sums += with_none[choices[:, place]]
    goal, at = np.nonzero(sums == np.asarray(goals, dtype=np.int64)[:, None])
    places = (tuple(place for place in row if place < count) for row in choices[at].tolist())
    return list(zip(goal.tolist(), places, strict=True))


def combined(pool: Pool, seen: Evidence, said: Parameters) -> list[Hypothesis]:
    """One line for several orders that it names, or of the buyer whose name it shows; the amount is their exact sum."""
    found: list[Hypothesis] = []
    tied = (seen.name == NAME_WHOLE) | (seen.reference >= CORE)
    explained = np.zeros(len(pool.line_rows), dtype=bool)
    explained[seen.line[tied & (seen.kind == EXACT)]] = True
    chosen = np.flatnonzero(tied & ~explained[seen.line])
    for start, end in _groups(seen.line[chosen]):
        rows = chosen[start:end]
        line = int(seen.line[rows[0]])
        amount = int(pool.amount[line])
        rows = rows[pool.due[seen.order[rows]] < amount]
        if not 2 <= len(rows) <= 60:
            continue
        if len(rows) > _MOST_ORDERS:
            rows = rows[np.lexsort((pool.due[seen.order[rows]], seen.lag[rows]))[:_MOST_ORDERS]]
        numbers = seen.order[rows]
        orders, due, total = numbers.tolist(), pool.due[numbers].tolist(), pool.total[numbers].tolist()
        low, high = sorted(map(min, due, total)), sorted(map(max, due, total))
        if low[0] + low[1] > amount or sum(high[-_LARGEST:]) < amount:
            continue
        log_texts = seen.log_texts(rows).tolist()
        answers: dict[tuple[int, ...], str] = {}
        for amounts, which in ((due, "due"), (total, "total")):
            for _, places in _subsets(amounts, [amount], _LARGEST):
                answers.setdefault(places, which)
        # Two baskets, one code: people add the code of one order to the sum of both.
        coded = [i for i in range(len(orders)) if due[i] != total[i]]
        for at, places in _subsets(total, [amount - due[i] + total[i] for i in coded], 3) if coded else ():
            if coded[at] in places:
                answers.setdefault(places, "one code")
        for places, which in answers.items():
            texts = [(log_texts[i], -orders[i], i) for i in places]
            named = sum(int(seen.reference[rows[i]] >= CORE) for i in places)
            spread = math.log(math.comb(len(orders), len(places)))
            base = math.log(said.combined * (said.exact if which == "due" else 0.1))
            base += (4.0 * (named - 1) if named > 1 else 0.0) - spread - 1.5 * (len(places) - 2)
            latest = min(places, key=lambda i: (int(seen.lag[rows[i]]), orders[i]))
            share = due if which == "due" else total
            parts = [(line, orders[i], share[i]) for i in places]
            left = amount - sum(part for _, _, part in parts)
            if left:
                parts = [(a, b, c + (left if b == max(o for _, o, _ in parts) else 0)) for a, b, c in parts]
            found.append(Hypothesis("combined", parts, base, int(rows[latest]), [int(rows[max(texts)[2]])]))
    return found


def parts(pool: Pool, seen: Evidence, said: Parameters) -> list[Hypothesis]:
    """Several lines for one order: all name it or its buyer, and their sum is exactly what is due."""
    found: list[Hypothesis] = []
    tied = (seen.name == NAME_WHOLE) | (seen.reference >= CORE)
    explained = np.zeros(len(pool.line_rows), dtype=bool)
    explained[seen.line[tied & ((seen.kind == EXACT) | (seen.kind == WITHOUT_CODE))]] = True
    rows = np.flatnonzero(tied & ~explained[seen.line] & (pool.amount[seen.line] < pool.due[seen.order]))
    rows = rows[np.argsort(seen.order[rows], kind="stable")]
    for start, end in _groups(seen.order[rows]):
        own = rows[start:end]
        if not 2 <= len(own) <= _MOST_LINES:
            continue
        order = int(seen.order[own[0]])
        lines = [int(x) for x in seen.line[own]]
        amounts = [int(pool.amount[x]) for x in lines]
        goals = {int(pool.due[order]): said.exact, int(pool.total[order]): 0.3}
        for goal, chance in goals.items():
            for _, places in _subsets(amounts, [goal], 4):
                first = min(places, key=lambda i: (int(seen.lag[own[i]]), lines[i]))
                steps = math.log(max(10.0, goal / 50_000.0))
                # Each further line: its day, and an amount that the payer chose (the last one follows from the sum).
                base = math.log(said.parts * chance) - (len(places) - 1) * (math.log(30.0) + steps)
                pays = [(lines[i], order, amounts[i]) for i in places]
                found.append(Hypothesis("instalments", pays, base, int(own[first]), [int(own[i]) for i in places]))
    return found


def _groups(keys: Ints) -> Iterator[tuple[int, int]]:
    """Runs of equal keys as (start, end)."""
    if not len(keys):
        return
    edges = np.flatnonzero(np.diff(keys)) + 1
    yield from zip([0, *edges.tolist()], [*edges.tolist(), len(keys)], strict=True)
