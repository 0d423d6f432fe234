"""Web addresses that credentials may be sent to, and paths that lead where they seem to lead."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

Params = Mapping[str, object] | Sequence[tuple[str, object]]

_SAFE: Final = "/%:@!$&'()*+,;=~-._?"
_DOTS: Final = re.compile(r"/(?:\.|%2[eE]){1,2}(?=/|\?|$)")


def segment(value: str) -> str:
    """`value` as one segment of a path: nothing in it can lead to another resource.

    Raises `ValueError` on "", "." and "..", which no quoting makes safe.
    """
    if value in ("", ".", ".."):
        raise ValueError(f"{value!r} cannot stand in a path")
    return quote(value, safe="")


def target_of(prefix: str, path: str, params: Params | None) -> str:
    """Path and query as they go on the wire, below `prefix`; always below it.

    `path` begins with "/" (or is empty) and may carry a query that is already encoded, such as a "next page" link.
    None among `params` is left out, booleans are "true" and "false". Raises `ValueError`, `TypeError`.
    """
    if path and not path.startswith("/"):
        raise ValueError("a path begins with /")
    target = prefix + quote(path, safe=_SAFE)
    if ("/." in target or "%2" in target) and _DOTS.search(target):
        raise ValueError("a path must not contain . or .. segments")
    if params:
        pairs = params.items() if isinstance(params, Mapping) else params
        query = urlencode([(k, _text(v)) for k, v in pairs if v is not None], quote_via=quote, safe="")
        if query:
            target += ("&" if "?" in target else "?") + query
    return target or "/"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        raise TypeError("numbers in a query are int or Decimal, so that they are written exactly")
    return str(value)


def check_base_url(url: str, *, allow_plain: bool = False) -> str:
    """Host of `url`. Raises `ValueError` with the cure when the URL is not fit to send credentials to."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise ValueError("this is not a web address: write it like https://shop.example") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("this is not a web address: write it like https://shop.example")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the address must not contain a password: enter it in its own setting")
    if parts.query or parts.fragment:
        raise ValueError("the address must end before any ? or #")
    if parts.scheme == "http" and not allow_plain and not _is_loopback(host):
        raise ValueError(f"{host} would be called without encryption: write https://, or allow plain http")
    return host


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
