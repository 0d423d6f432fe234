"""A whole installation in one test: both sides over real HTTP, the program's own commands, and the serving process.

`a_hall` runs what `selaras serve` runs (engine, API, webhooks) on a thread, so that a test can move its clock and wait
until nothing is left to do. `Process` is the real thing in a process of its own, for what only a process can show.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

from selaras.engine.service import Service
from selaras.ledger.ledger import Ledger
from selaras.sandbox.books import BooksConfig
from selaras.sandbox.store import StoreConfig
from selaras.sync.installation import open_installation, running_hub, schedules_of
from selaras.web.app import Application, app
from selaras.web.server import _describe, bound, listening
from tests.cli.install import House, Servers, a_house

T = TypeVar("T")
GOODS = (("KAOS-M", "Kaos hitam M", 100), ("TOPI", "Topi", 50))
# The tests ask for a poll when something happened; nothing shall come between.
SLOW = dict.fromkeys(
    ("order", "product", "contact", "stock", "bank_transaction", "receipt", "journal", "purchase", "reread"), "every 1h"
)


class Clock:
    """The machine's time, until it is moved by `ahead` seconds."""

    def __init__(self, ahead: float = 0.0) -> None:
        self.ahead = ahead

    def __call__(self) -> float:
        return time.time() + self.ahead


class Hall:
    """Handles to a serving installation and to both sides."""

    def __init__(self, house: House, servers: Servers, service: Service, application: Application, url: str) -> None:
        self.house = house
        self.service = service
        self.url = url
        self._application = application
        self._servers = servers

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Something on the loop of the serving installation."""
        return self._servers.run(work)

    @property
    def setup(self) -> str:
        """The link of the first start, behind which the password is chosen."""
        return f"{self.url}/setup?code={self._application.context.passwords.code}"

    def sync(self, timeout: float = 120.0) -> None:
        """Poll every kind of both sides, then wait until nothing is left to do."""
        assert self.run(self._sync(timeout)), self.busy()

    async def _sync(self, timeout: float) -> bool:
        for name, connector in self.service.hub.connectors.items():
            for kind in connector.capabilities.sources:
                self.service.wake(name, kind)
        return await self.service.settle(timeout)

    def settle(self, timeout: float = 120.0) -> None:
        """Wait until nothing is left to do, without asking either side for anything."""
        assert self.run(self.service.settle(timeout)), self.busy()

    def busy(self) -> str:
        """What is not done, for the message of a failing test."""
        service, ledger = self.service, self.service.hub.desk.ledger
        lanes = {name: lane.error for name, lane in service.lanes.items() if lane.error or not lane.idle}
        stock = [flow.wanted for flow in service.stocks.values()]
        hints = self.run(service.hub.desk(ledger.db.rows, "SELECT kind, id, due, message FROM hint"))
        waiting = self.api("/waiting")[:3]
        return f"lanes {lanes}, stock {stock}, hints {hints}, asked {service._asked}, waiting {waiting}"

    def api(self, path: str, body: Any = None) -> Any:
        """A call of the HTTP API with the local token; the answer of an error, too."""
        return call(self.url, self.house.data, path, body)


@contextlib.contextmanager
def serving(
    house: House, *, clock: Callable[[], float] = time.time, schedules: dict[str, str] | None = None,
    database: str = "", public: bool = False,
) -> Iterator[Hall]:  # fmt: skip
    """Serve the installation of `house` until the block ends. `public` lets the store deliver webhooks."""
    servers = Servers()
    stack = contextlib.AsyncExitStack()

    async def start() -> tuple[Service, Application, str]:
        ledger: Ledger = open_installation(house.data, database=database)
        hub = await stack.enter_async_context(running_hub(ledger, clock))
        listener = bound()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        often = await hub.desk(schedules_of, ledger) | SLOW | (schedules or {})
        service = Service(hub, often, public_url=url if public else "")
        application = app(hub, service, data=house.data, public_url=url if public else "")
        await stack.enter_async_context(application)
        await stack.enter_async_context(listening(application, listener))
        _describe(ledger, url)
        await service.start()
        stack.push_async_callback(service.stop)
        return service, application, url

    try:
        service, application, url = servers.run(start())
        yield Hall(house, servers, service, application, url)
    finally:
        servers.run(stack.aclose())
        servers.close()


@contextlib.contextmanager
def a_ready_house(
    data: Path, *, books: BooksConfig | None = None, store: StoreConfig | None = None,
    goods: tuple[tuple[str, str, int], ...] = GOODS, policy: dict[str, str] | None = None,
) -> Iterator[House]:  # fmt: skip
    """Both sides with the same goods, connected and paired by the command line."""
    with a_house(data, books=books, store=store, before=lambda h: h.products(*goods), connect=False) as house:
        house.connect(**(policy or {}))
        yield house


@contextlib.contextmanager
def a_hall(
    data: Path, *, books: BooksConfig | None = None, store: StoreConfig | None = None,
    goods: tuple[tuple[str, str, int], ...] = GOODS, policy: dict[str, str] | None = None, **more: Any,
) -> Iterator[Hall]:  # fmt: skip
    """The same, served."""
    with (
        a_ready_house(data, books=books, store=store, goods=goods, policy=policy) as house,
        serving(house, **more) as hall,
    ):
        yield hall


# -- people and programs -----------------------------------------------------------------------------------------------


def call(url: str, data: Path, path: str, body: Any = None) -> Any:
    """A call of a serving installation's HTTP API with the local token of its data directory."""
    token = (data / "token").read_text().strip()
    request = urllib.request.Request(
        f"{url}/api/v1{path}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return json.loads(error.read())


def sale(house: House, order: Any) -> Any:
    """The one sales order of the books for this order, with its documents and its balance."""
    (found,) = house.truth()["sales"][order["number"]]
    return found


def kinds(found: Any) -> list[str]:
    """The kinds of the documents of a sale, sorted."""
    return sorted(document.split()[0] for document in found["documents"])


def shop(house: House) -> Any:
    """What the store holds, by its own account."""
    return house.get(f"{house.store.url}/sandbox/truth", house.shop)


def one_group(hall: Hall, cause: str) -> Any:
    """The one thing that stands in the way of records: its cause, said in one sentence with a cure."""
    (group,) = hall.api("/blocked")["groups"]
    assert group["cause"] == cause, group
    assert group["message"]
    assert "\n" not in group["message"] + group["cure"]
    assert group["cure"], group
    return group


def one_sentence(text: str) -> str:
    """What a command said on stderr: one line that ends as a sentence does, and no traceback."""
    line = text.strip()
    assert line, "nothing was said"
    assert "\n" not in line, line
    assert line.endswith((".", "?", "!")), line
    assert "Traceback" not in line
    return line


def eventually(question: Callable[[], T], seconds: float = 60.0, every: float = 0.1) -> T:
    """Ask until the answer is true; for processes, whose inside cannot be waited for."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < end, f"never happened; the last answer was {answer!r}"
        time.sleep(every)


def consent(url: str) -> str:
    """A person agrees on the sign-in page of the books; gives the address that the browser is sent back to."""
    with urllib.request.urlopen(url, timeout=20) as page:
        fields = re.findall(r'name="([^"]+)" value="([^"]*)">', page.read().decode())
    form = urllib.parse.urlencode([*((k, v.replace("&amp;", "&")) for k, v in fields), ("decision", "allow")])
    where = urllib.parse.urlsplit(url)

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    request = urllib.request.Request(f"{where.scheme}://{where.netloc}{where.path}", form.encode(), method="POST")
    try:
        urllib.request.build_opener(Stay).open(request, timeout=20)
    except urllib.error.HTTPError as answer:
        return str(answer.headers["Location"])
    raise AssertionError("the sign-in page sent nobody back")


def post(url: str, path: str, headers: dict[str, str], body: Iterator[bytes] | bytes) -> int:
    """A POST whose answer may come before the body is through; its status."""
    where = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    try:
        connection.putrequest("POST", path)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        with contextlib.suppress(OSError):
            for part in [body] if isinstance(body, bytes) else body:
                connection.send(part)
        return connection.getresponse().status
    finally:
        connection.close()


def deliver(url: str, house: House, body: bytes, *, at: float | None = None) -> int:
    """A delivery as the store signs it."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(house.store.webhook_secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).digest()
    head = {
        "X-Store-Timestamp": stamp, "X-Store-Signature": base64.b64encode(digest).decode(),
        "Content-Length": str(len(body)),
    }  # fmt: skip
    return post(url, "/webhooks/toko", head, body)


# -- a process ---------------------------------------------------------------------------------------------------------


class Process:
    """`selaras serve` as a process of its own."""

    def __init__(self, house: House, *words: str, env: dict[str, str] | None = None, **more: Any) -> None:
        ours = {"PYTHONUNBUFFERED": "1", "SELARAS_LANG": "en", "SELARAS_WHO": "wati"}
        environment = {**os.environ, **ours, **(env or {})}
        self.house = house
        self.said: list[str] = []
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "selaras", "--data", str(house.data), "serve", "--port", "0", *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, env=environment,
            **more,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        self.said.extend(iter(self.popen.stdout.readline, ""))

    @property
    def text(self) -> str:
        """Everything it has said so far."""
        return "".join(self.said)

    def ready(self) -> str:
        """Its address, once it answers."""
        return eventually(self._address, 60)

    def _address(self) -> str:
        found = re.search(r"answers at (http://\S+)", self.text)
        assert found or self.popen.poll() is None, self.text
        return found[1] if found else ""

    def api(self, path: str, body: Any = None) -> Any:
        """A call of its HTTP API."""
        return call(self.ready(), self.house.data, path, body)

    def kill(self) -> None:
        """kill -9: no time to tidy anything up. One that has ended already is only tidied away."""
        self.popen.kill()
        self._ended()

    def stop(self) -> int:
        """SIGTERM, as a service manager sends it; the exit code."""
        self.popen.send_signal(signal.SIGTERM)
        return self._ended()

    def _ended(self) -> int:
        code = self.popen.wait(60)
        self._reader.join(10)
        assert self.popen.stdout is not None
        self.popen.stdout.close()
        return code


@contextlib.contextmanager
def a_process(house: House, *words: str, **more: Any) -> Iterator[Process]:
    """A serving process for as long as the block lasts, however it ends."""
    process = Process(house, *words, **more)
    try:
        yield process
    finally:
        process.kill()


__all__ = ["Hall", "House", "Process", "a_hall", "a_house", "a_process", "a_ready_house", "serving"]
