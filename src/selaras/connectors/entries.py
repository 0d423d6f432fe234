"""Journal entries that we write: what every set of books asks of one, checked before it is sent."""

from __future__ import annotations

from collections.abc import Collection

from selaras.connectors.contract import Rejected
from selaras.model.document import BankTransaction, Journal, Receipt
from selaras.model.money import ZERO

_AGAIN = "Plan the payout again; if it stays, book the entry by hand and link it."
_LINE = "Undo what explains this bank line, or book the entry by hand and link it."


def check_entry(entry: Journal, currency: str) -> None:
    """Raise `Rejected` unless the entry balances, comes to its total and is in the books' own `currency`."""
    what = f"journal {entry.reference}"
    for line in entry.lines:
        if not line.account:
            raise Rejected(f"{what}: a line has no account", code="missing_setting", field="lines.account", cure=_AGAIN)
        if min(line.debit, line.credit) != ZERO or max(line.debit, line.credit) <= ZERO:
            message = f"{what}: the line on {line.account} is not one of debit or credit"
            raise Rejected(message, code="bad_line", field="lines", cure=_AGAIN)
    debit = sum((line.debit for line in entry.lines), ZERO)
    credit = sum((line.credit for line in entry.lines), ZERO)
    if debit != credit or debit != entry.total or debit <= ZERO:
        message = f"{what}: debit {debit} and credit {credit} do not come to {entry.total}"
        raise Rejected(message, code="unbalanced", field="lines", cure=_AGAIN)
    if entry.currency != currency:
        raise Rejected(
            f"{what} is in {entry.currency}, and this connection writes entries in {currency}",
            code="unknown_currency",
            field="currency",
            cure="Book it by hand, then link it.",
        )


def line_of_bank(entry: Journal, transaction: BankTransaction | None, accounts: Collection[str]) -> int:
    """The place of the line that lies on the bank line which the entry explains.

    `accounts` are the names under which the account of that bank line may stand in the entry. Raises `Rejected` when
    the bank line is gone or explained, or when not exactly one line has its amount there.
    """
    what, id = f"journal {entry.reference}", entry.bank_transaction_id
    if transaction is None:
        message = f"{what}: there is no bank line {id}"
        raise Rejected(message, code="not_found", field="bank_transaction_id", cure=_LINE)
    if transaction.reconciled:
        message = f"{what}: the bank line {id} is explained already"
        raise Rejected(message, code="explained", field="bank_transaction_id", cure=_LINE)
    if transaction.currency != entry.currency:
        message = f"{what}: the bank line {id} is in {transaction.currency}, not in {entry.currency}"
        raise Rejected(message, code="unknown_currency", field="currency", cure=_LINE)
    places = [
        place
        for place, line in enumerate(entry.lines)
        if line.account in accounts and line.debit - line.credit == transaction.amount
    ]
    if len(places) != 1:
        message = f"{what}: not exactly one line has the {transaction.amount} of the bank line {id} on its account"
        raise Rejected(message, code="bank_line_differs", field="lines", cure=_AGAIN)
    return places[0]


def no_write_offs(receipt: Receipt) -> None:
    """Raise `Rejected` for a receipt that settles more or less than its money, where the books cannot say that."""
    if receipt.write_offs:
        raise Rejected(
            f"receipt {receipt.reference}: these books cannot write off a difference with a receipt",
            code="unsupported",
            field="write_offs",
            cure="Match the money without writing anything off, and book the difference by hand.",
        )


def no_exchange(receipt: Receipt) -> None:
    """Raise `Rejected` for a receipt whose money is of another currency, where the books cannot say that."""
    if receipt.exchanged is not None:
        money, currency = receipt.money
        raise Rejected(
            f"receipt {receipt.reference}: {money} {currency} came, and these books cannot exchange them into "
            f"{receipt.currency}",
            code="unsupported",
            field="exchanged",
            cure="Book this receipt and its exchange by hand, then skip this posting.",
        )
