"""Model → sandbox books JSON, and the outcome of each item; pure.

Every kind that is sent has a struct of its own, because the sandbox refuses fields that it does not know. Texts
that are empty, and the kind of a contact that is a mere customer, are left out: a change then keeps what a person
wrote there in the books.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from selaras.connectors.contract import (
    ConnectorError,
    Done,
    LockedPeriod,
    Op,
    Rejected,
    Stale,
    Write,
)
from selaras.model.document import (
    ContactDraft,
    CreditNote,
    DocumentLine,
    Exchanged,
    Invoice,
    Journal,
    JournalLine,
    Receipt,
    RefundPayment,
    SalesOrder,
    WriteOff,
)


class _Contact(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    email: str = ""
    phone: str = ""
    kind: str = "customer"
    reference: str = ""
    id: str = ""


class _Order(msgspec.Struct, frozen=True, omit_defaults=True):
    reference: str
    date: dt.date
    currency: str
    total: Decimal
    contact_id: str
    lines: tuple[DocumentLine, ...]
    tax_included: bool
    tracking: str = ""
    courier: str = ""
    note: str = ""
    id: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


class _Invoice(msgspec.Struct, frozen=True, omit_defaults=True):
    reference: str
    date: dt.date
    currency: str
    total: Decimal
    lines: tuple[DocumentLine, ...]
    tax_included: bool
    contact_id: str = ""
    sales_order_id: str = ""
    id: str = ""
    receivable: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


class _Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    reference: str
    date: dt.date
    currency: str
    total: Decimal
    contact_id: str = ""
    sales_order_id: str = ""
    invoice_id: str = ""
    account: str = ""
    bank_transaction_id: str = ""
    deposits: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()
    write_offs: tuple[WriteOff, ...] = ()
    exchanged: Exchanged | None = None


class _CreditNote(msgspec.Struct, frozen=True, omit_defaults=True):
    reference: str
    date: dt.date
    currency: str
    total: Decimal
    lines: tuple[DocumentLine, ...]
    tax_included: bool = False
    contact_id: str = ""
    invoice_id: str = ""
    restock: bool = False
    reason: str = ""
    receivable: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


class _Refund(msgspec.Struct, frozen=True, omit_defaults=True):
    reference: str
    date: dt.date
    currency: str
    total: Decimal
    contact_id: str = ""
    credit_note_id: str = ""
    sales_order_id: str = ""
    account: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


class _Journal(msgspec.Struct, frozen=True, omit_defaults=True):
    reference: str
    date: dt.date
    currency: str
    total: Decimal
    lines: tuple[JournalLine, ...]
    note: str = ""
    bank_transaction_id: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


class _Id(msgspec.Struct, frozen=True):
    id: str


class _Batch(msgspec.Struct, frozen=True):
    op: str
    items: list[Any]


def _contact_out(d: ContactDraft, target: str) -> _Contact:
    return _Contact(d.name, d.email, d.phone, d.kind, d.reference, target)


def _order_out(d: SalesOrder, target: str) -> _Order:
    return _Order(
        d.reference, d.date, d.currency, d.total, d.contact_id, d.lines,
        d.tax_included, d.tracking, d.courier, d.note, target, d.dimensions,
    )  # fmt: skip


def _invoice_out(d: Invoice, target: str) -> _Invoice:
    # An invoice stays with its order: a change does not name it.
    order = "" if target else d.sales_order_id
    return _Invoice(
        d.reference, d.date, d.currency, d.total, d.lines, d.tax_included, d.contact_id, order, target,
        d.receivable, d.dimensions,
    )  # fmt: skip


def _receipt_out(d: Receipt, target: str) -> _Receipt:
    return _Receipt(
        d.reference, d.date, d.currency, d.total, d.contact_id,
        d.sales_order_id, d.invoice_id, d.account, d.bank_transaction_id,
        d.deposits, d.dimensions, d.write_offs, d.exchanged,
    )  # fmt: skip


def _credit_note_out(d: CreditNote, target: str) -> _CreditNote:
    return _CreditNote(
        d.reference, d.date, d.currency, d.total, d.lines, d.tax_included,
        d.contact_id, d.invoice_id, d.restock, d.reason, d.receivable, d.dimensions,
    )  # fmt: skip


def _refund_out(d: RefundPayment, target: str) -> _Refund:
    return _Refund(
        d.reference, d.date, d.currency, d.total, d.contact_id, d.credit_note_id, d.sales_order_id, d.account,
        d.dimensions,
    )  # fmt: skip


def _journal_out(d: Journal, target: str) -> _Journal:
    return _Journal(
        d.reference, d.date, d.currency, d.total, d.lines, d.note, d.bank_transaction_id, d.dimensions,
    )  # fmt: skip


_OUT: Final[dict[str, tuple[type, Callable[[Any, str], Any]]]] = {
    "contact": (ContactDraft, _contact_out),
    "sales_order": (SalesOrder, _order_out),
    "invoice": (Invoice, _invoice_out),
    "receipt": (Receipt, _receipt_out),
    "credit_note": (CreditNote, _credit_note_out),
    "refund_payment": (RefundPayment, _refund_out),
    "journal": (Journal, _journal_out),
}
_ENCODER: Final = msgspec.json.Encoder(decimal_format="string")


def batch_of(kind: str, op: Op, writes: Sequence[Write]) -> bytes:
    """The body of one batch. Raises `TypeError` when a document is not of `kind`, `ValueError` without its id."""
    items: list[Any]
    if op != "create" and not all(write.id for write in writes):
        raise ValueError(f"to {op} a {kind} its id is needed")
    if op == "void":
        items = [_Id(write.id) for write in writes]
    else:
        shape, make = _OUT[kind]
        for write in writes:
            if type(write.document) is not shape:
                raise TypeError(f"a {type(write.document).__name__} is not a {kind}")
        target = op == "update"
        items = [make(write.document, write.id if target else "") for write in writes]
    return _ENCODER.encode(_Batch(op, items))


class Result(msgspec.Struct, frozen=True, gc=False):
    """One item of the answer to a batch: what stands now, or why it does not."""

    ok: bool
    id: str = ""
    number: str = ""
    total: Decimal | None = None
    currency: str = ""
    status: str = ""
    version: str = ""
    code: str = ""
    field: str = ""
    message: str = ""


class _Results(msgspec.Struct, frozen=True):
    results: list[Result]


class Refusal(msgspec.Struct, frozen=True):
    """The body of an answer that refuses a whole request."""

    error: str = ""
    message: str = ""


_RESULTS: Final = msgspec.json.Decoder(_Results)
REFUSAL: Final = msgspec.json.Decoder(Refusal)

# What a person can do about it, by the sandbox's own codes.
_CURES: Final = {
    "unknown_product": "Match this product with one of the books, or create it there.",
    "unknown_contact": "Link the buyer to a contact that exists in the books.",
    "unknown_currency": "Switch this currency on in the books.",
    "unknown_account": "Choose a bank, cash or clearing account of the books in the mapping.",
    "inactive_account": "Choose another account in the mapping, or switch this one on in the books.",
    "account_type": "Choose an account of the right type in the mapping.",
    "unknown_tax": "Choose a tax in the mapping that is in use in the books.",
    "tax_mismatch": "Choose a tax of the same rate in the mapping.",
    "unknown_warehouse": "Choose a warehouse of the books in the mapping.",
    "unknown_dimension": "Choose a branch, department, project or cost centre of the books in the mapping.",
    "unknown_role": "Map this kind of line to an account of the books.",
    "total_mismatch": "Compare lines, tax and total of the order with each other.",
    "amount_mismatch": "Compare quantity, price and discount of the line with its amount.",
    "not_exact": "Round the amount to the smallest unit of its currency.",
    "duplicate_reference": "Link the document that is there already, or give this one another reference.",
    "document_locked": "Take the payments or credit notes off the document in the books, or make a credit note.",
    "order_invoiced": "Credit the invoice first; the order itself can no longer change.",
    "document_void": "The document was voided in the books: restore it there or skip this one.",
    "exceeds_invoice": "Compare the credit notes on this invoice with the refunds of the order.",
    "exceeds_credit": "Compare the money given back with the credit note.",
    "exceeds_deposit": "Compare the money given back with what was received for the order.",
    "exceeds_bank_transaction": "Compare the bank line with the receipts that explain it already.",
    "already_reconciled": "Look in the books which receipt explains this bank line.",
    "bank_line_mismatch": "Compare the entry with the bank line: one side is that line's whole amount.",
    "unbalanced": "Correct the amounts, so that debits and credits are equal.",
    "one_side": "Correct the line: it has a debit or a credit above zero.",
    "insufficient_stock": "Count the goods or receive the purchase in the books, then retry.",
    "overpayment": "Book the surplus as a deposit, or pay it back.",
    "same_currency": "A receipt is exchanged where its money is of another currency; leave it out otherwise.",
    "currency_mismatch": "The document and what it refers to must have one currency.",
    "not_found": "The document is gone from the books: link another one or create it anew.",
}
_LOOK: Final = "Open the document in the books, correct what the message names, then retry."


def results_of(body: bytes) -> list[Result]:
    """The outcomes in the order of the items. Raises `msgspec.MsgspecError`."""
    return _RESULTS.decode(body).results


def done_of(result: Result) -> Done:
    """An item that stands."""
    return Done(result.id, result.number, result.total, result.currency, result.status, result.version)


def error_of(kind: str, write: Write, result: Result) -> ConnectorError:
    """What the refusal of an item means."""
    name = getattr(write.document, "reference", "") or write.id
    message = f"{kind} {name}: {result.message}"
    if result.code == "period_locked":
        return LockedPeriod(
            message, code=result.code, field=result.field, cure="Open the period or choose a later date."
        )
    if result.code == "stale_version":
        return Stale(message, code=result.code, field=result.field)
    return Rejected(message, code=result.code, field=result.field, cure=_CURES.get(result.code, _LOOK))
