"""Learning: few cases move little, many move much, nothing leaves its band, and payouts teach nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from selaras.rules.matching import Parameters
from selaras.rules.matching.learning import BAND, Accepted, learnt

SHIPPED = Parameters()


def test_without_cases_nothing_changes() -> None:
    assert learnt([]) == SHIPPED
    assert learnt([Accepted("payout", ("settlement",), 1, 999)]) == SHIPPED


def test_a_shop_whose_buyers_forget_the_code_teaches_it() -> None:
    few = learnt([Accepted("exact", ("name",), 0, 6), Accepted("code_forgotten", ("name",), 0, 4)])
    many = learnt([Accepted("exact", ("name",), 0, 600), Accepted("code_forgotten", ("name",), 0, 400)])
    assert SHIPPED.without_code < few.without_code < many.without_code
    assert many.exact < SHIPPED.exact


def test_days_are_learnt_by_span() -> None:
    slow = learnt([Accepted("exact", ("reference",), 3, 1000)])
    assert slow.lag(3) > SHIPPED.lag(3)
    assert slow.lag(0) < SHIPPED.lag(0)
    assert slow.reference_shown > SHIPPED.reference_shown


_cases = st.builds(
    Accepted,
    st.sampled_from(["exact", "fee", "code_forgotten", "combined", "instalments", "other_amount", "withholding"]),
    st.sampled_from([("reference",), ("name",), ("name_part", "amount"), ("other_payer",), ()]),
    st.integers(-3, 90),
    st.integers(1, 100_000),
)


@given(st.lists(_cases, max_size=12))
def test_every_chance_stays_a_chance_within_its_band(cases: list[Accepted]) -> None:
    made = learnt(cases)
    for name in ("exact", "without_code", "rounded_up", "fee_taken", "other_amount", "name_shown", "reference_shown"):
        was, now = getattr(SHIPPED, name), getattr(made, name)
        assert 0 < now < 1
        assert was / BAND * 0.999 <= now <= was * BAND * 1.001
    assert [last for last, _ in made.lags] == [last for last, _ in SHIPPED.lags]
    assert all(0 < chance < 1 for _, chance in made.lags)


@given(st.lists(_cases, max_size=8), st.randoms())
def test_the_order_of_cases_does_not_matter(cases: list[Accepted], rng: object) -> None:
    assert learnt(cases) == learnt(list(reversed(cases)))
