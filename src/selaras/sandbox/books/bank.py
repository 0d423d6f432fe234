"""Lines of the bank feed, and what of them receipts and journal entries explain."""

from __future__ import annotations

from decimal import Decimal

from selaras.sandbox.books import chart
from selaras.sandbox.books.kinds import BankTransaction
from selaras.sandbox.books.refusal import Refused
from selaras.sandbox.books.state import Act, Books
from selaras.sandbox.books.wire import BankTransactionIn


def add_line(books: Books, item: BankTransactionIn, act: Act) -> BankTransaction:
    """A line of the bank feed; it books nothing until a receipt or an entry explains it."""
    books.check_reference(books.bank_transactions, item.reference, act)
    books.check_currency(item.currency)
    books.check_exact(item.amount, item.currency, "amount")
    if not item.amount:
        raise Refused("invalid", "amount", "A bank line has an amount.")
    account = books.makeup.account_id(item.account) if item.account else chart.BY_ROLE["bank"]
    if not books.makeup.holds_money(account):
        raise Refused("unknown_account", "account", f"There is no bank account {item.account!r}.")
    row_id, _ = books.bank_transactions.new_id()
    row = BankTransaction(
        id=row_id,
        reference=item.reference,
        status="open",
        source=act.source,
        date=item.date,
        amount=item.amount,
        currency=item.currency,
        description=item.description,
        account=account,
    )
    books.bank_transactions.add(row, act.stamp, act.visible_at)
    return row


def open_line(books: Books, row_id: str, currency: str) -> BankTransaction:
    """The bank line that is to be explained. Refuses one that is not there or is explained already."""
    field = "bank_transaction_id"
    bank = books.bank_transactions.get(row_id)
    if bank is None:
        raise Refused("unknown_bank_transaction", field, f"There is no bank line {row_id!r}.")
    if bank.currency != currency:
        raise Refused("currency_mismatch", "currency", f"The bank line {bank.id} is in {bank.currency}.")
    if bank.reconciled:
        raise Refused("already_reconciled", field, f"The bank line {bank.id} is reconciled already.", id=bank.id)
    return bank


def explain(books: Books, bank: BankTransaction, amount: Decimal, act: Act) -> None:
    """Note how much more (or, after a void, less) of a bank line is explained."""
    bank.explained += amount
    bank.reconciled = bank.explained == bank.amount
    books.bank_transactions.touch(bank, act.stamp, act.now, act.visible_at)
