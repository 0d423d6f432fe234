"""Taking back what was booked: what it paid is open again, and the bank line that it explained is free again.

What is not booked yet is set to zero. What is booked stays, and Tryton's own wizard puts a cancelling entry against it
(Financial > Entries > Cancel), after the reconciliation was undone: a posted statement can neither change nor be
cancelled. All of it is looked for first, so a step that was cut short is carried on and none is done twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from selaras.connectors.contract import Done, Rejected, Transient
from selaras.connectors.tryton.batch import Batch, Item
from selaras.connectors.tryton.chart import Books
from selaras.connectors.tryton.slips import TAKEN_BACK, Slip, cancelled, slips_of
from selaras.connectors.tryton.values import Row
from selaras.connectors.tryton.wire import Wire

D = TypeVar("D", bound=Any)
_MOST = 20


class Undo:
    """Takes entries and slips back."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def entries(self, moves: Sequence[int], journal: int | None = None) -> None:
        """Cancel posted entries, each once, with what stands in the `journal` of exchange differences because of them.

        Raises `ConnectorError`; `Transient` while Tryton's workers are behind."""
        gone = await cancelled(self._wire, moves)
        left = sorted(set(moves) - gone)
        if not left:
            return
        lines = await self._wire.rows(
            "account.move.line", [["move", "in", left]],
            ["reconciliation", "invoice_payment", "account", "party", "second_currency"],
        )  # fmt: skip
        if reconciled := [line["id"] for line in lines if line["reconciliation"]]:
            await self._wire.wizard(
                "account.move.unreconcile_lines", "account.move.line", reconciled, "unreconcile", {}
            )
        await self._unpay([line for line in lines if line["invoice_payment"]])
        left += await self._exchanges(journal, [line for line in lines if line["second_currency"] and line["party"]])
        form = {"default": {"description": TAKEN_BACK, "reversal": True}}
        await self._wire.wizard("account.move.cancel", "account.move", left, "cancel", form)

    async def _exchanges(self, journal: int | None, lines: Sequence[Row]) -> list[int]:
        """Entries of exchange differences of these customers that nothing is reconciled with any more: Tryton makes
        them reconciled, so they belonged to what is taken back. Those that were never posted are thrown away."""
        if not lines or journal is None:
            return []
        found = await self._wire.rows(
            "account.move.line",
            [
                ["move.journal", "=", journal],
                ["account", "in", sorted({line["account"] for line in lines})],
                ["party", "in", sorted({line["party"] for line in lines})],
                ["reconciliation", "=", None],
            ],
            ["move.state"],
        )
        await self._wire.delete(
            "account.move", sorted({r["move"]["id"] for r in found if r["move"]["state"] == "draft"})
        )
        posted = {row["move"]["id"] for row in found if row["move"]["state"] == "posted"}
        return sorted(posted - await cancelled(self._wire, posted))

    async def _unpay(self, lines: Sequence[Row]) -> None:
        """Take payments off their invoices: Tryton counts them there even when they are cancelled."""
        if not lines:
            return
        paid: dict[int, list[int]] = {}
        for line in lines:
            paid.setdefault(line["invoice_payment"], []).append(line["id"])
        rows = await self._wire.rows("account.invoice", [["id", "in", sorted(paid)], ["state", "=", "paid"]], ["state"])
        if rows:
            raise Transient("Tryton has not opened the invoice again yet", code="not_processed")
        await self._wire.write(
            "account.invoice", [([id], {"payment_lines": [["remove", ids]]}) for id, ids in paid.items()]
        )

    async def slips(
        self, batch: Batch[D], items: Sequence[Item[D]], books: Books, ids: Callable[[Item[D]], int],
        total: Callable[[Slip], Decimal],
    ) -> None:  # fmt: skip
        """Take the slips with these line ids back, and say so."""
        found = {
            line["id"]: slip
            for slip in await slips_of(self._wire, books, [ids(item) for item in items if ids(item)])
            for line in slip.lines
        }

        def prepare(item: Item[D]) -> None:
            slip = found.get(ids(item))
            if slip is None:
                raise Rejected(
                    f"Tryton has no statement line {item.target} of ours", code="not_found",
                    cure="It is gone from the books: link another record, then retry.",
                )  # fmt: skip
            if not slip.void and slip.number != item.document.reference:
                raise Rejected(
                    f"the statement line {item.target} was entered by a person", code="document_locked",
                    cure="Cancel it in Tryton, then skip this posting.",
                )  # fmt: skip
            item.values["slip"] = slip

        items = batch.check(batch.open(items), prepare)
        await self._book(batch, [i for i in items if i.values["slip"].state == "validated" and not _void(i)])

        async def zero(part: list[Item[D]]) -> None:
            lines = [line for item in part for line in item.values["slip"].lines]
            await self._wire.write("account.statement.line", _nothing(lines))

        async def cancel(part: list[Item[D]]) -> None:
            moves = [move for item in part for move in item.values["slip"].moves]
            await self.entries(moves, books.exchange_journal_id)

        standing = [item for item in batch.open(items) if not _void(item)]
        await batch.step([i for i in standing if i.values["slip"].state == "draft"], zero)
        await batch.step([i for i in standing if i.values["slip"].state != "draft"], cancel, most=_MOST)
        for item in batch.open(items):
            slip: Slip = item.values["slip"]
            shown = total(slip) if slip.total else item.document.total
            currency = books.code_of(slip.currency) if slip.total else item.document.currency
            batch.done(item, Done(item.target, slip.move_number(), shown, currency, "void"))

    async def _book(self, batch: Batch[D], items: list[Item[D]]) -> None:
        """Book statements that were only validated: Tryton lets an administrator alone take those back."""

        async def post(part: list[Item[D]]) -> None:
            statements = sorted({item.values["slip"].statement for item in part})
            await self._wire.press("account.statement", "post", statements)

        await batch.step(items, post)


def _void(item: Item[Any]) -> bool:
    return bool(item.values["slip"].void)


def _nothing(lines: Sequence[Row]) -> list[tuple[list[int], Row]]:
    """Lines that are not booked yet are set to zero; the day they lie on does not change."""
    empty: Row = {
        "amount": Decimal(0), "second_currency": None, "amount_second_currency": None, "related_to": None,
        "description": TAKEN_BACK,
    }  # fmt: skip
    return [([line["id"] for line in lines], empty)]
