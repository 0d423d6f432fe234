"""Files that lie in done/ and are not what they were: they can be read no longer, or changed while they were taken."""

from __future__ import annotations

import datetime as dt
import os
from decimal import Decimal
from pathlib import Path

import pytest

from selaras.connectors.contract import Transient
from selaras.connectors.kit.checks import drained
from selaras.connectors.places import LocalPlace
from selaras.files.layouts import Layout, to_toml
from selaras.sandbox.bank import bca_csv
from tests.connectors.feeds import BEGIN, StatementsRig
from tests.connectors.statements.test_statements import DAY, KIND, Desk

LAYOUT = Layout("kas", ("date: Hari", "description: Teks", "amount: Rupiah", "balance: Sisa"), signed=True)
ROWS = b"Hari;Teks;Rupiah;Sisa\n2026-11-02;DARI BUDI;150000;150000\n"
MORE = b"Hari;Teks;Rupiah;Sisa\n2026-11-03;DARI ANI;70000;220000\n"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_a_taken_file_that_can_be_read_no_longer_is_told_and_never_takes_its_lines_away(desk: Desk) -> None:
    """The layout of one's own is gone after a start: what the file holds is not known, which is not "gone"."""
    (desk.root / "layouts").mkdir()
    (desk.root / "layouts" / "kas.toml").write_text(to_toml(LAYOUT))
    desk.drop("kas.csv", ROWS)
    seen, _cursor = await drained(desk.feed, KIND, "")
    (desk.root / "layouts" / "kas.toml").unlink()
    desk.feed = desk.connector()
    with pytest.raises(Transient, match=r"done/000001-kas\.csv") as caught:
        await desk.feed.read(KIND, [seen[0].id])
    assert caught.value.cure
    assert "kas.csv" in (await desk.refused()).message
    assert await desk.poll() == []


async def test_what_an_unreadable_file_holds_is_told_once_it_can_be_read(desk: Desk) -> None:
    """The cursor has passed the file meanwhile; with the layout mended its lines come all the same, also at once."""
    (desk.root / "layouts").mkdir()
    (desk.root / "done").mkdir()
    (desk.root / "done" / "000001-kas.csv").write_bytes(ROWS)
    bank = StatementsRig(desk.root)
    bank.bank.transfer(Decimal(5), "BUNGA", BEGIN + dt.timedelta(days=9))
    desk.drop("b.csv", bca_csv(bank.bank, DAY + dt.timedelta(days=9)))
    assert "kas.csv" in (await desk.refused()).message
    assert [line.amount for line in await desk.poll()] == [5]
    cursor = desk.cursor
    (desk.root / "layouts" / "kas.toml").write_text(to_toml(LAYOUT))
    assert 150_000 in [line.amount for line in await desk.poll()]
    assert await desk.poll() == []
    desk.feed, desk.cursor = desk.connector(), cursor
    assert 150_000 in [line.amount for line in await desk.poll()]
    assert await desk.poll() == []


async def test_a_file_that_is_written_into_while_it_is_taken_loses_no_line(desk: Desk) -> None:
    """Between the reading of a file and its move a program of the bank puts a newer one into its place."""
    bank = StatementsRig(desk.root)
    bank.bank.transfer(Decimal(150_000), "DARI BUDI", BEGIN)
    desk.drop("bank.csv", bca_csv(bank.bank, DAY))
    bank.bank.transfer(Decimal(70_000), "DARI ANI", BEGIN + dt.timedelta(hours=1))
    newer = bca_csv(bank.bank, DAY)

    class Busy(LocalPlace):
        async def move(self, path: str, target: str) -> bool:
            if path.startswith("in/"):
                (self.root / path).write_bytes(newer)
            return await super().move(path, target)

    desk.feed.place = desk.feed.inbox.place = Busy(desk.root)
    lines = [*await desk.poll(), *await desk.poll()]
    assert [line.amount for line in lines] == [150_000, 70_000]
    assert await desk.poll() == []


@pytest.mark.parametrize(
    "name", [b"mutasi \xe9.csv", b"b" * 251 + b".csv", "é".encode() * 125 + b".csv"], ids=["latin-1", "long", "wide"]
)
async def test_a_name_that_is_no_text_or_too_long_holds_nothing_up(desk: Desk, name: bytes) -> None:
    """Shares of other systems bring names that are no UTF-8; a number in front makes others too long for the disk."""
    bank = StatementsRig(desk.root)
    bank.bank.transfer(Decimal(150_000), "DARI BUDI", BEGIN)
    (Path(os.fsdecode(os.fsencode(desk.root / "in") + b"/" + name))).write_bytes(bca_csv(bank.bank, DAY))
    assert [line.amount for line in await desk.poll()] == [150_000]
    desk.feed = desk.connector()
    assert await desk.poll() == []
    (Path(os.fsdecode(os.fsencode(desk.root / "in") + b"/" + name))).write_bytes(b"nothing to see\n")
    assert (await desk.refused()).message.isprintable()
    assert len(desk.names("refused")) == 2
    assert (await desk.connector().check()).findings
