"""What a line pays, case by case (reference/reconciliation.md §1.3, reference/indonesia.md §2.3 and §2.4)."""

from __future__ import annotations

import pytest

from tests.rules.matching.shop import Shop


def shop() -> Shop:
    made = Shop()
    made.crowd()
    return made


def test_the_number_and_the_amount() -> None:
    made = shop()
    order = made.order("10001", "Budi Santoso", 147_000)
    line = made.line(147_000, "TRSF E-BANKING CR 0101/FTSCY/WS95051 147000.00INV 10001 SITI AMINAH")
    assert made.sure() == {(line, order)}


def test_a_unique_code_alone() -> None:
    made = shop()
    order = made.order("10001", "Budi Santoso", 147_000, code=356)
    line = made.line(147_356, "SWITCHING CR TRANSFER")
    assert made.sure() == {(line, order)}


def test_a_round_amount_alone_is_asked() -> None:
    made = shop()
    order = made.order("10001", "Budi Santoso", 500_000)
    line = made.line(500_000, "SETORAN TUNAI")
    assert made.sure() == set()
    assert made.asked(line) == [order]


def test_a_number_inside_another_number_is_none() -> None:
    """ "14" in "1814" made 31 automatic links in somebody's books, all of them wrong."""
    made = shop()
    made.order("1814", "Budi Santoso", 147_000)
    made.line(90_000, "BAYAR 18145 RINA WULANDARI")
    assert made.match() == []


@pytest.mark.parametrize(
    ("text", "amount", "kind"),
    [
        ("TRSF E-BANKING CR BUDI SANTOSO", 147_356, "exact"),
        ("TRSF E-BANKING CR BUDI SANTOSO", 147_000, "code_forgotten"),
        ("TRSF E-BANKING CR INV 10001 BUDI SANTOSO", 144_856, "fee"),
        ("TRSF E-BANKING CR INV 10001 BUDI SANTOSO", 148_000, "rounded_up"),
        ("TRSF E-BANKING CR INV 10001 BUDI SANTOSO", 174_356, "swapped_digits"),
        ("TRSF E-BANKING CR INV 10001 BUDI SANTOSO", 120_000, "other_amount"),
        ("BI-FAST CR BIF TRANSFER DR 008 BUDI SANTOS", 147_356, "exact"),
    ],
)
def test_how_people_pay(text: str, amount: int, kind: str) -> None:
    made = shop()
    order = made.order("10001", "Budi Santoso", 147_000, code=356)
    line = made.line(amount, text, day=1)
    assert made.sure() == {(line, order)}
    assert made.kinds()[line, order] == kind


def test_a_number_that_hits_another_order_by_a_slip() -> None:
    """The name and the amount are the other order's: the number alone proves nothing."""
    made = shop()
    made.order("10001", "Rina Wulandari", 90_000)
    meant = made.order("10010", "Budi Santoso", 147_000, code=356)
    line = made.line(147_356, "TRSF E-BANKING CR INV 10001 BUDI SANTOSO", day=1)
    assert {pair for pair in made.sure() if pair != (line, meant)} == set()


def test_one_transfer_for_two_orders() -> None:
    made = shop()
    first = made.order("10001", "Budi Santoso", 147_000, code=356)
    second = made.order("10002", "Budi Santoso", 90_000, code=17)
    line = made.line(237_373, "TRSF E-BANKING CR BUDI SANTOSO", day=1)
    assert made.sure() == {(line, first), (line, second)}
    amounts = {made.orders.ids[x.order]: x.amount // 100 for x in made.match()}
    assert amounts == {first: 147_356, second: 90_017}


def test_two_transfers_for_one_order() -> None:
    made = shop()
    order = made.order("10001", "Budi Santoso", 147_000, code=356)
    one = made.line(100_000, "TRSF E-BANKING CR BUDI SANTOSO DP", day=1)
    two = made.line(47_356, "TRSF E-BANKING CR BUDI SANTOSO SISA", day=9)
    assert made.sure() == {(one, order), (two, order)}


def test_a_line_that_was_imported_twice_pays_once() -> None:
    made = shop()
    order = made.order("10001", "Budi Santoso", 147_000, code=356)
    first = made.line(147_356, "TRSF E-BANKING CR BUDI SANTOSO", day=1)
    made.line(147_356, "TRSF E-BANKING CR BUDI SANTOSO", day=1)
    assert made.sure() == {(first, order)}
    assert {made.lines.ids[x.line] for x in made.match()} == {first}


def test_an_order_that_is_paid_twice() -> None:
    made = shop()
    order = made.order("10001", "Budi Santoso", 147_000, code=356)
    first = made.line(147_356, "TRSF E-BANKING CR INV 10001 BUDI SANTOSO", day=0)
    again = made.line(147_356, "BI-FAST CR BIF TRANSFER DR 008 BUDI SANTOSO", day=6)
    assert made.sure() == {(first, order)}
    assert made.kinds()[again, order] == "double_payment"


def test_two_equal_orders_and_two_equal_payments_stay_a_tie() -> None:
    made = shop()
    orders = {made.order("10001", "Budi Santoso", 147_000), made.order("10002", "Budi Santoso", 147_000)}
    one = made.line(147_000, "TRSF E-BANKING CR BUDI SANTOSO", day=1)
    two = made.line(147_000, "BI-FAST CR BUDI SANTOSO", day=1)
    assert made.sure() == set()
    assert set(made.asked(one)) == set(made.asked(two)) == orders


def test_the_other_buyer_of_the_same_price_is_told_by_the_name() -> None:
    made = shop()
    mine = made.order("10001", "Budi Santoso", 147_000)
    made.order("10002", "Rina Wulandari", 147_000)
    line = made.line(147_000, "TRSF E-BANKING CR BUDI SANTOSO", day=1)
    assert made.sure() == {(line, mine)}


def test_another_currency_at_the_rate_that_others_paid() -> None:
    made = shop()
    orders = [made.order(f"2000{at}", f"John Smith{at}", 10_000 + 700 * at, currency="USD") for at in range(5)]
    lines = [
        made.line(round((100 + 7 * at) * 16_250 * (1 + at / 1000)), f"REMITTANCE INV-2000{at} JOHN SMITH{at}", day=2)
        for at in range(5)
    ]
    assert made.sure() == set(zip(lines, orders, strict=True))
    assert set(made.kinds().values()) == {"foreign_currency"}


def test_money_out_and_nothing_at_all() -> None:
    made = shop()
    made.order("10001", "Budi Santoso", 147_000)
    made.line(-147_000, "TRSF E-BANKING DB INV 10001 BUDI SANTOSO")
    assert made.match() == []
    assert Shop().match() == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Putu Nugroho Setiawan", "NBMB PUTU NUGROHO SETIA TO CONTOH NIAGA ELEKT"),
        ("Putu Nugroho Setiawan", "BI-FAST CR BIF TRANSFER DR 014 PUTU NUGROHO SETIA LUNAS"),
        ("CV Mandiri Indah Surya", "MCM InhouseTrf CS-CS DARI CV MANDIRI INDAH S PELUNASAN"),
        ("Wayan Santoso", "TRSF E-BANKING CR 2101/FTSCY/WS95011        250000.00                   WAYANSANTOSO"),
        ("Lisdri Sustiwi", "TRSF E-BANKING CR 2101/FTSCY/WS95011        250000.00                   LISDRISUSTIW"),
    ],
)
def test_a_name_that_the_bank_cut_or_squeezed(name: str, text: str) -> None:
    """Even where a buyer of one word shares the first one, and where more text follows."""
    made = Shop()
    order = made.order("10001", name, 250_000)
    made.order("10002", "Rina Wulandari", 250_000)
    made.order("10003", name.split()[0] if name != "CV Mandiri Indah Surya" else "Mandiri", 91_000)
    line = made.line(250_000, text)
    assert made.sure() == {(line, order)}


def test_a_number_is_quoted_without_its_zeros() -> None:
    made = Shop()
    first = made.order("001597", "Budi Santoso", 250_000)
    made.order("001598", "Rina Wulandari", 250_000)
    line = made.line(250_000, "BTANIDJA/ BAYAR 1597")
    assert made.sure() == {(line, first)}


def test_a_short_name_that_goes_on_is_another_name() -> None:
    """A buyer Nadia, and money from Nadia Niken Tjahjono, who is none of ours."""
    made = Shop()
    made.order("15673", "Nadia", 64_500, code=182)
    made.order("15674", "Niken Lestari", 99_000, code=77)
    made.line(64_500, "TRSF E-BANKING CR 0505/FTSCY/WS95031         64500.00                   NADIA NIKEN TJAHJO")
    assert made.sure() == set()
