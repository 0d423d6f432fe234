"""What may be asked of the store: request bodies as typed values.

Amounts are major units as decimal strings (or JSON numbers), except under `/api` of a store whose `amounts` are
"minor", where they are integers in minor units (`wire.Scale.amount` turns them).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from selaras.sandbox.store.records import ZERO, Address, Buyer, Part, ProductType


class Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A request body; unknown fields are refused, so that a misspelt one is not ignored."""


class LineIn(Body):
    """A product wanted: by SKU, or by id where SKUs are doubled or empty."""

    sku: str = ""
    product_id: int = 0
    quantity: int = 1
    discount: Decimal = ZERO


class ChargeIn(Body, kw_only=True):
    """Shipping, a fee or an order discount; `tax` is worked out from the rate unless given."""

    name: str = ""
    amount: Decimal
    tax_rate: Decimal = ZERO
    tax: Decimal | None = None


class Basket(Body):
    """A checkout. `tax_rate` holds for all lines; the buyer is a customer, or whatever a guest typed."""

    lines: list[LineIn]
    customer_id: int | None = None
    buyer: Buyer | None = None
    prices_include_tax: bool = False
    tax_rate: Decimal = ZERO
    discount: ChargeIn | None = None
    shipping: ChargeIn | None = None
    fees: list[ChargeIn] = []
    payment_method: str = "transfer"
    note: str = ""


class CustomerIn(Body):
    """A buyer who registers."""

    name: str
    phone: str = ""
    email: str = ""
    address: Address = msgspec.field(default_factory=Address)


class PayIn(Body):
    """A payment. Without `amount` it is all that is still owed. `app` is the name of the program that writes it."""

    app: str = ""
    method: str = ""
    reference: str = ""
    amount: Decimal | None = None
    paid_at: str = ""


class PaymentIn(PayIn, kw_only=True):
    """A payment in a batch, with the order it belongs to."""

    order_id: int


class PaymentsIn(Body):
    """Many payments, at most 100."""

    payments: list[PaymentIn]


class CancelIn(Body):
    """A cancellation; `refund` gives all money back at once."""

    reason: str = ""
    refund: bool = False


class Pieces(Body):
    """So many pieces of one order line."""

    line_id: int
    quantity: int


class RefundIn(Body):
    """A refund of lines, of everything that is left (`full`), or of an amount only."""

    amount: Decimal | None = None
    lines: list[Pieces] = []
    full: bool = False
    reason: str = ""
    restock: bool = False
    paid_back: bool = True
    method: str = ""


class ExchangeIn(Body):
    """Pieces that come back and products that go out instead."""

    back: list[Pieces]
    out: list[LineIn]
    restock: bool = True
    reason: str = "exchange"


class EditIn(Body):
    """A change of an order that has not left yet: new quantities (0 removes the line), further lines, the buyer."""

    lines: list[Pieces] = []
    add: list[LineIn] = []
    address: Address | None = None
    buyer: Buyer | None = None
    note: str | None = None


class ShipIn(Body):
    """A parcel; without lines it holds everything that is still to be sent."""

    courier: str = ""
    tracking: str = ""
    lines: list[Pieces] = []


class StockIn(Body):
    """An absolute stock of one SKU, perhaps only if the row still has this version."""

    sku: str
    available: Decimal | None = None
    on_hand: Decimal | None = None
    version: int | None = None


class StocksIn(Body):
    """Many stocks, at most 100."""

    items: list[StockIn]


class WebhookIn(Body):
    """A subscription. `secret` "" means the shop's own."""

    url: str
    topics: list[str]
    secret: str = ""


class ProductIn(Body):
    """A product of the bulk load; `stock` counts only for real goods."""

    sku: str
    name: str = ""
    type: ProductType = "simple"
    price: Decimal = ZERO
    stock: int = 0
    id: int = 0
    parent_id: int | None = None
    components: list[Part] = []
    active: bool = True


class ProductsIn(Body):
    """The bulk load of the catalogue."""

    products: list[ProductIn]


class LoadedLine(Body, kw_only=True):
    """A line of a loaded order: any quantity and price, also negative; the SKU need not exist."""

    sku: str = ""
    name: str = ""
    quantity: int
    unit_price: Decimal
    discount: Decimal = ZERO
    tax: Decimal | None = None
    tax_rate: Decimal = ZERO


class LoadedPayment(Body):
    """A payment of a loaded order."""

    amount: Decimal
    method: str = ""
    reference: str = ""
    paid_at: str = ""
    source: Literal["gateway", "admin", "api"] = "gateway"


class LoadedRefund(Body):
    """A refund of a loaded order, by amount."""

    amount: Decimal
    reason: str = ""
    restock: bool = False
    paid_back: bool = True
    method: str = ""
    refunded_at: str = ""


class LoadedShipment(Body):
    """A shipment of a loaded order."""

    courier: str = ""
    tracking: str = ""
    shipped_at: str = ""


class LoadedOrder(Body):
    """A complete order as it shall stand in the store; `total` only when it shall differ from the sum of its parts."""

    lines: list[LoadedLine]
    number: str = ""
    kind: str = "order"
    status: Literal["draft", "open", "completed", "cancelled"] = "open"
    currency: str = ""
    placed_at: str = ""
    updated_at: str = ""
    prices_include_tax: bool = False
    buyer: Buyer | None = None
    discount: ChargeIn | None = None
    shipping: ChargeIn | None = None
    fees: list[ChargeIn] = []
    total: Decimal | None = None
    payment_method: str = ""
    payments: list[LoadedPayment] = []
    refunds: list[LoadedRefund] = []
    shipments: list[LoadedShipment] = []
    note: str = ""
    cancel_reason: str = ""


class OrdersIn(Body):
    """The bulk load of orders. `webhooks` fires `order.created` for each of them."""

    orders: list[LoadedOrder]
    webhooks: bool = False


class ClockIn(Body):
    """Set the clock (ISO 8601), move it by seconds, stop it or let it run; `real` = the machine's time again."""

    set: str = ""
    advance: float = 0.0
    frozen: bool | None = None
    real: bool = False


class TransferIn(Body):
    """A buyer's transfer into the shop's account: of an order's balance, or of any amount.

    `with_number` False leaves the order number out of the description, as half of all buyers do.
    """

    order_id: int = 0
    number: str = ""
    amount: Decimal | None = None
    payer: str = ""
    with_number: bool = True
    description: str = ""
    date: str = ""


class ForwardIn(Body):
    """Send the transfers that were not sent yet to the bank feed of the books at `books`."""

    books: str
    key: str = ""
    account: str = ""
