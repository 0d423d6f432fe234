"""The installation's password, the program's token, and a brake on guessing.

The password is kept as scrypt (RFC 7914, N = 2^15, r = 8, p = 1: the strength that OWASP names for sign-in) in the
ledger's settings. Programs of this machine use the token in `<data>/token`, which only its owner can read.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import os
import secrets
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from selaras.ledger import Desk
from selaras.secrets import remember

TOKEN_FILE: Final = "token"  # noqa: S105 - the name of a file
SETTING: Final = "web.password"
SHORTEST: Final = 12
LONGEST: Final = 256


class PasswordRecord(msgspec.Struct, frozen=True):
    """A password as it is kept: nothing that gives it away."""

    salt: bytes
    n: int
    r: int
    p: int
    hash: bytes


class Passwords:
    """The one password of an installation. Hashing takes tens of milliseconds and 32 MB, so two at most at a time."""

    def __init__(self, desk: Desk, now: Callable[[], int]) -> None:
        self._desk = desk
        self._now = now
        self._room = asyncio.Semaphore(2)
        self._record: PasswordRecord | None = None
        # Only while there is no password: the one-time code of the set-up link, kept nowhere else.
        self._code = ""

    async def load(self) -> None:
        """Read the record; without one, make a set-up code for this run of the program."""
        text = await self._desk(self._desk.ledger.connections.setting, SETTING)
        self._record = msgspec.json.decode(text, type=PasswordRecord) if text else None
        if self._record is None:
            self._code = secrets.token_urlsafe(24)
            remember(self._code)

    @property
    def known(self) -> bool:
        """Whether a password was chosen."""
        return self._record is not None

    @property
    def code(self) -> str:
        """The code of the set-up link; "" once a password was chosen."""
        return self._code

    @property
    def mark(self) -> bytes:
        """Changes with the password; sessions are bound to it."""
        return self._record.hash if self._record else b""

    def code_fits(self, given: str) -> bool:
        """Whether this is the code of the set-up link, and the link was not used yet."""
        return bool(self._code) and hmac.compare_digest(self._code.encode(), given.encode())

    async def choose(self, password: str) -> None:
        """Keep a new password; the set-up link is used up, and every session under the old password ends."""
        salt = secrets.token_bytes(16)
        async with self._room:
            hashed = await asyncio.to_thread(_scrypt(salt, 2**15, 8, 1).derive, password.encode())
        record = PasswordRecord(salt, 2**15, 8, 1, hashed)
        text = msgspec.json.encode(record).decode()
        await self._desk.write(self._desk.ledger.connections.set, SETTING, text, self._now())
        self._record, self._code = record, ""

    async def fits(self, password: str) -> bool:
        """Whether this is the password."""
        record = self._record
        if record is None or len(password) > LONGEST:
            return False
        async with self._room:
            try:
                work = _scrypt(record.salt, record.n, record.r, record.p).verify
                await asyncio.to_thread(work, password.encode(), record.hash)
            except InvalidKey:
                return False
        return True


def _scrypt(salt: bytes, n: int, r: int, p: int) -> Scrypt:
    return Scrypt(salt=salt, length=32, n=n, r=r, p=p)


def local_token(data: Path) -> str:
    """The token of `<data>/token`, made at first use with permission 0600."""
    path = data / TOKEN_FILE
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        handle, name = tempfile.mkstemp(prefix=".token-", dir=data)  # mkstemp makes it 0600
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(name, path)
        finally:
            os.unlink(name)
    token = path.read_text(encoding="ascii").strip()
    remember(token)
    return token


class Attempts:
    """Slows guessing down: a few failures from one address, and many from everywhere, must wait."""

    def __init__(self, clock: Callable[[], float], *, each: int = 5, total: int = 50, window: float = 900) -> None:
        self._clock = clock
        self._each, self._all, self._window = each, total, window
        self._failures: deque[tuple[float, str]] = deque()

    def wait(self, address: str) -> float:
        """Seconds until this address may try again; 0 when it may try now."""
        now = self._clock()
        while self._failures and self._failures[0][0] <= now - self._window:
            self._failures.popleft()
        mine = [at for at, who in self._failures if who == address]
        due = 0.0
        if len(mine) >= self._each:
            due = mine[-self._each] + self._window
        if len(self._failures) >= self._all:
            due = max(due, self._failures[-self._all][0] + self._window)
        return max(0.0, due - now)

    def failed(self, address: str) -> None:
        """A wrong password came from this address."""
        self._failures.append((self._clock(), address))

    def passed(self, address: str) -> None:
        """The right password came from this address; its failures are forgotten."""
        self._failures = deque(entry for entry in self._failures if entry[1] != address)
