"""Which receipts in the books are ours: a receipt whose answer never came is not taken for one booked by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

from selaras.connectors.contract import Seen
from selaras.ledger import Desk, open_ledger
from selaras.ledger.values import Link, NewPosting, RecordKey
from selaras.model.document import Receipt
from selaras.model.order import Order
from selaras.rules.plan_types import Policy
from selaras.sync.hub import Hub, Pair, order_stream
from selaras.sync.intake import as_new_record
from selaras.sync.payments import PaymentFlow
from tests.sync.target import Plain

NOW = dt.datetime(2018, 9, 13, 3, tzinfo=dt.UTC)
DAY = NOW.date()


async def test_a_receipt_of_ours_without_a_link_is_not_booked_by_hand(tmp_path: Path) -> None:
    desk = Desk(open_ledger(tmp_path, Plain()))
    hub = Hub(desk, {}, [Pair("store", "books", Policy())])
    ledger, stream = desk.ledger, order_stream("store", "7")
    order = Order("7", "1007", "IDR", Decimal(50_000), NOW, NOW)
    ours = Receipt("1007/P1", DAY, "IDR", Decimal(20_000), sales_order_id="so1")
    try:
        with ledger.transaction():
            records = [as_new_record("store", Seen("order", "7", order, b"{}", NOW, DAY, "1007", order.total, "IDR"))]
            ledger.records.keep(records, "poll", 1)
            link = Link("books", stream, "sales_order", "sales_order", "so1", "", "1007", None, "", 1)
            ledger.postings.link(link, 0, 1)
            posting = NewPosting(
                "books", stream, "receipt:1", 1, "receipt", "create", RecordKey("store", "order", "7"), ours.reference,
                "d", ours, "paid", total=20_000, currency="IDR",
            )  # fmt: skip
            ledger.postings.plan([posting], 1)
            for number, reference in (("r1", ours.reference), ("r2", "typed by Ibu Sri")):
                seen = Receipt(reference, DAY, "IDR", Decimal(20_000), sales_order_id="so1", id=number)
                read = Seen("receipt", number, seen, b"{}", NOW, DAY, number, seen.total, "IDR")
                ledger.records.keep([as_new_record("books", read)], "poll", 1)
        assert await PaymentFlow(hub, hub.pairs[0].books).by_hand() == 1
        (told,) = ledger.postings.of_streams("store", [stream])[stream]
        assert told.key == "store_payment:receipt:r2"
    finally:
        await desk.close()


async def test_none_of_many_receipts_is_left_for_a_turn_that_nobody_asks_for(tmp_path: Path) -> None:
    """The lane sleeps after it: what it leaves would lie there until other news comes."""
    desk = Desk(open_ledger(tmp_path, Plain()))
    hub = Hub(desk, {}, [Pair("store", "books", Policy())])
    ledger, many = desk.ledger, 1_001
    try:
        read = [
            Seen("receipt", str(n), Receipt(f"R{n}", DAY, "IDR", Decimal(5), sales_order_id="theirs", id=str(n)), b"{}",
                 NOW, DAY, str(n), Decimal(5), "IDR")
            for n in range(many)
        ]  # fmt: skip
        with ledger.transaction():
            ledger.records.keep([as_new_record("books", one) for one in read], "poll", 1)
        assert len(ledger.records.unplanned("books", "receipt", many)) == many
        assert await PaymentFlow(hub, hub.pairs[0].books).by_hand() == 0
        assert not ledger.records.unplanned("books", "receipt", many)
    finally:
        await desk.close()
