"""A folder into which files are dropped to be taken once: `in/`, then `done/` or `refused/`.

Taking a file is one rename, from `in/NAME` to `done/000012-NAME`. The number is the order in which files were taken and
never changes: whoever reads the folder again, after a crash or on another machine, reads the same files in the same
order. A file that is refused goes to `refused/`, its reason beside it in `NAME.refused.txt`.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Collection
from typing import Final

import msgspec

from selaras.connectors.contract import Transient
from selaras.connectors.places import Entry, Place, Taken
from selaras.connectors.ready import Watch, held_open, is_unfinished

IN: Final = "in"
DONE: Final = "done"
REFUSED: Final = "refused"
NO_FOLDER: Final = "Make the folder in/ there: it is where files are dropped."
MIB: Final = 1024 * 1024
_NUMBERED: Final = re.compile(r"(\d{6,})-(.+)", re.DOTALL)
_REPORT: Final = ".refused.txt"
_TRIES: Final = 5
# Bytes of a name: a number goes in front of it and a reason's ending behind, and disks take 255.
_LONGEST: Final = 200
_ENDING: Final = 8
# What ends the formats that end in no line: SWIFT blocks, XML, SGML, HTML.
_ENDS: Final = (b">", b"\n-", b"\n-}", b"\n-}$", b"\x03")


class NotTaken(ValueError):
    """A file is refused: one sentence with file, row and column, and how to mend it."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.message, self.cure = message, cure


class Dropped(msgspec.Struct, frozen=True):
    """A file with its bytes. `name` is the one that it was dropped under (`plain`), `lies` the one in its folder."""

    name: str
    lies: str
    data: bytes
    written: dt.datetime

    @property
    def digest(self) -> str:
        """What is in it, in 18 letters."""
        return hashlib.blake2b(self.data, digest_size=9).hexdigest()


class Inbox:
    """Use it from one task at a time. `quiet` is in seconds, `most` the largest file in bytes."""

    def __init__(self, place: Place, *, quiet: float, most: int, clock: Callable[[], float]) -> None:
        self.place = place
        self.most = most
        self.waiting: dict[str, str] = {}
        self._clock = clock
        self._watch = Watch(quiet)

    async def taken(self, known: Collection[str]) -> list[Dropped]:
        """The files in `done/` that are not `known` by the names that they have there, in the order of their numbers.

        Raises `Transient` where neither `in/` nor `done/` is there: a share that is not mounted holds nothing new.
        """
        entries = await self.place.list(DONE)
        if entries is None and await self.place.list(IN) is None:
            raise no_folder(self.place)
        found = []
        for entry in sorted((e for e in entries or () if _number(e.name) is not None), key=lambda e: _order(e.name)):
            if plain(entry.name) not in known and (file := await self._fetch(DONE, entry)) is not None:
                found.append(file)
        return found

    async def ready(self, *, at_once: bool = False) -> list[tuple[Dropped, bool]]:
        """The files in `in/` that are whole, oldest first, and whether each has stood still so long that it will not
        grow any more. `at_once`: whatever is there now, for a look that takes nothing."""
        entries = await self.place.list(IN) or []
        now = self._clock()
        self._watch.look(entries, now)
        names = {entry.name for entry in entries}
        waiting: dict[str, str] = {}
        found = []
        for entry in sorted(entries, key=lambda e: (e.mtime, e.name)):
            name = plain(entry.name)
            if is_unfinished(entry.name):
                waiting[name] = "a program is still writing it"
            elif entry.name.startswith((".", "~$")):
                continue
            elif held_open(entry.name, names):
                waiting[name] = "a spreadsheet program has it open"
            elif not (at_once or self._watch.still(entry, now)):
                waiting[name] = "it may still be written"
            else:
                old = at_once or self._watch.old(entry, now)
                file = await self._fetch(IN, entry)
                if file is None or (len(file.data) != entry.size and entry.size <= self.most):
                    waiting[name] = "it may still be written"
                elif not old and not _ended(file.data):
                    waiting[name] = "its end looks broken off"
                else:
                    found.append((file, old))
        self.waiting = waiting
        return found

    def wait(self, file: Dropped) -> None:
        """It cannot be read yet, and may not be whole: look again later."""
        self.waiting[file.name] = "its end looks broken off"

    async def take(self, file: Dropped) -> Dropped | None:
        """Move it to `done/` under the next number; None when somebody has taken it away meanwhile, or written into it:
        then `taken` gives what lies there."""
        for _ in range(_TRIES):
            numbers = [_number(entry.name) or 0 for entry in await self.place.list(DONE) or ()]
            name = f"{max(numbers, default=0) + 1:06d}-{_short(file.name)}"
            try:
                if not await self.place.move(f"{IN}/{file.lies}", f"{DONE}/{name}"):
                    return None
            except Taken:
                continue
            lies = await self._fetch(DONE, Entry(name, 0, 0))
            return msgspec.structs.replace(file, lies=name) if lies is not None and lies.data == file.data else None
        raise Transient(f"{self.place.label}: {file.name} cannot be moved to done/", code="io")

    async def refuse(self, file: Dropped, why: NotTaken) -> None:
        """Move it to `refused/`, its reason beside it."""
        there = {entry.name for entry in await self.place.list(REFUSED) or ()}
        name, number = _short(file.name), 1
        while name in there:
            number += 1
            name = f"{number}-{_short(file.name)}"
        await self.place.put(f"{REFUSED}/{name}{_REPORT}", f"{why.message}\n{why.cure}\n".encode(), replace=True)
        try:
            await self.place.move(f"{IN}/{file.lies}", f"{REFUSED}/{name}")
        except Taken:
            raise Transient(f"{self.place.label}: {file.name} cannot be moved to refused/", code="io") from None

    async def refused(self) -> list[tuple[str, str, str]]:
        """(file, why, cure) of what lies in `refused/`."""
        found = []
        for entry in await self.place.list(REFUSED) or ():
            if not entry.name.endswith(_REPORT):
                raw = await self.place.read(f"{REFUSED}/{entry.name}{_REPORT}")
                why, _, cure = (raw or b"").decode(errors="replace").strip().partition("\n")
                found.append((entry.name, why, cure))
        return found

    async def _fetch(self, folder: str, entry: Entry) -> Dropped | None:
        """A file with its bytes; of one that is too large only so many that this can be told."""
        path = await self.place.fetch(f"{folder}/{entry.name}", self.most)
        if path is None:
            return None

        def work() -> bytes | None:
            try:
                with path.open("rb") as handle:
                    return handle.read(self.most + 1)
            except FileNotFoundError:
                return None

        data = await asyncio.to_thread(work)
        name = plain(entry.name)
        numbered = _NUMBERED.fullmatch(name) if folder == DONE else None
        written = dt.datetime.fromtimestamp(entry.mtime // 1_000_000_000, dt.UTC)
        lies = name if folder == DONE else entry.name
        return None if data is None else Dropped(numbered[2] if numbered else name, lies, data, written)


def no_folder(place: Place) -> Transient:
    """A share that is not mounted: nobody can say what is in it."""
    return Transient(f"{place.label}: there is no folder in/", code="no_folder", cure=NO_FOLDER)


def plain(name: str) -> str:
    """A file's name as a text: shares of other systems hold names that are no UTF-8."""
    return "".join(c if c.isprintable() else "_" for c in name)


def _short(name: str) -> str:
    """A name of few enough bytes, with its ending."""
    if len(name.encode()) <= _LONGEST:
        return name
    stem, dot, ending = name.rpartition(".")
    ending = dot + ending if stem and len(ending) <= _ENDING else ""
    return name.encode()[: _LONGEST - len(ending.encode())].decode(errors="ignore") + ending


def _number(name: str) -> int | None:
    found = _NUMBERED.fullmatch(name)
    return int(found[1]) if found else None


def _order(name: str) -> tuple[int, str]:
    return _number(name) or 0, name


def _ended(data: bytes) -> bool:
    """Whether a file has an end: a workbook its directory, a text its last line or the mark that ends its format."""
    if data.startswith(b"PK\x03\x04"):
        return zipfile.is_zipfile(io.BytesIO(data))
    if data.endswith((b"\n", b"\r", b"\n\0", b"\0\n")):
        return True
    return data.rstrip(b" \t").replace(b"\r", b"\n").endswith(_ENDS)
