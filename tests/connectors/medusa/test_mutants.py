"""Medusa connectors as they are really written, with one mistake each, over the real Medusa: each is found out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from selaras.connectors.contract import Changes
from selaras.connectors.kit import StoreContract
from selaras.connectors.kit.checks import drained
from selaras.connectors.medusa.walk import Position
from tests.connectors.kit_mutants import Mutant, mutant, remade
from tests.connectors.medusa.rig import MedusaRig, medusa_rig
from tests.peers.medusa import Server


class FloatMoney(Mutant):
    """JavaScript's numbers are read as they come, into floats."""

    async def changed(self, kind: str, cursor: str) -> Changes:
        changes = await self.inner.changed(kind, cursor)
        seen = [remade(row, total=float(row.record.total)) if kind == "order" else row for row in changes.seen]
        return Changes(seen, changes.cursor, changes.more)


class ByOrderTimeOnly(Mutant):
    """`updated_at` tells everything, they say; payments are never looked at."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        reader = self.inner._reader

        async def nothing(at: Position, bound: Any) -> tuple[list[str], int]:
            return [], -1

        reader._moved = nothing


@pytest.fixture
async def rig(medusa: Server) -> AsyncIterator[MedusaRig]:
    async with medusa_rig(medusa) as rig:
        yield rig


async def silent_money(rig: MedusaRig, connector: Any) -> None:
    """Money comes, a part goes back, and the rest after a return: each is seen by the poll, with no overlap to help."""
    connector._reader._overlap = 0.0
    (id,) = await rig.place_orders(1)
    # Placed an hour ago: nothing but its money is new.
    rig.server.sql("""UPDATE "order" SET updated_at = now() - interval '1 hour'""")
    _, cursor = await drained(connector, "order")
    total = (await rig.truth())[id].total
    await rig.pay(id, total)
    seen, cursor = await drained(connector, "order", cursor)
    assert [row.record.paid for row in seen if row.id == id] == [total]
    await rig.refund(id, Decimal(1_000))
    rig.server.sql("""UPDATE "order" SET updated_at = now() - interval '1 hour'""")
    seen, cursor = await drained(connector, "order", cursor)
    assert [row.record.refunded for row in seen if row.id == id] == [1_000]
    assert [row.id for row in (await drained(connector, "order", cursor))[0]] in ([], [id])


async def test_silent_money_is_polled(rig: MedusaRig) -> None:
    await silent_money(rig, await rig.connector())


async def test_the_time_of_the_order_is_not_enough(rig: MedusaRig) -> None:
    with pytest.raises(AssertionError):
        await silent_money(rig, mutant(ByOrderTimeOnly)(await rig.connector()))


async def test_float_money_is_found_by_the_kit(medusa: Server) -> None:
    async with medusa_rig(medusa, wrap=mutant(FloatMoney)) as rig:
        with pytest.raises(AssertionError, match="float"):
            await StoreContract().test_totals_are_exact_and_prove_themselves(rig)
