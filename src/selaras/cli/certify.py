"""`selaras certify`: write the certificate of a month, or check one without any database."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import click

from selaras.cli.base import FINE, NEEDS_A_PERSON, as_json, command, option
from selaras.cli.session import session
from selaras.cli.show import as_state, count, money, print_json, say, show, table
from selaras.i18n import N_, _
from selaras.sync import certificate


@command(
    "certify",
    help=N_(
        "--month YYYY-MM --out FILE writes the certificate of a store's month: every order with its status, digest "
        "and documents, hash-chained, with totals. --check FILE recomputes every hash and every sum with nothing but "
        "the file and names the first line that does not fit. Exit code 1 when the check fails or the month is not "
        "green."
    ),
)
@option("--month", metavar="YYYY-MM", help=N_("The month to certify."))
@option("--out", type=click.Path(dir_okay=False), help=N_("File to write, such as 2026-08.jsonl."))
@option("--check", "checked", type=click.Path(dir_okay=False), help=N_("Certificate to check."))
@option("--connection", help=N_("The store, where there are several."))
@as_json
def certify(month: str | None, out: str | None, checked: str | None, connection: str | None, json_: bool) -> int:
    if checked is not None and month is None and out is None:
        return _check(Path(checked), json_)
    if month is None or checked is not None:
        raise click.UsageError(_("Give --month YYYY-MM to write a certificate, or --check FILE to check one."))
    with session().reading() as ledger:
        path = Path(out or f"selaras-{month}.jsonl")
        done = certificate.certify(ledger, month, connection, path, now=dt.datetime.now(dt.UTC))
    if json_:
        print_json(done)
    else:
        _totals(done.totals)
        say(_("%(count)s records certified in %(path)s.", count=count(done.records), path=done.path))
        say(_("Seal: %(seal)s", seal=done.seal), "bold")
        say(_("Keep the seal apart from the file: it tells this file from every other."), "dim")
        if not done.green:
            say(_("The month is not green: something waits or is blocked."), "yellow")
    return FINE if done.green else NEEDS_A_PERSON


def _check(path: Path, json_: bool) -> int:
    found = certificate.check_certificate(path)
    if json_:
        print_json(found)
    elif found.fault is not None:
        from selaras.sync.sentences import spoken

        say(
            _("%(path)s, line %(line)s: %(why)s", path=path, line=found.fault.line, why=spoken(found.fault.message)),
            "bold red",
        )
    else:
        _totals(found.totals)
        say(
            _(
                "%(path)s holds: %(count)s records of %(connection)s in %(month)s, every hash and every sum "
                "recomputed.",
                path=path,
                count=count(found.records),
                connection=found.header["connection"],
                month=found.header["month"],
            ),
            "green",
        )
        say(_("Seal: %(seal)s", seal=found.seal), "bold")
    return FINE if found.fault is None else NEEDS_A_PERSON


def _totals(totals: dict[str, Any]) -> None:
    from decimal import Decimal

    rows = [
        (as_state(status), count(figures["count"]), money(Decimal(figures["sum"]), currency))
        for status, currencies in totals.items()
        for currency, figures in currencies.items()
    ]
    if rows:
        show(table("", [_("Status"), _("Records"), _("Sum")], rows, right=(1, 2)))
