"""Payouts without a report, followed from line to line: held back, carried in, given back, two ways in one sum."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.model.claims import FINE
from selaras.rules.matching.due import NEVER, Rule, banking_days, due_days
from selaras.rules.matching.flow import comes_out, explain
from selaras.rules.matching.ways import Payout
from tests.rules.matching.shop import START, Shop

Ints = npt.NDArray[np.int64]
TEXT = "TRSF E-BANKING CR 0601/FTSCY/WS95051 MIDTRANS PT"
MONDAY = dt.date(2026, 1, 5).toordinal()


def channel(days: int, each: int) -> tuple[list[list[int]], Ints]:
    """Orders of some days by their places, and their grosses: steps of Rp 500, no sums alike."""
    by_day = [[day * each + at for at in range(each)] for day in range(days)]
    gross = np.asarray([(37_000 + 500 * (at * at * at % 1_009)) * FINE for at in range(days * each)], dtype=np.int64)
    return by_day, gross


def payouts(by_day: list[list[int]], net: Ints, moved: dict[int, int], less: dict[int, int]) -> list[Payout]:
    """A payout a day; `moved` orders come on another day, `less` is given back on a day."""
    found = []
    for day, due in enumerate(by_day):
        brings = [i for i in due if i not in moved] + [i for i, to in moved.items() if to == day]
        earlier = [i for before in by_day[:day] for i in before]
        found.append(Payout(day, day, int(net[brings].sum()) - less.get(day, 0), due, earlier))
    return found


@pytest.mark.parametrize(
    ("moved", "less"),
    [
        ({}, {}),
        ({12: 3}, {}),
        ({12: 3, 14: 3}, {}),
        ({12: 3, 15: 5}, {}),
        ({12: 3, 21: 4, 32: 5}, {}),
        ({12: 3}, {2: 5}),
    ],
)
def test_who_was_held_back_comes_with_another_line(moved: dict[int, int], less: dict[int, int]) -> None:
    by_day, gross = channel(8, 10)
    net = gross - 4_440 * FINE
    given_back = {day: int(gross[order]) for day, order in less.items()}
    chances = explain(payouts(by_day, net, moved, given_back), gross, net)
    for day, due in enumerate(by_day):
        for order in due:
            where = moved.get(order, day)
            assert chances[where][order] > 0.99, (day, order)
            if where != day:
                assert chances[day][order] < 0.01


def test_two_explanations_are_none() -> None:
    """Two orders of one price: one of them was held back, and nobody can tell which."""
    by_day, gross = channel(4, 8)
    gross[9] = gross[10]
    net = gross - 4_440 * FINE
    chances = explain(payouts(by_day, net, {9: 2}, {}), gross, net)
    assert [chances[1][order] for order in (9, 10)] == pytest.approx([0.5, 0.5], abs=0.02)
    assert all(chances[1][order] > 0.99 for order in by_day[1] if order not in (9, 10))


def test_a_sum_that_nothing_explains_leaves_everybody_open() -> None:
    by_day, gross = channel(3, 6)
    net = gross - 4_440 * FINE
    lines = payouts(by_day, net, {}, {1: 123 * FINE})
    chances = explain(lines, gross, net)
    assert all(0.9 < chances[1][order] < 0.99 for order in by_day[1])
    assert all(chances[2][order] > 0.99 for order in by_day[2])
    assert [comes_out(line, gross, net) for line in lines[1:]] == [False, True]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(-50_000, 50_000))
def test_chances_are_chances(prices: list[int], off: int) -> None:
    gross = np.asarray(prices, dtype=np.int64) * 500 * FINE
    line = Payout(0, 0, max(1, int(gross.sum()) + off * FINE), list(range(len(prices))), [])
    for chance in explain([line], gross, gross)[0].values():
        assert 0.0 <= chance <= 1.0 + 1e-9


def test_holidays_are_the_weekdays_on_which_nobody_pays() -> None:
    weekdays = np.asarray([MONDAY + 7 * week + day for week in range(6) for day in range(5)], dtype=np.int64)
    holiday = MONDAY + 7 * 2 + 2
    paid = weekdays[weekdays != holiday]
    banking = banking_days(paid, paid)
    assert holiday not in banking
    assert holiday + 1 in banking
    assert not any(dt.date.fromordinal(int(day)).weekday() >= 5 for day in banking)
    captured = np.asarray([holiday - 1, holiday, MONDAY + 4], dtype=np.int64)
    assert due_days(captured, Rule(False, 1, 1), banking, paid).tolist() == [holiday + 1, holiday + 1, MONDAY + 7]
    assert due_days(np.asarray([MONDAY + 999]), Rule(False, 1, 1), banking, paid).tolist() == [NEVER]


def test_two_ways_of_paying_in_one_sum() -> None:
    """Virtual accounts (Rp 4,440) after one banking day and QRIS (0.7 %) after two, paid by one gateway together."""
    made = Shop()
    monday = MONDAY - START
    brought: dict[int, list[tuple[str, int]]] = {}
    for day in range(60):
        for at in range(6):
            gross = 41_000 + 500 * ((day * 7 + at + 3) ** 3 % 613)
            way, fee, wait = ("gw_va", 4_440, 1) if at % 2 else ("gw_qris", (gross * 7 + 500) // 1_000, 2)
            order = made.order(f"{day:02d}{at:03d}", "Orang", gross, day=monday + day, method=way)
            due = day
            for _ in range(wait):
                due += 1
                while due % 7 >= 5:
                    due += 1
            brought.setdefault(due, []).append((order, gross - fee))
    late = brought[22].pop()
    brought[23].append(late)
    expected = set()
    for due, rows in brought.items():
        made.line(sum(net for _, net in rows), TEXT, day=monday + due, id=f"p{due}")
        expected |= {(f"p{due}", order) for order, _ in rows if 10 <= due < 60}
    sure = made.sure()
    assert ("p23", late[0]) in sure
    assert ("p22", late[0]) not in sure
    assert expected <= sure
    true = {(f"p{due}", order) for due, rows in brought.items() for order, _ in rows}
    assert sure <= true


def test_fees_that_nobody_can_know_are_not_guessed() -> None:
    """Each order has one of two commissions: whose payout it is may be asked, and is never linked."""
    made = Shop()
    for week in range(14):
        net = 0
        for at in range(30):
            gross = 41_000 + 500 * ((week * 67 + at * 173) % 613)
            made.order(f"{week:02d}{at:03d}", "Orang", gross, day=MONDAY - START + 7 * week + at % 7, method="market")
            net += gross - (gross * (65 if (at * 7 + week) % 3 else 80) + 500) // 1_000 - 1_250
        made.line(net, "AIRPAY INTERNATION", day=MONDAY - START + 7 * week + 7, id=f"w{week}")
    assert made.sure() == set()
