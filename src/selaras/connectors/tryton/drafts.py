"""The model → values for Tryton's `create` and `write`, pure once products, taxes and parties are known.

The server runs no on_change on what is created over the wire, so a document says everything: company, currency,
addresses, units, prices and taxes (trytond 8.2, seen).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from selaras.connectors.contract import Rejected
from selaras.connectors.tryton.chart import Books, Chart, Goods, main_rate
from selaras.connectors.tryton.mapping import MARK
from selaras.connectors.tryton.pricing import Precision, priced
from selaras.connectors.tryton.values import Number, Row, quantity
from selaras.connectors.tryton.wire import Wire
from selaras.model.document import ContactDraft, CreditNote, DocumentLine, Invoice, SalesOrder

Document = SalesOrder | Invoice | CreditNote


class Party(msgspec.Struct, frozen=True):
    """What documents need of a contact."""

    id: int
    address_id: int
    receivable_id: int | None


class Makings(msgspec.Struct, frozen=True):
    """What the documents of one write are made from."""

    books: Books
    goods: Mapping[str, Goods]
    roles: Mapping[str, Goods]
    parties: Mapping[str, Party]
    taxes: Mapping[Decimal, str]

    def party(self, contact_id: str) -> Party:
        """The contact of a document. Raises `Rejected`."""
        try:
            return self.parties[contact_id]
        except KeyError:
            raise Rejected(
                f"Tryton has no party {contact_id!r}", code="unknown_contact", field="contact_id",
                cure="Link the buyer to a contact that exists in the books.",
            ) from None  # fmt: skip

    def product(self, line: DocumentLine) -> Goods | None:
        """The product of a line; None for one that Tryton books to its default revenue account. Raises `Rejected`."""
        if line.code:
            found = self.goods.get(line.code)
            if found is None:
                raise Rejected(
                    f"Tryton has no active product with the code {line.code!r}", code="unknown_product",
                    field="lines.code", cure="Match this product with one of the books, or create it in Tryton.",
                )  # fmt: skip
            if not found.salable:
                raise Rejected(
                    f"the product {line.code!r} is not salable in Tryton", code="not_salable", field="lines.code",
                    cure="Tick 'Salable' on the product in Tryton.",
                )  # fmt: skip
            return found
        service = self.roles.get(line.role)
        if service is None and line.role != "sales":
            raise Rejected(
                f"no product of Tryton stands for {line.role}", code="missing_mapping", field=f"lines.{line.role}",
                cure=f"Name a service product of Tryton in the setting 'product_{line.role}'.",
            )  # fmt: skip
        return service


async def makings(wire: Wire, chart: Chart, documents: Sequence[Document]) -> Makings:
    """Read what `documents` need: products that are not known yet, and their parties. Raises `ConnectorError`."""
    books = await chart.books()
    goods = await chart.goods(line.code for document in documents for line in document.lines)
    roles = await chart.role_goods()
    found = await parties(wire, books, {d.contact_id for d in documents})
    return Makings(books, goods, roles, found, chart.taxes)


async def parties(wire: Wire, books: Books, ids: Iterable[str]) -> dict[str, Party]:
    """Parties by their ids; one without an address gets an empty one, which invoices need."""
    numbers = [int(one) for one in ids if one.isdecimal()]
    if not numbers:
        return {}
    rows = await wire.rows("party.party", [["id", "in", numbers]], ["addresses", "account_receivable"])
    homeless = [row["id"] for row in rows if not row["addresses"]]
    made = dict(zip(homeless, await wire.create("party.address", [{"party": p} for p in homeless]), strict=True)) if (
        homeless
    ) else {}  # fmt: skip
    return {
        str(row["id"]): Party(
            row["id"],
            row["addresses"][0] if row["addresses"] else made[row["id"]],
            row["account_receivable"] or books.receivable_id,
        )
        for row in rows
    }


def contact(draft: ContactDraft) -> Row:
    """A party with its ways of being reached. Its reference is an identifier without a type."""
    values: Row = {"name": draft.name, "addresses": [["create", [{}]]]}
    ways = [{"type": kind, "value": value} for kind, value in reached(draft) if value]
    if ways:
        values["contact_mechanisms"] = [["create", ways]]
    if draft.reference:
        values["identifiers"] = [["create", [{"type": None, "code": draft.reference}]]]
    return values


def reached(draft: ContactDraft) -> tuple[tuple[str, str], tuple[str, str]]:
    """(type, value) of e-mail and telephone."""
    return ("email", draft.email), ("mobile", draft.phone)


def lines(document: Document, makings: Makings) -> list[Row]:
    """The lines of a sale. Raises `Rejected` naming the line's product, tax or role."""
    _, precision = makings.books.currency_of(document.currency)
    made: list[Row] = []
    for line in document.lines:
        product = makings.product(line)
        for one in priced(line, document.tax_included, precision, main_rate(makings.books)):
            tax = [makings.books.tax_of(one.rate, makings.taxes, line.tax_code)] if one.rate else []
            made.append(
                {
                    "type": "line",
                    "product": product.id if product is not None else None,
                    "unit": product.unit_id if product is not None else None,
                    "quantity": Number(one.quantity),
                    "unit_price": one.unit_price,
                    "description": line.name or line.code or line.role,
                    "taxes": [["add", tax]] if tax else [],
                }
            )
    return made


def sale(document: SalesOrder | Invoice, makings: Makings, description: str = MARK) -> Row:
    """A sale over the document's lines. Raises `Rejected`."""
    party = makings.party(document.contact_id)
    currency_id, _ = makings.books.currency_of(document.currency)
    values: Row = {
        "reference": document.reference,
        "description": description,
        "company": makings.books.company_id,
        "party": party.id,
        "invoice_address": party.address_id,
        "shipment_address": party.address_id,
        "currency": currency_id,
        "sale_date": document.date,
        "warehouse": warehouse(document) or makings.books.warehouse_id,
        "invoice_method": "order",
        "shipment_method": "order",
        "payment_term": None,
        "quotation_validity": None,
        "lines": [["create", lines(document, makings)]],
    }
    if isinstance(document, SalesOrder):
        values["comment"] = comment(document)
    return values


def warehouse(document: Document) -> int:
    """The warehouse that the mapping names for the goods, 0 when it names none. Raises `Rejected` for several."""
    named = {line.warehouse for line in document.lines if line.warehouse}
    if len(named) > 1:
        raise Rejected(
            "a sale of Tryton leaves one warehouse, and the mapping names several for its goods", code="warehouses",
            field="lines.warehouse", cure="Name one warehouse for all goods of an order in the mapping.",
        )  # fmt: skip
    return int(named.pop()) if named else 0


def accounts_named(document: Invoice | CreditNote, makings: Makings) -> dict[int, int]:
    """Product id (0 = none) → the account that the mapping names for its lines; empty when it names none."""
    found: dict[int, int] = {}
    for line in document.lines:
        if line.account:
            product = makings.product(line)
            found.setdefault(product.id if product is not None else 0, int(line.account))
    return found


def comment(order: SalesOrder) -> str:
    """What people read on the sale: the order's note, and courier and tracking number once it is under way."""
    way = " ".join(part for part in (order.courier, order.tracking) if part)
    return "\n".join(part for part in (order.note, way) if part)


def print_of(rows: Iterable[Row], *, read: bool) -> list[tuple[object, ...]]:
    """What matters of sale lines, comparable between values to write and rows that were read."""
    found: list[tuple[object, ...]] = []
    for row in rows:
        if row.get("type", "line") != "line":
            continue
        product = row.get("product")
        if isinstance(product, dict):
            product = product.get("id")
        if read:
            amount, taxes = quantity(row["quantity"]), [t["id"] if isinstance(t, dict) else t for t in row["taxes"]]
        else:
            amount, taxes = row["quantity"].value, [one for _, ids in row["taxes"] for one in ids]
        found.append((product or 0, amount, row["unit_price"], tuple(sorted(taxes))))
    return sorted(found, key=str)


def credit_lines(
    document: CreditNote, makings: Makings, accounts: Mapping[int, int], fallback: int | None
) -> list[Row]:
    """The lines of a credit note: negative quantities. `accounts` by product id; `fallback` for lines without one."""
    party = makings.party(document.contact_id)
    currency_id, _ = makings.books.currency_of(document.currency)
    made = []
    mapped = accounts_named(document, makings)
    for row in lines(document, makings):
        account = mapped.get(row["product"] or 0) or (accounts.get(row["product"]) if row["product"] else None)
        account = account or fallback or makings.books.revenue_id
        if not account:
            raise Rejected(
                "Tryton has no revenue account for this line", code="missing_account", field="lines",
                cure="Give the product's accounting category a revenue account in Tryton.",
            )  # fmt: skip
        more = {
            "invoice_type": "out",
            "company": makings.books.company_id,
            "currency": currency_id,
            "party": party.id,
            "account": account,
            "quantity": Number(-row["quantity"].value),
        }
        made.append({**row, **more})
    return made


def credit_note(document: CreditNote, makings: Makings, rows: list[Row], account_id: int | None, day: dt.date) -> Row:
    """A customer invoice over negative quantities: Tryton numbers it as a credit note."""
    party = makings.party(document.contact_id)
    currency_id, _ = makings.books.currency_of(document.currency)
    account = int(document.receivable or 0) or account_id or party.receivable_id
    if not account:
        raise Rejected(
            "the party has no receivable account", code="missing_account", field="contact_id",
            cure="Set a default receivable account in Tryton (Financial > Configuration > Configuration).",
        )  # fmt: skip
    return {
        "type": "out",
        "company": makings.books.company_id,
        "party": party.id,
        "invoice_address": party.address_id,
        "currency": currency_id,
        "account": account,
        "journal": makings.books.sales_journal_id,
        "reference": document.reference,
        "comment": document.reason,
        "description": MARK,
        "invoice_date": day,
        "accounting_date": document.date if day != document.date else None,
        "lines": [["create", rows]],
    }


__all__ = [
    "Document", "Makings", "Party", "Precision", "accounts_named", "comment", "contact", "credit_lines", "credit_note",
    "lines", "makings", "parties", "print_of", "reached", "sale", "warehouse",
]  # fmt: skip
