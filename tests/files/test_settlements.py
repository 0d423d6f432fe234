"""Settlement files: read, proven, refused with their place, merged, and read by `selaras match`."""

from __future__ import annotations

import copy
import csv
import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.files import settlement_values as values
from selaras.files.claims import Unreadable, read_settlements
from selaras.files.settlements import Batch, merged, read_settlement, write_settlements
from selaras.model.claims import FINE, OrderColumns
from tests.files import settlement_samples as samples
from tests.files.settlement_samples import Rows, as_csv, as_xlsx

DAY = dt.date(2026, 11, 20)


def plain(*parts: object) -> tuple[object, ...]:
    """Values side by side, to be compared with plain ones."""
    return parts


def one(path: Path, **more: Any) -> Batch:
    (batch,) = read_settlement(path, **more).batches
    return batch


def told(batch: Batch) -> list[tuple[Any, ...]]:
    return [(r.kind, r.order_reference, int(r.gross), int(r.fee), int(r.net)) for r in batch.rows]


# -- each of them -----------------------------------------------------------------------------------------------------


def test_midtrans(tmp_path: Path) -> None:
    """A plug-in's second try is the order's own number; a chargeback is written as a refund without a sign."""
    batch = one(as_csv(tmp_path / "penarikan.csv", samples.MIDTRANS))
    assert (batch.gateway, batch.name, batch.settled_on, batch.currency) == ("midtrans", "WD-77", DAY, "IDR")
    assert told(batch) == [
        ("payment", "1001", 100_000, 4_440, 95_560), ("payment", "1002", 250_000, 1_750, 248_250),
        ("refund", "1001", -30_000, 0, -30_000), ("chargeback", "0999", -50_000, 0, -50_000),
    ]  # fmt: skip
    assert plain(batch.gross, batch.fee, batch.net) == (270_000, 6_190, 263_810)


def test_midtrans_without_the_columns_that_came_later(tmp_path: Path) -> None:
    """Columns were added at the end and in between; a file without net, batch and day takes them from the caller."""
    rows = [[*row[:3], *row[4:6]] for row in samples.MIDTRANS[:3]]
    batch = one(as_csv(tmp_path / "wd-2026-11.csv", rows), settled_on=DAY)
    assert plain(batch.name, batch.net) == ("wd-2026-11", 343_810)
    assert one(tmp_path / "wd-2026-11.csv", settled_on=DAY, batch="WD-1").name == "WD-1"
    with pytest.raises(Unreadable, match=r"wd-2026-11.csv, line 2: .*--settled-on"):
        one(tmp_path / "wd-2026-11.csv")


def test_xendit_transactions(tmp_path: Path) -> None:
    """Instants in UTC fall on Jakarta's day; what is pending, failed or a withdrawal is left out and counted."""
    found = read_settlement(as_csv(tmp_path / "x.csv", samples.XENDIT))
    (batch,) = found.batches
    assert (batch.gateway, batch.name, batch.settled_on) == ("xendit", "XENDIT-20261120", DAY)
    assert told(batch) == [
        ("payment", "INV-1", 100_000, 5_550, 94_450), ("payment", "INV-2", 50_000, 389, 49_611),
        ("refund", "INV-2", -20_000, 0, -20_000),
    ]  # fmt: skip
    assert batch.rows[0].fee_tax == 550
    assert found.left_out == {"FAILED": 1, "Pending": 1, "WITHDRAWAL": 1}


def test_xendit_first_version_of_the_report(tmp_path: Path) -> None:
    names = {"Total Fee": "Fee", "Total VAT": "VAT", "Actual Settlement Time": "Timestamp - Settled"}
    rows: Rows = [[names.get(str(c), c) for c in samples.XENDIT[0]], *samples.XENDIT[1:]]
    assert one(as_csv(tmp_path / "x.csv", rows)).net == 124_061


def test_xendit_withdrawals_are_proven_by_their_ledger(tmp_path: Path) -> None:
    """Payment, fee and VAT are lines; the batch comes to the sum that was withdrawn."""
    found = read_settlement(as_csv(tmp_path / "b.csv", samples.BALANCE))
    (batch,) = found.batches
    assert batch.name == "XENDIT-20261120"
    assert batch.net == 52_950
    assert ("payment", "INV-1", 100_000, 5_550, 94_450) in told(batch)
    assert ("refund", "INV-0", -30_000, 0, -30_000) in told(batch)
    assert ("adjustment", "gaji", -10_000, 2_500, -12_500) in told(batch)
    assert ("fee", "INV-1", 0, -1_000, 1_000) in told(batch)
    assert found.left_out == {"WITHDRAWAL": 1}


def test_doku_with_amounts_as_people_write_them_and_a_line_of_totals(tmp_path: Path) -> None:
    batch = one(as_csv(tmp_path / "d.csv", samples.DOKU, delimiter=";", encoding="utf-8-sig"))
    assert plain(batch.gateway, batch.name, batch.net) == ("doku", "B-1", 1_594_783)
    assert [row.fee for row in batch.rows] == [4_440, 777]


def test_shopee_with_its_corrections(tmp_path: Path) -> None:
    """The header stands in the fourth line; parts add up; money back and corrections are rows of their own."""
    path = as_xlsx(tmp_path / "Income.xlsx", {"Ringkasan": [["apa saja"]], "Income": samples.SHOPEE,
                                              "Penyesuaian": samples.SHOPEE_CORRECTIONS})  # fmt: skip
    batch = one(path)
    assert (batch.gateway, batch.name) == ("shopee", "SHOPEE-20261120")
    assert told(batch) == [
        ("payment", "2611180001", 175_000, 19_975, 155_025), ("payment", "2611180002", 100_000, 1_250, 98_750),
        ("refund", "2611180002", -100_000, 0, -100_000), ("adjustment", "2611100009", 45_000, 0, 45_000),
        ("adjustment", "2611100010", -3_000, 0, -3_000),
    ]  # fmt: skip


def test_tiktok_and_tokopedia(tmp_path: Path) -> None:
    batch = one(as_xlsx(tmp_path / "income.xlsx", {"Order details": samples.TIKTOK, "Reports": [["Type", "Amount"]]}))
    assert plain(batch.gateway, batch.name, batch.net) == ("tiktok", "TIKTOK-20261120", 136_500)
    assert told(batch) == [
        ("payment", "580001", 100_000, 7_250, 92_750), ("payment", "580002", 80_000, 1_250, 78_750),
        ("refund", "580002", -50_000, 0, -50_000), ("adjustment", "580000", 15_000, 0, 15_000),
    ]  # fmt: skip


def test_a_courier_who_collected_cash_is_a_channel(tmp_path: Path) -> None:
    """Cash on delivery is the courier's until the courier pays."""
    batch = one(as_csv(tmp_path / "cod.csv", samples.COURIER))
    assert plain(batch.gateway, batch.name, batch.net) == ("courier", "TRF-9", 199_005)
    assert told(batch)[0] == ("payment", "1001", 150_000, 15_330, 134_670)
    assert batch.rows[0].id == "JX001"


# -- what does not add up ---------------------------------------------------------------------------------------------

CELLS = [
    (samples.MIDTRANS, 1, "Net Amount", "95561.00", "line 2, column 'Net Amount'"),
    (samples.MIDTRANS, 1, "Amount", "seratus ribu", "line 2, column 'Amount'"),
    (samples.MIDTRANS, 3, "Completed Date", "kemarin", "line 4, column 'Completed Date'"),
    (samples.MIDTRANS, 2, "Order ID", "", "line 3, column 'Order ID'"),
    (samples.XENDIT, 2, "Total VAT", "40", "line 3, column 'Net Amount'"),
    (samples.XENDIT, 1, "Currency", "QQQ", "line 2, column 'Currency'"),
    (samples.BALANCE, 2, "Line Type", "CASHBACK", "line 3, column 'Line Type'"),
    (samples.BALANCE, 1, "Debit or Credit", "", "line 2, column 'Debit or Credit'"),
    (samples.DOKU, 3, "Settlement Amount", "Rp 1.594.784", "line 4, column 'Settlement Amount'"),
    (samples.TIKTOK, 1, "Total Fees", "-7251", "line 2, column 'Total settlement amount'"),
    (samples.TIKTOK, 2, "Refund subtotal after seller discounts", "50000", "line 3, column 'Refund subtotal"),
    (samples.SHOPEE, 4, "Biaya Layanan", -7001, "line 5, column 'Total Penghasilan'"),
    (samples.TIKTOK, 1, "Order/adjustment ID", "5.78912E+17", "line 2, column 'Order/adjustment ID'"),
    (samples.SHOPEE, 4, "Premi", "1.2.3", "line 5, column 'Premi'"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "line", "name", "value", "place"), CELLS)
def test_a_wrong_cell_is_refused_by_file_line_and_column(
    tmp_path: Path, rows: Rows, line: int, name: str, value: object, place: str
) -> None:
    wrong = copy.deepcopy(rows)
    header = next(row for row in wrong if name in [str(cell).strip() for cell in row])
    wrong[line][[str(cell).strip() for cell in header].index(name)] = value
    with pytest.raises(Unreadable) as caught:
        read_settlement(as_csv(tmp_path / "berkas.csv", wrong))
    assert str(caught.value).startswith(f"berkas.csv, {place}")


def test_a_column_that_nobody_knows_must_add_up_too(tmp_path: Path) -> None:
    """A new fee of the marketplace is a fee by its name; a new part of another name counts as well."""
    for name, fee in (("Biaya Program Baru", True), ("Subsidi Baru", False)):
        rows = copy.deepcopy(samples.SHOPEE)
        place = rows[3].index("Premi")
        rows[3].insert(place, name)
        rows[4].insert(place, -1000)
        rows[5].insert(place, 0)
        rows[4][place + 2] = 154_025
        found = one(as_csv(tmp_path / "s.csv", rows))
        assert (found.rows[0].fee == 20_975, found.rows[0].gross == 174_000) == (fee, not fee)
        rows[4][place + 2] = 155_025
        with pytest.raises(Unreadable, match="Total Penghasilan"):
            one(as_csv(tmp_path / "s.csv", rows))


@pytest.mark.parametrize(("raw", "why"), [
    (b"", "none of its first"), (b"a,b,c\n1,2,3\n", "none of its first"), (b"\x00\x01", "not a text table"),
    (b"Order ID,Amount,Fee\n\xff\xff,1,1\n", "not UTF-8"), (b'Order ID,Amount,Fee\n"1,1,1\n', "not CSV"),
    (b"\xd0\xcf\x11\xe0", "password"), (b"PK\x03\x04rest", "XLSX"), (b"Order ID,Amount,Fee\n", "no settled payment"),
])  # fmt: skip
def test_what_is_no_settlement_file(tmp_path: Path, raw: bytes, why: str) -> None:
    path = tmp_path / "berkas.csv"
    path.write_bytes(raw)
    with pytest.raises(Unreadable, match=why):
        read_settlement(path)


def test_two_currencies_are_no_batch(tmp_path: Path) -> None:
    rows = copy.deepcopy(samples.XENDIT)
    rows[2][5] = "PHP"
    with pytest.raises(Unreadable, match="two currencies"):
        read_settlement(as_csv(tmp_path / "x.csv", rows))


def test_utf_16_and_other_delimiters(tmp_path: Path) -> None:
    for delimiter in ",;\t|":
        path = as_csv(tmp_path / "m.csv", samples.MIDTRANS, delimiter=delimiter, encoding="utf-16")
        assert one(path).net == 263_810


# -- merged -----------------------------------------------------------------------------------------------------------


def test_merged_and_read_by_match(tmp_path: Path) -> None:
    files = [
        as_csv(tmp_path / "m.csv", samples.MIDTRANS), as_csv(tmp_path / "x.csv", samples.XENDIT),
        as_xlsx(tmp_path / "t.xlsx", {"Order details": samples.TIKTOK}),
    ]  # fmt: skip
    out = tmp_path / "settlements.csv"
    count = write_settlements(out, merged(read_settlement(path) for path in files))
    found = read_settlements(out, OrderColumns())
    assert len(found) == count == 11
    assert sum(found.net) == (263_810 + 124_061 + 136_500) * FINE
    assert [g - f - n for g, f, n in zip(found.gross, found.fee, found.net, strict=True)] == [0] * count
    with open(out, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["gateway", "batch", "settled_on", "order_reference", "gross", "fee", "net"]
    by_sign = {row["order_reference"].startswith("REFUND ") for row in rows if Decimal(row["gross"]) < 0}
    assert by_sign == {True}
    assert {row["order_reference"] for row in rows if " " in row["order_reference"]} == {
        "REFUND 1001", "REFUND 0999", "REFUND INV-2", "REFUND 580002", "ADJUSTMENT 580000",
    }  # fmt: skip


def test_files_that_overlap_count_once_and_true_twins_twice(tmp_path: Path) -> None:
    twins = [*samples.MIDTRANS, samples.MIDTRANS[3]]  # two refunds of the same amount
    first = read_settlement(as_csv(tmp_path / "1.csv", samples.MIDTRANS[:3]))
    second = read_settlement(as_csv(tmp_path / "2.csv", twins))
    for order in ([first, second], [second, first], [first, second, second]):
        (batch,) = merged(order)
        assert batch.net == 263_810 - 30_000
        assert sum(row.kind == "refund" for row in batch.rows) == 2


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    batches = merged([read_settlement(as_csv(tmp_path / "m.csv", samples.MIDTRANS))])
    out = tmp_path / "nowhere" / "settlements.csv"
    with pytest.raises(OSError, match="nowhere"):
        write_settlements(out, batches)
    assert not list(tmp_path.glob("**/*.part"))


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "value"), [
    ("1500000", "1500000"), ("1.500.000", "1500000"), ("1,500,000.00", "1500000"), ("Rp 1.500", "1500"),
    ("Rp1.500,50", "1500.5"), ("-Rp 250", "-250"), ("(250)", "-250"), ("250-", "-250"), ("", "0"), ("-", "0"),
    ("4.440", "4440"), ("0.7", "0.7"), ("-1,250", "-1250"), ("IDR 99.223", "99223"), ("38.77", "38.77"),
    ("12,5", "12.5"), ("1 500 000", "1500000"), ("+5", "5"),
])  # fmt: skip
def test_amounts(text: str, value: str) -> None:
    assert values.amount(text) == Decimal(value)


@pytest.mark.parametrize("text", ["x", "1.2.3", "1,50,000", "1.5e3", "1.234,567", "38.7755", "--1", "1..0", "٣", "NaN"])
def test_no_amounts(text: str) -> None:
    with pytest.raises(ValueError):
        values.amount(text)


@given(st.integers(-(10**12), 10**12), st.sampled_from([".", ","]), st.booleans())
def test_every_rupiah_amount_is_read_as_it_was_meant(number: int, mark: str, decimals: bool) -> None:
    grouped = f"{number:,}".replace(",", "#")
    text = grouped.replace("#", mark) + ({".": ",", ",": "."}[mark] + "00" if decimals else "")
    assert values.amount(text) == number


@pytest.mark.parametrize(("text", "zone", "day"), [
    ("2026-11-20", "", "2026-11-20"), ("2026/11/20", "", "2026-11-20"), ("20/11/2026 23:59", "", "2026-11-20"),
    ("20 Nov 2026", "", "2026-11-20"), ("20 Desember 2026", "", "2026-12-20"), ("20-Agu-2026", "", "2026-08-20"),
    ("2026-11-20T18:30:00Z", "", "2026-11-21"), ("2026-11-20T18:30:00.123+07:00", "", "2026-11-20"),
    ("2026-11-20 18:30:00", "+0000 UTC", "2026-11-21"), ("2026-11-20 18:30:00", "+0700 WIB", "2026-11-20"),
])  # fmt: skip
def test_days(text: str, zone: str, day: str) -> None:
    assert values.day(text, zone) == dt.date.fromisoformat(day)


@pytest.mark.parametrize("text", ["", "20261120", "31/02/2026", "11/20/2026", "kemarin", "2026-11-20 25:00"])
def test_no_days(text: str) -> None:
    with pytest.raises(ValueError):
        values.day(text)
