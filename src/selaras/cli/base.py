"""Commands whose texts are translated when they are shown, and the program that loads them when they are called."""

from __future__ import annotations

import gettext as stdlib_gettext
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from selaras.i18n import LOCALE_DIR, LOCALES, N_, _, default_locale, pick, set_locale

FINE: Final = 0
NEEDS_A_PERSON: Final = 1
CANNOT: Final = 2
INTERRUPTED: Final = 130
DEBUG: Final = "SELARAS_DEBUG"
GLOBAL: Final = ("data", "database", "lang")


@contextmanager
def _spoken(thing: Any) -> Iterator[None]:
    """Help and metavar in the language of the moment: decorators run once, languages change between calls."""
    said, named = thing.help, getattr(thing, "metavar", None)
    thing.help = _(said) if said else said
    if named:
        thing.metavar = _(named)
    try:
        yield
    finally:
        thing.help = said
        if named:
            thing.metavar = named


class Option(click.Option):
    """An option whose help is a text of the catalogue."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        with _spoken(self):
            return super().get_help_record(ctx)


class Argument(click.Argument):
    """An argument whose help is a text of the catalogue."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        with _spoken(self):
            return super().get_help_record(ctx)

    def get_usage_pieces(self, ctx: click.Context) -> list[str]:
        with _spoken(self):
            return super().get_usage_pieces(ctx)


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """What the system says against writing this file, as one sentence."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(
            _("%(file)s cannot be written: %(why)s.", file=str(out), why=error.strerror or str(error))
        ) from None


class _Spoken(click.Command):
    """What commands and groups share: translated help, the global options, and `--help` in the same words."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with _spoken(self):
            super().format_help_text(ctx, formatter)

    def get_short_help_str(self, limit: int = 60) -> str:
        with _spoken(self):
            return super().get_short_help_str(max(limit, 60))

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own parameters, and the global ones, which may stand anywhere on the line."""
        params = super().get_params(ctx)
        have = {param.name for param in params}
        return params[:-1] + [p for p in global_options() if p.name not in have] + params[-1:]

    def invoke(self, ctx: click.Context) -> Any:
        kept = ctx.ensure_object(dict)
        for name in GLOBAL:
            value = ctx.params.pop(name, None)
            if value is not None:
                kept[name] = value
        return super().invoke(ctx)


class Command(_Spoken):
    """One command."""


class Group(_Spoken, click.Group):
    """Commands under one word."""

    command_class = Command


class Program(_Spoken, click.Group):
    """The program: a table of commands, each imported when it is called, so that `--help` stays quick."""

    def __init__(self, table: Mapping[str, tuple[str, str, str]], **more: Any) -> None:
        super().__init__(**more)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.table.get(cmd_name)
        if entry is None:
            return None
        found = getattr(importlib.import_module(entry[0]), entry[1])
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands without importing any of them."""
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, _(entry[2])) for name, entry in self.table.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and turn whatever goes wrong into one sentence and an exit code. Returns it when not standalone."""
        given = list(sys.argv[1:] if args is None else args)
        speak(given)
        code = self._run(given, prog_name or "selaras", complete_var, windows_expand_args, extra)
        if standalone_mode:
            sys.exit(code)
        return code

    def _run(
        self, args: list[str], prog_name: str, complete_var: str | None, expand: bool, extra: dict[str, Any]
    ) -> int:
        try:
            answer = super().main(
                args, prog_name, complete_var, standalone_mode=False, windows_expand_args=expand, **extra
            )
        except click.Abort:
            click.echo(_("Stopped. Nothing that was begun is lost."), err=True)
            return INTERRUPTED
        except click.ClickException as error:
            error.show()
            return CANNOT
        except SystemExit as error:
            return error.code if isinstance(error.code, int) else CANNOT if error.code else FINE
        except Exception as error:  # everything ends in one sentence; SELARAS_DEBUG=1 shows the rest
            if os.environ.get(DEBUG) == "1":
                raise
            from selaras.cli.errors import sentence

            click.echo(sentence(error), err=True)
            return CANNOT
        return answer if isinstance(answer, int) else FINE


def speak(args: Sequence[str]) -> str:
    """Choose the language before anything is shown: --lang anywhere on the line, else SELARAS_LANG, else English.

    click's own words come from our catalogue too: it asks the standard gettext, which is pointed at ours.
    """
    wish: str | None = None
    for place, word in enumerate(args):
        if word == "--":
            break
        if word.startswith("--lang="):
            wish = word.partition("=")[2]
        elif word == "--lang" and place + 1 < len(args):
            wish = args[place + 1]
    locale = pick(wish) or default_locale()
    set_locale(locale)
    stdlib_gettext.bindtextdomain("selaras", str(LOCALE_DIR))
    stdlib_gettext.textdomain("selaras")
    os.environ["LANGUAGE"] = locale
    return locale


def global_options() -> list[click.Parameter]:
    """--data, --database and --lang; every command has them, and so has the program."""
    return [
        Option(
            ["--data"],
            type=click.Path(file_okay=False),
            metavar=N_("DIR"),
            help=N_("Data directory (default: SELARAS_DATA, else ~/.selaras)."),
        ),
        Option(
            ["--database"],
            metavar="postgresql://…",
            help=N_("PostgreSQL instead of a file (better: SELARAS_DATABASE)."),
        ),
        Option(["--lang"], type=click.Choice(LOCALES), help=N_("Language: en or id (default: SELARAS_LANG, else en).")),
    ]


def option(*names: str, **more: Any) -> Callable[[Any], Any]:
    """`click.option` with a translated help."""
    return click.option(*names, cls=Option, **more)


def argument(*names: str, **more: Any) -> Callable[[Any], Any]:
    """`click.argument` with a translated help."""
    return click.argument(*names, cls=Argument, **more)


def command(name: str, help: str) -> Callable[[Callable[..., Any]], Command]:
    """Declare a command; `help` is a text of the catalogue."""
    return click.command(name, cls=Command, help=help)


def group(name: str, help: str) -> Callable[[Callable[..., Any]], Group]:
    """Declare a group of commands."""
    return click.group(name, cls=Group, help=help)


as_json = option("--json", "json_", is_flag=True, help=N_("Print JSON instead of a table."))
by_store = option("--store", help=N_("The store, where there are several."))
from_day = option("--from", "first", metavar="YYYY-MM-DD", help=N_("First day, inclusive."))
to_day = option("--to", "last", metavar="YYYY-MM-DD", help=N_("Last day, inclusive."))
