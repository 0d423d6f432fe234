"""Days as they are given on the command line."""

from __future__ import annotations

import datetime as dt

import click

from selaras.i18n import _


def day_or_none(text: str | None, name: str) -> str | None:
    """An ISO day, checked; None stays None. Raises `UsageError` naming the option."""
    if text is None:
        return None
    try:
        day = dt.date.fromisoformat(text).isoformat()
    except ValueError:
        day = ""
    if day != text:
        raise click.UsageError(_("%(name)s: %(text)s is not a day; write it as 2026-08-31.", name=name, text=text))
    return day
