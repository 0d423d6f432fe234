"""Money in at a real Tryton: write-offs, shares of one bank line, journal entries, and what is taken back."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from selaras.connectors.contract import LockedPeriod
from selaras.connectors.kit.checks import check_seen
from selaras.model.document import Journal, JournalLine, Receipt, WriteOff
from selaras.rules.hand_edits import first_changes
from tests.connectors.tryton.shop import BANK, CLEARING, Shop, line, today
from tests.peers.tryton import Database

FEE = "4-4201"  # any account that needs no party will do
D = Decimal


@pytest.fixture(scope="module")
def goods(tryton: Database) -> Database:
    """A product for all tests of this module."""
    tryton.desk().goods({"KAOS": 1000})
    return tryton


@pytest.fixture
async def shop(goods: Database) -> AsyncIterator[Shop]:
    made = Shop(goods)
    yield made
    await made.books.close()


def account(shop: Shop, code: str) -> str:
    """The id of an account."""
    return str(shop.desk.one("account.account", [["code", "=", code]], "code")["id"])


def bank_lines(shop: Shop, *amounts: Decimal) -> list[str]:
    """A bank statement as an import leaves it; the ids of its lines."""
    journal = shop.desk.one("account.statement.journal", [["name", "=", "Rekening BCA"]], "name")["id"]
    lines = [{"number": f"T{n}", "date": today(), "amount": a, "description": "TRSF"} for n, a in enumerate(amounts)]
    (made,) = shop.desk.create(
        "account.statement",
        {"name": "BCA", "date": today(), "company": shop.desk.company, "journal": journal,
         "total_amount": sum(amounts), "origins": [["create", lines]]},
    )  # fmt: skip
    return [str(row["id"]) for row in shop.desk.rows("account.statement.origin", [["statement", "=", made]], "number")]


def statement(shop: Shop, bank_line: str) -> str:
    """The state of the statement of a bank line."""
    found = shop.desk.one("account.statement.origin", [["id", "=", int(bank_line)]], "statement.state")
    return str(found["statement."]["state"])


def balance(shop: Shop, code: str, party: str = "") -> Decimal:
    """Debit minus credit on an account, over everything that was posted."""
    domain: list[Any] = [["account.code", "=", code], ["move.state", "=", "posted"]]
    rows = shop.desk.rows("account.move.line", domain + ([["party", "=", int(party)]] if party else []), "debit",
                          "credit")  # fmt: skip
    return sum((row["debit"] - row["credit"] for row in rows), D(0))


async def reconciled(shop: Shop, bank_line: str) -> bool:
    """Whether a bank line is explained, as the connector reads it."""
    (seen,) = await shop.books.read("bank_transaction", [bank_line])
    return bool(seen.record.reconciled)


async def untouched(shop: Shop, receipt: Receipt, id: str) -> bool:
    """Whether a first reading says what we wrote, so that nobody is told to have changed it."""
    (seen,) = await shop.books.read("receipt", [id])
    return not first_changes(receipt, seen.record, receipt.contact_id, credited=False)


def at_the_bank(shop: Shop, receipt: Receipt, bank_line: str) -> Receipt:
    return msgspec.structs.replace(receipt, account=BANK, bank_transaction_id=bank_line)


def entry(reference: str, *sides: tuple[str, str, str], contact: str = "", **more: Any) -> Journal:
    lines = tuple(JournalLine(where, D(debit), D(credit), contact) for where, debit, credit in sides)
    total = sum((one.debit for one in lines), D(0))
    return Journal("", more.pop("date", today()), "IDR", lines, reference, total=total, **more)


# -- write-offs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", ["2500", "-77"], ids=["a fee on the way", "more than was asked for"])
async def test_a_receipt_settles_more_or_less_than_the_money(shop: Shop, amount: str) -> None:
    order, _invoice, invoice_id = await shop.sold(line("KAOS", 1, "50000"))
    before = balance(shop, FEE), balance(shop, CLEARING)
    off = WriteOff("transfer_fee", account(shop, FEE), D(amount))
    paid = order.total - off.amount
    receipt = shop.receipt(f"{order.reference}/P1", order.contact_id, paid, invoice_id=invoice_id, write_offs=(off,))
    made = await shop.put("receipt", receipt)
    assert (made.total, made.status) == (paid, "paid")
    assert shop.bill(invoice_id)["state"] == "paid"
    assert balance(shop, FEE) - before[0] == off.amount
    assert balance(shop, CLEARING) - before[1] == paid
    assert (await shop.put("receipt", receipt)).id == made.id
    (seen,) = await shop.books.read("receipt", [made.id])
    check_seen(seen)
    assert (seen.record.total, seen.record.invoice_id, seen.record.reference) == (paid, invoice_id, receipt.reference)
    assert seen.record.write_offs == (off,)
    assert seen.record.settled == order.total
    assert await untouched(shop, receipt, made.id)
    surplus = shop.receipt(f"{order.reference}/P2", order.contact_id, D(700), invoice_id=invoice_id)
    assert await untouched(shop, surplus, (await shop.put("receipt", surplus)).id)


async def test_a_receipt_over_more_than_the_invoice_is_read_whole(shop: Shop) -> None:
    order, _invoice, invoice_id = await shop.sold(line("KAOS", 1, "50000"))
    receipt = shop.receipt(f"{order.reference}/P1", order.contact_id, order.total + 700, invoice_id=invoice_id)
    made = await shop.put("receipt", receipt)
    assert await untouched(shop, receipt, made.id)
    await shop.put("receipt", receipt, "void", made.id)
    assert shop.bill(invoice_id)["amount_to_pay"] == order.total
    assert balance(shop, "1.2.1", order.contact_id) == order.total


async def test_a_deposit_with_a_write_off_pays_the_invoice_that_follows(shop: Shop) -> None:
    order = shop.order(await shop.buyer(), line("KAOS", 1, "50000"))
    order_id = (await shop.put("sales_order", order)).id
    off = WriteOff("withholding", account(shop, FEE), D(5000))
    deposit = shop.receipt(f"{order.reference}/P1", order.contact_id, order.total - 5000, sales_order_id=order_id,
                           write_offs=(off,))  # fmt: skip
    put = await shop.put("receipt", deposit)
    assert put.total == order.total - 5000
    assert await untouched(shop, deposit, put.id)
    made = await shop.put("invoice", shop.invoice(order, order_id))
    assert (shop.bill(made.id)["state"], shop.bill(made.id)["amount_to_pay"]) == ("paid", 0)


async def test_an_account_for_write_offs_that_is_not_there(shop: Shop) -> None:
    order, _invoice, invoice_id = await shop.sold(line("KAOS", 1, "50000"))
    receipt = shop.receipt(f"{order.reference}/P1", order.contact_id, order.total - 1, invoice_id=invoice_id,
                           write_offs=(WriteOff("rounding", "999999", D(1)),))  # fmt: skip
    error = await shop.refusal("receipt", receipt)
    assert (error.code, error.field) == ("unknown_account", "write_offs")


# -- shares of a bank line -------------------------------------------------------------------------------------------


async def test_several_receipts_explain_one_bank_line(shop: Shop) -> None:
    first, _, first_bill = await shop.sold(line("KAOS", 1, "50000"))
    second, _, second_bill = await shop.sold(line("KAOS", 2, "30000"))
    off = WriteOff("transfer_fee", account(shop, FEE), D(2500))
    (bank,) = bank_lines(shop, first.total + second.total - 2500)
    _, cursor = await shop.drained("bank_transaction")
    one = at_the_bank(shop, shop.receipt(f"{first.reference}/B1", first.contact_id, first.total,
                                         invoice_id=first_bill), bank)  # fmt: skip
    made = await shop.put("receipt", one)
    assert (made.total, made.status) == (first.total, "open")
    assert not await reconciled(shop, bank)
    (seen,) = await shop.books.read("receipt", [made.id])
    assert (seen.record.total, seen.record.bank_transaction_id, seen.record.status) == (first.total, bank, "open")
    assert await untouched(shop, one, made.id)
    too_much = msgspec.structs.replace(one, reference=f"{first.reference}/B9", total=second.total)
    assert (await shop.refusal("receipt", too_much)).code == "already_reconciled"
    two = at_the_bank(shop, shop.receipt(f"{second.reference}/B1", second.contact_id, second.total - 2500,
                                         invoice_id=second_bill, write_offs=(off,)), bank)  # fmt: skip
    assert (await shop.put("receipt", two)).status == "paid"
    assert (statement(shop, bank), await reconciled(shop, bank)) == ("posted", True)
    assert {shop.bill(bill)["state"] for bill in (first_bill, second_bill)} == {"paid"}
    changed, _ = await shop.drained("bank_transaction", cursor)
    assert {s.id: s.record.reconciled for s in changed}[bank] is True


# -- taking receipts back --------------------------------------------------------------------------------------------


async def test_a_receipt_is_taken_back(shop: Shop) -> None:
    order, _invoice, invoice_id = await shop.sold(line("KAOS", 1, "50000"))
    before = balance(shop, CLEARING)
    _, cursor = await shop.drained("receipt")
    off = WriteOff("transfer_fee", account(shop, FEE), D(500))
    kept = shop.receipt(f"{order.reference}/P1", order.contact_id, D(20_000), invoice_id=invoice_id)
    wrong = shop.receipt(f"{order.reference}/P2", order.contact_id, order.total - 20_500, invoice_id=invoice_id,
                         write_offs=(off,))  # fmt: skip
    await shop.put("receipt", kept)
    made = await shop.put("receipt", wrong)
    assert shop.bill(invoice_id)["state"] == "paid"
    gone = await shop.put("receipt", wrong, "void", made.id)
    assert (gone.id, gone.total, gone.status) == (made.id, wrong.total, "void")
    assert (shop.bill(invoice_id)["state"], shop.bill(invoice_id)["amount_to_pay"]) == ("posted", order.total - 20_000)
    assert balance(shop, CLEARING) - before == 20_000
    # Once more, as after a lost answer: nothing happens.
    entries = len(shop.desk.rows("account.move", [], "number"))
    assert (await shop.put("receipt", wrong, "void", made.id)).status == "void"
    assert len(shop.desk.rows("account.move", [], "number")) == entries
    (seen,) = await shop.books.read("receipt", [made.id])
    assert (seen.record.status, seen.record.total) == ("void", wrong.total)
    changed, _ = await shop.drained("receipt", cursor)
    assert {s.id: s.record.status for s in changed}[made.id] == "void"
    assert await shop.books.find("receipt", [wrong.reference]) == {}
    # The same reference stands for new money.
    again = await shop.put("receipt", wrong)
    assert again.id != made.id
    assert (await shop.books.find("receipt", [wrong.reference]))[wrong.reference].id == again.id
    assert (await shop.put("receipt", wrong)).id == again.id
    assert shop.bill(invoice_id)["state"] == "paid"
    assert await shop.books.find("refund_payment", [wrong.reference]) == {}


async def test_a_deposit_that_an_invoice_used_is_taken_back(shop: Shop) -> None:
    order = shop.order(await shop.buyer(), line("KAOS", 1, "50000"))
    order_id = (await shop.put("sales_order", order)).id
    deposit = shop.receipt(f"{order.reference}/P1", order.contact_id, order.total, sales_order_id=order_id)
    made = await shop.put("receipt", deposit)
    bill = (await shop.put("invoice", shop.invoice(order, order_id))).id
    assert shop.bill(bill)["state"] == "paid"
    await shop.put("receipt", deposit, "void", made.id)
    assert (shop.bill(bill)["state"], shop.bill(bill)["amount_to_pay"]) == ("posted", order.total)
    paid = shop.receipt(f"{order.reference}/P2", order.contact_id, order.total, invoice_id=bill)
    await shop.put("receipt", paid)
    assert shop.bill(bill)["state"] == "paid"


@pytest.mark.parametrize("others", [(), (D(7_777),)], ids=["posted", "draft"])
async def test_a_bank_line_is_free_again_for_another_receipt(shop: Shop, others: Sequence[Decimal]) -> None:
    """Whether its statement was booked already (the line was its only one) or waits for another line."""
    right, _, right_bill = await shop.sold(line("KAOS", 1, "50000"))
    wrong, _, wrong_bill = await shop.sold(line("KAOS", 1, "50000"))
    bank, *rest = bank_lines(shop, right.total, *others)
    before = balance(shop, BANK)
    mistake = at_the_bank(shop, shop.receipt(f"{wrong.reference}/B{bank}", wrong.contact_id, wrong.total,
                                             invoice_id=wrong_bill), bank)  # fmt: skip
    made = await shop.put("receipt", mistake)
    assert statement(shop, bank) == ("draft" if others else "posted")
    assert await reconciled(shop, bank)
    assert await untouched(shop, mistake, made.id)
    _, cursor = await shop.drained("bank_transaction")
    for _ in range(2):
        gone = await shop.put("receipt", mistake, "void", made.id)
        assert (gone.status, gone.total) == ("void", wrong.total)
    assert (shop.bill(wrong_bill)["state"], shop.bill(wrong_bill)["amount_to_pay"]) == ("posted", wrong.total)
    assert balance(shop, BANK) == before
    assert not await reconciled(shop, bank)
    changed, cursor = await shop.drained("bank_transaction", cursor)
    assert {s.id: s.record.reconciled for s in changed}[bank] is False
    (seen,) = await shop.books.read("receipt", [made.id])
    assert seen.record.status == "void"
    assert await shop.books.find("receipt", [mistake.reference]) == {}
    receipt = at_the_bank(shop, shop.receipt(f"{right.reference}/B{bank}", right.contact_id, right.total,
                                             invoice_id=right_bill), bank)  # fmt: skip
    again = await shop.put("receipt", receipt)
    assert again.total == right.total
    (seen,) = await shop.books.read("receipt", [again.id])
    assert (seen.record.bank_transaction_id, seen.record.status) == (bank, "open")
    assert await untouched(shop, receipt, again.id)
    assert (await shop.put("receipt", receipt)).id == again.id
    assert await reconciled(shop, bank)
    changed, _ = await shop.drained("bank_transaction", cursor)
    assert {s.id: s.record.reconciled for s in changed}[bank] is True
    if others:
        last = at_the_bank(shop, shop.receipt(f"{right.reference}/B0", right.contact_id, others[0]), rest[0])
        await shop.put("receipt", last)
        assert statement(shop, bank) == "posted"
        assert shop.desk.rows("account.move.line", [["debit", "=", 0], ["credit", "=", 0]], "move") == []
    assert shop.bill(right_bill)["state"] == "paid"
    assert shop.bill(wrong_bill)["amount_to_pay"] == wrong.total
    assert balance(shop, BANK) - before == right.total + sum(others)
    twice = msgspec.structs.replace(receipt, reference=f"{right.reference}/B-twice")
    assert (await shop.refusal("receipt", twice)).code == "already_reconciled"


async def test_a_freed_bank_line_is_taken_back_a_second_time(shop: Shop) -> None:
    order, _, bill = await shop.sold(line("KAOS", 1, "50000"))
    (bank,) = bank_lines(shop, order.total)
    for number in (1, 2, 3):
        receipt = at_the_bank(shop, shop.receipt(f"{order.reference}/B{number}", order.contact_id, order.total,
                                                 invoice_id=bill), bank)  # fmt: skip
        made = await shop.put("receipt", receipt)
        assert (shop.bill(bill)["state"], await reconciled(shop, bank)) == ("paid", True)
        _, cursor = await shop.drained("bank_transaction")
        await shop.put("receipt", receipt, "void", made.id)
        assert (shop.bill(bill)["state"], await reconciled(shop, bank)) == ("posted", False)
        changed, _ = await shop.drained("bank_transaction", cursor)
        assert {s.id: s.record.reconciled for s in changed}[bank] is False


async def test_money_that_a_person_booked_is_not_taken_back(shop: Shop) -> None:
    contact = await shop.buyer()
    receipt = shop.receipt("ORANG/P1", contact, D(1000))
    made = await shop.put("receipt", receipt)
    other = msgspec.structs.replace(receipt, reference="LAIN/P1")
    assert (await shop.put("receipt", receipt, "void", made.id)).status == "void"
    assert (await shop.refusal("receipt", other, "void", "999999")).code == "not_found"
    (bank,) = bank_lines(shop, D(5000))
    origin = shop.desk.one("account.statement.origin", [["id", "=", int(bank)]], "statement", "date")
    (typed,) = shop.desk.create(
        "account.statement.line",
        {"statement": origin["statement"], "origin": int(bank), "number": "TANGAN", "date": origin["date"],
         "amount": D(5000), "account": int(account(shop, FEE))},
    )  # fmt: skip
    assert (await shop.refusal("receipt", other, "void", str(typed))).code == "document_locked"
    assert await reconciled(shop, bank)


async def test_a_receipt_that_a_person_cancelled_is_told(shop: Shop) -> None:
    order, _invoice, bill = await shop.sold(line("KAOS", 1, "50000"))
    receipt = shop.receipt(f"{order.reference}/P1", order.contact_id, D(1000), invoice_id=bill)
    made = await shop.put("receipt", receipt)
    _, cursor = await shop.drained("receipt")
    move = shop.desk.one("account.statement.line", [["id", "=", int(made.id)]], "move")["move"]
    about = {"active_model": "account.move", "active_id": move, "active_ids": [move]}
    context = {"company": shop.desk.company, "language": "en", **about}
    session, *_ = shop.desk._rpc("wizard.account.move.cancel.create", [context])
    form = {"default": {"description": "salah", "reversal": True}}
    shop.desk._rpc("wizard.account.move.cancel.execute", [session, form, "cancel", context])
    changed, _ = await shop.drained("receipt", cursor)
    assert {s.id: s.record.status for s in changed}[made.id] == "void"


# -- journal entries -------------------------------------------------------------------------------------------------


async def test_a_journal_entry_is_written_read_and_taken_back(shop: Shop) -> None:
    _, cursor = await shop.drained("journal")
    before = balance(shop, CLEARING), balance(shop, FEE)
    fees = entry("PAYOUT-1", (account(shop, FEE), "2000", "0"), (account(shop, CLEARING), "0", "2000"), note="biaya")
    made = await shop.put("journal", fees)
    assert (made.total, made.currency) == (D(2000), "IDR")
    assert made.number
    assert (balance(shop, CLEARING) - before[0], balance(shop, FEE) - before[1]) == (D(-2000), D(2000))
    assert (await shop.put("journal", fees)).id == made.id
    assert (await shop.books.find("journal", ["PAYOUT-1"]))["PAYOUT-1"].id == made.id
    (seen,) = await shop.books.read("journal", [made.id])
    check_seen(seen)
    record = seen.record
    assert (record.reference, record.total, record.status, record.number) == ("PAYOUT-1", 2000, "open", made.number)
    assert record.source  # a document of ours, which no person wrote
    assert {(one.account, one.debit, one.credit) for one in record.lines} == {(FEE, 2000, 0), (CLEARING, 0, 2000)}
    changed, _ = await shop.drained("journal", cursor)
    assert {s.id: s.record.source for s in changed}[made.id] == record.source
    for _ in range(2):
        assert (await shop.put("journal", fees, "void", made.id)).status == "void"
    assert (balance(shop, CLEARING), balance(shop, FEE)) == before
    (seen,) = await shop.books.read("journal", [made.id])
    assert (seen.record.status, seen.record.total) == ("void", 2000)
    assert await shop.books.find("journal", ["PAYOUT-1"]) == {}
    again = await shop.put("journal", fees)
    assert again.id != made.id
    assert (await shop.books.find("journal", ["PAYOUT-1"]))["PAYOUT-1"].id == again.id


@pytest.mark.parametrize("others", [(), (D(7_777),)], ids=["posted", "draft"])
async def test_a_payout_explains_its_bank_line(shop: Shop, others: Sequence[Decimal]) -> None:
    bank = bank_lines(shop, D(98_000), *others)[0]
    codes = BANK, FEE, CLEARING
    before = [balance(shop, code) for code in codes]
    name = f"PO-{bank}"
    payout = entry(name, (account(shop, BANK), "98000", "0"), (account(shop, FEE), "2000", "0"),
                   (account(shop, CLEARING), "0", "100000"), bank_transaction_id=bank)  # fmt: skip
    made = await shop.put("journal", payout)
    assert made.total == 100_000
    assert (await shop.put("journal", payout)).id == made.id
    assert (await shop.books.find("journal", [name]))[name].id == made.id
    assert await shop.books.find("receipt", [name]) == {}
    assert await reconciled(shop, bank)
    (seen,) = await shop.books.read("journal", [made.id])
    check_seen(seen)
    record = seen.record
    assert (record.reference, record.total, record.bank_transaction_id) == (name, 100_000, bank)
    assert record.source
    assert {(one.account, one.debit, one.credit) for one in record.lines} == {
        (BANK, 98_000, 0), (FEE, 2000, 0), (CLEARING, 0, 100_000),
    }  # fmt: skip
    if not others:
        assert [balance(shop, code) for code in codes] == [before[0] + 98_000, before[1] + 2000, before[2] - 100_000]
    twice = msgspec.structs.replace(payout, reference=f"{name}x")
    assert (await shop.refusal("journal", twice)).code == "already_reconciled"
    for _ in range(2):
        assert (await shop.put("journal", payout, "void", made.id)).status == "void"
    assert [balance(shop, code) for code in codes] == before
    assert not await reconciled(shop, bank)
    (seen,) = await shop.books.read("journal", [made.id])
    assert seen.record.status == "void"
    again = await shop.put("journal", payout)
    assert again.id != made.id
    assert await reconciled(shop, bank)
    assert (await shop.books.find("journal", [name]))[name].id == again.id


async def test_an_entry_takes_the_party_where_the_account_needs_one(shop: Shop) -> None:
    contact = await shop.buyer()
    moved = entry("PINDAH-1", (account(shop, CLEARING), "9000", "0"), ("1.2.1", "0", "9000"), contact=contact)
    made = await shop.put("journal", moved)
    assert balance(shop, "1.2.1", contact) == -9000
    (seen,) = await shop.books.read("journal", [made.id])
    assert {(one.account, one.contact_id) for one in seen.record.lines} == {(CLEARING, ""), ("1.2.1", contact)}
    await shop.put("journal", moved, "void", made.id)
    assert balance(shop, "1.2.1", contact) == 0


@pytest.mark.parametrize(
    ("code", "sides", "more"),
    [
        ("unknown_account", (("nowhere", "5", "0"), (CLEARING, "0", "5")), {}),
        ("unbalanced", ((FEE, "5", "0"), (CLEARING, "0", "6")), {}),
        ("one_side", ((FEE, "5", "5"), (CLEARING, "0", "0")), {}),
        ("missing_contact", (("1.2.1", "5", "0"), (CLEARING, "0", "5")), {}),
        ("unknown_contact", ((FEE, "5", "0"), (CLEARING, "0", "5")), {"contact": "999999"}),
        ("currency_mismatch", ((FEE, "5", "0"), (CLEARING, "0", "5")), {"currency": "USD"}),
        ("no_fiscal_year", ((FEE, "5", "0"), (CLEARING, "0", "5")), {"date": dt.date(1999, 1, 1)}),
        ("not_found", ((FEE, "5", "0"), (CLEARING, "0", "5")), {"bank_transaction_id": "999999"}),
    ],
)
async def test_entries_that_cannot_be(shop: Shop, code: str, sides: Any, more: dict[str, Any]) -> None:
    currency = more.pop("currency", "IDR") if "currency" in more else "IDR"
    document = msgspec.structs.replace(entry("SALAH-1", *sides, **more), currency=currency)
    error = await shop.refusal("journal", document)
    assert error.code == code
    assert error.cure
    assert shop.desk.rows("account.move", [["description", "ilike", "%SALAH-1%"]], "number") == []


async def test_an_entry_that_is_not_what_the_bank_says(shop: Shop) -> None:
    (bank,) = bank_lines(shop, D(10_000))
    less = entry("KURANG", (BANK, "9000", "0"), (CLEARING, "0", "9000"), bank_transaction_id=bank)
    assert (await shop.refusal("journal", less)).code == "bank_line_mismatch"
    beside = entry("SAMPING", (FEE, "10000", "0"), (CLEARING, "0", "10000"), bank_transaction_id=bank)
    assert (await shop.refusal("journal", beside)).code == "bank_line_mismatch"


async def test_money_out_at_the_bank_is_an_entry_too(shop: Shop) -> None:
    (bank,) = bank_lines(shop, D(-6500))
    made = await shop.put("journal", entry("ADM", (FEE, "6500", "0"), (BANK, "0", "6500"), bank_transaction_id=bank))
    assert (made.total, statement(shop, bank), await reconciled(shop, bank)) == (D(6500), "posted", True)


async def test_a_hundred_entries_take_few_calls(shop: Shop) -> None:
    entries = [entry(f"BANYAK-{n}", (FEE, str(n + 1), "0"), (CLEARING, "0", str(n + 1))) for n in range(100)]
    entries[31] = entry("BANYAK-31", ("nowhere", "1", "0"), (CLEARING, "0", "1"))
    before = shop.books.calls
    outcomes = await shop.outcomes("journal", entries)
    assert shop.books.calls - before <= 20
    assert [n for n, one in enumerate(outcomes) if getattr(one, "error", None)] == [31]
    assert [getattr(one, "total", None) for n, one in enumerate(outcomes) if n != 31] == [
        D(n + 1) for n in range(100) if n != 31
    ]


async def test_the_books_balance_after_all_this(shop: Shop) -> None:
    assert shop.desk.balance() == 0
    assert shop.desk.rows("account.move", [["state", "=", "draft"], ["origin", "=", None]], "number") == []


async def test_a_period_that_is_closed(shop: Shop) -> None:
    """Last: it closes the month. What was booked in it is taken back by an entry of today's period."""
    contact = await shop.buyer()
    kept = shop.receipt("TUTUP/P1", contact, D(1000))
    last = today().replace(day=1) - dt.timedelta(days=1)
    kept = msgspec.structs.replace(kept, date=last)
    made = await shop.put("receipt", kept)
    shop.desk.close_periods(last)
    shop = Shop(shop.database)
    late = entry("TUTUP-1", (FEE, "5", "0"), (CLEARING, "0", "5"), date=last)
    error = await shop.refusal("journal", late)
    assert isinstance(error, LockedPeriod)
    assert (await shop.put("receipt", kept, "void", made.id)).status == "void"
    assert balance(shop, "1.2.1", contact) == 0
    await shop.books.close()
