"""Medusa's variants and the stock of its inventory items ⇄ the model. Pure.

What is sold is a variant; what lies on the shelf is an inventory item, with a level in each location. Mostly a variant
has one item under the same code. A variant made of several items, or of several pieces of one, is a bundle: Medusa
itself works out how many of it there are.

`stocked_quantity` is what lies there, `reserved_quantity` what orders hold that were not packed yet.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.answers import repaired
from selaras.connectors.contract import Rejected, Seen, Transient
from selaras.connectors.medusa.wire import Raw, exact
from selaras.model.money import ZERO
from selaras.model.product import Component, Product, Stock

VARIANT_FIELDS = (
    "id,sku,title,manage_inventory,updated_at,product.id,product.title,product.status,product.updated_at,"
    "prices.currency_code,prices.amount,inventory_items.required_quantity,inventory_items.inventory.sku"
)
ITEM_FIELDS = (
    "id,sku,updated_at,location_levels.location_id,location_levels.stocked_quantity,location_levels.reserved_quantity,"
    "location_levels.updated_at"
)


class WireProduct(msgspec.Struct):
    """The product of a variant."""

    id: str
    title: str | None = ""
    status: str = "published"
    updated_at: dt.datetime | None = None


class WirePrice(msgspec.Struct):
    """A price in one currency."""

    currency_code: str
    amount: Decimal | None = None
    raw_amount: Raw | None = None


class WireInventory(msgspec.Struct):
    """The item of a part."""

    sku: str | None = ""


class WirePart(msgspec.Struct):
    """How many pieces of an inventory item one piece of the variant is."""

    required_quantity: Decimal = Decimal(1)
    inventory: WireInventory | None = None


class WireVariant(msgspec.Struct):
    """What is sold."""

    id: str
    updated_at: dt.datetime
    sku: str | None = ""
    title: str | None = ""
    manage_inventory: bool = False
    product: WireProduct | None = None
    prices: list[WirePrice] | None = None
    inventory_items: list[WirePart] | None = None


class WireLevel(msgspec.Struct):
    """Pieces of an item in one location."""

    location_id: str
    updated_at: dt.datetime
    stocked_quantity: Decimal | None = None
    raw_stocked_quantity: Raw | None = None
    reserved_quantity: Decimal | None = None
    raw_reserved_quantity: Raw | None = None

    @property
    def on_hand(self) -> Decimal:
        """Pieces that lie there."""
        return exact(self.stocked_quantity, self.raw_stocked_quantity)

    @property
    def reserved(self) -> Decimal:
        """Pieces that orders hold."""
        return exact(self.reserved_quantity, self.raw_reserved_quantity)


class WireStock(msgspec.Struct):
    """An inventory item with its levels."""

    id: str
    updated_at: dt.datetime
    sku: str | None = ""
    location_levels: list[WireLevel] | None = None

    def level(self, location: str) -> WireLevel | None:
        """The level in a location ("": the only one there is). Raises `Rejected` when that does not tell which."""
        levels = self.location_levels or []
        if location:
            return next((one for one in levels if one.location_id == location), None)
        if len(levels) > 1:
            raise Rejected(
                f"{self.sku} lies in {len(levels)} locations, and the connection does not say which one is meant",
                code="which_location",
                field="location",
                cure="Enter the id of the location in the settings of the connection.",
            )
        return levels[0] if levels else None

    @property
    def moved_at(self) -> dt.datetime | None:
        """When a level last changed."""
        return max((level.updated_at for level in self.location_levels or ()), default=None)


_variant = msgspec.json.Decoder(WireVariant)
_stock = msgspec.json.Decoder(WireStock)


def variant(raw: bytes) -> WireVariant:
    """A variant of the list. Raises `Transient` when it cannot be read."""
    try:
        return _variant.decode(repaired(raw))
    except msgspec.MsgspecError as error:
        raise Transient(f"a product of the store cannot be read: {error}", code="unreadable") from None


def stock(raw: bytes) -> WireStock:
    """An inventory item of the list. Raises `Transient` when it cannot be read."""
    try:
        return _stock.decode(repaired(raw))
    except msgspec.MsgspecError as error:
        raise Transient(f"a product of the store cannot be read: {error}", code="unreadable") from None


def changed_at(wire: WireVariant) -> dt.datetime:
    """When the variant, or its product, last changed."""
    product = wire.product.updated_at if wire.product is not None else None
    return max(wire.updated_at, product or wire.updated_at)


def product_seen(raw: bytes, wire: WireVariant, zone: ZoneInfo, currency: str) -> Seen:
    """A variant as a record; a product without variants does not exist in Medusa."""
    at = changed_at(wire)
    family = wire.product or WireProduct("")
    code, title = wire.sku or "", wire.title or ""
    name = family.title or ""
    if title and title not in name:
        name = f"{name} - {title}" if name else title
    listed = [price for price in wire.prices or () if price.currency_code.upper() == currency]
    price = exact(listed[0].amount, listed[0].raw_amount) if listed else ZERO
    parts = wire.inventory_items or []
    plain = len(parts) <= 1 and all(part.required_quantity == 1 for part in parts)
    record = Product(
        id=wire.id,
        code=code,
        name=name,
        price=price,
        currency=currency if listed else "",
        parent=family.id,
        components=()
        if plain
        else tuple(Component((part.inventory and part.inventory.sku) or "", part.required_quantity) for part in parts),
        stocked=wire.manage_inventory,
        active=family.status == "published",
        updated_at=_stamp(at),
    )
    return Seen("product", record.id, record, raw, at, at.astimezone(zone).date(), code)


def stock_seen(raw: bytes, wire: WireStock, level: WireLevel, zone: ZoneInfo) -> Seen:
    """The stock of an item in the connection's location, known by its code."""
    at = level.updated_at.astimezone(dt.UTC)
    record = Stock(
        code=wire.sku or "",
        on_hand=level.on_hand,
        reserved=level.reserved,
        product_id=wire.id,
        location=level.location_id,
        version=version_of(level),
        updated_at=_stamp(at),
    )
    return Seen("stock", record.code, record, raw, at, at.astimezone(zone).date(), record.code)


def version_of(level: WireLevel) -> str:
    """The level as text: a write is refused where the pieces themselves have moved."""
    return f"{level.on_hand.normalize():f}/{level.reserved.normalize():f}"


def _stamp(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
