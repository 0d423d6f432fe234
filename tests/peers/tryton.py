"""A real Tryton for tests: its own virtual environment, an SQLite template made once, a server for the session.

Everything comes from the package registry by `tryton/requirements.txt`, checked by hash. What was built is kept in
pytest's cache under the digest of that file and of the seed, so that only the first run pays for it (about a minute).
Each test module gets a database of its own: a copy of the template.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.needs import missing
from tests.peers.tryton_desk import Desk
from tests.ports import free_port

HERE = Path(__file__).with_suffix("")
LOCK = HERE / "requirements.txt"
SEED = Path(__file__).with_name("tryton_seed.py")
MODULES = (
    "account account_invoice account_invoice_stock account_product account_statement party product purchase sale stock"
)
ADMIN = ("admin", "admin-password-1")
HUB = ("hub", "hub-password-1")
LIMITED = ("limited", "limited-password-1")
_START = 240.0


class Database:
    """One database of the running server: a small company with its chart, nothing sold yet."""

    def __init__(self, url: str, name: str, file: Path, seeded: dict[str, Any]) -> None:
        self.url = url
        self.name = name
        self.file = file
        self.company: int = seeded["company"]
        self.keys: dict[str, str] = seeded["keys"]

    def desk(self, who: tuple[str, str] = ADMIN) -> Desk:
        """A plain client of this database, signed in as `who`: the witness of the tests."""
        return Desk(f"{self.url}/{self.name}", *who, company=self.company)

    @property
    def settings(self) -> dict[str, str]:
        """Settings of a connection that signs in with a session."""
        return {"base_url": self.url, "database": self.name, "login": HUB[0], "password": HUB[1], "rate": "2000"}

    @property
    def key_settings(self) -> dict[str, str]:
        """Settings of a connection that shows a key."""
        return {"base_url": self.url, "database": self.name, "key": self.keys["hub"], "rate": "2000"}


class Server:
    """A trytond on a free port of the loopback address; databases are files in `folder`.

    With `workers` it queues what can wait (processing of confirmed sales, printing). The workers of Tryton need
    PostgreSQL; here a test does their work at the desk.
    """

    def __init__(self, home: Home, folder: Path, *, workers: bool = False) -> None:
        self.home = home
        self.folder = folder
        self.workers = workers
        self.log = folder / "trytond.txt"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._config = home.config(folder, self.port, workers=workers)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                [self.home.program("trytond"), "-c", self._config], stdout=log, stderr=log, cwd=self.folder
            )
        until = time.monotonic() + _START
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                body = json.dumps({"id": 1, "method": "common.server.version", "params": []}).encode()
                head = {"Content-Type": "application/json"}
                with urllib.request.urlopen(urllib.request.Request(f"{self.url}/rpc/", body, head), timeout=5):
                    return
            time.sleep(0.1)
        raise RuntimeError("trytond does not start: " + self.log.read_text(errors="replace")[-1500:])

    def stop(self) -> None:
        """Stop it."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    def database(self, name: str) -> Database:
        """A fresh copy of the template."""
        file = self.folder / f"{name}.sqlite"
        shutil.copyfile(self.home.template, file)
        # What came after its start is loaded only through this door (trytond 8.2, `start_pool`), which then says 404.
        # The list of databases is kept for each name of the host, so a new name makes it look again.
        door = urllib.request.Request(f"{self.url}/{name}/r/load", headers={"Host": f"{name.replace('_', '-')}.test"})
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(door, timeout=60)
        return Database(self.url, name, file, self.home.seeded)


class Home:
    """The environment and the template, built once for each digest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.environment = self.folder / "venv"
        self.template = self.folder / "template.sqlite"
        self._told = self.folder / "seeded.json"

    @property
    def seeded(self) -> dict[str, Any]:
        """What the seed made: the company's id and the users' keys."""
        told: dict[str, Any] = json.loads(self._told.read_text(encoding="utf-8"))
        return told

    def program(self, name: str) -> str:
        """A program of the environment."""
        return str(self.environment / ("Scripts" if os.name == "nt" else "bin") / name)

    def config(self, folder: Path, port: int, *, workers: bool = False) -> str:
        """A configuration file in `folder`."""
        path = folder / "trytond.conf"
        path.write_text(
            f"[database]\nuri = sqlite://\npath = {folder}\n"
            f"[web]\nlisten = 127.0.0.1:{port}\n"
            f"[queue]\nworker = {workers}\n"
            "[session]\ntimeout = 3600\n"
            "[email]\nuri = smtp://127.0.0.1:1\n",
            encoding="utf-8",
        )
        return str(path)

    def build(self) -> None:
        """Make what is missing."""
        with alone(self.folder / "lock"):
            if self._told.exists():
                return
            if not (self.environment / "complete").exists():
                shutil.rmtree(self.environment, ignore_errors=True)
                venv.create(self.environment, with_pip=True)
                self._run(
                    [self.program("python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                     "--no-input", "--require-hashes", "-r", str(LOCK)],
                    "Tryton cannot be installed",
                )  # fmt: skip
                (self.environment / "complete").touch()
            work = self.folder / "work"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            config = self.config(work, 1)
            (work / "password").write_text(ADMIN[1], encoding="utf-8")
            (work / "template.sqlite").touch()
            admin = [self.program("trytond-admin"), "-c", config, "-d", "template"]
            more = {"TRYTONPASSFILE": str(work / "password")}
            trouble = "the template of Tryton cannot be made"
            self._run([*admin, "--all", "--email", "admin@example.test"], trouble, more)
            self._run([*admin, "-u", *MODULES.split(), "--activate-dependencies"], trouble, more)
            said = self._run([self.program("python"), str(SEED), config, "template"], "Tryton cannot be seeded")
            shutil.move(work / "template.sqlite", self.template)
            self._told.write_text(said.strip().splitlines()[-1], encoding="utf-8")

    def _run(self, command: list[str], trouble: str, more: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env={**os.environ, **(more or {})}, capture_output=True, text=True,
            timeout=600, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{trouble}: {(done.stderr or done.stdout)[-1500:]}")
        return done.stdout


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """One builder at a time (best effort: Windows has no flock)."""
    with open(path, "w") as handle:
        if os.name != "nt":
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def mark() -> str:
    """What a built home depends on: the lock, the seed, the modules, and our Python."""
    parts = LOCK.read_bytes() + SEED.read_bytes() + MODULES.encode() + sys.version.encode()
    return hashlib.sha256(parts).hexdigest()[:16]


@pytest.fixture(scope="session")
def tryton_home(request: pytest.FixtureRequest) -> Home:
    """Tryton, installed and with a template; built where the cache has none."""
    cache = request.config.cache
    if cache is None:
        missing("no Tryton: pytest runs without its cache")
    home = Home(Path(cache.mkdir(f"tryton-{mark()}")))
    try:
        home.build()
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        missing(f"no Tryton: {error}")
    return home


@pytest.fixture(scope="session")
def tryton_server(tryton_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running trytond."""
    server = Server(tryton_home, tmp_path_factory.mktemp("tryton"))
    try:
        server.start()
    except (OSError, RuntimeError) as error:
        missing(f"no Tryton: {error}")
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def tryton(tryton_server: Server, request: pytest.FixtureRequest) -> Database:
    """A database for one test module."""
    name = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]
    return tryton_server.database(f"t{name}")
