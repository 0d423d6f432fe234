"""`selaras unique-amount`: amounts that tell which bill a transfer pays (kode unik)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import click

from selaras.cli.base import FINE, NEEDS_A_PERSON, argument, as_json, command, group, option
from selaras.cli.session import Session, session
from selaras.cli.show import count, moment, money, print_json, say, show, table
from selaras.i18n import N_, _
from selaras.ledger import Ledger
from selaras.rules.check_digits import slips, verify, with_check
from selaras.sync import unique_amount_accounts as accounts_of
from selaras.sync import unique_amounts as ops
from selaras.sync.installation import pairs_of
from selaras.sync.unique_amount_accounts import AmountAccount
from selaras.sync.unique_amount_input import bill_reference
from selaras.sync.unique_amounts import UniqueAmount

_USUAL_ZONE: Final = "Asia/Jakarta"
_WHICH_ACCOUNT = N_("The account that is paid into.")
_BILL = N_("The bill's number.")

by_currency = option("--currency", metavar="ISO", help=N_("The currency, where the account takes several."))
by_whose_bill = option("--store", help=N_("Whose bill it is, where there are several stores."))
for_hours = option("--hours", type=int, help=N_("Open for so many hours from now (default: the account's)."))


@group("unique-amount", help=N_("Amounts that tell which bill a transfer pays (unique codes, kode unik)."))
def unique_amount() -> None:
    pass


@command(
    "account",
    help=N_(
        "Let an account hand out unique amounts, or change how, for new bills. Codes are in the currency's smallest "
        "units (1-999 rupiah, 1-99 cents where nothing else is said)."
    ),
)
@argument("account", help=_WHICH_ACCOUNT)
@option("--currency", metavar="ISO", default="IDR", show_default=True, help=N_("The currency."))
@option("--range", "range_", metavar="1-999", help=N_("The codes; from 0 to leave an amount as it is if it is free."))
@option("--add/--subtract", "add", default=None, help=N_("Add the code to the total, or take it off."))
@option("--at-most", "share", type=int, metavar=N_("PERCENT"), help=N_("A code is at most so much of the total (5)."))
@option("--hours", type=int, help=N_("A bill is open for so many hours (24)."))
@option("--grace-hours", type=int, help=N_("Then its amount rests for so many hours (168)."))
@as_json
def account_(
    account: str,
    currency: str,
    range_: str | None,
    add: bool | None,
    share: int | None,
    hours: int | None,
    grace_hours: int | None,
    json_: bool,
) -> int:
    chosen: dict[str, Any] = {"share": share, "hours": hours, "grace_hours": grace_hours}
    if range_ is not None:
        found = re.fullmatch(r"\s*(\d{1,6})\s*-\s*(\d{1,6})\s*", range_, re.ASCII)
        if found is None:
            raise click.UsageError(_("%(text)s is no range: write it as 1-999.", text=range_))
        chosen |= {"low": int(found[1]), "high": int(found[2])}
    if add is not None:
        chosen["direction"] = "add" if add else "subtract"
    here = session()

    def local(ledger: Ledger) -> AmountAccount:
        return accounts_of.set_amount_account(ledger, account, currency, here.now(), here.who, **chosen)

    body = {"account": account, "currency": currency, **chosen}
    done = here.change(local, "/unique-amounts/accounts", body, AmountAccount)
    if json_:
        print_json(done)
    else:
        _show_accounts([done])
    return FINE


@command("accounts", help=N_("Accounts that hand out unique amounts, and how many are held."))
@as_json
def accounts(json_: bool) -> int:
    here = session()
    with here.reading() as ledger:
        found = accounts_of.amount_accounts(ledger, here.now())
    if json_:
        print_json(found)
    elif found:
        _show_accounts(found)
    else:
        say(_("No account hands out unique amounts yet: `selaras unique-amount account NAME`."))
    return FINE


@command(
    "reserve",
    help=N_(
        "The amount that tells this bill apart from every other open bill of the account; asked again, the same. Give "
        "the total in major units, without marks between the thousands."
    ),
)
@argument("account", help=_WHICH_ACCOUNT)
@argument("reference", help=_BILL)
@argument("total", help=N_("What the bill comes to."))
@by_currency
@by_whose_bill
@option("--virtual-account", default="", metavar=N_("NUMBER"), help=N_("The virtual account that is paid into."))
@for_hours
@as_json
def reserve(
    account: str,
    reference: str,
    total: str,
    currency: str | None,
    store: str | None,
    virtual_account: str,
    hours: int | None,
    json_: bool,
) -> int:
    here = session()

    def local(ledger: Ledger) -> UniqueAmount:
        return ops.reserve_amount(
            ledger, account, reference, total, here.now(), here.who, currency=currency, store=store,
            virtual_account=virtual_account, hours=hours,
        )  # fmt: skip

    body = {
        "account": account, "reference": reference, "total": total, "currency": currency, "store": store,
        "virtual_account": virtual_account, "hours": hours,
    }  # fmt: skip
    return _done(here, local, "/unique-amounts", body, json_)


@command("renew", help=N_("Keep a bill and its amount open for longer."))
@argument("account", help=_WHICH_ACCOUNT)
@argument("reference", help=_BILL)
@by_currency
@by_whose_bill
@for_hours
@as_json
def renew(account: str, reference: str, currency: str | None, store: str | None, hours: int | None, json_: bool) -> int:
    here = session()

    def local(ledger: Ledger) -> UniqueAmount:
        return ops.renew_amount(ledger, account, reference, here.now(), currency=currency, store=store, hours=hours)

    body = {"account": account, "reference": reference, "currency": currency, "store": store, "hours": hours}
    return _done(here, local, "/unique-amounts/renew", body, json_)


@command(
    "release",
    help=N_(
        "The bill is cancelled, or paid: nobody else gets its amount before the account's time of grace is over, "
        "because buyers pay late, and twice."
    ),
)
@argument("account", help=_WHICH_ACCOUNT)
@argument("reference", help=_BILL)
@by_currency
@by_whose_bill
@option("--paid", is_flag=True, help=N_("It is paid, not cancelled."))
@option("--at-once", is_flag=True, help=N_("Give the amount up now: nobody was told it."))
@as_json
def release(
    account: str, reference: str, currency: str | None, store: str | None, paid: bool, at_once: bool, json_: bool
) -> int:
    here = session()

    def local(ledger: Ledger) -> UniqueAmount:
        return ops.release_amount(
            ledger, account, reference, here.now(), currency=currency, store=store, paid=paid, at_once=at_once
        )

    body = {
        "account": account, "reference": reference, "currency": currency, "store": store, "paid": paid,
        "at_once": at_once,
    }  # fmt: skip
    return _done(here, local, "/unique-amounts/release", body, json_)


@command("list", help=N_("Which bill holds which amount, newest first."))
@argument("account", required=False, default="", help=_WHICH_ACCOUNT)
@option("--amount", default="", help=N_("Whose amount this is: what somebody paid."))
@option("--reference", default="", help=N_("A bill's number, with or without its check digits."))
@by_currency
@by_whose_bill
@option("--all", "everything", is_flag=True, help=N_("Show those too whose amount came free."))
@option("--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True, help=N_("At most so many."))
@as_json
def list_(
    account: str,
    amount: str,
    reference: str,
    currency: str | None,
    store: str | None,
    everything: bool,
    limit: int,
    json_: bool,
) -> int:
    here = session()
    with here.reading() as ledger:
        found = ops.unique_amounts(
            ledger, here.now(), account=account, currency=currency or "", store=store or "", reference=reference,
            amount=amount, everything=everything, limit=limit,
        )  # fmt: skip
        zone = _zone(ledger)
    if json_:
        print_json(found)
    elif found:
        _show(found, zone)
    else:
        say(_("No bill holds such an amount."))
    return FINE


@command(
    "check",
    help=N_(
        "Look at a reference that somebody wrote, check digits and all: whether it is right, and otherwise which bills "
        "are one slip away. Exit code 1 when it is not right. `--make` prints a number with its check digits instead."
    ),
)
@argument("text", help=N_("The reference as it was written."))
@option("--make", is_flag=True, help=N_("Print this number with its check digits."))
def check(text: str, make: bool) -> int:
    if make:
        click.echo(with_check(bill_reference(text)))
        return FINE
    meant = verify(text)
    if meant is not None:
        say(_("%(text)s is right: bill %(bill)s.", text=text, bill=meant))
        return FINE
    here = session()
    with here.reading() as ledger:
        held = ops.unique_amounts(ledger, here.now(), limit=10_000)
    near = slips(text, (one.reference for one in held))
    if near:
        say(_("%(text)s is not right. It may be: %(bills)s.", text=text, bills=", ".join(near)))
    else:
        say(_("%(text)s is not right, and no open bill is near it.", text=text))
    return NEEDS_A_PERSON


def _done(here: Session, local: Any, path: str, body: Mapping[str, Any], json_: bool) -> int:
    done: UniqueAmount = here.change(local, path, body, UniqueAmount)
    if json_:
        print_json(done)
        return FINE
    with here.reading() as ledger:
        _show([done], _zone(ledger))
    return FINE


def _zone(ledger: Ledger) -> str:
    return next((pair.policy.zone for pair in pairs_of(ledger)), _USUAL_ZONE)


def _state_word(state: str) -> str:
    words = {
        "open": _("open"), "expired": _("expired"), "paid": _("paid"), "cancelled": _("cancelled"),
        "released": _("free again"),
    }  # fmt: skip
    return words.get(state, state)


def _show(found: list[UniqueAmount], zone: str) -> None:
    columns = [
        _("Account"), _("Bill"), _("Total"), _("Code"), _("To pay"), _("State"), _("Open until"), _("Free from")
    ]  # fmt: skip
    rows = [
        (
            f"{one.account} {one.virtual_account}".strip(),
            f"{one.store}: {one.printed}" if one.store else one.printed,
            money(one.total, one.currency), money(one.code, one.currency), money(one.payable, one.currency),
            _state_word(one.state), moment(one.expires_at, zone), moment(one.free_at, zone),
        )
        for one in found
    ]  # fmt: skip
    show(table("", columns, rows, right=(2, 3, 4)))


def _show_accounts(found: list[AmountAccount]) -> None:
    columns = [
        _("Account"), _("Currency"), _("Codes"), _("At most"), _("Open for"), _("Grace"), _("Open"), _("Held")
    ]  # fmt: skip
    rows = [
        (
            one.account, one.currency,
            f"{'+' if one.direction == 'add' else '−'} {one.low}-{one.high}",
            f"{one.share} %", _("%(hours)s hours", hours=count(one.hours)),
            _("%(hours)s hours", hours=count(one.grace_hours)), count(one.open), count(one.held),
        )
        for one in found
    ]  # fmt: skip
    show(table("", columns, rows, right=(3, 4, 5, 6, 7)))


for made in (account_, accounts, reserve, renew, release, list_, check):
    unique_amount.add_command(made)
