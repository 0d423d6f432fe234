"""Accurate's rows as records; pure. Field names are those that integrators have seen live (the official description of
the API documents requests only; reference/accounting-apis.md §4)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.accurate.drafts import OURS, deposit_number, is_ours
from selaras.connectors.accurate.values import Row, day_of, encoded, exact, instant_of, rows_under, text_of
from selaras.connectors.contract import Found, Seen
from selaras.model.document import (
    BankTransaction,
    CreditNote,
    DocumentLine,
    DocumentStatus,
    Invoice,
    Journal,
    JournalLine,
    Purchase,
    Receipt,
    SalesOrder,
)
from selaras.model.money import ZERO
from selaras.model.party import Contact
from selaras.model.product import Product, Stock

ENTITY: Final = {
    "contact": "customer",
    "product": "item",
    "sales_order": "sales-order",
    "invoice": "sales-invoice",
    "receipt": "sales-receipt",
    "credit_note": "sales-return",
    "refund_payment": "other-payment",
    "journal": "journal-voucher",
}
"""Kinds of ours that live in one entity of Accurate."""

# `id` has to be asked for like any other field, and what is not known is left out in silence.
_HEAD: Final = (
    "id",
    "number",
    "transDate",
    "lastUpdate",
    "description",
    "currency",
    "customer",
    "status",
    "statusName",
)
FIELDS: Final = {
    "contact": ("id", "customerNo", "name", "email", "mobilePhone", "suspended", "lastUpdate"),
    "product": ("id", "no", "name", "itemType", "unitPrice", "suspended", "lastUpdate"),
    "sales_order": (*_HEAD, "totalAmount", "poNumber"),
    "invoice": (*_HEAD, "totalAmount", "poNumber", "invoiceDp"),
    "receipt": (*_HEAD, "chequeAmount", "totalPayment", "bank"),
    "credit_note": (*_HEAD, "totalAmount", "invoice", "returnType"),
    "refund_payment": ("id", "number", "transDate", "lastUpdate", "description", "chequeAmount", "totalAmount", "bank"),
    "journal": ("id", "number", "transDate", "lastUpdate", "description", "transactionType"),
    "deposit": ("id", "number", "transDate", "lastUpdate", "description", "chequeAmount", "totalAmount", "bank"),
    "purchase": ("id", "number", "transDate", "lastUpdate", "description"),
}
_TOTALS: Final = ("totalAmount", "chequeAmount", "totalPayment")
_VOID: Final = frozenset({"CLOSED", "CANCELED", "CANCELLED", "VOID"})


def total_of(row: Row) -> Decimal | None:
    """The money of a document, under whichever name its kind has it."""
    for name in _TOTALS:
        found = exact(row.get(name))
        if found is not None:
            return found
    sides = [one for one in rows_under(row, "detailJournalVoucher") if text_of(one, "amountType").upper() == "DEBIT"]
    return sum((exact(one.get("amount")) or ZERO for one in sides), ZERO) if sides else None


def number_of(kind: str, row: Row) -> str:
    """The number that the rows of a kind are known by."""
    return text_of(row, {"contact": "customerNo", "product": "no"}.get(kind, "number"))


def status_of(row: Row) -> DocumentStatus:
    """A closed order is void to us: it reserves nothing and will not be billed. A settled invoice is paid."""
    status = text_of(row, "status").upper()
    if status in _VOID:
        return "void"
    return "paid" if status == "PAID" else "open"


def found_of(kind: str, row: Row, currency: str) -> Found:
    """A row of a search by number."""
    number = number_of(kind, row)
    total = None if kind == "contact" else total_of(row)
    said = "" if total is None else text_of(row, "currency", "code") or currency
    return Found(number, number, number, total, said, "" if kind == "contact" else status_of(row))


def seen_of(kind: str, row: Row, zone: ZoneInfo, currency: str, clearing: str = "") -> Seen:
    """A row as the record that it is. Raises `ValueError` and `KeyError` when it is not what the kind promises."""
    make = _MAKERS[kind]
    record, total, number = make(row, currency, clearing)
    updated = instant_of(row.get("lastUpdate"), zone)
    said = text_of(row, "currency", "code") or currency
    if total is None:
        day = updated.astimezone(zone).date() if kind in ("contact", "product") else day_of(row.get("transDate"))
        return Seen(kind, record.id, record, encoded(row), updated, day, number)
    return Seen(kind, record.id, record, encoded(row), updated, day_of(row.get("transDate")), number, total, said)


_Made = tuple[Any, Decimal | None, str]


def _contact(row: Row, currency: str, clearing: str) -> _Made:
    number = row["customerNo"]
    record = Contact(
        id=number,
        name=text_of(row, "name"),
        email=text_of(row, "email"),
        phone=text_of(row, "mobilePhone"),
        reference=number,
        updated_at=text_of(row, "lastUpdate"),
        active=row.get("suspended") is not True,
    )
    return record, None, record.name


def _product(row: Row, currency: str, clearing: str) -> _Made:
    record = Product(
        id=row["no"],
        code=row["no"],
        name=text_of(row, "name"),
        price=exact(row.get("unitPrice")) or ZERO,
        currency=currency,
        stocked=text_of(row, "itemType") == "INVENTORY",
        active=row.get("suspended") is not True,
        updated_at=text_of(row, "lastUpdate"),
    )
    return record, None, record.code


def _document(row: Row, currency: str) -> dict[str, Any]:
    total = total_of(row)
    if total is None:
        raise ValueError(f"the document {row.get('number')!r} has no total")
    return {
        "reference": row["number"],
        "date": day_of(row.get("transDate")),
        "currency": text_of(row, "currency", "code") or currency,
        "total": total,
        "contact_id": text_of(row, "customer", "customerNo"),
        "status": status_of(row),
        "id": row["number"],
        "number": row["number"],
        "updated_at": text_of(row, "lastUpdate"),
    }


def _order(row: Row, currency: str, clearing: str) -> _Made:
    record = SalesOrder(**_document(row, currency), note=text_of(row, "description"))
    return record, record.total, record.number


def _invoice(row: Row, currency: str, clearing: str) -> _Made:
    record = Invoice(**_document(row, currency))
    return record, record.total, record.number


def _receipt(row: Row, currency: str, clearing: str) -> _Made:
    record = Receipt(**_document(row, currency), account=text_of(row, "bank", "no"))
    paid = [text_of(one, "invoice", "number") or text_of(one, "invoiceNo") for one in rows_under(row, "detailInvoice")]
    named = [number for number in paid if number and number != deposit_number(record.reference)]
    if named:
        record = msgspec.structs.replace(record, invoice_id=named[0])
    return record, record.total, record.number


def _return(row: Row, currency: str, clearing: str) -> _Made:
    record = CreditNote(**_document(row, currency), invoice_id=text_of(row, "invoice", "number"))
    return record, record.total, record.number


def _journal(row: Row, currency: str, clearing: str) -> _Made:
    lines = []
    for one in rows_under(row, "detailJournalVoucher"):
        amount = exact(one.get("amount")) or ZERO
        debit = text_of(one, "amountType").upper() == "DEBIT"
        lines.append(
            JournalLine(
                account=text_of(one, "glAccount", "no") or text_of(one, "accountNo"),
                debit=amount if debit else ZERO,
                credit=ZERO if debit else amount,
                contact_id=text_of(one, "customer", "customerNo"),
            )
        )
    source, said = text_of(row, "transactionType"), text_of(row, "description")
    ours = is_ours(said)
    total = total_of(row)
    record = Journal(
        id=row["number"],
        date=day_of(row.get("transDate")),
        currency=text_of(row, "currency", "code") or currency,
        lines=tuple(lines),
        reference=row["number"] if ours else said,
        source=OURS if ours else "" if source in ("", "JOURNAL_VOUCHER") else source,
        updated_at=text_of(row, "lastUpdate"),
        total=ZERO if total is None else total,
        note=said,
        number=row["number"],
    )
    return record, total, record.id


def bank_id(direction: Literal["D", "P"], number: str) -> str:
    """The id of a bank transaction: deposits and payments are numbered apart in Accurate."""
    return f"{direction}:{number}"


def _deposit(row: Row, currency: str, clearing: str) -> _Made:
    return _bank("D", row, currency, clearing)


def _payment(row: Row, currency: str, clearing: str) -> _Made:
    return _bank("P", row, currency, clearing)


def _bank(direction: Literal["D", "P"], row: Row, currency: str, clearing: str) -> _Made:
    """Money in or out of a bank account. It is unexplained only while it lies on the clearing account."""
    total = total_of(row)
    if total is None:
        total = sum((exact(one.get("amount")) or ZERO for one in rows_under(row, "detailAccount")), ZERO)
    against = [text_of(one, "account", "no") or text_of(one, "accountNo") for one in rows_under(row, "detailAccount")]
    explained = direction == "P" or not clearing or any(number != clearing for number in against)
    memo = " ".join(
        text for text in (text_of(row, "description"), text_of(row, "payee"), text_of(row, "chequeNo")) if text
    )
    record = BankTransaction(
        id=bank_id(direction, row["number"]),
        date=day_of(row.get("transDate")),
        amount=total if direction == "D" else -total,
        currency=text_of(row, "currency", "code") or currency,
        description=memo,
        account=text_of(row, "bank", "no"),
        reconciled=explained,
        updated_at=text_of(row, "lastUpdate"),
    )
    return record, record.amount, row["number"]


def _purchase(row: Row, currency: str, clearing: str) -> _Made:
    """Goods that came in, by a receive item or by an invoice without one (its rows that name one are not counted)."""
    lines = []
    for one in rows_under(row, "detailItem"):
        if text_of(one, "receiveItem", "number"):
            continue
        quantity, price = exact(one.get("quantity")) or ZERO, exact(one.get("unitPrice")) or ZERO
        amount = exact(one.get("totalPrice"))
        lines.append(
            DocumentLine(
                code=text_of(one, "item", "no"),
                name=text_of(one, "detailName") or text_of(one, "item", "name"),
                quantity=quantity,
                unit_price=price,
                amount=quantity * price if amount is None else amount,
                role="purchase",
                warehouse=text_of(one, "warehouse", "name"),
            )
        )
    total = exact(row.get("totalAmount"))
    record = Purchase(
        id=row["number"],
        number=row["number"],
        date=day_of(row.get("transDate")),
        currency=text_of(row, "currency", "code") or currency,
        total=sum((line.amount for line in lines), ZERO) if total is None else total,
        lines=tuple(lines),
        received=True,
        supplier_id=text_of(row, "vendor", "vendorNo"),
        updated_at=text_of(row, "lastUpdate"),
    )
    return record, record.total, record.number


_MAKERS: Final = {
    "contact": _contact,
    "product": _product,
    "sales_order": _order,
    "invoice": _invoice,
    "receipt": _receipt,
    "credit_note": _return,
    "journal": _journal,
    "deposit": _deposit,
    "payment": _payment,
    "purchase": _purchase,
}


def stock_of(row: Row, warehouse: str) -> Stock:
    """The stock of an item: what lies there, and what open sales orders hold (`balance` − `availableToSell`).

    Raises `ValueError` when the row does not say how much there is.
    """
    balance, free = exact(row.get("balance")), exact(row.get("availableToSell"))
    if balance is None:
        balance = exact(row.get("quantity"))
    if balance is None:
        raise ValueError(f"the item {row.get('no')!r} does not say its stock")
    held = ZERO if free is None else max(ZERO, balance - free)
    if warehouse:
        shelves = [one for one in rows_under(row, "detailWarehouseData") if warehouse in _names(one)]
        there = [exact(one.get("unit1Quantity")) or exact(one.get("balance")) or ZERO for one in shelves]
        balance = sum(there, ZERO)
    return Stock(code=row["no"], product_id=row["no"], on_hand=balance, reserved=held, location=warehouse)


def _names(row: Row) -> Sequence[str]:
    return (text_of(row, "name"), text_of(row, "warehouseName"))


def stock_seen(stock: Stock, raw: bytes, now: dt.datetime, zone: ZoneInfo) -> Seen:
    """Stock has no time of change in Accurate: it is of the moment of reading."""
    return Seen("stock", stock.code, stock, raw, now, now.astimezone(zone).date(), stock.code)
