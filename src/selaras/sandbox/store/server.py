"""The store over real HTTP: in this process for tests (`serve_store`), or as a program (`python -m …`)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from selaras.sandbox.faults import Faults
from selaras.sandbox.store.app import StoreApp
from selaras.sandbox.store.bank import Bank
from selaras.sandbox.store.config import StoreClock, StoreConfig
from selaras.sandbox.store.shop import Shop
from selaras.sandbox.store.webhooks import Webhooks


class _Quiet(uvicorn.Server):
    """A server that leaves the signals to the program around it."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


class StoreServer:
    """A running store: its address, its keys and, for tests in the same process, its inside."""

    def __init__(self, app: StoreApp, url: str) -> None:
        self.app = app
        self.url = url
        self.admin_key = app.config.admin_key
        self.api_key = app.config.api_key
        self.read_key = app.config.read_key
        self.webhook_secret = app.config.webhook_secret

    @property
    def shop(self) -> Shop:
        """The shop's state."""
        return self.app.shop

    @property
    def faults(self) -> Faults:
        """The fault switches."""
        return self.app.faults

    @property
    def clock(self) -> StoreClock:
        """The store's clock."""
        return self.app.clock

    @property
    def webhooks(self) -> Webhooks:
        """Subscriptions and deliveries."""
        return self.app.webhooks

    @property
    def bank(self) -> Bank:
        """The shop's bank account."""
        return self.app.bank

    @property
    def calls(self) -> int:
        """API calls answered so far (path under `/api`), whatever their status."""
        return sum(count for (path, _), count in self.app.calls.items() if " /api/" in path)

    def facts(self) -> dict[str, str]:
        """What a caller needs to connect."""
        names = ("url", "admin_key", "api_key", "read_key", "webhook_secret")
        return {name: getattr(self, name) for name in names}


@contextlib.asynccontextmanager
async def serve_store(config: StoreConfig | None = None) -> AsyncIterator[StoreServer]:
    """A store that listens while the block runs; port 0 means any free port."""
    config = config or StoreConfig()
    app = StoreApp(config)
    # asyncio sets TCP_NODELAY only where the protocol is named; without it small answers wait 40 ms (Nagle).
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((config.host, config.port))
    host, port = listener.getsockname()[:2]
    server = _Quiet(
        uvicorn.Config(
            app,
            http=app.cutter.protocol(AutoHTTPProtocol),
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=2,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if task.done():
                task.result()
                raise RuntimeError("the store did not start")
            await asyncio.sleep(0.005)
        yield StoreServer(app, f"http://{host}:{port}")
    finally:
        server.should_exit = True
        await task
        listener.close()
        await app.close()
