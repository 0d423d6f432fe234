"""Plain ASGI answers, for the routes that are too hot or too simple for a framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
RawHeaders = Iterable[tuple[bytes, bytes]]

TEXT = b"text/plain; charset=utf-8"
JSON = b"application/json"


class Answer:
    """A finished answer: built once, sent often."""

    __slots__ = ("_body", "_start", "status")

    def __init__(self, status: int, body: str | bytes, *, kind: bytes = TEXT, headers: RawHeaders = ()) -> None:
        self.status = status
        content = body.encode() if isinstance(body, str) else body
        self._start = {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", kind),
                (b"content-length", b"%d" % len(content)),
                (b"cache-control", b"no-store"),
                (b"x-content-type-options", b"nosniff"),
                *headers,
            ],
        }
        self._body = {"type": "http.response.body", "body": content}

    async def __call__(self, send: Send) -> None:
        await send(self._start)
        await send(self._body)
