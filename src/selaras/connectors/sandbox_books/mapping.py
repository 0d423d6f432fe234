"""Sandbox books JSON → model, pure. `writing` has the other direction.

The sandbox writes amounts as decimal strings in major units and names most fields as the model does, so documents
are decoded straight into the model's types; what is named otherwise has a struct here.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.answers import repaired
from selaras.connectors.contract import Found, Seen
from selaras.model.chart import Account, Dimension, TaxCode, Warehouse
from selaras.model.document import (
    BankTransaction,
    CreditNote,
    DocumentLine,
    Invoice,
    Journal,
    JournalLine,
    Purchase,
    Receipt,
    RefundPayment,
    SalesOrder,
)
from selaras.model.money import ZERO
from selaras.model.party import Contact
from selaras.model.product import Component, Product, Shelf, Stock

# Our kinds and the sandbox's paths.
PATHS: Final = {
    "contact": "contacts",
    "product": "products",
    "stock": "stock",
    "purchase": "purchases",
    "journal": "journals",
    "bank_transaction": "bank_transactions",
    "sales_order": "sales_orders",
    "invoice": "invoices",
    "receipt": "receipts",
    "credit_note": "credit_notes",
    "refund_payment": "refund_payments",
    "account": "accounts",
    "tax": "taxes",
    "warehouse": "warehouses",
    "dimension": "dimensions",
}


Instant = Annotated[dt.datetime, msgspec.Meta(tz=True)]


class Page(msgspec.Struct, frozen=True):
    """An answer of a list; items keep their own bytes."""

    items: list[msgspec.Raw]
    server_time: Instant
    next: str | None = None
    more: bool = False


class Company(msgspec.Struct, frozen=True):
    """Whose books these are."""

    name: str
    currency: str
    zone: str
    server_time: Instant
    closed_until: dt.date | None = None


class Stub(msgspec.Struct, frozen=True):
    """What is enough to know a document again."""

    id: str
    reference: str = ""
    number: str = ""
    total: Decimal | None = None
    currency: str = ""
    status: str = ""
    version: int = 0


class _Product(msgspec.Struct, frozen=True):
    id: str
    code: str
    name: str
    price: Decimal
    currency: str
    stocked: bool
    active: bool
    updated_at: str
    components: tuple[Component, ...] = ()


class _Stock(msgspec.Struct, frozen=True):
    code: str
    product_id: str
    on_hand: Decimal
    reserved: Decimal
    version: int
    updated_at: str
    warehouses: tuple[Shelf, ...] = ()


class _Purchase(msgspec.Struct, frozen=True):
    id: str
    number: str
    date: dt.date
    currency: str
    total: Decimal
    lines: tuple[DocumentLine, ...]
    received: bool
    contact_id: str
    updated_at: str


class _Journal(msgspec.Struct, frozen=True):
    id: str
    number: str
    date: dt.date
    currency: str
    lines: tuple[JournalLine, ...]
    reference: str
    document_kind: str
    updated_at: str
    status: str = ""
    source: str = ""
    total: Decimal = ZERO
    note: str = ""
    bank_transaction_id: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


class _Stamp(msgspec.Struct, frozen=True):
    updated_at: str


PAGE: Final = msgspec.json.Decoder(Page)
COMPANY: Final = msgspec.json.Decoder(Company)
STUB: Final = msgspec.json.Decoder(Stub)

_SAME: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    "contact": msgspec.json.Decoder(Contact),
    "bank_transaction": msgspec.json.Decoder(BankTransaction),
    "sales_order": msgspec.json.Decoder(SalesOrder),
    "invoice": msgspec.json.Decoder(Invoice),
    "receipt": msgspec.json.Decoder(Receipt),
    "credit_note": msgspec.json.Decoder(CreditNote),
    "refund_payment": msgspec.json.Decoder(RefundPayment),
}
# What the books are made of has a kind of its own, and its stamp apart.
_CHART: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    "account": msgspec.json.Decoder(Account),
    "tax": msgspec.json.Decoder(TaxCode),
    "warehouse": msgspec.json.Decoder(Warehouse),
    "dimension": msgspec.json.Decoder(Dimension),
}
_STAMP: Final = msgspec.json.Decoder(_Stamp)
_PRODUCT: Final = msgspec.json.Decoder(_Product)
_STOCK: Final = msgspec.json.Decoder(_Stock)
_PURCHASE: Final = msgspec.json.Decoder(_Purchase)
_JOURNAL: Final = msgspec.json.Decoder(_Journal)


def seen_of(kind: str, raw: msgspec.Raw, zone: ZoneInfo, warehouse: str = "") -> Seen:
    """One item as the record that it is. `zone` is the zone of the connection's business day.

    Stock is known by its product's code, and counts one `warehouse` only where one is named. Raises
    `msgspec.MsgspecError` when the item is not what the sandbox promises.
    """
    # A broken byte in somebody's name must not hold up the whole list.
    content = repaired(bytes(raw))
    if kind == "stock":
        return _seen_stock(content, zone, warehouse)
    if kind == "product":
        product = _product(_PRODUCT.decode(content))
        return _seen(kind, product.id, product, content, product.updated_at, zone, number=product.code)
    if kind == "journal":
        entry = _JOURNAL.decode(content)
        record = _journal(entry)
        return _seen_money(kind, record, content, zone, record.total, entry.number)
    if kind == "purchase":
        bought = _purchase(_PURCHASE.decode(content))
        return _seen_money(kind, bought, content, zone, bought.total, bought.number)
    if kind in _CHART:
        part = _CHART[kind].decode(content)
        return _seen(kind, part.id, part, content, _STAMP.decode(content).updated_at, zone, number=part.name)
    record = _SAME[kind].decode(content)
    if kind == "contact":
        return _seen(kind, record.id, record, content, record.updated_at, zone, number=record.name)
    if kind == "bank_transaction":
        return _seen_money(kind, record, content, zone, record.amount, record.id)
    return _seen_money(kind, record, content, zone, record.total, record.number)


def _seen_money(kind: str, record: Any, raw: bytes, zone: ZoneInfo, total: Decimal, number: str) -> Seen:
    return Seen(
        kind,
        record.id,
        record,
        raw,
        dt.datetime.fromisoformat(record.updated_at),
        record.date,
        number,
        total,
        record.currency,
    )


def _seen(
    kind: str,
    record_id: str,
    record: Any,
    raw: bytes,
    updated_at: str,
    zone: ZoneInfo,
    day: dt.date | None = None,
    *,
    number: str,
) -> Seen:
    instant = dt.datetime.fromisoformat(updated_at)
    return Seen(kind, record_id, record, raw, instant, day or instant.astimezone(zone).date(), number)


def _seen_stock(raw: bytes, zone: ZoneInfo, warehouse: str) -> Seen:
    row = _STOCK.decode(raw)
    on_hand, reserved = row.on_hand, row.reserved
    if warehouse:
        shelves = [shelf for shelf in row.warehouses if shelf.warehouse == warehouse]
        on_hand = sum((shelf.on_hand for shelf in shelves), ZERO)
        reserved = sum((shelf.reserved for shelf in shelves), ZERO)
    stock = Stock(
        code=row.code,
        on_hand=on_hand,
        reserved=reserved,
        product_id=row.product_id,
        location=warehouse,
        version=str(row.version),
        updated_at=row.updated_at,
        shelves=() if warehouse or len(row.warehouses) < 2 else row.warehouses,
    )
    return _seen("stock", row.code, stock, raw, row.updated_at, zone, number=row.code)


def _product(row: _Product) -> Product:
    return Product(
        id=row.id,
        code=row.code,
        name=row.name,
        price=row.price,
        currency=row.currency,
        components=row.components,
        stocked=row.stocked,
        active=row.active,
        updated_at=row.updated_at,
    )


def _purchase(row: _Purchase) -> Purchase:
    return Purchase(
        id=row.id,
        number=row.number,
        date=row.date,
        currency=row.currency,
        total=row.total,
        lines=row.lines,
        received=row.received,
        supplier_id=row.contact_id,
        updated_at=row.updated_at,
    )


def _journal(row: _Journal) -> Journal:
    return Journal(
        id=row.id,
        date=row.date,
        currency=row.currency,
        lines=row.lines,
        reference=row.reference,
        # An application's own entry is no document's, but no person's either.
        source=row.document_kind or ("" if row.source == "hand" else "journal"),
        updated_at=row.updated_at,
        total=row.total,
        note=row.note,
        bank_transaction_id=row.bank_transaction_id,
        status="void" if row.status == "void" else "open",
        number=row.number,
        dimensions=row.dimensions,
    )


def found_of(raw: msgspec.Raw) -> Found:
    """One item of a search by reference."""
    row = STUB.decode(repaired(bytes(raw)))
    return Found(row.id, row.reference, row.number, row.total, row.currency, row.status)
