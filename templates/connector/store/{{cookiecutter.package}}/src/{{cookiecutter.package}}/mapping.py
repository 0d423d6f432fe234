"""The store's JSON to the model; pure. Replace it second: the vendor's units, zones and oddities end in this file.

Money is `Decimal` in major units: a struct field of that type takes it exactly from a JSON number or text, a float
never appears. A store that counts in cents is divided here with `selaras.model.money.from_minor`. Instants are aware
and in UTC: a time without a zone gets the store's here, and nowhere else.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from selaras.connectors.contract import Seen
from selaras.model.order import Line, LineKind, Order, OrderStatus, Payment, Refund
from selaras.model.party import Buyer
from selaras.model.product import Product, Stock

# Replace: the vendor's words for where an order stands. A word that is not here is an open order, never a lost one.
STATUSES: Final[dict[str, OrderStatus]] = {
    "cart": "draft",
    "unpaid": "pending",
    "paid": "open",
    "sent": "completed",
    "cancelled": "cancelled",
}


class WireLine(msgspec.Struct, frozen=True):
    id: str
    code: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal
    tax: Decimal
    tax_rate: Decimal
    kind: LineKind


class WireMoney(msgspec.Struct, frozen=True):
    """A payment or a refund."""

    id: str
    amount: Decimal
    at: dt.datetime
    method: str = ""


class WireBuyer(msgspec.Struct, frozen=True):
    name: str = ""
    email: str = ""
    phone: str = ""


class WireOrder(msgspec.Struct, frozen=True):
    id: str
    number: str
    status: str
    currency: str
    total: Decimal
    placed_at: dt.datetime
    updated_at: dt.datetime
    buyer: WireBuyer
    lines: list[WireLine]
    payments: list[WireMoney]
    refunds: list[WireMoney]
    note: str = ""


class WireProduct(msgspec.Struct, frozen=True):
    """A product with its stock; its code is its id."""

    id: str
    name: str
    price: Decimal
    currency: str
    stock: Decimal
    version: str
    updated_at: dt.datetime


def seen_of(kind: str, raw: bytes, zone: ZoneInfo) -> Seen | None:
    """A row of a list as a record; None for a cart, which is no order yet. Raises `msgspec.MsgspecError`."""
    if kind == "order":
        wire = msgspec.json.decode(raw, type=WireOrder)
        order = order_of(wire)
        if order.status == "draft":
            return None
        day = order.placed_at.astimezone(zone).date()
        return Seen(kind, order.id, order, raw, order.updated_at, day, order.number, order.total, order.currency)
    goods = msgspec.json.decode(raw, type=WireProduct)
    at = goods.updated_at.astimezone(dt.UTC)
    record = product_of(goods) if kind == "product" else stock_of(goods)
    return Seen(kind, goods.id, record, raw, at, at.astimezone(zone).date(), goods.id)


def order_of(wire: WireOrder) -> Order:
    """An order; `Order.computed_total` must come to the store's own total, or the hub blocks it."""
    return Order(
        id=wire.id,
        number=wire.number,
        currency=wire.currency,
        total=wire.total,
        placed_at=wire.placed_at.astimezone(dt.UTC),
        updated_at=wire.updated_at.astimezone(dt.UTC),
        status=STATUSES.get(wire.status, "open"),
        buyer=Buyer(wire.buyer.name, wire.buyer.email, wire.buyer.phone),
        lines=tuple(
            Line(
                id=line.id,
                code=line.code,
                name=line.name,
                quantity=line.quantity,
                unit_price=line.unit_price,
                discount=line.discount,
                tax=line.tax,
                tax_rate=line.tax_rate,
                kind=line.kind,
                product_id=line.code,
            )
            for line in wire.lines
        ),
        tax_included=False,  # Replace: whether the unit prices contain the tax.
        payments=tuple(Payment(p.id, p.amount, p.at.astimezone(dt.UTC), p.method) for p in wire.payments),
        refunds=tuple(Refund(r.id, r.amount, r.at.astimezone(dt.UTC), method=r.method) for r in wire.refunds),
        note=wire.note,
    )


def product_of(wire: WireProduct) -> Product:
    """A product as it is sold."""
    return Product(id=wire.id, code=wire.id, name=wire.name, price=wire.price, currency=wire.currency)


def stock_of(wire: WireProduct) -> Stock:
    """What the store offers of a product; `version` makes a write conditional ("" where the store has none)."""
    return Stock(code=wire.id, on_hand=wire.stock, product_id=wire.id, version=wire.version)
