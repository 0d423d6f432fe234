"""The wire of WooCommerce: signing, the store's clock, lists, batches, and its refusals as our error kinds."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from selaras.connectors.answers import Response
from selaras.connectors.contract import Ambiguous, ConnectorError, Rejected, Transient
from selaras.connectors.http import Http
from selaras.connectors.woocommerce.errors import Refusal, refusal_of, refused
from selaras.connectors.woocommerce.goods import FIELDS
from selaras.connectors.woocommerce.signing import Signer
from selaras.connectors.woocommerce.wire import WireHook, WireIndex, WireSetting

T = TypeVar("T")
API: Final = "/wp-json/wc/v3"
MOST: Final = 100
"""Most rows of a page, and most items of a batch; one more is refused."""

_WINDOW: Final = 14 * 60.0
"""A signed timestamp further than 15 minutes from the store's clock is refused; a minute of that is for waiting."""

_BOM: Final = b"\xef\xbb\xbf"
Params = dict[str, object]


class Listing(msgspec.Struct, frozen=True):
    """One answer of a list: raw rows, rows in all (-1: not told), the store's clock, and a second before the look."""

    rows: Sequence[bytes]
    total: int
    clock: int
    before: int


class Item(msgspec.Struct):
    """One item of a batch's answer: what stands now, or the error."""

    id: int = 0
    error: Refusal | None = None
    raw: bytes = b""


class _Batch(msgspec.Struct):
    create: list[msgspec.Raw] = []
    update: list[msgspec.Raw] = []
    delete: list[msgspec.Raw] = []


class Client:
    """Calls the store. Every method raises `ConnectorError` kinds only.

    `public` calls the same address without credentials. `signer` is None over https, where `http` carries key and
    secret, or `credentials` puts them into the query. `skew` is the store's clock minus ours in seconds, as the last
    answer showed it (None before the first).
    """

    def __init__(
        self,
        http: Http,
        public: Http,
        *,
        clock: Callable[[], float],
        signer: Signer | None = None,
        credentials: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.http = http
        self._public = public
        self.signer = signer
        self.skew: float | None = None
        self._clock = clock
        self._credentials = list(credentials)
        self._home_asked = False
        self._refunds_listed = True

    # -- lists ----------------------------------------------------------------------------------------------

    async def window(self, kind: str, after: int | None, before: int | None, offset: int) -> Listing:
        """Rows of `orders` or `products` changed in after < second < before, by id.

        The bounds are UTC without a Z: WordPress turns a time with an offset into the shop's own before it compares it
        with the UTC column, and the last hours would be missing without an error (§2, "Zone trap").
        """
        params: dict[str, object] = {"orderby": "id", "order": "asc", "per_page": MOST}
        if offset:
            params["offset"] = offset
        if after is not None or before is not None:
            params["dates_are_gmt"] = "true"
        if after is not None:
            params["modified_after"] = naive(after)
        if before is not None:
            params["modified_before"] = naive(before)
        return await self._list(f"/{kind}", params | (ORDERS if kind == "orders" else PRODUCTS))

    async def orders(self, ids: Sequence[str], status: str = "any") -> Sequence[bytes]:
        """Orders by id; those in the bin come only when asked for by `status` "trash"."""
        wanted = {"include": ",".join(ids), "orderby": "id", "order": "asc", "per_page": MOST, "status": status}
        return (await self._list("/orders", wanted | {"dp": "6"})).rows

    async def refunds(self, ids: Mapping[int, int]) -> dict[int, list[bytes]]:
        """Refunds by id, given with the order of each, as lists by order. What is gone meanwhile is left out."""
        found: dict[int, list[bytes]] = {}
        lacking = dict(ids)
        todo = list(ids) if self._refunds_listed else []
        for start in range(0, len(todo), MOST):
            wanted = {"include": ",".join(map(str, todo[start : start + MOST])), "per_page": MOST, "dp": "6"}
            try:
                rows = (await self._list("/refunds", wanted)).rows
            except Rejected as error:
                if error.code != "rest_no_route":
                    raise
                self._refunds_listed = False  # WooCommerce before 9.0 lists the refunds of one order only
                break
            for raw in rows:
                order = lacking.pop(msgspec.json.decode(raw, type=Item).id, None)
                if order is not None:
                    found.setdefault(order, []).append(raw)
        orders = list(dict.fromkeys(lacking.values()))
        lists = [self._list(f"/orders/{order}/refunds", {"per_page": MOST, "dp": "6"}) for order in orders]
        for order, listing in zip(orders, await asyncio.gather(*lists), strict=True):
            found[order] = list(listing.rows)
        return found

    async def products(self, **wanted: str) -> Sequence[bytes]:
        """Products by `include` (ids) or by `sku`, which finds variations too."""
        return (await self._list("/products", {**wanted, **PRODUCTS, "per_page": MOST})).rows

    async def variations(self, parent: int) -> list[bytes]:
        """All variations of a product."""
        rows: list[bytes] = []
        while True:
            page = {"orderby": "id", "order": "asc", "per_page": MOST, "offset": len(rows)}
            listing = await self._list(f"/products/{parent}/variations", {**page, **PRODUCTS})
            rows += listing.rows
            if len(listing.rows) < MOST:
                return rows

    async def product(self, id: str) -> bytes | None:
        """A product or variation by its id; None when there is none."""
        answer = await self._request("GET", f"{API}/products/{id}", PRODUCTS)
        if answer.status in (404, 400) and refusal_of(answer) is not None:
            return None
        return _clean(self._done(answer))

    # -- writing --------------------------------------------------------------------------------------------

    async def update(self, path: str, items: Sequence[Mapping[str, object]]) -> list[Item]:
        """Change items in one call; one answer for each, in order. A store that takes fewer gets them in halves."""
        answer = await self._request("POST", f"{API}{path}/batch", body={"update": items}, effect=True)
        if answer.status == 413 and len(items) > 1:
            half = len(items) // 2
            return [*await self.update(path, items[:half]), *await self.update(path, items[half:])]
        await self._check_key(answer)
        batch = self._decode(self._done(answer), _Batch)
        results = [_item(raw) for raw in batch.update]
        if [result.id for result in results] != [item["id"] for item in items]:
            # Nobody can say which item each result belongs to.
            raise Ambiguous(f"the store gave {len(results)} results for {len(items)} items", code="unreadable")
        return results

    async def _check_key(self, answer: Response) -> None:
        """A key that may only read is told by the same code as one that is wrong: a look at the orders tells which."""
        if answer.status == 401:
            await self.readable()
            raise Rejected(
                "the key of this connection may only read",
                code="read_only_key",
                field="consumer_key",
                cure="Make a key with the permission Read/Write in WooCommerce (Settings, Advanced, REST API).",
                status=401,
            )

    async def may_write(self) -> bool:
        """Whether the key may write: a batch of nothing is refused to a key that may only read."""
        answer = await self._request("POST", f"{API}/products/batch", body={}, effect=True)
        if answer.status in (401, 403) and refusal_of(answer) is not None:
            return False
        self._done(answer)
        return True

    # -- webhooks and settings ------------------------------------------------------------------------------

    async def webhooks(self) -> list[WireHook]:
        """All webhooks of the store."""
        hooks: list[WireHook] = []
        for page in range(1, MOST):
            answer = self._done(await self._request("GET", f"{API}/webhooks", {"per_page": MOST, "page": page}))
            found = self._decode(answer, list[WireHook])
            hooks += found
            if len(found) < MOST:
                break
        return hooks

    async def change_webhooks(self, create: Sequence[Mapping[str, object]], delete: Iterable[int]) -> list[Item]:
        """Make and end webhooks in one call; the store pings the address of each new one. Returns the new ones."""
        body = {"create": list(create), "delete": list(delete)}
        answer = await self._request("POST", f"{API}/webhooks/batch", body=body, effect=True)
        await self._check_key(answer)
        return [_item(raw) for raw in self._decode(self._done(answer), _Batch).create]

    async def index(self) -> WireIndex:
        """What the site says of itself to everybody."""
        fields = {"_fields": "name,home,timezone_string,gmt_offset,namespaces"}
        # Without the key: WordPress itself would take it for one of its application passwords, and refuse it.
        answer = await self._public.request("GET", "/wp-json/", params=fields, effect=False, answers=(401,))
        self._note(answer)
        return self._decode(self._done(answer), WireIndex)

    async def settings(self, group: str) -> dict[str, str]:
        """Settings of the store; {} when the key may not see them."""
        try:
            answer = self._done(await self._request("GET", f"{API}/settings/{group}", {"_fields": "id,value"}))
        except Rejected:
            return {}
        return {setting.id: setting.text for setting in self._decode(answer, list[WireSetting])}

    async def close(self) -> None:
        """Close the HTTP sessions."""
        await self.http.close()
        await self._public.close()

    async def readable(self) -> None:
        """One order at most, to see that orders can be read."""
        await self._list("/orders", {"per_page": 1, "_fields": "id"})

    # -- inside ---------------------------------------------------------------------------------------------

    async def _list(self, path: str, params: Params) -> Listing:
        began = self._clock()
        answer = self._done(await self._request("GET", API + path, params))
        took = max(0.0, self._clock() - began)
        rows = [bytes(raw) for raw in self._decode(answer, list[msgspec.Raw])]
        stamp = answer.served_at
        clock = int(self._clock()) if stamp is None else stamp
        total = answer.headers.get("x-wp-total", "")
        # The Date header is cut to the second; the store looked at most `took` before it wrote that.
        return Listing(rows, int(total) if total.isdigit() else -1, clock, int((clock - took) // 1))

    async def _request(
        self, method: str, path: str, params: Params | None = None, body: Any = None, *, effect: bool = False
    ) -> Response:
        """One call, repeated when the store refused it for its timestamp or for the address under its signature."""
        content = None if body is None else msgspec.json.encode(body)
        tries = 4
        while True:
            tries -= 1
            now, signer = self._now(), self.signer
            home = "" if signer is None else signer.home
            pairs = self._signed(method, path, params or {}, now)
            answer = await self.http.request(method, path, params=pairs, body=content, effect=effect, answers=(401,))
            self._note(answer)
            if answer.status != 401 or signer is None or not tries:
                return answer
            if abs(self._now() - now) > _WINDOW:
                continue  # now signed by the store's own clock
            if not self._home_asked:
                self._home_asked = True
                try:
                    signer.home = (await self.index()).home.rstrip("/") or signer.home
                except ConnectorError:
                    return answer  # a site that hides its index; the refusal itself says enough
            if signer.home == home:
                return answer

    def _signed(self, method: str, path: str, params: Params, now: float) -> list[tuple[str, str]]:
        pairs = [(name, str(value)) for name, value in params.items()]
        if self.signer is not None:
            return self.signer.sign(method, path, pairs, int(now))
        return [*pairs, *self._credentials]

    def _now(self) -> float:
        """The store's clock, as far as it is known."""
        return self._clock() + (self.skew or 0.0)

    def _note(self, answer: Response) -> None:
        stamp = answer.served_at
        if stamp is not None:
            self.skew = stamp - self._clock()

    def _done(self, answer: Response) -> Response:
        if answer.status < 300:
            return answer
        raise refused(answer, self.http.base_url)

    def _decode(self, answer: Response, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(_clean(answer), type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            pass
        error: type[ConnectorError] = Ambiguous if answer.effect else Transient
        raise error(
            "the store does not answer with JSON: a notice of PHP, a cache or a maintenance page stands before it",
            code="unreadable",
            cure="Switch WP_DEBUG_DISPLAY off in the store, and keep /wp-json/ out of its page cache.",
            status=answer.status,
        )


ORDERS: Final[Params] = {"status": "any", "dp": "6"}
PRODUCTS: Final[Params] = {"_fields": FIELDS}


def naive(second: int) -> str:
    """A second of Unix time as WordPress wants UTC: without Z and without an offset."""
    return dt.datetime.fromtimestamp(second, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _clean(answer: Response) -> bytes:
    """The body without the byte order mark that some themes put before everything."""
    return answer.body.lstrip().removeprefix(_BOM)


def _item(raw: msgspec.Raw) -> Item:
    try:
        item = msgspec.json.decode(raw, type=Item)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Item()
    item.raw = bytes(raw)
    return item
