"""What the sandbox books keep and what they refuse, without HTTP."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from selaras.sandbox.books import truth
from tests.sandbox.books_client import DAY, Local, accounts, bill, line, order, receipt, stock

# -- totals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "tax_included", "currency", "total"),
    [
        ([line(quantity="3", price="0.5")], False, "IDR", "2"),  # 1.5 rounds up
        ([line(quantity="1", price="0.5"), line(quantity="1", price="0.5")], False, "IDR", "2"),  # per line
        ([line(quantity="3", price="3.335")], False, "USD", "10.01"),
        ([line(quantity="1", price="1.2345")], False, "KWD", "1.235"),
        ([line(quantity="2", price="100", discount="50", tax="17")], False, "IDR", "167"),
        ([line(quantity="2", price="100", discount="50", tax="15")], True, "IDR", "150"),
        (
            [line(), line("", "1", "-5000", role="discount"), line("", "1", "9000", role="shipping")],
            False,
            "IDR",
            "34000",
        ),
        ([line(quantity="0", price="999")], False, "IDR", "0"),
        ([], False, "IDR", "0"),
    ],
)
def test_totals(lines: list[Any], tax_included: bool, currency: str, total: str) -> None:
    local = Local()
    item = order(lines=lines, tax_included=tax_included, currency=currency, total=total)
    result = local.one("sales_orders", "create", item)
    assert Decimal(result["total"]) == Decimal(total)
    wrong = item | {"reference": "x", "total": str(Decimal(total) + 1)}
    assert local.refused("sales_orders", "create", wrong) == ("total_mismatch", "total")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"lines": [line(amount="29999")]}, ("amount_mismatch", "lines[0].amount")),
        ({"lines": [line(tax="0.5")], "total": "30000.5"}, ("not_exact", "lines[0].tax")),
        ({"lines": [line(quantity="-2")], "total": "-30000"}, ("invalid_quantity", "lines[0].quantity")),
        ({"lines": [line(quantity="1e30", price="0")], "total": "0"}, ("invalid_quantity", "lines[0].quantity")),
        ({"lines": [line("", "1", "30000", role="luck")]}, ("unknown_role", "lines[0].role")),
        ({"lines": [line("", "1", "-1", role="discount")], "total": "-1"}, ("negative_total", "total")),
        ({"lines": [line(price="NaN")], "total": "NaN"}, ("total_mismatch", "total")),
        ({"lines": [line(price="sNaN")], "total": "1"}, ("invalid_number", "")),
        ({"currency": "CHF"}, ("unknown_currency", "currency")),
        ({"currency": "idr"}, ("unknown_currency", "currency")),
        ({"contact_id": ""}, ("unknown_contact", "contact_id")),
    ],
)
def test_orders_that_are_refused_leave_nothing_behind(changes: dict[str, Any], refusal: tuple[str, str]) -> None:
    local = Local()
    before = truth.truth(local.books)
    assert local.refused("sales_orders", "create", order(**changes)) == refusal
    assert truth.truth(local.books) == before


def test_amounts_are_filled_in() -> None:
    local = Local()
    result = local.one("sales_orders", "create", order(lines=[line(discount="1")], total="29999"))
    assert local.books.sales_orders.rows[result["id"]].lines[0].amount == Decimal(29999)


# -- an order's life ---------------------------------------------------------------------------------------------


def test_order_invoice_receipt() -> None:
    local = Local()
    made = local.one("sales_orders", "create", order(lines=[line(tax="3300")], total="33300"))
    assert stock(local) == (100, 2)
    assert "receivable" not in accounts(local), "an order owes nothing yet"
    invoice = local.one("invoices", "create", bill(lines=[line(tax="3300")], total="33300", sales_order_id=made["id"]))
    assert stock(local) == (98, 0)
    opening = {"inventory": Decimal(1_100_000 - 18_000), "equity": Decimal(-1_100_000), "cogs": Decimal(18_000)}
    sold = {"sales": Decimal(-30_000), "output_tax": Decimal(-3_300)}
    assert accounts(local) == opening | sold | {"receivable": Decimal(33_300)}
    part = local.one("receipts", "create", receipt("a", "13300", invoice_id=invoice["id"]))
    assert part["status"] == "paid"
    assert local.books.invoices.rows[invoice["id"]].status == "open"
    local.one("receipts", "create", receipt("b", "20000", sales_order_id=made["id"], account="clearing"))
    assert local.books.invoices.rows[invoice["id"]].status == "paid"
    assert local.books.sales_orders.rows[made["id"]].status == "paid"
    assert accounts(local) == opening | sold | {"bank": Decimal(13_300), "clearing": Decimal(20_000)}
    (entry,) = truth.sales(local.books)["1001"]
    assert entry["documents"] == ["sales_order 1001", "invoice 1001", "receipt a", "receipt b"]
    assert entry["balance"] == "0"


def test_a_deposit_is_applied_when_the_invoice_comes() -> None:
    local = Local()
    made = local.one("sales_orders", "create", order())
    first = local.one("receipts", "create", receipt("a", "20000", sales_order_id=made["id"]))
    second = local.one("receipts", "create", receipt("b", "15000", sales_order_id=made["id"]))
    assert (first["status"], second["status"]) == ("open", "open")
    assert accounts(local)["deposits"] == Decimal(-35_000)
    assert local.books.sales_orders.rows[made["id"]].status == "paid"
    invoice = local.one("invoices", "create", bill(sales_order_id=made["id"]))
    assert invoice["status"] == "paid"
    assert accounts(local)["deposits"] == Decimal(-5_000), "5,000 too much stays with us as the customer's"
    receipts = local.books.receipts.rows
    assert (receipts[first["id"]].status, receipts[second["id"]].status) == ("paid", "open")
    back = {"sales_order_id": made["id"]}
    assert local.refused("refund_payments", "create", receipt("r", "5001", **back)) == ("exceeds_deposit", "total")
    local.one("refund_payments", "create", receipt("r", "5000", **back))
    assert "deposits" not in accounts(local)
    assert truth.sales(local.books)["1001"][0]["balance"] == "0"


def test_tax_inside_the_price() -> None:
    local = Local()
    local.one("invoices", "create", bill(lines=[line(price="11100", tax="2200")], total="22200", tax_included=True))
    assert accounts(local)["sales"] == Decimal(-20_000)
    assert accounts(local)["output_tax"] == Decimal(-2_200)


def test_roles_have_their_own_accounts() -> None:
    local = Local()
    lines = [line(), line("", "1", "-1000", role="discount"), line("", "1", "7000", role="shipping"),
             line("", "1", "2", role="rounding"), line("", "1", "10", role="fee")]  # fmt: skip
    local.one("invoices", "create", bill(lines=lines, total="36012"))
    found = accounts(local)
    assert [found[role] for role in ("sales", "discount", "shipping", "rounding", "fee")] == [
        -30_000, 1_000, -7_000, -2, -10,
    ]  # fmt: skip


def test_a_bundle_moves_its_parts_and_a_service_moves_nothing() -> None:
    local = Local()
    lines = [line("SET", "2", "24000"), line("WRAP", "1", "5000")]
    made = local.one("sales_orders", "create", order(lines=lines, total="53000"))
    assert (stock(local, "P1"), stock(local, "P2")) == ((100, 2), (50, 4))
    local.one("invoices", "create", bill(lines=lines, total="53000", sales_order_id=made["id"]))
    assert (stock(local, "P1"), stock(local, "P2")) == ((98, 0), (46, 0))
    assert accounts(local)["cogs"] == Decimal(2 * 9_000 + 4 * 4_000)
    assert "SET" not in local.books.stock_of


def test_credit_note_restock_and_money_back() -> None:
    local = Local()
    made = local.one("sales_orders", "create", order())
    invoice = local.one("invoices", "create", bill(sales_order_id=made["id"]))
    local.one("receipts", "create", receipt(invoice_id=invoice["id"]))
    half = [line(quantity="1")]
    note = local.one(
        "credit_notes",
        "create",
        bill("c1", "15000", lines=half, invoice_id=invoice["id"], restock=True, reason="rusak"),
    )
    assert note["status"] == "open"
    assert stock(local) == (99, 0)
    assert accounts(local)["receivable"] == Decimal(-15_000)
    assert accounts(local)["cogs"] == Decimal(9_000)
    too_much = bill("c2", "30000", invoice_id=invoice["id"])
    assert local.refused("credit_notes", "create", too_much) == ("exceeds_invoice", "total")
    local.one("refund_payments", "create", receipt("r1", "10000", credit_note_id=note["id"]))
    assert local.refused("refund_payments", "create", receipt("r2", "5001", credit_note_id=note["id"])) == (
        "exceeds_credit",
        "total",
    )
    local.one("refund_payments", "create", receipt("r2", "5000", credit_note_id=note["id"]))
    assert local.books.credit_notes.rows[note["id"]].status == "paid"
    assert "receivable" not in accounts(local)
    local.one("credit_notes", "create", bill("c3", "15000", lines=half, invoice_id=invoice["id"]))
    assert stock(local) == (99, 0), "without restock nothing comes back"
    assert local.books.invoices.rows[invoice["id"]].status == "void"
    assert truth.sales(local.books)["1001"][0]["balance"] == "-15000", "credited, the money is still here"


def test_a_credit_note_of_an_unpaid_invoice_is_settled_at_once() -> None:
    local = Local()
    invoice = local.one("invoices", "create", bill())
    note = local.one("credit_notes", "create", bill("c", invoice_id=invoice["id"]))
    assert note["status"] == "paid"
    assert local.books.invoices.rows[invoice["id"]].status == "void"


# -- changes -----------------------------------------------------------------------------------------------------


def test_an_order_changes_until_it_is_invoiced_and_its_parcel_always() -> None:
    local = Local()
    made = local.one("sales_orders", "create", order())
    change = {"id": made["id"], "lines": [line(quantity="5")], "total": "75000"}
    assert local.one("sales_orders", "update", change)["version"] == "2"
    assert stock(local) == (100, 5)
    assert local.refused("sales_orders", "update", change | {"total": "1"}) == ("total_mismatch", "total")
    assert stock(local) == (100, 5)
    local.one("invoices", "create", bill(total="75000", lines=[line(quantity="5")], sales_order_id=made["id"]))
    assert local.refused("sales_orders", "update", {"id": made["id"], "note": "x"}) == ("order_invoiced", "id")
    local.books.closed_until = local.books.sales_orders.rows[made["id"]].date
    whole = order(total="75000", lines=[line(quantity="5")], tracking="JX1", courier="JNE")
    local.one("sales_orders", "update", {"id": made["id"]} | whole)
    row = local.books.sales_orders.rows[made["id"]]
    assert (row.tracking, row.courier) == ("JX1", "JNE")
    same = local.one("sales_orders", "update", {"id": made["id"]} | whole)
    assert same["version"] == str(row.version), "a change that changes nothing is no change"


def test_an_invoice_changes_until_money_lies_on_it() -> None:
    local = Local()
    made = local.one("sales_orders", "create", order())
    invoice = local.one("invoices", "create", bill(sales_order_id=made["id"]))
    local.one("invoices", "update", {"id": invoice["id"], "lines": [line(quantity="1")], "total": "15000"})
    assert stock(local) == (99, 0)
    assert accounts(local)["receivable"] == Decimal(15_000)
    assert accounts(local)["cogs"] == Decimal(9_000)
    assert local.books.sales_orders.rows[made["id"]].invoiced == Decimal(15_000)
    journals = len(local.books.journals)
    assert journals == 2 + 2 + 2 + 2, "opening, entries, their reversal, new entries: nothing is removed"
    local.books.closed_until = local.books.invoices.rows[invoice["id"]].date
    change = {"id": invoice["id"], "date": "2026-11-25"}
    assert local.refused("invoices", "update", change) == ("period_locked", "date")
    local.books.closed_until = None
    local.one("receipts", "create", receipt("a", "1", invoice_id=invoice["id"]))
    assert local.refused("invoices", "update", change) == ("document_locked", "id")


def test_a_reference_can_change_and_is_found_by_the_new_one_alone() -> None:
    local = Local()
    first, second = (local.one("sales_orders", "create", order(name)) for name in ("a", "b"))
    assert local.refused("sales_orders", "update", {"id": first["id"], "reference": "b"}) == (
        "duplicate_reference",
        "reference",
    )
    local.one("sales_orders", "update", {"id": first["id"], "reference": "c"})
    table = local.books.sales_orders
    assert [row.id for row in table.by_references(["a", "b", "c"], local.now)] == [second["id"], first["id"]]
    assert truth.references(local.books)["sales_orders"] == {"b": 1, "c": 1}


def test_void() -> None:
    local = Local()
    made = local.one("sales_orders", "create", order())
    assert local.one("sales_orders", "void", {"id": made["id"]})["status"] == "void"
    assert stock(local) == (100, 0)
    assert local.one("sales_orders", "void", {"id": made["id"]})["status"] == "void", "twice is harmless"
    assert stock(local) == (100, 0)
    for kind, item in (("invoices", bill("x")), ("receipts", receipt("x"))):
        refusal = local.refused(kind, "create", item | {"sales_order_id": made["id"]})
        assert refusal == ("document_void", "sales_order_id")
    assert local.refused("sales_orders", "update", {"id": made["id"], "note": "x"}) == ("document_void", "id")
    assert local.refused("sales_orders", "void", {"id": "sor99999999"}) == ("not_found", "id")


def test_an_invoiced_order_is_void_only_after_its_credit() -> None:
    local = Local()
    made = local.one("sales_orders", "create", order())
    invoice = local.one("invoices", "create", bill(sales_order_id=made["id"]))
    assert local.refused("sales_orders", "void", {"id": made["id"]}) == ("order_invoiced", "id")
    local.one("credit_notes", "create", bill("c", invoice_id=invoice["id"], restock=True))
    assert local.one("sales_orders", "void", {"id": made["id"]})["status"] == "void"
    assert stock(local) == (100, 0)


def test_a_change_may_be_conditional() -> None:
    local = Local()
    made = local.one("sales_orders", "create", order())
    change = {"id": made["id"], "version": "1", "note": "a"}
    assert local.one("sales_orders", "update", change)["version"] == "2"
    assert local.refused("sales_orders", "update", change | {"note": "b"}) == ("stale_version", "version")


# -- the supply side ---------------------------------------------------------------------------------------------


def test_a_purchase_raises_stock_once_received() -> None:
    local = Local(warehouses=("MAIN", "SHOP"))
    item = order("p", "180000", contact_id="con00000002", lines=[line(quantity="20", price="9000")], warehouse="SHOP")
    made = local.one("purchases", "create", item)
    assert stock(local) == (100, 0)
    assert accounts(local)["payable"] == Decimal(-180_000)
    assert local.one("purchases", "update", {"id": made["id"], "received": True})["status"] == "received"
    assert stock(local) == (120, 0)
    assert [(s.warehouse, int(s.on_hand)) for s in local.books.stock_of["P1"].warehouses] == [
        ("MAIN", 100),
        ("SHOP", 20),
    ]
    assert local.refused("purchases", "update", {"id": made["id"], "received": False}) == (
        "document_locked",
        "received",
    )
    assert local.refused("purchases", "create", item | {"reference": "q", "warehouse": "MOON"}) == (
        "unknown_warehouse",
        "warehouse",
    )


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        ([("bank", "5", "0"), ("sales", "0", "4")], ("unbalanced", "lines")),
        ([], ("unbalanced", "lines")),
        ([("bank", "5", "5")], ("one_side", "lines[0]")),
        ([("bank", "0", "0")], ("one_side", "lines[0]")),
        ([("bank", "-5", "0"), ("sales", "0", "-5")], ("one_side", "lines[0]")),
        ([("bank", "0.5", "0"), ("sales", "0", "0.5")], ("not_exact", "lines[0]")),
        ([("moon", "5", "0"), ("sales", "0", "5")], ("unknown_account", "lines[0].account")),
    ],
)
def test_journals_that_are_refused(lines: list[tuple[str, str, str]], refusal: tuple[str, str]) -> None:
    local = Local()
    sides = [{"account": a, "debit": d, "credit": c} for a, d, c in lines]
    assert local.refused("journals", "create", {"date": DAY, "currency": "IDR", "lines": sides}) == refusal


def test_a_manual_journal_may_bear_the_reference_of_a_document_but_not_of_another_journal() -> None:
    local = Local()
    local.one("invoices", "create", bill("1001"))
    item = {"date": DAY, "currency": "IDR", "reference": "1001",
            "lines": [{"account": "bank", "debit": "5"}, {"account": "sales", "credit": "5"}]}  # fmt: skip
    local.one("journals", "create", item)
    assert local.refused("journals", "create", item) == ("duplicate_reference", "reference")


def test_contacts_and_products() -> None:
    local = Local()
    made = local.one("contacts", "create", {"reference": "c1", "name": "Sari", "phone": "+62812"})
    assert made["total"] is None
    assert local.refused("contacts", "create", {"name": " "}) == ("missing", "name")
    assert local.refused("contacts", "create", {"name": "A", "kind": "friend"}) == ("invalid", "kind")
    assert local.refused("contacts", "create", {"name": "A", "reference": "c1"}) == ("duplicate_reference", "reference")
    assert local.one("contacts", "update", {"id": made["id"], "active": False})["status"] == "inactive"
    assert local.refused("products", "create", {"code": "P1", "name": "x"}) == ("duplicate_code", "code")
    assert local.refused("products", "create", {"code": " P9", "name": "x"}) == ("missing", "code")
    nested = {"code": "B", "name": "x", "components": [{"code": "SET", "quantity": "1"}]}
    assert local.refused("products", "create", nested) == ("unknown_product", "components[0].code")
    product = local.books.by_code["P1"].id
    assert local.refused("products", "update", {"id": product, "price": "-1"}) == ("invalid", "price")
    local.one("products", "update", {"id": product, "cost": "9500"})
    local.one("invoices", "create", bill())
    assert accounts(local)["cogs"] == Decimal(19_000)


def test_every_kind_respects_the_closed_period() -> None:
    local = Local()
    made = local.one("sales_orders", "create", order())
    invoice = local.one("invoices", "create", bill(sales_order_id=made["id"]))
    note = local.one("credit_notes", "create", bill("c", "15000", lines=[line(quantity="1")], invoice_id=invoice["id"]))
    local.books.closed_until = local.books.sales_orders.rows[made["id"]].date
    before = truth.truth(local.books)
    sides = [{"account": "bank", "debit": "5"}, {"account": "sales", "credit": "5"}]
    for kind, item in (
        ("sales_orders", order("x")),
        ("invoices", bill("x")),
        ("receipts", receipt("x", invoice_id=invoice["id"])),
        ("credit_notes", bill("x", "15000", lines=[line(quantity="1")])),
        ("refund_payments", receipt("x", "1", credit_note_id=note["id"])),
        ("purchases", order("x", contact_id="con00000002")),
        ("journals", {"date": DAY, "currency": "IDR", "lines": sides}),
    ):
        assert local.refused(kind, "create", item) == ("period_locked", "date"), kind
        assert local.run(kind, "create", item, source="hand")[0]["code"] == "period_locked", "a person too"
    assert truth.truth(local.books) == before
