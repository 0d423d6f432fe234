"""Local servers for tests: a proper web server around one handler, and one that says whatever bytes it is given."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import web

from selaras.connectors.contract import ConnectorError
from selaras.connectors.http import Http
from tests.ports import free_port

# Where a connection is opened for what is asked on it next.
WARM = "/warm"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served(handler: Handler, *, port: int = 0) -> AsyncIterator[str]:
    """A web server whose every path is `handler`, on a port of the loopback address; its base URL."""
    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{rest:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    with socket.create_server(("127.0.0.1", port)) as listener:
        site = web.SockSite(runner, listener)
        await site.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            await runner.cleanup()


@asynccontextmanager
async def spoken(raw: Raw) -> AsyncIterator[str]:
    """A TCP server that says what `raw` says, proper HTTP or not."""

    async def each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await raw(reader, writer)
        writer.close()

    server = await asyncio.start_server(each, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def whole_request(reader: asyncio.StreamReader) -> bytes:
    """Head and body of one request."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head + await reader.readexactly(int(line.split(b":")[1]))
    return head


def nobody() -> str:
    """An address where nothing listens."""
    return f"http://127.0.0.1:{free_port()}"


@asynccontextmanager
async def calling(url: str, **settings: Any) -> AsyncIterator[Http]:
    """An `Http` for `url`, closed at the end."""
    http = Http(url, **settings)
    try:
        yield http
    finally:
        await http.close()


async def both(url: str, *, warm: bool = False, **settings: Any) -> tuple[ConnectorError, ConnectorError]:
    """What a read and a write raise. With `warm` each has a line that stands already: however slow the machine is, a
    short time-out then ends in the answer, not in the connecting."""
    async with calling(url, **settings) as http:
        if warm:
            await http.request("GET", WARM, effect=False, timeout=60.0)
        with pytest.raises(ConnectorError) as read:
            await http.request("GET", "/x", effect=False)
        if warm:
            await http.request("GET", WARM, effect=False, timeout=60.0)
        with pytest.raises(ConnectorError) as write:
            await http.request("POST", "/x", body=b"{}", effect=True)
        return read.value, write.value
