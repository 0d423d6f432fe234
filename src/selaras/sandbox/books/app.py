"""The HTTP face of the books: a bare ASGI application, because the hub in front of it is what is to be measured."""

from __future__ import annotations

import asyncio
import base64
import binascii
import datetime as dt
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec

from selaras.sandbox.books import admin, batch, oauth
from selaras.sandbox.books.grants import Grants
from selaras.sandbox.books.kinds import Journal
from selaras.sandbox.books.limits import Buckets
from selaras.sandbox.books.state import Books, rfc3339
from selaras.sandbox.books.table import Key, Table
from selaras.sandbox.faults import Cutter

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_JSON: Final = (b"content-type", b"application/json")
_MOST_BYTES: Final = 16 * 1024 * 1024
_PAGE: Final = 100


class Problem(Exception):
    """A request that is answered with an error status."""

    def __init__(self, status: int, code: str, message: str, *, head: Headers | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = batch.ENCODER.encode({"error": code, "message": message})
        self.head = head or []


class Cut(Exception):
    """The connection is to be reset without an answer."""


class App:
    """One books server. `calls` counts requests by path, `statuses` answers by status (0 = connection cut)."""

    def __init__(self, books: Books, cutter: Cutter | None = None) -> None:
        self.books = books
        self.grants = Grants(books.config)
        self.cutter = cutter or Cutter()
        self.buckets = Buckets(books.config.rate, books.config.burst, books.config.parallel)
        self.calls: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.started_at = books.clock()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"this server speaks HTTP only, not {scope['type']}")
        status, head, body = 0, [_JSON], b""
        try:
            status, head, body = await self._answer(scope, await _read(receive))
        except Problem as problem:
            status, head, body = problem.status, [_JSON, *problem.head], problem.body
        except Cut:
            pass
        self.statuses[status] += 1
        if not status:
            self.cutter.cut(scope["client"])
            while (await receive())["type"] != "http.disconnect":
                continue
            return
        head.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Message, body: bytes) -> tuple[int, Headers, bytes]:
        path: str = scope["path"]
        method: str = scope["method"]
        if path.startswith("/api/"):
            return await self._api(scope, method, path[5:], body)
        self.calls[f"{method} {path}"] += 1
        query = scope["query_string"].decode("latin-1")
        if path.startswith("/oauth/"):
            if path == "/oauth/token":
                await self._fail_before()
            return oauth.handle(self.books, self.grants, method, path, query, scope["headers"], body)
        if path.startswith("/sandbox/"):
            return self._sandbox(scope, method, path[9:], query, body)
        if path == "/":
            return 200, [_JSON], batch.ENCODER.encode({"books": self.books.config.company, "api": "/api/"})
        raise Problem(404, "not_found", f"There is nothing at {path}.")

    # -- the API ------------------------------------------------------------------------------------------------

    async def _api(self, scope: Message, method: str, path: str, body: bytes) -> tuple[int, Headers, bytes]:
        self.calls[f"{method} /api/{path}"] += 1
        key = self._authorised(scope)
        wait = self.buckets.enter(key, self.books.clock())
        if wait is not None:
            raise _throttled(wait)
        try:
            wait = self.books.faults.throttled()
            if wait is not None:
                raise _throttled(wait)
            delay = self.books.faults.delay()
            if delay:
                await asyncio.sleep(delay)
            await self._fail_before()
            if method == "GET":
                return 200, [_JSON], self._get(path, scope["query_string"].decode("latin-1"))
            if method != "POST" or not path.endswith("/batch"):
                raise Problem(405, "method_not_allowed", "Use GET on a kind, or POST on its batch.")
            return 200, [_JSON], self._batch(path[:-6], body)
        finally:
            self.buckets.leave(key)

    def _authorised(self, scope: Message) -> str:
        token = ""
        for name, value in scope["headers"]:
            if name == b"authorization":
                scheme, _, token = value.decode("latin-1").partition(" ")
                if scheme.lower() != "bearer":
                    token = ""
        if token and self.books.faults.token_expired():
            self.grants.expire(token)
        grant = self.grants.bearer(token, self.books.clock()) if token else None
        if grant is None:
            detail = ', error="invalid_token", error_description="expired or unknown"' if token else ""
            head = [(b"www-authenticate", f'Bearer realm="books"{detail}'.encode())]
            raise Problem(401, "unauthorized", "A bearer token that is alive is needed.", head=head)
        return grant.id

    async def _fail_before(self) -> None:
        how = self.books.faults.before()
        if how == "reset":
            raise Cut
        if how is not None:
            raise Problem(int(how), "server_error", "Something went wrong; nothing was kept.")

    def _batch(self, kind: str, body: bytes) -> bytes:
        try:
            asked = batch.BATCH.decode(body)
        except msgspec.MsgspecError as error:
            raise Problem(400, "bad_request", f"The body is not a batch: {error}") from None
        operation = batch.OPERATIONS.get((kind, asked.op))
        if operation is None:
            raise Problem(404, "not_found", f"There is no {asked.op!r} for {kind!r}.")
        if len(asked.items) > batch.MOST:
            raise Problem(413, "too_many_items", f"A batch has at most {batch.MOST} items, not {len(asked.items)}.")
        faults = self.books.faults
        part = faults.half_batch(len(asked.items))
        if part is not None:
            batch.run(self.books, operation, asked.items[:part], self.books.act())
            raise Cut
        results = batch.run(self.books, operation, asked.items, self.books.act())
        how = faults.after()
        if how == "drop":
            raise Cut
        if how is not None:
            raise Problem(int(how), "server_error", "Something went wrong on the way back.")
        return batch.ENCODER.encode({"results": results})

    def _get(self, path: str, query: str) -> bytes:
        books = self.books
        if path == "company":
            return batch.ENCODER.encode(
                {
                    "name": books.config.company,
                    "currency": books.config.currency,
                    "zone": books.config.zone,
                    "closed_until": books.closed_until,
                    "unique_references": books.config.unique_references,
                    "warehouses": books.config.warehouses,
                    "server_time": rfc3339(books.clock()),
                }
            )
        table = books.tables.get(path, books.makeup.tables.get(path))
        if table is None:
            raise Problem(404, "not_found", f"There is no kind {path!r}.")
        ask = _pairs(query)
        now = books.clock()
        rows: list[Any]
        after: Key | None = None
        if "ids" in ask:
            rows = [row for row in map(table.get, _list(ask["ids"])) if row is not None]
        elif "references" in ask:
            wanted = _wanted(table, ask)
            rows = [row for row in table.by_references(_list(ask["references"]), now) if not wanted or wanted(row)]
        elif "codes" in ask and path in ("products", "stock"):
            rows = self._by_code(path, _list(ask["codes"]))
        else:
            rows, after = _page(table, ask, now)
        return batch.ENCODER.encode(
            {
                "items": rows,
                "next": None if after is None else _cursor(after),
                "more": after is not None,
                "server_time": rfc3339(now),
            }
        )

    def _by_code(self, kind: str, codes: list[str]) -> list[Any]:
        books = self.books
        if kind == "products":
            return [books.by_code[code] for code in codes if code in books.by_code]
        return [books.stock_of[code] for code in codes if code in books.stock_of]

    # -- the sandbox's switches ---------------------------------------------------------------------------------

    def _sandbox(self, scope: Message, method: str, path: str, query: str, body: bytes) -> tuple[int, Headers, bytes]:
        key = next((v.decode("latin-1") for n, v in scope["headers"] if n == b"x-sandbox-key"), "")
        if path == "faults":
            status, answer = self.books.faults.handle(method, key, body)
            return status, [_JSON], answer
        if not self.books.faults.allowed(key):
            raise Problem(403, "forbidden", "The header X-Sandbox-Key is missing or wrong.")
        try:
            if path == "truth" and method == "GET":
                parts = _list(_pairs(query).get("parts", ""))
                return 200, [_JSON], batch.ENCODER.encode(self.truth(parts))
            run = admin.POSTS.get(path)
            if run is None or method != "POST":
                raise Problem(404, "not_found", f"There is no {method} /sandbox/{path}.")
            return 200, [_JSON], batch.ENCODER.encode(run(self.books, self.grants, body or b"{}"))
        except admin.Unknown as error:
            raise Problem(404, "not_found", str(error)) from None
        except msgspec.MsgspecError as error:
            raise Problem(422, "invalid", str(error)) from None

    def truth(self, parts: list[str] | None = None) -> dict[str, Any]:
        """What the books hold and what was asked of the server; `parts` limits the answer."""
        calls = {
            "by_path": dict(self.calls),
            "by_status": {str(status): count for status, count in self.statuses.items()},
            "refused": self.statuses[429],
            "seconds": round(self.books.clock() - self.started_at, 3),
        }
        return admin.told(self.books, self.grants, calls, parts or [])


async def _read(receive: Receive) -> bytes:
    message = await receive()
    if not message.get("more_body"):
        return bytes(message.get("body", b""))
    parts = [message.get("body", b"")]
    size = len(parts[0])
    while message.get("more_body"):
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > _MOST_BYTES:
            raise Problem(413, "too_large", f"A request has at most {_MOST_BYTES} bytes.")
        parts.append(part)
    return b"".join(parts)


def _throttled(seconds: float) -> Problem:
    head = [(b"retry-after", Buckets.header(seconds))]
    return Problem(429, "too_many_requests", "Too many calls; wait as Retry-After says.", head=head)


def _pairs(query: str) -> dict[str, str]:
    """Names with their values as they came, still encoded, so that lists can be split at bare commas."""
    return {name: value for name, _, value in (pair.partition("=") for pair in query.split("&")) if name}


def _list(text: str) -> list[str]:
    values = [unquote_plus(value) for value in text.split(",") if value]
    if len(values) > _PAGE:
        raise Problem(413, "too_many_items", f"At most {_PAGE} values in one list, not {len(values)}.")
    return values


def _cursor(key: Key) -> str:
    return base64.urlsafe_b64encode("|".join(key).encode()).decode()


def _page(table: Table[Any], ask: dict[str, str], now: float) -> tuple[list[Any], Key | None]:
    """Rows in the order (updated_at, id), from `updated_since` on or behind the cursor `after`."""
    try:
        limit = int(ask.get("limit", _PAGE))
        since = ""
        if ask.get("updated_since"):
            instant = dt.datetime.fromisoformat(unquote_plus(ask["updated_since"]))
            if instant.tzinfo is None:
                raise ValueError("updated_since needs a zone")
            since = rfc3339(instant.timestamp())
        after: Key | None = None
        if ask.get("after"):
            stamp, bar, row_id = base64.urlsafe_b64decode(unquote_plus(ask["after"])).decode().partition("|")
            if not bar:
                raise ValueError("after is not a cursor of this server")
            after = (stamp, row_id)
        if not 1 <= limit <= _PAGE:
            raise ValueError(f"limit lies between 1 and {_PAGE}")
    except (ValueError, binascii.Error, OverflowError) as error:
        raise Problem(400, "bad_request", f"The question cannot be read: {error}.") from None
    return table.page(since, after, limit, now, _wanted(table, ask))


def _wanted(table: Table[Any], ask: dict[str, str]) -> Callable[[Any], bool] | None:
    return _manual if ask.get("source") == "manual" and table.kind == "journals" else None


def _manual(row: Journal) -> bool:
    return not row.document_kind
