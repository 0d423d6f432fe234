"""Receipts and money given back: lines of statements, which Tryton books and reconciles by itself.

Money for a clearing or bank account is booked by a statement of ours with one line for each document (its number is
our reference). A receipt that explains a line of an imported bank statement is added to that line instead, and the
statement is posted once all its lines are explained, because Tryton books a statement as a whole.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from selaras.connectors.contract import Done, Op, Outcome, Rejected, Write
from selaras.connectors.tryton import drafts
from selaras.connectors.tryton.batch import Batch, Item
from selaras.connectors.tryton.billing import check_day
from selaras.connectors.tryton.chart import Books, Chart, Feed
from selaras.connectors.tryton.contacts import gone
from selaras.connectors.tryton.ledger import Reconciler
from selaras.connectors.tryton.mapping import MARK
from selaras.connectors.tryton.values import Row
from selaras.connectors.tryton.wire import Wire
from selaras.model.document import Receipt, RefundPayment
from selaras.model.money import ZERO

Money = Receipt | RefundPayment
_MOST = 50


class Cash:
    """Writes receipts (`sign` 1) or refund payments (`sign` -1)."""

    def __init__(self, wire: Wire, chart: Chart, reconciler: Reconciler, budget: float, sign: int) -> None:
        self._wire = wire
        self._chart = chart
        self._reconciler = reconciler
        self._budget = budget
        self._sign = sign

    async def write(self, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Create receipts or refund payments."""
        kind: type[Money] = Receipt if self._sign > 0 else RefundPayment
        batch: Batch[Money] = Batch(writes, kind, self._budget, self._wire.lists)
        if op == "create":
            return await batch.run(lambda: self._create(batch))

        async def refuse() -> None:
            raise Rejected(
                "money that was booked in Tryton cannot change", code="document_locked", field="status",
                cure="Cancel the statement in Tryton, then skip this posting.",
            )  # fmt: skip

        return await batch.run(refuse)

    async def _create(self, batch: Batch[Money]) -> None:
        documents = [item.document for item in batch.items]
        books = await self._chart.on([document.date for document in documents])
        await self._begun(batch, books)
        items = batch.open()
        parties = await drafts.parties(self._wire, books, {item.document.contact_id for item in items})
        bills = await self._bills([_bill_id(item.document) for item in items])
        orders = await self._orders([item.document.sales_order_id for item in items])
        origins = await self._origins([_bank_id(item.document) for item in items])

        def prepare(item: Item[Money]) -> None:
            document = item.document
            currency_id, _ = books.currency_of(document.currency)
            party = parties.get(document.contact_id)
            bill = bills.get(_bill_id(document))
            if _bill_id(document) and bill is None:
                raise gone("invoice", int(_bill_id(document)))
            if bill is None and party is None:
                raise Rejected(
                    f"Tryton has no party {document.contact_id!r}", code="unknown_contact", field="contact_id",
                    cure="Link the buyer to a contact that exists in the books.",
                )  # fmt: skip
            account = bill["account"] if bill is not None else party.receivable_id if party is not None else None
            if account is None:
                raise Rejected(
                    "the party has no receivable account", code="missing_account", field="contact_id",
                    cure="Set a default receivable account in Tryton (Financial > Configuration > Configuration).",
                )  # fmt: skip
            if bill is not None and bill["state"] not in ("posted", "paid"):
                raise Rejected(
                    f"invoice {bill['reference']} is not posted in Tryton", code="not_posted", field="invoice_id",
                    cure="Post the invoice in Tryton, then retry.",
                )  # fmt: skip
            item.values.update(
                bill=bill,
                order=orders.get(document.sales_order_id, ""),
                party=bill["party"] if bill is not None else party.id if party is not None else 0,
                account=account,
            )
            if _bank_id(document):
                self._explains(item, origins)
            else:
                check_day(books, document.date)
                item.values["feed"] = books.feed_of(document.account, currency_id)

        items = batch.check(items, prepare)
        for feed in {item.values["feed"].id: item.values["feed"] for item in items if "feed" in item.values}.values():
            await self._book(batch, [item for item in items if item.values.get("feed") == feed], feed, books)
        explained = [item for item in batch.open(items) if "origin" in item.values]
        await self._explain(batch, explained)
        for item in batch.open(items):
            item.values.setdefault("status", "paid")
        await self._tell(batch, batch.open(items), books)

    # -- what is there already --------------------------------------------------------------------------------------

    async def _begun(self, batch: Batch[Money], books: Books) -> None:
        """Documents of an earlier try: those that stand are done, a statement that was never booked is thrown away."""
        rows = await self._wire.rows(
            "account.statement.line",
            [
                ["company", "=", books.company_id],
                ["number", "in", [item.document.reference for item in batch.items]],
                ["statement.state", "!=", "cancelled"],
                ["amount", ">" if self._sign > 0 else "<", ZERO],
            ],
            ["number", "origin", "statement.state", "statement.name"],
        )
        ours = [row for row in rows if not row["origin"] and str(row["statement"]["name"]).startswith(MARK)]
        await self._wire.delete("account.statement", sorted({_statement(r) for r in ours if _state(r) == "draft"}))
        validated = sorted({_statement(row) for row in ours if _state(row) == "validated"})
        await self._wire.press("account.statement", "post", validated)
        stands = {row["number"] for row in rows if row["origin"] or _state(row) != "draft"}
        await self._tell(batch, [item for item in batch.items if item.document.reference in stands], books)

    async def _bills(self, ids: Sequence[str]) -> dict[str, Row]:
        numbers = sorted({int(one) for one in ids if one.isdecimal()})
        if not numbers:
            return {}
        rows = await self._wire.rows(
            "account.invoice", [["id", "in", numbers]], ["reference", "state", "party", "account", "amount_to_pay"]
        )
        return {str(row["id"]): row for row in rows}

    async def _orders(self, ids: Sequence[str]) -> dict[str, str]:
        numbers = sorted({int(one) for one in ids if one.isdecimal()})
        if not numbers:
            return {}
        rows = await self._wire.rows("sale.sale", [["id", "in", numbers]], ["reference"])
        return {str(row["id"]): row["reference"] or "" for row in rows}

    async def _origins(self, ids: Sequence[str]) -> dict[str, Row]:
        numbers = sorted({int(one) for one in ids if one.isdecimal()})
        if not numbers:
            return {}
        rows = await self._wire.rows(
            "account.statement.origin",
            [["id", "in", numbers]],
            ["date", "description", "pending_amount", "statement.state"],
        )
        return {str(row["id"]): row for row in rows}

    def _explains(self, item: Item[Money], origins: dict[str, Row]) -> None:
        origin = origins.get(_bank_id(item.document))
        if origin is None:
            raise gone("line of a bank statement", int(_bank_id(item.document) or 0))
        if origin["statement"]["state"] != "draft" or origin["pending_amount"] < item.document.total:
            raise Rejected(
                "this line of the bank statement is explained already", code="already_reconciled",
                field="bank_transaction_id", cure="Look in Tryton which booking explains it, then skip this posting.",
            )  # fmt: skip
        origin["pending_amount"] -= item.document.total
        item.values["origin"] = origin

    # -- statements of ours -----------------------------------------------------------------------------------------

    async def _book(self, batch: Batch[Money], items: list[Item[Money]], feed: Feed, books: Books) -> None:
        async def book(part: list[Item[Money]]) -> None:
            values = await self._statement(part, feed, books)
            (made,) = await self._wire.create("account.statement", [values])
            try:
                await self._wire.press("account.statement", "validate_statement", [made])
            except Rejected:
                await self._wire.delete("account.statement", [made])
                raise
            for item in part:
                item.touched = True
            await self._wire.press("account.statement", "post", [made])

        booked = await batch.step(items, book, most=_MOST, one_call=True)
        if self._sign < 0:
            for item in booked:
                if item.values["bill"] is None and item.values["order"]:
                    await self._reconciler.give_back(books.company_id, item.values["order"])

    async def _statement(self, items: Sequence[Item[Money]], feed: Feed, books: Books) -> Row:
        owed = _owed(items)
        lines = [line for item in items for line in self._lines(item, owed)]
        total = sum((line["amount"] for line in lines), ZERO)
        values: Row = {
            "name": f"{MARK} {items[0].document.reference}" + (f" +{len(items) - 1}" if len(items) > 1 else ""),
            "company": books.company_id,
            "journal": feed.id,
            "date": max(item.document.date for item in items),
            "lines": [["create", lines]],
        }
        if feed.validation == "amount":
            values["total_amount"] = total
        elif feed.validation == "number_of_lines":
            values["number_of_lines"] = len(items)
        else:
            last = await self._wire.rows(
                "account.statement",
                [["journal", "=", feed.id], ["state", "!=", "cancelled"]],
                ["end_balance"],
                order="date DESC, id DESC",
                limit=1,
            )
            start = (last[0]["end_balance"] if last else None) or ZERO
            values.update(start_balance=start, end_balance=start + total)
        return values

    def _lines(self, item: Item[Money], owed: dict[int, Decimal], day: dt.date | None = None) -> list[Row]:
        """The statement lines of a document: what the invoice has open, and the rest on the customer's account.

        `owed` is what invoices have open, by id; what this document pays is taken off it.
        """
        document, bill = item.document, item.values["bill"]
        amount = self._sign * document.total
        open_ = owed.get(bill["id"], ZERO) if bill is not None else ZERO
        related = ZERO
        if amount * open_ > 0:
            related = amount if abs(amount) <= abs(open_) else open_
            owed[bill["id"]] = open_ - related
        common: Row = {
            "number": document.reference,
            "date": day or document.date,
            "party": item.values["party"],
            "account": item.values["account"],
            "description": item.values["order"] or (bill["reference"] if bill is not None else None),
        }
        made = []
        if related:
            made.append({**common, "amount": related, "related_to": f"account.invoice,{bill['id']}"})
        if amount != related:
            made.append({**common, "amount": amount - related})
        return made

    # -- lines of bank statements -----------------------------------------------------------------------------------

    async def _explain(self, batch: Batch[Money], items: list[Item[Money]]) -> None:
        async def add(part: list[Item[Money]]) -> None:
            rows: list[Row] = []
            owed = _owed(part)
            for item in part:
                origin = item.values["origin"]
                more = {"statement": origin["statement"]["id"], "origin": origin["id"]}
                rows += [{**line, **more} for line in self._lines(item, owed, origin["date"])]
            await self._wire.create("account.statement.line", rows)

        added = await batch.step(items, add, one_call=True)
        for item in added:
            item.values["status"] = "open"
        for statement in sorted({item.values["origin"]["statement"]["id"] for item in added}):
            await self._close(statement)

    async def _close(self, statement: int) -> None:
        """Book a bank statement if all its lines are explained. What a person has to settle there stays a draft."""
        rows = await self._wire.rows(
            "account.statement", [["id", "=", statement], ["state", "=", "draft"]], ["origins.pending_amount"]
        )
        if not rows or any(origin["pending_amount"] for origin in rows[0]["origins"]):
            return
        with contextlib.suppress(Rejected):
            await self._wire.press("account.statement", "validate_statement", [statement])
            await self._wire.press("account.statement", "post", [statement])

    # -- the answer -------------------------------------------------------------------------------------------------

    async def _tell(self, batch: Batch[Money], items: Sequence[Item[Money]], books: Books) -> None:
        if not items:
            return
        rows = await self._wire.rows(
            "account.statement.line",
            [
                ["company", "=", books.company_id],
                ["number", "in", [item.document.reference for item in items]],
                ["statement.state", "!=", "cancelled"],
                ["amount", ">" if self._sign > 0 else "<", ZERO],
            ],
            ["number", "amount", "currency", "statement.state", "move.number"],
        )
        lines: dict[str, list[Row]] = {}
        for row in rows:
            lines.setdefault(row["number"], []).append(row)
        for item in items:
            own = lines.get(item.document.reference)
            if not own:
                batch.fail(item, gone("statement line", 0))
                continue
            move = own[0]["move"]
            total = sum((self._sign * line["amount"] for line in own), ZERO)
            batch.done(
                item,
                Done(
                    str(own[0]["id"]), (move["number"] or "") if isinstance(move, dict) else "", total,
                    books.code_of(own[0]["currency"]), "paid" if _state(own[0]) == "posted" else "open",
                ),
            )  # fmt: skip


def _owed(items: Sequence[Item[Money]]) -> dict[int, Decimal]:
    bills = [item.values["bill"] for item in items]
    return {bill["id"]: bill["amount_to_pay"] for bill in bills if bill is not None}


def _bill_id(document: Money) -> str:
    return document.invoice_id if isinstance(document, Receipt) else document.credit_note_id


def _bank_id(document: Money) -> str:
    return document.bank_transaction_id if isinstance(document, Receipt) else ""


def _statement(row: Row) -> int:
    return int(row["statement"]["id"])


def _state(row: Row) -> str:
    return str(row["statement"]["state"])
