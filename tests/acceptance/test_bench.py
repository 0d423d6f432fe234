"""The benches measure what they say: everything durable, everything posted, nothing refused. No timing is asserted."""

from __future__ import annotations

from selaras.cli import benches
from selaras.cli.bench import machine


async def test_every_accepted_webhook_survives_a_kill() -> None:
    measured = await benches.intake(400, 8)
    assert measured["ok"], measured
    assert (measured["durable"], measured["refused"]) == (400, 0)
    assert measured["per_second"] > 0
    assert measured["raw_commits_per_second"] > 0


async def test_every_order_is_posted_in_few_calls() -> None:
    measured = await benches.posting(300)
    assert measured["ok"], measured
    assert measured["documents"] == 1200
    assert measured["least_calls"] == 15
    assert measured["calls"] >= measured["least_calls"]
    assert (measured["missing"], measured["duplicated"]) == (0, 0)


async def test_connectors_read_and_write_everything_within_the_limit() -> None:
    measured = await benches.connectors(300)
    assert measured["ok"], measured
    assert measured["walk"]["records"] == measured["write"]["documents"] == 300
    assert measured["limit"]["refused"] == 0


def test_a_result_names_its_machine() -> None:
    facts = machine()
    assert facts["cores"] >= 1
    assert facts["python"].count(".") == 2
