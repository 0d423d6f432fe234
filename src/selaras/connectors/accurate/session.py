"""Signing in, and the database behind it: `account.accurate.id` says on which host it lives and opens a session.

Facts (reference/accounting-apis.md §4; the vendor's manual "API Token" 1.0.3; notes of integrators):

* OAuth 2.0: `open-db.do?id=` answers with `host` and `session` at the top level; every further call goes to
  `{host}/accurate/api/…` with the bearer token and `X-Session-ID`. Both an ended token and an ended session are HTTP
  401; only the body differs (`{"error": "invalid_token"}`, `{"s": false, "d": ["Data Session Key tidak tepat"]}`).
* API token (`aat.…`): no session, `open-db.do` is refused; `api-token.do` tells the host. Each request carries
  `X-Api-Timestamp` (at most 600 s off) and `X-Api-Signature`, the HMAC-SHA256 of the timestamp under the app's secret.
* A database can move: HTTP 308 to another host of Accurate.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from selaras.connectors.accurate.errors import missing_scope, refusal
from selaras.connectors.addresses import check_base_url
from selaras.connectors.auth import Auth
from selaras.connectors.contract import ConnectorError, Expired, Rejected, Transient
from selaras.connectors.http import Http
from selaras.connectors.signatures import hmac_of

_HOME: Final = "accurate.id"


class Opened(msgspec.Struct, frozen=True):
    """An open database: where it lives, the session ("" with an API token), its id and the company's name."""

    host: str
    session: str
    id: str = ""
    alias: str = ""


def safe_host(host: str, account_url: str) -> str:
    """`host` as the base address of calls, if credentials may be sent there. Raises `Transient` naming the host.

    Only hosts of accurate.id over https; where the account itself is on this machine (tests), hosts of this machine.
    """
    text = host.strip().rstrip("/")
    try:
        check_base_url(text)
        parts, home = urlsplit(text), urlsplit(account_url)
        name = (parts.hostname or "").lower()
        ours = parts.scheme == "https" and (name == _HOME or name.endswith(f".{_HOME}"))
        if ours or (home.scheme == "http" and parts.scheme == "http"):  # plain http is for this machine only
            return f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        pass
    raise Transient(
        f"Accurate named {text[:80]!r} as the host of the database, which is none of its own",
        code="foreign_host",
        cure="Nothing was sent there. Check the address of the account in the settings of the connection.",
    )


class Account:
    """The account that the database belongs to. `http` calls `account.accurate.id` and renews its token by itself."""

    def __init__(self, http: Http, *, database: str, api_token: bool, name: str) -> None:
        self.http = http
        self.api_token = api_token
        self._database = database
        self._name = name
        self._opened: Opened | None = None
        self._lock = asyncio.Lock()

    @property
    def database(self) -> str:
        """The id of the database, "" while it is not known."""
        return self._opened.id if self._opened is not None else self._database

    async def opened(self) -> Opened:
        """The open database, opened at first use."""
        found = self._opened
        if found is None:
            async with self._lock:
                found = self._opened
                if found is None:
                    found = self._opened = await self._open()
        return found

    async def reopened(self, stale: str) -> None:
        """Open the database again, unless somebody has done so since `stale` was the session."""
        async with self._lock:
            if self._opened is None or self._opened.session == stale:
                self._opened = None
                self._opened = await self._open()

    def moved(self, host: str) -> Opened:
        """The database has moved to `host` (HTTP 308); raises `Transient` when credentials may not be sent there."""
        host = safe_host(host, self.http.base_url)
        before = self._opened or Opened(host, "")
        self._opened = msgspec.structs.replace(before, host=host)
        return self._opened

    async def ask(self, path: str, query: str = "", *, method: str = "GET", effect: bool = False) -> Mapping[str, Any]:
        """One call to the account; the answer's envelope. Raises `ConnectorError` kinds."""
        answer = await self.http.request(
            method, f"/api/{path}.do" + (f"?{query}" if query else ""), effect=effect, follow=True
        )
        if answer.status == 403:
            raise missing_scope(self._name, answer.body.decode("utf-8", "replace"))
        found = answer.json()
        if not isinstance(found, dict) or "s" not in found:
            raise Transient(f"the answer of {self._name} to {path} is not what was expected", code="unreadable")
        if found["s"] is not True:
            raise refusal(self._name, sentences(found.get("d")))
        return found

    async def _open(self) -> Opened:
        if self.api_token:
            told = (await self.ask("api-token", method="POST")).get("d")
            # The manual writes the name as two words; both spellings are read.
            found = (told.get("data usaha") or told.get("database")) if isinstance(told, Mapping) else None
            if not isinstance(found, Mapping) or not isinstance(found.get("host"), str):
                raise Transient(f"{self._name} does not say on which host the database is", code="unreadable")
            host = safe_host(found["host"], self.http.base_url)
            return Opened(host, "", str(found.get("id", "")), str(found.get("alias", "")))
        database = self._database or await self._only()
        answer = await self.ask("open-db", f"id={database}")
        named, session = answer.get("host"), answer.get("session")
        if not isinstance(named, str) or not isinstance(session, str) or not session:
            raise Transient(f"{self._name} opened no session", code="unreadable")
        return Opened(safe_host(named, self.http.base_url), session, database, str(answer.get("alias") or ""))

    async def _only(self) -> str:
        """The id of the only database; a person has to choose among several."""
        rows = (await self.ask("db-list")).get("d") or []
        listed = [(str(row.get("id", "")), str(row.get("alias", ""))) for row in rows if isinstance(row, Mapping)]
        if len(listed) == 1 and listed[0][0].isdigit():
            return listed[0][0]
        names = ", ".join(f"{number} = {alias}" for number, alias in listed) or "none"
        raise Rejected(
            f"{self._name}: which database shall be used is not said (there are: {names})",
            code="database",
            field="database",
            cure="Enter the number of the database in the settings of the connection.",
        )


class SessionAuth:
    """Bearer token and session of an OAuth connection. A refused call opens the database again, which also finds out
    whether the token has ended, and renews it."""

    def __init__(self, account: Account, tokens: Auth) -> None:
        self._account = account
        self._tokens = tokens

    async def headers(self) -> Mapping[str, str]:
        """The session first: `Http` hands that value back to `refresh`, which tells who was refused."""
        session = (await self._account.opened()).session
        return {"X-Session-ID": session, "authorization": (await self._tokens.headers())["Authorization"]}

    async def refresh(self, stale: str) -> bool:
        """The session `stale` was refused; the next try has another one."""
        await self._account.reopened(stale)
        return True


class SignedToken:
    """An API token whose requests are signed. There is nothing to refresh."""

    def __init__(self, token: str, secret: str, clock: Callable[[], float]) -> None:
        self._token = token
        self._secret = secret
        self._clock = clock

    def __repr__(self) -> str:
        return "SignedToken(…)"

    async def headers(self) -> Mapping[str, str]:
        """Token, time (Unix seconds: the only spelling without a zone) and its signature."""
        stamp = str(int(self._clock()))
        return {
            "Authorization": f"Bearer {self._token}",
            "X-Api-Timestamp": stamp,
            "X-Api-Signature": hmac_of(self._secret, stamp.encode(), encoding="hex"),
        }

    async def refresh(self, stale: str) -> bool:
        """A token that is refused has been revoked, or its secret is wrong."""
        return False


def database_of(token: str) -> str:
    """The id of the database that an API token (`aat.<x>.<base64 JSON>`) was made for, "" where it does not say."""
    parts = token.split(".")
    if len(parts) != 3 or parts[0] != "aat":
        return ""
    padded = parts[2].replace("-", "+").replace("_", "/")
    padded += "=" * (-len(padded) % 4)
    try:
        found = msgspec.json.decode(base64.b64decode(padded))
    except (ValueError, binascii.Error, msgspec.DecodeError):
        return ""
    return str(found.get("d", "")) if isinstance(found, dict) else ""


def sentences(value: object) -> list[str]:
    """The sentences in the `d` of a refusal: a list, one text, or objects with a `d` of their own."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return sentences(value.get("d", value.get("m", "")))
    if isinstance(value, list):
        return [text for one in value for text in sentences(one)]
    return []


__all__ = [
    "Account",
    "ConnectorError",
    "Expired",
    "Opened",
    "SessionAuth",
    "SignedToken",
    "database_of",
    "safe_host",
    "sentences",
]
