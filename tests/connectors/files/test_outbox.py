"""The letter box: numbered, never rewritten, withdrawn while nobody has picked it up, and safe to open."""

from __future__ import annotations

import csv
import datetime as dt
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.connectors.contract import Done, Failed, Tools, Transient, Write
from selaras.connectors.files import FileBooks, FileStore
from selaras.connectors.files.cells import safe
from selaras.connectors.kit.checks import done, failed
from selaras.model.document import ContactDraft, DocumentLine, SalesOrder
from tests.connectors.files.desk import BooksDesk


def books(root: Path, **settings: str) -> FileBooks:
    (root / "in").mkdir(parents=True, exist_ok=True)
    return FileBooks(
        {"folder": str(root), "quiet": "0", **settings}, Tools("buku", "Asia/Jakarta", None, time.time)
    )  # fmt: skip


def order(n: int, price: str = "75000", **more: Any) -> SalesOrder:
    line = DocumentLine("KOPI", "=HYPERLINK(1)", Decimal(1 + n), Decimal(price), Decimal(price) * (1 + n))
    return SalesOrder(f"{1000 + n}", dt.date(2026, 11, 20), "IDR", line.amount, (line,), note="@sum", **more)


async def create(connector: FileBooks, *numbers: int) -> list[str]:
    writes = [Write(f"k{n}", order(n)) for n in numbers]
    return [done(outcome).id for outcome in await connector.write("sales_order", "create", writes)]


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.glob("*") if p.is_file())


async def test_a_batch_is_one_numbered_file_that_is_never_written_again(tmp_path: Path) -> None:
    connector = books(tmp_path)
    ids = await create(connector, 0, 1)
    (await connector.write("sales_order", "update", [Write("u", order(0, "80000"), ids[0])]))
    assert names(tmp_path / "out") == ["000001-sales_order-create.csv", "000002-sales_order-update.csv"]
    first = (tmp_path / "out" / "000001-sales_order-create.csv").read_bytes()
    await create(connector, 2)
    assert (tmp_path / "out" / "000001-sales_order-create.csv").read_bytes() == first
    desk = BooksDesk(tmp_path)
    desk.pick_up()
    assert {r: e.total for r, e in desk.of("sales_order").items()} == {"1000": 80000, "1001": 150000, "1002": 225000}
    assert not list(tmp_path.rglob("*.tmp"))
    # What was picked up is not made again, whether it was shelved or deleted.
    for path in (tmp_path / "out" / "taken").glob("*"):
        path.unlink()
    await create(books(tmp_path), 3)
    assert names(tmp_path / "out") == ["000004-sales_order-create.csv"]


async def test_undone_before_it_was_picked_up_is_withdrawn(tmp_path: Path) -> None:
    connector = books(tmp_path)
    (alone,) = await create(connector, 0)
    first, second = await create(connector, 1, 2)
    await connector.write("sales_order", "void", [Write("v", order(0), alone)])
    assert names(tmp_path / "out") == ["000002-sales_order-create.csv"]
    assert names(tmp_path / "withdrawn") == ["000001-sales_order-create.csv"]
    # One of two is undone: the file stays as it is and a later one says so.
    await connector.write("sales_order", "void", [Write("v1", order(1), first)])
    assert names(tmp_path / "out") == ["000002-sales_order-create.csv", "000004-sales_order-void.csv"]
    desk = BooksDesk(tmp_path)
    desk.pick_up()
    assert set(desk.of("sales_order")) == {"1002"}
    # Picked up: undoing is said.
    await connector.write("sales_order", "void", [Write("v2", order(2), second)])
    desk.pick_up()
    assert (set(desk.of("sales_order")), desk.doubled) == (set(), [])
    assert (await connector.find("sales_order", ["1002"]))["1002"].status == "void"
    (again,) = await connector.write("sales_order", "void", [Write("v3", order(2), second)])
    assert isinstance(again, Done)


async def test_two_hubs_on_one_folder_take_no_number_twice(tmp_path: Path) -> None:
    import asyncio

    connectors = [books(tmp_path) for _ in range(4)]
    await asyncio.gather(*(create(c, n) for n, c in enumerate(connectors * 3)))
    assert [n.split("-")[0] for n in names(tmp_path / "out")] == [f"{n:06d}" for n in range(1, 13)]
    desk = BooksDesk(tmp_path)
    desk.pick_up()
    assert (len(desk.of("sales_order")), desk.doubled) == (12, [])
    # The same order from two of them at once is one order.
    both = await asyncio.gather(*(create(c, 50) for c in connectors))
    assert len({id for (id,) in both}) == 1


async def test_text_that_a_spreadsheet_would_run_is_defused(tmp_path: Path) -> None:
    connector = books(tmp_path)
    draft = ContactDraft("phone:+62812", '=cmd|"/c calc"!A1', "@evil", "+62812", "customer")
    done((await connector.write("contact", "create", [Write("c", draft)]))[0])
    await create(connector, 0)
    (path,) = (tmp_path / "out").glob("*contact*")
    with path.open(encoding="utf-8-sig", newline="") as handle:
        (row,) = csv.DictReader(handle)
    assert (row["name"], row["email"], row["phone"]) == ('\'=cmd|"/c calc"!A1', "'@evil", "'+62812")
    (path,) = (tmp_path / "out").glob("*sales_order*")
    with path.open(encoding="utf-8-sig", newline="") as handle:
        (row,) = csv.DictReader(handle)
    assert (row["product_name"], row["note"], row["total"]) == ("'=HYPERLINK(1)", "'@sum", "75000")


@given(st.text(max_size=20))
def test_no_cell_begins_with_a_formula_sign(text: str) -> None:
    assert not safe(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert safe(text).removeprefix("'") in (text.replace("\0", ""), text.replace("\0", "").removeprefix("'"))


@pytest.mark.parametrize("mark", ["csv;", "xlsx"])
async def test_other_forms_and_a_profile_for_out_files(tmp_path: Path, mark: str) -> None:
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    (profiles / "zahir.toml").write_text(
        'kind = "sales_order"\ndirection = "out"\ndates = "dmy"\n[columns]\nreference = "No. Faktur"\n'
        'date = "Tanggal"\nproduct_code = "Kode"\nquantity = "Jumlah"\nunit_price = "Harga"\nop = "Aksi"\n'
        '[values.op]\ncreate = "baru"\n[defaults]\ncontact_name = "Umum"\n'
    )
    connector = books(tmp_path, format=mark)
    document = order(0, "75000.5")
    line = DocumentLine("0812", "Kopi", Decimal("1.5"), Decimal("75000.5"), Decimal(112501))
    document = SalesOrder("=1001", document.date, "IDR", Decimal(112501), (line,))
    done((await connector.write("sales_order", "create", [Write("k", document)]))[0])
    (path,) = (tmp_path / "out").iterdir()
    if mark == "csv;":
        assert path.read_text("utf-8-sig").splitlines() == [
            "No. Faktur;Tanggal;Kode;Jumlah;Harga;Aksi", "'=1001;20/11/2026;0812;1,5;75000,5;baru",
        ]  # fmt: skip
    else:
        rows = list(openpyxl.load_workbook(path).active.iter_rows(values_only=True))  # type: ignore[union-attr]
        assert rows[0] == ("No. Faktur", "Tanggal", "Kode", "Jumlah", "Harga", "Aksi")
        assert rows[1] == ("'=1001", dt.datetime(2026, 11, 20), "0812", 1.5, 75000.5, "baru")  # noqa: DTZ001


async def test_a_damaged_proof_stops_writing(tmp_path: Path) -> None:
    connector = books(tmp_path)
    await create(connector, 0)
    await create(connector, 1)
    whole = (tmp_path / "sent" / "000001.jsonl").read_bytes()
    for damage in (whole[:-20], b"", None):
        if damage is None:
            (tmp_path / "sent" / "000001.jsonl").unlink()
        else:
            (tmp_path / "sent" / "000001.jsonl").write_bytes(damage)
        with pytest.raises(Transient) as caught:
            await create(books(tmp_path), 5)
        assert "000001.jsonl" in caught.value.message
        assert caught.value.cure
    (tmp_path / "sent" / "000001.jsonl").write_bytes(whole)
    assert len(await create(books(tmp_path), 5)) == 1


async def test_what_the_books_do_not_know_is_refused_by_name(tmp_path: Path) -> None:
    connector = books(tmp_path)
    (tmp_path / "in" / "products.csv").write_text("code,name\nTEH,Teh\n")
    (refused, wrong) = await connector.write(
        "sales_order", "create", [Write("a", order(0)), Write("b", order(1, contact_id="X"))]
    )
    assert isinstance(refused, Failed)
    assert "KOPI" in refused.error.message
    assert failed(wrong).error.cure
    assert not (tmp_path / "out").exists()


async def test_a_thousand_orders_are_two_calls(tmp_path: Path) -> None:
    """Calls are as few as the declared batch makes possible: one file for each batch."""
    connector = books(tmp_path)
    size = connector.capabilities.batch
    writes = [Write(f"k{n}", order(n)) for n in range(1000)]
    for start in range(0, len(writes), size):
        await connector.write("sales_order", "create", writes[start : start + size])
    assert len(names(tmp_path / "out")) == 2
    found = await connector.find("sales_order", [w.document.reference for w in writes[:size]])
    assert len(found) == size


def test_settings_are_refused_by_name(tmp_path: Path) -> None:
    tools = Tools("x", "Asia/Jakarta", None, time.time)
    bad = [
        {"folder": "relative"}, {"folder": "https://x.example/y"}, {"folder": str(tmp_path), "quiet": "soon"},
        {"folder": str(tmp_path), "currency": "RUPIAH"}, {"folder": str(tmp_path), "format": "pdf"},
        {"folder": "sftp://u@h/p", "password": "x"}, {"folder": "sftp://u:p@h/x", "known_hosts": "h k"},
        {"folder": "sftp://u@h/p", "known_hosts": "h ssh-ed25519 AAAA"},
    ]  # fmt: skip
    for settings in bad:
        for kind in (FileStore, FileBooks):
            with pytest.raises(ValueError):
                kind(settings, tools)
