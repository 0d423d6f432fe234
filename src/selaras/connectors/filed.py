"""A source whose records stand in files that people or machines drop into a folder (`inbox`): what every such one does.

A file is taken or refused as a whole. What was taken lies in `done/` under a number, and the cursor says how far in
which file it is: a file is read once, and a crash between any two steps loses and doubles nothing. `read` gives a
record again from what lies there.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

import msgspec

from selaras.connectors.contract import (
    Capabilities,
    Changes,
    Check,
    ConnectorError,
    Finding,
    Found,
    Op,
    Outcome,
    Rate,
    Rejected,
    Seen,
    Setting,
    Settings,
    Tools,
    Transient,
    Write,
)
from selaras.connectors.cursors import read_cursor
from selaras.connectors.inbox import DONE, IN, MIB, NO_FOLDER, REFUSED, Dropped, Inbox, NotTaken
from selaras.connectors.places import Place
from selaras.connectors.watched import Watched

T = TypeVar("T")

PAGE: Final = 200
READ: Final = 500
_BEFORE: Final = (
    Setting("folder", "Folder with in/: its whole path, or sftp://user@server.example/folder"),
    Setting("password", "SFTP: password", secret=True, required=False),
    Setting("private_key", "SFTP: private key (OpenSSH or PEM text)", secret=True, required=False),
    Setting("known_hosts", "SFTP: the line of the server's key, or the path of a known_hosts file", required=False),
)
_AFTER: Final = (
    Setting("quiet", "Seconds that a file must stand still before it is read", required=False, default="10"),
    Setting("max_mb", "Largest file in MB", required=False, default="64"),
)


def settings_of(*own: Setting) -> tuple[Setting, ...]:
    """The settings of such a source: where the folder is, its own, and how files are waited for."""
    return (*_BEFORE, *own, *_AFTER)


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """The file in `done/` that was read last, what was in it, and how many of its records were told.

    `lacking` are the files that could not be read then: once one of them can, everything is told again.
    """

    file: str = ""
    digest: str = ""
    at: int = 0
    lacking: tuple[str, ...] = ()


class _Held(msgspec.Struct, frozen=True):
    """A taken file: its name in `done/`, its digest, and the ids of the records that it was the first to say."""

    lies: str
    digest: str
    ids: tuple[str, ...]


class FiledSource(Watched, Generic[T]):
    """See `contract.Connector` for what the methods promise. `T` is a file as it was read.

    A source derives from it and says how a file is read (`_parse`, in a thread), what must fit to the files before it
    (`_fits`), and which records come of it (`_hold`).
    """

    name = ""
    kind = ""

    def __init__(self, settings: Settings, tools: Tools, place: Place | None = None) -> None:
        super().__init__(settings, tools, place)
        self.sources = frozenset({self.kind})
        self.capabilities = Capabilities(
            read_batch=READ,
            page=PAGE,
            timeout=60.0,
            rate=Rate(per_second=50, burst=10, parallel=1),
            sources=self.sources,
            money_scale="major",
        )
        self.inbox = Inbox(self.place, quiet=self.quiet, most=self.most, clock=tools.clock)
        self._lock = asyncio.Lock()
        self._files: list[_Held] = []
        self._known: set[str] = set()
        self._seen: dict[str, Seen] = {}
        self._untold: list[NotTaken] = []
        self.broken: dict[str, NotTaken] = {}

    # -- what a source says of itself -----------------------------------------------------------------------------

    async def _prepare(self) -> bool:
        """Read what files are read by; whether that has changed since. Raises `ConnectorError`."""
        return False

    def _parse(self, file: Dropped) -> T:
        """What is in a file. Raises `NotTaken`. Runs in a thread."""
        raise NotImplementedError

    def _fits(self, file: Dropped, parsed: T) -> None:
        """Raises `NotTaken` where it contradicts the files before it. Runs in a thread."""

    def _hold(self, file: Dropped, parsed: T) -> list[Seen]:
        """Take it in; the records that are new by it, or different."""
        raise NotImplementedError

    def _says(self, parsed: T) -> str:
        """What a file is, in a few words, for the check of the connection."""
        raise NotImplementedError

    # -- reading --------------------------------------------------------------------------------------------------

    async def changed(self, kind: str, cursor: str) -> Changes:
        """The next page of records in taken files after the cursor, in the order in which files were taken.

        Raises `Rejected` once for each file that was refused, or can be read no longer, after all that there is to
        tell.
        """
        self._knows(kind)
        async with self._lock:
            await self._look()
            page = self._page(cursor)
            if not self._untold or page.more:
                return page
            if page.seen:
                return msgspec.structs.replace(page, more=True)  # kept first; then it is told what was refused
            refused = self._untold.pop(0)
            raise Rejected(refused.message, code="refused_file", cure=refused.cure)

    def _page(self, cursor: str) -> Changes:
        at, lacking = read_cursor(cursor, Cursor), tuple(sorted(self.broken))
        if not self._files:
            return Changes([], cursor or _encoded(Cursor()), False)
        # Unknown: the file was taken out of done/, or the folder is another one. Too much is told, never too little.
        places = [n for n, file in enumerate(self._files) if (file.lies, file.digest) == (at.file, at.digest)]
        if not set(at.lacking) <= self.broken.keys():
            places = []
        number, begin = (places[0], at.at) if places else (0, 0)
        seen: list[Seen] = []
        while len(seen) < PAGE:
            ids = self._files[number].ids
            part = ids[begin : begin + PAGE - len(seen)]
            seen += [self._seen[id] for id in part]
            begin += len(part)
            if begin < len(ids) or number + 1 == len(self._files):
                break
            number, begin = number + 1, 0
        held = self._files[number]
        more = begin < len(held.ids) or any(file.ids for file in self._files[number + 1 :])
        return Changes(seen, _encoded(Cursor(held.lies, held.digest, begin, lacking)), more)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records again; `record` None for those that no taken file has.

        Raises `Transient` where that cannot be said, as a taken file can be read no longer.
        """
        self._knows(kind)
        if len(ids) > READ:
            raise ValueError(f"at most {READ} in one call, not {len(ids)}")
        async with self._lock:
            await self._catch_up()
            if self.broken and not self._seen.keys() >= set(ids):
                name = min(self.broken)
                message = f"{DONE}/{name}: it can be read no longer, so what it holds is not known"
                raise Transient(message, code="unreadable", cure=self.broken[name].cure)
            now = dt.datetime.fromtimestamp(self._clock(), dt.UTC)
            day = now.astimezone(self.zone).date()
            return [self._seen.get(id) or Seen(kind, id, None, b"", now, day) for id in ids]

    async def _look(self) -> None:
        """Take what was dropped and is whole."""
        await self._catch_up()
        for file, old in await self.inbox.ready():
            try:
                parsed = await self._read(file)
                await asyncio.to_thread(self._fits, file, parsed)
            except NotTaken as refused:
                if not old:
                    self.inbox.wait(file)  # what is missing may be still on its way
                    continue
                await self.inbox.refuse(file, refused)
                self._untold.append(refused)
                continue
            taken = await self.inbox.take(file)
            if taken is not None:
                self._keep(taken, parsed)

    async def _catch_up(self) -> None:
        """Read what was taken before, by us or by a process before us."""
        if await self._prepare():
            self._known -= self.broken.keys()
            self.broken.clear()
        for file in await self.inbox.taken(self._known):
            try:
                parsed = await self._read(file)
            except NotTaken as refused:
                self.broken[file.lies] = refused
                self._known.add(file.lies)
                self._untold.append(refused)
                continue
            self._keep(file, parsed)

    async def _read(self, file: Dropped) -> T:
        if len(file.data) > self.most:
            raise NotTaken(
                f"{file.name}: it is larger than {self.most // MIB} MB", "Split it, or raise the setting max_mb."
            )
        return await asyncio.to_thread(self._parse, file)

    def _keep(self, file: Dropped, parsed: T) -> None:
        rows = self._hold(file, parsed)
        self._seen.update((row.id, row) for row in rows)
        self._files.append(_Held(file.lies, file.digest, tuple(row.id for row in rows)))
        self._known.add(file.lies)

    # -- the rest of the contract ---------------------------------------------------------------------------------

    async def check(self) -> Check:
        """Whether the folder is there and what its files come to. Nothing is moved or written."""
        try:
            there = await self.place.list(IN)
            findings = [Finding("folder", there is not None, self.place.label, "" if there is not None else NO_FOLDER)]
            if there is not None:
                async with self._lock:
                    await self._catch_up()
                    findings += await self._findings()
        except ConnectorError as error:
            findings = [Finding("folder", False, error.message, error.cure or "Look whether the folder is there.")]
        return Check(self.place.label, self.currency, self.zone.key, 0.0, findings)

    async def _findings(self) -> list[Finding]:
        findings = [Finding("done/", True, f"{len(self._files)} files were taken")]
        findings += [Finding(f"done/{lies}", False, why.message, why.cure) for lies, why in self.broken.items()]
        for file, _old in await self.inbox.ready(at_once=True):
            try:
                parsed = await self._read(file)
                await asyncio.to_thread(self._fits, file, parsed)
            except NotTaken as refused:
                findings.append(Finding(f"{IN}/{file.name}", False, refused.message, refused.cure))
            else:
                findings.append(Finding(f"{IN}/{file.name}", True, self._says(parsed)))
        findings += [Finding(f"{IN}/{name}", True, why) for name, why in sorted(self.inbox.waiting.items())]
        findings += [Finding(f"{REFUSED}/{name}", False, why, cure) for name, why, cure in await self.inbox.refused()]
        return findings

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Nothing: no documents are written here."""
        return {}

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Nothing is written."""
        raise Rejected(f"these files cannot {op} a {kind}", code="unsupported", cure="Do it by hand, then skip it.")


def _encoded(cursor: Cursor) -> str:
    return msgspec.json.encode(cursor).decode()
