"""Journal entries, write-offs and voids through the connector, against running books."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from selaras.connectors.contract import Ambiguous, Failed
from selaras.connectors.kit.checks import done, failed
from selaras.model.document import Exchanged, Journal, JournalLine, Receipt, WriteOff
from selaras.model.money import ZERO
from tests.connectors.sandbox_books.books import DAY, connected, invoice, writes
from tests.sandbox.books_client import Client


def payout(reference: str = "po-1", net: int = 29_000, **more: Any) -> Journal:
    lines = (
        JournalLine("acc-1-1000", Decimal(net)),
        JournalLine("acc-6-1020", Decimal(1_000), note="MDR"),
        JournalLine("acc-1-1050", ZERO, Decimal(net + 1_000)),
    )
    values: dict[str, Any] = {"lines": lines, "total": Decimal(net + 1_000), "note": "Payout 1"} | more
    return Journal("", DAY, "IDR", reference=reference, **values)


async def bank_line(client: Client, amount: int) -> str:
    body = {"items": [{"date": DAY.isoformat(), "amount": str(amount), "currency": "IDR"}]}
    _, answer = await client.admin("bank", body)
    return str(answer["results"][0]["id"])


async def test_only_entries_of_their_own_are_found_and_one_that_stands_before_a_void_one() -> None:
    async with connected() as (connector, _):
        await connector.write("invoice", "create", writes(invoice("po-1")))
        assert await connector.find("journal", ["po-1"]) == {}, "the invoice's own entry bears its reference"
        first = done((await connector.write("journal", "create", writes(payout())))[0])
        assert (await connector.find("journal", ["po-1", "po-2"]))["po-1"].id == first.id
        done((await connector.write("journal", "void", writes(payout(), id=first.id)))[0])
        assert (await connector.find("journal", ["po-1"]))["po-1"].status == "void"
        second = done((await connector.write("journal", "create", writes(payout())))[0])
        found = (await connector.find("journal", ["po-1"]))["po-1"]
        assert (found.id, found.total, found.currency) == (second.id, Decimal(30_000), "IDR")
        again = done((await connector.write("journal", "create", writes(payout())))[0])
        assert again.id == second.id, "a repeat is recognised"


async def test_changes_of_entries_are_told_without_their_reversals() -> None:
    async with connected() as (connector, client):
        bank = await bank_line(client, 29_000)
        entry = payout(bank_transaction_id=bank)
        made = done((await connector.write("journal", "create", writes(entry)))[0])
        changes = await connector.changed("journal", "")
        assert [(s.id, s.record.status, s.record.source) for s in changes.seen] == [(made.id, "open", "journal")]
        done((await connector.write("journal", "void", writes(entry, id=made.id)))[0])
        changes = await connector.changed("journal", "")
        assert [(s.id, s.record.status) for s in changes.seen] == [(made.id, "void")]
        (line,) = await connector.read("bank_transaction", [bank])
        assert line.record.reconciled is False


async def test_what_a_receipt_wrote_off_is_read_back() -> None:
    async with connected() as (connector, _):
        bill = done((await connector.write("invoice", "create", writes(invoice())))[0])
        offs = (WriteOff("transfer_fee", "acc-6-1010", Decimal(2_500)), WriteOff("rounding", "", Decimal(-5)))
        paid = Receipt("1001/P1", DAY, "IDR", Decimal(30_805), invoice_id=bill.id, write_offs=offs)
        made = done((await connector.write("receipt", "create", writes(paid)))[0])
        (seen,) = await connector.read("receipt", [made.id])
        assert seen.record.settled == Decimal(33_300)
        assert [(o.role, o.account, o.amount) for o in seen.record.write_offs] == [
            ("transfer_fee", "acc-6-1010", 2_500), ("rounding", "acc-4-9000", -5),
        ]  # fmt: skip
        (row,) = await connector.read("invoice", [bill.id])
        assert row.record.status == "paid"


async def test_money_of_another_currency_is_read_back_and_a_repeat_is_recognised() -> None:
    async with connected() as (connector, client):
        bank = await bank_line(client, 480_000)
        line = msgspec.structs.replace(invoice().lines[0], unit_price=Decimal(30), amount=Decimal(30), tax=Decimal(0))
        sold = msgspec.structs.replace(
            invoice(), currency="USD", total=Decimal(30), lines=(msgspec.structs.replace(line, quantity=Decimal(1)),)
        )  # fmt: skip
        bill = done((await connector.write("invoice", "create", writes(sold)))[0])
        came = Exchanged(Decimal(480_000), "IDR")
        paid = Receipt(
            "1001/B1", DAY, "USD", Decimal(30), invoice_id=bill.id, bank_transaction_id=bank, exchanged=came
        )  # fmt: skip
        made = done((await connector.write("receipt", "create", writes(paid)))[0])
        assert (made.total, made.currency) == (Decimal(30), "USD")
        assert done((await connector.write("receipt", "create", writes(paid)))[0]).id == made.id
        found = (await connector.find("receipt", ["1001/B1"]))["1001/B1"]
        assert (found.total, found.currency) == (Decimal(30), "USD")
        (seen,) = await connector.read("receipt", [made.id])
        assert seen.record.exchanged == Exchanged(Decimal(480_000), "IDR", "acc-4-9100")
        (line_,) = await connector.read("bank_transaction", [bank])
        assert line_.record.reconciled
        (row,) = await connector.read("invoice", [bill.id])
        assert row.record.status == "paid"


async def test_a_bad_entry_fails_alone_and_says_what_to_do() -> None:
    async with connected() as (connector, client):
        bank = await bank_line(client, 29_000)
        bad = payout("po-2", 28_000, bank_transaction_id=bank)
        outcomes = await connector.write("journal", "create", writes(payout("po-1"), bad, payout("po-3")))
        assert [isinstance(one, Failed) for one in outcomes] == [False, True, False]
        error = failed(outcomes[1]).error
        assert (error.code, error.field) == ("bank_line_mismatch", "lines")
        assert error.cure
        twice = msgspec.structs.replace(payout("po-1"), total=Decimal(30_001))
        error = failed((await connector.write("journal", "create", writes(twice)))[0]).error
        assert error.code == "duplicate_reference"


async def test_half_a_batch_of_voids_can_be_sent_again() -> None:
    async with connected() as (connector, client):
        entries = [payout(f"po-{n}") for n in range(4)]
        made = [done(o).id for o in await connector.write("journal", "create", writes(*entries))]
        voids = [w for entry, id in zip(entries, made, strict=True) for w in writes(entry, id=id)]
        client.server.faults.set(half_batch=1.0)
        try:
            raise AssertionError(await connector.write("journal", "void", voids))
        except Ambiguous:
            client.server.faults.set(half_batch=0.0)
        assert {done(o).status for o in await connector.write("journal", "void", voids)} == {"void"}
        accounts = (await client.truth("trial_balance"))["trial_balance"]["IDR"]["accounts"]
        assert [accounts[role] for role in ("bank", "gateway_fee", "clearing")] == ["0", "0", "0"]
