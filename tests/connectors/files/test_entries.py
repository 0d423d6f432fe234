"""Journal entries and write-offs in files: columns that a person can book from, or a refusal that says why not."""

from __future__ import annotations

import datetime as dt
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from selaras.connectors.contract import Op, Tools, Write
from selaras.connectors.files import FileBooks
from selaras.connectors.kit.checks import done, failed
from selaras.model.document import Document, Exchanged, Journal, JournalLine, Receipt, WriteOff
from selaras.model.money import ZERO
from tests.connectors.files.desk import read

DAY = dt.date(2026, 11, 20)
FEE = WriteOff("transfer_fee", "6-6110", Decimal(2500))
PPH = WriteOff("withholding", "1-1450", Decimal(600))


def books(root: Path) -> FileBooks:
    (root / "in").mkdir(parents=True, exist_ok=True)
    (root / "in" / "contacts.csv").write_text("id,name,phone\nP-1,Toko Maju,'021555012\n")
    settings = {"folder": str(root), "quiet": "0"}
    return FileBooks(settings, Tools("buku", "Asia/Jakarta", None, time.time))


def receipt(reference: str, *offs: WriteOff, **more: Any) -> Receipt:
    return Receipt(reference, DAY, "IDR", Decimal(27_000), account="1-1101", contact_id="P-1", write_offs=offs, **more)


def payout(**more: Any) -> Journal:
    lines = (
        JournalLine("1-1101", Decimal(29_000)),
        JournalLine("6-6120", Decimal(1_000), note="=MDR"),
        JournalLine("1-1150", ZERO, Decimal(30_000)),
    )
    values: dict[str, Any] = {"lines": lines, "reference": "po-1", "total": Decimal(30_000), "note": "Payout 1"} | more
    return Journal("", DAY, "IDR", **values)


async def put(connector: FileBooks, kind: str, document: Document, op: Op = "create", id: str = "") -> Any:
    (outcome,) = await connector.write(kind, op, [Write("k", document, id)])
    return outcome


def only(root: Path, name: str) -> list[dict[str, str]]:
    (path,) = (root / "out").glob(f"*{name}*")
    return read(path)


async def test_an_entry_is_one_row_for_each_side(tmp_path: Path) -> None:
    connector = books(tmp_path)
    made = done(await put(connector, "journal", payout(bank_transaction_id="b-7")))
    assert (made.total, made.currency) == (Decimal(30_000), "IDR")
    rows = only(tmp_path, "journal-create")
    assert [(r["line"], r["account"], r["debit"], r["credit"], r["line_note"]) for r in rows] == [
        ("1", "1-1101", "29000", "0", ""), ("2", "6-6120", "1000", "0", "=MDR"), ("3", "1-1150", "0", "30000", ""),
    ]  # fmt: skip
    assert {(r["reference"], r["total"], r["note"], r["bank_transaction_id"]) for r in rows} == {
        ("po-1", "30000", "Payout 1", "b-7")
    }
    (seen,) = (await connector.changed("journal", "")).seen
    assert (seen.record.source, seen.record.status, seen.total) == ("journal", "open", Decimal(30_000))
    assert (await connector.find("journal", ["po-1"]))["po-1"].id == made.id


@pytest.mark.parametrize("kind", ["journal", "receipt"])
async def test_what_was_taken_back_can_be_booked_anew_under_its_name(tmp_path: Path, kind: str) -> None:
    connector = books(tmp_path)
    document = payout() if kind == "journal" else receipt("1001/B1")
    first = done(await put(connector, kind, document))
    (tmp_path / "out" / "taken").mkdir()
    for path in (tmp_path / "out").glob("*.csv"):
        path.rename(tmp_path / "out" / "taken" / path.name)
    assert done(await put(connector, kind, document, "void", first.id)).status == "void"
    assert [row["op"] for row in only(tmp_path, "void")] == ["void"], "one row, without its sides"
    second = done(await put(connector, kind, document))
    assert second.id != first.id
    assert done(await put(books(tmp_path), kind, document)).id == second.id
    found = (await books(tmp_path).find(kind, [document.reference]))[document.reference]
    assert (found.id, found.status) == (second.id, "open")
    assert done(await put(connector, kind, document, "void", first.id)).status == "void", "twice is once"


async def test_write_offs_have_columns_of_their_own(tmp_path: Path) -> None:
    await put(books(tmp_path), "receipt", receipt("1001/P1", FEE, PPH))
    (row,) = only(tmp_path, "receipt-create")
    assert (row["total"], row["settled"]) == ("27000", "30100")
    assert (row["transfer_fee"], row["transfer_fee_account"]) == ("2500", "6-6110")
    assert (row["withholding"], row["withholding_account"], row["rounding"]) == ("600", "1-1450", "")


@pytest.mark.parametrize(
    ("offs", "code"),
    [
        ((WriteOff("discount", "4-1", Decimal(5)),), "unknown_role"),
        ((FEE, FEE), "unknown_role"),
        ((WriteOff("rounding", "4-9", Decimal(-27_000)),), "not_positive"),
    ],
)
async def test_write_offs_without_a_column_are_refused(tmp_path: Path, offs: tuple[WriteOff, ...], code: str) -> None:
    error = failed(await put(books(tmp_path), "receipt", receipt("1001/P1", *offs))).error
    assert (error.code, error.field) == (code, "write_offs")
    assert error.cure
    assert not list((tmp_path / "out").glob("*"))


async def test_money_of_another_currency_is_refused(tmp_path: Path) -> None:
    connector = books(tmp_path)
    assert not connector.capabilities.exchanges
    abroad = msgspec.structs.replace(receipt("1001/P1"), exchanged=Exchanged(Decimal(25), "USD"))
    error = failed(await put(connector, "receipt", abroad)).error
    assert (error.code, error.field) == ("unsupported", "exchanged")
    assert not list((tmp_path / "out").glob("*"))


async def test_a_profile_that_would_lose_a_write_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    profile = tmp_path / "profiles" / "zahir.toml"
    start = 'kind = "receipt"\ndirection = "out"\n[columns]\nreference = "No"\ntotal = "Jumlah"\n'
    profile.write_text(start)
    connector = books(tmp_path)
    error = failed(await put(connector, "receipt", receipt("1001/P1", FEE))).error
    assert error.code == "missing_column"
    assert "transfer_fee" in error.message
    done(await put(connector, "receipt", receipt("1001/P2")))
    profile.write_text(start + 'transfer_fee = "Biaya"\n')
    done(await put(books(tmp_path), "receipt", receipt("1001/P1", FEE)))
    assert [row.get("Biaya") for row in only(tmp_path, "000002-receipt")] == ["2500"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"total": Decimal(29_999)}, "total_mismatch"),
        ({"lines": ()}, "unbalanced"),
        ({"lines": (JournalLine("1", Decimal(30_000)),)}, "unbalanced"),
        ({"lines": (JournalLine("1", Decimal(5), Decimal(5)),)}, "one_side"),
        ({"lines": (JournalLine("1"),)}, "one_side"),
        ({"lines": (JournalLine("", Decimal(5)),)}, "one_side"),
        ({"lines": (JournalLine("1", Decimal(-5)), JournalLine("2", ZERO, Decimal(-5)))}, "one_side"),
        ({"lines": (JournalLine("1", Decimal("0.5")), JournalLine("2", ZERO, Decimal("0.5")))}, "not_exact"),
        ({"lines": (JournalLine("1", Decimal(5), contact_id="P-9"), JournalLine("2", ZERO, Decimal(5))),
          "total": Decimal(5)}, "unknown_contact"),
    ],
)  # fmt: skip
async def test_entries_that_nobody_could_book_are_refused(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    error = failed(await put(books(tmp_path), "journal", payout(**changes))).error
    assert error.code == code
    assert error.cure
    assert not list((tmp_path / "out").glob("*"))
