"""From hundredths to the smallest unit of the currency, so that the parts still come to the total.

Vendure keeps sen of rupiah, which nobody can pay: totals such as 47474999 (Rp 474,749.99) occur. Totals, payments and
refunds are rounded half up once; of the parts each becomes one of the two whole units beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from selaras.model.money import EXPONENTS, ZERO, rounded, to_sum

_SIX: Final = Decimal("0.000001")


def to_unit(value: Decimal, currency: str) -> Decimal:
    """`value` rounded to the smallest unit; as it is where the currency is unknown."""
    return rounded(value, currency) if currency in EXPONENTS else value


def whole(parts: Sequence[Decimal], total: Decimal, currency: str) -> list[Decimal]:
    """`parts` in whole smallest units, with the sum `total` where one unit more or less of some of them does it."""
    near = [to_unit(part, currency) for part in parts]
    return near if currency not in EXPONENTS else to_sum(parts, near, total, currency)


def priced(unit: Decimal, quantity: Decimal, after: Decimal, currency: str) -> tuple[Decimal, Decimal]:
    """Unit price and discount of a line of `quantity` pieces at `unit` that costs `after`, which is whole.

    quantity × unit price − discount, rounded, is `after`. Less than a smallest unit of difference is rounding and no
    discount; a line that was made dearer has the dearer price.
    """
    discount = to_unit(quantity * unit, currency) - after
    if not discount and to_unit(quantity * unit, currency) == after:
        return unit, ZERO
    if discount > 0:
        discount = quantity * unit - after
        return unit, discount
    each = after / quantity
    short = each.quantize(_SIX)
    return (short if to_unit(quantity * short, currency) == after else each), ZERO


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """`total` spread by weights in whole steps; what is left over goes to the last one that has a weight."""
    whole_weight = sum(weights)
    if not whole_weight:
        return [0] * len(weights)
    made = [total * weight // whole_weight for weight in weights]
    last = max(i for i, weight in enumerate(weights) if weight)
    made[last] += total - sum(made)
    return made
