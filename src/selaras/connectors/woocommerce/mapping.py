"""WooCommerce's orders ⇄ the model. Pure; the store's units, zones, statuses and oddities end here.

Facts: reference/store-billing-payment-apis.md §2 and reference/observed.md "WooCommerce". A guest is customer 0;
`number` is what people call the order and may differ from `id`; `status` may be one that a plugin made.
"""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Mapping, Sequence
from typing import Final, get_args
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.answers import damaged, repaired
from selaras.connectors.contract import Seen, Transient
from selaras.connectors.woocommerce import paid, shipments
from selaras.connectors.woocommerce.amounts import tidy
from selaras.connectors.woocommerce.lines import lines_of
from selaras.connectors.woocommerce.refunds import refunds_of
from selaras.connectors.woocommerce.wire import WireAddress, WireHead, WireOrder, WireRefund, amount, utc
from selaras.model.money import ZERO
from selaras.model.order import Order, OrderStatus
from selaras.model.party import Address, Buyer

UNLISTED: Final = -1
DRAFTS: Final = frozenset({"checkout-draft", "auto-draft", "draft", "new"})
STATUSES: Final[Mapping[str, OrderStatus]] = {
    "pending": "pending",
    "on-hold": "pending",
    "processing": "open",
    "completed": "completed",
    "refunded": "completed",
    "cancelled": "cancelled",
    "failed": "cancelled",
    "trash": "cancelled",
}
"""Statuses of the store itself. On-hold waits for the money (a bank transfer); a failed payment holds no goods and the
order comes to life again when the buyer pays after all; refunded is a sale whose refunds stand beside it."""

_REASONS: Final = {"failed": "payment failed", "trash": "trashed"}
_order_decoder = msgspec.json.Decoder(WireOrder)
_refund_decoder = msgspec.json.Decoder(WireRefund)
_head_decoder = msgspec.json.Decoder(WireHead)


class Row(msgspec.Struct, frozen=True):
    """One row of a list: its id, the second of its last change (Unix time), and its records (none: a draft).

    `second` is `UNLISTED` for what can be read by its id but stands in no list (the bin). A product brings its
    variations with it.
    """

    key: int
    second: int
    seen: tuple[Seen, ...] = ()


class Reading(msgspec.Struct, frozen=True):
    """How one store is read: its zone, what its further statuses mean, where its tracking numbers stand."""

    zone: ZoneInfo
    statuses: Mapping[str, OrderStatus] = msgspec.field(default_factory=lambda: STATUSES)
    tracking: tuple[str, ...] = ()


def statuses_of(setting: str) -> dict[str, OrderStatus]:
    """The setting "shipped=completed, packed=open" on top of `STATUSES`. Raises `ValueError` naming the fault."""
    known = dict(STATUSES)
    for pair in filter(None, (part.strip() for part in setting.split(","))):
        name, _, meaning = (text.strip().removeprefix("wc-") for text in pair.partition("="))
        status = next((s for s in get_args(OrderStatus) if s == meaning), None)
        if not name or status is None:
            raise ValueError(f"{pair!r} is not a status, like shipped=completed ({', '.join(get_args(OrderStatus))})")
        known[name] = status
    return known


def order_of(wire: WireOrder, refunds: Sequence[WireRefund], reading: Reading) -> Order:
    """An order with its refunds. Raises `ValueError` for an amount that cannot be read."""
    total = tidy(amount(wire.total), wire.currency)
    status = reading.statuses.get(wire.status, "open")
    changed = utc(wire.date_modified_gmt) or utc(wire.date_created_gmt)
    assert changed is not None  # noqa: S101 - the created time is there, or decoding had failed
    order = Order(
        id=str(wire.id),
        number=str(wire.number),
        currency=wire.currency,
        total=total,
        placed_at=utc(wire.date_created_gmt) or changed,
        updated_at=changed,
        status=status,
        buyer=buyer_of(wire),
        lines=lines_of(wire, total),
        tax_included=wire.prices_include_tax,
        payments=paid.payments_of(wire, total),
        shipments=shipments.shipments_of(wire, reading.tracking),
        note=wire.customer_note or "",
        channel=wire.created_via or "",
        cancel_reason=_REASONS.get(wire.status, "") if status == "cancelled" else "",
    )
    back = refunds_of(wire, refunds, total, changed, paid=bool(order.payments))
    return msgspec.structs.replace(order, refunds=back) if back else order


# -- people -----------------------------------------------------------------------------------------------------------


def buyer_of(wire: WireOrder) -> Buyer:
    """Who ordered, by the billing address; its telephone number, else that of the shipping address."""
    bill, ship = wire.billing, wire.shipping
    place = ship if ship.address_1 or ship.city else bill
    return Buyer(
        name=name_of(bill) or name_of(ship),
        email=(bill.email or "").strip(),
        phone=(bill.phone or ship.phone or "").strip(),
        id=str(wire.customer_id) if wire.customer_id else "",
        address=Address(
            ", ".join(filter(None, (place.address_1, place.address_2))),
            place.city or "",
            place.state or "",
            place.postcode or "",
            place.country or "",
        ),
    )


def name_of(address: WireAddress) -> str:
    """First and last name. The checkout insists on a last name, so people with one name write it twice, or a dot."""
    first, last = (html.unescape(part or "").strip() for part in (address.first_name, address.last_name))
    if last.casefold() == first.casefold() or not any(char.isalnum() for char in last):
        last = ""
    return " ".join(filter(None, (first, last))) or html.unescape(address.company or "").strip()


# -- rows -------------------------------------------------------------------------------------------------------------


def refunds_named(raw: bytes) -> list[int]:
    """Ids of the refunds that an order names; none where it cannot be read."""
    if b'"refunds":[]' in raw:
        return []  # the usual case, told without reading the order twice
    try:
        return [refund.id for refund in _order_decoder.decode(repaired(raw)).refunds]
    except msgspec.MsgspecError:
        return []


def order_row(raw: bytes, refunds: Sequence[bytes], reading: Reading) -> Row:
    """A row of the list of orders. Drafts have no record: a checkout that was begun is not an order.

    A row that cannot be read becomes an order that says so: it is counted and blocked, and holds up no other. Raises
    `Transient` when not even its id can be read.
    """
    whole = repaired(raw)
    try:
        wire = _order_decoder.decode(whole)
        order = order_of(wire, [_refund_decoder.decode(repaired(refund)) for refund in refunds], reading)
    except (msgspec.MsgspecError, ValueError, ArithmeticError) as error:
        return _broken(raw, reading.zone, str(error))
    if whole is not raw:
        order = msgspec.structs.replace(order, unreadable=f"{', '.join(damaged(raw))} is not UTF-8")
    second = UNLISTED if wire.status == "trash" else int(order.updated_at.timestamp())
    if wire.status in DRAFTS:
        return Row(wire.id, second)
    day = order.placed_at.astimezone(reading.zone).date()
    source = b"[" + b",".join((raw, *refunds)) + b"]" if refunds else raw
    seen = Seen("order", order.id, order, source, order.updated_at, day, order.number, order.total, order.currency)
    return Row(wire.id, second, (seen,))


def _broken(raw: bytes, zone: ZoneInfo, why: str) -> Row:
    try:
        head = _head_decoder.decode(repaired(raw))
    except msgspec.MsgspecError:
        raise Transient("a row of the store's list of orders has no readable id", code="unreadable") from None
    at = utc(head.date_modified_gmt or head.date_created_gmt) or dt.datetime.fromtimestamp(0, dt.UTC)
    order = Order(
        id=str(head.id),
        number=str(head.number or head.id),
        currency="",
        total=ZERO,
        placed_at=utc(head.date_created_gmt) or at,
        updated_at=at,
        unreadable=why,
    )
    day = order.placed_at.astimezone(zone).date()
    return Row(head.id, int(at.timestamp()), (Seen("order", order.id, order, raw, at, day, order.number),))


def missing(kind: str, key: str, now: dt.datetime, zone: ZoneInfo) -> Seen:
    """A record that the store does not have (any more)."""
    return Seen(kind, key, None, b"", now, now.astimezone(zone).date())
