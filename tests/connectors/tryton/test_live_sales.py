"""Contacts, orders, invoices, credit notes and their goods in a real Tryton."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from decimal import Decimal

import msgspec
import pytest

from selaras.connectors.contract import Done, Failed, LockedPeriod, Rejected
from selaras.connectors.kit.checks import done
from selaras.model.document import ContactDraft, DocumentLine
from tests.connectors.tryton.shop import Shop, line, today, total
from tests.peers.tryton import Database


@pytest.fixture(scope="module")
def goods(tryton: Database) -> Database:
    """Products for all tests of this module; each test uses codes of its own where it counts stock."""
    codes = ("KAOS", "TOPI", "TAS", "UNSHIPPED", "PARTLY", "SENT", "KEPT", "TWICE", "MANY", "HELD", "EXTRA")
    tryton.desk().goods(dict.fromkeys(codes, 100))
    return tryton


@pytest.fixture
async def shop(goods: Database) -> AsyncIterator[Shop]:
    made = Shop(goods)
    yield made
    await made.books.close()


# -- contacts and orders --------------------------------------------------------------------------------------------


async def test_a_contact_is_a_party_with_ways_to_reach_it(shop: Shop) -> None:
    draft = ContactDraft("phone:+628123456789", "Siti", "siti@example.test", "+628123456789")
    made = await shop.put("contact", draft)
    party = shop.desk.one("party.party", [["id", "=", int(made.id)]], "name", "email", "mobile", "identifiers.code")
    assert (party["name"], party["email"], party["mobile"]) == ("Siti", "siti@example.test", "+628123456789")
    assert [one["code"] for one in party["identifiers."]] == [draft.reference]
    (seen,) = await shop.books.read("contact", [made.id])
    assert (seen.record.name, seen.record.phone, seen.record.reference) == ("Siti", "+628123456789", draft.reference)
    # What a person adds in Tryton stays, and a change of the way of reaching somebody is a change of the contact.
    _, cursor = await shop.drained("contact")
    way = shop.desk.rows("party.contact_mechanism", [["party", "=", int(made.id)], ["type", "=", "email"]], "value")
    shop.desk.call("party.contact_mechanism", "write", [way[0]["id"]], {"value": "siti@baru.test"})
    changed, _ = await shop.drained("contact", cursor)
    assert {s.record.email for s in changed if s.id == made.id} == {"siti@baru.test"}
    await shop.put("contact", msgspec.structs.replace(draft, email="", phone="+62811"), "update", made.id)
    (seen,) = await shop.books.read("contact", [made.id])
    assert (seen.record.email, seen.record.phone) == ("siti@baru.test", "+62811")


async def test_an_order_is_a_quotation_that_holds_its_goods(shop: Shop) -> None:
    assert await shop.available("HELD") == (100, 0)
    order = shop.order(await shop.buyer(), line("HELD", 3, "50000"), note="bungkus kado")
    made = await shop.put("sales_order", order)
    assert (made.total, made.currency, made.status) == (order.total, "IDR", "open")
    sale = shop.sale(made.id, "comment")
    assert (sale["state"], sale["comment"], sale["number"]) == ("quotation", "bungkus kado", made.number)
    assert await shop.available("HELD") == (100, 3)
    changed = shop.order(order.contact_id, line("HELD", 5, "50000"), reference=order.reference, tracking="JNE1")
    again = await shop.put("sales_order", changed, "update", made.id)
    assert (again.id, again.total) == (made.id, changed.total)
    assert await shop.available("HELD") == (100, 5)
    gone = await shop.put("sales_order", changed, "void", made.id)
    assert gone.status == "void"
    assert await shop.available("HELD") == (100, 0)
    assert (await shop.put("sales_order", changed, "void", made.id)).status == "void"
    assert isinstance(await shop.refusal("sales_order", order, "update", made.id), Rejected)


@pytest.mark.parametrize("included", [False, True])
async def test_totals_are_the_stores_to_the_last_rupiah(shop: Shop, included: bool) -> None:
    """Discounts, shipping, a fee, a discount over the whole order; halves that Tryton would round the other way."""
    lines = (
        line("KAOS", 3, "33333", discount="4999", included=included),
        line("TOPI", 1, "50", included=included),
        line("TAS", 7, "150", included=included),
        line("", 1, "9001", role="shipping", included=included),
        line("", 1, "2550", role="fee", rate=Decimal(0), included=included),
        line("", 1, "-1150", role="discount", included=included),
    )
    order, _invoice, invoice_id = await shop.sold(*lines, included=included)
    bill = shop.bill(invoice_id, "move.state")
    assert (bill["total_amount"], bill["state"], bill["move."]["state"]) == (order.total, "posted", "posted")
    assert bill["tax_amount"] == sum(one.tax for one in lines)
    assert bill["reference"] == order.reference
    assert bill["number"].startswith("INV/")


async def test_shipping_and_discount_are_booked_to_their_own_accounts(shop: Shop) -> None:
    _order, _invoice, invoice_id = await shop.sold(
        line("KAOS", 1, "50000"), line("", 1, "9000", role="shipping"), line("", 1, "-1000", role="discount")
    )
    rows = shop.desk.rows("account.invoice.line", [["invoice", "=", int(invoice_id)]], "account.code", "amount")
    assert {(row["account."]["code"], row["amount"]) for row in rows} == {
        ("4.1.1", Decimal(50000)), ("4-4201", Decimal(9000)), ("4-4301", Decimal(-1000)),
    }  # fmt: skip


async def test_what_has_no_place_in_the_books_is_refused_with_a_cure(shop: Shop) -> None:
    contact = await shop.buyer()
    for wrong, code in (
        (shop.order(contact, line("GHOST", 1, "50000")), "unknown_product"),
        (shop.order(contact, line("KAOS", 1, "50000", rate=Decimal("0.12"))), "unmapped_tax"),
        (shop.order(contact, line("", 1, "50", role="rounding")), "missing_mapping"),
        (shop.order("999999", line("KAOS", 1, "50000")), "unknown_contact"),
        (msgspec.structs.replace(shop.order(contact, line("KAOS", 1, "50000")), currency="EUR"), "unknown_currency"),
    ):
        error = await shop.refusal("sales_order", wrong)
        assert isinstance(error, Rejected)
        assert error.code == code
        assert error.cure
        assert wrong.reference in error.message
        assert await shop.books.find("sales_order", [wrong.reference]) == {}


# -- invoices -------------------------------------------------------------------------------------------------------


async def test_an_invoice_confirms_its_order_and_the_warehouse_sees_it(shop: Shop) -> None:
    order = shop.order(await shop.buyer(), line("KAOS", 2, "50000"))
    order_id = (await shop.put("sales_order", order)).id
    invoice = shop.invoice(order, order_id)
    made = await shop.put("invoice", invoice)
    sale = shop.sale(order_id, "invoices", "comment")
    assert (sale["state"], sale["invoices"]) == ("processing", [int(made.id)])
    assert shop.shipments(order_id) == ["waiting"]
    (seen,) = await shop.books.read("invoice", [made.id])
    assert (seen.record.sales_order_id, seen.record.reference, seen.total) == (order_id, order.reference, order.total)
    # Written once more (its answer was lost, say) it is the same invoice.
    again = await shop.put("invoice", invoice)
    assert (again.id, again.number, again.total) == (made.id, made.number, made.total)
    # Courier and number still reach the sale, and the parcel.
    await shop.put("sales_order", msgspec.structs.replace(order, courier="JNE", tracking="J1"), "update", order_id)
    assert shop.sale(order_id, "comment")["comment"] == "JNE J1"
    parcels = shop.desk.rows(
        "stock.shipment.out", [["moves.origin.sale", "=", int(order_id), "sale.line"]], "reference"
    )
    assert [row["reference"] for row in parcels] == ["J1"]
    changed = shop.order(order.contact_id, line("KAOS", 9, "50000"), reference=order.reference)
    assert (await shop.refusal("sales_order", changed, "update", order_id)).code == "order_invoiced"
    assert (await shop.refusal("sales_order", order, "void", order_id)).code == "order_invoiced"
    assert (await shop.refusal("invoice", invoice, "update", made.id)).code == "document_locked"


async def test_an_invoice_with_other_lines_than_the_order_changes_the_order_first(shop: Shop) -> None:
    order = shop.order(await shop.buyer(), line("KAOS", 2, "50000"))
    order_id = (await shop.put("sales_order", order)).id
    lines = (line("KAOS", 1, "50000"), line("TOPI", 1, "20000"))
    made = await shop.put("invoice", shop.invoice(order, order_id, lines=lines, total=total(lines)))
    assert made.total == total(lines)
    assert shop.sale(order_id)["total_amount"] == total(lines)


async def test_a_second_invoice_gets_a_sale_of_its_own(shop: Shop) -> None:
    order, _invoice, first = await shop.sold(line("EXTRA", 1, "50000"))
    order_id = (await shop.books.find("sales_order", [order.reference]))[order.reference].id
    lines = (line("EXTRA", 2, "20000"),)
    more = shop.invoice(order, order_id, reference=f"{order.reference}/2", lines=lines, total=total(lines))
    made = await shop.put("invoice", more)
    assert made.id != first
    assert shop.bill(made.id)["total_amount"] == total(lines)
    assert await shop.available("EXTRA") == (100, 3)
    assert (await shop.put("invoice", more)).id == made.id
    # The helping sale is not an order of ours, nor is it read as one.
    assert await shop.books.find("sales_order", [more.reference]) == {}


async def test_invoices_dated_before_the_last_number_keep_their_day_in_the_accounts(shop: Shop) -> None:
    await shop.sold(line("KAOS", 1, "50000"))
    earlier = today() - dt.timedelta(days=2)
    _order, _invoice, invoice_id = await shop.sold(line("KAOS", 1, "50000"), date=earlier)
    bill = shop.bill(invoice_id, "invoice_date", "move.date")
    assert bill["move."]["date"] == earlier
    assert bill["invoice_date"] == today()
    (seen,) = await shop.books.read("invoice", [invoice_id])
    assert seen.day == earlier


async def test_a_batch_of_a_hundred_with_bad_ones_inside(shop: Shop) -> None:
    contact = await shop.buyer()
    orders = [shop.order(contact, line("MANY", 1, "50000"), line("TOPI", 1, str(1000 + n))) for n in range(100)]
    wrong = {7, 50, 99}
    documents = [
        msgspec.structs.replace(o, lines=(line("GHOST", 1, "1"),)) if n in wrong else o for n, o in enumerate(orders)
    ]
    before = shop.books.calls
    outcomes = await shop.outcomes("sales_order", documents)
    assert shop.books.calls - before < 25
    assert {n for n, outcome in enumerate(outcomes) if isinstance(outcome, Failed)} == wrong
    held = shop.desk.rows("sale.sale", [["reference", "in", [o.reference for o in orders]]], "reference")
    assert len(held) == 97
    assert len({row["reference"] for row in held}) == 97


async def test_one_bad_invoice_does_not_hold_up_its_neighbours(shop: Shop) -> None:
    """What only Tryton can refuse is found by halving, and the others are posted once each."""
    contact = await shop.buyer()
    orders = [shop.order(contact, line("KAOS", 1, str(1000 + n))) for n in range(9)]
    made = [done(outcome).id for outcome in await shop.outcomes("sales_order", orders)]
    shop.desk.press("sale.sale", "cancel", int(made[4]))
    # A product that is not sold any more refuses the confirmation of the sale that has it.
    invoices = [shop.invoice(order, order_id) for order, order_id in zip(orders, made, strict=True)]
    invoices[4] = msgspec.structs.replace(invoices[4], sales_order_id="999999")
    shop.desk.press("sale.sale", "draft", int(made[6]))
    shop.desk.call("sale.sale", "write", [int(made[6])], {"invoice_address": None})
    outcomes = await shop.outcomes("invoice", invoices)
    assert [isinstance(outcome, Done) for outcome in outcomes] == [n not in (4, 6) for n in range(9)]
    numbers = shop.desk.rows("account.invoice", [["reference", "in", [o.reference for o in orders]]], "number")
    assert len(numbers) == 7


async def test_a_sale_that_tryton_cannot_process_does_not_hold_up_the_others(shop: Shop) -> None:
    """Processing happens after the commit, for all confirmed sales at once, and says nothing when it fails."""
    desk = shop.desk
    desk.goods({"NOACC": 10})
    (category,) = desk.create("product.category", {"name": "Tanpa akun", "accounting": True})
    settings = desk.one("account.configuration", [], "default_category_account_revenue")
    (template,) = desk.rows("product.template", [["products.code", "=", "NOACC"]], "name")
    desk.call("product.template", "write", [template["id"]], {"account_category": category})
    contact = await shop.buyer()
    orders = [shop.order(contact, line("NOACC" if n == 2 else "KAOS", 1, str(2000 + n))) for n in range(5)]
    made = [done(outcome).id for outcome in await shop.outcomes("sales_order", orders)]
    desk.call("account.configuration", "write", [settings["id"]], {"default_category_account_revenue": None})
    desk.call("product.category", "write", [category], {"account_revenue": None})
    try:
        await shop.sold(line("KAOS", 1, "50000"))
        invoices = [shop.invoice(order, order_id) for order, order_id in zip(orders, made, strict=True)]
        outcomes = await shop.outcomes("invoice", invoices)
        assert [isinstance(outcome, Done) for outcome in outcomes] == [n != 2 for n in range(5)]
        refused = outcomes[2]
        assert isinstance(refused, Failed)
        assert (refused.error.code, isinstance(refused.error, Rejected)) == ("not_processed", True)
        assert "Errors" in refused.error.cure
        assert shop.sale(made[2])["state"] == "quotation"
    finally:
        account = settings["default_category_account_revenue"]
        desk.call("account.configuration", "write", [settings["id"]], {"default_category_account_revenue": account})
        desk.call("product.category", "write", [category], {"account_revenue": account})
    assert (await shop.put("invoice", invoices[2])).total == orders[2].total


async def test_a_closed_period_names_the_cure_and_leaves_nothing(shop: Shop) -> None:
    day = today() - dt.timedelta(days=70)
    order = shop.order(await shop.buyer(), line("KAOS", 1, "50000"), date=day)
    order_id = (await shop.put("sales_order", order)).id
    shop.desk.close_periods(day)
    for kind, document in (
        ("invoice", shop.invoice(order, order_id)),
        ("receipt", msgspec.structs.replace(shop.receipt("x/P1", order.contact_id, order.total), date=day)),
        ("credit_note", msgspec.structs.replace(shop.credit(shop.invoice(order, order_id), ""), date=day)),
    ):
        error = await shop.refusal(kind, document)
        assert isinstance(error, LockedPeriod), error
        assert "Open the period" in error.cure
        assert await shop.books.find(kind, [document.reference]) == {}
    assert shop.sale(order_id)["state"] == "quotation"
    period = shop.desk.rows("account.period", [["start_date", "<=", day], ["end_date", ">=", day]], "state")
    shop.desk.press("account.period", "reopen", period[0]["id"])
    made = await shop.put("invoice", shop.invoice(order, order_id))
    assert made.total == order.total


# -- credit notes and goods that come back --------------------------------------------------------------------------


async def test_a_cancelled_order_is_taken_off_its_shipment(shop: Shop) -> None:
    order, invoice, invoice_id = await shop.sold(line("UNSHIPPED", 3, "50000"))
    order_id = (await shop.books.find("sales_order", [order.reference]))[order.reference].id
    assert await shop.available("UNSHIPPED") == (100, 3)
    credit = shop.credit(invoice, invoice_id, restock=True, reason="batal")
    made = await shop.put("credit_note", credit)
    assert (made.total, made.number[:3]) == (credit.total, "CN/")
    assert shop.bill(made.id)["total_amount"] == -credit.total
    assert await shop.available("UNSHIPPED") == (100, 0)
    assert shop.shipments(order_id) == ["cancelled"]
    assert shop.sale(order_id, "shipment_state")["shipment_state"] == "none"
    # Nothing had been received: invoice and credit note cancel each other.
    assert {shop.bill(invoice_id)["state"], shop.bill(made.id)["state"]} == {"paid"}
    assert (await shop.put("credit_note", credit)).id == made.id
    assert await shop.available("UNSHIPPED") == (100, 0)


async def test_a_part_is_taken_off_a_shipment_that_waits(shop: Shop) -> None:
    order, invoice, invoice_id = await shop.sold(line("PARTLY", 3, "50000"), line("KAOS", 1, "50000"))
    order_id = (await shop.books.find("sales_order", [order.reference]))[order.reference].id
    credit = shop.credit(invoice, invoice_id, line("PARTLY", 1, "50000"), restock=True)
    await shop.put("credit_note", credit)
    assert await shop.available("PARTLY") == (100, 2)
    assert shop.shipments(order_id) == ["cancelled", "waiting"]
    other = shop.credit(invoice, invoice_id, line("PARTLY", 2, "50000"), mark="R2", restock=True)
    await shop.put("credit_note", other)
    assert await shop.available("PARTLY") == (100, 0)
    moves = shop.desk.rows("stock.move", [["origin.sale", "=", int(order_id), "sale.line"],
                                          ["state", "=", "draft"]], "product.code", "quantity")  # fmt: skip
    assert [(move["product."]["code"], move["quantity"]) for move in moves] == [("KAOS", 1)]


async def test_goods_that_had_left_come_back_by_a_return(shop: Shop) -> None:
    order, invoice, invoice_id = await shop.sold(line("SENT", 3, "50000"))
    order_id = (await shop.books.find("sales_order", [order.reference]))[order.reference].id
    ship(shop, order_id)
    assert await shop.available("SENT") == (97, 0)
    credit = shop.credit(invoice, invoice_id, line("SENT", 2, "50000"), restock=True)
    await shop.put("credit_note", credit)
    assert await shop.available("SENT") == (99, 0)
    back = shop.desk.one("stock.shipment.out.return", [["reference", "=", credit.reference]], "state")
    assert back["state"] == "done"
    kept = shop.credit(invoice, invoice_id, line("SENT", 1, "50000"), mark="R2", restock=False)
    await shop.put("credit_note", kept)
    assert await shop.available("SENT") == (99, 0)


async def test_money_back_without_goods_moves_no_stock(shop: Shop) -> None:
    _order, invoice, invoice_id = await shop.sold(line("KEPT", 2, "50000"), line("", 1, "9000", role="shipping"))
    # The tax of an amount over several rates has no rate of its own.
    amount = DocumentLine("", "Refund 1", Decimal(1), Decimal(9009), Decimal(9009), tax=Decimal(991))
    credit = shop.credit(invoice, invoice_id, amount)
    made = await shop.put("credit_note", credit)
    assert (made.total, credit.total) == (Decimal(10000), Decimal(10000))
    assert shop.bill(made.id)["tax_amount"] == Decimal(-991)
    assert await shop.available("KEPT") == (100, 2)


async def test_a_return_without_a_sale(shop: Shop) -> None:
    contact = await shop.buyer()
    lines = (line("TWICE", 2, "50000"),)
    order = shop.order(contact, *lines)
    credit = msgspec.structs.replace(
        shop.credit(shop.invoice(order, ""), ""), reference=order.reference, restock=True, invoice_id=""
    )
    made = await shop.put("credit_note", credit)
    assert shop.bill(made.id)["total_amount"] == -credit.total
    assert await shop.available("TWICE") == (102, 0)
    assert (await shop.put("credit_note", credit)).id == made.id
    assert await shop.available("TWICE") == (102, 0)


def ship(shop: Shop, order_id: str) -> None:
    """What the warehouse does."""
    (row,) = shop.desk.rows("stock.shipment.out", [["moves.origin.sale", "=", int(order_id), "sale.line"]], "state")
    for button in ("wait", "assign_try", "pick", "pack", "do"):
        shop.desk.press("stock.shipment.out", button, row["id"])
