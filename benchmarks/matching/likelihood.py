"""How likely a statement line is, given the order that it pays: the generator's own probabilities, written backwards.

The oracle may know every rate and every distribution, but no answer: it sees an order as orders.csv shows it, and of a
line the day, the amount, the name and the message. Two things are left out, and make the ceiling a little low: that the
same other payer comes back, and money that changes its currency.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from benchmarks.matching import texts, words
from benchmarks.matching.book import RP, SHIPPING, Book, Buyer, Order
from benchmarks.matching.habits import EXPIRES, FEES, LAGS, Habits

Shares = dict[int, float]


class Names:
    """The share of people whose name a bank would show as a given text."""

    def __init__(self) -> None:
        self.first, self.last = self._shares(words.MEN, 0.6, 0.5), self._shares(words.LAST, 0.5, 1.0)
        for name, share in self._shares(words.WOMEN, 0.6, 0.5).items():
            self.first[name] = self.first.get(name, 0.0) + share
        self.known: dict[str, float] = {}

    @staticmethod
    def _shares(names: tuple[str, ...] | list[str], power: float, whole: float) -> dict[str, float]:
        weights: defaultdict[str, float] = defaultdict(float)
        for n, name in enumerate(names):
            weights[name.upper()] += 1 / (n + 1) ** power
        top = sum(weights.values())
        return {name: whole * weight / top for name, weight in weights.items()}

    def person(self, shown: str) -> float:
        found = self.known.get(shown)
        if found is None:
            found = self.known[shown] = self._person(shown)
        return found

    def _person(self, shown: str) -> float:
        parts = shown.split()
        full = len(shown) >= texts.NAME_WIDTH - 1

        def share(table: dict[str, float], part: str, cut: bool) -> float:
            if not cut:
                return table.get(part, 0.0)
            return sum(s for name, s in table.items() if name.startswith(part))

        total = 1e-9
        if len(parts) == 1:
            total += 0.12 * share(self.first, parts[0], False)
        elif len(parts) == 2:
            first = share(self.first, parts[0], False)
            total += 0.63 * first * share(self.last, parts[1], full)
            if full:
                total += 0.25 * first * share(self.first, parts[1], True)
        elif len(parts) == 3:
            total += (
                0.25 * share(self.first, parts[0], False) * share(self.first, parts[1], False)
                * share(self.last, parts[2], full)
            )  # fmt: skip
        return total

    def other(self, shown: str) -> float:
        """Somebody who pays for the buyer: a person, or a firm of which nothing is known."""
        return 0.7 * self.person(shown) + 0.3 * (1 / len(words.FIRM)) ** max(2, len(shown.split()))


class Model:
    """Likelihoods under one profile."""

    def __init__(self, book: Book) -> None:
        self.book, self.habits, self.names = book, book.habits, Names()
        draws = Counter(book.price() for _ in range(200_000))
        self.prices = {amount: n / 200_000 for amount, n in draws.items()}
        number = re.sub(r"\{n.*?\}", "", book.format)
        self.fixed = set(re.findall(r"\d+", number))

    def price(self, amount: int) -> float:
        return self.prices.get(amount, 2e-6 if amount % (500 * RP) == 0 else 0.0)

    def payer(self, shown: str, buyer: Buyer) -> float:
        """P(name on the statement | buyer)."""
        h = self.habits
        if not shown:
            return h.name_missing * 1.03
        other = h.other_payer
        if "*" in shown:
            same = texts.masked(_shown_as(buyer)[0][0]) == shown
            return h.name_masked * ((1 - other) if same else other * 1e-3)
        total = 0.0
        for name, share in _shown_as(buyer):
            if texts.cut(name) == shown:
                total += (1 - other) * share
            if texts.squeezed(name) == shown:
                total += h.name_squeezed * (1 - other) * share
        return total + other * self.names.other(shown)

    def message(self, message: str, orders: list[Order]) -> float:
        """P(message | orders), up to the wording, which says nothing of the order."""
        h = self.habits
        writes = h.writes_reference * (2 if self.book.buyers[orders[0].buyer].form else 1)
        numbers = self.numbers(message)
        if not numbers:
            return (1 - writes) * (h.writes_words if message else 1 - h.writes_words)
        return writes * max(self._reference(text, order.number) for text in numbers for order in orders)

    def numbers(self, message: str) -> list[str]:
        """Digit runs that may be an order's number."""
        runs = (run.lstrip("0") for run in re.findall(r"\d+", message))
        return [run for run in runs if len(run) >= 3 and run not in self.fixed]

    def _reference(self, text: str, number: int) -> float:
        h, full = self.habits, str(number)
        slips = h.reference_typo + h.reference_swap
        if text == full:
            return 1 - slips - h.reference_cut
        if len(text) < len(full) and full.startswith(text):
            return (1 - slips) * (h.reference_cut / 2 + 0.01)
        if len(text) == len(full):
            off = [i for i in range(len(full)) if text[i] != full[i]]
            if len(off) == 1 and off[0] >= len(full) - 3:
                return h.reference_typo / 27
            if len(off) == 2 and off[1] == off[0] + 1 and text[off[0]] == full[off[1]] and text[off[1]] == full[off[0]]:
                return h.reference_swap / (len(full) - 1)
        return 1e-7

    def lag(self, lag: int) -> float:
        """P(days from the order to the booking), for a single transfer of a shop's order."""
        late = self.habits.late
        total = 0.0
        for slip, share in ((0, 0.90), (1, 0.06), (2, 0.04)):
            days = lag - slip
            on_time = next((p for d, p in LAGS if d == days), 0.0)
            total += share * ((1 - late) * on_time + (late / 10 if EXPIRES < days <= EXPIRES + 10 else 0.0))
        return total

    def is_service(self, order: Order) -> bool:
        base = order.total * 100 // 111
        return bool(self.book.buyers[order.buyer].form) and not order.code and base % (250_000 * RP) == 0

    def amounts(self, order: Order) -> Shares:
        """P(amount | order paid by one transfer)."""
        if order.currency != "IDR":
            return _sum([(order.due, 0.3)] + [(order.due - fee * 100, 0.2 / 3) for fee in (10, 15, 25)])
        if self.is_service(order):
            base = order.total * 100 // 111
            return _sum([
                (order.due, 0.4),
                (order.due - base * 2 // 100 // RP * RP, 0.51),
                (order.due - order.total * 2 // 100 // RP * RP, 0.09),
            ])  # fmt: skip
        return single_amounts(order.due, order.total, bool(order.code), self.habits)

    def days(self, order: Order, lag: int) -> float:
        if order.currency != "IDR":
            return 0.25 if 1 <= lag <= 5 else 0.0
        if self.is_service(order):
            return 1 / 28 if 3 <= lag <= 31 else 0.0
        return self.lag(lag)

    def instalments(self, order: Order) -> list[tuple[list[int], float]]:
        """The ways to split an order and how likely each is."""
        h, due = self.habits, order.due
        share = h.instalments * (3 if order.total > 1_000_000 * RP else 0.7)
        found = []
        for part, weight in ((0.3, 0.25), (0.5, 0.5), (0.4, 0.25)):
            first = int(due * part) // (10_000 * RP) * 10_000 * RP or due // 2
            rest = due - first
            half = rest // 2 // (1000 * RP) * 1000 * RP
            three = 0.2 if rest > 200_000 * RP else 0.0
            found.append(([first, rest], share * weight * (1 - three)))
            if three:
                found.append(([first, half, rest - half], share * weight * three))
        return found


def _shown_as(buyer: Buyer) -> list[tuple[str, float]]:
    if buyer.form:
        return [(f"{buyer.name} {buyer.form}", 0.6), (f"{buyer.form} {buyer.name}", 0.3), (buyer.name, 0.1)]
    return [(buyer.name, 0.98), *((f"{title} {buyer.name}", 0.02 / 3) for title in words.TITLES_BEFORE[:3])]


def _sum(rows: list[tuple[int, float]]) -> Shares:
    total: defaultdict[int, float] = defaultdict(float)
    for amount, share in rows:
        if amount > 0:
            total[amount] += share
    return total


def single_amounts(due: int, total: int, coded: bool, h: Habits) -> Shares:
    """What one transfer for an order may be, as `Transfers.amount` draws it."""
    rows: list[tuple[int, float]] = []
    other = h.rounds_up + h.fee_short + h.swaps_digits + h.overpays + h.underpays + h.pays_twice + h.instalments
    if coded:
        rows.append((total, h.forgets_code))
        other += h.forgets_code
    rows.append((due, 1 - other))
    for step, share in ((500, 0.25), (1000, 0.45), (5000, 0.15), (10_000, 0.15)):
        up = -(-due // (step * RP)) * step * RP
        rows.append((up if up > due else due + step * RP, h.rounds_up * share))
    rows += [
        (max(due - fee * RP, 1000 * RP), h.fee_short * share) for fee, share in zip(FEES, (0.5, 0.1, 0.4), strict=True)
    ]
    digits = str(due // RP)
    places = [i for i in range(max(1, len(digits) - 4), len(digits) - 1) if digits[i] != digits[i + 1]]
    for i in places:
        rows.append((int(digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :]) * RP, h.swaps_digits / len(places)))
    for k in SHIPPING:
        rows.append((due + k * 1000 * RP, h.overpays * 0.5 / len(SHIPPING)))
        rows.append((due - k * 1000 * RP, h.underpays * 0.6 / len(SHIPPING)))
    rows += [(due + k * 1000 * RP, h.overpays * 0.5 / 20) for k in range(1, 21)]
    rows += [(due - k * 1000 * RP, h.underpays * 0.4 / 10) for k in range(1, 11)]
    return _sum(rows)
