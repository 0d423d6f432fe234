"""Sets of which a line shows neither number nor buyer, and what the shop's own payments teach."""

from __future__ import annotations

import numpy as np
import pytest

from selaras.rules.matching.amounts import EXACT, KINDS
from selaras.rules.matching.parameters import Parameters
from selaras.rules.matching.rates import NAME_OTHER, learnt, shipped
from selaras.rules.matching.text import days_under_way, fits_masks, is_interest, masks, payer_of
from tests.rules.matching.shop import START, Shop


def shop() -> Shop:
    made = Shop()
    made.crowd()
    return made


def test_a_basket_that_somebody_else_paid() -> None:
    made = shop()
    orders = {
        made.order("10001", "Budi Santoso", 147_000, code=356),
        made.order("10002", "Budi Santoso", 90_000, code=17),
    }
    line = made.line(237_373, "BI-FAST CR BIF TRANSFER DR 014", day=1)
    assert made.sure() == {(line, order) for order in orders}
    assert sum(link.amount for link in made.match() if link.auto) == 23_737_300


def test_orders_of_two_buyers_are_no_basket() -> None:
    made = shop()
    made.order("10001", "Budi Santoso", 147_000, code=356)
    made.order("10002", "Rina Wulandari", 90_000, code=17)
    made.line(237_373, "BI-FAST CR BIF TRANSFER DR 014", day=1)
    assert made.sure() == set()


def test_the_rest_of_an_instalment_without_a_name() -> None:
    made = shop()
    order = made.order("10001", "Budi Santoso", 1_147_000, code=356)
    first = made.line(500_000, "TRSF E-BANKING CR BUDI SANTOSO DP", day=0)
    rest = made.line(647_356, "BI-FAST CR BIF TRANSFER DR 014", day=9)
    assert made.sure() == {(first, order), (rest, order)}


def test_a_round_sum_weeks_later_is_not_the_rest() -> None:
    """Who paid all but the shipping, and a stranger's thirty thousand five weeks later."""
    made = shop()
    order = made.order("10001", "Budi Santoso", 147_000, code=356)
    short = made.line(117_356, "TRSF E-BANKING CR BUDI SANTOSO", day=1)
    later = made.line(30_000, "BI-FAST CR BIF TRANSFER DR 014", day=36)
    assert (later, order) not in made.sure()
    assert {link.order for link in made.match() if made.lines.ids[link.line] == short}


def test_who_orders_again_pays_the_second() -> None:
    made = shop()
    made.order("10001", "Budi Santoso", 147_000, day=0)
    second = made.order("10002", "Budi Santoso", 147_000, day=2)
    line = made.line(147_000, "TRSF E-BANKING CR 0301/FTSCY/WS95051 147000.00 BUDI SANTOSO", day=2)
    assert made.asked(line)[:1] == [second] or (line, second) in made.sure()


def test_the_code_of_another_paid_order_of_the_buyer() -> None:
    """He paid one of his orders twice: the second time is not an odd amount for the other."""
    made = shop()
    paid = made.order("10001", "Budi Santoso", 314_000, code=196, day=1)
    other = made.order("10002", "Budi Santoso", 314_000, code=475, day=0)
    made.line(314_196, "TRSF E-BANKING CR INV 10001 BUDI SANTOSO", day=1)
    again = made.line(314_196, "TRF DARI BUDI SANTOSO", day=3)
    assert (again, other) not in made.sure()
    assert (again, paid) not in made.sure()


def test_an_amount_glued_to_the_message() -> None:
    made = shop()
    order = made.order("14154", "Budi Santoso", 725_000)
    made.order("14155", "Budi Santoso", 725_000)
    line = made.line(725_000, "TRSF E-BANKING CR 0201/FTSCY/WS95051        725000.0014154              BUDI SANTOSO")
    assert made.sure() == {(line, order)}


def test_the_day_of_sending() -> None:
    booked = START + 11  # 12 January 2026, a Monday
    assert days_under_way("TRSF E-BANKING CR 1001/FTSCY/WS95051 50000.00", booked) == 2
    assert days_under_way("TRSF E-BANKING CR 1201/FTSCY/WS95051 50000.00", booked) == 0
    assert days_under_way("TRSF E-BANKING CR 0501/FTSCY/WS95051 50000.00", booked) == 0
    assert days_under_way("ORD/12345", booked) == 0


def test_interest_is_no_payment_and_bunga_is_a_name() -> None:
    told = {text: is_interest(text) for text in ("BUNGA", "JASA GIRO", "TRSF E-BANKING CR BUNGA", "", "KREDIT")}
    assert [text for text, is_it in told.items() if is_it] == ["BUNGA", "JASA GIRO"]


def test_one_word_for_the_lines_of_a_payer() -> None:
    assert payer_of("TRSF E-BANKING CR 0601/FTSCY/WS95051 1799720.00MT2026 MIDTRANS PT") == "MIDTRANS"
    assert payer_of("BUDI SANTOSO") == ""


def test_rates_stay_as_shipped_without_cases_and_follow_many() -> None:
    said = Parameters()
    nothing = np.zeros(0, dtype=np.int64)
    none = np.zeros(0)
    empty = learnt(said, 0, nothing, nothing, nothing, none, none, none.astype(bool))
    assert abs(empty.paid - said.paid) < 1e-9
    many = 5_000
    ones = np.ones(many, dtype=np.int64)
    seen = learnt(
        said, 10_000, ones, ones * EXACT, ones * NAME_OTHER, np.ones(many), np.zeros(many), np.zeros(many, dtype=bool)
    )
    assert 0.49 < seen.paid < 0.52
    assert seen.noise < 0.001
    assert seen.names[NAME_OTHER] > 0.9
    assert seen.log_lag.argmax() == 1 + 2
    assert len(seen.log_kinds) == len(KINDS)
    assert shipped(said).log_odds > 0


def test_who_paid_for_a_buyer_once_is_known_the_next_time() -> None:
    """Eko Utomo paid Budi's order by its unique code; his second payment fits two orders of one price."""
    made = shop()
    for number, name in (("80001", "Eko Lestari"), ("80002", "Rina Utomo")):
        made.order(number, name, 59_000, day=12)
    first = made.order("10001", "Budi Santoso", 147_000, code=356)
    second = made.order("10002", "Budi Santoso", 250_000, day=9)
    other = made.order("10003", "Siti Aminah", 250_000, day=9)
    known = made.line(147_356, "TRSF E-BANKING CR EKO UTOMO", day=1)
    line = made.line(250_000, "TRSF E-BANKING CR EKO UTOMO", day=10)
    chances = {made.orders.ids[x.order]: x.posterior for x in made.match() if made.lines.ids[x.line] == line}
    assert (known, first) in made.sure()
    assert chances[second] > 0.9
    assert chances.get(other, 0.0) < 0.1


def test_a_masked_name_tells_two_buyers_apart() -> None:
    made = shop()
    mine = made.order("10001", "Venny Kurniawan", 250_000)
    made.order("10002", "Rina Wulandari", 250_000)
    line = made.line(250_000, "TRSF E-BANKING CR 0101/FTSCY/WS95051 250000.00 V***NY K***AN")
    assert made.sure() == {(line, mine)}
    assert fits_masks("VENNY KURNIAWAN", masks("V***nny Ku****an"))
    assert not fits_masks("VERA KURNIAWAN", masks("V***nny Ku****an"))
    assert masks("VENNY KURNIAWAN") == []


@pytest.mark.parametrize("turned", [False, True])
def test_a_basket_that_names_one_of_its_orders(turned: bool) -> None:
    """Whichever stands first in the file."""
    made = shop()
    rows = [("18555", 613_000, 211), ("18556", 75_000, 724)]
    orders = [
        made.order(number, "Rejeki Tunggal", total, code=code)
        for number, total, code in (reversed(rows) if turned else rows)
    ]
    line = made.line(688_000, "Transfer BI-Fast dari BNI - 0056565417 - ZAHRA SUSANTO INV-18555", day=1)
    assert made.sure() == {(line, order) for order in orders}
