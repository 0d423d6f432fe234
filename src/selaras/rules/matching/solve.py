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
    weights = np.exp(np.minimum(log_weights, _HEAVIEST))
    log_message = np.zeros(len(node))
    for _ in range(_ROUNDS):
        log_all = np.bincount(hypothesis, weights=log_message, minlength=count)
        # What a hypothesis brings to one of its nodes: its weight, and whether its other nodes are free.
        brought = weights[hypothesis] * np.exp(log_all[hypothesis] - log_message)
        there = np.bincount(node, weights=brought, minlength=nodes)
        fresh = -np.log1p(np.maximum(there[node] - brought, 0.0))
        step = fresh - log_message
        log_message = log_message + 0.5 * step
        if float(np.max(np.abs(step))) < _CLOSE:
            break
    odds = weights * np.exp(np.bincount(hypothesis, weights=log_message, minlength=count))
    result: Floats = odds / (1.0 + odds)
    return result
