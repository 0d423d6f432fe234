"""Sessions of people: a signed cookie, and the token that proves a form came from one of our pages.

Nothing is stored: the cookie carries its nonce and its end under a MAC whose key depends on the local token and on the
password, so that changing either signs everybody out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final

import msgspec

COOKIE: Final = "selaras_session"
VISITOR_COOKIE: Final = "selaras_visitor"
LENGTH: Final = 12 * 3600
_NONCE: Final = 16


class Session(msgspec.Struct, frozen=True):
    """A signed-in person until `ends` (seconds since 1970)."""

    nonce: str
    ends: int


class Sessions:
    """Makes and checks session cookies and form tokens. `mark` changes with the password."""

    def __init__(self, token: str, mark: Callable[[], bytes], clock: Callable[[], float]) -> None:
        self._token = token.encode()
        self._mark = mark
        self._clock = clock
        self._ended: dict[str, int] = {}

    def begin(self) -> tuple[str, Session]:
        """A new session and its cookie's value."""
        session = Session(secrets.token_urlsafe(_NONCE), int(self._clock()) + LENGTH)
        return f"{session.nonce}.{session.ends}.{self._mac('session', f'{session.nonce}.{session.ends}')}", session

    def read(self, cookie: str) -> Session | None:
        """The session of a cookie; None when it is forged, over, ended, or of an earlier password."""
        nonce, _dot, rest = cookie.partition(".")
        ends, _dot, mac = rest.partition(".")
        if not (nonce and cookie.isascii() and ends.isdigit() and len(ends) < 16 and self._mark()):
            return None
        if not hmac.compare_digest(self._mac("session", f"{nonce}.{ends}").encode(), mac.encode()):
            return None
        if int(ends) <= self._clock() or nonce in self._ended:
            return None
        return Session(nonce, int(ends))

    def end(self, session: Session) -> None:
        """Sign out: the cookie is worth nothing from now on."""
        now = self._clock()
        self._ended = {nonce: ends for nonce, ends in self._ended.items() if ends > now}
        self._ended[session.nonce] = session.ends

    def form_token(self, nonce: str) -> str:
        """The token for forms shown to the owner of this nonce (a session's, or a visitor's before sign-in)."""
        return self._mac("form", nonce)

    def form_fits(self, nonce: str, given: str) -> bool:
        """Whether a form came from a page that we showed to the same visitor."""
        return bool(nonce) and given.isascii() and hmac.compare_digest(self.form_token(nonce).encode(), given.encode())

    def _mac(self, purpose: str, text: str) -> str:
        key = hmac.new(self._token, b"selaras web sessions" + self._mark(), hashlib.sha256).digest()
        digest = hmac.new(key, f"{purpose}:{text}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def visitor_nonce(cookie: str) -> str:
    """The nonce of a visitor's cookie; "" when it is not one of ours."""
    try:
        right = len(base64.urlsafe_b64decode(cookie + "==")) == _NONCE
    except (ValueError, binascii.Error):
        right = False
    return cookie if right else ""


def new_nonce() -> str:
    """A nonce for a visitor who is not signed in."""
    return secrets.token_urlsafe(_NONCE)
