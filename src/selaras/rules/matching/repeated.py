"""Money for an order that a link pays already: the rest of one that is paid in part, or a second payment by mistake."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from selaras.rules.matching.amounts import KINDS, OTHER, relate
from selaras.rules.matching.answers import Answer
from selaras.rules.matching.candidates import Pool, Sorted, named
from selaras.rules.matching.evidence import Evidence
from selaras.rules.matching.parameters import Parameters
from selaras.rules.matching.rates import NAME_WHOLE
from selaras.rules.matching.reading import FULL, Buyers, Told

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
OPEN, PART, PAID = range(3)
#: Who pays a part leaves at least so much of what is due for later; less was forgotten, and mostly never comes.
_LEAST_REST: Final = 0.2
#: Of the payers, the share that pays the same order once more.
_TWICE: Final = 0.005
#: Of those, the share that sends the very amount of the first time.
_SAME: Final = 0.9
#: Days between two payments of one order at most: by mistake, in parts.
_SOON, _LATEST = 21, 45
#: Of the orders that are paid in part, the share whose rest comes in one payment, or in several.
_IN_ONE, _IN_MORE = 0.6, 0.2
_STEP: Final = 10_000


class Settled:
    """What the links that are made say of lines and orders.

    `answered` lines; of each order its `state`, what was `paid`, the amount of the `first` payment and its `day`.
    """

    def __init__(self, pool: Pool, sure: Sequence[Answer]) -> None:
        self.answered = np.zeros(len(pool.line_rows), dtype=bool)
        many = len(pool.order_rows)
        self.state, self.paid, self.first = (np.zeros(many, dtype=np.int64) for _ in range(3))
        self.day = np.full(many, np.iinfo(np.int64).max // 4)
        payments: Counter[int] = Counter()
        for answer in sure:
            for line, order, amount in answer.pairs:
                self.answered[line] = True
                self.state[order] = PAID
                self.paid[order] += amount
                payments[order] += 1
                # A payment of several orders is no payment that comes again for one of them.
                self.first[order] = amount if len(answer.pairs) == 1 else -1
                self.day[order] = min(self.day[order], pool.booked[line])
                whole = pool.line_currency[line] != pool.order_currency[order] or answer.kind != "other_amount"
                if not whole and pool.due[order] - amount >= _LEAST_REST * pool.due[order]:
                    self.state[order] = PART
        for order, times in payments.items():
            if times > 1:
                self.state[order], self.first[order] = PAID, -1


class Repeated:
    """Pairs of an open line and an order that is paid, and the odds of each beside a stranger's money."""

    def __init__(
        self, seen: Evidence, odds: Floats, doubled: npt.NDArray[np.bool_], rest: npt.NDArray[np.bool_]
    ) -> None:
        self.seen, self.odds, self._doubled, self._rest = seen, odds, doubled, rest

    def kind(self, row: int) -> str:
        """The kind of a pair, as links have it."""
        if self._doubled[row]:
            return "double_payment"
        return "instalments" if self._rest[row] else KINDS[OTHER]


def repeated(
    pool: Pool, buyers: Buyers, told: Told, said: Parameters, seen: Evidence, settled: Settled, lines: Ints
) -> Repeated:
    """What the open `lines` may pay a second time. `seen` is the evidence of the first round."""
    line, order = _pairs(pool, buyers, told, said, seen, settled, lines)
    found = Evidence(pool, buyers, told, said, line, order)
    found.weigh(seen.rates)
    amount = pool.amount[line]
    tied = (found.name == NAME_WHOLE) | (found.reference == FULL)
    doubled = settled.state[order] == PAID
    apart = np.abs(pool.booked[line] - told.under_way[line] - settled.day[order])
    texts = found.log_texts(np.arange(len(line))) - found.log_null[line]
    same = amount == settled.first[order]
    log_lag = seen.rates.log_lag
    _, log_amount = relate(amount, pool.due[order], pool.total[order], said)
    twice = math.log(_TWICE) + np.where(same, math.log(_SAME), math.log(1.0 - _SAME) + log_amount)
    twice = twice + log_lag[np.clip(apart + 2, 0, len(log_lag) - 1)]
    twice[~(same | (tied & (found.kind != OTHER))) | (apart > _SOON)] = -np.inf
    rest = (amount == pool.due[order] - settled.paid[order]) | (amount == pool.total[order] - settled.paid[order])
    left = np.maximum(pool.due[order] - settled.paid[order], 1)
    steps = np.maximum(left / (_STEP * 100.0), 2.0)
    more = np.where(rest, math.log(_IN_ONE), math.log(_IN_MORE) - np.log(steps)) - math.log(_LATEST)
    more[~(rest | (tied & (amount < left) & (amount % (_STEP * 100) == 0))) | (apart > _LATEST)] = -np.inf
    odds = np.exp(np.minimum(np.where(doubled, twice, more) + texts, 25.0))
    return Repeated(found, odds, doubled, rest)


def _pairs(
    pool: Pool, buyers: Buyers, told: Told, said: Parameters, seen: Evidence, settled: Settled, lines: Ints
) -> tuple[Ints, Ints]:
    places = np.arange(len(lines), dtype=np.int64)
    paid, partly = np.flatnonzero(settled.state == PAID), np.flatnonzero(settled.state == PART)
    found = []
    for amount, orders in (
        (settled.first, paid), (pool.due - settled.paid, partly), (pool.total - settled.paid, partly),
    ):  # fmt: skip
        rows, of = Sorted(pool, amount, orders).hits(places, pool.amount[lines], pool, lines, said.window)
        found.append((lines[rows], of))
    found.append(named(pool, buyers, told, said, lines, partly))
    # Orders that a line names, or whose buyer: known from the first round.
    open_ = np.zeros(len(pool.line_rows), dtype=bool)
    open_[lines] = True
    rows = np.flatnonzero(open_[seen.line] & (settled.state[seen.order] == PAID))
    rows = rows[((seen.name[rows] == NAME_WHOLE) | (seen.reference[rows] == FULL)) & (seen.kind[rows] != OTHER)]
    found.append((seen.line[rows], seen.order[rows]))
    line = np.concatenate([one for one, _ in found])
    order = np.concatenate([one for _, one in found])
    same = pool.line_currency[line] == pool.order_currency[order]
    same &= np.abs(pool.booked[line] - settled.day[order]) <= _LATEST
    many = max(1, len(pool.order_rows))
    result: tuple[Ints, Ints] = np.divmod(np.unique(line[same] * many + order[same]), many)
    return result
