"""The webhook route: authenticated, durable before it is answered, bounded, and never in the way."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from selaras.ledger.errors import DiskFull
from selaras.web.intake import LIMIT
from tests.web.stage import Stage, a_stage, delivery


def body(number: int = 1, **more: object) -> bytes:
    return json.dumps({"id": number, **more}).encode()


async def test_a_signed_delivery_is_durable_when_it_is_answered(stage: Stage) -> None:
    assert await stage.hook(body(7)) == 200
    assert list(await stage.hints()) == ["7"]
    assert stage.app.intake.tallies["toko"].accepted == 1


async def test_the_same_delivery_again_is_looked_at_again(stage: Stage) -> None:
    """A delivery's id says nothing about how new the state behind it is."""
    headers = delivery(body(7))
    first, second = await stage.hook(body(7), headers), await stage.hook(body(7), headers)
    assert (first, second) == (200, 200)
    assert await stage.hints() == {"7": 1}


@pytest.mark.parametrize(
    "headers",
    [
        dict,
        lambda: {"X-Time": "1"},
        lambda: delivery(body(8)),
        lambda: delivery(body(7), secret="another secret"),
        lambda: delivery(body(7), at=time.time() - 3600),
        lambda: delivery(body(7), at=time.time() + 3600),
    ],
    ids=["unsigned", "half", "of another body", "of another secret", "replayed an hour later", "from the future"],
)
async def test_what_is_not_from_the_store_is_refused_and_counted(
    stage: Stage, headers: Callable[[], dict[str, str]]
) -> None:
    assert await stage.hook(body(7), headers()) == 401
    assert await stage.hints() == {}
    assert stage.app.intake.tallies["toko"].refused == 1


async def test_a_flood_of_refusals_is_one_event(stage: Stage) -> None:
    for _ in range(5):
        assert await stage.hook(body(1), {}) == 401
    events: list[dict[str, str]] = []
    async with asyncio.timeout(120):
        while not events:
            stage.app.context.changed()
            _status, events = await stage.api("/events")
    assert [event["code"] for event in events] == ["webhook_refused"]
    assert "toko" in events[0]["message"]


async def test_a_refusal_says_what_is_wrong_in_one_sentence(stage: Stage) -> None:
    async with stage.http.post(f"{stage.url}/webhooks/toko", data=b"{}") as answer:
        assert answer.status == 401
        assert await answer.text() == "The signature of this delivery is missing, wrong or too old.\n"


async def test_the_unsigned_ping_of_a_store_is_welcome_and_means_nothing(stage: Stage) -> None:
    assert await stage.hook(b"webhook_id=17", {}) == 200
    assert await stage.hints() == {}


async def test_other_addresses_and_methods(stage: Stage) -> None:
    assert await stage.hook(body(), name="nobody") == 404
    assert await stage.hook(body(), name="buku") == 404  # has no webhooks
    assert await stage.hook(body(), name="toko/more") == 404
    async with stage.http.get(f"{stage.url}/webhooks/toko") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_exactly_one_mebibyte_is_taken_and_one_byte_more_is_not(stage: Stage) -> None:
    empty = body(1, filler="")
    fitting = body(1, filler="x" * (LIMIT - len(empty)))
    assert len(fitting) == LIMIT
    assert await stage.hook(fitting) == 200
    async with stage.http.post(f"{stage.url}/webhooks/toko", data=fitting + b" ") as answer:
        assert answer.status == 413
        assert await answer.text() == "The delivery is larger than 1 MiB.\n"


@pytest.mark.parametrize("head", ["Content-Length: 314572800", "Transfer-Encoding: chunked"])
async def test_300_megabytes_are_cut_off_early(stage: Stage, head: str) -> None:
    """The line is cut long before the end, whether the size was announced or not."""
    host, port = stage.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST /webhooks/toko HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
    chunk, sent = b"x" * 65536, 0
    frame = chunk if "Length" in head else b"10000\r\n" + chunk + b"\r\n"
    try:
        while sent < 300 << 20:
            writer.write(frame)
            async with asyncio.timeout(10):
                await writer.drain()
            sent += len(chunk)
            if reader.at_eof():
                break
    except (ConnectionError, TimeoutError):
        pass
    writer.close()
    assert sent < 32 << 20, f"{sent >> 20} MiB were taken"
    assert await stage.hook(body(1)) == 200


async def test_a_head_without_an_end_is_cut_off(stage: Stage) -> None:
    host, port = stage.url.removeprefix("http://").split(":")
    _reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /webhooks/toko HTTP/1.1\r\nX-Long: ")
    sent = 0
    try:
        while sent < 64 << 20:
            writer.write(b"x" * 65536)
            async with asyncio.timeout(10):
                await writer.drain()
            sent += 65536
    except (ConnectionError, TimeoutError):
        pass
    writer.close()
    assert sent < 32 << 20, f"{sent >> 20} MiB of header were taken"


async def test_a_full_disk_is_answered_so_that_the_sender_repeats(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise DiskFull("The disk is full.")

    monkeypatch.setattr(stage.hub.desk, "hint", full)
    async with stage.http.post(f"{stage.url}/webhooks/toko", data=body(1), headers=delivery(body(1))) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
    monkeypatch.undo()
    assert await stage.hook(body(1)) == 200


async def test_a_connectors_defect_costs_one_delivery_and_nothing_else(stage: Stage) -> None:
    assert await stage.hook(body(1, defect=True)) == 500
    assert await stage.hook(body(2)) == 200
    assert stage.app.intake.tallies["toko"].failed == 1
    assert list(await stage.hints()) == ["2"]


async def test_twenty_senders_at_once_lose_nothing_and_wake_the_reader_a_few_times(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setattr(stage.app.intake, "_wake", woken.append)

    async def sender(start: int) -> list[int]:
        return [await stage.hook(body(number)) for number in range(start, start + 25)]

    answers = await asyncio.gather(*(sender(n * 25) for n in range(20)))
    assert {status for group in answers for status in group} == {200}
    assert set(await stage.hints()) == {str(n) for n in range(500)}
    await asyncio.sleep(0.05)
    assert 1 <= len(woken) < 500
    assert set(woken) == {"toko"}


@pytest.mark.parametrize("begun", [b"", b"POST /webhooks/toko HTTP/1.1\r\nHost: x\r\nContent-Le"])
async def test_a_line_on_which_nothing_is_asked_is_closed(tmp_path: Path, begun: bytes) -> None:
    async with a_stage(tmp_path, patience=0.4) as stage:
        host, port = stage.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(begun)
        async with asyncio.timeout(120):
            assert await reader.read() == b""
        writer.close()
