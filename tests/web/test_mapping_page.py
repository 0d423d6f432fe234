"""The mapping as a person fills it in: what is proposed, what is refused beside its field, what is never lost."""

from __future__ import annotations

import functools
import html as markup
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from selaras.ledger import Ledger
from selaras.ledger.connections import Connection
from selaras.model.chart import Account
from selaras.model.order import Payment
from selaras.rules.plan_types import Policy
from selaras.sync import mapping_changes, mappings
from selaras.sync.hub import Pair
from selaras.sync.installation import set_pairs
from tests.web import mapping_room
from tests.web.pages import Page
from tests.web.stage import Stage, a_stage
from tests.web.stock_room import NOW, an_order, keep_orders

SHEET = "/mapping/toko/buku"


@pytest.fixture
async def filled(tmp_path: Path) -> AsyncIterator[Stage]:
    """A signed-in person, a chart, and two orders that wait for the mapping."""
    async with a_stage(tmp_path) as stage:
        await stage.hub.desk(mapping_room.fill, stage.ledger)
        await stage.set_up()
        yield stage


def fields(html: str) -> dict[str, str]:
    """What a browser would send of the sheet's form without anything being touched."""
    form = html.split(f'<form method="post" action="{SHEET}"', 1)[1].split("</form>", 1)[0]
    found = dict[str, str](re.findall(r'<input[^>]* name="([^"]*)"[^>]* value="([^"]*)"', form))
    for name, options in re.findall(r'<select[^>]* name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return {markup.unescape(name): markup.unescape(value) for name, value in found.items()}


async def send(stage: Stage, changes: dict[str, str], page: str | None = None) -> tuple[int, str]:
    """Fill in some fields of the sheet and send it; status and the page that is shown then, redirects followed."""
    data = fields(page if page is not None else (await stage.page(SHEET))[1]) | changes
    async with stage.http.post(stage.url + SHEET, data=data) as answer:
        return answer.status, await answer.text()


async def mapping(stage: Stage) -> dict[str, Any]:
    _status, found = await stage.api("/mapping?store=toko&books=buku")
    return {one["word"]: one["id"] for one in found["entries"]}


async def test_the_sheet_says_what_is_missing_who_waits_and_what_is_proposed(filled: Stage) -> None:
    status, html = await filled.page(SHEET)
    page = Page(html)
    assert (status, page.problems) == (200, [])
    text = " ".join(page.text)
    assert "2 records wait" in text
    sales = html.split('<small class="code">account:sales</small>')[0].rsplit("<li id=", 1)[1]
    assert "2 records wait" in sales
    assert "missing" in sales
    assert "Proposed: 4-1000 Penjualan" in text
    assert "Or 4-1001 Penjualan Web" in text
    assert "it is the only tax for sales of that rate" in text
    assert "Perhaps Gudang Jakarta" in text, "two fit alike: none is proposed"
    # An order to Indonesia asks for tax:11@ID; the tax without a place answers it.
    assert (">tax:11<" in html, ">tax:11@ID<" in html) == (True, False)
    assert "Beban lama" not in html, "an account that is switched off cannot be chosen"
    assert 'href="/mapping"' in html


async def test_a_proposal_is_taken_with_one_press_and_the_orders_are_planned_again(filled: Stage) -> None:
    status, html = await send(filled, {"take": "account:sales\tacc-4-1000"})
    assert (status, await mapping(filled)) == (200, {"account:sales": "acc-4-1000"})
    assert "Saved. 2 waiting records are planned again." in html
    _status, history = await filled.api("/mapping/history?store=toko&books=buku")
    assert [(one["version"], one["who"], one["note"]) for one in history] == [(1, "console", "proposed")]
    assert "4-1000 Penjualan" in html.split('id="versions"')[1], "the history says what the books call it"


async def test_another_one_may_be_taken_instead_and_one_of_several_that_fit_alike(filled: Stage) -> None:
    await send(filled, {"take": "account:sales\tacc-4-1001"})
    await send(filled, {"take": "warehouse:*\tSBY"})
    assert await mapping(filled) == {"account:sales": "acc-4-1001", "warehouse:*": "SBY"}


async def test_what_is_not_proposed_cannot_be_slipped_in_as_a_proposal(filled: Stage) -> None:
    status, html = await send(filled, {"take": "account:sales\tacc-1-1001"})
    assert (status, await mapping(filled)) == (422, {})
    assert "What is proposed has changed meanwhile." in html


async def test_all_that_is_clear_is_taken_at_once_as_it_was_seen(filled: Stage) -> None:
    _status, seen = await filled.page(SHEET)
    await send(filled, {"take_all": "1"})
    assert {"account:sales": "acc-4-1000", "tax:11": "ppn11", "method:qris": "acc-1-1050"}.items() <= (
        await mapping(filled)
    ).items()
    assert "warehouse:*" not in await mapping(filled)
    # Pressed once more on the old page: what it showed is not proposed any more.
    status, html = await send(filled, {"take_all": "1"}, seen)
    assert (status, "What is proposed has changed meanwhile." in html) == (422, True)


async def test_what_was_typed_stays_when_a_proposal_is_taken_and_goes_before_it(filled: Stage) -> None:
    typed = {"w:account:shipping": "4-7000", "w:account:sales": "4-1001", "note": "why", "new_word": "tax:5"}
    status, html = await send(filled, typed | {"take": "tax:11\tppn11"})
    assert (status, await mapping(filled)) == (200, {"tax:11": "ppn11"})
    assert "What else you typed is not saved yet." in html
    assert typed.items() <= fields(html).items()
    status, html = await send(filled, {"take_all": "1"}, html)
    assert "account:sales" not in await mapping(filled), "something else was typed for it"
    await send(filled, {"new_word": ""}, html)
    assert {"account:sales": "acc-4-1001", "account:shipping": "acc-4-7000"}.items() <= (await mapping(filled)).items()


async def test_what_is_chosen_is_saved_with_its_reason_and_can_be_taken_off(filled: Stage) -> None:
    wish = {"w:account:receivable": "1-1200", "w:dimension:branch": "jkt", "note": "chart of 2027"}
    status, html = await send(filled, wish)
    assert (status, await mapping(filled)) == (200, {"account:receivable": "acc-1-1200", "dimension:branch": "jkt"})
    assert "chart of 2027" in html
    row = html.split('<small class="code">account:receivable</small>')[0].rsplit("<li id=", 1)[1]
    assert "by console" in row, "who chose it"
    await send(filled, {"w:dimension:branch": ""})
    assert await mapping(filled) == {"account:receivable": "acc-1-1200"}


async def test_one_wrong_field_saves_nothing_says_why_beside_it_and_loses_nothing(filled: Stage) -> None:
    typed = {"w:account:sales": "9-9999", "w:account:shipping": "4-7000", "note": "why not"}
    status, html = await send(filled, typed)
    assert (status, await mapping(filled)) == (422, {})
    page = Page(html)
    assert page.problems == []
    assert typed.items() <= fields(html).items(), "what was typed stands there still"
    beside = html.split('<small class="code">account:sales</small>')[1].split("</li>")[0]
    assert "the books have 0 called &#39;9-9999&#39;" in beside
    assert 'aria-invalid="true"' in beside
    assert html.count('aria-invalid="true"') == 1


async def test_an_account_of_another_type_is_refused(filled: Stage) -> None:
    status, html = await send(filled, {"w:account:sales": "1-1001"})
    assert (status, await mapping(filled)) == (422, {})
    assert "1-1001 Bank BCA is an account of the type bank." in html


async def test_a_word_of_ones_own(filled: Stage) -> None:
    await send(filled, {"new_word": "tax:9@SG", "new_value": "ppn12"})
    await send(filled, {"new_word": "account:sales[code=BUKU-]", "new_value": "Penjualan Web"})
    found = {"tax:9@SG": "ppn12", "account:sales[code=BUKU-]": "acc-4-1001"}
    assert await mapping(filled) == found
    status, html = await send(filled, {"new_word": "colour:red", "new_value": "blue"})
    assert (status, await mapping(filled)) == (422, found)
    sent = fields(html)
    assert (sent["new_word"], sent["new_value"]) == ("colour:red", "blue")
    assert "A mapping has no word &#39;colour:red&#39;." in html
    status, html = await send(filled, {"new_word": "tax:5", "new_value": ""})
    assert (status, "Nothing is chosen for it." in html) == (422, True)
    status, html = await send(filled, {"new_word": "", "new_value": "ppn12"})
    assert (status, fields(html)["new_value"]) == (422, "ppn12")
    await send(filled, {"w:require": "tax,account:sales"})
    assert (await mapping(filled))["require"] == "account:sales,tax"


async def test_a_change_of_somebody_else_is_not_overwritten_unseen(filled: Stage) -> None:
    _status, seen = await filled.page(SHEET)
    other = {"store": "toko", "books": "buku", "words": {"account:sales": "4-1001", "account:shipping": "4-7000"}}
    await filled.api("/mapping", other)
    # Another word: both changes hold, although the old page still says nothing for sales and shipping.
    await send(filled, {"w:account:receivable": "1-1200"}, seen)
    assert await mapping(filled) == {
        "account:receivable": "acc-1-1200", "account:sales": "acc-4-1001", "account:shipping": "acc-4-7000",
    }  # fmt: skip
    # The same word: it is asked about, and the second try is meant.
    status, html = await send(filled, {"w:account:sales": "4-1000"}, seen)
    assert (status, (await mapping(filled))["account:sales"]) == (422, "acc-4-1001")
    assert "was changed by somebody else meanwhile" in html
    assert fields(html)["w:account:shipping"] == "4-7000", "the fresh page shows what the other one chose"
    await send(filled, {}, html)
    assert (await mapping(filled))["account:sales"] == "acc-4-1000"


async def test_an_earlier_version_is_said_again(filled: Stage) -> None:
    for account in ("4-1000", "4-1001"):
        await send(filled, {"w:account:sales": account})
    _status, html = await filled.page(SHEET)
    back = html.split(f'action="{SHEET}/back"')[1].split("</form>")[0]
    data = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', back))
    assert data["version"] == "1"
    async with filled.http.post(f"{filled.url}{SHEET}/back", data=data) as answer:
        assert answer.status == 200
    assert await mapping(filled) == {"account:sales": "acc-4-1000"}
    async with filled.http.post(f"{filled.url}{SHEET}/back", data=data | {"version": "77"}) as answer:
        assert (answer.status, "has no version 77" in await answer.text()) == (422, True)


async def test_nothing_changed_makes_no_version(filled: Stage) -> None:
    status, html = await send(filled, {})
    assert (status, "Nothing was changed." in html) == (422, True)
    view = await filled.hub.desk(mappings.show, filled.ledger, "toko", "buku")
    assert view.version == 0


async def test_a_form_of_another_site_is_refused(filled: Stage) -> None:
    _status, html = await filled.page(SHEET)
    for data, headers in (
        (fields(html) | {"form_token": "x"}, {}),
        (fields(html), {"Origin": "https://evil.example"}),
        (fields(html), {"Sec-Fetch-Site": "cross-site"}),
    ):
        wish = data | {"w:account:sales": "4-1000"}
        for address in (SHEET, f"{SHEET}/back"):
            async with filled.http.post(filled.url + address, data=wish, headers=headers) as answer:
                assert answer.status == 403
    assert await mapping(filled) == {}


def another_company(ledger: Ledger) -> None:
    for name, role in (("warung", "store"), ("lain", "books")):
        ledger.connections.add(Connection(name, f"sandbox_{role}", role, "Asia/Jakarta", {}, {}), NOW)
    set_pairs(ledger, [Pair("toko", "buku", Policy()), Pair("warung", "lain", Policy())])
    mapping_room.keep_chart(ledger, "lain", more=[Account("acc-4-7777", "Rahasia", "income", "4-7777")])
    mapping_room.keep_waiting(ledger, 9, "account:sales", store="warung", books="lain")


async def test_the_pair_of_another_company_is_not_reached_through_ours(filled: Stage) -> None:
    await filled.hub.desk(another_company, filled.ledger)
    _status, html = await filled.page(SHEET)
    assert "Rahasia" not in html, "another chart"
    assert "2 records wait" in html, "another company's orders"
    for crossed in ("/mapping/toko/lain", "/mapping/warung/buku", "/mapping/toko/nobody"):
        status, found = await filled.page(crossed)
        assert (status, "Rahasia" in found, "Penjualan" in found) == (404, False, False)
        data = fields(html) | {"w:account:sales": "4-1000"}
        for address in (crossed, f"{crossed}/back"):
            async with filled.http.post(filled.url + address, data=data) as answer:
                assert answer.status == 404
    status, _html = await send(filled, {"w:account:sales": "acc-4-7777"})
    assert (status, await mapping(filled)) == (422, {})
    status, found = await filled.page("/mapping/warung")
    assert (status, "Rahasia" in found) == (200, True)


async def test_without_sign_in_nothing_is_seen_and_readers_change_nothing(tmp_path: Path) -> None:
    async with a_stage(tmp_path / "a") as stage:
        await stage.hub.desk(mapping_room.fill, stage.ledger)
        for address in ("/mapping", SHEET, "/mapping/toko"):
            async with stage.http.get(stage.url + address, allow_redirects=False) as answer:
                assert answer.status == 303
                assert answer.headers["Location"].startswith("/sign-in?next=%2Fmapping")
        for address in (SHEET, f"{SHEET}/back"):
            async with stage.http.post(stage.url + address, data={"w:account:sales": "4-1000"}) as answer:
                assert "/sign-in" in str(answer.url)
        assert await mapping(stage) == {}
    async with a_stage(tmp_path / "b", open_read=True) as stage:
        await stage.hub.desk(mapping_room.fill, stage.ledger)
        status, html = await stage.page(SHEET)
        assert (status, Page(html).problems, 'method="post"' in html) == (200, [], False)
        assert "Proposed: 4-1000 Penjualan" in html
        async with stage.http.post(stage.url + SHEET, data={"w:account:sales": "4-1000"}) as answer:
            assert answer.status == 403
        assert await mapping(stage) == {}


HOSTILE = "<script>alert(\"1\")</script> & '2'"


def hostile(ledger: Ledger) -> None:
    mapping_room.fill(ledger)
    mapping_room.keep_chart(ledger, more=[Account('x"><i>', HOSTILE, "income", '9"<b>')])
    order = an_order(5)
    paid = Payment("P5", order.total, order.placed_at, HOSTILE)
    keep_orders(ledger, [msgspec.structs.replace(order, payments=(paid,), location='Gudang <b>"1"</b>')])


async def test_names_of_others_are_shown_as_they_are_and_do_nothing(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage:
        await stage.hub.desk(hostile, stage.ledger)
        await stage.set_up()
        _status, html = await stage.page(SHEET)
        assert Page(html).problems == []
        assert re.search(r"<script(?! src=)|<i>|<b>", html) is None
        assert HOSTILE in " ".join(Page(html).text)
        wish = {f"w:method:{HOSTILE}": "1-1001", 'w:warehouse:Gudang <b>"1"</b>': "JKT", "w:account:sales": '9"<b>'}
        assert wish.keys() <= fields(html).keys()
        status, html = await send(stage, wish | {"note": HOSTILE})
        assert (status, Page(html).problems) == (200, [])
        assert await mapping(stage) == {
            f"method:{HOSTILE}": "acc-1-1001", 'warehouse:Gudang <b>"1"</b>': "JKT", "account:sales": 'x"><i>',
        }  # fmt: skip
        status, html = await send(stage, {"new_word": '"><b>', "new_value": HOSTILE})
        assert (status, Page(html).problems, "<b>" in html) == (422, [], False)


async def test_a_long_chart_is_searched_by_typing(tmp_path: Path) -> None:
    many = [Account(f"a{n}", f"Penjualan cabang {n}", "income", f"4-2{n:03}") for n in range(120)]
    async with a_stage(tmp_path) as stage:
        await stage.hub.desk(mapping_room.fill, stage.ledger)
        await stage.hub.desk(functools.partial(mapping_room.keep_chart, stage.ledger, more=many))
        await stage.set_up()
        _status, html = await stage.page(SHEET)
        assert Page(html).problems == []
        assert 'name="w:account:sales" value="" maxlength="200" autocomplete="off" list="l-account-sales"' in html
        assert '<option value="4-2119">4-2119 Penjualan cabang 119</option>' in html
        status, html = await send(stage, {"w:account:sales": "penjualan cabang 7"})
        assert (status, await mapping(stage)) == (200, {"account:sales": "a7"})
        assert fields(html)["w:account:sales"] == "4-2007"
        assert "Now: 4-2007 Penjualan cabang 7" in " ".join(Page(html).text)
        assert (await send(stage, {}))[0] == 422, "what is shown is not taken for a change"


async def test_it_is_reached_from_what_is_blocked_from_the_order_and_from_the_connections(filled: Stage) -> None:
    for address in ("/blocked", "/orders/toko/1"):
        _status, html = await filled.page(address)
        assert 'href="/mapping/toko"' in html, address
    await filled.hub.desk(mapping_changes.set_words, filled.ledger, "toko", "buku", {"tax:11": "ppn11"}, NOW, "wati")
    _status, html = await filled.page("/connections")
    assert Page(html).links.count("/mapping/toko") == 1
    async with filled.http.get(f"{filled.url}/mapping/toko", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, SHEET)
    async with filled.http.get(f"{filled.url}/mapping/buku", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/mapping")
    assert (await filled.page("/mapping/nobody"))[0] == 404


async def test_it_is_said_in_indonesian(filled: Stage) -> None:
    status, html = await filled.page(SHEET, **{"Accept-Language": "id"})
    page = Page(html)
    assert (status, page.lang, page.problems) == (200, "id", [])
    text = " ".join(page.text)
    assert "Pemetaan" in text
    assert "Ambil semua usulan" in text
    assert "jenisnya Pendapatan" in text
    data = fields(html) | {"w:account:sales": "9-9999"}
    async with filled.http.post(filled.url + SHEET, data=data, headers={"Accept-Language": "id"}) as answer:
        refused = await answer.text()
    assert "Tidak ada yang disimpan" in refused
    assert "the books have" not in refused


async def test_only_what_fits_in_a_form_is_read(filled: Stage) -> None:
    _status, html = await filled.page(SHEET)
    data = aiohttp.FormData(fields(html) | {"note": "x" * 70_000})
    async with filled.http.post(filled.url + SHEET, data=data()) as answer:
        assert answer.status == 413
