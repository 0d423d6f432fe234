"""Planning by example: each case is worked out by hand, in rupiah, with the documents an accountant would expect."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from selaras.model.document import CreditNote, DocumentLine, Invoice, Receipt, RefundPayment, SalesOrder
from selaras.model.order import Line, Order, Payment, Refund, Shipment
from selaras.model.product import Component
from selaras.rules.contacts import ContactMatch
from selaras.rules.plan_types import BankMatch, Plan, Policy
from selaras.rules.planning import plan_order
from selaras.rules.products import ProductMatch
from tests.rules.books_model import Books

PLACED = dt.datetime(2026, 3, 2, 2, 0, tzinfo=dt.UTC)
POLICY = Policy(default_account="1-10002", accounts={"qris": "1-10005"}, bank_methods=frozenset({"transfer"}))
CODES = {code: ProductMatch(code, "exact", code) for code in ("A", "B", "C", "GIFT")}
KNOWN = ContactMatch("use", "c-1")


def at(hours: float) -> dt.datetime:
    return PLACED + dt.timedelta(hours=hours)


def d(value: int | str) -> Decimal:
    return Decimal(value)


A = Line("1", "A", "Kaos", d(2), d(100_000))
B = Line("2", "B", "Topi", d(1), d(50_000))
SHIPPING = Line("3", "", "JNE", d(1), d(20_000), kind="shipping")


def order(*lines: Line, total: int | None = None, **more: Any) -> Order:
    made = Order("77", "1001", "IDR", d(0), PLACED, PLACED, lines=lines or (A, B, SHIPPING))
    made = msgspec.structs.replace(made, **more)
    return msgspec.structs.replace(made, total=made.computed_total() if total is None else d(total))


def paid(amount: int = 270_000, hours: float = 1, key: str = "p1", method: str = "card") -> Payment:
    return Payment(key, d(amount), at(hours), method)


def plan(
    one: Order,
    books: Books | None = None,
    policy: Policy = POLICY,
    contact: ContactMatch = KNOWN,
    bank: Sequence[BankMatch] = (),
) -> Plan:
    return plan_order(one, policy, contact, CODES, list(books.held.values()) if books else (), bank)


def book(*states: Order, policy: Policy = POLICY, bank: Sequence[BankMatch] = ()) -> Books:
    """Books after each of these states was planned and everything was sent."""
    books = Books()
    for state in states:
        books.apply(plan(state, books, policy, bank=bank))
        books.send(99)
    return books


def keys(made: Plan) -> list[tuple[str, str]]:
    return [(i.key, i.op) for i in made.intents]


def cause(made: Plan) -> str:
    assert made.problem is not None
    assert made.intents == ()
    assert made.problem.message
    assert made.problem.cure
    return made.problem.cause


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


# -- refunds -------------------------------------------------------------------------------------------------------


def test_a_partial_refund_of_goods() -> None:
    """Invoice 270,000; one of two shirts comes back for 100,000: receivable 170,000, stock A −2 +1, cash −100,000."""
    sold = order(payments=(paid(),))
    back = Refund("R1", d(100_000), at(9), (Line("r", "A", "Kaos", d(1), d(100_000)),), "kekecilan", True)
    books = book(sold)
    made = plan(msgspec.structs.replace(sold, refunds=(back,)), books)
    assert keys(made) == [("credit_note:R1", "create"), ("refund_payment:R1", "create")]
    note, payment = (i.document for i in made.intents)
    assert isinstance(note, CreditNote)
    assert isinstance(payment, RefundPayment)
    assert (note.reference, note.total, note.restock, note.invoice_id) == ("1001/RR1", d(100_000), True, "@invoice")
    assert (payment.total, payment.credit_note_id, payment.account) == (d(100_000), "@credit_note:R1", "1-10002")
    books.apply(made)
    effect = books.effect()
    assert (effect.billed, effect.received, effect.paid_back) == (d(170_000), d(270_000), d(100_000))
    assert effect.stock == (("A", d(-1)), ("B", d(-1)))


def test_a_refund_of_an_amount_only_lowers_the_tax_alike() -> None:
    """222,000 with 22,000 tax on top: 55,500 back is 50,000 net and 5,500 tax; no goods move."""
    taxed = Line("1", "A", "Kaos", d(2), d(100_000), tax=d(22_000), tax_rate=d("0.11"))
    sold = order(taxed, payments=(paid(222_000),), refunds=(Refund("R1", d(55_500), at(9), paid_back=False),))
    made = plan(sold)
    assert keys(made)[1:] == [("invoice", "create"), ("credit_note:R1", "create"), ("receipt:p1", "create")]
    note = next(i.document for i in made.intents if i.key == "credit_note:R1")
    assert isinstance(note, CreditNote)
    assert [(x.amount, x.tax, x.tax_rate) for x in note.lines] == [(d(50_000), d(5_500), d("0.11"))]
    assert (note.total, note.restock) == (d(55_500), False)


def test_a_refund_before_the_invoice_shrinks_the_sales_order() -> None:
    """Invoiced at shipment: B goes back first. The order shrinks to 220,000, the money goes back, B is never billed."""
    policy = msgspec.structs.replace(POLICY, invoice_at="shipment")
    sold = order(payments=(paid(),))
    back = Refund("R1", d(50_000), at(2), (Line("r", "B", "Topi", d(1), d(50_000)),), restock=True)
    refunded = msgspec.structs.replace(sold, refunds=(back,))
    books = book(sold, policy=policy)
    made = plan(refunded, books, policy)
    assert keys(made) == [("sales_order", "update"), ("refund_payment:R1", "create")]
    shrunk, payment = (i.document for i in made.intents)
    assert isinstance(shrunk, SalesOrder)
    assert isinstance(payment, RefundPayment)
    assert [(x.code, x.quantity) for x in shrunk.lines] == [("A", d(2)), ("", d(1))]
    assert (shrunk.total, payment.sales_order_id, payment.credit_note_id) == (d(220_000), "@sales_order", "")
    books.apply(made)
    books.send(99)
    shipped = msgspec.structs.replace(refunded, shipments=(Shipment("s", at(8)),))
    books.apply(plan(shipped, books, policy))
    assert books.effect().billed == 220_000
    assert books.effect().stock == (("A", d(-2)),)


def test_money_goes_back_only_once_it_has_come_in() -> None:
    # The store calls the order paid and has given 50,000 back; the bank shows the transfer a day later.
    back = Refund("9", d(50_000), at(3), reason="broken", paid_back=True, method="transfer")
    one = order(payments=(paid(method="transfer"),), refunds=(back,))
    books = book(one)
    assert not any(key.startswith("refund_payment") for key in books.held)
    assert any("once the money has come in" in reason for reason in plan(one).reasons)
    came = BankMatch("tx1", d(270_000), at(24).date(), "1-10002")
    assert ("refund_payment:9", "create") in keys(plan(one, books, bank=[came]))


def test_everything_refunded_before_the_invoice_voids_the_order() -> None:
    policy = msgspec.structs.replace(POLICY, invoice_at="shipment")
    sold = order(A, payments=(paid(200_000),))
    back = Refund("R1", d(200_000), at(2), (Line("r", "A", "Kaos", d(2), d(100_000)),))
    made = plan(msgspec.structs.replace(sold, refunds=(back,)), book(sold, policy=policy), policy)
    assert keys(made) == [("refund_payment:R1", "create"), ("sales_order", "void")]


def test_refunds_that_do_not_prove_themselves_are_asked() -> None:
    lines = (Line("r", "A", "Kaos", d(1), d(100_000)),)
    sold = order(payments=(paid(),))

    def refunded(*refunds: Refund) -> Plan:
        return plan(msgspec.structs.replace(sold, refunds=refunds))

    mismatch = refunded(Refund("R1", d(90_000), at(9), lines))
    assert cause(mismatch) == "refund_mismatch"
    assert mismatch.problem is not None
    assert dict(mismatch.problem.details)["difference"] == "10000"
    assert cause(refunded(Refund("R1", d(300_000), at(9)))) == "refund_exceeds_total"
    three = (Line("r", "A", "Kaos", d(3), d(100_000)),)
    assert cause(refunded(Refund("R1", d(300_000), at(9), three))) == "refund_exceeds_total"
    assert cause(refunded(Refund("R1", d(-5), at(9)))) == "refund_amount"


def test_a_booked_refund_that_vanished_failed_or_changed_is_asked() -> None:
    refund = Refund("R1", d(30_000), at(9))
    sold = order(payments=(paid(),))
    books = book(msgspec.structs.replace(sold, refunds=(refund,)))
    assert cause(plan(sold, books)) == "refund_vanished"
    failed = msgspec.structs.replace(refund, paid_back=False)
    assert cause(plan(msgspec.structs.replace(sold, refunds=(failed,)), books)) == "refund_vanished"
    grown = msgspec.structs.replace(refund, amount=d(50_000))
    assert cause(plan(msgspec.structs.replace(sold, refunds=(grown,)), books)) == "refund_changed"
    second = (refund, Refund("R2", d(20_000), at(10)))
    assert keys(plan(msgspec.structs.replace(sold, refunds=second), books)) == [
        ("credit_note:R2", "create"),
        ("refund_payment:R2", "create"),
    ]


# -- cancellations -------------------------------------------------------------------------------------------------


def test_cancelled_before_anything_was_posted_is_recorded_and_voided() -> None:
    gone = order(status="cancelled", cancelled_at=at(1))
    made = plan(gone)
    assert keys(made) == [("sales_order", "create"), ("sales_order", "void")]
    books = book(gone)
    assert plan(gone, books).intents == ()


def test_cancelled_after_the_invoice_credits_all_of_it_and_gives_the_money_back() -> None:
    sold = order(payments=(paid(),))
    made = plan(msgspec.structs.replace(sold, status="cancelled", cancelled_at=at(4)), book(sold))
    assert keys(made) == [("credit_note:cancel", "create"), ("refund_payment:cancel", "create")]
    note, payment = (i.document for i in made.intents)
    assert isinstance(note, CreditNote)
    assert isinstance(payment, RefundPayment)
    assert (note.reference, note.total, note.restock) == ("1001/C", d(270_000), True)
    assert (payment.total, payment.credit_note_id) == (d(270_000), "@credit_note:cancel")


def test_cancelled_after_shipment_does_not_restock() -> None:
    sold = order(payments=(paid(),), shipments=(Shipment("s", at(2)),))
    books = book(sold)
    books.apply(plan(msgspec.structs.replace(sold, status="cancelled", cancelled_at=at(4)), books))
    assert books.effect().billed == 0
    assert books.effect().stock == (("A", d(-2)), ("B", d(-1)))


def test_more_given_back_than_ever_paid_on_a_cancelled_order_is_asked() -> None:
    """200,000 went back of 100,000 paid: the refund and both amounts are named; corrected, it is booked by itself."""
    back = Refund("R1", d(200_000), at(3))
    sold = order(payments=(paid(100_000),), refunds=(back,), status="cancelled", cancelled_at=at(4))
    made = plan(sold)
    assert cause(made) == "refund_exceeds_paid"
    assert made.problem is not None
    assert made.problem.field == "refunds[R1].amount"
    assert dict(made.problem.details) == {"refund": "R1", "back": "200000", "paid": "100000", "currency": "IDR"}
    # Seen step by step it is asked too, whatever was posted before.
    books = book(msgspec.structs.replace(sold, status="open", cancelled_at=None))
    assert cause(plan(sold, books)) == "refund_exceeds_paid"
    right = msgspec.structs.replace(sold, refunds=(msgspec.structs.replace(back, amount=d(100_000)),))
    assert plan(right).problem is None
    # What the bank has shown is money too.
    bank = BankMatch("T1", d(100_000), at(2).date(), "1-1000")
    assert plan(sold, bank=(bank,)).problem is None


def test_cancelled_after_a_partial_refund_credits_only_the_rest() -> None:
    """270,000 − R1 100,000 (one shirt) → the cancellation credits 170,000 and gives 170,000 back."""
    back = Refund("R1", d(100_000), at(3), (Line("r", "A", "Kaos", d(1), d(100_000)),), restock=True)
    sold = order(payments=(paid(),), refunds=(back,))
    books = book(sold)
    made = plan(msgspec.structs.replace(sold, status="cancelled", cancelled_at=at(4)), books)
    assert [(i.key, getattr(i.document, "total", 0)) for i in made.intents] == [
        ("credit_note:cancel", d(170_000)),
        ("refund_payment:cancel", d(170_000)),
    ]
    books.apply(made)
    assert books.effect().stock == ()


def test_cancelled_without_an_invoice_voids_the_order_and_gives_the_money_back() -> None:
    policy = msgspec.structs.replace(POLICY, invoice_at="shipment")
    sold = order(payments=(paid(),))
    made = plan(
        msgspec.structs.replace(sold, status="cancelled", cancelled_at=at(4)), book(sold, policy=policy), policy
    )
    assert keys(made) == [("refund_payment:cancel", "create"), ("sales_order", "void")]
    payment = made.intents[0].document
    assert isinstance(payment, RefundPayment)
    assert (payment.sales_order_id, payment.total) == ("@sales_order", d(270_000))


def test_money_after_the_cancellation_is_kept_with_the_contact_and_not_given_back_unasked() -> None:
    gone = order(status="cancelled", cancelled_at=at(1))
    late = msgspec.structs.replace(gone, payments=(paid(hours=30),))
    made = plan(late, book(gone))
    assert keys(made) == [("receipt:p1", "create")]
    receipt = made.intents[0].document
    assert isinstance(receipt, Receipt)
    assert (receipt.sales_order_id, receipt.invoice_id, receipt.contact_id) == ("", "", "c-1")


def test_a_refund_that_the_store_tells_after_the_cancellation_is_not_paid_twice() -> None:
    sold = order(payments=(paid(),))
    gone = msgspec.structs.replace(sold, status="cancelled", cancelled_at=at(4))
    told = msgspec.structs.replace(gone, refunds=(Refund("R1", d(270_000), at(5)),))
    assert plan(told, book(sold, gone)).intents == ()


def test_open_again_after_the_void_is_a_new_sales_order_and_money_already_back_is_asked() -> None:
    gone = order(status="cancelled", cancelled_at=at(1))
    made = plan(order(), book(gone))
    assert keys(made) == [("sales_order:2", "create")]
    assert made.intents[0].document.reference == "1001/2"
    sold = order(payments=(paid(),))
    refunded = msgspec.structs.replace(sold, status="cancelled", cancelled_at=at(4))
    assert cause(plan(sold, book(sold, refunded))) == "reopened"


# -- edits and exchanges -------------------------------------------------------------------------------------------


def test_an_edit_before_the_invoice_amends_the_sales_order() -> None:
    more = msgspec.structs.replace(A, quantity=d(3))
    made = plan(order(more, B, SHIPPING), book(order()))
    assert keys(made) == [("sales_order", "update")]
    assert getattr(made.intents[0].document, "total", 0) == 370_000


def test_an_edit_of_an_unpaid_invoice_amends_it_where_the_policy_says_so() -> None:
    policy = msgspec.structs.replace(POLICY, invoice_at="order")
    more = order(msgspec.structs.replace(A, quantity=d(3)), B, SHIPPING)
    books = book(order(), policy=policy)
    made = plan(more, books, policy)
    assert keys(made) == [("invoice", "update")]
    always = msgspec.structs.replace(policy, on_edit="reverse")
    assert keys(plan(more, books, always)) == [("credit_note:reverse:1", "create"), ("invoice:2", "create")]


def test_an_edit_after_payment_reverses_the_invoice_and_issues_a_new_one() -> None:
    """270,000 paid; B is taken off (220,000): all 270,000 credited, 220,000 billed anew; stock A −2, B 0."""
    sold = order(payments=(paid(),))
    edited = order(A, SHIPPING, payments=(paid(),))
    books = book(sold)
    made = plan(edited, books)
    assert [(i.key, i.op, getattr(i.document, "total", 0)) for i in made.intents] == [
        ("credit_note:reverse:1", "create", d(270_000)),
        ("invoice:2", "create", d(220_000)),
    ]
    assert made.intents[1].document.reference == "1001/2"
    books.apply(made)
    assert books.effect().billed == 220_000
    assert books.effect().stock == (("A", d(-2)),)
    assert plan(edited, books).intents == ()


def test_a_paid_order_that_grows_is_invoiced_anew_once_the_rest_is_paid() -> None:
    sold = order(payments=(paid(),))
    books = book(sold)
    grown = order(A, B, SHIPPING, Line("4", "C", "Tas", d(1), d(30_000)), payments=(paid(),))
    made = plan(grown, books)
    assert keys(made) == [("credit_note:reverse:1", "create")]
    books.apply(made)
    books.send(99)
    settled = msgspec.structs.replace(grown, payments=(paid(), paid(30_000, 9, "p2")))
    made = plan(settled, books)
    assert keys(made) == [("invoice:2", "create"), ("receipt:p2", "create")]
    books.apply(made)
    assert books.effect().billed == 300_000


@pytest.mark.parametrize("style", ["kept", "dropped"])
def test_an_exchange_credits_what_came_back_and_bills_what_was_sent_instead(style: str) -> None:
    """B (50,000) comes back, C (80,000) is sent, 30,000 is paid: receivable 300,000, stock B 0, C −1.

    Stores tell it in two ways: B stays among the lines, or B is gone and only C is there.
    """
    sold = order(payments=(paid(),))
    books = book(sold)
    back = Refund("R1", d(50_000), at(9), (Line("r", "B", "Topi", d(1), d(50_000)),), restock=True, paid_back=False)
    instead = Line("4", "C", "Tas", d(1), d(80_000))
    lines = (A, B, SHIPPING, instead) if style == "kept" else (A, SHIPPING, instead)
    exchanged = order(*lines, payments=(paid(), paid(30_000, 10, "p2")), refunds=(back,))
    made = plan(exchanged, books)
    assert [(i.key, getattr(i.document, "total", 0)) for i in made.intents] == [
        ("invoice:2", d(80_000)),
        ("credit_note:R1", d(50_000)),
        ("receipt:p2", d(30_000)),
    ]
    note = made.intents[1].document
    assert isinstance(note, CreditNote)
    assert note.invoice_id == "@invoice"
    books.apply(made)
    assert books.effect().billed == 300_000
    assert books.effect().stock == (("A", d(-2)), ("C", d(-1)))
    once = book(exchanged)
    assert once.effect() == books.effect()


def test_an_edit_after_a_partial_refund_books_the_difference_only() -> None:
    """270,000 − 100,000 refunded; then C 30,000 is added: one more invoice of 30,000, nothing is reversed."""
    back = Refund("R1", d(100_000), at(3), (Line("r", "A", "Kaos", d(1), d(100_000)),), restock=True)
    sold = order(payments=(paid(),), refunds=(back,))
    extra = Line("4", "C", "Tas", d(1), d(30_000))
    more = order(A, B, SHIPPING, extra, payments=(paid(), paid(30_000, 8, "p2")), refunds=(back,))
    books = book(sold)
    made = plan(more, books)
    assert [(i.key, getattr(i.document, "total", 0)) for i in made.intents] == [
        ("invoice:2", d(30_000)),
        ("receipt:p2", d(30_000)),
    ]
    less = order(A, SHIPPING, payments=(paid(),), refunds=(back,))
    made = plan(less, books)
    assert [(i.key, getattr(i.document, "total", 0)) for i in made.intents] == [("credit_note:edit:1", d(50_000))]


# -- closed periods ------------------------------------------------------------------------------------------------


def closed(policy: str, until: dt.date = dt.date(2026, 3, 31)) -> Policy:
    return msgspec.structs.replace(POLICY, lock_policy=policy, closed_until=until)


def test_a_closed_period_takes_the_next_open_day_and_says_so() -> None:
    made = plan(order(), policy=closed("next_open_day"))
    document = made.intents[0].document
    assert isinstance(document, SalesOrder)
    assert document.date == dt.date(2026, 4, 1)
    assert "2026-03-02" in made.intents[0].reason


@pytest.mark.parametrize("policy", ["hold", "ask"])
def test_a_closed_period_is_held_or_asked(policy: str) -> None:
    assert cause(plan(order(), policy=closed(policy))) == "period_closed"


def test_closing_a_period_later_moves_nothing_that_stands() -> None:
    sold = order(payments=(paid(),))
    books = book(sold)
    assert plan(sold, books, closed("hold")).intents == ()
    edited = order(A, SHIPPING, payments=(paid(),))
    made = plan(edited, books, closed("next_open_day"))
    assert [getattr(i.document, "date", None) for i in made.intents] == [dt.date(2026, 4, 1)] * 2


def test_an_invoice_of_a_closed_period_is_reversed_and_not_amended() -> None:
    policy = msgspec.structs.replace(closed("next_open_day"), invoice_at="order")
    books = book(order(), policy=msgspec.structs.replace(POLICY, invoice_at="order"))
    made = plan(order(A, SHIPPING), books, policy)
    assert keys(made) == [("credit_note:reverse:1", "create"), ("invoice:2", "create")]


def test_what_waits_in_a_period_that_was_closed_meanwhile_is_dated_anew() -> None:
    books = Books()
    books.apply(plan(order(), books))
    made = plan(order(), books, closed("next_open_day"))
    assert keys(made) == [("sales_order", "create")]
    assert getattr(made.intents[0].document, "date", None) == dt.date(2026, 4, 1)


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
