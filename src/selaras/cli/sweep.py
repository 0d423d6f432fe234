"""`selaras sweep`."""

from __future__ import annotations

import asyncio

import msgspec

from selaras.cli.base import FINE, NEEDS_A_PERSON, as_json, by_store, command, option
from selaras.cli.days import day_or_none
from selaras.cli.session import Session, session
from selaras.cli.show import count, kind_word, print_json, progress, say, show, table
from selaras.i18n import N_, _, format_number
from selaras.ledger import Ledger
from selaras.ledger.errors import LedgerError
from selaras.sync.installation import running_hub
from selaras.sync.sweep import Difference
from selaras.sync.sweeping import SweepReport
from selaras.sync.sweeping import sweep as run_sweep


class _Served(msgspec.Struct, frozen=True):
    """What the serving process answers to a sweep that it was asked to finish."""

    error: str = ""
    result: SweepReport | None = None


@command(
    "sweep",
    help=N_(
        "Read the stores whole, so that nothing lost on the way stays unseen; count their orders day by day; compare "
        "every document of ours with the books; measure stock accuracy. Differences are shown, never repaired in "
        "silence. With --since only orders from that day on and their documents. Exit code 1 when there are any."
    ),
)
@by_store
@option("--since", metavar="YYYY-MM-DD", help=N_("Count and compare from this day on only."))
@as_json
def sweep(store: str | None, since: str | None, json_: bool) -> int:
    report = _run(session(), store, day_or_none(since, "--since") or "")
    if json_:
        print_json(report)
    else:
        _show(report)
    return NEEDS_A_PERSON if report.differences else FINE


def _run(here: Session, store: str | None, since: str) -> SweepReport:
    def local(ledger: Ledger) -> _Served:
        async def work() -> SweepReport:
            with progress() as tell:
                async with running_hub(ledger) as hub:
                    return await run_sweep(hub, store, tell, since)

        return _Served(result=asyncio.run(work()))

    served = here.change(local, "/sweep", {"store": store or "", "wait": True, "since": since or None}, _Served)
    if served.result is None:
        raise LedgerError(served.error or "The sweep did not finish.", "Look at `selaras events`, then try again.")
    return served.result


def _show(report: SweepReport) -> None:
    for one in report.swept:
        say(
            _(
                "%(store)s: %(seen)s orders read, %(changed)s of them new or changed; %(unsettled)s documents under "
                "way.",
                store=one.store,
                seen=count(one.seen),
                changed=count(one.changed),
                unsettled=count(one.unsettled),
            )
        )
        if one.since:
            say(_("Counted and compared from %(day)s on; older days stand as they were.", day=one.since))
        accuracy = report.stock.get(one.store)
        if accuracy is not None:
            say(
                _(
                    "Stock: %(equal)s of %(codes)s codes offered rightly.",
                    equal=format_number(accuracy.equal),
                    codes=format_number(accuracy.codes),
                )
            )
        if one.differences:
            rows = [
                (kind_word(d.kind), d.reference, difference_word(d), d.ours, d.theirs, d.currency)
                for d in one.differences
            ]
            columns = [_("Document"), _("Reference"), _("Difference"), _("Ours"), _("Theirs"), _("Currency")]
            show(table("", columns, rows, right=(3, 4)))
    if not report.differences:
        say(_("Both sides say the same."), "green")


def difference_word(difference: Difference) -> str:
    """The kind of a difference in the reader's language."""
    words = {
        "missing": _("missing in the books"), "doubled": _("another document has its reference"),
        "total": _("total differs"),
    }  # fmt: skip
    return words.get(difference.what, difference.what)
