"""`selaras connections`: list, check and remove them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from selaras.cli.base import FINE, NEEDS_A_PERSON, argument, as_json, command, group, option
from selaras.cli.session import session
from selaras.cli.show import print_json, say, show, table
from selaras.connectors.contract import Connector
from selaras.i18n import N_, _
from selaras.ledger import Desk
from selaras.ledger.connections import Connection
from selaras.ledger.errors import DataDirectoryInUse, LedgerError
from selaras.sync import connecting
from selaras.sync.checking import PUBLIC_URL, CheckAnswer, Opened, check_connections
from selaras.sync.installation import LedgerTokens, build
from selaras.sync.sentences import spoken


@group("connections", help=N_("The systems that are connected."))
def connections() -> None:
    pass


@command("list", help=N_("Every connection, without its secrets."))
@as_json
def list_(json_: bool) -> int:
    with session().reading() as ledger:
        found = connecting.connections(ledger)
    if json_:
        print_json(found)
    elif not found:
        say(_("Nothing is connected yet: `selaras connect --types` lists what can be."))
    else:
        signed = {None: "", True: _("signed in"), False: _("not signed in")}
        rows = [(c.name, c.type, role_word(c.role), c.zone, signed[c.signed_in], ", ".join(c.pairs)) for c in found]
        columns = [_("Name"), _("Type"), _("Role"), _("Zone"), _("Sign-in"), _("Paired with")]
        show(table("", columns, rows))
    return FINE


def role_word(role: str) -> str:
    """What a system is, in the reader's language."""
    words = {
        "store": _("store"), "books": _("books"), "bank": _("bank"), "gateway": _("gateway"), "files": _("files"),
    }  # fmt: skip
    return words.get(role, role)


@command(
    "check",
    help=N_(
        "Ask the other side for rights, clock, zone, currency and taxes, and look how both sides of a pair, the "
        "mapping and the webhooks fit; without a name every connection. Nothing is written there, but for the "
        "subscription that --webhooks renews. Exit code 1 when something needs mending."
    ),
)
@argument("name", required=False, help=N_("Name of the connection."))
@option(
    "--webhooks",
    is_flag=True,
    help=N_("Also ask for our public address, and switch the store's webhooks on where they are off."),
)
@option(
    "--public-url",
    envvar="SELARAS_PUBLIC_URL",
    help=N_("Address under which stores reach us (default: the one that `serve` was given)."),
)
@as_json
def check(name: str | None, webhooks: bool, public_url: str | None, json_: bool) -> int:
    found = asyncio.run(_check(name, webhooks, public_url))
    if json_:
        print_json(found)
    else:
        for one in found:
            show_check(one)
    return FINE if all(one.ok for one in found) else NEEDS_A_PERSON


async def _check(name: str | None, webhooks: bool, public_url: str | None) -> list[CheckAnswer]:
    """Ask every chosen connection. A token that is refreshed by this has to be kept, so we write where we can.

    Beside a serving process we only read: it keeps the tokens fresh, and a refresh of ours fails before it is sent.
    """
    here = session()
    here.must_exist()
    try:
        ledger = here.open_for_writing()
    except DataDirectoryInUse:
        ledger = here.open_for_reading()
    desk = Desk(ledger)
    try:
        names = [name] if name else [one.name for one in await desk(ledger.connections.all)]
        if webhooks and not (public_url or await desk(ledger.connections.setting, PUBLIC_URL)):
            raise LedgerError(
                "No public address is known.", "Name it with --public-url, or give it to `selaras serve`."
            )
        return await check_connections(desk, opener(desk), names, time.time(), public_url=public_url, renew=webhooks)
    finally:
        await desk.close()


def opener(desk: Desk) -> Opened:
    """How a connection is opened by a command: built from what is stored, and closed again."""

    @asynccontextmanager
    async def opened(connection: Connection) -> AsyncIterator[Connector]:
        connector = build(connection, LedgerTokens(desk, connection.name, time.time), time.time)
        try:
            yield connector
        finally:
            await connector.close()

    return opened


def show_check(one: CheckAnswer) -> None:
    """What the check of a connection found, line by line, with the cure of what needs one."""
    if one.check is None:
        error, cure = spoken(one.error), spoken(one.cure)
        stop = "" if error.endswith((".", "!", "?")) else "."
        say(f"✘ {one.name}: {error}{stop} {cure}".rstrip(), "bold red")
        return
    facts = ", ".join(fact for fact in (one.check.account, one.check.currency, one.check.zone) if fact)
    say(f"{'✔' if one.ok else '✘'} {one.name}: {facts}".rstrip(": "), "green" if one.ok else "bold red")
    for finding in one.check.findings:
        mark, detail = ("✔" if finding.ok else "✘"), f" {spoken(finding.detail)}" if finding.detail else ""
        cure = "" if finding.ok or not finding.cure else f" → {spoken(finding.cure)}"
        say(f"    {mark} {spoken(finding.what)}{':' if detail else ''}{detail}{cure}", "" if finding.ok else "red")


@command(
    "remove",
    help=N_(
        "Forget a connection, its secrets and its sign-in. Records and postings stay, as the proof of what was done."
    ),
)
@argument("name", help=N_("Name of the connection."))
@option("--with-pairs", is_flag=True, help=N_("Also end the pairs that it takes part in."))
@option("--yes", is_flag=True, help=N_("Do not ask."))
def remove(name: str, with_pairs: bool, yes: bool) -> int:
    here = session()
    here.must_exist()
    with here.writing() as ledger:
        ledger.connections.get(name)
        if not yes:
            click.confirm(_("Forget %(name)s and its secrets?", name=name), abort=True)
        connecting.remove_connection(ledger, name, with_pairs=with_pairs)
    say(_("%(name)s is forgotten.", name=name))
    return FINE


for made in (list_, check, remove):
    connections.add_command(made)
