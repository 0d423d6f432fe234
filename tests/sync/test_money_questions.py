"""What people are asked about money is read together, however much of it waits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from selaras.ledger import Desk, Ledger, open_ledger
from selaras.ledger.database import Params, Row
from selaras.ledger.values import MICROSECOND
from selaras.sync.feeds import feeds_of
from selaras.sync.hub import Hub
from selaras.sync.installation import pairs_of
from selaras.sync.intake import as_new_record
from selaras.sync.money import MoneyFlow
from selaras.sync.money_questions import OpenMoney, unmatched
from tests.sync.target import Plain
from tests.web.money_room import a_line, connect
from tests.web.stock_room import an_order, keep_orders

NOW = int(time.time() * MICROSECOND)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def come(ledger: Ledger, numbers: Sequence[int]) -> None:
    """For each number an order, and a transfer that shows no more than its buyer's name."""
    buyers = {n: f"Buyer{LETTERS[n % 26]}{LETTERS[n // 26]} Sentosa" for n in numbers}
    keep_orders(ledger, [an_order(n, name=name, price=1_000 * n, paid=False) for n, name in buyers.items()])
    lines = [a_line(f"b{n}", 1_000 * n, f"TRSF E-BANKING CR {name.upper()}") for n, name in buyers.items()]
    with ledger.transaction():
        ledger.records.keep([as_new_record("buku", line) for line in lines], "poll", NOW)


async def test_many_proposals_take_no_more_queries_than_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = open_ledger(tmp_path / "data", Plain())
    connect(ledger)
    hub = Hub(Desk(ledger), {}, pairs_of(ledger), time.time, feeds_of(ledger))
    await hub.start()
    asked: list[str] = []
    rows = ledger.db.rows

    def counted(sql: str, params: Params = ()) -> list[Row]:
        asked.append(sql)
        return rows(sql, params)

    def look(_ledger: Ledger) -> list[OpenMoney]:
        asked.clear()
        with monkeypatch.context() as patch:
            patch.setattr(ledger.db, "rows", counted)
            return unmatched(hub)

    try:
        await hub.desk(come, ledger, range(101, 103))
        await MoneyFlow(hub, "buku").match()
        few = await hub.desk(look, ledger)
        queries = len(asked)
        await hub.desk(come, ledger, range(103, 121))
        await MoneyFlow(hub, "buku").match()
        many = await hub.desk(look, ledger)
    finally:
        await hub.close()
    assert (len(few), len(many)) == (2, 20)
    assert all(str(100 + n) == one.proposals[0].parts[0].number for n, one in enumerate(many, start=1))
    assert len(asked) == queries
