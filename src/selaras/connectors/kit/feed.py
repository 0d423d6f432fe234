"""The contract of a feed of money that is only read: bank lines and payouts, each once, whatever overlaps or breaks."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import pytest

from selaras.connectors.contract import BadSignature, Expired, Rejected, Seen, Transient, Webhook
from selaras.connectors.kit.checks import check_page, check_seen, drained
from selaras.connectors.kit.rigs import Rig
from selaras.connectors.kit.store import host_zone

Told = tuple[dt.date, Decimal, str]


class FeedRig(Rig):
    """A feed under test. `kind` is what it tells of."""

    kind: str = "bank_transaction"
    zone: str = "Asia/Jakarta"
    currency: str = "IDR"

    async def truth(self) -> Sequence[Told]:
        """Everything that happened: day, total in major units and currency of each; equal ones as often as they are."""
        raise NotImplementedError

    async def happen(self, count: int, *, same_day: bool = False) -> None:
        """`count` more of them happen and can be read; some of them are equal, all of one day when asked."""
        raise NotImplementedError

    async def again(self) -> None:
        """The source tells everything that happened so far once more (an export that overlaps those before)."""
        self.cannot("again")

    async def spoilt(self) -> None:
        """The source tells something that cannot be taken."""
        self.cannot("spoilt")


@pytest.mark.asyncio
class FeedContract:
    """Derive from it and supply the fixture `rig` (a `FeedRig`)."""

    async def test_it_says_what_it_is(self, rig: FeedRig) -> None:
        await rig.happen(3)
        connector = await rig.connector()
        can = connector.capabilities
        assert can.sources == {rig.kind}
        assert not can.targets
        assert can.page > 0
        assert can.read_batch > 0
        check = await connector.check()
        assert check.ok, [f for f in check.findings if not f.ok]
        assert (check.currency, check.zone) == (rig.currency, rig.zone)
        assert len((await drained(connector, rig.kind))[0]) == 3  # the check took nothing away

    async def test_pages_of_one_day_lose_and_repeat_nothing(self, rig: FeedRig) -> None:
        connector = await rig.connector()
        await rig.happen(connector.capabilities.page * 2 + connector.capabilities.page // 2, same_day=True)
        seen, cursor = await drained(connector, rig.kind)
        await self._is_the_truth(rig, seen)
        assert (await drained(connector, rig.kind, cursor))[0] == []

    async def test_what_comes_after_a_poll_is_seen_by_the_next(self, rig: FeedRig) -> None:
        connector = await rig.connector()
        seen: list[Seen] = []
        cursor = ""
        for _ in range(4):
            await rig.happen(2, same_day=True)
            more, cursor = await drained(connector, rig.kind, cursor)
            assert len(more) == 2
            seen += more
        await self._is_the_truth(rig, seen)

    async def test_another_process_goes_on_in_the_middle(self, rig: FeedRig) -> None:
        """The hub is killed after a page was kept, and after one was not."""
        first = await rig.connector()
        await rig.happen(first.capabilities.page * 2)
        await rig.happen(first.capabilities.page // 2)
        page = await first.changed(rig.kind, "")
        check_page(page)
        assert page.more
        lost = await first.changed(rig.kind, page.cursor)
        second = await rig.connector()
        rest, _ = await drained(second, rig.kind, page.cursor)
        assert [row.id for row in lost.seen] == [row.id for row in rest[: len(lost.seen)]]
        await self._is_the_truth(rig, [*page.seen, *rest])
        everything, _ = await drained(await rig.connector(), rig.kind)
        assert [row.id for row in everything] == [row.id for row in (*page.seen, *rest)]

    async def test_what_is_told_again_is_not_new(self, rig: FeedRig) -> None:
        connector = await rig.connector()
        await rig.happen(5, same_day=True)
        seen, cursor = await drained(connector, rig.kind)
        await rig.again()
        more, cursor = await drained(connector, rig.kind, cursor)
        assert more == []
        await rig.happen(2, same_day=True)
        await rig.again()
        more, _ = await drained(connector, rig.kind, cursor)
        await self._is_the_truth(rig, [*seen, *more])
        await self._is_the_truth(rig, (await drained(await rig.connector(), rig.kind))[0])

    async def test_a_full_page_is_not_the_end(self, rig: FeedRig) -> None:
        """A page that is just full, then something that was told before, then something new."""
        connector = await rig.connector()
        await rig.happen(connector.capabilities.page)
        await rig.again()
        await rig.happen(2)
        await self._is_the_truth(rig, (await drained(connector, rig.kind))[0])

    async def test_read_answers_in_order_and_names_what_is_not_there(self, rig: FeedRig) -> None:
        connector = await rig.connector()
        await rig.happen(3)
        seen, _ = await drained(connector, rig.kind)
        a, b, c = (row.id for row in seen)
        rows = await (await rig.connector()).read(rig.kind, [c, "no-such-thing", a, b])
        assert [row.id for row in rows] == [c, "no-such-thing", a, b]
        assert rows[1].record is None
        assert [rows[2], rows[3], rows[0]] == seen
        assert await connector.read(rig.kind, []) == []

    async def test_what_cannot_be_taken_is_told_and_the_rest_goes_on(self, rig: FeedRig) -> None:
        connector = await rig.connector()
        await rig.happen(2)
        await rig.spoilt()
        await rig.happen(2)
        with pytest.raises(Rejected) as caught:
            await drained(connector, rig.kind)
        assert caught.value.message
        assert caught.value.cure
        await self._is_the_truth(rig, (await drained(connector, rig.kind))[0])
        assert not (await connector.check()).ok

    @pytest.mark.parametrize(("zone", "skew"), [("UTC", 0.0), ("US/Pacific", 600.0), ("Asia/Jakarta", -600.0)])
    async def test_zones_and_clocks_do_not_matter(self, rig: FeedRig, zone: str, skew: float) -> None:
        with host_zone(zone):
            await rig.happen(10)
            seen, _ = await drained(await rig.connector(clock_skew=skew), rig.kind)
            await self._is_the_truth(rig, seen)

    async def test_trouble_loses_nothing(self, rig: FeedRig) -> None:
        connector = await rig.connector()
        await rig.happen(2)
        seen, cursor = await drained(connector, rig.kind)
        await rig.happen(2)
        await rig.fail_before()
        with pytest.raises(Transient):
            await connector.changed(rig.kind, cursor)
        await rig.calm()
        more, _ = await drained(connector, rig.kind, cursor)
        await self._is_the_truth(rig, [*seen, *more])

    async def test_a_revoked_credential_is_expired_with_a_cure(self, rig: FeedRig) -> None:
        connector = await rig.connector()
        await rig.refuse_credentials()
        with pytest.raises(Expired) as caught:
            await connector.changed(rig.kind, "")
        assert caught.value.message
        assert caught.value.cure

    async def test_many_workers_share_one_connector(self, rig: FeedRig) -> None:
        connector = await rig.connector()
        await rig.happen(10)
        pages = await asyncio.gather(*(drained(connector, rig.kind) for _ in range(5)))
        for seen, _ in pages:
            await self._is_the_truth(rig, seen)

    async def test_nothing_can_be_written(self, rig: FeedRig) -> None:
        connector = await rig.connector()
        assert await connector.find(rig.kind, ["x"]) == {}
        with pytest.raises(Rejected):
            await connector.write(rig.kind, "create", [])
        with pytest.raises(ValueError, match="no order"):
            await connector.changed("order", "")
        if not connector.capabilities.webhooks:
            assert await connector.subscribe("https://hub.example/webhooks/x") == "none"
            with pytest.raises(BadSignature):
                connector.hints(Webhook({}, b"{}", dt.datetime.now(dt.UTC)))

    async def _is_the_truth(self, rig: FeedRig, seen: Sequence[Seen]) -> None:
        for row in seen:
            check_seen(row)
            assert row.record is not None
            assert row.record.id == row.id
        assert len({row.id for row in seen}) == len(seen)
        assert Counter((row.day, row.total, row.currency) for row in seen) == Counter(await rig.truth())
