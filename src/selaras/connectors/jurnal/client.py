"""The wire of Jurnal: one call, its limits, and what an answer that is none means.

Jurnal stands behind Mekari's gateway, which counts calls by the calendar minute and hour, 30 and 1,800 for a
credential, 40 and 2,500 for an address; a refusal is `429 {"message": "API rate limit exceeded"}` with what is left
of both in headers and no word on how long to wait (help-center.jurnal.id, article 10312996578713). The wait is until
the next minute or hour by the answer's own `Date`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from selaras.connectors.addresses import Params
from selaras.connectors.answers import Response, retry_after
from selaras.connectors.contract import Expired, Throttled, Transient
from selaras.connectors.http import Http
from selaras.connectors.jurnal import errors
from selaras.connectors.jurnal.signing import MOST_SKEW, MekariHmac
from selaras.connectors.jurnal.values import API

_WIRE: Final = msgspec.json.Encoder(decimal_format="number")


class Client:
    """Calls Jurnal. `skew` is how many seconds our clock was ahead of Mekari's at the last answer."""

    def __init__(self, http: Http, signer: MekariHmac | None, clock: Callable[[], float] = time.time) -> None:
        self.http = http
        self._signer = signer
        self._clock = clock
        self.skew = 0.0

    @property
    def calls(self) -> int:
        """HTTP calls made so far, sign-ins not counted."""
        return self.http.calls

    async def get(self, path: str, params: Params | None = None) -> Response:
        """Read something. 4xx come back as answers; raises `ConnectorError`."""
        return await self._call("GET", path, None, params, effect=False)

    async def send(self, method: str, path: str, body: Any = None) -> Response:
        """Change something. 4xx come back as answers; raises `Ambiguous` when the fate is unknown."""
        return await self._call(method, path, None if body is None else _WIRE.encode(body), None, effect=True)

    async def json(self, path: str, params: Params | None = None, *, what: str = "") -> Any:
        """The content of a page that must be there."""
        answer = await self.get(path, params)
        if answer.status >= 300:
            raise errors.error_of(answer.status, content_of(answer), what or path.removeprefix(API + "/"))
        return answer.json()

    async def _call(
        self, method: str, path: str, body: bytes | None, params: Params | None, *, effect: bool
    ) -> Response:
        signed = self._signer is not None
        answers = (401, 429) if signed else (429,)
        for turn in (1, 2):
            answer = await self.http.request(method, path, params=params, body=body, effect=effect, answers=answers)
            date = answer.served_at or 0
            if answer.status == 429:
                raise self._throttled(answer, date)
            if date:
                self.skew = self._clock() - date
            if answer.status != 401:
                return answer
            if self._signer is not None and turn == 1 and self._adjusted(self._signer):
                continue  # nothing was done; the same request with a date that Mekari takes
            raise self._unknown()
        raise self._unknown()

    def _adjusted(self, signer: MekariHmac) -> bool:
        """Whether the clock was the fault; it is put right for what follows, and `check` tells it."""
        if abs(self.skew + signer.offset) <= MOST_SKEW * 0.8:
            return False
        signer.offset = -self.skew
        return True

    def _unknown(self) -> Expired:
        error = errors.expired(self.http.name)
        if self._signer is None or abs(self.skew) <= MOST_SKEW * 0.8:
            return error
        return Expired(
            f"{error.message}; the clock of this machine is {self.skew:+.0f} s off",
            code="clock_skew", cure="Set the clock of this machine, then try again.", status=401,
        )  # fmt: skip

    def _throttled(self, answer: Response, date: float) -> Throttled:
        named = retry_after(answer.headers.get("retry-after", ""), answer.headers.get("date", ""), self._clock())
        now = date or self._clock()
        left = {span: answer.headers.get(f"x-ratelimit-remaining-{span}", "") for span in ("minute", "hour")}
        if named is not None:
            wait = named
        elif left["hour"] == "0":
            wait = 3600.0 - now % 3600.0
        else:
            wait = 60.0 - now % 60.0
        wait = max(1.0, wait)
        if self.http.limiter is not None:
            self.http.limiter.pause(wait)
        return Throttled(f"{self.http.name} asks to wait {wait:g} s", retry_after=wait, status=429)


def content_of(answer: Response) -> Any:
    """The JSON of a refusal; its first letters where it is none."""
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return answer.body[:200].decode("utf-8", "replace")


def unreadable(what: str, error: Exception) -> Transient:
    """An answer to a reading call that is not what Jurnal promises."""
    return Transient(f"Jurnal's answer for {what} cannot be read: {error}", code="unreadable")
