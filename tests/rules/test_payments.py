"""Certain matches only: whole tokens, exact amounts, both sides once, whatever the order of the rows."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from selaras.model.document import BankTransaction
from selaras.model.order import Order
from selaras.model.party import Buyer
from selaras.rules.payments import match_bank

NOW = dt.datetime(2018, 9, 13, tzinfo=dt.UTC)


def order(number: str, total: int, name: str = "Budi Santoso") -> Order:
    return Order(f"id{number}", number, "IDR", Decimal(total), NOW, NOW, buyer=Buyer(name))


def line(key: str, amount: int, text: str) -> BankTransaction:
    return BankTransaction(key, NOW.date(), Decimal(amount), "IDR", text)


def test_number_and_amount_are_certain() -> None:
    (decision,) = match_bank(
        [line("t", 50000, "TRSF E-BANKING CR BUDI 1001")], [order("1001", 50000), order("1002", 50000)]
    )
    assert decision.order_id == "id1001"


def test_a_number_inside_another_number_is_none() -> None:
    (decision,) = match_bank([line("t", 50000, "CR 110012 SITI")], [order("1001", 50000)])
    assert (decision.order_id, decision.candidates) == ("", ("id1001",))


def test_the_number_with_another_amount_is_asked_and_says_both() -> None:
    (decision,) = match_bank([line("t", 49000, "ORDER 1001 BUDI")], [order("1001", 50000)])
    assert decision.order_id == ""
    assert "50000" in decision.reasons[0]
    assert "49000" in decision.reasons[0]


def test_a_number_with_a_dash() -> None:
    (decision,) = match_bank([line("t", 50000, "INV/A-17/X")], [order("A-17", 50000)])
    assert decision.order_id == "idA-17"


def test_the_amount_alone_needs_the_name_and_to_be_the_only_one() -> None:
    orders = [order("1001", 50123), order("1002", 60000, "Siti")]
    (named,) = match_bank([line("t", 50123, "TRSF BUDI SANTOSO")], orders)
    assert named.order_id == "id1001"
    (unnamed,) = match_bank([line("t", 50123, "SETORAN TUNAI")], orders)
    assert unnamed.order_id == ""
    twice = match_bank([line("t", 50123, "BUDI"), line("u", 50123, "BUDI")], orders)
    assert [d.order_id for d in twice] == ["", ""]
    (tie,) = match_bank([line("t", 50123, "BUDI")], [*orders, order("1003", 50123, "Budi")])
    assert tie.candidates == ("id1001", "id1003")


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 6)), max_size=8), st.integers(0, 5), st.randoms())
def test_the_answer_does_not_depend_on_the_order_of_rows(
    rows: list[tuple[int, int]], count: int, rng: random.Random
) -> None:
    orders = [order(str(1000 + n), 1000 * (1 + n % 3), ["Budi", "Siti"][n % 2]) for n in range(count)]
    lines = [line(f"t{i}", 1000 * a, f"TRSF {1000 + n} {'BUDI' if n % 2 else ''}") for i, (a, n) in enumerate(rows)]
    straight = {d.transaction_id: d for d in match_bank(lines, orders)}
    rng.shuffle(lines)
    rng.shuffle(orders)
    assert {d.transaction_id: d for d in match_bank(lines, orders)} == straight
    chosen = [d.order_id for d in straight.values() if d.order_id]
    assert len(chosen) == len(set(chosen))
