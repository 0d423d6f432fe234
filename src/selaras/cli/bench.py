"""`selaras bench`: what this machine can do, measured on real servers in processes of their own.

JSON (`--json`), always with "machine" {"cpu", "cores", "python", "system"}, "what" and "ok":
`intake`: "webhooks", "connections", "per_second", "median_ms", "p99_ms", "durable", "raw_commits_per_second", "cpu_ms";
`posting`: "orders", "documents_per_order", "documents", "seconds", "per_second", "cpu_ms_per_order",
"cpu_ms_of_sandbox", "peak_mib", "calls", "least_calls", "calls_ratio"; `connectors`: "walk", "write", "limit" (see
`benches.py`) and "tryton" (`bench_peers.py`): orders per second into a real Tryton beside its ceiling.
"""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from selaras.cli import base, bench_peers, benches, rig
from selaras.cli.demo import encode
from selaras.i18n import N_
from selaras.sandbox.case.door import CaseError
from selaras.web.server import loop_factory

_AS_JSON: Final = base.option("--json", "as_json", is_flag=True, help=N_("Print the figures as JSON."))


def machine() -> dict[str, Any]:
    """What it was measured on."""
    cpu = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    except OSError:
        cpu = cpu or platform.machine()
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def _run(what: str, work: Callable[[], Coroutine[Any, Any, dict[str, Any]]], as_json: bool) -> None:
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            measured = runner.run(work())
    except (rig.RigError, CaseError) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(base.INTERRUPTED) from None
    result = {"what": what, **measured, "machine": machine()}
    if as_json:
        click.echo(encode(result))
    else:
        _show(result)
    sys.exit(base.FINE if result["ok"] else base.NEEDS_A_PERSON)


def _show(result: Mapping[str, Any]) -> None:
    console = Console()
    for name, value in result.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {part}" for key, part in value.items())
        console.print(f"{name.replace('_', ' '):>24}  {value}", soft_wrap=True, highlight=False)


@base.group("bench", help=N_("Measure on this machine: durable webhooks, posting, connectors."))
def command() -> None:
    """Benches."""


@command.command("intake", help=N_("Durable webhooks for each second, through the real server."))
@base.option("--webhooks", type=click.IntRange(min=100), default=30_000, show_default=True, help=N_("Deliveries."))
@base.option("--connections", type=click.IntRange(1, 1000), default=32, show_default=True, help=N_("Connections."))
@_AS_JSON
def intake(webhooks: int, connections: int, as_json: bool) -> None:
    """Durable webhooks."""
    _run("intake", lambda: benches.intake(webhooks, connections), as_json)


@command.command("posting", help=N_("Orders for each second, from the event to the last of their documents."))
@base.option("--orders", type=click.IntRange(min=100), default=20_000, show_default=True, help=N_("Orders."))
@base.option("--profile", type=click.Path(dir_okay=False, path_type=Path),
             help=N_("Also write a profile (cProfile) of the hub to this file; it slows the hub down."))  # fmt: skip
@_AS_JSON
def posting(orders: int, profile: Path | None, as_json: bool) -> None:
    """Orders to books."""
    _run("posting", lambda: benches.posting(orders, profile), as_json)


@command.command("connectors", help=N_("Calls, processor time and the use of a rate limit, connector by connector."))
@base.option("--records", type=click.IntRange(min=200), default=10_000, show_default=True, help=N_("Records."))
@base.option("--tryton", "orders", type=click.IntRange(min=0), default=100, show_default=True,
             help=N_("Orders in each run into a real Tryton, beside a bare client; 0 leaves it out."))  # fmt: skip
@base.option("--runs", type=click.IntRange(1, 20), default=3, show_default=True, help=N_("Runs into Tryton."))
@_AS_JSON
def connectors(records: int, orders: int, runs: int, as_json: bool) -> None:
    """Connectors."""

    async def both() -> dict[str, Any]:
        alone = await benches.connectors(records)
        beside = await bench_peers.tryton(orders, runs) if orders else {"ok": True}
        return {**alone, "ok": alone["ok"] and beside["ok"], "tryton": beside}

    _run("connectors", both, as_json)
