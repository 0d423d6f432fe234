"""Payouts with a settlement report: the batch whose net is the bank line, and the orders that it lists.

The report is joined, not guessed (reference/reconciliation.md §3.3): a batch belongs to the line with exactly its net
sum, booked from the day of the settlement on. A line may bring several batches of one gateway at once. What no line
equals stays open; no line is ever filled up.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from selaras.model.claims import METHODS, LineColumns, OrderColumns, SettlementColumns
from selaras.rules.matching.text import squeezed
from selaras.rules.matching.transfers import Link

Bools = npt.NDArray[np.bool_]
_EARLY: Final = 1
_LATE: Final = 7
_NEAR: Final = 0.02
_MOST_TOGETHER: Final = 4
_REFUND: Final = "REFUND "


class Batch(msgspec.Struct):
    """One batch of a report: its rows (numbers of the settlement columns) and their net sum in `FINE` units."""

    gateway: str
    name: str
    day: int
    net: int
    rows: list[int]


def batches_of(report: SettlementColumns) -> list[Batch]:
    """The batches of a report, by gateway and name."""
    found: dict[tuple[str, str], Batch] = {}
    for row in range(len(report)):
        key = (report.gateways[row], report.batches[row])
        batch = found.get(key)
        if batch is None:
            batch = found[key] = Batch(key[0], key[1], report.settled[row], 0, [])
        batch.net += report.net[row]
        batch.day = max(batch.day, report.settled[row])
        batch.rows.append(row)
    return sorted(found.values(), key=lambda b: (b.day, b.gateway, b.name))


def match_payouts(
    orders: OrderColumns, lines: LineColumns, report: SettlementColumns, payouts: Bools
) -> tuple[list[Link], Bools]:
    """Links of payout lines with the orders of their batches, and which lines are explained by a batch."""
    taken = np.zeros(len(lines), dtype=bool)
    by_amount: dict[int, list[int]] = {}
    for line in range(len(lines)):
        if lines.amount[line] > 0:
            by_amount.setdefault(lines.amount[line], []).append(line)
    for rows in by_amount.values():
        rows.sort(key=lambda i: (lines.booked[i], not payouts[i], lines.ids[i]))
    claims: list[tuple[int, list[Batch]]] = []
    left: list[Batch] = []
    for batch in batches_of(report):
        of_batch = _line_of(lines, by_amount, taken, payouts, batch.net, batch.day)
        if of_batch is None:
            left.append(batch)
        else:
            taken[of_batch] = True
            claims.append((of_batch, [batch]))
    claims += _together(lines, by_amount, taken, payouts, left)
    done = {id(batch) for _, parts in claims for batch in parts}
    claims += _nearly(lines, taken, payouts, [batch for batch in left if id(batch) not in done])
    known: dict[str, int] = {}
    for row in range(len(orders) - 1, -1, -1):
        if orders.method[row] != METHODS.index("transfer"):
            known[orders.ids[row]] = row
    for row in range(len(orders) - 1, -1, -1):
        if orders.method[row] != METHODS.index("transfer"):
            known[orders.references[row]] = row
            known.setdefault(squeezed(orders.references[row]), row)
    links = []
    for line, parts in claims:
        for batch in parts:
            for row in batch.rows:
                order = known.get(report.references[row])
                if order is None:
                    order = known.get(squeezed(report.references[row]))
                if order is not None and not report.references[row].startswith(_REFUND):
                    links.append(
                        Link(line, order, report.net[row], 0.9999, "payout", ("settlement", "sum"), 1, auto=True)
                    )
    return links, taken


def _nearly(lines: LineColumns, taken: Bools, payouts: Bools, left: list[Batch]) -> list[tuple[int, list[Batch]]]:
    """Payout lines that differ a little from the only batch that they can be: a chargeback, a fee for the transfer.

    The difference stays an open item of the payout; the orders of the report are paid by it all the same.
    """
    near: list[tuple[int, Batch]] = []
    of_line: Counter[int] = Counter()
    of_batch: Counter[int] = Counter()
    candidates = [line for line in np.flatnonzero(payouts & ~taken).tolist() if lines.amount[line] > 0]
    for batch in left:
        for line in candidates:
            late = lines.booked[line] - batch.day
            if -_EARLY <= late <= _LATE and abs(lines.amount[line] - batch.net) <= max(batch.net, 0) * _NEAR:
                near.append((line, batch))
                of_line[line] += 1
                of_batch[id(batch)] += 1
    alone = [(line, batch) for line, batch in near if of_line[line] == 1 and of_batch[id(batch)] == 1]
    for line, _batch in alone:
        taken[line] = True
    return [(line, [batch]) for line, batch in alone]


def _line_of(
    lines: LineColumns, by_amount: dict[int, list[int]], taken: Bools, payouts: Bools, net: int, day: int
) -> int | None:
    fitting = [
        line for line in by_amount.get(net, ())
        if not taken[line] and day - _EARLY <= lines.booked[line] <= day + _LATE
    ]  # fmt: skip
    # Another line of this amount may be a transfer: the one whose text speaks of a payout first, then the nearest day.
    return min(
        fitting,
        key=lambda i: (not payouts[i], abs(lines.booked[i] - day), lines.ids[i]),
        default=None,
    )


def _together(
    lines: LineColumns, by_amount: dict[int, list[int]], taken: Bools, payouts: Bools, left: list[Batch]
) -> list[tuple[int, list[Batch]]]:
    """Lines that bring several batches of one gateway: the only set of neighbouring ones with this sum."""
    claims = []
    groups: dict[str, list[Batch]] = {}
    for batch in left:
        groups.setdefault(batch.gateway, []).append(batch)
    for group in groups.values():
        done: set[str] = set()
        for size in range(2, _MOST_TOGETHER + 1):
            for start in range(len(group)):
                near = [b for b in group[start : start + 8] if b.day - group[start].day <= 4 and b.name not in done]
                for chosen in combinations(near, size):
                    if chosen[0] is not group[start] or any(b.name in done for b in chosen):
                        continue
                    line = _line_of(lines, by_amount, taken, payouts, sum(b.net for b in chosen), chosen[-1].day)
                    if line is not None and payouts[line]:
                        taken[line] = True
                        done.update(b.name for b in chosen)
                        claims.append((line, list(chosen)))
    return claims
