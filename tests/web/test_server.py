"""The whole process: what it promised is there after kill -9, and SIGTERM ends it in order."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from selaras.ledger.database import read_holder
from selaras.ledger.errors import LedgerError
from selaras.sync.installation import open_installation
from selaras.web.server import CannotListen, run_server
from tests.web.stage import SECRET


def delivery(number: int) -> tuple[bytes, dict[str, str]]:
    """A delivery as the sandbox store signs it."""
    body, stamp = b'{"topic": "order.created", "id": %d}' % number, str(int(time.time()))
    digest = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).digest()
    return body, {"X-Store-Timestamp": stamp, "X-Store-Signature": base64.b64encode(digest).decode()}


@contextlib.contextmanager
def process(data: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.web.served", str(data)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    try:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        if not url:
            child.wait(10)
            assert child.stderr is not None
            pytest.fail(child.stderr.read())
        yield child, url
    finally:
        child.kill()
        child.communicate()


async def test_what_was_answered_with_200_is_there_after_kill_9(tmp_path: Path) -> None:
    with process(tmp_path / "data") as (child, url):
        answered: set[str] = set()

        async def send(start: int, http: aiohttp.ClientSession) -> None:
            with contextlib.suppress(aiohttp.ClientError):
                for number in range(start, start + 1000):
                    body, headers = delivery(number)
                    async with http.post(f"{url}/webhooks/toko", data=body, headers=headers) as answer:
                        assert answer.status == 200
                        answered.add(str(number))
                        if len(answered) == 200:
                            child.send_signal(signal.SIGKILL)

        async with aiohttp.ClientSession() as http:
            await asyncio.gather(*(send(n * 1000, http) for n in range(20)))
        child.wait(120)
    assert len(answered) >= 200
    assert read_holder(tmp_path / "data") == {}
    ledger = open_installation(tmp_path / "data")
    kept = {row[0] for row in ledger.db.rows("SELECT id FROM hint WHERE connection = 'toko' AND kind = 'order'")}
    ledger.close()
    assert answered <= kept


async def test_sigterm_ends_it_in_order(tmp_path: Path) -> None:
    with process(tmp_path / "data") as (child, url):
        holder = read_holder(tmp_path / "data")
        assert holder == {"pid": child.pid, "url": url}
        async with aiohttp.ClientSession() as http:
            token = (tmp_path / "data" / "token").read_text().strip()
            headers = {"Authorization": f"Bearer {token}"}
            async with http.get(f"{url}/api/v1/status", headers=headers) as answer:
                assert answer.status == 200
        child.send_signal(signal.SIGTERM)
        out, err = await asyncio.to_thread(child.communicate, timeout=120)
        assert (child.returncode, out) == (0, "stopped\n")
        assert "/setup?code=" in err
        assert "Traceback" not in err
    open_installation(tmp_path / "data").close()


async def test_a_taken_port_is_one_sentence_and_the_ledger_is_closed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ledger = open_installation(tmp_path)
        with pytest.raises(CannotListen, match=rf"Cannot listen on 127.0.0.1:{port}.*--port"):
            await run_server(ledger, host="127.0.0.1", port=port, data=tmp_path)
    with pytest.raises(LedgerError, match="closed"):
        ledger.pending()
    open_installation(tmp_path).close()


async def test_pages_without_sign_in_are_for_this_machine_only(tmp_path: Path) -> None:
    with pytest.raises(CannotListen, match="this machine only"):
        await run_server(open_installation(tmp_path), host="0.0.0.0", port=0, data=tmp_path, open_read=True)


async def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    stop, told, links = asyncio.Event(), asyncio.Queue[str](), list[str]()
    task = asyncio.create_task(
        run_server(
            open_installation(tmp_path), host="127.0.0.1", port=0, data=tmp_path, ready=told.put_nowait, stop=stop,
            welcome=links.append, shown={"demo": {"acts": []}},
        )
    )  # fmt: skip
    url = await asyncio.wait_for(told.get(), 120)
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{url}/healthz") as answer:
            assert answer.status == 200
        assert links[0].startswith(f"{url}/setup?code=")
        async with http.get(links[0]) as answer:
            assert 'name="again"' in await answer.text()
    stop.set()
    await asyncio.wait_for(task, 120)
