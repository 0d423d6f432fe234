"""The store over HTTP: who may call, batches item by item, lists with their traps, clock, faults, truth."""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from selaras.sandbox.faults import FaultSettings
from selaras.sandbox.store import StoreConfig
from tests.connectors.kit_servers import served
from tests.sandbox.store_client import Caller, basket, calling, product


async def stocked(call: Caller, *skus: str, **more: Any) -> None:
    products = [product(sku, **more) for sku in skus]
    assert (await call.admin("POST", "/sandbox/products", {"products": products})).status == 201


async def test_keys() -> None:
    async with calling() as call:
        assert (await call("GET", "/api/shop")).status == 401
        assert (await call("GET", "/api/shop", Authorization="Bearer nonsense")).status == 401
        reader = {"Authorization": f"Bearer {call.store.read_key}"}
        shop = await call("GET", "/api/shop", **reader)
        assert (shop.status, shop.json["writable"], shop.json["zone"]) == (200, False, "Asia/Jakarta")
        assert (await call("POST", "/api/stock", {"items": []}, **reader)).status == 403
        assert (await call.api("POST", "/api/stock", {"items": []})).status == 200
        assert (await call.api("GET", "/sandbox/truth")).status == 403
        assert (await call("GET", "/sandbox/truth", **{"X-Sandbox-Key": "x"})).status == 403
        assert (await call.api("GET", "/api/nothing")).status == 404


async def test_checkouts_in_bulk_have_a_result_each() -> None:
    async with calling() as call:
        await stocked(call, "A", stock=3)
        baskets = [basket("A", quantity=2), basket("A", quantity=2), basket("nope"), basket("A")]
        results = (await call("POST", "/checkout", baskets)).json["results"]
        assert [r["status"] for r in results] == [201, 409, 404, 201]
        assert results[1]["error"]["sku"] == "A"
        assert [results[0]["number"], results[3]["number"]] == ["1001", "1002"]


async def test_two_writers_of_one_stock_row() -> None:
    """Of twenty writes with one version exactly one is done; the others get the row as it is now."""
    async with calling() as call:
        await stocked(call, "A", stock=10)
        row = (await call.api("GET", "/api/stock?skus=A")).json["stock"][0]
        items = [{"items": [{"sku": "A", "available": n, "version": row["version"]}]} for n in range(20, 40)]
        answers = await asyncio.gather(*(call.api("POST", "/api/stock", item) for item in items))
        results = [a.json["results"][0] for a in answers]
        done = [r for r in results if r["status"] == 200]
        assert len(done) == 1
        lost = [r for r in results if r["status"] == 409]
        assert len(lost) == 19
        assert all(r["error"]["current"]["available"] == done[0]["stock"]["available"] for r in lost)


async def test_a_batch_tells_each_item() -> None:
    async with calling() as call:
        await stocked(call, "A", "B")
        items = [{"sku": "A", "available": 4}, {"sku": "NO", "available": 1}, {"sku": "B", "available": -1},
                 {"sku": "B", "available": "1.5"}, {"sku": "B", "on_hand": 7}]  # fmt: skip
        results = (await call.api("POST", "/api/stock", {"items": items})).json["results"]
        assert [r["status"] for r in results] == [200, 404, 422, 422, 200]
        assert (results[0]["stock"]["available"], results[4]["stock"]["on_hand"]) == (4, 7)
        assert (await call.api("POST", "/api/stock", {"items": items * 21})).status == 413


async def test_a_payment_is_made_once_per_reference() -> None:
    async with calling() as call:
        await stocked(call, "A")
        first = (await call("POST", "/checkout", basket("A"))).json
        second = (await call("POST", "/checkout", basket("A"))).json
        pay = {"reference": "bank-1", "amount": "10000", "method": "transfer"}
        made = await call.api("POST", f"/api/orders/{first['id']}/payments", pay)
        again = await call.api("POST", f"/api/orders/{first['id']}/payments", pay)
        assert (made.status, again.status) == (201, 200)
        assert made.json == again.json
        assert made.json["payment_status"] == "paid"
        other = await call.api("POST", f"/api/orders/{second['id']}/payments", pay)
        assert (other.status, other.json["error"]["code"]) == (409, "reference_used")
        batch = {"payments": [{"order_id": first["id"], **pay}, {"order_id": second["id"], "reference": "bank-2"},
                              {"order_id": 99, "reference": "bank-3"}]}  # fmt: skip
        results = (await call.api("POST", "/api/payments", batch)).json["results"]
        assert [r["status"] for r in results] == [200, 201, 404]
        found = (await call.api("GET", "/api/payments?references=bank-1,bank-2,bank-9")).json["payments"]
        assert [p["order_id"] for p in found] == [first["id"], second["id"]]
        assert {p["source"] for p in found} == {"api"}


async def test_the_gateway_captures_once_and_not_transfers() -> None:
    async with calling() as call:
        await stocked(call, "A")
        order = (await call("POST", "/checkout", basket("A", payment_method="transfer"))).json
        assert (await call("POST", f"/orders/{order['id']}/pay", {"reference": "x"})).status == 422
        capture = {"method": "qris", "reference": "q-1"}
        assert (await call("POST", f"/orders/{order['id']}/pay", capture)).status == 201
        assert (await call("POST", f"/orders/{order['id']}/pay", capture)).status == 200
        (payment,) = (await call.api("GET", f"/api/orders/{order['id']}")).json["payments"]
        assert (payment["amount"], payment["source"]) == ("10000", "gateway")


async def test_the_window_is_exclusive_at_both_ends_and_naive_times_are_local() -> None:
    async with calling(StoreConfig(clock="2018-09-13T10:00:00", frozen=True, shuffle_ties=False)) as call:
        await stocked(call, "A")
        for _ in range(3):
            await call("POST", "/checkout", basket("A"))
            await call.admin("POST", "/sandbox/clock", {"advance": 1})

        async def ids(query: str) -> list[int]:
            return [o["id"] for o in (await call.api("GET", f"/api/orders?{query}")).json["orders"]]

        assert await ids("updated_after=2018-09-13T03:00:00Z") == [2, 3]
        assert await ids("updated_before=2018-09-13T03:00:02Z") == [1, 2]
        assert await ids("updated_after=2018-09-13T10:00:00") == [2, 3], "no offset: the shop's zone"
        assert await ids("updated_after=2018-09-13T10:00:00%2B07:00&updated_before=2018-09-13T10:00:02%2B07:00") == [2]
        assert (await call.api("GET", "/api/orders?updated_after=2018-09-13T10:00:00+07:00")).status == 400
        assert (await call.api("GET", "/api/orders?per_page=101")).status == 400
        assert (await call.api("GET", "/api/orders?page=0")).status == 400
        page = (await call.api("GET", "/api/orders?per_page=2&page=2")).json
        assert ([o["id"] for o in page["orders"]], page["total"]) == ([3], 3)
        assert await ids("ids=3,1,77") == [3, 1]
        assert (await call.api("GET", "/api/orders?ids=" + ",".join(map(str, range(101))))).status == 400


async def test_the_date_header_is_the_clock_of_the_store() -> None:
    async with calling(StoreConfig(clock="2018-09-13T10:00:00", frozen=True)) as call:
        got = await call.api("GET", "/api/shop")
        assert parsedate_to_datetime(got.headers["date"]).isoformat() == "2018-09-13T03:00:00+00:00"
        assert got.json["server_time"] == "2018-09-13T03:00:00Z"
        clock = (await call.admin("POST", "/sandbox/clock", {"set": "2018-09-19T23:59:59", "frozen": False})).json
        assert clock["time"] == "2018-09-19T16:59:59Z"
        assert (await call.admin("POST", "/sandbox/clock", {"set": "yesterday"})).status == 422


async def test_carts_are_in_the_list_until_they_are_placed() -> None:
    async with calling() as call:
        await stocked(call, "A", stock=1)
        cart = (await call("POST", "/carts", basket("A"))).json
        assert (cart["status"], cart["number"]) == ("draft", "")
        assert [o["status"] for o in (await call.api("GET", "/api/orders")).json["orders"]] == ["draft"]
        placed = await call("POST", f"/carts/{cart['id']}/checkout")
        assert (placed.json["status"], placed.json["number"], placed.json["id"]) == ("open", "1001", cart["id"])
        assert (await call("POST", f"/carts/{cart['id']}/checkout")).status == 409
        truth = (await call.admin("GET", "/sandbox/truth")).json
        assert (truth["placed"], truth["drafts"], truth["stock"]["A"]["reserved"]) == (1, 0, 1)


async def test_trash_vanishes_from_the_list_and_can_be_read_by_id() -> None:
    async with calling() as call:
        await stocked(call, "A", stock=1)
        order = (await call("POST", "/checkout", basket("A"))).json
        assert (await call.api("DELETE", f"/api/orders/{order['id']}")).json["status"] == "trash"
        assert (await call.api("GET", "/api/orders")).json == {"orders": [], "total": 0, "page": 1, "per_page": 10}
        (row,) = (await call.api("GET", f"/api/orders?ids={order['id']}")).json["orders"]
        assert row["status"] == "trash"
        assert (await call("POST", "/checkout", basket("A"))).status == 201, "its goods are free again"


@pytest.mark.parametrize("silent", [False, True])
async def test_silent_money_moves_no_stamp(silent: bool) -> None:
    async with calling(StoreConfig(clock="2018-09-13T10:00:00", frozen=True, silent_money=silent)) as call:
        await stocked(call, "A")
        order = (await call("POST", "/checkout", basket("A"))).json
        await call.admin("POST", "/sandbox/clock", {"advance": 60})
        await call("POST", f"/orders/{order['id']}/pay", {"method": "qris", "reference": "r"})
        await call.api("POST", f"/api/orders/{order['id']}/refunds", {"amount": "100"})
        after = (await call.api("GET", f"/api/orders/{order['id']}")).json
        assert (len(after["payments"]), len(after["refunds"])) == (1, 1)
        assert (after["updated_at"] == order["updated_at"]) is silent


async def test_bulk_orders_stand_as_they_are() -> None:
    """Returns at the counter, adjustments, prices of three decimals, nobody as buyer, a total that does not add up."""
    async with calling(StoreConfig(currency="GBP", zone="Europe/London")) as call:
        orders = [
            {"number": "536365", "placed_at": "2010-12-01T08:26:00",
             "lines": [{"sku": "85123A", "quantity": 6, "unit_price": "2.555"}]},
            {"number": "C536379", "kind": "return", "placed_at": "2010-12-01T09:41:00", "status": "completed",
             "lines": [{"sku": "D", "quantity": -1, "unit_price": "27.50"}]},
            {"number": "A563185", "kind": "adjustment", "placed_at": "2011-08-12T14:50:00",
             "lines": [{"sku": "B", "quantity": 1, "unit_price": "-11062.06"},
                       {"sku": "X", "quantity": 3, "unit_price": "0"}]},
            {"lines": [{"sku": "Z", "quantity": 1, "unit_price": "1"}], "total": "1.01"},
        ]  # fmt: skip
        made = (await call.admin("POST", "/sandbox/orders", {"orders": orders})).json["orders"]
        assert [o["total"] for o in made] == ["15.33", "-27.50", "-11062.06", "1.01"]
        assert [o["number"] for o in made] == ["536365", "C536379", "A563185", "1001"]
        truth = (await call.admin("GET", "/sandbox/truth")).json
        assert truth["days"]["2010-12-01"] == {"orders": 2, "totals": {"GBP": "-12.17"}}
        row = (await call.api("GET", f"/api/orders/{made[0]['id']}")).json
        assert (row["placed_at"], row["updated_at"]) == ("2010-12-01T08:26:00Z", "2010-12-01T08:26:00Z")
        await call.api("GET", "/api/orders")
        late = {"orders": [orders[0] | {"number": "late"}]}
        (made_late,) = (await call.admin("POST", "/sandbox/orders", late)).json["orders"]
        row = (await call.api("GET", f"/api/orders/{made_late['id']}")).json
        assert row["updated_at"] > "2020", "somebody has read the list: a reader may have passed 2010"
        bad = await call.admin("POST", "/sandbox/orders", {"orders": [orders[1], orders[0] | {"currency": "ABC"}]})
        assert bad.status == 422
        assert len((await call.admin("GET", "/sandbox/truth")).json["orders"]) == 5, "all or none"


async def test_the_rate_limit_says_how_long_to_wait() -> None:
    async with calling(StoreConfig(rate=1, burst=3)) as call:
        answers = [await call.api("GET", "/api/shop") for _ in range(4)]
        assert [a.status for a in answers] == [200, 200, 200, 429]
        assert answers[3].headers["retry-after"] == "1"
        assert (await call.admin("GET", "/api/shop")).status == 200, "the admin is not limited"
        await call.admin("POST", "/sandbox/switches", {"rate": 0})
        assert (await call.api("GET", "/api/shop")).status == 200


async def test_faults_fall_on_programs_only_and_are_counted() -> None:
    async with calling(StoreConfig(faults=FaultSettings(fail_before=1.0))) as call:
        await stocked(call, "A")
        assert (await call("POST", "/checkout", basket("A"))).status == 201
        fates = set()
        for _ in range(30):
            try:
                fates.add(str((await call.api("GET", "/api/shop")).status))
            except aiohttp.ClientError:
                fates.add("reset")
        assert fates == {"500", "503", "reset"}
        truth = (await call.admin("GET", "/sandbox/truth")).json
        assert truth["faults"]["counts"]["fail_before"] >= 30
        assert truth["cut_connections"]["GET /api/shop"] >= 1


async def test_a_lost_answer_leaves_its_effect() -> None:
    async with calling(StoreConfig(faults=FaultSettings(fail_after=1.0))) as call:
        await stocked(call, "A", "B", stock=1)
        for turn, sku in enumerate("AB"):
            try:
                answer = await call.api("POST", "/api/stock", {"items": [{"sku": sku, "available": 40 + turn}]})
            except aiohttp.ClientError:
                continue
            assert answer.status >= 500
        stock = (await call.admin("GET", "/sandbox/truth")).json["stock"]
        assert (stock["A"]["available"], stock["B"]["available"]) == (40, 41)


async def test_half_a_batch() -> None:
    async with calling(StoreConfig(seed=4, faults=FaultSettings(half_batch=1.0))) as call:
        skus = [f"S{n}" for n in range(20)]
        await stocked(call, *skus, stock=1)
        with pytest.raises(aiohttp.ClientError):
            await call.api("POST", "/api/stock", {"items": [{"sku": sku, "available": 9} for sku in skus]})
        stock = (await call.admin("GET", "/sandbox/truth")).json["stock"]
        written = [sku for sku in skus if stock[sku]["available"] == 9]
        assert written == skus[: len(written)]
        assert 0 < len(written) < 20


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"lines":[{"sku":"A","quantity":"x"}]}', b'{"lines":[],"wrong":1}', b'{"lines":[]}']
)
async def test_a_bad_basket_is_refused_with_its_reason(body: bytes) -> None:
    async with calling() as call, call.session.post(call.store.url + "/checkout", data=body) as answer:
        if body == b"[]":
            assert await answer.json() == {"results": []}
        else:
            assert answer.status in (400, 422)
            assert (await answer.json())["error"]["message"]


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-1", "0", "0.5", "1e400"])
async def test_no_strange_amount_is_paid(amount: str) -> None:
    async with calling() as call:
        await stocked(call, "A")
        order = (await call("POST", "/checkout", basket("A"))).json
        got = await call.api("POST", f"/api/orders/{order['id']}/payments", {"amount": amount, "reference": "r"})
        assert got.status in (400, 422), got.json
        assert (await call.api("GET", f"/api/orders/{order['id']}")).json["payments"] == []


async def test_transfers_are_forwarded_to_the_books_once() -> None:
    """The date of a line is the bank's day; what the books refused, or did not answer, is sent again."""
    taken: list[Any] = []
    verdicts: list[Any] = [503, [True, False], [True]]

    async def bank_feed(request: web.Request) -> web.Response:
        assert (request.path, request.headers["X-Sandbox-Key"]) == ("/sandbox/bank", "k")
        verdict = verdicts.pop(0)
        if isinstance(verdict, int):
            return web.Response(status=verdict)
        taken.append((await request.json())["items"])
        return web.json_response(
            {"results": [{"ok": ok, "message": "" if ok else "no such account"} for ok in verdict]}
        )

    async with calling(StoreConfig(clock="2018-09-13T23:30:00")) as call, served(bank_feed) as books:
        await stocked(call, "A", price="2134567")
        order = (await call("POST", "/checkout", basket("A", buyer={"name": "Budi Santoso"}))).json
        made = await call.admin("POST", "/sandbox/bank/transfers", {"number": order["number"]})
        assert made.json["amount"] == "2134567"
        await call.admin("POST", "/sandbox/bank/transfers", {"order_id": order["id"], "with_number": False})
        assert (await call.admin("POST", "/sandbox/bank/transfers", {"payer": "X"})).status == 422
        target = {"books": books, "key": "k"}
        assert (await call.admin("POST", "/sandbox/bank/forward", target)).status == 502
        half = await call.admin("POST", "/sandbox/bank/forward", target)
        assert half.status == 502
        assert "1 of 2 lines: no such account" in half.json["error"]["message"]
        assert (await call.admin("POST", "/sandbox/bank/forward", target)).json == {"forwarded": 1}
        assert (await call.admin("POST", "/sandbox/bank/forward", target)).json == {"forwarded": 0}
        (first, second), (again,) = taken
        assert again == second
        assert (first["date"], first["amount"], first["currency"]) == ("2018-09-13", "2134567", "IDR")
        assert first["description"].startswith("TRSF E-BANKING CR 1309/FTSCY/WS")
        assert first["description"].endswith("2134567.00 BUDI SANTOSO 1001")
        assert second["description"].endswith("BUDI SANTOSO")


async def test_truth_adds_up() -> None:
    async with calling(StoreConfig(seed=9, products=30)) as call:
        skus = [row.sku for row in call.store.shop.goods.stock.values()][:5]
        for turn in range(20):
            await call("POST", "/checkout", basket(skus[turn % 5], quantity=9))
        first = (await call.api("GET", "/api/orders?ids=1")).json["orders"][0]
        await call.api("POST", "/api/orders/1/cancel", {"reason": "out_of_stock"})
        truth = (await call.admin("GET", "/sandbox/truth")).json
        total = sum((Decimal(o["total"]) for o in truth["orders"]), Decimal(0))
        assert truth["totals"] == {"IDR": str(total)}
        assert sum(day["orders"] for day in truth["days"].values()) == truth["placed"] == len(truth["orders"])
        assert truth["placed"] + sum(truth["sold_out"].values()) == 20
        assert truth["out_of_stock_cancellations"] == [first["number"]]
        assert truth["calls"]["GET /api/orders"] == {"200": 1}


async def test_the_program_prints_where_it_listens() -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "selaras.sandbox.store", "--seed", "7", "--products", "3", "--fault", "drop_webhook=0.3",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert program.stdout is not None
        facts = msgspec.json.decode(await asyncio.wait_for(program.stdout.readline(), 120))
        headers = {"Authorization": f"Bearer {facts['api_key']}"}
        url = facts["url"] + "/api/products"
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            assert (await answer.json())["total"] == 3
    finally:
        program.terminate()
        assert await asyncio.wait_for(program.wait(), 120) == 0
