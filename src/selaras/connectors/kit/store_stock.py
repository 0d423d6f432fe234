"""The contract of writing into a store: stock by compare-and-set, item by item, with the fate of each write known."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from selaras.connectors.contract import Ambiguous, Connector, Rejected, Stale, Throttled, Transient, Write
from selaras.connectors.kit.checks import check_seen, check_told, done, drained, failed
from selaras.connectors.kit.rigs import StoreRig
from selaras.model.document import StockLevel
from selaras.model.product import Stock


async def stock_rows(connector: Connector) -> dict[str, Stock]:
    """The store's stock by product code."""
    seen, _ = await drained(connector, "stock")
    rows: dict[str, Stock] = {}
    for row in seen:
        check_seen(row)
        assert isinstance(row.record, Stock)
        rows[row.record.code] = row.record
    return rows


def level(stock: Stock, available: int, turn: int = 1) -> Write:
    """The write that makes `available` pieces of a product available."""
    reference = f"kit-{stock.code}-{turn}"
    document = StockLevel(
        reference=reference,
        code=stock.code,
        product_id=stock.product_id,
        available=Decimal(available),
        version=stock.version,
    )
    return Write(key=reference, document=document, id=stock.product_id)


@pytest.mark.asyncio
class StockContract:
    """Part of `StoreContract`."""

    async def _ready(self, rig: StoreRig) -> tuple[Connector, list[str], dict[str, Stock]]:
        connector = await rig.connector()
        if "stock" not in connector.capabilities.targets:
            pytest.skip("the store's stock cannot be written")
        codes = await rig.products()
        return connector, codes, await stock_rows(connector)

    async def test_stock_is_read_and_written(self, rig: StoreRig) -> None:
        connector, codes, rows = await self._ready(rig)
        assert set(codes) <= set(rows)
        code = codes[0]
        assert rows[code].available == await rig.stock(code)
        (outcome,) = await connector.write("stock", "update", [level(rows[code], 17)])
        done(outcome)
        assert await rig.stock(code) == 17
        assert (await stock_rows(connector))[code].available == 17

    async def test_a_sale_between_reading_and_writing_is_not_overwritten(self, rig: StoreRig) -> None:
        """Trap 11: the version that was read is no longer the current one; the buyer's piece stays sold."""
        connector, codes, rows = await self._ready(rig)
        if not connector.capabilities.compare_and_set:
            pytest.skip("the store cannot make a stock write conditional")
        code = codes[0]
        done((await connector.write("stock", "update", [level(rows[code], 10)]))[0])
        old = (await stock_rows(connector))[code]
        await rig.sell(code, 1)
        assert await rig.stock(code) == 9
        (outcome,) = await connector.write("stock", "update", [level(old, 20, 2)])
        assert isinstance(failed(outcome).error, Stale)
        assert await rig.stock(code) == 9
        fresh = (await stock_rows(connector))[code]
        done((await connector.write("stock", "update", [level(fresh, 20, 3)]))[0])
        assert await rig.stock(code) == 20

    async def test_bad_items_of_a_batch_are_told_one_by_one(self, rig: StoreRig) -> None:
        """Trap 11: an answer of 200 with two items that failed is two failures, and the others are written."""
        connector, codes, rows = await self._ready(rig)
        good = [rows[code] for code in codes[:3]]
        bad = [Stock(code=f"NO-SUCH-{n}", on_hand=Decimal(0), product_id=f"99999{n}") for n in range(2)]
        mixed: Sequence[Stock] = [good[0], bad[0], good[1], bad[1], good[2]]
        if connector.capabilities.batch < len(mixed):
            pytest.skip("the store takes fewer items than that in one call")
        outcomes = await connector.write("stock", "update", [level(s, 40 + n) for n, s in enumerate(mixed)])
        assert len(outcomes) == len(mixed)
        for number, stock in enumerate(mixed):
            if stock in bad:
                refusal = failed(outcomes[number])
                assert isinstance(refusal.error, Rejected)
                check_told(refusal)
            else:
                done(outcomes[number])
                assert await rig.stock(stock.code) == 40 + number

    async def test_a_lost_answer_to_a_write_is_ambiguous(self, rig: StoreRig) -> None:
        """Trap 10: the store has done it and the answer is gone; nobody may take that for nothing or for success."""
        connector, codes, rows = await self._ready(rig)
        await rig.fail_after()
        with pytest.raises(Ambiguous):
            raise AssertionError(await connector.write("stock", "update", [level(rows[codes[0]], 23)]))
        await rig.calm()
        assert await rig.stock(codes[0]) == 23
        assert (await stock_rows(connector))[codes[0]].available == 23

    async def test_a_write_that_failed_before_is_not_told_as_done(self, rig: StoreRig) -> None:
        connector, codes, rows = await self._ready(rig)
        before = await rig.stock(codes[0])
        await rig.fail_before()
        with pytest.raises((Transient, Ambiguous)):
            raise AssertionError(await connector.write("stock", "update", [level(rows[codes[0]], 23)]))
        await rig.calm()
        assert await rig.stock(codes[0]) == before

    async def test_a_write_that_must_wait_has_not_happened(self, rig: StoreRig) -> None:
        connector, codes, rows = await self._ready(rig)
        before = await rig.stock(codes[0])
        await rig.throttle(2.0)
        with pytest.raises(Throttled):
            raise AssertionError(await connector.write("stock", "update", [level(rows[codes[0]], 23)]))
        await rig.calm()
        assert await rig.stock(codes[0]) == before

    async def test_writing_nothing_is_nothing(self, rig: StoreRig) -> None:
        connector, _, _ = await self._ready(rig)
        assert await connector.write("stock", "update", []) == []
