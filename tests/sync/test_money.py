"""Money in, end to end over real HTTP: found, asked, accepted, split, written off, undone; and payouts of gateways."""

from __future__ import annotations

import datetime as dt
import functools
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from selaras.ledger.errors import LedgerError
from selaras.ledger.values import State
from selaras.rules.autonomy import Autonomy
from selaras.rules.mapping import Mapping
from selaras.sync import feeds, mappings
from selaras.sync import money_decisions as people
from selaras.sync.money_decisions import OpenMoney
from selaras.sync.unique_amount_accounts import set_amount_account
from selaras.sync.unique_amounts import reserve_amount, unique_amounts
from tests.sync.world import POLICY, World, a_world

TODAY = dt.datetime.now(dt.UTC).astimezone(dt.timezone(dt.timedelta(hours=7))).date()


async def came(world: World, amount: str | int, text: str, day: dt.date = TODAY) -> None:
    """A line of the books' own bank account."""
    item = {"date": day.isoformat(), "amount": str(amount), "currency": "IDR", "description": text}
    await world.post(f"{world.books.url}/sandbox/bank", {"items": [item]}, world.books.admin)


async def sale(world: World, order: Any) -> Any:
    (found,) = (await world.truth())["sales"][order["number"]]
    return found


async def open_money(world: World) -> list[OpenMoney]:
    return await world.hub.desk(people.unmatched, world.hub)


async def rules(world: World) -> dict[str, tuple[int, int, bool]]:
    found = await world.hub.desk(people.rules, world.ledger)
    return {one.rule: (one.confirmed, one.wrong, one.alone) for one in found}


async def settled(world: World) -> None:
    """A decision of a person wakes the lanes (as the server does), then everything is read and done."""
    world.service.lanes["money buku"].wake()
    world.service.lanes["plan toko"].wake()
    await world.sync()
    await world.sync()


async def buyers(world: World, *names: str, price: int = 50_000) -> list[Any]:
    """An order for each name, each of another amount: 1, 2, 3 … pieces."""
    await world.stock({"KAOS-M": 100}, price)
    made = []
    for n, name in enumerate(names, start=1):
        made.append(
            await world.checkout(("KAOS-M", n), method="transfer", name=name, phone=f"0812-0000-{n:04d}", email="")
        )
    await world.sync()
    return made


async def test_a_whole_number_with_the_exact_amount_posts_alone(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        (order,) = await buyers(world, "Sinta Maharani")
        await came(world, order["total"], f"TRSF E-BANKING CR {order['number']} SINTA MAHARANI")
        await settled(world)
        assert (await sale(world, order))["balance"] == "0"
        stream = f"toko:{order['id']}"
        (share,) = (await world.hub.desk(world.ledger.allocations.of_subjects, [stream]))[stream]
        assert (share.rule, share.how, share.undone_at) == ("exact:reference", "auto", None)
        assert share.posterior >= 980_000
        assert share.reasons
        assert await open_money(world) == []


async def test_a_name_is_asked_until_it_was_right_often_enough(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        first, second, third = await buyers(world, "Sinta Maharani", "Bagas Wicaksono", "Ratna Kusumawardhani")
        await came(world, first["total"], "TRSF E-BANKING CR SINTA MAHARANI")
        await settled(world)
        (asked,) = await open_money(world)
        assert asked.cause == "suggested_payment"
        best = asked.proposals[0]
        assert [part.number for part in best.parts] == [first["number"]]
        assert (best.rule, (await rules(world))["exact:name"]) == ("exact:name", (0, 0, False))
        assert (await world.truth())["counts"].get("receipts", 0) == 0
        # What a person has seen may be another proposal by now: it is not taken for it.
        other = functools.partial(people.accept, world.hub, asked.line, world.hub.now(), "Sari", orders=["4711"])
        with pytest.raises(LedgerError, match=f"has changed meanwhile: {first['number']}"):
            await world.hub.desk(other)
        same = functools.partial(
            people.accept, world.hub, asked.line, world.hub.now(), "Sari", orders=[first["number"]]
        )
        done = await world.hub.desk(same)
        assert [part.number for part in done.parts] == [first["number"]]
        await settled(world)
        assert (await sale(world, first))["balance"] == "0"
        assert (await rules(world))["exact:name"] == (1, 0, False)
        # Where one confirmed case is enough, the next one is posted; a wrong one takes that away.
        easy = Autonomy(least=1, precision=0.04)
        await world.hub.desk(feeds.set_autonomy, world.ledger, "buku", easy, world.hub.now())
        await came(world, second["total"], "TRSF E-BANKING CR BAGAS WICAKSONO")
        await settled(world)
        assert (await sale(world, second))["balance"] == "0"
        hard = Autonomy(least=1, precision=0.04, modes={"exact:name": "ask"})
        await world.hub.desk(feeds.set_autonomy, world.ledger, "buku", hard, world.hub.now())
        await came(world, third["total"], "TRSF E-BANKING CR RATNA KUSUMAWARDHANI")
        await settled(world)
        assert [one.cause for one in await open_money(world)] == ["suggested_payment"]


async def test_one_transfer_for_two_orders_is_two_receipts_on_one_line(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        one, two = await buyers(world, "Sinta Maharani", "Sinta Maharani")
        both = Decimal(one["total"]) + Decimal(two["total"])
        await came(world, str(both), f"TRSF CR {one['number']} {two['number']} SINTA MAHARANI")
        await settled(world)
        (asked,) = await open_money(world)
        assert sorted(part.number for part in asked.proposals[0].parts) == sorted([one["number"], two["number"]])
        assert asked.proposals[0].rule.startswith("combined:")
        await world.hub.desk(people.accept, world.hub, asked.line, world.hub.now(), "Sari")
        await settled(world)
        assert [(await sale(world, order))["balance"] for order in (one, two)] == ["0", "0"]
        truth = await world.truth()
        assert truth["counts"]["receipts"] == 2
        (line,) = await world.hub.desk(world.ledger.records.all, "buku", "bank_transaction")
        assert b'"reconciled":true' in line.body


async def test_two_transfers_pay_one_order(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        (order,) = await buyers(world, "Sinta Maharani", price=500_000)
        for amount in (300_000, 200_000):
            await came(world, amount, f"TRSF CR {order['number']} SINTA MAHARANI")
        await settled(world)
        for asked in await open_money(world):
            await world.hub.desk(people.accept, world.hub, asked.line, world.hub.now(), "Sari")
        await settled(world)
        assert (await sale(world, order))["balance"] == "0"
        assert (await world.truth())["counts"]["receipts"] == 2
        assert await open_money(world) == []


async def map_accounts(world: World, **accounts: str) -> None:
    """Name accounts of the books by their role and code."""
    pair = world.hub.pairs[0]
    mapping = Mapping(accounts={role: f"acc-{code}" for role, code in accounts.items()})

    def keep() -> None:
        mappings.keep(world.ledger, pair, mapping, 0, world.hub.now(), "Sari", "")

    await world.hub.desk(keep)


async def test_a_banks_fee_is_written_off_within_the_limit(tmp_path: Path) -> None:
    policy = msgspec.structs.replace(POLICY, write_off=Decimal(10_000))
    async with a_world(tmp_path, policy=policy) as world:
        await map_accounts(world, transfer_fee="6-1010", rounding="4-9000")
        (order,) = await buyers(world, "Sinta Maharani", price=150_000)
        await came(world, 143_500, f"TRSF CR {order['number']} SINTA MAHARANI")
        await settled(world)
        for asked in await open_money(world):
            assert asked.proposals[0].parts[0].written_off == 6_500
            await world.hub.desk(people.accept, world.hub, asked.line, world.hub.now(), "Sari")
        await settled(world)
        assert (await sale(world, order))["balance"] == "0"
        truth = await world.truth()
        assert Decimal(truth["trial_balance"]["IDR"]["accounts"]["transfer_fee"]) == 6_500
        assert Decimal(truth["trial_balance"]["IDR"]["accounts"]["bank"]) == 143_500
        shop = (await world.shop_truth())["orders"]
        assert Decimal(shop[0]["paid"]) == 150_000


async def test_undo_voids_the_receipt_frees_the_line_and_is_remembered(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order, other = await buyers(world, "Sinta Maharani", "Bagas Wicaksono")
        await came(world, order["total"], f"TRSF CR {order['number']} SINTA MAHARANI")
        await settled(world)
        assert (await sale(world, order))["balance"] == "0"
        (line,) = await world.hub.desk(world.ledger.records.all, "buku", "bank_transaction")
        undone = await world.hub.desk(
            people.undo_money, world.hub, line.key.id, world.hub.now(), "Sari", "for another order"
        )
        assert [part.number for part in undone.parts] == [order["number"]]
        await settled(world)
        truth = await world.truth()
        assert Decimal(truth["trial_balance"]["IDR"]["accounts"].get("bank", "0")) == 0
        # The rule was wrong once: it asks from now on, and never proposes this pair again.
        assert (await rules(world))["exact:reference"] == (0, 1, False)
        causes = {c.cause for c in await world.hub.desk(world.ledger.coverage.causes)}
        assert "store_was_told" in causes
        (asked,) = await open_money(world)
        assert order["number"] not in [p.number for one in asked.proposals for p in one.parts]
        await world.hub.desk(people.link_payment, world.hub, line.key.id, other["number"], world.hub.now(), "Sari")
        await settled(world)
        assert (await sale(world, other))["documents"][-1].startswith("receipt")
        history = await world.hub.desk(world.ledger.allocations.of_lines, "buku", "bank_transaction", [line.key.id])
        states = [(a.subject, a.undone_by, a.why) for a in history[line.key.id]]
        assert states == [
            (f"toko:{order['id']}", "Sari", "for another order"), (f"toko:{other['id']}", "", ""),
        ]  # fmt: skip


async def test_the_same_order_after_all_is_not_told_to_the_store_twice(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        (order,) = await buyers(world, "Sinta Maharani")
        await came(world, order["total"], f"TRSF CR {order['number']} SINTA MAHARANI")
        await settled(world)
        (line,) = await world.hub.desk(world.ledger.records.all, "buku", "bank_transaction")
        await world.hub.desk(people.undo_money, world.hub, line.key.id, world.hub.now(), "Sari")
        await settled(world)
        await world.hub.desk(people.link_payment, world.hub, line.key.id, order["number"], world.hub.now(), "Sari")
        await settled(world)
        (shop,) = (await world.shop_truth())["orders"]
        assert Decimal(shop["paid"]) == Decimal(shop["total"])
        assert (await sale(world, order))["balance"] == "0"
        assert await world.hub.desk(world.ledger.coverage.causes) == []


async def test_what_is_undone_before_it_was_sent_leaves_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path, start=False) as world:
        await world.stock({"KAOS-M": 10})
        order = await world.checkout(("KAOS-M", 1), method="transfer", name="Sinta Maharani")
        await came(world, order["total"], f"TRSF CR {order['number']} SINTA MAHARANI")
        service = world.service
        for name, kinds in (("toko", ("product", "order")), ("buku", ("product", "contact", "bank_transaction"))):
            for kind in kinds:
                await service.intakes[name].poll(kind)
        assert await service._money["buku"].match() == 1
        await service._planners["toko"].plan()
        (line,) = await world.hub.desk(world.ledger.records.all, "buku", "bank_transaction")
        await world.hub.desk(people.undo_money, world.hub, line.key.id, world.hub.now(), "Sari")
        await service.start()
        await settled(world)
        assert (await world.truth())["counts"].get("receipts", 0) == 0
        (asked,) = await open_money(world)
        assert asked.cause == "unmatched_payment"


async def test_a_unique_amount_is_proof_and_comes_free_once_it_was_paid(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await map_accounts(world, rounding="4-9000")
        order, _other = await buyers(world, "Sinta Maharani", "Bagas Wicaksono")
        await world.hub.desk(
            lambda: set_amount_account(world.ledger, "bank", "IDR", world.hub.now(), "Sari", low=1, high=999)
        )
        held = await world.hub.desk(
            lambda: reserve_amount(
                world.ledger, "bank", order["number"], order["total"], world.hub.now(), "Sari", store="toko"
            )
        )
        await came(world, str(held.payable), "TRSF E-BANKING CR ORANG LAIN")
        await settled(world)
        assert await open_money(world) == []
        sold = await sale(world, order)
        assert sold["balance"] == "0"
        (share,) = await world.hub.desk(world.ledger.allocations.live, "buku")
        assert share.rule == "exact:code"
        found = await world.hub.desk(lambda: unique_amounts(world.ledger, world.hub.now(), everything=True))
        assert [one.state for one in found] == ["paid"]


async def test_a_second_payment_of_one_order_is_asked_about(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        (order,) = await buyers(world, "Sinta Maharani")
        for day in (TODAY, TODAY + dt.timedelta(days=1)):
            await came(world, order["total"], f"TRSF CR {order['number']} SINTA MAHARANI", day)
        await settled(world)
        assert (await world.truth())["counts"].get("receipts", 0) <= 1
        waiting = await open_money(world)
        assert len(waiting) >= 1


async def test_news_in_any_order_and_many_times_books_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        orders = await buyers(world, "Sinta Maharani", "Bagas Wicaksono", "Ratna Kusumawardhani")
        for order in reversed(orders):
            await came(world, order["total"], f"TRSF CR {order['number']}")
        await settled(world)
        for _ in range(2):
            lines = await world.hub.desk(world.ledger.records.all, "buku", "bank_transaction")
            await world.hub.desk.write(world.ledger.records.replan, [line.key for line in lines])
            world.service.lanes["money buku"].wake()
            await settled(world)
        assert (await world.truth())["counts"]["receipts"] == 3
        done = await world.hub.desk(world.ledger.postings.in_state, State.DONE, 1000)
        assert sum(p.kind == "receipt" for p in done) == 3


async def test_it_works_alike_on_postgresql(pg_dsn: str) -> None:
    async with a_world(pg_dsn) as world:
        one, two = await buyers(world, "Sinta Maharani", "Bagas Wicaksono")
        await came(world, one["total"], f"TRSF CR {one['number']} SINTA MAHARANI")
        await came(world, two["total"], "TRSF CR BAGAS WICAKSONO")
        await settled(world)
        (asked,) = await open_money(world)
        await world.hub.desk(people.accept, world.hub, asked.line, world.hub.now(), "Sari")
        await settled(world)
        assert (await world.truth())["counts"]["receipts"] == 2
        await world.hub.desk(people.undo_money, world.hub, asked.line, world.hub.now(), "Sari", "wrong buyer")
        await settled(world)
        assert Decimal((await world.truth())["trial_balance"]["IDR"]["accounts"]["bank"]) == Decimal(one["total"])
