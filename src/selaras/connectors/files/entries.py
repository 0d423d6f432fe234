"""Journal entries and write-offs as columns: what a file for people can say of them, and what is refused before."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from selaras.connectors.contract import Rejected
from selaras.connectors.files.profiles import Profile
from selaras.model.document import Journal, JournalLine, Receipt
from selaras.model.money import ZERO, rounded

# Each role of a write-off has two columns of its own in the receipts.
WRITE_OFFS: Final = ("transfer_fee", "withholding", "rounding")


def write_off_cells(document: Receipt) -> dict[str, str | Decimal]:
    """Amount and account of each write-off, and what the receipt settles in all."""
    cells: dict[str, str | Decimal] = {}
    for one in document.write_offs:
        cells |= {one.role: one.amount, f"{one.role}_account": one.account}
    return cells | {"settled": document.settled}


def entry_cells(line: JournalLine, place: int) -> dict[str, str | Decimal]:
    """One line of an entry."""
    return {
        "line": Decimal(place), "account": line.account, "debit": line.debit, "credit": line.credit,
        "contact_id": line.contact_id, "line_note": line.note,
    }  # fmt: skip


def check_entry(entry: Journal) -> None:
    """Raises `Rejected` for an entry that nobody could book."""
    for place, line in enumerate(entry.lines, 1):
        one_side = bool(line.debit) != bool(line.credit) and min(line.debit, line.credit) >= 0
        if not line.account or not one_side:
            raise _rejected(
                "one_side", "lines", "journal", entry.reference,
                f"line {place} needs an account, and a debit or a credit above zero",
            )  # fmt: skip
        amount = line.debit or line.credit
        if amount != rounded(amount, entry.currency):
            raise _rejected(
                "not_exact", "lines", "journal", entry.reference, f"line {place} has a part of the smallest unit"
            )
    debit = sum((line.debit for line in entry.lines), ZERO)
    credit = sum((line.credit for line in entry.lines), ZERO)
    if not entry.lines or debit != credit:
        raise _rejected(
            "unbalanced", "lines", "journal", entry.reference, f"debits come to {debit} and credits to {credit}"
        )
    if debit != entry.total:
        raise _rejected(
            "total_mismatch", "total", "journal", entry.reference,
            f"its lines come to {debit} and its total says {entry.total}",
        )  # fmt: skip


def check_write_offs(receipt: Receipt, profiles: Sequence[Profile]) -> None:
    """Raises `Rejected` for a write-off that the columns of the file cannot say."""
    roles = [one.role for one in receipt.write_offs]
    if not roles:
        return
    if receipt.settled <= 0:
        raise _rejected("not_positive", "write_offs", "receipt", receipt.reference, "it settles nothing")
    for role in roles:
        if role not in WRITE_OFFS or roles.count(role) > 1:
            raise _rejected(
                "unknown_role", "write_offs", "receipt", receipt.reference,
                f"the file has one column for {', '.join(WRITE_OFFS)} each, and none for this {role}",
                "Book this receipt by hand, then skip it.",
            )  # fmt: skip
    profile = next((p for p in profiles if p.direction == "out" and p.kind == "receipt"), None)
    lost = [role for role in roles if profile is not None and role not in profile.columns]
    if lost:
        raise _rejected(
            "missing_column", "write_offs", "receipt", receipt.reference,
            f"the profile for receipts has no column {', '.join(lost)}, so the file would lose what is written off",
            "Add the column to the profile, or take the profile away, then retry.",
        )  # fmt: skip


def _rejected(code: str, field: str, kind: str, reference: str, why: str, cure: str = "") -> Rejected:
    cure = cure or "Correct the amounts, then retry."
    return Rejected(f"{kind} {reference}: {why}", code=code, field=field, cure=cure)
