"""What the stand-in shop holds, and what happens in it: orders, payments, refunds, stock, the bin.

It does what a real WooCommerce 10.0 was seen to do (reference/observed.md "WooCommerce", reference/
store-billing-payment-apis.md §2) and what its source says: net line amounts with six decimals, taxes rounded per
line, an order's total that follows `taxes[]`, stock that moves with the order's status, refunds as objects of their
own. Answers are built on real ones (data/), by `standin_json`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

SIX = Decimal("0.000001")
ZERO = Decimal(0)
HOLDS_STOCK = frozenset({"on-hold", "processing", "completed", "refunded"})


class Clock:
    """The shop's clock: it ticks on from where it was set, or stands still."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._shift = 0.0
        self._frozen: float | None = None

    def __call__(self) -> float:
        return self._frozen if self._frozen is not None else self._now() + self._shift

    def set(self, now: dt.datetime) -> None:
        self._shift = now.timestamp() - self._now()

    def freeze(self) -> None:
        self._frozen = float(int(self()))

    def run(self) -> None:
        self._frozen = None


@dataclass
class Goods:
    """A product or (with a parent) a variation."""

    id: int
    sku: str
    name: str
    price: Decimal
    stock: int | None = None
    parent: int = 0
    type: str = "simple"
    manage: Any = True
    modified: int = 0
    taxable: bool = True
    virtual: bool = False
    status: str = "publish"


@dataclass
class Item:
    """A line of an order or refund, as WooCommerce stores it: net amounts, taxes by rate."""

    id: int
    kind: str
    name: str
    quantity: int = 1
    goods: Goods | None = None
    subtotal: Decimal = ZERO
    total: Decimal = ZERO
    taxes: dict[int, tuple[Decimal, Decimal]] = field(default_factory=dict)
    reduced: int = 0
    restocked: int = 0
    refunds: int = 0
    gone: bool = False


@dataclass
class Refund:
    """A refund; `items` may be empty."""

    id: int
    order: int
    amount: Decimal
    reason: str
    created: int
    items: list[Item]
    by_gateway: bool = False


@dataclass
class Order:
    """An order, a checkout draft, or something in the bin."""

    id: int
    number: str
    status: str
    created: int
    modified: int
    included: bool
    items: list[Item] = field(default_factory=list)
    total: Decimal = ZERO
    paid: int | None = None
    completed: int | None = None
    method: str = "bacs"
    transaction: str = ""
    note: str = ""
    customer: int = 0
    buyer: dict[str, str] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    refunds: list[Refund] = field(default_factory=list)


@dataclass
class Config:
    """How the shop is set. `rates`: percent by rate id; `whole_taxes`: what the real one was seen to store."""

    zone: str = "Asia/Jakarta"
    currency: str = "IDR"
    decimals: int = 0
    rates: dict[int, Decimal] = field(default_factory=lambda: {1: Decimal(11)})
    prices_include_tax: bool = True
    round_at_subtotal: bool = False
    whole_taxes: bool = True
    version: tuple[int, int] = (10, 0)


class Shop:
    """The shop. `told` hears of every event: topic and id."""

    def __init__(self, config: Config, now: Callable[[], float]) -> None:
        self.config = config
        self.clock = Clock(now)
        self.zone = ZoneInfo(config.zone)
        self.goods: dict[int, Goods] = {}
        self.orders: dict[int, Order] = {}
        self.told: list[Callable[[str, int], None]] = []
        self.gateway_refunds: list[int] = []
        self._id = 100

    def now(self) -> int:
        return int(self.clock())

    def next_id(self) -> int:
        self._id += 1
        return self._id

    def tell(self, topic: str, id: int) -> None:
        for listener in self.told:
            listener(topic, id)

    def unit(self, amount: Decimal, *, down: bool = False) -> Decimal:
        step = Decimal(1).scaleb(-self.config.decimals)
        return amount.quantize(step, ROUND_HALF_DOWN if down else ROUND_HALF_UP)

    # -- goods ------------------------------------------------------------------------------------------

    def add(self, sku: str, price: int | str, stock: int | None = 100, **more: Any) -> Goods:
        made = Goods(self.next_id(), sku, more.pop("name", f"Barang {sku}"), Decimal(price), stock, **more)
        made.modified = self.now()
        self.goods[made.id] = made
        return made

    def by_sku(self, sku: str) -> Goods:
        return next(goods for goods in self.goods.values() if goods.sku == sku)

    def keeper(self, goods: Goods) -> Goods | None:
        """Who keeps the stock: the product itself, its parent, or nobody."""
        if goods.manage == "parent":
            return self.goods[goods.parent]
        return goods if goods.manage is True else None

    def move_stock(self, goods: Goods, pieces: int) -> None:
        keeper = self.keeper(goods)
        if keeper is not None and pieces:
            keeper.stock = (keeper.stock or 0) + pieces
            keeper.modified = self.now()
            self.tell("product.updated", keeper.id)

    # -- orders -----------------------------------------------------------------------------------------

    def place(
        self,
        lines: Sequence[tuple[str, int]],
        *,
        status: str = "pending",
        method: str = "bacs",
        percent_off: int = 0,
        off: int | str = 0,
        shipping: int | str = 0,
        fee: int | str = 0,
        number: str = "",
        name: tuple[str, str] = ("Budi", "Santoso"),
        **more: Any,
    ) -> Order:
        """A buyer's checkout (or a draft of one, by its status)."""
        id, now = self.next_id(), self.now()
        order = Order(id, number or str(id), "new", now, now, self.config.prices_include_tax, method=method, **more)
        order.buyer = {"first_name": name[0], "last_name": name[1], "phone": "081200001424", **order.buyer}
        for sku, quantity in lines:
            goods = self.by_sku(sku)
            gross = goods.price * quantity
            cut = self.unit(gross * percent_off / 100) + (Decimal(off) if not order.items else ZERO)
            order.items.append(self._line(goods, quantity, gross, gross - cut))
        if Decimal(shipping):
            order.items.append(self.charge("shipping", "JNE REG", Decimal(shipping)))
        if Decimal(fee):
            order.items.append(self.charge("fee", "Biaya layanan", Decimal(fee)))
        self.total(order)
        self.orders[id] = order
        self.set_status(order, status)
        if status != "checkout-draft":
            self.tell("order.created", id)
        return order

    def _line(self, goods: Goods, quantity: int, gross: Decimal, after: Decimal) -> Item:
        rates = self.config.rates if goods.taxable else {}
        item = Item(self.next_id(), "line", goods.name, quantity, goods)
        if self.config.prices_include_tax:
            factor = 1 + sum(rates.values(), ZERO) / 100
            item.subtotal, item.total = (gross / factor).quantize(SIX), (after / factor).quantize(SIX)
        else:
            item.subtotal, item.total = gross, after
        item.taxes = {rate: (self._tax(item.total, p), self._tax(item.subtotal, p)) for rate, p in rates.items()}
        return item

    def charge(self, kind: str, name: str, net: Decimal) -> Item:
        """Shipping or a fee: entered without tax, whatever the prices are."""
        taxes = {rate: (self._tax(net, p), ZERO) for rate, p in self.config.rates.items()}
        return Item(self.next_id(), kind, name, subtotal=net, total=net, taxes=taxes)

    def _tax(self, net: Decimal, percent: Decimal) -> Decimal:
        tax = (net * percent / 100).quantize(SIX)
        return self.unit(tax) if self.config.whole_taxes and not self.config.round_at_subtotal else tax

    def total(self, order: Order) -> None:
        """WC_Abstract_Order::calculate_totals: rounded lines and taxes, or one rounding at the end."""
        late = self.config.round_at_subtotal
        total = ZERO
        for item in order.items:
            total += item.total if late and item.kind == "line" else self.unit(item.total)
            total += sum((tax if late else self.unit(tax) for tax, _before in item.taxes.values()), ZERO)
        order.total = self.unit(total)

    def touch(self, order: Order, *, silent: bool = False) -> None:
        """A change that is stamped and told; what is written around WooCommerce's own objects is `silent`."""
        if not silent:
            order.modified = self.now()
            self.tell("order.updated", order.id)

    def set_status(self, order: Order, status: str, *, silent: bool = False) -> None:
        """A change of status with what WooCommerce does about it: stock, dates of payment and completion."""
        order.status = status
        if status in HOLDS_STOCK:
            for item in order.items:
                if item.kind == "line" and item.goods and not item.reduced:
                    item.reduced = item.quantity
                    self.move_stock(item.goods, -item.quantity)
        elif status in ("cancelled", "pending"):
            for item in order.items:
                if item.goods and item.reduced:
                    self.move_stock(item.goods, item.reduced - item.restocked)
                    item.reduced = 0
        done = self.paid_status(order)
        if order.paid is None and (status == done or (status == "completed" and done == "processing")):
            order.paid = self.now()
        if status == "completed" and order.completed is None:
            order.completed = self.now()
        if status == "refunded" and not order.refunds and order.total:
            self._refunded(order, Refund(self.next_id(), order.id, order.total, "", self.now(), []))
        self.touch(order, silent=silent)

    def paid_status(self, order: Order) -> str:
        """What an order becomes by payment; one to be paid in cash is paid when it is completed."""
        if order.method == "cod":
            return "completed"
        return "processing" if self.needs_processing(order) else "completed"

    def needs_processing(self, order: Order) -> bool:
        return any(item.goods is not None and not item.goods.virtual for item in order.items)

    def pay(self, order: Order, transaction: str = "TRX1", *, silent: bool = False) -> None:
        """The gateway says that the money is there: payment_complete()."""
        order.transaction = transaction or order.transaction
        if order.status in ("pending", "on-hold", "failed", "cancelled"):
            order.paid = self.now()
            self.set_status(order, self.paid_status(order), silent=silent)

    def edit(self, order: Order, note: str) -> None:
        order.note = note
        self.touch(order)

    # -- refunds ----------------------------------------------------------------------------------------

    def refund(
        self,
        order: Order,
        amount: Decimal | None = None,
        pieces: dict[int, int] | None = None,
        *,
        restock: bool = False,
        by_gateway: bool = False,
        silent: bool = False,
        money: dict[int, Decimal] | None = None,
    ) -> Refund:
        """wc_create_refund: of an amount alone, of `pieces` by line id, or of net `money` on a line without pieces."""
        items = [self._back(order, line, count) for line, count in (pieces or {}).items()]
        items += [self._money(order, line, net) for line, net in (money or {}).items()]
        if restock:
            for item, count in zip(items, (pieces or {}).values(), strict=False):
                source = next(i for i in order.items if i.id == item.refunds)
                source.restocked += count
                if source.goods is not None:
                    self.move_stock(source.goods, count)
        if amount is None:
            nets = sum((-self.unit(-i.total) if i.total < 0 else self.unit(i.total) for i in items), ZERO)
            taxes = sum((-self.unit(-t) if t < 0 else self.unit(t) for i in items for t, _ in i.taxes.values()), ZERO)
            amount = -(nets + taxes)
        refund = Refund(self.next_id(), order.id, amount, "Salah ukuran", self.now(), items, by_gateway)
        if by_gateway:
            self.gateway_refunds.append(order.id)
        self._refunded(order, refund)
        if sum((r.amount for r in order.refunds), ZERO) >= order.total:
            order.status = "refunded"
        self.touch(order, silent=silent)
        return refund

    def _refunded(self, order: Order, refund: Refund) -> None:
        order.refunds.append(refund)

    def _back(self, order: Order, line: int, count: int) -> Item:
        source = next(item for item in order.items if item.id == line)
        part = Decimal(count) / source.quantity
        # The window of the shop's admin proposes amounts at the shop's decimals.
        net = -self.unit(source.total * part)
        taxes = {rate: (-self.unit(tax * part), -self.unit(tax * part)) for rate, (tax, _b) in source.taxes.items()}
        if self.config.prices_include_tax and source.kind == "line":
            whole = self.unit((source.total + sum((t for t, _ in source.taxes.values()), ZERO)) * part)
            net = -(whole + sum((t for t, _ in taxes.values()), ZERO))
        return Item(self.next_id(), source.kind, source.name, -count, source.goods, net, net, taxes, refunds=line)

    def _money(self, order: Order, line: int, net: Decimal) -> Item:
        source = next(item for item in order.items if item.id == line)
        taxes = {rate: (-self.unit(net * p / 100), ZERO) for rate, p in self.config.rates.items() if source.taxes}
        return Item(self.next_id(), source.kind, source.name, 0, source.goods, -net, -net, taxes, refunds=line)

    def delete_refund(self, order: Order) -> None:
        """Moves no date (reference/observed.md)."""
        order.refunds.pop()

    # -- the bin ----------------------------------------------------------------------------------------

    def trash(self, order: Order) -> None:
        """Moves no date; the order leaves the lists and can still be read by its id."""
        order.meta["_was"] = order.status
        order.status = "trash"
        self.tell("order.deleted", order.id)

    def restore(self, order: Order) -> None:
        order.status = order.meta.pop("_was")
        self.tell("order.restored", order.id)

    def delete(self, order: Order) -> None:
        del self.orders[order.id]
        self.tell("order.deleted", order.id)
