"""A folder behind SFTP. The server must be known by its key; an unknown one is never trusted.

Uses asyncssh (EPL-2.0 or GPL-2.0-or-later), which is installed with the extra `sftp` and only then imported.
SFTP version 3 (draft-ietf-secsh-filexfer-02 §6.5) has a rename that fails where the new name is taken: by it a file
gets its name once.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import shutil
import stat
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

from selaras.connectors.contract import Ambiguous, ConnectorError, Expired, Transient
from selaras.connectors.places import TEMPORARY, Entry, Taken, in_time

if TYPE_CHECKING:
    import asyncssh

T = TypeVar("T")

_TIMEOUT: Final = 30.0
_BLOCK: Final = 256 * 1024
_COPIES: Final = 256


class Address:
    """sftp://user@host:22/path, taken apart. Raises `ValueError` with the cure."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "sftp" or not parts.hostname or not parts.username:
            raise ValueError("write the address as sftp://user@server.example/folder")
        if parts.password is not None:
            raise ValueError("the address must not contain a password: enter it in its own setting")
        self.host = parts.hostname
        self.port = parts.port or 22
        self.user = unquote(parts.username)
        self.path = unquote(parts.path).rstrip("/") or "."


class SftpPlace:
    """A folder on another machine. One connection, made at first use and again when it breaks."""

    def __init__(self, url: str, *, known_hosts: str, password: str = "", private_key: str = "") -> None:
        self.address = Address(url)
        if not known_hosts.strip():
            raise ValueError("known_hosts is needed: the line of the server's key, as ssh-keyscan prints it")
        if not password and not private_key:
            raise ValueError("a password or a private_key is needed to sign in to the server")
        self.label = f"{self.address.host}:{self.address.path}"
        self._known_hosts = known_hosts
        self._password = password
        self._private_key = private_key
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self._lock = asyncio.Lock()
        self._copies: Path | None = None
        self._made: set[str] = set()

    # -- the place ------------------------------------------------------------------------------------------------

    async def list(self, folder: str) -> list[Entry] | None:
        """The files of a folder."""

        async def work(client: asyncssh.SFTPClient) -> list[Entry]:
            found = await client.readdir(self._path(folder))
            return [_entry(one) for one in found if _is_file(one)]

        entries = await self._call(work)
        return None if entries is None else sorted(entries, key=lambda e: e.name)

    async def fetch(self, path: str, most: int) -> Path | None:
        """A copy in a folder of this process; the same file is fetched once."""

        async def work(client: asyncssh.SFTPClient) -> Path:
            known = await client.stat(self._path(path))
            said = f"{path}\0{known.size}\0{known.mtime}".encode(errors="surrogateescape")
            key = hashlib.blake2b(said, digest_size=12).hexdigest()
            copy = self._room() / key
            if not copy.exists():
                beside = copy.with_suffix(".part")
                await self._download(client, path, beside, most)
                beside.replace(copy)
            return copy

        return await self._call(work)

    async def _download(self, client: asyncssh.SFTPClient, path: str, copy: Path, most: int) -> None:
        size = 0
        async with client.open(self._path(path), "rb") as source:
            with copy.open("wb") as out:
                # One byte more than is taken is enough to be refused as too large.
                while size <= most and (block := _bytes(await source.read(_BLOCK))):
                    size += len(block)
                    out.write(block)

    async def read(self, path: str) -> bytes | None:
        """Its bytes."""

        async def work(client: asyncssh.SFTPClient) -> bytes:
            async with client.open(self._path(path), "rb") as source:
                return _bytes(await source.read())

        return await self._call(work)

    async def put(self, path: str, data: bytes, *, replace: bool = False) -> None:
        """Beside it first, then by the rename that overwrites nothing."""
        in_time(self.label)
        target = self._path(path)
        folder = target.rpartition("/")[0]

        async def work(client: asyncssh.SFTPClient) -> str:
            beside = f"{folder}/{TEMPORARY}{secrets.token_hex(6)}.tmp"
            await self._make(client, folder)
            async with client.open(beside, "xb") as out:
                await out.write(data)
            return beside

        beside = await self._call(work)
        if beside is None:
            raise Transient(f"{self.label}: the folder of {path} cannot be made", code="io")
        await self._rename(beside, target, replace=replace)

    async def move(self, path: str, target: str) -> bool:
        """By the same rename."""
        in_time(self.label)
        to = self._path(target)

        async def work(client: asyncssh.SFTPClient) -> bool:
            await self._make(client, to.rpartition("/")[0])
            return True

        await self._call(work)
        return await self._rename(self._path(path), to, replace=False)

    async def _make(self, client: asyncssh.SFTPClient, folder: str) -> None:
        if folder not in self._made:
            await client.makedirs(folder, exist_ok=True)
            self._made.add(folder)

    async def _rename(self, old: str, new: str, *, replace: bool) -> bool:
        """The one step that counts: a connection that breaks here leaves it unknown whether it was made.

        False when there is no `old`. Raises `Taken`.
        """

        async def work(client: asyncssh.SFTPClient) -> bool:
            library = _library()
            try:
                await (client.posix_rename(old, new) if replace else client.rename(old, new))
            except (library.SFTPFileAlreadyExists, library.SFTPFailure):
                # Version 3 has one word for all failures; what is there tells them apart.
                if replace or not await client.exists(new):
                    raise
                if TEMPORARY in old and await client.exists(old):
                    await client.remove(old)
                raise Taken(new) from None
            return True

        return bool(await self._call(work, effect=True))

    async def close(self) -> None:
        """Close the connection and throw the copies away."""
        async with self._lock:
            await self._drop()
            if self._copies is not None:
                shutil.rmtree(self._copies, ignore_errors=True)
                self._copies = None

    # -- the connection -------------------------------------------------------------------------------------------

    def _path(self, path: str) -> str:
        return f"{self.address.path}/{path}" if path else self.address.path

    def _room(self) -> Path:
        if self._copies is None:
            self._copies = Path(tempfile.mkdtemp(prefix="selaras-files-"))
        held = sorted(self._copies.iterdir(), key=lambda p: p.stat().st_mtime)
        for old in held[: max(0, len(held) - _COPIES)]:
            old.unlink(missing_ok=True)
        return self._copies

    async def _drop(self) -> None:
        connection, self._connection, self._client = self._connection, None, None
        self._made.clear()
        if connection is not None:
            connection.abort()
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(2):
                    await connection.wait_closed()

    async def _call(self, work: Callable[[asyncssh.SFTPClient], Awaitable[T]], *, effect: bool = False) -> T | None:
        """What `work` gives, None where there is no such file; errors come out as the few kinds.

        A connection that turns out to be dead is made anew once, unless the work may have had its effect.
        """
        library = _library()
        async with self._lock:
            while True:
                reused = self._client is not None
                client = await self._connected()
                try:
                    async with asyncio.timeout(_TIMEOUT):
                        return await work(client)
                except library.SFTPNoSuchFile:
                    return None
                except library.SFTPPermissionDenied:
                    cure = "Let the user of the connection read and write the folder on the server."
                    raise Transient(f"{self.label} does not permit it", code="no_permission", cure=cure) from None
                except (library.SFTPConnectionLost, library.SFTPNoConnection, TimeoutError, OSError):
                    await self._drop()
                except library.SFTPError as error:
                    raise Transient(f"{self.label}: the server refuses ({error.reason})", code="io") from None
                except library.Error:
                    await self._drop()
                if effect or not reused:
                    raise self._lost(effect) from None

    async def _connected(self) -> asyncssh.SFTPClient:
        """The client, signed in. Raises `Expired` and `Transient`: certainly nothing has happened."""
        library = _library()
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await self._connect()
        except (OSError, library.Error, TimeoutError) as error:
            await self._drop()
            raise _before(error, self.label) from None

    def _lost(self, effect: bool) -> ConnectorError:
        if effect:
            return Ambiguous(f"{self.label}: the connection broke while a file was put; it may be there", code="io")
        return Transient(f"{self.label}: the connection broke", code="io")

    async def _connect(self) -> asyncssh.SFTPClient:
        if self._client is not None:
            return self._client
        asyncssh = _library()
        await self._drop()
        address = self.address
        try:
            hosts = asyncssh.import_known_hosts(_text_of(self._known_hosts))
            keys = [asyncssh.import_private_key(self._private_key)] if self._private_key else None
        except (ValueError, asyncssh.KeyImportError) as error:
            raise Expired(
                f"{self.label}: the key in the settings cannot be read ({error})", cure="Enter the key again, whole."
            ) from None
        self._connection = await asyncssh.connect(
            address.host,
            address.port,
            username=address.user,
            password=self._password or None,
            client_keys=keys,
            known_hosts=hosts,
            config=[],
            agent_path=None,
            passphrase=None,
            keepalive_interval=15,
            connect_timeout=_TIMEOUT,
        )
        # Names that are no UTF-8 are listed like the others, and sent back as they came.
        self._client = await self._connection.start_sftp_client(path_errors="surrogateescape")
        return self._client


def _library() -> Any:
    """asyncssh, when it is installed. Raises `Transient`."""
    try:
        import asyncssh
    except ImportError:
        raise Transient(
            "SFTP needs the package asyncssh",
            code="not_installed",
            cure="Install Selaras with its extra: selaras[sftp].",
        ) from None
    return asyncssh


def _is_file(one: asyncssh.SFTPName) -> bool:
    name = str(one.filename)
    kind = one.attrs.permissions
    return name not in (".", "..") and "/" not in name and (kind is None or stat.S_ISREG(kind))


def _entry(one: asyncssh.SFTPName) -> Entry:
    stamp = (one.attrs.mtime or 0) * 1_000_000_000 + (one.attrs.mtime_ns or 0)
    return Entry(str(one.filename), one.attrs.size or 0, stamp)


def _bytes(data: Any) -> bytes:
    """asyncssh types every file as text; one that was opened with "b" gives bytes."""
    return bytes(data)


def _before(error: Exception, label: str) -> ConnectorError:
    """Why a connection could not be made; certainly nothing has happened."""
    asyncssh = _library()
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return Expired(
            f"{label}: the server's key is not the one in known_hosts",
            code="unknown_host",
            cure="Ask whoever runs the server for its key, then put its line into known_hosts.",
        )
    if isinstance(error, asyncssh.PermissionDenied):
        return Expired(
            f"{label}: the server does not accept the user or the key",
            code="credentials",
            cure="Check user, password and private key in the settings of the connection.",
        )
    why = getattr(error, "strerror", None) or type(error).__name__
    return Transient(f"{label} cannot be reached: {why}", code="unreachable")


def _text_of(known_hosts: str) -> str:
    """The lines themselves, or those of the file that is named."""
    if " " in known_hosts.strip():
        return known_hosts
    path = Path(known_hosts).expanduser()
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise Expired(
            f"the file {path.name} of known_hosts cannot be read", cure="Check its path in the settings."
        ) from None
