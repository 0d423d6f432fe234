"""A real retailer's invoices (UCI Online Retail) as documents of the sandbox's store, and what they come to.

Each invoice number is one document in pounds sterling; `C…` is a return without its sale, `A…` an adjustment. The
sum of a document is Σ quantity × price, each line rounded half-up to the penny; the whole set of 2010-12 to 2011-12
comes to GBP 9,747,747.93 in 25,900 documents. The set holds no payments, so none are made.

Codes that are no articles become what they are: postage and carriage are the shipping of the order, `D` its discount,
bank and market-place charges, commissions, samples and manual entries its fees. Article codes are known to the books in
capitals; the store keeps them as they were typed.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import importlib.resources
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from selaras.model.money import ZERO, rounded

CURRENCY: Final = "GBP"
ZONE: Final = "Europe/London"
SHIPPING: Final = frozenset(("POST", "DOT", "C2"))
DISCOUNT: Final = frozenset(("D",))
FEES: Final = frozenset(("AMAZONFEE", "B", "BANK CHARGES", "CRUK", "M", "S"))
_EXCERPT: Final = "online_retail_excerpt.csv.gz"
_COLUMNS: Final = frozenset(
    ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
)


class BadSource(ValueError):
    """The file is not a set of invoices in the shape of UCI Online Retail; the message says what is wrong."""


class Item(msgspec.Struct, frozen=True):
    """One line as it stands in the source."""

    code: str
    name: str
    quantity: int
    price: Decimal

    @property
    def net(self) -> Decimal:
        """quantity × price, rounded half-up to the penny."""
        return rounded(self.quantity * self.price, CURRENCY)


class Invoice(msgspec.Struct, frozen=True):
    """One document of the source. `placed_at` is local time in London."""

    number: str
    placed_at: dt.datetime
    customer: str
    country: str
    items: tuple[Item, ...]

    @property
    def kind(self) -> str:
        """order, return (C…) or adjustment (A…)."""
        return {"C": "return", "A": "adjustment"}.get(self.number[0], "order")

    @property
    def total(self) -> Decimal:
        """Σ lines, each rounded half-up."""
        return sum((item.net for item in self.items), ZERO)


def excerpt() -> Path:
    """The excerpt that is shipped with the sandbox (CC BY 4.0, see data/README.md)."""
    return Path(str(importlib.resources.files("selaras.sandbox") / "data" / _EXCERPT))


def read(path: Path, limit: int = 0) -> list[Invoice]:
    """The documents of a csv or csv.gz file, in order of appearance; `limit` 0 means all.

    Raises `BadSource` naming the line, `OSError` when the file cannot be read.
    """
    found: dict[str, list[Mapping[str, str]]] = {}
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle)
        missing = _COLUMNS - set(reader.fieldnames or ())
        if missing:
            raise BadSource(f"{path.name} has no column {', '.join(sorted(missing))}")
        for row in reader:
            rows = found.get(row["InvoiceNo"])
            if rows is None:
                if limit and len(found) >= limit:
                    # Rows of the documents already begun may still follow.
                    continue
                rows = found[row["InvoiceNo"]] = []
            rows.append(row)
    try:
        return [_invoice(number, rows) for number, rows in found.items()]
    except (ValueError, ArithmeticError) as error:
        raise BadSource(f"{path.name}: {error}") from None


def _invoice(number: str, rows: list[Mapping[str, str]]) -> Invoice:
    first = rows[0]
    return Invoice(
        number,
        dt.datetime.fromisoformat(first["InvoiceDate"]),
        first["CustomerID"],
        first["Country"],
        tuple(
            Item(row["StockCode"], row["Description"].strip(), int(row["Quantity"]), Decimal(row["UnitPrice"]))
            for row in rows
        ),
    )


def article(code: str) -> bool:
    """Whether a code is an article, not postage, a fee or a discount."""
    return code.upper() not in SHIPPING | DISCOUNT | FEES


def products(invoices: Iterable[Invoice]) -> Iterator[dict[str, Any]]:
    """The books' catalogue: every article once, in capitals, kept without stock (the source says nothing of stock)."""
    names: dict[str, str] = {}
    for invoice in invoices:
        for item in invoice.items:
            if article(item.code):
                code = item.code.upper()
                names[code] = names.get(code) or item.name
    for code, name in names.items():
        yield {"code": code, "name": name or code, "stocked": False, "currency": CURRENCY}


def as_order(invoice: Invoice) -> dict[str, Any]:
    """The document as the store's bulk load takes it."""
    shipping = discount = ZERO
    lines: list[dict[str, Any]] = []
    fees: list[dict[str, Any]] = []
    has_shipping = False
    for item in invoice.items:
        code = item.code.upper()
        if code in SHIPPING:
            shipping += item.net
            has_shipping = True
        elif code in DISCOUNT and item.net <= ZERO:
            discount -= item.net
        elif not article(code):
            fees.append({"name": item.name or code, "amount": str(item.net)})
        else:
            lines.append(
                {"sku": item.code, "name": item.name, "quantity": item.quantity, "unit_price": str(item.price)}
            )
    order: dict[str, Any] = {
        "number": invoice.number,
        "kind": invoice.kind,
        "status": "open",
        "currency": CURRENCY,
        "placed_at": invoice.placed_at.isoformat(),
        "lines": lines,
        "fees": fees,
        "note": "",
    }
    if invoice.customer:
        # The source knows buyers by number alone; the address is made of it, so that each is one contact.
        order["buyer"] = {
            "name": f"Customer {invoice.customer}",
            "email": f"{invoice.customer}@customers.example",
            "customer_id": int(invoice.customer),
            "address": {"country": invoice.country},
        }
    if has_shipping:
        order["shipping"] = {"name": "Postage", "amount": str(shipping)}
    if discount:
        order["discount"] = {"name": "Discount", "amount": str(discount)}
    return order
