"""Hints of our plugin (`plugins/vendure-selaras-hints`): Vendure itself has no webhooks.

`X-Selaras-Signature` is the hex HMAC-SHA256 of `<X-Selaras-Timestamp>.<raw body>`; the body is `{"kind", "id"}`. A
delivery more than five minutes from our clock is refused, so an old one cannot be played again later.
"""

from __future__ import annotations

import msgspec

from selaras.connectors.contract import BadSignature, Hint, Webhook
from selaras.connectors.signatures import fresh, verify_hmac

_KINDS = frozenset({"order", "product"})


class _Told(msgspec.Struct):
    kind: str = ""
    id: str = ""


def hints(webhook: Webhook, secret: str) -> list[Hint]:
    """What a delivery asks to look at. Raises `BadSignature`."""
    time = webhook.headers.get("x-selaras-timestamp", "")
    given = webhook.headers.get("x-selaras-signature", "")
    if not verify_hmac(secret, time.encode() + b"." + webhook.body, given, encoding="hex"):
        raise BadSignature("the delivery is not signed with the secret of this connection")
    if not fresh(time, webhook.received_at):
        raise BadSignature("the delivery is older than five minutes, or a clock is wrong")
    try:
        told = msgspec.json.decode(webhook.body, type=_Told)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return [Hint("order", "")]
    return [Hint(told.kind, told.id)] if told.kind in _KINDS else []
