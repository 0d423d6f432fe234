"""Money in and money back: receipts and refund payments."""

from __future__ import annotations

from decimal import Decimal

from selaras.sandbox.books import bank as bank_lines
from selaras.sandbox.books import chart, invoices, orders
from selaras.sandbox.books.kinds import (
    ZERO,
    BankTransaction,
    Exchanged,
    Invoice,
    Receipt,
    RefundPayment,
    SalesOrder,
    WriteOff,
)
from selaras.sandbox.books.refusal import Refused
from selaras.sandbox.books.state import Act, Books, Thread
from selaras.sandbox.books.wire import ReceiptIn, RefundPaymentIn, Void


def receive(books: Books, item: ReceiptIn, act: Act) -> Receipt:
    """Money received: pays the invoice, or lies as a deposit until the order is invoiced.

    Money of another currency is two entries, one in each, against the account for exchanges: the ledger is kept by
    currency, and what stands there in both is the rate.
    """
    books.check_reference(books.receipts, item.reference, act)
    books.check_currency(item.currency)
    books.check_open(item.date)
    _check_amount(books, item.total, item.currency)
    write_offs = _write_offs(books, item)
    settled = item.total + sum((one.amount for one in write_offs), ZERO)
    if settled <= 0:
        raise Refused("not_positive", "write_offs", "A receipt must settle more than nothing.")
    order, invoice = _paid_thing(books, item)
    thing = invoice or order
    contact = item.contact_id or (thing.contact_id if thing is not None else "")
    books.check_contact(contact)
    exchanged = _exchanged(books, item)
    money, currency = (item.total, item.currency) if exchanged is None else (exchanged.amount, exchanged.currency)
    bank = _bank_line(books, item, money, currency)
    account = bank.account if bank is not None and not item.account else _account(books, item.account, currency)
    if bank is not None and account != bank.account:
        raise Refused("account_mismatch", "account", f"The bank transaction {bank.id} lies on {bank.account}.")
    deposits = books.makeup.account(item.deposits, "deposits", item.currency, "deposits")
    books.makeup.check_dimensions(item.dimensions)
    thread = books.threads[thing.id] if thing is not None else Thread()
    open_invoices = [invoice] if invoice is not None else _invoices_of(thread)
    owed = sum((max(one.balance, ZERO) for one in open_invoices), ZERO)
    if not books.config.overpayment:
        ceiling = owed
        if invoice is None and order is not None:
            ceiling = order.total - order.received + order.refunded - order.credited
        if thing is not None and settled > ceiling:
            raise Refused("overpayment", "total", f"{thing.number} is owed {ceiling}, not {settled}.", id=thing.id)
    row_id, number = books.receipts.new_id()
    receipt = Receipt(
        id=row_id,
        number=number,
        reference=item.reference,
        source=act.source,
        date=item.date,
        currency=item.currency,
        total=item.total,
        contact_id=contact,
        sales_order_id=item.sales_order_id,
        invoice_id=item.invoice_id,
        account=account,
        bank_transaction_id=item.bank_transaction_id,
        deposits=deposits,
        dimensions=item.dimensions,
        write_offs=write_offs,
        exchanged=exchanged,
    )
    left = settled
    paid: dict[str, Decimal] = {}
    for one in open_invoices:
        part = min(left, max(one.balance, ZERO))
        if part:
            left -= part
            receipt.applied += part
            paid[one.receivable] = paid.get(one.receivable, ZERO) + part
            one.received += part
            books.applied.setdefault(row_id, []).append((one.id, part, ""))
            invoices.set_status(one)
            books.invoices.touch(one, act.stamp, act.now, act.visible_at)
    receipt.status = "paid" if not left else "open"
    books.threads[row_id] = thread
    thread.documents.append(receipt)
    books.receipts.add(receipt, act.stamp, act.visible_at)
    entries = [
        (
            item.currency,
            (
                (account if exchanged is None else exchanged.account, item.total),
                *((one.account, one.amount) for one in write_offs),
                *((owing, -part) for owing, part in paid.items()),
                (deposits, -left),
            ),
        )
    ]
    if exchanged is not None:
        entries.append((currency, ((account, money), (exchanged.account, -money))))
    for one_currency, sides in entries:
        books.book(
            act,
            item.date,
            one_currency,
            sides,
            kind="receipt",
            document=row_id,
            contact=contact,
            reference=item.reference,
        )
    _settle_order(books, order or _order_of(books, invoice), act, received=settled)
    if bank is not None:
        bank_lines.explain(books, bank, money, act)
    return receipt


def void(books: Books, item: Void, act: Act) -> Receipt:
    """Take a receipt back: its entries are reversed, what it paid is owed again, its bank line is free again.

    Money that was given back keeps the receipt it came with. Voiding twice is harmless.
    """
    receipt = books.receipts.get(item.id)
    if receipt is None:
        raise Refused("not_found", "id", f"There is no receipt {item.id!r}.")
    if receipt.status == "void":
        return receipt
    books.check_open(receipt.date)
    applied = books.applied.get(receipt.id, [])
    paid: dict[str, Decimal] = {}
    for invoice_id, part, _ in applied:
        paid[invoice_id] = paid.get(invoice_id, ZERO) + part
    bills = [(books.invoices.rows[one], part) for one, part in paid.items()]
    if receipt.returned or any(bill.received - part < bill.refunded for bill, part in bills):
        raise Refused("document_locked", "id", f"Money of receipt {receipt.number} was given back.", id=receipt.id)
    books.reverse(receipt.id, act)
    for invoice_id, part, deposits in applied:
        if deposits:
            _owe_again(books, books.invoices.rows[invoice_id], part, deposits, act)
    for bill, part in bills:
        bill.received -= part
        invoices.set_status(bill)
        books.invoices.touch(bill, act.stamp, act.now, act.visible_at)
    books.applied.pop(receipt.id, None)
    receipt.applied = ZERO
    receipt.status = "void"
    books.receipts.touch(receipt, act.stamp, act.now, act.visible_at)
    order = books.sales_orders.get(receipt.sales_order_id)
    if order is None:
        order = _order_of(books, books.invoices.get(receipt.invoice_id))
    _settle_order(books, order, act, received=-receipt.settled)
    bank = books.bank_transactions.get(receipt.bank_transaction_id)
    if bank is not None:
        bank_lines.explain(books, bank, -receipt.money, act)
    return receipt


def _owe_again(books: Books, invoice: Invoice, part: Decimal, deposits: str, act: Act) -> None:
    """Undo what an invoice took up of a deposit. The entry is the invoice's, as the one is that it undoes."""
    books.book(
        act,
        invoice.date,
        invoice.currency,
        ((invoice.receivable, part), (deposits, -part)),
        kind="invoice",
        document=invoice.id,
        contact=invoice.contact_id,
        reference=invoice.reference,
        note="deposit taken off",
    )


def _write_offs(books: Books, item: ReceiptIn) -> tuple[WriteOff, ...]:
    """The write-offs with their accounts filled in."""
    found: list[WriteOff] = []
    for index, one in enumerate(item.write_offs):
        field = f"write_offs[{index}]"
        if not one.amount:
            raise Refused("invalid", f"{field}.amount", f"Write-off {index + 1} has no amount.")
        books.check_exact(one.amount, item.currency, f"{field}.amount")
        account = books.makeup.written_off(one.account, one.role, item.currency, f"{field}.account")
        found.append(WriteOff(one.role, one.amount, account))
    return tuple(found)


def _exchanged(books: Books, item: ReceiptIn) -> Exchanged | None:
    """The money of another currency with its account filled in."""
    one = item.exchanged
    if one is None:
        return None
    books.check_currency(one.currency)
    if one.currency == item.currency:
        raise Refused("same_currency", "exchanged.currency", f"Nothing is exchanged from {one.currency} to itself.")
    if one.amount <= 0:
        raise Refused("not_positive", "exchanged.amount", "A payment must be for more than nothing.")
    books.check_exact(one.amount, one.currency, "exchanged.amount")
    account = books.makeup.exchange(one.account, item.currency, one.currency, "exchanged.account")
    return Exchanged(one.amount, one.currency, account)


def _check_amount(books: Books, total: Decimal, currency: str) -> None:
    if total <= 0:
        raise Refused("not_positive", "total", "A payment must be for more than nothing.")
    books.check_exact(total, currency, "total")


def _account(books: Books, name: str, currency: str) -> str:
    account = books.makeup.account_id(name) if name else chart.BY_ROLE["bank"]
    if not books.makeup.holds_money(account):
        raise Refused("unknown_account", "account", f"There is no bank, cash or clearing account {name!r}.")
    return books.makeup.account(account, "bank", currency, "account")


def _paid_thing(books: Books, item: ReceiptIn) -> tuple[SalesOrder | None, Invoice | None]:
    order: SalesOrder | None = None
    invoice: Invoice | None = None
    if item.invoice_id:
        invoice = books.invoices.get(item.invoice_id)
        if invoice is None:
            raise Refused("unknown_invoice", "invoice_id", f"There is no invoice {item.invoice_id!r}.")
    if item.sales_order_id:
        order = books.sales_orders.get(item.sales_order_id)
        if order is None:
            raise Refused("unknown_sales_order", "sales_order_id", f"There is no order {item.sales_order_id!r}.")
        if order.status == "void":
            raise Refused("document_void", "sales_order_id", f"Sales order {order.number} is void.", id=order.id)
        if invoice is not None and invoice.sales_order_id != order.id:
            raise Refused("unknown_invoice", "invoice_id", f"{invoice.number} does not bill {order.number}.")
    for thing in (order, invoice):
        if thing is not None and thing.currency != item.currency:
            raise Refused("currency_mismatch", "currency", f"{thing.number} is in {thing.currency}.", id=thing.id)
    return order, invoice


def _bank_line(books: Books, item: ReceiptIn, money: Decimal, currency: str) -> BankTransaction | None:
    if not item.bank_transaction_id:
        return None
    bank = bank_lines.open_line(books, item.bank_transaction_id, currency)
    if money > bank.amount - bank.explained:
        left = bank.amount - bank.explained
        raise Refused("exceeds_bank_transaction", "total", f"The bank line {bank.id} has {left} left to explain.")
    return bank


def _invoices_of(thread: Thread) -> list[Invoice]:
    return [document for document in thread.documents if isinstance(document, Invoice)]


def _order_of(books: Books, invoice: Invoice | None) -> SalesOrder | None:
    return books.sales_orders.get(invoice.sales_order_id) if invoice is not None else None


def _settle_order(
    books: Books, order: SalesOrder | None, act: Act, *, received: Decimal = ZERO, refunded: Decimal = ZERO
) -> None:
    if order is not None:
        order.received += received
        order.refunded += refunded
        orders.set_status(order)
        books.sales_orders.touch(order, act.stamp, act.now, act.visible_at)


def refund(books: Books, item: RefundPaymentIn, act: Act) -> RefundPayment:
    """Money back: against a credit note, or out of the deposits of an order."""
    books.check_reference(books.refund_payments, item.reference, act)
    books.check_currency(item.currency)
    books.check_open(item.date)
    _check_amount(books, item.total, item.currency)
    account = _account(books, item.account, item.currency)
    books.makeup.check_dimensions(item.dimensions)
    if item.credit_note_id:
        return _refund_credit(books, item, act, account)
    order = books.sales_orders.get(item.sales_order_id)
    if order is None:
        raise Refused("unknown_sales_order", "sales_order_id", f"There is no order {item.sales_order_id!r}.")
    if order.currency != item.currency:
        raise Refused("currency_mismatch", "currency", f"{order.number} is in {order.currency}.", id=order.id)
    thread = books.threads[order.id]
    free = [(one, invoices.free_of(one)) for one in thread.documents if isinstance(one, Receipt)]
    available = sum((part for _, part in free), ZERO)
    if item.total > available:
        raise Refused(
            "exceeds_deposit", "total", f"{order.number} has {available} on deposit, not {item.total}.", id=order.id
        )
    left = item.total
    against: dict[str, Decimal] = {}
    taken: list[tuple[Receipt, Decimal]] = []
    for receipt, part in free:
        part = min(part, left)
        if part:
            against[receipt.deposits] = against.get(receipt.deposits, ZERO) + part
            left -= part
            taken.append((receipt, part))
    row = _keep(books, item, act, account, item.contact_id or order.contact_id, thread, against)
    for receipt, part in taken:
        receipt.returned += part
        books.receipts.touch(receipt, act.stamp, act.now, act.visible_at)
    _settle_order(books, order, act, refunded=item.total)
    return row


def _refund_credit(books: Books, item: RefundPaymentIn, act: Act, account: str) -> RefundPayment:
    note = books.credit_notes.get(item.credit_note_id)
    if note is None:
        raise Refused("unknown_credit_note", "credit_note_id", f"There is no credit note {item.credit_note_id!r}.")
    if note.currency != item.currency:
        raise Refused("currency_mismatch", "currency", f"{note.number} is in {note.currency}.", id=note.id)
    if item.total > note.total - note.refunded:
        raise Refused(
            "exceeds_credit",
            "total",
            f"Credit note {note.number} has {note.total - note.refunded} left to pay back, not {item.total}.",
            id=note.id,
        )
    thread = books.threads[note.id]
    against = {note.receivable: item.total}
    row = _keep(books, item, act, account, item.contact_id or note.contact_id, thread, against)
    note.refunded += item.total
    if note.refunded >= note.total:
        note.status = "paid"
    books.credit_notes.touch(note, act.stamp, act.now, act.visible_at)
    invoice = books.invoices.get(note.invoice_id)
    if invoice is not None:
        invoice.refunded += item.total
        invoices.set_status(invoice)
        books.invoices.touch(invoice, act.stamp, act.now, act.visible_at)
        _settle_order(books, _order_of(books, invoice), act, refunded=item.total)
    return row


def _keep(
    books: Books,
    item: RefundPaymentIn,
    act: Act,
    account: str,
    contact: str,
    thread: Thread,
    against: dict[str, Decimal],
) -> RefundPayment:
    books.check_contact(contact)
    row_id, number = books.refund_payments.new_id()
    row = RefundPayment(
        id=row_id,
        number=number,
        reference=item.reference,
        status="paid",
        source=act.source,
        date=item.date,
        currency=item.currency,
        total=item.total,
        contact_id=contact,
        credit_note_id=item.credit_note_id,
        sales_order_id=item.sales_order_id,
        account=account,
        dimensions=item.dimensions,
    )
    books.threads[row_id] = thread
    thread.documents.append(row)
    books.refund_payments.add(row, act.stamp, act.visible_at)
    books.book(
        act,
        item.date,
        item.currency,
        (*against.items(), (account, -item.total)),
        kind="refund_payment",
        document=row_id,
        contact=contact,
        reference=item.reference,
    )
    return row
