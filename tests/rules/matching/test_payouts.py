"""Payouts of gateways and marketplaces, with their report and without."""

from __future__ import annotations

from tests.rules.matching.shop import Shop

TEXT = "KR OTOMATIS NTRF@0000 035@BCA26100500001 @AFR PaymentGateway"


def a_week(method: str, fee: int, *, days: int = 8, each: int = 5) -> tuple[Shop, dict[int, list[str]]]:
    """Orders of some days, each day paid out on the next; `fee` for each order."""
    made, by_day = Shop(), dict[int, list[str]]()
    for day in range(days):
        net = 0
        for at in range(each + day % 3):
            gross = 50_000 + 1_370 * (day * 10 + at)
            by_day.setdefault(day, []).append(
                made.order(f"{day}{at:04d}", f"Orang {at}", gross, day=day, method=method)
            )
            net += gross - fee
        made.line(net, TEXT, day=day + 1, id=f"p{day}")
    return made, by_day


def test_a_report_is_joined() -> None:
    made = Shop()
    orders = [made.order(f"3000{at}", "Siapa Saja", 50_000 + at, method="gw_va") for at in range(3)]
    for at, _ in enumerate(orders):
        made.settled("B1", f"INV-3000{at}", 50_000 + at, 4_440, day=1)
    made.settled("B1", "REFUND INV-30000", -10_000, 0, day=1)
    line = made.line(150_003 - 3 * 4_440 - 10_000, TEXT, day=1)
    assert made.sure(report=True) == {(line, order) for order in orders}


def test_two_batches_in_one_line() -> None:
    made = Shop()
    orders = [made.order(f"3000{at}", "Siapa Saja", 50_000 + at, method="gw_va") for at in range(4)]
    for at in range(4):
        made.settled(f"B{at // 2}", f"INV-3000{at}", 50_000 + at, 4_440, day=1 + at // 2)
    line = made.line(200_006 - 4 * 4_440, TEXT, day=2)
    assert made.sure(report=True) == {(line, order) for order in orders}


def test_the_fee_of_each_order_is_learnt() -> None:
    made, by_day = a_week("gw_va", 4_440)
    assert made.sure() == {(f"p{day}", order) for day, orders in by_day.items() for order in orders}


def test_a_rate_is_learnt_with_its_rounding() -> None:
    made = Shop()
    expected = set()
    for day in range(8):
        net = 0
        for at in range(6):
            gross = 50_333 + 1_377 * (day * 10 + at)
            expected.add((f"p{day}", made.order(f"{day}{at:04d}", "Orang", gross, day=day, method="gw_qris")))
            net += gross - (gross * 7 + 500) // 1000
        made.line(net, TEXT, day=day + 2, id=f"p{day}")
    assert made.sure() == expected


def test_an_order_that_was_held_back_comes_with_the_next() -> None:
    made, by_day = a_week("gw_va", 4_440)
    held = made.orders.ids.index(by_day[3][1])
    net = made.orders.due[held] - 444_000
    at = {line: row for row, line in enumerate(made.lines.ids)}
    made.lines.amount[at["p3"]] -= net
    made.lines.amount[at["p4"]] += net
    sure = made.sure()
    assert ("p3", by_day[3][1]) not in sure
    assert ("p4", by_day[3][1]) in sure
    assert {("p3", order) for order in by_day[3] if order != by_day[3][1]} <= sure


def test_a_gross_that_the_bank_tells() -> None:
    """A card batch with a fee of its own each day: gross and fee stand in the text."""
    made = Shop()
    first = [made.order(f"1000{at}", "Orang", 100_000 + at, method="gw_qris") for at in range(3)]
    line = made.line(298_003, "KR OTOMATIS TANGGAL :01/01 MID : 0008850 TOKO QR  : 300003.00 DDR: 2000.00", day=1)
    made.order("20000", "Orang", 77_000, day=1, method="gw_qris")
    assert made.sure() == {(line, order) for order in first}


def test_what_does_not_come_out_is_not_made_to() -> None:
    made, _ = a_week("gw_va", 4_440)
    at = made.lines.ids.index("p3")
    made.lines.amount[at] -= 123_456 * 100
    assert not [pair for pair in made.sure() if pair[0] == "p3"]


def test_what_was_never_captured_is_not_paid_out() -> None:
    made, by_day = a_week("gw_va", 4_440)
    for day in range(8):
        made.order(f"9{day}000", "Tidak Bayar", 77_000 + day, day=day, method="gw_va")
        made.orders.captured[-1] = 0
    assert made.sure() == {(f"p{day}", order) for day, orders in by_day.items() for order in orders}


def test_a_rate_with_a_flat_fee_is_learnt() -> None:
    """A marketplace: 6.5 % of each order and Rp 1,250, beside lines of a gateway."""
    made, expected = Shop(), set()
    for day in range(12):
        net = 0
        for at in range(4 + day % 3):
            gross = 48_500 + 13_500 * ((day * 7 + at * 5) % 17)
            expected.add((f"p{day}", made.order(f"{day:02d}{at:03d}", "Orang", gross, day=day, method="market")))
            net += gross - (gross * 65 + 500) // 1000 - 1_250
        made.line(net, TEXT, day=day + 1, id=f"p{day}")
        made.line(777_777 + day, TEXT, day=day + 1, id=f"q{day}")
    assert made.sure() == expected


def test_a_refund_of_an_earlier_order_shortens_a_payout() -> None:
    made, by_day = a_week("gw_va", 4_440)
    refunded = made.orders.due[made.orders.ids.index(by_day[2][0])]
    made.lines.amount[made.lines.ids.index("p5")] -= refunded
    assert {("p5", order) for order in by_day[5]} <= made.sure()


def test_nothing_is_carried_in_before_it_was_captured() -> None:
    made, by_day = a_week("gw_va", 4_440)
    later = made.orders.ids.index(by_day[6][0])
    made.lines.amount[made.lines.ids.index("p3")] += made.orders.due[later] - 444_000
    assert ("p3", by_day[6][0]) not in made.sure()
