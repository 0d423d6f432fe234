"""Receipts, bank statements, money given back, purchases and journals in a real Tryton."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from decimal import Decimal

import msgspec
import pytest

from selaras.connectors.contract import Done, Rejected
from selaras.connectors.kit.checks import check_seen
from selaras.model.document import BankTransaction, DocumentLine, Journal, Purchase, Receipt, SalesOrder
from tests.connectors.tryton.shop import BANK, CLEARING, RATE, Shop, line, today
from tests.peers.tryton import Database


@pytest.fixture(scope="module")
def goods(tryton: Database) -> Database:
    """Products for all tests of this module."""
    tryton.desk().goods({"KAOS": 100, "TOPI": 0})
    return tryton


@pytest.fixture
async def shop(goods: Database) -> AsyncIterator[Shop]:
    made = Shop(goods)
    yield made
    await made.books.close()


async def test_a_receipt_pays_its_invoice(shop: Shop) -> None:
    order, _invoice, invoice_id = await shop.sold(line("KAOS", 1, "50000"))
    receipt = shop.receipt(f"{order.reference}/P1", order.contact_id, order.total, invoice_id=invoice_id)
    made = await shop.put("receipt", receipt)
    assert (made.total, made.currency, made.status) == (order.total, "IDR", "paid")
    assert shop.bill(invoice_id)["state"] == "paid"
    again = await shop.put("receipt", receipt)
    assert again.id == made.id
    lines = shop.desk.rows("account.statement.line", [["number", "=", receipt.reference]], "amount")
    assert [one["amount"] for one in lines] == [order.total]
    (seen,) = await shop.books.read("receipt", [made.id])
    check_seen(seen)
    assert (seen.record.invoice_id, seen.record.total, seen.id) == (invoice_id, order.total, made.id)
    where = shop.desk.rows("account.move.line", [["move.number", "=", made.number], ["debit", ">", 0]], "account.code")
    assert {row["account."]["code"] for row in where} == {"1-1190"}


async def test_parts_and_a_surplus(shop: Shop) -> None:
    order, _invoice, invoice_id = await shop.sold(line("KAOS", 1, "50000"))
    first = shop.receipt(f"{order.reference}/P1", order.contact_id, Decimal(20_000), invoice_id=invoice_id)
    await shop.put("receipt", first)
    assert shop.bill(invoice_id)["amount_to_pay"] == order.total - 20_000
    rest = shop.receipt(f"{order.reference}/P2", order.contact_id, order.total, invoice_id=invoice_id)
    made = await shop.put("receipt", rest)
    assert made.total == order.total
    assert shop.bill(invoice_id)["state"] == "paid"
    found = await shop.books.find("receipt", [rest.reference])
    assert found[rest.reference].total == order.total
    open_items = shop.desk.rows(
        "account.move.line",
        [["party", "=", int(order.contact_id)], ["account.type.receivable", "=", True], ["reconciliation", "=", None]],
        "credit",
    )
    assert [row["credit"] for row in open_items] == [Decimal(20_000)]


async def test_a_hundred_receipts_take_few_calls(shop: Shop) -> None:
    contact = await shop.buyer()
    receipts = [shop.receipt(f"M{n}/P1", contact, Decimal(1000 + n)) for n in range(100)]
    receipts[13] = msgspec.structs.replace(receipts[13], contact_id="999999")
    receipts[77] = msgspec.structs.replace(receipts[77], account="9-9999")
    before = shop.books.calls
    outcomes = await shop.outcomes("receipt", receipts)
    assert shop.books.calls - before <= 25
    for n, (receipt, outcome) in enumerate(zip(receipts, outcomes, strict=True)):
        if n in (13, 77):
            assert not isinstance(outcome, Done)
            assert outcome.error.code == ("unknown_contact" if n == 13 else "unknown_account")
        else:
            assert isinstance(outcome, Done)
            assert outcome.total == receipt.total


async def test_money_before_the_invoice_is_set_against_it(shop: Shop) -> None:
    order = shop.order(await shop.buyer(), line("KAOS", 1, "50000"))
    order_id = (await shop.put("sales_order", order)).id
    for number, amount in (("P1", Decimal(30_000)), ("P2", order.total - 30_000)):
        paid = shop.receipt(f"{order.reference}/{number}", order.contact_id, amount, sales_order_id=order_id)
        assert (await shop.put("receipt", paid)).total == amount
    made = await shop.put("invoice", shop.invoice(order, order_id))
    assert (shop.bill(made.id)["state"], shop.bill(made.id)["amount_to_pay"]) == ("paid", 0)


async def test_a_deposit_that_covers_a_part(shop: Shop) -> None:
    order = shop.order(await shop.buyer(), line("KAOS", 1, "50000"))
    order_id = (await shop.put("sales_order", order)).id
    deposit = shop.receipt(f"{order.reference}/P1", order.contact_id, Decimal(30_000), sales_order_id=order_id)
    await shop.put("receipt", deposit)
    invoice_id = (await shop.put("invoice", shop.invoice(order, order_id))).id
    assert shop.bill(invoice_id)["amount_to_pay"] == order.total - 30_000
    rest = shop.receipt(f"{order.reference}/P2", order.contact_id, order.total - 30_000, invoice_id=invoice_id)
    await shop.put("receipt", rest)
    assert shop.bill(invoice_id)["state"] == "paid"


async def test_money_goes_back_for_a_credit_note(shop: Shop) -> None:
    order, invoice, invoice_id = await shop.sold(line("KAOS", 2, "50000"))
    paid = shop.receipt(f"{order.reference}/P1", order.contact_id, order.total, invoice_id=invoice_id)
    await shop.put("receipt", paid)
    credit = shop.credit(invoice, invoice_id, line("KAOS", 1, "50000"))
    credit_id = (await shop.put("credit_note", credit)).id
    assert shop.bill(credit_id)["state"] == "posted"
    part = shop.refund(credit, credit_id, Decimal(5_000))
    made = await shop.put("refund_payment", part)
    assert made.total == Decimal(5_000)
    rest = msgspec.structs.replace(
        shop.refund(credit, credit_id, credit.total - 5_000), reference=f"{credit.reference}.2"
    )
    await shop.put("refund_payment", rest)
    assert shop.bill(credit_id)["state"] == "paid"
    found = await shop.books.find("refund_payment", [part.reference, rest.reference])
    assert {one.total for one in found.values()} == {Decimal(5_000), credit.total - 5_000}
    # Money out is no money in, although the references are alike.
    assert await shop.books.find("receipt", [part.reference]) == {}


async def test_a_deposit_goes_back_when_nothing_was_invoiced(shop: Shop) -> None:
    order = shop.order(await shop.buyer(), line("KAOS", 1, "50000"))
    order_id = (await shop.put("sales_order", order)).id
    paid = shop.receipt(f"{order.reference}/P1", order.contact_id, order.total, sales_order_id=order_id)
    await shop.put("receipt", paid)
    credit = shop.credit(shop.invoice(order, order_id), "")
    back = msgspec.structs.replace(shop.refund(credit, ""), sales_order_id=order_id, reference=f"{order.reference}/C")
    await shop.put("refund_payment", back)
    await shop.put("sales_order", order, "void", order_id)
    open_items = shop.desk.rows(
        "account.move.line",
        [["party", "=", int(order.contact_id)], ["account.type.receivable", "=", True], ["reconciliation", "=", None]],
        "credit",
    )
    assert open_items == []


async def test_bank_lines_are_read_and_explained(shop: Shop) -> None:
    """A statement as an import leaves it: origins without lines. It is posted when the last one is explained."""
    order, _invoice, invoice_id = await shop.sold(line("KAOS", 1, "50000"))
    _, cursor = await shop.drained("bank_transaction")
    journal = shop.desk.one("account.statement.journal", [["name", "=", "Rekening BCA"]], "name")["id"]
    amounts = [order.total, Decimal(12_345)]
    (statement,) = shop.desk.create(
        "account.statement",
        {
            "name": "BCA 21/11", "date": today(), "company": shop.desk.company, "journal": journal,
            "total_amount": sum(amounts),
            "origins": [["create", [{"number": f"TRX{n}", "date": today(), "amount": amount,
                                     "description": f"TRSF E-BANKING CR {order.reference}"}
                                    for n, amount in enumerate(amounts)]]],
        },
    )  # fmt: skip
    seen, cursor = await shop.drained("bank_transaction", cursor)
    lines = {s.record.amount: s.record for s in seen if isinstance(s.record, BankTransaction)}
    assert set(lines) == set(amounts)
    first = lines[order.total]
    assert (first.account, first.currency, first.reconciled) == (BANK, "IDR", False)
    assert order.reference in first.description
    receipt = shop.receipt(
        f"{order.reference}/B{first.id}", order.contact_id, order.total, invoice_id=invoice_id, account=BANK,
        bank_transaction_id=first.id,
    )  # fmt: skip
    made = await shop.put("receipt", receipt)
    assert (made.total, made.status) == (order.total, "open")
    assert (await shop.books.find("receipt", [receipt.reference]))[receipt.reference].id == made.id
    assert (await shop.put("receipt", receipt)).id == made.id
    again, cursor = await shop.drained("bank_transaction", cursor)
    assert {s.id: s.record.reconciled for s in again}[first.id] is True
    other = shop.receipt("B2/P1", order.contact_id, Decimal(12_345), bank_transaction_id=lines[Decimal(12_345)].id)
    assert (await shop.put("receipt", msgspec.structs.replace(other, account=BANK))).status == "paid"
    assert shop.desk.one("account.statement", [["id", "=", statement]], "state")["state"] == "posted"
    assert shop.bill(invoice_id)["state"] == "paid"
    twice = msgspec.structs.replace(receipt, reference="B3/P1")
    assert (await shop.refusal("receipt", twice)).code == "already_reconciled"


async def test_a_payment_that_a_person_entered_is_read(shop: Shop) -> None:
    order, _invoice, invoice_id = await shop.sold(line("KAOS", 1, "50000"))
    _, cursor = await shop.drained("receipt")
    pay = shop.desk.one("account.invoice.payment.method", [["name", "=", "Transfer BCA"]], "name")["id"]
    about = {"active_model": "account.invoice", "active_id": int(invoice_id), "active_ids": [int(invoice_id)]}
    context = {"company": shop.desk.company, "language": "en", **about}
    session, start, _end = shop.desk._rpc("wizard.account.invoice.pay.create", [context])
    form = {"payee": int(order.contact_id), "amount": order.total, "currency": 1, "payment_method": pay,
            "date": today(), "description": "dibayar di toko"}  # fmt: skip
    shop.desk._rpc("wizard.account.invoice.pay.execute", [session, {start: form}, "choice", context])
    seen, _ = await shop.drained("receipt", cursor)
    (mine,) = [s for s in seen if isinstance(s.record, Receipt) and s.record.invoice_id == invoice_id]
    assert mine.id.startswith("m")
    assert (mine.record.total, mine.record.contact_id) == (order.total, order.contact_id)
    (read,) = await shop.books.read("receipt", [mine.id])
    assert read.record == mine.record


async def test_a_purchase_raises_the_stock_once_it_is_received(shop: Shop) -> None:
    _, cursor = await shop.drained("purchase")
    _, shelf = await shop.drained("stock")
    desk = shop.desk
    (supplier,) = desk.create("party.party", {"name": "Pemasok", "addresses": [["create", [{}]]]})
    address = desk.one("party.party", [["id", "=", supplier]], "addresses")["addresses"][0]
    product = desk.one("product.product", [["code", "=", "TOPI"]], "default_uom")
    place = desk.one("stock.location", [["type", "=", "warehouse"]], "code")["id"]
    (purchase,) = desk.create(
        "purchase.purchase",
        {
            "company": desk.company, "party": supplier, "invoice_address": address, "currency": 1, "warehouse": place,
            "purchase_date": today(), "invoice_method": "order", "reference": "SJ-1",
            "lines": [["create", [{"type": "line", "product": product["id"], "unit": product["default_uom"],
                                   "quantity": 12, "unit_price": Decimal(30_000), "taxes": []}]]],
        },
    )  # fmt: skip
    desk.press("purchase.purchase", "quote", purchase)
    desk.press("purchase.purchase", "confirm", purchase)
    seen, cursor = await shop.drained("purchase", cursor)
    bought = {s.id: s.record for s in seen}[str(purchase)]
    assert isinstance(bought, Purchase)
    assert (bought.received, bought.total, bought.lines[0].code) == (False, Decimal(360_000), "TOPI")
    assert await shop.available("TOPI") == (0, 0)
    moves = desk.rows("stock.move", [["origin.purchase", "=", purchase, "purchase.line"]], "product")
    spots = {row["code"]: row["id"] for row in desk.rows("stock.location", [["code", "in", ["IN", "STO"]]], "code")}
    (shipment,) = desk.create(
        "stock.shipment.in",
        {"company": desk.company, "supplier": supplier, "warehouse": place, "warehouse_input": spots["IN"],
         "warehouse_storage": spots["STO"], "incoming_moves": [["add", [move["id"] for move in moves]]]},
    )  # fmt: skip
    desk.press("stock.shipment.in", "receive", shipment)
    desk.press("stock.shipment.in", "do", shipment)
    assert await shop.available("TOPI") == (12, 0)
    seen, _ = await shop.drained("purchase", cursor)
    assert {s.id: s.record.received for s in seen}[str(purchase)] is True
    moved, _ = await shop.drained("stock", shelf)
    assert {s.id: s.record.on_hand for s in moved}["TOPI"] == 12


async def test_a_journal_that_a_person_wrote_is_read_with_its_lines(shop: Shop) -> None:
    _, cursor = await shop.drained("journal")
    desk = shop.desk
    contact = await shop.buyer()
    period = desk.rows("account.period", [["start_date", "<=", today()], ["end_date", ">=", today()]], "state")[0]["id"]
    journal = desk.one("account.journal", [["code", "=", "MISC"]], "name")["id"]
    ids = {row["code"]: row["id"] for row in desk.rows("account.account", [["code", "in", [BANK, "1.2.1"]]], "code")}
    money, none = Decimal(75_000), Decimal(0)
    sides = [
        {"account": ids[BANK], "debit": money, "credit": none},
        {"account": ids["1.2.1"], "debit": none, "credit": money, "party": int(contact)},
    ]
    (move,) = desk.create(
        "account.move",
        {"company": desk.company, "journal": journal, "period": period, "date": today(), "description": "1001",
         "lines": [["create", sides]]},
    )  # fmt: skip
    desk.press("account.move", "post", move)
    seen, _ = await shop.drained("journal", cursor)
    (entry,) = [s.record for s in seen if s.id == str(move)]
    assert isinstance(entry, Journal)
    assert (entry.reference, entry.source, entry.date) == ("1001", "", today())
    assert {(one.account, one.debit, one.credit, one.contact_id) for one in entry.lines} == {
        (BANK, Decimal(75_000), Decimal(0), ""),
        ("1.2.1", Decimal(0), Decimal(75_000), contact),
    }


async def test_a_payment_for_an_invoice_that_is_not_there(shop: Shop) -> None:
    contact = await shop.buyer()
    error = await shop.refusal("receipt", shop.receipt("Z/P1", contact, Decimal(1), invoice_id="999999"))
    assert isinstance(error, Rejected)
    assert error.code == "not_found"
    late = shop.receipt("Z/P2", contact, Decimal(1))
    far = msgspec.structs.replace(late, date=today() - dt.timedelta(days=3000))
    assert (await shop.refusal("receipt", far)).code == "no_fiscal_year"


@pytest.mark.parametrize("validation", ["amount", "balance", "number_of_lines"])
async def test_statement_journals_of_every_validation(shop: Shop, validation: str) -> None:
    (made,) = shop.desk.rows("account.account", [["code", "=", CLEARING]], "type", "parent")
    code = f"1-12{len(validation)}"
    shop.desk.create(
        "account.account",
        {"name": f"Kas {validation}", "code": code, "company": shop.desk.company, "type": made["type"],
         "parent": made["parent"], "reconcile": False, "party_required": False},
    )  # fmt: skip
    shop.desk.feed(code, f"Kas {validation}", validation)
    shop = Shop(shop.database)  # the chart of a running connector is two minutes old at most
    try:
        contact = await shop.buyer()
        for number in ("P1", "P2"):
            documents = [
                shop.receipt(f"{validation}-{n}/{number}", contact, Decimal(1000 + n), account=code) for n in range(3)
            ]
            assert all(isinstance(outcome, Done) for outcome in await shop.outcomes("receipt", documents))
    finally:
        await shop.books.close()


async def test_orders_in_another_currency_keep_it(shop: Shop) -> None:
    shop.desk.feed(CLEARING, "Kliring USD", currency="USD")
    shop = Shop(shop.database)
    try:
        one = DocumentLine("KAOS", "KAOS", Decimal(2), Decimal("10.55"), Decimal("21.10"), tax=Decimal("2.32"),
                           tax_rate=RATE)  # fmt: skip
        order = SalesOrder(shop.reference(), today(), "USD", Decimal("23.42"), (one,), contact_id=await shop.buyer())
        order_id = (await shop.put("sales_order", order)).id
        invoice = msgspec.structs.replace(shop.invoice(order, order_id), currency="USD")
        made = await shop.put("invoice", invoice)
        assert (made.total, made.currency) == (Decimal("23.42"), "USD")
        receipt = shop.receipt(f"{order.reference}/P1", order.contact_id, order.total, invoice_id=made.id)
        paid = await shop.put("receipt", msgspec.structs.replace(receipt, currency="USD"))
        assert (paid.total, paid.currency) == (Decimal("23.42"), "USD")
        assert shop.bill(made.id)["state"] == "paid"
        (seen,) = await shop.books.read("receipt", [paid.id])
        assert (seen.record.total, seen.record.currency) == (Decimal("23.42"), "USD")
        wrong = msgspec.structs.replace(receipt, reference="usd/P9", currency="USD", account=BANK)
        assert (await shop.refusal("receipt", wrong)).code == "unknown_account"
    finally:
        await shop.books.close()


async def test_the_books_balance_after_all_this(shop: Shop) -> None:
    assert shop.desk.balance() == 0
