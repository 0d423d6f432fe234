"""Stock by product: what lies in the warehouse, and what is promised.

The stock of the connection's warehouse is the product's; where the connection names none and there are several, each is
told as a shelf of its own, for stores whose mapping sends from another one.

`on_hand` is what lies in the storage and output zones. `reserved` is what confirmed sales still have to send (moves
to customers that are not done) plus what our own orders hold before Tryton has made their moves: a sale that is a
quotation or confirmed. Incoming goods count once they are stored. Read in this order, a sale that moves on meanwhile
is counted twice for a moment, never not at all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from selaras.connectors.contract import Rejected
from selaras.connectors.tryton.chart import Books, Chart, House
from selaras.connectors.tryton.mapping import MARK, STAMPS
from selaras.connectors.tryton.values import Row, quantity
from selaras.connectors.tryton.wire import Wire
from selaras.model.money import ZERO
from selaras.model.product import Shelf, Stock

_FAR: Final = dt.date(2999, 1, 1)
_PAGE: Final = 500
_PROMISED: Final[list[Any]] = [
    "OR",
    [["sale.state", "in", ["draft", "quotation"]], ["sale.description", "=", MARK]],
    ["sale.state", "=", "confirmed"],
]


class Shelves:
    """Reads the stock of the warehouses."""

    def __init__(self, wire: Wire, chart: Chart) -> None:
        self._wire = wire
        self._chart = chart

    async def stock(self, books: Books, codes: Sequence[str], now: dt.datetime) -> list[Stock]:
        """The stock of these products as far as they keep any. Raises `ConnectorError`."""
        if not books.houses:
            raise Rejected(
                "Tryton has no such warehouse", code="no_warehouse", field="warehouse",
                cure="Name a warehouse of Tryton in the setting 'warehouse'.",
            )  # fmt: skip
        wanted = list(dict.fromkeys(codes))
        reserved = await self._reserved(books, wanted)
        ids: dict[str, int] = {}
        parts: dict[str, list[Shelf]] = {}
        for house in books.houses:
            for row in await self._lying(house, wanted):
                code = row["code"]
                ids[code] = row["id"]
                held = reserved.get((code, house.id), ZERO)
                parts.setdefault(code, []).append(Shelf(str(house.id), quantity(row["quantity"]), held))
        return [
            Stock(
                code=code,
                on_hand=shelves[0].on_hand,
                reserved=shelves[0].reserved,
                product_id=str(ids[code]),
                location=books.warehouse_name,
                updated_at=now.isoformat(),
                shelves=tuple(shelves) if len(shelves) > 1 else (),
            )
            for code, shelves in parts.items()
        ]

    async def _lying(self, house: House, codes: Sequence[str]) -> list[Row]:
        return await self._wire.rows(
            "product.product",
            [["code", "in", list(codes)], ["type", "=", "goods"]],
            ["code", "quantity"],
            context={"locations": [house.storage_id, house.output_id], "stock_date_end": _FAR},
        )

    async def _reserved(self, books: Books, codes: Sequence[str]) -> dict[tuple[str, int], Decimal]:
        """Pieces that are promised, by product code and warehouse."""
        held: dict[tuple[str, int], Decimal] = {}
        lines = await self._wire.rows(
            "sale.line",
            [
                ["sale.company", "=", books.company_id],
                ["sale.warehouse", "in", [house.id for house in books.houses]],
                ["product.code", "in", list(codes)],
                ["quantity", ">", 0],
                _PROMISED,
            ],
            ["product.code", "quantity", "sale.warehouse"],
        )
        for row in lines:
            key = row["product"]["code"], row["sale"]["warehouse"]
            held[key] = held.get(key, ZERO) + quantity(row["quantity"])
        for house in books.houses:
            moves = await self._wire.rows(
                "stock.move",
                [
                    ["company", "=", books.company_id],
                    ["state", "in", ["draft", "assigned"]],
                    ["to_location.type", "=", "customer"],
                    ["from_location", "child_of", [house.id], "parent"],
                    ["product.code", "in", list(codes)],
                ],
                ["product.code", "internal_quantity"],
            )
            for row in moves:
                key = row["product"]["code"], house.id
                held[key] = held.get(key, ZERO) + quantity(row["internal_quantity"])
        return held

    async def moved(self, books: Books, since: dt.datetime) -> list[str]:
        """Codes of the products whose stock or promises may have changed since then."""
        stamp = since.astimezone(dt.UTC).replace(tzinfo=None)
        codes: dict[str, None] = {}
        for model, prefixes in (("stock.move", ("",)), ("sale.line", ("", "sale."))):
            either: list[Any] = ["OR", *([f"{p}{name}", ">=", stamp] for p in prefixes for name in STAMPS)]
            company = "company" if model == "stock.move" else "sale.company"
            after = 0
            while True:
                rows = await self._wire.rows(
                    model,
                    [[company, "=", books.company_id], ["product", "!=", None], either, ["id", ">", after]],
                    ["product.code", "product.type"],
                    limit=_PAGE,
                )
                for row in rows:
                    if row["product"]["code"] and row["product"]["type"] == "goods":
                        codes[row["product"]["code"]] = None
                if len(rows) < _PAGE:
                    break
                after = rows[-1]["id"]
        fresh = await self._wire.rows(
            "product.product",
            [["type", "=", "goods"], ["OR", *([name, ">=", stamp] for name in STAMPS)]],
            ["code"],
        )
        codes.update((row["code"], None) for row in fresh if row["code"])
        return list(codes)
