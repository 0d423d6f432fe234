"""Orders, bank lines and a gateway's payout to put into a ledger: money in, for the pages, the API and the program."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from selaras.connectors.contract import Seen
from selaras.ledger import Desk, Ledger
from selaras.ledger.allocations import Suggestion
from selaras.ledger.connections import Connection
from selaras.ledger.values import MICROSECOND, RecordKey
from selaras.model.document import BankTransaction
from selaras.model.settlement import GatewayPayment, Payout, SettlementRow
from selaras.rules.plan_types import Policy
from selaras.sync.feeds import feeds_of, set_feed
from selaras.sync.hub import Hub, Pair
from selaras.sync.installation import open_installation, pairs_of, set_pairs
from selaras.sync.intake import as_new_record
from selaras.sync.mappings import Declared
from selaras.sync.money import MoneyFlow
from tests.web.stock_room import an_order, keep_orders

DAY = dt.date(2026, 11, 20)
NOON = dt.datetime(2026, 11, 20, 5, tzinfo=dt.UTC)
NOW = int(time.time() * MICROSECOND)
POLICY = Policy(bank_methods=frozenset({"transfer"}))
FEED = {"clearing": "1-1050", "fee": "6-1000", "account": "1-1001"}


def _keep(ledger: Ledger, connection: str, seen: Sequence[Seen]) -> None:
    with ledger.transaction():
        ledger.records.keep([as_new_record(connection, one) for one in seen], "poll", NOW)


def a_line(id: str, amount: int, text: str, *, day: dt.date = DAY) -> Seen:
    """A line of the books' own bank account."""
    line = BankTransaction(id, day, Decimal(amount), "IDR", text, account="1-1001")
    return Seen("bank_transaction", id, line, b"{}", NOON, day, id, Decimal(amount), "IDR")


def fill_abroad(ledger: Ledger) -> None:
    """Four orders in dollars, paid in rupiah at one rate, into books that take exchanges."""
    orders = [
        msgspec.structs.replace(an_order(2000 + n, name=f"Buyer Number{n}", price=30 * n, paid=False), currency="USD")
        for n in range(1, 5)
    ]
    keep_orders(ledger, orders)
    lines = [a_line(f"x{n}", 480_000 * n + 117, f"REMITTANCE 200{n} BUYER NUMBER{n}") for n in range(1, 5)]
    _keep(ledger, "buku", lines)
    declared = msgspec.json.encode(Declared(known=True, exchanges=True)).decode()
    with ledger.transaction():
        ledger.connections.set("maps:buku", declared, NOW)


def fill(ledger: Ledger) -> None:
    """Two transfers that a name explains, one with the order's number, one that nothing explains, one of a gateway."""
    buyers = {1001: ("Siti Rahayu", 150_000), 1002: ("Budi Santoso", 200_000), 1003: ("Ani Lestari", 310_000),
              1004: ("Toko Maju", 100_000)}  # fmt: skip
    keep_orders(ledger, [an_order(n, name=name, price=price, paid=False) for n, (name, price) in buyers.items()])
    _keep(ledger, "buku", [
        a_line("b1", 150_000, "TRSF E-BANKING CR 2011/FTSCY/WS95031 SITI RAHAYU"),
        a_line("b2", 200_000, "TRSF E-BANKING CR 2011/FTSCY/WS95032 BUDI SANTOSO"),
        a_line("b3", 77_000, "SETORAN TUNAI"),
        a_line("b4", 310_000, "TRSF E-BANKING CR 1003 ANI LESTARI"),
        a_line("b5", 95_560, "MIDTRANS PAYOUT PAYOUT-1"),
    ])  # fmt: skip
    payment = GatewayPayment(
        "mt-1", "midtrans", "1004", Decimal(100_000), "IDR", "paid", NOON, channel="bank_transfer:bca",
        received=Decimal(100_000), paid_at=NOON,
    )  # fmt: skip
    row = SettlementRow("payment", "1004", Decimal(100_000), Decimal(4_440), Decimal(95_560), DAY,
                        fee_tax=Decimal(440))  # fmt: skip
    payout = Payout("PAYOUT-1", "midtrans", "IDR", Decimal(95_560), NOON, rows=(row,))
    _keep(ledger, "gerbang", [
        Seen("payment", "mt-1", payment, b"{}", NOON, DAY, "1004", Decimal(100_000), "IDR"),
        Seen("payout", "PAYOUT-1", payout, b"{}", NOON, DAY, "PAYOUT-1", Decimal(95_560), "IDR"),
    ])  # fmt: skip


def connect(ledger: Ledger) -> None:
    """A store in books, and a gateway whose money is booked there."""
    for name, role in (("toko", "store"), ("buku", "books"), ("gerbang", "gateway")):
        ledger.connections.add(Connection(name, f"sandbox_{role}", role, "Asia/Jakarta", {}, {}), NOW)
    set_pairs(ledger, [Pair("toko", "buku", POLICY)])
    set_feed(ledger, "gerbang", "buku", FEED, NOW)


async def installation(data: Path, *, abroad: bool = False) -> None:
    """All of that in a data directory, and everything decided that can be decided; `abroad`: money for dollars too."""
    ledger = open_installation(data)
    connect(ledger)
    fill(ledger)
    if abroad:
        fill_abroad(ledger)
    hub = Hub(Desk(ledger), {}, pairs_of(ledger), time.time, feeds_of(ledger))
    await hub.start()
    try:
        await MoneyFlow(hub, "buku").match()
    finally:
        await hub.close()


def propose_too(ledger: Ledger, line: str, order: str) -> None:
    """Propose one more order for a line of the books, behind what is proposed already."""
    key = RecordKey("buku", "bank_transaction", line)
    held = ledger.allocations.suggestions("buku")[key]
    more = Suggestion(
        line=key, rank=held[-1].rank + 1, subject=f"toko:{order}", amount=held[0].amount, rule="exact:name"
    )
    with ledger.transaction():
        ledger.allocations.suggest(key, [*held, more], NOW)


def paired(hub: Hub) -> None:
    """Make a running hub know the gateway and the policy; runs in the ledger's thread."""
    ledger = hub.desk.ledger
    ledger.connections.add(Connection("gerbang", "sandbox_gateway", "gateway", "Asia/Jakarta", {}, {}), NOW)
    set_feed(ledger, "gerbang", "buku", FEED, NOW)
    pairs = [msgspec.structs.replace(pair, policy=POLICY) for pair in hub.pairs]
    set_pairs(ledger, pairs)
    hub.pairs[:] = pairs
    hub.feeds = feeds_of(ledger)
