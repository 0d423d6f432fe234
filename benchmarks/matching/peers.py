"""The published rules of five peers, restated as small functions over the same rows (reconciliation.md §1.1).

Each says only what its rule says by itself, without a person: what a peer merely proposes is not counted. Payouts of
gateways are out of reach of all five. The functions see the columns of orders.csv and bank.csv and nothing else.
"""

from __future__ import annotations

import bisect
import csv
import datetime as dt
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from benchmarks.matching.score import Link


class Open(NamedTuple):
    order: str
    reference: str
    name: str
    currency: str
    due: int
    day: int


class Credit(NamedTuple):
    line: str
    day: int
    amount: int
    currency: str
    text: str


Pairs = Iterator[tuple[Credit, Open, int]]
Rule = Callable[[list[Open], list[Credit]], Pairs]


def odoo(orders: list[Open], credits: list[Credit]) -> Pairs:
    """Odoo <= 17: digit runs of four and more of the text equal those of the reference; then one entry that equals the
    line, else entries in order of hits and age until the line is filled. Paying too much is always accepted."""
    by_token: defaultdict[str, list[int]] = defaultdict(list)
    for at, order in enumerate(orders):
        for token in set(_DIGITS.findall(order.reference)):
            by_token[token].append(at)
    done: set[int] = set()
    for credit in credits:
        hits: defaultdict[int, int] = defaultdict(int)
        for token in set(_DIGITS.findall(credit.text)):
            for at in by_token.get(token, ()):
                if at not in done and orders[at].currency == credit.currency:
                    hits[at] += 1
        ranked = sorted(hits, key=lambda at: (-hits[at], orders[at].day, at))
        equal = next((at for at in ranked if orders[at].due == credit.amount), None)
        if equal is not None:
            done.add(equal)
            yield credit, orders[equal], credit.amount
            continue
        left = credit.amount
        chosen = []
        for at in ranked:
            if left <= 0:
                break
            chosen.append(at)
            left -= orders[at].due
        if left >= 0:  # an underpaid line is left to a person
            for at in chosen:
                done.add(at)
                yield credit, orders[at], orders[at].due


def erpnext(orders: list[Open], credits: list[Credit]) -> Pairs:
    """ERPNext: the reference number is equal, whatever the amount. A statement has no column for it here, so a word of
    the text must be the reference."""
    by_reference = {o.reference.upper(): o for o in orders}
    for credit in credits:
        for word in credit.text.upper().split():
            order = by_reference.get(word)
            if order is not None and order.currency == credit.currency:
                yield credit, order, min(credit.amount, order.due)
                break


def midday(orders: list[Open], credits: list[Credit]) -> Pairs:
    """Midday: the best of 30 candidates within a quarter of the amount and 123 days, by name, amount, date and currency
    (10 : 30 : 15 : 5); an equal amount lifts the score. Linked from 0.92. Candidates are taken nearest in amount."""
    ranked = sorted(range(len(orders)), key=lambda at: orders[at].due)
    dues = [orders[at].due for at in ranked]
    grams = [_trigrams(o.name) for o in orders]
    for credit in credits:
        text = _trigrams(credit.text)
        middle = bisect.bisect_left(dues, credit.amount)
        low, high = max(0, middle - 60), middle + 60
        best, best_score = -1, 0.0
        near = [at for at in ranked[low:high] if 0 <= credit.day - orders[at].day <= 123]
        near.sort(key=lambda at: abs(orders[at].due - credit.amount))
        for at in near[:30]:
            order = orders[at]
            off = abs(order.due - credit.amount) / max(order.due, 1)
            if off > 0.25:
                break
            name = len(text & grams[at]) / max(len(grams[at]), 1)
            date = max(0.0, 1 - (credit.day - order.day) / 30)
            same = order.currency == credit.currency
            score = (10 * name + 30 * (1 - off * 4) + 15 * date + 5 * same) / 60
            if off == 0 and same:
                score = max(score, 0.92 if name > 0.6 else 0.85 if name > 0.3 else 0.78)
            if score > best_score:
                best, best_score = at, score
        if best >= 0 and best_score >= 0.92:
            yield credit, orders[best], min(credit.amount, orders[best].due)


def blnk(orders: list[Open], credits: list[Credit]) -> Pairs:
    """Blnk: the first entry that satisfies the rule (amount equal, currency equal, within 14 days); it is not used up,
    so that a second equal payment gets the same order."""
    by_amount = _by_amount(orders)
    for credit in credits:
        for at in by_amount.get((credit.currency, credit.amount), ()):
            if 0 <= credit.day - orders[at].day <= 14:
                yield credit, orders[at], credit.amount
                break


def cek_mutasi(orders: list[Open], credits: list[Credit]) -> Pairs:
    """Moota, Cekmutasi: the open order whose total with its code equals the line, within 7 days; then it is paid."""
    by_amount = _by_amount(orders)
    paid: set[int] = set()
    for credit in credits:
        for at in by_amount.get((credit.currency, credit.amount), ()):
            if at not in paid and 0 <= credit.day - orders[at].day <= 7:
                paid.add(at)
                yield credit, orders[at], credit.amount
                break


RULES: dict[str, Rule] = {
    "Odoo <= 17 (tokens, greedy)": odoo,
    "ERPNext (reference equal)": erpnext,
    "Midday (score >= 0.92)": midday,
    "Blnk (first that fits)": blnk,
    "Moota / cek mutasi (amount equal)": cek_mutasi,
}

_DIGITS = re.compile(r"\d{4,}")


def read(folder: Path) -> tuple[list[Open], list[Credit]]:
    """Orders by transfer and credit lines in booking order, as every peer reads them."""
    orders, credits = [], []
    with (folder / "orders.csv").open(encoding="utf-8", newline="") as file:
        for r in csv.DictReader(file):
            if r["method"] == "transfer":
                orders.append(Open(r["order_id"], r["reference"], r["customer_name"], r["currency"],
                                   _minor(r["amount_due"]), _day(r["ordered_on"])))  # fmt: skip
    with (folder / "bank.csv").open(encoding="utf-8", newline="") as file:
        for r in csv.DictReader(file):
            amount = _minor(r["amount"])
            if amount > 0:
                credits.append(Credit(r["line_id"], _day(r["booked_on"]), amount, r["currency"], r["description"]))
    credits.sort(key=lambda c: (c.day, c.line))
    return orders, credits


def links(rule: Rule, orders: list[Open], credits: list[Credit]) -> Iterator[Link]:
    for credit, order, amount in rule(orders, credits):
        yield Link(credit.line, order.order, Decimal(amount) / 100, True, 1, 1.0)


def _by_amount(orders: list[Open]) -> dict[tuple[str, int], list[int]]:
    by_amount: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for at, order in enumerate(orders):
        by_amount[order.currency, order.due].append(at)
    return by_amount


def _trigrams(text: str) -> frozenset[str]:
    found: set[str] = set()
    for word in re.findall(r"\w+", text.lower()):
        padded = f"  {word} "
        found.update(padded[i : i + 3] for i in range(len(padded) - 2))
    return frozenset(found)


def _minor(text: str) -> int:
    return int(Decimal(text) * 100)


def _day(text: str) -> int:
    return dt.date.fromisoformat(text).toordinal()
