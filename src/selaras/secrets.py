"""Secrets at rest and secrets out of sight.

`Vault` encrypts what a connection needs to sign in (Fernet: AES-128-CBC with HMAC-SHA256, from `cryptography`) before
it is written anywhere. `RedactFilter` takes tokens and known secrets out of log records, tracebacks included.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import stat
import tempfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

KEY_VARIABLE: Final = "SELARAS_KEY"
KEY_FILE_VARIABLE: Final = "SELARAS_KEY_FILE"

_MARK: Final = "s1:"
_MAKE: Final = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}=")
HIDDEN: Final = "•••"


class KeyProblem(Exception):
    """The key of the vault cannot be used; `cure` says what to do."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(f"{message} {cure}")
        self.message = message
        self.cure = cure


class WrongKey(KeyProblem):
    """A sealed value does not open with the present keys."""


# -- the vault


class Vault:
    """Seals and opens secrets with one or more keys: the first seals, every one opens (so that keys can change)."""

    def __init__(self, keys: Iterable[str]) -> None:
        fernets = [_fernet(key) for key in keys]
        if not fernets:
            raise KeyProblem("There is no key.", f"Make one with: {_MAKE}")
        self._fernet = MultiFernet(fernets)

    def __repr__(self) -> str:
        return "Vault(…)"

    @classmethod
    def load(cls, data_dir: Path, environ: Mapping[str, str] = os.environ) -> Vault:
        """The vault of an installation.

        Keys come from the environment variable SELARAS_KEY (several separated by spaces or commas, newest first), or
        from the file that SELARAS_KEY_FILE names (one per line), or from `data_dir`/key, which is made with permission
        0600 at first use. Raises `KeyProblem` for a malformed key or a key file that others can read.
        """
        if text := environ.get(KEY_VARIABLE, "").strip():
            return cls(text.replace(",", " ").split())
        if name := environ.get(KEY_FILE_VARIABLE, "").strip():
            return cls(_read_keys(Path(name)))
        path = data_dir / "key"
        if not path.exists():
            _create_key(path)
        return cls(_read_keys(path))

    def seal(self, text: str) -> str:
        """`text` encrypted under the newest key; safe to write to a database or a backup."""
        return _MARK + self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """The text of `sealed`, which is a secret from now on for every `RedactFilter`. Raises `WrongKey`."""
        text: str | None = None
        if sealed.startswith(_MARK):
            with contextlib.suppress(InvalidToken, ValueError):
                text = self._fernet.decrypt(sealed[len(_MARK) :].encode()).decode()
        if text is None:
            raise WrongKey(
                "A stored secret does not open with the present key.",
                f"Put the key back that was in use when it was stored ({KEY_VARIABLE}, {KEY_FILE_VARIABLE} or the "
                "file key in the data directory), or enter the credentials of the connection again.",
            )
        remember(text)
        return text

    def renew(self, sealed: str) -> str:
        """The same secret sealed under the newest key. Raises `WrongKey`."""
        return self.seal(self.open(sealed))


def new_key() -> str:
    """A new key for SELARAS_KEY or a key file."""
    return Fernet.generate_key().decode()


def _fernet(key: str) -> Fernet:
    # Stricter than the library, which would skip over foreign characters.
    if _KEY.fullmatch(key):
        with contextlib.suppress(ValueError):
            return Fernet(key)
    raise KeyProblem(
        "A key is malformed: it must be 32 bytes written as 44 characters of URL-safe base64.",
        f"Make one with: {_MAKE}",
    )


def _read_keys(path: Path) -> list[str]:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except OSError as error:
        why = error.strerror
        raise KeyProblem(f"The key file {path} cannot be read ({why}).", "Check its path and owner.") from None
    except UnicodeDecodeError:
        raise KeyProblem(f"{path} is not a key file.", f"Make a key with: {_MAKE}") from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise KeyProblem(
            f"The key file {path} can be read by other users (mode {stat.S_IMODE(mode):04o}).", f"Run: chmod 600 {path}"
        )
    keys = text.split()
    if not keys:
        raise KeyProblem(f"The key file {path} is empty.", f"Put the key back, or make one with: {_MAKE}")
    return keys


def _create_key(path: Path) -> None:
    """Write a new key so that it is there whole or not at all, and so that of two processes one wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=".key-", dir=path.parent)  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(new_key() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        os.unlink(name)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


# -- out of sight

_PATTERNS: Final = (
    # Authorization headers.
    re.compile(r"(?i)(\b(?:bearer|basic|token)\s+)([A-Za-z0-9._~+/=-]{8,})"),
    # name=value, "name": "value" and 'name': 'value' of what is a secret by its name.
    re.compile(
        r"(?i)([\"']?\b[a-z0-9_.-]*(?:(?:access|refresh|id|callback)[_-]?token|(?:client|consumer|webhook)[_-]?secret|"
        r"(?:consumer|api|secret|server|private|signature)[_-]?key|code_verifier|password|passwd|session_?id|sandi)\b[\"']?\s*[=:]\s*)(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s&,;\"'}\])]+)"
    ),
    # Passwords inside addresses.
    re.compile(r"([a-z][a-z0-9+.-]*://[^/\s:@]*:)([^/\s@]+)(?=@)"),
)

# Newest last. Tokens come and go with every refresh, so only the newest are kept.
_MOST_KNOWN: Final = 1000
_known: dict[str, None] = {}
_known_pattern: re.Pattern[str] | None = None
_known_lock = threading.Lock()


def remember(secret: str) -> None:
    """`secret` is never to appear in a log. Values below eight characters are left out: they occur in plain words."""
    global _known_pattern
    if len(secret) < 8:
        return
    with _known_lock:
        fresh = secret not in _known
        _known.pop(secret, None)
        _known[secret] = None
        if fresh:
            if len(_known) > _MOST_KNOWN:
                del _known[next(iter(_known))]
            _known_pattern = None


def _pattern_of_known() -> re.Pattern[str] | None:
    global _known_pattern
    if _known_pattern is None and _known:
        with _known_lock:
            # Longest first, so that a secret that contains another is taken out whole.
            _known_pattern = re.compile("|".join(re.escape(s) for s in sorted(_known, key=len, reverse=True)))
    return _known_pattern


def redact(text: str) -> str:
    """`text` without tokens, passwords and remembered secrets."""
    if (known := _pattern_of_known()) is not None:
        text = known.sub(HIDDEN, text)
    for pattern in _PATTERNS:
        text = pattern.sub(_hide, text)
    return text


def _hide(match: re.Match[str]) -> str:
    value = match.group(2)
    quote = value[0] if value[:1] in ("'", '"') else ""
    return f"{match.group(1)}{quote}{HIDDEN}{quote}"


class RedactFilter(logging.Filter):
    """Takes secrets out of records: message, arguments, extra fields, traceback. Put it on handlers, not on loggers:
    a logger's filters do not see the records of the loggers below it."""

    def __init__(self) -> None:
        super().__init__()
        self._plain = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Always lets the record through, redacted."""
        try:
            record.msg = redact(record.getMessage())
        except (TypeError, ValueError):
            # Arguments that do not fit the message: logging would print them raw to stderr.
            record.msg = redact(f"{record.msg} {record.args!r}")
        record.args = ()
        if record.exc_info and not record.exc_text:
            record.exc_text = self._plain.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
            # Handlers that print the exception themselves would print it raw.
            record.exc_info = None
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        for name, value in record.__dict__.items():
            if name not in _RECORD_FIELDS:
                record.__dict__[name] = _redact_value(value)
        return True


_RECORD_FIELDS: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def _redact_value(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bool | int | float) or value is None:
        return value
    return redact(str(value))
