"""Sales invoices: submitted in one call, tied to the rows of their order, lowering stock where the settings say so.

A submitted invoice does not change here: an edited order is credited and invoiced anew (`updates` has no invoice).
"""

from __future__ import annotations

from collections.abc import Sequence

from selaras.connectors.batch import D
from selaras.connectors.contract import Done, Op, Outcome, Rejected, Write
from selaras.connectors.erpnext import chains, drafts, lines
from selaras.connectors.erpnext.batch import Batch, Item
from selaras.connectors.erpnext.chart import Chart
from selaras.connectors.erpnext.drafts import Style, gone
from selaras.connectors.erpnext.values import Row, number
from selaras.connectors.erpnext.wire import Wire
from selaras.model.document import Invoice
from selaras.model.money import ZERO

INVOICE = "Sales Invoice"
_ROW = ("name", "parent", "idx", "item_code", "description", "qty", "rate", "amount", "billed_amt", "delivered_qty")
_CLOSE = "erpnext.selling.doctype.sales_order.sales_order.update_status"


class Invoices:
    """Writes customer invoices."""

    def __init__(self, wire: Wire, chart: Chart, style: Style) -> None:
        self._wire = wire
        self._chart = chart
        self._style = style

    async def write(self, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Create or cancel invoices."""
        batch: Batch[Invoice] = Batch(self._wire, writes, Invoice)
        if op == "create":
            return await batch.run(lambda: self._create(batch))
        return await batch.run(lambda: refuse_or_cancel(batch, self._wire, op, INVOICE))

    async def _create(self, batch: Batch[Invoice]) -> None:
        documents = [item.document for item in batch.items]
        shelf = await drafts.shelf_of(self._chart, self._style, documents)
        orders = await chains.living(
            self._wire, dict.fromkeys(d.sales_order_id for d in documents if d.sales_order_id), ["customer", "status"]
        )
        names = [row["name"] for row in orders.values() if row["docstatus"] == 1]
        ordered: dict[str, list[Row]] = {name: [] for name in names}
        for row in await self._wire.rows_in(
            "Sales Order Item", _ROW, "parent", names, order="parent asc, idx asc", parent=chains.ORDER
        ):
            ordered[row["parent"]].append(row)

        def prepare(item: Item[Invoice]) -> None:
            document = item.document
            made = lines.rows(document, shelf, free_text=not self._style.stock or not any(
                line.code for line in document.lines
            ))  # fmt: skip
            doc = drafts.header(INVOICE, document, shelf, "posting_date")
            goods = any(row.get("item_code") for row in made.items)
            doc |= {"update_stock": 1 if self._style.stock and goods else 0, "items": made.items, "taxes": made.taxes}
            if document.sales_order_id:
                order = orders.get(document.sales_order_id)
                if order is None:
                    raise gone("sales order", document.sales_order_id)
                rows = ordered.get(order["name"], [])
                if order["docstatus"] == 1 and order["customer"] == document.contact_id and order["status"] != "Closed":
                    left = tie(made.items, rows, order["name"])
                    item.values["order"] = order["name"] if left and self._style.stock else ""
                    # Deposits of this order, and no other money of the customer, are set against the invoice.
                    doc |= {"allocate_advances_automatically": 1, "only_include_allocated_payments": 1}
            item.values["doc"] = drafts.dimension(doc, document.dimensions, shelf.books, "items")

        items = batch.check(batch.items, prepare)
        made = await batch.insert(items, lambda item: item.values["doc"])
        await tell(batch, made, self._wire)
        for item in made:
            if item.values.get("order"):
                # Its other pieces will never be delivered: closed, the order no longer reserves them.
                await self._wire.call(_CLOSE, {"status": "Closed", "name": item.values["order"]}, item.reference)


def tie(items: list[Row], rows: list[Row], order: str) -> bool:
    """Tie invoice rows to the order's rows that are not billed yet. True when some of the order stays behind.

    Rows that do not fit are not tied: ERPNext refuses to bill more than was ordered.
    """
    free = [row for row in rows if number(row["billed_amt"]) == ZERO]
    tied = 0
    for item in items:
        if not item.get("item_code"):
            continue
        match = next((row for row in free if _same(row, item)), None)
        if match is not None:
            free.remove(match)
            tied += 1
            item |= {"sales_order": order, "so_detail": match["name"]}
    return bool(free) and bool(tied)


def _same(row: Row, item: Row) -> bool:
    if row["item_code"] != item["item_code"]:
        return False
    return number(row["qty"]) == item["qty"] and number(row["rate"]) == number(item["rate"])


async def tell(batch: Batch[D], items: Sequence[Item[D]], wire: Wire, sign: int = 1) -> None:
    """Read what was inserted and say what ERPNext holds: its total, not ours."""
    found = await drafts.heads(wire, INVOICE, [item.values["name"] for item in items])
    for item in items:
        row = found.get(item.values["name"])
        outcome: Done | None = drafts.done_of(row, sign=sign) if row is not None else None
        if outcome is None:
            batch.fail(item, gone("invoice", item.values["name"]))
        else:
            batch.done(item, outcome)


async def refuse_or_cancel(batch: Batch[D], wire: Wire, op: Op, doctype: str) -> None:
    """A submitted document of ERPNext can be cancelled, not changed."""
    if op == "update":
        raise Rejected(
            "a submitted document of ERPNext cannot change", code="document_locked", field="status",
            cure="Let edits be credited and issued anew (policy on_edit = reverse), or credit it in ERPNext.",
        )  # fmt: skip
    rows = await wire.rows_in(doctype, ["name", "docstatus"], "name", [item.id for item in batch.items])
    held = {row["name"]: row["docstatus"] for row in rows}
    for item in batch.items:
        try:
            if item.id not in held:
                raise gone("document", item.id)
            if held[item.id] == 1:
                await wire.put(doctype, item.id, {"docstatus": 2}, item.reference)
                item.touched = True
        except Rejected as error:
            batch.fail(item, error)
        else:
            batch.done(item, Done(item.id, item.id, status="void"))


__all__ = ["INVOICE", "Invoices", "refuse_or_cancel", "tell", "tie"]
