"""`selaras serve`."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

import click

from selaras.cli.base import FINE, command, option
from selaras.cli.session import session
from selaras.i18n import N_, _
from selaras.secrets import RedactFilter


@command(
    "serve",
    help=N_(
        "Run everything in one process: the engine that keeps the sides in step, the console, webhooks and the API. "
        "Ctrl-C or SIGTERM stops it in order; what is under way is finished or taken up again at the next start."
    ),
)
@option("--host", default="127.0.0.1", show_default=True, help=N_("Address to listen on."))
@option("--port", type=click.IntRange(0, 65535), default=8600, show_default=True, help=N_("Port (0: any free one)."))
@option(
    "--public-url", default="", envvar="SELARAS_PUBLIC_URL",
    help=N_("Address under which stores reach us for webhooks; without it they are polled."),
)  # fmt: skip
@option("--open-read", is_flag=True, help=N_("Show the console without sign-in, on this machine only."))
@option(
    "--log",
    type=click.Choice(["warning", "info", "debug"]),
    default="warning",
    show_default=True,
    help=N_("How much to log."),
)
def serve(host: str, port: int, public_url: str, open_read: bool, log: str) -> int:
    from selaras.web.server import loop_factory, run_server

    _logging(log)
    here = session()
    ledger = here.open_for_writing()

    def ready(url: str) -> None:
        click.echo(_("Selaras answers at %(url)s (data in %(data)s). Ctrl-C stops it.", url=url, data=here.data))

    def welcome(link: str) -> None:
        click.echo(_("Choose the password of this installation: %(link)s", link=link))

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(
            run_server(
                ledger, host=host, port=port, public_url=public_url, data=here.data, ready=ready, open_read=open_read,
                welcome=welcome,
            )
        )  # fmt: skip
    click.echo(_("Stopped."))
    return FINE


def _logging(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(RedactFilter())
    logging.basicConfig(level=os.environ.get("SELARAS_LOG", level).upper(), handlers=[handler])
