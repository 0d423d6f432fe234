"""OAuth 2.0 against a real local sign-in server: refresh once, store before use, and end in a clear sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from aiohttp import web

from selaras.connectors.contract import Expired, Throttled, Transient
from selaras.connectors.http import Http
from selaras.connectors.oauth import OAuth, SignIn, Token
from tests.connectors.kit_servers import nobody, served
from tests.connectors.kit_signin import MemoryTokenStore, SignInServer

NOW = 1_800_000_000.0


class Clock:
    """Unix time that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Scene:
    """A sign-in server, a store, a clock, and an OAuth between them."""

    def __init__(self, url: str, server: SignInServer) -> None:
        self.url = url
        self.server = server
        self.clock = Clock()
        self.store = MemoryTokenStore()
        self._made: list[OAuth | Http] = []

    def oauth(self, **settings: Any) -> OAuth:
        values: dict[str, Any] = {
            "connection": "Buku Toko",
            "authorize_url": self.url + "/authorize",
            "revoke_url": self.url + "/revoke",
            "redirect_uri": "https://hub.example/back",
            "scope": "sales stock",
            "clock": self.clock,
            **settings,
        }
        made = OAuth("id+1", values.pop("secret", "s/e:c"), self.url + "/token", self.store, **values)
        self._made.append(made)
        return made

    def http(self, oauth: OAuth) -> Http:
        made = Http(self.url, auth=oauth)
        self._made.append(made)
        return made

    def signed_in(self, **fields: Any) -> Token:
        """The store holds the server's present pair, as after a sign-in an hour long."""
        pair = self.server.grant()
        token = Token(
            access=pair["access_token"],
            refresh=pair.get("refresh_token", ""),
            issued_at=self.clock.now,
            expires_at=self.clock.now + 3600,
        )
        self.store.token = token = msgspec.structs.replace(token, **fields)
        return token

    async def close(self) -> None:
        for made in self._made:
            await made.close()


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    server = SignInServer()
    async with served(server.handle) as url:
        made = Scene(url, server)
        try:
            yield made
        finally:
            await made.close()


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


# -- signing in -------------------------------------------------------------------------------------------------


def agree(s: Scene, sign_in: SignIn) -> str:
    """The person agrees: the code that the browser brings back."""
    query = {k: v[0] for k, v in parse_qs(urlsplit(sign_in.url).query).items()}
    assert query["response_type"] == "code"
    assert query["client_id"] == "id+1"
    assert query["redirect_uri"] == "https://hub.example/back"
    assert query["scope"] == "sales stock"
    assert query["code_challenge_method"] == "S256"
    assert query["state"] == sign_in.state
    s.server.codes["code-1"] = query["code_challenge"]
    return "code-1"


@pytest.mark.parametrize(
    ("server", "settings", "days"),
    [
        ({}, {}, 0),
        ({"more": {"refresh_token_expires_in": 86400 * 12}}, {"grant_days": 60.0}, 12),
        ({}, {"grant_days": 60.0}, 60),
        ({"rotate": False, "life": 86400 * 15}, {}, 15),
        ({}, {"grant": "client_credentials", "grant_days": 60.0}, 0),
    ],
)
async def test_what_is_kept_says_when_somebody_has_to_sign_in_again(
    server: dict[str, Any], settings: dict[str, Any], days: int
) -> None:
    """Whoever watches grants reads the store: a lifetime that only the documentation states must be there, too."""
    async with scene() as s:
        vars(s.server).update(server)
        oauth = s.oauth(**settings)
        if "grant" in settings:
            await oauth.headers()
        else:
            begun = oauth.authorization_url()
            await oauth.exchange(agree(s, begun), begun.state, begun.state, begun.verifier)
        assert s.store.token is not None
        assert s.store.token.refresh_expires_at == (s.clock.now + 86400 * days if days else 0)


@pytest.mark.parametrize("client_auth", ["basic", "body"])
async def test_sign_in_with_pkce(client_auth: str) -> None:
    async with scene() as s:
        oauth = s.oauth(client_auth=client_auth)
        sign_in = oauth.authorization_url()
        assert 43 <= len(sign_in.verifier) <= 128
        code = agree(s, sign_in)
        token = await oauth.exchange(code, sign_in.state, sign_in.state, sign_in.verifier)
        assert s.store.token == token
        assert s.server.asked[0]["client_id"] == "id+1"
        assert (await s.http(oauth).request("GET", "/api", effect=False)).status == 200


async def test_a_sign_in_of_somebody_else_is_refused() -> None:
    async with scene() as s:
        oauth = s.oauth()
        mine, other = oauth.authorization_url(), oauth.authorization_url()
        assert mine.state != other.state
        code = agree(s, other)
        for state, expected in ((other.state, mine.state), ("", ""), (other.state, "")):
            with pytest.raises(Expired) as caught:
                await oauth.exchange(code, state, expected, other.verifier)
            assert caught.value.code == "state_mismatch"
        assert s.server.asked == []
        with pytest.raises(Expired):
            await oauth.exchange(code, other.state, other.state, mine.verifier)
        assert s.store.token is None


async def test_revoking_ends_it_on_both_sides() -> None:
    async with scene() as s:
        s.signed_in()
        oauth = s.oauth()
        await oauth.headers()
        await oauth.revoke()
        assert s.server.revoked == ["refresh-1"]
        with pytest.raises(Expired):
            await oauth.headers()
        sign_in = oauth.authorization_url()
        await oauth.exchange(agree(s, sign_in), sign_in.state, sign_in.state, sign_in.verifier)
        assert await oauth.headers() == {"Authorization": "Bearer access-2"}


def test_addresses_without_encryption_are_refused_at_once() -> None:
    with pytest.raises(ValueError):
        OAuth("i", "s", "http://books.example/token", MemoryTokenStore(), connection="B")
    with pytest.raises(ValueError):
        OAuth(
            "i",
            "s",
            "https://books.example/token",
            MemoryTokenStore(),
            connection="B",
            authorize_url="http://books.example/authorize",
        )


async def test_tokens_and_secrets_stand_in_no_repr_and_no_error() -> None:
    async with scene() as s:
        token = s.signed_in()
        oauth = s.oauth()
        sign_in = oauth.authorization_url()
        s.server.grant()
        s.clock.now += 3600
        with pytest.raises(Expired) as caught:
            await oauth.headers()
        secrets = [token.access, token.refresh, "s/e:c", sign_in.state, sign_in.verifier]
        error: BaseException | None = caught.value
        texts = [repr(oauth), repr(token), str(token), repr(sign_in), f"{token!r}", str(token.__rich_repr__())]
        while error is not None:
            texts += [repr(error), str(error), str(vars(error))]
            error = error.__cause__ or error.__context__
        for text in texts:
            assert not [secret for secret in secrets if secret in text]
