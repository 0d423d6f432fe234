"""`selaras differences`: documents that a person changed in the books, side by side, and what shall hold."""

from __future__ import annotations

import asyncio

import click

from selaras.cli.base import FINE, NEEDS_A_PERSON, argument, as_json, command, option
from selaras.cli.session import Session, session
from selaras.cli.show import kind_word, print_json, say, show, table
from selaras.i18n import N_, _
from selaras.ledger import Ledger
from selaras.sync import differences as ops
from selaras.sync.differences import DifferenceDecided, DifferenceItem
from selaras.sync.installation import running_hub

_ACTS = ("keep", "restore")


@command(
    "differences",
    help=N_(
        "Documents of ours that a person changed, voided or deleted in the books: what we wrote, what the books hold, "
        "what the store says now. `differences keep NAME --why TEXT`: the books' version stands, and later changes of "
        "the order are blocked. `differences restore NAME`: ours is written again. Exit code 1 while one is open."
    ),
)
@argument("words", nargs=-1, metavar=N_("[keep|restore NAME...]"), help=N_("What shall hold, and of which documents."))
@option("--why", default="", help=N_("The reason, for whoever reads it later."))
@option("--kept", is_flag=True, help=N_("Show those too that were kept."))
@as_json
def differences(words: tuple[str, ...], why: str, kept: bool, json_: bool) -> int:
    here = session()
    if words:
        return _decide(here, words[0], words[1:], why, json_)
    with here.reading() as ledger:
        found = ops.differences(ledger, kept=kept)
    if json_:
        print_json(found)
    else:
        _show(found)
    return NEEDS_A_PERSON if any(one.state == "open" for one in found) else FINE


def _decide(here: Session, act: str, names: tuple[str, ...], why: str, json_: bool) -> int:
    if act not in _ACTS:
        raise click.UsageError(_("Write keep or restore, and then the names."))

    def keep(ledger: Ledger) -> DifferenceDecided:
        return ops.keep_books(ledger, names, why, here.now(), here.who)

    def restore(ledger: Ledger) -> DifferenceDecided:
        async def run() -> DifferenceDecided:
            async with running_hub(ledger) as hub:
                updates = {name: one.capabilities.updates for name, one in hub.connectors.items()}
                return await hub.desk(ops.restore, ledger, names, updates, here.now(), here.who)

        return asyncio.run(run())

    if act == "keep":
        done = here.change(keep, "/differences/keep", {"names": names, "why": why}, DifferenceDecided)
    else:
        done = here.change(restore, "/differences/restore", {"names": names}, DifferenceDecided)
    if json_:
        print_json(done)
    elif act == "keep":
        say(_("The version of the books stands: %(names)s.", names=", ".join(done.documents)))
    else:
        say(_("Ours is written again: %(names)s.", names=", ".join(done.documents)))
    return FINE


def _show(found: list[DifferenceItem]) -> None:
    if not found:
        say(_("Every document of ours stands in the books as it was written."), "green")
    words = {
        "edited_in_books": _("changed in the books"), "voided_in_books": _("voided in the books"),
        "deleted_in_books": _("deleted in the books"),
    }  # fmt: skip
    for one in found:
        what = words.get(one.what, one.what)
        say(
            f"{one.order}  {kind_word(one.kind)} {one.reference} ({one.document_number or one.document}): {what}",
            "bold",
        )
        columns = [_("Field"), _("We wrote"), _("The books hold"), _("The store says")]
        show(table("", columns, [(f.field, f.wrote, f.books, f.store) for f in one.fields]))
        if one.waiting:
            say(_("A newer change of the order waits for your decision."), "yellow")
        if one.state == "kept":
            say(_("Kept by %(who)s: %(why)s", who=one.by_whom, why=one.why), "dim")
