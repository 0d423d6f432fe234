"""The API says what its document says: same routes, same shapes, errors as one sentence with a cure."""

from __future__ import annotations

import re
import typing
from pathlib import Path
from typing import Any

import msgspec

from selaras.ledger.values import NewPosting, RecordKey, State
from selaras.web.api import Problem
from selaras.web.openapi import document
from selaras.web.operation import Operation
from selaras.web.operations import OPERATIONS
from tests.web.stage import Stage
from tests.web.stock_room import an_order, keep_orders, keep_stock


async def test_the_document_names_every_route_and_no_other(stage: Stage) -> None:
    routes = {
        (method.lower(), re.sub(r"\{(\w+):path\}", r"{\1}", route.path))
        for route in stage.app.routes
        if route.path.startswith("/api/")
        for method in (route.methods or set()) - {"HEAD"}
    }
    _status, described = await stage.api("/openapi.json", headers={})
    assert {(method, path) for path, methods in described["paths"].items() for method in methods} == routes
    assert len(routes) == len(OPERATIONS) + 1
    assert described["openapi"].startswith("3.1")
    names = [op["operationId"] for methods in described["paths"].values() for op in methods.values()]
    assert len(names) == len(set(names))


def test_every_reference_in_the_document_leads_somewhere() -> None:
    described = document()
    text = msgspec.json.encode(described).decode()
    wanted = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert wanted <= set(described["components"]["schemas"])


def path_of(op: Operation) -> str:
    return op.path.replace("{name}", "1001").replace("{code}", "KOPI")


READING = [op for op in OPERATIONS if op.method == "GET"]


async def test_answers_have_the_shape_that_is_described(stage: Stage) -> None:
    await stage.hub.desk(keep_orders, stage.ledger, [an_order(1001), an_order(1002)])
    await stage.hub.desk(keep_stock, stage.ledger, "KOPI", 12)
    for op in READING:
        async with stage.http.get(f"{stage.url}/api/v1{path_of(op)}", headers=stage.bearer) as answer:
            raw = await answer.read()
            assert (op.name, answer.status) == (op.name, 200), raw
            assert answer.headers["Content-Type"] == "application/json"
        assert msgspec.json.decode(raw, type=typing.cast(Any, op.result)) is not None


async def test_explain_tells_the_order(stage: Stage) -> None:
    await stage.hub.desk(keep_orders, stage.ledger, [an_order(1001)])
    status, found = await stage.api("/explain/toko:1001")
    assert status == 200
    assert [(one["number"], one["status"], one["total"]) for one in found] == [("1001", "waiting", "50000")]
    assert found[0]["record"]["buyer"]["name"] == "Siti Rahayu"


async def test_names_with_slashes_and_colons_are_names(stage: Stage) -> None:
    await stage.hub.desk(keep_orders, stage.ledger, [an_order(5, called="INV/2026/11 #5")])
    status, found = await stage.api("/explain/INV%2F2026%2F11%20%235")
    assert (status, found[0]["number"]) == (200, "INV/2026/11 #5")


ERRORS: tuple[tuple[str, Any, int], ...] = (
    ("/explain/nobody-knows", None, 404),
    ("/stock/nobody-knows", None, 404),
    ("/plan?store=nobody", None, 404),
    ("/coverage?first=yesterday", None, 400),
    ("/events?limit=0", None, 400),
    ("/events?limit=many", None, 400),
    ("/retry", {}, 422),
    ("/retry", {"names": ["nobody-knows"]}, 422),
    ("/retry", {"cuase": "typing error"}, 400),
    ("/skip", {"names": ["1"]}, 400),
    ("/skip", {"names": ["1"], "why": " "}, 422),
    ("/link", {"bank_line": "x", "order": "y"}, 422),
    ("/undo", {"kind": "weather", "subject": "x"}, 422),
    ("/replan", {"names": ["nobody-knows"]}, 422),
    ("/replan", {}, 422),
    ("/sweep", {"store": "nobody"}, 422),
    ("/nowhere", None, 404),
)


async def test_errors_are_one_sentence_and_a_status(stage: Stage) -> None:
    for path, body, status in ERRORS:
        given, raw = await stage.api(path, body)
        assert (path, given) == (path, status), raw
        problem = msgspec.convert(raw, Problem)
        assert problem.status == status
        assert problem.detail.endswith((".", "!")), problem


async def test_a_body_that_is_no_json_or_too_large(stage: Stage) -> None:
    for data, status in ((b"{", 400), (b"[]", 400), (b'{"csv": "' + b"x" * (9 << 20) + b'"}', 413)):
        async with stage.http.post(f"{stage.url}/api/v1/products/csv", data=data, headers=stage.bearer) as answer:
            assert answer.status == status


async def test_connections_are_shown_without_secrets(stage: Stage) -> None:
    async with stage.http.get(f"{stage.url}/api/v1/connections", headers=stage.bearer) as answer:
        text = await answer.text()
    assert "s3cret" not in text
    toko = next(one for one in msgspec.json.decode(text) if one["name"] == "toko")
    assert (toko["state"], toko["paired_with"], toko["webhook_url"]) == ("ok", ["buku"], "/webhooks/toko")


async def test_blocked_is_retried_and_skipped_with_the_name_of_who_did_it(stage: Stage) -> None:
    order = an_order(1001)

    def block(cause: str) -> None:
        key = RecordKey("toko", "order", "1001")
        version = 1 + len(stage.ledger.postings.of_record(key))
        posting = NewPosting(
            "buku", "toko:1001", "problem", version, "sales_order", "create", key, "1001", cause, None, "",
            state=State.BLOCKED, cause=cause, message="No product.", cure="Match it.", currency="IDR",
        )  # fmt: skip
        with stage.ledger.transaction():
            stage.ledger.postings.plan([posting], stage.hub.now())

    await stage.hub.desk(keep_orders, stage.ledger, [order])
    await stage.hub.desk(block, "unmatched_product")
    _status, report = await stage.api("/blocked")
    assert [(g["cause"], g["records"]) for g in report["groups"]] == [("unmatched_product", 1)]
    again = await stage.api("/retry", {"cause": "unmatched_product", "who": "Ani"})
    assert again == (200, {"postings": 0, "records": 1})
    assert await stage.api("/skip", {"names": ["1001"], "why": "a test order", "who": "Ani"}) == (200, {"postings": 1})
    _status, report = await stage.api("/blocked?skipped=true")
    assert [(i["name"], i["message"], i["by_whom"]) for i in report["items"]] == [("1001", "a test order", "Ani")]
    status, undone = await stage.api("/undo", {"kind": "skip", "subject": "1001"})
    assert (status, undone["kind"]) == (200, "skip")
    assert await stage.api("/replan", {"names": ["1001"]}) == (200, {"store": "toko", "records": 1})


async def test_a_sweep_of_a_system_that_cannot_be_asked_says_so(stage: Stage) -> None:
    status, state = await stage.api("/sweep", {"wait": True, "store": "toko"})
    assert status == 202
    assert state["running"] is False
    assert (await stage.api("/sweep"))[1]["finished_at"] == state["finished_at"]


def test_the_reference_page_lists_every_operation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "http-api.md").read_text(encoding="utf-8")
    table = page.split("<!-- operations:begin -->")[1].split("<!-- operations:end -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()[2:]]
    described = [(row[0].strip("`"), row[1].strip("`"), row[2], set(re.findall(r"`(\w+)`", row[3]))) for row in rows]
    taken = [
        (op.method, op.path, op.summary, set((op.query or op.body or Problem).__struct_fields__)) for op in OPERATIONS
    ]
    nothing = set(Problem.__struct_fields__)
    assert described == [(m, p, s, set() if t == nothing else t - {"who"}) for m, p, s, t in taken]


async def test_the_mapping_is_shown_changed_and_taken_back(stage: Stage) -> None:
    pair = {"store": "toko", "books": "buku", "who": "Ani"}
    assert (await stage.api("/mapping"))[1]["version"] == 0
    status, done = await stage.api("/mapping", {**pair, "words": {"require": "tax"}, "note": "the accountant asks"})
    assert (status, done["version"], done["after"]) == (200, 1, {"require": "tax"})
    shown = (await stage.api("/mapping?store=toko&books=buku"))[1]
    assert (shown["version"], shown["needed"], shown["missing"]) == (1, ["tax"], ["tax"])
    status, done = await stage.api("/mapping/file", {**pair, "text": 'require = ["warehouse"]'})
    assert (status, done["before"], done["after"]) == (200, {"require": "tax"}, {"require": "warehouse"})
    status, done = await stage.api("/mapping/back", {**pair, "version": 1})
    assert (status, done["version"], done["after"]) == (200, 3, {"require": "tax"})
    history = (await stage.api("/mapping/history"))[1]
    assert [(one["version"], one["who"], one["note"]) for one in history] == [
        (3, "Ani", "as version 1"), (2, "Ani", ""), (1, "Ani", "the accountant asks"),
    ]  # fmt: skip
    assert (await stage.api("/mapping/proposals"))[1]["read"] is False
    for path, body in (
        ("/mapping", {"words": {"account:sales": "4-1"}}),
        ("/mapping", {"words": {}}),
        ("/mapping/file", {"text": "accounts = ["}),
        ("/mapping/accept", {}),
        ("/mapping/back", {"version": 9}),
    ):
        status, problem = await stage.api(path, {**pair, **body})
        assert (status, bool(problem["detail"]), bool(problem["cure"])) == (422, True, True), (path, problem)
    assert (await stage.api("/mapping?store=nobody"))[0] == 404
