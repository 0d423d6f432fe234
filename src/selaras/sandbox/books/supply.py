"""What reaches the books from other sides: purchases, counter sales, opening stock."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from selaras.model.money import rounded
from selaras.sandbox.books import chart
from selaras.sandbox.books.kinds import ZERO, Journal, Purchase
from selaras.sandbox.books.orders import changed_fields, check_version
from selaras.sandbox.books.refusal import Refused
from selaras.sandbox.books.state import Act, Books, Moves, Priced
from selaras.sandbox.books.wire import PurchaseChange, PurchaseIn


class StockIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stock count: so many pieces lie there now. `warehouse` "" is the first one."""

    code: str
    on_hand: Decimal
    warehouse: str = ""


class CounterSale(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Goods sold over the counter for cash; `total` None takes the product's price."""

    code: str
    quantity: Decimal
    total: Decimal | None = None
    warehouse: str = ""


def create_purchase(books: Books, item: PurchaseIn, act: Act) -> Purchase:
    """A new purchase; its goods raise the stock once they are received."""
    books.check_reference(books.purchases, item.reference, act)
    books.check_currency(item.currency)
    books.check_open(item.date)
    books.check_contact(item.contact_id)
    _check_warehouse(books, item.warehouse)
    priced = books.price(item.lines, item.currency, item.tax_included, item.total)
    row_id, number = books.purchases.new_id()
    purchase = Purchase(
        id=row_id,
        number=number,
        reference=item.reference,
        status="open",
        source=act.source,
        date=item.date,
        currency=item.currency,
        total=priced.total,
        contact_id=item.contact_id,
        lines=priced.lines,
        tax_included=item.tax_included,
        warehouse=item.warehouse,
    )
    books.purchases.add(purchase, act.stamp, act.visible_at)
    books.book(
        act,
        item.date,
        item.currency,
        (
            (chart.BY_ROLE["inventory"], priced.total - priced.tax),
            (chart.BY_ROLE["input_tax"], priced.tax),
            (chart.BY_ROLE["payable"], -priced.total),
        ),
        kind="purchase",
        document=row_id,
        contact=item.contact_id,
        reference=item.reference,
    )
    if item.received:
        _arrive(books, purchase, priced, act)
    return purchase


def update_purchase(books: Books, item: PurchaseChange, act: Act) -> Purchase:
    """The goods have arrived; that cannot be taken back."""
    purchase = books.purchases.get(item.id)
    if purchase is None:
        raise Refused("not_found", "id", f"There is no purchase {item.id!r}.")
    check_version(purchase, item)
    changes = changed_fields(purchase, item)
    if not changes:
        return purchase
    if not changes.get("received", True):
        raise Refused("document_locked", "received", f"Purchase {purchase.number} is received already.")
    if "reference" in changes:
        books.check_reference(books.purchases, changes["reference"], act, purchase.id)
        books.purchases.rename(purchase, changes["reference"])
    if "received" in changes:
        lines = purchase.lines
        _arrive(books, purchase, books.price(lines, purchase.currency, purchase.tax_included, purchase.total), act)
    books.purchases.touch(purchase, act.stamp, act.now, act.visible_at)
    return purchase


def _arrive(books: Books, purchase: Purchase, priced: Priced, act: Act) -> None:
    purchase.received = True
    purchase.status = "received"
    for (code, warehouse), pieces in priced.moves.items():
        books.move_stock(code, act, pieces, ZERO, warehouse or purchase.warehouse)


def _check_warehouse(books: Books, warehouse: str) -> None:
    if warehouse and warehouse not in books.config.warehouses:
        raise Refused("unknown_warehouse", "warehouse", f"There is no warehouse {warehouse!r}.")


def count_stock(books: Books, item: StockIn, act: Act) -> None:
    """Set what lies there; the difference is booked against opening equity at standard cost."""
    product = books.by_code.get(item.code)
    if product is None or not product.stocked:
        raise Refused("unknown_product", "code", f"There is no stocked product with code {item.code!r}.")
    _check_warehouse(books, item.warehouse)
    change = item.on_hand - books.shelf(item.code, item.warehouse).on_hand
    if not change:
        return
    currency = books.config.currency
    value = rounded(change * product.cost, currency)
    sides = ((chart.BY_ROLE["inventory"], value), (chart.BY_ROLE["equity"], -value))
    books.book(act, books.today(), currency, sides, kind="stock_count", note=item.code)
    books.move_stock(item.code, act, change, ZERO, item.warehouse)


def sell_at_counter(books: Books, item: CounterSale, act: Act) -> Journal | None:
    """A cash sale in the shop: cash and stock move, no sales document is made."""
    product = books.by_code.get(item.code)
    if product is None:
        raise Refused("unknown_product", "code", f"There is no product with code {item.code!r}.")
    _check_warehouse(books, item.warehouse)
    if item.quantity <= 0:
        raise Refused("invalid_quantity", "quantity", "A sale has a quantity above zero.")
    books.check_open(books.today())
    currency = books.config.currency
    total = rounded(product.price * item.quantity if item.total is None else item.total, currency)
    moves: Moves = {}
    cost = rounded(books.moved(product, item.quantity, moves), currency)
    books.check_stock(moves, {})
    for (code, _warehouse), pieces in moves.items():
        books.move_stock(code, act, -pieces, ZERO, item.warehouse)
    return books.book(
        act,
        books.today(),
        currency,
        (
            (chart.BY_ROLE["cash"], total),
            (chart.BY_ROLE["sales"], -total),
            (chart.BY_ROLE["cogs"], cost),
            (chart.BY_ROLE["inventory"], -cost),
        ),
        kind="counter_sale",
        note=item.code,
    )
