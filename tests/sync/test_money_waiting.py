"""Orders that wait for money are found without reading the history again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from selaras.connectors.contract import Seen
from selaras.ledger import Desk, open_ledger
from selaras.ledger.values import RecordKey, StoredRecord
from selaras.model.order import Order, Payment
from selaras.model.settlement import GatewayPayment
from selaras.rules.allocating import Owed
from selaras.rules.matching import Parameters
from selaras.sync.hub import Hub, Pair
from selaras.sync.intake import as_new_record
from selaras.sync.money import decide
from selaras.sync.money_in import Gathered, Money, MoneyReader, Waiting
from tests.sync.target import Plain
from tests.sync.world import POLICY

NOW = dt.datetime.now(dt.UTC)


def order(number: int, *payments: Payment, minute: int = 0) -> Order:
    at = NOW + dt.timedelta(minutes=minute)
    return Order(str(number), f"10{number}", "IDR", Decimal(500), NOW, at, status="completed", payments=payments)


def paid(amount: int, method: str = "qris", **more: Any) -> Payment:
    return Payment("1", Decimal(amount), NOW, method, **more)


class Shop:
    """A ledger with orders, and how many of them were read."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ledger = open_ledger(path, Plain())
        self.hub = Hub(Desk(self.ledger), {}, [Pair("toko", "buku", POLICY)])
        self.read: list[str] = []
        some = self.ledger.records.some

        def counted(connection: str, kind: str, ids: Sequence[str]) -> list[StoredRecord]:
            self.read += ids
            return some(connection, kind, ids)

        monkeypatch.setattr(self.ledger.records, "some", counted)

    def keep(self, *orders: Order) -> None:
        rows = [Seen("order", o.id, o, b"", o.updated_at, NOW.date(), o.number, o.total, "IDR") for o in orders]
        with self.ledger.transaction():
            self.ledger.records.keep([as_new_record("toko", row) for row in rows], "poll", 1)

    def waiting(self, reader: MoneyReader) -> list[str]:
        self.read.clear()
        return sorted(reader.waiting())


async def test_what_was_paid_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path, monkeypatch)
    reader = MoneyReader(shop.hub, "buku")
    shop.keep(*(order(n, paid(500)) for n in range(40)))
    shop.keep(order(40), order(41, paid(200)), order(42, paid(500, "transfer")), order(43, paid(500, origin="books")))
    assert shop.waiting(reader) == ["toko:40", "toko:41", "toko:42"]
    assert len(shop.read) == 44
    assert shop.waiting(reader) == ["toko:40", "toko:41", "toko:42"]
    assert sorted(shop.read) == ["40", "41", "42"]
    # What changed is read: one was paid, of another the store took its word back.
    shop.keep(order(40, paid(500), minute=1), order(7, minute=1))
    assert shop.waiting(reader) == ["toko:41", "toko:42", "toko:7"]
    assert sorted(shop.read) == ["40", "41", "42", "7"]
    # For what a person links only those orders are read.
    shop.read.clear()
    found = MoneyReader(shop.hub, "buku").waiting(["toko:41", "toko:8", "payout:gerbang:1"])
    assert (sorted(found), found["toko:41"].ceiling, sorted(shop.read)) == (["toko:41"], 300, ["41", "8"])
    await shop.hub.close()


@pytest.mark.parametrize(("known", "vouched", "sure"), [(1, False, True), (2, False, False), (1, True, False)])
def test_a_gateways_word_is_proof_where_one_order_alone_bears_the_name(known: int, vouched: bool, sure: bool) -> None:
    """Two shops may both have an order 1001, one of them paid; and what the store vouches for may be this payment."""
    day = NOW.date()
    order = StoredRecord(RecordKey("toko", "order", "1"), "1001", day.isoformat(), 1, 0, 0, 0, 500, "IDR", b"")
    record = StoredRecord(RecordKey("gerbang", "payment", "p"), "1001", day.isoformat(), 1, 0, 0, 0, 500, "IDR", b"")
    payment = GatewayPayment("p", "midtrans", "1001", Decimal(500), "IDR", "paid", NOW, received=Decimal(500))
    money = Money(
        record=record, books="buku", currency="IDR", amount=500, left=500, day=day, text="1001", account="clearing",
        payment=payment, named=known,
    )  # fmt: skip
    owed = Owed(subject="toko:1", number="1001", name="", phone="", currency="IDR", due=500, ordered=day)
    pair = Pair("toko", "buku", POLICY)
    waiting = {"toko:1": Waiting(owed=owed, record=order, pair=pair, ceiling=500, vouched=vouched)}
    decided = decide(Gathered([record], [money], waiting, [], {}, []), Parameters())
    (answer,) = decided.answers[money.name]
    assert (answer.rule, answer.sure) == ("exact:gateway", sure)
