"""An order waits for the mapping; the admin opens the page in a browser, takes what is proposed, and it is posted."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.acceptance.hall import Hall, a_hall, kinds, one_group, sale
from tests.web.stage import PASSWORD
from tests.web.test_browser import CONTRAST

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PAIR = ("toko", "buku")
CHART = {
    "accounts": [
        {"code": "4-1500", "name": "Penjualan", "type": "income"},
        {"code": "4-1600", "name": "Penjualan <b>Grosir</b>", "type": "income"},
    ],
    "taxes": [{"id": "ppn11", "name": "PPN 11%", "rate": "0.11"}, {"id": "ppn12", "name": "PPN 12%", "rate": "0.12"}],
}
WORDS = {
    "en": ("To the mapping", "1 record waits", "Take the proposal", "Save",
           "Saved. 1 waiting record is planned again."),
    "id": ("Ke pemetaan", "1 catatan menunggu", "Ambil usulan", "Simpan",
           "Tersimpan. 1 catatan yang menunggu direncanakan ulang."),
}  # fmt: skip


@contextlib.contextmanager
def a_browser(chromium: str) -> Iterator[Browser]:
    """While it is open this thread runs a loop of its own, so that no command of the program can run beside it."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


def an_order_that_waits(hall: Hall) -> dict[str, str]:
    """A paid order with tax, in a store whose books shall never guess where sales and tax go."""
    house = hall.house
    house.post(f"{house.books.url}/sandbox/chart", CHART, house.books.admin)
    hall.sync()
    done = house.run("mapping", "set", *PAIR, "require=tax,account:sales")
    assert done.exit_code == 0, done.stderr
    body = {
        "lines": [{"sku": "KAOS-M", "quantity": 2}], "payment_method": "qris", "tax_rate": "0.11",
        "buyer": {"name": "Budi Santoso", "phone": "0812-3456-7890", "email": ""},
    }  # fmt: skip
    order: dict[str, str] = house.post(f"{house.store.url}/checkout", body)
    house.act(order, "pay", {"method": "qris", "reference": "Q1"})
    hall.sync()
    assert one_group(hall, "missing_mapping")["records"] == 1
    assert house.truth()["counts"]["sales_orders"] == 0
    return order


def sign_in(page: Page, hall: Hall) -> None:
    page.goto(hall.setup)
    for field in ("#new", "#again"):
        page.fill(field, PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{hall.url}/")


@pytest.mark.parametrize(
    ("width", "lang", "scheme", "script"),
    [(1280, "en-US", "light", False), (390, "id-ID", "dark", True)],
    ids=["desk-english-without-scripts", "phone-indonesian-dark"],
)
def test_the_admin_takes_what_is_proposed_and_the_order_is_posted(
    tmp_path: Path, chromium: str, width: int, lang: str, scheme: Literal["light", "dark"], script: bool
) -> None:
    shots = os.environ.get("SELARAS_SHOTS")
    to_mapping, waits, take, save, saved = WORDS[lang[:2]]

    def shoot(page: Page, name: str) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CONTRAST) == []
        if shots:
            page.screenshot(path=f"{shots}/accept-{name}-{width}-{lang[:2]}.png", full_page=True)

    with a_hall(tmp_path / "data") as hall:
        order = an_order_that_waits(hall)
        with a_browser(chromium) as browser:
            context = browser.new_context(
                viewport={"width": width, "height": 900}, locale=lang, color_scheme=scheme, java_script_enabled=script
            )
            page, complaints = context.new_page(), list[str]()
            page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
            sign_in(page, hall)
            page.goto(f"{hall.url}/blocked")
            page.get_by_role("link", name=to_mapping).click()
            page.wait_for_url(f"{hall.url}/mapping/toko/buku")
            shoot(page, "sheet")
            sales = page.get_by_role("listitem").filter(has_text="account:sales").first
            expect(sales).to_contain_text(waits)
            expect(sales).to_contain_text("4-1600 Penjualan <b>Grosir</b>")

            # What is typed beside a proposal that is taken stays, and is saved by its own button.
            page.fill("#note", "bagan akun 2027")
            page.locator("#new-word").fill("tax:12@SG")
            page.locator("#new-value").fill("nobody knows it")
            sales.get_by_role("button", name=re.compile(rf"^{take}\W+4-1500 Penjualan$")).click()
            page.get_by_role("status").wait_for()
            assert page.locator("#new-word").input_value() == "tax:12@SG"
            assert page.locator("#note").input_value() == "bagan akun 2027"
            page.get_by_role("button", name=save, exact=True).last.click()
            page.get_by_role("alert").first.wait_for()
            assert page.locator("#new-refused").inner_text()
            assert page.locator("#new-value").input_value() == "nobody knows it"
            assert page.locator("#note").input_value() == "bagan akun 2027"
            shoot(page, "refused")
            page.locator("#new-value").fill("PPN 12%")
            page.keyboard.press("Enter")
            page.wait_for_url("**/mapping/toko/buku?done=*")

            # Now the order lacks only its tax.
            hall.settle()
            assert "tax 11 %" in one_group(hall, "missing_mapping")["message"]
            page.goto(f"{hall.url}/mapping/toko/buku")
            tax = page.get_by_role("listitem").filter(has_text="tax:11").first
            tax.get_by_role("button", name=re.compile(rf"^{take}\W+PPN 11%$")).click()
            page.get_by_role("status").filter(has_text=saved).wait_for()
            hall.settle()
            shoot(page, "saved")

            found = sale(hall.house, order)
            assert kinds(found) == ["invoice", "receipt", "sales_order"]
            assert hall.house.truth()["trial_balance"]["IDR"]["accounts"]["4-1500"] == "-100000"
            assert hall.api("/blocked")["groups"] == []
            history = hall.api("/mapping/history?store=toko&books=buku")
            assert [(one["who"], one["note"]) for one in history[:3]] == [
                ("console", "proposed"), ("console", "bagan akun 2027"), ("console", "proposed"),
            ]  # fmt: skip
            page.goto(f"{hall.url}/orders/toko/{order['number']}")
            assert page.locator(".seal.good").count() == 1
            # The browser tells of the page that was refused, and of nothing else.
            assert [text for text in complaints if "422" not in text] == []
            context.close()
