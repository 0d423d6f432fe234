"""Our lines as rows of ERPNext whose arithmetic comes out exactly.

ERPNext knows no amount of a line: amount = rate × quantity at the site's precision, tax from a rate over the net total
(erpnext/controllers/taxes_and_totals.py). A store's line has an amount, and a tax that was rounded by the line. So:

* **Goods**: a line whose amount is not a whole multiple of its quantity becomes two rows with neighbouring rates
  (3 pieces for 100 = 2 × 33 + 1 × 34). Rows of one item differ in their description, or ERPNext refuses them.
* **Taxes** (`taxes_by` = amount, the default): a row of type *Actual* for each rate, on the account of its template,
  over exactly the tax of the lines. Prices that include tax are written net of it.
* **Taxes** (`taxes_by` = rate): a row *On Net Total* with the template's rate, `included_in_print_rate` where prices
  include tax. Only where ERPNext's own arithmetic, worked out here beforehand, ends in our total; else by amount.
* **Shipping, fees, discounts, rounding**: rows of type *Actual* on their accounts, for ERPNext refuses negative rates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

import msgspec

from selaras.connectors.contract import Rejected
from selaras.connectors.erpnext.chart import Books, Goods, Tax
from selaras.connectors.erpnext.values import Row
from selaras.model.document import CreditNote, DocumentLine, Invoice, SalesOrder
from selaras.model.money import EXPONENTS, ZERO, rounded

Document = SalesOrder | Invoice | CreditNote


class Shelf(msgspec.Struct, frozen=True):
    """What rows are made from. `decimals` are those that the site keeps in prices."""

    books: Books
    goods: Mapping[str, Goods]
    taxes: Mapping[Decimal, str]
    roles: Mapping[str, str]
    service: str
    warehouse: str
    decimals: int | None
    by_rate: bool


class Rows(msgspec.Struct, frozen=True):
    """The tables of a document. `pieces` are the lines that the items came from, one for each row of items."""

    items: list[Row]
    taxes: list[Row]


def step(shelf: Shelf, currency: str) -> Decimal:
    """The smallest difference between two prices."""
    exponent = EXPONENTS.get(currency, 2)
    return Decimal(1).scaleb(-(exponent if shelf.decimals is None else max(exponent, shelf.decimals)))


def split(quantity: Decimal, amount: Decimal, unit: Decimal) -> list[tuple[Decimal, Decimal]]:
    """(quantity, rate) pairs whose products, each rounded to `unit`, add up to `amount`; rates are multiples of `unit`.

    >>> split(Decimal(3), Decimal(100), Decimal(1))
    [(Decimal('2'), Decimal('33')), (Decimal('1'), Decimal('34'))]
    """
    rate = (amount / quantity).quantize(unit, ROUND_HALF_UP)
    if (rate * quantity).quantize(unit, ROUND_HALF_UP) == amount and (rate * quantity - amount) == 0:
        return [(quantity, rate)]
    whole = quantity.to_integral_value(ROUND_FLOOR)
    if whole != quantity:
        if whole:
            # The pieces at a round rate; the part of a piece takes what is left, and its rate hits any amount.
            rest = quantity - whole
            base = (amount / quantity).quantize(unit, ROUND_FLOOR)
            return [(whole, base), (rest, _hit(rest, amount - whole * base, unit))]
        return [(quantity, _hit(quantity, amount, unit))]
    base = (amount / whole).quantize(unit, ROUND_FLOOR)
    more = ((amount - base * whole) / unit).to_integral_value()
    return [(whole - more, base), (more, base + unit)] if more else [(whole, base)]


def _hit(part: Decimal, amount: Decimal, unit: Decimal) -> Decimal:
    """The rate under which `part` of a piece (less than one) rounds to `amount`."""
    return (amount / part).quantize(unit, ROUND_HALF_UP)


def net_of(line: DocumentLine, included: bool) -> Decimal:
    """The line's amount without tax."""
    return line.amount - line.tax if included else line.amount


def prove(document: Document) -> None:
    """The parts of a document come to its total (promise 4). Raises `Rejected`."""
    parts = sum((line.amount + (ZERO if document.tax_included else line.tax) for line in document.lines), ZERO)
    if parts != document.total:
        raise Rejected(
            f"the lines come to {parts} {document.currency}, the total says {document.total}", code="total_mismatch",
            field="total", cure="Compare lines, tax and total of the order with each other.",
        )  # fmt: skip


def goods_of(shelf: Shelf, line: DocumentLine) -> Goods:
    """The item of a line. Raises `Rejected`."""
    found = shelf.goods.get(line.code)
    if found is None:
        raise Rejected(
            f"ERPNext has no item with the code {line.code!r}", code="unknown_product", field="lines.code",
            cure="Match this product with one of the books, or create it in ERPNext.",
        )  # fmt: skip
    if not found.salable:
        raise Rejected(
            f"the item {line.code!r} cannot be sold in ERPNext", code="not_salable", field="lines.code",
            cure="Enable the item and tick 'Allow Sales'; a template with variants cannot be sold itself.",
        )  # fmt: skip
    return found


def role_account(shelf: Shelf, line: DocumentLine) -> str:
    """The account of a line without a product. Raises `Rejected`."""
    wanted = line.account or shelf.roles.get(line.role, "")
    if not wanted:
        raise Rejected(
            f"no account of ERPNext stands for {line.role}", code="missing_mapping", field=f"lines.{line.role}",
            cure=f"Choose an account for it in the mapping, or in the setting 'account_{line.role}'.",
        )  # fmt: skip
    return shelf.books.account(wanted, f"lines.{line.role}")


def rows(document: Document, shelf: Shelf, *, free_text: bool) -> Rows:
    """Items and taxes of a document. `free_text` permits items without a code (invoices). Raises `Rejected`."""
    prove(document)
    goods = [line for line in document.lines if line.code and (line.quantity or line.amount)]
    other = [line for line in document.lines if not line.code and (line.amount or line.tax)]
    if shelf.by_rate:
        made = _by_rate(document, shelf, goods, other)
        if made is not None:
            return made
    items = [
        row for line in goods for row in item_rows(shelf, line, net_of(line, document.tax_included), document.currency)
    ]
    if not items:
        # A document needs an item: its first line without a product becomes one.
        first = next((line for line in other if net_of(line, document.tax_included) > 0), None)
        if first is None:
            raise Rejected(
                "a document of ERPNext needs an item", code="no_item", field="lines",
                cure="Book it in ERPNext by hand, then link it.",
            )  # fmt: skip
        items = [_service_row(shelf, first, net_of(first, document.tax_included), free_text)]
        charges = charge_rows(shelf, [line for line in other if line is not first], document.tax_included)
    else:
        charges = charge_rows(shelf, other, document.tax_included)
    distinct(items)
    return Rows(items, [*charges, *tax_rows(shelf, document)])


def item_rows(shelf: Shelf, line: DocumentLine, amount: Decimal, currency: str) -> list[Row]:
    """The rows of a line of goods over `amount`. Raises `Rejected`."""
    item = goods_of(shelf, line)
    if line.quantity <= 0 or amount < 0:
        raise Rejected(
            f"the line {line.name!r} has a quantity of {line.quantity} and an amount of {amount}", code="bad_line",
            field="lines.quantity", cure="Split the order in the store into a sale and a return.",
        )  # fmt: skip
    made = []
    for quantity, rate in split(line.quantity, amount, step(shelf, currency)):
        row: Row = {
            "item_code": item.code,
            "item_name": (line.name or item.code)[:140],
            "description": line.name or item.code,
            "qty": quantity,
            "uom": item.unit,
            "conversion_factor": 1,
            "rate": rate,
        }
        if not rate:
            # Without these ERPNext fills a rate of zero from the price list.
            row |= {"price_list_rate": 0, "discount_percentage": 100}
        if item.stocked and (line.warehouse or shelf.warehouse):
            row["warehouse"] = line.warehouse or shelf.warehouse
        if line.account:
            row["income_account"] = shelf.books.account(line.account, "lines.account")
        made.append(row)
    return made


def _service_row(shelf: Shelf, line: DocumentLine, amount: Decimal, free_text: bool) -> Row:
    row: Row = {
        "item_name": (line.name or line.role)[:140],
        "description": line.name or line.role,
        "qty": Decimal(1),
        "conversion_factor": 1,
        "rate": amount,
    }
    if free_text:
        return row | {"uom": "Nos", "income_account": role_account(shelf, line)}
    if not shelf.service:
        raise Rejected(
            "a sales order of ERPNext needs an item, and this one has none", code="missing_mapping", field="lines",
            cure="Name an item that keeps no stock in the setting 'item_service'.",
        )  # fmt: skip
    return row | {"item_code": shelf.service}


def distinct(items: list[Row]) -> None:
    """ERPNext refuses two rows of one item with the same description (`validate_for_duplicate_items`)."""
    seen: dict[tuple[object, object], int] = {}
    for row in items:
        key = (row.get("item_code"), row["description"])
        seen[key] = seen.get(key, 0) + 1
        if seen[key] > 1:
            row["description"] = f"{row['description']} ({seen[key]})"


def charge_rows(shelf: Shelf, lines: Sequence[DocumentLine], included: bool, sign: int = 1) -> list[Row]:
    """Lines without a product as charges on their accounts."""
    made = []
    for line in lines:
        amount = net_of(line, included)
        if amount:
            made.append(_actual(shelf, role_account(shelf, line), line.name or line.role, sign * amount))
    return made


def tax_rows(shelf: Shelf, document: Document, sign: int = 1) -> list[Row]:
    """The tax of the document by rate, exactly as the lines say. Raises `Rejected`.

    A document without tax gets a row over nothing where the company has tax templates: ERPNext would add the default
    template otherwise (`AccountsController.set_taxes`).
    """
    sums: dict[tuple[Decimal, str], Decimal] = {}
    for line in document.lines:
        if line.tax:
            key = (line.tax_rate.normalize(), line.tax_code)
            sums[key] = sums.get(key, ZERO) + line.tax
    made: list[Row] = []
    for (rate, wanted), amount in sums.items():
        tax = _tax(shelf, rate, wanted)
        left = amount
        for place, levy in enumerate(tax.levies):
            last = place == len(tax.levies) - 1
            part = left if last else rounded(amount * levy.rate / tax.rate, document.currency)
            left -= part
            made.append(_actual(shelf, levy.account, levy.description, sign * part))
    if not made and shelf.books.taxes:
        levies = [levy for tax in shelf.books.taxes for levy in tax.levies]
        if levies:
            made.append(_actual(shelf, levies[0].account, levies[0].description, ZERO))
    return made


def _tax(shelf: Shelf, rate: Decimal, wanted: str) -> Tax:
    if not rate and not wanted:
        # Tax that was stated without a rate (an amount refunded over several): the highest rate for sales.
        active = [tax for tax in shelf.books.taxes if tax.active and tax.levies]
        if active:
            return max(active, key=lambda tax: tax.rate)
    found = shelf.books.tax(rate, wanted, shelf.taxes)
    if not found.levies:
        raise Rejected(
            f"the tax template {found.id!r} has no row on the net total", code="unknown_tax", field="lines.tax",
            cure="Give the template a row 'On Net Total' in ERPNext.",
        )  # fmt: skip
    return found


def _actual(shelf: Shelf, account: str, description: str, amount: Decimal) -> Row:
    row: Row = {"charge_type": "Actual", "account_head": account, "description": description, "tax_amount": amount}
    if shelf.books.cost_center:
        row["cost_center"] = shelf.books.cost_center
    return row


def _by_rate(
    document: Document, shelf: Shelf, goods: Sequence[DocumentLine], other: Sequence[DocumentLine]
) -> Rows | None:
    """Taxes by the template's rate, where that ends in our total; None where it does not."""
    rates = {(line.tax_rate.normalize(), line.tax_code) for line in document.lines if line.tax}
    if len(rates) != 1 or not goods or any(not line.tax for line in goods if line.amount):
        return None
    if any(line.tax for line in other):
        return None
    ((rate, wanted),) = rates
    tax = _tax(shelf, rate, wanted)
    if not tax.plain or len(tax.levies) != 1 or tax.rate != rate:
        return None
    items = [row for line in goods for row in item_rows(shelf, line, line.amount, document.currency)]
    charges = charge_rows(shelf, other, document.tax_included)
    unit = Decimal("0.01") if shelf.decimals is None else Decimal(1).scaleb(-shelf.decimals)
    net = sum((row["rate"] * row["qty"] for row in items), ZERO)
    added = sum((row["tax_amount"] for row in charges), ZERO)
    if document.tax_included:
        total = net + added  # ERPNext adjusts the total to the prices, as long as they are 5 units apart at most
    else:
        total = net + added + (net * rate).quantize(unit, ROUND_HALF_UP)
    if total != document.total:
        return None
    distinct(items)
    (levy,) = tax.levies
    row: Row = {
        "charge_type": "On Net Total",
        "account_head": levy.account,
        "description": levy.description,
        "rate": (rate * 100).normalize(),
    }
    if document.tax_included:
        row["included_in_print_rate"] = 1
    if shelf.books.cost_center:
        row["cost_center"] = shelf.books.cost_center
    return Rows(items, [row, *charges])
