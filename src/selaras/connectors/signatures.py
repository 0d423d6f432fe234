"""Signatures on deliveries: is this from the system that it claims to come from, and is it of now?

A signature is checked over the bytes as they arrived. Parsing a body and writing it again changes spaces, the order of
keys or the form of numbers, and the signature with them (reference/store-billing-payment-apis.md §19, trap 7).
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
from typing import Final, Literal

Encoding = Literal["hex", "base64"]
Algorithm = Literal["sha1", "sha256", "sha384", "sha512"]

_HASHES: Final = {
    "sha1": hashlib.sha1,
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}


def hmac_of(secret: str, message: bytes, *, encoding: Encoding, algorithm: Algorithm = "sha256") -> str:
    """HMAC (RFC 2104) of `message` under the UTF-8 bytes of `secret`. Raises `ValueError` for an empty secret."""
    if not secret:
        raise ValueError("an empty secret signs nothing")
    digest = hmac.new(secret.encode(), message, _HASHES[algorithm]).digest()
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()


def verify_hmac(
    secret: str,
    message: bytes,
    given: str,
    *,
    encoding: Encoding,
    algorithm: Algorithm = "sha256",
) -> bool:
    """Whether `given` is the HMAC of `message`, compared in constant time.

    An empty secret or signature never fits; a prefix such as "sha256=" is the caller's to take off. Hex may be in
    either case.
    """
    if not secret or not given:
        return False
    try:
        shown = bytes.fromhex(given) if encoding == "hex" else base64.b64decode(given, validate=True)
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(hmac.new(secret.encode(), message, _HASHES[algorithm]).digest(), shown)


def verify_secret(expected: str, given: str) -> bool:
    """Whether a shared token that a delivery carries (Xendit's `x-callback-token`) is the right one; constant time."""
    return bool(expected) and hmac.compare_digest(expected.encode(), given.encode())


def fresh(timestamp: float | str | dt.datetime, received_at: dt.datetime, window: float = 300.0) -> bool:
    """Whether a delivery stamped `timestamp` is at most `window` seconds away from `received_at`, either way.

    `timestamp` is Unix seconds (a number, or text as it stood in a header), ISO 8601 text with its offset, or an aware
    instant. What cannot be read, or has no zone, is not fresh. `received_at` must be aware.
    """
    if received_at.tzinfo is None:
        raise ValueError("received_at must have a zone")
    stamped = _seconds(timestamp)
    return stamped is not None and abs(received_at.timestamp() - stamped) <= window


def _seconds(timestamp: float | str | dt.datetime) -> float | None:
    if isinstance(timestamp, str):
        text = timestamp.strip()
        if text.isascii() and text.isdigit() and len(text) <= 12:
            return int(text)
        try:
            timestamp = dt.datetime.fromisoformat(text)
        except ValueError:
            return None
    if isinstance(timestamp, dt.datetime):
        return None if timestamp.tzinfo is None else timestamp.timestamp()
    return timestamp
