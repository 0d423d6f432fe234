"""What becomes of each write, over real HTTP: refusals, taken references, lost answers, and looking before sending."""

from __future__ import annotations

import asyncio
import datetime as dt
from decimal import Decimal

import pytest

from selaras.connectors.contract import Ambiguous, Done, Expired, LockedPeriod, Rejected, Throttled, Transient
from selaras.model.document import ContactDraft, DocumentLine
from tests.connectors.sandbox_books.books import LINES, connected, done, failed, order, writes


async def test_items_fail_alone_and_say_what_to_do() -> None:
    async with connected() as (connector, client):
        await client.admin("close", {"closed_until": "2026-10-31"})
        odd = (DocumentLine("GONE", "?", Decimal(1), Decimal(33_300), Decimal(33_300)),)
        outcomes = await connector.write("sales_order", "create", writes(
            order("1"), order("2", date=dt.date(2026, 10, 31)), order("3", lines=odd), order("4", total=Decimal(1)),
            order("5", contact_id="nobody"), order("6")))  # fmt: skip
        assert [isinstance(outcome, Done) for outcome in outcomes] == [True, False, False, False, False, True]
        assert isinstance(failed(outcomes[1]), LockedPeriod)
        for outcome, code, field in zip(
            outcomes[1:5],
            ("period_locked", "unknown_product", "total_mismatch", "unknown_contact"),
            ("date", "lines[0].code", "total", "contact_id"),
            strict=True,
        ):
            error = failed(outcome)
            assert (error.code, error.field) == (code, field)
            assert error.cure
            assert error.message.startswith("sales_order ")


async def test_a_taken_reference_is_ours_if_the_total_is_ours() -> None:
    async with connected() as (connector, client):
        (first,) = await connector.write("sales_order", "create", writes(order("1")))
        other = order("1", lines=LINES[:1] * 2, total=Decimal(66_600))
        again, new, foreign = await connector.write("sales_order", "create", writes(order("1"), order("2"), other))
        assert done(again).id == done(first).id
        assert done(again).total == Decimal(33_300)
        assert isinstance(new, Done)
        error = failed(foreign)
        assert isinstance(error, Rejected)
        assert (error.code, error.field) == ("duplicate_reference", "reference")
        (contact,) = await connector.write("contact", "create", writes(ContactDraft("c1", "Sari")))
        (same,) = await connector.write("contact", "create", writes(ContactDraft("c1", "Sari")))
        assert done(same).id == done(contact).id
        assert (await client.truth("duplicates"))["duplicates"] == {}


async def test_a_taken_reference_that_cannot_be_read_is_in_doubt_and_the_others_are_not() -> None:
    async with connected() as (connector, client):
        await connector.write("sales_order", "create", writes(order("1")))
        books, get = client.server.app, client.server.app._get

        def broken(path: str, query: str) -> bytes:
            client.server.app._get = get  # type: ignore[method-assign]
            return b"[]"

        books._get = broken  # type: ignore[method-assign]
        taken, new = await connector.write("sales_order", "create", writes(order("1"), order("2")))
        assert isinstance(failed(taken), Ambiguous)
        assert isinstance(new, Done)


async def test_find() -> None:
    async with connected(unique_references=False) as (connector, _):
        first, _, third = await connector.write(
            "sales_order", "create", writes(order("a,b c"), order("a,b c"), order("x"))
        )
        found = await connector.find("sales_order", ["a,b c", "x", "nothing"])
        assert {name: one.id for name, one in found.items()} == {"a,b c": done(first).id, "x": done(third).id}
        assert (found["x"].total, found["x"].currency, found["x"].status) == (Decimal(33_300), "IDR", "open")
        assert await connector.find("invoice", ["x"]) == {}
        assert await connector.find("sales_order", []) == {}
        many = [f"WC-{n}" for n in range(100)]
        assert await connector.find("sales_order", many) == {}


async def test_what_is_lost_is_found_after_the_lag() -> None:
    async with connected() as (connector, client):
        client.pass_time(0)
        client.server.faults.set(fail_after=1, search_lag=0.3)
        with pytest.raises(Ambiguous):
            await connector.write("sales_order", "create", writes(order("1")))
        client.server.faults.set(fail_after=0)
        assert await connector.find("sales_order", ["1"]) == {}, "too early to look"
        client.pass_time(connector.capabilities.visibility_lag + 0.05)
        assert list(await connector.find("sales_order", ["1"])) == ["1"]


@pytest.mark.parametrize("fault", ["fail_before", "fail_after", "half_batch"])
async def test_trouble_in_a_write_is_ambiguous_and_is_not_sent_twice(fault: str) -> None:
    async with connected() as (connector, client):
        await connector.check()
        client.server.faults.set(**{fault: 1})
        for number in range(8):
            with pytest.raises(Ambiguous):
                await connector.write("sales_order", "create", writes(order(f"{number}a"), order(f"{number}b")))
        truth = await client.truth("calls,duplicates")
        assert truth["calls"]["by_path"]["POST /api/sales_orders/batch"] == 8
        assert truth["duplicates"] == {}


async def test_trouble_in_a_read_is_transient() -> None:
    async with connected() as (connector, client):
        await connector.check()
        client.server.faults.set(fail_before=1)
        for _ in range(6):
            with pytest.raises(Transient):
                await connector.changed("contact", "")


async def test_throttled() -> None:
    async with connected() as (connector, client):
        await connector.check()
        client.server.faults.set(throttle=1, throttle_seconds=2)
        with pytest.raises(Throttled) as caught:
            await connector.write("sales_order", "create", writes(order()))
        assert caught.value.retry_after == 2
        assert (await client.truth("counts"))["counts"]["sales_orders"] == 0


async def test_a_writer_that_looks_before_it_repeats_loses_and_doubles_nothing(seed: int) -> None:
    faults = {
        "fail_before": 0.15, "fail_after": 0.15, "half_batch": 0.15, "throttle": 0.1, "throttle_seconds": 0.01,
        "expire_tokens": 0.1, "search_lag": 0.05,
    }  # fmt: skip
    settings = {"visibility_lag": "0.08"}
    async with connected(settings, unique_references=False, seed=seed) as (connector, client):
        client.server.faults.set(**faults)
        todo, doubt = {str(n): order(str(n)) for n in range(300)}, set[str]()
        kept: dict[str, str] = {}
        wanted = {"fail_before", "fail_after", "half_batch"}
        placed = 300
        for _ in range(1000):
            if not todo:
                # The seed may have spared us a kind of trouble: go on until each has come.
                if (await client.truth("calls"))["faults"].keys() >= wanted:
                    break
                todo = {str(n): order(str(n)) for n in range(placed, placed + 20)}
                placed += 20
            batch = list(todo)[:20]
            try:
                looked = [name for name in batch if name in doubt]
                found = await connector.find("sales_order", looked)
                kept |= {name: one.id for name, one in found.items()}
                doubt.difference_update(looked)
                batch = [name for name in batch if name not in found]
                outcomes = await connector.write("sales_order", "create", writes(*(todo[name] for name in batch)))
                kept |= {name: done(outcome).id for name, outcome in zip(batch, outcomes, strict=True)}
            except Ambiguous:
                doubt.update(batch)
                await asyncio.sleep(connector.capabilities.visibility_lag)
            except Throttled as error:
                await asyncio.sleep(error.retry_after)
            except (Transient, Expired):
                await asyncio.sleep(0.01)
            for name in kept:
                todo.pop(name, None)
        truth = await client.truth()
        assert truth["faults"].keys() >= wanted, f"seed {seed}"
        assert truth["duplicates"] == {}, f"seed {seed}"
        assert set(truth["references"]["sales_orders"]) == set(kept) == {str(n) for n in range(placed)}, f"seed {seed}"
