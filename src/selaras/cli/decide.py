"""`selaras link`, `selaras contacts` and `selaras undo`: decisions of a person, and taking them back."""

from __future__ import annotations

import asyncio

import click
from rich.text import Text

from selaras.cli.base import FINE, NEEDS_A_PERSON, argument, as_json, by_store, command, group, option
from selaras.cli.session import Session, session
from selaras.cli.show import kind_word, money, print_json, say, show, table
from selaras.i18n import N_, _
from selaras.ledger import Ledger
from selaras.sync import decisions as ops
from selaras.sync.decisions import Decided, Tie, Undone
from selaras.sync.installation import running_hub
from selaras.sync.linking import DocumentLinked, link_document
from selaras.sync.money_decisions import MoneyLinked, MoneyUndone, link_payment, undo_money
from selaras.sync.offline import offline_hub
from selaras.sync.sentences import spoken


@command(
    "link",
    help=N_(
        "`link BANKLINE ORDER` says which order a payment pays. `link ORDER KIND ID` ties a document that stands in "
        "the books already (sales_order, invoice, receipt, credit_note) to an order, after reading it and comparing "
        "the totals; nothing is created a second time."
    ),
)
@argument(
    "what", nargs=-1, required=True, metavar=N_("BANKLINE ORDER | ORDER KIND ID"), help=N_("What belongs together.")
)
@option("--key", default="", help=N_("Which one, where an order has several documents of the kind."))
@as_json
def link(what: tuple[str, ...], key: str, json_: bool) -> int:
    here = session()
    if len(what) == 2:

        def local(ledger: Ledger) -> MoneyLinked:
            return link_payment(offline_hub(ledger), what[0], what[1], here.now(), here.who)

        paid = here.change(local, "/link", {"bank_line": what[0], "order": what[1]}, MoneyLinked)
        if json_:
            print_json(paid)
        else:
            numbers = ", ".join(part.number for part in paid.parts)
            say(_("Bank line %(line)s pays %(order)s; both are planned again.", line=paid.line, order=numbers))
    elif len(what) == 3:
        tied = _link_document(here, what[0], what[1], what[2], key)
        if json_:
            print_json(tied)
        else:
            say(
                _(
                    "Order %(order)s: %(kind)s %(number)s of %(target)s (%(total)s) is its document from now on.",
                    order=tied.number,
                    kind=kind_word(tied.kind),
                    number=tied.document_number or tied.document,
                    target=tied.target,
                    total=money(tied.total, tied.currency),
                )
            )
    else:
        raise click.UsageError(_("Give a bank line and an order, or an order, a kind of document and its id."))
    return FINE


def _link_document(here: Session, name: str, kind: str, books_id: str, key: str) -> DocumentLinked:
    def local(ledger: Ledger) -> DocumentLinked:
        async def run() -> DocumentLinked:
            async with running_hub(ledger) as hub:
                return await link_document(hub, name, kind, books_id, here.who, key=key)

        return asyncio.run(run())

    body = {"name": name, "kind": kind, "books_id": books_id, "key": key}
    return here.change(local, "/link/document", body, DocumentLinked)


@group("contacts", help=N_("Buyers who may be several contacts of the books, and what was decided about them."))
def contacts() -> None:
    pass


@command(
    "ties", help=N_("Buyers who wait for a person, with the contacts that they may be. Exit code 1 when there are any.")
)
@by_store
@as_json
def ties(store: str | None, json_: bool) -> int:
    with session().reading() as ledger:
        found = ops.contact_ties(offline_hub(ledger), store)
    if json_:
        print_json(found)
    elif not found:
        say(_("No buyer waits for a decision."), "green")
    else:
        for tie in found:
            _show(tie)
    return NEEDS_A_PERSON if found else FINE


def _show(tie: Tie) -> None:
    head = Text(tie.buyer or _("(no name)"), style="bold")
    head.append(f"  {tie.phone}  {tie.email}", style="")
    show(head)
    for reason in tie.reasons:
        say(f"  {spoken(reason)}", "dim")
    rows = [(c.id, c.name, c.phone, c.email) for c in tie.candidates]
    show(table("", [_("Contact"), _("Name"), _("Telephone"), _("E-mail")], rows))
    say("  " + _("Orders: %(numbers)s", numbers=", ".join(tie.orders)))
    say(
        "  → " + f"selaras contacts decide {tie.orders[0]} {tie.candidates[0].id if tie.candidates else '--new'}",
        "green",
    )
    show("")


@command(
    "decide",
    help=N_(
        "Say which contact of the books a buyer is, by one of their orders; --new makes a new contact. A contact "
        "linked before is let go: documents posted so far keep it, what comes next gets the new one."
    ),
)
@argument("order", help=N_("An order of the buyer."))
@argument("contact", required=False, default="", help=N_("Id of the contact in the books."))
@option("--new", is_flag=True, help=N_("None of them: make a new contact."))
@as_json
def decide(order: str, contact: str, new: bool, json_: bool) -> int:
    if bool(contact) == new:
        raise click.UsageError(_("Give the id of a contact, or --new."))
    here = session()

    def local(ledger: Ledger) -> Decided:
        return ops.decide_contact(offline_hub(ledger), order, contact, here.now(), here.who)

    done = here.change(local, "/contacts", {"name": order, "contact": contact}, Decided)
    if json_:
        print_json(done)
    elif new:
        say(_("A new contact is made for this buyer; their blocked orders are planned again."))
    else:
        say(_("This buyer is contact %(contact)s; their blocked orders are planned again.", contact=contact))
    return FINE


@command("undo", help=N_("Take the decision about a buyer back; the rules decide again."))
@argument("subject", help=N_("The subject as `selaras undo --list` shows it."))
@by_store
@as_json
def undo_contact(subject: str, store: str | None, json_: bool) -> int:
    return _undo("contact", subject, store, json_)


for made in (ties, decide, undo_contact):
    contacts.add_command(made)


@command(
    "undo",
    help=N_(
        "Take a decision back: `undo product CODE`, `undo contact SUBJECT`, `undo skip NAME`; what was posted because "
        "of it stays, see `selaras plan` for what follows. `undo money LINE` takes back what incoming money pays, "
        "whoever had said so: its receipt is voided in the books, and that pair is not proposed again."
    ),
)
@argument("kind", required=False, default="", help=N_("product, contact, money or skip."))
@argument("subject", required=False, default="", help=N_("What was decided about."))
@option("--list", "listed", is_flag=True, help=N_("List the decisions that hold."))
@option("--order", default="", help=N_("Of `undo money`: only the share of this order."))
@option("--why", default="", help=N_("Of `undo money`: the reason, for whoever reads it later."))
@by_store
@as_json
def undo(kind: str, subject: str, listed: bool, order: str, why: str, store: str | None, json_: bool) -> int:
    if listed:
        return _list(json_)
    if kind == "money" and subject:
        return _undo_money(subject, order, why, json_)
    if not (kind and subject):
        raise click.UsageError(_("Say what to undo, such as `undo product KAOS-M`, or --list."))
    return _undo(kind, subject, store, json_)


def _undo(kind: str, subject: str, store: str | None, json_: bool) -> int:
    here = session()

    def local(ledger: Ledger) -> Undone:
        return ops.undo(ledger, kind, subject, here.now(), store)

    done = here.change(local, "/undo", {"kind": kind, "subject": subject, "store": store}, Undone)
    if json_:
        print_json(done)
    else:
        say(
            _(
                "No longer holds: %(kind)s %(subject)s = %(answer)s.",
                kind=done.kind,
                subject=done.subject,
                answer=done.answer,
            )
        )
    return FINE


def _undo_money(line: str, order: str, why: str, json_: bool) -> int:
    here = session()

    def local(ledger: Ledger) -> MoneyUndone:
        return undo_money(offline_hub(ledger), line, here.now(), here.who, why, order)

    done = here.change(local, "/money/undo", {"line": line, "order": order, "why": why}, MoneyUndone)
    if json_:
        print_json(done)
    else:
        numbers = ", ".join(part.number for part in done.parts)
        say(_("Bank line %(line)s no longer pays %(order)s; the books follow.", line=done.line, order=numbers))
    return FINE


def _list(json_: bool) -> int:
    with session().reading() as ledger:
        found = ops.decisions(ledger)
    if json_:
        print_json(found)
    elif not found:
        say(_("Nobody has decided anything yet."))
    else:
        rows = [(one.connection, one.kind, one.subject, one.answer) for one in found]
        show(table("", [_("Connection"), _("Kind"), _("Subject"), _("Answer")], rows))
    return FINE
