"""A whole installation in a box: sandbox store and books on free ports, a data directory, a hub between them.

Used by `demo`, `replay`, `chaos` and `bench`. Everything that is started here ends here: on success, on failure, on
Ctrl-C, and (see `child.py`) even when this process is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import aiohttp
import msgspec

from selaras.engine.service import Service
from selaras.ledger.connections import Connection
from selaras.ledger.ledger import Ledger
from selaras.ledger.values import MICROSECOND, Settlement, State
from selaras.rules.plan_types import Policy
from selaras.sync.hub import Hub, Pair
from selaras.sync.installation import SCHEDULES, open_installation, running_hub, schedules_of, set_pairs
from selaras.web.answers import App
from selaras.web.app import app
from selaras.web.server import bound, listening

STORE = "store"
BOOKS = "books"
# Money that the gateway captured lies in its clearing account until it pays out.
ACCOUNTS = {"qris": "clearing", "va": "clearing", "transfer": "bank", "exchange": "clearing"}
_REDIRECT = "http://127.0.0.1/oauth/done"
_START_SECONDS = 120.0


Handler = Callable[[dict[str, str]], Awaitable[Any]]


class RigError(RuntimeError):
    """A part of the rig did not start or did not answer; the message holds its last words."""


class Child:
    """A process that was started; `facts` is the line of JSON that it printed when it was ready."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, facts: dict[str, Any], log: Path) -> None:
        self.name = name
        self.process = process
        self.facts = facts
        self.log = log

    @property
    def url(self) -> str:
        """Where it listens."""
        return str(self.facts["url"])

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def cpu(self) -> float:
        """Seconds of processor that it has used so far; 0 where the system does not tell (no /proc)."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def words(self) -> str:
        """The last lines that it wrote to its error stream."""
        return " / ".join(self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:])

    async def kill(self) -> None:
        """End it at once, as a power cut would (kill -9)."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    async def stop(self, timeout: float = 10.0) -> None:
        """Ask it to end; insist after `timeout` seconds."""
        if self.process.returncode is not None:
            return
        if self.process.stdin is not None:
            self.process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            async with asyncio.timeout(timeout):
                await self.process.wait()
        except TimeoutError:
            await self.kill()


async def start(name: str, arguments: Sequence[str], logs: Path) -> Child:
    """Start `child.py` as `name` and wait until it says that it is ready. Raises `RigError` with its last words."""
    log = logs / f"{name}.log"
    with log.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "selaras.cli.child", name, *arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=stderr,
            # Ctrl-C is for the command in front; it ends its children in its own order.
            start_new_session=True,
        )  # fmt: skip
    child = Child(name, process, {}, log)
    if process.stdout is None:
        raise RigError(f"{name} has no output")
    try:
        async with asyncio.timeout(_START_SECONDS):
            line = await process.stdout.readline()
        child.facts = msgspec.json.decode(line)
    except (TimeoutError, msgspec.DecodeError) as error:
        await child.kill()
        raise RigError(f"{name} did not start: {child.words() or error}") from None
    except BaseException:
        await child.kill()
        raise
    return child


@contextlib.asynccontextmanager
async def started(name: str, arguments: Sequence[str], logs: Path) -> AsyncIterator[Child]:
    """A child for as long as the block lasts."""
    child = await start(name, arguments, logs)
    try:
        yield child
    finally:
        await asyncio.shield(child.stop())


class Sandbox(msgspec.Struct, frozen=True):
    """A running store and running books."""

    store: Child
    books: Child


def options(settings: Mapping[str, Any]) -> list[str]:
    """Settings as command line options: `first_number=1` becomes `--first-number 1`, True a switch."""
    arguments: list[str] = []
    for name, value in settings.items():
        option = "--" + name.replace("_", "-")
        arguments += [option] if value is True else [option, str(value)]
    return arguments


@contextlib.asynccontextmanager
async def sandbox(
    logs: Path, *, seed: int = 0, store: Mapping[str, Any] | None = None, books: Mapping[str, Any] | None = None
) -> AsyncIterator[Sandbox]:
    """An empty store and empty books. `store` and `books` are further options of the two servers."""
    of_store = {"seed": seed, "products": 0, **(store or {})}
    of_books = {"seed": seed, **(books or {})}
    async with (
        started(STORE, options(of_store), logs) as shop,
        started(BOOKS, options(of_books), logs) as accounts,
    ):
        yield Sandbox(shop, accounts)


@contextlib.contextmanager
def scratch(keep: Path | None = None) -> Iterator[Path]:
    """A directory that is gone afterwards, unless the caller brings one to keep."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    made = Path(tempfile.mkdtemp(prefix="selaras-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def install(
    data: Path,
    box: Sandbox,
    *,
    policy: Policy | None = None,
    schedules: Mapping[str, str] | None = None,
    zone: str = "Asia/Jakarta",
    books: Mapping[str, str] | None = None,
    store: Mapping[str, str] | None = None,
) -> None:
    """Make an installation in `data`: both connections, their pair, how often each kind is read."""
    shop, accounts = box.store.facts, box.books.facts
    ledger = open_installation(data)
    try:
        now = int(time.time() * MICROSECOND)
        with ledger.transaction():
            ledger.connections.add(
                Connection(
                    STORE, "sandbox_store", "store", zone,
                    {"base_url": box.store.url, **(store or {})},
                    {"api_key": shop["api_key"], "webhook_secret": shop["webhook_secret"]},
                ),
                now,
            )  # fmt: skip
            ledger.connections.add(
                Connection(
                    BOOKS, "sandbox_books", "books", zone,
                    {"base_url": box.books.url, "client_id": accounts["client_id"], "redirect_uri": _REDIRECT,
                     **(books or {})},
                    {"client_secret": accounts["client_secret"]},
                ),
                now,
            )  # fmt: skip
            ledger.connections.set(SCHEDULES, msgspec.json.encode(dict(schedules or {})).decode(), now)
        usual = Policy(invoice_at="payment", bank_methods=frozenset({"transfer"}), accounts=ACCOUNTS, zone=zone)
        set_pairs(ledger, [Pair(STORE, BOOKS, policy or usual)])
    finally:
        ledger.close()


async def sign_in(hub: Hub) -> None:
    """Connect the books as a person does, but with a consent page that agrees by itself (OAuth 2.0, PKCE S256)."""
    oauth = hub.connectors[BOOKS].oauth  # type: ignore[attr-defined]
    begun = oauth.authorization_url()
    async with (
        aiohttp.ClientSession() as session,
        session.get(begun.url + "&auto=1", allow_redirects=False) as answer,
    ):
        back = parse_qs(urlsplit(answer.headers.get("Location", "")).query)
    if "code" not in back:
        raise RigError(f"the books gave no code: {answer.status} {back.get('error', '')}")
    await oauth.exchange(back["code"][0], back["state"][0], begun.state, begun.verifier)


class Running:
    """A hub that keeps an installation in step, in this process; `url` is its console and webhook address.

    `settled` counts postings that came to an end, `first_settled` and `last_settled` are when the first and the last of
    them did (seconds since 1970).
    """

    def __init__(self, hub: Hub, service: Service, url: str) -> None:
        self.hub = hub
        self.service = service
        self.url = url
        self.settled = 0
        self.first_settled = self.last_settled = 0.0
        for dispatcher in service.dispatchers.values():
            dispatcher.after.append(self._count)

    async def _count(self, settlements: Sequence[Settlement]) -> None:
        done = sum(s.state in (State.DONE, State.BLOCKED, State.SKIPPED) for s in settlements)
        if done and not self.settled:
            self.first_settled = self.hub.clock()
        if done:
            self.last_settled = self.hub.clock()
        self.settled += done

    @property
    def ledger(self) -> Ledger:
        """The ledger (use it through `hub.desk`)."""
        return self.hub.desk.ledger

    def look_now(self) -> None:
        """Bring the next poll of every kind forward: days of the sandbox's store pass in seconds."""
        for connection, kind in ((STORE, "order"), (BOOKS, "bank_transaction"), (BOOKS, "stock"), (BOOKS, "contact")):
            self.service.wake(connection, kind)

    async def settle(self, timeout: float = 120.0) -> None:
        """Look once more at both sides, then wait until nothing is left to do. Raises `RigError` after `timeout`."""
        self.look_now()
        if not await self.service.settle(timeout):
            busy = [lane.name for lane in self.service.lanes.values() if not lane.idle]
            words = [lane.error for lane in self.service.lanes.values() if lane.error]
            raise RigError(f"the hub was still busy after {timeout:g} s: {', '.join(busy)} {'; '.join(words)}")


def with_paths(application: App, extra: Mapping[str, Handler]) -> App:
    """The application with a few paths of a rig's own before it, each answering JSON."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        handler = extra.get(scope.get("path", ""))
        if handler is None:
            await application(scope, receive, send)
            return
        asked = dict(parse_qsl(scope["query_string"].decode()))
        body = msgspec.json.encode(await handler(asked))
        head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    return answer


@contextlib.asynccontextmanager
async def running(
    data: Path,
    *,
    port: int = 0,
    webhooks: bool = True,
    idle: bool = False,
    extra: Mapping[str, Handler] | None = None,
    shown: dict[str, Any] | None = None,
) -> AsyncIterator[Running]:
    """The hub of the installation in `data`, signed in and at work in this process, with its console and webhooks.

    `idle` leaves the engine standing: webhooks are taken in, nothing is read or sent. `extra` are further paths of the
    server, `shown` what its pages show beside the ledger.
    """
    ledger = open_installation(data)
    async with running_hub(ledger) as hub:
        if not idle and await hub.desk(ledger.connections.token, BOOKS) is None:
            await sign_in(hub)
        listener = bound(port=port)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        service = Service(hub, await hub.desk(schedules_of, ledger), public_url=url if webhooks else "")
        application = app(hub, service, data=data, public_url=url, open_read=True, state=shown)
        async with application, listening(with_paths(application, extra or {}), listener):
            if not idle:
                await service.start()
            try:
                yield Running(hub, service, url)
            finally:
                await service.stop()
