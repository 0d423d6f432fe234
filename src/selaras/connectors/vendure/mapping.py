"""Vendure's orders ⇄ the model. Pure; the store's units, states and oddities end here.

Facts: reference/store-billing-payment-apis.md §5 and reference/observed.md "Vendure". `code` is what people call an
order; a cart is an order that was never placed; a guest is a customer like any other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.answers import damaged, repaired
from selaras.connectors.contract import Seen, Transient
from selaras.connectors.vendure.amounts import to_unit
from selaras.connectors.vendure.lines import lines_back, lines_cancelled, lines_of
from selaras.connectors.vendure.paid import entries_of, payments_of
from selaras.connectors.vendure.returns import Back, backs_of, standing
from selaras.connectors.vendure.wire import EPOCH, Scale, WireAddress, WireHead, WireOrder, decoder, utc
from selaras.model.money import ZERO
from selaras.model.order import Order, OrderStatus, Refund, Shipment
from selaras.model.party import Address, Buyer

UNPLACED: Final = frozenset({"Created", "Draft", "AddingItems", "ArrangingPayment"})
STATES: Final[Mapping[str, OrderStatus]] = {
    **dict.fromkeys(UNPLACED, "draft"),
    "PaymentAuthorized": "pending",
    "PaymentSettled": "open",
    "PartiallyShipped": "open",
    "Shipped": "open",
    "PartiallyDelivered": "open",
    "Modifying": "open",
    "ArrangingAdditionalPayment": "open",
    "Delivered": "completed",
    "Cancelled": "cancelled",
}
"""Vendure's own states; one that a shop has added is open."""

_SENT: Final = frozenset({"Shipped", "Delivered"})
_decoder = decoder(WireOrder)
_head_decoder = decoder(WireHead)


class Reading(msgspec.Struct, frozen=True):
    """How one channel is read. `main`: it is the default channel, which lists the parts of split orders as well."""

    zone: ZoneInfo
    scale: Scale
    main: bool = True


def order_of(wire: WireOrder, scale: Scale) -> Order:
    """An order that was placed, with its refunds. Raises `UnknownCurrency` never; amounts stay exact then."""
    status = STATES.get(wire.state, "open")
    cancelled = status == "cancelled"
    backs = [] if cancelled else backs_of(wire)
    total, lines = lines_cancelled(wire, scale) if cancelled else lines_of(wire, backs, scale)
    reason, cancelled_at = _cancellation(wire) if cancelled else ("", None)
    entries = entries_of(wire)
    return Order(
        id=wire.id,
        number=wire.code,
        currency=wire.currency_code,
        total=total,
        placed_at=utc(wire.order_placed_at or wire.created_at),
        updated_at=utc(wire.updated_at),
        status=status,
        buyer=buyer_of(wire),
        lines=lines,
        tax_included=scale.tax_included,
        payments=payments_of(wire, entries, scale),
        refunds=_money_back(wire, scale) if cancelled else tuple(_refund(wire, back, scale) for back in backs),
        shipments=_shipments(wire),
        cancel_reason=reason,
        cancelled_at=cancelled_at,
    )


def _refund(order: WireOrder, back: Back, scale: Scale) -> Refund:
    amount, lines = lines_back(back, order, scale)
    wire = back.refund
    return Refund(
        id=wire.id + back.suffix,
        amount=amount,
        refunded_at=utc(wire.created_at),
        lines=lines,
        reason=wire.reason or "",
        # Goods that left the order were released or put back on the shelf by Vendure; others stay with the buyer.
        restock=back.restored and any(line.kind == "product" for line in lines),
        paid_back=wire.state == "Settled",
        method=back.payment.method,
    )


def _money_back(order: WireOrder, scale: Scale) -> tuple[Refund, ...]:
    """Refunds of a cancelled order: money alone, for the cancellation takes the goods back."""
    made = []
    for payment, wire in standing(order):
        amount = to_unit(scale.major(wire.total), order.currency_code)
        at, why = utc(wire.created_at), wire.reason or ""
        made.append(
            Refund(wire.id, amount, at, reason=why, paid_back=wire.state == "Settled", method=payment.method)
        )  # fmt: skip
    return tuple(made)


def _cancellation(wire: WireOrder) -> tuple[str, dt.datetime | None]:
    """Why and when the last pieces were cancelled, from the order's history."""
    for entry in reversed(wire.history.items):
        if entry.type == "ORDER_CANCELLATION":
            reason = entry.data.get("reason") if isinstance(entry.data, dict) else ""
            return str(reason or ""), utc(entry.created_at)
    return "", None


def _shipments(wire: WireOrder) -> tuple[Shipment, ...]:
    """Parcels that have left. Vendure keeps when one was made, not when it left."""
    return tuple(
        Shipment(one.id, utc(one.created_at), one.tracking_code or "", one.method)
        for one in wire.fulfillments or ()
        if one.state in _SENT
    )


def buyer_of(wire: WireOrder) -> Buyer:
    """Who ordered: the customer, else the name on an address. One word is a whole name."""
    person = wire.customer
    place = wire.shipping_address or wire.billing_address or WireAddress()
    bill = wire.billing_address or WireAddress()
    name = " ".join(filter(None, (person.first_name.strip(), person.last_name.strip()))) if person else ""
    phone = (person.phone_number if person else "") or place.phone_number or bill.phone_number or ""
    return Buyer(
        name=name or (place.full_name or bill.full_name or place.company or "").strip(),
        email=person.email_address.strip() if person else "",
        phone=phone.strip(),
        id=person.id if person else "",
        address=Address(
            ", ".join(filter(None, (place.street_line1, place.street_line2))),
            place.city or "",
            place.province or "",
            place.postal_code or "",
            place.country_code or "",
        ),
    )


# -- rows -------------------------------------------------------------------------------------------------------------


def order_seen(raw: bytes, reading: Reading) -> Seen | None:
    """A row of the list of orders; None for a cart, and for a part of a split order in the default channel.

    A row that cannot be read becomes an order that says so: it is counted and blocked, and holds up no other. Raises
    `Transient` when not even its id can be read.
    """
    whole = repaired(raw)
    try:
        wire = _decoder.decode(whole)
        if wire.order_placed_at is None or wire.state in UNPLACED or (wire.type == "Seller" and reading.main):
            return None
        order = order_of(wire, reading.scale)
    except (msgspec.MsgspecError, ValueError, ArithmeticError) as error:
        return _broken(whole, reading.zone, str(error))
    if whole is not raw:
        order = msgspec.structs.replace(order, unreadable=f"{', '.join(damaged(raw))} is not UTF-8")
    day = order.placed_at.astimezone(reading.zone).date()
    return Seen("order", order.id, order, raw, order.updated_at, day, order.number, order.total, order.currency)


def _broken(raw: bytes, zone: ZoneInfo, why: str) -> Seen:
    try:
        head = _head_decoder.decode(raw)
    except msgspec.MsgspecError:
        raise Transient("a row of the store's list of orders has no readable id", code="unreadable") from None
    at = utc(head.updated_at)
    placed = utc(head.order_placed_at or EPOCH)
    number = head.code or head.id
    order = Order(
        id=head.id, number=number, currency="", total=ZERO, placed_at=placed, updated_at=at, unreadable=why
    )  # fmt: skip
    return Seen("order", order.id, order, raw, at, placed.astimezone(zone).date(), number)


def missing(kind: str, key: str, now: dt.datetime, zone: ZoneInfo) -> Seen:
    """A record that the store does not have (any more)."""
    return Seen(kind, key, None, b"", now, now.astimezone(zone).date())
