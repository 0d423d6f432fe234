"""Reading orders, variants and stock of a channel: lists for the walk, and records by id or code."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.contract import Changes, Seen
from selaras.connectors.cursors import read_cursor
from selaras.connectors.vendure import goods
from selaras.connectors.vendure.client import Client, Shop
from selaras.connectors.vendure.mapping import Reading, missing, order_seen
from selaras.connectors.vendure.walk import Mark, Page, Position, advance, begin, finished
from selaras.connectors.vendure.wire import EPOCH, ORDER, QUIET, VARIANT, WireVariant, millis, stamp

KINDS: Final = frozenset({"order", "product", "stock"})
LIGHT: Final = 500
"""Rows of a light list; the store's own most is 1000 (`adminListQueryLimit`)."""

_PLACED: Final = {"orderPlacedAt": {"isNull": False}}
_STAMPS: Final = {"placed": "orderPlacedAt", "changed": "updatedAt"}
_MAIN: Final = "__default_channel__"


class _List(msgspec.Struct, rename="camel"):
    items: list[msgspec.Raw]


class _Orders(msgspec.Struct):
    """Of the lists that were asked for; the others are None."""

    placed: _List | None = None
    changed: _List | None = None
    newest: _List | None = None
    light: _List | None = None
    orders: _List | None = None


class _Variants(msgspec.Struct, rename="camel"):
    product_variants: _List


class _Stamps(msgspec.Struct, rename="camel"):
    id: str
    updated_at: dt.datetime = EPOCH
    order_placed_at: dt.datetime | None = None


class _Stamped(msgspec.Struct, rename="camel"):
    updated_at: dt.datetime
    refunds: list[_Stamped] = []


class _Quiet(msgspec.Struct):
    id: str
    payments: list[_Stamped] | None = None
    fulfillments: list[_Stamped] | None = None

    @property
    def newest(self) -> int:
        """The newest stamp of payments, refunds and parcels (-1: none)."""
        every = [*(self.payments or ()), *(self.fulfillments or ())]
        every += [refund for payment in self.payments or () for refund in payment.refunds]
        return max((millis(one.updated_at) for one in every), default=-1)


class Reader:
    """Reads one channel. Every method raises `ConnectorError` kinds only. `overlap` and `recheck` in seconds."""

    def __init__(
        self, client: Client, zone: ZoneInfo, clock: Callable[[], float], *,
        page: int, overlap: float, recheck: float, days: float,
    ) -> None:  # fmt: skip
        self._client = client
        self._zone = zone
        self._clock = clock
        self._page = page
        self._overlap = int(overlap * 1000)
        self._recheck = recheck
        self._days = days

    async def shop(self) -> Shop:
        """The channel's facts."""
        return await self._client.shop()

    async def changed(self, kind: str, cursor: str) -> Changes:
        """One page of a list; see `walk`."""
        if kind == "order":
            at = read_cursor(cursor, Position)
            return await (self._light(at) if at.open == "light" else self._orders(at))
        return await (self._products(cursor) if kind == "product" else self._stock(cursor))

    # -- orders -----------------------------------------------------------------------------------------------------

    async def _orders(self, at: Position) -> Changes:
        first = at.placed.at < 0 and not at.open
        if not at.open:
            # The first loop reads every order by its placing; what changes from now on has a newer stamp than any.
            opened = "placed" if first else "placed,changed"
            at = msgspec.structs.replace(
                at, open=opened, placed=begin(at.placed, self._overlap), changed=begin(at.changed, self._overlap)
            )
        names = [name for name in ("placed", "changed") if name in at.open.split(",")]
        fields = [f"{name}: orders(options: ${name}) {{ items {{ {ORDER} }} }}" for name in names]
        options: dict[str, Any] = {name: self._options(_STAMPS[name], getattr(at, name)) for name in names}
        if first:
            fields.append("newest: orders(options: $newest) { items { id updatedAt } }")
            options["newest"] = {"take": 1, "sort": {"updatedAt": "DESC"}}
        heads = ", ".join(f"${name}: OrderListOptions" for name in options)
        answer = await self._client.ask(f"query({heads}) {{ {' '.join(fields)} }}", _Orders, options)
        if first:
            newest = [millis(_stamps(raw).updated_at) for raw in (answer.newest.items if answer.newest else ())]
            now = newest[0] if newest else -1
            at = msgspec.structs.replace(at, changed=Mark(now), quiet=now, looked=self._clock())
        seen: dict[str, Seen] = {}
        left, marks = [], {}
        reading = await self._reading()
        for name in names:
            found: _List | None = getattr(answer, name)
            raws = [bytes(raw) for raw in (found.items if found else ())]
            stamps = [_stamps(raw) for raw in raws]
            rows = [(millis(s.updated_at if name == "changed" else s.order_placed_at or EPOCH), s.id) for s in stamps]
            page = Page(rows, len(rows) >= self._page)
            mark: Mark = getattr(at, name)
            marks[name] = advance(mark, page) if page.full else finished(mark, page)
            if page.full:
                left.append(name)
            for raw in raws:
                one = order_seen(raw, reading)
                if one is not None:
                    seen[one.id] = one
        at = msgspec.structs.replace(at, open=",".join(left), **marks)
        more = bool(left)
        if not more and not 0 <= self._clock() - at.looked < self._recheck:
            at = msgspec.structs.replace(at, open="light", offset=0, newest=at.quiet, looked=self._clock())
            more = True
        return Changes(list(seen.values()), _text(at), more)

    def _options(self, field: str, mark: Mark) -> dict[str, Any]:
        wanted: dict[str, Any] = dict(_PLACED)
        if mark.at >= 0:
            wanted = {**_PLACED, field: {"after": stamp(mark.at - 1)}}
        return {"take": self._page, "skip": mark.skip, "sort": {field: "ASC", "id": "ASC"}, "filter": wanted}

    async def _light(self, at: Position) -> Changes:
        """A page of the light list, and the orders of it that have a payment, refund or parcel with a newer stamp."""
        since = stamp(int((self._clock() - self._days * 86_400) * 1000))
        options = {
            "take": LIGHT,
            "skip": at.offset,
            "sort": {"id": "ASC"},
            "filter": {"orderPlacedAt": {"after": since}},
        }
        query = f"query($o: OrderListOptions) {{ light: orders(options: $o) {{ items {{ {QUIET} }} }} }}"
        answer = await self._client.ask(query, _Orders, {"o": options})
        raws = answer.light.items if answer.light else []
        rows = [msgspec.json.decode(raw, type=_Quiet) for raw in raws]
        news = [row.id for row in rows if row.newest > at.quiet - self._overlap and row.newest >= 0]
        seen: list[Seen] = []
        for start in range(0, len(news), self._page):
            seen += (await self._by_ids(news[start : start + self._page])).values()
        newest = max([at.newest, *(row.newest for row in rows)])
        if len(rows) < LIGHT:
            return Changes(seen, _text(msgspec.structs.replace(at, open="", quiet=newest, offset=0)), False)
        # Orders older than the window drop out of its front while it is read: a little is read again.
        return Changes(seen, _text(msgspec.structs.replace(at, offset=at.offset + LIGHT - 10, newest=newest)), True)

    async def raw_orders(self, ids: Sequence[str]) -> list[bytes]:
        """Orders by id as the store writes them."""
        query = f"query($o: OrderListOptions) {{ orders(options: $o) {{ items {{ {ORDER} }} }} }}"
        options = {"take": max(1, len(ids)), "filter": {"id": {"in": list(ids)}}}
        answer = await self._client.ask(query, _Orders, {"o": options})
        return [bytes(raw) for raw in (answer.orders.items if answer.orders else ())]

    async def _by_ids(self, ids: Sequence[str]) -> dict[str, Seen]:
        reading = await self._reading()
        found = (order_seen(raw, reading) for raw in await self.raw_orders(ids))
        return {seen.id: seen for seen in found if seen is not None}

    async def _reading(self) -> Reading:
        shop = await self._client.shop()
        return Reading(self._zone, shop.scale, shop.active_channel.code == _MAIN)

    # -- goods ------------------------------------------------------------------------------------------------------

    async def _products(self, cursor: str) -> Changes:
        """Variants by their last change, a page on each call."""
        at = read_cursor(cursor, Position)
        mark = at.changed if at.open else begin(at.changed, self._overlap)
        options: dict[str, Any] = {"take": self._page, "skip": mark.skip, "sort": {"updatedAt": "ASC", "id": "ASC"}}
        if mark.at >= 0:
            options["filter"] = {"updatedAt": {"after": stamp(mark.at - 1)}}
        shop = await self._client.shop()
        rows = await self._variants(options)
        page = Page([(millis(wire.updated_at), wire.id) for _raw, wire in rows], len(rows) >= self._page)
        mark = advance(mark, page) if page.full else finished(mark, page)
        seen = [goods.product_seen(raw, wire, self._zone, shop) for raw, wire in rows]
        return Changes(seen, _text(Position(changed=mark, open="changed" if page.full else "")), page.full)

    async def _stock(self, cursor: str) -> Changes:
        """Every stock row: nothing moves a variant's stamp when its stock moves."""
        at = read_cursor(cursor, Mark)
        options = {"take": LIGHT, "skip": at.skip, "sort": {"id": "ASC"}}
        shop = await self._client.shop()
        rows = await self._variants(options)
        if at.skip and (not rows or rows[0][1].id != at.last) and at.begun < 3:
            # A variant before it was deleted: rows have moved up past us.
            return Changes((), _text(Mark(begun=at.begun + 1)), True)
        seen = [goods.stock_seen(raw, wire, self._zone, shop) for raw, wire in rows if goods.counted(wire, shop)]
        if len(rows) < LIGHT:
            return Changes(seen, _text(Mark()), False)
        return Changes(seen, _text(Mark(skip=at.skip + LIGHT - 1, last=rows[-1][1].id, begun=at.begun)), True)

    async def by_codes(self, codes: Sequence[str]) -> dict[str, tuple[bytes, WireVariant]]:
        """Variants by code; the first of those that share one."""
        rows = await self._variants({"take": 1000, "sort": {"id": "ASC"}, "filter": {"sku": {"in": list(codes)}}})
        found: dict[str, tuple[bytes, WireVariant]] = {}
        for raw, wire in rows:
            found.setdefault(wire.sku, (raw, wire))
        return found

    async def _variants(self, options: dict[str, Any]) -> list[tuple[bytes, WireVariant]]:
        query = f"query($o: ProductVariantListOptions) {{ productVariants(options: $o) {{ items {{ {VARIANT} }} }} }}"
        answer = await self._client.ask(query, _Variants, {"o": options})
        return [(bytes(raw), goods.variant(bytes(raw))) for raw in answer.product_variants.items]

    # -- by id ------------------------------------------------------------------------------------------------------

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """Records by id (stock: by code) in the order asked for; what is not there, and a cart, has no record."""
        asked = list(dict.fromkeys(i for i in ids if i and (kind == "stock" or _is_id(i))))
        found: dict[str, Seen] = {}
        if asked:
            if kind == "order":
                found = await self._by_ids(asked)
            else:
                shop = await self._client.shop()
                if kind == "product":
                    rows = await self._variants({"take": len(asked), "filter": {"id": {"in": asked}}})
                    found = {wire.id: goods.product_seen(raw, wire, self._zone, shop) for raw, wire in rows}
                else:
                    found = {
                        code: goods.stock_seen(raw, wire, self._zone, shop)
                        for code, (raw, wire) in (await self.by_codes(asked)).items()
                        if goods.counted(wire, shop)
                    }
        now = dt.datetime.fromtimestamp(self._clock(), dt.UTC)
        return [found.get(i) or missing(kind, i, now, self._zone) for i in ids]


def _is_id(text: str) -> bool:
    """Numbers, or UUIDs where the shop uses those; anything else would be an error of its database."""
    return text.isascii() and (text.isdigit() or (len(text) == 36 and text.count("-") == 4))


def _stamps(raw: bytes) -> _Stamps:
    return msgspec.json.decode(raw, type=_Stamps, strict=False)


def _text(at: msgspec.Struct) -> str:
    return msgspec.json.encode(at).decode()
