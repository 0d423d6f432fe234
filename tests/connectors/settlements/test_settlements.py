"""Settlement files as they come: every form, a corrected report, totals that disagree, and the process that dies."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from selaras.connectors.contract import Connector, Rejected, Seen, Tools
from selaras.connectors.kit.checks import drained
from selaras.connectors.settlements import CONNECTOR, Settlements
from selaras.connectors.settlements.connector import joined
from selaras.connectors.watched import place_of
from selaras.model.settlement import Payout, SettlementRow
from selaras.sandbox.bank import Collected, fee_of, midtrans_csv, net_of, xendit_csv
from tests.connectors.feed_crash import Deadly, kept_through_deaths
from tests.connectors.feeds import BEGIN, SettlementsRig
from tests.files import settlement_samples as samples

KIND = "payout"
DAY = dt.date(2026, 11, 20)


class Desk:
    """A folder and a connector."""

    def __init__(self, root: Path, **settings: str) -> None:
        self.root = root
        (root / "in").mkdir(exist_ok=True)
        self.settings = {"folder": str(root), "quiet": "0", **settings}
        self.cursor = ""
        self.feed = self.connector()

    def connector(self) -> Settlements:
        return Settlements(self.settings, Tools("pg", "Asia/Jakarta", None, time.time))

    def drop(self, name: str, data: bytes) -> Path:
        path = self.root / "in" / name
        path.write_bytes(data)
        return path

    async def seen(self) -> list[Seen]:
        found, self.cursor = await drained(self.feed, KIND, self.cursor)
        return found

    async def poll(self) -> list[Payout]:
        return [row.record for row in await self.seen()]

    async def refused(self) -> Rejected:
        """What is told once everything else was; the cursor stays, so that `poll` tells it again."""
        with pytest.raises(Rejected) as caught:
            await drained(self.feed, KIND, self.cursor)
        return caught.value


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def paid(n: int, amount: int = 100_000, channel: str = "qris") -> Collected:
    return Collected(f"{1000 + n}", Decimal(amount), "qris" if channel == "qris" else "bank_transfer", BEGIN, f"m-{n}")


@pytest.mark.parametrize(
    ("rows", "ids", "net"),
    [
        (samples.MIDTRANS, ["midtrans:WD-77"], 263_810),
        (samples.XENDIT, ["xendit:XENDIT-20261120"], 124_061),
        (samples.BALANCE, ["xendit:XENDIT-20261120"], 52_950),
        (samples.DOKU, ["doku:B-1"], 1_594_783),
        (samples.TIKTOK, ["tiktok:TIKTOK-20261120"], 136_500),
        (samples.COURIER, ["courier:TRF-9"], 199_005),
    ],
)
async def test_each_form_becomes_payouts(desk: Desk, rows: samples.Rows, ids: list[str], net: int) -> None:
    samples.as_csv(desk.root / "in" / "report.csv", rows)
    seen = await desk.seen()
    assert [row.id for row in seen] == ids
    payout = seen[0].record
    assert [payout.net, seen[0].total, payout.difference] == [net, net, 0]
    assert sum(row.net for row in payout.rows) == net
    assert payout.gross - payout.fee == payout.net
    assert seen[0].day == DAY
    assert payout.paid_out_at.astimezone(dt.timezone(dt.timedelta(hours=7))).date() == DAY
    assert (await desk.connector().read(KIND, ids))[0].record == payout


async def test_a_workbook_of_a_marketplace(desk: Desk) -> None:
    sheets = {"Income": samples.SHOPEE, "Adjustment": samples.SHOPEE_CORRECTIONS}
    samples.as_xlsx(desk.root / "in" / "Income.xlsx", sheets)
    (payout,) = await desk.poll()
    assert payout.id == "shopee:SHOPEE-20261120"
    assert payout.net == 155_025 - 1_250 + 45_000 - 3_000


async def test_a_report_that_says_more_is_the_same_payout_in_a_new_version(desk: Desk) -> None:
    rows = [paid(n) for n in range(5)]
    desk.drop("wd.csv", midtrans_csv(rows[:3], DAY, "WD-1"))
    (first,) = await desk.seen()
    later = desk.drop("wd.csv", midtrans_csv(rows, DAY, "WD-1"))
    # The corrected file may be older on the disk; it was taken later, and the hub keeps what is newest by its time.
    os.utime(later, (1_000_000_000, 1_000_000_000))
    (second,) = await desk.seen()
    assert first.id == second.id == "midtrans:WD-1"
    assert second.updated_at > first.updated_at
    assert (first.total, second.total) == (net_of(rows[:3]), net_of(rows))
    assert len(second.record.rows) == 5
    # The first file once more, or a part of it, says nothing new.
    desk.drop("wd.csv", midtrans_csv(rows[1:3], DAY, "WD-1"))
    assert await desk.seen() == []
    # A row that is corrected counts as the later report has it.
    desk.drop("wd.csv", midtrans_csv([paid(1, 90_000)], DAY, "WD-1"))
    (third,) = await desk.poll()
    assert third.net == net_of([*rows[:1], paid(1, 90_000), *rows[2:]])
    assert len(third.rows) == 5
    again = desk.connector()
    everything, _ = await drained(again, KIND)
    assert {row.id: row.record for row in everything} == {"midtrans:WD-1": third}
    assert (await again.read(KIND, ["midtrans:WD-1"]))[0].updated_at > second.updated_at


async def test_reports_without_names_are_of_their_day_whatever_the_file_is_called(desk: Desk) -> None:
    desk.drop("laporan.csv", midtrans_csv([paid(1)], DAY))
    desk.drop("xendit.csv", xendit_csv([paid(2, 250_000, "bank_transfer"), paid(3)], DAY))
    one, two = await desk.poll()
    assert (one.id, two.id) == ("midtrans:MIDTRANS-20261120", "xendit:XENDIT-20261120")
    desk.drop("laporan.csv", midtrans_csv([paid(4)], DAY + dt.timedelta(days=1)))
    (three,) = await desk.poll()
    assert three.id == "midtrans:MIDTRANS-20261121"
    fee, tax = fee_of(Decimal(250_000), "bank_transfer")
    assert [fee, tax] == [4_000, 440]
    assert sorted(row.fee for row in two.rows) == [777, 4_440]
    assert sorted(row.fee_tax for row in two.rows) == [77, 440]


async def test_a_payout_that_its_rows_do_not_come_to_is_kept_with_the_difference(desk: Desk) -> None:
    rows = [*samples.DOKU[:-1], [*samples.DOKU[-1][:7], "Rp 1.594.000", *samples.DOKU[-1][8:]]]
    samples.as_csv(desk.root / "in" / "doku.csv", rows)
    (payout,) = await desk.poll()
    assert payout.net == 1_594_000
    assert payout.difference == 783
    assert len(payout.rows) == 2
    samples.as_csv(desk.root / "in" / "part.csv", samples.DOKU[:2])
    assert await desk.poll() == []  # a part says nothing of the sum
    samples.as_csv(desk.root / "in" / "doku.csv", samples.DOKU)
    (payout,) = await desk.poll()
    assert [payout.net, payout.difference] == [1_594_783, 0]


async def test_what_does_not_add_up_is_refused_by_line_and_the_rest_goes_on(desk: Desk) -> None:
    report = midtrans_csv([paid(1), paid(2)], DAY, "WD-1")
    desk.drop("a.csv", report.replace(b",99223,", b",99222,", 1))
    desk.drop("b.csv", b"nothing,that,is,known\n1,2,3,4\n")
    desk.drop("c.csv", midtrans_csv([paid(3)], DAY, "WD-2"))
    error = await desk.refused()
    assert (
        "a.csv, line 2, column 'Net Amount': gross 100000 − fee 777 is 99223, the file says net 99222" in error.message
    )
    assert (await desk.refused()).message.startswith(
        "b.csv: none of its first 30 lines is the header of a settlement file"
    )
    assert error.cure
    assert [payout.id for payout in await desk.poll()] == ["midtrans:WD-2"]
    check = await desk.feed.check()
    assert {f.what for f in check.findings if not f.ok} == {"refused/a.csv", "refused/b.csv"}


async def test_a_batch_keeps_its_currency(desk: Desk) -> None:
    def tiktok(currency: str) -> samples.Rows:
        return [samples.TIKTOK[0], [*samples.TIKTOK[1][:4], currency, *samples.TIKTOK[1][5:]]]

    samples.as_csv(desk.root / "in" / "a.csv", tiktok("IDR"))
    assert len(await desk.poll()) == 1
    samples.as_csv(desk.root / "in" / "b.csv", tiktok("PHP"))
    assert "is in PHP, the files before it said IDR" in (await desk.refused()).message


@pytest.mark.parametrize("after", [False, True])
async def test_a_process_killed_at_every_step(tmp_path: Path, after: bool) -> None:
    """At step 0, 1, 2 … of the reading, until one gets through: nothing is lost, and the last version stands."""
    step, deaths = 0, 1
    while deaths:
        root = tmp_path / f"{step}"
        root.mkdir()
        gateway = SettlementsRig(root)
        await gateway.happen(4)
        await gateway.spoilt()
        await gateway.happen(4)
        await gateway.again()

        def make(step: int, after: bool, root: Path = root) -> Connector:
            settings = {"folder": str(root), "quiet": "0"}
            place = Deadly(place_of(settings), step, after)
            return Settlements(settings, Tools("pg", "Asia/Jakarta", None, time.time), place)

        kept, deaths = await kept_through_deaths(make, KIND, step, after)
        assert Counter((row.day, row.total, row.currency) for row in kept) == Counter(await gateway.truth()), step
        assert not os.listdir(root / "in"), step
        step += 1
    assert step > 15


def test_rows_of_one_name_are_counted(desk: Desk) -> None:
    """Two refunds of one order in one batch are two; a later report with both says nothing new."""
    import msgspec

    from selaras.model.settlement import SettlementRow

    one = SettlementRow("refund", "1001", Decimal(-5), Decimal(0), Decimal(-5), DAY)
    two = msgspec.structs.replace(one, gross=Decimal(-7), net=Decimal(-7))
    assert joined([one, one], [one]) == (one, one)
    assert joined([one], [one, one]) == (one, one)
    assert sorted(r.net for r in joined([one, one], [one, two])) == [-7, -5]
    assert sorted(r.net for r in joined([one, one], [two])) == [-7, -5]
    assert joined([], [two, one]) == joined([two], [one, two])


def test_a_wrong_gateway_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="midtrans, xendit"):
        CONNECTOR.build({"folder": str(tmp_path), "gateway": "bca"}, Tools("pg", "Asia/Jakarta", None, time.time))


def test_a_payout_of_rows_proves_itself() -> None:
    rows = (
        SettlementRow("payment", "1", Decimal(100), Decimal(4), Decimal(96), DAY),
        SettlementRow("refund", "2", Decimal(-30), Decimal(0), Decimal(-30), DAY),
    )
    payout = Payout("p", "g", "IDR", Decimal(66), BEGIN, rows=rows)
    assert [payout.gross, payout.fee, payout.difference] == [Decimal(70), Decimal(4), Decimal(0)]
    assert all(row.difference == 0 for row in rows)
    assert msgspec.structs.replace(payout, net=Decimal(65)).difference == 1
    assert msgspec.structs.replace(payout, rows=()).difference == 0
