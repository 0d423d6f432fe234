"""Which code a bill gets: a settled order, no sum twice, a clear refusal when nothing is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.model.money import UnknownCurrency
from selaras.rules.unique_amounts import AmountRules, Choice, choose, codes, fault, usual_rules


def pick(
    total: int, sums: dict[int, int | None], rules: AmountRules | None = None, before: int | None = None
) -> Choice:
    return choose(rules or AmountRules(), total, sums, "bca", "IDR", before=before)


RULES = st.builds(
    lambda low, width, direction, share: AmountRules(low, low + width, direction, share),
    st.integers(0, 5), st.integers(1, 30), st.sampled_from(["add", "subtract"]), st.integers(1, 100),
)  # fmt: skip


def test_the_lowest_sum_that_was_never_handed_out_comes_first() -> None:
    assert pick(147_000, {}) == Choice(1, 147_001)
    assert pick(147_000, {147_001: None, 147_002: 5}) == Choice(3, 147_003)


def test_then_the_one_that_has_rested_longest() -> None:
    rules = AmountRules(1, 3)
    assert pick(9_000, {9_001: 30, 9_002: 10, 9_003: 20}, rules) == Choice(2, 9_002)
    assert pick(9_000, {9_001: 10, 9_002: 10, 9_003: None}, rules) == Choice(1, 9_001)


def test_the_sum_counts_not_the_code() -> None:
    """150,000 + 501 and 150,500 + 1 are the same transfer."""
    assert pick(150_500, {150_501: None}) == Choice(2, 150_502)


def test_codes_may_be_taken_off() -> None:
    rules = AmountRules(direction="subtract")
    assert pick(147_000, {146_999: None}, rules) == Choice(-2, 146_998)


def test_zero_leaves_the_amount_as_it_is_while_it_is_free() -> None:
    rules = AmountRules(0, 9)
    assert pick(50_000, {}, rules) == Choice(0, 50_000)
    assert pick(50_000, {50_000: None}, rules) == Choice(1, 50_001)


def test_a_bill_gets_its_own_code_back_if_it_is_free() -> None:
    assert pick(147_000, {147_007: 99}, before=7) == Choice(7, 147_007)
    assert pick(147_000, {147_007: None}, before=7) == Choice(1, 147_001)
    assert pick(147_000, {}, before=-7) == Choice(1, 147_001)


def test_a_full_pool_names_the_account_and_how_many_are_open() -> None:
    sums: dict[int, int | None] = {9_000 + code: None for code in range(1, 6)}
    refused = pick(9_000, sums, AmountRules(1, 5))
    assert refused.refusal == (
        "Account bca has no free amount left for a total of 9000 IDR: 5 bills hold all of 9001 to 9005."
    )
    assert "account bca" in refused.cure
    assert (refused.code, refused.payable) == (0, 0)


def test_a_small_total_gets_small_codes_or_none() -> None:
    assert codes(AmountRules(), 2_000) == range(1, 101)
    assert codes(AmountRules(), 1_000_000) == range(1, 1_000)
    assert "too small for a code" in pick(10, {}).refusal
    assert codes(AmountRules(1, 999, "subtract", 100), 3) == range(1, 3)  # something is left to pay
    assert choose(AmountRules(5, 9), 90, {}, "bca", "USD").refusal.startswith("A total of 0.90 USD is too small")


def test_usual_codes_are_rupiah_or_cents() -> None:
    assert usual_rules("IDR") == AmountRules(1, 999)
    assert usual_rules("USD") == AmountRules(1, 99)
    with pytest.raises(UnknownCurrency):
        usual_rules("RUPIAH")


@pytest.mark.parametrize(
    ("rules", "wrong"),
    [
        (AmountRules(), ""),
        (AmountRules(0, 9_999, "subtract", 100), ""),
        (AmountRules(0, 0), "no range"),
        (AmountRules(9, 1), "no range"),
        (AmountRules(-1, 9), "no range"),
        (AmountRules(1, 10_000), "no range"),
        (AmountRules(share=0), "100 %"),
        (AmountRules(share=101), "100 %"),
    ],
)
def test_rules_that_make_no_sense(rules: AmountRules, wrong: str) -> None:
    said = fault(rules)
    assert bool(said) == bool(wrong)
    assert wrong in said


@given(RULES, st.lists(st.integers(1, 60), max_size=80))
def test_open_bills_never_share_a_sum_and_the_pool_is_used_up(rules: AmountRules, totals: list[int]) -> None:
    held: dict[int, int | None] = {}
    for total in totals:
        made = pick(total, held, rules)
        pool = codes(rules, total)
        sign = 1 if rules.direction == "add" else -1
        free = [code for code in pool if total + sign * code not in held]
        if made.refusal:
            assert not free
            assert ("too small" in made.refusal) == (not pool)
            continue
        assert abs(made.code) == free[0]
        assert made.payable == total + made.code > 0
        assert made.payable not in held
        assert abs(made.code) * 100 <= total * rules.share
        held[made.payable] = None


@given(RULES, st.integers(1, 200), st.dictionaries(st.integers(1, 250), st.none() | st.integers(0, 9)))
def test_the_same_question_has_the_same_answer(rules: AmountRules, total: int, sums: dict[int, int | None]) -> None:
    backwards = dict(reversed(sums.items()))
    assert pick(total, sums, rules) == pick(total, backwards, rules)
