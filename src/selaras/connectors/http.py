"""The HTTP client of every connector: one session, one limiter, answers sorted into kinds of error.

The caller says of each request whether it has an *effect* at the other side. A write whose fate is unknown is
`Ambiguous` and is never sent again from here or by the library below; a read in the same trouble is
`Transient`.

aiohttp (3.14, `ClientSession._request`) repeats GET, HEAD, OPTIONS, TRACE, PUT and DELETE once when a
kept-alive connection turns out to be dead. For a write that would be a second send of something that may
have taken effect, so writes go through `wire.never_again`, which turns those two errors into one that the
library does not repeat.
"""

from __future__ import annotations

import asyncio
import io
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from selaras import __version__
from selaras.connectors.addresses import Params, check_base_url, segment, target_of
from selaras.connectors.answers import Response, retry_after
from selaras.connectors.auth import Auth, BasicAuth, FixedHeaders, StaticBearer
from selaras.connectors.contract.errors import Ambiguous, Expired, Throttled, Transient
from selaras.connectors.limiter import Chain, Limiter
from selaras.connectors.wire import ONCE, deadline_now, finish_by, lower, merge, read_body

DEFAULT_PAUSE: Final = 5.0
"""Seconds to wait after a refusal that names no time."""

REFRESHES: Final = 3
"""How often one call gets other credentials after a refusal. A session may end at any moment, also the one that another
call has just opened, and a new sign-in of a second process may end ours; a system that refuses four of them in a row
does not want this connection."""

_KEEP_ALIVE: Final = 4.0
# Servers commonly close idle connections after 5 s (uvicorn, Node.js, Apache); closing first keeps writes
# from being sent into a connection that the other side is just closing, which would make them ambiguous for
# nothing.

_MIB: Final = 1024 * 1024


class Http:
    """Calls one system with one credential.

    `base_url` must be https, or http to this machine; `allow_plain` permits http elsewhere (a LAN without
    TLS). `timeout` is seconds for a whole call, `max_body` the most bytes of a (decompressed) answer.
    `trust` is a TLS context of a private authority; certificates are always verified. `sign` is called with
    method, path with query, and body of each request, for systems that want every request signed; it
    returns further headers. `name` is what messages call the system (its host when empty).
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: Auth | None = None,
        limiter: Limiter | Chain | None = None,
        timeout: float = 30.0,
        max_body: int = 32 * _MIB,
        clock: Callable[[], float] = time.time,
        trust: ssl.SSLContext | None = None,
        allow_plain: bool = False,
        headers: Mapping[str, str] | None = None,
        sign: Callable[[str, str, bytes], Mapping[str, str]] | None = None,
        name: str = "",
    ) -> None:
        host = check_base_url(base_url, allow_plain=allow_plain)
        if trust is not None and (trust.verify_mode != ssl.CERT_REQUIRED or not trust.check_hostname):
            raise ValueError("a TLS context that does not verify certificates is not accepted")
        self.base_url = base_url.rstrip("/")
        self.name = name or host
        self.auth = auth
        self.limiter = limiter
        self.timeout = timeout
        self.max_body = max_body
        self.calls = 0
        self._clock = clock
        self._trust = trust
        self._sign = sign
        self._headers = {
            "User-Agent": f"Selaras/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            **(headers or {}),
        }
        parts = urlsplit(self.base_url)
        self._origin = f"{parts.scheme}://{parts.netloc}".lower()
        self._prefix = parts.path
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}
        self._closed = False

    def __repr__(self) -> str:
        return f"Http({self._origin}{self._prefix})"

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        effect: bool,
        timeout: float | None = None,
        answers: Collection[int] = (),
        follow: bool = False,
    ) -> Response:
        """Send one request and return the answer, or raise the kind of error that decides what happens next.

        `effect` says that the request may change something at the other side. `answers` names statuses that
        this system uses for proper answers (ERPNext says 500 for some refusals): they come back as
        `Response`. `follow` goes after 307 and 308 (and, for reads, 301 and 302) within the same origin;
        other redirects come back as `Response`.

        Raises `Transient` (certainly nothing happened), `Ambiguous` (a write that may have happened),
        `Throttled` (408, 425, 429, and 503 with Retry-After), `Expired` (401 where nothing can be refreshed, or
        after `REFRESHES` silent refreshes). 403 and all other 4xx come back as `Response`.
        """
        method = method.upper()
        target = target_of(self._prefix, path, params)
        seconds = self.timeout if timeout is None else timeout
        refreshed = hops = 0
        while True:
            limiter = self.limiter
            if limiter is None:
                answer, shown = await self._once(method, target, body, headers, effect, seconds)
            else:
                async with limiter:
                    answer, shown = await self._once(method, target, body, headers, effect, seconds)
            status = answer.status
            if status < 300 or status in answers:
                return answer
            if status == 401:
                if refreshed < REFRESHES and self.auth is not None and await self.auth.refresh(shown):
                    refreshed += 1
                    continue
                raise Expired(
                    f"{self.name} does not accept the credentials of this connection",
                    code="unauthorized",
                    cure="Check the key in the settings of the connection, or connect it again.",
                    status=status,
                )
            if status < 400:
                moved = self._same_origin(answer.headers.get("location", ""), target) if follow else ""
                if moved and hops < 3 and (status in (307, 308) or (not effect and status in (301, 302))):
                    target = moved
                    hops += 1
                    continue
                return answer
            self._raise_for(method, target, answer)
            return answer

    async def close(self) -> None:
        """Close the connections. The object cannot be used afterwards."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None and self._loop is asyncio.get_running_loop():
            await session.close()

    # -- inside -----------------------------------------------------------------------------------------

    async def _once(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        effect: bool,
        seconds: float,
    ) -> tuple[Response, str]:
        sent = dict(self._headers)
        if body is not None:
            sent["Content-Type"] = "application/json"
        if headers:
            merge(sent, headers)
        shown = ""
        if self.auth is not None:
            proof = await self.auth.headers()
            merge(sent, proof)
            shown = proof.get("Authorization") or next(iter(proof.values()), "")
        if self._sign is not None:
            merge(sent, self._sign(method, target, body or b""))
        deadline = deadline_now()
        if deadline is not None and self._clock() + seconds > deadline:
            raise Transient(f"no time left for a call to {self.name} in this turn", code="no_time")
        return await self._call(method, target, sent, body, effect, seconds), shown

    async def _call(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        effect: bool,
        seconds: float,
    ) -> Response:
        """One request on the wire; what aiohttp raises ends here: its errors may carry secrets."""
        session = self._open()
        self.calls += 1
        code = ""
        try:
            answer = await session.request(
                method,
                URL(self._origin + target, encoded=True),
                data=body if body is None or len(body) <= _MIB else io.BytesIO(body),
                headers=headers,
                allow_redirects=False,
                timeout=self._limits(seconds),
                middlewares=ONCE if effect else None,
            )
            try:
                content = await read_body(answer, self.max_body)
            except BaseException:
                answer.close()
                raise
            if content is not None:
                return Response(answer.status, lower(answer.headers.items()), content, effect)
            answer.close()
            code = "too_large"
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError):
            code = "tls"
        except aiohttp.ClientConnectorDNSError:
            code = "dns"
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError):
            code = "connect"
        except TimeoutError:
            code = "timeout"
        except aiohttp.ClientPayloadError:
            code = "truncated"
        except aiohttp.ClientResponseError:
            code = "malformed"
        except (aiohttp.ClientError, OSError):
            code = "reset"
        # Raised out here, so that the library's error is not even kept as context.
        raise self._failure(code, method, target, effect, seconds)

    def _failure(self, code: str, method: str, target: str, effect: bool, seconds: float) -> Transient | Ambiguous:
        what = f"{method} {target.partition('?')[0]}"
        if code in _BEFORE:
            return Transient(f"{self.name} cannot be reached: {_BEFORE[code]}", code=code)
        trouble = _AFTER[code] % {"seconds": f"{seconds:g}", "most": self.max_body}
        if effect:
            return Ambiguous(f"{what} at {self.name}: {trouble}; it may have taken effect", code=code)
        cure = _OTHER_PROGRAM if code in ("too_large", "malformed") else ""
        return Transient(f"{what} at {self.name}: {trouble}", code=code, cure=cure)

    def _raise_for(self, method: str, target: str, answer: Response) -> None:
        status = answer.status
        named = answer.headers.get("retry-after", "")
        if status in (408, 425, 429) or (status == 503 and named):
            wait = retry_after(named, answer.headers.get("date", ""), self._clock())
            if wait is None:
                wait = DEFAULT_PAUSE
            if self.limiter is not None and status in (429, 503):
                self.limiter.pause(wait)
            raise Throttled(f"{self.name} asks to wait {wait:g} s", retry_after=wait, status=status)
        if status >= 500:
            what = f"{method} {target.partition('?')[0]} at {self.name} failed there (HTTP {status})"
            if answer.effect:
                raise Ambiguous(f"{what}; it may have taken effect", code="server_error", status=status)
            raise Transient(what, code="server_error", status=status)

    def _same_origin(self, location: str, target: str) -> str:
        """Path and query of `location` when it stays on this origin, else ""."""
        if not location:
            return ""
        try:
            url = URL(self._origin + target, encoded=True).join(URL(location))
            return url.raw_path_qs if str(url.origin()) == str(URL(self._origin)) else ""
        except ValueError:
            return ""

    def _limits(self, seconds: float) -> aiohttp.ClientTimeout:
        limits = self._timeouts.get(seconds)
        if limits is None:
            # Connecting must give up before the whole call does: then it is certain that nothing was sent.
            # aiohttp rounds long timeouts up to whole seconds unless told otherwise; leases count on ours.
            limits = aiohttp.ClientTimeout(total=seconds, connect=min(10.0, seconds / 2), ceil_threshold=1e9)
            if len(self._timeouts) < 64:
                self._timeouts[seconds] = limits
        return limits

    def _open(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._session
        if session is not None and self._loop is loop:
            return session
        if self._closed:
            raise RuntimeError("this connector is closed")
        self._loop = loop
        # No limit of connections here: the limiter's `parallel` is the one that counts.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=_KEEP_ALIVE,
                ttl_dns_cache=60,
                ssl=self._trust if self._trust is not None else True,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self._session


_BEFORE: Final = {
    "connect": "it does not accept the connection",
    "dns": "its name is not known",
    "tls": "its TLS certificate or handshake is not in order",
}
_AFTER: Final = {
    "timeout": "no answer within %(seconds)s s",
    "truncated": "the answer broke off",
    "malformed": "the answer is not proper HTTP",
    "reset": "the connection broke before the answer",
    "too_large": "the answer is larger than %(most)s bytes",
}
_OTHER_PROGRAM: Final = "Check the address in the settings of the connection: another program may be answering there."


__all__ = [
    "Auth",
    "BasicAuth",
    "FixedHeaders",
    "Http",
    "Limiter",
    "Response",
    "StaticBearer",
    "check_base_url",
    "finish_by",
    "retry_after",
    "segment",
]
