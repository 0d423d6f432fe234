"""Invoices: the sale is confirmed, Tryton makes its invoice, and that gets our reference and date and is posted.

Posting is the last step and the one that makes the document findable: whatever was cut short before it is found by its
sale and carried on. An invoice that its sale cannot give any more (a second one after an edit) gets a sale of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from selaras.connectors.contract import Done, LockedPeriod, Op, Outcome, Rejected, Write
from selaras.connectors.tryton import drafts
from selaras.connectors.tryton.batch import Batch, Item
from selaras.connectors.tryton.chart import Books, Chart
from selaras.connectors.tryton.contacts import gone
from selaras.connectors.tryton.errors import CLOSED_CURE
from selaras.connectors.tryton.ledger import Reconciler
from selaras.connectors.tryton.mapping import EXTRA, status_of
from selaras.connectors.tryton.orders import Sales
from selaras.connectors.tryton.shipping import Shipping
from selaras.connectors.tryton.values import Row
from selaras.connectors.tryton.wire import Wire
from selaras.model.document import Invoice
from selaras.model.money import ZERO

Bills = Batch[Invoice]
_POSTED = frozenset({"posted", "paid"})
_MOST_POSTS = 20
_MOST_CONFIRMS = 50


class Invoices:
    """Writes customer invoices. `ship` carries the goods out with the invoice."""

    def __init__(
        self,
        wire: Wire,
        chart: Chart,
        sales: Sales,
        shipping: Shipping,
        reconciler: Reconciler,
        budget: float,
        *,
        ship: bool,
    ) -> None:
        self._wire = wire
        self._chart = chart
        self._sales = sales
        self._shipping = shipping
        self._reconciler = reconciler
        self._budget = budget
        self._ship = ship

    async def write(self, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Create invoices. A posted invoice of Tryton neither changes nor vanishes: it is credited."""
        batch = Batch(writes, Invoice, self._budget, self._wire.lists)
        if op == "create":
            return await batch.run(lambda: self._create(batch))

        async def refuse() -> None:
            raise Rejected(
                "a posted invoice of Tryton cannot change", code="document_locked", field="status",
                cure="Let edits be credited and issued anew (policy on_edit = reverse), or credit it in Tryton.",
            )  # fmt: skip

        return await batch.run(refuse)

    async def _create(self, batch: Bills) -> None:
        makings = await drafts.makings(self._wire, self._chart, [item.document for item in batch.items])
        books = await self._chart.on([item.document.date for item in batch.items])
        rows = await self._sales.read([_order_id(item.document) for item in batch.items])
        extras = await self._extras(books, batch.items, rows)

        def prepare(item: Item[Invoice]) -> None:
            check_day(books, item.document.date)
            item.values["sale"] = drafts.sale(item.document, makings, EXTRA)
            row = _own(item.document, rows) or extras.get(item.document.reference)
            if _order_id(item.document) and _order_id(item.document) not in rows:
                raise gone("sale", _order_id(item.document))
            item.values["row"] = row

        items = batch.check(batch.items, prepare)
        for item in items:
            ready = _posted(item)
            if ready is not None:  # finished by an earlier try
                batch.done(item, done_of(ready, books))
        items = batch.open(items)
        items = await self._with_sale(batch, items)
        items = await self._as_billed(batch, items)
        items = await self._confirmed(batch, items)
        await self._post(batch, items, books)

    # -- the sale behind it -----------------------------------------------------------------------------------------

    async def _extras(self, books: Books, items: Sequence[Item[Invoice]], rows: dict[int, Row]) -> dict[str, Row]:
        """Sales that an earlier try made for invoices of their own."""
        wanted = [item.document.reference for item in items if _own(item.document, rows) is None]
        if not wanted:
            return {}
        found = await self._wire.rows(
            "sale.sale",
            [["company", "=", books.company_id], ["reference", "in", wanted], ["description", "=", EXTRA],
             ["state", "!=", "cancelled"]],
            ["reference"],
        )  # fmt: skip
        there = await self._sales.read([row["id"] for row in found])
        return {row["reference"]: row for row in there.values()}

    async def _with_sale(self, batch: Bills, items: list[Item[Invoice]]) -> list[Item[Invoice]]:
        """Make the sales that are missing."""
        missing = [item for item in items if item.values["row"] is None]

        async def create(part: list[Item[Invoice]]) -> None:
            ids = await self._wire.create("sale.sale", [item.values["sale"] for item in part])
            for item, made in zip(part, ids, strict=True):
                item.values["made"] = made

        made = await batch.step(missing, create, one_call=True)
        there = await self._sales.read([item.values["made"] for item in made])
        for item in made:
            item.values["row"] = there[item.values["made"]]
        return batch.open(items)

    async def _as_billed(self, batch: Bills, items: list[Item[Invoice]]) -> list[Item[Invoice]]:
        """Give a sale that can still change the lines of its invoice, where they differ."""

        def different(item: Item[Invoice]) -> None:
            row, lines = item.values["row"], item.values["sale"]["lines"][0][1]
            same = drafts.print_of(row["lines"], read=True) == drafts.print_of(lines, read=False)
            item.values["rewrite"] = not same
            if not same and row["state"] not in ("draft", "quotation", "confirmed"):
                raise Rejected(
                    f"sale {row['number']} is {row['state']} in Tryton with other lines than the invoice",
                    code="order_differs", field="lines",
                    cure="Compare the sale with the order; post its invoice by hand and link it, or credit it.",
                )  # fmt: skip

        items = batch.check(items, different)

        async def reopen(part: list[Item[Invoice]]) -> None:
            ids = [item.values["row"]["id"] for item in part if item.values["row"]["state"] != "draft"]
            await self._sales.press("draft", ids)

        async def rewrite(part: list[Item[Invoice]]) -> None:
            kept = [(item.values["row"], {"lines": item.values["sale"]["lines"]}) for item in part]
            await self._sales.rewrite([(row["id"], row, values) for row, values in kept])
            for item in part:
                item.values["row"]["state"] = "draft"

        changed = await batch.step([item for item in items if item.values["rewrite"]], reopen)
        await batch.step(changed, rewrite)
        return batch.open(items)

    async def _confirmed(self, batch: Bills, items: list[Item[Invoice]]) -> list[Item[Invoice]]:
        """Quote and confirm what is not yet, and wait until Tryton has made the invoices."""

        async def quote(part: list[Item[Invoice]]) -> None:
            await self._sales.press("quote", [item.values["row"]["id"] for item in part])
            for item in part:
                item.values["row"]["state"] = "quotation"

        async def confirm(part: list[Item[Invoice]]) -> None:
            stuck = await self._sales.confirm([item.values["row"]["id"] for item in part])
            for item in part:
                item.values["row"]["state"] = "confirmed" if item.values["row"]["id"] in stuck else "processing"

        def state(*wanted: str) -> list[Item[Invoice]]:
            return [item for item in batch.open(items) if item.values["row"]["state"] in wanted]

        early = state("confirmed")  # by an earlier try
        await batch.step(state("draft"), quote)
        await batch.step(state("quotation"), confirm, most=_MOST_CONFIRMS)
        stuck = await self._sales.unprocessed([item.values["row"]["id"] for item in early]) if early else set()
        for item in state("confirmed"):
            if item not in early or item.values["row"]["id"] in stuck:
                error = await self._sales.not_processed(item.values["row"]["id"])
                batch.fail(item, error)
        fresh = batch.open(items)
        rows = await self._sales.read([item.values["row"]["id"] for item in fresh])
        for item in fresh:
            item.values["row"] = rows[item.values["row"]["id"]]
        if self._ship:
            await self._carry_out(batch, fresh)
        return batch.open(items)

    async def _carry_out(self, batch: Bills, items: list[Item[Invoice]]) -> None:
        async def send(part: list[Item[Invoice]]) -> None:
            await self._shipping.send([shipment["id"] for item in part for shipment in item.values["row"]["shipments"]])

        await batch.step(items, send)

    # -- posting ----------------------------------------------------------------------------------------------------

    async def _mapped(self, batch: Bills, items: list[Item[Invoice]]) -> list[Item[Invoice]]:
        """Put the accounts that the mapping names on the draft invoices; no call where it names none."""
        named = [item for item in items if item.document.receivable or any(one.account for one in item.document.lines)]
        if not named:
            return items
        makings = await drafts.makings(self._wire, self._chart, [item.document for item in named])
        rows = await self._wire.rows(
            "account.invoice",
            [["id", "in", [item.values["invoice"]["id"] for item in named]]],
            ["lines.type", "lines.product", "lines.account"],
        )
        there = {row["id"]: row for row in rows}

        async def put(part: list[Item[Invoice]]) -> None:
            changes = []
            for item in part:
                invoice = item.values["invoice"]["id"]
                accounts = drafts.accounts_named(item.document, makings)
                changes.append(([invoice], mapped_invoice(item.document, accounts, there[invoice])))
            await self._wire.write("account.invoice", [(ids, values) for ids, values in changes if values])

        await batch.step(named, put)
        return batch.open(items)

    async def _post(self, batch: Bills, items: list[Item[Invoice]], books: Books) -> None:
        def find(item: Item[Invoice]) -> None:
            item.values["invoice"] = _draft(item.values["row"])

        items = await self._mapped(batch, batch.check(items, find))
        later = await latest_numbers(self._wire, books, [item.document.date for item in items], credit=False)

        async def name(part: list[Item[Invoice]]) -> None:
            await self._wire.write(
                "account.invoice",
                [
                    ([item.values["invoice"]["id"]], dated(item.document.reference, item.document.date, later))
                    for item in part
                ],
            )

        async def post(part: list[Item[Invoice]]) -> None:
            await self._wire.press("account.invoice", "post", [item.values["invoice"]["id"] for item in part])

        named = await batch.step(items, name)
        posted = await batch.step(named, post, most=_MOST_POSTS)
        await self._reconciler.use_deposits(
            [(item.values["invoice"]["id"], item.values["row"]["reference"] or "") for item in posted], books.company_id
        )
        rows = await read_bills(self._wire, [item.values["invoice"]["id"] for item in posted])
        for item in posted:
            row = rows.get(item.values["invoice"]["id"])
            if row is None:
                batch.fail(item, gone("invoice", item.values["invoice"]["id"]))
            else:
                batch.done(item, done_of(row, books))


def mapped_invoice(document: Invoice, accounts: dict[int, int], row: Row) -> Row:
    """What the mapping changes on a draft invoice: the account that is owed on, and those of its lines."""
    changes: Row = {}
    if document.receivable:
        changes["account"] = int(document.receivable)
    lines = []
    for line in row["lines"]:
        account = accounts.get(line["product"] or 0)
        if line["type"] == "line" and account and account != line["account"]:
            lines.append(["write", [line["id"]], {"account": account}])
    if lines:
        changes["lines"] = lines
    return changes


def check_day(books: Books, day: dt.date) -> None:
    """Raises `LockedPeriod` or `Rejected` when nothing can be posted on `day`."""
    period = books.period_of(day)
    if period is None:
        raise Rejected(
            f"Tryton has no fiscal year for {day.isoformat()}", code="no_fiscal_year", field="date",
            cure="Create the fiscal year and its periods in Tryton (Financial > Configuration > Fiscal Years).",
        )  # fmt: skip
    if period.closed:
        raise LockedPeriod(
            f"the period of {day.isoformat()} is closed in Tryton", code="period_closed", field="date", cure=CLOSED_CURE
        )


async def latest_numbers(
    wire: Wire, books: Books, days: Sequence[dt.date], *, credit: bool
) -> list[tuple[dt.date, dt.date, dt.date]]:
    """(year's start, year's end, date of its last numbered invoice) where that is later than one of `days`.

    Tryton numbers customer invoices in the order of their dates and refuses a date before the last one used.
    """
    found = []
    years = {(p.year_start, p.year_end) for day in days if (p := books.period_of(day)) is not None}
    for start, end in sorted(years):
        inside = [day for day in days if start <= day <= end]
        rows = await wire.rows(
            "account.invoice",
            [
                ["company", "=", books.company_id],
                ["type", "=", "out"],
                ["number", "!=", None],
                ["sequence_type_cache", "=", "credit_note" if credit else "invoice"],
                ["invoice_date", ">", min(inside)],
                ["invoice_date", "<=", end],
            ],
            ["invoice_date"],
            order="invoice_date DESC",
            limit=1,
        )
        if rows:
            found.append((start, end, rows[0]["invoice_date"]))
    return found


def dated(reference: str, day: dt.date, later: Sequence[tuple[dt.date, dt.date, dt.date]]) -> Row:
    """Reference and date of an invoice. The accounts always get `day`; the paper the earliest day that has a number."""
    last = next((date for start, end, date in later if start <= day <= end), day)
    return {
        "reference": reference,
        "invoice_date": max(day, last),
        "accounting_date": day if last > day else None,
    }


async def read_bills(wire: Wire, ids: Sequence[int]) -> dict[int, Row]:
    """Invoices by id, with what an outcome says."""
    if not ids:
        return {}
    rows = await wire.rows(
        "account.invoice", [["id", "in", list(ids)]], ["number", "state", "total_amount", "currency"]
    )
    return {row["id"]: row for row in rows}


def done_of(row: Row, books: Books, sign: int = 1) -> Done:
    """An invoice or (with `sign` -1) a credit note that stands, as Tryton holds it."""
    currency = row.get("currency")
    return Done(
        str(row["id"]), row["number"] or "", sign * row["total_amount"],
        books.code_of(currency) if currency else "", status_of(row),
    )  # fmt: skip


def _order_id(document: Invoice) -> int:
    return int(document.sales_order_id) if document.sales_order_id.isdecimal() else 0


def _own(document: Invoice, rows: dict[int, Row]) -> Row | None:
    """The order's sale if this invoice can be its: nothing was billed under another reference yet."""
    row = rows.get(_order_id(document))
    if row is None or row["state"] == "cancelled":
        return None
    others = [i for i in row["invoices"] if i["state"] in _POSTED and (i["reference"] or "") != document.reference]
    return None if others else row


def _posted(item: Item[Invoice]) -> Row | None:
    row = item.values["row"]
    for invoice in row["invoices"] if row is not None else ():
        if invoice["state"] in _POSTED and invoice["reference"] == item.document.reference:
            return {**invoice, "currency": row["currency"]}
    return None


def _draft(row: Row) -> Row:
    """The invoice that Tryton made of a sale and nobody posted. Raises `Rejected`."""
    drafted = [i for i in row["invoices"] if i["state"] in ("draft", "validated") and i["total_amount"] >= ZERO]
    if len(drafted) == 1:
        found: Row = drafted[0]
        return found
    raise Rejected(
        f"sale {row['number']} has {len(drafted)} draft invoices in Tryton, not one", code="no_draft_invoice",
        field="sales_order_id", cure="Look at the sale's invoices in Tryton; link the right one, or skip this posting.",
    )  # fmt: skip
