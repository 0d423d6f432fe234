"""Writing: batches of up to 100, one outcome for each item, and nothing twice.

Accurate keeps the number of a document unique for each kind and refuses a second one with a sentence. A refused number
is looked up: if the document is ours (same total) the item is done, else it is told as a duplicate. So a repeat after a
lost answer can never double anything.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from selaras.connectors.accurate import drafts
from selaras.connectors.accurate.deposits import Deposits
from selaras.connectors.accurate.drafts import Choices
from selaras.connectors.accurate.errors import DUPLICATE, OF_DEPOSIT, OF_ORDER, OVERPAID, not_there, refusal
from selaras.connectors.accurate.journals import through_clearing, voucher_of
from selaras.connectors.accurate.mapping import ENTITY, number_of, status_of, total_of
from selaras.connectors.accurate.reading import Reader
from selaras.connectors.accurate.values import Row, exact, rows_under, text_of
from selaras.connectors.accurate.voiding import Voids
from selaras.connectors.accurate.wire import Item, Wire
from selaras.connectors.contract import (
    Ambiguous,
    ConnectorError,
    Done,
    Failed,
    Op,
    Outcome,
    Rejected,
    Write,
)
from selaras.model.document import ContactDraft, CreditNote, Invoice, Journal, Receipt, RefundPayment, SalesOrder
from selaras.model.money import ZERO, NotExact

_SHAPES: Final = {
    "contact": ContactDraft,
    "sales_order": SalesOrder,
    "invoice": Invoice,
    "receipt": Receipt,
    "credit_note": CreditNote,
    "refund_payment": RefundPayment,
    "journal": Journal,
}
Body = dict[str, Any]


class Writer:
    """Writes into one database."""

    def __init__(
        self, wire: Wire, reader: Reader, choices: Choices, zone: ZoneInfo, clock: Callable[[], float]
    ) -> None:  # fmt: skip
        self._wire = wire
        self._reader = reader
        self._choices = choices
        self._zone = zone
        self._clock = clock
        self.deposits = Deposits(wire, choices)
        self._voids = Voids(wire, reader, self.deposits)

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Write one kind; see `Connector.write`."""
        if not all(type(write.document) is _SHAPES[kind] for write in writes):
            raise TypeError(f"not every document is a {kind}")
        if op != "create" and not all(write.id for write in writes):
            raise ValueError(f"to {op} a {kind} its id is needed")
        if op == "void":
            return list(await asyncio.gather(*(self._voids.void(kind, write) for write in writes)))
        if op == "update":
            return await self._update(kind, writes)
        try:
            return await self._create(kind, writes)
        except Ambiguous:
            self.deposits.forget()
            raise

    # -- create -----------------------------------------------------------------------------------------------------

    async def _create(self, kind: str, writes: Sequence[Write]) -> list[Outcome]:
        if kind == "receipt" and any(isinstance(w.document, Receipt) and not w.document.invoice_id for w in writes):
            return await self._with_deposits(writes)
        outcomes: dict[int, Outcome] = {}
        bodies: dict[int, Body] = {}
        for index, write in enumerate(writes):
            try:
                bodies[index] = await self._body(kind, write)
            except (Rejected, NotExact) as error:
                outcomes[index] = Failed(_told(error, kind, write))
        await self._save(kind, writes, bodies, outcomes)
        return [outcomes[index] for index in range(len(writes))]

    async def _body(self, kind: str, write: Write) -> Body:
        document = write.document
        if isinstance(document, ContactDraft):
            return {"customerNo": document.reference, **drafts.contact_of(document, self._today())}
        if isinstance(document, SalesOrder):
            return drafts.order_of(document, self._choices)
        if isinstance(document, Invoice):
            deposits = await self.deposits.for_invoice(document)
            pointing = drafts.points_at_order(document)
            return drafts.invoice_of(document, self._choices, of_order=pointing, deposits=deposits)
        if isinstance(document, CreditNote):
            return drafts.return_of(document, self._choices)
        if isinstance(document, Receipt):
            return drafts.receipt_of(document, self._choices, invoice=document.invoice_id)
        if isinstance(document, RefundPayment):
            return drafts.payment_of(document, self._choices)
        if isinstance(document, Journal):
            return voucher_of(await through_clearing(document, self._reader, self._choices), self._choices)
        raise TypeError(f"a {type(document).__name__} is not written into Accurate")

    async def _save(
        self, kind: str, writes: Sequence[Write], bodies: Mapping[int, Body], outcomes: dict[int, Outcome]
    ) -> None:
        """Send the bodies and settle their outcomes. Raises only when nothing of the batch is known to stand."""
        if not bodies:
            return
        places = list(bodies)
        items = await self._wire.bulk(ENTITY[kind], [bodies[place] for place in places])
        refused: dict[int, Item] = {}
        for place, item in zip(places, items, strict=True):
            if item.ok:
                outcomes[place] = self._done(writes[place], item.record, bodies[place])
            else:
                refused[place] = item
        if refused:
            await self._refused(kind, writes, bodies, refused, outcomes)

    async def _refused(
        self,
        kind: str,
        writes: Sequence[Write],
        bodies: Mapping[int, Body],
        refused: Mapping[int, Item],
        outcomes: dict[int, Outcome],
    ) -> None:
        doubled: list[int] = []
        again: dict[int, Body] = {}
        for place, item in refused.items():
            said, body = " ".join(item.texts), bodies[place]
            if DUPLICATE.search(said):
                doubled.append(place)
            elif kind == "invoice" and (lighter := _lighter(body, said)) is not None:
                again[place] = lighter
            elif kind == "receipt" and OVERPAID.search(said):
                less = await self._less(writes[place])
                if less is not None and less != body:
                    again[place] = less
            outcomes[place] = Failed(refusal(_name(kind, writes[place]), item.texts))
        if doubled:
            await self._recognise(kind, writes, doubled, outcomes)
        if again:
            try:
                await self._save(kind, writes, again, outcomes)
            except ConnectorError as error:
                outcomes.update((place, Failed(error)) for place in again)

    async def _recognise(
        self, kind: str, writes: Sequence[Write], doubled: Sequence[int], outcomes: dict[int, Outcome]
    ) -> None:
        """A number that is taken is our own document, if it has our total: then the item is done.

        Other items of the batch stand already, so trouble here must not be told as "nothing happened".
        """
        try:
            found = await self._reader.find(kind, [_reference(writes[place]) for place in doubled])
        except ConnectorError:
            message = f"Accurate has this number of a {kind} already, but cannot be asked whether it is ours"
            for place in doubled:
                outcomes[place] = Failed(Ambiguous(message, code="duplicate_reference"))
            return
        for place in doubled:
            document, hit = writes[place].document, found.get(_reference(writes[place]))
            if hit is None:
                continue
            total, currency = getattr(document, "total", None), getattr(document, "currency", "")
            if kind == "contact" or (hit.total == total and hit.currency == currency):
                outcomes[place] = Done(hit.id, hit.number, hit.total, hit.currency, hit.status)

    def _done(self, write: Write, record: Row, body: Body) -> Done:
        """What stands now, in Accurate's own figures."""
        document, reference = write.document, _reference(write)
        if isinstance(document, ContactDraft):
            number = number_of("contact", record) or write.id or reference
            return Done(number, number)
        number = text_of(record, "number") or reference
        total = total_of(record)
        applied = {one["invoiceNumber"]: one["paymentAmount"] for one in body.get("detailDownPayment", ())}
        if isinstance(document, Invoice) and applied:
            self.deposits.used(document.sales_order_id, applied)
            if total is not None and total + sum(applied.values(), ZERO) == document.total:
                total = document.total  # told after the down payments were taken off
        if isinstance(document, RefundPayment) and document.sales_order_id and not document.credit_note_id:
            self.deposits.given_back(document.sales_order_id, document.total)
        currency = text_of(record, "currency", "code") or getattr(document, "currency", "")
        return Done(number, number, total, "" if total is None else currency, status_of(record))

    # -- receipts ---------------------------------------------------------------------------------------------------

    async def _with_deposits(self, writes: Sequence[Write]) -> list[Outcome]:
        """Receipts of which some have no invoice yet: those get a down payment first, one call for each."""
        outcomes: dict[int, Outcome] = {}
        bodies: dict[int, Body] = {}
        for index, write in enumerate(writes):
            receipt = write.document
            if not isinstance(receipt, Receipt):
                raise TypeError("not a receipt")
            try:
                if not receipt.invoice_id:
                    # What could be refused is worked out before money is taken.
                    drafts.receipt_of(receipt, self._choices, invoice="-")
                number = receipt.invoice_id or await self.deposits.take(receipt)
                bodies[index] = drafts.receipt_of(receipt, self._choices, invoice=number)
            except (ConnectorError, NotExact) as error:
                outcomes[index] = Failed(_told(error, "receipt", write))
        try:
            await self._save("receipt", writes, bodies, outcomes)
        except ConnectorError as error:
            # The down payments stand: the receipts have to be looked for, or sent again, one by one.
            outcomes.update((index, Failed(error)) for index in bodies if index not in outcomes)
        return [outcomes[index] for index in range(len(writes))]

    async def _less(self, write: Write) -> Body | None:
        """A receipt that is more than its invoice has open: that much is paid, the rest stays the buyer's credit."""
        receipt = write.document
        if not isinstance(receipt, Receipt) or not receipt.invoice_id:
            return None
        row = await self._wire.detail("sales-invoice", [("number", receipt.invoice_id)])
        owing = exact(row.get("primeOwing")) if row is not None else None
        if owing is None or not ZERO <= owing < receipt.total:
            return None
        if owing > 0:
            return drafts.receipt_of(receipt, self._choices, invoice=receipt.invoice_id, amount=owing)
        return drafts.receipt_of(receipt, self._choices, invoice=await self.deposits.take(receipt))

    # -- change and void --------------------------------------------------------------------------------------------

    async def _update(self, kind: str, writes: Sequence[Write]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        bodies: dict[int, Body] = {}
        rows = await self._standing(kind, writes)
        for index, (write, row) in enumerate(zip(writes, rows, strict=True)):
            if row is None or not text_of(row, "id"):
                outcomes[index] = Failed(not_there(_name(kind, write)))
                continue
            try:
                body = await self._body(kind, write)
            except (Rejected, NotExact) as error:
                outcomes[index] = Failed(_told(error, kind, write))
                continue
            if kind == "contact":
                body["customerNo"] = write.id
            else:
                _replace_rows(body, row)
            bodies[index] = {"id": row["id"], **body}
        await self._save(kind, writes, bodies, outcomes)
        return [outcomes[index] for index in range(len(writes))]

    async def _standing(self, kind: str, writes: Sequence[Write]) -> list[Row | None]:
        """The documents as they stand; an order's rows have to be known to be replaced."""
        if kind == "contact":
            found = {number_of(kind, row): row for row in await self._reader.rows(kind, [w.id for w in writes])}
            return [found.get(write.id) for write in writes]
        asked: list[Awaitable[Row | None]] = [
            self._wire.detail(ENTITY[kind], [("number", write.id)]) for write in writes
        ]
        return list(await asyncio.gather(*asked))

    def _today(self) -> dt.date:
        return dt.datetime.fromtimestamp(self._clock(), self._zone).date()


def _lighter(body: Body, said: str) -> Body | None:
    """The invoice without what it was refused for: an order that is closed, down payments that are gone."""
    if body.get("detailDownPayment") and OF_DEPOSIT.search(said):
        return {**body, "detailDownPayment": []}
    if OF_ORDER.search(said) and any("salesOrderNumber" in row for row in body["detailItem"]):
        rows = [
            {name: value for name, value in row.items() if name != "salesOrderNumber"} for row in body["detailItem"]
        ]
        return {**body, "detailItem": rows}
    return None


def _replace_rows(body: Body, standing: Row) -> None:
    """Replace the rows of a document by those of `body`; rows that are the same stay untouched.

    An order that is partly processed keeps its rows, and only its texts change.
    """
    for name, old in (
        ("detailItem", rows_under(standing, "detailItem")),
        ("detailExpense", rows_under(standing, "detailExpense")),
    ):
        if [_print(row) for row in body[name]] == [_print(row) for row in old]:
            del body[name]
            continue
        gone = [{"id": row["id"], "_status": "delete"} for row in old if "id" in row]
        body[name] = [*gone, *body[name]]


def _print(row: Mapping[str, Any]) -> tuple[str, Decimal, Decimal, Decimal]:
    """What makes two rows the same, in our spelling or Accurate's."""
    named = text_of(row, "itemNo") or text_of(row, "item", "no")
    named = named or text_of(row, "accountNo") or text_of(row, "account", "no")
    amounts = [exact(row.get(name)) or ZERO for name in ("quantity", "unitPrice", "itemCashDiscount")]
    charged = exact(row.get("expenseAmount")) or ZERO
    return named, amounts[0], amounts[1] + charged, amounts[2]


def _reference(write: Write) -> str:
    return str(getattr(write.document, "reference", "") or write.id)


def _name(kind: str, write: Write) -> str:
    return f"{kind} {_reference(write)}"


def _told(error: ConnectorError | NotExact, kind: str, write: Write) -> ConnectorError:
    if isinstance(error, ConnectorError):
        return error
    return Rejected(
        f"{_name(kind, write)}: {error}", code="not_exact", field="lines",
        cure="Round the amount to the smallest unit of its currency.",
    )  # fmt: skip
