"""Money of another currency, end to end over real HTTP: proposed, accepted, booked, told to the store, and undone."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from selaras.ledger.errors import LedgerError
from selaras.sandbox.store import StoreConfig
from selaras.sync import mappings
from selaras.sync import money_decisions as people
from selaras.sync.explain import explain
from tests.sync.test_money import buyers, came, open_money, sale, settled
from tests.sync.world import World, a_world

DOLLARS = StoreConfig(currency="USD")
RATE = 16_000
NAMES = ("Sinta Maharani", "Bagas Wicaksono", "Ratna Kusumawardhani", "Yusuf Hidayat")


async def paid_abroad(world: World) -> list[Any]:
    """Orders of 30, 60, 90 and 120 dollars, paid in rupiah at rates about 16,000; each transfer names its order."""
    made = await buyers(world, *NAMES, price=30)
    for n, order in enumerate(made):
        rupiah = int(Decimal(order["total"]) * RATE) + 1_117 * n
        await came(world, rupiah, f"TRSF E-BANKING CR {order['number']} {NAMES[n].upper()}")
    await settled(world)
    return made


async def balances(world: World) -> dict[str, dict[str, Decimal]]:
    told = (await world.truth())["trial_balance"]
    assert {Decimal(of["sum"]) for of in told.values()} == {0}
    return {
        currency: {role: Decimal(amount) for role, amount in of["accounts"].items() if Decimal(amount)}
        for currency, of in told.items()
    }


async def accept(world: World, line: str) -> people.MoneyLinked:
    return await world.hub.desk(people.accept, world.hub, line, world.hub.now(), "Sari")


async def test_a_person_accepts_and_the_exchange_is_booked(tmp_path: Path) -> None:
    async with a_world(tmp_path, store=DOLLARS) as world:
        orders = await paid_abroad(world)
        asked = await open_money(world)
        assert [one.cause for one in asked] == ["suggested_payment"] * 4, "never without a person"
        by_number = {one.proposals[0].parts[0].number: one for one in asked}
        assert set(by_number) == {order["number"] for order in orders}
        for order in orders:
            (part,) = by_number[order["number"]].proposals[0].parts
            assert (part.settles, part.settles_currency) == (Decimal(order["total"]), "USD")
            assert part.amount == by_number[order["number"]].amount
        order = orders[1]
        line = by_number[order["number"]]
        done = await accept(world, line.line)
        assert [(int(part.amount), int(part.settles)) for part in done.parts] == [(961_117, 60)]
        await settled(world)
        assert Decimal((await sale(world, order))["balance"]) == 0
        found = await balances(world)
        assert found["IDR"]["bank"] == 961_117
        assert [int(found[currency]["exchange"]) for currency in ("IDR", "USD")] == [-961_117, 60]
        # The store is told what the order cost, not what the bank made of it.
        shop = {one["number"]: one for one in (await world.shop_truth())["orders"]}
        assert Decimal(shop[order["number"]]["paid"]) == 60
        (kept,) = [one for one in await world.hub.desk(world.ledger.records.all, "buku", "bank_transaction")
                   if one.key.id == line.line]  # fmt: skip
        assert b'"reconciled":true' in kept.body
        # What is known of the order and of the line says both amounts.
        for name in (order["number"], line.line):
            (told,) = next(one.money for one in await world.hub.desk(explain, world.ledger, name) if one.money)
            assert (int(told.amount), told.currency) == (961_117, "IDR")
            assert (int(told.settles), told.settles_currency) == (60, "USD")
        # Undone, both sides are free again, and another line may pay the order.
        await world.hub.desk(people.undo_money, world.hub, line.line, world.hub.now(), "Sari", "not theirs")
        await settled(world)
        found = await balances(world)
        assert "bank" not in found["IDR"]
        assert not {"exchange"} & {*found["IDR"], *found["USD"]}
        (receipt,) = [r for r in await world.hub.desk(world.ledger.records.all, "buku", "receipt") if r.number]
        assert b'"status":"void"' in receipt.body


async def test_a_line_is_linked_by_hand_and_an_order_takes_no_more_than_is_due(tmp_path: Path) -> None:
    async with a_world(tmp_path, store=DOLLARS) as world:
        first, second = await buyers(world, *NAMES[:2], price=30)
        await came(world, 480_500, "SETORAN TUNAI")
        await came(world, 470_000, "SETORAN TUNAI LAGI")
        await settled(world)
        lines = sorted(await open_money(world), key=lambda one: one.amount)
        assert [one.proposals for one in lines] == [[], []]

        async def link(line: str, order: Any) -> people.MoneyLinked:
            number = order["number"]
            return await world.hub.desk(people.link_payment, world.hub, line, number, world.hub.now(), "Sari")

        done = await link(lines[1].line, first)
        assert [(int(part.amount), int(part.settles)) for part in done.parts] == [(480_500, 30)]
        await settled(world)
        assert Decimal((await sale(world, first))["balance"]) == 0
        with pytest.raises(LedgerError, match=f"Order {first['number']} is owed nothing"):
            await link(lines[0].line, first)
        assert (await sale(world, second))["documents"] == [f"sales_order {second['number']}"]
        assert (await balances(world))["IDR"]["bank"] == 480_500


async def test_books_that_take_no_exchange_refuse_it_with_a_cure(tmp_path: Path) -> None:
    async with a_world(tmp_path, store=DOLLARS) as world:
        await paid_abroad(world)
        can = world.hub.connectors["buku"].capabilities
        without = msgspec.structs.replace(can, exchanges=False)

        def forget() -> None:
            with world.ledger.transaction():
                mappings.remember(world.ledger, "buku", without, world.hub.now())

        await world.hub.desk(forget)
        line = (await open_money(world))[0]
        with pytest.raises(LedgerError, match=rf"Bank line {line.line} is in IDR, order \S+ in USD") as refused:
            await accept(world, line.line)
        assert refused.value.cure == "Book the exchange in the books first."
        assert len(await open_money(world)) == 4


async def test_many_accepted_at_once_pay_no_order_twice(tmp_path: Path) -> None:
    """Two lines are proposed for one order: the first takes all that is due, the second stays open."""
    async with a_world(tmp_path, store=DOLLARS) as world:
        await paid_abroad(world)
        held = await world.hub.desk(world.ledger.allocations.suggestions, "buku")
        first, second = [of[0] for of in held.values()][:2]

        def same() -> None:
            with world.ledger.transaction():
                both = msgspec.structs.replace(second, subject=first.subject, settles=first.settles)
                world.ledger.allocations.suggest(second.line, [both], world.hub.now())

        await world.hub.desk(same)
        done = await world.hub.desk(people.accept_rule, world.hub, first.rule, world.hub.now(), "Sari")
        assert len(done) == 3
        (share,) = (await world.hub.desk(world.ledger.allocations.of_subjects, [first.subject]))[first.subject]
        assert (share.line, share.settles) == (first.line, first.settles)
        await settled(world)
        assert [one.line for one in await open_money(world)] == [second.line.id]


async def test_what_is_due_now_is_not_what_was_shown(tmp_path: Path) -> None:
    """The store received a part meanwhile: a person looks again, nothing is taken for what it was."""
    async with a_world(tmp_path, store=DOLLARS) as world:
        orders = await paid_abroad(world)
        line = next(one for one in await open_money(world) if one.proposals[0].parts[0].number == orders[3]["number"])
        held = await world.hub.desk(world.ledger.allocations.suggestions, "buku")
        suggestion = next(one for key, of in held.items() for one in of if key.id == line.line)

        def shown_before() -> None:
            with world.ledger.transaction():
                old = msgspec.structs.replace(suggestion, settles=suggestion.settles + 100)
                world.ledger.allocations.suggest(suggestion.line, [old], world.hub.now())

        await world.hub.desk(shown_before)
        with pytest.raises(LedgerError, match=r"is due 120\.00 USD by now, not 121\.00"):
            await accept(world, line.line)
