"""The stand-in's webhooks: a queue that somebody has to run, one try for each delivery, and its oddities.

* The body is the order when it is sent, not when it happened; of a deleted one it is the id alone.
* The delivery id is a hash of the webhook and the second (WC_Webhook::get_new_delivery_id).
* Saving sends an unsigned ping that must get 200, and is sent again at each save until it does.
* After more than five failures in a row the next one switches the webhook off, and nothing resets the count but a
  success.
* Hosts of private networks and ports other than 80, 443 and 8080 are refused, unless a filter of the site allows
  them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tests.connectors.woocommerce.standin_auth import WooError
from tests.connectors.woocommerce.standin_json import gmt, goods_json, local, order_json
from tests.connectors.woocommerce.standin_shop import Shop

MOST_FAILURES = 5
TOPICS = {
    f"{resource}.{event}"
    for resource in ("order", "product", "customer", "coupon")
    for event in ("created", "updated", "deleted", "restored")
}


@dataclass
class Hook:
    """A webhook; `pending`: its ping has not been answered with 200 yet."""

    id: int
    name: str
    topic: str
    delivery_url: str
    secret: str
    created: int
    status: str = "active"
    failures: int = 0
    pending: bool = True


class Hooks:
    """All webhooks of the shop, and what waits to be sent."""

    def __init__(self, shop: Shop, home: str, *, reaches_private: bool = True) -> None:
        self.shop = shop
        self.home = home
        self.reaches_private = reaches_private
        self.hooks: dict[int, Hook] = {}
        self.queue: list[tuple[int, int]] = []
        self._session: aiohttp.ClientSession | None = None
        shop.told.append(self._happened)

    def _happened(self, topic: str, id: int) -> None:
        for hook in self.hooks.values():
            # Equal pairs that wait already are one.
            if hook.topic == topic and hook.status == "active" and (hook.id, id) not in self.queue:
                self.queue.append((hook.id, id))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def show(self, hook: Hook) -> dict[str, Any]:
        """GET /webhooks/<id>: without the secret."""
        resource, _, event = hook.topic.partition(".")
        return {
            "id": hook.id,
            "name": hook.name,
            "status": hook.status,
            "topic": hook.topic,
            "resource": resource,
            "event": event,
            "hooks": [f"woocommerce_{event}_{resource}"],
            "delivery_url": hook.delivery_url,
            "date_created": local(self.shop, hook.created),
            "date_created_gmt": gmt(hook.created),
            "date_modified": None,
            "date_modified_gmt": None,
        }

    async def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """Make a webhook; one whose ping is not answered by 200 is not made (§2)."""
        if str(body.get("topic", "")).lower() not in TOPICS:
            raise WooError("woocommerce_rest_shop_webhook_invalid_topic", "Webhook topic is required.", 400)
        url = str(body.get("delivery_url", ""))
        if not url.startswith(("http://", "https://")):
            raise WooError("woocommerce_rest_shop_webhook_invalid_delivery_url", "Webhook delivery URL.", 400)
        hook = Hook(
            self.shop.next_id(),
            str(body.get("name", "")),
            body["topic"],
            url,
            str(body.get("secret", "")),
            self.shop.now(),
        )
        hook.status = str(body.get("status", "active"))
        self.hooks[hook.id] = hook
        if await self._ping(hook) != 200:
            del self.hooks[hook.id]
            raise WooError("woocommerce_rest_cannot_create", "Error: Delivery URL cannot be reached.", 400)
        return self.show(hook)

    async def update(self, id: int, body: dict[str, Any]) -> dict[str, Any]:
        """Change a webhook. Its count of failures stays."""
        hook = self.hooks.get(id)
        if hook is None:
            raise WooError("woocommerce_rest_shop_webhook_invalid_id", "ID is invalid.", 400)
        for name in ("name", "topic", "delivery_url", "secret", "status"):
            if body.get(name):
                setattr(hook, name, body[name])
        if hook.pending and hook.status == "active":
            await self._ping(hook)
        return self.show(hook)

    async def _ping(self, hook: Hook) -> int:
        status = await self._post(hook.delivery_url, f"webhook_id={hook.id}".encode(), {
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "WooCommerce/10.0.2 Hookshot (WordPress/6.8.8)",
        })  # fmt: skip
        hook.pending = status != 200
        return status

    def message(self, hook: Hook, id: int) -> tuple[bytes, dict[str, str]] | None:
        """Body and headers of a delivery as of now; None when there is nothing any more."""
        resource, _, event = hook.topic.partition(".")
        if event == "deleted":
            body: dict[str, Any] = {"id": id}
        elif resource == "order":
            if id not in self.shop.orders:
                return None
            body = order_json(self.shop, self.shop.orders[id])
        else:
            body = goods_json(self.shop, self.shop.goods[id])
        # PHP escapes slashes; whoever writes the JSON anew has other bytes.
        raw = json.dumps(body, separators=(",", ":"), ensure_ascii=True).replace("/", "\\/").encode()
        second = self.shop.now()
        headers = {
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": self.home + "/",
            "X-WC-Webhook-Topic": hook.topic,
            "X-WC-Webhook-Resource": resource,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-Signature": base64.b64encode(
                hmac.new(hook.secret.encode(), raw, hashlib.sha256).digest()
            ).decode(),
            "X-WC-Webhook-ID": str(hook.id),
            "X-WC-Webhook-Delivery-ID": hashlib.md5(f"{hook.id}{second}".encode()).hexdigest(),  # noqa: S324
        }
        return raw, headers

    async def run(self) -> int:
        """wp-cron: send what waits, each once. Returns how many were sent."""
        sent = 0
        while self.queue:
            hook_id, id = self.queue.pop(0)
            hook = self.hooks.get(hook_id)
            message = self.message(hook, id) if hook is not None and hook.status == "active" else None
            if hook is None or message is None:
                continue
            sent += 1
            if 200 <= await self._post(hook.delivery_url, *message) < 303:
                hook.failures = 0
            elif hook.failures > MOST_FAILURES:
                hook.status = "disabled"
            else:
                hook.failures += 1
        return sent

    def _refused(self, url: str) -> bool:
        """wp_http_validate_url()."""
        parts = urlsplit(url)
        try:
            private = not ipaddress.ip_address(parts.hostname or "").is_global
        except ValueError:
            private = parts.hostname == "localhost"
        return not self.reaches_private and (private or parts.port not in (None, 80, 443, 8080))

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        if self._refused(url):
            return 0
        if self._session is None:
            self._session = aiohttp.ClientSession()
        try:
            async with self._session.post(
                url, data=body, headers=headers, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=5)
            ) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0
