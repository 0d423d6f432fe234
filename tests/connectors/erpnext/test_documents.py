"""What stands in ERPNext after each document: exact totals, rows, taxes, stock, and what is owed."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from selaras.connectors.contract import Write
from selaras.model.document import DocumentLine
from selaras.model.money import ZERO
from tests.connectors.erpnext.shop import RATE, a_shop, line
from tests.connectors.erpnext.standin_people import RECEIVABLE

SHIPPING = DocumentLine("", "JNE", Decimal(1), Decimal(9001), Decimal(9001), ZERO, Decimal(990), RATE, "shipping")
COUPON = DocumentLine("", "KUPON", Decimal(1), Decimal(-5000), Decimal(-5000), ZERO, ZERO, ZERO, "discount")
FEE = DocumentLine("", "Biaya layanan", Decimal(1), Decimal(2500), Decimal(2500), role="fee")


# -- rows, taxes and totals -----------------------------------------------------------------------------------------


async def test_awkward_amounts_end_in_the_stores_total() -> None:
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 3, "33333", discount="1"), line("TOPI", 7, "1429"), SHIPPING, COUPON, FEE)
        made = await shop.put("sales_order", order)
        doc = shop.doc("Sales Order", made.id)
        assert made.total == order.total == Decimal(str(doc["grand_total"]))
        assert [(row["item_code"], row["qty"], row["rate"]) for row in doc["items"]] == [
            ("KAOS", 1.0, 33332.0), ("KAOS", 2.0, 33333.0), ("TOPI", 7.0, 1429.0),
        ]  # fmt: skip
        charges = {row["account_head"]: row["tax_amount"] for row in doc["taxes"]}
        assert charges == {
            "4200.000 - Pendapatan Ongkir - PCI": 9001.0, "4190.000 - Potongan Penjualan - PCI": -5000.0,
            "4300.000 - Pendapatan Lain - PCI": 2500.0, "PPN Keluaran 11% - PCI": 11000.0 + 1100.0 + 990.0,
        }  # fmt: skip


async def test_prices_with_tax_inside_by_amount_and_by_rate() -> None:
    for by, rate, row in (("amount", 112613.0, None), ("rate", 125000.0, 1)):
        async with a_shop(taxes_by=by) as shop:
            order = shop.order(line("KAOS", 1, "125000", included=True), included=True)
            made = await shop.put("sales_order", order)
            doc = shop.doc("Sales Order", made.id)
            assert made.total == 125000
            assert doc["items"][0]["rate"] == rate
            assert doc["taxes"][0].get("included_in_print_rate") == row
            assert doc["taxes"][0]["account_head"] == "PPN Keluaran 11% - PCI"


async def test_by_rate_gives_way_where_erpnext_would_come_to_another_total() -> None:
    """11 % of 99,999 is 10,999.89 to ERPNext and 11,000 to the store."""
    async with a_shop(taxes_by="rate") as shop:
        odd = await shop.put("sales_order", shop.order(line("KAOS", 1, "99999")))
        even = await shop.put("sales_order", shop.order(line("KAOS", 1, "100000")))
        assert [odd.total, even.total] == [Decimal(110999), Decimal(111000)]
        assert shop.doc("Sales Order", odd.id)["taxes"][0]["charge_type"] == "Actual"
        assert shop.doc("Sales Order", even.id)["taxes"][0]["charge_type"] == "On Net Total"


async def test_two_rates_and_no_rate() -> None:
    async with a_shop() as shop:
        twelve = Decimal("0.12")
        mixed = shop.order(
            line("KAOS", 1, "10000"), line("TOPI", 1, "10000", rate=twelve), line("KOPI", 1, "5", rate=ZERO)
        )
        doc = shop.doc("Sales Order", (await shop.put("sales_order", mixed)).id)
        assert [(row["account_head"], row["tax_amount"]) for row in doc["taxes"]] == [
            ("PPN Keluaran 11% - PCI", 1100.0), ("PPN Keluaran 12% - PCI", 1200.0),
        ]  # fmt: skip
        # Without tax: the company's default template (11 %) must not be added.
        free = shop.order(line("KAOS", 1, "10000", rate=ZERO))
        made = await shop.put("sales_order", free)
        assert made.total == 10000
        error = await shop.refusal("sales_order", shop.order(line("KAOS", 1, "10000", rate=Decimal("0.07"))))
        assert (error.code, error.field) == ("unknown_tax", "lines.tax")


async def test_a_price_of_zero_stays_zero() -> None:
    """ERPNext fills a rate of zero from the price list (99,000 here) unless it is told otherwise."""
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 2, "0"), line("TOPI", 1, "10000"))
        made = await shop.put("sales_order", order)
        assert made.total == order.total == 11100
        whole = shop.order(line("KAOS", 1, "50000", discount="50000"))
        assert (await shop.put("sales_order", whole)).total == 0


async def test_the_same_item_on_two_lines() -> None:
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 1, "10000"), line("KAOS", 1, "10000"), line("KAOS", 3, "10000", discount="1"))
        assert (await shop.put("sales_order", order)).total == order.total


async def test_an_order_without_goods_needs_the_service_item() -> None:
    async with a_shop() as shop:
        order = shop.order(FEE, SHIPPING)
        assert (await shop.put("sales_order", order)).total == order.total
    async with a_shop(item_service="") as shop:
        assert (await shop.refusal("sales_order", shop.order(FEE))).code == "missing_mapping"


async def test_lines_that_do_not_add_up_are_never_sent() -> None:
    async with a_shop() as shop:
        wrong = msgspec.structs.replace(shop.order(line("KAOS", 1, "10000")), total=Decimal(11101))
        assert (await shop.refusal("sales_order", wrong)).code == "total_mismatch"
        assert shop.site.calls["CALL insert_many"] == 0


async def test_what_the_mapping_chose_is_taken() -> None:
    async with a_shop() as shop:
        shop.site.people.item("BUKU")
        shop.site.selling.bin("BUKU", "Finished Goods - PCI")["actual_qty"] = 5.0
        chosen = line(
            "BUKU", 1, "10000", account="4300.000 - Pendapatan Lain - PCI", tax_code="PPN 12% - PCI",
            warehouse="Finished Goods - PCI",
        )  # fmt: skip
        order = shop.order(chosen, dimensions=(("cost_center", "Main - PCI"), ("project", "PROJ-0001")))
        order_id = (await shop.put("sales_order", order)).id
        invoice = await shop.put("invoice", shop.invoice(order, order_id, receivable="1131.0010"))
        doc = shop.doc("Sales Invoice", invoice.id)
        (row,) = doc["items"]
        assert (row["income_account"], row["warehouse"]) == (chosen.account, chosen.warehouse)
        assert (doc["debit_to"], doc["project"], row["project"]) == (RECEIVABLE, "PROJ-0001", "PROJ-0001")
        assert doc["taxes"][0]["account_head"] == "PPN Keluaran 12% - PCI"
        # A dimension that ERPNext has no field for would vanish in silence.
        lost = shop.order(line("KAOS", 1, "10000"), dimensions=(("branch", "Bandung"),))
        assert (await shop.refusal("sales_order", lost)).code == "unknown_dimension"


# -- goods ----------------------------------------------------------------------------------------------------------


async def test_an_order_reserves_and_its_invoice_takes_the_goods() -> None:
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 3, "10000", discount="1"))
        order_id = (await shop.put("sales_order", order)).id
        assert shop.bin("KAOS") == (100.0, 3.0)
        invoice_id = (await shop.put("invoice", shop.invoice(order, order_id))).id
        assert shop.bin("KAOS") == (97.0, 0.0)
        assert shop.doc("Sales Order", order_id)["status"] == "Completed"
        back = shop.credit("1001/R1", invoice_id, line("KAOS", 1, "10000"), restock=True)
        await shop.put("credit_note", back)
        assert shop.bin("KAOS") == (98.0, 0.0)


async def test_deliveries_are_the_warehouses_business() -> None:
    async with a_shop(stock="delivery") as shop:
        _, order_id, invoice_id = await shop.sold(line("KAOS", 3, "10000"))
        assert shop.bin("KAOS") == (100.0, 3.0)
        assert shop.doc("Sales Order", order_id)["status"] == "To Deliver"
        # Goods that no invoice moved cannot come back by a credit note.
        await shop.put("credit_note", shop.credit("1001/R1", invoice_id, line("KAOS", 1, "10000"), restock=True))
        assert shop.bin("KAOS")[0] == 100.0


async def test_goods_that_are_not_there_are_told() -> None:
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 101, "10000"))
        order_id = (await shop.put("sales_order", order)).id
        error = await shop.refusal("invoice", shop.invoice(order, order_id))
        assert (error.code, error.field) == ("insufficient_stock", "lines")
        assert shop.bin("KAOS") == (100.0, 101.0)
        assert shop.owed() == 0


async def test_what_an_invoice_leaves_of_its_order_is_no_longer_reserved() -> None:
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 2, "10000"), line("TOPI", 1, "5000"))
        order_id = (await shop.put("sales_order", order)).id
        less = shop.order(line("KAOS", 2, "10000"), reference=order.reference)
        await shop.put("invoice", shop.invoice(less, order_id))
        assert (shop.bin("KAOS"), shop.bin("TOPI")) == ((98.0, 0.0), (100.0, 0.0))
        # A second invoice of the same order is not tied to rows that are billed.
        more = shop.order(line("KAOS", 1, "10000"), reference=f"{order.reference}/2")
        await shop.put("invoice", shop.invoice(more, order_id))
        assert shop.bin("KAOS") == (97.0, 0.0)


# -- changes --------------------------------------------------------------------------------------------------------


async def test_an_order_keeps_its_first_name_through_amendments() -> None:
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 1, "10000"))
        first = (await shop.put("sales_order", order)).id
        more = order
        for pieces in (2, 3):
            more = shop.order(line("KAOS", pieces, "10000"), reference=order.reference)
            again = await shop.put("sales_order", more, "update", first)
            assert (again.id, again.total) == (first, more.total)
        assert shop.doc("Sales Order", f"{first}-2")["docstatus"] == 1
        assert shop.bin("KAOS") == (100.0, 3.0)
        (seen,) = await shop.books.read("sales_order", [first])
        assert (seen.id, seen.record.total) == (first, more.total)
        rows, _ = await shop.drained("sales_order")
        assert [(row.id, row.record.total) for row in rows] == [(first, more.total)]
        # Its invoice and its deposit find the document that counts.
        await shop.put("receipt", shop.receipt("1001/P1", 100, sales_order_id=first))
        invoice = await shop.put("invoice", shop.invoice(more, first))
        assert shop.doc("Sales Invoice", invoice.id)["items"][0]["sales_order"] == f"{first}-2"
        (bill,) = await shop.books.read("invoice", [invoice.id])
        assert bill.record.sales_order_id == first
        refused = await shop.refusal("sales_order", order, "update", first)
        assert refused.code == "order_invoiced"


async def test_a_person_amends_our_order() -> None:
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 1, "10000"))
        first = (await shop.put("sales_order", order)).id
        held = dict(shop.doc("Sales Order", first))
        shop.site.update("Sales Order", first, {"docstatus": 2})
        shop.site.insert({**held, "docstatus": 1, "amended_from": first, "name": ""})
        found = await shop.books.find("sales_order", [order.reference])
        assert found[order.reference].id == first
        assert (await shop.put("sales_order", order, "void", first)).status == "void"
        assert await shop.books.find("sales_order", [order.reference]) == {}


async def test_a_draft_under_our_reference_is_submitted_where_it_is_ours() -> None:
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 1, "10000"))
        made = (await shop.put("sales_order", order)).id
        held = shop.doc("Sales Order", made)
        held["docstatus"] = 0
        assert await shop.books.find("sales_order", [order.reference]) == {}
        again = await shop.put("sales_order", order)
        assert (again.id, shop.doc("Sales Order", made)["docstatus"]) == (made, 1)
        other = shop.order(line("KAOS", 2, "10000"), reference=order.reference)
        assert (await shop.refusal("sales_order", other)).code == "duplicate_reference"


async def test_one_bad_document_of_twenty_is_found_by_halves() -> None:
    async with a_shop() as shop:
        orders = [shop.order(line("KAOS", 1, "10000")) for _ in range(20)]
        orders[7] = msgspec.structs.replace(orders[7], contact_id="Nobody")
        outcomes = await shop.books.write("sales_order", "create", [Write(o.reference, o) for o in orders])
        bad = [n for n, one in enumerate(outcomes) if not hasattr(one, "id")]
        assert bad == [7]
        assert len(shop.site.db.table("Sales Order")) == 19
        assert outcomes[7].error.code == "not_found"  # type: ignore[union-attr]
