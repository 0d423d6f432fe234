"""The exclusive right to write in a data directory."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import IO, Any

from selaras.ledger.errors import DataDirectoryInUse

if sys.platform == "win32":
    import msvcrt

    # Windows locks ranges of bytes against reading too, so the range lies far behind what is written.
    _FAR = 1 << 30

    def _try_lock(file: IO[str], *, shared: bool = False) -> bool:
        file.seek(_FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[str], *, shared: bool = False) -> bool:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


_TRIES = 10
_PAUSE = 0.03


class DirectoryLock:
    """Exclusive right to write in a data directory, held by an open file; it ends with the process, even by kill -9."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock. Raises `DataDirectoryInUse` naming the holder."""
        file = self.path.open("a+", encoding="utf-8")
        # A few tries: `read_holder` of another process holds it for an instant, and a new holder needs one to sign.
        for _ in range(_TRIES):
            if _try_lock(file):
                self._file = file
                self.describe({})
                return
            time.sleep(_PAUSE)
        file.close()
        pid = _written(self.path).get("pid", "?")
        raise DataDirectoryInUse(
            f"Data directory {self.path.parent} is in use by process {pid}.",
            "Stop that process, or give this one its own directory with --data.",
        )

    def describe(self, about: dict[str, Any]) -> None:
        """Write who holds the lock (pid, address of the server) so that others can say so or talk to it."""
        if self._file is None:
            raise ValueError("describe() needs the lock")
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps({"pid": os.getpid(), **about}))
        self._file.flush()

    def release(self) -> None:
        """Give the lock up."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read_holder(directory: Path) -> dict[str, Any]:
    """What the holder of a data directory wrote about itself; empty when nobody holds it or it cannot be read.

    What a killed process left in the file is not believed: only a held lock has a holder.
    """
    path = directory / "lock"
    try:
        with path.open(encoding="utf-8") as file:
            if _try_lock(file, shared=True):
                return {}
    except OSError:
        return {}
    return _written(path)


def _written(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(path.read_text(encoding="utf-8") or "{}")
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}
