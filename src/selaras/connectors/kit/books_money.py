"""The contract of books for money in: write-offs, exchanges, journal entries, bank lines that several receipts explain,
and voids.

Each test is for books that declare what it needs (`targets`, `voids`, `write_offs`, `exchanges`); others skip it and
say so.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from decimal import Decimal

import msgspec
import pytest

from selaras.connectors.contract import Ambiguous, Connector, Done, LockedPeriod, Rejected
from selaras.connectors.kit.checks import check_exact, check_seen, check_told, done, failed, only
from selaras.connectors.kit.papers import Papers, write
from selaras.connectors.kit.rigs import BooksRig
from selaras.model.document import BankTransaction, Exchanged, Journal, JournalLine, Receipt, WriteOff
from selaras.model.money import ZERO, from_minor


@pytest.mark.asyncio
class BooksMoneyContract:
    """Part of `BooksContract`."""

    async def test_a_receipt_settles_its_money_and_its_write_offs(self, rig: BooksRig) -> None:
        """A fee taken on the way and a unique code: nothing is owed afterwards, and the total is the money alone."""
        connector = await rig.connector()
        if not connector.capabilities.write_offs:
            pytest.skip("these books take no write-offs")
        papers = await Papers.of(rig, "off")
        fee = await rig.fee_account()
        for number, minor in enumerate((250_000, -123)):
            receipt = await _billed(connector, papers, 10 * number)
            off = WriteOff("transfer_fee", fee, from_minor(minor, rig.currency))
            paid = msgspec.structs.replace(receipt, total=receipt.total - off.amount, write_offs=(off,))
            assert await rig.owed(receipt.invoice_id) == receipt.total
            made = done((await connector.write("receipt", "create", [write(paid)]))[0])
            assert made.total in (None, paid.total)
            assert await rig.owed(receipt.invoice_id) == ZERO
            assert only(await rig.held("receipt", paid.reference), paid.reference).total == paid.total

    async def test_money_of_another_currency_settles_what_is_owed(self, rig: BooksRig) -> None:
        """The invoice is paid in its own currency, the bank line explained by all that came; void, both are free."""
        connector = await rig.connector()
        if not connector.capabilities.exchanges:
            pytest.skip("these books take no money of another currency than the order's")
        _needs_bank_lines(connector, "receipt")
        papers = msgspec.structs.replace(await Papers.of(rig, "abroad"), currency=rig.foreign)
        for number, minor in enumerate((123_456_700, 98_765_400)):  # two orders at two rates: a gain, and a loss
            receipt = await _billed(connector, papers, 10 * number)
            came = from_minor(minor * 100, rig.currency)
            line = await rig.bank_line(came)
            paid = await _from_bank(rig, receipt, line)
            paid = msgspec.structs.replace(paid, exchanged=Exchanged(came, rig.currency))
            assert await rig.owed(receipt.invoice_id) == receipt.total
            made = done((await connector.write("receipt", "create", [write(paid)]))[0])
            assert made.total in (None, receipt.total)
            assert await rig.owed(receipt.invoice_id) == ZERO
            assert await rig.explained(line) == came
            assert await _reconciled(connector, line)
            assert only(await rig.held("receipt", paid.reference), paid.reference).total == receipt.total
            await _lag(connector)
            found = (await connector.find("receipt", [paid.reference]))[paid.reference]
            assert (found.id, found.total, found.currency) == (made.id, receipt.total, rig.foreign)
            if "receipt" in connector.capabilities.sources:
                (seen,) = await connector.read("receipt", [made.id])
                check_seen(seen)
                assert isinstance(seen.record, Receipt)
                assert (seen.record.total, seen.record.money) == (receipt.total, (came, rig.currency))
            if "receipt" in connector.capabilities.voids:
                done((await connector.write("receipt", "void", [write(paid, made.id)]))[0])
                assert await rig.owed(receipt.invoice_id) == receipt.total
                assert await rig.explained(line) == ZERO
                assert not await _reconciled(connector, line)

    async def test_two_receipts_explain_one_bank_line(self, rig: BooksRig) -> None:
        """One transfer for two bills: the line is reconciled when all of it is explained, and not before."""
        connector = await rig.connector()
        _needs_bank_lines(connector, "receipt")
        papers = await Papers.of(rig, "shared")
        receipts = [await _billed(connector, papers, 10 * number) for number in (1, 2)]
        line = await rig.bank_line(sum((one.total for one in receipts), ZERO))
        explained = ZERO
        for receipt in receipts:
            assert not await _reconciled(connector, line)
            paid = await _from_bank(rig, receipt, line)
            done((await connector.write("receipt", "create", [write(paid)]))[0])
            explained += receipt.total
            assert await rig.explained(line) == explained
        assert await _reconciled(connector, line)

    async def test_a_void_receipt_frees_what_it_explained(self, rig: BooksRig) -> None:
        """The invoice is owed again and the bank line is open again; a second void changes nothing."""
        connector = await rig.connector()
        _voids(connector, "receipt")
        _needs_bank_lines(connector, "receipt")
        papers = await Papers.of(rig, "unpaid")
        receipt = await _billed(connector, papers, 1)
        line = await rig.bank_line(receipt.total)
        paid = await _from_bank(rig, receipt, line)
        for _ in range(2):  # what is free again can be explained again, under the same reference
            made = done((await connector.write("receipt", "create", [write(paid)]))[0])
            assert await rig.owed(receipt.invoice_id) == ZERO
            assert await _reconciled(connector, line)
            for _ in range(2):
                done((await connector.write("receipt", "void", [write(paid, made.id)]))[0])
                assert await rig.owed(receipt.invoice_id) == receipt.total
                assert await rig.explained(line) == ZERO
                assert not await _reconciled(connector, line)
            assert all(held.void for held in await rig.held("receipt", paid.reference))
        (gone,) = await connector.write("receipt", "void", [write(paid, "999999999")])
        assert isinstance(failed(gone).error, Rejected)
        check_told(failed(gone))

    # -- journal entries ------------------------------------------------------------------------------------

    async def test_a_journal_entry_explains_its_bank_line(self, rig: BooksRig) -> None:
        """A payout: written, found and read back with its total; void, it leaves the bank line free."""
        connector = await rig.connector()
        _journals(connector)
        _needs_bank_lines(connector, "journal")
        papers = await Papers.of(rig, "payout")
        net = from_minor(2_900_000, rig.currency)
        line = await rig.bank_line(net)
        entry = await _payout(rig, papers, 1, net, line)
        made = done((await connector.write("journal", "create", [write(entry)]))[0])
        assert made.total in (None, entry.total)
        assert await rig.explained(line) == net
        assert await _reconciled(connector, line)
        held = only(await rig.held("journal", entry.reference), entry.reference)
        assert (held.id, held.total, held.void) == (made.id, entry.total, False)
        await _lag(connector)
        found = (await connector.find("journal", [entry.reference, entry.reference + "1"]))[entry.reference]
        check_exact(found, "found journal")
        assert (found.id, found.total, found.currency) == (made.id, entry.total, entry.currency)
        if "journal" in connector.capabilities.sources:
            await self._reads(connector, made, entry)
        if "journal" not in connector.capabilities.voids:
            return
        for _ in range(2):
            done((await connector.write("journal", "void", [write(entry, made.id)]))[0])
            assert await rig.explained(line) == ZERO
            assert not await _reconciled(connector, line)
        assert all(held.void for held in await rig.held("journal", entry.reference))

    async def _reads(self, connector: Connector, made: Done, entry: Journal) -> None:
        (row,) = await connector.read("journal", [made.id])
        check_seen(row)
        record = row.record
        assert isinstance(record, Journal)
        assert (record.reference, record.total, record.status) == (entry.reference, entry.total, "open")
        assert record.source, "an entry that we wrote is told as one that a person wrote"
        sides = sorted((one.account, one.debit - one.credit) for one in record.lines)
        assert sides == sorted((one.account, one.debit - one.credit) for one in entry.lines)

    async def test_a_journal_entry_that_does_not_balance_is_refused(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        _journals(connector)
        papers = await Papers.of(rig, "unequal")
        entry = await _payout(rig, papers, 1, from_minor(500_000, rig.currency))
        first = msgspec.structs.replace(entry.lines[0], debit=entry.lines[0].debit + 1)
        wrong = msgspec.structs.replace(entry, lines=(first, *entry.lines[1:]))
        (outcome,) = await connector.write("journal", "create", [write(wrong)])
        assert isinstance(failed(outcome).error, Rejected)
        check_told(failed(outcome))
        assert await rig.held("journal", entry.reference) == []

    async def test_a_journal_entry_written_twice(self, rig: BooksRig) -> None:
        """The same entry again is the one that is there, or refused; other amounts under its name are refused.

        Books that take both are books that must be searched first.
        """
        connector = await rig.connector()
        _journals(connector)
        papers = await Papers.of(rig, "entered-twice")
        entry = await _payout(rig, papers, 1, from_minor(700_000, rig.currency))
        first = done((await connector.write("journal", "create", [write(entry)]))[0])
        await _lag(connector)
        (again,) = await connector.write("journal", "create", [write(entry)])
        if len(await rig.held("journal", entry.reference)) > 1:
            assert connector.capabilities.idempotency == "search_first"
            pytest.skip("the books take a reference twice; the hub looks before it repeats")
        if isinstance(again, Done):
            assert again.id == first.id
        else:
            check_told(again)
        other = await _payout(rig, papers, 1, from_minor(800_000, rig.currency))
        (refused,) = await connector.write("journal", "create", [write(other)])
        check_told(failed(refused))
        assert [held.total for held in await rig.held("journal", entry.reference)] == [entry.total]

    async def test_a_lost_answer_to_a_journal_entry_is_looked_for(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        _journals(connector)
        papers = await Papers.of(rig, "lost-entry")
        entry = await _payout(rig, papers, 1, from_minor(900_000, rig.currency))
        await rig.fail_after()
        with pytest.raises(Ambiguous):
            raise AssertionError(await connector.write("journal", "create", [write(entry)]))
        await rig.calm()
        held = only(await rig.held("journal", entry.reference), entry.reference)
        await _lag(connector)
        found = await connector.find("journal", [entry.reference])
        assert {name: (one.id, one.total) for name, one in found.items()} == {entry.reference: (held.id, entry.total)}

    async def test_a_journal_entry_in_a_closed_period_is_told_as_such(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        _journals(connector)
        papers = await Papers.of(rig, "closed-entry")
        last = papers.day - dt.timedelta(days=40)
        net = from_minor(1_100_000, rig.currency)
        await rig.close_period(last)
        late = msgspec.structs.replace(await _payout(rig, papers, 1, net), date=last)
        (outcome,) = await connector.write("journal", "create", [write(late)])
        assert isinstance(failed(outcome).error, LockedPeriod)
        assert await rig.held("journal", late.reference) == []
        done((await connector.write("journal", "create", [write(await _payout(rig, papers, 2, net))]))[0])


def _voids(connector: Connector, kind: str) -> None:
    if kind not in connector.capabilities.voids:
        pytest.skip(f"a {kind} of these books cannot be taken back")


def _journals(connector: Connector) -> None:
    if "journal" not in connector.capabilities.targets:
        pytest.skip("journal entries of these books are not written")


def _needs_bank_lines(connector: Connector, kind: str) -> None:
    can = connector.capabilities
    if kind not in can.targets or "bank_transaction" not in can.sources:
        pytest.skip(f"these books have no bank lines that a {kind} explains")


async def _lag(connector: Connector) -> None:
    await asyncio.sleep(connector.capabilities.visibility_lag)


async def _billed(connector: Connector, papers: Papers, number: int) -> Receipt:
    """The receipt of an order that is ordered and invoiced, in full."""
    if "invoice" not in connector.capabilities.targets or "receipt" not in connector.capabilities.targets:
        pytest.skip("invoices and receipts of these books are not both written")
    order = papers.order(number)
    order_id = done((await connector.write("sales_order", "create", [write(order)]))[0]).id
    bill = papers.invoice(number + 1, order, order_id)
    bill_id = done((await connector.write("invoice", "create", [write(bill)]))[0]).id
    return papers.receipt(number + 2, order, order_id, bill_id)


async def _from_bank(rig: BooksRig, receipt: Receipt, line: str) -> Receipt:
    account = await rig.bank_account()
    return msgspec.structs.replace(receipt, account=account, bank_transaction_id=line)


async def _reconciled(connector: Connector, line: str) -> bool:
    """Whether the books tell the hub that the line is explained."""
    (row,) = await connector.read("bank_transaction", [line])
    assert isinstance(row.record, BankTransaction)
    return row.record.reconciled


async def _payout(rig: BooksRig, papers: Papers, number: int, net: Decimal, line: str = "") -> Journal:
    """A payout of a gateway: bank and fee against clearing."""
    fee = from_minor(100_000, rig.currency)
    lines = (
        JournalLine(await rig.bank_account(), debit=net),
        JournalLine(await rig.fee_account(), debit=fee, note="MDR"),
        JournalLine(await rig.clearing_account(), credit=net + fee),
    )
    return Journal(
        id="",
        date=papers.day,
        currency=rig.currency,
        lines=lines,
        reference=papers.name(number),
        total=net + fee,
        note=f"Payout {number}",
        bank_transaction_id=line,
    )
