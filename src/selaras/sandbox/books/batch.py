"""Batches: which operation each kind has, and the outcome of every item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import DecimalException
from typing import Any, Final

import msgspec

from selaras.model.money import UnknownCurrency
from selaras.sandbox.books import bank, invoices, journals, money, orders, parties, supply, wire
from selaras.sandbox.books.kinds import Row
from selaras.sandbox.books.refusal import Refused
from selaras.sandbox.books.state import Act, Books

MOST: Final = 100


class Batch(msgspec.Struct, frozen=True):
    """A batch request; items are decoded one by one so that a bad one fails alone."""

    op: str
    items: list[msgspec.Raw]


BATCH: Final = msgspec.json.Decoder(Batch)
ENCODER: Final = msgspec.json.Encoder()


class Operation(msgspec.Struct, frozen=True):
    """How an item is read and what is done with it."""

    decoder: msgspec.json.Decoder[Any]
    run: Callable[[Books, Any, Act], Row]


def _op(shape: type, run: Callable[[Books, Any, Act], Row]) -> Operation:
    return Operation(msgspec.json.Decoder(shape), run)


OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("contacts", "create"): _op(wire.ContactIn, parties.create_contact),
    ("contacts", "update"): _op(wire.ContactChange, parties.update_contact),
    ("products", "create"): _op(wire.ProductIn, parties.create_product),
    ("products", "update"): _op(wire.ProductChange, parties.update_product),
    ("sales_orders", "create"): _op(wire.SalesOrderIn, orders.create),
    ("sales_orders", "update"): _op(wire.SalesOrderChange, orders.update),
    ("sales_orders", "void"): _op(wire.Void, orders.void),
    ("invoices", "create"): _op(wire.InvoiceIn, invoices.create),
    ("invoices", "update"): _op(wire.InvoiceChange, invoices.update),
    ("credit_notes", "create"): _op(wire.CreditNoteIn, invoices.credit),
    ("receipts", "create"): _op(wire.ReceiptIn, money.receive),
    ("receipts", "void"): _op(wire.Void, money.void),
    ("refund_payments", "create"): _op(wire.RefundPaymentIn, money.refund),
    ("purchases", "create"): _op(wire.PurchaseIn, supply.create_purchase),
    ("purchases", "update"): _op(wire.PurchaseChange, supply.update_purchase),
    ("journals", "create"): _op(wire.JournalIn, journals.create),
    ("journals", "void"): _op(wire.Void, journals.void),
}
# The bank and the person at the keyboard have these too.
BANK_LINE: Final = _op(wire.BankTransactionIn, bank.add_line)


def run_item(books: Books, operation: Operation, raw: msgspec.Raw, act: Act) -> wire.Ok | wire.Bad:
    """One item; a refusal is an answer, not an exception."""
    try:
        row = operation.run(books, operation.decoder.decode(raw), act)
    except Refused as refused:
        return wire.Bad(refused.code, refused.field, refused.message, refused.id)
    except msgspec.ValidationError as error:
        return wire.Bad("invalid", _path(str(error)), str(error))
    except msgspec.DecodeError as error:
        return wire.Bad("invalid", "", str(error))
    except DecimalException:
        return wire.Bad("invalid_number", "", "A number of this item is not a number that can be worked with.")
    except UnknownCurrency as error:
        return wire.Bad("unknown_currency", "currency", str(error))
    return wire.Ok(
        row.id,
        row.number,
        getattr(row, "total", None),
        getattr(row, "currency", ""),
        row.status,
        str(row.version),
    )


def _path(message: str) -> str:
    """The field that msgspec's message names: `… - at `$.lines[0].quantity`` or `… missing required field `name``."""
    if "`$." in message:
        return message.rsplit("`$.", 1)[1].rstrip("`")
    parts = message.split("`")
    return parts[-2] if len(parts) >= 3 and "field" in message else ""


def run(books: Books, operation: Operation, items: Sequence[msgspec.Raw], act: Act) -> list[wire.Ok | wire.Bad]:
    """All items in order; one outcome for each."""
    return [run_item(books, operation, item, act) for item in items]
