"""The contract of a store's webhooks: who may speak, what is heard, and that the line is kept open."""

from __future__ import annotations

import datetime as dt
import json

import msgspec
import pytest

from selaras.connectors.contract import BadSignature, Hint, Webhook
from selaras.connectors.kit.rigs import StoreRig


@pytest.mark.asyncio
class WebhookContract:
    """Part of `StoreContract`."""

    async def test_an_authentic_delivery_names_its_record(self, rig: StoreRig) -> None:
        connector = await rig.connector()
        (id,) = await rig.place_orders(1)
        for delivery in await rig.deliveries([id]):
            assert Hint("order", id) in connector.hints(delivery)

    async def test_the_signature_is_of_the_bytes(self, rig: StoreRig) -> None:
        """Trap 7: the same JSON written again, another body, another secret, no signature: all refused."""
        connector = await rig.connector()
        (id,) = await rig.place_orders(1)
        (delivery,) = await rig.deliveries([id])
        connector.hints(delivery)
        written_again = json.dumps(json.loads(delivery.body), indent=1).encode()
        assert written_again != delivery.body
        changed = delivery.body.replace(id.encode(), b"1" + id.encode())
        bodies = [written_again, changed, delivery.body + b" ", b"", b"{}"]
        forged = [msgspec.structs.replace(delivery, body=body) for body in bodies]
        for name, value in delivery.headers.items():
            if "sign" in name or "hmac" in name:
                without = {k: v for k, v in delivery.headers.items() if k != name}
                forged.append(msgspec.structs.replace(delivery, headers=without))
                forged.append(msgspec.structs.replace(delivery, headers={**delivery.headers, name: ""}))
                forged.append(msgspec.structs.replace(delivery, headers={**delivery.headers, name: value[::-1]}))
        forged.append(Webhook(headers={}, body=delivery.body, received_at=delivery.received_at))
        for number, webhook in enumerate(forged):
            with pytest.raises(BadSignature):
                raise AssertionError(f"forgery {number} was heard: {connector.hints(webhook)}")

    async def test_an_old_delivery_played_again_is_refused(self, rig: StoreRig) -> None:
        connector = await rig.connector()
        (id,) = await rig.place_orders(1)
        (delivery,) = await rig.deliveries([id])
        if not any("time" in name for name in delivery.headers):
            pytest.skip("the store does not stamp its deliveries with a time")
        late = delivery.received_at + dt.timedelta(days=1)
        with pytest.raises(BadSignature):
            connector.hints(msgspec.structs.replace(delivery, received_at=late))

    async def test_four_orders_under_one_delivery_id_are_four_hints(self, rig: StoreRig) -> None:
        """Trap 5, false duplicates: a delivery id says nothing about what is in the delivery."""
        connector = await rig.connector()
        ids = await rig.place_orders(4, same_second=True)
        deliveries = await rig.deliveries(ids)
        heard = {hint.id for delivery in deliveries for hint in connector.hints(delivery) if hint.kind == "order"}
        assert heard == set(ids)

    async def test_a_delivery_that_comes_again_says_the_same(self, rig: StoreRig) -> None:
        """Trap 5, true duplicates: what was heard before is the ledger's to know; the connector keeps nothing."""
        connector = await rig.connector()
        (id,) = await rig.place_orders(1)
        (delivery,) = await rig.deliveries([id])
        assert [connector.hints(delivery) for _ in range(5)] == [[Hint("order", id)]] * 5

    async def test_the_unsigned_ping_is_answered_and_says_nothing(self, rig: StoreRig) -> None:
        connector = await rig.connector()
        assert connector.hints(await rig.ping()) == []

    async def test_a_dead_webhook_is_restored(self, rig: StoreRig) -> None:
        """Trap 4: subscribing again finds the subscription that is there, or brings it back to life."""
        connector = await rig.connector()
        if not connector.capabilities.webhooks:
            assert await connector.subscribe("https://hub.example/hook") == "none"
            pytest.skip("the store has no webhooks")
        url = await rig.receiver()
        assert await connector.subscribe(url) in ("ok", "restored")
        alive = await rig.live_webhooks()
        assert alive >= 1
        assert await connector.subscribe(url) == "ok"
        assert await rig.live_webhooks() == alive
        await rig.kill_webhook()
        assert await rig.live_webhooks() == 0
        assert await connector.subscribe(url) == "restored"
        assert await rig.live_webhooks() == alive
        assert await connector.subscribe(url) == "ok"
