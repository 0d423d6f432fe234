"""From Vendure's answers, as a live 3.7.3 gave them (`data`), to the model."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.connectors.contract import Transient
from selaras.connectors.kit.checks import check_seen
from selaras.connectors.vendure.amounts import priced, shares, whole
from selaras.connectors.vendure.mapping import Reading, order_seen
from selaras.connectors.vendure.paid import Entry, entries_of, text_of
from selaras.connectors.vendure.wire import Scale, WireOrder, decoder
from selaras.model.money import rounded
from selaras.model.order import Order

DATA = Path(__file__).parent / "data"
ZONE = ZoneInfo("Asia/Jakarta")
IDR = Scale(2, True)
NET = Scale(2, False)
FREIGHT = Decimal(18_000)


def raw_of(name: str, **changes: Any) -> bytes:
    """A recorded answer, perhaps changed."""
    return json.dumps(json.loads((DATA / f"{name}.json").read_bytes()) | changes).encode()


def read(name: str, scale: Scale = IDR, **changes: Any) -> Order:
    """A recorded order as the model says it, proven."""
    seen = order_seen(raw_of(name, **changes), Reading(ZONE, scale))
    assert seen is not None
    check_seen(seen)
    order = seen.record
    assert isinstance(order, Order)
    assert not order.unreadable, order.unreadable
    assert order.computed_total() == order.total
    for refund in order.refunds:
        if refund.lines:
            tax = Decimal(0) if order.tax_included else sum((line.tax for line in refund.lines), Decimal(0))
            assert sum((line.net("IDR") for line in refund.lines), tax) == refund.amount
    return order


def goods(order: Order) -> list[tuple[str, int, Decimal]]:
    """(code, pieces, amount) of the goods."""
    return [(line.code, int(line.quantity), line.net("IDR")) for line in order.lines if line.kind == "product"]


def test_rupiah_are_written_in_hundredths() -> None:
    order = read("paid")
    assert order.total == 3 * 33_333 + FREIGHT
    assert goods(order) == [("KAOS-M", 2, Decimal(66_666)), ("TOPI", 1, Decimal(33_333))]
    (payment,) = order.payments
    assert (payment.amount, payment.method, payment.origin) == (order.total, "qris", "store")
    assert order.status == "open"
    assert order.buyer.phone.startswith("08121")
    assert order.buyer.address.city == "Bandung"


def test_prices_without_tax_and_odd_sen() -> None:
    """128,999.99 is what Vendure says; nobody can pay 99 sen, and the parts still come to the whole."""
    order = read("net", NET)
    assert order.total == 129_000
    assert not order.tax_included
    assert [line.tax_rate for line in order.lines] == [Decimal("0.11")] * 2
    assert order.payments[0].amount == order.total
    # The same order seen through a channel whose prices contain the tax.
    assert read("net", IDR).total == order.total


def test_authorised_is_not_received() -> None:
    order = read("authorised")
    assert (order.status, order.payments) == ("pending", ())


def test_a_cart_is_no_order() -> None:
    assert order_seen(raw_of("cart"), Reading(ZONE, IDR)) is None
    draft = raw_of("paid", state="ArrangingPayment")
    assert order_seen(draft, Reading(ZONE, IDR)) is None


def test_a_part_of_a_split_order_is_read_in_its_own_channel_only() -> None:
    part = raw_of("paid", type="Seller")
    assert order_seen(part, Reading(ZONE, IDR, main=True)) is None
    assert order_seen(part, Reading(ZONE, IDR, main=False)) is not None


def test_a_discount_on_the_whole_order_is_spread() -> None:
    order = read("coupon")
    assert order.total == rounded(4 * 33_333 * Decimal("0.93") + FREIGHT, "IDR")
    assert all(line.discount > 0 for line in order.lines if line.kind == "product")
    assert all(line.unit_price == 33_333 for line in order.lines if line.kind == "product")


def test_pieces_that_a_refund_paid_for_are_sold_and_come_back() -> None:
    order = read("returned")
    assert goods(order) == [("KAOS-M", 3, Decimal(99_999))]
    (refund,) = order.refunds
    assert refund.amount == 33_333
    assert refund.restock
    assert refund.paid_back
    assert [(line.code, int(line.quantity)) for line in refund.lines] == [("KAOS-M", 1)]


def test_a_part_of_the_price_was_kept() -> None:
    order = read("returned-partly-paid")
    (refund,) = order.refunds
    assert refund.amount == 30_000
    assert order.total == 3 * 33_333 + FREIGHT - 3_333  # what the piece was worth less, the buyer is still owed
    assert sum((line.net("IDR") for line in refund.lines), Decimal(0)) == 30_000


def test_money_alone_leaves_the_order_as_it_was() -> None:
    order = read("goodwill")
    assert order.total == 33_333 + FREIGHT
    (refund,) = order.refunds
    assert refund.amount == 5_000
    assert refund.lines == ()
    assert not refund.restock


def test_goods_that_stay_away_are_not_on_the_shelf() -> None:
    (refund,) = read("kept").refunds
    assert [(line.code, int(line.quantity)) for line in refund.lines] == [("KAOS-M", 1)]
    assert not refund.restock


def test_a_cancelled_order_is_as_it_was_placed() -> None:
    """Vendure sets it to nothing and forgets its coupon; what was paid tells what it came to."""
    order = read("cancelled")
    assert order.status == "cancelled"
    assert order.total == order.paid == order.refunded
    assert goods(order)[0][:2] == ("KAOS-M", 2)
    assert order.cancel_reason == "buyer"
    assert order.cancelled_at is not None
    assert order.refunds[0].lines == ()
    unpaid = read("cancelled-unpaid")
    assert (unpaid.status, unpaid.total, unpaid.payments) == ("cancelled", 33_333 + FREIGHT, ())


def test_edits() -> None:
    dearer = read("dearer")
    assert goods(dearer) == [("KAOS-M", 3, Decimal(99_999))]
    assert [p.amount for p in dearer.payments] == [66_666 + FREIGHT, 33_333]
    cheaper = read("cheaper")
    assert goods(cheaper) == [("KAOS-M", 3, Decimal(99_999))]
    (refund,) = cheaper.refunds
    assert refund.amount == 66_666
    assert refund.restock
    waits = read("waits-for-more")
    assert (waits.status, waits.total, waits.paid) == ("open", 66_666 + FREIGHT, 33_333 + FREIGHT)


def test_parcels() -> None:
    (parcel,) = read("shipped").shipments
    assert (parcel.tracking, parcel.courier) == ("JNE0001", "JNE")
    assert read("paid").shipments == ()


def test_a_refund_that_failed_is_none() -> None:
    payments = json.loads(raw_of("goodwill"))["payments"]
    payments[0]["refunds"][0]["state"] = "Failed"
    assert read("goodwill", payments=payments).refunds == ()
    payments[0]["refunds"][0]["state"] = "Pending"
    assert [r.paid_back for r in read("goodwill", payments=payments).refunds] == [False]


def test_our_note_tells_whose_money_it_is() -> None:
    """A payment that we settled is money of the books; a note that somebody wrote by hand is none of ours."""
    at = dt.datetime(2026, 11, 21, 8, 30, tzinfo=dt.UTC)
    entry = Entry("BNK/7-1", Decimal(117_999), "IDR", at, "BCA", ("1",))
    notes = [{"createdAt": "2026-11-21T09:00:00.000Z", "type": "ORDER_NOTE", "data": {"note": text}}
             for text in (text_of(entry), "Selaras: tolong dicek", text_of(entry))]  # fmt: skip
    order = read("paid", history={"items": notes})
    assert [(p.id, p.amount, p.origin, p.paid_at) for p in order.payments] == [
        ("BNK/7-1", Decimal(117_999), "books", at)
    ]
    other = read("paid", history={"items": [notes[1]]})
    assert [p.origin for p in other.payments] == ["store"]


@given(
    st.lists(st.text("ab1-/:.", min_size=1), max_size=3), st.integers(1, 10**12), st.sampled_from(["", "BCA VA", "a,b"])
)
def test_a_note_is_read_as_it_was_written(payments: list[str], amount: int, method: str) -> None:
    at = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    entry = Entry("R-1", Decimal(amount), "IDR", at, method, tuple(dict.fromkeys(payments)))
    note = {"createdAt": "2026-11-21T09:00:00.000Z", "type": "ORDER_NOTE", "data": {"note": text_of(entry)}}
    wire = decoder(WireOrder).decode(raw_of("paid", history={"items": [note]}))
    assert entries_of(wire) == [entry]


def test_an_order_that_cannot_be_read_says_so_and_holds_up_no_other() -> None:
    seen = order_seen(raw_of("paid", totalWithTax="viel"), Reading(ZONE, IDR))
    assert seen is not None
    assert "totalWithTax" in seen.record.unreadable
    assert seen.number == json.loads(raw_of("paid"))["code"]
    with pytest.raises(Transient):
        order_seen(b'{"nothing": 1}', Reading(ZONE, IDR))


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=12))
def test_parts_in_whole_rupiah_come_to_the_whole(sen: list[int]) -> None:
    parts = [Decimal(n) / 100 for n in sen]
    total = rounded(sum(parts, Decimal(0)), "IDR")
    made = whole(parts, total, "IDR")
    assert sum(made) == total
    assert all(abs(one - part) < 1 for one, part in zip(made, parts, strict=True))


@given(st.integers(1, 10**8), st.integers(1, 50), st.integers(0, 10**9))
def test_a_line_costs_what_it_costs(unit: int, quantity: int, after: int) -> None:
    price, discount = priced(Decimal(unit) / 100, Decimal(quantity), Decimal(after), "IDR")
    assert rounded(quantity * price - discount, "IDR") == after
    assert discount >= 0


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_shares_come_to_the_whole(total: int, weights: list[int]) -> None:
    made = shares(total, weights)
    assert sum(made) == (total if any(weights) else 0)
