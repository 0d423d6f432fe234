"""Payments of an order: those of the store, and those that we wrote into it because the books have the money.

Money that was found in the books is kept as a private note in the order's history, one sentence that a person can read
and that is known again here. Such a note names the payments of the store that were marked by it: their money is the
same money and is not counted a second time.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from selaras.connectors.vendure.amounts import to_unit
from selaras.connectors.vendure.wire import Scale, WireOrder, utc
from selaras.model.money import ZERO
from selaras.model.order import Payment

MARK: Final = "selaras"
"""Key in the metadata of a payment that we added; its value is our reference."""

_NOTE: Final = re.compile(
    r"Selaras: (?P<amount>\d+(?:\.\d+)?) (?P<currency>[A-Z]{3}) were received on (?P<at>\S+) by (?P<method>.*), "
    r"reference (?P<reference>\S+)(?: \(payments (?P<payments>\S+)\))?\."
)


class Entry(msgspec.Struct, frozen=True):
    """Money of the books that an order was told of; `payments` are ids of the store's payments marked by it."""

    reference: str
    amount: Decimal
    currency: str
    paid_at: dt.datetime
    method: str = ""
    payments: tuple[str, ...] = ()


def entries_of(order: WireOrder) -> list[Entry]:
    """What we wrote into an order; a reference that stands there twice (an answer was lost) counts once."""
    found: dict[str, Entry] = {}
    for one in order.history.items:
        text = one.data.get("note", "") if isinstance(one.data, dict) and one.type == "ORDER_NOTE" else ""
        match = _NOTE.fullmatch(str(text).strip())
        if match is not None:
            entry = Entry(
                match["reference"], Decimal(match["amount"]), match["currency"], dt.datetime.fromisoformat(match["at"]),
                "" if match["method"] == "-" else match["method"], tuple((match["payments"] or "").split(",")),
            )  # fmt: skip
            payments = (
                (*found[entry.reference].payments, *entry.payments) if entry.reference in found else entry.payments
            )
            found[entry.reference] = msgspec.structs.replace(
                entry, payments=tuple(filter(None, dict.fromkeys(payments)))
            )
    return list(found.values())


def text_of(entry: Entry) -> str:
    """The note of an entry."""
    marked = f" (payments {','.join(entry.payments)})" if entry.payments else ""
    at = entry.paid_at.astimezone(dt.UTC).isoformat(timespec="seconds")
    method = entry.method.replace("\n", " ") or "-"
    return (
        f"Selaras: {entry.amount} {entry.currency} were received on {at} by {method}, "
        f"reference {entry.reference}{marked}."
    )


def is_ours(metadata: object) -> bool:
    """Whether we added a payment ourselves."""
    return isinstance(metadata, dict) and bool(metadata.get(MARK))


def payments_of(order: WireOrder, entries: Sequence[Entry], scale: Scale) -> tuple[Payment, ...]:
    """The payments of an order, the store's own first. Authorised is not received."""
    marked = {id for entry in entries for id in entry.payments}
    payments = []
    for wire in order.payments or ():
        if wire.state != "Settled" or wire.amount <= 0 or wire.id in marked or is_ours(wire.metadata):
            continue
        amount = to_unit(scale.major(wire.amount), order.currency_code)
        # A payment that was settled later came when it was settled; a refund of it does not move its stamp.
        payments.append(Payment(wire.id, amount, utc(wire.updated_at), wire.method, wire.transaction_id or ""))
    payments += [Payment(e.reference, e.amount, e.paid_at, e.method, e.reference, "books") for e in entries]
    return tuple(payment for payment in payments if payment.amount > ZERO)
