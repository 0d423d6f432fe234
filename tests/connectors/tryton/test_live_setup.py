"""Connecting: what the check says about real books, signing in, and a Tryton whose work is done by workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from selaras.connectors import tryton as connector
from selaras.connectors.contract import Ambiguous, Check, Done, Expired, Failed, Finding, Rejected, Tools, Transient
from selaras.connectors.tryton import Tryton
from selaras.model.document import ContactDraft
from tests.connectors.kit_signin import MemoryTokenStore
from tests.connectors.tryton.shop import ZONE, Shop, line
from tests.peers.tryton import LIMITED, Database, Home, Server


def build(where: Database, zone: str = ZONE, **settings: str) -> Tryton:
    tools = Tools("buku", zone, MemoryTokenStore(), time.time)
    return connector.build({**where.settings, **settings}, tools)


async def checked(where: Database, zone: str = ZONE, **settings: str) -> Check:
    books = build(where, zone, **settings)
    try:
        return await books.check()
    finally:
        await books.close()


def wrong(check: Check) -> dict[str, Finding]:
    return {finding.what: finding for finding in check.findings if not finding.ok}


@pytest.fixture
def own(tryton_server: Server, request: pytest.FixtureRequest) -> Database:
    """A database for one test, which changes its configuration."""
    return tryton_server.database(f"set{abs(hash(request.node.name)) % 10**8}")


async def test_books_that_are_in_order(own: Database) -> None:
    check = await checked(own)
    assert check.ok, wrong(check)
    assert (check.account, check.currency, check.zone) == ("PT Contoh Selaras", "IDR", ZONE)
    told = {finding.what: finding.detail for finding in check.findings}
    assert told["Tax 11 %"] == "PPN Keluaran 11%"
    assert "Kliring (1-1190)" in told["Statement journals"]
    assert abs(check.clock_skew) < 5


async def test_what_is_missing_is_named_with_its_cure(own: Database) -> None:
    desk = own.desk()
    (settings,) = desk.rows("account.configuration", [], "id")
    desk.call("account.configuration", "write", [settings["id"]], {"tax_rounding": "document"})
    desk.call("company.company", "write", [own.company], {"timezone": None})
    (rupiah,) = desk.rows("currency.currency", [["code", "=", "IDR"]], "digits")
    desk.call("currency.currency", "write", [rupiah["id"]], {"digits": 2})
    found = wrong(await checked(own, product_fee="NO-SUCH", warehouse="GUDANG-9"))
    assert set(found) == {"Tax rounding", "Time zone", "Product for fee", "Warehouse"}
    assert all(finding.cure for finding in found.values())
    assert set(wrong(await checked(own, "Asia/Makassar"))) == {"Tax rounding", "Time zone"}


async def test_a_second_tax_of_one_rate_has_to_be_chosen(own: Database) -> None:
    desk = own.desk()
    (tax,) = desk.rows("account.tax", [["name", "=", "PPN Keluaran 11%"]], "name")
    desk.call("account.tax", "copy", [tax["id"]], {"name": "PPN Keluaran 11% (lama)"})
    assert set(wrong(await checked(own))) == {"Tax 11 %"}
    assert wrong(await checked(own, taxes="11=PPN Keluaran 11%")) == {}


async def test_a_user_without_rights(own: Database) -> None:
    books = build(own, login=LIMITED[0], password=LIMITED[1])
    try:
        lacking = wrong(await books.check())
        assert set(lacking) == {"Rights"}
        assert "sale.sale" in lacking["Rights"].detail
        assert "groups" in lacking["Rights"].cure
    finally:
        await books.close()


async def test_a_wrong_password_a_wrong_key_and_a_wrong_database(own: Database) -> None:
    for settings, kind in (
        ({"password": "wrong"}, Expired),
        ({"database": "no-such-database"}, Rejected),
        ({"login": "", "key": "0" * 128}, Expired),
    ):
        books = build(own, **settings)
        try:
            with pytest.raises(kind) as caught:
                raise AssertionError(await books.check())
            assert caught.value.cure
            assert "wrong" not in str(caught.value)
        finally:
            await books.close()


def test_settings_that_cannot_be(own: Database) -> None:
    for settings, word in (
        ({"login": ""}, "login"),
        ({"database": "a/b"}, "database"),
        ({"taxes": "PPN"}, "taxes"),
        ({"shipments": "never"}, "shipments"),
        ({"rate": "fast"}, "rate"),
    ):
        with pytest.raises(ValueError, match=word):
            build(own, **settings)


async def test_goods_go_out_with_the_invoice_if_the_connection_says_so(own: Database) -> None:
    shop = Shop(own, shipments="invoice")
    shop.desk.goods({"KAOS": 10, "HABIS": 0})
    try:
        order, invoice, invoice_id = await shop.sold(line("KAOS", 3, "50000"))
        order_id = (await shop.books.find("sales_order", [order.reference]))[order.reference].id
        assert shop.shipments(order_id) == ["done"]
        assert await shop.available("KAOS") == (7, 0)
        await shop.put("credit_note", shop.credit(invoice, invoice_id, line("KAOS", 1, "50000"), restock=True))
        assert await shop.available("KAOS") == (8, 0)
        # What is not there cannot go out; it waits for people.
        order, _invoice, _id = await shop.sold(line("HABIS", 1, "50000"))
        order_id = (await shop.books.find("sales_order", [order.reference]))[order.reference].id
        assert shop.shipments(order_id) == ["waiting"]
        assert await shop.available("HABIS") == (0, 1)
    finally:
        await shop.books.close()


async def test_a_writer_that_waited_too_long_begins_nothing(own: Database) -> None:
    """Two batches for one Tryton go one after the other; the second must not outlive the lease of its postings."""
    shop, patient = Shop(own, timeout="8"), Shop(own)
    try:
        draft = ContactDraft("phone:+62811999", "Telat")
        await patient.books.find("contact", [draft.reference])  # the server has loaded what it needs for it
        await shop.books.find("contact", [draft.reference])  # signed in, so that nothing but the turn is waited for
        async with shop.books._lock():
            late = asyncio.create_task(shop.outcomes("contact", [draft]))
            await asyncio.sleep(8.3)
        with pytest.raises(Transient) as caught:
            raise AssertionError(await late)
        assert caught.value.code == "no_time"
        assert await patient.books.find("contact", [draft.reference]) == {}
        await patient.put("contact", draft)
    finally:
        await shop.books.close()
        await patient.books.close()


@pytest.fixture
def queued(tryton_home: Home, tmp_path: Path) -> Iterator[Server]:
    """A trytond that leaves work to workers."""
    server = Server(tryton_home, tmp_path, workers=True)
    server.start()
    yield server
    server.stop()


async def test_confirmed_sales_are_waited_for_where_workers_process_them(queued: Server) -> None:
    database = queued.database("queued")
    shop = Shop(database, patience="0.5")
    patient = Shop(database, patience="30")
    shop.desk.goods({"KAOS": 10})
    try:
        order = shop.order(await shop.buyer(), line("KAOS", 1, "50000"))
        order_id = (await shop.put("sales_order", order)).id
        invoice = shop.invoice(order, order_id)
        (outcome,) = await shop.outcomes("invoice", [invoice])
        assert isinstance(outcome, Failed)
        assert isinstance(outcome.error, Ambiguous)
        assert outcome.error.code == "not_processed"
        assert await shop.books.find("invoice", [invoice.reference]) == {}
        # Promised while nobody has made its moves, and afterwards: never twice, never not.
        assert await shop.available("KAOS") == (10, 1)

        async def work() -> None:
            """What a worker finds in the queue."""
            await asyncio.sleep(1)
            await asyncio.to_thread(shop.desk.press, "sale.sale", "process", int(order_id))

        worker = asyncio.create_task(work())
        (outcome,) = await patient.outcomes("invoice", [invoice])
        await worker
        assert isinstance(outcome, Done), outcome
        assert outcome.total == order.total
        assert len(shop.desk.rows("account.invoice", [["reference", "=", invoice.reference]], "state")) == 1
        assert await shop.available("KAOS") == (10, 1)
    finally:
        await shop.books.close()
        await patient.books.close()
