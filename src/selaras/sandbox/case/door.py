"""Calls to the sandbox's public HTTP, as people and their tools make them."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import aiohttp
import msgspec


class CaseError(RuntimeError):
    """A step of the case could not be played: which call, and what the server said."""


class Door:
    """One server of the sandbox, opened with its admin key (a person at the machine, beyond the reach of faults)."""

    def __init__(self, url: str, admin_key: str) -> None:
        self.url = url.rstrip("/")
        self.admin_key = admin_key
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Door:
        self._session = aiohttp.ClientSession(
            headers={"X-Sandbox-Key": self.admin_key, "Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=120),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON of one call; a refusal is an answer too."""
        if self._session is None:
            raise CaseError(f"the door to {self.url} is not open")
        data = None if body is None else msgspec.json.encode(body)
        async with self._session.request(method, self.url + path, data=data) as answer:
            content = await answer.read()
            try:
                return answer.status, msgspec.json.decode(content) if content else None
            except msgspec.DecodeError:
                raise CaseError(f"{method} {path} answered {answer.status} without JSON") from None

    async def get(self, path: str) -> Any:
        """The answer of a GET. Raises `CaseError` unless it is 200."""
        return self._right("GET", path, *await self.ask("GET", path))

    async def post(self, path: str, body: Any) -> Any:
        """The answer of a POST. Raises `CaseError` unless it is 200 or 201."""
        return self._right("POST", path, *await self.ask("POST", path, body))

    async def batch(self, path: str, body: Any) -> Sequence[Any]:
        """`results` of a POST whose items may fail alone. Raises `CaseError` naming the first item that did."""
        results: Sequence[Any] = (await self.post(path, body))["results"]
        for number, result in enumerate(results):
            if not result.get("ok"):
                raise CaseError(f"POST {path}, item {number + 1}: {result.get('message', result)}")
        return results

    def _right(self, method: str, path: str, status: int, answer: Any) -> Any:
        if status not in (200, 201):
            raise CaseError(f"{method} {path} answered {status}: {answer}")
        return answer
