"""How many webhooks a second become durable, and what one costs, beside the raw commits of the same disk.

    python benchmarks/webhooks.py [--seconds 8] [--connections 32] [--size 1200]

The server runs in a process of its own, pinned to one core where the system can do that; the sender runs on the others.
A delivery is signed (HMAC-SHA256), 1.2 KB long by default, names a record of its own, and counts when it was answered
with 200, that is, after its hint was committed with synchronous=FULL.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from selaras.connectors.contract import BadSignature, Capabilities, Hint, Webhook
from selaras.ledger import Desk, open_ledger
from selaras.ledger.values import RecordKey
from selaras.secrets import Vault
from selaras.sync.hub import Hub
from selaras.web.intake import WebhookIntake
from selaras.web.server import bound, listening, loop_factory

SECRET = b"a secret of the benchmark"


class Delivery(msgspec.Struct):
    id: int


class SignedStore:
    """A store that signs as most do: base64 HMAC-SHA256 over the body, in one header."""

    name = "store"
    capabilities = Capabilities(webhooks=True)

    def hints(self, webhook: Webhook) -> list[Hint]:
        given = webhook.headers.get("x-signature", "")
        right = base64.b64encode(hmac.new(SECRET, webhook.body, hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(given.encode(), right.encode()):
            raise BadSignature("bad signature")
        return [Hint("order", str(msgspec.json.decode(webhook.body, type=Delivery).id))]

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


async def serve(directory: Path) -> None:
    desk = Desk(open_ledger(directory, Vault.load(directory)))
    store: Any = SignedStore()
    intake = WebhookIntake(Hub(desk, {"store": store}, []), lambda name: None)

    async with listening(intake, bound()) as url:
        print(json.dumps({"port": int(url.rpartition(":")[2])}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps({"cpu": usage.ru_utime + usage.ru_stime, "rss_kb": usage.ru_maxrss}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await desk.close()


def requests(count: int, size: int, start: int) -> list[bytes]:
    made = []
    for number in range(start, start + count):
        body = json.dumps({"id": number, "filler": "x" * max(0, size - 40)}).encode()
        signature = base64.b64encode(hmac.new(SECRET, body, hashlib.sha256).digest())
        made.append(
            b"POST /webhooks/store HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nx-signature: "
            + signature
            + b"\r\nx-delivery: 1f7c\r\nuser-agent: benchmark\r\naccept: */*\r\ncontent-length: "
            + str(len(body)).encode()
            + b"\r\n\r\n"
            + body
        )
    return made


class Sender(asyncio.Protocol):
    """Sends one request after the other on one connection until the time is over."""

    def __init__(self, load: list[bytes], end: float) -> None:
        self.load, self.end = load, end
        self.sent = self.answered = self.refused = 0
        self.latencies: list[float] = []
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._next()

    def _next(self) -> None:
        self.started = time.perf_counter()
        if self.started >= self.end or self.sent == len(self.load):
            self.transport.close()
            return
        self.transport.write(self.load[self.sent])
        self.sent += 1

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 200"):
            self.answered += 1
        elif data.startswith(b"HTTP/1.1"):
            self.refused += 1
        if not data.endswith(b"ok\n"):
            return
        self.latencies.append(time.perf_counter() - self.started)
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


async def send(port: int, seconds: float, connections: int, loads: Sequence[list[bytes]]) -> list[Sender]:
    end = time.perf_counter() + seconds
    loop = asyncio.get_running_loop()
    senders = []
    for number in range(connections):
        _, sender = await loop.create_connection(lambda n=number: Sender(loads[n], end), "127.0.0.1", port)  # type: ignore[misc]
        senders.append(sender)
    await asyncio.gather(*(sender.closed for sender in senders))
    return senders


def raw_commits(directory: Path, seconds: float) -> float:
    """Commits of one hint each, in the ledger's own thread and nothing around them."""
    ledger = open_ledger(directory, Vault.load(directory))
    count, end = 0, time.perf_counter() + seconds
    start = time.perf_counter()
    while time.perf_counter() < end:
        with ledger.transaction():
            ledger.records.hint([RecordKey("raw", "order", str(count))], "webhook", count)
        count += 1
    rate = count / (time.perf_counter() - start)
    ledger.close()
    return rate


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--size", type=int, default=1200)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if given.serve:
        if len(cores) > 1:
            os.sched_setaffinity(0, {cores[0]})
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(serve(given.serve))
        return 0
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        before = raw_commits(Path(name, "raw"), 2.0)
        share = int(12_000 * given.seconds / given.connections)
        loads = [requests(share, given.size, n * share) for n in range(given.connections)]
        server = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(Path(name, "data"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert server.stdin is not None
        assert server.stdout is not None
        port = json.loads(server.stdout.readline())["port"]
        if len(cores) > 1:
            os.sched_setaffinity(0, set(cores[1:]))
        cpu = resource_of(server.pid)
        started = time.perf_counter()
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            senders = runner.run(send(port, given.seconds, given.connections, loads))
        took = time.perf_counter() - started
        server.stdin.write("\n")
        server.stdin.flush()
        usage = json.loads(server.stdout.readline())
        server.stdin.write("\n")
        server.stdin.close()
        server.wait(20)
        ledger = open_ledger(Path(name, "data"), Vault.load(Path(name, "data")), read_only=True)
        durable = ledger.db.rows("SELECT count(*) FROM hint")[0][0]
        ledger.close()
        after = raw_commits(Path(name, "raw"), 2.0)
    answered = sum(sender.answered for sender in senders)
    latencies = sorted(value for sender in senders for value in sender.latencies)
    print(
        f"answered 200: {answered} ({sum(s.refused for s in senders)} others), durable: {durable}\n"
        f"webhooks/s: {answered / took:,.0f} with {given.connections} connections\n"
        f"CPU per webhook: {(usage['cpu'] - cpu) / max(1, answered) * 1e6:,.0f} us\n"
        f"latency p50/p99: {latencies[len(latencies) // 2] * 1e3:.1f} / "
        f"{latencies[len(latencies) * 99 // 100] * 1e3:.1f} ms\n"
        f"raw commits/s, one hint each: {before:,.0f} before, {after:,.0f} after\n"
        f"peak memory: {usage['rss_kb'] / 1024:,.0f} MB"
    )
    return 0 if answered == durable else 1


def resource_of(pid: int) -> float:
    """CPU seconds that a process has used so far; 0 where the system does not tell."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
