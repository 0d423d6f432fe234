"""Files as people make them: profiles, damaged lines, half-written and hostile files, exports that overlap."""

from __future__ import annotations

import io
import os
import time
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.connectors.contract import Seen, Tools
from selaras.connectors.files import FileBooks, FileStore
from selaras.connectors.files.parsing import Desk, faults_of, parse
from selaras.connectors.files.profiles import BadProfile, Profile, shipped, to_toml
from selaras.connectors.files.profiles import parse as parse_profile
from selaras.connectors.files.tables import Limits
from selaras.connectors.kit.checks import drained, latest
from tests.connectors.files.test_values import JAKARTA

HEAD = "No. Pesanan;Tanggal;Nama;No HP;Kode Barang;Nama Barang;Jumlah;Harga;Ongkir;Status\n"
COLUMNS = ["order_number", "placed_at", "quantity", "product_code", "unit_price"]
KINDS = ("order", "product", "stock", "contact")


def store(root: Path, clock: Any = time.time, **settings: str) -> FileStore:
    (root / "in").mkdir(parents=True, exist_ok=True)
    return FileStore({"folder": str(root), "quiet": "0", **settings}, Tools("toko", "Asia/Jakarta", None, clock))


async def orders(connector: FileStore) -> dict[str, Seen]:
    return latest((await drained(connector, "order"))[0])


async def test_a_guessed_indonesian_export(tmp_path: Path) -> None:
    connector = store(tmp_path)
    (tmp_path / "in" / "penjualan nov.csv").write_bytes(
        (
            HEAD + "INV/1;21/11/2026 10:00;José;'081234567890;KOPI;Kopi;2;Rp 75.000;9.001;Lunas\n"
            "INV/1;21/11/2026 10:00;José;'081234567890;TEH;Teh;1;12.500,00;;Lunas\n"
            "INV/2;22/11/2026;Budi;8,12E+10;TEH;Teh;1,5;12.500;;batal\n"
        ).encode("cp1252")
    )
    found = await orders(connector)
    order = found["INV/1"].record
    assert (order.total, order.status, order.buyer.phone, order.buyer.name) == (171501, "open", "081234567890", "José")
    assert order.computed_total() == order.total
    assert found["INV/1"].day.isoformat() == "2026-11-21"
    assert (found["INV/2"].record.status, found["INV/2"].record.buyer.phone) == ("cancelled", "")
    assert found["INV/2"].record.total == 18750
    report = (tmp_path / "refused" / "penjualan nov.csv.csv").read_text("utf-8-sig")
    assert '"8,12E+10"' in report
    assert report.rstrip().endswith("yes")


async def test_another_columns_sign_makes_no_thousandth_of_a_price(tmp_path: Path) -> None:
    """1.5 pieces at 75.000: seventy-five thousand or seventy-five is for a person to say."""
    connector = store(tmp_path)
    path = tmp_path / "in" / "orders.csv"
    path.write_text(HEAD + "1;21/11/2026;A;;KOPI;Kopi;1.5;75.000;;\n")
    assert "may mean thousands or decimals" in (await orders(connector))["1"].record.unreadable
    path.write_text(HEAD + "1;21/11/2026;A;;KOPI;Kopi;1,5;75.000;;\n")
    assert (await orders(connector))["1"].record.total == 112500
    path.write_text(HEAD + "1;21/11/2026;A;;KOPI;Kopi;1.500;75.000;;\n")
    assert (await orders(connector))["1"].record.total == 112500000


async def test_refused_lines_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    connector = store(tmp_path)
    (tmp_path / "in" / "orders.csv").write_text(
        HEAD
        + "1;21/11/2026;A;;KOPI;Kopi;1;75.000;;x y\n"
        + "2;11/21/2026;A;;KOPI;Kopi;1;75.000;;\n"
        + "3;21/11/2026;A;;KOPI;Kopi;dua;75.000;;\n"
        + "4;21/11/2026;A;;KOPI;Kopi;1\n"
        + "5;21/11/2026;A;;KOPI;Kopi;1;75.000;;;extra\n"
        + ";21/11/2026;A;;KOPI;Kopi;1;75.000;;\n"
        + "6;21/11/2026;A;;KOPI;Kopi;1;75.000;1.000;\n"
        + "6;21/11/2026;A;;TEH;Teh;1;75.000;2.000;\n"
        + "7;21/11/2026;A;;KOPI;Kopi;1;75.000;;\n"
    )
    found = await orders(connector)
    why = {id: row.record.unreadable for id, row in found.items()}
    assert why.pop("7") == ""
    assert set(why) == {"1", "2", "3", "4", "5", "6", "orders.csv:7"}
    for id, words in {
        "1": "line 2, column Status", "2": "line 3, column Tanggal: day and month are the other way round",
        "3": "line 4, column Jumlah: it is not a number (dua)", "4": "line 5: it has only 7 of 10 cells",
        "5": "line 6: it has 11 cells", "6": "line 9, column shipping", "orders.csv:7": "it has no order number",
    }.items():  # fmt: skip
        assert words in why[id], (id, why[id])
    assert len((tmp_path / "refused" / "orders.csv.csv").read_text("utf-8-sig").splitlines()) == 8
    check = await connector.check()
    assert not check.ok
    (finding,) = [f for f in check.findings if f.what == "in/orders.csv"]
    assert "7 lines are refused" in finding.detail
    assert "refused/orders.csv.csv" in finding.cure


async def test_the_newest_file_has_the_last_word(tmp_path: Path) -> None:
    connector = store(tmp_path)

    def drop(name: str, price: str, age: int) -> None:
        path = tmp_path / "in" / name
        path.write_text(HEAD + f"1;21/11/2026;A;;KOPI;Kopi;1;{price};;\n")
        os.utime(path, (time.time() - age, time.time() - age))

    drop("orders-b.csv", "75.000", 100)
    seen, cursor = await drained(connector, "order")
    assert seen[0].record.total == 75000
    drop("orders-a.csv", "99.000", 50)
    seen, cursor = await drained(connector, "order", cursor)
    assert [s.record.total for s in seen] == [99000]
    # An old export that arrives late is seen, and changes nothing.
    drop("orders-c.csv", "11.000", 500)
    seen, cursor = await drained(connector, "order", cursor)
    assert [s.record.total for s in seen] == [99000]
    # The same bytes again are no news but do no harm; an edit under the old name is the new state.
    drop("orders-b.csv", "88.000", 0)
    seen, cursor = await drained(connector, "order", cursor)
    assert [s.record.total for s in seen] == [88000]
    assert (await drained(connector, "order", cursor))[0] == []
    (tmp_path / "in" / "orders-b.csv").unlink()
    assert (await connector.read("order", ["1"]))[0].record.total == 99000


async def test_half_written_files_are_waited_for(tmp_path: Path) -> None:
    now = [1000.0]
    connector = store(tmp_path, lambda: now[0], quiet="10")
    path = tmp_path / "in" / "orders.csv"
    line = "1;21/11/2026;A;;KOPI;Kopi;1;75.000;;\n"

    async def look(step: float) -> list[str]:
        now[0] += step
        return sorted(await orders(connector))

    path.write_text(HEAD + line)
    assert await look(0) == []
    assert connector.shelf.waiting == {"orders.csv": "it may still be written"}
    path.write_text(HEAD + line + line.replace("1;", "2;", 1))
    assert await look(9) == []
    assert await look(9) == []
    assert await look(1) == ["1", "2"]
    # A last line without an end may go on: longer patience, then it is taken at its word.
    path.write_text(HEAD + line + "3;21/11/2026;A;;KOPI;Kopi;1;75.000;;")
    assert await look(0) == []
    assert await look(11) == []
    assert connector.shelf.waiting == {"orders.csv": "its end looks broken off"}
    assert await look(50) == ["1", "3"]
    for name in ("b.csv.part", "~$c.xlsx", ".hidden.csv", "d.csv.crdownload", "e.csv~"):
        (tmp_path / "in" / name).write_text(HEAD + line.replace("1;", "9;", 1))
    assert await look(0) == ["1", "3"]
    assert await look(100) == ["1", "3"]


async def test_a_workbook_that_is_open_or_not_whole_is_waited_for(tmp_path: Path) -> None:
    now = [1000.0]
    connector = store(tmp_path, lambda: now[0], quiet="10")
    whole = workbook([COLUMNS, ["7", "2026-11-21", 1, "K", 5]])
    path = tmp_path / "in" / "orders.xlsx"
    lock = tmp_path / "in" / "~$orders.xlsx"
    path.write_bytes(whole[:-100])
    assert await orders(connector) == {}
    now[0] += 11
    assert await orders(connector) == {}
    assert connector.shelf.waiting["orders.xlsx"] == "its end looks broken off"
    path.write_bytes(whole)
    lock.write_bytes(b"x")
    now[0] += 20
    assert await orders(connector) == {}
    assert connector.shelf.waiting["orders.xlsx"] == "a spreadsheet program has it open"
    lock.unlink()
    now[0] += 20
    assert list(await orders(connector)) == ["7"]


def workbook(rows: list[list[Any]], title: str = "orders") -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = title
    for row in rows:
        page.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


async def test_shopees_export(tmp_path: Path) -> None:
    connector = store(tmp_path)
    header = [
        "No. Pesanan", "Status Pesanan", "Alasan Pembatalan", "No. Resi", "Waktu Pesanan Dibuat",
        "Waktu Pembayaran Dilakukan", "Metode Pembayaran", "SKU Induk", "Nama Produk", "Nomor Referensi SKU",
        "Harga Awal", "Harga Setelah Diskon", "Jumlah", "Voucher Ditanggung Penjual",
        "Ongkos Kirim Dibayar oleh Pembeli", "Total Pembayaran", "Username (Pembeli)", "Nama Penerima", "No. Telepon",
    ]  # fmt: skip
    one = [
        "2611210ABCDEF", "Selesai", "", "SPXID01", "2026-11-21 09:05", "2026-11-21 09:07", "ShopeePay", "", "Kopi",
        "KOPI", "80.000", "75.000", 2, "5.000", "9.000", "150.000", "budi_s", "B***i", "******12",
    ]  # fmt: skip
    two = [*one[:8], "Teh", "TEH", "12.500", "12.500", 1, *one[13:]]
    gone = ["2611210ZZZZZZ", "Batal", "Tidak jadi", "", "2026-11-21 10:00", "-", "-", "", "Teh", "TEH", "12.500",
            "12.500", 1, "0", "0", "12.500", "siti", "S", "-"]  # fmt: skip
    (tmp_path / "in" / "Order.all.20261101_20261130.xlsx").write_bytes(workbook([header, one, two, gone]))
    found = await orders(connector)
    order = found["2611210ABCDEF"].record
    assert not order.unreadable, order.unreadable
    assert order.total == 150000 + 12500 - 5000 + 9000 == order.computed_total()
    assert (order.status, order.paid, order.payments[0].method) == ("completed", order.total, "ShopeePay")
    assert (order.shipments[0].tracking, order.buyer.id) == ("SPXID01", "budi_s")
    assert order.placed_at.isoformat() == "2026-11-21T02:05:00+00:00"
    cancelled = found["2611210ZZZZZZ"].record
    assert (cancelled.status, cancelled.payments, cancelled.cancel_reason) == ("cancelled", (), "Tidak jadi")


async def test_workbook_numbers_are_what_people_saw(tmp_path: Path) -> None:
    connector = store(tmp_path, currency="USD")
    rows: list[list[Any]] = [
        COLUMNS,
        [1001, "2026-11-21", 3, 899, 0.1 + 0.2],
    ]
    (tmp_path / "in" / "orders.xlsx").write_bytes(workbook(rows))
    order = (await orders(connector))["1001"].record
    assert (order.total, order.lines[0].unit_price, order.lines[0].code) == (Decimal("0.90"), Decimal("0.3"), "899")


async def test_hostile_files_are_refused_whole(tmp_path: Path) -> None:
    connector = store(tmp_path, max_mb="1")
    bomb = io.BytesIO(workbook([["order_number"]]))
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", b"0" * 9_000_000)
    into = tmp_path / "in"
    (into / "orders-bomb.xlsx").write_bytes(bomb.getvalue())
    (into / "orders-large.csv").write_bytes(b"order_number,placed_at,quantity\n" + b"1,2026-01-01,1\n" * 80_000)
    (into / "orders-binary.csv").write_bytes(b"order_number\0\1\2\n")
    (into / "orders-old.xlsx").write_bytes(b"\xd0\xcf\x11\xe0" + b"0" * 600)
    (into / "orders-html.csv").write_text("<html><table><tr><td>1</td></tr></table></html>\n")
    (into / "orders-quotes.csv").write_text('order_number,placed_at,quantity\n1,"2026,1\n')
    (into / "orders-good.csv").write_text(",".join(COLUMNS) + "\n9,2026-11-21,1,K,5\n")
    (tmp_path / "secret.csv").write_text(",".join(COLUMNS) + "\n666,2026-11-21,1,K,5\n")
    (into / "orders-link.csv").symlink_to(tmp_path / "secret.csv")
    found = await orders(connector)
    assert found.pop("9").record.unreadable == ""
    assert all(row.record.unreadable for row in found.values())
    assert {id.removesuffix(":0") for id in found} == {
        "orders-bomb.xlsx", "orders-large.csv", "orders-binary.csv", "orders-old.xlsx", "orders-html.csv",
        *(["orders-quotes.csv"] if "orders-quotes.csv:0" in found else []),
    }  # fmt: skip
    assert "unpacked" in found["orders-bomb.xlsx:0"].record.unreadable
    assert "larger than 1 MB" in found["orders-large.csv:0"].record.unreadable
    check = await connector.check()
    assert all(f.cure for f in check.findings if not f.ok)


async def test_a_profile_of_ones_own_saved_by_name(tmp_path: Path) -> None:
    connector = store(tmp_path)
    (tmp_path / "profiles").mkdir()
    path = tmp_path / "in" / "rekap.csv"
    path.write_text("laporan mingguan\n\nnota|tgl|brg|n|hrg|st\nA1|11/05/2026|KOPI|2|1.500|kirim\n")
    (unknown,) = (await orders(connector)).values()
    assert "are not known" in unknown.record.unreadable
    (tmp_path / "profiles" / "kasir.toml").write_text(
        'kind = "order"\nfiles = "rekap*.csv"\ndelimiter = "|"\nheader_row = 3\ndecimal = ","\ndates = "mdy"\n'
        '[columns]\norder_number = "nota"\nplaced_at = "tgl"\nproduct_code = "brg"\nquantity = "n"\n'
        'unit_price = "hrg"\nstatus = "st"\n[values.status]\nkirim = "completed"\n[defaults]\ncurrency = "IDR"\n'
    )
    order = (await orders(connector))["A1"].record
    assert (order.total, order.status, order.placed_at.isoformat()) == (3000, "completed", "2026-11-04T17:00:00+00:00")
    assert (await connector.read("order", [unknown.id]))[0].record.status == "draft"
    (tmp_path / "profiles" / "kasir.toml").write_text('kind = "order"\n[columns]\nnonsense = "x"\n')
    check = await connector.check()
    assert [f.what for f in check.findings if not f.ok and "nonsense" in f.detail] == ["profile"]


def test_profiles_come_back_as_they_were_saved() -> None:
    for profile in shipped().values():
        assert parse_profile(to_toml(profile), profile.name) == profile
    odd = Profile(
        name="x",
        kind="order",
        files=('a"b*.csv',),
        columns={"order_number": ("No.\t'\"é",)},
        values={"status": {"a b": "open"}},
    )
    assert parse_profile(to_toml(odd), "x") == odd
    for bad in ("kind = 1", "kind = 'nothing'", "kind='order'\nzone='Mars/X'", "kind='order'\ndecimal=';'", "{"):
        with pytest.raises(BadProfile):
            parse_profile(bad, "x")


@given(st.binary(max_size=400))
def test_any_bytes_are_a_table_or_refused(data: bytes) -> None:
    import datetime as dt
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for name in ("orders.csv", "orders.xlsx"):
            path = Path(folder) / name
            for body in (data, b"order_number,placed_at,quantity,unit_price\n" + data):
                path.write_bytes(body)
                parsed = parse(
                    path, name, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), Desk("IDR", JAKARTA, KINDS, Limits())
                )
                assert parsed.error or isinstance(parsed.seen, tuple)
                for fault in faults_of(parsed):
                    assert fault.why


async def test_books_read_their_files_and_charts(tmp_path: Path) -> None:
    into = tmp_path / "in"
    into.mkdir()
    (into / "pelanggan.csv").write_text("Kode;Nama;No HP\nP-1;Toko Maju;'021555012\nP-2;;0812\n")
    (into / "stok.csv").write_text("Kode Barang;Stok;Gudang\nKOPI;1.250;A\nKOPI;10,5;B\nTEH;x;A\n")
    (into / "akun.csv").write_text("id,name,type\n1-1101,BCA,bank\n9,Aneh,apa\n")
    (into / "pajak.csv").write_text("id,name,rate\nPPN,PPN,11%\n")
    (into / "gudang.csv").write_text("id,name\nA,Utama\n")
    (into / "dimensi.csv").write_text("id,dimension_kind,name\n1,branch,Jakarta\n")
    books = FileBooks({"folder": str(tmp_path), "quiet": "0"}, Tools("buku", "Asia/Jakarta", None, time.time))
    read = {kind: latest((await drained(books, kind))[0]) for kind in sorted(books.sources)}
    assert list(read["contact"]) == ["P-1"]
    assert read["contact"]["P-1"].record.phone == "021555012"
    assert read["stock"]["KOPI"].record.on_hand == Decimal("1260.5")
    assert list(read["stock"]) == ["KOPI"]
    assert read["account"]["1-1101"].record.type == "bank"
    assert list(read["account"]) == ["1-1101"]
    assert read["tax"]["PPN"].record.rate == Decimal("0.11")
    assert read["warehouse"]["A"].record.name == "Utama"
    assert read["dimension"]["1"].record.kind == "branch"
    check = await books.check()
    assert {f.what for f in check.findings if not f.ok} == {"in/pelanggan.csv", "in/stok.csv", "in/akun.csv"}
