"""Payouts and the bank lines that show them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from selaras.model.settlement import Payout
from selaras.rules.payout_lines import Credit, Paid, PayoutMatch, match_payouts

DAY = dt.date(2026, 11, 2)
NOON = dt.datetime(2026, 11, 2, 5, tzinfo=dt.UTC)


def paid(name: str, net: str, day: int = 0, gateway: str = "midtrans") -> Paid:
    at = NOON + dt.timedelta(days=day)
    return Paid(f"payout:g:{name}", Payout(name, gateway, "IDR", Decimal(net), at), at.date())


def credit(line: str, amount: str, day: int = 0, text: str = "KR OTOMATIS MIDTRANS") -> Credit:
    return Credit(line, Decimal(amount), "IDR", DAY + dt.timedelta(days=day), text)


def pairs(found: list[PayoutMatch]) -> list[tuple[str, list[str], bool]]:
    return [(one.line, [each.payout.id for each in one.payouts], one.sure) for one in found]


def test_one_line_brings_one_payout_or_several_neighbours() -> None:
    payouts = [paid("A", "100"), paid("B", "70", 1), paid("C", "55", 2), paid("D", "999")]
    lines = [credit("1", "100"), credit("2", "125", 3), credit("3", "7")]
    assert pairs(match_payouts(payouts, lines)) == [("1", ["A"], True), ("2", ["B", "C"], True)]


def test_two_sets_of_one_sum_are_asked_about() -> None:
    payouts = [paid("A", "100"), paid("B", "70"), paid("C", "60"), paid("D", "110")]
    (found,) = match_payouts(payouts, [credit("1", "170")])
    assert not found.sure


def test_equal_payouts_change_places_but_one_too_many_is_asked_about() -> None:
    payouts = [paid("A", "100"), paid("B", "100", 1)]
    assert all(one.sure for one in match_payouts(payouts, [credit("1", "100"), credit("2", "100", 1)]))
    (found,) = match_payouts([paid("A", "100")], [credit("1", "100"), credit("2", "100", 1)])
    assert not found.sure


def test_what_no_smallest_unit_can_show_is_no_part_of_a_line() -> None:
    """Half a rupiah cannot be claimed of a line: such parts could not be booked, and nothing else was any more."""
    assert match_payouts([paid("A", "50.5"), paid("B", "49.5")], [credit("1", "100")]) == []


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 9)), max_size=6),
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9), st.booleans()), max_size=6),
    st.randoms(use_true_random=False),
)
def test_the_answer_is_that_of_the_sets(
    nets: list[tuple[int, int]], amounts: list[tuple[int, int, bool]], shuffle: object
) -> None:
    payouts = [paid(f"P{n}", str(net * 10), day) for n, (net, day) in enumerate(nets)]
    lines = [
        credit(f"L{n}", str(amount * 10), day, "KR OTOMATIS MIDTRANS" if mine else "TRSF CR SINTA")
        for n, (amount, day, mine) in enumerate(amounts)
    ]
    found = match_payouts(payouts, lines)
    shuffle.shuffle(payouts)  # type: ignore[attr-defined]
    shuffle.shuffle(lines)  # type: ignore[attr-defined]
    assert match_payouts(payouts, lines) == found
    by_line = {line.line: line for line in lines}
    assert len({one.line for one in found}) == len(found)
    for one in found:
        assert sum(each.payout.net for each in one.payouts) == by_line[one.line].amount
    certain = [each.subject for one in found if one.sure for each in one.payouts]
    assert len(certain) == len(set(certain))
