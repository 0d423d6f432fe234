"""The few parts of HTTP that the store needs on raw ASGI: a request, an answer, who may call and how often."""

from __future__ import annotations

import email.utils
import hmac
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeVar
from urllib.parse import parse_qs

import msgspec

from selaras.sandbox.store.records import Refused

T = TypeVar("T")
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Access = Literal["none", "read", "write", "admin"]

MAX_BODY = 64 * 1024 * 1024


class Cut(Exception):
    """The connection breaks now, without an answer."""


class Answer(NamedTuple):
    """Status, JSON body and further headers."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Request:
    """One request. `key` is the number in its path (0 = none), `template` the path with that number as `{id}`."""

    __slots__ = ("_query", "access", "body", "headers", "key", "method", "path", "raw_query", "template")

    def __init__(self, scope: Scope, body: bytes) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.raw_query: bytes = scope["query_string"]
        self.body = body
        self.access: Access = "none"
        self._query: dict[str, list[str]] | None = None
        self.key = 0
        parts = self.path.rstrip("/").split("/")
        for i, part in enumerate(parts):
            if part.isdigit() and len(part) < 16:
                self.key = int(part)
                parts[i] = "{id}"
                break
        self.template = "/".join(parts) or "/"

    def query(self, name: str, default: str = "") -> str:
        """The (first) value of a query parameter."""
        return self.queries(name, default)[0]

    def queries(self, name: str, default: str = "") -> list[str]:
        """All values of a query parameter, at least the default."""
        if self._query is None:
            self._query = parse_qs(self.raw_query.decode("latin-1"), keep_blank_values=True)
        return self._query.get(name) or [default]

    def listed(self, many: str, one: str, most: int) -> list[str] | None:
        """Values given as `many=a,b,c` and/or repeated `one=a`; None when neither is there. Raises `Refused` 400."""
        joined = self.queries(many)
        single = self.queries(one)
        if joined == [""] and single == [""]:
            return None
        values = [v for text in joined for v in text.split(",") if v] + [v for v in single if v]
        if len(values) > most:
            raise Refused(400, "too_many", f"at most {most} at once, {len(values)} were asked for")
        return values

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number of the query. Raises `Refused` 400 when it is none or out of range."""
        text = self.query(name)
        if not text:
            return default
        if not text.isdigit() or not least <= int(text) <= most:
            raise Refused(400, "bad_parameter", f"{name} must be a number from {least} to {most}", parameter=name)
        return int(text)

    def decode(self, kind: type[T]) -> T:
        """The body as `kind`. Raises `Refused` 400 naming the field."""
        try:
            return msgspec.json.decode(self.body or b"{}", type=kind)
        except msgspec.MsgspecError as error:
            raise Refused(400, "bad_request", str(error)) from None


class Keys:
    """Who may call: the shop's API key, a second one that may only read, and the sandbox's admin."""

    def __init__(self, admin: str, api: str, read: str) -> None:
        self._admin = admin.encode()
        self._api = api.encode()
        self._read = read.encode()

    def access(self, headers: Mapping[bytes, bytes]) -> Access:
        """What the credentials of a request allow."""
        admin = headers.get(b"x-sandbox-key")
        if admin is not None and hmac.compare_digest(admin, self._admin):
            return "admin"
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer":
            if hmac.compare_digest(token, self._api):
                return "write"
            if hmac.compare_digest(token, self._read):
                return "read"
        return "none"


class Budget:
    """A token bucket: `rate` calls per second, `burst` at once; rate 0 means no limit."""

    def __init__(self, rate: float, burst: int) -> None:
        self.set(rate, burst)

    def set(self, rate: float, burst: int) -> None:
        """Another limit from now on, with a full bucket."""
        self.rate = rate
        self.burst = max(1, burst)
        self._tokens = float(self.burst)
        self._at = time.monotonic()

    def take(self) -> int:
        """0 when the call may pass, else the whole seconds to wait."""
        if not self.rate:
            return 0
        now = time.monotonic()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0
        return max(1, math.ceil((1 - self._tokens) / self.rate))


class DateHeader:
    """The `Date` header (RFC 9110 §6.6.1), built once for each second."""

    def __init__(self) -> None:
        self._second = -1
        self._value = b""

    def value(self, second: int) -> bytes:
        """The header's value for a Unix second."""
        if second != self._second:
            self._second = second
            self._value = email.utils.formatdate(second, usegmt=True).encode()
        return self._value


async def read_body(receive: Receive) -> bytes:
    """The whole request body. Raises `Refused` 413, or `Cut` when the client has gone."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Cut
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            raise Refused(413, "too_large", "the body is too large")
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def send_answer(send: Send, answer: Answer, date: bytes) -> None:
    """Put an answer on the wire."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer.body)).encode()),
        (b"date", date),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
