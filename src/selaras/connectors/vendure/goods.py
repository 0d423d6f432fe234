"""Variants and their stock ⇄ the model. Pure.

What is sold is a variant. Vendure counts stock per variant and location: `stockOnHand` lies there, `stockAllocated` of
it belongs to placed orders until they are sent. Buyers are offered what is on hand, less what is allocated, less the
threshold below which the shop says "out of stock" (reference/store-billing-payment-apis.md §5).
"""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.answers import repaired
from selaras.connectors.contract import Seen, Transient
from selaras.connectors.vendure.client import Shop
from selaras.connectors.vendure.wire import WireVariant, decoder, utc
from selaras.model.product import Product, Stock

_decoder = decoder(WireVariant)


def variant(raw: bytes) -> WireVariant:
    """A variant of a list. Raises `Transient` when it cannot be read."""
    try:
        return _decoder.decode(repaired(raw))
    except msgspec.MsgspecError as error:
        raise Transient(f"a product of the store cannot be read: {error}", code="unreadable") from None


def counted(wire: WireVariant, shop: Shop) -> bool:
    """Whether the store keeps stock of it."""
    if wire.track_inventory == "INHERIT":
        return shop.global_settings.track_inventory
    return wire.track_inventory == "TRUE"


def threshold(wire: WireVariant, shop: Shop) -> int:
    """Pieces that lie there and are not offered."""
    if wire.use_global_out_of_stock_threshold:
        return shop.global_settings.out_of_stock_threshold
    return wire.out_of_stock_threshold


def on_hand(wire: WireVariant) -> int:
    """Pieces that lie in all places together."""
    return sum(level.stock_on_hand for level in wire.stock_levels)


def allocated(wire: WireVariant) -> int:
    """Pieces of them that placed orders hold."""
    return sum(level.stock_allocated for level in wire.stock_levels)


def offered(wire: WireVariant, shop: Shop) -> int:
    """Pieces that buyers are offered."""
    return on_hand(wire) - allocated(wire) - threshold(wire, shop)


def version_of(wire: WireVariant) -> str:
    """The stock as text: Vendure has no version, so a write is refused where the stock itself has moved."""
    return f"{on_hand(wire)}/{allocated(wire)}"


def product_seen(raw: bytes, wire: WireVariant, zone: ZoneInfo, shop: Shop) -> Seen:
    """A variant as a record; its price is the one that the channel lists."""
    at = utc(wire.updated_at)
    price = wire.price_with_tax if shop.active_channel.prices_include_tax else wire.price
    record = Product(
        id=wire.id,
        code=wire.sku,
        name=wire.name,
        price=shop.scale.major(price),
        currency=wire.currency_code,
        parent=wire.product.id if wire.product else "",
        stocked=counted(wire, shop),
        active=wire.enabled and (wire.product is None or wire.product.enabled),
        updated_at=at.isoformat(),
    )
    return Seen("product", record.id, record, raw, at, at.astimezone(zone).date(), record.code)


def stock_seen(raw: bytes, wire: WireVariant, zone: ZoneInfo, shop: Shop) -> Seen:
    """A stock row, known by its code; what is held back by the threshold counts as reserved."""
    at = utc(wire.updated_at)
    record = Stock(
        code=wire.sku,
        on_hand=Decimal(on_hand(wire)),
        reserved=Decimal(allocated(wire) + threshold(wire, shop)),
        product_id=wire.id,
        version=version_of(wire),
        updated_at=at.isoformat(),
    )
    return Seen("stock", record.code, record, raw, at, at.astimezone(zone).date(), record.code)
