"""Real orders become orders of the model, exactly: every sample, and the oddities that the facts name."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from selaras.connectors.contract import Seen, Transient
from selaras.connectors.kit.checks import check_seen
from selaras.connectors.woocommerce.mapping import Reading, order_row, statuses_of
from selaras.model.money import EXPONENTS
from selaras.model.order import Line, Order
from selaras.model.party import Address
from tests.connectors.woocommerce.standin_json import DATA, real

JAKARTA = ZoneInfo("Asia/Jakarta")
READING = Reading(JAKARTA)
NAMES = sorted(path.name for path in DATA.glob("order-*.json"))
LISTS = ("orders-list.json", "orders-modified-after.json")


def seen_of(order: dict[str, Any], *refunds: dict[str, Any], reading: Reading = READING) -> Seen:
    row = order_row(json.dumps(order).encode(), [json.dumps(r).encode() for r in refunds], reading)
    assert row.key == order["id"]
    (seen,) = row.seen
    check_seen(seen)
    return seen


def read(order: dict[str, Any], *refunds: dict[str, Any], reading: Reading = READING) -> Order:
    record = seen_of(order, *refunds, reading=reading).record
    assert isinstance(record, Order)
    return record


def changed(name: str, change: Callable[[Any], object]) -> Any:
    order = copy.deepcopy(real(name))
    change(order)
    return order


def money(line: Line) -> tuple[str, Decimal, Decimal, Decimal, Decimal, Decimal]:
    return line.kind, line.quantity, line.unit_price, line.discount, line.tax, line.tax_rate


D = Decimal


@pytest.mark.parametrize("name", NAMES)
def test_every_real_order_proves_its_total(name: str) -> None:
    wire = real(name)
    order = read(wire)
    assert order.total == D(wire["total"])
    assert order.computed_total() == order.total
    assert order.tax_included is wire["prices_include_tax"]
    assert (order.id, order.number, order.currency) == (str(wire["id"]), wire["number"], "IDR")
    assert sum(line.tax for line in order.lines) == D(wire["total_tax"])
    goods = [line for line in order.lines if line.kind == "product"]
    assert [(g.code, g.quantity) for g in goods] == [(i["sku"], i["quantity"]) for i in wire["line_items"]]
    assert sum(g.discount for g in goods) >= 0
    assert order.channel == wire.get("created_via", "")


@pytest.mark.parametrize("name", LISTS)
def test_every_order_of_the_real_lists_proves_its_total(name: str) -> None:
    for wire in real(name):
        order = read(wire)
        assert order.computed_total() == order.total == D(wire["total"]), wire["id"]


def test_the_total_follows_taxes_where_total_tax_is_one_off() -> None:
    wire = real("order-total-off-by-one.json")
    assert [(i["total_tax"], i["taxes"][0]["total"]) for i in wire["line_items"]][2] == ("4537", "4538")
    order = read(wire)
    assert [money(line) for line in order.lines] == [
        ("product", D(1), D(72500), D(5000), D(7425), D("0.11")),
        ("product", D(1), D(235000), D(5000), D(25300), D("0.11")),
        ("product", D(3), D(18750), D(15000), D(4538), D("0.11")),
        ("shipping", D(1), D(35000), D(0), D(3850), D("0.11")),
    ]
    assert order.computed_total() == 414863


def test_prices_with_tax_are_those_that_the_buyer_saw() -> None:
    order = read(real("order-refund_partial-incl.json"))
    assert [money(line) for line in order.lines] == [
        ("product", D(5), D(98000), D(0), D(48559), D("0.11")),
        ("product", D(2), D(33333), D(0), D(6607), D("0.11")),
    ]
    assert order.tax_included


def test_the_float_price_is_never_looked_at() -> None:
    def spoil(order: Any) -> None:
        for item in order["line_items"]:
            item["price"] = 0.1

    assert read(changed("order-paid-excl.json", spoil)) == read(real("order-paid-excl.json"))


def test_a_coupon_is_inside_the_lines_already() -> None:
    order = read(real("order-paid-excl.json"))
    assert sum(line.discount for line in order.lines) == 25000
    assert {line.kind for line in order.lines} == {"product"}  # the free shipping is no line


def test_times_are_utc_and_the_day_is_the_shops() -> None:
    seen = seen_of(real("order-total-off-by-one.json"))
    assert isinstance(seen.record, Order)
    assert seen.record.placed_at == dt.datetime(2026, 11, 21, 18, 58, 53, tzinfo=dt.UTC) == seen.updated_at
    assert seen.day == dt.date(2026, 11, 22)


# -- people -----------------------------------------------------------------------------------------------------------


def test_a_buyer_and_a_guest() -> None:
    buyer = read(real("order-paid-excl.json")).buyer
    assert (buyer.name, buyer.email, buyer.phone, buyer.id) == (
        "Nu'man Saputra",
        "numan.saputra9@example.com",
        "6281200004465",
        "11",
    )
    assert buyer.address == Address("Jl. Pemuda No. 31-37", "Surabaya", "JI", "60271", "ID")
    assert read(real("order-cancelled-excl.json")).buyer.id == ""


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        ("Dian", "Dian", "Dian"),
        ("Sukarni", ".", "Sukarni"),
        ("Sukarni", "-", "Sukarni"),
        ("Sukarni", "", "Sukarni"),
        ("", "", "PT Sinar Abadi"),
        ("Ni Wayan", "Sri", "Ni Wayan Sri"),
        ("O&#039;Neil", "A &amp; B", "O'Neil A & B"),
    ],
)
def test_one_name_is_a_name(first: str, last: str, name: str) -> None:
    def rename(order: Any) -> None:
        for part in ("billing", "shipping"):
            order[part] |= {"first_name": first, "last_name": last}

    assert read(changed("order-paid-excl.json", rename)).buyer.name == name


# -- statuses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "meaning", "reason"),
    [
        ("pending", "pending", ""),
        ("on-hold", "pending", ""),
        ("processing", "open", ""),
        ("completed", "completed", ""),
        ("cancelled", "cancelled", ""),
        ("failed", "cancelled", "payment failed"),
        ("trash", "cancelled", "trashed"),
        ("wc-of-a-plugin", "open", ""),
    ],
)
def test_statuses(status: str, meaning: str, reason: str) -> None:
    order = read(changed("order-paid-excl.json", lambda o: o.update(status=status)))
    assert (order.status, order.cancel_reason) == (meaning, reason)


@pytest.mark.parametrize("status", ["checkout-draft", "auto-draft", "draft", "new"])
def test_a_checkout_that_was_begun_is_no_order(status: str) -> None:
    wire = changed("order-paid-excl.json", lambda o: o.update(status=status))
    assert order_row(json.dumps(wire).encode(), (), READING).seen == ()


def test_statuses_of_plugins_are_named_by_the_connection() -> None:
    statuses = statuses_of(" wc-shipped=completed, packed=open,failed=pending ")
    assert (statuses["shipped"], statuses["packed"], statuses["failed"]) == ("completed", "open", "pending")
    reading = Reading(JAKARTA, statuses)
    assert read(changed("order-paid-excl.json", lambda o: o.update(status="shipped")), reading=reading).status == (
        "completed"
    )
    with pytest.raises(ValueError, match="packed=gone"):
        statuses_of("packed=gone")


# -- payments ---------------------------------------------------------------------------------------------------------


def test_the_payment_that_the_store_knows() -> None:
    (payment,) = read(real("order-paid-excl.json")).payments
    assert (payment.id, payment.amount, payment.method) == ("1", D(1959149), "bacs")
    assert (payment.reference, payment.origin) == ("TRX910614987", "store")
    assert payment.paid_at == dt.datetime(2026, 11, 21, 18, 58, 57, tzinfo=dt.UTC)
    # The gateway's id is there before the money is.
    assert read(real("order-paid-incl.json")).payments == ()


def test_midtrans_order_ids_are_kept_for_its_settlements() -> None:
    suffixed = "100-wc-mdtrs-1763751537"
    meta = [
        {"id": 1, "key": "_mt_payment_transaction_id", "value": "9aed5972-5b6a-401e-894b-a32c91ed1a3a"},
        {"id": 2, "key": "_mt_suffixed_midtrans_order_id", "value": suffixed},
    ]
    wire = changed("order-paid-excl.json", lambda o: o.update(meta_data=meta, transaction_id=""))
    (payment,) = read(wire).payments
    assert payment.reference == f"9aed5972-5b6a-401e-894b-a32c91ed1a3a {suffixed}"


OURS = {
    "reference": "books:receipt:7",
    "amount": "1959149",
    "currency": "IDR",
    "paid_at": "2026-11-22T00:00:00Z",
    "method": "transfer",
}


@pytest.mark.parametrize(
    ("transaction", "amount", "marked", "expected"),
    [
        ("", "1959149", True, [("books", 1959149)]),  # our own mark
        ("TRX1", "1959149", True, [("books", 1959149)]),  # an id that came before the money
        ("", "1959149", False, [("books", 1959149)]),  # marked by hand: the same money
        ("", "1000000", False, [("store", 959149), ("books", 1000000)]),  # a part of it is ours
        ("TRX1", "1959149", False, [("store", 1959149), ("books", 1959149)]),  # paid twice, and both are seen
    ],
)
def test_money_of_the_books_is_not_the_stores(
    transaction: str, amount: str, marked: bool, expected: list[tuple[str, int]]
) -> None:
    value = json.dumps([OURS | {"amount": amount, "marked": marked}])
    meta = [{"id": 1, "key": "_selaras_payments", "value": value}]
    order = read(changed("order-paid-excl.json", lambda o: o.update(meta_data=meta, transaction_id=transaction)))
    assert [f"{p.origin} {p.amount}" for p in order.payments] == [f"{origin} {amount}" for origin, amount in expected]


def test_our_field_written_by_somebody_else_blocks_the_order_alone() -> None:
    meta = [{"id": 1, "key": "_selaras_payments", "value": "lunas"}]
    order = read(changed("order-paid-excl.json", lambda o: o.update(meta_data=meta)))
    assert order.unreadable


# -- parcels ----------------------------------------------------------------------------------------------------------


def shipped(meta: dict[str, Any], reading: Reading = READING) -> list[tuple[str, str, str, str]]:
    fields = [{"id": n, "key": key, "value": value} for n, (key, value) in enumerate(meta.items())]
    order = read(changed("order-paid-excl.json", lambda o: o.update(meta_data=fields)), reading=reading)
    return [(s.id, s.tracking, s.courier, s.shipped_at.isoformat()) for s in order.shipments]


def test_tracking_numbers_of_the_common_plugins() -> None:
    item = {
        "tracking_provider": "",
        "custom_tracking_provider": "JNE",
        "tracking_number": "JNE0012",
        "date_shipped": "1763776800",
        "tracking_id": "a1",
    }
    expected = [("a1", "JNE0012", "JNE", "2025-11-22T02:00:00+00:00")]
    assert shipped({"_wc_shipment_tracking_items": [item]}) == expected
    assert shipped({"_wc_shipment_tracking_items": {"0": item}}) == expected
    assert shipped({"_wc_shipment_tracking_items": json.dumps([item])}) == expected
    assert shipped({"_aftership_tracking_items": [{"slug": "sicepat", "tracking_number": "SC1"}]}) == [
        ("SC1", "SC1", "sicepat", "2026-11-21T18:58:57+00:00")
    ]
    assert shipped({"ywot_tracking_code": "TIKI9", "ywot_carrier_name": "TIKI"})[0][1:3] == ("TIKI9", "TIKI")
    assert shipped({"_resi": 123456}, Reading(JAKARTA, tracking=("_resi",)))[0][1:3] == ("123456", "")
    for empty in ("", [], None, "not json", [{"tracking_number": ""}], 7):
        assert shipped({"_wc_shipment_tracking_items": empty}) == []


def test_a_completed_order_was_sent() -> None:
    (parcel,) = read(real("order-completed-excl.json")).shipments
    assert (parcel.id, parcel.tracking) == ("completed", "")
    assert read(real("order-paid-excl.json")).shipments == ()


# -- rows that are not as they should be ------------------------------------------------------------------------------


def test_a_deleted_product_leaves_its_line_without_a_code() -> None:
    order = read(changed("order-paid-excl.json", lambda o: o["line_items"][0].update(sku=None, product_id=0)))
    assert (order.lines[0].code, order.lines[0].product_id) == ("", "")
    assert order.computed_total() == order.total


@pytest.mark.parametrize(
    "change",
    [
        lambda o: o.update(total="viel"),
        lambda o: o.update(total="NaN"),
        lambda o: o.update(line_items="none"),
        lambda o: o.update(date_created_gmt=None),
        lambda o: o["line_items"][0].update(quantity=None),
        lambda o: o["line_items"][0]["taxes"][0].update(total={}),
    ],
)
def test_a_poison_row_is_an_order_that_planning_refuses(change: Callable[[Any], object]) -> None:
    seen = seen_of(changed("order-paid-excl.json", change))
    assert isinstance(seen.record, Order)
    assert seen.record.unreadable
    assert (seen.record.currency, seen.record.lines, seen.total) == ("", (), None)
    assert seen.record.number == "100"


def test_a_text_that_is_not_utf8_is_named() -> None:
    raw = json.dumps(real("order-paid-excl.json")).encode().replace(b"Saputra", b"Saput\xffra")
    (seen,) = order_row(raw, (), READING).seen
    assert isinstance(seen.record, Order)
    assert "billing.last_name" in seen.record.unreadable
    assert seen.total == 1959149


def test_a_row_without_an_id_is_trouble() -> None:
    with pytest.raises(Transient):
        order_row(b'{"number":"1"}', (), READING)


def test_custom_numbers_codes_with_leading_zeros_and_own_tax_fields() -> None:
    def change(order: Any) -> None:
        order["number"] = "INV/2026/0007"
        order["line_items"][0]["sku"] = "0012"
        order["line_items"][0]["taxes"] = []  # a plugin that knows no rates

    order = read(changed("order-paid-excl.json", change))
    assert (order.id, order.number) == ("100", "INV/2026/0007")
    assert (order.lines[0].code, order.lines[0].tax) == ("0012", D(21057))
    assert order.computed_total() == order.total


def test_variations_have_their_own_code_and_id() -> None:
    order = read(
        changed(
            "order-paid-excl.json",
            lambda o: o["line_items"][0].update(product_id=32, variation_id=34, sku="RIG-KAOS-M"),
        )
    )
    assert (order.lines[0].code, order.lines[0].product_id) == ("RIG-KAOS-M", "34")


def test_a_fee_below_zero_is_a_discount_of_the_order() -> None:
    order = next(o for o in real("orders-list.json") if o["fee_lines"])
    fees = [line for line in read(order).lines if line.kind == "fee"]
    assert len(fees) == 1
    off = copy.deepcopy(order)
    fee = off["fee_lines"][0]
    fee |= {
        "total": "-" + fee["total"],
        "taxes": [{"id": 1, "total": "-" + (fee["taxes"] or [{"total": "0"}])[0]["total"]}],
    }
    line = next(line for line in read(off).lines if line.id == str(fee["id"]))
    assert (line.kind, line.quantity) == ("discount", D(1))
    assert line.unit_price < 0


def test_a_difference_that_rounding_cannot_explain_stays() -> None:
    order = read(changed("order-paid-excl.json", lambda o: o.update(total="1959150")))
    assert order.computed_total() == 1959149


def test_an_unknown_currency_is_left_to_planning() -> None:
    order = read(changed("order-paid-excl.json", lambda o: o.update(currency="XBT")))
    assert (order.currency, order.computed_total if order.currency in EXPONENTS else None) == ("XBT", None)
