"""Prices, values and errors of the Tryton connector, without a Tryton."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.connectors.contract import ConnectorError, LockedPeriod, Rejected
from selaras.connectors.tryton.chart import Books
from selaras.connectors.tryton.errors import Warned, raise_for, refusal, sentence
from selaras.connectors.tryton.mapping import KINDS, seen_of
from selaras.connectors.tryton.pricing import Precision, priced
from selaras.connectors.tryton.values import Number, decode, encode, instant, quantity, reference
from selaras.model.document import DocumentLine
from selaras.model.money import rounded

ANSWERS = Path(__file__).with_name("answers")
RUPIAH = Precision(Decimal(1), Decimal("0.0001"))
CENTS = Precision(Decimal("0.01"), Decimal("0.0001"))
RATES = (Decimal(0), Decimal("0.01"), Decimal("0.11"), Decimal("0.12"), Decimal("0.21"))


def answer(name: str) -> Any:
    """The body of a recorded answer."""
    return json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8"))["response"]["body"]


# -- prices ---------------------------------------------------------------------------------------------------------


def tryton(price: Decimal, pieces: Decimal, rate: Decimal, precision: Precision) -> tuple[Decimal, Decimal]:
    """Tryton's arithmetic, written down once more: amount and tax of a line."""
    return precision.amount(price * pieces), precision.amount(price * pieces * rate)


@given(
    pieces=st.integers(1, 500),
    price=st.decimals(Decimal("0.01"), 9_999_999, places=2),
    off=st.decimals(0, 1, places=3),
    rate=st.sampled_from(RATES),
    included=st.booleans(),
    currency=st.sampled_from(("IDR", "USD")),
)
def test_amount_and_tax_come_out_as_the_store_rounded_them(
    pieces: int, price: Decimal, off: Decimal, rate: Decimal, included: bool, currency: str
) -> None:
    precision = RUPIAH if currency == "IDR" else CENTS
    discount = rounded(pieces * price * off, currency)
    amount = rounded(pieces * price - discount, currency)
    tax = rounded(amount * rate / (1 + rate) if included else amount * rate, currency)
    line = DocumentLine("A", "A", Decimal(pieces), price, amount, discount, tax, rate)
    (one,) = priced(line, included, precision)
    assert one.quantity == pieces
    net = amount - tax if included else amount
    # What rounding leaves open, as prices: an interval that four decimals can hit, or (a tie on both sides) a point.
    half = precision.money / 2
    low, high = net - half, net + half
    if rate:
        low, high = max(low, (tax - half) / rate), min(high, (tax + half) / rate)
    if high - low > pieces * 2 * precision.price:
        assert one.exact
        assert tryton(one.unit_price, one.quantity, one.rate, precision) == (net, tax)
    assert one.unit_price == one.unit_price.quantize(Decimal("0.0001"))
    assert (one.exact, one.amount, one.tax) == (
        tryton(one.unit_price, one.quantity, one.rate, precision) == (net, tax),
        *tryton(one.unit_price, one.quantity, one.rate, precision),
    )


def test_halves_that_tryton_would_round_to_the_even_number() -> None:
    line = DocumentLine("A", "A", Decimal(1), Decimal(150), Decimal(150), tax=Decimal(17), tax_rate=Decimal("0.11"))
    (one,) = priced(line, False, RUPIAH)
    assert one.exact
    assert Decimal(150) < one.unit_price < Decimal("150.5")


def test_a_tie_of_amount_and_tax_at_once_is_told_as_it_is() -> None:
    """42 with 12 % inside is 37 + 5 to a store that rounds half up; Tryton rounds 37.5 and 4.5 to the even 38 and 4."""
    line = DocumentLine("A", "A", Decimal(1), Decimal(42), Decimal(42), tax=Decimal(5), tax_rate=Decimal("0.12"))
    (one,) = priced(line, True, RUPIAH)
    assert not one.exact
    assert one.amount + one.tax == 42


def test_a_price_that_is_the_stores_own_stays_as_it_is() -> None:
    line = DocumentLine("A", "A", Decimal(3), Decimal("33333.4"), Decimal(100_000), tax_rate=Decimal(0))
    assert [one.unit_price for one in priced(line, False, RUPIAH)] == [Decimal("33333.4")]


def test_what_no_price_can_say_is_told_as_it_is() -> None:
    line = DocumentLine("A", "A", Decimal(1), Decimal(100), Decimal(100), tax=Decimal(15), tax_rate=Decimal("0.11"))
    (one,) = priced(line, False, RUPIAH)
    assert (one.exact, one.amount, one.tax) == (False, Decimal(100), Decimal(11))


def test_a_tax_over_several_rates_becomes_a_taxed_and_an_untaxed_part() -> None:
    line = DocumentLine("", "Refund", Decimal(1), Decimal(9009), Decimal(9009), tax=Decimal(500))
    taxed, free = priced(line, False, RUPIAH, Decimal("0.11"))
    assert (taxed.tax, free.tax, taxed.amount + free.amount) == (Decimal(500), Decimal(0), Decimal(9009))
    assert (taxed.rate, free.rate) == (Decimal("0.11"), Decimal(0))
    goods = msgspec.structs.replace(line, code="A", quantity=Decimal(2), amount=Decimal(4545))
    assert [one.quantity for one in priced(goods, False, RUPIAH, Decimal("0.11"))] == [Decimal(2)]


def test_a_discount_is_a_negative_price() -> None:
    line = DocumentLine("", "KODE", Decimal(1), Decimal(-1150), Decimal(-1150), tax=Decimal(-127),
                        tax_rate=Decimal("0.11"), role="discount")  # fmt: skip
    (one,) = priced(line, False, RUPIAH)
    assert (one.exact, one.quantity, one.amount, one.tax) == (True, Decimal(1), Decimal(-1150), Decimal(-127))


# -- values ---------------------------------------------------------------------------------------------------------


def test_values_survive_the_wire() -> None:
    value = {
        "money": Decimal("12345678901234567890.25"),
        "day": dt.date(2026, 2, 28),
        "at": dt.datetime(2026, 2, 28, 23, 59, 58, 7),  # noqa: DTZ001 -- as Tryton has it
        "list": [Decimal("0.0001"), None, True, "é “…”", 5],
        "nested": {"amount": Decimal("-1E+2")},
    }
    assert decode(encode(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9))
def test_quantities_are_exact_numbers(value: Decimal) -> None:
    sent = encode({"quantity": Number(value)})
    assert b"__class__" not in sent
    assert b"E" not in sent
    assert quantity(decode(sent)["quantity"]) == value


def test_nested_fields_have_one_name_on_both_wires() -> None:
    rpc = b'{"id": 1, "party": 7, "party.": {"id": 7, "name": "Budi"}, "lines.": [{"id": 3, "product.": null}]}'
    assert decode(rpc) == {"id": 1, "party": {"id": 7, "name": "Budi"}, "lines": [{"id": 3, "product": None}]}
    assert decode(b'{"account": 140, "account.": {"rec_name": "4-1"}}') == {"account": {"rec_name": "4-1", "id": 140}}


def test_references_and_stamps() -> None:
    assert reference("account.invoice,21", "account.invoice") == "21"
    assert reference("account.move,21", "account.invoice") == ""
    assert reference(None, "account.invoice") == ""
    made = dt.datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001
    assert instant({"create_date": made, "write_date": None}) == made.replace(tzinfo=dt.UTC)


# -- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("error_closed_period", LockedPeriod, "period_closed"),
        ("error_closed_period_invoice", LockedPeriod, "period_closed"),
        ("error_forbidden_user", Rejected, "no_rights"),
        ("error_duplicate", Rejected, "not_unique"),
        ("error_duplicate_product_code", Rejected, "not_unique"),
        ("error_delete_posted_invoice", Rejected, "wrong_state"),
        ("error_edit_posted_invoice", Rejected, "wrong_state"),
        ("error_bad_reference_id", Rejected, "not_found"),
        ("error_unbalanced_post", Rejected, "refused"),
        ("warning_rest_post_invoice_in_past", Rejected, "refused"),
    ],
)
def test_what_tryton_says_decides_what_it_is(name: str, kind: type[ConnectorError], code: str) -> None:
    error = refusal("invoice 1001", answer(name)["message"])
    assert type(error) is kind
    assert error.code == code
    assert error.cure
    assert error.message.startswith("invoice 1001: ")


def test_an_error_of_json_rpc_is_told_by_its_first_word() -> None:
    with pytest.raises(Rejected) as refused:
        raise_for(answer("jsonrpc_error_validation")["error"], "party.party.create")
    assert (refused.value.code, "must be unique" in refused.value.message) == ("not_unique", True)
    with pytest.raises(Warned) as warned:
        raise_for(answer("warning_jsonrpc_post_invoice_in_past")["error"], "account.invoice.post")
    assert warned.value.key == "9601eb2379ee3701cec28ab388a5f3c1.invoice_payment_term"
    for odd in (["'nama'", ""], [], "text", None, [["UserError"]], ["ConcurrencyException", ["x"]]):
        with pytest.raises(Rejected) as other:
            raise_for(odd, "sale.sale.write")
        assert other.value.cure


def test_a_sentence_is_one_line_of_bounded_length() -> None:
    assert sentence("1\xa0u  [KAOS]\n@ 1") == "1 u [KAOS] @ 1"
    assert len(sentence("x" * 5000)) == 400


# -- records --------------------------------------------------------------------------------------------------------


def test_a_recorded_contact(zone: Any) -> None:
    body = json.dumps(answer("contact_get")).encode()
    books = msgspec.convert({"currency": "IDR"}, type=dict[str, str])
    seen = seen_of("contact", decode(body), _books(**books), zone)
    contact = seen.record
    assert (contact.name, contact.email, contact.phone) == (
        "Pelanggan 01",
        "pelanggan01@example.test",
        "+6281200000001",
    )
    assert contact.reference == ""  # an identifier with a type is a tax number, not ours
    assert seen.updated_at == dt.datetime(2026, 11, 21, 19, 7, 29, 967644, tzinfo=dt.UTC)
    assert seen.raw
    assert not any("float" in str(type(value)) for value in (seen.total, contact.updated_at))


@pytest.fixture
def zone() -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo("Asia/Jakarta")


def _books(currency: str) -> Books:
    return Books(
        company_id=1, company_name="PT Contoh", currency=currency, currency_id=1, zone="Asia/Jakarta",
        tax_rounding="line", receivable_id=1, revenue_id=1, sales_journal_id=1, warehouse_id=1, warehouse_name="Gudang",
        storage_id=1, input_id=1, output_id=1, customer_id=1, currencies={currency: (1, Decimal(1))},
        taxes=(
            {"id": 1, "name": "PPN", "rate": Decimal("0.11"), "group": {"kind": "sale"}},
            {"id": 2, "name": "PPN Masukan", "rate": Decimal("0.11"), "group": {"kind": "purchase"}},
            {"id": 3, "name": "Bebas", "rate": Decimal("0.05"), "group": None},
        ),
        feeds=(), periods=(),
    )  # fmt: skip


def test_the_tax_of_a_rate_is_the_one_for_sales_or_the_one_that_was_named() -> None:
    books = _books("IDR")
    assert books.tax_of(Decimal("0.11"), {}) == 1
    assert books.tax_of(Decimal("0.05"), {}) == 3
    assert books.tax_of(Decimal("0.11"), {Decimal("0.11"): "PPN Masukan"}) == 2
    with pytest.raises(Rejected, match="no tax of 12 %"):
        books.tax_of(Decimal("0.12"), {})


def test_every_kind_that_is_read_names_its_stamps() -> None:
    for kind in KINDS.values():
        assert {"create_date", "write_date"} <= set(kind.fields)
