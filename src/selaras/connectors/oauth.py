"""OAuth 2.0 for one connection: sign-in with PKCE, refresh ahead of expiry, one refresher at a time.

What is kept here, and whence it comes:
* authorization code with PKCE S256 and a `state` compared in constant time (RFC 7636, RFC 9700 §2.1);
* client credentials (RFC 6749 §4.4); refresh tokens that may be single-use (RFC 9700 §2.2.2): the new pair is
  durable in the store before anyone uses it, and a reused or lost one ends in `Expired`, never in a loop;
* the lifetime counts from the moment our request left (`expires_in`, RFC 6749 §5.1) on our own clock, so
that the
  other side's clock does not matter.
Tokens and secrets stand in no message, no repr and no error.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import math
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec

from selaras.connectors.contract.errors import Ambiguous, ConnectorError, Expired, Throttled, Transient
from selaras.connectors.http import Http, Response, check_base_url, finish_by
from selaras.connectors.tokens import SignIn, Token, TokenStore, error_of, grant_from

# Seconds for which the refusal of a grant holds. Signing in again changes the stored token and so ends it at once.
_GONE_SECONDS = 30.0
CONNECT_AGAIN = "Connect it again: open the connection and sign in."


class OAuth:
    """Signs the requests of one connection with a token that is fresh. Implements `Auth`.

    `connection` is the name that messages use. `client_auth` says how the client shows itself at the token
    endpoint: "basic" (header, RFC 6749 §2.3.1) or "body". `extra_authorize` and `extra_token` are further
    parameters that a system wants (audience, access_type). `margin` is seconds before expiry at which a
    refresh is made. `grant_days` is the lifetime of a grant where the system's documentation states one and
    its answers do not. `scheme` is the word before the token in the Authorization header. `body_format` "json" is for
    token endpoints that want JSON instead of a form (Mekari); the client then shows itself in the body.
    """

    cure = CONNECT_AGAIN

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        token_url: str,
        store: TokenStore,
        *,
        connection: str,
        grant: Literal["authorization_code", "client_credentials"] = "authorization_code",
        authorize_url: str = "",
        revoke_url: str = "",
        redirect_uri: str = "",
        scope: str = "",
        client_auth: Literal["basic", "body"] = "basic",
        body_format: Literal["form", "json"] = "form",
        extra_authorize: Mapping[str, str] | None = None,
        extra_token: Mapping[str, str] | None = None,
        margin: float = 120.0,
        grant_days: float = 0.0,
        scheme: str = "Bearer",
        timeout: float = 30.0,
        clock: Callable[[], float] = time.time,
        trust: ssl.SSLContext | None = None,
        allow_plain: bool = False,
    ) -> None:
        for url in (token_url, authorize_url, revoke_url):
            if url:
                check_base_url(_origin(url), allow_plain=allow_plain)
        self.connection = connection
        self.grant = grant
        self._client_id = client_id
        self._client_secret = client_secret
        self._token_url = token_url
        self._authorize_url = authorize_url
        self._revoke_url = revoke_url
        self._redirect_uri = redirect_uri
        self._scope = scope
        self._client_auth = client_auth if body_format == "form" else "body"
        self._body_format = body_format
        self._extra_authorize = dict(extra_authorize or {})
        self._extra_token = dict(extra_token or {})
        self._margin = margin
        self._grant_days = grant_days
        self._store = store
        self._clock = clock
        self._timeout = timeout
        self._trust = trust
        self._allow_plain = allow_plain
        self._token: Token | None = None
        self._prefix = f"{scheme} "
        self._running: asyncio.Task[Token] | None = None
        self._again_at = 0.0
        self._gone: tuple[str, float, Expired] | None = None
        self._https: dict[str, Http] = {}

    def __repr__(self) -> str:
        return f"OAuth({self.connection!r}, {self.grant})"

    # -- Auth

    async def headers(self) -> Mapping[str, str]:
        """The Authorization header, refreshed first when the token is about to run out. Raises `Expired`."""
        token = self._token
        if token is None:
            token = self._token = await self._store.load()
        if token is None or not token.access:
            token = await self._single("")
        elif self._due(token, self._clock()):
            token = await self._ahead(token)
        return {"Authorization": self._prefix + token.access}

    async def refresh(self, stale: str) -> bool:
        """The token in `stale` (an Authorization value) was refused: get another one.

        True when a different token is ready. Raises `Expired` when the grant is gone, `Transient` or
        `Throttled` when the token endpoint cannot be asked now.
        """
        refused = stale.removeprefix(self._prefix)
        current = self._token
        if current is not None and current.access and current.access != refused:
            return True
        token = await self._single(refused)
        return token.access != refused

    # -- signing in

    def authorization_url(self) -> SignIn:
        """Begin a sign-in (authorization code with PKCE S256)."""
        if not self._authorize_url:
            raise ValueError("this system has no sign-in page: it signs in with its id and secret")
        state = secrets.token_urlsafe(32)
        verifier = secrets.token_urlsafe(64)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": self._scope,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **self._extra_authorize,
        }
        text = urlencode({name: value for name, value in query.items() if value})
        url = f"{self._authorize_url}{'&' if '?' in self._authorize_url else '?'}{text}"
        return SignIn(url=url, state=state, verifier=verifier)

    async def exchange(self, code: str, state: str, expected_state: str, verifier: str) -> Token:
        """Turn the code of a finished sign-in into a token and keep it.

        Raises `Expired` when the answer does not belong to this sign-in or the code is refused.
        """
        if not expected_state or not hmac.compare_digest(state.encode(), expected_state.encode()):
            raise Expired(
                f"the sign-in that came back is not the one begun for {self.connection}",
                code="state_mismatch",
                cure="Begin the sign-in again and finish it in the same browser.",
            )
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        async with self._store.exclusive():
            return await self._keep(await self._ask(form), None)

    async def revoke(self) -> None:
        """End the grant at the other side (RFC 7009) where it can be ended there, and forget the token here."""
        async with self._store.exclusive():
            token = await self._store.load()
            if token is not None and self._revoke_url and (token.refresh or token.access):
                form = (
                    {"token": token.refresh, "token_type_hint": "refresh_token"}
                    if token.refresh
                    else {"token": token.access, "token_type_hint": "access_token"}
                )
                answer = await self._post(self._revoke_url, form)
                if answer.status >= 400:
                    raise self._refused(answer, error_of(answer))
            self._token = None
            await self._store.save(Token(access=""))

    async def close(self) -> None:
        """Wait for a refresh under way (its token would be lost otherwise) and close the connections."""
        running = self._running
        if running is not None and not running.done():
            await asyncio.wait([running])
        for http in self._https.values():
            await http.close()
        self._https.clear()

    # -- inside

    def _due(self, token: Token, now: float) -> bool:
        if not token.expires_at:
            return False
        # A token that lives shorter than the margin is refreshed in its last fifth, not with every call.
        life = token.expires_at - token.issued_at if token.issued_at else self._margin * 5
        return now >= token.expires_at - min(self._margin, life / 5)

    async def _ahead(self, token: Token) -> Token:
        """Refresh a token that is about to run out; while it is still good, trouble in doing so can wait."""
        now = self._clock()
        usable = now < token.expires_at
        if usable and now < self._again_at:
            return token
        try:
            return await self._single(token.access)
        except (Transient, Throttled):
            if not usable:
                raise
        self._again_at = now + 5.0
        return token

    async def _single(self, refused: str) -> Token:
        """All who wait share one refresh.

        It is a task of its own: a waiter that is cancelled does not cancel it, because a single-use refresh token
        whose answer is thrown away is gone.
        """
        running = self._running
        loop = asyncio.get_running_loop()
        if running is None or running.done() or running.get_loop() is not loop:
            running = self._running = loop.create_task(self._renew(refused))
            running.add_done_callback(_observed)
        return await asyncio.shield(running)

    async def _renew(self, refused: str) -> Token:
        # A lease that ends bounds the business call, not this: the answer must be kept whatever happens.
        with finish_by(math.inf):
            return await self._renew_alone(refused)

    async def _renew_alone(self, refused: str) -> Token:
        async with self._store.exclusive():
            kept = await self._store.load()
            if kept is not None and kept.access and kept.access != refused and not self._due(kept, self._clock()):
                # Another worker or process was faster.
                self._token = kept
                return kept
            if self.grant == "client_credentials":
                form = {"grant_type": "client_credentials", "scope": self._scope}
            elif kept is None or not (kept.access or kept.refresh):
                raise Expired(f"{self.connection} is not signed in", code="not_connected", cure=CONNECT_AGAIN)
            elif not kept.refresh:
                raise Expired(f"the sign-in of {self.connection} has ended", code="no_refresh", cure=CONNECT_AGAIN)
            else:
                form = {"grant_type": "refresh_token", "refresh_token": kept.refresh}
            return await self._keep(await self._ask_once(form, kept), kept)

    async def _ask_once(self, form: Mapping[str, str], kept: Token | None) -> Token:
        """Ask for a token; a grant that was refused a moment ago is not asked for again by all who still wait."""
        shown, now = kept.refresh if kept is not None else "", self._clock()
        if self._gone is not None and self._gone[0] == shown and 0 <= now - self._gone[1] < _GONE_SECONDS:
            said = self._gone[2]
            raise Expired(said.message, code=said.code, cure=said.cure, status=said.status)
        try:
            return await self._ask(form)
        except Expired as error:
            self._gone = (shown, now, error)
            raise

    async def _ask(self, form: Mapping[str, str]) -> Token:
        sent_at = self._clock()
        answer = await self._post(self._token_url, {**form, **self._extra_token})
        token = grant_from(answer, sent_at, self._scope)
        if token is None:
            raise self._refused(answer, error_of(answer))
        return token

    async def _keep(self, token: Token, before: Token | None) -> Token:
        """Durable first, used afterwards."""
        if before is not None:
            same = not token.refresh or token.refresh == before.refresh
            token = msgspec.structs.replace(
                token,
                # A server that rotates nothing sends no refresh token: the old one stays good (RFC 6749 §6).
                refresh=token.refresh or before.refresh,
                extra={**before.extra, **token.extra},
                refresh_expires_at=token.refresh_expires_at or (before.refresh_expires_at if same else 0.0),
            )
        if not token.refresh_expires_at and self.grant == "authorization_code":
            stated = token.issued_at + self._grant_days * 86400.0 if self._grant_days else 0.0
            token = msgspec.structs.replace(token, refresh_expires_at=stated if token.refresh else token.expires_at)
        await self._store.save(token)
        self._token = token
        self._again_at = 0.0
        return token

    async def _post(self, url: str, form: Mapping[str, str]) -> Response:
        fields = {name: value for name, value in form.items() if value}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self._client_auth == "basic":
            pair = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret)}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            fields["client_id"] = self._client_id
            fields["client_secret"] = self._client_secret
        parts = urlsplit(url)
        origin = _origin(url)
        http = self._https.get(origin)
        if http is None:
            http = self._https[origin] = Http(
                origin,
                timeout=self._timeout,
                max_body=1 << 20,
                clock=self._clock,
                trust=self._trust,
                allow_plain=self._allow_plain,
                name=f"the sign-in server of {self.connection}",
            )
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        lost = ""
        body = urlencode(fields).encode()
        if self._body_format == "json":
            headers["Content-Type"], body = "application/json", msgspec.json.encode(fields)
        try:
            return await http.request("POST", path, body=body, headers=headers, effect=True, answers=(401,))
        except Ambiguous as error:
            lost = error.message
        # The business call has certainly not happened. Whether the refresh token was used up shows at the
        # next try: the server then either gives a new pair or says invalid_grant, which is `Expired`.
        raise Transient(lost, code="token_unknown")

    def _refused(self, answer: Response, error: str) -> ConnectorError:
        if error in ("invalid_client", "unauthorized_client") or (answer.status == 401 and not error):
            return Expired(
                f"{self.connection}: the client id or secret is not accepted",
                code="invalid_client",
                cure="Check the client id and secret in the settings of the connection.",
                status=answer.status,
            )
        if error in ("temporarily_unavailable", "server_error") or (not error and answer.status not in (400, 401)):
            # No verdict of an authorization server: a proxy, a page for people, a 200 without a token.
            return Transient(
                f"the sign-in server of {self.connection} gave no token (HTTP {answer.status})",
                code="no_token",
                status=answer.status,
            )
        return Expired(
            f"the sign-in of {self.connection} has ended"
            if error in ("invalid_grant", "")
            else f"the sign-in server of {self.connection} refused: {error}",
            code=error or "invalid_grant",
            cure=CONNECT_AGAIN,
            status=answer.status,
        )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _observed(task: asyncio.Task[Token]) -> None:
    """Every waiter may have been cancelled; the failure is then nobody's, and is not to be warned about."""
    if not task.cancelled():
        task.exception()


__all__ = ["CONNECT_AGAIN", "OAuth", "SignIn", "Token", "TokenStore"]
