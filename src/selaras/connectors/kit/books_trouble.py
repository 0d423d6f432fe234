"""The contract of books when things go wrong: what may have happened is looked for, never guessed."""

from __future__ import annotations

import asyncio

import pytest

from selaras.connectors.contract import Ambiguous, ConnectorError, Done, Expired, Outcome, Throttled, Transient
from selaras.connectors.kit.checks import done, only
from selaras.connectors.kit.papers import Papers, write
from selaras.connectors.kit.rigs import BooksRig


@pytest.mark.asyncio
class BooksTroubleContract:
    """Part of `BooksContract`."""

    async def _visible(self, rig: BooksRig) -> None:
        """Wait until a document just written is found, by the connector's own word."""
        await asyncio.sleep((await rig.connector()).capabilities.visibility_lag)

    async def test_a_lost_answer_is_ambiguous_and_the_document_is_then_found(self, rig: BooksRig) -> None:
        """Timeout after commit: `find` sees the document once the declared lag has passed, and there is one."""
        connector = await rig.connector()
        papers = await Papers.of(rig, "lost")
        for number in range(4):  # the ways of losing an answer take turns
            order = papers.order(number)
            await rig.fail_after()
            with pytest.raises(Ambiguous):
                raise AssertionError(await connector.write("sales_order", "create", [write(order)]))
            await rig.calm()
            held = only(await rig.held("sales_order", order.reference), order.reference)
            assert held.total == order.total
        await self._visible(rig)
        for number in range(4):
            order = papers.order(number)
            held = only(await rig.held("sales_order", order.reference), order.reference)
            found = await connector.find("sales_order", [order.reference])
            assert list(found) == [order.reference]
            assert (found[order.reference].id, found[order.reference].total) == (held.id, order.total)

    async def test_the_declared_lag_is_honest(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        await rig.slow_search()
        papers = await Papers.of(rig, "lag")
        order = papers.order(1)
        made = done((await connector.write("sales_order", "create", [write(order)]))[0])
        await self._visible(rig)
        found = await connector.find("sales_order", [order.reference])
        assert order.reference in found, f"not found {connector.capabilities.visibility_lag} s after it was written"
        assert found[order.reference].id == made.id

    async def test_what_becomes_visible_late_is_not_missed_by_the_cursor(self, rig: BooksRig) -> None:
        """A document that lists show only after the lag lies behind the cursor by then."""
        connector = await rig.connector()
        if "sales_order" not in connector.capabilities.sources:
            pytest.skip("orders of these books are not read")
        await rig.slow_search()
        lag = connector.capabilities.visibility_lag
        papers = await Papers.of(rig, "late")
        cursor = ""
        seen: set[str] = set()
        ids: list[str] = []
        for number in range(4):
            ids.append(done((await connector.write("sales_order", "create", [write(papers.order(number))]))[0]).id)
            more = True
            while more:
                changes = await connector.changed("sales_order", cursor)
                seen |= {row.id for row in changes.seen}
                cursor, more = changes.cursor, changes.more
            await asyncio.sleep(lag / 3)
        await self._visible(rig)
        more = True
        while more:
            changes = await connector.changed("sales_order", cursor)
            seen |= {row.id for row in changes.seen}
            cursor, more = changes.cursor, changes.more
        assert set(ids) <= seen

    async def test_a_failure_before_the_effect_is_not_told_as_done(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        papers = await Papers.of(rig, "before")
        for number in range(4):
            order = papers.order(number)
            await rig.fail_before()
            with pytest.raises((Ambiguous, Transient, Throttled)):
                raise AssertionError(await connector.write("sales_order", "create", [write(order)]))
            await rig.calm()
            assert await rig.held("sales_order", order.reference) == []
            done((await connector.write("sales_order", "create", [write(order)]))[0])
            assert len(await rig.held("sales_order", order.reference)) == 1

    async def test_half_a_batch_is_found_item_by_item(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        size = min(connector.capabilities.batch, 10)
        if size < 2:
            pytest.skip("the books take one document in a call")
        papers = await Papers.of(rig, "half")
        documents = [papers.order(n) for n in range(size)]
        await rig.half_batch()
        with pytest.raises(Ambiguous):
            raise AssertionError(await connector.write("sales_order", "create", [write(d) for d in documents]))
        await rig.calm()
        await self._visible(rig)
        held = {d.reference for d in documents if await rig.held("sales_order", d.reference)}
        assert len(held) < size
        found: dict[str, object] = {}
        step = connector.capabilities.read_batch
        for start in range(0, size, step):
            asked = [d.reference for d in documents[start : start + step]]
            found |= await connector.find("sales_order", asked)
        assert set(found) == held

    async def test_trouble_while_reading_is_transient(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        await connector.find("sales_order", ["KIT-x"])
        await rig.fail_before()
        for _ in range(4):
            with pytest.raises((Transient, Throttled)):
                raise AssertionError(await connector.find("sales_order", ["KIT-x"]))
            with pytest.raises((Transient, Throttled)):
                raise AssertionError(await connector.read("contact", [await rig.contact_id()]))

    async def test_a_request_to_wait_is_passed_on_and_nothing_has_happened(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        papers = await Papers.of(rig, "wait")
        order = papers.order(1)
        await connector.find("sales_order", [order.reference])
        await rig.throttle(2.0)
        with pytest.raises(Throttled) as caught:
            raise AssertionError(await connector.write("sales_order", "create", [write(order)]))
        assert 1.0 <= caught.value.retry_after <= 3.0
        assert await rig.held("sales_order", order.reference) == []

    # -- credentials ----------------------------------------------------------------------------------------

    async def test_one_refresh_for_twenty_workers(self, rig: BooksRig) -> None:
        """All tokens expire at once under twenty workers of two connectors: one new token, no call fails."""
        connectors = [await rig.connector(), await rig.connector()]
        for connector in connectors:
            await connector.find("sales_order", ["KIT-x"])
        papers = await Papers.of(rig, "refresh")
        before = await rig.tokens_granted()
        await rig.expire_tokens()
        reads = [connectors[n % 2].find("sales_order", [f"KIT-{n}"]) for n in range(10)]
        writes = [connectors[n % 2].write("sales_order", "create", [write(papers.order(n))]) for n in range(10)]
        answers = await asyncio.gather(*reads, *writes, return_exceptions=True)
        assert [a for a in answers if isinstance(a, BaseException)] == []
        assert await rig.tokens_granted() - before == 1
        for number in range(10):
            assert len(await rig.held("sales_order", papers.name(number))) == 1

    async def test_tokens_can_expire_again_and_again(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        for _ in range(3):
            await rig.expire_tokens()
            assert await connector.find("sales_order", ["KIT-x"]) == {}

    async def test_a_revoked_grant_is_expired_with_a_cure(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        await connector.find("sales_order", ["KIT-x"])
        await rig.refuse_credentials()
        papers = await Papers.of(rig, "revoked")
        with pytest.raises(Expired) as caught:
            raise AssertionError(await connector.write("sales_order", "create", [write(papers.order(1))]))
        assert caught.value.message
        assert caught.value.cure
        assert await rig.held("sales_order", papers.name(1)) == []

    async def test_only_the_few_kinds_of_error_come_out(self, rig: BooksRig) -> None:
        """Whatever the other side does, what leaves the connector is a `ConnectorError` or an outcome."""
        connector = await rig.connector()
        papers = await Papers.of(rig, "kinds")
        for number, lever in enumerate((rig.fail_before, rig.fail_after, rig.half_batch)):
            await lever()
            error: BaseException | None = None
            outcome: Outcome | None = None
            try:
                (outcome,) = await connector.write("sales_order", "create", [write(papers.order(number))])
            except ConnectorError as caught:
                error = caught
            if isinstance(error, ConnectorError):
                assert error.message
                assert error.code
            elif isinstance(outcome, Done):
                assert await rig.held("sales_order", papers.name(number))
            await rig.calm()
