"""No two open bills ever have the same sum: against a naive model, and with two processes at once."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from selaras.ledger import Ledger, open_ledger
from selaras.ledger.errors import ConstraintBroken, LedgerError
from selaras.rules.unique_amounts import AmountRules, choose
from selaras.sync.unique_amount_accounts import set_amount_account
from selaras.sync.unique_amounts import release_amount, renew_amount, reserve_amount, unique_amounts
from tests.ledger.amounts import HOUR, a_reservation, an_account
from tests.ledger.tools import NOW, TestSealer, start_python

BILLS = st.sampled_from(["A-1", "A-2", "A-3", "A-4", "A-5", "A-6"])
# Totals so near each other that they fight for the same sums, with so few codes that the pool is often full.
TOTALS = st.integers(100, 103)
CODES = range(1, 5)
HOURS, GRACE = 2, 3


class Held(msgspec.Struct):
    """One reservation, as the model remembers it."""

    bill: str
    total: int
    payable: int
    expires_at: int
    free_at: int
    outcome: str = ""


class AmountMachine(RuleBasedStateMachine):
    """Random shops on the real ledger, and beside it a list of who was promised which sum until when."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.ledger = ledger
        self.now = NOW
        self.rows: list[Held] = []
        with ledger.transaction():
            ledger.db.run("DELETE FROM unique_amount")
        set_amount_account(
            ledger, "bca", "IDR", NOW, "ani", low=CODES[0], high=CODES[-1], share=100, hours=HOURS, grace_hours=GRACE
        )

    def held(self) -> list[Held]:
        return [row for row in self.rows if row.free_at > self.now]

    def newest(self, bill: str) -> Held | None:
        mine = [row for row in self.rows if row.bill == bill]
        return mine[-1] if mine else None

    @rule(bill=BILLS, total=TOTALS)
    def reserve(self, bill: str, total: int) -> None:
        before = self.newest(bill)
        until = self.now + HOURS * HOUR
        if before is not None and before.free_at > self.now and before.outcome != "cancelled":
            if before.total == total:
                if not before.outcome and before.expires_at <= self.now:
                    before.expires_at, before.free_at = until, until + GRACE * HOUR
                got = reserve_amount(self.ledger, "bca", bill, total, self.now, "ani")
                assert int(got.payable) == before.payable
                assert got.state == (before.outcome or "open")
                return
            if not before.outcome:
                with pytest.raises(LedgerError, match=f"for a total of {before.total} IDR, not {total}"):
                    reserve_amount(self.ledger, "bca", bill, total, self.now, "ani")
                return
        taken = {row.payable for row in self.held()}
        free = {total + code for code in CODES} - taken
        if not free:
            with pytest.raises(LedgerError, match=r"Account bca has no free amount left .* 4 bills hold all"):
                reserve_amount(self.ledger, "bca", bill, total, self.now, "ani")
            return
        got = reserve_amount(self.ledger, "bca", bill, total, self.now, "ani")
        assert got.payable in free
        self.rows.append(Held(bill, total, int(got.payable), until, until + GRACE * HOUR))

    @rule(bill=BILLS)
    def renew(self, bill: str) -> None:
        before = self.newest(bill)
        if before is None or before.outcome or before.free_at <= self.now:
            with pytest.raises(LedgerError):
                renew_amount(self.ledger, "bca", bill, self.now)
            return
        until = max(before.expires_at, self.now + HOURS * HOUR)
        before.expires_at, before.free_at = until, until + GRACE * HOUR
        assert renew_amount(self.ledger, "bca", bill, self.now).payable == before.payable

    @rule(bill=BILLS, paid=st.booleans(), at_once=st.sampled_from([False, False, True]))
    def release(self, bill: str, paid: bool, at_once: bool) -> None:
        before = self.newest(bill)
        if before is None:
            with pytest.raises(LedgerError, match="has no unique amount"):
                release_amount(self.ledger, "bca", bill, self.now, paid=paid, at_once=at_once)
            return
        outcome = "paid" if paid else "cancelled"
        if before.free_at > self.now and (at_once or before.outcome != outcome):
            before.outcome = outcome
            before.free_at = self.now + (0 if at_once else GRACE * HOUR)
        got = release_amount(self.ledger, "bca", bill, self.now, paid=paid, at_once=at_once)
        assert got.payable == before.payable
        assert (got.state == "released") == (before.free_at <= self.now)

    @rule(hours=st.integers(1, 4))
    def wait(self, hours: int) -> None:
        self.now += hours * HOUR

    @invariant()
    def what_is_held_is_what_was_promised_and_no_sum_is_twice(self) -> None:
        found = unique_amounts(self.ledger, self.now)
        sums = Counter(one.payable for one in found)
        assert not [payable for payable, bills in sums.items() if bills > 1]
        assert sorted((one.reference, int(one.payable)) for one in found) == sorted(
            (row.bill, row.payable) for row in self.held()
        )
        for one in found:
            (row,) = [row for row in self.held() if (row.bill, row.payable) == (one.reference, int(one.payable))]
            assert one.state == (row.outcome or ("open" if self.now < row.expires_at else "expired"))


def test_the_allocator_does_what_a_naive_model_does(ledger: Ledger) -> None:
    class Machine(AmountMachine):
        def __init__(self) -> None:
            super().__init__(ledger)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


# -- two processes -----------------------------------------------------------------------------------------------------

SHOP = """
import json, sys, time
from pathlib import Path
from selaras.ledger import lock, open_ledger
from selaras.ledger.errors import DataDirectoryInUse, LedgerError
from selaras.sync.unique_amounts import reserve_amount
from tests.ledger.tools import NOW, TestSealer

where, shop, count, how = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
place = where if where.startswith("postgresql://") else Path(where)
if how == "beside":  # SQLite beside another writer: the lock of the directory would not let it
    lock.DirectoryLock.acquire = lambda self: None

def open_when_free():
    while True:
        try:
            return open_ledger(place, TestSealer())
        except DataDirectoryInUse:
            time.sleep(0.01)

ledger = None if how == "in_turn" else open_when_free()
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    if how == "in_turn":
        ledger = open_when_free()
    bill, total = (f"{number}", 147000) if how == "same_bills" else (f"{shop}-{number}", 147000 + 500 * (number % 3))
    try:
        got = reserve_amount(ledger, "bca", bill, total, NOW, shop)
        print(json.dumps([got.reference, int(got.payable), got.by_whom]), flush=True)
    except LedgerError as error:
        print(json.dumps([bill, 0, error.message]), flush=True)
    if how == "in_turn":
        ledger.close()
if how != "in_turn":
    ledger.close()
"""


def two_shops(where: Path | str, count: int, how: str) -> tuple[list[list[Any]], list[list[Any]]]:
    """Two processes that reserve at the same time: what each was told (bill, payable or 0, who or why not)."""
    shops = [start_python(SHOP, str(where), name, str(count), how) for name in ("ani", "budi")]
    try:
        for shop in shops:
            assert shop.stdout is not None
            assert shop.stdout.readline() == "ready\n", shop.stderr and shop.stderr.read()
        for shop in shops:
            assert shop.stdin is not None
            shop.stdin.write("go\n")
            shop.stdin.flush()
        told = [[json.loads(line) for line in finished(shop).splitlines()] for shop in shops]
    finally:
        for shop in shops:
            shop.kill()
    assert [len(one) for one in told] == [count, count]
    return told[0], told[1]


def finished(shop: subprocess.Popen[str]) -> str:
    out, err = shop.communicate(timeout=120)
    assert shop.returncode == 0, err
    return out


def prepared(where: Path | str, high: int = 999) -> Path | str:
    ledger = open_ledger(where, TestSealer())
    set_amount_account(ledger, "bca", "IDR", NOW, "ani", high=high)
    ledger.close()
    return where


def all_apart(where: Path | str, told: list[list[Any]]) -> None:
    """Every bill has a sum, no sum is twice, and the ledger says the same."""
    assert not [one for one in told if not one[1]], told
    assert len({payable for _, payable, _ in told}) == len(told)
    ledger = open_ledger(where, TestSealer())
    try:
        assert {(one.reference, int(one.payable)) for one in unique_amounts(ledger, NOW)} == {
            (bill, payable) for bill, payable, _ in told
        }
    finally:
        ledger.close()


def test_two_processes_on_postgresql(pg_where: str) -> None:
    ani, budi = two_shops(prepared(pg_where), 60, "at_once")
    all_apart(pg_where, ani + budi)


def test_two_processes_that_take_turns_on_a_data_directory(tmp_path: Path) -> None:
    ani, budi = two_shops(prepared(tmp_path / "data"), 10, "in_turn")
    all_apart(tmp_path / "data", ani + budi)


def test_two_processes_that_break_into_one_data_directory(tmp_path: Path) -> None:
    """Even without the lock of the directory the database keeps sums apart."""
    ani, budi = two_shops(prepared(tmp_path / "data"), 40, "beside")
    all_apart(tmp_path / "data", ani + budi)


def test_two_processes_that_ask_for_the_same_bills(pg_where: str) -> None:
    """A store that asks twice, through two workers, gets one sum for each bill."""
    ani, budi = two_shops(prepared(pg_where), 40, "same_bills")
    assert ani == budi
    assert len({payable for _, payable, _ in ani}) == 40


@pytest.mark.parametrize("high", [1, 7])
def test_the_last_sums_go_to_one_bill_each(pg_where: str, high: int) -> None:
    told = [one for shop in two_shops(prepared(pg_where, high), 30, "at_once") for one in shop]
    given = [payable for _, payable, _ in told if payable]
    assert len(set(given)) == len(given) == 3 * high  # three prices, far enough apart
    refused = [why for _, payable, why in told if not payable]
    assert len(refused) == 60 - 3 * high
    assert all("Account bca has no free amount left" in why for why in refused)


def test_without_the_lock_the_constraint_refuses_the_second(pg_where: str) -> None:
    """Two workers that both read before either wrote choose the same sum; one of them is refused by the database."""
    first, second = open_ledger(pg_where, TestSealer()), open_ledger(pg_where, TestSealer())
    first.unique_amounts.keep_account(an_account())

    def chosen(ledger: Ledger) -> int:
        sums = ledger.unique_amounts.sums("bca", "", "IDR", 147_000, 147_999)
        return choose(AmountRules(), 147_000, sums, "bca", "IDR").payable

    def late() -> None:
        with second.transaction():
            payable = chosen(second)
            assert payable == 147_001  # what the first one wrote is not committed yet
            second.unique_amounts.add(a_reservation("1002", payable))

    try:
        with ThreadPoolExecutor(1) as threads:
            with first.transaction():
                payable = chosen(first)
                first.unique_amounts.add(a_reservation("1001", payable))
                work = threads.submit(late)
                while not first.db.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
                    assert not work.done(), work.exception()
            with pytest.raises(ConstraintBroken):
                work.result(timeout=60)
        assert [one.reference for one in first.unique_amounts.find()] == ["1001"]
    finally:
        first.close()
        second.close()


def test_who_comes_second_waits_for_the_first(pg_where: str) -> None:
    """With the lock nobody is refused: the second reads only when the first has written."""
    prepared(pg_where)
    first, second = open_ledger(pg_where, TestSealer()), open_ledger(pg_where, TestSealer())
    try:
        with ThreadPoolExecutor(1) as threads:
            with first.transaction():
                first.unique_amounts.lock("bca", "IDR")
                first.unique_amounts.add(a_reservation("1001", 147_001))
                work = threads.submit(reserve_amount, second, "bca", "1002", 147_000, NOW, "budi")
                while not first.db.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
                    assert not work.done(), work.exception()
            assert work.result(timeout=60).payable == 147_002
    finally:
        first.close()
        second.close()
