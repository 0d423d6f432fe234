"""What a store calls at checkout, over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from selaras.sync.unique_amounts import UniqueAmount
from selaras.web.api import Problem
from tests.web.stage import Stage, a_stage

BILL = {"account": "bca", "reference": "1001", "total": 147_000}


async def an_account(stage: Stage, **more: Any) -> None:
    status, made = await stage.api("/unique-amounts/accounts", {"account": "BCA", "currency": "IDR", **more})
    assert (status, made["account"], made["low"], made["high"]) == (200, "bca", 1, more.get("high", 999))


async def test_reserve_renew_release_and_look(stage: Stage) -> None:
    await an_account(stage)
    status, got = await stage.api("/unique-amounts", {**BILL, "who": "checkout"})
    assert status == 200
    one = msgspec.convert(got, UniqueAmount)
    assert (got["payable"], got["code"], one.printed, one.store, one.by_whom) == (
        "147001", "1", "1001-05", "toko", "checkout",
    )  # fmt: skip
    assert await stage.api("/unique-amounts", {**BILL, "total": "147000.00"}) == (200, got)
    assert (await stage.api("/unique-amounts", {**BILL, "reference": "1002"}))[1]["payable"] == "147002"
    status, longer = await stage.api("/unique-amounts/renew", {"account": "bca", "reference": "1001", "hours": 72})
    assert (status, longer["payable"], longer["expires_at"] > got["expires_at"]) == (200, "147001", True)
    assert [row["reference"] for row in (await stage.api("/unique-amounts?amount=147002"))[1]] == ["1002"]
    assert [row["reference"] for row in (await stage.api("/unique-amounts?reference=1001-05&account=bca"))[1]] == [
        "1001"
    ]
    status, paid = await stage.api("/unique-amounts/release", {"account": "bca", "reference": "1001", "paid": True})
    assert (status, paid["state"]) == (200, "paid")
    (account,) = (await stage.api("/unique-amounts/accounts"))[1]
    assert (account["open"], account["held"]) == (1, 2)
    gone = await stage.api("/unique-amounts/release", {"account": "bca", "reference": "1002", "at_once": True})
    assert gone[1]["state"] == "released"
    assert [row["reference"] for row in (await stage.api("/unique-amounts"))[1]] == ["1001"]
    assert [row["reference"] for row in (await stage.api("/unique-amounts?everything=true"))[1]] == ["1002", "1001"]


async def test_many_checkouts_at_once_share_no_amount(stage: Stage) -> None:
    await an_account(stage)
    answers = await asyncio.gather(
        *(stage.api("/unique-amounts", {**BILL, "reference": f"{number % 20}"}) for number in range(40))
    )
    assert {status for status, _ in answers} == {200}
    sums = {body["reference"]: body["payable"] for _, body in answers}
    assert len(sums) == len(set(sums.values())) == 20


async def test_amounts_come_free_with_time(stage: Stage) -> None:
    await an_account(stage, high=1, hours=1, grace_hours=1)
    assert (await stage.api("/unique-amounts", BILL))[0] == 200
    status, problem = await stage.api("/unique-amounts", {**BILL, "reference": "1002"})
    assert status == 422
    assert "Account bca has no free amount left" in problem["detail"]
    stage.clock.ahead = 2 * 3600 + 1
    assert (await stage.api("/unique-amounts", {**BILL, "reference": "1002"}))[1]["payable"] == "147001"


async def test_what_cannot_be_is_one_sentence(stage: Stage) -> None:
    await an_account(stage)
    await stage.api("/unique-amounts", BILL)
    for path, body, status in (
        ("/unique-amounts", {**BILL, "account": "bri"}, 422),
        ("/unique-amounts", {**BILL, "total": "150.000"}, 422),
        ("/unique-amounts", {**BILL, "total": 147_000.5}, 400),
        ("/unique-amounts", {**BILL, "total": 148_000}, 422),
        ("/unique-amounts", {**BILL, "total": -1}, 422),
        ("/unique-amounts", {"account": "bca", "reference": "1"}, 400),
        ("/unique-amounts", {**BILL, "colour": "red"}, 400),
        ("/unique-amounts/renew", {"account": "bca", "reference": "7"}, 422),
        ("/unique-amounts/release", {"account": "bca", "reference": "7"}, 422),
        ("/unique-amounts/accounts", {"account": "bca", "currency": "IDR", "low": 5, "high": 1}, 422),
        ("/unique-amounts/accounts", {"account": "bca", "currency": "IDR", "direction": "up"}, 400),
        ("/unique-amounts?account=bri", None, 404),
        ("/unique-amounts?amount=lots", None, 400),
        ("/unique-amounts?limit=0", None, 400),
    ):
        given, raw = await stage.api(path, body)
        assert (path, body, given) == (path, body, status), raw
        assert msgspec.convert(raw, Problem).detail.endswith(".")
    assert len((await stage.api("/unique-amounts"))[1]) == 1


async def test_nobody_reserves_without_the_token(stage: Stage) -> None:
    assert (await stage.api("/unique-amounts", BILL, headers={}))[0] == 401
    assert (await stage.api("/unique-amounts", headers={}))[0] == 401


async def test_on_postgresql_too(tmp_path: Path, pg_dsn: str) -> None:
    async with a_stage(tmp_path, database=pg_dsn) as stage:
        await an_account(stage)
        answers = await asyncio.gather(
            *(stage.api("/unique-amounts", {**BILL, "reference": f"{number}"}) for number in range(10))
        )
        assert len({body["payable"] for _, body in answers}) == 10
