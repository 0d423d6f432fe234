"""Which end of a table is the older one: some banks print the newest row first."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Sequence
from decimal import Decimal

from selaras.files.refusal import EXPORT_AGAIN, Refused
from selaras.i18n import N_
from selaras.model.statement import StatementLine


def chained(lines: Iterable[StatementLine], opening: Decimal | None) -> StatementLine | None:
    """The first line whose printed balance does not follow from what came before it, or None."""
    running = opening
    for line in lines:
        if running is not None:
            running += line.amount
            if line.balance is not None and line.balance != running:
                return line
        else:
            running = line.balance
    return None


def oldest_first(lines: Sequence[StatementLine], opening: Decimal | None) -> list[StatementLine]:
    """The lines in the order in which they were booked. Raises `Refused` where the days go forth and back.

    Where all are of one day, the balances tell; where there are none, the order of the file stands.
    """
    days: list[dt.date] = [line.day for line in lines if line.day is not None]
    rising = all(one <= two for one, two in itertools.pairwise(days))
    falling = all(one >= two for one, two in itertools.pairwise(days))
    forward = list(lines)
    backward = forward[::-1]
    if rising and falling:
        if chained(forward, opening) is not None and chained(backward, opening) is None:
            return backward
        return forward
    if falling:
        return backward
    if not rising and any(line.balance is not None for line in lines):
        broken = chained(forward, opening)
        if broken is not None and chained(backward, opening) is None:
            return backward
        if broken is not None:
            raise Refused(
                N_("its days go forth and back and its balances do not follow each other"), EXPORT_AGAIN, row=broken.row
            )
    return forward
