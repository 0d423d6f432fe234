"""`selaras payouts`: payouts of gateways held against orders and bank, their fees, and the rate card."""

from __future__ import annotations

import datetime as dt

import click

from selaras.cli.base import CANNOT, FINE, NEEDS_A_PERSON, Group, argument, as_json, command, option
from selaras.cli.days import day_or_none
from selaras.cli.products import read_text
from selaras.cli.session import session
from selaras.cli.show import count, money, print_json, say, show, table
from selaras.i18n import N_, _, ngettext
from selaras.ledger import Ledger
from selaras.rules.rate_card import Rate
from selaras.sync import payout_report as ops
from selaras.sync import rate_card_text
from selaras.sync.payout_report import PayoutReport

_DAYS = 31


@click.group(
    "payouts",
    cls=Group,
    invoke_without_command=True,
    help=N_(
        "Payouts of gateways, each with gross, fee, net, its bank line and state; where orders, settlements and bank "
        "do not agree; and fees that are not those of the rate card. Without days the last month. Exit code 1 when "
        "something is open or a fee is wrong."
    ),
)
@option("--from", "--first", "first", metavar="YYYY-MM-DD", help=N_("First day, inclusive."))
@option("--to", "--last", "last", metavar="YYYY-MM-DD", help=N_("Last day, inclusive."))
@option("--gateway", help=N_("Only this connection."))
@option("--unsettled", is_flag=True, help=N_("Orders that were paid and that no payout names yet are open, too."))
@as_json
@click.pass_context
def payouts(
    ctx: click.Context, first: str | None, last: str | None, gateway: str | None, unsettled: bool, json_: bool
) -> int:
    if ctx.invoked_subcommand is not None:
        return FINE
    begin, end = day_or_none(first, "--from"), day_or_none(last, "--to")
    here = session()
    today = dt.datetime.fromtimestamp(here.now() / 1_000_000, dt.UTC).date()
    until = dt.date.fromisoformat(end) if end else today + dt.timedelta(days=1)
    usual = min(today, until)
    usual -= min(dt.timedelta(days=_DAYS), usual - dt.date.min)
    since = dt.date.fromisoformat(begin) if begin else usual
    if since > until:
        raise click.UsageError(_("--from is later than --to: turn the days round."))
    with here.reading() as ledger:
        found = ops.payouts(ledger, since, until, gateway, unsettled)
    if json_:
        print_json(found)
    else:
        _show(found)
    return NEEDS_A_PERSON if found.items or found.fees else FINE


def _show(found: PayoutReport) -> None:
    if not found.payouts:
        say(_("No payout of these days is known."))
    else:
        columns = [
            _("Day"), _("Gateway"), _("Payout"), _("Gross"), _("Fee"), _("Tax in it"), _("Net"), _("Bank line"),
            _("State"),
        ]  # fmt: skip
        rows = [
            (
                one.day.isoformat(), one.gateway, one.id, money(one.gross, one.currency), money(one.fee, one.currency),
                money(one.fee_tax, one.currency), money(one.net, one.currency), one.bank_line, state_word(one.state),
            )
            for one in found.payouts
        ]  # fmt: skip
        show(table("", columns, rows, right=(3, 4, 5, 6)), "")
    if found.items:
        rows2 = [(found_word(one.found), one.subject, money(one.amount, one.currency)) for one in found.items]
        show(table(_("Does not agree"), [_("What"), _("Which"), _("Difference")], rows2, right=(2,)), "")
    if found.fees:
        currencies = {one.id: one.currency for one in found.payouts}
        rows3 = [
            (
                one.payout, one.order_reference, one.channel,
                *(money(amount, currencies.get(one.payout, "")) for amount in (one.taken, one.agreed, one.difference)),
            )
            for one in found.fees
        ]  # fmt: skip
        columns = [_("Payout"), _("Order"), _("Channel"), _("Taken"), _("Agreed"), _("Difference")]
        show(table(_("Fees that were not agreed"), columns, rows3, right=(3, 4, 5)), "")
    agreed = ngettext("%(orders)s order agrees on all three sides.", "%(orders)s orders agree on all three sides.",
                      found.agreed) % {"orders": count(found.agreed)}  # fmt: skip
    say(agreed, "" if found.items else "green")
    if found.fees_checked or found.fees_unknown:
        say(
            _(
                "%(checked)s fees were held against the rate card, %(wrong)s of them are wrong; for %(unknown)s there "
                "is no rate.",
                checked=count(found.fees_checked),
                wrong=count(len(found.fees)),
                unknown=count(found.fees_unknown),
            )
        )


def state_word(state: str) -> str:
    """What became of a payout, in the reader's language."""
    words = {
        "booked": _("booked"), "waiting": _("waiting"), "blocked": _("blocked"), "not_in_bank": _("not in the bank"),
        "unproven": _("its rows do not come to it"), "failed": _("failed"), "pending": _("on its way"),
    }  # fmt: skip
    return words.get(state, state)


def found_word(found: str) -> str:
    """What does not agree, in the reader's language."""
    words = {
        "not_settled": _("not settled"), "settled_short": _("settled too little"),
        "settled_over": _("settled too much"), "no_order": _("settled, but no such order"),
        "not_in_bank": _("not in the bank"), "bank_differs": _("the bank shows another amount"),
        "no_payout": _("in the bank, but no such payout"),
    }  # fmt: skip
    return words.get(found, found)


@command(
    "card",
    help=N_(
        "The rate card: the fees that were agreed with gateways. FILE.csv replaces it (- reads standard input); --show "
        "prints it as such a file. Its columns: gateway, since, channel, fixed, share, least, most, tax, up_to, "
        "currency, rounding; shares are fractions (0.007 is 0.7 %). A wrong row refuses the whole file."
    ),
)
@argument("file", required=False, default="", metavar="FILE.csv", help=N_("CSV file."))
@option("--show", "shown", is_flag=True, help=N_("Print the rate card that is in force."))
@as_json
def card(file: str, shown: bool, json_: bool) -> int:
    if bool(file) == shown:
        raise click.UsageError(_("Give a CSV file, or --show."))
    here = session()
    if shown:
        with here.reading() as ledger:
            rates = ops.rate_card_of(ledger)
    else:
        given, refused = rate_card_text.read(read_text(file))
        if refused:
            for one in refused:
                click.echo(one, err=True)
            click.echo(_("Nothing was taken."), err=True)
            return CANNOT

        def local(ledger: Ledger) -> list[Rate]:
            return ops.set_rate_card(ledger, given, here.now())

        rates = here.change(local, "/money/rate-card", {"rates": given}, list[Rate])
    if json_:
        print_json(rates)
    elif shown:
        click.echo(rate_card_text.written(rates), nl=False)
    else:
        say(ngettext("%(rates)s rate is in force.", "%(rates)s rates are in force.", len(rates))
            % {"rates": count(len(rates))})  # fmt: skip
    return FINE


payouts.add_command(card)
