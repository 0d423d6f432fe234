"""Health and figures: true, cheap, and quiet towards strangers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from selaras.ledger.errors import DiskFull
from tests.web.stage import Stage
from tests.web.stock_room import an_order, keep_orders


async def health(stage: Stage, **headers: str) -> tuple[int, Any]:
    async with stage.http.get(f"{stage.url}/healthz", headers=headers) as answer:
        return answer.status, msgspec.json.decode(await answer.read())


async def test_all_is_well(stage: Stage) -> None:
    assert await health(stage) == (200, {"status": "ok", "ledger": "ok", "lanes_failing": 0, "lanes": []})


async def test_a_lane_that_fails_is_told_and_named_to_those_who_may_know(stage: Stage) -> None:
    stage.app.context.service.lanes["read toko"].error = "The store does not answer."
    status, told = await health(stage)
    assert (status, told["status"], told["lanes_failing"], told["lanes"]) == (200, "degraded", 1, [])
    _status, told = await health(stage, **stage.bearer)
    assert told["lanes"] == [{"lane": "read toko", "error": "The store does not answer."}]


async def test_a_ledger_that_cannot_be_written_is_found_out_by_writing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DiskFull("The disk that holds the ledger is full.", "Free some space.")

    monkeypatch.setattr(stage.ledger.connections, "take_lane", full)
    status, told = await health(stage)
    assert (status, told["status"], told["ledger"]) == (503, "failing", "not writable")
    monkeypatch.undo()
    stage.clock.ahead = 6
    assert (await health(stage))[0] == 200


async def test_probes_are_not_a_load(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[object] = []
    monkeypatch.setattr(stage.ledger.connections, "take_lane", lambda *given: commits.append(given))
    now = stage.clock()
    stage.hub.clock = lambda: now
    for _ in range(20):
        assert (await health(stage))[0] == 200
    assert len(commits) == 1


async def figures(stage: Stage) -> dict[tuple[str, ...], float]:
    async with stage.http.get(f"{stage.url}/metrics", headers=stage.bearer) as answer:
        assert answer.status == 200
        text = await answer.text()
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_the_figures_are_those_of_the_ledger(stage: Stage) -> None:
    await stage.hub.desk(keep_orders, stage.ledger, [an_order(1), an_order(2)])
    assert await stage.hook(b"{}", {}) == 401
    stage.app.context.service.lanes["plan toko"].error = "x"
    told = await figures(stage)
    assert told[("selaras_records", "connection=toko", "kind=order", "status=waiting")] == 2
    assert told[("selaras_coverage_green", "connection=toko", "kind=order")] == 0
    assert told[("selaras_webhooks_total", "connection=toko", "outcome=refused")] == 1
    assert told[("selaras_lane_failing", "lane=plan toko")] == 1
    assert told[("selaras_lane_failing", "lane=read toko")] == 0
    assert told[("selaras_hints_pending", "connection=toko")] == 0


async def test_strangers_get_no_figures(stage: Stage) -> None:
    async with stage.http.get(f"{stage.url}/metrics") as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
