"""Midtrans' notifications: is one from Midtrans, and which payment does it ask to look at?

The signature is SHA-512 over `order_id + status_code + gross_amount + server_key`, the amount as the text that was
sent ("100000.00") (https://docs.midtrans.com/reference/handle-notifications). Nothing else is under it: a message
that was once signed may come again with another `transaction_status`, `transaction_id`, `fraud_status` or refunds and
verify. So a notification says "look", and what is booked is what the status call answers
(reference/store-billing-payment-apis.md §15). They come twice, and out of order.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from selaras.connectors.contract import BadSignature, Hint, Webhook


class _Told(msgspec.Struct):
    """The signed parts as the texts that were sent, and the id that is looked at."""

    order_id: str
    status_code: str
    gross_amount: str
    signature_key: str
    transaction_id: str = ""


_decoder = msgspec.json.Decoder(_Told)


def signature_of(order_id: str, status_code: str, gross_amount: str, server_key: str) -> str:
    """The `signature_key` of a notification, in hex."""
    return hashlib.sha512(f"{order_id}{status_code}{gross_amount}{server_key}".encode()).hexdigest()


def hints(webhook: Webhook, server_key: str) -> list[Hint]:
    """The payment that a notification asks to look at. Raises `BadSignature`.

    By the transaction's id where there is one: one order may have several (a second try), and BI-SNAP and DANA payments
    answer to nothing else. That it is not signed does no harm, for it only chooses what is read.
    """
    try:
        told = _decoder.decode(webhook.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise BadSignature("the notification is not one of a Midtrans payment") from None
    expected = signature_of(told.order_id, told.status_code, told.gross_amount, server_key)
    if not server_key or not hmac.compare_digest(expected.encode(), told.signature_key.lower().encode()):
        raise BadSignature("the notification is not signed with the server key of this connection")
    return [Hint("payment", told.transaction_id or told.order_id)]
