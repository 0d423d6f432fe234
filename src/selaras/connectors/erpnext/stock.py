"""Stock: `Bin`, one row for each item in each warehouse. Ours is the sum over the warehouses of the settings.

`actual_qty` lies there; `reserved_qty` is promised to submitted sales orders, the others to production
(erpnext/stock/doctype/bin/bin.json). An item that never moved has no Bin: nothing lies there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from selaras.connectors.erpnext.chart import Books, Goods
from selaras.connectors.erpnext.values import Row, number
from selaras.connectors.erpnext.wire import Wire
from selaras.model.money import ZERO
from selaras.model.product import Shelf, Stock

_RESERVED: Final = ("reserved_qty", "reserved_qty_for_production", "reserved_qty_for_sub_contract")
_FIELDS: Final = ("name", "modified", "item_code", "warehouse", "actual_qty", "projected_qty", *_RESERVED)


class Bins:
    """Reads stock."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def filters(self, books: Books) -> list[Any]:
        """The Bins that count."""
        return [["warehouse", "in", list(books.warehouses)]]

    async def stock(
        self, books: Books, codes: Sequence[str], known: Mapping[str, Goods]
    ) -> list[tuple[Stock, list[Row]]]:
        """The stock of items with the rows behind it. Items of `known` without a Bin have nothing."""
        if not codes:
            return []
        rows = await self._wire.rows_in("Bin", _FIELDS, "item_code", codes, self.filters(books))
        by_code: dict[str, list[Row]] = {code: [] for code in codes if code in known and known[code].stocked}
        for row in rows:
            by_code.setdefault(row["item_code"], []).append(row)
        return [(_sum(code, bins), bins) for code, bins in by_code.items()]


def _sum(code: str, bins: Sequence[Row]) -> Stock:
    held = sum((number(row["actual_qty"]) for row in bins), ZERO)
    promised: Decimal = sum((number(row[name]) for row in bins for name in _RESERVED), ZERO)
    newest = max((str(row["modified"]) for row in bins), default="")
    place = bins[0]["warehouse"] if len(bins) == 1 else ""
    shelves = tuple(
        Shelf(row["warehouse"], number(row["actual_qty"]), sum((number(row[name]) for name in _RESERVED), ZERO))
        for row in sorted(bins, key=lambda row: str(row["warehouse"]))
    )
    return Stock(code, held, promised, product_id=code, location=place, updated_at=newest, shelves=shelves)
