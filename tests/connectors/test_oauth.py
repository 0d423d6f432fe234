"""OAuth 2.0 against a real local sign-in server: refresh once, store before use, and end in a clear sentence."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from selaras.connectors.contract import Expired, Throttled, Transient
from selaras.connectors.oauth import OAuth
from tests.connectors.kit_servers import nobody
from tests.connectors.kit_signin import MemoryTokenStore
from tests.connectors.oauth_scene import NOW, scene

# -- refreshing -------------------------------------------------------------------------------------------------


async def test_twenty_workers_and_one_refused_token_make_one_refresh() -> None:
    async with scene() as s:
        s.signed_in()
        s.server.access.clear()
        http = s.http(s.oauth())
        answers = await asyncio.gather(*(http.request("POST", "/api", body=b"", effect=True) for _ in range(20)))
        assert [a.status for a in answers] == [200] * 20
        assert len(s.server.asked) == 1
        assert s.server.seen.count("Bearer access-1") == 20
        assert s.server.seen.count("Bearer access-2") == 20


async def test_twenty_workers_meeting_an_expired_token_make_one_refresh_and_no_refused_call() -> None:
    async with scene() as s:
        s.signed_in()
        s.clock.now += 3600
        http = s.http(s.oauth())
        await asyncio.gather(*(http.request("GET", "/api", effect=False) for _ in range(20)))
        assert len(s.server.asked) == 1
        assert s.server.seen == ["Bearer access-2"] * 20


async def test_several_processes_share_one_refresh() -> None:
    """Four OAuth objects over one store are four processes: only the store's lock stands between them."""
    async with scene() as s:
        s.signed_in()
        s.server.access.clear()
        https = [s.http(s.oauth()) for _ in range(4)]
        await asyncio.gather(*(h.request("GET", "/api", effect=False) for h in https for _ in range(5)))
        assert len(s.server.asked) == 1


async def test_a_new_token_is_durable_before_it_is_used() -> None:
    async with scene() as s:
        s.signed_in()
        s.server.access.clear()

        async def nothing_used_yet() -> None:
            await asyncio.sleep(0.05)
            assert "Bearer access-2" not in s.server.seen

        s.store.saving = nothing_used_yet
        http = s.http(s.oauth())
        await asyncio.gather(*(http.request("GET", "/api", effect=False) for _ in range(5)))
        assert s.store.log == ["saving", "saved"]
        assert s.store.token is not None
        assert (s.store.token.access, s.store.token.refresh) == ("access-2", "refresh-2")


async def test_a_token_that_could_not_be_stored_is_not_used() -> None:
    async with scene() as s:
        s.signed_in()
        s.server.access.clear()

        async def disk_full() -> None:
            raise OSError("no space left on device")

        s.store.saving = disk_full
        http = s.http(s.oauth())
        with pytest.raises(OSError, match="no space"):
            await http.request("GET", "/api", effect=False)
        assert "Bearer access-2" not in s.server.seen


async def test_single_use_refresh_tokens_rotate_again_and_again() -> None:
    async with scene() as s:
        s.signed_in()
        oauth = s.oauth()
        for _ in range(5):
            s.clock.now += 3600
            await oauth.headers()
        assert [f["refresh_token"] for f in s.server.asked] == [f"refresh-{n}" for n in range(1, 6)]
        assert await oauth.headers() == {"Authorization": "Bearer access-6"}


async def test_a_refresh_token_that_is_not_replaced_stays_good() -> None:
    async with scene() as s:
        s.signed_in(extra={"realm": "9"}, refresh_expires_at=NOW + 86400 * 30)
        s.server.rotate = False
        s.clock.now += 3600
        await s.oauth().headers()
        token = s.store.token
        assert token is not None
        assert (token.access, token.refresh, token.extra) == ("access-2", "refresh-1", {"realm": "9"})
        assert token.refresh_expires_at == NOW + 86400 * 30


@pytest.mark.parametrize(
    ("life", "age", "refreshes"),
    [(3600, 3470, 0), (3600, 3481, 1), (30, 20, 0), (30, 25, 1), ("3600", 3481, 1), (None, 86400, 0)],
)
async def test_refresh_happens_ahead_of_expiry(life: int | str | None, age: float, refreshes: int) -> None:
    """120 s ahead; a token that lives shorter than that, in its last fifth; one without a lifetime, when refused."""
    async with scene() as s:
        s.server.life = life
        oauth = s.oauth(grant="client_credentials")
        await oauth.headers()
        s.clock.now += age
        await oauth.headers()
        assert len(s.server.asked) == 1 + refreshes


async def test_while_the_token_is_good_trouble_at_the_token_endpoint_can_wait() -> None:
    async with scene() as s:
        s.signed_in()
        s.clock.now += 3500
        oauth = s.oauth()

        async def down(request: web.Request) -> web.Response:
            return web.Response(status=502)

        s.server.answer = down
        for _ in range(3):
            assert await oauth.headers() == {"Authorization": "Bearer access-1"}
        assert len(s.server.asked) == 1
        s.clock.now += 6
        await oauth.headers()
        assert len(s.server.asked) == 2
        s.clock.now += 100
        with pytest.raises(Transient):
            await oauth.headers()
        s.server.answer = None
        assert await oauth.headers() == {"Authorization": "Bearer access-2"}


async def test_a_cancelled_worker_does_not_throw_the_new_token_away() -> None:
    async with scene() as s:
        s.signed_in()
        s.clock.now += 3600
        oauth = s.oauth()
        worker = asyncio.ensure_future(oauth.headers())
        await asyncio.wait_for(s.server.reached.wait(), 30)
        worker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await worker
        await oauth.close()
        assert s.store.token is not None
        assert s.store.token.access == "access-2"


# -- the end of a grant -----------------------------------------------------------------------------------------


async def test_a_crash_between_refresh_and_save_ends_in_expired_with_the_cure() -> None:
    """The server has rotated, we have not kept it: the next process shows the used token and is told so."""
    async with scene() as s:
        s.signed_in()
        s.server.grant()
        s.clock.now += 3600
        with pytest.raises(Expired) as caught:
            await s.oauth().headers()
        assert caught.value.code == "invalid_grant"
        assert "Buku Toko" in caught.value.message
        assert "Connect it again" in caught.value.cure


async def test_a_lost_answer_is_asked_for_again_and_then_either_works_or_is_expired() -> None:
    async with scene() as s:
        s.signed_in()
        s.clock.now += 3600

        async def lost(request: web.Request) -> web.Response:
            s.server.grant()
            assert request.transport is not None
            request.transport.close()
            return web.Response()

        oauth = s.oauth()
        s.server.answer = lost
        with pytest.raises(Transient) as first:
            await oauth.headers()
        assert first.value.code == "token_unknown"
        s.server.answer = None
        with pytest.raises(Expired):
            await oauth.headers()
        assert len(s.server.asked) == 2


async def test_not_connected_and_without_refresh_token() -> None:
    async with scene() as s:
        oauth = s.oauth()
        with pytest.raises(Expired, match="not signed in"):
            await oauth.headers()
        s.signed_in(refresh="")
        s.clock.now += 3600
        with pytest.raises(Expired, match="has ended"):
            await s.oauth().headers()
        assert s.server.asked == []


async def test_a_wrong_secret_is_named_as_such() -> None:
    async with scene() as s:
        with pytest.raises(Expired) as caught:
            await s.oauth(grant="client_credentials", secret="wrong").headers()
        assert caught.value.code == "invalid_client"
        assert "secret" in caught.value.cure


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, '{"error": "invalid_grant"}', Expired),
        (200, '{"ok": true}', Transient),
        (200, "<html>", Transient),
        (400, "<html>", Expired),
        (403, "<html>blocked</html>", Transient),
        (404, "", Transient),
        (400, '{"error": {"code": 7}}', Expired),
        (400, '{"error": "temporarily_unavailable"}', Transient),
        (500, "", Transient),
        (429, "", Throttled),
    ],
)
async def test_odd_answers_of_the_token_endpoint(status: int, body: str, kind: type[Exception]) -> None:
    async with scene() as s:
        s.signed_in()
        s.clock.now += 3600

        async def odd(request: web.Request) -> web.Response:
            return web.Response(status=status, text=body)

        s.server.answer = odd
        with pytest.raises(kind) as caught:
            await s.oauth().headers()
        assert type(caught.value) is kind


async def test_a_token_endpoint_that_is_away_is_transient() -> None:
    store = MemoryTokenStore()
    oauth = OAuth("i", "s", nobody() + "/token", store, connection="B", grant="client_credentials")
    with pytest.raises(Transient):
        await oauth.headers()
    await oauth.close()


async def test_the_life_of_the_grant_is_read_from_the_answer() -> None:
    async with scene() as s:
        s.signed_in()
        s.server.more = {"x_refresh_token_expires_in": 8640000, "realmId": "123"}
        s.clock.now += 3600
        oauth = s.oauth()
        await oauth.headers()
        assert s.store.token is not None
        assert s.store.token.refresh_expires_at == s.clock.now + 8640000
        assert s.store.token.extra["realmId"] == "123"
