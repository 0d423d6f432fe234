"""Money in on the console: what waits is accepted, refused, linked and undone by a person, and by nobody else."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from selaras.sync.money import MoneyFlow
from selaras.web.look import record_path
from tests.web.money_room import fill, fill_abroad, paired, propose_too
from tests.web.pages import Page
from tests.web.stage import PASSWORD, Stage, a_stage
from tests.web.test_browser import CONTRAST, FLAGS, SIZES, Scheme, a_window


async def prepare(stage: Stage) -> None:
    await stage.hub.desk(paired, stage.hub)
    await stage.hub.desk(fill, stage.ledger)
    await MoneyFlow(stage.hub, "buku").match()


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Stage]:
    async with a_stage(tmp_path) as stage:
        await prepare(stage)
        await stage.set_up()
        yield stage


async def a_form(stage: Stage, action: str, **wanted: str) -> dict[str, str]:
    """What the page's form that goes there and has these fields would send."""
    _status, html = await stage.page("/money")
    for place, form in re.findall(r'<form[^>]* method="post" action="([^"]+)">(.*?)</form>', html, re.DOTALL):
        fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
        hidden = {name: value for name, value in wanted.items() if f'name="{name}" required' not in form}
        if place == action and hidden.items() <= fields.items():
            return fields | wanted
    raise AssertionError(f"no form to {action} with {wanted} in {html}")


async def send(stage: Stage, action: str, fields: dict[str, str]) -> tuple[int, str]:
    """Send a form; the answer's status and place or text."""
    async with stage.http.post(stage.url + action, data=fields, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location") or await answer.text()


async def press(stage: Stage, action: str, **wanted: str) -> tuple[int, str]:
    """Press the button of the page's form that goes there and has these fields."""
    return await send(stage, action, await a_form(stage, action, **wanted))


async def test_the_page_says_what_waits_and_why(till: Stage) -> None:
    _status, html = await till.page("/money")
    page = Page(html)
    assert page.problems == []
    text = " ".join(page.text)
    for words in ("IDR 150,000", "SITI RAHAYU", "99.9%", "The text shows the buyer's name.", "3 lines wait",
                  "No unpaid order fits this payment of 77000 IDR.", "Linked lately", "linked by itself"):  # fmt: skip
        assert words in text, words
    assert "/orders/toko/1001" in page.links
    _status, html = await till.page("/money?lang=id")
    assert "Jumlahnya persis sama dengan tagihan. Teksnya memuat nama pembeli." in html
    assert "is due" not in html


async def test_money_of_another_currency_shows_both_amounts(till: Stage) -> None:
    await till.hub.desk(fill_abroad, till.ledger)
    await MoneyFlow(till.hub, "buku").match()
    said = "2002 is paid with USD 60.00, at the bank's rate"
    _status, html = await till.page("/money")
    text = " ".join(Page(html).text)
    assert "IDR 960,117" in text
    assert said in text
    _status, html = await till.page(record_path("buku", "bank_transaction", "x2"))
    assert said in " ".join(Page(html).text)
    proposed = {row["line"]: row["proposals"] for row in (await till.api("/money/unmatched"))[1]}["x2"]
    assert [(p["settles"], p["settles_currency"]) for p in proposed[0]["parts"]] == [("60.00", "USD")]
    assert await press(till, "/money/accept", line="buku:x2", rank="1") == (303, "/money?done=accepted")
    (share,) = (await till.api("/explain/x2"))[1][0]["money"]
    assert (share["amount"], share["currency"], share["settles"], share["settles_currency"]) == (
        "960117", "IDR", "60.00", "USD",
    )  # fmt: skip
    for place in ("/money", record_path("buku", "bank_transaction", "x2"), record_path("toko", "order", "2002")):
        _status, html = await till.page(place)
        assert said in " ".join(Page(html).text), place


async def test_accepted_refused_linked_and_undone(till: Stage) -> None:
    assert await press(till, "/money/accept", line="buku:b1", rank="1") == (303, "/money?done=accepted")
    assert await press(till, "/money/refuse", line="buku:b2") == (303, "/money?done=refused")
    assert await press(till, "/money/link", line="buku:b3", order="1002") == (303, "/money?done=linked")
    waits = {row["line"]: row for row in (await till.api("/money/unmatched"))[1]}
    assert waits["b2"]["proposals"] == []
    explained = (await till.api("/explain/b3"))[1][0]["money"]
    assert [(one["number"], one["who"]) for one in explained] == [("1002", "console")]
    assert await press(till, "/money/undo", line="buku:b4", order="toko:1003") == (303, "/money?done=undone")
    (undone,) = (await till.api("/explain/b4"))[1][0]["money"]
    assert (undone["undone_by"], undone["undone_at"] is not None) == ("console", True)
    rules = {one["rule"]: one for one in (await till.api("/money/rules"))[1]}
    assert (rules["exact:name"]["confirmed"], rules["exact:name"]["wrong"]) == (1, 1)
    assert (rules["exact:reference"]["wrong"], rules["exact:reference"]["alone"]) == (1, False)


async def test_only_what_was_seen_is_refused(till: Stage) -> None:
    """Another order is proposed while a person looks at the page, or a program at what it read."""
    (read,) = [row for row in (await till.api("/money/unmatched"))[1] if row["line"] == "b1"]
    form = await a_form(till, "/money/refuse", line="buku:b1")
    assert form["order"] == "1001"
    await till.hub.desk(propose_too, till.ledger, "b1", "1004")
    seen = [part["number"] for proposal in read["proposals"] for part in proposal["parts"]]
    status, said = await till.api("/money/refuse", {"line": "b1", "orders": seen})
    assert (status, said["detail"]) == (422, "What is proposed for b1 has changed meanwhile: 1001, 1004.")
    status, html = await send(till, "/money/refuse", form)
    assert (status, "What is proposed for buku:b1 has changed meanwhile: 1001, 1004." in html) == (422, True)
    (still,) = [row for row in (await till.api("/money/unmatched"))[1] if row["line"] == "b1"]
    assert [part["number"] for proposal in still["proposals"] for part in proposal["parts"]] == ["1001", "1004"]
    assert (await till.api("/money/refuse", {"line": "b2", "orders": ["1002"]}))[1]["numbers"] == ["1002"]
    assert (await a_form(till, "/money/refuse", line="buku:b1"))["order"].splitlines() == ["1001", "1004"]
    assert await press(till, "/money/refuse", line="buku:b1") == (303, "/money?done=refused")
    assert [len(row["proposals"]) for row in (await till.api("/money/unmatched"))[1]] == [0, 0, 0]


async def test_what_cannot_be_done_is_one_sentence(till: Stage) -> None:
    status, text = await press(till, "/money/link", line="buku:b1", order="7777")
    assert (status, "is known" in text) == (422, True)
    async with till.http.post(f"{till.url}/money/accept", data={"line": "b1"}) as answer:
        assert answer.status == 403, "without the form's token"
    assert [row["line"] for row in (await till.api("/money/unmatched"))[1]] == ["b1", "b2", "b3"]


async def test_a_rate_that_no_fee_can_be_reckoned_by_is_refused(till: Stage) -> None:
    """Once kept, payouts could not be held against it; nor may a misspelt connection pass for one without trouble."""
    rate = {"gateway": "gerbang", "since": "2026-01-01"}
    for name, value in (
        ("most", "NaN"), ("fixed", "NaN"), ("up_to", "Infinity"), ("least", "1e99999"), ("share", "1e-9999"),
        ("share", "70"), ("tax", "11"), ("fixed", "-1"), ("most", "-5"),
    ):  # fmt: skip
        status, said = await till.api("/money/rate-card", {"rates": [rate, rate | {name: value}]})
        assert (status, f"$.rates[1].{name}" in said["detail"]) == (400, True), (name, value)
    assert (await till.api("/money/payouts?first=2026-11-01&last=2026-11-30"))[0] == 200
    for most in ("10000", "999999999999999.5"):
        assert (await till.api("/money/rate-card", {"rates": [rate | {"share": "0.007", "most": most}]}))[0] == 200
    for path, body in (
        ("/money/unmatched?connection=gerbagn", None), ("/money/rules?connection=gerbagn", None),
        ("/money/rules", {"connection": "gerbagn", "rule": "exact:name", "mode": "ask"}),
        ("/money/accept-rule", {"connection": "gerbagn", "rule": "exact:name"}),
    ):  # fmt: skip
        status, said = await till.api(path, body)
        assert (status, said["detail"]) == (404 if body is None else 422, "There is no connection 'gerbagn'."), path


async def test_readers_see_and_do_not_answer(tmp_path: Path) -> None:
    async with a_stage(tmp_path, open_read=True) as stage:
        await prepare(stage)
        status, html = await stage.page("/money")
        assert (status, 'method="post"' in html) == (200, False)
        for act in ("accept", "refuse", "link", "undo"):
            async with stage.http.post(f"{stage.url}/money/{act}", data={"line": "b1", "order": "1001"}) as answer:
                assert answer.status == 403
        assert len((await stage.api("/money/unmatched"))[1]) == 3


async def test_a_record_of_money_shows_what_it_pays(till: Stage) -> None:
    for path, words in (
        ("/records/bank_transaction/buku/b4", ("What it pays", "order 1003", "Rule exact:reference, 99.9%.")),
        ("/records/bank_transaction/buku/b1", ("Perhaps 1001", "Answer it under Money in")),
        ("/orders/toko/1003", ("Paid by", "bank line buku:b4")),
        ("/records/payment/gerbang/mt-1", ("What it pays", "The gateway names order 1004")),
    ):
        status, html = await till.page(path)
        page = Page(html)
        assert (status, page.problems) == (200, [])
        for word in words:
            assert word in " ".join(page.text), (path, word)


@pytest.mark.parametrize(("size", "lang", "scheme"), [("desk", "en-US", "light"), ("phone", "id-ID", "dark")])
async def test_accept_and_undo_with_the_mouse(
    tmp_path: Path, chromium: str, size: str, lang: str, scheme: Scheme
) -> None:
    shots = os.environ.get("SELARAS_SHOTS")
    *acts, done = {"en": ("Accept", "Undo", "Accepted."), "id": ("Terima", "Batalkan", "Diterima.")}[lang[:2]]
    accept, undo = (re.compile(rf"^{act}\W+1001$") for act in acts)
    async with a_stage(tmp_path) as stage, async_playwright() as playwright:
        await prepare(stage)
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        context, page, complaints = await a_window(browser, size, lang, scheme)
        await page.goto(f"{stage.url}/setup?code={stage.app.context.passwords.code}")
        for field in ("#new", "#again"):
            await page.fill(field, PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{stage.url}/")
        await page.goto(f"{stage.url}/money")
        assert await page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
        assert await page.evaluate(CONTRAST) == []
        if shots:
            await page.screenshot(path=f"{shots}/money-{size}-{lang[:2]}.png", full_page=True)
        await page.get_by_role("button", name=accept).click()
        await page.get_by_role("status").filter(has_text=done).wait_for()
        assert await page.get_by_role("button", name=accept).count() == 0
        assert (await stage.api("/explain/b1"))[1][0]["money"][0]["number"] == "1001"
        if shots:
            await page.screenshot(path=f"{shots}/money-accepted-{size}-{lang[:2]}.png", full_page=True)
        await page.get_by_role("button", name=undo).click()
        await page.wait_for_url(f"{stage.url}/money?done=undone")
        assert await page.get_by_role("button", name=undo).count() == 0
        assert (await stage.api("/explain/b1"))[1][0]["money"][0]["undone_by"] == "console"
        assert complaints == []
        await context.close()
        await browser.close()
