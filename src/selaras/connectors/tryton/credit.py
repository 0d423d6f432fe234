"""Credit notes: customer invoices over negative quantities, aimed at the invoice they take back, goods back first.

Posting comes last, so that what was cut short is found as a draft under its reference and carried on.
"""

from __future__ import annotations

from collections.abc import Sequence

from selaras.connectors.contract import Op, Outcome, Rejected, Write
from selaras.connectors.tryton import drafts
from selaras.connectors.tryton.batch import Batch, Item
from selaras.connectors.tryton.billing import check_day, dated, done_of, latest_numbers, read_bills
from selaras.connectors.tryton.chart import Books, Chart
from selaras.connectors.tryton.contacts import gone
from selaras.connectors.tryton.ledger import Reconciler
from selaras.connectors.tryton.shipping import BACK, Shipping
from selaras.connectors.tryton.values import Row
from selaras.connectors.tryton.wire import Wire
from selaras.model.document import CreditNote
from selaras.model.money import ZERO

Credits = Batch[CreditNote]
_MOST_POSTS = 20


class CreditNotes:
    """Writes credit notes."""

    def __init__(self, wire: Wire, chart: Chart, shipping: Shipping, reconciler: Reconciler, budget: float) -> None:
        self._wire = wire
        self._chart = chart
        self._shipping = shipping
        self._reconciler = reconciler
        self._budget = budget

    async def write(self, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Create credit notes; like invoices they do not change once they are posted."""
        batch = Batch(writes, CreditNote, self._budget, self._wire.lists)
        if op == "create":
            return await batch.run(lambda: self._create(batch))

        async def refuse() -> None:
            raise Rejected(
                "a posted credit note of Tryton cannot change", code="document_locked", field="status",
                cure="Correct it by a further document in Tryton, then skip this posting.",
            )  # fmt: skip

        return await batch.run(refuse)

    async def _create(self, batch: Credits) -> None:
        documents = [item.document for item in batch.items]
        makings = await drafts.makings(self._wire, self._chart, documents)
        books = await self._chart.on([document.date for document in documents])
        begun = await self._begun(books, [document.reference for document in documents])
        originals = await self._originals([document.invoice_id for document in documents])
        later = await latest_numbers(self._wire, books, [document.date for document in documents], credit=True)
        for item in batch.items:
            there = begun.get(item.document.reference)
            if there is not None and there["state"] in ("posted", "paid"):
                batch.done(item, done_of(there, books, -1))
            elif there is not None:
                item.values["id"] = there["id"]
            await self._accounts(item, batch, makings)

        def prepare(item: Item[CreditNote]) -> None:
            document = item.document
            check_day(books, document.date)
            original = originals.get(document.invoice_id)
            if document.invoice_id and original is None:
                raise gone("invoice", int(document.invoice_id) if document.invoice_id.isdecimal() else 0)
            item.values["original"] = original
            kept = original["lines"] if original is not None else ()
            accounts = {
                **item.values["accounts"],
                **{line["product"]: line["account"] for line in kept if line["product"]},
            }
            fallback = kept[0]["account"] if kept else None
            rows = drafts.credit_lines(document, makings, accounts, fallback)
            for row in rows:
                aim = next((line for line in kept if line["product"] == row["product"]), kept[0] if kept else None)
                row["origin"] = f"account.invoice.line,{aim['id']}" if aim is not None else None
            day = dated(document.reference, document.date, later)["invoice_date"]
            values = drafts.credit_note(document, makings, rows, original["account"] if original else None, day)
            item.values["values"] = {**values, "description": BACK if document.restock else values["description"]}

        async def create(part: list[Item[CreditNote]]) -> None:
            ids = await self._wire.create("account.invoice", [item.values["values"] for item in part])
            for item, made in zip(part, ids, strict=True):
                item.values["id"] = made

        async def back(part: list[Item[CreditNote]]) -> None:
            for item in part:
                await self._goods_back(item, makings)

        async def post(part: list[Item[CreditNote]]) -> None:
            await self._wire.press("account.invoice", "post", [item.values["id"] for item in part])

        items = batch.check(batch.open(), prepare)
        await batch.step([item for item in items if "id" not in item.values], create, one_call=True)
        await batch.step([item for item in batch.open(items) if item.document.restock], back, most=1)
        posted = await batch.step(batch.open(items), post, most=_MOST_POSTS)
        for item in posted:
            await self._against(item)
        rows = await read_bills(self._wire, [item.values["id"] for item in posted])
        for item in posted:
            batch.done(item, done_of(rows[item.values["id"]], books, -1))

    async def _begun(self, books: Books, references: Sequence[str]) -> dict[str, Row]:
        """Credit notes under these references, drafts included."""
        rows = await self._wire.rows(
            "account.invoice",
            [["company", "=", books.company_id], ["type", "=", "out"], ["reference", "in", list(references)],
             ["state", "!=", "cancelled"], ["total_amount", "<", ZERO]],
            ["reference", "number", "state", "total_amount", "currency"],
        )  # fmt: skip
        rows.sort(key=lambda row: row["state"] == "draft")
        found: dict[str, Row] = {}
        for row in rows:
            found.setdefault(row["reference"], row)
        return found

    async def _originals(self, ids: Sequence[str]) -> dict[str, Row]:
        numbers = sorted({int(one) for one in ids if one.isdecimal()})
        if not numbers:
            return {}
        rows = await self._wire.rows(
            "account.invoice",
            [["id", "in", numbers]],
            ["state", "account", "sales", "lines.product", "lines.account", "lines.type"],
        )
        for row in rows:
            row["lines"] = [line for line in row["lines"] if line["type"] == "line"]
        return {str(row["id"]): row for row in rows}

    async def _accounts(self, item: Item[CreditNote], batch: Credits, makings: drafts.Makings) -> None:
        """Revenue accounts of the products, for a credit note without an invoice to take them from."""
        found: dict[int, int] = {}
        if not item.document.invoice_id:
            for line in item.document.lines:
                goods = makings.goods.get(line.code) or makings.roles.get(line.role)
                if goods is not None and goods.id not in found:
                    try:
                        found[goods.id] = await self._chart.revenue_account(makings.books, goods)
                    except Rejected as error:
                        batch.fail(item, error)
        item.values["accounts"] = found

    async def _goods_back(self, item: Item[CreditNote], makings: drafts.Makings) -> None:
        document, original = item.document, item.values["original"]
        party = makings.party(document.contact_id)
        stocked = {
            line.code: makings.goods[line.code].id
            for line in document.lines
            if line.code in makings.goods and makings.goods[line.code].stocked and line.quantity > 0
        }
        if not stocked:
            return
        sales = original["sales"] if original is not None else ()
        if sales:
            await self._shipping.settle(
                makings.books, document.reference, document.date, party, sales[0], stocked.values()
            )
            return
        pieces = dict.fromkeys(stocked.values(), ZERO)
        for line in document.lines:
            if line.code in stocked:
                pieces[stocked[line.code]] += line.quantity
        await self._shipping.return_alone(makings.books, document.reference, document.date, party, pieces)

    async def _against(self, item: Item[CreditNote]) -> None:
        """Set the credit against its invoice where that is still open over just this amount."""
        original = item.values["original"]
        if original is not None and original["state"] == "posted":
            await self._reconciler.even([original["id"], item.values["id"]])
