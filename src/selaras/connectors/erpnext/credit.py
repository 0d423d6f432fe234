"""Credit notes: sales invoices with `is_return`, aimed at the rows of the invoice that they credit.

ERPNext's rules (erpnext/controllers/sales_and_purchase_return.py): each row of goods names the row that it takes back,
over no more pieces than are left of it and at no higher rate; stock returns only from an invoice that had moved stock;
the posting time lies behind the invoice's. Money without goods is a charge, or an item without a code.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from selaras.connectors.contract import Op, Outcome, Rejected, Write
from selaras.connectors.erpnext import drafts, lines
from selaras.connectors.erpnext.batch import Batch, Item
from selaras.connectors.erpnext.billing import INVOICE, refuse_or_cancel, tell
from selaras.connectors.erpnext.chart import Chart
from selaras.connectors.erpnext.drafts import Style, gone
from selaras.connectors.erpnext.lines import Shelf
from selaras.connectors.erpnext.values import Row, money, number
from selaras.connectors.erpnext.wire import Wire
from selaras.model.document import CreditNote, DocumentLine
from selaras.model.money import ZERO

_HEAD = (
    "customer", "update_stock", "debit_to", "outstanding_amount", "is_return", "return_against", "posting_date",
)  # fmt: skip
_ROW = (
    "name", "parent", "idx", "item_code", "item_name", "description", "qty", "rate", "uom", "warehouse",
    "income_account", "sales_invoice_item",
)  # fmt: skip


class CreditNotes:
    """Writes credit notes."""

    def __init__(self, wire: Wire, chart: Chart, style: Style, zone: ZoneInfo, clock: Callable[[], float]) -> None:
        self._wire = wire
        self._chart = chart
        self._style = style
        self._zone = zone
        self._clock = clock

    async def write(self, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Create or cancel credit notes."""
        batch: Batch[CreditNote] = Batch(self._wire, writes, CreditNote)
        if op == "create":
            return await batch.run(lambda: self._create(batch))
        return await batch.run(lambda: refuse_or_cancel(batch, self._wire, op, INVOICE))

    async def _create(self, batch: Batch[CreditNote]) -> None:
        documents = [item.document for item in batch.items]
        shelf = await drafts.shelf_of(self._chart, self._style, documents)
        ids = [d.invoice_id for d in documents if d.invoice_id]
        invoices = await drafts.heads(self._wire, INVOICE, ids, *_HEAD)
        left = await self._left(list(invoices))
        today = dt.datetime.fromtimestamp(self._clock(), self._zone).date()

        def prepare(item: Item[CreditNote]) -> None:
            document = item.document
            invoice = invoices.get(document.invoice_id)
            if document.invoice_id and invoice is None:
                raise gone("invoice", document.invoice_id)
            if invoice is not None and (invoice["docstatus"] != 1 or invoice["is_return"]):
                raise Rejected(
                    f"{document.invoice_id} is no invoice that stands in ERPNext", code="wrong_state",
                    field="invoice_id", cure="Submit or restore the invoice in ERPNext, or skip this posting.",
                )  # fmt: skip
            item.values["doc"] = self._doc(document, invoice, left.get(document.invoice_id, []), shelf, today)

        items = batch.check(batch.items, prepare)
        made = await batch.insert(items, lambda item: item.values["doc"])
        await tell(batch, made, self._wire, -1)

    async def _left(self, names: Sequence[str]) -> dict[str, list[Row]]:
        """The rows of invoices with the pieces that no credit note has taken back yet."""
        returns = await self._wire.rows_in(
            INVOICE, ["name", "return_against"], "return_against", names, [["docstatus", "=", 1], ["is_return", "=", 1]]
        )
        parents = [*names, *(row["name"] for row in returns)]
        rows = await self._wire.rows_in(
            "Sales Invoice Item", _ROW, "parent", parents, order="parent asc, idx asc", parent=INVOICE
        )
        taken: dict[str, Decimal] = {}
        for row in rows:
            if row["sales_invoice_item"] and number(row["qty"]) < 0:
                key = row["sales_invoice_item"]
                taken[key] = taken.get(key, ZERO) - number(row["qty"])
        found: dict[str, list[Row]] = {name: [] for name in names}
        for row in rows:
            if row["parent"] in found:
                found[row["parent"]].append({**row, "left": number(row["qty"]) - taken.get(row["name"], ZERO)})
        return found

    def _doc(self, document: CreditNote, invoice: Row | None, rows: list[Row], shelf: Shelf, today: dt.date) -> Row:
        lines.prove(document)
        doc = drafts.header(INVOICE, document, shelf, "posting_date")
        doc |= {"is_return": 1, "remarks": document.reason or None}
        if document.date < today:
            doc["posting_time"] = "23:59:59"  # behind the invoice of the same day
        items: list[Row] = []
        charges: list[Row] = []
        if invoice is None:
            made = lines.rows(document, shelf, free_text=True)
            items = [{**row, "qty": -row["qty"]} for row in made.items]
            taxes = [{**row, "tax_amount": -row["tax_amount"]} for row in made.taxes if "tax_amount" in row]
            if len(taxes) != len(made.taxes):
                taxes = made.taxes
            moves = self._style.stock
        else:
            doc |= {"return_against": invoice["name"], "debit_to": invoice["debit_to"]}
            self._aim(document, rows, items, charges, shelf)
            taxes = [*charges, *lines.tax_rows(shelf, document, -1)]
            moves = bool(invoice["update_stock"])
            # An invoice that is still owed is lowered; else the credit note stands by itself until it is paid back.
            open_ = money(invoice["outstanding_amount"], document.currency)
            doc["update_outstanding_for_self"] = 0 if open_ >= document.total else 1
            if open_ >= document.total:
                invoice["outstanding_amount"] = open_ - document.total
        lines.distinct(items)
        goods = any(row.get("item_code") for row in items)
        doc |= {"update_stock": 1 if document.restock and moves and goods else 0, "items": items, "taxes": taxes}
        return drafts.dimension(doc, document.dimensions, shelf.books, "items")

    def _aim(self, document: CreditNote, rows: list[Row], items: list[Row], charges: list[Row], shelf: Shelf) -> None:
        """Goods onto the rows that they came from; money that no row explains onto an account."""
        loose: list[DocumentLine] = []
        for line in document.lines:
            amount = lines.net_of(line, document.tax_included)
            if line.code and line.quantity > 0:
                rest = take(line, amount, rows, items, lines.step(shelf, document.currency))
                if rest:
                    loose.append(_money(line, rest))
            elif amount:
                loose.append(_money(line, amount))
        if items:
            charges += lines.charge_rows(shelf, loose, False, -1)
            return
        for line in loose:
            # An item without a code: a return without rows of goods is refused else.
            account = _revenue(shelf, line, rows)
            items.append(
                {"item_name": (line.name or "Credit")[:140], "description": line.name or "Credit", "qty": Decimal(-1),
                 "uom": "Nos", "conversion_factor": 1, "rate": line.amount, "income_account": account}
            )  # fmt: skip
        if not items:
            raise Rejected(
                "a credit note over nothing cannot be booked", code="no_item", field="lines",
                cure="Correct the stock in ERPNext by hand, then skip this posting.",
            )  # fmt: skip


def take(line: DocumentLine, amount: Decimal, rows: list[Row], items: list[Row], unit: Decimal) -> Decimal:
    """Take the pieces of a line off the invoice's rows; returns the money that their rates do not cover.

    Raises `Rejected` when the invoice has not so many pieces left.
    """
    pieces = line.quantity
    own = [row for row in rows if row["item_code"] == line.code and row["left"] > 0]
    if sum((row["left"] for row in own), ZERO) < pieces:
        raise Rejected(
            f"the invoice has fewer than {pieces} of {line.code} left to credit", code="exceeds_invoice",
            field="lines.quantity", cure="Compare the credit notes on this invoice with the refunds of the order.",
        )  # fmt: skip
    # First the row at just this price, so that what is credited later finds its own row too.
    own.sort(key=lambda row: (number(row["rate"]) * pieces != amount, -number(row["rate"])))
    for row in own:
        part = min(pieces, row["left"])
        if not part:
            continue
        rate = number(row["rate"])
        most = (part * rate).quantize(unit)
        money_ = min(amount, most) if part < pieces else amount
        covered = min(money_, most)
        for quantity, price in lines.split(part, covered, unit):
            items.append(
                {
                    "item_code": line.code, "item_name": row["item_name"], "description": row["description"],
                    "qty": -quantity, "uom": row["uom"], "conversion_factor": 1, "rate": min(price, rate),
                    "warehouse": row["warehouse"], "income_account": row["income_account"],
                    "sales_invoice_item": row["name"],
                }
                | ({} if price else {"price_list_rate": 0, "discount_percentage": 100})
            )  # fmt: skip
        booked = sum((-r["qty"] * r["rate"] for r in items[-len(lines.split(part, covered, unit)) :]), ZERO)
        amount -= booked
        row["left"] -= part
        pieces -= part
        if not pieces:
            break
    return amount


def _money(line: DocumentLine, amount: Decimal) -> DocumentLine:
    return DocumentLine("", line.name, Decimal(1), amount, amount, role=line.role, account=line.account)


def _revenue(shelf: Shelf, line: DocumentLine, rows: list[Row]) -> str:
    """The account that money without goods is taken off: the mapping's, the setting's, else the invoice's own."""
    if line.account or shelf.roles.get(line.role):
        return lines.role_account(shelf, line)
    own = [row["income_account"] for row in rows if row.get("income_account")]
    return own[0] if own else lines.role_account(shelf, line)
