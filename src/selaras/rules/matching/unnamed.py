"""Sets of which a line shows neither number nor buyer: the sum says it.

A basket: one buyer's orders of one or two days, paid together by somebody whose name is missing or strange. The rest of
an instalment: one line names the buyer and pays less than is due, another one, without a name, pays exactly what is
missing. Both are rare sums, and as probable as nothing else has just that amount (reference/reconciliation.md §3.2).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from selaras.model.claims import FINE
from selaras.rules.matching.amounts import OTHER
from selaras.rules.matching.candidates import Pool
from selaras.rules.matching.evidence import Evidence
from selaras.rules.matching.parameters import Parameters
from selaras.rules.matching.rates import NAME_WHOLE
from selaras.rules.matching.reading import CORE, NO_NAME, Buyers, Told, pairs
from selaras.rules.matching.sets import Hypothesis

Ints = npt.NDArray[np.int64]
Found = list[tuple[str, list[tuple[int, int, int]], float]]
_AMOUNTS: Final = 1 << 56
#: A sum that more lines have tells nothing.
_MOST_ALIKE: Final = 12
_NEXT_DAY: Final = 1
_MOST_TOGETHER: Final = 6
_LARGEST: Final = 4
#: Days from the last order to the transfer, and from the order to the last instalment.
_LATEST: Final = 7
_LAST_PART: Final = 45
_SOON_BEFORE: Final = 20
_ROUND: Final = 10_000 * FINE
#: Log of the chance that orders of one buyer are paid together: of one day, of two days.
_SAME_DAY, _TWO_DAYS = math.log(0.25), math.log(0.03)
#: Of those who pay together: with every code, the round totals, the totals with one code.
_WITH_CODES, _TOTALS, _ONE_CODE = math.log(0.6), math.log(0.3), math.log(0.1)


class _Lines:
    """The lines by currency, amount and day."""

    def __init__(self, pool: Pool, told: Told) -> None:
        rows = np.flatnonzero(~told.payout)
        rows = rows[np.lexsort((pool.booked[rows], pool.amount[rows], pool.line_currency[rows]))]
        keys = _key(pool.line_currency[rows], pool.amount[rows])
        self._keys, starts = np.unique(keys, return_index=True)
        ends = np.append(starts[1:], len(rows))
        self._of = dict(zip(self._keys.tolist(), zip(starts.tolist(), ends.tolist(), strict=True), strict=True))
        self._rows, self._booked = rows.tolist(), pool.booked[rows].tolist()

    def some(self, currency: Ints, amount: Ints) -> npt.NDArray[np.bool_]:
        """For each amount: is there a line of it?"""
        return np.isin(_key(currency, amount), self._keys)

    def between(self, currency: int, amount: int, first: int, last: int) -> list[int]:
        """The lines of this amount that were booked from day `first` to day `last`; none where many are alike."""
        start, end = self._of.get(currency * _AMOUNTS + amount, (0, 0))
        low = bisect_left(self._booked, first, start, end)
        found = self._rows[low : bisect_right(self._booked, last, low, end)]
        return sorted(found) if len(found) <= _MOST_ALIKE else []


def _key(currency: Ints, amount: Ints) -> Ints:
    return currency * _AMOUNTS + amount


def unnamed(
    pool: Pool, buyers: Buyers, told: Told, seen: Evidence, said: Parameters
) -> tuple[list[Hypothesis], Evidence]:
    """Hypotheses of several whose lines do not all name the buyer or the order, and the evidence that they weigh by."""
    lines = _Lines(pool, told)
    found = [*_baskets(pool, buyers, told, lines), *_rests(pool, seen, said, lines)]
    flat = [(line, order) for _, of, _ in found for line, order, _ in of]
    columns = np.asarray(flat, dtype=np.int64).reshape(-1, 2)
    sort = np.argsort(columns[:, 0], kind="stable")
    own = Evidence(pool, buyers, told, said, columns[sort, 0], columns[sort, 1])
    places = np.argsort(sort, kind="stable").tolist()
    spoken = own.log_texts(np.arange(len(flat))).tolist()
    result: list[Hypothesis] = []
    at = 0
    for kind, of, base in found:
        rows = places[at : at + len(of)]
        at += len(of)
        # A basket's day is its latest order's, an instalment's the first payment's.
        day = min(rows, key=lambda row: (int(own.lag[row]), int(own.order[row])))
        # Whichever order of a basket the text speaks for.
        texts = [max(rows, key=spoken.__getitem__)] if kind == "combined" else rows
        one = Hypothesis(kind, of, base, day, texts)
        one.weigh(own)
        result.append(one)
    return result, own


def _baskets(pool: Pool, buyers: Buyers, told: Told, lines: _Lines) -> Found:
    """One line for several orders of a buyer whom it does not name."""
    named_line, named, _ = pairs(told.name_hits)
    many = len(buyers.sorted_names) + 1
    names = set((named_line * many + named).tolist())
    found: Found = []
    sort = np.lexsort((pool.ordered, pool.order_currency, buyers.name_of))
    sort = sort[buyers.name_of[sort] != NO_NAME]
    of, day, currency = buyers.name_of[sort], pool.ordered[sort], pool.order_currency[sort]
    if not len(sort):
        return found
    # Runs of orders of one buyer, each at most a day after the one before.
    breaks = (of[1:] != of[:-1]) | (currency[1:] != currency[:-1]) | (day[1:] - day[:-1] > _NEXT_DAY)
    edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(sort)]
    for start, end in pairwise(edges):
        if not 2 <= end - start <= _MOST_TOGETHER:
            continue
        orders = sort[start:end].tolist()
        name = int(of[start])
        for size in range(2, min(_LARGEST, len(orders)) + 1):
            for chosen in combinations(orders, size):
                first, last = int(pool.ordered[chosen[0]]), int(pool.ordered[chosen[-1]])
                if last - first > _NEXT_DAY:
                    continue
                together = _SAME_DAY if first == last else _TWO_DAYS
                for amount, log, parts in _sums(pool, chosen):
                    for line in lines.between(int(currency[start]), amount, last - 1, last + _LATEST):
                        if line * many + name not in names:
                            shares = [(line, order, part) for order, part in zip(chosen, parts, strict=True)]
                            found.append(("combined", shares, together + log))
    return found


def _sums(pool: Pool, chosen: tuple[int, ...]) -> Iterator[tuple[int, float, list[int]]]:
    """What a buyer may send for these orders: amount, log of the chance, and the part of each."""
    due = [int(pool.due[order]) for order in chosen]
    total = [int(pool.total[order]) for order in chosen]
    if due == total:
        yield sum(due), _WITH_CODES + math.log(1.5), due
        return
    yield sum(due), _WITH_CODES, due
    yield sum(total), _TOTALS, total
    for at, code in enumerate(d - t for d, t in zip(due, total, strict=True)):
        if code:
            yield sum(total) + code, _ONE_CODE - math.log(len(due)), [
                part + (code if place == at else 0) for place, part in enumerate(total)
            ]  # fmt: skip


def _rests(pool: Pool, seen: Evidence, said: Parameters, lines: _Lines) -> Found:
    """A line that names the buyer and pays a part, and one without a name that pays exactly the rest."""
    found: Found = []
    tied = (seen.name == NAME_WHOLE) | (seen.reference >= CORE)
    due, amount = pool.due[seen.order], pool.amount[seen.line]
    rows = np.flatnonzero(tied & (seen.kind == OTHER) & (amount < due) & (seen.lag >= -1))
    # Most have no line that pays just the rest.
    currencies, part = pool.order_currency[seen.order[rows]], amount[rows]
    total = pool.total[seen.order[rows]]
    rows = rows[lines.some(currencies, due[rows] - part) | lines.some(currencies, total - part)]
    tied &= np.isin(seen.order, seen.order[rows])
    named = set(zip(seen.line[tied].tolist(), seen.order[tied].tolist(), strict=True))
    for row in rows.tolist():
        line, order = int(seen.line[row]), int(seen.order[row])
        ordered, currency = int(pool.ordered[order]), int(pool.order_currency[order])
        for goal, chance in {int(pool.due[order]): said.exact, int(pool.total[order]): 0.1}.items():
            rest = goal - int(amount[row])
            # The round part is paid first, the rest last: a round sum that comes later is somebody's own.
            first, last = ordered - 1, ordered + _LAST_PART
            if rest % _ROUND == 0:
                first, last = max(first, int(pool.booked[line]) - _SOON_BEFORE), int(pool.booked[line])
            for other in lines.between(currency, rest, first, last):
                if other == line or (other, order) in named:
                    continue
                steps = math.log(max(10.0, goal / 50_000.0))
                base = math.log(said.parts * chance) - math.log(30.0) - steps
                found.append(("instalments", [(line, order, int(amount[row])), (other, order, rest)], base))
    return found
