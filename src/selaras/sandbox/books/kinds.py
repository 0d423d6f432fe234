"""What the books keep, in the shape in which it is shown over the API.

Amounts are decimal strings in major units on the wire and `Decimal` here. `source` is "api" for what an
application wrote, "hand" for what a person typed. `version` grows by one with every change of a document.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec

ZERO = Decimal(0)
ONE = Decimal(1)


class Line(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A line of a document; net = quantity × unit_price − discount, rounded half-up to the smallest unit.

    `code` is a product's code, or "" for a line booked to the account of `role`. `account`, `tax_account`, `tax_code`
    and `warehouse` go before what the books would take themselves.
    """

    code: str = ""
    name: str = ""
    quantity: Decimal = ONE
    unit_price: Decimal = ZERO
    discount: Decimal = ZERO
    tax: Decimal = ZERO
    tax_rate: Decimal = ZERO
    amount: Decimal | None = None
    role: str = "sales"
    account: str = ""
    tax_code: str = ""
    warehouse: str = ""
    tax_account: str = ""


class Row(msgspec.Struct, kw_only=True):
    """What all rows share."""

    id: str
    number: str = ""
    reference: str = ""
    status: str = ""
    source: str = "api"
    version: int = 1
    created_at: str = ""
    updated_at: str = ""


class Contact(Row, kw_only=True):
    """A customer, a supplier or both."""

    name: str
    email: str = ""
    phone: str = ""
    kind: str = "customer"
    active: bool = True


class Component(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One part of a bundle."""

    code: str
    quantity: Decimal


class Product(Row, kw_only=True):
    """A product; `cost` is its standard cost per piece in the company's currency. A bundle keeps no own stock."""

    code: str
    name: str
    price: Decimal = ZERO
    cost: Decimal = ZERO
    currency: str = ""
    stocked: bool = True
    active: bool = True
    components: tuple[Component, ...] = ()


class Shelf(msgspec.Struct, gc=False):
    """What lies in one warehouse and what open orders hold of it."""

    warehouse: str
    on_hand: Decimal = ZERO
    reserved: Decimal = ZERO


class StockRow(Row, kw_only=True):
    """Stock of one product; `on_hand` and `reserved` are the sums over its warehouses."""

    code: str
    product_id: str
    warehouses: list[Shelf]
    on_hand: Decimal = ZERO
    reserved: Decimal = ZERO


class Document(Row, kw_only=True):
    """What all money documents share."""

    date: dt.date
    currency: str
    total: Decimal
    contact_id: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


class SalesOrder(Document, kw_only=True):
    """Reserves goods. `invoiced`, `received`, `credited` and `refunded` sum up what was made of it."""

    lines: tuple[Line, ...] = ()
    tax_included: bool = False
    tracking: str = ""
    courier: str = ""
    note: str = ""
    invoiced: Decimal = ZERO
    received: Decimal = ZERO
    credited: Decimal = ZERO
    refunded: Decimal = ZERO


class Invoice(Document, kw_only=True):
    """A receivable; balance = total − credited − received + refunded."""

    lines: tuple[Line, ...] = ()
    tax_included: bool = False
    sales_order_id: str = ""
    receivable: str = ""
    received: Decimal = ZERO
    credited: Decimal = ZERO
    refunded: Decimal = ZERO
    balance: Decimal = ZERO


class WriteOff(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What a receipt settles beyond its money (`amount` > 0), or money beyond what it settles (`amount` < 0).

    `account` goes before the account of `role`.
    """

    role: str
    amount: Decimal
    account: str = ""


class Exchanged(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The money of another currency that came for a receipt; `account` goes before the one for exchanges."""

    amount: Decimal
    currency: str
    account: str = ""


class Receipt(Document, kw_only=True):
    """Money in. It settles `total` and its write-offs: `applied` lies on an invoice, `returned` was paid back, the
    rest is a deposit of the customer. With `exchanged`, that much lies on `account`.
    """

    sales_order_id: str = ""
    invoice_id: str = ""
    account: str = ""
    bank_transaction_id: str = ""
    deposits: str = ""
    applied: Decimal = ZERO
    returned: Decimal = ZERO
    write_offs: tuple[WriteOff, ...] = ()
    exchanged: Exchanged | None = None

    @property
    def money(self) -> Decimal:
        """What lies on the account, and explains the bank line."""
        return self.total if self.exchanged is None else self.exchanged.amount

    @property
    def settled(self) -> Decimal:
        """What it pays: its money and its write-offs."""
        return self.total + sum((one.amount for one in self.write_offs), ZERO)


class CreditNote(Document, kw_only=True):
    """Lowers a receivable; raises stock when `restock`."""

    lines: tuple[Line, ...] = ()
    tax_included: bool = False
    invoice_id: str = ""
    restock: bool = False
    reason: str = ""
    receivable: str = ""
    refunded: Decimal = ZERO


class RefundPayment(Document, kw_only=True):
    """Money back, against a credit note or against the deposits of an order."""

    credit_note_id: str = ""
    sales_order_id: str = ""
    account: str = ""


class Purchase(Document, kw_only=True):
    """A purchase; raises stock once it is received."""

    lines: tuple[Line, ...] = ()
    tax_included: bool = False
    received: bool = False
    warehouse: str = ""


class JournalLine(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One side of an entry."""

    account: str
    debit: Decimal = ZERO
    credit: Decimal = ZERO
    contact_id: str = ""
    note: str = ""


class Journal(Row, kw_only=True):
    """A balanced entry. `document_kind` is "" for an entry that a person or an application made itself.

    `total` is Σ debit; `bank_transaction_id` is the bank line that the entry explains.
    """

    date: dt.date
    currency: str
    total: Decimal = ZERO
    lines: tuple[JournalLine, ...] = ()
    note: str = ""
    document_kind: str = ""
    document_id: str = ""
    bank_transaction_id: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


class BankTransaction(Row, kw_only=True):
    """A line of the bank feed; `amount` > 0 is money in. `explained` is the part that was reconciled."""

    date: dt.date
    amount: Decimal
    currency: str
    description: str = ""
    account: str = ""
    reconciled: bool = False
    explained: Decimal = ZERO
