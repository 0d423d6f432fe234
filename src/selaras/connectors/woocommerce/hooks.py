"""WooCommerce's webhooks: what a delivery asks to look at, and keeping them switched on.

Facts (reference/store-billing-payment-apis.md §2, reference/observed.md): the signature is the base64 HMAC-SHA256 of
the raw body and of nothing else, so neither the topic nor the time is proven; the delivery id is made of the webhook
and the second, so different orders share it; saving a webhook sends an unsigned form `webhook_id=N` that wants 200;
there is no second try, and the seventh failure in a row switches a webhook off. Switched on again by its status it
keeps its count of failures, and the next one ends it: a disabled webhook is therefore replaced by a new one.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

import msgspec

from selaras.connectors.contract import BadSignature, Hint, Rejected, Webhook
from selaras.connectors.signatures import verify_hmac
from selaras.connectors.woocommerce.client import Client
from selaras.connectors.woocommerce.wire import WireHook

TOPICS: Final = ("order.created", "order.updated", "order.deleted", "order.restored")
"""What we ask to be told. Each order that takes stock also changes its products; those are polled instead."""

_ON: Final = "active"


class _Told(msgspec.Struct):
    """The part of a body that says what to look at. Nothing else of it is believed."""

    id: int | str = ""
    type: str = ""


def hints(webhook: Webhook, secret: str) -> list[Hint]:
    """What a delivery asks to look at. Raises `BadSignature`.

    A ping asks for nothing, and so needs no proof. A product with variations is polled: a change of one of them may be
    told under the product's id.
    """
    given = webhook.headers.get("x-wc-webhook-signature", "")
    if not given and _is_ping(webhook.body):
        return []
    if not verify_hmac(secret, webhook.body, given, encoding="base64"):
        raise BadSignature("the delivery is not signed with the secret of this connection")
    resource, _, event = webhook.headers.get("x-wc-webhook-topic", "").partition(".")
    if resource not in ("order", "product"):
        return []
    try:
        told = msgspec.json.decode(webhook.body, type=_Told)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return [Hint(resource, "")]
    id = str(told.id)
    if not (id.isascii() and id.isdigit()) or (resource == "product" and (told.type != "simple" or event == "deleted")):
        return [Hint(resource, "")]
    return [Hint(resource, id)]


def _is_ping(body: bytes) -> bool:
    name, _, number = body.partition(b"=")
    return name == b"webhook_id" and number.isdigit()


async def subscribe(client: Client, url: str, connection: str, secret: str, *, known: bool) -> str:
    """Make sure that each of `TOPICS` is told to `url`, once; "restored" when one had been switched off or lost.

    The name of a webhook carries a mark of the secret, which the store never shows: where the secret was changed, the
    webhook is replaced.
    """
    mine = [hook for hook in await client.webhooks() if hook.delivery_url == url]
    kept = {topic: _good(mine, topic, _name(connection, topic, secret)) for topic in TOPICS}
    lacking = [topic for topic, hook in kept.items() if hook is None]
    stay = {hook.id for hook in kept.values() if hook is not None}
    spare = [hook for hook in mine if hook.id not in stay]
    if not lacking and not spare:
        return "ok"
    create = [
        {
            "name": _name(connection, topic, secret),
            "topic": topic,
            "delivery_url": url,
            "secret": secret,
            "status": _ON,
        }
        for topic in lacking
    ]
    made = await client.change_webhooks(create, [hook.id for hook in spare])
    for item in made:
        if item.error is not None:
            raise Rejected(
                f"the store makes no webhook to {url}: {item.error.message}",
                code="webhook_refused",
                field="public_url",
                cure="The address of Selaras must be public and on port 80, 443 or 8080, and answer the store's ping.",
            )
    off = any(hook.status != _ON for hook in spare if hook.topic in lacking)
    return "restored" if off or (known and any(_never(mine, topic) for topic in lacking)) else "ok"


def _good(hooks: Sequence[WireHook], topic: str, name: str) -> WireHook | None:
    return next((h for h in hooks if h.topic == topic and h.name == name and h.status == _ON), None)


def _never(hooks: Sequence[WireHook], topic: str) -> bool:
    return not any(hook.topic == topic for hook in hooks)


def _name(connection: str, topic: str, secret: str) -> str:
    mark = hmac.new(secret.encode(), b"selaras webhook name", hashlib.sha256).hexdigest()[:8]
    return f"Selaras {connection} {topic} {mark}"
