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
    batches = batches_of(report)
    by_amount = _by_amount(lines, payouts, {batch.net for batch in batches})
    claims: list[tuple[int, list[Batch]]] = []
    left: list[Batch] = []
    for batch in batches:
        of_batch = _line_of(lines, by_amount, taken, payouts, batch.net, batch.day)
        if of_batch is None:
            left.append(batch)
        else:
            taken[of_batch] = True
            claims.append((of_batch, [batch]))
    claims += _together(lines, by_amount, taken, payouts, left)
    done = {id(batch) for _, parts in claims for batch in parts}
    claims += _nearly(lines, taken, payouts, [batch for batch in left if id(batch) not in done])
    named = _Named(orders)
    links = []
    for line, parts in claims:
        for batch in parts:
            for row in batch.rows:
                reference = report.references[row]
                order = None if reference.startswith(_REFUND) else named.order(reference)
                if order is not None:
                    links.append(
                        Link(line, order, report.net[row], 0.9999, "payout", ("settlement", "sum"), 1, auto=True)
                    )
    return links, taken


def _by_amount(lines: LineColumns, payouts: Bools, nets: set[int]) -> dict[int, list[int]]:
    """Lines that may be a payout: their text says so, or they are just what a batch brings."""
    amount = np.frombuffer(lines.amount, dtype=np.int64) if len(lines) else np.zeros(0, dtype=np.int64)
    maybe = (amount > 0) & (payouts | np.isin(amount, np.asarray(sorted(nets), dtype=np.int64)))
    found: dict[int, list[int]] = {}
    for line in np.flatnonzero(maybe).tolist():
        found.setdefault(lines.amount[line], []).append(line)
    return found


class _Named:
    """Orders of gateways and marketplaces by what a report calls them: their reference, their id, either squeezed."""

    def __init__(self, orders: OrderColumns) -> None:
        transfer = METHODS.index("transfer")
        self._orders = orders
        # Of several orders with one name the first counts.
        self._rows = [row for row in range(len(orders) - 1, -1, -1) if orders.method[row] != transfer]
        self._known = {orders.ids[row]: row for row in self._rows}
        self._known.update((orders.references[row], row) for row in self._rows)
        self._squeezed: dict[str, int] | None = None

    def order(self, reference: str) -> int | None:
        """The row of an order; None if there is none of that name."""
        found = self._known.get(reference)
        if found is not None:
            return found
        if self._squeezed is None:
            # Only reports that write references in their own way need this.
            self._squeezed = {}
            for row in self._rows:
                self._squeezed.setdefault(squeezed(self._orders.references[row]), row)
        plain = squeezed(reference)
        found = self._squeezed.get(reference, self._known.get(plain))
        return found if found is not None else self._squeezed.get(plain)


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
