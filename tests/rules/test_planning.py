"""Planning by example: each case is worked out by hand, in rupiah, with the documents an accountant would expect."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from selaras.model.document import CreditNote, DocumentLine, Invoice, Receipt, RefundPayment, SalesOrder
from selaras.model.order import Line, Payment, Refund, Shipment
from selaras.model.product import Component
from selaras.rules.contacts import ContactMatch
from selaras.rules.plan_types import BankMatch, Policy
from selaras.rules.planning import plan_order
from selaras.rules.products import ProductMatch
from tests.rules.books_model import Books
from tests.rules.plans import KNOWN, POLICY, A, at, book, cause, d, keys, order, paid, plan

# -- the ordinary order --------------------------------------------------------------------------------------------


def test_a_paid_order_becomes_a_sales_order_an_invoice_and_a_receipt() -> None:
    made = plan(order(payments=(paid(method="qris"),)))
    assert keys(made) == [("sales_order", "create"), ("invoice", "create"), ("receipt:p1", "create")]
    sales_order, invoice, receipt = (i.document for i in made.intents)
    assert isinstance(sales_order, SalesOrder)
    assert isinstance(invoice, Invoice)
    assert isinstance(receipt, Receipt)
    assert sales_order.reference == invoice.reference == "1001"
    assert sales_order.total == invoice.total == 270_000
    assert sales_order.lines == invoice.lines
    assert [(x.code, x.role, x.amount) for x in invoice.lines] == [
        ("A", "sales", d(200_000)),
        ("B", "sales", d(50_000)),
        ("", "shipping", d(20_000)),
    ]
    assert invoice.sales_order_id == "@sales_order"
    assert (receipt.reference, receipt.total, receipt.account) == ("1001/Pp1", d(270_000), "1-10005")
    assert (receipt.invoice_id, receipt.sales_order_id) == ("@invoice", "")
    assert [i.after for i in made.intents] == [(), ("@sales_order",), ("@invoice",)]
    assert all(i.reason for i in made.intents)


def test_a_new_buyer_is_a_symbol_until_the_contact_stands() -> None:
    made = plan(order(), contact=ContactMatch("create"))
    assert [i.after for i in made.intents] == [("@contact",)]
    books = Books()
    books.apply(made)
    books.send(99)
    # The contact stands meanwhile and is found: nothing of the order changes.
    assert plan(order(), books, contact=KNOWN).intents == ()
    later = plan(order(payments=(paid(),)), books, contact=ContactMatch("ask", candidates=("c-1", "c-2")))
    assert [getattr(i.document, "contact_id", "") for i in later.intents] == ["@contact", "@contact"]


@pytest.mark.parametrize(
    ("when", "events", "wanted"),
    [
        ("order", {}, True),
        ("payment", {}, False),
        ("payment", {"payments": (paid(269_999),)}, False),
        ("payment", {"payments": (paid(200_000), paid(70_000, 2, "p2"))}, True),
        ("shipment", {"payments": (paid(),)}, False),
        ("shipment", {"shipments": (Shipment("s", at(3)),)}, True),
    ],
)
def test_the_invoice_follows_the_policy(when: str, events: dict[str, Any], wanted: bool) -> None:
    made = plan(order(**events), policy=msgspec.structs.replace(POLICY, invoice_at=when))
    assert ("invoice" in [i.key for i in made.intents]) is wanted
    assert bool(made.reasons) is not wanted


def test_the_day_is_the_business_day() -> None:
    late = msgspec.structs.replace(order(), placed_at=dt.datetime(2026, 3, 31, 17, 30, tzinfo=dt.UTC))
    jakarta = plan(late).intents[0].document
    assert isinstance(jakarta, SalesOrder)
    assert jakarta.date == dt.date(2026, 4, 1)
    utc = plan(late, policy=msgspec.structs.replace(POLICY, zone="UTC")).intents[0].document
    assert isinstance(utc, SalesOrder)
    assert utc.date == dt.date(2026, 3, 31)


def test_tracking_reaches_the_sales_order_even_after_the_invoice() -> None:
    sold = order(payments=(paid(),))
    books = book(sold)
    sent = msgspec.structs.replace(sold, shipments=(Shipment("s1", at(5), "JP123", "J&T"),))
    made = plan(sent, books)
    assert keys(made) == [("sales_order", "update")]
    document = made.intents[0].document
    assert isinstance(document, SalesOrder)
    assert (document.tracking, document.courier, document.total) == ("JP123", "J&T", d(270_000))


def test_a_reference_prefix_keeps_two_stores_apart() -> None:
    made = plan(order(payments=(paid(),)), policy=msgspec.structs.replace(POLICY, reference_prefix="WEB-"))
    assert [i.document.reference for i in made.intents] == ["WEB-1001", "WEB-1001", "WEB-1001/Pp1"]


# -- money in ------------------------------------------------------------------------------------------------------


def test_the_stores_word_for_a_bank_transfer_is_not_booked() -> None:
    told = order(payments=(paid(method="transfer"),))
    assert keys(plan(told)) == [("sales_order", "create")]
    match = BankMatch("tx9", d(270_000), dt.date(2026, 3, 2), "1-10003")
    made = plan(told, book(told), bank=[match])
    assert keys(made) == [("invoice", "create"), ("receipt:bank:tx9", "create")]
    receipt = made.intents[1].document
    assert isinstance(receipt, Receipt)
    assert (receipt.account, receipt.bank_transaction_id, receipt.reference) == ("1-10003", "tx9", "1001/Btx9")


def test_a_payment_that_we_wrote_into_the_store_is_not_booked_again() -> None:
    match = BankMatch("tx9", d(270_000), dt.date(2026, 3, 2), "1-10003")
    books = book(order(), bank=[match])
    echo = order(payments=(Payment("w1", d(270_000), at(30), "transfer", "tx9", "books"),))
    assert plan(echo, books, bank=[match]).intents == ()
    assert plan(echo, books).intents == (), "a match that was booked stays money though it is not passed again"


def test_a_receipt_booked_by_hand_makes_the_order_due_without_a_second_receipt() -> None:
    echo = order(payments=(Payment("w1", d(270_000), at(30), "transfer", "journal", "books"),))
    assert keys(plan(echo)) == [("sales_order", "create"), ("invoice", "create")]


def test_overpayment_is_booked_as_it_came() -> None:
    made = plan(order(payments=(paid(300_000),)))
    receipt = made.intents[2].document
    assert isinstance(receipt, Receipt)
    assert receipt.total == 300_000


def test_a_booked_payment_that_vanished_or_changed_is_asked() -> None:
    books = book(order(payments=(paid(),)))
    assert cause(plan(order(), books)) == "payment_vanished"
    assert cause(plan(order(payments=(paid(250_000),)), books)) == "payment_changed"


def test_a_payment_that_vanished_before_it_was_sent_is_withdrawn() -> None:
    books = Books()
    books.apply(plan(order(payments=(paid(),)), books))
    made = plan(order(), books)
    assert [(i.key, i.op, i.withdraw) for i in made.intents] == [
        ("invoice", "void", True),
        ("receipt:p1", "void", True),
    ]
    books.apply(made)
    assert plan(order(), books).intents == ()
    back = plan(order(payments=(paid(),)), books)
    assert keys(back) == [("invoice", "create"), ("receipt:p1", "create")]


def test_a_way_of_paying_without_account_is_asked() -> None:
    bare = Policy(accounts={"qris": "1-10005"})
    assert cause(plan(order(payments=(paid(method="ovo"),)), policy=bare)) == "missing_mapping"
    assert plan(order(payments=(paid(method="qris"),)), policy=bare).problem is None


# -- what is not a plain sale --------------------------------------------------------------------------------------


def test_a_draft_waits_and_goods_without_value_are_no_sale() -> None:
    draft = plan(order(status="draft"))
    assert draft.skip is not None
    assert draft.skip.cause == "draft"
    free = plan(order(Line("1", "A", "Kaos", d(1), d(0))))
    assert free.skip is not None
    assert free.skip.cause == "nothing_to_invoice"


def test_free_goods_inside_a_sale_stay_and_lower_stock() -> None:
    sold = order(A, Line("g", "GIFT", "Stiker", d(1), d(0)), payments=(paid(200_000),))
    assert book(sold).effect().stock == (("A", d(-2)), ("GIFT", d(-1)))


def test_a_discount_of_everything_is_invoiced_over_nothing_at_once() -> None:
    gift = order(A, Line("x", "", "Kupon", d(1), d(-200_000), kind="discount"))
    assert gift.total == 0
    made = plan(gift)
    assert keys(made) == [("sales_order", "create"), ("invoice", "create")]
    books = book(gift)
    books.apply(plan(msgspec.structs.replace(gift, status="cancelled", cancelled_at=at(1)), books))
    # Books take no credit note over nothing: the goods are billed and credited, and lie on the shelf again.
    assert books.effect().billed == 0
    assert books.effect().stock == ()


def test_a_return_without_a_sale_is_a_credit_note() -> None:
    lines = (Line("1", "A", "Kaos", d(-2), d(100_000)), Line("2", "", "Ongkir", d(-1), d(20_000), kind="shipping"))
    made = plan(order(*lines, kind="return", refunds=(Refund("R1", d(220_000), at(1), method="qris"),)))
    assert keys(made) == [("credit_note", "create"), ("refund_payment:R1", "create")]
    note, payment = (i.document for i in made.intents)
    assert isinstance(note, CreditNote)
    assert isinstance(payment, RefundPayment)
    assert (note.total, note.restock, note.invoice_id) == (d(220_000), True, "")
    assert [(x.code, x.quantity, x.amount) for x in note.lines] == [("A", d(2), d(200_000)), ("", d(1), d(20_000))]
    assert (payment.credit_note_id, payment.account) == ("@credit_note", "1-10005")
    cancelled = plan(order(*lines, status="cancelled"))
    assert cancelled.skip is not None


def test_problems_name_what_is_wrong() -> None:
    wrong = plan(order(total=271_000))
    assert cause(wrong) == "total_mismatch"
    assert wrong.problem is not None
    assert dict(wrong.problem.details)["difference"] == "-1000"
    assert "1001" in wrong.problem.message
    assert cause(plan(msgspec.structs.replace(order(), currency="XYZ"))) == "unknown_currency"
    unmatched = plan(order(A, Line("8", "Z1", "Zaitun", d(1), d(1)), Line("9", "Z2", "Zat", d(1), d(1))))
    assert cause(unmatched) == "unmatched_product"
    assert unmatched.problem is not None
    assert dict(unmatched.problem.details)["codes"] == "Z1, Z2"
    assert cause(plan(order(), contact=ContactMatch("ask", candidates=("c-1", "c-2")))) == "contact_tie"
    assert cause(plan(order(A, Line("9", "B", "Topi", d(1), d(-5))))) == "negative_line"
    assert cause(plan(order(A, Line("9", "B", "Topi", d(-9), d(50_000))))) == "negative_total"
    assert cause(plan(order(A, kind="adjustment"))) == "adjustment"
    no_fee = msgspec.structs.replace(POLICY, roles=frozenset({"sales"}))
    assert cause(plan(order(), policy=no_fee)) == "missing_mapping"
    assert cause(plan(order(payments=(paid(), paid())))) == "payment_twice"
    assert cause(plan(order(payments=(paid(0),)))) == "payment_amount"
    assert cause(plan(msgspec.structs.replace(order(), currency="USD"), book(order()))) == "currency_changed"


def test_a_negative_quantity_inside_a_sale_is_sent_as_it_is() -> None:
    made = plan(order(A, Line("9", "B", "Topi", d(-1), d(50_000))))
    document = made.intents[0].document
    assert isinstance(document, SalesOrder)
    assert [(x.code, x.quantity) for x in document.lines] == [("A", d(2)), ("B", d(-1))]
    assert document.total == 150_000


def test_a_bundle_unknown_to_the_books_is_a_priced_line_and_its_parts() -> None:
    parts = (Component("A", d(1)), Component("B", d(2)))
    codes = {"PAKET": ProductMatch("PAKET", "components", components=parts)}
    sold = order(Line("1", "PAKET", "Paket", d(3), d(90_000)), payments=(paid(),))
    made = plan_order(sold, POLICY, KNOWN, codes, ())
    invoice = made.intents[1].document
    assert isinstance(invoice, Invoice)
    assert [(x.code, x.quantity, x.amount) for x in invoice.lines] == [
        ("A", d(3), d(0)),
        ("B", d(6), d(0)),
        ("", d(3), d(270_000)),
    ]


def test_what_a_person_skipped_stays_skipped_until_it_changes() -> None:
    books = Books()
    sold = order(payments=(paid(),))
    books.apply(plan(sold, books))
    books.held["receipt:p1"] = msgspec.structs.replace(books.held["receipt:p1"], state="skipped")
    assert plan(sold, books).intents == ()


def test_a_blocked_document_is_planned_anew_when_it_changes() -> None:
    books = Books()
    books.apply(plan(order(), books))
    books.held["sales_order"] = msgspec.structs.replace(books.held["sales_order"], state="blocked")
    assert plan(order(), books).intents == ()
    assert keys(plan(order(A), books)) == [("sales_order", "create")]


def test_digests_do_not_depend_on_how_numbers_are_written() -> None:
    plain = plan(order(A)).intents[0].digest
    zeros = msgspec.structs.replace(A, quantity=d("2.00"), unit_price=d("100000.0"), discount=d("0.00"), name="KAOS")
    assert plan(order(zeros)).intents[0].digest == plain


def test_kuwaiti_dinars_have_three_decimals() -> None:
    fils = Line("1", "A", "Kaos", d(3), d("1.335"), discount=d("0.001"))
    sold = msgspec.structs.replace(order(fils), currency="KWD")
    sold = msgspec.structs.replace(sold, total=sold.computed_total())
    document = plan(sold).intents[0].document
    assert isinstance(document, SalesOrder)
    assert document.total == d("4.004")
    assert document.lines == (DocumentLine("A", "Kaos", d(3), d("1.335"), d("4.004"), d("0.001")),)
