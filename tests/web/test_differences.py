"""A document that a person changed in the books stands on the page of what is blocked, both sides beside each other."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import msgspec

from selaras.connectors.contract import Seen
from selaras.ledger.values import Link, NewPosting, NewRecord, RecordKey, State
from selaras.model.document import SalesOrder
from selaras.sync.hand_edits import HandEdits
from tests.web.stage import Stage, a_stage

DAY = dt.date(2026, 11, 1)
OURS = SalesOrder("1001", DAY, "IDR", Decimal(100_000), contact_id="con1", id="sor1", number="SO-1")
NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


async def edited(stage: Stage) -> None:
    """Ours was written, read back once, and then changed by hand to 150,000."""
    ledger, hub = stage.ledger, stage.hub
    key = RecordKey("toko", "order", "1")

    def write() -> None:
        ledger.records.keep(
            [NewRecord(key, "1001", "2026-11-01", "d", 0, 100_000, "IDR", b"{}", b"{}")], "poll", hub.now()
        )
        ledger.postings.plan(
            [
                NewPosting(
                    "buku", "toko:1", "sales_order", 1, "sales_order", "create", key, "1001", "d", OURS, "",
                    total=100_000, currency="IDR", state=State.DONE,
                )
            ],
            hub.now(),
        )  # fmt: skip
        ledger.postings.link(
            Link("buku", "toko:1", "sales_order", "sales_order", "sor1", "SO-1", "1001", 100_000, "IDR", 1),
            1,
            hub.now(),
        )
        ledger.records.planned(ledger.records.all("toko", "order"))
        edits = HandEdits(hub, "buku")
        for total in (100_000, 150_000):
            theirs = msgspec.structs.replace(OURS, total=Decimal(total))
            seen = Seen("sales_order", "sor1", theirs, b"", NOW, DAY, "SO-1", Decimal(total), "IDR")
            edits.compare("sales_order", [seen], hub.now())

    await hub.desk.write(write)


async def test_both_sides_are_shown_and_a_person_decides(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage:
        await edited(stage)
        await stage.set_up()
        _status, html = await stage.page("/blocked")
        assert "A person changed a document in the books" in html
        assert "<td>100000</td><td>150000</td><td>100000</td>" in html
        status, found = await stage.api("/differences")
        assert (status, [one["what"] for one in found]) == (200, ["edited_in_books"])
        answer = await stage.form("/blocked", why="agreed with the buyer")
        assert answer.status == 303
        assert (await stage.api("/differences"))[1] == []
        (kept,) = (await stage.api("/differences?kept=true"))[1]
        assert (kept["state"], kept["why"], kept["by_whom"]) == ("kept", "agreed with the buyer", "console")
        # These books let nobody change a document, so ours cannot be written again.
        status, problem = await stage.api("/differences/restore", {"names": ["1001"]})
        assert status == 422
        assert "lets nobody change" in problem["detail"]


async def test_nobody_decides_without_signing_in(tmp_path: Path) -> None:
    async with a_stage(tmp_path, open_read=True) as stage:
        await edited(stage)
        _status, html = await stage.page("/blocked")
        assert "150000" in html
        assert "/blocked/decide" not in html
        async with stage.http.post(f"{stage.url}/blocked/decide", data={"name": "#2", "act": "restore"}) as answer:
            assert answer.status in (401, 403)
