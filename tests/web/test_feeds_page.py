"""Feeds and the rate card on the page of the mappings."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from selaras.ledger import Ledger
from selaras.ledger.connections import Connection
from selaras.ledger.values import NewPosting, RecordKey, State
from selaras.sync.feeds import Feed, feeds_of, set_feed
from selaras.sync.payout_report import rate_card_of
from selaras.sync.rate_card_text import written
from tests.web import mapping_room, money_room
from tests.web.pages import Page
from tests.web.stage import Stage, a_stage
from tests.web.stock_room import NOW

CARD = "gateway,since,channel,fixed,share\nmidtrans,2026-01-01,qris,,0.007\nmidtrans,2026-01-01,bank_transfer,4000,\n"


def fill(ledger: Ledger) -> None:
    """A gateway that is a feed and brought a payout that waits for an account, and a bank that is no feed yet."""
    mapping_room.keep_chart(ledger)
    for name, role in (("gerbang", "gateway"), ("bca", "bank")):
        ledger.connections.add(Connection(name, f"sandbox_{role}", role, "Asia/Jakarta", {}, {}), NOW)
    set_feed(ledger, "gerbang", "buku", {"clearing": "1-1050"}, NOW)
    money_room.fill(ledger)
    posting = NewPosting(
        "buku", "gerbang:payout:PAYOUT-1", "!", 1, "journal", "create", RecordKey("gerbang", "payout", "PAYOUT-1"),
        "PAYOUT-1", "d", None, "", state=State.BLOCKED, cause="missing_mapping", message="no account", cure="",
    )  # fmt: skip
    with ledger.transaction():
        ledger.postings.plan([posting], NOW)


@pytest.fixture
async def fed(tmp_path: Path) -> AsyncIterator[Stage]:
    async with a_stage(tmp_path) as stage:
        await stage.hub.desk(fill, stage.ledger)
        await stage.set_up()
        yield stage


async def send(stage: Stage, action: str, **fields: str) -> tuple[int, str]:
    """Send the first form of the page with this address whose fields do not say otherwise."""
    _status, html = await stage.page("/mapping")
    for form in re.findall(rf'<form[^>]* action="{action}">(.*?)</form>', html, re.DOTALL):
        hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
        if all(fields.get(name, hidden.get(name)) == hidden.get(name) for name in ("connection",)):
            async with stage.http.post(stage.url + action, data=hidden | fields) as answer:
                return answer.status, await answer.text()
    raise AssertionError(f"no form {action} in {html}")


async def feeds(stage: Stage) -> list[Feed]:
    return await stage.hub.desk(feeds_of, stage.ledger)


async def test_feeds_are_listed_with_what_they_brought_and_what_waits(fed: Stage) -> None:
    status, html = await fed.page("/mapping")
    page = Page(html)
    assert (status, page.problems) == (200, [])
    text = " ".join(page.text)
    assert "gerbang → buku" in text
    assert "payment: 1 · payout: 1" in text
    assert "1 record waits for an account" in text
    assert '<option value="acc-1-1050" selected>1-1050 Dana Belum Disetor</option>' in html
    # The process that serves knew of no feed when it began.
    assert "start it again" in text


async def test_accounts_of_a_feed_are_changed_and_refused_beside_their_field(fed: Stage) -> None:
    status, html = await send(fed, "/feeds", connection="gerbang", fee="6-1000", clearing="acc-1-1001")
    assert (status, Page(html).problems) == (422, [])
    assert "fee: the books have 0 called &#39;6-1000&#39;" in html
    assert re.search(r'<select id="f1-fee" name="fee" aria-invalid="true"', html)
    assert '<option value="acc-1-1001" selected>' in html, "what was chosen beside it is not lost"
    assert await feeds(fed) == [Feed("gerbang", "buku", clearing="acc-1-1050")]
    status, html = await send(fed, "/feeds", connection="gerbang", fee="4-7000", clearing="")
    assert (status, await feeds(fed)) == (200, [Feed("gerbang", "buku", fee="acc-4-7000")])
    assert "Saved." in html


async def test_a_connection_becomes_a_feed_and_ends_to_be_one(fed: Stage) -> None:
    _status, html = await fed.page("/mapping")
    token = html.split('name="form_token" value="')[1].split('"')[0]
    wish = {"form_token": token, "connection": "bca", "books": "buku"}
    async with fed.http.post(f"{fed.url}/feeds", data=wish) as answer:
        assert answer.status == 200
    assert [feed.connection for feed in await feeds(fed)] == ["bca", "gerbang"]
    async with fed.http.post(f"{fed.url}/feeds", data=wish | {"connection": "toko"}) as answer:
        assert (answer.status, "toko is a store, not a bank" in await answer.text()) == (422, True)
    status, _html = await send(fed, "/feeds/remove", connection="bca")
    assert (status, [feed.connection for feed in await feeds(fed)]) == (200, ["gerbang"])
    async with fed.http.post(f"{fed.url}/feeds/remove", data=wish) as answer:
        assert (answer.status, "bca is no feed" in await answer.text()) == (422, True)


async def test_the_rate_card_is_replaced_whole_or_not_at_all(fed: Stage) -> None:
    assert "No fees are agreed yet" in (await fed.page("/mapping"))[1]
    status, html = await send(fed, "/rate-card", rates=CARD.replace("\n", "\r\n"))
    assert (status, Page(html).problems) == (200, [])
    card = await fed.hub.desk(rate_card_of, fed.ledger)
    assert [(rate.channel, str(rate.fixed), str(rate.share)) for rate in card] == [
        ("qris", "0", "0.007"), ("bank_transfer", "4000", "0"),
    ]  # fmt: skip
    assert {"0.7%", "IDR 4,000"} <= set(Page(html).text)
    typed = CARD.replace("4000", "much </textarea><b>")
    status, html = await send(fed, "/rate-card", rates=typed)
    assert (status, Page(html).problems, "<b>" in html) == (422, [], False)
    assert "Line 3, column fixed:" in html
    assert "bank_transfer,much &lt;/textarea&gt;" in html, "what was typed stands there still"
    assert await fed.hub.desk(rate_card_of, fed.ledger) == card


async def test_a_rate_card_that_somebody_else_changed_is_not_overwritten_unseen(fed: Stage) -> None:
    await send(fed, "/rate-card", rates=CARD)
    status, html = await send(fed, "/rate-card", was="", rates=CARD.replace("0.007", "0.008"))
    assert (status, "Somebody else changed the rate card meanwhile." in html) == (422, True)
    assert "0.008" in html
    kept = written(await fed.hub.desk(rate_card_of, fed.ledger))
    assert ("0.007" in kept, "0.008" in kept) == (True, False)


@pytest.mark.parametrize("address", ["/feeds", "/feeds/remove", "/rate-card"])
async def test_only_signed_in_people_with_our_own_form_change_them(fed: Stage, tmp_path: Path, address: str) -> None:
    wish = {"connection": "gerbang", "books": "buku", "clearing": "", "was_clearing": "x", "rates": CARD}
    async with fed.http.post(fed.url + address, data=wish) as answer:
        assert answer.status == 403, "without the token of the form"
    async with a_stage(tmp_path / "reader", open_read=True) as stage:
        await stage.hub.desk(fill, stage.ledger)
        status, html = await stage.page("/mapping")
        assert (status, Page(html).problems, 'method="post"' in html) == (200, [], False)
        assert "selaras payouts card FILE.csv" in html
        async with stage.http.post(stage.url + address, data=wish) as answer:
            assert answer.status == 403
    async with a_stage(tmp_path / "nobody") as stage, stage.http.post(stage.url + address, data=wish) as answer:
        assert "/sign-in" in str(answer.url)
    assert await feeds(fed) == [Feed("gerbang", "buku", clearing="acc-1-1050")]
    assert await fed.hub.desk(rate_card_of, fed.ledger) == []
