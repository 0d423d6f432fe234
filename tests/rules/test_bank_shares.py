"""Shares of money lines: several for one order, write-offs, and shares that were undone."""

from __future__ import annotations

import datetime as dt

import msgspec

from selaras.model.document import Exchanged, Receipt, WriteOff
from selaras.model.order import Payment
from selaras.rules.hand_edits import first_changes
from selaras.rules.lines import digest_of
from selaras.rules.mapping import Mapped, Mapping
from selaras.rules.plan_types import BankMatch, Plan
from selaras.rules.planning import plan_order
from tests.rules.books_model import Books
from tests.rules.plans import CODES, KNOWN, POLICY, at, book, d, keys, order, plan

DAY = dt.date(2026, 3, 2)
WHOLE = BankMatch("tx9", d(270_000), DAY, "1-10003")


def receipts(made: Plan) -> list[Receipt]:
    return [i.document for i in made.intents if isinstance(i.document, Receipt)]


def mapped(**accounts: str) -> Mapped:
    return Mapped("toko", "buku", Mapping(accounts=accounts, version=1))


def with_mapping(books: Books, bank: BankMatch, given: Mapped | None) -> Plan:
    return plan_order(order(), POLICY, KNOWN, CODES, list(books.held.values()), [bank], given)


def test_a_line_of_another_connection_is_not_reconciled_in_the_books() -> None:
    made = plan(order(), bank=[BankMatch("bca/9", d(270_000), DAY, "1-10003", in_books=False)])
    (receipt,) = receipts(made)
    assert (receipt.bank_transaction_id, receipt.reference, receipt.account) == ("", "1001/Bbca/9", "1-10003")


def test_two_lines_pay_one_order() -> None:
    first, rest = BankMatch("tx1", d(200_000), DAY, "1-1"), BankMatch("tx2", d(70_000), DAY, "1-1")
    assert [k for k, _ in keys(plan(order(), bank=[first]))] == ["sales_order", "receipt:bank:tx1"]
    made = plan(order(), bank=[first, rest])
    assert [k for k, _ in keys(made)] == ["sales_order", "invoice", "receipt:bank:tx1", "receipt:bank:tx2"]


def test_a_fee_that_is_written_off_completes_the_order() -> None:
    short = BankMatch("tx9", d(267_500), DAY, "1-10003", write_offs=(("transfer_fee", d(2_500)),))
    made = with_mapping(Books(), short, mapped(transfer_fee="6-1"))
    (receipt,) = receipts(made)
    assert receipt.write_offs == (WriteOff("transfer_fee", "6-1", d(2_500)),)
    assert (receipt.total, receipt.settled) == (d(267_500), d(270_000))
    assert ("invoice", "create") in keys(made)


def test_a_write_off_without_its_account_waits_and_says_so() -> None:
    short = BankMatch("tx9", d(267_500), DAY, "1-10003", write_offs=(("transfer_fee", d(2_500)),))
    for given in (None, mapped(rounding="6-2")):
        problem = with_mapping(Books(), short, given).problem
        assert problem is not None
        assert problem.cause == "missing_mapping"
        assert "transfer fee" in problem.message.replace("_", " ")


def test_a_share_that_is_undone_voids_its_receipt_and_nothing_else() -> None:
    books = book(order(), bank=[WHOLE])
    undone = msgspec.structs.replace(WHOLE, undone=True)
    made = plan(order(), books, bank=[undone])
    # Invoiced at payment: without the money it is not due, as if it had never come.
    assert keys(made) == [("credit_note:reverse:1", "create"), ("receipt:bank:tx9", "void")]
    books.apply(made)
    books.send(99)
    assert plan(order(), books, bank=[undone]).intents == ()
    billed = msgspec.structs.replace(POLICY, invoice_at="order")
    made = plan(order(), book(order(), policy=billed, bank=[WHOLE]), billed, bank=[undone])
    assert keys(made) == [("receipt:bank:tx9", "void")]


def test_a_share_that_is_undone_before_it_was_sent_is_given_up() -> None:
    books = Books()
    books.apply(plan(order(), bank=[WHOLE]))
    made = plan(order(), books, bank=[msgspec.structs.replace(WHOLE, undone=True)])
    (gone,) = [i for i in made.intents if i.key == "receipt:bank:tx9"]
    assert gone.withdraw


def test_the_store_that_was_told_of_an_undone_share_does_not_make_it_money() -> None:
    books = book(order(), bank=[WHOLE])
    told = order(payments=(Payment("w1", d(270_000), at(30), "transfer", "tx9", "books"),))
    undone = msgspec.structs.replace(WHOLE, undone=True)
    made = plan(told, books, bank=[undone])
    assert ("receipt:bank:tx9", "void") in keys(made)
    books.apply(made)
    books.send(99)
    assert books.effect().received == 0


def test_the_same_pair_again_is_another_receipt() -> None:
    books = book(order(), bank=[WHOLE])
    undone = msgspec.structs.replace(WHOLE, undone=True)
    books.apply(plan(order(), books, bank=[undone]))
    books.send(99)
    again = msgspec.structs.replace(WHOLE, number=2)
    made = plan(order(), books, bank=[undone, again])
    (receipt,) = receipts(made)
    assert receipt.reference == "1001/Btx9~2"
    assert receipt.bank_transaction_id == "tx9"


def test_money_of_another_currency_pays_the_order_in_its_own() -> None:
    came = Exchanged(d(17), "USD")
    abroad = BankMatch("tx9", d(270_000), DAY, "1-10003", exchanged=came)
    made = with_mapping(Books(), abroad, mapped(exchange="7-1"))
    (receipt,) = receipts(made)
    assert receipt.exchanged == Exchanged(d(17), "USD", "7-1")
    assert (receipt.total, receipt.currency, receipt.settled) == (d(270_000), "IDR", d(270_000))
    assert receipt.money == (d(17), "USD")
    assert ("invoice", "create") in keys(made), "it is paid in full"
    assert "17 USD" in next(i.reason for i in made.intents if i.key == "receipt:bank:tx9")
    for given in (None, mapped(rounding="7-2")):  # the books have an account of their own
        (receipt,) = receipts(with_mapping(Books(), abroad, given))
        assert receipt.exchanged == came


def test_an_exchange_is_remembered_and_taken_back() -> None:
    abroad = BankMatch("tx9", d(270_000), DAY, "1-10003", exchanged=Exchanged(d(17), "USD"))
    books = Books()
    books.apply(plan_order(order(), POLICY, KNOWN, CODES, [], [abroad]))
    held = list(books.held.values())
    assert plan_order(order(), POLICY, KNOWN, CODES, held, [abroad]).intents == ()
    assert plan_order(order(), POLICY, KNOWN, CODES, held, []).intents == (), "also when it is not passed again"
    undone = plan_order(order(), POLICY, KNOWN, CODES, held, [msgspec.structs.replace(abroad, undone=True)])
    assert ("receipt:bank:tx9", "void") in keys(undone)


def test_what_came_makes_a_receipt_another_one() -> None:
    paid = Receipt("1001/Btx9", DAY, "IDR", d(270_000), exchanged=Exchanged(d(17), "USD"))
    others = [
        msgspec.structs.replace(paid, exchanged=one)
        for one in (None, Exchanged(d(18), "USD"), Exchanged(d(17), "SGD"), Exchanged(d(17), "USD", "7-1"))
    ]
    assert len({digest_of(one) for one in (paid, *others)}) == 5
    assert [c.field for c in first_changes(paid, others[1], "", credited=False)] == ["exchanged"]
    assert first_changes(paid, others[3], "", credited=False) == []
