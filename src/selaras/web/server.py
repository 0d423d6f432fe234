"""Serve one installation: webhooks, API, console and the engine, in one process and one loop."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import ipaddress
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import uvicorn

from selaras.engine.service import Service
from selaras.ledger import Ledger
from selaras.ledger.database import SQLite
from selaras.ledger.errors import LedgerError
from selaras.sync.checking import PUBLIC_URL
from selaras.sync.installation import running_hub, schedules_of
from selaras.web.answers import App
from selaras.web.app import app
from selaras.web.protocol import PATIENCE, http_protocol, reap

__all__ = ["CannotListen", "http_protocol", "listening", "loop_factory", "run_server", "state"]

OWN_ADDRESS: Final = "auto"
_GRACE: Final = 10

# What the pages of this process show beside the ledger; the demo puts its two acts into `state["demo"]`.
state: dict[str, Any] = {}


class CannotListen(LedgerError):
    """The address is taken, or not ours."""


async def run_server(
    ledger: Ledger,
    *,
    host: str,
    port: int,
    public_url: str = "",
    data: Path,
    ready: Callable[[str], None] | None = None,
    stop: asyncio.Event | None = None,
    open_read: bool = False,
    welcome: Callable[[str], None] | None = None,
    shown: dict[str, Any] | None = None,
) -> None:
    """Serve until `stop` is set or SIGTERM or SIGINT comes; then finish what is under way and close the ledger.

    `public_url` is where stores reach us for webhooks ("" = none are asked for, we poll; "auto" = the address that we
    listen on). `ready` is told the address once requests are answered, `welcome` the one-time link for choosing the
    password while there is none (without it the link goes to stderr). `open_read` shows pages without sign-in and is
    refused beyond loopback. `shown` takes the place of `state`.

    Raises `CannotListen` and what opening connections raises; the ledger is closed in every case.
    """
    stop = asyncio.Event() if stop is None else stop
    async with running_hub(ledger) as hub:
        if open_read and not _is_loopback(host):
            raise CannotListen(
                f"Pages without sign-in are shown on this machine only, not on {host}.", "Use --host 127.0.0.1."
            )
        listener = _bind(host, port)
        url = _url(host, listener.getsockname()[1])
        public = url if public_url == OWN_ADDRESS else public_url.rstrip("/")
        # For `connections check`, which asks whether stores can reach us.
        await hub.desk.write(ledger.connections.set, PUBLIC_URL, public, hub.now())
        service = Service(hub, await hub.desk(schedules_of, ledger), public_url=public)
        application = app(
            hub, service, data=data, public_url=public, open_read=open_read, state=state if shown is None else shown
        )
        async with application, listening(application, listener, stop):
            _describe(ledger, url)
            # The lanes start after the address answers: a store that is subscribed to pings it at once.
            await service.start()
            try:
                with _signals(stop):
                    if ready is not None:
                        ready(url)
                    if application.context.passwords.code and not open_read:
                        (welcome or _print_welcome)(f"{public or url}/setup?code={application.context.passwords.code}")
                    await stop.wait()
            finally:
                await service.stop()


@contextlib.asynccontextmanager
async def listening(
    application: App, listener: socket.socket, stop: asyncio.Event | None = None, *, patience: float = PATIENCE
) -> AsyncIterator[str]:
    """Answer requests on a bound socket; leaving waits for requests under way. `stop` is set if the server ends."""
    config = uvicorn.Config(
        application,
        http=http_protocol(),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=2000,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    reaper = asyncio.create_task(reap(server, patience), name="reaper")
    if stop is not None:
        task.add_done_callback(lambda _task: stop.set())
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        if task.done():
            await task
            raise CannotListen("The server ended before it answered.", "See the log.")
        yield _url(*listener.getsockname()[:2])
    finally:
        reaper.cancel()
        server.should_exit = True
        await asyncio.gather(task, reaper, return_exceptions=True)
        listener.close()


class _Server(uvicorn.Server):
    """Leaves signals to `run_server`: the engine has to stop in order, before the ledger closes."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bound(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A listening socket. Raises `CannotListen`."""
    return _bind(host, port)


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, _kind, _proto, _name, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
        # Inherited by what is accepted; asyncio sets it only on sockets that name their protocol, and without it the
        # body of an answer waits up to 40 ms for the acknowledgement of its head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        why = error.strerror or str(error)
        raise CannotListen(
            f"Cannot listen on {host}:{port} ({why}).", "Choose another --port, or stop the program that uses it."
        ) from None


def _url(host: str, port: int) -> str:
    """The address for a browser on this machine."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - the question is what was asked for
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _describe(ledger: Ledger, url: str) -> None:
    """Let the command line find us: who holds the data directory, and where it answers."""
    if isinstance(ledger.db, SQLite) and ledger.db.lock is not None:
        ledger.db.lock.describe({"url": url})


def _print_welcome(link: str) -> None:
    print(f"Choose the password of this installation: {link}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set `stop`; a second one ends the process as usual."""
    loop = asyncio.get_running_loop()
    numbers: tuple[int, ...] = (signal.SIGTERM, signal.SIGINT)

    def heard(number: int) -> None:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        stop.set()

    before: dict[int, Any] = {}
    try:
        for number in numbers:
            before[number] = signal.getsignal(number)
            signal.signal(number, lambda n, _frame: loop.call_soon_threadsafe(heard, n))
    except ValueError:
        before.clear()  # not the main thread (tests): whoever runs us there sets `stop`
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop where there is one, the standard loop elsewhere."""
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:  # Windows
        return asyncio.new_event_loop
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
