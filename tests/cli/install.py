"""A real installation for the command line: sandbox servers on a thread, connections made by the program itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

from click.testing import CliRunner, Result

from selaras.cli.main import cli
from selaras.engine.service import Service
from selaras.sandbox.books import BooksConfig, serve_books
from selaras.sandbox.store import StoreConfig, serve_store
from selaras.sync.installation import open_installation, running_hub, schedules_of

T = TypeVar("T")


class House:
    """A store, books, and a data directory that keeps one in the other."""

    def __init__(self, data: Path, store: Any, books: Any) -> None:
        self.data = data
        self.store = store
        self.books = books

    # -- the program -----------------------------------------------------------------------------------------------

    def run(self, *words: str, stdin: str | None = None, env: dict[str, str] | None = None, lang: str = "en") -> Result:
        """Run the program in this process; stdout and stderr are kept apart."""
        line = ["--data", str(self.data), "--lang", lang, *words]
        return CliRunner().invoke(cli, line, input=stdin, env={"SELARAS_WHO": "wati", **(env or {})})

    def json(self, *words: str, code: int = 0, **more: Any) -> Any:
        """Run with --json, check the exit code, and read the answer."""
        done = self.run(*words, "--json", **more)
        assert done.exit_code == code, (words, done.exit_code, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def connect(self, **policy: str) -> None:
        """Connect both sides and pair them, as a person would."""
        store = self.run(
            "connect", "sandbox_store", "--name", "toko", "--set", f"base_url={self.store.url}", "--secrets-stdin",
            "--no-check",
            stdin=f"api_key={self.store.api_key}\nwebhook_secret={self.store.webhook_secret}\n",
        )  # fmt: skip
        assert store.exit_code == 0, store.stderr
        books = self.run(
            "connect", "sandbox_books", "--name", "buku", "--set", f"base_url={self.books.url}",
            "--set", f"client_id={self.books.config.client_id}", "--set", "grant=client_credentials",
            "--set", "visibility_lag=0.3", "--no-check",
            env={"SELARAS_SECRET_CLIENT_SECRET": self.books.config.client_secret},
        )  # fmt: skip
        assert books.exit_code == 0, books.stderr
        choices = {"accounts.transfer": "bank", "bank_methods": "transfer", "default_account": "clearing", **policy}
        words = [word for name, value in choices.items() for word in ("--set", f"{name}={value}")]
        pair = self.run("pair", "toko", "buku", *words)
        assert pair.exit_code == 0, pair.stderr

    # -- the engine ------------------------------------------------------------------------------------------------

    def settle(self, timeout: float = 60.0) -> None:
        """Let the real engine read, plan and send until nothing is left to do."""
        asyncio.run(self._settle(timeout))

    async def _settle(self, timeout: float) -> None:
        ledger = open_installation(self.data)
        async with running_hub(ledger) as hub:
            service = Service(hub, schedules_of(ledger) | {"stock": "every 60s"})
            await service.start()
            try:
                assert await service.settle(timeout), [lane.error for lane in service.lanes.values() if lane.error]
            finally:
                await service.stop()

    # -- the other side --------------------------------------------------------------------------------------------

    def post(self, url: str, body: Any, headers: dict[str, str] | None = None) -> Any:
        """JSON over HTTP."""
        request = urllib.request.Request(url, json.dumps(body).encode(), headers or {}, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def get(self, url: str, headers: dict[str, str]) -> Any:
        """JSON over HTTP."""
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return json.loads(answer.read())

    @property
    def shop(self) -> dict[str, str]:
        return {"X-Sandbox-Key": self.store.admin_key}

    def products(self, *goods: tuple[str, str, int], books: list[tuple[str, str, int]] | None = None) -> None:
        """(code, name, stock) in the store, and the same or other ones in the books."""
        sold = [{"sku": c, "name": name, "price": "50000", "stock": n} for c, name, n in goods]
        self.post(f"{self.store.url}/sandbox/products", {"products": sold}, self.shop)
        kept = goods if books is None else books
        seed = {
            "products": [{"code": c, "name": name, "price": "50000"} for c, name, _n in kept],
            "stock": [{"code": c, "on_hand": str(n)} for c, _name, n in kept],
        }
        self.post(f"{self.books.url}/sandbox/seed", seed, self.books.admin)

    def checkout(
        self, *lines: tuple[str, int], method: str = "qris", name: str = "Budi Santoso", phone: str = "0812-3456-7890"
    ) -> Any:
        """A buyer orders."""
        body = {
            "lines": [{"sku": sku, "quantity": n} for sku, n in lines],
            "buyer": {"name": name, "phone": phone, "email": ""},
            "payment_method": method,
        }
        return self.post(f"{self.store.url}/checkout", body)

    def act(self, order: Any, what: str, body: Any = None) -> Any:
        """Something that happens to an order in the store."""
        api = {"Authorization": f"Bearer {self.store.api_key}"}
        place = "orders" if what == "pay" else "api/orders"
        return self.post(f"{self.store.url}/{place}/{order['id']}/{what}", body or {}, api)

    def bank_line(self, amount: str, description: str, day: str = "2026-01-05") -> None:
        """A line of the bank feed in the books."""
        item = {"date": day, "amount": amount, "currency": "IDR", "description": description, "account": "bank"}
        self.post(f"{self.books.url}/sandbox/bank", {"items": [item]}, self.books.admin)

    def truth(self) -> Any:
        """What the books hold, by their own account."""
        return self.get(f"{self.books.url}/sandbox/truth", self.books.admin)


class Servers:
    """Servers on a thread with a loop of its own, so that tests (and the program) are as synchronous as they are."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextlib.contextmanager
def a_house(
    data: Path,
    *,
    books: BooksConfig | None = None,
    store: StoreConfig | None = None,
    before: Callable[[House], None] = lambda house: None,
    connect: bool = True,
) -> Iterator[House]:
    """Start both sides; `before` fills them; then connect them by the program."""
    servers = Servers()
    stack = contextlib.AsyncExitStack()

    async def start() -> tuple[Any, Any]:
        return (
            await stack.enter_async_context(serve_store(store or StoreConfig())),
            await stack.enter_async_context(serve_books(books or BooksConfig())),
        )

    try:
        s, b = servers.run(start())
        house = House(data, s, b)
        before(house)
        if connect:
            house.connect()
        yield house
    finally:
        servers.run(stack.aclose())
        servers.close()
