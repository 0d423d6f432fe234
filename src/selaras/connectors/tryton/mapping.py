"""Tryton's rows → the model, pure. `drafts` has the other direction.

Every kind that is read has an entry in `KINDS`: the model of Tryton, the records that count, the fields, what else
makes a record change, and how a row becomes a record.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.contract import Seen
from selaras.connectors.tryton.chart import Books, for_sales
from selaras.connectors.tryton.values import Row, instant, quantity, reference
from selaras.model.chart import Account, AccountType, TaxCode, Warehouse
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
from selaras.model.product import Product

MARK: Final = "Selaras"
ENTRY: Final = f"{MARK} "  # the description of a journal entry of ours: this and its reference
EXTRA: Final = "Selaras (additional invoice)"
STAMPS: Final = ("create_date", "write_date")
_ANY: Final = ["active", "in", [True, False]]
_RAW: Final = msgspec.json.Encoder(decimal_format="string", enc_hook=str)


class Kind(msgspec.Struct, frozen=True):
    """How one kind of record is read. `through` are the paths whose changes change the record, "" for itself."""

    model: str
    domain: tuple[Any, ...]
    fields: tuple[str, ...]
    record: Callable[[Row, Books], Any]
    through: tuple[str, ...] = ("",)


def status_of(row: Row) -> DocumentStatus:
    """Draft, posted and the like are open."""
    state = row["state"]
    return "void" if state == "cancelled" else "paid" if state == "paid" else "open"


def _contact(row: Row, books: Books) -> Contact:
    marks = [i["code"] for i in row.get("identifiers") or () if not i.get("type")]
    return Contact(
        id=str(row["id"]),
        name=row["name"] or row["code"],
        email=row.get("email") or "",
        phone=row.get("mobile") or row.get("phone") or "",
        reference=marks[0] if marks else "",
        updated_at=instant(row).isoformat(),
        active=bool(row["active"]),
    )


def _product(row: Row, books: Books) -> Product:
    template = row["template"]
    return Product(
        id=str(row["id"]),
        code=row["code"] or "",
        name=row["name"] or "",
        price=template.get("list_price") or ZERO,
        currency=books.currency,
        stocked=row["type"] == "goods",
        active=bool(row["active"]) and bool(row["salable"]),
        updated_at=instant(row).isoformat(),
    )


def _code(line: Row) -> str:
    product = line.get("product")
    return (product.get("code") or "") if isinstance(product, dict) else ""


def _line(line: Row, sign: int = 1) -> DocumentLine:
    rates = [t["rate"] for t in line.get("taxes") or () if isinstance(t, dict) and t.get("rate") is not None]
    return DocumentLine(
        code=_code(line),
        name=line.get("description") or _code(line),
        quantity=sign * quantity(line.get("quantity")),
        unit_price=line.get("unit_price") or ZERO,
        amount=sign * (line.get("amount") or ZERO),
        tax_rate=rates[0] if len(rates) == 1 else ZERO,
    )


def _lines(row: Row, sign: int = 1) -> tuple[DocumentLine, ...]:
    return tuple(_line(line, sign) for line in row.get("lines") or () if line.get("type", "line") == "line")


def _sale(row: Row, books: Books) -> SalesOrder:
    return SalesOrder(
        reference=row.get("reference") or "",
        date=row.get("sale_date") or row.get("quotation_date") or instant(row).date(),
        currency=books.code_of(row["currency"]),
        total=row["total_amount"],
        lines=_lines(row),
        contact_id=str(row["party"]),
        status=status_of(row),
        note=row.get("comment") or "",
        id=str(row["id"]),
        number=row.get("number") or "",
        updated_at=instant(row).isoformat(),
    )


def _invoice(row: Row, books: Books) -> Invoice:
    sales = row.get("sales") or ()
    return Invoice(
        reference=row.get("reference") or "",
        date=row.get("accounting_date") or row.get("invoice_date") or instant(row).date(),
        currency=books.code_of(row["currency"]),
        total=row["total_amount"],
        lines=_lines(row),
        contact_id=str(row["party"]),
        sales_order_id=str(sales[0]) if sales else "",
        status=status_of(row),
        id=str(row["id"]),
        number=row.get("number") or "",
        updated_at=instant(row).isoformat(),
    )


def _credit_note(row: Row, books: Books) -> CreditNote:
    return CreditNote(
        reference=row.get("reference") or "",
        date=row.get("accounting_date") or row.get("invoice_date") or instant(row).date(),
        currency=books.code_of(row["currency"]),
        total=-row["total_amount"],
        lines=_lines(row, -1),
        contact_id=str(row["party"]),
        reason=row.get("comment") or "",
        status=status_of(row),
        id=str(row["id"]),
        number=row.get("number") or "",
        updated_at=instant(row).isoformat(),
    )


def _receipt(row: Row, books: Books) -> Receipt:
    """A payment that a person entered; what a statement brought is read as a slip. "m" and the move is its id."""
    move = row["move"]
    invoice = row.get("invoice_payment")
    invoice_id = str(invoice) if invoice else reference(move.get("origin"), "account.invoice")
    total, currency = row["credit"], books.currency
    if row.get("second_currency") and row.get("amount_second_currency"):
        total, currency = abs(row["amount_second_currency"]), books.code_of(row["second_currency"])
    return Receipt(
        reference=row.get("description") or move.get("description") or "",
        date=move["date"],
        currency=currency,
        total=total,
        contact_id=str(row["party"] or ""),
        invoice_id=invoice_id,
        status="void" if row.get("void") else "open",
        id=f"m{move['id']}",
        number=move.get("number") or "",
        updated_at=instant(row).isoformat(),
    )


def _bank(row: Row, books: Books) -> BankTransaction:
    statement = row["statement"]
    text = row.get("description") or row.get("number") or ""
    return BankTransaction(
        id=str(row["id"]),
        date=row["date"],
        amount=row["amount"],
        currency=books.code_of(row["currency"]),
        description=text,
        account=statement["journal"]["account"]["code"] or statement["journal"]["account"]["name"],
        reconciled=not row["pending_amount"],
        updated_at=instant(row).isoformat(),
    )


def _purchase(row: Row, books: Books) -> Purchase:
    return Purchase(
        id=str(row["id"]),
        number=row.get("number") or "",
        date=row.get("purchase_date") or instant(row).date(),
        currency=books.code_of(row["currency"]),
        total=row["total_amount"],
        lines=_lines(row),
        received=row["shipment_state"] == "received",
        supplier_id=str(row["party"]),
        updated_at=instant(row).isoformat(),
    )


def _journal(row: Row, books: Books) -> Journal:
    lines = tuple(
        JournalLine(
            account=line["account"]["code"] or line["account"]["name"],
            debit=line["debit"] or ZERO,
            credit=line["credit"] or ZERO,
            contact_id=str(line["party"] or ""),
            note=line.get("description") or "",
        )
        for line in row.get("lines") or ()
    )
    text = row.get("description") or ""
    ours = text.startswith(ENTRY)
    return Journal(
        id=str(row["id"]),
        date=row["date"],
        currency=books.currency,
        lines=lines,
        reference=text.removeprefix(ENTRY),
        source=MARK.lower() if ours else str(row.get("origin") or "").partition(",")[0],
        updated_at=instant(row).isoformat(),
        total=sum((line.debit for line in lines), ZERO),
        status="void" if row.get("void") else "open",
        number=row.get("number") or "",
    )


_DOCUMENT: Final = ("reference", "number", "party", "currency", "state", "total_amount", *STAMPS)
_LINES: Final = (
    "lines.type", "lines.product.code", "lines.description", "lines.quantity", "lines.unit_price", "lines.amount",
)  # fmt: skip
_BILL: Final = ("invoice_date", "accounting_date", "sales", "comment", *_DOCUMENT, *_LINES, "lines.taxes.rate")


def _account(row: Row, books: Books) -> Account:
    kind = row["type"]
    marks: tuple[tuple[str, AccountType], ...] = (
        ("receivable", "receivable"), ("payable", "payable"), ("stock", "inventory"), ("revenue", "income"),
        ("expense", "expense"),
    )  # fmt: skip
    found = next((ours for theirs, ours in marks if kind.get(theirs)), None)
    if found is None and kind.get("statement") == "balance":
        found = "asset" if kind.get("assets") else "liability"
    if any(feed.account_id == row["id"] for feed in books.feeds):
        found = "bank"  # money reaches it by a statement journal
    currency = books.code_of(row["second_currency"]) if row.get("second_currency") else ""
    return Account(
        str(row["id"]), row["name"], found or "other", row["code"] or "", currency, active=not row.get("closed")
    )


def _tax(row: Row, books: Books) -> TaxCode:
    return TaxCode(str(row["id"]), row["name"], row["rate"], active=bool(row["active"]) and for_sales(row))


def _warehouse(row: Row, books: Books) -> Warehouse:
    return Warehouse(str(row["id"]), row["name"], active=bool(row["active"]))


KINDS: Final[dict[str, Kind]] = {
    "account": Kind(
        "account.account",
        (["type", "!=", None],),
        (
            "name", "code", "closed", "second_currency", "type.receivable", "type.payable", "type.stock",
            "type.revenue", "type.expense", "type.statement", "type.assets", *STAMPS,
        ),
        _account,
    ),
    "tax": Kind(
        "account.tax",
        (["type", "=", "percentage"], ["parent", "=", None], _ANY),
        ("name", "rate", "active", "group.kind", *STAMPS),
        _tax,
    ),
    "warehouse": Kind("stock.location", (["type", "=", "warehouse"], _ANY), ("name", "active", *STAMPS), _warehouse),
    "contact": Kind(
        "party.party",
        (_ANY,),
        ("name", "code", "email", "phone", "mobile", "active", "identifiers.code", "identifiers.type", *STAMPS),
        _contact,
        ("", "contact_mechanisms."),
    ),
    "product": Kind(
        "product.product",
        (_ANY,),
        ("code", "name", "type", "salable", "active", "template.list_price", *STAMPS),
        _product,
        ("", "template."),
    ),
    "sales_order": Kind(
        "sale.sale",
        (["OR", ["description", "=", None], ["description", "!=", EXTRA]],),
        ("sale_date", "quotation_date", "comment", *_DOCUMENT, *_LINES, "lines.taxes.rate"),
        _sale,
    ),
    "invoice": Kind(
        "account.invoice",
        (["type", "=", "out"], ["state", "in", ["posted", "paid", "cancelled"]], ["total_amount", ">=", ZERO]),
        _BILL,
        _invoice,
    ),
    "credit_note": Kind(
        "account.invoice",
        (["type", "=", "out"], ["state", "in", ["posted", "paid", "cancelled"]], ["total_amount", "<", ZERO]),
        _BILL,
        _credit_note,
    ),
    "receipt": Kind(
        "account.move.line",
        (
            ["account.type.receivable", "=", True],
            ["credit", ">", ZERO],
            ["move.state", "=", "posted"],
            ["move.journal.type", "in", ["cash", "statement"]],
        ),
        (
            "credit", "party", "origin", "description", "invoice_payment", "move.date", "move.number", "move.origin",
            "move.description", "second_currency", "amount_second_currency", *STAMPS,
        ),
        _receipt,
    ),
    "bank_transaction": Kind(
        "account.statement.origin",
        (["statement.state", "!=", "cancelled"],),
        (
            "number", "date", "amount", "description", "currency", "pending_amount", "statement.state",
            "statement.journal.account.code", "statement.journal.account.name", "lines.amount", "lines.move", *STAMPS,
        ),
        _bank,
        ("", "lines.", "statement."),
    ),
    "purchase": Kind(
        "purchase.purchase",
        (["state", "in", ["quotation", "confirmed", "processing", "done"]],),
        ("purchase_date", "shipment_state", *_DOCUMENT, *_LINES),
        _purchase,
    ),
    "journal": Kind(
        "account.move",
        (["state", "=", "posted"], ["origin", "=", None], ["journal.type", "in", ["general", "cash"]]),
        (
            "date", "description", "number", "origin", "lines.account.code", "lines.account.name", "lines.debit",
            "lines.credit", "lines.party", "lines.description", *STAMPS,
        ),
        _journal,
    ),
}  # fmt: skip


def changed_since(kind: Kind, since: dt.datetime | None) -> list[Any]:
    """The domain of records that changed at or after `since` (aware); all of them without it."""
    domain: list[Any] = list(kind.domain)
    if since is not None:
        stamp = since.astimezone(dt.UTC).replace(tzinfo=None)
        either: list[Any] = ["OR"]
        for path in kind.through:
            either += [[f"{path}{name}", ">=", stamp] for name in STAMPS]
        domain.append(either)
    return domain


def seen_of(kind: str, row: Row, books: Books, zone: ZoneInfo) -> Seen:
    """A row as the record that it is, with its own content as JSON."""
    return seen_as(kind, KINDS[kind].record(row, books), instant(row), row, zone)


def seen_as(kind: str, record: Any, at: dt.datetime, row: Any, zone: ZoneInfo) -> Seen:
    """A record with the content that it was made from."""
    day = getattr(record, "date", None) or at.astimezone(zone).date()
    total: Decimal | None = getattr(record, "amount", None) if kind == "bank_transaction" else None
    total = getattr(record, "total", total)
    currency = getattr(record, "currency", "") if total is not None else ""
    number = getattr(record, "number", "") or getattr(record, "code", "") or getattr(record, "name", "") or record.id
    return Seen(kind, record.id, record, _RAW.encode(row), at, day, number, total, currency)
