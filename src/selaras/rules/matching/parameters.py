"""Probabilities that the matching of payments starts from. Shipped defaults; accepted links teach better ones.

Each is a chance about an *ordinary* payment of a shop whose buyers transfer by hand. They were set from the sources of
reference/reconciliation.md §1.3 and reference/indonesia.md §2 (buyers forget the code, banks cut names, fees are taken
on the way), not fitted to any data set that the matcher is measured on.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """Chances (0 to 1) unless said otherwise.

    `ours`                 an incoming line pays one of the orders
    `paid`                 an order by transfer is paid at all; `noise` lines that pay none, for each order
    `exact` … `withheld`   how the amount relates to what is due, given that the line pays the order
    `other_amount`         any other amount, spread over the steps in which people pay
    `combined`, `parts`    one line pays several orders of a buyer; one order is paid by several lines
    `reference_shown`      the message names the order; `reference_wrong` it names another one by mistake
    `name_shown`           the payer's name is the buyer's and is readable; `name_part` only a part of it is
    `other_payer`          somebody else pays; `no_payer` no name is written
    `lags`                 days from order to money → chance of each such day (the last one holds for all later days)
    `auto`, `margin`       least posterior, and least ratio to the next rival, of a link that is made without asking
    `suggest`              least posterior of a suggestion
    `worth_asking`         least chance that the answer is among a line's suggestions: less would waste a person's time
    """

    ours: float = 0.96
    paid: float = 0.88
    noise: float = 0.04
    exact: float = 0.82
    without_code: float = 0.05
    rounded_up: float = 0.02
    fee_taken: float = 0.03
    fee_added: float = 0.004
    swapped: float = 0.004
    withheld: float = 0.006
    other_amount: float = 0.02
    combined: float = 0.02
    parts: float = 0.015
    reference_shown: float = 0.4
    reference_wrong: float = 0.012
    name_shown: float = 0.7
    name_part: float = 0.08
    other_payer: float = 0.10
    no_payer: float = 0.12
    repeated: float = 0.02
    fees: tuple[int, ...] = (2_500, 5_000, 6_500, 2_900, 3_500, 1_000, 7_500, 4_000)
    steps: tuple[int, ...] = (500, 1_000, 5_000, 10_000, 50_000, 100_000)
    lags: tuple[tuple[int, float], ...] = (
        (-1, 0.004), (0, 0.40), (1, 0.27), (2, 0.12), (3, 0.07), (4, 0.035), (5, 0.02), (6, 0.012), (7, 0.01),
        (10, 0.005), (14, 0.003), (30, 0.0012), (60, 0.0003),
    )  # fmt: skip
    window: int = 60
    auto: float = 0.98
    suggest: float = 0.003
    worth_asking: float = 0.65

    def kinds(self) -> npt.NDArray[np.float64]:
        """The chances of the kinds of amount, in the order of `amounts.KINDS`."""
        return np.asarray([
            self.exact, self.without_code, self.rounded_up, self.fee_taken, self.swapped, self.withheld,
            self.other_amount,
        ])  # fmt: skip

    def lag(self, days: int) -> float:
        """The chance that the money comes so many days after the order; 0 outside the window."""
        if days < self.lags[0][0] or days > self.window:
            return 0.0
        return next(chance for last, chance in self.lags if days <= last)
