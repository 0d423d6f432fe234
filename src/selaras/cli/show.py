"""How answers look: JSON for programs, tables for people, money and time as the reader's language has them."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from selaras.i18n import _, format_instant, format_money, format_number
from selaras.sync.figures import Sum

_WIDE = 200
# What a buyer or a bank wrote is shown and not obeyed: a terminal takes these signs for commands.
_COMMANDS = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160)), "\ufffd")
_ENCODER = msgspec.json.Encoder(decimal_format="string")
STYLES = {
    "posted": "green", "done": "green", "waiting": "yellow", "planned": "yellow", "in_doubt": "yellow",
    "blocked": "bold red", "skipped": "dim", "superseded": "dim",
}  # fmt: skip


def state_word(state: str) -> str:
    """A status or state in the reader's language."""
    words = {
        "posted": _("posted"), "done": _("done"), "waiting": _("waiting"), "planned": _("planned"),
        "in_doubt": _("in doubt"), "blocked": _("blocked"), "skipped": _("skipped"), "superseded": _("superseded"),
    }  # fmt: skip
    return words.get(state, state)


def kind_word(kind: str) -> str:
    """A kind of record or document in the reader's language."""
    words = {
        "order": _("order"), "bank_transaction": _("bank line"), "sales_order": _("sales order"),
        "invoice": _("invoice"), "receipt": _("receipt"), "credit_note": _("credit note"),
        "refund_payment": _("money back"), "contact": _("contact"), "stock": _("stock"), "product": _("product"),
        "store_payment": _("payment mark in the store"), "delivery": _("delivery"), "journal": _("journal"),
        "purchase": _("purchase"), "payment": _("payment"), "refund": _("refund"), "payout": _("payout"),
    }  # fmt: skip
    return words.get(kind, kind)


def as_state(state: str) -> Text:
    """A state with its colour."""
    return Text(state_word(state), style=STYLES.get(state, ""))


def print_json(value: Any) -> None:
    """One JSON document: decimals as strings, instants ISO 8601 in UTC."""
    text = msgspec.json.format(_ENCODER.encode(value), indent=2).decode()
    click.echo(text)


def console() -> Console:
    """The terminal, or a wide page where the output goes into a file or a pipe."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDE, highlight=False, soft_wrap=False)


def show(*parts: RenderableType) -> None:
    """Print for a person."""
    page = console()
    for part in parts:
        page.print(_harmless(part) if isinstance(part, Text) else part)


def say(text: str, style: str = "") -> None:
    """A line for a person; square brackets in it are just brackets."""
    show(Text(text, style=style))


def _harmless(text: Text) -> Text:
    text.plain = text.plain.translate(_COMMANDS)
    return text


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[int] = ()) -> Table:
    """A table; `right` numbers the columns that hold figures."""
    made = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=None,
        padding=(0, 2, 0, 0),
    )
    for place, column in enumerate(columns):
        made.add_column(column, justify="right" if place in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(_harmless(cell if isinstance(cell, Text) else Text(str(cell))) for cell in row))
    return made


def money(amount: Decimal | None, currency: str) -> str:
    """An amount as people write it; "" for none."""
    if amount is None:
        return ""
    return format_money(amount, currency) if currency else format_number(amount)


def sums_text(sums: Iterable[Sum]) -> str:
    """Sums in several currencies, one after the other."""
    return " + ".join(money(one.amount, one.currency) for one in sums)


def moment(instant: dt.datetime | None, zone: str) -> str:
    """An instant by the clock of a zone; "" for none."""
    return "" if instant is None else format_instant(instant, ZoneInfo(zone))


def count(number: int) -> str:
    """A number with the marks of the language."""
    return format_number(number)


@contextmanager
def progress() -> Iterator[Any]:
    """Show what long work has counted, on stderr and only to a person; yields progress(what, count)."""
    if not sys.stderr.isatty():
        yield lambda what, number: None
        return
    page = Console(file=sys.stderr)
    with page.status(_("Begins …")) as status:
        yield lambda what, number: status.update(f"{what}: {format_number(number)}")
