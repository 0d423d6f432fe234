"""What the sandbox store writes, as typed values: the shape of its JSON and nothing more."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal

import msgspec

from selaras.model.money import ZERO
from selaras.model.order import LineKind


class WireAddress(msgspec.Struct):
    """An address."""

    line: str = ""
    city: str = ""
    province: str = ""
    postcode: str = ""
    country: str = ""


class WireBuyer(msgspec.Struct):
    """A customer or a guest."""

    name: str = ""
    phone: str = ""
    email: str = ""
    customer_id: int | None = None
    address: WireAddress | None = None


class WireLine(msgspec.Struct):
    """An order line."""

    id: int
    product_id: int
    sku: str
    name: str
    quantity: Decimal
    unit_price: Decimal | None
    discount: Decimal = ZERO
    tax: Decimal = ZERO
    tax_rate: Decimal = ZERO
    unit_price_decimal: Decimal | None = None


class WireCharge(msgspec.Struct):
    """Shipping, fee or order discount."""

    name: str
    amount: Decimal
    tax: Decimal = ZERO
    tax_rate: Decimal = ZERO


class WirePayment(msgspec.Struct):
    """A payment; `app` is the name of the program that wrote it, "" for the gateway and people."""

    id: int
    amount: Decimal
    paid_at: dt.datetime
    method: str = ""
    reference: str = ""
    app: str = ""


class WireRefundLine(msgspec.Struct):
    """A line of a refund."""

    line_id: int
    kind: LineKind
    sku: str
    product_id: int
    name: str
    quantity: Decimal
    unit_price: Decimal | None
    discount: Decimal = ZERO
    tax: Decimal = ZERO
    tax_rate: Decimal = ZERO
    unit_price_decimal: Decimal | None = None


class WireRefund(msgspec.Struct):
    """A refund."""

    id: int
    amount: Decimal
    refunded_at: dt.datetime
    lines: list[WireRefundLine] = []
    reason: str = ""
    restock: bool = False
    paid_back: bool = True
    method: str = ""


class WireShipment(msgspec.Struct):
    """A parcel."""

    id: int
    shipped_at: dt.datetime
    courier: str = ""
    tracking: str = ""


class WireOrder(msgspec.Struct):
    """An order, a draft, or a trashed order."""

    id: int
    number: str
    status: Literal["draft", "open", "completed", "cancelled", "trash"]
    currency: str
    total: Decimal
    prices_include_tax: bool
    placed_at: dt.datetime
    updated_at: dt.datetime
    buyer: WireBuyer
    lines: list[WireLine]
    kind: str = "order"
    discount: WireCharge | None = None
    shipping: WireCharge | None = None
    fees: list[WireCharge] = []
    payments: list[WirePayment] = []
    refunds: list[WireRefund] = []
    shipments: list[WireShipment] = []
    note: str = ""
    cancelled_at: dt.datetime | None = None
    cancel_reason: str = ""


class WirePart(msgspec.Struct):
    """A component of a bundle."""

    sku: str
    quantity: Decimal


class WireProduct(msgspec.Struct):
    """A product or variant."""

    id: int
    sku: str
    name: str
    type: str
    price: Decimal | None
    currency: str
    updated_at: dt.datetime
    parent_id: int | None = None
    components: list[WirePart] = []
    active: bool = True
    price_decimal: Decimal | None = None


class WireStock(msgspec.Struct):
    """A stock row."""

    product_id: int
    sku: str
    on_hand: Decimal
    reserved: Decimal
    version: int
    updated_at: dt.datetime


class WireHead(msgspec.Struct):
    """The least that must be readable of a row."""

    id: int
    updated_at: dt.datetime
    number: str = ""
