"""Hints: what the package `plugins/medusa-selaras-hints` sends from inside the store.

Medusa has no webhooks. The package subscribes to its events and posts `{event, data, order_id?}` with two headers:
`x-selaras-time`, Unix seconds, and `x-selaras-signature`, the hex HMAC-SHA256 of the time, a full stop and the raw
body. So neither the body nor the time can be changed, and what was overheard cannot be played again after five minutes.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from selaras.connectors.contract import BadSignature, Hint, Webhook
from selaras.connectors.signatures import fresh, verify_hmac

TIME: Final = "x-selaras-time"
SIGNATURE: Final = "x-selaras-signature"
WINDOW: Final = 300.0
_MONEY: Final = ("order", "payment", "order-edit", "shipment", "delivery", "return", "claim", "exchange")


class _Told(msgspec.Struct):
    """The part of a body that says what to look at. Nothing else of it is believed."""

    event: str = ""
    order_id: str = ""
    data: Any = None


def hints(webhook: Webhook, secret: str) -> list[Hint]:
    """What a delivery asks to look at. Raises `BadSignature`."""
    time = webhook.headers.get(TIME, "")
    signed = time.encode() + b"." + webhook.body
    if not verify_hmac(secret, signed, webhook.headers.get(SIGNATURE, ""), encoding="hex"):
        raise BadSignature("the delivery is not signed with the secret of this connection")
    if not fresh(time, webhook.received_at, WINDOW):
        raise BadSignature("the delivery is too old, or the store's clock is wrong")
    try:
        told = msgspec.json.decode(webhook.body, type=_Told)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []
    subject, _, _what = told.event.partition(".")
    if subject == "inventory":
        return [Hint("stock", "")]
    if subject in ("product", "product-variant"):
        return [Hint("product", "")]
    if subject not in _MONEY:
        return []
    data = told.data if isinstance(told.data, dict) else {}
    order = told.order_id or data.get("order_id") or (data.get("id") if subject == "order" else "")
    return [Hint("order", order if isinstance(order, str) else "")]
