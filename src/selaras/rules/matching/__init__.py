"""Matching of payments: which orders each line of a bank account pays, decided for all of them at once.

Evidence is added up as log-odds for every pair that could be meant, rivals compete for lines and orders, and what comes
out is a probability: certain links are made, the others are suggested with their reasons, the rest is left alone. The
answer depends on the set of rows and never on their order.

The formulation follows reference/reconciliation.md §0 and §3.3.
"""

from __future__ import annotations

import numpy as np

from selaras.model.claims import LineColumns, OrderColumns, SettlementColumns
from selaras.rules.matching.parameters import Parameters
from selaras.rules.matching.payouts import match_payouts
from selaras.rules.matching.text import is_interest, is_payout
from selaras.rules.matching.transfers import Link, match_transfers
from selaras.rules.matching.unreported import match_unreported

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
    payouts = np.asarray([is_payout(text) for text in lines.descriptions], dtype=bool)
    links: list[Link] = []
    if settlements is not None:
        found, taken = match_payouts(orders, lines, settlements, payouts)
        links += found
        free = free & ~taken
        paid = {link.order for link in found}
        orders_left = _without(orders, paid)
    else:
        orders_left = None
    if len(orders) and len(lines):
        found, taken = match_unreported(orders if orders_left is None else orders_left[0], lines, free, payouts)
        if orders_left is not None:
            found = [_moved(link, orders_left[1]) for link in found]
        links += found
        free = free & ~taken
        links += match_transfers(orders, lines, free, payouts, said)
    return sorted(links, key=lambda link: (link.line, link.rank, link.order))


def _without(orders: OrderColumns, gone: set[int]) -> tuple[OrderColumns, list[int]]:
    """The orders of gateways that no report has named, and their row numbers in the whole."""
    rows = [i for i in range(len(orders)) if orders.method[i] and i not in gone]
    part = OrderColumns()
    for name in OrderColumns.__struct_fields__:
        column, whole = getattr(part, name), getattr(orders, name)
        column.extend(whole[i] for i in rows)
    return part, rows


def _moved(link: Link, rows: list[int]) -> Link:
    return Link(
        link.line, rows[link.order], link.amount, link.posterior, link.kind, link.evidence, link.rank, link.auto
    )
