"""A store in files: orders, products, stock and contacts in; stock levels and payments found in the books out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import msgspec

from selaras.connectors.contract import Changes, Seen
from selaras.connectors.cursors import read_cursor
from selaras.connectors.files.folder import Folder
from selaras.connectors.files.journal import Held, Journal
from selaras.connectors.files.known import Known, not_read
from selaras.connectors.files.shelf import Cursor, encode
from selaras.model.document import StockLevel, StorePayment
from selaras.model.order import Order, Payment
from selaras.model.product import Stock

_NEWS: Final = {"order": "store_payment", "stock": "stock"}


class FileStore(Folder):
    """See `Folder`. What was written out counts from then on, until a newer file of the store says otherwise:
    a payment stands on its order, a stock level on its product."""

    kinds = ("order", "product", "stock", "contact")
    sources = frozenset(kinds)
    targets = frozenset({"stock", "store_payment"})
    updates = frozenset({"stock"})

    async def changed(self, kind: str, cursor: str) -> Changes:
        """Files first, then records that are different because of what was written out."""
        self._knows(kind)
        page = await self.shelf.changed(kind, cursor)
        if kind not in _NEWS:
            return page
        journal = await self.outbox.fresh()
        seen = [self._with(journal, row) for row in page.seen]
        at = read_cursor(page.cursor, Cursor)
        if page.more or at.batch >= journal.last:
            return Changes(seen, page.cursor, page.more)
        touched = dict.fromkeys(
            _record_of(item.document) for item in journal.touched(at.batch) if _kind_of(item.document) == kind
        )
        at.batch = journal.last
        fresh = await self.shelf.read(kind, [id for id in touched if id])
        seen += [self._with(journal, row) for row in fresh if row.record is not None]
        return Changes(seen, encode(at), False)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records, with what was written out. `Transient` while an order may stand in a file that waits."""
        self._knows(kind)
        rows = await self.shelf.read(kind, ids)
        if kind == "order" and any(row.record is None for row in rows) and (unread := self.shelf.unread()):
            raise not_read(unread)
        if kind not in _NEWS or not rows:
            return rows
        journal = await self.outbox.fresh()
        return [self._with(journal, row) for row in rows]

    async def _known(self) -> Known:
        stock, orders = await self.shelf.ids("stock"), await self.shelf.ids("order")
        return Known(shelf=stock, orders=orders, unread=self.shelf.unread())

    def _with(self, journal: Journal, row: Seen) -> Seen:
        if isinstance(row.record, Order):
            return _paid(journal, row, row.record)
        if isinstance(row.record, Stock):
            held = journal.held.get(f"stock:{row.record.code}")
            written = self.shelf.written("stock", row.id)
            if held is not None and (written is None or held.at > written):
                return _shelved(row, row.record, held)
        return row


def _kind_of(document: object) -> str:
    return "stock" if isinstance(document, StockLevel) else "order" if isinstance(document, StorePayment) else ""


def _record_of(document: object) -> str:
    if isinstance(document, StockLevel):
        return document.code
    return document.order_id if isinstance(document, StorePayment) else ""


def _paid(journal: Journal, row: Seen, order: Order) -> Seen:
    """The order with the payments that were told to the store because the money was found in the books."""
    told = [
        held.document
        for held in journal.of_kind("store_payment")
        if isinstance(held.document, StorePayment) and held.document.order_id == order.id and not held.void
    ]
    if not told or order.unreadable:
        return row
    payments = tuple(Payment(t.reference, t.amount, t.paid_at, t.method, t.reference, "books") for t in told)
    status = "open" if order.status == "pending" else order.status
    order = msgspec.structs.replace(order, payments=(*order.payments, *payments), status=status)
    return msgspec.structs.replace(row, record=order)


def _shelved(row: Seen, stock: Stock, held: Held) -> Seen:
    level = held.document
    assert isinstance(level, StockLevel)  # noqa: S101
    at: dt.datetime = held.at
    stock = msgspec.structs.replace(stock, on_hand=level.available + stock.reserved, updated_at=at.isoformat())
    return msgspec.structs.replace(row, record=stock, updated_at=at)
