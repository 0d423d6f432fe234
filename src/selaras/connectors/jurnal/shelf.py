"""Stock: what lies in the warehouse, less what open sales orders will take.

Jurnal keeps no reservations: an order takes its goods when it is invoiced or delivered. What open orders hold is the
`remaining_quantity` of their lines (swagger, "Get List of Sales Orders"); the list is read by status, the closed ones
last.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from selaras.connectors.jurnal.chart import PAGE, Chart, goods_of
from selaras.connectors.jurnal.client import Client, unreadable
from selaras.connectors.jurnal.looking import Finder
from selaras.connectors.jurnal.mapping import VOID
from selaras.connectors.jurnal.values import SALES_ORDER, SCM, Row, inner, number, pages_of, rows_of
from selaras.model.money import ZERO
from selaras.model.product import Product, Stock

_MOST_PAGES: Final = 100


class Shelf:
    """Reads stock by product code."""

    def __init__(self, client: Client, finder: Finder, chart: Chart) -> None:
        self._client = client
        self._finder = finder
        self._chart = chart

    def product(self, row: Row) -> Product:
        """A product of a list."""
        return goods_of(row, self._chart.currency).product

    async def all(self) -> list[tuple[Stock, Row]]:
        """Every product whose stock is kept."""
        rows: list[Row] = []
        page = pages = 1
        while page <= pages:
            more, pages = await self._page({"page": page})
            rows += more
            page += 1
        return await self._stocks(rows)

    async def of(self, codes: Sequence[str]) -> list[tuple[Stock, Row]]:
        """These products; what Jurnal keeps no stock of is left out."""
        rows: list[Row] = []
        for start in range(0, len(codes), PAGE):
            rows += (await self._page([("product_codes", code) for code in codes[start : start + PAGE]]))[0]
        wanted = set(codes)
        return await self._stocks([row for row in rows if row.get("product_code") in wanted])

    async def _page(self, asked: dict[str, object] | list[tuple[str, object]]) -> tuple[list[Row], int]:
        pairs = list(asked.items()) if isinstance(asked, dict) else asked
        content = await self._client.json(f"{SCM}/products/minified", [*pairs, ("page_size", PAGE)])
        try:
            return rows_of(content, "products"), pages_of(content)[0]
        except (ValueError, TypeError) as error:
            raise unreadable("products", error) from None

    async def _stocks(self, rows: Sequence[Row]) -> list[tuple[Stock, Row]]:
        kept = [row for row in rows if row.get("track_inventory") and row.get("product_code")]
        if not kept:
            return []
        warehouse = await self._chart.warehouse(())
        lying = await self._in_warehouse(kept, warehouse) if warehouse else {}
        held = await self._held(warehouse)
        made = []
        for row in kept:
            code = str(row["product_code"])
            on_hand = lying.get(str(row["id"]), ZERO) if warehouse else number(row.get("quantity"))
            stock = Stock(code, on_hand, held.get(code, ZERO), str(row["id"]), warehouse)
            made.append((stock, row))
        return made

    async def _in_warehouse(self, rows: Sequence[Row], warehouse: str) -> dict[str, Decimal]:
        found: dict[str, Decimal] = {}
        for start in range(0, len(rows), PAGE):
            ids = ",".join(str(row["id"]) for row in rows[start : start + PAGE])
            content = await self._client.json(f"{SCM}/products/get_product_quantity_per_warehouse", {"ids": ids})
            try:
                for row in rows_of(content, "data"):
                    places = row.get("warehouse_inventory") or ()
                    found[str(row["id"])] = sum(
                        (number(place.get("quantity")) for place in places if str(place.get("id")) == warehouse), ZERO
                    )
            except (ValueError, TypeError, KeyError) as error:
                raise unreadable("stock by warehouse", error) from None
        return found

    async def _held(self, warehouse: str) -> dict[str, Decimal]:
        """Pieces that open sales orders hold, by product code."""
        held: dict[str, Decimal] = {}
        page = pages = 1
        while page <= min(pages, _MOST_PAGES):
            rows, pages, _count = await self._finder.listed(
                SALES_ORDER, page, newest=True, sort="transaction_status_name"
            )
            for row in rows:
                if inner(row, "transaction_status").get("name") == "Closed":
                    return held
                if str(row.get("memo") or "").startswith(VOID):
                    continue
                place = str(inner(row, "warehouse").get("id") or "")
                if warehouse and place and place != warehouse:
                    continue
                for line in row.get("transaction_lines_attributes") or ():
                    code = str(inner(line, "product").get("code") or "")
                    held[code] = held.get(code, ZERO) + number(line.get("remaining_quantity"))
            page += 1
        return held
