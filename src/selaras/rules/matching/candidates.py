"""Which orders a line may pay: by the number it names, by the buyer it names, by the amount alone.

`gather` looks at every line and every order. `wider` is the second look, at the few lines and orders that are left.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from selaras.model.claims import FINE, LineColumns, OrderColumns
from selaras.rules.matching.amounts import swaps
from selaras.rules.matching.parameters import Parameters
from selaras.rules.matching.reading import Buyers, Told, pairs

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_DAYS: Final = 1 << 21
_FEW: Final = 12
_MOST_PAIRS: Final = 24_000_000
#: The same for the second look.
MOST_LEFT: Final = 2_000_000
#: Up to which steps people round, and how soon who rounds pays.
_ROUNDED_TO: Final = (500, 1_000, 5_000, 10_000)
_SOON: Final = 7


class Pool:
    """The columns of the orders and lines that are matched by transfer, as arrays."""

    def __init__(self, orders: OrderColumns, order_rows: Ints, lines: LineColumns, line_rows: Ints) -> None:
        self.order_rows, self.line_rows, self._line_ids = order_rows, line_rows, lines.ids
        self.total = np.frombuffer(orders.total, dtype=np.int64)[order_rows]
        self.due = np.frombuffer(orders.due, dtype=np.int64)[order_rows]
        self.ordered = np.frombuffer(orders.ordered, dtype=np.int64)[order_rows]
        self.amount = np.frombuffer(lines.amount, dtype=np.int64)[line_rows]
        self.booked = np.frombuffer(lines.booked, dtype=np.int64)[line_rows]
        known = {code: at for at, code in enumerate(sorted({*orders.currencies, *lines.currencies}))}
        self.order_currency = np.asarray([known[orders.currencies[i]] for i in order_rows], dtype=np.int64)
        self.line_currency = np.asarray([known[lines.currencies[i]] for i in line_rows], dtype=np.int64)
        self.day_one = int(min(self.ordered.min(initial=10**6), self.booked.min(initial=10**6))) - 400

    def line_id(self, line: int) -> str:
        """The id of a line, which does not hang on the order of the rows."""
        return self._line_ids[int(self.line_rows[line])]


def ranges(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """For ranges low[i]:high[i] the pairs (i, each position)."""
    sizes = np.maximum(high - low, 0)
    which = np.repeat(np.arange(len(low), dtype=np.int64), sizes)
    ends = np.cumsum(sizes)
    positions = np.arange(int(ends[-1]) if len(ends) else 0, dtype=np.int64) - np.repeat(ends - sizes, sizes)
    return which, positions + np.repeat(low, sizes)


def _unique(line: Ints, order: Ints, orders: int) -> tuple[Ints, Ints]:
    keys = np.sort(line * orders + order)
    keys = keys[np.diff(keys, prepend=-1) > 0]
    return np.divmod(keys, orders)


def gather(pool: Pool, buyers: Buyers, told: Told, said: Parameters) -> tuple[Ints, Ints]:
    """Pairs (line, order), each once, sorted. Lines that name an order or a buyer need no guess by amount alone."""
    orders = max(1, len(pool.order_rows))
    found: list[tuple[Ints, Ints]] = []
    line, order, _ = pairs(told.reference_hits)
    found.append(_in_time(pool, said, line, order))
    named = _by_name(pool, buyers, told, said)
    found.append(named)
    strong = np.zeros(len(pool.line_rows), dtype=bool)
    for lines_, orders_ in found:
        alike = (pool.amount[lines_] == pool.due[orders_]) | (pool.amount[lines_] == pool.total[orders_])
        strong[lines_[alike]] = True
    weak = np.flatnonzero(~strong & ~told.payout)
    found += _by_amount(pool, weak, said)
    line = np.concatenate([one for one, _ in found])
    order = np.concatenate([one for _, one in found])
    same = pool.line_currency[line] == pool.order_currency[order]
    return _unique(line[same], order[same], orders)


def wider(pool: Pool, buyers: Buyers, told: Told, said: Parameters, lines: Ints, orders: Ints) -> tuple[Ints, Ints]:
    """Pairs of some lines and some orders, each once, sorted: whatever the amount if the line names the buyer (however
    many share his name), whoever pays if the amount fits, is rounded up from what is due, or is short by PPh 23."""
    found = [*_by_amount(pool, lines, said, orders, MOST_LEFT), named(pool, buyers, told, said, lines, orders)]
    places = np.arange(len(lines), dtype=np.int64)
    for step in _ROUNDED_TO:
        size = step * FINE
        even = places[pool.amount[lines] % size == 0]
        rounded = Sorted(pool, -(-pool.due // size) * size, orders)
        rows, of = rounded.hits(even, pool.amount[lines[even]], pool, lines, _SOON)
        found.append((lines[rows], of))
    for base in (111, 100):
        part = pool.due * 2 // base // FINE * FINE
        for held in (part, part + FINE):
            rows, of = Sorted(pool, pool.due - held, orders).hits(places, pool.amount[lines], pool, lines, said.window)
            found.append((lines[rows], of))
    line = np.concatenate([one for one, _ in found])
    order = np.concatenate([one for _, one in found])
    same = pool.line_currency[line] == pool.order_currency[order]
    return _unique(line[same], order[same], max(1, len(pool.order_rows)))


def named(pool: Pool, buyers: Buyers, told: Told, said: Parameters, lines: Ints, orders: Ints) -> tuple[Ints, Ints]:
    """Pairs of some lines and some orders whose buyer's name stands in the text, within the window of days."""
    line, name, _ = pairs(told.name_hits)
    inside = np.isin(line, lines)
    line, name = line[inside], name[inside]
    key = buyers.name_of[orders] * _DAYS + (pool.ordered[orders] - pool.day_one)
    by_day = np.argsort(key, kind="stable")
    day = name * _DAYS + (pool.booked[line] - pool.day_one)
    low = np.searchsorted(key[by_day], day - said.window)
    high = np.searchsorted(key[by_day], day - said.lags[0][0], side="right")
    which, position = ranges(low, high)
    return line[which], orders[by_day[position]]


def _in_time(pool: Pool, said: Parameters, line: Ints, order: Ints) -> tuple[Ints, Ints]:
    lag = pool.booked[line] - pool.ordered[order]
    keep = (lag >= said.lags[0][0]) & (lag <= said.window)
    return line[keep], order[keep]


def _by_name(pool: Pool, buyers: Buyers, told: Told, said: Parameters) -> tuple[Ints, Ints]:
    """Orders of the buyer whose name stands in the text: those whose amount is explained, or all if they are few."""
    line, name, _ = pairs(told.name_hits)
    if not len(line):
        return line, name
    base = pool.day_one
    key = buyers.name_of * _DAYS + (pool.ordered - base)
    by_day = np.argsort(key, kind="stable")
    keys = key[by_day]
    low = np.searchsorted(keys, name * _DAYS + (pool.booked[line] - base - said.window))
    high = np.searchsorted(keys, name * _DAYS + (pool.booked[line] - base - said.lags[0][0]), side="right")
    sizes = high - low
    few = sizes <= _FEW
    which, position = ranges(low[few], high[few])
    lines, orders = [line[few][which]], [by_day[position]]
    if not few.all():
        # Many orders of one name: only those whose amount can be explained.
        crowd = np.flatnonzero(~few)
        step = 4_000
        for start in range(0, len(crowd), step):
            part = crowd[start : start + step]
            which, position = ranges(low[part], high[part])
            rows, of = line[part][which], by_day[position]
            gap = pool.due[of] - pool.amount[rows]
            near = (gap == 0) | (pool.total[of] == pool.amount[rows])
            near |= np.isin(np.abs(gap), np.asarray(said.fees, dtype=np.int64) * FINE)
            near |= (gap < 0) & (gap > -max(said.steps) * FINE) & (pool.amount[rows] % (500 * FINE) == 0)
            lines.append(rows[near])
            orders.append(of[near])
    return np.concatenate(lines), np.concatenate(orders)


def _by_amount(
    pool: Pool, weak: Ints, said: Parameters, chosen: Ints | None = None, most: int = _MOST_PAIRS
) -> list[tuple[Ints, Ints]]:
    """Orders whose amount fits, whoever paid: exact, without the code, short of a fee, with two digits exchanged."""
    found = []
    amount = pool.amount[weak]
    plain = np.arange(len(weak), dtype=np.int64)
    due = Sorted(pool, pool.due, chosen)
    coded = np.flatnonzero(pool.due != pool.total)
    if chosen is not None:
        coded = chosen[pool.due[chosen] != pool.total[chosen]]
    forgotten = Sorted(pool, pool.total, coded)
    window = longest_window(due, amount, pool, weak, said, most)
    found.append(due.hits(plain, amount, pool, weak, window))
    if len(coded):
        found.append(forgotten.hits(plain, amount, pool, weak, window))
    fees = {fee * FINE for fee in said.fees[:6]}
    for fee in sorted(fees):
        found.append(due.hits(plain, amount + fee, pool, weak, min(window, 10)))
    turned = [(at, value) for at in range(len(weak)) if amount[at] % (500 * FINE) for value in swaps(int(amount[at]))]
    if turned:
        rows = np.asarray([at for at, _ in turned], dtype=np.int64)
        values = np.asarray([value for _, value in turned], dtype=np.int64)
        found.append(due.hits(rows, values, pool, weak, min(window, 10)))
    return [(weak[rows], orders) for rows, orders in found]


class Sorted:
    """Orders sorted by currency, amount and day, for look-ups of a range of days."""

    def __init__(self, pool: Pool, amount: Ints, chosen: Ints | None = None) -> None:
        rows = np.arange(len(amount), dtype=np.int64) if chosen is None else chosen
        order = np.lexsort((pool.ordered[rows], amount[rows], pool.order_currency[rows]))
        self.rows = rows[order]
        self.values, index = np.unique(
            self._pack(amount[self.rows], pool.order_currency[self.rows]), return_inverse=True
        )
        self.keys = index.astype(np.int64) * _DAYS + (pool.ordered[self.rows] - pool.day_one)

    @staticmethod
    def _pack(amount: Ints, currency: Ints) -> Ints:
        return currency * (1 << 56) + amount

    def span(self, at: Ints, amount: Ints, pool: Pool, weak: Ints, window: int) -> tuple[Ints, Ints, Ints]:
        packed = self._pack(amount, pool.line_currency[weak[at]])
        place = np.searchsorted(self.values, packed)
        known = place < len(self.values)
        known[known] = self.values[place[known]] == packed[known]
        rows, place = at[known], place[known]
        day = pool.booked[weak[rows]] - pool.day_one
        low = np.searchsorted(self.keys, place * _DAYS + day - window)
        high = np.searchsorted(self.keys, place * _DAYS + day + 1, side="right")
        return rows, low, high

    def hits(self, at: Ints, amount: Ints, pool: Pool, weak: Ints, window: int) -> tuple[Ints, Ints]:
        """Pairs (place in `weak`, order) whose amount is just this, ordered up to `window` days before the line."""
        rows, low, high = self.span(at, amount, pool, weak, window)
        which, position = ranges(low, high)
        return rows[which], self.rows[position]


def longest_window(due: Sorted, amount: Ints, pool: Pool, weak: Ints, said: Parameters, most: int) -> int:
    """The longest window of days under which the pairs stay countable."""
    plain = np.arange(len(weak), dtype=np.int64)
    for days in (said.window, 30, 14, 7, 4):
        _, low, high = due.span(plain, amount, pool, weak, days)
        if int((high - low).sum()) <= most:
            return days
    return 3
