"""The door of every page and API call: who is it, in which language, and which headers protect the answer."""

from __future__ import annotations

import hmac
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers

from selaras import i18n
from selaras.web.answers import Answer, App, Message, Receive, Scope, Send
from selaras.web.context import Context, Visitor
from selaras.web.sessions import COOKIE, VISITOR_COOKIE, new_nonce, visitor_nonce

LANGUAGE_COOKIE: Final = "selaras_lang"

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)
_NO_STORE: Final = (b"cache-control", b"no-store")
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")
_WRONG_HOST: Final = Answer(
    421, "This installation does not answer to that name. Start it with --public-url if it is meant to.\n"
)


class Guard:
    """ASGI middleware in front of the framework's routes; puts `visitor` and `language` into the request's state."""

    def __init__(self, app: App, context: Context) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        if self._context.open_read and not self._known_host(headers.get("host", "")):
            return await _WRONG_HOST(send)
        cookies = _cookies(headers.get("cookie", ""))
        visitor = self._who(headers.get("authorization", ""), cookies)
        language = _language(scope, cookies, headers)
        i18n.set_locale(language)
        scope.setdefault("state", {}).update(visitor=visitor, language=language)
        fresh = visitor.session is None and cookies.get(VISITOR_COOKIE) != visitor.nonce and visitor.kind != "program"

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name.lower() for name, _value in given}
                given += [header for header in _HEADERS if header[0] not in names]
                if b"cache-control" not in names:
                    given.append(_NO_STORE)
                    if fresh and scope.get("method") == "GET" and not scope["path"].startswith("/api/"):
                        given.append((b"set-cookie", self._cookie(VISITOR_COOKIE, visitor.nonce).encode()))
                if self._context.secure:
                    given.append(_HSTS)
                message["headers"] = given
            await send(message)

        return await self._app(scope, receive, guarded)

    def _known_host(self, host: str) -> bool:
        return urlsplit(f"//{host}").hostname in self._context.hosts

    def is_program(self, authorization: str) -> bool:
        """Whether an `Authorization` header carries the local token."""
        scheme, _space, given = authorization.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._context.token.encode())

    def _who(self, authorization: str, cookies: dict[str, str]) -> Visitor:
        if self.is_program(authorization):
            return Visitor("program", "")
        session = self._context.sessions.read(cookies.get(COOKIE, ""))
        if session is not None:
            return Visitor("person", session.nonce, session)
        nonce = visitor_nonce(cookies.get(VISITOR_COOKIE, "")) or new_nonce()
        return Visitor("reader" if self._context.open_read else "nobody", nonce)

    def _cookie(self, name: str, value: str) -> str:
        return cookie(name, value, secure=self._context.secure)


def cookie(name: str, value: str, *, secure: bool, seconds: int | None = None) -> str:
    """A `Set-Cookie` value that no script reads and no other site sends; without `seconds` it ends with the browser."""
    parts = [f"{name}={value}", "Path=/", "HttpOnly", "SameSite=Strict"]
    if seconds is not None:
        parts.append(f"Max-Age={seconds}")
    if secure:
        parts.append("Secure")
    return "; ".join(parts)


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}


def _language(scope: Scope, cookies: dict[str, str], headers: Headers) -> str:
    wish = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("lang", [""])[-1]
    accepted = headers.get("accept-language")
    return i18n.pick(wish) or i18n.pick(cookies.get(LANGUAGE_COOKIE)) or i18n.negotiate(accepted)
