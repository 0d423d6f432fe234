"""Money in: vouchers that explain a bank line, receipts taken back, differences that cannot be written off."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from selaras.connectors.accurate import Accurate
from selaras.connectors.contract import (
    Ambiguous,
    Done,
    Expired,
    Failed,
    LockedPeriod,
    Outcome,
    Rejected,
    Transient,
    Write,
)
from selaras.connectors.kit.checks import done, drained
from selaras.connectors.kit.papers import Papers, write
from selaras.model.document import Exchanged, Journal, JournalLine, Receipt, WriteOff
from tests.connectors.accurate.rig import AccurateRig, accurate_rig
from tests.connectors.accurate.standin_rows import Refused

BANK, CLEARING, FEE, GATEWAY = "1-1200", "1-1400", "6-2000", "1-1300"
NET, COST, GROSS = Decimal(96_500), Decimal(3_500), Decimal(100_000)


def payout(day: dt.date, *, transaction: str = "", bank: str = BANK, reference: str = "PO/2026-11-01") -> Journal:
    """A payout of a gateway: bank and fee against clearing."""
    lines = (JournalLine(bank, debit=NET), JournalLine(FEE, debit=COST), JournalLine(GATEWAY, credit=GROSS))
    return Journal(
        "", day, "IDR", lines, reference, total=GROSS, note="payout 77", bank_transaction_id=transaction
    )  # fmt: skip


def bank_line(rig: AccurateRig, number: str, amount: Decimal, day: dt.date, against: str = CLEARING) -> str:
    """A line of the bank's feed, as a person or the bank's import books it."""
    rig.books.put("other-deposit", number, {
        "number": number, "transDate": f"{day:%d/%m/%Y}", "chequeAmount": amount, "bank": {"no": BANK},
        "description": "TRSF", "detailAccount": [{"account": {"no": against}, "amount": amount}],
    })  # fmt: skip
    return f"D:{number}"


def sides(row: dict[str, Any]) -> list[tuple[str, str, Decimal]]:
    return [(one["glAccount"]["no"], one["amountType"], one["amount"]) for one in row["detailJournalVoucher"]]


def refusal(outcome: Outcome) -> Rejected:
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, Rejected), outcome.error
    assert outcome.error.cure
    return outcome.error


async def paid(rig: AccurateRig, run: str, *, early: bool) -> tuple[Papers, Accurate, Receipt, str]:
    """An order with its invoice and a receipt; `early` lets the money come before the invoice."""
    connector, papers = rig.built(), await Papers.of(rig, run)
    order = papers.order(1)
    order_id = done((await connector.write("sales_order", "create", [write(order)]))[0]).id
    invoice = msgspec.structs.replace(papers.invoice(1, order, order_id), reference=order.reference)
    receipt = papers.receipt(2, order, order_id)
    if early:
        done((await connector.write("receipt", "create", [write(receipt)]))[0])
        done((await connector.write("invoice", "create", [write(invoice)]))[0])
    else:
        receipt = msgspec.structs.replace(receipt, invoice_id=invoice.reference, sales_order_id="")
        done((await connector.write("invoice", "create", [write(invoice)]))[0])
        done((await connector.write("receipt", "create", [write(receipt)]))[0])
    assert rig.books.of("sales-invoice")[invoice.reference]["primeOwing"] == 0
    return papers, connector, receipt, invoice.reference


# -- journal vouchers ------------------------------------------------------------------------------------------------


async def test_a_payout_takes_its_bank_line_off_the_clearing_account() -> None:
    async with accurate_rig() as rig:
        connector, day = rig.built(), await rig.open_day()
        line = bank_line(rig, "OD.1", NET, day)
        entry = payout(day, transaction=line)
        made = done((await connector.write("journal", "create", [write(entry)]))[0])
        assert (made.id, made.total, made.currency) == (entry.reference, GROSS, "IDR")
        row = rig.books.of("journal-voucher")[entry.reference]
        assert sides(row) == [(CLEARING, "DEBIT", NET), (FEE, "DEBIT", COST), (GATEWAY, "CREDIT", GROSS)]
        found = (await connector.find("journal", [entry.reference, "PO/none"]))[entry.reference]
        assert (found.id, found.total, found.currency) == (entry.reference, GROSS, "IDR")


async def test_an_entry_of_ours_is_not_taken_for_a_persons() -> None:
    async with accurate_rig() as rig:
        connector, day = rig.built(), await rig.open_day()
        entry = payout(day)
        done((await connector.write("journal", "create", [write(entry)]))[0])
        rig.books.save("journal-voucher", {
            "number": "JV.1", "transDate": f"{day:%d/%m/%Y}", "description": "1001",
            "detailJournalVoucher": [
                {"accountNo": BANK, "amount": 5, "amountType": "DEBIT"},
                {"accountNo": "4-1000", "amount": 5, "amountType": "CREDIT"},
            ],
        })  # fmt: skip
        rows = {row.id: row.record for row in (await drained(connector, "journal"))[0]}
        ours, theirs = rows[entry.reference], rows["JV.1"]
        assert (ours.source, ours.reference, ours.total) == ("Selaras", entry.reference, GROSS)
        assert [(j.account, j.debit, j.credit) for j in ours.lines] == [
            (j.account, j.debit, j.credit) for j in entry.lines
        ]
        assert (theirs.source, theirs.reference, theirs.total) == ("", "1001", 5)


async def test_a_lost_answer_to_a_payout_is_found_and_a_repeat_doubles_nothing() -> None:
    async with accurate_rig() as rig:
        connector, day = rig.built(), await rig.open_day()
        entry = payout(day)
        await rig.fail_after()
        with pytest.raises(Ambiguous):
            await connector.write("journal", "create", [write(entry)])
        await rig.calm()
        assert (await connector.find("journal", [entry.reference]))[entry.reference].total == GROSS
        assert done((await connector.write("journal", "create", [write(entry)]))[0]).id == entry.reference
        assert len(rig.books.of("journal-voucher")) == 1
        other = msgspec.structs.replace(payout(day), total=Decimal(5), lines=(
            JournalLine(BANK, debit=Decimal(5)), JournalLine(GATEWAY, credit=Decimal(5)),
        ))  # fmt: skip
        assert refusal((await connector.write("journal", "create", [write(other)]))[0]).code == "duplicate_reference"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"total": Decimal(1)}, "lines"),
        ({"lines": (JournalLine(BANK, debit=GROSS), JournalLine("", credit=GROSS))}, "lines.account"),
        ({"lines": (JournalLine(BANK, debit=GROSS), JournalLine(FEE, credit=GROSS, debit=GROSS))}, "lines"),
        ({"lines": (JournalLine(BANK, debit=GROSS), JournalLine("9-9999", credit=GROSS))}, "account"),
        ({"currency": "USD"}, "currency"),
        ({"dimensions": (("cost_center", "1"),)}, "dimensions"),
        ({"bank_transaction_id": "D:none"}, "bank_transaction_id"),
        ({"bank_transaction_id": "D:OD.2"}, "bank_transaction_id"),
        ({"bank_transaction_id": "D:OD.3"}, "lines"),
    ],
)  # fmt: skip
async def test_a_bad_entry_is_refused_beside_a_good_one(change: dict[str, Any], field: str) -> None:
    async with accurate_rig() as rig:
        connector, day = rig.built(), await rig.open_day()
        bank_line(rig, "OD.2", NET, day, against="4-1000")  # a person has explained it
        bank_line(rig, "OD.3", NET + 1, day)  # another amount
        good = payout(day, reference="PO/good")
        bad = msgspec.structs.replace(payout(day), **change)
        refused, made = await connector.write("journal", "create", [write(bad), write(good)])
        assert refusal(refused).field == field
        assert isinstance(made, Done)
        assert list(rig.books.of("journal-voucher")) == ["PO/good"]


async def test_a_line_on_a_receivable_names_the_customer_and_dimensions_are_sent() -> None:
    async with accurate_rig() as rig:
        connector, day = rig.built(), await rig.open_day()
        lines = (JournalLine(BANK, debit=NET), JournalLine("1-2000", credit=NET, contact_id="C.00001"))
        sorted_by = (("branch", "Pusat"), ("department", "Toko Daring"), ("project", "P.01"))
        entry = msgspec.structs.replace(payout(day), lines=lines, total=NET, dimensions=sorted_by)
        done((await connector.write("journal", "create", [write(entry)]))[0])
        (body,) = rig.standin.bodies[-1][1]["data"]
        assert body["branchName"] == "Pusat"
        assert {(r["departmentName"], r["projectNo"]) for r in body["detailJournalVoucher"]} == {
            ("Toko Daring", "P.01")
        }
        assert rig.books.of("journal-voucher")[entry.reference]["detailJournalVoucher"][1]["customer"] == {
            "customerNo": "C.00001"
        }


async def test_a_hundred_payouts_are_one_call() -> None:
    async with accurate_rig() as rig:
        connector, day = rig.built(), await rig.open_day()
        entries = [payout(day, reference=f"PO/{n}") for n in range(100)]
        outcomes = await connector.write("journal", "create", [write(one) for one in entries])
        assert all(isinstance(one, Done) for one in outcomes)
        assert rig.standin.calls == {"journal-voucher/bulk-save": 1}


async def test_an_entry_is_taken_back_and_its_number_is_free() -> None:
    async with accurate_rig() as rig:
        connector, day = rig.built(), await rig.open_day()
        entry = payout(day)
        made = done((await connector.write("journal", "create", [write(entry)]))[0])
        await rig.fail_after()
        (lost,) = await connector.write("journal", "void", [write(entry, made.id)])
        assert isinstance(lost, Failed)
        assert isinstance(lost.error, Ambiguous)
        await rig.calm()
        assert done((await connector.write("journal", "void", [write(entry, made.id)]))[0]).status == "void"
        assert await connector.find("journal", [entry.reference]) == {}
        (seen,) = await connector.read("journal", [made.id])
        assert seen.record is None
        done((await connector.write("journal", "create", [write(entry)]))[0])
        assert len(rig.books.of("journal-voucher")) == 1
        assert refusal((await connector.write("journal", "void", [write(entry, "JV.none")]))[0]).code == "not_found"


# -- receipts taken back ---------------------------------------------------------------------------------------------


async def test_a_receipt_taken_back_leaves_its_invoice_open() -> None:
    async with accurate_rig() as rig:
        _papers, connector, receipt, number = await paid(rig, "back", early=False)
        for _ in range(2):  # a repeat, as after a lost answer
            assert (
                done((await connector.write("receipt", "void", [write(receipt, receipt.reference)]))[0]).status
                == "void"
            )
        bill = rig.books.of("sales-invoice")[number]
        assert (bill["status"], bill["primeOwing"]) == ("OUTSTANDING", bill["totalAmount"])
        assert rig.books.of("sales-receipt") == {}
        again = msgspec.structs.replace(receipt, reference=f"{receipt.reference}/2")
        done((await connector.write("receipt", "create", [write(again)]))[0])
        assert bill["primeOwing"] == 0


@pytest.mark.parametrize("lost", [0, 1, 2, 3, 4])
async def test_money_that_came_before_its_invoice_is_taken_back_with_its_down_payment(lost: int) -> None:
    """Whichever answer on the way is lost, a repeat brings it to its end."""
    async with accurate_rig() as rig:
        _papers, connector, receipt, number = await paid(rig, f"early{lost}", early=True)
        effects = 0

        def chance() -> str:
            nonlocal effects
            paths = ("sales-receipt/delete", "sales-invoice/save", "sales-invoice/delete")
            made = sum(rig.standin.calls[path] for path in paths)
            fresh, effects = made > effects, made
            return "after" if fresh and made == lost else ""

        rig.standin.chance = chance
        (outcome,) = await connector.write("receipt", "void", [write(receipt, receipt.reference)])
        rig.standin.chance = str
        assert isinstance(outcome, Failed) == bool(lost)
        if isinstance(outcome, Failed):
            assert isinstance(outcome.error, Ambiguous), outcome.error
            (outcome,) = await connector.write("receipt", "void", [write(receipt, receipt.reference)])
        assert done(outcome).status == "void"
        bills = rig.books.of("sales-invoice")
        assert list(bills) == [number]
        assert bills[number]["primeOwing"] == bills[number]["totalAmount"]
        assert rig.books.of("sales-receipt") == {}


async def test_a_down_payment_that_nobody_used_goes_too_and_no_invoice_takes_it_later() -> None:
    async with accurate_rig() as rig:
        connector, papers = rig.built(), await Papers.of(rig, "unused")
        order = papers.order(1)
        done((await connector.write("sales_order", "create", [write(order)]))[0])
        receipt = papers.receipt(2, order, order.reference)
        done((await connector.write("receipt", "create", [write(receipt)]))[0])
        done((await connector.write("receipt", "void", [write(receipt, receipt.reference)]))[0])
        invoice = papers.invoice(3, order, order.reference)
        done((await connector.write("invoice", "create", [write(invoice)]))[0])
        bills = rig.books.of("sales-invoice")
        assert list(bills) == [invoice.reference]
        assert bills[invoice.reference]["primeOwing"] == invoice.total


async def test_a_down_payment_on_an_invoice_that_is_not_ours_is_told_with_a_cure() -> None:
    async with accurate_rig() as rig:
        _papers, connector, receipt, number = await paid(rig, "theirs", early=True)
        bills = rig.books.of("sales-invoice")
        bills["HAND/1"] = bills.pop(number) | {"number": "HAND/1"}
        refused = refusal((await connector.write("receipt", "void", [write(receipt, receipt.reference)]))[0])
        assert (refused.code, refused.field) == ("deposit_used", "status")
        assert receipt.reference in rig.books.of("sales-receipt")


async def test_what_cannot_be_shown_is_not_taken_for_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with accurate_rig() as rig:
        _papers, connector, receipt, number = await paid(rig, "odd", early=False)

        def odd(entity: str, raw: str) -> dict[str, Any]:
            raise Refused("Terjadi kesalahan pada sistem")

        monkeypatch.setattr(rig.standin.lists, "detail", odd)
        (outcome,) = await connector.write("receipt", "void", [write(receipt, receipt.reference)])
        assert isinstance(outcome, Failed)
        assert isinstance(outcome.error, Transient), outcome.error
        assert rig.books.of("sales-invoice")[number]["primeOwing"] == 0


@pytest.mark.parametrize("early", [False, True])
async def test_nothing_is_taken_back_in_a_closed_period(early: bool) -> None:
    async with accurate_rig() as rig:
        papers, connector, receipt, number = await paid(rig, f"closed{early}", early=early)
        entry = payout(papers.day)
        done((await connector.write("journal", "create", [write(entry)]))[0])
        await rig.close_period(papers.day)
        for kind, document in (("receipt", receipt), ("journal", entry)):
            (outcome,) = await connector.write(kind, "void", [Write("k", document, document.reference)])
            assert isinstance(outcome, Failed)
            assert isinstance(outcome.error, LockedPeriod), outcome.error
        assert rig.books.of("sales-invoice")[number]["primeOwing"] == 0
        assert len(await rig.held("receipt", receipt.reference)) == len(await rig.held("journal", entry.reference)) == 1


async def test_a_right_to_delete_that_is_missing_is_named() -> None:
    async with accurate_rig() as rig:
        _papers, connector, receipt, _number = await paid(rig, "right", early=False)
        rig.standin.scopes = {"sales_receipt_view"}
        (outcome,) = await connector.write("receipt", "void", [write(receipt, receipt.reference)])
        assert isinstance(outcome, Failed)
        assert isinstance(outcome.error, Expired)
        assert "sales_receipt_delete" in outcome.error.message


async def test_what_is_not_money_is_credited_instead() -> None:
    async with accurate_rig() as rig:
        papers, connector, _receipt, number = await paid(rig, "credit", early=False)
        invoice = msgspec.structs.replace(papers.invoice(1, papers.order(1), ""), reference=number)
        assert refusal((await connector.write("invoice", "void", [write(invoice, number)]))[0]).code == "not_voidable"
        assert connector.capabilities.voids == {"receipt", "journal"}


# -- differences -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [6_500, -123])
@pytest.mark.parametrize("early", [False, True])
async def test_a_receipt_that_writes_off_is_refused_before_anything_is_written(amount: int, early: bool) -> None:
    async with accurate_rig() as rig:
        connector, papers = rig.built(), await Papers.of(rig, "off")
        assert not connector.capabilities.write_offs
        invoice = papers.invoice(1, papers.order(1), "")
        done((await connector.write("invoice", "create", [write(invoice)]))[0])
        receipt = papers.receipt(2, papers.order(1), "", "" if early else invoice.reference)
        off = (WriteOff("transfer_fee", FEE, Decimal(amount)),)
        short = msgspec.structs.replace(receipt, total=receipt.total - amount, write_offs=off)
        assert refusal((await connector.write("receipt", "create", [write(short)]))[0]).field == "write_offs"
        assert not connector.capabilities.exchanges
        abroad = msgspec.structs.replace(receipt, exchanged=Exchanged(Decimal(25), "USD"))
        assert refusal((await connector.write("receipt", "create", [write(abroad)]))[0]).field == "exchanged"
        assert list(rig.books.of("sales-invoice")) == [invoice.reference]
        assert rig.books.of("sales-receipt") == {}
