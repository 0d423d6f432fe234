"""The OAuth 2.0 server's memory: codes, grants and tokens (RFC 6749, 7009, 7636).

A grant is one consent (or one client-credentials sign-in); all tokens that come from it die with it. Refresh
tokens rotate: each works once, and using one again is taken for theft (RFC 9700 §4.14).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

from selaras.sandbox.books.config import BooksConfig


class OAuthError(Exception):
    """An error answer of the token endpoint: `error` is a word of RFC 6749 §5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


class Grant(msgspec.Struct):
    """One consent. `bucket` is the key of its rate limit."""

    id: str
    client_id: str
    scope: str
    alive: bool = True


class Access(msgspec.Struct):
    """An access token; `expires_at` in seconds since the epoch."""

    grant: Grant
    expires_at: float


class Refresh(msgspec.Struct):
    """A refresh token."""

    grant: Grant
    expires_at: float
    used: bool = False
    used_at: float = 0.0


class Code(msgspec.Struct):
    """An authorization code: single use, a minute long, bound to client, address and PKCE challenge."""

    client_id: str
    redirect_uri: str
    scope: str
    challenge: str
    expires_at: float
    grant: Grant | None = None


class Grants:
    """Everything the OAuth server knows. `counts` tells how many tokens of which origin it has issued."""

    CODE_SECONDS = 60.0

    def __init__(self, config: BooksConfig) -> None:
        self.config = config
        self.codes: dict[str, Code] = {}
        self.access: dict[str, Access] = {}
        self.refresh: dict[str, Refresh] = {}
        self.grants: dict[str, Grant] = {}
        self.counts = dict.fromkeys(
            ("authorization_code", "refresh_token", "client_credentials", "refused", "reused", "revoked"), 0
        )

    def client_known(self, client_id: str) -> bool:
        """Whether this client is registered."""
        return hmac.compare_digest(client_id.encode(), self.config.client_id.encode())

    def authenticate(self, client_id: str, secret: str) -> None:
        """Check id and secret. Raises `OAuthError` invalid_client."""
        right = hmac.compare_digest(secret.encode(), self.config.client_secret.encode())
        if not (self.client_known(client_id) and right):
            raise OAuthError("invalid_client", "The client id or the secret is wrong.", 401)

    def issue_code(self, client_id: str, redirect_uri: str, scope: str, challenge: str, now: float) -> str:
        """A code for a consent just given."""
        code = secrets.token_urlsafe(32)
        self.codes[code] = Code(client_id, redirect_uri, scope, challenge, now + self.CODE_SECONDS)
        return code

    def token(self, form: Mapping[str, str], client_id: str, now: float) -> dict[str, Any]:
        """The answer of the token endpoint to an authenticated client. Raises `OAuthError`."""
        kind = form.get("grant_type", "")
        try:
            if kind == "authorization_code":
                answer = self._from_code(form, client_id, now)
            elif kind == "refresh_token":
                answer = self._from_refresh(form, client_id, now)
            elif kind == "client_credentials":
                answer = self._issue(self._new_grant(client_id, form.get("scope", "")), now, refresh=False)
            else:
                raise OAuthError("unsupported_grant_type", f"The grant type {kind!r} is not supported.")
        except OAuthError:
            self.counts["refused"] += 1
            raise
        self.counts[kind] += 1
        return answer

    def _from_code(self, form: Mapping[str, str], client_id: str, now: float) -> dict[str, Any]:
        code = self.codes.get(form.get("code", ""))
        if code is None or code.client_id != client_id:
            raise OAuthError("invalid_grant", "The code is unknown.")
        if code.grant is not None:
            # Used twice: whoever has the tokens of the first use may be a thief (RFC 6749 §4.1.2).
            self._kill(code.grant)
            raise OAuthError("invalid_grant", "The code has been used already.")
        if now >= code.expires_at:
            raise OAuthError("invalid_grant", "The code has expired.")
        if form.get("redirect_uri", "") != code.redirect_uri:
            raise OAuthError("invalid_grant", "The redirect address is not the one of the authorization request.")
        verifier = form.get("code_verifier", "")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if not hmac.compare_digest(digest, code.challenge):
            raise OAuthError("invalid_grant", "The code verifier does not fit the challenge (PKCE S256).")
        code.grant = self._new_grant(client_id, code.scope)
        return self._issue(code.grant, now, refresh=True)

    def _from_refresh(self, form: Mapping[str, str], client_id: str, now: float) -> dict[str, Any]:
        value = form.get("refresh_token", "")
        token = self.refresh.get(value)
        if token is None or token.grant.client_id != client_id:
            raise OAuthError("invalid_grant", "The refresh token is unknown.")
        if not token.grant.alive:
            raise OAuthError("invalid_grant", "The grant was revoked.")
        if now >= token.expires_at:
            raise OAuthError("invalid_grant", "The refresh token has expired.")
        if token.used and now - token.used_at >= self.config.refresh_grace:
            self.counts["reused"] += 1
            if self.config.revoke_on_reuse:
                self._kill(token.grant)
            raise OAuthError("invalid_grant", "The refresh token has been used already.")
        if not self.config.single_use_refresh:
            return self._issue(token.grant, now, refresh=False)
        if not token.used:
            token.used, token.used_at = True, now
        return self._issue(token.grant, now, refresh=True)

    def _new_grant(self, client_id: str, scope: str) -> Grant:
        grant = Grant(f"grant{len(self.grants) + 1:04d}", client_id, scope)
        self.grants[grant.id] = grant
        return grant

    def _issue(self, grant: Grant, now: float, *, refresh: bool) -> dict[str, Any]:
        life = self.config.access_seconds
        access = secrets.token_urlsafe(32)
        self.access[access] = Access(grant, now + life)
        answer: dict[str, Any] = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": int(life) if life >= 1 else life,
            "scope": grant.scope,
        }
        if refresh:
            value = secrets.token_urlsafe(32)
            self.refresh[value] = Refresh(grant, now + self.config.refresh_seconds)
            answer["refresh_token"] = value
            answer["refresh_token_expires_in"] = int(self.config.refresh_seconds)
        return answer

    def bearer(self, token: str, now: float) -> Grant | None:
        """The grant of a live access token, else None."""
        access = self.access.get(token)
        if access is None:
            return None
        if now >= access.expires_at or not access.grant.alive:
            del self.access[token]
            return None
        return access.grant

    def expire(self, token: str = "") -> int:
        """Let one access token (or all of them) expire now; returns how many."""
        if token:
            return int(self.access.pop(token, None) is not None)
        count = len(self.access)
        self.access.clear()
        return count

    def revoke(self, value: str, client_id: str) -> None:
        """RFC 7009: a refresh token takes its whole grant with it, an access token only itself."""
        refresh = self.refresh.get(value)
        if refresh is not None and refresh.grant.client_id == client_id:
            self._kill(refresh.grant)
            return
        access = self.access.get(value)
        if access is not None and access.grant.client_id == client_id:
            del self.access[value]
            self.counts["revoked"] += 1

    def revoke_all(self) -> int:
        """Kill every grant, as a person does who removes the application from the books."""
        alive = [grant for grant in self.grants.values() if grant.alive]
        for grant in alive:
            self._kill(grant)
        return len(alive)

    def _kill(self, grant: Grant) -> None:
        if grant.alive:
            grant.alive = False
            self.counts["revoked"] += 1
