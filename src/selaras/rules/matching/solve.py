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
Bools = npt.NDArray[np.bool_]
_HEAVIEST: Final = 23.0
ROUNDS: Final = 60
#: Enough to learn a shop's rates from.
ROUGHLY: Final = 12
_CLOSE: Final = 1e-7
#: After so many rounds at a time, those who have settled rest.
_SPAN: Final = 6


def probabilities(log_weights: Floats, hypothesis: Ints, node: Ints, nodes: int, rounds: int = ROUNDS) -> Floats:
    """The probability of each hypothesis. `hypothesis[i]` touches `node[i]`; nodes are numbered below `nodes`.

    After `rounds` (a multiple of six) it is taken as it is.
    """
    count = len(log_weights)
    if count == 0:
        return np.zeros(0)
    # Touches by hypothesis: then what its messages come to together is a run of them.
    if (hypothesis[1:] < hypothesis[:-1]).any():
        node = node[np.argsort(hypothesis, kind="stable")]
    sizes = np.bincount(hypothesis, minlength=count)
    rivals = _Rivals(np.exp(np.minimum(log_weights, _HEAVIEST)), sizes, node, nodes)
    numbers = np.arange(count)
    odds = np.empty(count)
    for number in range(1, rounds + 1):
        rivals.hear()
        if number % _SPAN == 0:
            odds[numbers] = rivals.odds()
            moves = rivals.moving()
            numbers = numbers[moves]
            if not len(numbers):
                break
            if not moves.all():
                rivals.keep(moves)
    result: Floats = odds / (1.0 + odds)
    return result


class _Rivals:
    """Hypotheses under way and their touches, hypothesis by hypothesis. A message is the chance that a node is free."""

    def __init__(self, weights: Floats, sizes: Ints, where: Ints, nodes: int) -> None:
        self._weights, self._sizes, self._where = weights, sizes, where
        self._message = np.ones(len(where))
        #: What the hypotheses that rest bring to each node.
        self._resting = np.zeros(nodes)
        self._lay_out()

    def _lay_out(self) -> None:
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._step, self._fresh = (np.empty(len(self._where)) for _ in range(2))

    def odds(self) -> Floats:
        """Of each hypothesis: its weight, as far as its nodes are free."""
        result: Floats = self._weights * np.multiply.reduceat(self._message, self._starts)
        return result

    def hear(self) -> None:
        """One round: every touch hears from its rivals."""
        step, message = self._step, self._message
        # What a hypothesis brings to one of its nodes: its weight, and whether its other nodes are free.
        brought = np.repeat(self.odds(), self._sizes)
        np.divide(brought, message, out=brought)
        there = self._resting + np.bincount(self._where, weights=brought, minlength=len(self._resting))
        np.subtract(np.take(there, self._where, out=step, mode="clip"), brought, out=step)
        np.add(np.maximum(step, 0.0, out=step), 1.0, out=step)
        # Half the way, lest two rivals take turns.
        np.sqrt(np.divide(message, step, out=self._fresh), out=self._fresh)
        np.abs(np.subtract(np.divide(self._fresh, message, out=step), 1.0, out=step), out=step)
        self._message, self._fresh = self._fresh, message

    def moving(self) -> Bools:
        """Hypotheses at one of whose nodes something moved in the last round."""
        busy = np.zeros(len(self._resting), dtype=bool)
        busy[self._where[self._step > _CLOSE]] = True
        result: Bools = np.logical_or.reduceat(busy[self._where], self._starts)
        return result

    def keep(self, moving: Bools) -> None:
        """The others rest: what they bring to their nodes stays as it is."""
        touches = np.repeat(moving, self._sizes)
        brought = np.repeat(self.odds()[~moving], self._sizes[~moving]) / self._message[~touches]
        self._resting += np.bincount(self._where[~touches], weights=brought, minlength=len(self._resting))
        self._weights, self._sizes = self._weights[moving], self._sizes[moving]
        self._where, self._message = self._where[touches], self._message[touches]
        self._lay_out()
