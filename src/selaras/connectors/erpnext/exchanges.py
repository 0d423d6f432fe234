"""Money of another currency than what it pays: a Payment Entry with two amounts, or with the difference deducted.

What an invoice has open is in the currency of its receivable account: the company's, or the invoice's own (erpnext 15,
taxes_and_totals.py, `calculate_outstanding_amount`). In the first case all of a receipt in the company's currency is in
that one, and what lies between open amount and money is a deduction. Where the two accounts differ, the entry has both
amounts and both rates, and ERPNext keeps the difference in a deduction of its own (payment_entry.py,
`set_exchange_gain_loss`; before that the difference must be zero already, `set_difference_amount`).

A Payment Entry does not say what it pays in the currency of an invoice whose receivable is in the company's: that
stands in its remarks.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from selaras.connectors.contract import Rejected
from selaras.connectors.erpnext.chart import Books
from selaras.connectors.erpnext.values import Row, money, number
from selaras.model.document import Exchanged, Receipt
from selaras.model.money import ZERO, rounded

PAID: Final = ("paid_amount", "received_amount", "paid_from_account_currency", "paid_to_account_currency", "remarks")
"""What says how much a Payment Entry received, and what it pays."""
_PAYS: Final = re.compile(r"^Selaras pays (\d+(?:\.\d+)?) ([A-Z]{3})$", re.MULTILINE)
_RATE: Final = Decimal("0.000000001")
_CENT: Final = Decimal("0.01")


def remark(receipt: Receipt) -> str:
    """The line of the remarks that says what is paid, "" where nothing is exchanged."""
    return f"\nSelaras pays {receipt.total} {receipt.currency}" if receipt.exchanged is not None else ""


def paid_of(row: Row, company: str) -> tuple[Decimal, str, Exchanged | None]:
    """(amount, currency) that a Payment Entry of money received pays, and the money where it is of another one."""
    source = row["paid_from_account_currency"] or company
    target = row["paid_to_account_currency"] or company
    told = _PAYS.search(row.get("remarks") or "")
    if told is None and source == target:
        return money(row["paid_amount"], source), source, None
    came = Exchanged(money(row["received_amount"], target), target)
    if told is None:
        return money(row["paid_amount"], source), source, came
    return Decimal(told[1]), told[2], came


def entry(receipt: Receipt, came: Exchanged, account: str, receivable: str, bill: Row | None, books: Books) -> Row:
    """The fields of the Payment Entry that hold its amounts; "allocated" is what the invoice gets. Raises `Rejected`.

    `account` holds the money, `receivable` is what is paid. Without an invoice nothing is allocated.
    """
    own = books.currency
    owed_in = books.accounts[receivable]["account_currency"] or own if receivable in books.accounts else own
    lies_in = books.accounts[account]["account_currency"] or own
    if lies_in != came.currency:
        raise Rejected(
            f"the account {account} is kept in {lies_in}, not in {came.currency}", code="currency_mismatch",
            field="account", cure="Choose the account of ERPNext that this money really lies on.",
        )  # fmt: skip
    if receipt.write_offs:
        raise Rejected(
            "a receipt in two currencies writes nothing off in ERPNext", code="exchanged_write_off", field="write_offs",
            cure="Leave the difference to the exchange, or book it in ERPNext by hand.",
        )  # fmt: skip
    if owed_in == receipt.currency == own:
        return _paid_abroad(receipt, came, bill, books)
    if lies_in != own or owed_in not in (own, receipt.currency):
        raise Rejected(
            f"money in {lies_in} for {receipt.currency} is not exchanged through {own} in ERPNext",
            code="currency_mismatch", field="exchanged",
            cure="Book this receipt in ERPNext by hand, then skip this posting.",
        )  # fmt: skip
    if bill is None:
        raise Rejected(
            f"{came.amount} {came.currency} can pay {receipt.currency} in ERPNext once there is an invoice",
            code="no_invoice", field="invoice_id",
            cure="Bill the order first (selaras pair … --set invoice_at=order), or book it in ERPNext by hand.",
        )  # fmt: skip
    if owed_in == own:
        return _owed_at_home(receipt, came, bill, books)
    return _owed_abroad(receipt, came, bill, books)


def _owed_at_home(receipt: Receipt, came: Exchanged, bill: Row, books: Books) -> Row:
    """The invoice is owed in the company's currency, as the money is: what lies between is a deduction."""
    rate, open_ = _rate(bill), money(bill["outstanding_amount"], books.currency)
    asked = rounded(open_ / rate, receipt.currency)
    allocated = open_ if receipt.total >= asked else min(open_, rounded(receipt.total * rate, books.currency))
    over = max(receipt.total - asked, ZERO)
    more = rounded(came.amount * over / receipt.total, came.currency)
    return {
        "paid_amount": came.amount, "received_amount": came.amount, "source_exchange_rate": 1,
        "target_exchange_rate": 1, "allocated": allocated,
        "deductions": _deduction(receipt, came, allocated + more - came.amount, books, by_erpnext=False),
    }  # fmt: skip


def _owed_abroad(receipt: Receipt, came: Exchanged, bill: Row, books: Books) -> Row:
    """The invoice is owed in its own currency, at its own rate; the money is in the company's."""
    rate, open_ = _rate(bill), money(bill["outstanding_amount"], receipt.currency)
    gap = (receipt.total * rate).quantize(_CENT) - came.amount
    return {
        "paid_amount": receipt.total, "received_amount": came.amount, "source_exchange_rate": rate,
        "target_exchange_rate": 1, "allocated": min(open_, receipt.total),
        "deductions": _deduction(receipt, came, gap, books, by_erpnext=True),
    }  # fmt: skip


def _paid_abroad(receipt: Receipt, came: Exchanged, bill: Row | None, books: Books) -> Row:
    """The invoice is owed in the company's currency, the money is in another: it is worth what it pays."""
    rate = (receipt.total / came.amount).quantize(_RATE)
    gap = receipt.total - (came.amount * rate).quantize(_CENT)
    open_ = money(bill["outstanding_amount"], receipt.currency) if bill is not None else ZERO
    return {
        "paid_amount": receipt.total, "received_amount": came.amount, "source_exchange_rate": 1,
        "target_exchange_rate": rate, "allocated": min(open_, receipt.total),
        "deductions": _deduction(receipt, came, gap, books, by_erpnext=True),
    }  # fmt: skip


def _rate(bill: Row) -> Decimal:
    rate = number(bill["conversion_rate"])
    if rate <= 0:
        raise Rejected(
            f"the invoice {bill['name']} has no exchange rate in ERPNext", code="no_rate", field="invoice_id",
            cure="Look at the invoice in ERPNext, then retry.",
        )  # fmt: skip
    return rate


def _deduction(receipt: Receipt, came: Exchanged, amount: Decimal, books: Books, *, by_erpnext: bool) -> list[Row]:
    """The difference, a loss above zero; `by_erpnext` where ERPNext keeps such a row itself. Raises `Rejected`."""
    if not amount:
        return []
    account = books.account(came.account, "exchanged.account") if came.account else books.exchange_account
    if not account:
        raise Rejected(
            "ERPNext has no account for exchange differences", code="no_exchange_accounts", field="exchanged",
            cure="Set the exchange gain / loss account on the Company in ERPNext, or name one in the mapping "
            "(selaras mapping set … account:exchange=…).",
        )  # fmt: skip
    if not (books.cost_center or dict(receipt.dimensions).get("cost_center")):
        raise Rejected(
            "an exchange difference needs a cost centre in ERPNext", code="missing_field", field="exchanged",
            cure="Set the default cost center on the Company in ERPNext, or choose one in the mapping.",
        )  # fmt: skip
    row: Row = {"account": account, "cost_center": books.cost_center, "amount": amount}
    return [row | {"is_exchange_gain_loss": 1}] if by_erpnext else [row]
