"""The files that a person picks up and imports: one table for each batch, in our columns or in those of a profile."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.files.cells import day, number, safe
from selaras.connectors.files.entries import entry_cells, write_off_cells
from selaras.connectors.files.fields import OUT_KINDS
from selaras.connectors.files.journal import Batch, Held
from selaras.connectors.files.profiles import Profile
from selaras.model.document import (
    ContactDraft,
    CreditNote,
    Document,
    DocumentLine,
    Invoice,
    Journal,
    Receipt,
    RefundPayment,
    SalesOrder,
    StockLevel,
    StorePayment,
)

Value = str | Decimal | dt.date | bool | None
Cells = dict[str, Value]
Lookup = Callable[[str], Held | None]
_DIMENSIONS: Final = ("branch", "department", "project", "cost_center")
_REFERS: Final = {
    "sales_order": "sales_order_id", "invoice": "invoice_id", "credit_note": "credit_note_id",
}  # fmt: skip


class Style(msgspec.Struct, frozen=True):
    """How out-files are written where no profile says so: "csv" or "xlsx", delimiter, decimal sign, dates."""

    format: str = "csv"
    delimiter: str = ","
    decimal: str = "."
    dates: str = "ymd"
    zone: str = "UTC"


def rows_of(kind: str, op: str, id: str, document: Document, lookup: Lookup, style: Style) -> list[Cells]:
    """The lines of one document. An undone one is one line that says `void`, with what it was."""
    head = _head(op, id, document, lookup, style)
    if isinstance(document, Journal):
        if op == "void":
            return [head]
        return [
            head | entry_cells(line, place) | _named(line.contact_id, lookup)
            for place, line in enumerate(document.lines, 1)
        ]
    lines: Sequence[DocumentLine] = getattr(document, "lines", ()) if op != "void" else ()
    if not lines:
        return [head]
    made: list[Cells] = []
    for place, line in enumerate(lines, 1):
        made.append(
            head
            | {
                "line": Decimal(place),
                "product_code": line.code,
                "product_name": line.name,
                "quantity": line.quantity,
                "unit_price": line.unit_price,
                "discount": line.discount,
                "amount": line.amount,
                "tax": line.tax,
                "tax_rate": line.tax_rate,
                "role": line.role,
                "account": line.account,
                "tax_code": line.tax_code,
                "warehouse": line.warehouse,
            }
        )
    return made


def _head(op: str, id: str, document: Document, lookup: Lookup, style: Style) -> Cells:
    cells: Cells = {"op": op, "reference": document.reference, "id": id}
    if isinstance(document, ContactDraft):
        return cells | {
            "name": document.name, "email": document.email, "phone": document.phone, "contact_kind": document.kind,
        }  # fmt: skip
    if isinstance(document, StockLevel):
        return {"op": op, "code": document.code, "product_id": document.product_id, "available": document.available}
    if isinstance(document, StorePayment):
        paid = document.paid_at.astimezone(ZoneInfo(style.zone)).date()
        return cells | {
            "order_id": document.order_id, "amount": document.amount, "currency": document.currency, "paid_at": paid,
            "method": document.method,
        }  # fmt: skip
    cells |= {
        "date": document.date,
        "currency": document.currency,
        "total": document.total,
        "status": "void" if op == "void" else document.status,
        "contact_id": getattr(document, "contact_id", ""),
    }
    cells |= _named(getattr(document, "contact_id", ""), lookup)
    for name, field in _REFERS.items():
        other = getattr(document, field, "")
        if other:
            held = lookup(other)
            cells |= {field: other, name: held.reference if held else other}
    for kind, value in document.dimensions:
        if kind in _DIMENSIONS:
            cells[kind] = value
    if isinstance(document, SalesOrder):
        cells |= {"tracking": document.tracking, "courier": document.courier, "note": document.note}
    if isinstance(document, CreditNote):
        cells |= {"restock": document.restock, "reason": document.reason}
    if isinstance(document, Invoice | CreditNote):
        cells["receivable"] = document.receivable
    if isinstance(document, SalesOrder | Invoice | CreditNote):
        cells["tax_included"] = document.tax_included
    if isinstance(document, Receipt | RefundPayment):
        cells["account"] = document.account
    if isinstance(document, Receipt):
        cells |= write_off_cells(document)
    if isinstance(document, Journal):
        cells |= {"note": document.note, "bank_transaction_id": document.bank_transaction_id}
    return cells


def _named(contact_id: str, lookup: Lookup) -> Cells:
    contact = lookup(contact_id)
    if contact is None or not isinstance(contact.document, ContactDraft):
        return {}
    return {"contact_name": contact.document.name}


def table_of(
    batch: Batch, wanted: Callable[[str], bool], lookup: Lookup, profile: Profile | None, style: Style
) -> tuple[str, bytes] | None:
    """The ending and the bytes of a batch's file, of those documents that are wanted; None when none is."""
    head = batch.head
    lines: list[Cells] = []
    for item in batch.items:
        if wanted(item.id):
            lines += rows_of(head.kind, head.op, item.id, item.document, lookup, style)
    if not lines:
        return None
    fields = list(OUT_KINDS[head.kind])
    titles: Mapping[str, str] = {field: field for field in fields}
    values: Mapping[str, Mapping[str, str]] = {}
    defaults: Mapping[str, str] = {}
    if profile is not None:
        titles = {field: names[0] for field, names in profile.columns.items() if names} or titles
        values, defaults = profile.values, profile.defaults
        style = Style(
            style.format, profile.delimiter or style.delimiter, profile.decimal or style.decimal, profile.dates,
            style.zone,
        )  # fmt: skip
    rows = [
        [_chosen(line.get(field), values.get(field, {}), defaults.get(field, "")) for field in titles] for line in lines
    ]
    if style.format == "xlsx":
        return "xlsx", _workbook(head.kind, list(titles.values()), rows)
    encoding = (profile.encoding if profile else "") or "utf-8-sig"
    return "csv", _csv(list(titles.values()), rows, style, encoding)


def _chosen(value: Value, table: Mapping[str, str], default: str) -> Value:
    if value is None or value == "":
        return default or None
    if isinstance(value, bool):
        value = "yes" if value else "no"
    return table.get(value, value) if isinstance(value, str) else value


def _csv(titles: Sequence[str], rows: Sequence[Sequence[Value]], style: Style, encoding: str) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=style.delimiter, lineterminator="\r\n")
    writer.writerow([safe(title) for title in titles])
    for row in rows:
        writer.writerow([_text(value, style) for value in row])
    # A letter that the encoding lacks must be seen, not be lost.
    return out.getvalue().encode(encoding, errors="xmlcharrefreplace")


def _text(value: Value, style: Style) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return number(value, style.decimal)
    if isinstance(value, dt.date):
        return day(value, style.dates)
    return safe(str(value))


def _workbook(title: str, titles: Sequence[str], rows: Sequence[Sequence[Value]]) -> bytes:
    import openpyxl
    from openpyxl.cell import WriteOnlyCell

    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet(title)
    page.append([safe(one) for one in titles])
    for row in rows:
        cells: list[Any] = []
        for value in row:
            if isinstance(value, str):
                cell = WriteOnlyCell(page, value=safe(value))
                # Text stays text, so that 0812 keeps its zero and = is no formula.
                cell.data_type, cell.number_format = "s", "@"
                cells.append(cell)
            else:
                cells.append(value)
        page.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
