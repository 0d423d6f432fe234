"""The truth of the books, for tests and the demo: what is there, told from the rows alone.

Nothing here is a running total; every figure is summed up from the documents and the journal, so that it can stand
witness against the server's own bookkeeping.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any, Final

from selaras.sandbox.books.kinds import ZERO, CreditNote, Invoice, Receipt, RefundPayment, SalesOrder
from selaras.sandbox.books.state import Books

KINDS: Final = ("sales_orders", "invoices", "receipts", "credit_notes", "refund_payments", "purchases")


def counts(books: Books) -> dict[str, int]:
    """Rows per kind."""
    return {kind: len(table) for kind, table in books.tables.items()}


def duplicates(books: Books) -> dict[str, dict[str, int]]:
    """References that more than one document of a kind has (contacts included; void receipts and journals not)."""
    found: dict[str, dict[str, int]] = {}
    for kind in (*KINDS, "contacts", "journals"):
        counted = ((ref, _standing(books, kind, ids)) for ref, ids in books.tables[kind].references.items())
        more = {ref: number for ref, number in counted if number > 1}
        if more:
            found[kind] = more
    return found


def _standing(books: Books, kind: str, ids: list[str]) -> int:
    """How many of these documents count: entries that documents made and void receipts and journals do not."""
    if kind not in ("receipts", "journals") or len(ids) < 2:
        return len(ids)
    rows = [books.tables[kind].rows[row_id] for row_id in ids]
    return sum(1 for row in rows if row.status != "void" and not getattr(row, "document_kind", ""))


def references(books: Books) -> dict[str, dict[str, int]]:
    """Documents per reference and kind."""
    return {
        kind: {ref: len(ids) for ref, ids in books.tables[kind].references.items() if ids}
        for kind in (*KINDS, "contacts")
    }


def by_hand(books: Books) -> dict[str, int]:
    """Documents per kind that a person typed."""
    return {kind: sum(1 for row in books.tables[kind].rows.values() if row.source == "hand") for kind in KINDS}


def totals(books: Books) -> dict[str, dict[str, str]]:
    """Σ totals per kind and currency; void sales orders and receipts are left out."""
    found: dict[str, dict[str, str]] = {}
    for kind in KINDS:
        sums: dict[str, Decimal] = {}
        for row in books.tables[kind].rows.values():
            if kind not in ("sales_orders", "receipts") or row.status != "void":
                sums[row.currency] = sums.get(row.currency, ZERO) + row.total
        found[kind] = {currency: str(total) for currency, total in sums.items()}
    return found


def sales(books: Books) -> dict[str, Any]:
    """Per sales order (by reference; by number when it has none) its documents in order of creation and its balance.

    balance = invoices − credit notes − what receipts settle + refunds; void receipts count for nothing. Two orders of
    one reference are listed one after the other.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for order in books.sales_orders.rows.values():
        balance = ZERO
        made: list[str] = []
        for document in books.threads[order.id].documents:
            kind = _KIND_OF[type(document)]
            told = f"{kind} {document.reference or document.number}"
            if isinstance(document, Receipt):
                if document.status == "void":
                    made.append(f"{told} (void)")
                    continue
                balance -= document.settled
            else:
                balance += _SIGN[kind] * document.total
            made.append(told)
        entry = {
            "id": order.id,
            "status": order.status,
            "total": str(order.total),
            "currency": order.currency,
            "balance": str(balance),
            "documents": made,
        }
        found.setdefault(order.reference or order.number, []).append(entry)
    return found


_KIND_OF: Final[dict[type, str]] = {
    SalesOrder: "sales_order",
    Invoice: "invoice",
    Receipt: "receipt",
    CreditNote: "credit_note",
    RefundPayment: "refund_payment",
}
_SIGN: Final = {"sales_order": 0, "invoice": 1, "credit_note": -1, "refund_payment": 1}


def stock(books: Books) -> dict[str, dict[str, str]]:
    """Per product code, over all warehouses: on hand and reserved."""
    found: dict[str, dict[str, str]] = {}
    for code, row in books.stock_of.items():
        on_hand = sum((shelf.on_hand for shelf in row.warehouses), ZERO)
        reserved = sum((shelf.reserved for shelf in row.warehouses), ZERO)
        found[code] = {"on_hand": str(on_hand), "reserved": str(reserved)}
    return found


def balances(books: Books) -> dict[str, dict[str, Decimal]]:
    """Debit − credit per currency and account role, from the journal."""
    sums: dict[str, dict[str, Decimal]] = {}
    for entry in books.journals.rows.values():
        of = sums.setdefault(entry.currency, {})
        for line in entry.lines:
            of[line.account] = of.get(line.account, ZERO) + line.debit - line.credit
    return {
        currency: {books.makeup.called(account): amount for account, amount in sorted(of.items())}
        for currency, of in sums.items()
    }


def trial_balance(books: Books) -> dict[str, Any]:
    """The balance of each account by currency, and their sum, which must be zero."""
    found = balances(books)
    return {
        currency: {
            "accounts": {role: str(amount) for role, amount in of.items()},
            "sum": str(sum(of.values(), ZERO)),
        }
        for currency, of in found.items()
    }


PARTS: Final[dict[str, Callable[[Books], Any]]] = {
    "counts": counts,
    "duplicates": duplicates,
    "references": references,
    "by_hand": by_hand,
    "totals": totals,
    "sales": sales,
    "stock": stock,
    "trial_balance": trial_balance,
}


def truth(books: Books, parts: Collection[str] = ()) -> dict[str, Any]:
    """The parts asked for (all of them when none is named). Raises `KeyError` for an unknown part."""
    return {name: PARTS[name](books) for name in (parts or PARTS)}
