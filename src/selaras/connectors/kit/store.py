"""The contract of a store: reading its orders without loss, hearing its webhooks, and writing stock into it."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from selaras.connectors.contract import Expired, Seen, Throttled
from selaras.connectors.kit.checks import check_page, check_seen, drained, latest
from selaras.connectors.kit.rigs import StoreRig
from selaras.connectors.kit.store_stock import StockContract
from selaras.connectors.kit.store_webhooks import WebhookContract
from selaras.model.order import Order

# Two whole pages and half of a third, for stores with small pages; enough to see ties on an edge for large ones.
MOST_ORDERS = 250


@contextmanager
def host_zone(zone: str) -> Iterator[None]:
    """The hub's machine is set to another zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


@pytest.mark.asyncio
class StoreContract(WebhookContract, StockContract):
    """Derive from it and supply the fixture `rig` (a `StoreRig`)."""

    async def test_it_says_what_it_is(self, rig: StoreRig) -> None:
        connector = await rig.connector()
        can = connector.capabilities
        assert "order" in can.sources
        assert can.page > 0
        assert can.batch > 0
        assert can.read_batch > 0
        assert can.timeout > 0
        assert can.updates <= can.targets
        before = await rig.truth()
        check = await connector.check()
        assert check.ok, [f for f in check.findings if not f.ok]
        assert check.currency == rig.currency
        assert check.zone == rig.zone
        ZoneInfo(check.zone)
        assert await rig.truth() == before

    # -- nothing is missed while paging ---------------------------------------------------------------------

    async def test_ties_at_the_edge_of_a_page(self, rig: StoreRig) -> None:
        """Trap 1: more orders of one second than a page holds, in an order of their own in every answer."""
        connector = await rig.connector()
        page = connector.capabilities.page
        ids = await rig.place_orders(min(MOST_ORDERS, page * 2 + page // 2), same_second=True)
        seen, cursor = await drained(connector, "order")
        assert set(ids) <= {row.id for row in seen}
        again, _ = await drained(connector, "order", cursor)
        assert {row.id for row in again} <= set(ids)

    async def test_writes_while_paging(self, rig: StoreRig) -> None:
        """Trap 2: orders come and change while the pages are read; two rounds later the last state is known."""
        connector = await rig.connector()
        page = connector.capabilities.page
        ids = await rig.place_orders(min(MOST_ORDERS, page + page // 2))
        first = await connector.changed("order", "")
        check_page(first)
        read_already = [row.id for row in first.seen][:20]
        new = await rig.place_orders(5)
        await rig.modify(read_already)
        rest, cursor = await drained(connector, "order", first.cursor)
        more, _ = await drained(connector, "order", cursor)
        known = latest([*first.seen, *rest, *more])
        assert {*ids, *new} <= set(known)
        now = latest(await self._read_all(rig, list(known)))
        assert [i for i in known if known[i].record != now[i].record] == []

    async def test_a_cursor_has_no_blind_second(self, rig: StoreRig) -> None:
        """An order placed in the very second of the last poll, and one placed right after it, are both seen."""
        connector = await rig.connector()
        before = await rig.place_orders(2, same_second=True)
        _, cursor = await drained(connector, "order")
        after = await rig.place_orders(2, same_second=True)
        seen, cursor = await drained(connector, "order", cursor)
        assert set(after) <= {row.id for row in seen}
        await rig.modify(before)
        seen, _ = await drained(connector, "order", cursor)
        assert set(before) <= {row.id for row in seen}

    async def test_an_old_cursor_can_be_used_again(self, rig: StoreRig) -> None:
        """A page whose rows were not kept (the hub was killed) is simply asked for again."""
        connector = await rig.connector()
        ids = await rig.place_orders(5)
        first, _ = await drained(connector, "order", "")
        second, _ = await drained(await rig.connector(), "order", "")
        assert {row.id for row in first} == {row.id for row in second} == set(ids)

    @pytest.mark.parametrize(("zone", "skew"), [("UTC", 0.0), ("US/Pacific", 600.0), ("Asia/Jakarta", -600.0)])
    async def test_zones_and_clocks_do_not_matter(self, rig: StoreRig, zone: str, skew: float) -> None:
        """Trap 3: forty orders of the last six hours are forty, wherever the hub stands and whatever its clock says."""
        begin = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(hours=6)
        with host_zone(zone):
            connector = await rig.connector(clock_skew=skew)
            await rig.set_time(begin)
            _, cursor = await drained(connector, "order")
            ids: list[str] = []
            for turn in range(1, 41):
                await rig.set_time(begin + dt.timedelta(minutes=9 * turn))
                ids += await rig.place_orders(1)
            seen, _ = await drained(connector, "order", cursor)
            assert [row.id for row in seen if row.id in set(ids)] == ids
            truth = await rig.truth()
            shop = ZoneInfo(rig.zone)
            rows = latest(seen)
            for id in ids:
                order = rows[id].record
                assert isinstance(order, Order)
                assert order.placed_at == truth[id].placed_at
                assert order.placed_at.utcoffset() == dt.timedelta(0)
                assert rows[id].day == truth[id].placed_at.astimezone(shop).date()

    # -- money ----------------------------------------------------------------------------------------------

    async def test_totals_are_exact_and_prove_themselves(self, rig: StoreRig) -> None:
        """Trap 12: no float, no factor of a hundred, and the lines add up to the store's own total."""
        ids = await rig.place_orders(30)
        connector = await rig.connector()
        seen, _ = await drained(connector, "order")
        truth = await rig.truth()
        rows = latest(seen)
        for id in ids:
            row = rows[id]
            check_seen(row)
            order = row.record
            assert isinstance(order, Order)
            assert order.total == truth[id].total == row.total
            assert order.currency == truth[id].currency == row.currency
            assert order.number == truth[id].number == row.number
            assert order.computed_total() == order.total, f"order {order.number} does not add up"

    async def test_silent_money_is_visible_on_reading_again(self, rig: StoreRig) -> None:
        """Trap 8: payments and refunds that do not move the update time are in what `read` brings."""
        connector = await rig.connector()
        (id,) = await rig.place_orders(1)
        await drained(connector, "order")
        total = (await rig.truth())[id].total
        part = total // 2
        await rig.pay(id, total)
        await rig.refund(id, part)
        (row,) = await connector.read("order", [id])
        order = row.record
        assert isinstance(order, Order)
        assert order.paid == total
        assert order.refunded == part
        await rig.refund(id, total - part)
        (row,) = await connector.read("order", [id])
        assert isinstance(row.record, Order)
        assert [r.amount for r in row.record.refunds] == [part, total - part]
        assert len({r.id for r in row.record.refunds}) == 2

    # -- rows that are not there ----------------------------------------------------------------------------

    async def test_read_answers_in_order_and_names_what_is_gone(self, rig: StoreRig) -> None:
        connector = await rig.connector()
        a, b = await rig.place_orders(2)
        rows = await connector.read("order", [b, "999999999", a])
        assert [row.id for row in rows] == [b, "999999999", a]
        assert rows[1].record is None
        for row in (rows[0], rows[2]):
            assert row.record is not None
            assert row.record.id == row.id
            check_seen(row)
        assert await connector.read("order", []) == []

    async def test_drafts_are_no_orders(self, rig: StoreRig) -> None:
        """Trap 15: carts and drafts among the orders neither count nor stop the pages."""
        connector = await rig.connector()
        draft = await rig.draft()
        ids = await rig.place_orders(3)
        seen, _ = await drained(connector, "order")
        statuses = {row.id: getattr(row.record, "status", None) for row in seen}
        assert set(ids) <= set(statuses)
        assert statuses.get(draft) in (None, "draft")

    async def test_an_order_in_the_trash_is_told_as_gone(self, rig: StoreRig) -> None:
        connector = await rig.connector()
        kept, gone = await rig.place_orders(2)
        _, cursor = await drained(connector, "order")
        await rig.trash(gone)
        rows = latest(await connector.read("order", [kept, gone]))
        assert rows[kept].record is not None
        assert rows[gone].record is None or rows[gone].record.status == "cancelled"
        seen, _ = await drained(connector, "order", cursor)
        for row in seen:
            if row.id == gone:
                assert row.record is None or row.record.status == "cancelled"

    # -- trouble --------------------------------------------------------------------------------------------

    async def test_a_request_to_wait_is_passed_on(self, rig: StoreRig) -> None:
        connector = await rig.connector()
        await connector.changed("order", "")
        await rig.throttle(2.0)
        with pytest.raises(Throttled) as caught:
            await connector.changed("order", "")
        assert 1.0 <= caught.value.retry_after <= 3.0

    async def test_a_revoked_credential_is_expired_with_a_cure(self, rig: StoreRig) -> None:
        connector = await rig.connector()
        await rig.refuse_credentials()
        with pytest.raises(Expired) as caught:
            await connector.changed("order", "")
        assert caught.value.message
        assert caught.value.cure

    async def test_many_workers_share_one_connector(self, rig: StoreRig) -> None:
        connector = await rig.connector()
        ids = await rig.place_orders(10)
        rows = await asyncio.gather(*(connector.read("order", [id]) for id in ids * 2))
        assert [row.id for (row,) in rows] == ids * 2
        total = sum((row.total or Decimal(0) for (row,) in rows), Decimal(0))
        truth = await rig.truth()
        assert total == 2 * sum((truth[id].total for id in ids), Decimal(0))

    async def _read_all(self, rig: StoreRig, ids: list[str]) -> list[Seen]:
        connector = await rig.connector()
        step = connector.capabilities.read_batch
        rows: list[Seen] = []
        for start in range(0, len(ids), step):
            rows += await connector.read("order", ids[start : start + step])
        return rows
