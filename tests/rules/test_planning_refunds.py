"""Planning what goes back, by example: refunds before and after the invoice, and cancellations."""

from __future__ import annotations

import msgspec

from selaras.model.document import CreditNote, Receipt, RefundPayment, SalesOrder
from selaras.model.order import Line, Refund, Shipment
from selaras.rules.plan_types import BankMatch, Plan
from tests.rules.plans import POLICY, A, at, book, cause, d, keys, order, paid, plan

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
