"""Sales orders: submitted in one call, so that they reserve goods; changed by cancelling and amending."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from selaras.connectors.contract import ConnectorError, Done, Op, Outcome, Rejected, Write
from selaras.connectors.erpnext import chains, drafts, lines
from selaras.connectors.erpnext.batch import Batch, Item
from selaras.connectors.erpnext.chart import Chart
from selaras.connectors.erpnext.drafts import Style, gone
from selaras.connectors.erpnext.errors import taken_by
from selaras.connectors.erpnext.values import Row, money, number
from selaras.connectors.erpnext.wire import Wire
from selaras.model.document import SalesOrder

Orders = Batch[SalesOrder]
_ITEM = ("parent", "item_code", "qty", "rate")
_LEVY = ("parent", "account_head", "tax_amount", "charge_type", "rate")
_CURRENT = ("status", "currency", "grand_total", "rounded_total", "customer", "per_billed", "per_delivered", "po_no")
COMMENT = "Comment"


class SalesOrders:
    """Writes sales orders."""

    def __init__(self, wire: Wire, chart: Chart, style: Style) -> None:
        self._wire = wire
        self._chart = chart
        self._style = style

    async def write(self, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Create, change or cancel orders."""
        batch: Orders = Batch(self._wire, writes, SalesOrder)
        flow = {"create": self._create, "update": self._update, "void": self._void}[op]
        return await batch.run(lambda: flow(batch))

    # -- create -----------------------------------------------------------------------------------------------------

    async def _create(self, batch: Orders) -> None:
        items = await self._prepared(batch, batch.items)
        made = await self._insert(batch, items)
        await self._tell(batch, made)

    async def _prepared(self, batch: Orders, items: Sequence[Item[SalesOrder]]) -> list[Item[SalesOrder]]:
        shelf = await drafts.shelf_of(self._chart, self._style, [item.document for item in items])

        def prepare(item: Item[SalesOrder]) -> None:
            document = item.document
            made = lines.rows(document, shelf, free_text=False)
            doc = drafts.header("Sales Order", document, shelf, "transaction_date")
            doc |= {"order_type": "Sales", "delivery_date": document.date.isoformat()}
            for row in made.items:
                row["delivery_date"] = document.date.isoformat()
            doc |= {"items": made.items, "taxes": made.taxes}
            item.values["doc"] = drafts.dimension(doc, document.dimensions, shelf.books, "items")

        return batch.check(list(items), prepare)

    async def _insert(self, batch: Orders, items: Sequence[Item[SalesOrder]]) -> list[Item[SalesOrder]]:
        """Insert; what ERPNext refuses because the reference is taken is recognised where it is our own document."""
        doubled: list[Item[SalesOrder]] = []

        def taken(item: Item[SalesOrder], error: ConnectorError) -> bool:
            if taken_by(error):
                doubled.append(item)
            return taken_by(error)

        made = await batch.insert(items, lambda item: item.values["doc"], unless=taken)
        if doubled:
            await self._recognise(batch, doubled)
        return made

    async def _recognise(self, batch: Orders, items: Sequence[Item[SalesOrder]]) -> None:
        """An order under our reference is ours if it has our customer and total; a draft of it is submitted."""
        fields = [*drafts.HEAD, "po_no", "customer", "amended_from"]
        rows = await self._wire.rows_in(
            chains.ORDER, fields, "po_no", [item.reference for item in items], [["docstatus", "<", 2]]
        )
        known = await chains.roots(self._wire, [row["name"] for row in rows if row.get("amended_from")])
        for item in items:
            document = item.document
            own = [r for r in rows if r["po_no"] == item.reference and r["customer"] == document.contact_id]
            same = [r for r in own if (drafts.total_of(r), r["currency"]) == (document.total, document.currency)]
            if len(own) == 1 and same:
                (row,) = same
                if row["docstatus"] == 0:
                    row = await self._wire.put(chains.ORDER, row["name"], {"docstatus": 1}, item.reference)
                batch.done(item, drafts.done_of(row, str(known.get(row["name"]) or row["name"])))
                continue
            held = ", ".join(r["name"] for r in own) or "another order"
            batch.fail(item, Rejected(
                f"ERPNext holds the reference {item.reference} already, on {held}", code="duplicate_reference",
                field="reference", cure="Link the order that is there already, or give this one another reference.",
            ))  # fmt: skip

    async def _tell(self, batch: Orders, items: Sequence[Item[SalesOrder]]) -> None:
        found = await drafts.heads(self._wire, chains.ORDER, [item.values["name"] for item in items])
        for item in items:
            row = found.get(item.values["name"])
            if row is None:
                batch.fail(item, gone("sales order", item.values["name"]))
            else:
                batch.done(item, drafts.done_of(row, item.id))

    # -- update -----------------------------------------------------------------------------------------------------

    async def _update(self, batch: Orders) -> None:
        now = await chains.living(self._wire, [item.id for item in batch.items], _CURRENT)

        def there(item: Item[SalesOrder]) -> None:
            if item.id not in now:
                raise gone("sales order", item.id)
            item.values["now"] = now[item.id]

        items = batch.check(batch.items, there)
        if not items:
            return
        items = await self._prepared(batch, items)
        prints = await self._prints([item.values["now"]["name"] for item in items])
        amended: list[Item[SalesOrder]] = []
        for item in items:
            row = item.values["now"]
            same = prints.get(row["name"]) == print_of(item.values["doc"])
            if row["docstatus"] == 1 and same and row["customer"] == item.document.contact_id:
                continue
            amended.append(item)
        kept = [item for item in items if item not in amended]
        amended = await batch.each(amended, self._cancelled)
        made = await self._insert(batch, amended)
        await self._tell(batch, made)
        await self._under_way([*kept, *made])
        for item in kept:
            batch.done(item, drafts.done_of(item.values["now"], item.id))

    async def _cancelled(self, item: Item[SalesOrder]) -> None:
        """Cancel the document that is to be amended, unless an earlier try got that far."""
        row = item.values["now"]
        if row["docstatus"] == 0:
            raise Rejected(
                f"{row['name']} is a draft in ERPNext", code="wrong_state", field="status",
                cure="Submit or delete the draft in ERPNext, then retry.",
            )  # fmt: skip
        if number(row["per_billed"]) or number(row["per_delivered"]):
            raise Rejected(
                f"{row['name']} is billed or delivered in ERPNext", code="order_invoiced", field="status",
                cure="Credit the invoice first; the order itself can no longer change.",
            )  # fmt: skip
        if row["docstatus"] == 1:
            await self._wire.put(chains.ORDER, row["name"], {"docstatus": 2}, item.reference)
            item.touched = True
        item.values["doc"]["amended_from"] = row["name"]

    async def _prints(self, names: Sequence[str]) -> dict[str, object]:
        """What matters of orders, comparable with a document to write."""
        items = await self._wire.rows_in("Sales Order Item", _ITEM, "parent", names, parent=chains.ORDER)
        taxes = await self._wire.rows_in("Sales Taxes and Charges", _LEVY, "parent", names, parent=chains.ORDER)
        made: dict[str, Row] = {name: {"items": [], "taxes": []} for name in names}
        for table, rows in (("items", items), ("taxes", taxes)):
            for row in rows:
                made[row["parent"]][table].append(row)
        return {name: print_of(doc) for name, doc in made.items()}

    async def _under_way(self, items: Sequence[Item[SalesOrder]]) -> None:
        """Courier and tracking number go onto the order's timeline: no field of a submitted order can take them."""
        wanted = {}
        for item in items:
            text = " ".join(part for part in (item.document.courier, item.document.tracking) if part)
            if text:
                wanted[item.values.get("name") or item.values["now"]["name"]] = f"Selaras: {text}"
        if not wanted:
            return
        rows = await self._wire.rows_in(
            COMMENT, ["reference_name", "content"], "reference_name", wanted,
            [["reference_doctype", "=", chains.ORDER], ["comment_type", "=", "Comment"]],
        )  # fmt: skip
        there = {(row["reference_name"], row["content"]) for row in rows}
        fresh = [
            {"doctype": COMMENT, "comment_type": "Comment", "reference_doctype": chains.ORDER, "reference_name": name,
             "content": text}
            for name, text in wanted.items() if (name, text) not in there
        ]  # fmt: skip
        if fresh:
            await self._wire.insert_many(fresh)

    # -- void -------------------------------------------------------------------------------------------------------

    async def _void(self, batch: Orders) -> None:
        now = await chains.living(self._wire, [item.id for item in batch.items], _CURRENT)

        async def cancel(item: Item[SalesOrder]) -> None:
            row = now.get(item.id)
            if row is None:
                raise gone("sales order", item.id)
            if row["docstatus"] == 0:
                raise Rejected(
                    f"{row['name']} is a draft in ERPNext", code="wrong_state", field="status",
                    cure="Delete the draft in ERPNext, then retry.",
                )  # fmt: skip
            if row["docstatus"] == 1:
                row = await self._wire.put(chains.ORDER, row["name"], {"docstatus": 2}, item.reference)
                item.touched = True
            batch.done(item, Done(item.id, row["name"], status="void"))

        await batch.each(batch.items, cancel)


def print_of(doc: Row) -> object:
    """Items and taxes, comparable between a document to write and one that was read."""
    items = sorted((str(r.get("item_code") or ""), number(r["qty"]), number(r["rate"])) for r in doc["items"])
    sums: dict[str, Decimal] = {}
    for row in doc["taxes"]:
        if row["charge_type"] == "Actual":
            sums[row["account_head"]] = sums.get(row["account_head"], Decimal(0)) + number(row["tax_amount"])
        else:
            sums[f"{row['account_head']} %"] = number(row["rate"])
    return items, sorted((account, money(amount, "")) for account, amount in sums.items() if amount)
