"""Products as they are sold (a variant is a product with its own code) and stock as it is kept."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from selaras.model.money import ZERO


class Component(msgspec.Struct, frozen=True):
    """One part of a bundle: `quantity` pieces of the product `code`."""

    code: str
    quantity: Decimal


class Product(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that can be sold, on either side.

    `code` is the code that both sides are meant to share (SKU). `parent` names the product a variant belongs to.
    A bundle has `components`; its stock is that of its scarcest component. A service keeps no stock.
    """

    id: str
    code: str
    name: str
    price: Decimal = ZERO
    currency: str = ""
    parent: str = ""
    components: tuple[Component, ...] = ()
    stocked: bool = True
    active: bool = True
    updated_at: str = ""


class Shelf(msgspec.Struct, frozen=True, omit_defaults=True):
    """What lies of a product in one warehouse of the books (its id in their chart) and what orders hold of it."""

    warehouse: str
    on_hand: Decimal = ZERO
    reserved: Decimal = ZERO


class Stock(msgspec.Struct, frozen=True, omit_defaults=True):
    """Stock of one product in one place, in pieces.

    In the books: `on_hand` is what lies there, `reserved` what confirmed sales orders hold; `shelves` say it by
    warehouse, for a store whose goods leave from some of them only (() = these books tell only the sum).
    In the store: `on_hand` is what the store thinks, `reserved` what its own open orders hold; `version` is the token
    for a compare-and-set write ("" when the store has none).
    """

    code: str
    on_hand: Decimal
    reserved: Decimal = ZERO
    product_id: str = ""
    location: str = ""
    version: str = ""
    updated_at: str = ""
    shelves: tuple[Shelf, ...] = ()

    @property
    def available(self) -> Decimal:
        """Pieces that can still be promised: on hand − reserved."""
        return self.on_hand - self.reserved
