"""Taking back: orders are closed, receipts and journal vouchers are deleted.

`delete.do` takes the internal `id` (the vendor's API documentation names the number as an alternative to it). A deleted
receipt leaves its invoice open. One that came before its invoice had made a down payment: that is deleted with it, and
where an invoice has used the down payment, it is taken off there first (`detailDownPayment` rows with `_status:
delete`). What is posted and not money is never taken back like this; it is credited.
"""

from __future__ import annotations

from typing import Final

from selaras.connectors.accurate.deposits import Deposits
from selaras.connectors.accurate.drafts import deposit_number
from selaras.connectors.accurate.errors import not_there
from selaras.connectors.accurate.mapping import ENTITY
from selaras.connectors.accurate.reading import Reader
from selaras.connectors.accurate.values import Row, equal_to, rows_under, text_of
from selaras.connectors.accurate.wire import Wire
from selaras.connectors.contract import (
    ConnectorError,
    Done,
    Failed,
    LockedPeriod,
    Outcome,
    Rejected,
    Transient,
    Write,
)
from selaras.model.document import Receipt

MONEY: Final = frozenset({"receipt", "journal"})
_INVOICES: Final = 20


class Voids:
    """Takes back documents of one database, one by one."""

    def __init__(self, wire: Wire, reader: Reader, deposits: Deposits) -> None:
        self._wire = wire
        self._reader = reader
        self._deposits = deposits

    async def void(self, kind: str, write: Write) -> Outcome:
        """One document; repeating it changes nothing."""
        name = f"{kind} {getattr(write.document, 'reference', '') or write.id}"
        try:
            if kind == "sales_order":
                return await self._close(name, write)
            if kind == "receipt":
                return await self._receipt(name, write)
            if kind in MONEY:
                row = await self._standing(kind, name, write)
                if row is not None:
                    await self._wire.delete(ENTITY[kind], text_of(row, "id"), name)
                return Done(write.id, write.id, status="void")
        except ConnectorError as error:
            return Failed(error)
        message = f"{name}: only sales orders, receipts and journal entries are voided in Accurate"
        return Failed(Rejected(message, code="not_voidable", field="status", cure="Credit the document instead."))

    async def _close(self, name: str, write: Write) -> Outcome:
        try:
            await self._wire.save("sales-order/manual-close-order", {"number": write.id, "orderClosed": True}, name)
        except (Rejected, LockedPeriod) as error:
            # A repeat of what was closed already is refused too.
            there = (await self._reader.find("sales_order", [write.id])).get(write.id)
            if there is None:
                return Failed(not_there(name))
            if there.status != "void":
                return Failed(error)
        return Done(write.id, write.id, status="void")

    async def _standing(self, kind: str, name: str, write: Write) -> Row | None:
        """The document whole; None when it is gone already. Raises `Rejected` for a number that was never ours."""
        row = await self._detail(ENTITY[kind], write.id)
        if row is None and write.id != getattr(write.document, "reference", ""):
            raise not_there(name)
        return row

    async def _detail(self, entity: str, number: str) -> Row | None:
        """A record whole. That it is gone is believed of the list only: a refusal may have other reasons."""
        row = await self._wire.detail(entity, [("number", number)])
        if row is None:
            rows = (await self._wire.page(entity, equal_to("number", [number]), ("id", "number"))).rows
            if any(text_of(one, "number") == number for one in rows):
                raise Transient(f"Accurate lists {number} and does not show it", code="unreadable")
        return row

    async def _receipt(self, name: str, write: Write) -> Outcome:
        row = await self._standing("receipt", name, write)
        deposit = deposit_number(write.id)
        paid = [] if row is None else [text_of(one, "invoice", "number") for one in rows_under(row, "detailInvoice")]
        if row is not None:
            try:
                await self._wire.delete("sales-receipt", text_of(row, "id"), name)
            except Rejected as error:
                if deposit not in paid:
                    raise
                await self._taken_off(name, write, deposit, error)
                await self._wire.delete("sales-receipt", text_of(row, "id"), name)
        if row is None or deposit in paid:
            left = await self._detail("sales-invoice", deposit)
            if left is not None:
                await self._wire.delete("sales-invoice", text_of(left, "id"), name)
            self._deposits.gone(deposit)
        return Done(write.id, write.id, status="void")

    async def _taken_off(self, name: str, write: Write, deposit: str, error: Rejected) -> None:
        """Take a down payment off the invoices of its order. Raises when none has it: then that was not the reason."""
        order = write.document.sales_order_id if isinstance(write.document, Receipt) else ""
        found = False
        for number in range(1, _INVOICES + 1) if order else ():
            own = order if number == 1 else f"{order}/{number}"
            invoice = await self._detail("sales-invoice", own)
            if invoice is None:
                break
            gone = [
                {"id": one.get("id"), "_status": "delete"}
                for one in rows_under(invoice, "detailDownPayment")
                if deposit in (text_of(one, "invoice", "number"), text_of(one, "invoiceNumber"))
            ]
            if not gone:
                continue
            found = True
            body = {
                "id": invoice.get("id"),
                "customerNo": text_of(invoice, "customer", "customerNo"),
                "transDate": text_of(invoice, "transDate"),
                "detailDownPayment": gone,
            }
            await self._wire.save("sales-invoice/save", body, name)
        if not found:
            raise Rejected(
                f"{error.message}",
                code="deposit_used",
                field="status",
                cure="Take the down payment off the invoice in Accurate, then retry.",
            )
