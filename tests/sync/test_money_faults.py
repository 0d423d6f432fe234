"""What once went wrong with money in, each shown as small as it can be."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from selaras.connectors.contract import Connector, Tools
from selaras.connectors.midtrans import build as build_midtrans
from selaras.ledger.errors import PlanOutOfDate
from selaras.ledger.values import NewPosting, NewRecord, RecordKey, State, StoredRecord
from selaras.model.document import BankTransaction
from selaras.model.money import ZERO
from selaras.model.settlement import Payout
from selaras.sandbox.bank import Collected, fee_of, midtrans_csv, net_of
from selaras.sync import money
from selaras.sync import money_decisions as people
from selaras.sync.attention import skip
from selaras.sync.feeds import Feed, remove_feed
from selaras.sync.hub import Hub
from selaras.sync.money import MoneyFlow
from selaras.sync.orders import OrderPlanner
from tests.connectors.midtrans import standin as mt
from tests.sync.test_money import TODAY, buyers, came, open_money, settled
from tests.sync.test_payouts import GATEWAY, NOON, balances, collected, drop, reports, sold, tell
from tests.sync.world import POLICY, World, a_world

BY_MONEY = msgspec.structs.replace(POLICY, bank_methods=frozenset({"transfer", "qris"}))
MIDTRANS = Feed("midtrans", "buku", clearing="acc-1-1050")
_encoder = msgspec.json.Encoder(decimal_format="string")


def midtrans(gateway: mt.StandIn) -> dict[str, Connector]:
    settings = {"server_key": mt.KEY, "base_url": gateway.url, "rate": "1000"}
    return {"midtrans": build_midtrans(settings, Tools("midtrans", "Asia/Jakarta", None, time.time))}


async def the_line(world: World, connection: str = "buku", kind: str = "bank_transaction") -> StoredRecord:
    (line,) = await world.hub.desk(world.ledger.records.all, connection, kind)
    return line


async def read_anew(world: World, record: StoredRecord, kind: type[Any], **changes: Any) -> None:
    """The source says something else of a record than before."""
    value = msgspec.structs.replace(msgspec.json.decode(record.body, type=kind), **changes)
    new = NewRecord(
        key=record.key, number=record.number, day=record.day, digest=str(changes), updated_at=record.updated_at + 1,
        total=record.total, currency=record.currency, body=_encoder.encode(value), raw=b"",
    )  # fmt: skip
    await world.hub.desk.write(lambda: world.ledger.records.keep([new], "poll", world.hub.now()))
    await settled(world)


async def blocked(world: World) -> dict[str, str]:
    """What waits for a person: cause → message."""
    found = await world.hub.desk(world.ledger.postings.in_state, State.BLOCKED)
    return {posting.cause: posting.message for posting in found}


async def test_a_payout_whose_report_changed_is_undone_and_booked_anew(tmp_path: Path) -> None:
    """What was said of the change stood before the voiding in its stream: neither ever went, and nothing was said."""
    async with a_world(tmp_path / "hub", more={"laporan": reports(tmp_path)}, feeds=[GATEWAY]) as world:
        rows = collected(await sold(world, 2))
        drop(tmp_path / "laporan", "w1.csv", midtrans_csv(rows, TODAY, "W-1"))
        await came(world, str(net_of(rows)), "KR OTOMATIS MIDTRANS W-1")
        await settled(world)
        before = await balances(world)
        report = await the_line(world, "laporan", "payout")
        first, *others = msgspec.json.decode(report.body, type=Payout).rows
        # One rupiah of the fee is tax by now.
        first = msgspec.structs.replace(first, fee_tax=first.fee_tax + 1)
        await read_anew(world, report, Payout, rows=(first, *others))
        assert list(await blocked(world)) == ["payout_changed"]
        line = (await the_line(world)).key.id
        await world.hub.desk(people.undo_money, world.hub, line, world.hub.now(), "Sari")
        await settled(world)
        assert await blocked(world) == {}
        moved = {"gateway_fee": before["gateway_fee"] - 1, "input_tax": before["input_tax"] + 1}
        assert await balances(world) == before | moved
        # Nobody was wrong: the rule keeps its standing.
        (standing,) = await world.hub.desk(people.rules, world.ledger)
        assert (standing.rule, standing.wrong, standing.alone) == ("payout:report", 0, True)


async def test_a_gateway_and_the_store_tell_of_the_same_money(tmp_path: Path) -> None:
    """The gateway's word was first, and the store's own came before the store was told: it was booked twice."""
    async with (
        mt.midtrans() as gateway,
        a_world(tmp_path, more=midtrans(gateway), feeds=[MIDTRANS], start=False) as world,
    ):
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), method="qris")
        service = world.service
        for name, kinds in (("toko", ("product", "order")), ("buku", ("product", "contact"))):
            for kind in kinds:
                await service.intakes[name].poll(kind)
        hook = gateway.notice(gateway.pay(order["number"], int(Decimal(order["total"]))))
        keys = [RecordKey("midtrans", hint.kind, hint.id) for hint in world.hub.connectors["midtrans"].hints(hook)]
        await world.hub.desk.hint(keys, "webhook", world.hub.now())
        await service.intakes["midtrans"].look("payment")
        assert await service._money["buku"].match() == 1
        await service._planners["toko"].plan()
        await world.act(order, "pay", {"method": "qris", "reference": "Q1"})
        await service.start()
        await settled(world)
        assert (await world.truth())["counts"]["receipts"] == 1
        assert (await balances(world))["clearing"] == Decimal(order["total"])
        (shop,) = (await world.shop_truth())["orders"]
        assert Decimal(shop["paid"]) == Decimal(order["total"])
        # It was another order's after all: the store's own word is booked instead.
        line = await the_line(world, "midtrans", "payment")
        await world.hub.desk(people.undo_money, world.hub, line.key.id, world.hub.now(), "Sari")
        await settled(world)
        assert (await balances(world))["clearing"] == Decimal(order["total"])


async def test_a_second_payment_of_an_order_that_is_paid_is_asked_about(tmp_path: Path) -> None:
    """It was put down to the store's word for the first one, and nobody ever heard of the buyer's money."""
    async with (
        mt.midtrans() as gateway,
        a_world(tmp_path, policy=BY_MONEY, more=midtrans(gateway), feeds=[MIDTRANS]) as world,
    ):
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), method="qris")
        await settled(world)
        for _ in range(2):
            await tell(world, gateway, gateway.pay(order["number"], int(Decimal(order["total"]))))
        assert (await balances(world))["clearing"] == Decimal(order["total"])
        (asked,) = await open_money(world)
        assert (asked.cause, asked.left) == ("unmatched_payment", Decimal(order["total"]))
        assert f"Order {order['number']} waits for no more money" in asked.message


async def test_one_word_of_the_store_vouches_for_one_payment(tmp_path: Path) -> None:
    async with mt.midtrans() as gateway, a_world(tmp_path, more=midtrans(gateway), feeds=[MIDTRANS]) as world:
        (order,) = await sold(world, 1)
        payments = [gateway.pay(order["number"], int(Decimal(order["total"]))) for _ in range(3)]
        await tell(world, gateway, payments[0])
        assert await open_money(world) == []
        for waiting, payment in enumerate(payments[1:], start=1):
            await tell(world, gateway, payment)
            asked = await open_money(world)
            assert len(asked) == waiting
            assert all("waits for no more money" in one.message for one in asked)
        assert (await balances(world))["clearing"] == Decimal(order["total"])


async def test_what_a_gateway_gave_back_is_shown_with_the_money_that_waits(tmp_path: Path) -> None:
    async with (
        mt.midtrans() as gateway,
        a_world(tmp_path, policy=BY_MONEY, more=midtrans(gateway), feeds=[MIDTRANS]) as world,
    ):
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), method="qris")
        await settled(world)
        payment = gateway.pay(order["number"], int(Decimal(order["total"])))
        await tell(world, gateway, payment)
        gateway.refund(payment, 30_000)
        await tell(world, gateway, payment)
        (asked,) = await open_money(world)
        assert (asked.cause, asked.left) == ("refunded_at_gateway", Decimal(0))
        assert f"30000 IDR of order {order['number']} back" in asked.message


async def test_a_line_that_is_less_than_what_was_booked_of_it_is_asked_about(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        (order,) = await buyers(world, "Sinta Maharani")
        await came(world, order["total"], f"TRSF E-BANKING CR {order['number']} SINTA MAHARANI")
        await settled(world)
        for changed in ({"amount": Decimal(20_000)}, {"amount": Decimal(-20_000)}, {"currency": "XAU"}):
            await read_anew(world, await the_line(world), BankTransaction, **changed)
            (asked,) = await open_money(world)
            assert asked.cause == "payment_changed"
            assert f"50000 IDR of this line are booked for {order['number']}" in asked.message
        await read_anew(world, await the_line(world), BankTransaction, amount=Decimal(order["total"]), currency="IDR")
        assert await blocked(world) == {}
        # Undone, the line is matched for what it is now.
        await read_anew(world, await the_line(world), BankTransaction, amount=Decimal(20_000), description="?")
        line = (await the_line(world)).key.id
        await world.hub.desk(people.undo_money, world.hub, line, world.hub.now(), "Sari")
        await settled(world)
        assert "bank" not in await balances(world)
        assert [one.cause for one in await open_money(world)] == ["unmatched_payment"]


async def test_money_of_an_unknown_currency_is_not_taken_for_money_out(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await came(world, 50_000, "SETORAN TUNAI")
        await settled(world)
        await read_anew(world, await the_line(world), BankTransaction, currency="XAU")
        (asked,) = await open_money(world)
        assert (asked.cause, asked.message) == ("unknown_currency", "The currency XAU of this line is unknown.")


async def test_a_feed_that_was_ended_holds_up_neither_its_orders_nor_the_list(tmp_path: Path) -> None:
    """Its payments had no feed any more: every planning of their orders failed, and with them all others."""
    async with (
        mt.midtrans() as gateway,
        a_world(tmp_path, policy=BY_MONEY, more=midtrans(gateway), feeds=[MIDTRANS]) as world,
    ):
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), method="qris")
        await settled(world)
        await tell(world, gateway, gateway.pay(order["number"], int(Decimal(order["total"]))))
        await tell(world, gateway, gateway.pay("nobody's", 7_000))
        await world.hub.desk(remove_feed, world.ledger, "midtrans", world.hub.now())
        ended = Hub(world.hub.desk, world.hub.connectors, world.hub.pairs)
        ended.mirrors.update(world.hub.mirrors)
        found = await world.hub.desk(people.unmatched, ended)
        assert [one.amount for one in found] == [7_000]
        record = await world.hub.desk(world.ledger.records.get, RecordKey("toko", "order", str(order["id"])))
        assert record is not None
        (draft,) = await world.hub.desk(OrderPlanner(ended, world.hub.pairs[0]).draft, [record])
        assert (draft.plan.problem, draft.postings) == (None, [])


async def test_a_rule_that_is_accepted_takes_neither_what_was_skipped_nor_more_than_is_due(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        first, second, _third = await buyers(world, "Sinta Maharani", "Bagas Wicaksono", "Ratna Kusumawardhani")
        old = TODAY - dt.timedelta(days=200)
        for order in (first, first, second):
            await came(world, order["total"], f"TRSF CR {order['number']} LAMA", old)
        await settled(world)
        asked = await open_money(world)
        assert [one.proposals[0].rule for one in asked] == ["exact_late:reference"] * 3
        chosen = next(one.line for one in asked if one.proposals[0].parts[0].number == second["number"])
        await world.hub.desk(skip, world.ledger, world.hub.now(), "Sari", "my own money", [chosen])
        done = await world.hub.desk(people.accept_rule, world.hub, "exact_late:reference", world.hub.now(), "Sari")
        assert [part.number for one in done for part in one.parts] == [first["number"]]
        await settled(world)
        assert (await balances(world))["bank"] == Decimal(first["total"])


async def test_what_another_worker_said_at_the_same_moment_is_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers that say the same of a line meet in its row: no trouble that anybody must be told of."""
    async with a_world(tmp_path, start=False) as world:
        await came(world, 50_000, "SETORAN TUNAI")
        await world.service.intakes["buku"].poll("bank_transaction")
        plan, refused = world.ledger.postings.plan, list[int]()

        def once(postings: Sequence[NewPosting], now: int) -> None:
            if not refused:
                refused.append(now)
                raise PlanOutOfDate("Another worker planned the same documents.")
            plan(postings, now)

        monkeypatch.setattr(world.ledger.postings, "plan", once)
        assert await world.service._money["buku"].match() == 1
        assert [one.cause for one in await open_money(world)] == ["unmatched_payment"]


async def test_a_buyers_transfer_of_a_payouts_amount_pays_the_order_that_it_names(tmp_path: Path) -> None:
    """The report was there before the bank's line of the payout: the next line of that amount was taken for it."""
    async with a_world(tmp_path / "hub", more={"laporan": reports(tmp_path)}, feeds=[GATEWAY]) as world:
        rows = [Collected("77", Decimal(100_000), "qris", NOON, "T-77")]
        net = net_of(rows)
        (order,) = await buyers(world, "Sinta Maharani", price=int(net))
        drop(tmp_path / "laporan", "w1.csv", midtrans_csv(rows, TODAY, "W-1"))
        await settled(world)
        await came(world, str(net), f"TRSF E-BANKING CR {order['number']} SINTA MAHARANI")
        await settled(world)
        (share,) = await world.hub.desk(world.ledger.allocations.live, "buku")
        assert share.subject == f"toko:{order['id']}"
        # The payout's own line comes later; another transfer of that amount is asked about.
        await came(world, str(net), "KR OTOMATIS MIDTRANS W-1")
        await settled(world)
        shares = await world.hub.desk(world.ledger.allocations.live, "buku")
        assert sorted(one.subject.partition(":")[0] for one in shares) == ["payout", "toko"]


async def test_a_payment_that_the_gateway_took_back_and_gave_again_is_no_mistake_of_its_rule(tmp_path: Path) -> None:
    """The cure was to undo the link, and one undone link made every payment of the gateway a question from then on."""
    async with (
        mt.midtrans() as gateway,
        a_world(tmp_path, policy=BY_MONEY, more=midtrans(gateway), feeds=[MIDTRANS]) as world,
    ):
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), method="qris")
        await settled(world)
        payment = gateway.pay(order["number"], int(Decimal(order["total"])))
        await tell(world, gateway, payment)
        gateway.become(payment, "deny")
        await tell(world, gateway, payment)
        (asked,) = await open_money(world)
        assert (asked.cause, f"order {order['number']}" in asked.message) == ("taken_back", True)
        await world.hub.desk(people.undo_money, world.hub, asked.line, world.hub.now(), "Sari")
        await settled(world)
        assert await open_money(world) == []
        gateway.become(payment, "settlement")
        await tell(world, gateway, payment)
        # The store was told and still holds the order for paid: that is no word of its own for this money.
        (asked,) = await open_money(world)
        assert asked.cause == "unmatched_payment"
        link = people.link_payment
        await world.hub.desk(link, world.hub, asked.line, order["number"], world.hub.now(), "Sari")
        await settled(world)
        assert (await balances(world))["clearing"] == Decimal(order["total"])
        (shop,) = (await world.shop_truth())["orders"]
        assert Decimal(shop["paid"]) == Decimal(order["total"])
        assert await blocked(world) == {}
        (rule,) = await world.hub.desk(people.rules, world.ledger)
        assert (rule.rule, rule.wrong, rule.alone) == ("exact:gateway", 0, True)


async def test_a_payout_whose_account_was_chosen_or_whose_report_was_completed_is_booked(tmp_path: Path) -> None:
    """What was said of its line was said for ever: only news of the line itself made it look again."""
    feed = msgspec.structs.replace(GATEWAY, fee="")
    async with a_world(tmp_path / "hub", more={"laporan": reports(tmp_path)}, feeds=[feed]) as world:
        rows = collected(await sold(world, 2))
        drop(tmp_path / "laporan", "w1.csv", midtrans_csv(rows, TODAY, "W-1"))
        await settled(world)
        report = await the_line(world, "laporan", "payout")
        whole = msgspec.json.decode(report.body, type=Payout).rows
        await read_anew(world, report, Payout, rows=whole[:1])
        await came(world, str(net_of(rows)), "KR OTOMATIS MIDTRANS W-1")
        await settled(world)
        assert [one.cause for one in await open_money(world)] == ["payout_unproven"]
        await read_anew(world, await the_line(world, "laporan", "payout"), Payout, rows=whole)
        assert [one.cause for one in await open_money(world)] == ["missing_mapping"]
        chosen = Hub(world.hub.desk, world.hub.connectors, world.hub.pairs, feeds=[GATEWAY])
        flow = MoneyFlow(chosen, "buku")
        await flow.reconsider()
        assert await flow.match() == 1
        assert await open_money(world) == []


async def test_a_payout_whose_report_is_read_anew_while_it_is_matched_is_booked_as_it_says_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it is booked as it was, and a person is asked to undo that."""
    async with a_world(tmp_path / "hub", more={"laporan": reports(tmp_path)}, feeds=[GATEWAY]) as world:
        rows = collected(await sold(world, 2))
        drop(tmp_path / "laporan", "w1.csv", midtrans_csv(rows, TODAY, "W-1"))
        await settled(world)
        matched, read, decide = threading.Event(), threading.Event(), money.decide

        def slow(*known: Any) -> money.Decided:
            found = decide(*known)
            if found.payouts and not matched.is_set():
                matched.set()
                read.wait(120)
            return found

        monkeypatch.setattr(money, "decide", slow)
        await came(world, str(net_of(rows)), "KR OTOMATIS MIDTRANS W-1")
        world.service.wake("buku", "bank_transaction")
        assert await asyncio.to_thread(matched.wait, 120)
        report = await the_line(world, "laporan", "payout")
        first, *others = msgspec.json.decode(report.body, type=Payout).rows
        first = msgspec.structs.replace(first, fee_tax=first.fee_tax + 1)
        asyncio.get_running_loop().call_later(0.5, read.set)
        await read_anew(world, report, Payout, rows=(first, *others))
        assert await blocked(world) == {}
        assert (await balances(world))["input_tax"] == sum((fee_of(r.amount, r.channel)[1] for r in rows), ZERO) + 1
