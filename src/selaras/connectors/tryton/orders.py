"""Sales orders: quotations of Tryton until they are invoiced, so that they can still change and be cancelled.

A quotation holds no stock in Tryton; `shelf` counts ours as promised. Confirming is the first step of the invoice,
because a sale that Tryton has processed can neither be changed nor cancelled any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from selaras.connectors.contract import ConnectorError, Done, Op, Outcome, Rejected, Transient, Write
from selaras.connectors.tryton import drafts
from selaras.connectors.tryton.batch import Batch, Item
from selaras.connectors.tryton.chart import Books, Chart
from selaras.connectors.tryton.contacts import gone
from selaras.connectors.tryton.mapping import status_of
from selaras.connectors.tryton.values import Row
from selaras.connectors.tryton.wire import Wire
from selaras.model.document import SalesOrder

SALE = (
    "reference", "number", "state", "total_amount", "party", "currency", "description", "comment", "shipments.state",
    "invoices.state", "invoices.reference", "invoices.number", "invoices.total_amount",
    "lines.type", "lines.product", "lines.quantity", "lines.unit_price", "lines.taxes",
)  # fmt: skip
_EARLY = frozenset({"draft", "quotation"})
Orders = Batch[SalesOrder]


class Sales:
    """Reads sales and moves them on; shared by orders and invoices."""

    def __init__(self, wire: Wire, patience: float) -> None:
        self.wire = wire
        self.inline = False
        self._patience = patience

    async def read(self, ids: Sequence[int]) -> dict[int, Row]:
        """Sales by id."""
        if not ids:
            return {}
        rows = await self.wire.rows("sale.sale", [["id", "in", list(ids)]], SALE)
        return {row["id"]: row for row in rows}

    async def press(self, button: str, ids: Sequence[int]) -> None:
        """Press a button on sales."""
        await self.wire.press("sale.sale", button, list(ids))

    async def rewrite(self, changes: Sequence[tuple[int, Row, Row]]) -> None:
        """Replace header and lines of draft sales: (id, the sale as it was read, values)."""
        await self.wire.write(
            "sale.sale",
            [
                (
                    [sale_id],
                    {**values, "lines": [["delete", [line["id"] for line in row["lines"]]], *values["lines"]]},
                )
                for sale_id, row, values in changes
            ],
        )

    async def confirm(self, ids: Sequence[int]) -> set[int]:
        """Confirm quotations and let Tryton process them; returns those that it could not process (yet).

        Tryton processes them as one task, after the commit and without a word about how it went: one sale that cannot
        be processed (its product has no account, say) holds up all of them. They are then taken back and confirmed one
        by one.
        """
        await self.press("confirm", ids)
        stuck = await self.unprocessed(ids, fresh=True)
        if not stuck or len(ids) == 1:
            return stuck
        await self.take_back(sorted(stuck))
        for one in sorted(stuck):
            await self.press("confirm", [one])
        return await self.unprocessed(sorted(stuck))

    async def unprocessed(self, ids: Sequence[int], *, fresh: bool = False) -> set[int]:
        """The confirmed sales among these that Tryton has not processed, after waiting for its workers.

        A Tryton without workers does it within the call that confirms; once that was seen, nothing is waited for.
        """
        wait, waited = 0.05, 0.0
        while True:
            rows = await self.wire.rows("sale.sale", [["id", "in", list(ids)]], ["state"])
            stuck = {row["id"] for row in rows if row["state"] == "confirmed"}
            if fresh and len(stuck) < len(rows):
                self.inline = True
            fresh = False
            if not stuck or self.inline or waited >= self._patience:
                return stuck
            await asyncio.sleep(wait)
            waited += wait
            wait = min(2.0, wait * 2)

    async def take_back(self, ids: Sequence[int]) -> None:
        """Make confirmed sales quotations again."""
        await self.press("draft", ids)
        await self.press("quote", ids)

    async def not_processed(self, sale_id: int) -> ConnectorError:
        """Why a sale stays unprocessed. Without workers that is a refusal, and it becomes a quotation again."""
        if not self.inline:
            return Transient("Tryton's workers have not processed the confirmed sale yet", code="not_processed")
        await self.take_back([sale_id])
        return Rejected(
            "Tryton cannot process the confirmed sale", code="not_processed", field="lines",
            cure="Tryton says why under Administration > Scheduler > Errors: mostly a product without an account.",
        )  # fmt: skip


class SalesOrders:
    """Writes sales orders."""

    def __init__(self, wire: Wire, chart: Chart, sales: Sales, budget: float) -> None:
        self._wire = wire
        self._chart = chart
        self._sales = sales
        self._budget = budget

    async def write(self, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Create, change or cancel sales orders."""
        batch = Batch(writes, SalesOrder, self._budget, self._wire.lists)
        flow = {"create": self._create, "update": self._update, "void": self._void}[op]
        return await batch.run(lambda: flow(batch))

    # -- create -----------------------------------------------------------------------------------------------------

    async def _create(self, batch: Orders) -> None:
        makings = await drafts.makings(self._wire, self._chart, [item.document for item in batch.items])

        def prepare(item: Item[SalesOrder]) -> None:
            item.values["sale"] = drafts.sale(item.document, makings)

        async def create(items: list[Item[SalesOrder]]) -> None:
            ids = await self._wire.create("sale.sale", [item.values["sale"] for item in items])
            for item, made in zip(items, ids, strict=True):
                item.id = made

        async def quote(items: list[Item[SalesOrder]]) -> None:
            try:
                await self._sales.press("quote", [item.id for item in items])
            except Rejected:
                if len(items) == 1:  # what is refused leaves nothing behind
                    await self._wire.delete("sale.sale", [items[0].id])
                raise

        ready = batch.check(batch.items, prepare)
        made = await batch.step(ready, create, one_call=True)
        await self._tell(batch, await batch.step(made, quote), makings.books)

    async def _tell(self, batch: Orders, items: Sequence[Item[SalesOrder]], books: Books) -> None:
        """Read back what Tryton holds now."""
        ids = [item.id for item in items]
        rows = await self._wire.rows(
            "sale.sale", [["id", "in", ids]], ["number", "state", "total_amount", "currency", "write_date"]
        )
        there = {row["id"]: row for row in rows}
        for item in items:
            if item.id not in there:
                batch.fail(item, gone("sale", item.id))
                continue
            batch.done(item, done_of(there[item.id], books))

    # -- change and void --------------------------------------------------------------------------------------------

    async def _update(self, batch: Orders) -> None:
        makings = await drafts.makings(self._wire, self._chart, [item.document for item in batch.items])
        rows = await self._sales.read([item.id for item in batch.items])

        def prepare(item: Item[SalesOrder]) -> None:
            row = rows.get(item.id)
            if row is None:
                raise gone("sale", item.id)
            values = drafts.sale(item.document, makings)
            same = _same(row, values) and row["total_amount"] == item.document.total
            if row["state"] not in _EARLY and not same:
                raise _too_late(row)
            item.values.update(row=row, sale=values, comment=same)

        items = batch.check(batch.items, prepare)
        changed = [item for item in items if not item.values["comment"]]

        async def reopen(part: list[Item[SalesOrder]]) -> None:
            quoted = [item.id for item in part if item.values["row"]["state"] == "quotation"]
            await self._sales.press("draft", quoted)

        async def rewrite(part: list[Item[SalesOrder]]) -> None:
            await self._sales.rewrite([(item.id, item.values["row"], item.values["sale"]) for item in part])

        async def quote(part: list[Item[SalesOrder]]) -> None:
            await self._sales.press("quote", [item.id for item in part])

        async def annotate(part: list[Item[SalesOrder]]) -> None:
            await self._annotate(part)

        changed = await batch.step(changed, reopen)
        changed = await batch.step(changed, rewrite)
        await batch.step(changed, quote)
        await batch.step([item for item in batch.open(items) if item.values["comment"]], annotate)
        await self._tell(batch, batch.open(items), makings.books)

    async def _annotate(self, items: list[Item[SalesOrder]]) -> None:
        """Note, courier and tracking number travel on when the sale itself no longer changes."""
        changes = []
        parcels = []
        for item in items:
            text = drafts.comment(item.document)
            row = item.values["row"]
            if text and text != (row["comment"] or ""):
                changes.append(([item.id], {"comment": text}))
            if item.document.tracking:
                ids = [shipment["id"] for shipment in row["shipments"] if shipment["state"] != "cancelled"]
                parcels.append((ids, {"reference": item.document.tracking}))
        await self._wire.write("sale.sale", changes)
        await self._wire.write("stock.shipment.out", [(ids, values) for ids, values in parcels if ids])

    async def _void(self, batch: Orders) -> None:
        books = await self._chart.books()
        rows = await self._sales.read([item.id for item in batch.items])

        def prepare(item: Item[SalesOrder]) -> None:
            row = rows.get(item.id)
            if row is None:
                raise gone("sale", item.id)
            if row["state"] not in {*_EARLY, "cancelled"}:
                raise _too_late(row)

        async def cancel(part: list[Item[SalesOrder]]) -> None:
            await self._sales.press("cancel", [item.id for item in part])

        items = batch.check(batch.items, prepare)
        await batch.step([item for item in items if rows[item.id]["state"] in _EARLY], cancel)
        await self._tell(batch, batch.open(items), books)


def done_of(row: Row, books: Books) -> Done:
    """A sale that stands, as Tryton holds it."""
    return Done(
        str(row["id"]), row["number"] or "", row["total_amount"], books.code_of(row["currency"]), status_of(row)
    )


def _same(row: Row, values: Row) -> bool:
    lines = values["lines"][0][1]
    return drafts.print_of(row["lines"], read=True) == drafts.print_of(lines, read=False)


def _too_late(row: Row) -> ConnectorError:
    return Rejected(
        f"sale {row['number']} is {row['state']} in Tryton and cannot change any more", code="order_invoiced",
        field="status", cure="Credit its invoice, or finish the change in Tryton and skip this posting.",
    )  # fmt: skip
