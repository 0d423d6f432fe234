"""Signing in, the check, limits, and calls whose end nobody heard."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from selaras.connectors.contract import Ambiguous, BadSignature, Expired, Throttled, Tools, Webhook, Write
from selaras.connectors.erpnext import CONNECTOR, ERPNext
from selaras.model.document import ContactDraft
from tests.connectors.erpnext.rig import settings_for
from tests.connectors.erpnext.shop import Shop, a_shop, line
from tests.connectors.erpnext.standin import CLIENT, CLIENT_SECRET, ZONE, StandIn, serve_erpnext
from tests.connectors.kit_signin import MemoryTokenStore


def by_oauth(site: StandIn, store: MemoryTokenStore) -> ERPNext:
    settings = settings_for(site, grant="authorization_code", client_id=CLIENT, client_secret=CLIENT_SECRET)
    settings |= {"redirect_uri": "http://127.0.0.1:8642/callback"}
    made: Any = CONNECTOR.build(settings, Tools("buku", ZONE, store, time.time))
    return made  # type: ignore[no-any-return]


async def test_sign_in_refresh_and_revoke() -> None:
    async with serve_erpnext() as site, aiohttp.ClientSession() as browser:
        store = MemoryTokenStore()
        books = by_oauth(site, store)
        assert books.oauth is not None
        with pytest.raises(Expired):
            await books.find("sales_order", ["x"])
        begun = books.oauth.authorization_url()
        async with browser.get(begun.url, allow_redirects=False) as answer:
            back = {k: v[0] for k, v in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
        await books.oauth.exchange(back["code"], back["state"], begun.state, begun.verifier)
        assert (await books.check()).account == "PT Contoh Integrasi"
        first = store.token
        site.bearers = dict.fromkeys(site.bearers, False)
        assert await books.find("sales_order", ["x"]) == {}
        assert store.token is not None
        assert first is not None
        assert store.token.access != first.access
        await books.oauth.revoke()
        with pytest.raises(Expired):
            await books.find("sales_order", ["x"])
        await books.close()


async def test_a_code_that_is_not_ours_is_refused() -> None:
    async with serve_erpnext() as site:
        books = by_oauth(site, MemoryTokenStore())
        assert books.oauth is not None
        begun = books.oauth.authorization_url()
        with pytest.raises(Expired):
            await books.oauth.exchange("bad", begun.state, begun.state, begun.verifier)
        await books.close()


async def test_the_check_names_what_is_missing() -> None:
    async with a_shop(taxes="11=PPN 11% - PCI; 7=PPN 7%", account_fee="9999", item_service="KAOS") as shop:
        site = shop.site
        assert {f.what for f in (await shop.books.check()).findings if not f.ok} == {
            "Tax 7 %", "Account for fee", "Item for other lines",
        }  # fmt: skip
        site.zone = "Asia/Makassar"
        site.forbidden = {"Journal Entry", "Bin"}
        bad = {f.what: f for f in (await shop.books.check()).findings if not f.ok}
        assert bad["Rights"].detail == "Bin, Journal Entry"
        assert bad["Time zone"].detail == "Asia/Makassar"
        assert all(f.cure for f in bad.values())
    async with a_shop(company="PT Lain") as shop:
        with pytest.raises(Exception, match="PT Lain"):
            await shop.books.check()


async def test_no_rights_to_write_is_told_with_a_cure() -> None:
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 1, "1"))
        site = shop.site
        known = site.insert

        def guarded(values: Any) -> Any:
            from tests.connectors.erpnext.standin_db import throw

            throw(
                "User does not have doctype access via role permission for document Sales Order", "PermissionError", 403
            )
            return known(values)

        site.insert = guarded  # type: ignore[method-assign]
        error = await shop.refusal("sales_order", order)
        assert error.code == "no_rights"
        assert error.cure


async def test_a_full_quota_is_waited_for() -> None:
    async with a_shop() as shop:
        await shop.books.find("sales_order", ["x"])
        shop.site.trouble.throttle = 2888
        with pytest.raises(Throttled) as caught:
            await shop.books.find("sales_order", ["x"])
        assert caught.value.retry_after == 2888


@pytest.mark.parametrize("kind", ["contact", "sales_order", "invoice", "receipt", "credit_note", "refund_payment"])
async def test_every_kind_of_document_is_found_after_its_answer_was_lost(kind: str) -> None:
    async with a_shop() as shop:
        document = await a_document(shop, kind)
        shop.site.trouble.fail_after = True
        with pytest.raises(Ambiguous):
            await shop.books.write(kind, "create", [Write("k", document)])
        shop.site.trouble.fail_after = False
        found = await shop.books.find(kind, [document.reference])
        assert found[document.reference].total in (None, getattr(document, "total", None))
        assert len(await held(shop, kind, document.reference)) == 1


async def test_a_call_that_ends_after_its_client_has_gone_is_found_once_the_lag_is_over() -> None:
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 1, "10000"))
        shop.site.trouble.late = 600
        with pytest.raises(Ambiguous):
            await shop.books.write("sales_order", "create", [Write("k", order)])
        assert await shop.books.find("sales_order", [order.reference]) == {}
        shop.site.hurry.set()
        await asyncio.gather(*shop.site.tasks)
        assert order.reference in await shop.books.find("sales_order", [order.reference])


async def test_an_edit_that_was_cut_between_cancelling_and_amending_goes_on() -> None:
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 1, "10000"))
        first = (await shop.put("sales_order", order)).id
        shop.site.update("Sales Order", first, {"docstatus": 2})
        more = shop.order(line("KAOS", 2, "10000"), reference=order.reference)
        again = await shop.put("sales_order", more, "update", first)
        assert (again.id, again.total) == (first, more.total)
        assert len(shop.site.db.table("Sales Order")) == 2


async def test_a_lost_answer_in_the_middle_of_an_edit_doubles_nothing() -> None:
    async with a_shop() as shop:
        order = shop.order(line("KAOS", 1, "10000"))
        first = (await shop.put("sales_order", order)).id
        more = shop.order(line("KAOS", 2, "10000"), reference=order.reference)
        shop.site.trouble.fail_after = True
        with pytest.raises(Ambiguous):
            await shop.books.write("sales_order", "update", [Write("k", more, first)])
        with pytest.raises(Ambiguous):
            await shop.books.write("sales_order", "update", [Write("k", more, first)])
        shop.site.trouble.fail_after = False
        again = await shop.put("sales_order", more, "update", first)
        assert (again.id, again.total) == (first, more.total)
        standing = [d for d in shop.site.db.table("Sales Order").values() if d["docstatus"] == 1]
        assert len(standing) == 1
        assert shop.bin("KAOS") == (100.0, 2.0)


async def test_nobody_sends_webhooks() -> None:
    async with a_shop() as shop:
        assert await shop.books.subscribe("https://hub.example/hook") == "none"
        with pytest.raises(BadSignature):
            shop.books.hints(Webhook({}, b"", dt.datetime.now(dt.UTC)))


async def a_document(shop: Shop, kind: str) -> Any:
    """A document of a kind, with what it needs before it."""
    if kind == "contact":
        return ContactDraft("phone:+62811", "Budi", "", "+62811")
    if kind == "sales_order":
        return shop.order(line("KAOS", 1, "10000"))
    order = shop.order(line("KAOS", 1, "10000"))
    order_id = (await shop.put("sales_order", order)).id
    if kind == "invoice":
        return shop.invoice(order, order_id)
    invoice_id = (await shop.put("invoice", shop.invoice(order, order_id))).id
    if kind == "credit_note":
        return shop.credit("1001/R1", invoice_id, line("KAOS", 1, "10000"), restock=True)
    if kind == "receipt":
        return shop.receipt("1001/P1", 11100, invoice_id=invoice_id)
    return shop.refund("1001/R1", 11100, sales_order_id=order_id)


async def held(shop: Shop, kind: str, reference: str) -> list[Any]:
    doctype, field = {
        "contact": ("Customer", "customer_details"),
        "sales_order": ("Sales Order", "po_no"),
        "invoice": ("Sales Invoice", "po_no"),
        "credit_note": ("Sales Invoice", "po_no"),
        "receipt": ("Payment Entry", "reference_no"),
        "refund_payment": ("Journal Entry", "cheque_no"),
    }[kind]
    return [d for d in shop.site.db.table(doctype).values() if d.get(field) == reference]
