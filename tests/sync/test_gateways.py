"""From a gateway's notification to the ledger: one record, its last state, whatever came and how often."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest

from selaras.connectors.contract import Tools, Webhook
from selaras.connectors.midtrans import build as build_midtrans
from selaras.connectors.xendit import build as build_xendit
from selaras.engine.service import Service
from selaras.ledger import Desk, open_ledger
from selaras.ledger.values import RecordKey
from selaras.model.settlement import GatewayPayment
from selaras.sync.hub import Hub
from selaras.sync.intake import Intake
from tests.connectors.midtrans import standin as mt
from tests.connectors.xendit import standin as xd
from tests.sync.target import Plain


class House:
    """Both gateways connected to one ledger on disk."""

    def __init__(self, hub: Hub, midtrans: mt.StandIn, xendit: xd.StandIn) -> None:
        self.hub, self.midtrans, self.xendit = hub, midtrans, xendit
        self.intakes = {name: Intake(hub, name) for name in hub.connectors}

    async def deliver(self, name: str, webhook: Webhook) -> None:
        keys = [RecordKey(name, hint.kind, hint.id) for hint in self.hub.connectors[name].hints(webhook)]
        await self.hub.desk.write(self.hub.desk.ledger.records.hint, keys, "webhook", self.hub.now())

    async def look(self, name: str) -> None:
        await self.intakes[name].look("payment")

    async def payments(self, name: str) -> list[GatewayPayment]:
        rows = await self.hub.desk(self.hub.desk.ledger.records.all, name, "payment")
        return [msgspec.json.decode(row.body, type=GatewayPayment) for row in rows]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        midtrans = await stack.enter_async_context(mt.midtrans())
        xendit = await stack.enter_async_context(xd.xendit())
        # An hour after the stand-ins' payments, whatever day it is: of old ones nothing is awaited any more.
        ahead = mt.START.timestamp() + 3600 - time.time()
        m = {"server_key": mt.KEY, "base_url": midtrans.url, "rate": "1000"}
        x = {"secret_key": xd.KEY, "callback_token": xd.TOKEN, "base_url": xendit.url, "rate": "60000"}
        hub = Hub(Desk(open_ledger(tmp_path, Plain())), {
            "midtrans": build_midtrans(m, Tools("midtrans", "Asia/Jakarta", None, time.time)),
            "xendit": build_xendit(x, Tools("xendit", "Asia/Jakarta", None, time.time)),
        }, [], lambda: time.time() + ahead)  # fmt: skip
        stack.push_async_callback(hub.close)
        yield House(hub, midtrans, xendit)


async def test_every_order_of_notices_ends_alike(house: House) -> None:
    """Trap 6: pending, settled, refunded, confirmed by the bank: in every order, each twice, looked at in between."""
    for turn, order in enumerate(itertools.permutations(range(4))):
        payment = house.midtrans.pay(f"order-{turn}", 150_000, "pending")
        notices = [house.midtrans.notice(payment)]
        house.midtrans.become(payment, "settlement")
        notices.append(house.midtrans.notice(payment))
        house.midtrans.refund(payment, 30_000)
        notices.append(house.midtrans.notice(payment))
        house.midtrans.confirm(payment)
        notices.append(house.midtrans.notice(payment))
        for place in order:
            await house.deliver("midtrans", notices[place])
            await house.deliver("midtrans", notices[place])
            if place % 2:
                await house.look("midtrans")
    await house.look("midtrans")
    found = await house.payments("midtrans")
    assert len(found) == 24
    assert {(p.state, int(p.received), int(p.refunded)) for p in found} == {("paid", 150_000, 30_000)}


async def test_five_at_once_are_one(house: House) -> None:
    """Trap 5."""
    payment = house.midtrans.pay("1001", 150_000)
    await asyncio.gather(*(house.deliver("midtrans", house.midtrans.notice(payment)) for _ in range(5)))
    await house.look("midtrans")
    assert len(await house.payments("midtrans")) == 1
    assert sum(house.midtrans.calls.values()) == 1


async def test_a_day_without_webhooks_loses_nothing_at_xendit(house: House) -> None:
    """Promise 1: what was never told is found by the poll, and a hundred webhooks are one."""
    for n in range(120):
        house.xendit.pay(str(n), 10_000 + n)
    house.xendit.tick(3600)
    for n in range(100):
        await house.deliver("xendit", house.xendit.delivery({"external_id": str(n)}))
    await house.look("xendit")
    assert len(await house.payments("xendit")) == 120
    assert sum(house.xendit.calls.values()) == 3 + 1
    for row in house.xendit.rows:
        house.xendit.settle(row)
    house.xendit.tick(3600)
    await house.intakes["xendit"].poll("payment")
    found = await house.payments("xendit")
    assert all(p.fee == 4000 and p.settled_at is not None and not p.unexplained for p in found)


async def test_settled_then_taken_back_is_seen(house: House) -> None:
    """Trap 14: the next look says so."""
    payment = house.midtrans.pay("1001", 150_000)
    for status, state in (("settlement", "paid"), ("deny", "reversed")):
        house.midtrans.become(payment, status)
        await house.deliver("midtrans", house.midtrans.notice(payment))
        await house.look("midtrans")
        (now,) = await house.payments("midtrans")
        assert now.state == state


async def test_the_engine_reads_a_gateway_that_belongs_to_no_pair(house: House) -> None:
    """Notified, polled, and asked for again when the notification was lost."""
    waiting = house.midtrans.pay("1001", 150_000, "pending")
    house.xendit.pay("2001", 50_000)
    house.xendit.tick(60)
    await house.deliver("midtrans", house.midtrans.notice(waiting))
    service = Service(house.hub, {"reread": "every 60s"})
    await service.start()
    try:
        assert await service.settle(120)
        assert [p.state for p in await house.payments("midtrans")] == ["pending"]
        assert [p.state for p in await house.payments("xendit")] == ["paid"]
    finally:
        await service.stop()
    house.midtrans.become(waiting, "settlement")  # and nobody tells
    assert await house.intakes["midtrans"].reread_open("payment", 0.0) == 1
    assert [p.state for p in await house.payments("midtrans")] == ["paid"]
    assert await house.intakes["midtrans"].reread_open("payment", 0.0) == 0
