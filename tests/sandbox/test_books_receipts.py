"""Receipts of the sandbox books: what pays what, what lies as a deposit, and what is refused, without HTTP."""

from __future__ import annotations

from decimal import Decimal

import pytest

from selaras.sandbox.books import truth
from tests.sandbox.books_client import Local, accounts, bill, line, order, receipt, stock


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"total": "0"}, ("not_positive", "total")),
        ({"total": "-1"}, ("not_positive", "total")),
        ({"total": "0.5"}, ("not_exact", "total")),
        ({"total": "Infinity"}, ("invalid_number", "")),
        ({"currency": "USD"}, ("currency_mismatch", "currency")),
        ({"sales_order_id": "sor99999999"}, ("unknown_sales_order", "sales_order_id")),
        ({"invoice_id": "inv99999999"}, ("unknown_invoice", "invoice_id")),
        ({"account": "sales"}, ("unknown_account", "account")),
        ({"account": "nowhere"}, ("unknown_account", "account")),
        ({"bank_transaction_id": "btx99999999"}, ("unknown_bank_transaction", "bank_transaction_id")),
        ({"sales_order_id": ""}, ("unknown_contact", "contact_id")),
    ],
)
def test_receipts_that_are_refused(changes: dict[str, str], refusal: tuple[str, str]) -> None:
    local = Local()
    made = local.one("sales_orders", "create", order())
    before = truth.truth(local.books)
    assert local.refused("receipts", "create", receipt(sales_order_id=made["id"]) | changes) == refusal
    assert truth.truth(local.books) == before


def test_a_bank_line_is_explained_once() -> None:
    local = Local()
    made = local.one("sales_orders", "create", order())
    bank = local.bank_line("30000", account="1-1050")
    pays = {"sales_order_id": made["id"], "bank_transaction_id": bank}
    assert local.refused("receipts", "create", receipt("x", "30001", **pays)) == ("exceeds_bank_transaction", "total")
    assert local.refused("receipts", "create", receipt("x", **pays, account="bank")) == ("account_mismatch", "account")
    local.one("receipts", "create", receipt("a", "10000", **pays))
    assert local.books.bank_transactions.rows[bank].reconciled is False
    local.one("receipts", "create", receipt("b", "20000", **pays))
    assert local.books.bank_transactions.rows[bank].reconciled is True
    assert local.refused("receipts", "create", receipt("c", "1", **pays)) == (
        "already_reconciled",
        "bank_transaction_id",
    )
    assert accounts(local)["clearing"] == Decimal(30_000), "the receipt lies where the bank line does"
    out = local.bank_line("-5000")
    refusal = local.refused("receipts", "create", receipt("d", "5000") | pays | {"bank_transaction_id": out})
    assert refusal == ("exceeds_bank_transaction", "total")


def test_what_an_invoice_does_not_need_lies_as_a_deposit() -> None:
    local = Local()
    made = local.one("sales_orders", "create", order())
    invoice = local.one("invoices", "create", bill(sales_order_id=made["id"]))
    paid = local.one("receipts", "create", receipt("a", "40000", invoice_id=invoice["id"]))
    assert paid["status"] == "open"
    assert local.books.receipts.rows[paid["id"]].applied == Decimal(30_000)
    assert accounts(local)["deposits"] == Decimal(-10_000)
    assert "receivable" not in accounts(local)


def test_a_deposit_is_paid_back_once() -> None:
    local = Local()
    made = local.one("sales_orders", "create", order())
    local.one("receipts", "create", receipt("a", sales_order_id=made["id"]))
    local.one("refund_payments", "create", receipt("r", "20000", sales_order_id=made["id"]))
    again = receipt("s", "10001", sales_order_id=made["id"])
    assert local.refused("refund_payments", "create", again) == ("exceeds_deposit", "total")
    local.one("refund_payments", "create", again | {"total": "10000"})
    invoice = local.one("invoices", "create", bill(sales_order_id=made["id"]))
    assert invoice["status"] == "open", "nothing is left to pay it with"


def test_overpayment_by_switch() -> None:
    local = Local(overpayment=False)
    made = local.one("sales_orders", "create", order())
    pays = {"sales_order_id": made["id"]}
    assert local.refused("receipts", "create", receipt("a", "30001", **pays)) == ("overpayment", "total")
    local.one("receipts", "create", receipt("a", "30000", **pays))
    assert local.refused("receipts", "create", receipt("b", "1", **pays)) == ("overpayment", "total")


def test_negative_stock_by_switch() -> None:
    local = Local(negative_stock=False)
    many = [line(quantity="60")]
    made = local.one("sales_orders", "create", order("1", "900000", lines=many))
    assert local.refused("sales_orders", "create", order("2", "900000", lines=many)) == ("insufficient_stock", "lines")
    local.one("invoices", "create", bill("1", "900000", lines=many, sales_order_id=made["id"]))
    assert stock(local) == (40, 0), "what the order reserved is free for its own invoice"
    assert local.refused("invoices", "create", bill("3", "900000", lines=many)) == ("insufficient_stock", "lines")
