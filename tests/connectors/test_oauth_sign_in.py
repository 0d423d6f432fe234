"""Signing in by OAuth 2.0 against a real local sign-in server, revoking, and what is never shown."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from selaras.connectors.contract import Expired
from selaras.connectors.oauth import OAuth, SignIn
from tests.connectors.kit_signin import MemoryTokenStore
from tests.connectors.oauth_scene import Scene, scene


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
