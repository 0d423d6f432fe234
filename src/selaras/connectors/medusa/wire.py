"""What Medusa's admin API writes, as typed values: the shape of its JSON and nothing more.

Amounts are in major units and not rounded. Each stands twice in an answer: as a JSON number, which JavaScript may have
cut to 17 digits, and beside it as `raw_…: {value, precision}` with the whole number as text. Both are read as decimals,
never as floats, and the text goes first (reference/store-billing-payment-apis.md §4).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec

from selaras.model.money import ZERO


class Raw(msgspec.Struct):
    """A whole number as text."""

    value: Decimal | None = None


def exact(number: Decimal | None, raw: Raw | None) -> Decimal:
    """The amount; nothing at all is zero. Raises `ValueError` for what is no finite number."""
    found = raw.value if raw is not None and raw.value is not None else number
    if found is None:
        return ZERO
    if not found.is_finite():
        raise ValueError(f"{found} is no amount")
    return found


class WireTax(msgspec.Struct):
    """A tax on a line; `rate` 11 is eleven in a hundred. Several rates are added up, none is on top of another."""

    rate: Decimal | None = None
    raw_rate: Raw | None = None


class WireAdjustment(msgspec.Struct):
    """A discount on a line; net of tax unless `is_tax_inclusive`."""

    amount: Decimal | None = None
    raw_amount: Raw | None = None
    is_tax_inclusive: bool = False


class WireDetail(msgspec.Struct):
    """Pieces of a line, as the newest version of the order has them."""

    quantity: Decimal | None = None
    raw_quantity: Raw | None = None
    return_received_quantity: Decimal | None = None
    raw_return_received_quantity: Raw | None = None
    return_dismissed_quantity: Decimal | None = None
    raw_return_dismissed_quantity: Raw | None = None


class WireItem(msgspec.Struct):
    """A line of goods. `unit_price` is before discount, with tax when `is_tax_inclusive`."""

    id: str
    title: str | None = ""
    product_title: str | None = ""
    variant_title: str | None = ""
    variant_sku: str | None = ""
    variant_id: str | None = ""
    is_tax_inclusive: bool = False
    unit_price: Decimal | None = None
    raw_unit_price: Raw | None = None
    quantity: Decimal | None = None
    raw_quantity: Raw | None = None
    detail: WireDetail | None = None
    tax_lines: list[WireTax] | None = None
    adjustments: list[WireAdjustment] | None = None


class WireShipping(msgspec.Struct):
    """How the order is sent, and for what price."""

    id: str
    name: str | None = ""
    is_tax_inclusive: bool = False
    amount: Decimal | None = None
    raw_amount: Raw | None = None
    tax_lines: list[WireTax] | None = None
    adjustments: list[WireAdjustment] | None = None


class WireCredit(msgspec.Struct):
    """What was taken off the order's total without goods. Its id and time change with every version of the order."""

    amount: Decimal | None = None
    raw_amount: Raw | None = None


class WireMoney(msgspec.Struct):
    """Money that came (capture) or went back (refund)."""

    id: str
    created_at: dt.datetime
    amount: Decimal | None = None
    raw_amount: Raw | None = None
    note: str | None = ""

    @property
    def value(self) -> Decimal:
        """The amount."""
        return exact(self.amount, self.raw_amount)


class WirePayment(msgspec.Struct):
    """A payment: authorised at first, then captured, perhaps in parts, and given back, perhaps in parts."""

    id: str
    provider_id: str | None = ""
    amount: Decimal | None = None
    raw_amount: Raw | None = None
    canceled_at: dt.datetime | None = None
    captures: list[WireMoney] | None = None
    refunds: list[WireMoney] | None = None


class WireCollection(msgspec.Struct):
    """What is to be paid for an order at once. An edit that makes it dearer adds another collection."""

    id: str
    status: str = ""
    amount: Decimal | None = None
    raw_amount: Raw | None = None
    payments: list[WirePayment] | None = None


class WireLabel(msgspec.Struct):
    """The courier's label on a parcel."""

    tracking_number: str | None = ""


class WireParcel(msgspec.Struct):
    """A fulfilment: packed, then shipped."""

    id: str
    provider_id: str | None = ""
    shipped_at: dt.datetime | None = None
    canceled_at: dt.datetime | None = None
    labels: list[WireLabel] | None = None


class WireReturnItem(msgspec.Struct):
    """Pieces of a line that come back. `received_quantity` lies on the shelf again, `damaged_quantity` does not."""

    item_id: str
    received_quantity: Decimal | None = None
    raw_received_quantity: Raw | None = None
    damaged_quantity: Decimal | None = None
    raw_damaged_quantity: Raw | None = None


class WireReturn(msgspec.Struct):
    """Goods on their way back, or received."""

    id: str
    status: str = ""
    received_at: dt.datetime | None = None
    items: list[WireReturnItem] | None = None


class WireAddress(msgspec.Struct):
    """A billing or shipping address."""

    first_name: str | None = ""
    last_name: str | None = ""
    company: str | None = ""
    address_1: str | None = ""
    address_2: str | None = ""
    city: str | None = ""
    province: str | None = ""
    postal_code: str | None = ""
    country_code: str | None = ""
    phone: str | None = ""


class WireCustomer(msgspec.Struct):
    """The customer behind an order; a guest has no account."""

    id: str
    has_account: bool = False


class WireOrder(msgspec.Struct):
    """An order. `total` is what is left of it: less what came back, less credit lines; 0 after a full return."""

    id: str
    display_id: int | str
    status: str
    currency_code: str
    created_at: dt.datetime
    updated_at: dt.datetime
    custom_display_id: str | None = None
    version: int = 1
    canceled_at: dt.datetime | None = None
    email: str | None = ""
    is_draft_order: bool = False
    total: Decimal | None = None
    raw_total: Raw | None = None
    metadata: dict[str, msgspec.Raw] | None = None
    customer: WireCustomer | None = None
    billing_address: WireAddress | None = None
    shipping_address: WireAddress | None = None
    items: list[WireItem] | None = None
    shipping_methods: list[WireShipping] | None = None
    credit_lines: list[WireCredit] | None = None
    payment_collections: list[WireCollection] | None = None
    fulfillments: list[WireParcel] | None = None
    returns: list[WireReturn] | None = None

    @property
    def payments(self) -> list[WirePayment]:
        """The payments of all collections."""
        return [payment for one in self.payment_collections or () for payment in one.payments or ()]


class WireHead(msgspec.Struct):
    """The least that must be readable of a row."""

    id: str
    display_id: int | str | None = None
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None


class WireDetails(msgspec.Struct):
    """What a step of a change does to a line."""

    reference_id: str | None = None
    quantity_diff: Decimal | None = None


class WireAction(msgspec.Struct):
    """A step of a change."""

    action: str = ""
    details: WireDetails | None = None


class WireChange(msgspec.Struct):
    """A change of an order: an edit, a return, an exchange, a claim, a credit line."""

    id: str
    version: int = 0
    change_type: str | None = ""
    status: str = ""
    confirmed_at: dt.datetime | None = None
    actions: list[WireAction] | None = None


class WireMoved(msgspec.Struct):
    """The collection of a payment: when money last moved in it, and which order it is for."""

    updated_at: dt.datetime
    order: WireHead | None = None


class WirePaid(msgspec.Struct):
    """A payment as the list of payments names it."""

    id: str
    payment_collection: WireMoved | None = None


def _both(where: str, *names: str) -> str:
    """Numbers with their exact texts; Medusa leaves some numbers out where the text is not asked for."""
    return ",".join(f"{where}{name},{where}raw_{name}" for name in names)


_PAYMENT = "payment_collections.payments."
ORDER_FIELDS = ",".join(
    (
        "id,display_id,custom_display_id,status,version,created_at,updated_at,canceled_at,currency_code,email",
        "is_draft_order,total,raw_total,metadata,customer.id,customer.has_account",
        *(
            f"{where}.{name}"
            for where in ("billing_address", "shipping_address")
            for name in WireAddress.__struct_fields__
        ),
        "items.id,items.title,items.product_title,items.variant_title,items.variant_sku,items.variant_id",
        "items.is_tax_inclusive",
        _both("items.", "unit_price", "quantity"),
        _both("items.detail.", "quantity", "return_received_quantity", "return_dismissed_quantity"),
        _both("items.tax_lines.", "rate"),
        _both("items.adjustments.", "amount"),
        "items.adjustments.is_tax_inclusive",
        "shipping_methods.id,shipping_methods.name,shipping_methods.is_tax_inclusive",
        _both("shipping_methods.", "amount"),
        _both("shipping_methods.tax_lines.", "rate"),
        _both("shipping_methods.adjustments.", "amount"),
        "shipping_methods.adjustments.is_tax_inclusive",
        _both("credit_lines.", "amount"),
        "payment_collections.id,payment_collections.status",
        _both("payment_collections.", "amount"),
        *(_PAYMENT + name for name in ("id", "provider_id", "canceled_at")),
        _both(_PAYMENT, "amount"),
        *(f"{_PAYMENT}{where}.{name}" for where in ("captures", "refunds") for name in ("id", "created_at")),
        _both(_PAYMENT + "captures.", "amount"),
        _both(_PAYMENT + "refunds.", "amount"),
        _PAYMENT + "refunds.note",
        "fulfillments.id,fulfillments.provider_id,fulfillments.shipped_at,fulfillments.canceled_at",
        "fulfillments.labels.tracking_number,returns.id,returns.status,returns.received_at",
        "returns.items.*",  # by name, its quantities are left out
    )
)
"""What is asked of an order; without `fields` an answer has neither money nor parcels."""
