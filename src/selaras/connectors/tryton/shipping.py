"""Goods on their way: shipments that go out with the invoice, and goods that come back.

What should have left for a sale is what was sold minus what was credited with its goods. Everything here compares
that with the moves that there are and corrects the difference, so that a call that was cut short can simply be made
again. Goods of a shipment that nobody has picked yet are taken off it, so that nobody packs them; goods that left
come back by a return shipment, which is received and put away.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from selaras.connectors.tryton.chart import Books
from selaras.connectors.tryton.drafts import Party
from selaras.connectors.tryton.values import Number, Row, quantity
from selaras.connectors.tryton.wire import Wire
from selaras.model.money import ZERO

BACK: Final = "Selaras (goods back)"
_OPEN: Final = frozenset({"draft", "waiting", "assigned"})
_ROAD: Final = (
    (("draft",), "wait"),
    (("waiting",), "assign_try"),
    (("assigned",), "pick"),
    (("picked",), "pack"),
    (("packed", "shipped"), "do"),
)
_SALE_LINE: Final = "sale.line"


class Shipping:
    """Moves goods."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def send(self, ids: Sequence[int]) -> None:
        """Carry shipments out as far as the stock allows; what cannot be assigned waits for people."""
        for states, button in _ROAD if ids else ():
            domain = [["id", "in", list(ids)], ["state", "in", list(states)]]
            rows = await self._wire.rows("stock.shipment.out", domain, ["state"])
            await self._wire.press("stock.shipment.out", button, [row["id"] for row in rows])

    # -- goods of a sale that come back -----------------------------------------------------------------------------

    async def settle(
        self, books: Books, reference: str, day: dt.date, party: Party, sale_id: int, products: Iterable[int]
    ) -> None:
        """Bring the moves of a sale in line with what was sold and credited of these products."""
        concerned = set(products)
        moves = await self._moves(sale_id)
        balance = await self._balance(sale_id, moves)
        excess = {product: n for product, n in balance.items() if n > 0 and product in concerned}
        pending = [m for m in moves if m["state"] in ("draft", "assigned") and m["product"]["id"] in excess]
        shipments = await self._shipments(pending)
        taken: dict[int, list[tuple[Row, Decimal]]] = {}
        for move in pending:
            shipment, product = _shipment(move), move["product"]["id"]
            part = min(quantity(move["quantity"]), excess[product])
            if part > 0 and shipments.get(shipment, {}).get("state") in _OPEN:
                taken.setdefault(shipment, []).append((move, part))
                excess[product] -= part
        for shipment, parts in taken.items():
            await self._take_off(shipments[shipment], parts)
        await self._resolve(sale_id, concerned)
        left = {product: n for product, n in excess.items() if n > 0}
        if left:
            origins = {m["product"]["id"]: m for m in moves if m["state"] == "done"}
            await self.bring_back(books, reference, day, party, left, origins)
        await self._finish_returns(reference)

    async def _moves(self, sale_id: int) -> list[Row]:
        return await self._wire.rows(
            "stock.move",
            [["origin.sale", "=", sale_id, _SALE_LINE], ["to_location.type", "=", "customer"]],
            ["product.default_uom", "quantity", "unit", "state", "shipment", "origin"],
        )

    async def _balance(self, sale_id: int, moves: Sequence[Row]) -> dict[int, Decimal]:
        """Pieces by product that leave beyond what was sold and not credited; negative where too few do."""
        out: dict[int, Decimal] = {}
        for move in moves:
            if move["state"] in ("draft", "assigned", "done"):
                product = move["product"]["id"]
                out[product] = out.get(product, ZERO) + quantity(move["quantity"])
        lines = await self._wire.rows(
            _SALE_LINE,
            [["sale", "=", sale_id], ["product.type", "=", "goods"], ["quantity", ">", 0]],
            ["product", "quantity"],
        )
        sales = await self._wire.rows("sale.sale", [["id", "=", sale_id]], ["invoices"])
        credited = await self._wire.rows(
            "account.invoice.line",
            [
                ["origin.invoice", "in", sales[0]["invoices"] if sales else [], "account.invoice.line"],
                ["invoice.description", "=", BACK],
                ["invoice.state", "!=", "cancelled"],
                ["product.type", "=", "goods"],
            ],
            ["product", "quantity"],
        )
        returned = await self._wire.rows(
            "stock.move",
            [
                ["origin.id", "in", [move["id"] for move in moves if move["state"] == "done"], "stock.move"],
                ["state", "!=", "cancelled"],
                ["from_location.type", "=", "customer"],
            ],
            ["product", "quantity"],
        )
        for row in (*lines, *credited, *returned):  # a credit note's quantities are negative
            out[row["product"]] = out.get(row["product"], ZERO) - quantity(row["quantity"])
        return out

    async def _shipments(self, moves: Sequence[Row]) -> dict[int, Row]:
        ids = {_shipment(move) for move in moves} - {0}
        if not ids:
            return {}
        rows = await self._wire.rows(
            "stock.shipment.out",
            [["id", "in", sorted(ids)]],
            ["state"],
        )
        return {row["id"]: row for row in rows}

    async def _take_off(self, shipment: Row, parts: Sequence[tuple[Row, Decimal]]) -> None:
        """Cancel a shipment that nobody has picked; a move that goes back in part is split before.

        A move cannot be cancelled without its shipment. What is still to be sent gets a new one by `_resolve`.
        """
        split = [
            action
            for move, part in parts
            if part < quantity(move["quantity"])
            for action in (
                ["write", [move["id"]], {"quantity": Number(quantity(move["quantity"]) - part)}],
                ["copy", [move["id"]], {"quantity": Number(part)}],
            )
        ]
        if split and shipment["state"] == "assigned":
            await self._wire.press("stock.shipment.out", "wait", [shipment["id"]])
        if split and shipment["state"] != "draft":
            await self._wire.press("stock.shipment.out", "draft", [shipment["id"]])
        if split:
            await self._wire.write("stock.shipment.out", [([shipment["id"]], {"outgoing_moves": split})])
        await self._wire.press("stock.shipment.out", "cancel", [shipment["id"]])

    async def _resolve(self, sale_id: int, products: set[int]) -> None:
        """Say of cancelled moves which are to be sent again and which are not (Tryton's own wizard).

        Only of shipments that had goods concerned; what else a person cancelled is that person's to decide.
        """
        moves = await self._moves(sale_id)
        lines = await self._wire.rows(_SALE_LINE, [["sale", "=", sale_id]], ["moves_ignored", "moves_recreated"])
        settled = {move for line in lines for move in (*line["moves_ignored"], *line["moves_recreated"])}
        cancelled = [move for move in moves if move["state"] == "cancelled" and move["id"] not in settled]
        ours = {_shipment(move) for move in cancelled if move["product"]["id"] in products}
        cancelled = [move for move in cancelled if _shipment(move) in ours]
        if not cancelled:
            return
        balance = await self._balance(sale_id, moves)
        again: list[int] = []
        for move in sorted(cancelled, key=lambda move: -quantity(move["quantity"])):
            product, n = move["product"]["id"], quantity(move["quantity"])
            if balance.get(product, ZERO) + n <= 0:
                balance[product] = balance.get(product, ZERO) + n
                again.append(move["id"])
        ids = [move["id"] for move in cancelled]
        asked = {
            "recreate_moves": again,
            "ignore_moves": [one for one in ids if one not in again],
            "domain_moves": ids,
        }
        await self._wire.wizard("sale.handle.shipment.exception", "sale.sale", [sale_id], "handle", {"ask": asked})

    # -- returns ----------------------------------------------------------------------------------------------------

    async def bring_back(
        self,
        books: Books,
        reference: str,
        day: dt.date,
        party: Party,
        pieces: Mapping[int, Decimal],
        origins: Mapping[int, Row],
    ) -> None:
        """Make a return shipment of pieces (by product id); `origins` are the moves by which they left."""
        units = await self._wire.rows("product.product", [["id", "in", list(pieces)]], ["default_uom"])
        unit = {row["id"]: row["default_uom"] for row in units}
        moves: list[Row] = []
        for product, n in pieces.items():
            origin = origins.get(product)
            moves.append(
                {
                    "product": product,
                    "unit": origin["unit"] if origin is not None else unit[product],
                    "quantity": Number(n),
                    "from_location": books.customer_id,
                    "to_location": books.input_id,
                    "company": books.company_id,
                    "currency": books.currency_id,
                    "unit_price": ZERO,
                    "origin": f"stock.move,{origin['id']}" if origin is not None else None,
                }
            )
        await self._wire.create(
            "stock.shipment.out.return",
            [
                {
                    "company": books.company_id,
                    "customer": party.id,
                    "contact_address": party.address_id,
                    "warehouse": books.warehouse_id,
                    "warehouse_input": books.input_id,
                    "warehouse_storage": books.storage_id,
                    "reference": reference,
                    "planned_date": day,
                    "incoming_moves": [["create", moves]],
                }
            ],
        )

    async def returned(self, books: Books, reference: str) -> bool:
        """Whether a return shipment stands under this reference."""
        rows = await self._wire.rows(
            "stock.shipment.out.return",
            [["company", "=", books.company_id], ["reference", "=", reference], ["state", "!=", "cancelled"]],
            ["state"],
        )
        return bool(rows)

    async def _finish_returns(self, reference: str) -> None:
        for state, button in (("draft", "receive"), ("received", "do")):
            rows = await self._wire.rows(
                "stock.shipment.out.return", [["reference", "=", reference], ["state", "=", state]], ["state"]
            )
            await self._wire.press("stock.shipment.out.return", button, [row["id"] for row in rows])

    async def return_alone(
        self, books: Books, reference: str, day: dt.date, party: Party, pieces: Mapping[int, Decimal]
    ) -> None:
        """Goods that come back without a sale of ours behind them."""
        if pieces and not await self.returned(books, reference):
            await self.bring_back(books, reference, day, party, pieces, {})
        await self._finish_returns(reference)


def _shipment(move: Row) -> int:
    model, _, record = str(move["shipment"] or "").partition(",")
    return int(record) if model == "stock.shipment.out" and record.isdecimal() else 0
