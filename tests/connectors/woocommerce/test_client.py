"""The wire: signatures, the shop's clock and address, zones, refusals, and what stands in front of WordPress."""

from __future__ import annotations

import datetime as dt
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from selaras.connectors.contract import Ambiguous, Expired, Rejected, Throttled, Tools, Transient, Write
from selaras.connectors.kit.checks import drained
from selaras.connectors.woocommerce import CONNECTOR, WooCommerce, build
from selaras.connectors.woocommerce.signing import Signer
from selaras.model.document import StockLevel
from selaras.model.product import Stock
from tests.connectors.kit_servers import nobody
from tests.connectors.test_http_tls import certificate
from tests.connectors.woocommerce.rig import settings_for
from tests.connectors.woocommerce.standin import StandIn, serve_woo
from tests.connectors.woocommerce.standin_shop import Config


@asynccontextmanager
async def connected(
    *, skew: float = 0.0, config: Config | None = None, base: str = "", zone: str = "Asia/Jakarta", **more: str
) -> AsyncIterator[tuple[StandIn, WooCommerce]]:
    async with serve_woo(config, base=base) as woo:
        made = build(settings_for(woo, **more), Tools("toko", zone, None, lambda: time.time() + skew))
        assert isinstance(made, WooCommerce)
        try:
            yield woo, made
        finally:
            await made.close()


def findings(check: Any) -> dict[str, tuple[bool, str]]:
    return {f.what: (f.ok, f.detail if f.ok else f.cure) for f in check.findings}


# -- signatures -------------------------------------------------------------------------------------------------------


def test_a_signature_as_rfc_5849_has_it() -> None:
    """Worked out by hand after RFC 5849 §3.4.1 and signed with openssl; some characters are escaped twice."""
    signer = Signer("ck_1", "cs_2", "http://shop.example/toko/")
    params = [("sku", "A&B,C d~é"), ("modified_after", "2026-11-21T18:58:53")]
    signed = dict(signer.sign("GET", "/wp-json/wc/v3/products", params, 1_763_751_537, "abc"))
    assert signed["oauth_signature"] == "vEo00uzVoQF9cYDW3El4f/SLLxeRCl9Tcs6I6S4x/rs="
    assert "cs_2" not in repr(signer)


async def test_codes_with_any_characters_are_found_over_signed_http() -> None:
    async with connected() as (woo, made):
        codes = ["A&B", "a b+c", "100%", "é~!*'()", "x/y?z=1#", "K,O", "1,2,3"]
        for code in codes:
            woo.shop.add(code, 1000, 7)
        rows = await made.read("stock", codes)
        assert [(row.id, row.record.on_hand if row.record else None) for row in rows] == [(c, 7) for c in codes]


async def test_no_nonce_comes_twice_and_no_secret_is_sent() -> None:
    async with connected() as (woo, made):
        for _ in range(20):
            await made.changed("order", "")
        assert len(woo.key.nonces) == 20
        assert woo.key.secret not in str(woo.queries)


@pytest.mark.parametrize("skew", [-7200.0, 0.0, 1200.0])
async def test_a_wrong_clock_is_signed_around(skew: float) -> None:
    async with connected(skew=skew) as (woo, made):
        woo.shop.add("A", 1000)
        woo.shop.place([("A", 1)])
        seen, _ = await drained(made, "order")
        assert len(seen) == 1
        check = await made.check()
        assert findings(check)["clock"][0] is (skew == 0.0)
        assert abs(check.clock_skew + skew) < 3


async def test_the_address_under_the_signature_is_the_shops_own() -> None:
    """A shop that calls itself by another name, as behind a proxy: one question to /wp-json/, then it is known."""
    async with connected() as (woo, made):
        woo.home = woo.hooks.home = woo.url.replace("127.0.0.1", "toko.example")
        await made.changed("order", "")
        await made.changed("order", "")
        assert woo.calls["GET /wp-json/"] == 1


async def test_a_shop_in_a_folder() -> None:
    async with connected(base="/toko") as (woo, made):
        assert (await made.check()).ok
        assert woo.url.endswith("/toko")


async def test_key_and_secret_over_plain_http_would_be_refused() -> None:
    async with connected() as (woo, made):
        made.client.signer = None
        made.client._credentials = [("consumer_key", woo.key.key), ("consumer_secret", woo.key.secret)]
        with pytest.raises(Expired):
            await made.changed("order", "")


@pytest.mark.parametrize("credentials", ["header", "query"])
async def test_a_host_that_strips_the_authorization_header(credentials: str, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    async with serve_woo(tls=context) as woo, AsyncExitStack() as stack:
        made = build(settings_for(woo, credentials=credentials), Tools("toko", "Asia/Jakarta", None, time.time))
        assert isinstance(made, WooCommerce)
        stack.push_async_callback(made.close)
        made.client.http._trust = made.client._public._trust = ssl.create_default_context(cafile=str(cert))
        woo.key.passed_on = False
        if credentials == "query":
            assert (await made.check()).ok
        else:
            ok, cure = findings(await made.check())["API key"]
            assert not ok
            assert "`query`" in cure


# -- zones ------------------------------------------------------------------------------------------------------------


async def test_the_stand_in_has_the_zone_trap() -> None:
    """What makes the next test worth something: with Z the last seven hours are missing, without an error."""
    async with connected() as (woo, made):
        woo.shop.add("A", 1000)
        woo.shop.place([("A", 1)])
        hour_ago = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)

        async def count(text: str, gmt: str) -> int:
            listing = await made.client._list("/orders", {"modified_after": text, "dates_are_gmt": gmt})
            return len(listing.rows)

        naive = hour_ago.strftime("%Y-%m-%dT%H:%M:%S")
        assert await count(naive, "true") == 1
        assert await count(naive + "Z", "true") == 0
        assert await count(naive + "Z", "false") == 1


async def test_no_bound_ever_carries_a_zone() -> None:
    async with connected() as (woo, made):
        woo.shop.add("A", 1000)
        for _ in range(130):
            woo.shop.place([("A", 1)])
        _, cursor = await drained(made, "order")
        await drained(made, "order", cursor)
        asked = [q for q in woo.queries if "modified_after" in q or "modified_before" in q]
        assert asked
        for query in asked:
            assert query["dates_are_gmt"] == "true"
            assert query["orderby"] == "id"
            for name in ("modified_after", "modified_before"):
                assert "Z" not in query.get(name, "")
                assert "+" not in query.get(name, "")


async def test_an_order_of_ten_minutes_is_read_again_at_each_poll() -> None:
    async with connected() as (woo, made):
        woo.shop.add("A", 1000)
        order = woo.shop.place([("A", 1)])
        _, cursor = await drained(made, "order")
        seen, _ = await drained(made, "order", cursor)
        assert [row.id for row in seen] == [str(order.id)]


async def test_a_back_fill_costs_little_more_than_its_pages() -> None:
    """300 paid orders, twelve with refunds: 3 pages at least; one call for all refunds of a page."""
    async with connected() as (woo, made):
        woo.shop.add("A", 1000)
        for n in range(300):
            order = woo.shop.place([("A", 1)])
            woo.shop.pay(order, f"T{n}")
            if n % 25 == 0:
                woo.shop.refund(order, Decimal(100))
        woo.shop.clock.set(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2))
        seen, cursor = await drained(made, "order")
        assert len({row.id for row in seen}) == 300
        assert (woo.calls["GET /orders"], woo.calls["GET /refunds"]) == (5, 3)
        woo.shop.clock.set(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
        woo.calls.clear()
        _, cursor = await drained(made, "order", cursor)
        assert woo.total_calls() == 5 + 3  # the back-fill itself lies in the overlap once
        woo.calls.clear()
        await drained(made, "order", cursor)
        assert woo.total_calls() == 1


async def test_before_9_0_the_refunds_of_each_order_are_asked_for() -> None:
    async with connected(config=Config(version=(8, 2))) as (woo, made):
        woo.shop.add("A", 1000)
        orders = [woo.shop.place([("A", 1)], status="processing") for _ in range(3)]
        for order in orders[:2]:
            woo.shop.refund(order, Decimal(100))
        for _ in range(2):
            rows = await made.read("order", [str(order.id) for order in orders])
            assert [row.record.refunded if row.record else None for row in rows] == [100, 100, 0]
        # The list that is not there is asked for once only.
        assert woo.calls["GET /refunds"] == 1
        assert sum(n for call, n in woo.calls.items() if "/refunds" in call) == 1 + 4


# -- refusals ---------------------------------------------------------------------------------------------------------


async def test_a_key_that_may_only_read() -> None:
    async with connected() as (woo, made):
        woo.shop.add("A", 1000, 5)
        woo.key.permission = "read"
        assert findings(await made.check())["write access"][0] is False
        level = StockLevel("r", "A", "", Stock("A", 9).on_hand + 0)  # type: ignore[arg-type]
        with pytest.raises(Rejected) as caught:
            await made.write("stock", "update", [Write("k", level)])
        assert caught.value.code == "read_only_key"
        assert "Read/Write" in caught.value.cure
        assert (await made.changed("order", "")).seen == []


async def test_a_key_that_was_deleted_is_expired_for_writes_too() -> None:
    async with connected() as (woo, made):
        woo.shop.add("A", 1000, 5)
        woo.key.revoked = True
        level = StockLevel("r", "A", "", Stock("A", 9).on_hand + 0)  # type: ignore[arg-type]
        with pytest.raises(Expired):
            await made.write("stock", "update", [Write("k", level)])


async def test_a_firewall_is_left_alone_for_a_minute() -> None:
    async with connected() as (woo, made):
        woo.trouble.firewall = True
        with pytest.raises(Throttled) as caught:
            await made.changed("order", "")
        assert (caught.value.code, caught.value.retry_after) == ("firewall", 60)


async def test_maintenance_says_how_long() -> None:
    async with connected() as (woo, made):
        woo.trouble.maintenance = True
        with pytest.raises(Throttled) as caught:
            await made.changed("order", "")
        assert caught.value.retry_after == 600


async def test_plain_permalinks_are_told_with_their_cure() -> None:
    async with connected() as (woo, made):
        woo.trouble.plain_permalinks = True
        ok, cure = findings(await made.check())["address"]
        assert not ok
        assert "Permalinks" in cure


async def test_a_redirect_to_https_is_not_followed_but_told() -> None:
    async with connected() as (woo, made):
        woo.trouble.to_https = "https://toko.example"
        with pytest.raises(Rejected) as caught:
            await made.changed("order", "")
        assert caught.value.code == "redirected"
        assert "https://toko.example" in caught.value.cure
        assert "https://toko.example" in findings(await made.check())["address"][1]


async def test_a_notice_of_php_before_the_json_is_no_answer() -> None:
    async with connected() as (woo, made):
        woo.shop.add("A", 1000, 5)
        woo.trouble.notice = True
        with pytest.raises(Transient) as caught:
            await made.changed("order", "")
        assert "WP_DEBUG_DISPLAY" in caught.value.cure
        with pytest.raises(Ambiguous):
            await made.client.update("/products", [{"id": woo.shop.by_sku("A").id, "inventory_delta": 1}])


async def test_a_byte_order_mark_does_no_harm() -> None:
    async with connected() as (woo, made):
        woo.trouble.mark = True
        assert (await made.changed("order", "")).seen == []


async def test_nobody_there_is_transient() -> None:
    made = build(
        {"base_url": nobody(), "consumer_key": "ck", "consumer_secret": "cs"}, Tools("toko", "UTC", None, time.time)
    )
    with pytest.raises(Transient):
        await made.changed("order", "")
    await made.close()


async def test_a_site_that_hides_its_index() -> None:
    async with connected() as (woo, made):
        woo.trouble.hidden_index = True
        check = await made.check()
        assert check.ok
        assert "not compared" in findings(check)["address"][1]
        woo.key.secret = "cs_another"
        with pytest.raises(Expired):
            await made.changed("order", "")


async def test_no_woocommerce_in_this_wordpress() -> None:
    async with connected() as (woo, made):
        woo._index = lambda: {"name": "Blog", "home": woo.home, "namespaces": ["wp/v2"]}  # type: ignore[method-assign]
        assert findings(await made.check())["address"][0] is False


# -- the check --------------------------------------------------------------------------------------------------------


async def test_the_check_tells_what_is_there() -> None:
    async with connected() as (woo, made):
        check = await made.check()
        assert (check.account, check.currency, check.zone, check.ok) == ("Toko Tiruan", "IDR", "Asia/Jakarta", True)
        assert findings(check)["taxes"] == (True, "taxes are included in the prices and rounded for each line")
        assert woo.total_calls() == 5


@pytest.mark.parametrize(
    ("named", "offset", "zone", "ok"),
    [
        ("Asia/Jakarta", 7, "Asia/Jakarta", True),
        ("Asia/Makassar", 8, "Asia/Jakarta", False),
        ("", 7, "Asia/Jakarta", True),
        ("", "8", "Asia/Jakarta", False),
        ("", 5.5, "Asia/Kolkata", True),
        (None, "", "UTC", True),
    ],
)
async def test_the_shops_zone_is_compared(named: str | None, offset: object, zone: str, ok: bool) -> None:
    async with connected(zone=zone) as (woo, made):
        woo.timezone, woo.gmt_offset = named, offset
        check = await made.check()
        assert findings(check)["time zone"][0] is ok
        assert check.zone


async def test_settings_that_the_key_may_not_see() -> None:
    async with connected() as (woo, made):
        woo.rest.settings_visible = False
        check = await made.check()
        assert check.currency == ""
        assert "shop manager" in findings(check)["settings"][1]


async def test_decimals_that_the_currency_does_not_have_are_mentioned() -> None:
    async with connected(config=Config(decimals=2)) as (_woo, made):
        check = await made.check()
        assert check.ok
        assert "2 decimals of IDR" in findings(check)["currency"][1]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("rate", "fast", "'rate'"),
        ("statuses", "packed=gone", "packed=gone"),
        ("base_url", "http://toko.example", "encryption"),
        ("base_url", "toko.example", "web address"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, told: str) -> None:
    settings = {"base_url": "https://toko.example", "consumer_key": "ck", "consumer_secret": "cs", name: value}
    with pytest.raises(ValueError, match=told):
        build(settings, Tools("toko", "Asia/Jakarta", None, time.time))


def test_every_setting_that_is_read_is_declared() -> None:
    declared = {setting.name for setting in CONNECTOR.settings}
    source = (Path(__file__).parents[3] / "src/selaras/connectors/woocommerce/connector.py").read_text(encoding="utf-8")
    read = set(re.findall(r'settings(?:\.get\(|\[)"(\w+)"', source))
    read |= set(re.findall(r'\bnumber\(settings, "(\w+)"', source))
    assert read == declared
    assert {s.name for s in CONNECTOR.settings if s.secret} == {"consumer_key", "consumer_secret", "webhook_secret"}
