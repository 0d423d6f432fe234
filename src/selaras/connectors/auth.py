"""How a request shows who it is, where nothing has to be refreshed; `oauth` has the kind that has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import aiohttp


class Auth(Protocol):
    """How a request shows who it is."""

    async def headers(self) -> Mapping[str, str]:
        """Headers for the next request. Raises `Expired` when a person has to connect again."""
        ...

    async def refresh(self, stale: str) -> bool:
        """The other side refused the Authorization value `stale`; True when another one is ready now."""
        ...


class _Fixed:
    """Credentials that cannot be refreshed."""

    __slots__ = ("_headers",)

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    async def headers(self) -> Mapping[str, str]:
        """The same headers every time."""
        return self._headers

    async def refresh(self, stale: str) -> bool:
        """There is nothing to refresh."""
        return False

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class StaticBearer(_Fixed):
    """A token that does not change (`Authorization: Bearer …`)."""

    __slots__ = ()

    def __init__(self, token: str) -> None:
        super().__init__({"Authorization": f"Bearer {token}"})


class BasicAuth(_Fixed):
    """User name and password or key and secret (RFC 7617, UTF-8)."""

    __slots__ = ()

    def __init__(self, user: str, password: str) -> None:
        super().__init__({"Authorization": aiohttp.encode_basic_auth(user, password, encoding="utf-8")})


class FixedHeaders(_Fixed):
    """Keys under header names of the system's own (`X-Shopify-Access-Token`, `Authorization: token …`)."""

    __slots__ = ()

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(dict(headers))
