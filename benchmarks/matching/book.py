"""The order book: buyers, goods, prices, codes and references, and the rows that everything else adds to."""

from __future__ import annotations

import bisect
import datetime as dt
import itertools
import math
import random
from collections import defaultdict
from typing import NamedTuple

from benchmarks.matching import words
from benchmarks.matching.habits import CODES, EXPIRES, GRACE, HOLIDAYS, ORDINARY, Habits

START = dt.date(2026, 1, 5)
RP = 100  # amounts are hundredths of the currency's unit everywhere: interest has sen, dollars have cents
SHIPPING = (9, 10, 11, 12, 13, 15, 16, 18, 20, 22, 23, 25, 28, 30, 35, 40, 48)  # thousands of rupiah
#: Shops' ways to write an order's number (WooCommerce, Odoo and invoice plug-ins).
FORMATS = ("INV-{n}", "#{n}", "SO{n:06d}", "WC-{n}", "ORD/{n}", "INV/2026/{n:05d}")


class Buyer(NamedTuple):
    name: str
    form: str
    written: str
    phone: str
    payer: str  # who pays when it is not the buyer; stays the same


class Order(NamedTuple):
    row: int
    number: int
    reference: str
    buyer: int
    currency: str
    total: int
    code: int
    due: int
    day: int
    method: str


class Line(NamedTuple):
    day: int
    amount: int
    currency: str
    text: str


class Detail(NamedTuple):
    """What the generator knows of a line and the statement does not say, for the score and the oracle."""

    what: str
    amount_kind: str = ""
    payer_kind: str = ""
    reference_kind: str = ""
    bank: str = ""
    name: str = ""
    message: str = ""


class Book:
    """One shop's orders, statement, reports and truth, filled day by day. Days are counted from `START`."""

    def __init__(self, seed: int, codes: str, habits: Habits) -> None:
        self.rng = random.Random(f"selaras matching {seed} {codes} {habits == ORDINARY}")
        self.codes, self.habits = codes, habits
        rng = self.rng
        self.format = FORMATS[int(rng.random() * len(FORMATS))]
        self.first_number = int(10 ** (3 + rng.random() * 1.5))
        self.buyers: list[Buyer] = []
        self.orders: list[Order] = []
        self.captured: dict[int, int] = {}
        self.lines: list[Line] = []
        self.details: list[Detail] = []
        self.truth: list[tuple[int, int, int, str]] = []  # line, order, amount, kind
        self.copies: dict[int, int] = {}
        self.line_ids: list[str] = []  # set when the statement is written
        self.settlements: list[tuple[str, str, int, str, int, int]] = []  # gateway, batch, day, reference, gross, fee
        self._goods = self._catalogue()
        self._reserved: set[int] = set()
        self._release: defaultdict[int, list[int]] = defaultdict(list)

    def _catalogue(self) -> tuple[list[float], list[int]]:
        """120 goods: prices around Rp 95,000 in steps of 500 or 1,000, and how popular each is."""
        rng = self.rng
        prices = []
        for _ in range(120):
            price = math.exp(rng.gauss(math.log(95_000), 0.8))
            price = min(max(price, 8_000), 4_000_000)
            step = 500 if price < 60_000 else 1_000 if price < 400_000 else 5_000
            rounded = int(price / step) * step
            prices.append(rounded - step if rng.random() < 0.3 and rounded % 10_000 == 0 else rounded)
        return list(itertools.accumulate(1 / (n + 1) ** 0.8 for n in range(120))), prices

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def below(self, top: int) -> int:
        return int(self.rng.random() * top)

    def date(self, day: int) -> dt.date:
        return START + dt.timedelta(days=day)

    def business(self, day: int, lag: int) -> int:
        """The day `lag` business days after `day`; a batch that would fall on a closed day waits for the next."""
        while lag:
            day += 1
            if self.open(day):
                lag -= 1
        return day

    def open(self, day: int) -> bool:
        date = START + dt.timedelta(days=day)
        return date.weekday() < 5 and (date.month, date.day) not in HOLIDAYS

    def price(self) -> int:
        """A basket's total with shipping, in hundredths: a multiple of Rp 500."""
        rng = self.rng
        bounds, prices = self._goods
        shape = rng.random()
        total = 0
        for _ in range(1 if shape < 0.70 else 2 if shape < 0.92 else 3):
            each = prices[bisect.bisect_right(bounds, rng.random() * bounds[-1])]
            many = rng.random()
            total += each * (1 if many < 0.78 else 2 if many < 0.95 else 3)
        if rng.random() > 0.3:
            total += SHIPPING[int(rng.random() * len(SHIPPING))] * 1000
        return total * RP

    def new_buyer(self, firm: bool = False) -> int:
        rng = self.rng
        name, form = words.firm(rng) if firm or rng.random() < self.habits.firm_buyer else (words.person(rng), "")
        # A buyer's firm pays for him, or his wife; a firm's owner pays for the firm.
        other = words.firm(rng)[0] if not form and rng.random() < 0.3 else words.person(rng)
        self.buyers.append(Buyer(name, form, words.written(rng, name, form), words.phone(rng), other))
        return len(self.buyers) - 1

    def some_buyer(self) -> int:
        """A buyer who came before (45 %), or a new one."""
        if self.buyers and self.rng.random() < 0.45:
            return int(self.rng.random() * len(self.buyers))
        return self.new_buyer()

    def code(self, total: int, day: int) -> int:
        """A unique code for an order by transfer, 0 where the shop uses none.

        A pool takes one whose *sum* no open order has (neighbouring prices share the space), and keeps it reserved
        until some days after the order expires; if none is free, any.
        """
        if self.codes == "none":
            return 0
        start = 1 + self.below(CODES)
        if self.codes == "random":
            return start
        for step in range(CODES):
            code = (start + step * 7 - 1) % CODES + 1
            due = total + code * RP
            if due not in self._reserved:
                self._reserved.add(due)
                self._release[day + EXPIRES + GRACE].append(due)
                return code
        return start

    def new_day(self, day: int) -> None:
        self._reserved.difference_update(self._release.pop(day, ()))

    def place(self, day: int, method: str, buyer: int, total: int, currency: str = "IDR", coded: bool = True) -> Order:
        index = len(self.orders)
        code = self.code(total, day) if coded and method == "transfer" else 0
        number = self.first_number + index
        order = Order(
            index, number, self.format.format(n=number), buyer, currency, total, code, total + code * RP, day, method
        )
        self.orders.append(order)
        return order

    def line(self, day: int, amount: int, currency: str, text: str, detail: Detail) -> int:
        """Adds a line; now and then a second import adds it again."""
        index = len(self.lines)
        self.lines.append(Line(day, amount, currency, text))
        self.details.append(detail)
        if self.rng.random() < self.habits.imported_twice:
            self.copies[index + 1] = index
            self.lines.append(Line(day, amount, currency, text))
            self.details.append(detail)
        return index


def money(amount: int) -> str:
    """Hundredths as decimal text."""
    if amount < 0:
        return f"-{money(-amount)}"
    return f"{amount // 100}.{amount % 100:02d}"
