"""Payments of an order: the one that the store knows, and those that we wrote into it because the books have the money.

WooCommerce keeps no payments, only that an order was paid (`date_paid`), by which way, and the gateway's id of it
(`transaction_id`). Money that was found in the books is kept in the meta field `_selaras_payments` of the order, as
JSON text; so it is known again when the order is read, and nothing of it is booked a second time.

A mark without a gateway's id is a person's (or our own) word for the same money: what our entries do not cover of the
total is then the store's payment. A gateway's id stands for money of its own, whatever we wrote.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Final

import msgspec

from selaras.connectors.woocommerce.wire import WireMeta, WireOrder, utc
from selaras.model.money import ZERO
from selaras.model.order import Payment

META: Final = "_selaras_payments"
STORE_PAYMENT: Final = "1"
"""Id of the payment that the store knows: an order has one at most."""

# Midtrans' plugin: the payment's id, and the order id that it used when the first one was taken (trap 13).
_GATEWAY_ID: Final = "_mt_payment_transaction_id"
_SUFFIXED: Final = "_mt_suffixed_midtrans_order_id"


class Entry(msgspec.Struct, frozen=True):
    """Money of the books that an order was told of. `marked`: the order was not paid yet and became so by this."""

    reference: str
    amount: Decimal
    currency: str
    paid_at: dt.datetime
    method: str = ""
    marked: bool = False


_decoder = msgspec.json.Decoder(list[Entry])
_encoder = msgspec.json.Encoder(decimal_format="string")


def entries_of(meta: list[WireMeta]) -> list[Entry]:
    """What we wrote into an order. Raises `msgspec.MsgspecError` when somebody else wrote into our field."""
    for field in meta:
        if field.key == META:
            text = msgspec.json.decode(field.value)
            return _decoder.decode(text if isinstance(text, str) else bytes(field.value))
    return []


def text_of(entries: list[Entry]) -> str:
    """The meta field's value."""
    return _encoder.encode(entries).decode()


def payments_of(order: WireOrder, total: Decimal) -> tuple[Payment, ...]:
    """The payments of an order."""
    ours = entries_of(order.meta_data)
    payments = [Payment(e.reference, e.amount, e.paid_at, e.method, e.reference, "books") for e in ours]
    paid_at = utc(order.date_paid_gmt)
    if paid_at is not None and total > ZERO and not any(entry.marked for entry in ours):
        gateway = reference_of(order)
        rest = total if gateway else total - sum((entry.amount for entry in ours), ZERO)
        if rest > ZERO:
            payments.insert(0, Payment(STORE_PAYMENT, rest, paid_at, order.payment_method or "", gateway))
    return tuple(payments)


def reference_of(order: WireOrder) -> str:
    """What the gateway calls the payment: its id, and the order id that Midtrans knows where that is another one."""
    told: dict[str, str] = {}
    for field in order.meta_data:
        if field.key in (_GATEWAY_ID, _SUFFIXED):
            value = msgspec.json.decode(field.value)
            told[field.key] = str(value) if isinstance(value, str | int) else ""
    return " ".join(filter(None, ((order.transaction_id or "").strip() or told.get(_GATEWAY_ID), told.get(_SUFFIXED))))
