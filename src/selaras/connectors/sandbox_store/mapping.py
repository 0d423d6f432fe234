"""The sandbox store's JSON ⇄ the model. Pure; the store's units, statuses and oddities end here.

The store writes money either as decimal strings in major units or as integers in minor units (`minor=True`). A unit
price finer than the smallest unit is null there, beside its exact `unit_price_decimal` in minor units.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.answers import damaged, repaired
from selaras.connectors.contract import Rejected, Seen, Transient
from selaras.connectors.sandbox_store.wire import (
    WireBuyer,
    WireCharge,
    WireHead,
    WireOrder,
    WirePayment,
    WireProduct,
    WireRefund,
    WireStock,
)
from selaras.model.money import EXPONENTS, ZERO
from selaras.model.order import Line, LineKind, Order, OrderStatus, Payment, Refund, Shipment
from selaras.model.party import Address, Buyer
from selaras.model.product import Component, Product, Stock

UNLISTED: Final = -1

APP: Final = "selaras"
"""The name under which we write payments into the store; so we know them again, and book none of them twice."""


class Row(msgspec.Struct, frozen=True):
    """One row: its key in the list, the second of its last change (Unix time), and the record (None: a draft).

    `second` is `UNLISTED` for a row that can be read by its id but stands in no list (trash).
    """

    key: int
    second: int
    seen: Seen | None


_STATUS: Final[dict[str, OrderStatus]] = {
    "draft": "draft",
    "open": "open",
    "completed": "completed",
    "cancelled": "cancelled",
    "trash": "cancelled",
}
_order_decoder = msgspec.json.Decoder(WireOrder)
_product_decoder = msgspec.json.Decoder(WireProduct)
_stock_decoder = msgspec.json.Decoder(WireStock)
_head_decoder = msgspec.json.Decoder(WireHead)
_NO_BUYER: Final = Buyer()
_NO_ADDRESS: Final = Address()

Money = Callable[[Decimal], Decimal]


def money(currency: str, *, minor: bool) -> Money:
    """What turns the wire's amounts of `currency` into major units."""
    if not minor:
        return _as_it_is
    digits = -EXPONENTS.get(currency, 0)
    return lambda amount: amount.scaleb(digits)


def _as_it_is(amount: Decimal) -> Decimal:
    return amount


def check_scale(raw: bytes, *, minor: bool) -> None:
    """Refuse rows of the other money scale before anything is read ×100 wrong.

    Raises `Rejected` "money_scale": decimal strings are major units, bare integers minor ones.
    """
    if (b'"total":"' in raw) == minor:
        raise Rejected(
            "the store writes money at another scale than this connection is set to",
            code="money_scale",
            field="amounts",
            cure=f"Set `amounts` of the connection to {'major' if minor else 'minor'}.",
        )


def order_of(wire: WireOrder, *, minor: bool = False) -> Order:
    """A wire order as the model has it. A trashed order is a cancelled one with the reason "trashed"."""
    exact = money(wire.currency, minor=minor)
    lines = [
        Line(
            str(line.id),
            line.sku,
            line.name,
            line.quantity,
            exact(line.unit_price if line.unit_price_decimal is None else line.unit_price_decimal),  # type: ignore[arg-type]
            exact(line.discount),
            exact(line.tax),
            line.tax_rate,
            "product",
            str(line.product_id) if line.product_id else "",
        )
        for line in wire.lines
    ]
    back = wire.kind == "return"
    if wire.shipping is not None:
        lines.append(_charge("shipping", "shipping", wire.shipping, exact, back))
    for number, fee in enumerate(wire.fees, 1):
        lines.append(_charge(f"fee:{number}", "fee", fee, exact, back))
    if wire.discount is not None:
        lines.append(_charge("discount", "discount", wire.discount, exact))
    trashed = wire.status == "trash"
    return Order(
        id=str(wire.id),
        number=wire.number,
        currency=wire.currency,
        total=exact(wire.total),
        placed_at=wire.placed_at,
        updated_at=wire.updated_at,
        status=_STATUS[wire.status],
        buyer=_buyer(wire.buyer),
        lines=tuple(lines),
        tax_included=wire.prices_include_tax,
        payments=tuple(_payment(p, exact) for p in wire.payments) if wire.payments else (),
        refunds=tuple(_refund(r, exact) for r in wire.refunds) if wire.refunds else (),
        shipments=tuple(Shipment(str(s.id), s.shipped_at, s.tracking, s.courier) for s in wire.shipments)
        if wire.shipments
        else (),
        note=wire.note,
        cancel_reason="trashed" if trashed else wire.cancel_reason,
        cancelled_at=(wire.cancelled_at or wire.updated_at) if trashed else wire.cancelled_at,
        kind=wire.kind,
    )


def _charge(key: str, kind: LineKind, charge: WireCharge, exact: Money, back: bool = False) -> Line:
    amount, tax = exact(charge.amount), exact(charge.tax)
    if kind == "discount":
        amount, tax = -amount, -tax
    elif back and amount < ZERO:
        # A charge that a return gives back reads like its goods: one taken back, at a price above zero.
        return Line(key, "", charge.name, -_ONE, -amount, ZERO, tax, charge.tax_rate, kind)
    return Line(key, "", charge.name, _ONE, amount, ZERO, tax, charge.tax_rate, kind)


_ONE: Final = Decimal(1)


def _buyer(wire: WireBuyer) -> Buyer:
    address = _NO_ADDRESS
    if (a := wire.address) is not None and (a.line or a.city or a.province or a.postcode or a.country):
        address = Address(a.line, a.city, a.province, a.postcode, a.country)
    customer = "" if wire.customer_id is None else str(wire.customer_id)
    return Buyer(wire.name, wire.email, wire.phone, customer, address)


def _payment(wire: WirePayment, exact: Money) -> Payment:
    origin: Literal["store", "books"] = "books" if wire.app == APP else "store"
    return Payment(str(wire.id), exact(wire.amount), wire.paid_at, wire.method, wire.reference, origin)


def _refund(wire: WireRefund, exact: Money) -> Refund:
    lines = tuple(
        Line(
            str(line.line_id) if line.line_id else line.kind,
            line.sku,
            line.name,
            line.quantity,
            exact(line.unit_price if line.unit_price_decimal is None else line.unit_price_decimal),  # type: ignore[arg-type]
            exact(line.discount),
            exact(line.tax),
            line.tax_rate,
            line.kind,
            str(line.product_id) if line.product_id else "",
        )
        for line in wire.lines
    )
    return Refund(
        id=str(wire.id),
        amount=exact(wire.amount),
        refunded_at=wire.refunded_at,
        lines=lines,
        reason=wire.reason,
        restock=wire.restock,
        paid_back=wire.paid_back,
        method=wire.method,
    )


def order_row(raw: bytes, zone: ZoneInfo, *, minor: bool = False, drafts: bool = False) -> Row:
    """A row of the list of orders. Drafts have no record: they are not orders.

    A row that cannot be read becomes an order that says so: it is counted and blocked, and holds up no other. Raises
    `Transient` when not even its id can be read.
    """
    try:
        wire = _order_decoder.decode(raw)
        order = order_of(wire, minor=minor)
    except (msgspec.MsgspecError, UnicodeDecodeError, TypeError) as error:
        whole = repaired(raw)
        if whole == raw:
            return _broken(raw, zone, str(error))
        try:
            wire = _order_decoder.decode(whole)
            order = order_of(wire, minor=minor)
        except (msgspec.MsgspecError, TypeError) as second_error:
            return _broken(whole, zone, str(second_error))
        order = msgspec.structs.replace(order, unreadable=f"{', '.join(damaged(raw))} is not UTF-8")
    second = UNLISTED if wire.status == "trash" else int(wire.updated_at.timestamp())
    if wire.status == "draft" and not drafts:
        return Row(wire.id, second, None)
    return Row(
        wire.id,
        second,
        Seen(
            kind="order",
            id=order.id,
            record=order,
            raw=raw,
            updated_at=wire.updated_at,
            day=wire.placed_at.astimezone(zone).date(),
            number=order.number,
            total=order.total,
            currency=order.currency,
        ),
    )


def _broken(raw: bytes, zone: ZoneInfo, why: str) -> Row:
    try:
        head = _head_decoder.decode(raw)
    except msgspec.MsgspecError:
        raise Transient("a row of the store's list of orders has no readable id", code="unreadable") from None
    order = Order(
        id=str(head.id),
        number=head.number or str(head.id),
        currency="",
        total=ZERO,
        placed_at=head.updated_at,
        updated_at=head.updated_at,
        unreadable=why,
    )
    day = head.updated_at.astimezone(zone).date()
    seen = Seen("order", order.id, order, raw, head.updated_at, day, order.number)
    return Row(head.id, int(head.updated_at.timestamp()), seen)


def product_row(raw: bytes, zone: ZoneInfo, *, minor: bool = False) -> Row:
    """A row of the list of products. Raises `Transient` when it cannot be read."""
    try:
        wire = _product_decoder.decode(repaired(raw))
    except msgspec.MsgspecError as error:
        raise Transient(f"a product of the store cannot be read: {error}", code="unreadable") from None
    price = wire.price if wire.price_decimal is None else wire.price_decimal
    record = Product(
        id=str(wire.id),
        code=wire.sku,
        name=wire.name,
        price=money(wire.currency, minor=minor)(price if price is not None else ZERO),
        currency=wire.currency,
        parent="" if wire.parent_id is None else str(wire.parent_id),
        components=tuple(Component(p.sku, p.quantity) for p in wire.components),
        stocked=wire.type in ("simple", "variant"),
        active=wire.active,
        updated_at=_stamp(wire.updated_at),
    )
    day = wire.updated_at.astimezone(zone).date()
    seen = Seen("product", record.id, record, raw, wire.updated_at, day, wire.sku)
    return Row(wire.id, int(wire.updated_at.timestamp()), seen)


def stock_row(raw: bytes, zone: ZoneInfo, *, minor: bool = False) -> Row:
    """A row of the list of stock, known by its SKU. Raises `Transient` when it cannot be read."""
    try:
        wire = _stock_decoder.decode(repaired(raw))
    except msgspec.MsgspecError as error:
        raise Transient(f"a stock row of the store cannot be read: {error}", code="unreadable") from None
    record = Stock(
        code=wire.sku,
        on_hand=wire.on_hand,
        reserved=wire.reserved,
        product_id=str(wire.product_id),
        version=str(wire.version),
        updated_at=_stamp(wire.updated_at),
    )
    day = wire.updated_at.astimezone(zone).date()
    seen = Seen("stock", wire.sku, record, raw, wire.updated_at, day, wire.sku)
    return Row(wire.product_id, int(wire.updated_at.timestamp()), seen)


def missing(kind: str, key: str, now: dt.datetime, zone: ZoneInfo) -> Seen:
    """A record that the store does not have (any more)."""
    return Seen(kind, key, None, b"", now, now.astimezone(zone).date())


def _stamp(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
