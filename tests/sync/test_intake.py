"""What counts as a change of a record: everything but the stamp of its last change."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import msgspec

from selaras.connectors.contract import Seen
from selaras.model.order import Order
from selaras.model.party import Buyer
from selaras.model.product import Stock
from selaras.sync.intake import as_new_record
from tests.sync.world import a_world

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


async def test_an_order_that_vanished_is_told_once_and_no_longer_awaited(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), method="transfer")
        await world.sync()
        intake = world.service.intakes["toko"]
        seen = Seen("order", str(order["id"]), None, b"", NOW, NOW.date())
        for _ in range(2):
            await intake.keep_page("order", [seen], "reread")
        events = [e for e in await world.hub.desk(world.ledger.connections.events) if e[3] == "record_vanished"]
        assert len(events) == 1
        assert order["number"] in events[0][4]
        assert await world.hub.desk(world.ledger.records.open_records, "toko", "order") == []
