"""A hub in a process of its own, for `chaos` (which kills it) and `bench` (which measures it).

Prints one line of JSON with its address when it is at work. `/status` tells how far it is and what it has used,
`/look` brings the next polls forward, `/hint` says that orders have news; webhooks arrive under `/webhooks/`.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import signal
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from selaras.cli.rig import STORE, Running, running
from selaras.ledger.values import RecordKey
from selaras.web.server import loop_factory


class Status(msgspec.Struct, frozen=True):
    """How far a worker is. `cpu` seconds of this process, `calls` writes and look-ups sent, instants since 1970."""

    quiet: bool
    settled: int
    first_settled: float
    last_settled: float
    cpu: float
    peak_kib: int
    calls: int
    errors: list[str]
    busy: list[str] = []


def usage() -> tuple[float, int]:
    """Seconds of processor that this process has used, all its threads included, and its largest size in KiB."""
    if sys.platform == "win32":
        return time.process_time(), 0
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_maxrss // (1024 if sys.platform == "darwin" else 1)


def busy(hub: Running) -> list[str]:
    """What keeps the hub from being quiet, in a few words (in the ledger's thread)."""
    found = [f"lane {lane.name}" for lane in hub.service.lanes.values() if not lane.idle]
    found += [f"stock {code}" for flow in hub.service.stocks.values() for code in sorted(flow.wanted)[:3]]
    rows = hub.ledger.db.rows
    found += [
        f"{target} {stream} {key}: state {state}, tries {tries}, due in {(due - hub.hub.now()) / 1e6:.1f} s, {message}"
        for target, stream, key, state, tries, due, message in rows(
            "SELECT target, stream, key, state, tries, due, message FROM posting WHERE state < 2 ORDER BY id LIMIT 3"
        )
    ]
    hints = rows("SELECT kind, id, message FROM hint LIMIT 3")
    found += [f"hint {kind} {number}: {text}" for kind, number, text in hints]
    found += [
        f"unplanned {kind} {number}"
        for kind, number in rows(
            """SELECT kind, id FROM record WHERE planned < version
            AND kind IN ('order', 'bank_transaction', 'receipt', 'journal') LIMIT 3"""
        )
    ]
    return found


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows: the process is ended from outside
            break
    hubs: list[Running] = []

    async def status(asked: dict[str, str]) -> Any:
        cpu, peak = usage()
        if not hubs:
            return Status(False, 0, 0.0, 0.0, cpu, peak, 0, [])
        hub = hubs[0]
        return Status(
            quiet=await hub.service.quiet(),
            settled=hub.settled,
            first_settled=hub.first_settled,
            last_settled=hub.last_settled,
            cpu=cpu,
            peak_kib=peak,
            calls=sum(dispatcher.calls for dispatcher in hub.service.dispatchers.values()),
            errors=[lane.error for lane in hub.service.lanes.values() if lane.error],
            busy=await hub.hub.desk(busy, hub),
        )

    async def look(asked: dict[str, str]) -> Any:
        if hubs:
            hubs[0].look_now()
        return {}

    async def hint(asked: dict[str, str]) -> Any:
        """Order ids `first` to `last` of the store have news, as if a webhook had said so for each."""
        hub = hubs[0]
        ids = range(int(asked["first"]), int(asked["last"]) + 1)
        keys = [RecordKey(STORE, "order", str(number)) for number in ids]
        await hub.hub.desk.hint(keys, "webhook", hub.hub.now())
        hub.service.wake(STORE)
        return {"hints": len(keys)}

    extra = {"/status": status, "/look": look, "/hint": hint}
    data, port = arguments.data, arguments.port
    async with running(data, port=port, webhooks=arguments.webhooks, idle=arguments.idle, extra=extra) as hub:
        hubs.append(hub)
        sys.stdout.write(msgspec.json.encode({"url": hub.url}).decode() + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Entry of `python -m selaras.cli.child worker`."""
    parser = argparse.ArgumentParser(prog="worker", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data directory of the installation")
    parser.add_argument("--port", type=int, default=0, help="port for webhooks (0: any free one)")
    parser.add_argument("--no-webhooks", dest="webhooks", action="store_false", help="do not subscribe to webhooks")
    parser.add_argument("--idle", action="store_true", help="take webhooks in, read and send nothing")
    parser.add_argument("--profile", type=Path, help="write a cProfile of the whole life to this file")
    arguments = parser.parse_args()
    profile = cProfile.Profile() if arguments.profile else None
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        if profile is None:
            runner.run(_run(arguments))
            return
        profile.runcall(runner.run, _run(arguments))
    profile.dump_stats(arguments.profile)
