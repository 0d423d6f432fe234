"""Journal entries of their own: what a person or an application books without a document."""

from __future__ import annotations

from decimal import Decimal

from selaras.sandbox.books import bank as bank_lines
from selaras.sandbox.books.kinds import ZERO, BankTransaction, Journal, JournalLine
from selaras.sandbox.books.refusal import Refused
from selaras.sandbox.books.state import Act, Books
from selaras.sandbox.books.wire import JournalIn, Void


def create(books: Books, item: JournalIn, act: Act) -> Journal:
    """A new entry; every line has one side, the sides are equal. With a bank line it explains the whole of it."""
    books.check_reference(books.journals, item.reference, act)
    books.check_currency(item.currency)
    books.check_open(item.date)
    books.makeup.check_dimensions(item.dimensions)
    lines = [_line(books, line, index, item.currency) for index, line in enumerate(item.lines)]
    difference = sum((line.debit - line.credit for line in lines), ZERO)
    if difference or not lines:
        raise Refused("unbalanced", "lines", f"Debits and credits differ by {abs(difference)} {item.currency}.")
    total = sum((line.debit for line in lines), ZERO)
    if item.total is not None and item.total != total:
        raise Refused(
            "total_mismatch", "total", f"The lines come to {total} {item.currency}, but the total says {item.total}."
        )
    bank = _bank_line(books, item, lines)
    entry = books.keep_entry(
        act,
        item.date,
        item.currency,
        lines,
        reference=item.reference,
        note=item.note,
        bank_transaction_id=item.bank_transaction_id,
        dimensions=item.dimensions,
    )
    if entry is None:
        raise AssertionError("an entry whose sides are all above zero was not made")
    if bank is not None:
        bank_lines.explain(books, bank, bank.amount, act)
    return entry


def _line(books: Books, line: JournalLine, index: int, currency: str) -> JournalLine:
    if not line.account:
        raise Refused("unknown_account", f"lines[{index}].account", f"Line {index + 1} names no account.")
    account = books.makeup.account(line.account, "", currency, f"lines[{index}].account")
    if line.contact_id:
        books.check_contact(line.contact_id)
    if line.debit < 0 or line.credit < 0 or bool(line.debit) == bool(line.credit):
        raise Refused("one_side", f"lines[{index}]", f"Line {index + 1} needs a debit or a credit above zero.")
    books.check_exact(line.debit - line.credit, currency, f"lines[{index}]")
    return JournalLine(account, line.debit, line.credit, line.contact_id, line.note)


def _bank_line(books: Books, item: JournalIn, lines: list[JournalLine]) -> BankTransaction | None:
    if not item.bank_transaction_id:
        return None
    bank = bank_lines.open_line(books, item.bank_transaction_id, item.currency)
    if bank.explained:
        left = bank.amount - bank.explained
        raise Refused(
            "exceeds_bank_transaction", "lines", f"The bank line {bank.id} has {left} left to explain.", id=bank.id
        )
    there: list[Decimal] = [line.debit - line.credit for line in lines if line.account == bank.account]
    if there != [bank.amount]:
        raise Refused(
            "bank_line_mismatch",
            "lines",
            f"One line on {bank.account} must be {bank.amount} {bank.currency}, as the bank line {bank.id} is.",
            id=bank.id,
        )
    return bank


def void(books: Books, item: Void, act: Act) -> Journal:
    """Take an entry back by its reversal; its bank line is free again. Voiding twice is harmless."""
    entry = books.journals.get(item.id)
    if entry is None:
        raise Refused("not_found", "id", f"There is no journal entry {item.id!r}.")
    if entry.status == "void":
        return entry
    if entry.document_kind:
        raise Refused("document_locked", "id", f"{entry.number} was made by a document; void that one.", id=entry.id)
    books.check_open(entry.date)
    books.reverse_entry(entry, "journal", act)
    entry.status = "void"
    books.journals.touch(entry, act.stamp, act.now, act.visible_at)
    bank = books.bank_transactions.get(entry.bank_transaction_id)
    if bank is not None:
        bank_lines.explain(books, bank, -bank.amount, act)
    return entry
