"""Ports for servers that are started later, or again: taken now, and still free when they are."""

from __future__ import annotations

import random
import socket

# Below what any system gives to outgoing connections (Linux from 32768, others from 49152): whoever calls somebody in
# the meantime cannot come to sit on it.
_OURS = range(20_000, 30_000)


def free_port() -> int:
    """A port of the loopback address on which nothing listens, and which no outgoing connection is given."""
    chosen = random.SystemRandom()
    for _ in range(1_000):
        port = chosen.choice(_OURS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no port of {_OURS} is free")
