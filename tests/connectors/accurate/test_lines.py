"""Rows of a document come to our total exactly, whatever the store states and however Accurate rounds its tax."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.connectors.accurate.lines import Places, rows_of
from selaras.connectors.contract import Rejected
from selaras.model.document import DocumentLine
from selaras.model.money import rounded

PLACES = Places(items={"shipping": "ONGKIR", "sales": "JASA"}, accounts={"discount": "4-2000", "fee": "4-3000"})
RATES = st.sampled_from([Decimal(0), Decimal("0.11"), Decimal("0.12"), Decimal("0.011")])
CURRENCIES = {"IDR": 0, "USD": 2, "KWD": 3}


@st.composite
def products(draw: st.DrawFn, currency: str, included: bool) -> DocumentLine:
    scale = CURRENCIES[currency]
    quantity = Decimal(draw(st.integers(1, 40)))
    price = Decimal(draw(st.integers(0, 5_000_000))).scaleb(-draw(st.integers(0, scale + 2)))
    discount = Decimal(draw(st.integers(0, int(quantity * price)))) if draw(st.booleans()) else Decimal(0)
    amount = rounded(quantity * price - discount, currency)
    rate = draw(RATES)
    share = amount * rate / (1 + rate) if included else amount * rate
    return DocumentLine("KAOS", "Kaos", quantity, price, amount, discount, rounded(share, currency), rate)


@st.composite
def documents(draw: st.DrawFn) -> tuple[tuple[DocumentLine, ...], str, bool]:
    currency, included = draw(st.sampled_from(sorted(CURRENCIES))), draw(st.booleans())
    lines = draw(st.lists(products(currency, included), min_size=1, max_size=6))
    whole = sum((line.amount for line in lines), Decimal(0))
    if draw(st.booleans()):
        cost = rounded(Decimal(draw(st.integers(1, 90_000))), currency)
        taxed = draw(st.booleans())
        tax = rounded(cost * Decimal("0.11"), currency) if taxed else Decimal(0)
        lines.append(DocumentLine("", "Ongkir", Decimal(1), cost, cost, tax=tax, role="shipping"))
    if whole > 1 and draw(st.booleans()):
        off = rounded(whole * draw(st.integers(1, 99)) / 100, currency)
        lines.append(DocumentLine("", "Kupon", Decimal(1), -off, -off, role="discount"))
    return tuple(lines), currency, included


@given(documents())
def test_the_rows_come_to_our_total(document: tuple[tuple[DocumentLine, ...], str, bool]) -> None:
    lines, currency, included = document
    rows = rows_of("invoice X", lines, currency, included, PLACES)
    total = sum((line.amount if included else line.amount + line.tax for line in lines), Decimal(0))
    there = sum((row["quantity"] * row["unitPrice"] - row.get("itemCashDiscount", 0) for row in rows.items), Decimal(0))
    assert there + sum((row["expenseAmount"] for row in rows.expenses), Decimal(0)) == total
    for row in rows.items:
        worth = row["quantity"] * row["unitPrice"]
        assert 0 <= row.get("itemCashDiscount", Decimal(0)) <= worth
        for name in ("quantity", "unitPrice", "itemCashDiscount"):
            value = Decimal(row.get(name, 0))
            assert value == round(value, 6), (name, value)


def test_prices_that_need_no_change_are_sent_as_they_are() -> None:
    line = DocumentLine("KAOS", "Kaos", Decimal(2), Decimal(50_000), Decimal(95_000), Decimal(5_000))
    (row,) = rows_of("x", (line,), "IDR", True, PLACES).items
    assert (row["unitPrice"], row["itemCashDiscount"], row["useTax1"]) == (50_000, 5_000, False)


def test_tax_on_top_becomes_part_of_the_price() -> None:
    line = DocumentLine(
        "KAOS", "Kaos", Decimal(2), Decimal(50_000), Decimal(100_000), tax=Decimal(11_000), tax_rate=Decimal("0.11")
    )
    rows = rows_of("x", (line,), "IDR", False, PLACES)
    assert (rows.items[0]["unitPrice"], rows.items[0].get("itemCashDiscount", 0), rows.taxed) == (55_500, 0, True)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (DocumentLine("", "Ongkir", Decimal(1), Decimal(9), Decimal(9), role="rounding"), "item_rounding"),
        (DocumentLine("", "Biaya", Decimal(1), Decimal(9), Decimal(9), tax=Decimal(1), role="fee"), "item_fee"),
        (DocumentLine("", "Kupon", Decimal(1), Decimal(-99), Decimal(-99), role="rounding"), "item_rounding"),
        (DocumentLine("TOPI", "Topi", Decimal(1), Decimal(-9), Decimal(-9)), "lines"),
    ],
)
def test_what_has_no_place_names_the_setting(line: DocumentLine, field: str) -> None:
    goods = DocumentLine("KAOS", "Kaos", Decimal(1), Decimal(50), Decimal(50))
    with pytest.raises(Rejected) as caught:
        rows_of("invoice X", (goods, line), "IDR", True, PLACES)
    assert (caught.value.field, bool(caught.value.cure)) == (field, True)


def test_a_document_of_costs_only_is_refused_with_the_setting() -> None:
    line = DocumentLine("", "Biaya", Decimal(1), Decimal(9), Decimal(9), role="fee")
    with pytest.raises(Rejected) as caught:
        rows_of("invoice X", (line,), "IDR", True, PLACES)
    assert caught.value.field == "item_sales"
