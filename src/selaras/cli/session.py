"""Which installation a command works on, and by which way: the ledger itself, or the process that serves it."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import click

from selaras.cli.remote import Remote
from selaras.i18n import _
from selaras.ledger import Ledger
from selaras.ledger.errors import DataDirectoryInUse, LedgerError
from selaras.ledger.lock import read_holder
from selaras.ledger.values import MICROSECOND
from selaras.sync.installation import open_installation

T = TypeVar("T")

DATA: Final = "SELARAS_DATA"
DATABASE: Final = "SELARAS_DATABASE"
WHO: Final = "SELARAS_WHO"


class Session:
    """One command's view of an installation."""

    def __init__(self, data: Path, database: str) -> None:
        self.data = data
        self.database = database

    @property
    def who(self) -> str:
        """Whose decision this is: SELARAS_WHO, else the user of the machine."""
        try:
            return os.environ.get(WHO, "").strip() or getpass.getuser()
        except (OSError, KeyError):  # a container user without a name
            return f"uid {os.getuid()}" if hasattr(os, "getuid") else "?"

    @staticmethod
    def now() -> int:
        """The present in the ledger's microseconds."""
        return int(time.time() * MICROSECOND)

    @contextmanager
    def reading(self) -> Iterator[Ledger]:
        """The ledger for reading, also beside a process that writes. Raises `LedgerError`, `KeyProblem`."""
        ledger = self.open_for_reading()
        try:
            yield ledger
        finally:
            ledger.close()

    def open_for_reading(self) -> Ledger:
        """The ledger for reading; the caller closes it."""
        return open_installation(self.data, database=self.database, read_only=True)

    @contextmanager
    def writing(self) -> Iterator[Ledger]:
        """The ledger for writing, as its only writer. Raises `DataDirectoryInUse` among others."""
        ledger = self.open_for_writing()
        try:
            yield ledger
        finally:
            ledger.close()

    def open_for_writing(self) -> Ledger:
        """The ledger for writing; the caller closes it (a hub does). An empty directory becomes an installation."""
        return open_installation(self.data, database=self.database)

    def must_exist(self) -> None:
        """Refuse to make an installation by a misspelt directory. Raises `LedgerError`."""
        if not (self.database or (self.data / "selaras.db").exists()):
            raise LedgerError(
                f"There is no installation in {self.data}.", "Run `selaras connect` first, or name it with --data."
            )

    def serving(self) -> Remote | None:
        """The process that serves this installation on this machine, if one does."""
        if self.database:
            return None  # PostgreSQL lets several write
        url = read_holder(self.data).get("url")
        return Remote(str(url), self.data) if url else None

    def change(
        self, local: Callable[[Ledger], T], path: str, body: Mapping[str, Any], kind: type[T], *, exists: bool = True
    ) -> T:
        """Do something that writes: through the serving process where there is one, else by ourselves.

        `path` and `body` are the call of its HTTP API that does the same as `local`. Raises `LedgerError`.
        """
        if exists:
            self.must_exist()
        remote = self.serving()
        if remote is None:
            try:
                with self.writing() as ledger:
                    return local(ledger)
            except DataDirectoryInUse:
                remote = self.serving()  # it may have started in this very moment
                if remote is None:
                    raise
        return remote.post(path, {**body, "who": self.who}, kind)


def session() -> Session:
    """The session of the running command, from --data and --database, the environment, or the default."""
    given: dict[str, str] = click.get_current_context().find_root().ensure_object(dict)
    data = given.get("data") or os.environ.get(DATA, "").strip() or "~/.selaras"
    database = given.get("database") or ""
    if database and urlsplit(database).password:
        raise click.UsageError(
            _(
                "A password on the command line can be read by every user of this machine: put the address into "
                "%(variable)s.",
                variable=DATABASE,
            )
        )
    return Session(Path(data).expanduser(), database or os.environ.get(DATABASE, "").strip())
