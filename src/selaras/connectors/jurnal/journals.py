"""Journal entries, and how one explains a bank line.

Body: `transaction_date`, `transaction_no`, `custom_id`, `memo`, balanced `transaction_account_lines_attributes` with an
account, a description and a debit or a credit, `tags` (Mekari's swagger 2.0.0, "journal_entries"). A line takes no
contact.

Jurnal's API cannot match an entry with a line of a bank statement. A line of the bank is a deposit here, whose money is
on the bank account already, against the suspense account; so the entry that explains it takes it off there.
"""

from __future__ import annotations

from typing import Any

import msgspec

from selaras.connectors.contract import Rejected
from selaras.connectors.entries import check_entry, line_of_bank
from selaras.connectors.jurnal.chart import Chart
from selaras.connectors.jurnal.reading import Reader
from selaras.connectors.jurnal.values import JOURNAL_ENTRY, custom_id, inner
from selaras.model.document import Journal


async def entry_of(document: Journal, chart: Chart, reader: Reader, suspense: str) -> dict[str, Any]:
    """A journal entry. `suspense` names the account of unknown bank receipts. Raises `Rejected`."""
    what = f"journal {document.reference}"
    check_entry(document, chart.currency)
    if any(line.contact_id for line in document.lines):
        raise Rejected(
            f"{what}: the lines of a journal entry of Jurnal name no contact", code="unknown_contact",
            field="lines.contact_id", cure="Choose an account that is not one of customers in the mapping.",
        )  # fmt: skip
    accounts = [await chart.account(line.account, "lines.account") for line in document.lines]
    if document.bank_transaction_id:
        lines = [
            msgspec.structs.replace(line, account=account.id)
            for line, account in zip(document.lines, accounts, strict=True)
        ]
        place, id = await _waiting(msgspec.structs.replace(document, lines=tuple(lines)), chart, reader, suspense)
        accounts[place] = (await chart.accounts())[id]
    body: dict[str, Any] = {
        "transaction_date": document.date.isoformat(),
        "transaction_no": document.reference,
        "custom_id": custom_id(JOURNAL_ENTRY.mark, document.reference),
        "memo": document.note or document.reference,
        "transaction_account_lines_attributes": [
            {"account_id": int(account.id), "account_name": account.name,
             "description": line.note or document.reference,
             **({"debit": line.debit} if line.debit else {"credit": line.credit})}
            for line, account in zip(document.lines, accounts, strict=True)
        ],
    }  # fmt: skip
    if tags := await chart.tag_names(document.dimensions):
        body["tags"] = tags
    return body


async def _waiting(document: Journal, chart: Chart, reader: Reader, suspense: str) -> tuple[int, str]:
    """(place of the line of the bank, id of the account that it is written on)."""
    if not suspense:
        raise Rejected(
            f"journal {document.reference}: the account of unknown bank receipts is not set", code="missing_setting",
            field="account_suspense", cure="Name the account (account_suspense) in the settings of the connection.",
        )  # fmt: skip
    id = (await chart.account(suspense, "account_suspense")).id
    (seen,) = await reader.read("bank_transaction", [document.bank_transaction_id])
    names = {id}
    if seen.record is not None:
        own = inner(msgspec.json.decode(seen.raw), "deposit_to").get("id")
        names |= {seen.record.account, str(own or id)}
    return line_of_bank(document, seen.record, names), id
