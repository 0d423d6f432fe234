"""What the documents of one write are made from, and the header that sales documents share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from selaras.connectors.contract import Done, Rejected
from selaras.connectors.erpnext.chart import Books, Chart
from selaras.connectors.erpnext.lines import Document, Shelf
from selaras.connectors.erpnext.values import Row, money
from selaras.connectors.erpnext.wire import Wire
from selaras.model.document import DocumentStatus

HEAD = ("name", "docstatus", "status", "currency", "grand_total", "rounded_total")


class Style(msgspec.Struct, frozen=True):
    """How documents are written, from the settings. `stock` says whether invoices move goods."""

    stock: bool = True
    by_rate: bool = False
    decimals: int | None = None
    service: str = ""


async def shelf_of(chart: Chart, style: Style, documents: Sequence[Document]) -> Shelf:
    """Read what `documents` need."""
    books = await chart.books()
    codes = [line.code for document in documents for line in document.lines]
    goods = await chart.goods([*codes, style.service])
    warehouse = books.warehouses[0] if chart.named_warehouse and books.warehouses else ""
    return Shelf(
        books, goods, chart.taxes, chart.roles, style.service, warehouse, style.decimals, style.by_rate
    )  # fmt: skip


def header(doctype: str, document: Document, shelf: Shelf, day_field: str) -> Row:
    """The fields that orders, invoices and credit notes share. Raises `Rejected`."""
    if not document.contact_id:
        raise Rejected(
            "the document names no customer", code="unknown_contact", field="contact_id",
            cure="Link the buyer to a contact that exists in the books.",
        )  # fmt: skip
    day = document.date.isoformat()
    doc: Row = {
        "doctype": doctype,
        "docstatus": 1,
        "company": shelf.books.company,
        "customer": document.contact_id,
        "po_no": document.reference,
        day_field: day,
        "currency": document.currency,
        "ignore_pricing_rule": 1,
        "disable_rounded_total": 1,
    }
    if document.currency == shelf.books.currency:
        doc["conversion_rate"] = 1
    if doctype == "Sales Invoice":
        receivable = getattr(document, "receivable", "")
        # Without a posting time of its own ERPNext dates an invoice today.
        doc |= {"set_posting_time": 1, "due_date": day, "ignore_default_payment_terms_template": 1}
        if receivable:
            doc["debit_to"] = shelf.books.account(receivable, "receivable")
    return doc


def dimension(doc: Row, pairs: Iterable[tuple[str, str]], books: Books, *tables: str) -> Row:
    """Write the dimensions that the mapping chose on a document and its rows. Raises `Rejected`.

    ERPNext ignores fields that it does not know in silence, so a dimension without a field is refused here.
    """
    for kind, value in pairs:
        field = books.dimensions.get(kind)
        if field is None:
            raise Rejected(
                f"documents of ERPNext have no field for {kind}", code="unknown_dimension", field="dimensions",
                cure=f"Create an Accounting Dimension for {kind} in ERPNext, or take it out of the mapping.",
            )  # fmt: skip
        doc[field] = value
        for table in tables:
            for row in doc.get(table) or ():
                row[field] = value
    return doc


def total_of(row: Row) -> Decimal:
    """What a document comes to; the rounded total is what is owed where rounding is on."""
    currency = row["currency"]
    return money(row.get("rounded_total"), currency) or money(row["grand_total"], currency)


def status_of(row: Row) -> DocumentStatus:
    """Draft, overdue and the like are open."""
    if row["docstatus"] == 2:
        return "void"
    return "paid" if row.get("status") in ("Paid", "Credit Note Issued") else "open"


def done_of(row: Row, id: str = "", sign: int = 1) -> Done:
    """A document that stands, as ERPNext holds it; credit notes have `sign` -1."""
    return Done(id or row["name"], row["name"], sign * total_of(row), row["currency"], status_of(row))


def gone(what: str, name: str) -> Rejected:
    """A document that something refers to is not there."""
    return Rejected(
        f"ERPNext has no {what} with the name {name!r}", code="not_found",
        cure="It is gone from the books: link another document, or skip this posting.",
    )  # fmt: skip


async def heads(wire: Wire, doctype: str, names: Iterable[str], *more: str) -> dict[str, Row]:
    """Documents by name, with what an outcome says."""
    return {row["name"]: row for row in await wire.rows_in(doctype, [*HEAD, *more], "name", names)}
