"""The HTTP client's rules: waiting when asked to, credentials, where requests may go and when they may start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from email.utils import formatdate

import pytest
from aiohttp import web

from selaras.connectors.answers import Response
from selaras.connectors.contract import Ambiguous, Expired, Rate, Throttled, Transient
from selaras.connectors.http import REFRESHES, BasicAuth, FixedHeaders, Http, StaticBearer, finish_by
from selaras.connectors.limiter import Limiter
from tests.connectors.kit_servers import both, calling, served, spoken, whole_request

# -- waiting when asked to --------------------------------------------------------------------------------------

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "1.5"}, 2.0),
        ({"Retry-After": "1.0"}, 1.0),
        ({"Retry-After": "86400"}, 3600.0),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "soon"}, 5.0),
        ({"Retry-After": "nan"}, 5.0),
        ({}, 5.0),
        ({"Retry-After": formatdate(NOW + 90, usegmt=True), "Date": formatdate(NOW, usegmt=True)}, 90.0),
        # Our clock is an hour off: the answer's own Date counts.
        ({"Retry-After": formatdate(NOW + 3690, usegmt=True), "Date": formatdate(NOW + 3600, usegmt=True)}, 90.0),
    ],
)
async def test_a_refusal_says_how_long_to_wait(headers: Mapping[str, str], seconds: float) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=429, headers=headers)

    now = [0.0]
    limiter = Limiter(Rate(per_second=1000, burst=10), clock=lambda: now[0])
    now[0] = 1.0
    async with served(handler) as url, calling(url, limiter=limiter, clock=lambda: NOW) as http:
        with pytest.raises(Throttled) as caught:
            await http.request("POST", "/x", body=b"{}", effect=True)
    assert caught.value.retry_after == pytest.approx(seconds)
    assert limiter._paused_until - now[0] == pytest.approx(seconds)


@pytest.mark.parametrize(("status", "kind"), [(408, Throttled), (425, Throttled), (503, Throttled)])
async def test_other_refusals_that_ask_to_wait(status: int, kind: type[Exception]) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Retry-After": "2"})

    async with served(handler) as url:
        read, write = await both(url)
    assert type(read) is kind
    assert type(write) is kind


# -- credentials ------------------------------------------------------------------------------------------------


class Turning:
    """An Auth whose refresh gives the next token of a list."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.refused: list[str] = []

    async def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.tokens[0]}"}

    async def refresh(self, stale: str) -> bool:
        self.refused.append(stale)
        if len(self.tokens) == 1:
            return False
        self.tokens.pop(0)
        return True


async def accepts_only_good(request: web.Request) -> web.Response:
    return web.Response(status=200 if request.headers.get("Authorization") == "Bearer good" else 401)


async def test_401_is_refreshed_once_in_silence() -> None:
    auth = Turning("old", "good")
    async with served(accepts_only_good) as url, calling(url, auth=auth) as http:
        assert (await http.request("POST", "/x", body=b"{}", effect=True)).status == 200
        assert http.calls == 2
    assert auth.refused == ["Bearer old"]


async def test_401_of_credentials_that_ended_again_meanwhile_is_refreshed_again() -> None:
    """A second refusal is no verdict: what another call has just got may have been ended too."""
    auth = Turning("old", "ended", "ended too", "good")
    async with served(accepts_only_good) as url, calling(url, auth=auth) as http:
        assert (await http.request("POST", "/x", body=b"{}", effect=True)).status == 200
        assert http.calls == 1 + REFRESHES
    assert auth.refused == ["Bearer old", "Bearer ended", "Bearer ended too"]


async def test_401_after_every_refresh_is_expired_with_a_cure() -> None:
    auth = Turning("old", *["bad"] * REFRESHES, "good")
    async with served(accepts_only_good) as url, calling(url, auth=auth, name="Toko") as http:
        with pytest.raises(Expired) as caught:
            await http.request("GET", "/x", effect=False)
        assert http.calls == 1 + REFRESHES
    assert "Toko" in caught.value.message
    assert caught.value.cure
    assert len(auth.refused) == REFRESHES


async def test_401_is_expired_at_once_when_nothing_new_can_be_got() -> None:
    auth = Turning("old", "bad")
    async with served(accepts_only_good) as url, calling(url, auth=auth) as http:
        with pytest.raises(Expired):
            await http.request("GET", "/x", effect=False)
        assert http.calls == 2


@pytest.mark.parametrize("auth", [None, StaticBearer("bad"), BasicAuth("u", "p"), FixedHeaders({"X-Key": "k"})])
async def test_401_without_a_refresh_is_expired_at_once(auth: StaticBearer | None) -> None:
    async with served(accepts_only_good) as url, calling(url, auth=auth) as http:
        with pytest.raises(Expired):
            await http.request("GET", "/x", effect=False)
        assert http.calls == 1


async def test_basic_credentials_and_own_headers_arrive() -> None:
    async def handler(request: web.Request) -> web.Response:
        names = ("Authorization", "X-Shop", "Content-Type")
        return web.json_response({n: request.headers.getall(n, []) for n in names})

    async with (
        served(handler) as url,
        calling(url, auth=BasicAuth("ck_é", "cs:1"), headers={"X-Shop": "s"}) as http,
    ):
        csv = {"content-type": "text/csv"}
        got = (await http.request("PUT", "/x", body=b"a", headers=csv, effect=True)).json()
    assert got == {"Authorization": ["Basic Y2tfw6k6Y3M6MQ=="], "X-Shop": ["s"], "Content-Type": ["text/csv"]}


async def test_a_request_can_be_signed_over_what_goes_on_the_wire() -> None:
    seen: list[tuple[str, str, bytes]] = []

    def sign(method: str, target: str, body: bytes) -> Mapping[str, str]:
        seen.append((method, target, body))
        return {"X-Sign": "s1"}

    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.method} {request.raw_path} {request.headers['X-Sign']}")

    async with served(handler) as url, calling(url + "/api", sign=sign) as http:
        answer = await http.request("POST", "/o", params={"a": "b c"}, body=b"{}", effect=True)
    assert answer.body == b"POST /api/o?a=b%20c s1"
    assert seen == [("POST", "/api/o?a=b%20c", b"{}")]


# -- where it goes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example",
        "shop.example",
        "ftp://shop.example",
        "https://user:pw@shop.example",
        "https://shop.example/?x=1",
        "https://shop.example/#f",
        "https://",
        "https://shop.example:port",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://[::2]",
    ],
)
def test_an_address_unfit_for_credentials_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        Http(url)


@pytest.mark.parametrize(
    "url",
    ["https://shop.example", "http://localhost:8080/api", "http://127.3.2.1", "http://[::1]:80", "http://a.localhost"],
)
def test_https_and_this_machine_are_fine(url: str) -> None:
    assert Http(url).base_url == url


def test_plain_http_elsewhere_only_when_allowed() -> None:
    assert Http("http://books.lan:8069", allow_plain=True).name == "books.lan"


async def test_a_redirect_is_followed_only_within_the_origin_and_only_when_asked() -> None:
    elsewhere: list[str] = []

    async def other(request: web.Request) -> web.Response:
        elsewhere.append(request.headers.get("Authorization", ""))
        return web.Response()

    async with served(other) as away:

        async def handler(request: web.Request) -> web.Response:
            body = await request.read()
            places = {
                "/away": away + "/x",
                "/here": "/end?x=1",
                "/loop": "/loop?s=308",
                "/abs": f"{request.url.origin()}/end",
            }
            if request.path in places:
                return web.Response(status=int(request.query["s"]), headers={"Location": places[request.path]})
            return web.Response(text=f"{request.method} {request.raw_path} {body.decode()}")

        async with served(handler) as url, calling(url, auth=StaticBearer("t")) as http:

            async def go(path: str, s: int, follow: bool = True, effect: bool = True) -> tuple[int, bytes]:
                answer = await http.request("POST", path, params={"s": s}, body=b"b", effect=effect, follow=follow)
                return answer.status, answer.body

            assert await go("/here", 308, follow=False) == (308, b"")
            assert await go("/here", 308) == (200, b"POST /end?x=1 b")
            assert await go("/abs", 307) == (200, b"POST /end b")
            assert (await go("/away", 308))[0] == 308
            assert (await go("/away", 302, effect=False))[0] == 302
            assert (await go("/here", 302))[0] == 302  # a write would turn into a read
            assert (await go("/loop", 308))[0] == 308
    assert elsewhere == []


async def test_nothing_starts_that_could_outlive_the_lease() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response()

    now = 100.0
    async with served(handler) as url, calling(url, timeout=10.0, clock=lambda: now) as http:
        with finish_by(110.0):
            assert (await http.request("GET", "/x", effect=False)).status == 200
        with finish_by(109.9):
            with pytest.raises(Transient) as caught:
                await http.request("POST", "/x", body=b"{}", effect=True)
            assert (await http.request("POST", "/x", body=b"{}", effect=True, timeout=5.0)).status == 200
        assert caught.value.code == "no_time"
        assert http.calls == 2
        assert (await http.request("GET", "/x", effect=False)).status == 200


async def test_connections_are_kept_and_calls_counted() -> None:
    peers: set[object] = set()

    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response(headers={"Set-Cookie": "session=1"}, text=request.headers.get("Cookie", ""))

    async with served(handler) as url, calling(url) as http:
        for _ in range(5):
            assert (await http.request("POST", "/x", body=b"{}", effect=True)).body == b""
        assert http.calls == 5
    assert len(peers) == 1
    with pytest.raises(RuntimeError):
        await http.request("GET", "/x", effect=False)


async def test_no_credential_stands_in_an_error_or_a_repr() -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await whole_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nBad Header\x00: x\r\n\r\n")
        await writer.drain()

    secret = "s3cr3t-t0ken"
    async with spoken(garbage) as url, calling(url, auth=StaticBearer(secret)) as http:
        query = {"consumer_secret": secret}
        with pytest.raises(Ambiguous) as caught:
            await http.request("POST", "/x", params=query, body=secret.encode(), effect=True)
        error: BaseException | None = caught.value
        while error is not None:
            assert secret not in repr(error)
            assert secret not in str(error)
            assert secret not in str(vars(error))
            error = error.__cause__ or error.__context__
        assert secret not in repr(http)
        assert secret not in repr(http.auth)


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("Fri, 20 Nov 2026 10:00:05 GMT", 1795168805),
        # Mail's way to say "UTC, and nothing of where we are" is no time of this machine's zone.
        ("Fri, 20 Nov 2026 10:00:05 -0000", 1795168805),
        ("Fri, 20 Nov 2026 17:00:05 +0700", 1795168805),
        ("Fri, 20 Nov 99999 10:00:05 GMT", None),
        ("gestern", None),
        ("", None),
    ],
)
def test_the_clock_of_the_other_side(monkeypatch: pytest.MonkeyPatch, date: str, at: int | None) -> None:
    monkeypatch.setenv("TZ", "Asia/Jakarta")
    time.tzset()
    try:
        assert Response(200, {"date": date}, b"").served_at == at
    finally:
        monkeypatch.undo()
        time.tzset()
