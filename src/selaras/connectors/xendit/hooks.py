"""Xendit's webhooks: is one from Xendit, and what does it ask to look at?

Proof is the account's token in `x-callback-token`; the body is not signed, so nothing in it is believed
(https://docs.xendit.co/docs/handling-webhooks). Deliveries repeat and come in any order. What they ask for is a poll:
the list of transactions by the time of their change tells all that happened, in one call for a hundred deliveries,
and holds what was never delivered, too.
"""

from __future__ import annotations

import msgspec

from selaras.connectors.contract import BadSignature, Hint, Webhook
from selaras.connectors.signatures import verify_secret


class _Told(msgspec.Struct):
    """What says of which kind a delivery is: `event` of the newer ones; older ones are told by their fields."""

    event: str = ""


def hints(webhook: Webhook, token: str) -> list[Hint]:
    """What a delivery asks to look at; an empty id means: poll. Raises `BadSignature`.

    Anything that is not a refund or a payout is taken for a payment: the older products send neither a name for the
    event nor a common form, and a poll for nothing costs one call.
    """
    given = webhook.headers.get("x-callback-token", "")
    if not given or not verify_secret(token, given):
        raise BadSignature("the delivery does not carry the verification token of this connection")
    try:
        event = msgspec.json.decode(webhook.body, type=_Told).event
    except (msgspec.MsgspecError, UnicodeDecodeError):
        event = ""
    if event.startswith("refund"):
        return [Hint("refund", "")]
    if event.startswith(("payout", "withdrawal", "disbursement")):
        return [Hint("payout", "")]
    return [Hint("payment", "")]
