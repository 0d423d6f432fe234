"""What a person changes in the books is found, shown side by side, and never written over before a person decides."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from selaras.connectors.contract import Write
from selaras.ledger.errors import LedgerError
from selaras.ledger.values import Claimed, document_of
from selaras.sync.coverage import coverage
from selaras.sync.differences import DifferenceItem, differences, keep_books, restore
from selaras.sync.hand_edits import HandEdits
from selaras.sync.sweep import Sweep
from tests.sync.world import World, a_world

UPDATES = {"buku": frozenset({"sales_order", "invoice", "contact"})}


async def typed(world: World, kind: str, item: dict[str, Any], op: str = "update") -> None:
    body = {"kind": kind, "op": op, "items": [item]}
    answer = await world.post(f"{world.books.url}/sandbox/typist", body, world.books.admin)
    assert answer["results"][0]["ok"], answer


async def held(world: World, kind: str, number: str) -> Any:
    table = world.books.app.books.tables[kind]
    return table.rows[table.references[number][0]]


async def found(world: World, **more: Any) -> list[DifferenceItem]:
    return await world.hub.desk(lambda: differences(world.ledger, **more))


async def look(world: World) -> None:
    """The books' own cursor is read, late enough to be sure to see what was written."""
    await asyncio.sleep(0.45)
    world.service.wake("buku", "documents")
    await world.sync()


async def sweep(world: World) -> Any:
    await asyncio.sleep(0.45)
    return await Sweep(world.hub, world.hub.pairs[0], world.service.intakes["toko"]).run()


async def an_order(world: World) -> Any:
    await world.stock({"KAOS-M": 100, "TOPI": 100})
    made = await world.checkout(("KAOS-M", 2), method="transfer")
    await world.sync()
    await look(world)
    assert await found(world) == []
    return made


def more_pieces(pieces: int, price: int = 50_000) -> dict[str, Any]:
    line = {"code": "KAOS-M", "name": "Barang KAOS-M", "quantity": str(pieces), "unit_price": str(price)}
    return {"lines": [line], "total": str(pieces * price)}


async def keep(world: World, name: str, why: str = "agreed with the buyer") -> None:
    await world.hub.desk(lambda: keep_books(world.ledger, [name], why, world.hub.now(), "wati"))
    for lane in world.service.lanes.values():
        lane.wake()
    await world.sync()


async def write_again(world: World, name: str) -> None:
    await world.hub.desk(lambda: restore(world.ledger, [name], UPDATES, world.hub.now(), "wati"))
    for lane in world.service.lanes.values():
        lane.wake()
    await world.sync()


@pytest.mark.parametrize("way", ["cursor", "sweep"])
async def test_an_edit_is_found_and_shown_side_by_side(tmp_path: Path, way: str) -> None:
    async with a_world(tmp_path) as world:
        order = await an_order(world)
        row = await held(world, "sales_orders", order["number"])
        await typed(world, "sales_orders", {"id": row.id, **more_pieces(3), "date": "2026-01-09"})
        if way == "cursor":
            await look(world)
        else:
            swept = await sweep(world)
            assert {d.what for d in swept.differences} >= {"total"}
        (one,) = await found(world)
        assert (one.kind, one.order, one.what, one.state) == (
            "sales_order",
            order["number"],
            "edited_in_books",
            "open",
        )
        fields = {f.field: (f.wrote, f.books, f.store) for f in one.fields}
        assert fields["total"] == ("100000", "150000", "100000")
        assert fields["date"][1] == "2026-01-09"
        assert fields["lines[KAOS-M]"][1] == "3 × 50000 = 150000"
        assert set(fields) == {"total", "date", "lines[KAOS-M]"}
        report = await world.hub.desk(coverage, world.ledger)
        assert [(r.seen, r.blocked) for r in report.rows if r.kind == "order"] == [(1, 1)]
        # Looking again finds the same one, once.
        await look(world)
        await sweep(world)
        assert [d.posting for d in await found(world)] == [one.posting]


async def test_a_later_edit_in_the_store_is_not_written_over_it(tmp_path: Path) -> None:
    """Also where nobody has looked between the two: it is read before it is changed."""
    async with a_world(tmp_path) as world:
        order = await an_order(world)
        row = await held(world, "sales_orders", order["number"])
        await typed(world, "sales_orders", {"id": row.id, **more_pieces(7)})
        await world.act(order, "edit", {"lines": [{"line_id": order["lines"][0]["id"], "quantity": 1}]})
        await world.sync()
        assert str((await held(world, "sales_orders", order["number"])).total) == "350000"
        (one,) = await found(world)
        assert one.waiting
        assert {f.field: (f.wrote, f.books, f.store) for f in one.fields}["total"] == ("100000", "350000", "50000")


async def test_kept_stays_and_later_changes_of_the_store_are_blocked(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await an_order(world)
        row = await held(world, "sales_orders", order["number"])
        await typed(world, "sales_orders", {"id": row.id, **more_pieces(3)})
        await look(world)
        with pytest.raises(LedgerError, match="reason"):
            await keep(world, order["number"], " ")
        await keep(world, order["number"])
        assert await found(world) == []
        (kept,) = await found(world, kept=True)
        assert (kept.state, kept.why, kept.by_whom) == ("kept", "agreed with the buyer", "wati")
        report = await world.hub.desk(coverage, world.ledger)
        assert [(r.posted, r.blocked) for r in report.rows if r.kind == "order"] == [(1, 0)]
        await sweep(world)
        assert await found(world) == [], "what was kept is no news"
        await world.act(order, "edit", {"lines": [{"line_id": order["lines"][0]["id"], "quantity": 1}]})
        await world.sync()
        assert str((await held(world, "sales_orders", order["number"])).total) == "150000"
        (cause,) = await world.hub.desk(world.ledger.coverage.causes)
        assert cause.cause == "kept_as_edited"
        assert "kept" in cause.message
        # After all ours: one more decision, and the store's newest version stands there.
        await write_again(world, order["number"])
        assert str((await held(world, "sales_orders", order["number"])).total) == "50000"
        await look(world)
        assert await found(world, kept=True) == []
        assert await world.hub.desk(world.ledger.coverage.causes) == []


async def test_restore_writes_ours_again_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await an_order(world)
        row = await held(world, "sales_orders", order["number"])
        await typed(world, "sales_orders", {"id": row.id, **more_pieces(3), "date": "2026-01-09"})
        await look(world)
        day = (await found(world))[0].fields[0].wrote
        await write_again(world, order["number"])
        again = await held(world, "sales_orders", order["number"])
        assert (str(again.total), again.id, again.date.isoformat()) == ("100000", row.id, day)
        await look(world)
        await sweep(world)
        assert await found(world, kept=True) == []
        report = await world.hub.desk(coverage, world.ledger)
        assert all(r.blocked == 0 for r in report.rows)


async def test_a_third_edit_between_decision_and_writing_is_not_written_over(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await an_order(world)
        row = await held(world, "sales_orders", order["number"])
        await typed(world, "sales_orders", {"id": row.id, **more_pieces(3)})
        await look(world)
        await world.service.stop()
        await world.hub.desk(lambda: restore(world.ledger, [order["number"]], UPDATES, world.hub.now(), "wati"))
        await typed(world, "sales_orders", {"id": row.id, **more_pieces(4)})
        await world.service.start()
        for lane in world.service.lanes.values():
            lane.wake()
        await world.sync()
        assert str((await held(world, "sales_orders", order["number"])).total) == "200000"
        (one,) = await found(world)
        assert {f.field: f.books for f in one.fields}["total"] == "200000"


async def test_who_puts_it_right_by_hand_closes_the_difference(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await an_order(world)
        row = await held(world, "sales_orders", order["number"])
        await typed(world, "sales_orders", {"id": row.id, **more_pieces(3)})
        await look(world)
        assert len(await found(world)) == 1
        await typed(world, "sales_orders", {"id": row.id, **more_pieces(2)})
        await look(world)
        assert await found(world) == []
        report = await world.hub.desk(coverage, world.ledger)
        assert [(r.posted, r.blocked) for r in report.rows if r.kind == "order"] == [(1, 0)]


async def test_a_price_moved_between_lines_is_found_though_the_total_is_the_same(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 100, "TOPI": 100})
        order = await world.checkout(("KAOS-M", 1), ("TOPI", 1), method="transfer")
        await world.sync()
        await look(world)
        row = await held(world, "sales_orders", order["number"])
        prices = {"KAOS-M": 40_000, "TOPI": 60_000}
        lines = [{"code": c, "name": c, "quantity": "1", "unit_price": str(p)} for c, p in prices.items()]
        await typed(world, "sales_orders", {"id": row.id, "lines": lines})
        await look(world)
        (one,) = await found(world)
        assert {f.field: (f.wrote, f.books) for f in one.fields} == {
            "lines[KAOS-M]": ("1 × 50000 = 50000", "1 × 40000 = 40000"),
            "lines[TOPI]": ("1 × 50000 = 50000", "1 × 60000 = 60000"),
        }


async def test_another_buyer_a_void_and_a_deletion(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 100})
        orders = [
            await world.checkout(("KAOS-M", 1), method="transfer", phone=f"0812-0000-000{i}", name=f"Pembeli {i}")
            for i in range(3)
        ]
        await world.sync()
        await look(world)
        rows = [await held(world, "sales_orders", one["number"]) for one in orders]
        await typed(world, "sales_orders", {"id": rows[0].id, "contact_id": rows[1].contact_id})
        await typed(world, "sales_orders", {"id": rows[1].id}, "void")
        await typed(world, "sales_orders", {"id": rows[2].id}, "delete")
        swept = await sweep(world)
        assert "missing" in {d.what for d in swept.differences}
        items = {one.order: one for one in await found(world)}
        assert [items[o["number"]].what for o in orders] == [
            "edited_in_books",
            "voided_in_books",
            "deleted_in_books",
        ]
        assert [f.field for f in items[orders[0]["number"]].fields] == ["contact"]
        for one in orders:
            await write_again(world, one["number"])
        truth = await world.truth()
        assert truth["sales"][orders[2]["number"]][0]["status"] == "open"
        assert truth["sales"][orders[1]["number"]][0]["status"] == "void"
        assert truth["sales"][orders[1]["number"] + "/2"][0]["status"] == "open", "a voided one gets a successor"
        assert (await held(world, "sales_orders", orders[0]["number"])).contact_id != rows[1].contact_id
        assert not truth["duplicates"]
        await look(world)
        await sweep(world)
        assert await found(world, kept=True) == []


async def test_our_own_changes_are_never_taken_for_anothers(tmp_path: Path) -> None:
    """Edits, payment, refund, cancellation, shipments: the books change because of us, and nothing is told."""
    async with a_world(tmp_path) as world:
        await world.stock({"KAOS-M": 100, "TOPI": 50})
        edited = await world.checkout(("KAOS-M", 2))
        off = await world.checkout(("TOPI", 1), phone="0813-1")
        back = await world.checkout(("KAOS-M", 1), ("TOPI", 2), phone="0813-2222-1111")
        await world.sync()
        await look(world)
        await world.act(edited, "edit", {"lines": [{"line_id": edited["lines"][0]["id"], "quantity": 3}]})
        await world.act(off, "pay", {"method": "qris", "reference": "Q1"})
        await world.act(back, "pay", {"method": "qris", "reference": "Q2"})
        await world.sync()
        await look(world)
        await world.act(edited, "shipments", {"courier": "JNE", "tracking": "JNE1"})
        await world.act(off, "cancel", {"reason": "buyer", "refund": True})
        await world.act(
            back, "refunds", {"lines": [{"line_id": back["lines"][0]["id"], "quantity": 1}], "restock": True}
        )
        await world.sync()
        await look(world)
        swept = await sweep(world)
        assert (await found(world), swept.differences) == ([], [])


async def test_what_books_let_nobody_change_is_not_promised(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await an_order(world)
        row = await held(world, "sales_orders", order["number"])
        await typed(world, "sales_orders", {"id": row.id, **more_pieces(3)})
        await look(world)
        with pytest.raises(LedgerError, match="lets nobody change"):
            await world.hub.desk(lambda: restore(world.ledger, [order["number"]], {}, world.hub.now(), "wati"))
        assert len(await found(world)) == 1, "and nothing was done by half"
        with pytest.raises(LedgerError, match="No difference"):
            await keep(world, "9999")


async def test_two_looks_at_once_do_not_forget_each_other_s_doubts(tmp_path: Path) -> None:
    """Before two changes go out side by side each document is read: what one look cannot say yet is still unsaid when
    the other one, which can, has come to its end."""
    async with a_world(tmp_path) as world:
        ready = []
        for pieces in (2, 1):
            await world.stock({"KAOS-M": 100, "TOPI": 100})
            order = await world.checkout(("KAOS-M", pieces), method="transfer")
            await world.sync()
            row, stream = await held(world, "sales_orders", order["number"]), f"toko:{order['id']}"
            (posting,) = (await world.hub.desk(world.ledger.postings.of_streams, "buku", [stream]))[stream]
            document = document_of(posting.document)
            assert document is not None
            claim = Claimed(
                posting.id, stream, posting.key, 2, posting.kind, "update", posting.reference, posting.document, "", 1,
                look=False, currency="IDR", total=posting.total, until=world.hub.now(),
            )  # fmt: skip
            ready.append((claim, Write(stream, document, row.id)))
            if pieces == 2:
                await typed(world, "sales_orders", {"id": row.id, **more_pieces(3)})
        edits = HandEdits(world.hub, "buku")
        edits.settle_time = 3600.0  # all of it was written a moment ago
        read, reached, opened = edits.read, asyncio.Event(), asyncio.Event()

        async def held_back(kind: str, ids: Sequence[str]) -> Any:
            answer = await read(kind, ids)
            if not reached.is_set():
                reached.set()
                await opened.wait()
            return answer

        edits.read = held_back  # type: ignore[method-assign]
        doubtful = asyncio.create_task(edits.before_change("sales_order", ready[:1]))
        await asyncio.wait_for(reached.wait(), 60)
        assert await edits.before_change("sales_order", ready[1:]) == ({}, set())
        opened.set()
        assert await doubtful == ({}, {ready[0][0].id})
