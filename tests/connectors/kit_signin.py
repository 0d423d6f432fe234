"""A sign-in server for tests (single-use refresh tokens, every trouble on a switch) and a token store in memory."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import web

from selaras.connectors.oauth import Token


class MemoryTokenStore:
    """Keeps the token of one connection for as long as the test lives; writes down what happened in which order."""

    def __init__(self, token: Token | None = None) -> None:
        self.token = token
        self.log: list[str] = []
        self.saving: Callable[[], Awaitable[None]] | None = None
        self._lock = asyncio.Lock()

    async def load(self) -> Token | None:
        return self.token

    async def save(self, token: Token) -> None:
        self.log.append("saving")
        if self.saving is not None:
            await self.saving()
        await asyncio.sleep(0.01)
        self.token = token
        self.log.append("saved")

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        async with self._lock:
            yield


class SignInServer:
    """Answers /token, /revoke and /api; the state is in plain fields that tests set and read."""

    def __init__(self) -> None:
        self.life: int | str | None = 3600
        self.rotate = True
        self.more: dict[str, Any] = {}
        self.asked: list[dict[str, str]] = []
        self.seen: list[str] = []
        self.revoked: list[str] = []
        self.answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
        self.slow = 0.02
        self.reached = asyncio.Event()
        self.codes: dict[str, str] = {}
        self.access: set[str] = set()
        self.refresh: set[str] = set()
        self.number = 0

    def grant(self) -> dict[str, Any]:
        """Hand out a new pair; an old access token ends with it."""
        self.number += 1
        self.access = {f"access-{self.number}"}
        fields: dict[str, Any] = {"access_token": f"access-{self.number}", "token_type": "Bearer", **self.more}
        if self.life is not None:
            fields["expires_in"] = self.life
        if self.rotate:
            self.refresh = {f"refresh-{self.number}"}
            fields["refresh_token"] = f"refresh-{self.number}"
        return fields

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/api":
            shown = request.headers.get("Authorization", "")
            self.seen.append(shown)
            return web.Response(status=200 if shown.removeprefix("Bearer ") in self.access else 401)
        form = {k: str(v) for k, v in (await request.post()).items()}
        if request.headers.get("Authorization", "").startswith("Basic "):
            pair = base64.b64decode(request.headers["Authorization"][6:]).decode()
            form["client_id"], form["client_secret"] = (unquote_plus(part) for part in pair.split(":"))
        self.asked.append(form)
        self.reached.set()
        await asyncio.sleep(self.slow)
        if self.answer is not None:
            return await self.answer(request)
        if form.get("client_secret") != "s/e:c":
            return web.json_response({"error": "invalid_client"}, status=401)
        if request.path == "/revoke":
            self.revoked.append(form["token"])
            return web.Response()
        match form.get("grant_type"):
            case "client_credentials":
                return web.json_response(self.grant())
            case "refresh_token" if form["refresh_token"] in self.refresh:
                return web.json_response(self.grant())
            case "authorization_code" if form["code"] in self.codes:
                challenge = self.codes.pop(form["code"])
                digest = hashlib.sha256(form["code_verifier"].encode()).digest()
                if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge:
                    return web.json_response(self.grant())
        return web.json_response(
            {"error": "invalid_grant", "error_description": f"no such token: {form.get('refresh_token')}"}, status=400
        )
