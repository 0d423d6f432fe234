"""A store that delivers webhooks as fast as they are taken, in a process of its own (for `bench intake`).

Every delivery is signed and names another order. Prints a line of JSON when it is ready, waits for a line on standard
output's other end to begin being read (the command starts its clock then), and a second line with what it measured.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from typing import cast
from urllib.parse import urlsplit

import msgspec

from selaras.sandbox.store.webhooks import signature
from selaras.web.server import loop_factory


class Sent(msgspec.Struct, frozen=True):
    """What was measured. `accepted` deliveries were answered 200; times in seconds, as the sender saw them."""

    accepted: int
    refused: int
    seconds: float
    median: float
    slowest_of_100: float


def requests(url: str, secret: str, count: int) -> list[bytes]:
    """Whole HTTP/1.1 requests, signed now."""
    address = urlsplit(url)
    stamp = str(int(time.time()))
    made = []
    for number in range(1, count + 1):
        body = b'{"topic":"order.created","id":%d,"number":"%d","status":"open","total":"150000"}' % (number, number)
        head = (
            f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
            f"X-Store-Topic: order.created\r\nX-Store-Delivery: {number}\r\nX-Store-Timestamp: {stamp}\r\n"
            f"X-Store-Signature: {signature(secret, stamp, body)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


class Line(asyncio.Protocol):
    """One connection: the next request leaves when the answer to the last one has come."""

    def __init__(self, queue: list[bytes], took: list[float], bad: list[int], done: asyncio.Future[None]) -> None:
        self._queue = queue
        self._took = took
        self._bad = bad
        self._done = done
        self.ready = done.get_loop().create_future()
        self._left = 0.0
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports behave like asyncio's without descending from them.
        self._transport = cast(asyncio.Transport, transport)
        self.ready.set_result(None)

    def begin(self) -> None:
        """Send the next one."""
        if self._transport is None or not self._queue:
            if not self._done.done():
                self._done.set_result(None)
            return
        self._left = time.perf_counter()
        self._transport.write(self._queue.pop())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, rest = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        fields = (line.lower().partition(b":") for line in head.split(b"\r\n"))
        length = next((int(value) for name, _colon, value in fields if name == b"content-length"), 0)
        if len(rest) < length:
            return
        self._took.append(time.perf_counter() - self._left)
        if not head.startswith(b"HTTP/1.1 200"):
            self._bad.append(int(head[9:12]))
        self._buffer = b""
        self.begin()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed the connection"))


async def deliver(url: str, queue: Sequence[bytes], connections: int) -> Sent:
    """Send everything over so many connections."""
    address = urlsplit(url)
    host, port = address.hostname or "127.0.0.1", address.port or 80
    loop = asyncio.get_running_loop()
    left, took, bad = list(reversed(queue)), list[float](), list[int]()
    lines: list[Line] = []
    waits = [loop.create_future() for _ in range(connections)]
    for wait in waits:
        line = Line(left, took, bad, wait)
        await loop.create_connection(lambda line=line: line, host, port)  # type: ignore[misc]
        await line.ready
        lines.append(line)
    begun = time.perf_counter()
    for line in lines:
        line.begin()
    await asyncio.gather(*waits)
    seconds = time.perf_counter() - begun
    took.sort()
    return Sent(len(took) - len(bad), len(bad), seconds, took[len(took) // 2], took[len(took) * 99 // 100])


def main() -> None:
    """Entry of `python -m selaras.cli.child sender`."""
    parser = argparse.ArgumentParser(prog="sender", description=__doc__)
    parser.add_argument("--url", required=True, help="address for webhooks")
    parser.add_argument("--secret", required=True, help="secret that signs them")
    parser.add_argument("--count", type=int, required=True, help="deliveries")
    parser.add_argument("--connections", type=int, default=32, help="connections at once")
    arguments = parser.parse_args()
    queue = requests(arguments.url, arguments.secret, arguments.count)
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        sent = runner.run(deliver(arguments.url, queue, arguments.connections))
    sys.stdout.write(msgspec.json.encode(sent).decode() + "\n")
    sys.stdout.flush()
