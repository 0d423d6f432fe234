"""A bank's and a gateway's folder, connected by flags, checked, and read by the engine without being in any pair."""

from __future__ import annotations

import asyncio
import datetime as dt
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from selaras.engine.service import Service
from selaras.files.refusal import EXPORT_AGAIN
from selaras.i18n import gettext
from selaras.model.document import BankTransaction
from selaras.model.settlement import Payout
from selaras.sandbox.bank import BankAccount, Collected, bca_csv, midtrans_csv, mt940, net_of
from selaras.sync.installation import open_installation, running_hub, schedules_of
from selaras.sync.sentences import spoken
from tests.cli.install import House
from tests.speaking import speaking

JAKARTA = ZoneInfo("Asia/Jakarta")
DAY = dt.date(2026, 11, 20)


class Feeds(House):
    """An installation with nothing but the two feeds."""

    def __init__(self, root: Path) -> None:
        super().__init__(root / "data", SimpleNamespace(), SimpleNamespace())
        self.bank, self.reports = root / "bank", root / "midtrans"
        for folder in (self.bank, self.reports):
            (folder / "in").mkdir(parents=True)
        self.account = BankAccount("0350000001", opening=Decimal(1_000_000))

    def connect_both(self) -> tuple[Any, Any]:
        bank = self.json(
            "connect", "statements", "--name", "bca", "--set", f"folder={self.bank}", "--set", "account=1-1102",
            "--set", "quiet=0",
        )  # fmt: skip
        reports = self.json(
            "connect", "settlements", "--name", "pg", "--set", f"folder={self.reports}", "--set", "quiet=0"
        )
        return bank, reports

    def read(self, bank: int, payouts: Decimal) -> None:
        """Let the real engine read until the ledger has so many bank lines, and payouts of this sum."""
        asyncio.run(self._read(bank, payouts))

    async def _read(self, bank: int, payouts: Decimal) -> None:
        ledger = open_installation(self.data)
        async with running_hub(ledger) as hub:
            service = Service(hub, schedules_of(ledger))
            await service.start()
            try:
                async with asyncio.timeout(120):
                    while True:
                        lines = len(ledger.records.all("bca", "bank_transaction"))
                        rows = ledger.records.all("pg", "payout")
                        net = sum(msgspec.json.decode(row.body, type=Payout).net for row in rows)
                        if (lines, net) == (bank, payouts) and not service._asked:
                            return
                        await asyncio.sleep(0.05)
            finally:
                await service.stop()

    def records(self, connection: str, kind: str, type: Any) -> list[Any]:
        with_ledger = open_installation(self.data)
        try:
            return [msgspec.json.decode(row.body, type=type) for row in with_ledger.records.all(connection, kind)]
        finally:
            with_ledger.close()

    def events(self, connection: str) -> list[str]:
        with_ledger = open_installation(self.data)
        try:
            return [event[4] for event in with_ledger.connections.events() if event[1] == connection]
        finally:
            with_ledger.close()


@pytest.fixture
def feeds(tmp_path: Path) -> Feeds:
    return Feeds(tmp_path)


def test_both_are_connected_by_flags_and_checked(feeds: Feeds) -> None:
    (feeds.bank / "in" / "bca.csv").write_bytes(bca_csv(feeds.account, DAY))
    (feeds.reports / "in" / "x.csv").write_bytes(b"a,b\n1,2\n")
    done = feeds.run("connect", "statements", "--name", "bca", "--set", f"folder={feeds.bank}")
    assert done.exit_code == 2
    assert "account" in done.stderr
    bank, _ = (
        feeds.json(
            "connect", "statements", "--name", "bca", "--set", f"folder={feeds.bank}", "--set", "account=1-1102"
        ),
        feeds.json("connect", "settlements", "--name", "pg", "--set", f"folder={feeds.reports}", code=1),
    )
    assert bank["checked"]["ok"]
    said = {f["what"]: f["detail"] for f in bank["checked"]["check"]["findings"]}
    assert said["in/bca.csv"] == "0 lines, layout bca-bisnis-csv"
    listed = {one["name"]: (one["role"], one["pairs"]) for one in feeds.json("connections", "list")}
    assert listed == {"bca": ("bank", []), "pg": ("gateway", [])}
    wrong = feeds.run("connections", "check", "pg")
    assert wrong.exit_code == 1
    assert "none of its first 30 lines is the header of a settlement file" in wrong.stdout
    assert [path.name for path in (feeds.reports / "in").iterdir()] == ["x.csv"]
    assert not (feeds.reports / "done").exists()


def test_the_engine_reads_them_in_no_pair(feeds: Feeds) -> None:
    """Dropped, overlapping, wrong and corrected files, and a second process: the ledger holds what happened."""
    feeds.connect_both()
    for hour in (9, 10, 11):
        feeds.account.transfer(Decimal(150_123), "DARI BUDI 1001", dt.datetime(2026, 11, 20, hour, tzinfo=JAKARTA))
    right = bca_csv(feeds.account, DAY)
    (feeds.bank / "in" / "a.csv").write_bytes(right.replace(b"1,300,246.00", b"1,300,247.00"))
    (feeds.bank / "in" / "b.csv").write_bytes(right)
    paid = [Collected(str(1000 + n), Decimal(100_000), "qris", dt.datetime.now(JAKARTA), f"m-{n}") for n in range(3)]
    (feeds.reports / "in" / "wd.csv").write_bytes(midtrans_csv(paid[:2], DAY, "WD-1"))
    feeds.read(3, net_of(paid[:2]))
    assert len(feeds.records("bca", "bank_transaction", BankTransaction)) == 3
    assert [one.net for one in feeds.records("pg", "payout", Payout)] == [net_of(paid[:2])]
    (told,) = [text for text in feeds.events("bca") if "a.csv" in text]
    assert "read bca: a.csv, row 9, column balance: the balance is 1300247.00" in told
    with speaking("id"):
        said = spoken(told)
        assert gettext(EXPORT_AGAIN) in said
        assert "the balance is" not in said
    feeds.account.payout(net_of(paid), "midtrans", "WD-1", dt.datetime(2026, 11, 21, 8, tzinfo=JAKARTA))
    (feeds.bank / "in" / "c.sta").write_bytes(mt940(feeds.account, DAY, DAY + dt.timedelta(days=1)))
    (feeds.reports / "in" / "wd.csv").write_bytes(midtrans_csv(paid, DAY, "WD-1"))
    feeds.read(4, net_of(paid))
    lines = feeds.records("bca", "bank_transaction", BankTransaction)
    assert len(lines) == 4
    assert {line.account for line in lines} == {"1-1102"}
    (payout,) = feeds.records("pg", "payout", Payout)
    assert payout.net == net_of(paid)
    assert payout.net in [line.amount for line in lines]
    assert len(payout.rows) == 3
