"""The global choice: how probable each hypothesis is when every line and every order may be used once.

A hypothesis says "these lines pay these orders"; its weight is the probability of all that is seen if it is true, over
the probability if each of them stood alone. Every line and every order takes at most one hypothesis, so the hypotheses
compete. Their probabilities are found by passing messages (belief propagation for matchings: Huang & Jebara 2007,
Chertkov et al. 2010): exact where the rivals form a tree, and symmetric where they are alike, so a tie stays a tie.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_HEAVIEST: Final = 23.0
_ROUNDS: Final = 60
_CLOSE: Final = 1e-7


def probabilities(log_weights: Floats, hypothesis: Ints, node: Ints, nodes: int) -> Floats:
    """The probability of each hypothesis. `hypothesis[i]` touches `node[i]`; nodes are numbered below `nodes`."""
    count = len(log_weights)
    if count == 0:
        return np.zeros(0)
    # Touches by hypothesis: then what its messages come to together is a run of them.
    sort = np.argsort(hypothesis, kind="stable")
    sizes = np.bincount(hypothesis, minlength=count)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    place, where = hypothesis[sort], node[sort]
    weights = np.exp(np.minimum(log_weights, _HEAVIEST))
    # A message is the chance that a node is free for a hypothesis, other rivals considered.
    message, fresh = np.ones(len(where)), np.empty(len(where))
    brought, rivals = np.empty(len(where)), np.empty(len(where))
    for _ in range(_ROUNDS):
        odds = weights * np.multiply.reduceat(message, starts)
        # What a hypothesis brings to one of its nodes: its weight, and whether its other nodes are free.
        np.divide(np.take(odds, place, out=brought, mode="clip"), message, out=brought)
        there = np.bincount(where, weights=brought, minlength=nodes)
        np.maximum(np.subtract(np.take(there, where, out=rivals, mode="clip"), brought, out=rivals), 0.0, out=rivals)
        # Half the way (of the logarithm), lest two rivals take turns.
        np.sqrt(np.divide(message, np.add(rivals, 1.0, out=rivals), out=fresh), out=fresh)
        step = 2.0 * np.abs(np.subtract(np.divide(fresh, message, out=rivals), 1.0, out=rivals), out=rivals).max()
        message, fresh = fresh, message
        if step < _CLOSE:
            break
    odds = weights * np.multiply.reduceat(message, starts)
    result: Floats = odds / (1.0 + odds)
    return result
