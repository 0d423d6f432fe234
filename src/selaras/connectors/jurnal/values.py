"""Jurnal's numbers, dates and names as they stand on the wire, and ours for them; pure.

Facts: amounts come as "10000.0" or as JSON numbers, and carry the dust of unrounded arithmetic ("200000.00016", a
return of 199999.9998); dates are dd/mm/yyyy or yyyy-mm-dd, stamps ISO 8601 in UTC (reference/accounting-apis.md §5;
Mekari's swagger 2.0.0, "sales_returns").
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from selaras.model.money import ZERO, rounded

Row = Mapping[str, Any]

API: Final = "/public/jurnal/api/v1"
SCM: Final = "/public/jurnal/scm/public/lo/v1"
_CENT: Final = Decimal("0.01")
_SAFE: Final = re.compile(r"[A-Za-z0-9_-]{1,60}")
_OURS: Final = "slr"


class Spec(msgspec.Struct, frozen=True):
    """One kind of Jurnal's documents: its path, the name around its body, our mark in its custom ids.

    `sort` puts what was made last near the top of a list; "" where no documented key does.
    """

    path: str
    name: str
    mark: str
    sort: str = "transaction_date"


CUSTOMER: Final = Spec("customers", "customer", "cu", "")
SALES_ORDER: Final = Spec("sales_orders", "sales_order", "so", "transaction_no")
SALES_INVOICE: Final = Spec("sales_invoices", "sales_invoice", "si", "created_at")
RECEIVE_PAYMENT: Final = Spec("receive_payments", "receive_payment", "rp")
ORDER_PAYMENT: Final = Spec("sales_order_payments", "sales_order_payment", "op")
BANK_DEPOSIT: Final = Spec("bank_deposits", "bank_deposit", "bd")
BANK_WITHDRAWAL: Final = Spec("bank_withdrawals", "bank_withdrawal", "bw")
CREDIT_MEMO: Final = Spec("credit_memos", "credit_memo", "cm")
SALES_RETURN: Final = Spec("sales_returns", "sales_return", "sr")
JOURNAL_ENTRY: Final = Spec("journal_entries", "journal_entry", "je")
PURCHASE_INVOICE: Final = Spec("purchase_invoices", "purchase_invoice", "pi", "created_at")
PRODUCT: Final = Spec("products", "product", "pr")


def number(value: Any) -> Decimal:
    """A number as Jurnal writes it, exactly; empty is nothing."""
    if value is None or value == "":
        return ZERO
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None


def money(value: Any, currency: str) -> Decimal:
    """An amount without dust: to the cent, as Jurnal shows it, and to the currency's unit where that is the same."""
    near = number(value).quantize(_CENT, rounding=ROUND_HALF_UP)
    unit = rounded(near, currency)
    return unit if unit == near else near


def day(value: Any) -> dt.date:
    """dd/mm/yyyy, dd-mm-yyyy or yyyy-mm-dd (with or without a time behind it)."""
    text = str(value or "")[:10].replace("/", "-")
    if re.fullmatch(r"\d{2}-\d{2}-\d{4}", text):
        return dt.date(int(text[6:]), int(text[3:5]), int(text[:2]))
    return dt.date.fromisoformat(text)


def instant(value: Any) -> dt.datetime | None:
    """A stamp in UTC, None where there is none."""
    if not isinstance(value, str) or not value:
        return None
    try:
        found = dt.datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)


def custom_id(mark: str, reference: str) -> str:
    """The custom id of our document under a reference.

    It can stand in a path and is never a mere number: the paths take an id or a custom id, and `1001` would be the
    former. A reference with other signs is there by its hash; the reference itself stands in the document.
    """
    if _SAFE.fullmatch(reference):
        return f"{_OURS}-{mark}-{reference}"
    digest = base64.b32encode(hashlib.sha256(reference.encode()).digest()).decode().lower()
    return f"{_OURS}-{mark}_{digest[:26]}"


def reference_of(mark: str, row: Row, texts: Iterable[Any]) -> str:
    """The reference of a document: the one of `texts` that its custom id was made from, else its number."""
    own = row.get("custom_id")
    known = [str(text) for text in texts if text]
    if isinstance(own, str) and own:
        for text in known:
            if custom_id(mark, text) == own:
                return text
        head = f"{_OURS}-{mark}-"
        if own.startswith(head):
            return own.removeprefix(head)
    return str(row.get("transaction_no") or "")


def inner(row: Row, name: str) -> Row:
    """A nested object, {} where it is null."""
    found = row.get(name)
    return found if isinstance(found, dict) else {}


def rows_of(content: Any, name: str) -> list[Row]:
    """The list of an answer; under another key where Jurnal names it otherwise; SCM answers lie under `data`."""
    if isinstance(content, dict):
        found = content.get(name)
        if not isinstance(found, list):
            data = content.get("data")
            if isinstance(data, dict | list):
                return rows_of(data, name)
            found = next((part for part in content.values() if isinstance(part, list)), None)
        content = found
    if not isinstance(content, list):
        raise ValueError(f"there is no list of {name}")
    return [row for row in content if isinstance(row, dict)]


def pages_of(content: Any) -> tuple[int, int]:
    """(pages, rows in all) of a list; (1, …) where Jurnal does not page it."""
    if isinstance(content, dict) and isinstance(content.get("data"), dict):
        content = content["data"]
    if not isinstance(content, dict):
        return 1, 0
    pages = content.get("total_pages", content.get("total_page", 1))
    count = content.get("total_count", content.get("total", 0))
    return max(1, int(pages or 1)), int(count or 0)
