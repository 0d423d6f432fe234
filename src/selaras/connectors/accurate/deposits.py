"""Money that comes before its invoice: down payments ("uang muka"), and where they end.

Accurate takes money only against an invoice. A receipt for an order that has none yet becomes a down payment
(`sales-invoice/create-down-payment.do`, carrying the order's number in `poNumber`) and a receipt that pays it. When the
order's invoice is written, what is left of its down payments is set against it (`detailDownPayment`).

Which down payments have something left is asked once (`filter.invoiceDp`, `filter.availableDpAboveZero`) and then kept
up to date from what is written here; it is asked again after ten minutes, and after an answer was lost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from selaras.connectors.accurate.drafts import Choices, deposit_number, deposit_of
from selaras.connectors.accurate.mapping import total_of
from selaras.connectors.accurate.values import text_of
from selaras.connectors.accurate.wire import Wire
from selaras.connectors.contract import Rejected
from selaras.model.document import Invoice, Receipt
from selaras.model.money import ZERO

_STALE: Final = 600.0
_FIELDS: Final = ("id", "number", "poNumber", "totalAmount")


class Deposits:
    """Down payments of one database, by the number of their sales order."""

    def __init__(self, wire: Wire, choices: Choices, clock: Callable[[], float] = time.monotonic) -> None:
        self._wire = wire
        self._choices = choices
        self._clock = clock
        self._left: dict[str, dict[str, Decimal]] = {}
        self._asked_at: float | None = None
        self._asking = asyncio.Lock()

    def forget(self) -> None:
        """An answer was lost: ask again before the next invoice."""
        self._asked_at = None

    async def take(self, receipt: Receipt) -> str:
        """The down payment that `receipt` pays, made unless it is there already; its number."""
        number = deposit_number(receipt.reference)
        try:
            await self._wire.save(
                "sales-invoice/create-down-payment", deposit_of(receipt, self._choices), f"receipt {receipt.reference}"
            )
        except Rejected as error:
            if error.code != "duplicate_reference" or not await self._is(number, receipt):
                raise
        if receipt.sales_order_id:
            self._left.setdefault(receipt.sales_order_id, {})[number] = receipt.total
        return number

    async def for_invoice(self, invoice: Invoice) -> dict[str, Decimal]:
        """What is to be set against an invoice: down payments of its order, at most its total."""
        if not invoice.sales_order_id:
            return {}
        await self._ask()
        chosen: dict[str, Decimal] = {}
        room = invoice.total
        for number, left in self._left.get(invoice.sales_order_id, {}).items():
            part = min(left, room)
            if part > 0:
                chosen[number] = part
                room -= part
        return chosen

    def used(self, order: str, parts: dict[str, Decimal]) -> None:
        """These parts have been set against an invoice."""
        lying = self._left.get(order, {})
        for number, part in parts.items():
            lying[number] = lying.get(number, ZERO) - part
            if lying[number] <= 0:
                del lying[number]

    def given_back(self, order: str, amount: Decimal) -> None:
        """Money went back to the buyer before there was an invoice: it can no longer be set against one."""
        for number, left in list(self._left.get(order, {}).items()):
            part = min(left, amount)
            self.used(order, {number: part})
            amount -= part

    def gone(self, number: str) -> None:
        """A down payment was taken back."""
        for lying in self._left.values():
            lying.pop(number, None)

    async def _ask(self) -> None:
        if not self._fresh():
            async with self._asking:  # batches go out side by side: one of them asks for all
                if not self._fresh():
                    await self._ask_alone()

    def _fresh(self) -> bool:
        return self._asked_at is not None and self._clock() - self._asked_at < _STALE

    async def _ask_alone(self) -> None:
        now = self._clock()
        left: dict[str, dict[str, Decimal]] = {}
        page, pages = 1, 1
        while page <= pages:
            found = await self._wire.page(
                "sales-invoice", [("filter.invoiceDp", "true"), ("filter.availableDpAboveZero", "true")], _FIELDS,
                page=page, sort="id|asc",
            )  # fmt: skip
            for row in found.rows:
                number, order = text_of(row, "number"), text_of(row, "poNumber")
                amount = total_of(row) or ZERO
                if order and number.endswith(deposit_number("")) and amount > 0:
                    left.setdefault(order, {})[number] = amount
            page, pages = page + 1, found.pages
        self._left, self._asked_at = left, now

    async def _is(self, number: str, receipt: Receipt) -> bool:
        """Whether the down payment of this number is the one of this receipt, from a try whose answer was lost."""
        row = await self._wire.detail("sales-invoice", [("number", number)])
        return row is not None and total_of(row) == receipt.total
