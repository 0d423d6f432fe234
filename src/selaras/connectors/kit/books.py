"""The contract of books: documents with exact totals, each item's fate known, and never a document out of silence."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from selaras.connectors.contract import Done, LockedPeriod, Op, Outcome, Rejected, Write
from selaras.connectors.kit.books_money import BooksMoneyContract
from selaras.connectors.kit.books_trouble import BooksTroubleContract
from selaras.connectors.kit.checks import check_exact, check_seen, check_told, done, drained, failed, only
from selaras.connectors.kit.papers import Papers, write
from selaras.connectors.kit.rigs import BooksRig
from selaras.model.document import ContactDraft, Invoice, StockLevel, StorePayment


@pytest.mark.asyncio
class BooksContract(BooksTroubleContract, BooksMoneyContract):
    """Derive from it and supply the fixture `rig` (a `BooksRig`)."""

    async def test_it_says_what_it_is(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        can = connector.capabilities
        assert "sales_order" in can.targets
        assert can.batch > 0
        assert can.read_batch > 0
        assert can.timeout > 0
        assert can.visibility_lag >= 0
        assert can.updates <= can.targets
        assert can.voids <= can.targets & {"receipt", "journal"}
        assert not (can.write_offs or can.exchanges) or "receipt" in can.targets
        check = await connector.check()
        assert check.ok, [f for f in check.findings if not f.ok]
        assert check.currency == rig.currency
        assert check.zone

    async def test_every_source_can_be_read_to_its_end(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        papers = await Papers.of(rig, "sources")
        await connector.write("sales_order", "create", [write(papers.order(1))])
        for kind in sorted(connector.capabilities.sources):
            seen, cursor = await drained(connector, kind)
            for row in seen:
                assert row.kind == kind
                check_seen(row)
            await drained(connector, kind, cursor)

    # -- totals ---------------------------------------------------------------------------------------------

    async def test_the_whole_chain_with_exact_totals(self, rig: BooksRig) -> None:
        """Contact, order, invoice, receipt, credit note, money back: each total is what the books hold and say."""
        connector = await rig.connector()
        papers = await Papers.of(rig, "chain")
        can = connector.capabilities.targets
        contact = done((await connector.write("contact", "create", [write(papers.contact(1))]))[0])
        assert contact.id
        assert [h.id for h in await rig.held("contact", papers.name(1))] == [contact.id]
        order = papers.order(2)
        made = await self._made(rig, "sales_order", write(order))
        order_id = made.id
        if "invoice" in can:
            invoice = papers.invoice(3, order, order_id)
            invoice_id = (await self._made(rig, "invoice", write(invoice))).id
            if "receipt" in can:
                await self._made(rig, "receipt", write(papers.receipt(4, order, order_id, invoice_id)))
            if "credit_note" in can:
                credit = papers.credit_note(5, invoice, invoice_id)
                credit_id = (await self._made(rig, "credit_note", write(credit))).id
                if "refund_payment" in can:
                    await self._made(rig, "refund_payment", write(papers.refund(6, credit, credit_id)))

    async def _made(self, rig: BooksRig, kind: str, item: Write) -> Done:
        """Create one document and compare what was asked, what was answered, what is found and what is held."""
        connector = await rig.connector()
        outcome = done((await connector.write(kind, "create", [item]))[0])
        document = item.document
        assert not isinstance(document, ContactDraft | StockLevel | StorePayment)
        held = only(await rig.held(kind, document.reference), document.reference)
        assert outcome.id == held.id
        assert held.total == document.total
        check_exact(outcome, f"outcome of {kind}")
        if outcome.total is not None:
            assert outcome.total == document.total
            assert outcome.currency == document.currency
        await self._visible(rig)
        answer = await connector.find(kind, [document.reference])
        assert list(answer) == [document.reference]
        found = answer[document.reference]
        check_exact(found, f"found {kind}")
        assert found.id == held.id
        assert found.reference == document.reference
        if found.total is not None:
            assert (found.total, found.currency) == (document.total, document.currency)
        return outcome

    async def test_a_total_that_does_not_add_up_is_never_told_as_ours(self, rig: BooksRig) -> None:
        """Promise 4: either the books refuse it, or they say the total that they really hold."""
        connector = await rig.connector()
        papers = await Papers.of(rig, "total")
        order = papers.order(1)
        wrong = msgspec.structs.replace(order, total=order.total + 1)
        (outcome,) = await connector.write("sales_order", "create", [write(wrong)])
        held = await rig.held("sales_order", order.reference)
        if isinstance(outcome, Done):
            assert [h.total for h in held] == [outcome.total]
        else:
            check_told(outcome)
            assert held == []

    # -- items of a batch -----------------------------------------------------------------------------------

    async def test_a_bad_item_inside_a_good_batch(self, rig: BooksRig) -> None:
        """HTTP 200 is not success: the bad item is told, with field or cure; its neighbours stand."""
        connector = await rig.connector()
        papers = await Papers.of(rig, "batch")
        documents = [papers.order(1), papers.order(2, code="NO-SUCH-PRODUCT"), papers.order(3)]
        documents = documents[: connector.capabilities.batch]
        if len(documents) < 2:
            pytest.skip("the books take one document in a call")
        outcomes = await connector.write("sales_order", "create", [write(d) for d in documents])
        assert len(outcomes) == len(documents)
        for number, document in enumerate(documents):
            held = await rig.held("sales_order", document.reference)
            if number == 1:
                refusal = failed(outcomes[number])
                assert isinstance(refusal.error, Rejected)
                check_told(refusal)
                assert held == []
            else:
                made = done(outcomes[number])
                assert [(h.id, h.total) for h in held] == [(made.id, document.total)]

    async def test_a_full_batch_keeps_its_order(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        papers = await Papers.of(rig, "full")
        size = min(connector.capabilities.batch, 100)
        documents = [papers.order(n) for n in range(size)]
        outcomes = await connector.write("sales_order", "create", [write(d) for d in documents])
        for document, outcome in zip(documents, outcomes, strict=True):
            made = done(outcome)
            assert [(h.id, h.total) for h in await rig.held("sales_order", document.reference)] == [
                (made.id, document.total)
            ]
        await self._visible(rig)
        step = connector.capabilities.read_batch
        references = [d.reference for d in documents]
        for start in range(0, size, step):
            asked = references[start : start + step]
            assert set(await connector.find("sales_order", asked)) == set(asked)

    async def test_writing_and_finding_nothing(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        assert await connector.write("sales_order", "create", []) == []
        assert await connector.find("sales_order", []) == {}
        assert await connector.find("sales_order", ["KIT-nothing", "KIT-%00", "KIT-é&=,?#/"]) == {}

    async def test_a_reference_is_found_as_it_was_written(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        papers = await Papers.of(rig, "signs")
        order = papers.order(1, reference="TS-#1001/A é+&=?")
        done((await connector.write("sales_order", "create", [write(order)]))[0])
        await self._visible(rig)
        near = [order.reference[:-1], order.reference.lower(), order.reference + "1"]
        found = await connector.find("sales_order", [order.reference, *near][: connector.capabilities.read_batch])
        assert list(found) == [order.reference]

    async def test_a_reference_used_twice(self, rig: BooksRig) -> None:
        """The same document again is the one that is there, or refused; other amounts under its name are refused.

        Books that take both are books that must be searched first, and the connector says so.
        """
        connector = await rig.connector()
        papers = await Papers.of(rig, "twice")
        order = papers.order(1)
        first = done((await connector.write("sales_order", "create", [write(order)]))[0])
        await self._visible(rig)
        (again,) = await connector.write("sales_order", "create", [write(order)])
        held = await rig.held("sales_order", order.reference)
        if len(held) > 1:
            assert connector.capabilities.idempotency == "search_first"
            pytest.skip("the books take a reference twice; the hub looks before it repeats")
        if isinstance(again, Done):
            assert again.id == first.id
        else:
            check_told(again)
        other = papers.order(2, reference=order.reference)
        (refused,) = await connector.write("sales_order", "create", [write(other)])
        if isinstance(refused, Done):
            assert connector.capabilities.idempotency in ("native_key", "upsert_field")
            assert refused.id == first.id
        else:
            check_told(refused)
        assert [h.total for h in await rig.held("sales_order", order.reference)] == [
            other.total if isinstance(refused, Done) and refused.total == other.total else order.total
        ]

    # -- periods and changes --------------------------------------------------------------------------------

    async def test_a_closed_period_is_told_as_such(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        papers = await Papers.of(rig, "closed")
        last = papers.day - dt.timedelta(days=40)
        documents = [papers.order(1, day=last), papers.order(2)]
        await rig.close_period(last)
        outcomes: list[Outcome] = []
        for document in documents:
            order = await connector.write("sales_order", "create", [write(document)])
            made = order[0]
            if isinstance(made, Done) and "invoice" in connector.capabilities.targets:
                # Some books let orders into a closed period, but no invoice.
                invoice = papers.invoice(len(outcomes) + 3, document, made.id)
                (made,) = await connector.write("invoice", "create", [write(invoice)])
            outcomes.append(made)
        refusal = failed(outcomes[0])
        assert isinstance(refusal.error, LockedPeriod)
        assert refusal.error.message
        done(outcomes[1])

    async def test_a_contact_is_changed_in_its_place(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        if "contact" not in connector.capabilities.updates:
            pytest.skip("contacts of these books cannot be changed")
        papers = await Papers.of(rig, "change")
        draft = papers.contact(1)
        made = done((await connector.write("contact", "create", [write(draft)]))[0])
        changed = msgspec.structs.replace(draft, name="Sukarni", phone="+62811000111")
        again = done((await connector.write("contact", "update", [write(changed, made.id)]))[0])
        assert again.id == made.id
        assert len(await rig.held("contact", draft.reference)) == 1
        (row,) = await connector.read("contact", [made.id])
        assert (row.record.name, row.record.email) == ("Sukarni", draft.email)
        assert row.record.phone.endswith("811000111")

    async def test_an_order_is_changed_and_then_made_void(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        if "sales_order" not in connector.capabilities.updates:
            pytest.skip("orders of these books cannot be changed")
        papers = await Papers.of(rig, "void")
        order = papers.order(1)
        made = done((await connector.write("sales_order", "create", [write(order)]))[0])
        larger = papers.order(5, reference=order.reference)
        again = done((await connector.write("sales_order", "update", [write(larger, made.id)]))[0])
        assert again.id == made.id
        assert again.total in (None, larger.total)
        assert [(h.id, h.total, h.void) for h in await rig.held("sales_order", order.reference)] == [
            (made.id, larger.total, False)
        ]
        done((await connector.write("sales_order", "void", [write(larger, made.id)]))[0])
        held = await rig.held("sales_order", order.reference)
        assert all(h.void for h in held)
        await self._visible(rig)
        found = await connector.find("sales_order", [order.reference])
        assert not found or found[order.reference].status == "void"

    async def test_changing_what_is_not_there_is_refused(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        papers = await Papers.of(rig, "gone")
        order = papers.order(1)
        if "sales_order" not in connector.capabilities.updates:
            pytest.skip("orders of these books cannot be changed")
        ops: tuple[Op, ...] = ("update", "void")
        for op in ops:
            (outcome,) = await connector.write("sales_order", op, [write(order, "999999999")])
            refusal = failed(outcome)
            assert isinstance(refusal.error, Rejected)
            check_told(refusal)
        assert await rig.held("sales_order", order.reference) == []

    async def test_an_invoice_can_be_read_back(self, rig: BooksRig) -> None:
        connector = await rig.connector()
        if not {"invoice"} <= connector.capabilities.targets & connector.capabilities.sources:
            pytest.skip("invoices of these books are not both written and read")
        papers = await Papers.of(rig, "back")
        order = papers.order(1)
        order_id = done((await connector.write("sales_order", "create", [write(order)]))[0]).id
        invoice = papers.invoice(2, order, order_id)
        made = done((await connector.write("invoice", "create", [write(invoice)]))[0])
        (row,) = await connector.read("invoice", [made.id])
        check_seen(row)
        assert isinstance(row.record, Invoice)
        assert (row.record.reference, row.record.total, row.total) == (invoice.reference, invoice.total, invoice.total)
        assert row.day == invoice.date
