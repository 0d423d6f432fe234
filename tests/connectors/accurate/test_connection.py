"""Where calls go, which limits they keep, and what is said of rights and settings."""

from __future__ import annotations

import time

import pytest

from selaras.connectors import accurate
from selaras.connectors.accurate.checking import SCOPES
from selaras.connectors.accurate.session import database_of, safe_host
from selaras.connectors.contract import Expired, Throttled, Tools, Transient
from selaras.connectors.kit.checks import done
from selaras.connectors.kit.papers import Papers, write
from tests.connectors.accurate.rig import ZONE, accurate_rig
from tests.connectors.accurate.standin import API_TOKEN, Limit

TODAY = "01/11/2026"


# -- where calls go --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["https://accurate.id.evil.example", "https://evilaccurate.id", "http://zeus.accurate.id", "https://a@zeus.accurate.id",
     "ftp://zeus.accurate.id", "https://", "http://127.0.0.1:1"],
)  # fmt: skip
def test_credentials_go_to_hosts_of_accurate_only(host: str) -> None:
    with pytest.raises(Transient) as caught:
        safe_host(host, "https://account.accurate.id")
    assert caught.value.code == "foreign_host"
    assert safe_host("https://zeus.accurate.id/", "https://account.accurate.id") == "https://zeus.accurate.id"


@pytest.mark.parametrize("api_token", [False, True])
async def test_a_database_that_has_moved_is_followed_with_its_write(api_token: bool) -> None:
    async with accurate_rig(api_token=api_token) as rig:
        connector = rig.built()
        papers = await Papers.of(rig, "moved")
        await connector.find("sales_order", ["KIT-x"])
        rig.standin.host = 1
        order = papers.order(1)
        done((await connector.write("sales_order", "create", [write(order)]))[0])
        assert len(await rig.held("sales_order", order.reference)) == 1
        before = connector._wire.moves
        await connector.find("sales_order", ["KIT-x"])
        assert connector._wire.moves == before == 1  # the new host is kept


async def test_a_redirect_to_a_stranger_is_not_followed() -> None:
    async with accurate_rig() as rig:
        connector = rig.built()
        await connector.find("sales_order", ["KIT-x"])
        rig.standin.host, rig.standin.foreign_host = 1, "https://zeus.accurate.example"
        with pytest.raises(Transient) as caught:
            await connector.find("sales_order", ["KIT-x"])
        assert caught.value.code == "foreign_host"


@pytest.mark.parametrize("as_200", [False, True])
async def test_a_session_that_has_ended_is_opened_again_without_a_new_token(as_200: bool) -> None:
    async with accurate_rig() as rig:
        connector = rig.built()
        papers = await Papers.of(rig, "session")
        await connector.find("sales_order", ["KIT-x"])
        rig.standin.sessions.clear()
        rig.standin.session_error_as_200 = as_200
        order = papers.order(1)
        done((await connector.write("sales_order", "create", [write(order)]))[0])
        assert (rig.standin.granted, rig.standin.opened) == (1, 2)
        assert len(await rig.held("sales_order", order.reference)) == 1


@pytest.mark.parametrize("as_200", [False, True])
@pytest.mark.parametrize(
    "ends", [("token", "token"), ("session", "session", "session"), ("session", "token"), ("token", "session")]
)
async def test_what_ends_again_while_it_is_renewed_is_renewed_again(ends: tuple[str, ...], as_200: bool) -> None:
    """Tokens and sessions end just before our call is looked at, as when another process signs in meanwhile."""
    async with accurate_rig() as rig:
        connector = rig.built()
        papers = await Papers.of(rig, "again")
        await connector.find("sales_order", ["KIT-x"])
        rig.standin.session_error_as_200 = as_200
        left = list(ends)

        def chance() -> str:
            if left:
                (rig.standin.access if left.pop(0) == "token" else rig.standin.sessions).clear()
            return ""

        rig.standin.chance = chance
        order = papers.order(1)
        done((await connector.write("sales_order", "create", [write(order)]))[0])
        assert left == []
        assert len(await rig.held("sales_order", order.reference)) == 1


async def test_an_ended_token_costs_one_refresh_and_one_opening() -> None:
    async with accurate_rig() as rig:
        connector = rig.built()
        await connector.find("sales_order", ["KIT-x"])
        await rig.expire_tokens()
        await connector.find("sales_order", ["KIT-x"])
        assert (rig.standin.granted, rig.standin.opened) == (2, 2)
        assert rig.tokens.token is not None
        assert rig.tokens.token.refresh == "refresh-2"


# -- limits and rights -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["429", "200"])
async def test_the_ninth_call_of_a_second_is_a_request_to_wait(shape: str) -> None:
    async with accurate_rig() as rig:
        connector = rig.built()
        papers = await Papers.of(rig, "nine")
        rig.standin.limit, rig.standin.limit_shape = Limit(1, lambda: 0.0), shape
        await connector.find("sales_order", ["KIT-x"])
        with pytest.raises(Throttled) as caught:
            await connector.write("sales_order", "create", [write(papers.order(1))])
        assert caught.value.retry_after == 1.0
        assert await rig.held("sales_order", papers.name(1)) == []


def test_the_limit_of_the_stand_in_is_a_rolling_second() -> None:
    now = 0.0
    limit = Limit(8, lambda: now)
    for _ in range(8):
        assert limit.enter()
        limit.leave()
        now += 0.12
    assert not limit.enter()
    now = 1.001
    assert limit.enter()
    for _ in range(7):
        now += 0.2
        assert limit.enter()
    assert not limit.enter()  # eight at once
    assert limit.refused == 2


async def test_a_right_that_was_not_allowed_is_named() -> None:
    async with accurate_rig() as rig:
        connector = rig.built()
        rig.standin.scopes = set(SCOPES) - {"sales_order_save"}
        papers = await Papers.of(rig, "scope")
        with pytest.raises(Expired, match="sales_order_save") as caught:
            await connector.write("sales_order", "create", [write(papers.order(1))])
        assert caught.value.cure
        check = await connector.check()
        assert [(f.what, f.detail) for f in check.findings if not f.ok] == [("Rights", "sales_order_save")]


async def test_the_check_says_what_is_missing() -> None:
    async with accurate_rig() as rig:
        connector = rig.built(item_shipping="TIDAK-ADA", account_refunds="")
        check = await connector.check()
        assert {f.what for f in check.findings if not f.ok} == {"Items", "Refunds"}
        assert all(f.cure for f in check.findings if not f.ok)


async def test_a_wrong_signature_is_expired_with_a_cure() -> None:
    async with accurate_rig(api_token=True) as rig:
        connector = rig.built(signature_secret="another")
        with pytest.raises(Expired) as caught:
            await connector.find("sales_order", ["KIT-x"])
        assert caught.value.cure


def test_the_settings_are_looked_at() -> None:
    tools = Tools("buku", ZONE, None, time.time)
    for settings, said in (
        ({}, "client_id"),
        ({"api_token": API_TOKEN}, "signature_secret"),
        ({"client_id": "a", "client_secret": "b", "database": "PT"}, "database"),
        ({"client_id": "a", "client_secret": "b", "rate": "9"}, "rate"),
        ({"client_id": "a", "client_secret": "b", "batch": "101"}, "batch"),
    ):
        with pytest.raises(ValueError, match=said):
            accurate.build(settings, tools)
    assert database_of(API_TOKEN) == "9173"
    assert database_of("aat.x.!!") == database_of("plain") == ""
