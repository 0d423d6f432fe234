"""What the store may offer of a product (M8): what lies there, less what is promised, less the safety buffer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import ROUND_FLOOR, Decimal

import msgspec

from selaras.model.money import ZERO
from selaras.model.product import Stock
from selaras.rules.explain import N_, Sentence

__all__ = ["Availability", "Part", "lying_in", "sellable", "sellable_bundle"]

_SUM = Sentence(
    N_(
        "%(code)s: %(on_hand)s on hand − %(reserved)s reserved − %(waiting)s in orders not yet in the books"
        " − %(buffer)s buffer = %(quantity)s"
    )
)
_NEVER_NEGATIVE = Sentence(N_("%(code)s: the books are %(missing)s short; nothing can be promised."))
_SCARCEST = Sentence(N_("The bundle is limited by %(code)s: %(quantity)s of it make %(bundles)s bundles."))

# Stock of a component, pieces of it in orders that are not in the books yet, pieces of it in one bundle.
Part = tuple[Stock, Decimal, Decimal]


class Availability(msgspec.Struct, frozen=True):
    """Pieces that can be promised, whole and never negative, with the sum that gave them."""

    quantity: Decimal
    reasons: tuple[str, ...] = ()


def lying_in(stock: Stock, warehouses: Collection[str]) -> Stock:
    """The stock as far as it lies in these warehouses: nothing else can leave for the store.

    All of it when none is named, or when the books tell only one sum (their connection says of which warehouse).
    """
    if not warehouses or not stock.shelves:
        return stock
    here = [shelf for shelf in stock.shelves if shelf.warehouse in warehouses]
    on_hand = sum((shelf.on_hand for shelf in here), ZERO)
    return msgspec.structs.replace(stock, on_hand=on_hand, reserved=sum((shelf.reserved for shelf in here), ZERO))


def sellable(stock: Stock, buffer: Decimal = ZERO, waiting: Decimal = ZERO) -> Availability:
    """on hand − reserved − waiting − buffer, whole pieces, not below 0.

    `waiting` counts the pieces in store orders that the books do not hold yet: the books would sell them twice.
    """
    rest = stock.on_hand - stock.reserved - waiting - buffer
    quantity = max(ZERO, rest.to_integral_value(rounding=ROUND_FLOOR))
    said = _SUM(
        code=stock.code, on_hand=_plain(stock.on_hand), reserved=_plain(stock.reserved), waiting=_plain(waiting),
        buffer=_plain(buffer), quantity=_plain(quantity),
    )  # fmt: skip
    if rest < ZERO:
        return Availability(quantity, (said, _NEVER_NEGATIVE(code=stock.code, missing=_plain(-rest))))
    return Availability(quantity, (said,))


def sellable_bundle(parts: Sequence[Part], buffer: Decimal = ZERO) -> Availability:
    """As many bundles as the scarcest component allows. A bundle without components cannot be promised."""
    if not parts:
        return Availability(ZERO)
    scarcest: tuple[Decimal, Availability, Stock] | None = None
    for stock, waiting, each in parts:
        have = sellable(stock, buffer, waiting)
        bundles = (have.quantity / each).to_integral_value(rounding=ROUND_FLOOR)
        if scarcest is None or bundles < scarcest[0]:
            scarcest = (bundles, have, stock)
    assert scarcest is not None  # noqa: S101 - parts is not empty
    bundles, have, stock = scarcest
    limit = _SCARCEST(code=stock.code, quantity=_plain(have.quantity), bundles=_plain(bundles))
    return Availability(bundles, (*have.reasons, limit))


def _plain(quantity: Decimal) -> str:
    """Pieces without a trailing exponent or zeros."""
    return f"{quantity.normalize():f}" if quantity else "0"
