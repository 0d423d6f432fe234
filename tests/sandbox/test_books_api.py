"""The sandbox books over real HTTP: batches, lists, search lag, limits, faults and the admin's switches."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from tests.sandbox.books_client import Client, bill, line, order, receipt, running


async def everything(client: Client, kind: str, limit: int = 100, since: str = "") -> list[dict[str, Any]]:
    """All pages."""
    rows: list[dict[str, Any]] = []
    after = ""
    while True:
        query = f"limit={limit}" + (f"&after={after}" if after else f"&updated_since={quote(since)}")
        status, page = await client.get(f"{kind}?{query}")
        assert status == 200, page
        assert len(page["items"]) <= limit
        rows += page["items"]
        if not page["more"]:
            return rows
        after = quote(page["next"])


async def test_a_bad_item_fails_alone_inside_http_200() -> None:
    async with running() as client:
        results = await client.create(
            "sales_orders",
            order("1"),
            order("2", total="30001"),
            order("3", lines=[line(), line("NONE", "1", "0")]),
            order("4", currency="ZZZ"),
            order("5", contact_id="con99999999"),
            {"reference": "6"},
            order("7", lines=[line(quantity="two")]),
            order("8", colour="red"),
            order("9", lines=[line(price="Infinity")]),
            order("10"),
        )
        assert [r["ok"] for r in results] == [True, *[False] * 8, True]
        assert [(r["code"], r["field"]) for r in results[1:9]] == [
            ("total_mismatch", "total"),
            ("unknown_product", "lines[1].code"),
            ("unknown_currency", "currency"),
            ("unknown_contact", "contact_id"),
            ("invalid", "date"),
            ("invalid", "lines[0].quantity"),
            ("invalid", "colour"),
            ("invalid_number", ""),
        ]
        assert results[0] == {
            "ok": True, "id": "sor00000001", "number": "SO-00001", "total": "30000", "currency": "IDR",
            "status": "open", "version": "1",
        }  # fmt: skip
        assert (await client.truth("counts"))["counts"]["sales_orders"] == 2


async def test_a_batch_has_at_most_a_hundred_items() -> None:
    async with running() as client:
        assert len(await client.create("sales_orders", *(order(str(n)) for n in range(100)))) == 100
        status, answer = await client.batch("sales_orders", "create", *(order(f"x{n}") for n in range(101)))
        assert (status, answer["error"]) == (413, "too_many_items")
        assert (await client.truth("counts"))["counts"]["sales_orders"] == 100
        assert await client.create("sales_orders") == []


@pytest.mark.parametrize(
    ("kind", "op", "status"),
    [("nothing", "create", 404), ("invoices", "void", 404), ("receipts", "update", 404), ("stock", "create", 404)],
)
async def test_operations_that_do_not_exist(kind: str, op: str, status: int) -> None:
    async with running() as client:
        assert (await client.batch(kind, op, {"id": "1"}))[0] == status


async def test_requests_that_cannot_be_read() -> None:
    async with running() as client:
        head = {"Authorization": f"Bearer {client.token}"}
        for body in (b"", b"[", b"[]", b'{"op":"create"}'):
            url = f"{client.server.url}/api/sales_orders/batch"
            async with client.session.post(url, headers=head, data=body) as answer:
                assert answer.status == 400
        for query in ("limit=0", "limit=101", "limit=x", "after=%21", "updated_since=yesterday",
                      "updated_since=2026-01-01T00:00:00"):  # fmt: skip
            assert (await client.get(f"contacts?{query}"))[0] == 400, query
        assert (await client.get("nothing"))[0] == 404
        async with client.session.put(f"{client.server.url}/api/contacts", headers=head) as answer:
            assert answer.status == 405
        async with client.session.get(f"{client.server.url}/elsewhere") as answer:
            assert answer.status == 404


async def test_unique_references() -> None:
    async with running() as client:
        (first,) = await client.create("sales_orders", order("1001"))
        (again,) = await client.create("sales_orders", order("1001"))
        assert (again["ok"], again["code"], again["id"]) == (False, "duplicate_reference", first["id"])
        (invoice,) = await client.create("invoices", bill("1001"))
        assert invoice["ok"], "a reference is unique within its kind"
        truth = await client.truth()
        assert truth["duplicates"] == {}
        assert truth["references"]["sales_orders"] == {"1001": 1}


async def test_references_that_may_repeat_are_told_by_the_truth() -> None:
    async with running(unique_references=False) as client:
        results = await client.create("sales_orders", order("1001"), order("1001"), order("1002"))
        assert all(r["ok"] for r in results)
        truth = await client.truth()
        assert truth["duplicates"] == {"sales_orders": {"1001": 2}}
        assert [e["id"] for e in truth["sales"]["1001"]] == [results[0]["id"], results[1]["id"]]
        _, page = await client.get("sales_orders?references=1001,1002")
        assert [row["id"] for row in page["items"]] == [r["id"] for r in results]


async def test_searches_lag_and_reads_by_id_do_not() -> None:
    async with running() as client:
        client.pass_time(0)
        client.server.faults.set(search_lag=0.3)
        (made,) = await client.create("sales_orders", order("1001"))
        assert (await client.get("sales_orders?references=1001"))[1]["items"] == []
        assert await everything(client, "sales_orders") == []
        _, page = await client.get(f"sales_orders?ids={made['id']},sor99999999")
        assert [row["reference"] for row in page["items"]] == ["1001"]
        client.pass_time(0.35)
        assert [r["id"] for r in (await client.get("sales_orders?references=1001"))[1]["items"]] == [made["id"]]
        assert len(await everything(client, "sales_orders")) == 1
        # A change lags too, but what was visible stays so, at its old place.
        before = (await everything(client, "sales_orders"))[0]["updated_at"]
        await client.batch("sales_orders", "update", {"id": made["id"], "tracking": "JX1"})
        _, page = await client.get("sales_orders?limit=1")
        assert len(page["items"]) == 1
        assert await everything(client, "sales_orders", since=page["items"][0]["updated_at"]) == []
        client.pass_time(0.35)
        (row,) = await everything(client, "sales_orders", since=page["items"][0]["updated_at"])
        assert row["tracking"] == "JX1"
        assert row["updated_at"] > before


async def test_references_are_split_at_bare_commas_only() -> None:
    async with running() as client:
        names = ["a,b", "c d", "e+f", "g/h?i=1&j", "ä"]
        await client.create("sales_orders", *map(order, names))
        head = {"Authorization": f"Bearer {client.token}"}
        query = ",".join(quote(name, safe="") for name in names)
        url = URL(f"{client.server.url}/api/sales_orders?references={query}", encoded=True)
        async with client.session.get(url, headers=head) as answer:
            assert [row["reference"] for row in (await answer.json())["items"]] == names
        many = ",".join(map(str, range(101)))
        assert (await client.get(f"sales_orders?references={many}"))[0] == 413


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
async def test_the_keyset_misses_and_repeats_nothing_though_stamps_tie(limit: int) -> None:
    async with running() as client:
        for start in (0, 5, 10):
            await client.create("sales_orders", *(order(str(n)) for n in range(start, start + 5)))
        rows = await everything(client, "sales_orders", limit)
        assert [row["reference"] for row in rows] == [str(n) for n in range(15)]
        assert len({row["updated_at"] for row in rows}) <= 3, "rows of one batch share a stamp"
        assert rows == sorted(rows, key=lambda row: (row["updated_at"], row["id"]))
        since = rows[5]["updated_at"]
        assert [r["reference"] for r in await everything(client, "sales_orders", limit, since)] == [
            row["reference"] for row in rows if row["updated_at"] >= since
        ], "since is inclusive"


async def test_rows_that_change_while_they_are_listed_come_again_at_the_end() -> None:
    async with running() as client:
        made = await client.create("sales_orders", *(order(str(n)) for n in range(4)))
        _, first = await client.get("sales_orders?limit=2")
        await asyncio.sleep(0.002)
        await client.batch(
            "sales_orders", "update", {"id": made[0]["id"], "note": "n"}, {"id": made[3]["id"], "note": "n"}
        )
        _, second = await client.get(f"sales_orders?limit=10&after={quote(first['next'])}")
        seen = [row["reference"] for row in first["items"] + second["items"]]
        assert seen == ["0", "1", "2", "0", "3"]


async def test_master_data_by_code_and_id() -> None:
    async with running() as client:
        _, page = await client.get("products?codes=SET,NONE,P1")
        assert [row["code"] for row in page["items"]] == ["SET", "P1"]
        _, page = await client.get("stock?codes=P2,SET")
        assert [(row["code"], row["on_hand"], row["reserved"]) for row in page["items"]] == [("P2", "50", "0")]
        assert [r["name"] for r in await everything(client, "contacts")] == ["Budi", "CV Pemasok"]
        _, accounts = await client.get("accounts")
        roles = {account["role"] for account in accounts["items"]}
        assert roles >= {"receivable", "sales", "discount", "shipping", "output_tax", "bank", "clearing", "inventory"}


async def test_a_closed_period_refuses_item_by_item() -> None:
    async with running() as client:
        assert (await client.admin("close", {"closed_until": "2026-11-20"}))[0] == 200
        results = await client.create("sales_orders", order("1"), order("2", date="2026-11-21"))
        assert [r["ok"] for r in results] == [False, True]
        assert (results[0]["code"], results[0]["field"]) == ("period_locked", "date")
        assert (await client.get("company"))[1]["closed_until"] == "2026-11-20"
        assert (await client.admin("close", {"closed_until": None}))[0] == 200
        assert (await client.create("sales_orders", order("1")))[0]["ok"]


async def test_the_rate_limit_says_when_to_come_back() -> None:
    async with running(rate=5.0, burst=3) as client:
        codes = [(await client.get("company"))[0] for _ in range(5)]
        assert codes[:3] == [200, 200, 200]
        assert 429 in codes[3:]
        head = {"Authorization": f"Bearer {client.token}"}
        while True:
            async with client.session.get(f"{client.server.url}/api/company", headers=head) as answer:
                if answer.status == 429:
                    assert int(answer.headers["Retry-After"]) >= 1
                    break
        await client.sign_in()
        assert (await client.get("company"))[0] == 200, "another grant has a budget of its own"
        calls = (await client.truth("calls"))["calls"]
        assert calls["refused"] == calls["by_status"]["429"] >= 2


async def test_calls_at_once_are_bounded() -> None:
    async with running(parallel=2) as client:
        client.server.faults.set(slow=1, slow_seconds=0.2)
        codes = await asyncio.gather(*(client.get("company") for _ in range(5)))
        assert sorted(status for status, _ in codes) == [200, 200, 429, 429, 429]
        assert (await client.get("company"))[0] == 200, "the places are free again"


async def test_fail_after_leaves_the_document_there() -> None:
    async with running() as client:
        client.server.faults.set(fail_after=1)
        seen: set[str] = set()
        for number in range(12):
            try:
                status, _ = await client.batch("sales_orders", "create", order(str(number)))
                seen.add(str(status))
            except aiohttp.ClientError:
                seen.add("drop")
        assert seen == {"drop", "500", "504"}
        client.server.faults.set(fail_after=0)
        truth = await client.truth()
        assert truth["counts"]["sales_orders"] == 12
        assert truth["faults"] == {"fail_after": 12}


async def test_fail_before_leaves_nothing() -> None:
    async with running() as client:
        client.server.faults.set(fail_before=1)
        seen: set[str] = set()
        for number in range(16):
            try:
                status, _ = await client.batch("sales_orders", "create", order(str(number)))
                seen.add(str(status))
            except aiohttp.ClientError:
                seen.add("reset")
        assert seen == {"reset", "500", "503"}
        assert (await client.truth("counts"))["counts"]["sales_orders"] == 0


async def test_half_a_batch() -> None:
    async with running() as client:
        client.server.faults.set(half_batch=1)
        with pytest.raises(aiohttp.ClientError):
            await client.batch("sales_orders", "create", *(order(str(n)) for n in range(50)))
        client.server.faults.set(half_batch=0)
        kept = await everything(client, "sales_orders")
        assert len(kept) < 50
        assert [row["reference"] for row in kept] == [str(n) for n in range(len(kept))], "the first ones"


async def test_throttle_and_slow_by_switch() -> None:
    async with running() as client:
        assert (await client.admin("faults", {"throttle": 1, "throttle_seconds": 7}))[0] == 200
        head = {"Authorization": f"Bearer {client.token}"}
        async with client.session.get(f"{client.server.url}/api/company", headers=head) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
        assert (await client.admin("faults"))[1]["counts"] == {"throttle": 1}


async def test_faults_of_a_server_are_the_same_for_a_seed_and_a_sequence() -> None:
    async def outcomes() -> list[str]:
        async with running(seed=42) as client:
            client.server.faults.set(fail_before=0.2, fail_after=0.2, half_batch=0.2, throttle=0.2)
            found = []
            for number in range(40):
                try:
                    status, _ = await client.batch("sales_orders", "create", order(f"{number}a"), order(f"{number}b"))
                    found.append(str(status))
                except aiohttp.ClientError:
                    found.append("cut")
            kept = (await client.truth("references"))["references"]["sales_orders"]
            return [*found, *kept]

    first = await outcomes()
    assert {"200", "cut", "429", "500"} <= set(first)
    assert await outcomes() == first


async def test_the_admin_key_guards_the_switches() -> None:
    async with running() as client:
        for path in ("truth", "faults", "seed", "typist", "close", "expire", "revoke", "bank", "sale"):
            assert (await client.admin(path, None if path == "truth" else {}, key="wrong"))[0] == 403, path
        assert (await client.admin("truth?parts=nothing"))[0] == 404
        assert (await client.admin("nothing", {}))[0] == 404
        assert (await client.admin("close", {"closed": 1}))[0] == 422
        assert (await client.admin("typist", {"kind": "stock", "items": []}))[0] == 404


async def test_the_person_the_bank_and_the_counter() -> None:
    async with running() as client:
        (made,) = await client.create("sales_orders", order("1001"))
        _, answer = await client.admin("typist", {"kind": "sales_orders", "items": [order(""), order("1001")]})
        assert [r["ok"] for r in answer["results"]] == [True, True], "nobody asks a person for a new reference"
        _, answer = await client.admin(
            "typist", {"kind": "receipts", "items": [receipt("", sales_order_id=made["id"])]}
        )
        assert answer["results"][0]["ok"]
        _, answer = await client.admin(
            "bank", {"items": [{"date": "2026-11-20", "amount": "30000", "currency": "IDR", "description": "TRF"}]}
        )
        line_id = answer["results"][0]["id"]
        (paid,) = await client.create("receipts", receipt("r", sales_order_id=made["id"], bank_transaction_id=line_id))
        assert paid["ok"]
        (row,) = await everything(client, "bank_transactions")
        assert row["reconciled"] is True
        _, answer = await client.admin(
            "sale", {"items": [{"code": "P1", "quantity": "3"}, {"code": "NO", "quantity": "1"}]}
        )
        assert [r["ok"] for r in answer["results"]] == [True, False]
        truth = await client.truth()
        assert truth["stock"]["P1"] == {"on_hand": "97", "reserved": "6"}
        assert truth["by_hand"] == {
            "sales_orders": 2, "invoices": 0, "receipts": 1, "credit_notes": 0, "refund_payments": 0, "purchases": 0,
        }  # fmt: skip
        assert truth["trial_balance"]["IDR"]["sum"] == "0"
        assert truth["trial_balance"]["IDR"]["accounts"]["cash"] == "45000"


async def test_manual_journals_can_be_listed_alone() -> None:
    async with running() as client:
        sides = [
            {"account": "bank", "debit": "500"},
            {"account": "receivable", "credit": "500", "contact_id": "con00000001"},
        ]
        (made,) = await client.create(
            "journals", {"date": "2026-11-20", "currency": "IDR", "reference": "1001", "lines": sides}
        )
        await client.create("invoices", bill("1001"))
        _, page = await client.get("journals?source=manual")
        (row,) = page["items"]
        assert (row["id"], row["document_kind"], row["reference"]) == (made["id"], "", "1001")
        assert row["lines"][1] == {
            "account": "acc-1-1200", "debit": "0", "credit": "500", "contact_id": "con00000001", "note": "",
        }  # fmt: skip
        _, page = await client.get("journals?references=1001")
        assert {row["document_kind"] for row in page["items"]} == {"", "invoice"}
