"""Faults fall where the seed says, and nowhere else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.sandbox.faults import Faults, FaultSettings

ALL = FaultSettings(
    fail_before=0.3, fail_after=0.3, drop_webhook=0.2, repeat_webhook=0.3, reorder_webhook=0.3, delay_webhook=0.5,
    half_batch=0.3, expire_tokens=0.1, throttle=0.2, slow=0.2,
)  # fmt: skip


def drawn(faults: Faults, requests: int) -> list[Any]:
    return [
        (
            faults.before(), faults.after(), faults.half_batch(100), faults.throttled(), faults.delay(),
            faults.token_expired(), faults.webhook(),
        )
        for _ in range(requests)
    ]  # fmt: skip


@given(st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_faults(seed: int) -> None:
    first, second = Faults(seed, ALL), Faults(seed, ALL)
    assert drawn(first, 50) == drawn(second, 50)
    assert first.counts == second.counts


def test_another_seed_gives_other_faults() -> None:
    assert drawn(Faults(1, ALL), 50) != drawn(Faults(2, ALL), 50)


def test_switching_one_fault_on_does_not_move_another() -> None:
    alone = Faults(7, FaultSettings(fail_after=0.4))
    beside = Faults(7, FaultSettings(fail_after=0.4, fail_before=0.4, throttle=0.4))
    expected = [alone.after() for _ in range(200)]
    found = []
    for _ in range(200):
        beside.before()
        beside.throttled()
        found.append(beside.after())
    assert found == expected


def test_nothing_happens_while_all_switches_are_off() -> None:
    faults = Faults(3)
    for before, after, half, wait, delay, expired, fate in drawn(faults, 100):
        assert (before, after, half, wait, delay, expired) == (None, None, None, None, 0.0, False)
        assert (fate.copies, fate.delay, fate.hold) == (1, 0.0, False)
    assert faults.counts == {}


def test_counts_tell_what_was_injected() -> None:
    faults = Faults(5, ALL)
    rows = drawn(faults, 500)
    assert faults.counts["fail_before"] == sum(row[0] is not None for row in rows)
    assert faults.counts["half_batch"] == sum(row[2] is not None for row in rows)
    assert faults.counts["drop_webhook"] == sum(row[6].copies == 0 for row in rows)
    assert {row[0] for row in rows} == {None, "500", "503", "reset"}
    assert {row[1] for row in rows} == {None, "500", "504", "drop"}
    assert all(row[2] is None or 0 <= row[2] < 100 for row in rows)


def test_change_over_http() -> None:
    faults = Faults(1, key="k")
    assert faults.handle("GET", "wrong", b"")[0] == 403
    assert faults.handle("GET", "", b"")[0] == 403
    assert faults.handle("DELETE", "k", b"")[0] == 405
    status, body = faults.handle("POST", "k", b'{"slow": 1, "slow_seconds": 0.5, "seed": "again"}')
    assert status == 200
    assert msgspec.json.decode(body)["seed"] == "again"
    assert faults.delay() == 0.5
    assert faults.handle("POST", "k", b'{"fail_after": 0.1}')[0] == 200
    assert faults.settings.slow == 1, "what a change does not name stays"
    assert msgspec.json.decode(faults.handle("GET", "k", b"")[1])["counts"] == {"slow": 1}


@pytest.mark.parametrize(
    "body",
    [b"[", b"[]", b'{"slow": 2}', b'{"slow": -0.1}', b'{"slow": "much"}', b'{"fast": 1}', b'{"seed": 1.5}'],
)
def test_a_bad_change_is_refused_and_changes_nothing(body: bytes) -> None:
    faults = Faults(1, key="k")
    before = faults.report()
    status, answer = faults.handle("POST", "k", body)
    assert status == 422
    assert msgspec.json.decode(answer)["error"]
    assert faults.report() == before


def test_without_a_key_nobody_is_admin() -> None:
    assert not Faults(1).allowed("")
