"""`selaras explain` and `selaras stock`."""

from __future__ import annotations

import click
from rich.text import Text

from selaras.cli.base import FINE, NEEDS_A_PERSON, argument, as_json, by_store, command, option
from selaras.cli.explain_money import show_money
from selaras.cli.session import session
from selaras.cli.show import as_state, count, kind_word, moment, money, print_json, say, show, state_word, table
from selaras.i18n import N_, _, format_number
from selaras.ledger import Ledger
from selaras.sync.explain import Explanation, Sent
from selaras.sync.explain import explain as ask
from selaras.sync.installation import pairs_of
from selaras.sync.sentences import spoken
from selaras.sync.stock_history import StockHistory, explain_stock

_MOST_CHANGES = 12


@command(
    "explain",
    help=N_(
        "Everything about an order or a bank line, by its number or id: every version that was seen and what changed, "
        "what was decided and why, every document with each try and its answer, what waits, and what to do. "
        "`selaras explain stock CODE` tells the stock history of a product code. Exit code 1 when it is blocked."
    ),
)
@argument("name", nargs=-1, required=True, metavar=N_("NAME"), help=N_("Number or id, or connection:number."))
@option("--kind", help=N_("Only this kind of record."))
@option("--connection", help=N_("Only this connection."))
@option("--all", "everything", is_flag=True, help=N_("Show superseded documents and every changed field."))
@as_json
def explain(name: tuple[str, ...], kind: str | None, connection: str | None, everything: bool, json_: bool) -> int:
    if len(name) == 2 and name[0] == "stock":
        return _stock(name[1], connection, json_)
    if len(name) != 1:
        raise click.UsageError(_("Give one name, or `stock` and a product code."))
    with session().reading() as ledger:
        found = ask(ledger, name[0], kind=kind, connection=connection)
        zone = _zone(ledger)
    if json_:
        print_json(found)
    else:
        for one in found:
            _show(one, zone, everything)
    return NEEDS_A_PERSON if any(one.status == "blocked" for one in found) else FINE


@command(
    "stock", help=N_("The stock of a product code: what was offered in the store, when, why, and the store's answer.")
)
@argument("code", help=N_("Product code."))
@by_store
@as_json
def stock(code: str, store: str | None, json_: bool) -> int:
    return _stock(code, store, json_)


def _stock(code: str, store: str | None, json_: bool) -> int:
    with session().reading() as ledger:
        found = explain_stock(ledger, code, store)
        zone = _zone(ledger)
    if json_:
        print_json(found)
    else:
        for one in found:
            _show_stock(one, zone)
    return FINE


def _zone(ledger: Ledger) -> str:
    pairs = pairs_of(ledger)
    return pairs[0].policy.zone if pairs else "UTC"


# -- an order or a bank line -------------------------------------------------------------------------------------------


def _show(one: Explanation, zone: str, everything: bool) -> None:
    head = Text(f"{one.connection}: {kind_word(one.kind)} {one.number}", style="bold")
    head.append(f"  {one.day}  {money(one.total, one.currency)}  ", style="")
    head.append_text(as_state(one.status))
    show(head, "")
    _show_seen(one, zone, everything)
    _show_decided(one)
    show_money(one, zone)
    sent = [s for s in one.sent if everything or s.state != "superseded"]
    if sent:
        show(Text(_("Sent"), style="bold"))
        for posting in sent:
            _show_sent(posting, zone)
        show("")
    _show_mapped(one)
    if one.links:
        rows = [
            (
                kind_word(link.kind),
                link.number or link.id,
                link.id,
                link.reference,
                money(link.total, link.currency),
                link.target,
            )
            for link in one.links
        ]
        columns = [_("Document"), _("Number"), _("Id"), _("Reference"), _("Total"), _("In")]
        show(table(_("In the books"), columns, rows, right=(4,)), "")
    if one.waiting:
        rows2 = [(w.what, spoken(w.why), moment(w.until, zone)) for w in one.waiting]
        show(table(_("Waits"), [_("What"), _("Why"), _("Until")], rows2), "")
    show(Text(_("To do"), style="bold"))
    for line in one.todo:
        say(f"  {spoken(line)}")
    show("")


def _show_seen(one: Explanation, zone: str, everything: bool) -> None:
    if not one.seen:
        return
    show(Text(_("Seen"), style="bold"))
    for sighting in one.seen:
        say(f"  {sighting.version}. {moment(sighting.seen_at, zone)}  {via_word(sighting.via)}")
        shown = sighting.changes if everything else sighting.changes[:_MOST_CHANGES]
        for change in shown:
            say(f"       {change.field}: {change.before or '–'} → {change.after or '–'}", "dim")
        rest = len(sighting.changes) - len(shown)
        if rest:
            say("       " + _("and %(count)s more fields (--all)", count=rest), "dim")
    show("")


def via_word(via: str) -> str:
    """By which way a record was seen, in the reader's language."""
    words = {
        "webhook": _("by webhook"), "poll": _("by polling"), "sweep": _("by a sweep"), "reread": _("by reading again"),
        "file": _("by file"),
    }  # fmt: skip
    return words.get(via, via)


def _show_decided(one: Explanation) -> None:
    if not (one.reasons or one.buyer or one.products):
        return
    show(Text(_("Decided"), style="bold"))
    for reason in one.reasons:
        say(f"  {spoken(reason)}")
    if one.buyer:
        who = one.buyer.contact or (", ".join(one.buyer.candidates) if one.buyer.candidates else _("a new contact"))
        say("  " + _("Buyer: %(who)s", who=who))
        for reason in one.buyer.reasons:
            say(f"    {spoken(reason)}", "dim")
    for match in one.products:
        arrow = match.target or _("nothing")
        if match.how == "exact":
            say(f"  {match.code} = {arrow}", "dim")
        else:
            say(f"  {match.code} → {arrow}: {' '.join(spoken(r) for r in match.reasons)}")
    show("")


def _show_mapped(one: Explanation) -> None:
    if one.mapped:
        rows = [
            (f"#{m.posting}", m.word, m.id, m.name, "" if m.version is None else str(m.version)) for m in one.mapped
        ]
        columns = [_("Posting"), _("Word"), _("Id"), _("In the books"), _("Version")]
        show(table(_("Named by the mapping"), columns, rows), "")


def _show_sent(posting: Sent, zone: str) -> None:
    line = Text(f"  #{posting.id} {op_word(posting.op)} {kind_word(posting.kind)} {posting.reference}  ")
    line.append(f"{money(posting.total, posting.currency)}  " if posting.total is not None else "")
    line.append_text(as_state(posting.state))
    show(line)
    if posting.reason:
        say(f"       {spoken(posting.reason)}", "dim")
    if posting.message and posting.state in ("blocked", "skipped", "planned", "in_doubt"):
        say(f"       {spoken(posting.message)}", "red" if posting.state == "blocked" else "")
    if posting.by_whom:
        say("       " + _("decided by %(who)s", who=posting.by_whom), "dim")
    for attempt in posting.tries:
        answer = f": {spoken(attempt.answer)}" if attempt.answer else ""
        say(
            f"       {moment(attempt.at, zone)}  {op_word(attempt.act)} → {outcome_word(attempt.outcome)}{answer}",
            "dim",
        )


def op_word(op: str) -> str:
    """An operation or an act in the reader's language."""
    words = {
        "create": _("create"), "update": _("update"), "void": _("void"), "look": _("look"), "plan": _("plan"),
        "prepare": _("prepare"),
    }  # fmt: skip
    return words.get(op, op)


def outcome_word(outcome: str) -> str:
    """How a try ended, in the reader's language."""
    words = {
        "done": _("done"), "ambiguous": _("no clear answer"), "transient": _("not reached"),
        "throttled": _("asked to wait"), "expired": _("sign-in has ended"), "rejected": _("refused"),
        "locked_period": _("closed period"), "stale": _("overtaken by a change"), "blocked": _("blocked"),
        "total_differs": _("total differs"),
    }  # fmt: skip
    return words.get(outcome, outcome)


# -- stock -------------------------------------------------------------------------------------------------------------


def _show_stock(one: StockHistory, zone: str) -> None:
    show(Text(f"{one.store}: {one.code} {one.name}".rstrip(), style="bold"))
    if one.on_hand is not None and one.reserved is not None:
        say(
            _(
                "The books have %(on_hand)s, %(reserved)s of them reserved (read %(at)s); buffer %(buffer)s.",
                on_hand=format_number(one.on_hand),
                reserved=format_number(one.reserved),
                at=moment(one.read_at, zone),
                buffer=count(one.buffer),
            )
        )
    else:
        say(_("The books keep no stock of this code, as far as was read."), "yellow")
    rows = [
        (
            moment(offer.planned_at, zone), format_number(offer.available), state_word(offer.state),
            spoken(offer.reason), spoken(offer.message) or " ".join(outcome_word(t.outcome) for t in offer.tries[-1:]),
        )
        for offer in one.history
    ]  # fmt: skip
    if rows:
        show(table("", [_("When"), _("Offered"), _("State"), _("Why"), _("Answer")], rows, right=(1,)), "")
    else:
        say(_("Nothing had to be written into the store yet."))
