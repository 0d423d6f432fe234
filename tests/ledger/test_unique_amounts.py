"""The constraints that make a payable sum unique, and what becomes of a reservation."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from selaras.ledger import Ledger, open_ledger
from selaras.ledger.errors import ConstraintBroken
from selaras.ledger.unique_amounts import Reservation
from tests.ledger.amounts import HOUR, a_reservation, add, an_account
from tests.ledger.tools import NOW, TestSealer


def again(ledger: Ledger, one: Reservation) -> Reservation:
    found = ledger.unique_amounts.newest(one.account, one.currency, one.store, one.reference)
    assert found is not None
    return found


def test_the_database_refuses_a_sum_that_is_held(ledger: Ledger) -> None:
    add(ledger, "1001", 147_001)
    with pytest.raises(ConstraintBroken):
        add(ledger, "1002", 147_001)
    with pytest.raises(ConstraintBroken), ledger.transaction():
        ledger.unique_amounts.add(a_reservation("1003", 147_001, total=146_900))  # another total, the same sum
    assert [one.reference for one in ledger.unique_amounts.find()] == ["1001"]


def test_elsewhere_the_same_sum_is_another_one(ledger: Ledger) -> None:
    of_bca = a_reservation("1000", 147_001)
    for place in (
        {},
        {"account": "mandiri"},
        {"currency": "USD"},
        {"virtual_account": "8808"},
        {"virtual_account": "8809"},
    ):
        with ledger.transaction():
            ledger.unique_amounts.add(msgspec.structs.replace(of_bca, reference=f"1000{place}", **place))
    with pytest.raises(ConstraintBroken), ledger.transaction():
        ledger.unique_amounts.add(a_reservation("1009", 147_001, virtual_account="8809"))
    assert len(ledger.unique_amounts.find(payable=147_001)) == 5


def test_a_bill_holds_one_sum_at_a_time(ledger: Ledger) -> None:
    add(ledger, "1001", 147_001)
    with pytest.raises(ConstraintBroken):
        add(ledger, "1001", 147_002)
    with ledger.transaction():  # another store's bill 1001 is another bill
        ledger.unique_amounts.add(msgspec.structs.replace(a_reservation("1001", 147_002), store="lapak"))


@pytest.mark.parametrize("payable", [147_009, 0, -5])
def test_a_sum_is_that_of_its_parts(ledger: Ledger, payable: int) -> None:
    wrong = msgspec.structs.replace(a_reservation("1001", 147_001), payable=payable)
    if payable <= 0:
        wrong = msgspec.structs.replace(wrong, code=payable - wrong.total)
    with pytest.raises(ConstraintBroken), ledger.transaction():
        ledger.unique_amounts.add(wrong)


def test_nothing_is_released_that_is_open(ledger: Ledger) -> None:
    add(ledger, "1001", 147_001)
    with pytest.raises(ConstraintBroken):
        ledger.db.run("UPDATE unique_amount SET released_at = 1")


def test_expiry_alone_frees_nothing_grace_does(ledger: Ledger) -> None:
    one = add(ledger, "1001", 147_001)
    sums = ledger.unique_amounts.sums
    assert ledger.unique_amounts.free_due("bca", "IDR", one.expires_at) == 0
    assert sums("bca", "", "IDR", 147_001, 147_001) == {147_001: None}
    assert ledger.unique_amounts.free_due("bca", "IDR", one.free_at - 1) == 0
    assert ledger.unique_amounts.free_due("mandiri", "IDR", one.free_at) == 0
    assert ledger.unique_amounts.free_due("bca", "IDR", one.free_at + HOUR) == 1
    found = again(ledger, one)
    assert (found.outcome, found.closed_at, found.released_at) == ("expired", one.expires_at, one.free_at)
    assert sums("bca", "", "IDR", 147_001, 147_001) == {147_001: one.free_at}
    add(ledger, "1002", 147_001, at=one.free_at + HOUR)
    assert sums("bca", "", "IDR", 147_001, 147_001) == {147_001: None}


def test_a_paid_sum_rests_and_its_outcome_stays(ledger: Ledger) -> None:
    one = add(ledger, "1001", 147_001)
    with ledger.transaction():
        paid = ledger.unique_amounts.close(one, "paid", NOW + HOUR, NOW + 3 * HOUR)
    assert again(ledger, one) == paid
    with pytest.raises(ConstraintBroken):
        add(ledger, "1002", 147_001)
    add(ledger, "1001", 147_002)  # the bill itself may have another one by now
    ledger.unique_amounts.free_due("bca", "IDR", NOW + 3 * HOUR)
    found = {row.payable: row for row in ledger.unique_amounts.find(reference="1001")}
    assert (found[147_001].outcome, found[147_001].closed_at) == ("paid", NOW + HOUR)
    assert found[147_002].closed_at is None
    add(ledger, "1002", 147_001)


def test_given_up_at_once(ledger: Ledger) -> None:
    one = add(ledger, "1001", 147_001)
    with ledger.transaction():
        assert ledger.unique_amounts.close(one, "cancelled", NOW, NOW).released_at == NOW
    add(ledger, "1002", 147_001)


def test_the_newest_of_a_sum_speaks_for_it(ledger: Ledger) -> None:
    """However long the history of a price is, as many rows are read as there are codes."""
    for turn in range(4):
        one = add(ledger, f"{turn}", 147_001, at=NOW + turn)
        with ledger.transaction():
            ledger.unique_amounts.close(one, "paid", NOW + turn, NOW + turn)
    rows = ledger.db.rows("SELECT reference FROM unique_amount WHERE successor = 0")
    assert rows == [("3",)]
    assert ledger.unique_amounts.sums("bca", "", "IDR", 147_000, 147_999) == {147_001: NOW + 3}


def test_prolonged(ledger: Ledger) -> None:
    one = add(ledger, "1001", 147_001)
    kept = ledger.unique_amounts.prolong(one, one.expires_at + HOUR, one.free_at + HOUR)
    assert again(ledger, one) == kept
    assert ledger.unique_amounts.free_due("bca", "IDR", one.free_at) == 0


def test_accounts_are_kept_changed_and_counted(ledger: Ledger) -> None:
    amounts = ledger.unique_amounts
    amounts.keep_account(an_account())
    amounts.keep_account(an_account(currency="USD"))
    changed = msgspec.structs.replace(an_account(), high=99, direction="subtract", by_whom="budi")
    amounts.keep_account(changed)
    assert amounts.accounts() == [changed, an_account(currency="USD")]
    one = add(ledger, "1001", 147_001)
    two = add(ledger, "1002", 147_002)
    with ledger.transaction():
        amounts.close(two, "paid", NOW, NOW + HOUR)
    assert amounts.counts(NOW) == {("bca", "IDR"): (1, 2)}
    assert amounts.counts(one.expires_at) == {("bca", "IDR"): (0, 1)}
    assert amounts.counts(one.free_at) == {}


def test_finding_by_what_is_known(ledger: Ledger) -> None:
    for number in range(5):
        add(ledger, f"100{number}", 147_001 + number)
    find = ledger.unique_amounts.find
    assert [one.reference for one in find(limit=2)] == ["1004", "1003"]
    assert [one.reference for one in find(payable=147_003)] == ["1002"]
    assert [one.reference for one in find(reference="1003", account="bca", store="toko", currency="IDR")] == ["1003"]
    assert find(account="mandiri") == find(store="lapak") == find(reference="7") == []
    assert len(find(held_at=NOW)) == 5
    assert find(held_at=NOW + 192 * HOUR) == []


def test_it_is_all_there_after_a_restart(where: Path | str) -> None:
    ledger = open_ledger(where, TestSealer())
    one = add(ledger, "1001", 147_001)
    ledger.close()
    ledger = open_ledger(where, TestSealer())
    try:
        assert again(ledger, one) == one
        with pytest.raises(ConstraintBroken):
            add(ledger, "1002", 147_001)
    finally:
        ledger.close()
