"""Writing stock: no sale is undone, nothing is added twice, and what the store does not do is never told as done."""

from __future__ import annotations

from decimal import Decimal

import pytest

from selaras.connectors.contract import Ambiguous, Done, Outcome, Rejected, Stale, Throttled, Write
from selaras.connectors.kit.checks import check_told, done, drained, failed
from selaras.connectors.woocommerce import WooCommerce
from selaras.model.document import StockLevel
from selaras.model.product import Product, Stock
from tests.connectors.woocommerce.standin import StandIn
from tests.connectors.woocommerce.standin_shop import Config
from tests.connectors.woocommerce.test_client import connected


def level(code: str, available: int | str, version: str = "") -> Write:
    return Write(f"k-{code}", StockLevel(f"r-{code}", code, "", Decimal(available), version))


def shelf(woo: StandIn, code: str) -> int:
    return woo.shop.by_sku(code).stock or 0


def with_variations(woo: StandIn, *, manage: object = True) -> None:
    parent = woo.shop.add("KAOS", 125000, 50, type="variable", manage=manage == "parent")
    for size in "ML":
        woo.shop.add(
            f"KAOS-{size}", 125000, 10, parent=parent.id, type="variation", manage=manage, name=f"Kaos - {size}"
        )


def kinds(outcomes: list[Outcome]) -> list[str]:
    return ["done" if isinstance(o, Done) else o.error.code for o in outcomes]


async def test_on_hand_ten_reserved_three_and_one_sold_meanwhile_is_six() -> None:
    """Trap 11. The sale falls between our look and the store's turn at the item."""
    async with connected() as (woo, made):
        woo.shop.add("A", 1000, 10)

        def sale() -> None:
            woo.shop.place([("A", 1)], status="processing")

        woo.rest.between.append(sale)
        (outcome,) = await made.write("stock", "update", [level("A", 7, "10")])
        assert done(outcome).version == "6"
        assert shelf(woo, "A") == 6


async def test_a_sale_before_our_look_makes_the_write_stale() -> None:
    async with connected() as (woo, made):
        woo.shop.add("A", 1000, 10)
        (row,) = await made.read("stock", ["A"])
        assert isinstance(row.record, Stock)
        woo.shop.place([("A", 1)], status="processing")
        (outcome,) = await made.write("stock", "update", [level("A", 7, row.record.version)])
        assert isinstance(failed(outcome).error, Stale)
        assert shelf(woo, "A") == 9


async def test_a_lost_answer_is_not_added_twice() -> None:
    async with connected() as (woo, made):
        woo.shop.add("A", 1000, 10)
        write = level("A", 4, "10")
        woo.trouble.fail_after = True
        with pytest.raises(Ambiguous):
            await made.write("stock", "update", [write])
        woo.trouble.fail_after = False
        assert shelf(woo, "A") == 4
        assert kinds(await made.write("stock", "update", [write])) == ["done"]
        woo.shop.place([("A", 1)], status="processing")
        assert kinds(await made.write("stock", "update", [write])) == ["stock_moved"]
        assert shelf(woo, "A") == 3


async def test_variations_are_written_below_their_parent_and_nowhere_else() -> None:
    async with connected() as (woo, made):
        with_variations(woo)
        woo.shop.add("A", 1000, 10)
        parents = {code: woo.shop.by_sku(code).parent for code in ("KAOS-M", "KAOS-L")}
        outcomes = await made.write("stock", "update", [level("KAOS-M", 3), level("A", 4), level("KAOS-L", 5)])
        assert kinds(outcomes) == ["done"] * 3
        assert [shelf(woo, code) for code in ("KAOS-M", "A", "KAOS-L")] == [3, 4, 5]
        assert {code: woo.shop.by_sku(code).parent for code in parents} == parents
        assert woo.calls["POST /products/batch"] == 1
        assert sum(n for call, n in woo.calls.items() if "variations/batch" in call) == 1


async def test_stock_that_the_parent_keeps_is_the_parents() -> None:
    async with connected() as (woo, made):
        with_variations(woo, manage="parent")
        rows = await made.read("stock", ["KAOS", "KAOS-M"])
        assert isinstance(rows[0].record, Stock)
        assert (rows[0].record.on_hand, rows[1].record) == (Decimal(50), None)
        one, other = await made.write("stock", "update", [level("KAOS-M", 3), level("KAOS", 7)])
        check_told(failed(one))
        assert failed(one).error.code == "stock_of_parent"
        done(other)
        assert shelf(woo, "KAOS") == 7


async def test_what_cannot_be_written_is_told_item_by_item() -> None:
    async with connected() as (woo, made):
        woo.shop.add("A", 1000, 10)
        woo.shop.add("UNCOUNTED", 1000, None, manage=False)
        writes = [level("A", 4), level("NONE", 1), level("UNCOUNTED", 1), level("A2", "1.5"), level("a", 3)]
        outcomes = await made.write("stock", "update", writes)
        assert kinds(outcomes) == ["done", "unknown_sku", "not_stocked", "bad_quantity", "unknown_sku"]
        for outcome in outcomes[1:]:
            check_told(failed(outcome))


async def test_a_store_that_ignores_the_difference_is_never_taken_for_success() -> None:
    async with connected() as (woo, made):
        woo.shop.add("A", 1000, 10)
        woo.rest.hears_deltas = False
        (outcome,) = await made.write("stock", "update", [level("A", 4)])
        assert isinstance(failed(outcome).error, Rejected)
        assert failed(outcome).error.code == "not_changed"
        assert shelf(woo, "A") == 10


async def test_what_is_right_already_costs_no_write() -> None:
    async with connected() as (woo, made):
        woo.shop.add("A", 1000, 10)
        assert kinds(await made.write("stock", "update", [level("A", 10, "3")])) == ["done"]
        assert set(woo.calls) == {"GET /products"}


async def test_a_hundred_products_cost_two_calls() -> None:
    async with connected() as (woo, made):
        for n in range(100):
            woo.shop.add(f"P{n}", 1000, 10)
        outcomes = await made.write("stock", "update", [level(f"P{n}", n) for n in range(100)])
        assert kinds(outcomes) == ["done"] * 100
        assert woo.total_calls() == 2
        assert [shelf(woo, f"P{n}") for n in range(100)] == list(range(100))


async def test_long_codes_do_not_make_an_address_that_hosts_refuse() -> None:
    async with connected() as (woo, made):
        codes = [f"BARANG-DENGAN-KODE-YANG-SANGAT-PANJANG-SEKALI/UKURAN {n:04d}" for n in range(100)]
        for code in codes:
            woo.shop.add(code, 1000, 10)
        rows = await made.read("stock", codes)
        assert all(row.record for row in rows)
        assert max(len(str(query)) for query in woo.queries) < 4096
        assert woo.total_calls() <= 3


async def test_a_host_that_takes_fewer_items_gets_them_in_halves() -> None:
    async with connected() as (woo, made):
        woo.rest.batch_limit = 30
        for n in range(100):
            woo.shop.add(f"P{n}", 1000, 10)
        outcomes = await made.write("stock", "update", [level(f"P{n}", n) for n in range(100)])
        assert kinds(outcomes) == ["done"] * 100


async def test_a_call_that_fails_beside_one_that_succeeds() -> None:
    async with connected() as (woo, made):
        with_variations(woo)
        woo.shop.add("A", 1000, 10)
        sent = made.client.update

        async def some(path: str, items: object) -> object:
            if "variations" in path:
                raise Throttled("slow down", retry_after=3)
            return await sent(path, items)  # type: ignore[arg-type]

        made.client.update = some  # type: ignore[method-assign, assignment]
        one, other = await made.write("stock", "update", [level("KAOS-M", 3), level("A", 4)])
        assert isinstance(failed(one).error, Throttled)
        done(other)
        with pytest.raises(Throttled):
            await made.write("stock", "update", [level("KAOS-M", 3)])


async def test_other_documents_are_refused() -> None:
    async with connected() as (_woo, made):
        for kind, op in (("stock", "void"), ("invoice", "create"), ("store_payment", "update")):
            with pytest.raises(Rejected):
                await made.write(kind, op, [])  # type: ignore[arg-type]
        assert await made.find("stock", ["r"]) == {}


# -- reading goods ----------------------------------------------------------------------------------------------------


async def products(made: WooCommerce) -> dict[str, Product]:
    seen, _ = await drained(made, "product")
    return {row.record.code: row.record for row in seen if isinstance(row.record, Product)}


@pytest.mark.parametrize("version", [(8, 2), (10, 0)])
async def test_products_are_what_is_sold(version: tuple[int, int]) -> None:
    async with connected(config=Config(version=version)) as (woo, made):
        with_variations(woo)
        woo.shop.add("A", 1000, 10, name="Kopi &amp; Teh")
        woo.shop.add("JASA", 1000, None, manage=False, status="private")
        woo.shop.add("SET", 0, None, type="grouped", manage=False)
        found = await products(made)
        assert set(found) == {"KAOS-M", "KAOS-L", "A", "JASA"}
        parent = woo.shop.by_sku("KAOS")
        kaos = found["KAOS-M"]
        assert (kaos.parent, kaos.stocked, kaos.currency) == (str(parent.id), True, "IDR")
        assert (found["A"].name, found["A"].price, found["A"].active) == ("Kopi & Teh", Decimal(1000), True)
        assert (found["JASA"].stocked, found["JASA"].active) == (False, False)
        rows = await made.read("product", [str(woo.shop.by_sku(code).id) for code in ("KAOS-L", "A", "KAOS")])
        assert [row.record.code if row.record else None for row in rows] == ["KAOS-L", "A", None]


async def test_a_product_with_very_many_variations() -> None:
    async with connected() as (woo, made):
        parent = woo.shop.add("KAOS", 1000, None, type="variable", manage=False)
        for n in range(205):
            woo.shop.add(f"V{n}", 1000, n, parent=parent.id, type="variation")
        seen, _ = await drained(made, "stock")
        assert {row.id: row.record.on_hand for row in seen if row.record} == {f"V{n}": n for n in range(205)}


async def test_a_sale_moves_the_stock_that_is_read() -> None:
    async with connected() as (woo, made):
        woo.shop.add("A", 1000, 10)
        order = woo.shop.place([("A", 3)], status="on-hold")
        (row,) = await made.read("stock", ["A"])
        assert isinstance(row.record, Stock)
        assert row.record.available == 7
        woo.shop.set_status(order, "cancelled")
        (row,) = await made.read("stock", ["A"])
        assert isinstance(row.record, Stock)
        assert row.record.available == 10
