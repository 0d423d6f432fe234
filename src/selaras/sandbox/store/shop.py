"""The shop: its orders, its buyers, checkout and payment. What happens to an order afterwards is in `changes.py`."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

from selaras.model.money import exponent, rounded
from selaras.sandbox.faults import Faults
from selaras.sandbox.store.amounts import line_net, order_total, tax_of
from selaras.sandbox.store.config import StoreClock, StoreConfig
from selaras.sandbox.store.goods import Goods
from selaras.sandbox.store.listing import UpdateIndex
from selaras.sandbox.store.records import (
    ZERO,
    Buyer,
    Charge,
    Held,
    Order,
    OrderLine,
    Payment,
    PaymentStatus,
    Product,
    Refused,
)
from selaras.sandbox.store.requests import Basket, ChargeIn, CustomerIn, LineIn, PayIn

Event = Callable[[str, int], None]


class Shop:
    """Everything the store knows. `event(topic, id)` is called for each change that subscribers may hear of."""

    def __init__(self, config: StoreConfig, clock: StoreClock, faults: Faults, event: Event) -> None:
        exponent(config.currency)
        self.config = config
        self.clock = clock
        self.faults = faults
        self.rng = random.Random(f"{config.seed}:shop")
        self.orders: dict[int, Order] = {}
        self.held: dict[int, dict[int, Held]] = {}
        self.by_number: dict[str, Order] = {}
        self.customers: dict[int, Buyer] = {}
        self.references: dict[str, tuple[Order, Payment]] = {}
        self.refusals: Counter[str] = Counter()
        self.listed = False
        self.encoded: dict[int, bytes] = {}
        self._event = event
        self._next_order = 1
        self._next_number = config.first_number
        self._next_part = 1
        ties = random.Random(f"{config.seed}:ties")

        def index() -> UpdateIndex:
            return UpdateIndex(ties, shuffle=config.shuffle_ties, lag=lambda: faults.search_lag)

        self.order_index = index()
        self.product_index = index()
        self.stock_index = index()
        self.goods = Goods(clock.now, self._goods_changed)

    # -- reading ----------------------------------------------------------------------------------------

    def order(self, order_id: int) -> Order:
        """The order with this id. Raises `Refused` 404."""
        try:
            return self.orders[order_id]
        except KeyError:
            raise Refused(404, "unknown_order", f"there is no order {order_id}", order_id=order_id) from None

    def live(self, order_id: int) -> Order:
        """The order with this id if it can still be changed. Raises `Refused` 404 or 409."""
        order = self.order(order_id)
        if order.status in ("draft", "trash"):
            raise Refused(409, order.status, f"order {order_id} is a {order.status}", order_id=order_id)
        return order

    def part_id(self) -> int:
        """The next id of a line, payment, refund or shipment."""
        self._next_part += 1
        return self._next_part - 1

    # -- buying -----------------------------------------------------------------------------------------

    def register(self, wanted: CustomerIn) -> Buyer:
        """A new customer account."""
        customer = Buyer(wanted.name, wanted.phone, wanted.email, len(self.customers) + 1, wanted.address)
        self.customers[len(self.customers) + 1] = customer
        return customer

    def checkout(self, basket: Basket) -> Order:
        """A buyer orders: the goods are reserved, or the checkout is refused ("sold_out")."""
        order, held = self._build(basket)
        self._reserve(held)
        return self._place(order, held)

    def save_cart(self, basket: Basket) -> Order:
        """A buyer leaves a cart: a row of status draft in the list of orders, without number or reserved goods."""
        order, held = self._build(basket)
        self.store(order, held)
        return order

    def finish_cart(self, order_id: int) -> Order:
        """A buyer comes back to a cart and orders."""
        order = self.order(order_id)
        if order.status != "draft":
            raise Refused(409, "not_a_cart", f"order {order_id} was placed already", order_id=order_id)
        held = self.held[order_id]
        self._reserve(held)
        order.placed_at = self.clock.now()
        return self._place(order, held)

    def _reserve(self, held: dict[int, Held]) -> None:
        try:
            self.goods.reserve(h.goods(h.reserved) for h in held.values())
        except Refused as no:
            if no.code == "sold_out":
                self.refusals[no.extra["sku"]] += 1
            raise

    def _place(self, order: Order, held: dict[int, Held]) -> Order:
        order.status = "open"
        if not order.number:
            order.number = self.next_number()
        new = order.id not in self.orders
        self.settle_status(order)
        self.store(order, held)
        self._event("order.created" if new else "order.updated", order.id)
        return order

    def next_number(self) -> str:
        """The next order number that is free."""
        while str(self._next_number) in self.by_number:
            self._next_number += 1
        self._next_number += 1
        return str(self._next_number - 1)

    def next_order_id(self) -> int:
        """The next order id."""
        self._next_order += 1
        return self._next_order - 1

    def _build(self, basket: Basket) -> tuple[Order, dict[int, Held]]:
        if not basket.lines:
            raise Refused(422, "empty", "the basket is empty")
        # Everything that can be refused comes before an id is taken, so that ids have no needless gaps.
        chosen = [(self.find_product(line), line) for line in basket.lines]
        now = self.clock.now()
        currency = self.config.currency
        order = Order(
            id=0,
            number="",
            kind="order",
            status="draft",
            payment_status="unpaid",
            currency=currency,
            total=ZERO,
            prices_include_tax=basket.prices_include_tax,
            placed_at=now,
            updated_at=now,
            buyer=self._buyer(basket),
            lines=[],
            discount=self.charge(basket.discount, basket.prices_include_tax, currency),
            shipping=self.charge(basket.shipping, basket.prices_include_tax, currency),
            fees=[c for f in basket.fees if (c := self.charge(f, basket.prices_include_tax, currency))],
            payment_method=basket.payment_method,
            note=basket.note,
        )
        held: dict[int, Held] = {}
        for product, line in chosen:
            row, kept = self.new_line(order, product, line, basket.tax_rate)
            order.lines.append(row)
            held[row.id] = kept
        order.total = order_total(order)
        if order.total < 0:
            raise Refused(422, "bad_discount", "the discount is larger than the basket")
        order.id = self.next_order_id()
        return order, held

    def find_product(self, line: LineIn) -> Product:
        """The product that a line asks for. Raises `Refused` 404 or 422."""
        product = self.goods.products.get(line.product_id) if line.product_id else self.goods.by_sku(line.sku)
        if product is None or not product.active:
            what = line.sku or str(line.product_id)
            raise Refused(404, "unknown_sku", f"there is no product {what}", sku=line.sku)
        if line.quantity < 1:
            raise Refused(422, "bad_quantity", f"{line.quantity} pieces of {product.sku} cannot be ordered")
        if not 0 <= line.discount <= line.quantity * product.price:
            raise Refused(422, "bad_discount", f"the discount on {product.sku} is larger than its price")
        return product

    def new_line(self, order: Order, product: Product, wanted: LineIn, rate: Decimal) -> tuple[OrderLine, Held]:
        """An order line at the catalogue's price, and its bookkeeping with all pieces to be reserved."""
        discount = rounded(wanted.discount, order.currency)
        net = line_net(wanted.quantity, product.price, discount, order.currency)
        line = OrderLine(
            id=self.part_id(),
            product_id=product.id,
            sku=product.sku,
            name=product.name,
            quantity=wanted.quantity,
            unit_price=product.price,
            discount=discount,
            tax=tax_of(net, rate, order.prices_include_tax, order.currency),
            tax_rate=rate,
        )
        held = Held(self.goods.need(product, 1), reserved=wanted.quantity, service=product.type == "service")
        return line, held

    def charge(self, wanted: ChargeIn | None, included: bool, currency: str) -> Charge | None:
        """Shipping, fee or discount with its tax worked out."""
        if wanted is None:
            return None
        amount = rounded(wanted.amount, currency)
        tax = tax_of(amount, wanted.tax_rate, included, currency) if wanted.tax is None else wanted.tax
        return Charge(wanted.name, amount, tax, wanted.tax_rate)

    def _buyer(self, basket: Basket) -> Buyer:
        if basket.customer_id is None:
            return basket.buyer or Buyer()
        try:
            return self.customers[basket.customer_id]
        except KeyError:
            raise Refused(404, "unknown_customer", f"there is no customer {basket.customer_id}") from None

    # -- money ------------------------------------------------------------------------------------------

    def pay(self, order_id: int, wanted: PayIn, source: str) -> tuple[Payment, bool]:
        """Money for an order; gives the payment and whether it is new.

        The same reference again returns the payment that is there. A late payment of a cancelled order is taken,
        as banks do. Raises `Refused` 404, 409 "reference_used" or 422.
        """
        order = self.live(order_id)
        known = self.references.get(wanted.reference) if wanted.reference else None
        if known is not None:
            if known[0] is not order or (wanted.amount is not None and wanted.amount != known[1].amount):
                raise Refused(
                    409,
                    "reference_used",
                    f"payment {wanted.reference} exists already for order {known[0].number} over {known[1].amount}",
                    order_id=known[0].id,
                )
            return known[1], False
        amount = self.balance(order) if wanted.amount is None else wanted.amount
        if amount <= 0 or rounded(amount, order.currency) != amount:
            what = f"{amount} {order.currency} cannot be paid for order {order.number}"
            raise Refused(422, "bad_amount", what, order_id=order.id)
        paid_at = self.clock.instant(wanted.paid_at) if wanted.paid_at else self.clock.now()
        payment = Payment(
            id=self.part_id(),
            amount=amount,
            method=wanted.method or order.payment_method,
            reference=wanted.reference,
            paid_at=paid_at.replace(microsecond=0),
            source="gateway" if source == "gateway" else ("admin" if source == "admin" else "api"),
            app=wanted.app if source != "gateway" else "",
        )
        order.payments = [*order.payments, payment]
        if wanted.reference:
            self.references[wanted.reference] = (order, payment)
        self.settle_status(order)
        self.touch(order, money=True)
        return payment, True

    @staticmethod
    def paid(order: Order) -> Decimal:
        """Σ payments."""
        return sum((p.amount for p in order.payments), ZERO)

    @staticmethod
    def refunded(order: Order) -> Decimal:
        """Σ refunds, paid back or not."""
        return sum((r.amount for r in order.refunds), ZERO)

    def balance(self, order: Order) -> Decimal:
        """What the buyer still owes (negative: what the shop owes)."""
        back = sum((r.amount for r in order.refunds if r.paid_back), ZERO)
        return order.total - self.refunded(order) - (self.paid(order) - back)

    def settle_status(self, order: Order) -> None:
        """Work out payment status, and whether the order is completed."""
        order.payment_status = self._payment_status(order)
        if order.status not in ("open", "completed"):
            return
        held = self.held.get(order.id, {})
        waiting = any(
            (kept := held.get(line.id)) is not None
            and not kept.service
            and line.quantity - kept.shipped - (kept.refunded - kept.returned) > 0
            for line in order.lines
        )
        settled = order.payment_status in ("paid", "refunded")
        order.status = "completed" if settled and not waiting and order.id in self.orders else "open"

    def _payment_status(self, order: Order) -> PaymentStatus:
        if order.total > 0 and self.refunded(order) >= order.total:
            return "refunded"
        if order.total <= 0 or self.balance(order) <= 0:
            return "paid"
        return "partial" if order.payments else "unpaid"

    # -- bookkeeping ------------------------------------------------------------------------------------

    def store(self, order: Order, held: dict[int, Held]) -> None:
        """Keep a new order, or one that has just been placed; it changed now."""
        self.orders[order.id] = order
        self.held[order.id] = held
        if order.number:
            self.by_number.setdefault(order.number, order)
        order.updated_at = self.clock.now()
        self.encoded.pop(order.id, None)
        self.order_index.touch(order.id, int(order.updated_at.timestamp()))

    def touch(self, order: Order, *, money: bool = False) -> None:
        """The order changed: it moves to the end of the list and subscribers hear of it.

        With `silent_money` a change of money alone does neither.
        """
        self.encoded.pop(order.id, None)
        if money and self.config.silent_money:
            return
        order.updated_at = self.clock.now()
        self.order_index.touch(order.id, int(order.updated_at.timestamp()))
        self._event("order.updated", order.id)

    def announce(self, order: Order) -> None:
        """Tell subscribers of a new order that was kept without telling them."""
        self._event("order.created", order.id)

    def _goods_changed(self, kind: str, key: int) -> None:
        at: dt.datetime = (self.goods.stock if kind == "stock" else self.goods.products)[key].updated_at
        index = self.stock_index if kind == "stock" else self.product_index
        index.touch(key, int(at.timestamp()))
        self._event(f"{kind}.updated", key)
