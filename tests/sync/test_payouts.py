"""Gateways and statement files, end to end: payouts become one entry, every account is even, nothing is filled up."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from selaras.connectors.contract import Connector, Tools
from selaras.connectors.midtrans import build as build_midtrans
from selaras.connectors.settlements import build as build_settlements
from selaras.connectors.statements import build as build_statements
from selaras.ledger.values import RecordKey
from selaras.model.money import ZERO
from selaras.rules.rate_card import Rate
from selaras.sandbox.bank import BankAccount, Collected, bca_csv, fee_of, midtrans_csv, net_of
from selaras.sync import money_decisions as people
from selaras.sync import payout_report
from selaras.sync.feeds import Feed
from selaras.sync.payout_report import PayoutReport
from tests.connectors.midtrans import standin as mt
from tests.sync.test_money import TODAY, came, open_money, sale, settled
from tests.sync.world import POLICY, World, a_world

GATEWAY = Feed("laporan", "buku", clearing="acc-1-1050", fee="acc-6-1020", fee_tax="acc-1-1400")
NOON = dt.datetime.combine(TODAY, dt.time(12), dt.timezone(dt.timedelta(hours=7)))
CARD = [
    Rate("midtrans", dt.date(2020, 1, 1), "qris", share=Decimal("0.007"), tax=Decimal("0.11")),
    Rate("midtrans", dt.date(2020, 1, 1), "", share=Decimal("0.007"), tax=Decimal("0.11")),
]


def folder(path: Path, name: str) -> Path:
    made = path / name
    (made / "in").mkdir(parents=True, exist_ok=True)
    return made


def reports(path: Path) -> Connector:
    settings = {"folder": str(folder(path, "laporan")), "quiet": "0", "gateway": "midtrans"}
    return build_settlements(settings, Tools("laporan", "Asia/Jakarta", None, time.time))


def statements(path: Path) -> Connector:
    settings = {"folder": str(folder(path, "bca")), "quiet": "0", "account": "acc-1-1000"}
    return build_statements(settings, Tools("bca", "Asia/Jakarta", None, time.time))


def drop(path: Path, name: str, text: bytes) -> None:
    (path / "in" / name).write_bytes(text)


async def balances(world: World) -> dict[str, Decimal]:
    found = (await world.truth())["trial_balance"]["IDR"]["accounts"]
    return {role: Decimal(amount) for role, amount in found.items() if Decimal(amount)}


async def sold(world: World, count: int) -> list[Any]:
    """Orders that the store says were paid by QRIS."""
    await world.stock({"KAOS-M": 100})
    made = []
    for n in range(count):
        order = await world.checkout(("KAOS-M", 1 + n), phone=f"0812-0000-{n:04d}", name=f"Pembeli {n}")
        await world.act(order, "pay", {"method": "qris", "reference": f"Q{n}"})
        made.append(order)
    await settled(world)
    return made


def collected(orders: Sequence[Any]) -> list[Collected]:
    return [Collected(o["number"], Decimal(o["total"]), "qris", NOON, f"T-{o['number']}") for o in orders]


async def report(world: World, **more: Any) -> PayoutReport:
    first, last = TODAY - dt.timedelta(days=9), TODAY + dt.timedelta(days=9)
    return await world.hub.desk(lambda: payout_report.payouts(world.ledger, first, last, **more))


async def test_a_payout_explains_its_bank_line_and_clearing_is_even(tmp_path: Path) -> None:
    more, feeds = {"laporan": reports(tmp_path)}, [GATEWAY]
    async with a_world(tmp_path / "hub", more=more, feeds=feeds) as world:
        orders = await sold(world, 3)
        rows = collected(orders)
        gross, net = sum((r.amount for r in rows), ZERO), net_of(rows)
        fee = sum((fee_of(r.amount, r.channel)[0] for r in rows), ZERO)
        vat = sum((fee_of(r.amount, r.channel)[1] for r in rows), ZERO)
        assert (await balances(world))["clearing"] == gross
        await came(world, str(net), "KR OTOMATIS MIDTRANS W-1")
        await settled(world)
        (asked,) = await open_money(world)
        assert (asked.cause, "settlement report" in asked.message) == ("unmatched_payment", True)
        drop(tmp_path / "laporan", "w1.csv", midtrans_csv(rows, TODAY, "W-1"))
        await settled(world)
        assert await open_money(world) == []
        found = await balances(world)
        assert "clearing" not in found
        assert (found["bank"], found["gateway_fee"], found["input_tax"]) == (net, fee, vat)
        (line,) = await world.hub.desk(world.ledger.records.all, "buku", "bank_transaction")
        assert b'"reconciled":true' in line.body
        await world.hub.desk(lambda: payout_report.set_rate_card(world.ledger, CARD, 1))
        said = await report(world)
        assert [(p.state, p.gross, p.net, p.open) for p in said.payouts] == [("booked", gross, net, ZERO)]
        assert (said.items, said.fees, said.agreed, said.fees_checked) == ([], [], 3, 3)
        # News that comes again books nothing again.
        drop(tmp_path / "laporan", "w1-again.csv", midtrans_csv(rows, TODAY, "W-1"))
        await settled(world)
        assert await balances(world) == found


async def test_a_payout_that_is_undone_frees_line_and_clearing(tmp_path: Path) -> None:
    more, feeds = {"laporan": reports(tmp_path)}, [GATEWAY]
    async with a_world(tmp_path / "hub", more=more, feeds=feeds) as world:
        rows = collected(await sold(world, 2))
        drop(tmp_path / "laporan", "w1.csv", midtrans_csv(rows, TODAY, "W-1"))
        await came(world, str(net_of(rows)), "KR OTOMATIS MIDTRANS W-1")
        await settled(world)
        assert "clearing" not in await balances(world)
        (line,) = await world.hub.desk(world.ledger.records.all, "buku", "bank_transaction")
        await world.hub.desk(people.undo_money, world.hub, line.key.id, world.hub.now(), "Sari")
        await settled(world)
        found = await balances(world)
        assert found["clearing"] == sum((r.amount for r in rows), ZERO)
        assert "bank" not in found
        (asked,) = await open_money(world)
        assert asked.cause == "unmatched_payment"


async def test_a_report_that_does_not_come_to_its_net_is_never_filled_up(tmp_path: Path) -> None:
    more, feeds = {"laporan": reports(tmp_path)}, [GATEWAY]
    async with a_world(tmp_path / "hub", more=more, feeds=feeds) as world:
        rows = collected(await sold(world, 2))
        # The bank shows 100 more than the report.
        await came(world, str(net_of(rows) + 100), "KR OTOMATIS MIDTRANS W-1")
        drop(tmp_path / "laporan", "w1.csv", midtrans_csv(rows, TODAY, "W-1"))
        await settled(world)
        assert "bank" not in await balances(world)
        assert [one.cause for one in await open_money(world)] == ["unmatched_payment"]
        said = await report(world)
        assert [p.state for p in said.payouts] == ["not_in_bank"]
        assert [i.found for i in said.items] == ["not_in_bank"]


async def test_an_overcharged_fee_is_found(tmp_path: Path) -> None:
    more, feeds = {"laporan": reports(tmp_path)}, [GATEWAY]
    async with a_world(tmp_path / "hub", more=more, feeds=feeds) as world:
        rows = collected(await sold(world, 2))
        drop(tmp_path / "laporan", "w1.csv", midtrans_csv(rows, TODAY, "W-1"))
        await settled(world)
        card = [msgspec.structs.replace(CARD[1], share=Decimal("0.003"))]
        await world.hub.desk(lambda: payout_report.set_rate_card(world.ledger, card, 1))
        said = await report(world)
        assert len(said.fees) == 2
        assert all(one.difference > 0 and one.taken - one.agreed == one.difference for one in said.fees)


async def test_a_statement_folder_pays_orders_and_overlaps_import_once(tmp_path: Path) -> None:
    more = {"bca": statements(tmp_path)}
    async with a_world(tmp_path / "hub", more=more, feeds=[Feed("bca", "buku")]) as world:
        await world.stock({"KAOS-M": 100})
        orders = [
            await world.checkout(("KAOS-M", n), method="transfer", phone=f"0812-0000-{n:04d}", name=f"Pembeli {n}")
            for n in (1, 2, 3)
        ]
        await settled(world)
        account = BankAccount("0123456789")
        for n, order in enumerate(orders):
            account.transfer(
                Decimal(order["total"]), f"TRSF E-BANKING CR {order['number']}", NOON + dt.timedelta(minutes=n)
            )
        drop(tmp_path / "bca", "one.csv", bca_csv(account, TODAY, TODAY))
        await settled(world)
        account.transfer(Decimal(777), "SETORAN TUNAI", NOON + dt.timedelta(hours=1))
        drop(tmp_path / "bca", "two.csv", bca_csv(account, TODAY, TODAY))
        await settled(world)
        truth = await world.truth()
        assert truth["counts"]["receipts"] == 3
        assert [(await sale(world, order))["balance"] for order in orders] == ["0", "0", "0"]
        assert (await balances(world))["bank"] == sum((Decimal(o["total"]) for o in orders), ZERO)
        (asked,) = await open_money(world)
        assert asked.amount == 777
        shop = await world.shop_truth()
        assert all(Decimal(o["paid"]) == Decimal(o["total"]) for o in shop["orders"])


async def test_a_gateways_own_word_pays_the_order_that_it_names(tmp_path: Path) -> None:
    policy = msgspec.structs.replace(POLICY, bank_methods=frozenset({"transfer", "qris"}))
    async with mt.midtrans() as gateway:
        settings = {"server_key": mt.KEY, "base_url": gateway.url, "rate": "1000"}
        more = {"midtrans": build_midtrans(settings, Tools("midtrans", "Asia/Jakarta", None, time.time))}
        feeds = [Feed("midtrans", "buku", clearing="acc-1-1050")]
        async with a_world(tmp_path / "hub", policy=policy, more=more, feeds=feeds) as world:
            await world.stock({"KAOS-M": 100})
            order = await world.checkout(("KAOS-M", 2), method="qris")
            other = await world.checkout(("KAOS-M", 1), method="qris", phone="0813-1111-2222")
            await settled(world)
            paid = gateway.pay(order["number"], int(Decimal(order["total"])), "pending")
            await tell(world, gateway, paid)
            assert (await world.truth())["counts"].get("receipts", 0) == 0
            gateway.become(paid, "settlement")
            for _ in range(3):
                await tell(world, gateway, paid)
            assert (await balances(world))["clearing"] == Decimal(order["total"])
            shop = {o["number"]: o for o in (await world.shop_truth())["orders"]}
            assert Decimal(shop[order["number"]]["paid"]) == Decimal(order["total"])
            assert Decimal(shop[other["number"]]["paid"]) == 0
            assert (await world.truth())["counts"]["receipts"] == 1


async def test_a_gateway_that_is_faster_than_the_store(tmp_path: Path) -> None:
    """Its notification names an order that nobody has heard of yet: the money waits for it and is never let go."""
    policy = msgspec.structs.replace(POLICY, bank_methods=frozenset({"transfer", "qris"}))
    async with mt.midtrans() as gateway:
        settings = {"server_key": mt.KEY, "base_url": gateway.url, "rate": "1000"}
        more = {"midtrans": build_midtrans(settings, Tools("midtrans", "Asia/Jakarta", None, time.time))}
        feeds = [Feed("midtrans", "buku", clearing="acc-1-1050")]
        async with a_world(tmp_path / "hub", policy=policy, more=more, feeds=feeds) as world:
            await world.stock({"KAOS-M": 100})
            first = await world.checkout(("KAOS-M", 1), method="qris")
            await settled(world)
            number = str(int(first["number"]) + 1)
            await tell(world, gateway, gateway.pay(number, int(Decimal(first["total"]))))
            (asked,) = await open_money(world)
            assert (asked.kind, asked.cause) == ("payment", "unmatched_payment")
            order = await world.checkout(("KAOS-M", 1), method="qris", phone="0813-1111-2222")
            assert order["number"] == number
            await settled(world)
            assert await open_money(world) == []
            assert (await balances(world))["clearing"] == Decimal(order["total"])
            assert (await sale(world, order))["balance"] == "0"


async def tell(world: World, gateway: Any, payment: Any) -> None:
    hook = gateway.notice(payment)
    keys = [RecordKey("midtrans", hint.kind, hint.id) for hint in world.hub.connectors["midtrans"].hints(hook)]
    await world.hub.desk.hint(keys, "webhook", world.hub.now())
    world.service.wake("midtrans")
    await settled(world)


@pytest.mark.parametrize("missing", ["fee", "clearing"])
async def test_an_account_that_is_missing_is_named_with_the_command(tmp_path: Path, missing: str) -> None:
    more, feeds = {"laporan": reports(tmp_path)}, [msgspec.structs.replace(GATEWAY, **{missing: ""})]
    async with a_world(tmp_path / "hub", more=more, feeds=feeds) as world:
        rows = collected(await sold(world, 1))
        drop(tmp_path / "laporan", "w1.csv", midtrans_csv(rows, TODAY, "W-1"))
        await came(world, str(net_of(rows)), "KR OTOMATIS MIDTRANS W-1")
        await settled(world)
        (asked,) = await open_money(world)
        assert asked.cause == "missing_mapping"
        assert f"selaras feed laporan --{missing}" in asked.cure


async def test_a_bank_that_no_books_take_yet_holds_nothing_up(tmp_path: Path) -> None:
    async with a_world(tmp_path / "hub", more={"bca": statements(tmp_path)}) as world:
        account = BankAccount("0123456789")
        account.transfer(Decimal(777), "SETORAN TUNAI", NOON)
        drop(tmp_path / "bca", "one.csv", bca_csv(account, TODAY, TODAY))
        await settled(world)
        (cell,) = await world.hub.desk(world.ledger.coverage.cells, "bca", "bank_transaction")
        assert (cell.seen, cell.waiting) == (1, 1)
