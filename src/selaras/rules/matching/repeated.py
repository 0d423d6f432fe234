"""Money for an order that a link pays already: the rest of one that is paid in part, or a second payment by mistake."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from selaras.model.claims import FINE
from selaras.rules.matching.amounts import KINDS, OTHER, relate
from selaras.rules.matching.answers import Answer
from selaras.rules.matching.candidates import MOST_LEFT, Pool, Sorted, longest_window, named
from selaras.rules.matching.evidence import Evidence
from selaras.rules.matching.parameters import Parameters
from selaras.rules.matching.rates import NAME_WHOLE
from selaras.rules.matching.reading import FULL, Buyers, Told

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
OPEN, PART, PAID = range(3)
_NEVER: Final = 1 << 60
#: Who pays a part leaves at least so much of what is due for later; less was forgotten, and mostly never comes.
_LEAST_REST: Final = 0.2
#: Of the payers, the share that pays the same order once more.
_TWICE: Final = 0.005
#: Of those, the share that sends the very amount of the first time.
_SAME: Final = 0.9
_NOT_SAME: Final = 1.0 - _SAME
#: Days between two payments of one order at most: by mistake, in parts.
_SOON, _LATEST = 21, 45
#: What the others pay with less is not worth looking at.
_LEAST_CHANCE: Final = 0.01
_HEAVIEST: Final = 25.0
#: Of the orders that are paid in part, the share whose rest comes in one payment, or in several.
_IN_ONE, _IN_MORE = 0.5, 0.2
_WRONG_PRICE: Final = 0.1
#: The steps in which people pay parts, the share of the larger, and how many of the smaller make one of them.
_STEP, _FINE_STEP = 10_000 * FINE, 1_000 * FINE
_EVEN, _FINER = 0.8, _FINE_STEP / _STEP
#: Prices are multiples of this.
_PRICES: Final = 500 * FINE


class Settled:
    """What the links that are made say of lines and orders.

    `answered` lines; of each order its `state`, what was `paid`, the amount of the `first` payment and its `day`.
    """

    def __init__(self, pool: Pool, sure: Sequence[Answer]) -> None:
        many = len(pool.order_rows)
        answered = bytearray(len(pool.line_rows))
        state, paid, first, day = [OPEN] * many, [0] * many, [0] * many, [_NEVER] * many
        due, booked = pool.due.tolist(), pool.booked.tolist()
        for answer in sure:
            for line, order, amount in answer.pairs:
                answered[line] = True
                # Neither one of several payments nor one for several orders comes a second time for this order.
                first[order] = amount if len(answer.pairs) == 1 and not paid[order] else -1
                paid[order] += amount
                part = answer.kind == KINDS[OTHER] and due[order] - paid[order] >= _LEAST_REST * due[order]
                state[order] = PART if part and state[order] != PAID else PAID
                day[order] = min(day[order], booked[line])
        self.answered = np.frombuffer(answered, dtype=np.bool_)
        self.state, self.paid, self.first, self.day = (
            np.asarray(column, dtype=np.int64) for column in (state, paid, first, day)
        )


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
    found = Evidence(pool, buyers, told, said, line, order, seen)
    found.weigh(seen.rates)
    apart = np.abs(pool.booked[line] - told.under_way[line] - settled.day[order])
    doubled = settled.state[order] == PAID
    more, rest = _log_rest(pool, settled, found, apart)
    log = np.where(doubled, _log_twice(pool, said, settled, found, apart), more)
    log += found.log_texts(np.arange(len(line))) - found.log_null[line]
    return Repeated(found, np.exp(np.minimum(log, _HEAVIEST)), doubled, rest)


def _tied(found: Evidence) -> npt.NDArray[np.bool_]:
    result: npt.NDArray[np.bool_] = (found.name == NAME_WHOLE) | (found.reference == FULL)
    return result


def _log_twice(pool: Pool, said: Parameters, settled: Settled, found: Evidence, apart: Ints) -> Floats:
    """Log of the chance that who paid an order pays it again, so many days apart and with this amount."""
    amount, order = pool.amount[found.line], found.order
    same = amount == settled.first[order]
    _, log_fits = relate(amount, pool.due[order], pool.total[order], said)
    result = math.log(_TWICE) + np.where(same, math.log(_SAME), math.log(_NOT_SAME) + log_fits)
    possible = (same | (_tied(found) & (found.kind != OTHER))) & (apart <= _SOON)
    return np.where(possible, result + _log_days(found, apart), -np.inf)


def _log_rest(pool: Pool, settled: Settled, found: Evidence, apart: Ints) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Log of the chance that just this amount follows for an order that is paid in part, and whether it is the rest."""
    amount, order = pool.amount[found.line], found.order
    rest = (amount == pool.due[order] - settled.paid[order]) | (amount == pool.total[order] - settled.paid[order])
    left = np.maximum(pool.due[order] - settled.paid[order], 1)
    # Parts are mostly round, the more so the further they are from the whole.
    even = np.where(amount % _STEP == 0, _EVEN, (1.0 - _EVEN) * _FINER)
    in_parts = np.log(_IN_MORE * even / np.maximum(left / _STEP, 2.0))
    result = np.where(rest, math.log(_IN_ONE), in_parts) - math.log(_LATEST)
    # The code is paid with the last part: who has paid it already paid the wrong price, not a part of the right one.
    coded = (pool.due[order] != pool.total[order]) & (settled.paid[order] % _PRICES != 0)
    result[coded & (pool.booked[found.line] > settled.day[order])] += math.log(_WRONG_PRICE)
    possible = (rest | (_tied(found) & (amount < left) & (amount % _FINE_STEP == 0))) & (apart <= _LATEST)
    return np.where(possible, result, -np.inf), rest


def once_more(
    pool: Pool, told: Told, seen: Evidence, chance: Floats, copies: npt.NDArray[np.bool_]
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """For each pair the odds that its line pays the order beside another open line of just this amount, and whether it
    is the later one. `chance` is what the global choice gives to each pair; copies of a line pay nothing more."""
    copied = copies[seen.line]
    chance = np.where(copied, 0.0, chance)
    amount = pool.amount[seen.line]
    keys = np.stack((seen.order, amount))
    _, group = np.unique(keys, axis=1, return_inverse=True)
    group = group.ravel()
    day = (pool.booked[seen.line] - told.under_way[seen.line]).astype(np.float64)
    mass = np.bincount(group, weights=chance)
    others = np.maximum(mass[group] - chance, 0.0)
    usual = (np.bincount(group, weights=chance * day)[group] - chance * day) / np.maximum(others, 1e-9)
    apart = np.rint(np.abs(day - usual))
    apart = np.where(others > _LEAST_CHANCE, apart, _SOON + 1.0).astype(np.int64)
    log = math.log(_TWICE * _SAME) + _log_days(seen, apart)
    log += seen.log_texts(np.arange(len(amount))) - seen.log_null[seen.line]
    odds: Floats = np.where(~copied & (apart <= _SOON), others * np.exp(np.minimum(log, _HEAVIEST)), 0.0)
    later = odds > 0
    earliest: dict[int, tuple[float, str, int]] = {}
    for row in np.flatnonzero(later & (chance > _LEAST_CHANCE)).tolist():
        mine = (float(day[row]), pool.line_id(int(seen.line[row])), row)
        earliest[int(group[row])] = min(earliest.get(int(group[row]), mine), mine)
    later[[row for _, _, row in earliest.values()]] = False
    return odds, later


def _log_days(seen: Evidence, apart: Ints) -> Floats:
    """Log of the chance of so many days between two payments: as between an order and its payment."""
    result: Floats = seen.rates.log_lag[np.clip(apart + 2, 0, len(seen.rates.log_lag) - 1)]
    return result


def _pairs(
    pool: Pool, buyers: Buyers, told: Told, said: Parameters, seen: Evidence, settled: Settled, lines: Ints
) -> tuple[Ints, Ints]:
    places = np.arange(len(lines), dtype=np.int64)
    paid, partly = np.flatnonzero(settled.state == PAID), np.flatnonzero(settled.state == PART)
    found = []
    for amount, orders in (
        (settled.first, paid), (pool.due - settled.paid, partly), (pool.total - settled.paid, partly),
    ):  # fmt: skip
        by_amount = Sorted(pool, amount, orders)
        days = longest_window(by_amount, pool.amount[lines], pool, lines, said, MOST_LEFT)
        rows, of = by_amount.hits(places, pool.amount[lines], pool, lines, days)
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
