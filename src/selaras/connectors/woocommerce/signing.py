"""Proof of who calls a WooCommerce store: OAuth 1.0a over http, key and secret over https.

WooCommerce takes key and secret in the open only where WordPress says `is_ssl()`; over plain http every request is
signed (RFC 5849, HMAC-SHA256) with the consumer secret alone ("one-legged", no token). The parameters travel in the
query, because many hosts do not pass the Authorization header on
(WC_REST_Authentication::perform_oauth_authentication). Two oddities of the store: the address under the signature is
the home address in its own settings, whatever address was called; and a timestamp more than 15 minutes from the
store's clock is refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from urllib.parse import quote

Pairs = Sequence[tuple[str, str]]


class Signer:
    """Signs requests with one key. `home` is the store's own home address, without a slash at its end."""

    def __init__(self, key: str, secret: str, home: str) -> None:
        self._key = key
        self._secret = secret
        self.home = home.rstrip("/")

    def sign(self, method: str, path: str, params: Pairs, timestamp: int, nonce: str = "") -> list[tuple[str, str]]:
        """`params` with the OAuth parameters and the signature added. `path` is below the home address.

        A name may come once only: the store reads its query as PHP does, where the last one wins.
        """
        pairs = [
            *params,
            ("oauth_consumer_key", self._key),
            ("oauth_nonce", nonce or secrets.token_hex(16)),
            ("oauth_signature_method", "HMAC-SHA256"),
            ("oauth_timestamp", str(timestamp)),
        ]
        normal = "&".join(f"{encoded(name)}={encoded(value)}" for name, value in sorted(pairs))
        base = f"{method.upper()}&{encoded(self.home + path)}&{encoded(normal)}"
        digest = hmac.new(f"{self._secret}&".encode(), base.encode(), hashlib.sha256).digest()
        return [*pairs, ("oauth_signature", base64.b64encode(digest).decode())]

    def __repr__(self) -> str:
        return f"Signer({self.home})"


def encoded(text: str) -> str:
    """Percent-encoded as RFC 3986 and RFC 5849 §3.6 ask for: letters, digits and -._~ stay."""
    return quote(text, safe="")
