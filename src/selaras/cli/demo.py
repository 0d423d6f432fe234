"""`selaras demo`: the founding case twice, by hand and with Selaras, and what both systems say about it.

JSON (`--json`): {"seed", "ok", "acts": [{"act", "days": [{"day", "placed", "recorded", "recorded_pct",
"stock_accuracy_pct", "stockout_cancellations"}], "placed", "recorded", "recorded_pct", "stock_accuracy_pct",
"stockout_cancellations", "missing", "duplicated", "out_of_order", "sales_store", "sales_books", "money_store",
"money_books", "trial_balance", "unequal", "facts"}], "faults", "seconds"}. Amounts are decimal strings in rupiah.
Every figure is worked out from `/sandbox/truth` of the two systems, none from the hub's own tables.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
import time
import webbrowser
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.live import Live

from selaras.cli import base, rig
from selaras.cli.tables import acts_table
from selaras.i18n import N_, _, format_money
from selaras.sandbox.case import figures
from selaras.sandbox.case.door import CaseError, Door
from selaras.sandbox.case.people import fit_out
from selaras.sandbox.case.play import Act, play
from selaras.sandbox.case.script import TABLE, Case, make_case
from selaras.web.server import loop_factory

SEED: Final = 2018
# 30 of 100 events are lost; the books fail 10 calls of 100, half before and half after the effect.
STORE_FAULTS: Final = {"drop_webhook": 0.3}
BOOKS_FAULTS: Final = {"fail_before": 0.05, "fail_after": 0.05}
SCHEDULES: Final = {
    "order": "every 5s", "stock": "every 5s", "bank_transaction": "every 5s", "contact": "every 60s",
    "reread": "every 30s", "webhooks": "every 30s",
}  # fmt: skip
_ZONE: Final = "Asia/Jakarta"
Table = Sequence[tuple[dt.date, int, int]]
State = dict[str, Any]
Told = Callable[["Stage"], None]
Ready = Callable[[str, dict[str, Any] | None], None]


def act_facts(number: int, act: Act) -> dict[str, Any]:
    """One act as it stands in the JSON answer."""
    proof = msgspec.structs.asdict(act.proof)
    proof.pop("orders")
    return {"act": number, "days": act.days, **act.total, **proof, "facts": act.facts}


def good(act: Act) -> bool:
    """Whether an act met the three objectives and its books are right to the last rupiah."""
    total = act.total
    return (
        total["recorded"] == total["placed"]
        and total["stock_accuracy_pct"] == 100
        and total["stockout_cancellations"] == 0
        and act.proof.right
    )


class Stage:
    """The state of a demo that screens show: `shown` has the shape that the hub's page reads."""

    def __init__(self, case: Case, told: Callable[[], None]) -> None:
        self.case = case
        self.acts: list[dict[str, Any]] = []
        self.shown: State = {"acts": self.acts, "phase": "waiting", "progress": 0}
        self._told = told

    def begin(self, phase: str, name: str) -> None:
        """A new act begins."""
        self.acts.append({"name": name, "days": [], "total": {}})
        self.shown["phase"] = phase
        self._told()

    def step(self, days: list[figures.Day], placed: int, of: int) -> None:
        """Something happened in the running act."""
        act = self.acts[-1]
        act["days"] = [msgspec.to_builtins(day, builtin_types=()) for day in days]
        act["placed"], act["of"] = placed, of
        # The last order placed is not the end: its money and its parcel are still to come.
        share = 1.0 if act["total"] else 0.95 * placed / max(1, of)
        self.shown["progress"] = round((len(self.acts) - 1 + share) * 50)
        self._told()

    def end(self, act: Act) -> None:
        """The running act is over."""
        self.acts[-1]["total"] = msgspec.to_builtins(act.total)
        self.step(act.days, act.total["placed"], act.total["placed"])


async def act_one(stage: Stage, logs: Path) -> Act:
    """As it was: orders are typed in the evening, the store's stock is never updated."""
    stage.begin("act 1", _("Act one: as it was"))

    async def no_hub() -> None:
        return

    async with (
        rig.sandbox(logs, seed=stage.case.seed) as box,
        Door(box.store.url, box.store.facts["admin_key"]) as store,
        Door(box.books.url, box.books.facts["admin_key"]) as books,
    ):
        supplier = await fit_out(stage.case, store, books)
        act = await play(stage.case, store, books, supplier, no_hub, stage.step, by_hand=True)
    stage.end(act)
    return act


async def act_two(
    stage: Stage, store: Door, books: Door, supplier: str, settle: Callable[[], Awaitable[None]]
) -> tuple[Act, dict[str, Any]]:
    """The same people and the same orders, with a hub between two systems that misbehave."""
    stage.begin("act 2", _("Act two: with Selaras"))
    await store.post("/sandbox/faults", STORE_FAULTS)
    await books.post("/sandbox/faults", BOOKS_FAULTS)
    act = await play(stage.case, store, books, supplier, settle, stage.step, by_hand=False)
    webhooks = (await store.get("/sandbox/truth"))["webhooks"]
    failed = (await books.get("/sandbox/faults"))["counts"]
    stage.end(act)
    stage.shown["phase"] = "done"
    faults = {
        "webhooks": webhooks["events"],
        "webhooks_dropped": webhooks["dropped"],
        "books_failed_before": failed.get("fail_before", 0),
        "books_failed_after": failed.get("fail_after", 0),
    }
    return act, faults


async def perform(
    seed: int, table: Table, told: Told, *, port: int = 0, ready: Ready | None = None, stay: bool = False
) -> dict[str, Any]:
    """Both acts, one after the other; gives the JSON answer. Raises `RigError` or `CaseError`.

    `told` hears of every step. `ready` is told the address of the hub's page before the first act; with `stay` the hub
    is served on after the second until the task is cancelled (Ctrl-C), and `ready` hears the answer first.
    """
    begun = time.monotonic()
    stage = Stage(make_case(seed, table), lambda: told(stage))
    with rig.scratch() as scratch:
        async with (
            rig.sandbox(scratch, seed=seed) as box,
            Door(box.store.url, box.store.facts["admin_key"]) as store,
            Door(box.books.url, box.books.facts["admin_key"]) as books,
        ):
            # The shop is older than the hub.
            supplier = await fit_out(stage.case, store, books)
            data = scratch / "data"
            rig.install(data, box, schedules=SCHEDULES, zone=_ZONE, books={"visibility_lag": "0.2"})
            async with rig.running(data, port=port, shown={"demo": stage.shown}) as hub:
                if ready is not None:
                    ready(hub.url + "/demo", None)
                first = await act_one(stage, scratch)
                second, faults = await act_two(stage, store, books, supplier, hub.settle)
                result = answer(seed, first, second, faults, time.monotonic() - begun)
                if stay:
                    if ready is not None:
                        ready(hub.url + "/demo", result)
                    await _until_cancelled()
    return result


async def _until_cancelled() -> None:
    """Serve on until Ctrl-C, which ends this task in good order instead of as an error."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()


def answer(seed: int, first: Act, second: Act, faults: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The JSON answer of the command."""
    return {
        "seed": seed,
        "ok": good(second),
        "acts": [act_facts(1, first), act_facts(2, second)],
        "faults": faults,
        "seconds": round(seconds, 1),
    }


def encode(result: Any) -> str:
    """JSON with percentages as numbers."""
    return msgspec.json.format(msgspec.json.Encoder(decimal_format="number").encode(result)).decode()


@base.command("demo", help=N_("Play the founding case twice, by hand and with Selaras, and compare."))
@base.option("--headless", is_flag=True, help=N_("No browser and no page: play, print, end."))
@base.option("--json", "as_json", is_flag=True, help=N_("Print the figures as JSON (implies --headless)."))
@base.option("--no-browser", is_flag=True, help=N_("Serve the page, but open no browser."))
@base.option("--port", type=click.IntRange(0, 65535), default=0, help=N_("Port of the page (0: any free one)."))
@base.option("--seed", type=int, default=SEED, show_default=True, help=N_("Seed of buyers, goods and faults."))
def command(headless: bool, as_json: bool, no_browser: bool, port: int, seed: int) -> None:
    """The founding case."""
    screen = Screen(Console(stderr=as_json), quiet=as_json, browser=not no_browser)
    stay = not (headless or as_json)
    try:
        with screen, asyncio.Runner(loop_factory=loop_factory()) as runner:
            result = runner.run(
                perform(seed, TABLE, screen.told, port=port, ready=screen.ready if stay else None, stay=stay)
            )
    except (rig.RigError, CaseError) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(base.INTERRUPTED) from None
    if as_json:
        click.echo(encode(result))
    elif not stay:
        screen.verdict(result)
    sys.exit(base.FINE if result["ok"] else base.NEEDS_A_PERSON)


class Screen:
    """The terminal: a live table of both acts, the address of the page, and in the end the verdict."""

    def __init__(self, console: Console, *, quiet: bool, browser: bool) -> None:
        self._console = console
        self._quiet = quiet
        self._browser = browser
        self._live = Live(console=console, refresh_per_second=4)

    def __enter__(self) -> Screen:
        if not self._quiet:
            self._live.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._live.stop()

    def told(self, stage: Stage) -> None:
        """Show how far it is."""
        if not self._quiet:
            self._live.update(acts_table(stage.shown))

    def ready(self, url: str, result: dict[str, Any] | None) -> None:
        """The page can be looked at; at the end again, with the verdict."""
        if result is None:
            self._console.print(_("Watch it at %(url)s", url=url))
            if self._browser:
                webbrowser.open(url)
            return
        self._live.stop()
        self.verdict(result)
        self._console.print(_("The page stays at %(url)s until Ctrl-C.", url=url))

    def verdict(self, result: dict[str, Any]) -> None:
        """One sentence about act two."""
        act, faults = result["acts"][1], result["faults"]
        text = _(
            "Act two: %(recorded)s of %(placed)s orders recorded, sales of %(sales)s on both sides, with %(dropped)s "
            "webhooks lost and %(failed)s calls of the books failed (%(seconds)s s).",
            recorded=act["recorded"],
            placed=act["placed"],
            sales=format_money(Decimal(act["sales_books"]), "IDR"),
            dropped=faults["webhooks_dropped"],
            failed=faults["books_failed_before"] + faults["books_failed_after"],
            seconds=result["seconds"],
        )
        if not result["ok"]:
            text = _("Act two missed its goals: missing %(missing)s, doubled %(doubled)s, unequal %(unequal)s.",
                     missing=act["missing"], doubled=act["duplicated"], unequal=len(act["unequal"]))  # fmt: skip
        self._console.print(text)
