"""`selaras chaos`: orders arrive while both systems misbehave and the hub is killed again and again (kill -9).

JSON (`--json`): {"ok", "orders", "seeds": [{"seed", "ok", "orders", "actions", "kills", "missing", "duplicated",
"out_of_order", "unequal", "blocked", "sales_store", "sales_books", "money_store", "money_books", "trial_balance",
"first_settled_seconds", "quiet_seconds", "faults", "seconds"}], "seconds"}. `first_settled_seconds` is the longest time
from a restart to the first posting that came to its end, `quiet_seconds` the time from the last restart until nothing
was left to do. What stands in store and books is read from their `/sandbox/truth`.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import click
import msgspec
from rich.console import Console

from selaras.cli import base, rig
from selaras.cli.demo import encode
from selaras.cli.worker import Status
from selaras.i18n import N_, _
from selaras.ledger.ledger import Ledger
from selaras.sandbox.case import figures, traffic
from selaras.sandbox.case.door import CaseError, Door
from selaras.sync.installation import open_installation
from selaras.web.server import loop_factory

STORE_FAULTS: Final = {
    "drop_webhook": 0.3, "repeat_webhook": 0.2, "reorder_webhook": 0.1, "delay_webhook": 0.1, "fail_before": 0.03,
    "fail_after": 0.03, "throttle": 0.01, "throttle_seconds": 0.2, "slow": 0.02, "slow_seconds": 0.2, "search_lag": 1.0,
}  # fmt: skip
BOOKS_FAULTS: Final = {
    "fail_before": 0.05, "fail_after": 0.05, "half_batch": 0.05, "throttle": 0.02, "throttle_seconds": 0.2,
    "expire_tokens": 0.01, "slow": 0.02, "slow_seconds": 0.3, "search_lag": 1.0,
}  # fmt: skip
SCHEDULES: Final = {
    "order": "every 2s", "bank_transaction": "every 2s", "stock": "every 5s", "contact": "every 30s",
    "reread": "every 30s", "webhooks": "every 5s",
}  # fmt: skip
# The answer to a refresh dies with the process that asked. Where a refresh token works once and never again, only a
# person can sign in after that; the books here forgive it for a while, as Xero does for half an hour.
_GRACE: Final = 120
RECOVERY_SECONDS: Final = 60.0
KILLS: Final = 5
# A worker that is killed before it could begin proves nothing.
_LEAST_LIFE: Final = 1.6
_PER_SECOND: Final = 250
_QUIET_SECONDS: Final = 150.0
# Longer than the lists of either side lag, and than the pauses of the hub's own lanes.
_CALM: Final = 1.6


class Victim:
    """The worker that is killed: the same data directory and the same port every time."""

    def __init__(self, data: Path, logs: Path, *more: str) -> None:
        self._arguments = ["--data", str(data), "--port", str(_free_port()), *more]
        self._logs = logs
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        self.child: rig.Child | None = None
        self.started_at = 0.0
        self.first_settled: list[float] = []

    async def start(self) -> None:
        """Start it (again)."""
        self.started_at = time.time()
        self.child = await rig.start("worker", self._arguments, self._logs)

    async def status(self) -> Status | None:
        """How far it is; None when it does not answer just now."""
        if self.child is None:
            return None
        try:
            async with self._session.get(self.child.url + "/status") as answer:
                return msgspec.json.decode(await answer.read(), type=Status)
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError):
            return None

    @property
    def url(self) -> str:
        """Where it answers. Raises `RigError` while it is dead."""
        if self.child is None:
            raise rig.RigError("the hub is not running")
        return self.child.url

    async def ask(self, path: str) -> None:
        """Call one of its own paths. Raises `RigError` when it does not answer."""
        try:
            async with self._session.get(self.url + path) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise rig.RigError(f"the hub does not answer: {str(error) or type(error).__name__}") from None

    async def kill(self) -> None:
        """kill -9, with whatever it was doing."""
        await self.note()
        if self.child is not None:
            await self.child.kill()
            self.child = None

    async def note(self) -> None:
        """Remember how long this life took to settle its first posting."""
        status = await self.status()
        if status is not None and status.first_settled:
            self.first_settled.append(status.first_settled - self.started_at)

    async def until_quiet(self, calm: float = _CALM, *, look: bool = True) -> float:
        """Seconds from the last start until nothing was left to do, and stayed so for `calm` seconds.

        With `look` the next polls are brought forward once: what lists did not show a moment ago they may show now.
        Raises `RigError` when quiet never comes.
        """
        end, quiet_at = time.monotonic() + _QUIET_SECONDS, 0.0
        status: Status | None = None
        while time.monotonic() < end:
            await asyncio.sleep(0.1)
            status = await self.status()
            if status is None or not status.quiet:
                quiet_at = 0.0
                continue
            if not quiet_at:
                quiet_at = time.time()
                if look:
                    await self.ask("/look")
            elif time.time() - quiet_at > calm:
                await self.note()
                return quiet_at - self.started_at
        raise rig.RigError(f"the hub was still busy after {_QUIET_SECONDS:g} s: {status}")

    async def close(self) -> None:
        """End it."""
        if self.child is not None:
            await self.child.stop()
        await self._session.close()


def _free_port() -> int:
    """Below the ports that outgoing connections are given: one of those would sit on it while the hub is dead."""
    for port in random.SystemRandom().sample(range(20_000, 30_000), 1_000):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise rig.RigError("no port from 20000 to 29999 is free")


async def one_seed(
    seed: int, orders: int, kills: int, told: Callable[[str], None], keep: Path | None = None
) -> dict[str, Any]:
    """One run: fresh systems, a fresh installation, its own random moments. Raises `RigError`, `CaseError`.

    With `keep` the data directory, the logs and both truths stay there afterwards.
    """
    begun = time.monotonic()
    draw = random.Random(f"{seed}:kills")  # noqa: S311 - a replayable choice, not a secret
    with rig.scratch(keep) as scratch:
        data = scratch / "data"
        async with (
            rig.sandbox(scratch, seed=seed, books={"refresh_grace": _GRACE}) as box,
            Door(box.store.url, box.store.facts["admin_key"]) as store,
            Door(box.books.url, box.books.facts["admin_key"]) as books,
        ):
            await traffic.fit_out(store, books)
            rig.install(data, box, schedules=SCHEDULES, books={"visibility_lag": "1.2"}, store={"overlap": "4"})
            victim = Victim(data, scratch)
            try:
                await victim.start()
                await store.post("/sandbox/faults", {**STORE_FAULTS, "seed": seed})
                await books.post("/sandbox/faults", {**BOOKS_FAULTS, "seed": seed})
                stream = traffic.Traffic(seed, orders, store, books)
                await _storm(stream, victim, draw, kills, told)
                await victim.kill()
                await victim.start()
                quiet = await victim.until_quiet()
            finally:
                await asyncio.shield(victim.close())
            truths = await _truths(store, books)
            proof = figures.prove(*truths)
            if keep is not None:
                (keep / "truths.json").write_bytes(msgspec.json.encode(truths))
            faults = {
                "store": (await store.get("/sandbox/faults"))["counts"],
                "books": (await books.get("/sandbox/faults"))["counts"],
            }
        blocked = _blocked(data)
    longest = max(victim.first_settled, default=0.0)
    recovered = quiet <= RECOVERY_SECONDS and longest <= RECOVERY_SECONDS
    return {
        "seed": seed,
        "ok": proof.right and not blocked and recovered,
        **msgspec.structs.asdict(proof),
        "actions": dict(stream.actions),
        "kills": kills + 1,
        "blocked": blocked,
        "first_settled_seconds": round(longest, 2),
        "quiet_seconds": round(quiet, 2),
        "faults": faults,
        "seconds": round(time.monotonic() - begun, 1),
    }


async def _storm(
    stream: traffic.Traffic, victim: Victim, draw: random.Random, kills: int, told: Callable[[str], None]
) -> None:
    """Orders and their changes, with the worker killed at random steps and started again."""
    seconds = max(_LEAST_LIFE * (kills + 1), stream.steps / _PER_SECOND)
    pause = seconds / max(1, stream.steps)
    moments = set(draw.sample(range(stream.steps), min(kills, stream.steps)))
    restarting: asyncio.Task[None] | None = None
    done, begun = 0, time.monotonic()

    async def again(after: float) -> None:
        await victim.kill()
        await asyncio.sleep(after)
        await victim.start()

    try:
        async for _step in stream.run():
            if done in moments:
                if restarting is not None:
                    await restarting
                restarting = asyncio.create_task(again(draw.uniform(0.0, 0.5)))
            done += 1
            if done % 50 == 0:
                told(f"{done}/{stream.steps}")
            ahead = begun + done * pause - time.monotonic()
            if ahead > 0:
                await asyncio.sleep(ahead)
    finally:
        if restarting is not None:
            await restarting


async def _truths(store: Door, books: Door) -> tuple[Any, Any]:
    parts = "sales,duplicates,totals,trial_balance"
    return await store.get("/sandbox/truth"), await books.get(f"/sandbox/truth?parts={parts}")


def _blocked(data: Path) -> dict[str, int]:
    """Postings that wait for a person, by cause: none is expected here."""
    ledger: Ledger = open_installation(data, read_only=True)
    try:
        rows = ledger.db.rows("SELECT cause, count(*) FROM posting WHERE state = 3 GROUP BY cause")
        return {str(cause): int(count) for cause, count in rows}
    finally:
        ledger.close()


def seeds_of(text: str) -> list[int]:
    """`3` or `1-10`. Raises `click.BadParameter`."""
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text.strip())
    if found is None or int(found[2] or found[1]) < int(found[1]):
        raise click.BadParameter(_("%(text)s is neither a seed nor a range such as 1-10", text=text))
    return list(range(int(found[1]), int(found[2] or found[1]) + 1))


@base.command("chaos", help=N_("Kill the hub again and again while everything else misbehaves; then compare."))
@base.option("--orders", type=click.IntRange(min=1), default=300, show_default=True, help=N_("Orders for each seed."))
@base.option("--seeds", default="1-3", show_default=True, help=N_("A seed, or a range such as 1-10."))
@base.option("--kills", type=click.IntRange(min=0), default=KILLS, show_default=True,
              help=N_("Kills for each seed while orders arrive; one more follows at the end."))  # fmt: skip
@base.option("--keep", type=click.Path(file_okay=False, path_type=Path),
             help=N_("Keep data directories and truths in this folder, to look into what went wrong."))  # fmt: skip
@base.option("--json", "as_json", is_flag=True, help=N_("Print the figures as JSON."))
def command(orders: int, seeds: str, kills: int, keep: Path | None, as_json: bool) -> None:
    """Chaos."""
    console = Console(stderr=True)
    wanted = seeds_of(seeds)
    begun = time.monotonic()
    results: list[dict[str, Any]] = []
    for seed in wanted:
        with console.status(_("seed %(seed)s", seed=seed)) as status:

            def told(text: str, seed: int = seed) -> None:
                status.update(_("seed %(seed)s: %(text)s steps", seed=seed, text=text))

            try:
                with asyncio.Runner(loop_factory=loop_factory()) as runner:
                    folder = keep / f"seed-{seed}" if keep is not None else None
                    result = runner.run(one_seed(seed, orders, kills, told, folder))
            except (rig.RigError, CaseError) as error:
                raise click.ClickException(_("seed %(seed)s: %(error)s", seed=seed, error=error)) from None
            except KeyboardInterrupt:
                raise SystemExit(130) from None
        results.append(result)
        console.print(_line(result))
        for wrong in () if result["ok"] else _wrongs(result):
            console.print(f"    {wrong}")
    ok = all(result["ok"] for result in results)
    if as_json:
        seconds = round(time.monotonic() - begun, 1)
        click.echo(encode({"ok": ok, "orders": orders, "seeds": results, "seconds": seconds}))
    sys.exit(0 if ok else 1)


def _line(result: dict[str, Any]) -> str:
    verdict = _("right") if result["ok"] else _("WRONG")
    return _(
        "seed %(seed)s: %(verdict)s. %(orders)s orders, %(kills)s kills, missing %(missing)s, doubled %(duplicated)s, "
        "out of order %(out_of_order)s; first posting after %(first)s s, quiet after %(quiet)s s",
        verdict=verdict, first=result["first_settled_seconds"], quiet=result["quiet_seconds"],
        **{name: result[name] for name in ("seed", "orders", "kills", "missing", "duplicated", "out_of_order")},
    )  # fmt: skip


def _wrongs(result: dict[str, Any]) -> list[str]:
    """What is wrong, in a few lines."""
    said = [f"{what}: {result[f'{what}_store']} / {result[f'{what}_books']}" for what in ("sales", "money")
            if result[f"{what}_store"] != result[f"{what}_books"]]  # fmt: skip
    said += [f"blocked: {cause} {count}" for cause, count in result["blocked"].items()]
    return said + list(result["unequal"][:10])
