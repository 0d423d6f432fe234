"""Money in: what a receipt writes off, receipts and journal entries that explain bank lines, and taking them back."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from selaras.sandbox.books import truth
from selaras.sandbox.books.kinds import BankTransaction
from tests.sandbox.books_client import DAY, Local, bill, order, receipt


def accounts(local: Local) -> dict[str, Decimal]:
    """Debit − credit by role, without the accounts that are even and those of goods."""
    found = truth.balances(local.books)["IDR"].items()
    return {role: amount for role, amount in found if amount and role not in ("inventory", "equity", "cogs", "sales")}


def sold(local: Local) -> tuple[str, str]:
    """An order of 30,000 that is invoiced; ids of both."""
    made = local.one("sales_orders", "create", order())["id"]
    return made, local.one("invoices", "create", bill(sales_order_id=made))["id"]


def explained(line: BankTransaction) -> tuple[int, bool]:
    """How much of a bank line is explained, and whether that is all of it."""
    return int(line.explained), line.reconciled


def off(amount: str, role: str = "transfer_fee", **more: str) -> dict[str, str]:
    return {"role": role, "amount": amount, **more}


def payout(bank: str, net: str = "29000", **more: Any) -> dict[str, Any]:
    """A payout of a gateway: bank and fee against clearing."""
    lines = [
        {"account": "bank", "debit": net},
        {"account": "gateway_fee", "debit": "1000", "note": "MDR"},
        {"account": "clearing", "credit": str(int(net) + 1000)},
    ]
    return {
        "reference": "po-1", "date": DAY, "currency": "IDR", "lines": lines, "total": str(int(net) + 1000),
        "note": "Payout 1", "bank_transaction_id": bank,
    } | more  # fmt: skip


# -- write-offs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "write_offs", "found"),
    [
        ("27500", [off("2500")], {"bank": 27_500, "transfer_fee": 2_500}),
        ("29400", [off("600", "withholding")], {"bank": 29_400, "withholding": 600}),
        ("30123", [off("-123", "rounding")], {"bank": 30_123, "rounding": -123}),
        ("26900", [off("2500"), off("600", "withholding", account="1-1450")],
         {"bank": 26_900, "transfer_fee": 2_500, "withholding": 600}),
        ("28000", [off("2500", account="acc-6-1000")], {"bank": 28_000, "charges": 2_500, "deposits": -500}),
        ("27000", [off("2500")], {"bank": 27_000, "transfer_fee": 2_500, "receivable": 500}),
    ],
)  # fmt: skip
def test_a_receipt_settles_its_money_and_what_it_writes_off(
    total: str, write_offs: list[dict[str, str]], found: dict[str, int]
) -> None:
    local = Local()
    order_id, invoice_id = sold(local)
    made = local.one("receipts", "create", receipt("a", total, invoice_id=invoice_id, write_offs=write_offs))
    assert accounts(local) == found
    row = local.books.receipts.rows[made["id"]]
    balance = local.books.invoices.rows[invoice_id].balance
    assert row.total == Decimal(total)
    assert row.applied + balance == Decimal(30_000)
    assert local.books.sales_orders.rows[order_id].received == row.settled
    assert Decimal(truth.sales(local.books)["1001"][0]["balance"]) == Decimal(30_000) - row.settled
    assert all(one.account.startswith("acc-") for one in row.write_offs)


def test_what_is_written_off_pays_an_order_too_and_its_invoice_takes_all_of_it() -> None:
    local = Local()
    made = local.one("sales_orders", "create", order())
    local.one(
        "receipts", "create", receipt("a", "29000", sales_order_id=made["id"], write_offs=[off("1000", "rounding")])
    )
    assert local.books.sales_orders.rows[made["id"]].status == "paid"
    assert accounts(local)["deposits"] == Decimal(-30_000)
    invoice = local.one("invoices", "create", bill(sales_order_id=made["id"]))
    assert invoice["status"] == "paid"
    assert accounts(local) == {"bank": 29_000, "rounding": 1_000}


@pytest.mark.parametrize(
    ("one", "refusal"),
    [
        (off("0"), ("invalid", "write_offs[0].amount")),
        (off("0.5"), ("not_exact", "write_offs[0].amount")),
        (off("-30000"), ("not_positive", "write_offs")),
        (off("100", "sales"), ("unknown_role", "write_offs[0].account")),
        (off("100", account="moon"), ("unknown_account", "write_offs[0].account")),
        (off("100", account="bank"), ("account_type", "write_offs[0].account")),
        (off("100", account="clearing"), ("account_type", "write_offs[0].account")),
        (off("100", account="receivable"), ("account_type", "write_offs[0].account")),
        (off("100", account="equity"), ("account_type", "write_offs[0].account")),
        (off("NaN"), ("not_exact", "write_offs[0].amount")),
        ({"role": "rounding"}, ("invalid", "write_offs[0]")),
    ],
)
def test_write_offs_that_are_refused_change_nothing(one: dict[str, str], refusal: tuple[str, str]) -> None:
    local = Local()
    _, invoice_id = sold(local)
    before = truth.truth(local.books)
    item = receipt("a", "30000", invoice_id=invoice_id, write_offs=[one])
    assert local.refused("receipts", "create", item) == refusal
    assert truth.truth(local.books) == before


def test_where_nothing_may_be_overpaid_write_offs_count() -> None:
    local = Local(overpayment=False)
    _, invoice_id = sold(local)
    more = receipt("a", "29000", invoice_id=invoice_id, write_offs=[off("1001")])
    assert local.refused("receipts", "create", more) == ("overpayment", "total")
    local.one("receipts", "create", more | {"write_offs": [off("1000")]})


# -- exchanges -----------------------------------------------------------------------------------------------------

USD_LINE = {"code": "P1", "name": "P1", "quantity": "2", "unit_price": "50", "amount": "100"}
DOLLARS: dict[str, Any] = {"currency": "USD", "total": "100.00", "lines": [USD_LINE]}


def both(local: Local) -> dict[str, dict[str, Decimal]]:
    """Debit − credit by currency and role, without what is even and what was sold."""
    return {
        currency: {
            role: amount for role, amount in of.items() if amount and role not in ("inventory", "equity", "cogs")
        }
        for currency, of in truth.balances(local.books).items()
    }


@pytest.mark.parametrize("invoiced", ["before", "after"])
def test_money_of_another_currency_pays_its_order_in_the_orders_own(invoiced: str) -> None:
    """Two entries, one in each currency, against the account for exchanges; the line is explained by what came."""
    local = Local()
    made = local.one("sales_orders", "create", order(**DOLLARS))
    target = {"sales_order_id": made["id"]}
    if invoiced == "before":
        local.one("invoices", "create", bill(**target, **DOLLARS))
    bank = local.bank_line("1612345")
    item = receipt(
        "a", "100.00", currency="USD", bank_transaction_id=bank,
        exchanged={"amount": "1612345", "currency": "IDR"}, **target,
    )  # fmt: skip
    paid = local.one("receipts", "create", item)
    if invoiced == "after":
        local.one("invoices", "create", bill(**target, **DOLLARS))
    found = both(local)
    assert found["USD"] == {"exchange": Decimal(100), "sales": Decimal(-100)}
    assert {role: amount for role, amount in found["IDR"].items() if role in ("bank", "exchange")} == {
        "bank": Decimal(1_612_345), "exchange": Decimal(-1_612_345),
    }  # fmt: skip
    assert explained(local.books.bank_transactions.rows[bank]) == (1_612_345, True)
    (row,) = local.books.receipts.rows.values()
    assert row.exchanged is not None
    assert (row.status, row.total, row.exchanged.account) == ("paid", Decimal(100), "acc-4-9100")
    assert {sum(of.values()) for of in truth.balances(local.books).values()} == {0}
    sale = local.books.sales_orders.rows[made["id"]]
    assert (sale.status, sale.received) == ("paid", Decimal(100))
    local.one("receipts", "void", {"id": paid["id"]})
    after = both(local)
    assert after["USD"] == {"receivable": Decimal(100), "sales": Decimal(-100)}
    assert not {"bank", "exchange"} & set(after["IDR"])
    assert explained(local.books.bank_transactions.rows[bank]) == (0, False)
    local.one("receipts", "create", item)
    assert explained(local.books.bank_transactions.rows[bank]) == (1_612_345, True)


@pytest.mark.parametrize(
    ("exchanged", "refusal"),
    [
        ({"amount": "100", "currency": "USD"}, ("same_currency", "exchanged.currency")),
        ({"amount": "0", "currency": "IDR"}, ("not_positive", "exchanged.amount")),
        ({"amount": "0.5", "currency": "IDR"}, ("not_exact", "exchanged.amount")),
        ({"amount": "1", "currency": "ZZZ"}, ("unknown_currency", "currency")),
        ({"amount": "1612346", "currency": "IDR"}, ("exceeds_bank_transaction", "total")),
        ({"amount": "5", "currency": "SGD"}, ("currency_mismatch", "currency")),
        ({"amount": "5", "currency": "IDR", "account": "bank"}, ("account_type", "exchanged.account")),
        ({"amount": "5", "currency": "IDR", "account": "moon"}, ("unknown_account", "exchanged.account")),
    ],
)
def test_exchanges_that_are_refused_change_nothing(exchanged: dict[str, str], refusal: tuple[str, str]) -> None:
    local = Local()
    made = local.one("sales_orders", "create", order(**DOLLARS))
    bank = local.bank_line("1612345")
    before = truth.truth(local.books)
    item = receipt(
        "a", "100.00", currency="USD", sales_order_id=made["id"], bank_transaction_id=bank, exchanged=exchanged
    )  # fmt: skip
    assert local.refused("receipts", "create", item) == refusal
    assert truth.truth(local.books) == before


# -- taking receipts back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("invoiced", ["before", "after", "never"])
def test_a_void_receipt_leaves_nothing_behind(invoiced: str) -> None:
    local = Local()
    made = local.one("sales_orders", "create", order())
    bank = local.bank_line("27500")
    target = {"sales_order_id": made["id"]}
    if invoiced == "before":
        local.one("invoices", "create", bill(**target))
    before = accounts(local)
    item = receipt("a", "27500", bank_transaction_id=bank, write_offs=[off("2500")], **target)
    paid = local.one("receipts", "create", item)
    if invoiced == "after":
        local.one("invoices", "create", bill(**target))
        before = {"receivable": Decimal(30_000)}
    assert local.books.sales_orders.rows[made["id"]].status == "paid"
    assert local.one("receipts", "void", {"id": paid["id"]})["status"] == "void"
    assert accounts(local) == before
    line = local.books.bank_transactions.rows[bank]
    assert explained(line) == (0, False)
    sale = local.books.sales_orders.rows[made["id"]]
    assert (int(sale.received), sale.status) == (0, "open")
    for invoice in local.books.invoices.rows.values():
        assert (int(invoice.received), int(invoice.balance), invoice.status) == (0, 30_000, "open")
    told = truth.truth(local.books)
    assert local.one("receipts", "void", {"id": paid["id"]})["status"] == "void", "twice is once"
    assert truth.truth(local.books) == told
    assert told["totals"]["receipts"] == {}
    assert "receipt a (void)" in told["sales"]["1001"][0]["documents"]
    local.one("receipts", "create", item)
    assert accounts(local)["bank"] == Decimal(27_500), "its reference and its bank line can be used again"
    assert truth.duplicates(local.books) == {}


def test_an_invoice_can_change_after_its_deposit_was_taken_off() -> None:
    """The entries that took the deposit up and off belong to the invoice: its change reverses both."""
    local = Local()
    made = local.one("sales_orders", "create", order())
    paid = local.one("receipts", "create", receipt("a", sales_order_id=made["id"]))
    invoice = local.one("invoices", "create", bill(sales_order_id=made["id"]))
    local.one("receipts", "void", {"id": paid["id"]})
    local.one("invoices", "update", {"id": invoice["id"], "date": "2026-11-19"})
    assert accounts(local) == {"receivable": Decimal(30_000)}


def test_money_that_was_given_back_keeps_its_receipt() -> None:
    local = Local()
    made = local.one("sales_orders", "create", order())
    paid = local.one("receipts", "create", receipt("a", sales_order_id=made["id"]))
    local.one("refund_payments", "create", receipt("r", "1", sales_order_id=made["id"]))
    assert local.refused("receipts", "void", {"id": paid["id"]}) == ("document_locked", "id")
    again = Local()
    _, invoice_id = sold(again)
    paid = again.one("receipts", "create", receipt("a", invoice_id=invoice_id))
    note = again.one("credit_notes", "create", bill("c", invoice_id=invoice_id))
    again.one("refund_payments", "create", receipt("r", "30000", credit_note_id=note["id"]))
    before = truth.truth(again.books)
    assert again.refused("receipts", "void", {"id": paid["id"]}) == ("document_locked", "id")
    assert truth.truth(again.books) == before


def test_voids_that_are_refused() -> None:
    local = Local()
    _, invoice_id = sold(local)
    paid = local.one("receipts", "create", receipt("a", invoice_id=invoice_id))
    assert local.refused("receipts", "void", {"id": "rec99999999"}) == ("not_found", "id")
    assert local.refused("journals", "void", {"id": "jrn99999999"}) == ("not_found", "id")
    own = local.books.entries[paid["id"]][0]
    assert local.refused("journals", "void", {"id": own.id}) == ("document_locked", "id"), "the receipt's own entry"
    entry = local.one("journals", "create", payout(local.bank_line("29000")))
    local.books.closed_until = dt.date.fromisoformat(DAY)
    for kind, row_id in (("receipts", paid["id"]), ("journals", entry["id"])):
        assert local.refused(kind, "void", {"id": row_id}) == ("period_locked", "date")


# -- several receipts, one line ------------------------------------------------------------------------------------


def test_one_of_two_receipts_of_a_bank_line_is_taken_back() -> None:
    local = Local()
    bank = local.bank_line("60000")
    sales = [local.one("sales_orders", "create", order(str(n)))["id"] for n in (1, 2)]
    paid = [
        local.one("receipts", "create", receipt(str(n), sales_order_id=sale, bank_transaction_id=bank))["id"]
        for n, sale in enumerate(sales)
    ]
    line = local.books.bank_transactions.rows[bank]
    assert explained(line) == (60_000, True)
    version = line.version
    local.one("receipts", "void", {"id": paid[0]})
    assert explained(line) == (30_000, False)
    assert line.version == version + 1, "the line is told anew"


# -- journal entries -----------------------------------------------------------------------------------------------


def test_a_payout_explains_its_bank_line_and_can_be_taken_back() -> None:
    local = Local()
    bank = local.bank_line("29000")
    made = local.one("journals", "create", payout(bank))
    assert (made["total"], made["currency"], made["status"]) == ("30000", "IDR", "posted")
    assert accounts(local) == {"bank": 29_000, "gateway_fee": 1_000, "clearing": -30_000}
    line = local.books.bank_transactions.rows[bank]
    assert explained(line) == (29_000, True)
    entry = local.books.journals.rows[made["id"]]
    assert (entry.source, entry.document_kind, entry.bank_transaction_id, entry.lines[1].note) == (
        "api", "", bank, "MDR",
    )  # fmt: skip
    assert local.refused("journals", "create", payout(bank, reference="po-2")) == (
        "already_reconciled",
        "bank_transaction_id",
    )
    assert local.refused("journals", "create", payout(bank)) == ("duplicate_reference", "reference")
    assert local.one("journals", "void", {"id": made["id"]})["status"] == "void"
    assert accounts(local) == {}
    assert explained(line) == (0, False)
    count = len(local.books.journals)
    assert local.one("journals", "void", {"id": made["id"]})["status"] == "void", "twice is once"
    assert len(local.books.journals) == count
    local.one("journals", "create", payout(bank))
    assert truth.duplicates(local.books) == {}


def test_money_out_is_explained_by_an_entry_too() -> None:
    local = Local()
    bank = local.bank_line("-6500")
    lines = [{"account": "charges", "debit": "6500"}, {"account": "bank", "credit": "6500"}]
    item = {"date": DAY, "currency": "IDR", "lines": lines, "bank_transaction_id": bank}
    made = local.one("journals", "create", item)
    line = local.books.bank_transactions.rows[bank]
    assert explained(line) == (-6_500, True)
    local.one("journals", "void", {"id": made["id"]})
    assert explained(line) == (0, False)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"total": "29999"}, ("total_mismatch", "total")),
        ({"currency": "USD"}, ("currency_mismatch", "currency")),
        ({"bank_transaction_id": "btx99999999"}, ("unknown_bank_transaction", "bank_transaction_id")),
        ({"lines": [{"account": "cash", "debit": "30000"}, {"account": "clearing", "credit": "30000"}]},
         ("bank_line_mismatch", "lines")),
        ({"lines": [{"account": "bank", "debit": "30000"}, {"account": "clearing", "credit": "30000"}]},
         ("bank_line_mismatch", "lines")),
        ({"lines": [{"account": "bank", "debit": "29000"}, {"account": "bank", "debit": "1000"},
                    {"account": "clearing", "credit": "30000"}]}, ("bank_line_mismatch", "lines")),
        ({"lines": [{"account": "bank", "credit": "29000"}, {"account": "gateway_fee", "credit": "1000"},
                    {"account": "clearing", "debit": "30000"}]}, ("bank_line_mismatch", "lines")),
        ({"dimensions": [["branch", "moon"]]}, ("unknown_dimension", "dimensions")),
        ({"currency": "ABC"}, ("unknown_currency", "currency")),
    ],
)  # fmt: skip
def test_entries_that_are_refused_change_nothing(changes: dict[str, Any], refusal: tuple[str, str]) -> None:
    local = Local()
    item = payout(local.bank_line("29000")) | changes
    before = truth.truth(local.books)
    assert local.refused("journals", "create", item) == refusal
    assert truth.truth(local.books) == before


def test_a_line_that_a_receipt_explains_in_part_is_no_longer_whole() -> None:
    local = Local()
    bank = local.bank_line("29000")
    made = local.one("sales_orders", "create", order())
    paid = receipt("a", "10000", sales_order_id=made["id"], bank_transaction_id=bank)
    first = local.one("receipts", "create", paid)
    assert local.refused("journals", "create", payout(bank)) == ("exceeds_bank_transaction", "lines")
    local.one("receipts", "void", {"id": first["id"]})
    local.one("journals", "create", payout(bank))
