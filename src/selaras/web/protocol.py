"""The HTTP parser in front of everything: httptools where it is installed, h11 elsewhere; both with bounded heads."""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

# Request line and headers together; h11 has the same limit of its own.
LARGEST_HEAD: Final = 64 << 10


def http_protocol() -> type[asyncio.Protocol]:
    """The fastest parser that is installed (measured: httptools 2.5 times the webhooks of h11 for each CPU second)."""
    try:
        from selaras.web.fast_protocol import BoundedHttp
    except ImportError:
        return H11Protocol
    return BoundedHttp
