"""Lines of documents: built from an order's lines, piled up, taken away, compared, and reduced to a digest.

Amounts are exact. A line that is only partly taken keeps its unit price; what the price does not explain becomes its
discount, so that quantity × unit price − discount is always its amount.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from selaras.model.document import (
    CreditNote,
    Document,
    DocumentLine,
    Invoice,
    Journal,
    Receipt,
    RefundPayment,
    SalesOrder,
)
from selaras.model.money import ZERO, rounded
from selaras.model.order import Line
from selaras.rules.explain import N_, Sentence
from selaras.rules.plan_types import Policy, stop
from selaras.rules.products import ProductMatch

ONE = Decimal(1)
_UNMATCHED = Sentence(N_("No product of the books is known for: %(codes)s."))
_UNMATCHED_CURE = Sentence(N_("Match these codes under Products, or create the products in the books."))
_ROLE = Sentence(N_("The books have no account for lines of the kind %(roles)s."))
_ROLE_CURE = Sentence(N_("Choose an account for it in the mapping of accounts."))
_NEGATIVE = Sentence(N_("The line %(name)s has the negative price %(price)s, but it is no discount."))
_NEGATIVE_CURE = Sentence(N_("Book it by hand as an adjustment, or correct the line in the store."))


def document_lines(
    lines: Sequence[Line],
    currency: str,
    tax_included: bool,
    codes: Mapping[str, ProductMatch],
    policy: Policy,
    sign: int = 1,
) -> tuple[DocumentLine, ...]:
    """Lines of a document in the books' codes; `sign` -1 turns the lines of a return round.

    Raises `Stop` naming every line without a product, every role without an account, or a negative price.
    """
    made: list[DocumentLine] = []
    missing: list[str] = []
    roles = policy.roles
    unknown_roles: set[str] = set()
    for line in lines:
        kind = line.kind
        quantity, price, discount, tax = line.quantity, line.unit_price, line.discount, line.tax
        if price < 0 and kind != "discount":
            field = f"lines[{line.id}].unit_price"
            raise stop("negative_line", field, _NEGATIVE, _NEGATIVE_CURE, name=line.name or line.code, price=price)
        role = "sales" if kind == "product" else kind
        if role not in roles:
            unknown_roles.add(role)
        amount = rounded(quantity * price - discount, currency)
        if tax and tax_included:
            # Inside the price: information for the tax report, the amount stays whole whatever its fraction.
            tax = rounded(tax, currency)
        if sign < 0:
            quantity, discount, amount, tax = -quantity, -discount, -amount, -tax
        code = ""
        if kind == "product":
            match = codes.get(line.code)
            if match is None or match.how == "unmatched":
                missing.append(line.code or line.name or line.id)
                continue
            code = match.target
            if match.components:
                for part in match.components:
                    made.append(DocumentLine(part.code, line.name, quantity * part.quantity, ZERO, ZERO))
        made.append(DocumentLine(code, line.name, quantity, price, amount, discount, tax, line.tax_rate, role))
    if missing:
        raise stop("unmatched_product", "lines", _UNMATCHED, _UNMATCHED_CURE, codes=", ".join(dict.fromkeys(missing)))
    if unknown_roles:
        raise stop("missing_mapping", "lines", _ROLE, _ROLE_CURE, roles=", ".join(sorted(unknown_roles)))
    return tuple(made)


def lines_total(lines: Iterable[DocumentLine], tax_included: bool) -> Decimal:
    """Σ amounts, and Σ tax where prices do not include it."""
    total = ZERO
    for line in lines:
        total += line.amount
        if not tax_included:
            total += line.tax
    return total


# -- digests -----------------------------------------------------------------------------------------------------


def _n(value: Decimal) -> str:
    return str(value.normalize()) if value else "0"


def lines_print(lines: Iterable[DocumentLine]) -> str:
    """What matters of the lines, in a stable spelling: 10 and 10.00 are the same, names do not count."""
    parts = []
    for line in lines:
        parts.append(
            f"{line.code}|{line.role}|{_n(line.quantity)}|{_n(line.unit_price)}|{_n(line.amount)}|{_n(line.discount)}"
            f"|{_n(line.tax)}|{_n(line.tax_rate)}"
        )
    return ";".join(parts)


def digest_of(document: Document, printed: str | None = None) -> str:
    """Hash of what matters of a document: money, goods, account, tracking; not ids, names, dates or status.

    `printed` is `lines_print(document.lines)` when the caller has it already.
    """
    if isinstance(document, (SalesOrder, Invoice, CreditNote)):
        lines = lines_print(document.lines) if printed is None else printed
        text = f"{document.currency}|{_n(document.total)}|{document.tax_included}|{lines}"
        if isinstance(document, SalesOrder):
            text = f"so|{text}|{document.tracking}|{document.courier}|{document.note}"
        elif isinstance(document, Invoice):
            text = "in|" + text
        else:
            text = f"cn|{text}|{document.restock}"
    elif isinstance(document, Receipt):
        text = f"re|{document.currency}|{_n(document.total)}|{document.account}|{document.bank_transaction_id}"
        text += "".join(f"|{one.role}|{one.account}|{_n(one.amount)}" for one in document.write_offs)
        if document.exchanged is not None:
            text += f"|x|{document.exchanged.currency}|{_n(document.exchanged.amount)}|{document.exchanged.account}"
    elif isinstance(document, RefundPayment):
        text = f"rp|{document.currency}|{_n(document.total)}|{document.account}"
    elif isinstance(document, Journal):
        sides = ";".join(sorted(f"{line.account}|{_n(line.debit - line.credit)}" for line in document.lines))
        text = f"je|{document.currency}|{_n(document.total)}|{document.bank_transaction_id}|{sides}"
    else:
        raise TypeError(f"{type(document).__name__} is not planned from an order")
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


# -- piles -------------------------------------------------------------------------------------------------------

_Key = tuple[str, str, Decimal, Decimal]


class _Entry:
    __slots__ = ("amount", "discount", "name", "quantity", "tax")

    def __init__(self, name: str) -> None:
        self.name = name
        self.quantity = self.amount = self.discount = self.tax = ZERO

    def add(self, line: DocumentLine, sign: int) -> None:
        self.quantity += sign * line.quantity
        self.amount += sign * line.amount
        self.discount += sign * line.discount
        self.tax += sign * line.tax


class Pile:
    """Lines of documents of one currency added up, by code, role, unit price and tax rate."""

    __slots__ = ("_currency", "_entries")

    def __init__(self, currency: str, lines: Iterable[DocumentLine] = ()) -> None:
        self._currency = currency
        self._entries: dict[_Key, _Entry] = {}
        self.add(lines)

    def add(self, lines: Iterable[DocumentLine], sign: int = 1) -> None:
        """Put lines on the pile (or take exactly these lines off, with `sign` -1)."""
        for line in lines:
            self._entry((line.code, line.role, line.unit_price, line.tax_rate), line.name).add(line, sign)

    def _entry(self, key: _Key, name: str) -> _Entry:
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(name)
        return entry

    def _same(self, line: DocumentLine) -> list[_Entry]:
        """Entries with pieces of this line's product (or of its role): its own price first, then the largest."""
        found = [
            (k[2] != line.unit_price, -e.quantity, e)
            for k, e in self._entries.items()
            if k[0] == line.code and k[1] == line.role and e.quantity > 0
        ]
        return [e for _other_price, _pieces, e in sorted(found, key=lambda row: row[:2])]

    def pieces(self, line: DocumentLine) -> Decimal:
        """Pieces of this line's product (or of its role) that lie on the pile."""
        return sum((e.quantity for e in self._same(line)), ZERO)

    def take(self, lines: Iterable[DocumentLine]) -> None:
        """Take lines off, from the same product at the same price if it is there, else at any price.

        Refunds state prices in their own way (net of a discount, for instance); the goods are the same. Money that no
        entry explains stays on the pile as a negative amount.
        """
        for line in lines:
            left, amount, tax, discount = line.quantity, line.amount, line.tax, line.discount
            for entry in self._same(line):
                part = min(left, entry.quantity) if line.code else left
                last = part == left
                # Spread over two prices, an entry gives what it has and the next one the rest.
                money = amount if last else min(amount, entry.amount)
                levy = tax if last else min(tax, entry.tax)
                entry.quantity -= min(part, entry.quantity)
                entry.amount -= money
                entry.tax -= levy
                entry.discount -= discount if last else ZERO
                left, amount, tax = left - part, amount - money, tax - levy
                if not left:
                    break
            if left or amount or tax:
                self._entry((line.code, line.role, line.unit_price, line.tax_rate), line.name).add(
                    DocumentLine(line.code, line.name, left, line.unit_price, amount, ZERO, tax), -1
                )

    def minus(self, other: Pile) -> tuple[tuple[DocumentLine, ...], tuple[DocumentLine, ...]]:
        """(what is here and not there, what is there and not here), both as lines with positive quantities.

        A line whose amount changed at the same quantity is taken off whole and put on whole.
        """
        more: list[DocumentLine] = []
        less: list[DocumentLine] = []
        for key in dict.fromkeys([*self._entries, *other._entries]):
            here = self._entries.get(key) or _Entry("")
            there = other._entries.get(key) or _Entry("")
            pieces = here.quantity - there.quantity
            if pieces:
                difference = _Entry(here.name or there.name)
                sign = 1 if pieces > 0 else -1
                difference.quantity = sign * pieces
                difference.amount = sign * (here.amount - there.amount)
                difference.tax = sign * (here.tax - there.tax)
                difference.discount = sign * (here.discount - there.discount)
                self._write(more if pieces > 0 else less, key, difference)
            elif here.amount != there.amount or here.tax != there.tax:
                self._write(more, key, here)
                self._write(less, key, there)
        return tuple(more), tuple(less)

    def lines(self) -> tuple[DocumentLine, ...]:
        """What lies on the pile, as lines of a document."""
        made: list[DocumentLine] = []
        for key, entry in self._entries.items():
            self._write(made, key, entry)
        return tuple(made)

    def _write(self, lines: list[DocumentLine], key: _Key, entry: _Entry) -> None:
        """Write an entry as one line, or as the goods and a line for the money that their price does not explain."""
        code, role, price, rate = key
        quantity, amount = entry.quantity, entry.amount
        if quantity > 0:
            gross = quantity * price
            discount: Decimal | None = entry.discount
            if rounded(gross - entry.discount, self._currency) != amount:
                discount = gross - amount if 0 <= gross - amount <= gross else None
            if discount is not None:
                lines.append(DocumentLine(code, entry.name, quantity, price, amount, discount, entry.tax, rate, role))
                return
        if code and quantity:
            lines.append(DocumentLine(code, entry.name, quantity, ZERO, ZERO, role=role))
        if amount or entry.tax:
            lines.append(DocumentLine("", entry.name, ONE, amount, amount, ZERO, entry.tax, rate, role))

    def total(self, tax_included: bool) -> Decimal:
        """Σ amounts, and Σ tax where prices do not include it."""
        return sum((e.amount if tax_included else e.amount + e.tax for e in self._entries.values()), ZERO)

    @property
    def empty(self) -> bool:
        """True when nothing lies here, neither pieces nor money."""
        return not any(e.quantity or e.amount or e.tax for e in self._entries.values())
