"""What counts as evidence in a bank's text, by the shapes that Indonesian banks write."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from selaras.model.document import BankTransaction
from selaras.model.order import Order
from selaras.model.party import Buyer
from selaras.rules.payments import match_bank

PLACED = dt.datetime(2026, 10, 1, 3, 0, tzinfo=dt.UTC)


def order(number: str, total: int, name: str = "Rina Wulandari") -> Order:
    return Order("id" + number, number, "IDR", Decimal(total), PLACED, PLACED, buyer=Buyer(name))


def decide(text: str, *orders: Order, amount: int = 147_356, days: int = 0) -> tuple[str, str]:
    line = BankTransaction("t", PLACED.date() + dt.timedelta(days=days), Decimal(amount), "IDR", text)
    (decision,) = match_bank([line], orders)
    return decision.order_id, " ".join(decision.reasons)


@pytest.mark.parametrize(
    "text",
    [
        "TRSF E-BANKING CR 0110/FTSCY/WS95051        147356.00INV 1001           SITI",
        "TRSF E-BANKING CR 0110/FTSCY/WS95051 147,356.00 1001 SITI",
        "KR OTOMATIS LLG-CIMB NIAGA SUMBER REJEKI CV INV 1001",
        "TRANSFER DARI | PEMINDAHAN DARI 251020101 MAJU JAYA | INV#1001",
    ],
)
def test_the_number_is_found_as_banks_write_it(text: str) -> None:
    assert decide(text, order("1001", 147_356))[0] == "id1001"


def test_what_the_bank_writes_itself_is_no_number() -> None:
    assert decide("TRSF E-BANKING CR 1001/FTSCY/WS95051 147356.00 SITI", order("1001", 147_356))[0] == ""
    assert decide("CR 147356.00 SITI", order("147356", 147_356))[0] == ""


def test_a_short_number_is_no_evidence() -> None:
    assert decide("BAYAR 14 SITI", order("14", 147_356))[0] == ""


def test_a_gateways_payout_is_never_one_orders_payment() -> None:
    text = "TRSF E-BANKING CR 0610/FTSCY/WS95011 147356.00 1001 AIRPAY INTERNATION"
    chosen, why = decide(text, order("1001", 147_356))
    assert chosen == ""
    assert "AIRPAY" in why


def test_a_name_that_thousands_bear_needs_the_rest_of_it() -> None:
    siti = order("1001", 147_356, "Siti Aminah")
    assert decide("BI-FAST CR TRANSFER DR 008 SITI RAHAYU", siti)[0] == ""
    assert decide("BI-FAST CR TRANSFER DR 008 SITI AMINAH", siti)[0] == "id1001"
    assert decide("BI-FAST CR TRANSFER DR 008 SITI", order("1001", 147_356, "Siti"))[0] == "id1001"


def test_titles_and_legal_forms_are_no_names() -> None:
    assert decide("CR PT CONTOH NIAGA", order("1001", 147_356, "PT Maju"))[0] == ""


@pytest.mark.parametrize(("days", "wanted"), [(-2, ""), (-1, "id1001"), (14, "id1001"), (15, "")])
def test_the_day_has_to_fit(days: int, wanted: str) -> None:
    assert decide("CR RINA WULANDARI", order("1001", 147_356), days=days)[0] == wanted
