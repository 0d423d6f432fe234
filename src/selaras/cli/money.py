"""`selaras unmatched`, `accept`, `refuse` and `autonomy`: incoming money, and who says what it pays."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import click

from selaras.cli.base import FINE, NEEDS_A_PERSON, Group, argument, as_json, command, option
from selaras.cli.session import Session, session
from selaras.cli.show import count, money, print_json, say, show, table
from selaras.i18n import N_, _, format_day, format_number, ngettext
from selaras.ledger import Ledger
from selaras.rules.autonomy import PROVEN, Autonomy
from selaras.sync import feeds as feeds_of
from selaras.sync import money_decisions as ops
from selaras.sync.money_decisions import MoneyLinked, OpenMoney, Proposal, Refused, RuleStanding
from selaras.sync.offline import offline_hub
from selaras.sync.sentences import spoken

_MOST_PROPOSALS: Final = 3
_LINE = N_("The bank line or payment, by its id or number, or connection:id.")

by_connection = option("--connection", help=N_("Only this connection."))


class _Share(click.FloatRange):
    """A share from a half to below one. NaN is neither below nor above any bound."""

    def __init__(self) -> None:
        super().__init__(0.5, 1, max_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Raises `BadParameter`."""
        found = super().convert(value, param, ctx)
        if found != found:
            self.fail(_("%(text)s is not a number; write it as 4000 or 0.007.", text=repr(value)), param, ctx)
        return found


def _of(ledger: Ledger, connection: str | None) -> Ledger:
    """The ledger, once it knows the connection that was named: of a misspelt one there is never anything."""
    if connection:
        ledger.connections.get(connection)
    return ledger


def percent(share: float) -> str:
    """A share in per cent as the reader's language writes it."""
    return format_number(Decimal(str(share)))


# -- what waits --------------------------------------------------------------------------------------------------------


@command(
    "unmatched",
    help=N_(
        "Incoming money that waits for a person, oldest first: what it may be, how likely, by which rule and why, and "
        "the command that answers it. Exit code 1 when there is any."
    ),
)
@by_connection
@as_json
def unmatched(connection: str | None, json_: bool) -> int:
    with session().reading() as ledger:
        found = ops.unmatched(offline_hub(_of(ledger, connection), mirrors=False), connection)
    if json_:
        print_json(found)
    elif not found:
        say(_("No money waits for a person."), "green")
    else:
        for one in found:
            _show_open(one)
        sums = ngettext("%(lines)s line waits.", "%(lines)s lines wait.", len(found)) % {"lines": count(len(found))}
        say(sums, "bold")
    return NEEDS_A_PERSON if found else FINE


def _show_open(one: OpenMoney) -> None:
    left = "" if one.left == one.amount else " " + _("(%(left)s open)", left=money(one.left, one.currency))
    say(f"{format_day(one.day)}  {money(one.amount, one.currency)}{left}  {one.connection}:{one.line}", "bold")
    if one.text:
        say(f"  {one.text}")
    line = shlex.quote(one.line)
    if not one.proposals:
        say(f"  {spoken(one.message)}")
        cure = f"selaras link {line} ORDER" if one.cause == "unmatched_payment" else spoken(one.cure)
        say(f"  → {cure}", "green")
        show("")
        return
    shown = one.proposals[:_MOST_PROPOSALS]
    for proposal in shown:
        _show_proposal(proposal, one.currency)
    if len(one.proposals) > len(shown):
        rest = len(one.proposals) - len(shown)
        say("  " + _("and %(rest)s less likely ones (--json)", rest=count(rest)), "dim")
    # The commands name what is seen here: should something else be proposed by then, nothing is said of it.
    say(f"  → selaras accept {line}{_seen(part.number for part in shown[0].parts)}", "green")
    say(f"    selaras link {line} ORDER  |  selaras refuse {line}{_seen(one.numbers)}", "dim")
    show("")


def _seen(numbers: Iterable[str]) -> str:
    return "".join(f" --order {shlex.quote(number)}" for number in numbers)


def _show_proposal(one: Proposal, currency: str) -> None:
    numbers = " + ".join(part.number for part in one.parts)
    if len(one.parts) > 1:
        numbers += " (" + " + ".join(money(part.amount, currency) for part in one.parts) + ")"
    say(f"  {one.rank}. {numbers}  {percent(one.chance)} %  {one.rule}")
    for part in one.parts:
        if part.written_off:
            off = money(part.written_off, currency)
            say("     " + _("%(number)s: %(amount)s is written off", number=part.number, amount=off), "dim")
        if part.settles:
            say("     " + paid_with(part.number, part.settles, part.settles_currency), "dim")
    for reason in one.reasons:
        say(f"     {spoken(reason)}", "dim")


# -- answering ---------------------------------------------------------------------------------------------------------


@command(
    "accept",
    help=N_(
        "Accept what is proposed for a line of money; with --rule the first proposal of every line that this rule "
        "proposed. Each answer counts for the rule, see `selaras autonomy`. `selaras undo money LINE` takes it back."
    ),
)
@argument("line", required=False, default="", help=_LINE)
@option(
    "--rank", type=click.IntRange(1, 9), default=None, help=N_("Which proposal, as `selaras unmatched` counts (1).")
)
@option(
    "--order", "orders", multiple=True, metavar=N_("NUMBER"),
    help=N_(
        "The order (or payout) that you saw proposed; nothing is accepted if it is another by now. May be repeated."
    ),
)  # fmt: skip
@option("--rule", default="", help=N_("Every line whose first proposal is of this rule, such as exact:name."))
@option("--connection", help=N_("With --rule: only this connection."))
@as_json
def accept(
    line: str, rank: int | None, orders: tuple[str, ...], rule: str, connection: str | None, json_: bool
) -> int:  # fmt: skip
    if bool(line) == bool(rule) or (rule and (rank is not None or orders)) or (line and connection):
        raise click.UsageError(_("Give a line (and --rank, --order), or --rule (and --connection)."))
    here = session()
    if rule:
        return _accept_rule(here, rule, connection, json_)
    chosen = rank or 1

    def local(ledger: Ledger) -> MoneyLinked:
        return ops.accept(offline_hub(ledger, mirrors=False), line, here.now(), here.who, rank=chosen, orders=orders)

    body = {"line": line, "rank": chosen, "orders": list(orders)}
    done = here.change(local, "/money/accept", body, MoneyLinked)
    if json_:
        print_json(done)
    else:
        _show_linked(done)
    return FINE


def _accept_rule(here: Session, rule: str, connection: str | None, json_: bool) -> int:
    with here.reading() as known:
        _of(known, connection)

    def local(ledger: Ledger) -> list[MoneyLinked]:
        return ops.accept_rule(offline_hub(ledger, mirrors=False), rule, here.now(), here.who, connection)

    done = here.change(local, "/money/accept-rule", {"rule": rule, "connection": connection}, list[MoneyLinked])
    if json_:
        print_json(done)
        return FINE
    for one in done:
        _show_linked(one)
    say(ngettext("%(lines)s line accepted.", "%(lines)s lines accepted.", len(done)) % {"lines": count(len(done))})
    return FINE


def _show_linked(one: MoneyLinked) -> None:
    numbers = ", ".join(f"{part.number} ({money(part.amount, one.currency)})" for part in one.parts)
    say(_("%(line)s pays %(numbers)s.", line=one.line, numbers=numbers))
    for part in one.parts:
        if part.settles:
            say(paid_with(part.number, part.settles, part.settles_currency))


def paid_with(number: str, amount: Decimal, currency: str) -> str:
    """What an order of another currency than the money is paid with."""
    return _("%(number)s is paid with %(amount)s, at the bank's rate", number=number, amount=money(amount, currency))


@command(
    "refuse",
    help=N_(
        "None of what is proposed for a line of money is right: it is never proposed for this line again, and it "
        "counts against the rule that proposed it first."
    ),
)
@argument("line", help=_LINE)
@option(
    "--order", "orders", multiple=True, metavar=N_("NUMBER"),
    help=N_(
        "An order (or payout) that you saw proposed; nothing is refused if others are proposed by now. Name them all."
    ),
)  # fmt: skip
@as_json
def refuse(line: str, orders: tuple[str, ...], json_: bool) -> int:
    here = session()

    def local(ledger: Ledger) -> Refused:
        return ops.refuse(offline_hub(ledger, mirrors=False), line, here.now(), here.who, orders=orders)

    done = here.change(local, "/money/refuse", {"line": line, "orders": list(orders)}, Refused)
    if json_:
        print_json(done)
    else:
        numbers = ", ".join(done.numbers)
        say(_("%(line)s does not pay %(numbers)s; that is not proposed again.", line=done.line, numbers=numbers))
    return FINE


# -- which rule may act alone ------------------------------------------------------------------------------------------


@click.group(
    "autonomy",
    cls=Group,
    invoke_without_command=True,
    help=N_(
        "Which matching rules post alone, and why: how often people confirmed them, how often they were wrong, and the "
        "least share of right ones that this proves."
    ),
)
@by_connection
@as_json
@click.pass_context
def autonomy(ctx: click.Context, connection: str | None, json_: bool) -> int:
    if ctx.invoked_subcommand is not None:
        return FINE
    with session().reading() as ledger:
        found = ops.rules(_of(ledger, connection), connection)
    if json_:
        print_json(found)
    elif found:
        _show_rules(found)
    else:
        say(_("No rule has proposed anything yet."))
    return FINE


def _show_rules(found: list[RuleStanding]) -> None:
    columns = [
        _("Connection"), _("Rule"), _("Confirmed"), _("Wrong"), _("Right at least"), _("Posts alone"), _("Why")
    ]  # fmt: skip
    rows = [
        (
            one.connection, one.rule, count(one.confirmed), count(one.wrong), f"{percent(one.right_at_least)} %",
            _("yes") if one.alone else _("no"), spoken(one.why),
        )
        for one in found
    ]  # fmt: skip
    show(table("", columns, rows, right=(2, 3, 4)))


@command(
    "set",
    help=N_(
        "What a rule may do: `earn` its autonomy by confirmed cases, post `alone` from now on, or always `ask`. "
        "Without --connection it holds for every connection that has no choice of its own."
    ),
)
@argument("rule", help=N_("The rule, such as exact:name; `selaras autonomy` lists them."))
@argument("mode", type=click.Choice(["earn", "alone", "ask"]), help=N_("earn, alone or ask."))
@by_connection
@as_json
def set_(rule: str, mode: Any, connection: str | None, json_: bool) -> int:
    if not rule.strip():
        raise click.UsageError(_("Name the rule; `selaras autonomy` lists them."))
    return _change(rule, mode, {}, connection or "", json_)


@command(
    "need",
    help=N_(
        "What a rule needs before it posts alone: so many confirmed cases, and right at least so often with that "
        "confidence (shares from 0.5 to below 1). Without options it shows what is needed now."
    ),
)
@option("--least", type=click.IntRange(1, 1_000_000), help=N_("At least so many confirmed cases (20)."))
@option("--precision", type=_Share(), help=N_("Right at least so often (0.95)."))
@option("--confidence", type=_Share(), help=N_("With this confidence (0.95)."))
@by_connection
@as_json
def need(
    least: int | None, precision: float | None, confidence: float | None, connection: str | None, json_: bool
) -> int:
    chosen = {"least": least, "precision": precision, "confidence": confidence}
    given = {name: value for name, value in chosen.items() if value is not None}
    if given:
        return _change("", None, given, connection or "", json_)
    with session().reading() as ledger:
        now = feeds_of.autonomy_of(_of(ledger, connection), connection or "")
    _show_autonomy(now, json_)
    return FINE


def _change(rule: str, mode: Any, given: dict[str, float], connection: str, json_: bool) -> int:
    here = session()
    with here.reading() as ledger:
        _of(ledger, connection)

    def local(ledger: Ledger) -> Autonomy:
        return feeds_of.change_autonomy(ledger, connection, rule, mode, given, here.now())

    body = {"connection": connection, "rule": rule, "mode": mode, **given}
    _show_autonomy(here.change(local, "/money/rules", body, Autonomy), json_)
    if rule and not json_:
        with here.reading() as ledger:
            known = {name for _connection, name in ledger.allocations.rules()} | PROVEN
        if rule not in known:
            say(_("No rule of the name %(rule)s has proposed anything yet; is it spelt right?", rule=rule), "yellow")
    return FINE


def _show_autonomy(one: Autonomy, json_: bool) -> None:
    if json_:
        print_json(one)
        return
    precision, confidence = (percent(round(share * 100, 4)) for share in (one.precision, one.confidence))
    say(
        _(
            "A rule posts alone after %(least)s confirmed cases, right at least %(precision)s %% of the time "
            "(confidence %(confidence)s %%).",
            least=count(one.least),
            precision=precision,
            confidence=confidence,
        )
    )
    for rule, mode in sorted(one.modes.items()):
        say(f"  {rule}: " + (_("posts alone") if mode == "alone" else _("always asks")))


for made in (set_, need):
    autonomy.add_command(made)
