"""`selaras blocked`, `selaras retry` and `selaras skip`."""

from __future__ import annotations

from selaras.cli.base import FINE, NEEDS_A_PERSON, argument, as_json, command, option
from selaras.cli.session import session
from selaras.cli.show import count, kind_word, money, print_json, say, show, sums_text, table
from selaras.i18n import N_, _, ngettext
from selaras.ledger import Ledger
from selaras.sync import attention
from selaras.sync.attention import BlockedReport, Retried, Skipped
from selaras.sync.sentences import spoken

_by_cause = option("--cause", help=N_("Only this cause."))
_names = argument(
    "names", nargs=-1, metavar=N_("[NAME]..."), help=N_("Order numbers, record ids, references, or #posting.")
)


@command(
    "blocked",
    help=N_(
        "What needs a person, grouped by cause: what stands in the way, where, how to mend it, how many records and "
        "how much money. Exit code 1 when anything is blocked."
    ),
)
@_by_cause
@option("--skipped", is_flag=True, help=N_("Show instead what was left out, by a rule or by a person."))
@option("--list", "items", is_flag=True, help=N_("List every item, not only the causes."))
@as_json
def blocked(cause: str | None, skipped: bool, items: bool, json_: bool) -> int:
    with session().reading() as ledger:
        report = attention.blocked(ledger, cause, skipped=skipped)
    if json_:
        print_json(report)
    else:
        _show(report, skipped, items)
    return NEEDS_A_PERSON if report.groups and not skipped else FINE


def _show(report: BlockedReport, skipped: bool, items: bool) -> None:
    if not report.groups:
        say(_("Nothing was left out.") if skipped else _("Nothing is blocked."), "green")
        return
    for group in report.groups:
        say(f"{group.cause}  ({group.connection})", "bold")
        say(
            "  "
            + ngettext("%(records)s record, %(sums)s", "%(records)s records, %(sums)s", group.records)
            % {"records": count(group.records), "sums": sums_text(group.sums)}
            + ": "
            + ", ".join(group.examples)
            + (" …" if group.records > len(group.examples) else "")
        )
        say(f"  {spoken(group.message)}" + (f" [{group.field}]" if group.field else ""))
        if group.cure:
            say(f"  → {spoken(group.cure)}", "green")
        show("")
    if items:
        rows = [
            (
                f"#{item.posting}", item.connection, kind_word(item.kind), item.name, item.day,
                kind_word(item.document), money(item.total, item.currency), item.cause, item.by_whom,
            )
            for item in report.items
        ]  # fmt: skip
        columns = [
            _("Posting"), _("Connection"), _("Kind"), _("Number"), _("Day"), _("Document"), _("Total"), _("Cause"),
            _("By"),
        ]  # fmt: skip
        show(table("", columns, rows, right=(6,)))


@command(
    "retry",
    help=N_(
        "Try blocked records again. A document is looked for in the books before it is sent; a record that could not "
        "be planned is planned again."
    ),
)
@_names
@_by_cause
@option("--all", "everything", is_flag=True, help=N_("Everything that is blocked."))
@option("--next-open-day", is_flag=True, help=N_("Give what is blocked by a closed day the next open one."))
@as_json
def retry(
    names: tuple[str, ...], cause: str | None, everything: bool, next_open_day: bool, json_: bool
) -> int:  # fmt: skip
    here = session()

    def local(ledger: Ledger) -> Retried:
        return attention.retry(ledger, here.now(), here.who, cause=cause, names=names, everything=everything,
                               next_open_day=next_open_day)  # fmt: skip

    body = {"cause": cause, "names": names, "everything": everything, "next_open_day": next_open_day}
    done = here.change(local, "/retry", body, Retried)
    if json_:
        print_json(done)
    else:
        say(_("%(postings)s documents are sent again, %(records)s records planned again.",
              postings=count(done.postings), records=count(done.records)))  # fmt: skip
    return FINE


@command(
    "skip",
    help=N_(
        "Decide that something blocked shall not be sent. The reason and your name are kept and stand in the "
        "coverage and in the certificate; `selaras undo skip NAME` takes it back."
    ),
)
@_names
@_by_cause
@option("--why", required=True, help=N_("The reason, for whoever reads it later."))
@as_json
def skip(names: tuple[str, ...], cause: str | None, why: str, json_: bool) -> int:
    here = session()

    def local(ledger: Ledger) -> Skipped:
        return attention.skip(ledger, here.now(), here.who, why, names, cause)

    done = here.change(local, "/skip", {"why": why, "names": names, "cause": cause}, Skipped)
    if json_:
        print_json(done)
    else:
        say(_("%(postings)s documents are left out.", postings=count(done.postings)))
    return FINE
