"""What the two systems themselves say (`/sandbox/truth` of store and books), set against each other.

Pure functions over the two answers. The three objectives of the founding document: orders recorded ÷ orders placed,
stock that the site shows ÷ stock that the books can promise, cancellations for lack of stock.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

ZERO = Decimal(0)
_HUNDRED = Decimal(100)
_TENTH = Decimal("0.1")
# What must stand before what, in the order in which the documents of one sale were made.
_BEFORE = (
    ("sales_order", "invoice"),
    ("sales_order", "receipt"),
    ("invoice", "credit_note"),
    ("receipt", "refund_payment"),
)

Truth = Mapping[str, Any]


class Day(msgspec.Struct, frozen=True):
    """One row of the table. Percentages have one decimal."""

    day: dt.date
    placed: int
    recorded: int
    recorded_pct: Decimal
    stock_accuracy_pct: Decimal
    stockout_cancellations: int


class Proof(msgspec.Struct, frozen=True):
    """Whether the books hold what the store holds. Amounts are major units of one currency, as decimal strings.

    `sales_*` is what was sold and not taken back, `money_*` what was paid and not paid back, `unequal` names orders
    that differ. `trial_balance` is Σ of all accounts and must be zero.
    """

    orders: int
    missing: int
    duplicated: int
    out_of_order: int
    sales_store: str
    sales_books: str
    money_store: str
    money_books: str
    trial_balance: str
    unequal: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Nothing missing, doubled, out of order, or of another amount."""
        return (
            not (self.missing or self.duplicated or self.out_of_order or self.unequal)
            and self.sales_store == self.sales_books
            and self.money_store == self.money_books
            and Decimal(self.trial_balance) == 0
        )


def percent(part: int, whole: int) -> Decimal:
    """part ÷ whole as a percentage with one decimal, rounded down so that 100.0 means all; 100 of nothing."""
    return (_HUNDRED * part / whole).quantize(_TENTH, rounding="ROUND_DOWN") if whole else _HUNDRED.quantize(_TENTH)


def stock_agrees(store: Truth, books: Truth) -> tuple[int, int]:
    """(products whose offer on the site is what the books can promise, products that both keep)."""
    agree = both = 0
    for sku, row in store["stock"].items():
        held = books["stock"].get(sku)
        if held is None:
            continue
        both += 1
        promise = max(ZERO, Decimal(held["on_hand"]) - Decimal(held["reserved"]))
        agree += Decimal(row["available"]) == promise
    return agree, both


def days(store: Truth, books: Truth, stock: Mapping[dt.date, tuple[int, int]]) -> list[Day]:
    """The table by the store's business day; `stock` holds `stock_agrees` as it was at the end of each day."""
    placed: Counter[str] = Counter()
    recorded: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    gone = set(store["out_of_stock_cancellations"])
    for order in store["orders"]:
        placed[order["day"]] += 1
        recorded[order["day"]] += order["number"] in books["sales"]
        lost[order["day"]] += order["number"] in gone
    return [
        Day(day, placed[key], recorded[key], percent(recorded[key], placed[key]),
            percent(*stock.get(day, (0, 0))), lost[key])
        for key in sorted(placed)
        for day in (dt.date.fromisoformat(key),)
    ]  # fmt: skip


def total_of(rows: Iterable[Day], stock: Mapping[dt.date, tuple[int, int]]) -> dict[str, Any]:
    """The last row of the table; stock accuracy over all products of all days."""
    rows = list(rows)
    placed, recorded = sum(r.placed for r in rows), sum(r.recorded for r in rows)
    agree, both = (sum(pair[i] for pair in stock.values()) for i in (0, 1))
    return {
        "placed": placed,
        "recorded": recorded,
        "recorded_pct": percent(recorded, placed),
        "stock_accuracy_pct": percent(agree, both),
        "stockout_cancellations": sum(r.stockout_cancellations for r in rows),
    }


def in_order(documents: Iterable[str]) -> bool:
    """Whether the documents of one sale (`kind reference`, oldest first) were made in an order that makes sense."""
    kinds = [document.split(" ", 1)[0] for document in documents]
    first = {kind: kinds.index(kind) for kind in dict.fromkeys(kinds)}
    if first.get("sales_order", 0) != 0:
        return False
    return all(first[a] < first[b] for a, b in _BEFORE if a in first and b in first)


def prove(store: Truth, books: Truth) -> Proof:
    """Set every order of the store against the sale of the same number in the books."""
    missing = duplicated = disorder = 0
    unequal: list[str] = []
    sales = money = ZERO
    for order in store["orders"]:
        held = books["sales"].get(order["number"], [])
        missing += not held
        duplicated += len(held) > 1
        kept = Decimal(order["paid"]) - Decimal(order["refunded"])
        money += kept
        if not held:
            continue
        sale = held[0]
        disorder += not in_order(sale["documents"])
        invoiced = any(document.startswith("invoice ") for document in sale["documents"])
        due = ZERO
        if order["status"] != "cancelled" and invoiced:
            due = Decimal(order["total"]) - Decimal(order["refunded"])
        sales += due
        if due - kept != Decimal(sale["balance"]):
            unequal.append(f"{order['number']}: the store's balance is {due - kept}, the books' {sale['balance']}")
        if (order["status"] == "cancelled") != (sale["status"] == "void") and not invoiced:
            unequal.append(f"{order['number']}: {order['status']} in the store, {sale['status']} in the books")
    duplicated += sum(n - 1 for kind in books["duplicates"].values() for n in kind.values())
    booked = {kind: sum(map(Decimal, books["totals"][kind].values()), ZERO) for kind in books["totals"]}
    return Proof(
        orders=len(store["orders"]),
        missing=missing,
        duplicated=duplicated,
        out_of_order=disorder,
        sales_store=str(sales),
        sales_books=str(booked["invoices"] - booked["credit_notes"]),
        money_store=str(money),
        money_books=str(booked["receipts"] - booked["refund_payments"]),
        trial_balance=str(sum((Decimal(of["sum"]) for of in books["trial_balance"].values()), ZERO)),
        unequal=tuple(unequal),
    )
