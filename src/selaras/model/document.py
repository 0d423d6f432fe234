"""Documents: what the books hold because of a record.

A document carries the `reference` that was stamped on it (searchable or unique in the target), its currency and its
total; the target's own `id` and `number` are empty while we only intend it. The same types describe what we send and
what we read back, so the two can be compared.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal

import msgspec

from selaras.model.money import ZERO

DocumentKind = Literal[
    "contact",
    "sales_order",
    "invoice",
    "receipt",
    "credit_note",
    "refund_payment",
    "delivery",
    "stock",
    "store_payment",
    "journal",
]

DocumentStatus = Literal["open", "paid", "void"]


class DocumentLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a books document. `code` is the product's code in the books; "" for a line booked to `role`.

    `amount` is the line's net as the currency rounds it; `tax` the tax of the line. `role` names the account role of
    the mapping (sales, discount, shipping, fee, rounding). `account`, `tax_code` and `warehouse` are the books' own ids
    that the mapping chose for it ("" = the mapping names none, the connector takes what it was set up with);
    `tax_account` is the account of output tax, for books whose taxes do not bring their own.
    """

    code: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    discount: Decimal = ZERO
    tax: Decimal = ZERO
    tax_rate: Decimal = ZERO
    role: str = "sales"
    account: str = ""
    tax_code: str = ""
    warehouse: str = ""
    tax_account: str = ""


class ContactDraft(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="doc", tag="contact"):
    """A contact to create in the books."""

    reference: str
    name: str
    email: str = ""
    phone: str = ""
    kind: str = "customer"


class SalesOrder(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="doc", tag="sales_order"):
    """A sales order: reserves goods, owes nothing yet. `total` includes tax.

    `dimensions` are (kind, id of the books) pairs such as ("branch", "12"); `receivable` (of invoices and credit notes)
    is the id of the account that is owed on. Both come from the mapping; empty = as the connector was set up.
    """

    reference: str
    date: dt.date
    currency: str
    total: Decimal
    lines: tuple[DocumentLine, ...] = ()
    tax_included: bool = False
    contact_id: str = ""
    status: DocumentStatus = "open"
    tracking: str = ""
    courier: str = ""
    note: str = ""
    id: str = ""
    number: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()
    updated_at: str = ""


class Invoice(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="doc", tag="invoice"):
    """An invoice: raises the receivable and lowers stock. `sales_order_id` is the order it bills."""

    reference: str
    date: dt.date
    currency: str
    total: Decimal
    lines: tuple[DocumentLine, ...] = ()
    tax_included: bool = False
    contact_id: str = ""
    sales_order_id: str = ""
    status: DocumentStatus = "open"
    id: str = ""
    number: str = ""
    receivable: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()
    updated_at: str = ""


class CreditNote(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="doc", tag="credit_note"):
    """A credit note: lowers the receivable; raises stock when `restock`. `total` > 0."""

    reference: str
    date: dt.date
    currency: str
    total: Decimal
    lines: tuple[DocumentLine, ...] = ()
    tax_included: bool = False
    contact_id: str = ""
    invoice_id: str = ""
    restock: bool = False
    reason: str = ""
    status: DocumentStatus = "open"
    id: str = ""
    number: str = ""
    receivable: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()
    updated_at: str = ""


class WriteOff(msgspec.Struct, frozen=True):
    """What a receipt settles beyond the money that came (`amount` > 0: a fee taken on the way, tax withheld by the
    payer), or money beyond what is settled (`amount` < 0: a unique code, a sum rounded up). It goes to `account`, the
    books' own id; `role` names why (`transfer_fee`, `withholding`, `rounding`).
    """

    role: str
    account: str
    amount: Decimal


class Exchanged(msgspec.Struct, frozen=True, omit_defaults=True):
    """The money that really came for a receipt in another currency: `amount` (> 0) of `currency`, which is never that
    of the receipt. `account`, the books' own id, is where the exchange goes ("" = the books' own one).
    """

    amount: Decimal
    currency: str
    account: str = ""


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="doc", tag="receipt"):
    """Money received against a sales order or an invoice. `total` is the money; `settled` what it pays of them.

    `account` is the books' bank or clearing account; with `bank_transaction_id` the receipt reconciles that line, or
    its share of it: several receipts may explain one line. `deposits` is the account on which money lies that came
    before its invoice ("" = as the books do it themselves). `write_offs` need the capability `write_offs`.

    Where the money is of another currency than order and invoice, `total` and `currency` stay those of the order, and
    `exchanged` is what lies on `account` and on the bank line; that needs the capability `exchanges`.
    """

    reference: str
    date: dt.date
    currency: str
    total: Decimal
    contact_id: str = ""
    sales_order_id: str = ""
    invoice_id: str = ""
    account: str = ""
    bank_transaction_id: str = ""
    status: DocumentStatus = "open"
    id: str = ""
    number: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()
    updated_at: str = ""
    deposits: str = ""
    write_offs: tuple[WriteOff, ...] = ()
    exchanged: Exchanged | None = None

    @property
    def money(self) -> tuple[Decimal, str]:
        """(amount, currency) of what lies on the account."""
        return (
            (self.total, self.currency) if self.exchanged is None else (self.exchanged.amount, self.exchanged.currency)
        )

    @property
    def settled(self) -> Decimal:
        """Money and write-offs: what order and invoice are paid with."""
        return self.total + sum((one.amount for one in self.write_offs), ZERO)


class RefundPayment(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="doc", tag="refund_payment"):
    """Money given back against a credit note (or against the receipt of an order never invoiced)."""

    reference: str
    date: dt.date
    currency: str
    total: Decimal
    contact_id: str = ""
    credit_note_id: str = ""
    sales_order_id: str = ""
    account: str = ""
    status: DocumentStatus = "open"
    id: str = ""
    number: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()
    updated_at: str = ""


class StockLevel(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="doc", tag="stock"):
    """What the store shall offer of a product: `available` pieces, written only while `version` is the current one."""

    reference: str
    code: str
    product_id: str
    available: Decimal
    version: str = ""


class StorePayment(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="doc", tag="store_payment"):
    """Tells the store that an order is paid because the money was found in the books (M6)."""

    reference: str
    order_id: str
    amount: Decimal
    currency: str
    paid_at: dt.datetime
    method: str = ""


class JournalLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One side of a journal entry; exactly one of debit and credit is not zero."""

    account: str
    debit: Decimal = ZERO
    credit: Decimal = ZERO
    contact_id: str = ""
    note: str = ""


class Journal(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="doc", tag="journal"):
    """A journal entry of the books. `reference` may name the order that a receipt booked by hand pays (M12).

    `source` names the kind of document that made the entry; "" for one that a person wrote. `total` is Σ debit = Σ
    credit. One that we write with `bank_transaction_id` explains that bank line: exactly one of its lines lies on the
    line's account, with the line's amount (a payout of a gateway: bank and fee against clearing).
    """

    id: str
    date: dt.date
    currency: str
    lines: tuple[JournalLine, ...] = ()
    reference: str = ""
    source: str = ""
    updated_at: str = ""
    total: Decimal = ZERO
    note: str = ""
    bank_transaction_id: str = ""
    status: DocumentStatus = "open"
    number: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


Document = (
    ContactDraft | SalesOrder | Invoice | CreditNote | Receipt | RefundPayment | StockLevel | StorePayment | Journal
)


class BankTransaction(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of a bank account in the books; `amount` > 0 is money in. `reconciled` lines are explained already."""

    id: str
    date: dt.date
    amount: Decimal
    currency: str
    description: str = ""
    account: str = ""
    reconciled: bool = False
    updated_at: str = ""


class Purchase(msgspec.Struct, frozen=True, omit_defaults=True):
    """A purchase document of the books; once received its quantities raise the stock."""

    id: str
    number: str
    date: dt.date
    currency: str
    total: Decimal
    lines: tuple[DocumentLine, ...] = ()
    received: bool = False
    supplier_id: str = ""
    updated_at: str = ""
