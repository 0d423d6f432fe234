"""`selaras plan`: what would be posted, and --apply to let it be planned again."""

from __future__ import annotations

import msgspec
from rich.text import Text

from selaras.cli.base import FINE, NEEDS_A_PERSON, argument, as_json, by_store, command, from_day, option, to_day
from selaras.cli.days import day_or_none
from selaras.cli.explain import op_word
from selaras.cli.session import session
from selaras.cli.show import count, kind_word, money, print_json, say, show, sums_text, table
from selaras.i18n import N_, _, format_number
from selaras.ledger import Ledger
from selaras.sync.preview import PlanReport
from selaras.sync.preview import plan as ask
from selaras.sync.replanning import Replanned, replan
from selaras.sync.sentences import spoken

_MOST = 200


@command(
    "plan",
    help=N_(
        "The exact documents, reversals and stock changes that would be posted now; nothing is written. Without "
        "names or days: what is not planned yet. With --all after a change of the policy: everything that the change "
        "would touch. --apply lets the chosen records be planned again, and the engine posts what was shown. Exit "
        "code 1 when something would be blocked."
    ),
)
@argument("names", nargs=-1, metavar=N_("[NAME]..."), help=N_("Order numbers."))
@by_store
@from_day
@to_day
@option("--all", "everything", is_flag=True, help=N_("Every order."))
@option("--details", is_flag=True, help=N_("Show the documents line by line."))
@option("--apply", "apply_", is_flag=True, help=N_("Let these records be planned again."))
@as_json
def plan(
    names: tuple[str, ...], store: str | None, first: str | None, last: str | None, everything: bool, details: bool,
    apply_: bool, json_: bool,
) -> int:  # fmt: skip
    first, last = day_or_none(first, "--from"), day_or_none(last, "--to")
    here = session()
    if apply_:

        def local(ledger: Ledger) -> Replanned:
            return replan(ledger, store, names=names, first=first, last=last, everything=everything)

        body = {"store": store, "names": names, "first": first, "last": last, "everything": everything}
        done = here.change(local, "/replan", body, Replanned)
        if json_:
            print_json(done)
        else:
            say(_("%(records)s records are planned again.", records=count(done.records)))
        return FINE
    with here.reading() as ledger:
        report = ask(ledger, store, names=names, first=first, last=last, everything=everything)
    if json_:
        print_json(report)
    else:
        _show(report, details)
    return NEEDS_A_PERSON if report.blocked else FINE


def _show(report: PlanReport, details: bool) -> None:
    touched = [one for one in report.records if one.documents or one.blocked or one.skipped]
    for one in touched[:_MOST]:
        head = Text(f"{one.number}  {one.day}  {money(one.total, one.currency)}", style="bold")
        show(head)
        if one.blocked:
            say(f"  {spoken(one.blocked)}", "red")
            say(f"  → {spoken(one.cure)}", "green")
        if one.skipped:
            say(f"  {spoken(one.skipped)}", "dim")
        for document in one.documents:
            word = _("not sent after all") if document.withdrawn else op_word(document.op)
            line = f"  {document.target}: {word} {kind_word(document.kind)} {document.reference}"
            if document.total is not None:
                line += f"  {'−' if document.reverses else ''}{money(document.total, document.currency)}"
            say(line, "yellow" if document.reverses else "")
            if document.reason:
                say(f"      {spoken(document.reason)}", "dim")
            if details:
                say(msgspec.json.format(bytes(document.document), indent=2).decode(), "dim")
    if len(touched) > _MOST:
        say(_("and %(count)s more records; --json shows all of them", count=count(len(touched) - _MOST)), "dim")
    if report.sums:
        rows = [
            (_kind_and_op(what), sums_text(sums), count(sum(one.count for one in sums)))
            for what, sums in report.sums.items()
        ]
        show("", table(_("Documents"), [_("What"), _("Sum"), _("Number")], rows, right=(1, 2)))
    if report.stock:
        rows = [(move.code, format_number(move.on_hand), format_number(move.reserved)) for move in report.stock]
        show("", table(_("Stock in the books"), [_("Code"), _("On hand"), _("Reserved")], rows, right=(1, 2)))
    show("")
    say(
        _(
            "%(post)s records would be posted, %(unchanged)s stay as they are, %(blocked)s would be blocked, "
            "%(skipped)s left out. Nothing was written.",
            post=count(report.to_post),
            unchanged=count(report.unchanged),
            blocked=count(report.blocked),
            skipped=count(report.skipped),
        )
    )


def _kind_and_op(what: str) -> str:
    kind, _blank, op = what.partition(" ")
    return f"{op_word(op)} {kind_word(kind)}"
