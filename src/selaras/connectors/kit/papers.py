"""Documents that the contract of the books writes: small, awkward in their amounts, and adding up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from selaras.connectors.contract import Write
from selaras.connectors.kit.rigs import BooksRig
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
from selaras.model.money import from_minor, rounded

RATE = Decimal("0.11")


class Papers(msgspec.Struct):
    """Makes documents for one rig. `run` keeps the references of one test apart from those of all others."""

    currency: str
    contact_id: str
    products: Sequence[str]
    account: str
    day: dt.date
    run: str

    @classmethod
    async def of(cls, rig: BooksRig, run: str) -> Papers:
        """With the rig's own customer, products, account and an open day."""
        return cls(
            rig.currency, await rig.contact_id(), await rig.products(), await rig.account(), await rig.open_day(), run
        )

    def name(self, number: int) -> str:
        """The reference of the n-th document of this test."""
        return f"KIT-{self.run}-{number}"

    def lines(self, number: int) -> tuple[DocumentLine, ...]:
        """Two lines whose tax does not divide evenly; the n-th document's amounts are its own."""
        made: list[DocumentLine] = []
        for place, code in enumerate(self.products[:2]):
            price = from_minor(3_333_301 + 7 * number + place, self.currency)
            discount = from_minor(1 + place, self.currency)
            quantity = Decimal(3 - place)
            amount = rounded(quantity * price - discount, self.currency)
            tax = rounded(amount * RATE, self.currency)
            made.append(
                DocumentLine(
                    code=code,
                    name=f"{code} é “{place}”",
                    quantity=quantity,
                    unit_price=price,
                    amount=amount,
                    discount=discount,
                    tax=tax,
                    tax_rate=RATE,
                )
            )
        return tuple(made)

    def order(self, number: int, *, code: str = "", day: dt.date | None = None, reference: str = "") -> SalesOrder:
        """A sales order; `code` replaces the first product."""
        lines = self.lines(number)
        if code:
            lines = (msgspec.structs.replace(lines[0], code=code), *lines[1:])
        return SalesOrder(
            reference=reference or self.name(number),
            date=day or self.day,
            currency=self.currency,
            total=sum((line.amount + line.tax for line in lines), Decimal(0)),
            lines=lines,
            contact_id=self.contact_id,
        )

    def contact(self, number: int) -> ContactDraft:
        """A customer with one word for a name, and a number that is that contact's alone."""
        return ContactDraft(
            reference=self.name(number),
            name=f"Sukarni{number}",
            email=f"kit-{self.run}-{number}@example.com".lower(),
            phone=f"+62812{abs(hash(self.run)) % 10**5:05d}{number:03d}",
        )

    def invoice(self, number: int, order: SalesOrder, order_id: str) -> Invoice:
        """The invoice of an order."""
        return Invoice(
            reference=self.name(number),
            date=order.date,
            currency=order.currency,
            total=order.total,
            lines=order.lines,
            contact_id=order.contact_id,
            sales_order_id=order_id,
        )

    def receipt(self, number: int, order: SalesOrder, order_id: str, invoice_id: str = "") -> Receipt:
        """Money received for an order."""
        return Receipt(
            reference=self.name(number),
            date=order.date,
            currency=order.currency,
            total=order.total,
            contact_id=order.contact_id,
            sales_order_id="" if invoice_id else order_id,
            invoice_id=invoice_id,
            account=self.account,
        )

    def credit_note(self, number: int, invoice: Invoice, invoice_id: str) -> CreditNote:
        """A credit note over the whole invoice."""
        return CreditNote(
            reference=self.name(number),
            date=invoice.date,
            currency=invoice.currency,
            total=invoice.total,
            lines=invoice.lines,
            contact_id=invoice.contact_id,
            invoice_id=invoice_id,
            reason="kit",
        )

    def refund(self, number: int, credit: CreditNote, credit_id: str) -> RefundPayment:
        """The credit paid back."""
        return RefundPayment(
            reference=self.name(number),
            date=credit.date,
            currency=credit.currency,
            total=credit.total,
            contact_id=credit.contact_id,
            credit_note_id=credit_id,
            account=self.account,
        )


def write(document: Document, id: str = "") -> Write:
    """The write of a document; its key is its reference."""
    return Write(key=document.reference, document=document, id=id)
