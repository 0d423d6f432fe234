"""How often things happen in the shop at hand: shipped chances first, then what the surest links of its own data say.

A buyer pays, a stranger's money comes in, names are missing, codes are forgotten: how often differs from shop to shop,
and the chance of a pair hangs on it. One round of expectation and maximisation is enough: every pair counts with its
chance under the shipped defaults, and the defaults stand as so many cases seen before (reference/reconciliation.md
§3.3, step 3).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from selaras.rules.matching.amounts import KINDS
from selaras.rules.matching.parameters import Parameters

Ints = npt.NDArray[np.int64]
Narrow = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float64]

NAME_NONE, NAME_PART, NAME_WHOLE, NAME_OTHER, NAME_MASKED = range(5)
#: How many cases the shipped defaults are worth.
_ORDERS: Final = 60.0
_NAMES: Final = 60.0
_KINDS: Final = 150.0
_LAGS: Final = 150.0
_MOST_PAID: Final = 0.985
_LEAST_PAID: Final = 0.3
#: A shop's own habit changes a shipped chance by this factor at most (as a logarithm).
_FURTHEST: Final = 2.0


class Rates(msgspec.Struct, frozen=True):
    """Chances of one shop. Logarithms where the name says so.

    `paid`        an order by transfer is paid by one of the lines
    `noise`       lines that pay none of the orders, for each order
    `silent`      of those lines, the share that shows no payer
    `log_lag`     of the days from the order to the money, from -2 on
    `log_kinds`   how much likelier than shipped each kind of amount is
    `names`       chance of each state of the payer's name, given that the line pays the order
    """

    paid: float
    noise: float
    silent: float
    log_lag: Floats
    log_kinds: Floats
    names: tuple[float, float, float, float]

    @property
    def log_odds(self) -> float:
        """Log of the odds that an order is paid."""
        return float(np.log(self.paid / (1.0 - self.paid)))

    @property
    def log_names(self) -> Floats:
        """For each state of the name the log of its chance in a payment over the chance in a stranger's line."""
        none, part, whole, other = self.names
        named = (1.0 - self.silent) / 0.65
        result: Floats = np.log(
            np.asarray([none / self.silent, part / named, whole / named, other / (0.8 * named), whole / named])
        )
        return result


def shipped(said: Parameters) -> Rates:
    """The rates that stand before anything of the shop is known."""
    lags = np.asarray([max(said.lag(day), 1e-12) for day in range(-2, said.window + 2)])
    return Rates(
        said.paid, said.noise, 0.35, np.log(lags), np.zeros(len(KINDS)),
        (said.no_payer, said.name_part, said.name_shown, said.other_payer),
    )  # fmt: skip


def learnt(
    said: Parameters,
    orders: int,
    lag: Narrow,
    kind: Narrow,
    name: Narrow,
    chance: Floats,
    strangers: Floats,
    silent: npt.NDArray[np.bool_],
) -> Rates:
    """Rates from pairs of one line and one order with their chances.

    `orders` are all that could be paid; `strangers` has for each line with a candidate the chance that it pays none,
    `silent` whether it shows no payer.
    """
    base = shipped(said)
    mass = float(chance.sum())
    paid = (mass + _ORDERS * base.paid) / (orders + _ORDERS)
    alone = float(strangers.sum())
    noise = (alone + _ORDERS * base.noise) / (orders + _ORDERS)
    mute = (float(strangers[silent].sum()) + _NAMES * base.silent) / (alone + _NAMES)
    of_names = np.bincount(name, weights=chance, minlength=5)
    # A masked name is as often the buyer's own as a readable one.
    of_names = np.where(np.arange(4) == NAME_WHOLE, of_names[:4] + of_names[NAME_MASKED], of_names[:4])
    before = np.asarray(base.names) / sum(base.names)
    names = (of_names + _NAMES * before) / (mass + _NAMES)
    of_kinds = np.bincount(kind, weights=chance, minlength=len(KINDS))[: len(KINDS)]
    shares = said.kinds()
    shares = shares / shares.sum()
    kinds = np.log((of_kinds + _KINDS * shares) / (mass + _KINDS) / shares)
    lags = np.exp(base.log_lag)
    spread = lags / lags.sum()
    of_lags = np.bincount(np.clip(lag + 2, 0, len(lags) - 1), weights=chance, minlength=len(lags))
    log_lag = np.log((of_lags + _LAGS * spread) / (mass + _LAGS))
    return Rates(
        float(min(max(paid, _LEAST_PAID), _MOST_PAID)), float(noise), float(min(max(mute, 0.02), 0.9)),
        np.where(lags > 1e-11, log_lag, base.log_lag), np.clip(kinds, -_FURTHEST, _FURTHEST),
        (float(names[0]), float(names[1]), float(names[2]), float(names[3])),
    )  # fmt: skip
