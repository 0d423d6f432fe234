"""Changes of the input that must not change the links (reference/reconciliation.md §3.3, metamorphic tests).

Each shop is generated with a fixed seed; links are compared by the ids of line and order.
"""

from __future__ import annotations

import csv
import random
import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks.matching.generate import make
from selaras.files import claims
from selaras.rules.matching import match

Row = dict[str, str]
Links = set[tuple[str, str, bool]]
SHOPS = [("pool", "ordinary", 21), ("random", "hard", 22), ("none", "ordinary", 23)]
ORDERS = 500


class Shop:
    """The rows of a generated shop, to be changed and matched."""

    def __init__(self, home: Path, codes: str, profile: str, seed: int) -> None:
        self.home = home
        make(home, ORDERS, codes, profile, seed)
        self.orders, self.bank, self.report, self.details = (
            self._read(f"{name}.csv") for name in ("orders", "bank", "settlements", "details")
        )

    def _read(self, name: str) -> list[Row]:
        with (self.home / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def links(
        self, orders: list[Row] | None = None, bank: list[Row] | None = None, report: list[Row] | None = None
    ) -> Links:
        """(line, order, auto) of a run on these rows, or on the shop's own."""
        for name, rows in (
            ("orders", orders or self.orders), ("bank", bank or self.bank), ("settlements", report or self.report),
        ):  # fmt: skip
            with (self.home / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        of = claims.read_orders(self.home / "orders.csv")
        lines = claims.read_lines(self.home / "bank.csv")
        found = match(of, lines, claims.read_settlements(self.home / "settlements.csv", of))
        return {(lines.ids[link.line], of.ids[link.order], link.auto) for link in found}


@pytest.fixture(params=SHOPS, ids=lambda p: "-".join(map(str, p)))
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    return Shop(tmp_path, *request.param)


def auto(links: Links) -> set[tuple[str, str]]:
    return {(line, order) for line, order, sure in links if sure}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_of_the_rows_says_nothing(shop: Shop, seed: int) -> None:
    rng = random.Random(seed)
    before = shop.links()
    mixed = [rng.sample(rows, len(rows)) for rows in (shop.orders, shop.bank, shop.report)]
    assert shop.links(*mixed) == before


def test_lines_that_go_out_or_come_from_elsewhere_change_nothing(shop: Shop) -> None:
    before = shop.links()
    more = [
        {**shop.bank[0], "line_id": f"X{n}", "amount": amount, "currency": currency, "description": text}
        for n, (amount, currency, text) in enumerate([
            ("-147356.00", "IDR", "TRSF E-BANKING DB 0110/FTSCY/WS95051 147356.00REFUND 1001 BUDI SANTOSO"),
            ("-2500.00", "IDR", "BIAYA TXN KE 014 BUDI SANTOSO"),
            ("12345.67", "IDR", "BUNGA"),
            ("98765.43", "EUR", "INWARD TT ACME GMBH"),
            ("-2469.13", "IDR", "PAJAK BUNGA"),
        ])
    ]  # fmt: skip
    after = shop.links(bank=shop.bank + more)
    assert auto(after) == auto(before)


def test_an_import_read_twice_is_read_once(shop: Shop) -> None:
    """The same line ids twice: exactly the same links."""
    half = len(shop.bank) // 2
    assert shop.links(bank=[*shop.bank[:half], *shop.bank[half - 40 :], *shop.bank[:20]]) == shop.links()


def test_a_second_import_with_other_ids_pays_no_order_twice(shop: Shop) -> None:
    """Overlapping exports under new ids: no order gets the same money again."""
    before = shop.links()
    overlap = [{**row, "line_id": f"again-{row['line_id']}"} for row in shop.bank[::5]]
    after = shop.links(bank=shop.bank + overlap)

    def told(links: Links, bank: list[Row]) -> Counter[tuple[str, str]]:
        text = {r["line_id"]: f"{r['booked_on']}|{r['amount']}|{r['currency']}|{r['description']}" for r in bank}
        return Counter((text[line], order) for line, order in auto(links))

    first, second = told(before, shop.bank), told(after, shop.bank + overlap)
    assert set(second) <= set(first) | {pair for pair in second if second[pair] == 1}
    assert all(second[pair] <= max(1, first[pair]) for pair in second)
    # What was certain stays found.
    assert sum((second & first).values()) >= 0.97 * sum(first.values())


@pytest.mark.parametrize("currency", ["USD", "JPY"])
def test_the_currency_s_exponent_says_nothing(shop: Shop, currency: str) -> None:
    """The same minor units under another currency (rupiah and yen have no decimals, dollars two): the same links."""
    shop.orders = [r for r in shop.orders if r["currency"] == "IDR"]
    shop.bank = [r for r in shop.bank if r["currency"] == "IDR"]
    before = shop.links()

    def changed(rows: list[Row], *columns: str) -> list[Row]:
        scale = Decimal("0.01") if currency == "USD" else Decimal(1)
        return [
            {**r, **{c: f"{Decimal(r[c]) * scale:f}" for c in columns}}
            | ({"currency": currency} if "currency" in r else {})
            for r in rows
        ]

    orders = changed(shop.orders, "total", "amount_due")
    for order in orders:
        code = order["unique_code"]
        order["unique_code"] = f"{Decimal(code) / 100:f}" if code and currency == "USD" else code
    assert shop.links(orders, changed(shop.bank, "amount"), changed(shop.report, "gross", "fee", "net")) == before


def test_references_renamed_alike_everywhere_give_the_same_links(shop: Shop) -> None:
    """Every digit of references and of what buyers wrote is exchanged for another, the same everywhere; 0 stays."""
    swap = str.maketrans("123456789", "924681357")
    before = shop.links()
    message = {row["line_id"]: row["message"] for row in shop.details}

    def renamed(row: Row) -> Row:
        said = message[row["line_id"]]
        shown = said if said in row["description"] else said[:18].rstrip()
        if not shown or not re.search(r"\d", shown):
            return row
        head, found, tail = row["description"].rpartition(shown)
        return {**row, "description": head + found.translate(swap) + tail}

    orders = [{**r, "reference": r["reference"].translate(swap)} for r in shop.orders]
    report = [{**r, "order_reference": r["order_reference"].translate(swap)} for r in shop.report]
    after = shop.links(orders, [renamed(r) for r in shop.bank], report)
    assert auto(after) == auto(before)


def test_two_buyers_who_exchange_their_names_exchange_nothing_else(shop: Shop) -> None:
    """Names exchanged everywhere, orders and statement alike: the same links."""
    before = shop.links()
    change: Callable[[str], str] = lambda text: re.sub(  # noqa: E731
        r"(?i)\b(santoso|wijaya)\b", lambda m: {"santoso": "wijaya", "wijaya": "santoso"}[m[0].lower()].upper(), text
    )
    if not any("santoso" in r["customer_name"].lower() for r in shop.orders):
        pytest.skip("no such names in this shop")
    orders = [{**r, "customer_name": change(r["customer_name"].upper())} for r in shop.orders]
    plain = [{**r, "customer_name": r["customer_name"].upper()} for r in shop.orders]
    # A name that is cut cannot be exchanged by its word: those lines keep theirs, on both sides of the comparison.
    bank = [{**r, "description": change(r["description"])} for r in shop.bank]
    assert len(auto(before) ^ auto(shop.links(orders=plain))) <= 2
    same = auto(shop.links(orders, bank)) & auto(before)
    assert len(same) >= 0.98 * len(auto(before))
