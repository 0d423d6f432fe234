"""Runs a books server: inside a test, or as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from selaras.sandbox.books.app import App
from selaras.sandbox.books.config import BooksConfig
from selaras.sandbox.books.state import Books
from selaras.sandbox.faults import Cutter, Faults


class BooksServer:
    """A running server. `url` has no slash at its end; `state` is the books themselves."""

    def __init__(self, config: BooksConfig, app: App, url: str) -> None:
        self.config = config
        self.app = app
        self.url = url

    @property
    def state(self) -> Books:
        """The books."""
        return self.app.books

    @property
    def faults(self) -> Faults:
        """The switches."""
        return self.app.books.faults

    @property
    def admin(self) -> dict[str, str]:
        """Headers for calls to /sandbox/…"""
        return {"X-Sandbox-Key": self.config.admin_key}

    def about(self) -> dict[str, str]:
        """Where it is and the keys to it, as printed by the command."""
        config = self.config
        return {
            "url": self.url,
            "admin_key": config.admin_key,
            "client_id": config.client_id,
            "client_secret": config.client_secret,
            "authorize_url": f"{self.url}/oauth/authorize",
            "token_url": f"{self.url}/oauth/token",
        }


class _Server(uvicorn.Server):
    """Tells when it is ready; leaves the signals alone unless it has the process to itself."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], *, signals: bool) -> None:
        super().__init__(config)
        self._ready = ready
        self._signals = signals

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals() if self._signals else contextlib.nullcontext():
            yield


def _make(config: BooksConfig, books: Books | None) -> tuple[App, uvicorn.Config, socket.socket, str]:
    cutter = Cutter()
    app = App(books or Books(config), cutter)
    # The protocol is named because asyncio switches Nagle's algorithm off only for sockets that name it; with it
    # on, an answer sent as head and body waits 40 ms for the client's delayed acknowledgement.
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((config.host, config.port))
    host = f"[{config.host}]" if ":" in config.host else config.host
    url = f"http://{host}:{sock.getsockname()[1]}"
    settings = uvicorn.Config(
        app,
        http=cutter.protocol(AutoHTTPProtocol),
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        # Longer than clients keep idle connections, so that none is closed under a request just sent.
        timeout_keep_alive=60,
        timeout_graceful_shutdown=2,
        server_header=False,
        date_header=True,
    )
    return app, settings, sock, url


@contextlib.asynccontextmanager
async def serve_books(config: BooksConfig | None = None, *, books: Books | None = None) -> AsyncIterator[BooksServer]:
    """A server in this event loop for as long as the block lasts; `books` brings a state of one's own."""
    config = books.config if books is not None else config or BooksConfig()
    app, settings, sock, url = _make(config, books)
    ready = asyncio.Event()
    server = _Server(settings, ready.set, signals=False)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
    if not ready.is_set():
        waiting.cancel()
        await task
        raise RuntimeError("the books server did not start")
    try:
        yield BooksServer(config, app, url)
    finally:
        server.should_exit = True
        await task


def run(config: BooksConfig, announce: Callable[[dict[str, Any]], None]) -> None:
    """Serve until told to stop; `announce` gets `BooksServer.about` once the server listens."""
    app, settings, sock, url = _make(config, None)
    about = BooksServer(config, app, url).about()
    asyncio.run(_Server(settings, lambda: announce(about), signals=True).serve(sockets=[sock]))
