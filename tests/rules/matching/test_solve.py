"""Belief propagation beside the exact answer, found by counting every way in which the hypotheses can hold together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.rules.matching.amounts import swaps
from selaras.rules.matching.solve import probabilities
from selaras.rules.matching.text import core, joined, one_slip, shape, squeezed


def counted(weights: Sequence[float], nodes: Sequence[tuple[int, ...]]) -> list[float]:
    """The probability of each hypothesis, by listing all sets of hypotheses that share no node."""
    total, each = 0.0, [0.0] * len(weights)
    for size in range(len(weights) + 1):
        for chosen in itertools.combinations(range(len(weights)), size):
            touched = [node for at in chosen for node in nodes[at]]
            if len(touched) == len(set(touched)):
                weight = math.exp(sum(weights[at] for at in chosen))
                total += weight
                for at in chosen:
                    each[at] += weight
    return [one / total for one in each]


def passed(weights: Sequence[float], nodes: Sequence[tuple[int, ...]]) -> list[float]:
    """The same by passing messages."""
    hypothesis = [at for at, own in enumerate(nodes) for _ in own]
    flat = [node for own in nodes for node in own]
    found = probabilities(
        np.asarray(weights), np.asarray(hypothesis, dtype=np.int64), np.asarray(flat, dtype=np.int64), 1 + max(flat)
    )
    return [float(one) for one in found]


@given(st.lists(st.floats(-4, 6), min_size=1, max_size=7))
def test_on_a_chain_of_rivals_it_is_exact(weights: list[float]) -> None:
    nodes = [(at, at + 1) for at in range(len(weights))]
    assert passed(weights, nodes) == pytest.approx(counted(weights, nodes), abs=2e-4)


@given(st.lists(st.floats(-4, 6), min_size=1, max_size=6))
def test_around_one_line_it_is_exact(weights: list[float]) -> None:
    nodes = [(0, at + 1) for at in range(len(weights))]
    assert passed(weights, nodes) == pytest.approx(counted(weights, nodes), abs=2e-4)


def test_a_hypothesis_of_several_competes_with_all_of_them() -> None:
    weights, nodes = [3.0, 1.0, 2.0], [(0, 2, 3), (1, 3), (4, 2)]
    assert passed(weights, nodes) == pytest.approx(counted(weights, nodes), abs=2e-4)


def test_alike_is_alike() -> None:
    found = passed([9.0] * 4, [(0, 2), (0, 3), (1, 2), (1, 3)])
    assert max(found) - min(found) < 1e-6
    assert max(found) < 0.6


def test_nothing() -> None:
    empty = np.zeros(0, dtype=np.int64)
    assert len(probabilities(np.zeros(0), empty, empty, 0)) == 0


@pytest.mark.parametrize(
    ("a", "b", "slip"),
    [
        ("INV1001", "INV1001", True), ("INV1001", "INV1010", True), ("INV1001", "INV1002", True),
        ("INV1001", "INV10", True), ("INV1001", "INV2002", False), ("INV1001", "NV1001", False), ("1814", "14", False),
    ],
)  # fmt: skip
def test_one_slip(a: str, b: str, slip: bool) -> None:
    assert one_slip(a, b) is slip
    assert one_slip(b, a) is slip


def test_words_of_references() -> None:
    assert squeezed("inv-1001/a") == "INV1001A"
    assert (core("INV1001"), core("1001"), core("INV12")) == ("1001", "", "")
    assert shape("INV1001") == "AAA9999"
    assert sorted(text for _, _, text in joined(["INV", "1001", "BUDI"], [1], 2, 99)) == ["1001", "1001BUDI", "INV1001"]
    assert sorted(text for _, _, text in joined(["INV", "1001", "BUDI"], [1], 2, 7)) == ["1001", "INV1001"]
    assert joined(["INV", "1001", "BUDI"], [1], 2, 3) == []
    assert len(set(joined(["A", "1", "2", "B"], [1, 2], 3, 99))) == len(joined(["A", "1", "2", "B"], [1, 2], 3, 99))


@given(st.integers(100, 10**9))
def test_swapped_digits_come_back(amount: int) -> None:
    assert all(
        amount * 100 in swaps(other) for other in swaps(amount * 100) if len(str(other)) == len(str(amount * 100))
    )
