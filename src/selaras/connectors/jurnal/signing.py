"""Mekari's HMAC: the date and the request line are signed, the body stands under its digest.

Source: Mekari's developer documentation, "HMAC" (mekari-engineering/devcenter-kb, docs/authentication/hmac.md): the
text signed is `date: <RFC 7231 date>`, a line feed, `<METHOD> <path?query> HTTP/1.1`; the date may be off by 300
seconds; POST, PUT, PATCH and DELETE carry `Digest: SHA-256=<base64>`.
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from selaras.connectors.signatures import hmac_of

MOST_SKEW: Final = 300.0
_NO_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class MekariHmac:
    """Signs requests with a client's id and secret. `offset` is added to the clock, once it is known to be wrong."""

    def __init__(self, client_id: str, client_secret: str, clock: Callable[[], float]) -> None:
        if '"' in client_id or "\\" in client_id:
            raise ValueError("the setting 'client_id' has a sign that no client id has")
        self._client_id = client_id
        self._secret = client_secret
        self._clock = clock
        self.offset = 0.0

    def __repr__(self) -> str:
        return "MekariHmac(…)"

    def __call__(self, method: str, target: str, body: bytes) -> Mapping[str, str]:
        """The headers of one request; `target` is path and query as they are sent."""
        date = email.utils.formatdate(self._clock() + self.offset, usegmt=True)
        text = f"date: {date}\n{method} {target} HTTP/1.1"
        signature = hmac_of(self._secret, text.encode(), encoding="base64")
        headers = {
            "Date": date,
            "Authorization": (
                f'hmac username="{self._client_id}", algorithm="hmac-sha256", headers="date request-line", '
                f'signature="{signature}"'
            ),
        }
        if method not in _NO_BODY:
            headers["Digest"] = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
        return headers
