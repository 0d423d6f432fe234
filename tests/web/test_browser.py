"""The console in a real browser: a phone and a desk, light and dark, both languages, keyboard only, alive by itself."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright

from tests.web import mapping_room
from tests.web.stage import PASSWORD, a_stage
from tests.web.stock_room import an_order, keep_orders
from tests.web.test_pages import demo, fill

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIZES = {"phone": (390, 844), "desk": (1280, 900)}
Scheme = Literal["dark", "light"]
PAGES = (
    "/",
    "/coverage",
    "/blocked",
    "/waiting",
    "/events",
    "/connections",
    "/orders/toko/1000",
    "/stock/KOPI",
    "/mapping",
    "/mapping/toko/buku",
    "/demo",
)

# Every text against the ground behind it, by WCAG 2.2 §1.4.3: 4.5, or 3 for large text.
CONTRAST = r"""() => {
  const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const lum = (c) => { const f = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]); };
  const ground = (e) => { for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; }
    return [255, 255, 255, 1]; };
  const faults = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.checkVisibility()) continue;
    if (e.closest("script,.quiet,.skip-link,noscript")) continue;
    const style = getComputedStyle(e), a = lum(parse(style.color)), b = lum(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) faults.push([walk.currentNode.data.trim().slice(0, 40), ratio.toFixed(2)]);
  }
  return faults;
}"""


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        await launched.close()


async def a_window(browser: Browser, size: str, lang: str, scheme: Scheme) -> tuple[BrowserContext, Page, list[str]]:
    """A window, and what it complains about: errors, warnings, breaches of the content policy.

    A fetch given up because the page was left (the icon comes last of all) is nobody's fault; one that the content
    policy blocks or that finds nothing is written on the console besides.
    """
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height}, locale=lang, color_scheme=scheme, reduced_motion="reduce"
    )
    page, complaints = await context.new_page(), list[str]()
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: complaints.append(str(e)))
    page.on("requestfailed", lambda r: complaints.append(r.url) if r.failure != "net::ERR_ABORTED" else None)
    return context, page, complaints


@pytest.mark.parametrize(
    ("size", "lang", "scheme"),
    [("phone", "id-ID", "dark"), ("desk", "en-US", "light"), ("desk", "id-ID", "dark"), ("phone", "en-US", "light")],
)
async def test_pages_fit_and_can_be_read(
    tmp_path: Path, browser: Browser, size: str, lang: str, scheme: Scheme
) -> None:
    shots = os.environ.get("SELARAS_SHOTS")
    async with a_stage(tmp_path, open_read=True) as stage:
        await stage.hub.desk(fill, stage)
        await stage.hub.desk(mapping_room.fill, stage.ledger)
        stage.app.context.state["demo"] = demo()
        context, page, complaints = await a_window(browser, size, lang, scheme)
        for path in PAGES:
            await page.goto(stage.url + path)
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= SIZES[size][0], f"{path} is {width} wide"
            assert await page.evaluate(CONTRAST) == [], path
            assert await page.evaluate("document.documentElement.lang") == lang[:2]
            if shots:
                name = path.strip("/").replace("/", "-") or "today"
                await page.screenshot(path=f"{shots}/{name}-{size}-{lang[:2]}-{scheme}.png", full_page=True)
        assert complaints == []
        await context.close()


async def test_a_window_complains_of_what_fails_and_not_of_what_it_left(tmp_path: Path, browser: Browser) -> None:
    """The icon is fetched last of all: leaving the page gives it up, which once was taken for a fault."""
    async with a_stage(tmp_path, open_read=True) as stage:
        context, page, complaints = await a_window(browser, "desk", "en-US", "light")
        asked = asyncio.Event()

        async def never(_route: Route) -> None:
            asked.set()

        await page.route("**/never.svg", never)
        await page.route("**/refused.svg", lambda route: route.abort("connectionrefused"))
        await page.goto(stage.url)
        await page.evaluate("void (new Image().src = '/static/never.svg')")
        await asyncio.wait_for(asked.wait(), 20)
        await page.goto(f"{stage.url}/coverage")
        assert complaints == []
        await page.evaluate("new Promise(done => { const i = new Image(); i.onerror = done; i.src = '/refused.svg' })")
        assert f"{stage.url}/refused.svg" in complaints
        await context.close()


async def test_the_picture_moves_by_itself_and_keeps_its_place(tmp_path: Path, browser: Browser) -> None:
    async with a_stage(tmp_path, open_read=True) as stage:
        await stage.hub.desk(keep_orders, stage.ledger, [an_order(1)])
        stage.app.context.state["demo"] = demo() | {"progress": 10}
        context, page, complaints = await a_window(browser, "desk", "en-US", "light")
        await page.goto(f"{stage.url}/demo")
        await page.evaluate("window.stillHere = true")
        stage.app.context.state["demo"] = demo() | {"progress": 90, "phase": "done"}
        await page.locator(".seal").filter(has_text="Finished").wait_for(timeout=20_000)
        assert await page.locator("progress").get_attribute("value") == "90"
        assert await page.evaluate("window.stillHere") is True
        assert complaints == []
        await context.close()


async def test_sign_in_with_the_keyboard_alone(tmp_path: Path, browser: Browser) -> None:
    async with a_stage(tmp_path) as stage:
        await stage.hub.desk(fill, stage)
        context, page, complaints = await a_window(browser, "desk", "en-US", "light")
        await page.goto(f"{stage.url}/setup?code={stage.app.context.passwords.code}")
        await page.focus("#new")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{stage.url}/")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip-link"
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url(f"{stage.url}/sign-in")
        assert await page.evaluate("document.activeElement.id") == "password"
        await page.keyboard.type("wrong, wrong, wrong")
        await page.keyboard.press("Enter")
        await page.get_by_role("alert").wait_for()
        await page.get_by_label("Password of this installation").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{stage.url}/")
        await page.goto(f"{stage.url}/blocked")
        await page.get_by_role("button", name="Mended").click()
        await page.get_by_role("status").filter(has_text="will be tried again").wait_for()
        # The browser tells of the 401 of the wrong password, and of nothing else.
        assert [text for text in complaints if "401" not in text] == []
        await context.close()


async def test_an_order_is_found_from_the_field_above(tmp_path: Path, browser: Browser) -> None:
    async with a_stage(tmp_path, open_read=True) as stage:
        await stage.hub.desk(fill, stage)
        context, page, _complaints = await a_window(browser, "phone", "id-ID", "light")
        await page.goto(stage.url)
        await page.get_by_role("searchbox").fill("1004")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{stage.url}/orders/toko/1004")
        assert await page.inner_text("h1") == "Pesanan 1004"
        await context.close()
