"""`selaras feed`: banks and gateways whose money is booked, and on which accounts."""

from __future__ import annotations

import click

from selaras.cli.base import FINE, argument, as_json, command, option
from selaras.cli.session import Session, session
from selaras.cli.show import print_json, say, show, table
from selaras.i18n import N_, _
from selaras.sync import feeds as feeds_of
from selaras.sync.feeds import Feed


@command(
    "feed",
    help=N_(
        "Bank and gateway connections whose money is booked, and on which accounts. `feed NAME BOOKS` books the money "
        "of a connection in these books; without a name it lists them. Accounts are those of the books, by id, code or "
        "name. A running `selaras serve` takes a change when it is started again."
    ),
)
@argument("name", required=False, default="", help=N_("The bank or gateway connection."))
@argument("books", required=False, default="", help=N_("The books; not needed where there is only one set."))
@option("--account", help=N_("Where the money of its bank lines lies."))
@option("--clearing", help=N_("Where a gateway's money lies until it is paid out."))
@option("--fee", help=N_("The gateway's fees."))
@option("--fee-tax", help=N_("The tax on them."))
@option("--adjustment", help=N_("The gateway's corrections."))
@option("--remove", is_flag=True, help=N_("Book its money no longer; what was booked stays."))
@as_json
def feed(name: str, books: str, remove: bool, json_: bool, **accounts: str | None) -> int:
    here = session()
    given = {key: text.strip() for key, text in accounts.items() if text is not None}
    if not name:
        if given or remove:
            raise click.UsageError(_("Name the bank or gateway connection."))
        return _list_feeds(here, json_)
    if remove:
        if books or given:
            raise click.UsageError(_("--remove takes the connection alone."))
        gone = here.change(
            lambda ledger: feeds_of.remove_feed(ledger, name, here.now()), "/money/feeds/remove",
            {"connection": name}, Feed,
        )  # fmt: skip
        if json_:
            print_json(gone)
        else:
            say(_("The money of %(name)s is booked no longer.", name=gone.connection))
        return FINE
    with here.reading() as ledger:
        into = books or feeds_of.books_for(ledger, name)
    done = here.change(
        lambda ledger: feeds_of.set_feed(ledger, name, into, given, here.now()), "/money/feeds",
        {"connection": name, "books": into, **given}, Feed,
    )  # fmt: skip
    if json_:
        print_json(done)
        return FINE
    _show_feeds([done])
    if here.serving() is not None:
        say(_("Start `selaras serve` again, so that it takes this."), "yellow")
    return FINE


def _list_feeds(here: Session, json_: bool) -> int:
    with here.reading() as ledger:
        found = feeds_of.feeds_of(ledger)
    if json_:
        print_json(found)
    elif found:
        _show_feeds(found)
    else:
        say(_("No bank or gateway is booked yet: `selaras feed NAME BOOKS`."))
    return FINE


def _show_feeds(found: list[Feed]) -> None:
    columns = [
        _("Connection"), _("Books"), _("Account"), _("Clearing"), _("Fee"), _("Tax on the fee"), _("Adjustment")
    ]  # fmt: skip
    rows = [(one.connection, one.books, one.account, one.clearing, one.fee, one.fee_tax, one.adjustment)
            for one in found]  # fmt: skip
    show(table("", columns, rows))
