"""What Vendure's admin API writes, as typed values, and the questions that ask for it.

Money is an integer of the channel's smallest step (`Scale`): hundredths for every currency, rupiah too, because
Vendure's default money strategy has the precision 2 whatever the currency is (reference/store-billing-payment-apis.md
§5; `DefaultMoneyStrategy.precision` in vendure-ecommerce/vendure). Times are ISO 8601 with a Z.
"""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeVar

import msgspec

EPOCH = dt.datetime.fromtimestamp(0, dt.UTC)


T = TypeVar("T")


class Money(int):
    """An amount in the channel's smallest step. Vendure does not round all that it shows: the net price of a shipping
    line may have a fraction, which is rounded half up here as Vendure rounds its other amounts."""


def _money(kind: type[Any], value: Any) -> Any:
    if kind is not Money:
        raise NotImplementedError(kind)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"{value!r} is no amount")
    return Money(Decimal(value).to_integral_value(ROUND_HALF_UP))


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """A decoder of answers; numbers with a point are never read as floats."""
    return msgspec.json.Decoder(kind, strict=False, dec_hook=_money, float_hook=Decimal)


class Scale(msgspec.Struct, frozen=True):
    """How a channel writes money and prices: decimals of its integers, and whether listed prices contain the tax."""

    digits: int = 2
    tax_included: bool = False

    def major(self, amount: int) -> Decimal:
        """An amount in major units, exact."""
        return Decimal(amount).scaleb(-self.digits)


class WireSku(msgspec.Struct):
    """The variant of a line; soft-deleted ones are still shown."""

    id: str
    sku: str = ""
    name: str = ""


class WireLine(msgspec.Struct, rename="camel"):
    """A line of goods. `quantity` falls when pieces are cancelled; `order_placed_quantity` stays."""

    id: str
    quantity: int
    order_placed_quantity: int
    unit_price: Money
    unit_price_with_tax: Money
    prorated_unit_price: Money
    prorated_unit_price_with_tax: Money
    prorated_line_price: Money
    prorated_line_price_with_tax: Money
    tax_rate: Decimal
    product_variant: WireSku


class WireExtra(msgspec.Struct, rename="camel"):
    """A surcharge; below zero it takes something off."""

    id: str
    description: str = ""
    price: Money = Money(0)
    price_with_tax: Money = Money(0)
    tax_rate: Decimal = Decimal(0)


class WireNamed(msgspec.Struct):
    """A shipping method."""

    name: str = ""


class WireDiscount(msgspec.Struct, rename="camel"):
    """What was taken off; `adjustment_source` is CANCEL_ORDER where shipping was cancelled with its order."""

    adjustment_source: str
    amount: Money = Money(0)
    amount_with_tax: Money = Money(0)


class WireShipping(msgspec.Struct, rename="camel"):
    """A shipping line; `price` is before discounts and before a cancellation, `discounted_price` after both."""

    id: str
    price: Money
    price_with_tax: Money
    discounted_price: Money
    discounted_price_with_tax: Money
    discounts: list[WireDiscount] = []
    shipping_method: WireNamed = msgspec.field(default_factory=WireNamed)


class WirePieces(msgspec.Struct, rename="camel"):
    """Pieces of an order's line; of a modification also negative ones."""

    order_line_id: str
    quantity: int


class WireRefund(msgspec.Struct, rename="camel"):
    """A refund of a payment."""

    id: str
    created_at: dt.datetime
    total: Money
    state: str
    method: str | None = ""
    reason: str | None = ""
    lines: list[WirePieces] = []


class WirePayment(msgspec.Struct, rename="camel"):
    """A payment, whatever became of it; `metadata` is what its handler, or we, wrote."""

    id: str
    created_at: dt.datetime
    updated_at: dt.datetime
    method: str
    amount: Money
    state: str
    transaction_id: str | None = ""
    metadata: Any = None
    refunds: list[WireRefund] = []


class WireFulfillment(msgspec.Struct, rename="camel"):
    """A parcel."""

    id: str
    created_at: dt.datetime
    state: str
    method: str = ""
    tracking_code: str | None = ""


class WireModification(msgspec.Struct, rename="camel"):
    """An edit after the order was placed."""

    id: str
    lines: list[WirePieces] = []
    refund: WireSku | None = None


class WireAddress(msgspec.Struct, rename="camel"):
    """An address as the buyer wrote it; every part may be missing."""

    full_name: str | None = ""
    company: str | None = ""
    street_line1: str | None = ""
    street_line2: str | None = ""
    city: str | None = ""
    province: str | None = ""
    postal_code: str | None = ""
    country_code: str | None = ""
    phone_number: str | None = ""


class WireCustomer(msgspec.Struct, rename="camel"):
    """A buyer. A guest is a customer without a user."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email_address: str = ""
    phone_number: str | None = ""


class WireEntry(msgspec.Struct, rename="camel"):
    """A line of an order's history: a note, or a cancellation with its reason."""

    created_at: dt.datetime
    type: str
    data: Any = None


class WireHistory(msgspec.Struct):
    """History entries."""

    items: list[WireEntry] = []


class WireOrder(msgspec.Struct, rename="camel"):
    """An order, or a cart, which is one that was never placed."""

    id: str
    code: str
    state: str
    created_at: dt.datetime
    updated_at: dt.datetime
    currency_code: str
    total_with_tax: Money
    type: str = "Regular"
    active: bool | None = False
    order_placed_at: dt.datetime | None = None
    customer: WireCustomer | None = None
    shipping_address: WireAddress | None = None
    billing_address: WireAddress | None = None
    lines: list[WireLine] = []
    surcharges: list[WireExtra] = []
    shipping_lines: list[WireShipping] = []
    payments: list[WirePayment] | None = None
    fulfillments: list[WireFulfillment] | None = None
    modifications: list[WireModification] = []
    history: WireHistory = msgspec.field(default_factory=WireHistory)


class WireHead(msgspec.Struct, rename="camel"):
    """The least that must be readable of an order."""

    id: str
    code: str = ""
    updated_at: dt.datetime = EPOCH
    order_placed_at: dt.datetime | None = None


class WireLevel(msgspec.Struct, rename="camel"):
    """Stock of a variant in one place: what lies there, and what placed orders hold of it."""

    stock_location_id: str
    stock_on_hand: int
    stock_allocated: int


class WireParent(msgspec.Struct):
    """The product that a variant belongs to."""

    id: str
    enabled: bool = True


class WireVariant(msgspec.Struct, rename="camel"):
    """What is sold. `track_inventory` is TRUE, FALSE or INHERIT (from the global settings)."""

    id: str
    sku: str
    updated_at: dt.datetime
    name: str = ""
    enabled: bool = True
    price: Money = Money(0)
    price_with_tax: Money = Money(0)
    currency_code: str = ""
    track_inventory: str = "INHERIT"
    out_of_stock_threshold: int = 0
    use_global_out_of_stock_threshold: bool = True
    product: WireParent | None = None
    stock_levels: list[WireLevel] = []


ORDER = """id code state active type createdAt updatedAt orderPlacedAt currencyCode totalWithTax
customer { id firstName lastName emailAddress phoneNumber }
shippingAddress { fullName company streetLine1 streetLine2 city province postalCode countryCode phoneNumber }
billingAddress { fullName company streetLine1 streetLine2 city province postalCode countryCode phoneNumber }
lines { id quantity orderPlacedQuantity unitPrice unitPriceWithTax proratedUnitPrice proratedUnitPriceWithTax
 proratedLinePrice proratedLinePriceWithTax taxRate productVariant { id sku name } }
surcharges { id description price priceWithTax taxRate }
shippingLines { id price priceWithTax discountedPrice discountedPriceWithTax
 discounts { adjustmentSource amount amountWithTax } shippingMethod { name } }
payments { id createdAt updatedAt method amount state transactionId metadata
 refunds { id createdAt total state method reason lines { orderLineId quantity } } }
fulfillments { id createdAt state method trackingCode }
modifications { id lines { orderLineId quantity } refund { id } }
history(options: { filter: { type: { in: ["ORDER_NOTE", "ORDER_CANCELLATION"] } },
 sort: { createdAt: ASC }, take: 100 }) { items { createdAt type data } }"""
QUIET = "id payments { updatedAt refunds { updatedAt } } fulfillments { updatedAt }"
VARIANT = """id sku updatedAt name enabled price priceWithTax currencyCode trackInventory outOfStockThreshold
useGlobalOutOfStockThreshold product { id enabled } stockLevels { stockLocationId stockOnHand stockAllocated }"""


def utc(written: dt.datetime) -> dt.datetime:
    """A time as an aware instant in UTC."""
    return written.replace(tzinfo=written.tzinfo or dt.UTC).astimezone(dt.UTC)


def millis(written: dt.datetime) -> int:
    """Milliseconds of Unix time."""
    return int(utc(written).timestamp() * 1000)


def stamp(millisecond: int) -> str:
    """Milliseconds of Unix time as Vendure's filters want them."""
    seconds, rest = divmod(millisecond, 1000)
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:03d}Z"
