"""The HTTP API of the process that serves an installation, used with the local token of its data directory."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from selaras.ledger.errors import LedgerError
from selaras.secrets import remember

T = TypeVar("T")

PREFIX: Final = "/api/v1"
TOKEN_FILE: Final = "token"  # noqa: S105 - a file name
_TIMEOUT: Final = 3600.0


class _Problem(msgspec.Struct, frozen=True):
    title: str = ""
    detail: str = ""
    cure: str = ""


class Remote:
    """A serving process on this machine."""

    def __init__(self, url: str, data: Path) -> None:
        self.url = url.rstrip("/")
        self._data = data

    def post(self, path: str, body: Mapping[str, Any], kind: type[T], *, timeout: float = _TIMEOUT) -> T:
        """Call an operation that writes. Raises `LedgerError` with the answer's own sentence and cure."""
        parts = urlsplit(self.url)
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = make(parts.hostname or "127.0.0.1", parts.port, timeout=timeout)
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
        try:
            connection.request("POST", f"{parts.path}{PREFIX}{path}", msgspec.json.encode(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise LedgerError(
                f"The serving process at {self.url} did not answer ({error}).", "Look whether it is well, or stop it."
            ) from None
        finally:
            connection.close()
        if answer.status >= 300:
            raise _refusal(self.url, answer.status, content)
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.MsgspecError as error:
            raise LedgerError(
                f"The serving process at {self.url} answered in words of another version ({error}).",
                "Restart it after an upgrade.",
            ) from None

    def _token(self) -> str:
        path = self._data / TOKEN_FILE
        try:
            token = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise LedgerError(
                f"The token in {path} cannot be read ({error}).", "Run this as the user who runs `selaras serve`."
            ) from None
        remember(token)
        return token


def _refusal(url: str, status: int, content: bytes) -> LedgerError:
    try:
        problem = msgspec.json.decode(content, type=_Problem)
    except msgspec.MsgspecError:
        problem = _Problem()
    if not problem.detail:
        return LedgerError(f"The serving process at {url} refused (HTTP {status}).", "See its log.")
    return LedgerError(problem.detail, problem.cure)
