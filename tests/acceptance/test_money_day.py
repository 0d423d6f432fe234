"""A day of orders paid in all the ways, and in the evening the books equal the truth to the rupiah.

Live Vendure and live Tryton, Midtrans and Xendit as stand-ins with their webhooks, the sandbox bank's statements and
the gateways' settlement reports in folders; between them `selaras serve` as a process, killed once with -9. What is
asked, the admin answers from the truth; what the hub links by itself must be right, all of it.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from selaras.model.document import BankTransaction
from selaras.sync.installation import open_installation
from tests.acceptance.hall import eventually
from tests.acceptance.money_script import ZERO, Batch, Day, Sale, Transfer, counted, truth
from tests.acceptance.money_town import Town
from tests.peers.tryton import Database
from tests.peers.vendure import Server
from tests.peers.vendure_desk import Channel, major

ORDERS = int(os.environ.get("SELARAS_DAY_ORDERS", "500"))
BUYERS = 3  # at once
PATIENCE = 900.0  # seconds until the books agree with the truth


class Play:
    """The day as it happens."""

    def __init__(self, town: Town, day: Day) -> None:
        self.town, self.day = town, day
        self.late_news: list[Sale] = []
        self.counts: Counter[str] = Counter()
        self.pairs: dict[str, Sale] = {}

    # -- buyers ----------------------------------------------------------------------------------------------------

    def buy(self, sale: Sale) -> None:
        """Somebody orders and pays, or not."""
        shop, gateways = self.town.shop, self.town.gateways
        sale.id = shop.checkout(*sale.lines, method=sale.method, phone=sale.phone, name=sale.name)
        order = shop.order(sale.id)
        sale.number, sale.total = order["code"], major(order["totalWithTax"])
        match sale.method:
            case "qris":
                gateways.qris(sale, "pending")
                gateways.told_of_qris(sale)
                id = gateways.qris(sale, "expire" if sale.way == "qris_expired" else "settlement")
                if sale.way != "qris_expired":
                    self.day.collect(sale, id)
                if sale.way == "qris_lost":
                    self.late_news.append(sale)
                else:
                    gateways.told_of_qris(sale)
            case "va":
                if sale.way == "va_pending":
                    gateways.virtual_account(sale, "PENDING")
                    return
                if sale.rng.random() < 0.5:
                    gateways.virtual_account(sale, "PENDING", lost=sale.way == "va_lost")
                self.day.collect(sale, gateways.virtual_account(sale, "SUCCESS", lost=sale.way == "va_lost"))
            case "cod":
                if sale.way == "cod":
                    shop.settle(sale.id)
            case "transfer":
                self.transfer(sale)

    def transfer(self, sale: Sale) -> None:
        if sale.way == "pair":
            with self.day.lock:
                first = self.pairs.pop(sale.phone, None)
                if first is None:
                    self.pairs[sale.phone] = sale
                    return
            self.day.pay_by_bank(first, sale)
        elif sale.way == "unique":
            body = {"account": "bca", "reference": sale.number, "total": str(sale.total), "store": "toko"}
            held = self.town.api("/unique-amounts", body)
            assert "payable" in held, held
            self.day.pay_by_bank(sale, payable=Decimal(held["payable"]))
        else:
            if sale.way == "late":
                self.cancelled_yesterday(sale)
            self.day.pay_by_bank(sale)

    def cancelled_yesterday(self, sale: Sale) -> None:
        """An order of the day before, given up before it was paid."""
        shop = self.town.shop
        shop.cancel(sale.id)
        sale.cancelled = True
        for table, field, which in (
            ("history_entry", "createdAt", f"orderId = {sale.id}"), ("order", "orderPlacedAt", f"id = {sale.id}"),
        ):  # fmt: skip
            shop.sql(f'UPDATE "{table}" SET "{field}" = datetime("{field}", \'-1 day\') WHERE {which}')

    def buy_all(self, sales: list[Sale]) -> None:
        with ThreadPoolExecutor(BUYERS) as buyers:
            list(buyers.map(self.buy, sales))

    # -- gateways pay out ------------------------------------------------------------------------------------------

    def batch(self, gateway: str, name: str, rows: list[Any]) -> Batch:
        made = Batch(gateway, name, [one for _sale, one in rows])
        self.day.batches.append(made)
        self.town.report(self.day, made)
        return made

    def refund(self, sale: Sale, amount: Decimal) -> None:
        """Money goes back through the gateway that collected it; all of it when the order is cancelled."""
        shop = self.town.shop
        try:
            eventually(lambda: any(p["state"] == "Settled" for p in shop.order(sale.id)["payments"]), 300, 1.0)
        except AssertionError:
            raise AssertionError(f"never paid in the shop: {sale} {shop.order(sale.id)} {self.words()}") from None
        if amount == sale.total:
            shop.cancel(sale.id)
            sale.cancelled = True
        shop.refund(sale.id, amount)
        sale.refunded = amount
        if sale.by_gateway:
            self.day.give_back(sale, amount, self.town.gateways.refund(sale, amount))
        else:
            self.day.line(-amount, f"RETUR {sale.number}", [(sale, -amount, "", ZERO)])

    # -- the admin -------------------------------------------------------------------------------------------------

    def answer(self) -> int:
        """Answer what is asked, from the truth; how many answers were given."""
        given = 0
        for item in self.town.api("/money/unmatched"):
            given += self.payment(item) if item["kind"] == "payment" else self.bank_line(item)
        return given

    def payment(self, item: Any) -> int:
        sale = next(sale for sale, one in self.day.collected if one.id == item["line"])
        self.counts["payments asked"] += 1
        self.say("/link", {"bank_line": f"{item['connection']}:{item['line']}", "order": sale.number})
        return 1

    def bank_line(self, item: Any) -> int:
        line = self.day.known(item["text"])
        name = f"{item['connection']}:{item['line']}"
        if line.open and not item["proposals"]:
            return 0
        if not line.asked:
            line.asked = True
            self.counts["asked"] += 1
            self.counts["asked, right at rank 1"] += self.right(line, item) == 1
        rank = self.right(line, item)
        if rank:
            seen = [part["number"] for part in item["proposals"][rank - 1]["parts"]]
            self.say("/money/accept", {"line": name, "rank": rank, "orders": seen})
        elif line.open or not line.sales:
            self.say("/money/refuse", {"line": name})
        elif len(line.sales) == 1:
            sale, amount, _role, _off = line.sales[0]
            self.counts["linked by hand"] += 1
            made = self.say("/link", {"bank_line": name, "order": sale.number})
            for part in made.get("parts", ()):
                off = Decimal(part["written_off"])
                line.sales = [(sale, amount, line.sales[0][2] if off else "", off)]
        else:
            line.open = True
            self.counts["left open"] += 1
        return 1

    def right(self, line: Transfer, item: Any) -> int:
        """The rank of the proposal that is exactly right, 0 when there is none."""
        wanted = {(sale.number, amount, off) for sale, amount, _role, off in line.sales}
        if line.batches:
            wanted = {(one.name, one.gross - sum(one.fees, ZERO), ZERO) for one in line.batches}
        for one in item["proposals"]:
            parts = {(p["number"].rpartition(":")[2], Decimal(p["amount"]), Decimal(p["written_off"]))
                     for p in one["parts"]}  # fmt: skip
            if parts == wanted:
                return int(one["rank"])
        return 0

    def say(self, path: str, body: Any) -> Any:
        """What the admin answers. It may be overtaken by what was answered just before: then it is asked anew."""
        made = self.town.api(path, body)
        assert {"parts", "numbers"} & set(made) or made["title"] == "Cannot be done", (path, body, made)
        self.counts["overtaken"] += "title" in made
        return made

    # -- the evening -----------------------------------------------------------------------------------------------

    def differences(self) -> list[str]:
        """Everything in which the books and the shop differ from the truth."""
        true = truth(self.day)
        balances, orders = self.town.balances(), self.town.by_order()
        found = [
            f"{role}: the books say {balances.get(role, ZERO)}, the truth is {amount}"
            for role, amount in true.accounts.items()
            if balances.get(role, ZERO) != amount
        ]
        for sale in self.day.sales:
            billed, came = true.orders[sale.number]
            if orders.get(sale.number, (ZERO, ZERO)) != (billed, came):
                found.append(f"{sale.number} ({sale.way}): books {orders.get(sale.number)}, truth {(billed, came)}")
        foreign = set(orders) - set(true.orders)
        return found + [f"foreign {number}: {orders[number]}" for number in sorted(foreign)]

    def in_store(self) -> list[str]:
        """Orders whose payment the shop shows otherwise than it is."""
        wanted = truth(self.day).in_store
        found = []
        for order in self.town.shop.placed():
            states = {p["state"] for p in order["payments"]}
            if states != {wanted[order["code"]]}:
                found.append(f"{order['code']} in the shop {states}, truth {wanted[order['code']]}")
        return found

    def words(self) -> str:
        """What stands in the way."""
        assert self.town.process is not None
        waiting, blocked = self.town.api("/waiting")[:3], self.town.api("/blocked")
        return f"waiting {waiting} blocked {blocked} said {self.town.process.text[-1500:]}"

    def agree(self) -> None:
        """Answer and wait until nothing is asked and books and shop say the truth; else tell what they differ in."""
        end = time.monotonic() + PATIENCE
        while True:
            given = self.answer()
            busy = self.town.api("/waiting")
            left = ["busy"] if given or busy else self.differences() or self.in_store()
            if not left:
                return
            if time.monotonic() > end:
                left = self.differences() + self.in_store()
                raise AssertionError("\n".join([*left[:60], self.words()]))
            time.sleep(2)


@pytest.fixture
def town(tmp_path: Path, vendure_server: Server, vendure: Channel, tryton: Database) -> Iterator[Town]:
    made = Town(tmp_path, vendure_server, vendure, tryton)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_day_of_orders_paid_in_all_the_ways(town: Town, rng: random.Random) -> None:
    began = time.monotonic()
    day = Day(rng, ORDERS)
    play = Play(town, day)
    print(counted(day.sales))

    def clock(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s {what}")

    town.serve()
    account = {"account": "bca", "currency": "IDR", "low": 1, "high": 999, "direction": "add"}
    assert "account" in town.api("/unique-amounts/accounts", account)
    clock("begins")

    # The morning: orders, a first statement, the first payout, and the machine that dies.
    half = len(day.sales) * 6 // 10
    play.buy_all(day.sales[:half])
    clock("the morning's orders are placed")
    morning = list(day.collected)
    first = play.batch("midtrans", "WD-1", [one for one in morning if one[0].way == "qris"])
    day.pay_out("midtrans", [first])
    town.statement(day, "mutasi.csv")
    with ThreadPoolExecutor(1) as afternoon:
        rest = afternoon.submit(play.buy_all, day.sales[half:])
        time.sleep(5)
        town.kill()
        rest.result()
    for at in range(day.strangers):
        day.strange(at)
    clock("all orders are placed")

    # Money goes back; what Midtrans' notifications did not reach, they reach now.
    play.counts["notifications that nobody took"] = town.gateways.tell_again()
    for sale in play.late_news:
        town.gateways.told_of_qris(sale)
    refundable = [sale for sale, _one in morning] + [sale for sale in day.sales[:half] if sale.way == "code"]
    for n, sale in enumerate(rng.sample(refundable, max(4, ORDERS // 30))):
        play.refund(sale, sale.total if n % 3 == 0 else Decimal(7_500))
    clock("refunds are made")

    # The evening: payouts, two batches in one line, one that is not paid out yet; statements that overlap.
    money = [*day.given_back, *day.collected]
    qris = [one for one in money if one[0].method == "qris" and one[1] not in first.rows]
    cut, last = len(qris) // 2, len(qris) * 9 // 10
    second, third = play.batch("midtrans", "WD-2", qris[:cut]), play.batch("midtrans", "WD-3", qris[cut:last])
    day.pay_out("midtrans", [second, third])
    play.batch("midtrans", "WD-4", qris[last:])
    accounts = [one for one in money if one[0].method == "va"]
    day.pay_out("xendit", [play.batch("xendit", f"XENDIT-{day.date:%Y%m%d}", accounts)])
    town.statement(day, "mutasi.csv")
    town.statement(day, "mutasi.sta", "mt940")
    clock("the evening's files are dropped")
    play.agree()
    clock("books and shop equal the truth")

    alone, wrong = automatic(town, day)
    true = truth(day)
    print("balances", {role: str(amount) for role, amount in sorted(true.accounts.items())})
    print(f"bank lines linked alone {alone}, {dict(play.counts)}")
    assert not wrong, wrong
    assert alone > 0
    assert town.kills == 1


def automatic(town: Town, day: Day) -> tuple[int, list[str]]:
    """How many bank lines the hub linked by itself, and which of these links are not the truth."""
    assert town.process is not None
    assert town.process.stop() == 0, town.process.text[-2000:]
    ledger = open_installation(town.data)
    try:
        lines = ledger.records.all("bca", "bank_transaction")
        held = ledger.allocations.of_lines("bca", "bank_transaction", [one.key.id for one in lines])
        alone, wrong = 0, []
        for record in lines:
            line = day.known(msgspec.json.decode(record.body, type=BankTransaction).description)
            shares = [one for one in held.get(record.key.id, ()) if one.undone_at is None and one.how == "auto"]
            wanted = {f"toko:{sale.id}": amount for sale, amount, _role, _off in line.sales}
            for batch in line.batches:
                name = f"payout:laporan-{batch.gateway}:{batch.gateway}:{batch.name}"
                wanted[name] = batch.gross - sum(batch.fees, ZERO)
            alone += bool(shares)
            if shares and {one.subject: Decimal(one.amount) for one in shares} != wanted:
                wrong.append(f"{line.text}: {shares}")
        return alone, wrong
    finally:
        ledger.close()
