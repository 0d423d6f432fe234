"""Deposits, receipts, credit notes, money back and bank lines: what stands in ERPNext, and what the customer owes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest

from selaras.connectors.contract import LockedPeriod, Rejected, Write
from selaras.connectors.kit.checks import done
from selaras.model.document import ContactDraft, Document, DocumentLine
from selaras.model.money import ZERO
from tests.connectors.erpnext.shop import RATE, a_shop, line, today
from tests.connectors.erpnext.standin_db import FrappeError
from tests.connectors.erpnext.standin_people import BANK

SHIPPING = DocumentLine("", "JNE", Decimal(1), Decimal(9001), Decimal(9001), ZERO, Decimal(990), RATE, "shipping")


# -- money ----------------------------------------------------------------------------------------------------------


async def test_a_deposit_moves_onto_the_invoice() -> None:
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 1, "10000"))
        order_id = (await shop.put("sales_order", order)).id
        paid = await shop.put("receipt", shop.receipt("1001/P1", 4000, sales_order_id=order_id))
        assert shop.doc("Sales Order", order_id)["advance_paid"] == 4000.0
        (seen,) = await shop.books.read("receipt", [paid.id])
        assert (seen.record.sales_order_id, seen.record.account) == (order_id, "Dana Midtrans - PCI")
        invoice = await shop.put("invoice", shop.invoice(order, order_id))
        assert shop.doc("Sales Invoice", invoice.id)["outstanding_amount"] == 7100.0
        await shop.put("receipt", shop.receipt("1001/P2", 8000, invoice_id=invoice.id))
        assert shop.doc("Sales Invoice", invoice.id)["status"] == "Paid"
        assert shop.owed() == -900  # the surplus stays with the customer


async def test_two_receipts_of_one_invoice_in_one_call() -> None:
    async with a_shop() as shop:
        _, _, invoice_id = await shop.sold(line("KAOS", 1, "10000"))
        both = [shop.receipt(f"1001/P{n}", 6000, invoice_id=invoice_id) for n in (1, 2)]
        outcomes = await shop.books.write("receipt", "create", [Write(r.reference, r) for r in both])
        assert [getattr(one, "total", None) for one in outcomes] == [6000, 6000]
        assert shop.doc("Sales Invoice", invoice_id)["outstanding_amount"] == 0.0
        assert shop.owed() == -900


async def test_a_credit_note_lowers_what_is_owed_or_is_paid_back() -> None:
    async with a_shop() as shop:
        _, _, owed = await shop.sold(line("KAOS", 2, "10000"))
        await shop.put("credit_note", shop.credit("1001/R1", owed, line("KAOS", 1, "10000")))
        assert shop.doc("Sales Invoice", owed)["outstanding_amount"] == 11100.0
        _, _, paid = await shop.sold(line("TOPI", 1, "10000"))
        await shop.put("receipt", shop.receipt("1002/P1", 11100, invoice_id=paid))
        credit = await shop.put("credit_note", shop.credit("1002/R1", paid, line("TOPI", 1, "10000")))
        assert credit.total == 11100
        back = await shop.put("refund_payment", shop.refund("1002/R1", 11100, credit_note_id=credit.id))
        assert shop.doc("Payment Entry", back.id)["payment_type"] == "Pay"
        assert shop.doc("Sales Invoice", credit.id)["outstanding_amount"] == 0.0
        assert shop.owed() == 11100


async def test_a_deposit_goes_back_by_a_journal_entry() -> None:
    """ERPNext pays no customer by Payment Entry without an invoice that is owed to the customer."""
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 1, "10000"))
        order_id = (await shop.put("sales_order", order)).id
        await shop.put("receipt", shop.receipt("1001/P1", 11100, sales_order_id=order_id))
        back = await shop.put("refund_payment", shop.refund("1001/C", 11100, sales_order_id=order_id))
        assert back.id.startswith("ACC-JV")
        found = await shop.books.find("refund_payment", ["1001/C", "1001/c"])
        assert [(f.id, f.total) for f in found.values()] == [(back.id, Decimal(11100))]
        assert shop.owed() == 0
        (seen,) = (await shop.drained("journal"))[0]
        assert seen.record.source  # ours: never money that a person booked
        assert (await shop.put("sales_order", order, "void", order_id)).status == "void"


async def test_an_order_with_a_deposit_that_cannot_be_unlinked_says_how() -> None:
    async with a_shop() as shop:
        shop.site.options.unlink_advance = False
        order = shop.order(line("KAOS", 1, "10000"))
        order_id = (await shop.put("sales_order", order)).id
        await shop.put("receipt", shop.receipt("1001/P1", 11100, sales_order_id=order_id))
        error = await shop.refusal("sales_order", order, "void", order_id)
        assert error.code == "document_locked"
        assert "Unlink Advance Payment" in error.cure


async def test_money_without_goods_and_parts_of_split_lines() -> None:
    async with a_shop() as shop:
        order, _, invoice_id = await shop.sold(line("KAOS", 3, "33333", discount="1"), SHIPPING)
        only_money = DocumentLine("", "Ganti rugi", Decimal(1), Decimal(5000), Decimal(5000), ZERO, Decimal(550), RATE)
        await shop.put("credit_note", shop.credit("1001/R1", invoice_id, only_money))
        credited = ZERO
        for number in (2, 3, 4):
            part = line("KAOS", 1, "33333", discount="1" if number == 4 else "0")
            credit = await shop.put("credit_note", shop.credit(f"1001/R{number}", invoice_id, part, restock=True))
            assert credit.total == part.amount + part.tax
            credited += credit.total
        assert shop.bin("KAOS") == (100.0, 0.0)
        assert shop.owed() == order.total - 5550 - credited
        error = await shop.refusal("credit_note", shop.credit("1001/R5", invoice_id, line("KAOS", 1, "1")))
        assert (error.code, error.field) == ("exceeds_invoice", "lines.quantity")


async def test_documents_that_refer_to_nothing_are_refused() -> None:
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 1, "10000"))
        lost: list[tuple[str, Document]] = [
            ("invoice", shop.invoice(order, "SAL-ORD-1999-00001")),
            ("receipt", shop.receipt("1/P1", 5, invoice_id="ACC-SINV-1999-00001")),
            ("receipt", shop.receipt("1/P2", 5, sales_order_id="SAL-ORD-1999-00001")),
            ("receipt", shop.receipt("1/P3", 5, account="9-9999")),
            ("credit_note", shop.credit("1/R1", "ACC-SINV-1999-00001", line("KAOS", 1, "1"))),
            ("refund_payment", shop.refund("1/R1", 5, credit_note_id="ACC-SINV-1999-00001")),
        ]
        for kind, document in lost:
            error = await shop.refusal(kind, document)
            assert isinstance(error, Rejected), kind
            assert error.cure, kind
        foreign = msgspec.structs.replace(shop.receipt("1/P4", 5), currency="USD")
        assert (await shop.refusal("receipt", foreign)).code == "currency_mismatch"


@pytest.mark.parametrize("kind", ["invoice", "receipt", "refund_payment"])
async def test_frozen_books_lock_every_entry(kind: str) -> None:
    async with a_shop() as shop:
        last = today() - dt.timedelta(days=40)
        shop.site.options.frozen_until = last.isoformat()
        order = shop.order(line("KAOS", 1, "10000"), date=last)
        order_id = (await shop.put("sales_order", order)).id
        documents: dict[str, Document] = {
            "invoice": shop.invoice(order, order_id),
            "receipt": msgspec.structs.replace(shop.receipt("1/P1", 5), date=last),
            "refund_payment": msgspec.structs.replace(shop.refund("1/R1", 5), date=last),
        }
        assert isinstance(await shop.refusal(kind, documents[kind]), LockedPeriod)


# -- bank lines -----------------------------------------------------------------------------------------------------


async def test_a_bank_line_is_explained_even_if_the_second_call_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_shop() as shop:
        _, _, invoice_id = await shop.sold(line("KAOS", 1, "10000"))
        bank = shop.site.insert(
            {"doctype": "Bank Transaction", "docstatus": 1, "date": today().isoformat(), "deposit": 11100,
             "bank_account": "Rekening BCA - BCA", "company": "PT Contoh Integrasi", "currency": "IDR",
             "description": "TRSF 1001", "transaction_id": "T1"}
        )  # fmt: skip
        (seen,) = (await shop.drained("bank_transaction"))[0]
        assert (seen.record.account, seen.record.amount, seen.record.reconciled) == (BANK, 11100, False)
        receipt = shop.receipt("1001/B1", 11100, invoice_id=invoice_id, account=BANK, bank_transaction_id=bank["name"])
        monkeypatch.setattr(shop.site.cash, "reconcile", deadlock)
        error = await shop.refusal("receipt", receipt)
        assert error.kind == "ambiguous"
        assert len(shop.site.db.table("Payment Entry")) == 1
        assert await shop.books.find("receipt", ["1001/B1"]) == {}, "half of it is not it"
        monkeypatch.undo()
        again = await shop.put("receipt", receipt)
        assert len(shop.site.db.table("Payment Entry")) == 1
        assert shop.doc("Bank Transaction", bank["name"])["status"] == "Reconciled"
        found = await shop.books.find("receipt", ["1001/B1"])
        assert found["1001/B1"].id == again.id
        assert (await shop.put("receipt", receipt)).id == again.id
        (seen,) = await shop.books.read("bank_transaction", [bank["name"]])
        assert seen.record.reconciled


def deadlock(values: object) -> None:
    raise FrappeError(417, "QueryDeadlockError", "Deadlock found when trying to get lock")


# -- customers ------------------------------------------------------------------------------------------------------


async def test_customers_of_one_name_are_two() -> None:
    async with a_shop() as shop:
        drafts = [ContactDraft(f"phone:+62812{n}", "Budi Santoso", "", f"+62812{n}") for n in (1, 2)]
        ids = [(await shop.put("contact", draft)).id for draft in drafts]
        assert ids == ["Budi Santoso", "Budi Santoso - 1"]
        found = await shop.books.find("contact", [draft.reference for draft in drafts])
        assert [found[draft.reference].id for draft in drafts] == ids
        nameless = await shop.put("contact", ContactDraft("email:x@example.test", "", "x@example.test"))
        assert nameless.id


# -- calls ----------------------------------------------------------------------------------------------------------


async def test_calls_for_a_batch_do_not_grow_with_it() -> None:
    """One insert for a batch, one read of what ERPNext made of it, and one for each thing that it refers to."""
    for size in (2, 25):
        async with a_shop() as shop:
            await shop.books.find("sales_order", ["x"])
            orders = [shop.order(line("KAOS", 1, "10000")) for _ in range(size)]
            await shop.books.write("sales_order", "create", [Write("", shop.order(line("KAOS", 1, "1")))])

            async def made(kind: str, documents: Sequence[Document]) -> tuple[list[str], int]:
                before = shop.books.calls
                outcomes = await shop.books.write(kind, "create", [Write("", d) for d in documents])
                return [done(one).id for one in outcomes], shop.books.calls - before

            ids, calls = await made("sales_order", orders)
            assert calls == 2  # insert, totals
            bills = [shop.invoice(order, id) for order, id in zip(orders, ids, strict=True)]
            ids, calls = await made("invoice", bills)
            assert calls == 4  # orders, their rows, insert, totals
            receipts = [
                shop.receipt(f"{b.reference}/P1", b.total, invoice_id=i) for b, i in zip(bills, ids, strict=True)
            ]
            _, calls = await made("receipt", receipts)
            assert calls == 3  # what is owed, insert, totals
            notes = [shop.credit(f"{b.reference}/R1", i, *b.lines) for b, i in zip(bills, ids, strict=True)]
            ids, calls = await made("credit_note", notes)
            assert calls == 5  # invoices, earlier credit notes, rows of both, insert, totals
            backs = [shop.refund(n.reference, n.total, credit_note_id=i) for n, i in zip(notes, ids, strict=True)]
            _, calls = await made("refund_payment", backs)
            assert calls == 3
            _, calls = await made("contact", [ContactDraft(f"r{n}", f"B{n}") for n in range(size)])
            assert calls == 1
            assert shop.owed() == 0
