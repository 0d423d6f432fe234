"""Figures by which nothing could be reckoned are refused where they are kept, whoever brings them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from selaras.ledger import Ledger, open_ledger
from selaras.ledger.errors import LedgerError
from selaras.rules.autonomy import Autonomy
from selaras.rules.rate_card import AMOUNTS, SHARES, Rate
from selaras.sync.feeds import autonomy_of, change_autonomy
from selaras.sync.payout_report import rate_card_of, set_rate_card
from tests.sync.target import Plain

RATE = Rate("midtrans", dt.date(2026, 1, 1), fixed=Decimal(4000))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "data", Plain())
    yield opened
    opened.close()


@pytest.mark.parametrize("field", ["precision", "confidence"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0, 1.0, 95.0, -0.5])
def test_a_share_lies_between_nothing_and_all(ledger: Ledger, field: str, value: float) -> None:
    with pytest.raises(LedgerError, match=f"A rule's {field} cannot be {value}"):
        change_autonomy(ledger, "", "", None, {field: value}, 1)
    assert autonomy_of(ledger, "buku") == Autonomy()


def test_a_rule_needs_a_case(ledger: Ledger) -> None:
    for value in (0, -1, 0.5, 1.5, math.nan, math.inf):
        with pytest.raises(LedgerError, match=f"A rule's least cannot be {value}"):
            change_autonomy(ledger, "buku", "", None, {"least": value}, 1)
    assert change_autonomy(ledger, "buku", "", None, {"least": 1, "precision": 0.5}, 1) == autonomy_of(ledger, "buku")


@pytest.mark.parametrize("field", AMOUNTS)
@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-1", "1e15", "1e-16", "1e-9999", "1e99999"])
def test_an_amount_of_a_rate_can_be_reckoned_with(ledger: Ledger, field: str, text: str) -> None:
    set_rate_card(ledger, [RATE], 1)
    bad = msgspec.structs.replace(RATE, **{field: Decimal(text)})
    with pytest.raises(LedgerError, match=f"A rate of midtrans cannot have .* as {field}"):
        set_rate_card(ledger, [RATE, bad], 2)
    assert rate_card_of(ledger) == [RATE], "all of it or nothing"


@pytest.mark.parametrize("field", AMOUNTS)
def test_the_largest_and_the_finest_are_kept(ledger: Ledger, field: str) -> None:
    most = "0.999999999999999" if field in SHARES else "999999999999999.999999999999999"
    for text in (most, "0", "0.000000000000001", "0.10000000000000000000"):
        kept = msgspec.structs.replace(RATE, **{field: Decimal(text)})
        set_rate_card(ledger, [kept], 1)
        assert rate_card_of(ledger) == [kept]


@pytest.mark.parametrize("field", SHARES)
def test_a_share_of_a_rate_is_a_fraction(ledger: Ledger, field: str) -> None:
    with pytest.raises(LedgerError, match=f"cannot have 11 as {field}"):
        set_rate_card(ledger, [msgspec.structs.replace(RATE, **{field: Decimal(11)})], 1)
