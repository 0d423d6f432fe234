"""From a live Vendure into a live Tryton and back, with the hub killed in the midst of it.

Buyers order through the shop API, the owner refunds, cancels and edits in the admin API, the bank is in Tryton's
statement; between them runs `selaras serve` as a process, which is ended with kill -9 twice. Every hint of the plugin
is delivered three times. What became of it is asked of Vendure and of Tryton, never of our ledger.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from selaras.ledger.connections import Connection
from selaras.ledger.values import MICROSECOND
from selaras.rules.plan_types import Policy
from selaras.sync.hub import Pair
from selaras.sync.installation import SCHEDULES, open_installation, set_pairs
from tests.acceptance.hall import Process, eventually
from tests.connectors.tryton.shop import BANK, CLEARING, ZONE, today
from tests.peers.tryton import Database
from tests.peers.tryton_desk import Desk
from tests.peers.vendure import SECRET, Server
from tests.peers.vendure_desk import Channel, Row, major

GOODS = {"KAOS-M": 60, "KAOS-L": 40, "TOPI": 50}
POLICY = Policy(
    bank_methods=frozenset({"transfer"}),
    accounts={"transfer": BANK, "qris": CLEARING, "tunai": CLEARING},
    default_account=CLEARING,
    zone=ZONE,
)
_OFTEN = dict.fromkeys(("order", "contact", "stock", "bank_transaction", "receipt", "reread"), "every 2s") | {
    "product": "every 5s",
    "journal": "every 1h",
    "purchase": "every 1h",
}
ZERO = Decimal(0)


class Business:
    """A shop, its books, and the process that keeps them in step."""

    def __init__(self, data: Path, server: Server, shop: Channel, database: Database) -> None:
        self.data = data
        self.server = server
        self.shop = shop
        self.desk: Desk = database.desk()
        self.kills = 0
        self.process: Process | None = None
        shop.goods(GOODS)
        self.desk.goods(GOODS)
        self._install(database)

    def _install(self, database: Database) -> None:
        name, password = self.server.hub(self.shop)
        store = {"base_url": self.shop.url, "username": name, "channel": self.shop.token, "rate": "200",
                 "visibility_lag": "1", "recheck": "3"}  # fmt: skip
        books = dict(database.settings)
        ledger = open_installation(self.data)
        try:
            now = int(time.time() * MICROSECOND)
            with ledger.transaction():
                hidden = {"password": password, "webhook_secret": SECRET}
                ledger.connections.add(Connection("toko", "vendure", "store", ZONE, store, hidden), now)
                key = {"password": books.pop("password")}
                ledger.connections.add(Connection("buku", "tryton", "books", ZONE, books, key), now)
                ledger.connections.set(SCHEDULES, msgspec.json.encode(_OFTEN).decode(), now)
            set_pairs(ledger, [Pair("toko", "buku", POLICY)])
        finally:
            ledger.close()

    # -- the process ------------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Start it; the plugin's hints go to it, each three times."""
        self.process = Process(SimpleNamespace(data=self.data))  # type: ignore[arg-type]
        self.server.mail.times = 3
        self.server.mail.onward = f"{self.process.ready()}/webhooks/toko"

    def kill(self) -> None:
        """kill -9, and start again."""
        assert self.process is not None
        self.process.kill()
        self.kills += 1
        self.serve()

    def close(self) -> None:
        self.server.mail.onward = ""
        if self.process is not None and self.process.popen.poll() is None:
            assert self.process.stop() == 0, self.process.text[-2000:]

    def words(self) -> str:
        """What stands in the way, for the message of a failing test."""
        assert self.process is not None
        waiting, blocked = self.process.api("/waiting"), self.process.api("/blocked")
        return f"waiting {waiting} blocked {blocked} said {self.process.text[-1500:]}"

    # -- the witnesses ----------------------------------------------------------------------------------------------

    def held(self, number: str) -> Row:
        """What Tryton holds under an order's number."""
        sales = self.desk.rows("sale.sale", [["reference", "=", number]], "state")
        either = ["OR", ["reference", "=", number], ["reference", "like", f"{number}/%"]]
        bills = self.desk.rows("account.invoice", either, "state", "total_amount", "reference")
        money = self.desk.rows(
            "account.statement.line", [["number", "like", f"{number}/%"], ["statement.state", "!=", "cancelled"]],
            "amount", "number", "statement.state",
        )  # fmt: skip
        return {"sales": sales, "bills": bills, "money": money}

    def differences(self) -> list[str]:
        """Everything in which the two sides differ: missing, doubled, money, and stock."""
        found: list[str] = []
        for order in self.shop.placed():
            found += [f"{order['code']} ({order['state']}): {what}" for what in self._compare(order)]
        numbers = {order["code"] for order in self.shop.placed()}
        sales = self.desk.rows("sale.sale", [], "reference")
        # What an edit added has a sale of its own, NUMBER/2.
        foreign = [one["reference"] for one in sales if one["reference"].partition("/")[0] not in numbers]
        found += [f"foreign sale {reference}" for reference in foreign]
        for code in GOODS:
            there, taken = self.shop.shelf(code)
            left = self.left(code)
            if there - taken != left:
                found.append(f"{code}: Vendure offers {there} - {taken}, Tryton has {left} left")
        balance = self.desk.balance()
        return found + ([f"the books are {balance} off"] if balance else [])

    def left(self, code: str) -> Decimal:
        """Pieces that Tryton can still promise: its forecast, less what sales in quotation hold."""
        held = self.desk.rows(
            "sale.line", [["product.code", "=", code], ["sale.state", "in", ["draft", "quotation"]]], "quantity"
        )
        return self.desk.shelf(code)[1] - sum((Decimal(str(one["quantity"])) for one in held), ZERO)

    def _compare(self, order: Row) -> Iterator[str]:
        held = self.held(order["code"])
        settled = [p for p in order["payments"] if p["state"] == "Settled"]
        kept = sum((major(p["amount"]) for p in settled), ZERO)
        kept -= sum((major(r["total"]) for p in settled for r in p["refunds"] if r["state"] == "Settled"), ZERO)
        if len(held["sales"]) != 1:
            yield f"{len(held['sales'])} sales"
        for kind, field in (("bills", "reference"), ("money", "number")):
            names = [one[field] for one in held[kind]]
            if len(names) != len(set(names)):
                yield f"doubled {kind} {names}"
        money = sum((one["amount"] for one in held["money"]), ZERO)
        billed = sum((one["total_amount"] for one in held["bills"] if one["state"] in ("posted", "paid")), ZERO)
        if money != kept:
            yield f"the store kept {kept}, the books received {money}"
        if billed != kept:
            yield f"the store kept {kept}, the books billed {billed}"
        if any(one["state"] not in ("posted", "paid") for one in held["bills"]):
            yield f"unfinished bills {held['bills']}"
        if any(one["statement."]["state"] != "posted" for one in held["money"]):
            yield f"unfinished money {held['money']}"

    def agree(self) -> None:
        """Wait until the two sides say the same; else tell what they differ in."""
        left: list[str] = ["not asked"]

        def same() -> bool:
            nonlocal left
            left = self.differences()
            return not left

        try:
            eventually(same, 90, 0.5)
        except AssertionError:
            raise AssertionError("\n".join([*left, self.words()])) from None

    def bank(self, text: str, amount: Decimal) -> None:
        """A line on the bank's statement, as an import leaves it."""
        journal = self.desk.one("account.statement.journal", [["name", "=", "Rekening BCA"]], "name")["id"]
        line = {"number": "TRX1", "date": today(), "amount": amount, "description": text}
        statement = {
            "name": "BCA", "date": today(), "company": self.desk.company, "journal": journal, "total_amount": amount,
            "origins": [["create", [line]]],
        }  # fmt: skip
        self.desk.create("account.statement", statement)


@pytest.fixture
def business(tmp_path: Path, vendure_server: Server, vendure: Channel, tryton: Database) -> Iterator[Business]:
    made = Business(tmp_path / "data", vendure_server, vendure, tryton)
    try:
        yield made
    finally:
        made.close()


def test_a_shop_and_its_books_say_the_same(business: Business) -> None:
    shop = business.shop
    business.serve()
    made = {
        name: shop.checkout(*lines, method=method)
        for name, lines, method in (
            ("plain", [("KAOS-M", 2), ("TOPI", 1)], "qris"),
            ("refunded", [("KAOS-M", 3)], "qris"),
            ("goodwill", [("TOPI", 2)], "qris"),
            ("cancelled", [("KAOS-L", 2), ("TOPI", 1)], "qris"),
            ("off", [("KAOS-L", 1)], "transfer"),
            ("dearer", [("KAOS-L", 1)], "qris"),
            ("cheaper", [("KAOS-M", 4)], "qris"),
            ("transfer", [("KAOS-M", 1)], "transfer"),
            ("shipped", [("TOPI", 3)], "qris"),
        )
    }
    cart = shop.cart(("KAOS-M", 5))  # never checked out
    # In the midst of the first sales, and of the first invoices.
    eventually(lambda: business.desk.rows("sale.sale", [], "reference"))
    business.kill()
    eventually(lambda: business.desk.rows("account.invoice", [], "reference"))
    business.kill()
    business.agree()

    # The owner's day: a return, a goodwill, a cancellation with and without money, two edits, a parcel.
    shop.cancel(made["refunded"], {"KAOS-M": 1})
    shop.refund(made["refunded"], 50_000, {"KAOS-M": 1})
    shop.refund(made["goodwill"], 7_500)
    shop.cancel(made["cancelled"])
    shop.refund(made["cancelled"], major(shop.order(made["cancelled"])["payments"][0]["amount"]))
    shop.cancel(made["off"])
    shop.edit(made["dearer"], {"KAOS-L": 3})
    shop.state(made["dearer"], "ArrangingAdditionalPayment")
    shop.manual(made["dearer"])
    shop.state(made["dearer"], "PaymentSettled")
    business.kill()
    payment = shop.order(made["cheaper"])["payments"][0]["id"]
    shop.edit(made["cheaper"], {"KAOS-M": 2}, payment)
    shop.settle_refunds(made["cheaper"])
    shop.state(made["cheaper"], "PaymentSettled")
    shop.ship(made["shipped"], "JNE0001")
    order = shop.order(made["transfer"])
    business.bank(f"TRSF E-BANKING CR 2211 {order['code']} PEMBELI", major(order["totalWithTax"]))
    business.agree()

    # Money found in the books has marked the order in the shop, once.
    order = shop.order(made["transfer"])
    assert [(p["state"], p["amount"]) for p in order["payments"]] == [("Settled", order["totalWithTax"])]
    # A sale at the counter is in the books only: the shop offers less.
    left = int(business.left("TOPI"))
    business.desk.count({"TOPI": int(business.desk.shelf("TOPI")[0]) - 4})
    eventually(lambda: _offered(shop, "TOPI") == left - 4)
    business.agree()

    # News that is old is told again, three times each, and changes nothing.
    before = _everything(business)
    for mail in list(business.server.mail.taken):
        business.server.mail.hand_on(dict(mail.headers), mail.body)
    shop.checkout(("KAOS-L", 1))
    eventually(lambda: len(_everything(business)) == len(before) + 1)
    business.agree()
    after = _everything(business)
    assert {number: after[number] for number in before} == before
    assert business.kills == 3
    states = {name: business.held(shop.order(id)["code"])["sales"][0]["state"] for name, id in made.items()}
    assert states["off"] == "cancelled"
    assert states["plain"] == "processing"
    assert cart.one("{ activeOrder { state } }")["state"] == "AddingItems"


def _offered(shop: Channel, code: str) -> int:
    there, taken = shop.shelf(code)
    return there - taken


def _everything(business: Business) -> dict[str, Any]:
    numbers = {one["reference"].partition("/")[0] for one in business.desk.rows("sale.sale", [], "reference")}
    return {number: business.held(number) for number in numbers}
