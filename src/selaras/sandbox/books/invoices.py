"""Invoices and credit notes: the receivable, the income, the tax and the goods."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from selaras.sandbox.books import chart, orders
from selaras.sandbox.books.kinds import ZERO, CreditNote, Invoice, Receipt, SalesOrder
from selaras.sandbox.books.refusal import Refused
from selaras.sandbox.books.state import Act, Books, Priced, Thread
from selaras.sandbox.books.wire import CreditNoteIn, InvoiceChange, InvoiceIn

_COGS = chart.BY_ROLE["cogs"]
_INVENTORY = chart.BY_ROLE["inventory"]


def create(books: Books, item: InvoiceIn, act: Act) -> Invoice:
    """A new invoice: raises the receivable, ships the goods, takes up the deposits of its order."""
    books.check_reference(books.invoices, item.reference, act)
    books.check_currency(item.currency)
    books.check_open(item.date)
    order: SalesOrder | None = None
    contact = item.contact_id
    if item.sales_order_id:
        order = books.sales_orders.get(item.sales_order_id)
        if order is None:
            raise Refused("unknown_sales_order", "sales_order_id", f"There is no order {item.sales_order_id!r}.")
        if order.status == "void":
            raise Refused("document_void", "sales_order_id", f"Sales order {order.number} is void.", id=order.id)
        if order.currency != item.currency:
            raise Refused("currency_mismatch", "currency", f"Sales order {order.number} is in {order.currency}.")
        contact = contact or order.contact_id
    books.check_contact(contact)
    books.makeup.check_dimensions(item.dimensions)
    owing = books.makeup.owing(item.receivable, item.currency)
    priced = books.price(item.lines, item.currency, item.tax_included, item.total)
    thread = books.threads[order.id] if order is not None else Thread()
    books.check_stock(priced.moves, thread.reserved)
    row_id, number = books.invoices.new_id()
    invoice = Invoice(
        id=row_id,
        number=number,
        reference=item.reference,
        source=act.source,
        date=item.date,
        currency=item.currency,
        total=priced.total,
        contact_id=contact,
        lines=priced.lines,
        tax_included=item.tax_included,
        sales_order_id=item.sales_order_id,
        receivable=owing,
        dimensions=item.dimensions,
    )
    books.threads[row_id] = thread
    thread.documents.append(invoice)
    books.invoices.add(invoice, act.stamp, act.visible_at)
    _post(books, invoice, priced, act)
    orders.ship(books, thread, priced.moves, act)
    if order is not None:
        order.invoiced += invoice.total
        books.sales_orders.touch(order, act.stamp, act.now, act.visible_at)
    _take_deposits(books, invoice, thread, act)
    set_status(invoice)
    return invoice


def _post(books: Books, invoice: Invoice, priced: Priced, act: Act) -> None:
    sides = [(invoice.receivable, priced.total)]
    sides += [(account, -amount) for account, amount in priced.taxes.items()]
    sides += [(account, -amount) for account, amount in priced.income.items()]
    of = {"kind": "invoice", "document": invoice.id, "contact": invoice.contact_id, "reference": invoice.reference}
    books.book(act, invoice.date, invoice.currency, sides, **of)
    _post_cost(books, invoice, priced.cost, act)


def _post_cost(books: Books, row: Invoice | CreditNote, cost: Decimal, act: Act) -> None:
    """Goods sold (cost > 0) or returned (cost < 0), at standard cost, in the company's own currency."""
    if cost:
        kind = "invoice" if isinstance(row, Invoice) else "credit_note"
        sides = ((_COGS, cost), (_INVENTORY, -cost))
        books.book(act, row.date, books.config.currency, sides, kind=kind, document=row.id, reference=row.reference)


def _take_deposits(books: Books, invoice: Invoice, thread: Thread, act: Act) -> None:
    """Apply what was paid on the order before it was invoiced, oldest receipt first."""
    owed = invoice.total
    taken: dict[str, Decimal] = {}
    for receipt in thread.documents:
        if owed <= 0:
            break
        if not isinstance(receipt, Receipt):
            continue
        free = free_of(receipt)
        part = min(owed, free)
        if part <= 0:
            continue
        owed -= part
        receipt.applied += part
        receipt.status = "paid" if receipt.applied >= receipt.settled else "open"
        invoice.received += part
        books.applied.setdefault(receipt.id, []).append((invoice.id, part, receipt.deposits))
        taken[receipt.deposits] = taken.get(receipt.deposits, ZERO) + part
        books.receipts.touch(receipt, act.stamp, act.now, act.visible_at)
    if invoice.received:
        books.book(
            act,
            invoice.date,
            invoice.currency,
            (*taken.items(), (invoice.receivable, -invoice.received)),
            kind="invoice",
            document=invoice.id,
            contact=invoice.contact_id,
            reference=invoice.reference,
            note="deposit applied",
        )


def free_of(receipt: Receipt) -> Decimal:
    """What of a receipt lies as a deposit still: neither applied to an invoice nor paid back."""
    return ZERO if receipt.status == "void" else receipt.settled - receipt.applied - receipt.returned


def update(books: Books, item: InvoiceChange, act: Act) -> Invoice:
    """Rewrite an invoice while nothing is paid or credited on it and its period is open."""
    invoice = books.invoices.get(item.id)
    if invoice is None:
        raise Refused("not_found", "id", f"There is no invoice {item.id!r}.")
    orders.check_version(invoice, item)
    changes = orders.changed_fields(invoice, item)
    if not changes:
        return invoice
    if invoice.received or invoice.credited:
        raise Refused(
            "document_locked", "id", f"Invoice {invoice.number} has payments or credit notes on it.", id=invoice.id
        )
    books.check_open(invoice.date)
    want: dict[str, Any] = {name: changes.get(name, getattr(invoice, name)) for name in invoice.__struct_fields__}
    books.check_open(want["date"])
    books.check_currency(want["currency"])
    if invoice.sales_order_id and want["currency"] != invoice.currency:
        raise Refused("currency_mismatch", "currency", f"The order of {invoice.number} is in {invoice.currency}.")
    books.check_contact(want["contact_id"])
    books.makeup.check_dimensions(want["dimensions"])
    want["receivable"] = books.makeup.owing(want["receivable"], want["currency"])
    books.check_reference(books.invoices, want["reference"], act, invoice.id)
    priced = books.price(want["lines"], want["currency"], want["tax_included"], want["total"])
    before = books.price(invoice.lines, invoice.currency, invoice.tax_included, invoice.total)
    thread = books.threads[invoice.id]
    books.check_stock(priced.moves, {c: n + thread.reserved.get(c, ZERO) for c, n in before.moves.items()})
    for (code, warehouse), pieces in before.moves.items():
        books.move_stock(code, act, pieces, ZERO, warehouse)
    books.reverse(invoice.id, act)
    order = books.sales_orders.get(invoice.sales_order_id)
    if order is not None:
        order.invoiced += priced.total - invoice.total
        books.sales_orders.touch(order, act.stamp, act.now, act.visible_at)
    if "reference" in changes:
        books.invoices.rename(invoice, changes["reference"])
    for name in ("date", "currency", "total", "contact_id", "lines", "tax_included", "receivable", "dimensions"):
        setattr(invoice, name, want[name])
    invoice.lines = priced.lines
    _post(books, invoice, priced, act)
    for (code, warehouse), pieces in priced.moves.items():
        books.move_stock(code, act, -pieces, ZERO, warehouse)
    set_status(invoice)
    books.invoices.touch(invoice, act.stamp, act.now, act.visible_at)
    return invoice


def set_status(invoice: Invoice) -> None:
    """void when all of it is credited, paid when nothing is owed, else open."""
    invoice.balance = invoice.total - invoice.credited - invoice.received + invoice.refunded
    if invoice.credited and invoice.credited >= invoice.total:
        invoice.status = "void"
    else:
        invoice.status = "paid" if invoice.balance <= 0 else "open"


def credit(books: Books, item: CreditNoteIn, act: Act) -> CreditNote:
    """A new credit note: lowers the receivable, takes income and tax back, returns the goods when `restock`."""
    books.check_reference(books.credit_notes, item.reference, act)
    books.check_currency(item.currency)
    books.check_open(item.date)
    invoice: Invoice | None = None
    contact = item.contact_id
    if item.invoice_id:
        invoice = books.invoices.get(item.invoice_id)
        if invoice is None:
            raise Refused("unknown_invoice", "invoice_id", f"There is no invoice {item.invoice_id!r}.")
        if invoice.currency != item.currency:
            raise Refused("currency_mismatch", "currency", f"Invoice {invoice.number} is in {invoice.currency}.")
        contact = contact or invoice.contact_id
    books.check_contact(contact)
    books.makeup.check_dimensions(item.dimensions)
    owing = invoice.receivable if invoice is not None and not item.receivable else ""
    owing = owing or books.makeup.owing(item.receivable, item.currency)
    priced = books.price(item.lines, item.currency, item.tax_included, item.total)
    if priced.total <= 0:
        raise Refused("not_positive", "total", "A credit note must be for more than nothing.")
    if invoice is not None and invoice.credited + priced.total > invoice.total:
        raise Refused(
            "exceeds_invoice",
            "total",
            f"Invoice {invoice.number} has {invoice.total - invoice.credited} left to credit, not {priced.total}.",
            id=invoice.id,
        )
    row_id, number = books.credit_notes.new_id()
    note = CreditNote(
        id=row_id,
        number=number,
        reference=item.reference,
        status="open",
        source=act.source,
        date=item.date,
        currency=item.currency,
        total=priced.total,
        contact_id=contact,
        lines=priced.lines,
        tax_included=item.tax_included,
        invoice_id=item.invoice_id,
        restock=item.restock,
        reason=item.reason,
        receivable=owing,
        dimensions=item.dimensions,
    )
    thread = books.threads[invoice.id] if invoice is not None else Thread()
    books.threads[row_id] = thread
    thread.documents.append(note)
    sides = [(owing, -priced.total), *priced.taxes.items()]
    sides += [(account, amount) for account, amount in priced.income.items()]
    books.book(
        act, note.date, note.currency, sides,
        kind="credit_note", document=row_id, contact=contact, reference=note.reference,
    )  # fmt: skip
    if note.restock:
        _post_cost(books, note, -priced.cost, act)
        for (code, warehouse), pieces in priced.moves.items():
            books.move_stock(code, act, pieces, ZERO, warehouse)
    if invoice is not None:
        if invoice.balance >= priced.total:
            note.status = "paid"  # all of it lowered what was owed
        invoice.credited += priced.total
        set_status(invoice)
        books.invoices.touch(invoice, act.stamp, act.now, act.visible_at)
        order = books.sales_orders.get(invoice.sales_order_id)
        if order is not None:
            order.credited += priced.total
            orders.set_status(order)
            books.sales_orders.touch(order, act.stamp, act.now, act.visible_at)
    books.credit_notes.add(note, act.stamp, act.visible_at)
    return note
