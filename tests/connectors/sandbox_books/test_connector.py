"""The connector against real books over real HTTP."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from decimal import Decimal

import pytest

from selaras.connectors.contract import BadSignature, Done, Expired, Rejected, Tools, Webhook
from selaras.connectors.sandbox_books import CONNECTOR, build
from selaras.model.document import (
    BankTransaction,
    ContactDraft,
    CreditNote,
    DocumentLine,
    Journal,
    Purchase,
    Receipt,
    RefundPayment,
    SalesOrder,
)
from selaras.model.party import Contact
from selaras.model.product import Product, Stock
from tests.connectors.sandbox_books.books import (
    DAY,
    Memory,
    all_changed,
    connected,
    connector_of,
    done,
    failed,
    invoice,
    order,
    writes,
)
from tests.sandbox.books_client import order as order_item
from tests.sandbox.books_client import running

# -- the whole way ------------------------------------------------------------------------------------------------


async def test_a_sale_from_contact_to_money_back_and_read_again() -> None:
    async with connected() as (connector, client):
        (made,) = await connector.write("contact", "create", writes(ContactDraft("c1", "Sari", "s@x.id", "+62811")))
        contact = done(made).id
        (made,) = await connector.write("sales_order", "create", writes(order(contact_id=contact, note="hati-hati")))
        sale = done(made)
        assert (sale.number, sale.total, sale.currency, sale.status) == ("SO-00001", Decimal(33_300), "IDR", "open")
        (made,) = await connector.write("receipt", "create", writes(
            Receipt("p1", DAY, "IDR", Decimal(33_300), sales_order_id=sale.id, account="clearing")))  # fmt: skip
        assert done(made).total == Decimal(33_300)
        (made,) = await connector.write("invoice", "create", writes(invoice(sales_order_id=sale.id, contact_id="")))
        billed = done(made)
        assert billed.status == "paid"
        half = (DocumentLine("P1", "Kopi", Decimal(1), Decimal(15_000), Decimal(15_000), tax=Decimal(1_650)),)
        (made,) = await connector.write("credit_note", "create", writes(CreditNote(
            "r1", DAY, "IDR", Decimal(16_650), half, invoice_id=billed.id, restock=True, reason="rusak")))  # fmt: skip
        note = done(made)
        (made,) = await connector.write("refund_payment", "create", writes(RefundPayment(
            "r1", DAY, "IDR", Decimal(16_650), credit_note_id=note.id, account="clearing")))  # fmt: skip
        done(made)
        truth = await client.truth()
        assert truth["stock"]["P1"] == {"on_hand": "99", "reserved": "0"}
        assert truth["trial_balance"]["IDR"]["sum"] == "0"
        (story,) = truth["sales"]["1001"]
        assert story["documents"] == [
            "sales_order 1001", "receipt p1", "invoice 1001", "credit_note r1", "refund_payment r1",
        ]  # fmt: skip
        assert story["balance"] == "0"

        (seen,) = await connector.read("sales_order", [sale.id])
        assert isinstance(seen.record, SalesOrder)
        assert seen.record == order(
            contact_id=contact, note="hati-hati", status="paid", id=sale.id, number="SO-00001",
            updated_at=seen.record.updated_at,
        )  # fmt: skip
        assert (seen.day, seen.total, seen.currency, seen.number) == (DAY, Decimal(33_300), "IDR", "SO-00001")
        assert seen.updated_at.utcoffset() == dt.timedelta(0)
        assert seen.raw.startswith(b'{"id":"sor00000001"')
        (seen,) = await connector.read("invoice", [billed.id])
        assert (seen.record.sales_order_id, seen.record.status) == (sale.id, "paid")
        (seen,) = await connector.read("credit_note", [note.id])
        assert (seen.record.restock, seen.record.reason, seen.record.invoice_id) == (True, "rusak", billed.id)
        ((seen,), _) = await all_changed(connector, "receipt")
        assert (seen.record.reference, seen.record.sales_order_id) == ("p1", sale.id)
        assert [s.record.name for s in (await all_changed(connector, "contact"))[0]] == ["Budi", "CV Pemasok", "Sari"]


async def test_every_kind_can_be_read() -> None:
    async with connected() as (connector, client):
        sides = [
            {"account": "bank", "debit": "500"},
            {"account": "receivable", "credit": "500", "contact_id": "con00000001"},
        ]
        bought = order_item("p", contact_id="con00000002", received=True)
        for kind, item in (
            ("purchases", bought),
            ("journals", {"date": "2026-11-20", "currency": "IDR", "reference": "1001", "lines": sides}),
            ("invoices", order_item("by hand")),
        ):
            _, answer = await client.admin("typist", {"kind": kind, "items": [item]})
            assert answer["results"][0]["ok"], answer
        await client.admin("bank", {"items": [{"date": "2026-11-20", "amount": "-7", "currency": "IDR"}]})
        ((product, *others), _) = await all_changed(connector, "product")
        assert isinstance(product.record, Product)
        assert (product.record.code, product.record.price, product.record.currency) == ("P1", Decimal(15_000), "IDR")
        assert [(c.code, c.quantity) for c in others[1].record.components] == [("P1", 1), ("P2", 2)]
        assert others[2].record.stocked is False
        ((purchase,), _) = await all_changed(connector, "purchase")
        assert isinstance(purchase.record, Purchase)
        assert (purchase.record.received, purchase.record.supplier_id, purchase.total) == (
            True,
            "con00000002",
            Decimal(30_000),
        )
        ((journal,), _) = await all_changed(connector, "journal")
        assert isinstance(journal.record, Journal)
        assert (journal.record.reference, journal.record.source) == ("1001", "")
        assert journal.record.lines[1].contact_id == "con00000001"
        ((bank,), _) = await all_changed(connector, "bank_transaction")
        assert isinstance(bank.record, BankTransaction)
        assert (bank.record.amount, bank.record.reconciled, bank.record.account) == (Decimal(-7), False, "acc-1-1000")
        contacts = await connector.read("contact", ["con00000002", "con00000009"])
        assert isinstance(contacts[0].record, Contact)
        assert contacts[0].record.kind == "both"
        assert (contacts[1].id, contacts[1].record) == ("con00000009", None)
        for kind in connector.capabilities.sources:
            await connector.changed(kind, "")


async def test_journals_of_documents_are_read_only_where_asked_for() -> None:
    async with connected({"journals": "all"}) as (connector, _):
        await connector.write("invoice", "create", writes(invoice()))
        rows, _ = await all_changed(connector, "journal")
        assert "invoice" in {row.record.source for row in rows}


async def test_stock_is_known_by_code_and_counts_all_warehouses_or_one() -> None:
    async with connected(warehouses=("MAIN", "SHOP")) as (connector, client):
        await client.admin("seed", {"stock": [{"code": "P1", "on_hand": "7", "warehouse": "SHOP"}]})
        await connector.write("sales_order", "create", writes(order()))
        stock, nothing = await connector.read("stock", ["P1", "NONE"])
        assert isinstance(stock.record, Stock)
        assert stock.id == stock.record.code == "P1"
        assert [stock.record.on_hand, stock.record.reserved, stock.record.available] == [107, 2, 105]
        assert nothing.record is None
        rows, _ = await all_changed(connector, "stock")
        assert {row.id for row in rows} == {"P1", "P2"}
        shop = connector_of(client, {"warehouse": "SHOP"})
        (there,) = await shop.read("stock", ["P1"])
        assert (there.record.on_hand, there.record.reserved, there.record.location) == (7, 0, "SHOP")
        await shop.close()


# -- changes and voids ---------------------------------------------------------------------------------------------


async def test_changes_keep_what_a_person_wrote() -> None:
    async with connected() as (connector, client):
        (made,) = await connector.write("sales_order", "create", writes(order()))
        sale = done(made).id
        await client.admin(
            "typist", {"kind": "sales_orders", "op": "update", "items": [{"id": sale, "note": "telepon dulu"}]}
        )
        (made,) = await connector.write("sales_order", "update", writes(order(tracking="JX1", courier="JNE"), id=sale))
        assert done(made).version == "3"
        (seen,) = await connector.read("sales_order", [sale])
        assert (seen.record.tracking, seen.record.courier, seen.record.note) == ("JX1", "JNE", "telepon dulu")
        (billed,) = await connector.write("invoice", "create", writes(invoice(sales_order_id=sale)))
        small = (DocumentLine("P1", "Kopi", Decimal(1), Decimal(15_000), Decimal(15_000)),)
        change = invoice(total=Decimal(15_000), lines=small, sales_order_id=sale)
        (made,) = await connector.write("invoice", "update", writes(change, id=done(billed).id))
        assert done(made).total == Decimal(15_000)
        (made,) = await connector.write("sales_order", "update", writes(order(tracking="JX2"), id=sale))
        assert isinstance(made, Done), "the parcel travels after the invoice"
        (made,) = await connector.write(
            "sales_order", "update", writes(order(lines=small, total=Decimal(15_000)), id=sale)
        )
        error = failed(made)
        assert isinstance(error, Rejected)
        assert (error.code, bool(error.cure)) == ("order_invoiced", True)
        (made,) = await connector.write("contact", "update", writes(ContactDraft("", "Budi S."), id="con00000001"))
        assert isinstance(made, Done)
        (contact,) = await connector.read("contact", ["con00000001"])
        assert (contact.record.name, contact.record.email) == ("Budi S.", "budi@example.com")


async def test_void() -> None:
    async with connected() as (connector, client):
        (made,) = await connector.write("sales_order", "create", writes(order()))
        (gone,) = await connector.write("sales_order", "void", writes(order(), id=done(made).id))
        assert done(gone).status == "void"
        assert (await client.truth("stock"))["stock"]["P1"]["reserved"] == "0"


# -- the cursor ----------------------------------------------------------------------------------------------------


async def test_the_cursor_reads_everything_once_and_then_only_the_overlap() -> None:
    async with connected({"visibility_lag": "0.05"}) as (connector, client):
        for start in range(0, 250, 50):
            await connector.write("sales_order", "create", writes(*(order(str(n)) for n in range(start, start + 50))))
        rows, cursor = await all_changed(connector, "sales_order")
        assert [row.record.reference for row in rows] == [str(n) for n in range(250)]
        await asyncio.sleep(1.2)
        again, cursor = await all_changed(connector, "sales_order", cursor)
        late = len(rows) - len(again)  # as many of the latest as were written within the overlap of the first poll
        assert [row.id for row in again] == [row.id for row in rows[late:]]
        rows, cursor = await all_changed(connector, "sales_order", cursor)
        assert rows == []
        await client.admin(
            "typist", {"kind": "sales_orders", "op": "update", "items": [{"id": "sor00000007", "note": "x"}]}
        )
        rows, _ = await all_changed(connector, "sales_order", cursor)
        assert [row.id for row in rows] == ["sor00000007"]


async def test_what_becomes_visible_late_is_not_missed() -> None:
    async with connected() as (connector, client):
        client.pass_time(0)
        cursor, seen = "", set[str]()
        for number in range(12):
            client.pass_time(0.01)
            # Every second document lags behind the ones written after it.
            client.server.faults.set(search_lag=0.3 if number % 2 == 0 else 0)
            await connector.write("sales_order", "create", writes(order(str(number))))
            rows, cursor = await all_changed(connector, "sales_order", cursor)
            seen |= {row.record.reference for row in rows}
        assert "10" not in seen
        client.pass_time(0.35)
        rows, _ = await all_changed(connector, "sales_order", cursor)
        assert seen | {row.record.reference for row in rows} == {str(n) for n in range(12)}


async def test_a_cursor_of_somebody_else_is_refused() -> None:
    async with connected() as (connector, _):
        with pytest.raises(ValueError, match="not a cursor"):
            await connector.changed("contact", "2026-11-20")


# -- signing in ----------------------------------------------------------------------------------------------------


async def test_authorization_code_and_silent_refresh_under_concurrency() -> None:
    async with running(signed_in=False) as client:
        tokens = Memory()
        connector = connector_of(
            client, {"grant": "authorization_code", "redirect_uri": "http://127.0.0.1:9/back"}, tokens
        )
        with pytest.raises(Expired):
            await connector.check()
        begun = connector.oauth.authorization_url()
        async with client.session.get(f"{begun.url}&auto=1", allow_redirects=False) as answer:
            back = answer.headers["Location"]
        code = back.partition("code=")[2].partition("&")[0]
        assert back.partition("state=")[2] == begun.state
        with pytest.raises(Expired):
            await connector.oauth.exchange(code, "another state", begun.state, begun.verifier)
        await connector.oauth.exchange(code, begun.state, begun.state, begun.verifier)
        assert (await connector.check()).ok
        for _ in range(3):
            await client.admin("expire", {})
            await asyncio.gather(*(connector.changed("contact", "") for _ in range(20)))
        counted = (await client.truth("calls"))["tokens"]
        assert (counted["refreshes"], counted["reused"]) == (3, 0), "twenty callers make one refresh"
        await client.admin("revoke", {})
        with pytest.raises(Expired):
            await connector.check()
        await connector.close()


# -- the rest ------------------------------------------------------------------------------------------------------


async def test_check() -> None:
    async with connected() as (connector, client):
        found = await connector.check()
        assert (found.account, found.currency, found.zone, found.ok) == ("Toko Selaras", "IDR", "Asia/Jakarta", True)
        assert abs(found.clock_skew) < 5
        client.server.state.clock = lambda: time.time() + 120
        late = await connector.check()
        assert not late.ok
        assert [finding.what for finding in late.findings if not finding.ok] == ["Clock"]


async def test_a_zone_that_is_not_the_books_own_is_named() -> None:
    async with connected(zone="Asia/Makassar") as (connector, _):
        found = await connector.check()
        (finding,) = [finding for finding in found.findings if not finding.ok]
        assert (finding.what, finding.detail, bool(finding.cure)) == ("Time zone", "Asia/Makassar", True)


async def test_there_are_no_webhooks() -> None:
    async with connected() as (connector, _):
        assert await connector.subscribe("https://hub.example/in") == "none"
        with pytest.raises(BadSignature):
            connector.hints(Webhook({}, b"{}", dt.datetime.now(dt.UTC)))


async def test_bounds_and_wrong_documents() -> None:
    async with connected() as (connector, _):
        with pytest.raises(ValueError, match="at most 100"):
            await connector.write("sales_order", "create", writes(*[order()] * 101))
        with pytest.raises(ValueError, match="at most 100"):
            await connector.read("contact", ["x"] * 101)
        with pytest.raises(TypeError, match="not a invoice"):
            await connector.write("invoice", "create", writes(order()))
        with pytest.raises(ValueError, match="its id"):
            await connector.write("sales_order", "void", writes(order()))
        with pytest.raises(ValueError, match="no 'delivery'"):
            await connector.read("delivery", ["1"])
        (refused,) = await connector.write("receipt", "update", writes(
            Receipt("a", DAY, "IDR", Decimal(1)), id="rec1"))  # fmt: skip
        assert isinstance(failed(refused), Rejected)
        assert await connector.write("sales_order", "create", []) == []
        assert await connector.read("contact", []) == []


@pytest.mark.parametrize("wrong", [{"grant": "password"}, {"rate": "fast"}, {"base_url": "http://books.example"}])
def test_settings_that_cannot_be(wrong: dict[str, str]) -> None:
    given = {"base_url": "http://127.0.0.1:1", "client_id": "a", "client_secret": "b"} | wrong
    with pytest.raises(ValueError):
        build(given, Tools("books", "Asia/Jakarta", Memory(), time.time))


def test_what_it_declares() -> None:
    assert (CONNECTOR.name, CONNECTOR.role, CONNECTOR.grant) == ("sandbox_books", "books", "authorization_code")
    names = {setting.name for setting in CONNECTOR.settings}
    assert {"base_url", "client_id", "client_secret"} <= {s.name for s in CONNECTOR.settings if s.required}
    assert [setting.name for setting in CONNECTOR.settings if setting.secret] == ["client_secret"]
    assert {"grant", "visibility_lag", "rate", "parallel", "warehouse", "journals"} <= names
