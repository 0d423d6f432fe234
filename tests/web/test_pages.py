"""The console: what it shows is the ledger's, in both languages, for people with and without eyes and hands."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from selaras.ledger.values import NewPosting, RecordKey, Settlement, State
from selaras.model.document import SalesOrder, StockLevel
from selaras.sync.objectives import Accuracy
from selaras.sync.stock import stock_stream
from tests.web.pages import Page
from tests.web.stage import Stage, a_stage
from tests.web.stock_room import an_order, keep_orders, keep_stock

EVIL = "<script>alert('x')</script>"
DAY = dt.date(2026, 11, 20)


def fill(stage: Stage) -> None:
    """Orders of two days: recorded, blocked, skipped, waiting, cancelled for lack of stock; events; stock sent."""
    ledger, now = stage.ledger, stage.hub.now()
    orders = [an_order(1000 + n, day=DAY - dt.timedelta(days=n % 2)) for n in range(8)]
    orders += [an_order(1100, name=EVIL, called="1100"), an_order(1200, status="cancelled", reason="stok habis")]
    keep_orders(ledger, orders)
    keep_stock(ledger, "KOPI", 12)

    def posting(number: int, state: State, **more: Any) -> NewPosting:
        key = RecordKey("toko", "order", str(number))
        document = SalesOrder(str(number), DAY, "IDR", Decimal(50_000))
        return NewPosting(
            "buku", f"toko:{number}", "sales_order", 1, "sales_order", "create", key, str(number), "d",
            document if state is State.PLANNED else None, more.pop("reason", "Order 1000 was placed."),
            total=50_000, currency="IDR", state=state, **more,
        )  # fmt: skip

    with ledger.transaction():
        rows = [posting(1000 + n, State.PLANNED) for n in range(4)]
        rows.append(
            posting(1004, State.BLOCKED, cause="unmatched_product", message=EVIL, cure="Match it.", field="lines")
        )
        rows.append(posting(1005, State.SKIPPED, cause="draft", message="A draft is no order."))
        ledger.postings.plan(rows, now)
        level = StockLevel("KOPI@1", "KOPI", "p1", Decimal(9), "7")
        stock = RecordKey("buku", "stock", "KOPI")
        offer = NewPosting(
            "toko", stock_stream("toko", "KOPI"), "stock", 1, "stock", "update", stock, "KOPI@1", "9|7", level,
            "12 on hand; 3 reserved",
        )  # fmt: skip
        ledger.postings.plan([offer], now)
        claimed = ledger.postings.claim("buku", now, 60.0, 3)
        done = [Settlement(c, State.DONE, "create", "done", target_id=f"so{c.id}", number=f"SO-{c.id}", total=50_000)
                for c in claimed]  # fmt: skip
        ledger.postings.settle("buku", done, now)
        records = ledger.records.unplanned("toko", "order", 100)
        ledger.records.planned([r for r in records if r.key.id not in ("1006", "1100")])
        ledger.connections.event("toko", "warning", "webhook_restored", EVIL, now)
        ledger.coverage.census("toko", "order", {(DAY.isoformat(), "IDR"): (9, 450_000)}, now)
        measured = {DAY.isoformat(): Accuracy(dt.datetime.now(dt.UTC), 40, 38, 2, ["KOPI", "TEH"])}
        ledger.connections.set("stock_accuracy:toko", msgspec.json.encode(measured).decode(), now)


@pytest.fixture
async def filled(tmp_path: Path) -> AsyncIterator[Stage]:
    """An installation that is open for reading and has seen something of everything."""
    async with a_stage(tmp_path, open_read=True) as stage:
        await stage.hub.desk(fill, stage)
        stage.app.context.state["demo"] = demo()
        yield stage


def demo() -> dict[str, object]:
    days = [
        {"day": "2018-09-13", "placed": 141, "recorded": 44, "recorded_pct": "31.2", "stock_accuracy_pct": 41.5,
         "stockout_cancellations": 9},
        {"day": "2018-09-14", "placed": 90, "recorded": 78, "recorded_pct": Decimal("86.6"), "stock_accuracy_pct": None,
         "stockout_cancellations": 0},
    ]  # fmt: skip
    total = {"placed": 516, "recorded": 348, "recorded_pct": 67, "stock_accuracy_pct": 38, "stockout_cancellations": 24}
    acts = [{"name": EVIL, "days": days, "total": total}, {"name": "Act two", "days": [], "total": {}}]
    return {"acts": acts, "phase": "act 2", "progress": 55}


PAGES = (
    "/", "/coverage", "/coverage?first=2026-11-19&last=2026-11-20", "/coverage?first=nonsense", "/blocked",
    "/blocked?skipped=1", "/blocked?cause=unmatched_product", "/blocked?cause=none", "/waiting", "/events",
    "/connections", "/orders/toko/1000", "/orders/toko/1004", "/orders/toko/1100", "/records/order/toko/1000",
    "/stock/KOPI", "/find", "/find?q=1000", "/find?q=KOPI", "/demo", "/products", "/contacts",
)  # fmt: skip


@pytest.mark.parametrize("lang", ["id", "en"])
async def test_pages_are_sound(filled: Stage, lang: str) -> None:
    faults = {}
    for path in PAGES:
        status, html = await filled.page(path, **{"Accept-Language": lang})
        page = Page(html)
        if status != 200 or page.problems or page.lang != lang or "<script>alert" in html:
            faults[path] = (status, page.lang, page.problems)
    assert faults == {}


@pytest.mark.parametrize("lang", ["id", "en"])
async def test_every_link_leads_somewhere(filled: Stage, lang: str) -> None:
    seen, waiting = set[str](), ["/"]
    while waiting:
        path = waiting.pop()
        if path in seen or len(seen) > 120:
            continue
        seen.add(path)
        status, html = await filled.page(path, **{"Accept-Language": lang})
        assert status == 200, path
        waiting += [link for link in Page(html).links if link.startswith("/")]
    assert {"/blocked", "/orders/toko/1004", "/stock/KOPI", "/demo"} <= seen


EMPTY = (
    "/", "/coverage", "/blocked", "/blocked?skipped=1", "/waiting", "/events", "/connections", "/find?q=x", "/demo",
    "/products", "/contacts", "/nowhere", "/orders/toko/x", "/stock/x", "/sign-in",
)  # fmt: skip


@pytest.mark.parametrize("lang", ["id", "en"])
async def test_where_nothing_is_pages_say_what_to_do(tmp_path: Path, lang: str) -> None:
    async with a_stage(tmp_path, open_read=True, paired=False) as stage:
        for path in EMPTY:
            status, html = await stage.page(path, **{"Accept-Language": lang})
            page = Page(html)
            assert (path, status in (200, 404), page.problems) == (path, True, [])
            assert len(" ".join(page.text)) > 100, path


async def test_today_shows_the_three_objectives_and_table_1(filled: Stage) -> None:
    _status, html = await filled.page("/", **{"Accept-Language": "id"})
    text = " ".join(Page(html).text)
    # Of the newest day the store counts 9 orders and the table 6 of ours; one of them was skipped.
    assert "Pesanan website" in text
    assert "20/11 /2026" in text
    assert "19/11 /2026" in text
    assert "95%" in text
    assert "38 dari 40 produk tepat" in text
    assert "1 catatan memerlukan Anda" in text
    assert "Rp 300.000" in text
    assert "WIB" in text


async def test_nothing_is_green_that_does_not_balance(filled: Stage) -> None:
    _status, html = await filled.page("/coverage", **{"Accept-Language": "en"})
    assert "Everything is accounted for" not in html
    _status, html = await filled.page("/", **{"Accept-Language": "en"})
    assert 'class="seal good"' not in html
    assert "of 9" in html  # the store counts nine of that day


async def test_an_order_is_explained_from_seen_to_answered(filled: Stage) -> None:
    _status, html = await filled.page("/orders/toko/1000", **{"Accept-Language": "en"})
    text = " ".join(Page(html).text)
    for part in ("Seen: version 1, by webhook", "Decided: create sales order 1000", "sent to be created", "accepted",
                 "SO-1", "IDR 50,000", "Siti Rahayu"):  # fmt: skip
        assert part in text, part
    seen, decided, answered = (text.index(p) for p in ("Seen: version", "Decided: create", "sent to be created"))
    assert seen < decided < answered


async def test_a_buyer_called_script_is_a_name_and_nothing_else(filled: Stage) -> None:
    _status, html = await filled.page("/orders/toko/1100")
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in html
    assert "<script>alert" not in html


async def test_language_and_refreshing_are_remembered(filled: Stage) -> None:
    assert Page((await filled.page("/"))[1]).lang == "en"
    assert Page((await filled.page("/events?lang=id"))[1]).lang == "id"
    assert Page((await filled.page("/"))[1]).lang == "id"
    assert "data-refresh" in (await filled.page("/"))[1]
    assert "data-refresh" not in (await filled.page("/?refresh=off"))[1]
    assert "data-refresh" not in (await filled.page("/waiting"))[1]
    assert "data-refresh" in (await filled.page("/waiting?refresh=on"))[1]


async def test_a_page_that_fails_says_that_it_is_our_fault(filled: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("selaras.web.overview.events", broken)
    status, html = await filled.page("/events", **{"Accept-Language": "en"})
    assert status == 500
    assert "a defect of Selaras" in html
    assert "secret detail" not in html
    assert (await filled.page("/waiting"))[0] == 200


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ("<h1>a</h1><h3>b</h3>", "jump"),
        ("<h2>a</h2>", "first heading"),
        ("<h1>a</h1><input id='x'>", "no label"),
        ("<h1>a</h1><th>x</th>", "no scope"),
        ("<h1>a</h1><img src='x'>", "no alt"),
        ("<h1>a</h1><p style='color:red'>b</p>", "forbids"),
        ("<h1>a</h1><p id='x'></p><p id='x'></p>", "twice"),
        ("<h1>a</h1><section aria-labelledby='y'></section>", "not there"),
        ("<h1>a</h1><svg></svg>", "no name"),
        ("<h1>a</h1><b><i></b></i>", "closes"),
    ],
)
def test_the_checks_see_what_they_look_for(html: str, fault: str) -> None:
    found = Page(f"<html lang='id'><head><title>t</title></head><body>{html}</body></html>")
    assert any(fault in problem for problem in found.problems), found.problems
