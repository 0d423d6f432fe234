"""Money in: entries that explain a bank line, payments taken back, differences that cannot be written off."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from selaras.connectors.contract import (
    Ambiguous,
    Connector,
    Done,
    Failed,
    LockedPeriod,
    Outcome,
    Rejected,
    Tools,
    Write,
)
from selaras.connectors.jurnal import Jurnal, build
from selaras.connectors.kit.checks import done, drained
from selaras.connectors.kit.papers import Papers, write
from selaras.model.document import BankTransaction, Exchanged, Journal, JournalLine, Receipt, WriteOff
from tests.connectors.jurnal.rig import ZONE, JurnalRig, jurnal_rig, settings_for

BANK, SUSPENSE, GATEWAY, FEE = "1-10002", "1-10099", "1-10003", "6-60200"
NET, COST, GROSS = Decimal(96_500), Decimal(3_500), Decimal(100_000)


@pytest.fixture
async def rig() -> AsyncIterator[JurnalRig]:
    async with jurnal_rig() as rig:
        yield rig


def built(rig: JurnalRig, **more: str) -> Jurnal:
    settings = settings_for(rig.books, visibility_lag="0", account_suspense=SUSPENSE) | more
    made = build(settings, Tools("buku", ZONE, rig.tokens, time.time))
    rig._stack.push_async_callback(made.close)
    return made


def payout(*, transaction: str = "", bank: str = SUSPENSE, reference: str = "PO/2026-11-01", **more: Any) -> Journal:
    """A payout of a gateway: bank and fee against clearing."""
    lines = (JournalLine(bank, debit=NET), JournalLine(FEE, debit=COST, note="MDR"), JournalLine(GATEWAY, credit=GROSS))
    entry = Journal(
        "", dt.date(2026, 11, 1), "IDR", lines, reference, total=GROSS, note="77", bank_transaction_id=transaction
    )
    return msgspec.structs.replace(entry, **more)


def deposit(rig: JurnalRig, amount: Decimal, against: str = "Bank Belum Dikenal") -> str:
    """A line of the bank's feed, as a person or the bank's import books it."""
    row = rig.books.books.create_bank_deposits({
        "transaction_date": "2026-11-01", "deposit_to_name": "Rekening Bank", "memo": "TRSF",
        "transaction_account_lines_attributes": [{"account_name": against, "credit": amount}],
    })  # fmt: skip
    return f"d{row['id']}"


def sides(rig: JurnalRig, id: str) -> list[tuple[str, Decimal]]:
    row = rig.books.books.tables["journal_entries"][int(id)]
    return [
        (one["account"]["number"], Decimal(one["debit"]) - Decimal(one["credit"]))
        for one in row["transaction_account_lines"]
    ]


def refusal(outcome: Outcome) -> Rejected:
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, Rejected), outcome.error
    assert outcome.error.cure
    return outcome.error


# -- journal entries -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bank", [SUSPENSE, BANK])
async def test_a_payout_takes_its_bank_line_off_the_suspense_account(rig: JurnalRig, bank: str) -> None:
    connector = built(rig)
    line = deposit(rig, NET)
    (seen,) = await connector.read("bank_transaction", [line])
    assert isinstance(seen.record, BankTransaction)
    assert not seen.record.reconciled
    entry = payout(transaction=line, bank=bank)
    made = done((await connector.write("journal", "create", [write(entry)]))[0])
    assert (made.number, made.total, made.currency) == (entry.reference, GROSS, "IDR")
    assert sides(rig, made.id) == [(SUSPENSE, NET), (FEE, COST), (GATEWAY, -GROSS)]
    found = (await connector.find("journal", [entry.reference, "PO/none"]))[entry.reference]
    assert (found.id, found.total, found.currency) == (made.id, GROSS, "IDR")


async def test_an_entry_of_ours_is_not_taken_for_a_persons(rig: JurnalRig) -> None:
    connector = built(rig)
    entries = [payout(), payout(reference="PO-2")]
    made = [done(one) for one in await connector.write("journal", "create", [write(one) for one in entries])]
    rig.books.books.create_journal_entries({
        "transaction_date": "2026-11-01", "memo": "1001",
        "transaction_account_lines_attributes": [
            {"account_name": "Rekening Bank", "debit": 5}, {"account_name": "Pendapatan", "credit": 5},
        ],
    })  # fmt: skip
    records = [row.record for row in (await drained(connector, "journal"))[0]]
    ours = {one.id: one for one in records if one.source}
    for entry, one in zip(entries, made, strict=True):
        assert (ours[one.id].reference, ours[one.id].total) == (entry.reference, GROSS)
        assert [(j.account, j.debit, j.credit) for j in ours[one.id].lines] == [
            (j.account, j.debit, j.credit) for j in entry.lines
        ]
    (theirs,) = [one for one in records if not one.source]
    assert (theirs.reference, theirs.total) == ("1001", 5)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"total": Decimal(1)}, "lines"),
        ({"lines": (JournalLine(BANK, debit=GROSS), JournalLine("", credit=GROSS))}, "lines.account"),
        ({"lines": (JournalLine(BANK, debit=GROSS), JournalLine("9-99999", credit=GROSS))}, "lines.account"),
        ({"lines": (JournalLine(BANK, debit=GROSS), JournalLine(FEE, Decimal(0), GROSS, "7"))}, "lines.contact_id"),
        ({"currency": "USD"}, "currency"),
        ({"bank_transaction_id": "d999999"}, "bank_transaction_id"),
        ({"bank_transaction_id": "explained"}, "bank_transaction_id"),
        ({"bank_transaction_id": "other amount"}, "lines"),
    ],
)  # fmt: skip
async def test_a_bad_entry_is_refused_beside_a_good_one(rig: JurnalRig, change: dict[str, Any], field: str) -> None:
    connector = built(rig)
    lines = {"explained": deposit(rig, NET, "Pendapatan"), "other amount": deposit(rig, NET + 1)}
    if line := change.get("bank_transaction_id"):
        change = {"bank_transaction_id": lines.get(line, line)}
    bad = payout(**change)
    refused, made = await connector.write("journal", "create", [write(bad), write(payout(reference="PO/good"))])
    assert refusal(refused).field == field
    assert isinstance(made, Done)
    assert [row["transaction_no"] for row in rig.books.books.tables["journal_entries"].values()] == ["PO/good"]


async def test_a_bank_line_wants_the_suspense_account_named(rig: JurnalRig) -> None:
    connector = built(rig, account_suspense="")
    entry = payout(transaction=deposit(rig, NET))
    assert refusal((await connector.write("journal", "create", [write(entry)]))[0]).field == "account_suspense"


async def test_a_hundred_payouts_are_one_call_and_tags_are_sent(rig: JurnalRig) -> None:
    connector = built(rig)
    await connector.changed("account", "")
    await connector.changed("dimension", "")
    entries = [payout(reference=f"PO/{n}", dimensions=(("project", "25"),)) for n in range(100)]
    begun = connector.calls
    outcomes = await connector.write("journal", "create", [write(one) for one in entries])
    assert all(isinstance(one, Done) for one in outcomes)
    assert connector.calls - begun == 1
    rows = rig.books.books.tables["journal_entries"].values()
    assert {row["tags"][0]["name"] for row in rows} == {"Bandung"}


async def test_an_entry_is_taken_back_once_and_for_all(rig: JurnalRig) -> None:
    connector, entry = built(rig), payout()
    made = done((await connector.write("journal", "create", [write(entry)]))[0])
    await rig.fail_after()
    with pytest.raises(Ambiguous):
        raise_if_failed((await connector.write("journal", "void", [write(entry, made.id)]))[0])
    await rig.calm()
    assert done((await connector.write("journal", "void", [write(entry, made.id)]))[0]).status == "void"
    assert await connector.find("journal", [entry.reference]) == {}
    (seen,) = await connector.read("journal", [made.id])
    assert seen.record is None


def raise_if_failed(outcome: Outcome) -> None:
    if isinstance(outcome, Failed):
        raise outcome.error


# -- payments taken back ---------------------------------------------------------------------------------------------


async def ordered(connector: Connector, rig: JurnalRig, run: str) -> tuple[Papers, Receipt, str]:
    """An order and the receipt that pays it before there is an invoice."""
    papers = await Papers.of(rig, run)
    order = papers.order(1)
    order_id = done((await connector.write("sales_order", "create", [write(order)]))[0]).id
    return papers, papers.receipt(3, order, order_id), order_id


async def billed(connector: Connector, papers: Papers, order_id: str) -> str:
    invoice = papers.invoice(2, papers.order(1), order_id)
    return done((await connector.write("invoice", "create", [write(invoice)]))[0]).id


async def test_a_payment_taken_back_leaves_its_invoice_open(rig: JurnalRig) -> None:
    connector = built(rig)
    papers, receipt, order_id = await ordered(connector, rig, "back")
    invoice = await billed(connector, papers, order_id)
    receipt = msgspec.structs.replace(receipt, sales_order_id="", invoice_id=invoice)
    made = done((await connector.write("receipt", "create", [write(receipt)]))[0])
    assert await rig.owed(invoice) == 0
    for _ in range(2):  # a repeat, as after a lost answer
        assert done((await connector.write("receipt", "void", [write(receipt, made.id)]))[0]).status == "void"
        assert await rig.owed(invoice) == receipt.total
    assert await connector.find("receipt", [receipt.reference]) == {}
    again = msgspec.structs.replace(receipt, reference=f"{receipt.reference}~2")
    done((await connector.write("receipt", "create", [write(again)]))[0])
    assert await rig.owed(invoice) == 0


async def test_money_for_an_order_and_money_of_nobody_are_read_and_taken_back(rig: JurnalRig) -> None:
    connector = built(rig)
    papers, early, order_id = await ordered(connector, rig, "early")
    loose = msgspec.structs.replace(early, reference=f"{early.reference}/L", sales_order_id="")
    made = [done(one) for one in await connector.write("receipt", "create", [write(early), write(loose)])]
    assert [one.id[0] for one in made] == ["o", "d"]
    seen = await connector.read("receipt", [one.id for one in made])
    records = [row.record for row in seen]
    assert [(r.id, r.reference, r.total, r.contact_id) for r in records] == [
        (one.id, paid.reference, paid.total, papers.contact_id) for one, paid in zip(made, (early, loose), strict=True)
    ]
    assert [r.sales_order_id for r in records] == [order_id, ""]
    writes = [write(early, made[0].id), write(loose, made[1].id)]
    assert [done(one).status for one in await connector.write("receipt", "void", writes)] == ["void", "void"]
    assert [row.record for row in await connector.read("receipt", [one.id for one in made])] == [None, None]
    invoice = await billed(connector, papers, order_id)
    assert await rig.owed(invoice) == early.total


async def test_money_that_an_invoice_has_taken_over_is_told_with_a_cure(rig: JurnalRig) -> None:
    connector = built(rig)
    papers, receipt, order_id = await ordered(connector, rig, "taken")
    made = done((await connector.write("receipt", "create", [write(receipt)]))[0])
    invoice = await billed(connector, papers, order_id)
    refused = refusal((await connector.write("receipt", "void", [write(receipt, made.id)]))[0])
    assert (refused.code, refused.field) == ("not_voidable", "status")
    assert await rig.owed(invoice) == 0


async def test_nothing_is_taken_back_in_a_closed_period(rig: JurnalRig) -> None:
    connector = built(rig)
    papers, receipt, _order = await ordered(connector, rig, "closed")
    entry = payout()
    documents: tuple[tuple[str, Receipt | Journal], ...] = (("receipt", receipt), ("journal", entry))
    ids = [done((await connector.write(kind, "create", [write(one)]))[0]).id for kind, one in documents]
    await rig.close_period(max(papers.day, entry.date))
    for (kind, one), id in zip(documents, ids, strict=True):
        (outcome,) = await connector.write(kind, "void", [Write("k", one, id)])
        assert isinstance(outcome, Failed)
        assert isinstance(outcome.error, LockedPeriod), outcome.error
        assert not any(held.void for held in await rig.held(kind, one.reference))


@pytest.mark.parametrize(("kind", "id"), [("receipt", "999999999"), ("receipt", "x1"), ("journal", "PO/1")])
async def test_what_was_never_ours_is_not_taken_back(rig: JurnalRig, kind: str, id: str) -> None:
    connector = built(rig)
    papers = await Papers.of(rig, "never")
    document = payout() if kind == "journal" else papers.receipt(1, papers.order(1), "7")
    assert refusal((await connector.write(kind, "void", [write(document, id)]))[0]).code == "not_found"


async def test_what_is_not_money_is_not_taken_back(rig: JurnalRig) -> None:
    connector = built(rig)
    papers, _receipt, order_id = await ordered(connector, rig, "credit")
    invoice = await billed(connector, papers, order_id)
    document = papers.invoice(2, papers.order(1), order_id)
    assert refusal((await connector.write("invoice", "void", [write(document, invoice)]))[0]).code == "not_supported"
    assert connector.capabilities.voids == {"receipt", "journal"}


# -- differences -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [6_500, -123])
async def test_a_receipt_that_writes_off_is_refused_before_anything_is_written(rig: JurnalRig, amount: int) -> None:
    connector = built(rig)
    assert not connector.capabilities.write_offs
    _papers, receipt, _order = await ordered(connector, rig, "off")
    off = (WriteOff("transfer_fee", FEE, Decimal(amount)),)
    short = msgspec.structs.replace(receipt, total=receipt.total - amount, write_offs=off)
    assert refusal((await connector.write("receipt", "create", [write(short)]))[0]).field == "write_offs"
    assert not connector.capabilities.exchanges
    abroad = msgspec.structs.replace(receipt, exchanged=Exchanged(Decimal(25), "USD"))
    assert refusal((await connector.write("receipt", "create", [write(abroad)]))[0]).field == "exchanged"
    assert await rig.held("receipt", receipt.reference) == []
