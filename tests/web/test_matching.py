"""Products and contacts: a person answers what the rules may not."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from selaras import i18n
from selaras.connectors.contract import Seen
from selaras.ledger.values import NewPosting, RecordKey, State
from selaras.model.party import Contact
from selaras.model.product import Product
from selaras.sync.intake import as_new_record
from selaras.web import words
from selaras.web.look import say
from tests.speaking import speaking
from tests.web.pages import Page
from tests.web.stage import Stage, a_stage
from tests.web.stock_room import NOW, an_order, keep_orders

ROOT = Path(__file__).parents[2]


def fill(stage: Stage) -> None:
    ledger, at = stage.ledger, dt.datetime(2026, 11, 20, tzinfo=dt.UTC)

    def keep(connection: str, kind: str, name: str, record: object) -> None:
        seen = Seen(kind, name, record, b"{}", at, at.date(), name)
        ledger.records.keep([as_new_record(connection, seen)], "poll", NOW)

    with ledger.transaction():
        for code in ("kopi-250", "TEH", "ANEH"):
            keep("toko", "product", code, Product(code, code, f"Barang {code}", Decimal(1), "IDR"))
        for code in ("KOPI-250", "TEH"):
            keep("buku", "product", code, Product(code, code, f"Barang {code}", Decimal(1), "IDR"))
        for number, name in (("c1", "Siti Rahayu"), ("c2", "Toko Rahayu")):
            keep("buku", "contact", number, Contact(number, name, "rahayu@example.id", "0812-0000-0007"))
    keep_orders(ledger, [an_order(7, name="Ani")])
    posting = NewPosting(
        "buku", "toko:7", "!", 1, "sales_order", "create", RecordKey("toko", "order", "7"), "7", "d", None, "",
        state=State.BLOCKED, cause="contact_tie",
        message="The buyer of order 7 cannot be told from 2 contacts of the books.",
        cure="Choose the contact under Contacts, or let a new one be made.",
    )  # fmt: skip
    with ledger.transaction():
        ledger.postings.plan([posting], NOW)


@pytest.fixture
async def open_questions(tmp_path: Path) -> AsyncIterator[Stage]:
    async with a_stage(tmp_path) as stage:
        await stage.hub.desk(fill, stage)
        await stage.hub.start()  # the mirrors learn what was filled in
        await stage.set_up()
        yield stage


async def send(stage: Stage, page: str, **wanted: str) -> int:
    """Press the button of the form of a page that has these fields."""
    _status, html = await stage.page(page)
    for action, form in re.findall(r'<form[^>]* method="post" action="([^"]+)">(.*?)</form>', html, re.DOTALL):
        fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
        if wanted.items() <= fields.items():
            async with stage.http.post(stage.url + action, data=fields, allow_redirects=False) as answer:
                return answer.status
    raise AssertionError(f"no form with {wanted} in {html}")


async def test_a_near_miss_is_accepted_with_one_press(open_questions: Stage) -> None:
    stage = open_questions
    _status, html = await stage.page("/products")
    page = Page(html)
    assert page.problems == []
    assert "kopi-250 and KOPI-250 differ in capital letters only." in " ".join(page.text)
    assert await send(stage, "/products", store_code="kopi-250", books_code="KOPI-250") == 303
    _status, compared = await stage.api("/products")
    assert {pair["store"] for pair in compared["report"]["matched"]} == {"kopi-250", "TEH"}


async def test_a_code_that_the_books_do_not_have_is_refused_in_one_sentence(open_questions: Stage) -> None:
    stage = open_questions
    _status, html = await stage.page("/products")
    token = html.split('name="form_token" value="')[1].split('"')[0]
    fields = {"form_token": token, "store": "toko", "store_code": "ANEH", "books_code": "NOBODY"}
    async with stage.http.post(f"{stage.url}/products", data=fields) as answer:
        assert answer.status == 422
        assert "buku has no active product with the code" in await answer.text()


async def test_a_tie_is_answered_and_gone(open_questions: Stage) -> None:
    stage = open_questions
    _status, html = await stage.page("/contacts")
    page = Page(html)
    assert page.problems == []
    assert {"Siti Rahayu", "Toko Rahayu", "7"} <= set(page.text)
    assert await send(stage, "/contacts", contact="c2") == 303
    _status, html = await stage.page("/contacts")
    assert "Toko Rahayu" not in html
    _status, decided = await stage.api("/decisions")
    assert [(d["kind"], d["answer"]) for d in decided] == [("contact", "c2")]


async def test_readers_see_and_do_not_answer(tmp_path: Path) -> None:
    async with a_stage(tmp_path, open_read=True) as stage:
        await stage.hub.desk(fill, stage)
        for path in ("/products", "/contacts"):
            status, html = await stage.page(path)
            assert (status, 'method="post"' in html) == (200, False)
            async with stage.http.post(stage.url + path, data={"store_code": "x", "name": "y"}) as answer:
                assert answer.status == 403


def test_every_cause_of_the_rules_and_flows_has_words() -> None:
    """Their first argument, or `cause=`, names the cause; what the pages call it stands in `words`."""
    found = set()
    for room in ("rules", "sync"):
        for source in (ROOT / "src" / "selaras" / room).rglob("*.py"):
            text = source.read_text(encoding="utf-8")
            found |= set(re.findall(r'\b(?:stop|problem)\(\s*"([a-z_]+)"', text))
            found |= set(re.findall(r'\bcause="([a-z_]+)"', text))
    assert len(found) > 20
    assert found <= set(words.CAUSES)


def test_reasons_and_messages_are_said_in_the_readers_language() -> None:
    grant = "The grant of %(name)s ends in %(days)s days; connect it again."
    values = {"name": "buku", "days": "6"}
    placed, paid = "Order %(number)s was placed.", "Invoiced because the order is paid."
    with speaking("id"):
        # A sentence that has a semicolon of its own is found whole; reasons that were joined by one are found apart.
        assert say(grant % values) == i18n.gettext(grant) % values != grant % values
        both = f"{i18n.gettext(placed) % {'number': '7'}}; {i18n.gettext(paid)}"
        assert say(f"{placed % {'number': '7'}}; {paid}") == both
        assert "Pesanan 7" in both
        assert say("Something nobody foresaw; at all.") == "Something nobody foresaw; at all."
        assert say("") == ""
    with speaking("en"):
        assert say(grant % values) == grant % values
