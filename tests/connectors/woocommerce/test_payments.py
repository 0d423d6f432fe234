"""Writing payments: an order is marked paid once, by the right way for its status, and known again when read."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from selaras.connectors.contract import Ambiguous, Done, Outcome, Write
from selaras.connectors.kit.checks import check_told, done, failed
from selaras.connectors.woocommerce import WooCommerce
from selaras.connectors.woocommerce.paid import META
from selaras.model.document import StorePayment
from selaras.model.order import Order
from tests.connectors.woocommerce.standin import StandIn
from tests.connectors.woocommerce.standin_shop import Order as Held
from tests.connectors.woocommerce.test_client import connected

AT = dt.datetime(2026, 11, 22, 3, 0, tzinfo=dt.UTC)


def pay(order: Held, amount: Decimal | None = None, reference: str = "books:receipt:1", currency: str = "IDR") -> Write:
    payment = StorePayment(
        reference, str(order.id), order.total if amount is None else amount, currency, AT, "transfer"
    )
    return Write(reference, payment)


async def write(made: WooCommerce, *writes: Write) -> list[Outcome]:
    return await made.write("store_payment", "create", writes)


async def read(made: WooCommerce, order: Held) -> Order:
    (row,) = await made.read("order", [str(order.id)])
    assert isinstance(row.record, Order)
    return row.record


def placed(woo: StandIn, status: str, method: str = "bacs", **more: object) -> Held:
    if not woo.shop.goods:
        woo.shop.add("A", 50_000, 100)
        woo.shop.add("FILE", 50_000, None, manage=False, virtual=True)
    return woo.shop.place([(str(more.pop("sku", "A")), 1)], status=status, method=method)


@pytest.mark.parametrize(
    ("status", "sku", "after"),
    [
        ("pending", "A", "processing"),
        ("failed", "A", "processing"),
        ("on-hold", "A", "processing"),
        ("on-hold", "FILE", "completed"),
        ("pending", "FILE", "completed"),
    ],
)
async def test_an_unpaid_order_is_marked_as_woocommerce_itself_would(status: str, sku: str, after: str) -> None:
    async with connected() as (woo, made):
        order = placed(woo, status, sku=sku)
        outcome = done((await write(made, pay(order)))[0])
        assert (order.status, outcome.status, outcome.total) == (after, after, order.total)
        assert order.paid is not None
        record = await read(made, order)
        assert [(p.origin, p.amount, p.reference) for p in record.payments] == [
            ("books", order.total, "books:receipt:1")
        ]
        assert record.paid == record.total


async def test_written_again_it_is_done_and_nothing_changes() -> None:
    async with connected() as (woo, made):
        order = placed(woo, "on-hold")
        first = await write(made, pay(order))
        calls = woo.calls["POST /orders/batch"]
        second = await write(made, pay(order))
        assert first == second
        assert woo.calls["POST /orders/batch"] == calls == 1


async def test_a_lost_answer_is_found_in_the_order_itself() -> None:
    async with connected() as (woo, made):
        order = placed(woo, "on-hold")
        woo.trouble.fail_after = True
        with pytest.raises(Ambiguous):
            await write(made, pay(order))
        woo.trouble.fail_after = False
        done((await write(made, pay(order)))[0])
        assert woo.calls["POST /orders/batch"] == 1
        assert len((await read(made, order)).payments) == 1


async def test_parts_mark_the_order_when_they_cover_it() -> None:
    async with connected() as (woo, made):
        order = placed(woo, "on-hold")
        done((await write(made, pay(order, Decimal(20_000), "r1")))[0])
        assert (order.status, order.paid) == ("on-hold", None)
        assert (await read(made, order)).paid == 20_000
        done((await write(made, pay(order, Decimal(30_000), "r2")))[0])
        assert order.status == "processing"
        record = await read(made, order)
        assert [(p.origin, p.amount) for p in record.payments] == [
            ("books", Decimal(20_000)),
            ("books", Decimal(30_000)),
        ]


async def test_two_parts_in_one_call_are_one_change() -> None:
    async with connected() as (woo, made):
        order = placed(woo, "on-hold")
        outcomes = await write(made, pay(order, Decimal(20_000), "r1"), pay(order, Decimal(30_000), "r2"))
        assert [done(o).id for o in outcomes] == [f"{order.id}:r1", f"{order.id}:r2"]
        assert (order.status, woo.calls["POST /orders/batch"]) == ("processing", 1)


@pytest.mark.parametrize("method", ["cod", "bacs"])
async def test_an_order_on_its_way_keeps_its_status(method: str) -> None:
    """Cash on delivery that is not paid yet, or marked by hand before the money was found: the same money."""
    async with connected() as (woo, made):
        order = placed(woo, "processing", method)
        done((await write(made, pay(order)))[0])
        assert order.status == "processing"
        record = await read(made, order)
        assert [(p.origin, p.amount) for p in record.payments] == [("books", order.total)]


async def test_money_that_came_twice_is_seen_twice() -> None:
    async with connected() as (woo, made):
        order = placed(woo, "pending", "midtrans")
        woo.shop.pay(order, "9aed5972")
        done((await write(made, pay(order)))[0])
        record = await read(made, order)
        assert [p.origin for p in record.payments] == ["store", "books"]
        assert record.paid == 2 * record.total


async def test_what_is_refused_is_told() -> None:
    async with connected() as (woo, made):
        held, other, gone = placed(woo, "on-hold"), placed(woo, "on-hold"), placed(woo, "on-hold")
        closed, foreign = placed(woo, "cancelled"), placed(woo, "on-hold")
        woo.shop.trash(gone)
        foreign.meta[META] = "lunas"
        done((await write(made, pay(other, reference="r")))[0])
        missing = Held(999_999, "", "", 0, 0, True)
        writes = [
            pay(closed),
            pay(held, currency="USD"),
            pay(held, Decimal(-1)),
            pay(gone),
            pay(missing, Decimal(1)),
            pay(other, Decimal(1), "r"),
            pay(foreign),
            Write("k", StorePayment("r", "books:7", Decimal(1), "IDR", AT)),
            pay(held),
        ]
        outcomes = await write(made, *writes)
        codes = ["done" if isinstance(o, Done) else o.error.code for o in outcomes]
        assert codes == [
            "order_closed",
            "bad_amount",
            "bad_amount",
            "unknown_order",
            "unknown_order",
            "reference_used",
            "foreign_meta",
            "unknown_order",
            "done",
        ]
        for outcome in outcomes[:-1]:
            check_told(failed(outcome))


async def test_a_plugin_that_undoes_the_mark_is_noticed() -> None:
    async with connected() as (woo, made):
        order = placed(woo, "on-hold")

        def undo(topic: str, id: int) -> None:
            if topic == "order.updated":
                woo.shop.orders[id].status = "on-hold"

        woo.shop.told.append(undo)
        (outcome,) = await write(made, pay(order))
        assert failed(outcome).error.code == "not_kept"


async def test_a_hundred_payments_cost_two_calls() -> None:
    async with connected() as (woo, made):
        orders = [placed(woo, "on-hold") for _ in range(100)]
        outcomes = await write(made, *(pay(order, reference=f"r{order.id}") for order in orders))
        assert all(isinstance(outcome, Done) for outcome in outcomes)
        assert woo.total_calls() == 2
