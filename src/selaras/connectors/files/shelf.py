"""The folder of incoming files as a source of records: every file read once, every record as its newest file has it.

A record that stands in several files is as the newest of them says (by its own `updated_at` where the table has one,
else by the stamp of the file, else by name). So a file dropped twice, an export that overlaps another, and a file that
was edited and dropped again all come to the record's present state. Nothing is kept anywhere but in memory.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from selaras.connectors.contract import Changes, Seen
from selaras.connectors.cursors import read_cursor
from selaras.connectors.files import guess
from selaras.connectors.files.orders import Context, resolved
from selaras.connectors.files.parsing import Desk, Parsed, faults_of, parse
from selaras.connectors.files.profiles import BadProfile, Profile
from selaras.connectors.files.profiles import parse as parse_profile
from selaras.connectors.files.refused import report_of
from selaras.connectors.inbox import IN, no_folder, plain
from selaras.connectors.places import Entry, Place
from selaras.connectors.ready import Watch, ended, held_open, is_table, is_unfinished
from selaras.model.order import Order

PROFILES: Final = "profiles"
REFUSED: Final = "refused"
# Records that are kept in memory; files beyond them are read again when they are asked for.
_KEPT: Final = 50_000
_Stamp = tuple[dt.datetime, int, str]


class Cursor(msgspec.Struct, omit_defaults=True):
    """Which files were read whole (`done`), and how far another one was. `batch` is for who adds to this source."""

    done: list[str] = []
    file: str = ""
    at: int = 0
    batch: int = 0


class _File(msgspec.Struct, frozen=True):
    """A file that may be read: its entry under a name that is a text, the one that it has, and its name in cursors (of
    content and profiles, as far as can be told)."""

    entry: Entry
    lies: str
    mark: str

    @property
    def age(self) -> tuple[int, str]:
        return self.entry.mtime, self.entry.name


class Shelf:
    """Reads one folder. Use it from one task at a time (`changed` and `read` take a lock)."""

    def __init__(self, place: Place, desk: Desk, *, quiet: float, page: int, clock: Callable[[], float]) -> None:
        self.place = place
        self.desk = desk
        self.page = page
        self.clock = clock
        self.waiting: dict[str, str] = {}
        self.broken_profiles: list[str] = []
        self.unreported = ""
        self._watch = Watch(quiet)
        self._lock = asyncio.Lock()
        self._heads: dict[str, Parsed] = {}
        self._full: OrderedDict[str, dict[str, Seen]] = OrderedDict()
        self._where: dict[str, dict[str, tuple[_Stamp, _File]]] = {}
        self._ids: dict[str, tuple[str, ...]] = {}
        self._known: tuple[str, ...] | None = None
        self._reported: dict[str, bytes] = {}
        self._files: list[_File] = []

    # -- the contract's reading -----------------------------------------------------------------------------------

    async def changed(self, kind: str, cursor: str) -> Changes:
        """The next page of records in files that `cursor` has not seen, oldest file first."""
        async with self._lock:
            at = read_cursor(cursor, Cursor)
            files = [f for f in await self._look() if self._heads[f.mark].kind == kind]
            there = {f.mark for f in files}
            at.done = [mark for mark in at.done if mark in there]
            todo = sorted((f for f in files if f.mark not in set(at.done)), key=lambda f: f.age)
            if not todo:
                return Changes([], encode(Cursor(at.done, batch=at.batch)), False)
            file = next((f for f in todo if f.mark == at.file), todo[0])
            begin = at.at if file.mark == at.file else 0
            ids = self._ids[file.mark]
            seen = [await self._now(kind, id) for id in ids[begin : begin + self.page]]
            end = begin + len(seen)
            if end < len(ids):
                return Changes(seen, encode(Cursor(at.done, file.mark, end, at.batch)), True)
            more = len(todo) > 1
            return Changes(seen, encode(Cursor([*at.done, file.mark], batch=at.batch)), more)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records now; `record` None for those that no file has (any more)."""
        async with self._lock:
            await self._look()
            return [await self._now(kind, id) for id in ids]

    async def ids(self, kind: str) -> frozenset[str]:
        """Ids of all records of a kind (products: their codes)."""
        async with self._lock:
            await self._look()
            if kind == "product":
                held = [(await self._now(kind, id)).record for id in self._where.get(kind, {})]
                return frozenset(product.code for product in held if product is not None)
            return frozenset(self._where.get(kind, {}))

    async def prepare(self) -> None:
        """Read the profiles, for who writes before anything was read."""
        async with self._lock:
            await self._profiles()

    async def files(self) -> list[Parsed]:
        """What each ready file came to (records of large folders may be left out)."""
        async with self._lock:
            return [self._heads[f.mark] for f in await self._look()]

    def unread(self) -> str:
        """A table in the folder that is not ready, and why; "" when all that is there was read."""
        return next((f"{IN}/{name}: {why}" for name, why in sorted(self.waiting.items()) if is_table(name)), "")

    def written(self, kind: str, id: str) -> dt.datetime | None:
        """The stamp of the file that a record is read from."""
        hit = self._where.get(kind, {}).get(id)
        return None if hit is None else _instant(hit[1].entry.mtime)

    async def _now(self, kind: str, id: str) -> Seen:
        hit = self._where.get(kind, {}).get(id)
        if hit is not None:
            held = await self._records(hit[1])
            if id in held:
                return held[id]
        return self._gone(kind, id)

    def _gone(self, kind: str, id: str) -> Seen:
        now = dt.datetime.fromtimestamp(self.clock(), dt.UTC)
        file, _, line = id.rpartition(":")
        if kind == "order" and line.isdigit() and is_table(file):
            return resolved(id, Context(file, now, self.desk.currency, self.desk.zone))
        return Seen(kind, id, None, b"", now, now.astimezone(self.desk.zone).date())

    # -- the folder -----------------------------------------------------------------------------------------------

    async def _look(self) -> list[_File]:
        """List the folder, read what is new and ready, and bring the index up to date."""
        entries = await self.place.list(IN)
        if entries is None:
            raise no_folder(self.place)
        await self._profiles()
        now = self.clock()
        self._watch.look(entries, now)
        names = {entry.name for entry in entries}
        waiting: dict[str, str] = {}
        files = []
        for entry in entries:
            name = plain(entry.name)
            if is_unfinished(entry.name):
                waiting[name] = "a program is still writing it"
            if not is_table(entry.name):
                continue
            if held_open(entry.name, names):
                waiting[name] = "a spreadsheet program has it open"
            elif not self._watch.still(entry, now):
                waiting[name] = "it may still be written"
            else:
                known = msgspec.structs.replace(entry, name=name)
                file = _File(known, entry.name, self._mark(known))
                if file.mark in self._heads or await self._take(file, self._watch.old(entry, now)):
                    files.append(file)
                else:
                    waiting[name] = "its end looks broken off"
        self.waiting = waiting
        marks = tuple(sorted(f.mark for f in files))
        if marks != self._known:
            await self._index(files)
            self._known = marks
        self._files = files
        return files

    def _mark(self, entry: Entry) -> str:
        text = f"{entry.name}\0{entry.size}\0{entry.mtime}\0{self._profile_digest}"
        return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()

    async def _take(self, file: _File, old: bool) -> bool:
        """Read a file for the first time; False when it had better wait."""
        path = await self.place.fetch(f"{IN}/{file.lies}", self.desk.limits.size)
        if path is None:
            return False
        if not old and not await asyncio.to_thread(ended, path, file.entry.name):
            return False
        parsed = await asyncio.to_thread(self._parse, path, file)
        if parsed.early and not old:
            return False
        self._keep(file, parsed)
        await self._report(file, parsed)
        return True

    def _parse(self, path: Path, file: _File) -> Parsed:
        parsed = parse(path, file.entry.name, _instant(file.entry.mtime), self.desk)
        if parsed.error and (parsed.kind or "order") == "order" and "order" in self.desk.kinds:
            # Nobody knows which orders are in it: the file itself is the record that is counted and blocked.
            about = Context(file.entry.name, _instant(file.entry.mtime), self.desk.currency, self.desk.zone)
            seen = msgspec.structs.replace(resolved(f"{file.entry.name}:0", about))
            order = seen.record
            assert isinstance(order, Order)  # noqa: S101
            order = msgspec.structs.replace(order, status="open", note="", unreadable=parsed.error)
            parsed = msgspec.structs.replace(
                parsed, kind="order", seen=(msgspec.structs.replace(seen, record=order, raw=b'{"file":""}'),)
            )
        return parsed

    def _keep(self, file: _File, parsed: Parsed) -> None:
        self._heads[file.mark] = msgspec.structs.replace(parsed, seen=())
        self._ids[file.mark] = tuple(seen.id for seen in parsed.seen)
        self._full[file.mark] = {seen.id: seen for seen in parsed.seen}
        self._full.move_to_end(file.mark)
        total = sum(len(held) for held in self._full.values())
        while total > _KEPT and len(self._full) > 1:
            total -= len(self._full.popitem(last=False)[1])

    async def _records(self, file: _File) -> dict[str, Seen]:
        """What a file holds, by id; nothing when the file has gone meanwhile."""
        if file.mark in self._full:
            self._full.move_to_end(file.mark)
            return self._full[file.mark]
        path = await self.place.fetch(f"{IN}/{file.lies}", self.desk.limits.size)
        if path is None:
            return {}
        self._keep(file, await asyncio.to_thread(self._parse, path, file))
        return self._full[file.mark]

    async def _index(self, files: Sequence[_File]) -> None:
        """Which file has the newest word on each record."""
        where: dict[str, dict[str, tuple[_Stamp, _File]]] = {}
        for file in files:
            ids = where.setdefault(self._heads[file.mark].kind, {})
            for seen in (await self._records(file)).values():
                stamp = (seen.updated_at, file.entry.mtime, file.entry.name)
                held = ids.get(seen.id)
                if held is None or held[0] < stamp:
                    ids[seen.id] = (stamp, file)
        self._where = where
        alive = {f.mark for f in files}
        for table in (self._heads, self._ids, self._full):
            for mark in [m for m in table if m not in alive]:
                del table[mark]

    # -- profiles and reports -------------------------------------------------------------------------------------

    _profile_digest = ""
    _profile_marks: tuple[Entry, ...] | None = None

    async def _profiles(self) -> None:
        entries = tuple(e for e in await self.place.list(PROFILES) or () if e.name.endswith(".toml"))
        if entries == self._profile_marks:
            return
        found: dict[str, Profile] = {}
        broken = []
        for entry in entries:
            raw = await self.place.read(f"{PROFILES}/{entry.name}")
            name = entry.name.removesuffix(".toml")
            try:
                found[name] = parse_profile((raw or b"").decode(), name)
            except (BadProfile, UnicodeDecodeError) as error:
                broken.append(str(error))
        self._profile_marks = entries
        self.broken_profiles = broken
        self.desk = msgspec.structs.replace(self.desk, profiles=found)
        text = "\0".join(f"{name}={profile.digest}" for name, profile in sorted(found.items()))
        self._profile_digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    async def _report(self, file: _File, parsed: Parsed) -> None:
        """Write what was refused of a file beside the folder, and take the report away in words when it is mended."""
        name = f"{REFUSED}/{file.entry.name}.csv"
        faults = faults_of(parsed)
        before = self._reported.get(name)
        if not faults and before is None and await self.place.read(name) is None:
            return
        data = report_of(faults)
        if data == before:
            return
        try:
            await self.place.put(name, data, replace=True)
        except Exception as error:  # a folder that may only be read still gives its records; the check says it
            self.unreported = str(error)
            return
        self._reported[name] = data


def encode(cursor: Cursor) -> str:
    """A cursor as text."""
    return msgspec.json.encode(cursor).decode()


def _instant(nanoseconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(nanoseconds // 1_000_000_000, dt.UTC) + dt.timedelta(
        microseconds=nanoseconds // 1_000 % 1_000_000
    )


__all__ = ["IN", "PROFILES", "REFUSED", "Cursor", "Mapping", "Shelf", "encode", "guess"]
