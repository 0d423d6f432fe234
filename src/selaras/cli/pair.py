"""`selaras pair` and `selaras schedule`."""

from __future__ import annotations

import click
import msgspec

from selaras.cli.asking import assignments
from selaras.cli.base import FINE, argument, as_json, command, option
from selaras.cli.session import session
from selaras.cli.show import print_json, say, show, table
from selaras.i18n import N_, _
from selaras.sync import connecting
from selaras.sync.hub import Pair
from selaras.sync.installation import pairs_of, schedules_of


@command(
    "pair",
    help=N_(
        "`pair STORE BOOKS` keeps a store in books; again with --set it changes the policy: invoice_at, on_edit, "
        "bank_methods, accounts.METHOD, default_account, reference_prefix, lock_policy, closed_until, zone, walk_in, "
        "roles. See `selaras plan --all` for what a change would do. Without names it lists the pairs."
    ),
)
@argument("store", required=False, help=N_("Name of the store's connection."))
@argument("books", required=False, help=N_("Name of the books' connection."))
@option("--set", "choices", multiple=True, metavar=N_("NAME=VALUE"), help=N_("A choice of the policy."))
@option("--buffer", type=click.IntRange(0), help=N_("Pieces that the store never offers."))
@option("--remove", is_flag=True, help=N_("End the pair of this store; what was posted stays."))
@as_json
def pair(
    store: str | None, books: str | None, choices: tuple[str, ...], buffer: int | None, remove: bool, json_: bool
) -> int:
    here = session()
    if store is None:
        with here.reading() as ledger:
            found = pairs_of(ledger)
        if json_:
            print_json(found)
        else:
            _list(found)
        return FINE
    if not remove and books is None:
        raise click.UsageError(_("Name the store and the books."))
    here.must_exist()
    with here.writing() as ledger:
        if remove:
            made = connecting.remove_pair(ledger, store)
        else:
            made = connecting.make_pair(ledger, store, books or "", assignments(choices, "--set"), buffer)
    if json_:
        print_json(made)
    elif remove:
        say(_("%(store)s is no longer kept in %(books)s.", store=made.store, books=made.books))
    else:
        _list([made])
    return FINE


def _list(found: list[Pair]) -> None:
    if not found:
        say(_("No store is kept in any books yet: `selaras pair STORE BOOKS`."))
    for one in found:
        say(f"{one.store} → {one.books}", "bold")
        fields = msgspec.to_builtins(one.policy)
        rows = [("buffer", str(one.buffer))] + [(name, _text(value)) for name, value in fields.items()]
        show(table("", [_("Choice"), _("Value")], rows))


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={text}" for name, text in sorted(value.items()))
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(sorted(str(item) for item in value))
    return "" if value is None else str(value)


@command(
    "schedule",
    help=N_(
        "How often each kind of record is synchronised: `on event`, `every 5m`, `daily 06:00`, `weekly mon 06:00`. "
        "Without arguments it lists them. A running `selaras serve` takes a change when it is started again."
    ),
)
@argument("kind", required=False, help=N_("Kind of record, or sweep, webhooks, reread."))
@argument("text", nargs=-1, metavar=N_("[WHEN]"), help=N_("When."))
@as_json
def schedule(kind: str | None, text: tuple[str, ...], json_: bool) -> int:
    here = session()
    if kind is None or not text:
        with here.reading() as ledger:
            found = schedules_of(ledger)
        if kind is not None:
            found = {name: when for name, when in found.items() if name == kind}
    else:
        from selaras.engine.schedule import parse

        here.must_exist()
        with here.writing() as ledger:
            found = connecting.set_schedule(ledger, kind, " ".join(text), here.now(), parse)
    if json_:
        print_json(found)
    else:
        show(table("", [_("Kind"), _("When")], list(found.items())))
    return FINE
