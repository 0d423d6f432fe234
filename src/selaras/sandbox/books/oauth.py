"""The OAuth 2.0 endpoints: /oauth/authorize, /oauth/token, /oauth/revoke."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import msgspec

from selaras.sandbox.books import pages
from selaras.sandbox.books.grants import Grants, OAuthError
from selaras.sandbox.books.state import Books

Headers = list[tuple[bytes, bytes]]
Answer = tuple[int, Headers, bytes]

_HTML: Final = (b"content-type", b"text/html; charset=utf-8")
_JSON: Final = (b"content-type", b"application/json")
_NO_STORE: Final = (b"cache-control", b"no-store")
_LOOPBACK: Final = frozenset(("127.0.0.1", "::1", "localhost"))
_KEPT: Final = (
    "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method",
)  # fmt: skip


def handle(books: Books, grants: Grants, method: str, path: str, query: str, head: Headers, body: bytes) -> Answer:
    """One request to /oauth/…"""
    if path == "/oauth/authorize" and method in ("GET", "POST"):
        text = query if method == "GET" else body.decode("utf-8", "replace")
        return authorize(books, grants, dict(parse_qsl(text, keep_blank_values=True)), posted=method == "POST")
    if path in ("/oauth/token", "/oauth/revoke"):
        if method != "POST":
            return _error(OAuthError("invalid_request", "Use POST.", 405))
        try:
            form = dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body)))
            client_id = _client(grants, form, head)
        except (UnicodeDecodeError, ValueError):
            return _error(OAuthError("invalid_request", "The body is not a form."))
        except OAuthError as error:
            grants.counts["refused"] += 1
            return _error(error)
        if path == "/oauth/revoke":
            grants.revoke(form.get("token", ""), client_id)
            return 200, [_JSON, _NO_STORE], b"{}"
        try:
            answer = grants.token(form, client_id, books.clock())
        except OAuthError as error:
            return _error(error)
        return 200, [_JSON, _NO_STORE], msgspec.json.encode(answer)
    return 404, [_JSON], b'{"error":"not_found"}'


def _error(error: OAuthError) -> Answer:
    head: Headers = [_JSON, _NO_STORE]
    if error.status == 401:
        head.append((b"www-authenticate", b'Basic realm="books"'))
    return error.status, head, msgspec.json.encode({"error": error.error, "error_description": error.description})


def _client(grants: Grants, form: Mapping[str, str], head: Headers) -> str:
    """The authenticated client: HTTP Basic (form-encoded parts, RFC 6749 §2.3.1) or fields of the body."""
    basic = next((value for name, value in head if name == b"authorization"), b"")
    if basic[:6].lower() == b"basic ":
        try:
            user, _, secret = base64.b64decode(basic[6:], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise OAuthError("invalid_client", "The Authorization header cannot be read.", 401) from None
        client_id, secret = unquote_plus(user), unquote_plus(secret)
    else:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    grants.authenticate(client_id, secret)
    return client_id


def authorize(books: Books, grants: Grants, ask: Mapping[str, str], *, posted: bool) -> Answer:
    """Show the consent page, or take its answer. `auto=1` consents at once, for machines without a person."""
    redirect = ask.get("redirect_uri", "")
    if not grants.client_known(ask.get("client_id", "")):
        return 400, [_HTML], pages.refusal("This application is not registered.")
    if not _redirect_allowed(books, redirect):
        return 400, [_HTML], pages.refusal("The redirect address is not registered for this application.")
    state = ask.get("state", "")
    if ask.get("response_type") != "code":
        return _redirect(redirect, {"error": "unsupported_response_type", "state": state})
    challenge = ask.get("code_challenge", "")
    if ask.get("code_challenge_method") != "S256" or not 43 <= len(challenge) <= 128:
        return _redirect(redirect, {"error": "invalid_request", "error_description": "PKCE S256", "state": state})
    if posted and ask.get("decision") != "allow":
        return _redirect(redirect, {"error": "access_denied", "state": state})
    if not posted and ask.get("auto") != "1":
        fields = {name: ask[name] for name in _KEPT if name in ask}
        head = [_HTML, _NO_STORE, (b"x-frame-options", b"DENY")]
        return 200, head, pages.consent(books.config.company, ask["client_id"], fields)
    code = grants.issue_code(ask["client_id"], redirect, ask.get("scope", ""), challenge, books.clock())
    return _redirect(redirect, {"code": code, "state": state})


def _redirect_allowed(books: Books, uri: str) -> bool:
    if uri in books.config.redirect_uris:
        return True
    try:
        parts = urlsplit(uri)
        return parts.scheme == "http" and parts.hostname in _LOOPBACK and not parts.fragment
    except ValueError:
        return False


def _redirect(uri: str, fields: Mapping[str, str]) -> Answer:
    text = urlencode({name: value for name, value in fields.items() if value})
    location = f"{uri}{'&' if '?' in uri else '?'}{text}"
    return 302, [(b"location", location.encode()), _NO_STORE], b""
