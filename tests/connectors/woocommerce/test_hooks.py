"""Webhooks: what real deliveries say, who may speak, and that the line is kept open."""

from __future__ import annotations

import base64
import datetime as dt

import pytest
from aiohttp import web

from selaras.connectors.contract import BadSignature, Hint, Rejected, Webhook
from selaras.connectors.kit.checks import drained
from selaras.connectors.signatures import hmac_of
from selaras.connectors.woocommerce.hooks import TOPICS, hints
from tests.connectors.kit_servers import served
from tests.connectors.woocommerce.rig import SECRET, woo_rig
from tests.connectors.woocommerce.standin_json import real
from tests.connectors.woocommerce.test_client import connected

NOW = dt.datetime(2026, 11, 21, 19, 0, tzinfo=dt.UTC)


def delivery(name: str, *, sign: bool = True, topic: str = "") -> Webhook:
    """A real delivery, signed anew with the secret of these tests."""
    caught = real(name)
    body = base64.b64decode(caught["body_b64"])
    headers = {key.lower(): value for key, value in caught["headers"].items()}
    if sign and "x-wc-webhook-signature" in headers:
        headers["x-wc-webhook-signature"] = hmac_of(SECRET, body, encoding="base64")
    if topic:
        headers["x-wc-webhook-topic"] = topic
    return Webhook(headers, body, NOW)


@pytest.mark.parametrize(
    ("name", "topic", "expected"),
    [
        ("webhook-order.created.json", "", [Hint("order", "104")]),
        ("webhook-order.updated.json", "", [Hint("order", "104")]),
        ("webhook-product.updated.json", "", [Hint("product", "12")]),
        ("webhook-product.updated.json", "product.deleted", [Hint("product", "")]),
        ("webhook-order.updated.json", "customer.updated", []),
        ("webhook-order.updated.json", "action.woocommerce_add_to_cart", []),
        ("webhook-ping.json", "", []),
    ],
)
def test_what_real_deliveries_ask_to_look_at(name: str, topic: str, expected: list[Hint]) -> None:
    assert hints(delivery(name, topic=topic), SECRET) == expected


def test_a_real_signature_of_another_secret_is_refused() -> None:
    with pytest.raises(BadSignature):
        hints(delivery("webhook-order.created.json", sign=False), SECRET)
    with pytest.raises(BadSignature):
        hints(delivery("webhook-order.created.json"), "")


def signed(body: bytes, topic: str) -> Webhook:
    headers = {"x-wc-webhook-topic": topic, "x-wc-webhook-signature": hmac_of(SECRET, body, encoding="base64")}
    return Webhook(headers, body, NOW)


@pytest.mark.parametrize(
    ("body", "topic", "expected"),
    [
        (b'{"id":84}', "order.deleted", [Hint("order", "84")]),
        (b'{"id":"84"}', "order.restored", [Hint("order", "84")]),
        (b'{"id":33,"type":"variation"}', "product.updated", [Hint("product", "")]),
        (b'{"id":32,"type":"variable"}', "product.updated", [Hint("product", "")]),
        (b'{"id":null}', "order.updated", [Hint("order", "")]),
        (b'{"id":"../1"}', "order.updated", [Hint("order", "")]),
        (b"[]", "order.updated", [Hint("order", "")]),
        (b"webhook_id=7", "order.updated", [Hint("order", "")]),
        (b'{"id":"8\xff"}', "order.updated", [Hint("order", "")]),
        (b'{"id":33,"type":"\xc3"}', "product.updated", [Hint("product", "")]),
    ],
)
def test_bodies_of_all_kinds(body: bytes, topic: str, expected: list[Hint]) -> None:
    assert hints(signed(body, topic), SECRET) == expected


@pytest.mark.parametrize("body", [b"webhook_id=", b"webhook_id=1&x=2", b"webhook_id=x", b"", b"{}"])
def test_only_a_ping_needs_no_signature(body: bytes) -> None:
    with pytest.raises(BadSignature):
        hints(Webhook({"x-wc-webhook-topic": "order.updated"}, body, NOW), SECRET)


# -- subscribing ------------------------------------------------------------------------------------------------------


async def test_one_webhook_for_each_topic_and_no_more_when_asked_again() -> None:
    async with woo_rig() as rig:
        connector, url = await rig.connector(), await rig.receiver()
        assert await connector.subscribe(url) == "ok"
        hooks = list(rig.woo.hooks.hooks.values())
        assert sorted(h.topic for h in hooks) == sorted(TOPICS)
        assert {(h.secret, h.delivery_url, h.status) for h in hooks} == {(SECRET, url, "active")}
        assert [w.body.startswith(b"webhook_id=") for w in rig.taken] == [True] * len(TOPICS)
        before = rig.woo.total_calls()
        assert await (await rig.connector()).subscribe(url) == "ok"
        assert rig.woo.total_calls() == before + 1


async def test_what_others_have_registered_is_left_alone() -> None:
    async with woo_rig() as rig:
        connector, url = await rig.connector(), await rig.receiver()
        other = await rig.receiver()
        await rig.woo.hooks.create({"topic": "order.created", "delivery_url": other, "secret": "x", "name": "ERP"})
        await connector.subscribe(url)
        assert [h.name for h in rig.woo.hooks.hooks.values() if h.delivery_url == other] == ["ERP"]


async def test_a_new_secret_replaces_the_webhooks_and_doubles_go() -> None:
    async with woo_rig() as rig:
        connector, url = await rig.connector(), await rig.receiver()
        for _ in range(2):
            await rig.woo.hooks.create({"topic": "order.created", "delivery_url": url, "secret": "old", "name": "old"})
        assert await connector.subscribe(url) == "ok"
        assert len(rig.woo.hooks.hooks) == len(TOPICS)
        assert {h.secret for h in rig.woo.hooks.hooks.values()} == {SECRET}


async def test_a_webhook_that_died_starts_with_a_clean_count() -> None:
    """Trap 4: eight failures switch it off; what replaces it must stand more than one."""
    async with woo_rig() as rig:
        connector = await rig.connector()
        broken = False
        heard: list[bytes] = []

        async def take(request: web.Request) -> web.Response:
            heard.append(await request.read())
            return web.Response(status=500 if broken else 200)

        async with served(take) as url:
            await connector.subscribe(url)
            broken = True
            await rig.place_orders(8)
            await rig.woo.hooks.run()
            created = next(h for h in rig.woo.hooks.hooks.values() if h.topic == "order.created")
            assert created.status == "disabled"
            broken = False
            assert await connector.subscribe(url) == "restored"
            created = next(h for h in rig.woo.hooks.hooks.values() if h.topic == "order.created")
            assert (created.status, created.failures) == ("active", 0)
            seen, _ = await drained(connector, "order")
            assert len(seen) == 8
            (id,) = await rig.place_orders(1)
            heard.clear()
            await rig.woo.hooks.run()
            assert any(f'"id":{id},'.encode() in body for body in heard)


async def test_a_webhook_that_was_deleted_is_told_as_restored() -> None:
    async with woo_rig() as rig:
        connector, url = await rig.connector(), await rig.receiver()
        await connector.subscribe(url)
        rig.woo.hooks.hooks.clear()
        assert await connector.subscribe(url) == "restored"
        assert await rig.live_webhooks() == len(TOPICS)


async def test_a_hub_that_the_store_cannot_reach_is_told_with_the_cure() -> None:
    async with woo_rig() as rig:
        rig.woo.hooks.reaches_private = False
        connector = await rig.connector()
        with pytest.raises(Rejected) as caught:
            await connector.subscribe(await rig.receiver())
        assert "443" in caught.value.cure
        assert rig.woo.hooks.hooks == {}


async def test_without_a_secret_there_are_no_webhooks() -> None:
    async with connected(webhook_secret="") as (woo, made):
        assert await made.subscribe("https://hub.example/hook") == "none"
        assert woo.total_calls() == 0


async def test_a_key_that_may_only_read_cannot_subscribe() -> None:
    async with woo_rig() as rig:
        rig.woo.key.permission = "read"
        connector = await rig.connector()
        with pytest.raises(Rejected) as caught:
            await connector.subscribe(await rig.receiver())
        assert caught.value.code == "read_only_key"
