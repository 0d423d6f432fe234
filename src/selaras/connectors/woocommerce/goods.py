"""WooCommerce's products and their stock ⇄ the model. Pure.

A variation is a product with its own code. Variable and grouped products are not sold themselves and are left out,
except for the stock that a variable product keeps for all its variations (their `manage_stock` is then "parent").
What WooCommerce calls stock is what it still offers: it takes pieces off when an order goes on hold or is paid.
"""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.answers import repaired
from selaras.connectors.contract import Seen, Transient
from selaras.connectors.woocommerce.mapping import Row
from selaras.connectors.woocommerce.wire import WireProduct, amount, utc
from selaras.model.product import Product, Stock

NOT_SOLD: Final = frozenset({"variable", "variable-subscription", "grouped"})
FIELDS: Final = "id,name,sku,type,status,price,manage_stock,stock_quantity,parent_id,date_modified_gmt"
_decoder = msgspec.json.Decoder(WireProduct)


def product(raw: bytes) -> WireProduct:
    """A product of the list. Raises `Transient` when it cannot be read."""
    try:
        return _decoder.decode(repaired(raw))
    except msgspec.MsgspecError as error:
        raise Transient(f"a product of the store cannot be read: {error}", code="unreadable") from None


def has_variations(wire: WireProduct) -> bool:
    """Whether its variations are what is sold."""
    return wire.type in ("variable", "variable-subscription")


def counted(wire: WireProduct) -> bool:
    """Whether the store keeps stock of exactly this product or variation."""
    return wire.manage_stock is True


def product_row(
    raw: bytes, wire: WireProduct, children: Sequence[tuple[bytes, WireProduct]], zone: ZoneInfo, currency: str
) -> Row:
    """A product, or the variations of one."""
    if has_variations(wire):
        made = tuple(product_seen(part, child, zone, currency, wire) for part, child in children)
    else:
        made = () if wire.type in NOT_SOLD else (product_seen(raw, wire, zone, currency),)
    return Row(wire.id, _second(wire), made)


def stock_row(raw: bytes, wire: WireProduct, children: Sequence[tuple[bytes, WireProduct]], zone: ZoneInfo) -> Row:
    """The stock of a product, and of its variations where they have their own."""
    rows = [(raw, wire), *children]
    return Row(wire.id, _second(wire), tuple(stock_seen(part, one, zone) for part, one in rows if counted(one)))


def product_seen(
    raw: bytes, wire: WireProduct, zone: ZoneInfo, currency: str, parent: WireProduct | None = None
) -> Seen:
    """A product or variation as a record. Raises `Transient` for a price that cannot be read."""
    at = _changed(wire)
    name = wire.name or ""
    if parent is not None and parent.name and parent.name not in name:
        name = f"{parent.name} - {name}" if name else parent.name
    above = parent.id if parent is not None else wire.parent_id
    try:
        price = amount(wire.price)
    except ValueError as error:
        raise Transient(f"product {wire.id} of the store cannot be read: {error}", code="unreadable") from None
    record = Product(
        id=str(wire.id),
        code=_code(wire),
        name=html.unescape(name),
        price=price,
        currency=currency,
        parent=str(above) if above else "",
        stocked=counted(wire),
        active=wire.status == "publish" and (parent is None or parent.status == "publish"),
        updated_at=_stamp(at),
    )
    return Seen("product", record.id, record, raw, at, at.astimezone(zone).date(), record.code)


def stock_seen(raw: bytes, wire: WireProduct, zone: ZoneInfo) -> Seen:
    """A stock row, known by its code; the quantity just read is its version."""
    at = _changed(wire)
    quantity = wire.stock_quantity or 0
    record = Stock(
        code=_code(wire),
        on_hand=amount(msgspec.Raw(str(quantity).encode())),
        product_id=place_of(wire),
        version=version_of(wire),
        updated_at=_stamp(at),
    )
    return Seen("stock", record.code, record, raw, at, at.astimezone(zone).date(), record.code)


def version_of(wire: WireProduct) -> str:
    """The stock as text: WooCommerce has no version, so a write is refused where the quantity itself has moved."""
    quantity = wire.stock_quantity
    return "0" if not quantity else format(quantity.normalize(), "f")


def place_of(wire: WireProduct) -> str:
    """Where a product is written: its id, below that of its parent if it is a variation."""
    return f"{wire.parent_id}/{wire.id}" if wire.type == "variation" and wire.parent_id else str(wire.id)


def _code(wire: WireProduct) -> str:
    return "" if wire.sku is None else str(wire.sku)


def _changed(wire: WireProduct) -> dt.datetime:
    return utc(wire.date_modified_gmt) or dt.datetime.fromtimestamp(0, dt.UTC)


def _second(wire: WireProduct) -> int:
    return int(_changed(wire).timestamp())


def _stamp(instant: dt.datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
