"""How the stand-in knows who calls, as WC_REST_Authentication does.

Key and secret count over TLS only, as Basic or in the query; over plain http a request is signed with OAuth 1.0a. The
address under the signature is the shop's own home address, whatever was called; timestamps more than 15 minutes from
the shop's clock and nonces used before are refused; a key that may only read gets 401 for every write.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, unquote_plus

from tests.connectors.woocommerce.standin_shop import Shop

WINDOW = 15 * 60


class WooError(Exception):
    """A WP_Error: code, message, status, and further data."""

    def __init__(self, code: str, message: str, status: int, **data: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.data = data


@dataclass
class Key:
    """A key of the REST API. `passed_on`: the host gives the Authorization header to PHP."""

    key: str = "ck_0000000000000000000000000000000000000001"
    secret: str = "cs_0000000000000000000000000000000000000002"
    permission: Literal["read", "write", "read_write"] = "read_write"
    passed_on: bool = True
    revoked: bool = False
    nonces: dict[str, int] = field(default_factory=dict)


def php_query(raw: str) -> dict[str, str]:
    """$_GET: the last of a name wins, plus signs are spaces."""
    pairs = [part.partition("=") for part in raw.split("&") if part]
    return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}


def authenticate(
    shop: Shop, key: Key, home: str, method: str, path: str, query: dict[str, str], header: str, *, tls: bool
) -> bool:
    """Whether the caller is known. Raises `WooError` where something was shown and is wrong."""
    if tls:
        return _basic(key, query, header if key.passed_on else "")
    names = ("consumer_key", "timestamp", "nonce", "signature", "signature_method")
    given = [f"oauth_{name}" for name in names if query.get(f"oauth_{name}")]
    if not given:
        return False
    if len(given) < len(names):
        raise _refusal("Missing OAuth parameters", "woocommerce_rest_authentication_missing_parameter")
    if query["oauth_consumer_key"] != key.key or key.revoked:
        raise _refusal("Consumer key is invalid.")
    _check_signature(key, home, method, path, query)
    _check_moment(shop, key, query)
    return True


def _refusal(message: str, code: str = "woocommerce_rest_authentication_error") -> WooError:
    return WooError(code, message, 401)


def _basic(key: Key, query: dict[str, str], header: str) -> bool:
    shown = query.get("consumer_key", ""), query.get("consumer_secret", "")
    if not all(shown) and header.startswith("Basic "):
        name, _, secret = base64.b64decode(header[6:]).decode().partition(":")
        shown = name, secret
    if not all(shown) or shown[0] != key.key or key.revoked:
        return False
    if shown[1] != key.secret:
        raise _refusal("Consumer secret is invalid.")
    return True


def _check_signature(key: Key, home: str, method: str, path: str, query: dict[str, str]) -> None:
    def encode(text: str) -> str:
        return quote(text, safe="-._~")

    given = query["oauth_signature"].replace(" ", "+")
    rest = {name: value for name, value in query.items() if name != "oauth_signature"}
    normal = "%26".join(encode(f"{encode(name)}={encode(rest[name])}") for name in sorted(rest))
    hashes = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
    made = hashes.get(query["oauth_signature_method"])
    if made is None:
        raise _refusal("Invalid signature - signature method is invalid.")
    base = f"{method.upper()}&{encode(home + path)}&{normal}"
    right = base64.b64encode(hmac.new(f"{key.secret}&".encode(), base.encode(), made).digest()).decode()
    if not hmac.compare_digest(right, given):
        raise _refusal("Invalid signature - provided signature does not match.")


def _check_moment(shop: Shop, key: Key, query: dict[str, str]) -> None:
    now, stamp, nonce = shop.now(), int(query["oauth_timestamp"]), query["oauth_nonce"]
    if abs(stamp - now) > WINDOW:
        raise _refusal("Invalid timestamp.")
    if nonce in key.nonces:
        raise _refusal("Invalid nonce - nonce has already been used.")
    key.nonces[nonce] = stamp
    for old in [n for n, at in key.nonces.items() if at < now - WINDOW]:
        del key.nonces[old]


def check_permission(key: Key, method: str) -> None:
    """check_permissions(): by the kind of request alone."""
    wanted = "read" if method in ("GET", "HEAD") else "write"
    if key.permission not in (wanted, "read_write"):
        raise _refusal(f"The API key provided does not have {wanted} permissions.")
