"""Signing in to the sandbox books: every flow, and every way in which one is refused."""

from __future__ import annotations

import base64

import aiohttp
import pytest

from tests.sandbox.books_client import running


async def test_client_credentials_give_a_token_that_works() -> None:
    async with running(signed_in=False) as client:
        answer = await client.sign_in()
        assert answer["token_type"] == "Bearer"
        assert answer["expires_in"] == 86_400
        assert "refresh_token" not in answer
        status, company = await client.get("company")
        assert (status, company["currency"], company["zone"]) == (200, "IDR", "Asia/Jakarta")


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "client_credentials", "client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "never"}, 400, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "never"}, 400, "invalid_grant"),
    ],
)
async def test_the_token_endpoint_refuses(form: dict[str, str], status: int, error: str) -> None:
    async with running(seeded=False, signed_in=False) as client:
        found, answer = await client.token_call(**form)
        assert (found, answer["error"]) == (status, error)
        assert (await client.truth("calls"))["tokens"]["issued"] == 0


async def test_the_client_may_show_itself_by_basic() -> None:
    async with running(seeded=False, signed_in=False) as client:
        config = client.server.config
        url = f"{client.server.url}/oauth/token"
        form = {"grant_type": "client_credentials"}
        for secret, expected in ((config.client_secret, 200), ("wrong", 401)):
            proof = aiohttp.encode_basic_auth(config.client_id, secret)
            async with client.session.post(url, data=form, headers={"Authorization": proof}) as answer:
                assert answer.status == expected
        broken = "Basic " + base64.b64encode(b"\xff\xfe").decode()
        async with client.session.post(url, data=form, headers={"Authorization": broken}) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic")


async def test_authorization_code_with_pkce_and_state() -> None:
    async with running(signed_in=False) as client:
        status, query, verifier = await client.authorize()
        assert status == 302
        assert query["state"] == "st&te ä", "the state comes back as it went"
        form = {
            "grant_type": "authorization_code",
            "code": query["code"],
            "redirect_uri": "http://127.0.0.1:9/back",
        }
        assert (await client.token_call(**form, code_verifier="x" * 43))[1]["error"] == "invalid_grant"
        other = form | {"redirect_uri": "http://127.0.0.1:9/elsewhere"}
        assert (await client.token_call(**other, code_verifier=verifier))[1]["error"] == "invalid_grant"
        status, answer = await client.token_call(**form, code_verifier=verifier)
        assert status == 200
        assert answer["refresh_token"]
        client.token = answer["access_token"]
        assert (await client.get("company"))[0] == 200


async def test_a_code_used_twice_takes_the_tokens_of_its_first_use_back() -> None:
    async with running(signed_in=False) as client:
        _, query, verifier = await client.authorize()
        form = {
            "grant_type": "authorization_code",
            "code": query["code"],
            "redirect_uri": "http://127.0.0.1:9/back",
            "code_verifier": verifier,
        }
        _, answer = await client.token_call(**form)
        client.token = answer["access_token"]
        assert (await client.get("company"))[0] == 200
        assert (await client.token_call(**form))[1]["error"] == "invalid_grant"
        assert (await client.get("company"))[0] == 401


@pytest.mark.parametrize(
    "changes",
    [{"code_challenge_method": "plain"}, {"code_challenge": "short"}, {"code_challenge": ""}],
)
async def test_pkce_s256_is_required(changes: dict[str, str]) -> None:
    async with running(seeded=False, signed_in=False) as client:
        status, query, _ = await client.authorize(**changes)
        assert (status, query["error"]) == (302, "invalid_request")
        assert "code" not in query


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "stranger"},
        {"redirect_uri": "https://evil.example/back"},
        {"redirect_uri": "http://127.0.0.1.evil.example/"},
        {"redirect_uri": ""},
        {"redirect_uri": "javascript:alert(1)"},
    ],
)
async def test_nobody_is_redirected_to_an_unknown_place(changes: dict[str, str]) -> None:
    async with running(seeded=False, signed_in=False) as client:
        status, query, _ = await client.authorize(**changes)
        assert (status, query) == (400, {})


async def test_a_person_sees_a_page_with_two_buttons() -> None:
    async with running(seeded=False, signed_in=False, company='Toko "Ibu" <b>') as client:
        url = f"{client.server.url}/oauth/authorize"
        ask = {
            "response_type": "code",
            "client_id": client.server.config.client_id,
            "redirect_uri": "http://localhost:1/back",
            "state": '"><script>',
            "code_challenge": "c" * 43,
            "code_challenge_method": "S256",
        }
        async with client.session.get(url, params=ask) as answer:
            page = await answer.text()
        assert answer.status == 200
        assert "Toko &quot;Ibu&quot; &lt;b&gt;" in page
        assert "<script>" not in page
        for decision, name in (("allow", "code="), ("deny", "error=access_denied"), ("", "error=access_denied")):
            form = ask | {"decision": decision}
            async with client.session.post(url, data=form, allow_redirects=False) as answer:
                assert answer.status == 302
                assert name in answer.headers["Location"]


async def test_a_refresh_token_works_once_and_its_reuse_kills_the_grant() -> None:
    async with running(signed_in=False) as client:
        first = await client.consent()
        form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        status, second = await client.token_call(**form)
        assert status == 200
        assert second["refresh_token"] != first["refresh_token"]
        assert (await client.token_call(**form))[1]["error"] == "invalid_grant"
        client.token = second["access_token"]
        assert (await client.get("company"))[0] == 401, "the thief may be the one with the newer token"
        form["refresh_token"] = second["refresh_token"]
        assert (await client.token_call(**form))[1]["error"] == "invalid_grant"
        tokens = (await client.truth("calls"))["tokens"]
        assert (tokens["refreshes"], tokens["reused"], tokens["revoked"]) == (1, 1, 1)


async def test_reuse_without_the_switch_only_refuses() -> None:
    async with running(signed_in=False, revoke_on_reuse=False) as client:
        first = await client.consent()
        form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        _, second = await client.token_call(**form)
        assert (await client.token_call(**form))[1]["error"] == "invalid_grant"
        client.token = second["access_token"]
        assert (await client.get("company"))[0] == 200


async def test_a_lost_answer_to_a_refresh_is_forgiven_for_a_while_where_the_books_say_so() -> None:
    async with running(signed_in=False, refresh_grace=0.3) as client:
        client.pass_time(0)
        first = await client.consent()
        form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        for _ in range(2):
            status, again = await client.token_call(**form)
            assert status == 200
            client.token = again["access_token"]
            assert (await client.get("company"))[0] == 200
        client.pass_time(0.35)
        assert (await client.token_call(**form))[1]["error"] == "invalid_grant"


async def test_refresh_tokens_that_do_not_rotate() -> None:
    async with running(signed_in=False, single_use_refresh=False) as client:
        first = await client.consent()
        form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        for _ in range(3):
            status, answer = await client.token_call(**form)
            assert status == 200
            assert "refresh_token" not in answer


async def test_access_tokens_expire_and_a_refresh_helps() -> None:
    async with running(signed_in=False, access_seconds=0.2) as client:
        client.pass_time(0)
        first = await client.consent()
        client.pass_time(0.25)
        status, answer = await client.get("company")
        assert (status, answer["error"]) == (401, "unauthorized")
        form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        _, second = await client.token_call(**form)
        client.token = second["access_token"]
        assert (await client.get("company"))[0] == 200


@pytest.mark.parametrize("token", ["", "nonsense"])
async def test_calls_without_a_living_token_are_refused(token: str) -> None:
    async with running(seeded=False, signed_in=False) as client:
        head = {"Authorization": f"Bearer {token}"} if token else {}
        async with client.session.get(f"{client.server.url}/api/company", headers=head) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert ("invalid_token" in answer.headers["WWW-Authenticate"]) is bool(token)


async def test_the_admin_can_expire_tokens_and_revoke_the_grant() -> None:
    async with running(signed_in=False) as client:
        first = await client.consent()
        assert (await client.admin("expire", {}))[1] == {"expired": 1}
        assert (await client.get("company"))[0] == 401
        form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        _, second = await client.token_call(**form)
        client.token = second["access_token"]
        assert (await client.get("company"))[0] == 200
        assert (await client.admin("revoke", {}))[1] == {"revoked": 1}
        assert (await client.get("company"))[0] == 401
        form["refresh_token"] = second["refresh_token"]
        assert (await client.token_call(**form))[1]["error"] == "invalid_grant"


async def test_the_client_can_revoke() -> None:
    async with running(signed_in=False) as client:
        first = await client.consent()
        url = f"{client.server.url}/oauth/revoke"
        async with client.session.post(url, data={"token": first["refresh_token"]}) as answer:
            assert answer.status == 401, "only the client itself may"
        form = client.credentials() | {"token": "unknown"}
        async with client.session.post(url, data=form) as answer:
            assert answer.status == 200, "RFC 7009: an unknown token is gone already"
        form["token"] = first["refresh_token"]
        async with client.session.post(url, data=form) as answer:
            assert answer.status == 200
        assert (await client.get("company"))[0] == 401


async def test_the_fault_expires_exactly_the_token_of_the_request() -> None:
    async with running() as client:
        old = client.token
        await client.sign_in()
        await client.admin("faults", {"expire_tokens": 1})
        assert (await client.get("company", old))[0] == 401
        await client.admin("faults", {"expire_tokens": 0})
        assert (await client.get("company", old))[0] == 401
        assert (await client.get("company"))[0] == 200
