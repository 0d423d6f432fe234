"""Calls to a database: its host, its envelope, its lists and its batches.

Every answer is `{"s": …, "d": …}` with HTTP 200 whether it went well or not. `list.do` and `detail.do` answer in `d`,
`save.do` puts the record into `r` and a sentence into `d`; `bulk-save.do` (at most 100) puts one such envelope for each
item into `d`, in order (reference/accounting-apis.md §4 and public code of integrators).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import msgspec

from selaras.connectors.accurate.errors import SESSION_ENDED, missing_scope, refusal
from selaras.connectors.accurate.session import Account, sentences
from selaras.connectors.accurate.values import Row, encoded, query
from selaras.connectors.contract import Ambiguous, ConnectorError, Throttled, Transient
from selaras.connectors.http import REFRESHES, Http, Response, retry_after

BATCH: Final = 100
_HOPS: Final = 3
_A_SECOND: Final = 1.0


class Item(msgspec.Struct, frozen=True):
    """What became of one item of a batch: `record` as it stands now, or why it does not."""

    ok: bool
    record: Row
    texts: list[str]


class Page(msgspec.Struct, frozen=True):
    """One page of a list; `pages` is how many there are."""

    rows: Sequence[Row]
    page: int
    pages: int
    rows_in_all: int


class Wire:
    """One database. `make` builds the client of a host; all clients share one limiter."""

    def __init__(self, account: Account, make: Callable[[str], Http], name: str) -> None:
        self.account = account
        self._make = make
        self._name = name
        self._https: dict[str, Http] = {}
        self.moves = 0

    async def close(self) -> None:
        """Close the connections."""
        for http in self._https.values():
            await http.close()

    # -- the shapes of answers --------------------------------------------------------------------------------------

    async def page(
        self, entity: str, pairs: Sequence[tuple[str, str]], fields: Sequence[str], *, page: int = 1, size: int = 100,
        sort: str = "", action: str = "list",
    ) -> Page:  # fmt: skip
        """One page of a list. Without `fields` Accurate would answer with ids only."""
        paging = [("sp.page", str(page)), ("sp.pageSize", str(size))]
        if sort:
            paging.append(("sp.sort", sort))
        found = await self._call("GET", f"{entity}/{action}", query([*pairs, *paging], fields))
        rows = found.get("d")
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise self._unreadable(f"{entity}/{action}")
        sp = found.get("sp")
        paged = sp if isinstance(sp, Mapping) else {}
        pages, count = paged.get("pageCount"), paged.get("rowCount")
        return Page(
            rows,
            page,
            pages if isinstance(pages, int) else page + (len(rows) >= size),
            count if isinstance(count, int) else -1,
        )

    async def detail(self, entity: str, pairs: Sequence[tuple[str, str]]) -> Row | None:
        """One record whole; None when Accurate has none (it says so in a sentence)."""
        try:
            found = (await self._call("GET", f"{entity}/detail", query(pairs))).get("d")
        except ConnectorError as error:
            if error.kind == "rejected":
                return None
            raise
        return found if isinstance(found, Mapping) else None

    async def save(self, path: str, body: object, what: str) -> Row:
        """One write that is no batch; the record that stands now. Raises the refusal as an error."""
        found = await self._call("POST", path, body=encoded(body), what=what)
        record = found.get("r")
        return record if isinstance(record, Mapping) else {}

    async def delete(self, entity: str, id: str, what: str) -> None:
        """Delete one record by its internal id. Raises the refusal as an error."""
        await self._call("DELETE", f"{entity}/delete", query([("id", id)]), what=what)

    async def bulk(self, entity: str, rows: Sequence[Mapping[str, Any]]) -> list[Item]:
        """One batch; one outcome for each row, in order.

        A refusal of the whole call is every item's. An answer that does not say what became of each item says nothing:
        `Ambiguous`.
        """
        if len(rows) > BATCH:
            raise ValueError(f"at most {BATCH} in one call, not {len(rows)}")
        what = f"{entity} ({len(rows)})"
        found = await self._call("POST", f"{entity}/bulk-save", body=encoded({"data": rows}), what=what, items=True)
        told = found.get("d")
        if isinstance(told, list) and any(isinstance(one, Mapping) for one in told):
            if len(told) == len(rows) and all(isinstance(o, Mapping) and isinstance(o.get("s"), bool) for o in told):
                return [_item(one) for one in told]
        elif found["s"] is False:
            error = refusal(what, sentences(told))
            if isinstance(error, Throttled) or error.kind == "expired":
                raise error
            return [Item(False, {}, sentences(told)) for _ in rows]
        raise Ambiguous(f"the answer to {len(rows)} documents does not say what became of each", code="unreadable")

    # -- one call ---------------------------------------------------------------------------------------------------

    async def _call(
        self, method: str, path: str, asked: str = "", *, body: bytes | None = None, what: str = "", items: bool = False
    ) -> Mapping[str, Any]:
        effect = method != "GET"
        target = f"/accurate/api/{path}.do" + (f"?{asked}" if asked else "")
        opened = await self.account.opened()
        hops = reopened = 0
        while True:
            http = self._http(opened.host)
            answer = await http.request(method, target, body=body, effect=effect, answers=(429,))
            if answer.status == 429:
                # The limit is one of a second: without a time named, a second is what there is to wait.
                named = retry_after(answer.headers.get("retry-after", ""), answer.headers.get("date", ""), time.time())
                raise self._throttled(http, Throttled(f"{self._name} asks to wait", retry_after=named or _A_SECOND))
            if answer.status in (301, 302, 307, 308):
                # A database that has moved answers from its old host before it does anything.
                hops += 1
                if hops > _HOPS:
                    raise Transient(f"{self._name} sends calls round in a circle", code="redirects")
                opened = self.account.moved(_origin(opened.host, answer))
                self.moves += 1
                continue
            found = self._envelope(answer, path, what or self._name)
            told = found.get("d")
            if items and isinstance(told, list) and any(isinstance(one, Mapping) for one in told):
                return found  # each item speaks for itself
            if found["s"] is False:
                said = sentences(told)
                if reopened < REFRESHES and any(SESSION_ENDED.search(text) for text in said):
                    reopened += 1
                    await self.account.reopened(opened.session)
                    opened = await self.account.opened()
                    continue
                error = refusal(what or self._name, said)
                if isinstance(error, Throttled):
                    raise self._throttled(http, error)
                if not items:
                    raise error
            return found

    def _envelope(self, answer: Response, path: str, what: str) -> Mapping[str, Any]:
        if answer.status == 403:
            raise missing_scope(what, answer.body.decode("utf-8", "replace"))
        found = answer.json()
        if isinstance(found, str):  # seen from older servers: the sentence alone
            found = {"s": False, "d": [found]}
        if isinstance(found, Mapping) and isinstance(found.get("s"), bool):
            if answer.status >= 400:
                return {**found, "s": False}
            return found
        if answer.effect and answer.status < 400:
            raise Ambiguous(f"the answer of {self._name} to {path} cannot be read", code="unreadable")
        raise self._unreadable(path)

    def _unreadable(self, path: str) -> Transient:
        return Transient(f"the answer of {self._name} to {path} is not what was expected", code="unreadable")

    def _throttled(self, http: Http, error: Throttled) -> Throttled:
        if http.limiter is not None:
            http.limiter.pause(error.retry_after)
        return error

    def _http(self, host: str) -> Http:
        http = self._https.get(host)
        if http is None:
            http = self._https[host] = self._make(host)
        return http


def _item(one: Row) -> Item:
    record = one.get("r")
    return Item(one["s"] is True, record if isinstance(record, Mapping) else {}, sentences(one.get("d")))


def _origin(host: str, answer: Response) -> str:
    """Where a redirect leads, without its path."""
    parts = urlsplit(urljoin(host + "/", answer.headers.get("location", "")))
    return f"{parts.scheme}://{parts.netloc}"
