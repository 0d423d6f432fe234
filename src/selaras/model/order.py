"""An order as the store holds it now: lines, money, refunds, payments, shipments.

Every amount is in major units of `Order.currency`. The parts prove the total: `Order.computed_total` is worked out
here and compared with the total that the store states (spec M5, promise 4).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal

import msgspec

from selaras.model.money import ZERO, rounded
from selaras.model.party import Buyer

OrderStatus = Literal["draft", "pending", "open", "completed", "cancelled"]
LineKind = Literal["product", "shipping", "fee", "discount"]


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of an order or of a refund.

    `unit_price` may have more decimals than the currency. `discount` is the positive amount taken off the line.
    `tax` is the tax of the whole line after discount, *inside* `unit_price` when the order's prices include tax and on
    top otherwise. `tax_rate` is a fraction (0.11). A discount over the whole order is a line of kind "discount" with a
    negative `unit_price`.
    """

    id: str
    code: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal = ZERO
    tax: Decimal = ZERO
    tax_rate: Decimal = ZERO
    kind: LineKind = "product"
    product_id: str = ""

    def net(self, currency: str) -> Decimal:
        """quantity × unit price − discount, rounded half-up once to the smallest unit."""
        return rounded(self.quantity * self.unit_price - self.discount, currency)


class Payment(msgspec.Struct, frozen=True, omit_defaults=True):
    """Money that the store says was received. `amount` > 0.

    `method` is the store's name for the way of paying. `origin` is "store" unless the payment was written into the
    store by Selaras because money was found in the books ("books"): such a payment is never booked a second time.
    """

    id: str
    amount: Decimal
    paid_at: dt.datetime
    method: str = ""
    reference: str = ""
    origin: Literal["store", "books"] = "store"


class Refund(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refund or return. `amount` > 0 is what goes back to the buyer; `lines` may be empty (amount only).

    Quantities and amounts in `lines` are positive. `restock` says whether the goods lie on the shelf again.
    `paid_back` tells whether the money has left (else only the claim is reduced).
    """

    id: str
    amount: Decimal
    refunded_at: dt.datetime
    lines: tuple[Line, ...] = ()
    reason: str = ""
    restock: bool = False
    paid_back: bool = True
    method: str = ""


class Shipment(msgspec.Struct, frozen=True, omit_defaults=True):
    """Goods handed to the courier, with the tracking number (nomor resi)."""

    id: str
    shipped_at: dt.datetime
    tracking: str = ""
    courier: str = ""


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order of a store as it is now. `number` is what people call it, `id` what the API calls it.

    `placed_at` and `updated_at` are aware instants in UTC. `tax_included` says whether unit prices contain the tax.
    A document without a sale behind it (a return at the counter, a cancellation of an unknown order) is an `Order`
    whose total is negative. `unreadable` says why the store's answer could not be understood whole: of such an order
    only what it is called, its day and perhaps its total are known. `channel` is the way by which it was placed and
    `location` the store's place that sends the goods, both in the store's own words ("" = the store does not say).
    """

    id: str
    number: str
    currency: str
    total: Decimal
    placed_at: dt.datetime
    updated_at: dt.datetime
    status: OrderStatus = "open"
    buyer: Buyer = Buyer()
    lines: tuple[Line, ...] = ()
    tax_included: bool = False
    payments: tuple[Payment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    note: str = ""
    cancel_reason: str = ""
    cancelled_at: dt.datetime | None = None
    kind: str = "order"
    unreadable: str = ""
    channel: str = ""
    location: str = ""

    def computed_total(self) -> Decimal:
        """Σ lines (each rounded half-up) + Σ tax where prices do not include it. Raises `UnknownCurrency`."""
        total = ZERO
        for line in self.lines:
            total += line.net(self.currency)
            if not self.tax_included:
                total += line.tax
        return total

    @property
    def paid(self) -> Decimal:
        """Σ payments, whatever their origin."""
        return sum((p.amount for p in self.payments), ZERO)

    @property
    def refunded(self) -> Decimal:
        """Σ refunds."""
        return sum((r.amount for r in self.refunds), ZERO)
