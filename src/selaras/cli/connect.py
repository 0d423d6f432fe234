"""`selaras connect`: store a connection, ask for its secrets where nobody can read them, and sign in."""

from __future__ import annotations

import asyncio
import hmac
import sys
import time
import webbrowser
from collections.abc import Awaitable, Callable
from typing import Final

import click
import msgspec

from selaras.cli import asking
from selaras.cli.base import FINE, NEEDS_A_PERSON, argument, as_json, command, option
from selaras.cli.callback import Callback, code_of
from selaras.cli.connections import opener, role_word, show_check
from selaras.cli.session import Session, session
from selaras.cli.show import print_json, say, show, table
from selaras.connectors import registry
from selaras.connectors.contract import ConnectorType, Expired
from selaras.connectors.oauth import OAuth, SignIn
from selaras.i18n import N_, _
from selaras.ledger import Desk
from selaras.ledger.errors import LedgerError
from selaras.sync import connecting
from selaras.sync.checking import check_connections
from selaras.sync.connecting import Connected
from selaras.sync.installation import open_installation
from selaras.sync.sentences import spoken

Finish = Callable[[OAuth, SignIn, str, str], Awaitable[None]]
CALLBACK: Final = "http://127.0.0.1:8901/oauth/done"


class TypeInfo(msgspec.Struct, frozen=True):
    """A kind of system that can be connected. `settings` maps names to meanings; `secrets` lists the secret ones."""

    name: str
    title: str
    role: str
    settings: dict[str, str]
    required: list[str]
    secrets: list[str]
    grant: str


@command(
    "connect",
    help=N_(
        "Connect a system: `connect TYPE --name NAME --set base_url=…`, then sign in with the browser; again with "
        "the same name it changes what is given. At a terminal what is missing is asked for, and the connection is "
        "checked at once. Secrets are never taken from the command line, where every user of the machine can read "
        "them: they come from SELARAS_SECRET_<NAME OF THE SETTING>, from standard input (--secrets-stdin), or are "
        "asked for; other settings may come from SELARAS_SETTING_<NAME>."
    ),
)
@argument("type_name", required=False, metavar=N_("TYPE"), help=N_("Type of system; --types lists them."))
@option("--name", help=N_("Name of the connection (default: the type)."))
@option("--set", "settings", multiple=True, metavar=N_("NAME=VALUE"), help=N_("A setting that is no secret."))
@option("--zone", help=N_("Time zone of its business day (default: Asia/Jakarta)."))
@option("--secrets-stdin", is_flag=True, help=N_("Read secrets from standard input: lines of name=value, or JSON."))
@option("--headless", is_flag=True, help=N_("No browser here: print the address and ask for the code."))
@option("--no-sign-in", is_flag=True, help=N_("Only store it; sign in later with --sign-in."))
@option("--no-check", is_flag=True, help=N_("Do not ask the other side; check later with `connections check`."))
@option("--sign-in", "again", metavar=N_("NAME"), help=N_("Sign in again with a connection that is stored."))
@option("--wait", type=click.IntRange(1), default=300, show_default=True, help=N_("Seconds to wait for the browser."))
@option("--types", is_flag=True, help=N_("List the systems that can be connected, with their settings."))
@as_json
def connect(
    type_name: str | None, name: str | None, settings: tuple[str, ...], zone: str | None, secrets_stdin: bool,
    headless: bool, no_sign_in: bool, no_check: bool, again: str | None, wait: int, types: bool, json_: bool,
) -> int:  # fmt: skip
    if types:
        return _types(json_)
    here = session()
    if again is not None:
        here.must_exist()
        asyncio.run(_sign_in_again(here, again, headless, wait))
        return FINE
    if type_name is None:
        type_name = asking.chosen_type(registry.types())
        name = name or str(click.prompt(_("Name of the connection"), default=type_name, err=True))
    kind = connecting.connection_type(type_name)
    plain = asking.assignments(settings, "--set", {setting.name for setting in kind.settings if setting.secret})
    given = asking.Settings(plain, asking.from_stdin() if secrets_stdin else {})
    done = asyncio.run(
        _connect(here, kind, name or type_name, given, zone, headless, wait, sign_in=not no_sign_in, check=not no_check)
    )
    if json_:
        print_json(done)
    else:
        _tell(done)
    return FINE if done.checked is None or done.checked.ok else NEEDS_A_PERSON


def _tell(done: Connected) -> None:
    say(_("%(name)s was changed.", name=done.name) if done.replaced else _("%(name)s is connected.", name=done.name))
    if done.checked is None:
        say(_("Check it with `selaras connections check %(name)s`.", name=done.name), "dim")
    else:
        show_check(done.checked)


async def _connect(
    here: Session, kind: ConnectorType, name: str, given: asking.Settings, zone: str | None, headless: bool, wait: int,
    *, sign_in: bool, check: bool,
) -> Connected:  # fmt: skip
    desk = Desk(here.open_for_writing())
    try:
        before = next((one for one in await desk(desk.ledger.connections.all) if one.name == name), None)
        same = before if before is not None and before.type == kind.name else None
        known = asking.Settings(same.settings, same.secrets) if same else asking.Settings({}, {})
        made = asking.complete(kind, given, known)
        plain = {**known.plain, **made.plain}
        grant = plain.get("grant") or kind.grant
        if grant == "authorization_code" and "redirect_uri" in {setting.name for setting in kind.settings}:
            plain["redirect_uri"] = plain.get("redirect_uri") or CALLBACK
        done = await connecting.connect(
            desk,
            kind.name,
            name,
            plain,
            {**known.secret, **made.secret},
            zone or (same.zone if same else asking.chosen_zone(given)),
            here.now(),
        )
        if done.sign_in and sign_in:
            await _sign_in(desk, name, headless, wait)
        if check and (sign_in or not done.sign_in):
            (checked,) = await check_connections(desk, opener(desk), [name], time.time())
            done = msgspec.structs.replace(done, checked=checked)
        return done
    finally:
        await desk.close()


async def _sign_in_again(here: Session, name: str, headless: bool, wait: int) -> None:
    """By ourselves, or with the process that serves the installation: it has the connection, we have the person."""
    remote = here.serving()
    if remote is None:
        desk = Desk(here.open_for_writing())
    else:
        desk = Desk(open_installation(here.data, read_only=True))

    async def through(_oauth: OAuth, begun: SignIn, code: str, state: str) -> None:
        if not hmac.compare_digest(state.encode(), begun.state.encode()):
            raise LedgerError(
                f"The sign-in that came back is not the one begun for {name}.",
                "Begin the sign-in again and finish it in the same browser.",
            )
        body = {"name": name, "code": code, "verifier": begun.verifier, "who": here.who}
        await asyncio.to_thread(remote.post, "/sign-in", body, connecting.SignedIn)  # type: ignore[union-attr]

    try:
        await _sign_in(desk, name, headless, wait, connecting.finish_sign_in if remote is None else through)
    finally:
        await desk.close()


async def _sign_in(
    desk: Desk, name: str, headless: bool, wait: int, finish: Finish = connecting.finish_sign_in
) -> None:
    """Send the person to the sign-in page and take the code that comes back, by a page of ours or by hand."""
    connection = await desk(desk.ledger.connections.get, name)
    redirect = connection.settings.get("redirect_uri") or CALLBACK
    async with connecting.signing_in(desk, name, time.time) as oauth:
        begun = oauth.authorization_url()
        if headless:
            click.echo(_("Open this address in a browser and sign in:"), err=True)
            click.echo(begun.url, err=True)
            pasted = await asyncio.to_thread(_ask)
            code, state = code_of(pasted)
            await finish(oauth, begun, code, state or begun.state)
        else:
            async with Callback(redirect) as callback:
                click.echo(_("Sign in with the browser at this address:"), err=True)
                click.echo(begun.url, err=True)
                if sys.stderr.isatty():
                    await asyncio.to_thread(webbrowser.open, begun.url)
                code, state = await callback.answer(wait)
                try:
                    await finish(oauth, begun, code, state)
                except (Expired, LedgerError):
                    callback.tell(ok=False)
                    raise
                callback.tell(ok=True)
    click.echo(_("%(name)s is signed in.", name=name), err=True)


def _ask() -> str:
    return str(click.prompt(_("The address that you were sent to, or the code in it"), err=True)).strip()


def _types(json_: bool) -> int:
    found = [
        TypeInfo(
            kind.name, kind.title, kind.role, {s.name: s.title for s in kind.settings},
            [s.name for s in kind.settings if s.required], [s.name for s in kind.settings if s.secret], kind.grant,
        )
        for kind in sorted(registry.types().values(), key=lambda kind: kind.name)
    ]  # fmt: skip
    if json_:
        print_json(found)
        return FINE
    for one in found:
        say(f"{one.name}: {spoken(one.title)} ({role_word(one.role)})", "bold")
        rows = [
            (name, spoken(title), _("secret") if name in one.secrets else _("required") if name in one.required else "")
            for name, title in one.settings.items()
        ]
        show(table("", [_("Setting"), _("Meaning"), ""], rows), "")
    return FINE
