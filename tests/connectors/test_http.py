"""The HTTP client against real local servers: every way a call can go wrong, and what kind of error it becomes."""

from __future__ import annotations

import asyncio
import gzip
import socket
import tracemalloc
from decimal import Decimal

import pytest
from aiohttp import web

from selaras.connectors.contract import Ambiguous, Transient
from tests.connectors.kit_servers import WARM, both, calling, nobody, served, spoken, whole_request

# -- answers ----------------------------------------------------------------------------------------------------


async def test_an_answer_has_lower_case_headers_exact_numbers_and_its_body() -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.headers["User-Agent"].startswith("Selaras/")
        return web.Response(
            body=b'{"total": 10.10, "id": 9007199254740993}',
            headers=[("X-Total", "7"), ("Link", "<a>"), ("Link", "<b>")],
        )

    async with served(handler) as url, calling(url) as http:
        answer = await http.request("GET", "/orders", effect=False)
    assert answer.status == 200
    assert answer.headers["x-total"] == "7"
    assert answer.headers["link"] == "<a>, <b>"
    assert answer.json() == {"total": Decimal("10.10"), "id": 9007199254740993}


async def test_path_and_query_arrive_as_written() -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.raw_path)
        return web.Response()

    async with served(handler) as url, calling(url + "/api/v1/") as http:
        query = {"q": "x&y=z é+", "n": 3, "on": True, "no": None}
        await http.request("GET", "/a b/é", params=query, effect=False)
        await http.request("GET", "/next?page=2&c=%2B", params=[("k", "1"), ("k", "2")], effect=False)
        await http.request("GET", "", effect=False)
    assert seen == [
        "/api/v1/a%20b/%C3%A9?q=x%26y%3Dz%20%C3%A9%2B&n=3&on=true",
        "/api/v1/next?page=2&c=%2B&k=1&k=2",
        "/api/v1",
    ]


@pytest.mark.parametrize("path", ["/../admin", "/a/../b", "/a/%2e%2E/b", "/a/..", "/./a", "orders", "@evil.example/"])
async def test_a_path_cannot_leave_the_base(path: str) -> None:
    async with calling("https://shop.example/api") as http:
        with pytest.raises(ValueError, match="path"):
            await http.request("GET", path, effect=False)


async def test_other_refusals_come_back_for_the_connector_to_read() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=int(request.path[1:]), body=b"why")

    async with served(handler) as url, calling(url) as http:
        for status in (400, 403, 404, 409, 412, 417, 422, 451):
            answer = await http.request("POST", f"/{status}", body=b"{}", effect=True)
            assert (answer.status, answer.body) == (status, b"why")
        proper = await http.request("POST", "/500", body=b"{}", effect=True, answers={500})
        assert proper.status == 500


async def test_gzip_is_understood_and_counts_as_large_as_it_is() -> None:
    async def handler(request: web.Request) -> web.Response:
        body = gzip.compress(b"0" * (4 << 20)) if request.path == "/bomb" else gzip.compress(b'{"a":1}')
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    async with served(handler) as url, calling(url, max_body=1 << 20) as http:
        assert (await http.request("GET", "/x", effect=False)).json() == {"a": 1}
        with pytest.raises(Transient) as caught:
            await http.request("GET", "/bomb", effect=False)
        assert caught.value.code == "too_large"


async def test_an_unreadable_answer_to_a_write_is_ambiguous_and_to_a_read_transient() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=int(request.query.get("s", "200")), text="<html>maintenance</html>")

    async with served(handler) as url, calling(url) as http:
        with pytest.raises(Transient):
            (await http.request("GET", "/x", effect=False)).json()
        with pytest.raises(Ambiguous):
            (await http.request("POST", "/x", body=b"{}", effect=True)).json()
        with pytest.raises(Transient):
            (await http.request("POST", "/x", params={"s": 400}, body=b"{}", effect=True)).json()


# -- trouble ----------------------------------------------------------------------------------------------------


async def test_refused_means_nothing_happened() -> None:
    read, write = await both(nobody())
    assert type(read) is Transient
    assert type(write) is Transient
    assert write.code == "connect"


async def test_an_unknown_name_means_nothing_happened() -> None:
    read, write = await both("https://no-such-host.invalid", timeout=8.0)
    assert type(read) is Transient
    assert type(write) is Transient


async def test_a_failed_tls_handshake_means_nothing_happened() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with spoken(plain) as url:
        read, write = await both(url.replace("http://", "https://"))
    assert type(read) is Transient
    assert type(write) is Transient
    assert write.code == "tls"


async def test_silence_is_ambiguous_for_a_write() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path != WARM:
            await asyncio.Event().wait()
        return web.Response()

    async with served(handler) as url:
        read, write = await both(url, warm=True, timeout=0.2)
    assert type(read) is Transient
    assert type(write) is Ambiguous
    assert write.code == "timeout"


async def test_an_answer_that_drips_too_slowly_is_given_up() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await whole_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await whole_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with spoken(drip) as url:
        read, write = await both(url, warm=True, timeout=0.3)
    assert type(read) is Transient
    assert type(write) is Ambiguous


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"SMTP 220 hello\r\n\r\n",
    ],
    ids=["nothing", "in the head", "in the body", "in a chunk", "bad gzip", "not http"],
)
async def test_an_answer_that_breaks_off_is_ambiguous_for_a_write(answer: bytes) -> None:
    requests = 0

    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await whole_request(reader)
        requests += 1
        writer.write(answer)
        await writer.drain()

    async with spoken(broken) as url, calling(url) as http:
        with pytest.raises(Transient):
            await http.request("GET", "/x", effect=False)
        requests = 0
        for method in ("POST", "PUT", "DELETE", "GET"):
            with pytest.raises(Ambiguous):
                await http.request(method, "/x", body=b"{}", effect=True)
        assert requests == 4


async def test_a_reset_while_the_body_is_sent_is_ambiguous() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        writer.transport.abort()

    async with spoken(reset) as url, calling(url) as http:
        with pytest.raises(Ambiguous):
            await http.request("POST", "/x", body=b"x" * (8 << 20), effect=True)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "GET"])
async def test_a_write_on_a_dead_kept_connection_is_ambiguous_and_is_sent_once(method: str) -> None:
    """The first request of each connection is answered, the second is read and met with silence and a close."""
    got, read = list[bytes](), asyncio.Event()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await whole_request(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        got.append(await whole_request(reader))
        read.set()

    async with spoken(once) as url, calling(url) as http:
        await http.request("GET", "/warm", effect=False)
        with pytest.raises(Ambiguous):
            await http.request(method, "/write", body=b"{}", effect=True)
        await asyncio.wait_for(read.wait(), 60)
    assert sum(b" /write " in request for request in got) == 1
    assert len(got) == 2


async def test_a_read_on_a_dead_kept_connection_is_repeated_by_the_library() -> None:
    connections = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await whole_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        await whole_request(reader)

    async with spoken(once) as url, calling(url) as http:
        await http.request("GET", "/1", effect=False)
        assert (await http.request("GET", "/2", effect=False)).body == b"ok"
    assert connections == 2


async def test_a_body_beyond_the_limit_is_not_read() -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await whole_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        block = b"10000\r\n" + b"0" * 65536 + b"\r\n"
        sent = 0
        while sent < 300 << 20:
            writer.write(block)
            await writer.drain()
            sent += 65536

    async with spoken(flood) as url, calling(url, max_body=8 << 20) as http:
        tracemalloc.start()
        with pytest.raises(Ambiguous) as caught:
            await http.request("POST", "/x", body=b"{}", effect=True)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert caught.value.code == "too_large"
        assert peak < 24 << 20
        await asyncio.sleep(0.05)
        assert sent < 64 << 20
        with pytest.raises(Transient):
            await http.request("GET", "/x", effect=False)


async def test_a_declared_size_beyond_the_limit_is_refused_at_once() -> None:
    async def boast(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await whole_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 314572800\r\n\r\n0000")
        await writer.drain()
        await reader.read()  # until the caller has hung up

    async with spoken(boast) as url:
        read, write = await both(url)
    assert isinstance(read, Transient)
    assert read.code == "too_large"
    assert isinstance(write, Ambiguous)


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 520])
async def test_server_errors_are_ambiguous_for_writes_and_transient_for_reads(status: int) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, text="oops")

    async with served(handler) as url:
        read, write = await both(url)
    assert type(read) is Transient
    assert type(write) is Ambiguous
    assert write.status == status
