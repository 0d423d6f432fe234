"""`selaras replay`: a real retailer's invoices through store, hub and books, accounted for to the penny.

JSON (`--json`): {"ok", "currency", "source", "posted", "blocked", "skipped": {"documents", "total"}, "missing",
"duplicated", "unequal", "pairs_accepted", "rules": [{"state", "cause", "documents", "total", "message", "cure",
"examples"}], "books": {"invoices", "credit_notes", "net", "trial_balance"}, "lines", "faults", "seconds"}. Amounts are
decimal strings in pounds sterling. What was posted is read from the books' `/sandbox/truth`, what the source holds from
the file.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from selaras.cli import base, rig
from selaras.cli.demo import encode
from selaras.cli.show import state_word
from selaras.i18n import N_, _, format_money
from selaras.ledger.ledger import Ledger
from selaras.ledger.values import MICROSECOND
from selaras.model.money import ZERO
from selaras.rules.explain import translated
from selaras.rules.plan_types import Policy
from selaras.sandbox.case import invoices
from selaras.sandbox.case.door import CaseError, Door
from selaras.sandbox.case.invoices import Invoice
from selaras.sync.installation import open_installation
from selaras.web.server import loop_factory

ENV: Final = "SELARAS_UCI"
FULL: Final = "online_retail_2010-12_2011-12.csv.gz"
STORE_FAULTS: Final = {
    "drop_webhook": 0.3, "repeat_webhook": 0.1, "fail_before": 0.03, "throttle": 0.01, "throttle_seconds": 0.2,
}  # fmt: skip
BOOKS_FAULTS: Final = {
    "fail_before": 0.05, "fail_after": 0.05, "half_batch": 0.03, "throttle": 0.02, "throttle_seconds": 0.2,
    "search_lag": 0.8,
}  # fmt: skip
SCHEDULES: Final = {"order": "every 2s", "contact": "every 60s", "reread": "every 1h", "stock": "every 1h"}
_CHUNK: Final = 250
Told = Callable[[str, int, int], None]


class Held(msgspec.Struct, frozen=True):
    """Why a document of the source is not in the books: blocked or skipped, by which rule."""

    state: str
    cause: str
    message: str
    cure: str


async def replay(source: Sequence[Invoice], seed: int | None, told: Told) -> dict[str, Any]:
    """Feed the documents through a fresh sandbox and prove what became of each. Raises `RigError`, `CaseError`."""
    begun = time.monotonic()
    policy = Policy(invoice_at="order", accounts=rig.ACCOUNTS, zone=invoices.ZONE, walk_in="walk-in")
    shop = {"currency": invoices.CURRENCY, "zone": invoices.ZONE}
    faulty = seed is not None
    with rig.scratch() as scratch:
        data = scratch / "data"
        async with (
            rig.sandbox(scratch, seed=seed or 0, store=shop, books=shop) as box,
            Door(box.store.url, box.store.facts["admin_key"]) as store,
            Door(box.books.url, box.books.facts["admin_key"]) as books,
        ):
            await _catalogue(books, source)
            lag = {"visibility_lag": "1.2" if faulty else "0.2"}
            rig.install(data, box, policy=policy, schedules=SCHEDULES, zone=invoices.ZONE, books=lag)
            pairs = _accept_pairs(data, source)
            async with rig.running(data) as hub:
                await _subscribed(store)
                if faulty:
                    await store.post("/sandbox/faults", STORE_FAULTS)
                    await books.post("/sandbox/faults", BOOKS_FAULTS)
                await _feed(store, source, told)
                await _until_quiet(hub, len(source), told)
                held = await hub.hub.desk(_held, hub.ledger)
            truth = await books.get("/sandbox/truth?parts=references,totals,trial_balance,counts")
            counts = {
                "store": (await store.get("/sandbox/faults"))["counts"],
                "books": (await books.get("/sandbox/faults"))["counts"],
            }
    result = account(source, held, truth)
    return {**result, "pairs_accepted": pairs, "faults": counts, "seconds": round(time.monotonic() - begun, 1)}


async def _catalogue(books: Door, source: Sequence[Invoice]) -> None:
    products = list(invoices.products(source))
    for start in range(0, len(products), _CHUNK):
        answer = await books.post("/sandbox/seed", {"products": products[start : start + _CHUNK]})
        for result in answer["products"]:
            if not result["ok"]:
                raise CaseError(f"the books did not take a product: {result['message']}")


def _accept_pairs(data: Path, source: Sequence[Invoice]) -> int:
    """What an admin does once before going live: codes that differ in capitals alone are the same article (M3)."""
    codes = {item.code for invoice in source for item in invoice.items}
    typed = sorted(code for code in codes if invoices.article(code) and code != code.upper())
    ledger = open_installation(data)
    try:
        with ledger.transaction():
            now = int(time.time() * MICROSECOND)
            for code in typed:
                ledger.connections.decide(rig.STORE, "product", code, code.upper(), "the same code in capitals", now)
    finally:
        ledger.close()
    return len(typed)


async def _subscribed(store: Door) -> None:
    """Wait until the store knows where its webhooks go; the sweep would find the documents all the same."""
    for _attempt in range(300):
        if (await store.get("/sandbox/truth"))["webhooks"]["subscriptions"]:
            return
        await asyncio.sleep(0.1)


async def _feed(store: Door, source: Sequence[Invoice], told: Told) -> None:
    for start in range(0, len(source), _CHUNK):
        chunk = [invoices.as_order(invoice) for invoice in source[start : start + _CHUNK]]
        await store.post("/sandbox/orders", {"orders": chunk, "webhooks": True})
        told("fed", min(start + _CHUNK, len(source)), len(source))


async def _until_quiet(hub: rig.Running, documents: int, told: Told) -> None:
    """Wait until the hub has nothing left to do; give up only when nothing moves for two minutes."""
    moved, settled = time.monotonic(), -1
    while True:
        hub.look_now()
        if await hub.service.settle(2.0):
            return
        done = await hub.hub.desk(_done, hub.ledger)
        told("settled", done, documents)
        if hub.settled != settled:
            moved, settled = time.monotonic(), hub.settled
        elif time.monotonic() - moved > 120:
            await hub.settle(1.0)


def _done(ledger: Ledger) -> int:
    """Documents of the source of which nothing waits any more."""
    return sum(c.posted + c.blocked + c.skipped for c in ledger.coverage.cells(rig.STORE, "order"))


def _held(ledger: Ledger) -> dict[str, Held]:
    """What the hub blocked or skipped, by the document's number, with the rule that did it."""
    rows = ledger.db.rows(
        """SELECT r.number, p.state, p.cause, p.message, p.cure FROM posting p JOIN record r
        ON r.connection = p.connection AND r.kind = p.record_kind AND r.id = p.record_id
        WHERE p.connection = ? AND p.record_kind = 'order' AND p.state IN (3, 4) ORDER BY p.state DESC, p.id""",
        (rig.STORE,),
    )
    return {row[0]: Held("blocked" if row[1] == 3 else "skipped", row[2], row[3], row[4]) for row in rows}


def account(source: Sequence[Invoice], held: Mapping[str, Held], truth: Mapping[str, Any]) -> dict[str, Any]:
    """Every document of the source is in the books once, or held by a rule; the sums say the same."""
    booked = {"order": truth["references"]["invoices"], "return": truth["references"]["credit_notes"]}
    counts = dict.fromkeys(("source", "posted", "blocked", "skipped"), 0)
    sums = dict.fromkeys(counts, ZERO)
    rules: dict[tuple[str, str], dict[str, Any]] = {}
    missing: list[str] = []
    duplicated: list[str] = []

    def count(name: str, total: Decimal) -> None:
        counts[name] += 1
        sums[name] += total

    for invoice in source:
        total = invoice.total
        count("source", total)
        copies = sum(of.get(invoice.number, 0) for of in booked.values())
        rule = held.get(invoice.number)
        if copies > 1 or (copies and rule is not None):
            duplicated.append(invoice.number)
        if copies:
            count("posted", total)
        elif rule is None:
            missing.append(invoice.number)
        else:
            count(rule.state, total)
            entry = rules.setdefault(
                (rule.state, rule.cause),
                {"state": rule.state, "cause": rule.cause, "documents": 0, "total": ZERO, "message": rule.message,
                 "cure": rule.cure, "examples": []},
            )  # fmt: skip
            entry["documents"] += 1
            entry["total"] += total
            if len(entry["examples"]) < 5:
                entry["examples"].append(invoice.number)
    invoiced, credited = (
        sum(map(Decimal, truth["totals"][kind].values()), ZERO) for kind in ("invoices", "credit_notes")
    )
    net = invoiced - credited
    balance = sum((Decimal(of["sum"]) for of in truth["trial_balance"].values()), ZERO)
    whole = sums["posted"] + sums["blocked"] + sums["skipped"]
    right = not (missing or duplicated) and whole == sums["source"] and net == sums["posted"] and balance == ZERO
    held_by = sorted(rules.values(), key=lambda rule: -rule["documents"])
    return {
        "ok": right,
        "currency": invoices.CURRENCY,
        **{name: {"documents": counts[name], "total": str(sums[name])} for name in counts},
        "missing": len(missing),
        "duplicated": len(duplicated),
        "unequal": str(net - sums["posted"]),
        "rules": [{**rule, "total": str(rule["total"])} for rule in held_by],
        "books": {
            "invoices": str(invoiced),
            "credit_notes": str(credited),
            "net": str(net),
            "trial_balance": str(balance),
        },
        "lines": sum(len(invoice.items) for invoice in source),
    }


def _file(source: str, given: Path | None) -> Path:
    if given is not None:
        return given
    if source == "excerpt":
        return invoices.excerpt()
    folder = os.environ.get(ENV, "")
    if not folder:
        raise click.UsageError(
            _("The full set is not shipped. Name the file with --file, or its folder in %(env)s.", env=ENV)
        )
    return Path(folder) / FULL


@base.command("replay", help=N_("Feed a real retailer's invoices through the hub and account for every penny."))
@base.option("--source", type=click.Choice(["excerpt", "uci"]), default="excerpt", show_default=True,
              help=N_("The excerpt that is shipped, or the full UCI Online Retail set."))  # fmt: skip
@base.option("--file", "path", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help=N_("The invoices as csv or csv.gz."))  # fmt: skip
@base.option("--limit", type=click.IntRange(min=1), help=N_("Only so many documents."))
@base.option("--faults", "seed", type=int, help=N_("Let store and books misbehave, by this seed."))
@base.option("--json", "as_json", is_flag=True, help=N_("Print the figures as JSON."))
def command(source: str, path: Path | None, limit: int | None, seed: int | None, as_json: bool) -> None:
    """Replay invoices."""
    console = Console(stderr=True)
    chosen = _file(source, path)
    try:
        documents = invoices.read(chosen, limit or 0)
        with Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console,
        ) as bars:  # fmt: skip
            tasks = {
                "fed": bars.add_task(_("into the store"), total=len(documents)),
                "settled": bars.add_task(_("accounted for"), total=len(documents)),
            }

            def told(what: str, done: int, of: int) -> None:
                bars.update(tasks[what], completed=done)

            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                result = runner.run(replay(documents, seed, told))
            told("settled", len(documents), len(documents))
    except (rig.RigError, CaseError, invoices.BadSource, OSError) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    if as_json:
        click.echo(encode(result))
    else:
        _show(Console(), result)
    sys.exit(0 if result["ok"] else 1)


def _show(console: Console, result: Mapping[str, Any]) -> None:
    currency = result["currency"]
    table = Table()
    for title in ("", _("Documents"), _("Sum")):
        table.add_column(title, justify="right" if title else "left")
    names = {"source": _("In the source"), "posted": _("Posted"), "blocked": _("Blocked"), "skipped": _("Skipped")}
    for name, title in names.items():
        part = result[name]
        table.add_row(title, str(part["documents"]), format_money(Decimal(part["total"]), currency))
    console.print(table)
    for rule in result["rules"]:
        why = translated(rule["message"], _)
        console.print(f"{state_word(rule['state']):>12} {rule['documents']:>6}  {rule['cause']}: {why}", soft_wrap=True)
    console.print(
        _("Missing %(missing)s, doubled %(doubled)s; the books' own sum is %(net)s. %(seconds)s s.",
          missing=result["missing"], doubled=result["duplicated"],
          net=format_money(Decimal(result["books"]["net"]), currency), seconds=result["seconds"])
    )  # fmt: skip
