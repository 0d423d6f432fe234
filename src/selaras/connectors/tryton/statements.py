"""Statements: how slips are booked, on a statement of ours or under a line of a bank statement.

A statement of ours is made, validated and posted in one write, with one slip for each document. A line of an imported
bank statement gets the slip under it, and that statement is posted once all its lines are explained, because Tryton
books a statement as a whole. What is begun and was cut short is found by its number and carried on.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from selaras.connectors.contract import Done, LockedPeriod, Rejected
from selaras.connectors.tryton import origins
from selaras.connectors.tryton.batch import Batch, Item
from selaras.connectors.tryton.billing import check_day
from selaras.connectors.tryton.chart import Books, Feed
from selaras.connectors.tryton.contacts import gone
from selaras.connectors.tryton.exchanges import finish
from selaras.connectors.tryton.mapping import MARK
from selaras.connectors.tryton.slips import Slip, Wanted, slips, statement_name
from selaras.connectors.tryton.values import Row
from selaras.connectors.tryton.wire import Wire
from selaras.model.money import ZERO

D = TypeVar("D", bound=Any)
Tell = Callable[[Slip], tuple[str, Decimal]]
"""The id of a document, and its total."""
Other = Callable[[Item[Any], Done], Rejected]
LinesOf = Callable[[Sequence[Item[Any]]], list[list[Row]]]
"""The statement lines of documents; `Item.values["day"]` is the day they are to have."""
_MOST = 50


class Statements:
    """Writes slips. `wanted` says which slips are the kind of document that is written."""

    def __init__(self, wire: Wire, wanted: Wanted, tell: Tell) -> None:
        self._wire = wire
        self._wanted = wanted
        self._tell = tell

    # -- what is there already --------------------------------------------------------------------------------------

    async def begun(
        self, batch: Batch[D], items: Sequence[Item[D]], books: Books, other: Other | None = None
    ) -> None:  # fmt: skip
        """Documents of an earlier try: those that stand are done, a statement that was never booked is thrown away.

        `other` is the refusal of a document under whose reference one with another total stands.
        """
        if not items:
            return
        found = [slip for slip in await self._under(items, books) if self._wanted(slip)]
        ours = [slip for slip in found if slip.ours]
        await self._wire.delete("account.statement", sorted({s.statement for s in ours if s.state == "draft"}))
        validated = sorted({slip.statement for slip in ours if slip.state == "validated"})
        await self._wire.press("account.statement", "post", validated)
        stands = {slip.number for slip in found if slip.stands or slip.statement in validated}
        void = [line["id"] for slip in found if slip.void for line in slip.lines]
        for item in items:
            item.values["void"] = void
        await close(self._wire, books, waiting(found))
        await finish(self._wire, books, [line for slip in found if not slip.void for line in slip.lines])
        await self.tell(batch, [item for item in items if item.document.reference in stands], books, other)

    async def _under(self, items: Sequence[Item[D]], books: Books, void: Sequence[int] | None = None) -> list[Slip]:
        """Slips under the references of these documents. `void` are lines that are known to be taken back."""
        numbers = [item.document.reference for item in items]
        domain: list[Any] = [["number", "in", numbers], ["statement.state", "!=", "cancelled"]]
        if void:
            domain.append(["id", "not in", list(void)])
        return await slips(self._wire, books, domain, check=void is None)

    async def bank_lines(self, ids: Sequence[str], books: Books) -> dict[str, Row]:
        """Lines of bank statements by our id, with what is left to explain of each."""
        rows = await origins.read(self._wire, [int(one) for one in ids if one.isdecimal()])
        await origins.set_free(self._wire, books, list(rows.values()))
        return {str(id): row for id, row in rows.items()}

    def explains(self, item: Item[D], found: dict[str, Row], amount: Decimal, currency: str, books: Books) -> Row:
        """The bank line that a document explains by `amount`; takes that off what is left of it. Raises `Rejected`."""
        id = str(item.document.bank_transaction_id)
        origin = found.get(id)
        if origin is None:
            raise gone("line of a bank statement", int(id) if id.isdecimal() else 0)
        if books.code_of(origin["currency"]) != currency:
            raise Rejected(
                f"the bank line is in {books.code_of(origin['currency'])}, not in {currency}",
                code="currency_mismatch", field="currency", cure="Book the exchange in Tryton first.",
            )  # fmt: skip
        left, state = origin["pending_amount"], origin["statement"]["state"]
        if state not in ("draft", "posted") or left * amount <= ZERO or abs(left) < abs(amount):
            raise Rejected(
                "this line of the bank statement is explained already", code="already_reconciled",
                field="bank_transaction_id", cure="Look in Tryton which booking explains it, then skip this posting.",
            )  # fmt: skip
        if state == "posted":
            check_day(books, item.document.date)
            item.values["again"] = True
            account = str(origin["statement"]["journal"]["account"]["id"])
            item.values["feed"] = books.feed_of(account, books.currency_of(currency)[0])
        else:
            item.values["day"] = origin["date"]
        item.values["origin"] = origin
        origin["pending_amount"] = left - amount
        return origin

    # -- booking ----------------------------------------------------------------------------------------------------

    async def book(self, batch: Batch[D], items: list[Item[D]], books: Books, lines_of: LinesOf) -> list[Item[D]]:
        """Book what was prepared: `feed` (a statement journal) or `origin` (a bank line) stands in `Item.values`."""
        booked: list[Item[D]] = []
        plain = [item for item in items if "feed" in item.values and not item.values.get("again")]
        for feed in {item.values["feed"].id: item.values["feed"] for item in plain}.values():
            booked += await self._own(batch, [i for i in plain if i.values["feed"] == feed], feed, books, lines_of)
        for item in items:  # a posted bank statement cannot change, so each gets a statement that names its line
            if item.values.get("again"):
                booked += await self._own(batch, [item], item.values["feed"], books, lines_of)
        under = [item for item in batch.open(items) if "origin" in item.values and not item.values.get("again")]
        return booked + await self._explain(batch, under, books, lines_of)

    async def _own(
        self, batch: Batch[D], items: list[Item[D]], feed: Feed, books: Books, lines_of: LinesOf
    ) -> list[Item[D]]:
        async def book(part: list[Item[D]]) -> None:
            values = await self._statement(part, feed, books, lines_of)
            (made,) = await self._wire.create("account.statement", [values])
            try:
                await self._wire.press("account.statement", "validate_statement", [made])
            except Rejected:
                await self._wire.delete("account.statement", [made])
                raise
            for item in part:
                item.touched = True
            await self._wire.press("account.statement", "post", [made])
            await finish(self._wire, books, values["lines"][0][1])

        return await batch.step(items, book, most=_MOST, one_call=True)

    async def _statement(self, items: Sequence[Item[D]], feed: Feed, books: Books, lines_of: LinesOf) -> Row:
        lines = [line for part in lines_of(items) for line in part]
        total = sum((line["amount"] for line in lines), ZERO)
        name = f"{MARK} {items[0].document.reference}" + (f" +{len(items) - 1}" if len(items) > 1 else "")
        if items[0].values.get("again"):
            name = statement_name(items[0].values["origin"]["id"])
        values: Row = {
            "name": name,
            "company": books.company_id,
            "journal": feed.id,
            "date": max(item.document.date for item in items),
            "lines": [["create", lines]],
        }
        if feed.validation == "amount":
            values["total_amount"] = total
        elif feed.validation == "number_of_lines":
            values["number_of_lines"] = len({(line["number"], line["date"], line["party"]) for line in lines})
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

    async def _explain(
        self, batch: Batch[D], items: list[Item[D]], books: Books, lines_of: LinesOf
    ) -> list[Item[D]]:  # fmt: skip
        async def add(part: list[Item[D]]) -> None:
            rows: list[Row] = []
            for item, lines in zip(part, lines_of(part), strict=True):
                origin = item.values["origin"]
                more = {"statement": origin["statement"]["id"], "origin": origin["id"]}
                rows += [{**line, **more} for line in lines]
            await self._wire.create("account.statement.line", rows)

        added = await batch.step(items, add, one_call=True)
        await close(self._wire, books, {item.values["origin"]["statement"]["id"] for item in added})
        return added

    # -- the answer -------------------------------------------------------------------------------------------------

    async def tell(
        self, batch: Batch[D], items: Sequence[Item[D]], books: Books, other: Other | None = None
    ) -> None:  # fmt: skip
        """Say what stands of these documents."""
        if not items:
            return
        found: dict[str, Slip] = {}
        for slip in await self._under(items, books, items[0].values["void"]):
            if self._wanted(slip) and not slip.void:
                found.setdefault(slip.number, slip)
        for item in items:
            if item.document.reference not in found:
                batch.fail(item, gone("statement line", 0))
                continue
            slip = found[item.document.reference]
            id, total = self._tell(slip)
            stands = Done(id, slip.move_number(), total, books.code_of(slip.currency), slip.status())
            if other is not None and total != item.document.total:
                batch.fail(item, other(item, stands))
            else:
                batch.done(item, stands)


def day_of(item: Item[Any]) -> dt.date:
    """The day of an item's lines: that of the bank line it explains, else its own."""
    day: dt.date = item.values.get("day") or item.document.date
    return day


def waiting(found: Sequence[Slip]) -> set[int]:
    """Bank statements that these slips stand on and that were not booked yet."""
    return {slip.statement for slip in found if slip.stands and slip.origin and slip.state != "posted"}


async def close(wire: Wire, books: Books, statements: Iterable[int]) -> bool:
    """Book bank statements if all their lines are explained; whether any was. What a person has to settle there stays
    as it is."""
    wanted = sorted(statements)
    if not wanted:
        return False
    rows = await wire.rows(
        "account.statement",
        [["id", "in", wanted], ["state", "in", ["draft", "validated"]]],
        [
            "state",
            "origins.pending_amount",
            *(f"origins.lines.{name}" for name in ("amount", "party", "second_currency", "description")),
        ],
    )
    booked = False
    for row in rows:
        if any(origin["pending_amount"] for origin in row["origins"]):
            continue
        with contextlib.suppress(Rejected, LockedPeriod):
            if row["state"] == "draft":  # lines that were taken back would be booked with no amount
                nothing = [line["id"] for origin in row["origins"] for line in origin["lines"] if not line["amount"]]
                await wire.delete("account.statement.line", nothing)
                await wire.press("account.statement", "validate_statement", [row["id"]])
            await wire.press("account.statement", "post", [row["id"]])
            booked = True
            await finish(wire, books, [line for origin in row["origins"] for line in origin["lines"]])
    return booked
