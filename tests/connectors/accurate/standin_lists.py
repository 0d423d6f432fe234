"""`list.do` and `detail.do` of the stand-in, with the traps that are known of them.

* without `fields` a list answers with ids only, and `id` has to be asked for (public code, seen live);
* a comma of `fields` that is percent-encoded is not understood (public code);
* fields that do not exist are left out in silence, rows of details and `primeOwing` are only in `detail.do` (public
  code);
* 20 rows a page unless asked for (vendor), more than 500 are not given (500 seen; the stricter);
* filters that an entity does not have are ignored in silence (not known: the nastier; `ignored` writes them down).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from tests.connectors.accurate.standin_books import ZONE, Books, Refused, Row

_ONLY_IN_DETAIL = ("primeOwing", "available", "returned", "open")
_KEYS = {"customer": "customerNo", "item": "no", "glaccount": "no"}
# Entities whose lists have a filter by number (vendor's description of the lists; sales-return has none).
_BY_NUMBER = {
    "sales-order", "sales-invoice", "sales-receipt", "other-payment", "other-deposit", "journal-voucher",
    "purchase-invoice", "receive-item",
}  # fmt: skip


def pairs_of(raw: str) -> list[tuple[str, str]]:
    """The pairs of a query string; the value of `fields` stays as it came."""
    found = []
    for part in raw.split("&") if raw else ():
        name, _, value = part.partition("=")
        name = unquote(name)
        found.append((name, value if name == "fields" else unquote(value)))
    return found


class Lists:
    """Reads one database."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.ignored: list[str] = []

    def listed(self, entity: str, raw: str) -> dict[str, Any]:
        pairs = pairs_of(raw)
        plain = dict(pairs)
        now = self.books.now()
        rows = [row for row in self.books.of(entity).values() if self.books.seen_at[row["id"]] <= now]
        if entity == "item":
            rows = [self._item(row) for row in rows]
        for name in {name.split(".")[1] for name, _ in pairs if name.startswith("filter.")}:
            values = [v for n, v in pairs if n == f"filter.{name}.val" or n.startswith(f"filter.{name}.val[")]
            operator = plain.get(f"filter.{name}.op", "EQUAL")
            rows = self._filtered(entity, rows, name, operator, values or [plain.get(f"filter.{name}", "")])
        rows = _sorted(rows, plain.get("sp.sort", ""))
        return self._page(rows, plain, [_without_details(row, plain.get("fields")) for row in rows])

    def stock(self, raw: str) -> dict[str, Any]:
        """`item/list-stock.do`: items that have stock."""
        plain = dict(pairs_of(raw))
        warehouse = plain.get("warehouseName", "")
        rows = []
        for no, item in self.books.of("item").items():
            quantity = self.books.balance(no, warehouse)
            if quantity and item["itemType"] == "INVENTORY":
                rows.append({"id": item["id"], "no": no, "name": item["name"], "quantity": quantity})
        rows = _sorted(rows, plain.get("sp.sort", ""))
        return self._page(rows, plain, rows)

    def detail(self, entity: str, raw: str) -> dict[str, Any]:
        plain = dict(pairs_of(raw))
        key = _KEYS.get(entity, "number")
        wanted = plain.get(key)
        now = self.books.now()
        for row in self.books.of(entity).values():
            if (wanted and str(row.get(key)) == wanted) or (not wanted and str(row["id"]) == plain.get("id")):
                if self.books.seen_at[row["id"]] > now:
                    break
                whole = self._item(row, whole=True) if entity == "item" else row
                return {"s": True, "d": {n: v for n, v in whole.items() if n not in ("available", "returned")}}
        raise Refused("Data tidak ditemukan")

    # -- inside -----------------------------------------------------------------------------------------------------

    def _item(self, row: Row, *, whole: bool = False) -> Row:
        if row["itemType"] != "INVENTORY":
            return row
        balance = self.books.balance(row["no"])
        more: Row = {"balance": balance, "availableToSell": balance - self.books.reserved(row["no"])}
        if whole:
            more["detailWarehouseData"] = [
                {"name": name, "unit1Quantity": self.books.balance(row["no"], name)}
                for name in self.books.of("warehouse")
            ]
        return row | more

    def _filtered(self, entity: str, rows: list[Row], name: str, operator: str, values: list[str]) -> list[Row]:
        if name == "number" and entity in _BY_NUMBER:
            assert operator == "EQUAL"
            return [row for row in rows if row["number"] in values]
        if name == "no" and entity in ("customer", "item"):
            assert operator == "EQUAL"
            return [row for row in rows if row[_KEYS[entity]] in values]
        if name == "lastUpdate":
            assert operator == "GREATER_EQUAL_THAN"
            return [row for row in rows if _stamp(row["lastUpdate"]) >= _stamp(values[0])]
        if name == "invoiceDp" and entity in ("sales-invoice", "purchase-invoice"):
            return [row for row in rows if bool(row.get("invoiceDp")) == (values[0] == "true")]
        if name == "availableDpAboveZero" and entity == "sales-invoice":
            return [row for row in rows if (row.get("available", Decimal(0)) > 0) == (values[0] == "true")]
        if name == "leafOnly" and entity == "glaccount":
            return [row for row in rows if not row.get("parentNode")]
        self.ignored.append(f"{entity}: {name}")
        return rows

    def _page(self, rows: list[Row], plain: dict[str, str], shown: list[Row]) -> dict[str, Any]:
        size = max(1, min(500, int(plain.get("sp.pageSize", "20"))))
        page = max(1, int(plain.get("sp.page", "1")))
        return {
            "s": True,
            "d": shown[(page - 1) * size : page * size],
            "sp": {"page": page, "pageSize": size, "pageCount": -(-len(rows) // size), "rowCount": len(rows)},
        }


def _without_details(row: Row, fields: str | None) -> Row:
    if fields is None:
        return {"id": row["id"]}
    if "%2c" in fields.lower():
        return {}
    return {
        name: row[name]
        for name in fields.split(",")
        if name in row and not name.startswith("detail") and name not in _ONLY_IN_DETAIL
    }


def _sorted(rows: list[Row], order: str) -> list[Row]:
    for part in reversed([one for one in order.split(";") if one]):
        name, _, direction = part.partition("|")
        key = (lambda row: _stamp(row["lastUpdate"])) if name == "lastUpdate" else (lambda row, n=name: row[n])
        rows = sorted(rows, key=key, reverse=direction == "desc")
    return rows


def _stamp(text: str) -> dt.datetime:
    return dt.datetime.strptime(text, "%d/%m/%Y %H:%M:%S").replace(tzinfo=ZONE)
