"""Signatures on deliveries: over raw bytes, in constant time, within a window."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.connectors.signatures import Algorithm, Encoding, fresh, hmac_of, verify_hmac, verify_secret

AT = dt.datetime(2026, 3, 1, 12, 0, 0, tzinfo=dt.UTC)

# RFC 4231, test case 2 (key "Jefe", data "what do ya want for nothing?").
RFC_4231 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
# RFC 2202, HMAC-SHA-1, test case 2.
RFC_2202 = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"


def test_the_published_vectors() -> None:
    message = b"what do ya want for nothing?"
    assert verify_hmac("Jefe", message, RFC_4231, encoding="hex")
    assert verify_hmac("Jefe", message, RFC_4231.upper(), encoding="hex")
    assert verify_hmac("Jefe", message, RFC_2202, encoding="hex", algorithm="sha1")
    assert hmac_of("Jefe", message, encoding="hex") == RFC_4231
    assert not verify_hmac("jefe", message, RFC_4231, encoding="hex")


def test_the_same_json_written_again_does_not_fit() -> None:
    raw = b'{"total": 10000.0, "id":1}'
    signature = hmac_of("secret", raw, encoding="base64")
    assert verify_hmac("secret", raw, signature, encoding="base64")
    assert not verify_hmac("secret", json.dumps(json.loads(raw)).encode(), signature, encoding="base64")


@given(
    secret=st.text(min_size=1),
    message=st.binary(),
    other=st.binary(),
    encoding=st.sampled_from(("hex", "base64")),
    algorithm=st.sampled_from(("sha1", "sha256", "sha384", "sha512")),
)
def test_only_the_signed_message_fits(
    secret: str, message: bytes, other: bytes, encoding: Encoding, algorithm: Algorithm
) -> None:
    if any("\ud800" <= c <= "\udfff" for c in secret):
        return
    signature = hmac_of(secret, message, encoding=encoding, algorithm=algorithm)
    assert verify_hmac(secret, message, signature, encoding=encoding, algorithm=algorithm)
    assert verify_hmac(secret, other, signature, encoding=encoding, algorithm=algorithm) == (other == message)


@pytest.mark.parametrize("given_", ["", "zz", "===", "é", RFC_4231[:-2], RFC_4231 + "00", "sha256=" + RFC_4231])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_garbage_does_not_fit_and_does_not_raise(given_: str, encoding: Encoding) -> None:
    assert not verify_hmac("Jefe", b"what do ya want for nothing?", given_, encoding=encoding)


def test_an_empty_secret_never_fits() -> None:
    import hashlib
    import hmac

    of_nothing = hmac.new(b"", b"x", hashlib.sha256).hexdigest()
    assert not verify_hmac("", b"x", of_nothing, encoding="hex")
    assert not verify_secret("", "")
    with pytest.raises(ValueError):
        hmac_of("", b"x", encoding="hex")


def test_shared_tokens() -> None:
    assert verify_secret("tokén", "tokén")
    assert not verify_secret("token", "token ")
    assert not verify_secret("token", "")


@pytest.mark.parametrize(
    ("timestamp", "within"),
    [
        (AT, True),
        (AT.timestamp() - 300, True),
        (AT.timestamp() - 301, False),
        (AT.timestamp() + 301, False),
        (str(int(AT.timestamp())), True),
        (f" {int(AT.timestamp()) + 299} ", True),
        ("2026-03-01T19:00:00+07:00", True),
        ("2026-03-01T12:00:00Z", True),
        ("2026-03-01T12:00:00", False),
        (AT.replace(tzinfo=None), False),
        ("yesterday", False),
        ("", False),
        (float("nan"), False),
        ("9" * 400, False),
        (str(int(AT.timestamp() * 1000)), False),
    ],
)
def test_freshness(timestamp: float | str | dt.datetime, within: bool) -> None:
    assert fresh(timestamp, AT, 300.0) is within


def test_the_time_of_arrival_needs_a_zone() -> None:
    with pytest.raises(ValueError):
        fresh(1.0, AT.replace(tzinfo=None))
