"""Kill -9 at seeded moments while store and books misbehave: nothing missing, nothing doubled, every balance right."""

from __future__ import annotations

import asyncio

import click
import pytest

from selaras.cli import chaos

ORDERS = 40
KILLS = 2


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """How soon the hub is back is what the command measures, on a machine that does nothing else."""
    for name in ("RECOVERY_SECONDS", "_QUIET_SECONDS"):
        monkeypatch.setattr(chaos, name, 600.0)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("seeds", [(1, 2, 3, 4), (5, 6, 7), (8, 9, 10)])
async def test_nothing_is_lost_or_doubled(seeds: tuple[int, ...]) -> None:
    """Each seed is a town of its own; most of its time it waits, so that several are played beside each other."""
    await asyncio.gather(*(played(seed) for seed in seeds))


async def played(seed: int) -> None:
    result = await chaos.one_seed(seed, ORDERS, KILLS, lambda text: None)
    print("seed", seed, result)
    assert result["ok"], result
    assert (result["missing"], result["duplicated"], result["out_of_order"]) == (0, 0, 0)
    assert result["orders"] == ORDERS
    assert result["kills"] == KILLS + 1


@pytest.mark.parametrize(("text", "seeds"), [("3", [3]), ("1-4", [1, 2, 3, 4]), (" 7-7 ", [7])])
def test_seeds(text: str, seeds: list[int]) -> None:
    assert chaos.seeds_of(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "4-1", "1-2-3", "-1"])
def test_what_is_no_seed_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        chaos.seeds_of(text)
