"""Medusa's orders as orders of the model: recorded answers of a real store, and prices that nobody rounded."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.connectors.contract import BadSignature, Hint, Transient, Webhook
from selaras.connectors.kit.checks import check_seen
from selaras.connectors.medusa import hooks, walk
from selaras.connectors.medusa.client import parts
from selaras.connectors.medusa.goods import WireStock, product_seen, variant, version_of
from selaras.connectors.medusa.lines import Sums, whole
from selaras.connectors.medusa.mapping import order_of, order_seen, overpaid, sold
from selaras.connectors.medusa.refunds import Edit
from selaras.connectors.medusa.wire import WireChange, WireOrder
from selaras.connectors.signatures import hmac_of
from selaras.model.money import rounded
from selaras.model.order import Order

ANSWERS: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "answers.json").read_text(), parse_float=Decimal)
ZONE = ZoneInfo("Asia/Jakarta")
_encoder = msgspec.json.Encoder(decimal_format="number")


def raw(name: str, **changes: Any) -> bytes:
    return _encoder.encode({**ANSWERS[name], **changes})


def wire(name: str, **changes: Any) -> WireOrder:
    return msgspec.json.decode(raw(name, **changes), type=WireOrder)


def order(name: str, **changes: Any) -> Any:
    seen = order_seen(raw(name, **changes), (), ZONE)
    check_seen(seen)
    assert isinstance(seen.record, Order)
    return seen.record


def edits() -> list[Edit]:
    change = msgspec.json.decode(_encoder.encode(ANSWERS["edited down changes"][0]), type=WireChange)
    return [Edit(change, wire("edited down before"))]


def read(answer: Any, edits: Sequence[Edit] = ()) -> Any:
    """An order of an answer that was changed by hand."""
    return order_of(msgspec.json.decode(_encoder.encode(answer), type=WireOrder), edits)


RECORDED = [name for name in ANSWERS if "changes" not in name and "before" not in name]


@pytest.mark.parametrize("name", RECORDED)
def test_what_was_sold_is_what_medusa_says(name: str) -> None:
    """Its own total, with what came back and what was credited, is what the lines come to."""
    found = sold(wire(name))
    assert found.proven, (found.total, found.stated)
    made = order(name)
    assert bool(made.unreadable) == (name == "edited down")  # which wants the edit beside it
    assert made.computed_total() == made.total == rounded(found.total, "IDR")


def test_a_return_and_its_money_are_one_refund() -> None:
    """Rp 10.000 went back alone; a piece came back, and Rp 50.000 for it later."""
    made = order("returned")
    assert (made.total, made.paid, made.refunded, made.status) == (168_000, 168_000, 60_000, "open")
    alone, goods = made.refunds
    assert (alone.amount, alone.lines, alone.paid_back, alone.restock) == (10_000, (), True, False)
    assert (goods.amount, goods.paid_back, goods.restock) == (50_000, True, True)
    assert [(line.code, line.quantity, line.net("IDR")) for line in goods.lines] == [("A", 1, 50_000)]
    assert goods.id.startswith("return_")
    assert [shipment.tracking for shipment in made.shipments] == ["JNE1"]


def test_a_return_without_money_yet_lowers_the_claim_only() -> None:
    answer = json.loads(raw("returned"), parse_float=Decimal)
    payment = answer["payment_collections"][0]["payments"][0]
    payment["refunds"] = payment["refunds"][:1]
    goods = read(answer).refunds[1]
    assert (goods.amount, goods.paid_back) == (50_000, False)
    assert goods.restock


def test_a_return_that_is_paid_back_in_part_keeps_the_rest() -> None:
    answer = json.loads(raw("returned"), parse_float=Decimal)
    refund = answer["payment_collections"][0]["payments"][0]["refunds"][1]
    refund["amount"], refund["raw_amount"] = 45_000, {"value": "45000"}
    goods = read(answer).refunds[1]
    assert (goods.amount, goods.paid_back) == (45_000, True)
    assert sum(line.net("IDR") for line in goods.lines) == 45_000
    assert [line.kind for line in goods.lines] == ["product", "discount"]


def test_damaged_goods_are_credited_and_not_put_on_the_shelf() -> None:
    answer = json.loads(raw("returned"), parse_float=Decimal)
    item = answer["returns"][0]["items"][0]
    for name, count in (("received_quantity", 0), ("damaged_quantity", 1)):
        item[name], item[f"raw_{name}"] = count, {"value": str(count)}
    goods = read(answer).refunds[1]
    assert (goods.id.endswith("-damaged"), goods.restock, goods.amount) == (True, False, 50_000)


def test_a_cancelled_order_keeps_what_it_was_and_its_refund_is_the_cancellation_s() -> None:
    made = order("cancelled")
    assert (made.status, made.total, made.paid) == ("cancelled", 168_000, 168_000)
    (back,) = made.refunds
    assert made.cancelled_at is not None
    assert (back.amount, back.refunded_at >= made.cancelled_at) == (168_000, True)


def test_an_edit_of_a_paid_order_gives_goods_back() -> None:
    """Sold were two; the edit took one off after the money had come, and the money followed."""
    assert overpaid(wire("edited down"))
    made = read(ANSWERS["edited down"], edits())
    assert (made.total, made.paid, made.computed_total()) == (168_000, 168_000, 168_000)
    assert {line.code: line.quantity for line in made.lines if line.code} == {"A": 2, "B": 1}
    (back,) = made.refunds
    assert (back.amount, back.restock, back.paid_back) == (50_000, True, True)
    assert [(line.code, line.quantity) for line in back.lines] == [("A", 1)]


def test_money_that_nothing_explains_is_asked_about() -> None:
    made = read(ANSWERS["edited down"])
    assert "50000 IDR went back" in made.unreadable


def test_an_edit_before_the_money_is_simply_another_order() -> None:
    made = order("edited unpaid")
    assert (made.total, made.refunds, made.status) == (268_000, (), "pending")
    assert not overpaid(wire("edited unpaid"))
    assert {line.code: line.quantity for line in order("edited to zero").lines if line.code} == {"B": 1}


def test_a_promotion_in_fractions_comes_to_whole_rupiah() -> None:
    """193004.001: each line is rounded so that they come to the total, and so is the money."""
    made = order("two promotions")
    assert made.total == 193_004
    assert all(line.net("IDR") == line.net("IDR").to_integral_value() for line in made.lines)
    assert sum((line.discount for line in made.lines), Decimal(0)) == 24_996


def test_the_exact_text_goes_before_the_number() -> None:
    answer = json.loads(raw("promotion"), parse_float=Decimal)
    for item in answer["items"]:
        item["unit_price"] = Decimal("50000.000000001")
        for adjustment in item["adjustments"]:
            adjustment["amount"] = Decimal("1.5")
    again = read(answer)
    assert again.lines == order("promotion").lines


def test_a_total_that_the_lines_do_not_come_to_stays_so() -> None:
    """Promise 4: no line is invented; planning blocks the order and names the difference."""
    made = order("edited unpaid", total=268_500, raw_total={"value": "268500"})
    assert (made.total, made.computed_total()) == (268_500, 268_000)


def test_money_of_the_books_is_not_money_of_the_store() -> None:
    """What we captured because the books have the money is told as theirs, once."""
    answer = json.loads(raw("returned"), parse_float=Decimal)
    payment = answer["payment_collections"][0]["payments"][0]
    payment["refunds"], answer["returns"], answer["credit_lines"] = [], [], []
    entry = {"reference": "books:1", "amount": "168000", "currency": "IDR", "paid_at": "2026-11-21T00:00:00Z"}
    answer["metadata"] = {"selaras_payments": json.dumps([{**entry, "marked": [payment["id"]]}])}
    payments = read(answer).payments
    assert [(p.id, p.amount, p.origin) for p in payments] == [("books:1", 168_000, "books")]


def test_goods_without_tax_and_shipping_with_it_in_one_order() -> None:
    """Goods decide; shipping is restated, and the total stays."""
    answer = json.loads(raw("edited unpaid"), parse_float=Decimal)
    for item in answer["items"]:
        item["is_tax_inclusive"] = False
    answer["total"] = Decimal("295500")
    answer["raw_total"] = {"value": "295500"}
    made = read(answer)
    assert not made.tax_included
    assert made.computed_total() == made.total == 295_500


@pytest.mark.parametrize("body", [b'{"id": "order_1"}', b'{"id":"order_1","display_id":7,"total":"many"}'])
def test_a_row_that_cannot_be_read_is_counted_and_blocks_itself_only(body: bytes) -> None:
    seen = order_seen(body, (), ZONE)
    assert isinstance(seen.record, Order)
    assert seen.record.unreadable
    with pytest.raises(Transient):
        order_seen(b'{"nothing": 1}', (), ZONE)


# -- rounding ---------------------------------------------------------------------------------------------------------

amounts = st.decimals(min_value=0, max_value=10_000_000, places=6)


@given(st.lists(amounts, min_size=1, max_size=12))
def test_whole_units_come_to_the_rounded_sum(values: list[Decimal]) -> None:
    total = rounded(sum(values, Decimal(0)), "IDR")
    done = whole(values, total, "IDR")
    assert sum(done) == total
    assert all(abs(new - old) <= 1 for new, old in zip(done, values, strict=True))


@given(st.lists(amounts, max_size=12))
def test_amounts_that_follow_each_other_come_to_the_rounded_sum(values: list[Decimal]) -> None:
    sums = Sums("IDR")
    assert sum((sums.next(value) for value in values), Decimal(0)) == rounded(sum(values, Decimal(0)), "IDR")


# -- goods, hints, cursors --------------------------------------------------------------------------------------------


def test_a_variant_of_several_pieces_is_a_bundle() -> None:
    body = b"""{"id": "variant_1", "sku": "PAKET", "title": "Isi 6", "updated_at": "2026-01-02T03:04:05Z",
        "manage_inventory": true, "product": {"id": "prod_1", "title": "Kopi", "status": "draft"},
        "prices": [{"currency_code": "idr", "amount": 120000}],
        "inventory_items": [{"required_quantity": 6, "inventory": {"sku": "KOPI"}}]}"""
    record = product_seen(body, variant(body), ZONE, "IDR").record
    assert [(part.code, part.quantity) for part in record.components] == [("KOPI", 6)]
    assert (record.name, record.price, record.active) == ("Kopi - Isi 6", 120_000, False)


def test_the_version_of_a_level_is_its_pieces() -> None:
    body = b"""{"id": "iitem_1", "sku": "A", "updated_at": "2026-01-02T03:04:05Z", "location_levels": [{
        "location_id": "sloc_1", "updated_at": "2026-01-02T03:04:05Z", "stocked_quantity": 100,
        "reserved_quantity": 4}]}"""
    level = msgspec.json.decode(body, type=WireStock).level("")
    assert level is not None
    assert version_of(level) == "100/4"


def hook(body: bytes, *, secret: str = "rahasia", at: int = 1_800_000_000) -> Webhook:
    signature = hmac_of("rahasia", f"{at}.".encode() + body, encoding="hex")
    head = {hooks.TIME: str(at), hooks.SIGNATURE: signature}
    return Webhook(head, body, dt.datetime.fromtimestamp(1_800_000_000, dt.UTC))


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ('{"event":"order.placed","data":{"id":"order_1"}}', Hint("order", "order_1")),
        ('{"event":"payment.captured","order_id":"order_1","data":{"id":"pay_1"}}', Hint("order", "order_1")),
        ('{"event":"payment.refunded","data":{"id":"pay_1"}}', Hint("order", "")),
        ('{"event":"order.return_received","data":{"order_id":"order_1","return_id":"r"}}', Hint("order", "order_1")),
        ('{"event":"inventory.inventory-level.updated","data":{"id":"ilev_1"}}', Hint("stock", "")),
        ('{"event":"product.updated","data":{"id":"prod_1"}}', Hint("product", "")),
    ],
)
def test_hints(body: str, hint: Hint) -> None:
    assert hooks.hints(hook(body.encode()), "rahasia") == [hint]
    assert hooks.hints(hook(b"not json"), "rahasia") == []
    for wrong in (hook(body.encode(), at=1_800_000_301), hook(body.encode(), at=1_799_999_699)):
        with pytest.raises(BadSignature):
            hooks.hints(wrong, "rahasia")
    with pytest.raises(BadSignature):
        hooks.hints(hook(body.encode()), "")


def test_newest_first_is_read_until_it_is_old() -> None:
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    rows = [walk.Dated(str(n), now - dt.timedelta(minutes=n), b"") for n in range(100)]
    bound = now - dt.timedelta(minutes=30)
    wanted, offset = walk.newest(rows, 500, walk.Position(), bound)
    assert (len(wanted), offset) == (31, -1)
    assert walk.newest(rows, 500, walk.Position(), now - dt.timedelta(days=1)) == (rows, 90)
    assert walk.newest(rows, 100, walk.Position(), None) == (rows, -1)
    assert walk.newest([walk.Dated("x", None, b""), *rows[40:41]], 2, walk.Position(), bound)[0][0].id == "x"


def test_questions_stay_short() -> None:
    ids = [f"order_01M806AQD8MGA8B8K102K6F{n:03d}" for n in range(250)]
    asked = parts(ids)
    assert [id for part in asked for id in part] == ids
    assert max(map(len, asked)) <= 100
    assert len(asked) == 3
