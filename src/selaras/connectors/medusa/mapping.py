"""Medusa's orders ⇄ the model. Pure; the store's numbers, statuses and oddities end here.

Facts: reference/store-billing-payment-apis.md §4 and reference/observed.md "Medusa". A cart and a draft are no orders.
`total` says what is left of an order, so what was sold is worked out from its lines, and proven: less what came back
and less credit lines it must be the total that Medusa says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.answers import damaged, repaired
from selaras.connectors.contract import Seen, Transient
from selaras.connectors.medusa import refunds
from selaras.connectors.medusa.lines import Cost, cost_of_item, cost_of_shipping, lines_of, pieces, returned, to_unit
from selaras.connectors.medusa.paid import payments_of
from selaras.connectors.medusa.wire import WireAddress, WireHead, WireOrder, exact
from selaras.model.money import ZERO
from selaras.model.order import Order, OrderStatus, Shipment
from selaras.model.party import Address, Buyer

_NEAR: Final = Decimal("0.0001")
"""Medusa works with 20 digits and answers with 17 or more; further apart than this is another number."""

order_decoder = msgspec.json.Decoder(WireOrder)
_head_decoder = msgspec.json.Decoder(WireHead)


class Sold(msgspec.Struct, frozen=True):
    """An order's lines as sold: exact costs, their sum, and the sum that Medusa's own total says."""

    costs: list[Cost]
    total: Decimal
    stated: Decimal
    included: bool

    @property
    def proven(self) -> bool:
        """Whether both sums are the same."""
        return abs(self.total - self.stated) <= _NEAR


def sold(wire: WireOrder) -> Sold:
    """What was sold, and what Medusa says of it: its total, plus what came back, plus credit lines."""
    # Medusa gives the lines of each version in another order.
    items = [(item, pieces(item)) for item in sorted(wire.items or (), key=lambda item: item.id)]
    goods = [(item, cost_of_item(item, count)) for item, count in items if count > 0]
    costs = [cost for _item, cost in goods] + [cost_of_shipping(method) for method in wire.shipping_methods or ()]
    back = sum((cost.part(returned(item)).total for item, cost in goods), ZERO)
    credit = sum((exact(line.amount, line.raw_amount) for line in wire.credit_lines or ()), ZERO)
    total = sum((cost.total for cost in costs), ZERO)
    modes = [cost.included for cost in costs if cost.kind == "product"] or [cost.included for cost in costs]
    return Sold(costs, total, exact(wire.total, wire.raw_total) + back + credit, any(modes))


def overpaid(wire: WireOrder) -> bool:
    """Whether more was captured than the order costs now: an edit may have taken goods off after the money came."""
    captured = sum((capture.value for payment in wire.payments for capture in payment.captures or ()), ZERO)
    return captured > sold(wire).total + _NEAR


def order_of(wire: WireOrder, edits: Sequence[refunds.Edit] = ()) -> Order:
    """An order. Raises `ValueError` for an amount that cannot be read."""
    currency = wire.currency_code.upper()
    now = sold(wire)
    total = to_unit(now.total if now.proven else now.stated, currency)
    by_id = {cost.id: cost for cost in now.costs}
    gone = refunds.taken_off(edits)
    back = gone + refunds.came_back(wire, by_id)
    payments = payments_of(wire, currency)
    returns, unexplained = refunds.refunds_of(wire, back, currency, now.included, paid=bool(payments))
    costs = now.costs
    if gone:
        # What an edit took off a paid order was sold, and is given back by a refund.
        costs = _together([*costs, *(cost for one in gone for cost in one.costs)])
        total += sum((one.value for one in gone), ZERO)
    cancelled = wire.status == "canceled"
    order = Order(
        id=wire.id,
        number=number_of(wire.custom_display_id, wire.display_id),
        currency=currency,
        total=total,
        placed_at=_utc(wire.created_at),
        updated_at=_utc(wire.updated_at),
        status=_status(wire, paid=bool(payments), free=total <= 0),
        buyer=buyer_of(wire),
        lines=lines_of(costs, total, currency, now.included),
        tax_included=now.included,
        payments=payments,
        refunds=returns,
        shipments=_shipments(wire),
        cancelled_at=_utc(wire.canceled_at) if cancelled and wire.canceled_at is not None else None,
    )
    if unexplained:
        why = f"{unexplained} {currency} went back that no return, edit or credit line of Medusa explains"
        return msgspec.structs.replace(order, unreadable=why)
    return order


def _together(costs: Sequence[Cost]) -> list[Cost]:
    """Costs of one line and price in one."""
    made: dict[tuple[str, Decimal], Cost] = {}
    for cost in costs:
        known = made.get((cost.id, cost.price))
        if known is not None:
            cost = msgspec.structs.replace(
                known, quantity=known.quantity + cost.quantity, total=known.total + cost.total
            )
        made[cost.id, cost.price] = cost
    return list(made.values())


def number_of(custom: str | None, display: int | str | None) -> str:
    """What people call the order."""
    return custom or str(display or "")


def _status(wire: WireOrder, *, paid: bool, free: bool) -> OrderStatus:
    if wire.status == "canceled":
        return "cancelled"
    if wire.status in ("completed", "archived"):
        return "completed"
    if wire.status == "draft" or wire.is_draft_order:
        return "draft"
    return "open" if (paid or free) and wire.status == "pending" else "pending"


def buyer_of(wire: WireOrder) -> Buyer:
    """Who ordered: the billing address and the e-mail. Only a customer with an account has an id that lasts."""
    bill, ship = wire.billing_address or WireAddress(), wire.shipping_address or WireAddress()
    place = ship if ship.address_1 or ship.city else bill
    known = wire.customer is not None and wire.customer.has_account
    return Buyer(
        name=_name(bill) or _name(ship),
        email=(wire.email or "").strip(),
        phone=(bill.phone or ship.phone or "").strip(),
        id=wire.customer.id if known and wire.customer is not None else "",
        address=Address(
            ", ".join(filter(None, (place.address_1, place.address_2))),
            place.city or "",
            place.province or "",
            place.postal_code or "",
            (place.country_code or "").upper(),
        ),
    )


def _name(address: WireAddress) -> str:
    first, last = (address.first_name or "").strip(), (address.last_name or "").strip()
    if last.casefold() == first.casefold():
        last = ""
    return " ".join(filter(None, (first, last))) or (address.company or "").strip()


def _shipments(wire: WireOrder) -> tuple[Shipment, ...]:
    """Parcels that were handed over; one with several labels is several parcels."""
    made = []
    for parcel in wire.fulfillments or ():
        if parcel.shipped_at is None or parcel.canceled_at is not None:
            continue
        numbers = [label.tracking_number for label in parcel.labels or () if label.tracking_number]
        for turn, number in enumerate(numbers or [""]):
            id = parcel.id if not turn else f"{parcel.id}-{turn + 1}"
            made.append(Shipment(id, _utc(parcel.shipped_at), number))
    return tuple(sorted(made, key=lambda one: (one.shipped_at, one.id)))


def _utc(instant: dt.datetime) -> dt.datetime:
    return instant.astimezone(dt.UTC) if instant.tzinfo else instant.replace(tzinfo=dt.UTC)


# -- rows -------------------------------------------------------------------------------------------------------------


def readable(raw: bytes) -> WireOrder | None:
    """An order of a list, None where it cannot be read."""
    try:
        return order_decoder.decode(repaired(raw))
    except msgspec.MsgspecError:
        return None


def order_seen(raw: bytes, edits: Sequence[refunds.Edit], zone: ZoneInfo, further: Sequence[bytes] = ()) -> Seen:
    """A row of the list of orders, with what was read beside it.

    A row that cannot be read becomes an order that says so: it is counted and blocked, and holds up no other. Raises
    `Transient` when not even its id can be read.
    """
    try:
        order = order_of(order_decoder.decode(repaired(raw)), edits)
    except (msgspec.MsgspecError, ValueError, ArithmeticError) as error:
        return _broken(raw, zone, str(error))
    if repaired(raw) is not raw:
        order = msgspec.structs.replace(order, unreadable=f"{', '.join(damaged(raw))} is not UTF-8")
    source = b"[" + b",".join((raw, *further)) + b"]" if further else raw
    day = order.placed_at.astimezone(zone).date()
    return Seen("order", order.id, order, source, order.updated_at, day, order.number, order.total, order.currency)


def _broken(raw: bytes, zone: ZoneInfo, why: str) -> Seen:
    try:
        head = _head_decoder.decode(repaired(raw))
    except msgspec.MsgspecError:
        raise Transient("a row of the store's list of orders has no readable id", code="unreadable") from None
    at = _utc(head.updated_at or head.created_at or dt.datetime.fromtimestamp(0, dt.UTC))
    order = Order(
        id=head.id,
        number=number_of(None, head.display_id) or head.id,
        currency="",
        total=ZERO,
        placed_at=_utc(head.created_at or at),
        updated_at=at,
        unreadable=why,
    )
    return Seen("order", order.id, order, raw, at, order.placed_at.astimezone(zone).date(), order.number)


def missing(kind: str, key: str, now: dt.datetime, zone: ZoneInfo) -> Seen:
    """A record that the store does not have (any more)."""
    return Seen(kind, key, None, b"", now, now.astimezone(zone).date())
