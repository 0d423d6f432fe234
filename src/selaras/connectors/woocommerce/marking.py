"""Writing payments: an order is marked paid because the money was found in the books.

WooCommerce has no payments to add and no key that makes a repeat harmless. So the order is looked at first; our own
meta field (`paid.META`) tells whether this money was written before. Then one batch sets the field and, once our
money covers the order's total, marks the order:

* pending or failed: `set_paid`, by which WooCommerce completes the payment itself: status, date, stock, mails;
* on-hold: its status becomes processing, or completed where there is nothing to send (`set_paid` is ignored there);
* processing or completed (cash on delivery, or marked by hand): the field alone. The order is paid already or needs
  no mark; the date that it has stands for the same money.

A part payment is written down and marks nothing. Cancelled, refunded and binned orders are refused: somebody has to
decide what becomes of the money.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from selaras.connectors.contract import Done, Failed, Outcome, Rejected, Write
from selaras.connectors.woocommerce.client import Client, Item
from selaras.connectors.woocommerce.errors import refused_item
from selaras.connectors.woocommerce.paid import META, Entry, entries_of, text_of
from selaras.connectors.woocommerce.wire import WireOrder, amount
from selaras.model.document import StorePayment
from selaras.model.money import ZERO

_UNPAID = frozenset({"pending", "failed", "on-hold"})
_CLOSED = frozenset({"cancelled", "refunded", "trash"})
_decoder = msgspec.json.Decoder(WireOrder)


class Marking(msgspec.Struct):
    """One order while its payments are written: what it is, what stands in our field, and which writes are new."""

    order: WireOrder
    total: Decimal
    entries: list[Entry]
    places: dict[int, Entry] = {}

    @property
    def pays(self) -> bool:
        """Whether our money covers an order that nobody has marked yet."""
        covered = sum((entry.amount for entry in self.entries), ZERO) >= self.total
        return covered and self.order.date_paid_gmt is None and self.order.status in _UNPAID

    def item(self) -> dict[str, object]:
        """The change of the order."""
        item: dict[str, object] = {"id": self.order.id}
        if self.pays:
            self.entries = [msgspec.structs.replace(entry, marked=True) for entry in self.entries]
            if self.order.status == "on-hold":
                item["status"] = "processing" if self.order.needs_processing else "completed"
            else:
                item["set_paid"] = True
        return item | {"meta_data": [{"key": META, "value": text_of(self.entries)}]}


async def write_payments(client: Client, writes: Sequence[Write]) -> list[Outcome]:
    """Write payments; one outcome for each, in order. A payment that was written before is done."""
    outcomes: dict[int, Outcome] = {}
    payments: dict[int, StorePayment] = {}
    for place, write in enumerate(writes):
        document = write.document
        if isinstance(document, StorePayment) and document.order_id.isascii() and document.order_id.isdigit():
            payments[place] = document
        else:
            outcomes[place] = _refuse("this is no payment of an order of this store", "unknown_order", "order_id")
    ids = list(dict.fromkeys(payment.order_id for payment in payments.values()))
    markings: dict[str, Marking | Failed] = {}
    for raw in await client.orders(ids) if ids else ():
        order = _decoder.decode(raw) if _readable(raw) else None
        if order is not None:
            markings[str(order.id)] = _marking(order)
    for place, payment in payments.items():
        marking = markings.get(payment.order_id)
        if marking is None:
            outcomes[place] = _refuse(
                f"the store has no order {payment.order_id}, or it lies in the bin", "unknown_order", "order_id"
            )
        elif isinstance(marking, Failed):
            outcomes[place] = marking
        else:
            outcome = _add(marking, place, payment)
            if outcome is not None:
                outcomes[place] = outcome
    changed = [m for m in markings.values() if isinstance(m, Marking) and m.places]
    items = await client.update("/orders", [marking.item() for marking in changed]) if changed else []
    for marking, item in zip(changed, items, strict=True):
        for place, entry in marking.places.items():
            outcomes[place] = _outcome(marking, entry, item)
    return [outcomes[place] for place in range(len(writes))]


def _readable(raw: bytes) -> bool:
    try:
        _decoder.decode(raw)
    except msgspec.MsgspecError:
        return False
    return True


def _marking(order: WireOrder) -> Marking | Failed:
    try:
        return Marking(order, amount(order.total), entries_of(order.meta_data))
    except (msgspec.MsgspecError, ValueError):
        return _refuse(
            f"the field {META} of order {order.number} was changed by somebody else", "foreign_meta", "order_id"
        )


def _add(marking: Marking, place: int, payment: StorePayment) -> Outcome | None:
    """Put a payment on its order; the outcome when nothing has to be written."""
    order = marking.order
    for entry in marking.entries:
        if entry.reference == payment.reference:
            if entry.amount == payment.amount and entry.currency == payment.currency:
                return _done(marking, entry, order.status)
            return _refuse(
                f"{payment.reference} was written on order {order.number} as {entry.amount} {entry.currency} before",
                "reference_used",
                "reference",
                "Compare the two payments; one reference can pay one amount only.",
            )
    if payment.currency != order.currency or payment.amount <= ZERO:
        return _refuse(
            f"{payment.amount} {payment.currency} cannot pay order {order.number} in {order.currency}",
            "bad_amount",
            "amount",
            "Compare the payment with the order in the store.",
        )
    if order.status in _CLOSED:
        return _refuse(
            f"order {order.number} is {order.status} in the store, and money came for it",
            "order_closed",
            "order_id",
            "Open the order again in the store, or give the money back; then try again or skip this payment.",
        )
    entry = Entry(payment.reference, payment.amount, payment.currency, payment.paid_at, payment.method)
    marking.entries = [*marking.entries, entry]
    marking.places = marking.places | {place: entry}
    return None


def _outcome(marking: Marking, entry: Entry, item: Item) -> Outcome:
    if item.error is not None:
        return Failed(refused_item(item.error, "order_id"))
    if not _readable(item.raw):
        return _unkept(marking)
    now = _decoder.decode(item.raw)
    try:
        kept = any(one.reference == entry.reference for one in entries_of(now.meta_data))
    except msgspec.MsgspecError:
        kept = False
    if not kept or (marking.pays and now.status in _UNPAID):
        return _unkept(marking)
    return _done(marking, entry, now.status)


def _unkept(marking: Marking) -> Failed:
    return _refuse(
        f"the store has taken the payment of order {marking.order.number} and not kept it",
        "not_kept",
        "order_id",
        "Look whether a plugin of the store undoes changes of orders, then try again.",
    )


def _done(marking: Marking, entry: Entry, status: str) -> Done:
    id = f"{marking.order.id}:{entry.reference}"
    return Done(id, str(marking.order.number), entry.amount, entry.currency, status)


def _refuse(message: str, code: str, field: str, cure: str = "") -> Failed:
    return Failed(Rejected(message, code=code, field=field, cure=cure or "Look at the order in the store."))
