"""What may be sent: one struct to create and one to change each kind. Unknown fields are refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

from selaras.sandbox.books.kinds import ZERO, Component, Exchanged, JournalLine, Line, WriteOff


class In(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that creates."""

    reference: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that changes: what is left out stays. `version` makes the change conditional."""

    id: str
    version: str | UnsetType = UNSET
    reference: str | UnsetType = UNSET


class Void(msgspec.Struct, frozen=True, kw_only=True):
    """Names what to void; other fields may stand there and say nothing."""

    id: str


class ContactIn(In, frozen=True, kw_only=True):
    """A new contact."""

    name: str
    email: str = ""
    phone: str = ""
    kind: str = "customer"


class ContactChange(Change, frozen=True, kw_only=True):
    """Changed fields of a contact."""

    name: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    phone: str | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class ProductIn(In, frozen=True, kw_only=True):
    """A new product."""

    code: str
    name: str
    price: Decimal = ZERO
    cost: Decimal = ZERO
    currency: str = ""
    stocked: bool = True
    components: tuple[Component, ...] = ()


class ProductChange(Change, frozen=True, kw_only=True):
    """Changed fields of a product; its code is for ever."""

    name: str | UnsetType = UNSET
    price: Decimal | UnsetType = UNSET
    cost: Decimal | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class SalesOrderIn(In, frozen=True, kw_only=True):
    """A new sales order."""

    date: dt.date
    currency: str
    total: Decimal
    contact_id: str
    lines: tuple[Line, ...]
    tax_included: bool = False
    tracking: str = ""
    courier: str = ""
    note: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


class SalesOrderChange(Change, frozen=True, kw_only=True):
    """Changed fields of a sales order."""

    date: dt.date | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    total: Decimal | UnsetType = UNSET
    contact_id: str | UnsetType = UNSET
    lines: tuple[Line, ...] | UnsetType = UNSET
    tax_included: bool | UnsetType = UNSET
    tracking: str | UnsetType = UNSET
    courier: str | UnsetType = UNSET
    note: str | UnsetType = UNSET
    dimensions: tuple[tuple[str, str], ...] | UnsetType = UNSET


class InvoiceIn(In, frozen=True, kw_only=True):
    """A new invoice, of an order or on its own."""

    date: dt.date
    currency: str
    total: Decimal
    lines: tuple[Line, ...]
    contact_id: str = ""
    tax_included: bool = False
    sales_order_id: str = ""
    receivable: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


class InvoiceChange(Change, frozen=True, kw_only=True):
    """Changed fields of an invoice."""

    date: dt.date | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    total: Decimal | UnsetType = UNSET
    contact_id: str | UnsetType = UNSET
    lines: tuple[Line, ...] | UnsetType = UNSET
    tax_included: bool | UnsetType = UNSET
    receivable: str | UnsetType = UNSET
    dimensions: tuple[tuple[str, str], ...] | UnsetType = UNSET


class ReceiptIn(In, frozen=True, kw_only=True):
    """Money received for an order, an invoice, or on account of a contact."""

    date: dt.date
    currency: str
    total: Decimal
    contact_id: str = ""
    sales_order_id: str = ""
    invoice_id: str = ""
    account: str = ""
    bank_transaction_id: str = ""
    deposits: str = ""
    write_offs: tuple[WriteOff, ...] = ()
    exchanged: Exchanged | None = None
    dimensions: tuple[tuple[str, str], ...] = ()


class CreditNoteIn(In, frozen=True, kw_only=True):
    """A new credit note, of an invoice or on its own."""

    date: dt.date
    currency: str
    total: Decimal
    lines: tuple[Line, ...]
    contact_id: str = ""
    tax_included: bool = False
    invoice_id: str = ""
    restock: bool = False
    reason: str = ""
    receivable: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


class RefundPaymentIn(In, frozen=True, kw_only=True):
    """Money given back."""

    date: dt.date
    currency: str
    total: Decimal
    contact_id: str = ""
    credit_note_id: str = ""
    sales_order_id: str = ""
    account: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


class PurchaseIn(In, frozen=True, kw_only=True):
    """A new purchase."""

    date: dt.date
    currency: str
    total: Decimal
    contact_id: str
    lines: tuple[Line, ...]
    tax_included: bool = False
    received: bool = False
    warehouse: str = ""


class PurchaseChange(Change, frozen=True, kw_only=True):
    """The arrival of the goods."""

    received: bool | UnsetType = UNSET


class JournalIn(In, frozen=True, kw_only=True):
    """A journal entry of its own; `total`, where it is stated, is Σ debit."""

    date: dt.date
    currency: str
    lines: tuple[JournalLine, ...]
    note: str = ""
    total: Decimal | None = None
    bank_transaction_id: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


class BankTransactionIn(In, frozen=True, kw_only=True):
    """A line of the bank feed."""

    date: dt.date
    amount: Decimal
    currency: str
    description: str = ""
    account: str = ""


class Ok(msgspec.Struct, frozen=True, gc=False):
    """The outcome of an item that stands now."""

    id: str
    number: str
    total: Decimal | None
    currency: str
    status: str
    version: str
    ok: bool = True


class Bad(msgspec.Struct, frozen=True, gc=False, omit_defaults=False):
    """The outcome of an item that was refused; `id` names the document in the way of a duplicate."""

    code: str
    field: str
    message: str
    id: str = ""
    ok: bool = False
