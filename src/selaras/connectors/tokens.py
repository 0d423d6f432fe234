"""OAuth tokens: the value, where it lives, and how an authorization server's answer becomes one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import msgspec

from selaras.connectors.answers import Response


class Token(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the authorization server handed out. Instants are Unix seconds on our clock; 0 means not known.

    At `refresh_expires_at` a person has to sign in again.

    `extra` keeps what some systems answer beside it (realm id, host of the session, shop name).
    An empty `access` and `refresh` is a connection that has been disconnected.
    """

    access: str
    refresh: str = ""
    expires_at: float = 0.0
    scope: str = ""
    extra: Mapping[str, str] = {}
    issued_at: float = 0.0
    refresh_expires_at: float = 0.0

    def __repr__(self) -> str:
        return f"Token(expires_at={self.expires_at:.0f}, scope={self.scope!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("expires_at", self.expires_at), ("scope", self.scope)]


class TokenStore(Protocol):
    """Where the token of one connection lives."""

    async def load(self) -> Token | None:
        """The token last saved, None before the first."""
        ...

    async def save(self, token: Token) -> None:
        """Keep `token`; it is durable when this returns."""
        ...

    def exclusive(self) -> AbstractAsyncContextManager[object]:
        """Held by one refresher at a time, over all workers and processes."""
        ...


class SignIn(msgspec.Struct, frozen=True):
    """A sign-in that has begun. `url` is where the person goes; keep `state` and `verifier` until they come back."""

    url: str
    state: str
    verifier: str

    def __repr__(self) -> str:
        return "SignIn(…)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


def grant_from(answer: Response, sent_at: float, asked_scope: str) -> Token | None:
    """The token that an answer of the token endpoint grants (RFC 6749 §5.1), None when it grants none.

    Lifetimes count from `sent_at`, the moment our request left: that errs on the safe side.
    """
    fields = fields_of(answer)
    access = fields.get("access_token")
    if answer.status >= 400 or not isinstance(access, str) or not access:
        return None
    life = _seconds(fields, "expires_in")
    grant_life = _seconds(fields, *_GRANT_LIFE)
    refresh = fields.get("refresh_token")
    scope = fields.get("scope")
    return Token(
        access=access,
        refresh=refresh if isinstance(refresh, str) else "",
        expires_at=sent_at + life if life else 0.0,
        scope=scope if isinstance(scope, str) else asked_scope,
        extra={k: str(v) for k, v in fields.items() if k not in _STANDARD and isinstance(v, str | int)},
        issued_at=sent_at,
        refresh_expires_at=sent_at + grant_life if grant_life else 0.0,
    )


_STANDARD = frozenset(
    ("access_token", "refresh_token", "id_token", "token_type", "expires_in", "scope", "error", "error_description")
)
# The name is not in any standard: Shopify and eBay, QuickBooks Online, Keycloak.
_GRANT_LIFE = ("refresh_token_expires_in", "x_refresh_token_expires_in", "refresh_expires_in")
_KNOWN_ERRORS = frozenset(
    (
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "access_denied",
        "server_error",
        "temporarily_unavailable",
    )
)


def fields_of(answer: Response) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def error_of(answer: Response) -> str:
    """The `error` word of RFC 6749 §5.2. Only known words are passed on: a body may repeat what we sent."""
    error = fields_of(answer).get("error")
    if isinstance(error, str) and error in _KNOWN_ERRORS:
        return error
    return "refused" if error else ""


def _seconds(fields: Mapping[str, Any], *names: str) -> float:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value.isdecimal() and len(value) <= 12:
            value = int(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return value
    return 0.0
