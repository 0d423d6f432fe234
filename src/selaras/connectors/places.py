"""Where the files lie: a folder of this machine, or one behind SFTP (`sftp`). Both look the same from here.

A file is put whole or not at all: it is written under a name that nobody picks up and then given its own name, which
fails if that is taken. That last step is the moment at which something has happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, TypeVar

import msgspec

from selaras.connectors.contract import Ambiguous, ConnectorError, Transient
from selaras.connectors.wire import deadline_now

T = TypeVar("T")

TEMPORARY: Final = ".selaras-"
# Seconds that must be left of a lease when a file is put: after them the answer might come too late.
_MARGIN: Final = 2.0


class Entry(msgspec.Struct, frozen=True):
    """A file as a listing shows it. `mtime` is in nanoseconds since 1970, as exact as the place tells it."""

    name: str
    size: int
    mtime: int


class Taken(Exception):
    """A file of this name is there already; nothing was changed."""


class Place(Protocol):
    """What files are read from and put into. Paths are relative, with "/". Raises `ConnectorError` kinds."""

    label: str

    async def list(self, folder: str) -> list[Entry] | None:
        """The files of a folder by name; None when there is no such folder."""
        ...

    async def fetch(self, path: str, most: int) -> Path | None:
        """A copy that can be read from this machine's disk, None when it is gone. `most` is the largest size taken."""
        ...

    async def read(self, path: str) -> bytes | None:
        """The bytes of a small file, None when there is none."""
        ...

    async def put(self, path: str, data: bytes, *, replace: bool = False) -> None:
        """Write a file, whole or not at all. Raises `Taken`; `Transient` (nothing happened) or `Ambiguous`."""
        ...

    async def move(self, path: str, target: str) -> bool:
        """Give a file another name, at once; False when it is gone. Raises `Taken`."""
        ...

    async def close(self) -> None:
        """Let go of connections and copies."""
        ...


def in_time(label: str) -> None:
    """Raises `Transient` when the lease of whoever writes ends too soon to begin now."""
    deadline = deadline_now()
    if deadline is not None and time.time() > deadline - _MARGIN:
        raise Transient(f"no time left for a call to {label} in this turn", code="no_time")


def trouble(error: OSError, label: str, *, effect: bool = False) -> ConnectorError:
    """What an error of the operating system means."""
    why = error.strerror or type(error).__name__
    if effect:
        return Ambiguous(f"{label}: {why} while a file was put; it may be there", code="io")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        cure = "Let the user who runs Selaras read and write the folder."
        return Transient(f"{label} does not permit it: {why}", code="no_permission", cure=cure)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Transient(f"{label} is full; nothing was written", code="full", cure="Free some space there.")
    return Transient(f"{label} cannot be used: {why}", code="io", cure="Look whether the folder is there.")


class LocalPlace:
    """A folder of this machine (or mounted on it)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.label = str(root)

    async def list(self, folder: str) -> list[Entry] | None:
        """The files of a folder; what vanishes meanwhile is left out."""
        return await self._run(lambda: _listing(self.root / folder))

    async def fetch(self, path: str, most: int) -> Path | None:
        """The file itself."""
        where = self.root / path
        return where if await self._run(where.is_file) else None

    async def read(self, path: str) -> bytes | None:
        """Its bytes."""

        def work() -> bytes | None:
            try:
                return (self.root / path).read_bytes()
            except FileNotFoundError:
                return None

        return await self._run(work)

    async def put(self, path: str, data: bytes, *, replace: bool = False) -> None:
        """Beside it first, flushed to the disk, then linked to its name."""
        in_time(self.label)
        target = self.root / path

        def prepare() -> Path:
            target.parent.mkdir(parents=True, exist_ok=True)
            beside = target.parent / f"{TEMPORARY}{secrets.token_hex(6)}.tmp"
            with beside.open("xb") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
            return beside

        beside = await self._run(prepare)
        try:
            await asyncio.to_thread(_commit, beside, target, replace)
        except FileExistsError:
            raise Taken(path) from None
        except OSError as error:
            raise trouble(error, self.label, effect=True) from None
        finally:
            with contextlib.suppress(FileNotFoundError):
                beside.unlink()

    async def move(self, path: str, target: str) -> bool:
        """By a link to the new name and the end of the old one, so that nothing is ever overwritten."""
        in_time(self.label)

        def work() -> bool:
            to = self.root / target
            to.parent.mkdir(parents=True, exist_ok=True)
            if to.exists():
                raise FileExistsError(target)
            try:
                os.rename(self.root / path, to)
            except FileNotFoundError:
                return False
            _flush(to.parent)
            return True

        try:
            return await asyncio.to_thread(work)
        except FileExistsError:
            raise Taken(target) from None
        except OSError as error:
            raise trouble(error, self.label, effect=True) from None

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except OSError as error:
            raise trouble(error, self.label) from None


def _listing(folder: Path) -> list[Entry] | None:
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    # A link that somebody dropped must not lead to other files of this machine.
                    known = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(known.st_mode):
                    found.append(Entry(entry.name, known.st_size, known.st_mtime_ns))
    except FileNotFoundError:
        return None
    return sorted(found, key=lambda one: one.name)


def _commit(beside: Path, target: Path, replace: bool) -> None:
    if replace:
        os.replace(beside, target)
    else:
        try:
            os.link(beside, target)
        except FileExistsError:
            raise
        except OSError as error:
            # Some mounted file systems know no links. A rename there is checked first; one hub writes at a time.
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS):
                raise
            if target.exists():
                raise FileExistsError(target) from None
            os.rename(beside, target)
    _flush(target.parent)


def _flush(folder: Path) -> None:
    """The name must outlive a power cut as the content does; Windows cannot open folders and keeps them itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
