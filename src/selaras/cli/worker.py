"""A hub in a process of its own, for `chaos` (which kills it) and `bench` (which measures it).

Prints one line of JSON with its address when it is at work. `/status` tells how far it is and what it has used,
`/look` brings the next polls forward; webhooks arrive under `/webhooks/`.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from selaras.cli.rig import Running, running
from selaras.web.server import loop_factory


class Status(msgspec.Struct, frozen=True):
    """How far a worker is. `cpu` seconds of this process, `calls` writes and look-ups sent, instants since 1970."""

    quiet: bool
    settled: int
    first_settled: float
    cpu: float
    peak_kib: int
    calls: int
    errors: list[str]


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    hubs: list[Running] = []

    async def status() -> Any:
        used = resource.getrusage(resource.RUSAGE_SELF)
        if not hubs:
            return Status(False, 0, 0.0, used.ru_utime + used.ru_stime, used.ru_maxrss, 0, [])
        hub = hubs[0]
        return Status(
            quiet=await hub.service.quiet(),
            settled=hub.settled,
            first_settled=hub.first_settled,
            cpu=used.ru_utime + used.ru_stime,
            peak_kib=used.ru_maxrss,
            calls=sum(dispatcher.calls for dispatcher in hub.service.dispatchers.values()),
            errors=[lane.error for lane in hub.service.lanes.values() if lane.error],
        )

    async def look() -> Any:
        if hubs:
            hubs[0].look_now()
        return {}

    extra = {"/status": status, "/look": look}
    async with running(arguments.data, port=arguments.port, webhooks=not arguments.no_webhooks, extra=extra) as hub:
        hubs.append(hub)
        sys.stdout.write(msgspec.json.encode({"url": hub.url}).decode() + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Entry of `python -m selaras.cli.child worker`."""
    parser = argparse.ArgumentParser(prog="worker", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data directory of the installation")
    parser.add_argument("--port", type=int, default=0, help="port for webhooks (0: any free one)")
    parser.add_argument("--no-webhooks", action="store_true", help="do not subscribe to webhooks; poll only")
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_run(parser.parse_args()))
