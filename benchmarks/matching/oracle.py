"""What can be found at all: the posterior of somebody who knows the shop's every probability, but no answer.

Every way in which orders may be paid by lines (one by one, in instalments, twice, several at once) is an edge with the
likelihood ratio of "this happened" to "the orders were never paid and the lines are strangers'". A world is a choice of
edges that share no order and no line; belief propagation on these constraints gives each pair its probability (exact on
trees, close on the loops that remain). The pairs are taken from the surest down while the mean of their probabilities
stays at the wanted precision: that is the most that anybody can link at that precision, in expectation.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.matching.book import RP, Book, Line, Order
from benchmarks.matching.generate import make, order_id
from benchmarks.matching.likelihood import Model
from benchmarks.matching.score import Truth, read, run, score

_SENT = re.compile(r"CR (\d\d)(\d\d)/FTSCY")


class Edge(NamedTuple):
    """Orders and lines that belong together in one event, and its odds."""

    orders: tuple[int, ...]
    lines: tuple[int, ...]
    odds: float


class Oracle:
    def __init__(self, book: Book) -> None:
        self.book, self.model = book, Model(book)
        self.orders = [o for o in book.orders if o.method == "transfer"]
        self.lines: list[int] = []
        self.null: dict[int, float] = {}
        self._strangers()
        self.by_amount: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        for at in self.lines:
            line = book.lines[at]
            self.by_amount[line.currency, line.amount].append(at)

    def _strangers(self) -> None:
        """The credit lines that are no payouts, and how likely each is as one that pays nothing."""
        book, h = self.book, self.book.habits
        days = max(1, max(o.day for o in book.orders))
        per_day = sum(d.what != "payout" for d in book.details) / days
        seen: set[Line] = set()
        for at, (line, detail) in enumerate(zip(book.lines, book.details, strict=True)):
            if line.amount <= 0 or detail.what == "payout" or line.text == "BUNGA":
                continue
            self.lines.append(at)
            name = h.name_missing if not detail.name else (1 - h.name_missing) * self.model.names.person(detail.name)
            message = h.writes_words if detail.message else 1 - h.writes_words
            if self.model.numbers(detail.message):
                message = 1e-9
            offline = h.noise_offline * per_day * self.model.price(line.amount) * name * message
            deposit = 0.0
            if line.text == "SETORAN TUNAI" and line.amount % (500_000 * RP) == 0:
                deposit = h.noise_other * 0.35 * per_day / 20
            if detail.what in ("noise_owner", "noise_supplier") and detail.name:
                deposit = 1.0  # the owner and the suppliers are known by name
            self.null[at] = offline + deposit + 1e-16
            if line in seen:
                self.null[at] += h.imported_twice
            seen.add(line)

    def _lag(self, at: int, order: Order) -> int:
        """Days from the order to the transfer: by the day in the text if it is there."""
        line = self.book.lines[at]
        sent = _SENT.search(line.text)
        if sent:
            for back in range(6):
                date = self.book.date(line.day - back)
                if (date.day, date.month) == (int(sent[1]), int(sent[2])):
                    return line.day - back - order.day
        return line.day - order.day

    def _said(self, at: int, orders: list[Order]) -> float:
        detail = self.book.details[at]
        buyer = self.book.buyers[orders[0].buyer]
        return self.model.payer(detail.name, buyer) * self.model.message(detail.message, orders)

    def edges(self) -> list[Edge]:
        found: list[Edge] = []
        h, model = self.book.habits, self.model
        for order in self.orders:
            unpaid = h.never_paid
            for amount, share in model.amounts(order).items():
                for at in self.by_amount.get((order.currency, amount), ()):
                    days = model.days(order, self._lag(at, order))
                    if days:
                        odds = (1 - unpaid) * share * days * self._said(at, [order]) / self.null[at] / unpaid
                        found.append(Edge((order.row,), (at,), odds))
            if order.currency == "IDR" and not model.is_service(order):
                found += self._parts(order)
                found += self._twice(order)
        found += self._baskets()
        return [e for e in found if e.odds > 1e-7]

    def _parts(self, order: Order) -> list[Edge]:
        found = []
        for parts, share in self.model.instalments(order):
            choices = [
                [a for a in self.by_amount.get((order.currency, part), ()) if -1 <= self._lag(a, order) <= 45]
                for part in parts
            ]
            if any(len(c) > 6 for c in choices):
                choices = [sorted(c, key=lambda a: -self._said(a, [order]) / self.null[a])[:6] for c in choices]
            for ats in itertools.product(*choices):
                lags = [self._lag(a, order) for a in ats]
                if len(set(ats)) < len(ats) or any(not 0 <= b - a <= 16 for a, b in itertools.pairwise(lags)):
                    continue
                odds = share * self.model.lag(lags[0]) * (1 / 14) ** (len(ats) - 1) / self.book.habits.never_paid
                for a in ats:
                    odds *= self._said(a, [order]) / self.null[a]
                found.append(Edge((order.row,), ats, odds))
        return found

    def _twice(self, order: Order) -> list[Edge]:
        found = []
        ats = [a for a in self.by_amount.get((order.currency, order.due), ()) if -1 <= self._lag(a, order) <= 16]
        ats = sorted(ats, key=lambda a: -self._said(a, [order]) / self.null[a])[:6]
        for a, b in itertools.permutations(ats, 2):
            gap = self._lag(b, order) - self._lag(a, order)
            if 0 <= gap <= 3:
                h = self.book.habits
                odds = h.pays_twice * self.model.lag(self._lag(a, order)) * (0.125 if gap == 0 else 0.25) / h.never_paid
                odds *= self._said(a, [order]) / self.null[a] * self._said(b, [order]) / self.null[b]
                found.append(Edge((order.row,), (a, b), odds))
        return found

    def _baskets(self) -> list[Edge]:
        """A buyer's orders of one day are mostly one basket."""
        groups: defaultdict[tuple[int, int], list[Order]] = defaultdict(list)
        for order in self.orders:
            if order.currency == "IDR":
                groups[order.buyer, order.day].append(order)
        found = []
        for orders in groups.values():
            for many in range(2, min(4, len(orders)) + 1):
                for chosen in itertools.combinations(orders, many):
                    sums = defaultdict[int, float](float)
                    sums[sum(o.due for o in chosen)] += 0.6
                    sums[sum(o.total for o in chosen)] += 0.4
                    for amount, share in sums.items():
                        for at in self.by_amount.get(("IDR", amount), ()):
                            days = self.model.lag(self._lag(at, chosen[0]))
                            odds = 0.5 * share * days * self._said(at, list(chosen)) / self.null[at]
                            odds /= self.book.habits.never_paid**many
                            found.append(Edge(tuple(o.row for o in chosen), (at,), odds))
        return found


def marginals(edges: list[Edge], rounds: int = 60) -> list[float]:
    """The probability of each edge among all choices of edges that share no order and no line."""
    nodes: list[list[tuple[str, int]]] = [[("o", o) for o in e.orders] + [("l", at) for at in e.lines] for e in edges]
    at_node: defaultdict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for i, around in enumerate(nodes):
        for j, node in enumerate(around):
            at_node[node].append((i, j))
    free = [[1.0] * len(around) for around in nodes]  # share of worlds in which the node is free for the edge
    for _ in range(rounds):
        sent = []
        for i, e in enumerate(edges):
            product = e.odds
            for f in free[i]:
                product *= f
            sent.append([product / f if f > 1e-300 else 0.0 for f in free[i]])
        for touching in at_node.values():
            whole = 1.0 + sum(sent[i][j] for i, j in touching)
            for i, j in touching:
                new = 1.0 / max(whole - sent[i][j], 1.0)
                free[i][j] = (free[i][j] * new) ** 0.5
    result = []
    for i, e in enumerate(edges):
        product = e.odds
        for f in free[i]:
            product *= f
        result.append(product / (1.0 + product))
    return result


def ceiling(codes: str, profile: str, orders: int, seed: int, folder: Path, precision: float = 0.999) -> dict[str, Any]:
    """Recall of the oracle on a shop's transfers at a precision that it expects, and what came of it; beside ours."""
    book = make(folder, orders, codes, profile, seed)
    truth = Truth(folder)
    oracle = Oracle(book)
    edges = oracle.edges()
    belief: defaultdict[tuple[int, str], float] = defaultdict(float)
    for edge, p in zip(edges, marginals(edges), strict=True):
        for at, order in itertools.product(edge.lines, edge.orders):
            belief[truth.line[book.line_ids[at]], truth.order[order_id(order)]] += p
    places = {pair: max(1, len(truth.pairs.get(pair, ()))) for pair in belief}
    ranked = sorted(((min(1.0, p / places[pair]), pair) for pair, p in belief.items()), reverse=True)
    taken = right = expected = 0.0
    best = (0.0, 0.0, 0.0)
    total = sum(len(rows) for (line, _), rows in truth.pairs.items() if not truth.is_payout(line))
    for p, pair in ranked:
        taken += places[pair]
        expected += p * places[pair]
        right += len(truth.pairs.get(pair, ()))
        if expected / taken >= precision:
            best = (right, taken, expected)
    out = folder / "links.csv"
    ran = run(folder, out)
    ours = score(truth, read(out))["transfers"] if ran.code == 0 else {"recall": None, "precision": None}
    return {
        "true": total,
        "recall": best[0] / total,
        "precision": best[0] / best[1] if best[1] else None,
        "expected_precision": best[2] / best[1] if best[1] else None,
        "ours_recall": ours["recall"],
        "ours_precision": ours["precision"],
    }
