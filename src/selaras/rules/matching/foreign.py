"""Payments in another currency than the order's: the rate is learnt from lines that name their order or its buyer.

Banks convert at rates of their own, a few per cent from any published one, so a rate counts when several pairs agree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from selaras.model.claims import LineColumns, OrderColumns
from selaras.model.money import EXPONENTS
from selaras.rules.matching.candidates import Pool
from selaras.rules.matching.evidence import Evidence
from selaras.rules.matching.parameters import Parameters
from selaras.rules.matching.rates import Rates
from selaras.rules.matching.reading import Buyers, Told, pairs
from selaras.rules.matching.sets import Hypothesis, Sets, columns

Ints = npt.NDArray[np.int64]
_LEAST: Final = 3
_BAND: Final = 0.035
_LATEST: Final = 21
_STEP: Final = 50_000


def foreign(
    orders: OrderColumns, lines: LineColumns, pool: Pool, buyers: Buyers, told: Told, said: Parameters, rates: Rates
) -> Sets:
    """Hypotheses of one line for one order of another currency, where the learnt rate fits within a few per cent."""
    line, order = _named(pool, buyers, told, said)
    if not len(line):
        return columns([])
    seen = Evidence(pool, buyers, told, said, line, order)
    seen.weigh(rates)
    of = [(lines.currencies[int(pool.line_rows[i])], orders.currencies[int(pool.order_rows[j])]) for i, j in zip(
        line.tolist(), order.tolist(), strict=True)]  # fmt: skip
    scale = np.asarray([10.0 ** (EXPONENTS[b] - EXPONENTS[a]) for a, b in of])
    ratio = pool.amount[line] / np.maximum(pool.due[order], 1) * scale
    found = []
    for pair in sorted(set(of)):
        rows = np.asarray([at for at, one in enumerate(of) if one == pair], dtype=np.int64)
        rate = usual(ratio[rows].tolist())
        if rate is None:
            continue
        for at in rows[np.abs(ratio[rows] / rate - 1) <= _BAND].tolist():
            amount = int(pool.amount[line[at]])
            # Anything within the band is as good: one chance among its steps.
            steps = max(10.0, amount * 2 * _BAND / _STEP)
            pays = [(int(line[at]), int(order[at]), amount)]
            found.append(Hypothesis("foreign_currency", pays, math.log(0.8 / steps), int(at), [int(at)]))
    sets = columns(found)
    sets.weigh(seen)
    return sets


def usual(ratios: Sequence[float]) -> float | None:
    """The rate around which most of the ratios lie; None when fewer than three agree within the band."""
    values = sorted(ratio for ratio in ratios if ratio > 0)
    best, most = None, 0
    high = 0
    for low, value in enumerate(values):
        while high < len(values) and values[high] <= value * (1 + _BAND):
            high += 1
        if high - low > most:
            most, best = high - low, values[(low + high - 1) // 2]
    return best if most >= _LEAST else None


def _named(pool: Pool, buyers: Buyers, told: Told, said: Parameters) -> tuple[Ints, Ints]:
    """Pairs of a line and an order of another currency that it names, or whose buyer it names, within some weeks."""
    line, order, _ = pairs(told.reference_hits)
    apart = pool.line_currency[line] != pool.order_currency[order]
    line, order = line[apart], order[apart]
    foreign_orders = np.isin(pool.order_currency, np.unique(pool.line_currency), invert=True)
    by_name: dict[int, list[int]] = {}
    for at in np.flatnonzero(foreign_orders).tolist():
        by_name.setdefault(int(buyers.name_of[at]), []).append(at)
    lines_named, names, _ = pairs(told.name_hits)
    known = np.flatnonzero(np.isin(names, list(by_name)))
    more = [
        (at, one) for at, name in zip(lines_named[known].tolist(), names[known].tolist(), strict=True)
        for one in by_name[name]
    ]  # fmt: skip
    keys = {*zip(line.tolist(), order.tolist(), strict=True), *more}
    kept = sorted(
        (i, j) for i, j in keys if said.lags[0][0] <= int(pool.booked[i] - pool.ordered[j]) <= _LATEST
    )  # fmt: skip
    table = np.asarray(kept, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
