"""The settings of a connection: from flags, standard input and the environment, or asked of the person at the terminal.

A secret never stands on a command line, where every user of the machine can read it; typed at the prompt it is not
shown. Whatever was given goes before what is stored, and what is stored before a question.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Final

import click
import msgspec

from selaras.connectors.contract import ConnectorType, Setting
from selaras.i18n import _
from selaras.ledger.errors import LedgerError
from selaras.sync.sentences import spoken

SECRET: Final = "SELARAS_SECRET_"  # noqa: S105 - the beginning of a variable's name
PLAIN: Final = "SELARAS_SETTING_"
ZONE: Final = "Asia/Jakarta"


def at_a_terminal() -> bool:
    """Whether there is a person to ask."""
    return sys.stdin.isatty()


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


def variable_of(setting: str, beginning: str = SECRET) -> str:
    """The environment variable that may hold a setting: SELARAS_SECRET_… for a secret, SELARAS_SETTING_… for others."""
    return beginning + setting.upper().replace("-", "_")


def from_stdin() -> dict[str, str]:
    """Secrets from standard input: lines of name=value, or a JSON object of texts. Raises `LedgerError`."""
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


def chosen_type(names: Iterable[str]) -> str:
    """The type of system that a person chooses. Raises `UsageError` where there is nobody to ask."""
    if not at_a_terminal():
        raise click.UsageError(_("Name the type of system; `selaras connect --types` lists them."))
    return str(click.prompt(_("Type of system"), type=click.Choice(sorted(names)), err=True))


class Settings(msgspec.Struct, frozen=True):
    """What a connection is made with, plain settings apart from secrets."""

    plain: dict[str, str]
    secret: dict[str, str]


def complete(kind: ConnectorType, given: Settings, known: Settings) -> Settings:
    """Every setting that is given, in the environment, or stored, and what is missing asked of the person.

    Without a terminal a missing secret is an error that names its variable; a missing plain setting is told by whoever
    stores the connection. Raises `LedgerError`.
    """
    plain, secret = dict(given.plain), dict(given.secret)
    new = not (known.plain or known.secret)
    asked = at_a_terminal()
    for setting in kind.settings:
        found, stored = (secret, known.secret) if setting.secret else (plain, known.plain)
        if setting.name in found:
            continue
        value = os.environ.get(variable_of(setting.name, SECRET if setting.secret else PLAIN))
        if value:
            found[setting.name] = value
        elif setting.name not in stored and setting.required and not setting.default:
            if asked:
                found[setting.name] = _ask(setting)
            elif setting.secret:
                variable = variable_of(setting.name)
                raise LedgerError(
                    f"The secret {setting.name!r} is missing.", f"Put it into {variable}, or use --secrets-stdin."
                )
    if asked and new and not given.plain and not given.secret:
        _ask_the_rest(kind, plain, secret)
    return Settings(plain, secret)


def chosen_zone(given: Settings) -> str:
    """The zone of a new connection; a person who is asked for the settings is asked for it too."""
    if not at_a_terminal() or given.plain or given.secret:
        return ZONE
    return str(click.prompt(_("Time zone of its business day"), default=ZONE, err=True)).strip()


def _ask_the_rest(kind: ConnectorType, plain: dict[str, str], secret: dict[str, str]) -> None:
    """The settings that may be left as they are; where no secret is required they may well be needed."""
    rest = [s for s in kind.settings if s.name not in plain and s.name not in secret]
    needed = not any(s.secret and s.required for s in kind.settings)
    question = _("Go through the %(count)s other settings as well?", count=len(rest))
    if not rest or not click.confirm(question, default=needed, err=True):
        return
    for setting in rest:
        value = _ask(setting)
        if value and value != setting.default:
            (secret if setting.secret else plain)[setting.name] = value


def _ask(setting: Setting) -> str:
    """One setting from the person, who sees nothing typed of a secret."""
    default = setting.default or (None if setting.required else "")
    shown = bool(setting.default) and not setting.secret
    return str(
        click.prompt(spoken(setting.title), default=default, show_default=shown, hide_input=setting.secret, err=True)
    ).strip()
