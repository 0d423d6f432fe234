"""Money in: deductions, Journal Entries that explain bank lines, and what a cancelled voucher leaves behind."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from selaras.connectors.contract import Write
from selaras.connectors.kit.checks import done, failed
from selaras.model.document import Journal, JournalLine, WriteOff
from selaras.model.money import ZERO
from tests.connectors.erpnext.shop import Shop, a_shop, line, today
from tests.connectors.erpnext.standin_db import FrappeError
from tests.connectors.erpnext.standin_people import BANK, CLEARING, FEE, RECEIVABLE


def off(amount: int, account: str = FEE, role: str = "transfer_fee") -> WriteOff:
    return WriteOff(role, account, Decimal(amount))


def booked(shop: Shop, name: str) -> dict[str, Decimal]:
    """Debit − credit by account of what a voucher booked and still stands."""
    found: dict[str, Decimal] = {}
    for entry in shop.site.db.gl:
        if entry["voucher_no"] == name and not entry["is_cancelled"]:
            found[entry["account"]] = found.get(entry["account"], ZERO) + Decimal(str(entry["amount"]))
    return found


def bank_line(shop: Shop, amount: int, text: str = "TRSF") -> str:
    values = {
        "doctype": "Bank Transaction", "docstatus": 1, "date": today().isoformat(), "deposit": float(max(amount, 0)),
        "withdrawal": float(max(-amount, 0)), "bank_account": "Rekening BCA - BCA", "company": "PT Contoh Integrasi",
        "currency": "IDR", "description": text, "transaction_id": f"{text}-{amount}",
    }  # fmt: skip
    return str(shop.site.insert(values)["name"])


def payout(reference: str = "po-1", net: int = 29_000, fee: int = 1_000, line: str = "", **more: Any) -> Journal:
    lines = (
        JournalLine(BANK, debit=Decimal(net)),
        JournalLine("6110.000", debit=Decimal(fee), note="MDR"),
        JournalLine(CLEARING, credit=Decimal(net + fee)),
    )
    values: dict[str, Any] = {"lines": lines, "total": Decimal(net + fee), "note": "Payout 1"} | more
    return Journal("", today(), "IDR", reference=reference, bank_transaction_id=line, **values)


# -- what a receipt writes off --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("money", "offs", "found"),
    [
        (8600, (off(2500),), {BANK: 8600, FEE: 2500, RECEIVABLE: -11100}),
        (11223, (off(-123, "Round Off"),), {BANK: 11223, "Round Off - PCI": -123, RECEIVABLE: -11100}),
        (8378, (off(2500), off(222, "Kas Kecil", "withholding")),
         {BANK: 8378, FEE: 2500, "1111.001 - Kas Kecil - PCI": 222, RECEIVABLE: -11100}),
    ],
)  # fmt: skip
async def test_deductions_pay_the_rest_of_an_invoice(
    money: int, offs: tuple[WriteOff, ...], found: dict[str, int]
) -> None:
    async with a_shop() as shop:
        _, _, invoice_id = await shop.sold(line("KAOS", 1, "10000"))
        receipt = shop.receipt("1001/P1", money, invoice_id=invoice_id, account=BANK, write_offs=offs)
        paid = await shop.put("receipt", receipt)
        assert paid.total == money
        assert booked(shop, paid.id) == found
        doc = shop.doc("Payment Entry", paid.id)
        assert (doc["paid_amount"], doc["difference_amount"], doc["unallocated_amount"]) == (float(money), 0.0, 0.0)
        assert [row["cost_center"] for row in doc["deductions"]] == ["Main - PCI"] * len(offs)
        assert shop.doc("Sales Invoice", invoice_id)["status"] == "Paid"
        assert shop.owed() == 0
        assert (await shop.put("receipt", receipt, "void", paid.id)).status == "void"
        assert booked(shop, paid.id) == {}
        assert shop.doc("Sales Invoice", invoice_id)["outstanding_amount"] == 11100.0


async def test_deductions_pay_an_order_too_and_what_is_over_stays_with_the_customer() -> None:
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 1, "10000"))
        order_id = (await shop.put("sales_order", order)).id
        more = {"sales_order_id": order_id, "write_offs": (off(2500),)}
        paid = await shop.put("receipt", shop.receipt("1001/P1", 9000, **more))
        assert shop.doc("Sales Order", order_id)["advance_paid"] == 11100.0
        assert shop.doc("Payment Entry", paid.id)["unallocated_amount"] == 400.0
        invoice = await shop.put("invoice", shop.invoice(order, order_id))
        assert shop.doc("Sales Invoice", invoice.id)["outstanding_amount"] == 0.0
        assert shop.owed() == -400


async def test_a_deduction_has_a_cost_centre_from_the_mapping_or_the_company() -> None:
    async with a_shop() as shop:
        receipt = shop.receipt("1001/P1", 8600, write_offs=(off(2500),), dimensions=(("cost_center", "Toko - PCI"),))
        paid = await shop.put("receipt", receipt)
        assert [row["cost_center"] for row in shop.doc("Payment Entry", paid.id)["deductions"]] == ["Toko - PCI"]
    async with a_shop() as shop:
        shop.site.db.get("Company", "PT Contoh Integrasi")["cost_center"] = None
        error = await shop.refusal("receipt", shop.receipt("1001/P1", 8600, write_offs=(off(2500),)))
        assert (error.code, error.field) == ("missing_field", "write_offs")
        assert "cost center" in error.cure
        error = await shop.refusal("receipt", shop.receipt("1001/P2", 5, write_offs=(off(1, "9-9999"),)))
        assert error.code == "missing_field"


async def test_an_account_that_is_not_there_is_named_by_its_place() -> None:
    async with a_shop() as shop:
        receipt = shop.receipt("1001/P1", 8600, write_offs=(off(1), off(2, "9-9999")))
        error = await shop.refusal("receipt", receipt)
        assert (error.code, error.field) == ("unknown_account", "write_offs[1].account")
        error = await shop.refusal(
            "journal", payout(lines=(JournalLine(BANK, Decimal(1)), JournalLine("9", ZERO, Decimal(1))))
        )
        assert (error.code, error.field) == ("unknown_account", "lines[1].account")


# -- bank lines that are shared, and vouchers that are cancelled ----------------------------------------------------


@pytest.mark.parametrize("frees_lines", [True, False], ids=["ERPNext 15", "before"])
async def test_a_cancelled_voucher_leaves_the_share_of_the_others(frees_lines: bool) -> None:
    async with a_shop() as shop:
        shop.site.cash.frees_lines = frees_lines
        bank = bank_line(shop, 22_200)
        made = []
        for number in (1, 2):
            _, _, invoice_id = await shop.sold(line("KAOS", 1, "10000"))
            more = {"invoice_id": invoice_id, "account": BANK, "bank_transaction_id": bank}
            receipt = shop.receipt(f"{number}/B", 11_100, **more)
            made.append((receipt, (await shop.put("receipt", receipt)).id))
        assert shop.doc("Bank Transaction", bank)["status"] == "Reconciled"
        receipt, name = made[0]
        for _ in range(2):
            assert (await shop.put("receipt", receipt, "void", name)).status == "void"
            held = shop.doc("Bank Transaction", bank)
            assert [row["payment_entry"] for row in held["payment_entries"]] == [made[1][1]]
            assert (held["unallocated_amount"], held["status"]) == (11100.0, "Unreconciled")
        assert shop.owed() == 11_100
        assert await shop.books.find("receipt", ["1/B"]) == {}
        again = await shop.put("receipt", receipt)
        assert again.id != name
        assert shop.doc("Bank Transaction", bank)["status"] == "Reconciled"


async def test_receipts_never_explain_more_than_is_left_of_a_line() -> None:
    async with a_shop() as shop:
        bank = bank_line(shop, 22_200)
        more = {"account": BANK, "bank_transaction_id": bank}
        batch = [shop.receipt(f"{n}/B", amount, **more) for n, amount in enumerate((11_100, 11_101, 11_100))]
        outcomes = await shop.books.write("receipt", "create", [Write(one.reference, one) for one in batch])
        error = failed(outcomes[1]).error
        assert (error.code, error.field) == ("exceeds_bank_transaction", "total")
        assert "11100 IDR left" in error.message
        for kept in (outcomes[0], outcomes[2]):
            assert done(kept).total == 11_100
        assert shop.doc("Bank Transaction", bank)["status"] == "Reconciled"
        assert (await shop.refusal("receipt", shop.receipt("3/B", 1, **more))).code == "already_reconciled"
        out = more | {"bank_transaction_id": bank_line(shop, -5)}
        assert (await shop.refusal("receipt", shop.receipt("4/B", 5, **out))).code == "exceeds_bank_transaction"
        gone = more | {"bank_transaction_id": "ACC-BTN-1999-1"}
        assert (await shop.refusal("receipt", shop.receipt("5/B", 5, **gone))).code == "unknown_bank_transaction"
        assert len(shop.site.db.table("Payment Entry")) == 2


async def test_a_line_that_still_names_a_cancelled_voucher_is_freed_when_it_is_voided() -> None:
    """As a person leaves it who cancelled in a version that neither refuses nor frees."""
    async with a_shop() as shop:
        bank = bank_line(shop, 29_000)
        entry = payout(line=bank)
        name = (await shop.put("journal", entry)).id
        shop.doc("Journal Entry", name)["docstatus"] = 2
        assert (await shop.put("journal", entry, "void", name)).status == "void"
        assert shop.doc("Bank Transaction", bank)["payment_entries"] == []
        assert shop.doc("Bank Transaction", bank)["unallocated_amount"] == 29_000.0


# -- journal entries ------------------------------------------------------------------------------------------------


async def test_a_payout_is_a_bank_entry_with_our_mark() -> None:
    async with a_shop() as shop:
        bank = bank_line(shop, 29_000)
        made = await shop.put("journal", payout(line=bank))
        assert (made.total, made.currency) == (Decimal(30_000), "IDR")
        assert booked(shop, made.id) == {BANK: 29_000, FEE: 1_000, CLEARING: -30_000}
        doc = shop.doc("Journal Entry", made.id)
        assert (doc["voucher_type"], doc["cheque_no"]) == ("Bank Entry", "po-1")
        assert doc["user_remark"] == f"Selaras: po-1 (Bank Transaction {bank})\nPayout 1"
        assert [row.get("user_remark") for row in doc["accounts"]] == ["", "MDR", ""]
        assert {row["cost_center"] for row in doc["accounts"]} == {"Main - PCI"}
        (seen,) = await shop.books.read("journal", [made.id])
        record = seen.record
        assert (record.reference, record.total, record.status, record.note) == ("po-1", 30_000, "open", "Payout 1")
        assert (record.bank_transaction_id, record.number, seen.total) == (bank, made.id, Decimal(30_000))
        assert record.source
        await shop.put("journal", payout(line=bank), "void", made.id)
        ((seen,), _) = await shop.drained("journal")
        assert seen.record.status == "void"
        assert shop.doc("Bank Transaction", bank)["status"] == "Unreconciled"


async def test_an_entry_without_a_bank_line_names_its_customer() -> None:
    async with a_shop() as shop:
        lines = (JournalLine(FEE, Decimal(500)), JournalLine(RECEIVABLE, ZERO, Decimal(500), "Pembeli"))
        made = await shop.put("journal", payout("w-1", lines=lines, total=Decimal(500), note=""))
        assert shop.owed() == -500
        doc = shop.doc("Journal Entry", made.id)
        assert (doc["voucher_type"], doc["user_remark"]) == ("Journal Entry", "Selaras: w-1")
        (seen,) = await shop.books.read("journal", [made.id])
        assert [one.contact_id for one in seen.record.lines] == ["", "Pembeli"]
        assert seen.record.source, "ours: never money that a person booked"


async def test_money_out_is_explained_too() -> None:
    async with a_shop() as shop:
        bank = bank_line(shop, -6_500)
        lines = (JournalLine(FEE, Decimal(6_500)), JournalLine(BANK, ZERO, Decimal(6_500)))
        await shop.put("journal", payout("adm", line=bank, lines=lines, total=Decimal(6_500)))
        assert shop.doc("Bank Transaction", bank)["status"] == "Reconciled"


async def test_the_second_call_of_an_entry_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_shop() as shop:
        bank = bank_line(shop, 29_000)
        monkeypatch.setattr(shop.site.cash, "reconcile", deadlock)
        assert (await shop.refusal("journal", payout(line=bank))).kind == "ambiguous"
        assert await shop.books.find("journal", ["po-1"]) == {}, "half of it is not it"
        monkeypatch.undo()
        again = await shop.put("journal", payout(line=bank))
        assert len(shop.site.db.table("Journal Entry")) == 1
        assert shop.doc("Bank Transaction", bank)["status"] == "Reconciled"
        found = await shop.books.find("journal", ["po-1", "PO-1"])
        assert {name: (one.id, one.total) for name, one in found.items()} == {"po-1": (again.id, Decimal(30_000))}
        assert (await shop.put("journal", payout(line=bank))).id == again.id


def deadlock(values: object) -> None:
    raise FrappeError(417, "QueryDeadlockError", "Deadlock found when trying to get lock")


async def test_an_entry_of_a_person_with_the_same_number_is_not_ours() -> None:
    async with a_shop() as shop:
        rows = [
            {"account": BANK, "debit_in_account_currency": 5},
            {"account": CLEARING, "credit_in_account_currency": 5},
        ]
        theirs = {"doctype": "Journal Entry", "docstatus": 1, "voucher_type": "Bank Entry", "cheque_no": "po-1",
                  "cheque_date": today().isoformat(), "posting_date": today().isoformat(), "user_remark": "Kas",
                  "company": "PT Contoh Integrasi", "accounts": rows}  # fmt: skip
        hand = shop.site.insert(theirs)["name"]
        assert await shop.books.find("journal", ["po-1"]) == {}
        bank = bank_line(shop, 29_000)
        assert (await shop.put("journal", payout(line=bank))).id != hand
        (seen,) = await shop.books.read("journal", [hand])
        assert (seen.record.source, seen.record.reference, seen.record.bank_transaction_id) == ("", "po-1", "")


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"currency": "USD"}, "currency_mismatch", "currency"),
        ({"lines": ()}, "unbalanced", "lines"),
        ({"lines": (JournalLine(BANK, Decimal(29_000)),)}, "unbalanced", "lines"),
        ({"bank_transaction_id": "ACC-BTN-1999-1"}, "unknown_bank_transaction", "bank_transaction_id"),
        ({"lines": (JournalLine(BANK, Decimal(30_000)), JournalLine(CLEARING, ZERO, Decimal(30_000)))},
         "bank_line_mismatch", "lines"),
        ({"lines": (JournalLine(FEE, Decimal(29_000)), JournalLine(CLEARING, ZERO, Decimal(29_000)))},
         "bank_line_mismatch", "lines"),
        ({"lines": (JournalLine(BANK, ZERO, Decimal(29_000)), JournalLine(CLEARING, Decimal(29_000)))},
         "bank_line_mismatch", "lines"),
    ],
)  # fmt: skip
async def test_entries_that_are_refused_leave_nothing(changes: dict[str, Any], code: str, field: str) -> None:
    async with a_shop() as shop:
        bank = bank_line(shop, 29_000)
        error = await shop.refusal("journal", msgspec.structs.replace(payout(line=bank), **changes))
        assert (error.code, error.field) == (code, field)
        assert error.cure
        assert shop.site.db.table("Journal Entry") == {}
        assert shop.doc("Bank Transaction", bank)["status"] == "Unreconciled"


async def test_a_line_of_which_a_part_is_explained_is_not_whole() -> None:
    async with a_shop() as shop:
        bank = bank_line(shop, 29_000)
        await shop.put("receipt", shop.receipt("1/B", 10_000, account=BANK, bank_transaction_id=bank))
        error = await shop.refusal("journal", payout(line=bank))
        assert error.code == "already_reconciled"
        assert shop.site.db.table("Journal Entry") == {}


async def test_what_was_booked_does_not_change() -> None:
    async with a_shop() as shop:
        made = await shop.put("journal", payout())
        error = await shop.refusal("journal", payout(), "update", made.id)
        assert error.code == "document_locked"
        error = await shop.refusal("journal", payout(), "void", "ACC-JV-1999-1")
        assert error.code == "not_found"


async def test_calls_for_entries() -> None:
    """One insert for a batch and one read of its totals; with bank lines two reads before, and one call for each."""
    for size in (2, 10):
        async with a_shop() as shop:
            await shop.books.find("journal", ["x"])
            plain = [payout(f"a{n}") for n in range(size)]
            before = shop.books.calls
            outcomes = await shop.books.write("journal", "create", [Write("", entry) for entry in plain])
            assert shop.books.calls - before == 2
            lines = [bank_line(shop, 29_000, f"T{n}") for n in range(size)]
            explaining = [payout(f"b{n}", line=one) for n, one in enumerate(lines)]
            before = shop.books.calls
            outcomes += await shop.books.write("journal", "create", [Write("", entry) for entry in explaining])
            assert shop.books.calls - before == 5 + size  # begun, lines, their accounts, insert, totals
            voids = [Write("", e, done(o).id) for e, o in zip([*plain, *explaining], outcomes, strict=True)]
            before = shop.books.calls
            for outcome in await shop.books.write("journal", "void", voids[:25]):
                assert done(outcome).status == "void"
            assert shop.books.calls - before == 3 + 2 * size  # what stands, lines before and after, cancels
