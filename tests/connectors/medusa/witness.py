"""What both sides say of an order, read from Medusa's admin API and from Tryton's desk; our ledger is not asked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from tests.peers.medusa_desk import Desk as Shop
from tests.peers.tryton_desk import Desk as Books

ZERO = Decimal(0)


class Sides(msgspec.Struct, frozen=True):
    """One order on both sides, amounts in rupiah.

    `sales` how many sales, `doubled` references that two invoices share; `billed` invoices less credit notes;
    `money` what came less what went back, in the books; `total` and `kept` the same two as the store says them.
    """

    sales: tuple[str, ...]
    doubled: tuple[str, ...]
    billed: Decimal
    money: Decimal
    total: Decimal
    kept: Decimal
    status: str

    @property
    def equal(self) -> bool:
        """Once, and the same money."""
        owed = ZERO if self.status == "canceled" or not self.kept else self.total
        return len(self.sales) == 1 and not self.doubled and self.billed == owed and self.money == self.kept


def both(shop: Shop, books: Books, id: str) -> Sides:
    """An order as both sides hold it."""
    order = shop.order(id)
    payments = [p for c in order["payment_collections"] for p in c.get("payments") or ()]
    came = sum((c["amount"] for p in payments for c in p.get("captures") or ()), ZERO)
    went = sum((r["amount"] for p in payments for r in p.get("refunds") or ()), ZERO)
    number = str(order["display_id"])
    sales = books.rows("sale.sale", [["reference", "=", number]], "state")
    bills = _bills(books, number)
    references = [b["reference"] for b in bills]
    money = books.rows(
        "account.statement.line",
        [["number", "like", f"{number}/%"], ["statement.state", "!=", "cancelled"]],
        "amount", "number",
    )  # fmt: skip
    numbers = [m["number"] for m in money]
    return Sides(
        tuple(s["state"] for s in sales),
        tuple(r for r in {*references, *numbers} if references.count(r) > 1 or numbers.count(r) > 1),
        sum((b["total_amount"] for b in bills if b["state"] in ("posted", "paid")), ZERO),
        sum((m["amount"] for m in money), ZERO),
        Decimal(order["total"]),
        came - went,
        str(order["status"]),
    )


def _bills(books: Books, number: str) -> list[dict[str, Any]]:
    return books.rows(
        "account.invoice",
        [["OR", ["reference", "=", number], ["reference", "like", f"{number}/%"]], ["state", "!=", "cancelled"]],
        "state", "total_amount", "reference",
    )  # fmt: skip
