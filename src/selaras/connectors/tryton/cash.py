"""Receipts and money given back: slips on statements, which Tryton books and reconciles by itself.

A receipt is the money on the bank's or clearing account; what it settles beyond that, or less, goes to the accounts of
its write-offs by lines of the same slip. Money of another currency than the invoice stands on the slip with both
amounts; when Tryton reconciles it, it books the difference itself, by the exchange journal of its configuration.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from selaras.connectors.contract import Op, Outcome, Rejected, Write
from selaras.connectors.tryton import drafts
from selaras.connectors.tryton.batch import Batch, Item
from selaras.connectors.tryton.billing import check_day
from selaras.connectors.tryton.chart import Account, Books, Chart
from selaras.connectors.tryton.contacts import gone
from selaras.connectors.tryton.exchanges import abroad, check_exchange, exchanged_lines, exchanged_of, money_of
from selaras.connectors.tryton.ledger import Reconciler
from selaras.connectors.tryton.slips import is_money
from selaras.connectors.tryton.statements import Statements, day_of
from selaras.connectors.tryton.undoing import Undo
from selaras.connectors.tryton.values import Row
from selaras.connectors.tryton.wire import Wire
from selaras.model.document import Receipt, RefundPayment
from selaras.model.money import ZERO

Money = Receipt | RefundPayment


class Cash:
    """Writes receipts (`sign` 1) or refund payments (`sign` -1)."""

    def __init__(self, wire: Wire, chart: Chart, reconciler: Reconciler, budget: float, sign: int) -> None:
        self._wire = wire
        self._chart = chart
        self._reconciler = reconciler
        self._budget = budget
        self._sign = sign
        self._undo = Undo(wire)
        self._statements = Statements(wire, is_money(sign), lambda slip: (str(slip.id), sign * slip.owed))

    async def write(self, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Create receipts or refund payments, or take receipts back."""
        kind: type[Money] = Receipt if self._sign > 0 else RefundPayment
        batch: Batch[Money] = Batch(writes, kind, self._budget, self._wire.lists)
        if op == "create":
            return await batch.run(lambda: self._create(batch))
        if op == "void" and self._sign > 0:
            return await batch.run(lambda: self._void(batch))

        async def refuse() -> None:
            raise Rejected(
                "money that was booked in Tryton cannot change", code="document_locked", field="status",
                cure="Cancel the statement in Tryton, then skip this posting.",
            )  # fmt: skip

        return await batch.run(refuse)

    async def _void(self, batch: Batch[Money]) -> None:
        books = await self._chart.books()
        await self._undo.slips(batch, batch.items, books, lambda item: item.id, lambda slip: slip.owed)

    async def _create(self, batch: Batch[Money]) -> None:
        documents = [item.document for item in batch.items]
        if any(exchanged_of(one) for one in documents) and not (await self._chart.books()).exchanges:
            await self._chart.books(fresh=True)  # it may have been set up since
        books = await self._chart.on([document.date for document in documents])
        await self._statements.begun(batch, batch.items, books)
        items = batch.open()
        parties = await drafts.parties(self._wire, books, {item.document.contact_id for item in items})
        bills = await self._bills([_bill_id(item.document) for item in items])
        orders = await self._orders([item.document.sales_order_id for item in items])
        origins = await self._statements.bank_lines([_bank_id(item.document) for item in items], books)
        accounts = await self._chart.accounts(
            books, {one.account for item in items for one in getattr(item.document, "write_offs", ())}
        )

        def prepare(item: Item[Money]) -> None:
            document = item.document
            money, currency = money_of(document)
            currency_id, _ = books.currency_of(currency)
            check_exchange(document, books)
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
                write_offs=_write_offs(document, accounts),
            )
            if _bank_id(document):
                self._statements.explains(item, origins, self._sign * money, currency, books)
            else:
                check_day(books, document.date)
                item.values["feed"] = books.feed_of(document.account, currency_id)

        items = batch.check(items, prepare)
        booked = await self._statements.book(batch, items, books, lambda part: self._lines_of(part, books))
        if self._sign < 0:
            for item in booked:
                if item.values["bill"] is None and item.values["order"]:
                    await self._reconciler.give_back(books.company_id, item.values["order"])
        await self._statements.tell(batch, batch.open(items), books)

    # -- what is there already --------------------------------------------------------------------------------------

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

    # -- the lines of slips -----------------------------------------------------------------------------------------

    def _lines_of(self, items: Sequence[Item[Money]], books: Books) -> list[list[Row]]:
        bills = [item.values["bill"] for item in items]
        owed = {bill["id"]: bill["amount_to_pay"] for bill in bills if bill is not None}
        return [self._lines(item, owed, books) for item in items]

    def _lines(self, item: Item[Money], owed: dict[int, Decimal], books: Books) -> list[Row]:
        """The lines of a document: what the invoice has open, the rest on the customer's account, the write-offs.

        `owed` is what invoices have open, by id; what this document pays is taken off it.
        """
        document, bill = item.document, item.values["bill"]
        amount = document.settled if isinstance(document, Receipt) else self._sign * document.total
        open_ = owed.get(bill["id"], ZERO) if bill is not None else ZERO
        related = ZERO
        if amount * open_ > 0:
            related = amount if abs(amount) <= abs(open_) else open_
            owed[bill["id"]] = open_ - related
        common: Row = {
            "number": document.reference,
            "date": day_of(item),
            "party": item.values["party"],
            "account": item.values["account"],
            "description": _says(item) or None,
        }
        if isinstance(document, Receipt) and document.exchanged is not None:
            return exchanged_lines(
                common, document, ZERO if abroad(document, books) else related, _bill_id(document), books
            )
        made = []
        if related:
            made.append({**common, "amount": related, "related_to": f"account.invoice,{bill['id']}"})
        if amount != related:
            made.append({**common, "amount": amount - related})
        for role, account, written in item.values["write_offs"]:
            made.append({**common, "amount": -written, "account": account.id, "description": role})
        return made


def _write_offs(document: Money, accounts: dict[str, Account]) -> list[tuple[str, Account, Decimal]]:
    """(role, account, amount) of what a receipt settles beyond its money. Raises `Rejected`."""
    found = []
    for one in document.write_offs if isinstance(document, Receipt) else ():
        if one.account not in accounts:
            raise Rejected(
                f"Tryton has no account {one.account!r} to write off to", code="unknown_account", field="write_offs",
                cure="Choose an account that is in use in Tryton for this role (selaras mapping set).",
            )  # fmt: skip
        if one.amount:
            found.append((one.role, accounts[one.account], one.amount))
    if found and isinstance(document, Receipt) and document.settled <= ZERO:
        raise Rejected(
            "the receipt settles nothing", code="nothing_settled", field="write_offs",
            cure="Write off less than the money that came.",
        )  # fmt: skip
    return found


def _says(item: Item[Money]) -> str:
    """The order that a slip is for, by which its money is found again."""
    bill = item.values["bill"]
    return str(item.values["order"] or (bill["reference"] if bill is not None else "") or "")


def _bill_id(document: Money) -> str:
    return document.invoice_id if isinstance(document, Receipt) else document.credit_note_id


def _bank_id(document: Money) -> str:
    return document.bank_transaction_id if isinstance(document, Receipt) else ""
