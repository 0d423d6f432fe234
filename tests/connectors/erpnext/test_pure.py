"""What needs no server: splitting amounts, Frappe's values, and what real refusals mean."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.connectors.answers import Response
from selaras.connectors.contract import ConnectorError, LockedPeriod, Rejected, Tools
from selaras.connectors.erpnext import CONNECTOR, errors, lines, values
from selaras.connectors.erpnext.kinds import KINDS
from selaras.model.document import SalesOrder
from tests.connectors.erpnext.standin_db import flt
from tests.connectors.kit_signin import MemoryTokenStore

ANSWERS = Path(__file__).parent / "answers"


def answer(name: str) -> Any:
    return json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8"))


def refusal(name: str) -> tuple[ConnectorError, errors.Refusal]:
    told = answer(name)
    found = errors.read(Response(told["status"], told["headers"], json.dumps(told["body"]).encode()))
    assert found is not None
    return errors.error_of(found, told["status"], "1001"), found


# -- splitting ------------------------------------------------------------------------------------------------------


@given(pieces=st.integers(1, 9999), amount=st.integers(0, 10**12), decimals=st.sampled_from([0, 2, 3]))
def test_whole_pieces_add_up_to_any_amount(pieces: int, amount: int, decimals: int) -> None:
    unit = Decimal(1).scaleb(-decimals)
    wanted = amount * unit
    rows = lines.split(Decimal(pieces), wanted, unit)
    assert sum(quantity for quantity, _ in rows) == pieces
    assert sum(quantity * rate for quantity, rate in rows) == wanted
    assert all(rate == rate.quantize(unit) and quantity > 0 for quantity, rate in rows)
    assert len(rows) <= 2
    assert max(rate for _, rate in rows) - min(rate for _, rate in rows) <= unit


@given(grams=st.integers(1, 99_999), amount=st.integers(0, 10**9))
def test_parts_of_a_piece_round_to_the_amount_as_erpnext_rounds(grams: int, amount: int) -> None:
    quantity, wanted = Decimal(grams) / 1000, Decimal(amount)
    rows = lines.split(quantity, wanted, Decimal(1))
    assert sum(part for part, _ in rows) == quantity
    total = sum((rate * part).quantize(Decimal(1)) for part, rate in rows)
    assert abs(total - wanted) <= 1


def test_the_stand_in_rounds_as_frappe_does() -> None:
    assert [flt(n, 2) for n in (0.125, 0.135, 2.675, 1000.005)] == [0.12, 0.14, 2.68, 1000.0]


# -- values ---------------------------------------------------------------------------------------------------------


def test_numbers_are_the_digits_that_are_printed() -> None:
    assert values.number(Decimal("280830.0")) == 280830
    assert str(values.number(Decimal("280830.0"))) == "280830"
    assert values.number(None) == 0
    assert str(values.money(Decimal("100.10000000000001"), "USD")) == "100.1"
    assert values.money(Decimal("280830.11"), "IDR") == Decimal("280830.11")  # a part of a rupiah is told, not hidden


def test_stamps_are_the_sites_local_time() -> None:
    at = values.instant({"modified": "2026-11-22 02:10:51.940786"}, ZoneInfo("Asia/Jakarta"))
    assert at.isoformat() == "2026-11-21T19:10:51.940786+00:00"
    assert values.instant({"modified": "2026-11-22 02:10:51"}, ZoneInfo("Asia/Jakarta")).second == 51


def test_a_real_order_becomes_ours() -> None:
    row = answer("order_get")["body"]["data"]
    tables = {"Sales Order Item": row["items"]}
    order = KINDS["sales_order"].record(row, tables, "IDR")
    assert isinstance(order, SalesOrder)
    assert (order.reference, order.total, order.currency, order.status) == (
        "WEB-1795288251", Decimal(280830), "IDR", "open",
    )  # fmt: skip
    assert [(one.code, one.quantity, one.amount) for one in order.lines] == [
        ("SKU-0001", Decimal(2), Decimal(100000)), ("SKU-0002", Decimal(3), Decimal(153000)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name", "total"),
    [
        ("receipt", "payment_get", 280830),
        ("invoice", "invoice_get", 280830),
        ("bank_transaction", "bank_transaction_get", None),
    ],
)  # fmt: skip
def test_real_documents_have_the_fields_that_are_asked_for(kind: str, name: str, total: int | None) -> None:
    row = answer(name)["body"]["data"]
    what = KINDS[kind]
    whole = {field: row.get(field) for field in what.fields}
    children = {child: row.get("references") or row.get("items") or [] for child, _ in what.tables}
    record = what.record(whole, children, "IDR")
    assert record.id == row["name"]
    assert total is None or record.total == total
    if kind == "bank_transaction":
        assert (record.amount, record.reconciled) == (Decimal(111000), False)


# -- refusals of a real site ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("error_bad_reference", "not_found"),
        ("error_duplicate", "not_unique"),
        ("error_edit_submitted", "document_locked"),
        ("error_forbidden_user", "no_rights"),
        ("error_missing_delivery_date", "refused"),
        ("error_missing_field", "server_error"),
        ("error_no_fiscal_year", "no_fiscal_year"),
        ("error_not_found", "not_found"),
        ("error_timestamp_mismatch", "busy"),
        ("error_unbalanced", "refused"),
        ("error_wrong_type", "refused"),
        ("order_create_same_po_no_again", "duplicate_reference"),
    ],
)
def test_what_a_real_refusal_means(name: str, code: str) -> None:
    error, _ = refusal(name)
    assert error.code == code
    assert error.message.startswith("1001: ")
    assert "<" not in error.message
    if isinstance(error, Rejected):
        assert error.cure


@pytest.mark.parametrize("name", ["error_closed_period", "error_closed_period_invoice"])
def test_frozen_books_are_a_locked_period(name: str) -> None:
    error, _ = refusal(name)
    assert isinstance(error, LockedPeriod)
    assert error.message == "1001: You are not authorized to add or update entries before 31-12-2025"
    assert error.cure


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("ClosedAccountingPeriod", "You cannot create any accounting entries with in the closed Accounting Period Q3"),
        ("ValidationError", "Books have been closed till the period ending on 31-12-2025"),
        ("StockFreezeError", "Stock transactions before 2025-12-31 are frozen"),
    ],
)  # fmt: skip
def test_other_closed_periods(kind: str, sentence: str) -> None:
    body = json.dumps({"exc_type": kind, "_server_messages": json.dumps([json.dumps({"message": sentence})])}).encode()
    found = errors.read(Response(417, {}, body))
    assert found is not None
    assert isinstance(errors.error_of(found, 417, ""), LockedPeriod)


def test_what_frappe_did_not_write_is_no_refusal() -> None:
    for body in (b"<h1>Bad Gateway</h1>", b"", b"[]", b'{"message": 1}', b"\xff"):
        assert errors.read(Response(500, {}, body)) is None


# -- settings -------------------------------------------------------------------------------------------------------


def build(**settings: str) -> Any:
    tools = Tools("buku", "Asia/Jakarta", MemoryTokenStore(), lambda: 0.0)
    return CONNECTOR.build({"base_url": "https://erp.example", "api_key": "k", "api_secret": "s", **settings}, tools)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"api_key": ""}, "api_key"),
        ({"batch": "201"}, "batch"),
        ({"batch": "viele"}, "batch"),
        ({"stock": "perhaps"}, "stock"),
        ({"taxes_by": "magic"}, "taxes_by"),
        ({"taxes": "eleven"}, "taxes"),
        ({"price_decimals": "-1"}, "price_decimals"),
        ({"base_url": "http://erp.example"}, "http"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        build(**settings)
