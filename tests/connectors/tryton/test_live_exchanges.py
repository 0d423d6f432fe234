"""Money of another currency at a real Tryton: an order in dollars paid in rupiah, and one in rupiah paid in dollars."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from selaras.connectors.kit.checks import check_seen
from selaras.model.document import DocumentLine, Exchanged, Receipt, SalesOrder, WriteOff
from tests.connectors.tryton.shop import BANK, CLEARING, RATE, Shop, line, today
from tests.connectors.tryton.test_live_money_in import (
    account,
    at_the_bank,
    balance,
    bank_lines,
    reconciled,
    statement,
    untouched,
)
from tests.peers.tryton import Database

D = Decimal
DOLLARS = D("23.42")
DUE = D(371_746)  # what Tryton's own rate makes of it
RECEIVABLE = "1.2.1"


@pytest.fixture(scope="module")
def goods(tryton: Database) -> Database:
    """A product, and statements of a bank account in dollars."""
    desk = tryton.desk()
    desk.goods({"KAOS": 1000})
    desk.feed(CLEARING, "Rekening USD", currency="USD")
    return tryton


@pytest.fixture
async def shop(goods: Database) -> AsyncIterator[Shop]:
    made = Shop(goods)
    yield made
    await made.books.close()


@pytest.fixture(scope="module")
def exchange(goods: Database) -> str:
    """The account for exchange differences."""
    return goods.desk().exchanges()


async def ordered(shop: Shop, currency: str = "USD") -> tuple[SalesOrder, str]:
    """An order over 23.42 dollars (or 55,500 rupiah); its id."""
    one = DocumentLine("KAOS", "KAOS", D(2), D("10.55"), D("21.10"), tax=D("2.32"), tax_rate=RATE)
    if currency == "IDR":
        order = shop.order(await shop.buyer(), line("KAOS", 1, "50000"))
    else:
        order = SalesOrder(shop.reference(), today(), currency, DOLLARS, (one,), contact_id=await shop.buyer())
    return order, (await shop.put("sales_order", order)).id


async def billed(shop: Shop, order: SalesOrder, order_id: str) -> str:
    invoice = msgspec.structs.replace(shop.invoice(order, order_id), currency=order.currency)
    return (await shop.put("invoice", invoice)).id


def paid(shop: Shop, order: SalesOrder, came: Exchanged, **more: Any) -> Receipt:
    receipt = shop.receipt(f"{order.reference}/B1", order.contact_id, order.total, exchanged=came, **more)
    return msgspec.structs.replace(receipt, currency=order.currency)


async def test_without_accounts_for_exchanges_it_is_refused_with_a_cure(shop: Shop) -> None:
    order, order_id = await ordered(shop)
    receipt = paid(shop, order, Exchanged(D(380_000), "IDR"), invoice_id=await billed(shop, order, order_id))
    error = await shop.refusal("receipt", receipt)
    assert (error.code, error.field) == ("no_exchange_accounts", "exchanged")
    assert "Financial > Configuration" in error.cure


@pytest.mark.parametrize("gain", [8_254, -11_746, 0], ids=["a gain", "a loss", "Tryton's own rate"])
async def test_rupiah_pay_an_invoice_in_dollars(shop: Shop, exchange: str, gain: int) -> None:
    """The invoice is paid, the bank line explained by all of it, and Tryton books the difference by itself."""
    order, order_id = await ordered(shop)
    invoice_id = await billed(shop, order, order_id)
    came = DUE + gain
    before = balance(shop, exchange)
    (bank,) = bank_lines(shop, came)
    receipt = at_the_bank(shop, paid(shop, order, Exchanged(came, "IDR"), invoice_id=invoice_id), bank)
    made = await shop.put("receipt", receipt)
    assert (made.total, made.currency, made.status) == (DOLLARS, "USD", "paid")
    assert (statement(shop, bank), await reconciled(shop, bank)) == ("posted", True)
    assert (shop.bill(invoice_id)["state"], shop.bill(invoice_id)["amount_to_pay"]) == ("paid", 0)
    assert balance(shop, exchange) - before == -gain
    assert balance(shop, RECEIVABLE, order.contact_id) == 0
    assert (await shop.put("receipt", receipt)).id == made.id, "a repeat is recognised"
    found = (await shop.books.find("receipt", [receipt.reference]))[receipt.reference]
    assert (found.id, found.total, found.currency) == (made.id, DOLLARS, "USD")
    (seen,) = await shop.books.read("receipt", [made.id])
    check_seen(seen)
    assert (seen.record.total, seen.record.currency) == (DOLLARS, "USD")
    assert seen.record.exchanged == Exchanged(came, "IDR")
    assert await untouched(shop, receipt, made.id)


async def test_an_exchange_is_taken_back_with_its_difference(shop: Shop, exchange: str) -> None:
    order, order_id = await ordered(shop)
    invoice_id = await billed(shop, order, order_id)
    before, owed = balance(shop, exchange), balance(shop, RECEIVABLE, order.contact_id)
    (bank,) = bank_lines(shop, D(390_000))
    came = Exchanged(D(390_000), "IDR")
    receipt = at_the_bank(shop, paid(shop, order, came, invoice_id=invoice_id), bank)
    made = await shop.put("receipt", receipt)
    assert balance(shop, exchange) != before
    gone = await shop.put("receipt", receipt, "void", made.id)
    assert (gone.id, gone.total, gone.currency, gone.status) == (made.id, DOLLARS, "USD", "void")
    assert (shop.bill(invoice_id)["state"], shop.bill(invoice_id)["amount_to_pay"]) == ("posted", DOLLARS)
    assert (balance(shop, exchange), balance(shop, RECEIVABLE, order.contact_id)) == (before, owed)
    assert not await reconciled(shop, bank)
    entries = len(shop.desk.rows("account.move", [], "number"))
    assert (await shop.put("receipt", receipt, "void", made.id)).status == "void"
    assert len(shop.desk.rows("account.move", [], "number")) == entries, "once more, as after a lost answer"
    again = await shop.put("receipt", receipt)
    assert again.id != made.id
    assert shop.bill(invoice_id)["state"] == "paid"
    assert await reconciled(shop, bank)


async def test_money_that_came_before_its_invoice(shop: Shop, exchange: str) -> None:
    """A deposit in dollars that the bank made rupiah of: the invoice uses it up, the difference is booked."""
    order, order_id = await ordered(shop)
    before = balance(shop, exchange)
    receipt = paid(shop, order, Exchanged(D(381_746), "IDR"), sales_order_id=order_id)
    made = await shop.put("receipt", receipt)
    assert (made.total, made.currency) == (DOLLARS, "USD")
    invoice_id = await billed(shop, order, order_id)
    assert shop.bill(invoice_id)["state"] == "paid"
    assert balance(shop, exchange) - before == -10_000
    assert balance(shop, RECEIVABLE, order.contact_id) == 0


async def test_more_than_the_invoice_has_open_stays_with_the_customer(shop: Shop, exchange: str) -> None:
    order, order_id = await ordered(shop)
    invoice_id = await billed(shop, order, order_id)
    more = msgspec.structs.replace(order, total=DOLLARS * 2)
    receipt = paid(shop, more, Exchanged(D(760_001), "IDR"), invoice_id=invoice_id)
    made = await shop.put("receipt", receipt)
    assert (made.total, made.currency) == (DOLLARS * 2, "USD")
    assert shop.bill(invoice_id)["state"] == "paid"
    (seen,) = await shop.books.read("receipt", [made.id])
    assert (seen.record.total, seen.record.exchanged) == (DOLLARS * 2, Exchanged(D(760_001), "IDR"))
    assert balance(shop, RECEIVABLE, order.contact_id) == -380_000


async def test_dollars_pay_an_invoice_in_rupiah(shop: Shop, exchange: str) -> None:
    """The books are kept in rupiah: the invoice's own amount stands there, and what came beside it."""
    order, order_id = await ordered(shop, "IDR")
    invoice_id = await billed(shop, order, order_id)
    before = balance(shop, exchange), balance(shop, CLEARING)
    receipt = paid(shop, order, Exchanged(D("3.61"), "USD"), invoice_id=invoice_id)
    made = await shop.put("receipt", receipt)
    assert (made.total, made.currency) == (order.total, "IDR")
    assert shop.bill(invoice_id)["state"] == "paid"
    assert (balance(shop, exchange), balance(shop, CLEARING) - before[1]) == (before[0], order.total)
    (seen,) = await shop.books.read("receipt", [made.id])
    assert (seen.record.total, seen.record.exchanged) == (order.total, Exchanged(D("3.61"), "USD"))
    gone = await shop.put("receipt", receipt, "void", made.id)
    assert (gone.total, gone.status) == (order.total, "void")
    assert (shop.bill(invoice_id)["state"], shop.bill(invoice_id)["amount_to_pay"]) == ("posted", order.total)


async def test_what_tryton_cannot_exchange_says_what_to_do(shop: Shop, exchange: str) -> None:
    order, order_id = await ordered(shop)
    invoice_id = await billed(shop, order, order_id)
    off = (WriteOff("rounding", account(shop, exchange), D(1)),)
    receipt = paid(shop, order, Exchanged(D(380_000), "IDR"), invoice_id=invoice_id, write_offs=off)
    assert (await shop.refusal("receipt", receipt)).code == "exchanged_write_off"
    (bank,) = bank_lines(shop, D(100_000))
    wrong = at_the_bank(shop, paid(shop, order, Exchanged(D(380_000), "IDR"), invoice_id=invoice_id), bank)
    assert (await shop.refusal("receipt", wrong)).code == "already_reconciled"
    dollars = msgspec.structs.replace(wrong, exchanged=None)
    assert (await shop.refusal("receipt", dollars)).code == "currency_mismatch"
    assert wrong.account == BANK


async def test_the_books_balance_after_all_this(shop: Shop) -> None:
    assert shop.desk.balance() == 0
