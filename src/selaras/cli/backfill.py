"""`selaras backfill`: orders from before the first day, looked for in the books before anything is created."""

from __future__ import annotations

import asyncio

import click

from selaras.cli.base import FINE, NEEDS_A_PERSON, argument, as_json, command, from_day, option, to_day
from selaras.cli.days import day_or_none
from selaras.cli.session import Session, session
from selaras.cli.show import count, kind_word, print_json, progress, say, sums_text
from selaras.i18n import N_, _
from selaras.ledger import Ledger
from selaras.sync import backfill as flow
from selaras.sync.backfill_status import BackfillPlan, BackfillStatus, backfill_status, plan_backfill
from selaras.sync.finding import pair_of
from selaras.sync.installation import running_hub
from selaras.sync.intake import Intake
from selaras.sync.sentences import spoken

_ACTS = ("status", "pause", "resume")


@command(
    "backfill",
    help=N_(
        "`backfill STORE --from DAY --to DAY` posts orders from before the pair's first day (`begin`), oldest first; "
        "--plan shows what it would do. Documents that people typed in are found by the order's number and linked; "
        "where the totals differ the order is blocked. `backfill status|pause|resume STORE`: how far it is, and "
        "stopping for a while. Ctrl-C and a crash lose nothing: `resume` goes on. Exit code 1 when one is blocked."
    ),
)
@argument("words", nargs=-1, metavar=N_("[status|pause|resume] [STORE]"), help=N_("What to do, and for which store."))
@from_day
@to_day
@option("--plan", "plan_", is_flag=True, help=N_("Only show what would be linked, created and blocked."))
@as_json
def backfill(words: tuple[str, ...], first: str | None, last: str | None, plan_: bool, json_: bool) -> int:
    here = session()
    act, store = _read(words, bool(first or last))
    if act in _ACTS:
        return _turn(here, act, store, json_)
    first, last = day_or_none(first, "--from"), day_or_none(last, "--to")
    if first is None or last is None:
        raise click.UsageError(_("Give the days with --from and --to, or one of: status, pause, resume."))
    body = {"store": store, "first": first, "last": last}
    if plan_:

        def local_plan(ledger: Ledger) -> BackfillPlan:
            return asyncio.run(_plan(ledger, store, first, last))

        report = here.change(local_plan, "/backfill/plan", body, BackfillPlan)
        if json_:
            print_json(report)
        else:
            _show_plan(report)
        return NEEDS_A_PERSON if report.blocked else FINE

    def local(ledger: Ledger) -> BackfillStatus:
        flow.start_backfill(ledger, store, first, last, here.now(), here.who)
        return asyncio.run(_run(ledger, store))

    return _show(here.change(local, "/backfill", body, BackfillStatus), json_)


def _read(words: tuple[str, ...], days: bool) -> tuple[str, str | None]:
    """The act and the store. With days a lone word is a store, whatever it is called."""
    if len(words) > 2:
        raise click.UsageError(_("Too many words: give an act and a store."))
    if words and words[0] in _ACTS and not days:
        return words[0], words[1] if len(words) == 2 else None
    if len(words) == 2:
        raise click.UsageError(_("Give the days with --from and --to, or one of: status, pause, resume."))
    return "", words[0] if words else None


def _turn(here: Session, act: str, store: str | None, json_: bool) -> int:
    if act == "status":
        with here.reading() as ledger:
            return _show(backfill_status(ledger, store), json_)

    def pause(ledger: Ledger) -> BackfillStatus:
        return flow.pause_backfill(ledger, store, here.now(), here.who)

    def resume(ledger: Ledger) -> BackfillStatus:
        flow.resume_backfill(ledger, store, here.now(), here.who)
        return asyncio.run(_run(ledger, store))

    local = pause if act == "pause" else resume
    return _show(here.change(local, f"/backfill/{act}", {"store": store}, BackfillStatus), json_)


async def _run(ledger: Ledger, store: str | None) -> BackfillStatus:
    pair = pair_of(ledger, store)
    with progress() as tell:
        async with running_hub(ledger) as hub:
            return await flow.run_backfill(hub, pair, tell)


async def _plan(ledger: Ledger, store: str | None, first: str, last: str) -> BackfillPlan:
    pair = pair_of(ledger, store)
    async with running_hub(ledger) as hub:
        await flow.BackfillFlow(hub, pair).prepare({name: Intake(hub, name) for name in (pair.store, pair.books)})
        return await plan_backfill(hub, pair, first, last)


def _show(found: BackfillStatus, json_: bool) -> int:
    if json_:
        print_json(found)
    elif found.state == "none":
        say(_("No back-fill of %(store)s was begun.", store=found.store))
    else:
        states = {"running": _("running"), "paused": _("paused"), "done": _("done")}
        say(
            _(
                "%(store)s, %(first)s to %(last)s: %(state)s, %(done)s of %(orders)s orders.",
                store=found.store, first=found.first, last=found.last, state=states[found.state],
                done=count(found.done), orders=count(found.orders),
            )
        )  # fmt: skip
        say(
            _(
                "%(posted)s posted, %(waiting)s waiting, %(blocked)s blocked, %(skipped)s left out; %(linked)s orders "
                "were in the books already (%(documents)s documents), %(conflicts)s with another total.",
                posted=count(found.posted), waiting=count(found.waiting), blocked=count(found.blocked),
                skipped=count(found.skipped), linked=count(found.linked), documents=count(found.documents),
                conflicts=count(found.conflicts),
            )
        )  # fmt: skip
    return NEEDS_A_PERSON if found.blocked else FINE


def _show_plan(report: BackfillPlan) -> None:
    say(
        _(
            "%(orders)s orders: %(linked)s stand in the books already, %(create)s would be created, %(unchanged)s need "
            "nothing, %(blocked)s would be blocked, %(skipped)s left out. Nothing was written.",
            orders=count(report.orders), linked=count(report.linked), create=count(report.create),
            unchanged=count(report.unchanged), blocked=count(report.blocked), skipped=count(report.skipped),
        )
    )  # fmt: skip
    for kind, number in report.documents.items():
        say(_("found: %(number)s × %(kind)s", number=count(number), kind=kind_word(kind)))
    for what, sums in report.sums.items():
        say(
            _(
                "to be written: %(number)s × %(kind)s, %(sum)s",
                number=count(sum(one.count for one in sums)), kind=kind_word(what.partition(" ")[0]),
                sum=sums_text(sums),
            )
        )  # fmt: skip
    for conflict in report.conflicts:
        say(f"{conflict.number}: {spoken(conflict.message)}", "red")
