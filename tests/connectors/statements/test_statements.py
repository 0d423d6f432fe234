"""Statement files as they come: half-written, wrong, of another account, overlapping, and the process that dies."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from selaras.connectors.contract import Connector, Rejected, Tools, Transient
from selaras.connectors.kit.checks import drained
from selaras.connectors.statements import CONNECTOR, Statements
from selaras.connectors.watched import place_of
from selaras.files import statements
from selaras.files.layouts import to_toml
from selaras.files.refusal import Refused
from selaras.model.document import BankTransaction
from selaras.model.money import EXPONENTS
from selaras.sandbox.bank import bca_csv, mt940
from tests.connectors.feed_crash import Deadly, kept_through_deaths
from tests.connectors.feeds import ACCOUNT, BEGIN, NUMBER, StatementsRig
from tests.files import made
from tests.files.test_goldens import DATA, TRUTH

KIND = "bank_transaction"


class Desk:
    """A folder, the clock of the hub, and a connector that has read nothing yet."""

    def __init__(self, root: Path, **settings: str) -> None:
        self.root = root
        self.now = time.time()
        self.settings = {"folder": str(root), "account": ACCOUNT, "quiet": "0", **settings}
        (root / "in").mkdir(exist_ok=True)
        self.cursor = ""
        self.feed = self.connector()

    def connector(self) -> Statements:
        return Statements(self.settings, Tools("bank", "Asia/Jakarta", None, lambda: self.now))

    def drop(self, name: str, data: bytes) -> None:
        (self.root / "in" / name).write_bytes(data)

    async def poll(self) -> list[BankTransaction]:
        seen, self.cursor = await drained(self.feed, KIND, self.cursor)
        return [row.record for row in seen]

    async def refused(self) -> Rejected:
        """What is told once everything else was; the cursor stays, so that `poll` tells it again."""
        with pytest.raises(Rejected) as caught:
            await drained(self.feed, KIND, self.cursor)
        return caught.value

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.root / folder).glob("*"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def bank(tmp_path: Path) -> StatementsRig:
    return StatementsRig(tmp_path)


DAY = BEGIN.date()

SAMPLES = sorted(
    path.relative_to(DATA).as_posix() for path in DATA.rglob("*") if path.suffix in {".sta", ".xml", ".ofx", ".csv"}
)


@pytest.mark.parametrize("name", SAMPLES)
async def test_every_sample_comes_in_whole_or_is_refused_whole(tmp_path: Path, name: str) -> None:
    """What the reader proves of a file is what the feed tells; what it refuses lies in refused/ with its reason."""
    try:
        found = statements.read(DATA / name)
        refusal = ""
    except Refused as refused:
        found, refusal = (), str(refused.why % refused.params)
    number = next((one.account for one in found if one.account), "")
    if found and found[0].currency not in EXPONENTS:
        with pytest.raises(ValueError, match="currency"):
            Desk(tmp_path, currency=found[0].currency)
        return
    desk = Desk(tmp_path, currency=found[0].currency if found else "EUR", number=number)
    mine = [one for one in found if one.account in ("", number)]
    shutil.copy(DATA / name, desk.root / "in" / Path(name).name)
    if refusal:
        assert refusal in (await desk.refused()).message
        assert await desk.poll() == []
        assert len(desk.names("refused")) == 2
        assert desk.names("done") == []
        return
    lines = await desk.poll()
    # Statements of one file may tell a movement again (an interim report and the day's); none of them twice inside.
    booked = [Counter((x.day, x.amount) for x in one.lines if x.day and not x.pending) for one in mine]
    told = Counter((line.date, line.amount) for line in lines)
    assert all(not one - told for one in booked)
    assert not told - sum(booked, Counter())
    assert {line.account for line in lines} <= {ACCOUNT}
    assert len({line.id for line in lines}) == len(lines)


async def test_a_pending_row_comes_when_it_is_booked(desk: Desk) -> None:
    shutil.copy(DATA / "indonesia/bca_yearless_pend.csv", desk.root / "in")
    first = await desk.poll()
    booked = sum(not row.get("pending", False) for row in TRUTH["bca_yearless_pend.csv"]["rows"])
    assert len(first) == booked
    shutil.copy(DATA / "indonesia/bca_yearless_settled.csv", desk.root / "in")
    rest = await desk.poll()
    assert len(first) + len(rest) == TRUTH["bca_yearless_settled.csv"]["expect_total_rows"]
    assert sum(line.amount == 250_000 for line in first + rest) == 2


async def test_one_account_in_two_formats_comes_once(bank: StatementsRig, desk: Desk) -> None:
    await bank.happen(9)
    lines = await desk.poll()
    bank.drop(mt940(bank.bank, DAY, DAY + dt.timedelta(days=9)), "STATEMENT.sta")
    assert await desk.poll() == []
    await bank.happen(3)
    bank.drop(mt940(bank.bank, DAY, DAY + dt.timedelta(days=9)), "STATEMENT.sta")
    lines += await desk.poll()
    assert len(lines) == len(bank.bank.movements)
    assert sum((line.amount for line in lines), Decimal(0)) == sum(m.amount for m in bank.bank.movements)


async def test_a_half_written_file_is_waited_for(bank: StatementsRig, tmp_path: Path) -> None:
    bank.bank.transfer(Decimal(150_000), "DARI BUDI", BEGIN)
    whole = bca_csv(bank.bank, DAY)
    desk = Desk(tmp_path, quiet="10")
    for cut in (1, len(whole) // 2, whole.rindex(b"\n", 0, -1) + 1, len(whole) - 2):
        desk.drop("bank.csv", whole[:cut])
        for _ in range(3):
            assert await desk.poll() == []
            desk.now += 12
        assert list(desk.feed.inbox.waiting) == ["bank.csv"]
        assert desk.names("in") == ["bank.csv"]
    desk.drop("bank.csv", whole)
    assert await desk.poll() == []
    desk.now += 12
    assert [line.amount for line in await desk.poll()] == [150_000]


async def test_a_file_that_stays_broken_is_refused_in_the_end(bank: StatementsRig, tmp_path: Path) -> None:
    bank.bank.transfer(Decimal(150_000), "DARI BUDI", BEGIN)
    desk = Desk(tmp_path, quiet="10")
    desk.drop("bank.csv", bca_csv(bank.bank, DAY)[:-40])
    desk.drop("other.csv.part", b"x")
    desk.drop("open.csv", bca_csv(bank.bank, DAY))
    desk.drop(".~lock.open.csv#", b"")
    assert await desk.poll() == []
    desk.now += 61
    assert (await desk.refused()).code == "refused_file"
    assert desk.names("refused") == ["bank.csv", "bank.csv.refused.txt"]
    assert set(desk.feed.inbox.waiting) == {"other.csv.part", "open.csv"}


async def test_a_wrong_file_is_refused_by_row_and_the_rest_goes_on(bank: StatementsRig, desk: Desk) -> None:
    for n in range(3):
        bank.bank.transfer(Decimal(150_000 + n), "DARI BUDI", BEGIN + dt.timedelta(hours=n))
    right = bca_csv(bank.bank, DAY)
    wrong = right.replace(b"150,001.00 CR", b"150,010.00 CR")
    desk.drop("a.csv", wrong)
    desk.drop("b.pdf", b"%PDF-1.7 nothing to see")
    bank.bank.transfer(Decimal(5), "BUNGA", BEGIN + dt.timedelta(days=1))
    desk.drop("c.csv", bca_csv(bank.bank, DAY + dt.timedelta(days=1)))
    error = await desk.refused()
    assert "a.csv, row 9, column balance: the balance is 1300001.00" in error.message
    assert "b.pdf: it is a PDF" in (await desk.refused()).message
    assert error.cure == "Export this period again from the bank and do not change the file."
    report = (desk.root / "refused" / "a.csv.refused.txt").read_text()
    assert report.splitlines()[0] == error.message
    assert [line.amount for line in await desk.poll()] == [5]
    check = await desk.connector().check()
    assert {f.what for f in check.findings if not f.ok} == {"refused/a.csv", "refused/b.pdf"}
    # The same wrong file once more is told once more, and both are kept; the right one under its name comes in.
    desk.drop("a.csv", wrong)
    assert "a.csv" in (await desk.refused()).message
    desk.drop("a.csv", right)
    assert len(await desk.poll()) == 3
    assert {"a.csv", "2-a.csv"} < set(desk.names("refused"))


async def test_a_file_of_another_account_or_currency_never_comes_in(bank: StatementsRig, desk: Desk) -> None:
    other = StatementsRig(desk.root)
    other.bank.number = "7770000002"
    for one in (bank, other):
        one.bank.transfer(Decimal(150_000), "DARI BUDI", BEGIN)
    desk.drop("a.csv", bca_csv(bank.bank, DAY))
    assert len(await desk.poll()) == 1
    desk.drop("b.csv", bca_csv(other.bank, DAY))
    assert f"it is of account 7770000002, this connection is of {NUMBER}" in (await desk.refused()).message
    desk.drop("c.sta", mt940(bank.bank, DAY) + mt940(other.bank, DAY))
    assert "it holds several accounts (0350000001, 7770000002)" in (await desk.refused()).message
    other.bank.number, other.bank.currency = NUMBER, "USD"
    desk.drop("d.csv", bca_csv(other.bank, DAY))
    assert "the account is in USD, this connection in IDR" in (await desk.refused()).message
    assert await desk.poll() == []


async def test_of_several_accounts_in_a_file_one_is_chosen(bank: StatementsRig, tmp_path: Path) -> None:
    other = StatementsRig(tmp_path)
    other.bank.number = "7770000002"
    bank.bank.transfer(Decimal(100), "DARI BUDI", BEGIN)
    other.bank.transfer(Decimal(200), "DARI ANI", BEGIN)
    desk = Desk(tmp_path, number="777-000-0002")
    desk.drop("all.sta", mt940(bank.bank, DAY) + mt940(other.bank, DAY))
    assert [line.amount for line in await desk.poll()] == [200]


async def test_a_file_that_contradicts_the_ones_before_is_refused(bank: StatementsRig, desk: Desk) -> None:
    """Each is proven by itself, but between their balances money is missing."""
    for n in range(3):
        bank.bank.transfer(Decimal(150_000), f"DARI {n}", BEGIN + dt.timedelta(days=n))
    desk.drop("one.csv", bca_csv(bank.bank, DAY))
    desk.drop("two.csv", bca_csv(bank.bank, DAY + dt.timedelta(days=1)))
    assert len(await desk.poll()) == 2
    bank.bank.opening += 1
    desk.drop("three.csv", bca_csv(bank.bank, DAY + dt.timedelta(days=2)))
    assert "three.csv: between 2026-11-03 and 2026-11-04 the balance moves by 150001" in (await desk.refused()).message


async def test_layouts_of_ones_own_and_by_name(tmp_path: Path) -> None:
    from selaras.files.layouts import Layout

    mine = Layout("kas", ("date: Hari", "description: Teks", "amount: Rupiah", "balance: Sisa"), signed=True)
    rows = b"Hari;Teks;Rupiah;Sisa\n2026-11-02;DARI BUDI;150000;150000\n2026-11-02;KE ANI;-50000;100000\n"
    desk = Desk(tmp_path)
    desk.drop("kas.csv", rows)
    error = await desk.refused()
    assert error.cure == "Name the right one in the setting layout, or put a layout of your own into layouts/."
    (desk.root / "layouts").mkdir()
    (desk.root / "layouts" / "kas.toml").write_text("[[layout]]\nname = 1\n")
    desk.drop("kas.csv", rows)
    assert "layouts/kas.toml" in (await desk.refused()).message
    (desk.root / "layouts" / "kas.toml").write_text(to_toml(mine))
    desk.drop("kas.csv", rows)
    assert [line.amount for line in await desk.poll()] == [150_000, -50_000]
    named = tmp_path / "named"
    named.mkdir()
    desk = Desk(named, layout="bca-individual-csv")
    desk.drop("a.csv", made.bca_individual())
    assert len(await desk.poll()) == len(made.ROWS)
    desk.drop("b.csv", made.bca_bisnis())
    assert "the header of the layout bca-individual-csv is not in it" in (await desk.refused()).message


async def test_a_cursor_of_another_folder_begins_anew_and_a_lost_one_is_told(bank: StatementsRig, desk: Desk) -> None:
    await bank.happen(5)
    lines = await desk.poll()
    shutil.rmtree(desk.root / "done")
    desk.feed = desk.connector()
    await bank.again()
    again = await desk.poll()
    assert {line.id for line in again} == {line.id for line in lines}
    # The same name with something else in it is another file.
    (name,) = desk.names("done")
    (desk.root / "done" / name).write_bytes(bca_csv(bank.bank, DAY, DAY + dt.timedelta(days=40)))
    desk.feed = desk.connector()
    assert len(await desk.poll()) == 5
    assert await desk.poll() == []
    desk.cursor = "nonsense"
    assert len(await desk.poll()) == 5
    # A share that is not mounted is an empty folder: that is trouble, not "nothing new".
    shutil.rmtree(desk.root / "in")
    shutil.rmtree(desk.root / "done")
    with pytest.raises(Transient, match="no folder in/"):
        await desk.connector().changed(KIND, desk.cursor)
    assert not (await desk.connector().check()).ok


async def test_old_files_may_be_taken_out_of_done(bank: StatementsRig, desk: Desk) -> None:
    await bank.happen(4)
    await bank.happen(4)
    lines = await desk.poll()
    first = desk.names("done")[0]
    (desk.root / "done" / first).unlink()
    desk.feed = desk.connector()
    more = await desk.poll()
    await bank.again()
    more += await desk.poll()
    # What only the old file had told comes again under the id that it had: the hub knows it.
    assert {line.id for line in more} <= {line.id for line in lines}
    # What comes next is still the last, though there are fewer files than numbers.
    (desk.root / "done" / desk.names("done")[0]).unlink()
    await bank.happen(2)
    assert {line.id for line in await desk.poll()}.isdisjoint({line.id for line in lines})
    assert [name[:6] for name in desk.names("done")] == ["000003", "000004"]
    assert desk.names("done")[-1].endswith("export-4.csv")


@pytest.mark.parametrize("after", [False, True])
async def test_a_process_killed_at_every_step(tmp_path: Path, after: bool) -> None:
    """At step 0, 1, 2 … of the reading, until one gets through: nothing is lost, nothing twice."""
    step, deaths = 0, 1
    while deaths:
        root = tmp_path / f"{step}"
        root.mkdir()
        bank = StatementsRig(root)
        await bank.happen(8)
        await bank.spoilt()
        await bank.happen(8)
        await bank.again()

        def make(step: int, after: bool, root: Path = root) -> Connector:
            settings = {"folder": str(root), "account": ACCOUNT, "quiet": "0"}
            place = Deadly(place_of(settings), step, after)
            return Statements(settings, Tools("bank", "Asia/Jakarta", None, time.time), place)

        kept, deaths = await kept_through_deaths(make, KIND, step, after)
        assert Counter((row.day, row.total, row.currency) for row in kept) == Counter(await bank.truth()), step
        assert len({row.id for row in kept}) == len(kept), step
        assert not os.listdir(root / "in"), step
        step += 1
    assert step > 20


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"account": ""}, "account"),
        ({"folder": "relative"}, "folder"),
        ({"currency": "RUPIAH"}, "currency"),
        ({"quiet": "soon"}, "quiet"),
        ({"max_mb": "-1"}, "max_mb"),
        ({"folder": "sftp://host/x"}, "sftp"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, settings: dict[str, str], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        CONNECTOR.build(
            {"folder": str(tmp_path), "account": ACCOUNT} | settings,
            Tools("bank", "Asia/Jakarta", None, time.time),
        )


async def test_a_file_larger_than_allowed_is_refused(desk: Desk) -> None:
    desk.settings["max_mb"] = "1"
    desk.feed = desk.connector()
    desk.drop("big.csv", b"x" * (1024 * 1024 + 1) + b"\n")
    assert "big.csv: it is larger than 1 MB" in (await desk.refused()).message
    assert desk.names("in") == []
