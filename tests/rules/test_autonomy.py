"""Earned autonomy: the bound is the exact one, and a single score never posts alone."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.rules.autonomy import PROVEN, Autonomy, lower_bound, standing


def test_without_a_wrong_case_the_bound_is_the_root() -> None:
    # (1 - confidence) ** (1 / n): the textbook form when everything was right.
    for right in (1, 20, 58, 59, 500):
        assert lower_bound(right, 0, 0.95) == pytest.approx(0.05 ** (1 / right), abs=1e-6)


def test_known_limits() -> None:
    # Clopper & Pearson, one-sided 95 %: 18 of 20, 95 of 100.
    assert lower_bound(18, 2, 0.95) == pytest.approx(0.7174, abs=1e-4)
    assert lower_bound(95, 5, 0.95) == pytest.approx(0.8977, abs=1e-4)


@given(st.integers(0, 200), st.integers(0, 20), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_bound_is_where_the_cases_become_too_lucky(right: int, wrong: int, confidence: float) -> None:
    bound, cases = lower_bound(right, wrong, confidence), right + wrong
    tail = sum(comb(cases, n) * (1 - bound) ** n * bound ** (cases - n) for n in range(wrong + 1))
    assert tail == pytest.approx(1 - confidence, abs=1e-4) or right == 0
    assert 0 <= bound <= (right / cases if cases else 1)


@given(st.integers(0, 300), st.integers(0, 10))
def test_more_confirmed_never_takes_it_away_and_a_wrong_one_never_gives_it(right: int, wrong: int) -> None:
    rules = Autonomy()
    now = standing("exact:name", right, wrong, rules)
    assert standing("exact:name", right + 1, wrong, rules).alone or not now.alone
    assert now.alone or not standing("exact:name", right, wrong + 1, rules).alone


def test_fifty_nine_in_a_row_earn_it() -> None:
    assert not standing("exact:name", 58, 0, Autonomy()).alone
    assert standing("exact:name", 59, 0, Autonomy()).alone
    assert not standing("exact:name", 59, 1, Autonomy()).alone


def test_a_proof_stands_until_it_was_wrong_once() -> None:
    for rule in PROVEN:
        assert standing(rule, 0, 0, Autonomy()).alone
        assert not standing(rule, 5, 1, Autonomy()).alone


def test_what_a_person_chose_wins() -> None:
    chosen = Autonomy(modes={"exact:reference": "ask", "exact:name": "alone"})
    assert not standing("exact:reference", 999, 0, chosen).alone
    assert standing("exact:name", 0, 9, chosen).alone
