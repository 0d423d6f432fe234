"""Reading orders, products and stock of a store: lists for the walk, and records by id or code."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final

from selaras.connectors.contract import Seen
from selaras.connectors.woocommerce import goods, walk
from selaras.connectors.woocommerce.client import MOST, Client, Listing
from selaras.connectors.woocommerce.mapping import Reading, Row, missing, order_row, refunds_named
from selaras.connectors.woocommerce.signing import encoded
from selaras.connectors.woocommerce.wire import WireProduct

_LONGEST: Final = 3000
"""Most bytes of codes in one question: many hosts refuse addresses of more than 4 or 8 KiB."""

KINDS: Final = {"order": "orders", "product": "products", "stock": "products"}


class Reader:
    """Reads one store. Every method raises `ConnectorError` kinds only."""

    def __init__(self, client: Client, reading: Reading, clock: Callable[[], float]) -> None:
        self._client = client
        self._reading = reading
        self._clock = clock
        self._currency: str | None = None

    def source(self, kind: str) -> walk.Source:
        """One of the store's lists, for the walk."""
        return _List(self, kind)

    async def window(self, kind: str, after: int | None, before: int | None, offset: int) -> walk.Page:
        """A page of a window, with what belongs to its rows: refunds of orders, variations of products."""
        listing: Listing = await self._client.window(KINDS[kind], after, before, offset)
        rows = await (self._orders(listing.rows) if kind == "order" else self._goods(kind, listing.rows))
        return walk.Page(rows, listing.total, listing.clock, listing.before)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """Records by id (stock: by code) in the order asked for; what is not there has no record."""
        asked = list(dict.fromkeys(i for i in ids if i and (kind == "stock" or (i.isascii() and i.isdigit()))))
        found: dict[str, Seen] = {}
        if asked:
            by_id = {"order": self._orders_by_id, "product": self._products_by_id, "stock": self._stock_by_code}
            found = {seen.id: seen for row in await by_id[kind](asked) for seen in row.seen}
        now = dt.datetime.fromtimestamp(self._clock(), dt.UTC)
        return [found.get(i) or missing(kind, i, now, self._reading.zone) for i in ids]

    # -- orders ---------------------------------------------------------------------------------------------

    async def _orders(self, raws: Sequence[bytes]) -> list[Row]:
        """Orders with their refunds, which are asked for together."""
        plain = [order_row(raw, (), self._reading) for raw in raws]
        named = {refund: row.key for raw, row in zip(raws, plain, strict=True) for refund in refunds_named(raw)}
        if not named:
            return plain
        refunds = await self._client.refunds(named)
        return [
            order_row(raw, refunds[row.key], self._reading) if row.key in refunds else row
            for raw, row in zip(raws, plain, strict=True)
        ]

    async def _orders_by_id(self, ids: Sequence[str]) -> list[Row]:
        """The list hides the bin, so what is missing is asked for once more there."""
        rows = await self._orders(await self._client.orders(ids))
        there = {str(row.key) for row in rows}
        gone = [i for i in ids if i not in there]
        if gone:
            rows += await self._orders(await self._client.orders(gone, "trash"))
        return rows

    # -- goods ----------------------------------------------------------------------------------------------

    async def _goods(self, kind: str, raws: Sequence[bytes]) -> list[Row]:
        zone = self._reading.zone
        products = [(raw, goods.product(raw)) for raw in raws]
        families = [wire for _raw, wire in products if goods.has_variations(wire)]
        children = dict(
            zip((w.id for w in families), await asyncio.gather(*(self._children(w) for w in families)), strict=True)
        )
        if kind == "stock":
            return [goods.stock_row(raw, wire, children.get(wire.id, ()), zone) for raw, wire in products]
        currency = await self._shop_currency() if products else ""
        return [goods.product_row(raw, wire, children.get(wire.id, ()), zone, currency) for raw, wire in products]

    async def _children(self, parent: WireProduct) -> list[tuple[bytes, WireProduct]]:
        found = []
        for raw in await self._client.variations(parent.id):
            wire = goods.product(raw)
            # Older versions do not say of a variation that it is one.
            wire.type, wire.parent_id = "variation", parent.id
            found.append((raw, wire))
        return found

    async def _products_by_id(self, ids: Sequence[str]) -> list[Row]:
        """Products come in one call; variations stand in no list but that of their parent, so one by one."""
        currency = await self._shop_currency()
        raws = list(await self._client.products(include=",".join(ids)))
        there = {str(goods.product(raw).id) for raw in raws}
        raws += [raw for raw in await asyncio.gather(*(self._client.product(i) for i in ids if i not in there)) if raw]
        rows = []
        for raw in raws:
            wire = goods.product(raw)
            # A product with variations is not sold: its variations are read when it is polled.
            rows.append(goods.product_row(raw, wire, (), self._reading.zone, currency))
        return rows

    async def _stock_by_code(self, codes: Sequence[str]) -> list[Row]:
        wanted = set(codes)
        found = [pair for pair in await self.by_codes(codes) if goods.counted(pair[1]) and str(pair[1].sku) in wanted]
        return [goods.stock_row(raw, wire, (), self._reading.zone) for raw, wire in found]

    async def by_codes(self, codes: Sequence[str]) -> list[tuple[bytes, WireProduct]]:
        """Products and variations by code. A code with a comma is asked for alone: the list is cut at commas."""
        questions = [code for code in codes if "," in code]
        part: list[str] = []
        for code in (code for code in codes if "," not in code):
            if part and (len(part) == MOST or len(encoded(",".join((*part, code)))) > _LONGEST):
                questions.append(",".join(part))
                part = []
            part.append(code)
        if part:
            questions.append(",".join(part))
        answers = await asyncio.gather(*(self._client.products(sku=question) for question in questions))
        return [(raw, goods.product(raw)) for rows in answers for raw in rows]

    async def _shop_currency(self) -> str:
        """The store's currency; asked for once, "" when the key may not see the settings."""
        if self._currency is None:
            self._currency = (await self._client.settings("general")).get("woocommerce_currency", "")
        return self._currency


class _List:
    def __init__(self, reader: Reader, kind: str) -> None:
        self._reader = reader
        self._kind = kind

    async def window(self, after: int | None, before: int | None, offset: int) -> walk.Page:
        return await self._reader.window(self._kind, after, before, offset)
