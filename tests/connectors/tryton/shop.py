"""Documents for live tests of the Tryton connector, and the hands to write them."""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from selaras.connectors import tryton
from selaras.connectors.contract import Changes, Done, Op, Outcome, Seen, Tools, Write
from selaras.connectors.kit.checks import done
from selaras.connectors.tryton import Tryton
from selaras.model.document import (
    ContactDraft,
    CreditNote,
    Document,
    DocumentLine,
    Invoice,
    Receipt,
    RefundPayment,
    SalesOrder,
)
from selaras.model.money import rounded
from tests.connectors.kit_signin import MemoryTokenStore
from tests.peers.tryton import Database
from tests.peers.tryton_desk import Desk

ZONE = "Asia/Jakarta"
RATE = Decimal("0.11")
CLEARING = "1-1190"
BANK = "1-1101"
_numbers = itertools.count(1)


def today() -> dt.date:
    """The company's day."""
    return dt.datetime.now(ZoneInfo(ZONE)).date()


def line(code: str, quantity: int, price: str, *, rate: Decimal = RATE, discount: str = "0", role: str = "sales",
         included: bool = False) -> DocumentLine:  # fmt: skip
    """A line as a store states it: rounded half up."""
    amount = rounded(quantity * Decimal(price) - Decimal(discount), "IDR")
    tax = rounded(amount * rate / (1 + rate) if included else amount * rate, "IDR")
    return DocumentLine(
        code, f"{code or role}", Decimal(quantity), Decimal(price), amount, Decimal(discount), tax, rate, role
    )


def total(lines: Sequence[DocumentLine], included: bool = False) -> Decimal:
    """What the lines come to."""
    return sum((one.amount + (Decimal(0) if included else one.tax) for one in lines), Decimal(0))


class Shop:
    """A connector to a database of its own, and the desk beside it."""

    def __init__(self, database: Database, **settings: str) -> None:
        self.database = database
        self.desk: Desk = database.desk()
        tools = Tools("buku", ZONE, MemoryTokenStore(), time.time)
        self.books: Tryton = tryton.build({**database.settings, **settings}, tools)

    def reference(self) -> str:
        """An order number that was never used."""
        return f"{1000 + next(_numbers)}"

    async def put(self, kind: str, document: Document, op: Op = "create", id: str = "") -> Done:
        """Write one document that must stand."""
        return done((await self.outcomes(kind, [document], op, [id]))[0])

    async def refusal(self, kind: str, document: Document, op: Op = "create", id: str = "") -> Any:
        """Write one document that must be refused; the error."""
        (outcome,) = await self.outcomes(kind, [document], op, [id])
        assert not isinstance(outcome, Done), outcome
        return outcome.error

    async def outcomes(
        self, kind: str, documents: Sequence[Document], op: Op = "create", ids: Sequence[str] = ()
    ) -> list[Outcome]:
        """Write documents."""
        ids = ids or [""] * len(documents)
        writes = [Write(getattr(d, "reference", ""), d, id) for d, id in zip(documents, ids, strict=True)]
        return await self.books.write(kind, op, writes)

    async def buyer(self, name: str = "Budi Santoso") -> str:
        """A new contact."""
        reference = f"phone:+6281{next(_numbers):08d}"
        return (await self.put("contact", ContactDraft(reference, name, "b@example.test", reference[6:]))).id

    def order(self, contact: str, *lines: DocumentLine, included: bool = False, **more: Any) -> SalesOrder:
        """A sales order."""
        more.setdefault("reference", self.reference())
        more.setdefault("date", today())
        return SalesOrder(
            currency="IDR", total=total(lines, included), lines=lines, tax_included=included, contact_id=contact, **more
        )

    def invoice(self, order: SalesOrder, order_id: str, **more: Any) -> Invoice:
        """The invoice of an order."""
        values: dict[str, Any] = {
            "reference": order.reference, "date": order.date, "total": order.total, "lines": order.lines,
            "tax_included": order.tax_included, **more,
        }  # fmt: skip
        return Invoice(currency="IDR", contact_id=order.contact_id, sales_order_id=order_id, **values)

    async def sold(self, *lines: DocumentLine, included: bool = False, **more: Any) -> tuple[SalesOrder, Invoice, str]:
        """An order that was invoiced: order, invoice, the invoice's id."""
        order = self.order(await self.buyer(), *lines, included=included, **more)
        order_id = (await self.put("sales_order", order)).id
        invoice = self.invoice(order, order_id)
        return order, invoice, (await self.put("invoice", invoice)).id

    def receipt(self, reference: str, contact: str, amount: Decimal, **more: Any) -> Receipt:
        """Money received."""
        more.setdefault("account", CLEARING)
        return Receipt(reference=reference, date=today(), currency="IDR", total=amount, contact_id=contact, **more)

    def credit(
        self, invoice: Invoice, invoice_id: str, *lines: DocumentLine, mark: str = "R1", **more: Any
    ) -> CreditNote:
        """A credit note on an invoice, over its own lines unless others are given."""
        kept = lines or invoice.lines
        return CreditNote(
            reference=f"{invoice.reference}/{mark}", date=today(), currency="IDR",
            total=total(kept, invoice.tax_included), lines=kept, tax_included=invoice.tax_included,
            contact_id=invoice.contact_id, invoice_id=invoice_id, **more,
        )  # fmt: skip

    def refund(self, credit: CreditNote, credit_id: str, amount: Decimal | None = None) -> RefundPayment:
        """Money given back for a credit note."""
        return RefundPayment(
            reference=credit.reference, date=today(), currency="IDR", total=amount or credit.total,
            contact_id=credit.contact_id, credit_note_id=credit_id, account=CLEARING,
        )  # fmt: skip

    # -- what the desk sees -----------------------------------------------------------------------------------------

    def bill(self, invoice_id: str, *fields: str) -> Any:
        """An invoice."""
        return self.desk.one(
            "account.invoice", [["id", "=", int(invoice_id)]], "state", "total_amount", "tax_amount", "amount_to_pay",
            "reconciled", "number", "reference", *fields,
        )  # fmt: skip

    def sale(self, order_id: str, *fields: str) -> Any:
        """A sale."""
        return self.desk.one("sale.sale", [["id", "=", int(order_id)]], "state", "total_amount", "number", *fields)

    def shipments(self, order_id: str) -> list[str]:
        """States of the shipments of a sale, oldest first."""
        found = self.desk.rows("stock.shipment.out", [["moves.origin.sale", "=", int(order_id), "sale.line"]], "state")
        return [row["state"] for row in found]

    async def available(self, code: str) -> tuple[int, int]:
        """(on hand, reserved) as the connector reads it."""
        (seen,) = await self.books.read("stock", [code])
        return int(seen.record.on_hand), int(seen.record.reserved)

    async def drained(self, kind: str, cursor: str = "") -> tuple[list[Seen], str]:
        """Everything that changed, and the cursor after it."""
        seen: list[Seen] = []
        while True:
            changes: Changes = await self.books.changed(kind, cursor)
            seen += changes.seen
            cursor = changes.cursor
            if not changes.more:
                return seen, cursor
