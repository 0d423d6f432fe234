"""Who pays for whom: a spouse or a firm that paid a buyer's order once pays the next one as well.

Learnt within the statement: a strange name on a line that surely pays a buyer's order speaks for that buyer on every
other line that shows it. A line never vouches for itself (reference/reconciliation.md §3.3, step 2: account memory).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from selaras.rules.matching.rates import NAME_OTHER
from selaras.rules.matching.reading import NO_NAME, Buyers, Told

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
#: Of those for whom somebody else paid once, the share for whom the same one pays again.
_AGAIN: Final = 0.5
#: How much rarer than this no payer's name counts.
_RAREST: Final = 5e-3
#: Lines of strangers that stand for all that a short statement does not show.
_OTHER_LINES: Final = 100.0
_LEAST_WORDS: Final = 2
NOBODY: Final = -1


def payers(told: Told, strange: npt.NDArray[np.bool_]) -> Ints:
    """For each line a number of its strange payer, by the words of names that it shows; `NOBODY` without two words."""
    result = np.full(len(told.lines), NOBODY, dtype=np.int64)
    rows = np.flatnonzero(strange & ((told.words >= 0).sum(axis=1) >= _LEAST_WORDS))
    known: dict[bytes, int] = {}
    for row in rows.tolist():
        result[row] = known.setdefault(told.words[row].tobytes(), len(known))
    return result


def vouched(buyers: Buyers, told: Told, line: Ints, order: Ints, name: Ints, chance: Floats) -> Floats:
    """For each pair the log of how much likelier its strange payer is because he pays for this buyer elsewhere.

    `chance` is the probability of each pair as far as it is known.
    """
    result = np.zeros(len(line))
    strange = np.zeros(len(told.lines), dtype=bool)
    strange[line[name == NAME_OTHER]] = True
    payer_of_line = payers(told, strange)
    payer, buyer = payer_of_line[line], buyers.name_of[order]
    rows = np.flatnonzero((payer != NOBODY) & (buyer != NO_NAME) & (name == NAME_OTHER))
    if not len(rows):
        return result
    names = len(buyers.sorted_names) + 1
    of_both = payer[rows] * names + buyer[rows]
    of_line = line[rows] * names + buyer[rows]
    _, both = np.unique(of_both, return_inverse=True)
    _, own = np.unique(of_line, return_inverse=True)
    support = np.bincount(both, weights=chance[rows])[both] - np.bincount(own, weights=chance[rows])[own]
    lines_of = np.bincount(payer_of_line[payer_of_line != NOBODY])
    share = np.maximum(lines_of[payer[rows]] / (len(told.lines) + _OTHER_LINES), _RAREST)
    result[rows] = np.log1p(_AGAIN * np.clip(support, 0.0, 1.0) / share)
    return result
