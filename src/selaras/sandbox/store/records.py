"""What the store keeps. The same structs are its wire format (amounts in major units; `wire.py` knows the other scale).

They are mutable on purpose: this is somebody else's system, not the hub's model. Times are aware UTC instants of
one-second resolution, amounts `Decimal` in major units of the order's currency.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Literal

import msgspec

ZERO = Decimal(0)

OrderStatus = Literal["draft", "open", "completed", "cancelled", "trash"]
PaymentStatus = Literal["unpaid", "partial", "paid", "refunded"]
ProductType = Literal["simple", "variant", "bundle", "service"]


class Refused(Exception):
    """The store says no. `status` is the HTTP status, `code` the stable word, `extra` further JSON fields."""

    def __init__(self, status: int, code: str, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """The JSON body of the refusal."""
        return {"error": {"code": self.code, "message": self.message, **self.extra}}


class Part(msgspec.Struct):
    """One component of a bundle: `quantity` pieces of `sku`."""

    sku: str
    quantity: int


class Product(msgspec.Struct):
    """One thing with a SKU: a simple product, a variant (`parent_id` names its family), a bundle or a service."""

    id: int
    sku: str
    name: str
    type: ProductType
    price: Decimal
    currency: str
    updated_at: dt.datetime
    parent_id: int | None = None
    components: list[Part] = []
    active: bool = True


class Stock(msgspec.Struct):
    """Stock of one product, whole pieces. `version` moves with every change; `available` = on_hand − reserved."""

    product_id: int
    sku: str
    on_hand: int
    reserved: int
    available: int
    version: int
    updated_at: dt.datetime


class Address(msgspec.Struct):
    """Where the goods go."""

    line: str = ""
    city: str = ""
    province: str = ""
    postcode: str = ""
    country: str = ""


class Buyer(msgspec.Struct):
    """Who bought; a guest has no `customer_id`, and perhaps neither phone nor e-mail."""

    name: str = ""
    phone: str = ""
    email: str = ""
    customer_id: int | None = None
    address: Address = msgspec.field(default_factory=Address)


class OrderLine(msgspec.Struct):
    """One product of an order. `discount` is taken off the line; `tax` is that of the whole line."""

    id: int
    product_id: int
    sku: str
    name: str
    quantity: int
    unit_price: Decimal
    discount: Decimal = ZERO
    tax: Decimal = ZERO
    tax_rate: Decimal = ZERO


class Charge(msgspec.Struct):
    """An amount over the whole order: shipping, a fee, or a discount (there `amount` ≥ 0 is taken off)."""

    name: str
    amount: Decimal
    tax: Decimal = ZERO
    tax_rate: Decimal = ZERO


class Payment(msgspec.Struct):
    """Money received. `source` tells who said so: the gateway, an admin by hand, or a program by the API.

    `app` is the name that such a program gives itself.
    """

    id: int
    amount: Decimal
    method: str
    reference: str
    paid_at: dt.datetime
    source: Literal["gateway", "admin", "api"]
    app: str = ""


class RefundLine(msgspec.Struct):
    """What a refund is for; positive amounts. `kind` is product, shipping, fee or discount."""

    line_id: int
    kind: Literal["product", "shipping", "fee", "discount"]
    sku: str
    product_id: int
    name: str
    quantity: int
    unit_price: Decimal
    discount: Decimal = ZERO
    tax: Decimal = ZERO
    tax_rate: Decimal = ZERO


class Refund(msgspec.Struct):
    """Money or claim given back; `lines` is empty when only an amount was refunded."""

    id: int
    amount: Decimal
    refunded_at: dt.datetime
    lines: list[RefundLine]
    reason: str = ""
    restock: bool = False
    paid_back: bool = True
    method: str = ""


class Shipped(msgspec.Struct):
    """Pieces of one order line in one shipment."""

    line_id: int
    quantity: int


class Shipment(msgspec.Struct):
    """A parcel with its courier and tracking number (nomor resi)."""

    id: int
    shipped_at: dt.datetime
    courier: str
    tracking: str
    lines: list[Shipped]


class Order(msgspec.Struct):
    """An order, or a draft (a cart that was left), or a document without a sale (`kind` return, adjustment)."""

    id: int
    number: str
    kind: str
    status: OrderStatus
    payment_status: PaymentStatus
    currency: str
    total: Decimal
    prices_include_tax: bool
    placed_at: dt.datetime
    updated_at: dt.datetime
    buyer: Buyer
    lines: list[OrderLine]
    discount: Charge | None = None
    shipping: Charge | None = None
    fees: list[Charge] = []
    payment_method: str = ""
    payments: list[Payment] = []
    refunds: list[Refund] = []
    shipments: list[Shipment] = []
    note: str = ""
    cancelled_at: dt.datetime | None = None
    cancel_reason: str = ""


class Held(msgspec.Struct):
    """Bookkeeping of one order line that the wire does not show.

    `parts` are the goods of one piece (several for a bundle, none for a service), as they were when ordered;
    `reserved`, `shipped`, `returned` (of the shipped) and `refunded` count pieces of the line. Lines of orders that
    were loaded as history reserve nothing (`tracked` False); what comes back of them is put on the shelf all the same.
    """

    parts: dict[int, int]
    reserved: int = 0
    shipped: int = 0
    returned: int = 0
    refunded: int = 0
    refunded_tax: Decimal = ZERO
    tracked: bool = True
    service: bool = False

    def goods(self, quantity: int) -> dict[int, int]:
        """The goods of `quantity` pieces of the line."""
        return {key: each * quantity for key, each in self.parts.items()}
