"""Reading orders, products and stock of a store: pages for the poll, and records by id or code."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.contract import Changes, ConnectorError, Seen, Transient
from selaras.connectors.medusa import goods, mapping
from selaras.connectors.medusa.client import MOST, Client, stamp_of
from selaras.connectors.medusa.refunds import Edit
from selaras.connectors.medusa.walk import Dated, Position, newest
from selaras.connectors.medusa.wire import ORDER_FIELDS, WireOrder, WirePaid

KINDS: Final = ("order", "product", "stock")
_MONEY: Final = "id,payment_collection.updated_at,payment_collection.order.id"
_VARIANT_ORDERS: Final = ("-updated_at", "-product.updated_at")
_paid = msgspec.json.Decoder(WirePaid)


class Reader:
    """Reads one store. Every method raises `ConnectorError` kinds only."""

    def __init__(
        self, client: Client, zone: ZoneInfo, clock: Callable[[], float], *, location: str, overlap: float
    ) -> None:
        self._client = client
        self._zone = zone
        self._clock = clock
        self.location = location
        self._overlap = overlap
        self._currency: str | None = None

    async def changed(self, kind: str, at: Position) -> Changes:
        """One page of what changed; `walk` tells how nothing is missed."""
        pages = {"order": self._orders_changed, "product": self._products_changed, "stock": self._stock_changed}
        rows, position, more = await pages[kind](at)
        return Changes(rows, msgspec.json.encode(position).decode(), more)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """Records by id (stock: by code) in the order asked for; what is not there has no record."""
        asked = list(dict.fromkeys(i for i in ids if i))
        found: dict[str, Seen] = {}
        if asked:
            by_id = {"order": self._orders_by_id, "product": self._products_by_id, "stock": self._stock_by_code}
            found = {seen.id: seen for seen in await by_id[kind](asked)}
        now = dt.datetime.fromtimestamp(self._clock(), dt.UTC)
        return [found.get(i) or mapping.missing(kind, i, now, self._zone) for i in ids]

    # -- orders ---------------------------------------------------------------------------------------------

    async def _orders_changed(self, at: Position) -> tuple[list[Seen], Position, bool]:
        bound = at.bound(self._overlap)
        rows: list[bytes] = []
        if at.stage == 0:
            params: list[tuple[str, object]] = [("limit", MOST)]
            if bound is not None:
                params.append(("updated_at[$gte]", stamp_of(bound)))
            if at.last:
                params.append(("id[$gt]", at.last))
            listing = await self._client.orders(params)
            at = at.start(listing.before)
            rows = list(listing.rows)
            if listing.total > len(rows) and rows:
                onward = msgspec.structs.replace(at, last=_id_of(rows[-1]))
                return await self._orders(rows), onward, True
            if bound is None:
                # Everything was read just now; the next loop begins before what moved meanwhile.
                return await self._orders(rows), at.finished(), False
            at = msgspec.structs.replace(at, stage=1, last="", offset=0)
        moved, offset = await self._moved(at, bound)
        known = {_id_of(row) for row in rows}
        rows += await self._client.by("/orders", "orders", "id", [id for id in moved if id not in known], ORDER_FIELDS)
        seen = await self._orders(rows)
        if offset >= 0:
            return seen, msgspec.structs.replace(at, offset=offset), True
        return seen, at.finished(), False

    async def _moved(self, at: Position, bound: dt.datetime | None) -> tuple[list[str], int]:
        """Orders whose money moved, from the list of payments, newest first."""
        params = [("fields", _MONEY), ("order", "-payment_collection.updated_at"), ("limit", MOST)]
        listing = await self._client.listing("/payments", "payments", [*params, ("offset", at.offset)])
        rows = []
        for raw in listing.rows:
            try:
                payment = _paid.decode(raw)
            except msgspec.MsgspecError as error:
                raise Transient(f"a payment of the store cannot be read: {error}", code="unreadable") from None
            collection = payment.payment_collection
            order = collection.order.id if collection is not None and collection.order is not None else ""
            rows.append(Dated(order, collection.updated_at if collection is not None else None, raw))
        wanted, offset = newest(rows, listing.total, at, bound)
        return list(dict.fromkeys(row.id for row in wanted if row.id)), offset

    async def _orders_by_id(self, ids: Sequence[str]) -> list[Seen]:
        return await self._orders(await self._client.by("/orders", "orders", "id", ids, ORDER_FIELDS))

    async def _orders(self, raws: Sequence[bytes]) -> list[Seen]:
        """Orders as records; those that an edit made cheaper after they were paid, with what it took off."""
        return [
            mapping.order_seen(raw, edits, self._zone, further)
            for raw, (edits, further) in zip(
                raws, await asyncio.gather(*(self._edits(raw) for raw in raws)), strict=True
            )
        ]

    async def _edits(self, raw: bytes) -> tuple[list[Edit], list[bytes]]:
        order = mapping.readable(raw)
        if order is None or order.version < 2:
            return [], []
        try:
            if not mapping.overpaid(order):
                return [], []
        except (ValueError, ArithmeticError):
            return [], []
        paid_since = min(c.created_at for payment in order.payments for c in payment.captures or ())
        edits: list[Edit] = []
        further: list[bytes] = []
        for change in await self._client.changes(order.id):
            confirmed = change.confirmed_at
            if change.change_type != "edit" or change.status != "confirmed" or confirmed is None:
                continue
            if confirmed >= paid_since and change.version > 1:
                before = await self._client.earlier(order.id, change.version - 1)
                then: WireOrder | None = mapping.readable(before)
                if then is None:
                    raise Transient(f"an earlier version of order {order.id} cannot be read", code="unreadable")
                edits.append(Edit(change, then))
                further.append(before)
        return edits, further

    # -- goods ----------------------------------------------------------------------------------------------

    async def _products_changed(self, at: Position) -> tuple[list[Seen], Position, bool]:
        """Variants by their own time of change, then by that of their product."""
        bound, currency = at.bound(self._overlap), await self.currency()
        params = [("fields", goods.VARIANT_FIELDS), ("order", _VARIANT_ORDERS[at.stage]), ("limit", MOST)]
        listing = await self._client.listing("/product-variants", "variants", [*params, ("offset", at.offset)])
        at = at.start(listing.before)
        rows = []
        for raw in listing.rows:
            wire = goods.variant(raw)
            own = wire.updated_at if at.stage == 0 else (wire.product.updated_at if wire.product is not None else None)
            rows.append((Dated(wire.id, own, raw), wire))
        wanted, offset = newest([row for row, _wire in rows], listing.total, at, bound)
        ids = {row.id for row in wanted}
        seen = [goods.product_seen(row.raw, wire, self._zone, currency) for row, wire in rows if row.id in ids]
        if offset >= 0:
            return seen, msgspec.structs.replace(at, offset=offset), True
        if at.stage == 0 and bound is not None:
            return seen, msgspec.structs.replace(at, stage=1, offset=0), True
        return seen, at.finished(), False

    async def _stock_changed(self, at: Position) -> tuple[list[Seen], Position, bool]:
        bound = at.bound(self._overlap)
        params = [("fields", goods.ITEM_FIELDS), ("order", "-location_levels.updated_at"), ("limit", MOST)]
        listing = await self._client.listing("/inventory-items", "inventory_items", [*params, ("offset", at.offset)])
        at = at.start(listing.before)
        items = [(raw, goods.stock(raw)) for raw in listing.rows]
        rows = [Dated(wire.id, wire.moved_at, raw) for raw, wire in items]
        wanted, offset = newest(rows, listing.total, at, bound)
        ids = {row.id for row in wanted}
        seen = [found for raw, wire in items if wire.id in ids and (found := self._stock(raw, wire)) is not None]
        if offset >= 0:
            return seen, msgspec.structs.replace(at, offset=offset), True
        return seen, at.finished(), False

    def _stock(self, raw: bytes, wire: goods.WireStock) -> Seen | None:
        """The record of an item; None where it has no code, or lies nowhere, or nobody said where."""
        try:
            level = wire.level(self.location)
        except ConnectorError:
            return None
        return goods.stock_seen(raw, wire, level, self._zone) if level is not None and wire.sku else None

    async def _products_by_id(self, ids: Sequence[str]) -> list[Seen]:
        currency = await self.currency()
        raws = await self._client.by("/product-variants", "variants", "id", ids, goods.VARIANT_FIELDS)
        return [goods.product_seen(raw, goods.variant(raw), self._zone, currency) for raw in raws]

    async def _stock_by_code(self, codes: Sequence[str]) -> list[Seen]:
        return [found for raw, wire in await self.items(codes) if (found := self._stock(raw, wire)) is not None]

    async def items(self, codes: Sequence[str]) -> list[tuple[bytes, goods.WireStock]]:
        """Inventory items by code, with their levels."""
        raws = await self._client.by("/inventory-items", "inventory_items", "sku", codes, goods.ITEM_FIELDS)
        return [(raw, goods.stock(raw)) for raw in raws]

    async def currency(self) -> str:
        """The store's default currency; asked for once."""
        if self._currency is None:
            rows = [row for store in await self._client.stores() for row in store.get("supported_currencies") or ()]
            found = [row for row in rows if row.get("is_default")] or rows
            self._currency = str(found[0]["currency_code"]).upper() if found else ""
        return self._currency


def _id_of(raw: bytes) -> str:
    found: str = msgspec.json.decode(raw, type=_Id).id
    return found


class _Id(msgspec.Struct):
    id: str
