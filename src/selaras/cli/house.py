"""`selaras events`, `selaras backup` and `selaras version`."""

from __future__ import annotations

import datetime as dt
import platform
from importlib import metadata
from pathlib import Path

import click
import msgspec

import selaras
from selaras.cli.base import FINE, argument, as_json, command, option
from selaras.cli.session import session
from selaras.cli.show import count, moment, print_json, say, show, table
from selaras.i18n import N_, _
from selaras.ledger.errors import LedgerError
from selaras.secrets import redact
from selaras.sync.figures import instant
from selaras.sync.installation import pairs_of
from selaras.sync.sentences import spoken


class Event(msgspec.Struct, frozen=True):
    """Something a person may need to know."""

    at: dt.datetime
    connection: str
    level: str
    code: str
    message: str


@command("events", help=N_("What happened that a person may need to know, the newest first."))
@option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help=N_("How many."))
@as_json
def events(limit: int, json_: bool) -> int:
    with session().reading() as ledger:
        found = [
            Event(instant(at), connection, level, code, redact(message))
            for at, connection, level, code, message in ledger.connections.events(limit)
        ]
        pairs = pairs_of(ledger)
    if json_:
        print_json(found)
    elif not found:
        say(_("Nothing happened."))
    else:
        zone = pairs[0].policy.zone if pairs else "UTC"
        words = {"info": _("note"), "warning": _("warning"), "error": _("error")}
        rows = [(moment(e.at, zone), e.connection, words.get(e.level, e.level), spoken(e.message)) for e in found]
        show(table("", [_("When"), _("Connection"), _("Level"), _("What")], rows))
    return FINE


@command(
    "backup",
    help=N_(
        "Copy the ledger into a new file while it is in use, and verify the copy. The key of the data directory is "
        "not in it: keep a copy of the key in another place."
    ),
)
@argument("file", type=click.Path(dir_okay=False), help=N_("File to write; it must not exist."))
@as_json
def backup(file: str, json_: bool) -> int:
    from selaras.ledger.backup import backup as copy

    here = session()
    here.must_exist()
    if here.database:
        raise LedgerError("A PostgreSQL database is backed up with its own tools.", "Use pg_dump.")
    done = copy(here.data, Path(file))
    if json_:
        print_json(done)
    else:
        say(
            _(
                "Copied to %(path)s and verified: %(records)s records, %(postings)s postings, %(links)s links.",
                path=done.path,
                records=count(done.records),
                postings=count(done.postings),
                links=count(done.links),
            )
        )
        say(_("The key is not in it: keep a copy of %(key)s in another place.", key=here.data / "key"), "yellow")
    return FINE


class Version(msgspec.Struct, frozen=True):
    """What runs here."""

    selaras: str
    python: str
    sqlite: str
    platform: str
    packages: dict[str, str]


_PACKAGES = ("aiohttp", "apsw", "click", "cryptography", "msgspec", "starlette", "uvicorn", "psycopg")


@command("version", help=N_("The version of the program and what it runs on."))
@as_json
def version(json_: bool) -> int:
    import apsw

    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # an extra that is not installed
            continue
    found = Version(
        selaras.__version__, platform.python_version(), apsw.sqlite_lib_version(), platform.platform(), packages
    )
    if json_:
        print_json(found)
    else:
        say(f"selaras {found.selaras}", "bold")
        say(f"Python {found.python}, SQLite {found.sqlite}, {found.platform}")
    return FINE
