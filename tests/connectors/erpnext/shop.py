"""Documents for tests of the ERPNext connector, and the hands to write them."""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from selaras.connectors.contract import Done, Op, Outcome, Seen, Tools, Write
from selaras.connectors.erpnext import CONNECTOR, ERPNext
from selaras.connectors.kit.checks import done, failed
from selaras.model.document import CreditNote, Document, DocumentLine, Invoice, Receipt, RefundPayment, SalesOrder
from selaras.model.money import ZERO, rounded
from tests.connectors.erpnext.rig import settings_for
from tests.connectors.erpnext.standin import ZONE, StandIn, serve_erpnext
from tests.connectors.erpnext.standin_people import CLEARING, STORES
from tests.connectors.kit_signin import MemoryTokenStore

RATE = Decimal("0.11")


def today() -> dt.date:
    return dt.datetime.now(ZoneInfo(ZONE)).date()


def line(code: str, quantity: int, price: str, *, rate: Decimal = RATE, discount: str = "0", role: str = "sales",
         included: bool = False, **more: Any) -> DocumentLine:  # fmt: skip
    """A line as a store states it: rounded half up."""
    amount = rounded(quantity * Decimal(price) - Decimal(discount), "IDR")
    tax = rounded(amount * rate / (1 + rate) if included else amount * rate, "IDR")
    return DocumentLine(
        code, code or role, Decimal(quantity), Decimal(price), amount, Decimal(discount), tax, rate, role, **more
    )


def total(lines: Sequence[DocumentLine], included: bool = False) -> Decimal:
    """What the lines come to."""
    return sum((one.amount + (ZERO if included else one.tax) for one in lines), ZERO)


class Shop:
    """A site with items, a customer and a connector."""

    def __init__(self, site: StandIn, **settings: str) -> None:
        self.site = site
        self._numbers = itertools.count(1001)
        tools = Tools("buku", ZONE, MemoryTokenStore(), time.time)
        self.books: ERPNext = CONNECTOR.build(settings_for(site, **settings), tools)  # type: ignore[assignment]

    def reference(self) -> str:
        return str(next(self._numbers))

    async def outcome(self, kind: str, document: Document, op: Op = "create", id: str = "") -> Outcome:
        (one,) = await self.books.write(kind, op, [Write(getattr(document, "reference", ""), document, id)])
        return one

    async def put(self, kind: str, document: Document, op: Op = "create", id: str = "") -> Done:
        """Write one document that must stand."""
        return done(await self.outcome(kind, document, op, id))

    async def refusal(self, kind: str, document: Document, op: Op = "create", id: str = "") -> Any:
        """Write one document that must be refused; the error."""
        return failed(await self.outcome(kind, document, op, id)).error

    def order(self, *lines: DocumentLine, included: bool = False, **more: Any) -> SalesOrder:
        values: dict[str, Any] = {"reference": self.reference(), "date": today(), "contact_id": "Pembeli", **more}
        return SalesOrder(
            currency="IDR", total=total(lines, included), lines=lines, tax_included=included, **values
        )  # fmt: skip

    def invoice(self, order: SalesOrder, order_id: str = "", **more: Any) -> Invoice:
        values: dict[str, Any] = {
            "reference": order.reference, "date": order.date, "total": order.total, "lines": order.lines,
            "tax_included": order.tax_included, "dimensions": order.dimensions, **more,
        }  # fmt: skip
        return Invoice(currency="IDR", contact_id=order.contact_id, sales_order_id=order_id, **values)

    async def sold(self, *lines: DocumentLine, included: bool = False) -> tuple[SalesOrder, str, str]:
        """An order that was invoiced: order, its id, the invoice's id."""
        order = self.order(*lines, included=included)
        order_id = (await self.put("sales_order", order)).id
        return order, order_id, (await self.put("invoice", self.invoice(order, order_id))).id

    def receipt(self, reference: str, amount: Decimal | int, **more: Any) -> Receipt:
        more.setdefault("account", CLEARING)
        return Receipt(
            reference=reference, date=today(), currency="IDR", total=Decimal(amount), contact_id="Pembeli", **more
        )

    def refund(self, reference: str, amount: Decimal | int, **more: Any) -> RefundPayment:
        return RefundPayment(
            reference=reference, date=today(), currency="IDR", total=Decimal(amount), contact_id="Pembeli",
            account=CLEARING, **more,
        )  # fmt: skip

    def credit(self, reference: str, invoice_id: str, *lines: DocumentLine, included: bool = False,
               **more: Any) -> CreditNote:  # fmt: skip
        return CreditNote(
            reference=reference, date=today(), currency="IDR", total=total(lines, included), lines=lines,
            tax_included=included, contact_id="Pembeli", invoice_id=invoice_id, **more,
        )  # fmt: skip

    def doc(self, doctype: str, name: str) -> Any:
        return self.site.db.get(doctype, name)

    def bin(self, code: str) -> tuple[float, float]:
        """(actual, reserved) in the stores."""
        own = self.site.selling.bin(code, STORES)
        return own["actual_qty"], own["reserved_qty"]

    def owed(self) -> Decimal:
        """What the customer owes by the general ledger."""
        own = [e["amount"] for e in self.site.db.gl if e["party"] == "Pembeli" and not e["is_cancelled"]]
        return sum((Decimal(str(amount)) for amount in own), ZERO)

    async def drained(self, kind: str, cursor: str = "") -> tuple[list[Seen], str]:
        """Everything that changed, and the cursor after it."""
        seen: list[Seen] = []
        while True:
            changes = await self.books.changed(kind, cursor)
            seen += changes.seen
            cursor = changes.cursor
            if not changes.more:
                return seen, cursor


@asynccontextmanager
async def a_shop(**settings: str) -> AsyncIterator[Shop]:
    """A fresh site with three items (one of them listed at another price), a service, and a customer."""
    async with serve_erpnext() as site:
        for code in ("KAOS", "TOPI", "KOPI"):
            site.people.item(code, price=99_000)
            site.selling.bin(code, STORES)["actual_qty"] = 100.0
        site.people.item("JASA", stocked=False)
        site.people.customer("Pembeli")
        shop = Shop(site, **settings)
        try:
            yield shop
        finally:
            await shop.books.close()
