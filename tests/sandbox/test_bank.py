"""The sandbox bank's exports prove themselves, and what comes out of them is what was put in."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from selaras.files import checks, statements
from selaras.files.settlements import parse
from selaras.sandbox.bank import BankAccount, Collected, bca_csv, fee_of, midtrans_csv, mt940, net_of, xendit_csv

JAKARTA = ZoneInfo("Asia/Jakarta")
DAY = dt.date(2026, 11, 20)


def at(hour: int, day: int = 20) -> dt.datetime:
    return dt.datetime(2026, 11, day, hour, tzinfo=JAKARTA)


@pytest.fixture
def account() -> BankAccount:
    account = BankAccount("0350000001", opening=Decimal("1000000.50"))
    account.transfer(Decimal(75_000), "KEMARIN", at(9, 19))
    account.transfer(Decimal(150_123), 'TRSF E-BANKING CR "BUDI", 1001', at(10))
    account.transfer(Decimal(150_123), 'TRSF E-BANKING CR "BUDI", 1001', at(9))
    account.payout(Decimal("344783"), "midtrans", "WD-1", at(13))
    account.transfer(Decimal("-6500.25"), "BIAYA TRANSFER " + "X" * 400, at(14))
    # 01:00 of the 21st in Jakarta is the 20th in UTC: the bank's day counts.
    account.transfer(Decimal(1), "BESOK", dt.datetime(2026, 11, 20, 18, tzinfo=dt.UTC))
    return account


@pytest.mark.parametrize("export", [bca_csv, mt940])
def test_a_day_is_proven_and_whole(account: BankAccount, export: object) -> None:
    assert callable(export)
    (found,) = statements.parse(export(account, DAY), "bank")
    assert found.account == "0350000001"
    assert [line.amount for line in found.lines] == [150_123, 150_123, 344_783, Decimal("-6500.25")]
    assert (found.opening, found.closing) == (Decimal("1075000.50"), Decimal("1713529.25"))
    assert "closing" in checks.check(found).proofs
    assert found.lines[2].description == "KR OTOMATIS MIDTRANS WD-1"
    (days,) = statements.parse(export(account, DAY - dt.timedelta(days=1), DAY + dt.timedelta(days=1)), "bank")
    assert len(days.lines) == len(account.movements)


@pytest.mark.parametrize("export", [bca_csv, mt940])
def test_a_day_without_movements_is_a_statement_too(export: object) -> None:
    assert callable(export)
    (found,) = statements.parse(export(BankAccount("0350000001", opening=Decimal(5)), DAY), "bank")
    assert found.lines == ()
    assert found.opening == found.closing == 5


def test_a_movement_needs_an_amount_and_a_moment(account: BankAccount) -> None:
    with pytest.raises(ValueError, match="nothing"):
        account.transfer(Decimal(0), "", at(1))
    with pytest.raises(ValueError, match="aware"):
        account.transfer(Decimal(1), "", dt.datetime(2026, 11, 20))  # noqa: DTZ001


def test_reports_are_read_to_the_rupiah(tmp_path: Path) -> None:
    paid = [
        Collected("1001", Decimal(99_999), "qris", at(9), "a"),
        Collected("1002", Decimal(250_000), "bank_transfer", at(9), "b"),
        Collected("1001", Decimal(-30_000), "qris", at(10), "c"),
    ]
    fees = [part for one in paid for part in fee_of(one.amount, one.channel)]
    assert fees == [700, 77, 4_000, 440, 0, 0]
    for name, data in (("m.csv", midtrans_csv(paid, DAY, "WD-1")), ("x.csv", xendit_csv(paid, DAY))):
        (batch,) = parse(data, name).batches
        assert batch.net == net_of(paid) == 314_782
        assert batch.fee == 5_217
        assert sum(row.fee_tax for row in batch.rows) == 517
        assert [row.kind for row in batch.rows] == ["payment", "payment", "refund"]
        assert batch.settled_on == DAY
