"""Money of another currency than its invoice's: both ways in which ERPNext keeps what a customer owes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from selaras.model.document import DocumentLine, Exchanged, Receipt, SalesOrder, WriteOff
from selaras.rules.hand_edits import first_changes
from tests.connectors.erpnext.shop import RATE, Shop, a_shop, line, today
from tests.connectors.erpnext.standin_people import (
    BANK,
    BANK_USD,
    COMPANY,
    EXCHANGE,
    FEE,
    RECEIVABLE,
    RECEIVABLE_USD,
)
from tests.connectors.erpnext.test_money_in import bank_line, booked

D = Decimal
DOLLARS = D("23.42")
RUPIAH = D("374720")  # at ERPNext's own rate of 16,000
COMING = [382_974, 366_466, 374_720]
WAYS = ["a gain", "a loss", "ERPNext's own rate"]


def abroad(shop: Shop) -> None:
    shop.site.options.rates["USD"] = 16_000.0
    shop.site.people.abroad()


async def billed(shop: Shop, receivable: str = "") -> tuple[SalesOrder, str]:
    """An order over 23.42 dollars that was invoiced; the invoice's id."""
    one = DocumentLine("KAOS", "KAOS", D(2), D("10.55"), D("21.10"), tax=D("2.32"), tax_rate=RATE)
    order = SalesOrder(shop.reference(), today(), "USD", DOLLARS, (one,), contact_id="Pembeli")
    order_id = (await shop.put("sales_order", order)).id
    bill = msgspec.structs.replace(shop.invoice(order, order_id), currency="USD", receivable=receivable)
    return order, (await shop.put("invoice", bill)).id


def paid(shop: Shop, order: SalesOrder, came: Exchanged, **more: Any) -> Receipt:
    receipt = shop.receipt(f"{order.reference}/B1", order.total, exchanged=came, **{"account": BANK, **more})
    return msgspec.structs.replace(receipt, currency=order.currency)


@pytest.mark.parametrize("keeps", [True, False], ids=["ERPNext 15", "before"])
@pytest.mark.parametrize("receivable", ["", RECEIVABLE_USD], ids=["owed in rupiah", "owed in dollars"])
@pytest.mark.parametrize("came", COMING, ids=WAYS)
async def test_rupiah_pay_an_invoice_in_dollars(came: int, receivable: str, keeps: bool) -> None:
    async with a_shop() as shop:
        abroad(shop)
        shop.site.options.keeps_differences = keeps
        order, invoice_id = await billed(shop, receivable)
        bank = bank_line(shop, came)
        receipt = paid(shop, order, Exchanged(D(came), "IDR"), invoice_id=invoice_id, bank_transaction_id=bank)
        made = await shop.put("receipt", receipt)
        assert (made.total, made.currency) == (DOLLARS, "USD")
        loss = RUPIAH - came
        expected = {BANK: D(came), receivable or RECEIVABLE: -RUPIAH} | ({EXCHANGE: loss} if loss else {})
        assert booked(shop, made.id) == expected
        bill = shop.doc("Sales Invoice", invoice_id)
        assert (bill["status"], bill["outstanding_amount"]) == ("Paid", 0.0)
        assert shop.doc("Payment Entry", made.id)["unallocated_amount"] == 0.0
        assert shop.owed() == 0
        assert shop.doc("Bank Transaction", bank)["unallocated_amount"] == 0.0
        assert (await shop.put("receipt", receipt)).id == made.id, "a repeat is recognised"
        found = (await shop.books.find("receipt", [receipt.reference]))[receipt.reference]
        assert (found.id, found.total, found.currency) == (made.id, DOLLARS, "USD")
        (seen,) = await shop.books.read("receipt", [made.id])
        assert (seen.record.total, seen.record.currency) == (DOLLARS, "USD")
        assert seen.record.exchanged == Exchanged(D(came), "IDR")
        assert first_changes(receipt, seen.record, receipt.contact_id, credited=False) == []
        assert (await shop.put("receipt", receipt, "void", made.id)).status == "void"
        assert booked(shop, made.id) == {}
        assert shop.doc("Sales Invoice", invoice_id)["status"] == "Unpaid"
        assert shop.doc("Bank Transaction", bank)["unallocated_amount"] == float(came)


async def test_dollars_pay_an_invoice_in_rupiah() -> None:
    async with a_shop() as shop:
        abroad(shop)
        order, _, invoice_id = await shop.sold(line("KAOS", 1, "50000"))
        receipt = paid(shop, order, Exchanged(D("3.61"), "USD"), invoice_id=invoice_id, account=BANK_USD)
        made = await shop.put("receipt", receipt)
        assert (made.total, made.currency) == (D(55_500), "IDR")
        assert booked(shop, made.id) == {BANK_USD: D(55_500), RECEIVABLE: D(-55_500)}
        assert shop.doc("Sales Invoice", invoice_id)["status"] == "Paid"
        (seen,) = await shop.books.read("receipt", [made.id])
        assert (seen.record.total, seen.record.exchanged) == (D(55_500), Exchanged(D("3.61"), "USD"))


@pytest.mark.parametrize("receivable", ["", RECEIVABLE_USD], ids=["owed in rupiah", "owed in dollars"])
async def test_a_part_pays_a_part_and_more_stays_with_the_customer(receivable: str) -> None:
    async with a_shop() as shop:
        abroad(shop)
        order, invoice_id = await billed(shop, receivable)
        part = msgspec.structs.replace(order, total=D("10.00"))
        first = await shop.put("receipt", paid(shop, part, Exchanged(D(161_000), "IDR"), invoice_id=invoice_id))
        assert booked(shop, first.id)[EXCHANGE] == -1_000
        assert shop.owed() == RUPIAH - 160_000
        rest = msgspec.structs.replace(order, reference="rest", total=D("20.00"))
        await shop.put("receipt", paid(shop, rest, Exchanged(D(300_000), "IDR"), invoice_id=invoice_id))
        assert shop.doc("Sales Invoice", invoice_id)["status"] == "Paid"
        # 6.58 dollars are over: at ERPNext's rate, or at the bank's where they were never owed in dollars.
        assert shop.owed() == (-105_280 if receivable else -98_700)


async def test_the_mapping_may_name_the_account() -> None:
    async with a_shop() as shop:
        abroad(shop)
        order, invoice_id = await billed(shop)
        receipt = paid(shop, order, Exchanged(D(380_000), "IDR", "6110.000"), invoice_id=invoice_id)
        made = await shop.put("receipt", receipt)
        assert booked(shop, made.id)[FEE] == RUPIAH - 380_000


async def test_what_cannot_be_exchanged_says_what_to_do() -> None:
    async with a_shop() as shop:
        abroad(shop)
        order, invoice_id = await billed(shop)
        came = Exchanged(D(380_000), "IDR")
        good = paid(shop, order, came, invoice_id=invoice_id)
        off = (WriteOff("rounding", FEE, D(1)),)
        for wrong, code in (
            (msgspec.structs.replace(good, invoice_id=""), "no_invoice"),
            (msgspec.structs.replace(good, write_offs=off), "exchanged_write_off"),
            (msgspec.structs.replace(good, account=BANK_USD), "currency_mismatch"),
            (msgspec.structs.replace(good, exchanged=Exchanged(D(25), "USD"), account=BANK_USD), "currency_mismatch"),
        ):
            error = await shop.refusal("receipt", wrong)
            assert (error.code, bool(error.cure)) == (code, True)
    for field, code in (("exchange_gain_loss_account", "no_exchange_accounts"), ("cost_center", "missing_field")):
        async with a_shop() as shop:
            abroad(shop)
            order, invoice_id = await billed(shop)
            shop.site.db.get("Company", COMPANY)[field] = None
            await shop.books._chart.books(fresh=True)
            error = await shop.refusal("receipt", paid(shop, order, came, invoice_id=invoice_id))
            assert (error.code, error.field) == (code, "exchanged")


async def test_a_bank_line_of_another_currency_is_no_line_of_this_money() -> None:
    async with a_shop() as shop:
        abroad(shop)
        order, invoice_id = await billed(shop)
        bank = bank_line(shop, 380_000)
        receipt = paid(shop, order, Exchanged(D(25), "USD"), invoice_id=invoice_id, bank_transaction_id=bank)
        assert (await shop.refusal("receipt", receipt)).code == "currency_mismatch"
