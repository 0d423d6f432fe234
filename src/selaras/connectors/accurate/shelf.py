"""Stock: read item by item or as a whole, and set by item adjustments.

`item/list.do` has `balance` and `availableToSell` of all warehouses together, `item/list-stock.do` what lies in one
warehouse, and `item/detail.do` both for one item. Whether a stock movement touches an item's `lastUpdate` is not known,
so a poll walks the whole list, in pages of 500. A walk during which rows vanished is begun again: behind a vanished row
the others move up, and one of them may have slipped past between two pages.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.accurate.drafts import Choices
from selaras.connectors.accurate.mapping import stock_of, stock_seen
from selaras.connectors.accurate.values import Row, day_text, encoded, exact, text_of
from selaras.connectors.accurate.wire import Wire
from selaras.connectors.contract import Changes, ConnectorError, Done, Failed, Outcome, Rejected, Seen, Transient, Write
from selaras.model.document import StockLevel
from selaras.model.money import ZERO

_PAGE = 500
_FIELDS = ("id", "no", "name", "itemType", "balance", "availableToSell", "suspended")


class _Walk(msgspec.Struct, frozen=True, omit_defaults=True):
    page: int = 1
    rows: int = -1


class Shelf:
    """Stock of one database. `clock` is Unix time."""

    def __init__(self, wire: Wire, choices: Choices, zone: ZoneInfo, clock: Callable[[], float]) -> None:
        self._wire = wire
        self._choices = choices
        self._zone = zone
        self._clock = clock
        self._warehouse = choices.places.warehouse

    async def changed(self, cursor: str) -> Changes:
        """The next page of the whole stock; behind the last page the walk begins anew."""
        try:
            walk = msgspec.json.decode(cursor, type=_Walk) if cursor else _Walk()
        except msgspec.MsgspecError:
            walk = _Walk()
        found = await self._wire.page("item", [], _FIELDS, page=walk.page, size=_PAGE, sort="no|asc")
        lying = await self._lying(found.rows) if self._warehouse else {}
        seen = [self._seen(row, lying) for row in found.rows if text_of(row, "itemType") == "INVENTORY"]
        more = found.page < found.pages and bool(found.rows)
        shrunk = 0 <= found.rows_in_all < walk.rows
        if shrunk:
            following = _Walk(1, found.rows_in_all)
        else:
            following = _Walk(walk.page + 1, found.rows_in_all) if more else _Walk()
        return Changes(seen, msgspec.json.encode(following).decode(), more or shrunk)

    async def read(self, codes: Sequence[str]) -> list[Seen]:
        """These items now; many of them are read as a list, a few one by one."""
        now = self._now()
        if self._warehouse or len(codes) == 1:
            rows = await asyncio.gather(*(self._wire.detail("item", [("no", code)]) for code in codes))
        else:
            rows = list(await self._by_code(codes))
        there = {text_of(row, "no"): row for row in rows if row is not None}
        day = now.astimezone(self._zone).date()
        return [
            self._of(there[code], now) if code in there else Seen("stock", code, None, b"", now, day) for code in codes
        ]

    async def set(self, writes: Sequence[Write]) -> list[Outcome]:
        """Bring the stock of items to the quantities of these writes, in one adjustment.

        `item-adjustment/save-target-quantity.do` takes final quantities, so that a repeat changes nothing. It is one
        document: refused as a whole, it is tried item by item, and each item has its own fate.
        """
        account, warehouse = self._choices.adjustments, self._warehouse
        if not account or not warehouse:
            missing = "account_adjustments" if not account else "warehouse"
            error = Rejected(
                "the stock of Accurate cannot be set without an account for adjustments and a warehouse",
                code="missing_setting",
                field=missing,
                cure=f"Name the account ({missing}) in the settings of the connection or in the mapping.",
            )
            return [Failed(error) for _ in writes]
        levels = [write.document for write in writes]
        if not all(isinstance(level, StockLevel) for level in levels):
            raise TypeError("stock is written as StockLevel")
        try:
            await self._adjust([level for level in levels if isinstance(level, StockLevel)], account, warehouse)
        except Rejected as error:
            if len(writes) == 1:
                return [Failed(error)]
            outcomes: list[Outcome] = []
            for write in writes:
                try:
                    outcomes += await self.set([write])
                except ConnectorError as trouble:
                    outcomes.append(Failed(trouble))
            return outcomes
        return [Done(write.id or getattr(write.document, "code", "")) for write in writes]

    # -- inside -----------------------------------------------------------------------------------------------------

    async def _adjust(self, levels: Sequence[StockLevel], account: str, warehouse: str) -> None:
        rows = [
            {"itemNo": level.code, "targetQuantity": level.available, "warehouseName": warehouse} for level in levels
        ]
        today = self._now().astimezone(self._zone).date()
        body = {"adjustmentAccountNo": account, "transDate": day_text(today), "detail": rows}
        await self._wire.save("item-adjustment/save-target-quantity", body, f"stock ({len(rows)})")

    async def _by_code(self, codes: Sequence[str]) -> Sequence[Row]:
        pairs = [("filter.no.op", "EQUAL"), *((f"filter.no.val[{n}]", code) for n, code in enumerate(codes))]
        return (await self._wire.page("item", pairs, _FIELDS, size=_PAGE)).rows if codes else []

    async def _lying(self, rows: Sequence[Row]) -> dict[str, Decimal]:
        """What lies in the warehouse of the connection, by item; items without stock are not listed."""
        wanted = {text_of(row, "no") for row in rows}
        there: dict[str, Decimal] = {}
        page, pages = 1, 1
        while page <= pages:
            found = await self._wire.page(
                "item", [("warehouseName", self._warehouse)], (), page=page, size=_PAGE, sort="no|asc",
                action="list-stock",
            )  # fmt: skip
            for row in found.rows:
                if text_of(row, "no") in wanted:
                    there[text_of(row, "no")] = exact(row.get("quantity")) or ZERO
            page, pages = page + 1, found.pages
        return there

    def _seen(self, row: Row, lying: dict[str, Decimal]) -> Seen:
        seen = self._of(row, self._now(), plain=bool(self._warehouse))
        if not self._warehouse or seen.record is None:
            return seen
        on_hand = lying.get(seen.id, ZERO)
        record = msgspec.structs.replace(seen.record, on_hand=on_hand, location=self._warehouse)
        raw = encoded({**row, "quantityIn": {self._warehouse: on_hand}})
        return msgspec.structs.replace(seen, record=record, raw=raw)

    def _of(self, row: Row, now: dt.datetime, *, plain: bool = False) -> Seen:
        try:
            stock = stock_of(row, "" if plain else self._warehouse)
        except (KeyError, ValueError) as error:
            raise Transient(f"the stock of Accurate cannot be read: {error}", code="unreadable") from None
        return stock_seen(stock, encoded(_quiet(row)), now, self._zone)

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._clock(), dt.UTC)


def _quiet(row: Row) -> Row:
    """The part of an item that is its stock: prices and texts would make news of every change."""
    kept = ("no", "balance", "availableToSell", "detailWarehouseData", "quantity")
    return {name: row[name] for name in kept if name in row}
