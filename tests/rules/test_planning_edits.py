"""Planning orders that change, by example: edits, exchanges, and periods that are closed."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from selaras.model.document import CreditNote, SalesOrder
from selaras.model.order import Line, Refund
from selaras.rules.plan_types import Policy
from tests.rules.books_model import Books
from tests.rules.plans import POLICY, SHIPPING, A, B, at, book, cause, d, keys, order, paid, plan

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
