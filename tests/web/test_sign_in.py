"""Who may see and do what: the set-up link, the password, sessions, form tokens, the local token, the headers."""

from __future__ import annotations

import stat
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from selaras.ledger.values import NewPosting, RecordKey, State
from selaras.web.passwords import Attempts, local_token
from selaras.web.sessions import COOKIE, LENGTH
from tests.web.stage import PASSWORD, Stage, a_stage

PAGES = ("/", "/coverage", "/blocked", "/waiting", "/events", "/connections", "/find", "/demo", "/orders/toko/1")


async def test_without_a_password_pages_say_how_to_choose_one(stage: Stage) -> None:
    status, html = await stage.page("/")
    assert status == 200
    assert "one-time link" in html
    assert stage.app.context.passwords.code not in html


async def test_the_set_up_link_works_once(stage: Stage) -> None:
    code = stage.app.context.passwords.code
    async with stage.http.get(f"{stage.url}/setup?code={code}x") as answer:
        assert 'name="password"' not in await answer.text()
    await stage.set_up()
    assert (await stage.page("/"))[0] == 200
    async with stage.http.get(f"{stage.url}/setup?code={code}", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/sign-in")
    assert stage.app.context.passwords.code == ""


async def test_nobody_chooses_a_password_without_the_code(stage: Stage) -> None:
    _status, html = await stage.page(f"/setup?code={stage.app.context.passwords.code}")
    token = html.split('name="form_token" value="')[1].split('"')[0]
    fields = {"form_token": token, "code": "guessed", "password": PASSWORD, "again": PASSWORD}
    async with stage.http.post(f"{stage.url}/setup", data=fields) as answer:
        assert answer.status == 403
    assert not stage.app.context.passwords.known


@pytest.mark.parametrize(
    ("password", "again", "told"),
    [
        ("short", "short", "At least 12"),
        ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "Too few"),
        (PASSWORD, PASSWORD + "!", "differ"),
        ("x" * 300, "x" * 300, "At most 256"),
    ],
)
async def test_passwords_that_will_not_do(stage: Stage, password: str, again: str, told: str) -> None:
    answer = await stage.form(f"/setup?code={stage.app.context.passwords.code}", password=password, again=again)
    assert answer.status == 400
    assert told in await answer.text()
    assert not stage.app.context.passwords.known


async def test_in_and_out(stage: Stage) -> None:
    await stage.set_up()
    async with stage.http.get(f"{stage.url}/") as answer:
        html = await answer.text()
    token = html.split('action="/sign-out"')[1].split('value="')[1].split('"')[0]
    kept = {cookie.key: cookie.value for cookie in stage.http.cookie_jar}[COOKIE]
    async with stage.http.post(f"{stage.url}/sign-out", data={"form_token": token}, allow_redirects=False) as answer:
        assert answer.status == 303
    # A cookie that somebody copied before is worth nothing either.
    async with stage.http.get(f"{stage.url}/", headers={"Cookie": f"{COOKIE}={kept}"}, allow_redirects=False) as answer:
        assert answer.status == 303
    wrong = await stage.form("/sign-in", password="not the password")
    assert wrong.status == 401
    assert "That is not the password" in await wrong.text()
    right = await stage.form("/sign-in?next=/blocked", password=PASSWORD)
    assert (right.status, right.headers["Location"]) == (303, "/blocked")
    assert (await stage.page("/blocked"))[0] == 200


async def test_the_cookie_is_out_of_reach(tmp_path: Path) -> None:
    async with a_stage(tmp_path, public_url="https://hub.example.id") as stage:
        code = stage.app.context.passwords.code
        # The jar would not send a Secure cookie back over http, so the visitor's cookie is sent by hand.
        async with stage.http.get(f"{stage.url}/setup?code={code}") as answer:
            html, visitor = await answer.text(), answer.headers["Set-Cookie"].split(";")[0]
        token = html.split('name="form_token" value="')[1].split('"')[0]
        fields = {"form_token": token, "code": code, "password": PASSWORD, "again": PASSWORD}
        async with stage.http.post(
            f"{stage.url}/setup", data=fields, headers={"Cookie": visitor}, allow_redirects=False
        ) as answer:
            parts = [part.strip() for part in answer.headers["Set-Cookie"].split(";")]
        assert parts[0].startswith(f"{COOKIE}=")
        assert {"HttpOnly", "SameSite=Strict", "Secure", "Path=/", f"Max-Age={LENGTH}"} <= set(parts)


async def test_a_session_ends(stage: Stage) -> None:
    await stage.set_up()
    stage.clock.ahead = LENGTH + 1
    async with stage.http.get(f"{stage.url}/", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/sign-in?next=%2F")


async def test_another_password_signs_everybody_else_out(stage: Stage) -> None:
    await stage.set_up()
    kept = {cookie.key: cookie.value for cookie in stage.http.cookie_jar}[COOKIE]
    new = {"password": "teh manis di Bandung", "again": "teh manis di Bandung"}
    wrong = await stage.form("/password", old="guess of a thief", **new)
    assert wrong.status == 400
    changed = await stage.form("/password", old=PASSWORD, **new)
    assert changed.status == 303
    assert (await stage.page("/"))[0] == 200
    async with aiohttp.ClientSession() as other:
        headers = {"Cookie": f"{COOKIE}={kept}"}
        async with other.get(f"{stage.url}/", headers=headers, allow_redirects=False) as answer:
            assert answer.status == 303


async def test_sign_in_leads_nowhere_else(stage: Stage) -> None:
    await stage.set_up()
    for onward in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", ""):
        stage.http.cookie_jar.clear()
        answer = await stage.form(f"/sign-in?next={quote(onward, safe='')}", password=PASSWORD)
        assert (onward, answer.status, answer.headers["Location"]) == (onward, 303, "/")


async def test_guessing_is_slowed_down_and_the_right_password_waits_too(stage: Stage) -> None:
    await stage.set_up()
    stage.http.cookie_jar.clear()
    answers = [(await stage.form("/sign-in", password=f"guess number {n}")).status for n in range(6)]
    assert answers == [401] * 5 + [429]
    blocked = await stage.form("/sign-in", password=PASSWORD)
    assert blocked.status == 429
    assert int(blocked.headers["Retry-After"]) > 60
    stage.clock.ahead = 901
    assert (await stage.form("/sign-in", password=PASSWORD)).status == 303


def test_many_addresses_are_slowed_down_together() -> None:
    now = 1000.0
    attempts = Attempts(lambda: now, each=5, total=10)
    for n in range(10):
        assert attempts.wait(f"10.0.0.{n}") == 0
        attempts.failed(f"10.0.0.{n}")
    assert attempts.wait("10.0.0.200") == 900
    now += 901
    assert attempts.wait("10.0.0.200") == 0


@pytest.mark.parametrize("given", [None, "forged"])
async def test_forms_from_elsewhere_are_refused(stage: Stage, given: str | None) -> None:
    await stage.set_up()
    fields = {"password": PASSWORD, "again": PASSWORD, "old": PASSWORD, "cause": "x"}
    if given:
        fields["form_token"] = given
    for path in ("/sign-in", "/setup", "/password", "/sign-out", "/blocked/retry"):
        async with stage.http.post(stage.url + path, data=fields, allow_redirects=False) as answer:
            assert (path, answer.status) == (path, 403)


async def test_a_form_that_another_site_sends_is_refused_even_with_its_token(stage: Stage) -> None:
    await stage.set_up()
    _status, html = await stage.page("/")
    token = html.split('name="form_token" value="')[1].split('"')[0]
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        async with stage.http.post(f"{stage.url}/sign-out", data={"form_token": token}, headers=headers) as answer:
            assert answer.status == 403
    assert (await stage.page("/password"))[0] == 200


async def test_pages_are_for_those_who_signed_in(stage: Stage) -> None:
    await stage.set_up()
    stage.http.cookie_jar.clear()
    for path in PAGES:
        async with stage.http.get(stage.url + path, allow_redirects=False) as answer:
            assert (path, answer.status) == (path, 303)
            assert answer.headers["Location"].startswith("/sign-in?next=")


async def test_the_api_wants_the_token_or_a_person(stage: Stage) -> None:
    nobody: dict[str, str] = {}
    for headers in (nobody, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {stage.app.context.token}"}):
        status, problem = await stage.api("/coverage", headers=headers)
        assert (status, problem["status"]) == (401, 401)
        assert problem["cure"]
    assert (await stage.api("/coverage"))[0] == 200
    await stage.set_up()
    assert (await stage.api("/coverage", headers=nobody))[0] == 200
    assert (await stage.api("/sweep", {}, headers=nobody))[0] == 403
    nonce = stage.app.context.sessions.read({c.key: c.value for c in stage.http.cookie_jar}[COOKIE])
    assert nonce is not None
    token = stage.app.context.sessions.form_token(nonce.nonce)
    assert (await stage.api("/undo", {"kind": "bank", "subject": "x"}, headers={"X-CSRF-Token": token}))[0] == 422


async def test_an_open_installation_may_be_read_and_not_changed(tmp_path: Path) -> None:
    async with a_stage(tmp_path, open_read=True) as stage:
        for path in ("/", "/blocked", "/connections", "/api/v1/coverage", "/metrics"):
            assert (await stage.page(path))[0] == 200
        assert (await stage.api("/sweep", {}, headers={}))[0] == 401
        async with stage.http.post(f"{stage.url}/blocked/retry", data={"cause": "x"}) as answer:
            assert answer.status == 403


async def test_an_open_installation_does_not_answer_to_other_names(tmp_path: Path) -> None:
    """A page of another site that points its own name at this machine must not read along."""
    async with a_stage(tmp_path, open_read=True, public_url="http://demo.example.id") as stage:
        for host, status in (("evil.example", 421), ("demo.example.id", 200), ("localhost:1", 200), ("[::1]:8", 200)):
            assert (await stage.page("/", Host=host))[0] == status


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nowhere", "/api/v1/coverage", "/static/selaras.css", "/metrics"])
async def test_every_answer_is_protected(stage: Stage, path: str) -> None:
    async with stage.http.get(stage.url + path, headers=stage.bearer) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert ("no-store" in headers["Cache-Control"]) == (not path.startswith("/static"))
    assert "Server" not in headers


async def test_https_is_asked_for_where_people_use_it(tmp_path: Path) -> None:
    async with a_stage(tmp_path, public_url="https://hub.example.id") as stage, stage.http.get(stage.url) as answer:
        assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_the_local_token_is_its_owners_and_stays(tmp_path: Path) -> None:
    token = local_token(tmp_path / "data")
    assert len(token) >= 40
    assert stat.S_IMODE((tmp_path / "data" / "token").stat().st_mode) == 0o600
    assert local_token(tmp_path / "data") == token


async def test_a_person_retries_what_is_mended(stage: Stage) -> None:
    await stage.set_up()

    def block() -> None:
        key = RecordKey("toko", "order", "9")
        posting = NewPosting(
            "buku", "toko:9", "problem", 1, "sales_order", "create", key, "9", "d", None, "",
            state=State.BLOCKED, cause="unmatched_product", message="No product.", cure="Match it.",
        )  # fmt: skip
        with stage.ledger.transaction():
            stage.ledger.postings.plan([posting], stage.hub.now())

    await stage.hub.desk(block)
    _status, html = await stage.page("/blocked")
    assert "try all of these again" in html
    done = await stage.form("/blocked", cause="unmatched_product")
    assert done.status == 303
    assert done.headers["Location"] == "/blocked?retried=1"
