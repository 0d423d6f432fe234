"""ERPNext's rows → the model, pure. Every kind that is read has an entry in `KINDS`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from selaras.connectors.contract import Transient
from selaras.connectors.erpnext.banklines import marked
from selaras.connectors.erpnext.drafts import status_of, total_of
from selaras.connectors.erpnext.exchanges import PAID, paid_of
from selaras.connectors.erpnext.values import Row, day_of, money, number
from selaras.model.chart import Account, AccountType, Dimension, TaxCode, Warehouse
from selaras.model.document import (
    BankTransaction,
    CreditNote,
    DocumentLine,
    Invoice,
    Journal,
    JournalLine,
    Purchase,
    Receipt,
    SalesOrder,
)
from selaras.model.party import Contact
from selaras.model.product import Product

Tables = dict[str, list[Row]]


def _day(row: Row, field: str) -> dt.date:
    """The document's day, or that of its last change. Raises `Transient` for a row in which neither is a date."""
    found = day_of(row[field]) or day_of(row["modified"])
    if found is None:
        raise Transient(f"{row.get('name', 'a document')} of ERPNext has no readable {field}", code="unreadable")
    return found


class Kind(msgspec.Struct, frozen=True):
    """How one kind of record is read. `tables` are (child doctype, fields); `{company}` stands in the filters."""

    doctype: str
    fields: tuple[str, ...]
    record: Callable[[Row, Tables, str], Any]
    filters: tuple[tuple[str, str, Any], ...] = ()
    tables: tuple[tuple[str, tuple[str, ...]], ...] = ()


def _contact(row: Row, tables: Tables, currency: str) -> Contact:
    return Contact(
        row["name"], row["customer_name"] or row["name"], row.get("email_id") or "", row.get("mobile_no") or "",
        "customer", row.get("customer_details") or "", row["modified"], not row["disabled"],
    )  # fmt: skip


def _product(row: Row, tables: Tables, currency: str) -> Product:
    return Product(
        id=row["name"],
        code=row["item_code"] or row["name"],
        name=row["item_name"] or row["name"],
        price=number(row.get("standard_rate")),
        currency=currency,
        parent=row.get("variant_of") or "",
        stocked=bool(row["is_stock_item"]),
        active=not row["disabled"] and bool(row["is_sales_item"]) and not row["has_variants"],
        updated_at=row["modified"],
    )


def _lines(tables: Tables, child: str, sign: int = 1) -> tuple[DocumentLine, ...]:
    return tuple(
        DocumentLine(
            code=row.get("item_code") or "",
            name=row.get("item_name") or row.get("item_code") or "",
            quantity=sign * number(row["qty"]),
            unit_price=number(row["rate"]),
            amount=sign * number(row["amount"]),
        )
        for row in tables.get(child, ())
    )


def _order(row: Row, tables: Tables, currency: str) -> SalesOrder:
    return SalesOrder(
        reference=row.get("po_no") or "",
        date=_day(row, "transaction_date"),
        currency=row["currency"],
        total=total_of(row),
        lines=_lines(tables, "Sales Order Item"),
        contact_id=row["customer"],
        status=status_of(row),
        id=row["name"],
        number=row["name"],
        updated_at=row["modified"],
    )


def _invoice(row: Row, tables: Tables, currency: str) -> Invoice:
    orders = [r["sales_order"] for r in tables.get("Sales Invoice Item", ()) if r.get("sales_order")]
    return Invoice(
        reference=row.get("po_no") or "",
        date=_day(row, "posting_date"),
        currency=row["currency"],
        total=total_of(row),
        lines=_lines(tables, "Sales Invoice Item"),
        contact_id=row["customer"],
        sales_order_id=orders[0] if orders else "",
        status=status_of(row),
        id=row["name"],
        number=row["name"],
        receivable=row.get("debit_to") or "",
        updated_at=row["modified"],
    )


def _credit_note(row: Row, tables: Tables, currency: str) -> CreditNote:
    return CreditNote(
        reference=row.get("po_no") or "",
        date=_day(row, "posting_date"),
        currency=row["currency"],
        total=-total_of(row),
        lines=_lines(tables, "Sales Invoice Item", -1),
        contact_id=row["customer"],
        invoice_id=row.get("return_against") or "",
        restock=bool(row.get("update_stock")),
        reason=row.get("remarks") or "",
        status=status_of(row),
        id=row["name"],
        number=row["name"],
        receivable=row.get("debit_to") or "",
        updated_at=row["modified"],
    )


def _receipt(row: Row, tables: Tables, currency: str) -> Receipt:
    against = tables.get("Payment Entry Reference", [])
    first = {kind: next((r["reference_name"] for r in against if r["reference_doctype"] == kind), "") for kind in (
        "Sales Order", "Sales Invoice",
    )}  # fmt: skip
    total, paid_in, came = paid_of(row, currency)
    return Receipt(
        reference=row.get("reference_no") or "",
        date=_day(row, "posting_date"),
        currency=paid_in,
        total=total,
        contact_id=row.get("party") or "",
        sales_order_id=first["Sales Order"],
        invoice_id=first["Sales Invoice"],
        account=row.get("paid_to") or "",
        status="void" if row["docstatus"] == 2 else "paid",
        id=row["name"],
        number=row["name"],
        updated_at=row["modified"],
        exchanged=came,
    )


def _bank(row: Row, tables: Tables, currency: str) -> BankTransaction:
    held = row.get("currency") or currency
    text = " ".join(part for part in (row.get("description"), row.get("reference_number")) if part)
    return BankTransaction(
        id=row["name"],
        date=_day(row, "date"),
        amount=money(number(row.get("deposit")) - number(row.get("withdrawal")), held),
        currency=held,
        description=text,
        account=row.get("account") or row.get("bank_account") or "",
        reconciled=row["docstatus"] != 1 or not number(row.get("unallocated_amount")),
        updated_at=row["modified"],
    )


def _purchase(row: Row, tables: Tables, currency: str) -> Purchase:
    return Purchase(
        id=row["name"],
        number=row["name"],
        date=_day(row, "transaction_date"),
        currency=row["currency"],
        total=total_of(row),
        lines=_lines(tables, "Purchase Order Item"),
        received=number(row.get("per_received")) >= 100,
        supplier_id=row.get("supplier") or "",
        updated_at=row["modified"],
    )


_BY_HAND: Final = frozenset(("Journal Entry", "Bank Entry", "Cash Entry"))


def _journal(row: Row, tables: Tables, currency: str) -> Journal:
    remark = row.get("user_remark") or ""
    ours = remark.startswith("Selaras: ")
    return Journal(
        id=row["name"],
        date=_day(row, "posting_date"),
        currency=currency,
        lines=tuple(
            JournalLine(
                line["account"], number(line["debit"]), number(line["credit"]),
                (line.get("party") or "") if line.get("party_type") == "Customer" else "",
            )
            for line in tables.get("Journal Entry Account", ())
        ),
        reference=row.get("cheque_no") or remark,
        source="" if row["voucher_type"] in _BY_HAND and not ours else row["voucher_type"],
        updated_at=row["modified"],
        total=money(row["total_debit"], currency),
        note=remark.partition("\n")[2] if ours else remark,
        bank_transaction_id=marked(remark),
        status="void" if row["docstatus"] == 2 else "open",
        number=row["name"],
    )  # fmt: skip


_TYPES: Final[dict[str, AccountType]] = {
    "Receivable": "receivable", "Payable": "payable", "Bank": "bank", "Cash": "cash", "Stock": "inventory",
    "Tax": "tax", "Cost of Goods Sold": "cost", "Equity": "equity", "Income Account": "income",
    "Expense Account": "expense", "Fixed Asset": "asset",
}  # fmt: skip
_ROOTS: Final[dict[str, AccountType]] = {
    "Asset": "asset", "Liability": "liability", "Equity": "equity", "Income": "income", "Expense": "expense",
}  # fmt: skip


def _account(row: Row, tables: Tables, currency: str) -> Account:
    kind = _TYPES.get(row.get("account_type") or "") or _ROOTS.get(row.get("root_type") or "", "other")
    return Account(
        row["name"], row["account_name"] or row["name"], kind, row.get("account_number") or "",
        row.get("account_currency") or "", not row["disabled"],
    )  # fmt: skip


def _tax(row: Row, tables: Tables, currency: str) -> TaxCode:
    rows = tables.get("Sales Taxes and Charges", [])
    rate = sum((number(r["rate"]) for r in rows if r["charge_type"] == "On Net Total"), Decimal(0)) / 100
    return TaxCode(row["name"], row["title"] or row["name"], rate, active=not row["disabled"])


def _warehouse(row: Row, tables: Tables, currency: str) -> Warehouse:
    return Warehouse(row["name"], row["warehouse_name"] or row["name"], not row["disabled"])


def dimension(kind: str, row: Row, title: str) -> Dimension:
    """A value of a dimension; which doctype it is of decides its fields."""
    return Dimension(row["name"], kind, row.get(title) or row["name"], not row.get("disabled"))


_COMPANY: Final = ("company", "=", "{company}")
_SALE: Final = (
    "name",
    "modified",
    "docstatus",
    "status",
    "currency",
    "grand_total",
    "rounded_total",
    "customer",
    "po_no",
)
_BILL: Final = (*_SALE, "posting_date", "debit_to", "return_against", "update_stock", "remarks")
_CHILD: Final = ("parent", "idx", "item_code", "item_name", "qty", "rate", "amount")
_STANDS: Final = ("docstatus", "in", [1, 2])
_BILLED: Final = (("Sales Invoice Item", (*_CHILD, "sales_order")),)

KINDS: Final[dict[str, Kind]] = {
    "contact": Kind(
        "Customer",
        ("name", "modified", "customer_name", "email_id", "mobile_no", "customer_details", "disabled"),
        _contact,
    ),
    "product": Kind(
        "Item",
        (
            "name", "modified", "item_code", "item_name", "standard_rate", "variant_of", "is_stock_item",
            "is_sales_item", "has_variants", "disabled",
        ),
        _product,
    ),
    "sales_order": Kind(
        "Sales Order",
        (*_SALE, "transaction_date", "amended_from"),
        _order,
        (_COMPANY, _STANDS),
        (("Sales Order Item", _CHILD),),
    ),
    "invoice": Kind("Sales Invoice", _BILL, _invoice, (_COMPANY, _STANDS, ("is_return", "=", 0)), _BILLED),
    "credit_note": Kind("Sales Invoice", _BILL, _credit_note, (_COMPANY, _STANDS, ("is_return", "=", 1)), _BILLED),
    "receipt": Kind(
        "Payment Entry",
        (
            "name", "modified", "docstatus", "posting_date", "paid_to", "party", "reference_no", *PAID,
        ),
        _receipt,
        (_COMPANY, _STANDS, ("payment_type", "=", "Receive"), ("party_type", "=", "Customer")),
        (("Payment Entry Reference", ("parent", "idx", "reference_doctype", "reference_name", "allocated_amount")),),
    ),
    "bank_transaction": Kind(
        "Bank Transaction",
        (
            "name", "modified", "docstatus", "date", "deposit", "withdrawal", "currency", "description",
            "reference_number", "bank_account", "unallocated_amount",
        ),
        _bank,
        (_COMPANY, _STANDS),
    ),
    "purchase": Kind(
        "Purchase Order",
        (
            "name", "modified", "docstatus", "status", "transaction_date", "currency", "grand_total", "rounded_total",
            "supplier", "per_received",
        ),
        _purchase,
        (_COMPANY, ("docstatus", "=", 1)),
        (("Purchase Order Item", _CHILD),),
    ),
    "journal": Kind(
        "Journal Entry",
        (
            "name", "modified", "docstatus", "posting_date", "voucher_type", "cheque_no", "user_remark", "total_debit",
        ),
        _journal,
        (_COMPANY, _STANDS),
        (("Journal Entry Account", ("parent", "idx", "account", "debit", "credit", "party_type", "party")),),
    ),
    "account": Kind(
        "Account",
        (
            "name", "modified", "account_name", "account_number", "account_type", "root_type", "account_currency",
            "disabled",
        ),
        _account,
        (_COMPANY, ("is_group", "=", 0)),
    ),
    "tax": Kind(
        "Sales Taxes and Charges Template",
        ("name", "modified", "title", "disabled"),
        _tax,
        (_COMPANY,),
        (("Sales Taxes and Charges", ("parent", "idx", "charge_type", "rate")),),
    ),
    "warehouse": Kind(
        "Warehouse",
        ("name", "modified", "warehouse_name", "disabled"),
        _warehouse,
        (_COMPANY, ("is_group", "=", 0)),
    ),
}  # fmt: skip

# Doctype, field of its title, its switch, and whether it belongs to a company.
DIMENSIONS: Final = (
    ("cost_center", "Cost Center", "cost_center_name", ("disabled",), (_COMPANY, ("is_group", "=", 0))),
    ("project", "Project", "project_name", (), ()),
    ("branch", "Branch", "branch", (), ()),
    ("department", "Department", "department_name", ("disabled",), (("is_group", "=", 0),)),
)
