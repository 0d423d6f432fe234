"""What WooCommerce's REST API v3 writes, as typed values: the shape of its JSON and nothing more.

Amounts are kept as their JSON text (`Amount`): mostly decimal strings, now and then an empty string or a number, and
never to be read through a float. Times come as naive texts; the `*_gmt` ones are UTC.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation

import msgspec

from selaras.model.money import ZERO

Amount = msgspec.Raw
_NOTHING = msgspec.Raw(b'""')


def amount(raw: msgspec.Raw) -> Decimal:
    """An amount exactly as written; nothing at all is zero. Raises `ValueError` for what is no number."""
    text = bytes(raw).strip().strip(b'"').decode()
    if text in ("", "null"):
        return ZERO
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no amount") from None
    if not value.is_finite():
        raise ValueError(f"{text!r} is no amount")
    return value


def utc(written: dt.datetime | None) -> dt.datetime | None:
    """A `*_gmt` time as an aware instant."""
    return None if written is None else written.replace(tzinfo=written.tzinfo or dt.UTC).astimezone(dt.UTC)


class WireMeta(msgspec.Struct):
    """A further field that a plugin, or we, put on something; its value is of any kind."""

    key: str = ""
    value: msgspec.Raw = msgspec.Raw(b"null")


class WireTax(msgspec.Struct):
    """Tax of one rate on a line, after (`total`) and before (`subtotal`) discount."""

    id: int = 0
    total: Amount = _NOTHING
    subtotal: Amount = _NOTHING


class WireItem(msgspec.Struct):
    """A line of goods, of shipping or of a fee; in a refund with negative figures. Amounts are net of tax.

    `price` of the store's answer is left out: it is a binary float.
    """

    id: int = 0
    name: str | None = None
    method_title: str | None = None
    product_id: int | str | None = None
    variation_id: int | str | None = None
    sku: str | int | None = None
    quantity: Decimal = Decimal(1)
    subtotal: Amount = _NOTHING
    subtotal_tax: Amount = _NOTHING
    total: Amount = _NOTHING
    total_tax: Amount = _NOTHING
    taxes: list[WireTax] = []
    meta_data: list[WireMeta] = []


class WireRate(msgspec.Struct):
    """A tax rate that the order uses; `rate_percent` is 11 for eleven in a hundred."""

    rate_id: int = 0
    rate_percent: Decimal | None = None
    compound: bool = False


class WireAddress(msgspec.Struct):
    """A billing or shipping address."""

    first_name: str | None = ""
    last_name: str | None = ""
    company: str | None = ""
    address_1: str | None = ""
    address_2: str | None = ""
    city: str | None = ""
    state: str | None = ""
    postcode: str | None = ""
    country: str | None = ""
    email: str | None = ""
    phone: str | None = ""


class WireRefunded(msgspec.Struct):
    """A refund as its order names it; `total` is negative."""

    id: int
    total: Amount = _NOTHING


class WireRefund(msgspec.Struct):
    """A refund itself. `refunded_payment` says that the gateway was told to pay back."""

    id: int
    amount: Amount
    date_created_gmt: dt.datetime
    reason: str | None = ""
    refunded_payment: bool | None = False
    line_items: list[WireItem] = []
    shipping_lines: list[WireItem] = []
    fee_lines: list[WireItem] = []


class WireOrder(msgspec.Struct):
    """An order."""

    id: int
    number: str | int
    status: str
    currency: str
    total: Amount
    date_created_gmt: dt.datetime
    date_modified_gmt: dt.datetime | None = None
    date_paid_gmt: dt.datetime | None = None
    date_completed_gmt: dt.datetime | None = None
    prices_include_tax: bool = False
    customer_id: int = 0
    billing: WireAddress = msgspec.field(default_factory=WireAddress)
    shipping: WireAddress = msgspec.field(default_factory=WireAddress)
    payment_method: str | None = ""
    transaction_id: str | None = ""
    customer_note: str | None = ""
    created_via: str | None = ""
    needs_processing: bool = True
    line_items: list[WireItem] = []
    shipping_lines: list[WireItem] = []
    fee_lines: list[WireItem] = []
    tax_lines: list[WireRate] = []
    refunds: list[WireRefunded] = []
    meta_data: list[WireMeta] = []


class WireProduct(msgspec.Struct):
    """A product, or a variation of one; `manage_stock` is "parent" where the parent keeps the stock."""

    id: int
    name: str | None = ""
    sku: str | int | None = ""
    type: str = ""
    status: str = "publish"
    price: Amount = _NOTHING
    manage_stock: bool | str = False
    stock_quantity: Decimal | None = None
    parent_id: int = 0
    date_modified_gmt: dt.datetime | None = None


class WireHead(msgspec.Struct):
    """The least that must be readable of a row."""

    id: int
    number: str | int | None = None
    date_created_gmt: dt.datetime | None = None
    date_modified_gmt: dt.datetime | None = None


class WireHook(msgspec.Struct):
    """A webhook; its secret is never shown."""

    id: int
    name: str = ""
    status: str = ""
    topic: str = ""
    delivery_url: str = ""


class WireIndex(msgspec.Struct):
    """What `/wp-json/` says of the site."""

    name: str = ""
    home: str = ""
    timezone_string: str | None = ""
    gmt_offset: msgspec.Raw = msgspec.Raw(b"null")
    namespaces: list[str] = []


class WireSetting(msgspec.Struct):
    """One setting of the store."""

    id: str
    value: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def text(self) -> str:
        """The value where it is a text or a number, else ""."""
        try:
            value = msgspec.json.decode(self.value)
        except msgspec.MsgspecError:
            return ""
        return str(value) if isinstance(value, str | int) else ""
