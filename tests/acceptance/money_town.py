"""A shop on Vendure, its books in Tryton, Midtrans, Xendit and a bank, and `selaras serve` between them."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
from aiohttp import web

from selaras.connectors.contract import Webhook
from selaras.ledger.connections import Connection
from selaras.ledger.values import MICROSECOND
from selaras.rules.mapping import Mapping
from selaras.rules.plan_types import Policy
from selaras.sandbox.bank import bca_csv, midtrans_csv, mt940, xendit_csv
from selaras.sync import mappings
from selaras.sync.feeds import set_feed
from selaras.sync.hub import Pair
from selaras.sync.installation import SCHEDULES, open_installation, set_pairs
from tests.acceptance.hall import Process
from tests.acceptance.money_script import GOODS, ZONE, Batch, Day, Sale
from tests.cli.install import Servers
from tests.connectors.kit_servers import served
from tests.connectors.midtrans import standin as mt
from tests.connectors.xendit import standin as xd
from tests.peers.tryton import Database
from tests.peers.tryton_desk import Desk
from tests.peers.vendure import SECRET, Server
from tests.peers.vendure_desk import Channel

ZONE_NAME = "Asia/Jakarta"
PIECES = 3_000
# Roles of the truth → accounts of the books: (code, name, an account of the same kind, statement journal).
ACCOUNTS: dict[str, tuple[str, str, str, bool]] = {
    "bank": ("1-1101", "", "", False),
    "midtrans": ("1-1190", "", "", False),
    "xendit": ("1-1191", "Kliring Xendit", "1-1190", True),
    "cash": ("1-1001", "Kas", "1-1101", True),
    "withholding": ("1-1502", "PPh 23 Dibayar di Muka", "1-1501", False),
    "fee_tax": ("1-1503", "PPN Masukan atas Biaya", "1-1501", False),
    "fee": ("6-6101", "Biaya Payment Gateway", "5.1.1", False),
    "transfer_fee": ("6-6102", "Biaya Transfer", "5.1.1", False),
    "rounding": ("6-6103", "Selisih Pembulatan", "5.1.1", False),
}
_OFTEN = {
    **dict.fromkeys(("order", "bank_transaction", "payment", "payout"), "every 3s"), "reread": "every 10s",
    **dict.fromkeys(("product", "contact", "stock"), "every 30s"),
    **dict.fromkeys(("receipt", "refund"), "every 1m"),
    **dict.fromkeys(("journal", "purchase"), "every 1h"),
}  # fmt: skip


class Gateways:
    """Both gateways, served on a thread. Their webhooks go to `onward` three times; who does not answer loses them."""

    def __init__(self) -> None:
        self.servers = Servers()
        self.stack = contextlib.AsyncExitStack()
        self.midtrans, self.xendit = mt.StandIn(), xd.StandIn()
        self.lock = threading.Lock()
        self.onward = ""
        self.lost: list[tuple[str, Webhook]] = []
        self.payments: dict[str, mt.Payment] = {}
        self.rows: dict[str, xd.Row] = {}
        self.servers.run(self._serve())

    async def _serve(self) -> None:
        @contextlib.asynccontextmanager
        async def own_time() -> AsyncIterator[str]:
            async def handle(request: web.Request) -> web.StreamResponse:
                with self.lock:
                    self.xendit.now = dt.datetime.now(dt.UTC)
                    return await self.xendit.handle(request)

            async with served(handle) as url:
                yield url

        self.midtrans.url = await self.stack.enter_async_context(served(self.midtrans.handle))
        self.xendit.url = await self.stack.enter_async_context(own_time())

    def close(self) -> None:
        self.servers.run(self.stack.aclose())
        self.servers.close()

    def tell(self, name: str, webhook: Webhook) -> None:
        """A notification, three times. What nobody takes is told again later, as gateways do."""
        try:
            for _ in range(3):
                request = urllib.request.Request(f"{self.onward}/webhooks/{name}", webhook.body, dict(webhook.headers))
                urllib.request.urlopen(request, timeout=20).close()
        except OSError:
            self.lost.append((name, webhook))

    def tell_again(self) -> int:
        """Notifications that were not taken; how many there were."""
        lost, self.lost = self.lost, []
        for name, webhook in lost:
            self.tell(name, webhook)
        return len(lost)

    def qris(self, sale: Sale, status: str) -> str:
        """The QR code is shown (`pending`), paid (`settlement`) or not paid in time (`expire`); the payment's id."""
        now = dt.datetime.now(mt.WIB).strftime("%Y-%m-%d %H:%M:%S")
        with self.lock:
            held = self.payments.get(sale.number)
            if held is None:
                gross = int(sale.total)
                held = self.midtrans.pay(sale.number, gross, "pending", type="qris", transaction_time=now)
                self.payments[sale.number] = held
            if status != "pending":
                self.midtrans.become(held, status, now)
        return held.id

    def told_of_qris(self, sale: Sale) -> None:
        """Midtrans notifies of the payment as it is."""
        self.tell("midtrans", self.midtrans.notice(self.payments[sale.number]))

    def virtual_account(self, sale: Sale, status: str, *, lost: bool = False) -> str:
        """A payment into a virtual account, of which Xendit tells; the transaction's id."""
        with self.lock:
            self.xendit.now = dt.datetime.now(dt.UTC)
            row = self.rows.get(sale.number)
            if row is None:
                row = self.rows[sale.number] = self.xendit.pay(sale.number, int(sale.total), status=status)
            else:
                self.xendit.touch(row, status=status)
        if not lost:
            self.tell("xendit", self.xendit.delivery({"event": "payment.capture", "data": {"id": row["product_id"]}}))
        return str(row["id"])

    def refund(self, sale: Sale, amount: Decimal) -> str:
        """The gateway gives money back; the refund's id."""
        with self.lock:
            if sale.method == "qris":
                held = self.midtrans.refund(self.payments[sale.number], int(amount), confirmed=True)
                return str(held.refunds[-1]["refund_chargeback_id"])
            self.xendit.now = dt.datetime.now(dt.UTC)
            return str(self.xendit.refund(self.rows[sale.number], int(amount))["id"])


class Town:
    """Everything around the hub, and the hub as a process."""

    def __init__(self, root: Path, server: Server, shop: Channel, database: Database) -> None:
        self.data = root / "data"
        self.server, self.shop = server, shop
        self.desk: Desk = database.desk()
        self.gateways = Gateways()
        self.folders = {name: root / name for name in ("bca", "laporan-midtrans", "laporan-xendit")}
        for folder in self.folders.values():
            (folder / "in").mkdir(parents=True)
        self.process: Process | None = None
        self.kills = 0
        for code, price in GOODS.items():
            shop.goods({code: PIECES}, price)
        self.desk.goods(dict.fromkeys(GOODS, PIECES))
        self._ways_of_paying()
        self.accounts = self._chart()
        self._install(database)

    # -- before the day --------------------------------------------------------------------------------------------

    def _ways_of_paying(self) -> None:
        """Ways of paying by which nothing is received when the order is placed: the owner or the hub settles them."""
        ids = [
            self.server.admin.one(
                "mutation($i: CreatePaymentMethodInput!) { createPaymentMethod(input: $i) { id } }",
                i={"code": code, "enabled": True, "handler": {"code": "bank-transfer", "arguments": []},
                   "translations": [{"languageCode": "en", "name": code, "description": ""}]},
            )["id"]
            for code in ("va", "cod")
        ]  # fmt: skip
        self.server.admin(
            "mutation($p: AssignPaymentMethodsToChannelInput!) { assignPaymentMethodsToChannel(input: $p) { id } }",
            p={"paymentMethodIds": ids, "channelId": self.shop.id},
        )

    def _chart(self) -> dict[str, str]:
        """The bookkeeper adds what a shop with gateways needs; ids of accounts by role."""
        found = {}
        for role, (code, name, like, feed) in ACCOUNTS.items():
            if name:
                same = self.desk.one("account.account", [["code", "=", like]], "type", "parent")
                self.desk.create(
                    "account.account",
                    {"code": code, "name": name, "type": same["type"], "parent": same["parent"],
                     "company": self.desk.company, "reconcile": False},
                )  # fmt: skip
            if feed:
                self.desk.feed(code, name)
            found[role] = str(self.desk.one("account.account", [["code", "=", code]], "name")["id"])
        return found

    def _install(self, database: Database) -> None:
        name, password = self.server.hub(self.shop)
        store = {"base_url": self.shop.url, "username": name, "channel": self.shop.token, "rate": "200",
                 "visibility_lag": "1", "recheck": "20"}  # fmt: skip
        books = dict(database.settings)
        key = {"password": books.pop("password")}
        m = {"base_url": self.gateways.midtrans.url, "rate": "1000"}
        x = {"base_url": self.gateways.xendit.url, "rate": "60000", "overlap": "10"}
        files = {n: {"folder": str(folder), "quiet": "0"} for n, folder in self.folders.items()}
        rows = [
            ("toko", "vendure", "store", store, {"password": password, "webhook_secret": SECRET}),
            ("buku", "tryton", "books", books, key),
            ("midtrans", "midtrans", "gateway", m, {"server_key": mt.KEY}),
            ("xendit", "xendit", "gateway", x, {"secret_key": xd.KEY, "callback_token": xd.TOKEN}),
            ("bca", "statements", "bank", files["bca"] | {"account": ACCOUNTS["bank"][0]}, {}),
            ("laporan-midtrans", "settlements", "gateway", files["laporan-midtrans"], {}),
            ("laporan-xendit", "settlements", "gateway", files["laporan-xendit"], {}),
        ]
        code = {role: account[0] for role, account in ACCOUNTS.items()}
        policy = Policy(
            bank_methods=frozenset({"transfer", "qris", "va"}),
            accounts={"transfer": code["bank"], "qris": code["midtrans"], "va": code["xendit"], "cod": code["cash"]},
            zone=ZONE_NAME,
            write_off=Decimal(10_000),
        )
        ledger = open_installation(self.data)
        try:
            now = int(time.time() * MICROSECOND)
            with ledger.transaction():
                for name, kind, role, settings, secrets in rows:
                    ledger.connections.add(Connection(name, kind, role, ZONE_NAME, settings, secrets), now)
                ledger.connections.set(SCHEDULES, msgspec.json.encode(_OFTEN).decode(), now)
            pair = Pair("toko", "buku", policy)
            set_pairs(ledger, [pair])
            roles = {role: self.accounts[role] for role in ("transfer_fee", "withholding", "rounding")}
            mappings.keep(ledger, pair, Mapping(accounts=roles), 0, now, "wati", "")
            set_feed(ledger, "bca", "buku", {"account": code["bank"]}, now)
            for gateway in ("midtrans", "xendit"):
                kept = {"clearing": code[gateway], "fee": code["fee"], "fee_tax": code["fee_tax"]}
                set_feed(ledger, gateway, "buku", kept, now)
                set_feed(ledger, f"laporan-{gateway}", "buku", kept, now)
        finally:
            ledger.close()

    # -- the process -----------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Start the hub. Hints and notifications go to it, each three times."""
        self.process = Process(SimpleNamespace(data=self.data))  # type: ignore[arg-type]
        self.server.mail.times = 3
        self.gateways.onward = self.process.ready()
        self.server.mail.onward = f"{self.gateways.onward}/webhooks/toko"

    def kill(self) -> None:
        """kill -9, and start again."""
        assert self.process is not None
        self.process.kill()
        self.kills += 1
        self.serve()

    def close(self) -> None:
        self.server.mail.onward = ""
        if self.process is not None and self.process.popen.poll() is None:
            self.process.stop()
        self.gateways.close()

    def api(self, path: str, body: Any = None) -> Any:
        assert self.process is not None
        return self.process.api(path, body)

    # -- files -----------------------------------------------------------------------------------------------------

    def drop(self, folder: str, name: str, data: bytes) -> None:
        """A file, put there whole."""
        part = self.folders[folder] / name
        part.write_bytes(data)
        part.rename(self.folders[folder] / "in" / name)

    def statement(self, day: Day, name: str, form: str = "csv") -> None:
        """The bank's statement of the day so far."""
        with day.lock:
            self.drop("bca", name, (mt940 if form == "mt940" else bca_csv)(day.bank, day.date))

    def report(self, day: Day, batch: Batch) -> None:
        """A gateway's settlement report."""
        if batch.gateway == "midtrans":
            self.drop("laporan-midtrans", f"{batch.name}.csv", midtrans_csv(batch.rows, day.date, batch.name))
        else:
            self.drop("laporan-xendit", f"{batch.name}.csv", xendit_csv(batch.rows, day.date))

    # -- the witnesses ---------------------------------------------------------------------------------------------

    def balances(self) -> dict[str, Decimal]:
        """Debit less credit of everything that is posted in Tryton, by role; other accounts by their code."""
        role_of = {account[0]: role for role, account in ACCOUNTS.items()}
        found: dict[str, Decimal] = defaultdict(Decimal)
        fields = ("debit", "credit", "account.code", "account.type.receivable")
        for line in self.desk.rows("account.move.line", [["move.state", "=", "posted"]], *fields):
            account = line["account."]
            receivable = (account.get("type.") or {}).get("receivable")
            role = "receivable" if receivable else role_of.get(account["code"], account["code"])
            found[role] += line["debit"] - line["credit"]
        return found

    def by_order(self) -> dict[str, tuple[Decimal, Decimal]]:
        """(billed, received) of each order's number, as Tryton's invoices and statements have it."""
        billed: dict[str, Decimal] = defaultdict(Decimal)
        came: dict[str, Decimal] = defaultdict(Decimal)
        booked = [["state", "in", ["posted", "paid"]]]
        for bill in self.desk.rows("account.invoice", booked, "reference", "total_amount"):
            billed[bill["reference"].partition("/")[0]] += bill["total_amount"]
        posted = [["statement.state", "=", "posted"]]
        for line in self.desk.rows("account.statement.line", posted, "number", "amount", "account.type.receivable"):
            if (line["account."].get("type.") or {}).get("receivable"):
                came[line["number"].partition("/")[0]] += line["amount"]
        return {number: (billed[number], came[number]) for number in {*billed, *came}}


__all__ = ["ACCOUNTS", "ZONE", "Gateways", "Town"]
