"""What people changed in a document after it was written: pictures of a document, and how two of them differ. Pure.

A picture is what matters of a document as short texts by field, so that two readings can be held side by side: number
of pieces, prices, day, buyer, whether it is void. What the books work out by themselves (what was received, who looked
at it) is not part of it. Books say a line in their own way, so a first reading is held against our document only where
both must say the same; each later one is held against the first, word by word.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

import msgspec

from selaras.model.document import CreditNote, Document, DocumentLine, Invoice, Receipt, RefundPayment, SalesOrder
from selaras.model.money import ZERO
from selaras.rules.explain import N_, Sentence
from selaras.rules.plan_types import Plan, problem

Picture = dict[str, str]
Booked = SalesOrder | Invoice | CreditNote | Receipt | RefundPayment

_KEPT = Sentence(
    N_("Order %(number)s changed, but a person changed its %(kind)s in the books, and that version was kept.")
)
_KEPT_CURE = Sentence(
    N_(
        "Change the document in the books by hand and skip this, or let ours be written again: `selaras differences "
        "restore %(number)s`."
    )
)
KEPT = "kept_as_edited"


class FieldChange(msgspec.Struct, frozen=True):
    """One field: what we wrote, and what the books hold; "" where it is not there."""

    field: str
    wrote: str
    books: str


def picture(document: Booked, contact: str = "") -> Picture:
    """What matters of a document. `contact` is the buyer's id in the books where the document only has a symbol."""
    found = {
        "reference": document.reference,
        "date": document.date.isoformat(),
        "currency": document.currency,
        "total": _number(document.total),
        "contact": contact or document.contact_id,
        "state": "void" if document.status == "void" else "",
    }
    if isinstance(document, Receipt) and document.exchanged is not None:
        found["exchanged"] = f"{_number(document.exchanged.amount)} {document.exchanged.currency}"
    for line in getattr(document, "lines", ()):
        name = base = f"lines[{line.code or line.role}]"
        count = 1
        while name in found:
            count += 1
            name = f"{base[:-1]}#{count}]"
        found[name] = _line(line)
    return found


def _line(line: DocumentLine) -> str:
    text = f"{_number(line.quantity)} × {_number(line.unit_price)}"
    if line.discount:
        text += f" - {_number(line.discount)}"
    return text + (f" + {_number(line.tax)}" if line.tax else "") + f" = {_number(line.amount)}"


def _number(value: Decimal) -> str:
    """A number without zeros at its end, never in exponents."""
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def first_changes(ours: Booked, theirs: Booked, contact: str, credited: bool) -> list[FieldChange]:
    """What a first reading says otherwise than what we wrote. `contact`: the buyer's id, "" where it is not known.

    `credited`: credit notes of ours stand against it, so the books may call it void.
    """
    wrote, books = picture(ours, contact), picture(theirs)
    names = ["reference", "date", "currency", "total", *([] if credited else ["state"])]
    if wrote["contact"] and books["contact"] and not wrote["contact"].startswith("@"):
        names.append("contact")
    if not books["reference"]:
        names.remove("reference")  # these books do not tell it for this kind
    names.append("exchanged")
    changes = [FieldChange(n, wrote.get(n, ""), books.get(n, "")) for n in names if wrote.get(n) != books.get(n)]
    ours_by_code, theirs_by_code = _pieces(ours), _pieces(theirs)
    if theirs_by_code:
        # Shipping, fees and discounts bear codes of the books' own: only what we named ourselves must be there.
        for code, mine in sorted(ours_by_code.items()):
            other = theirs_by_code.get(code, ZERO)
            if mine != other:
                changes.append(FieldChange(f"lines[{code}]", _number(mine), _number(other)))
    return changes


def _pieces(document: Booked) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for line in getattr(document, "lines", ()):
        if line.code and line.quantity:
            found[line.code] = found.get(line.code, ZERO) + line.quantity
    return found


def later_changes(before: Mapping[str, str], now: Mapping[str, str], credited: bool) -> list[FieldChange]:
    """What is otherwise than when both sides last agreed."""
    return [
        FieldChange(name, before.get(name, ""), now.get(name, ""))
        for name in dict.fromkeys([*before, *now])
        if before.get(name, "") != now.get(name, "") and not (name == "state" and credited)
    ]


def held_back(number: str, plan: Plan, kept: Collection[str]) -> Plan:
    """The plan, or the problem that it would change a document (by its key) that a person changed and kept."""
    for intent in plan.intents if kept else ():
        aimed = getattr(intent.document, "invoice_id", "") if intent.kind == "credit_note" else ""
        if (intent.key in kept and intent.op != "create") or aimed.removeprefix("@") in kept:
            known = {"number": number, "kind": intent.kind}
            return Plan(problem=problem(KEPT, intent.key, _KEPT, _KEPT_CURE, **known), reasons=plan.reasons)
    return plan


def is_booked(document: Document | None) -> bool:
    """Whether pictures can be made of it."""
    return isinstance(document, SalesOrder | Invoice | CreditNote | Receipt | RefundPayment)
