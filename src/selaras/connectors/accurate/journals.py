"""Journal vouchers, and how one explains a bank line.

Field names: the vendor's API documentation (`transDate`, `detailJournalVoucher` with `accountNo`, `amount` and
`amountType`), public code of integrators (`customerNo` with `subsidiaryType` on lines of receivable accounts,
`departmentName`, `projectNo`). A voucher has no currency of its own.

Accurate's API cannot match a voucher with a bank line. A line of the bank is an `other-deposit` here, whose money is in
the bank already, against the clearing account; so the entry that explains it takes it off there: the side that lies on
the bank is written on the clearing account, as the receipts of bank lines are.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from selaras.connectors.accurate.drafts import Choices, branch_of, described, dimensions_of, needed
from selaras.connectors.accurate.lines import sorting_of
from selaras.connectors.accurate.reading import Reader
from selaras.connectors.accurate.values import day_text
from selaras.connectors.entries import check_entry, line_of_bank
from selaras.model.document import Journal

_TEXT: Final = 255
"""Signs of a description that integrators found to be kept."""


def voucher_of(entry: Journal, choices: Choices) -> dict[str, Any]:
    """A journal voucher. Raises `Rejected` for an entry that does not balance."""
    check_entry(entry, choices.currency)
    chosen = dimensions_of(f"journal {entry.reference}", entry.dimensions)
    rows: list[dict[str, Any]] = []
    for line in entry.lines:
        row: dict[str, Any] = {
            "accountNo": line.account,
            "amount": line.debit or line.credit,
            "amountType": "DEBIT" if line.debit else "CREDIT",
        }
        if line.contact_id:
            row |= {"customerNo": line.contact_id, "subsidiaryType": "CUSTOMER"}
        rows.append(row | sorting_of(chosen))
    return {
        "number": entry.reference,
        "transDate": day_text(entry.date),
        "description": described(entry.note or entry.reference)[:_TEXT],
        "detailJournalVoucher": rows,
    } | branch_of(chosen, choices)


async def through_clearing(entry: Journal, reader: Reader, choices: Choices) -> Journal:
    """The entry with the side of its bank line on the clearing account. Raises `Rejected`, and what reading raises."""
    if not entry.bank_transaction_id:
        return entry
    what = f"journal {entry.reference}"
    clearing = needed(what, choices.clearing, "account_clearing", "the account that unexplained deposits lie on")
    (seen,) = await reader.read("bank_transaction", [entry.bank_transaction_id])
    names = {clearing} if seen.record is None else {clearing, seen.record.account}
    place = line_of_bank(entry, seen.record, names)
    lines = list(entry.lines)
    lines[place] = msgspec.structs.replace(lines[place], account=clearing)
    return msgspec.structs.replace(entry, lines=tuple(lines))
