"""What counts as a change of a record: everything but the stamp of its last change."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import cast

import msgspec
import pytest

from selaras.connectors.contract import Connector, Seen, Transient
from selaras.ledger import Desk, open_ledger
from selaras.ledger.values import RecordKey
from selaras.model.document import BankTransaction
from selaras.model.order import Order
from selaras.model.party import Buyer
from selaras.model.product import Stock
from selaras.sync.hub import Hub
from selaras.sync.intake import Intake, as_new_record
from tests.sync.target import Clock, Plain, Target
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
        assert await world.hub.desk(world.ledger.records.open_versions, "toko", "order") == {}


async def test_a_line_of_money_that_vanished_is_told_once_and_again_after_it_came_back(tmp_path: Path) -> None:
    """Lines are never open: that one which may pay an order was gone was told to nobody."""
    async with a_world(tmp_path, start=False) as world:
        intake = world.service.intakes["buku"]
        line = BankTransaction("btx1", NOW.date(), Decimal(5), "IDR")
        there = Seen("bank_transaction", "btx1", line, b"", NOW, NOW.date(), "btx1", Decimal(5), "IDR")
        for told, seen in enumerate([there, there, there], start=1):
            await intake.keep_page("bank_transaction", [seen], "poll")
            for _ in range(2):
                await intake.keep_page("bank_transaction", [msgspec.structs.replace(seen, record=None)], "webhook")
            events = [e for e in await world.hub.desk(world.ledger.connections.events) if e[3] == "record_vanished"]
            assert len(events) == told


class OneByOne(Target):
    """Reads each record with a call of its own, and of those calls every fourth fails."""

    calls = 0

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        seen = []
        for record_id in ids:
            self.calls += 1
            if self.calls % 4 == 0:
                raise Transient("no answer")
            order = Order(record_id, record_id, "IDR", Decimal(5), NOW, NOW)
            seen.append(Seen(kind, record_id, order, b"{}", NOW, NOW.date()))
        return seen


async def test_hints_are_read_however_often_a_call_fails(tmp_path: Path) -> None:
    """Ten at once needed ten calls in a row without a failure, which never came."""
    source = OneByOne(Clock(), 0, batch=10)
    hub = Hub(Desk(open_ledger(tmp_path, Plain())), {"toko": cast(Connector, source)}, [], source.clock)
    intake, records = Intake(hub, "toko"), hub.desk.ledger.records
    keys = [RecordKey("toko", "order", str(n)) for n in range(10)]
    await hub.desk.write(records.hint, keys, "webhook", hub.now())
    for _ in range(60):
        with contextlib.suppress(Transient):
            await intake.look("order")
        source.clock.now += 1.0
    assert await hub.desk(records.next_hint, "toko") is None
    assert len(await hub.desk(records.all, "toko", "order")) == 10
    await hub.close()


class Broken(OneByOne):
    """Never answers for the order 0."""

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        if "0" in ids:
            raise Transient("no answer")
        self.calls = 0
        return await super().read(kind, ids)


async def test_one_record_that_is_never_answered_for_holds_up_no_other(tmp_path: Path) -> None:
    source = Broken(Clock(), 0, batch=1)
    hub = Hub(Desk(open_ledger(tmp_path, Plain())), {"toko": cast(Connector, source)}, [], source.clock)
    source.clock.now = NOW.timestamp()
    intake, records = Intake(hub, "toko"), hub.desk.ledger.records
    for n in range(3):
        order = Order(str(n), str(n), "IDR", Decimal(7), NOW, NOW + dt.timedelta(microseconds=n))
        await intake.keep_page("order", [Seen("order", str(n), order, b"{}", order.updated_at, NOW.date())], "poll")
    source.clock.now += 120
    with pytest.raises(Transient):
        await intake.reread_open("order", 60.0)
    source.clock.now += 1
    await intake.reread_open("order", 60.0)
    seen = {one.key.id: one.seen_at for one in await hub.desk(records.all, "toko", "order")}
    assert seen["1"] == seen["2"] == hub.now()
    await hub.close()
