"""Bank Transactions and the vouchers (Payment Entries, Journal Entries) that explain them.

A voucher is set against a line by `reconcile_vouchers` in a call of its own; several vouchers may share a line, each
for its own amount (erpnext 15, bank_transaction.py, `allocate_payment_entries`). Which line it is stands in the
voucher's remarks, so that one whose second call was lost is not taken for finished. When a voucher is cancelled ERPNext
takes it off its lines (`remove_from_bank_transaction`, called by `AccountsController.on_cancel`); versions before that
refuse to cancel what a line names, so there the line lets go first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from selaras.connectors.contract import Done, Rejected
from selaras.connectors.erpnext.batch import Batch, Item
from selaras.connectors.erpnext.drafts import gone
from selaras.connectors.erpnext.values import Row, dumps
from selaras.connectors.erpnext.wire import Wire

PAYMENT: Final = "Payment Entry"
JOURNAL: Final = "Journal Entry"
BANK_LINE: Final = "Bank Transaction"
_ROWS: Final = "Bank Transaction Payments"
_RECONCILE: Final = (
    "erpnext.accounts.doctype.bank_reconciliation_tool.bank_reconciliation_tool.reconcile_vouchers"
)  # fmt: skip
_MARK: Final = re.compile(r"^Selaras: .*\(Bank Transaction (\S+)\)$", re.MULTILINE)

D = TypeVar("D")


def remark(reference: str, line: str) -> str:
    """What stands in the remarks: our name, and the bank line that is to be explained."""
    return f"Selaras: {reference}" + (f" (Bank Transaction {line})" if line else "")


def marked(text: str | None) -> str:
    """The bank line that a voucher of ours explains, by its remarks; "" for all others."""
    found = _MARK.search(text or "")
    return found[1] if found else ""


async def reconcile(wire: Wire, line: str, doctype: str, name: str, amount: Any, what: str) -> None:
    """Set a voucher against a line."""
    vouchers = [{"payment_doctype": doctype, "payment_name": name, "amount": amount}]
    await wire.call(_RECONCILE, {"bank_transaction_name": line, "vouchers": dumps(vouchers).decode()}, what)


async def read(wire: Wire, names: Iterable[str]) -> dict[str, Row]:
    """Bank lines by name, as they stand."""
    fields = ["name", "docstatus", "deposit", "withdrawal", "currency", "bank_account", "unallocated_amount"]
    return {row["name"]: row for row in await wire.rows_in(BANK_LINE, fields, "name", names)}


def standing(lines: Mapping[str, Row], name: str) -> Row:
    """The line of this name. Raises `Rejected` when it is gone."""
    line = lines.get(name)
    if line is None or line["docstatus"] != 1:
        raise Rejected(
            f"ERPNext has no bank line {name!r}", code="unknown_bank_transaction", field="bank_transaction_id",
            cure="It is gone from ERPNext: choose another bank line, or skip this posting.",
        )  # fmt: skip
    return line


async def linked(wire: Wire, lines: Iterable[str], doctype: str) -> set[str]:
    """The vouchers of a doctype that these lines are set against."""
    rows = await wire.rows_in(
        _ROWS, ["parent", "payment_document", "payment_entry"], "parent", lines, parent=BANK_LINE
    )  # fmt: skip
    return {row["payment_entry"] for row in rows if row["payment_document"] == doctype}


async def holders(wire: Wire, names: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    """(doctype, voucher) → the lines that are set against it."""
    rows = await wire.rows_in(
        _ROWS, ["parent", "payment_document", "payment_entry", "docstatus"], "payment_entry", names, parent=BANK_LINE
    )
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row["docstatus"] == 1:
            found.setdefault((row["payment_document"], row["payment_entry"]), []).append(row["parent"])
    return found


async def cancel(batch: Batch[D], wire: Wire, there: Mapping[str, tuple[str, Row]]) -> None:
    """Cancel vouchers by name (`there`: name → doctype and row) and see that their bank lines are free again."""
    held = await holders(wire, there)

    async def one(item: Item[D]) -> None:
        doctype, row = there.get(item.id, ("", {}))
        if not doctype:
            raise gone("payment or journal entry", item.id)
        lines = held.get((doctype, item.id), [])
        if row["docstatus"] == 1:
            try:
                await wire.put(doctype, item.id, {"docstatus": 2}, item.reference)
            except Rejected as error:
                if error.code != "document_locked" or not lines:
                    raise
                for line in lines:
                    await release(wire, line, doctype, item.id)
                item.touched = True
                await wire.put(doctype, item.id, {"docstatus": 2}, item.reference)
            item.touched = True

    done = await batch.each(batch.items, one)
    left = await holders(wire, [item.id for item in done]) if held else {}

    async def free(item: Item[D]) -> None:
        doctype, _ = there[item.id]
        for line in left.get((doctype, item.id), ()):
            await release(wire, line, doctype, item.id)
        batch.done(item, Done(item.id, item.id, status="void"))

    await batch.each(done, free)


async def release(wire: Wire, line: str, doctype: str, name: str) -> None:
    """Take a voucher off a line; the others keep their share."""
    doc = await wire.get(BANK_LINE, line)
    if doc is None:
        return
    rows = doc.get("payment_entries") or []
    kept = [row for row in rows if (row["payment_document"], row["payment_entry"]) != (doctype, name)]
    if len(kept) != len(rows):
        await wire.put(BANK_LINE, line, {"payment_entries": kept}, name)


__all__ = [
    "BANK_LINE", "JOURNAL", "PAYMENT", "cancel", "holders", "linked", "marked", "read", "reconcile", "release",
    "remark", "standing",
]  # fmt: skip
