"""Matching of payments: which orders each line of a bank account pays, decided for all of them at once.

Evidence is added up as log-odds for every pair that could be meant, rivals compete for lines and orders, and what comes
out is a probability: certain links are made, the others are suggested with their reasons, the rest is left alone. The
answer depends on the set of rows and never on their order.

The formulation follows reference/reconciliation.md §0 and §3.3.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from selaras.model.claims import METHODS, LineColumns, OrderColumns, SettlementColumns
from selaras.rules.matching.parameters import Parameters
from selaras.rules.matching.payouts import match_payouts
from selaras.rules.matching.recurring import recurring_payers
from selaras.rules.matching.text import is_interest, payer_of
from selaras.rules.matching.transfers import Link, match_transfers
from selaras.rules.matching.unreported import match_unreported

Bools = npt.NDArray[np.bool_]

__all__ = ["Link", "Parameters", "match"]


def match(
    orders: OrderColumns,
    lines: LineColumns,
    settlements: SettlementColumns | None = None,
    parameters: Parameters | None = None,
) -> list[Link]:
    """Links of lines with orders, by line and rank. Money out is left alone."""
    said = parameters or Parameters()
    free = np.frombuffer(lines.amount, dtype=np.int64) > 0 if len(lines) else np.zeros(0, dtype=bool)
    free &= ~np.asarray([is_interest(text) for text in lines.descriptions], dtype=bool)
    payers = {line: payer for line, text in enumerate(lines.descriptions) if (payer := payer_of(text))}
    payouts = np.zeros(len(lines), dtype=bool)
    payouts[list(payers)] = True
    links: list[Link] = []
    if settlements is not None:
        links, taken = match_payouts(orders, lines, settlements, payouts)
        free = free & ~taken
    if len(orders) and len(lines):
        free = _explain(orders, lines, free, payers, links)
        # A gateway that nobody has heard of is known by what it pays.
        unheard = recurring_payers(_without(orders, links)[0], lines, free & ~payouts)
        if unheard:
            payouts[list(unheard)] = True
            free = _explain(orders, lines, free, unheard, links)
        links += match_transfers(orders, lines, free, payouts, said)
    return sorted(links, key=lambda link: (link.line, link.rank, link.order))


def _explain(
    orders: OrderColumns, lines: LineColumns, free: Bools, payers: Mapping[int, str], links: list[Link]
) -> Bools:
    """Add links of the lines of these payers with the orders that have none; returns the lines that are still free."""
    left, rows = _without(orders, links)
    found, taken = match_unreported(left, lines, free, payers)
    links += [_moved(link, rows) for link in found]
    return free & ~taken


def _without(orders: OrderColumns, known: list[Link]) -> tuple[OrderColumns, list[int]]:
    """The orders of gateways that were taken and that no link is known of, and their row numbers in the whole."""
    method = np.frombuffer(orders.method, dtype=np.int64)
    captured = np.frombuffer(orders.captured, dtype=np.int64) > 0
    open_ = method != METHODS.index("transfer")
    for number in np.unique(method[captured]).tolist():
        open_ &= captured | (method != number)  # what was never captured is not paid out, if captures are told at all
    open_[[link.order for link in known]] = False
    rows: list[int] = np.flatnonzero(open_).tolist()
    part = OrderColumns()
    for name in OrderColumns.__struct_fields__:
        column, whole = getattr(part, name), getattr(orders, name)
        column.extend(whole[i] for i in rows)
    return part, rows


def _moved(link: Link, rows: list[int]) -> Link:
    return Link(
        link.line, rows[link.order], link.amount, link.posterior, link.kind, link.evidence, link.rank, link.auto
    )
