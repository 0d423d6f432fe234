"""Sets of which a line shows neither number nor buyer: the sum says it.

A basket: one buyer's orders of one or two days, paid together by somebody whose name is missing or strange. The rest of
an instalment: one line names the buyer and pays less than is due, another one, without a name, pays exactly what is
missing. Both are rare sums, and as probable as nothing else has just that amount (reference/reconciliation.md §3.2).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from selaras.model.claims import FINE
from selaras.rules.matching.amounts import OTHER
from selaras.rules.matching.candidates import Pool, ranges
from selaras.rules.matching.evidence import Evidence
from selaras.rules.matching.parameters import Parameters
from selaras.rules.matching.rates import NAME_WHOLE
from selaras.rules.matching.reading import CORE, NO_NAME, Buyers, Told, pairs
from selaras.rules.matching.sets import OF_SEVERAL, Hypothesis, Sets, columns, joined

Ints = npt.NDArray[np.int64]
_AMOUNTS: Final = 1 << 56
_DAYS: Final = 1 << 21
#: A sum that more lines have tells nothing.
_MOST_ALIKE: Final = 12
_NEXT_DAY: Final = 1
_MOST_TOGETHER: Final = 6
_LARGEST: Final = 4
#: Days from the last order to the transfer, and from the order to the last instalment.
_LATEST: Final = 7
_LAST_PART: Final = 45
_SOON_BEFORE: Final = 20
#: How much rarer the code is left out of the sum of instalments.
_WITHOUT_CODE: Final = 0.1
_ROUND: Final = 10_000 * FINE
#: Log of the chance that orders of one buyer are paid together: of one day, of two days.
_SAME_DAY, _TWO_DAYS = math.log(0.25), math.log(0.03)
#: Of those who pay together: with every code, the round totals, the totals with one code.
_WITH_CODES, _TOTALS, _ONE_CODE = math.log(0.6), math.log(0.3), math.log(0.1)


class _Lines:
    """The lines by currency, amount and day."""

    def __init__(self, pool: Pool, told: Told) -> None:
        rows = np.flatnonzero(~told.payout)
        self._rows = rows[np.lexsort((pool.booked[rows], pool.amount[rows], pool.line_currency[rows]))]
        keys = _key(pool.line_currency[self._rows], pool.amount[self._rows])
        self._keys, place = np.unique(keys, return_inverse=True)
        self._of = {key: at for at, key in enumerate(self._keys.tolist())}
        self._day_one = pool.day_one
        self._days = place.astype(np.int64) * _DAYS + (pool.booked[self._rows] - self._day_one)
        self._listed, self._in_order = self._days.tolist(), self._rows.tolist()

    def some(self, currency: Ints, amount: Ints) -> npt.NDArray[np.bool_]:
        """For each amount: is there a line of it?"""
        return np.isin(_key(currency, amount), self._keys)

    def between(self, currency: int, amount: int, first: int, last: int) -> list[int]:
        """The lines of this amount that were booked from day `first` to day `last`; none where many are alike."""
        place = self._of.get(currency * _AMOUNTS + amount)
        if place is None:
            return []
        base = place * _DAYS - self._day_one
        low = bisect_left(self._listed, base + first)
        found = self._in_order[low : bisect_right(self._listed, base + last, low)]
        return sorted(found) if len(found) <= _MOST_ALIKE else []

    def all_between(self, currency: Ints, amount: Ints, first: Ints, last: Ints) -> tuple[Ints, Ints]:
        """The same for many at once: pairs of the place of the question and a line, sorted."""
        keys = _key(currency, amount)
        place = np.minimum(np.searchsorted(self._keys, keys), max(0, len(self._keys) - 1))
        known = np.flatnonzero(self._keys[place] == keys) if len(self._keys) else np.zeros(0, dtype=np.int64)
        base = place[known] * _DAYS - self._day_one
        low = np.searchsorted(self._days, base + first[known])
        high = np.searchsorted(self._days, base + last[known], side="right")
        few = high - low <= _MOST_ALIKE
        which, position = ranges(low[few], high[few])
        asked, line = known[few][which], self._rows[position]
        sort = np.lexsort((line, asked))
        return asked[sort], line[sort]


def _key(currency: Ints, amount: Ints) -> Ints:
    return currency * _AMOUNTS + amount


def unnamed(pool: Pool, buyers: Buyers, told: Told, seen: Evidence, said: Parameters) -> tuple[Sets, Evidence]:
    """Hypotheses of several whose lines do not all name the buyer or the order, and the evidence that they weigh by."""
    lines = _Lines(pool, told)
    sets = joined([_baskets(pool, buyers, told, lines), _rests(pool, seen, said, lines)])
    # One pair may stand in many sets: it is looked at once.
    orders = max(1, len(pool.order_rows))
    keys, rows = np.unique(sets.line * orders + sets.order, return_inverse=True)
    own = Evidence(pool, buyers, told, said, *np.divmod(keys, orders), seen)
    # A basket's day is its latest order's, an instalment's the first payment's.
    by_day = np.lexsort((own.order[rows], own.lag[rows], sets.of))
    # Whichever order of a basket the text speaks for.
    by_text = np.lexsort((-own.log_texts(rows), sets.of))
    counts = sets.kind[sets.of] == OF_SEVERAL.index("instalments")
    counts[by_text[sets.starts]] = True
    sets.read(rows[by_day[sets.starts]], sets.of[counts], rows[counts])
    sets.weigh(own)
    return sets, own


def _baskets(pool: Pool, buyers: Buyers, told: Told, lines: _Lines) -> Sets:
    """One line for several orders of a buyer whom it does not name."""
    named_line, named, _ = pairs(told.name_hits)
    many = len(buyers.sorted_names) + 1
    names = set((named_line * many + named).tolist())
    found: list[Hypothesis] = []
    sort = np.lexsort((pool.ordered, pool.order_currency, buyers.name_of))
    sort = sort[buyers.name_of[sort] != NO_NAME]
    of, day, currency = buyers.name_of[sort], pool.ordered[sort], pool.order_currency[sort]
    if not len(sort):
        return columns(found)
    # Runs of orders of one buyer, each at most a day after the one before.
    breaks = (of[1:] != of[:-1]) | (currency[1:] != currency[:-1]) | (day[1:] - day[:-1] > _NEXT_DAY)
    edges = np.concatenate(([0], np.flatnonzero(breaks) + 1, [len(sort)]))
    sizes = np.diff(edges)
    runs = np.flatnonzero((sizes >= 2) & (sizes <= _MOST_TOGETHER))
    for start, end in zip(edges[runs].tolist(), edges[runs + 1].tolist(), strict=True):
        orders = sort[start:end].tolist()
        name, of_run = int(of[start]), int(currency[start])
        days, dues, totals = (column[sort[start:end]].tolist() for column in (pool.ordered, pool.due, pool.total))
        for size in range(2, min(_LARGEST, len(orders)) + 1):
            for chosen in combinations(range(len(orders)), size):
                first, last = days[chosen[0]], days[chosen[-1]]
                if last - first > _NEXT_DAY:
                    continue
                together = _SAME_DAY if first == last else _TWO_DAYS
                for amount, log, parts in _sums([dues[at] for at in chosen], [totals[at] for at in chosen]):
                    for line in lines.between(of_run, amount, last - 1, last + _LATEST):
                        if line * many + name not in names:
                            shares = [(line, orders[at], part) for at, part in zip(chosen, parts, strict=True)]
                            found.append(Hypothesis("combined", shares, together + log, 0, ()))
    return columns(found)


def _sums(due: list[int], total: list[int]) -> Iterator[tuple[int, float, list[int]]]:
    """What a buyer may send for these orders: amount, log of the chance, and the part of each."""
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


def _rests(pool: Pool, seen: Evidence, said: Parameters, lines: _Lines) -> Sets:
    """A line that names the buyer and pays a part, and one without a name that pays exactly the rest."""
    tied = (seen.name == NAME_WHOLE) | (seen.reference >= CORE)
    due, amount = pool.due[seen.order], pool.amount[seen.line]
    rows = np.flatnonzero(tied & (seen.kind == OTHER) & (amount < due) & (seen.lag >= -1))
    # Most have no line that pays just the rest.
    currencies, part = pool.order_currency[seen.order[rows]], amount[rows]
    total = pool.total[seen.order[rows]]
    rows = rows[lines.some(currencies, due[rows] - part) | lines.some(currencies, total - part)]
    tied &= np.isin(seen.order, seen.order[rows])
    orders = max(1, len(pool.order_rows))
    named = seen.line[tied] * orders + seen.order[tied]
    # Two goals for each: what is due, and the total without the code where that is something else.
    line, order = np.repeat(seen.line[rows], 2), np.repeat(seen.order[rows], 2)
    second = np.tile([False, True], len(rows))
    goal = np.where(second, pool.total[order], pool.due[order])
    plain = pool.due[order] == pool.total[order]
    chance = np.where(second | plain, _WITHOUT_CODE, said.exact)
    asked = np.flatnonzero(~(second & plain))
    line, order, goal, chance = line[asked], order[asked], goal[asked], chance[asked]
    part = pool.amount[line]
    rest = goal - part
    # The round part is paid first, the rest last: a round sum that comes later is somebody's own.
    even = rest % _ROUND == 0
    first, last = pool.ordered[order] - 1, pool.ordered[order] + _LAST_PART
    first = np.where(even, np.maximum(first, pool.booked[line] - _SOON_BEFORE), first)
    last = np.where(even, pool.booked[line], last)
    at, other = lines.all_between(pool.order_currency[order], rest, first, last)
    fits = (other != line[at]) & ~np.isin(other * orders + order[at], named)
    at, other = at[fits], other[fits]
    steps = np.log(np.maximum(10.0, goal[at] / 50_000.0))
    base = np.log(said.parts * chance[at]) - math.log(30.0) - steps
    return Sets(
        np.full(len(at), OF_SEVERAL.index("instalments"), dtype=np.int64), np.full(len(at), 2, dtype=np.int64), base,
        np.column_stack((line[at], other)).ravel(), np.repeat(order[at], 2),
        np.column_stack((part[at], rest[at])).ravel(),
    )  # fmt: skip
