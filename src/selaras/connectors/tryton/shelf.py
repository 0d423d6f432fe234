"""Stock by product: what lies in the warehouse, and what is promised.

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
from selaras.connectors.tryton.chart import Books, Chart
from selaras.connectors.tryton.mapping import MARK, STAMPS
from selaras.connectors.tryton.values import quantity
from selaras.connectors.tryton.wire import Wire
from selaras.model.money import ZERO
from selaras.model.product import Stock

_FAR: Final = dt.date(2999, 1, 1)
_PAGE: Final = 500
_PROMISED: Final[list[Any]] = [
    "OR",
    [["sale.state", "in", ["draft", "quotation"]], ["sale.description", "=", MARK]],
    ["sale.state", "=", "confirmed"],
]


class Shelf:
    """Reads the stock of one warehouse."""

    def __init__(self, wire: Wire, chart: Chart) -> None:
        self._wire = wire
        self._chart = chart

    async def stock(self, books: Books, codes: Sequence[str], now: dt.datetime) -> list[Stock]:
        """The stock of these products as far as they keep any. Raises `ConnectorError`."""
        wanted = list(dict.fromkeys(codes))
        reserved = await self._reserved(books, wanted)
        places = self._places(books)
        rows = await self._wire.rows(
            "product.product",
            [["code", "in", wanted], ["type", "=", "goods"]],
            ["code", "quantity"],
            context={"locations": places, "stock_date_end": _FAR},
        )
        return [
            Stock(
                code=row["code"],
                on_hand=quantity(row["quantity"]),
                reserved=reserved.get(row["code"], ZERO),
                product_id=str(row["id"]),
                location=books.warehouse_name,
                updated_at=now.isoformat(),
            )
            for row in rows
        ]

    def _places(self, books: Books) -> list[int]:
        if not books.warehouse_id:
            raise Rejected(
                "Tryton has no such warehouse", code="no_warehouse", field="warehouse",
                cure="Name a warehouse of Tryton in the setting 'warehouse'.",
            )  # fmt: skip
        return [books.storage_id, books.output_id]

    async def _reserved(self, books: Books, codes: Sequence[str]) -> dict[str, Decimal]:
        held: dict[str, Decimal] = {}
        lines = await self._wire.rows(
            "sale.line",
            [
                ["sale.company", "=", books.company_id],
                ["sale.warehouse", "=", books.warehouse_id],
                ["product.code", "in", list(codes)],
                ["quantity", ">", 0],
                _PROMISED,
            ],
            ["product.code", "quantity"],
        )
        moves = await self._wire.rows(
            "stock.move",
            [
                ["company", "=", books.company_id],
                ["state", "in", ["draft", "assigned"]],
                ["to_location.type", "=", "customer"],
                ["from_location", "child_of", [books.warehouse_id], "parent"],
                ["product.code", "in", list(codes)],
            ],
            ["product.code", "internal_quantity"],
        )
        for row in lines:
            held[row["product"]["code"]] = held.get(row["product"]["code"], ZERO) + quantity(row["quantity"])
        for row in moves:
            code = row["product"]["code"]
            held[code] = held.get(code, ZERO) + quantity(row["internal_quantity"])
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
