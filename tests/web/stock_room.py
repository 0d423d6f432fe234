"""Orders to put into a ledger for the pages and the API."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from decimal import Decimal

from selaras.connectors.contract import Seen
from selaras.ledger import Ledger
from selaras.ledger.values import MICROSECOND
from selaras.model.order import Line, Order, OrderStatus, Payment
from selaras.model.party import Buyer
from selaras.model.product import Product, Stock
from selaras.sync.intake import as_new_record

NOW = int(time.time() * MICROSECOND)


def an_order(
    number: int,
    *,
    name: str = "Siti Rahayu",
    price: int = 50_000,
    day: dt.date = dt.date(2026, 11, 20),
    code: str = "KOPI",
    status: OrderStatus = "open",
    reason: str = "",
    called: str = "",
    paid: bool = True,
) -> Order:
    """An order of one line."""
    at = dt.datetime.combine(day, dt.time(3, 0), dt.UTC)
    payments = (Payment(f"P{number}", Decimal(price), at, "qris"),) if paid else ()
    return Order(
        str(number), called or str(number), "IDR", Decimal(price), at, at, status=status,
        buyer=Buyer(name, f"siti{number}@example.id", f"0812-0000-{number:04d}"),
        lines=(Line("1", code, "Kopi bubuk", Decimal(1), Decimal(price)),),
        payments=payments, cancel_reason=reason,
    )  # fmt: skip


def keep_orders(ledger: Ledger, orders: Sequence[Order], store: str = "toko") -> None:
    """Keep orders as a reading of the store would; runs in the ledger's thread."""
    seen = [
        Seen(
            "order", order.id, order, b'{"id": %s}' % order.id.encode(), order.updated_at, order.placed_at.date(),
            order.number, order.total, order.currency,
        )
        for order in orders
    ]  # fmt: skip
    with ledger.transaction():
        ledger.records.keep([as_new_record(store, one) for one in seen], "webhook", NOW)


def keep_stock(ledger: Ledger, code: str, pieces: int, books: str = "buku") -> None:
    """Keep what lies in the books; runs in the ledger's thread."""
    at = dt.datetime.fromtimestamp(NOW / MICROSECOND, dt.UTC)
    product = Product(code, code, f"Barang {code}", Decimal(50_000), "IDR")
    stock = Stock(code, Decimal(pieces), product_id=code)
    with ledger.transaction():
        for kind, record in (("product", product), ("stock", stock)):
            seen = Seen(kind, code, record, b"{}", at, at.date(), code)
            ledger.records.keep([as_new_record(books, seen)], "poll", NOW)
