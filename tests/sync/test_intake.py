"""What counts as a change of a record: everything but the stamp of its last change."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec

from selaras.connectors.contract import Seen
from selaras.model.order import Order
from selaras.model.party import Buyer
from selaras.model.product import Stock
from selaras.sync.intake import as_new_record

NOW = dt.datetime(2018, 9, 13, 3, 0, tzinfo=dt.UTC)


def digest(record: object, kind: str = "order") -> str:
    return as_new_record("toko", Seen(kind, "1", record, b"{}", NOW, NOW.date())).digest


def test_only_the_stamp_moved() -> None:
    order = Order("1", "1001", "IDR", Decimal(5), NOW, NOW, note='he said "updated_at":"now"')
    later = msgspec.structs.replace(order, updated_at=NOW + dt.timedelta(days=1))
    assert digest(order) == digest(later)
    assert digest(Stock("A", Decimal(1), updated_at="x"), "stock") == digest(
        Stock("A", Decimal(1), updated_at="yy"), "stock"
    )


def test_anything_else_is_a_change() -> None:
    order = Order("1", "1001", "IDR", Decimal(5), NOW, NOW)
    for changed in (
        msgspec.structs.replace(order, total=Decimal(6)),
        msgspec.structs.replace(order, placed_at=NOW + dt.timedelta(days=1)),
        msgspec.structs.replace(order, buyer=Buyer("Budi")),
        msgspec.structs.replace(order, note="x"),
    ):
        assert digest(changed) != digest(order)
