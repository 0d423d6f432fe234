"""The model to the books' JSON and back; pure. Replace it second: the vendor's units and oddities end in this file.

Money is `Decimal` in major units: it goes out as exact text and comes back into a struct field of that type, a float
never appears. Each document carries its `reference`, by which it is found again when an answer was lost.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from selaras.connectors.contract import (
    ConnectorError,
    Done,
    Found,
    LockedPeriod,
    Op,
    Rejected,
    Seen,
    Write,
)
from selaras.model.document import (
    ContactDraft,
    CreditNote,
    Document,
    DocumentLine,
    DocumentStatus,
    Invoice,
    Receipt,
    RefundPayment,
    SalesOrder,
)
from selaras.model.party import Contact
from selaras.model.product import Product, Stock

from {{ cookiecutter.package }}.client import Result

# Replace: the vendor's codes, each with what a person can do about it.
CURES: Final = {
    "unknown_product": "Match this product with one of the books, or create it there.",
    "unknown_contact": "Link the buyer to a contact that exists in the books.",
    "total_mismatch": "Compare lines, tax and total of the order with each other.",
    "duplicate_reference": "Link the document that is there already, or give this one another reference.",
    "not_found": "The document is gone from the books: link another one or create it anew.",
}
LOOK: Final = "Open the document in the books, correct what the message names, then retry."


# -- out


def item_of(op: Op, write: Write) -> dict[str, Any]:
    """What is sent of one document; a change and a void name the books' own id."""
    if op == "void":
        return {"id": write.id}
    item = document_of(write.document)
    return item | {"id": write.id} if op == "update" else item


def document_of(document: Document) -> dict[str, Any]:
    """A document as the books want it. Raises `Rejected` for one that they do not take."""
    if isinstance(document, ContactDraft):
        item: dict[str, Any] = {"reference": document.reference, "name": document.name}
        # What is empty is left out: a change keeps what a person wrote there in the books.
        parts = {"email": document.email, "phone": document.phone}
        return item | {name: text for name, text in parts.items() if text}
    if not isinstance(document, SalesOrder | Invoice | Receipt | CreditNote | RefundPayment):
        raise Rejected(f"the books take no {type(document).__name__}", code="unsupported")
    item = {
        "reference": document.reference,
        "date": document.date,
        "currency": document.currency,
        "total": document.total,
        "contact_id": document.contact_id,
    }
    if isinstance(document, SalesOrder | Invoice | CreditNote):
        item["lines"] = [line_of(line) for line in document.lines]
        item["tax_included"] = document.tax_included
    if isinstance(document, Invoice | Receipt | RefundPayment):
        item["order_id"] = document.sales_order_id
    if isinstance(document, Receipt | CreditNote):
        item["invoice_id"] = document.invoice_id
    if isinstance(document, Receipt | RefundPayment):
        item["account"] = document.account
    if isinstance(document, CreditNote):
        item["restock"] = document.restock
    if isinstance(document, RefundPayment):
        item["credit_id"] = document.credit_note_id
    return item


def line_of(line: DocumentLine) -> dict[str, Any]:
    """A line. `account`, `tax_code` and `warehouse` are what the mapping chose; "" leaves it to the books' own setting.

    A line without a product (`code` "") is booked by its `role`: sales, shipping, fee, discount or rounding.
    Replace: how these books take one, such as a service product for each role.
    """
    item: dict[str, Any] = {
        "product": line.code,
        "role": line.role,
        "name": line.name,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "discount": line.discount,
        "amount": line.amount,
        "tax": line.tax,
        "tax_rate": line.tax_rate,
    }
    chosen = {"account": line.account, "tax_code": line.tax_code, "warehouse": line.warehouse}
    return item | {name: text for name, text in chosen.items() if text}


# -- in


class WireLine(msgspec.Struct, frozen=True):
    product: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal
    amount: Decimal
    tax: Decimal
    tax_rate: Decimal
    role: str


class WireDocument(msgspec.Struct, frozen=True):
    """An order, an invoice or any other paper; a list leaves out what the kind does not have."""

    id: str
    number: str
    reference: str
    date: dt.date
    currency: str
    total: Decimal
    status: DocumentStatus
    updated_at: dt.datetime
    contact_id: str = ""
    order_id: str = ""
    tax_included: bool = False
    lines: list[WireLine] = []


class WireContact(msgspec.Struct, frozen=True):
    id: str
    name: str
    updated_at: dt.datetime
    reference: str = ""
    email: str = ""
    phone: str = ""


class WireProduct(msgspec.Struct, frozen=True):
    """A product with its stock; its code is its id."""

    id: str
    name: str
    price: Decimal
    on_hand: Decimal
    reserved: Decimal
    updated_at: dt.datetime


def seen_of(kind: str, raw: bytes, zone: ZoneInfo) -> Seen:
    """A row of a list as a record. Raises `msgspec.MsgspecError`."""
    record: object
    if kind == "contact":
        contact = msgspec.json.decode(raw, type=WireContact)
        at = contact.updated_at.astimezone(dt.UTC)
        record = Contact(contact.id, contact.name, contact.email, contact.phone, reference=contact.reference)
        return Seen(kind, contact.id, record, raw, at, at.astimezone(zone).date())
    if kind in ("product", "stock"):
        goods = msgspec.json.decode(raw, type=WireProduct)
        at = goods.updated_at.astimezone(dt.UTC)
        if kind == "product":
            record = Product(id=goods.id, code=goods.id, name=goods.name, price=goods.price)
        else:
            record = Stock(code=goods.id, on_hand=goods.on_hand, reserved=goods.reserved, product_id=goods.id)
        return Seen(kind, goods.id, record, raw, at, at.astimezone(zone).date(), goods.id)
    wire = msgspec.json.decode(raw, type=WireDocument)
    at = wire.updated_at.astimezone(dt.UTC)
    record = order_of(wire) if kind == "sales_order" else invoice_of(wire)
    return Seen(kind, wire.id, record, raw, at, wire.date, wire.number, wire.total, wire.currency)


def order_of(wire: WireDocument) -> SalesOrder:
    """A sales order as the books hold it."""
    return SalesOrder(
        wire.reference, wire.date, wire.currency, wire.total, lines_of(wire), wire.tax_included, wire.contact_id,
        wire.status, id=wire.id, number=wire.number,
    )  # fmt: skip


def invoice_of(wire: WireDocument) -> Invoice:
    """An invoice as the books hold it."""
    return Invoice(
        wire.reference, wire.date, wire.currency, wire.total, lines_of(wire), wire.tax_included, wire.contact_id,
        wire.order_id, wire.status, wire.id, wire.number,
    )  # fmt: skip


def lines_of(wire: WireDocument) -> tuple[DocumentLine, ...]:
    """The lines of a document as the books hold them."""
    return tuple(
        DocumentLine(
            code=line.product,
            name=line.name,
            quantity=line.quantity,
            unit_price=line.unit_price,
            amount=line.amount,
            discount=line.discount,
            tax=line.tax,
            tax_rate=line.tax_rate,
            role=line.role,
        )
        for line in wire.lines
    )


class _Stub(msgspec.Struct, frozen=True):
    id: str
    reference: str
    number: str = ""
    total: Decimal | None = None
    currency: str = ""
    status: str = ""


def found_of(raw: bytes) -> Found:
    """A row of a search, for looking before repeating. Raises `msgspec.MsgspecError`."""
    stub = msgspec.json.decode(raw, type=_Stub)
    return Found(stub.id, stub.reference, stub.number, stub.total, stub.currency, stub.status)


# -- outcomes


def done_of(result: Result) -> Done:
    """An item that stands, with the total that the books say they hold."""
    return Done(result.id, result.number, result.total, result.currency, result.status)


def error_of(kind: str, write: Write, result: Result) -> ConnectorError:
    """What the refusal of an item means: the record, the field and the cure."""
    message = f"{kind} {write.document.reference}: {result.message or result.error}"
    if result.error == "period_closed":
        return LockedPeriod(message, code=result.error, field=result.field, cure="Open the period or date it later.")
    return Rejected(message, code=result.error, field=result.field, cure=CURES.get(result.error, LOOK))
