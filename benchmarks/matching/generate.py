"""Writes a shop's orders, statement and settlement reports with the truth beside them.

    python -m benchmarks.matching.generate DIR --orders 20000 --codes pool --profile ordinary --seed 1

DIR gets orders.csv, bank.csv and settlements.csv (what a matcher reads), truth.csv (every true pair of line and order),
details.csv (what the generator knows of each line) and meta.json. The same arguments give the same files.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import TextIO

from benchmarks.matching import noise
from benchmarks.matching.book import RP, Book, Order, money
from benchmarks.matching.habits import PROFILES
from benchmarks.matching.payouts import Payouts
from benchmarks.matching.transfers import RATES, Transfers

ORDERS = "order_id reference customer_name phone currency total unique_code amount_due ordered_on method captured_on"
#: A shop larger than a year of 86 orders a day is a busier one, not an older one.
LONGEST = 365


class Shop:
    """Runs the days of one shop."""

    def __init__(self, seed: int, codes: str, profile: str) -> None:
        self.book = Book(seed, codes, PROFILES[profile])
        self.transfers = Transfers(self.book)
        self.payouts = Payouts(self.book)
        self.again: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)

    def run(self, orders: int, per_day: float) -> Book:
        book, day = self.book, 0
        while len(book.orders) < orders:
            book.new_day(day)
            before = len(book.lines)
            weekend = 0.8 if book.date(day).weekday() >= 5 else 1.08
            wanted = max(1, round(per_day * weekend * (0.85 + 0.3 * book.rng.random())))
            for buyer, total in self.again.pop(day, ()):
                self._transfer(book.place(day, "transfer", buyer, total))
            stop = min(orders, len(book.orders) + wanted)
            while len(book.orders) < stop:
                self._order(day)
            noise.day(book, day, len(book.lines) - before)
            day += 1
        self.payouts.close()
        return book

    def _order(self, day: int) -> None:
        book, habits, rng = self.book, self.book.habits, self.book.rng
        at = rng.random()
        if at < habits.share_va + habits.share_qris:
            method = "gw_va" if at < habits.share_va else "gw_qris"
            self.payouts.gateway_order(book.place(day, method, book.some_buyer(), book.price()))
            return
        at -= habits.share_va + habits.share_qris
        if at < habits.share_market:
            self.payouts.market_order(book.place(day, "market", book.some_buyer(), book.price()))
            return
        at = rng.random()
        for share, write in (
            (habits.service, self._service),
            (habits.foreign, self._foreign),
            (habits.basket, self._basket),
            (habits.twin, self._twin),
        ):
            if at < share:
                write(day)
                return
            at -= share
        self._transfer(book.place(day, "transfer", book.some_buyer(), book.price()))

    def _transfer(self, order: Order) -> None:
        if self.transfers.single(order) and self.book.chance(self.book.habits.reordered):
            self.again[order.day + 1 + self.book.below(2)].append((order.buyer, order.total))

    def _service(self, day: int) -> None:
        book = self.book
        base = (4 + book.below(60)) * 250_000 * RP
        self.transfers.service(
            book.place(day, "transfer", book.new_buyer(firm=True), base + base * 11 // 100, coded=False)
        )

    def _foreign(self, day: int) -> None:
        book = self.book
        currency = ("USD", "USD", "SGD")[book.below(3)]
        cents = max(6_000, 6 * book.price() // RATES[currency])  # a buyer abroad orders for sixty dollars at least
        self.transfers.foreign(book.place(day, "transfer", book.some_buyer(), cents, currency, coded=False))

    def _basket(self, day: int) -> None:
        book, at = self.book, self.book.rng.random()
        buyer = book.some_buyer()
        many = 2 if at < 0.75 else 3 if at < 0.95 else 4
        self.transfers.basket([book.place(day, "transfer", buyer, book.price()) for _ in range(many)])

    def _twin(self, day: int) -> None:
        book = self.book
        buyer, total = book.some_buyer(), book.price()
        first = book.place(day, "transfer", buyer, total)
        self.transfers.twin(first, book.place(day, "transfer", buyer, total))


def order_id(index: int) -> str:
    return f"O{index + 1:07d}"


def write(book: Book, folder: Path) -> None:
    """All files but meta.json; the lines in an order drawn by chance."""
    folder.mkdir(parents=True, exist_ok=True)
    places = list(range(len(book.lines)))
    rng = book.rng
    for i in range(len(places) - 1, 0, -1):
        j = int(rng.random() * (i + 1))
        places[i], places[j] = places[j], places[i]
    ids = [""] * len(places)
    for n, index in enumerate(places):
        ids[index] = f"L{n + 1:07d}"
    book.line_ids = ids
    last = max((line.day for line in book.lines), default=0)
    last = max(last, max(book.captured.values(), default=0))
    dates = [book.date(n).isoformat() for n in range(last + 1)]
    with _open(folder / "orders.csv") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(ORDERS.split())
        for o in book.orders:
            buyer = book.buyers[o.buyer]
            captured = book.captured.get(o.row)
            rows.writerow((
                order_id(o.row), o.reference, buyer.written, buyer.phone, o.currency, money(o.total), o.code or "",
                money(o.due), book.date(o.day).isoformat(), o.method, "" if captured is None else dates[captured],
            ))  # fmt: skip
    with _open(folder / "bank.csv") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("line_id", "booked_on", "amount", "currency", "description"))
        for index in places:
            line = book.lines[index]
            rows.writerow((ids[index], dates[line.day], money(line.amount), line.currency, line.text))
    with _open(folder / "settlements.csv") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("gateway", "batch", "settled_on", "order_reference", "gross", "fee", "net"))
        for gateway, batch, day, reference, gross, fee in book.settlements:
            rows.writerow((gateway, batch, dates[day], reference, money(gross), money(fee), money(gross - fee)))
    with _open(folder / "truth.csv") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("line_id", "order_id", "amount", "kind"))
        for index, order, amount, kind in book.truth:
            rows.writerow((ids[index], order_id(order), money(amount), kind))
    with _open(folder / "details.csv") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow((
            "line_id", "what", "amount_kind", "payer_kind", "reference_kind", "bank", "name", "message", "copy_of",
        ))  # fmt: skip
        for index in places:
            rows.writerow((ids[index], *book.details[index], ids[book.copies[index]] if index in book.copies else ""))


def _open(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", newline="")


def pace(orders: int, per_day: float) -> float:
    """Orders a day: as asked for, or more if the shop would be older than a year."""
    return max(per_day, orders / LONGEST)


def make(folder: Path, orders: int, codes: str, profile: str, seed: int, per_day: float = 86.0) -> Book:
    """Generates and writes; returns the book, with all that is true, to whoever scores."""
    rate = pace(orders, per_day)
    book = Shop(seed, codes, profile).run(orders, rate)
    write(book, folder)
    meta = {
        "orders": len(book.orders), "lines": len(book.lines), "pairs": len(book.truth), "codes": codes,
        "profile": profile, "seed": seed, "per_day": round(rate, 2), "habits": dataclasses.asdict(PROFILES[profile]),
    }  # fmt: skip
    (folder / "meta.json").write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
    return book


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--codes", choices=("pool", "random", "none"), default="random")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="ordinary")
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--per-day", type=float, default=86.0)
    parser.add_argument("--seed", type=int, default=1)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    arguments(parser)
    a = parser.parse_args()
    book = make(a.folder, a.orders, a.codes, a.profile, a.seed, a.per_day)
    print(
        f"seed {a.seed}: {len(book.orders)} orders, {len(book.lines)} lines, {len(book.truth)} true pairs in {a.folder}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
