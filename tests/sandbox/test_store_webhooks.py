"""Deliveries: signed, never tried twice, switched off after five failures in a row, and subject to every fault."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from selaras.sandbox.store import StoreConfig
from tests.connectors.kit_servers import served
from tests.sandbox.store_client import Caller, basket, calling, product


class Delivery(NamedTuple):
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Inbox:
    """A receiver that answers `status`."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.got: list[Delivery] = []

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append(Delivery(headers, await request.read()))
        return web.Response(status=self.status)


@asynccontextmanager
async def rig(config: StoreConfig | None = None) -> AsyncIterator[tuple[Caller, Inbox]]:
    inbox = Inbox()
    async with calling(config) as call, served(inbox.take) as url:
        inbox.url = url + "/hook"
        await call.admin("POST", "/sandbox/products", {"products": [product("A", stock=1000)]})
        yield call, inbox


async def subscribe(call: Caller, inbox: Inbox, *topics: str) -> int:
    made = await call.api("POST", "/api/webhooks", {"url": inbox.url, "topics": topics or ["order.created"]})
    assert made.status == 201, made.json
    return int(made.json["id"])


async def status(call: Caller) -> str:
    return str((await call.api("GET", "/api/webhooks")).json["webhooks"][0]["status"])


async def test_registration_pings_unsigned_and_wants_200() -> None:
    async with rig() as (call, inbox):
        inbox.status = 204
        refused = await call.api("POST", "/api/webhooks", {"url": inbox.url, "topics": ["order.created"]})
        assert (refused.status, refused.json["error"]["code"]) == (422, "ping_failed")
        inbox.status = 200
        key = await subscribe(call, inbox)
        assert inbox.got[-1].body == f"webhook_id={key}".encode()
        assert not [name for name in inbox.got[-1].headers if name.startswith("x-store")]
        unknown = await call.api("POST", "/api/webhooks", {"url": inbox.url, "topics": ["order.sold"]})
        assert (unknown.status, unknown.json["error"]["code"]) == (422, "unknown_topic")


async def test_a_delivery_is_signed_over_time_and_bytes() -> None:
    async with rig() as (call, inbox):
        await subscribe(call, inbox, "order.created", "stock.updated")
        order = (await call("POST", "/checkout", basket("A", quantity=2))).json
        await call.store.webhooks.drain()
        of = {d.headers["x-store-topic"]: d for d in inbox.got[1:]}
        assert set(of) == {"order.created", "stock.updated"}
        delivery = of["order.created"]
        stamp = delivery.headers["x-store-timestamp"]
        assert abs(time.time() - int(stamp)) < 60
        message = stamp.encode() + b"." + delivery.body
        digest = hmac.new(call.store.webhook_secret.encode(), message, hashlib.sha256).digest()
        assert delivery.headers["x-store-signature"] == base64.b64encode(digest).decode()
        assert delivery.json["id"] == order["id"]
        assert delivery.json["total"] == order["total"]
        assert (of["stock.updated"].json["sku"], of["stock.updated"].json["available"]) == ("A", 998)


async def test_the_body_tells_the_state_of_the_moment_it_is_sent() -> None:
    """Changes that wait to be told are told once; the body is the present state, not the event's."""
    async with rig(StoreConfig(webhook_parallel=1)) as (call, inbox):
        await subscribe(call, inbox, "order.updated")
        order = call.store.shop.orders[(await call("POST", "/checkout", basket("A"))).json["id"]]
        for _ in range(5):
            call.store.shop.touch(order)
        order.number = "changed"
        await call.store.webhooks.drain()
        assert [d.json["number"] for d in inbox.got[1:]] == ["changed"]


async def test_the_delivery_id_is_shared_within_a_second() -> None:
    async with rig() as (call, inbox):
        await subscribe(call, inbox)
        for _ in range(30):
            await call("POST", "/checkout", basket("A"))
        await call.store.webhooks.drain()
        ids = {d.headers["x-store-delivery"] for d in inbox.got[1:]}
        seconds = {d.headers["x-store-timestamp"] for d in inbox.got[1:]}
        assert len(inbox.got) == 31
        assert len(ids) == len(seconds)


async def test_five_failures_in_a_row_switch_it_off_until_it_is_restored() -> None:
    async with rig(StoreConfig(webhook_parallel=1)) as (call, inbox):
        key = await subscribe(call, inbox)

        async def sell(times: int) -> None:
            for _ in range(times):
                await call("POST", "/checkout", basket("A"))
                await call.store.webhooks.drain()

        inbox.status = 500
        await sell(4)
        inbox.status = 200
        await sell(1)
        inbox.status = 500
        await sell(4)
        assert await status(call) == "active", "a success in between starts the count afresh"
        await sell(1)
        assert await status(call) == "disabled"
        heard = len(inbox.got)
        inbox.status = 200
        await sell(3)
        assert len(inbox.got) == heard, "nothing is sent while it is off, and nothing again"
        restored = await call.api("POST", f"/api/webhooks/{key}/restore")
        assert restored.json["status"] == "active"
        await sell(1)
        assert len(inbox.got) == heard + 1
        counts = (await call.admin("GET", "/sandbox/truth")).json["webhooks"]
        assert (counts["failed"], counts["delivered"], counts["switched_off"]) == (9, 2, 1)


async def test_lost_deliveries_are_counted() -> None:
    async with rig() as (call, inbox):
        await subscribe(call, inbox)
        await call.admin("POST", "/sandbox/faults", {"drop_webhook": 0.3, "seed": 5})
        for _ in range(100):
            await call("POST", "/checkout", basket("A"))
        await call.store.webhooks.drain()
        counts = (await call.admin("GET", "/sandbox/truth")).json["webhooks"]
        assert counts["events"] == 100
        assert 10 < counts["dropped"] < 60
        assert counts["dropped"] + counts["delivered"] == 100
        assert len({d.json["id"] for d in inbox.got[1:]}) == counts["delivered"]


async def test_repeated_reordered_and_late_deliveries_all_arrive() -> None:
    async with rig(StoreConfig(webhook_parallel=1)) as (call, inbox):
        await subscribe(call, inbox)
        call.store.faults.set(repeat_webhook=0.5, reorder_webhook=0.3, delay_webhook=0.3, delay_webhook_seconds=0.1)
        for _ in range(40):
            await call("POST", "/checkout", basket("A"))
        await call.store.webhooks.drain()
        ids = [d.json["id"] for d in inbox.got[1:]]
        assert set(ids) == set(range(1, 41))
        assert len(ids) > 40
        assert ids != sorted(ids)


async def test_a_receiver_that_is_gone_is_a_failure() -> None:
    async with rig(StoreConfig(webhook_timeout=0.2)) as (call, inbox):
        await subscribe(call, inbox)
        call.store.webhooks.subscriptions[1].url = "http://127.0.0.1:9/hook"
        await call("POST", "/checkout", basket("A"))
        await call.store.webhooks.drain()
        assert call.store.webhooks.counts["failed"] == 1
