"""Payments of an order: captures, and those that we wrote into it because the books have the money.

What is authorised is a promise; what is captured is money. Money that was found in the books is kept in the order's
metadata under `selaras_payments`, with the collection that was marked paid by it, so that it is known again when the
order is read, and nothing of it is booked a second time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from selaras.connectors.medusa.lines import Sums
from selaras.connectors.medusa.wire import WireOrder
from selaras.model.order import Payment

META: Final = "selaras_payments"


class Entry(msgspec.Struct, frozen=True):
    """Money of the books that an order was told of. `marked`: payments and collections that stand for our money."""

    reference: str
    amount: Decimal
    currency: str
    paid_at: dt.datetime
    method: str = ""
    marked: tuple[str, ...] = ()


_decoder = msgspec.json.Decoder(list[Entry])
_encoder = msgspec.json.Encoder(decimal_format="string")


def entries_of(metadata: Mapping[str, msgspec.Raw] | None) -> list[Entry]:
    """What we wrote into an order. Raises `msgspec.MsgspecError` when somebody else wrote into our field."""
    raw = (metadata or {}).get(META)
    if raw is None or bytes(raw) == b"null":
        return []
    text = msgspec.json.decode(raw)
    return _decoder.decode(text if isinstance(text, str) else bytes(raw))


def text_of(entries: list[Entry]) -> str:
    """The field's value."""
    return _encoder.encode(entries).decode()


def payments_of(order: WireOrder, currency: str) -> tuple[Payment, ...]:
    """The payments of an order, oldest first. Captures in parts are rounded so that their sum is the rounded sum."""
    ours = entries_of(order.metadata)
    marked = {id for entry in ours for id in entry.marked}
    found: list[tuple[dt.datetime, str, Decimal, str, str]] = []
    for collection in order.payment_collections or ():
        for payment in collection.payments or ():
            if payment.id in marked or collection.id in marked:
                continue
            for capture in payment.captures or ():
                found.append((capture.created_at, capture.id, capture.value, payment.provider_id or "", payment.id))
    sums = Sums(currency)
    made = [Payment(e.reference, e.amount, e.paid_at, e.method, e.reference, "books") for e in ours]
    for at, id, amount, method, reference in sorted(found):
        part = sums.next(amount)
        if part > 0:
            made.append(Payment(id, part, at.astimezone(dt.UTC), method, reference))
    return tuple(made)
