"""The wire: paths, paging, and what the answers mean. Replace this file first, with the vendor's pages beside you.

`Http` brings deadlines, the limit of calls and the kinds of error: a 401 is `Expired`, a 429 `Throttled`, silence after
a write `Ambiguous`, trouble while reading `Transient`. Here is only what this system does in its own way.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec
from selaras.connectors.contract import Ambiguous, ConnectorError, Expired, Rejected
from selaras.connectors.http import Http, Response, segment

T = TypeVar("T")

# Replace: where each kind of record is listed. Stock stands in the rows of the products.
PATHS: Final = {"order": "/orders", "product": "/products", "stock": "/products"}
PAGE: Final = 100
BATCH: Final = 100


class Shop(msgspec.Struct, frozen=True):
    """What the store says of itself. `now` is its clock, `writes` whether this key may write."""

    name: str
    currency: str
    zone: str
    now: dt.datetime
    writes: bool


class Page(msgspec.Struct, frozen=True):
    """Rows sorted by (updated_at, id), each as the store's own bytes; `next` asks for what follows ("" = the end)."""

    items: list[msgspec.Raw]
    now: dt.datetime
    next: str = ""


class Level(msgspec.Struct, frozen=True):
    """A stock write: `version` is the one that was read; the store refuses the write when it has moved on."""

    code: str
    available: int
    version: str


class Result(msgspec.Struct, frozen=True):
    """What became of one item. HTTP 200 says nothing about it."""

    ok: bool
    version: str = ""
    error: str = ""
    field: str = ""
    message: str = ""


class Results(msgspec.Struct, frozen=True):
    results: list[Result]


class Hook(msgspec.Struct, frozen=True):
    id: str
    url: str
    active: bool


class Client:
    """The calls that the connector makes."""

    def __init__(self, http: Http) -> None:
        self.http = http

    async def shop(self) -> Shop:
        """The store itself."""
        return await self._get("/shop", [], Shop)

    async def page(self, kind: str, since: str, after: str) -> Page:
        """Rows changed at or after `since` (ISO 8601, "" = all), after the place `after` of the page before.

        This list is the easy kind: sorted, and gone on from by a key. Where the vendor has page numbers over a list
        that moves meanwhile, or times without fractions, take `selaras.connectors.sandbox_store.walk`, which says why.
        """
        params = [("since", since or None), ("after", after or None), ("limit", PAGE)]
        return await self._get(PATHS[kind], params, Page)

    async def some(self, kind: str, ids: Sequence[str]) -> Page:
        """These rows as they are now, in any order; what does not exist is left out."""
        return await self._get(PATHS[kind], [("id", id) for id in ids], Page)

    async def set_stock(self, levels: Sequence[Level]) -> list[Result]:
        """One result for each level, in order. Raises `Ambiguous` when the answer does not tell."""
        results = (await self._send("POST", "/stock", {"items": levels}, Results)).results
        if len(results) != len(levels):
            raise Ambiguous(f"the store answered {len(levels)} items with {len(results)} results", code="unreadable")
        return results

    async def webhooks(self) -> list[Hook]:
        """Every subscription of this key."""
        return await self._get("/webhooks", [], list[Hook])

    async def add_webhook(self, url: str, secret: str) -> None:
        """Subscribe `url` to everything."""
        await self._send("POST", "/webhooks", {"url": url, "secret": secret}, Hook)

    async def wake_webhook(self, id: str) -> None:
        """Switch a subscription on again."""
        await self._send("POST", f"/webhooks/{segment(id)}/on", {}, Hook)

    async def _get(self, path: str, params: Sequence[tuple[str, object]], kind: type[T]) -> T:
        answer = await self.http.request("GET", path, params=params, effect=False)
        return _told(answer, kind)

    async def _send(self, method: str, path: str, body: object, kind: type[T]) -> T:
        # effect=True: when the answer is lost nobody sends it again; the hub looks first.
        answer = await self.http.request(method, path, body=msgspec.json.encode(body), effect=True)
        return _told(answer, kind)


def _told(answer: Response, kind: type[T]) -> T:
    if answer.status >= 300:
        raise refused(answer)
    return answer.decode(kind)


class Refusal(msgspec.Struct, frozen=True):
    error: str = "refused"
    message: str = ""


def refused(answer: Response) -> ConnectorError:
    """A call that was refused as a whole. Replace: the vendor's own shape of errors."""
    try:
        told = msgspec.json.decode(answer.body, type=Refusal)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        told = Refusal()
    message = told.message or f"the store refused the call (HTTP {answer.status})"
    if answer.status == 403:
        cure = "Give the API key the rights to read orders and to write stock."
        return Expired(message, code="forbidden", cure=cure, status=answer.status)
    cure = "Check the address of the store in the settings of the connection."
    return Rejected(message, code=told.error, cure=cure, status=answer.status)
