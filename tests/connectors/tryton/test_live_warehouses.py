"""Stock of a real Tryton with two warehouses: each is told apart, and what leaves one is promised from there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from selaras.model.product import Shelf, Stock
from tests.connectors.tryton.shop import Shop, line
from tests.peers.tryton import Database


@pytest.fixture(scope="module")
def second(tryton: Database) -> int:
    """A second warehouse, with 7 of the 100 + 7 pieces in its storage."""
    desk = tryton.desk()
    desk.goods({"KAOS": 100})
    zones = {}
    for kind, name in (("storage", "Gudang 2"), ("storage", "Masuk 2"), ("storage", "Keluar 2")):
        zones[name] = desk.create("stock.location", {"name": name, "type": kind})[0]
    (house,) = desk.create(
        "stock.location",
        {"name": "Bandung", "type": "warehouse", "storage_location": zones["Gudang 2"],
         "input_location": zones["Masuk 2"], "output_location": zones["Keluar 2"],
         "lost_found_location": desk.rows("stock.location", [["type", "=", "lost_found"]], "name")[0]["id"]},
    )  # fmt: skip
    product = desk.one("product.product", [["code", "=", "KAOS"]], "code")["id"]
    (count,) = desk.create(
        "stock.inventory",
        {"location": zones["Gudang 2"], "company": desk.company,
         "lines": [["create", [{"product": product, "quantity": 7}]]]},
    )  # fmt: skip
    desk.press("stock.inventory", "confirm", count)
    return house


@pytest.fixture
async def shop(tryton: Database, second: int) -> AsyncIterator[Shop]:
    made = Shop(tryton)
    yield made
    await made.books.close()


async def stock_of(shop: Shop, code: str) -> Stock:
    (seen,) = await shop.books.read("stock", [code])
    assert isinstance(seen.record, Stock)
    return seen.record


async def test_each_warehouse_is_a_shelf(shop: Shop, second: int) -> None:
    found = await stock_of(shop, "KAOS")
    first = int(found.shelves[0].warehouse)
    assert found.shelves == (Shelf(str(first), Decimal(100)), Shelf(str(second), Decimal(7)))
    assert (int(found.on_hand), int(found.reserved)) == (100, 0), "without a mapping the first warehouse counts"
    seen: list[Any] = (await shop.drained("warehouse"))[0]
    assert {str(first), str(second)} <= {one.id for one in seen}, "a shelf bears the id that a mapping names"

    await shop.put("sales_order", shop.order(await shop.buyer(), from_house(second)))
    found = await stock_of(shop, "KAOS")
    assert [(int(s.on_hand), int(s.reserved)) for s in found.shelves] == [(100, 0), (7, 3)]
    order, _invoice, _id = await shop.sold(from_house(second))
    found = await stock_of(shop, "KAOS")
    assert [(int(s.on_hand), int(s.reserved)) for s in found.shelves] == [(100, 0), (7, 6)], order.reference


async def test_a_connection_that_names_its_warehouse_tells_of_that_alone(tryton: Database, second: int) -> None:
    shop = Shop(tryton, warehouse="Bandung")
    found = await stock_of(shop, "KAOS")
    assert (found.location, int(found.on_hand), found.shelves) == ("Bandung", 7, ())
    await shop.books.close()


def from_house(house: int) -> Any:
    """Three pieces that the mapping sends from a warehouse."""
    return msgspec.structs.replace(line("KAOS", 3, "50000"), warehouse=str(house))
