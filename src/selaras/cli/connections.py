"""`selaras connections`: list, check and remove them."""

from __future__ import annotations

import asyncio
import time

import click
import msgspec

from selaras.cli.base import FINE, NEEDS_A_PERSON, argument, as_json, command, group, option
from selaras.cli.session import session
from selaras.cli.show import print_json, say, show, table
from selaras.connectors.contract import Check, ConnectorError
from selaras.i18n import N_, _
from selaras.ledger import Desk
from selaras.ledger.connections import Connection
from selaras.ledger.errors import DataDirectoryInUse
from selaras.sync import connecting
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


class CheckAnswer(msgspec.Struct, frozen=True):
    """The check of one connection; `error` instead of a check where the other side could not be asked."""

    name: str
    ok: bool
    check: Check | None
    error: str
    cure: str


@command(
    "check",
    help=N_(
        "Ask the other side for rights, clock, zone and currency; without a name every connection. Nothing is "
        "written there. Exit code 1 when something needs mending."
    ),
)
@argument("name", required=False, help=N_("Name of the connection."))
@as_json
def check(name: str | None, json_: bool) -> int:
    found = asyncio.run(_check(name))
    if json_:
        print_json(found)
    else:
        for one in found:
            _show(one)
    return FINE if all(one.ok for one in found) else NEEDS_A_PERSON


async def _check(name: str | None) -> list[CheckAnswer]:
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
        every = await desk(ledger.connections.all)
        chosen = [await desk(ledger.connections.get, name)] if name else every
        return [await _ask(one, LedgerTokens(desk, one.name, time.time)) for one in chosen]
    finally:
        await desk.close()


async def _ask(connection: Connection, tokens: LedgerTokens) -> CheckAnswer:
    connector = build(connection, tokens, time.time)
    try:
        found = await connector.check()
    except ConnectorError as error:
        return CheckAnswer(connection.name, False, None, error.message, error.cure)
    finally:
        await connector.close()
    return CheckAnswer(connection.name, found.ok, found, "", "")


def _show(one: CheckAnswer) -> None:
    if one.check is None:
        error, cure = spoken(one.error), spoken(one.cure)
        stop = "" if error.endswith((".", "!", "?")) else "."
        say(f"✘ {one.name}: {error}{stop} {cure}".rstrip(), "bold red")
        return
    say(f"{'✔' if one.ok else '✘'} {one.name}: {one.check.account}, {one.check.currency}, {one.check.zone}",
        "green" if one.ok else "bold red")  # fmt: skip
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
