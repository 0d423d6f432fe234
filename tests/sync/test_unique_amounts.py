"""What stores and people ask of unique amounts, and what they are told when it cannot be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from selaras.ledger import Ledger, open_ledger
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import MICROSECOND
from selaras.rules.plan_types import Policy
from selaras.sync.hub import Pair
from selaras.sync.installation import set_pairs
from selaras.sync.sentences import spoken
from selaras.sync.unique_amount_accounts import amount_accounts, set_amount_account
from selaras.sync.unique_amounts import UniqueAmount, release_amount, renew_amount, reserve_amount, unique_amounts
from tests.speaking import speaking
from tests.sync.target import Plain

HOUR = 3600 * MICROSECOND
NOW = 1_767_225_600 * MICROSECOND


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "data", Plain())
    set_amount_account(opened, "bca", "IDR", NOW, "ani")
    yield opened
    opened.close()


def reserve(ledger: Ledger, reference: str, total: str | int = 147_000, *, at: int = NOW, **more: Any) -> UniqueAmount:
    return reserve_amount(ledger, more.pop("account", "bca"), reference, total, at, "ani", **more)


def test_a_reserved_amount_says_everything(ledger: Ledger) -> None:
    got = reserve(ledger, "INV/1001", "147000.00", store="toko")
    assert got == UniqueAmount(
        "bca", "", "IDR", "toko", "INV/1001", "INV/1001-12", Decimal(147_000), Decimal(1), Decimal(147_001), "open", "",
        dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
        dt.datetime(2026, 1, 9, tzinfo=dt.UTC), "ani",
    )  # fmt: skip


def test_asked_again_it_is_the_same(ledger: Ledger) -> None:
    first = reserve(ledger, "1001")
    assert reserve(ledger, " 1001 ", "147000.00", at=NOW + HOUR) == first
    assert reserve(ledger, "1002").payable == 147_002
    assert len(unique_amounts(ledger, NOW)) == 2


def test_an_expired_bill_opens_again_with_its_amount(ledger: Ledger) -> None:
    first = reserve(ledger, "1001")
    late = NOW + 100 * HOUR
    assert unique_amounts(ledger, late)[0].state == "expired"
    again = reserve(ledger, "1001", at=late)
    assert (again.payable, again.state) == (first.payable, "open")
    assert again.expires_at == first.expires_at + dt.timedelta(hours=100)


def test_after_grace_a_bill_gets_its_amount_back_if_nobody_has_it(ledger: Ledger) -> None:
    first = reserve(ledger, "1001")
    reserve(ledger, "1002")
    late = NOW + 200 * HOUR
    assert reserve(ledger, "1001", at=late).payable == first.payable
    assert reserve(ledger, "1003", at=late).payable == 147_003, "1002's amount is the last to be handed out again"


def test_a_paid_bill_stays_paid_until_more_is_asked_of_it(ledger: Ledger) -> None:
    first = reserve(ledger, "1001")
    paid = release_amount(ledger, "bca", "1001", NOW + HOUR, paid=True)
    assert (paid.state, paid.outcome) == ("paid", "paid")
    assert reserve(ledger, "1001", at=NOW + 2 * HOUR) == paid
    assert reserve(ledger, "1001", 20_000, at=NOW + 2 * HOUR).payable == 20_001
    assert reserve(ledger, "1002", at=NOW + 2 * HOUR).payable != first.payable


def test_a_late_payment_of_a_cancelled_bill_counts(ledger: Ledger) -> None:
    reserve(ledger, "1001")
    cancelled = release_amount(ledger, "bca", "1001", NOW)
    assert release_amount(ledger, "bca", "1001", NOW + HOUR) == cancelled
    paid = release_amount(ledger, "bca", "1001", NOW + HOUR, paid=True)
    assert (paid.state, paid.free_at - cancelled.free_at) == ("paid", dt.timedelta(hours=1))


def test_released_twice_is_released(ledger: Ledger) -> None:
    reserve(ledger, "1001")
    first = release_amount(ledger, "bca", "1001", NOW, at_once=True)
    assert (first.state, first.outcome) == ("released", "cancelled")
    assert release_amount(ledger, "bca", "1001", NOW + HOUR, at_once=True) == first
    assert release_amount(ledger, "bca", "1001", NOW + HOUR, paid=True) == first


def test_renewing_never_shortens(ledger: Ledger) -> None:
    first = reserve(ledger, "1001", hours=48)
    assert renew_amount(ledger, "bca", "1001", NOW, hours=1).expires_at == first.expires_at
    assert renew_amount(ledger, "bca", "1001", NOW, hours=72).expires_at == first.expires_at + dt.timedelta(hours=24)


def test_each_virtual_account_is_an_account_of_its_own(ledger: Ledger) -> None:
    set_amount_account(ledger, "bca-va", "IDR", NOW, "ani", low=0)
    one = reserve(ledger, "1001", account="bca-va", virtual_account="8808 0812-3456 7890")
    two = reserve(ledger, "1002", account="bca-va", virtual_account="88080812 34567891")
    three = reserve(ledger, "1003", account="bca-va", virtual_account="8808081234567891")
    assert [one.payable, two.payable, three.payable] == [147_000, 147_000, 147_001]
    assert [one.virtual_account, two.virtual_account] == ["8808081234567890", "8808081234567891"]


def test_two_stores_may_have_the_same_number(ledger: Ledger) -> None:
    set_pairs(ledger, [Pair("toko", "buku", Policy()), Pair("lapak", "buku", Policy())])
    with pytest.raises(LedgerError, match=r"several stores.* lapak, toko"):
        reserve(ledger, "1001")
    sums = {reserve(ledger, "1001", store=store).payable for store in ("toko", "lapak")}
    assert len(sums) == 2


def test_the_only_store_is_meant(ledger: Ledger) -> None:
    set_pairs(ledger, [Pair("toko", "buku", Policy())])
    assert reserve(ledger, "1001").store == "toko"
    assert reserve(ledger, "1001", store="toko").payable == 147_001


def test_an_account_is_one_however_it_is_written(ledger: Ledger) -> None:
    assert reserve(ledger, "1001", account=" BCA ").account == "bca"
    assert reserve(ledger, "1002", account="ＢＣＡ").payable == 147_002
    set_amount_account(ledger, "Bca", "idr", NOW, "ani", high=5, direction="subtract", grace_hours=0)
    (one,) = amount_accounts(ledger, NOW)
    assert (one.low, one.high, one.direction, one.hours, one.grace_hours, one.open, one.held) == (
        1, 5, "subtract", 24, 0, 2, 2,
    )  # fmt: skip
    assert reserve(ledger, "1003").code == -1


def test_codes_that_are_taken_off_are_apart_too(ledger: Ledger) -> None:
    set_amount_account(ledger, "bca", "IDR", NOW, "ani", low=0, high=3, direction="subtract")
    sums = [reserve(ledger, f"{number}", 147_000 + number % 2).payable for number in range(5)]
    assert sums == [147_000, 147_001, 146_999, 146_998, 146_997]
    with pytest.raises(LedgerError, match=r"4 bills hold all of 146997 to 147000"):
        reserve(ledger, "5")


def test_currencies_are_apart(ledger: Ledger) -> None:
    set_amount_account(ledger, "bca", "USD", NOW, "ani")
    with pytest.raises(LedgerError, match=r"takes several currencies.*IDR, USD"):
        reserve(ledger, "1001")
    got = reserve(ledger, "1001", "12.50", currency="usd")
    assert (got.code, got.payable) == (Decimal("0.01"), Decimal("12.51"))
    assert [one.currency for one in unique_amounts(ledger, NOW, amount="12.51")] == ["USD"]
    assert reserve(ledger, "1001", currency="IDR").payable == 147_001


def test_who_holds_what_was_paid(ledger: Ledger) -> None:
    for number in range(3):
        reserve(ledger, f"INV-{number}", store="toko")

    def of(**by: Any) -> list[str]:
        return [one.reference for one in unique_amounts(ledger, NOW, **by)]

    assert of(amount="147002") == of(amount="147002.00", currency="IDR") == ["INV-1"]
    assert of(reference="INV-2") == ["INV-2"]
    assert of(reference=unique_amounts(ledger, NOW)[0].printed.lower()) == ["INV-2"]
    assert of(account="bca", store="toko", limit=2) == ["INV-2", "INV-1"]
    assert of(amount="147009") == of(store="lapak") == of(reference="INV-9") == of(amount="147002.50") == []
    later = NOW + 192 * HOUR
    assert unique_amounts(ledger, later) == []
    assert {one.state for one in unique_amounts(ledger, later, everything=True)} == {"released"}


BAD: list[tuple[str, Callable[[Ledger], object]]] = [
    ("Account bri hands out no unique amounts. Accounts that do: bca.", lambda at: reserve(at, "1", account="bri")),
    ("' ' is no name of an account", lambda at: reserve(at, "1", account=" ")),
    ("'a b' is no name of an account", lambda at: set_amount_account(at, "a b", "IDR", NOW, "ani")),
    ("'RUPIAH' is no currency", lambda at: set_amount_account(at, "bri", "RUPIAH", NOW, "ani")),
    ("The range 9-3 is no range", lambda at: set_amount_account(at, "bri", "IDR", NOW, "ani", low=9, high=3)),
    ("not 0 %", lambda at: set_amount_account(at, "bri", "IDR", NOW, "ani", share=0)),
    ("open for 0 hours", lambda at: set_amount_account(at, "bri", "IDR", NOW, "ani", hours=0)),
    ("rest for -1 hours", lambda at: set_amount_account(at, "bri", "IDR", NOW, "ani", grace_hours=-1)),
    ("in USD. It does in IDR.", lambda at: reserve(at, "1", currency="USD")),
    ("'# ' is no reference", lambda at: reserve(at, "# ")),
    ("is no reference", lambda at: reserve(at, "1" * 101)),
    ("is no reference", lambda at: reserve(at, "1\x00")),
    ("is no name of a store", lambda at: reserve(at, "1", store="s" * 101)),
    ("is no number of a virtual account", lambda at: reserve(at, "1", virtual_account="BCA 8808")),
    ("is no number of a virtual account", lambda at: reserve(at, "1", virtual_account="8" * 33)),
    ("open for 8761 hours", lambda at: reserve(at, "1", hours=8761)),
    ("open for 0 hours", lambda at: reserve(at, "1", hours=0)),
    ("'0' is no amount", lambda at: reserve(at, "1", 0)),
    ("'-5' is no amount", lambda at: reserve(at, "1", -5)),
    ("'Rp 5' is no amount", lambda at: reserve(at, "1", "Rp 5")),
    ("'1e9' is no amount", lambda at: reserve(at, "1", "1e9")),
    ("'NaN' is no amount", lambda at: reserve(at, "1", "NaN")),
    ("'1_000' is no amount", lambda at: reserve(at, "1", "1_000")),
    ("'1.500.000' is no amount", lambda at: reserve(at, "1", "1.500.000")),
    ("'1000000000000000' is no amount", lambda at: reserve(at, "1", 10**15)),
    ("'150.000' can be read in two ways", lambda at: reserve(at, "1", "150.000")),
    ("150.50 has more decimals than IDR has", lambda at: reserve(at, "1", "150.50")),
    ("A total of 10 IDR is too small for a code of account bca", lambda at: reserve(at, "1", 10)),
    ("for a total of 147000 IDR, not 148000. Release it", lambda at: (reserve(at, "1"), reserve(at, "1", 148_000))),
    ("another virtual account", lambda at: (reserve(at, "1"), reserve(at, "1", virtual_account="8"))),
    ("Bill 7 has no unique amount of account bca", lambda at: release_amount(at, "bca", "7", NOW)),
    ("Bill 7 has no unique amount of account bca", lambda at: renew_amount(at, "bca", "7", NOW)),
    (
        "Bill 1 holds no amount any more: it came free on 2026-01-09 00:00 UTC",
        lambda at: (reserve(at, "1"), renew_amount(at, "bca", "1", NOW + 192 * HOUR)),
    ),
    (
        "Bill 1 is paid; its amount cannot be renewed",
        lambda at: (
            reserve(at, "1"),
            release_amount(at, "bca", "1", NOW, paid=True),
            renew_amount(at, "bca", "1", NOW),
        ),
    ),
    ("bri hands out no unique amounts", lambda at: unique_amounts(at, NOW, account="bri")),
    ("'x' is no amount", lambda at: unique_amounts(at, NOW, amount="x")),
    ("'147.001' can be read in two ways", lambda at: unique_amounts(at, NOW, amount="147.001")),
]


@pytest.mark.parametrize(("said", "act"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_bad_input_is_one_clear_sentence(ledger: Ledger, said: str, act: Callable[[Ledger], object]) -> None:
    with pytest.raises(LedgerError) as caught:
        act(ledger)
    assert said in str(caught.value)
    assert caught.value.cure
    with speaking("en"):
        assert spoken(caught.value.message) == caught.value.message
        assert spoken(caught.value.cure) == caught.value.cure


def test_a_refusal_changes_nothing(ledger: Ledger) -> None:
    first, account = reserve(ledger, "1001"), amount_accounts(ledger, NOW)
    for act in (
        lambda: reserve(ledger, "1001", 1_000, at=NOW + 30 * HOUR),
        lambda: reserve(ledger, "1001", virtual_account="8", at=NOW + 30 * HOUR),
        lambda: reserve(ledger, "1002", 10),
        lambda: renew_amount(ledger, "bca", "1001", NOW, hours=0),
        lambda: set_amount_account(ledger, "bca", "IDR", NOW, "ani", hours=5, grace_hours=-1),
    ):
        with pytest.raises(LedgerError):
            act()
    assert unique_amounts(ledger, NOW) == [first]
    assert amount_accounts(ledger, NOW) == account


def test_a_full_pool_is_refused_and_heals(ledger: Ledger) -> None:
    set_amount_account(ledger, "bca", "IDR", NOW, "ani", high=2)
    reserve(ledger, "1001")
    reserve(ledger, "1002")
    with pytest.raises(LedgerError, match="Account bca has no free amount left for a total of 147000 IDR: 2 bills"):
        reserve(ledger, "1003")
    assert reserve(ledger, "1003", 146_999).payable == 147_000, "a neighbour's pool still has a sum"
    release_amount(ledger, "bca", "1001", NOW, at_once=True)
    assert reserve(ledger, "1004").payable == 147_001


def test_nothing_is_known_yet(tmp_path: Path) -> None:
    opened = open_ledger(tmp_path / "data", Plain())
    with pytest.raises(LedgerError, match="Add it: `selaras unique-amount account bca`"):
        reserve(opened, "1001")
    assert amount_accounts(opened, NOW) == []
    assert unique_amounts(opened, NOW) == unique_amounts(opened, NOW, amount="5") == []
    opened.close()
