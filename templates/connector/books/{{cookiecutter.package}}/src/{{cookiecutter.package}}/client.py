"""The wire: paths, paging, batches, and what the answers mean. Replace this file first, with the vendor's pages open.

`Http` brings deadlines, the limit of calls and the kinds of error: a 401 is answered with one refresh and then told as
`Expired`, a 429 is `Throttled`, silence after a write `Ambiguous`, trouble while reading `Transient`. Here is only what
this system does in its own way.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec
from selaras.connectors.contract import Ambiguous, ConnectorError, Expired, Op, Rejected
from selaras.connectors.http import Http, Response

T = TypeVar("T")

# Replace: where each kind of record is listed. Stock stands in the rows of the products.
PATHS: Final = {
    "contact": "/contacts",
    "product": "/products",
    "stock": "/products",
    "sales_order": "/orders",
    "invoice": "/invoices",
    "receipt": "/receipts",
    "credit_note": "/credits",
    "refund_payment": "/refunds",
}
PAGE: Final = 100
BATCH: Final = 50


class Company(msgspec.Struct, frozen=True):
    """What the books say of themselves. `now` is their clock; documents up to `closed_until` are refused."""

    name: str
    currency: str
    zone: str
    now: dt.datetime
    closed_until: dt.date | None = None


class Page(msgspec.Struct, frozen=True):
    """Rows sorted by (updated_at, id), each as the books' own bytes; `next` asks for what follows ("" = the end)."""

    items: list[msgspec.Raw]
    now: dt.datetime
    next: str = ""


class Result(msgspec.Struct, frozen=True):
    """What became of one item. HTTP 200 says nothing about it; `total` is what the books really hold."""

    ok: bool
    id: str = ""
    number: str = ""
    total: Decimal | None = None
    currency: str = ""
    status: str = ""
    error: str = ""
    field: str = ""
    message: str = ""


class Results(msgspec.Struct, frozen=True):
    results: list[Result]


class Client:
    """The calls that the connector makes."""

    def __init__(self, http: Http) -> None:
        self.http = http

    async def company(self) -> Company:
        """The books themselves."""
        return await self._get("/company", [], Company)

    async def page(self, kind: str, since: str, after: str) -> Page:
        """Rows changed at or after `since` (ISO 8601, "" = all), after the place `after` of the page before."""
        params = [("since", since or None), ("after", after or None), ("limit", PAGE)]
        return await self._get(PATHS[kind], params, Page)

    async def some(self, kind: str, field: str, values: Sequence[str]) -> Page:
        """Rows whose `field` (id or reference) is one of `values`, in any order; what does not exist is left out."""
        return await self._get(PATHS[kind], [(field, value) for value in values], Page)

    async def send(self, kind: str, op: Op, items: Sequence[dict[str, Any]]) -> list[Result]:
        """One batch; one result for each item, in order. Raises `Ambiguous` when the answer does not tell.

        Replace: where the books take one document in a call, `BATCH` is 1 and this sends one.
        """
        body = msgspec.json.encode({"op": op, "items": items})
        # effect=True: when the answer is lost nobody sends it again; the hub looks first.
        answer = await self.http.request("POST", PATHS[kind], body=body, effect=True)
        results = _told(answer, Results).results
        if len(results) != len(items):
            raise Ambiguous(f"the books answered {len(items)} items with {len(results)} results", code="unreadable")
        return results

    async def _get(self, path: str, params: Sequence[tuple[str, object]], kind: type[T]) -> T:
        return _told(await self.http.request("GET", path, params=params, effect=False), kind)


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
    message = told.message or f"the books refused the call (HTTP {answer.status})"
    if answer.status == 403:
        cure = "Give the client the rights to read and write sales documents."
        return Expired(message, code="forbidden", cure=cure, status=answer.status)
    cure = "Check the address of the books in the settings of the connection."
    return Rejected(message, code=told.error, cure=cure, status=answer.status)
