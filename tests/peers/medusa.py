"""A real Medusa for tests: npm packages of a lock file, a database of the tests' PostgreSQL, a server for the session.

What was installed is kept in pytest's cache under the digest of the lock file, and the migrated, empty database beside
it as a dump, so that only the first run pays for them (about a minute and a half). Our own plugin is installed in it.
The server is furnished once; a test that wants a store without orders has them wiped from the database.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from tests.fixtures_pg import Server as Postgres
from tests.needs import missing
from tests.peers.medusa_desk import Desk
from tests.peers.node import Node
from tests.peers.tryton import alone
from tests.ports import free_port

HERE = Path(__file__).with_suffix("")
PLUGIN = Path(__file__).resolve().parents[2] / "plugins" / "medusa-selaras-hints"
OWNER = ("owner@example.test", "owner-password-1")
HINTS_SECRET = "rahasia-petunjuk"
_START = 240.0
_ORDERS = ("order", "order_line_item", "cart", "payment_collection", "reservation_item", "return", "order_change")


class Home:
    """The installed packages and the dump of a migrated database, made once for each lock file."""

    def __init__(self, folder: Path, node: Node) -> None:
        self.folder = folder.resolve()
        self.app = self.folder / "app"
        self.dump = self.folder / "template.sql"
        self.node = node

    def build(self, postgres: Postgres) -> None:
        """Make what is missing."""
        with alone(self.folder / "building"):
            self.node.install(HERE, self.app)
            shutil.copyfile(HERE / "medusa-config.js", self.app / "medusa-config.js")
            self._plugin()
            if self.dump.exists():
                return
            name = database(postgres)
            try:
                self.run("db:migrate", "--skip-scripts", at=address(postgres, name))
                self.run("user", "-e", OWNER[0], "-p", OWNER[1], at=address(postgres, name))
                postgres.run("pg_dump", "--no-owner", "--file", str(postgres.base / "dump.sql"), postgres.dsn(name))
                shutil.move(postgres.base / "dump.sql", self.dump)
            finally:
                drop(postgres, name)

    def _plugin(self) -> None:
        """Our plugin as `npm install` leaves a packed folder: in node_modules, built."""
        target = self.app / "node_modules" / PLUGIN.name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(PLUGIN, target, ignore=shutil.ignore_patterns(".medusa", "node_modules"))
        subprocess.run([self.node.node, "build.js"], cwd=target, check=True, timeout=60, capture_output=True)

    def command(self, *arguments: str) -> list[str]:
        """Medusa's own command line."""
        return [self.node.node, str(self.app / "node_modules" / "@medusajs" / "cli" / "cli.js"), *arguments]

    def environment(self, at: str, **more: str) -> dict[str, str]:
        """What its programs need."""
        return {
            **self.node.environment(), "DATABASE_URL": at, "NODE_ENV": "production",
            "MEDUSA_DISABLE_TELEMETRY": "true", **more,
        }  # fmt: skip

    def run(self, *arguments: str, at: str) -> None:
        """Run a command to its end. Raises RuntimeError with what it said."""
        done = subprocess.run(
            self.command(*arguments), cwd=self.app, env=self.environment(at), capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"medusa {arguments[0]}: {(done.stdout + done.stderr)[-1500:]}")


def database(postgres: Postgres) -> str:
    """A new, empty database."""
    name = f"medusa_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return name


def drop(postgres: Postgres, name: str) -> None:
    """End a database."""
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def address(postgres: Postgres, name: str) -> str:
    """A database as Node.js's `pg` and MikroORM both read it: the socket's folder as an encoded host name."""
    host = "127.0.0.1" if os.name == "nt" else quote(str(postgres.base), safe="")
    return f"postgres://postgres@{host}:{postgres.port}/{name}"


class Server:
    """A running Medusa on a free port of the loopback address. `hints_url` is where our plugin posts to."""

    def __init__(self, home: Home, postgres: Postgres, folder: Path) -> None:
        self.home = home
        self.postgres = postgres
        self.name = database(postgres)
        self.dsn = postgres.dsn(self.name)
        self.log = folder / "medusa.txt"
        self.port = free_port()
        self.hints_port = free_port()
        self.hints_url = f"http://127.0.0.1:{self.hints_port}/webhooks/toko"
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.desk: Desk

    def start(self) -> None:
        """Fill the database, start the server, and furnish the shop. Raises RuntimeError with the log's end."""
        self.postgres.run("psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", self._readable(), self.dsn)
        hints = {"HINTS_URL": self.hints_url, "HINTS_SECRET": HINTS_SECRET}
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                self.home.command("start", "--host", "127.0.0.1", "--port", str(self.port)), stdout=log, stderr=log,
                cwd=self.home.app, env=self.home.environment(address(self.postgres, self.name), **hints),
            )  # fmt: skip
        until = time.monotonic() + _START
        while True:
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"Medusa does not start: {self.words()}")
            with (
                contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError),
                urllib.request.urlopen(f"{self.url}/health", timeout=5),
            ):
                break
            time.sleep(0.1)
        self.desk = Desk(self.url, self._keys())
        self.desk.furnish()

    def _readable(self) -> str:
        """The dump where the user of the database can read it."""
        copy = self.postgres.base / "template.sql"
        shutil.copyfile(self.home.dump, copy)
        copy.chmod(0o644)
        return str(copy)

    def _keys(self) -> dict[str, str]:
        desk = Desk(self.url, {"secret": "", "publishable": ""})
        signed = desk.call("POST", "/auth/user/emailpass", {"email": OWNER[0], "password": OWNER[1]})
        head = {"Authorization": f"Bearer {signed['token']}"}
        made: dict[str, Any] = {
            kind: desk.call("POST", "/admin/api-keys", {"title": kind, "type": kind}, head)["api_key"]
            for kind in ("secret", "publishable")
        }
        return {
            "secret": made["secret"]["token"], "secret_id": made["secret"]["id"],
            "publishable": made["publishable"]["token"], "publishable_id": made["publishable"]["id"],
        }  # fmt: skip

    def words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-2000:]

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """A statement in its database, behind its back."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            found = connection.execute(statement, values)
            return found.fetchall() if found.description else []

    def wipe(self) -> None:
        """No orders, carts or payments any more; the goods stay, 100,000 pieces of each, with nothing held."""
        tables = sql.SQL(", ").join(sql.Identifier(name) for name in _ORDERS)
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(tables))
            connection.execute(
                "UPDATE inventory_level SET reserved_quantity = 0, stocked_quantity = 100000, "
                """raw_reserved_quantity = '{"value":"0","precision":20}', """
                """raw_stocked_quantity = '{"value":"100000","precision":20}'"""
            )

    @property
    def settings(self) -> dict[str, str]:
        """Settings of a connection to it."""
        return {
            "base_url": self.url, "secret_key": self.desk.keys["secret"], "webhook_secret": HINTS_SECRET,
            "rate": "2000", "parallel": "8", "visibility_lag": "0.2",
        }  # fmt: skip

    def stop(self) -> None:
        """End it and its database."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(30)
        drop(self.postgres, self.name)


def mark() -> str:
    """What an installation depends on."""
    parts = (HERE / "package-lock.json").read_bytes() + (HERE / "package.json").read_bytes()
    return hashlib.sha256(parts).hexdigest()[:16]


@pytest.fixture(scope="session")
def medusa_home(request: pytest.FixtureRequest, node: Node, postgres_server: Postgres) -> Home:
    """Medusa, installed; built where the cache has none."""
    cache = request.config.cache
    if cache is None:
        missing("no Medusa: pytest runs without its cache")
    home = Home(Path(cache.mkdir(f"medusa-{mark()}")), node)
    try:
        home.build(postgres_server)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        missing(f"no Medusa: {error}")
    return home


@pytest.fixture(scope="session")
def medusa_server(
    medusa_home: Home, postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A running Medusa with a furnished shop."""
    server = Server(medusa_home, postgres_server, tmp_path_factory.mktemp("medusa"))
    try:
        try:
            server.start()
        except (OSError, RuntimeError) as error:
            missing(f"no Medusa: {error}")
        yield server
    finally:
        server.stop()


@pytest.fixture
def medusa(medusa_server: Server, request: pytest.FixtureRequest) -> Iterator[Server]:
    """The running Medusa without orders; its log is shown when the test fails."""
    medusa_server.wipe()
    yield medusa_server
    print(f"the end of Medusa's log:\n{medusa_server.words()}")
