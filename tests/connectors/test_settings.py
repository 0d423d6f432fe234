"""Settings that are more than a word."""

from __future__ import annotations

from decimal import Decimal

import pytest

from selaras.connectors.settings import number, taxes


def test_a_number_is_read_and_an_empty_one_is_the_default() -> None:
    assert number({"rate": "2.5"}, "rate", "4") == 2.5
    assert number({"rate": ""}, "rate", "4") == number({}, "rate", "4") == 4


@pytest.mark.parametrize("text", ["fast", "1,5", "nan", "inf", "-inf", "1e400", "yes"])
def test_what_is_no_number_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=f"the setting 'rate' must be a number, not '{text}'"):
        number({"rate": text}, "rate", "4")


def test_taxes_by_their_rate() -> None:
    text = "11=PPN Keluaran; 12 % = PPN=12\n1,1=PPN besaran;"
    assert taxes({"taxes": text}, "11=PPN") == {
        Decimal("0.11"): "PPN Keluaran", Decimal("0.12"): "PPN=12", Decimal("0.011"): "PPN besaran",
    }  # fmt: skip
    assert taxes({}, "11=PPN") == taxes({"taxes": " ;\n"}, "11=PPN") == {}


@pytest.mark.parametrize("part", ["PPN", "11", "11=", "=PPN", "eleven=PPN", "nan=PPN", "inf=PPN"])
def test_a_tax_that_is_not_like_that_is_named(part: str) -> None:
    with pytest.raises(ValueError, match=f"the setting 'taxes' must be like 11=PPN, not '{part}'"):
        taxes({"taxes": f"12=PPN 12; {part}"}, "11=PPN")
