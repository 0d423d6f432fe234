"""Payouts without a report, of payers that differ: by the week, unknown by name, rounding in a way of their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from selaras.model.claims import FINE, LineColumns
from selaras.rules.matching.flow import explain
from selaras.rules.matching.ways import Payout
from tests.rules.matching.shop import Shop

GATEWAYS = ("LLG MIDTRANS PT", "BIF TRANSFER DR XENDIT")
UNHEARD = "KR OTOMATIS LLG-MANDIRI PT ARTA GERBANG NUSANTARA"


def price(at: int) -> int:
    """Prices as shops have them: round, many of them twice."""
    return 35_000 + 1_000 * (at * at * 7 % 389)


def by_the_day(made: Shop, days: int, method: str, fee: Callable[[int], int], text: str) -> set[tuple[str, str]]:
    """Some orders a day, each day paid on the next; returns what pays what."""
    pairs = set()
    for day in range(days):
        net = 0
        for at in range(4 + day % 3):
            gross = price(day * 11 + at * 3 + len(text))
            order = made.order(f"{method[-3]}{len(text)}{day:03d}{at}", f"Orang {at}", gross, day=day, method=method)
            pairs.add((f"{text[-4:]}{day}", order))
            net += gross - fee(gross)
        made.line(net, f"{text} {day:04d}", day=day + 1, id=f"{text[-4:]}{day}")
    return pairs


def test_who_pays_by_the_week_is_learnt_beside_those_who_pay_by_the_day() -> None:
    made = Shop()
    expected = by_the_day(made, 63, "gw_va", lambda _: 4_440, GATEWAYS[0])
    expected |= by_the_day(made, 63, "gw_qris", lambda gross: (gross * 7 + 500) // 1_000, GATEWAYS[1])
    for week in range(8):
        net = 0
        for at in range(25):
            gross = price(week * 31 + at)
            order = made.order(f"w{week}{at:02d}", "Orang", gross, day=7 * week + at % 7, method="market")
            expected.add((f"w{week}", order))
            net += gross - (gross * 65 + 500) // 1_000 - 1_250
        made.line(net, "TRSF E-BANKING CR AIRPAY INTERNATIONAL", day=7 * week + 9, id=f"w{week}")
    assert made.sure() == expected


def test_a_gateway_that_nobody_has_heard_of_is_known_by_what_it_pays() -> None:
    made = Shop()
    assert made.sure() == set()
    expected = by_the_day(made, 30, "gw_va", lambda _: 4_000, UNHEARD)
    assert made.sure() == expected


def test_a_buyer_who_comes_often_is_no_gateway() -> None:
    """A reseller's transfers name him; that some of them equal orders of a gateway's day proves nothing."""
    made = Shop()
    for day in range(30):
        made.order(f"v{day:03d}", "Siapa Saja", 150_000, day=day, method="gw_va")
        order = made.order(f"t{day:03d}", "Maju Jaya Abadi", 150_000, day=day)
        made.line(150_000, f"TRSF E-BANKING CR 0101/FTSCY/WS95051 CV MAJU JAYA ABADI INV-t{day:03d}", day=day, id=order)
    assert {order for _, order in made.sure()} <= {f"ot{day:03d}" for day in range(30)}


def test_the_same_words_about_other_sums_are_no_gateway() -> None:
    made = Shop()
    for day in range(40):
        for at in range(3):
            made.order(f"v{day:03d}{at}", "Siapa Saja", price(day * 5 + at), day=day, method="gw_va")
        made.line(1_234_567 + 891 * day * day, "SETORAN MODAL PEMILIK USAHA", day=day + 1)
    assert made.sure() == set()


def half_even(gross: int) -> int:
    fee, rest = divmod(gross * 425, 10_000)
    return fee + (rest > 5_000 or (rest == 5_000 and fee % 2 == 1)) + 1_000


def test_half_units_are_rounded_to_the_even_one() -> None:
    made = Shop()
    expected = by_the_day(made, 30, "market", half_even, "AIRPAY INTERNATION")
    assert made.sure() == expected


def test_nobody_knows_how_this_one_rounds() -> None:
    """A fee and its tax, each rounded: most sums are off by a unit or two, and still nothing else comes so near."""
    made = Shop()

    def fee(gross: int) -> int:
        return (gross * 29 + 500) // 1_000 + (0, 1, 0, -1, 1)[gross // 1_000 % 5]

    expected = by_the_day(made, 40, "gw_qris", fee, GATEWAYS[1])
    assert made.sure() == expected


@pytest.mark.parametrize("together", [True, False])
def test_a_small_set_that_comes_to_the_sum_of_a_larger_one_is_not_certain(together: bool) -> None:
    """Sixty orders at round prices: three were held back, and two others come to the same sum."""
    grosses = [40_000 + 1_000 * (at * at * 13 % 211) for at in range(120)]
    first = list(range(60))
    held = (3, 11, 29)
    pair = next((a, b) for a in first for b in first if a < b and a not in held and b not in held)
    grosses[pair[1]] = sum(grosses[at] for at in held) - grosses[pair[0]]
    gross = np.asarray(grosses, dtype=np.int64) * FINE
    missing = int(gross[list(held)].sum())
    lines = [Payout(0, 0, int(gross[:60].sum()) - missing, first, [])]
    lines.append(Payout(1, 1, int(gross[60:].sum()) + (missing if together else 0), list(range(60, 120)), first))
    chances = explain(lines, gross, gross)
    assert all(0.5 < chances[0][at] < 0.998 for at in first if at not in pair)


def test_the_order_of_the_rows_says_nothing() -> None:
    """Also where lines are sampled and their days mixed up: eighty of them, told forwards and backwards."""
    made = Shop()
    by_the_day(made, 80, "gw_va", lambda _: 4_000, UNHEARD)
    forwards = made.sure()
    assert forwards
    for name in LineColumns.__struct_fields__:
        getattr(made.lines, name).reverse()
    assert made.sure() == forwards
