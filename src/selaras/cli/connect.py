"""`selaras connect`: store a connection, ask for its secrets where nobody can read them, and sign in."""

from __future__ import annotations

import asyncio
import hmac
import os
import sys
import time
import webbrowser
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import click
import msgspec

from selaras.cli.base import FINE, argument, as_json, command, option
from selaras.cli.callback import Callback, code_of
from selaras.cli.connections import role_word
from selaras.cli.session import Session, session
from selaras.cli.show import print_json, say, show, table
from selaras.connectors import registry
from selaras.connectors.contract import ConnectorType, Expired
from selaras.connectors.oauth import OAuth, SignIn
from selaras.i18n import N_, _
from selaras.ledger import Desk
from selaras.ledger.errors import LedgerError
from selaras.sync import connecting
from selaras.sync.connecting import Connected
from selaras.sync.installation import open_installation
from selaras.sync.sentences import spoken

SECRET: Final = "SELARAS_SECRET_"  # noqa: S105 - the beginning of a variable's name
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
        "the same name it changes what is given. Secrets are never taken from the command line, where every user of "
        "the machine can read them: they come from SELARAS_SECRET_<NAME OF THE SETTING>, from standard input "
        "(--secrets-stdin), or are asked for."
    ),
)
@argument("type_name", required=False, metavar=N_("TYPE"), help=N_("Type of system; --types lists them."))
@option("--name", help=N_("Name of the connection (default: the type)."))
@option("--set", "settings", multiple=True, metavar=N_("NAME=VALUE"), help=N_("A setting that is no secret."))
@option("--zone", help=N_("Time zone of its business day (default: Asia/Jakarta)."))
@option("--secrets-stdin", is_flag=True, help=N_("Read secrets from standard input: lines of name=value, or JSON."))
@option("--headless", is_flag=True, help=N_("No browser here: print the address and ask for the code."))
@option("--no-sign-in", is_flag=True, help=N_("Only store it; sign in later with --sign-in."))
@option("--sign-in", "again", metavar=N_("NAME"), help=N_("Sign in again with a connection that is stored."))
@option("--wait", type=click.IntRange(1), default=300, show_default=True, help=N_("Seconds to wait for the browser."))
@option("--types", is_flag=True, help=N_("List the systems that can be connected, with their settings."))
@as_json
def connect(
    type_name: str | None, name: str | None, settings: tuple[str, ...], zone: str | None, secrets_stdin: bool,
    headless: bool, no_sign_in: bool, again: str | None, wait: int, types: bool, json_: bool,
) -> int:  # fmt: skip
    if types:
        return _types(json_)
    here = session()
    if again is not None:
        here.must_exist()
        asyncio.run(_sign_in_again(here, again, headless, wait))
        return FINE
    if type_name is None:
        raise click.UsageError(_("Name the type of system; `selaras connect --types` lists them."))
    kind = connecting.connection_type(type_name)
    plain = assignments(settings, "--set", {setting.name for setting in kind.settings if setting.secret})
    given = _from_stdin() if secrets_stdin else {}
    done = asyncio.run(_connect(here, kind, name or type_name, plain, given, zone, no_sign_in, headless, wait))
    if json_:
        print_json(done)
    else:
        text = (
            _("%(name)s was changed.", name=done.name) if done.replaced else _("%(name)s is connected.", name=done.name)
        )
        say(text)
        say(_("Check it with `selaras connections check %(name)s`.", name=done.name), "dim")
    return FINE


def assignments(words: Sequence[str], where: str, secret: set[str] | None = None) -> dict[str, str]:
    """name=value words as a mapping. Raises `UsageError`; a secret is refused without being repeated."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(_("%(where)s takes name=value.", where=where))
        if name.strip() in (secret or ()):
            raise click.UsageError(
                _(
                    "%(name)s is a secret, and every user of this machine can read a command line: put it into "
                    "%(variable)s, use --secrets-stdin, or leave it out and be asked.",
                    name=name.strip(),
                    variable=variable_of(name.strip()),
                )
            )
        found[name.strip()] = value
    return found


def variable_of(setting: str) -> str:
    """The environment variable that may hold a secret setting."""
    return SECRET + setting.upper().replace("-", "_")


def _from_stdin() -> dict[str, str]:
    text = sys.stdin.read()
    if text.lstrip().startswith("{"):
        try:
            return msgspec.json.decode(text, type=dict[str, str])
        except msgspec.MsgspecError:
            raise LedgerError(
                "Standard input is not a JSON object of texts.", "Give lines of name=value instead."
            ) from None
    pairs = [line.partition("=") for line in text.splitlines() if line.strip()]
    if any(not equals for _name, equals, _value in pairs):
        raise LedgerError("Standard input has a line without name=value.", "Give one secret on each line.")
    return {name.strip(): value for name, _equals, value in pairs}


def _secrets(kind: ConnectorType, given: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """Every secret of a type: from stdin, the environment, what is stored, or the person (who sees nothing typed)."""
    found = dict(given)
    for setting in kind.settings:
        if not setting.secret or setting.name in found:
            continue
        variable = variable_of(setting.name)
        if os.environ.get(variable):
            found[setting.name] = os.environ[variable]
        elif setting.name not in known and setting.required:
            if not sys.stdin.isatty():
                raise LedgerError(
                    f"The secret {setting.name!r} is missing.", f"Put it into {variable}, or use --secrets-stdin."
                )
            found[setting.name] = click.prompt(spoken(setting.title), hide_input=True, err=True)
    return found


async def _connect(
    here: Session, kind: ConnectorType, name: str, plain: dict[str, str], given: dict[str, str], zone: str | None,
    no_sign_in: bool, headless: bool, wait: int,
) -> Connected:  # fmt: skip
    desk = Desk(here.open_for_writing())
    try:
        before = next((one for one in await desk(desk.ledger.connections.all) if one.name == name), None)
        same = before if before is not None and before.type == kind.name else None
        names = {setting.name for setting in kind.settings}
        grant = plain.get("grant") or (same.settings.get("grant") if same else "") or kind.grant
        if (
            grant == "authorization_code"
            and "redirect_uri" in names
            and not (same and same.settings.get("redirect_uri"))
        ):
            plain.setdefault("redirect_uri", CALLBACK)
        sealed = _secrets(kind, given, same.secrets if same else {})
        done = await connecting.connect(
            desk,
            kind.name,
            name,
            {**(same.settings if same else {}), **plain},
            {**(same.secrets if same else {}), **sealed},
            zone or (same.zone if same else "Asia/Jakarta"),
            here.now(),
        )
        if done.sign_in and not no_sign_in:
            await _sign_in(desk, name, headless, wait)
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
