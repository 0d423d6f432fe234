"""Available stock: the sum, its floor, and bundles."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.model.product import Shelf, Stock
from selaras.rules.availability import lying_in, sellable, sellable_bundle
from selaras.rules.mapping import Mapping, Rule

pieces = st.integers(0, 10_000).map(Decimal)


def test_the_sum_is_explained() -> None:
    answer = sellable(Stock("KAOS", Decimal(10), Decimal(3)), Decimal(1), Decimal(2))
    assert answer.quantity == 4
    assert answer.reasons == ("KAOS: 10 on hand − 3 reserved − 2 in orders not yet in the books − 1 buffer = 4",)


def test_books_that_are_short_promise_nothing() -> None:
    answer = sellable(Stock("KAOS", Decimal(2), Decimal(5)))
    assert answer.quantity == 0
    assert "3 short" in answer.reasons[1]


@given(pieces, pieces, pieces, pieces)
def test_never_more_than_what_lies_there_and_never_negative(
    on: Decimal, held: Decimal, wait: Decimal, buf: Decimal
) -> None:
    answer = sellable(Stock("A", on, held), buf, wait)
    assert 0 <= answer.quantity <= on
    assert answer.quantity == max(Decimal(0), on - held - wait - buf)


def test_a_fraction_is_not_a_piece() -> None:
    assert sellable(Stock("KAIN", Decimal("2.75"))).quantity == 2


def test_the_scarcest_component_limits_the_bundle() -> None:
    parts = [
        (Stock("CUP", Decimal(9)), Decimal(1), Decimal(2)),
        (Stock("POT", Decimal(3)), Decimal(0), Decimal(1)),
    ]
    answer = sellable_bundle(parts)
    assert answer.quantity == 3
    assert "POT" in answer.reasons[-1]
    assert sellable_bundle([]).quantity == 0


def test_what_lies_elsewhere_cannot_leave_for_the_store() -> None:
    stock = Stock(
        "KAOS",
        Decimal(12),
        Decimal(3),
        shelves=(Shelf("A", Decimal(5), Decimal(1)), Shelf("B", Decimal(7), Decimal(2))),
    )
    assert lying_in(stock, ()) is stock
    assert (int(lying_in(stock, {"A"}).on_hand), int(lying_in(stock, {"A"}).reserved)) == (5, 1)
    assert lying_in(stock, {"A", "B"}).available == stock.available
    assert lying_in(stock, {"C"}).available == 0
    told_as_a_sum = Stock("KAOS", Decimal(12))
    assert lying_in(told_as_a_sum, {"A"}) is told_as_a_sum


@pytest.mark.parametrize(
    ("mapping", "code", "leaves"),
    [
        (Mapping(), "KAOS", set()),
        (Mapping(warehouses={"*": "A", "toko-2": "B"}), "KAOS", {"A", "B"}),
        (Mapping(warehouses={"*": "A"}, rules=(Rule("warehouse", "B", code="BUKU-"),)), "BUKU-1", {"B"}),
        (Mapping(warehouses={"*": "A"}, rules=(Rule("warehouse", "B", code="BUKU-"),)), "KAOS", {"A"}),
        (Mapping(warehouses={"*": "A"}, rules=(Rule("warehouse", "B", channel="grosir"),)), "KAOS", {"A", "B"}),
        (Mapping(rules=(Rule("warehouse", "B", channel="grosir"),)), "KAOS", set()),
        (Mapping(warehouses={"*": "A"}, rules=(Rule("account:sales", "4-1", code="K"),)), "KAOS", {"A"}),
    ],
)
def test_the_warehouses_that_a_product_may_leave(mapping: Mapping, code: str, leaves: set[str]) -> None:
    assert mapping.leaves_from(code) == leaves
