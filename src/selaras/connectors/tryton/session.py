"""Signing in: a session for JSON-RPC (login and password), or the key of a user application for REST.

A session ends after an idle time (300 s by default, `[session] timeout`) and is opened anew in silence. After five
wrong passwords Tryton answers 429, each time more slowly (trytond 8.2, `security.py`, `res/user.py`).
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from selaras.connectors.contract import Ambiguous, Expired, Rejected, Throttled, Transient
from selaras.connectors.http import Http, segment
from selaras.connectors.tokens import Token, TokenStore

_CURE: Final = "Check login and password of the Tryton user in the settings of the connection."


class Session:
    """How a JSON-RPC request shows who it is (`connectors.auth.Auth`). Workers of one connection share one session."""

    def __init__(
        self,
        http: Http,
        database: str,
        login: str,
        password: str,
        tokens: TokenStore | None,
        clock: Callable[[], float],
    ) -> None:
        self._http = http
        self._path = f"/{segment(database)}/rpc/"
        self._login = login
        self._password = password
        self._tokens = tokens
        self._clock = clock
        self._shown = ""
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return "Session(…)"

    async def headers(self) -> Mapping[str, str]:
        """The session's header; signs in where there is none yet."""
        if not self._shown:
            await self._renew("")
        return {"Authorization": self._shown}

    async def refresh(self, stale: str) -> bool:
        """The session has ended: sign in again, once for all who noticed."""
        await self._renew(stale)
        return bool(self._shown) and self._shown != stale

    async def _renew(self, stale: str) -> None:
        async with self._lock:
            if self._shown and self._shown != stale:
                return
            if self._tokens is None:
                self._shown = await self._sign_in()
                return
            async with self._tokens.exclusive():
                kept = await self._tokens.load()
                if kept is not None and kept.access.startswith("Session ") and kept.access != stale:
                    self._shown = kept.access  # another worker was faster
                    return
                fresh = await self._sign_in()
                await self._tokens.save(Token(access=fresh, issued_at=self._clock()))
                self._shown = fresh

    async def _sign_in(self) -> str:
        body = msgspec.json.encode(
            {"id": 0, "method": "common.db.login", "params": [self._login, {"password": self._password}, "en"]}
        )
        try:
            answer = await self._http.request("POST", self._path, body=body, effect=True, answers=(404,))
        except Ambiguous as error:
            raise Transient(error.message, code=error.code) from None  # the business call has not been sent
        except Expired:
            raise Expired(
                f"{self._http.name} does not accept login and password", code="unauthorized", cure=_CURE, status=401
            ) from None
        except Throttled as error:
            raise Throttled(
                f"{self._http.name} refuses to sign in for now, as it does after wrong passwords",
                retry_after=max(60.0, error.retry_after),
                code="too_many_sign_ins",
            ) from None
        if answer.status == 404:
            raise Rejected(
                f"{self._http.name} has no such database", code="no_database", field="database",
                cure="Correct the name of the database in the settings of the connection.",
            )  # fmt: skip
        fields = answer.json() if answer.status < 300 else {}
        result = fields.get("result") if isinstance(fields, dict) else None
        if not isinstance(result, list) or len(result) < 2:
            raise Expired(
                f"{self._http.name} asks for more than a password to sign in", code="second_factor",
                cure="Let the user of this connection sign in by password alone.",
            )  # fmt: skip
        shown = f"{self._login}:{result[0]}:{result[1]}"
        return "Session " + base64.b64encode(shown.encode()).decode()
