"""How the amount of a line relates to what an order is due, and how probable that is."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from selaras.model.claims import FINE
from selaras.rules.matching.parameters import Parameters

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

EXACT, WITHOUT_CODE, ROUNDED, FEE, SWAPPED, WITHHELD, OTHER = range(7)
KINDS: Final = ("exact", "code_forgotten", "rounded_up", "fee", "swapped_digits", "withholding", "other_amount")

_EXCHANGED: Final = np.asarray(sorted(9 * times * 10**power for times in range(1, 10) for power in range(15)))


def log_background(amount: Ints) -> Floats:
    """Log of the chance that a payment which has nothing to do with our orders has just this amount.

    People send round amounts; an amount that is not round is rare on its own, and telling when it fits.
    """
    whole = amount // FINE
    chance = np.full(len(amount), 4e-6)
    for step, value in ((500, 4e-5), (1_000, 1.2e-4), (5_000, 3e-4), (10_000, 6e-4), (50_000, 2e-3), (100_000, 4e-3)):
        chance[(whole % step == 0) & (amount % FINE == 0)] = value
    result: Floats = np.log(chance)
    return result


def swaps(amount: int) -> list[int]:
    """The amounts that come out when two neighbouring digits of this one are exchanged (amount in `FINE` units)."""
    digits = str(amount // FINE)
    found = []
    for at in range(len(digits) - 1):
        if digits[at] != digits[at + 1] and not (at == 0 and digits[1] == "0"):
            found.append(int(digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]) * FINE)
    return found


def relate(amount: Ints, due: Ints, total: Ints, said: Parameters) -> tuple[Ints, Floats]:
    """For each pair the kind of relation and the log of its chance, given that the line pays the order."""
    count = len(amount)
    kind = np.full(count, OTHER, dtype=np.int64)
    chance = np.zeros(count)
    coded = due != total

    def better(where: npt.NDArray[np.bool_], what: int, value: Floats | float) -> None:
        values = np.broadcast_to(np.asarray(value, dtype=np.float64), (count,))
        chosen = where & (values > chance)
        kind[chosen] = what
        chance[chosen] = values[chosen]

    # Anything else: people pay in steps, between a tenth and twice of what is due.
    steps = np.maximum(due / (500.0 * FINE), 10.0)
    near = (amount * 20 > due) & (amount * 5 < due * 11)
    better(near, OTHER, said.other_amount / steps)
    furthest = max((0, *said.steps, *said.fees)) * FINE
    for base, weight in ((due, 1.0), (total, said.without_code / said.exact)):
        which = coded | (base is due)
        gap = base - amount
        # Most pairs are far apart: only the others are looked at closely.
        rows = np.flatnonzero(which & (np.abs(gap) <= furthest))
        plain = EXACT if base is due else WITHOUT_CODE
        kind[rows], chance[rows] = _near(amount[rows], gap[rows], plain, weight, kind[rows], chance[rows], said)
        # PPh 23: 2 % of the price without PPN, or (wrongly) of the whole; payers round either way.
        for part in (base * 2 // 111, base * 2 // 100):
            better(which & (np.abs(gap - part) <= FINE) & (part > 0), WITHHELD, said.withheld * weight)
    # Two neighbouring digits exchanged: the difference is one to nine times nine times a power of ten.
    apart = np.abs(amount // FINE - due // FINE)
    place = np.minimum(np.searchsorted(_EXCHANGED, apart), len(_EXCHANGED) - 1)
    for at in np.flatnonzero((kind == OTHER) & (_EXCHANGED[place] == apart)).tolist():
        if int(due[at]) in swaps(int(amount[at])):
            kind[at] = SWAPPED
            chance[at] = max(chance[at], said.swapped / 5.0)
    return kind, np.log(np.maximum(chance, 1e-300))


def _near(
    amount: Ints, gap: Ints, plain: int, weight: float, kind: Ints, chance: Floats, said: Parameters
) -> tuple[Ints, Floats]:
    """The better of what is known and of what a small gap says: nothing missing, a fee, an amount rounded."""

    def better(where: npt.NDArray[np.bool_], what: int, value: float) -> None:
        chosen = where & (value > chance)
        kind[chosen] = what
        chance[chosen] = value

    better(gap == 0, plain, said.exact * weight)
    for at, fee in enumerate(said.fees):
        share = 0.35 if at < 3 else 0.06
        better(gap == fee * FINE, FEE, said.fee_taken * share * weight)
        better(gap == -fee * FINE, FEE, said.fee_added * share * weight)
    for step in said.steps:
        size = step * FINE
        even = amount % size == 0
        better((gap < 0) & (-gap < size) & even, ROUNDED, said.rounded_up * weight / 3.0)
        if step <= 5_000:
            better((gap > 0) & (gap < size) & even, ROUNDED, said.rounded_up * weight / 12.0)
    return kind, chance
