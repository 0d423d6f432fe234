"""Lines of our documents as `detailItem` and `detailExpense`, so that Accurate's total is ours to the last rupiah.

How Accurate rounds the tax of a document is not published. With `inclusiveTax` the total is the sum of the lines
whatever the rounding is, so every taxed document is sent with prices that include the tax: the buyer owes exactly what
the store says, and only the split into base and tax is Accurate's. Lines whose tax is stated on top get a gross price
with at most two decimals; what it is too much becomes the line's discount (`itemCashDiscount`, an amount for the whole
line), so that quantity × price − discount is the line's gross amount exactly.

Accurate takes the tax of a line from its item (`useTax1` only switches it on), and knows no tax on `detailExpense`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

import msgspec

from selaras.connectors.accurate.values import DECIMALS
from selaras.connectors.contract import Rejected
from selaras.model.document import DocumentLine
from selaras.model.money import ZERO, from_minor, to_minor

ONE: Final = Decimal(1)
ROLES: Final = ("shipping", "fee", "discount", "rounding", "sales")


class Places(msgspec.Struct, frozen=True):
    """Where lines without a product go: service items and accounts by role, and the warehouse that goods leave from."""

    items: Mapping[str, str] = {}
    accounts: Mapping[str, str] = {}
    warehouse: str = ""


class _Priced:
    """One row of `detailItem` while discounts are still spread over it."""

    __slots__ = ("discount", "item", "name", "price", "quantity", "taxed", "warehouse")

    def __init__(self, item: str, line: DocumentLine, quantity: Decimal, price: Decimal, discount: Decimal) -> None:
        self.item = item
        self.name = line.name
        self.quantity = quantity
        self.price = price
        self.discount = discount
        self.taxed = bool(line.tax)
        self.warehouse = line.warehouse

    @property
    def total(self) -> Decimal:
        return self.quantity * self.price - self.discount


class Rows(msgspec.Struct, frozen=True):
    """The rows of a document, ready to send. `goods` tells whether every row of goods or services is a product."""

    items: list[dict[str, Any]]
    expenses: list[dict[str, Any]]
    taxed: bool
    money_only: bool


def rows_of(
    what: str, lines: Sequence[DocumentLine], currency: str, tax_included: bool, places: Places,
    dimensions: Mapping[str, str] | None = None,
) -> Rows:  # fmt: skip
    """The rows of a document. Raises `Rejected` naming the setting that is missing, and `NotExact`."""
    priced: list[_Priced] = []
    expenses: list[tuple[str, str, Decimal]] = []
    less: list[tuple[DocumentLine, Decimal]] = []
    for line in lines:
        gross = line.amount if tax_included else line.amount + line.tax
        if line.code and line.quantity > 0:
            if gross < 0:
                raise _refused(what, line, "it has a negative amount", "Book it by hand, or correct it in the store.")
            priced.append(_row(line.code, line, line.quantity, gross))
        elif gross < 0:
            if line.account and not line.tax:
                expenses.append((line.account, line.name, gross))
            else:
                less.append((line, gross))
        elif gross > 0:
            _without_product(what, line, gross, places, priced, expenses)
    for line, gross in less:
        _take_off(what, line, -gross, currency, places, priced, expenses)
    if not priced:
        raise Rejected(
            f"{what}: Accurate wants at least one item on a document",
            code="missing_setting",
            field="item_sales",
            cure="Name a service item for sales without a product (item_sales) in the settings of the connection.",
        )
    chosen = dimensions or {}
    return Rows(
        [_sent(row, places, chosen) for row in priced],
        [_charged(*one, chosen) for one in expenses],
        any(row.taxed for row in priced),
        any(not line.code and line.role == "sales" and line.amount > 0 for line in lines),
    )


def _row(item: str, line: DocumentLine, quantity: Decimal, gross: Decimal) -> _Priced:
    """A row whose quantity × price − discount is `gross` exactly."""
    short = max(_decimals(line.unit_price), _decimals(line.discount)) <= DECIMALS
    if short and line.discount >= 0 and quantity * line.unit_price - line.discount == gross:
        return _Priced(item, line, quantity, line.unit_price, line.discount)
    # As many decimals as leave the discount no more than six.
    step = ONE.scaleb(-max(0, min(2, DECIMALS - _decimals(quantity))))
    price = (line.unit_price * (1 + line.tax_rate)).quantize(step, rounding=ROUND_CEILING)
    if price < 0 or quantity * price < gross:
        price = (gross / quantity).quantize(step, rounding=ROUND_CEILING)
    return _Priced(item, line, quantity, price, quantity * price - gross)


def _without_product(
    what: str, line: DocumentLine, gross: Decimal, places: Places, priced: list[_Priced],
    expenses: list[tuple[str, str, Decimal]],
) -> None:  # fmt: skip
    """Shipping, fees and the like: on the account that the mapping names, else as the service item of the role."""
    item, account = places.items.get(line.role, ""), places.accounts.get(line.role, "")
    if not line.tax and (line.account or (account and not item)):
        expenses.append((line.account or account, line.name, gross))
    elif item:
        priced.append(_row(item, msgspec.structs.replace(line, discount=ZERO, unit_price=gross), ONE, gross))
    elif line.tax:
        raise _refused(
            what, line, "it is taxed, and Accurate knows no tax on other costs",
            f"Name a taxed service item for it (item_{line.role}) in the settings of the connection.", line.role,
        )  # fmt: skip
    else:
        raise _refused(
            what, line, "no item and no account is set for lines of this kind",
            f"Set item_{line.role} or account_{line.role} in the settings of the connection, or map the account.",
            line.role,
        )  # fmt: skip


def _take_off(
    what: str, line: DocumentLine, amount: Decimal, currency: str, places: Places, priced: list[_Priced],
    expenses: list[tuple[str, str, Decimal]],
) -> None:  # fmt: skip
    """A discount over the whole document: spread over the rows, which lowers the base of the tax as it must.

    Exactly `amount` is taken off, in whole smallest units, the largest remainders first.
    """
    rows = [row for row in priced if row.taxed] if line.tax else list(priced)
    if sum((row.total for row in rows), ZERO) < amount:
        rows = list(priced)
    whole = sum((row.total for row in rows), ZERO)
    if whole < amount:
        account = places.accounts.get(line.role, "")
        if account and not line.tax:
            expenses.append((account, line.name, -amount))
            return
        raise _refused(
            what, line, "it takes off more than the other lines come to",
            f"Set account_{line.role} in the settings of the connection, or correct the order in the store.", line.role,
        )  # fmt: skip
    units = to_minor(amount, currency)
    shares = [amount * row.total / whole for row in rows]
    parts = [
        min(to_minor_down(share, currency), to_minor_down(r.total, currency))
        for share, r in zip(shares, rows, strict=True)
    ]
    left = units - sum(parts)
    order = sorted(range(len(rows)), key=lambda i: shares[i] - from_minor(parts[i], currency), reverse=True)
    while left > 0:
        before = left
        for index in order:
            room = to_minor_down(rows[index].total, currency) - parts[index]
            if left > 0 and room > 0:
                parts[index] += 1
                left -= 1
        if left == before:
            raise _refused(what, line, "it cannot be spread over the other lines", "Correct the order in the store.")
    for row, part in zip(rows, parts, strict=True):
        row.discount += from_minor(part, currency)


def to_minor_down(amount: Decimal, currency: str) -> int:
    """Whole smallest units in `amount`, what is beyond left out."""
    unit = from_minor(1, currency)
    return int(amount // unit)


def _sent(row: _Priced, places: Places, dimensions: Mapping[str, str]) -> dict[str, Any]:
    sent: dict[str, Any] = {
        "itemNo": row.item,
        "detailName": row.name,
        "quantity": row.quantity,
        "unitPrice": row.price,
        "useTax1": row.taxed,
    }
    if row.discount:
        sent["itemCashDiscount"] = row.discount
    if warehouse := row.warehouse or places.warehouse:
        sent["warehouseName"] = warehouse
    return sent | sorting_of(dimensions)


def _charged(account: str, name: str, amount: Decimal, dimensions: Mapping[str, str]) -> dict[str, Any]:
    return {"accountNo": account, "expenseName": name or account, "expenseAmount": amount} | sorting_of(dimensions)


def sorting_of(chosen: Mapping[str, str]) -> dict[str, Any]:
    """Department and project of a row."""
    names = {"department": "departmentName", "project": "projectNo"}
    return {names[kind]: value for kind, value in chosen.items() if kind in names}


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _refused(what: str, line: DocumentLine, why: str, cure: str, role: str = "") -> Rejected:
    return Rejected(
        f"{what}, line {line.name or line.code or line.role!r}: {why}",
        code="missing_setting" if role else "bad_line",
        field=f"item_{role}" if role else "lines",
        cure=cure,
    )
