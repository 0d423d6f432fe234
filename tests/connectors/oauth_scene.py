"""A real local sign-in server, a token store, a clock, and an OAuth between them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from selaras.connectors.http import Http
from selaras.connectors.oauth import OAuth, Token
from tests.connectors.kit_servers import served
from tests.connectors.kit_signin import MemoryTokenStore, SignInServer

NOW = 1_800_000_000.0


class Clock:
    """Unix time that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Scene:
    """A sign-in server, a store, a clock, and an OAuth between them."""

    def __init__(self, url: str, server: SignInServer) -> None:
        self.url = url
        self.server = server
        self.clock = Clock()
        self.store = MemoryTokenStore()
        self._made: list[OAuth | Http] = []

    def oauth(self, **settings: Any) -> OAuth:
        values: dict[str, Any] = {
            "connection": "Buku Toko",
            "authorize_url": self.url + "/authorize",
            "revoke_url": self.url + "/revoke",
            "redirect_uri": "https://hub.example/back",
            "scope": "sales stock",
            "clock": self.clock,
            **settings,
        }
        made = OAuth("id+1", values.pop("secret", "s/e:c"), self.url + "/token", self.store, **values)
        self._made.append(made)
        return made

    def http(self, oauth: OAuth) -> Http:
        made = Http(self.url, auth=oauth)
        self._made.append(made)
        return made

    def signed_in(self, **fields: Any) -> Token:
        """The store holds the server's present pair, as after a sign-in an hour long."""
        pair = self.server.grant()
        token = Token(
            access=pair["access_token"],
            refresh=pair.get("refresh_token", ""),
            issued_at=self.clock.now,
            expires_at=self.clock.now + 3600,
        )
        self.store.token = token = msgspec.structs.replace(token, **fields)
        return token

    async def close(self) -> None:
        for made in self._made:
            await made.close()


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    server = SignInServer()
    async with served(server.handle) as url:
        made = Scene(url, server)
        try:
            yield made
        finally:
            await made.close()
